// SPDX-License-Identifier: Apache-2.0
// What PythonNode and PythonExec have in common, whose base classes are different ones of Spark's. Both declare what is abstract
// there, and have their expressions as fields of their own, since Spark finds and replaces only those among a node's parts.
package org.nd4j.python4j.spark;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.expressions.AttributeSet;
import org.apache.spark.sql.catalyst.expressions.Expression;
import scala.Product;
import scala.collection.immutable.Seq;

/** A node of a plan whose parts are the arguments of its constructor, which is how Spark copies and compares nodes. */
interface PythonParts extends Product {

    Object[] parts();

    @Override
    default int productArity() {
        return parts().length;
    }

    @Override
    default Object productElement(int i) {
        return parts()[i];
    }

    @Override
    default boolean canEqual(Object other) {
        return getClass().isInstance(other);
    }

    /** The hash code that fits is Spark's, from the parts. */
    default boolean isEqual(Object other) {
        return canEqual(other) && Arrays.equals(parts(), ((PythonParts) other).parts());
    }

    /** The columns of a node: those that go on beside the results of calls, and the results. */
    static Seq<Attribute> output(Seq<Expression> calls, Seq<Expression> keys, Seq<Attribute> results) {
        return calls.isEmpty() ? results : together(keys, results);
    }

    static Seq<Attribute> together(Seq<? extends Expression> first, Seq<Attribute> second) {
        List<Attribute> all = new ArrayList<>();
        Scala.list(first).forEach(each -> all.add((Attribute) each));
        all.addAll(Scala.list(second));
        return Scala.seq(all);
    }

    /** A function of partitions or groups sees all columns, so none may be pruned. Calls see only their arguments. */
    static AttributeSet references(Seq<Expression> calls, Seq<Expression> keys, AttributeSet child) {
        return calls.isEmpty() ? child : attributes(calls).$plus$plus(attributes(keys));
    }

    /** The attributes that expressions are made of. */
    static AttributeSet attributes(Seq<? extends Expression> expressions) {
        return org.apache.spark.sql.catalyst.expressions.AttributeSet$.MODULE$.apply(Scala.<Expression>seq(Scala.list(expressions)));
    }
}
