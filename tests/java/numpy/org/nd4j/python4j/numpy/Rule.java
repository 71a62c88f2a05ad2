// SPDX-License-Identifier: Apache-2.0
// The mark that ties a test to the numbered rules of the behaviour contract it is for.
// RulesTest looks whether each rule on numpy has one.
package org.nd4j.python4j.numpy;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/** The rules that a test holds us to, by their numbers. */
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.METHOD)
@interface Rule {
    String[] value();
}
