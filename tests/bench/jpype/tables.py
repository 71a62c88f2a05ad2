# SPDX-License-Identifier: Apache-2.0
# What Arrow's Java cookbook does ("python_java"): Python starts the JVM by JPype, and a batch crosses as the structs of Arrow's
# C data interface, whose addresses both sides get. The argument is the class path, with Arrow's jars.
import os
import sys

import jpype
import numpy
import pyarrow
from jpype import JClass
from pyarrow.cffi import ffi

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "cpython"))
import rows

jpype.startJVM("--add-opens=java.base/java.nio=ALL-UNNAMED", classpath=sys.argv[1].split(os.pathsep))
ArrowArray = JClass("org.apache.arrow.c.ArrowArray")
ArrowSchema = JClass("org.apache.arrow.c.ArrowSchema")
Data = JClass("org.apache.arrow.c.Data")
allocator = JClass("org.apache.arrow.memory.RootAllocator")()


def structs():
    array, schema = ffi.new("struct ArrowArray*"), ffi.new("struct ArrowSchema*")
    return array, schema, int(ffi.cast("uintptr_t", array)), int(ffi.cast("uintptr_t", schema))


def to_python(root):
    _array, _schema, array, schema = structs()
    Data.exportVectorSchemaRoot(allocator, root, None, ArrowArray.wrap(array), ArrowSchema.wrap(schema))
    return pyarrow.RecordBatch._import_from_c(array, schema)


def to_java(batch):
    _array, _schema, array, schema = structs()
    batch._export_to_c(array, schema)
    return Data.importVectorSchemaRoot(allocator, ArrowArray.wrap(array), ArrowSchema.wrap(schema), None)


def java_table(count):
    """Eight columns, four of long and four of double, whose values are zero: none of them is looked at."""
    vectors = []
    for i in range(8):
        kind = ("BigInt" if i % 2 == 0 else "Float8") + "Vector"
        vector = JClass(f"org.apache.arrow.vector.{kind}")(f"c{i}", allocator)
        vector.allocateNew(count)
        vector.getDataBuffer().setZero(0, 8 * count)
        vector.getValidityBuffer().setOne(0, (count + 7) // 8)
        vector.setValueCount(count)
        vectors.append(vector)
    root = JClass("org.apache.arrow.vector.VectorSchemaRoot")(JClass("java.util.ArrayList")(vectors))
    root.setRowCount(count)
    return root


def python_table(count):
    n = numpy.arange(count)
    return pyarrow.record_batch([n if i % 2 else n * 0.5 for i in range(8)], list("abcdefgh"))


rows.java_table, rows.python_table, rows.to_java, rows.to_python = java_table, python_table, to_java, to_python
rows.ROWS.clear()
rows.ROWS.update({
    "table.in": ("root = java_table(N)", "to_python(root)"),
    "table.out": ("batch = python_table(N)", "to_java(batch).close()"),
})

if __name__ == "__main__":
    rows.main()
