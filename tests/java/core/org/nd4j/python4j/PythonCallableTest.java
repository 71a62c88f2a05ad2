// SPDX-License-Identifier: Apache-2.0
// Functions bound once. What a value becomes on the other side is in ConversionTablesTest; here is
// how it gets there without a variable in between.
package org.nd4j.python4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.nd4j.python4j.internal.jni.Handles;

@ExtendWith(InPython.class)
class PythonCallableTest {

    private static PythonCallable function(String... lines) {
        PythonExecutioner.exec(String.join("\n", lines));
        return PythonCallable.of("f");
    }

    @Test
    void primitivesGoInAndComeOut() {
        try (PythonCallable add = function("def f(*a): return sum(a)")) {
            assertEquals(0, add.callLong());
            assertEquals(3, add.callLong(1, 2));
            assertEquals(Long.MIN_VALUE, add.callLong(Long.MIN_VALUE));
            assertEquals(Long.MAX_VALUE, add.callLong(Long.MAX_VALUE - 1, 1));
            assertEquals(0.75, add.callDouble(0.5, 0.25));
            assertEquals(Double.POSITIVE_INFINITY, add.callDouble(Double.POSITIVE_INFINITY));
            assertEquals(Double.NaN, add.callDouble(Double.NaN));
        }
    }

    @Test
    void textsGoInAndComeOut() {
        try (PythonCallable join = function("def f(*a): return '-'.join(a)")) {
            assertEquals("a-\u00e9\0-\uD83D\uDE00", join.callString("a", "\u00e9\0", "\uD83D\uDE00"));
            assertEquals("", join.callString());
        }
        try (PythonCallable length = PythonCallable.of("len")) {
            assertEquals("3", length.callString("abc"));
        }
    }

    @Test
    void anyValuesGoInAndComeOut() {
        try (PythonCallable same = function("def f(*a): return list(a)")) {
            assertEquals(Arrays.asList(1L, 2.5, "x", null, true, List.of(1L), Map.of("k", 1L)),
                    same.call(1, 2.5, "x", null, true, List.of(1), Map.of("k", 1)));
            assertEquals(List.of(), same.call());
            assertEquals(List.of(List.of("SECONDS")), same.call(Set.of(TimeUnit.SECONDS).stream()));
            assertEquals(Arrays.asList((Object) null), same.call((Object) null));
        }
        try (PythonCallable nothing = function("def f(): pass")) {
            assertNull(nothing.call());
        }
    }

    @Test
    void aResultOfATypeIsThatType() {
        try (PythonCallable range = PythonCallable.of("range"); PythonCallable number = PythonCallable.of("int")) {
            assertEquals(List.of(0L, 1L, 2L), range.callAs(PythonTypes.LIST, 3));
            assertEquals(Double.valueOf(7), number.callAs(PythonTypes.FLOAT, "7"));
            Expect.failure("Could not convert value to int: range(0, 3)", () -> range.callAs(PythonTypes.INT, 3));
        }
    }

    /** Up to three arguments cross as they are, more of them packed. */
    @Test
    void anyNumberOfNumbersGoesIn() {
        try (PythonCallable weigh = function("def f(*a): return sum(n * 10 ** i for i, n in enumerate(a))")) {
            assertEquals(0, weigh.callLong());
            assertEquals(1, weigh.callLong(1));
            assertEquals(21, weigh.callLong(1, 2));
            assertEquals(321, weigh.callLong(1, 2, 3));
            assertEquals(54321, weigh.callLong(1, 2, 3, 4, 5));
            assertEquals(0.0, weigh.callDouble());
            assertEquals(0.5, weigh.callDouble(0.5));
            assertEquals(20.5, weigh.callDouble(0.5, 2));
            assertEquals(-79.5, weigh.callDouble(0.5, 2, -1));
            assertEquals(4321.5, weigh.callDouble(1.5, 2, 3, 4));
        }
        try (PythonCallable types = function("def f(a): return type(a) is int")) {
            assertEquals(1, types.callLong(Long.MIN_VALUE));
            assertEquals(0.0, types.callDouble(1));
        }
        try (PythonCallable same = function("def f(a): return a")) {
            assertEquals(Long.MIN_VALUE, same.callLong(Long.MIN_VALUE));
            assertEquals(-0.0, same.callDouble(-0.0));
            assertTrue(Double.isNaN(same.callDouble(Double.NaN)));
        }
    }

    @Test
    void resultsThatDoNotFitAreErrors() {
        try (PythonCallable shift = function("def f(n): return 1 << n")) {
            assertEquals(1L << 62, shift.callLong(62));
            assertThrows(PythonException.class, () -> shift.callLong(64));
        }
        try (PythonCallable text = function("def f(): return 'x'")) {
            assertThrows(PythonException.class, text::callLong);
            assertThrows(PythonException.class, text::callDouble);
        }
    }

    @Test
    void whatPythonRaisesIsThrown() {
        try (PythonCallable fails = function("def f(a): raise KeyError(a)")) {
            Expect.failure("KeyError: 7", () -> fails.callLong(7));
            Expect.failure("KeyError: 'x'", () -> fails.callString("x"));
            Expect.failure("KeyError: None", () -> fails.call((Object) null));
        }
        try (PythonCallable two = function("def f(a, b): return a + b")) {
            assertThrows(PythonException.class, () -> two.callLong(1));
            assertEquals(3, two.callLong(1, 2));
        }
    }

    @Test
    void aNullAloneIsNone() {
        try (PythonCallable same = PythonCallable.of("repr")) {
            assertEquals("None", same.call((Object[]) null));
            assertEquals("None", same.callAs(PythonTypes.STR, (Object[]) null));
        }
    }

    @Test
    void whatCannotBeCalledIsRefused() {
        PythonExecutioner.exec("n = 1");
        Expect.failure("Object is not callable: 1", () -> PythonCallable.of("n"));
        assertThrows(PythonException.class, () -> PythonCallable.of("no_such_name"));
        assertThrows(NullPointerException.class, () -> PythonCallable.of((String) null));
    }

    @Test
    void itHoldsItsFunctionByItself() {
        PythonCallable one;
        try (PythonGC frame = PythonGC.watch()) {
            PythonExecutioner.exec("def f(): return 1");
            one = PythonCallable.of(PythonExecutioner.getVariable("f"));
        }
        PythonExecutioner.exec("del f");
        assertEquals(1, one.callLong());
        one.close();
        one.close();
        assertThrows(PythonException.class, one::callLong);
    }

    @Test
    void callsHoldNoObjectsBehind() {
        try (PythonCallable same = PythonCallable.of("list")) {
            int before = Handles.count();
            for (int i = 0; i < 1_000; i++) {
                same.call(List.of(1, "x"));
                same.callAs(PythonTypes.LIST, "text");
            }
            assertTrue(Handles.count() <= before); // fewer if earlier tests' objects went meanwhile
        }
    }

    /**
     * What a small call allocates in Java once it is compiled: nothing, and for an attribute the object and what gives it back.
     * In a JVM of its own: what the compiler makes of a call depends on what else has run.
     */
    @Test
    void smallCallsAllocateNothing() throws Exception {
        assertEquals("0\n0\n48", ChildJvm.output("bytesOfSmallCalls"));
    }
}
