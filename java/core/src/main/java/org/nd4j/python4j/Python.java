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
 * <p>All methods need a turn of {@link PythonGIL}, except {@link #getCurrentContext}. If Python raises an exception,
 * they throw a {@link PythonException}. A method that names a message below throws it with this message, and Python's
 * exception is the cause. All other messages are {@code TypeName: text}.
 */
public class Python {

    /** The class has only static members. The constructor is public because it is public in upstream. */
    public Python() {}

    /**
     * Imports a module. For a dotted name the result is the innermost module, not the top-level package.
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
     * The value of a number as a float. As in upstream, text is not parsed.
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
     * Converts an object that Python accepts as an integer to an int. As in upstream, text is not parsed and fractions
     * are not truncated.
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

    /**
     * The globals of the current context: the dict itself, not a copy. As in upstream, no {@link PythonGC} frame
     * releases it.
     */
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

    /**
     * Whether an object is an instance of one of the types or of their subclasses. Without types the result is false.
     */
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
     * Converts any Java value that has a counterpart in Python. These are all values that {@link PythonTypes#convert}
     * takes, and {@code java.time} ({@code datetime}; fractions of a microsecond are truncated), UUID, Path and File
     * ({@code pathlib.Path}), enums (their name), {@code Optional} (an empty one is None), URI, URL and CharSequence
     * ({@code str}), records (named tuples) and lambdas ({@link #function}). All of these may be inside containers,
     * too. Containers are copied; {@link #reference} is the alternative. A proxy that {@link PythonObject#asInterface}
     * made becomes its Python object.
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
     * Converts records to columns: a {@code dict} from which pandas, polars and pyarrow make a table, with one column
     * for each component. A column is transferred as a whole; its values do not become Python objects. Components may
     * be numbers, {@code boolean}, {@code char}, String, enums (their names), {@code byte[]}, {@code LocalDate}, {@code
     * LocalTime}, {@code LocalDateTime}, {@code Instant} (in UTC), {@code Duration}, BigDecimal, records, and arrays,
     * collections and Optionals of these. Null and an empty Optional become null.
     *
     * <pre>{@code
     * record Trade(long id, double price) {}
     *
     * PythonExecutioner.setVariable("trades", Python.columns(trades, Trade.class));
     * PythonExecutioner.exec("import polars\nframe = polars.DataFrame(trades)");
     * }</pre>
     *
     * <p>A column can be iterated over. {@code numpy.asarray} makes a numpy array of it, and {@code __arrow_c_array__}
     * an Arrow array. {@link PythonObject#toJava} converts tables back to records. {@link #of} converts records to a
     * list of named tuples instead.
     *
     * @throws PythonException if no column type exists for a component, or a value does not fit into its column; the
     *     message names the row and the column
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
     * <p>Python may call the function from any thread, including threads that Python created, and may keep it. Java
     * holds the function as long as Python has the callable. If the callable is passed back to Java, it is the same
     * function again.
     */
    public static PythonObject function(PythonFunction function) {
        return Callbacks.callable(Functional.of(Objects.requireNonNull(function)));
    }

    /**
     * An object of any functional interface as a Python callable. Arguments are converted to the parameter types of the
     * interface's method as {@link PythonObject#toJava} does: a Python function becomes a proxy where the method takes
     * an interface. If a parameter type is not known, as for a lambda's {@code Function<Long, Long>}, the type of the
     * Python object decides: an int becomes a Long. Results are converted by {@link #of}. Wrong arguments raise {@code
     * TypeError} in Python.
     *
     * <p>Named arguments are passed to the parameters of these names if the interface was compiled with {@code
     * -parameters}. Otherwise they are passed as a {@code Map} if the last parameter has this type.
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
     * @throws PythonException if the object implements no functional interface, or several
     */
    public static PythonObject function(Object function) {
        return Callbacks.callable(Functional.of(Objects.requireNonNull(function)));
    }

    /**
     * Like {@link #function(Object)}, with the interface as an argument, so that the function can be a lambda
     * expression.
     *
     * <pre>{@code
     * PythonObject max = Python.function(IntBinaryOperator.class, (a, b) -> Math.max(a, b));
     * }</pre>
     *
     * @throws PythonException if the type is not a functional interface
     */
    public static <T> PythonObject function(Class<T> type, T function) {
        java.lang.reflect.Method method = type.isInterface() ? Functional.single(type) : null;
        if (method == null) {
            throw new PythonException(type.getName() + " is no functional interface.");
        }
        return Callbacks.callable(Functional.of(Objects.requireNonNull(function), method));
    }

    /**
     * A Java object by reference, see {@link #reference(Object, PythonExposure)}. Python can use only the members of
     * containers and functional interfaces.
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
     * A Java object by reference. Nothing is copied. If the reference is passed back to Java, also inside a container,
     * it is the same Java object again.
     *
     * <p>In Python a Map behaves like a {@code dict}, a List and an array like a {@code list}, and a Set like a {@code
     * set}. A Collection, an Iterable and an Iterator behave like the class of that name in {@code collections.abc}.
     * The references are instances of the classes in {@code collections.abc}, but not of {@code dict} and {@code list}:
     * {@code dict(m)} makes a copy. An object of a functional interface can be called, and an exception can be raised.
     * All other objects can be compared, hashed and passed back. Python can use the members that the exposure allows,
     * by their Java names or in {@code snake_case}. Bean properties and record components are attributes. A {@code
     * Class} has its static members, and a call of it creates an object. A mutable object that a reference returns is a
     * reference itself, with the same exposure; other values are converted. Values that Python puts into a container
     * are converted by {@link PythonObject#toJava} to the class of the container's first element, so that a list of
     * Integers stays one.
     *
     * <p>Each operation is a call of Java, on the calling thread and without the GIL. If several threads use the
     * object, it has to be thread-safe. Java holds the object as long as Python has the reference. A reference cycle
     * through both languages is never freed, because neither garbage collector sees the whole cycle: a Java object with
     * a reference in Python that itself holds a {@code PythonObject} which leads to that reference. {@link
     * PythonObject#close}, or emptying the container, breaks the cycle.
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
     * @param object the object; text, numbers and null are converted to values instead
     * @param exposure the members that Python may use of the object, and of every object that it returns
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
