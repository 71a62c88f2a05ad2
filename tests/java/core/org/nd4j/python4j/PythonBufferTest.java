// SPDX-License-Identifier: Apache-2.0
// Memory that both sides see, without numpy: direct buffers and arrays to memoryviews, objects of
// Python to ByteBuffers, and when which memory goes. numpy's arrays are tested beside NumpyArray.
package org.nd4j.python4j;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.lang.ref.WeakReference;
import java.nio.Buffer;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.DoubleBuffer;
import java.nio.ReadOnlyBufferException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.function.Executable;
import org.nd4j.python4j.internal.jni.Handles;

@ExtendWith(InPython.class)
class PythonBufferTest {

    private static void set(String name, PythonBuffer buffer) {
        PythonExecutioner.setVariable(name, buffer.toMemoryview());
    }

    private static PythonBuffer view(String expression) {
        return PythonBuffer.view(Python.eval(expression));
    }

    private static ByteBuffer direct(int size) {
        return ByteBuffer.allocateDirect(size).order(ByteOrder.nativeOrder());
    }

    /** Whether something happens once the collector has run and Python was entered. */
    private static void eventually(String what, BooleanSupplier condition) throws InterruptedException {
        long end = System.nanoTime() + 10_000_000_000L;
        while (!condition.getAsBoolean()) {
            assertTrue(System.nanoTime() < end, what);
            System.gc();
            Thread.sleep(10);
            PythonExecutioner.exec("pass");
        }
    }

    // ---- from Java ----

    /** Of Linux, which shows what is mapped; 0 elsewhere. */
    private static long blocksMapped() {
        try {
            return Files.readAllLines(Path.of("/proc/self/maps")).stream().filter(line -> line.contains("memfd:python4j")).count();
        } catch (IOException e) {
            return 0;
        }
    }

    @Test
    @DisabledOnOs(value = OS.WINDOWS, disabledReason = "shared memory needs Linux or macOS")
    void sharedMemoryIsFilledByJavaAndReadByPythonAndTheOtherWayRound() {
        try (PythonBuffer shared = PythonBuffer.shared(PythonBuffer.Type.FLOAT64, 3, 4)) {
            assertArrayEquals(new long[] {3, 4}, shared.shape());
            assertArrayEquals(new double[12], shared.toDoubleArray());
            shared.asByteBuffer().asDoubleBuffer().put(11, 2.5);
            set("m", shared);
            assertEquals("d (3, 4) 2.5", Expect.text("f'{m.format} {m.shape} {m[2, 3]}'"));
            PythonExecutioner.exec("m[0, 1] = 7.0");
            assertEquals(7.0, shared.asByteBuffer().asDoubleBuffer().get(1));
            PythonExecutioner.exec("del m");
        }
        assertEquals(0, PythonBuffer.shared(PythonBuffer.Type.INT8, 5, 0).toByteArray().length);
        assertEquals(1, PythonBuffer.shared(PythonBuffer.Type.INT8).toByteArray().length);
    }

    @Test
    @DisabledOnOs(value = OS.WINDOWS, disabledReason = "shared memory needs Linux or macOS")
    void sharedMemoryGoesWithTheLastOfItsBuffersAndViews() throws InterruptedException {
        eventually("earlier blocks are still mapped", () -> blocksMapped() == 0);
        PythonBuffer shared = PythonBuffer.shared(PythonBuffer.Type.UINT8, 1 << 20);
        boolean seen = blocksMapped() == 1;
        shared.close();
        assertEquals(0, blocksMapped());
        assertThrows(IllegalStateException.class, shared::asByteBuffer);

        PythonBuffer viewed = PythonBuffer.shared(PythonBuffer.Type.UINT8, 1 << 20);
        ByteBuffer bytes = viewed.asByteBuffer();
        set("m", viewed);
        viewed.close();
        System.gc();
        PythonExecutioner.exec("m[5] = 3");
        assertEquals(3, bytes.get(5));
        bytes = null;
        PythonExecutioner.exec("n = m[1:]; del m");
        System.gc();
        assertEquals("3", Expect.text("n[4]"));
        assertEquals(seen ? 1 : 0, blocksMapped());
        PythonExecutioner.exec("del n");
        eventually("the block is still mapped", () -> blocksMapped() == 0);
    }

    @Test
    void sharedMemoryThatCannotBeIsRefused() {
        Class<IllegalArgumentException> refused = IllegalArgumentException.class;
        assertThrows(refused, () -> PythonBuffer.shared(PythonBuffer.Type.INT8, -1));
        assertThrows(refused, () -> PythonBuffer.shared(PythonBuffer.Type.TEXT, 1));
        assertThrows(refused, () -> PythonBuffer.shared(PythonBuffer.Type.INT64, Long.MAX_VALUE / 2, 3));
        String message = assertThrows(PythonException.class, () -> PythonBuffer.shared(PythonBuffer.Type.INT8, Long.MAX_VALUE / 2))
                .getMessage();
        assertTrue(message.contains("The system gives no shared memory of 4611686018427387903 bytes: "), message);
    }

    /** By reflection, since these tests are compiled for Java 11. */
    @Test
    void memoryOfAnArenaThatIsClosedIsRefused() throws Exception {
        assumeTrue(Runtime.version().feature() >= 22, "this JDK has no Arena");
        Class<?> arena = Class.forName("java.lang.foreign.Arena");
        for (boolean typed : new boolean[] {false, true}) {
            Object shared = arena.getMethod("ofShared").invoke(null);
            Object segment = arena.getMethod("allocate", long.class).invoke(shared, 64L);
            ByteBuffer bytes = (ByteBuffer) Class.forName("java.lang.foreign.MemorySegment").getMethod("asByteBuffer").invoke(segment);
            Buffer buffer = typed ? bytes.order(ByteOrder.nativeOrder()).asDoubleBuffer() : bytes;
            PythonBuffer open = PythonBuffer.of(buffer);
            set("m", open);
            assertEquals("64", Expect.text("m.nbytes"));
            PythonExecutioner.exec("del m");
            arena.getMethod("close").invoke(shared);
            for (Executable use : new Executable[] {
                () -> PythonBuffer.of(buffer), open::toMemoryview, open::toNumpy, open::asByteBuffer, open::toByteArray
            }) {
                String message = assertThrows(IllegalStateException.class, use).getMessage();
                assertTrue(message.contains("the Arena of its MemorySegment is closed"), message);
            }
        }
    }

    @Test
    void whatOneSideWritesIntoADirectBufferTheOtherSees() {
        ByteBuffer bytes = direct(8);
        set("m", PythonBuffer.of(bytes));
        assertEquals("B (8,) (1,) False", Expect.text("f'{m.format} {m.shape} {m.strides} {m.readonly}'"));
        PythonExecutioner.exec("m[3] = 200");
        assertEquals((byte) 200, bytes.get(3));
        bytes.put(7, (byte) 9);
        assertEquals("9", Expect.text("m[7]"));
    }

    @Test
    void everyBufferOfNumbersHasItsType() {
        ByteBuffer bytes = direct(32);
        Object[][] table = {
            {bytes, "B", 1}, {bytes.asShortBuffer(), "h", 2}, {bytes.asCharBuffer(), "H", 2}, {bytes.asIntBuffer(), "i", 4},
            {bytes.asLongBuffer(), "lq", 8}, {bytes.asFloatBuffer(), "f", 4}, {bytes.asDoubleBuffer(), "d", 8},
        };
        for (Object[] row : table) {
            PythonBuffer buffer = PythonBuffer.of((Buffer) row[0]);
            set("m", buffer);
            assertTrue(((String) row[1]).contains(Expect.text("m.format")), buffer.toString());
            assertEquals(row[2].toString(), Expect.text("m.itemsize"));
            assertEquals(32L / (int) row[2], buffer.count());
        }
    }

    @Test
    void bytesCanBeElementsOfAnyType() {
        ByteBuffer bytes = direct(32);
        bytes.putDouble(0, 1.5).putDouble(8, -2).putDouble(16, 3).putDouble(24, 4);
        for (PythonBuffer.Type type : PythonBuffer.Type.values()) {
            if (type.size() > 0) {
                set("m", PythonBuffer.of(bytes, type, 2, 16 / type.size()));
                assertEquals("(2, " + 16 / type.size() + ")", Expect.text("m.shape"));
                assertEquals(bytes, view("m").asByteBuffer(), type.toString());
                assertEquals(type, view("m").type());
            }
        }
        set("m", PythonBuffer.of(bytes, PythonBuffer.Type.FLOAT64));
        assertEquals("[1.5, -2.0, 3.0, 4.0]", Expect.text("m.tolist()"));
    }

    @Test
    void positionAndLimitCount() {
        DoubleBuffer doubles = direct(64).asDoubleBuffer();
        doubles.put(new double[] {0, 1, 2, 3, 4, 5, 6, 7}).position(2).limit(6);
        set("m", PythonBuffer.of(doubles, 2, 2));
        assertEquals("[[2.0, 3.0], [4.0, 5.0]]", Expect.text("m.tolist()"));
        set("m", PythonBuffer.of(doubles.slice()));
        assertEquals("[2.0, 3.0, 4.0, 5.0]", Expect.text("m.tolist()"));
        set("m", PythonBuffer.of(direct(0)));
        assertEquals("[]", Expect.text("m.tolist()"));
        assertEquals(0, PythonBuffer.of(direct(0), 3, 0).asByteBuffer().remaining());
    }

    @Test
    void aReadOnlyBufferIsReadOnlyInPython() {
        ByteBuffer bytes = direct(4).put(0, (byte) 5).asReadOnlyBuffer();
        PythonBuffer buffer = PythonBuffer.of(bytes);
        assertTrue(buffer.isReadOnly());
        set("m", buffer);
        Expect.failure("TypeError: cannot modify read-only memory", () -> PythonExecutioner.exec("m[0] = 1"));
        assertEquals("b'\\x05\\x00\\x00\\x00'", Expect.text("bytes(m)"));
    }

    @Test
    void arraysOfEveryPrimitiveTypeAreCopied() {
        int[] ints = {1, -2, 3, 4, 5, 6};
        set("m", PythonBuffer.of(ints, 2, 3));
        ints[0] = 100;
        assertEquals("[[1, -2, 3], [4, 5, 6]]", Expect.text("m.tolist()"));
        Object[][] table = {
            {PythonBuffer.of(new boolean[] {true, false}), "? [True, False]"},
            {PythonBuffer.of(new byte[] {1, -1}), "B [1, 255]"},
            {PythonBuffer.of(new short[] {1, -1}), "h [1, -1]"},
            {PythonBuffer.of(new char[] {'a', 0xFFFF}), "H [97, 65535]"},
            {PythonBuffer.of(new int[] {Integer.MIN_VALUE, 1}), "i [-2147483648, 1]"},
            {PythonBuffer.of(new long[] {Long.MIN_VALUE, 1}), "l [-9223372036854775808, 1]"},
            {PythonBuffer.of(new float[] {1.5f, Float.NaN}), "f [1.5, nan]"},
            {PythonBuffer.of(new double[] {-0.0, 1e300}), "d [-0.0, 1e+300]"},
            {PythonBuffer.of(new double[0]), "d []"},
        };
        for (Object[] row : table) {
            set("m", (PythonBuffer) row[0]);
            assertEquals(row[1], Expect.text("f'{m.format} {m.tolist()}'").replace('q', 'l'));
        }
    }

    @Test
    void arraysComeBackAsTheyWent() {
        boolean[] booleans = {true, false, true};
        byte[] bytes = {1, -1, 0};
        short[] shorts = {1, -1, 0};
        char[] chars = {'a', 0, 0xFFFF};
        int[] ints = {1, -1, 0};
        long[] longs = {1, Long.MIN_VALUE, 0};
        float[] floats = {1, Float.MIN_VALUE, Float.NaN};
        double[] doubles = {1, -0.0, Double.NaN};
        assertArrayEquals(booleans, PythonBuffer.of(booleans).toBooleanArray());
        assertArrayEquals(bytes, PythonBuffer.of(bytes).toByteArray());
        assertArrayEquals(shorts, PythonBuffer.of(shorts).toShortArray());
        assertArrayEquals(chars, PythonBuffer.of(chars).toCharArray());
        assertArrayEquals(ints, PythonBuffer.of(ints).toIntArray());
        assertArrayEquals(longs, PythonBuffer.of(longs).toLongArray());
        assertArrayEquals(floats, PythonBuffer.of(floats).toFloatArray());
        assertArrayEquals(doubles, PythonBuffer.of(doubles).toDoubleArray());
        assertEquals(24, PythonBuffer.of(doubles).toByteArray().length);
    }

    @Test
    void memoryAtAnAddressMayHaveAnyStrides() {
        ByteBuffer bytes = direct(12);
        for (int i = 0; i < 12; i++) {
            bytes.put(i, (byte) i);
        }
        long address = PythonBuffer.of(bytes).address();
        set("m", PythonBuffer.of(address + 11, PythonBuffer.Type.INT8, new long[] {2, 3}, new long[] {-1, -4}, true, bytes));
        assertEquals("[[11, 7, 3], [10, 6, 2]]", Expect.text("m.tolist()"));
        assertArrayEquals(new byte[] {11, 7, 3, 10, 6, 2}, view("m").toByteArray());
        set("m", PythonBuffer.of(address + 5, PythonBuffer.Type.UINT8, new long[0], new long[0], true, bytes));
        assertEquals("5", Expect.text("m.tolist()"));
    }

    @Test
    void mistakesAreTold() {
        boolean little = ByteOrder.nativeOrder() == ByteOrder.LITTLE_ENDIAN;
        ByteBuffer foreign = direct(8).order(little ? ByteOrder.BIG_ENDIAN : ByteOrder.LITTLE_ENDIAN);
        Object[][] table = {
            {"not direct", (Executable) () -> PythonBuffer.of(ByteBuffer.allocate(8))},
            {"which this machine is not", (Executable) () -> PythonBuffer.of(foreign.asDoubleBuffer())},
            {"which this machine is not", (Executable) () -> PythonBuffer.of(foreign, PythonBuffer.Type.INT64)},
            {"has 9 elements, there are 8", (Executable) () -> PythonBuffer.of(direct(8), 3, 3)},
            {"too many elements", (Executable) () -> PythonBuffer.of(direct(8), Long.MAX_VALUE, 4)},
            {"[-1, -8]", (Executable) () -> PythonBuffer.of(direct(8), -1, -8)},
            {"no whole number of FLOAT64", (Executable) () -> PythonBuffer.of(direct(12), PythonBuffer.Type.FLOAT64)},
            {"TEXT have no size", (Executable) () -> PythonBuffer.of(direct(8), PythonBuffer.Type.TEXT)},
            {"there are 3", (Executable) () -> PythonBuffer.of(new int[3], 2, 2)},
            {"as many strides", (Executable) () -> PythonBuffer.of(1, PythonBuffer.Type.INT8, new long[2], new long[1], true, null)},
            {"null", (Executable) () -> PythonBuffer.of(0, PythonBuffer.Type.INT8, new long[] {1}, new long[] {1}, true, null)},
            {"[-1]", (Executable) () -> PythonBuffer.of(1, PythonBuffer.Type.INT8, new long[] {-1}, new long[] {1}, true, null)},
            {"larger than memory", (Executable) () -> ofOneCell(Long.MAX_VALUE)},
            {"larger than memory", (Executable) () -> ofOneCell(768614336404564651L, 3)},
            {"larger than memory", (Executable) () -> ofOneCell(1L << 62, 4)},
        };
        for (Object[] row : table) {
            String message = assertThrows(IllegalArgumentException.class, (Executable) row[1]).getMessage();
            assertTrue(message.contains((String) row[0]), message);
        }
    }

    /** An element that stands for all of them. */
    private static PythonBuffer ofOneCell(long... shape) {
        ByteBuffer cell = direct(8);
        long address = PythonBuffer.of(cell).address();
        return PythonBuffer.of(address, PythonBuffer.Type.FLOAT64, shape, new long[shape.length], false, cell);
    }

    @Test
    void oneElementMayStandForMany() {
        assertArrayEquals(new double[6], ofOneCell(2, 3).toDoubleArray());
        assertEquals(0, ofOneCell(1L << 62, 4, 0).toByteArray().length);
    }

    // ---- from Python ----

    @Test
    void everythingWithABufferCanBeViewed() {
        PythonExecutioner.exec("import array, mmap, ctypes\n"
                + "b, a, p = bytearray(b'abc'), array.array('d', [1.5, 2]), mmap.mmap(-1, 4096)\n"
                + "c = (ctypes.c_uint16 * 2)(1, 65535)");
        assertEquals(ByteBuffer.wrap("abc".getBytes()), view("b'abc'").asByteBuffer());
        ByteBuffer bytes = view("b").asByteBuffer();
        bytes.put(0, (byte) 'x');
        assertEquals("bytearray(b'xbc')", Expect.text("b"));
        PythonExecutioner.exec("b[1] = 121");
        assertEquals('y', bytes.get(1));

        assertArrayEquals(new double[] {1.5, 2}, view("a").toDoubleArray());
        DoubleBuffer doubles = view("a").asByteBuffer().asDoubleBuffer();
        doubles.put(1, 7);
        assertEquals("7.0", Expect.text("a[1]"));

        view("p").asByteBuffer().put(4095, (byte) 3);
        assertEquals("3", Expect.text("p[4095]"));
        assertArrayEquals(new char[] {1, 65535}, view("c").toCharArray());
        assertEquals(view("c").address(), Python.eval("ctypes.addressof(c)").toLong());
    }

    @Test
    void whatPythonForbidsToWriteJavaCannotWrite() {
        PythonBuffer buffer = view("b'abc'");
        assertTrue(buffer.isReadOnly());
        assertThrows(ReadOnlyBufferException.class, () -> buffer.asByteBuffer().put(0, (byte) 1));
        assertFalse(view("bytearray(1)").isReadOnly());
    }

    @Test
    void shapeStridesAndTypeArePythons() {
        PythonBuffer buffer = view("memoryview(bytearray(24)).cast('i', [2, 3])");
        assertEquals(PythonBuffer.Type.INT32, buffer.type());
        assertArrayEquals(new long[] {2, 3}, buffer.shape());
        assertArrayEquals(new long[] {12, 4}, buffer.strides());
        assertEquals(4, buffer.itemSize());
        assertTrue(buffer.isContiguous());
        assertEquals("PythonBuffer(INT32, shape [2, 3])", buffer.toString());
    }

    @Test
    void gapsAreForCopiesOnly() {
        PythonBuffer buffer = view("memoryview(bytes(range(10)))[1::3]");
        assertFalse(buffer.isContiguous());
        assertArrayEquals(new byte[] {1, 4, 7}, buffer.toByteArray());
        String refused = assertThrows(IllegalStateException.class, buffer::asByteBuffer).getMessage();
        assertTrue(refused.contains("strides [3]"), refused);
        assertEquals("[1, 4, 7]", buffer.toMemoryview().attr("tolist").call().toString());
        assertArrayEquals(new short[] {6, 4}, view("memoryview(__import__('array').array('h', [2, 4, 6]))[:0:-1]").toShortArray());
    }

    @Test
    void theOtherByteOrderIsReadRight() {
        PythonExecutioner.exec("import ctypes\nb = (ctypes.c_int32.__ctype_be__ * 2)(1, -2)");
        PythonBuffer buffer = view("b");
        assertEquals(PythonBuffer.Type.INT32, buffer.type());
        assertEquals(ByteOrder.BIG_ENDIAN, buffer.order());
        assertArrayEquals(new int[] {1, -2}, buffer.toIntArray());
        assertEquals(-2, buffer.asByteBuffer().getInt(4));
    }

    @Test
    void elementsThatOnlyPythonUnderstandsAreBytes() {
        PythonExecutioner.exec("import ctypes\nclass P(ctypes.Structure):\n    _fields_ = [('x', ctypes.c_int), ('Oh', ctypes.c_double)]\n"
                + "p = (P * 2)((1, 2.0), (3, 4.0))");
        PythonBuffer buffer = view("p");
        assertEquals(PythonBuffer.Type.OTHER, buffer.type());
        assertEquals(16, buffer.itemSize());
        assertEquals(4.0, buffer.asByteBuffer().getDouble(24));
        assertThrows(IllegalStateException.class, buffer::toDoubleArray);
        Expect.failureWith("references to Python objects", () -> view("(__import__('ctypes').py_object * 2)()"));
        Expect.failure("TypeError: memoryview: a bytes-like object is required, not 'list'", () -> view("[1]"));
    }

    @Test
    void theWrongArrayIsRefused() {
        String refused = assertThrows(IllegalStateException.class, () -> PythonBuffer.of(new int[1]).toDoubleArray()).getMessage();
        assertTrue(refused.startsWith("The elements are INT32, not FLOAT64"), refused);
    }

    // ---- lifetimes ----

    @Test
    void javasMemoryStaysAsLongAsAViewOfAView() throws Exception {
        ByteBuffer bytes = direct(1000);
        bytes.put(999, (byte) 42);
        WeakReference<Buffer> memory = new WeakReference<>(bytes);
        set("m", PythonBuffer.of(bytes));
        PythonExecutioner.exec("tail = m[500:][400:]\ndel m");
        bytes = null;
        for (int i = 0; i < 5; i++) {
            System.gc();
            Thread.sleep(10);
        }
        assertNotNull(memory.get());
        assertEquals("42", Expect.text("tail[99]"));
        PythonExecutioner.exec("del tail");
        eventually("Java's memory goes", () -> memory.get() == null);
    }

    @Test
    void javasMemoryMayGoOnAThreadOfPython() throws Exception {
        ByteBuffer bytes = direct(1000);
        WeakReference<Buffer> memory = new WeakReference<>(bytes);
        set("m", PythonBuffer.of(bytes));
        bytes = null;
        PythonExecutioner.exec("import threading\nbox = [m]\ndel m\nt = threading.Thread(target=box.clear)\nt.start()\nt.join()");
        eventually("Java's memory goes", () -> memory.get() == null);
    }

    @Test
    void pythonsMemoryStaysAsLongAsASliceInJava() throws Exception {
        PythonExecutioner.exec("import weakref\n"
                + "class Memory(bytearray): pass\n"
                + "m = Memory(b'0123456789')\nw = weakref.ref(m)");
        ByteBuffer slice = view("m").asByteBuffer().asReadOnlyBuffer().position(5).slice().duplicate();
        PythonExecutioner.exec("del m");
        for (int i = 0; i < 5; i++) {
            System.gc();
            Thread.sleep(10);
            PythonExecutioner.exec("pass");
        }
        assertEquals("False", Expect.text("w() is None"));
        assertEquals('9', slice.get(4));
        Expect.failureWith("BufferError: Existing exports", () -> PythonExecutioner.exec("w().append(1)"));
        slice = null;
        eventually("Python's memory goes", () -> Expect.truth("w() is None"));
    }

    @Test
    void closingLetsGoAtOnce() {
        PythonExecutioner.exec("b = bytearray(8)");
        PythonBuffer buffer = view("b");
        Expect.failureWith("BufferError", () -> PythonExecutioner.exec("b.append(1)"));
        buffer.close();
        buffer.close();
        PythonExecutioner.exec("b.append(1)");
        for (Executable use : new Executable[] {buffer::asByteBuffer, buffer::toByteArray, buffer::toMemoryview, () -> buffer.keepAliveFor("")}) {
            assertEquals("This PythonBuffer is closed.", assertThrows(IllegalStateException.class, use).getMessage());
        }
    }

    @Test
    void aBufferThatWasMadeOutlivesTheClosing() throws Exception {
        PythonExecutioner.exec("b = bytearray(b'abc')");
        ByteBuffer bytes;
        try (PythonBuffer buffer = view("b")) {
            bytes = buffer.asByteBuffer();
        }
        Expect.failureWith("BufferError", () -> PythonExecutioner.exec("b.append(1)"));
        assertEquals('c', bytes.get(2));
        bytes = null;
        eventually("the bytearray is free", () -> {
            try {
                PythonExecutioner.exec("b.append(1)");
                return true;
            } catch (PythonException e) {
                return false;
            }
        });
    }

    @Test
    void anObjectThatSeesTheAddressKeepsTheMemory() throws Exception {
        PythonExecutioner.exec("import weakref\nclass Memory(bytearray): pass\nm = Memory(8)\nw = weakref.ref(m)");
        Object dependent = new Object();
        try (PythonBuffer buffer = view("m")) {
            buffer.keepAliveFor(dependent);
        }
        PythonExecutioner.exec("del m");
        for (int i = 0; i < 5; i++) {
            System.gc();
            Thread.sleep(10);
            PythonExecutioner.exec("pass");
        }
        assertEquals("False", Expect.text("w() is None"));
        assertNotNull(dependent);
        dependent = null;
        eventually("Python's memory goes", () -> Expect.truth("w() is None"));
    }

    @Test
    void memoryIsFlatOverManyRoundTrips() throws Exception {
        Path statm = Path.of("/proc/self/statm");
        assumeTrue(Files.exists(statm));
        long before = 0;
        for (int i = 0; i < 300; i++) {
            if (i == 60) {
                before = resident(statm);
            }
            PythonExecutioner.exec("v = bytearray(b'x') * 8_000_000");
            try (PythonGC frame = PythonGC.watch()) {
                assertEquals('x', view("v").asByteBuffer().get(7_999_999));
                set("w", PythonBuffer.of(new double[1_000_000]));
                assertEquals("0.0", Expect.text("w[999_999]"));
            }
        }
        long grown = (resident(statm) - before) >> 20;
        assertTrue(grown < 400, "240 round trips of 16 MB left " + grown + " MB");
        int handles = Handles.count();
        for (int i = 0; i < 20_000; i++) {
            try (PythonGC frame = PythonGC.watch()) {
                PythonBuffer.view(PythonBuffer.of(new int[] {i}).toMemoryview()).close();
            }
        }
        eventually("handles go", () -> Handles.count() <= handles);
    }

    private static long resident(Path statm) {
        try {
            return Long.parseLong(Files.readString(statm).split(" ")[1]) * 4096;
        } catch (java.io.IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    // ---- turns, and numpy where there is none ----

    @Test
    void withoutATurnOnlyWhatTouchesNoObjectWorks() throws Exception {
        PythonBuffer buffer = view("b'abc'");
        PythonObject object = Python.eval("b'abc'");
        Throwable[] failure = new Throwable[3];
        Thread other = new Thread(() -> {
            buffer.asByteBuffer().get(0);
            buffer.toByteArray();
            PythonBuffer.of(direct(8));
            Executable[] calls = {buffer::toMemoryview, () -> PythonBuffer.view(object), () -> PythonBuffer.of(new int[1])};
            for (int i = 0; i < calls.length; i++) {
                failure[i] = assertThrows(PythonException.class, calls[i]);
            }
            buffer.close();
        });
        other.start();
        other.join();
        for (Throwable thrown : failure) {
            assertEquals(Expect.NO_TURN, thrown.getMessage());
        }
    }

    @Test
    void withoutNumpyTheErrorNamesTheInterpreter() {
        assumeTrue(Expect.truth("__import__('importlib.util').util.find_spec('numpy') is None"));
        String message = assertThrows(PythonException.class, () -> PythonBuffer.of(direct(8)).toNumpy()).getMessage();
        assertTrue(message.startsWith("numpy cannot be imported by " + Expect.text("__import__('sys').executable")), message);
        assertTrue(message.contains("PythonProcess.pipInstall(\"numpy\")"), message);
        Expect.failure(message, PythonBuffer::importNumpy);
        Expect.failure("Object is not a numpy array! Use Python.ndarray() to convert object to a numpy array.",
                () -> PythonBuffer.ofNumpy(Python.eval("[1]")));
    }
}
