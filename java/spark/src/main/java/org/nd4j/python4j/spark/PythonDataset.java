// SPDX-License-Identifier: Apache-2.0
// Datasets whose rows Python produces. PythonNode represents them in a plan; PythonTask executes them in a
// task.
package org.nd4j.python4j.spark;

import java.util.ArrayList;
import java.util.List;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.types.StructType;
import org.nd4j.python4j.PythonException;
import scala.collection.immutable.Seq;

/**
 * Datasets by Python functions that run inside the executors' own JVMs.
 *
 * <p>A batch is a {@code pyarrow.RecordBatch} where the executor's Python has pyarrow, and else a {@code dict} of columns that
 * {@code numpy.asarray}, pandas and polars take. A result may be either of these, a DataFrame, and whatever speaks Arrow's PyCapsule
 * interface; its columns are those of the schema, by their names, exactly or by a cast that loses nothing.
 *
 * <pre>{@code
 * StructType schema = new StructType().add("id", "long").add("score", "double");
 * Dataset<Row> scores = PythonDataset.mapInArrow(features, "model:score", schema);
 * }</pre>
 */
public final class PythonDataset {
    private PythonDataset() {}

    /**
     * Calls the function once in each partition, with an iterator of its batches; the batches that it yields are the rows of
     * the result, as PySpark's {@code mapInArrow} does.
     *
     * @param moduleAndFunction see {@link PythonScript#of(String)}
     */
    public static Dataset<Row> mapInArrow(Dataset<Row> rows, String moduleAndFunction, StructType schema) {
        return mapInArrow(rows, PythonScript.of(moduleAndFunction), schema);
    }

    /** The same for a function that may be in a text. */
    public static Dataset<Row> mapInArrow(Dataset<Row> rows, PythonScript function, StructType schema) {
        LogicalPlan child = Sessions.plan(rows);
        Seq<Expression> none = Scala.seq(new ArrayList<>());
        return Sessions.dataset(rows, new PythonNode(function, none, Sessions.attributes(schema), none, child));
    }

    /**
     * Calls the function once for each group of rows with equal keys, with all of them as one batch; what it returns are the
     * rows of the result. The rows of a group go to one task and have to fit into its memory.
     */
    public static Dataset<Row> groupedMap(Dataset<Row> rows, List<String> keys, PythonScript function, StructType schema) {
        if (keys.isEmpty()) {
            throw new PythonException("A grouped map needs at least one column to group by.");
        }
        Column[] columns = keys.stream().map(rows::col).toArray(Column[]::new);
        Dataset<Row> sorted = rows.repartition(columns).sortWithinPartitions(columns);
        LogicalPlan child = Sessions.plan(sorted);
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

    /** The same for a function of a module. */
    public static Dataset<Row> groupedMap(Dataset<Row> rows, List<String> keys, String moduleAndFunction, StructType schema) {
        return groupedMap(rows, keys, PythonScript.of(moduleAndFunction), schema);
    }
}
