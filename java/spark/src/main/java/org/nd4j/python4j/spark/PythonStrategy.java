// SPDX-License-Identifier: Apache-2.0
// The planning strategy by which a session plans the nodes of this library.
package org.nd4j.python4j.spark;

import java.util.ArrayList;
import java.util.List;
import org.apache.spark.sql.catalyst.expressions.Alias;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.expressions.NamedExpression;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.execution.ProjectExec;
import org.apache.spark.sql.execution.SparkPlan;
import org.apache.spark.sql.execution.SparkStrategy;
import scala.Option;
import scala.collection.immutable.Seq;

/** Makes {@link PythonExec}s. */
final class PythonStrategy extends SparkStrategy {
    @Override
    public Seq<SparkPlan> apply(LogicalPlan plan) {
        if (!(plan instanceof PythonNode)) {
            return Scala.seq(List.of());
        }
        PythonNode node = (PythonNode) plan;
        // The rows of a PythonExec are views of its batches. The projection above it makes Spark's own rows of them, in code that Spark compiles
        // with what follows. Its attributes have to be others, or Spark takes it for superfluous.
        List<Attribute> made = new ArrayList<>();
        List<NamedExpression> output = new ArrayList<>();
        if (!node.calls.isEmpty()) {
            Scala.list(node.keys).forEach(kept -> output.add((NamedExpression) kept));
        }
        for (Attribute result : Scala.list(node.results)) {
            Attribute each = result.newInstance();
            made.add(each);
            output.add(new Alias(each, result.name(), result.exprId(), Scala.seq(List.of()), Option.apply(result.metadata()), Scala.seq(List.of())));
        }
        SparkPlan rows = new PythonExec(node.function, node.calls, Scala.seq(made), node.keys, planLater(node.child));
        return Scala.seq(List.of(new ProjectExec(Scala.seq(output), rows)));
    }
}
