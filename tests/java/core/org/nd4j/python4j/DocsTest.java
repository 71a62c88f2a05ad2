// SPDX-License-Identifier: Apache-2.0
// The programs of docs/: each java block compiles, runs, and prints what the text block after it says.
package org.nd4j.python4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

class DocsTest {

    /** Statements, and perhaps what they print. */
    private static final Pattern BLOCK = Pattern.compile("```java\\n(.*?)```(?:\\n```text\\n(.*?)```)?", Pattern.DOTALL);

    /** Beside tests/pack, wherever the build put the checkout. */
    private static final Path DOCS = Paths.get(System.getProperty("python4j.tests.pack"), "../../docs").normalize();

    /** Python's own messages, which users see through ours. */
    private static final List<String> OF_OTHERS =
            List.of("ModuleNotFoundError: No module named", "SomeError: text", "GLIBC_");

    @TempDir
    static Path folder;

    private static final class Program {
        String name;
        String statements;
        String prints;
    }

    @TestFactory
    Stream<DynamicTest> everyProgramOfTheDocumentationRuns() throws IOException {
        List<Program> programs = new ArrayList<>();
        try (DirectoryStream<Path> pages = Files.newDirectoryStream(DOCS, "*.md")) {
            for (Path page : pages) {
                programs.addAll(programs(page));
            }
        }
        programs.addAll(programs(DOCS.resolveSibling("SECURITY.md")));
        assertTrue(programs.size() >= 10, programs.size() + " programs");
        compile(programs);
        return programs.stream().map(program -> DynamicTest.dynamicTest(program.name, () -> run(program)));
    }

    /** What differs from case to case is {@code ...} there, and anything in the source. */
    @Test
    void everyMessageOfTroubleshootingIsInTheSource() throws IOException {
        StringBuilder source = new StringBuilder();
        for (String folder : new String[] {"java/core/src/main/java", "java/pool/src/main/java", "java/numpy/src/main/java", "java/arrow/src/main/java",
            "java/spring-boot-starter/src/main/java", "java/packages/src/main/java", "rust"}) {
            try (Stream<Path> files = Files.walk(DOCS.resolveSibling(folder))) {
                for (Path file : files.filter(Files::isRegularFile).toArray(Path[]::new)) {
                    source.append(Files.readString(file));
                }
            }
        }
        // Texts that go over several literals or lines become one; what is put between them becomes a mark.
        String texts = source.toString().replaceAll("\"\\s*\\+\\s*\"|\\\\\\n\\s*", "").replace("\\\"", "\"");
        List<String> unknown = new ArrayList<>();
        int known = 0;
        for (String line : Files.readAllLines(DOCS.resolve("troubleshooting.md"))) {
            if (line.startsWith("## No message")) {
                break;
            }
            Matcher messages = Pattern.compile("`([^`]+)`").matcher(line.startsWith("| `") ? line.split(" \\| ")[0] : "");
            while (messages.find()) {
                for (String part : messages.group(1).split("\\.\\.\\.")) {
                    known++;
                    if (!texts.contains(part.trim()) && !OF_OTHERS.contains(part.trim())) {
                        unknown.add(part);
                    }
                }
            }
        }
        assertEquals(List.of(), unknown);
        assertTrue(known > 80, known + " messages");
    }

    @Test
    void javadocLinksToTheTermsOfTheGlossary() throws IOException {
        Set<String> terms = matches("<a id=\"([a-z-]+)\">", Files.readString(DOCS.resolve("glossary.md")));
        Set<String> linked = new TreeSet<>();
        try (DirectoryStream<Path> files = Files.newDirectoryStream(DOCS.resolveSibling("java/core/src/main/java/org/nd4j/python4j"), "*.java")) {
            for (Path file : files) {
                linked.addAll(matches("docs/glossary\\.md#([a-z-]+)\"", Files.readString(file)));
            }
        }
        assertTrue(terms.containsAll(linked), linked + " of " + terms);
        assertTrue(linked.containsAll(List.of("turn", "block", "frame", "context", "handle", "exposure", "reference", "proxy")), linked.toString());
    }

    @Test
    void everyTableHasRows() throws IOException {
        try (DirectoryStream<Path> pages = Files.newDirectoryStream(DOCS, "*.md")) {
            for (Path page : pages) {
                assertEquals(Set.of(), matches("(?m)(^.*\\n)\\|[ |:-]+\\|\\n(?!\\|)", Files.readString(page)), page.toString());
            }
        }
    }

    private static Set<String> matches(String pattern, String text) {
        return Pattern.compile(pattern).matcher(text).results().map(match -> match.group(1)).collect(Collectors.toCollection(TreeSet::new));
    }

    private static List<Program> programs(Path page) throws IOException {
        List<Program> programs = new ArrayList<>();
        Matcher blocks = BLOCK.matcher(Files.readString(page));
        while (blocks.find()) {
            // Pages of other modules show what needs more than the core on the class path.
            String text = blocks.group(1);
            if (text.contains("import ") && (text.contains("nd4j.linalg") || text.contains("python4j.pool") || text.contains("python4j.spring")) || text.contains("PythonArrow")) {
                continue;
            }
            Program program = new Program();
            program.name = page.getFileName().toString().replace(".md", "").replaceAll("\\W", "_") + "_" + (programs.size() + 1);
            program.statements = text;
            program.prints = blocks.group(2);
            programs.add(program);
        }
        return programs;
    }

    /** What the index says is imported. */
    private static String imports() throws IOException {
        String index = Files.readString(DOCS.resolve("README.md"));
        return matches("`([a-z0-9.]+\\.\\*)`", index).stream().map(each -> "import " + each + ";\n").collect(Collectors.joining());
    }

    private static void compile(List<Program> programs) throws IOException {
        List<String> arguments = new ArrayList<>(List.of("-proc:none", "-nowarn", "-d", folder.toString(),
                "-cp", System.getProperty("python4j.tests.classpath")));
        for (Program program : programs) {
            Path source = folder.resolve(program.name + ".java");
            Files.writeString(source, imports() + "\npublic class " + program.name
                    + " {\n    public static void main(String[] args) throws Exception {\n" + program.statements + "    }\n}\n");
            arguments.add(source.toString());
        }
        ByteArrayOutputStream errors = new ByteArrayOutputStream();
        int status = Compiled.compile(errors, arguments.toArray(new String[0]));
        assertEquals(0, status, () -> errors.toString(StandardCharsets.UTF_8));
    }

    private static void run(Program program) throws Exception {
        assumeFalse(File.separatorChar == '\\' && program.statements.contains("PythonBuffer.shared("), "Windows has no shared memory for it");
        ProcessBuilder command = new ProcessBuilder(Paths.get(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xcheck:jni", "-cp", folder + File.pathSeparator + System.getProperty("python4j.tests.classpath"), program.name);
        Path out = folder.resolve(program.name + ".out");
        Path err = folder.resolve(program.name + ".err");
        Process process = command.redirectOutput(out.toFile()).redirectError(err.toFile()).start();
        assertTrue(process.waitFor(Long.getLong("python4j.tests.seconds", 120), TimeUnit.SECONDS), "it ends");
        assertEquals(0, process.exitValue(), Files.readString(err));
        String printed = Files.readString(out).replace("\r\n", "\n"); // as Windows ends lines
        assertTrue(!printed.contains("WARNING in native method"), printed);
        if (program.prints != null) {
            assertEquals(program.prints, printed);
        }
    }
}
