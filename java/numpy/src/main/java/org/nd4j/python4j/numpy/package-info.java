// SPDX-License-Identifier: Apache-2.0
// The description of the package, for the Javadoc.

/**
 * Converts ND4J arrays to numpy arrays over the same memory, and back: {@link org.nd4j.python4j.numpy.NumpyArray}. It
 * is sufficient to have this jar on the class path: an {@code INDArray} can then be a variable, an argument, or an
 * element of a list.
 */
package org.nd4j.python4j.numpy;
