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

    /** {@link Array#get} takes several times as long. */
    @Override
    public Object get(int index) {
        return array instanceof Object[] ? ((Object[]) array)[index]
                : array instanceof int[] ? (Object) ((int[]) array)[index]
                : array instanceof long[] ? (Object) ((long[]) array)[index]
                : array instanceof double[] ? (Object) ((double[]) array)[index]
                : Array.get(array, index);
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
