// SPDX-License-Identifier: Apache-2.0
// Runs a class in a JVM of its own.
package org.nd4j.python4j.pool;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.TimeUnit;

final class JvmRun {

    private static final long LONGEST_SECONDS = 100;

    private JvmRun() {}

    static ProcessBuilder command(String mainClass, String classPath) {
        return new ProcessBuilder(List.of(System.getProperty("java.home") + "/bin/java", "-Xcheck:jni", "-Xmx256m",
                "-Dorg.eclipse.python4j.cache=" + System.getProperty("org.eclipse.python4j.cache"), "-cp", classPath, mainClass));
    }

    /**
     * Starts a program. One that does not end is killed before the time of the test is over, since nothing interrupts a thread that reads its
     * output. A JVM prints its threads first.
     */
    static Process start(ProcessBuilder program) throws IOException {
        Process process = program.start();
        process.onExit().orTimeout(LONGEST_SECONDS, TimeUnit.SECONDS).exceptionally(late -> {
            try {
                new ProcessBuilder("kill", "-QUIT", String.valueOf(process.pid())).start().waitFor();
                process.waitFor(2, TimeUnit.SECONDS);
            } catch (IOException | InterruptedException e) {
                // it has nothing to tell
            }
            return process.destroyForcibly();
        });
        return process;
    }

    /** What it prints, if it ends well. */
    static String output(String mainClass, String classPath) throws Exception {
        Process process = start(command(mainClass, classPath).redirectErrorStream(true));
        String printed = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        if (process.waitFor() != 0) {
            throw new AssertionError(mainClass + " ends with an error:\n" + printed);
        }
        return printed;
    }
}
