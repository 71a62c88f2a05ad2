// SPDX-License-Identifier: Apache-2.0
// Datasets whose rows Python produces. PythonNode represents them in a plan; PythonTask executes them in a
// task.
package org.nd4j.python4j.spark;

import java.util.ArrayList;
import java.util.List;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.types.StructType;
import org.nd4j.python4j.PythonException;
import scala.collection.immutable.Seq;

/**
 * Creates datasets by Python functions, which run inside the JVMs of the executors. No method needs a turn of {@code
 * PythonGIL}.
 *
 * <p>A batch is a {@code pyarrow.RecordBatch} if the Python of the executor has pyarrow. Otherwise it is a {@code dict}
 * of columns that {@code numpy.asarray}, pandas and polars accept. A result may be either of these, a DataFrame, or any
 * object with Arrow's PyCapsule interface. Its columns are matched with the schema by their names. Each column has the
 * type of the schema, or a type that can be cast to it without loss.
 *
 * <pre>{@code
 * StructType schema = new StructType().add("id", "long").add("score", "double");
 * Dataset<Row> scores = PythonDataset.mapInArrow(features, "model:score", schema);
 * }</pre>
 */
public final class PythonDataset {
    private PythonDataset() {}

    /**
     * Calls the function once for each partition, with an iterator over the batches of the partition. The batches that
     * it yields are the rows of the result. PySpark's {@code mapInArrow} works in the same way.
     *
     * @param moduleAndFunction the function, see {@link PythonScript#of(String)}
     */
    public static Dataset<Row> mapInArrow(Dataset<Row> rows, String moduleAndFunction, StructType schema) {
        return mapInArrow(rows, PythonScript.of(moduleAndFunction), schema);
    }

    /** Like {@link #mapInArrow(Dataset, String, StructType)}, for a function that may also be defined in a text. */
    public static Dataset<Row> mapInArrow(Dataset<Row> rows, PythonScript function, StructType schema) {
        LogicalPlan child = Sessions.plan(rows);
        Seq<Expression> none = Scala.seq(new ArrayList<>());
        return Sessions.dataset(rows, new PythonNode(function, none, Sessions.attributes(schema), none, child));
    }

    /**
     * Calls the function once for each group of rows with equal keys. Its argument is one batch with all rows of the
     * group, and its return value has the rows of the result. All rows of a group are processed in one task and have to
     * fit into its memory.
     */
    public static Dataset<Row> groupedMap(Dataset<Row> rows, List<String> keys, PythonScript function, StructType schema) {
        if (keys.isEmpty()) {
            throw new PythonException("A grouped map needs at least one column to group by.");
        }
        LogicalPlan child = Sessions.plan(rows);
        List<Expression> grouping = new ArrayList<>();
        for (String key : keys) {
            for (Attribute attribute : Scala.list(child.output())) {
                if (attribute.name().equalsIgnoreCase(key)) {
                    grouping.add(attribute);
                    break;
                }
            }
        }
        if (grouping.size() != keys.size()) {
            throw new PythonException("The keys " + keys + " are not all columns of " + String.join(", ", rows.columns()) + ".");
        }
        return Sessions.dataset(rows, new PythonNode(function, Scala.seq(new ArrayList<>()), Sessions.attributes(schema), Scala.seq(grouping), child));
    }

    /**
     * Like {@link #groupedMap(Dataset, List, PythonScript, StructType)}, for a function of a module, see {@link
     * PythonScript#of(String)}.
     */
    public static Dataset<Row> groupedMap(Dataset<Row> rows, List<String> keys, String moduleAndFunction, StructType schema) {
        return groupedMap(rows, keys, PythonScript.of(moduleAndFunction), schema);
    }
}
