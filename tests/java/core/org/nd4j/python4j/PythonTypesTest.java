// SPDX-License-Identifier: Apache-2.0
// The built-in types: how they are found, and what they accept. Values are in ConversionTablesTest.
package org.nd4j.python4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.math.BigDecimal;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@ExtendWith(InPython.class)
@SuppressWarnings("rawtypes") // PythonType is raw in the signatures
class PythonTypesTest {

    @Test
    @Rule("4.1")
    void eachTypeGoesThereAndBack() {
        assertEquals("s", back(PythonTypes.STR, "s"));
        assertEquals(5L, back(PythonTypes.INT, 5));
        assertEquals(2.5, back(PythonTypes.FLOAT, 2.5));
        assertEquals(true, back(PythonTypes.BOOL, true));
        assertEquals(List.of(1L), back(PythonTypes.LIST, List.of(1)));
        assertEquals(Map.of("k", 1L), back(PythonTypes.DICT, Map.of("k", 1)));
        assertEquals("[0, -1]", Arrays.toString(back(PythonTypes.BYTES, new byte[] {0, -1})));
        assertNull(PythonTypes.get("NoneType").toJava(Python.None()));
    }

    private static <T> T back(PythonType<T> type, Object value) {
        return type.toJava(type.toPython(type.adapt(value)));
    }

    @Test
    @Rule("4.2")
    void theBuiltInTypesComeFirstAndInOrder() {
        List<String> names = PythonTypes.get().stream().map(PythonType::getName).limit(8).collect(Collectors.toList());
        assertEquals(List.of("str", "int", "float", "bool", "bytes", "NoneType", "list", "dict"), names);
    }

    @ParameterizedTest
    @Rule({"4.2", "12.7"})
    @ValueSource(strings = {"STR", "memoryview", "tuple", "", "nosuch", "Int"})
    void otherNamesAreUnknown(String name) {
        Expect.failure("Unknown python type: " + name, () -> PythonTypes.get(name));
    }

    @Test
    @Rule("4.2")
    void typesAreFoundForJavaObjects() {
        assertEquals(PythonTypes.STR, PythonTypes.getPythonTypeForJavaObject("x"));
        assertEquals(PythonTypes.INT, PythonTypes.getPythonTypeForJavaObject(1));
        assertEquals(PythonTypes.INT, PythonTypes.getPythonTypeForJavaObject(1L));
        assertEquals(PythonTypes.FLOAT, PythonTypes.getPythonTypeForJavaObject(1f));
        assertEquals(PythonTypes.FLOAT, PythonTypes.getPythonTypeForJavaObject(1d));
        assertEquals(PythonTypes.BOOL, PythonTypes.getPythonTypeForJavaObject(true));
        assertEquals(PythonTypes.BYTES, PythonTypes.getPythonTypeForJavaObject(new byte[0]));
        for (Object list : new Object[] {List.of(1), new int[0], new char[0], new Object[0], new int[0][0], new String[0]}) {
            assertEquals(PythonTypes.LIST, PythonTypes.getPythonTypeForJavaObject(list));
        }
        assertEquals(PythonTypes.DICT, PythonTypes.getPythonTypeForJavaObject(Map.of()));
        Expect.failure("Unable to find python type for java type: class java.util.Date",
                () -> PythonTypes.getPythonTypeForJavaObject(new java.util.Date()));
    }

    @Test
    @Rule("4.13")
    void acceptsIsNarrowerThanAdapt() {
        assertTrue(PythonTypes.INT.accepts(3) && PythonTypes.INT.accepts(4L));
        assertFalse(PythonTypes.INT.accepts((short) 3) || PythonTypes.INT.accepts(3.0) || PythonTypes.INT.accepts("3"));
        assertTrue(PythonTypes.FLOAT.accepts(1.5f) && PythonTypes.FLOAT.accepts(2.5));
        assertFalse(PythonTypes.FLOAT.accepts(3) || PythonTypes.FLOAT.accepts(4L));
        assertTrue(PythonTypes.STR.accepts("s") && !PythonTypes.STR.accepts('s'));
        assertTrue(PythonTypes.BOOL.accepts(true) && !PythonTypes.BOOL.accepts(1));
        assertTrue(PythonTypes.BYTES.accepts(new byte[0]) && !PythonTypes.BYTES.accepts(new int[0]));
        assertTrue(PythonTypes.LIST.accepts(List.of()) && PythonTypes.LIST.accepts(new int[0]));
        assertFalse(PythonTypes.LIST.accepts(Map.of()));
        assertTrue(PythonTypes.DICT.accepts(Map.of()) && !PythonTypes.DICT.accepts(List.of()));
    }

    @Test
    @Rule("4.12")
    void adaptToLongsCutsOff() {
        assertEquals(Long.MAX_VALUE, PythonTypes.INT.adapt(Double.POSITIVE_INFINITY));
        assertEquals(-2L, PythonTypes.INT.adapt(-2.9f));
        assertEquals(Long.MIN_VALUE, PythonTypes.INT.adapt(new BigDecimal("-9223372036854775808.9")));
        assertEquals(0L, PythonTypes.INT.adapt(new BigDecimal("1e-1000000000")));
        for (String large : new String[] {"9223372036854775808", "-1E+30", "1E+1000000000"}) {
            Expect.failure("Could not convert value to int: " + large, () -> PythonTypes.INT.adapt(new BigDecimal(large)));
        }
        assertEquals(0.10000000149011612, PythonTypes.FLOAT.adapt(0.1f));
    }

    @Test
    @Rule("4.9")
    void floatsKeepTheirBits() {
        long[] bits = {
            Double.doubleToRawLongBits(-0.0), Double.doubleToRawLongBits(Double.MIN_VALUE),
            Double.doubleToRawLongBits(Double.NEGATIVE_INFINITY), 0x7ff8000000000000L, 0x7ff800000000beefL,
        };
        for (long value : bits) {
            PythonObject object = PythonTypes.FLOAT.toPython(Double.longBitsToDouble(value));
            assertEquals(value, Double.doubleToRawLongBits(PythonTypes.FLOAT.toJava(object)));
            assertEquals(value, Double.doubleToRawLongBits(object.toDouble()));
        }
    }

    @Test
    @Rule("4.8")
    void intTakesWhatPythonTakesAsAnInteger() {
        PythonExecutioner.exec(
                "import enum\nclass E(enum.IntEnum): A = 1\nclass I:\n    def __index__(self): return 42\n"
                        + "class Bad:\n    def __index__(self): raise ValueError('no')\n"
                        + "e, i, bad = E.A, I(), Bad()");
        assertEquals(1L, PythonExecutioner.getVariable("e", PythonTypes.INT).getValue());
        assertEquals(42L, PythonExecutioner.getVariable("i", PythonTypes.INT).getValue());
        Expect.failureWith("Could not convert value to int: ", () -> PythonExecutioner.getVariable("bad", PythonTypes.INT));
    }

    @Test
    @Rule("4.11")
    void bytesTakesBytesOnly() {
        PythonExecutioner.exec("m = memoryview(b'x')");
        Expect.failureWith("Expected bytes. Received: <memory at",
                () -> PythonExecutioner.getVariable("m", PythonTypes.BYTES));
    }

    @Test
    @Rule("4.10")
    void generatorsAreNoLists() {
        PythonExecutioner.exec("g = (i for i in [1, 2])");
        Expect.failure("Object cannot be interpreted as a List", () -> PythonExecutioner.getVariable("g", PythonTypes.LIST));
        assertEquals("[1, 2]", Expect.text("list(g)"));
    }

    @Test
    void nullIsNone() {
        assertTrue(PythonTypes.convert(null).isNone());
        for (PythonType<?> type : PythonTypes.get().subList(0, 8)) {
            assertTrue(type.toPython(null).isNone(), type.getName());
        }
        PythonObject inside = PythonTypes.convert(Arrays.asList(null, Collections.singletonMap(null, null)));
        assertEquals("[None, {None: None}]", inside.toString());
        assertEquals(Arrays.asList(null, Collections.singletonMap(null, null)), inside.toList());
    }

    @Test
    void largeValuesGoThereAndBack() {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < 250_000; i++) {
            text.append("ab\u00e9\u4e2d");
        }
        assertEquals(text.toString(), back(PythonTypes.STR, text.toString()));
        byte[] bytes = new byte[1 << 20];
        new java.util.Random(1).nextBytes(bytes);
        assertTrue(Arrays.equals(bytes, back(PythonTypes.BYTES, bytes)));
        List<Object> list = new java.util.ArrayList<>();
        for (long i = 0; i < 100_000; i++) {
            list.add(i % 3 == 0 ? (Object) Long.valueOf(i) : i % 3 == 1 ? (Object) ("s" + i) : (Object) (i / 2.0));
        }
        assertEquals(list, back(PythonTypes.LIST, list));
    }

    @Test
    void aListThatHoldsItselfIsAnError() {
        List<Object> loop = new java.util.ArrayList<>();
        loop.add(loop);
        assertThrows(PythonException.class, () -> PythonTypes.convert(loop));
        assertEquals("1", Expect.text("1"));
    }
}
