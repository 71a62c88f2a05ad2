// SPDX-License-Identifier: Apache-2.0
// Converts an INDArray to a numpy array and back, over the same memory. PythonBuffer in the core shares the
// memory and keeps it alive; this class translates the types and strides between ND4J and numpy.
package org.nd4j.python4j.numpy;

import java.io.File;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.bytedeco.javacpp.Pointer;
import org.nd4j.linalg.api.buffer.DataBuffer;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.memory.MemoryWorkspace;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.python4j.Python;
import org.nd4j.python4j.PythonBuffer;
import org.nd4j.python4j.PythonEnvironment;
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.PythonGC;
import org.nd4j.python4j.PythonGIL;
import org.nd4j.python4j.PythonObject;
import org.nd4j.python4j.PythonType;

/**
 * Converts between {@code numpy.ndarray} and {@link INDArray}. It is sufficient to have this class on the class path:
 * arrays are then converted as variables, as inputs and outputs of {@code exec}, and inside lists and dicts. {@link
 * #toJava}, {@link #toPython} and {@link #init} use Python: the first two need a turn of {@link PythonGIL}, the last
 * one waits for a turn. All other methods need no turn.
 *
 * <p>The memory is shared if both sides can represent the array. Then the cost does not depend on the size of the
 * array, and each side sees what the other side writes. The memory stays allocated as long as Python has the array or a
 * view of it, and as long as Java has the {@code INDArray} or one that was made of it.
 *
 * <p>From Java to Python these arrays are copied: BFLOAT16 (as float32), UTF8, and arrays in an ND4J workspace, whose
 * memory is reused when the workspace is left. From Python to Java these arrays are copied: text, the other byte order,
 * negative strides, strides of 0 (broadcasts), unaligned arrays, and read-only mapped files. All other read-only arrays
 * are shared. ND4J has no read-only arrays, so Java code can write to them, but must not do so.
 *
 * <p>These ND4J types have the same dtype in numpy: BOOL, INT8, UINT8, INT16, UINT16, INT32, UINT32, INT64, UINT64,
 * FLOAT16, FLOAT (float32) and DOUBLE (float64). UTF8 is fixed-width text. Apart from BFLOAT16, as described above, no
 * other type can be converted.
 *
 * <p>numpy is loaded together with OpenBLAS when the first array is converted.
 */
public class NumpyArray extends PythonType<INDArray> {

    static { // as a module: ND4J's own modules cannot be resolved, so it stays on the class path
        Module own = NumpyArray.class.getModule();
        if (own.isNamed()) {
            own.addReads(own.getClassLoader().getUnnamedModule());
        }
    }

    /** The instance for {@code getVariable(name, NumpyArray.INSTANCE)}; equal to the registered one. */
    public static final NumpyArray INSTANCE = new NumpyArray();

    /** Whether {@link #init} of {@link #INSTANCE} imports numpy. */
    public static final String IMPORT_NUMPY_ARRAY = "org.eclipse.python4j.numpyimport";

    /** Upstream's second name of the same property. numpy is on {@code sys.path} for every value. */
    public static final String ADD_JAVACPP_NUMPY_TO_PATH = "org.eclipse.python4j.numpyimport";

    /** The default of {@link #IMPORT_NUMPY_ARRAY}. */
    public static final String DEFAULT_IMPORT_NUMPY_ARRAY = "true";

    /** The default of {@link #ADD_JAVACPP_NUMPY_TO_PATH}. */
    public static final String DEFAULT_ADD_JAVACPP_NUMPY_TO_PATH = "true";

    /** Creates an instance for {@link java.util.ServiceLoader}. Programs use {@link #INSTANCE}. */
    public NumpyArray() {
        super("numpy.ndarray", INDArray.class);
    }

    /** The folder of the numpy that belongs to the embedded interpreter, unless the interpreter has its own numpy. */
    @Override
    public File[] packages() {
        return PythonEnvironment.packages();
    }

    /**
     * Imports numpy, if this is {@link #INSTANCE} and {@link #IMPORT_NUMPY_ARRAY} is not {@code false}. The start of
     * Python calls this method on the registered instance, where it does nothing, so that the start does not spend the
     * time to import numpy. The first array then imports numpy. This method waits for a turn.
     *
     * @throws PythonException if the interpreter has no numpy
     */
    @Override
    public void init() {
        boolean wanted = Boolean.parseBoolean(System.getProperty(IMPORT_NUMPY_ARRAY, DEFAULT_IMPORT_NUMPY_ARRAY));
        if (this == INSTANCE && wanted) {
            try (PythonGIL gil = PythonGIL.lock()) {
                PythonBuffer.importNumpy();
            }
        }
    }

    /**
     * Converts a numpy array to an {@code INDArray}, over the same memory if possible. The rank and the shape are those
     * of the numpy array; the ordering is {@code c} or {@code f}.
     *
     * @throws PythonException if the object is not a numpy array, ND4J has no counterpart of its dtype, or the thread
     *     has no turn
     */
    @Override
    public INDArray toJava(PythonObject pythonObject) {
        try (PythonBuffer buffer = PythonBuffer.ofNumpy(pythonObject)) {
            return buffer.type() == PythonBuffer.Type.TEXT ? texts(pythonObject, buffer.shape()) : over(buffer);
        }
    }

    /** Converts an array that a worker process returned, over the same memory. */
    @Override
    public INDArray ofBuffer(PythonBuffer buffer) {
        return over(buffer);
    }

    private static INDArray over(PythonBuffer buffer) {
        DataType type = dataType(buffer.type());
        long[] shape = buffer.shape();
        if (buffer.count() == 0) {
            return empty(type, shape);
        }
        Strides strides = new Strides(shape, buffer.strides(), buffer.itemSize());
        DataBuffer data = Nd4j.createBuffer(new Memory(buffer.address(), strides.extent), strides.extent, type);
        // Every INDArray over this memory, views included, leads to this DataBuffer.
        buffer.keepAliveFor(data);
        return Nd4j.create(data, shape, strides.elements, 0, strides.order, type);
    }

    /**
     * Converts an {@code INDArray} to a numpy array with the same shape and strides, over the same memory if possible.
     * The numpy array is writeable and does not own its memory. If a program closes the {@code INDArray}, Python must
     * not use the memory any more, because it is freed.
     *
     * @throws PythonException if the array is closed, numpy has no dtype for its elements or is missing, or the thread
     *     has no turn
     */
    @Override
    public PythonObject toPython(INDArray javaObject) {
        PythonBuffer buffer = toBuffer(javaObject);
        return buffer == null ? fromTexts(javaObject) : buffer.toNumpy();
    }

    /**
     * The memory of the array, which is copied for a worker process. For an array of text the result is null.
     *
     * @throws PythonException if the array is closed, or numpy has no dtype for its elements
     */
    @Override
    public PythonBuffer toBuffer(INDArray javaObject) {
        INDArray array = Objects.requireNonNull(javaObject, "null is no INDArray");
        if (array.wasClosed()) {
            throw new PythonException("The INDArray is closed: its memory is gone. Close it after Python's last use of it.");
        }
        if (array.dataType() == DataType.UTF8) {
            return null;
        }
        if (array.dataType() == DataType.BFLOAT16) {
            array = array.castTo(DataType.FLOAT);
        }
        PythonBuffer.Type type = type(array.dataType());
        if (array.isEmpty()) {
            // ND4J has empty arrays of rank 0, numpy has not.
            long[] shape = array.rank() == 0 ? new long[1] : array.shape();
            return PythonBuffer.of(0, type, shape, new long[shape.length], false, null);
        }
        if (array.isAttached()) {
            array = array.detach();
        }
        long[] strides = array.stride().clone();
        for (int i = 0; i < strides.length; i++) {
            strides[i] *= type.size();
        }
        long address = array.data().addressPointer().address();
        return PythonBuffer.of(address, type, array.shape(), strides, false, array.data());
    }

    @Override
    public boolean accepts(Object javaObject) {
        return javaObject instanceof INDArray;
    }

    /**
     * Returns the same {@code INDArray}. No other class is accepted.
     *
     * @throws PythonException if the object is not an {@code INDArray}
     */
    @Override
    public INDArray adapt(Object javaObject) {
        if (Objects.requireNonNull(javaObject) instanceof INDArray) {
            return (INDArray) javaObject;
        }
        throw new PythonException("Cannot cast object of type " + javaObject.getClass().getName() + " to INDArray");
    }

    /** In a workspace ND4J makes none without elements. */
    private static INDArray empty(DataType type, long[] shape) {
        try (MemoryWorkspace none = Nd4j.getWorkspaceManager().scopeOutOfWorkspaces()) {
            return Nd4j.create(type, shape);
        }
    }

    // ---- text, by copy ----

    private static INDArray texts(PythonObject array, long[] shape) {
        List<String> texts = new ArrayList<>();
        try (PythonGC gc = PythonGC.watch()) {
            for (Object text : array.attr("ravel").call().attr("tolist").call().toList()) {
                texts.add(Utf8.CUT ? Utf8.bytes((String) text) : (String) text);
            }
        }
        return texts.isEmpty() ? empty(DataType.UTF8, shape) : Nd4j.create(texts, shape);
    }

    private static PythonObject fromTexts(INDArray array) {
        PythonBuffer.importNumpy();
        List<String> texts = new ArrayList<>();
        if (!array.isEmpty()) {
            // getString of a view counts wrongly, so all is read by the place in the whole buffer.
            DataBuffer root = array.data().originalDataBuffer() == null ? array.data() : array.data().originalDataBuffer();
            INDArray all = Nd4j.create(root, new long[] {root.length()}, new long[] {1}, 0, 'c', DataType.UTF8);
            collect(all, array, 0, array.offset(), texts);
        }
        List<Long> shape = new ArrayList<>();
        for (long dimension : array.isEmpty() && array.rank() == 0 ? new long[1] : array.shape()) {
            shape.add(dimension);
        }
        PythonObject result;
        try (PythonGC gc = PythonGC.watch()) {
            result = Python.importModule("numpy").attr("array").call(texts, "U").attr("reshape").call(shape);
            PythonGC.keep(result);
        }
        return result;
    }

    /**
     * ND4J 1.0.0-M2.1 writes the low byte of each char of a text and reads UTF-8, so that only ASCII comes
     * back. Given texts whose chars are the bytes of UTF-8, it does what it should.
     */
    private static final class Utf8 {
        static final boolean CUT = !Nd4j.create("\u00e9").getString(0).equals("\u00e9");

        static String bytes(String text) {
            return new String(text.getBytes(StandardCharsets.UTF_8), StandardCharsets.ISO_8859_1);
        }
    }

    private static void collect(INDArray all, INDArray array, int dimension, long at, List<String> texts) {
        if (dimension == array.rank()) {
            texts.add(all.getString(at));
            return;
        }
        for (long i = 0; i < array.size(dimension); i++) {
            collect(all, array, dimension + 1, at + i * array.stride(dimension), texts);
        }
    }

    // ---- types and strides ----

    private static final Map<DataType, PythonBuffer.Type> TYPES = new EnumMap<>(DataType.class);

    static {
        TYPES.put(DataType.BOOL, PythonBuffer.Type.BOOL);
        TYPES.put(DataType.INT8, PythonBuffer.Type.INT8);
        TYPES.put(DataType.UINT8, PythonBuffer.Type.UINT8);
        TYPES.put(DataType.INT16, PythonBuffer.Type.INT16);
        TYPES.put(DataType.UINT16, PythonBuffer.Type.UINT16);
        TYPES.put(DataType.INT32, PythonBuffer.Type.INT32);
        TYPES.put(DataType.UINT32, PythonBuffer.Type.UINT32);
        TYPES.put(DataType.INT64, PythonBuffer.Type.INT64);
        TYPES.put(DataType.UINT64, PythonBuffer.Type.UINT64);
        TYPES.put(DataType.FLOAT16, PythonBuffer.Type.FLOAT16);
        TYPES.put(DataType.FLOAT, PythonBuffer.Type.FLOAT32);
        TYPES.put(DataType.DOUBLE, PythonBuffer.Type.FLOAT64);
    }

    private static PythonBuffer.Type type(DataType type) {
        PythonBuffer.Type found = TYPES.get(type);
        if (found == null) {
            throw new PythonException("Unsupported dtype: " + type);
        }
        return found;
    }

    private static DataType dataType(PythonBuffer.Type type) {
        for (Map.Entry<DataType, PythonBuffer.Type> entry : TYPES.entrySet()) {
            if (entry.getValue() == type) {
                return entry.getKey();
            }
        }
        throw new PythonException("Unsupported array data type: " + type);
    }

    /** numpy's strides, which are positive here, as ND4J likes them. */
    private static final class Strides {
        final long[] elements;
        final char order;
        final long extent;

        Strides(long[] shape, long[] bytes, int size) {
            long[] c = new long[shape.length];
            long[] f = new long[shape.length];
            elements = new long[shape.length];
            long toEnd = 1;
            long toStart = 1;
            for (int i = 0; i < shape.length; i++) {
                int last = shape.length - 1 - i;
                f[i] = toStart;
                c[last] = toEnd;
                toStart *= shape[i];
                toEnd *= shape[last];
                elements[i] = bytes[i] / size;
            }
            boolean isC = agree(shape, elements, c);
            boolean isF = !isC && agree(shape, elements, f);
            // The stride of a dimension with one element may be anything in numpy; ND4J looks at it.
            long after = 1;
            long extent = 1;
            boolean rises = true;
            for (int i = shape.length - 1; i >= 0; i--) {
                if (isC || isF) {
                    elements[i] = isC ? c[i] : f[i];
                } else if (shape[i] == 1) {
                    elements[i] = after;
                }
                extent += (shape[i] - 1) * elements[i];
                rises &= i == shape.length - 1 || elements[i] <= elements[i + 1];
                after = elements[i] * shape[i];
            }
            this.extent = extent;
            this.order = isF || !isC && rises && shape.length > 1 ? 'f' : 'c';
        }

        private static boolean agree(long[] shape, long[] a, long[] b) {
            for (int i = 0; i < shape.length; i++) {
                if (shape[i] != 1 && a[i] != b[i]) {
                    return false;
                }
            }
            return true;
        }
    }

    /** JavaCPP's view of memory that something else keeps; counted in elements, as ND4J does. */
    @SuppressWarnings("serial") // never written
    private static final class Memory extends Pointer {
        Memory(long address, long elements) {
            this.address = address;
            this.limit = elements;
            this.capacity = elements;
        }
    }
}
