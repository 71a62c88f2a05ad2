// SPDX-License-Identifier: Apache-2.0
// Looks after the Java functions that workers call: the thread that runs one cannot look at the time of its call.
package org.nd4j.python4j.pool;

import java.util.List;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Supplier;

/** One for each pool. It has a thread only while such functions run, and for a second more. */
final class FunctionWatch {

    private static final int LOOK_MILLIS = 10;
    private static final long LONGEST_NANOS = 1_000_000_000L; // without a function

    private final Executor threads;
    private final Supplier<List<Worker>> workers;
    private final AtomicBoolean watches = new AtomicBoolean();

    FunctionWatch(Executor threads, Supplier<List<Worker>> workers) {
        this.threads = threads;
        this.workers = workers;
    }

    /** Has a thread look after these functions, as long as there are some. */
    void begin() {
        if (watches.get() || !watches.compareAndSet(false, true)) {
            return;
        }
        try {
            threads.execute(this::look);
        } catch (RuntimeException | Error e) { // no thread to be had
            watches.set(false);
        }
    }

    private void look() {
        try {
            for (long last = System.nanoTime(); System.nanoTime() - last < LONGEST_NANOS; ) {
                Thread.sleep(LOOK_MILLIS);
                last = areThere() ? System.nanoTime() : last;
            }
        } catch (InterruptedException e) {
            // by nobody of this pool; the next function has another thread look
        } finally {
            watches.set(false);
        }
        if (areThere()) { // one began meanwhile
            begin();
        }
    }

    /** Does what is due. Whether there are any functions. */
    private boolean areThere() {
        boolean any = false;
        for (Worker worker : workers.get()) {
            any |= worker.lookAtFunctions();
        }
        return any;
    }
}
