// SPDX-License-Identifier: Apache-2.0
// A Spark job in Java whose executors score rows with numpy, inside their own JVM, by the function of score.py.
// pyspark_job.py is the same job for PySpark, and run.py compares the two.
package org.nd4j.python4j.examples.spark;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.functions;
import org.apache.spark.sql.types.StructType;
import org.nd4j.python4j.spark.PythonDataset;

/** Scores rows that Spark makes up, several times over, and prints how long that took and what came out. */
public final class ScoreJob {
    private static final int FEATURES = 16;
    private static final int BATCH = 4096;

    private ScoreJob() {}

    /** Arguments: the rows, the partitions, and how often. */
    public static void main(String[] args) throws IOException {
        long rows = Long.parseLong(args[0]);
        int partitions = Integer.parseInt(args[1]);
        int rounds = Integer.parseInt(args[2]);
        try (SparkSession spark = SparkSession.builder().config("spark.sql.execution.arrow.maxRecordsPerBatch", BATCH).getOrCreate()) {
            System.out.println("> session");
            score(spark, 4000, 4); // the executors start Python
            System.out.println("> first");
            for (int round = 0; round < rounds; round++) {
                System.out.println("> round");
                long start = System.nanoTime();
                List<Row> sums = score(spark, rows, partitions);
                System.out.printf(Locale.ROOT, "> took %.3f%n", (System.nanoTime() - start) / 1e9);
                System.out.println("> result " + sums);
            }
        }
    }

    private static List<Row> score(SparkSession spark, long rows, int partitions) {
        List<String> columns = new ArrayList<>(List.of("id"));
        for (int i = 0; i < FEATURES; i++) {
            columns.add("hash(id, " + i + ") / 2147483648D as f" + i);
        }
        Dataset<Row> features = spark.range(0, rows, 1, partitions).selectExpr(columns.toArray(new String[0]));
        StructType schema = new StructType().add("id", "long").add("score", "double");
        Dataset<Row> scores = PythonDataset.mapInArrow(features, "score:score_batches", schema);
        return scores.groupBy(functions.expr("id % 4 as part"))
                .agg(functions.expr("count(*)"), functions.expr("sum(cast(round(score * 1e6) as bigint))"))
                .orderBy("part").collectAsList();
    }
}
