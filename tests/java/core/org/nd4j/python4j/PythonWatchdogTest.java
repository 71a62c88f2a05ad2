// SPDX-License-Identifier: Apache-2.0
// Turns that last too long: what the watchdog says of Python code that sleeps, computes, keeps the GIL
// in C or leaves it to Java, and what it does not say of short ones.
package org.nd4j.python4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class PythonWatchdogTest {
    private static final Duration LIMIT = Duration.ofMillis(80);

    private final BlockingQueue<PythonWatchdog.Report> reports = new LinkedBlockingQueue<>();
    private PythonWatchdog dog;

    @BeforeEach
    void watch() {
        try (PythonGIL gil = PythonGIL.lock()) {
            PythonExecutioner.exec("import ctypes"); // neither the start nor this is the long turn
        }
        dog = PythonGIL.watch(LIMIT, reports::add);
    }

    @AfterEach
    void close() throws Exception {
        dog.close();
        dog.close();
    }

    private PythonWatchdog.Report next() throws InterruptedException {
        PythonWatchdog.Report report = reports.poll(30, TimeUnit.SECONDS);
        assertNotNull(report, "a report");
        return report;
    }

    /** Runs code until there is a report of it. */
    private PythonWatchdog.Report reportOf(String code) throws Exception {
        OtherThread<Void> other = OtherThread.start(() -> {
            try (PythonGIL gil = PythonGIL.lock()) {
                PythonExecutioner.exec("going = True\n" + code);
            }
            return null;
        });
        PythonWatchdog.Report report = next();
        while (report.getPythonStack() == null) { // a busy machine: it is in the one that follows
            report = next();
        }
        try (PythonGIL gil = PythonGIL.lockShared()) {
            PythonExecutioner.exec("import sys; sys.modules['__main__'].going = False");
        }
        other.join();
        reports.clear();
        assertSame(other.thread, report.getThread());
        PythonWatchdog.Report last = report;
        assertTrue(report.getHeld().compareTo(LIMIT) >= 0, last::toString);
        assertTrue(Arrays.stream(report.getJavaStack()).anyMatch(f -> f.getClassName().endsWith("internal.jni.Native")), last::toString);
        return report;
    }

    @Test
    void codeThatSleepsIsSeenInBothLanguages() throws Exception {
        PythonWatchdog.Report report = reportOf("import time\ndef nap():\n    while going: time.sleep(1)\nnap()");
        String stack = report.getPythonStack();
        assertTrue(stack.startsWith("Thread that has the turn (0x"), stack);
        assertTrue(stack.contains(", line 5, in <module>\n    nap()\n  File \"<exec-"), stack);
        assertTrue(stack.contains(", line 4, in nap\n    while going: time.sleep(1)"), stack);
        String text = report.toString();
        assertTrue(text.startsWith("Thread 'other thread' has had its turn of Python for "), text);
        assertTrue(text.contains("Java, most recent call first:\n  at org.nd4j.python4j.internal.jni.Native.execRun(Native Method)"), text);
        assertTrue(text.contains("\nPython: \n" + stack), text);
    }

    @Test
    void codeThatComputesIsSeen() throws Exception {
        String stack = reportOf("def spin():\n    while going: pass\nspin()").getPythonStack();
        assertTrue(stack.contains(", line 3, in spin\n    while going: pass"), stack);
    }

    @Test
    void otherThreadsOfPythonAreSeenToo() throws Exception {
        String stack = reportOf("import threading, time\n"
                + "def elsewhere():\n    while going: time.sleep(0.01)\n"
                + "other = threading.Thread(target=elsewhere, name='collector')\n"
                + "other.start()\n"
                + "other.join()").getPythonStack();
        assertTrue(stack.contains("\nThread 'collector' (0x"), stack);
        assertTrue(stack.contains(", in elsewhere\n"), stack);
    }

    @Test
    void aCallOfCThatKeepsTheGilIsReportedTwice() throws Exception {
        OtherThread<Void> other = OtherThread.start(() -> {
            try (PythonGIL gil = PythonGIL.lock()) {
                PythonExecutioner.exec("import ctypes, sys\n"
                        + "def stuck():\n"
                        + "    if sys.platform == 'win32': ctypes.PyDLL('kernel32').Sleep(4000)\n"
                        + "    else: ctypes.PyDLL(None).usleep(4_000_000)\n"
                        + "    while going: pass\n"
                        + "going = True\n"
                        + "stuck()");
            }
            return null;
        });
        PythonWatchdog.Report first = next();
        assertNull(first.getPythonStack());
        assertTrue(first.toString().endsWith("Python: Python's stack cannot be read yet: a call of C code keeps the GIL."),
                first::toString);
        PythonWatchdog.Report second = next();
        try (PythonGIL gil = PythonGIL.lockShared()) {
            PythonExecutioner.exec("import sys; sys.modules['__main__'].going = False");
        }
        other.join();
        assertTrue(second.getPythonStack().contains(", in stuck\n"), second::toString);
        assertTrue(second.getHeld().compareTo(first.getHeld()) > 0, second::toString);
    }

    @Test
    void javaCodeWithinATurnIsSeen() throws Exception {
        OtherThread<Void> waiting;
        PythonWatchdog.Report report;
        try (PythonGIL gil = PythonGIL.lock()) {
            waiting = OtherThread.start(() -> {
                PythonGIL.lock().close();
                return null;
            });
            report = next();
        }
        waiting.join();
        assertSame(Thread.currentThread(), report.getThread());
        assertEquals(java.util.List.of(waiting.thread), report.getWaiters());
        assertNull(report.getPythonStack());
        assertTrue(report.toString().contains("ms; 1 thread waits: other thread\n"), report::toString);
        assertTrue(report.toString().contains(".javaCodeWithinATurnIsSeen("), report::toString);
        assertTrue(report.toString().endsWith("the thread is in Java code and keeps the GIL with its turn."), report::toString);
    }

    @Test
    void eachTurnIsReportedAndNoneTwice() throws Exception {
        for (int i = 0; i < 2; i++) {
            reportOf("import time\nwhile going: time.sleep(0.01)");
        }
        try (PythonGIL gil = PythonGIL.lock()) {
            PythonExecutioner.exec("import time; time.sleep(1)"); // many times the limit
        }
        dog.close();
        assertTrue(reports.stream().filter(report -> report.getPythonStack() != null).count() <= 1, reports::toString);
    }

    @Test
    void manyShortTurnsAreNoLongOne() throws Exception {
        Duration limit = Duration.ofMillis(500);
        dog.close();
        dog = PythonGIL.watch(limit, reports::add);
        long end = System.nanoTime() + 2 * limit.toNanos();
        while (System.nanoTime() < end) {
            PythonGIL.lock().close();
            Thread.sleep(1);
        }
        dog.close();
        assertNull(reports.poll());
    }

    @Test
    void aHandlerThatFailsIsCalledAgain() throws Exception {
        dog.close();
        try (PythonWatchdog failing = PythonGIL.watch(LIMIT, report -> {
            reports.add(report);
            throw new IllegalStateException("the handler's own");
        })) {
            for (int i = 0; i < 2; i++) {
                reportOf("import time\nwhile going: time.sleep(0.01)");
            }
        }
    }

    @Test
    void theLimitIsChecked() {
        assertThrows(IllegalArgumentException.class, () -> PythonGIL.watch(Duration.ZERO, reports::add));
        assertThrows(NullPointerException.class, () -> PythonGIL.watch(LIMIT, null));
    }

    // ---- the property ----

    @Test
    void durationsAreReadInBothSpellings() {
        assertEquals(Duration.ofMillis(500), PythonWatchdog.duration("500ms"));
        assertEquals(Duration.ofSeconds(10), PythonWatchdog.duration("10 s"));
        assertEquals(Duration.ofMinutes(2), PythonWatchdog.duration("2M"));
        assertEquals(Duration.ofSeconds(90), PythonWatchdog.duration("PT1M30S"));
        assertThrows(RuntimeException.class, () -> PythonWatchdog.duration("soon"));
        assertThrows(RuntimeException.class, () -> PythonWatchdog.duration("ms"));
    }

    /** Starts Python and says whether anybody watches. */
    static final class Watched {
        public static void main(String[] arguments) {
            PythonExecutioner.init();
            System.out.println(PythonWatchdog.isWatching());
        }
    }

    @Test
    void thePropertyWatchesTheProcess() throws Exception {
        assertEquals("false\n", Launch.of(Watched.class).run().out);
        assertEquals("true\n", Launch.of(Watched.class).with(PythonWatchdog.PROPERTY, "10s").run().out);
        assertEquals("false\n", Launch.of(Watched.class).with(PythonWatchdog.PROPERTY, "soon").run().out);
    }
}
