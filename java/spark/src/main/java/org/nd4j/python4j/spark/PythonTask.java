// SPDX-License-Identifier: Apache-2.0
// The work of a task: it passes batches of rows to Python in the same JVM, and converts the results to rows. It
// reads and writes rows without a turn, so that the tasks of one executor overlap there. The Python half is
// batches.py.
package org.nd4j.python4j.spark;

import java.io.IOException;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.ipc.ArrowReader;
import org.apache.arrow.vector.types.pojo.Schema;
import org.apache.spark.TaskContext;
import org.apache.spark.TaskKilledException;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.JoinedRow;
import org.apache.spark.sql.catalyst.expressions.UnsafeProjection;
import org.apache.spark.sql.execution.arrow.ArrowWriter;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.sql.util.ArrowUtils;
import org.apache.spark.sql.vectorized.ArrowColumnVector;
import org.apache.spark.sql.vectorized.ColumnVector;
import org.apache.spark.sql.vectorized.ColumnarBatch;
import org.apache.spark.util.TaskCompletionListener;
import org.nd4j.python4j.Python;
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.PythonGC;
import org.nd4j.python4j.PythonGIL;
import org.nd4j.python4j.PythonObject;
import org.nd4j.python4j.arrow.PythonArrow;
import scala.collection.immutable.Seq;

/** What goes to the executors. */
final class PythonTask implements Serializable {
    private static final long serialVersionUID = 1L;

    private final PythonScript function;
    private final ArrayList<Expression> calls;
    private final Seq<Attribute> results;
    private final ArrayList<Expression> keys;
    private final Seq<Attribute> input;
    private final String zone;
    private final int batch;
    private final boolean chained;

    /** @param chained whether rows come from another one of these in the same task */
    PythonTask(PythonScript function, ArrayList<Expression> calls, Seq<Attribute> results, ArrayList<Expression> keys, Seq<Attribute> input,
            String zone, int batch, boolean chained) {
        this.function = function;
        this.calls = calls;
        this.results = results;
        this.keys = keys;
        this.input = input;
        this.zone = zone;
        this.batch = batch > 0 ? batch : Integer.MAX_VALUE;
        this.chained = chained;
    }

    /** The rows of a partition. */
    Iterator<InternalRow> run(Iterator<InternalRow> rows) {
        return !calls.isEmpty() ? new Calls(rows) : keys.isEmpty() ? new Batches(rows) : new Groups(rows);
    }

    private static UnsafeProjection projection(List<Expression> expressions, Seq<Attribute> input) {
        return org.apache.spark.sql.catalyst.expressions.UnsafeProjection$.MODULE$.create(Scala.seq(expressions), input);
    }

    private static List<Expression> expressions(Seq<Attribute> attributes) {
        return new ArrayList<>(Scala.list(attributes));
    }

    /** Rows that come in batches. Ends with its task. */
    private abstract class Rows implements Iterator<InternalRow> {
        final Iterator<InternalRow> source;
        final TaskContext context = TaskContext.get();
        final BufferAllocator allocator = ArrowUtils.rootAllocator().newChildAllocator("python4j", 0, Long.MAX_VALUE);
        final Schema resultSchema = arrow(Sessions.schema(results));
        private VectorSchemaRoot result; // whose rows are handed out
        private Iterator<InternalRow> rows = Collections.emptyIterator();
        private RuntimeException failure; // of the source
        private boolean over;

        Rows(Iterator<InternalRow> source) {
            this.source = source;
            context.addTaskCompletionListener((TaskCompletionListener) task -> end());
        }

        Schema arrow(StructType schema) {
            return ArrowUtils.toArrowSchema(schema, zone, true, false);
        }

        /** The next rows, null if there are none any more. */
        abstract Iterator<InternalRow> more() throws IOException;

        /** Ends what is going on in Python. */
        void close() throws IOException {}

        @Override
        public boolean hasNext() {
            while (!rows.hasNext() && !over) {
                closeResult();
                Iterator<InternalRow> more = guarded();
                over = more == null;
                rows = over ? rows : more;
            }
            return !over;
        }

        @Override
        public InternalRow next() {
            hasNext();
            return rows.next();
        }

        private Iterator<InternalRow> guarded() {
            try (Executor.Watch watch = Executor.watch(context)) {
                return more();
            } catch (RuntimeException | IOException e) {
                if (failure != null) {
                    throw failure; // as it was, since Spark looks at its class
                } else if (context.isInterrupted()) {
                    TaskKilledException killed = new TaskKilledException("The task was ended while Python worked for it.");
                    killed.addSuppressed(e);
                    throw killed;
                } else if (e instanceof PythonException) {
                    throw new PythonTaskException((PythonException) e, context);
                }
                throw e instanceof RuntimeException ? (RuntimeException) e : new java.io.UncheckedIOException((IOException) e);
            }
        }

        boolean sourceHasNext() {
            try {
                return source.hasNext();
            } catch (RuntimeException e) {
                failure = e;
                throw e;
            }
        }

        InternalRow sourceNext() {
            try {
                return source.next();
            } catch (RuntimeException e) {
                failure = e;
                throw e;
            }
        }

        /** A batch as Python gets it; its memory is Python's from then on. */
        PythonObject toPython(VectorSchemaRoot root) {
            try {
                return PythonArrow.toPython(root);
            } finally {
                root.close();
            }
        }

        /** An empty batch that tells Python the columns to make. */
        PythonObject shape() {
            return toPython(VectorSchemaRoot.create(resultSchema, allocator));
        }

        /** The rows of a result whose memory stays until the next one. */
        Iterator<InternalRow> rowsOf(VectorSchemaRoot root, boolean owned) {
            result = owned ? root : null;
            List<FieldVector> vectors = root.getFieldVectors();
            StructType declared = Sessions.schema(results);
            if (vectors.size() != declared.size()) {
                throw new PythonException("Python made " + vectors.size() + " columns, the schema has " + declared.size() + ": " + declared.catalogString());
            }
            ColumnVector[] columns = new ColumnVector[vectors.size()];
            for (int i = 0; i < columns.length; i++) {
                DataType wanted = declared.fields()[i].dataType();
                DataType found = ArrowUtils.fromArrowField(vectors.get(i).getField());
                if (!found.catalogString().equals(wanted.catalogString())) {
                    throw new PythonException("Python made the column '" + declared.fields()[i].name() + "' of type " + found.catalogString()
                            + ", the schema says " + wanted.catalogString() + ". Cast it in Python, or have pyarrow there, by which it is cast.");
                }
                columns[i] = new ArrowColumnVector(vectors.get(i));
            }
            return new ColumnarBatch(columns, root.getRowCount()).rowIterator();
        }

        private void closeResult() {
            if (result != null) {
                result.close();
                result = null;
            }
        }

        private void end() {
            over = true;
            rows = Collections.emptyIterator();
            try {
                closeResult();
                close();
            } catch (IOException | RuntimeException e) {
                if (!context.isInterrupted() && !context.isFailed()) {
                    throw e instanceof RuntimeException ? (RuntimeException) e : new java.io.UncheckedIOException((IOException) e);
                }
            } finally {
                Executor.close(allocator);
            }
        }
    }

    /** All batches of a partition go through one call. */
    private final class Batches extends Rows {
        private final Schema schema = arrow(Sessions.schema(input));
        private final UnsafeProjection projection = projection(expressions(results), results);
        private ArrowReader reader;
        private VectorSchemaRoot ready; // read ahead, since here is no turn

        Batches(Iterator<InternalRow> source) {
            super(source);
        }

        @Override
        Iterator<InternalRow> more() throws IOException {
            if (reader == null) {
                try (PythonGIL gil = PythonGIL.lock()) {
                    PythonObject generator = Executor.call("mapped", Executor.function(function), Python.function((arguments, named) -> handOver()), shape());
                    reader = PythonArrow.reader(generator, allocator);
                }
            }
            if (ready == null && sourceHasNext()) {
                ready = written();
            }
            if (!reader.loadNextBatch()) {
                return null;
            }
            Iterator<InternalRow> rows = rowsOf(reader.getVectorSchemaRoot(), false);
            return new Projected(rows, projection);
        }

        /** Python wants a batch; None if there is no more. */
        private PythonObject handOver() {
            if (ready == null) {
                if (chained) {
                    ready = sourceHasNext() ? written() : null;
                } else {
                    try (PythonGIL lent = PythonGIL.lend()) { // others have Python while the rows come
                        ready = sourceHasNext() ? written() : null;
                    }
                }
            }
            VectorSchemaRoot root = ready;
            ready = null;
            return root == null ? null : toPython(root);
        }

        private VectorSchemaRoot written() {
            VectorSchemaRoot root = VectorSchemaRoot.create(schema, allocator);
            try {
                ArrowWriter writer = ArrowWriter.create(root);
                for (int row = 0; row < batch && sourceHasNext(); row++) {
                    writer.write(sourceNext());
                }
                writer.finish();
                return root;
            } catch (RuntimeException e) {
                root.close();
                throw e;
            }
        }

        @Override
        void close() throws IOException {
            if (ready != null) {
                ready.close();
                ready = null;
            }
            if (reader != null) {
                reader.close();
                reader = null;
            }
        }
    }

    /** Rows by an iterator, in Spark's own form. */
    private static final class Projected implements Iterator<InternalRow> {
        private final Iterator<InternalRow> rows;
        private final UnsafeProjection projection;

        Projected(Iterator<InternalRow> rows, UnsafeProjection projection) {
            this.rows = rows;
            this.projection = projection;
        }

        @Override
        public boolean hasNext() {
            return rows.hasNext();
        }

        @Override
        public InternalRow next() {
            return projection.apply(rows.next());
        }
    }

    /** A call for each group of rows with equal keys, which come one after the other. */
    private final class Groups extends Rows {
        private final Schema schema = arrow(Sessions.schema(input));
        private final UnsafeProjection projection = projection(expressions(results), results);
        private final UnsafeProjection key = projection(keys, input);
        private InternalRow first; // of the next group

        Groups(Iterator<InternalRow> source) {
            super(source);
        }

        @Override
        Iterator<InternalRow> more() {
            if (first == null) {
                if (!sourceHasNext()) {
                    return null;
                }
                first = sourceNext().copy();
            }
            VectorSchemaRoot group = VectorSchemaRoot.create(schema, allocator);
            try {
                ArrowWriter writer = ArrowWriter.create(group);
                InternalRow own = key.apply(first).copy();
                writer.write(first);
                first = null;
                while (first == null && sourceHasNext()) {
                    InternalRow row = sourceNext();
                    if (key.apply(row).equals(own)) {
                        writer.write(row);
                    } else {
                        first = row.copy();
                    }
                }
                writer.finish();
            } catch (RuntimeException e) {
                group.close();
                throw e;
            }
            VectorSchemaRoot made;
            try (PythonGIL gil = PythonGIL.lock(); PythonGC frame = PythonGC.watch()) {
                PythonObject batch = toPython(group);
                made = PythonArrow.table(Executor.call("grouped", Executor.function(function), batch, shape()), allocator);
            }
            return new Projected(rowsOf(made, true), projection);
        }
    }

    /** A column for each call, beside the rows. */
    private final class Calls extends Rows {
        private final UnsafeProjection arguments;
        private final Schema schema;
        private final UnsafeProjection projection;

        Calls(Iterator<InternalRow> source) {
            super(source);
            List<Expression> all = new ArrayList<>();
            StructType types = new StructType();
            for (Expression call : calls) {
                for (Expression argument : Scala.list(call.children())) {
                    types = types.add("a" + all.size(), argument.dataType(), true);
                    all.add(argument);
                }
            }
            arguments = projection(all, input);
            schema = arrow(types);
            Seq<Attribute> output = PythonNode.output(Scala.seq(calls), input, results);
            projection = projection(expressions(output), output);
        }

        @Override
        Iterator<InternalRow> more() {
            if (!sourceHasNext()) {
                return null;
            }
            List<InternalRow> held = new ArrayList<>();
            VectorSchemaRoot root = VectorSchemaRoot.create(schema, allocator);
            try {
                ArrowWriter writer = ArrowWriter.create(root);
                while (held.size() < batch && sourceHasNext()) {
                    InternalRow row = sourceNext().copy();
                    held.add(row);
                    writer.write(arguments.apply(row));
                }
                writer.finish();
            } catch (RuntimeException e) {
                root.close();
                throw e;
            }
            VectorSchemaRoot made;
            try (PythonGIL gil = PythonGIL.lock(); PythonGC frame = PythonGC.watch()) {
                List<Object> functions = new ArrayList<>();
                for (Expression call : calls) {
                    functions.add(List.of(Executor.function(((PythonCall) call).function()), call.children().size()));
                }
                PythonObject batch = toPython(root);
                made = PythonArrow.table(Executor.call("evaluated", functions, batch, held.size(), shape()), allocator);
            }
            Iterator<InternalRow> rows = rowsOf(made, true);
            if (made.getRowCount() != held.size()) {
                throw new PythonException("The function gave " + made.getRowCount() + " values for " + held.size() + " rows: it must give one for each.");
            }
            JoinedRow joined = new JoinedRow();
            Iterator<InternalRow> left = held.iterator();
            return new Iterator<>() {
                @Override
                public boolean hasNext() {
                    return left.hasNext();
                }

                @Override
                public InternalRow next() {
                    return projection.apply(joined.apply(left.next(), rows.next()));
                }
            };
        }
    }
}
