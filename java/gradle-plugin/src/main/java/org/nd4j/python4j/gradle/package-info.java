// SPDX-License-Identifier: Apache-2.0
// The plugin for Gradle. What its tasks do is done by PackageTool of python4j-packages, in a JVM of its own.
/** Python packages as dependencies of a Gradle build. */
package org.nd4j.python4j.gradle;
