// SPDX-License-Identifier: Apache-2.0
// PythonGIL.lockShared: blocks that wait together and never mix their names.
package org.nd4j.python4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.nd4j.python4j.internal.jni.Callbacks;

class SharedTurnTest {

    private static long number(String name) {
        return PythonExecutioner.getVariable(name, PythonTypes.INT).getValue();
    }

    private static <T> List<T> inThreads(int count, Callable<T> body) throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(count);
        try {
            List<Future<T>> futures = new ArrayList<>();
            for (int i = 0; i < count; i++) {
                futures.add(threads.submit(body));
            }
            List<T> results = new ArrayList<>();
            for (Future<T> future : futures) {
                results.add(future.get(60, TimeUnit.SECONDS));
            }
            return results;
        } finally {
            threads.shutdownNow();
        }
    }

    @Test
    void fiftyThreadsSleepTogether() throws Exception {
        PythonExecutioner.init();
        long start = System.nanoTime();
        inThreads(50, () -> {
            try (PythonGIL gil = PythonGIL.lockShared()) {
                PythonExecutioner.exec("import time\ntime.sleep(0.1)");
            }
            return null;
        });
        long took = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start);
        assertTrue(took < 4000, "one after another would be 5000 ms, this took " + took);
    }

    @Test
    void namesNeverMix() throws Exception {
        CyclicBarrier together = new CyclicBarrier(8);
        List<Boolean> right = inThreads(8, () -> {
            try (PythonGIL gil = PythonGIL.lockShared()) {
                long mine = Thread.currentThread().getId();
                together.await();
                PythonExecutioner.setVariables(new PythonVariable<>("x", PythonTypes.INT, mine));
                boolean same = true;
                for (int i = 0; i < 50; i++) {
                    PythonExecutioner.exec("import time\ntime.sleep(0.0005)\ny = x + 1\ndef f(): return x");
                    same &= number("x") == mine && number("y") == mine + 1 && Python.eval("f()").toLong() == mine;
                }
                return same;
            }
        });
        assertEquals(Collections.nCopies(8, true), right);
    }

    @Test
    void anExclusiveTurnInsideIsWaitedFor() throws Exception {
        try (PythonGIL gil = PythonGIL.lock()) {
            PythonGIL other = OtherThread.call(() -> {
                try (PythonGIL shared = PythonGIL.lockShared()) {
                    return PythonGIL.tryLock();
                }
            });
            assertNull(other);
        }
    }

    @Test
    void itsNamespaceIsEmptyAtFirstAndAfterwardsAndNobodysContext() {
        try (PythonGIL gil = PythonGIL.lock()) {
            PythonContextManager.reset();
            PythonExecutioner.exec("x = 'context'");
        }
        for (int i = 0; i < 2; i++) {
            try (PythonGIL gil = PythonGIL.lockShared()) {
                assertTrue(PythonExecutioner.getVariable("x").isNone());
                PythonExecutioner.exec("x = 'shared'\nname = __name__\nn = len([1])");
                assertEquals("shared", Python.globals().get("x").toString());
                assertEquals(3, PythonExecutioner.getAllVariables().size());
                PythonContextManager.reset();
                assertTrue(PythonExecutioner.getVariable("x").isNone());
            }
        }
        try (PythonGIL gil = PythonGIL.lock()) {
            assertEquals("context", PythonExecutioner.getVariable("x", PythonTypes.STR).getValue());
            PythonContextManager.reset();
        }
    }

    @Test
    void blocksNestAndAnExclusiveTurnMayBeTakenInside() {
        try (PythonGIL outer = PythonGIL.lockShared()) {
            PythonExecutioner.exec("x = 1");
            try (PythonGIL inner = PythonGIL.lockShared()) {
                assertEquals(1, number("x"));
            }
            assertEquals(1, number("x"));
            assertFalse(PythonGIL.locked());
            try (PythonGIL exclusive = PythonGIL.lock()) {
                assertTrue(PythonGIL.locked());
                assertTrue(PythonExecutioner.getVariable("x").isNone(), "the context's names");
                try (PythonGIL again = PythonGIL.lockShared()) {
                    assertTrue(PythonExecutioner.getVariable("x").isNone(), "one more of the turn");
                }
            }
            assertEquals(1, number("x"));
            assertThrows(PythonException.class, () -> PythonContextManager.setContext("c"));
        }
        PythonExecutioner.init();
        assertFalse(PythonGIL.locked());
    }

    @Test
    void aSharedBlockRunsWhileTheExclusiveTurnSleeps() throws Exception {
        CountDownLatch sleeping = new CountDownLatch(1);
        PythonExecutioner.init();
        Thread exclusive = new Thread(() -> {
            try (PythonGIL gil = PythonGIL.lock()) {
                PythonExecutioner.setVariable("ready", Callbacks.callable((args, named) -> {
                    sleeping.countDown();
                    return null;
                }));
                PythonExecutioner.exec("import time\nready()\ntime.sleep(60)");
            } catch (PythonInterrupted expected) {
                Thread.interrupted();
            }
        });
        exclusive.start();
        assertTrue(sleeping.await(10, TimeUnit.SECONDS));
        try (PythonGIL gil = PythonGIL.lockShared()) {
            PythonExecutioner.exec("n = 6 * 7");
            assertEquals(42, number("n"));
        }
        assertTrue(exclusive.isAlive());
        exclusive.interrupt();
        exclusive.join(10_000);
        assertFalse(exclusive.isAlive());
    }

    @Test
    void closingElsewhereIsRefused() throws Exception {
        try (PythonGIL gil = PythonGIL.lockShared()) {
            List<Throwable> thrown = inThreads(1, () -> assertThrows(PythonException.class, gil::close));
            assertTrue(thrown.get(0).getMessage().contains("can be closed by that thread only"));
            PythonExecutioner.exec("x = 1");
        }
    }
}
