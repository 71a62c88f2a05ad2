// SPDX-License-Identifier: Apache-2.0
// A program compiled once. It runs by the same machinery as PythonExecutioner.exec, which looks its
// text up in a cache; this one has its code in hand.
package org.nd4j.python4j;

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

    private PythonCode(String text, PythonObject code) {
        this.text = text;
        this.code = code;
    }

    /**
     * Compiles a program. Nothing of it runs.
     *
     * @throws PythonException if it does not compile, as {@link PythonExecutioner#exec(String)} says; if
     *     the thread has no turn
     */
    public static PythonCode compile(String text) {
        return new PythonCode(Objects.requireNonNull(text), PythonExecutioner.compile(text));
    }

    /** The program. Needs no turn. */
    public String text() {
        return text;
    }

    /**
     * Runs the program in the current context.
     *
     * @throws PythonException if it raises, see {@link PythonExecutioner#exec(String)}; if this is closed,
     *     or the thread has no turn
     */
    public void run() {
        PythonExecutioner.run(code, Collections.emptyList(), Collections.emptyList());
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
        PythonExecutioner.run(code, inputs, outputs);
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
