// SPDX-License-Identifier: Apache-2.0
// The pool as a module. Compiled apart (gradle/modules.gradle), since the rest is compiled on a class path.

/** Python in processes of its own, behind the API of the one in this process. */
module python4j.pool {
    requires java.management;
    requires jdk.jfr;
    requires transitive python4j.core;

    exports org.nd4j.python4j.pool;

    provides org.nd4j.python4j.internal.process.SelfTest with
            org.nd4j.python4j.internal.pool.PoolSelfTest;
}
