// SPDX-License-Identifier: Apache-2.0
// What needs no package of Python's: Java's tables go to Python and come back, by the methods of Arrow's PyCapsule interface.
package org.nd4j.python4j.arrow;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.util.List;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.ipc.ArrowReader;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.nd4j.python4j.Python;
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.PythonExecutioner;
import org.nd4j.python4j.PythonGC;
import org.nd4j.python4j.PythonGIL;
import org.nd4j.python4j.PythonObject;
import org.nd4j.python4j.PythonType;
import org.nd4j.python4j.PythonTypes;
import org.nd4j.python4j.PythonVariable;

class PythonArrowTest extends InPython {
    private final BufferAllocator allocator = new RootAllocator();
    private PythonGIL gil;
    private PythonGC gc;

    @BeforeEach
    void enter() {
        gil = PythonGIL.lock();
        gc = PythonGC.watch();
    }

    /** Every test gives back all memory, on both sides. */
    @AfterEach
    void leave() {
        gc.close();
        Python.exec("import gc; globals().pop('x', None); gc.collect()");
        gil.close();
        allocator.close();
    }

    private VectorSchemaRoot orders(int rows) {
        BigIntVector ids = new BigIntVector("id", allocator);
        VarCharVector names = new VarCharVector("name", allocator);
        ids.allocateNew(rows);
        names.allocateNew(rows);
        for (int i = 0; i < rows; i++) {
            ids.setSafe(i, i * 10L);
            if (i % 4 != 3) {
                names.setSafe(i, ("name " + i).getBytes(StandardCharsets.UTF_8));
            }
        }
        VectorSchemaRoot root = new VectorSchemaRoot(List.of(ids, names));
        root.setRowCount(rows);
        return root;
    }

    @Test
    void aTableGoesToPythonAndComesBackOverTheSameMemory() {
        try (VectorSchemaRoot root = orders(10)) {
            PythonObject table = PythonArrow.toPython(root);
            assertEquals("<java table of 2 columns and 10 rows>", table.toString());
            try (VectorSchemaRoot back = PythonArrow.table(table, allocator)) {
                assertEquals(root.getSchema(), back.getSchema());
                assertTrue(root.equals(back));
                assertEquals(root.getVector(0).getDataBufferAddress(), back.getVector(0).getDataBufferAddress());
                assertEquals(root.getVector(1).getOffsetBufferAddress(), back.getVector(1).getOffsetBufferAddress());
            }
        }
    }

    @Test
    void aColumnGoesToPythonAndComesBack() {
        try (VectorSchemaRoot root = orders(5); FieldVector back = PythonArrow.vector(PythonArrow.toPython(root.getVector(1)), allocator)) {
            assertEquals("name 4", back.getObject(4).toString());
            assertTrue(back.isNull(3));
        }
    }

    @Test
    void pythonKeepsTheMemoryAfterJavaHasClosedIt() {
        try (VectorSchemaRoot root = orders(100)) {
            PythonExecutioner.setVariable("x", PythonArrow.toPython(root));
        }
        assertTrue(allocator.getAllocatedMemory() > 0);
        try (VectorSchemaRoot back = PythonArrow.table(PythonExecutioner.getVariable("x"), allocator)) {
            assertEquals(990, ((BigIntVector) back.getVector(0)).get(99));
        }
    }

    @Test
    void batchesOfAGeneratorAreReadOneByOne() throws Exception {
        try (VectorSchemaRoot root = orders(3)) {
            PythonExecutioner.setVariable("x", PythonArrow.toPython(root));
            Python.exec("made = 0\nended = False\n"
                    + "def batches():\n"
                    + "    global made, ended\n"
                    + "    try:\n"
                    + "        for i in range(1000):\n"
                    + "            made += 1\n"
                    + "            yield x\n"
                    + "    finally:\n"
                    + "        ended = True\n");
            try (ArrowReader reader = PythonArrow.reader(Python.eval("batches()"), allocator)) {
                assertEquals(0, Python.eval("made").toInt());
                for (int i = 1; i <= 3; i++) {
                    assertTrue(reader.loadNextBatch());
                    assertEquals(3, reader.getVectorSchemaRoot().getRowCount());
                    assertEquals(i, Python.eval("made").toInt());
                }
            }
            assertTrue(Python.eval("ended").toBoolean());
        }
    }

    @Test
    void whatARaisingGeneratorRaisesArrives() throws Exception {
        Python.exec("def x():\n    raise KeyError('no more')\n    yield");
        try (ArrowReader reader = PythonArrow.reader(Python.eval("x()"), allocator)) {
            PythonException e = assertThrows(PythonException.class, reader::loadNextBatch);
            assertEquals("KeyError: 'no more'", e.getMessage());
        }
    }

    @Test
    void aTableIsAnInputAndAnOutput() {
        try (VectorSchemaRoot root = orders(4)) {
            PythonVariable<VectorSchemaRoot> out = new PythonVariable<>("x", PythonArrow.TABLE);
            PythonExecutioner.exec("x = orders", List.of(new PythonVariable<>("orders", PythonArrow.TABLE, root)), List.of(out));
            try (VectorSchemaRoot back = out.getValue()) {
                assertTrue(root.equals(back));
            }
            Python.exec("del orders");
        }
    }

    @Test
    void rowsWithoutColumnsAreCounted() {
        Python.exec("rows = pa.RecordBatch.from_struct_array(pa.array([{}, {}, {}], pa.struct([])))");
        for (String object : List.of("rows", "[rows, rows]", "iter([rows, rows])")) {
            try (VectorSchemaRoot root = PythonArrow.table(Python.eval(object), allocator)) {
                assertEquals(object.equals("rows") ? 3 : 6, root.getRowCount(), object);
                assertEquals(root.getRowCount(), Python.eval("lambda t: pa.record_batch(t).num_rows").call(PythonArrow.toPython(root)).toInt());
            }
        }
        Python.exec("del rows");
    }

    @Test
    void aColumnIsAnInputAnOutputAnArgumentAndAResult() {
        try (VectorSchemaRoot root = orders(4)) {
            PythonVariable<FieldVector> out = new PythonVariable<>("x", PythonArrow.COLUMN);
            PythonExecutioner.exec("x = ids", List.of(new PythonVariable<>("ids", PythonArrow.COLUMN, root.getVector(0))), List.of(out));
            try (FieldVector back = out.getValue();
                    FieldVector argument = PythonArrow.COLUMN.toJava(Python.eval("lambda column: column").call(root.getVector(1)))) {
                assertEquals(30L, back.getObject(3));
                assertEquals("name 2", argument.getObject(2).toString());
            }
            PythonObject callback = Python.function((arguments, named) -> root.getVector(((Number) arguments.get(0)).intValue()));
            assertEquals("[0, 10, 20, 30]", Python.eval("lambda f: str(pa.array(f(0)).to_pylist())").call(callback).toString());
            Python.exec("del ids");
        }
    }

    @Test
    void aStreamIsAnInputAnOutputAnArgumentAndAResult() throws Exception {
        try (VectorSchemaRoot root = orders(4)) {
            PythonExecutioner.setVariable("x", PythonArrow.toPython(root));
            PythonVariable<ArrowReader> out = new PythonVariable<>("made", PythonArrow.STREAM);
            PythonExecutioner.exec("made = (x for _ in range(3))", List.of(), List.of(out));
            PythonVariable<String> seen = new PythonVariable<>("seen", PythonTypes.STR);
            PythonExecutioner.exec("seen = str(pa.table(read)['id'].num_chunks)",
                    List.of(new PythonVariable<>("read", PythonArrow.STREAM, out.getValue())), List.of(seen));
            assertEquals("3", seen.getValue());
            ArrowReader again = PythonArrow.STREAM.toJava(Python.eval("(x for _ in range(2))"));
            assertEquals(8, Python.eval("lambda stream: pa.table(stream).num_rows").call(again).toInt());
            ArrowReader third = PythonArrow.STREAM.toJava(Python.eval("(x for _ in range(5))"));
            PythonObject callback = Python.function((arguments, named) -> third);
            assertEquals(20, Python.eval("lambda f: pa.table(f()).num_rows").call(callback).toInt());
            Python.exec("del made, read");
        }
        assertEquals(0, PythonArrow.allocator().getAllocatedMemory());
    }

    /** An input of another class is refused by the type, before Python sees anything of it. */
    @Test
    void aValueOfAnotherClassIsRefused() {
        for (PythonType<?> type : List.of(PythonArrow.TABLE, PythonArrow.COLUMN, PythonArrow.STREAM)) {
            PythonException e = assertThrows(PythonException.class, () -> type.adapt("text"));
            assertTrue(e.getMessage().startsWith("Cannot cast object of type java.lang.String to "), e.getMessage());
        }
    }

    @Test
    void whatHasNoArrowDataIsRefused() {
        PythonException e = assertThrows(PythonException.class, () -> PythonArrow.table(Python.eval("5"), allocator));
        assertTrue(e.getMessage().startsWith("A int has no Arrow data:"), e.getMessage());
    }

    /** Each says what to do. */
    @Test
    void whatJavaCannotHaveIsRefused() {
        Python.exec("class Device:\n    def __arrow_c_device_array__(self, **named): pass");
        refused("Device()", "The memory of this Device is that of a device, which Java cannot read: copy it");
        refused("pa.array([1])", "This is a single column of type Int(64, true), not a table: read it by PythonArrow.vector.");
        refused("pa.array([None, {'a': 1}])", "Rows of this table are null as a whole, which no table in Java can say");
        refused("pa.table({'x': pa.array([1], pa.decimal32(3))})", "Arrow Java has no such type: ");
        refused("(x for x in [pa.record_batch({'a': [1]}), pa.record_batch({'b': ['x']})])",
                "A batch has other columns than those before it: [b u] after [a l].");
        refused("(x for x in [])", "The iterator has ended without a batch, so the columns are not known:");
        refused("(x for x in [7])", "The iterator gave a int, which has no Arrow data.");
        Python.exec("del Device");
    }

    private void refused(String object, String message) {
        PythonException e = assertThrows(PythonException.class, () -> PythonArrow.table(Python.eval(object), allocator).close(), object);
        assertTrue(e.getMessage().startsWith(message), e.getMessage());
    }
}
