// SPDX-License-Identifier: Apache-2.0
// Starts the programs of the torture suite in JVMs of their own, sends them signals, and says how
// they ended. A hanging one leaves its stacks.
package org.nd4j.python4j;

import java.io.File;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** A JVM that runs one of the suite's programs. */
final class Child {
    final String name;
    int status = -1;
    String output = "";
    double seconds;
    /** How long it lived after its last signal, or after it said {@code exiting}. */
    double ending;
    private final List<String> prefix = new ArrayList<>();
    private final List<String> options = new ArrayList<>();
    private final List<String> signals = new ArrayList<>();
    private final List<String> arguments;
    private String home = System.getProperty("java.home");
    private String before = "";
    private boolean bare;
    private int limit = 120;

    /** A program: the class and its arguments. */
    Child(Class<?> program, Object... arguments) {
        this.name = program.getSimpleName();
        this.arguments = new ArrayList<>();
        this.arguments.add(program.getName());
        for (Object argument : arguments) {
            this.arguments.add(argument.toString());
        }
    }

    /** Options of the JVM. */
    Child with(String... more) {
        options.addAll(Arrays.asList(more));
        return this;
    }

    /** A command that runs the JVM. */
    Child under(String... command) {
        prefix.addAll(Arrays.asList(command));
        return this;
    }

    /** Another JDK than this one. */
    Child on(String javaHome) {
        home = javaHome;
        return this;
    }

    /** What comes first in the class path, or nothing. */
    Child before(String path) {
        before = path == null || path.isEmpty() ? "" : path + File.pathSeparator;
        return this;
    }

    /** Nothing in the environment. */
    Child bare() {
        bare = true;
        return this;
    }

    /** A signal to send when the program says {@code ready}, the next one when it says so again. */
    Child signal(String signal) {
        signals.add(signal);
        return this;
    }

    /** How long it may take. */
    Child within(int seconds) {
        limit = seconds;
        return this;
    }

    /** Runs it to its end. */
    Child run() throws IOException, InterruptedException {
        Path log = Files.createTempFile("python4j-torture", ".log");
        List<String> command = new ArrayList<>(prefix);
        command.add(Path.of(home, "bin", "java").toString());
        command.add("-XX:+IgnoreUnrecognizedVMOptions"); // JDK 17 does not know the next one
        command.add("--enable-native-access=ALL-UNNAMED");
        for (String option : ManagementFactory.getRuntimeMXBean().getInputArguments()) {
            if (option.startsWith("-Dorg.eclipse.python4j.") || option.startsWith("-Dtorture.")) {
                command.add(option); // the interpreter that this run is about
            }
        }
        command.addAll(options);
        command.addAll(Arrays.asList("-cp", before + System.getProperty("java.class.path")));
        command.addAll(arguments);
        ProcessBuilder builder = new ProcessBuilder(command)
                .redirectInput(ProcessBuilder.Redirect.from(new File("/dev/null")))
                .redirectErrorStream(true)
                .redirectOutput(log.toFile());
        builder.environment().put("RUST_BACKTRACE", "0");
        if (bare) {
            builder.environment().clear();
        }
        long start = System.nanoTime();
        Process process = builder.start();
        try {
            long ended = start;
            int times = 0;
            for (String signal : signals) {
                if (await(process, log, "ready", ++times)) {
                    Thread.sleep(200);
                    new ProcessBuilder("kill", "-" + signal, Long.toString(process.pid())).start().waitFor();
                    ended = System.nanoTime();
                }
            }
            if (signals.isEmpty() && await(process, log, "exiting", 1)) {
                ended = System.nanoTime();
            }
            if (process.waitFor(limit, TimeUnit.SECONDS)) {
                status = process.exitValue();
            } else {
                output = "HANGS\n";
                stacks(process);
            }
            ending = (System.nanoTime() - ended) / 1e9;
            seconds = (System.nanoTime() - start) / 1e9;
            output += new String(Files.readAllBytes(log), StandardCharsets.UTF_8);
            return this;
        } finally {
            process.destroyForcibly();
            Files.delete(log);
        }
    }

    /** Whether the program says a word so many times before it ends. */
    private boolean await(Process process, Path log, String word, int times) throws IOException, InterruptedException {
        long start = System.nanoTime();
        while (System.nanoTime() - start < TimeUnit.SECONDS.toNanos(limit)) {
            if (new String(Files.readAllBytes(log), StandardCharsets.ISO_8859_1).split(word, -1).length > times) {
                return true;
            }
            if (!process.isAlive()) {
                return false;
            }
            Thread.sleep(5);
        }
        return false;
    }

    private static void stacks(Process process) throws IOException, InterruptedException {
        new ProcessBuilder("kill", "-QUIT", Long.toString(process.pid())).start().waitFor();
        process.waitFor(2, TimeUnit.SECONDS); // the JVM writes them to its log
    }

    /** The last lines of the output. */
    String tail(int lines) {
        String[] all = output.split("\n");
        return String.join("\n", Arrays.asList(all).subList(Math.max(0, all.length - lines), all.length));
    }

    @Override
    public String toString() {
        return String.format("%s %s %s", prefix, options, arguments);
    }
}
