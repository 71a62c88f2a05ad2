// SPDX-License-Identifier: Apache-2.0
// A Java object that Python has by reference: what the classes of proxies.py ask of it is done here.
// What may be used of it: PythonExposure.
package org.nd4j.python4j.internal.convert;

import java.lang.reflect.Executable;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.ListIterator;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.Set;
import org.nd4j.python4j.Python;
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.PythonExposure;
import org.nd4j.python4j.PythonObject;
import org.nd4j.python4j.PythonType;
import org.nd4j.python4j.internal.Access;
import org.nd4j.python4j.internal.jni.Callbacks;
import org.nd4j.python4j.internal.jni.Pack;

/** The operations on an object, each by its name. Run on any thread, without the GIL. */
public final class ByReference implements Callbacks.Function {

    private final Object object;
    private final PythonExposure exposure;

    private ByReference(Object object, PythonExposure exposure) {
        this.object = object;
        this.exposure = exposure;
    }

    // ---- from Java to Python ----

    /** An object by reference; what cannot change crosses as a value. */
    public static PythonObject of(Object object, PythonExposure exposure) {
        Object shown = object != null && object.getClass().isArray() ? object : shown(object, exposure);
        boolean value = shown == null || shown instanceof PythonObject || shown instanceof Callbacks.Given
                || shown instanceof String || shown instanceof Number || shown instanceof Boolean || shown instanceof Character;
        return Python.of(value ? shown : reference(object, exposure));
    }

    /** What Python sees of a value that comes out of a reference: what can change is a reference itself. */
    static Object shown(Object value, PythonExposure exposure) {
        if (value == null || value instanceof PythonObject || value instanceof String || value instanceof Number
                || value instanceof Boolean || value.getClass().isArray()) {
            return value;
        }
        PythonObject python = ProxyHandler.object(value);
        if (python != null) {
            return python;
        }
        if (value instanceof Optional) {
            return shown(((Optional<?>) value).orElse(null), exposure);
        }
        if (value instanceof Map.Entry) {
            Map.Entry<?, ?> entry = (Map.Entry<?, ?>) value;
            return Arrays.asList(shown(entry.getKey(), exposure), shown(entry.getValue(), exposure));
        }
        for (PythonType<?> type : Access.get().registered()) {
            if (type.accepts(value)) {
                return value;
            }
        }
        if (Access.get().allows(exposure, value) || kind(value) != null) {
            return reference(value, exposure);
        }
        if (Functional.isFunction(value)) {
            return new Callbacks.Given(Functional.of(value), null);
        }
        boolean known = value instanceof Character || Conversion.isKnown(value);
        return known ? value : reference(value, exposure);
    }

    private static Callbacks.Given reference(Object object, PythonExposure exposure) {
        String kind = kind(object);
        if (kind == null) {
            boolean callable = Access.get().allows(exposure, object) && (object instanceof Class
                    ? Access.get().methods(exposure, object, "new") != null : Functional.isFunction(object));
            kind = callable ? "JavaCallable" : "JavaObject";
        }
        return new Callbacks.Given(new ByReference(object, exposure), kind);
    }

    /** The class in proxies.py; null for an object that is no container. */
    private static String kind(Object object) {
        if (object instanceof Map) {
            return "JavaMap";
        } else if (object instanceof List || object.getClass().isArray()) {
            return "JavaList";
        } else if (object instanceof Set) {
            return "JavaSet";
        } else if (object instanceof Collection) {
            return "JavaCollection";
        } else if (object instanceof Iterator) {
            return "JavaIterator";
        }
        return object instanceof Iterable && !(object instanceof java.nio.file.Path) ? "JavaIterable" : null;
    }

    @Override
    public Object object() {
        return object;
    }

    @Override
    public boolean raw() {
        return true;
    }

    // ---- from Python ----

    @Override
    public Object call(List<?> arguments, Map<?, ?> named) throws Throwable {
        String operation = (String) arguments.get(0);
        List<?> operands = arguments.subList(1, arguments.size());
        switch (operation) {
            case "member":
                return member((String) operands.get(0));
            case "assign":
                assign((String) operands.get(0), operands.get(1));
                return null;
            case "names":
                return new ArrayList<>(Access.get().names(exposure, object));
            case "callable":
                return callable();
            case "equals":
                return object.equals(Pack.Reader.kept(operands.get(0)));
            case "hash":
                return object.hashCode();
            case "text":
                return Access.get().allows(exposure, object) ? object.toString() : object.getClass().getName();
            case "next":
                return next((Iterator<?>) object);
            case "iterate":
                return shown(elements().iterator(), exposure);
            default:
                return object instanceof Map
                        ? ofMap(operation, operands)
                        : object instanceof Collection && !(object instanceof List)
                                ? ofCollection(operation, operands)
                                : ofList(operation, operands);
        }
    }

    private Object member(String name) throws IllegalAccessException {
        List<Executable> methods = name.equals("new") ? null : Access.get().methods(exposure, object, name);
        if (methods != null) {
            return new Callbacks.Given(Functional.bound(object instanceof Class ? null : object, methods, name, exposure), null);
        }
        return shown(field(name).get(object), exposure);
    }

    private void assign(String name, Object value) throws IllegalAccessException {
        Field field = field(name);
        if (Modifier.isFinal(field.getModifiers())) {
            throw new Callbacks.Raise("AttributeError", "the field '" + name + "' is final");
        }
        try {
            field.set(object, Conversion.within(field.getDeclaringClass()).convert(value, field.getGenericType()));
        } catch (PythonException e) {
            throw new Callbacks.Raise("TypeError", e.getMessage());
        }
    }

    private Field field(String name) {
        Field field = Access.get().field(exposure, object, name);
        if (field == null) {
            String of = object instanceof Class ? ((Class<?>) object).getName() : object.getClass().getName();
            throw new Callbacks.Raise("AttributeError", "'" + of + "' object has no attribute '" + name
                    + "' that the Java program allows");
        }
        return field;
    }

    private Callbacks.Given callable() {
        if (object instanceof Class) {
            String name = ((Class<?>) object).getSimpleName();
            return new Callbacks.Given(Functional.bound(null, Access.get().methods(exposure, object, "new"), name, exposure), null);
        }
        return new Callbacks.Given(Functional.of(object), null);
    }

    private Iterable<?> elements() {
        return object instanceof Map ? ((Map<?, ?>) object).keySet()
                : object.getClass().isArray() ? list() : (Iterable<?>) object;
    }

    private Object next(Iterator<?> iterator) {
        try {
            return shown(iterator.next(), exposure);
        } catch (NoSuchElementException e) {
            throw new Callbacks.Raise("StopIteration", "");
        }
    }

    // ---- containers ----

    /**
     * A Python value as an element or key of a container. Java forgets of which type those are, so the
     * first one there tells: a Python int becomes an Integer where Integers are.
     */
    private static Object like(Object sample, Object value) {
        Object natural = Pack.Reader.kept(value);
        boolean scalar = natural instanceof Number || natural instanceof String || natural instanceof PythonObject;
        if (sample == null || !scalar || sample.getClass().isInstance(natural)) {
            return natural;
        }
        try {
            return Conversion.PLAIN.convert(value, sample instanceof Enum ? ((Enum<?>) sample).getDeclaringClass() : sample.getClass());
        } catch (PythonException e) {
            return natural;
        }
    }

    /** Any element. The lock is that of synchronized collections, which bear no other way to iterate. */
    private Object first(Collection<?> collection) {
        synchronized (object) {
            Iterator<?> each = collection.iterator();
            return each.hasNext() ? each.next() : null;
        }
    }

    private static boolean contains(Collection<?> collection, Object value) {
        try {
            return collection.contains(value);
        } catch (ClassCastException | NullPointerException e) {
            return false; // what the collection cannot compare is not in it
        }
    }

    /** The value as the collection has it, or null if it has it neither as it came nor as its first one is. */
    private Optional<Object> found(Collection<?> collection, Object value) {
        Object natural = Pack.Reader.kept(value);
        if (natural != null && contains(collection, natural)) {
            return Optional.of(natural);
        }
        Object like = like(first(collection), value);
        return like != null && like != natural && contains(collection, like) ? Optional.of(like) : Optional.empty();
    }

    private boolean has(Collection<?> collection, Object value) {
        return value == null ? contains(collection, null) : found(collection, value).isPresent();
    }

    @SuppressWarnings("unchecked")
    private Object ofCollection(String operation, List<?> operands) {
        Collection<Object> collection = (Collection<Object>) object;
        switch (operation) {
            case "length":
                return collection.size();
            case "contains":
                return has(collection, operands.get(0));
            case "add":
                return collection.add(like(first(collection), operands.get(0)));
            case "discard":
                Object value = operands.get(0);
                return has(collection, value) && collection.remove(value == null ? null : found(collection, value).orElse(null));
            case "clear":
                collection.clear();
                return null;
            default:
                throw new Callbacks.Raise("TypeError", "a Java collection has no operation " + operation);
        }
    }

    @SuppressWarnings("unchecked")
    private List<Object> list() {
        return object instanceof List ? (List<Object>) object : new Conversion.ArrayView(object);
    }

    private Object ofList(String operation, List<?> operands) {
        List<Object> list = list();
        switch (operation) {
            case "length":
                return list.size();
            case "contains":
                return has(list, operands.get(0));
            case "get":
                return shown(list.get(index(list, operands.get(0), "list index out of range")), exposure);
            case "set":
                list.set(index(list, operands.get(0), "list assignment index out of range"), like(first(list), operands.get(1)));
                return null;
            case "add":
                list.add(like(first(list), operands.get(0)));
                return null;
            case "insert":
                list.add(((Long) operands.get(0)).intValue(), like(first(list), operands.get(1)));
                return null;
            case "delete":
                list.remove(index(list, operands.get(0), "list assignment index out of range"));
                return null;
            case "clear":
                list.clear();
                return null;
            case "slice":
                List<Object> part = new ArrayList<>();
                part(list, operands).forEach(element -> part.add(shown(element, exposure)));
                return part;
            case "splice":
                splice(list, part(list, operands), (List<?>) operands.get(2));
                return null;
            default:
                throw new Callbacks.Raise("TypeError", "a Java list has no operation " + operation);
        }
    }

    private static int index(List<?> list, Object index, String text) {
        long at = index instanceof Long ? (Long) index : -1; // an int beyond 64 bits is out of every range
        if (at < 0 || at >= list.size()) {
            throw new Callbacks.Raise("IndexError", text);
        }
        return (int) at;
    }

    private static List<Object> part(List<Object> list, List<?> operands) {
        return list.subList(((Long) operands.get(0)).intValue(), ((Long) operands.get(1)).intValue());
    }

    private void splice(List<Object> list, List<Object> part, List<?> values) {
        Object sample = first(list);
        List<Object> converted = new ArrayList<>();
        values.forEach(value -> converted.add(like(sample, value)));
        if (part.size() == converted.size()) { // also for a list of fixed length
            ListIterator<Object> at = part.listIterator();
            for (Object value : converted) {
                at.next();
                at.set(value);
            }
        } else {
            part.clear();
            part.addAll(converted);
        }
    }

    @SuppressWarnings("unchecked")
    private Object ofMap(String operation, List<?> operands) {
        Map<Object, Object> map = (Map<Object, Object>) object;
        switch (operation) {
            case "length":
                return map.size();
            case "entries":
                return shown(map.entrySet().iterator(), exposure);
            case "contains":
                return has(map.keySet(), operands.get(0));
            case "item":
                return item(map, operands.get(0));
            case "put":
                map.put(like(first(map.keySet()), operands.get(0)), like(first(map.values()), operands.get(1)));
                return null;
            case "delete":
                boolean there = has(map.keySet(), operands.get(0));
                if (there) {
                    map.remove(key(map, operands.get(0)));
                }
                return there;
            case "clear":
                map.clear();
                return null;
            default:
                throw new Callbacks.Raise("TypeError", "a Java map has no operation " + operation);
        }
    }

    /** A list of the value, null if there is none. */
    private List<Object> item(Map<Object, Object> map, Object key) {
        Object value = null;
        try {
            value = map.get(Pack.Reader.kept(key));
        } catch (ClassCastException | NullPointerException e) {
            // a key that the map cannot compare is not in it, at least not as it is
        }
        if (value == null) {
            if (!has(map.keySet(), key)) {
                return null;
            }
            value = map.get(key(map, key));
        }
        return Collections.singletonList(shown(value, exposure));
    }

    /** A key that is there, as the map has it. */
    private Object key(Map<Object, Object> map, Object key) {
        return key == null ? null : found(map.keySet(), key).orElse(null);
    }
}
