// SPDX-License-Identifier: Apache-2.0
// From Python to Arrow Java: the batches of any object with Arrow data become vectors over the same memory. The
// file arrow.rs gives the structs of Arrow's C data interface without offsets, because Arrow Java does not read
// offsets.
package org.nd4j.python4j.arrow;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.apache.arrow.c.ArrowSchema;
import org.apache.arrow.c.CDataDictionaryProvider;
import org.apache.arrow.c.Data;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.BaseIntVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.NullVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.dictionary.Dictionary;
import org.apache.arrow.vector.dictionary.DictionaryEncoder;
import org.apache.arrow.vector.types.Types;
import org.apache.arrow.vector.types.UnionMode;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.FieldType;
import org.apache.arrow.vector.types.pojo.Schema;
import org.apache.arrow.vector.util.SchemaChangeRuntimeException;
import org.apache.arrow.vector.util.VectorAppender;
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.PythonObject;
import org.nd4j.python4j.internal.arrow.Tables;

/** Arrow data of Python's that Java reads. */
final class Batches implements AutoCloseable {

    final BufferAllocator allocator;
    final CDataDictionaryProvider dictionaries = new CDataDictionaryProvider();
    private final Tables.Incoming incoming;
    private Field field; // of a table a struct; null before it is asked for

    Batches(PythonObject object, BufferAllocator allocator) {
        this.allocator = Objects.requireNonNull(allocator);
        this.incoming = new Tables.Incoming(object);
    }

    /** The schema that came last, which is made again only where another comes. */
    private static volatile Known known = new Known(0, null);

    private static final class Known {
        final long number;
        final Field field;

        Known(long number, Field field) {
            this.number = number;
            this.field = field;
        }
    }

    private void readField() {
        Known last = known;
        if (last.field != null && incoming.schema(0, last.number) == last.number) {
            field = last.field;
            return;
        }
        try (ArrowSchema schema = ArrowSchema.allocateNew(allocator)) {
            long number = incoming.schema(schema.memoryAddress(), 0);
            field = Data.importField(allocator, schema, dictionaries); // as all releases of Arrow have it; it closes the schema
            checkType(field);
            field.createVector(allocator).close(); // Arrow Java refuses here what its importer takes, a map of nullable entries say
            if (!Outgoing.hasDictionary(List.of(field))) {
                known = new Known(number, field);
            }
        } catch (UnsupportedOperationException | IllegalArgumentException | IllegalStateException | SchemaChangeRuntimeException e) {
            throw new PythonException("Arrow Java has no such type: " + e.getMessage() + ". Cast it in Python.", e);
        }
    }

    /**
     * What Arrow Java would take and read wrongly: it reads decimals of 32 and 64 bits as those of 128. And it forgets the
     * numbers of a union's types and puts its own in their place: 0, 1, 2 in a dense union, those of {@code MinorType} in a
     * sparse one.
     */
    private void checkType(Field field) {
        if (field.getType() instanceof ArrowType.Decimal && ((ArrowType.Decimal) field.getType()).getBitWidth() < 128) {
            throw new PythonException("Arrow Java has no such type: " + field.getType() + " of " + field.getName()
                    + ". Cast it to decimal128 in Python.");
        }
        if (field.getType() instanceof ArrowType.Union) {
            ArrowType.Union type = (ArrowType.Union) field.getType();
            for (int i = 0; i < field.getChildren().size(); i++) {
                boolean dense = type.getMode() == UnionMode.Dense;
                int own = dense ? i : Types.getMinorTypeForArrowType(field.getChildren().get(i).getType()).ordinal();
                if (type.getTypeIds()[i] != own) {
                    throw new PythonException("Arrow Java reads no union with these numbers of types, " + type + " of "
                            + field.getName() + ": make a dense one in Python, whose numbers are 0, 1, 2 and so on.");
                }
            }
        }
        if (field.getDictionary() != null) {
            checkType(dictionaries.lookup(field.getDictionary().getId()).getVector().getField());
        }
        field.getChildren().forEach(this::checkType);
    }

    /** The columns. */
    Schema schema() {
        readField();
        if (!(field.getType() instanceof ArrowType.Struct)) {
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

    /** Loads the next batch, and returns the number of its rows; -1 if there is none. */
    private long load(List<FieldVector> vectors, boolean table) {
        long[] numbers = incoming.next(table);
        if (numbers == null) {
            return -1;
        }
        try (Received received = new Received(numbers, allocator, dictionaries)) {
            long rows = received.rows();
            if (rows > Integer.MAX_VALUE) {
                throw new PythonException("A batch of Arrow Java has at most 2147483647 rows, this one has " + rows
                        + ": hand it over in smaller ones.");
            }
            vectors.forEach(received::load);
            return rows;
        }
    }

    /** All rows in one. */
    VectorSchemaRoot table() {
        Schema schema = schema();
        boolean none = schema.getFields().isEmpty();
        List<FieldVector> columns = none ? List.of() : all(schema.getFields(), true);
        int rows = none ? rows() : columns.get(0).getValueCount();
        List<Field> fields = new ArrayList<>(schema.getFields());
        for (int i = 0; i < fields.size(); i++) {
            if (fields.get(i).getDictionary() != null) {
                fields.set(i, columns.get(i).getField());
            }
        }
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
                        for (FieldVector vector : all) {
                            checkAppendable(vector.getField());
                        }
                        all = copied(all);
                        own = true;
                    }
                    for (int i = 0; i < all.size(); i++) {
                        append(all.get(i), next.get(i));
                    }
                } finally {
                    next.forEach(FieldVector::close);
                }
            }
        } catch (Throwable e) {
            if (all != null) {
                all.forEach(FieldVector::close);
            }
            if (e instanceof UnsupportedOperationException || e instanceof ClassCastException) { // the appender's
                throw new PythonException("Arrow Java cannot make one batch of several with these columns: make one in "
                        + "Python, or read them one by one with PythonArrow.reader.", e);
            }
            throw e;
        }
    }

    /** Arrow Java's appender never ends where nulls by type are in a struct: these have no capacity, and it waits for one. */
    private static void checkAppendable(Field field) {
        for (Field child : field.getChildren()) {
            if (child.getType() instanceof ArrowType.Null) {
                throw new UnsupportedOperationException("nulls without another type in " + field.getName());
            }
            checkAppendable(child);
        }
    }

    private static void append(FieldVector target, FieldVector more) {
        if (target instanceof NullVector) { // which Arrow Java's appender leaves as it is
            target.setValueCount(target.getValueCount() + more.getValueCount());
        } else {
            more.accept(new VectorAppender(target), null);
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
        try {
            for (FieldVector vector : vectors) {
                FieldVector copy = vector.getField().createVector(allocator);
                copies.add(copy);
                copy.allocateNew();
                append(copy, vector);
            }
        } catch (Throwable e) {
            copies.forEach(FieldVector::close);
            throw e;
        }
        vectors.forEach(FieldVector::close);
        return copies;
    }

    private List<FieldVector> decoded(List<FieldVector> vectors) {
        for (int i = 0; vectors != null && i < vectors.size(); i++) {
            FieldVector vector = vectors.get(i);
            if (vector.getField().getDictionary() == null) {
                continue;
            }
            Dictionary dictionary = dictionaries.lookup(vector.getField().getDictionary().getId());
            try {
                checkKeys(vector, dictionary.getVector().getValueCount());
                FieldVector values = (FieldVector) DictionaryEncoder.decode(vector, dictionary, allocator);
                vectors.set(i, named(values, vector.getField()));
            } catch (Throwable e) {
                vectors.forEach(FieldVector::close);
                throw e;
            } finally {
                vector.close();
            }
        }
        return vectors;
    }

    /** Arrow Java's decoder would keep the memory of its result for ever. */
    private static void checkKeys(FieldVector keys, int count) {
        for (int i = 0; i < keys.getValueCount(); i++) {
            long key = keys.isNull(i) ? 0 : ((BaseIntVector) keys).getValueAsLong(i);
            if (key < 0 || key >= count && !keys.isNull(i)) {
                throw new PythonException("The column '" + keys.getName() + "' is malformed: row " + i + " has the value " + key
                        + " of a dictionary of " + count + ".");
            }
        }
    }

    /** The values with the name of the column that they are of. */
    private FieldVector named(FieldVector values, Field column) {
        Field field = new Field(column.getName(),
                new FieldType(true, values.getField().getType(), null, column.getMetadata()), values.getField().getChildren());
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
