// SPDX-License-Identifier: Apache-2.0
// Programs that the tool runs: the interpreter of the class path, and uv.
package org.nd4j.python4j.packages;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.internal.start.Interpreter;

/** The interpreter, which is the one that the program would use. */
final class Child {

    /** What a program printed, on both of its outputs. */
    static final class Result {
        final String output;
        private final int status;

        private Result(String output, int status) {
            this.output = output;
            this.status = status;
        }

        Result check(String failed) {
            if (status != 0) {
                throw new PythonException(failed + " (exit status " + status + "):\n" + output.trim());
            }
            return this;
        }
    }

    String executable() {
        return Interpreter.chosen().executable();
    }

    /** The version with two numbers. */
    String version() {
        return Interpreter.chosen().version().replaceFirst("\\.[^.]*$", "");
    }

    /** Runs Python without the packages of the class path: what is locked must not depend on what is there. */
    Result run(String... arguments) throws IOException {
        List<String> command = new ArrayList<>(Arrays.asList(executable()));
        command.addAll(Arrays.asList(arguments));
        return run(command, Map.of("PYTHONIOENCODING", "utf-8"));
    }

    static Result run(List<String> command, Map<String, String> environment) throws IOException {
        Path file = Files.createTempFile("python4j-", ".out");
        try {
            ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(file.toFile());
            builder.environment().putAll(environment);
            Process process = builder.start();
            process.getOutputStream().close();
            try {
                int status = process.waitFor();
                return new Result(new String(Files.readAllBytes(file), StandardCharsets.UTF_8), status);
            } finally {
                process.destroyForcibly();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        } finally {
            file.toFile().delete(); // Windows refuses while a child of the child still prints to it
        }
    }
}
