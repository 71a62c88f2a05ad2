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
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.PythonObject;
import org.nd4j.python4j.PythonType;

/**
 * Tables over the same memory in Java and in Python.
 *
 * <pre>{@code
 * PythonObject orders = PythonArrow.toPython(root);             // pyarrow.table(orders), polars.DataFrame(orders), ...
 * try (ArrowReader batches = PythonArrow.reader(frame, allocator)) {
 *     while (batches.loadNextBatch()) { ... batches.getVectorSchemaRoot() ... }
 * }
 * }</pre>
 *
 * <p>In Python a table of Java's is an object with the methods of Arrow's PyCapsule interface, {@code __arrow_c_array__} and
 * {@code __arrow_c_stream__}, which pyarrow, polars, pandas, duckdb, nanoarrow and others take; none of them has to be
 * there. To Java comes any object that has one of these methods, and an iterator of such objects.
 *
 * <p>Nothing is copied except where a method says so. Java's memory is held until Python has dropped the last use of it,
 * Python's until Java has closed what it got. Python's tables do not change, so Java must not write what it got from there.
 *
 * <p>The JVM has to be started with {@link #JVM_OPTION}. Methods need a turn of {@link org.nd4j.python4j.PythonGIL}, unless they
 * say otherwise.
 */
public final class PythonArrow {

    /** What Arrow needs of the JVM, as an argument of {@code java} or in the variable {@code JDK_JAVA_OPTIONS}. */
    public static final String JVM_OPTION = "--add-opens=java.base/java.nio=org.apache.arrow.memory.core,ALL-UNNAMED";

    private PythonArrow() {}

    // ---- to Python ----

    /**
     * A batch as a table of Python's. It is the memory that the batch has now: what is loaded into the root later is another
     * one's, what is written into its vectors is seen by Python.
     *
     * @throws PythonException if Python cannot have it, or the thread has no turn
     */
    public static PythonObject toPython(VectorSchemaRoot root) {
        return toPython(root, null);
    }

    /**
     * The same for a batch with columns that are encoded by dictionaries.
     *
     * @param dictionaries where they are; null if there are none
     */
    public static PythonObject toPython(VectorSchemaRoot root, DictionaryProvider dictionaries) {
        checkOptions();
        return Outgoing.table(Objects.requireNonNull(root, "null is no VectorSchemaRoot"), dictionaries);
    }

    /** A vector as an array of Python's, with {@code __arrow_c_array__} alone. */
    public static PythonObject toPython(FieldVector vector) {
        return toPython(vector, null);
    }

    /**
     * The same for a vector that is encoded by a dictionary.
     *
     * @param dictionaries where it is; null if there is none
     */
    public static PythonObject toPython(FieldVector vector, DictionaryProvider dictionaries) {
        checkOptions();
        return Outgoing.column(Objects.requireNonNull(vector, "null is no FieldVector"), dictionaries);
    }

    /**
     * A reader as a stream of Python's, which is read once. Each batch is loaded when Python asks for it, on the thread that
     * asks. The reader belongs to Python from then on, which closes it when it has read all or has dropped the stream.
     */
    public static PythonObject toPython(ArrowReader reader) {
        checkOptions();
        return Outgoing.reader(Objects.requireNonNull(reader, "null is no ArrowReader"));
    }

    // ---- to Java ----

    /**
     * Reads the batches of anything that has Arrow data: a DataFrame, a table, a stream, a generator of batches. A batch is
     * made when {@code loadNextBatch} asks for it, so no more than one is there for the reader; its memory goes with the
     * next one. The reader takes a turn for each batch if its thread has none. Its {@code close} ends a generator that it
     * reads.
     *
     * @throws PythonException if the object has no Arrow data, or that of a single column, or the thread has no turn
     */
    public static ArrowReader reader(PythonObject object, BufferAllocator allocator) {
        checkOptions();
        return new PythonReader(new Batches(object, allocator));
    }

    /**
     * The rows of anything that has Arrow data, which the caller closes. Copied are batches of more than one, into one; and
     * columns that are encoded by dictionaries, whose values these are then. Use {@link #reader} for neither.
     *
     * @throws PythonException as there
     */
    public static VectorSchemaRoot table(PythonObject object, BufferAllocator allocator) {
        checkOptions();
        try (Batches batches = new Batches(object, allocator)) {
            return batches.table();
        }
    }

    /**
     * A single column, a pyarrow Array or a polars Series say, which the caller closes. What is copied: as with {@link #table}.
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

    /** What becomes of nulls in a numpy array, which knows none. */
    public enum Nulls {
        /** There must be none. */
        REFUSED,
        /** The array is a {@code numpy.ma.MaskedArray} over the vector's memory, its mask a copy. */
        MASKED,
        /** The array is one of floats, and a copy, with NaN where there is no value. Integers beyond 2<sup>53</sup> are rounded. */
        NAN
    }

    /**
     * The values of a vector as a numpy array over the same memory: integers, floats, timestamps and durations (as
     * {@code datetime64} and {@code timedelta64}). Those of a {@code BitVector}, whose bits numpy does not read, and days are
     * copied.
     *
     * @throws PythonException if there are nulls, the vector is of another type, numpy is missing, or the thread has no turn
     */
    public static PythonObject toNumpy(FieldVector vector) {
        return toNumpy(vector, Nulls.REFUSED);
    }

    /** The same for a vector with nulls. */
    public static PythonObject toNumpy(FieldVector vector, Nulls nulls) {
        checkOptions();
        return Ndarrays.toNumpy(Objects.requireNonNull(vector, "null is no FieldVector"), Objects.requireNonNull(nulls));
    }

    /**
     * A numpy array of one dimension as a vector over the same memory, which the caller closes. Copied are an array with gaps, of
     * the other byte order or of bool; of a masked array, whose masked values are nulls, the mask.
     *
     * @param name the name of the vector
     * @throws PythonException if the object is no such array, its elements are of a type that Arrow Java has not, or the
     *     thread has no turn
     */
    public static FieldVector fromNumpy(String name, PythonObject array, BufferAllocator allocator) {
        checkOptions();
        return Ndarrays.fromNumpy(name, array, Objects.requireNonNull(allocator));
    }

    /** Where {@link Table} and the like allocate: one for the whole process, without a limit. Needs no turn. */
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

    /** {@code arrow.table} and VectorSchemaRoot. Found by {@link java.util.ServiceLoader}; programs use {@link #TABLE}. */
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
    }

    /** {@code arrow.column} and FieldVector. Found by {@link java.util.ServiceLoader}; programs use {@link #COLUMN}. */
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
    }

    /** {@code arrow.stream} and ArrowReader. Found by {@link java.util.ServiceLoader}; programs use {@link #STREAM}. */
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

    /** A table: an input, an output, an argument or a result. What Java gets is of {@link #allocator} and the caller's to close. */
    public static final PythonType<VectorSchemaRoot> TABLE = new Table();

    /** The same for a single column. */
    public static final PythonType<FieldVector> COLUMN = new Column();

    /** The same for batches that are read one by one. */
    public static final PythonType<ArrowReader> STREAM = new Stream();
}
