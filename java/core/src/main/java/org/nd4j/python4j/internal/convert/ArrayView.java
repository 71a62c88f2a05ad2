// SPDX-License-Identifier: Apache-2.0
// A Java array of any kind as a list of its elements. What is set is converted to the type of the elements.
package org.nd4j.python4j.internal.convert;

import java.lang.reflect.Array;
import java.util.AbstractList;

/** A list view of an array of any kind. */
final class ArrayView extends AbstractList<Object> {
    final Object array;

    ArrayView(Object array) {
        this.array = array;
    }

    @Override
    public Object get(int index) {
        return Array.get(array, index);
    }

    @Override
    public Object set(int index, Object value) {
        Object before = get(index);
        Array.set(array, index, Conversion.convert(value, Target.of(array.getClass().getComponentType()), "value"));
        return before;
    }

    @Override
    public int size() {
        return Array.getLength(array);
    }
}
