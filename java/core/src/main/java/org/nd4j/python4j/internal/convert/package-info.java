// SPDX-License-Identifier: Apache-2.0
// Converts Java values that are not plain to Python objects, and Python values to the types that Java methods
// need: functions, interfaces, records, and objects by reference.
/** Conversion between types of Java and objects of Python. */
package org.nd4j.python4j.internal.convert;
