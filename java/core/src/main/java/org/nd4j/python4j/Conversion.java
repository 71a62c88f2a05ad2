// SPDX-License-Identifier: Apache-2.0
// Values as the Java type that a program names, generics included, and the values of Java's library
// that have a counterpart in Python's. What needs no type named crosses in Pack alone.
package org.nd4j.python4j;

import java.io.File;
import java.lang.invoke.MethodType;
import java.lang.reflect.Array;
import java.lang.reflect.GenericArrayType;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.lang.reflect.TypeVariable;
import java.lang.reflect.WildcardType;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.net.URI;
import java.net.URL;
import java.nio.file.Path;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.OffsetDateTime;
import java.time.Year;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.util.AbstractMap;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.Date;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Spliterator;
import java.util.Spliterators;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;
import java.util.stream.StreamSupport;

/**
 * Conversions to Java types, where some type variables have a meaning. All methods need a turn, except
 * where the value is none of Python's.
 */
final class Conversion {

    /** No type variable has a meaning: each is taken for its bound. */
    static final Conversion PLAIN = new Conversion(Collections.emptyMap());

    private static final int MICRO = 1000;

    /** Interfaces that one of these has are values; an object that is wanted as another one becomes a proxy. */
    private static final List<Class<?>> VALUES = Arrays.asList(ArrayList.class, ArrayDeque.class, LinkedHashSet.class,
            TreeSet.class, LinkedHashMap.class, TreeMap.class, ConcurrentHashMap.class, String.class, Long.class,
            LocalDate.class, LocalDateTime.class, ZonedDateTime.class, Duration.class);

    /** What {@link #toPython} knows by its class. */
    private static final List<Class<?>> TO_PYTHON = Arrays.asList(Enum.class, CharSequence.class, URI.class, URL.class,
            Path.class, File.class, UUID.class, Optional.class, OptionalInt.class, OptionalLong.class, OptionalDouble.class,
            Instant.class, Date.class, LocalDateTime.class, OffsetDateTime.class, ZonedDateTime.class, LocalDate.class,
            LocalTime.class, Duration.class);

    private static final Map<Class<?>, Class<?>> BOXES = new HashMap<>();

    static {
        for (Class<?> primitive : new Class<?>[] {boolean.class, char.class, byte.class, short.class, int.class,
            long.class, float.class, double.class, void.class}) {
            BOXES.put(primitive, MethodType.methodType(primitive).wrap().returnType());
        }
    }

    /** What the text of a Python value is read as. */
    private static final Map<Class<?>, Function<String, Object>> FROM_TEXT = new HashMap<>();

    static {
        FROM_TEXT.put(String.class, text -> text);
        FROM_TEXT.put(LocalDate.class, LocalDate::parse);
        FROM_TEXT.put(LocalTime.class, LocalTime::parse);
        FROM_TEXT.put(LocalDateTime.class, LocalDateTime::parse);
        FROM_TEXT.put(OffsetDateTime.class, OffsetDateTime::parse);
        FROM_TEXT.put(ZonedDateTime.class, ZonedDateTime::parse);
        FROM_TEXT.put(Instant.class, text -> OffsetDateTime.parse(text).toInstant());
        FROM_TEXT.put(Date.class, text -> Date.from(OffsetDateTime.parse(text).toInstant()));
        FROM_TEXT.put(Duration.class, Duration::parse);
        FROM_TEXT.put(UUID.class, UUID::fromString);
        FROM_TEXT.put(Path.class, text -> Path.of(text));
        FROM_TEXT.put(File.class, File::new);
        FROM_TEXT.put(URI.class, URI::create);
        FROM_TEXT.put(StringBuilder.class, StringBuilder::new);
        FROM_TEXT.put(char.class, text -> text.length() == 1 ? text.charAt(0) : null);
    }

    private final Map<TypeVariable<?>, Type> meanings;

    private Conversion(Map<TypeVariable<?>, Type> meanings) {
        this.meanings = meanings;
    }

    /** With the type variables of a type's superclasses and interfaces as the type sets them. */
    static Conversion within(Type type) {
        Map<TypeVariable<?>, Type> meanings = new HashMap<>();
        collect(type, meanings);
        return meanings.isEmpty() ? PLAIN : new Conversion(meanings);
    }

    private static void collect(Type type, Map<TypeVariable<?>, Type> meanings) {
        Class<?> raw;
        if (type instanceof ParameterizedType) {
            raw = (Class<?>) ((ParameterizedType) type).getRawType();
            Type[] arguments = ((ParameterizedType) type).getActualTypeArguments();
            for (int i = 0; i < arguments.length; i++) {
                meanings.put(raw.getTypeParameters()[i], arguments[i]);
            }
        } else {
            raw = (Class<?>) type;
        }
        if (raw.getGenericSuperclass() != null) {
            collect(raw.getGenericSuperclass(), meanings);
        }
        for (Type each : raw.getGenericInterfaces()) {
            collect(each, meanings);
        }
    }

    // ---- types ----

    private Type resolve(Type type) {
        Type now = type;
        while (true) {
            if (now instanceof WildcardType) {
                now = ((WildcardType) now).getUpperBounds()[0];
            } else if (now instanceof TypeVariable) {
                Type meaning = meanings.get(now);
                now = meaning == null || meaning == now ? ((TypeVariable<?>) now).getBounds()[0] : meaning;
                if (now instanceof ParameterizedType) {
                    return meaning == null ? raw(now) : now; // T extends Comparable<T> has no end
                }
            } else {
                return now;
            }
        }
    }

    /** The class of a type. */
    Class<?> raw(Type type) {
        Type resolved = resolve(type);
        if (resolved instanceof Class) {
            return (Class<?>) resolved;
        }
        if (resolved instanceof ParameterizedType) {
            return (Class<?>) ((ParameterizedType) resolved).getRawType();
        }
        Class<?> component = raw(((GenericArrayType) resolved).getGenericComponentType());
        return Array.newInstance(component, 0).getClass();
    }

    /** An argument of a generic type as it is known for one of its supertypes; Object if it is not known. */
    Type argument(Type type, Class<?> of, int index) {
        return with(type).resolve(of.getTypeParameters()[index]);
    }

    /** These meanings and those that a type sets. */
    private Conversion with(Type type) {
        Map<TypeVariable<?>, Type> more = new HashMap<>(meanings);
        collect(type, more);
        return new Conversion(more);
    }

    private static Type component(Type array) {
        return array instanceof GenericArrayType
                ? ((GenericArrayType) array).getGenericComponentType()
                : ((Class<?>) array).getComponentType();
    }

    private static boolean isCollection(Class<?> raw) {
        return Collection.class.isAssignableFrom(raw) || raw == Iterable.class;
    }

    /** Whether an object that is wanted as this becomes a proxy of an interface. */
    private static boolean isFacade(Class<?> raw) {
        if (!raw.isInterface() || raw == Path.class || Counterparts.GIVES.contains(raw)) {
            return false;
        }
        for (Class<?> value : VALUES) {
            if (raw.isAssignableFrom(value)) {
                return false;
            }
        }
        for (PythonType<?> type : PythonTypes.registered()) {
            if (type.javaType() == raw) {
                return false;
            }
        }
        return true;
    }

    /** Whether values of a type hold Python objects themselves, of which no copy will do. */
    boolean keepsObjects(Type type) {
        return keepsObjects(type, 0);
    }

    private boolean keepsObjects(Type type, int depth) {
        Type resolved = resolve(type);
        Class<?> raw = raw(resolved);
        if (depth > 8) { // a record that contains itself
            return false;
        }
        if (raw.isArray()) {
            return keepsObjects(component(resolved), depth + 1);
        }
        if (raw == PythonObject.class || isFacade(raw)) {
            return true;
        }
        if (resolved instanceof ParameterizedType) {
            for (Type argument : ((ParameterizedType) resolved).getActualTypeArguments()) {
                if (keepsObjects(argument, depth + 1)) {
                    return true;
                }
            }
        }
        if (Records.isRecord(raw)) {
            for (Type component : Records.types(raw)) {
                if (with(resolved).keepsObjects(component, depth + 1)) {
                    return true;
                }
            }
        }
        return false;
    }

    // ---- from Python ----

    /**
     * A value as a type.
     *
     * @param value as {@link Pack.Reader#value} leaves it, or any {@link PythonObject}
     * @throws PythonException if it cannot be
     */
    Object convert(Object value, Type type) {
        return value instanceof PythonObject
                ? fromObject((PythonObject) value, resolve(type))
                : fromValue(value, resolve(type));
    }

    private Object fromObject(PythonObject object, Type type) {
        Class<?> raw = raw(type);
        if (raw == PythonObject.class) {
            return object;
        }
        if (!keepsObjects(type)) {
            Object value = object.read();
            return value instanceof PythonObject ? fromOther((PythonObject) value, type) : fromValue(value, type);
        }
        Object own = object.convertRaw(Pack.Wanted.JAVA);
        if (own != null) {
            return fromValue(own, type);
        }
        if (object.isNone()) {
            return fromValue(null, type);
        }
        if (raw == Optional.class) {
            return Optional.of(fromObject(object, resolve(argument(type, raw, 0))));
        }
        if (raw.isArray() || isCollection(raw) || Counterparts.GIVES.contains(raw)) {
            return fromElements(object.iterator(), type);
        }
        if (Map.class.isAssignableFrom(raw)) {
            List<Object> entries = new ArrayList<>();
            for (PythonObject entry : Python.dict(object).attr("items").call()) {
                entries.add(entry.get(0));
                entries.add(entry.get(1));
            }
            return map(entries.iterator(), type);
        }
        return fromOther(object, type);
    }

    /** An object that has no packed form, or of which none is wanted. */
    private Object fromOther(PythonObject object, Type type) {
        Class<?> raw = raw(type);
        Class<?> box = box(raw);
        if (raw == Optional.class) {
            return Optional.of(fromOther(object, resolve(argument(type, raw, 0))));
        }
        if (isFacade(raw)) {
            return object.asInterface(raw);
        }
        if (Records.isRecord(raw)) {
            return record(object, type);
        }
        if (raw != byte[].class && (raw.isArray() || isCollection(raw) || Counterparts.GIVES.contains(raw))) {
            return fromElements(object.iterator(), type);
        }
        if (Map.class.isAssignableFrom(raw)) {
            return fromValue(Python.dict(object).read(), type);
        }
        if (Number.class.isAssignableFrom(box)) {
            boolean fraction = box == Double.class || box == Float.class;
            return fromValue(object.convert(fraction ? Pack.Wanted.FLOAT : Pack.Wanted.INT), type);
        }
        List<?> plain = raw == Object.class ? null : (List<?>) PythonObject.tool("plain").callRaw(Pack.Wanted.ANY, Arrays.asList(object));
        Object found = plain == null ? null : fromPlain(plain, type);
        if (found == null) {
            found = PythonTypes.toJavaOrSame(object);
        }
        if (box.isInstance(found)) {
            return found;
        }
        throw cannot(object, type);
    }

    /** A value of Python's library, in the words of {@code plain} in proxies.py. */
    private Object fromPlain(List<?> plain, Type type) {
        Class<?> raw = raw(type);
        switch ((String) plain.get(0)) {
            case "enum":
                return fromValue(raw.isEnum() ? plain.get(1) : plain.get(2), type);
            case "duration":
                return Duration.ofSeconds((Long) plain.get(1), (Long) plain.get(2) * MICRO);
            case "bytes":
                return plain.get(1);
            default:
                Object value = fromValue(plain.get(1), type);
                boolean zoned = value instanceof ZonedDateTime && plain.get(2) != null;
                return zoned ? ((ZonedDateTime) value).withZoneSameInstant(ZoneId.of((String) plain.get(2))) : value;
        }
    }

    private Object fromValue(Object value, Type type) {
        boolean scalar = value instanceof Number || value instanceof String || value instanceof Boolean;
        if (scalar && type instanceof Class && box((Class<?>) type).isInstance(value)) {
            return value; // what most values are, without further questions
        }
        Class<?> raw = raw(type);
        if (value instanceof Callbacks.Function) {
            Object own = ((Callbacks.Function) value).object();
            if (own == value) { // a method that is bound to its object
                return box(raw).isInstance(own) ? own : fromOther(Callbacks.callable((Callbacks.Function) own), type);
            }
            return box(raw).isInstance(own) ? own : fromValue(own, type);
        }
        if (value instanceof PythonObject) {
            return fromObject((PythonObject) value, type);
        }
        if (raw == void.class || raw == Void.class) {
            return null;
        }
        if (raw == PythonObject.class) {
            return Python.of(value);
        }
        if (raw == Object.class) {
            return Pack.Reader.kept(value);
        }
        if (raw == Optional.class) {
            return Optional.ofNullable(value == null ? null : fromValue(value, resolve(argument(type, raw, 0))));
        }
        if (raw == OptionalInt.class) {
            return value == null ? OptionalInt.empty() : OptionalInt.of((int) fromValue(value, int.class));
        }
        if (raw == OptionalLong.class) {
            return value == null ? OptionalLong.empty() : OptionalLong.of((long) fromValue(value, long.class));
        }
        if (raw == OptionalDouble.class) {
            return value == null ? OptionalDouble.empty() : OptionalDouble.of((double) fromValue(value, double.class));
        }
        if (value == null) {
            if (raw.isPrimitive()) {
                throw cannot("None", type);
            }
            return null;
        }
        boolean text = value instanceof String && raw == char[].class;
        if (raw.isArray() && raw != value.getClass() && !text || isCollection(raw) || Counterparts.GIVES.contains(raw)) {
            return fromElements(elements(value, type).iterator(), type);
        }
        if (Map.class.isAssignableFrom(raw) && value instanceof Map) {
            List<Object> entries = new ArrayList<>();
            ((Map<?, ?>) value).forEach((key, each) -> {
                entries.add(key);
                entries.add(each);
            });
            return map(entries.iterator(), type);
        }
        if (Records.isRecord(raw) && !raw.isInstance(value)) {
            return record(value, type);
        }
        Object found = box(raw).isInstance(value) ? value : scalar(value, raw);
        if (found == null) {
            throw cannot(value, type);
        }
        return found;
    }

    /** A number, text, or what is written as text; null if it is nothing of the kind. */
    @SuppressWarnings({"unchecked", "rawtypes"})
    private static Object scalar(Object value, Class<?> raw) {
        Class<?> box = box(raw);
        if (value instanceof String) {
            String text = (String) value;
            try {
                if (raw.isEnum()) {
                    return Enum.valueOf((Class) raw, text);
                }
                Function<String, Object> parse = FROM_TEXT.get(box == Character.class ? char.class : raw);
                parse = parse == null ? Counterparts.fromText(raw) : parse;
                return parse == null ? null : parse.apply(text);
            } catch (DateTimeException | IllegalArgumentException e) {
                return null;
            }
        }
        Object number = value instanceof Boolean ? (Object) ((Boolean) value ? 1L : 0L) : value;
        if (!(number instanceof Number)) {
            return null;
        }
        if (box == Double.class) {
            return ((Number) number).doubleValue();
        }
        if (box == Float.class) {
            return ((Number) number).floatValue();
        }
        if (box == BigDecimal.class) {
            boolean finite = !(number instanceof Double) || Double.isFinite((Double) number);
            return finite ? new BigDecimal(number.toString()) : null;
        }
        boolean whole = !(number instanceof Double || number instanceof Float || number instanceof BigDecimal);
        return whole ? integer(new BigInteger(number.toString()), box) : null;
    }

    private static Object integer(BigInteger integer, Class<?> box) {
        int bits = integer.bitLength() + 1;
        if (box == Long.class && bits <= Long.SIZE) {
            return integer.longValue();
        } else if (box == Integer.class && bits <= Integer.SIZE) {
            return integer.intValue();
        } else if (box == Short.class && bits <= Short.SIZE) {
            return integer.shortValue();
        } else if (box == Byte.class && bits <= Byte.SIZE) {
            return integer.byteValue();
        }
        if (box == Year.class && bits <= Integer.SIZE && Year.MIN_VALUE <= integer.intValue() && integer.intValue() <= Year.MAX_VALUE) {
            return Year.of(integer.intValue());
        }
        return box == BigInteger.class ? integer : null;
    }

    private static Iterable<?> elements(Object value, Type type) {
        if (value instanceof Iterable) {
            return (Iterable<?>) value;
        }
        if (value.getClass().isArray()) {
            return new ArrayView(value);
        }
        throw cannot(value, type);
    }

    /** Elements as the array, collection, iterator or stream that a type is. */
    private Object fromElements(Iterator<?> elements, Type type) {
        Class<?> raw = raw(type);
        if (Counterparts.GIVES.contains(raw)) {
            return given(elements, type, raw);
        }
        Type wanted = raw.isArray() ? component(type) : argument(type, Iterable.class, 0);
        Collection<Object> into = raw.isArray() ? new ArrayList<>() : emptyCollection(raw, type);
        elements.forEachRemaining(element -> into.add(convert(element, wanted)));
        if (!raw.isArray()) {
            return into;
        }
        Object array = Array.newInstance(raw.getComponentType(), into.size());
        int i = 0;
        for (Object element : into) {
            Array.set(array, i++, element);
        }
        return array;
    }

    /** Elements as what gives them one by one, or as the pair that an entry is. */
    private Object given(Iterator<?> elements, Type type, Class<?> raw) {
        if (raw == Map.Entry.class) {
            Object key = convert(next(elements, type), argument(type, raw, 0));
            Object value = convert(next(elements, type), argument(type, raw, 1));
            if (elements.hasNext()) {
                throw cannot("more than a pair", type);
            }
            return new AbstractMap.SimpleImmutableEntry<>(key, value);
        }
        Class<?> primitive = Counterparts.elementOf(raw);
        Iterator<Object> each = new Converted(elements, primitive != null ? primitive : argument(type, raw, 0));
        return raw == Iterator.class ? each : Counterparts.stream(raw, StreamSupport.stream(
                Spliterators.spliteratorUnknownSize(each, Spliterator.ORDERED), false));
    }

    private static Object next(Iterator<?> elements, Type type) {
        if (!elements.hasNext()) {
            throw cannot("less than a pair", type);
        }
        return elements.next();
    }

    /** Elements that are converted when they are asked for, each in a turn of its own. */
    private final class Converted implements Iterator<Object> {
        private final Iterator<?> elements;
        private final Type type;

        Converted(Iterator<?> elements, Type type) {
            this.elements = elements;
            this.type = type;
        }

        @Override
        public boolean hasNext() {
            try (PythonGIL gil = PythonGIL.enterOrLock()) {
                return elements.hasNext();
            }
        }

        @Override
        public Object next() {
            try (PythonGIL gil = PythonGIL.enterOrLock()) {
                return convert(elements.next(), type);
            }
        }
    }

    private static Collection<Object> emptyCollection(Class<?> raw, Type type) {
        if (raw.isAssignableFrom(ArrayList.class)) {
            return new ArrayList<>();
        } else if (raw.isAssignableFrom(LinkedHashSet.class)) {
            return new LinkedHashSet<>();
        } else if (raw.isAssignableFrom(TreeSet.class)) {
            return new TreeSet<>();
        } else if (raw.isAssignableFrom(ArrayDeque.class)) {
            return new ArrayDeque<>();
        }
        @SuppressWarnings("unchecked")
        Collection<Object> made = (Collection<Object>) made(raw, type);
        return made;
    }

    private Map<Object, Object> map(Iterator<Object> entries, Type type) {
        Class<?> raw = raw(type);
        Map<Object, Object> map;
        if (raw.isAssignableFrom(LinkedHashMap.class)) {
            map = new LinkedHashMap<>();
        } else if (raw.isAssignableFrom(TreeMap.class)) {
            map = new TreeMap<>();
        } else if (raw.isAssignableFrom(ConcurrentHashMap.class)) {
            map = new ConcurrentHashMap<>();
        } else {
            @SuppressWarnings("unchecked")
            Map<Object, Object> made = (Map<Object, Object>) made(raw, type);
            map = made;
        }
        Type key = argument(type, Map.class, 0);
        Type value = argument(type, Map.class, 1);
        while (entries.hasNext()) {
            Object converted = convert(entries.next(), key);
            map.put(converted, convert(entries.next(), value));
        }
        return map;
    }

    private static Object made(Class<?> raw, Type type) {
        try {
            return raw.getConstructor().newInstance();
        } catch (ReflectiveOperationException e) {
            throw new PythonException("There is no way to make a " + type.getTypeName(), e);
        }
    }

    private Object record(Object value, Type type) {
        Class<?> raw = raw(type);
        List<List<String>> names = new ArrayList<>();
        for (String name : Records.names(raw)) {
            names.add(Arrays.asList(name, Names.snake(name)));
        }
        PythonObject from = value instanceof PythonObject ? (PythonObject) value : Python.of(value);
        Iterator<PythonObject> fields = PythonObject.tool("fields").callWide(from, names).iterator();
        Conversion inside = with(type);
        Type[] types = Records.types(raw);
        Object[] components = new Object[types.length];
        for (int i = 0; i < components.length; i++) {
            components[i] = inside.convert(fields.next(), types[i]);
        }
        return Records.make(raw, components);
    }

    private static PythonException cannot(Object value, Type type) {
        String shown;
        try {
            shown = String.valueOf(value);
        } catch (RuntimeException e) {
            shown = value.getClass().getName();
        }
        return new PythonException("Could not convert value to " + type.getTypeName() + ": " + shown);
    }

    /** The class of a primitive type's objects; other classes are themselves. */
    static Class<?> box(Class<?> raw) {
        return raw.isPrimitive() ? BOXES.get(raw) : raw;
    }

    // ---- to Python ----

    /** Whether {@link #toPython} makes a value of a Java object, and not a function or a reference. */
    static boolean isKnown(Object value) {
        for (Class<?> type : TO_PYTHON) {
            if (type.isInstance(value)) {
                return true;
            }
        }
        return Records.isRecord(value.getClass()) || Counterparts.isKnown(value);
    }

    /**
     * A value as something that {@link Pack} writes by itself: a simpler value, an object that somebody holds, or a
     * {@link Pack.Fresh} one that nobody does; the value itself if there is nothing.
     */
    static Object toPython(Object value) {
        if (value instanceof Enum) {
            return ((Enum<?>) value).name();
        } else if (value instanceof CharSequence || value instanceof URI || value instanceof URL) {
            return value.toString();
        } else if (value instanceof Path || value instanceof File) {
            return make("path", value.toString());
        } else if (value instanceof UUID) {
            return make("uuid", value.toString());
        } else if (value instanceof Optional) {
            return ((Optional<?>) value).orElse(null);
        } else if (value instanceof OptionalInt) {
            return ((OptionalInt) value).isPresent() ? ((OptionalInt) value).getAsInt() : null;
        } else if (value instanceof OptionalLong) {
            return ((OptionalLong) value).isPresent() ? ((OptionalLong) value).getAsLong() : null;
        } else if (value instanceof OptionalDouble) {
            return ((OptionalDouble) value).isPresent() ? ((OptionalDouble) value).getAsDouble() : null;
        } else if (value instanceof Instant) {
            return dateTime(((Instant) value).atOffset(ZoneOffset.UTC).toLocalDateTime(), 0, null);
        } else if (value instanceof LocalDateTime) {
            return dateTime((LocalDateTime) value, null, null);
        } else if (value instanceof OffsetDateTime) {
            OffsetDateTime time = (OffsetDateTime) value;
            return dateTime(time.toLocalDateTime(), time.getOffset().getTotalSeconds(), null);
        } else if (value instanceof ZonedDateTime) {
            ZonedDateTime time = (ZonedDateTime) value;
            String zone = time.getZone() instanceof ZoneOffset ? null : time.getZone().getId();
            return dateTime(time.toLocalDateTime(), time.getOffset().getTotalSeconds(), zone);
        } else if (value instanceof LocalDate) {
            LocalDate date = (LocalDate) value;
            return make("date", date.getYear(), date.getMonthValue(), date.getDayOfMonth());
        } else if (value instanceof LocalTime) {
            LocalTime time = (LocalTime) value;
            return make("time", time.getHour(), time.getMinute(), time.getSecond(), time.getNano() / MICRO);
        } else if (value instanceof Duration) {
            return make("duration", ((Duration) value).getSeconds(), ((Duration) value).getNano() / MICRO);
        }
        PythonObject object = Facade.object(value);
        if (object != null) {
            return object;
        } else if (value instanceof Callbacks.Given) {
            return ((Callbacks.Given) value).fresh();
        } else if (Records.isRecord(value.getClass())) {
            return make("record", value.getClass().getSimpleName(), Records.names(value.getClass()), Records.values(value));
        }
        Object other = Counterparts.toPython(value);
        return other == value && Functional.isFunction(value) ? new Callbacks.Given(Functional.of(value), null).fresh() : other;
    }

    private static Pack.Fresh dateTime(LocalDateTime time, Integer offset, String zone) {
        return make("datetime", time.getYear(), time.getMonthValue(), time.getDayOfMonth(), time.getHour(),
                time.getMinute(), time.getSecond(), time.getNano() / MICRO, offset, zone);
    }

    private static Pack.Fresh make(String kind, Object... parts) {
        return PythonObject.tool("make_" + kind).callFresh(parts);
    }

    /** An array of any kind as a list over it. */
    static final class ArrayView extends java.util.AbstractList<Object> {
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
            Array.set(array, index, PLAIN.convert(value, array.getClass().getComponentType()));
            return before;
        }

        @Override
        public int size() {
            return Array.getLength(array);
        }
    }
}
