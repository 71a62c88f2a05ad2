// SPDX-License-Identifier: Apache-2.0
// Who keeps what for how long: memory is given back on any thread, readers and generators end with those who read them, and
// nothing is left, however many tables cross.
package org.nd4j.python4j.arrow;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.OutOfMemoryException;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.Float8Vector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.ipc.ArrowReader;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.Schema;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.python4j.Python;
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.PythonExecutioner;
import org.nd4j.python4j.PythonGC;
import org.nd4j.python4j.PythonGIL;
import org.nd4j.python4j.PythonObject;
import org.nd4j.python4j.internal.jni.Callbacks;
import org.nd4j.python4j.internal.jni.Native;

@Timeout(120)
class LifetimesTest extends InPython {

    private static BigIntVector numbers(BufferAllocator allocator, int count) {
        BigIntVector vector = new BigIntVector("n", allocator);
        vector.allocateNew(count);
        for (int i = 0; i < count; i++) {
            vector.set(i, i);
        }
        vector.setValueCount(count);
        return vector;
    }

    /** Counts from 0 on, one batch for each. */
    private static final class Counting extends ArrowReader {
        private final int last;
        private int next;
        boolean closed;

        Counting(BufferAllocator allocator, int last) {
            super(allocator);
            this.last = last;
        }

        @Override
        public boolean loadNextBatch() throws IOException {
            if (next == last) {
                return false;
            }
            if (next == 100) {
                throw new IOException("no batch has the number 100");
            }
            BigIntVector vector = (BigIntVector) getVectorSchemaRoot().getVector(0);
            vector.allocateNew(1);
            vector.set(0, next++);
            getVectorSchemaRoot().setRowCount(1);
            return true;
        }

        @Override
        protected Schema readSchema() {
            try (BigIntVector vector = new BigIntVector("n", allocator)) {
                return new Schema(List.of(vector.getField()));
            }
        }

        @Override
        public long bytesRead() {
            return next;
        }

        @Override
        protected void closeReadSource() {
            closed = true;
        }
    }

    @Test
    void pythonReadsAReaderOfJavasBatchByBatchAndClosesIt() {
        try (BufferAllocator allocator = new RootAllocator(); PythonGIL gil = PythonGIL.lock()) {
            Counting reader = new Counting(allocator, 5);
            try (PythonGC gc = PythonGC.watch()) {
                PythonExecutioner.setVariable("r", PythonArrow.toPython(reader));
            }
            Python.exec("s = pa.RecordBatchReader.from_stream(r)\nfirst = s.read_next_batch().column(0).to_pylist()");
            assertEquals(1, reader.bytesRead());
            assertEquals("[[0], [1], [2], [3], [4]]",
                    Python.eval("[first] + [b.column(0).to_pylist() for b in s]").toString());
            PythonException twice = assertThrows(PythonException.class, () -> Python.exec("pa.RecordBatchReader.from_stream(r)"));
            assertTrue(twice.getMessage().contains("are read once"), twice.getMessage());
            Python.exec("del r, s");
            assertTrue(reader.closed);
        }
    }

    @Test
    void aReaderThatPythonDropsIsClosed() {
        try (BufferAllocator allocator = new RootAllocator(); PythonGIL gil = PythonGIL.lock()) {
            Counting unread = new Counting(allocator, 5);
            Counting half = new Counting(allocator, 5);
            try (PythonGC gc = PythonGC.watch()) {
                PythonArrow.toPython(unread);
                PythonExecutioner.setVariable("r", PythonArrow.toPython(half));
                Python.exec("s = pa.RecordBatchReader.from_stream(r)\ns.read_next_batch()\ndel s, r");
            }
            assertTrue(unread.closed);
            assertTrue(half.closed);
        }
    }

    @Test
    void whatAReaderThrowsArrivesInPython() {
        try (BufferAllocator allocator = new RootAllocator(); PythonGIL gil = PythonGIL.lock()) {
            try (PythonGC gc = PythonGC.watch()) {
                PythonExecutioner.setVariable("r", PythonArrow.toPython(new Counting(allocator, 1000)));
                PythonException e = assertThrows(PythonException.class, () -> Python.exec("pa.table(r)"));
                assertTrue(e.getMessage().contains("java.io.IOException: no batch has the number 100"), e.getMessage());
            }
            Python.exec("del r");
        }
    }

    /** A thread of Python's reads while the thread that started it waits: the batches need no turn. */
    @Test
    void threadsOfPythonsReadAndDrop() throws Exception {
        try (BufferAllocator allocator = new RootAllocator(); PythonGIL gil = PythonGIL.lock()) {
            Counting reader = new Counting(allocator, 50);
            try (PythonGC gc = PythonGC.watch()) {
                PythonExecutioner.setVariable("r", PythonArrow.toPython(reader));
                Python.exec("import threading\nfound = []\n"
                        + "def read():\n    global r\n    found.append(pa.table(r).num_rows)\n    del r\n"
                        + "t = threading.Thread(target=read)\nt.start()\nt.join()");
                assertEquals("[50]", Python.eval("found").toString());
            }
            assertTrue(reader.closed);
        }
    }

    @Test
    void closingWithoutATurnWaitsForNothing() throws Exception {
        try (BufferAllocator allocator = new RootAllocator(); PythonGIL gil = PythonGIL.lock()) {
            FieldVector vector;
            try (PythonGC gc = PythonGC.watch()) {
                Python.exec("import numpy as np, weakref, gc\nmemory = np.arange(1000)\ngone = weakref.ref(memory)\ncolumn = pa.array(memory)");
                vector = PythonArrow.vector(Python.eval("column"), allocator);
                Python.exec("del column, memory\ngc.collect()");
            }
            assertFalse(Python.eval("gone() is None").toBoolean());
            Thread closing = new Thread(vector::close);
            closing.start();
            closing.join(); // which has no turn while this one has it
            assertEquals(0, allocator.getAllocatedMemory());
            assertTrue(Python.eval("gone() is None").toBoolean());
        }
    }

    @Test
    void anAllocatorWithoutRoomKeepsNothing() throws Exception {
        try (BufferAllocator limited = new RootAllocator(4096); PythonGIL gil = PythonGIL.lock()) {
            try (PythonGC gc = PythonGC.watch()) {
                Python.exec("import numpy as np, weakref, gc\nmemory = np.arange(1000)\ngone = weakref.ref(memory)\ncolumn = pa.array(memory)");
                assertThrows(OutOfMemoryException.class, () -> PythonArrow.vector(Python.eval("column"), limited));
                Python.exec("del column, memory\ngc.collect()");
            }
            assertEquals(0, limited.getAllocatedMemory());
            assertTrue(Python.eval("gone() is None").toBoolean());
        }
    }

    @Test
    void aReaderThatJavaForgetsEndsItsGenerator() throws Exception {
        try (BufferAllocator allocator = new RootAllocator()) {
            try (PythonGIL gil = PythonGIL.lock(); PythonGC gc = PythonGC.watch()) {
                Python.exec("ended = False\ndef endless():\n    global ended\n    try:\n        while True:\n"
                        + "            yield pa.record_batch({'n': [1]})\n    finally:\n        ended = True");
                half(allocator);
            }
            for (int i = 0; i < 600; i++) {
                System.gc();
                try (PythonGIL gil = PythonGIL.lock()) {
                    if (Python.eval("ended").toBoolean()) {
                        return;
                    }
                }
                Thread.sleep(50);
            }
        }
        throw new AssertionError("the generator goes on");
    }

    private static void half(BufferAllocator allocator) throws Exception {
        ArrowReader reader = PythonArrow.reader(Python.eval("endless()"), allocator);
        assertTrue(reader.loadNextBatch());
        reader.close(false); // the vectors are the allocator's, the generator is not
    }

    /** A reader that is used on another thread takes a turn for each batch. */
    @Test
    void aReaderIsReadOnAThreadThatHasNoTurn() throws Exception {
        try (BufferAllocator allocator = new RootAllocator()) {
            ArrowReader reader;
            try (PythonGIL gil = PythonGIL.lock(); PythonGC gc = PythonGC.watch()) {
                reader = PythonArrow.reader(Python.eval("(pa.record_batch({'n': [i]}) for i in range(20))"), allocator);
            }
            List<Object> found = new ArrayList<>();
            Thread other = new Thread(() -> {
                try (ArrowReader own = reader) {
                    while (own.loadNextBatch()) {
                        found.add(own.getVectorSchemaRoot().getVector(0).getObject(0));
                    }
                } catch (IOException e) {
                    found.add(e);
                }
            });
            other.start();
            other.join();
            assertEquals(20, found.size(), found.toString());
            assertEquals(19L, found.get(19));
        }
    }

    /** -Dpython4j.tests.tables=100000 for the whole run. */
    @Test
    void tablesLeaveNothingBehind() throws Exception {
        int rounds = Integer.getInteger("python4j.tests.tables", 2000);
        try (BufferAllocator allocator = new RootAllocator(); PythonGIL gil = PythonGIL.lock();
                BigIntVector vector = numbers(allocator, 100); VectorSchemaRoot root = VectorSchemaRoot.of(vector)) {
            root.setRowCount(100);
            for (int i = 0; i < 5; i++) {
                System.gc(); // what earlier tests left
                cross(root, 10, allocator); // what is made once and kept
            }
            long before = allocator.getAllocatedMemory();
            int held = Callbacks.count();
            long inPython = allocatedByPython();
            int handles = Native.handleCount();
            cross(root, rounds, allocator);
            assertEquals(before, allocator.getAllocatedMemory());
            // Less is there where Java has collected more of that meanwhile.
            assertTrue(Callbacks.count() <= held, () -> Callbacks.count() + " of " + held);
            assertTrue(Native.handleCount() <= handles, () -> Native.handleCount() + " of " + handles);
            assertTrue(allocatedByPython() <= inPython, () -> allocatedByPython() + " of " + inPython);
        }
    }

    private static void cross(VectorSchemaRoot root, int rounds, BufferAllocator allocator) {
        try (PythonObject back = Python.eval("lambda table: pa.table(table).slice(7)")) {
            for (int i = 0; i < rounds; i++) {
                try (PythonGC gc = PythonGC.watch(); VectorSchemaRoot sliced = PythonArrow.table(back.call(PythonArrow.toPython(root)), allocator)) {
                    assertEquals(93, sliced.getRowCount());
                }
            }
        }
        Python.exec("import gc\ngc.collect()");
    }

    private static long allocatedByPython() {
        try (PythonObject bytes = Python.eval("pa.total_allocated_bytes()")) {
            return bytes.toLong();
        }
    }

    /** Ten thousand rows of eight columns in each batch. */
    private static final class Batches extends ArrowReader {
        private int left = 1000;

        Batches(BufferAllocator allocator) {
            super(allocator);
        }

        @Override
        public boolean loadNextBatch() throws IOException {
            for (FieldVector vector : getVectorSchemaRoot().getFieldVectors()) {
                ((BigIntVector) vector).allocateNew(10_000);
                vector.getDataBuffer().setZero(0L, 80_000L);
                vector.getValidityBuffer().setOne(0L, 1250L);
                ((BigIntVector) vector).set(0, left);
            }
            getVectorSchemaRoot().setRowCount(10_000);
            return left-- > 0;
        }

        @Override
        protected Schema readSchema() {
            List<Field> fields = new ArrayList<>();
            for (int i = 0; i < 8; i++) {
                fields.add(Field.nullable("c" + i, new ArrowType.Int(64, true)));
            }
            return new Schema(fields);
        }

        @Override
        public long bytesRead() {
            return 0;
        }

        @Override
        protected void closeReadSource() {}
    }

    /** 640 MB each way, again and again: -Dpython4j.tests.streams=1000 for a long run. */
    @Test
    void streamsOfAThousandBatchesNeedTheMemoryOfAFew() throws Exception {
        try (BufferAllocator allocator = new RootAllocator(); PythonGIL gil = PythonGIL.lock(); PythonGC gc = PythonGC.watch()) {
            Python.exec("import pyarrow.compute\nbase = pa.array(range(10_000))\nmost = 0\n"
                    + "def batches():\n    global most\n    for i in range(1000):\n"
                    + "        yield pa.record_batch([pa.compute.add(base, i) for _ in range(8)], list('abcdefgh'))\n"
                    + "        most = max(most, pa.total_allocated_bytes())\n"
                    + "def total(stream): return sum(batch.column(7)[0].as_py() for batch in pa.RecordBatchReader.from_stream(stream))");
            long own = allocatedByPython();
            long before = 0;
            int rounds = Integer.getInteger("python4j.tests.streams", 8);
            for (int i = 0; i < rounds; i++) {
                try (PythonGC each = PythonGC.watch()) {
                    long total = 0;
                    try (ArrowReader reader = PythonArrow.reader(Python.eval("batches()"), allocator)) {
                        while (reader.loadNextBatch()) {
                            total += ((BigIntVector) reader.getVectorSchemaRoot().getVector(7)).get(9999);
                        }
                    }
                    assertEquals(1000 * 9999 + 999 * 500, total);
                    assertEquals(1000 * 1001 / 2, Python.eval("total").call(PythonArrow.toPython(new Batches(allocator))).toLong());
                }
                assertEquals(0, allocator.getAllocatedMemory());
                before = i == rounds / 4 ? resident() : before; // what is made once is there
            }
            long most = Python.eval("most").toLong() - own;
            assertTrue(most < 4 * 650_000, most + " bytes of Python's at a time");
            assertTrue(allocator.getPeakMemoryAllocation() < 4 * 1_100_000, allocator.getPeakMemoryAllocation() + " bytes of Java's at a time");
            long grown = resident() - before;
            assertTrue(grown < 192 << 20, "the process has grown by " + grown + " bytes"); // of which the JVM's heap takes some at first
        }
    }

    /** The bytes of memory that the process has; 0 where nobody tells. */
    private static long resident() throws IOException {
        Path statm = Path.of("/proc/self/statm");
        return Files.exists(statm) ? Long.parseLong(Files.readString(statm).split(" ")[1]) * 4096 : 0;
    }

    /** A table that the heap has no room for, there and back, until the JVM ends with Python still holding it. */
    @Test
    void aTableLargerThanTheHeapCrosses(@TempDir Path folder) throws Exception {
        for (String collector : new String[] {"-XX:+UseG1GC", "-XX:+UseZGC"}) {
            Path out = folder.resolve("out");
            Process process = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-Xmx64m", collector,
                    "--add-opens=java.base/java.nio=ALL-UNNAMED",
                    "-Dorg.eclipse.python4j.python=" + System.getProperty("python4j.tests.arrow"),
                    "-cp", System.getProperty("python4j.tests.classpath"), Large.class.getName(),
                    Integer.getInteger("python4j.tests.megabytes", 160).toString())
                    .redirectErrorStream(true).redirectOutput(out.toFile()).start();
            assertTrue(process.waitFor(100, TimeUnit.SECONDS), "it ends");
            String printed = Files.readString(out);
            assertEquals(0, process.exitValue(), printed);
            assertTrue(printed.contains("crossed"), printed);
        }
    }

    /** The program of {@link #aTableLargerThanTheHeapCrosses}. */
    static final class Large {
        public static void main(String[] args) throws Exception {
            int rows = Integer.parseInt(args[0]) * (1 << 20) / Double.BYTES / 4;
            BufferAllocator allocator = new RootAllocator();
            List<FieldVector> columns = new ArrayList<>();
            for (int column = 0; column < 4; column++) {
                Float8Vector vector = new Float8Vector("c" + column, allocator);
                vector.allocateNew(rows);
                for (int i = 0; i < rows; i++) {
                    vector.set(i, column);
                }
                vector.setValueCount(rows);
                columns.add(vector);
            }
            try (PythonGIL gil = PythonGIL.lock(); PythonGC gc = PythonGC.watch(); VectorSchemaRoot root = new VectorSchemaRoot(columns)) {
                PythonExecutioner.setVariable("t", PythonArrow.toPython(root));
                Python.exec("import polars as pl\nframe = pl.DataFrame(t)\nassert frame['c3'].sum() == 3 * len(frame)");
                try (VectorSchemaRoot back = PythonArrow.table(Python.eval("frame"), allocator)) {
                    System.out.println(((Float8Vector) back.getVector(2)).get(rows - 1) == 2 ? "crossed" : "other values");
                }
            }
        }
    }
}
