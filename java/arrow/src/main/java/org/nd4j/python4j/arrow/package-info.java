// SPDX-License-Identifier: Apache-2.0
// The description of the package, for the Javadoc.

/**
 * Passes tables of Arrow Java to Python and back, over the same memory: {@link org.nd4j.python4j.arrow.PythonArrow}. It
 * is sufficient to have this jar on the class path: a {@code VectorSchemaRoot} can then be a variable, an argument or a
 * result.
 */
package org.nd4j.python4j.arrow;
