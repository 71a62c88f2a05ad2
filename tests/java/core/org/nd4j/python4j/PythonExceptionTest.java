// SPDX-License-Identifier: Apache-2.0
// The one exception: how it is made and where it comes from.
package org.nd4j.python4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(InPython.class)
class PythonExceptionTest {

    @Test
    @Rule("9.1")
    void itIsUnchecked() {
        assertEquals(RuntimeException.class, PythonException.class.getSuperclass());
    }

    @Test
    @Rule("9.2")
    void constructors() {
        assertEquals("m", new PythonException("m").getMessage());
        assertNull(new PythonException("m").getCause());
        Error cause = new Error("c");
        assertEquals("m", new PythonException("m", cause).getMessage());
        assertSame(cause, new PythonException("m", cause).getCause());
        assertEquals("java.lang.Error: c", new PythonException(cause).getMessage());
        assertSame(cause, new PythonException(cause).getCause());
    }

    @Test
    @Rule("9.2")
    void anExceptionOfPythonGivesTypeAndText() {
        assertEquals("ValueError: q", new PythonException(Expect.object("ValueError('q')")).getMessage());
        assertEquals("ValueError: ", new PythonException(Expect.object("ValueError()")).getMessage());
        assertEquals("SystemExit: 3", new PythonException(Expect.object("SystemExit(3)")).getMessage());
        assertEquals("5", new PythonException(Expect.object("5")).getMessage());
        assertEquals("None", new PythonException(Python.None()).getMessage());
    }

    @Test
    @Rule({"9.2", "12.32"})
    void aNullObjectIsRefused() {
        RuntimeException refusal =
                assertThrows(RuntimeException.class, () -> new PythonException((PythonObject) null));
        assertEquals("An error occurred while trying to create a PythonException.", refusal.getMessage());
    }

    @Test
    @Rule("9.3")
    void itIsThrownForWhateverPythonRefuses() {
        Expect.failure("ValueError: boom", () -> PythonExecutioner.exec("raise ValueError('boom')"));
        Expect.failure(Expect.NOT_RUN, () -> PythonExecutioner.simpleExec("raise ValueError('boom')"));
        PythonExecutioner.exec("x = 'text'");
        Expect.failure("Could not convert value to int: text", () -> PythonExecutioner.getVariable("x", PythonTypes.INT));
        assertThrows(PythonException.class, () -> OtherThread.call(() -> PythonExecutioner.getVariable("x")));
    }
}
