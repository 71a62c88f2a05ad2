# SPDX-License-Identifier: Apache-2.0
# The model: a small network over 16 features. ScoreJob runs both halves inside the executor's JVM and
# pyspark_job.py inside PySpark's worker processes.
import numpy

random = numpy.random.default_rng(7)
hidden = random.normal(size=(16, 64)) / 4
output = random.normal(size=64) / 8


def score(rows):
    return numpy.tanh(numpy.tanh(rows @ hidden) @ output)
