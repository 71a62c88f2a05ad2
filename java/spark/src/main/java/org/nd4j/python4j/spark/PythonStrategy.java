// SPDX-License-Identifier: Apache-2.0
// The planning strategy by which a session plans the nodes of this library.
package org.nd4j.python4j.spark;

import java.util.List;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.execution.SparkPlan;
import org.apache.spark.sql.execution.SparkStrategy;
import scala.collection.immutable.Seq;

/** Makes {@link PythonExec}s. */
final class PythonStrategy extends SparkStrategy {
    @Override
    public Seq<SparkPlan> apply(LogicalPlan plan) {
        if (!(plan instanceof PythonNode)) {
            return Scala.seq(List.of());
        }
        PythonNode node = (PythonNode) plan;
        return Scala.seq(List.of(new PythonExec(node.function, node.calls, node.results, node.keys, planLater(node.child))));
    }
}
