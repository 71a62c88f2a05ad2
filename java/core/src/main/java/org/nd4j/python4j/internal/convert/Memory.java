// SPDX-License-Identifier: Apache-2.0
// Copies numbers that lie in Python's memory as Java's arrays have them: those of numpy's arrays and of array.array.
package org.nd4j.python4j.internal.convert;

import org.nd4j.python4j.PythonBuffer;
import org.nd4j.python4j.PythonObject;

/** Arrays of primitives that are copies of memory. */
final class Memory {
    private Memory() {}

    /** How convert.py names the elements of an array of primitives; empty for another class. */
    static String form(Class<?> array) {
        return array == double[].class ? "f8" : array == float[].class ? "f4" : array == long[].class ? "i8" : array == int[].class ? "i4"
                : array == short[].class ? "i2" : array == boolean[].class ? "b1"
                : array.isArray() && array.getComponentType().isPrimitive() ? "other" : "";
    }

    /** @param array a class whose form is that of the object */
    static Object copied(PythonObject object, Class<?> array) {
        try (PythonBuffer view = PythonBuffer.view(object)) {
            return array == double[].class ? view.toDoubleArray() : array == float[].class ? view.toFloatArray()
                    : array == long[].class ? view.toLongArray() : array == int[].class ? (Object) view.toIntArray()
                    : array == short[].class ? view.toShortArray() : view.toBooleanArray();
        }
    }
}
