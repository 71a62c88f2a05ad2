// SPDX-License-Identifier: Apache-2.0
// Python's builtins for Java. The file object.rs implements them. Python objects are instances of PythonObject.
package org.nd4j.python4j;

import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import org.nd4j.python4j.internal.convert.ByReference;
import org.nd4j.python4j.internal.convert.Functional;
import org.nd4j.python4j.internal.convert.TableWriter;
import org.nd4j.python4j.internal.jni.Callbacks;
import org.nd4j.python4j.internal.jni.Native;
import org.nd4j.python4j.internal.jni.Operator;

/**
 * Python's builtins of the same names.
 *
 * <p>All methods need a turn of {@link PythonGIL}, except {@link #getCurrentContext}. Where Python raises,
 * they throw a {@link PythonException}; its message is the one named here, with what Python said as the
 * cause, or else {@code TypeName: text}.
 */
public class Python {

    /** Upstream: the class only has static members and a public constructor all the same. */
    public Python() {}

    /**
     * Imports a module; for a dotted name it is the module of that name itself.
     *
     * @throws PythonException {@code Error importing module: NAME}
     */
    public static PythonObject importModule(String moduleName) {
        Objects.requireNonNull(moduleName);
        try (PythonGIL turn = PythonGIL.enter()) {
            try {
                return PythonObject.apply(Operator.IMPORT, moduleName);
            } catch (PythonInterrupted | PythonTimeout e) {
                throw e;
            } catch (PythonException e) {
                throw new PythonException("Error importing module: " + moduleName, e);
            }
        }
    }

    /** The builtin of a name. */
    public static PythonObject attr(String attrName) {
        return PythonObject.apply(Operator.BUILTIN, Objects.requireNonNull(attrName));
    }

    /**
     * The length of an object, as an int.
     *
     * @throws PythonException {@code Object has no length: TEXT}
     */
    public static PythonObject len(PythonObject pythonObject) {
        pythonObject.handle();
        try (PythonGIL turn = PythonGIL.enter()) {
            try {
                return PythonObject.apply(Operator.LEN, pythonObject);
            } catch (PythonInterrupted | PythonTimeout e) {
                throw e;
            } catch (PythonException e) {
                throw new PythonException("Object has no length: " + text(pythonObject, e), e);
            }
        }
    }

    /** {@code str(object)}. */
    public static PythonObject str(PythonObject pythonObject) {
        return PythonObject.apply(
                Operator.CALL, attr("str"), Collections.singletonList(Objects.requireNonNull(pythonObject)), null);
    }

    /** The empty string. */
    public static PythonObject str() {
        return make("str");
    }

    /** The type {@code str}. */
    public static PythonObject strType() {
        return attr("str");
    }

    /**
     * The value of a number as a float. Upstream: text is not parsed.
     *
     * @throws PythonException {@code Could not convert value to float: TEXT}
     */
    public static PythonObject float_(PythonObject pythonObject) {
        return convert(pythonObject, PythonTypes.FLOAT);
    }

    /** 0.0. */
    public static PythonObject float_() {
        return make("float");
    }

    /** The type {@code float}. */
    public static PythonObject floatType() {
        return attr("float");
    }

    /** {@code bool(object)}. */
    public static PythonObject bool(PythonObject pythonObject) {
        return make("bool", "Cannot build bool from object: ", pythonObject);
    }

    /** {@code False}. */
    public static PythonObject bool() {
        return make("bool");
    }

    /** The type {@code bool}. */
    public static PythonObject boolType() {
        return attr("bool");
    }

    /**
     * What Python takes as an integer, as an int. Upstream: text is not parsed and fractions are not cut off.
     *
     * @throws PythonException {@code Could not convert value to int: TEXT}
     */
    public static PythonObject int_(PythonObject pythonObject) {
        return convert(pythonObject, PythonTypes.INT);
    }

    /** 0. */
    public static PythonObject int_() {
        return make("int");
    }

    /** The type {@code int}. */
    public static PythonObject intType() {
        return attr("int");
    }

    /**
     * {@code list(object)}.
     *
     * @throws PythonException {@code Object is not iterable: TEXT}
     */
    public static PythonObject list(PythonObject pythonObject) {
        return make("list", "Object is not iterable: ", pythonObject);
    }

    /** An empty list. */
    public static PythonObject list() {
        return make("list");
    }

    /** The type {@code list}. */
    public static PythonObject listType() {
        return attr("list");
    }

    /**
     * {@code dict(object)}.
     *
     * @throws PythonException {@code Cannot build dict from object: TEXT}
     */
    public static PythonObject dict(PythonObject pythonObject) {
        return make("dict", "Cannot build dict from object: ", pythonObject);
    }

    /** An empty dict. */
    public static PythonObject dict() {
        return make("dict");
    }

    /** The type {@code dict}. */
    public static PythonObject dictType() {
        return attr("dict");
    }

    /**
     * {@code set(object)}.
     *
     * @throws PythonException {@code Cannot build set from object: TEXT}
     */
    public static PythonObject set(PythonObject pythonObject) {
        return make("set", "Cannot build set from object: ", pythonObject);
    }

    /** An empty set. */
    public static PythonObject set() {
        return make("set");
    }

    /** The type {@code set}. */
    public static PythonObject setType() {
        return attr("set");
    }

    /**
     * {@code bytearray(object)}.
     *
     * @throws PythonException {@code Cannot build bytearray from object: TEXT}
     */
    public static PythonObject bytearray(PythonObject pythonObject) {
        return make("bytearray", "Cannot build bytearray from object: ", pythonObject);
    }

    /** An empty bytearray. */
    public static PythonObject bytearray() {
        return make("bytearray");
    }

    /** The type {@code bytearray}. */
    public static PythonObject bytearrayType() {
        return attr("bytearray");
    }

    /**
     * {@code memoryview(object)}.
     *
     * @throws PythonException {@code Cannot build memoryview from object: TEXT}
     */
    public static PythonObject memoryview(PythonObject pythonObject) {
        return make("memoryview", "Cannot build memoryview from object: ", pythonObject);
    }

    /** The type {@code memoryview}. */
    public static PythonObject memoryviewType() {
        return attr("memoryview");
    }

    /**
     * {@code bytes(object)}.
     *
     * @throws PythonException {@code Cannot build bytes from object: TEXT}
     */
    public static PythonObject bytes(PythonObject pythonObject) {
        return make("bytes", "Cannot build bytes from object: ", pythonObject);
    }

    /** Empty bytes. */
    public static PythonObject bytes() {
        return make("bytes");
    }

    /** The type {@code bytes}. */
    public static PythonObject bytesType() {
        return attr("bytes");
    }

    /**
     * {@code tuple(object)}.
     *
     * @throws PythonException {@code Cannot build tuple from object: TEXT}
     */
    public static PythonObject tuple(PythonObject pythonObject) {
        return make("tuple", "Cannot build tuple from object: ", pythonObject);
    }

    /** The empty tuple. */
    public static PythonObject tuple() {
        return make("tuple");
    }

    /** The type {@code tuple}. */
    public static PythonObject tupleType() {
        return attr("tuple");
    }

    /** {@code Exception(object)}. */
    public static PythonObject Exception(PythonObject pythonObject) {
        return make("Exception", "Cannot build Exception from object: ", pythonObject);
    }

    /** {@code Exception()}. */
    public static PythonObject Exception() {
        return make("Exception");
    }

    /** The type {@code Exception}. */
    public static PythonObject ExceptionType() {
        return attr("Exception");
    }

    /** The globals of the current context: the dict itself, not a copy. Upstream: no {@link PythonGC} frame gives it back. */
    public static PythonObject globals() {
        try (PythonGIL turn = PythonGIL.enter(); PythonGC unframed = PythonGC.pause()) {
            long space = PythonGIL.space();
            return space == 0 ? PythonObject.apply(Operator.GLOBALS)
                    : new PythonObject(Native.handleAdopt(Native.handleAddress(space), false, PythonGC.frame()), PythonGC.frame());
        }
    }

    /** The type of an object. */
    public static PythonObject type(PythonObject obj) {
        return PythonObject.apply(Operator.TYPE, Objects.requireNonNull(obj));
    }

    /** Whether an object is of one of the types or their subclasses; false for no types. */
    public static boolean isinstance(PythonObject obj, PythonObject... type) {
        return PythonObject.test(Operator.IS_INSTANCE, Objects.requireNonNull(obj), Arrays.asList(type));
    }

    /**
     * The value of an expression in the current context.
     *
     * @throws PythonException if it raises; if it does not compile, with the message
     *     {@code Execution failed, unable to retrieve python exception.}
     */
    public static PythonObject eval(String expression) {
        return PythonExecutioner.eval(expression);
    }

    /** The module {@code builtins}. */
    public static PythonObject builtins() {
        return importModule("builtins");
    }

    /** {@code None}. */
    public static PythonObject None() {
        return new PythonObject((Object) null);
    }

    /** {@code True}. */
    public static PythonObject True() {
        return new PythonObject((Object) true);
    }

    /** {@code False}. */
    public static PythonObject False() {
        return new PythonObject((Object) false);
    }

    /** Whether an object can be called. */
    public static boolean callable(PythonObject pythonObject) {
        return PythonObject.test(Operator.CALLABLE, Objects.requireNonNull(pythonObject));
    }

    /**
     * Any Java value that has a counterpart in Python: all that {@link PythonTypes#convert} takes, and
     * {@code java.time} ({@code datetime}; what is finer than a microsecond is cut off), UUID, Path and File
     * ({@code pathlib.Path}), enums (their name), {@code Optional} (empty is None), URI, URL and CharSequence
     * ({@code str}), records (named tuples) and lambdas ({@link #function}); all of it inside containers too, which
     * are copied, see {@link #reference} for the alternative. A proxy that {@link PythonObject#asInterface} made is
     * its Python object.
     *
     * <pre>{@code
     * try (PythonGIL gil = PythonGIL.lock()) {
     *     PythonObject days = Python.of(Arrays.asList(LocalDate.of(2024, 2, 29)));
     *     System.out.println(days); // [datetime.date(2024, 2, 29)]
     * }
     * }</pre>
     *
     * @throws PythonException if there is no counterpart
     */
    public static PythonObject of(Object value) {
        return value instanceof PythonObject ? (PythonObject) value : PythonObject.wide(value);
    }

    /**
     * Records as columns: a {@code dict} that pandas, polars and pyarrow make a table of, with a column for each component.
     * Each crosses at once, with no Python object for a value. Components are numbers, {@code boolean}, {@code char}, String,
     * enums (their names), {@code byte[]}, {@code LocalDate}, {@code LocalTime}, {@code LocalDateTime}, {@code Instant} (in UTC), {@code Duration},
     * BigDecimal, records, and arrays, collections and Optionals of these; null and an empty Optional are null.
     *
     * <pre>{@code
     * record Trade(long id, double price) {}
     *
     * PythonExecutioner.setVariable("trades", Python.columns(trades, Trade.class));
     * PythonExecutioner.exec("import polars\nframe = polars.DataFrame(trades)");
     * }</pre>
     *
     * <p>A column can be iterated over, and is an array of numpy's by {@code numpy.asarray} and one of Arrow's by
     * {@code __arrow_c_array__}. The way back is {@link PythonObject#toJava}. {@link #of} makes a list of named tuples of records.
     *
     * @throws PythonException if a component has no type of column, or a value does not fit into its; the message has the row
     *     and the column
     */
    public static <T> PythonObject columns(Collection<? extends T> rows, Class<T> type) {
        Objects.requireNonNull(rows);
        Objects.requireNonNull(type);
        try (PythonGIL turn = PythonGIL.enter()) {
            return TableWriter.columns(rows, type);
        }
    }

    /**
     * A Java function as a Python callable, with positional and named arguments.
     *
     * <pre>{@code
     * try (PythonGIL gil = PythonGIL.lock()) {
     *     PythonExecutioner.setVariable("count", Python.function((args, named) -> args.size()));
     *     System.out.println(Python.eval("count(1, 2, 3)")); // 3
     * }
     * }</pre>
     *
     * <p>Python may call it from any thread, its own ones included, and keep it: Java holds the function as long
     * as Python has the callable. Where that comes back to Java it is the function again.
     */
    public static PythonObject function(PythonFunction function) {
        return Callbacks.callable(Functional.of(Objects.requireNonNull(function)));
    }

    /**
     * An object of any functional interface as a Python callable. Arguments are converted to the types of the
     * interface's method as {@link PythonObject#toJava} does: Python functions become proxies where the method
     * takes an interface. Where the type is not known, as for a lambda's {@code Function<Long, Long>}, they are what
     * the type of the Python object says: an int is a Long. Results are converted by {@link #of}. Wrong arguments
     * are a {@code TypeError} in Python.
     *
     * <p>Named arguments go to the parameters of these names if the interface was compiled with
     * {@code -parameters}, or else into a last parameter of type {@code Map}.
     *
     * <pre>{@code
     * try (PythonGIL gil = PythonGIL.lock()) {
     *     Map<String, Long> stock = new HashMap<>();
     *     BiFunction<String, Long, Long> add = (name, n) -> stock.merge(name, n, Long::sum);
     *     PythonExecutioner.setVariable("add", Python.function(add));
     *     PythonExecutioner.exec("add('apples', 3)\nadd('apples', 4)");
     *     System.out.println(stock); // {apples=7}
     * }
     * }</pre>
     *
     * @throws PythonException if the object has none or several functional interfaces
     */
    public static PythonObject function(Object function) {
        return Callbacks.callable(Functional.of(Objects.requireNonNull(function)));
    }

    /**
     * The same with the interface named, so that a lambda can stand here.
     *
     * <pre>{@code
     * PythonObject max = Python.function(IntBinaryOperator.class, (a, b) -> Math.max(a, b));
     * }</pre>
     *
     * @throws PythonException if it is no functional interface
     */
    public static <T> PythonObject function(Class<T> type, T function) {
        java.lang.reflect.Method method = type.isInterface() ? Functional.single(type) : null;
        if (method == null) {
            throw new PythonException(type.getName() + " is no functional interface.");
        }
        return Callbacks.callable(Functional.of(Objects.requireNonNull(function), method));
    }

    /**
     * A Java object by reference, see {@link #reference(Object, PythonExposure)}, with no members to use but those
     * of containers and functional interfaces.
     *
     * <pre>{@code
     * try (PythonGIL gil = PythonGIL.lock()) {
     *     List<String> names = new ArrayList<>();
     *     PythonExecutioner.setVariable("names", Python.reference(names));
     *     PythonExecutioner.exec("names += ['Ada', 'Grace']\nnames[-1] = names[-1].upper()");
     *     System.out.println(names); // [Ada, GRACE]
     * }
     * }</pre>
     */
    public static PythonObject reference(Object object) {
        return reference(object, PythonExposure.none());
    }

    /**
     * A Java object by reference: nothing is copied, and where it comes back to Java, inside containers too, it is
     * the very same object.
     *
     * <p>In Python a Map behaves like a {@code dict}, a List and an array like a {@code list}, a Set like a {@code set}, a
     * Collection, Iterable and Iterator like what {@code collections.abc} has of that name, and they are instances of
     * those classes (of {@code dict} and {@code list} they are not: {@code dict(m)} copies). An object of a functional interface can
     * be called, and an exception be raised. Other objects can be compared, hashed and handed back. Members of objects can be used as far as
     * the exposure allows, by their names in Java or in {@code snake_case}; bean properties and record components are attributes; a
     * {@code Class} has its static members and is called to make objects. What comes out of a reference and can change is a reference itself, with the same
     * exposure; other values are converted. Into containers go values as {@link PythonObject#toJava} has them for the class of
     * the first element that is there, so that a list of Integers stays one.
     *
     * <p>Each operation is a call of Java, on the thread that does it and without the GIL; the object has to bear
     * the threads that use it. Java holds the object as long as Python has the reference. A Java object that Python
     * refers to and that itself holds, as a {@code PythonObject}, what refers to it in Python is never freed: neither side sees
     * the whole circle. Break it with {@link PythonObject#close} or by emptying the container.
     *
     * <pre>{@code
     * try (PythonGIL gil = PythonGIL.lock()) {
     *     Thread thread = Thread.currentThread();
     *     PythonExposure exposure = PythonExposure.none().allow(Thread.class, "getName");
     *     PythonExecutioner.setVariable("thread", Python.reference(thread, exposure));
     *     System.out.println(Python.eval("thread.get_name()")); // main
     * }
     * }</pre>
     *
     * @param object text, numbers and null cross as values
     * @param exposure what may be used of it, and of everything that comes out of it
     * @see <a href="https://github.com/python4j/python4j/blob/main/docs/glossary.md#reference">reference</a>
     */
    public static PythonObject reference(Object object, PythonExposure exposure) {
        Objects.requireNonNull(exposure);
        try (PythonGIL turn = PythonGIL.enter()) {
            return object instanceof PythonObject ? (PythonObject) object : ByReference.of(object, exposure);
        }
    }

    /** See {@link PythonContextManager#setContext}. */
    public static void setContext(String context) {
        PythonContextManager.setContext(context);
    }

    /** See {@link PythonContextManager#getCurrentContext}. */
    public static String getCurrentContext() {
        return PythonContextManager.getCurrentContext();
    }

    /** See {@link PythonContextManager#deleteContext}. */
    public static void deleteContext(String context) {
        PythonContextManager.deleteContext(context);
    }

    /** See {@link PythonContextManager#reset}. */
    public static void resetContext() {
        PythonContextManager.reset();
    }

    /** See {@link PythonExecutioner#exec(String)}. */
    public static void exec(String code) throws PythonException {
        PythonExecutioner.exec(code);
    }

    /** See {@link PythonExecutioner#exec(String, List, List)}. */
    @SuppressWarnings("rawtypes") // Upstream
    public static void exec(String code, List<PythonVariable> inputs, List<PythonVariable> outputs) {
        PythonExecutioner.exec(code, inputs, outputs);
    }

    private static <T> PythonObject convert(PythonObject object, PythonType<T> type) {
        try (PythonGIL turn = PythonGIL.enter()) {
            return type.toPython(type.toJava(object));
        }
    }

    private static PythonObject make(String type) {
        return PythonObject.apply(Operator.CALL, attr(type), Collections.emptyList(), null);
    }

    private static PythonObject make(String type, String message, PythonObject from) {
        from.handle(); // no object is another error than one of the wrong kind
        try (PythonGIL turn = PythonGIL.enter()) {
            try {
                return PythonObject.apply(Operator.CALL, attr(type), Collections.singletonList(from), null);
            } catch (PythonInterrupted | PythonTimeout e) {
                throw e;
            } catch (PythonException e) {
                throw new PythonException(message + text(from, e), e);
            }
        }
    }

    /** What an object says of itself, for a message; the first failure if it is gone or cannot say it. */
    private static String text(PythonObject object, PythonException first) {
        try {
            return object.toString();
        } catch (PythonException e) {
            if (e.getMessage().equals(first.getMessage())) {
                throw first;
            }
            return "<" + e.getMessage() + ">";
        }
    }
}
