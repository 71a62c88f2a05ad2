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
 * A lock that takes a turn of {@link PythonGIL}. Re-entrant; all instances lock the same thing. The first
 * lock in a process starts Python.
 */
public class GILLock implements Lock {

    private final ThreadLocal<Deque<PythonGIL>> held = ThreadLocal.withInitial(ArrayDeque::new);

    /** A lock; it is not locked. */
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
     * Takes a turn if that needs no waiting.
     *
     * @throws PythonException if Python cannot be started
     */
    @Override
    public boolean tryLock() {
        return keep(PythonGIL.tryLock());
    }

    /**
     * Waits for a turn, for at most so long.
     *
     * @throws InterruptedException if the thread is interrupted; it has no turn then
     * @throws PythonException if Python cannot be started
     */
    @Override
    public boolean tryLock(long time, TimeUnit unit) throws InterruptedException {
        return keep(PythonGIL.tryLock(Duration.ofNanos(Math.max(0, unit.toNanos(time)))));
    }

    /**
     * Gives back what this thread last took by this lock. If it took nothing, this does nothing.
     *
     * @throws PythonException if the thread locked it before Python called the Java code that calls this, or has lent
     *     its turn ({@link PythonGIL#lend}); nothing changes then
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
     * There are no conditions.
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
