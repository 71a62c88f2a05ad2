// SPDX-License-Identifier: Apache-2.0
// Each way in which a worker can end or go wrong costs the calls of that worker and nothing else: the other worker's call goes
// on, a new worker takes the place, and the calls that wait are done.
package org.nd4j.python4j.pool;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.python4j.PythonBuffer;
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.PythonTimeout;

@Timeout(180)
class PoolDeathsTest {

    @TempDir
    Path folder;

    /** Code and what its loss is to tell. */
    private static final String[][] DEATHS = {
        {"segfault", "import ctypes\nctypes.string_at(0)", "SIGSEGV"},
        {"abort", "import os\nos.abort()", "SIGABRT"},
        {"bus error", "import os, signal\nos.kill(os.getpid(), signal.SIGBUS)", "SIGBUS"},
        {"illegal instruction", "import os, signal\nos.kill(os.getpid(), signal.SIGILL)", "SIGILL"},
        {"kill -9", "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", "SIGKILL"},
        {"terminated", "import os, signal\nos.kill(os.getpid(), signal.SIGTERM)", "SIGTERM"},
        {"a signal of programs", "import os, signal\nos.kill(os.getpid(), signal.SIGUSR1)", "SIGUSR1"},
        {"a system call that is refused", "import os, signal\nos.kill(os.getpid(), signal.SIGSYS)", "SIGSYS"},
        {"_exit", "import os\nos._exit(3)", "3"},
        {"exit of another thread", "import os, threading\nthreading.Thread(target=os._exit, args=(4,)).start()\nwhile True: pass", "4"},
        {"exec of another program", "import os\nos.execv('/bin/sh', ['sh', '-c', 'exit 5'])", "5"},
        {"garbage in its socket", "import os\nos.write(3, b'\\xff' * 1000)\nwhile True: pass", null},
        {"closed files", "import os\nos.closerange(0, 256)", null},
        {"closed files and goes on", "import os\nos.closerange(3, 256)\nwhile True: pass", null},
        {"another file in the place of its socket", "import os\nos.dup2(os.open('/dev/null', os.O_RDWR), 3)", null},
    };

    @TestFactory
    Stream<DynamicTest> eachDeathCostsOneCall() {
        List<DynamicTest> tests = new ArrayList<>();
        for (boolean forking : new boolean[] {false, true}) {
            for (String[] death : DEATHS) {
                tests.add(DynamicTest.dynamicTest(death[0] + (forking ? ", forked" : ""), () -> dies(forking, death[1], death[2])));
            }
        }
        return tests.stream();
    }

    private static void dies(boolean forking, String code, String tells) throws Exception {
        CountDownLatch other = new CountDownLatch(1);
        Supplier<Object> waits = () -> {
            try {
                return other.await(60, TimeUnit.SECONDS);
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        };
        try (PythonPool pool = PythonPool.builder().workers(2).forkServer(forking).grace(Duration.ofMillis(300)).output((worker, isError, line) -> {}).build()) {
            CompletableFuture<Object> goesOn = pool.callAsync("lambda f: (f(), 'done')[1]", waits);
            CompletableFuture<?> dies = pool.execAsync(code, null, null);
            CompletableFuture<Object> queued = pool.callAsync("lambda: 'queued'");
            PythonWorkerLost lost = assertInstanceOf(PythonWorkerLost.class, assertThrows(ExecutionException.class, () -> dies.get(60, TimeUnit.SECONDS)).getCause());
            if (tells != null) {
                assertEquals(tells, lost.getSignal() != null ? lost.getSignal() : String.valueOf(lost.getExitStatus()), lost.getMessage());
            }
            assertEquals("queued", queued.get(60, TimeUnit.SECONDS));
            other.countDown();
            assertEquals("done", goesOn.get(60, TimeUnit.SECONDS));
            assertEquals(1, pool.monitor().getRestarts());
        }
    }

    /** The beginning of a message that never ends is as if nothing came: the call's time ends it. */
    @Test
    void halfAMessageIsWaitedForAsLongAsTheCallMayTake() {
        try (PythonPool pool = PythonPool.builder().workers(1).grace(Duration.ofMillis(200)).build()) {
            PythonWorkerLost lost = assertThrows(PythonWorkerLost.class, () -> pool.within(Duration.ofMillis(200)).exec(
                    "import os\nos.write(3, b'\\xff\\xff\\xff\\x0f' + b'\\x00' * 60)\nwhile True:\n    try:\n        while True: pass\n    except BaseException: pass"));
            assertInstanceOf(PythonTimeout.class, lost.getCause());
            assertEquals(1L, pool.call("lambda: 1"));
        }
    }

    @Test
    void whatHoldsTheGilInCIsKilledAfterTheGrace() {
        try (PythonPool pool = PythonPool.builder().workers(1).grace(Duration.ofMillis(200)).build()) {
            for (String code : new String[] {"import ctypes\nctypes.PyDLL(None).pause()", "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)",
                "while True:\n    try:\n        while True: pass\n    except BaseException: pass"}) {
                PythonWorkerLost lost = assertThrows(PythonWorkerLost.class, () -> pool.within(Duration.ofMillis(200)).exec(code));
                assertInstanceOf(PythonTimeout.class, lost.getCause());
                assertEquals("SIGKILL", lost.getSignal());
            }
            assertEquals(1L, pool.call("lambda: 1"));
        }
    }

    @Test
    void memoryThatIsUsedUpIsAnErrorOfPythons() {
        try (PythonPool pool = PythonPool.builder().workers(1).memoryLimit(1L << 30).build()) {
            long worker = (Long) pool.call("os:getpid");
            PythonException e = assertThrows(PythonException.class, () -> pool.exec("rows = []\nwhile True: rows.append(bytearray(1 << 24))"));
            assertEquals("MemoryError", e.getPythonClass());
            assertThrows(PythonException.class, () -> pool.call("lambda: [None] * (1 << 40)"));
            assertThrows(PythonException.class, () -> pool.call("lambda: b'x' * (1 << 32)"));
            assertEquals(worker, pool.call("os:getpid"));
        }
    }

    @Test
    void aFullDiskIsAnErrorOfPythons() {
        assumeTrue(Files.exists(Path.of("/dev/full")), "no /dev/full");
        try (PythonPool pool = PythonPool.builder().workers(1).build(); PythonPool.Session session = pool.session()) {
            PythonException e = assertThrows(PythonException.class, () -> session.exec("with open('/dev/full', 'w') as f: f.write('x' * 100_000)"));
            assertEquals("OSError", e.getPythonClass());
            // Where it prints there is no room, either.
            session.exec("import os\nfull = os.open('/dev/full', os.O_WRONLY)\nos.dup2(full, 1)\nos.dup2(full, 2)");
            e = assertThrows(PythonException.class, () -> session.exec("print('x')"));
            assertEquals("OSError", e.getPythonClass());
            assertEquals(3L, session.call("len", "abc"));
        }
    }

    /** With a /dev/shm of 1 MB and a folder for temporary files, both full: nothing of a pool is in either. */
    @Test
    void aSmallDevShmAndAFullTemporaryFolderDoNotMatter() throws Exception {
        String mount = "mount -t tmpfs -o size=1m tmpfs /dev/shm && mount -t tmpfs -o size=1m tmpfs \"$1\" && "
                + "{ head -c 2000000 /dev/zero > /dev/shm/full; head -c 2000000 /dev/zero > \"$1/full\"; shift; exec \"$@\"; } 2>/dev/null";
        List<String> command = new ArrayList<>(List.of("unshare", "-Urm", "sh", "-c", mount, "sh", folder.toString()));
        List<String> tried = new ArrayList<>(command);
        tried.add("true");
        assumeTrue(runs(tried), "this user may not mount a file system of its own");
        List<String> jvm = JvmRun.command(Small.class.getName(), System.getProperty("python4j.tests.classpath"));
        jvm.add(1, "-Djava.io.tmpdir=" + folder);
        command.addAll(jvm);
        ProcessBuilder small = new ProcessBuilder(command).redirectErrorStream(true);
        small.environment().put("TMPDIR", folder.toString());
        assertEquals("80000000 7.0 true\n", JvmRun.output(small));
    }

    private static boolean runs(List<String> command) throws Exception {
        try {
            return new ProcessBuilder(command).start().waitFor() == 0;
        } catch (java.io.IOException e) {
            return false;
        }
    }

    /** 80 MB there, seen on both sides, and as much bytes back. */
    public static final class Small {
        public static void main(String[] arguments) {
            try (PythonPool pool = PythonPool.builder().workers(1).build();
                    PythonBuffer array = PythonBuffer.shared(PythonBuffer.Type.FLOAT64, 10_000_000)) {
                pool.call("lambda a: a.__setitem__(-1, 7)", array);
                byte[] bytes = (byte[]) pool.call("lambda n: bytes(n)", 80_000_000);
                boolean isFull = assertThrows(PythonException.class,
                        () -> pool.exec("with open('/dev/shm/more', 'wb') as f: f.write(bytes(1 << 20))")).getMessage().contains("No space left");
                System.out.println(bytes.length + " " + array.asByteBuffer().asDoubleBuffer().get(9_999_999) + " " + isFull);
            }
        }
    }
}
