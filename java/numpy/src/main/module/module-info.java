// SPDX-License-Identifier: Apache-2.0
// The numpy bridge as a module, under the name it has in Python4J. Compiled apart
// (gradle/modules.gradle), since the rest is compiled on a class path.

/**
 * ND4J arrays and numpy arrays over the same memory.
 *
 * <p>ND4J is not required: the descriptors of its 1.0.0-M2.1 name modules that do not exist, so it has to
 * stay on the class path, which this module reads.
 */
module python4j.numpy {
    requires transitive python4j.core;
    requires org.bytedeco.numpy;
    requires org.bytedeco.openblas;

    exports org.nd4j.python4j.numpy;

    provides org.nd4j.python4j.PythonType with
            org.nd4j.python4j.numpy.NumpyArray;
}
