// SPDX-License-Identifier: Apache-2.0
// None as a type of its own: null in Java.
package org.nd4j.python4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(InPython.class)
class NoneTypeTest {
    private final NoneType type = new NoneType();

    @Test
    @Rule("4.1")
    void noneIsNull() {
        assertEquals("NoneType", type.getName());
        assertNull(type.toJava(Python.None()));
        assertEquals("NoneType(None)", Expect.shown(type.toPython(null)));
        assertEquals(type, PythonTypes.get("NoneType"));
    }

    @Test
    @Rule("4.13")
    void itAcceptsNullOnly() {
        assertTrue(type.accepts(null));
        assertFalse(type.accepts(1));
    }

    @Test
    @Rule("4.1")
    void aVariableOfItIsNone() {
        PythonExecutioner.setVariables(new PythonVariable<>("n", type, null));
        assertEquals("True", Expect.text("n is None"));
        PythonExecutioner.exec("m = None");
        assertNull(PythonExecutioner.getVariable("m", type).getValue());
        assertEquals(type, PythonExecutioner.getAllVariables().get("m").getType());
    }

    @Test
    void itAdaptsNothingAndSendsNothingButNull() {
        assertSame("x", ((PythonType<?>) type).adapt("x"));
        assertNull(type.adapt(null));
        PythonVariable<?> wrong = new PythonVariable<>("wrong", type, "x");
        Expect.failure("Cannot cast object of type java.lang.String to Void", () -> PythonExecutioner.setVariables(wrong));
    }
}
