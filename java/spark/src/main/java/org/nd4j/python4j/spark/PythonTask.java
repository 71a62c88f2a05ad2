// SPDX-License-Identifier: Apache-2.0
// The work of a task: it passes batches of rows to Python in the same JVM, and converts the results to rows. It
// reads and writes rows without a turn, so that the tasks of one executor overlap there. The Python half is
// batches.py.
package org.nd4j.python4j.spark;

import java.io.IOException;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.function.Function;
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
import org.nd4j.python4j.pool.PythonPool;
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

    /** Rows that come in batches. Ends with its task. */
    private abstract class Rows implements Iterator<InternalRow> {
        final Iterator<InternalRow> source;
        final TaskContext context = TaskContext.get();
        final BufferAllocator allocator = ArrowUtils.rootAllocator().newChildAllocator("python4j", 0, Long.MAX_VALUE);
        final Schema resultSchema = arrow(Sessions.schema(results));
        final PythonPool.Session worker = Workers.of(context); // null if Python is in this process
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
            if (!rows.hasNext()) {
                hasNext();
            }
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
        VectorSchemaRoot shape() {
            return VectorSchemaRoot.create(resultSchema, allocator);
        }

        /** The table that a function of batches.py makes with the functions of a job and a batch, which is closed. */
        VectorSchemaRoot made(String tool, List<PythonScript> scripts, VectorSchemaRoot batch, Object... more) {
            try (PythonGIL gil = worker == null ? PythonGIL.lock() : null; PythonGC frame = worker == null ? PythonGC.watch() : null;
                    VectorSchemaRoot shape = shape()) {
                List<Object> functions = new ArrayList<>();
                for (PythonScript script : scripts) {
                    functions.add(function(script));
                }
                List<Object> arguments = new ArrayList<>(List.of(functions, handed(batch)));
                arguments.addAll(Arrays.asList(more));
                arguments.add(handed(shape));
                return worker != null ? Workers.table(worker, "in_worker", tool, arguments)
                        : PythonArrow.table(Executor.call(tool, arguments.toArray()), allocator);
            } finally {
                batch.close();
            }
        }

        private Object handed(VectorSchemaRoot root) {
            return worker != null ? root : PythonArrow.toPython(root); // the pool converts it by its type
        }

        /** A function as batches.py wants it. Needs a turn where Python is in this process. */
        Object function(PythonScript script) {
            return worker != null ? Arrays.asList(Executor.loading(script)) : Executor.function(script);
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
        private ArrowReader reader; // in this process
        private String generator; // in a worker
        private VectorSchemaRoot ready; // read ahead, since here is no turn
        private VectorSchemaRoot given; // to the worker

        Batches(Iterator<InternalRow> source) {
            super(source);
        }

        @Override
        Iterator<InternalRow> more() throws IOException {
            boolean first = reader == null && generator == null;
            if (first && worker != null) {
                Function<Object, Object> next = nothing -> handOverToWorker();
                try (VectorSchemaRoot shape = shape()) {
                    generator = String.valueOf(worker.call("start", function(function), next, shape));
                }
            } else if (first) {
                try (PythonGIL gil = PythonGIL.lock(); VectorSchemaRoot shape = shape()) {
                    PythonObject made = Executor.call("mapped", function(function), Python.function((arguments, named) -> handOver()), toPython(shape));
                    reader = PythonArrow.reader(made, allocator);
                }
            }
            if (ready == null && sourceHasNext()) {
                ready = written();
            }
            VectorSchemaRoot made = worker != null ? Workers.table(worker, "step", generator) : reader.loadNextBatch() ? reader.getVectorSchemaRoot() : null;
            return made == null ? null : rowsOf(made, worker != null);
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

        /** The same for a worker, which gets a copy. */
        private VectorSchemaRoot handOverToWorker() {
            closeGiven();
            given = ready == null && sourceHasNext() ? written() : ready;
            ready = null;
            return given;
        }

        private void closeGiven() {
            if (given != null) {
                given.close();
                given = null;
            }
        }

        private VectorSchemaRoot written() {
            VectorSchemaRoot root = VectorSchemaRoot.create(schema, allocator);
            try {
                RowWriter writer = RowWriter.of(root);
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
            closeGiven();
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

    /** A call for each group of rows with equal keys, which come one after the other. */
    private final class Groups extends Rows {
        private final Schema schema = arrow(Sessions.schema(input));
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
                RowWriter writer = RowWriter.of(group);
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
            return rowsOf(made("grouped", List.of(function), group), true);
        }
    }

    /** A column for each call, beside the rows. */
    private final class Calls extends Rows {
        private final UnsafeProjection arguments; // null where the rows are the arguments
        private final UnsafeProjection kept;
        private final Schema schema;

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
            arguments = keys.isEmpty() && all.equals(Scala.list(input)) ? null : projection(all, input);
            kept = projection(keys, input);
            schema = arrow(types);
        }

        @Override
        Iterator<InternalRow> more() {
            if (!sourceHasNext()) {
                return null;
            }
            List<InternalRow> held = new ArrayList<>(); // none where only the results go on
            int count = 0;
            VectorSchemaRoot root = VectorSchemaRoot.create(schema, allocator);
            try {
                RowWriter writer = RowWriter.of(root);
                for (; count < batch && sourceHasNext(); count++) {
                    InternalRow row = sourceNext();
                    if (!keys.isEmpty()) {
                        held.add(kept.apply(row).copy());
                    }
                    writer.write(arguments == null ? row : arguments.apply(row));
                }
                writer.finish();
            } catch (RuntimeException e) {
                root.close();
                throw e;
            }
            List<PythonScript> functions = new ArrayList<>();
            List<Object> counts = new ArrayList<>();
            for (Expression call : calls) {
                functions.add(((PythonCall) call).function());
                counts.add(call.children().size());
            }
            VectorSchemaRoot made = made("evaluated", functions, root, counts, count);
            Iterator<InternalRow> rows = rowsOf(made, true);
            if (made.getRowCount() != count) {
                throw new PythonException("The function gave " + made.getRowCount() + " values for " + count + " rows: it must give one for each.");
            }
            if (keys.isEmpty()) {
                return rows;
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
                    return joined.apply(left.next(), rows.next());
                }
            };
        }
    }
}
