// SPDX-License-Identifier: Apache-2.0
// What a pool does with calls: values there and back, errors, and what becomes of workers that are lost.
package org.nd4j.python4j.pool;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.PythonTypes;
import org.nd4j.python4j.PythonVariable;

@Timeout(120)
class PythonPoolTest {

    private static PythonPool pool;

    @BeforeAll
    static void open() {
        pool = PythonPool.builder().workers(1).build();
    }

    @AfterAll
    static void close() {
        pool.close();
    }

    @Test
    void execSetsInputsAndReadsOutputs() {
        PythonVariable<Long> sum = new PythonVariable<>("s", PythonTypes.INT);
        pool.exec("s = a + b", List.of(new PythonVariable<>("a", PythonTypes.INT, 2), new PythonVariable<>("b", PythonTypes.INT, 40)),
                List.of(sum));
        assertEquals(42, sum.getValue());
    }

    @Test
    void aFunctionOfAModuleIsCalled() {
        assertEquals(2432902008176640000L, pool.call("math:factorial", 20));
        assertEquals(Arrays.asList(1L, "b", null), pool.call("lambda *a: list(a)", 1, "b", null));
    }

    @Test
    void anExceptionHasItsTraceback() {
        PythonException e = assertThrows(PythonException.class, () -> pool.exec("def f():\n    return 1 / 0\nf()"));
        assertEquals("ZeroDivisionError: division by zero", e.getMessage());
        assertTrue(e.getTraceback().contains("return 1 / 0"), e.getTraceback());
        assertEquals("f", e.getStackTrace()[0].getMethodName());
    }

    @Test
    void largeValuesCross() {
        byte[] bytes = new byte[3_000_000];
        Arrays.fill(bytes, (byte) 7);
        assertArrayEquals(bytes, pool.callAs(PythonTypes.BYTES, "lambda x: x", (Object) bytes));
        assertEquals("None", pool.call("repr", (Object[]) null));
        String text = "äö€".repeat(100_000);
        assertEquals(text, pool.call("lambda x: x", text));
    }

    @Test
    void aCrashLosesTheWorkerAlone() {
        PythonWorkerLost e = assertThrows(PythonWorkerLost.class, () -> pool.exec("import ctypes\nctypes.string_at(0)"));
        assertEquals("SIGSEGV", e.getSignal());
        assertTrue(e.getLastLines().toString().contains("Segmentation fault"), e.getMessage());
        assertEquals(3L, pool.call("len", "abc"));
    }
}
