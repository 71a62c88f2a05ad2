// SPDX-License-Identifier: Apache-2.0
// Converts numbers to other Java number classes, either exactly or not at all. docs/types.md has the table of
// the rules.
package org.nd4j.python4j.internal.convert;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.MathContext;
import java.math.RoundingMode;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.List;

/** Lossless conversions between Java's number classes. */
final class Numbers {
    private Numbers() {}

    /** A number or Boolean as one of another class; null if it has none that is the same number. */
    static Object as(Object value, Class<?> box) {
        if (box.isInstance(value)) {
            return value;
        } else if (value instanceof Boolean) {
            return box == Number.class ? null : whole((Boolean) value ? 1 : 0, box);
        } else if (value instanceof Long || value instanceof Integer || value instanceof Short || value instanceof Byte) {
            return whole(((Number) value).longValue(), box);
        } else if (value instanceof BigInteger) {
            BigInteger big = (BigInteger) value;
            boolean real = box == Double.class || box == Float.class;
            return big.bitLength() < Long.SIZE ? whole(big.longValue(), box) : box == BigDecimal.class ? new BigDecimal(big)
                    : real && big.bitLength() <= Double.MAX_EXPONENT + 1 ? rounded(new BigDecimal(big), box, null) : null;
        } else if (value instanceof Double) {
            return real((Double) value, box);
        } else if (value instanceof Float) {
            return box == Double.class ? (Object) ((Float) value).doubleValue()
                    : box == BigDecimal.class && Float.isFinite((Float) value) ? new BigDecimal(value.toString()) : null;
        } else if (value instanceof BigDecimal && (box == Double.class || box == Float.class)) {
            BigDecimal digits = stripped((BigDecimal) value);
            return digits == null ? null : rounded(digits, box, new MathContext(Math.max(digits.precision(), 1), RoundingMode.HALF_EVEN));
        }
        return null;
    }

    private static Object whole(long value, Class<?> box) {
        if (box == Long.class) {
            return value;
        } else if (box == Integer.class) {
            return value == (int) value ? (Object) (int) value : null;
        } else if (box == Short.class) {
            return value == (short) value ? (Object) (short) value : null;
        } else if (box == Byte.class) {
            return value == (byte) value ? (Object) (byte) value : null;
        } else if (box == Double.class) {
            return isSame((double) value, value) ? (Object) (double) value : null;
        } else if (box == Float.class) {
            return isSame((float) value, value) ? (Object) (float) value : null;
        } else if (box == BigInteger.class) {
            return BigInteger.valueOf(value);
        }
        return box == BigDecimal.class ? BigDecimal.valueOf(value) : null;
    }

    /** The cast back alone would take 2**63 for the largest long. */
    private static boolean isSame(double rounded, long value) {
        return rounded != 0x1p63 && (long) rounded == value;
    }

    /** A Python float is rounded to a float of Java's, as literals are, unless nothing of it were left. */
    private static Object real(double value, Class<?> box) {
        if (box == Float.class) {
            float narrow = (float) value;
            boolean left = Float.isFinite(narrow) == Double.isFinite(value) && narrow == 0 == (value == 0);
            return left ? (Object) narrow : null;
        }
        boolean decimal = box == BigDecimal.class && Double.isFinite(value) && !isNegativeZero(value);
        return decimal ? shortest(value) : null;
    }

    static boolean isNegativeZero(Object value) {
        return value.equals(-0.0);
    }

    /** The fewest digits that are this double, as Python prints it. Before Java 19 its own text may have one too many. */
    private static BigDecimal shortest(double value) {
        BigDecimal shortest = new BigDecimal(Double.toString(value));
        if (Runtime.version().feature() >= 19) {
            return shortest;
        }
        for (int digits = shortest.stripTrailingZeros().precision() - 1; digits > 0; digits--) {
            BigDecimal fewer = null;
            for (RoundingMode mode : new RoundingMode[] {RoundingMode.HALF_EVEN, RoundingMode.UP, RoundingMode.DOWN}) {
                BigDecimal tried = new BigDecimal(value).round(new MathContext(digits, mode));
                fewer = fewer == null && tried.doubleValue() == value ? tried : fewer;
            }
            if (fewer == null) {
                break;
            }
            shortest = fewer;
        }
        return shortest;
    }

    /** The nearest number of binary digits, if it is the same, or has the same digits as far as the decimal has some. */
    private static Object rounded(BigDecimal value, Class<?> box, MathContext digits) {
        Number nearest = box == Double.class ? (Number) value.doubleValue() : (Number) value.floatValue();
        double wide = nearest.doubleValue();
        if (Double.isInfinite(wide)) {
            return null;
        }
        BigDecimal exact = new BigDecimal(wide);
        return exact.compareTo(value) == 0 || digits != null && exact.round(digits).compareTo(value) == 0 ? nearest : null;
    }

    /** More digits than a double has. Numbers with more before the point are looked up as they came: to write one out may take more memory than there is. */
    private static final int MOST_DIGITS = 10_000;

    /** The same number without zeros at the end, if it has so few digits then; else null. To strip a million zeros takes minutes. */
    private static BigDecimal stripped(BigDecimal value) {
        BigDecimal few = value.precision() <= MOST_DIGITS ? value : value.round(new MathContext(MOST_DIGITS, RoundingMode.DOWN));
        return few == value || few.compareTo(value) == 0 ? few.stripTrailingZeros() : null;
    }

    // ---- equal ones ----

    /**
     * All other numbers of Java that equal this one in Python, where an Integer is no Long and a Boolean no number; none
     * for what is no number.
     */
    static Collection<Object> equal(Object value) {
        BigDecimal exact;
        if (value instanceof Boolean) {
            exact = (Boolean) value ? BigDecimal.ONE : BigDecimal.ZERO;
        } else if (value instanceof Double) {
            double number = (Double) value;
            exact = number == number && !Double.isInfinite(number) ? new BigDecimal(number) : null;
        } else if (value instanceof Long) {
            exact = BigDecimal.valueOf((Long) value);
        } else if (value instanceof BigInteger && ((BigInteger) value).bitLength() <= Double.MAX_EXPONENT + 1) {
            exact = new BigDecimal((BigInteger) value);
        } else if (value instanceof BigDecimal && (long) ((BigDecimal) value).precision() - ((BigDecimal) value).scale() <= MOST_DIGITS) {
            exact = stripped((BigDecimal) value);
            if (exact == null) {
                return Collections.emptyList(); // neither a double nor whole
            }
        } else {
            return Collections.emptyList(); // no number, or one beyond those of all other classes
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
