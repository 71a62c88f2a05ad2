// SPDX-License-Identifier: Apache-2.0
// Tasks whose Python runs in worker processes: the same results as in the executor's own process, and each task has its own.
package org.nd4j.python4j.spark;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class WorkersTest {

    /** Another Python than that of the other tests, with pyarrow, so another JVM. */
    @Test
    void tasksHaveWorkersOfTheirOwn(@TempDir Path folder) throws Exception {
        String python = System.getProperty("python4j.tests.arrow");
        assumeTrue(python != null, "the packages are those of one CPython");
        List<String> command = new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString()));
        ManagementFactory.getRuntimeMXBean().getInputArguments().stream().filter(each -> each.startsWith("--add-opens")).forEach(command::add);
        command.addAll(List.of("-Dorg.eclipse.python4j.python=" + python, "-cp", System.getProperty("python4j.tests.classpath"), Jobs.class.getName(),
                folder.toString()));
        Path out = folder.resolve("out");
        Process process = new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(out.toFile()).start();
        assertTrue(process.waitFor(240, TimeUnit.SECONDS), "it ends: " + Files.readString(out));
        assertEquals(0, process.exitValue(), Files.readString(out));
    }

    /** The program. */
    static final class Jobs {
        public static void main(String[] args) throws Exception {
            SparkSession spark = SparkSession.builder().master("local[2]").config("spark.ui.enabled", "false").config("spark.driver.host", "127.0.0.1")
                    .config("spark.driver.bindAddress", "127.0.0.1").config("spark.sql.shuffle.partitions", "2").config("spark.python4j.workers", "2")
                    .config("spark.sql.execution.arrow.maxRecordsPerBatch", "10").config("spark.log.level", "ERROR").getOrCreate();
            Dataset<Row> numbers = spark.range(0, 100, 1, 2).selectExpr("id", "id / 2 as half", "concat('n', id) as name", "nullif(id, 3) as gap");
            numbers.createOrReplaceTempView("numbers");
            StructType pids = new StructType().add("pid", "long").add("rows", "long");
            PythonScript pid = PythonScript.ofText("import os\ndef pid(batches):\n    for b in batches:\n        yield {'pid': [os.getpid()], 'rows': [len(b)]}\n", "pid");
            Dataset<Row> made = PythonDataset.mapInArrow(numbers, pid, pids);
            assertEquals("[100]", text(made.selectExpr("sum(rows)")));
            assertNotEquals(ProcessHandle.current().pid(), made.first().getLong(0));
            // One in another of the same task, and calls behind both.
            PythonUdf.register(spark, "add", PythonScript.ofText("def add(a, b):\n    assert a.dtype.kind in 'if', a.dtype\n    return a + b\n", "add"), DataTypes.DoubleType);
            PythonUdf.register(spark, "shout", PythonScript.ofText("def shout(n): return [None if x is None else x.upper() for x in n]\n", "shout"), DataTypes.StringType);
            assertEquals("[2]", text(PythonDataset.mapInArrow(made.selectExpr("pid", "add(rows, pid) - pid as rows").selectExpr("pid", "cast(rows as long) rows"), pid, pids).selectExpr("sum(rows) / 5")
                    .selectExpr("cast(`(sum(rows) / 5)` as int)")));
            assertEquals("[0,0.0,N0] [1,1.5,N1]", text(spark.sql("SELECT id, add(id, half), shout(name) FROM numbers WHERE id < 2 ORDER BY id")));
            assertEquals("[null] [5.0]", text(spark.sql("SELECT add(gap, 1) FROM numbers WHERE id IN (3, 4) ORDER BY id")));
            PythonScript mean = PythonScript.ofText("import numpy\ndef mean(g): return {'k': g['k'][:1], 'mean': [numpy.asarray(g['half']).mean()]}\n", "mean");
            assertEquals("[0,24.75] [1,24.5] [2,25.0]", text(PythonDataset.groupedMap(numbers.selectExpr("id % 3 as k", "half"), List.of("k"), mean,
                    new StructType().add("k", "long").add("mean", "double")).orderBy("k")));
            // A generator that is not read to its end is closed, and the frames of what it raises are there.
            PythonScript endless = PythonScript.ofText("def endless(batches):\n    try:\n        while True:\n            yield {'n': [1]}\n    finally:\n        open(r'"
                    + args[0] + "/closed', 'w').close()\n", "endless");
            assertEquals("[1] [1]", text(PythonDataset.mapInArrow(numbers, endless, new StructType().add("n", "long")).limit(2)));
            assertTrue(Files.exists(Path.of(args[0], "closed")), "the generator was closed");
            PythonScript fails = PythonScript.ofText("def inner(b): raise ValueError('no good')\ndef fails(batches):\n    for b in batches: yield inner(b)\n", "fails");
            StringBuilder all = new StringBuilder();
            try {
                PythonDataset.mapInArrow(numbers, fails, pids).collectAsList();
            } catch (Exception raised) {
                for (Throwable e = raised; e != null; e = e.getCause()) {
                    all.append(e).append(List.of(e.getStackTrace()));
                }
            }
            assertTrue(all.toString().contains("Python failed in partition ") && all.toString().contains("ValueError: no good")
                    && all.toString().contains("Python.inner("), all.toString());
            killed(spark, numbers, Path.of(args[0], "runs"));
            assertEquals("[100]", text(PythonDataset.mapInArrow(numbers, pid, pids).selectExpr("sum(rows)")));
            spark.stop();
        }

        /** A job that is cancelled ends its Python, so that the next one has both workers. */
        private static void killed(SparkSession spark, Dataset<Row> numbers, Path runs) throws Exception {
            PythonScript forever = PythonScript.ofText("import time\ndef forever(batches):\n    for b in batches:\n        open(r'" + runs + "', 'w').close()\n"
                    + "        while True: time.sleep(0.01)\n        yield b\n", "forever");
            Dataset<Row> made = PythonDataset.mapInArrow(numbers, forever, new StructType().add("id", "long"));
            Thread job = new Thread(() -> {
                spark.sparkContext().setJobGroup("forever", "never ends", false);
                try {
                    made.collectAsList();
                } catch (Exception e) {
                    System.out.println("ended by " + e.getClass());
                }
            });
            job.start();
            long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
            while (!Files.exists(runs) && System.nanoTime() < end) {
                Thread.sleep(50);
            }
            spark.sparkContext().cancelJobGroup("forever");
            job.join(TimeUnit.SECONDS.toMillis(60));
            assertTrue(!job.isAlive(), "the job ends");
        }

        private static String text(Dataset<Row> rows) {
            return rows.collectAsList().stream().map(Row::toString).collect(Collectors.joining(" "));
        }
    }
}
