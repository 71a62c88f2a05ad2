// SPDX-License-Identifier: Apache-2.0
// Tables that the rows "table." hand over, and the columns and records that they are made of.
package org.nd4j.python4j.bench;

import java.time.LocalDate;
import java.util.ArrayList;
import java.util.List;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.Float8Vector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.ipc.ArrowReader;
import org.apache.arrow.vector.types.pojo.Schema;

/** Made in Java, by Arrow alone. */
final class Tables {

    static final BufferAllocator ALLOCATOR = new RootAllocator();
    static final int BATCH = 10_000; // rows of a stream's batch

    /** A row of those that go without Arrow in Java. */
    record Trade(long id, double price, String name, LocalDate day) {}

    private Tables() {}

    static List<Trade> trades(int rows) {
        List<Trade> trades = new ArrayList<>(rows);
        for (int i = 0; i < rows; i++) {
            trades.add(new Trade(i, i * 0.5, "name" + i % 1000, LocalDate.ofEpochDay(i % 20_000)));
        }
        return trades;
    }

    /** Eight columns, four of long and four of double. */
    static VectorSchemaRoot table(int rows) {
        List<FieldVector> columns = new ArrayList<>();
        for (int column = 0; column < 4; column++) {
            columns.add(longs("l" + column, rows));
            columns.add(doubles("d" + column, rows));
        }
        VectorSchemaRoot root = new VectorSchemaRoot(columns);
        root.setRowCount(rows);
        return root;
    }

    private static BigIntVector longs(String name, int rows) {
        BigIntVector vector = new BigIntVector(name, ALLOCATOR);
        vector.allocateNew(rows);
        for (int i = 0; i < rows; i++) {
            vector.set(i, i);
        }
        vector.setValueCount(rows);
        return vector;
    }

    static Float8Vector doubles(String name, int rows) {
        Float8Vector vector = new Float8Vector(name, ALLOCATOR);
        vector.allocateNew(rows);
        for (int i = 0; i < rows; i++) {
            vector.set(i, i * 0.5);
        }
        vector.setValueCount(rows);
        return vector;
    }

    /** Batches of {@link #BATCH} rows that are there already: what is timed is how they cross. */
    static final class Reader extends ArrowReader {
        private final VectorSchemaRoot batch;
        private int left;

        Reader(VectorSchemaRoot batch, int rows) {
            super(ALLOCATOR);
            this.batch = batch;
            this.left = rows / BATCH;
        }

        @Override
        public VectorSchemaRoot getVectorSchemaRoot() {
            return batch;
        }

        @Override
        public boolean loadNextBatch() {
            return left-- > 0;
        }

        @Override
        public long bytesRead() {
            return 0;
        }

        @Override
        public void close() {}

        @Override
        protected void closeReadSource() {}

        @Override
        protected Schema readSchema() {
            return batch.getSchema();
        }
    }
}
