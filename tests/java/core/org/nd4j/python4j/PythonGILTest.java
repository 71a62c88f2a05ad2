// SPDX-License-Identifier: Apache-2.0
// Turns: who has one, who waits, who is refused. What many threads do at once is in ThreadsTest,
// what needs a fresh JVM (the first use, the default thread) in StartTest.
package org.nd4j.python4j;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.bytedeco.cpython.global.python;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class PythonGILTest {
    @AfterEach
    void nobodyHoldsATurn() {
        assertFalse(PythonGIL.locked());
    }

    @Test
    void aTurnLostToAFullStackIsGivenBackByTheNextLock() {
        PythonGIL.lock().close();
        PythonGIL.turn().take(); // as if lock() had found no stack for the rest
        PythonGIL.lock().close();
        assertFalse(PythonGIL.locked());
        try (PythonGIL gil = PythonGIL.lock()) {
            PythonGIL.turn().take();
            PythonGIL.lock().close();
            PythonExecutioner.exec("x = 1");
        }
        assertFalse(PythonGIL.locked());
    }

    @Test
    @Rule("1.1")
    void lockTakesTheTurnAndCloseGivesItBack() {
        AutoCloseable turn;
        try (PythonGIL gil = PythonGIL.lock()) {
            turn = gil;
            assertTrue(PythonGIL.locked());
            PythonExecutioner.exec("x = 42");
            assertEquals(42L, PythonExecutioner.getVariable("x", PythonTypes.INT).getValue());
        }
        assertNotNull(turn);
        assertFalse(PythonGIL.locked());
    }

    @Test
    @Rule("1.2")
    void aThreadThatNeverMetPythonMayLock() throws Exception {
        assertEquals("3", OtherThread.call(() -> {
            try (PythonGIL gil = PythonGIL.lock()) {
                return Expect.text("1 + 2");
            }
        }));
    }

    @Test
    void lockWithALimitTakesAFreeTurnAndNests() {
        try (PythonGIL gil = PythonGIL.lock(Duration.ZERO); PythonGIL again = PythonGIL.lock(Duration.ofSeconds(-1))) {
            assertEquals("3", Expect.text("1 + 2"));
        }
    }

    @Test
    void lockWithALimitThrowsWhenAnotherThreadHasTheTurn() throws Exception {
        try (PythonGIL gil = PythonGIL.lock()) {
            PythonTimeout e = OtherThread.call(() -> assertThrows(PythonTimeout.class, () -> PythonGIL.lock(Duration.ofMillis(20))));
            assertEquals("There was no turn of Python within PT0.02S; thread '" + Thread.currentThread().getName() + "' has it.",
                    e.getMessage());
            assertTrue(PythonGIL.waiters().isEmpty());
        }
    }

    @Test
    void lockWithALimitIsEndedByAnInterrupt() throws Exception {
        try (PythonGIL gil = PythonGIL.lock()) {
            OtherThread<Boolean> other = OtherThread.start(() -> {
                assertThrows(PythonInterrupted.class, () -> PythonGIL.lock(Duration.ofSeconds(30)));
                return Thread.currentThread().isInterrupted();
            });
            other.thread.interrupt();
            assertTrue(other.join());
        }
    }

    @Test
    void aBodyThatTryLockLeftWithoutATurnIsRefused() throws Exception {
        Executable unchecked = () -> {
            try (PythonGIL gil = PythonGIL.tryLock(Duration.ofMillis(1))) {
                PythonExecutioner.exec("x = 1");
            }
        };
        try (PythonGIL gil = PythonGIL.lock()) {
            PythonException e = OtherThread.call(() -> assertThrows(PythonException.class, unchecked));
            assertTrue(e.getMessage().startsWith("Attempt to use Python4j from multiple threads"), e::getMessage);
        }
    }

    @Test
    @Rule("1.3")
    void aSecondThreadWaitsForTheFirst() throws Exception {
        OtherThread<String> second;
        try (PythonGIL gil = PythonGIL.lock()) {
            PythonExecutioner.exec("order = ['first']");
            CountDownLatch started = new CountDownLatch(1);
            second = OtherThread.start(() -> {
                started.countDown();
                try (PythonGIL inner = PythonGIL.lock()) {
                    PythonExecutioner.exec("order.append('second')");
                    return Expect.text("order");
                }
            });
            assertTrue(started.await(10, TimeUnit.SECONDS));
            // While Python sleeps its own lock is free, but the turn is not.
            PythonExecutioner.exec("import time; time.sleep(0.1); order.append('still first')");
            assertEquals("['first', 'still first']", Expect.text("order"));
        }
        assertEquals("['first', 'still first', 'second']", second.join());
    }

    @Test
    @Rule("1.4")
    void lockedIsTrueForEveryThreadWhileOneHoldsTheTurn() throws Exception {
        assertFalse(PythonGIL.locked());
        assertFalse(OtherThread.call(PythonGIL::locked));
        try (PythonGIL gil = PythonGIL.lock()) {
            assertTrue(PythonGIL.locked());
            assertTrue(OtherThread.call(PythonGIL::locked));
        }
        assertFalse(PythonGIL.locked());
        assertFalse(OtherThread.call(PythonGIL::locked));
    }

    @Test
    @Rule("1.5")
    void closingTwiceIsHarmless() throws Exception {
        PythonGIL gil = PythonGIL.lock();
        gil.close();
        assertDoesNotThrow(gil::close);
        assertFalse(PythonGIL.locked());
        try (PythonGIL again = PythonGIL.lock()) {
            gil.close(); // must not end the turn that came after
            assertTrue(PythonGIL.locked());
            assertEquals("1", Expect.text("1"));
        }
    }

    @Test
    @Rule("1.6")
    void nestedLocksLastUntilTheOuterClose() {
        try (PythonGIL outer = PythonGIL.lock()) {
            try (PythonGIL inner = PythonGIL.lock()) {
                PythonExecutioner.exec("x = 1");
            }
            assertTrue(PythonGIL.locked());
            assertDoesNotThrow(PythonGIL::assertThreadSafe);
            PythonExecutioner.exec("x += 1");
            assertEquals("2", Expect.text("x"));
        }
        assertFalse(PythonGIL.locked());
    }

    @Test
    @Rule("1.6")
    void anInnerTurnThatIsClosedTwiceDoesNotEndTheOuterOne() {
        try (PythonGIL outer = PythonGIL.lock()) {
            PythonGIL inner = PythonGIL.lock();
            inner.close();
            inner.close();
            assertEquals("1", Expect.text("1"));
        }
        assertFalse(PythonGIL.locked());
    }

    @Test
    @Rule("1.7")
    void pythonsThreadsGoOnWhileNoJavaThreadHoldsTheTurn() throws Exception {
        long before = startTicking();
        try {
            long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
            long now;
            do {
                Thread.sleep(1);
                now = ticks();
            } while (now < before + 20 && System.nanoTime() < deadline);
            assertTrue(now >= before + 20, "ticks: " + now);
        } finally {
            stopTicking();
        }
    }

    @Test
    @Rule("1.7")
    void pythonsThreadsStandStillWhileAJavaThreadHoldsTheTurnIdly() throws Exception {
        startTicking();
        try {
            try (PythonGIL gil = PythonGIL.lock()) {
                PythonExecutioner.exec("gap = 0");
                Thread.sleep(200);
            }
            long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
            while (number("gap") < 0.15 && System.nanoTime() < deadline) {
                Thread.sleep(1);
            }
            assertTrue(number("gap") >= 0.15, "longest time without a tick: " + number("gap"));
        } finally {
            stopTicking();
        }
    }

    private static long startTicking() {
        try (PythonGIL gil = PythonGIL.lock()) {
            PythonExecutioner.exec(String.join(
                    "\n",
                    "import threading, time",
                    "ticks, gap, going = 0, 0, True",
                    "def tick():",
                    "    global ticks, gap",
                    "    last = time.monotonic()",
                    "    while going:",
                    "        time.sleep(0.001)",
                    "        now = time.monotonic()",
                    "        ticks, gap, last = ticks + 1, max(gap, now - last), now",
                    "ticker = threading.Thread(target=tick)",
                    "ticker.start()"));
            return ticks();
        }
    }

    private static void stopTicking() {
        try (PythonGIL gil = PythonGIL.lock()) {
            PythonExecutioner.exec("going = False\nticker.join()"); // the turn does not hinder it
        }
    }

    private static long ticks() {
        return (long) number("ticks");
    }

    private static double number(String name) {
        try (PythonGIL gil = PythonGIL.lock()) {
            return PythonExecutioner.getVariable(name, PythonTypes.FLOAT).getValue();
        }
    }

    @Test
    @Rule({"1.8", "12.2", "13.1", "13.7"})
    void assertThreadSafeThrowsWithoutATurn() throws Exception {
        OtherThread.call(() -> {
            PythonException refusal = assertThrows(PythonException.class, PythonGIL::assertThreadSafe);
            assertEquals(Expect.NO_TURN, refusal.getMessage());
            return null;
        });
        try (PythonGIL gil = PythonGIL.lock()) {
            assertDoesNotThrow(PythonGIL::assertThreadSafe);
        }
    }

    static Stream<Arguments> callsThatNeedATurn() {
        PythonObject len;
        try (PythonGIL gil = PythonGIL.lock()) {
            PythonExecutioner.exec("x = 1");
            len = Python.attr("len");
        }
        List<PythonVariable<Long>> one = List.of(new PythonVariable<>("x", PythonTypes.INT, 1));
        return Stream.of(
                call("exec", () -> PythonExecutioner.exec("x = 1")),
                call("exec with lists", () -> PythonExecutioner.exec("x = 1", null, null)),
                call("simpleExec", () -> PythonExecutioner.simpleExec("x = 1")),
                call("getVariable", () -> PythonExecutioner.getVariable("x")),
                call("getVariable with type", () -> PythonExecutioner.getVariable("x", PythonTypes.INT)),
                call("getVariables", () -> PythonExecutioner.getVariables(one.get(0))),
                call("setVariable", () -> PythonExecutioner.setVariable("x", len)),
                call("setVariables", () -> PythonExecutioner.setVariables(one.get(0))),
                call("getAllVariables", PythonExecutioner::getAllVariables),
                call("execAndReturnAllVariables", () -> PythonExecutioner.execAndReturnAllVariables("x = 1")),
                call("Python.eval", () -> Python.eval("x")),
                call("Python.importModule", () -> Python.importModule("sys")),
                call("PythonTypes.convert", () -> PythonTypes.convert(1)),
                call("TYPE.toPython", () -> PythonTypes.INT.toPython(1L)),
                call("PythonObject.call", () -> len.call("abc")),
                call("PythonObject.toString", len::toString),
                call("PythonObject.attr", () -> len.attr("__name__")),
                call("PythonObject.del", len::del),
                call("setContext", () -> PythonContextManager.setContext("other")),
                call("reset", PythonContextManager::reset));
    }

    private static Arguments call(String name, Executable call) {
        return Arguments.of(name, call);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("callsThatNeedATurn")
    @Rule({"1.9", "12.1"})
    void callsWithoutATurnAreRefused(String name, Executable call) throws Exception {
        OtherThread.call(() -> {
            assertEquals(Expect.NO_TURN, assertThrows(PythonException.class, call).getMessage());
            return null;
        });
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("callsThatNeedATurn")
    @Rule("1.11")
    void aTurnOfAnotherThreadDoesNotCount(String name, Executable call) throws Exception {
        try (PythonGIL gil = PythonGIL.lock()) {
            OtherThread.call(() -> {
                assertEquals(Expect.NO_TURN, assertThrows(PythonException.class, call).getMessage());
                return null;
            });
        }
    }

    @Test
    @Rule("1.10")
    void someCallsNeedNoTurn() throws Exception {
        OtherThread.call(() -> {
            assertEquals("main", PythonContextManager.getCurrentContext());
            try (PythonGC gc = PythonGC.watch()) {
                assertTrue(PythonGC.isWatching());
            }
            assertEquals("x", new PythonVariable<>("x", PythonTypes.INT, 1).getName());
            assertTrue(PythonConstants.releaseGilAutomatically());
            assertEquals("out" + System.lineSeparator(), PythonProcess.runAndReturn("-c", "print('out')"));
            return null;
        });
    }

    @Test
    @Rule("1.12")
    void aTurnHoldsPythonsOwnLock() throws Exception {
        BytedecoTest.assumeEmbedded();
        assertEquals(0, python.PyGILState_Check());
        try (PythonGIL gil = PythonGIL.lock()) {
            assertEquals(1, python.PyGILState_Check());
            assertEquals(0, OtherThread.call(python::PyGILState_Check));
        }
        assertEquals(0, python.PyGILState_Check());
        OtherThread.call(() -> {
            try (PythonGIL gil = PythonGIL.lock()) {
                assertEquals(1, python.PyGILState_Check());
            }
            assertEquals(0, python.PyGILState_Check());
            return null;
        });
    }

    @Test
    @Rule("1.14")
    void twoThousandShortLivedThreadsLockAndClose() throws Exception {
        try (PythonGIL gil = PythonGIL.lock()) {
            PythonExecutioner.exec("visits = 0");
        }
        for (int i = 0; i < 2000; i++) {
            OtherThread.call(() -> {
                try (PythonGIL gil = PythonGIL.lock()) {
                    PythonExecutioner.exec("visits += 1");
                }
                return null;
            });
        }
        try (PythonGIL gil = PythonGIL.lock()) {
            assertEquals("2000", Expect.text("visits"));
        }
    }

    @Test
    void closingFromAnotherThreadIsAnErrorAndTheTurnStays() throws Exception {
        try (PythonGIL gil = PythonGIL.lock()) {
            OtherThread.call(() -> assertThrows(RuntimeException.class, gil::close));
            assertTrue(PythonGIL.locked());
            assertEquals("1", Expect.text("1"));
        }
    }

    @Test
    void setMainThreadStateMayBeCalledAtAnyTime() {
        assertDoesNotThrow(PythonGIL::setMainThreadState);
        try (PythonGIL gil = PythonGIL.lock()) {
            PythonGIL.setMainThreadState();
            assertEquals("1", Expect.text("1"));
        }
    }
}
