// SPDX-License-Identifier: Apache-2.0
// Uses the application as its operators and its developers do: java Probe.java <fat jar> <folder of classes> <class path of its libraries>.
import java.io.BufferedReader;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

public class Probe {

    private static final HttpClient HTTP = HttpClient.newHttpClient();

    /** The application in a JVM of its own. Its output is read as far as somebody waits for a line of it. */
    private static final class App implements AutoCloseable {
        final Process process;
        final BufferedReader output;
        final List<String> lines = new ArrayList<>();
        String port;

        App(String... command) throws IOException {
            List<String> all = new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-Xmx256m",
                    "-Dorg.eclipse.python4j.cache=" + System.getProperty("org.eclipse.python4j.cache")));
            all.addAll(List.of(command));
            process = new ProcessBuilder(all).redirectErrorStream(true).start();
            output = process.inputReader();
        }

        String await(String part) throws IOException {
            for (String line = output.readLine(); line != null; line = output.readLine()) {
                System.out.println("  " + line);
                lines.add(line);
                if (line.contains(part)) {
                    return line;
                }
            }
            throw new AssertionError("the application ended without " + part);
        }

        /** The simple name of the class loader of the application that is ready now. */
        String ready() throws IOException {
            String[] words = await("READY").split(" ");
            port = words[1];
            return words[2];
        }

        HttpRequest request(String path) {
            return HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path)).build();
        }

        String get(String path) throws Exception {
            return HTTP.send(request(path), BodyHandlers.ofString()).body();
        }

        int end() throws Exception {
            check(process.waitFor(60, TimeUnit.SECONDS), "it ends");
            return process.exitValue();
        }

        @Override
        public void close() {
            process.destroyForcibly();
        }
    }

    private static void check(boolean holds, String what) {
        if (!holds) {
            throw new AssertionError(what);
        }
        System.out.println("holds: " + what.lines().findFirst().orElse(""));
    }

    public static void main(String[] arguments) throws Exception {
        Thread watch = new Thread(() -> {
            try {
                Thread.sleep(TimeUnit.MINUTES.toMillis(3));
                System.out.println("still running after 3 minutes");
                ProcessHandle.current().descendants().forEach(ProcessHandle::destroyForcibly);
                Runtime.getRuntime().halt(1);
            } catch (InterruptedException e) {
                return;
            }
        });
        watch.setDaemon(true);
        watch.start();
        fatJar(arguments[0]);
        failingWarmUp(arguments[0]);
        devTools(Path.of(arguments[1]), arguments[2]);
        System.out.println("all holds");
    }

    private static void fatJar(String jar) throws Exception {
        try (App app = new App("-jar", jar)) {
            app.ready();
            check(app.lines.stream().anyMatch(line -> line.contains("python.stdout") && line.endsWith("model ready")), "what Python prints is logged");
            check(app.get("/score?row=2,3").equals("{\"score\":2.5,\"starts\":1}"), "a request reaches the model");
            check(app.get("/pool").equals("120"), "a request reaches a worker");
            String scrape = app.get("/actuator/prometheus");
            check(scrape.contains("python4j_calls_seconds_count{call=\"predict\"} 1"), "calls are counted\n" + scrape);
            check(scrape.contains("python4j_pool_workers{pool=\"pythonPool\"} 1.0"), "the pool is shown\n" + scrape);

            CompletableFuture<HttpResponse<String>> slow = HTTP.sendAsync(app.request("/sleep?seconds=1.5"), BodyHandlers.ofString());
            String health = app.get("/actuator/health/python");
            while (!health.contains("\"holder\"") && !slow.isDone()) {
                health = app.get("/actuator/health/python");
            }
            check(health.contains("\"holder\"") && health.contains("\"status\":\"UP\""), "health tells who has the turn\n" + health);
            app.process.destroy(); // as an orchestrator does
            check(slow.get(30, TimeUnit.SECONDS).body().equals("slept"), "a call in progress finishes");
            check(app.end() == 143, "it ends by the signal");
        }
    }

    private static void failingWarmUp(String jar) throws Exception {
        try (App app = new App("-jar", jar, "--python4j.warm-up.imports=no_such_module")) {
            app.await("APPLICATION FAILED TO START");
            app.await("The module 'no_such_module' of 'python4j.warm-up.imports' could not be imported: ModuleNotFoundError: No module named 'no_such_module'");
            app.await("Action:");
            check(app.end() == 1, "a warm-up that fails fails the start");
        }
    }

    /** From folders of classes, as an IDE and the plugins run it: then DevTools puts the application into a class loader of its own. */
    private static void devTools(Path classes, String libraries) throws Exception {
        try (App app = new App("-cp", classes + System.getProperty("path.separator") + libraries, "consumer.Application")) {
            check(app.ready().equals("RestartClassLoader"), "DevTools runs the application");
            check(app.get("/score?row=2,3").contains("\"starts\":1"), "the first start works");
            Files.writeString(classes.resolve("restart.txt"), "now");
            check(app.ready().equals("RestartClassLoader"), "DevTools restarts it");
            check(app.get("/score?row=4,6").equals("{\"score\":5.0,\"starts\":2}"), "the second start works, with the same Python");
            check(app.get("/pool").equals("120"), "it has a new pool");
        }
    }
}
