// SPDX-License-Identifier: Apache-2.0
// A time limit for all calls of one thread. The class Stopper describes the limits and ends a running call.
package org.nd4j.python4j;

import java.time.Duration;
import org.nd4j.python4j.internal.monitor.Monitor;
import org.nd4j.python4j.internal.turn.Stopper;

/**
 * A point in time at which all Python calls of the calling thread have to be finished.
 *
 * <pre>{@code
 * try (PythonDeadline deadline = PythonDeadline.of(Duration.ofMillis(200))) {
 *     Python.exec("features = prepare(order)");
 *     score = scorer.callDouble(amount);
 * }
 * }</pre>
 *
 * <p>Until the deadline is closed, it applies to every call of this thread: {@code exec}, {@code eval}, the calls of
 * {@link PythonObject}, {@link PythonCallable} and proxies, and the wait of a proxy for its turn. A call that still
 * runs at the deadline is ended as {@link PythonExecutioner#exec(String, java.util.List, java.util.List, Duration)}
 * says. A call after the deadline does not start. Both throw {@link PythonTimeout}. Deadlines can be nested with each
 * other and with the limits of single calls, and the earliest one applies. They also apply in Java functions that
 * Python calls on this thread.
 *
 * <p>The deadline does not limit {@link PythonGIL#lock()}; {@code lock(Duration)} has its own limit. Neither Java code
 * nor other threads are ended. Opening a deadline needs no turn of {@link PythonGIL} and does not start Python. The
 * deadline belongs to the thread that opened it.
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
     * @throws PythonTimeout if the limit is zero or negative
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
