// SPDX-License-Identifier: Apache-2.0
// What monitoring shows: holder and waiters, the counts and times of the bean, and the events of the
// Java Flight Recorder. Starts without the modules these need are in a JVM of their own.
package org.nd4j.python4j;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.stream.Collectors;
import javax.management.Attribute;
import javax.management.MBeanServer;
import javax.management.ObjectName;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordedThread;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.python4j.internal.monitor.Monitor;
import org.nd4j.python4j.internal.start.Interpreter;

class MonitorTest {
    private final PythonGILMXBean monitor = PythonGIL.monitor();

    @TempDir
    private Path folder;

    @AfterEach
    void isOffAgain() {
        monitor.setTimingEnabled(false);
    }

    /** A thread that waits for the turn, which the caller has. */
    private static OtherThread<Void> waiter() {
        int before = PythonGIL.waiters().size();
        OtherThread<Void> other = OtherThread.start(() -> {
            PythonGIL.lock().close();
            return null;
        });
        while (PythonGIL.waiters().size() == before && other.thread.isAlive()) {
            Thread.onSpinWait();
        }
        return other;
    }

    // ---- who ----

    @Test
    void holderAndWaitersAreTheThreads() throws Exception {
        assertNull(PythonGIL.holder());
        assertNull(monitor.getHolder());
        assertEquals(0, monitor.getHolderId());
        OtherThread<Void> first;
        OtherThread<Void> second;
        try (PythonGIL gil = PythonGIL.lock()) {
            assertSame(Thread.currentThread(), PythonGIL.holder());
            assertEquals(Thread.currentThread().getName(), monitor.getHolder());
            assertEquals(Thread.currentThread().getId(), monitor.getHolderId());
            first = waiter();
            second = waiter();
            assertEquals(List.of(first.thread, second.thread), PythonGIL.waiters());
            assertEquals(List.of("other thread", "other thread"), monitor.getWaiters());
        }
        first.join();
        second.join();
        assertEquals(List.of(), PythonGIL.waiters());
        assertNull(PythonGIL.holder());
    }

    @Test
    void aThreadThatEndedHoldsNothing() throws Exception {
        OtherThread.call(PythonGIL::lock);
        assertNull(PythonGIL.holder());
        PythonGIL.lock().close();
    }

    // ---- counts ----

    @Test
    void turnsAndWaitsAreCounted() throws Exception {
        long turns = monitor.getTurns();
        long waits = monitor.getWaits();
        long waited = monitor.getWaitedNanos();
        OtherThread<Void> other;
        try (PythonGIL gil = PythonGIL.lock()) {
            PythonGIL.lock().close(); // within: no turn of its own
            assertEquals(turns + 1, monitor.getTurns());
            other = waiter();
            Thread.sleep(30);
        }
        other.join();
        assertEquals(turns + 2, monitor.getTurns());
        assertEquals(waits + 1, monitor.getWaits());
        assertTrue(monitor.getWaitedNanos() - waited >= 30_000_000, () -> "" + (monitor.getWaitedNanos() - waited));
    }

    @Test
    void aWaitThatWasInVainIsCounted() throws Exception {
        long waits = monitor.getWaits();
        try (PythonGIL gil = PythonGIL.lock()) {
            assertNull(OtherThread.call(() -> PythonGIL.tryLock(Duration.ofMillis(5))));
        }
        assertEquals(waits + 1, monitor.getWaits());
    }

    @Test
    void turnsAreTimedOnRequest() throws Exception {
        long held = monitor.getHeldNanos();
        assertFalse(monitor.isTimingEnabled());
        try (PythonGIL gil = PythonGIL.lock()) {
            monitor.setTimingEnabled(true); // counts from the next turn on
            Thread.sleep(5);
            assertEquals(0, monitor.getHolderNanos());
        }
        assertEquals(held, monitor.getHeldNanos());
        try (PythonGIL gil = PythonGIL.lock()) {
            Thread.sleep(20);
            assertTrue(OtherThread.call(monitor::getHolderNanos) >= 20_000_000);
        }
        assertEquals(0, monitor.getHolderNanos());
        long once = monitor.getHeldNanos() - held;
        assertTrue(once >= 20_000_000, () -> "" + once);
        try (PythonGIL gil = PythonGIL.lock()) {
            monitor.setTimingEnabled(false);
        }
        PythonGIL.lock().close();
        assertEquals(held + once, monitor.getHeldNanos());
    }

    @Test
    void handlesFramesAndTextsAreCounted() {
        try (PythonGIL gil = PythonGIL.lock()) {
            PythonExecutioner.exec("pass"); // frees what earlier tests left
            int frames = monitor.getFrames();
            int handles = monitor.getHandles();
            try (PythonGC gc = PythonGC.watch()) {
                assertEquals(frames + 1, monitor.getFrames());
                Python.list();
                Python.list();
                assertTrue(monitor.getHandles() >= handles + 2, () -> "" + monitor.getHandles());
            }
            assertEquals(frames, monitor.getFrames());
            assertTrue(monitor.getHandles() < handles + 2, () -> "" + monitor.getHandles());
            int texts = monitor.getCachedTexts();
            String text = "monitored = " + System.nanoTime();
            PythonExecutioner.exec(text);
            PythonExecutioner.exec(text);
            assertTrue(texts == 1024 || monitor.getCachedTexts() == texts + 1 || texts >= 512, () -> texts + " texts before");
        }
    }

    // ---- JMX ----

    @Test
    void theBeanIsRegisteredSoonAfterTheStart() throws Exception {
        PythonGIL.lock().close();
        MBeanServer server = ManagementFactory.getPlatformMBeanServer();
        ObjectName name = new ObjectName(PythonGILMXBean.NAME);
        for (long end = System.nanoTime() + 30_000_000_000L; !server.isRegistered(name) && System.nanoTime() < end; ) {
            Thread.sleep(10);
        }
        OtherThread<Void> other;
        try (PythonGIL gil = PythonGIL.lock()) {
            other = waiter();
            assertEquals(Thread.currentThread().getName(), server.getAttribute(name, "Holder"));
            assertArrayEquals(new String[] {"other thread"}, (String[]) server.getAttribute(name, "Waiters"));
            assertEquals(monitor.getTurns(), server.getAttribute(name, "Turns"));
        }
        other.join();
        for (String attribute : List.of("HolderId", "Waits", "WaitedNanos", "HeldNanos")) {
            assertTrue((Long) server.getAttribute(name, attribute) >= 0, attribute);
        }
        for (String attribute : List.of("Handles", "Frames", "CachedTexts")) {
            assertTrue((Integer) server.getAttribute(name, attribute) >= 0, attribute);
        }
        server.setAttribute(name, new Attribute("TimingEnabled", true));
        assertTrue(monitor.isTimingEnabled());
    }

    /** Says which of the two that monitoring uses are there, and that Python runs. */
    static final class Bare {
        public static void main(String[] arguments) {
            for (String module : List.of("java.management", "jdk.jfr")) {
                System.out.println(module + " " + ModuleLayer.boot().findModule(module).isPresent());
            }
            try (PythonGIL gil = PythonGIL.lock()) {
                PythonExecutioner.exec("print('runs')");
            }
            System.out.println(PythonGIL.monitor().getTurns() + " turns");
        }
    }

    @Test
    void nothingIsMissedWhereTheModulesAreMissing() throws Exception {
        Launch.Result result = Launch.of(Bare.class)
                .option("--limit-modules=java.base,java.logging,java.xml")
                .with(Monitor.MXBEAN, "true").with(Monitor.TIMING, "true").run();
        assertEquals("java.management false\njdk.jfr false\nruns\n1 turns\n", result.out, result::toString);
    }

    /** Prints whether the bean is there when Python has started. */
    static final class Registered {
        public static void main(String[] arguments) throws Exception {
            PythonExecutioner.init();
            System.out.println(ManagementFactory.getPlatformMBeanServer().isRegistered(new ObjectName(PythonGILMXBean.NAME)));
        }
    }

    @Test
    void thePropertyRegistersTheBeanAtOnce() throws Exception {
        assertEquals("true\n", Launch.of(Registered.class).with(Monitor.MXBEAN, "true").run().out);
    }

    /** Holds the start back until the thread that registers the bean waits for it, or has ended. */
    static final class StartsSlowly {
        public static void main(String[] arguments) throws Exception {
            Thread start = new Thread(PythonExecutioner::init);
            Thread later = null;
            synchronized (Interpreter.class) {
                start.start();
                while (later == null || later.isAlive() && later.getState() != Thread.State.WAITING) {
                    Thread.sleep(10);
                    for (Thread thread : Thread.getAllStackTraces().keySet()) {
                        later = thread.getName().equals("python4j-warmup") ? thread : later;
                    }
                }
            }
            start.join();
            later.join();
            Registered.main(arguments);
        }
    }

    @Test
    void theBeanIsRegisteredAfterASlowStart() throws Exception {
        assertEquals("true\n", Launch.of(StartsSlowly.class).run().out);
    }

    // ---- the flight recorder ----

    private List<RecordedEvent> record(Recording recording, Body body) throws Exception {
        Path file = folder.resolve("events.jfr");
        try (recording) {
            recording.start();
            body.run();
            recording.stop();
            recording.dump(file);
        }
        return RecordingFile.readAllEvents(file);
    }

    /** What a recording is about. */
    private interface Body {
        void run() throws Exception;
    }

    private static List<RecordedEvent> of(List<RecordedEvent> events, String type) {
        return events.stream().filter(event -> event.getEventType().getName().equals(type)).collect(Collectors.toList());
    }

    private static void turnWithAWaiter() throws Exception {
        OtherThread<Void> other;
        try (PythonGIL gil = PythonGIL.lock()) {
            PythonExecutioner.exec("first = 1\nsecond = 2");
            assertThrows(PythonException.class, () -> PythonExecutioner.exec("1 / 0"));
            Python.eval("first + 1");
            other = waiter();
            Thread.sleep(30);
        }
        other.join();
    }

    @Test
    void eventsAreRecordedWhenARecordingWantsThem() throws Exception {
        Recording recording = new Recording();
        recording.enable("org.nd4j.python4j.Turn").withoutThreshold();
        recording.enable("org.nd4j.python4j.TurnWait").withThreshold(Duration.ofMillis(10));
        recording.enable("org.nd4j.python4j.Exec").withoutThreshold();
        List<RecordedEvent> events = record(recording, MonitorTest::turnWithAWaiter);
        String me = Thread.currentThread().getName();

        List<RecordedEvent> turns = of(events, "org.nd4j.python4j.Turn");
        List<RecordedEvent> mine = turns.stream()
                .filter(event -> event.getThread().getJavaName().equals(me)).collect(Collectors.toList());
        assertEquals(1, mine.size(), turns::toString);
        assertTrue(mine.get(0).getDuration().toMillis() >= 30, mine::toString);
        assertEquals(1, mine.get(0).getInt("waiting"));

        List<RecordedEvent> waits = of(events, "org.nd4j.python4j.TurnWait");
        assertEquals(1, waits.size(), waits::toString);
        assertEquals("other thread", waits.get(0).getThread().getJavaName());
        assertEquals(me, ((RecordedThread) waits.get(0).getValue("holder")).getJavaName());
        assertTrue(waits.get(0).getBoolean("taken"));
        assertTrue(waits.get(0).getDuration().toMillis() >= 29, waits::toString);

        List<String> programs = new ArrayList<>();
        for (RecordedEvent event : of(events, "org.nd4j.python4j.Exec")) {
            programs.add(event.getString("code") + "/" + event.getInt("length") + "/" + event.getString("error"));
        }
        assertEquals(List.of("first = 1/20/null", "1 / 0/5/ZeroDivisionError", "first + 1/9/null"), programs);
    }

    @Test
    void callsAreRecordedWithTheirNamesAndTheirWaitForTheGil() throws Exception {
        Recording recording = new Recording();
        recording.enable("org.nd4j.python4j.Call").withoutThreshold();
        List<RecordedEvent> calls = of(record(recording, () -> {
            try (PythonGIL gil = PythonGIL.lock()) {
                PythonExecutioner.exec("import time\nclass Order:\n    def price(self, s):\n        time.sleep(s)\n        return s\n    def __call__(self): 1 / 0\norder = Order()");
                PythonCallable.of("order.price").callDouble(0.03);
            }
            PythonObject length;
            OtherThread<Void> busy;
            try (PythonGIL gil = PythonGIL.lock()) {
                assertThrows(PythonException.class, () -> Python.eval("order").call());
                length = Python.eval("len");
                CountDownLatch waits = new CountDownLatch(1);
                busy = OtherThread.start(() -> {
                    try (PythonGIL shared = PythonGIL.lockShared()) {
                        waits.countDown();
                        length.call("four");
                    }
                    return null;
                });
                waits.await();
                Thread.sleep(50); // a turn keeps the GIL
            }
            busy.join();
        }), "org.nd4j.python4j.Call");
        assertEquals(List.of("__main__.Order.price", "__main__.Order", "builtins.len"),
                calls.stream().map(event -> event.getString("function")).collect(Collectors.toList()));
        assertTrue(calls.get(0).getDuration().toMillis() >= 30, calls::toString);
        assertEquals(Duration.ZERO, calls.get(0).getDuration("gilWait"));
        Duration wait = calls.get(2).getDuration("gilWait");
        assertTrue(wait.toMillis() >= 20 && wait.compareTo(calls.get(2).getDuration()) <= 0, calls::toString);
    }

    @Test
    void countsAreRecordedNowAndThen() throws Exception {
        Recording recording = new Recording();
        recording.enable("org.nd4j.python4j.Counts").withPeriod(Duration.ofMillis(50));
        List<RecordedEvent> events = of(record(recording, () -> {
            try (PythonGIL gil = PythonGIL.lock(); PythonGC gc = PythonGC.watch()) {
                Python.eval("[]");
                Thread.sleep(1500); // the Flight Recorder notices within a second that there are counts
            }
        }), "org.nd4j.python4j.Counts");
        assertFalse(events.isEmpty());
        RecordedEvent last = events.get(events.size() - 1);
        assertEquals(monitor.getTurns(), last.getLong("turns"));
        assertEquals(monitor.getWaits(), last.getLong("waits"));
        assertEquals(monitor.getWaitedNanos(), last.getDuration("waited").toNanos());
        assertTrue(events.stream().anyMatch(event -> event.getInt("handles") > 0 && event.getInt("frames") > 0
                && event.getInt("cachedTexts") > 0), events::toString);
    }

    @Test
    void shortOnesAreNotRecorded() throws Exception {
        Recording recording = new Recording();
        recording.enable("org.nd4j.python4j.Turn").withThreshold(Duration.ofMinutes(1));
        recording.enable("org.nd4j.python4j.Exec").withThreshold(Duration.ofMinutes(1));
        List<RecordedEvent> events = record(recording, MonitorTest::turnWithAWaiter);
        assertEquals(List.of(), events.stream().filter(MonitorTest::isOurs).collect(Collectors.toList()));
    }

    @Test
    void nothingIsRecordedUnasked() throws Exception {
        List<RecordedEvent> events = record(new Recording(), MonitorTest::turnWithAWaiter);
        assertEquals(List.of(), events.stream().filter(MonitorTest::isOurs).collect(Collectors.toList()));
    }

    private static boolean isOurs(RecordedEvent event) {
        return event.getEventType().getName().startsWith("org.nd4j");
    }
}
