// SPDX-License-Identifier: Apache-2.0
// A column of a Python table, read directly from Python's memory in Arrow's layout, one chunk at a time. The
// file table.py answers its requests; the class Tables describes what tables become in Java.
package org.nd4j.python4j.internal.convert;

import java.lang.reflect.Array;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.Buffer;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.OffsetDateTime;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.util.ArrayList;
import java.util.Date;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.internal.jni.Native;

/** The type of a column, or of a part of one, as Arrow writes it. */
final class TableColumn {

    /** How it is known which values are null: see table.py. */
    private static final int BYTES = 1;
    private static final int NAT = 2;

    /** So many values at once: few enough to stay near the processor. */
    private static final int PIECE = 1 << 13;

    final String name;
    private final String format;
    private final List<TableColumn> parts = new ArrayList<>();
    private final TableColumn dictionary;
    private final int marks;
    private final List<Chunk> chunks = new ArrayList<>();

    /** In the words of {@code described} in table.py: the name in the table, the schema, the chunks, the marks of nulls. */
    TableColumn(List<?> words) {
        this((String) words.get(0), (List<?>) words.get(1), ((Long) words.get(3)).intValue());
        for (Object each : (List<?>) words.get(2)) {
            chunks.add(new Chunk((List<?>) each));
        }
    }

    private TableColumn(String name, List<?> schema, int marks) {
        this.name = name;
        this.format = (String) schema.get(0);
        this.marks = marks;
        for (Object part : (List<?>) schema.get(2)) {
            parts.add(new TableColumn((String) ((List<?>) part).get(1), (List<?>) part, 0));
        }
        this.dictionary = schema.get(3) == null ? null : new TableColumn(name, (List<?>) schema.get(3), 0);
    }

    long rows() {
        return chunks.stream().mapToLong(chunk -> chunk.length).sum();
    }

    // ---- memory ----

    /**
     * Memory whose end only the column knows. It is read through a window, because the positions of a ByteBuffer are
     * ints.
     */
    private static final class Memory {
        private static final int WINDOW = 1 << 30;

        private final long address;
        private ByteBuffer window;
        private long from;

        Memory(long address) {
            this.address = address;
        }

        boolean exists() {
            return address != 0;
        }

        /** A buffer of so many bytes from a place on. */
        ByteBuffer piece(long at, long bytes) {
            return Native.bufferWrap(address + at, bytes).order(ByteOrder.nativeOrder());
        }

        private int at(long place) {
            return at(place, Long.BYTES);
        }

        /** Where in the window a place is, which is moved if so many bytes from there on are not in it. */
        private int at(long place, int bytes) {
            if (window == null || place < from || place + bytes > from + WINDOW) {
                from = place;
                window = piece(from, WINDOW);
            }
            return (int) (place - from);
        }

        byte byteAt(long index) {
            int at = at(index);
            return window.get(at);
        }

        short shortAt(long index) {
            int at = at(index * Short.BYTES);
            return window.getShort(at);
        }

        int intAt(long index) {
            int at = at(index * Integer.BYTES);
            return window.getInt(at);
        }

        long longAt(long index) {
            int at = at(index * Long.BYTES);
            return window.getLong(at);
        }

        boolean bitAt(long index) {
            return (byteAt(index >> 3) >> (index & 7) & 1) != 0;
        }

        byte[] bytes(long at, int count) {
            byte[] bytes = new byte[count];
            if (count > WINDOW) {
                piece(at, count).get(bytes);
            } else if (count > 0) {
                int place = at(at, count);
                ((Buffer) window).position(place);
                window.get(bytes);
            }
            return bytes;
        }
    }

    /** One Arrow array. */
    private static final class Chunk {
        final long length;
        final long offset;
        final boolean mayHaveNulls;
        final Memory[] buffers;
        final List<?> objects; // where it is none of Arrow's
        final List<Chunk> parts = new ArrayList<>();
        final Chunk dictionary;

        Chunk(List<?> words) {
            length = (Long) words.get(0);
            offset = (Long) words.get(1);
            mayHaveNulls = (Long) words.get(2) != 0;
            objects = (List<?>) words.get(3);
            boolean addresses = objects.stream().allMatch(each -> each instanceof Long);
            buffers = addresses ? objects.stream().map(each -> new Memory((Long) each)).toArray(Memory[]::new) : null;
            for (Object part : (List<?>) words.get(4)) {
                parts.add(new Chunk((List<?>) part));
            }
            dictionary = words.get(5) == null ? null : new Chunk((List<?>) words.get(5));
        }
    }

    // ---- whole columns ----

    /** All values in an array of a type. */
    Object read(Target target, int rows) {
        Object array = Array.newInstance(target.raw, rows);
        int at = 0;
        for (Chunk chunk : chunks) {
            if (!fast(array, at, chunk, target)) {
                Object[] known = dictionary == null ? null : new Object[(int) chunk.dictionary.length];
                for (int i = 0; i < chunk.length; i++) {
                    put(array, at, i, known == null ? one(chunk, i, target, at) : entry(known, chunk, i, target, at));
                }
            }
            at += (int) chunk.length;
        }
        return array;
    }

    private static void put(Object array, int at, int i, Object value) {
        if (array instanceof Object[]) {
            ((Object[]) array)[at + i] = value;
        } else {
            Array.set(array, at + i, value);
        }
    }

    /** One value as a type. */
    private Object one(Chunk chunk, int i, Target target, int at) {
        try {
            return converted(value(chunk, i, target), target);
        } catch (Mismatch e) {
            throw e.at(place(at + i));
        } catch (DateTimeException | ArithmeticException e) {
            throw new Mismatch(null, target, e.getMessage() + ".").at(place(at + i));
        }
    }

    /** The same where each value stands in a dictionary, and is converted once. */
    private Object entry(Object[] known, Chunk chunk, int i, Target target, int at) {
        if (isNull(chunk, i)) {
            return one(chunk, i, target, at);
        }
        int key = key(chunk, chunk.offset + i);
        if (known[key] == null) {
            known[key] = one(chunk, i, target, at);
        }
        return known[key];
    }

    private String place(long row) {
        return ", row " + row + ", column '" + name + "'";
    }

    private static Object converted(Object value, Target target) {
        if (value == null && target.raw.isPrimitive()) {
            throw new Mismatch(null, target, "Ask for " + target.box.getSimpleName() + ", or fill it in Python.");
        }
        return Conversion.value(value, target);
    }

    /** The pairs that are read in bulk. False for all others. */
    private boolean fast(Object array, int at, Chunk chunk, Target target) {
        if (dictionary != null || format.equals("O") || chunk.length == 0) {
            return chunk.length == 0;
        }
        char letter = format.charAt(0);
        boolean integers = "cCsSiIlL".indexOf(letter) >= 0 && format.length() == 1;
        boolean primitive = target.raw.isPrimitive();
        if (primitive && (integers && "long int short byte".contains(target.raw.getName())
                || (letter == 'g' || letter == 'f') && (target.raw == double.class || target.raw == float.class)
                || (letter == 'b' || letter == '?') && target.raw == boolean.class)) {
            refuseNulls(chunk, target, at);
        } else if (!(target.raw == String.class && ("uU".indexOf(letter) >= 0 || format.equals("vu"))) && !(target.raw == LocalDate.class && format.equals("tdD"))) {
            return false;
        }
        for (int from = 0; from < chunk.length; from += PIECE) {
            int count = (int) Math.min(PIECE, chunk.length - from);
            if (integers) {
                integers(array, at, chunk, from, count, letter, target);
            } else if (letter == 'g' || letter == 'f') {
                floats(array, at, chunk, from, count, letter, target);
            } else if (letter == 'b' || letter == '?') {
                for (int i = from; i < from + count; i++) {
                    ((boolean[]) array)[at + i] = bool(chunk, chunk.offset + i);
                }
            } else if (letter == 't') {
                dates((LocalDate[]) array, at, chunk, from, count);
            } else if (letter == 'v') {
                for (int i = from; i < from + count; i++) {
                    ((String[]) array)[at + i] = isNull(chunk, i) ? null : new String(viewed(chunk, chunk.offset + i), StandardCharsets.UTF_8);
                }
            } else {
                texts((String[]) array, at, chunk, from, count, letter == 'U');
            }
        }
        return true;
    }

    private void refuseNulls(Chunk chunk, Target target, int at) {
        if (mayHaveNulls(chunk)) {
            for (int i = 0; i < chunk.length; i++) {
                if (isNull(chunk, i)) {
                    one(chunk, i, target, at); // it throws
                }
            }
        }
    }

    private void integers(Object array, int at, Chunk chunk, int from, int count, char letter, Target target) {
        ByteBuffer piece = chunk.buffers[1].piece((chunk.offset + from) * size(letter), (long) count * size(letter));
        if (letter == 'l' && array instanceof long[]) {
            piece.asLongBuffer().get((long[]) array, at + from, count);
            return;
        } else if (letter == 'i' && array instanceof int[]) {
            piece.asIntBuffer().get((int[]) array, at + from, count);
            return;
        }
        for (int i = 0; i < count; i++) {
            long value = whole(chunk, chunk.offset + from + i);
            int to = at + from + i;
            boolean fits = letter != 'L' || value >= 0;
            if (array instanceof long[]) {
                ((long[]) array)[to] = value;
            } else if (array instanceof int[]) {
                ((int[]) array)[to] = (int) value;
                fits &= value == (int) value;
            } else if (array instanceof short[]) {
                ((short[]) array)[to] = (short) value;
                fits &= value == (short) value;
            } else {
                ((byte[]) array)[to] = (byte) value;
                fits &= value == (byte) value;
            }
            if (!fits) {
                one(chunk, from + i, target, at); // it throws
            }
        }
    }

    private void floats(Object array, int at, Chunk chunk, int from, int count, char letter, Target target) {
        ByteBuffer piece = chunk.buffers[1].piece((chunk.offset + from) * size(letter), (long) count * size(letter));
        if (letter == 'g' && array instanceof double[]) {
            piece.asDoubleBuffer().get((double[]) array, at + from, count);
        } else if (letter == 'f' && array instanceof float[]) {
            piece.asFloatBuffer().get((float[]) array, at + from, count);
        } else if (letter == 'f') {
            for (int i = 0; i < count; i++) {
                ((double[]) array)[at + from + i] = piece.getFloat(i * Float.BYTES);
            }
        } else {
            for (int i = 0; i < count; i++) { // with the rules for rounding
                ((float[]) array)[at + from + i] = (Float) one(chunk, from + i, target, at);
            }
        }
    }

    private void dates(LocalDate[] array, int at, Chunk chunk, int from, int count) {
        ByteBuffer piece = chunk.buffers[1].piece((chunk.offset + from) * Integer.BYTES, (long) count * Integer.BYTES);
        boolean nulls = mayHaveNulls(chunk);
        for (int i = 0; i < count; i++) {
            if (!nulls || !isNull(chunk, from + i)) {
                array[at + from + i] = LocalDate.ofEpochDay(piece.getInt(i * Integer.BYTES));
            }
        }
    }

    /** The bytes of many texts are copied at once: each String is made of a part of them. */
    private void texts(String[] array, int at, Chunk chunk, int from, int count, boolean large) {
        boolean nulls = mayHaveNulls(chunk);
        long all = offset(chunk, chunk.offset + chunk.length, large);
        int done = 0;
        byte[] bytes = {};
        while (done < count) {
            long first = offset(chunk, chunk.offset + from + done, large);
            int end = done;
            long last = first;
            while (end < count) { // as many as are a few hundred kilobytes, and at least one
                long next = offset(chunk, chunk.offset + from + end + 1, large);
                checkRange(last, next, all);
                if (end > done && next - first > 1 << 18) {
                    break;
                }
                last = next;
                end++;
            }
            int length = Math.toIntExact(last - first);
            bytes = bytes.length < length ? new byte[length] : bytes;
            if (length > 0) {
                chunk.buffers[2].piece(first, length).get(bytes, 0, length);
            }
            long begin = first;
            for (; done < end; done++) {
                long next = offset(chunk, chunk.offset + from + done + 1, large);
                if (!nulls || !isNull(chunk, from + done)) {
                    array[at + from + done] = new String(bytes, (int) (begin - first), (int) (next - begin), StandardCharsets.UTF_8);
                }
                begin = next;
            }
        }
    }

    // ---- single values ----

    private boolean mayHaveNulls(Chunk chunk) {
        return chunk.mayHaveNulls && (marks == NAT || chunk.buffers.length > 0 && chunk.buffers[0].exists() && hasValidity())
                || format.equals("n");
    }

    /** Unions and run-ends have no bits for what is null. */
    private boolean hasValidity() {
        return !format.startsWith("+u") && !format.equals("+r");
    }

    private boolean isNull(Chunk chunk, long i) {
        if (format.equals("O") || !mayHaveNulls(chunk)) {
            return false;
        } else if (format.equals("n")) {
            return true;
        }
        long at = chunk.offset + i;
        return marks == NAT ? chunk.buffers[1].longAt(at) == Long.MIN_VALUE
                : marks == BYTES ? chunk.buffers[0].byteAt(at) != 0 : !chunk.buffers[0].bitAt(at);
    }

    private static int size(char letter) {
        return "cC".indexOf(letter) >= 0 ? 1 : "sSe".indexOf(letter) >= 0 ? 2 : "iIf".indexOf(letter) >= 0 ? 4 : 8;
    }

    private long whole(Chunk chunk, long at) {
        Memory values = chunk.buffers[1];
        switch (format.charAt(0)) {
            case 'c':
                return values.byteAt(at);
            case 'C':
                return values.byteAt(at) & 0xFF;
            case 's':
                return values.shortAt(at);
            case 'S':
                return values.shortAt(at) & 0xFFFF;
            case 'i':
                return values.intAt(at);
            case 'I':
                return values.intAt(at) & 0xFFFFFFFFL;
            default:
                return values.longAt(at);
        }
    }

    /** The index of a value in the dictionary. */
    private int key(Chunk chunk, long at) {
        long key = whole(chunk, at);
        checkRange(key, key + 1, chunk.dictionary.length);
        return (int) key;
    }

    /** What a row names has to be there: else its producer has broken Arrow's format, and other memory would be read. */
    private void checkRange(long begin, long end, long length) {
        if (begin < 0 || end < begin || end > length) {
            throw new PythonException("The column '" + name + "' is malformed: a row has the elements from " + begin + " to " + end + " of " + length + ".");
        }
    }

    private boolean bool(Chunk chunk, long at) {
        return format.equals("?") ? chunk.buffers[1].byteAt(at) != 0 : chunk.buffers[1].bitAt(at);
    }

    private static long offset(Chunk chunk, long at, boolean large) {
        return large ? chunk.buffers[1].longAt(at) : chunk.buffers[1].intAt(at);
    }

    /** A value of Java's class that is nearest to the column's type; times as they are wanted. */
    private Object value(Chunk chunk, long i, Target target) {
        if (format.equals("O")) {
            return chunk.objects.get((int) i);
        } else if (isNull(chunk, i)) {
            return null;
        }
        long at = chunk.offset + i;
        if (dictionary != null) {
            return dictionary.value(chunk.dictionary, key(chunk, at), target);
        }
        switch (format.charAt(0)) {
            case 'b':
            case '?':
                return bool(chunk, at);
            case 'c':
            case 'C':
            case 's':
            case 'S':
            case 'i':
            case 'I':
            case 'l':
                return whole(chunk, at);
            case 'L':
                long bits = whole(chunk, at);
                return bits >= 0 ? (Object) bits : new BigInteger(Long.toUnsignedString(bits));
            case 'e':
                return half(chunk.buffers[1].shortAt(at));
            case 'f':
                return (double) Float.intBitsToFloat(chunk.buffers[1].intAt(at));
            case 'g':
                return Double.longBitsToDouble(chunk.buffers[1].longAt(at));
            case 'u':
            case 'U':
                return new String(bytes(chunk, at), StandardCharsets.UTF_8);
            case 'z':
            case 'Z':
                return bytes(chunk, at);
            case 'v':
                return format.equals("vu") ? new String(viewed(chunk, at), StandardCharsets.UTF_8) : viewed(chunk, at);
            case 'w':
                int width = Integer.parseInt(format.substring(2));
                return chunk.buffers[1].bytes(at * width, width);
            case 'd':
                return decimal(chunk, at);
            case 't':
                return time(chunk, at, target);
            case '+':
                return nested(chunk, at);
            default:
                throw unknown(target);
        }
    }

    private Mismatch unknown(Target target) {
        return new Mismatch(null, target, "Columns of Arrow's type '" + format.replaceFirst("^!", "") + "' are not read: cast it in Python.");
    }

    private byte[] bytes(Chunk chunk, long at) {
        boolean large = format.equals("U") || format.equals("Z");
        long begin = offset(chunk, at, large);
        long end = offset(chunk, at + 1, large);
        checkRange(begin, end, offset(chunk, chunk.offset + chunk.length, large));
        return chunk.buffers[2].bytes(begin, Math.toIntExact(end - begin));
    }

    /** Of a view: up to 12 bytes stand in it, more of them in one of the buffers, whose lengths the last buffer has. */
    private byte[] viewed(Chunk chunk, long at) {
        Memory views = chunk.buffers[1];
        int length = views.intAt(4 * at);
        if (length >= 0 && length <= 12) {
            return views.bytes(16 * at + 4, length);
        }
        int buffer = views.intAt(4 * at + 2);
        long begin = views.intAt(4 * at + 3);
        checkRange(buffer, buffer + 1L, chunk.buffers.length - 3);
        checkRange(begin, begin + length, chunk.buffers[chunk.buffers.length - 1].longAt(buffer));
        return chunk.buffers[2 + buffer].bytes(begin, length);
    }

    private static double half(short bits) {
        int exponent = bits >> 10 & 0x1F;
        int fraction = bits & 0x3FF;
        double value = exponent == 0x1F ? fraction == 0 ? Double.POSITIVE_INFINITY : Double.NaN
                : exponent == 0 ? fraction * 0x1p-24 : (0x400 + fraction) * Math.scalb(1.0, exponent - 25);
        return bits < 0 ? -value : value;
    }

    private BigDecimal decimal(Chunk chunk, long at) {
        String[] numbers = format.substring(2).split(",");
        int bytes = numbers.length > 2 ? Integer.parseInt(numbers[2]) / Byte.SIZE : 16;
        byte[] value = chunk.buffers[1].bytes(at * bytes, bytes);
        for (int i = 0; i < bytes / 2; i++) { // Java has the largest byte first
            byte low = value[i];
            value[i] = value[bytes - 1 - i];
            value[bytes - 1 - i] = low;
        }
        return new BigDecimal(new BigInteger(value), Integer.parseInt(numbers[1]));
    }

    private static final long[] PARTS = {1, 1000, 1000_000, 1000_000_000};

    private Object time(Chunk chunk, long at, Target target) {
        if (format.equals("tdD")) {
            return LocalDate.ofEpochDay(chunk.buffers[1].intAt(at));
        }
        char kind = format.charAt(1);
        char unit = format.charAt(2);
        if (kind == 'i') {
            throw unknown(target);
        }
        boolean half = kind == 't' && (unit == 's' || unit == 'm'); // a time of day in 32 bits
        long count = half ? chunk.buffers[1].intAt(at) : chunk.buffers[1].longAt(at);
        long parts = kind == 'd' ? 1000 : PARTS["smun".indexOf(unit)];
        long seconds = Math.floorDiv(count, parts);
        int nanos = (int) (Math.floorMod(count, parts) * (1000_000_000 / parts));
        if (kind == 't') {
            return LocalTime.ofNanoOfDay(seconds * 1000_000_000 + nanos);
        } else if (kind == 'D') {
            return Duration.ofSeconds(seconds, nanos);
        } else if (kind == 's' && format.length() > 4) {
            return moment(Instant.ofEpochSecond(seconds, nanos), target);
        }
        LocalDateTime time = LocalDateTime.ofEpochSecond(seconds, nanos, ZoneOffset.UTC);
        if (target.raw == LocalDate.class && time.toLocalTime().equals(LocalTime.MIDNIGHT)) {
            return time.toLocalDate();
        } else if (target.raw == LocalDate.class || target.raw == Instant.class) {
            throw new Mismatch(time, target, target.raw == LocalDate.class ? "It is a time: ask for LocalDateTime."
                    : "It has no time zone: ask for LocalDateTime, or give the column a zone in Python.");
        }
        return time;
    }

    private Object moment(Instant instant, Target target) {
        if (target.raw == OffsetDateTime.class) {
            return instant.atZone(ZoneId.of(format.substring(4))).toOffsetDateTime();
        } else if (target.raw == ZonedDateTime.class) {
            return instant.atZone(ZoneId.of(format.substring(4)));
        } else if (target.raw == Date.class) {
            return Date.from(instant);
        }
        return instant;
    }

    private Object nested(Chunk chunk, long at) {
        if (format.equals("+s")) {
            Map<String, Object> fields = new LinkedHashMap<>();
            for (int i = 0; i < parts.size(); i++) {
                fields.put(parts.get(i).name, parts.get(i).value(chunk.parts.get(i), at, ANY));
            }
            return fields;
        }
        long begin;
        long end;
        if (format.equals("+l") || format.equals("+L") || format.equals("+m")) {
            begin = offset(chunk, at, format.equals("+L"));
            end = offset(chunk, at + 1, format.equals("+L"));
        } else if (format.startsWith("+w:")) {
            long width = Long.parseLong(format.substring(3));
            begin = at * width;
            end = begin + width;
        } else if (format.equals("+vl") || format.equals("+vL")) {
            boolean large = format.equals("+vL");
            begin = offset(chunk, at, large);
            end = begin + (large ? chunk.buffers[2].longAt(at) : chunk.buffers[2].intAt(at));
        } else {
            throw unknown(ANY);
        }
        TableColumn part = parts.get(0);
        Chunk values = chunk.parts.get(0);
        checkRange(begin, end, values.length);
        if (format.equals("+m")) {
            Map<Object, Object> map = new LinkedHashMap<>();
            for (long i = begin; i < end; i++) {
                long entry = values.offset + i;
                map.put(part.parts.get(0).value(values.parts.get(0), entry, ANY), part.parts.get(1).value(values.parts.get(1), entry, ANY));
            }
            return map;
        }
        List<Object> list = new ArrayList<>();
        for (long i = begin; i < end; i++) {
            list.add(part.value(values, i, ANY));
        }
        return list;
    }

    private static final Target ANY = Target.of(Object.class);
}
