// SPDX-License-Identifier: Apache-2.0
// The Spark library as a module. Spark itself is not a module and stays on the class path, which this module
// reads.

/** Python inside Spark's executors. */
module python4j.spark {
    requires transitive python4j.core;
    requires transitive python4j.arrow;
    requires python4j.pool;

    exports org.nd4j.python4j.spark;
}
