// SPDX-License-Identifier: Apache-2.0
// The turn as a java.util.concurrent Lock: timed and interruptible waiting, and its ties to PythonGIL.
package org.nd4j.python4j;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class GILLockTest {
    private final GILLock lock = new GILLock();

    @AfterEach
    void nobodyHoldsATurn() {
        assertFalse(PythonGIL.locked());
    }

    @Test
    void lockTakesTheTurnAndUnlockGivesItBack() {
        lock.lock();
        try {
            assertTrue(PythonGIL.locked());
            PythonExecutioner.exec("x = 1");
            assertEquals("1", Expect.text("x"));
        } finally {
            lock.unlock();
        }
        assertFalse(PythonGIL.locked());
    }

    @Test
    void lockIsReentrant() {
        lock.lock();
        lock.lock();
        lock.unlock();
        assertTrue(PythonGIL.locked());
        assertEquals("1", Expect.text("1"));
        lock.unlock();
        assertFalse(PythonGIL.locked());
    }

    @Test
    void aTurnOfPythonGilCountsAsLocked() {
        try (PythonGIL gil = PythonGIL.lock()) {
            lock.lock();
            lock.unlock();
            assertTrue(PythonGIL.locked());
            assertEquals("1", Expect.text("1"));
        }
    }

    @Test
    void twoLocksAreTheSameTurn() throws Exception {
        GILLock other = new GILLock();
        lock.lock();
        try {
            assertFalse(OtherThread.call(() -> other.tryLock()));
        } finally {
            lock.unlock();
        }
    }

    @Test
    void tryLockTakesAFreeTurnOnly() throws Exception {
        assertTrue(lock.tryLock());
        try {
            assertTrue(PythonGIL.locked());
            assertFalse(OtherThread.call(() -> lock.tryLock()));
        } finally {
            lock.unlock();
        }
        assertTrue(OtherThread.call(() -> {
            boolean taken = lock.tryLock();
            lock.unlock();
            return taken;
        }));
    }

    @Test
    void tryLockWithATimeTakesAFreeTurnAndGivesUpOnATakenOne() throws Exception {
        assertTrue(lock.tryLock(10, TimeUnit.MILLISECONDS)); // always false in M2.1
        try {
            assertEquals("1", Expect.text("1"));
            assertFalse(OtherThread.call(() -> lock.tryLock(20, TimeUnit.MILLISECONDS)));
        } finally {
            lock.unlock();
        }
    }

    @Test
    void tryLockWithATimeIsServedWhenTheTurnComesFree() throws Exception {
        lock.lock();
        OtherThread<Boolean> waiter = OtherThread.start(() -> {
            boolean taken = lock.tryLock(30, TimeUnit.SECONDS);
            lock.unlock();
            return taken;
        });
        while (!waiter.waits()) {
            Thread.onSpinWait();
        }
        lock.unlock();
        assertTrue(waiter.join());
    }

    @Test
    void aThreadThatWaitsCanBeInterrupted() throws Exception {
        lock.lock();
        try {
            OtherThread<Void> waiter = OtherThread.start(() -> {
                lock.lockInterruptibly();
                return null;
            });
            while (!waiter.waits()) {
                Thread.onSpinWait();
            }
            waiter.thread.interrupt();
            assertThrows(InterruptedException.class, waiter::join);
        } finally {
            lock.unlock();
        }
        lock.lockInterruptibly(); // and what it waited for is whole
        assertEquals("1", Expect.text("1"));
        lock.unlock();
    }

    @Test
    void aThreadThatIsInterruptedBeforeDoesNotEvenWait() throws Exception {
        OtherThread.call(() -> {
            Thread.currentThread().interrupt();
            return assertThrows(InterruptedException.class, lock::lockInterruptibly);
        });
        OtherThread.call(() -> {
            Thread.currentThread().interrupt();
            return assertThrows(InterruptedException.class, () -> lock.tryLock(1, TimeUnit.SECONDS));
        });
    }

    @Test
    void lockInTheEndServesAThreadThatWasInterrupted() throws Exception {
        assertTrue(OtherThread.call(() -> {
            Thread.currentThread().interrupt();
            lock.lock();
            lock.unlock();
            return Thread.currentThread().isInterrupted();
        }));
    }

    @Test
    void unlockWithoutALockDoesNothingToOthers() throws Exception {
        assertDoesNotThrow(lock::unlock);
        lock.lock();
        try {
            OtherThread.call(() -> {
                try {
                    lock.unlock();
                } catch (RuntimeException refused) {
                    // as good as ignoring it
                }
                return null;
            });
            assertTrue(PythonGIL.locked());
            assertEquals("1", Expect.text("1"));
        } finally {
            lock.unlock();
        }
    }

    @Test
    void thereAreNoConditions() {
        assertThrows(UnsupportedOperationException.class, lock::newCondition);
    }
}
