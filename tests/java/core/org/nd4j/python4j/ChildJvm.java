// SPDX-License-Identifier: Apache-2.0
// A JVM of its own for what this one cannot take or must not have seen yet: other system
// properties, exits, the first use of Python. What runs there is in ChildMains.
package org.nd4j.python4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.fail;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** Starts one of {@link ChildMains}' programs in a new JVM and keeps what it said. */
final class ChildJvm {
    /** How long a child may take; the slowest needs a tenth of it. An emulated machine may need more than all of it. */
    private static final long SECONDS = Long.getLong("python4j.tests.seconds", 60);

    final int status;
    final String out;
    final String err;

    private ChildJvm(int status, String out, String err) {
        this.status = status;
        this.out = out.replace("\r\n", "\n"); // as Windows ends lines
        this.err = err.replace("\r\n", "\n");
    }

    /** Runs a program with more JVM options, {@code -D} and the like. */
    static ChildJvm run(String program, String... options) throws Exception {
        return run(program, Map.of(), options);
    }

    /** Runs a program and asks for its success; what it printed, without the last line end. */
    static String output(String program, String... options) throws Exception {
        ChildJvm child = run(program, options);
        assertEquals(0, child.status, child::toString);
        return child.out.strip();
    }

    /** Runs a program with another class path than the tests'. */
    static ChildJvm runOn(String classPath, String program) throws Exception {
        return run(Map.of(), command(classPath, program));
    }

    /** Runs a program with more in its environment. */
    static ChildJvm run(String program, Map<String, String> environment, String... options) throws Exception {
        return run(environment, command(classPath(), program, options));
    }

    private static String classPath() {
        return System.getProperty("python4j.tests.classpath", System.getProperty("java.class.path"));
    }

    /** Runs a program that reads from something which Java cannot open itself, a folder say. */
    static ChildJvm readingFrom(String input, String program) throws Exception {
        List<String> command = new ArrayList<>(List.of("sh", "-c", "exec \"$@\" < " + input, "sh"));
        command.addAll(command(classPath(), program));
        return run(Map.of(), command);
    }

    private static ChildJvm run(Map<String, String> environment, List<String> command) throws Exception {
        Path out = Files.createTempFile("python4j-child", ".out");
        Path err = Files.createTempFile("python4j-child", ".err");
        ProcessBuilder builder = new ProcessBuilder(command)
                .redirectInput(ProcessBuilder.Redirect.from(nothing()))
                .redirectOutput(out.toFile())
                .redirectError(err.toFile());
        builder.environment().putAll(environment);
        Process process = builder.start();
        try {
            if (!process.waitFor(SECONDS, TimeUnit.SECONDS)) {
                fail(command + " still runs after " + SECONDS + " s\n" + stacks(process) + read(out) + read(err));
            }
            return new ChildJvm(process.exitValue(), read(out), read(err));
        } finally {
            process.destroyForcibly();
            Files.delete(out);
            Files.delete(err);
        }
    }

    private static List<String> command(String classPath, String program, String... options) {
        List<String> command = new ArrayList<>();
        command.add(home("java"));
        if (Runtime.version().feature() >= 24) {
            command.add("--enable-native-access=ALL-UNNAMED");
        }
        for (String option : ManagementFactory.getRuntimeMXBean().getInputArguments()) {
            if (option.startsWith("-Dorg.eclipse.python4j.")) {
                command.add(option); // the interpreter that this run is about
            }
        }
        command.addAll(Arrays.asList(options));
        command.addAll(Arrays.asList("-cp", classPath, ChildMains.class.getName(), program));
        return command;
    }

    private static String home(String tool) {
        return Path.of(System.getProperty("java.home"), "bin", tool).toString();
    }

    private static java.io.File nothing() {
        return new java.io.File(System.getProperty("os.name").startsWith("Windows") ? "NUL" : "/dev/null");
    }

    private static String read(Path file) throws IOException {
        return new String(Files.readAllBytes(file), StandardCharsets.UTF_8);
    }

    /** Where a child that hangs stands. */
    private static String stacks(Process process) throws Exception {
        try {
            Process jstack = new ProcessBuilder(home("jstack"), Long.toString(process.pid()))
                    .redirectErrorStream(true)
                    .start();
            jstack.getOutputStream().close();
            return new String(jstack.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            return e + "\n"; // a run-time environment has no jstack
        }
    }

    @Override
    public String toString() {
        return "status " + status + "\n--- out\n" + out + "--- err\n" + err;
    }
}
