// SPDX-License-Identifier: Apache-2.0
// Writes rows into the vectors of a batch. Arrow's vectors check each value that they are given several times, so values of
// a fixed width are written by their addresses.
package org.nd4j.python4j.spark;

import java.util.List;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.DateDayVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.Float4Vector;
import org.apache.arrow.vector.Float8Vector;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.SmallIntVector;
import org.apache.arrow.vector.TimeStampVector;
import org.apache.arrow.vector.TinyIntVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.execution.arrow.ArrowWriter;
import org.apache.spark.unsafe.Platform;

/** One batch. */
abstract class RowWriter {

    abstract void write(InternalRow row);

    /** Tells the vectors how many rows there are. */
    abstract void finish();

    static RowWriter of(VectorSchemaRoot root) {
        List<FieldVector> vectors = root.getFieldVectors();
        int[] kinds = vectors.stream().mapToInt(RowWriter::kind).toArray();
        for (int kind : kinds) {
            if (kind == OTHER) {
                return new Any(root);
            }
        }
        return kinds.length == 0 ? new Any(root) : new Fixed(root, kinds);
    }

    private static final int OTHER = 0;
    private static final int BYTE = 1;
    private static final int SHORT = 2;
    private static final int INT = 3;
    private static final int LONG = 4;
    private static final int FLOAT = 5;
    private static final int DOUBLE = 6;

    private static int kind(FieldVector vector) {
        return vector instanceof Float8Vector ? DOUBLE : vector instanceof BigIntVector || vector instanceof TimeStampVector ? LONG
                : vector instanceof IntVector || vector instanceof DateDayVector ? INT : vector instanceof Float4Vector ? FLOAT
                : vector instanceof SmallIntVector ? SHORT : vector instanceof TinyIntVector ? BYTE : OTHER;
    }

    /** Whatever Spark writes. */
    private static final class Any extends RowWriter {
        private final ArrowWriter writer;

        Any(VectorSchemaRoot root) {
            writer = ArrowWriter.create(root);
        }

        @Override
        void write(InternalRow row) {
            writer.write(row);
        }

        @Override
        void finish() {
            writer.finish();
        }
    }

    private static final class Fixed extends RowWriter {
        private static final int FIRST = 4096;

        private final VectorSchemaRoot root;
        private final int[] kinds;
        private final long[] values;
        private final long[] validity;
        private int rows;
        private int room;

        Fixed(VectorSchemaRoot root, int[] kinds) {
            this.root = root;
            this.kinds = kinds;
            this.values = new long[kinds.length];
            this.validity = new long[kinds.length];
        }

        @Override
        void write(InternalRow row) {
            if (rows == room) {
                grow();
            }
            for (int i = 0; i < kinds.length; i++) {
                if (row.isNullAt(i)) {
                    long place = validity[i] + (rows >> 3);
                    Platform.putByte(null, place, (byte) (Platform.getByte(null, place) & ~(1 << (rows & 7))));
                    continue;
                }
                switch (kinds[i]) {
                    case DOUBLE:
                        Platform.putDouble(null, values[i] + 8L * rows, row.getDouble(i));
                        break;
                    case LONG:
                        Platform.putLong(null, values[i] + 8L * rows, row.getLong(i));
                        break;
                    case INT:
                        Platform.putInt(null, values[i] + 4L * rows, row.getInt(i));
                        break;
                    case FLOAT:
                        Platform.putFloat(null, values[i] + 4L * rows, row.getFloat(i));
                        break;
                    case SHORT:
                        Platform.putShort(null, values[i] + 2L * rows, row.getShort(i));
                        break;
                    default:
                        Platform.putByte(null, values[i] + rows, row.getByte(i));
                }
            }
            rows++;
        }

        /** Room for more rows, none of whose values is null yet. */
        private void grow() {
            int before = room;
            room = Integer.MAX_VALUE;
            for (FieldVector vector : root.getFieldVectors()) {
                if (before == 0) {
                    vector.setInitialCapacity(FIRST);
                    vector.allocateNew();
                } else {
                    vector.reAlloc();
                }
                room = Math.min(room, vector.getValueCapacity() & ~7);
            }
            for (int i = 0; i < kinds.length; i++) {
                FieldVector vector = root.getVector(i);
                values[i] = vector.getDataBufferAddress();
                validity[i] = vector.getValidityBufferAddress();
                Platform.setMemory(validity[i] + before / 8, (byte) -1, (room - before) / 8);
            }
        }

        @Override
        void finish() {
            root.setRowCount(rows);
        }
    }
}
