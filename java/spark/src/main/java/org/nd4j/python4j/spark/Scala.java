// SPDX-License-Identifier: Apache-2.0
// Creates the Scala collections and functions that Catalyst needs.
package org.nd4j.python4j.spark;

import java.util.List;
import java.util.function.Function;
import scala.Function1;
import scala.PartialFunction;
import scala.collection.immutable.Seq;
import scala.jdk.javaapi.CollectionConverters;
import scala.runtime.AbstractFunction1;
import scala.runtime.AbstractPartialFunction;

final class Scala {
    private Scala() {}

    static <T> Seq<T> seq(List<? extends T> list) {
        @SuppressWarnings("unchecked")
        Seq<T> seq = (Seq<T>) CollectionConverters.asScala(list).toList();
        return seq;
    }

    static <T> List<T> list(Seq<T> seq) {
        return CollectionConverters.asJava(seq);
    }

    static <A, B> Function1<A, B> function(Function<A, B> function) {
        return new AbstractFunction1<>() {
            @Override
            public B apply(A argument) {
                return function.apply(argument);
            }
        };
    }

    /** A function that leaves what it gives null for as it is. */
    static <A, B> PartialFunction<A, B> partial(Function<A, B> function) {
        return new AbstractPartialFunction<>() {
            @Override
            public boolean isDefinedAt(A argument) {
                return function.apply(argument) != null;
            }

            @Override
            public <A1 extends A, B1> B1 applyOrElse(A1 argument, Function1<A1, B1> otherwise) {
                @SuppressWarnings("unchecked")
                B1 result = (B1) function.apply(argument);
                return result != null ? result : otherwise.apply(argument);
            }
        };
    }
}
