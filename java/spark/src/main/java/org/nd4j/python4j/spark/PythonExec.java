// SPDX-License-Identifier: Apache-2.0
// The physical plan of a PythonNode. It passes each partition to a PythonTask.
package org.nd4j.python4j.spark;

import java.util.ArrayList;
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
public final class PythonExec extends SparkPlan implements PythonParts {
    private static final long serialVersionUID = 1L;

    private final PythonScript function;
    private final Seq<Expression> calls;
    private final Seq<Attribute> results;
    private final Seq<Expression> keys; // see PythonNode
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
        return PythonParts.output(calls, keys, results);
    }

    /** If the node only adds columns, the rows keep their partitioning. */
    @Override
    public Partitioning outputPartitioning() {
        return calls.isEmpty() ? super.outputPartitioning() : child.outputPartitioning();
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
    public SparkPlan withNewChildrenInternal(IndexedSeq<SparkPlan> children) {
        return new PythonExec(function, calls, results, keys, children.apply(0));
    }

    @Override
    public Object[] parts() {
        return new Object[] {function, calls, results, keys, child};
    }

    @Override
    public boolean equals(Object other) {
        return isEqual(other);
    }

    @Override
    public int hashCode() {
        return hash();
    }
}
