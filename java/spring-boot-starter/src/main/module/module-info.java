// SPDX-License-Identifier: Apache-2.0
// The Spring Boot starter as a module. Spring stays on the class path, which this module reads.

/** Python in Spring Boot applications. */
module python4j.spring {
    requires org.slf4j;
    requires transitive python4j.core;
    requires static transitive python4j.pool;

    exports org.nd4j.python4j.spring;
    exports org.nd4j.python4j.spring.test;

    opens org.nd4j.python4j.spring; // Spring calls what is not public
    opens org.nd4j.python4j.spring.test;
}
