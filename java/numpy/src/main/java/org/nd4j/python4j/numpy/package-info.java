// SPDX-License-Identifier: Apache-2.0
// The description of the package, for the Javadoc.

/**
 * ND4J's arrays as numpy arrays over the same memory, and back: {@link org.nd4j.python4j.numpy.NumpyArray}. Having this jar on the
 * class path is enough: an {@code INDArray} can then be a variable, an argument, or an element of a list.
 */
package org.nd4j.python4j.numpy;
