// SPDX-License-Identifier: Apache-2.0
// Jobs whose Python fails, and one that is cancelled while it runs; then one that works, in the same executors. run.py looks at
// what is printed, and at the processes.
package org.nd4j.python4j.examples.spark;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.StructType;
import org.nd4j.python4j.spark.PythonDataset;

/** Has each slot of the cluster run Python that does not end, and cancels that. */
public final class TroubleJob {
    private static final StructType SCHEMA = new StructType().add("id", "long");

    private TroubleJob() {}

    /** Arguments: a folder that all executors see, how many slots they have together, and in how many of these Python runs at a time. */
    public static void main(String[] args) throws Exception {
        Path folder = Path.of(args[0]);
        int slots = Integer.parseInt(args[1]);
        int running = Integer.parseInt(args[2]);
        ExecutorService threads = Executors.newSingleThreadExecutor();
        try (SparkSession spark = SparkSession.builder().getOrCreate()) {
            System.out.println("> session");
            Dataset<Row> rows = spark.range(0, 1000, 1, slots).selectExpr("id", "'" + folder + "' as folder");
            System.out.println("> failed " + failure(PythonDataset.mapInArrow(rows, "trouble:fails", SCHEMA)));

            Future<String> cancelled = threads.submit(() -> {
                spark.sparkContext().setJobGroup("endless", "does not end", false); // Spark does not interrupt its threads
                return failure(PythonDataset.mapInArrow(rows, "trouble:endless", SCHEMA));
            });
            await(folder, "runs", running);
            spark.sparkContext().cancelJobGroup("endless");
            System.out.println("> cancelled " + cancelled.get());
            await(folder, "ended", running);

            List<Row> sum = PythonDataset.mapInArrow(rows, "trouble:works", SCHEMA).selectExpr("count(*)", "sum(id)").collectAsList();
            System.out.println("> worked " + sum);
        } finally {
            threads.shutdownNow();
        }
    }

    /** The message of a job's exception and of all its causes, in one line, with the frames of Python. */
    private static String failure(Dataset<Row> rows) {
        try {
            return "not: " + rows.collectAsList().size() + " rows";
        } catch (Exception e) {
            StringBuilder all = new StringBuilder();
            for (Throwable each = e; each != null; each = each.getCause()) {
                all.append(each.getMessage()).append(" ");
                for (StackTraceElement frame : each.getStackTrace()) {
                    all.append(frame.getClassName().equals("Python") ? "at " + frame + " " : "");
                }
            }
            return all.toString().replace('\n', ' ');
        }
    }

    /** Waits until as many tasks have written a file of this kind. */
    private static void await(Path folder, String kind, int count) throws Exception {
        long end = System.nanoTime() + 60_000_000_000L;
        while (true) {
            try (Stream<Path> files = Files.list(folder)) {
                long found = files.filter(file -> file.getFileName().toString().startsWith(kind)).count();
                if (found >= count) {
                    return;
                }
                if (System.nanoTime() > end) {
                    throw new IllegalStateException(found + " of " + count + " tasks have written '" + kind + "'");
                }
            }
            Thread.sleep(100);
        }
    }
}
