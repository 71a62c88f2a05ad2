// SPDX-License-Identifier: Apache-2.0
// The tool of the build plugins as a module. Compiled apart (gradle/modules.gradle), since the rest is compiled on a class path.

/** Locks Python packages and puts them into jars: what the plugins for Gradle and Maven run. */
module python4j.packages {
    requires transitive python4j.core;

    exports org.nd4j.python4j.packages;
}
