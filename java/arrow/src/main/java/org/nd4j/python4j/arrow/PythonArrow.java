// SPDX-License-Identifier: Apache-2.0
// Passes Arrow Java's tables to Python and back, over the same memory. Outgoing and Batches here and arrow.rs
// in the core do the transfer. The Python types for variables, arguments and results are at the end of the
// file.
package org.nd4j.python4j.arrow;

import java.util.Objects;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.dictionary.DictionaryProvider;
import org.apache.arrow.vector.ipc.ArrowReader;
import org.nd4j.python4j.PythonBuffer;
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.PythonObject;
import org.nd4j.python4j.PythonType;

/**
 * Shares Arrow tables between Java and Python, over the same memory.
 *
 * <pre>{@code
 * PythonObject orders = PythonArrow.toPython(root);             // pyarrow.table(orders), polars.DataFrame(orders), ...
 * try (ArrowReader batches = PythonArrow.reader(frame, allocator)) {
 *     while (batches.loadNextBatch()) { ... batches.getVectorSchemaRoot() ... }
 * }
 * }</pre>
 *
 * <p>In Python a Java table is an object with the methods of Arrow's PyCapsule interface, {@code __arrow_c_array__} and
 * {@code __arrow_c_stream__}. Among others pyarrow, polars, pandas, duckdb and nanoarrow accept such objects; none of
 * these has to be installed. Java can read every Python object that has one of these methods, and every iterator of
 * such objects.
 *
 * <p>Nothing is copied except where a method says so. Java's memory is held until Python has released the last object
 * that uses it. Python's memory is held until Java has closed the objects that it received. Tables are immutable in
 * Python, so Java must not write to memory that it received from Python.
 *
 * <p>The JVM has to be started with {@link #JVM_OPTION}. All methods need a turn of {@link
 * org.nd4j.python4j.PythonGIL}, unless they say otherwise.
 */
public final class PythonArrow {

    /**
     * The JVM option that Arrow needs, as an argument of {@code java} or in the environment variable {@code
     * JDK_JAVA_OPTIONS}.
     */
    public static final String JVM_OPTION = "--add-opens=java.base/java.nio=org.apache.arrow.memory.core,ALL-UNNAMED";

    private PythonArrow() {}

    // ---- to Python ----

    /**
     * Passes a batch to Python as a table, over the memory that the batch has now. Python sees values that Java later
     * writes into the same vectors. It does not see a batch that is later loaded into the root, because that batch has
     * other memory.
     *
     * @throws PythonException if the batch cannot be passed to Python, or the thread has no turn
     */
    public static PythonObject toPython(VectorSchemaRoot root) {
        return toPython(root, null);
    }

    /**
     * Passes a batch with dictionary-encoded columns to Python, see {@link #toPython(VectorSchemaRoot)}.
     *
     * @param dictionaries the provider of the dictionaries; null if there are none
     */
    public static PythonObject toPython(VectorSchemaRoot root, DictionaryProvider dictionaries) {
        checkOptions();
        return Outgoing.table(Objects.requireNonNull(root, "null is no VectorSchemaRoot"), dictionaries);
    }

    /** Passes a vector to Python as an array of one dimension, which only has the method {@code __arrow_c_array__}. */
    public static PythonObject toPython(FieldVector vector) {
        return toPython(vector, null);
    }

    /**
     * Passes a dictionary-encoded vector to Python, see {@link #toPython(FieldVector)}.
     *
     * @param dictionaries the provider of the dictionary; null if there is none
     */
    public static PythonObject toPython(FieldVector vector, DictionaryProvider dictionaries) {
        checkOptions();
        return Outgoing.column(Objects.requireNonNull(vector, "null is no FieldVector"), dictionaries);
    }

    /**
     * Passes a reader to Python as a stream, which can be read once. Each batch is loaded when Python requests it, on
     * the requesting thread. From then on Python owns the reader and closes it when it has read all batches or has
     * released the stream.
     */
    public static PythonObject toPython(ArrowReader reader) {
        checkOptions();
        return Outgoing.reader(Objects.requireNonNull(reader, "null is no ArrowReader"));
    }

    // ---- to Java ----

    /**
     * Reads the batches of any object with Arrow data: a DataFrame, a table, a stream, or a generator of batches. Each
     * batch is created when {@code loadNextBatch} requests it, and released when the next one is loaded, so the reader
     * holds at most one batch. The reader takes a turn for each batch if its thread has none. If it reads a generator,
     * its {@code close} ends the generator.
     *
     * @throws PythonException if the object has no Arrow data or only a single column, or the thread has no turn
     */
    public static ArrowReader reader(PythonObject object, BufferAllocator allocator) {
        checkOptions();
        return new PythonReader(new Batches(object, allocator));
    }

    /**
     * The rows of any object with Arrow data. The caller closes the result. If there is more than one batch, the
     * batches are copied into one. Dictionary-encoded columns are decoded into copies. {@link #reader} does neither.
     *
     * @throws PythonException as {@link #reader} does
     */
    public static VectorSchemaRoot table(PythonObject object, BufferAllocator allocator) {
        checkOptions();
        try (Batches batches = new Batches(object, allocator)) {
            return batches.table();
        }
    }

    /**
     * A single column, for example of a pyarrow Array or a polars Series. The caller closes the result. The same data
     * is copied as by {@link #table}.
     *
     * @throws PythonException if the object has no Arrow data, or the thread has no turn
     */
    public static FieldVector vector(PythonObject object, BufferAllocator allocator) {
        checkOptions();
        try (Batches batches = new Batches(object, allocator)) {
            return batches.vector();
        }
    }

    // ---- numpy ----

    /** How nulls are represented in a numpy array, which has no nulls. */
    public enum Nulls {
        /** Nulls are not allowed: a vector with nulls causes an exception. */
        REFUSED,
        /** The array is a {@code numpy.ma.MaskedArray} over the vector's memory; its mask is a copy. */
        MASKED,
        /** The array is a copy with a float dtype and NaN for each null. Integers beyond 2<sup>53</sup> are rounded. */
        NAN
    }

    /**
     * The values of a vector as a numpy array of one dimension over the same memory. Supported are integers, floats,
     * and timestamps and durations (as {@code datetime64} and {@code timedelta64}). The values of a {@code BitVector}
     * are copied, because numpy cannot read single bits, and dates in days are copied, too.
     *
     * @throws PythonException if there are nulls, the vector is of another type, numpy is missing, or the thread has no turn
     */
    public static PythonObject toNumpy(FieldVector vector) {
        return toNumpy(vector, Nulls.REFUSED);
    }

    /** The values of a vector, which may have nulls, as a numpy array; see {@link #toNumpy(FieldVector)}. */
    public static PythonObject toNumpy(FieldVector vector, Nulls nulls) {
        checkOptions();
        return Ndarrays.toNumpy(Objects.requireNonNull(vector, "null is no FieldVector"), Objects.requireNonNull(nulls));
    }

    /**
     * Converts a numpy array of one dimension to a vector over the same memory. The caller closes the result. An array
     * is copied if its elements are not contiguous, if it has the other byte order, or if its dtype is bool. The masked
     * values of a masked array become nulls, and its mask is copied.
     *
     * @param name the name of the vector
     * @throws PythonException if the object is not such an array, Arrow Java has no counterpart of its dtype, or the
     *     thread has no turn
     */
    public static FieldVector fromNumpy(String name, PythonObject array, BufferAllocator allocator) {
        checkOptions();
        return Ndarrays.fromNumpy(name, array, Objects.requireNonNull(allocator));
    }

    /**
     * The allocator that {@link Table}, {@link Column} and {@link Stream} use. The whole process has one such
     * allocator, which has no limit. This method needs no turn.
     */
    public static BufferAllocator allocator() {
        checkOptions();
        return Shared.ALLOCATOR;
    }

    private static final class Shared {
        static final BufferAllocator ALLOCATOR = new RootAllocator(Long.MAX_VALUE);
    }

    /** Without them Arrow fails later, by an error that tells less. */
    private static void checkOptions() {
        if (!Object.class.getModule().isOpen("java.nio", BufferAllocator.class.getModule())) {
            throw new PythonException("Arrow needs an option of the JVM that is missing: start java with " + JVM_OPTION
                    + ", or set JDK_JAVA_OPTIONS to it.");
        }
    }

    // ---- the types ----

    /**
     * The type {@code arrow.table}, with VectorSchemaRoot in Java. {@link java.util.ServiceLoader} finds it; programs
     * use {@link #TABLE}.
     */
    public static final class Table extends Kind<VectorSchemaRoot> {
        /** See the class. */
        public Table() {
            super("arrow.table", VectorSchemaRoot.class);
        }

        @Override
        public VectorSchemaRoot toJava(PythonObject pythonObject) {
            return table(pythonObject, allocator());
        }

        @Override
        public PythonObject toPython(VectorSchemaRoot javaObject) {
            return PythonArrow.toPython(javaObject);
        }

        /** True: a worker process gets a {@code pyarrow.Table}, and any table that it returns arrives here. */
        @Override
        public boolean hasTables() {
            return true;
        }

        /**
         * Copies the table into memory that worker processes see, in Arrow's IPC stream format.
         *
         * @throws PythonException if a column is dictionary-encoded, or there is no memory
         */
        @Override
        public PythonBuffer toBuffer(VectorSchemaRoot javaObject) {
            checkOptions();
            return Streams.write(javaObject, allocator());
        }

        /** Reads the table that a worker process returned, over the same memory. */
        @Override
        public VectorSchemaRoot ofBuffer(PythonBuffer buffer) {
            checkOptions();
            return Streams.read(buffer, allocator());
        }
    }

    /**
     * The type {@code arrow.column}, with FieldVector in Java. {@link java.util.ServiceLoader} finds it; programs use
     * {@link #COLUMN}.
     */
    public static final class Column extends Kind<FieldVector> {
        /** See the class. */
        public Column() {
            super("arrow.column", FieldVector.class);
        }

        @Override
        public FieldVector toJava(PythonObject pythonObject) {
            return vector(pythonObject, allocator());
        }

        @Override
        public PythonObject toPython(FieldVector javaObject) {
            return PythonArrow.toPython(javaObject);
        }

        /** True: a worker process gets a {@code pyarrow.Array}, and any column that it returns arrives here. */
        @Override
        public boolean hasTables() {
            return true;
        }

        /** Copies the column as {@link Table#toBuffer} copies a table. */
        @Override
        public PythonBuffer toBuffer(FieldVector javaObject) {
            checkOptions();
            return Streams.writeColumn(javaObject, allocator());
        }

        /** Reads the column that a worker process returned, over the same memory. */
        @Override
        public FieldVector ofBuffer(PythonBuffer buffer) {
            checkOptions();
            return Streams.readColumn(buffer, allocator());
        }
    }

    /**
     * The type {@code arrow.stream}, with ArrowReader in Java. {@link java.util.ServiceLoader} finds it; programs use
     * {@link #STREAM}.
     */
    public static final class Stream extends Kind<ArrowReader> {
        /** See the class. */
        public Stream() {
            super("arrow.stream", ArrowReader.class);
        }

        @Override
        public ArrowReader toJava(PythonObject pythonObject) {
            return reader(pythonObject, allocator());
        }

        @Override
        public PythonObject toPython(ArrowReader javaObject) {
            return PythonArrow.toPython(javaObject);
        }

        /**
         * Refuses to pass a stream to or from a worker process, before the process is asked for anything.
         *
         * @throws PythonException always
         */
        @Override
        public boolean hasTables() {
            throw new PythonException("A stream does not cross to another process, because its batches are made one by one: pass each batch as"
                    + " a table, or a Java function that returns the next table.");
        }

        /**
         * Refuses as {@link #hasTables} does.
         *
         * @throws PythonException always
         */
        @Override
        public PythonBuffer toBuffer(ArrowReader javaObject) {
            hasTables();
            return null;
        }
    }

    /** What the types have in common. */
    abstract static class Kind<T> extends PythonType<T> {
        private final Class<T> javaType;

        Kind(String name, Class<T> javaType) {
            super(name, javaType);
            this.javaType = javaType;
        }

        @Override
        public T adapt(Object javaObject) {
            if (javaType.isInstance(javaObject)) {
                return javaType.cast(javaObject);
            }
            throw new PythonException("Cannot cast object of type "
                    + (javaObject == null ? null : javaObject.getClass().getName()) + " to " + javaType.getSimpleName());
        }
    }

    /**
     * A table as an input, an output, an argument or a result. A table that Java receives is allocated by {@link
     * #allocator}, and the caller has to close it.
     */
    public static final PythonType<VectorSchemaRoot> TABLE = new Table();

    /** A single column, see {@link #TABLE}. */
    public static final PythonType<FieldVector> COLUMN = new Column();

    /** Batches that are read one by one, see {@link #TABLE}. */
    public static final PythonType<ArrowReader> STREAM = new Stream();
}
