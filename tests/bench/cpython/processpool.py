# SPDX-License-Identifier: Apache-2.0
# Python's own pool, concurrent.futures.ProcessPoolExecutor with one process, driven from Python. The protocol
# is that of rows.py.
import rows

BEFORE = "from concurrent.futures import ProcessPoolExecutor; import operator; e = ProcessPoolExecutor(1); "

if __name__ == "__main__":
    rows.ROWS = {
        "pool.exec": (BEFORE, "e.submit(exec, 'x = 1').result()"),
        "pool.ints": (BEFORE, "e.submit(operator.add, n, 1).result()"),
        "pool.bytes.1MB": (BEFORE + "b = bytes(1 << 20)", "e.submit(bytes, b).result()"),
        "pool.array.sum": (BEFORE + "import numpy; a = numpy.ones(N)", "float(e.submit(numpy.sum, a).result())"),
    }
    rows.main()
