// SPDX-License-Identifier: Apache-2.0
// Java methods as Python calls them: methods of functional interfaces, methods of allowed classes, and
// constructors. Overloads selects one of several methods. Callbacks describes how calls cross the border.
package org.nd4j.python4j.internal.convert;

import java.lang.reflect.Constructor;
import java.lang.reflect.Executable;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.Parameter;
import java.lang.reflect.Type;
import java.time.temporal.TemporalAccessor;
import java.time.temporal.TemporalAmount;
import java.util.AbstractMap;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.LongBinaryOperator;
import java.util.function.LongUnaryOperator;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.nd4j.python4j.Python;
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.PythonExposure;
import org.nd4j.python4j.PythonFunction;
import org.nd4j.python4j.internal.Access;
import org.nd4j.python4j.internal.jni.Callbacks;
import org.nd4j.python4j.internal.jni.Pack;

/** One or more methods with the same name, bound to an object. */
public final class Functional implements Callbacks.Function {

    /** A method with the data that reflection would copy at each call. */
    static final class Shape {
        final Executable method;
        final Target[] types;
        final Target result; // null for a constructor
        final Class<?>[] classes;
        final String[] names; // null where they are not known
        final String[] shown; // what messages call the parameters

        Shape(Executable method, Conversion conversion) {
            this.method = method;
            this.classes = method.getParameterTypes();
            Type[] generic = method.getGenericParameterTypes();
            Type[] declared = generic.length == classes.length ? generic : classes; // an inner class's constructor
            this.types = Arrays.stream(declared).map(conversion::target).toArray(Target[]::new);
            this.result = method instanceof Method ? conversion.target(((Method) method).getGenericReturnType()) : null;
            Parameter[] parameters = method.getParameters();
            this.names = new String[parameters.length];
            this.shown = new String[parameters.length];
            for (int i = 0; i < names.length; i++) {
                names[i] = parameters[i].isNamePresent() ? parameters[i].getName() : null;
                shown[i] = names[i] == null ? "argument " + (i + 1) : names[i];
            }
        }

        boolean takes(int count, Class<?>... result) {
            return method instanceof Method && classes.length == count
                    && (result.length == 0 || Arrays.asList(result).contains(((Method) method).getReturnType()));
        }

        /** The text for a message. */
        String text(String name) {
            return Arrays.stream(classes).map(Class::getTypeName).collect(Collectors.joining(", ", name + "(", ")"));
        }
    }

    /** The methods of a class with the same name. They are computed once. */
    static final class Methods {
        final Shape[] shapes;
        final String name;
        final boolean objects; // whether one takes Python objects as they are
        private final Shape only; // the method, if it is one and takes a fixed number of arguments

        Methods(List<? extends Executable> methods, String name, Conversion conversion) {
            this(methods.stream().map(method -> new Shape(method, conversion)).toArray(Shape[]::new), name);
        }

        /** The same methods with other values of the type variables. */
        Methods within(Conversion conversion) {
            return new Methods(Arrays.stream(shapes).map(shape -> shape.method).collect(Collectors.toList()), name, conversion);
        }

        private Methods(Shape[] shapes, String name) {
            this.shapes = shapes;
            this.name = name;
            this.only = shapes.length == 1 && !shapes[0].method.isVarArgs() ? shapes[0] : null;
            this.objects = Arrays.stream(shapes).flatMap(shape -> Arrays.stream(shape.types)).anyMatch(Target::keepsObjects);
        }

        /** The method, if there is one alone, and it takes so many arguments; null otherwise. */
        Shape only(int count) {
            return only != null && only.classes.length == count ? only : null;
        }

        /** The method without parameters and with a result; null if there is none. */
        Methods getter() {
            return those(shape -> shape.takes(0) && !shape.takes(0, void.class));
        }

        /** The methods with one parameter; null if there are none. */
        Methods setter() {
            return those(shape -> shape.takes(1) && !shape.method.isVarArgs());
        }

        boolean isBoolean() {
            return shapes[0].takes(0, boolean.class, Boolean.class);
        }

        private Methods those(Predicate<Shape> wanted) {
            Shape[] fitting = Arrays.stream(shapes).filter(wanted).toArray(Shape[]::new);
            return fitting.length == 0 ? null : new Methods(fitting, name);
        }
    }

    private final Object receiver; // null for static methods and constructors
    private final Object self; // what it is where it comes back
    private final Methods methods;
    private final PythonExposure exposure; // null: results cross as values
    private final int longs; // the number of arguments of an operator on longs, 0 for every other method

    private Functional(Object receiver, Object self, Methods methods, PythonExposure exposure) {
        Class<?> declaring = self == null ? null : methods.shapes[0].method.getDeclaringClass();
        this.longs = declaring == LongUnaryOperator.class ? 1 : declaring == LongBinaryOperator.class ? 2 : 0;
        this.receiver = receiver;
        this.self = self;
        this.methods = methods;
        this.exposure = exposure;
    }

    /** An object of a functional interface. */
    public static Callbacks.Function of(Object function) {
        Kind kind = KINDS.get(function.getClass());
        if (kind.single == null) {
            throw new PythonException(function.getClass().getName() + kind.refusal);
        }
        return of(function, kind.single, kind.methods);
    }

    /** An object's method of a functional interface. */
    public static Callbacks.Function of(Object function, Method method) {
        Kind kind = KINDS.get(function.getClass());
        return of(function, method, method.equals(kind.single) ? kind.methods : null);
    }

    private static Callbacks.Function of(Object function, Method method, Methods known) {
        if (method.getDeclaringClass() == PythonFunction.class) {
            return new Any((PythonFunction) function);
        }
        return new Functional(function, function, known == null ? methods(method, Conversion.within(function.getClass())) : known, null);
    }

    private static Methods methods(Method method, Conversion conversion) {
        method.trySetAccessible();
        return new Methods(Collections.singletonList(method), method.getName(), conversion);
    }

    /**
     * A value that is passed to Python, in which each function has the parameter types of its declaration, because the
     * class of a lambda does not have its type arguments. Without such a function it is the value itself.
     */
    static Object typed(Object value, Target declared) {
        return declared == null || !declared.keepsObjects() ? value : typed(value, declared, 0);
    }

    private static Object typed(Object value, Target declared, int depth) {
        if (value == null || !declared.keepsObjects() || depth > Pack.MAX_DEPTH || ProxyHandler.object(value) != null) {
            return value;
        }
        switch (declared.kind) {
            case PROXY:
                Method method = declared.type == declared.raw || value instanceof Iterable || !isFunction(value) ? null : single(declared.raw);
                return method == null ? value
                        : new Callbacks.Given(of(value, method, methods(method, Conversion.within(declared.type))), null);
            case OPTIONAL:
                Object content = ToPython.content(value);
                Object function = content == value ? value : typed(content, declared.part(0), depth + 1);
                return function == content ? value : function;
            case ENTRY:
                Map.Entry<?, ?> entry = (Map.Entry<?, ?>) value;
                return new AbstractMap.SimpleImmutableEntry<>(
                        typed(entry.getKey(), declared.part(0), depth + 1), typed(entry.getValue(), declared.part(1), depth + 1));
            case MAP:
                Map<Object, Object> map = new LinkedHashMap<>();
                ((Map<?, ?>) value).forEach((key, each) -> map.put(
                        typed(key, declared.part(0), depth + 1), typed(each, declared.part(1), depth + 1)));
                return map;
            case RECORD:
                return ToPython.named(value, declared, each -> typed(each.getKey(), each.getValue(), depth + 1));
            case ARRAY:
            case COLLECTION:
            case ITERATOR:
            case STREAM:
                Collection<Object> all = value instanceof Set ? new LinkedHashSet<>() : new ArrayList<>();
                Iterator<?> elements = value instanceof Object[] ? Arrays.asList((Object[]) value).iterator()
                        : value instanceof Iterable ? ((Iterable<?>) value).iterator() : Counterparts.iterator(value);
                elements.forEachRemaining(each -> all.add(typed(each, declared.part(0), depth + 1)));
                return all;
            default:
                return value;
        }
    }

    /** Methods of an object, or of a class if that is null. */
    static Functional bound(Object receiver, Methods methods, PythonExposure exposure) {
        return new Functional(receiver, null, methods, exposure);
    }

    /** A {@link PythonFunction}, which takes all arguments unchanged. */
    private static final class Any implements Callbacks.Function {
        private final PythonFunction function;

        Any(PythonFunction function) {
            this.function = function;
        }

        @Override
        public Object call(List<?> arguments, Map<?, ?> named) throws Exception {
            return function.call(arguments, named == null ? new LinkedHashMap<>() : named);
        }

        @Override
        public Object object() {
            return function;
        }
    }

    // ---- which method ----

    /** The effect of a call of an object of a class. It is stored with the class. */
    private static final PerClass<Kind> KINDS = new PerClass<>() {
        @Override
        protected Kind compute(Class<?> type) {
            return new Kind(type);
        }
    };

    private static final class Kind {
        final boolean isFunction;
        final Method single; // null if there is no such one
        final Methods methods; // null for a PythonFunction
        final String refusal;

        Kind(Class<?> type) {
            List<Class<?>> all = interfaces(type);
            List<Class<?>> best = new ArrayList<>(all);
            if (best.size() > 1) {
                best.removeIf(each -> !isMarked(each));
            }
            single = best.size() == 1 ? single(best.get(0)) : null;
            methods = single == null || single.getDeclaringClass() == PythonFunction.class ? null : methods(single, Conversion.within(type));
            isFunction = isValue(type) ? false : type.isSynthetic() ? !all.isEmpty() : all.stream().anyMatch(Functional::isMarked);
            refusal = all.isEmpty() ? " implements no functional interface."
                    : " implements several functional interfaces: name one with Python.function(type, object).";
        }
    }

    /** Whether a value is meant to be called: a lambda, or an object of an interface that is marked as functional. */
    static boolean isFunction(Object value) {
        return KINDS.get(value.getClass()).isFunction;
    }

    /** Whether an interface says that it is one function: by annotation, or as Kotlin's and Scala's do, by name. */
    private static boolean isMarked(Class<?> type) {
        return type.isAnnotationPresent(FunctionalInterface.class)
                || type.getName().matches("(kotlin\\.jvm\\.functions|scala)\\.Function\\d+");
    }

    /**
     * Whether objects of a class are values although an interface of theirs is functional: a date adjusts others, an
     * enum's constant may be a strategy, and Scala's collections and case classes extend its functions.
     */
    private static boolean isValue(Class<?> type) {
        if (Enum.class.isAssignableFrom(type) || TemporalAccessor.class.isAssignableFrom(type)
                || TemporalAmount.class.isAssignableFrom(type) || Records.isRecord(type)) {
            return true;
        }
        Set<Class<?>> all = new LinkedHashSet<>();
        for (Class<?> at = type; at != null; at = at.getSuperclass()) {
            collect(at, all);
        }
        return all.stream().anyMatch(each -> each.getName().equals("scala.Product") || each.getName().startsWith("scala.collection."));
    }

    /**
     * The functional interfaces of a class, without those that another one extends. Of the JDK's, those that are
     * marked as such: a class is not there to be called because it is Comparable or Iterable.
     */
    private static List<Class<?>> interfaces(Class<?> type) {
        Set<Class<?>> all = new LinkedHashSet<>();
        for (Class<?> at = type; at != null; at = at.getSuperclass()) {
            for (Class<?> each : at.getInterfaces()) {
                collect(each, all);
            }
        }
        List<Class<?>> functional = new ArrayList<>();
        for (Class<?> each : all) {
            boolean meant = type.isSynthetic() || !each.getName().startsWith("java.") || each.isAnnotationPresent(FunctionalInterface.class);
            if (meant && single(each) != null && all.stream().noneMatch(
                    other -> other != each && each.isAssignableFrom(other) && single(other) != null)) {
                functional.add(each);
            }
        }
        return functional;
    }

    private static void collect(Class<?> type, Set<Class<?>> all) {
        all.add(type);
        for (Class<?> each : type.getInterfaces()) {
            collect(each, all);
        }
    }

    /** The only abstract method of an interface; null if it has none or several. */
    public static Method single(Class<?> type) {
        Method found = null;
        for (Method method : type.getMethods()) {
            if (!Modifier.isAbstract(method.getModifiers()) || isOfObject(method)) {
                continue;
            }
            boolean same = found != null && found.getName().equals(method.getName())
                    && found.getParameterCount() == method.getParameterCount();
            if (found != null && !same) {
                return null;
            }
            // Of a method and the one that it narrows, the one of the interface further down.
            if (found == null || found.getDeclaringClass().isAssignableFrom(method.getDeclaringClass())) {
                found = method;
            }
        }
        return found;
    }

    private static boolean isOfObject(Method method) {
        try {
            return Modifier.isPublic(Object.class.getMethod(method.getName(), method.getParameterTypes()).getModifiers());
        } catch (NoSuchMethodException e) {
            return false;
        }
    }

    // ---- the call ----

    @Override
    public boolean raw() {
        return true;
    }

    @Override
    public boolean objects() {
        return methods.objects;
    }

    @Override
    public Object ofLongs(int count) {
        return count == longs ? receiver : null;
    }

    @Override
    public String name() {
        return methods.name;
    }

    @Override
    public Object object() {
        return self == null ? this : self;
    }

    /** Whether one of the methods can be called with {@code count} arguments. */
    boolean takes(int count) {
        return Arrays.stream(methods.shapes).anyMatch(shape -> shape.method.isVarArgs() || shape.classes.length == count);
    }

    @Override
    public Object call(List<?> arguments, Map<?, ?> named) throws Throwable {
        Shape only = named == null || named.isEmpty() ? methods.only(arguments.size()) : null;
        if (only != null) {
            return call(only, Overloads.converted(methods, only, arguments.toArray()));
        }
        Overloads.Chosen chosen = Overloads.choose(methods, arguments, named == null ? Collections.emptyMap() : named);
        return call(chosen.shape, chosen.arguments);
    }

    @Override
    public Object few(Object first, Object second) throws Throwable {
        Shape only = methods.only(second == null ? 1 : 2);
        return only == null ? Callbacks.Function.super.few(first, second)
                : call(only, Overloads.converted(methods, only, second == null ? new Object[] {first} : new Object[] {first, second}));
    }

    private Object call(Shape shape, Object[] arguments) throws Throwable {
        Object result = invoke(shape.method, arguments);
        return exposure == null ? typed(result, shape.result) : ByReference.shown(result, exposure, shape.result);
    }

    private Object invoke(Executable method, Object[] arguments) throws Throwable {
        try {
            return method instanceof Method
                    ? ((Method) method).invoke(receiver, arguments)
                    : ((Constructor<?>) method).newInstance(arguments);
        } catch (InvocationTargetException e) {
            throw e.getCause();
        } catch (IllegalArgumentException e) {
            throw otherClasses(arguments);
        }
    }

    /**
     * The arguments are of the declared types. A lambda casts to its own ones in a frame that is not shown, so that newer JDKs
     * take that for their own refusal, and drop the exception that says more.
     */
    private static ClassCastException otherClasses(Object[] arguments) {
        String classes = Arrays.stream(arguments).map(each -> each == null ? "null" : each.getClass().getName()).collect(Collectors.joining(", "));
        return new ClassCastException("The function was written for other classes than " + classes);
    }
}
