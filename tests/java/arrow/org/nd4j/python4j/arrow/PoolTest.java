// SPDX-License-Identifier: Apache-2.0
// Tables of the worker processes of a pool: inputs and outputs, arguments and results, and what a Java function returns.
package org.nd4j.python4j.arrow;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.ipc.ArrowReader;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.PythonGC;
import org.nd4j.python4j.PythonGIL;
import org.nd4j.python4j.PythonTypes;
import org.nd4j.python4j.PythonVariable;
import org.nd4j.python4j.pool.PythonPool;

class PoolTest extends InPython {

    private static PythonPool pool;

    @BeforeAll
    static void start() {
        pool = PythonPool.builder().workers(1).build();
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
            for (String made : List.of("t", "t.to_pandas()", "t.to_batches()[0]", "t.to_reader()",
                    "__import__('pyarrow').concat_tables([t.slice(0, 7), t.slice(7)])")) {
                try (VectorSchemaRoot back = pool.callAs(PythonArrow.TABLE, "lambda t: " + made, root)) {
                    assertEquals(50_000, back.getRowCount(), made);
                    assertEquals("t49998", back.getVector("t").getObject(49_998).toString(), made);
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
        assertEquals(5, ((Number) pool.call("len", "after")).intValue());
    }

    @Test
    void columnsAreInputsAndOutputs() {
        for (int rows : new int[] {0, 3, 100_000}) {
            try (BufferAllocator allocator = new RootAllocator(); VectorSchemaRoot root = table(allocator, rows)) {
                PythonVariable<FieldVector> texts = new PythonVariable<>("texts", PythonArrow.COLUMN);
                PythonVariable<String> seen = new PythonVariable<>("seen", PythonTypes.STR);
                pool.exec("seen = type(n).__name__\ntexts = t",
                        List.of(new PythonVariable<>("n", PythonArrow.COLUMN, root.getVector("n")), new PythonVariable<>("t", PythonArrow.COLUMN, root.getVector("t"))),
                        List.of(texts, seen));
                assertEquals("Int64Array", seen.getValue());
                try (FieldVector back = texts.getValue()) {
                    assertEquals(rows, back.getValueCount());
                    assertEquals(root.getVector("t").getNullCount(), back.getNullCount());
                    assertTrue(rows == 0 || back.getObject(rows - 1).equals(root.getVector("t").getObject(rows - 1)));
                }
                assertEquals(0, PythonArrow.allocator().getAllocatedMemory());
            }
        }
    }

    @Test
    void columnsAreArgumentsAndResults() {
        try (BufferAllocator allocator = new RootAllocator(); VectorSchemaRoot root = table(allocator, 9)) {
            assertEquals(36L, pool.call("lambda c: sum(c.to_pylist())", root.getVector("n")));
            Function<Object, Object> next = number -> root.getVector("n");
            assertEquals(9L, pool.call("lambda f: len(f(1))", next));
            for (String made : List.of("c", "__import__('polars').Series(c)", "__import__('pandas').Series(c)", "__import__('nanoarrow').Array(c)",
                    "c.dictionary_encode()", "__import__('pyarrow').chunked_array([c.slice(0, 4), c.slice(4)])")) {
                try (FieldVector back = pool.callAs(PythonArrow.COLUMN, "lambda c: " + made, root.getVector("t"))) {
                    assertEquals(9, back.getValueCount(), made);
                    assertEquals("t8", back.getObject(8).toString(), made);
                    assertTrue(back.isNull(7), made);
                }
            }
        }
        assertEquals(0, PythonArrow.allocator().getAllocatedMemory());
    }

    /** As in the process: structs are a column, or a table if none of them is null. */
    @Test
    void structsAreAColumnAndATable() {
        String structs = "lambda n: __import__('pyarrow').array([{'a': 1, 'b': 'x'}, n, {'a': 3, 'b': 'z'}])";
        try (FieldVector column = pool.callAs(PythonArrow.COLUMN, structs, (Object) null)) {
            assertTrue(column.isNull(1));
        }
        try (VectorSchemaRoot table = pool.callAs(PythonArrow.TABLE, structs, Map.of("a", 2L, "b", "y"))) {
            assertEquals("y", table.getVector("b").getObject(1).toString());
        }
        assertThrows(PythonException.class, () -> pool.callAs(PythonArrow.TABLE, structs, (Object) null));
        assertEquals(0, PythonArrow.allocator().getAllocatedMemory());
    }

    @Test
    void oneIsNotTakenForTheOther() {
        refused("The worker process returned a table, not a column: ask for PythonArrow.TABLE",
                () -> pool.callAs(PythonArrow.COLUMN, "lambda: __import__('pyarrow').table({'a': [1]})"));
        refused("The worker process returned a single column of type Int(64, true), not a table: ask for PythonArrow.COLUMN",
                () -> pool.callAs(PythonArrow.TABLE, "lambda: __import__('pyarrow').array([1])"));
        assertEquals(0, PythonArrow.allocator().getAllocatedMemory());
    }

    @Test
    void streamsAreRefused() throws Exception {
        String message = "A stream does not cross to another process, because its batches are made one by one: pass each batch as a table";
        String run = "__import__('builtins').ran = 1";
        refused(message, () -> pool.callAs(PythonArrow.STREAM, "lambda: exec(\"" + run + "\")"));
        refused(message, () -> pool.exec(run, List.of(), List.of(new PythonVariable<>("s", PythonArrow.STREAM))));
        try (BufferAllocator allocator = new RootAllocator(); VectorSchemaRoot root = table(allocator, 3); ArrowReader reader = reader(root, allocator)) {
            refused(message, () -> pool.call("len", reader));
            refused(message, () -> pool.exec(run, List.of(new PythonVariable<>("s", PythonArrow.STREAM, reader)), List.of()));
            assertTrue(reader.loadNextBatch()); // nobody has touched it
        }
        assertEquals(false, pool.call("lambda: hasattr(__import__('builtins'), 'ran')"));
    }

    private static ArrowReader reader(VectorSchemaRoot root, BufferAllocator allocator) {
        try (PythonGIL gil = PythonGIL.lock(); PythonGC gc = PythonGC.watch()) {
            return PythonArrow.reader(PythonArrow.toPython(root), allocator);
        }
    }

    private static void refused(String message, Executable call) {
        PythonException e = assertThrows(PythonException.class, call);
        assertTrue(e.getMessage().startsWith(message), e.getMessage());
    }
}
