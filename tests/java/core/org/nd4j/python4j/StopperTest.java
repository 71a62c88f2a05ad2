// SPDX-License-Identifier: Apache-2.0
// Interrupts and deadlines: what ends running Python code, and that nothing else is hit by it.
package org.nd4j.python4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.python4j.internal.turn.Stopper;

class StopperTest {

    private static final String LOOP = "while True: pass";
    private static final String TIME_OVER = "Timeout: the time that the Java program gave to this call is over";

    private static void within(Duration limit, String code) {
        PythonExecutioner.exec(code, null, null, limit);
    }

    private static long number(String name) {
        return PythonExecutioner.getVariable(name, PythonTypes.INT).getValue();
    }

    @ParameterizedTest
    @ValueSource(strings = {LOOP, "import time\ntime.sleep(600)", "import threading\nthreading.Event().wait()",
            "import asyncio\nasync def f(): await asyncio.sleep(600)\nasyncio.run(f())",
            "import asyncio\nasync def f(): await asyncio.sleep(600)\nloop = asyncio.SelectorEventLoop()\nloop.run_until_complete(f())", "import queue\nqueue.Queue().get()",
            "import sys\nbefore = sys.getswitchinterval()\nsys.setswitchinterval(600)\ntry:\n    while True: pass\nfinally: sys.setswitchinterval(before)", "def f():\n    f2()\ndef f2():\n    while True: pass\nf()"})
    void aDeadlineEndsPythonCode(String code) {
        try (PythonGIL gil = PythonGIL.lock()) {
            PythonExecutioner.exec("import asyncio, queue"); // ended after five seconds, as on an emulated machine, it would fail ever after
            long start = System.nanoTime();
            PythonTimeout e = assertThrows(PythonTimeout.class, () -> within(Duration.ofMillis(100), code));
            assertTrue(System.nanoTime() - start >= 100_000_000, "not before its time");
            assertEquals(TIME_OVER, e.getMessage());
            PythonExecutioner.exec("n = sum(range(100000))");
            assertEquals(4999950000L, number("n"));
        }
    }

    /** The JVM, which ends at a safepoint, waits 0.3 s for each thread that is in native code then. */
    @Test
    void theThreadThatWatchesWaitsInJava() throws Exception {
        PythonExecutioner.init();
        Thread watcher = Thread.getAllStackTraces().keySet().stream()
                .filter(thread -> thread.getName().equals("python4j-watch")).findFirst().orElseThrow();
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
        while (watcher.getState() == Thread.State.RUNNABLE && System.nanoTime() < end) {
            Thread.yield(); // it looks at the calls of another test
        }
        assertTrue(Arrays.asList(Thread.State.WAITING, Thread.State.TIMED_WAITING).contains(watcher.getState()),
                () -> "it is " + watcher.getState());
    }

    @Test
    void finallyBlocksRunAndExceptExceptionDoesNotHoldItUp() {
        try (PythonGIL gil = PythonGIL.lock()) {
            String code = "done = 0\ntry:\n    while True:\n        try: 1 / 0\n        except Exception: pass\n"
                    + "finally:\n    done = 1";
            assertThrows(PythonTimeout.class, () -> within(Duration.ofMillis(50), code));
            assertEquals(1, number("done"));
        }
    }

    @Test
    void callsNearTheirDeadlineEndOrNotButTheNextOneIsNotTouched() {
        try (PythonGIL gil = PythonGIL.lock()) {
            for (int i = 0; i < 200; i++) {
                try {
                    within(Duration.ofMillis(20), "import time\ntime.sleep(" + (i % 25) / 1000.0 + ")");
                } catch (PythonTimeout mayBe) {
                    assertEquals(TIME_OVER, mayBe.getMessage());
                }
                PythonExecutioner.exec("for i in range(1000): pass"); // would be hit by a late exception
            }
            within(Duration.ofSeconds(Long.MAX_VALUE), "x = 1");
            PythonTimeout e = assertThrows(PythonTimeout.class, () -> within(Duration.ZERO, "x = 2"));
            assertTrue(e.getMessage().contains("before it began"), e.getMessage());
            assertEquals(1, number("x"));
        }
    }

    @Test
    void anExceptionThatComesTooLateDoesNotHitTheNextCall() {
        // A C function that runs past the deadline ends by itself; then the call is over.
        String blocking = "sorted(range(3000000), key=(1).__add__)";
        try (PythonGIL gil = PythonGIL.lock()) {
            for (int i = 0; i < 5; i++) {
                try {
                    within(Duration.ofMillis(20), "x = " + blocking);
                } catch (PythonTimeout mayBe) {
                    assertEquals(TIME_OVER, mayBe.getMessage());
                }
                PythonExecutioner.exec("n = 0\nfor i in range(10000): n += 1");
                assertEquals(10000, number("n"));
            }
        }
    }

    @Test
    void anInterruptEndsPythonCodeAndStaysPending() throws InterruptedException {
        AtomicReference<Throwable> thrown = new AtomicReference<>();
        AtomicReference<Boolean> status = new AtomicReference<>();
        Thread thread = new Thread(() -> {
            try (PythonGIL gil = PythonGIL.lock()) {
                PythonExecutioner.exec("started = 1\n" + LOOP);
            } catch (Throwable e) {
                thrown.set(e);
                status.set(Thread.interrupted());
            }
        });
        thread.start();
        while (thread.isAlive() && !PythonGIL.locked()) {
            Thread.onSpinWait();
        }
        thread.interrupt();
        thread.join(10_000);
        assertFalse(thread.isAlive());
        assertEquals(PythonInterrupted.class, thrown.get() == null ? null : thrown.get().getClass());
        assertTrue(status.get());
        try (PythonGIL gil = PythonGIL.lock()) {
            PythonExecutioner.exec("for i in range(100000): pass");
        }
    }

    @Test
    void callsOfObjectsAreEndedToo() {
        try (PythonGIL gil = PythonGIL.lock()) {
            PythonExecutioner.exec("class Slow:\n    def __str__(self):\n        while True: pass\ndef slow(): str(Slow())\ns = Slow()");
            PythonObject slow = PythonExecutioner.getVariable("slow");
            PythonObject object = PythonExecutioner.getVariable("s");
            Duration limit = Duration.ofMillis(50);
            assertThrows(PythonTimeout.class, () -> Stopper.within(limit, () -> slow.call()));
            assertThrows(PythonTimeout.class, () -> Stopper.within(limit, object::toString));
            assertThrows(PythonTimeout.class, () -> Stopper.within(limit,
                    () -> PythonExecutioner.getVariables(Collections.singletonList(new PythonVariable<>("s", PythonTypes.STR)))));
        }
    }

    @Test
    void aConversionThatIsEndedDoesNotAskTheObjectForItsText() {
        try (PythonGIL gil = PythonGIL.lock()) {
            PythonExecutioner.exec("class Endless:\n    def __index__(self):\n        while True: pass\n"
                    + "    __str__ = __float__ = __iter__ = __len__ = __index__\n    def __getitem__(self, key): return 1\ne = Endless()");
            Duration limit = Duration.ofMillis(50);
            for (PythonType<?> type : Arrays.<PythonType<?>>asList(PythonTypes.INT, PythonTypes.FLOAT, PythonTypes.STR, PythonTypes.LIST)) {
                long start = System.nanoTime();
                assertThrows(PythonTimeout.class, () -> Stopper.within(limit, () -> PythonExecutioner.getVariable("e", type)), type::toString);
                assertTrue(System.nanoTime() - start < Stopper.AGAIN_NANOS, "asked once");
            }
        }
    }

    @Test
    void aRefusalWhoseTextNeverEndsIsEnded() {
        try (PythonGIL gil = PythonGIL.lock()) {
            PythonExecutioner.exec("class Endless:\n    def __str__(self):\n        while True: pass\n    def __hash__(self): return 1 / 0\n"
                    + "e = Endless()");
            PythonObject e = Python.eval("e");
            Duration limit = Duration.ofMillis(50);
            for (Runnable call : Arrays.<Runnable>asList(e::toMap, e::toLong, e::call, () -> Python.of(Collections.singleton(e)),
                    () -> PythonExecutioner.getVariable("e", PythonTypes.BYTES))) {
                assertThrows(PythonTimeout.class, () -> Stopper.within(limit, call));
            }
        }
    }

    @Test
    @Timeout(60)
    void anErrorWhoseTextNeverEndsIsEnded() {
        try (PythonGIL gil = PythonGIL.lock()) {
            String code = "class Endless:\n    def __str__(self):\n        while True: pass\n    __repr__ = __str__\n"
                    + "raise ValueError(Endless())";
            PythonException e = assertThrows(PythonException.class, () -> within(Duration.ofMillis(50), code));
            assertEquals("ValueError", e.getPythonClass());
            PythonExecutioner.exec("for i in range(1000): pass");
        }
    }

    @Test
    void codeThatCatchesEverythingIsAskedAgain() {
        try (PythonGIL gil = PythonGIL.lock()) {
            String code = "asked = 0\nwhile asked < 2:\n    try:\n        while True: pass\n"
                    + "    except BaseException as e:\n        asked += 1\n        last = e\nraise last";
            assertThrows(PythonTimeout.class, () -> within(Duration.ofMillis(20), code));
            assertEquals(2, number("asked"));
        }
    }

    @Test
    void anOuterLimitHoldsForInnerCalls() {
        try (PythonGIL gil = PythonGIL.lock()) {
            long start = System.nanoTime();
            assertThrows(PythonTimeout.class,
                    () -> Stopper.within(Duration.ofMillis(50), () -> within(Duration.ofMinutes(10), LOOP)));
            assertTrue(System.nanoTime() - start < 60_000_000_000L);
            PythonExecutioner.exec("x = 1"); // no limit any more
        }
    }

    @Test
    void deadlinesAndWatchdogsOutliveAFullHeap() throws Exception {
        String out = ChildJvm.output("watchesAfterAFullHeap", "-Xmx24m", "-XX:+UseSerialGC");
        assertEquals("PythonException: " + TIME_OVER + "\n1", out);
    }

    /** A lock would stay taken where the end comes right after it was: the next print would wait for ever. */
    @Test
    void aPrintThatIsEndedAnywhereLeavesTheNextOne() throws Exception {
        AtomicReference<String> printed = new AtomicReference<>("");
        Thread printer = new Thread(() -> {
            try (PythonGIL gil = PythonGIL.lock();
                    PythonOutput output = PythonOutput.capture()) {
                for (int i = 0; i < 100; i++) {
                    PythonTimeout ended = assertThrows(PythonTimeout.class, () -> PythonExecutioner.exec(
                            "while True: print('.', end='')", null, null, Duration.ofMillis(2)));
                    printed.set(ended.getMessage());
                }
                PythonExecutioner.exec("print('afterwards')");
                printed.set(output.getOut());
            }
        });
        printer.setDaemon(true);
        printer.start();
        printer.join(30_000);
        assertTrue(printed.get().endsWith("afterwards\n"), "stands at " + Arrays.toString(printer.getStackTrace()));
    }

    /** What a call that is ended says, and how long it took. */
    private static void ends(long millis, Runnable call) {
        long start = System.nanoTime();
        PythonTimeout e = assertThrows(PythonTimeout.class, call::run);
        assertTrue(e.getMessage().contains(TIME_OVER), e.getMessage());
        assertTrue(System.nanoTime() - start < TimeUnit.MILLISECONDS.toNanos(millis) * 20, "long after its time");
    }

    interface Looping {
        void loop();
    }

    @Test
    void everyKindOfCallEndsByTheDeadlineOfItsThread() {
        try (PythonGIL gil = PythonGIL.lock()) {
            PythonExecutioner.exec("class Looping:\n    def loop(self, *args):\n        while True: pass\n"
                    + "    def __getitem__(self, key): self.loop()\n    def __len__(self): self.loop()\n"
                    + "    def __getattr__(self, name): self.loop()\n    def __str__(self): self.loop()\nlooping = Looping()");
            PythonObject looping = PythonExecutioner.getVariable("looping");
            PythonObject loop = looping.attr("loop");
            Looping proxy = looping.asInterface(Looping.class);
            try (PythonCallable callable = PythonCallable.of(loop); PythonCode code = PythonCode.compile(LOOP)) {
                List<Runnable> calls = List.of(
                        () -> PythonExecutioner.exec(LOOP),
                        () -> Python.exec(LOOP),
                        code::run,
                        () -> Python.eval("looping.loop()"),
                        () -> loop.call(),
                        () -> looping.get(0),
                        () -> looping.attr("x"),
                        looping::toString,
                        () -> callable.call("x"),
                        () -> callable.callLong(1),
                        () -> callable.callDouble(1, 2, 3, 4),
                        proxy::loop);
                for (Runnable call : calls) {
                    try (PythonDeadline deadline = PythonDeadline.of(Duration.ofMillis(60))) {
                        ends(60, call);
                        for (Runnable later : calls) {
                            PythonTimeout e = assertThrows(PythonTimeout.class, later::run);
                            assertTrue(e.getMessage().contains("before it began"), e.getMessage());
                        }
                    }
                    PythonExecutioner.exec("n = sum(range(1000))");
                }
            }
            ends(60, () -> PythonExecutioner.exec(LOOP, Duration.ofMillis(60)));
            PythonExecutioner.exec("n = 1", Duration.ofSeconds(60));
        }
    }

    @Test
    void ofDeadlinesTheEarliestCounts() {
        try (PythonGIL gil = PythonGIL.lock()) {
            try (PythonDeadline outer = PythonDeadline.of(Duration.ofMillis(60));
                    PythonDeadline inner = PythonDeadline.of(Duration.ofSeconds(600))) {
                ends(60, () -> within(Duration.ofSeconds(600), LOOP));
            }
            try (PythonDeadline outer = PythonDeadline.of(Duration.ofSeconds(600))) {
                ends(60, () -> within(Duration.ofMillis(60), LOOP));
                PythonExecutioner.exec("x = 1");
                PythonDeadline first = PythonDeadline.of(Duration.ofMillis(1));
                PythonDeadline second = PythonDeadline.of(Duration.ofSeconds(600));
                first.close(); // in any order
                PythonExecutioner.exec("import time\ntime.sleep(0.01)");
                second.close();
                second.close();
            }
            assertThrows(PythonTimeout.class, () -> PythonDeadline.of(Duration.ZERO));
            PythonExecutioner.exec("import time\ntime.sleep(0.1)");
        }
    }

    @Test
    void aDeadlineHoldsWithinCallbacks() {
        try (PythonGIL gil = PythonGIL.lock()) {
            List<String> seen = new ArrayList<>();
            PythonExecutioner.setVariable("back", Python.function((args, named) -> {
                try {
                    PythonExecutioner.exec(LOOP);
                } catch (PythonTimeout e) {
                    seen.add("ended");
                }
                PythonTimeout late = assertThrows(PythonTimeout.class, () -> PythonExecutioner.exec("seen = 1"));
                seen.add(late.getMessage());
                return null;
            }));
            try (PythonDeadline deadline = PythonDeadline.of(Duration.ofMillis(60))) {
                ends(60, () -> PythonExecutioner.exec("back()\n" + LOOP));
            }
            assertEquals("ended", seen.get(0));
            assertEquals(2, seen.size());
            // One that is opened within ends what is called there, and no more.
            PythonExecutioner.setVariable("back", Python.function((args, named) -> {
                try (PythonDeadline deadline = PythonDeadline.of(Duration.ofMillis(60))) {
                    ends(60, () -> PythonExecutioner.exec(LOOP));
                }
                return null;
            }));
            PythonExecutioner.exec("back()\nimport time\ntime.sleep(0.1)\nafter = 5");
            assertEquals(5, number("after"));
        }
    }

    @Test
    void aProxyWaitsForItsTurnNoLongerThanTheDeadline() throws Exception {
        Looping proxy;
        try (PythonGIL gil = PythonGIL.lock()) {
            PythonExecutioner.exec("class Quick:\n    def loop(self): pass");
            proxy = Python.eval("Quick()").asInterface(Looping.class);
            OtherThread.call(() -> {
                try (PythonDeadline deadline = PythonDeadline.of(Duration.ofMillis(60))) {
                    return assertThrows(PythonTimeout.class, proxy::loop);
                }
            });
        }
        proxy.loop();
    }

    @Test
    void whatIsPutBackIsPutBackAfterTheDeadlineToo() throws Exception {
        try (PythonGIL gil = PythonGIL.lock()) {
            PythonObject before = Python.eval("__import__('sys').stdout");
            try (PythonDeadline deadline = PythonDeadline.of(Duration.ofMillis(60)); PythonOutput output = PythonOutput.capture()) {
                PythonTimeout e = assertThrows(PythonTimeout.class, () -> PythonExecutioner.exec("print('rest', end='')\n" + LOOP));
                assertTrue(e.getTraceback().contains("while True: pass"), e.getTraceback());
                assertEquals("rest", output.getOut());
            }
            PythonExecutioner.setVariable("before", before);
            PythonExecutioner.exec("import sys\nsame = int(sys.stdout is before)");
            assertEquals(1, number("same"));
            PythonDeadline mine = PythonDeadline.of(Duration.ofSeconds(600));
            PythonException e = OtherThread.call(() -> assertThrows(PythonException.class, mine::close));
            assertTrue(e.getMessage().contains("can be closed by that thread only, not by 'other thread'"), e.getMessage());
            mine.close();
        }
    }
}
