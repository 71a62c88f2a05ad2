// SPDX-License-Identifier: Apache-2.0
// A program that is compiled once. It runs in the same way as PythonExecutioner.exec. That method finds the
// compiled code in a cache by the text of the program; this class holds the compiled code itself.
package org.nd4j.python4j;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.time.Duration;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import org.nd4j.python4j.internal.turn.Stopper;

/**
 * A program that was compiled and can be run many times, by any thread and in any context.
 *
 * <pre>{@code
 * try (PythonGIL gil = PythonGIL.lock(); PythonCode code = PythonCode.compile("z = x + y")) {
 *     code.run(List.of(x, y), List.of(z));
 * }
 * }</pre>
 *
 * <p>All methods need a turn of {@link PythonGIL}, except {@link #text}. The code is given back to Python
 * by {@link #close}, or some time after Java has forgotten it.
 */
@SuppressWarnings("rawtypes") // as in PythonExecutioner
public final class PythonCode implements AutoCloseable {

    private final String text;
    private final PythonObject code;
    private final String file; // null unless it is a file's

    private PythonCode(String text, PythonObject code, String file) {
        this.text = text;
        this.code = code;
        this.file = file;
    }

    /**
     * Compiles a program. Nothing of it runs.
     *
     * @throws PythonException if it does not compile, as {@link PythonExecutioner#exec(String)} says; if
     *     the thread has no turn
     */
    public static PythonCode compile(String text) {
        return new PythonCode(Objects.requireNonNull(text), PythonExecutioner.compile(text), null);
    }

    /**
     * The same for a program that has a name, {@code report.py} say, by which tracebacks, syntax errors and profilers
     * know it. There need be no such file.
     *
     * @throws PythonException as {@link #compile(String)} does
     */
    public static PythonCode compile(String text, String name) {
        Objects.requireNonNull(name);
        return new PythonCode(Objects.requireNonNull(text), PythonExecutioner.compile(text, name), null);
    }

    /**
     * Compiles a file, which is in UTF-8 or says its encoding. It runs as {@link PythonExecutioner#execFile} says.
     *
     * @throws PythonException if there is no such file, or it does not compile, as
     *     {@link PythonExecutioner#exec(String)} says; if the thread has no turn
     */
    public static PythonCode compileFile(Path file) {
        if (file.getFileSystem() != FileSystems.getDefault()) {
            throw new PythonException("Python opens files of the default file system only, not " + file.toUri());
        }
        String path = file.toAbsolutePath().normalize().toString();
        return new PythonCode(null, PythonExecutioner.compileFile(path), path);
    }

    /**
     * The program. Needs no turn.
     *
     * @return the text; that of a file as it is now, in UTF-8
     * @throws PythonException if the file cannot be read any more
     */
    public String text() {
        if (file == null) {
            return text;
        }
        try {
            return new String(Files.readAllBytes(Paths.get(file)), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new PythonException("Could not read " + file + ": " + e, e);
        }
    }

    /**
     * Runs the program in the current context.
     *
     * @throws PythonException if it raises, see {@link PythonExecutioner#exec(String)}; if this is closed,
     *     or the thread has no turn
     */
    public void run() {
        PythonExecutioner.run(code, file, Collections.emptyList(), Collections.emptyList());
    }

    /**
     * Sets variables, runs the program and reads variables. If the program fails, the outputs keep their
     * values.
     *
     * @param inputs what to set before; null for nothing
     * @param outputs what to read afterwards, by name and type; null for nothing
     * @throws PythonException as {@link PythonExecutioner#exec(String, List, List)} does, or if this is closed
     */
    public void run(List<PythonVariable> inputs, List<PythonVariable> outputs) {
        PythonExecutioner.run(code, file, inputs, outputs);
    }

    /**
     * The same within a time limit, see {@link PythonExecutioner#exec(String, List, List, Duration)}.
     *
     * @throws PythonTimeout if the time is over
     */
    public void run(List<PythonVariable> inputs, List<PythonVariable> outputs, Duration limit) {
        Stopper.within(limit, () -> run(inputs, outputs));
    }

    /** Gives the code back; again it does nothing. */
    @Override
    public void close() {
        code.del();
    }
}
