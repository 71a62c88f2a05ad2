// SPDX-License-Identifier: Apache-2.0
// Tables of the worker processes of a pool: inputs and outputs, arguments and results, and what a Java function returns.
package org.nd4j.python4j.arrow;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.function.Function;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.PythonTypes;
import org.nd4j.python4j.PythonVariable;
import org.nd4j.python4j.pool.PythonPool;

class PoolTest {

    private static PythonPool pool;

    @BeforeAll
    static void start() {
        pool = PythonPool.builder().workers(1).python(System.getProperty("python4j.tests.arrow")).build();
    }

    @AfterAll
    static void stop() {
        pool.close();
    }

    private static VectorSchemaRoot table(BufferAllocator allocator, int rows) {
        BigIntVector numbers = new BigIntVector("n", allocator);
        VarCharVector texts = new VarCharVector("t", allocator);
        for (int i = 0; i < rows; i++) {
            numbers.setSafe(i, i);
            if (i % 3 != 1) {
                texts.setSafe(i, ("t" + i).getBytes());
            }
        }
        VectorSchemaRoot root = VectorSchemaRoot.of(numbers, texts);
        root.setRowCount(rows);
        return root;
    }

    @Test
    void tablesAreInputsAndOutputs() {
        for (int rows : new int[] {0, 3, 100_000}) { // the last in shared memory
            try (BufferAllocator allocator = new RootAllocator(); VectorSchemaRoot root = table(allocator, rows)) {
                PythonVariable<VectorSchemaRoot> twice = new PythonVariable<>("twice", PythonArrow.TABLE);
                PythonVariable<String> seen = new PythonVariable<>("seen", PythonTypes.STR);
                pool.exec("import polars\nseen = type(table).__name__\n"
                                + "twice = polars.DataFrame(table).with_columns(polars.col('n') * 2)",
                        List.of(new PythonVariable<>("table", PythonArrow.TABLE, root)), List.of(twice, seen));
                assertEquals("Table", seen.getValue());
                try (VectorSchemaRoot made = twice.getValue()) {
                    assertEquals(rows, made.getRowCount());
                    if (rows > 0) {
                        assertEquals(2L * (rows - 1), made.getVector("n").getObject(rows - 1));
                        assertEquals("t2", made.getVector("t").getObject(2).toString());
                        assertTrue(made.getVector("t").isNull(1));
                    }
                }
                assertEquals(0, PythonArrow.allocator().getAllocatedMemory());
            }
        }
    }

    @Test
    void tablesAreArgumentsAndResults() {
        try (BufferAllocator allocator = new RootAllocator(); VectorSchemaRoot root = table(allocator, 50_000)) {
            assertEquals(1249975000L, pool.call("lambda t: sum(t['n'].to_pylist())", root));
            for (String made : List.of("t", "__import__('pandas').DataFrame.from_arrow(t)", "t.to_batches()[0]", "t.to_reader()",
                    "__import__('pyarrow').concat_tables([t.slice(0, 7), t.slice(7)])")) {
                try (VectorSchemaRoot back = pool.callAs(PythonArrow.TABLE, "lambda t: " + made, root)) {
                    assertEquals(50_000, back.getRowCount(), made);
                    assertEquals("t49999", back.getVector("t").getObject(49_999).toString(), made);
                }
            }
        }
        assertEquals(0, PythonArrow.allocator().getAllocatedMemory());
    }

    @Test
    void categoriesComeAsTheirValues() {
        try (VectorSchemaRoot back = pool.callAs(PythonArrow.TABLE,
                "lambda: __import__('pyarrow').table({'c': __import__('pyarrow').array(['x', 'y', 'x']).dictionary_encode()})")) {
            assertEquals("x", back.getVector("c").getObject(2).toString());
        }
    }

    @Test
    void aJavaFunctionThatAWorkerCallsReturnsATable() {
        try (BufferAllocator allocator = new RootAllocator(); VectorSchemaRoot root = table(allocator, 20_000)) {
            Function<Object, Object> next = number -> root;
            assertEquals(20_000L, pool.call("lambda f: len(f(1))", next));
        }
    }

    @Test
    void whatIsNoTableIsRefused() {
        PythonException no = assertThrows(PythonException.class, () -> pool.callAs(PythonArrow.TABLE, "lambda: 3"));
        assertTrue(no.getMessage().contains("TypeError"), no.getMessage());
        try (BufferAllocator allocator = new RootAllocator(); VectorSchemaRoot root = table(allocator, 3)) {
            FieldVector column = root.getVector("n");
            PythonException alone = assertThrows(PythonException.class, () -> pool.call("len", column));
            assertTrue(alone.getMessage().contains("do not cross"), alone.getMessage());
        }
        assertEquals(5, ((Number) pool.call("len", "after")).intValue());
    }
}
