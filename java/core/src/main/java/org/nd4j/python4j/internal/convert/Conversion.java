// SPDX-License-Identifier: Apache-2.0
// Converts values to the Java type that a program names, generics included. Pack alone converts values for which no
// type is named. Target describes the types. The other way is ToPython.
package org.nd4j.python4j.internal.convert;

import java.io.File;
import java.lang.reflect.Type;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.net.URI;
import java.nio.file.Path;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.OffsetDateTime;
import java.time.Year;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.Date;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;
import java.util.stream.Stream;
import org.nd4j.python4j.Python;
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.PythonObject;
import org.nd4j.python4j.internal.Access;
import org.nd4j.python4j.internal.jni.Callbacks;
import org.nd4j.python4j.internal.jni.Pack;
import org.nd4j.python4j.internal.jni.PackReader;
import org.nd4j.python4j.internal.jni.Run;

/**
 * Conversions to Java types in which some type variables have a known value. All methods need a turn, unless the value
 * is not a Python object.
 */
public final class Conversion {

    /** The conversion in which no type variable has a value: each is replaced by its bound. */
    public static final Conversion PLAIN = new Conversion(Types.NONE);

    /** The functions that read values from text, by the class of the values. */
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
        FROM_TEXT.put(Character.class, text -> text.length() == 1 ? text.charAt(0) : null);
    }

    /** What a text of one of Python's types is read as; any of {@link #FROM_TEXT} for a str. */
    private static final Map<String, List<Class<?>>> FROM_TYPE = new HashMap<>();

    static {
        FROM_TYPE.put("time", Arrays.asList(LocalDate.class, LocalTime.class, LocalDateTime.class, OffsetDateTime.class,
                ZonedDateTime.class, Instant.class, Date.class));
        FROM_TYPE.put("zone", Collections.emptyList());
        FROM_TYPE.put("uuid", Collections.singletonList(UUID.class));
        FROM_TYPE.put("path", Arrays.asList(Path.class, File.class));
    }

    /** The form in which the elements of a container arrive. */
    enum Form {
        /** Elements as {@link PackReader#value} returns them; an object is one without a packed form. */
        VALUE,
        /** The same, read for this conversion alone: a container among them may become the result, or be changed. */
        OWN,
        /** Objects that have not been read yet. */
        OBJECT,
        /** Words of {@code plain} in convert.py. */
        WORDS
    }

    private final Types types;

    private Conversion(Types types) {
        this.types = types;
    }

    /** The conversion with the values that a type gives to the type variables of its superclasses and interfaces. */
    public static Conversion within(Type type) {
        return new Conversion(Types.of(Types.NONE.resolve(type)));
    }

    /** The same in an object of a class of which more is declared. */
    static Conversion within(Class<?> type, Type declared) {
        return new Conversion(Types.of(type, declared));
    }

    /** The target of a type in this conversion. */
    Target target(Type type) {
        return Target.of(types.resolve(type));
    }

    /** Whether values of a type hold Python objects themselves and not copies. */
    public boolean keepsObjects(Type type) {
        return target(type).keepsObjects();
    }

    /** Whether a class is read from text. */
    static boolean isText(Class<?> box) {
        return reader(box) != null;
    }

    private static Function<String, Object> reader(Class<?> box) {
        Function<String, Object> reader = FROM_TEXT.get(box);
        return reader == null ? Counterparts.fromText(box) : reader;
    }

    /** A class with type arguments. */
    public static Type generic(Class<?> raw, Type... arguments) {
        return new Types.Parameterized(null, raw, arguments);
    }

    /**
     * Converts a value to a type.
     *
     * @param value a value that {@link PackReader#value} returned and nobody else has, or any {@link PythonObject}
     * @throws PythonException if this is not possible; the message has the path to the wrong part
     */
    public Object convert(Object value, Type type) {
        try {
            return received(value, target(type), "value");
        } catch (LinkageError | TypeNotPresentException e) { // a class that this type needs
            throw new PythonException("The type " + type.getTypeName() + " cannot be used: " + e, e);
        }
    }

    /** The same for a value that others have, too. @param root what the user knows the value as */
    static Object convert(Object value, Target target, String root) {
        return convert(value, target, root, Form.VALUE);
    }

    /** The same for a value that nobody else has: containers in it may become the result, or be changed. */
    static Object received(Object value, Target target, String root) {
        return convert(value, target, root, Form.OWN);
    }

    private static Object convert(Object value, Target target, String root, Form form) {
        try {
            return value(value, target, form);
        } catch (Mismatch e) {
            throw e.exception(root);
        } catch (StackOverflowError e) {
            throw tooDeep(root);
        }
    }

    static PythonException tooDeep(String root) {
        return new PythonException("The value nests deeper than the stack of this thread holds, or contains itself: " + root);
    }

    /** Converts a value to a type. The caller adds information to a mismatch. */
    static Object value(Object value, Target target) {
        return value(value, target, Form.VALUE);
    }

    private static Object value(Object value, Target target, Form form) {
        return value instanceof PythonObject ? fromObject((PythonObject) value, target, 0) : to(value, target, 0, form);
    }

    /** A value as a type; null if it is null, or none of these. */
    static Object orNull(Object value, Target target) {
        try {
            return value(value, target);
        } catch (Mismatch | StackOverflowError e) {
            return null;
        } catch (PythonException e) {
            if (e.getPythonObject() != null) {
                throw e; // Python code failed, or was stopped
            }
            return null;
        }
    }

    private static Object fromObject(PythonObject object, Target target, int depth) {
        if (target.kind == Target.Kind.PYTHON) {
            return object;
        }
        if (!target.keepsObjects()) {
            Object[] fields = target.kind == Target.Kind.RECORD ? Access.get().values(object, target.record.pythonNames) : null;
            return fields != null ? record(Arrays.asList(fields), target, depth, Form.VALUE)
                    : to(Access.get().read(object, target.numbers()), target, depth, Form.OWN);
        }
        Object own = Access.get().own(object);
        if (own != null || object.isNone()) {
            return to(own, target, depth, Form.VALUE);
        }
        if (target.kind == Target.Kind.MAP) {
            return Containers.map(objects(ask("entries", object, target)), target, depth, Form.OBJECT);
        } else if (target.kind == Target.Kind.OPTIONAL) {
            return Optional.of(fromObject(object, target.part(0), depth + 1));
        }
        return fromOther(object, target, depth);
    }

    static Object one(Object value, Target target, int depth, Form form) {
        return form == Form.OBJECT ? fromObject((PythonObject) value, target, depth)
                : form == Form.WORDS ? fromPlain((List<?>) value, null, target, depth)
                : to(value, target, depth, form);
    }

    private static Object to(Object given, Target target, int depth, Form form) {
        if (target.keeps(given)) {
            return given; // what most values are, without further questions
        }
        if (given instanceof Ahead.Asked) {
            return fromOther(((Ahead.Asked) given).object, target, depth, (Ahead.Asked) given);
        }
        // The numbers of a list, read as what the target ends in. Anywhere else it is a list as any.
        Object value = form == Form.OWN && Run.isOne(given) && given.getClass() != target.raw ? new ArrayView(given) : given;
        if (depth > Pack.MAX_DEPTH) {
            throw new Mismatch(value, target, "It nests deeper than " + Pack.MAX_DEPTH + " levels, or contains itself.");
        }
        if (value instanceof Callbacks.Function) {
            Object own = ((Callbacks.Function) value).object();
            if (own == value && target.kind == Target.Kind.PROXY && !target.raw.isInstance(own)) { // a method of Java's
                return fromOther(Callbacks.callable((Callbacks.Function) own), target, depth);
            } else if (own == value) {
                return own(own, target);
            }
            return target.box.isInstance(own) ? own : to(own instanceof byte[] ? new ArrayView(own) : own, target, depth, Form.VALUE);
        }
        if (value instanceof PythonObject) {
            return fromOther((PythonObject) value, target, depth);
        }
        switch (target.kind) {
            case NOTHING:
                return null;
            case PYTHON:
                return Python.of(value);
            case ANY:
                return anything(value, target);
            case OPTIONAL:
                return optional(value == null ? null : to(value, target.part(0), depth + 1, form), target);
            case FUTURE:
                return CompletableFuture.completedFuture(value == null ? null : to(value, target.part(0), depth + 1, form));
            default:
                if (value == null && target.raw.isPrimitive()) {
                    throw new Mismatch(null, target, null);
                }
                return value == null ? null : present(value, target, depth, form);
        }
    }

    private static Object own(Object own, Target target) {
        if (target.box.isInstance(own)) {
            return own;
        }
        throw new Mismatch(own, target, null);
    }

    private static Object present(Object value, Target target, int depth, Form form) {
        switch (target.kind) {
            case NUMBER:
                return number(value, target, null);
            case TEXT:
            case ENUM:
                return fromText(value, target);
            case ARRAY:
                if (target.raw == value.getClass()) {
                    return value;
                } else if (target.raw == char[].class && value instanceof String) {
                    return ((String) value).toCharArray();
                }
                return Containers.filled(Containers.elements(value, target), target, depth, form, false);
            case COLLECTION:
                return Containers.filled(Containers.elements(value, target), target, depth, form, value instanceof Set);
            case ITERATOR:
            case STREAM:
                return Containers.lazily(Containers.elements(value, target).iterator(), target, form);
            case ENTRY:
                if (value instanceof List) {
                    return Containers.entry((List<?>) value, target, depth, form);
                }
                break;
            case MAP:
                if (value instanceof Map) {
                    return Containers.map((Map<?, ?>) value, target, depth, form);
                }
                break;
            case RECORD:
                if (target.raw.isInstance(value)) {
                    return value;
                } else if (value instanceof Map) {
                    return record(named((Map<?, ?>) value, target), target, depth, form);
                } else if (value instanceof Collection && !(value instanceof Set)) {
                    return record(placed((Collection<?>) value, target), target, depth, form);
                }
                break;
            default:
                if (target.box.isInstance(value)) {
                    return value;
                }
        }
        throw new Mismatch(value, target, null);
    }

    /** @param object what the number is of, null for itself */
    private static Object number(Object value, Target target, PythonObject object) {
        Object number = Numbers.as(value, target.box);
        if (number != null) {
            return number;
        }
        boolean whole = value instanceof Long || value instanceof BigInteger;
        boolean real = target.box == Double.class || target.box == Float.class;
        String advice = null;
        if (whole && real) {
            advice = "The type " + target.raw.getSimpleName() + " cannot hold it exactly: ask for BigInteger.";
        } else if (whole) {
            advice = "It is out of range: ask for a wider type, such as long or BigInteger.";
        } else if (target.box == BigDecimal.class && Numbers.isNegativeZero(value)) {
            advice = "A BigDecimal has no negative zero: use abs() in Python, or ask for double.";
        } else if (value instanceof Double && target.box == Float.class) {
            advice = "It is out of range: ask for a double.";
        } else if (value instanceof BigDecimal && real) {
            advice = "The type " + target.raw.getSimpleName() + " cannot hold it exactly: ask for BigDecimal, or use float() in Python.";
        } else if (value instanceof Double && Double.isFinite((Double) value) || value instanceof BigDecimal) {
            advice = "Ask for double or BigDecimal, or use int() or round() in Python.";
        }
        throw new Mismatch(object == null ? value : object, target, advice);
    }

    /** What is written as text. */
    @SuppressWarnings({"unchecked", "rawtypes"})
    private static Object fromText(Object value, Target target) {
        if (target.raw == Year.class && value instanceof Long && Year.MIN_VALUE <= (Long) value && (Long) value <= Year.MAX_VALUE) {
            return Year.of(((Long) value).intValue());
        }
        if (!(value instanceof String)) {
            throw new Mismatch(value, target, target.raw == String.class ? "Use str() in Python." : null);
        }
        String text = (String) value;
        try {
            Object read = target.kind == Target.Kind.ENUM ? Enum.valueOf((Class) target.raw, text) : reader(target.box).apply(text);
            if (read != null) {
                return read;
            }
            throw new Mismatch(value, target, null);
        } catch (DateTimeException | IllegalArgumentException e) {
            throw new Mismatch(value, target, null);
        } catch (LinkageError e) { // of an enum
            throw Mismatch.unusable(value, target, e);
        }
    }

    private static Object optional(Object value, Target target) {
        if (target.raw == Optional.class) {
            return Optional.ofNullable(value);
        } else if (target.raw == OptionalInt.class) {
            return value == null ? OptionalInt.empty() : OptionalInt.of((int) value);
        } else if (target.raw == OptionalLong.class) {
            return value == null ? OptionalLong.empty() : OptionalLong.of((long) value);
        }
        return value == null ? OptionalDouble.empty() : OptionalDouble.of((double) value);
    }

    // ---- objects without a packed form ----

    private static Object fromOther(PythonObject object, Target target, int depth) {
        return fromOther(object, target, depth, null);
    }

    /** @param known what Python says of the object; null if it has to be asked */
    private static Object fromOther(PythonObject object, Target target, int depth, Ahead.Asked known) {
        Object table = known != null ? null : Tables.of(object, target);
        if (table != null) {
            return table;
        }
        boolean objects = target.keepsObjects();
        switch (target.kind) {
            case NOTHING:
                return null;
            case PYTHON:
                return object;
            case ANY:
                return known == null || Boolean.FALSE.equals(known.answer) ? any(object, target)
                        : known.answer == null ? object : PackReader.kept(((List<?>) known.answer).get(0), Conversion::any);
            case OPTIONAL:
                return optional(fromOther(object, target.part(0), depth + 1, known), target);
            case PROXY:
                return ProxyHandler.of(object, target.type);
            case NUMBER:
                return number(known != null ? known.answer : asked("number", object, target), object, target);
            case FUTURE:
                return Access.get().submitted(object, target.part(0).type);
            case PUBLISHER:
                return Access.get().published(object, target.part(0).type, false);
            case ITERATOR:
            case STREAM:
                if (target.raw == Stream.class && (Boolean) asked("is_asynchronous", object, target)) {
                    return Access.get().published(object, target.part(0).type, true);
                }
                return Containers.lazily(object.iterator(), target, Form.OBJECT);
            case RECORD:
                List<List<String>> names = target.record.pythonNames;
                return objects ? record(objects(ask("fields", object, target, names)), target, depth, Form.OBJECT)
                        : record((List<?>) (known != null ? known.answer : asked("fields", object, target, names)), target, depth, Form.OWN);
            case ENTRY:
                return Containers.entry(objects(ask("objects", object, target)), target, depth, Form.OBJECT);
            case MAP:
                return Containers.map((List<?>) asked("entries", object, target), target, depth, Form.OWN);
            case ARRAY:
            case COLLECTION:
                return elements(object, target, depth, objects);
            default:
                List<?> words = (List<?>) (known != null ? known.answer : asked("plain", object, target));
                if (words != null) {
                    return fromPlain(words, object, target, depth);
                }
                Object found = Access.get().toJavaOrSame(object);
                if (target.box.isInstance(found)) {
                    return found;
                }
                throw new Mismatch(object, target, null);
        }
    }

    private static Object elements(PythonObject object, Target target, int depth, boolean objects) {
        if (target.raw == byte[].class) {
            Object bits = asked("bits", object, target);
            if (bits != null) {
                return bits;
            }
        } else if (target.raw == char[].class) {
            List<?> words = (List<?>) asked("plain", object, target);
            if (words != null && words.get(0).equals("str")) {
                return to(words.get(1), target, depth, Form.VALUE);
            }
        }
        if (objects) {
            return Containers.filled(objects(ask("objects", object, target)), target, depth, Form.OBJECT, false);
        }
        String primitive = Memory.form(target.raw);
        List<?> answer = (List<?>) asked("elements", object, target, primitive, true, target.endsInBytes());
        if (answer == null) {
            try {
                return Memory.copied(object, target.raw);
            } catch (IllegalStateException e) { // more than an array takes
                throw new Mismatch(object, target, e.getMessage());
            }
        }
        if ((Boolean) answer.get(0)) {
            try {
                return Containers.filled((Collection<?>) answer.get(1), target, depth, Form.WORDS, false);
            } catch (Mismatch e) { // the elements themselves may be wanted, and have a text for the message
                answer = (List<?>) asked("elements", object, target, primitive, false, target.endsInBytes());
            }
        }
        return Containers.filled((Collection<?>) answer.get(1), target, depth, Form.OWN, (Boolean) answer.get(2));
    }

    /** What convert.py makes of an object, as a value. */
    private static Object asked(String tool, PythonObject object, Target target, Object... more) {
        return asked("convert", tool, object, target, more);
    }

    /** The same for another one of our Python files. */
    static Object asked(String file, String tool, PythonObject object, Target target, Object... more) {
        List<Object> arguments = new ArrayList<>();
        arguments.add(object);
        arguments.addAll(Arrays.asList(more));
        try {
            return Access.get().callRaw(Access.get().tool(file, tool), Pack.Wanted.ANY, arguments);
        } catch (PythonException e) {
            throw refused(e, object, target);
        }
    }

    /** The same as an object. */
    private static PythonObject ask(String tool, PythonObject object, Target target, Object... more) {
        List<Object> arguments = new ArrayList<>();
        arguments.add(object);
        arguments.addAll(Arrays.asList(more));
        try {
            return Access.get().call(Access.get().tool("convert", tool), arguments.toArray());
        } catch (PythonException e) {
            throw refused(e, object, target);
        }
    }

    private static RuntimeException refused(PythonException e, PythonObject object, Target target) {
        boolean ours = e.getPythonClass().equals("Refused") && e.getPythonModule().equals("python4j");
        return ours ? new Mismatch(object, target, e.getPythonMessage().isEmpty() ? null : e.getPythonMessage()) : e;
    }

    private static List<PythonObject> objects(PythonObject list) {
        List<PythonObject> objects = new ArrayList<>();
        list.iterator().forEachRemaining(objects::add);
        return objects;
    }

    private static Object anything(Object value, Target target) {
        try {
            return PackReader.kept(value, object -> any(object, target));
        } catch (Mismatch e) {
            throw e.foundIn(value);
        }
    }

    private static Object any(PythonObject object, Target target) {
        try {
            return any(object);
        } catch (PythonException e) {
            if (e.getPythonObject() != null && e.getMessage().startsWith(e.getPythonClass())) {
                throw e; // Python code failed, or was stopped
            }
            Throwable why = e.getCause();
            throw new Mismatch(object, target, why instanceof PythonException ? ((PythonException) why).getPythonMessage() : e.getMessage(), e);
        }
    }

    /** An object that may be of any type: as that of which it is a subclass, or the object itself. */
    private static Object any(PythonObject object) {
        Object found = Access.get().toJavaOrSame(object);
        return found != object ? found : base(object);
    }

    /** An object as the built-in type that its class is derived from, or the object itself. */
    static Object base(PythonObject object) {
        try {
            List<?> base = (List<?>) Access.get().callRaw(Access.get().tool("convert", "base"), Pack.Wanted.ANY, Collections.singletonList(object));
            return base == null ? object : PackReader.kept(base.get(0), Conversion::any);
        } catch (StackOverflowError e) {
            throw tooDeep("value");
        }
    }

    /** A number in the words of {@code number} in convert.py. */
    private static Object number(Object found, PythonObject object, Target target) {
        if (!(found instanceof List)) {
            return number(found, target, object);
        }
        List<?> digits = (List<?>) found; // empty where they have no end
        BigDecimal decimal = digits.isEmpty() || target.box == Number.class ? null
                : new BigDecimal((BigInteger) Numbers.as(digits.get(0), BigInteger.class), ((Long) digits.get(1)).intValue());
        Object exact = decimal == null ? null : Numbers.as(decimal, target.box);
        if (exact == null) {
            throw new Mismatch(object, target, "The type " + target.raw.getSimpleName() + " cannot hold it exactly: use float(), int() or round() in Python.");
        }
        return exact;
    }

    /** A value of a library's, in the words of {@code plain} in convert.py. @param object null where only the words are there */
    private static Object fromPlain(List<?> words, PythonObject object, Target target, int depth) {
        String kind = (String) words.get(0);
        Object value = object == null ? words.get(1) : object;
        try {
            switch (kind) {
                case "enum":
                    return to(words.get(target.kind == Target.Kind.ENUM ? 1 : 2), target, depth + 1, Form.VALUE); // the value may be an Enum, too
                case "str":
                    return to(words.get(1), target, depth, Form.VALUE);
                case "duration":
                    if (target.raw == Duration.class) {
                        return Duration.ofSeconds(exact(words.get(1)), exact(words.get(2)));
                    }
                    break;
                case "moment":
                    LocalDateTime moment = LocalDateTime.ofEpochSecond(exact(words.get(1)), ((Long) words.get(2)).intValue(), ZoneOffset.UTC);
                    return moment(moment, (Boolean) words.get(3), value, target);
                case "months":
                    long months = exact(words.get(1));
                    int year = Math.toIntExact(Math.addExact(1970, Math.floorDiv(months, 12L)));
                    return moment(LocalDate.of(year, (int) Math.floorMod(months, 12L) + 1, 1).atStartOfDay(), true, value, target);
                case "bytes":
                    if (target.box.isInstance(words.get(1))) {
                        return words.get(1);
                    }
                    break;
                default:
                    if (FROM_TYPE.get(kind).contains(target.raw) || Counterparts.isOf(kind, target.raw)) {
                        Object read;
                        try {
                            read = fromText(words.get(1), target);
                        } catch (Mismatch e) { // it has the words of the value
                            throw new Mismatch(value, target, null);
                        }
                        return words.get(2) == null ? read : Counterparts.zoned(read, (String) words.get(2));
                    }
            }
        } catch (DateTimeException | ArithmeticException e) {
            throw new Mismatch(value, target, e.getMessage() + ".");
        }
        throw new Mismatch(value, target, target.raw == String.class ? "Use str() in Python." : null);
    }

    private static long exact(Object number) {
        if (number instanceof BigInteger) {
            throw new ArithmeticException("It is out of range");
        }
        return (Long) number;
    }

    /** A time of numpy's, which has no zone: as an instant it is taken for UTC, as numpy does. */
    private static Object moment(LocalDateTime moment, boolean isDate, Object value, Target target) {
        if (target.raw == LocalDateTime.class) {
            return moment;
        } else if (target.raw == LocalDate.class && isDate) {
            return moment.toLocalDate();
        } else if (target.raw == Instant.class) {
            return moment.toInstant(ZoneOffset.UTC);
        } else if (target.raw == Date.class) {
            return new Date(moment.toInstant(ZoneOffset.UTC).toEpochMilli());
        }
        throw new Mismatch(value, target, target.raw == LocalDate.class ? "It is a time: use astype('datetime64[D]') in Python." : null);
    }

    // ---- records ----

    /** A dict's values by the names of a record's components. */
    private static List<Object> named(Map<?, ?> map, Target target) {
        Map<?, ?> known = map instanceof HashMap ? map : new HashMap<>(map); // other maps do not take every key
        List<Object> fields = new ArrayList<>();
        List<String> missing = new ArrayList<>();
        for (List<String> names : target.record.pythonNames) {
            String name = names.stream().filter(known::containsKey).findFirst().orElse(null);
            if (name != null) {
                fields.add(known.get(name));
            } else {
                missing.add("'" + names.get(0) + "'");
            }
        }
        if (!missing.isEmpty()) {
            Map<Object, Object> plain = withTexts(known);
            if (plain != null) {
                return named(plain, target);
            }
            throw new Mismatch(map, target, "It has no " + String.join(", ", missing) + ".");
        }
        return fields;
    }

    /** The map with texts in place of keys that are texts of a class of their own, of numpy's say; null if there is none. */
    private static Map<Object, Object> withTexts(Map<?, ?> map) {
        Map<Object, Object> plain = null;
        for (Map.Entry<?, ?> entry : map.entrySet()) {
            Object key = entry.getKey() instanceof String ? null : to(entry.getKey(), Target.ANY, 0, Form.VALUE);
            if (key instanceof String) {
                plain = plain == null ? new HashMap<>(map) : plain;
                plain.remove(entry.getKey());
                plain.put(key, entry.getValue());
            }
        }
        return plain;
    }

    private static List<?> placed(Collection<?> values, Target target) {
        int count = target.record.names.size();
        if (values.size() != count) {
            throw new Mismatch(values, target, count + " values expected, " + String.join(", ", target.record.names) + ": " + values.size() + " given.");
        }
        return values instanceof List ? (List<?>) values : new ArrayList<>(values);
    }

    private static Object record(List<?> fields, Target target, int depth, Form form) {
        Object[] components = new Object[fields.size()];
        int i = 0;
        try {
            for (; i < components.length; i++) {
                components[i] = one(fields.get(i), target.part(i), depth + 1, form);
            }
        } catch (Mismatch e) {
            throw e.at(target.record.names.get(i), target.raw);
        }
        return target.record.make(components, target);
    }
}
