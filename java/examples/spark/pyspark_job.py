# SPDX-License-Identifier: Apache-2.0
# ScoreJob.java for PySpark, in its two ways: `arrow` hands a worker process whole record batches, `pickle`
# single rows. What is printed is the same.
import itertools
import sys
import time

import numpy
import pyarrow
from pyspark.sql import SparkSession, functions

import score

FEATURES = 16
BATCH = 4096


def by_arrow(batches):
    for batch in batches:
        rows = numpy.column_stack([column.to_numpy(zero_copy_only=False) for column in batch.columns[1:]])
        yield pyarrow.RecordBatch.from_arrays([batch.column(0), pyarrow.array(score.score(rows))], ["id", "score"])


def by_pickle(rows):
    while batch := list(itertools.islice(rows, BATCH)):
        scores = score.score(numpy.array([row[1:] for row in batch]))
        yield from zip((row[0] for row in batch), scores.tolist())


def score_all(spark, way, rows, partitions):
    columns = ["id"] + [f"hash(id, {i}) / 2147483648D as f{i}" for i in range(FEATURES)]
    features = spark.range(0, rows, 1, partitions).selectExpr(*columns)
    if way == "arrow":
        scores = features.mapInArrow(by_arrow, "id long, score double")
    else:
        scores = spark.createDataFrame(features.rdd.mapPartitions(by_pickle), "id long, score double", verifySchema=False)
    return (scores.groupBy(functions.expr("id % 4 as part"))
            .agg(functions.expr("count(*)"), functions.expr("sum(cast(round(score * 1e6) as bigint))"))
            .orderBy("part").collect())


def main(way, rows, partitions, rounds):
    spark = SparkSession.builder.config("spark.sql.execution.arrow.maxRecordsPerBatch", BATCH).getOrCreate()
    print("> session", flush=True)
    score_all(spark, way, 4000, 4)
    print("> first", flush=True)
    for _ in range(int(rounds)):
        print("> round", flush=True)
        start = time.monotonic()
        sums = score_all(spark, way, int(rows), int(partitions))
        print(f"> took {time.monotonic() - start:.3f}")
        print("> result", [list(row) for row in sums], flush=True)
    spark.stop()


main(*sys.argv[1:])
