// SPDX-License-Identifier: Apache-2.0
// From Python to Arrow Java: the batches of anything that has Arrow data, as vectors over the same memory. arrow.rs gives the
// structs of Arrow's C data interface, without offsets, which Arrow Java does not read.
package org.nd4j.python4j.arrow;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.apache.arrow.c.ArrowArray;
import org.apache.arrow.c.ArrowSchema;
import org.apache.arrow.c.CDataDictionaryProvider;
import org.apache.arrow.c.Data;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.dictionary.DictionaryEncoder;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.Schema;
import org.apache.arrow.vector.util.VectorAppender;
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.PythonObject;
import org.nd4j.python4j.internal.arrow.Tables;

/** Arrow data of Python's that Java reads. */
final class Batches implements AutoCloseable {

    private static final int STRUCT = 80; // bytes of an ArrowArray

    final BufferAllocator allocator;
    final CDataDictionaryProvider dictionaries = new CDataDictionaryProvider();
    private final Tables.Incoming incoming;
    private Field field; // of a table a struct; null before it is asked for

    Batches(PythonObject object, BufferAllocator allocator) {
        this.allocator = Objects.requireNonNull(allocator);
        this.incoming = new Tables.Incoming(object);
    }

    private boolean readField() {
        try (ArrowSchema schema = ArrowSchema.allocateNew(allocator)) {
            boolean table = incoming.schema(schema.memoryAddress());
            field = Data.importField(allocator, schema, dictionaries); // as all releases of Arrow have it; it closes the schema
            return table;
        } catch (UnsupportedOperationException | IllegalArgumentException | IllegalStateException e) {
            throw new PythonException("Arrow Java has no such type: " + e.getMessage() + ". Cast it in Python.", e);
        }
    }

    /** The columns. */
    Schema schema() {
        if (!readField()) {
            throw new PythonException("This is a single column of type " + field.getType()
                    + ", not a table: read it by PythonArrow.vector.");
        }
        return new Schema(field.getChildren(), field.getMetadata());
    }

    /** Loads the next batch into vectors of {@link #schema}; false if there is none. */
    boolean load(VectorSchemaRoot root) {
        long rows = load(root.getFieldVectors(), true);
        if (rows >= 0) {
            root.setRowCount((int) rows);
        }
        return rows >= 0;
    }

    private long load(List<FieldVector> vectors, boolean table) {
        try (ArrowBuf room = allocator.buffer(Math.max(1, vectors.size()) * (long) STRUCT)) {
            room.setZero(0, room.capacity());
            long rows = incoming.next(table, room.memoryAddress());
            if (rows < 0) {
                return rows;
            }
            int imported = 0;
            try {
                if (rows > Integer.MAX_VALUE) {
                    throw new PythonException("A batch of Arrow Java has at most 2147483647 rows, this one has " + rows
                            + ": hand it over in smaller ones.");
                }
                for (FieldVector vector : vectors) {
                    ArrowArray array = ArrowArray.wrap(room.memoryAddress() + (long) STRUCT * imported++);
                    Data.importIntoVector(allocator, array, vector, dictionaries);
                }
            } finally {
                for (; imported < Math.max(1, vectors.size()) && !(table && vectors.isEmpty()); imported++) {
                    ArrowArray.wrap(room.memoryAddress() + (long) STRUCT * imported).release();
                }
            }
            return rows;
        }
    }

    /** All rows in one. */
    VectorSchemaRoot table() {
        Schema schema = schema();
        List<FieldVector> columns = all(schema.getFields(), true);
        int rows = columns.isEmpty() ? rows() : columns.get(0).getValueCount();
        List<Field> fields = new ArrayList<>();
        columns.forEach(column -> fields.add(column.getField()));
        return new VectorSchemaRoot(new Schema(fields, schema.getCustomMetadata()), columns, rows);
    }

    /** All values in one. */
    FieldVector vector() {
        readField();
        return all(List.of(field), false).get(0);
    }

    private int rows() {
        int rows = 0;
        for (long more; (more = load(List.of(), true)) >= 0; ) {
            rows = Math.toIntExact(rows + more);
        }
        return rows;
    }

    private List<FieldVector> all(List<Field> fields, boolean table) {
        List<FieldVector> all = null;
        boolean own = false; // whether the memory is Java's, so that it can grow
        try {
            while (true) {
                List<FieldVector> next = decoded(vectors(fields, table));
                if (next == null) {
                    return all != null ? all : decoded(made(fields));
                }
                if (all == null) {
                    all = next;
                    continue;
                }
                try {
                    if (!own) {
                        all = copied(all);
                        own = true;
                    }
                    for (int i = 0; i < all.size(); i++) {
                        next.get(i).accept(new VectorAppender(all.get(i)), null);
                    }
                } finally {
                    next.forEach(FieldVector::close);
                }
            }
        } catch (Throwable e) {
            if (all != null) {
                all.forEach(FieldVector::close);
            }
            if (e instanceof UnsupportedOperationException) {
                throw new PythonException("Arrow Java cannot make one batch of several with these columns: make one in "
                        + "Python, or read them one by one with PythonArrow.reader.", e);
            }
            throw e;
        }
    }

    private List<FieldVector> made(List<Field> fields) {
        List<FieldVector> vectors = new ArrayList<>();
        fields.forEach(field -> vectors.add(field.createVector(allocator)));
        return vectors;
    }

    /** The vectors of the next batch; null if there is none. */
    private List<FieldVector> vectors(List<Field> fields, boolean table) {
        List<FieldVector> vectors = made(fields);
        try {
            if (load(vectors, table) >= 0) {
                return vectors;
            }
            vectors.forEach(FieldVector::close);
            return null;
        } catch (Throwable e) {
            vectors.forEach(FieldVector::close);
            throw e;
        }
    }

    private List<FieldVector> copied(List<FieldVector> vectors) {
        List<FieldVector> copies = new ArrayList<>();
        for (FieldVector vector : vectors) {
            FieldVector copy = vector.getField().createVector(allocator);
            copy.allocateNew();
            vector.accept(new VectorAppender(copy), null);
            copies.add(copy);
            vector.close();
        }
        return copies;
    }

    private List<FieldVector> decoded(List<FieldVector> vectors) {
        for (int i = 0; vectors != null && i < vectors.size(); i++) {
            FieldVector vector = vectors.get(i);
            if (vector.getField().getDictionary() == null) {
                continue;
            }
            long id = vector.getField().getDictionary().getId();
            try {
                FieldVector values = (FieldVector) DictionaryEncoder.decode(vector, dictionaries.lookup(id), allocator);
                vectors.set(i, named(values, vector.getField()));
            } finally {
                vector.close();
            }
        }
        return vectors;
    }

    /** The values with the name of the column that they are of. */
    private FieldVector named(FieldVector values, Field column) {
        Field field = new Field(column.getName(), new org.apache.arrow.vector.types.pojo.FieldType(
                true, values.getField().getType(), null, column.getMetadata()), values.getField().getChildren());
        FieldVector named = field.createVector(allocator);
        values.makeTransferPair(named).transfer();
        values.close();
        return named;
    }

    @Override
    public void close() {
        try {
            incoming.close();
        } finally {
            dictionaries.close();
        }
    }
}
