// SPDX-License-Identifier: Apache-2.0
// Java collections over a Python object: PythonObject.asInterface returns them for List, Map and similar
// interfaces. They read and write the Python object by the operations of `Views` in proxies.py. ProxyHandler
// handles other interfaces.
package org.nd4j.python4j.internal.convert;

import java.lang.reflect.Type;
import java.nio.file.Path;
import java.util.AbstractCollection;
import java.util.AbstractList;
import java.util.AbstractMap;
import java.util.AbstractSet;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Set;
import org.nd4j.python4j.Python;
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.PythonGIL;
import org.nd4j.python4j.PythonObject;
import org.nd4j.python4j.internal.Access;
import org.nd4j.python4j.internal.jni.Handles;
import org.nd4j.python4j.internal.jni.Native;
import org.nd4j.python4j.internal.jni.Pack;

/**
 * One Python object as the collections see it. Each operation takes a turn for its duration, unless the thread has one.
 */
final class Views {

    private static final Object MISSING = new Object();

    /** Each before those that it extends. */
    private static final List<Class<?>> KINDS = Arrays.asList(Map.class, Iterator.class, List.class, Set.class, Collection.class, Iterable.class);

    private final PythonObject object; // of no frame

    private Views(PythonObject object) {
        this.object = object;
    }

    /**
     * The collection that an interface is or extends, over an object of no frame; null for another interface. Needs a
     * turn.
     *
     * @param type the interface, maybe with arguments
     */
    static Object of(PythonObject object, Type type) {
        Views views = new Views(object);
        Class<?> raw = Types.raw(type);
        boolean collection = Map.class.isAssignableFrom(raw) || Iterator.class.isAssignableFrom(raw) || Iterable.class.isAssignableFrom(raw);
        if (!collection || Path.class.isAssignableFrom(raw)) {
            return null;
        }
        for (Class<?> each : KINDS) {
            if (each.isAssignableFrom(raw)) {
                views.ask("check", each.getSimpleName());
                break;
            }
        }
        if (Map.class.isAssignableFrom(raw)) {
            return views.new OfMap(argument(type, Map.class, 0), argument(type, Map.class, 1));
        } else if (Iterator.class.isAssignableFrom(raw)) {
            return views.new Each(views.iterator(), argument(type, Iterator.class, 0));
        }
        Target element = argument(type, Iterable.class, 0);
        Object kind = raw == Collection.class ? views.ask("kind") : null;
        if (List.class.isAssignableFrom(raw) || "list".equals(kind)) {
            return views.new OfList(element);
        } else if (Set.class.isAssignableFrom(raw) || "set".equals(kind)) {
            return views.new OfSet(element);
        }
        return Collection.class.isAssignableFrom(raw) ? views.new OfCollection(element) : views.new OfIterable(element);
    }

    private static Target argument(Type type, Class<?> of, int index) {
        return Target.of(Types.of(type).resolve(of.getTypeParameters()[index]));
    }

    // ---- one operation ----

    /** An operation's result, of a type; {@link #MISSING} if there is none. */
    private Object ask(Target type, String operation, Object... operands) {
        List<Object> all = new ArrayList<>(Arrays.asList(operation, object));
        all.addAll(Arrays.asList(operands));
        try (PythonGIL gil = Access.get().enterOrLock()) {
            int wanted = type.keepsObjects() ? Pack.Wanted.OBJECT : Pack.Wanted.ANY;
            Object result = Access.get().callRaw(Access.get().tool("view"), wanted, all);
            boolean missing = result instanceof PythonObject
                    && Handles.isSame(Access.get().handle((PythonObject) result), Access.get().handle(Access.get().tool("MISSING")));
            return missing ? MISSING : Conversion.received(result, type, "value");
        } catch (PythonException e) {
            switch (e.getPythonClass()) {
                case "IndexError":
                    throw (RuntimeException) new IndexOutOfBoundsException(e.getPythonMessage()).initCause(e);
                case "Unsupported":
                    throw new UnsupportedOperationException(e.getPythonMessage(), e);
                default:
                    throw e;
            }
        }
    }

    private Object ask(String operation, Object... operands) {
        return ask(Target.ANY, operation, operands);
    }

    private int size() {
        return ((Long) ask("size")).intValue();
    }

    /** What is asked about a value: one that has no counterpart in Python is nowhere. */
    private Object about(Target type, String operation, Object value) {
        try {
            return ask(type, operation, value);
        } catch (PythonException e) {
            if (e.getPythonObject() == null) {
                return MISSING;
            }
            throw e;
        }
    }

    private boolean is(String operation, Object value) {
        return Boolean.TRUE.equals(about(Target.ANY, operation, value));
    }

    private PythonObject iterator() {
        return held("iterator");
    }

    /** A result as an object that lives as long as Java has it. */
    private PythonObject held(String operation) {
        try (PythonGIL gil = Access.get().enterOrLock()) {
            PythonObject made = (PythonObject) Access.get().callRaw(
                    Access.get().tool("view"), Pack.Wanted.OBJECT, Arrays.asList(operation, object));
            PythonObject held = Access.get().unframed(made);
            made.del();
            return held;
        }
    }

    // ---- iterators ----

    /** The elements of a Python iterator. Each is fetched when it is requested. */
    private final class Each implements Iterator<Object>, Pack.Backed {
        private final PythonObject iterator;
        private final Target type;
        private boolean fetched;
        private Object next;

        Each(PythonObject iterator, Target type) {
            this.iterator = iterator;
            this.type = type;
        }

        @Override
        public boolean hasNext() {
            if (!fetched) {
                next = ask(type, "next", iterator);
                fetched = true;
            }
            return next != MISSING;
        }

        @Override
        public Object next() {
            if (!hasNext()) {
                throw new NoSuchElementException();
            }
            fetched = false;
            return next;
        }

        @Override
        public PythonObject python() {
            return iterator;
        }
    }

    /** The elements at the beginning of the iteration, because Python's containers must not change during one. */
    private class Snapshot implements Iterator<Object> {
        final PythonObject all = held("snapshot");
        private final int size = new Views(all).size();
        private final Target type;
        int at = -1;
        private boolean removable;

        Snapshot(Target type) {
            this.type = type;
        }

        @Override
        public boolean hasNext() {
            return at + 1 < size;
        }

        @Override
        public Object next() {
            if (!hasNext()) {
                throw new NoSuchElementException();
            }
            removable = true;
            return element(++at);
        }

        Object element(int index) {
            return ask(type, "one", all, index);
        }

        @Override
        public void remove() {
            if (!removable) {
                throw new IllegalStateException();
            }
            removable = false;
            ask("remove_one", all, at);
        }
    }

    // ---- collections ----

    private final class OfIterable implements Iterable<Object>, Pack.Backed {
        private final Target element;

        OfIterable(Target element) {
            this.element = element;
        }

        @Override
        public Iterator<Object> iterator() {
            return new Each(Views.this.iterator(), element);
        }

        @Override
        public PythonObject python() {
            return object;
        }

        @Override
        public boolean equals(Object other) {
            return other instanceof OfIterable && ((OfIterable) other).address() == address();
        }

        @Override
        public int hashCode() {
            return Long.hashCode(address());
        }

        private long address() {
            try (PythonGIL gil = Access.get().enterOrLock()) {
                return Native.handleAddress(Access.get().handle(object));
            }
        }

        @Override
        public String toString() {
            try (PythonGIL gil = Access.get().enterOrLock()) {
                return object.toString();
            }
        }
    }

    private final class OfList extends AbstractList<Object> implements Pack.Backed {
        private final Target element;

        OfList(Target element) {
            this.element = element;
        }

        @Override
        public Object get(int index) {
            return ask(element, "get", index);
        }

        @Override
        public int size() {
            return Views.this.size();
        }

        @Override
        public Object set(int index, Object value) {
            return ask(element, "set", index, value);
        }

        @Override
        public void add(int index, Object value) {
            ask("insert", index, value);
            modCount++;
        }

        @Override
        public Object remove(int index) {
            Object removed = ask(element, "pop", index);
            modCount++;
            return removed;
        }

        @Override
        public void clear() {
            ask("clear");
            modCount++;
        }

        @Override
        public PythonObject python() {
            return object;
        }
    }

    /** The common part of a set and of any other collection that is not a list. The methods of a set call it. */
    private final class OfCollection extends AbstractCollection<Object> implements Pack.Backed {
        private final Target element;

        OfCollection(Target element) {
            this.element = element;
        }

        @Override
        public Iterator<Object> iterator() {
            return new Snapshot(element);
        }

        @Override
        public int size() {
            return Views.this.size();
        }

        @Override
        public boolean contains(Object value) {
            return is("contains", value);
        }

        @Override
        public boolean add(Object value) {
            return (Boolean) ask("add", value);
        }

        @Override
        public boolean remove(Object value) {
            return is("remove", value);
        }

        @Override
        public void clear() {
            ask("clear");
        }

        @Override
        public PythonObject python() {
            return object;
        }
    }

    private final class OfSet extends AbstractSet<Object> implements Pack.Backed {
        private final OfCollection all;

        OfSet(Target element) {
            this.all = new OfCollection(element);
        }

        @Override
        public Iterator<Object> iterator() {
            return all.iterator();
        }

        @Override
        public int size() {
            return all.size();
        }

        @Override
        public boolean contains(Object value) {
            return all.contains(value);
        }

        @Override
        public boolean add(Object value) {
            return all.add(value);
        }

        @Override
        public boolean remove(Object value) {
            return all.remove(value);
        }

        @Override
        public void clear() {
            all.clear();
        }

        @Override
        public PythonObject python() {
            return object;
        }
    }

    private final class OfMap extends AbstractMap<Object, Object> implements Pack.Backed {
        private final Target key;
        private final Target value;

        OfMap(Target key, Target value) {
            this.key = key;
            this.value = value;
        }

        private Object orNull(Object found) {
            return found == MISSING ? null : found;
        }

        @Override
        public int size() {
            return Views.this.size();
        }

        @Override
        public boolean containsKey(Object wanted) {
            return is("contains", wanted);
        }

        @Override
        public Object get(Object wanted) {
            return orNull(about(value, "lookup", wanted));
        }

        @Override
        public Object getOrDefault(Object wanted, Object other) {
            Object found = about(value, "lookup", wanted);
            return found == MISSING ? other : found;
        }

        @Override
        public Object put(Object at, Object put) {
            return orNull(ask(value, "put", at, put));
        }

        @Override
        public Object remove(Object wanted) {
            return orNull(about(value, "take", wanted));
        }

        @Override
        public void clear() {
            ask("clear");
        }

        @Override
        public Set<Map.Entry<Object, Object>> entrySet() {
            return new AbstractSet<>() {
                @Override
                public Iterator<Map.Entry<Object, Object>> iterator() {
                    Snapshot keys = new Snapshot(key);
                    return new Iterator<>() {
                        @Override
                        public boolean hasNext() {
                            return keys.hasNext();
                        }

                        @Override
                        public Map.Entry<Object, Object> next() {
                            return new Entry(keys.next(), keys.all, keys.at);
                        }

                        @Override
                        public void remove() {
                            keys.remove();
                        }
                    };
                }

                @Override
                public int size() {
                    return Views.this.size();
                }

                @Override
                public void clear() {
                    OfMap.this.clear();
                }
            };
        }

        @Override
        public PythonObject python() {
            return object;
        }

        /** An entry whose value is the value in Python. */
        private final class Entry extends SimpleEntry<Object, Object> {
            private static final long serialVersionUID = 1L;

            private final transient PythonObject keys;
            private final int at;

            Entry(Object key, PythonObject keys, int at) {
                super(key, null);
                this.keys = keys;
                this.at = at;
            }

            @Override
            public Object getValue() {
                return orNull(ask(value, "lookup_one", keys, at));
            }

            @Override
            public Object setValue(Object put) {
                return orNull(ask(value, "put_one", keys, at, put));
            }

            @Override
            public boolean equals(Object other) {
                return new SimpleImmutableEntry<>(getKey(), getValue()).equals(other);
            }

            @Override
            public int hashCode() {
                return new SimpleImmutableEntry<>(getKey(), getValue()).hashCode();
            }

            @Override
            public String toString() {
                return getKey() + "=" + getValue();
            }
        }
    }
}
