# SPDX-License-Identifier: Apache-2.0
# The Python half of Quickstart.java. It is given `flowers` (four lengths each) and `species`
# (a name each); what Java reads afterwards are ordinary variables.
import sys

import numpy

lengths = numpy.array(flowers)
names = numpy.array(species)

table = []
for name in dict.fromkeys(species):
    group = lengths[names == name]
    table.append([name, len(group), group.mean(axis=0).tolist(), group.std(axis=0, ddof=1).tolist()])

petal_length, petal_width = lengths[:, 2], lengths[:, 3]
design = numpy.column_stack([petal_length, numpy.ones_like(petal_length)])
slope, intercept = numpy.linalg.lstsq(design, petal_width, rcond=None)[0].tolist()
r_squared = float(numpy.corrcoef(petal_length, petal_width)[0, 1] ** 2)

versions = f"Python {sys.version.split()[0]}, numpy {numpy.__version__}"
executable = sys.executable
