// SPDX-License-Identifier: Apache-2.0
// Python functions that SQL calls by a name. In a plan each call is a PythonCall, which EvaluateCalls replaces.
package org.nd4j.python4j.spark;

import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.DataType;

/**
 * Python functions that SQL calls.
 *
 * <p>A function gets whole columns, an array for each argument, and returns as many values: numpy arrays, masked where there are
 * nulls in a column of numbers, and arrays of objects with None for other types. What it returns may be an array of numpy's, a list, or
 * anything of Arrow's; a masked value or None is null.
 *
 * <pre>{@code
 * PythonUdf.register(spark, "score", "model:score", DataTypes.DoubleType);
 * spark.sql("SELECT id, score(x, y) FROM points");
 * }</pre>
 */
public final class PythonUdf {
    private PythonUdf() {}

    /** Registers a function of a module, see {@link PythonScript#of(String)}. */
    public static void register(SparkSession spark, String name, String moduleAndFunction, DataType returnType) {
        register(spark, name, PythonScript.of(moduleAndFunction), returnType);
    }

    /** The same for a function that may be in a text. */
    public static void register(SparkSession spark, String name, PythonScript function, DataType returnType) {
        Sessions.prepare(spark);
        Sessions.register(spark, name, Scala.function(arguments -> new PythonCall(function, returnType, arguments)));
    }
}
