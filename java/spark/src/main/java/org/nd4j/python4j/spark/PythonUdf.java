// SPDX-License-Identifier: Apache-2.0
// Python functions that SQL calls by a name. In a plan each call is a PythonCall, which EvaluateCalls replaces.
package org.nd4j.python4j.spark;

import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.catalyst.analysis.FunctionRegistry;
import org.apache.spark.sql.types.DataType;

/**
 * Registers Python functions that SQL can call. No method needs a turn of {@code PythonGIL}.
 *
 * <p>A function is called for a batch of rows. Each argument is a column as a numpy array of one dimension. A column of
 * numbers with nulls is a masked array. A column of another type is an array of objects, with None for null. The
 * function returns one value for each row, as a numpy array, a list or an Arrow array. A masked value or None becomes
 * null.
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

    /** Registers a function that may also be defined in a text, see {@link PythonScript}. */
    public static void register(SparkSession spark, String name, PythonScript function, DataType returnType) {
        Sessions.prepare(spark);
        Sessions.register(spark, name, Scala.function(arguments -> {
            PythonCall call = new PythonCall(function, returnType, arguments);
            call.setTagValue(FunctionRegistry.FUNC_ALIAS(), name); // as a column is called that has no other name
            return call;
        }));
    }
}
