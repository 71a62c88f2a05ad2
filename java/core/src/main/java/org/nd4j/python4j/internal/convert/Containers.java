// SPDX-License-Identifier: Apache-2.0
// The containers that Conversion makes of elements: arrays, collections, maps, entries, iterators and streams. Each
// element is converted by Conversion. A container that was read for one conversion alone is used again where it fits.
package org.nd4j.python4j.internal.convert;

import java.lang.reflect.Array;
import java.lang.reflect.InvocationTargetException;
import java.util.AbstractMap;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.Spliterator;
import java.util.Spliterators;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.StreamSupport;
import org.nd4j.python4j.PythonGIL;
import org.nd4j.python4j.internal.Access;
import org.nd4j.python4j.internal.convert.Conversion.Form;
import org.nd4j.python4j.internal.jni.PackReader;

/** Conversions of containers. The depth is that of the container itself. */
final class Containers {
    private Containers() {}

    private static final String VANISHES = "Some that differ in Python are equal in Java, and one would be lost.";

    /** The elements of a value that has some. */
    static Collection<?> elements(Object value, Target target) {
        if (value instanceof Collection) {
            return (Collection<?>) value;
        } else if (value instanceof byte[]) {
            return unsigned((byte[]) value);
        } else if (value.getClass().isArray()) {
            return new ArrayView(value);
        } else if (value instanceof Iterable) {
            List<Object> all = new ArrayList<>();
            ((Iterable<?>) value).forEach(all::add);
            return all;
        }
        throw new Mismatch(value, target, value instanceof Map ? "Take list(d), d.values() or d.items() in Python."
                : value instanceof String ? "Take list(text) in Python." : null);
    }

    /** Bytes as Python counts them. */
    private static List<Object> unsigned(byte[] bytes) {
        List<Object> all = new ArrayList<>(bytes.length);
        for (byte each : bytes) {
            all.add((long) (each & 0xFF));
        }
        return all;
    }

    /** The elements as an array or a collection. @param distinct whether all of them are different ones in Python */
    static Object filled(Collection<?> elements, Target target, int depth, Form form, boolean distinct) {
        return target.kind == Target.Kind.ARRAY ? array(elements, target, depth, form)
                : collection(elements, target, depth, form, distinct);
    }

    private static Object array(Collection<?> elements, Target target, int depth, Form form) {
        Target part = target.part(0);
        Object array = Array.newInstance(target.raw.getComponentType(), elements.size());
        int i = 0;
        try {
            for (Iterator<?> each = each(elements, part, form); each.hasNext(); i++) {
                put(array, i, Conversion.one(each.next(), part, depth + 1, form));
            }
        } catch (Mismatch e) {
            throw e.at("[" + i + "]");
        }
        return array;
    }

    /** {@link Array#set} takes ten times as long. */
    private static void put(Object array, int i, Object element) {
        if (array instanceof Object[]) {
            ((Object[]) array)[i] = element;
        } else if (array instanceof long[]) {
            ((long[]) array)[i] = (long) element;
        } else if (array instanceof double[]) {
            ((double[]) array)[i] = (double) element;
        } else if (array instanceof int[]) {
            ((int[]) array)[i] = (int) element;
        } else if (array instanceof float[]) {
            ((float[]) array)[i] = (float) element;
        } else if (array instanceof boolean[]) {
            ((boolean[]) array)[i] = (boolean) element;
        } else if (array instanceof byte[]) {
            ((byte[]) array)[i] = (byte) element;
        } else if (array instanceof short[]) {
            ((short[]) array)[i] = (short) element;
        } else {
            ((char[]) array)[i] = (char) element;
        }
    }

    private static Collection<?> collection(Collection<?> elements, Target target, int depth, Form form, boolean distinct) {
        Target part = target.part(0);
        Class<?> made = collectionClass(target);
        boolean again = form == Form.OWN && elements.getClass() == made;
        if (again && made == ArrayList.class) {
            return replaced((ArrayList<?>) elements, part, depth);
        } else if (again && areKept(elements, part)) {
            return elements;
        }
        Collection<Object> into = emptyCollection(made, target, elements);
        int i = 0;
        try {
            for (Iterator<?> each = each(elements, part, form); each.hasNext(); i++) {
                Object element = Conversion.one(each.next(), part, depth + 1, form);
                try {
                    into.add(element);
                } catch (ClassCastException | NullPointerException | UnsupportedOperationException | IllegalStateException e) {
                    throw new Mismatch(element, part, cannotBePut(into, e), e);
                }
            }
        } catch (Mismatch e) {
            throw e.at("[" + i + "]");
        }
        if (distinct && into instanceof Set && into.size() != i) {
            throw new Mismatch(into, target, VANISHES);
        }
        return into;
    }

    /** The list itself, with its elements converted. So there is no second list, and what an element was can go at once. */
    private static List<Object> replaced(ArrayList<?> list, Target part, int depth) {
        @SuppressWarnings("unchecked") // it was read for this conversion alone
        List<Object> own = (List<Object>) list;
        int i = 0;
        try {
            for (Ahead all = new Ahead(own, part); all.hasNext(); i++) {
                Object each = all.next();
                Object element = Conversion.one(each, part, depth + 1, Form.OWN);
                if (element != each) {
                    own.set(i, element);
                }
            }
        } catch (Mismatch e) {
            throw e.at("[" + i + "]");
        }
        return own;
    }

    private static Iterator<?> each(Collection<?> elements, Target part, Form form) {
        return form == Form.VALUE || form == Form.OWN ? new Ahead(elements, part) : elements.iterator();
    }

    private static boolean areKept(Collection<?> elements, Target part) {
        for (Object each : elements) {
            if (!part.keeps(each)) {
                return false;
            }
        }
        return true;
    }

    private static String cannotBePut(Object container, RuntimeException e) {
        String why = e instanceof NullPointerException ? "which takes no null"
                : e instanceof ClassCastException ? "which has to compare what it contains" : "which says " + e;
        return "It cannot be put into " + container.getClass().getSimpleName() + ", " + why + ".";
    }

    static Object entry(List<?> pair, Target target, int depth, Form form) {
        if (pair.size() != 2) {
            throw new Mismatch(pair, target, "A key and a value are expected.");
        }
        return new AbstractMap.SimpleImmutableEntry<>(Conversion.one(pair.get(0), target.part(0), depth + 1, form),
                Conversion.one(pair.get(1), target.part(1), depth + 1, form));
    }

    static Object lazily(Iterator<?> elements, Target target, Form form) {
        Iterator<Object> each = new Converted(elements, target.part(0), form);
        return target.kind == Target.Kind.ITERATOR ? each : Counterparts.stream(target.raw, StreamSupport.stream(
                Spliterators.spliteratorUnknownSize(each, Spliterator.ORDERED), false));
    }

    /** Elements that are converted when they are requested, each within its own turn. */
    private static final class Converted implements Iterator<Object> {
        private final Iterator<?> elements;
        private final Target target;
        private final Form form;
        private int count;

        Converted(Iterator<?> elements, Target target, Form form) {
            this.elements = elements;
            this.target = target;
            this.form = form;
        }

        @Override
        public boolean hasNext() {
            try (PythonGIL gil = Access.get().enterOrLock()) {
                return elements.hasNext();
            }
        }

        @Override
        public Object next() {
            try (PythonGIL gil = Access.get().enterOrLock()) {
                return Conversion.one(elements.next(), target, 0, form);
            } catch (Mismatch e) {
                throw e.at("[" + count + "]").exception("value");
            } catch (StackOverflowError e) {
                throw Conversion.tooDeep("value[" + count + "]");
            } finally {
                count++;
            }
        }
    }

    /** Which class is made for a target; null for one that has to be asked for its constructor. */
    private static Class<?> collectionClass(Target target) {
        return target.raw.isAssignableFrom(ArrayList.class) ? ArrayList.class
                : target.raw.isAssignableFrom(LinkedHashSet.class) ? LinkedHashSet.class
                : target.raw.isAssignableFrom(TreeSet.class) ? TreeSet.class
                : target.raw.isAssignableFrom(ArrayDeque.class) ? ArrayDeque.class : null;
    }

    private static Collection<Object> emptyCollection(Class<?> made, Target target, Collection<?> elements) {
        if (made == ArrayList.class) {
            return new ArrayList<>(elements.size());
        } else if (made == LinkedHashSet.class) {
            return new LinkedHashSet<>(PackReader.capacity(elements.size()));
        } else if (made == TreeSet.class) {
            return new TreeSet<>();
        } else if (made == ArrayDeque.class) {
            return new ArrayDeque<>(elements.size());
        }
        @SuppressWarnings("unchecked")
        Collection<Object> other = (Collection<Object>) made(target, elements);
        return other;
    }

    private static Map<Object, Object> emptyMap(Target target, Object elements, int size) {
        if (target.raw.isAssignableFrom(LinkedHashMap.class)) {
            return new LinkedHashMap<>(PackReader.capacity(size));
        } else if (target.raw.isAssignableFrom(TreeMap.class)) {
            return new TreeMap<>();
        } else if (target.raw.isAssignableFrom(ConcurrentHashMap.class)) {
            return new ConcurrentHashMap<>();
        }
        @SuppressWarnings("unchecked")
        Map<Object, Object> made = (Map<Object, Object>) made(target, elements);
        return made;
    }

    private static Object made(Target target, Object elements) {
        try {
            return target.raw.getConstructor().newInstance();
        } catch (ReflectiveOperationException e) {
            Throwable cause = e instanceof InvocationTargetException ? e.getCause() : e;
            throw new Mismatch(elements, target, "There is no way to make a " + target.type.getTypeName() + ": " + cause, cause);
        } catch (LinkageError e) {
            throw Mismatch.unusable(elements, target, e);
        }
    }

    /** @param entries keys and values in turn */
    static Map<Object, Object> map(List<?> entries, Target target, int depth, Form form) {
        Map<Object, Object> map = emptyMap(target, entries, entries.size() / 2);
        for (int i = 0; i < entries.size(); i += 2) {
            put(map, entries.get(i), entries.get(i + 1), target, depth, form);
        }
        return whole(map, entries.size() / 2, target);
    }

    static Map<?, ?> map(Map<?, ?> from, Target target, int depth, Form form) {
        boolean again = form == Form.OWN && from.getClass() == LinkedHashMap.class && target.raw.isAssignableFrom(LinkedHashMap.class);
        if (again && areKept(from.keySet(), target.part(0))) {
            return replaced(from, target.part(1), depth);
        }
        Map<Object, Object> map = emptyMap(target, from, from.size());
        Iterator<?> values = each(from.values(), target.part(1), form);
        for (Iterator<?> keys = each(from.keySet(), target.part(0), form); keys.hasNext();) {
            put(map, keys.next(), values.next(), target, depth, form);
        }
        return whole(map, from.size(), target);
    }

    /** The map itself, with its values converted. */
    private static Map<?, ?> replaced(Map<?, ?> map, Target values, int depth) {
        Ahead all = new Ahead(map.values(), values);
        for (Map.Entry<?, ?> each : map.entrySet()) {
            @SuppressWarnings("unchecked") // it was read for this conversion alone
            Map.Entry<?, Object> own = (Map.Entry<?, Object>) each;
            Object before = all.next();
            try {
                Object value = Conversion.one(before, values, depth + 1, Form.OWN);
                if (value != before) {
                    own.setValue(value);
                }
            } catch (Mismatch e) {
                throw e.at(own.getKey(), false);
            }
        }
        return map;
    }

    private static void put(Map<Object, Object> map, Object oldKey, Object oldValue, Target target, int depth, Form form) {
        boolean isKey = true;
        try {
            Object key = Conversion.one(oldKey, target.part(0), depth + 1, form);
            isKey = false;
            Object value = Conversion.one(oldValue, target.part(1), depth + 1, form);
            try {
                map.put(key, value);
            } catch (ClassCastException | NullPointerException | UnsupportedOperationException e) {
                throw new Mismatch(key == null ? null : value, target.part(1), cannotBePut(map, e), e);
            }
        } catch (Mismatch e) {
            throw e.at(oldKey, isKey);
        }
    }

    private static Map<Object, Object> whole(Map<Object, Object> map, int size, Target target) {
        if (map.size() != size) {
            throw new Mismatch(map.keySet(), target, VANISHES);
        }
        return map;
    }
}
