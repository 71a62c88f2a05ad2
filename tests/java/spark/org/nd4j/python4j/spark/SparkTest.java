// SPDX-License-Identifier: Apache-2.0
// Python in the tasks of a Spark that runs in this JVM, with numpy alone, as the embedded CPython has it. The cluster, with
// executors of their own, is that of docs/spark.md.
package org.nd4j.python4j.spark;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.functions;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.python4j.Python;
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.PythonExecutioner;
import org.nd4j.python4j.PythonGC;
import org.nd4j.python4j.PythonGIL;
import org.nd4j.python4j.PythonObject;

class SparkTest {

    private static SparkSession spark;

    @BeforeAll
    static void start() {
        spark = SparkSession.builder().master("local[2]").config("spark.ui.enabled", "false").config("spark.driver.host", "127.0.0.1")
                .config("spark.driver.bindAddress", "127.0.0.1").config("spark.sql.shuffle.partitions", "3")
                .config("spark.sql.execution.arrow.maxRecordsPerBatch", "10").config("spark.log.level", "ERROR").getOrCreate();
    }

    @AfterAll
    static void stop() {
        spark.stop();
    }

    private static PythonScript script(String function, String... lines) {
        return PythonScript.ofText(String.join("\n", lines) + "\n", function);
    }

    private static String text(Dataset<Row> rows) {
        return rows.collectAsList().stream().map(Row::toString).collect(Collectors.joining(" "));
    }

    private static Dataset<Row> numbers(long count, int partitions) {
        return spark.range(0, count, 1, partitions).selectExpr("id", "id / 2 as half", "concat('n', id) as name", "nullif(id, 3) as gap");
    }

    @Test
    void aPartitionIsBatchesThatAFunctionMaps() {
        PythonScript twice = script("twice", "import numpy", "def twice(batches):", "    for batch in batches:",
                "        ids = numpy.asarray(batch['id'])", "        assert ids.dtype == numpy.int64, ids.dtype", "        yield {'id': ids * 2, 'rows': numpy.full(len(ids), len(ids))}");
        StructType schema = new StructType().add("id", "long").add("rows", "long");
        Dataset<Row> made = PythonDataset.mapInArrow(numbers(25, 1), twice, schema);
        assertEquals("[25,600,10]", text(made.selectExpr("count(*)", "sum(id)", "max(rows)")));
        assertEquals("[48,5]", text(made.where("id = 48")));
        // Two of them in one task, and one behind an exchange.
        Dataset<Row> again = PythonDataset.mapInArrow(made, twice, schema);
        assertEquals("[25,1200]", text(again.selectExpr("count(*)", "sum(id)")));
        assertEquals("[25,2400]", text(PythonDataset.mapInArrow(again.repartition(3), twice, schema).selectExpr("count(*)", "sum(id)")));
    }

    /** Python's batches become rows of Spark's own, which shuffles, sorts and caches keep, with compiled code and without. */
    @Test
    void resultsAreRowsOfSparksOwn() {
        PythonScript name = script("name", "def name(ids): return [None if i == 2 else 'n' * int(i) for i in ids]");
        PythonUdf.register(spark, "name", name, DataTypes.StringType);
        PythonScript same = script("same", "def same(batches):", "    for batch in batches:", "        yield {'id': batch['id'], 'name': batch['name']}");
        StructType schema = new StructType().add("id", "long").add("name", "string");
        try {
            for (String compiled : List.of("true", "false")) {
                spark.conf().set("spark.sql.codegen.wholeStage", compiled);
                Dataset<Row> made = PythonDataset.mapInArrow(numbers(40, 2), same, schema);
                assertEquals("[39,n39] [38,n38]", text(made.repartition(3).orderBy(made.col("id").desc()).limit(2)));
                assertEquals("[n9]", text(made.selectExpr("max(name)")));
                Dataset<Row> kept = made.cache();
                assertEquals("[40,n0,n9]", text(kept.selectExpr("count(*)", "min(name)", "max(name)")));
                kept.unpersist(true);
                assertEquals("[n] [null] [nnn]", text(numbers(4, 1).selectExpr("name(id) as n").where("n is null or n > ''")));
                assertEquals("[3,nnn] [1,n] [2,null]", text(numbers(4, 2).where("id > 0").selectExpr("id", "name(id) as n").orderBy(functions.desc("n"))));
                assertEquals("[nnn]", text(numbers(4, 1).selectExpr("max(name(id))")));
            }
        } finally {
            spark.conf().unset("spark.sql.codegen.wholeStage");
        }
    }

    @Test
    void aFunctionMayTakeAllBeforeItGivesAnythingOrStopEarly() {
        PythonScript total = script("total", "def total(batches):", "    yield {'n': [sum(len(batch['id']) for batch in batches)]}");
        StructType schema = new StructType().add("n", "long");
        assertEquals("[31]", text(PythonDataset.mapInArrow(numbers(31, 1), total, schema)));
        PythonScript first = script("first", "def first(batches):", "    yield {'n': [len(next(batches)['id'])]}");
        assertEquals("[10]", text(PythonDataset.mapInArrow(numbers(1000, 1), first, schema)));
        PythonScript nothing = script("nothing", "def nothing(batches):", "    yield from ()");
        assertEquals("", text(PythonDataset.mapInArrow(numbers(31, 2), nothing, schema)));
        // The consumer stops: the generator is closed.
        PythonScript endless = script("endless", "def endless(batches):", "    while True:", "        yield {'n': [1]}");
        assertEquals("[1] [1] [1]", text(PythonDataset.mapInArrow(numbers(5, 1), endless, schema).limit(3)));
    }

    @Test
    void registeredFunctionsGetWholeColumns() {
        PythonUdf.register(spark, "add", script("add", "def add(a, b):", "    assert a.dtype.kind in 'if', a.dtype", "    return a + b"), DataTypes.DoubleType);
        PythonUdf.register(spark, "size", script("size", "import numpy", "def size(a):", "    return numpy.full(len(a), len(a))"), DataTypes.LongType);
        PythonUdf.register(spark, "shout", script("shout", "def shout(names):", "    return [None if n is None else n.upper() for n in names]"), DataTypes.StringType);
        numbers(25, 1).createOrReplaceTempView("numbers");
        assertEquals("[0,0.0,N0] [1,1.5,N1]", text(spark.sql("SELECT id, add(id, half), shout(name) FROM numbers WHERE id < 2 ORDER BY id")));
        assertEquals("[10]", text(spark.sql("SELECT max(size(id)) FROM numbers")));
        assertEquals("[24]", text(spark.sql("SELECT id FROM numbers WHERE add(id, half) > 35")));
        assertEquals("[6.0]", text(spark.sql("SELECT add(add(id, id), id) FROM numbers WHERE id = 2")));
        assertEquals("[N0,13] [N1,12]", text(spark.sql("SELECT shout(concat('n', id % 2)) k, count(*) FROM numbers GROUP BY 1 ORDER BY 1")));
        assertEquals("[null] [5.0]", text(spark.sql("SELECT add(gap, 1) FROM numbers WHERE id IN (3, 4) ORDER BY id")));
        assertEquals("[add(add(id, 1), id), size(id)]",
                Arrays.toString(spark.sql("SELECT add(add(id, 1), id), size(id) FROM numbers").columns()));
    }

    /** Arguments and columns beside them of all widths, with and without nulls, over batches that end anywhere in what the child does. */
    @Test
    void callsAreTheSameWithCompiledCodeAndWithout() {
        PythonUdf.register(spark, "same", script("same", "def same(a): return a"), DataTypes.LongType);
        PythonUdf.register(spark, "odd", script("odd", "def odd(a): return a % 2 == 1"), DataTypes.BooleanType);
        PythonUdf.register(spark, "pick", script("pick", "import numpy", "def pick(which, a, b): return numpy.ma.where(which, a, b)"), DataTypes.DoubleType);
        PythonUdf.register(spark, "word", script("word", "def word(a, names): return [None if n is None else n * int(a[i] % 3) for i, n in enumerate(names)]"), DataTypes.StringType);
        spark.range(0, 45, 1, 1).selectExpr("id", "nullif(id % 7, 3) gap", "cast(id as tinyint) b", "cast(id as smallint) s", "cast(nullif(id, 9) as int) i",
                "cast(id as float) f", "id / 4 as d", "nullif(id % 2 = 0, id = 4) flag", "date_add(date'2024-02-29', cast(id as int)) day",
                "timestamp'2024-02-29 01:02:03.000004' at", "concat('n', nullif(id, 6)) name", "cast(id as decimal(20, 3)) amount", "array(id, 1) list")
                .createOrReplaceTempView("all_types");
        String[] queries = {
            "SELECT sum(same(id)), count(same(gap)), sum(same(gap)), sum(same(b)), sum(same(s)), sum(same(i)), sum(same(f)), count_if(odd(id)) FROM all_types",
            "SELECT same(id) = id, same(gap) <=> gap, b, s, i, f, d, flag, day, at FROM all_types ORDER BY id",
            "SELECT same(gap) <=> gap, id, name, amount, list, flag FROM all_types ORDER BY id",
            "SELECT pick(flag, d, f), word(id, name), id FROM all_types WHERE id <> 4 ORDER BY id",
            "SELECT sum(same(same(id) + 1)) FROM all_types WHERE odd(same(id))",
            "SELECT count(*), sum(same(n)) FROM (SELECT explode(sequence(1, id)) n FROM all_types)",
            "SELECT k, same(total) - total FROM (SELECT id % 12 k, sum(id) total FROM all_types GROUP BY 1) ORDER BY k",
            "SELECT same(id), r.name FROM all_types l JOIN (SELECT id % 20 j, name FROM all_types) r ON l.id = r.j ORDER BY id, name",
            "SELECT same(id) FROM all_types LIMIT 12", "SELECT id, name FROM all_types ORDER BY same(-id) LIMIT 3", "SELECT same(1) FROM all_types WHERE id < 2",
        };
        try {
            for (String query : queries) {
                List<String> found = new ArrayList<>();
                for (String compiled : List.of("true", "false")) {
                    spark.conf().set("spark.sql.codegen.wholeStage", compiled);
                    found.add(text(spark.sql(query)));
                }
                assertEquals(found.get(1), found.get(0), query);
                assertTrue(!found.get(0).isEmpty() && !found.get(0).contains("[false"), found.get(0));
            }
        } finally {
            spark.conf().unset("spark.sql.codegen.wholeStage");
        }
        assertEquals("[990,39,111,990,990,981,990,22]", text(spark.sql(queries[0])));
        assertEquals("[992,15181]", text(spark.sql(queries[5])));
        String plan = spark.sql("SELECT same(id) + gap FROM all_types").queryExecution().executedPlan().toString();
        assertTrue(plan.lines().allMatch(line -> line.contains("*(1) ")), "all in one stage: " + plan);
    }

    /** Rows of one partition are all there already: neither an exchange nor a sorting is added where it is not needed. */
    @Test
    void groupsAreMadeOnlyWhereTheRowsAreNotGroupedYet() {
        PythonScript count = script("count", "def count(group): return {'k': group['k'][:1], 'n': [len(group['k'])]}");
        StructType schema = new StructType().add("k", "long").add("n", "long");
        Dataset<Row> rows = spark.range(0, 30, 1, 2).selectExpr("id % 4 as k");
        Dataset<Row> once = PythonDataset.groupedMap(rows.repartition(3, rows.col("k")), List.of("k"), count, schema);
        assertEquals("[0,8] [1,8] [2,7] [3,7]", text(once.orderBy("k")));
        assertEquals(2, once.queryExecution().executedPlan().toString().split("Exchange").length, once.queryExecution().executedPlan().toString());
        Dataset<Row> single = PythonDataset.groupedMap(rows.coalesce(1).sortWithinPartitions("k"), List.of("k"), count, schema);
        assertEquals("[0,8] [1,8] [2,7] [3,7]", text(single));
        assertTrue(!single.queryExecution().executedPlan().toString().contains("Exchange"), single.queryExecution().executedPlan().toString());
        Dataset<Row> nulls = rows.selectExpr("nullif(k, 1) as k");
        assertEquals("[null,8] [0,8] [2,7] [3,7]", text(PythonDataset.groupedMap(nulls, List.of("k"), count, schema).orderBy("k")));
    }

    @Test
    void groupsGoToPythonAsAWhole() {
        PythonScript mean = script("mean", "import numpy", "def mean(group):", "    half = numpy.asarray(group['half'])",
                "    return {'k': group['k'][:1], 'n': [len(half)], 'mean': [half.mean()]}");
        StructType schema = new StructType().add("k", "long").add("n", "long").add("mean", "double");
        Dataset<Row> rows = numbers(100, 4).selectExpr("id % 3 as k", "half");
        assertEquals("[0,34,24.75] [1,33,24.5] [2,33,25.0]", text(PythonDataset.groupedMap(rows, List.of("k"), mean, schema).orderBy("k")));
        assertTrue(assertThrows(Exception.class, () -> PythonDataset.groupedMap(rows, List.of("z"), mean, schema)).getMessage().contains("z"));
    }

    @Test
    void whatPythonRaisesNamesThePartitionAndPythonsLines() {
        PythonScript fails = script("fails", "def inner(batch):", "    raise ValueError('no good')", "def fails(batches):", "    for batch in batches:",
                "        yield inner(batch)");
        Dataset<Row> made = PythonDataset.mapInArrow(numbers(3, 1), fails, new StructType().add("id", "long"));
        StringBuilder all = new StringBuilder();
        for (Throwable e = assertThrows(Exception.class, made::collectAsList); e != null; e = e.getCause()) {
            all.append(e).append('\n');
            for (StackTraceElement each : e.getStackTrace()) {
                all.append(each).append('\n');
            }
        }
        assertTrue(all.toString().contains("Python failed in partition 0 (stage "), all.toString());
        assertTrue(all.toString().contains("ValueError: no good"), all.toString());
        assertTrue(all.toString().contains("Python.inner("), all.toString());
        PythonScript wrong = script("wrong", "def wrong(batches):", "    yield {'id': ['text']}");
        assertThrows(Exception.class, () -> PythonDataset.mapInArrow(numbers(3, 1), wrong, new StructType().add("id", "long")).collectAsList());
        PythonUdf.register(spark, "short", script("short", "def short(a):", "    return a[:1]"), DataTypes.LongType);
        numbers(4, 1).createOrReplaceTempView("four");
        String message = String.valueOf(assertThrows(Exception.class, () -> spark.sql("SELECT short(id) FROM four").collectAsList()));
        assertTrue(message.contains("gave 1 values for 4 rows"), message);
    }

    @Test
    void scriptsThatNameNothingAreRefused() {
        assertEquals("'model' names no function: write \"module:function\".", assertThrows(PythonException.class, () -> PythonScript.of("model")).getMessage());
        String message = String.valueOf(assertThrows(Exception.class,
                () -> PythonDataset.mapInArrow(numbers(3, 1), "no_such_module:f", new StructType().add("id", "long")).collectAsList()));
        assertTrue(message.contains("No module named 'no_such_module'"), message);
    }

    /** Spark ends a job without interrupting its threads: Python ends all the same, and the executor goes on. */
    @Test
    void aKilledTaskEndsItsPython(@TempDir Path folder) throws Exception {
        Path runs = folder.resolve("runs");
        PythonScript forever = script("forever", "import time", "def forever(batches):", "    for batch in batches:",
                "        open('" + runs + "', 'w').close()", "        while True:",
                "            time.sleep(0.01)", "        yield batch");
        Dataset<Row> made = PythonDataset.mapInArrow(numbers(3, 1), forever, new StructType().add("id", "long"));
        List<Throwable> failed = new ArrayList<>();
        Thread job = new Thread(() -> {
            spark.sparkContext().setJobGroup("forever", "never ends", false);
            try {
                made.collectAsList();
            } catch (Throwable e) {
                failed.add(e);
            }
        });
        job.start();
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while (!Files.exists(runs) && System.nanoTime() < end) {
            Thread.sleep(50);
        }
        assertTrue(Files.exists(runs), "Python runs");
        spark.sparkContext().cancelJobGroup("forever");
        job.join(TimeUnit.SECONDS.toMillis(60));
        assertTrue(!job.isAlive(), "the job ends");
        assertEquals(1, failed.size());
        // Both slots are free again, and Python works for others.
        PythonScript same = script("same", "def same(batches):", "    for batch in batches:", "        yield {'id': batch['id']}");
        assertEquals("[4]", text(PythonDataset.mapInArrow(numbers(4, 2), same, new StructType().add("id", "long")).selectExpr("count(*)")));
        try (PythonGIL gil = PythonGIL.lock()) {
            PythonExecutioner.exec("pass");
        }
    }

    @Test
    void aFunctionIsLoadedOnceInAnExecutor() {
        PythonScript counting = script("counting", "import builtins", "builtins.loaded = getattr(builtins, 'loaded', 0) + 1", "def counting(batches):",
                "    for batch in batches:", "        yield {'n': [loaded]}");
        Dataset<Row> made = PythonDataset.mapInArrow(numbers(40, 4), counting, new StructType().add("n", "long"));
        assertEquals("[1]", text(made.selectExpr("max(n)")));
        assertEquals("[1]", text(made.selectExpr("max(n)")));
    }

    /** An executor that lives for days does not collect the functions of all its jobs. */
    @Test
    void functionsOfOldJobsAreForgotten() {
        String left = "job_" + Integer.toHexString(("def one(): pass\n# 0\n").hashCode());
        try (PythonGIL gil = PythonGIL.lock(); PythonGC frame = PythonGC.watch()) {
            PythonObject modules = Python.importModule("sys").attr("modules");
            PythonScript used = script("used", "def used(): return 1");
            PythonObject first = Executor.function(used);
            for (int i = 0; i < 2 * Executor.KEPT; i++) {
                Executor.function(script("one", "def one(): pass", "# " + i));
                assertEquals(first, Executor.function(used), "what is used stays");
                assertEquals(i < Executor.KEPT - 1, modules.attr("__contains__").call(left).toBoolean(), "after " + i);
            }
            assertFalse(Python.importModule("linecache").attr("cache").attr("__contains__").call("<" + left + ".py>").toBoolean());
        }
    }

    @Test
    void everyTypeThatCrossesIsWhatItWas() {
        PythonScript same = script("same", "def same(batches):", "    yield from batches");
        Dataset<Row> rows = spark.sql("SELECT CAST(1 AS tinyint) b, CAST(2 AS smallint) s, 3 i, 4L l, CAST(5.5 AS float) f, 6.5D d, true z, 'text' t,"
                + " CAST('2024-02-29' AS date) day, CAST('2024-02-29 01:02:03.000004' AS timestamp) at, X'01FF' bytes, CAST(1.25 AS decimal(10, 2)) amount,"
                + " array(1, 2) list, named_struct('x', 1, 'y', 'a') point, CAST(NULL AS int) nothing");
        Row expected = rows.first();
        Row found = PythonDataset.mapInArrow(rows, same, rows.schema()).first();
        for (int i = 0; i < expected.size(); i++) {
            if (expected.get(i) instanceof byte[]) {
                assertEquals(Arrays.toString((byte[]) expected.get(i)), Arrays.toString((byte[]) found.get(i)));
            } else {
                assertEquals(expected.get(i), found.get(i), rows.schema().fields()[i].name());
            }
        }
    }
}
