// SPDX-License-Identifier: Apache-2.0
// Converts vectors to numpy arrays and back, over the same memory. numpy has neither nulls nor bit-packed
// booleans, so vectors with these are copied, and only where the program asks for it or the documentation says
// it.
package org.nd4j.python4j.arrow;

import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.ForeignAllocation;
import org.apache.arrow.vector.BitVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.ipc.message.ArrowFieldNode;
import org.apache.arrow.vector.types.TimeUnit;
import org.apache.arrow.vector.types.Types.MinorType;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.FieldType;
import org.nd4j.python4j.Python;
import org.nd4j.python4j.PythonBuffer;
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.PythonGC;
import org.nd4j.python4j.PythonObject;
import org.nd4j.python4j.internal.arrow.Tables;

/** Arrays of one dimension. */
final class Ndarrays {

    /** The letters of PythonBuffer.Type. */
    private static final Map<MinorType, Character> NUMBERS = new EnumMap<>(MinorType.class);
    private static final Map<PythonBuffer.Type, MinorType> TYPES = new EnumMap<>(PythonBuffer.Type.class);

    static {
        number(MinorType.TINYINT, 'b', PythonBuffer.Type.INT8);
        number(MinorType.UINT1, 'B', PythonBuffer.Type.UINT8);
        number(MinorType.SMALLINT, 'h', PythonBuffer.Type.INT16);
        number(MinorType.UINT2, 'H', PythonBuffer.Type.UINT16);
        number(MinorType.INT, 'i', PythonBuffer.Type.INT32);
        number(MinorType.UINT4, 'I', PythonBuffer.Type.UINT32);
        number(MinorType.BIGINT, 'q', PythonBuffer.Type.INT64);
        number(MinorType.UINT8, 'Q', PythonBuffer.Type.UINT64);
        Arrays.stream(MinorType.values()).filter(type -> type.name().equals("FLOAT2")) // the Arrow of Spark 3.5 has none
                .forEach(type -> number(type, 'e', PythonBuffer.Type.FLOAT16));
        number(MinorType.FLOAT4, 'f', PythonBuffer.Type.FLOAT32);
        number(MinorType.FLOAT8, 'd', PythonBuffer.Type.FLOAT64);
    }

    private Ndarrays() {}

    private static void number(MinorType type, char letter, PythonBuffer.Type element) {
        NUMBERS.put(type, letter);
        TYPES.put(element, type);
    }

    static PythonObject toNumpy(FieldVector vector, PythonArrow.Nulls nulls) {
        int missing = vector.getNullCount();
        if (missing > 0 && nulls == PythonArrow.Nulls.REFUSED) {
            throw new PythonException("The vector " + vector.getName() + " has " + missing + " nulls, which a numpy array cannot"
                    + " say: ask for PythonArrow.Nulls.MASKED or NAN.");
        }
        PythonObject result;
        try (PythonGC gc = PythonGC.watch()) {
            result = values(vector);
            if (missing > 0) {
                PythonObject numpy = Python.importModule("numpy");
                PythonObject present = bits(vector, vector.getValidityBuffer());
                result = nulls == PythonArrow.Nulls.MASKED
                        ? numpy.attr("ma").attr("MaskedArray").call(result, numpy.attr("logical_not").call(present))
                        : numpy.attr("where").call(present, floats(numpy, result), Double.NaN);
            }
            PythonGC.keep(result);
        }
        return result;
    }

    /** Integers as float64; times keep their type, which has its own NaN. */
    private static PythonObject floats(PythonObject numpy, PythonObject values) {
        String kind = values.attr("dtype").attr("kind").toString();
        if (kind.equals("f")) {
            return values;
        }
        if (kind.equals("M") || kind.equals("m")) {
            throw new PythonException("Times have no NaN: ask for PythonArrow.Nulls.MASKED.");
        }
        return values.attr("astype").call("float64");
    }

    private static PythonObject values(FieldVector vector) {
        MinorType type = vector.getMinorType();
        ArrowType arrow = vector.getField().getType();
        if (type == MinorType.BIT) {
            return bits(vector, vector.getDataBuffer());
        }
        if (NUMBERS.containsKey(type)) {
            return array(vector, vector.getDataBuffer(), NUMBERS.get(type), vector.getValueCount());
        }
        String time = arrow instanceof ArrowType.Timestamp ? "datetime64[" + unit(((ArrowType.Timestamp) arrow).getUnit())
                : arrow instanceof ArrowType.Duration ? "timedelta64[" + unit(((ArrowType.Duration) arrow).getUnit())
                : type == MinorType.DATEMILLI ? "datetime64[ms" : null;
        if (time != null) {
            return array(vector, vector.getDataBuffer(), 'q', vector.getValueCount()).attr("view").call(time + "]");
        }
        if (type == MinorType.DATEDAY) {
            return array(vector, vector.getDataBuffer(), 'i', vector.getValueCount()).attr("astype").call("datetime64[D]");
        }
        throw new PythonException("No numpy array has elements like the vector " + vector.getName() + " of type " + arrow
                + ": hand it over by PythonArrow.toPython.");
    }

    private static PythonObject array(FieldVector vector, ArrowBuf buffer, char letter, long count) {
        if (count == 0) { // which has no memory, perhaps
            return Python.importModule("numpy").attr("empty").call(0, String.valueOf(letter));
        }
        buffer.getReferenceManager().retain();
        return Tables.array(buffer.memoryAddress(), letter, count, buffer::close);
    }

    /** Bits as an array of bool, a copy. */
    private static PythonObject bits(FieldVector vector, ArrowBuf buffer) {
        int count = vector.getValueCount();
        PythonObject bytes = array(vector, buffer, 'B', (count + 7) / 8);
        PythonObject unpacked = Python.importModule("numpy").attr("unpackbits")
                .callWithArgsAndKwargs(Arrays.asList(bytes), Map.of("count", count, "bitorder", "little"));
        return unpacked.attr("view").call("bool");
    }

    private static String unit(TimeUnit unit) {
        switch (unit) {
            case SECOND: return "s";
            case MILLISECOND: return "ms";
            case MICROSECOND: return "us";
            default: return "ns";
        }
    }

    static FieldVector fromNumpy(String name, PythonObject object, BufferAllocator allocator) {
        try (PythonGC gc = PythonGC.watch()) {
            PythonObject numpy = Python.importModule("numpy");
            if (!Python.isinstance(object, numpy.attr("ndarray"))) {
                throw new PythonException("A " + Python.type(object).attr("__name__") + " is no numpy array.");
            }
            if (object.attr("ndim").toInt() != 1) {
                throw new PythonException("A vector has one dimension, the array has " + object.attr("ndim") + ".");
            }
            PythonObject mask = Python.isinstance(object, numpy.attr("ma").attr("MaskedArray"))
                    ? numpy.attr("ma").attr("getmaskarray").call(object) : null;
            PythonObject array = numpy.attr("ascontiguousarray").call(mask == null ? object : object.attr("data"));
            array = array.attr("astype").callWithArgsAndKwargs(
                    Arrays.asList(array.attr("dtype").attr("newbyteorder").call("=")), Map.of("copy", false));
            ArrowType type = null;
            String kind = array.attr("dtype").attr("kind").toString();
            if (kind.equals("b")) {
                return bits(name, numpy, array, mask, allocator);
            } else if (kind.equals("M") || kind.equals("m")) {
                type = time(array.attr("dtype").attr("name").toString());
                if (numpy.attr("isnat").call(array).attr("any").call().toBoolean()) {
                    PythonObject missing = numpy.attr("isnat").call(array); // NaT is what numpy has for a null
                    mask = mask == null ? missing : numpy.attr("logical_or").call(mask, missing);
                }
                array = array.attr("view").call("int64");
            }
            PythonBuffer buffer = PythonBuffer.ofNumpy(array);
            try {
                if (type == null) {
                    MinorType known = TYPES.get(buffer.type());
                    if (known == null) {
                        throw new PythonException("Arrow Java has no vector of elements like numpy's " + object.attr("dtype") + ".");
                    }
                    type = known.getType();
                }
                return vector(new Field(name, FieldType.nullable(type), null), buffer, mask(numpy, mask), allocator);
            } catch (Throwable e) {
                buffer.close();
                throw e;
            }
        }
    }

    private static ArrowType time(String dtype) {
        String unit = dtype.replaceAll(".*\\[|\\]", "");
        TimeUnit known = unit.equals("s") ? TimeUnit.SECOND : unit.equals("ms") ? TimeUnit.MILLISECOND
                : unit.equals("us") ? TimeUnit.MICROSECOND : unit.equals("ns") ? TimeUnit.NANOSECOND : null;
        if (known == null) {
            throw new PythonException("Arrow Java has no vector of elements like numpy's " + dtype
                    + ": convert it with array.astype('datetime64[us]'), say.");
        }
        return dtype.startsWith("datetime") ? new ArrowType.Timestamp(known, null) : new ArrowType.Duration(known);
    }

    /** The bits of values that are there, of a mask of those that are not; null if all are there. */
    private static byte[] mask(PythonObject numpy, PythonObject mask) {
        return mask == null ? null : packed(numpy, numpy.attr("logical_not").call(mask));
    }

    private static byte[] packed(PythonObject numpy, PythonObject bools) {
        PythonObject packed = numpy.attr("packbits").callWithArgsAndKwargs(Arrays.asList(bools), Map.of("bitorder", "little"));
        try (PythonBuffer buffer = PythonBuffer.view(packed)) {
            return buffer.toByteArray();
        }
    }

    private static FieldVector bits(String name, PythonObject numpy, PythonObject array, PythonObject mask, BufferAllocator allocator) {
        BitVector vector = new BitVector(name, allocator);
        try (ArrowBuf data = copy(packed(numpy, array), allocator); ArrowBuf validity = copy(mask(numpy, mask), allocator)) {
            vector.loadFieldBuffers(new ArrowFieldNode(array.attr("size").toLong(), mask == null ? 0 : -1), Arrays.asList(validity, data));
            return vector;
        } catch (Throwable e) {
            vector.close();
            throw e;
        }
    }

    private static ArrowBuf copy(byte[] bytes, BufferAllocator allocator) {
        if (bytes == null) {
            return null;
        }
        ArrowBuf buffer = allocator.buffer(Math.max(1, bytes.length));
        buffer.writeBytes(bytes);
        return buffer;
    }

    private static FieldVector vector(Field field, PythonBuffer buffer, byte[] mask, BufferAllocator allocator) {
        FieldVector vector = field.createVector(allocator);
        try (ArrowBuf validity = copy(mask, allocator); ArrowBuf data = shared(buffer, allocator)) {
            List<ArrowBuf> buffers = Arrays.asList(validity, data);
            vector.loadFieldBuffers(new ArrowFieldNode(buffer.count(), mask == null ? 0 : -1), buffers);
            return vector;
        } catch (Throwable e) {
            vector.close();
            throw e;
        }
    }

    /** The memory of Python's, which it keeps until Java has closed the vector. */
    static ArrowBuf shared(PythonBuffer buffer, BufferAllocator allocator) {
        long length = buffer.count() * buffer.itemSize();
        if (length == 0) {
            buffer.close();
            return allocator.buffer(1);
        }
        return allocator.wrapForeignAllocation(new Held(buffer, length));
    }

    private static final class Held extends ForeignAllocation {
        private final PythonBuffer buffer;

        Held(PythonBuffer buffer, long length) {
            super(length, buffer.address());
            this.buffer = buffer;
        }

        @Override
        protected void release0() {
            buffer.close();
        }
    }
}
