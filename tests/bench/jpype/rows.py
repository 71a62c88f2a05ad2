# SPDX-License-Identifier: Apache-2.0
# JPype, which has Java inside Python: the rows in which Python calls Java, and that in which Java calls Python. The
# protocol and the loop are those of cpython/rows.py. The argument is the class path.
import os
import sys

import jpype
from jpype import JClass

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "cpython"))
import rows


@jpype.JImplements("java.util.function.LongUnaryOperator", deferred=True)
class Identity:
    @jpype.JOverride
    def applyAsLong(self, x):
        return x


jpype.startJVM(classpath=sys.argv[1].split(os.pathsep))
List = JClass("java.util.ArrayList")()
for i in range(1000):
    List.add(jpype.JLong(i + 1000))

rows.r = List
rows.q = JClass("org.nd4j.python4j.bench.Peer$Counter")()
rows.longs = JClass("java.util.function.LongUnaryOperator").identity()
rows.texts = JClass("java.util.function.Function").identity()
rows.Range = JClass("java.util.stream.LongStream")
rows.identity = Identity()

rows.ROWS.clear()
rows.ROWS.update({
    "callback": ("j = longs", "x = j.applyAsLong(1)"),
    "callback.str": ("j = texts", "x = str(j.apply(TEXT))"),
    "reference": ("", "for e in r: pass"),
    "reference.attribute": ("", "x = q.value"),
    "reference.method": ("", "x = q.add(1)"),
    # A loop of Java's: of a hundred calls, of which `proxy` is one.
    "proxy": ("", "Range.range(0, 100).map(identity).sum()"),
})
rows.PER_STEP["proxy"] = 100

if __name__ == "__main__":
    rows.main()
