// SPDX-License-Identifier: Apache-2.0
// Memory that Java and Python share: Java's memory as a memoryview or numpy array, Python's memory as a
// ByteBuffer. The Rust half is buffer.rs and array.rs. The module python4j-numpy supports INDArray.
package org.nd4j.python4j;

import java.lang.ref.Cleaner;
import java.lang.ref.Reference;
import java.nio.Buffer;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.CharBuffer;
import java.nio.DoubleBuffer;
import java.nio.FloatBuffer;
import java.nio.IntBuffer;
import java.nio.LongBuffer;
import java.nio.ShortBuffer;
import java.util.Arrays;
import java.util.Objects;
import org.nd4j.python4j.internal.Access.Sharer;
import org.nd4j.python4j.internal.jni.Handles;
import org.nd4j.python4j.internal.jni.Lease;
import org.nd4j.python4j.internal.jni.Native;
import org.nd4j.python4j.internal.jni.Pressure;
import org.nd4j.python4j.internal.start.NativeLoader;

/**
 * A block of memory that both Java and Python see, with the type, the shape and the strides of its elements.
 *
 * <pre>{@code
 * ByteBuffer image = ByteBuffer.allocateDirect(640 * 480);
 * PythonObject array = PythonBuffer.of(image, 480, 640).toNumpy();          // no copy
 * ByteBuffer result = PythonBuffer.view(Python.eval("memory")).asByteBuffer(); // no copy
 * }</pre>
 *
 * <p>Nothing is copied except where a method says so, and each side sees what the other side writes. The memory stays
 * allocated as long as it is reachable. Java's memory stays until Python has freed the last view of it, including views
 * of views. Python's memory stays until this object and every {@code ByteBuffer} of it are unreachable in Java. The
 * exception is memory that a program frees explicitly, such as the memory of a closed {@code Arena}.
 *
 * <p>Getters, {@link #asByteBuffer} and {@link #close} need no turn of {@link PythonGIL}. Methods that take or return a
 * {@link PythonObject} need a turn, and so do the methods that say it. The program has to synchronize writes, as with
 * any shared memory. While a thread holds a turn, Python code of other turns does not run.
 */
public final class PythonBuffer implements AutoCloseable {

    private static final int READ_ONLY = 1;
    private static final int SWAPPED = 2;
    private static final int HEAD = 5; // what stands before the shape in the layouts of Native
    private static final int PIECE = 1 << 30;

    /** The types of elements. */
    public enum Type {
        /** One byte, 0 or 1. */
        BOOL('?', 1),
        /** Signed, 1 byte. */
        INT8('b', 1),
        /** Unsigned, 1 byte. */
        UINT8('B', 1),
        /** Signed, 2 bytes. */
        INT16('h', 2),
        /** Unsigned, 2 bytes. */
        UINT16('H', 2),
        /** Signed, 4 bytes. */
        INT32('i', 4),
        /** Unsigned, 4 bytes. */
        UINT32('I', 4),
        /** Signed, 8 bytes. */
        INT64('q', 8),
        /** Unsigned, 8 bytes. */
        UINT64('Q', 8),
        /** IEEE 754, 2 bytes. */
        FLOAT16('e', 2),
        /** IEEE 754, 4 bytes. */
        FLOAT32('f', 4),
        /** IEEE 754, 8 bytes. */
        FLOAT64('d', 8),
        /** Text of numpy. Only the shape is known; the memory is not shared. */
        TEXT('U', 0),
        /** Elements that only Python understands, for example structured ones. Java can read them as bytes. */
        OTHER('\0', 0);

        private final char letter;
        private final int size;

        Type(char letter, int size) {
            this.letter = letter;
            this.size = size;
        }

        /** The size of one element in bytes; 0 if it is not fixed. */
        public int size() {
            return size;
        }

        private static Type of(long letter) {
            for (Type type : values()) {
                if (type.letter == letter) {
                    return type;
                }
            }
            return OTHER;
        }
    }

    private final long address;
    private final Type type;
    private final int itemSize;
    private final long[] shape;
    private final long[] strides;
    private final boolean readOnly;
    private final ByteOrder order;
    private Object owner; // keeps memory of Java
    private Lease lease; // keeps memory of Python, or of several processes
    private Cleaner.Cleanable own; // this object's hold on the lease
    private volatile boolean closed;

    /** Memory of Java. */
    private PythonBuffer(long address, Type type, long[] shape, long[] strides, boolean readOnly, Object owner) {
        this.address = address;
        this.type = type;
        this.itemSize = type.size;
        this.shape = shape;
        this.strides = strides;
        this.readOnly = readOnly;
        this.order = ByteOrder.nativeOrder();
        this.owner = owner;
    }

    /** Memory of Python, as {@link Native#bufferView} and its like describe it. */
    private PythonBuffer(long[] layout) {
        int rank = (layout.length - HEAD) / 2;
        address = layout[1];
        type = Type.of(layout[2]);
        itemSize = (int) layout[3];
        readOnly = (layout[4] & READ_ONLY) != 0;
        boolean nativeOrder = (layout[4] & SWAPPED) == 0;
        order = nativeOrder == (ByteOrder.nativeOrder() == ByteOrder.LITTLE_ENDIAN)
                ? ByteOrder.LITTLE_ENDIAN
                : ByteOrder.BIG_ENDIAN;
        shape = Arrays.copyOfRange(layout, HEAD, HEAD + rank);
        strides = Arrays.copyOfRange(layout, HEAD + rank, layout.length);
        lease = new Lease(layout[0], null, address, length());
        own = lease.hold(this);
    }

    /** Memory in a block that several processes see. */
    private PythonBuffer(Lease.Block block, long offset, Type type, long[] shape, long[] strides, boolean readOnly) {
        this(block.address + offset, type, shape, strides, readOnly, null);
        lease = new Lease(0, block, address, length());
        own = lease.hold(this);
    }

    // ---- from Java ----

    /**
     * The remaining elements of a direct buffer, from its position to its limit. The class of the buffer decides the
     * type of the elements: bytes are {@link Type#UINT8}, chars {@link Type#UINT16}. A read-only buffer is read-only in
     * Python. The first call in a process starts Python.
     *
     * <p>If the buffer is a view of a {@code MemorySegment}, its {@code Arena} must stay open as long as Python has the
     * memory or a view of it. If Python reads or writes the memory after the {@code Arena} was closed, the process
     * ends. Methods of this class throw an exception in this case.
     *
     * @param shape the dimensions in C order; without a shape there is one dimension with all elements
     * @throws IllegalArgumentException if the buffer is not direct, its elements are not in the machine's own byte order,
     *     or the shape has another number of elements
     * @throws IllegalStateException if the buffer's {@code Arena} is closed already, or belongs to another thread
     */
    public static PythonBuffer of(Buffer direct, long... shape) {
        if (direct instanceof ByteBuffer) {
            return of(direct, Type.UINT8, 1, ByteOrder.nativeOrder(), shape);
        } else if (direct instanceof ShortBuffer) {
            return of(direct, Type.INT16, 2, ((ShortBuffer) direct).order(), shape);
        } else if (direct instanceof CharBuffer) {
            return of(direct, Type.UINT16, 2, ((CharBuffer) direct).order(), shape);
        } else if (direct instanceof IntBuffer) {
            return of(direct, Type.INT32, 4, ((IntBuffer) direct).order(), shape);
        } else if (direct instanceof LongBuffer) {
            return of(direct, Type.INT64, 8, ((LongBuffer) direct).order(), shape);
        } else if (direct instanceof FloatBuffer) {
            return of(direct, Type.FLOAT32, 4, ((FloatBuffer) direct).order(), shape);
        } else if (direct instanceof DoubleBuffer) {
            return of(direct, Type.FLOAT64, 8, ((DoubleBuffer) direct).order(), shape);
        }
        throw new IllegalArgumentException("Not a buffer of numbers: " + Objects.requireNonNull(direct).getClass());
    }

    /**
     * The bytes that remain of a direct buffer, from its position to its limit, as elements of a type; see
     * {@link #of(Buffer, long...)}.
     *
     * @param shape the dimensions in C order; without a shape there is one dimension with all elements
     * @throws IllegalArgumentException as there, or if the bytes are not a whole number of elements
     */
    public static PythonBuffer of(ByteBuffer direct, Type type, long... shape) {
        ByteOrder order = checked(type).size == 1 ? ByteOrder.nativeOrder() : direct.order();
        return of(direct, type, 1, order, shape);
    }

    private static PythonBuffer of(Buffer buffer, Type type, int unit, ByteOrder order, long[] shape) {
        if (!buffer.isDirect()) {
            throw new IllegalArgumentException("The buffer is not direct: its array may be moved at any time. "
                    + "Use ByteBuffer.allocateDirect, or hand over the array, which is copied.");
        }
        if (order != ByteOrder.nativeOrder()) {
            throw new IllegalArgumentException("The elements are " + order + ", which this machine is not. "
                    + "Call order(ByteOrder.nativeOrder()) on the ByteBuffer before elements are written.");
        }
        long bytes = (long) buffer.remaining() * unit;
        if (bytes % type.size != 0) {
            throw new IllegalArgumentException(bytes + " bytes are no whole number of " + type + ".");
        }
        long[] dimensions = dimensions(bytes / type.size, shape);
        checkMemory(buffer);
        PythonGIL.start();
        long address = Native.bufferAddress(buffer) + (long) buffer.position() * unit;
        return new PythonBuffer(address, type, dimensions, cOrder(dimensions, type.size), buffer.isReadOnly(), buffer);
    }

    /**
     * Memory at an address. This is the only method that cannot check its arguments: the memory of every element has to
     * exist, and has to stay allocated as long as the owner is reachable. A wrong address can end the process.
     *
     * @param address the address of the element whose indices are all 0
     * @param shape the dimensions; none for a single element
     * @param strides the distance in bytes from one element to the next, for each dimension; may be negative
     * @param readOnly whether Python must not write there
     * @param owner an object that is kept reachable until Python has freed every view; null if the memory is never
     *     freed
     * @throws IllegalArgumentException if no array can have this type, shape and strides
     */
    public static PythonBuffer of(
            long address, Type type, long[] shape, long[] strides, boolean readOnly, Object owner) {
        checked(type);
        if (shape.length != strides.length) {
            throw new IllegalArgumentException(
                    "The shape " + Arrays.toString(shape) + " needs as many strides, not " + Arrays.toString(strides) + ".");
        }
        if (Arrays.stream(shape).anyMatch(dimension -> dimension < 0)) {
            throw noShape(shape);
        }
        long count = count(shape);
        if (count >= Long.MAX_VALUE / type.size) {
            throw new IllegalArgumentException("The shape " + Arrays.toString(shape) + " is larger than memory.");
        }
        if (count != 0 && address == 0) {
            throw new IllegalArgumentException("The address of the memory is null.");
        }
        return new PythonBuffer(address, type, shape.clone(), strides.clone(), readOnly, owner);
    }

    /** A copy of an array in memory of Python, one {@link Type#BOOL} for each element. Needs a turn. */
    public static PythonBuffer of(boolean[] values, long... shape) {
        byte[] bytes = new byte[values.length];
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = (byte) (values[i] ? 1 : 0);
        }
        return copy(Type.BOOL, values.length, shape, (piece, at, n) -> piece.put(bytes, at, n));
    }

    /** A copy of an array in memory of Python, as {@link Type#UINT8}. Needs a turn. */
    public static PythonBuffer of(byte[] values, long... shape) {
        return copy(Type.UINT8, values.length, shape, (piece, at, n) -> piece.put(values, at, n));
    }

    /** A copy of an array in memory of Python, as {@link Type#INT16}. Needs a turn. */
    public static PythonBuffer of(short[] values, long... shape) {
        return copy(Type.INT16, values.length, shape, (piece, at, n) -> piece.asShortBuffer().put(values, at, n));
    }

    /** A copy of an array in memory of Python, as {@link Type#UINT16}. Needs a turn. */
    public static PythonBuffer of(char[] values, long... shape) {
        return copy(Type.UINT16, values.length, shape, (piece, at, n) -> piece.asCharBuffer().put(values, at, n));
    }

    /** A copy of an array in memory of Python, as {@link Type#INT32}. Needs a turn. */
    public static PythonBuffer of(int[] values, long... shape) {
        return copy(Type.INT32, values.length, shape, (piece, at, n) -> piece.asIntBuffer().put(values, at, n));
    }

    /** A copy of an array in memory of Python, as {@link Type#INT64}. Needs a turn. */
    public static PythonBuffer of(long[] values, long... shape) {
        return copy(Type.INT64, values.length, shape, (piece, at, n) -> piece.asLongBuffer().put(values, at, n));
    }

    /** A copy of an array in memory of Python, as {@link Type#FLOAT32}. Needs a turn. */
    public static PythonBuffer of(float[] values, long... shape) {
        return copy(Type.FLOAT32, values.length, shape, (piece, at, n) -> piece.asFloatBuffer().put(values, at, n));
    }

    /** A copy of an array in memory of Python, as {@link Type#FLOAT64}. Needs a turn. */
    public static PythonBuffer of(double[] values, long... shape) {
        return copy(Type.FLOAT64, values.length, shape, (piece, at, n) -> piece.asDoubleBuffer().put(values, at, n));
    }

    private static PythonBuffer copy(Type type, int count, long[] shape, Copier copier) {
        long[] dimensions = dimensions(count, shape);
        try (PythonGIL turn = PythonGIL.enter()) {
            PythonBuffer buffer = new PythonBuffer(Native.bufferAllocate(type.letter, dimensions));
            buffer.inPieces(buffer.order, type.size, copier);
            return buffer;
        }
    }

    // ---- for other processes, too ----

    /**
     * Allocates zeroed memory in C order that this process and the workers of a pool share: a worker that gets it as an
     * argument uses the same memory, without a copy. In all other respects it is memory of Java, so a program can fill
     * it by {@link #asByteBuffer}. Python need not run in this process.
     *
     * <p>The memory has no file and no name, and the size of {@code /dev/shm} does not limit it. Its pages are freed
     * when no process uses them any more. This process uses them until this object is closed or unreachable and all
     * buffers that were made of it are unreachable. The same is true in the workers.
     *
     * @param shape the dimensions; none for a single element
     * @throws IllegalArgumentException if no array has that type and shape
     * @throws PythonException if the operating system cannot provide the memory; Windows does not support it
     */
    public static PythonBuffer shared(Type type, long... shape) {
        if (Arrays.stream(shape).anyMatch(dimension -> dimension < 0)) {
            throw noShape(shape);
        }
        long count = count(shape);
        if (count >= Long.MAX_VALUE / checked(type).size) {
            throw new IllegalArgumentException("The shape " + Arrays.toString(shape) + " is larger than memory.");
        }
        NativeLoader.loadLibraries();
        Lease.Block block = new Lease.Block(Native.sharedMake(count * type.size));
        return new PythonBuffer(block, 0, type, shape.clone(), cOrder(shape, type.size), false);
    }

    // What another process is told of a buffer; the other half is rust/worker/src/memory.rs.

    private static final byte IN_BLOCK = 0;
    private static final byte HERE = 1;
    private static final int DESCRIBED = 4; // the form, the letter of the type, whether it is read-only, the rank
    private static final int READ_ONLY_AT = 2;
    private static final int WORTH_A_BLOCK = 1 << 16;

    /** How another process finds this memory. What is not shared is copied: into a block if it is large. Needs no turn. */
    synchronized byte[] describe(Sharer sharer) {
        checkOpen();
        checkShared();
        if (type == Type.OTHER || order != ByteOrder.nativeOrder()) {
            throw new PythonException("Another process is given elements of plain types in this machine's byte order: copy " + this
                    + " into such a buffer.");
        }
        if (lease != null && lease.block != null) {
            sharer.send(lease.block.key);
            return described(IN_BLOCK, 2 * Long.BYTES * (1 + shape.length), strides)
                    .putLong(lease.block.key).putLong(address - lease.block.address).array();
        }
        if (length() < WORTH_A_BLOCK) {
            ByteBuffer described = described(HERE, (int) length());
            copyTo(described);
            return described.array();
        }
        try (PythonBuffer copy = shared(type, shape)) {
            if (isContiguous()) {
                Native.sharedFill(copy.lease.block.key, address, length());
            } else {
                copyTo(copy.asByteBuffer().order(order));
            }
            byte[] described = copy.describe(sharer);
            described[READ_ONLY_AT] = (byte) (readOnly ? 1 : 0);
            return described;
        }
    }

    private ByteBuffer described(byte form, int more, long... strides) {
        ByteBuffer described = ByteBuffer.allocate(DESCRIBED + Long.BYTES * shape.length + more).order(ByteOrder.LITTLE_ENDIAN);
        described.put(form).put((byte) type.letter).put((byte) (readOnly ? 1 : 0)).put((byte) shape.length);
        for (long number : shape) {
            described.putLong(number);
        }
        for (long number : strides) {
            described.putLong(number);
        }
        return described;
    }

    /** Copies the elements in C order, whatever order they are in. */
    private void copyTo(ByteBuffer target) {
        if (count() == 0) {
            return;
        }
        long low = 0;
        long high = itemSize;
        for (int i = 0; i < shape.length; i++) {
            long reach = (shape[i] - 1) * strides[i];
            low += Math.min(reach, 0);
            high += Math.max(reach, 0);
        }
        if (high - low > Integer.MAX_VALUE) {
            throw new PythonException("Elements with gaps between them that take more than 2 GB with these: copy " + this + " first.");
        }
        copyTo(target, Native.bufferWrap(address + low, high - low), (int) -low, 0);
    }

    private void copyTo(ByteBuffer target, ByteBuffer source, int at, int dimension) {
        if (dimension == shape.length) {
            for (int i = 0; i < itemSize; i++) {
                target.put(source.get(at + i));
            }
            return;
        }
        for (int i = 0; i < shape[dimension]; i++) {
            copyTo(target, source, (int) (at + i * strides[dimension]), dimension + 1);
        }
    }

    /**
     * The memory that another process described, which is not trusted.
     *
     * @throws RuntimeException if it is not as a process of ours describes it
     */
    static PythonBuffer described(byte[] description, Sharer sharer) {
        ByteBuffer from = ByteBuffer.wrap(description).order(ByteOrder.LITTLE_ENDIAN);
        byte form = from.get();
        Type type = checked(Type.of(from.get()));
        boolean readOnly = from.get() != 0;
        long[] shape = numbers(from, from.get());
        long count = count(shape);
        if (Arrays.stream(shape).anyMatch(dimension -> dimension < 0) || count >= Long.MAX_VALUE / type.size) {
            throw noShape(shape);
        }
        if (form == HERE) {
            if (count * type.size != from.remaining()) {
                throw noShape(shape);
            }
            ByteBuffer copy = ByteBuffer.allocateDirect(from.remaining()).put(from);
            return new PythonBuffer(Native.bufferAddress(copy), type, shape, cOrder(shape, type.size), readOnly, copy);
        }
        long[] strides = numbers(from, shape.length);
        long key = from.getLong();
        long offset = from.getLong();
        Lease.Block block = new Lease.Block(Native.sharedAgain(sharer.came(key)));
        try {
            checkInside(block, offset, type, shape, strides);
        } catch (RuntimeException e) {
            Native.sharedDrop(block.key);
            throw e;
        }
        return new PythonBuffer(block, offset, type, shape, strides, readOnly);
    }

    private static long[] numbers(ByteBuffer from, int count) {
        long[] numbers = new long[count];
        for (int i = 0; i < count; i++) {
            numbers[i] = from.getLong();
        }
        return numbers;
    }

    private static void checkInside(Lease.Block block, long offset, Type type, long[] shape, long[] strides) {
        long low = offset;
        long high = Math.addExact(offset, type.size);
        for (int i = 0; i < shape.length; i++) {
            if (shape[i] == 0) {
                return;
            }
            long reach = Math.multiplyExact(shape[i] - 1, strides[i]);
            low = Math.addExact(low, Math.min(reach, 0));
            high = Math.addExact(high, Math.max(reach, 0));
        }
        if (low < 0 || high > block.length) {
            throw new IllegalArgumentException("The elements are not in the memory.");
        }
    }

    // ---- from Python ----

    /**
     * The memory of any object that supports the buffer protocol, such as bytes, bytearray, array.array, mmap, ctypes
     * arrays and numpy arrays. A bytearray cannot change its size as long as a view of it exists.
     *
     * @throws PythonException if the object does not support the protocol, or the thread has no turn
     */
    public static PythonBuffer view(PythonObject object) {
        try (PythonGIL turn = PythonGIL.enter()) {
            return new PythonBuffer(Native.bufferView(object.handle()));
        } finally {
            Reference.reachabilityFence(object);
        }
    }

    /**
     * The memory of a numpy array in a form that has only plain elements. An array is copied if it has the other byte
     * order, negative strides, strides of 0 or unaligned elements, or if it is a read-only mapped file. All other
     * arrays are shared. {@link #isReadOnly} tells whether the program may write to the memory.
     *
     * @throws PythonException if the object is not a numpy array, if Java has no counterpart of the dtype of its
     *     elements, if numpy is missing, or if the thread has no turn
     */
    public static PythonBuffer ofNumpy(PythonObject array) {
        try (PythonGIL turn = PythonGIL.enter()) {
            return new PythonBuffer(Native.arrayView(array.handle()));
        } finally {
            Reference.reachabilityFence(array);
        }
    }

    /**
     * Imports numpy. Without this call numpy is imported when it is first needed.
     *
     * @throws PythonException if the thread has no turn, or if the interpreter has no numpy; the message then names the
     *     interpreter and says how to install numpy
     */
    public static void importNumpy() {
        try (PythonGIL turn = PythonGIL.enter()) {
            Native.arrayImport();
        }
    }

    // ---- to Python ----

    /**
     * A memoryview of the memory.
     *
     * @throws PythonException if a memoryview cannot represent the elements, or the thread has no turn
     */
    public PythonObject toMemoryview() {
        checkOpen();
        try (PythonGIL turn = PythonGIL.enter()) {
            long frame = PythonGC.frame();
            return new PythonObject(
                    isPythons()
                            ? Native.bufferAgain(lease.handle, frame)
                            : Native.bufferMake(address, type.letter, layout(), readOnly, exported(), frame),
                    frame);
        } finally {
            Reference.reachabilityFence(this);
        }
    }

    /**
     * A numpy array of the memory, with the same shape and strides. If {@link #ofNumpy} returned this object and copied
     * nothing, the result is the original array.
     *
     * @throws PythonException if numpy cannot represent the elements, if numpy is missing, or if the thread has no turn
     */
    public PythonObject toNumpy() {
        checkOpen();
        try (PythonGIL turn = PythonGIL.enter()) {
            long frame = PythonGC.frame();
            return new PythonObject(
                    isPythons()
                            ? Native.arrayAgain(lease.handle, frame)
                            : Native.arrayMake(address, type.letter, layout(), readOnly, exported(), Ctypes.WANTED, frame),
                    frame);
        } finally {
            Reference.reachabilityFence(this);
        }
    }

    private boolean isPythons() {
        return lease != null && lease.block == null;
    }

    /** The owner, for Python to keep. */
    private Object exported() {
        Object kept;
        synchronized (this) {
            checkOpen();
            kept = owner;
            if (lease != null) {
                kept = new Object();
                lease.hold(kept);
                return kept;
            }
        }
        if (kept != null) {
            Pressure.note(kept, address, length());
        }
        return kept;
    }

    /** Read when the first array is made, so after the start. */
    private static final class Ctypes {
        static final boolean WANTED = PythonConstants.createNpyViaPython();
    }

    // ---- to Java ----

    /**
     * The memory as a direct buffer, in the byte order of its elements. The buffer is read-only if the memory is. The
     * memory stays allocated as long as this buffer, or one made of it, is reachable, even if this object is closed.
     *
     * @throws IllegalStateException if the elements have gaps between them, are more than 2 GB, or are text,
     *     or this object is closed
     */
    public ByteBuffer asByteBuffer() {
        checkShared();
        if (!isContiguous() && !contiguous(reversed(shape), reversed(strides))) {
            throw new IllegalStateException("The elements are not next to each other: shape " + Arrays.toString(shape)
                    + ", strides " + Arrays.toString(strides) + ". Copy them first: memoryview.tobytes(), "
                    + "numpy.ascontiguousarray(array), or a method like toByteArray().");
        }
        long length = length();
        if (length > Integer.MAX_VALUE) {
            throw new IllegalStateException(
                    "A ByteBuffer has at most 2 GB, these are " + length + " bytes: take slices in Python.");
        }
        ByteBuffer buffer = wrapped(length);
        return (readOnly ? buffer.asReadOnlyBuffer() : buffer).order(order);
    }

    private synchronized ByteBuffer wrapped(long length) {
        checkOpen();
        if (length == 0) {
            return ByteBuffer.allocateDirect(0);
        }
        ByteBuffer buffer = Native.bufferWrap(address, length);
        keepAliveFor(buffer);
        return buffer;
    }

    /**
     * Keeps the memory allocated at least until {@code dependent} is unreachable. It is meant for objects that use the
     * memory by its address. The owner of the memory must not refer to {@code dependent}. This method needs no turn.
     *
     * @throws IllegalStateException if this object is closed
     */
    public synchronized void keepAliveFor(Object dependent) {
        checkOpen();
        if (lease != null) {
            lease.hold(dependent);
        } else if (owner != null) {
            Object kept = owner;
            Handles.CLEANER.register(dependent, () -> Reference.reachabilityFence(kept));
        }
    }

    /**
     * A copy of all elements in C order, as bytes. It needs a turn if the elements are not {@link #isContiguous
     * contiguous}.
     */
    public byte[] toByteArray() {
        byte[] copy = new byte[arrayLength(length())];
        read(itemSize, (piece, at, n) -> piece.get(copy, at * itemSize, n * itemSize));
        return copy;
    }

    /**
     * A copy of all elements, which have to be BOOL, in C order. It needs a turn if they are not {@link #isContiguous
     * contiguous}.
     */
    public boolean[] toBooleanArray() {
        boolean[] copy = new boolean[elements(Type.BOOL)];
        read(1, (piece, at, n) -> {
            for (int i = 0; i < n; i++) {
                copy[at + i] = piece.get() != 0;
            }
        });
        return copy;
    }

    /**
     * A copy like {@link #toBooleanArray}, of elements that are INT16, UINT16 or FLOAT16; a FLOAT16 is copied as its
     * bits.
     */
    public short[] toShortArray() {
        short[] copy = new short[elements(Type.INT16, Type.UINT16, Type.FLOAT16)];
        read(2, (piece, at, n) -> piece.asShortBuffer().get(copy, at, n));
        return copy;
    }

    /** A copy like {@link #toBooleanArray}, of elements that are UINT16. */
    public char[] toCharArray() {
        char[] copy = new char[elements(Type.UINT16)];
        read(2, (piece, at, n) -> piece.asCharBuffer().get(copy, at, n));
        return copy;
    }

    /** A copy like {@link #toBooleanArray}, of elements that are INT32 or UINT32. */
    public int[] toIntArray() {
        int[] copy = new int[elements(Type.INT32, Type.UINT32)];
        read(4, (piece, at, n) -> piece.asIntBuffer().get(copy, at, n));
        return copy;
    }

    /** A copy like {@link #toBooleanArray}, of elements that are INT64 or UINT64. */
    public long[] toLongArray() {
        long[] copy = new long[elements(Type.INT64, Type.UINT64)];
        read(8, (piece, at, n) -> piece.asLongBuffer().get(copy, at, n));
        return copy;
    }

    /** A copy like {@link #toBooleanArray}, of elements that are FLOAT32. */
    public float[] toFloatArray() {
        float[] copy = new float[elements(Type.FLOAT32)];
        read(4, (piece, at, n) -> piece.asFloatBuffer().get(copy, at, n));
        return copy;
    }

    /** A copy like {@link #toBooleanArray}, of elements that are FLOAT64. */
    public double[] toDoubleArray() {
        double[] copy = new double[elements(Type.FLOAT64)];
        read(8, (piece, at, n) -> piece.asDoubleBuffer().get(copy, at, n));
        return copy;
    }

    private int elements(Type... fitting) {
        if (!Arrays.asList(fitting).contains(type)) {
            throw new IllegalStateException("The elements are " + type + ", not " + fitting[0]
                    + ": convert them in Python, with array.astype() say, or take toByteArray().");
        }
        return arrayLength(count());
    }

    private static int arrayLength(long length) {
        if (length > Integer.MAX_VALUE - 8) {
            throw new IllegalStateException("No Java array has " + length + " elements: take slices in Python.");
        }
        return (int) length;
    }

    /** Copies elements between the memory and an array, from index {@code at}. */
    private interface Copier {
        void copy(ByteBuffer piece, int at, int count);
    }

    private void read(int unit, Copier copier) {
        checkShared();
        if (isContiguous()) {
            inPieces(order, unit, copier);
            return;
        }
        try (PythonGIL turn = PythonGIL.enter()) {
            PythonObject view = toMemoryview();
            PythonObject toBytes = view.attr("tobytes");
            PythonObject bytes = toBytes.call();
            try (PythonBuffer copy = view(bytes)) {
                copy.inPieces(order, unit, copier);
            } finally {
                bytes.del();
                toBytes.del();
                view.del();
            }
        }
    }

    /** All of a contiguous memory, in pieces that a ByteBuffer can have. Nobody can close it meanwhile. */
    private synchronized void inPieces(ByteOrder order, int unit, Copier copier) {
        checkOpen();
        long length = length();
        int step = PIECE / Math.max(1, unit) * unit;
        for (long from = 0; from < length; from += step) {
            int size = (int) Math.min(step, length - from);
            ByteBuffer piece = Native.bufferWrap(address + from, size).order(order);
            copier.copy(piece, (int) (from / unit), size / unit);
        }
    }

    // ---- what it is ----

    /** The address of the element whose indices are all 0. */
    public long address() {
        return address;
    }

    /** The type of the elements. */
    public Type type() {
        return type;
    }

    /** The size of one element in bytes. */
    public int itemSize() {
        return itemSize;
    }

    /** The number of elements in each dimension. */
    public long[] shape() {
        return shape.clone();
    }

    /** The distance in bytes from one element to the next, for each dimension. */
    public long[] strides() {
        return strides.clone();
    }

    /** The number of all elements. */
    public long count() {
        return count(shape);
    }

    /** Whether the memory is read-only. Neither Python nor a buffer of {@link #asByteBuffer} then allows writing. */
    public boolean isReadOnly() {
        return readOnly;
    }

    /** The byte order of the elements. */
    public ByteOrder order() {
        return order;
    }

    /** Whether the elements lie next to each other in C order. */
    public boolean isContiguous() {
        return contiguous(shape, strides);
    }

    @Override
    public String toString() {
        return "PythonBuffer(" + type + ", shape " + Arrays.toString(shape) + (readOnly ? ", read-only)" : ")");
    }

    /**
     * Releases the memory now and not when this object is unreachable. Buffers that were made of it, and Python's
     * views, keep the memory allocated. A second call does nothing.
     */
    @Override
    public synchronized void close() {
        closed = true;
        owner = null;
        if (own != null) {
            own.clean();
        }
    }

    private void checkOpen() {
        if (closed) {
            throw new IllegalStateException("This PythonBuffer is closed.");
        }
        Object kept = owner;
        if (kept instanceof Buffer) {
            checkMemory((Buffer) kept);
        }
    }

    /** Whether a direct buffer still has its memory, of which Java's own access knows, and the address does not. */
    private static void checkMemory(Buffer buffer) {
        if (buffer.limit() == 0) {
            return;
        }
        try {
            if (buffer instanceof ByteBuffer) {
                ((ByteBuffer) buffer).get(0);
            } else if (buffer instanceof ShortBuffer) {
                ((ShortBuffer) buffer).get(0);
            } else if (buffer instanceof CharBuffer) {
                ((CharBuffer) buffer).get(0);
            } else if (buffer instanceof IntBuffer) {
                ((IntBuffer) buffer).get(0);
            } else if (buffer instanceof LongBuffer) {
                ((LongBuffer) buffer).get(0);
            } else if (buffer instanceof FloatBuffer) {
                ((FloatBuffer) buffer).get(0);
            } else {
                ((DoubleBuffer) buffer).get(0);
            }
        } catch (RuntimeException e) { // which one depends on the JDK
            throw new IllegalStateException("The memory of the buffer cannot be used here: the Arena of its MemorySegment is"
                    + " closed, or belongs to another thread.", e);
        }
    }

    private void checkShared() {
        if (type == Type.TEXT) {
            throw new IllegalStateException("The memory of numpy's text is not shared: read array.tolist().");
        }
    }

    private long length() {
        return count() * itemSize;
    }

    private long[] layout() {
        long[] layout = Arrays.copyOf(shape, shape.length + strides.length);
        System.arraycopy(strides, 0, layout, shape.length, strides.length);
        return layout;
    }

    private boolean contiguous(long[] shape, long[] strides) {
        long expected = itemSize;
        for (int i = shape.length - 1; i >= 0; i--) {
            if (shape[i] == 0) {
                return true;
            }
            if (shape[i] != 1 && strides[i] != expected) {
                return count() == 0;
            }
            expected *= shape[i];
        }
        return true;
    }

    private static long[] reversed(long[] numbers) {
        long[] reversed = new long[numbers.length];
        for (int i = 0; i < numbers.length; i++) {
            reversed[i] = numbers[numbers.length - 1 - i];
        }
        return reversed;
    }

    /** Saturates: a product that overflows is no number of elements that there are. */
    private static long count(long[] shape) {
        long count = 1;
        for (long dimension : shape) {
            count = Math.multiplyHigh(count, dimension) == 0 && count * dimension >= 0 ? count * dimension : Long.MAX_VALUE;
        }
        return count;
    }

    private static long[] cOrder(long[] shape, int size) {
        long[] strides = new long[shape.length];
        long stride = size;
        for (int i = shape.length - 1; i >= 0; i--) {
            strides[i] = stride;
            stride *= shape[i];
        }
        return strides;
    }

    private static long[] dimensions(long count, long[] shape) {
        if (shape.length == 0) {
            return new long[] {count};
        }
        if (Arrays.stream(shape).anyMatch(dimension -> dimension < 0)) {
            throw noShape(shape);
        }
        long wanted = count(shape);
        if (wanted != count) {
            throw new IllegalArgumentException("The shape " + Arrays.toString(shape) + " has "
                    + (wanted == Long.MAX_VALUE ? "too many" : wanted) + " elements, there are " + count + ".");
        }
        return shape.clone();
    }

    private static IllegalArgumentException noShape(long[] shape) {
        return new IllegalArgumentException("No array has the shape " + Arrays.toString(shape) + ".");
    }

    private static Type checked(Type type) {
        if (type.size == 0) {
            throw new IllegalArgumentException("Elements of type " + type + " have no size.");
        }
        return type;
    }
}
