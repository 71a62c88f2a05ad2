// SPDX-License-Identifier: Apache-2.0
// The physical plan of a PythonNode. It passes each partition to a PythonTask, or has Spark generate code that passes the rows to
// CallBatches one by one.
package org.nd4j.python4j.spark;

import java.util.ArrayList;
import java.util.List;
import org.apache.spark.api.java.function.FlatMapFunction;
import org.apache.spark.rdd.RDD;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.Ascending$;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.expressions.AttributeSet;
import org.apache.spark.sql.catalyst.expressions.BoundReference;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.SortOrder;
import org.apache.spark.sql.catalyst.expressions.codegen.CodeGenerator$;
import org.apache.spark.sql.catalyst.expressions.codegen.CodegenContext;
import org.apache.spark.sql.catalyst.expressions.codegen.ExprCode;
import org.apache.spark.sql.catalyst.expressions.codegen.GenerateUnsafeProjection$;
import org.apache.spark.sql.catalyst.plans.physical.ClusteredDistribution;
import org.apache.spark.sql.catalyst.plans.physical.Distribution;
import org.apache.spark.sql.catalyst.plans.physical.Partitioning;
import org.apache.spark.sql.execution.CodegenSupport;
import org.apache.spark.sql.execution.SparkPlan;
import org.apache.spark.sql.vectorized.ColumnarBatchRow;
import scala.Option;
import scala.collection.immutable.IndexedSeq;
import scala.collection.immutable.Seq;

/** A node of a physical plan. This class is public only because Spark needs it; programs do not use it. */
public final class PythonExec extends SparkPlan implements CodegenSupport, PythonParts {
    private static final long serialVersionUID = 1L;

    private final PythonScript function;
    private final Seq<Expression> calls;
    private final Seq<Attribute> results;
    private final Seq<Expression> keys; // see PythonNode
    private final SparkPlan child;
    private transient CodegenSupport parent;
    private transient String batches; // the variable of generated code

    /** Spark creates copies of the node by this constructor. */
    public PythonExec(PythonScript function, Seq<Expression> calls, Seq<Attribute> results, Seq<Expression> keys, SparkPlan child) {
        this.function = function;
        this.calls = calls;
        this.results = results;
        this.keys = keys;
        this.child = child;
    }

    private PythonTask task() {
        boolean chained = child.exists(Scala.function(each -> each instanceof PythonExec));
        return new PythonTask(function, new ArrayList<>(Scala.list(calls)), results, new ArrayList<>(Scala.list(keys)), child.output(),
                conf().sessionLocalTimeZone(), conf().arrowMaxRecordsPerBatch(), chained);
    }

    @Override
    public RDD<InternalRow> doExecute() {
        FlatMapFunction<java.util.Iterator<InternalRow>, InternalRow> run = task()::run;
        return child.execute().toJavaRDD().mapPartitions(run).rdd();
    }

    // ---- what calls need of the rows: nothing; groups have all rows with equal keys together, one group after the other ----

    private boolean isGrouped() {
        return calls.isEmpty() && !keys.isEmpty();
    }

    @Override
    public Seq<Distribution> requiredChildDistribution() {
        return isGrouped() ? Scala.seq(List.of(new ClusteredDistribution(keys, false, Option.empty()))) : super.requiredChildDistribution();
    }

    @Override
    public Seq<Seq<SortOrder>> requiredChildOrdering() {
        if (!isGrouped()) {
            return super.requiredChildOrdering();
        }
        List<SortOrder> orders = new ArrayList<>();
        for (Expression key : Scala.list(keys)) {
            orders.add(new SortOrder(key, Ascending$.MODULE$, Ascending$.MODULE$.defaultNullOrdering(), Scala.seq(List.of())));
        }
        return Scala.seq(List.of(Scala.seq(orders)));
    }

    // ---- calls in the code that Spark generates for a stage ----

    @Override
    public boolean supportCodegen() {
        return !calls.isEmpty();
    }

    @Override
    public CodegenSupport parent() {
        return parent;
    }

    @Override
    public void parent_$eq(CodegenSupport parent) {
        this.parent = parent;
    }

    @Override
    public Seq<RDD<InternalRow>> inputRDDs() {
        return ((CodegenSupport) child).inputRDDs();
    }

    /** Or a batch would not end where the child stops: it stops when there is a row, see {@link #doProduce}. */
    @Override
    public boolean needStopCheck() {
        return true;
    }

    /** The child's loop runs until a batch is full, which the code tells it by a row that is none. */
    @Override
    public String doProduce(CodegenContext context) {
        String type = CallBatches.class.getName();
        String task = context.addReferenceObj("task", task(), Object.class.getName());
        batches = context.addMutableState(type, "batches", Scala.function(name -> name + " = " + type + ".of(" + task + ");"), true, true);
        String fill = context.freshName("fill");
        fill = context.addNewFunction(fill, "private void " + fill + "() throws java.io.IOException {\n"
                + ((CodegenSupport) child).produce(context, this) + "\n}", true);
        String row = context.freshName("row");
        String keptRow = context.freshName("keptRow");
        boolean fixed = RowWriter.areFixed(CallBatches.types(Scala.list(keys)));
        List<ExprCode> columns = new ArrayList<>();
        List<Attribute> output = Scala.list(output());
        context.currentVars_$eq(null);
        for (int i = 0; i < output.size(); i++) {
            boolean kept = !fixed && i < keys.size();
            context.INPUT_ROW_$eq(kept ? keptRow : row);
            int place = fixed || kept ? i : i - keys.size();
            columns.add(new BoundReference(place, output.get(i).dataType(), output.get(i).nullable()).genCode(context));
        }
        return "do {\n"
                + "  while (" + batches + ".next()) {\n"
                + "    " + ColumnarBatchRow.class.getName() + " " + row + " = " + batches + ".row();\n"
                + (fixed || keys.isEmpty() ? "" : "    UnsafeRow " + keptRow + " = " + batches + ".keptRow();\n")
                + "    " + consume(context, Scala.seq(columns), null) + "\n"
                + "    if (shouldStop()) return;\n"
                + "  }\n"
                + "  " + fill + "();\n"
                + "  if (shouldStop()) next();\n" // takes that row away
                + "} while (" + batches + ".evaluate());\n";
    }

    /** A row of the child. */
    @Override
    public String doConsume(CodegenContext context, Seq<ExprCode> input, ExprCode row) {
        context.currentVars_$eq(input);
        context.INPUT_ROW_$eq(null);
        return written(context, CallBatches.arguments(Scala.list(calls)), "arguments", "write")
                + (keys.isEmpty() ? "" : written(context, Scala.list(keys), "kept", "keep"))
                + "if (" + batches + ".endRow()) append(null);\n";
    }

    /** Code that puts values by the methods of {@link CallBatches}: one after the other, or as a row. */
    private String written(CodegenContext context, List<Expression> values, String columns, String whole) {
        List<Expression> bound = new ArrayList<>();
        for (Expression each : values) {
            bound.add(bound(each));
        }
        if (!RowWriter.areFixed(CallBatches.types(values))) {
            ExprCode row = GenerateUnsafeProjection$.MODULE$.createCode(context, Scala.seq(bound), false);
            return row.code() + "\n" + batches + "." + whole + "(" + row.value() + ");\n";
        }
        String writer = context.freshName("writer");
        StringBuilder code = new StringBuilder(RowWriter.Fixed.class.getCanonicalName() + " " + writer + " = " + batches + "." + columns + "();\n"
                + writer + ".begin();\n");
        for (int i = 0; i < bound.size(); i++) {
            ExprCode value = bound.get(i).genCode(context);
            String put = CodeGenerator$.MODULE$.primitiveTypeName(bound.get(i).dataType());
            code.append(value.code() + "\nif (" + value.isNull() + ") " + writer + ".setNull(" + i + "); else "
                    + writer + ".put" + put + "(" + i + ", " + value.value() + ");\n");
        }
        return code.append(writer + ".end();\n").toString();
    }

    private Expression bound(Expression expression) {
        List<Attribute> input = Scala.list(child.output());
        return expression.transform(Scala.partial(each -> {
            for (int i = 0; each instanceof Attribute && i < input.size(); i++) {
                if (input.get(i).exprId().equals(((Attribute) each).exprId())) {
                    return new BoundReference(i, input.get(i).dataType(), input.get(i).nullable());
                }
            }
            return null;
        }));
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
}
