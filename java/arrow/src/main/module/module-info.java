// SPDX-License-Identifier: Apache-2.0
// The Arrow bridge as a module. Compiled apart (gradle/modules.gradle), since the rest is compiled on a class path.

/** Tables of Arrow Java in Python and back, over the same memory. */
module python4j.arrow {
    requires transitive python4j.core;
    requires transitive org.apache.arrow.memory.core;
    requires transitive org.apache.arrow.vector;
    requires org.apache.arrow.c;
    requires org.apache.arrow.format;

    exports org.nd4j.python4j.arrow;

    provides org.nd4j.python4j.PythonType with
            org.nd4j.python4j.arrow.PythonArrow.Table,
            org.nd4j.python4j.arrow.PythonArrow.Column,
            org.nd4j.python4j.arrow.PythonArrow.Stream;
}
