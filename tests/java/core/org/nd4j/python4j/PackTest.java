// SPDX-License-Identifier: Apache-2.0
// The Java half of the packed format, without Python: golden buffers, every Java kind, and buffers
// that no writer of ours made. The other half reads the same buffers in tests/rust/pack.rs.
package org.nd4j.python4j;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Date;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.LinkedList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.FutureTask;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.nd4j.python4j.internal.jni.Callbacks;
import org.nd4j.python4j.internal.jni.Pack;
import org.nd4j.python4j.internal.jni.PackReader;
import org.nd4j.python4j.internal.jni.Tag;

class PackTest {

    /** Any frame but none, so that nobody gives the made-up handles of these buffers back. */
    private static final long FRAME = 1;

    private static final Map<String, Object> VALUES = new LinkedHashMap<>();

    static {
        VALUES.put("none", null);
        VALUES.put("false", false);
        VALUES.put("true", true);
        VALUES.put("zero", 0L);
        VALUES.put("minus one", -1L);
        VALUES.put("largest int64", Long.MAX_VALUE);
        VALUES.put("smallest int64", Long.MIN_VALUE);
        VALUES.put("beyond int64", BigInteger.ONE.shiftLeft(63));
        VALUES.put("below int64", BigInteger.ONE.shiftLeft(63).negate().subtract(BigInteger.ONE));
        VALUES.put("ten to the 30", BigInteger.TEN.pow(30));
        VALUES.put("minus ten to the 30", BigInteger.TEN.pow(30).negate());
        VALUES.put("float", 1.5);
        VALUES.put("minus zero", -0.0);
        VALUES.put("infinity", Double.POSITIVE_INFINITY);
        VALUES.put("not a number", Double.NaN);
        VALUES.put("empty text", "");
        VALUES.put("ascii", "plain text");
        VALUES.put("text with NUL", "a\0b");
        VALUES.put("two bytes", "\u00e9");
        VALUES.put("three bytes", "\u4e2d");
        VALUES.put("four bytes", "\ud83d\ude00");
        VALUES.put("last character", "\udbff\udfff");
        VALUES.put("lone high surrogate", "a\ud800b");
        VALUES.put("lone low surrogate", "\udfff");
        VALUES.put("surrogates in the wrong order", "\udc00\ud800");
        VALUES.put("empty bytes", new byte[0]);
        VALUES.put("bytes", new byte[] {0, 127, -128, -1});
        VALUES.put("empty list", list());
        VALUES.put("list of mixed", list(1L, "a", 2.5, true, null));
        VALUES.put("list of text", list("a", ""));
        VALUES.put("list of int and float", list(1L, 2.5));
        VALUES.put("list of a large int", list(1L, BigInteger.ONE.shiftLeft(64)));
        VALUES.put("list of bool", list(true, false));
        VALUES.put("nested lists", list(list(), list(list(1L)), list(list("x"))));
        VALUES.put("empty tuple", list());
        VALUES.put("tuple", list(1L, "x"));
        VALUES.put("tuple of int", list(1L, 2L));
        VALUES.put("empty set", Collections.emptySet());
        VALUES.put("set", Collections.singleton("one"));
        VALUES.put("empty dict", map());
        VALUES.put("dict in its order", map("z", 1L, "a", 2L, 3L, null));
        VALUES.put("dict of all kinds", map(null, new byte[] {'x'}, true, list(1.5), "k", map("k", list(1L))));
        VALUES.put("longs", list(1L, -1L, Long.MAX_VALUE, Long.MIN_VALUE));
        VALUES.put("doubles", list(1.5, -0.0, Double.POSITIVE_INFINITY));
        VALUES.put("decimal", new BigDecimal("1.50"));
        VALUES.put("decimal with exponent", new BigDecimal("1E+3"));
        VALUES.put("missing", PackReader.ABSENT);
        VALUES.put("long text of Latin-1", "\u00e9".repeat(300));
        VALUES.put("other long text", "\u4e2d".repeat(300));
    }

    @TestFactory
    Stream<DynamicTest> goldenBuffersReadAndWriteAlike() throws IOException {
        Path file = Paths.get(System.getProperty("python4j.tests.pack", "tests/pack"), "values.txt");
        List<String> names = new ArrayList<>();
        List<DynamicTest> tests = new ArrayList<>();
        for (String line : Files.readAllLines(file)) {
            if (line.isEmpty() || line.startsWith("#")) {
                continue;
            }
            String name = line.substring(0, line.indexOf(": "));
            String hex = line.substring(name.length() + 2, line.indexOf(" # "));
            names.add(name);
            if (!name.equals("object")) { // see readsObjectsAsThoseOfTheFrame
                tests.add(DynamicTest.dynamicTest(name, () -> golden(name, hex)));
            }
        }
        names.remove("object");
        assertEquals(new ArrayList<>(VALUES.keySet()), names);
        return tests.stream();
    }

    private static void golden(String name, String hex) {
        byte[] bytes = bytes(hex);
        assertTrue(VALUES.containsKey(name), name);
        Object value = VALUES.get(name);
        PackReader reader = new PackReader(bytes, FRAME);
        assertSameValue(value, reader.value());
        reader.end();

        int tag = bytes[0];
        if (tag == Tag.TUPLE || tag == Tag.MISSING) {
            return; // Java writes no such thing
        }
        if (tag == Tag.SURROGATES) {
            bytes[0] = Tag.STR; // one tag is enough for a writer
        }
        boolean tupleInside = name.equals("dict of all kinds");
        if (!tupleInside) {
            assertArrayEquals(bytes, written(value), name + " written again: " + hex(written(value)));
        }
    }

    @Test
    void writesNumbersOfEveryClass() {
        assertArrayEquals(written(3L), written(3));
        assertArrayEquals(written(3L), written((short) 3));
        assertArrayEquals(written(3L), written((byte) 3));
        assertArrayEquals(written(3L), written(BigInteger.valueOf(3)));
        assertArrayEquals(written(Long.MIN_VALUE), written(BigInteger.valueOf(Long.MIN_VALUE)));
        assertArrayEquals(written(0.5), written(0.5f));
        assertArrayEquals(written((double) 0.1f), written(0.1f));
        assertArrayEquals(written("c"), written('c'));
    }

    @Test
    void writesArraysOfEveryClass() {
        assertArrayEquals(written(list(1L, -2L)), written(new int[] {1, -2}));
        assertArrayEquals(written(list(1L, -2L)), written(new long[] {1, -2}));
        assertArrayEquals(written(list(1L, -2L)), written(new short[] {1, -2}));
        assertArrayEquals(written(list(0.5, -2.5)), written(new float[] {0.5f, -2.5f}));
        assertArrayEquals(written(list(0.5, -2.5)), written(new double[] {0.5, -2.5}));
        assertArrayEquals(written(list(true, false)), written(new boolean[] {true, false}));
        assertArrayEquals(written(list("a", "\u00e9")), written(new char[] {'a', '\u00e9'}));
        assertArrayEquals(written(list("a", null)), written(new String[] {"a", null}));
        assertArrayEquals(written(list(1L, 2L)), written(new Integer[] {1, 2}));
        assertArrayEquals(written(list(list(1L), list(2L, 3L))), written(new int[][] {{1}, {2, 3}}));
        assertArrayEquals(written(list(list("x"))), written(new Object[] {new Object[] {"x"}}));
    }

    @Test
    void emptyArraysAreEmptyLists() {
        for (Object empty : new Object[] {new int[0], new long[0], new double[0], new float[0], new Object[0]}) {
            assertEquals(list(), read(written(empty)));
        }
    }

    @Test
    void writesCollectionsOfEveryClass() {
        assertArrayEquals(written(list(1L, 2L)), written(new LinkedList<>(list(1, 2L))));
        assertArrayEquals(written(list("a")), written(new java.util.ArrayDeque<>(list("a"))));
        assertArrayEquals(written(list(1L, 2L)), written((Iterable<Object>) () -> list(1, 2).iterator()));
        java.util.Iterator<Object> once = list("only", "once").iterator();
        assertArrayEquals(written(list("only", "once")), written((Iterable<Object>) () -> once));
        assertArrayEquals(
                written(new LinkedHashSet<>(list("a", "b"))), written(new java.util.TreeSet<>(Arrays.asList("b", "a"))));
        assertArrayEquals(written(map("a", 1L, "b", 2L)), written(new java.util.TreeMap<>(Map.of("b", 2, "a", 1))));
    }

    @Test
    void aRunEndsWhereAnotherKindBegins() {
        List<Object> longs = new ArrayList<>(Collections.nCopies(1000, (Object) 7));
        assertEquals(Tag.LONGS, written(longs)[0]);
        longs.add("x");
        assertEquals(Tag.LIST, written(longs)[0]);
        assertEquals(1001, ((List<?>) read(written(longs))).size());
        List<Object> doubles = new ArrayList<>(Collections.nCopies(1000, (Object) 7.5f));
        assertEquals(Tag.DOUBLES, written(doubles)[0]);
        doubles.add(null);
        assertEquals(Tag.LIST, written(doubles)[0]);
        assertEquals(1001, ((List<?>) read(written(doubles))).size());
    }

    @Test
    void anyTextComesBackUnchanged() {
        Random random = new Random(7);
        for (int length : new int[] {0, 1, 7, 255, 256, 257, 5000}) {
            for (int limit : new int[] {0x80, 0x100, 0x800, 0x10000}) {
                char[] chars = new char[length];
                for (int i = 0; i < length; i++) {
                    chars[i] = (char) random.nextInt(limit); // lone surrogates and pairs among them
                }
                String text = new String(chars);
                byte[] bytes = written(text);
                if (limit == 0x10000 && length <= 256) {
                    bytes[0] = Tag.SURROGATES; // as Python sends such text
                }
                assertEquals(text, read(bytes));
            }
        }
    }

    @Test
    void longTextWithQuestionMarksAndOneLoneSurrogateIsExact() {
        String marks = "?".repeat(1000);
        assertEquals(marks, read(written(marks)));
        assertEquals(marks + "\ud800", read(written(marks + "\ud800")));
        assertArrayEquals(utf8(marks + "\ud83d\ude00"), code(marks + "\ud83d\ude00"));
        assertEquals(1000 + 3 + 4, code(marks + "\ud800").length);
    }

    /** A program's text goes as UTF-8, however long it is. */
    private static byte[] code(String text) {
        Pack pack = Pack.take();
        try {
            pack.text(text);
            return Arrays.copyOf(pack.buffer(), pack.length());
        } finally {
            pack.giveBack();
        }
    }

    private static byte[] utf8(String text) {
        byte[] utf8 = text.getBytes(java.nio.charset.StandardCharsets.UTF_8);
        return java.nio.ByteBuffer.allocate(4 + utf8.length)
                .order(java.nio.ByteOrder.LITTLE_ENDIAN)
                .putInt(utf8.length)
                .put(utf8)
                .array();
    }

    @Test
    void longTextIsExactWhateverIsInIt() {
        String latin = "caf\u00e9 ".repeat(100);
        for (String text : new String[] {
            "x".repeat(257), latin, latin + "\u0100", "\u4e2d" + latin, latin + "\ud83d\ude00", latin + "\udc00", latin + "\ud800?",
            "\u4e2d".repeat(10_000), "\0".repeat(300)
        }) {
            assertEquals(text, read(written(text)));
        }
        assertEquals(5 + 257, written("x".repeat(257)).length);
        PythonException e = assertThrows(PythonException.class, () -> read(bytes("14 03000000 2d4e2d")));
        assertTrue(e.getMessage().contains("half a character"), e.getMessage());
    }

    @Test
    void aSurrogatePairInTwoPiecesIsOneCharacter() {
        // What a Python str of a high and a low surrogate side by side is packed as.
        assertEquals("\ud83d\ude00", read(bytes("10 06000000 eda0bd edb880")));
    }

    @Test
    void aMadeUpKeyIsNoObjectAndThatOfAnExceptionIsTheException() {
        PythonGIL.lock().close();
        byte[] answer = Callbacks.upcall(Long.MAX_VALUE, new byte[0]); // held from now on: the exception that it ends with
        long key = ByteBuffer.wrap(answer, 1, 8).order(ByteOrder.LITTLE_ENDIAN).getLong();
        Throwable held = Callbacks.thrown(key);
        assertTrue(held != null, "held");
        assertSame(held, ((Callbacks.Function) own(key)).object());
        assertTrue(((PythonObject) own(Long.MAX_VALUE)).isNone()); // of another class loader, or none: what its handle names
        Callbacks.upcall(key, null); // and given back
        assertNull(own(key)); // this class loader's, and gone
    }

    private static Object own(long key) {
        byte[] buffer = new byte[17];
        buffer[0] = Tag.JAVA;
        ByteBuffer.wrap(buffer, 1, 8).order(ByteOrder.LITTLE_ENDIAN).putLong(key);
        return new PackReader(buffer, 0).value();
    }

    @Test
    void valuesWithoutCounterpartAreRefused() {
        for (Object value : new Object[] {new Date(0), new Object(), new StringBuilder("x"), Thread.State.NEW, Paths.get("a")}) {
            PythonException e = assertThrows(PythonException.class, () -> written(list(value)));
            assertEquals("Unable to find python type for java type: " + value.getClass(), e.getMessage());
        }
    }

    @Test
    void cyclesAreRefusedAndDeepValuesGoThrough() {
        List<Object> cycle = new ArrayList<>();
        cycle.add(cycle);
        Map<Object, Object> self = new HashMap<>();
        self.put("self", self);
        Object[] array = new Object[1];
        array[0] = array;
        for (Object value : new Object[] {cycle, self, array}) {
            PythonException e = assertThrows(PythonException.class, () -> written(value));
            assertTrue(e.getMessage().contains("contains itself"), e.getMessage());
        }
        Object deep = "core";
        for (int i = 0; i < Pack.MAX_DEPTH; i++) {
            deep = list(deep);
        }
        byte[] bytes = written(deep);
        assertEquals(deep.toString(), read(bytes).toString());
        Object deeper = list(deep);
        assertThrows(PythonException.class, () -> written(deeper));
        byte[] wrapped = new byte[bytes.length + 5];
        wrapped[0] = Tag.LIST;
        wrapped[1] = 1;
        System.arraycopy(bytes, 0, wrapped, 5, bytes.length);
        assertThrows(PythonException.class, () -> read(wrapped));
    }

    @Test
    void aDeepValueIsReadOnASmallStack() throws Exception {
        byte[] bytes = new byte[Pack.MAX_DEPTH * 5 + 1];
        for (int i = 0; i < Pack.MAX_DEPTH; i++) {
            bytes[i * 5] = (byte) (i % 2 == 0 ? Tag.LIST : Tag.TUPLE);
            bytes[i * 5 + 1] = 1;
        }
        FutureTask<Integer> depth = new FutureTask<>(() -> {
            int levels = 0;
            for (Object value = read(bytes); value instanceof List; value = ((List<?>) value).get(0)) {
                levels++;
            }
            return levels;
        });
        new Thread(null, depth, "small stack", 160 << 10).start();
        assertEquals(Pack.MAX_DEPTH, depth.get());
    }

    @Test
    void aBufferIsUsableAfterAFailure() {
        Pack pack = Pack.take();
        try {
            assertThrows(PythonException.class, () -> pack.value(new Date(0)));
        } finally {
            pack.giveBack();
        }
        assertArrayEquals(bytes("0303000000000000" + "00"), written(3));
    }

    @Test
    void buffersAreUsedAgainUnlessTheyAreLarge() {
        Pack first = Pack.take();
        first.giveBack();
        Pack again = Pack.take();
        Pack nested = Pack.take();
        assertSame(first, again);
        assertFalse(nested == again);
        again.value(BigInteger.ONE.shiftLeft(64 << 20)); // which goes whole
        nested.giveBack();
        again.giveBack();
        assertSame(again, Pack.take());
        again.value(BigInteger.ONE.shiftLeft(600 << 20));
        nested.giveBack();
        again.giveBack();
        assertSame(nested, Pack.take());
    }

    @Test
    void theArrayOfALongReplyIsTheNextOnesUnlessItIsVeryLarge() {
        Pack pack = new Pack();
        byte[] kept = Arrays.copyOf(bytes("03 0700000000000000"), 10 << 20);
        assertEquals(7L, pack.reader(kept, FRAME).value());
        assertTrue(kept == pack.buffer());
        assertEquals(7L, pack.reader(Arrays.copyOf(kept, 65 << 20), FRAME).value());
        assertTrue(kept == pack.buffer());
    }

    @Test
    void readsObjectsAsThoseOfTheFrame() {
        Object object = new PackReader(bytes("0f 0200000001000000"), FRAME).value();
        assertEquals(0x100000002L, assertInstanceOf(PythonObject.class, object).handle());
        assertEquals(FRAME, ((PythonObject) object).frame());
    }

    @Test
    void writesObjectsByHandleButNotThoseThatAreNone() {
        PythonObject object = new PythonObject(0x100000002L, FRAME);
        assertArrayEquals(bytes("0f 0200000001000000"), written(object));
        PythonException e = assertThrows(PythonException.class, () -> written(new PythonObject(0, 0)));
        assertTrue(e.getMessage().contains("<NULL>"), e.getMessage());
    }

    @Test
    void damagedBuffersAreErrorsAndNothingElse() {
        PythonGIL.lock().close(); // what such a buffer says of Java's own objects goes to the native side
        Random random = new Random(11);
        byte[] sound = written(list(1, "text \u00e9", list(1, 2, 3), map("k", 2.5), new byte[9], new BigDecimal("7.25"),
                BigInteger.TEN.pow(30), new LinkedHashSet<>(list("s"))));
        for (int length = 0; length < sound.length; length++) {
            byte[] cut = Arrays.copyOf(sound, length);
            assertThrows(PythonException.class, () -> read(cut), "cut at " + length);
        }
        int refused = 0;
        for (int i = 0; i < 20_000; i++) {
            byte[] damaged = sound.clone();
            for (int n = random.nextInt(3); n >= 0; n--) {
                damaged[random.nextInt(damaged.length)] = (byte) random.nextInt();
            }
            try {
                new PackReader(damaged, FRAME).value();
            } catch (PythonException e) {
                refused++;
            }
        }
        assertTrue(refused > 1000, refused + " refused");
    }

    @Test
    void hugeCountsAllocateNothing() {
        for (String tag : new String[] {"06", "07", "08", "09", "0a", "0b", "0c", "0d", "0e", "10", "04"}) {
            assertThrows(PythonException.class, () -> read(bytes(tag + "ffffff7f")));
            assertThrows(PythonException.class, () -> read(bytes(tag + "ffffffff")));
        }
        assertThrows(PythonException.class, () -> read(bytes("12")));
        assertThrows(PythonException.class, () -> read(bytes("ff")));
    }

    @Test
    void nestedCountsReserveNoMoreThanTheBufferHas() {
        byte[] liar = new byte[106_000];
        for (int level = 0, at = 0; level < 1000; level++, at += 5) { // lists, each claiming all the rest
            liar[at] = Tag.LIST;
            int claimed = 100_000 - at;
            for (int i = 0; i < 4; i++) {
                liar[at + 1 + i] = (byte) (claimed >> 8 * i);
            }
        }
        com.sun.management.ThreadMXBean threads =
                (com.sun.management.ThreadMXBean) java.lang.management.ManagementFactory.getThreadMXBean();
        long before = threads.getThreadAllocatedBytes(Thread.currentThread().getId());
        assertThrows(PythonException.class, () -> PackReader.read(liar, FRAME));
        long taken = threads.getThreadAllocatedBytes(Thread.currentThread().getId()) - before;
        assertTrue(taken < 50_000_000, taken + " bytes");
    }

    @Test
    void bytesLeftOverAreAnError() {
        PackReader reader = new PackReader(bytes("00 00"), FRAME);
        reader.value();
        assertThrows(PythonException.class, reader::end);
    }

    private static byte[] written(Object value) {
        Pack pack = Pack.take();
        try {
            pack.value(value);
            return Arrays.copyOf(pack.buffer(), pack.length());
        } finally {
            pack.giveBack();
        }
    }

    private static Object read(byte[] bytes) {
        PackReader reader = new PackReader(bytes, FRAME);
        Object value = reader.value();
        reader.end();
        return value;
    }

    private static void assertSameValue(Object expected, Object actual) {
        if (expected instanceof byte[]) {
            assertArrayEquals((byte[]) expected, (byte[]) actual);
        } else if (expected instanceof Map) {
            Map<?, ?> map = assertInstanceOf(LinkedHashMap.class, actual);
            assertEquals(new ArrayList<>(((Map<?, ?>) expected).keySet()), new ArrayList<>(map.keySet()));
            ((Map<?, ?>) expected).forEach((key, value) -> assertSameValue(value, map.get(key)));
        } else {
            assertEquals(expected, actual);
        }
    }

    private static List<Object> list(Object... elements) {
        return new ArrayList<>(Arrays.asList(elements));
    }

    private static Map<Object, Object> map(Object... entries) {
        Map<Object, Object> map = new LinkedHashMap<>();
        for (int i = 0; i < entries.length; i += 2) {
            map.put(entries[i], entries[i + 1]);
        }
        return map;
    }

    private static byte[] bytes(String hex) {
        String digits = hex.replace(" ", "");
        byte[] bytes = new byte[digits.length() / 2];
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = (byte) Integer.parseInt(digits.substring(2 * i, 2 * i + 2), 16);
        }
        return bytes;
    }

    private static String hex(byte[] bytes) {
        StringBuilder hex = new StringBuilder();
        for (byte b : bytes) {
            hex.append(String.format("%02x", b));
        }
        return hex.toString();
    }
}
