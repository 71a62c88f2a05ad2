// SPDX-License-Identifier: Apache-2.0
// Interrupts and deadlines: what ends running Python code, and that nothing else is hit by it.
package org.nd4j.python4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.Arrays;
import java.util.Collections;
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
    @ValueSource(strings = {LOOP, "import time\ntime.sleep(600)", "def f():\n    f2()\ndef f2():\n    while True: pass\nf()"})
    void aDeadlineEndsPythonCode(String code) {
        try (PythonGIL gil = PythonGIL.lock()) {
            long start = System.nanoTime();
            PythonTimeout e = assertThrows(PythonTimeout.class, () -> within(Duration.ofMillis(100), code));
            assertTrue(System.nanoTime() - start >= 100_000_000, "not before its time");
            assertEquals(TIME_OVER, e.getMessage());
            PythonExecutioner.exec("n = sum(range(100000))");
            assertEquals(4999950000L, number("n"));
        }
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
}
