// SPDX-License-Identifier: Apache-2.0
// A Java object that Python holds by reference. This class performs the operations that the classes of
// proxies.py request. PythonExposure says which members may be used.
package org.nd4j.python4j.internal.convert;

import java.lang.reflect.Array;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.file.Path;
import java.util.AbstractMap;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.Enumeration;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Flow;
import java.util.stream.BaseStream;
import org.nd4j.python4j.Python;
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.PythonExposure;
import org.nd4j.python4j.PythonObject;
import org.nd4j.python4j.PythonType;
import org.nd4j.python4j.internal.Access;
import org.nd4j.python4j.internal.jni.Callbacks;
import org.nd4j.python4j.internal.jni.PackReader;

/** The operations on an object, each by its name. They run on any thread, without the GIL. */
public final class ByReference implements Callbacks.Function {

    private final Object object;
    private final PythonExposure exposure;
    private final Target declared; // what is known of its type beside its class; null for nothing
    private Target[] parts; // of elements or keys, and of values; worked out when first asked for
    private boolean readsFields; // whether a field was read before
    private Map<Functional.Methods, Functional.Methods> typed; // methods where what is declared says more than the class

    private ByReference(Object object, PythonExposure exposure, Target declared) {
        this.object = object;
        this.exposure = exposure;
        this.declared = declared != null && declared.type != declared.raw && declared.raw.isInstance(object) ? declared : null;
    }

    // ---- from Java to Python ----

    /** Passes an object by reference; text, numbers and null are converted to values. */
    public static PythonObject of(Object object, PythonExposure exposure) {
        PythonObject python = ProxyHandler.object(object);
        Object content = ToPython.content(object);
        if (python != null) {
            return python;
        } else if (content != object) {
            return of(content, exposure);
        } else if (isScalar(object)) {
            return Python.of(object);
        }
        boolean function = !Access.get().allows(exposure, object) && kind(object) == null && Functional.isFunction(object);
        return Python.of(function ? new Callbacks.Given(Functional.of(object), null) : reference(object, exposure, null));
    }

    /**
     * The form in which Python gets a value that a reference returns. A mutable value is a reference itself.
     *
     * @param declared the declared type of the value at its source; null if it is unknown
     */
    static Object shown(Object value, PythonExposure exposure, Target declared) {
        if (isScalar(value)) {
            return value;
        }
        PythonObject python = ProxyHandler.object(value);
        if (python != null) {
            return python;
        }
        Object content = ToPython.content(value);
        if (content != value) {
            return shown(content, exposure, declared == null || declared.kind != Target.Kind.OPTIONAL ? null : declared.part(0));
        }
        if (ToPython.registered(value) != null) {
            return value;
        }
        if (Access.get().allows(exposure, value) || kind(value) != null || value instanceof Throwable) {
            return reference(value, exposure, declared);
        }
        if (value instanceof Map.Entry) {
            boolean known = declared != null && declared.kind == Target.Kind.ENTRY;
            return shownEntry((Map.Entry<?, ?>) value, exposure, known ? declared.part(0) : null, known ? declared.part(1) : null);
        }
        if (Functional.isFunction(value)) {
            Object function = Functional.typed(value, declared);
            return function != value ? function : new Callbacks.Given(Functional.of(value), null);
        }
        if (Records.isRecord(value.getClass())) { // its components come out of the reference, too
            return ToPython.named(value, Target.of(value, declared), each -> shown(each.getKey(), exposure, each.getValue()));
        }
        return ToPython.isKnown(value) ? value : reference(value, exposure, declared);
    }

    private static Map.Entry<Object, Object> shownEntry(Map.Entry<?, ?> entry, PythonExposure exposure, Target key, Target value) {
        return new AbstractMap.SimpleImmutableEntry<>(shown(entry.getKey(), exposure, key), shown(entry.getValue(), exposure, value));
    }

    /** An element or a value of this container. */
    private Object out(Object element, int part) {
        Object shown = shown(element, exposure, part(part));
        if (shown != null && !(shown instanceof Callbacks.Given || shown instanceof PythonObject)) {
            Recent.add(element, object);
        }
        return shown;
    }

    /** The known type of elements or keys (0) and of values (1), by the declaration or by the class. */
    private Target part(int index) {
        if (parts == null) {
            Class<?> container = object instanceof Map ? Map.class : object instanceof Iterator ? Iterator.class
                    : object instanceof Enumeration ? Enumeration.class : object instanceof BaseStream ? BaseStream.class : Iterable.class;
            Target[] known = new Target[2];
            for (int i = 0; i < (container == Map.class ? 2 : 1); i++) {
                known[i] = declared == null ? Target.ANY : declared.argument(container, i);
                known[i] = known[i] == Target.ANY ? Target.of(object.getClass()).argument(container, i) : known[i];
            }
            parts = known;
        }
        return parts[index];
    }

    /** Whether the identity of a value does not matter. A number of an unknown class may be mutable. */
    private static boolean isScalar(Object value) {
        return value == null || value instanceof String || value instanceof Integer || value instanceof Long
                || value instanceof Double || value instanceof Boolean || value instanceof PythonObject
                || value instanceof Character || value instanceof Float || value instanceof Short || value instanceof Byte
                || value instanceof BigInteger || value instanceof BigDecimal || value instanceof Callbacks.Given;
    }

    /** The members of an exception that Python can use if the program has allowed none. */
    private static final class Thrown {
        static final PythonExposure EXPOSURE = PythonExposure.none()
                .allow(Throwable.class, "getMessage", "getLocalizedMessage", "getCause", "getSuppressed", "getStackTrace")
                .allow(StackTraceElement.class, "getClassName", "getMethodName", "getFileName", "getLineNumber");
    }

    /** An exception that was thrown through Python. */
    public static Callbacks.Function ofThrown(Throwable thrown) {
        return new ByReference(thrown, Thrown.EXPOSURE, null);
    }

    private static Callbacks.Given reference(Object object, PythonExposure exposure, Target declared) {
        if (object instanceof Throwable) {
            return Callbacks.Given.exception(new ByReference(object, Access.get().allows(exposure, object) ? exposure : Thrown.EXPOSURE, declared),
                    (Throwable) object);
        }
        String kind = kind(object);
        if (kind == null) {
            boolean callable = Access.get().allows(exposure, object) && (object instanceof Class
                    ? ((Members) Access.get().members(exposure, object)).get("new") != null : Functional.isFunction(object));
            kind = callable ? "JavaCallable" : "JavaObject";
        }
        return new Callbacks.Given(new ByReference(object, exposure, declared), kind);
    }

    /** An object that Python awaits, or over which it iterates without blocking a thread. */
    static Callbacks.Given awaited(Object object) {
        return reference(object, PythonExposure.none(), null);
    }

    /** Whether a value is passed to Python by {@link #awaited}. */
    static boolean isAwaited(Object value) {
        return value instanceof CompletionStage || value instanceof Flow.Publisher;
    }

    /** The class in proxies.py; null for an object that is not a container. */
    private static String kind(Object object) {
        if (isAwaited(object)) {
            return object instanceof CompletionStage ? "tasks.JavaFuture" : "tasks.JavaPublisher";
        } else if (object instanceof Map) {
            return "JavaMap";
        } else if (object instanceof List || object.getClass().isArray()) {
            return object instanceof byte[] ? "JavaBytes" : "JavaList";
        } else if (object instanceof Set) {
            return "JavaSet";
        } else if (object instanceof Collection) {
            return "JavaCollection";
        } else if (object instanceof Iterator || object instanceof Enumeration) {
            return "JavaIterator";
        }
        boolean iterable = object instanceof Iterable || object instanceof BaseStream;
        return iterable && !(object instanceof Path) ? "JavaIterable" : null;
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
    public Object operation(int operation, String name) throws Throwable {
        return operation == Callbacks.MEMBER ? memberOrPlace(name)
                : operation == Callbacks.NEXT ? next() : Callbacks.Function.super.operation(operation, name);
    }

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
                return new ArrayList<>(members().names());
            case "callable":
                return callable();
            case "equals":
                return object.equals(PackReader.kept(operands.get(0)));
            case "hash":
                return object.hashCode();
            case "text":
                return Access.get().allows(exposure, object) ? object.toString() : object.getClass().getName();
            case "next":
                return next();
            case "iterate":
                return inner(elements().iterator());
            case "compare":
                return compared(own(operands.get(0)));
            case "await":
            case "cancel":
            case "subscribe":
                return Access.get().awaited(object, operation, operands);
            case "asynchronously":
                return Access.get().tool("tasks", "elements");
            case "among":
                return among((List<?>) operands.get(0));
            default:
                return container(operation, operands);
        }
    }

    /** A reference to an iterator over this, of which as much is known. */
    private Callbacks.Given inner(Iterator<?> iterator) {
        ByReference inner = new ByReference(iterator, exposure, null);
        part(0);
        inner.parts = parts;
        return new Callbacks.Given(inner, kind(iterator));
    }

    /** The Java object that an argument is; null for a Python value. */
    private static Object own(Object operand) {
        return operand instanceof Callbacks.Function ? ((Callbacks.Function) operand).object() : null;
    }

    /** The result of a comparison with another Java object; null if they cannot be compared. */
    @SuppressWarnings("unchecked")
    private Object compared(Object other) {
        try {
            return other != null && object instanceof Comparable ? ((Comparable<Object>) object).compareTo(other) : null;
        } catch (ClassCastException e) {
            return null;
        }
    }

    /** The position of another reference to this object in a list of references; null if there is none. */
    private Object among(List<?> references) {
        for (int i = 0; i < references.size(); i++) {
            if (own(references.get(i)) == object) {
                return i;
            }
        }
        return null;
    }

    /** Executes an operation of a container. A value that the container rejects because of its class is a TypeError. */
    private Object container(String operation, List<?> operands) {
        try {
            return object instanceof Map ? ofMap(operation, operands)
                    : object instanceof Collection && !(object instanceof List) ? ofCollection(operation, operands)
                    : ofList(operation, operands);
        } catch (PythonException e) {
            throw refused(e);
        } catch (NullPointerException e) {
            throw operands.contains(null) ? new Callbacks.Raise("TypeError", "a " + object.getClass().getName() + " takes no None") : e;
        } catch (ClassCastException e) {
            throw PUTS.contains(operation)
                    ? new Callbacks.Raise("TypeError", "a " + object.getClass().getName() + " takes no such value: " + e.getMessage()) : e;
        }
    }

    private static RuntimeException refused(PythonException e) {
        return e.getPythonObject() != null ? e : new Callbacks.Raise("TypeError", e.getMessage());
    }

    private Members members() {
        return (Members) Access.get().members(exposure, object);
    }

    private Object member(String name) throws Throwable {
        Object member = name.equals("new") ? null : members().get(name);
        if (member instanceof Functional.Methods) {
            return new Callbacks.Method(bound((Functional.Methods) member));
        } else if (member instanceof Field) {
            return field((Field) member);
        } else if (member instanceof Members.Property) {
            Functional.Methods getter = ((Members.Property) member).getter;
            if (getter == null) {
                throw new Callbacks.Raise("AttributeError", "the property '" + name + "' can only be assigned");
            }
            return bound(getter).call(Collections.emptyList(), null);
        }
        throw missing(name);
    }

    /** The same, or its place: Python remembers that, which pays once fields are read again and again. */
    private Object memberOrPlace(String name) throws Throwable {
        Object member = readsFields && !name.equals("new") ? members().get(name) : null;
        Callbacks.Place place = member instanceof Field ? Callbacks.Place.of(object, (Field) member) : null;
        return place != null ? place : member(name);
    }

    private Object field(Field field) throws IllegalAccessException {
        readsFields = true;
        Object value = field.get(object);
        return isScalar(value) ? value : shown(value, exposure, types(field.getDeclaringClass()).target(field.getGenericType()));
    }

    /** The values of type variables in this object, or in a class whose static members are used. */
    private Conversion types(Class<?> statics) {
        return object instanceof Class ? Conversion.within(statics)
                : Conversion.within(object.getClass(), declared == null ? object.getClass() : declared.type);
    }

    private Functional bound(Functional.Methods methods) {
        Functional.Methods meant = methods;
        if (declared != null) {
            typed = typed == null ? new ConcurrentHashMap<>() : typed;
            meant = typed.computeIfAbsent(methods, each -> each.within(types(null)));
        }
        return Functional.bound(object instanceof Class ? null : object, meant, exposure);
    }

    private void assign(String name, Object value) throws Throwable {
        Object member = members().get(name);
        if (member instanceof Members.Property && ((Members.Property) member).setter != null) {
            bound(((Members.Property) member).setter).call(Collections.singletonList(value), null);
            return;
        } else if (member != null && !(member instanceof Field)) {
            throw new Callbacks.Raise("AttributeError", "'" + name + "' of " + className() + " cannot be assigned: it is "
                    + (member instanceof Functional.Methods ? "a method" : "a property without a setter that the Java program allows"));
        } else if (member == null) {
            throw missing(name);
        }
        Field field = (Field) member;
        if (Modifier.isFinal(field.getModifiers())) {
            throw new Callbacks.Raise("AttributeError", "the field '" + name + "' is final");
        }
        try {
            field.set(object, types(field.getDeclaringClass()).convert(value, field.getGenericType()));
        } catch (PythonException e) {
            throw refused(e);
        }
    }

    private String className() {
        return object instanceof Class ? ((Class<?>) object).getName() : object.getClass().getName();
    }

    /** There is no such member here. One of the class, asked of an object, is said to be there. */
    private Callbacks.Raise missing(String name) {
        String text = "'" + className() + "' object has no attribute '" + name + "' that the Java program allows";
        for (Class<?> at = object instanceof Class ? null : object.getClass(); at != null; at = at.getSuperclass()) {
            if (((Members) Access.get().membersOfClass(exposure, at)).get(name) != null && !name.equals("new")) {
                text = "'" + name + "' is a static member: it belongs to the class " + at.getName()
                        + ", which the Java program can hand over by reference";
            }
        }
        return new Callbacks.Raise("AttributeError", text);
    }

    private Callbacks.Given callable() {
        return new Callbacks.Given(object instanceof Class
                ? Functional.bound(null, (Functional.Methods) members().get("new"), exposure)
                : Functional.of(object), null);
    }

    private Iterable<?> elements() {
        if (object instanceof Map) {
            return ((Map<?, ?>) object).keySet();
        }
        return object.getClass().isArray() ? list() : object instanceof Iterable
                ? (Iterable<?>) object : streamed();
    }

    /** A stream, which can be iterated over once. */
    @SuppressWarnings("unchecked")
    private Iterable<Object> streamed() {
        return () -> (Iterator<Object>) Counterparts.iterator(object);
    }

    /** The end is what {@code hasNext} says: a NoSuchElementException may come from what an element is made of. */
    private Object next() {
        if (object instanceof Enumeration) {
            Enumeration<?> elements = (Enumeration<?>) object;
            if (elements.hasMoreElements()) {
                return out(elements.nextElement(), 0);
            }
        } else {
            Iterator<?> elements = (Iterator<?>) object;
            if (elements.hasNext()) {
                return object instanceof Entries ? shownEntry(((Entries) object).entries.next(), exposure, part(0), part(1))
                        : out(elements.next(), 0);
            }
        }
        throw new Callbacks.Raise("StopIteration", "");
    }

    /** The entries of a map. For Python they are pairs, independently of the exposure. */
    private static final class Entries implements Iterator<Object> {
        final Iterator<? extends Map.Entry<?, ?>> entries;

        Entries(Map<?, ?> map) {
            this.entries = map.entrySet().iterator();
        }

        @Override
        public boolean hasNext() {
            return entries.hasNext();
        }

        @Override
        public Object next() {
            return entries.next();
        }
    }

    // ---- containers ----

    /**
     * Converts a Python value to an element or key (0) or a value (1) of this container: to the declared type, or to
     * the class of the first element if no type is declared. A Python int becomes an Integer in a container of
     * Integers.
     */
    private Object element(int part, Object sample, Object value) {
        Target type = part(part);
        if (value instanceof Callbacks.Function || value == null) { // an object of Java's
            Object own = value == null ? null : ((Callbacks.Function) value).object();
            return type.box.isInstance(own) ? own : Conversion.convert(value, type, "value");
        }
        Object natural = PackReader.kept(value);
        Object like = type.parts() == 0 ? like(sample, natural, value) : null;
        Object put = like != null && type.box.isInstance(like) ? like : Conversion.convert(value, type, "value");
        Object recent = Recent.of(value, natural, put, object);
        return recent != null && type.box.isInstance(recent) ? recent : put;
    }

    private static Object like(Object sample, Object natural, Object value) {
        if (sample == null || sample.getClass().isInstance(natural)) {
            return natural;
        }
        Object like = Conversion.orNull(value, Target.of(Counterparts.typeOf(sample)));
        return like == null ? natural : like;
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

    /**
     * The value as a set or a map's keys have it: as it came, as the first one there is, or as another number that is equal
     * in Python. Null if it is not there.
     */
    private Optional<Object> found(Collection<?> collection, Object value) {
        Object natural = PackReader.kept(value);
        if (natural != null && contains(collection, natural)) {
            return Optional.of(natural);
        }
        Object sample = first(collection);
        Object declared = part(0) == Target.ANY ? null : Conversion.orNull(value, part(0));
        for (Object like : new Object[] {declared, like(sample, natural, value)}) {
            if (like != null && like != natural && contains(collection, like)) {
                return Optional.of(like);
            }
        }
        boolean sorted = object instanceof SortedMap || object instanceof SortedSet; // all there are of one kind
        for (Object number : Numbers.equal(natural)) {
            if ((!sorted || sample != null && sample.getClass() == number.getClass()) && contains(collection, number)) {
                return Optional.of(number);
            }
        }
        return Optional.empty();
    }

    /** The same as {@link #found}, where an empty one is a null that is there, and null what is not. */
    private Optional<Object> there(Collection<?> collection, Object value) {
        Optional<Object> found = value == null ? Optional.empty() : found(collection, value);
        return found.isPresent() || value == null && contains(collection, null) ? found : null;
    }

    private boolean has(Collection<?> collection, Object value) {
        return there(collection, value) != null;
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
                return collection.add(element(0, first(collection), operands.get(0)));
            case "discard":
                Optional<Object> there = there(collection, operands.get(0));
                return there != null && collection.remove(there.orElse(null));
            case "clear":
                collection.clear();
                return null;
            default:
                throw new Callbacks.Raise("TypeError", "a Java collection has no operation " + operation);
        }
    }

    @SuppressWarnings("unchecked")
    private List<Object> list() {
        return object instanceof List ? (List<Object>) object : new ArrayView(object);
    }

    private Object element(List<Object> list, Object value) {
        return element(0, first(list), value);
    }

    private void put(List<Object> list, int at, Object element) {
        if (object instanceof List) {
            list.set(at, element);
        } else {
            Array.set(object, at, element); // as it is: a view would convert it, and a list in an array is that list
        }
    }

    private Object ofList(String operation, List<?> operands) {
        List<Object> list = list();
        if (object.getClass().isArray() && RESIZES.contains(operation)) {
            throw new Callbacks.Raise("TypeError", "a Java array has a fixed length");
        }
        switch (operation) {
            case "length":
                return list.size();
            case "contains":
                return in(list, operands.get(0));
            case "get":
                return out(list.get(index(list, operands.get(0), "list index out of range")), 0);
            case "set":
                put(list, index(list, operands.get(0), "list assignment index out of range"), element(list, operands.get(1)));
                return null;
            case "add":
                list.add(element(list, operands.get(0)));
                return null;
            case "insert":
                list.add(((Long) operands.get(0)).intValue(), element(list, operands.get(1)));
                return null;
            case "delete":
                list.remove(index(list, operands.get(0), "list assignment index out of range"));
                return null;
            case "clear":
                list.clear();
                return null;
            case "slice":
                List<Object> part = new ArrayList<>();
                list.subList(at(operands, 0), at(operands, 1)).forEach(element -> part.add(out(element, 0)));
                return part;
            case "bytes":
                return ((byte[]) object).clone();
            case "reverse":
                List<Object> backwards = new ArrayList<>(list);
                Collections.reverse(backwards);
                putAll(list, 0, backwards);
                return null;
            case "arrange":
                arrange(list, at(operands, 0), at(operands, 1), (List<?>) operands.get(2), (List<?>) operands.get(3));
                Recent.use(1); // what was read for this is where it belongs
                return null;
            default:
                throw new Callbacks.Raise("TypeError", "a Java list has no operation " + operation);
        }
    }

    private static final List<String> PUTS = Arrays.asList("add", "insert", "set", "put", "arrange");
    private static final List<String> RESIZES = Arrays.asList("add", "insert", "delete", "clear");

    private static int at(List<?> operands, int which) {
        return ((Long) operands.get(which)).intValue();
    }

    /**
     * Whether Python's {@code in} is true, as far as Java can tell: null where Python has to compare. Strings and
     * numbers equal no other values.
     */
    private Boolean in(List<Object> list, Object value) {
        Object natural = PackReader.kept(value);
        if (natural instanceof Double && ((Double) natural).isNaN()) {
            return null; // which equals itself in Java alone
        }
        if (contains(list, natural)) {
            return true;
        }
        Collection<Object> numbers = Numbers.equal(natural);
        boolean sure = natural == null || natural instanceof Number || natural instanceof Boolean || natural instanceof String;
        synchronized (object) { // as for first()
            for (Object element : list) {
                if (element instanceof Number || element instanceof Boolean) {
                    if (numbers.contains(element)) {
                        return true;
                    }
                    sure &= isScalar(element) && !(element instanceof BigDecimal);
                } else {
                    sure &= element == null || element instanceof String || kind(element) != null;
                }
            }
        }
        return sure ? false : null;
    }

    private static int index(List<?> list, Object index, String text) {
        long at = index instanceof Long ? (Long) index : -1; // an int beyond 64 bits is out of every range
        if (at < 0 || at >= list.size()) {
            throw new Callbacks.Raise("IndexError", text);
        }
        return (int) at;
    }

    /**
     * Puts other elements into the place of a part: those that are at the places in the order, and a new value for
     * each place -1. What fails leaves the list as it was, unless the list itself fails half way.
     */
    private void arrange(List<Object> list, int from, int to, List<?> order, List<?> values) {
        List<Object> before = new ArrayList<>(list);
        if (to > before.size()) {
            throw new Callbacks.Raise("ValueError", "list modified during sort");
        }
        List<Object> elements = new ArrayList<>(order.size());
        Iterator<?> next = values.iterator();
        for (Object place : order) {
            elements.add((Long) place < 0 ? element(list, next.next()) : before.get(((Long) place).intValue()));
        }
        if (elements.size() == to - from) { // also for a list of fixed length
            putAll(list, from, elements);
        } else if (object.getClass().isArray()) {
            throw new Callbacks.Raise("TypeError", "a Java array has a fixed length");
        } else {
            list.addAll(to, elements);
            list.subList(from, to).clear();
        }
    }

    private void putAll(List<Object> list, int from, List<Object> elements) {
        if (object instanceof List && from == 0 && elements.size() == list.size()) {
            Iterator<Object> next = elements.iterator();
            list.replaceAll(element -> next.next()); // in one step, as far as the list has such a one
            return;
        }
        for (int i = 0; i < elements.size(); i++) {
            put(list, from + i, elements.get(i));
        }
    }

    @SuppressWarnings("unchecked")
    private Object ofMap(String operation, List<?> operands) {
        Map<Object, Object> map = (Map<Object, Object>) object;
        switch (operation) {
            case "length":
                return map.size();
            case "entries":
                return inner(new Entries(map));
            case "contains":
                return has(map.keySet(), operands.get(0));
            case "item":
                return item(map, operands.get(0));
            case "put":
                map.put(putKey(map, operands.get(0)), element(1, first(map.values()), operands.get(1)));
                return null;
            case "delete":
                return taken(map, operands.get(0)) != null;
            case "take":
                return taken(map, operands.get(0));
            case "clear":
                map.clear();
                return null;
            default:
                throw new Callbacks.Raise("TypeError", "a Java map has no operation " + operation);
        }
    }

    /** A list of the value, null if there is none: other threads may have removed it since its key was found. */
    private List<Object> item(Map<Object, Object> map, Object key) {
        Object value = null;
        try {
            value = map.get(PackReader.kept(key));
        } catch (ClassCastException | NullPointerException e) {
            // a key that the map cannot compare is not in it, at least not as it is
        }
        if (value == null) {
            Optional<Object> there = there(map.keySet(), key);
            value = there == null ? null : map.get(there.orElse(null));
            if (value == null && (there == null || !contains(map.keySet(), there.orElse(null)))) {
                return null;
            }
        }
        return Collections.singletonList(out(value, 1));
    }

    /** The same for a key that goes: of several threads one gets the value. */
    private List<Object> taken(Map<Object, Object> map, Object key) {
        Optional<Object> there = there(map.keySet(), key);
        if (there == null) {
            return null;
        }
        boolean isNone = map.get(there.orElse(null)) == null && contains(map.keySet(), there.orElse(null));
        Object value = map.remove(there.orElse(null));
        return value == null && !isNone ? null : Collections.singletonList(out(value, 1));
    }

    /** The key that is there, or a new one like the first. */
    private Object putKey(Map<Object, Object> map, Object key) {
        Optional<Object> there = key == null || map instanceof SortedMap ? Optional.empty() : found(map.keySet(), key);
        return there.orElseGet(() -> element(0, first(map.keySet()), key));
    }
}
