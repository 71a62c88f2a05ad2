// SPDX-License-Identifier: Apache-2.0
// The two classes behind the interface PythonInterpreter, which lock for themselves.
package org.nd4j.python4j;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.common.primitives.Pair;
import org.nd4j.python4j.internal.jni.Handles;

class PythonInterpreterTest {

    static List<PythonInterpreter> interpreters() {
        return List.of(UncheckedPythonInterpreter.getInstance(), new InitializingPythonInterpreter());
    }

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
    void getInstanceGivesTheUncheckedOneAlways() {
        assertInstanceOf(UncheckedPythonInterpreter.class, InitializingPythonInterpreter.getInstance());
        assertSame(UncheckedPythonInterpreter.getInstance(), UncheckedPythonInterpreter.getInstance());
        InitializingPythonInterpreter.maybeInit();
        UncheckedPythonInterpreter.getInstance().init();
        assertNotNull(InitializingPythonInterpreter.getInstance().gilLock());
    }

    @ParameterizedTest
    @MethodSource("interpreters")
    void setExecGet(PythonInterpreter python) {
        python.set("a", 5);
        assertEquals(5L, python.get("a", false));
        assertEquals(5L, python.get("a", true));
        python.exec("b = a + 1");
        assertEquals(6L, python.get("b", false));
        python.set("s", "x");
        python.set("l", List.of(1, "q"));
        python.set("d", Map.of("k", 1));
        python.set("y", new byte[] {1});
        python.set("n", null);
        assertEquals("x", python.get("s", false));
        assertEquals(List.of(1L, "q"), python.get("l", false));
        assertEquals(Map.of("k", 1L), python.get("d", false));
        assertArrayEquals(new byte[] {1}, (byte[]) python.get("y", false));
        assertNull(python.get("n", false));
    }

    @ParameterizedTest
    @MethodSource("interpreters")
    void failuresAreExceptionsAndLeaveItUsable(PythonInterpreter python) {
        assertThrows(PythonException.class, () -> python.exec("1/0"));
        assertThrows(PythonException.class, () -> python.exec("x = ("));
        assertThrows(PythonException.class, () -> python.get("missing", false));
        python.exec("ok = 1");
        assertEquals(1L, python.get("ok", false));
    }

    @ParameterizedTest
    @MethodSource("interpreters")
    void whatWasGotLastIsKept(PythonInterpreter python) {
        python.set("cached", 5);
        python.get("cached", true);
        try (PythonGIL gil = PythonGIL.lock()) {
            assertEquals("5", python.getCachedPython("cached").toString());
        }
        assertEquals(5L, python.getCachedJava("cached"));
        Pair<PythonObject, Object> both = python.getCachedPythonJava("cached");
        assertEquals(5L, both.getSecond());
        try (PythonGIL gil = PythonGIL.lock()) {
            assertEquals("5", both.getFirst().toString());
        }
    }

    @ParameterizedTest
    @MethodSource("interpreters")
    void aTurnAroundItStays(PythonInterpreter python) {
        try (PythonGIL gil = PythonGIL.lock()) {
            python.exec("z = 3");
            assertTrue(PythonGIL.locked());
            assertEquals("3", Expect.text("z"));
            PythonExecutioner.exec("z += 1");
            assertEquals(4L, python.get("z", true));
        }
    }

    @ParameterizedTest
    @MethodSource("interpreters")
    void itsLockIsTheTurn(PythonInterpreter python) {
        GILLock lock = python.gilLock();
        lock.lock();
        try {
            assertTrue(PythonGIL.locked());
            python.exec("q = 1");
            assertEquals("1", Expect.text("q"));
        } finally {
            lock.unlock();
        }
    }

    @ParameterizedTest
    @MethodSource("interpreters")
    void anyThreadMayUseIt(PythonInterpreter python) throws Exception {
        python.set("t", 1);
        assertEquals(1L, OtherThread.call(() -> python.get("t", true)));
    }

    @Test
    void newNoneIsNone() {
        try (PythonGIL gil = PythonGIL.lock()) {
            assertTrue(UncheckedPythonInterpreter.getInstance().newNone().isNone());
        }
    }

    @Test
    void whatEndedThreadsHadIsFreed() throws Exception {
        PythonInterpreter kept = OtherThread.call(UncheckedPythonInterpreter::getInstance);
        int handles = Handles.count();
        for (int i = 0; i < 100; i++) {
            OtherThread.call(() -> {
                UncheckedPythonInterpreter.getInstance().set("x", List.of(1));
                return UncheckedPythonInterpreter.getInstance().get("x", true);
            });
        }
        for (int i = 0; i < 500 && Handles.count() > handles; i++) {
            System.gc();
            Thread.sleep(20);
            kept.exec("pass");
        }
        assertTrue(Handles.count() <= handles, Handles.count() + " after " + handles);
    }
}
