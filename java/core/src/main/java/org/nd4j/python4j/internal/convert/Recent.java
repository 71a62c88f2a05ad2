// SPDX-License-Identifier: Apache-2.0
// The elements that containers by reference have recently given to Python. When the value of such an element
// comes back, it becomes the same Java object again: l[0] = l[1] moves an element, as in a Python list.
// ByReference uses it.
package org.nd4j.python4j.internal.convert;

import java.lang.ref.WeakReference;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.Map;

/** An element that was given to Python as a value. This object keeps neither the element nor its container alive. */
final class Recent {

    private static final Recent[] LATEST = new Recent[8]; // guarded by the class
    private static int count;

    private final WeakReference<Object> element;
    private final WeakReference<Object> container;
    private boolean used;

    private Recent(Object element, Object container) {
        this.element = new WeakReference<>(element);
        this.container = new WeakReference<>(container);
    }

    static synchronized void add(Object element, Object container) {
        LATEST[count++ & LATEST.length - 1] = new Recent(element, container);
    }

    private static synchronized Recent at(int age) {
        return LATEST[count - age & LATEST.length - 1];
    }

    /** The elements up to this age are back, or will not come back. */
    static synchronized void use(int latest) {
        for (int age = latest; age <= LATEST.length; age++) {
            if (at(age) != null) {
                at(age).used = true;
            }
        }
    }

    /**
     * The element that a value was made of, null for none. Of equal ones it is that of the last two that is not back yet,
     * as when two elements change places, or else the latest.
     *
     * @param value as it came
     * @param natural its value without a type
     * @param like what would be put otherwise
     */
    static Object of(Object value, Object natural, Object like, Object container) {
        for (int age : new int[] {2, 1}) {
            Recent recent = at(age);
            Object element = recent == null || recent.used ? null : recent.matching(value, natural, like, container);
            if (element != null) {
                use(age);
                return element;
            }
        }
        Object last = null; // one class after the other is mostly the same
        for (int age = 1; age <= LATEST.length; age++) {
            Recent recent = at(age);
            Object element = recent == null ? null : recent.element.get();
            if (element != null && element != last) {
                last = element;
                if (recent.matching(value, natural, like, container) != null) {
                    return element;
                }
            }
        }
        return null;
    }

    /** The element, if the value is its: one of this container, or of the class that would be put otherwise. */
    private Object matching(Object value, Object natural, Object like, Object into) {
        Object own = element.get();
        boolean fits = own != null && form(own) == form(natural) && (container.get() == into || isLike(own, like));
        if (!fits) {
            return null;
        }
        Object read = Conversion.orNull(value, Target.of(Counterparts.typeOf(own)));
        try {
            boolean same = own instanceof CharSequence ? read != null && own.toString().contentEquals(read.toString()) : own.equals(read);
            return same ? own : null;
        } catch (RuntimeException e) { // from an equals() that somebody wrote
            return null;
        }
    }

    /** Whether two values are of one class, and what they hold as well. */
    private static boolean isLike(Object value, Object other) {
        return other != null && value.getClass() == other.getClass() && Counterparts.typeOf(value).equals(Counterparts.typeOf(other));
    }

    /** The class that a value has where it crosses; one for all that cross as objects or containers. */
    private static Class<?> form(Object optional) {
        Object value = ToPython.content(optional);
        if (value instanceof Long || value instanceof Integer || value instanceof Short || value instanceof Byte
                || value instanceof BigInteger) { // small ones come back as a Long
            return Long.class;
        } else if (value instanceof Double || value instanceof Float) {
            return Double.class;
        } else if (value instanceof CharSequence || value instanceof Character || value instanceof Enum) {
            return String.class;
        }
        boolean own = value instanceof Boolean || value instanceof BigDecimal || value instanceof Map;
        return own ? value.getClass() : Object.class;
    }
}
