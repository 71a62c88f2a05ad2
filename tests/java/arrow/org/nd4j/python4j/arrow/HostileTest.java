// SPDX-License-Identifier: Apache-2.0
// Producers that break the specification, in Python (hostile.py) and in Java: whatever can be noticed is an exception, the
// JVM lives on, and nothing is released twice or never.
package org.nd4j.python4j.arrow;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.ipc.ArrowReader;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.nd4j.python4j.Python;
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.PythonExecutioner;
import org.nd4j.python4j.PythonGC;
import org.nd4j.python4j.PythonGIL;
import org.nd4j.python4j.PythonObject;
import org.nd4j.python4j.PythonTypeToken;

class HostileTest extends InPython {
    private final BufferAllocator allocator = new RootAllocator();
    private PythonGIL gil;
    private PythonGC gc;

    @BeforeAll
    static void importHostile() throws Exception {
        try (java.io.InputStream in = InPython.class.getResourceAsStream("hostile.py"); PythonGIL gil = PythonGIL.lock()) {
            String text = new String(in.readAllBytes(), StandardCharsets.UTF_8);
            Python.exec("hostile = types.ModuleType('hostile')");
            Python.eval("lambda text: exec(compile(text, 'hostile.py', 'exec'), hostile.__dict__)").call(text);
        }
    }

    @BeforeEach
    void enter() {
        gil = PythonGIL.lock();
        gc = PythonGC.watch();
        Python.exec("structs = lambda: (hostile.copied(hostile.source_schema), hostile.copied(hostile.source_array))");
    }

    @AfterEach
    void leave() {
        gc.close();
        Python.exec("hostile.kept.clear(); hostile.released.clear()");
        gil.close();
        allocator.close();
    }

    private interface Read {
        void of(PythonObject object) throws Exception;
    }

    private final Read byArrow = object -> PythonArrow.table(object, allocator).close(); // Arrow Java checks what it reads later
    private final Read byCore = object -> object.toJava(new PythonTypeToken<Map<String, Object[]>>() {});

    /** Each change that a consumer can see, in each struct of a batch with all forms of columns. */
    @Test
    void whatAProducerBreaksIsAnException() throws Exception {
        List<String> wrong = new ArrayList<>();
        int refused = 0;
        for (Read read : List.of(byArrow, byCore)) {
            PythonObject next = Python.eval("lambda cases: next(cases, None)");
            PythonObject cases = Python.eval("hostile.cases()");
            while (true) {
                try (PythonGC each = PythonGC.watch()) {
                    PythonObject one = next.call(cases);
                    if (one.isNone()) {
                        break;
                    }
                    if (Boolean.getBoolean("python4j.tests.verbose")) {
                        System.out.println(one.get(0)); // the last one, if the JVM dies
                    }
                    try {
                        read.of(one.get(1));
                    } catch (PythonException e) {
                        refused++;
                    } catch (RuntimeException e) {
                        wrong.add(one.get(0) + ": " + e);
                    }
                    if (allocator.getAllocatedMemory() > 0) {
                        throw new AssertionError(one.get(0) + ": " + allocator.getAllocatedMemory() + " bytes are kept");
                    }
                    if (Python.eval("len(hostile.released) > len(set(hostile.released))").toBoolean()) {
                        wrong.add(one.get(0) + ": released " + Python.eval("hostile.released"));
                    }
                }
            }
        }
        assertEquals("", String.join("\n", wrong));
        assertTrue(refused > 1000, refused + " refused");
    }

    private void refused(String object, String text, Read... reads) {
        for (Read read : reads.length == 0 ? new Read[] {byArrow, byCore} : reads) {
            String message = assertThrows(PythonException.class, () -> read.of(Python.eval(object)), object).getMessage();
            assertTrue(message.contains(text), message);
        }
    }

    /** What the core would read by a stream. */
    private void refusedByArrow(String object, String text) {
        refused(object, text, byArrow);
    }

    /** Methods of the PyCapsule interface that raise, or give something else. */
    @Test
    void whatIsNoCapsuleIsRefused() {
        Python.exec("class Gives:\n    def __init__(self, given): self.given = given\n"
                + "    def __arrow_c_stream__(self, requested_schema=None):\n"
                + "        if isinstance(self.given, Exception): raise self.given\n        return self.given\n"
                + "class Pairs(Gives):\n    __arrow_c_array__ = Gives.__arrow_c_stream__\n");
        refused("Gives(KeyError('no table'))", "KeyError: 'no table'");
        refused("Gives(None)", "The Arrow data is malformed: a capsule \"arrow_array_stream\" was expected, not a NoneType.");
        refused("Gives(hostile.capsule(hostile.Stream(), b'other'))", "a capsule \"arrow_array_stream\" was expected, not <capsule object \"other\"");
        refused("Gives(hostile.capsule(hostile.Stream(), b'arrow_array_stream'))", "The table has been read already.");
        refused("Pairs(ValueError('no array'))", "ValueError: no array");
        refusedByArrow("Pairs(None)", "The __arrow_c_array__ of a Pairs has to give a tuple of two capsules, and gave a NoneType.");
        refusedByArrow("Pairs(pa.table({'a': [1]}).__arrow_c_stream__())", "has to give a tuple of two capsules, and gave a PyCapsule.");
        refusedByArrow("Pairs((1, 2))", "a capsule \"arrow_schema\" was expected, not a int.");
    }

    /** Streams whose functions fail, are missing, or tell no reason. */
    @Test
    void aStreamThatFailsIsAnException() {
        refused("hostile.Streamed(structs()[0], 5)", "error 5");
        refused("hostile.Streamed(*structs(), 5)", "error 5");
        Python.exec("text = hostile.c.create_string_buffer(b'the disk is \\xff full')");
        refused("hostile.Streamed(*structs(), 5, error=hostile.c.addressof(text))", "the disk is \uFFFD full");
        for (String name : List.of("get_schema", "get_next")) {
            refused("hostile.Streamed(*structs(), " + name + "=type(hostile.Stream()." + name + ")())", "error 38");
        }
        refused("hostile.Streamed(structs()[0], 5, get_last_error=type(hostile.Stream().get_last_error)())", "error 5");
        refused("hostile.Streamed(hostile.Schema(), 5)", "The Arrow schema is malformed: it has no format.");
        Python.exec("deep = pa.int8()\nfor _ in range(63): deep = pa.list_(deep)\n"
                + "deep_schema = hostile.Schema()\ndeep_array = hostile.Array()\npa.array([], deep)._export_to_c(hostile.c.addressof(deep_array), hostile.c.addressof(deep_schema))\n"
                + "def deeper():\n    schema, array = hostile.copied(deep_schema), hostile.copied(deep_array)\n"
                + "    over = hostile.copied(deep_schema)\n    over.format, over.n_children = b'+s', 1\n"
                + "    over.children = (hostile.c.POINTER(hostile.Schema) * 1)(hostile.c.pointer(schema))\n    return over, array");
        refused("hostile.Pair(*deeper())", "The Arrow schema is malformed: its types are nested more than 64 deep.");
    }

    /** A consumer in Python that releases what Java gave more than once. */
    @Test
    void aSecondReleaseDoesNothing() {
        try (VectorSchemaRoot root = numbers(3)) {
            PythonExecutioner.setVariable("t", PythonArrow.toPython(root));
            Python.exec("import ctypes as c\ndef twice(capsule, name, kind):\n"
                    + "    struct = hostile.struct_in(capsule, name, kind)\n"
                    + "    release = c.cast(struct.release, c.c_void_p).value\n"
                    + "    for _ in range(3): hostile.Release(release)(c.addressof(struct))\n"
                    + "schema, array = t.__arrow_c_array__()\n"
                    + "twice(schema, b'arrow_schema', hostile.Schema)\ntwice(array, b'arrow_array', hostile.Array)\n"
                    + "twice(t.__arrow_c_stream__(), b'arrow_array_stream', hostile.Stream)\n"
                    + "rows = pa.table(t).num_rows\ndel schema, array, t");
            assertEquals("3", Python.eval("rows").toString());
        }
    }

    /** Older pyarrow ends the process where the nulls of a map's entries, of which there are none, are not counted. */
    @Test
    void theEntriesOfAMapAreSaidToHaveNoNulls() {
        try (VectorSchemaRoot root = PythonArrow.table(
                Python.eval("pa.table({'m': pa.array([[('k', None)], None], pa.map_(pa.string(), pa.int32()))})"), allocator)) {
            PythonExecutioner.setVariable("t", PythonArrow.toPython(root));
            Python.exec("capsule = t.__arrow_c_array__()[1]\n"
                    + "map = hostile.struct_in(capsule, b'arrow_array', hostile.Array).children[0].contents\nentries = map.children[0].contents\n"
                    + "counts = [each.null_count for each in (map, entries, *(entries.children[i].contents for i in range(2)))]\n"
                    + "del t, capsule, map, entries");
            assertEquals("[-1, 0, 0, -1]", Python.eval("counts").toString());
        }
    }

    private VectorSchemaRoot numbers(int rows) {
        BigIntVector vector = new BigIntVector("n", allocator);
        vector.allocateNew(rows);
        for (int i = 0; i < rows; i++) {
            vector.set(i, i);
        }
        VectorSchemaRoot root = VectorSchemaRoot.of(vector);
        root.setRowCount(rows);
        return root;
    }

    @Test
    void whatJavaClosesOrChangesAfterwardsStaysAsItWas() {
        VectorSchemaRoot root = numbers(3);
        PythonExecutioner.setVariable("t", PythonArrow.toPython(root));
        root.clear();
        ((BigIntVector) root.getVector(0)).allocateNew(5);
        ((BigIntVector) root.getVector(0)).set(0, 77);
        root.setRowCount(5);
        assertEquals("[0, 1, 2]", Python.eval("pa.record_batch(t).column(0).to_pylist()").toString());
        root.close();
        assertEquals("[0, 1, 2]", Python.eval("pa.record_batch(t).column(0).to_pylist()").toString());
        Python.exec("del t");
        PythonException closed = assertThrows(PythonException.class, () -> PythonArrow.toPython(root));
        assertTrue(closed.getMessage().contains("The column n has 0 values, the table has 5 rows"), closed.getMessage());
    }

    /** Where a table cannot be given, its memory is not kept for it. */
    @Test
    void whatCannotBeGivenIsNotKept() throws Exception {
        try (VectorSchemaRoot root = numbers(3)) {
            long before = allocator.getAllocatedMemory();
            List<Throwable> found = new ArrayList<>();
            Thread other = new Thread(() -> {
                for (Runnable give : List.<Runnable>of(() -> PythonArrow.toPython(root), () -> PythonArrow.toPython(root.getVector(0)),
                        () -> PythonArrow.toNumpy(root.getVector(0)))) {
                    found.add(assertThrows(PythonException.class, give::run)); // there is no turn
                }
            });
            other.start();
            other.join();
            assertEquals(3, found.size());
            allocator.setLimit(before);
            Python.exec("none = 0"); // another schema than that of the last table, so that it has to be written
            assertThrows(org.apache.arrow.memory.OutOfMemoryException.class, () -> PythonArrow.toPython(root.getVector(0)));
            allocator.setLimit(Long.MAX_VALUE);
            assertEquals(before, allocator.getAllocatedMemory());
        } // and the allocator is closed at the end
    }

    /** A reader whose batches are wrong in some way. */
    private final class Wrong extends ArrowReader {
        private final int kind;
        private int batches;
        boolean closed;

        Wrong(int kind) {
            super(HostileTest.this.allocator);
            this.kind = kind;
        }

        @Override
        public boolean loadNextBatch() throws IOException {
            BigIntVector vector = (BigIntVector) getVectorSchemaRoot().getVector(0);
            vector.allocateNew(1);
            vector.set(0, batches);
            getVectorSchemaRoot().setRowCount(1);
            if (batches++ > 0) {
                switch (kind) {
                    case 0:
                        throw new StackOverflowError("too deep");
                    case 1:
                        getVectorSchemaRoot().getVector(0).setValueCount(7);
                        break;
                    case 2:
                        throw new IllegalStateException((String) null);
                    default:
                        close();
                        throw new IOException("closed while it is read");
                }
            }
            return true;
        }

        @Override
        public long bytesRead() {
            return 0;
        }

        @Override
        protected void closeReadSource() {
            closed = true;
        }

        @Override
        protected org.apache.arrow.vector.types.pojo.Schema readSchema() {
            return new org.apache.arrow.vector.types.pojo.Schema(List.of(new BigIntVector("n", allocator).getField()));
        }
    }

    @Test
    void aReaderThatFailsInTheMiddleIsAnErrorInPython() {
        String[] texts = {"java.lang.StackOverflowError: too deep", "The column n has 7 values, the table has 1 rows", "java.lang.IllegalStateException",
            "closed while it is read"};
        for (int kind = 0; kind < texts.length; kind++) {
            Wrong reader = new Wrong(kind);
            try (PythonGC each = PythonGC.watch()) {
                PythonExecutioner.setVariable("r", PythonArrow.toPython(reader));
                Python.exec("s = pa.RecordBatchReader.from_stream(r)\nfirst = s.read_next_batch().column(0).to_pylist()");
                PythonException e = assertThrows(PythonException.class, () -> Python.exec("s.read_next_batch()"));
                assertTrue(e.getMessage().contains(texts[Math.min(3, reader.kind)]), e.getMessage());
            }
            Python.exec("del r, s");
            assertTrue(reader.closed);
            assertEquals("[0]", Python.eval("first").toString());
        }
    }
}
