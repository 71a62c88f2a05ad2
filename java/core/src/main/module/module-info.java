// SPDX-License-Identifier: Apache-2.0
// The core as a module, under the name it has in Python4J. Compiled apart (gradle/modules.gradle),
// since the rest is compiled on a class path.

/**
 * CPython in this process.
 *
 * <p>ND4J is not required: the descriptors of its 1.0.0-M2.1 name modules that do not exist, so it has to
 * stay on the class path, which this module reads. Only {@code PythonInterpreter} needs it, for {@code Pair}.
 */
@SuppressWarnings("module") // the module that a package is exported to need not be there
module python4j.core {
    requires java.management;
    requires static java.sql; // whose types are converted where a program uses them
    requires jdk.jfr;
    requires transitive org.bytedeco.cpython;
    requires transitive org.bytedeco.javacpp;
    requires org.slf4j;

    exports org.nd4j.python4j;
    exports org.nd4j.python4j.internal to python4j.pool, python4j.spark;
    exports org.nd4j.python4j.internal.jni to python4j.pool;
    exports org.nd4j.python4j.internal.monitor to python4j.pool, python4j.spring;
    exports org.nd4j.python4j.internal.packages to python4j.packages;
    exports org.nd4j.python4j.internal.process to python4j.pool;
    exports org.nd4j.python4j.internal.start to python4j.packages, python4j.pool;
    exports org.nd4j.python4j.internal.arrow to python4j.arrow;

    uses org.nd4j.python4j.PythonType;
    uses org.nd4j.python4j.internal.process.SelfTest;
}
