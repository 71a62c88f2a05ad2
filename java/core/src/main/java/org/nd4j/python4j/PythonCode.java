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
 * A compiled program. Any thread can run it many times, in any context.
 *
 * <pre>{@code
 * try (PythonGIL gil = PythonGIL.lock(); PythonCode code = PythonCode.compile("z = x + y")) {
 *     code.run(List.of(x, y), List.of(z));
 * }
 * }</pre>
 *
 * <p>All methods need a turn of {@link PythonGIL}, except {@link #text}. {@link #close} releases the code; otherwise it
 * is released some time after this object is unreachable.
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
     * Compiles a program without running it.
     *
     * @throws PythonException if the program does not compile, as {@link PythonExecutioner#exec(String)} says, or if
     *     the thread has no turn
     */
    public static PythonCode compile(String text) {
        return new PythonCode(Objects.requireNonNull(text), PythonExecutioner.compile(text), null);
    }

    /**
     * Compiles a program under a name, for example {@code report.py}. Tracebacks, syntax errors and profilers show this
     * name. A file of that name need not exist.
     *
     * @throws PythonException as {@link #compile(String)} does
     */
    public static PythonCode compile(String text, String name) {
        Objects.requireNonNull(name);
        return new PythonCode(Objects.requireNonNull(text), PythonExecutioner.compile(text, name), null);
    }

    /**
     * Compiles a file. The file is in UTF-8 or declares its encoding. The program runs as {@link
     * PythonExecutioner#execFile} says.
     *
     * @throws PythonException if the file does not exist, if it does not compile, as {@link
     *     PythonExecutioner#exec(String)} says, or if the thread has no turn
     */
    public static PythonCode compileFile(Path file) {
        if (file.getFileSystem() != FileSystems.getDefault()) {
            throw new PythonException("Python opens files of the default file system only, not " + file.toUri());
        }
        String path = file.toAbsolutePath().normalize().toString();
        return new PythonCode(null, PythonExecutioner.compileFile(path), path);
    }

    /**
     * The text of the program. This method needs no turn.
     *
     * @return the text; for a file, its present content in UTF-8
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
     * @throws PythonException if the program raises, see {@link PythonExecutioner#exec(String)}; if this object is
     *     closed; or if the thread has no turn
     */
    public void run() {
        PythonExecutioner.run(code, file, Collections.emptyList(), Collections.emptyList());
    }

    /**
     * Sets variables, runs the program and reads variables. If the program fails, the outputs keep their
     * values.
     *
     * @param inputs the variables that are set before the program runs; null for none
     * @param outputs the variables that are read after the program has run, by name and type; null for none
     * @throws PythonException as {@link PythonExecutioner#exec(String, List, List)} does, or if this object is closed
     */
    public void run(List<PythonVariable> inputs, List<PythonVariable> outputs) {
        PythonExecutioner.run(code, file, inputs, outputs);
    }

    /**
     * Runs the program like {@link #run(List, List)}, within a time limit; see {@link PythonExecutioner#exec(String,
     * List, List, Duration)}.
     *
     * @throws PythonTimeout if the program does not end within the limit
     */
    public void run(List<PythonVariable> inputs, List<PythonVariable> outputs, Duration limit) {
        Stopper.within(limit, () -> run(inputs, outputs));
    }

    /** Releases the code. A second call does nothing. */
    @Override
    public void close() {
        code.del();
    }
}
