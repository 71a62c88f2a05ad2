// SPDX-License-Identifier: Apache-2.0
// What all uses of Python in a task have in common: memory, the worker process if there is one, how batches cross, what
// becomes of exceptions, and that all of it ends with the task. The Python half is batches.py.
package org.nd4j.python4j.spark;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.types.pojo.Schema;
import org.apache.spark.TaskContext;
import org.apache.spark.TaskKilledException;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.sql.util.ArrowUtils;
import org.apache.spark.sql.vectorized.ArrowColumnVector;
import org.apache.spark.sql.vectorized.ColumnVector;
import org.apache.spark.util.TaskCompletionListener;
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.PythonGC;
import org.nd4j.python4j.PythonGIL;
import org.nd4j.python4j.PythonObject;
import org.nd4j.python4j.arrow.PythonArrow;
import org.nd4j.python4j.pool.PythonPool;

/** One node of a plan at work in one task. */
abstract class TaskWork {
    final PythonTask task;
    final TaskContext context = TaskContext.get();
    final BufferAllocator allocator = ArrowUtils.rootAllocator().newChildAllocator("python4j", 0, Long.MAX_VALUE);
    final PythonPool.Session worker = Workers.of(context); // null if Python is in this process
    final StructType declared; // the columns that Python makes
    private final Schema resultSchema;
    private VectorSchemaRoot result; // whose rows are handed out

    TaskWork(PythonTask task) {
        this.task = task;
        this.declared = Sessions.schema(task.results);
        this.resultSchema = arrow(declared);
        context.addTaskCompletionListener((TaskCompletionListener) over -> end());
    }

    final Schema arrow(StructType schema) {
        return ArrowUtils.toArrowSchema(schema, task.zone, true, false);
    }

    /** Ends what is going on in Python, and closes all vectors. */
    void close() throws IOException {}

    /** Does something with Python. Its exceptions tell the partition, unless Spark has killed the task. */
    final <T> T guarded(Callable<T> work) {
        try (Executor.Watch watch = Executor.watch(context)) {
            return work.call();
        } catch (Exception e) {
            if (context.isInterrupted()) {
                TaskKilledException killed = new TaskKilledException("The task was ended while Python worked for it.");
                killed.addSuppressed(e);
                throw killed;
            }
            throw e instanceof PythonException ? new PythonTaskException((PythonException) e, context) : unchecked(e);
        }
    }

    private static RuntimeException unchecked(Exception e) {
        return e instanceof RuntimeException ? (RuntimeException) e : new UncheckedIOException((IOException) e);
    }

    /** A batch as Python gets it; its memory is Python's from then on. */
    static PythonObject toPython(VectorSchemaRoot root) {
        try {
            return PythonArrow.toPython(root);
        } finally {
            root.close();
        }
    }

    /** An empty batch that tells Python the columns to make. */
    final VectorSchemaRoot shape() {
        return VectorSchemaRoot.create(resultSchema, allocator);
    }

    /** The table that a function of batches.py makes with the functions of a job and a batch, which is closed. */
    final VectorSchemaRoot made(String tool, List<PythonScript> scripts, VectorSchemaRoot batch, Object... more) {
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
    final Object function(PythonScript script) {
        return worker != null ? Arrays.asList(Executor.loading(script)) : Executor.function(script);
    }

    /** The columns of a result, whose memory stays until the next one. */
    final ColumnVector[] columns(VectorSchemaRoot root, boolean owned) {
        closeResult();
        result = owned ? root : null;
        List<FieldVector> vectors = root.getFieldVectors();
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
            columns[i] = column(vectors.get(i), wanted);
        }
        return columns;
    }

    static ColumnVector column(FieldVector vector, DataType type) {
        return RowWriter.isFixed(type) ? new FixedColumn(vector, type) : new ArrowColumnVector(vector);
    }

    final void closeResult() {
        if (result != null) {
            result.close();
            result = null;
        }
    }

    private void end() {
        try {
            closeResult();
            close();
        } catch (IOException | RuntimeException e) {
            if (!context.isInterrupted() && !context.isFailed()) {
                throw unchecked(e);
            }
        } finally {
            Executor.close(allocator);
        }
    }
}
