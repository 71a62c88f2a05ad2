// SPDX-License-Identifier: Apache-2.0
// Vectors as numpy arrays over the same memory, and back.
package org.nd4j.python4j.arrow;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.Float8Vector;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.nd4j.python4j.Python;
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.PythonExecutioner;
import org.nd4j.python4j.PythonGC;
import org.nd4j.python4j.PythonGIL;
import org.nd4j.python4j.PythonObject;

class NumpyTest extends InPython {
    private final BufferAllocator allocator = new RootAllocator();
    private PythonGIL gil;
    private PythonGC gc;

    @BeforeEach
    void enter() {
        gil = PythonGIL.lock();
        gc = PythonGC.watch();
        Python.exec("import numpy as np, pyarrow as pa");
    }

    /** Every test gives back all memory. */
    @AfterEach
    void leave() {
        gc.close();
        Python.exec("import gc; globals().pop('x', None); gc.collect()");
        gil.close();
        allocator.close();
    }

    private FieldVector of(String array) {
        return PythonArrow.vector(Python.eval(array), allocator);
    }

    @Test
    void eachSeesWhatTheOtherWrites() {
        try (Float8Vector vector = new Float8Vector("v", allocator)) {
            vector.allocateNew(3);
            for (int i = 0; i < 3; i++) {
                vector.set(i, i + 0.5);
            }
            vector.setValueCount(3);
            PythonExecutioner.setVariable("x", PythonArrow.toNumpy(vector));
            Python.exec("x[1] = -8");
            assertEquals(-8, vector.get(1));
            vector.set(2, 9);
        }
        assertEquals("[0.5, -8.0, 9.0]", Python.eval("x.tolist()").toString()); // Python keeps the memory
        assertTrue(allocator.getAllocatedMemory() > 0);
    }

    @Test
    void everyNumberGoesThereAndBackOverTheSameMemory() {
        for (String type : new String[] {"int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float16",
                "float32", "float64", "datetime64[s]", "datetime64[ms]", "datetime64[us]", "datetime64[ns]", "timedelta64[us]"}) {
            try (PythonGC gc = PythonGC.watch()) {
                PythonObject array = Python.eval("np.array([1, 2, 100], 'int64').astype('" + type + "')");
                PythonExecutioner.setVariable("x", array);
                try (FieldVector vector = PythonArrow.fromNumpy("v", array, allocator)) {
                    assertEquals(3, vector.getValueCount(), type);
                    assertEquals(Python.eval("x.ctypes.data").toLong(), vector.getDataBufferAddress(), type);
                    PythonObject back = PythonArrow.toNumpy(vector);
                    assertEquals(array.attr("dtype").toString(), back.attr("dtype").toString());
                    assertEquals(array.attr("tolist").call().toString(), back.attr("tolist").call().toString());
                    assertEquals(vector.getDataBufferAddress(), back.attr("ctypes").attr("data").toLong());
                    PythonObject same = Python.eval("lambda v, a: pa.array(v).equals(pa.array(a))").call(PythonArrow.toPython(vector), array);
                    assertTrue(same.toBoolean(), type);
                }
            }
        }
    }

    @Test
    void nullsAreMaskedOrNaNOnRequestAndElseRefused() {
        try (FieldVector vector = of("pa.array([1, None, 3, None, 5])")) {
            PythonException e = assertThrows(PythonException.class, () -> PythonArrow.toNumpy(vector));
            assertTrue(e.getMessage().contains(" has 2 nulls, which a numpy array cannot say"), e.getMessage());
            PythonObject masked = PythonArrow.toNumpy(vector, PythonArrow.Nulls.MASKED);
            assertEquals("[1, None, 3, None, 5]", masked.attr("tolist").call().toString());
            assertEquals("int64", masked.attr("dtype").toString());
            assertEquals(vector.getDataBufferAddress(), masked.attr("data").attr("ctypes").attr("data").toLong());
            assertEquals("[1.0, nan, 3.0, nan, 5.0]", PythonArrow.toNumpy(vector, PythonArrow.Nulls.NAN).attr("tolist").call().toString());
        }
    }

    @Test
    void maskedValuesAndNotATimeAreNulls() {
        try (FieldVector vector = PythonArrow.fromNumpy("v", Python.eval("np.ma.MaskedArray([7, 8, 9], [True, False, False])"), allocator)) {
            assertEquals("[null, 8, 9]", vector.toString());
        }
        try (FieldVector vector = PythonArrow.fromNumpy("v", Python.eval("np.array(['2026-01-01', 'NaT'], 'datetime64[s]')"), allocator)) {
            assertEquals("[2026-01-01T00:00, null]", vector.toString());
        }
    }

    @Test
    void bitsAndGapsAreCopied() {
        try (FieldVector vector = PythonArrow.fromNumpy("v", Python.eval("np.arange(11) % 3 == 0"), allocator)) {
            assertEquals("[True, False, False, True, False, False, True, False, False, True, False]",
                    PythonArrow.toNumpy(vector).attr("tolist").call().toString());
        }
        try (FieldVector vector = PythonArrow.fromNumpy("v", Python.eval("np.arange(10)[::3]"), allocator)) {
            assertEquals("[0, 3, 6, 9]", vector.toString());
        }
        try (FieldVector vector = PythonArrow.fromNumpy("v", Python.eval("np.arange(3, dtype='>i4')[::-1]"), allocator)) {
            assertEquals("[2, 1, 0]", vector.toString());
        }
        try (FieldVector vector = of("pa.array([0, 20000], pa.date32())")) {
            assertEquals("['1970-01-01' '2024-10-04']", PythonArrow.toNumpy(vector).toString());
        }
    }

    @Test
    void emptyArraysAreEmptyVectors() {
        try (FieldVector vector = PythonArrow.fromNumpy("v", Python.eval("np.array([], 'int16')"), allocator)) {
            assertEquals(0, vector.getValueCount());
            assertEquals("int16", PythonArrow.toNumpy(vector).attr("dtype").toString());
        }
    }

    @Test
    void whatIsNoVectorIsRefused() {
        for (String[] each : new String[][] {
                {"np.zeros((2, 2))", "A vector has one dimension, the array has 2."},
                {"[1]", "A list is no numpy array."},
                {"np.array(['2026'], 'datetime64[D]')", "Arrow Java has no vector of elements like numpy's datetime64[D]:"},
                {"np.array([1j])", "Unsupported array data type"}}) {
            PythonException e = assertThrows(PythonException.class,
                    () -> PythonArrow.fromNumpy("v", Python.eval(each[0]), allocator).close(), each[0]);
            assertTrue(e.getMessage().startsWith(each[1]), e.getMessage());
        }
        try (FieldVector vector = of("pa.array(['a'])")) {
            PythonException e = assertThrows(PythonException.class, () -> PythonArrow.toNumpy(vector));
            assertTrue(e.getMessage().startsWith("No numpy array has elements like the vector"), e.getMessage());
        }
    }

    @Test
    void javaKeepsTheMemoryOfAnArrayThatPythonHasForgotten() {
        FieldVector vector = PythonArrow.fromNumpy("v", Python.eval("np.arange(1000)"), allocator);
        Python.exec("import gc; gc.collect(); junk = [np.zeros(1000) for _ in range(100)]; del junk");
        assertEquals(999, ((BigIntVector) vector).get(999));
        vector.close();
    }
}
