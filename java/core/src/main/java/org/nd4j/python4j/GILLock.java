// SPDX-License-Identifier: Apache-2.0
// PythonGIL as a java.util.concurrent.locks.Lock. The classes PythonGIL and Turn describe how turns work.
package org.nd4j.python4j;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.Lock;

/**
 * A lock that takes a turn of {@link PythonGIL}. It is re-entrant, and all instances represent the same lock. The first
 * lock in a process starts Python.
 */
public class GILLock implements Lock {

    private final ThreadLocal<Deque<PythonGIL>> held = ThreadLocal.withInitial(ArrayDeque::new);

    /** Creates a lock, which is not locked yet. */
    public GILLock() {}

    /**
     * Waits for a turn and takes it.
     *
     * @throws PythonException if Python cannot be started
     */
    @Override
    public void lock() {
        keep(PythonGIL.lock());
    }

    /**
     * Waits for a turn and takes it.
     *
     * @throws InterruptedException if the thread is interrupted; it has no turn then
     * @throws PythonException if Python cannot be started
     */
    @Override
    public void lockInterruptibly() throws InterruptedException {
        keep(PythonGIL.tryLock(Duration.ofNanos(Long.MAX_VALUE)));
    }

    /**
     * Takes a turn if this is possible without waiting.
     *
     * @throws PythonException if Python cannot be started
     */
    @Override
    public boolean tryLock() {
        return keep(PythonGIL.tryLock());
    }

    /**
     * Waits for a turn, at most for the given time.
     *
     * @throws InterruptedException if the thread is interrupted; it has no turn then
     * @throws PythonException if Python cannot be started
     */
    @Override
    public boolean tryLock(long time, TimeUnit unit) throws InterruptedException {
        return keep(PythonGIL.tryLock(Duration.ofNanos(Math.max(0, unit.toNanos(time)))));
    }

    /**
     * Releases the turn that this thread last took by this lock. If it took none, this method does nothing.
     *
     * @throws PythonException if the thread took the lock before Python called the Java code that calls this method, or
     *     if it has lent its turn ({@link PythonGIL#lend}); the state is then unchanged
     */
    @Override
    public void unlock() {
        PythonGIL last = held.get().poll();
        while (last != null && !last.isOpen()) { // locked in a callback that is over
            last = held.get().poll();
        }
        if (last != null) {
            try {
                last.close();
            } catch (PythonException e) {
                if (last.isOpen()) {
                    held.get().push(last);
                }
                throw e;
            }
        }
    }

    /**
     * Conditions are not supported.
     *
     * @throws UnsupportedOperationException always
     */
    @Override
    public Condition newCondition() {
        throw new UnsupportedOperationException();
    }

    private boolean keep(PythonGIL gil) {
        if (gil != null) {
            held.get().push(gil);
        }
        return gil != null;
    }
}
