// SPDX-License-Identifier: Apache-2.0
// Numbers that are equal in Python and not in Java, where an Integer is no Long and a Boolean no number.
// For the elements and keys of containers that Python has by reference: ByReference.
package org.nd4j.python4j;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.List;

final class Numbers {

    private Numbers() {}

    /** All other numbers of Java that equal this one in Python; none for what is no number. */
    static Collection<Object> equal(Object value) {
        BigDecimal exact;
        if (value instanceof Boolean) {
            exact = (Boolean) value ? BigDecimal.ONE : BigDecimal.ZERO;
        } else if (value instanceof Double) {
            double number = (Double) value;
            exact = number == number && !Double.isInfinite(number) ? new BigDecimal(number) : null;
        } else if (value instanceof Long || value instanceof BigInteger || value instanceof BigDecimal) {
            exact = new BigDecimal(value.toString());
        } else {
            return Collections.emptyList();
        }
        List<Object> equal = new ArrayList<>();
        double approximate = exact == null ? (Double) value : exact.doubleValue();
        equal.add((float) approximate);
        equal.add(approximate);
        if (approximate == 0) {
            equal.add(-0.0);
            equal.add(-0.0f);
        }
        equal.removeIf(number -> exact != null && (Double.isInfinite(((Number) number).doubleValue())
                || new BigDecimal(((Number) number).doubleValue()).compareTo(exact) != 0));
        if (exact == null || exact.stripTrailingZeros().scale() > 0) {
            return equal;
        }
        BigInteger whole = exact.toBigIntegerExact();
        int bits = whole.bitLength();
        equal.add(whole);
        if (bits < Long.SIZE) {
            equal.add(whole.longValue());
        }
        if (bits < Integer.SIZE) {
            equal.add(whole.intValue());
        }
        if (bits < Short.SIZE) {
            equal.add(whole.shortValue());
        }
        if (bits < Byte.SIZE) {
            equal.add(whole.byteValue());
        }
        if (bits <= 1 && whole.signum() >= 0) {
            equal.add(whole.signum() > 0);
        }
        return equal;
    }
}
