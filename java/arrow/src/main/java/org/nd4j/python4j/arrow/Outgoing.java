// SPDX-License-Identifier: Apache-2.0
// From Arrow Java to Python: it describes vectors by numbers, from which arrow.rs builds the structs of Arrow's
// C data interface.
package org.nd4j.python4j.arrow;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.BiConsumer;
import org.apache.arrow.c.ArrowSchema;
import org.apache.arrow.c.Data;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.dictionary.Dictionary;
import org.apache.arrow.vector.dictionary.DictionaryProvider;
import org.apache.arrow.vector.ipc.ArrowReader;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.Schema;
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.PythonObject;
import org.nd4j.python4j.internal.arrow.Tables;

/** Vectors on their way to Python. Holds their buffers until it is told that nobody uses them any more. */
final class Outgoing implements Runnable {

    private final DictionaryProvider dictionaries;
    private final List<ArrowBuf> buffers = new ArrayList<>();
    private long[] numbers = new long[64];
    private int count;
    private ArrowBuf pointers; // room for the addresses of a vector's buffers, while they are collected

    private Outgoing(DictionaryProvider dictionaries) {
        this.dictionaries = dictionaries;
    }

    static PythonObject table(VectorSchemaRoot root, DictionaryProvider dictionaries) {
        Schema schema = root.getSchema();
        return batch(root, dictionaries).give(schema, schema.getFields(), true, allocator(root),
                (allocator, out) -> Data.exportSchema(allocator, schema, dictionaries, out));
    }

    static PythonObject column(FieldVector vector, DictionaryProvider dictionaries) {
        Outgoing column = new Outgoing(dictionaries);
        column.fill(() -> column.add(vector));
        Field field = vector.getField();
        return column.give(field, List.of(field), false, allocator(vector),
                (allocator, out) -> Data.exportField(allocator, field, dictionaries, out));
    }

    private PythonObject give(Object schema, List<Field> fields, boolean table, BufferAllocator allocator,
            BiConsumer<BufferAllocator, ArrowSchema> export) {
        Object kept = hasDictionary(fields) ? null : schema; // what a dictionary holds, its field does not tell
        return Tables.give(numbers(), kept, use -> {
            try (ArrowSchema out = ArrowSchema.allocateNew(allocator)) {
                export.accept(allocator, out);
                return use.apply(out.memoryAddress());
            } catch (UnsupportedOperationException e) {
                throw unsupported(e);
            }
        }, table, this);
    }

    static boolean hasDictionary(List<Field> fields) {
        for (Field field : fields) {
            if (field.getDictionary() != null || hasDictionary(field.getChildren())) {
                return true;
            }
        }
        return false;
    }

    static PythonObject reader(ArrowReader reader) {
        try {
            VectorSchemaRoot root = reader.getVectorSchemaRoot();
            BufferAllocator allocator = allocator(root);
            try (ArrowSchema schema = ArrowSchema.allocateNew(allocator)) {
                Data.exportSchema(allocator, root.getSchema(), reader, schema);
                return Tables.give(new Read(reader), schema.memoryAddress());
            }
        } catch (UnsupportedOperationException e) {
            throw unsupported(e);
        } catch (java.io.IOException e) {
            throw new PythonException("The reader cannot be read: " + e.getMessage(), e);
        }
    }

    /** A reader that Python reads. */
    private static final class Read implements Tables.Batches {
        private final ArrowReader reader;

        Read(ArrowReader reader) {
            this.reader = reader;
        }

        @Override
        public void next(long wanted) throws Exception {
            if (reader.loadNextBatch()) {
                Outgoing batch = batch(reader.getVectorSchemaRoot(), reader);
                Tables.batch(batch.numbers(), wanted, batch);
            }
        }

        @Override
        public void close() throws Exception {
            reader.close();
        }
    }

    private static Outgoing batch(VectorSchemaRoot root, DictionaryProvider dictionaries) {
        Outgoing batch = new Outgoing(dictionaries);
        batch.fill(() -> {
            List<FieldVector> columns = root.getFieldVectors();
            batch.numbers(root.getRowCount(), 1, 0, columns.size(), 0); // its one buffer says which rows are null: none
            for (FieldVector column : columns) {
                if (column.getValueCount() != root.getRowCount()) {
                    throw new PythonException("The column " + column.getName() + " has " + column.getValueCount()
                            + " values, the table has " + root.getRowCount() + " rows: call setRowCount of the root.");
                }
                batch.add(column);
            }
        });
        return batch;
    }

    private static BufferAllocator allocator(VectorSchemaRoot root) {
        List<FieldVector> columns = root.getFieldVectors();
        return columns.isEmpty() ? PythonArrow.allocator() : allocator(columns.get(0));
    }

    /** A NullVector has none. */
    private static BufferAllocator allocator(FieldVector vector) {
        BufferAllocator allocator = vector.getAllocator();
        return allocator == null ? PythonArrow.allocator() : allocator;
    }

    private static PythonException unsupported(UnsupportedOperationException e) {
        return new PythonException("Arrow Java cannot hand this type over: " + e.getMessage(), e);
    }

    private void fill(Runnable filling) {
        try {
            filling.run();
        } catch (Throwable e) {
            run();
            throw e;
        } finally {
            closePointers();
        }
    }

    /** Whether vectors say themselves which buffers they have for others: those of Spark 3.5's Arrow do not. */
    private static final boolean EXPORTS = Arrays.stream(FieldVector.class.getMethods())
            .anyMatch(method -> method.getName().equals("getExportedCDataBufferCount"));

    /** One array, with those below it. */
    private void add(FieldVector vector) {
        List<ArrowBuf> older = EXPORTS ? null : vector.getFieldBuffers();
        int own = older == null ? vector.getExportedCDataBufferCount() : older.size();
        int before = buffers.size();
        List<FieldVector> children = vector.getChildrenFromFields();
        Dictionary dictionary = null;
        if (vector.getField().getDictionary() != null) {
            long id = vector.getField().getDictionary().getId();
            dictionary = dictionaries == null ? null : dictionaries.lookup(id);
            if (dictionary == null) {
                throw new PythonException("The column " + vector.getName() + " is encoded by the dictionary " + id
                        + ", which was not handed over: give the DictionaryProvider as well.");
            }
        }
        numbers(vector.getValueCount(), own);
        if (older != null) {
            for (ArrowBuf buffer : older) {
                buffer.getReferenceManager().retain();
                buffers.add(buffer);
                numbers(buffer.memoryAddress());
            }
        } else {
            if (pointers == null || pointers.capacity() < own * (long) Long.BYTES) {
                closePointers();
                pointers = allocator(vector).buffer(Math.max(16, own) * (long) Long.BYTES);
            }
            pointers.clear();
            vector.exportCDataBuffers(buffers, pointers, 0);
            for (int i = 0; i < own; i++) {
                numbers(pointers.getLong(i * (long) Long.BYTES));
            }
        }
        if (buffers.size() - before > own) {
            throw new PythonException("The column " + vector.getName() + " has more buffers than Arrow Java says.");
        }
        numbers(children.size(), dictionary == null ? 0 : 1);
        for (FieldVector child : children) {
            add(child);
        }
        if (dictionary != null) {
            add(dictionary.getVector());
        }
    }

    private void closePointers() {
        if (pointers != null) {
            pointers.close();
            pointers = null;
        }
    }

    private void numbers(long... more) {
        if (count + more.length > numbers.length) {
            numbers = Arrays.copyOf(numbers, 2 * numbers.length + more.length);
        }
        System.arraycopy(more, 0, numbers, count, more.length);
        count += more.length;
    }

    private long[] numbers() {
        return Arrays.copyOf(numbers, count);
    }

    /** Nobody uses the memory any more. */
    @Override
    public void run() {
        for (ArrowBuf buffer : buffers) {
            buffer.close();
        }
        buffers.clear();
    }
}
