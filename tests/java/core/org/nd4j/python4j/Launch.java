// SPDX-License-Identifier: Apache-2.0
// A program in a JVM of its own, with the class path, the properties and the environment that a test
// of finding and loading is about. ChildJvm is the simpler one for everything else.
package org.nd4j.python4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.fail;

import java.io.File;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.jar.Attributes;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;

/** Builds a command, runs it, keeps what it said. */
final class Launch {
    private static final long SECONDS = Math.max(300, Long.getLong("python4j.tests.seconds", 0));

    private final List<String> options = new ArrayList<>();
    private final List<String> program;
    private final ProcessBuilder builder = new ProcessBuilder();
    private String classPath = classPath();
    private String umask;

    private Launch(List<String> program) {
        this.program = program;
        builder.environment().keySet().removeAll(Arrays.asList("PYTHON4J_PYTHON", "VIRTUAL_ENV", "CONDA_PREFIX",
                "PYTHONPATH",
                "PYTHONHOME", "XDG_CACHE_HOME", "JAVA_TOOL_OPTIONS"));
        if (Runtime.version().feature() >= 24) {
            options.add("--enable-native-access=ALL-UNNAMED");
        }
    }

    static Launch of(Class<?> main, String... arguments) {
        return of(main.getName(), arguments);
    }

    static Launch of(String main, String... arguments) {
        List<String> program = new ArrayList<>(List.of(main));
        program.addAll(List.of(arguments));
        return new Launch(program);
    }

    /** The report as JSON: which interpreter, and whether it works. */
    static Launch report() {
        return of(PythonEnvironment.class, "--json");
    }

    static Launch jar(Path jar, String... arguments) {
        List<String> program = new ArrayList<>(List.of("-jar", jar.toString()));
        program.addAll(List.of(arguments));
        Launch launch = new Launch(program);
        launch.classPath = null;
        return launch;
    }

    /** Watches every JNI call. Reading jars is many times slower then, so not where much is unpacked. */
    Launch checked() {
        options.add("-Xcheck:jni");
        return this;
    }

    Launch with(String property, Object value) {
        options.add("-D" + property + "=" + value);
        return this;
    }

    Launch option(String option) {
        options.add(option);
        return this;
    }

    Launch environment(String name, Object value) {
        builder.environment().put(name, value.toString());
        return this;
    }

    Launch classPath(String classPath) {
        this.classPath = classPath;
        return this;
    }

    Launch python(Object choice) {
        return with("org.eclipse.python4j.python", choice);
    }

    /** Which rights new files do not have unless their maker says so. */
    Launch umask(String rights) {
        umask = rights;
        return this;
    }

    Running start() throws IOException {
        List<String> command = new ArrayList<>();
        if (umask != null) {
            command.addAll(List.of("sh", "-c", "umask " + umask + " && exec \"$@\"", "sh"));
        }
        command.addAll(List.of(Path.of(System.getProperty("java.home"), "bin",
                "java").toString()));
        command.addAll(options);
        if (classPath != null) {
            command.addAll(List.of("-cp", classPath));
        }
        command.addAll(program);
        Running running = new Running();
        running.out = Files.createTempFile("python4j", ".out");
        running.err = Files.createTempFile("python4j", ".err");
        running.process = builder.command(command)
                .redirectOutput(running.out.toFile())
                .redirectError(running.err.toFile())
                .start();
        running.process.getOutputStream().close();
        return running;
    }

    Result run() throws Exception {
        return start().join();
    }

    static final class Running {
        Process process;
        private Path out;
        private Path err;

        Result join() throws Exception {
            try {
                if (!process.waitFor(SECONDS, TimeUnit.SECONDS)) {
                    fail("still running: " + Files.readString(out) + Files.readString(err));
                }
                return new Result(process.exitValue(), Files.readString(out), Files.readString(err));
            } finally {
                process.destroyForcibly();
                Files.delete(out);
                Files.delete(err);
            }
        }
    }

    static final class Result {
        final int status;
        final String out;
        final String err;

        Result(int status, String out, String err) {
            this.status = status;
            this.out = out.replace("\r\n", "\n"); // as Windows ends lines
            // Wine lacks what the JVM of Windows asks for there.
            this.err = err.replace("\r\n", "\n").replaceAll("(?m)^OpenJDK.*get process group affinity failed.*\n", "");
        }

        Result passed() {
            assertEquals("passed", field("test"), this::toString);
            assertEquals(0, status, this::toString);
            return this;
        }

        /** Asks for a failure and gives its message. */
        String failure() {
            assertEquals(1, status, this::toString);
            return field("test");
        }

        /** The first string of that name in the JSON object. */
        String field(String name) {
            int start = out.indexOf("\"" + name + "\":\"");
            if (start < 0) {
                return fail("no " + name + " in " + this);
            }
            StringBuilder text = new StringBuilder();
            for (int i = start + name.length() + 4; out.charAt(i) != '"'; i++) {
                char c = out.charAt(i);
                if (c == '\\') {
                    c = out.charAt(++i);
                    if (c == 'u') {
                        c = (char) Integer.parseInt(out.substring(i + 1, i + 5), 16);
                        i += 4;
                    }
                }
                text.append(c);
            }
            return text.toString();
        }

        @Override
        public String toString() {
            return "status " + status + "\n--- out\n" + out + "--- err\n" + err;
        }
    }

    // ---- class paths ----

    static String classPath() {
        return System.getProperty("python4j.tests.classpath", System.getProperty("java.class.path"));
    }

    private static Stream<Path> entries() {
        return Stream.of(classPath().split(File.pathSeparator)).map(Path::of);
    }

    /** The folders and jars of the core itself, without tests and without what it depends on. */
    static List<Path> core() {
        List<Path> core = entries().filter(entry -> holds(entry, "org/nd4j/python4j/PythonEnvironment.class")
                || holds(entry, "org/nd4j/python4j/native")).collect(Collectors.toList());
        return core;
    }

    /** What the core depends on, and nothing of the tests. */
    static List<Path> libraries() {
        return entries().filter(Files::isRegularFile).filter(jar -> !core().contains(jar))
                .filter(jar -> !jar.getFileName().toString().startsWith("junit")).collect(Collectors.toList());
    }

    static String path(List<Path> entries) {
        return entries.stream().map(Path::toString).collect(Collectors.joining(File.pathSeparator));
    }

    private static boolean holds(Path entry, String name) {
        if (Files.isDirectory(entry)) {
            return Files.exists(entry.resolve(name));
        }
        try (ZipFile zip = new ZipFile(entry.toFile())) {
            return zip.getEntry(name) != null || zip.getEntry(name + "/") != null;
        } catch (IOException e) {
            return false;
        }
    }

    /** One jar of the content of many, as a build that shades makes it; without entries for folders. */
    static Path shade(Path jar, Class<?> main, List<Path> entries) throws Exception {
        List<String> arguments = new ArrayList<>(List.of(jar.toString(), main.getName()));
        entries.forEach(entry -> arguments.add(entry.toString()));
        Result result = of(Shade.class, arguments.toArray(new String[0])).run();
        assertEquals(0, result.status, result::toString);
        return jar;
    }

    /** A jar with jars in its folder lib, and with one class beside them. */
    static Path nest(Path jar, Class<?> main, List<Path> inner) throws Exception {
        List<String> arguments = new ArrayList<>(List.of(jar.toString(), main.getName(), "nested"));
        inner.forEach(entry -> arguments.add(entry.toString()));
        Result result = of(Shade.class, arguments.toArray(new String[0])).run();
        assertEquals(0, result.status, result::toString);
        return jar;
    }

    /** Folders with the content of jars, of which no file is executable. */
    static List<Path> unpack(Path folder, List<Path> jars) throws Exception {
        List<String> arguments = new ArrayList<>(List.of(folder.toString(), "", "unpacked"));
        jars.forEach(jar -> arguments.add(jar.toString()));
        Result result = of(Shade.class, arguments.toArray(new String[0])).run();
        assertEquals(0, result.status, result::toString);
        return jars.stream().map(jar -> folder.resolve(jar.getFileName())).collect(Collectors.toList());
    }

    private static void unpack(Path jar, Path folder) throws IOException {
        try (ZipFile zip = new ZipFile(jar.toFile())) {
            for (ZipEntry entry : zip.stream().filter(e -> !e.isDirectory()).collect(Collectors.toList())) {
                Path file = folder.resolve(entry.getName());
                Files.createDirectories(file.getParent());
                Files.copy(zip.getInputStream(entry), file);
            }
        }
    }

    private static void nest(Path jar, String main, List<Path> inner) throws IOException {
        try (OutputStream out = Files.newOutputStream(jar); JarOutputStream zip = new JarOutputStream(out)) {
            zip.setLevel(1);
            Set<String> seen = new LinkedHashSet<>();
            for (Path library : inner) {
                add(zip, seen, "lib/" + library.getFileName(), Files.readAllBytes(library));
            }
            String name = main.replace('.', '/') + ".class";
            add(zip, seen, name, Launch.class.getClassLoader().getResourceAsStream(name).readAllBytes());
        }
    }

    /** A program of its own, since unpacking and packing take very long in a JVM that watches its JNI calls. */
    static final class Shade {
        public static void main(String[] arguments) throws IOException {
            boolean unpacked = arguments[2].equals("unpacked");
            boolean nested = arguments[2].equals("nested");
            List<Path> entries = Stream.of(arguments).skip(nested || unpacked ? 3 : 2).map(Path::of).collect(Collectors.toList());
            if (unpacked) {
                for (Path jar : entries) {
                    unpack(jar, Path.of(arguments[0]).resolve(jar.getFileName()));
                }
            } else if (nested) {
                nest(Path.of(arguments[0]), arguments[1], entries);
            } else {
                pack(Path.of(arguments[0]), arguments[1], entries);
            }
        }
    }

    private static void pack(Path jar, String main, List<Path> entries) throws IOException {
        Manifest manifest = new Manifest();
        manifest.getMainAttributes().put(Attributes.Name.MANIFEST_VERSION, "1.0");
        manifest.getMainAttributes().put(Attributes.Name.MAIN_CLASS, main);
        Set<String> seen = new LinkedHashSet<>(List.of("META-INF/MANIFEST.MF"));
        try (OutputStream out = Files.newOutputStream(jar); JarOutputStream zip = new JarOutputStream(out, manifest)) {
            zip.setLevel(1);
            for (Path entry : entries) {
                if (Files.isDirectory(entry)) {
                    try (Stream<Path> files = Files.walk(entry)) {
                        for (Path file : files.filter(Files::isRegularFile).collect(Collectors.toList())) {
                            add(zip, seen, entry.relativize(file).toString().replace(File.separatorChar, '/'),
                                    Files.readAllBytes(file));
                        }
                    }
                } else {
                    try (ZipFile from = new ZipFile(entry.toFile())) {
                        for (ZipEntry file : from.stream().filter(e -> !e.isDirectory()).collect(Collectors.toList())) {
                            add(zip, seen, file.getName(), from.getInputStream(file).readAllBytes());
                        }
                    }
                }
            }
        }
    }

    private static void add(JarOutputStream zip, Set<String> seen, String name, byte[] content) throws IOException {
        if (seen.add(name)) {
            zip.putNextEntry(new ZipEntry(name));
            zip.write(content);
            zip.closeEntry();
        }
    }

    /** Thousands of files go in a moment, not one by one under the eyes of -Xcheck:jni. */
    static void remove(Path folder) throws Exception {
        if (!System.getProperty("os.name").startsWith("Windows")) {
            new ProcessBuilder("rm", "-rf", folder.toString()).start().waitFor();
        }
    }

    /** JUnit warns of links that lead out of its temporary folders, as those of a virtual environment do. */
    static void removeLinks(Path folder) throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.filter(Files::isSymbolicLink).collect(Collectors.toList())) {
                Files.delete(file);
            }
        }
    }

    // ---- interpreters of this machine ----

    /** A CPython of this machine that can be embedded: of that version, or of any. Null if there is none. */
    static Path installed(String version) throws Exception {
        for (Path program : pythons()) {
            Result result = report().python(program).run();
            if (result.status == 0 && result.field("python").startsWith(version)) {
                return program;
            }
        }
        return null;
    }

    private static Set<Path> pythons() throws IOException {
        Set<Path> programs = new LinkedHashSet<>();
        for (String folder : System.getenv().getOrDefault("PATH", "").split(File.pathSeparator)) {
            for (int minor = 9; minor <= 14; minor++) {
                programs.add(Path.of(folder, "python3." + minor));
            }
        }
        Path installed = Path.of(System.getenv().getOrDefault("PYENV_ROOT", System.getProperty("user.home")
                + "/.pyenv"), "versions");
        if (Files.isDirectory(installed)) {
            try (Stream<Path> versions = Files.list(installed)) {
                versions.sorted().forEach(version -> programs.add(version.resolve("bin/python3")));
            }
        }
        programs.removeIf(program -> !Files.isExecutable(program) || isScript(program));
        return programs;
    }

    private static boolean isScript(Path program) {
        try {
            return new String(Files.readAllBytes(program), 0, 2, StandardCharsets.ISO_8859_1).equals("#!");
        } catch (IOException | IndexOutOfBoundsException e) {
            return true;
        }
    }
}
