// SPDX-License-Identifier: Apache-2.0
// Registers this library in a Spark session, and calls internal methods of sessions. From Spark 4 on these
// methods are in other classes than before, so they are found by their names.
package org.nd4j.python4j.spark;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.List;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.ExperimentalMethods;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.expressions.AttributeReference;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.NamedExpression;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.catalyst.rules.Rule;
import org.apache.spark.sql.execution.QueryExecution;
import org.apache.spark.sql.execution.SparkStrategy;
import org.apache.spark.sql.internal.SessionState;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;
import org.nd4j.python4j.PythonException;
import scala.Function1;
import scala.collection.immutable.Seq;

/** Spark's inside. */
final class Sessions {
    private Sessions() {}

    private static Object call(Object on, String method, Object... arguments) {
        for (Method each : on.getClass().getMethods()) {
            if (each.getName().equals(method) && each.getParameterCount() == arguments.length) {
                try {
                    return each.invoke(on, arguments);
                } catch (InvocationTargetException e) {
                    if (e.getCause() instanceof RuntimeException) {
                        throw (RuntimeException) e.getCause();
                    }
                    throw unknown(on, method, e.getCause());
                } catch (IllegalAccessException e) {
                    throw unknown(on, method, e);
                }
            }
        }
        throw unknown(on, method, null);
    }

    private static PythonException unknown(Object on, String method, Throwable cause) {
        return new PythonException("python4j-spark needs a session of Spark 3.5 or 4 in the driver's own JVM: " + on.getClass().getName() + " has no "
                + method + ". A Spark Connect client has none of its own.", cause);
    }

    static LogicalPlan plan(Dataset<Row> rows) {
        return ((QueryExecution) call(rows, "queryExecution")).analyzed();
    }

    /** A dataset of a plan in the session of another one. */
    static Dataset<Row> dataset(Dataset<Row> of, LogicalPlan plan) {
        SparkSession spark = of.sparkSession();
        prepare(spark);
        String companion = of.getClass().getName() + "$"; // of the class itself, org.apache.spark.sql.Dataset or classic.Dataset
        try {
            Object module = Class.forName(companion, true, of.getClass().getClassLoader()).getField("MODULE$").get(null);
            @SuppressWarnings("unchecked")
            Dataset<Row> made = (Dataset<Row>) call(module, "ofRows", spark, plan);
            return made;
        } catch (ReflectiveOperationException e) {
            throw unknown(of, "ofRows", e);
        }
    }

    /** Has a session plan our nodes and calls, unless it does. */
    static void prepare(SparkSession spark) {
        ExperimentalMethods methods = (ExperimentalMethods) call(spark, "experimental");
        synchronized (methods) {
            List<SparkStrategy> strategies = new ArrayList<>(Scala.list(methods.extraStrategies()));
            if (strategies.stream().noneMatch(each -> each instanceof PythonStrategy)) {
                strategies.add(new PythonStrategy());
                methods.extraStrategies_$eq(Scala.seq(strategies));
                List<Rule<LogicalPlan>> rules = new ArrayList<>(Scala.list(methods.extraOptimizations()));
                rules.add(new EvaluateCalls());
                methods.extraOptimizations_$eq(Scala.seq(rules));
            }
        }
    }

    static void register(SparkSession spark, String name, Function1<Seq<Expression>, Expression> builder) {
        ((SessionState) call(spark, "sessionState")).functionRegistry().createOrReplaceTempFunction(name, builder, "scala_udf");
    }

    static Seq<Attribute> attributes(StructType schema) {
        List<Attribute> attributes = new ArrayList<>();
        for (StructField field : schema.fields()) {
            attributes.add(new AttributeReference(field.name(), field.dataType(), field.nullable(), field.metadata(), NamedExpression.newExprId(), Scala.seq(List.of())));
        }
        return Scala.seq(attributes);
    }

    static StructType schema(Seq<Attribute> attributes) {
        StructType schema = new StructType();
        for (Attribute each : Scala.list(attributes)) {
            schema = schema.add(each.name(), each.dataType(), each.nullable(), each.metadata());
        }
        return schema;
    }
}
