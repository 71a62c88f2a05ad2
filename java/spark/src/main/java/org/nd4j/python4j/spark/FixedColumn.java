// SPDX-License-Identifier: Apache-2.0
// A column of values of a fixed width, which Spark reads by their addresses. Arrow's vectors check each value that is read
// several times.
package org.nd4j.python4j.spark;

import org.apache.arrow.vector.FieldVector;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.Decimal;
import org.apache.spark.sql.vectorized.ColumnVector;
import org.apache.spark.sql.vectorized.ColumnarArray;
import org.apache.spark.sql.vectorized.ColumnarMap;
import org.apache.spark.unsafe.Platform;
import org.apache.spark.unsafe.types.UTF8String;

/** A view of a vector of {@link RowWriter#isFixed fixed width}, which must not be closed before. */
final class FixedColumn extends ColumnVector {
    private final long values;
    private final long validity;
    private final int nulls;

    FixedColumn(FieldVector vector, DataType type) {
        super(type);
        values = vector.getDataBufferAddress();
        validity = vector.getValidityBufferAddress();
        nulls = vector.getNullCount();
    }

    private static boolean bit(long bits, int row) {
        return (Platform.getByte(null, bits + (row >> 3)) >> (row & 7) & 1) != 0;
    }

    @Override
    public boolean hasNull() {
        return nulls > 0;
    }

    @Override
    public int numNulls() {
        return nulls;
    }

    @Override
    public boolean isNullAt(int row) {
        return nulls > 0 && !bit(validity, row);
    }

    @Override
    public boolean getBoolean(int row) {
        return bit(values, row);
    }

    @Override
    public byte getByte(int row) {
        return Platform.getByte(null, values + row);
    }

    @Override
    public short getShort(int row) {
        return Platform.getShort(null, values + 2L * row);
    }

    @Override
    public int getInt(int row) {
        return Platform.getInt(null, values + 4L * row);
    }

    @Override
    public long getLong(int row) {
        return Platform.getLong(null, values + 8L * row);
    }

    @Override
    public float getFloat(int row) {
        return Platform.getFloat(null, values + 4L * row);
    }

    @Override
    public double getDouble(int row) {
        return Platform.getDouble(null, values + 8L * row);
    }

    @Override
    public ColumnarArray getArray(int row) {
        throw other();
    }

    @Override
    public ColumnarMap getMap(int row) {
        throw other();
    }

    @Override
    public Decimal getDecimal(int row, int precision, int scale) {
        throw other();
    }

    @Override
    public UTF8String getUTF8String(int row) {
        throw other();
    }

    @Override
    public byte[] getBinary(int row) {
        throw other();
    }

    @Override
    public ColumnVector getChild(int ordinal) {
        throw other();
    }

    private UnsupportedOperationException other() {
        return new UnsupportedOperationException("This is a column of type " + dataType());
    }

    @Override
    public void close() {} // whoever has the vector closes it
}
