// SPDX-License-Identifier: Apache-2.0
// One task: takes rows from Spark in batches, has Python score them, gives rows back. Rows and scores lie
// in memory of Java that numpy looks at; several tasks of one executor take turns.
package org.nd4j.python4j.examples.spark;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.DoubleBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Iterator;
import java.util.List;
import org.apache.spark.TaskContext;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.util.TaskCompletionListener;
import org.nd4j.python4j.PythonBuffer;
import org.nd4j.python4j.PythonCode;
import org.nd4j.python4j.PythonContextManager;
import org.nd4j.python4j.PythonExecutioner;
import org.nd4j.python4j.PythonGIL;
import org.nd4j.python4j.PythonTypes;
import org.nd4j.python4j.PythonVariable;

/** The scores of a partition's rows. It works for a batch whenever the one before is used up. */
final class PythonScores implements Iterator<Row> {
    static final int BATCH = 4096;

    /** Compiled once for each executor. */
    private static final class Code {
        static final PythonCode MODEL;
        static final PythonCode SCORE;

        static {
            try (PythonGIL gil = PythonGIL.lock(); InputStream in = PythonScores.class.getResourceAsStream("/score.py")) {
                MODEL = PythonCode.compile(new String(in.readAllBytes(), StandardCharsets.UTF_8));
                SCORE = PythonCode.compile("scores[:n] = score(rows[:n])");
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }

    private final Iterator<Row> source;
    private final String context = "task_" + TaskContext.get().taskAttemptId();
    private final long[] ids = new long[BATCH];
    private final DoubleBuffer rows = doubles(BATCH * ScoreJob.FEATURES);
    private final DoubleBuffer scores = doubles(BATCH);
    private int size;
    private int next;

    PythonScores(Iterator<Row> source) {
        this.source = source;
        TaskContext.get().addTaskCompletionListener((TaskCompletionListener) task -> end()); // however it ends
        try (PythonGIL gil = PythonGIL.lock(); var names = new PythonContextManager.Context(context)) {
            PythonExecutioner.setVariable("rows", PythonBuffer.of(rows, BATCH, ScoreJob.FEATURES).toNumpy());
            PythonExecutioner.setVariable("scores", PythonBuffer.of(scores, BATCH).toNumpy());
            Code.MODEL.run();
        }
    }

    @Override
    public boolean hasNext() {
        return next < size || source.hasNext();
    }

    @Override
    public Row next() {
        if (next == size) {
            fill();
            try (PythonGIL gil = PythonGIL.lock(); var names = new PythonContextManager.Context(context)) {
                Code.SCORE.run(List.of(new PythonVariable<>("n", PythonTypes.INT, (long) size)), null);
            }
        }
        return RowFactory.create(ids[next], scores.get(next++));
    }

    /** Other tasks have Python meanwhile. */
    private void fill() {
        next = 0;
        rows.clear();
        for (size = 0; size < BATCH && source.hasNext(); size++) {
            Row row = source.next();
            ids[size] = row.getLong(0);
            for (int i = 1; i <= ScoreJob.FEATURES; i++) {
                rows.put(row.getDouble(i));
            }
        }
    }

    private void end() {
        try (PythonGIL gil = PythonGIL.lock()) {
            PythonContextManager.deleteContext(context);
        }
    }

    private static DoubleBuffer doubles(int count) {
        return ByteBuffer.allocateDirect(count * Double.BYTES).order(ByteOrder.nativeOrder()).asDoubleBuffer();
    }
}
