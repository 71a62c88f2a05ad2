// SPDX-License-Identifier: Apache-2.0
// Converts bytes to Java values. The tags are in Tag.java, the writer is in Pack.java; the other half of this wire format
// is pack/writer.rs.
package org.nd4j.python4j.internal.jni;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.PythonObject;
import org.nd4j.python4j.internal.Access;

/**
 * Reads packed values. It never reads past the end and never trusts a length.
 *
 * <p>There are two steps, so that no object is lost when the conversion of another one fails. {@link #value}
 * returns objects of other types as {@link PythonObject}s, and {@link #finish} converts them by their registered
 * types.
 */
public final class PackReader {

    /** A name that is not there. */
    public static final Object ABSENT = new Object();

    private static final byte[] EMPTY = {};

    private static final Object REST = new Object(); // stands for the values that come in parts

    // What stands in a block by itself: its form, the number of the block, the position and the length.
    private static final int BESIDE_LENGTH = 25;
    private static final int BESIDE_BYTES = 2;
    private static final int BESIDE_TEXT = 3;
    private static final int MANY_DIGITS = 5000;

    private final Pack pack; // whose room it may use; null for none
    private byte[] in;
    private final long frame;
    private final Pack.Peer peer; // null for this process's own Python
    private int at;
    private int last; // where the value began that is being read
    private int due; // how many values the containers around this place still wait for
    private boolean hasObjects;
    private boolean damaged;
    private Class<?> numbers; // what lists of numbers are read into arrays of, see Run; null for none
    private int lost; // elements and keys that are equal to others in Java alone
    private Around around; // what goes on when the container is complete whose parts are being read; null for none

    /**
     * @param in the whole buffer, null for an empty one
     * @param frame the frame that owns the handles in it, 0 for none
     */
    public PackReader(byte[] in, long frame) {
        this(null, in, frame);
    }

    /** Reads what another process sent, which is not to be trusted. */
    public PackReader(byte[] in, Pack.Peer peer) {
        this(null, in, 0, peer);
    }

    PackReader(Pack pack, byte[] in, long frame) {
        this(pack, in, frame, null);
    }

    private PackReader(Pack pack, byte[] in, long frame, Pack.Peer peer) {
        this.pack = pack;
        this.in = in == null ? EMPTY : in;
        this.frame = frame;
        this.peer = peer;
    }

    /** Makes this reader return a list of numbers as an array of these primitives where that is the same. */
    public PackReader numbers(Class<?> primitive) {
        numbers = primitive;
        return this;
    }

    /** The one value of a buffer, finished. */
    public static Object read(byte[] in, long frame) {
        PackReader reader = new PackReader(in, frame);
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
        PackReader inner = new PackReader(null, first, frame).numbers(numbers);
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
            if (tag == Tag.LIST || tag == Tag.TUPLE || tag == Tag.SET || tag == Tag.DICT) {
                left += (tag == Tag.DICT ? 2L : 1L) * u32();
            } else if (tag == Tag.LARGE || tag == Tag.HANDLE) {
                drop();
            } else if (tag == Tag.JAVA) {
                skip(8);
                drop();
            } else if (tag == Tag.MORE) {
                drop();
                skip(16);
            } else if (tag == Tag.INT || tag == Tag.FLOAT) {
                skip(8);
            } else if (tag == Tag.LONGS || tag == Tag.DOUBLES) {
                skip(8L * u32());
            } else if (tag != Tag.NONE && tag != Tag.FALSE && tag != Tag.TRUE && tag != Tag.MISSING) {
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
            if (tag == Tag.LIST || tag == Tag.TUPLE || tag == Tag.SET || tag == Tag.DICT) {
                Open inner = open(tag, open);
                if (inner.left > 0) {
                    open = inner;
                    continue;
                }
                value = inner.container();
            } else if (tag == Tag.MORE) {
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
        Run run; // the elements that came, in place of a list; null for none
        private Object key;

        Open(Open outer, Collection<Object> elements, Map<Object, Object> map, int left) {
            this.outer = outer;
            this.depth = outer == null ? 1 : outer.depth + 1;
            this.elements = elements;
            this.map = map;
            this.count = map == null ? left : left / 2;
            this.left = left;
            if (depth > Pack.MAX_DEPTH && left > 0) {
                throw Pack.tooDeep();
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

        /** Goes on with a list, where not all are numbers of one kind. */
        void endRun(int total) {
            if (run != null) {
                elements = run.list(total);
                run = null;
            }
        }

        Object container() {
            return run != null ? run.array() : elements != null ? elements : map;
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

        Around(PackReader reader) {
            around = reader.around;
            in = reader.in;
            at = reader.at;
            due = reader.due;
        }

        void goOn(PackReader reader) {
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
        byte[] room = open.inParts ? in : new byte[Pack.PART + Pack.LARGE_VALUE];
        byte[] part = Native.bulkMore(handle, position, done, total, open.depth >= Pack.PART_DEPTH, room, frame);
        if (open.map != null) { // after the place of the value
            at++;
            due--;
            open.left--;
        }
        open.count--;
        int tag = part[0];
        boolean isRun = tag == Tag.LONGS || tag == Tag.DOUBLES;
        boolean isFirst = !open.inParts;
        if (isFirst) {
            around = new Around(this);
            open.inParts = true;
        }
        in = part;
        last = 0;
        due = isRun ? 1 : 0;
        if (isFirst) {
            open.run = isRun && open.elements.isEmpty() ? Run.of(numbers, total) : null;
            if (open.run == null) {
                open.expect(total);
            }
        }
        at = 1;
        int count = count(isRun ? 8 : 1);
        if (isRun) {
            if (open.run != null && open.run.add(tag, in, at, count)) {
                at += 8 * count;
            } else {
                open.endRun(total);
                words(tag, count, open.elements);
            }
            open.left++; // what says whether there is more
        } else {
            open.endRun(total);
            due = open.map == null ? count : 2 * count;
            open.left += due;
            open.count += count;
        }
    }

    private Open open(int tag, Open outer) {
        int count = count(tag == Tag.DICT ? 2 : 1);
        Open open = tag == Tag.DICT ? new Open(outer, null, new LinkedHashMap<>(capacity(count)), count * 2)
                : new Open(outer, tag == Tag.SET ? new LinkedHashSet<>(capacity(count)) : new ArrayList<>(count), null, count);
        due += open.left;
        return open;
    }

    /** Converts objects of other types to values, see {@link PackReader}. */
    public Object finish(Object value) {
        return hasObjects ? finished(value, object -> Access.get().toJava(object)) : value;
    }

    /** Like {@link #finish}, but an object of an unknown type stays a {@link PythonObject}. */
    public Object finishOrKeep(Object value) {
        return hasObjects ? kept(value) : value;
    }

    public static Object kept(Object value) {
        return kept(value, object -> Access.get().toJavaOrSame(object));
    }

    /** Like {@link #finish}, but with a function that converts objects. */
    public static Object kept(Object value, Function<PythonObject, Object> convert) {
        return isFinished(value) ? value : finished(value, convert);
    }

    /** Whether a value is one that most are, and holds no others. */
    public static boolean isScalar(Object value) {
        return value == null || value instanceof Long || value instanceof String || value instanceof Double || value instanceof Boolean;
    }

    private static boolean isFinished(Object value) {
        if (isScalar(value)) {
            return true;
        } else if (value instanceof Collection) {
            for (Object each : (Collection<?>) value) {
                if (!isFinished(each)) {
                    return false;
                }
            }
            return true;
        } else if (value instanceof Map) {
            return isFinished(((Map<?, ?>) value).keySet()) && isFinished(((Map<?, ?>) value).values());
        }
        return !(value instanceof PythonObject || value instanceof Callbacks.Function);
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
            case Tag.NONE:
                return null;
            case Tag.FALSE:
                return Boolean.FALSE;
            case Tag.TRUE:
                return Boolean.TRUE;
            case Tag.INT:
                need(8);
                return word();
            case Tag.BIG_INT:
                return bigInteger();
            case Tag.FLOAT:
                need(8);
                return Double.longBitsToDouble(word());
            case Tag.STR:
                return text();
            case Tag.BYTES:
                return bytes();
            case Tag.LONGS:
            case Tag.DOUBLES:
                return run(tag);
            case Tag.DECIMAL:
                return decimal();
            case Tag.HANDLE:
                need(8);
                refusePeer();
                hasObjects = true;
                return Access.get().object(word(), frame);
            case Tag.SURROGATES:
                return surrogates();
            case Tag.LATIN1:
                int latin1 = count(1);
                at += latin1;
                return new String(in, at - latin1, latin1, StandardCharsets.ISO_8859_1);
            case Tag.UTF16:
                return utf16();
            case Tag.LARGE:
                need(8);
                refusePeer();
                return Native.bulkTake(word(), this, frame);
            case Tag.SHARED:
                return shared();
            case Tag.MISSING:
                return ABSENT;
            case Tag.JAVA:
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
                long number = (long) Pack.Words.IN.get(in, at - 24);
                byte[] bytes = peer.read(number, (long) Pack.Words.IN.get(in, at - 16), (long) Pack.Words.IN.get(in, at - 8));
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

    /** A list of numbers of one kind. */
    private Object run(int tag) {
        int count = count(8);
        Run run = Run.of(numbers, count);
        if (run != null && run.add(tag, in, at, count)) {
            at += 8 * count;
            return run.array();
        }
        List<Object> all = new ArrayList<>(count);
        words(tag, count, all);
        return all;
    }

    private void words(int tag, int count, Collection<Object> into) {
        for (int i = 0; i < count; i++) {
            long word = word();
            into.add(tag == Tag.LONGS ? (Object) word : (Object) Double.longBitsToDouble(word));
        }
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
            return text.length() < MANY_DIGITS ? new BigDecimal(text) : longDecimal(text);
        } catch (NumberFormatException | ArithmeticException e) {
            throw new PythonException("Decimal('" + text + "') has no counterpart in Java's BigDecimal.", e);
        }
    }

    /** A decimal of many digits: the time that the JDK takes to read it would grow with their square. */
    private static BigDecimal longDecimal(String text) {
        int end = text.indexOf('E');
        String number = end < 0 ? text : text.substring(0, end);
        int point = number.indexOf('.');
        String digits = number.replace(".", "");
        boolean negative = digits.startsWith("-");
        BigInteger unscaled = whole(digits, negative ? 1 : 0, digits.length());
        BigDecimal decimal = new BigDecimal(negative ? unscaled.negate() : unscaled, point < 0 ? 0 : number.length() - point - 1);
        return end < 0 ? decimal : decimal.scaleByPowerOfTen(Integer.parseInt(text.substring(end + 1)));
    }

    private static BigInteger whole(String digits, int from, int to) {
        if (to - from < MANY_DIGITS) {
            return new BigInteger(digits.substring(from, to));
        }
        int middle = (from + to) >>> 1;
        return whole(digits, from, middle).multiply(BigInteger.TEN.pow(to - middle)).add(whole(digits, middle, to));
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
        long word = (long) Pack.Words.IN.get(in, at);
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

    /** The capacity of a map or set of so many. */
    public static int capacity(int size) {
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
