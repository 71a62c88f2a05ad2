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
import java.util.function.Function;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.ipc.ArrowReader;
import org.apache.arrow.vector.types.pojo.Schema;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.UnsafeProjection;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.sql.vectorized.ColumnarBatch;
import org.nd4j.python4j.Python;
import org.nd4j.python4j.PythonGIL;
import org.nd4j.python4j.PythonObject;
import org.nd4j.python4j.arrow.PythonArrow;
import scala.collection.immutable.Seq;

/** What goes to the executors. */
final class PythonTask implements Serializable {
    private static final long serialVersionUID = 1L;
    private static final int EXPECTED = 4096; // rows of a group, which are not counted before

    private final PythonScript function;
    final ArrayList<Expression> calls;
    final Seq<Attribute> results;
    final ArrayList<Expression> keys;
    private final Seq<Attribute> input;
    final String zone;
    final int batch;
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
        return !calls.isEmpty() ? CallBatches.of(this).rows(rows) : keys.isEmpty() ? new Batches(rows) : new Groups(rows);
    }

    UnsafeProjection projection(List<Expression> expressions) {
        return org.apache.spark.sql.catalyst.expressions.UnsafeProjection$.MODULE$.create(Scala.seq(expressions), input);
    }

    /** Rows that come in batches. */
    private abstract class Rows extends TaskWork implements Iterator<InternalRow> {
        final Iterator<InternalRow> source;
        private Iterator<InternalRow> rows = Collections.emptyIterator();
        private RuntimeException failure; // of the source
        private boolean over;

        Rows(Iterator<InternalRow> source) {
            super(PythonTask.this);
            this.source = source;
        }

        /** The next rows, null if there are none any more. */
        abstract Iterator<InternalRow> more() throws IOException;

        @Override
        public boolean hasNext() {
            while (!rows.hasNext() && !over) {
                closeResult();
                Iterator<InternalRow> more = guardedMore();
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

        private Iterator<InternalRow> guardedMore() {
            try {
                return guarded(this::more);
            } catch (RuntimeException e) {
                throw failure != null ? failure : e; // as it was, since Spark looks at its class
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

        Iterator<InternalRow> rowsOf(VectorSchemaRoot root, boolean owned) {
            return new ColumnarBatch(columns(root, owned), root.getRowCount()).rowIterator();
        }

        @Override
        void close() throws IOException {
            over = true;
            rows = Collections.emptyIterator();
        }
    }

    /** All batches of a partition go through one call. */
    private final class Batches extends Rows {
        private final StructType types = Sessions.schema(input);
        private final Schema schema = arrow(types);
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
                RowWriter writer = RowWriter.of(root, types, batch);
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
            super.close();
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
        private final StructType types = Sessions.schema(input);
        private final Schema schema = arrow(types);
        private final UnsafeProjection key = projection(keys);
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
                RowWriter writer = RowWriter.of(group, types, EXPECTED);
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
}
