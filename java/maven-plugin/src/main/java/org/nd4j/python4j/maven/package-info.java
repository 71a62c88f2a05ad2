// SPDX-License-Identifier: Apache-2.0
// The plugin for Maven. What its goals do is done by PackageTool of python4j-packages, in a JVM of its own.
/** Python packages as dependencies of a Maven build. */
package org.nd4j.python4j.maven;
