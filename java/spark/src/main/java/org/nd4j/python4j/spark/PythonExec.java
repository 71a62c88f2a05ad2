// SPDX-License-Identifier: Apache-2.0
// The physical plan of a PythonNode. It passes each partition to a PythonTask.
package org.nd4j.python4j.spark;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.spark.api.java.function.FlatMapFunction;
import org.apache.spark.rdd.RDD;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.expressions.AttributeSet;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.plans.physical.Partitioning;
import org.apache.spark.sql.execution.SparkPlan;
import scala.collection.immutable.IndexedSeq;
import scala.collection.immutable.Seq;

/** A node of a physical plan. This class is public only because Spark needs it; programs do not use it. */
public final class PythonExec extends SparkPlan {
    private static final long serialVersionUID = 1L;

    private final PythonScript function;
    private final Seq<Expression> calls;
    private final Seq<Attribute> results;
    private final Seq<Expression> keys;
    private final SparkPlan child;

    /** Spark creates copies of the node by this constructor. */
    public PythonExec(PythonScript function, Seq<Expression> calls, Seq<Attribute> results, Seq<Expression> keys, SparkPlan child) {
        this.function = function;
        this.calls = calls;
        this.results = results;
        this.keys = keys;
        this.child = child;
    }

    @Override
    public RDD<InternalRow> doExecute() {
        boolean chained = child.exists(Scala.function(each -> each instanceof PythonExec));
        PythonTask task = new PythonTask(function, new ArrayList<>(Scala.list(calls)), results, new ArrayList<>(Scala.list(keys)), child.output(),
                conf().sessionLocalTimeZone(), conf().arrowMaxRecordsPerBatch(), chained);
        FlatMapFunction<java.util.Iterator<InternalRow>, InternalRow> run = task::run;
        return child.execute().toJavaRDD().mapPartitions(run).rdd();
    }

    @Override
    public Seq<SparkPlan> children() {
        return Scala.seq(List.of(child));
    }

    @Override
    public Seq<Attribute> output() {
        return PythonNode.output(calls, child.output(), results);
    }

    /** If the node only adds columns, the rows keep their partitioning. */
    @Override
    public Partitioning outputPartitioning() {
        return calls.isEmpty() ? super.outputPartitioning() : child.outputPartitioning();
    }

    @Override
    public AttributeSet producedAttributes() {
        return PythonNode.attributes(results);
    }

    @Override
    public AttributeSet references() {
        return calls.isEmpty() ? child.outputSet() : PythonNode.attributes(calls);
    }

    @Override
    public SparkPlan withNewChildrenInternal(IndexedSeq<SparkPlan> children) {
        return new PythonExec(function, calls, results, keys, children.apply(0));
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
        return other instanceof PythonExec;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof PythonExec && Arrays.equals(parts(), ((PythonExec) other).parts());
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(parts());
    }
}
