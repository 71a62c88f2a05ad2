// SPDX-License-Identifier: Apache-2.0
// What Java code may do with turns and blocks while Python calls it: afterwards its thread is where it was before, and
// every other thread can enter. On platform threads here, on virtual ones in VirtualThreadsTest.
package org.nd4j.python4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.nd4j.python4j.internal.jni.Handles;
import org.nd4j.python4j.internal.jni.Native;
import org.nd4j.python4j.internal.monitor.Monitor;

@Timeout(60)
class PlaceTest {

    interface Code {
        void run() throws Exception;
    }

    @BeforeAll
    static void start() {
        PythonExecutioner.init();
    }

    /** Nobody has the turn or the GIL, and another thread can enter. */
    @AfterEach
    void othersCanEnter() throws Exception {
        assertFalse(PythonGIL.locked());
        assertEquals(Native.OUTSIDE, Native.gilPlace());
        assertEquals(42L, onAnotherThread());
    }

    private static long onAnotherThread() throws Exception {
        return OtherThread.call(PlaceTest::sum);
    }

    private static long sum() {
        try (PythonGIL gil = PythonGIL.lock()) {
            PythonExecutioner.exec("n_of_other = 6 * 7");
            return PythonExecutioner.getVariable("n_of_other", PythonTypes.INT).getValue();
        }
    }

    /** Runs a Python function around Java code, in the turn that the caller has. */
    private static void inCallback(Code code) {
        PythonExecutioner.setVariable("f", Python.function((args, named) -> {
            code.run();
            return null;
        }));
        PythonExecutioner.exec("f()\nafter = 1");
        PythonExecutioner.exec("del f");
    }

    @Test
    void aTurnClosedInACallbackIsOverForOthersAtOnceAndForItsThreadWhenPythonReturns() throws Exception {
        PythonGIL outer = PythonGIL.lock();
        PythonExecutioner.setVariable("f", Python.function((args, named) -> {
            outer.close();
            assertFalse(PythonGIL.locked());
            assertEquals(42L, onAnotherThread());
            return null;
        }));
        PythonExecutioner.exec("f()\nafter = 1");
        assertFalse(PythonGIL.locked());
        outer.close();
        try (PythonGIL gil = PythonGIL.lock()) {
            assertEquals(1L, PythonExecutioner.getVariable("after", PythonTypes.INT).getValue());
        }
    }

    @Test
    void ofSeveralTurnsTheLastOneClosedGivesItUp() throws Exception {
        PythonGIL one = PythonGIL.lock();
        PythonGIL two = PythonGIL.lock();
        inCallback(() -> {
            one.close();
            assertTrue(PythonGIL.locked());
        });
        assertTrue(PythonGIL.locked());
        two.close();
        assertFalse(PythonGIL.locked());
    }

    @Test
    void unlockAndLockInACallback() throws Exception {
        GILLock lock = new GILLock();
        lock.lock();
        inCallback(() -> {
            lock.unlock();
            assertEquals(42L, onAnotherThread());
            assertThrows(PythonException.class, () -> PythonExecutioner.exec("x = 1"));
            lock.lock();
            PythonExecutioner.exec("x = 1");
        });
        assertTrue(PythonGIL.locked());
        lock.unlock();
        assertFalse(PythonGIL.locked());
    }

    @Test
    void unlockInOneCallbackAndTryLockInTheNext() throws Exception {
        GILLock lock = new GILLock();
        lock.lock();
        PythonExecutioner.setVariable("unlock", Python.function((args, named) -> {
            lock.unlock();
            return null;
        }));
        PythonExecutioner.setVariable("lock", Python.function((args, named) -> lock.tryLock(1, TimeUnit.SECONDS)));
        PythonExecutioner.exec("unlock()\nlocked = lock()\nunlock()\nunlock()\nlocked = lock()");
        assertTrue(PythonGIL.locked());
        lock.unlock();
        assertFalse(PythonGIL.locked());
        lock.unlock();
    }

    @Test
    void theTurnThatACallbackLeavesOpenIsClosedAtItsEnd() throws Exception {
        AtomicReference<PythonGIL> left = new AtomicReference<>();
        PythonGIL outer = PythonGIL.lock();
        inCallback(() -> left.set(PythonGIL.lock()));
        outer.close();
        assertFalse(PythonGIL.locked());
        try (PythonGIL gil = PythonGIL.lock()) {
            left.get().close();
            assertTrue(PythonGIL.locked());
        }
    }

    @Test
    void aSharedBlockCannotBeClosedInACallback() throws Exception {
        PythonGIL block = PythonGIL.lockShared();
        PythonExecutioner.exec("x = 5");
        inCallback(() -> assertTrue(
                assertThrows(PythonException.class, block::close).getMessage().contains("close it after the call")));
        assertEquals(5L, PythonExecutioner.getVariable("x", PythonTypes.INT).getValue());
        block.close();
    }

    @Test
    void theBlocksThatACallbackLeavesOpenAreClosedAtItsEnd() throws Exception {
        AtomicReference<PythonGIL> left = new AtomicReference<>();
        try (PythonGIL block = PythonGIL.lockShared()) {
            PythonExecutioner.exec("x = 5");
            inCallback(() -> {
                left.set(PythonGIL.lockShared());
                PythonGIL.lockShared();
            });
            left.get().close();
            assertEquals(5L, PythonExecutioner.getVariable("x", PythonTypes.INT).getValue());
        }
        // On a thread of Python's, which has no place of its own outside of callbacks.
        try (PythonGIL gil = PythonGIL.lock()) {
            PythonExecutioner.setVariable("leave", Python.function((args, named) -> {
                PythonGIL.lockShared();
                PythonExecutioner.exec("y = 1");
                return null;
            }));
            PythonExecutioner.setVariable("see", Python.function((args, named) -> {
                PythonGIL.assertThreadSafe();
                return PythonGIL.space() == 0;
            }));
            PythonExecutioner.exec("import threading\nr = []\n"
                    + "t = threading.Thread(target=lambda: (leave(), r.append(see())))\nt.start()\nt.join()");
            assertEquals(List.of(true), PythonExecutioner.getVariable("r", PythonTypes.LIST).getValue());
        }
    }

    @Test
    void theMainThreadStateIsGivenUpInACallbackOnlyIfTheStartLeftIt() throws Exception {
        try (PythonGIL gil = PythonGIL.lock()) {
            inCallback(PythonGIL::setMainThreadState);
            assertTrue(PythonGIL.locked());
        }
    }

    // ---- lending ----

    @Test
    void aLentTurnIsForOthersAndComesBack() throws Exception {
        try (PythonGIL gil = PythonGIL.lock(); PythonGIL nested = PythonGIL.lock()) {
            PythonExecutioner.exec("x = 1");
            try (PythonGIL lent = PythonGIL.lend()) {
                assertFalse(PythonGIL.locked());
                assertEquals(42L, onAnotherThread());
                for (Code code : new Code[] {() -> PythonExecutioner.exec("x = 2"), PythonGIL::lock, PythonGIL::lend,
                    PythonGIL::lockShared, PythonGIL::assertThreadSafe, nested::close,
                    () -> PythonGIL.tryLock(Duration.ofMillis(1))}) {
                    assertTrue(assertThrows(PythonException.class, code::run).getMessage().contains("has lent its turn"));
                }
            }
            assertEquals(Thread.currentThread(), PythonGIL.holder());
            assertEquals(1L, PythonExecutioner.getVariable("x", PythonTypes.INT).getValue());
        }
    }

    @Test
    void whatACallbackLendsAndDoesNotTakeBackComesBackAtItsEnd() throws Exception {
        AtomicReference<PythonGIL> left = new AtomicReference<>();
        try (PythonGIL gil = PythonGIL.lock()) {
            inCallback(() -> {
                left.set(PythonGIL.lend());
                assertEquals(42L, onAnotherThread());
                assertThrows(PythonException.class, PythonGIL::lock);
                assertThrows(PythonException.class, gil::close);
            });
            left.get().close();
            assertEquals(Thread.currentThread(), PythonGIL.holder());
        }
    }

    @Test
    void whoHasNoTurnLendsNothing() throws Exception {
        assertThrows(PythonException.class, () -> OtherThread.call(PythonGIL::lend));
        try (PythonGIL block = PythonGIL.lockShared(); PythonGIL lent = PythonGIL.lend()) {
            PythonExecutioner.exec("x = 1");
        }
    }

    @Test
    void aCallbackThatLendsMayWaitForAnyOtherThread() throws Exception {
        ExecutorService pool = Executors.newFixedThreadPool(2);
        try (PythonGIL gil = PythonGIL.lock()) {
            inCallback(() -> {
                try (PythonGIL lent = PythonGIL.lend()) {
                    assertEquals(42L, pool.submit(PlaceTest::sum).get());
                    assertEquals(42L, CompletableFuture.supplyAsync(PlaceTest::sum).join());
                    assertEquals(420L, IntStream.range(0, 10).parallel().mapToLong(i -> sum0()).sum());
                }
            });
        } finally {
            pool.shutdown();
        }
    }

    /** The caller of a parallel stream runs a part of it, on the thread that lent its turn: it takes none. */
    private static long sum0() {
        return Thread.currentThread().getName().contains("Worker") ? sum() : 42;
    }

    // ---- waiting in vain ----

    private static void isInVain(Throwable thrown) {
        while (!(thrown instanceof PythonException)) {
            thrown = thrown.getCause();
        }
        String message = thrown.getMessage();
        assertTrue(message.contains("'" + Monitor.name(Thread.currentThread()).split("/")[0]), message);
        assertTrue(message.contains("PythonGIL.lend()"), message);
    }

    @Test
    void aCallbackThatWaitsForAPoolDoesNotWaitForEver() throws Exception {
        ExecutorService pool = Executors.newSingleThreadExecutor();
        try (PythonGIL gil = PythonGIL.lock()) {
            inCallback(() -> {
                long start = System.nanoTime();
                isInVain(assertThrows(ExecutionException.class, () -> pool.submit(PlaceTest::sum).get()));
                assertTrue(System.nanoTime() - start < TimeUnit.SECONDS.toNanos(2));
            });
        } finally {
            pool.shutdown();
        }
    }

    @Test
    void norForAThread() throws Exception {
        AtomicReference<Throwable> thrown = new AtomicReference<>();
        try (PythonGIL gil = PythonGIL.lock()) {
            inCallback(() -> {
                Thread thread = new Thread(() -> thrown.set(assertThrows(PythonException.class, PlaceTest::sum)));
                thread.start();
                thread.join();
                isInVain(thrown.get());
            });
        }
    }

    @Test
    void norForACompletableFutureOrAParallelStream() throws Exception {
        try (PythonGIL gil = PythonGIL.lock()) {
            inCallback(() -> isInVain(assertThrows(RuntimeException.class,
                    () -> CompletableFuture.supplyAsync(PlaceTest::sum).thenApply(n -> n + 1).join())));
            CountDownLatch both = new CountDownLatch(2);
            inCallback(() -> isInVain(assertThrows(RuntimeException.class, () -> IntStream.range(0, 2).parallel().forEach(i -> {
                both.countDown();
                try {
                    both.await(5, TimeUnit.SECONDS);
                } catch (InterruptedException e) {
                    throw new IllegalStateException(e);
                }
                sum();
            }))));
        }
    }

    /** In a JVM of its own, where no other thread could end the wait. */
    @Test
    void norForALatchOrAQueue() throws Exception {
        String refused = "PythonException: Thread 'pool-1-thread-1' waits for the turn of Python that thread 'main' has, and 'main', in "
                + "Java code that Python called, waits without a limit, while no other thread of this JVM runs";
        List<String> lines = ChildJvm.output("waitsInVain", "-Dorg.eclipse.python4j.callback.patience=500").lines()
                .collect(Collectors.toList());
        assertEquals(4, lines.size(), lines::toString);
        assertTrue(lines.get(0).startsWith(refused) && lines.get(2).startsWith(refused), lines::toString);
        assertEquals(List.of("42", "false"), List.of(lines.get(1), lines.get(3)));
    }

    @Test
    void norForWhatIgnoresInterrupts() throws Exception {
        String refused = "Thread 'other' waits for the turn of Python that thread 'main' has, and 'main', in Java code that Python called,"
                + " waits without a limit, while no other thread of this JVM runs";
        List<String> lines = ChildJvm.output("waitsInVainForAFutureOrALock", "-Dorg.eclipse.python4j.callback.patience=500").lines()
                .collect(Collectors.toList());
        assertEquals(3, lines.size(), lines::toString);
        assertTrue(lines.get(0).contains(refused) && lines.get(1).startsWith("PythonException: " + refused), lines::toString);
        assertEquals("locked", lines.get(2));
    }

    @Test
    void aCallbackThatWaitsForSomethingElseMakesNobodyFail() throws Exception {
        ExecutorService pool = Executors.newFixedThreadPool(3);
        CountDownLatch inside = new CountDownLatch(1);
        List<CompletableFuture<Long>> waiting = new ArrayList<>();
        try {
            try (PythonGIL gil = PythonGIL.lock()) {
                inCallback(() -> {
                    waiting.add(CompletableFuture.supplyAsync(PlaceTest::sum, pool));
                    waiting.add(CompletableFuture.supplyAsync(PlaceTest::sum, pool));
                    assertEquals(7, pool.submit(() -> {
                        Thread.sleep(1500);
                        return 7;
                    }).get());
                });
            }
            for (CompletableFuture<Long> one : waiting) {
                assertEquals(42L, one.get(10, TimeUnit.SECONDS));
            }
        } finally {
            pool.shutdown();
        }
    }

    // ---- waiting for the GIL itself ----

    /** Python code that keeps the GIL for a second or so, however fast this machine is. */
    private static String keeps() {
        try (PythonGIL gil = PythonGIL.lock()) {
            PythonExecutioner.exec("import time\nbegan = time.perf_counter()\nsum(range(10**6))\nn = int(10**6 / (time.perf_counter() - began))");
            return "sum(range(" + Python.eval("n").toLong() + "))";
        }
    }

    @Test
    void tryLockEndsInTimeWhileCCodeOfASharedBlockKeepsTheGil() throws Exception {
        String keeps = keeps();
        AtomicReference<PythonGIL> got = new AtomicReference<>();
        isShort(keeping(() -> {
            try (PythonGIL block = PythonGIL.lockShared()) {
                PythonExecutioner.exec(keeps);
            }
        }), () -> got.set(PythonGIL.tryLock(Duration.ofMillis(50))));
        assertNull(got.get());
        isShort(keeping(() -> {
            try (PythonGIL block = PythonGIL.lockShared()) {
                PythonExecutioner.exec(keeps);
            }
        }), () -> assertFalse(new GILLock().tryLock()));
    }

    @Test
    void whoKeepsTheGilIsNamed() throws Exception {
        String keeps = keeps();
        isShort(keeping(() -> {
            Thread.currentThread().setName("keeper");
            try (PythonGIL block = PythonGIL.lockShared()) {
                PythonExecutioner.exec(keeps);
            }
        }), () -> {
            PythonTimeout late = assertThrows(PythonTimeout.class, () -> PythonGIL.lock(Duration.ofMillis(50)));
            assertEquals("There was no turn of Python within PT0.05S; no thread has it, but thread 'keeper' runs C code "
                    + "without a turn that does not release Python's GIL.", late.getMessage());
        });
        isShort(keeping(() -> {
            try (PythonGIL gil = PythonGIL.lock()) {
                PythonExecutioner.exec("import threading, time\nt = threading.Thread(target=lambda: (time.sleep(0.05), " + keeps + "))\nt.start()");
            }
        }), () -> {
            PythonTimeout late = assertThrows(PythonTimeout.class, () -> PythonGIL.lock(Duration.ofMillis(50)));
            assertTrue(late.getMessage().contains("but a thread that Python made, or a virtual thread, runs"), late.getMessage());
        });
        try (PythonGIL gil = PythonGIL.tryLock(Duration.ofSeconds(30))) {
            PythonExecutioner.exec("t.join()");
        }
    }

    @Test
    void andSoItIsWhileAThreadOfPythonsKeepsIt() throws Exception {
        String keeps = keeps();
        AtomicReference<PythonGIL> got = new AtomicReference<>();
        isShort(keeping(() -> {
            try (PythonGIL gil = PythonGIL.lock()) {
                PythonExecutioner.exec("import threading\nt = threading.Thread(target=lambda: " + keeps + ")\nt.start()");
            }
        }), () -> got.set(PythonGIL.tryLock(Duration.ofMillis(50))));
        assertNull(got.get());
        try (PythonGIL gil = PythonGIL.tryLock(Duration.ofSeconds(30))) {
            PythonExecutioner.exec("t.join()");
        }
    }

    @Test
    void anInterruptEndsTheWaitForTheGilToo() throws Exception {
        String keeps = keeps();
        isShort(keeping(() -> {
            try (PythonGIL block = PythonGIL.lockShared()) {
                PythonExecutioner.exec(keeps);
            }
        }), () -> {
            Thread me = Thread.currentThread();
            Thread other = new Thread(() -> {
                try {
                    Thread.sleep(50);
                } catch (InterruptedException e) {
                    return;
                }
                me.interrupt();
            });
            other.start();
            assertThrows(InterruptedException.class, new GILLock()::lockInterruptibly);
            other.join();
        });
    }

    @Test
    void whoWaitsLongEnoughGetsTheGilAfterWhoKeepsIt() throws Exception {
        for (int i = 0; i < 5; i++) {
            Thread keeping = keeping(() -> {
                try (PythonGIL block = PythonGIL.lockShared()) {
                    PythonExecutioner.exec("sum(range(10**7))");
                }
            });
            try (PythonGIL gil = PythonGIL.tryLock(Duration.ofSeconds(30))) {
                assertEquals(Thread.currentThread(), PythonGIL.holder());
                PythonExecutioner.exec("x = 1");
            }
            keeping.join();
        }
    }

    private static Thread keeping(Runnable work) throws Exception {
        Thread thread = new Thread(work);
        thread.start();
        Thread.sleep(150); // it is in the middle of it then, as a rule
        return thread;
    }

    private static void isShort(Thread keeping, Code code) throws Exception {
        long start = System.nanoTime();
        code.run();
        long took = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start);
        keeping.join();
        assertTrue(took < 400, took + " ms");
    }

    // ---- the end of a thread ----

    @Test
    void theObjectsOfAnEndedThreadsFrameStayAsLongAsSomebodyHasOne() throws Exception {
        PythonObject kept = OtherThread.call(() -> {
            try (PythonGIL gil = PythonGIL.lock()) {
                PythonGC.watch();
                return Python.eval("[5]");
            }
        });
        for (int i = 0; i < 5; i++) {
            System.gc();
            Thread.sleep(20);
            PythonGC.watch().close();
            sum();
        }
        try (PythonGIL gil = PythonGIL.lock()) {
            assertEquals("[5]", kept.toString());
            kept.del();
        }
    }

    @Test
    void anEndedThreadLeavesNothing() throws Exception {
        int handles = Handles.count();
        int frames = Native.handleFrameCount();
        for (int i = 0; i < 100; i++) {
            Thread thread = new Thread(() -> {
                PythonGIL.lockShared();
                PythonGC.watch();
                PythonGC.watch();
                Python.eval("[1]");
            });
            thread.start();
            thread.join();
        }
        for (int i = 0; i < 100 && (Native.handleFrameCount() > frames || Handles.count() > handles); i++) {
            System.gc();
            Thread.sleep(20);
            PythonGC.watch().close();
            sum();
        }
        assertTrue(Native.handleFrameCount() <= frames, Native.handleFrameCount() + " frames");
        assertTrue(Handles.count() <= handles, Handles.count() + " handles");
    }
}
