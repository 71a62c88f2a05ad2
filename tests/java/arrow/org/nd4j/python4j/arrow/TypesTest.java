// SPDX-License-Identifier: Apache-2.0
// Every type of Arrow's, with nulls and without, whole and sliced, in both directions, against what pyarrow says of the
// same data. The witness is Arrow's IPC format, which both sides write and read without this library.
package org.nd4j.python4j.arrow;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.ipc.ArrowReader;
import org.apache.arrow.vector.ipc.ArrowStreamReader;
import org.apache.arrow.vector.ipc.ArrowStreamWriter;
import org.junit.jupiter.api.Test;
import org.nd4j.python4j.Python;
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.PythonExecutioner;
import org.nd4j.python4j.PythonGC;
import org.nd4j.python4j.PythonGIL;
import org.nd4j.python4j.PythonObject;
import org.nd4j.python4j.PythonTypes;

class TypesTest extends InPython {

    /** What Arrow Java cannot put together. */
    private static final List<String> ONE_BY_ONE = List.of("large_list<item: string_view>", "large_list_view<item: string>",
            "list_view<item: int64>", "sparse_union<i: int64=0, t: string=1>",
            "struct<in: struct<most: binary, when: timestamp[us, tz=UTC]>, n: null>");

    private interface Case {
        String difference(String name, PythonObject array) throws Exception;
    }

    /** Runs a case for each array of each type, and notes the types that are refused. */
    private void each(Case test, TreeSet<String> refused) throws Exception {
        StringBuilder wrong = new StringBuilder();
        int count = 0;
        try (PythonGIL gil = PythonGIL.lock()) {
            for (PythonObject type : Python.eval("tables.TYPES")) {
                for (PythonObject each : tables("cases").call(type)) {
                    String name = each.get(0).toString();
                    try (PythonGC gc = PythonGC.watch()) {
                        wrong.append(test.difference(name, each.get(1)));
                        count++;
                    } catch (PythonException e) {
                        refused.add(type.toString());
                        assertTrue(e.getMessage().contains("in Python"), e.getMessage()); // it says what to do
                    } catch (Exception | AssertionError e) {
                        wrong.append(name).append(": ").append(e).append('\n');
                    }
                }
            }
            Python.exec("import gc\ngc.collect()");
        }
        assertEquals("", wrong.toString());
        assertTrue(count > 500, "only " + count);
    }

    private PythonObject tables(String name) {
        return Python.eval("tables").attr(name);
    }

    private String difference(String name, PythonObject expected, PythonObject found, boolean types) {
        return tables("difference").call(name, expected, found, types).toString();
    }

    private PythonObject pyarrow(String function, PythonObject argument) {
        return Python.importModule("pyarrow").attr(function).call(argument);
    }

    @Test
    void pythonsColumnsAreInJavaWhatTheyAreInPython() throws Exception {
        TreeSet<String> refused = new TreeSet<>();
        try (BufferAllocator allocator = new RootAllocator()) {
            each((name, array) -> {
                try (ArrowReader reader = PythonArrow.reader(Python.importModule("pyarrow").attr("record_batch").call(List.of(array), List.of("x")), allocator)) {
                    if (!reader.loadNextBatch()) { // pyarrow's stream leaves out batches without rows
                        return array.attr("__len__").call().toInt() == 0 ? "" : name + ": no batch\n";
                    }
                    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
                    try (ArrowStreamWriter writer = new ArrowStreamWriter(reader.getVectorSchemaRoot(), reader, bytes)) {
                        writer.writeBatch();
                    }
                    PythonObject back = tables("from_ipc").call((Object) bytes.toByteArray());
                    return difference(name, array, back.attr("column").call(0), true);
                }
            }, refused);
        }
        assertEquals(new TreeSet<>(List.of("sparse_union<i: int64=0, t: string=1>")), refused);
    }

    @Test
    void javasColumnsAreInPythonWhatTheyAreInJava() throws Exception {
        TreeSet<String> refused = new TreeSet<>();
        try (BufferAllocator allocator = new RootAllocator()) {
            each((name, array) -> {
                byte[] bytes = PythonTypes.BYTES.toJava(tables("to_ipc").call(array));
                try (ArrowStreamReader reader = new ArrowStreamReader(new ByteArrayInputStream(bytes), allocator)) {
                    assertTrue(reader.loadNextBatch());
                    PythonObject table = pyarrow("table", PythonArrow.toPython(reader.getVectorSchemaRoot(), reader));
                    return difference(name, array, table.attr("column").call(0), true);
                }
            }, refused);
        }
        assertEquals(new TreeSet<>(List.<String>of()), refused);
    }

    @Test
    void columnsGoToJavaAndBack() throws Exception {
        TreeSet<String> refused = new TreeSet<>();
        try (BufferAllocator allocator = new RootAllocator()) {
            each((name, array) -> {
                try (FieldVector vector = PythonArrow.vector(array, allocator)) {
                    PythonObject back = pyarrow("array", PythonArrow.toPython(vector));
                    return difference(name, array, back, false); // dictionaries are gone
                }
            }, refused);
        }
        assertEquals(new TreeSet<>(List.of("sparse_union<i: int64=0, t: string=1>")), refused);
    }

    @Test
    void batchesBecomeOneTable() throws Exception {
        TreeSet<String> refused = new TreeSet<>();
        try (BufferAllocator allocator = new RootAllocator()) {
            each((name, array) -> {
                PythonObject chunks = Python.eval("lambda a: pa.table([pa.chunked_array([a, a.slice(2, 9), a.slice(0, 0), a])], ['x'])").call(array);
                try (VectorSchemaRoot root = PythonArrow.table(chunks, allocator)) {
                    PythonObject back = pyarrow("table", PythonArrow.toPython(root));
                    return difference(name, chunks.attr("column").call(0), back.attr("column").call(0), false);
                }
            }, refused);
        }
        assertEquals(new TreeSet<>(ONE_BY_ONE), refused);
    }

    /** A few of those that the torture suite makes by the thousand. */
    @Test
    void randomTablesGoToJavaAndBack() throws Exception {
        StringBuilder wrong = new StringBuilder();
        try (PythonGIL gil = PythonGIL.lock(); BufferAllocator allocator = new RootAllocator()) {
            for (int seed = 0; seed < 150; seed++) {
                try (PythonGC gc = PythonGC.watch()) {
                    PythonObject batch = tables("random_batch").call(seed);
                    try (VectorSchemaRoot root = PythonArrow.table(Python.eval("lambda b: (x for x in [b])").call(batch), allocator)) {
                        PythonObject back = pyarrow("record_batch", PythonArrow.toPython(root));
                        for (int i = 0; i < root.getFieldVectors().size(); i++) {
                            wrong.append(difference("seed " + seed + " column " + i, batch.attr("column").call(i), back.attr("column").call(i), true));
                        }
                    }
                }
            }
            Python.exec("import gc\ngc.collect()");
        }
        assertEquals("", wrong.toString());
    }
}
