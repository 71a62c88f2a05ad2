// SPDX-License-Identifier: Apache-2.0
// Many threads at once: nothing is lost, nobody starves, nobody is in the middle of another's turn,
// and a thread that dies or gives up does no harm.
package org.nd4j.python4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class ThreadsTest {
    @BeforeEach
    void startEmpty() {
        try (PythonGIL gil = PythonGIL.lock()) {
            PythonContextManager.reset();
        }
    }

    @AfterEach
    void nobodyHoldsATurn() {
        assertFalse(PythonGIL.locked());
    }

    @Test
    @Rule("1.3")
    void eightThreadsTakingTurnsLoseNothing() throws Exception {
        assertEquals(80_000, sum(turns(8, 10_000, Long.MAX_VALUE)));
    }

    /** Long enough that the scheduler of a busy machine has given each thread its part of the processors. */
    @Test
    void noneOfEightThreadsStarves() throws Exception {
        Map<Integer, Long> done = turns(8, Integer.MAX_VALUE, TimeUnit.SECONDS.toNanos(3));
        done.values().forEach(n -> assertTrue(n * 8 * 4 > sum(done), "less than a quarter of a fair share: " + done));
    }

    /** How many turns each of some threads had when it was done or the time was over, as Python counted. */
    private static Map<Integer, Long> turns(int threads, int most, long nanos) throws Exception {
        try (PythonGIL gil = PythonGIL.lock()) {
            PythonExecutioner.exec("n = 0\nby = {}");
        }
        CyclicBarrier start = new CyclicBarrier(threads);
        List<OtherThread<Integer>> all = new ArrayList<>();
        for (int t = 0; t < threads; t++) {
            final String code = "m = n + 1\nn = m\nby[" + t + "] = by.get(" + t + ", 0) + 1";
            all.add(OtherThread.start(() -> {
                start.await();
                long begin = System.nanoTime();
                int turn = 0;
                while (turn < most && System.nanoTime() - begin < nanos) {
                    try (PythonGIL gil = PythonGIL.lock()) {
                        PythonExecutioner.exec(code);
                    }
                    turn++;
                }
                return turn;
            }));
        }
        Map<Integer, Long> turns = new TreeMap<>();
        for (int t = 0; t < threads; t++) {
            turns.put(t, (long) all.get(t).join());
        }
        try (PythonGIL gil = PythonGIL.lock()) {
            assertEquals(turns.toString().replace("=", ": "), Expect.text("dict(sorted(by.items()))"));
            assertEquals(sum(turns) + "", Expect.text("n"));
        }
        return turns;
    }

    private static long sum(Map<Integer, Long> turns) {
        return turns.values().stream().mapToLong(n -> n).sum();
    }

    @Test
    void aBlockOfCallsIsNeverInterleavedWithAnothers() throws Exception {
        OtherThread<Void> a = OtherThread.start(() -> setSleepGet("a"));
        OtherThread<Void> b = OtherThread.start(() -> setSleepGet("b"));
        a.join();
        b.join();
    }

    private static Void setSleepGet(String mine) {
        for (int i = 0; i < 25; i++) {
            try (PythonGIL gil = PythonGIL.lock()) {
                PythonExecutioner.setVariables(new PythonVariable<>("who", PythonTypes.STR, mine));
                PythonExecutioner.exec("import time; time.sleep(0.002)");
                assertEquals(mine, PythonExecutioner.getVariable("who", PythonTypes.STR).getValue());
            }
        }
        return null;
    }

    @Test
    void aThreadThatDiesWithItsTurnGivesItUp() throws Exception {
        OtherThread.call(() -> {
            PythonGIL.lock();
            PythonExecutioner.exec("x = 'of the dead'");
            return null;
        });
        assertEquals("of the dead", OtherThread.call(() -> {
            try (PythonGIL gil = PythonGIL.lock()) {
                return Expect.text("x");
            }
        }));
    }

    @Test
    void aThreadThatWaitsIsServedWhenTheOwnerDies() throws Exception {
        CountDownLatch has = new CountDownLatch(1);
        CountDownLatch die = new CountDownLatch(1);
        OtherThread<Void> owner = OtherThread.start(() -> {
            PythonGIL.lock();
            has.countDown();
            die.await();
            return null;
        });
        has.await();
        OtherThread<String> waiter = OtherThread.start(() -> {
            try (PythonGIL gil = PythonGIL.lock()) {
                return Expect.text("1");
            }
        });
        while (!waiter.waits()) {
            Thread.onSpinWait();
        }
        die.countDown();
        owner.join();
        assertEquals("1", waiter.join());
    }

    @Test
    void whatPythonKeepsForAThreadSurvivesTheTurn() throws Exception {
        try (PythonGIL gil = PythonGIL.lock()) {
            PythonExecutioner.exec("import threading, decimal\nlocal = threading.local()\nlocal.x = 'main'");
        }
        OtherThread.call(() -> {
            String ident;
            try (PythonGIL gil = PythonGIL.lock()) {
                assertFalse(Expect.truth("hasattr(local, 'x')"));
                PythonExecutioner.exec("local.x = 5\ndecimal.getcontext().prec = 7");
                ident = Expect.text("threading.get_ident()");
            }
            try (PythonGIL gil = PythonGIL.lock()) {
                assertEquals("5", Expect.text("local.x"));
                assertEquals("7", Expect.text("decimal.getcontext().prec"));
                assertEquals(ident, Expect.text("threading.get_ident()"));
            }
            return null;
        });
        try (PythonGIL gil = PythonGIL.lock()) {
            assertEquals("main", Expect.text("local.x"));
        }
    }

    @Test
    void aPythonThreadCanBeJoinedWithinATurn() {
        try (PythonGIL gil = PythonGIL.lock()) {
            PythonExecutioner.exec(String.join(
                    "\n",
                    "import threading",
                    "seen = []",
                    "t = threading.Thread(target=lambda: seen.extend(range(1000)))",
                    "t.start()",
                    "t.join()"));
            assertEquals("1000", Expect.text("len(seen)"));
        }
    }

    @Test
    void aVariableOfOneThreadIsSeenInAnother() throws Exception {
        OtherThread.call(() -> {
            try (PythonGIL gil = PythonGIL.lock()) {
                PythonExecutioner.exec("v = 42");
            }
            return null;
        });
        try (PythonGIL gil = PythonGIL.lock()) {
            assertEquals(42L, PythonExecutioner.getVariable("v", PythonTypes.INT).getValue());
        }
    }

    @Test
    void anErrorInOneThreadLeavesTheOthersAlone() throws Exception {
        OtherThread<Integer> failing = OtherThread.start(() -> {
            int failures = 0;
            for (int i = 0; i < 500; i++) {
                try (PythonGIL gil = PythonGIL.lock()) {
                    assertThrows(PythonException.class, () -> PythonExecutioner.exec("1 / 0"));
                    failures++;
                }
            }
            return failures;
        });
        for (int i = 0; i < 500; i++) {
            try (PythonGIL gil = PythonGIL.lock()) {
                assertEquals("ok", Expect.text("'ok'"));
            }
        }
        assertEquals(500, failing.join());
    }

    @Test
    void anObjectOfOneThreadServesAnother() throws Exception {
        PythonObject list;
        try (PythonGIL gil = PythonGIL.lock()) {
            list = Expect.object("[1, 2, 3]");
        }
        assertEquals("[1, 2, 3, 4]", OtherThread.call(() -> {
            try (PythonGIL gil = PythonGIL.lock()) {
                list.attr("append").call(4);
                return list.toString();
            }
        }));
    }

    @Test
    void aFrameThatClosesWithoutATurnFreesItsObjectsWhenSomebodyNextEnters() throws Exception {
        try (PythonGIL gil = PythonGIL.lock()) {
            PythonExecutioner.exec(
                    "import weakref\nclass C: pass\ndef make():\n    global ref\n    c = C()\n    ref = weakref.ref(c)\n    return c");
        }
        OtherThread.call(() -> {
            try (PythonGC gc = PythonGC.watch()) {
                try (PythonGIL gil = PythonGIL.lock()) {
                    Python.eval("make()");
                    assertTrue(Expect.truth("ref() is not None"));
                }
            }
            return null;
        });
        try (PythonGIL gil = PythonGIL.lock()) {
            assertEquals("None", Expect.text("ref()"));
        }
    }

    @Test
    void virtualThreadsTakeTurnsToo() throws Exception {
        assumeTrue(Runtime.version().feature() >= 21, "virtual threads came with Java 21");
        ExecutorService virtual = (ExecutorService)
                Executors.class.getMethod("newVirtualThreadPerTaskExecutor").invoke(null);
        try {
            try (PythonGIL gil = PythonGIL.lock()) {
                PythonExecutioner.exec("n = 0");
            }
            List<Future<?>> all = new ArrayList<>();
            for (int i = 0; i < 200; i++) {
                all.add(virtual.submit(() -> {
                    try (PythonGIL gil = PythonGIL.lock()) {
                        PythonExecutioner.exec("m = n");
                        Thread.yield();
                        PythonExecutioner.exec("import time; time.sleep(0); n = m + 1");
                    }
                }));
            }
            for (Future<?> one : all) {
                one.get(30, TimeUnit.SECONDS);
            }
            try (PythonGIL gil = PythonGIL.lock()) {
                assertEquals("200", Expect.text("n"));
            }
        } finally {
            virtual.shutdownNow();
        }
    }

    private static String nameInPython() {
        return Python.eval("__import__('threading').current_thread().name").toString();
    }

    @Test
    void threadsHaveTheirJavaNamesInPython() throws Exception {
        List<String> seen = new ArrayList<>();
        OtherThread.call(() -> {
            Thread.currentThread().setName("orders-7");
            try (PythonGIL gil = PythonGIL.lock()) {
                seen.add(nameInPython());
                seen.add(Python.eval("repr(__import__('threading').current_thread())").toString());
                Thread.currentThread().setName("orders-8");
                seen.add(nameInPython());
                PythonExecutioner.exec("import threading\nthreading.current_thread().name = 'of Python'");
                seen.add(nameInPython());
                seen.add(Python.eval("str(threading.current_thread() in threading.enumerate())").toString());
            }
            return null;
        });
        assertEquals("orders-7", seen.get(0));
        assertTrue(seen.get(1).startsWith("<_DummyThread(orders-7, started daemon "), seen.get(1));
        assertEquals(List.of("orders-8", "of Python", "True"), seen.subList(2, 5));
        try (PythonGIL gil = PythonGIL.lock()) {
            assertEquals(Thread.currentThread().getName(), nameInPython());
            // Python's own threads keep theirs, also once they were in Java.
            PythonExecutioner.setVariable("back", Python.function((args, named) -> nameInPython()));
            PythonExecutioner.exec("import threading, _thread\nnames = []\ndef run():\n    back()\n"
                    + "    names.append(threading.current_thread().name)\n"
                    + "t = threading.Thread(target=run, name='python-1')\nt.start()\nt.join()");
            assertEquals("['python-1']", Python.eval("names").toString());
            // One that neither Java nor threading knows.
            PythonExecutioner.exec("done = _thread.allocate_lock()\ndone.acquire()\ndef alone():\n"
                    + "    names.append(threading.current_thread().name)\n    done.release()\n"
                    + "_thread.start_new_thread(alone, ())\ndone.acquire()");
            assertTrue(Python.eval("names[1]").toString().startsWith("Dummy-"), Python.eval("names[1]").toString());
        }
    }
}
