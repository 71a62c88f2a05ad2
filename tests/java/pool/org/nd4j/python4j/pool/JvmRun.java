// SPDX-License-Identifier: Apache-2.0
// Runs a class in a JVM of its own.
package org.nd4j.python4j.pool;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

final class JvmRun {

    /** How long it may take; the slowest needs a tenth of it. */
    private static final long SECONDS = 100;

    private JvmRun() {}

    /** The command, to which a caller may add. */
    static List<String> command(String mainClass, String classPath) {
        return new ArrayList<>(List.of(System.getProperty("java.home") + "/bin/java", "-Xcheck:jni", "-Xmx256m",
                "-Dorg.eclipse.python4j.cache=" + System.getProperty("org.eclipse.python4j.cache"), "-cp", classPath, mainClass));
    }

    /** Starts a JVM that says something while it runs; what reads it sees its end after the time limit. */
    static Process start(List<String> command) throws IOException {
        Process process = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
        CompletableFuture.delayedExecutor(SECONDS, TimeUnit.SECONDS).execute(process::destroyForcibly);
        return process;
    }

    /** What a class prints, if it ends well. */
    static String output(String mainClass, String classPath) throws Exception {
        return output(new ProcessBuilder(command(mainClass, classPath)).redirectErrorStream(true));
    }

    /**
     * What a process prints, if it ends well. A JVM that hangs tells where its threads stand. To read from a pipe would be to
     * wait for ever in that case, since no time limit of a test ends such a read.
     */
    static String output(ProcessBuilder builder) throws Exception {
        Path printed = Files.createTempFile("python4j-jvm", ".out");
        Process process = builder.redirectOutput(printed.toFile()).start();
        try {
            boolean ended = process.waitFor(SECONDS, TimeUnit.SECONDS);
            if (!ended) {
                new ProcessBuilder("kill", "-QUIT", Long.toString(process.pid())).start().waitFor(5, TimeUnit.SECONDS);
                process.waitFor(5, TimeUnit.SECONDS);
            }
            String text = Files.readString(printed);
            assertEquals(0, ended ? process.exitValue() : -1, () -> builder.command() + (ended ? " fails:\n" : " still runs:\n") + text);
            return text;
        } finally {
            process.destroyForcibly();
            Files.delete(printed);
        }
    }
}
