// SPDX-License-Identifier: Apache-2.0
// The description of the package, for the Javadoc.

/**
 * Tables of Arrow Java in Python and back, over the same memory: {@link org.nd4j.python4j.arrow.PythonArrow}. Having this jar on
 * the class path is enough: a {@code VectorSchemaRoot} can then be a variable, an argument or a result.
 */
package org.nd4j.python4j.arrow;
