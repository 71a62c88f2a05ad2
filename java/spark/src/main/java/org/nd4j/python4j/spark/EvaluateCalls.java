// SPDX-License-Identifier: Apache-2.0
// Replaces calls of Python functions in expressions. A new child node computes a column for each call, one
// batch of rows at a time.
package org.nd4j.python4j.spark;

import java.util.ArrayList;
import java.util.List;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.expressions.AttributeReference;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.NamedExpression;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.catalyst.plans.logical.Project;
import org.apache.spark.sql.catalyst.rules.Rule;
import org.apache.spark.sql.types.Metadata;

/** An optimizer's rule. */
final class EvaluateCalls extends Rule<LogicalPlan> {
    @Override
    public LogicalPlan apply(LogicalPlan plan) {
        return plan.transformUp(Scala.partial(EvaluateCalls::evaluated));
    }

    /** The node over one that makes what it calls; null if it calls nothing. */
    private static LogicalPlan evaluated(LogicalPlan node) {
        if (node instanceof PythonNode || node.children().size() != 1) {
            return null;
        }
        LogicalPlan now = node;
        while (true) {
            List<Expression> calls = innermost(now);
            if (calls.isEmpty()) {
                break;
            }
            List<Attribute> results = new ArrayList<>();
            for (Expression call : calls) {
                String name = "python" + results.size();
                results.add(new AttributeReference(name, call.dataType(), true, Metadata.empty(), NamedExpression.newExprId(), Scala.seq(List.of())));
            }
            LogicalPlan replaced = now.transformExpressions(Scala.partial(each -> {
                int place = each instanceof PythonCall ? calls.indexOf(each) : -1;
                return place < 0 ? null : results.get(place);
            }));
            LogicalPlan child = now.children().apply(0);
            List<Expression> kept = new ArrayList<>(Scala.list(child.output()));
            kept.removeIf(each -> !replaced.references().contains((Attribute) each) && !node.outputSet().contains((Attribute) each));
            now = replaced.withNewChildren(Scala.seq(List.of(new PythonNode(null, Scala.seq(calls), Scala.seq(results), Scala.seq(kept), child))));
        }
        if (now == node) {
            return null;
        }
        List<NamedExpression> output = new ArrayList<>(Scala.list(node.output()));
        return now.output().equals(node.output()) ? now : new Project(Scala.seq(output), now);
    }

    /** Calls whose arguments call nothing. */
    private static List<Expression> innermost(LogicalPlan node) {
        List<Expression> calls = new ArrayList<>();
        for (Expression each : Scala.list(node.expressions())) {
            collect(each, calls);
        }
        return calls;
    }

    private static boolean collect(Expression expression, List<Expression> calls) {
        boolean inside = false;
        for (Expression child : Scala.list(expression.children())) {
            inside |= collect(child, calls);
        }
        if (!inside && expression instanceof PythonCall && !calls.contains(expression)) {
            calls.add(expression);
        }
        return inside || expression instanceof PythonCall;
    }
}
