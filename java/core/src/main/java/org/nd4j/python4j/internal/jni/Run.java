// SPDX-License-Identifier: Apache-2.0
// The numbers of a list of Python's as an array of primitives, for PackReader: so nothing is made for each of them. Only what is
// the same number as such a primitive is taken; Conversion has the rules for all others.
package org.nd4j.python4j.internal.jni;

import java.lang.reflect.Array;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

/** An array that grows by runs of packed numbers. */
public final class Run {
    private Object array;
    private int count;

    private Run(Object array) {
        this.array = array;
    }

    /** Room for so many; null where lists are to stay lists. */
    static Run of(Class<?> primitive, int count) {
        boolean known = primitive == long.class || primitive == int.class || primitive == double.class;
        return known ? new Run(Array.newInstance(primitive, count)) : null;
    }

    /** Whether a value may be what {@link PackReader} returned in place of a list. */
    public static boolean isOne(Object value) {
        return value instanceof long[] || value instanceof int[] || value instanceof double[];
    }

    /** Adds numbers; the result is false if they are not of this kind, and then none was added. */
    boolean add(int tag, byte[] in, int at, int more) {
        if (tag == Tag.LONGS == array instanceof double[]) {
            return false;
        }
        if (count + more > Array.getLength(array)) {
            array = resized(count + more);
        }
        ByteBuffer words = ByteBuffer.wrap(in, at, 8 * more).slice().order(ByteOrder.LITTLE_ENDIAN);
        if (array instanceof long[]) {
            words.asLongBuffer().get((long[]) array, count, more);
        } else if (array instanceof double[]) {
            words.asDoubleBuffer().get((double[]) array, count, more);
        } else {
            int[] ints = (int[]) array;
            for (int i = 0; i < more; i++) {
                long word = (long) Pack.Words.IN.get(in, at + 8 * i);
                if (word != (int) word) {
                    return false;
                }
                ints[count + i] = (int) word;
            }
        }
        count += more;
        return true;
    }

    private Object resized(int length) {
        Object other = Array.newInstance(array.getClass().getComponentType(), length);
        System.arraycopy(array, 0, other, 0, count);
        return other;
    }

    Object array() {
        return count == Array.getLength(array) ? array : resized(count);
    }

    /** What was added as a list with room for so many. */
    List<Object> list(int capacity) {
        List<Object> list = new ArrayList<>(capacity);
        for (int i = 0; i < count; i++) {
            list.add(array instanceof int[] ? (Object) (long) ((int[]) array)[i] : Array.get(array, i));
        }
        return list;
    }
}
