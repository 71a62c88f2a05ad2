// SPDX-License-Identifier: Apache-2.0
// The call of a registered Python function in an expression. EvaluateCalls replaces it before it would be
// evaluated.
package org.nd4j.python4j.spark;

import java.util.Objects;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.Unevaluable;
import org.apache.spark.sql.catalyst.expressions.codegen.CodegenContext;
import org.apache.spark.sql.catalyst.expressions.codegen.ExprCode;
import org.apache.spark.sql.types.DataType;
import scala.collection.immutable.IndexedSeq;
import scala.collection.immutable.Seq;

/** A Python function and its arguments. This class is public only because Spark needs it; programs do not use it. */
public final class PythonCall extends Expression implements Unevaluable, java.io.Serializable {
    private static final long serialVersionUID = 1L;

    private final PythonScript function;
    private final DataType type;
    private final Seq<Expression> arguments;

    /** Spark creates copies of the expression by this constructor. */
    public PythonCall(PythonScript function, DataType type, Seq<Expression> arguments) {
        this.function = function;
        this.type = type;
        this.arguments = arguments;
    }

    PythonScript function() {
        return function;
    }

    @Override
    public DataType dataType() {
        return type;
    }

    @Override
    public boolean nullable() {
        return true;
    }

    @Override
    public Seq<Expression> children() {
        return arguments;
    }

    @Override
    public Expression withNewChildrenInternal(IndexedSeq<Expression> children) {
        return new PythonCall(function, type, children);
    }

    @Override
    public Object eval(InternalRow row) {
        throw refused();
    }

    @Override
    public ExprCode doGenCode(CodegenContext context, ExprCode code) {
        throw refused();
    }

    private UnsupportedOperationException refused() {
        return new UnsupportedOperationException("The Python function " + function + " cannot be called here, in the condition of a join say:"
                + " call it in a column of a select, and use that.");
    }

    @Override
    public int productArity() {
        return 3;
    }

    @Override
    public Object productElement(int i) {
        return i == 0 ? function : i == 1 ? type : arguments;
    }

    @Override
    public boolean canEqual(Object other) {
        return other instanceof PythonCall;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof PythonCall && function.equals(((PythonCall) other).function) && type.equals(((PythonCall) other).type)
                && arguments.equals(((PythonCall) other).arguments);
    }

    @Override
    public int hashCode() {
        return Objects.hash(function, type, arguments);
    }

    @Override
    public String toString() {
        return function + arguments.mkString("(", ", ", ")");
    }
}
