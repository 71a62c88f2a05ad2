# SPDX-License-Identifier: Apache-2.0
# The benchmark of python4j-spark beside PySpark: the same jobs in turn in one Spark, whose JVM has the library and which starts
# PySpark's workers. What counts is CPU time of the JVM and of all its children. ./gradlew sparkBench calls it.
# Usage: rows.py RESULTS LIBRARY-JARS CACHE [ROUNDS [ONLY]]
import os
import pathlib
import re
import statistics
import sys

import pandas
import pyarrow
import pyarrow.compute
import pyspark
from pyspark.sql import SparkSession, functions

results, libraries, cache = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3]
rounds = int(sys.argv[4] or 11)
only = re.compile(sys.argv[5])
WARM = 8  # rounds that are not counted: the JVM compiles
ROWS = 10_000_000
TICKS = os.sysconf("SC_CLK_TCK")

opens = " ".join(f"--add-opens=java.base/{name}=ALL-UNNAMED" for name in ("java.lang", "java.nio", "java.util", "sun.nio.ch"))
spark = (SparkSession.builder.master("local[1]")
         .config("spark.driver.host", "127.0.0.1").config("spark.driver.bindAddress", "127.0.0.1").config("spark.ui.enabled", "false")
         .config("spark.driver.memory", "2g").config("spark.log.level", "ERROR").config("spark.sql.shuffle.partitions", 1)
         .config("spark.ui.showConsoleProgress", "false").config("spark.driver.extraClassPath", libraries)
         .config("spark.driver.extraJavaOptions", f"{opens} -Dorg.eclipse.python4j.cache={cache} -Dorg.eclipse.python4j.python={sys.prefix} "
                 + os.environ.get("BENCH_JAVA_OPTIONS", ""))
         .getOrCreate())
jvm = spark._jvm
ours = jvm.org.nd4j.python4j.spark


# ---- CPU time ----

def stat(pid):
    """The parent and the CPU seconds of a process, its ended children's too."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return int(fields[1]), sum(map(int, fields[11:15])) / TICKS


def cpu():
    """That of Spark's JVM and its descendants."""
    parents, seconds = {}, {}
    for path in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            parents[int(path.name)], seconds[int(path.name)] = stat(path.name)
        except (FileNotFoundError, ProcessLookupError):
            pass
    queue, total = [spark_pid], 0
    while queue:
        one = queue.pop()
        total += seconds.get(one, 0)
        queue += [pid for pid, parent in parents.items() if parent == one]
    return total


spark_pid = jvm.java.lang.ProcessHandle.current().pid()


# ---- the functions; ours are texts, as another Python runs them ----

def script(function, *lines):
    return ours.PythonScript.ofText("\n".join(("import pandas, pyarrow, pyarrow.compute", *lines, "")), function)


LIGHT = script("light", "def light(x, y): return x * 2 + y")
BATCHES = script("batches", "def batches(batches):", "    for batch in batches:",
                 "        sums = pyarrow.compute.add(pyarrow.compute.multiply(batch.column(0), 2.0), batch.column(1))",
                 "        yield pyarrow.RecordBatch.from_arrays([sums], ['sum'])")
MEAN = script("mean", "def mean(group):", "    group = group.to_pandas()",
              "    return pandas.DataFrame({'k': group['k'][:1], 'mean': [(group['x'] * 2 + group['y']).mean()]})")


@functions.arrow_udf("double")
def by_arrow(x: pyarrow.Array, y: pyarrow.Array) -> pyarrow.Array:
    return pyarrow.compute.add(pyarrow.compute.multiply(x, 2.0), y)


@functions.pandas_udf("double")
def by_pandas(x: pandas.Series, y: pandas.Series) -> pandas.Series:
    return x * 2 + y


@functions.udf("double", useArrow=True)
def by_row(x, y):
    return x * 2 + y


def batches(batches):
    for batch in batches:
        sums = pyarrow.compute.add(pyarrow.compute.multiply(batch.column(0), 2.0), batch.column(1))
        yield pyarrow.RecordBatch.from_arrays([sums], ["sum"])


def mean(group):
    return pandas.DataFrame({"k": group["k"][:1], "mean": [(group["x"] * 2 + group["y"]).mean()]})


# ---- the jobs: each is one number ----

def numbers(rows, groups=1000):
    return spark.range(0, rows, 1, 1).selectExpr("cast(id as double) as x", "id * 0.5D as y", f"id % {groups} as k")


def scalar(expression):
    return ROWS, lambda: numbers(ROWS).selectExpr(f"sum({expression})").first()[0]


def schema(ddl):
    return jvm.org.apache.spark.sql.types.StructType.fromDDL(ddl)


def first(dataset, expression):
    return dataset.selectExpr(jvm.PythonUtils.toSeq([expression])).first().getDouble(0)


def mapped_by_us():
    return first(ours.PythonDataset.mapInArrow(numbers(ROWS).select("x", "y")._jdf, BATCHES, schema("sum double")), "sum(sum)")


def mapped_by_pyspark():
    return numbers(ROWS).select("x", "y").mapInArrow(batches, "sum double").selectExpr("sum(sum)").first()[0]


def grouped_by_us(rows, groups):
    rows = numbers(rows, groups)._jdf
    return first(ours.PythonDataset.groupedMap(rows, jvm.java.util.List.of("k"), MEAN, schema("k long, mean double")), "sum(mean)")


def grouped_by_pyspark(rows, groups):
    return numbers(rows, groups).groupBy("k").applyInPandas(mean, "k long, mean double").selectExpr("sum(mean)").first()[0]


ours.PythonUdf.register(spark._jsparkSession, "light", LIGHT, jvm.org.apache.spark.sql.types.DataTypes.DoubleType)
for name, function in {"by_arrow": by_arrow, "by_pandas": by_pandas, "by_row": by_row}.items():
    spark.udf.register(name, function)

def grouped(rows, groups):
    return {"ours": (rows, lambda: grouped_by_us(rows, groups)), "applyInPandas": (rows, lambda: grouped_by_pyspark(rows, groups))}


# The row, how many times fewer CPU seconds ours has to need than the first peer, and who runs it.
TABLE = [
    ("a light function", 3, {"ours": scalar("light(x, y)"), "arrow_udf": scalar("by_arrow(x, y)"), "pandas_udf": scalar("by_pandas(x, y)"),
                             "SQL alone": scalar("x * 2 + y")}),
    ("a light function, another column goes on", 3, {"ours": scalar("light(x, y) + k"), "arrow_udf": scalar("by_arrow(x, y) + k"),
                                                     "pandas_udf": scalar("by_pandas(x, y) + k"), "SQL alone": scalar("x * 2 + y + k")}),
    ("a light function, PySpark's for single rows", 3, {"ours": scalar("light(x, y)"), "udf": scalar("by_row(x, y)")}),
    ("batches of a partition", None, {"ours": (ROWS, mapped_by_us), "mapInArrow": (ROWS, mapped_by_pyspark)}),
    ("groups of 4,000 rows, pandas", 1.2, grouped(4_000_000, 1000)),
    ("groups of 200 rows, pandas", 1.2, grouped(400_000, 2000)),
]


def measured(peers):
    """CPU seconds per million rows of each peer, one after the other in each round."""
    taken = {peer: [] for peer in peers}
    for round in range(WARM + rounds):
        values = {}
        for peer, (rows, job) in peers.items():
            before = cpu()
            values[peer] = job()
            if round >= WARM:
                taken[peer].append((cpu() - before) * 1e6 / rows)
        value = values["ours"]
        if any(abs(other - value) > 1e-9 * abs(value) for other in values.values()):
            sys.exit(f"The results differ: {values}")
    return taken


def main():
    lines = [f"{os.cpu_count()} processors, Spark {pyspark.__version__} as local[1], CPython {sys.version.split()[0]}, pyarrow {pyarrow.__version__},"
             f" pandas {pandas.__version__}; medians of {rounds} rounds", "",
             "| row | who | CPU s per million rows | rows per CPU s | ours is better by | must be | reached |", "| --- | --- | --- | --- | --- | --- | --- |"]
    print("\n".join(lines), flush=True)
    for row, bound, peers in TABLE:
        if not only.search(row):
            continue
        taken = measured(peers)
        for place, (peer, times) in enumerate(taken.items()):
            median = statistics.median(times)
            ratio = statistics.median(theirs / own for own, theirs in zip(taken["ours"], times))
            asked = bound if place == 1 else None
            cells = [row, peer, f"{median:.3f}", f"{1e6 / median:,.0f}", f"{ratio:.2f}x" if place else "", f"{asked}x" if asked else "",
                     "" if asked is None else "yes" if ratio >= asked else "NO"]
            lines.append("| " + " | ".join(cells) + " |")
            print(lines[-1], flush=True)
    results.mkdir(parents=True, exist_ok=True)
    (results / "spark.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
    spark.stop()
