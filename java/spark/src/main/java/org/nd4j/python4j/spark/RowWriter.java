// SPDX-License-Identifier: Apache-2.0
// Writes rows into the vectors of a batch. Arrow's vectors check each value that they are given several times, so values of
// a fixed width are written by their addresses.
package org.nd4j.python4j.spark;

import java.util.Arrays;
import java.util.List;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.execution.arrow.ArrowWriter;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.unsafe.Platform;

/** One batch. This class is public only because the code needs it that Spark generates; programs do not use it. */
public abstract class RowWriter {

    private RowWriter() {}

    /** Adds a row. */
    abstract void write(InternalRow row);

    /** Tells the vectors how many rows there are. */
    abstract void finish();

    /** @param expected how many rows there will be, as far as that is known */
    static RowWriter of(VectorSchemaRoot root, StructType types, int expected) {
        return areFixed(types) ? new Fixed(root, types, expected) : new Any(root);
    }

    /** Whether values have a fixed width, so that {@link Fixed} writes and {@link FixedColumn} reads them. */
    static boolean isFixed(DataType type) {
        return kind(type) != null;
    }

    /** Whether there are columns, and all of them are of fixed width. */
    static boolean areFixed(StructType types) {
        return !types.isEmpty() && Arrays.stream(types.fields()).allMatch(field -> isFixed(field.dataType()));
    }

    private enum Kind { BOOLEAN, BYTE, SHORT, INT, LONG, FLOAT, DOUBLE }

    /** Null where the width of values is not fixed. */
    private static Kind kind(DataType type) {
        return type == DataTypes.DoubleType ? Kind.DOUBLE
                : type == DataTypes.LongType || type == DataTypes.TimestampType || type == DataTypes.TimestampNTZType ? Kind.LONG
                : type == DataTypes.IntegerType || type == DataTypes.DateType ? Kind.INT
                : type == DataTypes.FloatType ? Kind.FLOAT
                : type == DataTypes.ShortType ? Kind.SHORT
                : type == DataTypes.ByteType ? Kind.BYTE
                : type == DataTypes.BooleanType ? Kind.BOOLEAN : null;
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

    /** Values of fixed width: {@link #begin} a row, put each value or tell that it is null, and {@link #end} it. */
    public static final class Fixed extends RowWriter {
        private static final int MOST = 65536; // to begin with

        private final VectorSchemaRoot root;
        private final Kind[] kinds;
        private final long[] values;
        private final long[] validity;
        private final int first;
        private int row;
        private int room;

        Fixed(VectorSchemaRoot root, StructType types, int expected) {
            this.root = root;
            this.first = Math.min(expected, MOST);
            this.kinds = Arrays.stream(types.fields()).map(field -> kind(field.dataType())).toArray(Kind[]::new);
            this.values = new long[kinds.length];
            this.validity = new long[kinds.length];
        }

        /** Begins a row, none of whose values is null yet. */
        public void begin() {
            if (row == room) {
                grow();
            }
        }

        /** Ends a row. */
        public void end() {
            row++;
        }

        private void putBit(long bits, boolean value) {
            long place = bits + (row >> 3);
            int mask = 1 << (row & 7);
            int others = Platform.getByte(null, place) & ~mask;
            Platform.putByte(null, place, (byte) (value ? others | mask : others));
        }

        /** Tells that a value is null. */
        public void setNull(int column) {
            putBit(validity[column], false);
        }

        /** Puts a value. */
        public void putBoolean(int column, boolean value) {
            putBit(values[column], value);
        }

        /** Puts a value. */
        public void putByte(int column, byte value) {
            Platform.putByte(null, values[column] + row, value);
        }

        /** Puts a value. */
        public void putShort(int column, short value) {
            Platform.putShort(null, values[column] + 2L * row, value);
        }

        /** Puts a value. */
        public void putInt(int column, int value) {
            Platform.putInt(null, values[column] + 4L * row, value);
        }

        /** Puts a value. */
        public void putLong(int column, long value) {
            Platform.putLong(null, values[column] + 8L * row, value);
        }

        /** Puts a value. */
        public void putFloat(int column, float value) {
            Platform.putFloat(null, values[column] + 4L * row, value);
        }

        /** Puts a value. */
        public void putDouble(int column, double value) {
            Platform.putDouble(null, values[column] + 8L * row, value);
        }

        @Override
        void write(InternalRow from) {
            begin();
            for (int i = 0; i < kinds.length; i++) {
                if (from.isNullAt(i)) {
                    setNull(i);
                    continue;
                }
                switch (kinds[i]) {
                    case DOUBLE:
                        putDouble(i, from.getDouble(i));
                        break;
                    case LONG:
                        putLong(i, from.getLong(i));
                        break;
                    case INT:
                        putInt(i, from.getInt(i));
                        break;
                    case FLOAT:
                        putFloat(i, from.getFloat(i));
                        break;
                    case SHORT:
                        putShort(i, from.getShort(i));
                        break;
                    case BYTE:
                        putByte(i, from.getByte(i));
                        break;
                    default:
                        putBoolean(i, from.getBoolean(i));
                }
            }
            end();
        }

        private void grow() {
            int before = room;
            List<FieldVector> vectors = root.getFieldVectors();
            room = Integer.MAX_VALUE;
            for (FieldVector vector : vectors) {
                if (before == 0) {
                    vector.setInitialCapacity(first);
                    vector.allocateNew();
                } else {
                    vector.reAlloc();
                }
                room = Math.min(room, vector.getValueCapacity() & ~7);
            }
            for (int i = 0; i < kinds.length; i++) {
                FieldVector vector = vectors.get(i);
                values[i] = vector.getDataBufferAddress();
                validity[i] = vector.getValidityBufferAddress();
                Platform.setMemory(validity[i] + before / 8, (byte) -1, (room - before) / 8);
            }
        }

        @Override
        void finish() {
            root.setRowCount(row);
        }
    }
}
