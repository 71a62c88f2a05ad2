// SPDX-License-Identifier: Apache-2.0
// Child processes that run Python, and their output. Interpreter decides which interpreter and environment they
// use; these are the same as for the interpreter inside this process.
package org.nd4j.python4j.internal.process;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Collectors;
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.internal.start.Interpreter;

/** Runs Python in a child process. An interrupt of the calling thread ends the child. No method needs a turn. */
public final class PythonChild {

    private static final int SHOWN_LINES = 12;

    /** The output of Python on its standard output, and optionally on its standard error. */
    public final String output;

    public final int status;

    private PythonChild(String output, int status) {
        this.output = output;
        this.status = status;
    }

    /** Runs Python with this process's streams and returns its exit status. */
    public static int run(Interpreter interpreter, List<String> arguments) throws IOException, InterruptedException {
        return await(command(interpreter, arguments).inheritIO().start());
    }

    /**
     * Runs Python and returns its output. Python prints to a file. A pipe would have to be read while Python runs,
     * which cannot be interrupted, and it would stay open as long as any child of the child lives.
     */
    public static PythonChild capture(Interpreter interpreter, boolean errorsToo, List<String> arguments)
            throws IOException, InterruptedException {
        Path file = Files.createTempFile("python4j-", ".out");
        try {
            ProcessBuilder builder = command(interpreter, arguments).redirectOutput(file.toFile());
            if (errorsToo) {
                builder.redirectErrorStream(true);
            } else {
                builder.redirectError(ProcessBuilder.Redirect.INHERIT);
            }
            Process process = builder.start();
            process.getOutputStream().close();
            int status = await(process);
            return new PythonChild(new String(Files.readAllBytes(file), StandardCharsets.UTF_8), status);
        } finally {
            file.toFile().delete(); // Windows refuses while a child of the child still prints to it
        }
    }

    /**
     * Returns this object if the exit status is 0.
     *
     * @throws PythonException otherwise, with the last lines of the output
     */
    public PythonChild check(String failed) {
        if (status != 0) {
            String[] lines = output.trim().split("\\R+");
            int from = Math.max(0, lines.length - SHOWN_LINES);
            throw new PythonException(failed + " (exit status " + status + "):\n"
                    + String.join("\n", Arrays.asList(lines).subList(from, lines.length)));
        }
        return this;
    }

    /** The exception for an interrupted thread. The thread's interrupt status is set again. */
    public static PythonException interrupted(String failed, InterruptedException e) {
        Thread.currentThread().interrupt();
        return new PythonException(failed + ": interrupted", e);
    }

    private static ProcessBuilder command(Interpreter interpreter, List<String> arguments) {
        List<String> command = new ArrayList<>();
        command.add(interpreter.executable());
        for (String argument : arguments) {
            command.add(File.separatorChar == '\\' ? escape(argument) : argument);
        }
        ProcessBuilder builder = new ProcessBuilder(command);
        Map<String, String> environment = builder.environment();
        environment.putAll(interpreter.childEnvironment());
        environment.putIfAbsent("PYTHONIOENCODING", "utf-8"); // what runAndReturn reads, whatever the locale
        return builder;
    }

    /** Windows has one text for all arguments, for which Java puts those with spaces into quotes, but leaves quotes within as they are. */
    private static String escape(String argument) {
        return argument.replaceAll("(\\\\*)\"", "$1$1\\\\\"");
    }

    private static int await(Process process) throws InterruptedException {
        try {
            return process.waitFor();
        } catch (InterruptedException e) {
            end(process);
            throw e;
        }
    }

    /**
     * Ends a process and what it started, and waits for that: Windows deletes no file that one of them has open. What one
     * was about to start is found by the number of its parent, which it keeps on Windows; another one may have had that
     * number before.
     */
    private static void end(Process process) {
        Instant start = process.info().startInstant().orElse(Instant.MAX);
        List<ProcessHandle> all = new ArrayList<>(List.of(process.toHandle()));
        process.descendants().forEach(all::add);
        for (int i = 0; i < 3 && !all.isEmpty(); i++) {
            all.forEach(ProcessHandle::destroy);
            if (!endSoon(all)) {
                all.forEach(ProcessHandle::destroyForcibly);
                endSoon(all);
            }
            all = all.stream().flatMap(ProcessHandle::descendants)
                    .filter(each -> !each.info().startInstant().orElse(Instant.MIN).isBefore(start)).collect(Collectors.toList());
        }
    }

    private static boolean endSoon(List<ProcessHandle> all) {
        try {
            for (ProcessHandle each : all) {
                each.onExit().get(1, TimeUnit.SECONDS);
            }
            return true;
        } catch (InterruptedException again) {
            Thread.currentThread().interrupt();
            return false;
        } catch (ExecutionException | TimeoutException e) {
            return false;
        }
    }
}
