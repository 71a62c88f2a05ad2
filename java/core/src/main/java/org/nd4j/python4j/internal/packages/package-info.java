// SPDX-License-Identifier: Apache-2.0
// Python packages that come with a Java program, as files: their index, and how wheels become a folder.
/** Packaged Python code: the index and the wheels. */
package org.nd4j.python4j.internal.packages;
