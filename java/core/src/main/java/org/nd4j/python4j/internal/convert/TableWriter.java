// SPDX-License-Identifier: Apache-2.0
// Java records as columns for Python. Each column is written in one pass into Python's memory, in Arrow's
// layout. The class Column in table.py is the form in which Python sees a column.
package org.nd4j.python4j.internal.convert;

import java.lang.invoke.MethodHandle;
import java.lang.reflect.Array;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.OptionalLong;
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.PythonObject;
import org.nd4j.python4j.internal.Access;
import org.nd4j.python4j.internal.jni.Native;

/** Writes columns. All methods need a turn. */
public final class TableWriter {

    /** So many records are read before their components are written. */
    private static final int BLOCK = 1 << 10;
    private static final long MICROS = 1000_000;
    private static final long NANOS = 1000_000_000;

    /** Of the memory of a column, which Python has once the column is there. */
    private final List<PythonObject> memory = new ArrayList<>();

    private TableWriter() {}

    /** A dict of the columns of records, in the order of the components. */
    public static PythonObject columns(Collection<?> rows, Class<?> type) {
        Target target = Target.of(type);
        if (target.kind != Target.Kind.RECORD) {
            throw new PythonException(type.getName() + " is not a record: columns are made of a record's components.");
        }
        Object[] records = rows.toArray();
        for (int row = 0; row < records.length; row++) {
            if (!type.isInstance(records[row])) {
                throw new PythonException("row " + row + ": " + (records[row] == null ? "null" : "a " + records[row].getClass().getName())
                        + " is not a " + type.getSimpleName() + ".");
            }
        }
        TableWriter writer = new TableWriter();
        try {
            return Access.get().call(Access.get().tool("table", "columns"), writer.parts(records, target, true, 0, null));
        } catch (Mismatch e) {
            throw e.exception("value");
        } finally {
            writer.memory.forEach(PythonObject::del);
        }
    }

    /**
     * @param isTable whether these are a table's rows, and not values of one of its columns
     * @param bits which of the records are not null; null if none is
     */
    private List<Object> parts(Object[] records, Target target, boolean isTable, int nulls, PythonObject bits) {
        Object[] columns = spread(records, target.record);
        List<Object> parts = new ArrayList<>();
        for (int i = 0; i < columns.length; i++) {
            String name = target.record.names.get(i);
            Target part = target.part(i);
            try {
                parts.add(columns[i] instanceof Object[] ? column(name, (Object[]) columns[i], part)
                        : words(LETTERS.get(CLASSES.indexOf(part.box)), name, records.length, nulls, Arrays.asList(bits, ((Buffer) columns[i]).python),
                                Collections.emptyList()));
            } catch (Mismatch e) {
                throw isTable ? e.within(target.raw) : e.at("." + name);
            }
        }
        return parts;
    }

    /** The words of a column for table.py. */
    private static List<Object> words(String format, String name, int length, int nulls, List<?> buffers, List<?> parts) {
        return Arrays.asList(format, name, length, nulls, buffers, parts);
    }

    /** The components of records, each in a Buffer or an array of objects. Those of a null record are null or anything. */
    private Object[] spread(Object[] records, Records type) {
        int length = Math.min(records.length, BLOCK);
        Object[] columns = new Object[type.names.size()];
        Object[] block = new Object[columns.length]; // which stays near the processor
        for (int i = 0; i < columns.length; i++) {
            block[i] = type.column(i, length);
            Class<?> raw = block[i].getClass().getComponentType();
            columns[i] = raw.isPrimitive() ? buffer(raw, records.length) : new Object[records.length];
        }
        MethodHandle spreader = type.spreader();
        for (int from = 0; from < records.length; from += length) {
            int count = Math.min(length, records.length - from);
            try {
                for (int i = 0; i < count; i++) {
                    if (records[from + i] != null) {
                        spreader.invokeExact(records[from + i], i, block);
                    }
                }
            } catch (Throwable e) { // an accessor that somebody wrote
                throw unread(e);
            }
            for (int i = 0; i < columns.length; i++) {
                if (columns[i] instanceof Buffer) {
                    ((Buffer) columns[i]).put(block[i], from, count);
                } else {
                    System.arraycopy(block[i], 0, columns[i], from, count);
                    Arrays.fill((Object[]) block[i], null);
                }
            }
        }
        return columns;
    }

    private static RuntimeException unread(Throwable e) {
        return e instanceof RuntimeException ? (RuntimeException) e : new PythonException("A record could not be read: " + e, e);
    }

    // ---- memory ----

    /** Zeroed memory of Python, with the methods by which Java writes to it. */
    private final class Buffer {
        final PythonObject python;
        final ByteBuffer bytes;

        Buffer(char element, long count, int size) {
            if (count * size > Integer.MAX_VALUE) {
                throw new PythonException("A column has " + count + " values of " + size + " bytes, more than 2 GB: hand over fewer rows at once.");
            }
            long[] made = Native.bufferAllocate(element, new long[] {count});
            python = Access.get().object(made[0], Native.root);
            memory.add(python);
            bytes = (count == 0 ? ByteBuffer.allocate(0) : Native.bufferWrap(made[1], count * size)).order(ByteOrder.nativeOrder());
        }

        /** Writes the first values of an array of primitives, from an index on. */
        void put(Object array, int index, int count) {
            if (array instanceof long[]) {
                bytes.asLongBuffer().position(index).put((long[]) array, 0, count);
            } else if (array instanceof int[]) {
                bytes.asIntBuffer().position(index).put((int[]) array, 0, count);
            } else if (array instanceof double[]) {
                bytes.asDoubleBuffer().position(index).put((double[]) array, 0, count);
            } else if (array instanceof float[]) {
                bytes.asFloatBuffer().position(index).put((float[]) array, 0, count);
            } else if (array instanceof short[]) {
                bytes.asShortBuffer().position(index).put((short[]) array, 0, count);
            } else if (array instanceof byte[]) {
                bytes.position(index).put((byte[]) array, 0, count);
            } else {
                for (int i = 0; i < count; i++) {
                    if (((boolean[]) array)[i]) {
                        setBit(bytes, index + i);
                    }
                }
            }
        }
    }

    private Buffer buffer(Class<?> raw, int count) {
        int number = CLASSES.indexOf(Target.box(raw));
        return raw == boolean.class ? new Buffer('B', (count + 7) / 8, 1) : new Buffer(ELEMENTS.charAt(number), count, SIZES[number]);
    }

    private static void setBit(ByteBuffer bits, int i) {
        bits.put(i >> 3, (byte) (bits.get(i >> 3) | 1 << (i & 7)));
    }

    /** Numbers, with how Arrow and Python's {@code struct} write them. */
    private static final List<Class<?>> CLASSES = Arrays.asList(Long.class, Integer.class, Short.class, Byte.class, Double.class, Float.class, Boolean.class);
    private static final List<String> LETTERS = Arrays.asList("l", "i", "s", "c", "g", "f", "b");
    private static final String ELEMENTS = "qihbdf";
    private static final int[] SIZES = {8, 4, 2, 1, 8, 4};

    // ---- columns of objects ----

    private List<Object> column(String name, Object[] values, Target declared) {
        Target target = declared;
        if (target.kind == Target.Kind.OPTIONAL) {
            target = target.part(0);
            for (int i = 0; i < values.length; i++) {
                values[i] = present(values[i]);
            }
        }
        int nulls = 0;
        Buffer valid = null;
        for (Object value : values) {
            nulls += value == null ? 1 : 0;
        }
        if (nulls > 0) {
            valid = new Buffer('B', (values.length + 7) / 8, 1);
            for (int i = 0; i < values.length; i++) {
                if (values[i] != null) {
                    setBit(valid.bytes, i);
                }
            }
        }
        PythonObject bits = valid == null ? null : valid.python;
        if (target.kind == Target.Kind.RECORD) {
            return words("+s", name, values.length, nulls, Collections.singletonList(bits),
                    parts(values, target, false, nulls, bits));
        } else if (target.kind == Target.Kind.COLLECTION || target.kind == Target.Kind.ARRAY && target.raw != byte[].class) {
            return lists(name, values, nulls, bits, target.part(0));
        }
        Written written;
        int[] row = {0};
        try {
            written = written(values, target, row);
        } catch (Mismatch e) {
            throw e.at(", row " + row[0] + ", column '" + name + "'");
        }
        List<Object> buffers = new ArrayList<>();
        buffers.add(bits);
        written.buffers.forEach(buffer -> buffers.add(buffer.python));
        return words(written.format, name, values.length, nulls, buffers, Collections.emptyList());
    }

    private static Object present(Object optional) {
        return optional instanceof Optional ? ((Optional<?>) optional).orElse(null)
                : optional instanceof OptionalInt ? ((OptionalInt) optional).isPresent() ? (Object) ((OptionalInt) optional).getAsInt() : null
                : optional instanceof OptionalLong ? ((OptionalLong) optional).isPresent() ? (Object) ((OptionalLong) optional).getAsLong() : null
                : optional instanceof OptionalDouble && ((OptionalDouble) optional).isPresent() ? (Object) ((OptionalDouble) optional).getAsDouble() : null;
    }

    private List<Object> lists(String name, Object[] values, int nulls, PythonObject bits, Target part) {
        Buffer offsets = new Buffer('i', values.length + 1L, Integer.BYTES);
        List<Object> all = new ArrayList<>();
        offsets.bytes.putInt(0);
        for (Object value : values) {
            if (value instanceof Iterable) {
                ((Iterable<?>) value).forEach(all::add);
            } else if (value != null) {
                for (int i = 0; i < Array.getLength(value); i++) {
                    all.add(Array.get(value, i));
                }
            }
            offsets.bytes.putInt(all.size());
        }
        try {
            List<Object> items = column("item", all.toArray(), part);
            return words("+l", name, values.length, nulls, Arrays.asList(bits, offsets.python), Collections.singletonList(items));
        } catch (Mismatch e) {
            throw e.at(", an element of column '" + name + "'");
        }
    }

    /** An Arrow format and the buffers after the validity buffer. */
    private static final class Written {
        final String format;
        final List<Buffer> buffers;

        Written(String format, Buffer... buffers) {
            this.format = format;
            this.buffers = Arrays.asList(buffers);
        }
    }

    /** @param row where it is told at which value the writer is */
    private Written written(Object[] values, Target target, int[] row) {
        int number = CLASSES.indexOf(target.box);
        if (target.box == Boolean.class) {
            Buffer buffer = new Buffer('B', (values.length + 7) / 8, 1);
            for (int i = 0; i < values.length; i++) {
                if (values[i] != null && (Boolean) values[i]) {
                    setBit(buffer.bytes, i);
                }
            }
            return new Written("b", buffer);
        } else if (number >= 0) {
            return new Written(LETTERS.get(number), numbers(values, number));
        } else if (target.raw == String.class || target.box == Character.class || target.kind == Target.Kind.ENUM) {
            return texts(values, target, row);
        } else if (target.raw == byte[].class) {
            return bytes(values);
        } else if (target.raw == LocalDate.class) {
            Buffer buffer = new Buffer('i', values.length, Integer.BYTES);
            for (int i = 0; i < values.length; i++) {
                long day = values[i] == null ? 0 : ((LocalDate) values[i]).toEpochDay();
                if (day != (int) day) {
                    row[0] = i;
                    throw new Mismatch(values[i], target, "Its year is beyond those of a column of dates.");
                }
                buffer.bytes.putInt((int) day);
            }
            return new Written("tdD", buffer);
        } else if (target.raw == LocalTime.class || target.raw == LocalDateTime.class || target.raw == Instant.class || target.raw == Duration.class) {
            return times(values, target, row);
        } else if (target.raw == BigDecimal.class) {
            return decimals(values, target, row);
        }
        throw new PythonException("There is no column of " + target.type.getTypeName()
                + ": a record of columns has numbers, boolean, char, String, enums, byte[], LocalDate, LocalTime, LocalDateTime, Instant, Duration,"
                + " BigDecimal, records, and arrays, collections and Optionals of these.");
    }

    private Buffer numbers(Object[] values, int number) {
        Buffer buffer = new Buffer(ELEMENTS.charAt(number), values.length, SIZES[number]);
        for (Object value : values) {
            Number each = value == null ? 0 : (Number) value;
            switch (ELEMENTS.charAt(number)) {
                case 'q':
                    buffer.bytes.putLong(each.longValue());
                    break;
                case 'i':
                    buffer.bytes.putInt(each.intValue());
                    break;
                case 'h':
                    buffer.bytes.putShort(each.shortValue());
                    break;
                case 'b':
                    buffer.bytes.put(each.byteValue());
                    break;
                case 'd':
                    buffer.bytes.putDouble(each.doubleValue());
                    break;
                default:
                    buffer.bytes.putFloat(each.floatValue());
            }
        }
        return buffer;
    }

    private Written texts(Object[] values, Target target, int[] row) {
        Buffer offsets = new Buffer('i', values.length + 1L, Integer.BYTES);
        Growing all = new Growing();
        offsets.bytes.putInt(0);
        for (int i = 0; i < values.length; i++) {
            if (values[i] != null && !all.ascii(text(values[i]))) {
                row[0] = i;
                try {
                    ByteBuffer encoded = StandardCharsets.UTF_8.newEncoder().encode(java.nio.CharBuffer.wrap(text(values[i])));
                    all.add(encoded.array(), encoded.limit());
                } catch (CharacterCodingException e) {
                    throw new Mismatch(values[i], target, "It has half of a surrogate pair, which no column of text holds.");
                }
            }
            offsets.bytes.putInt(all.length);
        }
        return new Written("u", offsets, all.buffer());
    }

    private static String text(Object value) {
        return value instanceof String ? (String) value : value instanceof Enum ? ((Enum<?>) value).name() : value.toString();
    }

    private Written bytes(Object[] values) {
        Buffer offsets = new Buffer('i', values.length + 1L, Integer.BYTES);
        Growing all = new Growing();
        offsets.bytes.putInt(0);
        for (Object value : values) {
            if (value != null) {
                all.add((byte[]) value, ((byte[]) value).length);
            }
            offsets.bytes.putInt(all.length);
        }
        return new Written("z", offsets, all.buffer());
    }

    /** A buffer of bytes whose size is not known in advance. */
    private final class Growing {
        private byte[] bytes = new byte[1 << 12];
        private int length;

        private void reserve(int more) {
            if (more > bytes.length - length) {
                long size = Math.max(2L * bytes.length, (long) length + more);
                if ((long) length + more > Integer.MAX_VALUE - 8) {
                    throw new PythonException("A column has more than 2 GB of text or bytes: hand over fewer rows at once.");
                }
                bytes = Arrays.copyOf(bytes, (int) Math.min(size, Integer.MAX_VALUE - 8));
            }
        }

        void add(byte[] more, int count) {
            reserve(count);
            System.arraycopy(more, 0, bytes, length, count);
            length += count;
        }

        /** Adds a text if all its characters are ASCII. */
        boolean ascii(String text) {
            int count = text.length();
            reserve(count);
            for (int i = 0; i < count; i++) {
                char each = text.charAt(i);
                if (each >= 0x80) {
                    return false;
                }
                bytes[length + i] = (byte) each;
            }
            length += count;
            return true;
        }

        Buffer buffer() {
            Buffer buffer = new Buffer('B', length, 1);
            buffer.bytes.put(bytes, 0, length);
            return buffer;
        }
    }

    /** In microseconds as Python's own times are, or in nanoseconds where one of them is finer. */
    private Written times(Object[] values, Target target, int[] row) {
        boolean fine = false;
        for (Object value : values) {
            fine |= value != null && nanos(value) % 1000 != 0;
        }
        Buffer buffer = new Buffer('q', values.length, Long.BYTES);
        for (int i = 0; i < values.length; i++) {
            try {
                buffer.bytes.putLong(values[i] == null ? 0 : count(seconds(values[i]), nanos(values[i]), fine));
            } catch (ArithmeticException e) {
                row[0] = i;
                throw new Mismatch(values[i], target, "It is beyond what 64 bits of " + (fine ? "nanoseconds, which one of the values has," : "microseconds") + " hold.");
            }
        }
        String unit = fine ? "n" : "u";
        return new Written(target.raw == LocalTime.class ? "tt" + unit : target.raw == Duration.class ? "tD" + unit
                : "ts" + unit + (target.raw == Instant.class ? ":UTC" : ":"), buffer);
    }

    private static long count(long seconds, int nanos, boolean fine) {
        long part = fine ? nanos : nanos / 1000;
        long whole = fine ? NANOS : MICROS;
        // The least number of all is one where the product alone has too many bits.
        return seconds < 0 && part > 0 ? Math.addExact(Math.multiplyExact(seconds + 1, whole), part - whole)
                : Math.addExact(Math.multiplyExact(seconds, whole), part);
    }

    private static long seconds(Object time) {
        return time instanceof Instant ? ((Instant) time).getEpochSecond()
                : time instanceof LocalDateTime ? ((LocalDateTime) time).toEpochSecond(ZoneOffset.UTC)
                : time instanceof LocalTime ? ((LocalTime) time).toSecondOfDay() : ((Duration) time).getSeconds();
    }

    private static int nanos(Object time) {
        return time instanceof Instant ? ((Instant) time).getNano()
                : time instanceof LocalDateTime ? ((LocalDateTime) time).getNano()
                : time instanceof LocalTime ? ((LocalTime) time).getNano() : ((Duration) time).getNano();
    }

    /** With as many digits after the point as one of them has. */
    private Written decimals(Object[] values, Target target, int[] row) {
        int scale = 0;
        for (Object value : values) {
            scale = value == null ? scale : Math.max(scale, ((BigDecimal) value).scale());
        }
        boolean large = false;
        BigInteger[] numbers = new BigInteger[values.length];
        for (int i = 0; i < values.length; i++) {
            BigDecimal value = values[i] == null ? BigDecimal.ZERO : (BigDecimal) values[i];
            long digits = (long) value.precision() - value.scale() + scale;
            if (digits > 76 || scale > 76) {
                row[0] = i;
                throw new Mismatch(value, target, "The column needs " + Math.max(digits, scale) + " digits, " + scale
                        + " of them after the point, and holds 76.");
            }
            numbers[i] = value.setScale(scale).unscaledValue();
            large |= digits > 38;
        }
        large |= scale > 38;
        int size = large ? 32 : 16;
        Buffer buffer = new Buffer('B', (long) size * values.length, 1);
        for (BigInteger number : numbers) {
            byte[] bytes = number.toByteArray();
            for (int i = 0; i < size; i++) { // the smallest first
                buffer.bytes.put(i < bytes.length ? bytes[bytes.length - 1 - i] : (byte) (number.signum() < 0 ? -1 : 0));
            }
        }
        return new Written("d:" + (large ? 76 : 38) + "," + scale + (large ? ",256" : ""), buffer);
    }
}
