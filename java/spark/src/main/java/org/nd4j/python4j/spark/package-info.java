// SPDX-License-Identifier: Apache-2.0
// The description of the package, for the Javadoc.

/**
 * Python inside Spark's executors.
 *
 * @see <a href="https://github.com/python4j/python4j/blob/main/docs/spark.md">docs/spark.md</a>
 */
package org.nd4j.python4j.spark;
