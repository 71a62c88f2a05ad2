// SPDX-License-Identifier: Apache-2.0
// A time limit for all calls of one thread. The class Stopper describes the limits and ends a running call.
package org.nd4j.python4j;

import java.time.Duration;
import org.nd4j.python4j.internal.monitor.Monitor;
import org.nd4j.python4j.internal.turn.Stopper;

/**
 * A time by which the calling thread's calls of Python have to be over.
 *
 * <pre>{@code
 * try (PythonDeadline deadline = PythonDeadline.of(Duration.ofMillis(200))) {
 *     Python.exec("features = prepare(order)");
 *     score = scorer.callDouble(amount);
 * }
 * }</pre>
 *
 * <p>Until it is closed, every call that this thread makes ends by then: {@code exec}, {@code eval}, those of
 * {@link PythonObject}, {@link PythonCallable} and proxies, and the wait of a proxy for its turn. A call that runs
 * when the time is over is ended as {@link PythonExecutioner#exec(String, java.util.List, java.util.List, Duration)} says, and one that
 * would begin after it does not begin: both throw {@link PythonTimeout}. Deadlines nest, and the earliest one counts,
 * also within functions of Java that Python calls on this thread, and for limits of single calls.
 *
 * <p>{@link PythonGIL#lock()} waits as ever: {@code lock(Duration)} has a limit. Java code is not ended, nor are other
 * threads. Opening one needs no turn of {@link PythonGIL} and starts nothing. It belongs to the thread that opened it.
 *
 * @see <a href="https://github.com/python4j/python4j/blob/main/docs/glossary.md#deadline">deadline</a>
 */
public final class PythonDeadline implements AutoCloseable {

    private final Stopper.Limit limit;

    private PythonDeadline(Stopper.Limit limit) {
        this.limit = limit;
    }

    /**
     * Opens a deadline.
     *
     * @param limit the time from now on
     * @throws PythonTimeout if that is none
     */
    public static PythonDeadline of(Duration limit) {
        return new PythonDeadline(Stopper.limit(limit));
    }

    /**
     * Ends the deadline. Closing again does nothing; deadlines may be closed in any order.
     *
     * @throws PythonException if another thread opened it; nothing changes then
     */
    @Override
    public void close() {
        if (limit.thread() != Thread.currentThread()) {
            throw new PythonException("This PythonDeadline was opened by thread '" + Monitor.name(limit.thread())
                    + "' and can be closed by that thread only, not by '" + Monitor.name(Thread.currentThread()) + "'.");
        }
        limit.close();
    }
}
