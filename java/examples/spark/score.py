# SPDX-License-Identifier: Apache-2.0
# The model: a small network over 16 features. ScoreJob calls `score_batches` inside the executor's JVM, and
# pyspark_job.py calls `score` inside PySpark's worker processes.
import numpy

random = numpy.random.default_rng(7)
hidden = random.normal(size=(16, 64)) / 4
output = random.normal(size=64) / 8


def score(rows):
    return numpy.tanh(numpy.tanh(rows @ hidden) @ output)


def score_batches(batches):
    for batch in batches:
        rows = numpy.column_stack([batch[f"f{i}"] for i in range(16)])
        yield {"id": batch["id"], "score": score(rows)}
