// SPDX-License-Identifier: Apache-2.0
// Converts Java values to bytes; PackReader converts them back. The other half of this wire format and the table of tags
// are in pack.rs. Numbers are little-endian; lengths have 32 bits; text is UTF-8, where a lone surrogate has its three
// bytes.
package org.nd4j.python4j.internal.jni;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.lang.ref.SoftReference;
import java.lang.reflect.Array;
import java.lang.reflect.Proxy;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Properties;
import java.util.Set;
import java.util.Spliterator;
import java.util.concurrent.atomic.AtomicReferenceFieldUpdater;
import java.util.function.Function;
import org.nd4j.python4j.PythonBuffer;
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.PythonObject;
import org.nd4j.python4j.internal.Access;

/**
 * A buffer to which packed values are written. {@link PackReader} reads them.
 *
 * <p>Only one thread uses a buffer at a time, from {@link #take} to {@link #giveBack}. No method needs a turn, unless a
 * registered type has to convert a value ({@code PythonType.toPython}). Large texts and bytes are passed to Python
 * separately; only their handles are in the buffer.
 */
public final class Pack {

    /** The kinds of values to which a reader can request that a Python object is converted. */
    public static final class Wanted {
        public static final int ANY = 0;
        public static final int STR = 1;
        public static final int INT = 2;
        public static final int FLOAT = 3;
        public static final int BOOL = 4;
        public static final int LIST = 5;
        public static final int DICT = 6;
        public static final int BYTES = 7;
        public static final int NONE = 8;
        public static final int OBJECT = 9;
        public static final int MESSAGE = 10;
        public static final int TRACEBACK = 11;
        public static final int JAVA = 12;
        public static final int TABLE = 13;

        private Wanted() {}
    }

    private static final int TABLE_FORM = 4; // of memory.rs

    /** A table for another process, as bytes that only this request uses. */
    public static final class TableBytes {
        final PythonBuffer bytes;

        public TableBytes(PythonBuffer bytes) {
            this.bytes = bytes;
        }
    }

    /** The greatest nesting depth of values. A deeper value is treated as cyclic. */
    public static final int MAX_DEPTH = 1000;

    private static final int KEPT_BYTES = 64 << 20;
    private static final int HELD_BYTES = 4 << 20; // a larger buffer goes when the JVM needs memory
    public static final int SHORT_TEXT = 256;
    static final int LARGE_VALUE = 1 << 14;
    private static final int LARGE_BESIDE = 1 << 16;

    /** Bytes of a container from which on it crosses in parts, as in pack/format.rs, and how deep such containers are nested. */
    static final int PART = 1 << 20;
    static final int PART_DEPTH = 16;

    /** For how many nested containers there is room at first. */
    private static final int OPEN = 16;

    /** How many elements of an array are written before the buffer's length is looked at. */
    private static final int BLOCK = PART / 8;

    /** For runs of numbers. In a class of its own since the first VarHandle costs a start milliseconds. */
    static final class Words {
        static final VarHandle IN = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
    }

    /** The buffer that is not in use. It is not an AtomicReference, because that class uses VarHandles. */
    private static final class Spare {
        static final Spare ONE = new Spare();
        static final AtomicReferenceFieldUpdater<Spare, Object> PACK =
                AtomicReferenceFieldUpdater.newUpdater(Spare.class, Object.class, "pack");

        private volatile Object pack; // or a reference to it
    }

    private byte[] buffer = new byte[256];
    private SoftReference<Pack> loosely; // to this, for one whose buffer is not to be held
    private char[] chars = {};
    private int length;
    private Peer peer; // null for this process's own Python
    private boolean alone; // whether nothing may be needed of Python before this is sent
    private boolean wide; // whether values that only ToPython knows may be written

    /** Objects whose handles are in the buffer: they must not be collected before the call is over. */
    private final List<PythonObject> lent = new ArrayList<>();

    /** Handles that were made for the buffer alone, and go with it. */
    private final List<Long> fresh = new ArrayList<>();

    /** The containers around the value that is being written, the outermost one first. */
    private Object[] open = new Object[OPEN];

    /** A Java container that is passed to Python as the Python object behind it. */
    public interface Backed {
        PythonObject python();
    }

    /** A Python object that was created to be written into a buffer, by its handle. */
    public static final class Fresh {
        private final long handle;

        public Fresh(long handle) {
            this.handle = handle;
        }
    }

    /** Another process. Its Python holds no objects of this process, and this process holds none of it. */
    public interface Peer extends Access.Sharer {
        /** The key by which the process refers to a Java function or exception. */
        long hold(Object object);

        /** The function or exception that was passed to the process under a key; null if there is none. */
        Object held(long key);

        /**
         * Reports that this process no longer has a block that it sent to the other process. The method must not wait.
         */
        void forget(long block);

        /** Puts large bytes where the process finds them. The result describes that; null if they go with the message. */
        byte[] put(byte[] bytes);

        /**
         * A copy of what the process put into a block that it sent. If it did not, the method throws a RuntimeException.
         */
        byte[] read(long number, long at, long length);
    }

    /** A buffer for another process. Filling it needs neither a turn nor Python in this process. */
    public static Pack take(Peer peer) {
        return take().toPeer(peer);
    }

    /** Makes this buffer write for another process from now on. */
    public Pack toPeer(Peer other) {
        peer = Objects.requireNonNull(other);
        return this;
    }

    /** An empty buffer. */
    public static Pack take() {
        Object spare = Spare.PACK.getAndSet(Spare.ONE, null);
        if (spare instanceof SoftReference) {
            spare = ((SoftReference<?>) spare).get();
        }
        return spare == null ? new Pack() : (Pack) spare;
    }

    /** Ends the use of the buffer and discards its contents. */
    public void giveBack() {
        clear();
        if (buffer.length <= HELD_BYTES) {
            Spare.PACK.lazySet(Spare.ONE, this);
        } else if (buffer.length <= KEPT_BYTES) {
            if (loosely == null) {
                loosely = new SoftReference<>(this);
            }
            Spare.PACK.lazySet(Spare.ONE, loosely);
        }
    }

    /** The packed bytes are the first {@link #length} of these. */
    public byte[] buffer() {
        return buffer;
    }

    public int length() {
        return length;
    }

    /** The packed bytes alone. */
    byte[] copy() {
        return Arrays.copyOf(buffer, length);
    }

    /** Whether handles of objects were written. */
    boolean lends() {
        return !lent.isEmpty();
    }

    /** The objects whose handles were written. */
    List<PythonObject> lent() {
        return new ArrayList<>(lent);
    }

    /** Discards everything that was written. */
    public void clear() {
        length = 0;
        alone = false;
        wide = false;
        peer = null;
        lent.clear();
        for (long handle : fresh) {
            Native.handleDropLater(handle);
        }
        fresh.clear();
        if (open.length > OPEN) {
            open = new Object[OPEN];
        } else if (open[0] != null) {
            Arrays.fill(open, null);
        }
    }

    /** Makes this buffer take large containers as a whole, since parts would need the GIL. */
    Pack alone() {
        alone = true;
        return this;
    }

    /** Makes this buffer accept every value for which {@code ToPython} knows a counterpart. */
    public Pack wide() {
        wide = true;
        return this;
    }

    /**
     * Reads the reply to the packed bytes. The reply may be in the same array, so nothing may be written meanwhile. An
     * array that was created for the reply is kept, because the next reply may be as long.
     */
    public PackReader reader(byte[] reply, long frame) {
        if (reply != null && reply.length > buffer.length && reply.length <= KEPT_BYTES) {
            buffer = reply;
        }
        return new PackReader(this, reply, frame);
    }

    // ---- writing ----

    /** Writes which handles were made for this buffer. */
    Pack handles() {
        for (long handle : fresh) {
            u64(handle);
        }
        return u32(fresh.size());
    }

    /** The packed bytes alone, for somebody who gives back the handles that were made for them. */
    byte[] handOver() {
        byte[] copy = copy();
        fresh.clear();
        return copy;
    }

    /** Somebody else gives back the handles that were made for it. */
    void handedOver() {
        fresh.clear();
    }

    /** The key of an object that {@link Callbacks} or a {@link Peer} holds, or another number of 64 bits. */
    public Pack key(long key) {
        u64(key);
        return this;
    }

    /** Writes a number of 32 bits where there is one already. */
    public void set(int at, int value) {
        put(buffer, at, value);
    }

    /** Discards everything that was written from a position on. */
    public void cut(int at) {
        length = at;
    }

    /** Sets bits of a byte that is there. */
    public void mark(int at, int bits) {
        buffer[at] |= bits;
    }

    public Pack u8(int value) {
        reserve(1);
        buffer[length++] = (byte) value;
        return this;
    }

    public Pack u32(int value) {
        reserve(4);
        put(buffer, length, value);
        length += 4;
        return this;
    }

    private static void put(byte[] out, int at, int value) {
        out[at] = (byte) value;
        out[at + 1] = (byte) (value >> 8);
        out[at + 2] = (byte) (value >> 16);
        out[at + 3] = (byte) (value >> 24);
    }

    static int get(byte[] in, int at) {
        return in[at] & 0xFF | (in[at + 1] & 0xFF) << 8 | (in[at + 2] & 0xFF) << 16 | in[at + 3] << 24;
    }

    private void u64(long value) {
        reserve(8);
        Words.IN.set(buffer, length, value);
        length += 8;
    }

    /** Length and UTF-8. */
    public Pack text(String text) {
        int chars = text.length();
        if (chars > SHORT_TEXT) {
            byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
            boolean exact = utf8.length == chars
                    ? new String(utf8, StandardCharsets.ISO_8859_1).equals(text) // all ASCII
                    : !hasReplacements(text, utf8);
            if (exact) {
                bytes(utf8);
                return this;
            }
        }
        reserve(4 + 3L * chars);
        utf8(text, chars, length + 4);
        return this;
    }

    /** The UTF-8 of a text for which the buffer has room, and its length before it. */
    private void utf8(String text, int chars, int start) {
        byte[] out = buffer;
        int bits = 0;
        for (int i = 0; i < chars; i++) { // without a look at each, which takes longer
            char c = text.charAt(i);
            out[start + i] = (byte) c;
            bits |= c;
        }
        length = bits < 0x80 ? start + chars : encode(text, start);
        put(out, start - 4, length - start);
    }

    /** Java's own encoder puts a question mark for each lone surrogate. */
    private static boolean hasReplacements(String text, byte[] utf8) {
        int marks = 0;
        for (byte b : utf8) {
            if (b == '?') {
                marks++;
            }
        }
        for (int i = text.indexOf('?'); i >= 0; i = text.indexOf('?', i + 1)) {
            marks--;
        }
        return marks != 0;
    }

    /** A text for which the buffer has room. */
    private int encode(String text, int at) {
        byte[] out = buffer;
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c < 0x80) {
                out[at++] = (byte) c;
            } else if (c < 0x800) {
                out[at++] = (byte) (0xC0 | c >> 6);
                out[at++] = (byte) (0x80 | c & 0x3F);
            } else if (Character.isHighSurrogate(c)
                    && i + 1 < text.length()
                    && Character.isLowSurrogate(text.charAt(i + 1))) {
                int point = Character.toCodePoint(c, text.charAt(++i));
                out[at++] = (byte) (0xF0 | point >> 18);
                out[at++] = (byte) (0x80 | point >> 12 & 0x3F);
                out[at++] = (byte) (0x80 | point >> 6 & 0x3F);
                out[at++] = (byte) (0x80 | point & 0x3F);
            } else {
                out[at++] = (byte) (0xE0 | c >> 12);
                out[at++] = (byte) (0x80 | c >> 6 & 0x3F);
                out[at++] = (byte) (0x80 | c & 0x3F);
            }
        }
        return at;
    }

    /** A text as a value: a long one as what it is in memory, which no encoder has to look at. */
    private void string(String text) {
        int chars = text.length();
        if (chars <= SHORT_TEXT) {
            reserve(5 + 3L * chars);
            buffer[length] = Tag.STR;
            utf8(text, chars, length + 5);
        } else if (text.length() > LARGE_VALUE && peer == null) {
            large(Native.bulkText(text));
        } else if (!latin1(text)) {
            utf16(text);
        }
    }

    /** Whether it was put where another process finds it. */
    private boolean beside(byte[] bytes) {
        byte[] description = peer == null || bytes.length < LARGE_BESIDE ? null : peer.put(bytes);
        if (description == null) {
            return false;
        }
        u8(Tag.SHARED).bytes(description);
        return true;
    }

    /** An object that was made of a large value, which whoever reads this takes back. */
    private void large(long handle) {
        fresh.add(handle); // in case that nobody does
        u8(Tag.LARGE).u64(handle);
    }

    /** What a String that has a byte for each character gives, and what others give, as classes. */
    private static final class Coder {
        public static final Class<?> LATIN1 = of("a");
        static final boolean KNOWN = LATIN1 != of("\u1234"); // not where Strings are not compact

        static Class<?> of(String text) {
            return text.chars().spliterator().getClass();
        }
    }

    /** The text as a byte for each character if that is what it is, or nothing. */
    @SuppressWarnings("deprecation") // it is the one way to the bytes of a String that copies only once
    private boolean latin1(String text) {
        if (Coder.KNOWN && Coder.of(text) != Coder.LATIN1) {
            return false;
        }
        int start = length;
        int chars = text.length();
        u8(Tag.LATIN1).u32(chars).reserve(chars);
        text.getBytes(0, chars, buffer, length);
        if (Coder.KNOWN || new String(buffer, length, chars, StandardCharsets.ISO_8859_1).equals(text)) {
            length += chars;
            return true;
        }
        length = start;
        return false;
    }

    private void utf16(String text) {
        int chars = text.length();
        reserve(5 + 2L * chars);
        u8(Tag.UTF16).u32(2 * chars);
        char[] all = chars(chars);
        text.getChars(0, chars, all, 0);
        room().asCharBuffer().put(all, 0, chars);
        length += 2 * chars;
    }

    /** Room for that many characters. What is in it is of no meaning. */
    char[] chars(int count) {
        if (count > chars.length) {
            chars = new char[count];
        }
        return chars;
    }

    private void raw(byte[] bytes) {
        if (bytes.length > LARGE_VALUE && peer == null) {
            large(Native.bulkBytes(bytes));
        } else if (!beside(bytes)) {
            u8(Tag.BYTES).bytes(bytes);
        }
    }

    private void bytes(byte[] bytes) {
        u32(bytes.length);
        reserve(bytes.length);
        System.arraycopy(bytes, 0, buffer, length, bytes.length);
        length += bytes.length;
    }

    /**
     * Writes a Java value that has a counterpart in Python; null is None.
     *
     * @throws PythonException if there is no counterpart, or the value is nested too deeply or contains itself
     */
    public Pack value(Object value) {
        try {
            value(value, 0);
        } catch (StackOverflowError e) {
            throw new PythonException("The value nests deeper than the stack of this thread holds, or contains itself.", e);
        }
        return this;
    }

    private void element(Object value, int depth) {
        if (depth >= MAX_DEPTH) {
            throw tooDeep();
        }
        value(value, depth + 1);
    }

    private void value(Object value, int depth) {
        if (value instanceof String) {
            string((String) value);
        } else if (value instanceof Long || value instanceof Integer) {
            integer(((Number) value).longValue());
        } else if (value instanceof Double || value instanceof Float) {
            number(((Number) value).doubleValue());
        } else if (value instanceof Boolean) {
            u8((Boolean) value ? Tag.TRUE : Tag.FALSE);
        } else if (value == null) {
            u8(Tag.NONE);
        } else if (value instanceof PythonObject) {
            handle((PythonObject) value);
        } else if (value instanceof byte[]) {
            raw((byte[]) value);
        } else if (value instanceof List || value instanceof Map) {
            if (value instanceof Backed || value instanceof Proxy) {
                rarer(value, depth); // perhaps a Python object
            } else {
                container(value, depth);
            }
        } else if (value instanceof Object[]) {
            container(value, depth);
        } else if (value.getClass().isArray()) {
            array(value, depth);
        } else {
            rarer(value, depth);
        }
    }

    public void integer(long value) {
        u8(Tag.INT).u64(value);
    }

    public void number(double value) {
        u8(Tag.FLOAT).u64(Double.doubleToRawLongBits(value));
    }

    private void handle(PythonObject object) {
        if (peer != null) {
            throw new PythonException("A PythonObject belongs to the Python inside this process: hand over its value.");
        }
        u8(Tag.HANDLE).u64(Access.get().handle(object));
        lent.add(object);
    }

    private void list(Collection<?> list, int depth) {
        if (!longs(list, depth) && !doubles(list, depth)) {
            collection(Tag.LIST, list, depth);
        }
    }

    /** A tag, and room for a count that is known later. The result is where the values begin. */
    private int start(int tag) {
        u8(tag).u32(0);
        return length;
    }

    /** How long the buffer may become until the values that begin at its end go ahead to Python. */
    private int limit(int depth) {
        return peer == null && !alone && depth < PART_DEPTH ? length + PART : Integer.MAX_VALUE;
    }

    /**
     * Adds the values from a position on to a container in Python, and discards them here.
     *
     * @param container what this returned for the part before; 0 for the first part
     */
    private long part(int tag, long container, int from, int total) {
        long handle = Native.bulkAdd(container, tag, buffer, from, length - from, total);
        if (container == 0) {
            fresh.add(handle); // in case that nobody takes it back
        }
        length = from;
        return handle;
    }

    /** Ends a container whose values begin at a position, or are in Python as far as they went there in parts. */
    private void end(int tag, long parts, int from, int count) {
        if (parts == 0) {
            put(buffer, from - 4, count);
        } else {
            part(tag, parts, from, count);
            length = from - 5;
            u8(Tag.LARGE).u64(parts);
        }
    }

    /**
     * Makes room for a run of numbers that goes as a whole, and for little values behind it. Growing by and by would need three times
     * as much memory at the end.
     */
    private void expect(int count, int limit) {
        long bytes = 8L * count + LARGE_VALUE;
        if (limit == Integer.MAX_VALUE && bytes < limit - 8 - length) {
            reserve(bytes);
        }
    }

    private void collection(int tag, Collection<?> collection, int depth) {
        int from = start(tag);
        int limit = tag == Tag.TUPLE ? Integer.MAX_VALUE : limit(depth);
        long parts = 0;
        int count = 0;
        for (Object element : collection) {
            element(element, depth);
            count++;
            if (length > limit) {
                parts = part(tag, parts, from, -1);
            }
        }
        end(tag, parts, from, count);
    }

    private void map(Map<?, ?> map, int depth) {
        int from = start(Tag.DICT);
        int limit = limit(depth);
        long parts = 0;
        int count = 0;
        for (Map.Entry<?, ?> entry : map.entrySet()) {
            element(entry.getKey(), depth);
            element(entry.getValue(), depth);
            count++;
            if (length > limit) {
                parts = part(Tag.DICT, parts, from, -1);
            }
        }
        end(Tag.DICT, parts, from, count);
    }

    /** The list as one run of 64-bit integers, or nothing. */
    private boolean longs(Collection<?> list, int depth) {
        int from = start(Tag.LONGS);
        int limit = limit(depth);
        long parts = 0;
        int count = 0;
        for (Object element : list) {
            if (!(element instanceof Long || element instanceof Integer)) {
                break;
            }
            if (count == 0) {
                expect(list.size(), limit);
            }
            u64(((Number) element).longValue());
            count++;
            if (length > limit) {
                parts = part(Tag.LONGS, parts, from, -1);
            }
        }
        return endRun(Tag.LONGS, list, parts, from, count);
    }

    /** The list as one run of doubles, or nothing. */
    private boolean doubles(Collection<?> list, int depth) {
        int from = start(Tag.DOUBLES);
        int limit = limit(depth);
        long parts = 0;
        int count = 0;
        for (Object element : list) {
            if (!(element instanceof Double || element instanceof Float)) {
                break;
            }
            if (count == 0) {
                expect(list.size(), limit);
            }
            u64(Double.doubleToRawLongBits(((Number) element).doubleValue()));
            count++;
            if (length > limit) {
                parts = part(Tag.DOUBLES, parts, from, -1);
            }
        }
        return endRun(Tag.DOUBLES, list, parts, from, count);
    }

    private boolean endRun(int tag, Collection<?> list, long parts, int from, int count) {
        if (count == 0 || count != list.size()) {
            if (parts != 0) {
                Native.handleDrop(parts);
            }
            length = from - 5;
            return false;
        }
        end(tag, parts, from, count);
        return true;
    }

    private void array(Object array, int depth) {
        boolean isWhole = array instanceof long[] || array instanceof int[] || array instanceof short[];
        int tag = isWhole ? Tag.LONGS : array instanceof double[] || array instanceof float[] ? Tag.DOUBLES : Tag.LIST;
        int from = start(tag);
        int limit = limit(depth);
        int count = Array.getLength(array);
        if (tag != Tag.LIST) {
            expect(count, limit);
        }
        long parts = 0;
        for (int at = 0; at < count; at += BLOCK) {
            elements(array, at, Math.min(BLOCK, count - at));
            if (length > limit) {
                parts = part(tag, parts, from, -1);
            }
        }
        end(tag, parts, from, count);
    }

    private void elements(Object array, int from, int count) {
        reserve(8L * count);
        int to = from + count;
        if (array instanceof long[]) {
            room().asLongBuffer().put((long[]) array, from, count);
            length += 8 * count;
        } else if (array instanceof double[]) {
            room().asDoubleBuffer().put((double[]) array, from, count);
            length += 8 * count;
        } else if (array instanceof int[]) {
            for (int i = from; i < to; i++) {
                u64(((int[]) array)[i]);
            }
        } else if (array instanceof float[]) {
            for (int i = from; i < to; i++) {
                u64(Double.doubleToRawLongBits(((float[]) array)[i]));
            }
        } else if (array instanceof short[]) {
            for (int i = from; i < to; i++) {
                u64(((short[]) array)[i]);
            }
        } else if (array instanceof boolean[]) {
            for (int i = from; i < to; i++) {
                u8(((boolean[]) array)[i] ? Tag.TRUE : Tag.FALSE);
            }
        } else {
            for (int i = from; i < to; i++) {
                u8(Tag.STR).text(String.valueOf(((char[]) array)[i]));
            }
        }
    }

    private ByteBuffer room() {
        return ByteBuffer.wrap(buffer, length, buffer.length - length).slice().order(ByteOrder.LITTLE_ENDIAN);
    }

    /** Whatever may be something else in Python, which {@code ToPython} decides; and the rarer forms. */
    private void rarer(Object value, int depth) {
        if (peer != null && value instanceof Callbacks.Function) {
            u8(Tag.FUNCTION).u64(peer.hold(value));
            text(((Callbacks.Function) value).name());
            return;
        }
        if (peer != null && value instanceof PythonBuffer) {
            u8(Tag.SHARED).bytes(Access.get().describe((PythonBuffer) value, peer));
            return;
        }
        if (peer != null && value instanceof TableBytes) {
            try (PythonBuffer bytes = ((TableBytes) value).bytes) { // the request keeps the memory
                byte[] description = Access.get().describe(bytes, peer);
                description[0] |= TABLE_FORM;
                u8(Tag.SHARED).bytes(description);
            }
            return;
        }
        Object other = peer == null ? Access.get().toPython(value, wide) : Access.get().toPeer(value);
        if (other instanceof Fresh) {
            fresh.add(((Fresh) other).handle);
            u8(Tag.HANDLE).u64(((Fresh) other).handle);
        } else if (other != value) {
            value(other, depth);
        } else if (wide && value instanceof Map.Entry) {
            Map.Entry<?, ?> entry = (Map.Entry<?, ?>) value;
            enter(entry, depth);
            collection(Tag.TUPLE, Arrays.asList(entry.getKey(), entry.getValue()), depth);
        } else if (value instanceof Short || value instanceof Byte) {
            integer(((Number) value).longValue());
        } else if (value instanceof Character) {
            u8(Tag.STR).text(value.toString());
        } else if (value instanceof BigInteger) {
            BigInteger integer = (BigInteger) value;
            if (integer.bitLength() < Long.SIZE) {
                integer(integer.longValue());
            } else {
                u8(Tag.BIG_INT).bytes(integer.toByteArray());
            }
        } else if (value instanceof BigDecimal) {
            u8(Tag.DECIMAL).text(value.toString());
        } else {
            container(value, depth);
        }
    }

    private void container(Object value, int depth) {
        enter(value, depth);
        if (value instanceof List) {
            list((List<?>) value, depth);
        } else if (value instanceof Map) {
            Map<?, ?> map = (Map<?, ?>) value;
            boolean copied = !(map instanceof HashMap) && (map instanceof Properties || mayRepeat(map.entrySet()));
            map(copied ? new LinkedHashMap<>(map) : map, depth);
        } else if (value instanceof Object[]) {
            list(Arrays.asList((Object[]) value), depth);
        } else if (value instanceof Set) {
            Set<?> set = (Set<?>) value;
            collection(Tag.SET, !(set instanceof HashSet) && mayRepeat(set) ? new LinkedHashSet<>(set) : set, depth);
        } else if (value instanceof Collection) {
            list((Collection<?>) value, depth);
        } else if (value instanceof Iterable && !(value instanceof Path)) { // a Path iterates over Paths without end
            List<Object> elements = new ArrayList<>(); // it may give its elements only once
            ((Iterable<?>) value).forEach(elements::add);
            list(elements, depth);
        } else {
            String text = "Unable to find python type for java type: " + value.getClass();
            if (peer != null) {
                throw new PythonException(text + ". Hand over to a worker process what the value consists of: text, numbers, lists, maps.");
            }
            throw new PythonException(text, new PythonException(wide
                    ? "Hand over a record or a map of what it consists of; or the object itself, by Python.reference(); or register a PythonType."
                    : "Hand over Python.of(value), which takes records, dates, lambdas and more; or register a PythonType."));
        }
    }

    /**
     * Whether an element that is removed and added again while a set is read may come twice: whether it is a hash table, or a
     * view of one, that other threads may change meanwhile. A {@code Properties} is one, too, and does not say so.
     */
    private static boolean mayRepeat(Set<?> set) {
        Spliterator<?> elements = set.spliterator();
        return elements.hasCharacteristics(Spliterator.CONCURRENT) && !elements.hasCharacteristics(Spliterator.SORTED);
    }

    /** Refuses a container within itself. What is small is let go round to the greatest depth. */
    private void enter(Object container, int depth) {
        if (length > LARGE_VALUE || !fresh.isEmpty()) {
            for (int i = 0; i < depth; i++) {
                if (open[i] == container) {
                    throw tooDeep();
                }
            }
        }
        if (depth == open.length) {
            open = Arrays.copyOf(open, 4 * depth);
        }
        open[depth] = container;
    }

    private void reserve(long more) {
        if (more > buffer.length - length) {
            grow(more);
        }
    }

    private void grow(long more) {
        long least = length + more;
        long most = Integer.MAX_VALUE - 8; // no JVM has longer arrays
        if (least > most) {
            throw new PythonException("The values for Python take more than 2 GB packed: hand them over in several parts.");
        }
        buffer = Arrays.copyOf(buffer, (int) Math.min(most, Math.max(least, 2L * buffer.length)));
    }

    static PythonException tooDeep() {
        return new PythonException("The value nests deeper than " + MAX_DEPTH + " levels, or contains itself.");
    }
}
