// SPDX-License-Identifier: Apache-2.0
// What bounds a call and a worker: time, cancellation, the queue, memory, how often a worker is used; and what is left behind.
package org.nd4j.python4j.pool;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.PythonInterrupted;
import org.nd4j.python4j.PythonTimeout;
import org.nd4j.python4j.PythonTypes;
import org.nd4j.python4j.PythonVariable;

@Timeout(180)
@SuppressWarnings("rawtypes") // as the API
class PoolLimitsTest {

    /** A C function that holds the GIL and does not return. */
    private static final String ENDLESS = "import ctypes\nctypes.PyDLL(None).pause()";

    @TempDir
    Path folder;

    private static PythonPool.Builder one() {
        return PythonPool.builder().workers(1).output((worker, isError, line) -> {});
    }

    private static void await(String what, java.util.function.BooleanSupplier condition) throws InterruptedException {
        for (long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60); !condition.getAsBoolean(); Thread.sleep(5)) {
            assertTrue(System.nanoTime() < end, what);
        }
    }

    @Test
    void timeThatIsOverIsAnExceptionInPython() {
        try (PythonPool pool = one().build()) {
            long before = pid(pool);
            Path done = folder.resolve("done");
            String code = "try:\n    while True: pass\nfinally:\n    open(path, 'w').close()";
            var inputs = List.of((PythonVariable) new PythonVariable<>("path", PythonTypes.STR, done.toString()));
            assertThrows(PythonTimeout.class, () -> pool.within(Duration.ofMillis(300)).exec(code, inputs, null));
            assertTrue(Files.exists(done));
            assertEquals(before, pid(pool), "the worker is still of use");
        }
    }

    @Test
    void aTimeForEverIsALongOne() {
        Duration ever = Duration.ofSeconds(Long.MAX_VALUE);
        try (PythonPool pool = one().limit(ever).grace(ever).idle(ever).startLimit(ever).build()) {
            assertEquals(3L, pool.call("len", "abc"));
            assertEquals(3L, pool.within(ever).call("len", "abc"));
        }
    }

    @Test
    void codeThatCannotBeEndedLosesItsWorker() {
        try (PythonPool pool = one().grace(Duration.ofMillis(300)).build()) {
            long start = System.nanoTime();
            PythonWorkerLost e = assertThrows(PythonWorkerLost.class, () -> pool.within(Duration.ofMillis(300)).exec(ENDLESS));
            assertInstanceOf(PythonTimeout.class, e.getCause());
            assertEquals("SIGKILL", e.getSignal());
            assertTrue(e.getRunTime().toMillis() >= 600, e.getMessage());
            assertTrue(System.nanoTime() - start < TimeUnit.SECONDS.toNanos(30));
            assertEquals(3L, pool.call("len", "abc"));
        }
    }

    @Test
    void cancelEndsACallThatRunsAndOneThatWaits() throws Exception {
        try (PythonPool pool = one().build()) {
            Path begun = folder.resolve("begun");
            Path ended = folder.resolve("ended");
            String code = "import time\nopen(begun, 'w').close()\ntry:\n    time.sleep(1000)\nfinally:\n    open(ended, 'w').close()";
            CompletableFuture<?> runs = pool.execAsync(code, List.of(new PythonVariable<>("begun", PythonTypes.STR, begun.toString()),
                    new PythonVariable<>("ended", PythonTypes.STR, ended.toString())), null);
            CompletableFuture<?> waits = pool.callAsync("len", "abc");
            await("it runs", () -> Files.exists(begun));
            assertTrue(waits.cancel(true));
            assertTrue(runs.cancel(true));
            assertThrows(CancellationException.class, runs::get);
            await("it was ended", () -> Files.exists(ended));
            assertEquals(3L, pool.call("len", "abc"));
        }
    }

    @Test
    void anInterruptEndsTheCall() throws Exception {
        try (PythonPool pool = one().build()) {
            Path begun = folder.resolve("begun");
            List<Throwable> thrown = new ArrayList<>();
            Thread thread = new Thread(() -> {
                try {
                    pool.exec("open(path, 'w').close()\nwhile True: pass",
                            List.of(new PythonVariable<>("path", PythonTypes.STR, begun.toString())), null);
                } catch (PythonInterrupted e) {
                    thrown.add(Thread.currentThread().isInterrupted() ? e : new AssertionError("the thread's interrupt is lost"));
                }
            });
            thread.start();
            await("it runs", () -> Files.exists(begun));
            thread.interrupt();
            thread.join();
            assertInstanceOf(PythonInterrupted.class, thrown.get(0));
        }
    }

    @Test
    void aFullQueueRefuses() throws Exception {
        try (PythonPool pool = one().queue(1, PythonPool.WhenFull.FAIL).build()) {
            CompletableFuture<?> runs = pool.callAsync("__import__('time').sleep", 1000);
            CompletableFuture<?> waits = pool.callAsync("len", "abc");
            PythonException e = assertThrows(PythonException.class, () -> pool.callAsync("len", "abcd"));
            assertTrue(e.getMessage().startsWith("The pool's queue is full: 1 "), e.getMessage());
            runs.cancel(true);
            assertEquals(3L, waits.get());
        }
    }

    @Test
    void aWorkerThatIsKilledIsReplaced() throws Exception {
        try (PythonPool pool = one().build()) {
            long first = pid(pool);
            ProcessHandle.of(first).orElseThrow().destroyForcibly();
            await("it has ended", () -> ProcessHandle.of(first).map(process -> !process.isAlive()).orElse(true));
            assertNotEquals(first, pid(pool));
            PythonWorkerLost e = assertThrows(PythonWorkerLost.class, () -> pool.exec("import os, sys\nprint('bye', file=sys.stderr)\nos._exit(3)"));
            assertEquals(3, e.getExitStatus());
            assertEquals(List.of("bye"), e.getLastLines());
        }
    }

    @Test
    void whateverAWorkerClosesOrPrintsTheCallerIsAnswered() {
        try (PythonPool pool = one().build()) {
            assertThrows(PythonWorkerLost.class, () -> pool.exec("import os\nos.closerange(0, 256)"));
            assertThrows(PythonWorkerLost.class, () -> pool.exec("import os\nos.write(3, b'x' * 100)\nwhile True: pass"));
            assertThrows(PythonWorkerLost.class, () -> pool.exec("import os, time\nfor i in range(3, 10):\n"
                    + "    try: os.close(i)\n    except OSError: pass\ntime.sleep(1000)"));
            pool.exec("import os\nos.write(1, os.urandom(100_000))");
            assertEquals(3L, pool.call("len", "abc"));
        }
    }

    @Test
    void workersAreReplacedAfterSoManyCalls() {
        try (PythonPool pool = one().recycleAfter(2).build()) {
            long first = pid(pool);
            assertEquals(first, pid(pool));
            assertNotEquals(first, pid(pool));
        }
    }

    @Test
    void aFullQueueMakesTheCallerWait() throws Exception {
        try (PythonPool pool = one().queue(1, PythonPool.WhenFull.WAIT).build()) {
            CompletableFuture<?> runs = pool.callAsync("__import__('time').sleep", 1000);
            CompletableFuture<?> waits = pool.callAsync("len", "abc");
            List<Object> results = new ArrayList<>();
            Thread caller = new Thread(() -> results.add(pool.callAsync("len", "abcd").join()));
            Thread interrupted = new Thread(() -> {
                try {
                    pool.call("len", "");
                } catch (PythonInterrupted e) {
                    results.add(e.getClass());
                }
            });
            interrupted.start();
            await("it waits for room", () -> interrupted.getState() == Thread.State.WAITING);
            interrupted.interrupt();
            interrupted.join();
            assertEquals(List.of(PythonInterrupted.class), results);
            caller.start();
            await("it waits for room", () -> caller.getState() == Thread.State.WAITING);
            assertEquals(1, pool.monitor().getQueued());
            runs.cancel(true);
            caller.join();
            assertEquals(4L, results.get(1));
            assertEquals(3L, waits.get());
        }
    }

    /** Nothing waits for a round of the threads that read and look: of ten replacements one at least is not delayed by anything else. */
    @Test
    void aWorkerIsReplacedWithoutDelay() {
        try (PythonPool pool = one().forkServer(true).recycleAfter(1).build()) {
            long least = Long.MAX_VALUE;
            for (int i = 0; i < 10; i++) {
                long start = System.nanoTime();
                pool.exec("");
                least = Math.min(least, System.nanoTime() - start);
            }
            assertTrue(least < TimeUnit.MILLISECONDS.toNanos(80), least + " ns");
        }
    }

    @Test
    void whoWaitsForRoomInTheQueueIsNotForgotten() throws Exception {
        for (int room : new int[] {0, 1}) {
            try (PythonPool pool = one().queue(room, PythonPool.WhenFull.WAIT).build()) {
                List<CompletableFuture<Void>> callers = new ArrayList<>();
                for (int i = 0; i < 8; i++) {
                    callers.add(CompletableFuture.runAsync(() -> {
                        for (int n = 0; n < 500; n++) {
                            pool.exec("");
                        }
                    }, task -> new Thread(task).start()));
                }
                for (CompletableFuture<Void> caller : callers) {
                    caller.get(100, TimeUnit.SECONDS);
                }
            }
        }
    }

    @Test
    void aWorkerThatHasTakenTooMuchMemoryIsReplaced() {
        org.junit.jupiter.api.Assumptions.assumeTrue(Files.exists(Path.of("/proc/self/statm")), "the system does not tell");
        try (PythonPool pool = one().recycleAbove(200L << 20).build()) {
            long first = pid(pool);
            assertEquals(5L, pool.call("lambda: len(b'x' * 5)"));
            assertEquals(first, pid(pool));
            pool.exec("import sys\nsys.kept = b'x' * (300 << 20)");
            assertNotEquals(first, pid(pool));
            assertEquals(java.util.Map.of("its resident memory was above " + (200L << 20) + " bytes", 1L), pool.monitor().getRestartReasons());
        }
    }

    @Test
    void workersComeWithTheLoadAndGoWithoutIt() throws Exception {
        try (PythonPool pool = PythonPool.builder().workers(1, 3).idle(Duration.ofMillis(300)).build()) {
            assertEquals(1, pool.monitor().getWorkers());
            List<CompletableFuture<Object>> calls = new ArrayList<>();
            for (int i = 0; i < 6; i++) {
                calls.add(pool.callAsync("lambda: (__import__('time').sleep(0.3), __import__('os').getpid())[1]"));
            }
            await("there are three", () -> pool.monitor().getWorkers() == 3);
            java.util.Set<Object> workers = new java.util.HashSet<>();
            for (CompletableFuture<Object> call : calls) {
                workers.add(call.get());
            }
            assertTrue(workers.size() > 1 && workers.size() <= 3, workers.toString());
            await("two have gone", () -> pool.monitor().getWorkers() == 1);
            assertEquals(0, pool.monitor().getRestarts());
        }
        try (PythonPool none = PythonPool.builder().workers(0, 1).idle(Duration.ofMillis(50)).build()) {
            assertEquals(0, none.monitor().getWorkers());
            assertEquals(1L, none.call("lambda: 1"));
            await("it has gone", () -> none.monitor().getWorkers() == 0);
            assertEquals(2L, none.call("lambda: 2"));
        }
    }

    @Test
    void windowsIsRefusedClearly() {
        String message = assertThrows(PythonException.class, () -> PythonPool.Builder.refuseWindows("Windows 11")).getMessage();
        assertEquals("Pools are available on Linux and macOS only, and this system is Windows 11. Use the Python in this process"
                + " (PythonGIL), or start programs with PythonProcess.", message);
    }

    @Test
    void memoryAndProcessorTimeHaveLimits() {
        try (PythonPool pool = one().memoryLimit(2L << 30).processorLimit(Duration.ofSeconds(1)).build()) {
            PythonException e = assertThrows(PythonException.class, () -> pool.exec("x = bytearray(4 << 30)"));
            assertEquals("MemoryError", e.getPythonClass());
            PythonWorkerLost lost = assertThrows(PythonWorkerLost.class, () -> pool.exec("while True: pass"));
            assertEquals("SIGXCPU", lost.getSignal(), lost.getMessage());
        }
    }

    @Test
    void theProcessorTimeOfAForkServerIsItsOwn() {
        // It has used more than a worker may, before it forks.
        String works = "import time\nwhile time.process_time() < 1.2: pass";
        try (PythonPool pool = one().forkServer(true).prepare(works).processorLimit(Duration.ofSeconds(1)).build()) {
            assertEquals(1L, pool.call("lambda: 1"));
            PythonWorkerLost lost = assertThrows(PythonWorkerLost.class, () -> pool.exec("while True: pass"));
            assertEquals("SIGXCPU", lost.getSignal(), lost.getMessage());
            PythonWorkerLost late = assertThrows(PythonWorkerLost.class,
                    () -> pool.exec("import signal\nsignal.signal(signal.SIGXCPU, signal.SIG_IGN)\nwhile True: pass"));
            assertEquals("SIGKILL", late.getSignal(), late.getMessage());
            assertEquals(2L, pool.call("lambda: 2"));
        }
    }

    @Test
    void aPreparationThatFailsIsToldByBuild() {
        PythonException e = assertThrows(PythonException.class, () -> one().prepare("1 / 0").build());
        assertTrue(e.getMessage().contains("could not be started: ZeroDivisionError"), e.getMessage());
        assertEquals("ZeroDivisionError", ((PythonException) e.getCause()).getPythonClass());
    }

    @Test
    void aWorkerThatIsLostWhileItStartsIsStartedAgainSomeTimes() throws Exception {
        Path starts = folder.resolve("starts");
        String count = "import os\nopen('" + starts + "', 'a').write('x')\n";
        try (PythonPool pool = one().prepare(count + "if os.path.getsize('" + starts + "') < 3:\n    os.kill(os.getpid(), 9)").build()) {
            assertEquals(3L, Files.size(starts));
            assertEquals(1L, pool.call("lambda: 1"));
        }
        Files.delete(starts);
        PythonWorkerLost lost = assertThrows(PythonWorkerLost.class, () -> one().prepare(count + "os._exit(5)").build());
        assertTrue(lost.getMessage().startsWith("A worker process could not be started: The worker process "), lost.getMessage());
        assertEquals(5, lost.getExitStatus());
        assertEquals(4L, Files.size(starts));
    }

    @Test
    void aCallThatCallsJavaAllTheTimeHasALimit() {
        java.util.function.Supplier<Object> nothing = () -> null;
        try (PythonPool pool = one().build()) {
            assertThrows(PythonTimeout.class,
                    () -> pool.within(Duration.ofMillis(200)).call("lambda f: [None for _ in iter(int, 1) if f()]", nothing));
            assertEquals(1L, pool.call("lambda: 1"));
        }
    }

    @Test
    void closeEndsThoughAFunctionOfJavaDoesNot() throws Exception {
        var entered = new java.util.concurrent.CountDownLatch(1);
        var released = new java.util.concurrent.CountDownLatch(1);
        java.util.function.Supplier<Object> waits = () -> {
            entered.countDown();
            while (true) {
                try {
                    released.await();
                    return null;
                } catch (InterruptedException e) {
                    // by close, which would find the call at its end if this ended now
                }
            }
        };
        PythonPool pool = one().grace(Duration.ofMillis(200)).build();
        CompletableFuture<Object> call = pool.callAsync("lambda f: f()", waits);
        assertTrue(entered.await(30, TimeUnit.SECONDS));
        pool.close();
        released.countDown();
        ExecutionException e = assertThrows(ExecutionException.class, () -> call.get(30, TimeUnit.SECONDS));
        assertInstanceOf(PythonException.class, e.getCause());
    }

    @Test
    void closeEndsWhatRunsAndLeavesNothing() throws Exception {
        PythonPool pool = one().build();
        long pid = pid(pool);
        int files = files();
        CompletableFuture<?> runs = pool.callAsync("__import__('time').sleep", 1000);
        CompletableFuture<?> waits = pool.callAsync("len", "abc");
        pool.close();
        assertFalse(ProcessHandle.of(pid).map(ProcessHandle::isAlive).orElse(false));
        assertInstanceOf(PythonInterrupted.class, assertThrows(ExecutionException.class, runs::get).getCause());
        assertEquals("The pool is closed.", assertThrows(ExecutionException.class, waits::get).getCause().getMessage());
        assertEquals("The pool is closed.", assertThrows(PythonException.class, () -> pool.exec("")).getMessage());
        await("its files are closed", () -> files() < files);
    }

    @Test
    void closeEndsSessionsToo() {
        PythonPool pool = one().build();
        PythonPool.Session session = pool.session();
        CompletableFuture<?> runs = session.callAsync("__import__('time').sleep", 1000);
        pool.close();
        assertInstanceOf(PythonException.class, assertThrows(ExecutionException.class, runs::get).getCause());
        assertThrows(PythonException.class, () -> session.exec(""));
        session.close();
    }

    @Test
    void workersThatComeAndGoLeaveNothing() throws Exception {
        try (PythonPool pool = one().recycleAfter(1).build()) {
            pool.exec("");
            int files = files();
            int threads = Thread.activeCount();
            for (int i = 0; i < 40; i++) {
                pool.exec("x = 1");
            }
            await("the files are closed", () -> files() <= files + 8);
            await("the threads have ended", () -> Thread.activeCount() <= threads + 4);
        }
    }

    private static int files() {
        return java.util.Objects.requireNonNull(new java.io.File("/proc/self/fd").list()).length;
    }

    private static long pid(PythonPool pool) {
        return (Long) pool.call("__import__('os').getpid");
    }
}
