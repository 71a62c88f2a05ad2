// SPDX-License-Identifier: Apache-2.0
// Runs a class in a JVM of its own.
package org.nd4j.python4j.pool;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.TimeUnit;

final class JvmRun {

    private JvmRun() {}

    static ProcessBuilder command(String mainClass, String classPath) {
        return new ProcessBuilder(List.of(System.getProperty("java.home") + "/bin/java", "-Xcheck:jni", "-Xmx256m",
                "-Dorg.eclipse.python4j.cache=" + System.getProperty("org.eclipse.python4j.cache"), "-cp", classPath, mainClass));
    }

    /** What it prints, if it ends well. */
    static String output(String mainClass, String classPath) throws Exception {
        Process process = command(mainClass, classPath).redirectErrorStream(true).start();
        String printed = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        if (!process.waitFor(120, TimeUnit.SECONDS) || process.exitValue() != 0) {
            process.destroyForcibly();
            throw new AssertionError(mainClass + " ends with an error:\n" + printed);
        }
        return printed;
    }
}
