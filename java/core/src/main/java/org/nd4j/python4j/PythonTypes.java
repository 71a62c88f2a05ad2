// SPDX-License-Identifier: Apache-2.0
// The types that both languages know: the built-in ones, and those that users register. Pack and pack.rs
// convert the values themselves.
package org.nd4j.python4j;

import java.io.File;
import java.lang.ref.Reference;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.ServiceConfigurationError;
import java.util.ServiceLoader;
import org.nd4j.python4j.internal.jni.Handles;
import org.nd4j.python4j.internal.jni.Pack;
import org.nd4j.python4j.internal.start.Interpreter;
import org.slf4j.LoggerFactory;

/**
 * The Python types that have a counterpart in Java.
 *
 * <p>Inside containers, and where a type is inferred, the exact type of a Python object decides. An int becomes a Long,
 * or a BigInteger if it has more than 64 bits. A float becomes a Double, a bool a Boolean, a str a String, and bytes a
 * byte[]. A list, a tuple, a range and a view of a dict become an ArrayList, a dict a LinkedHashMap, and a set and a
 * frozenset a LinkedHashSet. A Decimal becomes a BigDecimal, and None becomes null. A numpy scalar becomes a Long, a
 * Double or a Boolean. All other types need a registered {@link PythonType}.
 */
@SuppressWarnings({"rawtypes", "unchecked"}) // Upstream: the public signatures are raw
public class PythonTypes {

    /** The class has only static members. The constructor is public because it is public in upstream. */
    public PythonTypes() {}

    /** The types that cross packed. */
    private abstract static class BuiltIn<T> extends PythonType<T> {
        private final int wanted;
        private final String castName;

        BuiltIn(String typeName, Class<T> javaType, int wanted, String castName) {
            super(typeName, javaType);
            this.wanted = wanted;
            this.castName = castName;
        }

        @Override
        public T adapt(Object javaObject) {
            if (super.accepts(Objects.requireNonNull(javaObject))) {
                return (T) javaObject;
            }
            throw cannotCast(javaObject, castName);
        }

        @Override
        public T toJava(PythonObject pythonObject) {
            Object value = pythonObject.convert(wanted);
            if (value != null && !super.accepts(value)) { // an object of Java's own, see Python.reference
                throw cannotCast(value, castName);
            }
            return (T) value;
        }

        @Override
        public PythonObject toPython(T javaObject) {
            return new PythonObject((Object) javaObject);
        }

        @Override
        int wanted() {
            return wanted;
        }

        @Override
        Object packed(Object value) {
            return adapt(value);
        }
    }

    /** {@code str} and String. It reads any object, as {@code str(object)}. */
    public static final PythonType<String> STR = new BuiltIn<>("str", String.class, Pack.Wanted.STR, "String") {};

    /** {@code int} and Long. It reads all objects that Python accepts as an integer of at most 64 bits. */
    public static final PythonType<Long> INT = new BuiltIn<>("int", Long.class, Pack.Wanted.INT, "Long") {
        @Override
        public Long adapt(Object javaObject) {
            if (!(javaObject instanceof Number)) {
                return super.adapt(javaObject);
            }
            if (!fits((Number) javaObject)) {
                throw new PythonException("Could not convert value to int: " + javaObject);
            }
            return ((Number) javaObject).longValue();
        }

        /** Whether a BigDecimal, its fraction cut off, or a BigInteger has 64 bits at most; all others have. */
        private boolean fits(Number number) {
            if (number instanceof BigDecimal) {
                BigDecimal decimal = (BigDecimal) number;
                long digits = (long) decimal.precision() - decimal.scale(); // before the point
                return decimal.signum() == 0 || digits <= 0 || digits <= 19 && fits(decimal.toBigInteger());
            }
            return !(number instanceof BigInteger) || ((BigInteger) number).bitLength() < Long.SIZE;
        }

        @Override
        public boolean accepts(Object javaObject) {
            return javaObject instanceof Integer || javaObject instanceof Long;
        }
    };

    /** {@code float} and Double. It reads all objects that Python accepts as a number. */
    public static final PythonType<Double> FLOAT = new BuiltIn<>("float", Double.class, Pack.Wanted.FLOAT, "Long") {
        // Upstream: the message of a failed cast says Long here, too.
        @Override
        public Double adapt(Object javaObject) {
            return javaObject instanceof Number ? (Double) ((Number) javaObject).doubleValue() : super.adapt(javaObject);
        }

        @Override
        public boolean accepts(Object javaObject) {
            return javaObject instanceof Float || javaObject instanceof Double;
        }
    };

    /** {@code bool} and Boolean. It reads any object, as its truth value. */
    public static final PythonType<Boolean> BOOL = new BuiltIn<>("bool", Boolean.class, Pack.Wanted.BOOL, "Boolean") {};

    /** {@code list} and List. It reads every Python sequence, including text, and accepts every Java array. */
    public static final PythonType<List> LIST = new BuiltIn<>("list", List.class, Pack.Wanted.LIST, "List") {
        @Override
        public List adapt(Object javaObject) {
            return javaObject.getClass().isArray() ? elements(javaObject) : super.adapt(javaObject);
        }

        @Override
        public boolean accepts(Object javaObject) {
            return javaObject instanceof List || javaObject != null && javaObject.getClass().isArray();
        }
    };

    /** {@code dict} and Map. The order of the entries is kept. It reads dicts and their subclasses. */
    public static final PythonType<Map> DICT = new BuiltIn<>("dict", Map.class, Pack.Wanted.DICT, "Map") {};

    /** {@code bytes} and byte[]. It reads no other type. */
    public static final PythonType<byte[]> BYTES = new BuiltIn<>("bytes", byte[].class, Pack.Wanted.BYTES, "byte[]") {};

    /** Whatever it is: Java gets the {@link PythonObject}. Not listed among the types. */
    static final PythonType<Object> OBJECT = new PythonType<>("object", Object.class) {
        @Override
        public Object toJava(PythonObject pythonObject) {
            return pythonObject;
        }

        @Override
        public PythonObject toPython(Object javaObject) {
            return convert(javaObject);
        }
    };

    private static final List<PythonType> BUILT_IN =
            Collections.unmodifiableList(Arrays.asList(STR, INT, FLOAT, BOOL, BYTES, new NoneType(), LIST, DICT));

    /** The types of users, looked for when first needed. */
    private static final class Registered {
        static final List<PythonType<?>> TYPES = load();

        private static List<PythonType<?>> load() {
            List<PythonType<?>> types = new ArrayList<>();
            ClassLoader own = PythonTypes.class.getClassLoader();
            List<String> named = Interpreter.types();
            if (named != null) {
                for (String name : named) {
                    try {
                        types.add((PythonType<?>) Class.forName(name, true, own).getDeclaredConstructor().newInstance());
                    } catch (ReflectiveOperationException | ClassCastException | LinkageError e) {
                        leftOut(name, e);
                    }
                }
                return Collections.unmodifiableList(types);
            }
            ClassLoader context = Thread.currentThread().getContextClassLoader();
            load(own, types);
            if (context != null && context != own) {
                load(context, types);
            }
            return Collections.unmodifiableList(types);
        }

        private static void load(ClassLoader from, List<PythonType<?>> types) {
            Iterator<PythonType> found = ServiceLoader.load(PythonType.class, from).iterator();
            while (true) {
                try {
                    if (!found.hasNext()) {
                        return;
                    }
                    PythonType<?> type = found.next();
                    if (!types.contains(type)) {
                        types.add(type);
                    }
                } catch (ServiceConfigurationError e) {
                    leftOut(e.getMessage(), e);
                }
            }
        }

        /** One that lacks its own libraries must not take the others, or Python, away. */
        private static void leftOut(String which, Throwable e) {
            LoggerFactory.getLogger(PythonTypes.class).warn("A Python type is left out: " + which, e);
        }
    }

    /** All types: first the built-in ones, then the registered ones. This method needs no turn. */
    public static List<PythonType> get() {
        List<PythonType> all = new ArrayList<>(BUILT_IN);
        all.addAll(Registered.TYPES);
        return all;
    }

    /**
     * The type with the given name. This method needs no turn.
     *
     * @throws PythonException if there is none
     */
    public static <T> PythonType<T> get(String name) {
        for (PythonType type : BUILT_IN) {
            if (type.getName().equals(name)) {
                return type;
            }
        }
        for (PythonType type : Registered.TYPES) {
            if (type.getName().equals(name)) {
                return type;
            }
        }
        throw new PythonException("Unknown python type: " + name);
    }

    /**
     * The first type that accepts a Java object; for null it is NoneType. This method needs no turn.
     *
     * @throws PythonException if there is none
     */
    public static PythonType getPythonTypeForJavaObject(Object javaObject) {
        for (PythonType type : get()) {
            if (type.accepts(javaObject)) {
                return type;
            }
        }
        throw new PythonException("Unable to find python type for java type: " + javaObject.getClass());
    }

    /**
     * The type of which a Python object is a direct instance. Instances of subclasses are not accepted.
     *
     * @throws PythonException if there is no such type, or the thread has no turn
     */
    public static <T> PythonType<T> getPythonTypeForPythonObject(PythonObject pythonObject) {
        try (PythonGIL turn = PythonGIL.enter()) {
            PythonObject type = Python.type(pythonObject);
            try {
                PythonType found = find(type, true);
                if (found == null) {
                    throw noConverter(type);
                }
                return found;
            } finally {
                type.del();
            }
        }
    }

    /**
     * Converts any Java value that has a counterpart in Python: null, text, numbers, Boolean, arrays, List,
     * Set, Map and Iterable of such values, PythonObject (as it is), and values of registered types.
     *
     * @throws PythonException if the value has no counterpart in Python, or the thread has no turn
     */
    public static PythonObject convert(Object javaObject) {
        return javaObject instanceof PythonObject ? (PythonObject) javaObject : new PythonObject(javaObject);
    }

    // ---- for this package ----

    /** The types of users. Needs no turn. */
    static List<PythonType<?>> registered() {
        return Registered.TYPES;
    }

    /** The folders that registered types want on {@code sys.path}. Does not enter Python. */
    static List<File> packages() {
        List<File> folders = new ArrayList<>();
        for (PythonType<?> type : Registered.TYPES) {
            try {
                File[] packages = type.packages();
                for (File folder : packages == null ? new File[0] : packages) {
                    folders.add(Objects.requireNonNull(folder, "a folder is null"));
                }
            } catch (RuntimeException | LinkageError e) {
                throw new PythonException("The packages() of " + type.getClass().getName() + " failed: " + e, e);
            }
        }
        return folders;
    }

    /** Python has started: each type may prepare itself. What the first one throws is thrown at the end. */
    static void init() {
        RuntimeException failure = null;
        for (PythonType<?> type : Registered.TYPES) {
            try {
                type.init();
            } catch (RuntimeException e) {
                if (failure == null) {
                    failure = e;
                } else {
                    failure.addSuppressed(e);
                }
            }
        }
        if (failure != null) {
            throw failure;
        }
    }

    /**
     * An object that is of no built-in type, as the registered type makes it. Needs a turn.
     *
     * @throws PythonException if there is none
     */
    static Object toJava(PythonObject object) {
        PythonObject type = Python.type(object);
        try {
            PythonType<?> found = find(type, false);
            if (found == null) {
                boolean decimal = text(type, "__module__").equals("decimal") && text(type, "__name__").equals("Decimal");
                throw decimal ? new PythonException("Decimal('" + object + "') has no counterpart in Java's BigDecimal: "
                        + "convert it with float() in Python.") : noConverter(type);
            }
            return found.toJava(object);
        } finally {
            type.del();
        }
    }

    /** The same, or the object itself if there is no type for it. */
    static Object toJavaOrSame(PythonObject object) {
        PythonType<?> type = registeredTypeOf(object);
        return type == null ? object : type.toJava(object);
    }

    /** What {@link #registeredTypeOf} compares with: Python types, or names where there is none. */
    static List<Object> registeredNames() {
        List<Object> names = new ArrayList<>();
        for (PythonType<?> registered : Registered.TYPES) {
            PythonObject own = registered.pythonType();
            names.add(own == null ? registered.getName() : own);
        }
        return names;
    }

    /** The registered type that an object of no built-in type is exactly of, or null. Needs a turn. */
    static PythonType<?> registeredTypeOf(PythonObject object) {
        if (Registered.TYPES.isEmpty()) {
            return null;
        }
        PythonObject type = Python.type(object);
        try {
            return find(type, false);
        } finally {
            type.del();
        }
    }

    private static PythonType<?> find(PythonObject type, boolean builtInToo) {
        String name = text(type, "__qualname__");
        String module = text(type, "__module__");
        if (builtInToo && module.equals("builtins")) {
            for (PythonType<?> builtIn : BUILT_IN) {
                if (builtIn.getName().equals(name)) {
                    return builtIn;
                }
            }
        }
        for (PythonType<?> registered : Registered.TYPES) {
            PythonObject own = registered.pythonType();
            boolean same = own == null
                    ? registered.getName().equals(module + "." + name) || registered.getName().equals(name)
                    : Handles.isSame(own.handle(), type.handle());
            Reference.reachabilityFence(own);
            if (same) {
                return registered;
            }
        }
        Reference.reachabilityFence(type);
        return null;
    }

    private static String text(PythonObject object, String attr) {
        PythonObject value = object.attr(attr);
        try {
            return value.toString();
        } finally {
            value.del();
        }
    }

    private static PythonException noConverter(PythonObject type) {
        return new PythonException("Unable to find converter for python object of type " + type, new PythonException(
                "Convert it in Python, a subclass for example by dict(), list() or str(); or take PythonObject.toJava(type); "
                        + "or register a PythonType."));
    }

    private static List<Object> elements(Object array) {
        int length = java.lang.reflect.Array.getLength(array);
        List<Object> elements = new ArrayList<>(length);
        for (int i = 0; i < length; i++) {
            Object element = java.lang.reflect.Array.get(array, i);
            // Upstream: bytes in a list count from 0 to 255, as Python's do.
            elements.add(array instanceof byte[] ? (Object) (((Byte) element) & 0xFF) : element);
        }
        return elements;
    }
}
