// SPDX-License-Identifier: Apache-2.0
// Time limits of the calls of one thread. Who ends a call that runs, and how: Stopper. Here is which limits are open.
package org.nd4j.python4j;

import java.time.Duration;

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
 */
public final class PythonDeadline implements AutoCloseable {

    private static final long LONGEST = Long.MAX_VALUE / 2;

    private final Stopper.Slot slot;
    private final PythonDeadline outer;
    private final Thread owner = Thread.currentThread();
    private final long end; // of System.nanoTime; NEVER for one that hides those around it
    private boolean closed;

    private PythonDeadline(long end) {
        this.slot = Stopper.slot();
        this.outer = slot.deadline();
        this.end = end;
        open(this);
    }

    /**
     * Opens a deadline.
     *
     * @param limit the time from now on
     * @throws PythonTimeout if that is none
     */
    public static PythonDeadline of(Duration limit) {
        if (limit.isNegative() || limit.isZero()) {
            throw new PythonTimeout("The time for the call is over before it began: " + limit, null);
        }
        long nanos = limit.compareTo(Duration.ofNanos(LONGEST)) < 0 ? limit.toNanos() : LONGEST;
        long end = System.nanoTime() + nanos;
        return new PythonDeadline(end == Stopper.NEVER ? 1 : end);
    }

    /** Hides all open ones until it is closed, for what has to be put back in any case. */
    static PythonDeadline none() {
        return new PythonDeadline(Stopper.NEVER);
    }

    /** The time that the calling thread's deadlines leave, maybe nothing or less; null without any. */
    static Duration left() {
        long limit = Stopper.slot().limit();
        return limit == Stopper.NEVER ? null : Duration.ofNanos(limit - System.nanoTime());
    }

    /**
     * Ends the deadline. Closing again does nothing; deadlines may be closed in any order.
     *
     * @throws PythonException if another thread opened it; nothing changes then
     */
    @Override
    public void close() {
        if (owner != Thread.currentThread()) {
            throw new PythonException("This PythonDeadline was opened by thread '" + Monitor.name(owner)
                    + "' and can be closed by that thread only, not by '" + Monitor.name(Thread.currentThread()) + "'.");
        }
        closed = true;
        open(slot.deadline());
    }

    /** Makes the innermost open one of these the slot's, and the earliest end its limit. */
    private void open(PythonDeadline innermost) {
        while (innermost != null && innermost.closed) {
            innermost = innermost.outer;
        }
        long earliest = Stopper.NEVER;
        for (PythonDeadline each = innermost; each != null && each.end != Stopper.NEVER; each = each.outer) {
            if (!each.closed && (earliest == Stopper.NEVER || each.end - earliest < 0)) {
                earliest = each.end;
            }
        }
        slot.deadline(innermost, earliest);
    }
}
