// SPDX-License-Identifier: Apache-2.0
// Converts Java values to bytes and back. The other half of this wire format and the table of tags are in
// pack.rs. Numbers are little-endian; lengths have 32 bits; text is UTF-8, where a lone surrogate has its three
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
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReferenceFieldUpdater;
import java.util.function.Function;
import org.nd4j.python4j.PythonBuffer;
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.PythonObject;
import org.nd4j.python4j.internal.Access;

/**
 * A buffer to which packed values are written. {@link Reader} reads them.
 *
 * <p>Only one thread uses a buffer at a time, from {@link #take} to {@link #giveBack}. No method needs a turn, unless a
 * registered type has to convert a value ({@code PythonType.toPython}). Large texts and bytes are passed to Python
 * separately; only their handles are in the buffer.
 */
public final class Pack {

    public static final int NONE = 0;
    public static final int FALSE = 1;
    public static final int TRUE = 2;
    public static final int INT = 3;
    public static final int BIG_INT = 4;
    public static final int FLOAT = 5;
    public static final int STR = 6;
    public static final int BYTES = 7;
    public static final int LIST = 8;
    public static final int TUPLE = 9;
    public static final int SET = 10;
    public static final int DICT = 11;
    public static final int LONGS = 12;
    public static final int DOUBLES = 13;
    public static final int DECIMAL = 14;
    public static final int HANDLE = 15;
    public static final int SURROGATES = 16;
    public static final int MISSING = 17;
    public static final int JAVA = 18;
    public static final int LATIN1 = 19;
    public static final int UTF16 = 20;
    public static final int LARGE = 21;
    public static final int FUNCTION = 22;
    public static final int SHARED = 23;
    public static final int MORE = 24;

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
    private static final int LARGE_VALUE = 1 << 14;
    private static final int LARGE_BESIDE = 1 << 16;

    /** Bytes of a container from which on it crosses in parts, as in pack/format.rs, and how deep such containers are nested. */
    private static final int PART = 1 << 20;
    private static final int PART_DEPTH = 16;

    /** How many elements of an array are written before the buffer's length is looked at. */
    private static final int BLOCK = PART / 8;

    /** For runs of numbers. In a class of its own since the first VarHandle costs a start milliseconds. */
    private static final class Words {
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
    private boolean wide; // whether values that only Conversion knows may be written

    /** Objects whose handles are in the buffer: they must not be collected before the call is over. */
    private final List<PythonObject> lent = new ArrayList<>();

    /** Handles that were made for the buffer alone, and go with it. */
    private final List<Long> fresh = new ArrayList<>();

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
    }

    /** Makes this buffer take large containers as a whole, since parts would need the GIL. */
    Pack alone() {
        alone = true;
        return this;
    }

    /** Makes this buffer accept every value for which {@code Conversion} knows a counterpart. */
    public Pack wide() {
        wide = true;
        return this;
    }

    /**
     * Reads the reply to the packed bytes. The reply may be in the same array, so nothing may be written meanwhile. An
     * array that was created for the reply is kept, because the next reply may be as long.
     */
    public Reader reader(byte[] reply, long frame) {
        if (reply != null && reply.length > buffer.length && reply.length <= KEPT_BYTES) {
            buffer = reply;
        }
        return new Reader(this, reply, frame);
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

    private static int get(byte[] in, int at) {
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
        byte[] out = buffer;
        int start = length + 4;
        int bits = 0;
        for (int i = 0; i < chars; i++) { // without a look at each, which takes longer
            char c = text.charAt(i);
            out[start + i] = (byte) c;
            bits |= c;
        }
        int end = bits < 0x80 ? start + chars : encode(text, start);
        put(out, length, end - start);
        length = end;
        return this;
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
        if (text.length() <= SHORT_TEXT) {
            u8(STR).text(text);
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
        u8(SHARED).bytes(description);
        return true;
    }

    /** An object that was made of a large value, which whoever reads this takes back. */
    private void large(long handle) {
        fresh.add(handle); // in case that nobody does
        u8(LARGE).u64(handle);
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
        u8(LATIN1).u32(chars).reserve(chars);
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
        u8(UTF16).u32(2 * chars);
        char[] all = chars(chars);
        text.getChars(0, chars, all, 0);
        room().asCharBuffer().put(all, 0, chars);
        length += 2 * chars;
    }

    /** Room for that many characters. What is in it is of no meaning. */
    private char[] chars(int count) {
        if (count > chars.length) {
            chars = new char[count];
        }
        return chars;
    }

    private void raw(byte[] bytes) {
        if (bytes.length > LARGE_VALUE && peer == null) {
            large(Native.bulkBytes(bytes));
        } else if (!beside(bytes)) {
            u8(BYTES).bytes(bytes);
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
        value(value, 0);
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
            u8((Boolean) value ? TRUE : FALSE);
        } else if (value == null) {
            u8(NONE);
        } else if (value instanceof PythonObject) {
            handle((PythonObject) value);
        } else if (value instanceof byte[]) {
            raw((byte[]) value);
        } else if (value instanceof List || value instanceof Map) {
            if (value instanceof Backed || value instanceof Proxy) {
                rarer(value, depth); // perhaps a Python object
            } else if (value instanceof List) {
                list((List<?>) value, depth);
            } else {
                map((Map<?, ?>) value, depth);
            }
        } else if (value instanceof Object[]) {
            list(Arrays.asList((Object[]) value), depth);
        } else if (value.getClass().isArray()) {
            array(value, depth);
        } else {
            rarer(value, depth);
        }
    }

    public void integer(long value) {
        u8(INT).u64(value);
    }

    public void number(double value) {
        u8(FLOAT).u64(Double.doubleToRawLongBits(value));
    }

    private void handle(PythonObject object) {
        if (peer != null) {
            throw new PythonException("A PythonObject belongs to the Python inside this process: hand over its value.");
        }
        u8(HANDLE).u64(Access.get().handle(object));
        lent.add(object);
    }

    private void list(Collection<?> list, int depth) {
        if (!longs(list, depth) && !doubles(list, depth)) {
            collection(LIST, list, depth);
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
            u8(LARGE).u64(parts);
        }
    }

    private void collection(int tag, Collection<?> collection, int depth) {
        int from = start(tag);
        int limit = tag == TUPLE ? Integer.MAX_VALUE : limit(depth);
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
        int from = start(DICT);
        int limit = limit(depth);
        long parts = 0;
        int count = 0;
        for (Map.Entry<?, ?> entry : map.entrySet()) {
            element(entry.getKey(), depth);
            element(entry.getValue(), depth);
            count++;
            if (length > limit) {
                parts = part(DICT, parts, from, -1);
            }
        }
        end(DICT, parts, from, count);
    }

    /** The list as one run of 64-bit integers, or nothing. */
    private boolean longs(Collection<?> list, int depth) {
        int from = start(LONGS);
        int limit = limit(depth);
        long parts = 0;
        int count = 0;
        for (Object element : list) {
            if (!(element instanceof Long || element instanceof Integer)) {
                break;
            }
            u64(((Number) element).longValue());
            count++;
            if (length > limit) {
                parts = part(LONGS, parts, from, -1);
            }
        }
        return endRun(LONGS, list, parts, from, count);
    }

    /** The list as one run of doubles, or nothing. */
    private boolean doubles(Collection<?> list, int depth) {
        int from = start(DOUBLES);
        int limit = limit(depth);
        long parts = 0;
        int count = 0;
        for (Object element : list) {
            if (!(element instanceof Double || element instanceof Float)) {
                break;
            }
            u64(Double.doubleToRawLongBits(((Number) element).doubleValue()));
            count++;
            if (length > limit) {
                parts = part(DOUBLES, parts, from, -1);
            }
        }
        return endRun(DOUBLES, list, parts, from, count);
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
        int tag = isWhole ? LONGS : array instanceof double[] || array instanceof float[] ? DOUBLES : LIST;
        int from = start(tag);
        int limit = limit(depth);
        int count = Array.getLength(array);
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
                u8(((boolean[]) array)[i] ? TRUE : FALSE);
            }
        } else {
            for (int i = from; i < to; i++) {
                u8(STR).text(String.valueOf(((char[]) array)[i]));
            }
        }
    }

    private ByteBuffer room() {
        return ByteBuffer.wrap(buffer, length, buffer.length - length).slice().order(ByteOrder.LITTLE_ENDIAN);
    }

    /** Whatever may be something else in Python, which {@code Conversion} decides; and the rarer forms. */
    private void rarer(Object value, int depth) {
        if (peer != null && value instanceof Callbacks.Function) {
            u8(FUNCTION).u64(peer.hold(value));
            text(((Callbacks.Function) value).name());
            return;
        }
        if (peer != null && value instanceof PythonBuffer) {
            u8(SHARED).bytes(Access.get().describe((PythonBuffer) value, peer));
            return;
        }
        if (peer != null && value instanceof TableBytes) {
            try (PythonBuffer bytes = ((TableBytes) value).bytes) { // the request keeps the memory
                byte[] description = Access.get().describe(bytes, peer);
                description[0] |= TABLE_FORM;
                u8(SHARED).bytes(description);
            }
            return;
        }
        Object other = peer == null ? Access.get().toPython(value, wide) : Access.get().toPeer(value);
        if (other instanceof Fresh) {
            fresh.add(((Fresh) other).handle);
            u8(HANDLE).u64(((Fresh) other).handle);
        } else if (other != value) {
            value(other, depth);
        } else if (wide && value instanceof Map.Entry) {
            Map.Entry<?, ?> entry = (Map.Entry<?, ?>) value;
            collection(TUPLE, Arrays.asList(entry.getKey(), entry.getValue()), depth);
        } else if (value instanceof Short || value instanceof Byte) {
            integer(((Number) value).longValue());
        } else if (value instanceof Character) {
            u8(STR).text(value.toString());
        } else if (value instanceof BigInteger) {
            BigInteger integer = (BigInteger) value;
            if (integer.bitLength() < Long.SIZE) {
                integer(integer.longValue());
            } else {
                u8(BIG_INT).bytes(integer.toByteArray());
            }
        } else if (value instanceof BigDecimal) {
            u8(DECIMAL).text(value.toString());
        } else if (value instanceof List) {
            list((List<?>) value, depth);
        } else if (value instanceof Map) {
            map((Map<?, ?>) value, depth);
        } else if (value instanceof Set) {
            collection(SET, (Set<?>) value, depth);
        } else if (value instanceof Collection) {
            list((Collection<?>) value, depth);
        } else if (value instanceof Iterable && !(value instanceof Path)) { // a Path iterates over Paths without end
            List<Object> elements = new ArrayList<>(); // it may give its elements only once
            ((Iterable<?>) value).forEach(elements::add);
            list(elements, depth);
        } else {
            throw new PythonException("Unable to find python type for java type: " + value.getClass()
                    + (peer == null ? "" : ". Hand over to a worker process what the value consists of: text, numbers, lists, maps."));
        }
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

    private static PythonException tooDeep() {
        return new PythonException("The value nests deeper than " + MAX_DEPTH + " levels, or contains itself.");
    }

    // ---- reading ----

    /**
     * Reads packed values. It never reads past the end and never trusts a length.
     *
     * <p>There are two steps, so that no object is lost when the conversion of another one fails. {@link #value}
     * returns objects of other types as {@link PythonObject}s, and {@link #finish} converts them by their registered
     * types.
     */
    public static final class Reader {

        /** A name that is not there. */
        public static final Object ABSENT = new Object();

        private static final byte[] EMPTY = {};

        private static final Object REST = new Object(); // stands for the values that come in parts

        // What stands in a block by itself: its form, the number of the block, the position and the length.
        private static final int BESIDE_LENGTH = 25;
        private static final int BESIDE_BYTES = 2;
        private static final int BESIDE_TEXT = 3;

        private final Pack pack; // whose room it may use; null for none
        private byte[] in;
        private final long frame;
        private final Peer peer; // null for this process's own Python
        private int at;
        private int last; // where the value began that is being read
        private int due; // how many values the containers around this place still wait for
        private boolean hasObjects;
        private boolean damaged;
        private int lost; // elements and keys that are equal to others in Java alone
        private Around around; // what goes on when the container is complete whose parts are being read; null for none

        /**
         * @param in the whole buffer, null for an empty one
         * @param frame the frame that owns the handles in it, 0 for none
         */
        public Reader(byte[] in, long frame) {
            this(null, in, frame);
        }

        /** Reads what another process sent, which is not to be trusted. */
        public Reader(byte[] in, Peer peer) {
            this(null, in, 0, peer);
        }

        private Reader(Pack pack, byte[] in, long frame) {
            this(pack, in, frame, null);
        }

        private Reader(Pack pack, byte[] in, long frame, Peer peer) {
            this.pack = pack;
            this.in = in == null ? EMPTY : in;
            this.frame = frame;
            this.peer = peer;
        }

        /** The one value of a buffer, finished. */
        public static Object read(byte[] in, long frame) {
            Reader reader = new Reader(in, frame);
            return reader.finish(reader.value());
        }

        public int u32() {
            need(4);
            int value = Pack.get(in, at);
            at += 4;
            if (value < 0) {
                throw malformed("a count is larger than the buffer");
            }
            return value;
        }

        public String text() {
            int bytes = count(1);
            at += bytes;
            return new String(in, at - bytes, bytes, StandardCharsets.UTF_8);
        }

        /** The next value. If a value cannot be read to its end, no object of it stays in Python. */
        public Object value() {
            Object value;
            try {
                value = next();
            } catch (RuntimeException | Error e) {
                if (!damaged) {
                    at = last;
                    forget(1 + due);
                    for (; around != null; around = around.around) {
                        around.goOn(this);
                        forget(due);
                    }
                    due = 0;
                }
                throw e;
            }
            if (lost > 0) {
                int count = lost;
                lost = 0; // the values after this one are whole
                throw lost(count);
            }
            return value;
        }

        /** A large container by itself, for native code that keeps the GIL meanwhile. */
        Object inside(byte[] first) {
            Reader inner = new Reader(null, first, frame);
            Object value = inner.value();
            hasObjects |= inner.hasObjects;
            return value;
        }

        /** Whether the rest can be read, even after a value that could not be read. */
        public boolean goesOn() {
            return !damaged;
        }

        /** Skips the given number of values, and releases the Python objects in them. */
        public void forget(int values) {
            for (long left = values; left > 0; left--) {
                need(1);
                int tag = in[at++];
                if (tag == LIST || tag == TUPLE || tag == SET || tag == DICT) {
                    left += (tag == DICT ? 2L : 1L) * u32();
                } else if (tag == LARGE || tag == HANDLE) {
                    drop();
                } else if (tag == JAVA) {
                    skip(8);
                    drop();
                } else if (tag == MORE) {
                    drop();
                    skip(16);
                } else if (tag == INT || tag == FLOAT) {
                    skip(8);
                } else if (tag == LONGS || tag == DOUBLES) {
                    skip(8L * u32());
                } else if (tag != NONE && tag != FALSE && tag != TRUE && tag != MISSING) {
                    skip(u32());
                }
            }
        }

        private void drop() {
            need(8);
            long handle = word();
            if (peer == null) {
                Native.handleDropLater(handle);
            }
        }

        private void skip(long bytes) {
            if (bytes > in.length - at) {
                throw malformed("the buffer ends within a value");
            }
            at += (int) bytes;
        }

        /** Without the stack's help: deep ones come on threads with small stacks as well. */
        private Object next() {
            Open open = null;
            while (true) {
                if (open != null) {
                    due--;
                }
                need(1);
                last = at;
                int tag = in[at++];
                Object value;
                if (tag == LIST || tag == TUPLE || tag == SET || tag == DICT) {
                    Open inner = open(tag, open);
                    if (inner.left > 0) {
                        open = inner;
                        continue;
                    }
                    value = inner.container();
                } else if (tag == MORE) {
                    more(open);
                    value = REST;
                } else {
                    value = single(tag);
                }
                while (open != null) {
                    open.add(value);
                    if (open.left > 0) {
                        break;
                    }
                    value = open.container();
                    lost += open.lost();
                    if (open.inParts) {
                        around.goOn(this);
                        around = around.around;
                    }
                    open = open.outer;
                }
                if (open == null) {
                    return value;
                }
            }
        }

        /** A container whose values are being read. */
        private static final class Open {
            final Open outer;
            final int depth;
            Collection<Object> elements; // null in a map
            Map<Object, Object> map;
            int count;
            int left;
            boolean inParts;
            private Object key;

            Open(Open outer, Collection<Object> elements, Map<Object, Object> map, int left) {
                this.outer = outer;
                this.depth = outer == null ? 1 : outer.depth + 1;
                this.elements = elements;
                this.map = map;
                this.count = map == null ? left : left / 2;
                this.left = left;
                if (depth > MAX_DEPTH && left > 0) {
                    throw tooDeep();
                }
            }

            void add(Object value) {
                left--;
                if (value == REST) {
                    return; // which adds itself
                }
                if (elements != null) {
                    elements.add(value);
                } else if (left % 2 != 0) {
                    key = value;
                } else {
                    map.put(key, value);
                }
            }

            /** Makes room for as many as there are in all. */
            void expect(int total) {
                if (elements instanceof ArrayList) {
                    ((ArrayList<?>) elements).ensureCapacity(total);
                } else if (map == null) {
                    Collection<Object> first = elements;
                    elements = new LinkedHashSet<>(capacity(total));
                    elements.addAll(first);
                } else {
                    Map<Object, Object> first = map;
                    map = new LinkedHashMap<>(capacity(total));
                    map.putAll(first);
                }
            }

            Object container() {
                return elements != null ? elements : map;
            }

            /** How many elements or keys are equal to another one in Java alone. */
            int lost() {
                return elements == null ? count - map.size() : elements instanceof Set ? count - elements.size() : 0;
            }
        }

        /** A buffer that is read on when the container is complete that goes on in parts. */
        private static final class Around {
            final Around around;
            final byte[] in;
            final int at;
            final int due;

            Around(Reader reader) {
                around = reader.around;
                in = reader.in;
                at = reader.at;
                due = reader.due;
            }

            void goOn(Reader reader) {
                reader.in = in;
                reader.at = at;
                reader.due = due;
            }
        }

        /** Gets the next part of a container and begins to read it; or there is none. */
        private void more(Open open) {
            need(24);
            refusePeer();
            if (open == null) {
                throw malformed("no container that goes on");
            }
            long handle = word();
            long position = word();
            int done = u32();
            int total = u32();
            if (handle == 0) {
                return;
            }
            byte[] room = open.inParts ? in : new byte[PART + LARGE_VALUE];
            byte[] part = Native.bulkMore(handle, position, done, total, open.depth >= PART_DEPTH, room, frame);
            if (open.map != null) { // after the place of the value
                at++;
                due--;
                open.left--;
            }
            open.count--;
            int tag = part[0];
            boolean isRun = tag == LONGS || tag == DOUBLES;
            boolean isFirst = !open.inParts;
            if (isFirst) {
                around = new Around(this);
                open.inParts = true;
            }
            in = part;
            last = 0;
            due = isRun ? 1 : 0;
            if (isFirst) {
                open.expect(total);
            }
            at = 1;
            int count = count(isRun ? 8 : 1);
            if (isRun) {
                for (int i = 0; i < count; i++) {
                    long word = word();
                    open.elements.add(tag == LONGS ? (Object) word : (Object) Double.longBitsToDouble(word));
                }
                open.left++; // what says whether there is more
            } else {
                due = open.map == null ? count : 2 * count;
                open.left += due;
                open.count += count;
            }
        }

        private Open open(int tag, Open outer) {
            int count = count(tag == DICT ? 2 : 1);
            Open open = tag == DICT ? new Open(outer, null, new LinkedHashMap<>(capacity(count)), count * 2)
                    : new Open(outer, tag == SET ? new LinkedHashSet<>(capacity(count)) : new ArrayList<>(count), null, count);
            due += open.left;
            return open;
        }

        /** Converts objects of other types to values, see {@link Reader}. */
        public Object finish(Object value) {
            return hasObjects ? finished(value, object -> Access.get().toJava(object)) : value;
        }

        /** Like {@link #finish}, but an object of an unknown type stays a {@link PythonObject}. */
        public Object finishOrKeep(Object value) {
            return hasObjects ? kept(value) : value;
        }

        public static Object kept(Object value) {
            return finished(value, object -> Access.get().toJavaOrSame(object));
        }

        /** Like {@link #finish}, but with a function that converts objects. */
        public static Object kept(Object value, Function<PythonObject, Object> convert) {
            return finished(value, convert);
        }

        /** A number of 64 bits. */
        public long u64() {
            need(8);
            return word();
        }

        /** Checks that no bytes are left. */
        public void end() {
            if (at != in.length) {
                throw malformed("bytes are left over");
            }
        }

        private Object single(int tag) {
            switch (tag) {
                case NONE:
                    return null;
                case FALSE:
                    return Boolean.FALSE;
                case TRUE:
                    return Boolean.TRUE;
                case INT:
                    need(8);
                    return word();
                case BIG_INT:
                    return bigInteger();
                case FLOAT:
                    need(8);
                    return Double.longBitsToDouble(word());
                case STR:
                    return text();
                case BYTES:
                    return bytes();
                case LONGS:
                    return longs();
                case DOUBLES:
                    return doubles();
                case DECIMAL:
                    return decimal();
                case HANDLE:
                    need(8);
                    refusePeer();
                    hasObjects = true;
                    return Access.get().object(word(), frame);
                case SURROGATES:
                    return surrogates();
                case LATIN1:
                    int latin1 = count(1);
                    at += latin1;
                    return new String(in, at - latin1, latin1, StandardCharsets.ISO_8859_1);
                case UTF16:
                    return utf16();
                case LARGE:
                    need(8);
                    refusePeer();
                    return Native.bulkTake(word(), this, frame);
                case SHARED:
                    return shared();
                case MISSING:
                    return ABSENT;
                case JAVA:
                    return own();
                default:
                    at--;
                    throw malformed("unknown tag");
            }
        }

        private Object shared() {
            int length = count(1);
            at += length;
            if (peer == null) {
                throw malformed("memory of another process");
            }
            try {
                int form = length == BESIDE_LENGTH ? in[at - length] : -1;
                if (form == BESIDE_BYTES || form == BESIDE_TEXT) {
                    long number = (long) Words.IN.get(in, at - 24);
                    byte[] bytes = peer.read(number, (long) Words.IN.get(in, at - 16), (long) Words.IN.get(in, at - 8));
                    return form == BESIDE_BYTES ? bytes : new String(bytes, StandardCharsets.ISO_8859_1);
                }
                return Access.get().described(Arrays.copyOfRange(in, at - length, at), peer);
            } catch (RuntimeException e) {
                throw malformed("no memory");
            }
        }

        private void refusePeer() {
            if (peer != null) {
                throw malformed("a handle of another process");
            }
        }

        /** What Python holds of Java. The handle has kept it up to here. */
        private Object own() {
            need(16);
            hasObjects = true;
            long key = word();
            long handle = word();
            if (peer != null) {
                Object held = peer.held(key);
                if (held == null) {
                    throw malformed("an unknown key");
                }
                return held instanceof Callbacks.Function ? ((Callbacks.Function) held).object() : held;
            }
            if (!Callbacks.isOwn(key)) { // of another class loader's copy of this library: a Python object like any
                return Access.get().object(handle, Native.root);
            }
            Callbacks.Function own = Callbacks.function(key);
            Native.handleDropLater(handle);
            return own;
        }

        private List<Object> longs() {
            int count = count(8);
            List<Object> longs = new ArrayList<>(count);
            for (int i = 0; i < count; i++) {
                longs.add(word());
            }
            return longs;
        }

        private List<Object> doubles() {
            int count = count(8);
            List<Object> doubles = new ArrayList<>(count);
            for (int i = 0; i < count; i++) {
                doubles.add(Double.longBitsToDouble(word()));
            }
            return doubles;
        }

        private byte[] bytes() {
            int length = count(1);
            at += length;
            return Arrays.copyOfRange(in, at - length, at);
        }

        private BigInteger bigInteger() {
            byte[] bytes = bytes();
            if (bytes.length == 0) {
                throw malformed("an integer without digits");
            }
            return new BigInteger(bytes);
        }

        private BigDecimal decimal() {
            String text = text();
            try {
                return new BigDecimal(text);
            } catch (NumberFormatException e) {
                throw new PythonException("Decimal('" + text + "') has no counterpart in Java's BigDecimal.", e);
            }
        }

        private String utf16() {
            int bytes = count(1);
            if (bytes % 2 != 0) {
                throw malformed("half a character");
            }
            int count = bytes / 2;
            char[] chars = pack == null ? new char[count] : pack.chars(count);
            ByteBuffer.wrap(in, at, bytes).order(ByteOrder.LITTLE_ENDIAN).asCharBuffer().get(chars, 0, count);
            at += bytes;
            return new String(chars, 0, count);
        }

        /** Text that Java's own decoder would not take. */
        private String surrogates() {
            int end = count(1);
            end += at;
            StringBuilder text = new StringBuilder(end - at);
            while (at < end) {
                int lead = in[at++] & 0xFF;
                int more = lead < 0x80 ? 0 : lead < 0xE0 ? 1 : lead < 0xF0 ? 2 : 3;
                int point = more == 0 ? lead : lead & 0x3F >> more;
                if (more > end - at) {
                    throw malformed("a text ends within a character");
                }
                for (; more > 0; more--) {
                    point = point << 6 | in[at++] & 0x3F;
                }
                if (!Character.isValidCodePoint(point)) {
                    throw malformed("not a character");
                }
                text.appendCodePoint(point);
            }
            return text.toString();
        }

        private long word() {
            long word = (long) Words.IN.get(in, at);
            at += 8;
            return word;
        }

        /** A count of values that take at least so many bytes each. */
        private int count(int least) {
            int count = u32();
            if ((long) count * least + due > in.length - at) {
                throw malformed("a count is larger than the buffer");
            }
            return count;
        }

        private void need(int bytes) {
            if (bytes > in.length - at) {
                throw malformed("the buffer ends within a value");
            }
        }

        private PythonException malformed(String what) {
            damaged = true;
            return new PythonException("Malformed packed value at byte " + at + ": " + what);
        }

        private static int capacity(int size) {
            return (int) Math.min(Integer.MAX_VALUE, size * 4L / 3 + 1);
        }

        /** The value with the objects in it converted; lists are changed in place. */
        private static Object finished(Object value, Function<PythonObject, Object> convert) {
            if (value instanceof PythonObject) {
                return convert.apply((PythonObject) value);
            }
            if (value instanceof Callbacks.Function) {
                return ((Callbacks.Function) value).object();
            }
            if (value instanceof List) {
                @SuppressWarnings("unchecked") // all lists here are our own
                List<Object> list = (List<Object>) value;
                list.replaceAll(element -> finished(element, convert));
            } else if (value instanceof Set) {
                Set<Object> finished = new LinkedHashSet<>(capacity(((Set<?>) value).size()));
                ((Set<?>) value).forEach(element -> finished.add(finished(element, convert)));
                return whole(finished, finished.size(), ((Set<?>) value).size());
            } else if (value instanceof Map) {
                Map<Object, Object> finished = new LinkedHashMap<>(capacity(((Map<?, ?>) value).size()));
                ((Map<?, ?>) value)
                        .forEach((key, element) -> finished.put(finished(key, convert), finished(element, convert)));
                return whole(finished, finished.size(), ((Map<?, ?>) value).size());
            }
            return value;
        }

        /** A set or map, if nothing that came is missing: (1, 2) and range(1, 3) are the same list in Java. */
        private static Object whole(Object container, int size, int count) {
            if (size != count) {
                throw lost(count - size);
            }
            return container;
        }

        private static PythonException lost(int count) {
            return new PythonException("A set or dict would lose " + count + " of its elements or keys, "
                    + "since some that differ in Python are equal in Java: hand over a list.");
        }
    }
}
