// SPDX-License-Identifier: Apache-2.0
// Selects the Java method that a call from Python means among several methods of one name. docs/callbacks.md
// states the order of the choice; it never depends on the order of reflection. Functional then calls the
// method.
package org.nd4j.python4j.internal.convert;

import java.io.File;
import java.lang.reflect.Method;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.UUID;
import org.nd4j.python4j.Python;
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.PythonObject;
import org.nd4j.python4j.internal.Access;
import org.nd4j.python4j.internal.jni.Callbacks;
import org.nd4j.python4j.internal.jni.Pack;

/** One call for which a method is selected. */
final class Overloads {

    private static final Object EMPTY = new Object();

    /** How far a value is from a parameter's type. Smaller is better; what stands in between is finer. */
    private static final int NEVER = -1;
    private static final int INSTANCE = 10;
    private static final int NEAR = 20;
    private static final int FAR = 40;
    private static final int TEXT = 60;
    private static final int OBJECT = 90;

    private static final List<Class<?>> OF_INT = Arrays.asList(Long.class, Integer.class, BigInteger.class, Short.class,
            Byte.class, Double.class, Float.class, BigDecimal.class);
    /** A time with a zone fits no type before OffsetDateTime, one without a zone none after LocalDateTime. */
    private static final List<String> OF_TIME = Arrays.asList("LocalDate", "LocalDateTime", "OffsetDateTime", "ZonedDateTime", "Instant",
            "LocalTime", "OffsetTime");

    private static final List<Class<?>> OF_FLOAT = Arrays.asList(Double.class, Float.class, BigDecimal.class);

    /** A method and its arguments, converted to Java. */
    static final class Chosen {
        final Functional.Shape shape;
        final Object[] arguments;

        Chosen(Functional.Shape shape, Object[] arguments) {
            this.shape = shape;
            this.arguments = arguments;
        }
    }

    /** A method whose parameters can hold all arguments. */
    private static final class Candidate {
        final Functional.Shape shape;
        final Object[] places;
        final boolean spread; // whether the last place is a list of values one by one
        int[] distances;
        Class<?>[] types;
        Object[] converted;

        Candidate(Functional.Shape shape, Object[] places, boolean spread) {
            this.shape = shape;
            this.places = places;
            this.spread = spread;
        }

        /** Whether this fits better than another one. */
        boolean beats(Candidate other) {
            if (spread != other.spread) {
                return !spread;
            }
            if (distances.length != other.distances.length) {
                return false;
            }
            boolean nearer = false;
            boolean same = true;
            boolean narrower = true;
            for (int i = 0; i < distances.length; i++) {
                if (distances[i] > other.distances[i]) {
                    return false;
                }
                nearer |= distances[i] < other.distances[i];
                same &= types[i] == other.types[i];
                narrower &= other.types[i].isAssignableFrom(types[i]);
            }
            return nearer || narrower && !same;
        }
    }

    private final Functional.Methods methods;
    private final List<?> arguments;
    private final Map<?, ?> named;
    private Map<Object, Object> read; // the values of objects, once somebody asked for one
    private PythonException failed;

    private Overloads(Functional.Methods methods, List<?> arguments, Map<?, ?> named) {
        this.methods = methods;
        this.arguments = arguments;
        this.named = named;
    }

    /**
     * The method for these arguments.
     *
     * @throws Callbacks.Raise a TypeError if none fits, or several do equally well
     */
    static Chosen choose(Functional.Methods methods, List<?> arguments, Map<?, ?> named) {
        return new Overloads(methods, arguments, named).choose();
    }

    /** The arguments for the only method, which takes so many. They are converted where they are. */
    static Object[] converted(Functional.Methods methods, Functional.Shape only, Object[] places) {
        try {
            return convert(only, places);
        } catch (PythonException e) {
            throw refused(methods, e);
        }
    }

    private static Object[] convert(Functional.Shape shape, Object[] places) {
        for (int i = 0; i < places.length; i++) {
            places[i] = Conversion.convert(places[i], shape.types[i], shape.shown[i]);
        }
        return places;
    }

    private static RuntimeException refused(Functional.Methods methods, PythonException e) {
        // Otherwise Python code failed while its value was converted, or was stopped.
        return e.getPythonObject() != null ? e : new Callbacks.Raise("TypeError", methods.name + "(): " + e.getMessage());
    }

    private Chosen choose() {
        List<Candidate> left = new ArrayList<>();
        for (Functional.Shape shape : methods.shapes) {
            if (!shape.method.isVarArgs()) {
                add(left, shape, arrange(shape, false), false);
                continue;
            }
            int last = shape.classes.length - 1;
            if (arguments.size() <= last || arguments.size() == last + 1 && isWhole(arguments.get(last))) {
                add(left, shape, arrange(shape, false), false);
            }
            add(left, shape, arrange(shape, true), true);
        }
        if (left.isEmpty()) {
            throw new Callbacks.Raise("TypeError", refusal());
        }
        if (left.size() > 1) {
            left.removeIf(candidate -> !measured(candidate));
        }
        while (!left.isEmpty()) {
            List<Candidate> best = new ArrayList<>(left);
            best.removeIf(candidate -> left.stream().anyMatch(other -> other != candidate && other.beats(candidate)));
            List<Candidate> failing = new ArrayList<>(best);
            failing.removeIf(this::converts);
            if (failing.isEmpty() && best.size() == 1) {
                return new Chosen(best.get(0).shape, best.get(0).converted);
            } else if (failing.isEmpty()) {
                throw new Callbacks.Raise("TypeError", methods.name + "(): the arguments fit several methods of Java equally well: "
                        + texts(best));
            }
            left.removeAll(failing);
        }
        if (failed != null && (methods.shapes.length == 1 || failed.getPythonObject() != null)) {
            throw refused(methods, failed);
        }
        throw new Callbacks.Raise("TypeError", refusal() + (failed == null ? "" : ". " + failed.getMessage()));
    }

    private static void add(List<Candidate> to, Functional.Shape shape, Object[] places, boolean spread) {
        if (places != null) {
            to.add(new Candidate(shape, places, spread));
        }
    }

    private boolean converts(Candidate candidate) {
        try {
            if (candidate.converted == null) {
                candidate.converted = convert(candidate.shape, candidate.places.clone());
            }
            return true;
        } catch (PythonException e) {
            if (e.getPythonObject() != null && !e.getPythonClass().equals("TypeError")) {
                throw e; // Python code failed while its value was converted, or was stopped
            }
            failed = failed == null ? e : failed;
            if (candidate.types != null && Arrays.stream(candidate.types).anyMatch(Overloads::takesElements)
                    && arguments.stream().anyMatch(Overloads::isIterator)) {
                throw refused(methods, e); // another method would miss the elements that this one has read
            }
            return false;
        }
    }

    private static boolean takesElements(Class<?> type) {
        return type.isArray() || Iterable.class.isAssignableFrom(type);
    }

    private static boolean isIterator(Object argument) {
        return argument instanceof PythonObject && (Boolean) Access.get().callRaw(
                Access.get().tool("is_iterator"), Pack.Wanted.ANY, Collections.singletonList(argument));
    }

    private String texts(List<Candidate> candidates) {
        TreeSet<String> texts = new TreeSet<>();
        candidates.forEach(candidate -> texts.add(candidate.shape.text(methods.name)));
        return String.join(", ", texts);
    }

    private String refusal() {
        String given = arguments.size() + " arguments" + (named.isEmpty() ? "" : " and the names " + named.keySet());
        if (methods.shapes.length > 1) {
            TreeSet<String> texts = new TreeSet<>();
            Arrays.asList(methods.shapes).forEach(shape -> texts.add(shape.text(methods.name)));
            return "no method " + methods.name + "() of Java takes these " + given + ". There are " + String.join(", ", texts);
        }
        String[] names = methods.shapes[0].names;
        boolean known = names.length > 0 && names[0] != null;
        return methods.name + "() takes " + names.length + " arguments, " + given + " were given"
                + (named.isEmpty() || known ? "" : "; the names of its parameters are not known (javac -parameters)");
    }

    // ---- places ----

    /** The arguments in the places of the parameters; null if they do not fit. */
    private Object[] arrange(Functional.Shape shape, boolean spread) {
        int count = shape.classes.length;
        int single = spread ? count - 1 : count;
        if (arguments.size() > count && !spread) {
            return null;
        }
        Object[] places = new Object[count];
        Arrays.fill(places, EMPTY);
        for (int i = 0; i < Math.min(single, arguments.size()); i++) {
            places[i] = arguments.get(i);
        }
        if (spread && arguments.size() >= single) {
            places[single] = new ArrayList<>(arguments.subList(single, arguments.size()));
        }
        Map<Object, Object> rest = new LinkedHashMap<>(named);
        for (int i = 0; i < count && !rest.isEmpty(); i++) {
            for (Object name : named.keySet()) {
                String own = shape.names[i];
                if (places[i] == EMPTY && own != null && (own.equals(name) || Names.all(own).contains(name))) {
                    places[i] = rest.remove(name);
                }
            }
        }
        if (!rest.isEmpty()) {
            boolean takesNames = count > 0 && places[count - 1] == EMPTY && shape.classes[count - 1] == Map.class;
            if (!takesNames) {
                return null;
            }
            places[count - 1] = rest; // what Python calls **named
        }
        return Arrays.asList(places).contains(EMPTY) ? null : places;
    }

    /** Whether the last argument is all that a variable number of them takes: an array, list, tuple or range, not text. */
    private boolean isWhole(Object argument) {
        Object value = value(argument);
        if (value instanceof PythonObject) {
            return (Boolean) Access.get().callRaw(Access.get().tool("is_array"), Pack.Wanted.ANY, Collections.singletonList(value));
        }
        return value instanceof Collection || value != null && value.getClass().isArray()
                || argument instanceof PythonObject && value != null && !(value instanceof String || value instanceof Number
                        || value instanceof Boolean || value instanceof Map);
    }

    /** An argument as Python has it: the value of an object, or the Java object that a reference is. */
    private Object value(Object argument) {
        Object value = argument;
        if (argument instanceof PythonObject) {
            read = read == null ? new IdentityHashMap<>() : read;
            value = read.computeIfAbsent(argument, object -> {
                Object exact = Access.get().read((PythonObject) object);
                return exact instanceof PythonObject ? Conversion.base((PythonObject) exact) : exact;
            });
        }
        return value instanceof Callbacks.Function ? ((Callbacks.Function) value).object() : value;
    }

    // ---- distances ----

    /** Works out how far a candidate's types are from its arguments; false if one never becomes its type. */
    private boolean measured(Candidate candidate) {
        int last = candidate.places.length - 1;
        List<Object> values = new ArrayList<>(Arrays.asList(candidate.places));
        List<Class<?>> types = new ArrayList<>(Arrays.asList(candidate.shape.classes));
        if (candidate.spread) {
            List<?> rest = (List<?>) values.remove(last);
            Class<?> component = types.remove(last).getComponentType();
            values.addAll(rest);
            types.addAll(Collections.nCopies(rest.size(), component));
        }
        candidate.types = types.toArray(new Class<?>[0]);
        candidate.distances = new int[candidate.types.length];
        for (int i = 0; i < candidate.types.length; i++) {
            candidate.distances[i] = distance(values.get(i), candidate.types[i]);
            if (candidate.distances[i] == NEVER) {
                return false;
            }
        }
        return true;
    }

    private int distance(Object argument, Class<?> primitive) {
        Class<?> type = Target.box(primitive);
        Object value = value(argument);
        if (value == null) {
            return primitive.isPrimitive() ? NEVER : 0;
        } else if (type == Object.class) {
            return OBJECT;
        } else if (value.getClass() == type && !(value instanceof PythonObject)) {
            return 0;
        } else if (value instanceof Long || value instanceof BigInteger) {
            return number(OF_INT, value, type);
        } else if (value instanceof Double || value instanceof BigDecimal) {
            return number(OF_FLOAT, value, type);
        } else if (value instanceof Boolean) {
            int at = OF_INT.indexOf(type);
            return type.isInstance(value) ? INSTANCE : at >= 0 ? NEAR + at : FAR;
        } else if (value instanceof String) {
            return type.isInstance(value) ? INSTANCE : type == Character.class ? NEAR : FAR + time(type);
        } else if (value instanceof PythonObject) {
            return object((PythonObject) value, type);
        }
        Method single = value instanceof Functional && type.isInterface() ? Functional.single(type) : null;
        if (single != null) {
            return ((Functional) value).takes(single.getParameterCount()) ? result(single) : NEVER;
        }
        // A container, or an object of Java's that Python has by reference.
        return type.isInstance(value) ? INSTANCE : type.isArray() ? NEAR : Collection.class.isAssignableFrom(type) ? NEAR + 5 : FAR;
    }

    private static int number(List<Class<?>> order, Object value, Class<?> type) {
        int at = order.indexOf(type);
        return at >= 0 ? at + 1 : type.isInstance(value) || type == Number.class ? NEAR : TEXT;
    }

    private static int object(PythonObject object, Class<?> type) {
        if (type == PythonObject.class) {
            return FAR;
        }
        Method single = type.isInterface() && type != Iterable.class ? Functional.single(type) : null;
        if (single != null) {
            // None: it can neither be called so nor has it a method of that name.
            Object suits = Access.get().callRaw(Access.get().tool("suits"), Pack.Wanted.ANY,
                    Arrays.asList(object, new ArrayList<>(Names.all(single.getName())), single.getParameterCount()));
            return suits == null ? NEVER : 2 * ((Long) suits).intValue() + result(single);
        }
        boolean known = type.getName().startsWith("java.time.") || type == Path.class || type == UUID.class;
        boolean text = CharSequence.class.isAssignableFrom(type) || type == File.class;
        return known || type.isArray() ? NEAR + time(type) : text ? TEXT : type.isInterface() ? FAR : NEAR + 5;
    }

    /** A time's place in the order of times, which is before all others. */
    private static int time(Class<?> type) {
        int at = type.getName().startsWith("java.time.") ? OF_TIME.indexOf(type.getSimpleName()) : -1;
        return at < 0 ? 0 : at - OF_TIME.size();
    }

    /** Functions have results, and one that wants none is farther. */
    private static int result(Method single) {
        return single.getReturnType() == void.class ? 1 : 0;
    }
}
