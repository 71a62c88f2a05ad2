// SPDX-License-Identifier: Apache-2.0
// How Java values that are not plain become Python objects, and Python values the types that Java methods ask for:
// functions, interfaces, records, objects by reference.
/** Conversion between types of Java and objects of Python. */
package org.nd4j.python4j.internal.convert;
