// SPDX-License-Identifier: Apache-2.0
// A node of a logical plan whose rows Python produces: from whole partitions, from groups, or as one column for
// each call. PythonStrategy makes a PythonExec of it.
package org.nd4j.python4j.spark;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.expressions.AttributeSet;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import scala.collection.immutable.IndexedSeq;
import scala.collection.immutable.Seq;

/** A node of a logical plan. This class is public only because Spark needs it; programs do not use it. */
public final class PythonNode extends LogicalPlan {
    private static final long serialVersionUID = 1L;

    final PythonScript function; // null where there are calls
    final Seq<Expression> calls;
    final Seq<Attribute> results;
    final Seq<Expression> keys;
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
        return output(calls, child.output(), results);
    }

    static Seq<Attribute> output(Seq<Expression> calls, Seq<Attribute> child, Seq<Attribute> results) {
        if (calls.isEmpty()) {
            return results;
        }
        List<Attribute> all = new ArrayList<>(Scala.list(child));
        all.addAll(Scala.list(results));
        return Scala.seq(all);
    }

    @Override
    public AttributeSet producedAttributes() {
        return attributes(results);
    }

    /** The attributes that expressions are made of. */
    static AttributeSet attributes(Seq<? extends Expression> expressions) {
        return org.apache.spark.sql.catalyst.expressions.AttributeSet$.MODULE$.apply(Scala.<Expression>seq(Scala.list(expressions)));
    }

    /** A function of partitions or groups sees all columns, so none may be pruned. Calls see only their arguments. */
    @Override
    public AttributeSet references() {
        return calls.isEmpty() ? child.outputSet() : attributes(calls);
    }

    @Override
    public LogicalPlan withNewChildrenInternal(IndexedSeq<LogicalPlan> children) {
        return new PythonNode(function, calls, results, keys, children.apply(0));
    }

    private Object[] parts() {
        return new Object[] {function, calls, results, keys, child};
    }

    @Override
    public int productArity() {
        return parts().length;
    }

    @Override
    public Object productElement(int i) {
        return parts()[i];
    }

    @Override
    public boolean canEqual(Object other) {
        return other instanceof PythonNode;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof PythonNode && Arrays.equals(parts(), ((PythonNode) other).parts());
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(parts());
    }
}
