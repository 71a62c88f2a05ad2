// SPDX-License-Identifier: Apache-2.0
// The programs of java/examples print what docs/examples.md says, measured times aside, and the page
// quotes them as they are. The build has put their packages into a virtual environment.
package org.nd4j.python4j.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

class ExamplesTest {
    /** Beside tests/pack, wherever the build put the checkout. */
    private static final Path ROOT = Path.of(System.getProperty("python4j.tests.pack"), "../..").normalize();
    private static final Pattern RUN = Pattern.compile("```sh\\n\\./gradlew (\\w+)\\n```\\n+```text\\n(.*?)```", Pattern.DOTALL);
    private static final Pattern QUOTE = Pattern.compile("~~~\\w+\\n(.*?)~~~", Pattern.DOTALL);

    /** Times, rates, and the name of a namespace that has none of its own. */
    private static final Pattern MEASURED =
            Pattern.compile("(?m)[\\d.]+(?= ms| tokens/s)|temp_\\w+|(?<=^(?:one by one|in batches|pool of 2).{0,80})[\\d.]+(?=\\s+\\S)");

    @TempDir
    static Path folder;

    @TestFactory
    Stream<DynamicTest> everyExamplePrintsWhatItsPageSays() throws IOException {
        List<DynamicTest> tests = new ArrayList<>();
        for (Matcher run = RUN.matcher(page()); run.find();) {
            String program = Character.toUpperCase(run.group(1).charAt(0)) + run.group(1).substring(1);
            String prints = run.group(2);
            tests.add(DynamicTest.dynamicTest(program, () -> assertEquals(masked(prints), masked(output(program)))));
        }
        assertEquals(4, tests.size());
        return tests.stream();
    }

    @Test
    void thePageOfTokensStreams() throws Exception {
        HttpClient client = HttpClient.newHttpClient();
        Process server = started("TokenStream", folder.resolve("TokenPage.out"), folder.resolve("TokenPage.err"), "serve", "0");
        try {
            String root = "";
            for (long late = System.nanoTime() + TimeUnit.SECONDS.toNanos(60); root.isEmpty(); Thread.sleep(10)) {
                assertTrue(server.isAlive() && System.nanoTime() < late, () -> read(folder.resolve("TokenPage.err")));
                root = Files.readString(folder.resolve("TokenPage.out")).lines().filter(line -> line.endsWith("/")).findFirst().orElse("").replaceFirst("/$", "");
            }
            String html = client.send(HttpRequest.newBuilder(URI.create(root + "/")).build(), HttpResponse.BodyHandlers.ofString()).body();
            assertTrue(html.contains("new EventSource(\"/tokens?prompt=\""), html);
            HttpRequest request = HttpRequest.newBuilder(URI.create(root + "/tokens?prompt=one%20two%20%C3%BCber")).build();
            List<Long> times = new ArrayList<>();
            List<String> lines = new ArrayList<>();
            HttpResponse<Stream<String>> response = client.send(request, HttpResponse.BodyHandlers.ofLines());
            assertEquals("text/event-stream", response.headers().firstValue("Content-Type").orElse(""));
            response.body().filter(line -> !line.isEmpty()).forEach(line -> {
                lines.add(line);
                times.add(System.nanoTime());
            });
            assertEquals(List.of("data: \u00fcber", "data: two", "data: one", "event: end", "data:"), lines);
            assertTrue(times.get(2) - times.get(0) > TimeUnit.MILLISECONDS.toNanos(20), "each as it comes");

            // A browser that goes ends the generator.
            String many = "word%20".repeat(100_000 / 7);
            HttpResponse<java.io.InputStream> left = client.send(
                    HttpRequest.newBuilder(URI.create(root + "/tokens?prompt=" + many)).build(), HttpResponse.BodyHandlers.ofInputStream());
            assertTrue(left.body().read() > 0);
            left.body().close();
            HttpRequest open = HttpRequest.newBuilder(URI.create(root + "/open")).build();
            long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
            while (!client.send(open, HttpResponse.BodyHandlers.ofString()).body().equals("0")) {
                assertTrue(System.nanoTime() < end, "the generator goes on");
                Thread.sleep(10);
            }
        } finally {
            server.destroyForcibly();
        }
    }

    @Test
    void valuesOfPandasAreExactOrRefused() throws Exception {
        String missing = "Put None in the place of pandas' missing values in Python.";
        String row = "Row[name=%s, count=%d, index=%s, at=2024-01-02T03:04:05.123456789]";
        assertEquals(String.join("\n",
                "ns: 2024-01-02T03:04:05.123456789",
                "ns.tz_localize('UTC'): 2024-01-02T03:04:05.123456789Z",
                "ns.tz_localize('Europe/Berlin'): 2024-01-02T03:04:05.123456789+01:00[Europe/Berlin]",
                "ns: ! Could not convert value to java.time.Instant: 2024-01-02 03:04:05.123456789",
                "pd.Timedelta(5, 'ns'): PT0.000000005S",
                "pd.Timestamp.max: 2262-04-11T23:47:16.854775807",
                "pd.NaT: ! Could not convert value to java.time.LocalDateTime: NaT. " + missing,
                "pd.NA: ! Could not convert value to double: <NA>. " + missing,
                "df['count']: 1 2",
                "df['count'].to_numpy(): 1 2",
                "df['at']: 2024-01-02T03:04:05.123456789 2024-01-02T03:04:05.123456789",
                "df['at'].to_numpy(): 2024-01-02T03:04:05.123456789 2024-01-02T03:04:05.123456789",
                "gap: ! value[1]: NAType <NA> is not a Long. " + missing,
                "df['name']: a b",
                "df['index']: 0.5 NaN",
                "df.iloc[0]: " + String.format(row, "a", 1, 0.5),
                "list(df.itertuples(index=False))[1]: " + String.format(row, "b", 2, Double.NaN),
                "[" + String.format(row, "a", 1, 0.5) + ", " + String.format(row, "b", 2, Double.NaN) + "]",
                "df.dtypes.to_dict(): LinkedHashMap {name=str, count=int64, index=float64, at=datetime64[ns]}", ""), output("PandasValues"));
    }

    @Test
    void tablesAreRecordsAndRecordsAreTables() throws Exception {
        assertEquals("all as it should be\n", output("TableValues"));
    }

    @Test
    void clientsOfAsyncioRunOnTheLoop() throws Exception {
        for (String loop : new String[] {"asyncio", "uvloop"}) {
            assertEquals(String.join("\n", loop, "together", "[one, two, three]", "HTTPStatusError", "[one, two, three]", "ClientResponseError",
                    "true", "cancelled", "cancelled", ""), output("HttpClients", loop));
        }
    }

    @Test
    void thePagesQuoteThePrograms() throws IOException {
        List<String> sources = new ArrayList<>();
        try (Stream<Path> files = Files.walk(ROOT.resolve("java/examples"))) {
            for (Path file : (Iterable<Path>) files.filter(file -> file.toString().matches(".*/(org|spark)/.*\\.(java|py)"))::iterator) {
                sources.add(flush(Files.readString(file)));
            }
        }
        int count = 0;
        for (Matcher quote = QUOTE.matcher(page() + Files.readString(ROOT.resolve("docs/spark.md"))); quote.find(); count++) {
            String text = quote.group(1);
            assertTrue(sources.stream().anyMatch(source -> source.contains(flush(text))), text);
        }
        assertTrue(count >= 6, count + " quotes");
    }

    private static String flush(String text) {
        return text.replaceAll("(?m)^ +", "");
    }

    private static String page() throws IOException {
        return Files.readString(ROOT.resolve("docs/examples.md"));
    }

    private static String masked(String text) {
        return MEASURED.matcher(text).replaceAll("#").replaceAll(" +", " ").replace(" \n", "\n");
    }

    private static Process started(String program, Path out, Path err, String... arguments) throws IOException {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-Xcheck:jni", "-Xmx1g",
                "-Dorg.eclipse.python4j.python=" + System.getProperty("python4j.tests.environment"),
                "-Dorg.eclipse.python4j.cache=" + System.getProperty("org.eclipse.python4j.cache"),
                "-cp", System.getProperty("python4j.tests.classpath"), "org.nd4j.python4j.examples." + program));
        command.addAll(List.of(arguments));
        return new ProcessBuilder(command).directory(folder.toFile()).redirectOutput(out.toFile()).redirectError(err.toFile()).start();
    }

    private static String output(String program, String... arguments) throws Exception {
        Path out = folder.resolve(program + ".out");
        Path err = folder.resolve(program + ".err");
        Process process = started(program, out, err, arguments);
        try {
            assertTrue(process.waitFor(5, TimeUnit.MINUTES), program + " ends");
            assertEquals(0, process.exitValue(), () -> read(err));
        } finally {
            process.destroyForcibly();
        }
        if (program.equals("SalesReport")) {
            Path picture = folder.resolve("sales-report.png");
            var image = ImageIO.read(picture.toFile());
            var shown = ImageIO.read(ROOT.resolve("docs/sales-report.png").toFile());
            assertEquals(shown.getWidth() + "x" + shown.getHeight(), image.getWidth() + "x" + image.getHeight());
            long colours = java.util.Arrays.stream(image.getRGB(0, 0, image.getWidth(), image.getHeight(), null, 0, image.getWidth()))
                    .distinct().count();
            assertTrue(colours > 20, colours + " colours");
        }
        String printed = Files.readString(out);
        assertTrue(!printed.contains("WARNING in native method"), printed);
        return printed;
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            return e.toString();
        }
    }
}
