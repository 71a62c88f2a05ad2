// SPDX-License-Identifier: Apache-2.0
// A node of a logical plan whose rows Python produces: from whole partitions, from groups, or as one column for
// each call. PythonStrategy makes a PythonExec of it.
package org.nd4j.python4j.spark;

import java.util.List;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.expressions.AttributeSet;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import scala.collection.immutable.IndexedSeq;
import scala.collection.immutable.Seq;

/** A node of a logical plan. This class is public only because Spark needs it; programs do not use it. */
public final class PythonNode extends LogicalPlan implements PythonParts {
    private static final long serialVersionUID = 1L;

    final PythonScript function; // null where there are calls
    final Seq<Expression> calls;
    final Seq<Attribute> results;
    final Seq<Expression> keys; // of groups; with calls the columns that go on
    final LogicalPlan child;

    /** Spark creates copies of the node by this constructor. */
    public PythonNode(PythonScript function, Seq<Expression> calls, Seq<Attribute> results, Seq<Expression> keys, LogicalPlan child) {
        this.function = function;
        this.calls = calls;
        this.results = results;
        this.keys = keys;
        this.child = child;
    }

    @Override
    public Seq<LogicalPlan> children() {
        return Scala.seq(List.of(child));
    }

    @Override
    public Seq<Attribute> output() {
        return PythonParts.output(calls, keys, results);
    }

    @Override
    public AttributeSet producedAttributes() {
        return PythonParts.attributes(results);
    }

    @Override
    public AttributeSet references() {
        return PythonParts.references(calls, keys, child.outputSet());
    }

    @Override
    public LogicalPlan withNewChildrenInternal(IndexedSeq<LogicalPlan> children) {
        return new PythonNode(function, calls, results, keys, children.apply(0));
    }

    @Override
    public Object[] parts() {
        return new Object[] {function, calls, results, keys, child};
    }

    @Override
    public boolean equals(Object other) {
        return isEqual(other);
    }
}
