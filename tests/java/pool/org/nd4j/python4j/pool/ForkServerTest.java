// SPDX-License-Identifier: Apache-2.0
// Workers that a prepared process forks: they are as any, end as any, and what cannot be forked is started one by one.
package org.nd4j.python4j.pool;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.nd4j.python4j.PythonBuffer;
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.PythonTimeout;

@Timeout(120)
class ForkServerTest {

    private static final String LOOP = "lambda: [None for _ in iter(int, 1)]";

    @BeforeAll
    static void onLinux() {
        assumeTrue(System.getProperty("os.name").startsWith("Linux"), "only Linux forks");
    }

    private static PythonPool.Builder forking() {
        return PythonPool.builder().workers(1).forkServer(true);
    }

    private static boolean exists(long process) {
        return Files.exists(Path.of("/proc/" + process));
    }

    private static void gone(long process) throws InterruptedException {
        long end = System.nanoTime() + 10_000_000_000L;
        while (exists(process) && System.nanoTime() < end) {
            Thread.sleep(5);
        }
        assertFalse(exists(process), process + " is still there, or a zombie");
    }

    @Test
    void aForkedWorkerHasWhatWasPreparedAndDoesCallsAsAny() throws InterruptedException {
        long server;
        try (PythonPool pool = forking().imports("json").prepare("import os\nmade = os.getpid()\nstate = [1]").build()) {
            server = (Long) pool.call("lambda: made");
            long worker = (Long) pool.call("os:getpid");
            assertNotEquals(server, worker);
            assertEquals(server, pool.call("os:getppid"));
            assertEquals("fork server", pool.monitor().getStart());
            assertEquals("ZeroDivisionError: division by zero",
                    assertThrows(PythonException.class, () -> pool.exec("1 / 0")).getMessage());
            java.util.function.Function<Object, Object> twice = x -> 2 * (Long) x;
            assertEquals(42L, pool.call("lambda f: f(f(10) + 1)", twice));
            try (PythonBuffer shared = PythonBuffer.shared(PythonBuffer.Type.UINT8, 100_000)) {
                assertEquals(100_000L, pool.call("len", shared));
            }
            // What one worker does to the state, the next one does not see.
            pool.exec("state.append(2)");
            assertThrows(PythonWorkerLost.class, () -> pool.exec("os._exit(3)"));
            assertEquals(1L, pool.call("lambda: len(state)"));
            gone(worker);
        }
        gone(server);
    }

    @Test
    void aForkedWorkerIsStoppedKilledAndReplaced() throws InterruptedException {
        try (PythonPool pool = forking().grace(Duration.ofSeconds(1)).build()) {
            assertThrows(PythonTimeout.class, () -> pool.within(Duration.ofMillis(50)).call(LOOP));
            PythonWorkerLost exit = assertThrows(PythonWorkerLost.class, () -> pool.exec("import os; os._exit(7)"));
            assertEquals(7, exit.getExitStatus());
            PythonWorkerLost crash = assertThrows(PythonWorkerLost.class, () -> pool.exec("import os; os.abort()"));
            assertEquals("SIGABRT", crash.getSignal());
            PythonWorkerLost stopped = assertThrows(PythonWorkerLost.class,
                    () -> pool.within(Duration.ofMillis(50)).exec("import os; os.kill(os.getpid(), 19)"));
            assertEquals("SIGKILL", stopped.getSignal());
            assertEquals(3L, pool.call("lambda: 3"));
            assertEquals(3, pool.monitor().getRestarts());
            assertTrue(pool.monitor().getLastRestart().endsWith("so it was killed"), pool.monitor().getLastRestart());
        }
    }

    @Test
    void aServerThatEndsIsReplacedAndSoAreItsWorkers() {
        try (PythonPool pool = forking().build()) {
            long server = (Long) pool.call("os:getppid");
            assertThrows(PythonWorkerLost.class, () -> pool.exec("import os, time; os.kill(os.getppid(), 9); time.sleep(20)"));
            assertNotEquals(server, pool.call("os:getppid"));
        }
    }

    private static void signal(String signal, long process) throws Exception {
        assertEquals(0, new ProcessBuilder("kill", "-" + signal, String.valueOf(process)).start().waitFor());
    }

    @Test
    @Timeout(60)
    void aStoppedServerIsKilledWhenItDoesNotTellTheEndOfAWorker() throws Exception {
        try (PythonPool pool = forking().build()) {
            long server = (Long) pool.call("os:getppid");
            signal("STOP", server);
            PythonWorkerLost lost = assertThrows(PythonWorkerLost.class, () -> pool.exec("import os; os._exit(7)"));
            assertEquals(-1, lost.getExitStatus()); // nobody could tell it
            assertNull(lost.getSignal());
            assertTrue(lost.getMessage().contains("how it ended is not known"), lost.getMessage());
            assertNotEquals(server, pool.call("os:getppid"));
            gone(server);
        }
    }

    @Test
    @Timeout(60)
    void aStoppedServerIsFoundThoughTheSocketOfADeadWorkerIsStillOpen() throws Exception {
        try (PythonPool pool = forking().build()) {
            long server = (Long) pool.call("os:getppid");
            signal("STOP", server);
            String child = "import os, time\nif os.fork() == 0:\n    time.sleep(100)\nos.kill(os.getpid(), 9)";
            assertThrows(PythonWorkerLost.class, () -> pool.exec(child));
            gone(server);
        }
    }

    @Test
    @Timeout(60)
    void closeEndsThoughTheServerIsStopped() throws Exception {
        for (String code : new String[] {"import time; time.sleep(100)", "import os; os._exit(0)"}) {
            PythonPool pool = PythonPool.builder().workers(2).grace(Duration.ofMillis(300)).forkServer(true).build();
            long server = (Long) pool.call("os:getppid");
            signal("STOP", server);
            CompletableFuture<?> call = pool.execAsync(code, null, null);
            long began = System.nanoTime();
            pool.close();
            long millis = (System.nanoTime() - began) / 1_000_000;
            assertTrue(millis < 15_000, millis + " ms");
            assertTrue(call.isDone());
            gone(server);
        }
    }

    @Test
    @Timeout(60)
    void closeEndsWhileTheServerIsPrepared() throws Exception {
        PythonPool.Builder slow = PythonPool.builder().workers(0, 1).grace(Duration.ofMillis(300)).forkServer(true)
                .prepare("import time\ntime.sleep(100)");
        PythonPool pool = slow.build();
        CompletableFuture<Object> call = pool.callAsync("int");
        long end = System.nanoTime() + 20_000_000_000L;
        while (ProcessHandle.current().children().count() == 0 && System.nanoTime() < end) {
            Thread.sleep(5);
        }
        long began = System.nanoTime();
        pool.close();
        long millis = (System.nanoTime() - began) / 1_000_000;
        assertTrue(millis < 15_000, millis + " ms");
        assertTrue(call.isCompletedExceptionally());
        assertEquals(0, ProcessHandle.current().children().filter(ProcessHandle::isAlive).count());
    }

    @Test
    @Timeout(60)
    void callsEndWhenTheServerIsKilledAgainAndAgain() throws Exception {
        try (PythonPool pool = PythonPool.builder().workers(2).forkServer(true).build()) {
            int lost = 0;
            for (int i = 0; i < 10; i++) {
                long server = (Long) pool.call("os:getppid");
                CompletableFuture<Object> one = pool.callAsync("time:sleep", 0.05);
                CompletableFuture<Object> other = pool.callAsync("time:sleep", 0.05);
                signal("KILL", server);
                for (CompletableFuture<Object> call : java.util.List.of(one, other)) {
                    try {
                        call.join();
                    } catch (CompletionException e) {
                        assertEquals(PythonWorkerLost.class, e.getCause().getClass(), e.toString());
                        lost++;
                    }
                }
                gone(server);
            }
            assertTrue(lost > 0);
        }
    }

    @Test
    void aServerThatNamesAnotherProcessHarmsNone() throws Exception {
        Process stranger = new ProcessBuilder("sleep", "100").start();
        // The server's first fork is its own trial.
        String lies = "import os, struct\nforks = []\ndef told():\n    forks.append(1)\n    if len(forks) > 1:\n"
                + "        os.write(3, struct.pack('<i', " + stranger.pid() + "))\nos.register_at_fork(after_in_parent=told)";
        try {
            try (PythonPool pool = forking().prepare(lies).build()) {
                assertEquals(2L, pool.call("lambda: 2"));
                assertEquals("spawn: The fork server named a process that it did not make.", pool.monitor().getStart());
            }
            assertTrue(stranger.isAlive());
        } finally {
            stranger.destroyForcibly();
        }
    }

    @Test
    void workersOfOneCallEachAreAllDifferentAndLeaveNothing() throws InterruptedException {
        Set<Object> workers = new HashSet<>();
        long server;
        try (PythonPool pool = forking().recycleAfter(1).build()) {
            server = (Long) pool.call("os:getppid");
            long files = 0;
            for (int i = 0; i < 60; i++) {
                workers.add(pool.call("os:getpid"));
                if (i == 20) {
                    files = files(server);
                }
            }
            assertTrue(files(server) <= files + 4, files + " files of the server have become " + files(server));
        }
        assertEquals(60, workers.size());
        for (Object worker : workers) {
            gone((Long) worker);
        }
        gone(server);
    }

    private static long files(long process) {
        return new java.io.File("/proc/" + process + "/fd").list().length;
    }

    @Test
    void whatCannotBeForkedIsStartedOneByOneAndTheReasonIsTold() {
        String thread = "import threading\nthreading.Thread(target=threading.Event().wait, name='ticker', daemon=True).start()";
        try (PythonPool pool = forking().prepare(thread).build()) {
            assertEquals(2L, pool.call("threading:active_count"));
            assertEquals("spawn: threads of Python run in it after its preparation: ticker", pool.monitor().getStart());
        }
    }

    @Test
    void aPreparationThatFailsIsToldAsWithoutAServer() {
        PythonPool.Builder failing = forking().prepare("raise ValueError('no model')");
        String message = assertThrows(PythonException.class, failing::build).getMessage();
        assertEquals("A worker process could not be started: ValueError: no model", message);
    }
}
