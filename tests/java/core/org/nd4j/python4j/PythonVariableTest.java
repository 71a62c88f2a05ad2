// SPDX-License-Identifier: Apache-2.0
// One variable: its name, its type, its value. How values are adapted is in ConversionTablesTest.
package org.nd4j.python4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@ExtendWith(InPython.class)
class PythonVariableTest {

    private static PythonVariable<Long> variable(Object value) {
        return new PythonVariable<>("a", PythonTypes.INT, value);
    }

    @ParameterizedTest
    @Rule("3.3")
    @ValueSource(strings = {
        "a", "_a", "a1", "\u00e9", "\u4e2d", "class", "None", "print", "__name__", "self", "async", "$x", "\u03bb",
    })
    void aNameIsAJavaIdentifier(String name) {
        assertEquals(name, new PythonVariable<>(name, PythonTypes.INT, 1).getName());
        assertEquals(name, new PythonVariable<>(name, PythonTypes.INT).getName());
    }

    @ParameterizedTest
    @Rule({"3.3", "12.5"})
    @ValueSource(strings = {"1a", "a b", "a-b", "", "a.b", "a\nb", "a;b=1", " a"})
    void otherNamesAreRefused(String name) {
        Expect.failure("Invalid identifier: " + name, () -> new PythonVariable<>(name, PythonTypes.INT, 1));
        Expect.failure("Invalid identifier: " + name, () -> new PythonVariable<>(name, PythonTypes.INT));
    }

    @Test
    @Rule("3.3")
    void nullNamesAndTypesAreNullPointerExceptions() {
        assertThrows(NullPointerException.class, () -> new PythonVariable<>(null, PythonTypes.INT, 1));
        assertThrows(NullPointerException.class, () -> new PythonVariable<Long>("a", null, 1));
    }

    @Test
    @Rule("3.3")
    void setNameDoesNotCheck() {
        PythonVariable<Long> a = variable(1);
        a.setName("1 bad");
        assertEquals("1 bad", a.getName());
        PythonExecutioner.setVariables(a);
        assertEquals("1", Python.globals().get("1 bad").toString());
    }

    @Test
    @Rule("3.4")
    void theValueIsAdaptedToTheType() {
        PythonVariable<Long> a = variable(1.9);
        assertEquals(1L, a.getValue());
        a.setValue(3);
        assertEquals(3L, a.getValue());
        Expect.failure("Cannot cast object of type java.lang.String to Long", () -> a.setValue("x"));
        assertEquals(3L, a.getValue());
        a.setValue(null);
        assertNull(a.getValue());
        assertNull(new PythonVariable<>("a", PythonTypes.STR).getValue());
    }

    @Test
    @Rule({"3.5", "12.7"})
    void setTypeSwitchesByNameAndLeavesTheValue() {
        PythonVariable<Long> a = variable(1);
        a.setType("float");
        assertEquals("float", a.getType().getName());
        assertEquals((Object) 1L, ((PythonVariable<?>) a).getValue());
        Expect.failure("Unknown python type: nosuch", () -> a.setType("nosuch"));
        assertEquals("float", a.getType().getName());
    }

    @Test
    @Rule("3.5")
    void equalityIsByNameTypeAndValue() {
        assertEquals(variable(1), variable(1));
        assertEquals(variable(1).hashCode(), variable(1).hashCode());
        assertNotEquals(variable(1), variable(2));
        assertNotEquals(variable(1), variable(null));
        assertNotEquals(variable(1), new PythonVariable<>("b", PythonTypes.INT, 1));
        assertNotEquals(variable(1), new PythonVariable<>("a", PythonTypes.FLOAT, 1));
        assertNotEquals(variable(1), "a");
        assertEquals(variable(null), variable(null));
        assertTrue(variable(1).canEqual(variable(2)));
        assertFalse(variable(1).canEqual("a"));
    }

    @Test
    @Rule("3.5")
    void toStringShowsNameAndValue() {
        String text = variable(1).toString();
        assertTrue(text.matches("PythonVariable\\(name=a, type=.+, value=1\\)"), text);
    }

    @Test
    @Rule("3.5")
    void getPythonObjectConvertsNow() {
        PythonVariable<Long> a = variable(1);
        assertEquals("int(1)", Expect.shown(a.getPythonObject()));
        a.setValue(2);
        assertEquals("int(2)", Expect.shown(a.getPythonObject()));
        assertTrue(variable(null).getPythonObject().isNone());
        assertEquals("list([1])", Expect.shown(new PythonVariable<>("l", PythonTypes.LIST, List.of(1)).getPythonObject()));
    }
}
