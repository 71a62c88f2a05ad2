// SPDX-License-Identifier: Apache-2.0
// Calls of Python functions in a task. Arguments are collected until there is a batch of them; then Python makes a column for
// each call. Either the code that Spark generates for PythonExec does that, or `rows`.
package org.nd4j.python4j.spark;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.JoinedRow;
import org.apache.spark.sql.catalyst.expressions.UnsafeProjection;
import org.apache.spark.sql.catalyst.expressions.UnsafeRow;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.sql.vectorized.ColumnVector;
import org.apache.spark.sql.vectorized.ColumnarBatchRow;
import org.nd4j.python4j.PythonException;

/** The batches of a task. This class is public only because the code needs it that Spark generates; programs do not use it. */
public final class CallBatches extends TaskWork {
    private final StructType argumentTypes;
    private final StructType keptTypes;
    private final List<PythonScript> functions = new ArrayList<>();
    private final List<Object> counts = new ArrayList<>();

    // A batch that is collected.
    private VectorSchemaRoot arguments;
    private VectorSchemaRoot keptColumns;
    private RowWriter writer;
    private RowWriter keptWriter;
    private List<UnsafeRow> keptRows;
    private int collected;

    // A batch that Python has worked for.
    private VectorSchemaRoot readColumns;
    private List<UnsafeRow> readRows;
    private ColumnarBatchRow row;
    private int count;
    private int at;

    private CallBatches(PythonTask task) {
        super(task);
        for (Expression each : task.calls) {
            functions.add(((PythonCall) each).function());
            counts.add(each.children().size());
        }
        argumentTypes = types(arguments(task.calls));
        keptTypes = types(task.keys);
    }

    /** @param task a {@link PythonTask} */
    public static CallBatches of(Object task) {
        return new CallBatches((PythonTask) task);
    }

    /** The arguments of all calls. */
    static List<Expression> arguments(List<Expression> calls) {
        List<Expression> all = new ArrayList<>();
        calls.forEach(call -> all.addAll(Scala.list(call.children())));
        return all;
    }

    static StructType types(List<Expression> expressions) {
        StructType types = new StructType();
        for (Expression each : expressions) {
            types = types.add("a" + types.size(), each.dataType(), true);
        }
        return types;
    }

    // ---- to Python ----

    /** Where the arguments of the next row go, if they are of fixed width. */
    public RowWriter.Fixed arguments() {
        return (RowWriter.Fixed) writer();
    }

    /** Adds the arguments of the next row. */
    public void write(InternalRow row) {
        writer().write(row);
    }

    /** Where the columns go that go on beside the results, if they are of fixed width. */
    public RowWriter.Fixed kept() {
        return (RowWriter.Fixed) keptWriter;
    }

    /** Keeps a row of these columns otherwise. */
    public void keep(UnsafeRow row) {
        keptRows.add(row.copy());
    }

    private RowWriter writer() {
        if (writer == null) {
            arguments = VectorSchemaRoot.create(arrow(argumentTypes), allocator);
            writer = RowWriter.of(arguments, argumentTypes, task.batch);
            if (RowWriter.areFixed(keptTypes)) {
                keptColumns = VectorSchemaRoot.create(arrow(keptTypes), allocator);
                keptWriter = RowWriter.of(keptColumns, keptTypes, task.batch);
            } else {
                keptRows = new ArrayList<>();
            }
        }
        return writer;
    }

    /** Ends a row, and tells whether the batch has become full. */
    public boolean endRow() {
        return ++collected == task.batch;
    }

    // ---- from Python ----

    /** Has Python work for the rows that were collected; false if there are none. */
    public boolean evaluate() {
        closeRead();
        if (collected == 0) {
            return false;
        }
        writer.finish();
        ColumnVector[] results = guarded(() -> {
            VectorSchemaRoot batch = arguments;
            arguments = null;
            VectorSchemaRoot made = made("evaluated", functions, batch, counts, collected);
            ColumnVector[] columns = columns(made, true);
            if (made.getRowCount() != collected) {
                throw new PythonException("The function gave " + made.getRowCount() + " values for " + collected + " rows: it must give one for each.");
            }
            return columns;
        });
        int before = 0;
        if (keptColumns != null) {
            keptWriter.finish();
            before = keptTypes.size();
        }
        ColumnVector[] columns = new ColumnVector[before + results.length];
        for (int i = 0; i < before; i++) {
            columns[i] = column(keptColumns.getVector(i), keptTypes.fields()[i].dataType());
        }
        System.arraycopy(results, 0, columns, before, results.length);
        row = new ColumnarBatchRow(columns);
        readRows = keptRows;
        readColumns = keptColumns;
        keptColumns = null;
        count = collected;
        collected = 0;
        at = -1;
        writer = null;
        return true;
    }

    /** Goes to the next row of results; false behind the last one. */
    public boolean next() {
        return ++at < count;
    }

    /** The columns that were kept, if they are of fixed width, and the results. */
    public ColumnarBatchRow row() {
        row.rowId = at;
        return row;
    }

    /** The columns that were kept otherwise. */
    public UnsafeRow keptRow() {
        return readRows.get(at);
    }

    private void closeRead() {
        closeResult();
        if (readColumns != null) {
            readColumns.close();
            readColumns = null;
        }
        count = 0;
    }

    @Override
    void close() {
        closeRead();
        for (VectorSchemaRoot each : new VectorSchemaRoot[] {arguments, keptColumns}) {
            if (each != null) {
                each.close();
            }
        }
    }

    // ---- where Spark does not generate code ----

    /** The rows for those of the source. */
    Iterator<InternalRow> rows(Iterator<InternalRow> source) {
        UnsafeProjection argument = task.projection(arguments(task.calls));
        UnsafeProjection kept = task.projection(task.keys);
        boolean joined = !keptTypes.isEmpty() && !RowWriter.areFixed(keptTypes);
        JoinedRow both = new JoinedRow();
        return new Iterator<>() {
            private boolean ready;

            @Override
            public boolean hasNext() {
                while (!ready && !(ready = CallBatches.this.next())) {
                    for (boolean full = false; !full && source.hasNext(); full = endRow()) {
                        InternalRow row = source.next();
                        write(argument.apply(row));
                        if (joined) {
                            keep(kept.apply(row));
                        } else if (keptWriter != null) {
                            keptWriter.write(kept.apply(row));
                        }
                    }
                    if (!evaluate()) {
                        return false;
                    }
                }
                return true;
            }

            @Override
            public InternalRow next() {
                if (!hasNext()) {
                    throw new NoSuchElementException();
                }
                ready = false;
                return joined ? both.apply(keptRow(), row()) : row();
            }
        };
    }
}
