// SPDX-License-Identifier: Apache-2.0
// Memory that this process and a worker both see: who writes what the other reads, and when it goes.
package org.nd4j.python4j.pool;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.DoubleBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.LongSupplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.nd4j.python4j.PythonBuffer;
import org.nd4j.python4j.PythonBuffer.Type;
import org.nd4j.python4j.PythonException;

@Timeout(120)
class SharedMemoryTest {

    private static final int MANY = 100_000;

    private static PythonPool pool;

    @BeforeAll
    static void open() {
        pool = PythonPool.builder().workers(1).build();
    }

    @AfterAll
    static void close() {
        pool.close();
    }

    private static long pid() {
        return (Long) pool.call("os:getpid");
    }

    /** How many blocks of ours a process has mapped; of Linux, which shows it. */
    private static long mapped(long process) {
        try (Stream<String> lines = Files.lines(Path.of("/proc/" + process + "/maps"))) {
            return lines.filter(line -> line.contains("memfd:python4j")).count();
        } catch (IOException e) {
            return 0;
        }
    }

    private static long files(long process) {
        try (Stream<Path> files = Files.list(Path.of("/proc/" + process + "/fd"))) {
            return files.count();
        } catch (IOException e) {
            return 0;
        }
    }

    private static void eventually(long expected, LongSupplier number) throws InterruptedException {
        long end = System.nanoTime() + 20_000_000_000L;
        while (number.getAsLong() != expected && System.nanoTime() < end) {
            System.gc();
            Thread.sleep(10);
        }
        assertEquals(expected, number.getAsLong());
    }

    private static DoubleBuffer doubles(PythonBuffer buffer) {
        return buffer.asByteBuffer().asDoubleBuffer();
    }

    @Test
    void whatJavaFillsTheWorkerReadsAndTheOtherWayRound() {
        try (PythonBuffer shared = PythonBuffer.shared(Type.FLOAT64, MANY, 2)) {
            doubles(shared).put(2 * MANY - 1, 4.5);
            String last = "lambda a: (a[" + (MANY - 1) + ", 1], a.shape if hasattr(a, 'shape') else None)";
            assertEquals(Arrays.asList(4.5, Arrays.asList((long) MANY, 2L)), pool.call(last, shared));
            pool.call("lambda a: a.__setitem__((0, 1), 7.0)", shared);
            assertEquals(7.0, doubles(shared).get(1));
            doubles(shared).put(2 * MANY - 1, 5.5);
            assertEquals(5.5, ((List<?>) pool.call(last, shared)).get(0));
        }
    }

    /** An array that is more than its elements is refused, as in the process: nothing of a value is lost silently. */
    @Test
    void anArrayWithAMaskOrOfAnotherClassIsRefused() throws Exception {
        numpy();
        for (String array : new String[] {"numpy.ma.array([1, 2], mask=[0, 1])", "numpy.arange(3).view(type('Metres', (numpy.ndarray,), {}))",
            "[numpy.ma.zeros(100_000)]"}) {
            PythonException e = assertThrows(PythonException.class, () -> pool.call("lambda: (numpy := __import__('numpy')) and " + array));
            assertTrue(e.getMessage().contains("cannot leave its worker process"), e.getMessage());
        }
        assertArrayEquals(new long[] {1, 2}, ((PythonBuffer) pool.call("lambda: __import__('numpy').matrix([1, 2])")).shape());
    }

    @Test
    void anArrayThatAWorkerReturnsIsTheSameMemory() throws Exception {
        numpy();
        try (PythonPool.Session session = pool.session()) {
            session.exec("import numpy");
            session.exec("a = numpy.arange(" + MANY + ".0)");
            PythonBuffer array = (PythonBuffer) session.call("lambda: a");
            assertEquals(99_999.0, doubles(array).get(MANY - 1));
            doubles(array).put(3, -1);
            session.exec("a[4] = -2; assert a[3] == -1");
            assertEquals(-2.0, doubles(array).get(4));
            PythonBuffer part = (PythonBuffer) session.call("lambda: a.reshape(-1, 100)[::2].T");
            assertArrayEquals(new long[] {100, 500}, part.shape());
            assertEquals(array.toDoubleArray()[5 * 200 + 7], part.toDoubleArray()[7 * 500 + 5]);
            // Another worker, or the same one, can be given it.
            assertEquals(-2.0, session.call("lambda x: x[4]", array));
        }
    }

    @Test
    void theMemoryOfAWorkerOutlivesIt() {
        numpy();
        PythonBuffer array = (PythonBuffer) pool.call("lambda: __import__('numpy').full(" + MANY + ", 2.5)");
        assertThrows(PythonWorkerLost.class, () -> pool.exec("import os; os.kill(os.getpid(), 9)"));
        assertEquals(2.5, doubles(array).get(MANY - 1));
        doubles(array).put(0, 1);
        assertEquals(1.0 + 2.5 * (MANY - 1), pool.call("numpy:sum", array));
    }

    private static void numpy() {
        assumeTrue((Boolean) pool.call("lambda: __import__('importlib.util').util.find_spec('numpy') is not None"), "no numpy");
    }

    @Test
    void memoryThatIsNotSharedIsCopiedInWhateverOrderItIs() {
        ByteBuffer bytes = ByteBuffer.allocateDirect(8 * MANY).order(ByteOrder.nativeOrder());
        for (int i = 0; i < MANY; i++) {
            bytes.putDouble(8 * i, i);
        }
        long address = PythonBuffer.of(bytes.asDoubleBuffer()).address();
        for (long count : new long[] {10, MANY / 2}) {
            // Every second element, backwards.
            PythonBuffer odd = PythonBuffer.of(address + 8 * (2 * count - 1), Type.FLOAT64, new long[] {count}, new long[] {-16}, true, bytes);
            assertEquals(Arrays.asList(2.0 * count - 1, 1.0, true),
                    pool.call("lambda a: (a[0], a[-1], memoryview(a).readonly)", odd));
        }
        PythonBuffer columns = PythonBuffer.of(address, Type.FLOAT64, new long[] {3, 2}, new long[] {8, 24}, false, bytes);
        assertEquals(Arrays.asList(0.0, 3.0, 1.0, 4.0, 2.0, 5.0), pool.call("lambda a: [a[i, j] for i in range(3) for j in range(2)]", columns));
        try (PythonBuffer none = PythonBuffer.shared(Type.INT32, 0, 3)) {
            assertEquals(0L, pool.call("lambda a: memoryview(a).nbytes", none));
        }
    }

    @Test
    void everyTypeCrossesInBothDirections() {
        for (Type type : Type.values()) {
            if (type.size() == 0) {
                continue;
            }
            for (int count : new int[] {5, MANY}) {
                try (PythonBuffer there = PythonBuffer.shared(type, count)) {
                    ByteBuffer bytes = there.asByteBuffer();
                    for (int i = 0; i < bytes.capacity(); i++) {
                        bytes.put(i, (byte) (type == Type.BOOL ? i & 1 : i % 100));
                    }
                    PythonBuffer back = (PythonBuffer) pool.call("lambda a: memoryview(bytearray(a)).cast('B').cast(memoryview(a).format)", there);
                    assertEquals(type, back.type());
                    assertArrayEquals(there.toByteArray(), back.toByteArray());
                }
            }
        }
    }

    @Test
    void aBlockGoesWhenNeitherSideHasIt() throws InterruptedException {
        try (PythonPool fresh = PythonPool.builder().workers(1).build()) {
            aBlockGoes(fresh);
        }
    }

    private static void aBlockGoes(PythonPool pool) throws InterruptedException {
        long worker = (Long) pool.call("os:getpid");
        assertEquals(0, mapped(worker));
        try (PythonBuffer first = PythonBuffer.shared(Type.UINT8, 1 << 16)) { // imports numpy
            pool.call("len", first);
        }
        eventually(0, () -> mapped(worker));
        long files = files(worker);
        PythonBuffer shared = PythonBuffer.shared(Type.UINT8, 1 << 20);
        boolean seen = mapped(ProcessHandle.current().pid()) > 0;
        try (PythonPool.Session session = pool.session()) {
            session.exec("kept = []");
            session.call("lambda a: kept.append(memoryview(a))", shared);
            assertEquals(seen ? 1 : 0, mapped(worker));
            shared.close();
            assertEquals(0L, session.call("lambda: kept[0][5]")); // Python has it still
            session.exec("kept.clear()");
            eventually(0, () -> mapped(worker)); // without a further call
        }
        List<PythonBuffer> many = new ArrayList<>();
        for (int i = 0; i < 50; i++) {
            many.add(PythonBuffer.shared(Type.UINT8, 1 << 16));
            pool.call("len", many.get(i));
        }
        assertEquals(seen ? 50 : 0, mapped(worker));
        many.forEach(PythonBuffer::close);
        eventually(0, () -> mapped(worker));
        assertEquals(files, files(worker));
    }

    @Test
    void nothingGrowsWithCalls() {
        numpy();
        long self = ProcessHandle.current().pid();
        long worker = pid();
        byte[] bytes = new byte[200_000];
        long files = 0;
        for (int i = 0; i < 300; i++) {
            if (i == 50) {
                files = files(self) + files(worker);
            }
            assertEquals(200_000, ((byte[]) pool.call("lambda b: b", (Object) bytes)).length);
            try (PythonBuffer made = (PythonBuffer) pool.call("lambda: __import__('numpy').zeros(20000)")) {
                assertEquals(20_000, made.count());
            }
        }
        assertTrue(files(self) + files(worker) <= files + 20, files + " files have become " + (files(self) + files(worker)));
    }

    @Test
    void largeTextsBytesAndListsCross() {
        for (int length : new int[] {65_000, 70_000, 5_000_000, 20_000_000}) {
            byte[] bytes = new byte[length];
            bytes[length - 1] = 7;
            assertArrayEquals(bytes, (byte[]) pool.call("lambda b: b", (Object) bytes));
        }
        String text = "aé漢😀".repeat(50_000);
        assertEquals(text, pool.call("lambda t: t", text));
        List<Object> list = new ArrayList<>();
        for (long i = 0; i < MANY; i++) {
            list.add(Map.of("i", i));
        }
        assertEquals(list, pool.call("lambda x: x", list));
    }

    @Test
    void manyLargeValuesOfOneCallCrossInTheirOrder() {
        List<Object> values = new ArrayList<>();
        for (int i = 0; i < 60; i++) {
            byte[] bytes = new byte[(1 << 16) - 30 + i * i * i];
            Arrays.fill(bytes, (byte) i);
            values.add(bytes);
            values.add(String.valueOf((char) ('a' + i % 26)).repeat(60_000 + 1_000 * i));
            values.add((long) i);
        }
        for (int times = 0; times < 3; times++) {
            List<?> back = (List<?>) pool.call("lambda *values: [v * 1 for v in values]", values.toArray());
            assertEquals(values.size(), back.size());
            for (int i = 0; i < values.size(); i++) {
                if (values.get(i) instanceof byte[]) {
                    assertArrayEquals((byte[]) values.get(i), (byte[]) back.get(i));
                } else {
                    assertEquals(values.get(i), back.get(i));
                }
            }
        }
    }

    @Test
    void largeBytesCrossWithinACallAndAfterOneThatFailed() {
        byte[] large = new byte[300_000];
        java.util.function.Function<byte[], Object> inner = bytes -> {
            bytes[0]++;
            return ((byte[]) pool.call("lambda b: b + b", (Object) bytes)).length + bytes[0];
        };
        Object lengths = pool.call("lambda f, b: (f(b * 2), len(b), f(b), b)", inner, large);
        assertEquals(Arrays.asList(1_200_001L, 300_000L, 600_001L), ((List<?>) lengths).subList(0, 3));
        assertArrayEquals(large, (byte[]) ((List<?>) lengths).get(3));
        for (String failing : new String[] {"lambda b: (b, object())", "lambda b: (b * 50, object())", "lambda b: 1 / 0",
                "lambda b: {b: 1, bytes(300001): {(1, 2): 3, range(1, 3): 4}}"}) {
            assertThrows(PythonException.class, () -> pool.call(failing, (Object) large));
            assertArrayEquals(large, (byte[]) pool.call("lambda b: b", (Object) large));
        }
    }

    @Test
    void whatAPreparationMadeIsSharedAndAForkedWorkerSharesWhatItMakes() {
        numpy();
        for (boolean forking : new boolean[] {false, true}) {
            try (PythonPool prepared = PythonPool.builder().workers(1).forkServer(forking)
                    .prepare("import numpy\nkept = numpy.ones(" + MANY + ")").build();
                    PythonPool.Session session = prepared.session()) {
                session.exec("made = numpy.ones(" + MANY + ")");
                for (String name : new String[] {"made", "kept"}) {
                    try (PythonBuffer array = (PythonBuffer) session.call("lambda: " + name)) {
                        assertEquals(1.0, doubles(array).get(MANY - 1));
                        doubles(array).put(0, 5);
                        // What the fork server made is each worker's own, and is copied once more to be sent.
                        boolean copied = name.equals("kept") && prepared.monitor().getStart().equals("fork server");
                        assertEquals(copied ? 1.0 : 5.0, session.call("lambda: float(" + name + "[0])"), name);
                    }
                }
                session.exec("kept.resize(2 * kept.size, refcheck=False); assert kept[0] in (1, 5) and kept[-1] == 0; del kept");
            }
        }
    }

    @Test
    void theMemoryOfALostWorkerGoesWithItsLastUseHere() throws InterruptedException {
        numpy();
        long self = ProcessHandle.current().pid();
        System.gc();
        long before = mapped(self);
        assumeTrue(Files.exists(Path.of("/proc/self/maps")), "no /proc");
        try (PythonPool other = PythonPool.builder().workers(1).imports("numpy").build()) {
            PythonBuffer array = (PythonBuffer) other.call("numpy:ones", MANY);
            assertEquals(before + 1, mapped(self));
            assertThrows(PythonWorkerLost.class, () -> other.exec("import os; os.kill(os.getpid(), 9)"));
            assertEquals(1.0, doubles(array).get(MANY - 1));
            array.close();
            eventually(before, () -> mapped(self));
        }
    }

    @Test
    void aCallbackGetsArraysAndGivesThem() {
        PythonBuffer shared = PythonBuffer.shared(Type.FLOAT64, MANY);
        doubles(shared).put(7, 1.5);
        java.util.function.Function<Object, Object> same = array -> {
            doubles((PythonBuffer) array).put(8, 2.5);
            return array;
        };
        byte[] large = new byte[100_000];
        Object result = pool.call("lambda f, a, b: (f(a)[7], a[8], len(b), f(a)[8])", same, shared, large);
        // The worker's array is in a block of Java's, so it is copied on its way back, as often as it goes.
        assertEquals(Arrays.asList(1.5, 0.0, 100_000L, 2.5), result);
    }

    @Test
    void whatHasNoMemoryIsRefusedAndTheWorkerGoesOn() {
        long worker = pid();
        PythonException e = assertThrows(PythonException.class, () -> pool.call("object"));
        assertTrue(e.getMessage().contains("A value of the type object cannot leave its worker process"), e.getMessage());
        PythonBuffer closed = PythonBuffer.shared(Type.INT8, 5);
        closed.close();
        assertThrows(IllegalStateException.class, () -> pool.call("len", closed));
        PythonBuffer[] many = new PythonBuffer[Channel.MOST_BLOCKS + 1];
        Arrays.setAll(many, i -> PythonBuffer.shared(Type.INT8, 1));
        String message = assertThrows(PythonException.class, () -> pool.call("lambda *a: 1", (Object[]) many)).getMessage();
        assertTrue(message.startsWith("A call takes at most 200 large arrays"), message);
        Arrays.stream(many).forEach(PythonBuffer::close);
        assertEquals(worker, pid());
    }
}
