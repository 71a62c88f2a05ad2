// SPDX-License-Identifier: Apache-2.0
// Java methods as Python calls them: those of functional interfaces, of allowed classes, and
// constructors. What travels, and how, is in Callbacks; what types mean, in Conversion.
package org.nd4j.python4j.internal.convert;

import java.lang.reflect.Constructor;
import java.lang.reflect.Executable;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.Parameter;
import java.lang.reflect.Type;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.PythonExposure;
import org.nd4j.python4j.PythonFunction;
import org.nd4j.python4j.PythonObject;
import org.nd4j.python4j.internal.Access;
import org.nd4j.python4j.internal.jni.Callbacks;

/** One or more methods of one name, bound to an object. */
public final class Functional implements Callbacks.Function {

    private static final Object EMPTY = new Object();

    /** A method with what reflection would copy at each call. */
    private static final class Shape {
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
    }

    private final Object receiver; // null for static methods and constructors
    private final Object self; // what it is where it comes back
    private final Shape[] shapes;
    private final String name;
    private final PythonExposure exposure; // null: results cross as values
    private final boolean objects;

    private Functional(
            Object receiver, Object self, List<? extends Executable> methods, String name, PythonExposure exposure, Conversion conversion) {
        this.receiver = receiver;
        this.self = self;
        this.shapes = methods.stream().map(method -> new Shape(method, conversion)).toArray(Shape[]::new);
        this.name = name;
        this.exposure = exposure;
        this.objects = Arrays.stream(shapes).flatMap(shape -> Arrays.stream(shape.types)).anyMatch(Target::keepsObjects);
    }

    /** An object of a functional interface. */
    public static Callbacks.Function of(Object function) {
        return of(function, single(function));
    }

    /** An object's method of a functional interface. */
    public static Callbacks.Function of(Object function, Method method) {
        if (method.getDeclaringClass() == PythonFunction.class) {
            return new Any((PythonFunction) function);
        }
        return of(function, method, Conversion.within(function.getClass()));
    }

    private static Callbacks.Function of(Object function, Method method, Conversion conversion) {
        method.trySetAccessible();
        return new Functional(function, function, Collections.singletonList(method), method.getName(), null, conversion);
    }

    /** Whether a type is an interface with arguments that values of it may have forgotten; null is none. */
    static boolean isTyped(Target type) {
        return type != null && type.kind == Target.Kind.PROXY && type.type != type.raw;
    }

    /** A function whose declaration knows the arguments of its type; a lambda's class has forgotten them. */
    static Object typed(Object value, Target declared) {
        if (!isTyped(declared) || value == null || value instanceof Iterable || !isFunction(value) || ProxyHandler.object(value) != null) {
            return value;
        }
        Method method = single(declared.raw);
        return method == null ? value : new Callbacks.Given(of(value, method, Conversion.within(declared.type)), null);
    }

    /** Methods of an object, or of a class if that is null. */
    static Functional bound(Object receiver, List<Executable> methods, String name, PythonExposure exposure) {
        Conversion conversion = receiver == null ? Conversion.PLAIN : Conversion.within(receiver.getClass());
        return new Functional(receiver, null, methods, name, exposure, conversion);
    }

    /** A {@link PythonFunction}, which takes everything as it comes. */
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

    /** Whether a value is there to be called: a lambda, or of an interface marked as functional. */
    static boolean isFunction(Object value) {
        if (value.getClass().isSynthetic()) {
            return !interfaces(value.getClass()).isEmpty();
        }
        return interfaces(value.getClass()).stream().anyMatch(each -> each.isAnnotationPresent(FunctionalInterface.class));
    }

    /** The one method that calling an object means. */
    private static Method single(Object function) {
        List<Class<?>> all = interfaces(function.getClass());
        List<Class<?>> best = new ArrayList<>(all);
        if (best.size() > 1) {
            best.removeIf(each -> !each.isAnnotationPresent(FunctionalInterface.class));
        }
        if (best.size() != 1) {
            throw new PythonException(function.getClass().getName() + (all.isEmpty()
                    ? " implements no functional interface."
                    : " implements several functional interfaces: name one with Python.function(type, object)."));
        }
        return single(best.get(0));
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

    /** The one abstract method of an interface; null if it has none or several. */
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
        return objects;
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public Object object() {
        return self == null ? this : self;
    }

    @Override
    public Object call(List<?> arguments, Map<?, ?> named) throws Throwable {
        Map<?, ?> names = named == null ? Collections.emptyMap() : named;
        Object[] best = null;
        Shape chosen = null;
        int least = Integer.MAX_VALUE;
        PythonException failed = null;
        for (Shape shape : shapes) {
            Object[] places = arrange(shape, arguments, names);
            if (places == null) {
                continue;
            }
            try {
                int distance = shapes.length == 1 ? 0 : distance(shape, places);
                if (distance < least) {
                    best = converted(shape, places);
                    chosen = shape;
                    least = distance;
                }
            } catch (PythonException e) {
                if (e.getPythonObject() != null) {
                    throw e; // Python code failed while its value was converted, or was stopped
                }
                failed = e;
            }
        }
        if (chosen == null) {
            throw new Callbacks.Raise("TypeError", failed == null ? refusal(arguments, names) : name + "(): " + failed.getMessage());
        }
        Object result = invoke(chosen.method, best);
        boolean open = exposure != null && result != null && Access.get().allows(exposure, result);
        Object typed = open ? result : typed(result, chosen.result);
        return exposure == null || typed != result ? typed : ByReference.shown(result, exposure);
    }

    private Object invoke(Executable method, Object[] arguments) throws Throwable {
        try {
            return method instanceof Method
                    ? ((Method) method).invoke(receiver, arguments)
                    : ((Constructor<?>) method).newInstance(arguments);
        } catch (InvocationTargetException e) {
            throw e.getCause();
        }
    }

    private String refusal(List<?> arguments, Map<?, ?> named) {
        String given = arguments.size() + " arguments" + (named.isEmpty() ? "" : " and the names " + named.keySet());
        if (shapes.length > 1) {
            return "no method " + name + "() of Java takes " + given;
        }
        String[] names = shapes[0].names;
        boolean known = names.length > 0 && names[0] != null;
        return name + "() takes " + names.length + " arguments, " + given + " were given"
                + (named.isEmpty() || known ? "" : "; the names of its parameters are not known (javac -parameters)");
    }

    /** The arguments in the places of the parameters; null if they do not fit. */
    private static Object[] arrange(Shape shape, List<?> arguments, Map<?, ?> named) {
        int count = shape.classes.length;
        boolean varargs = shape.method.isVarArgs();
        if (!varargs && named.isEmpty()) {
            return arguments.size() == count ? arguments.toArray() : null;
        }
        Object[] places = new Object[count];
        Arrays.fill(places, EMPTY);
        boolean spread = varargs && !(arguments.size() == count && isWhole(arguments.get(count - 1)));
        int single = spread ? count - 1 : count;
        if (arguments.size() > count && !spread) {
            return null;
        }
        for (int i = 0; i < Math.min(single, arguments.size()); i++) {
            places[i] = arguments.get(i);
        }
        if (spread && arguments.size() >= single) {
            places[single] = new ArrayList<>(arguments.subList(single, arguments.size()));
        }
        Map<Object, Object> rest = new LinkedHashMap<>(named);
        for (int i = 0; i < count && !rest.isEmpty(); i++) {
            for (Object name : named.keySet()) {
                boolean same = name.equals(shape.names[i]) || Names.camel((String) name).equals(shape.names[i]);
                if (same && places[i] == EMPTY) {
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

    /** Whether the last argument is all that a variable number of them takes. */
    private static boolean isWhole(Object value) {
        Object read = value instanceof PythonObject ? Access.get().read((PythonObject) value) : value;
        return read instanceof Collection || read != null && read.getClass().isArray();
    }

    private Object[] converted(Shape shape, Object[] places) {
        Object[] converted = new Object[places.length];
        for (int i = 0; i < places.length; i++) {
            converted[i] = Conversion.convert(places[i], shape.types[i], shape.shown[i]);
        }
        return converted;
    }

    /** How far values are from the parameters' types, to choose among methods of one name. */
    private static int distance(Shape shape, Object[] places) {
        int sum = 0;
        for (int i = 0; i < places.length; i++) {
            Object value = places[i] instanceof PythonObject ? Access.get().read((PythonObject) places[i]) : places[i];
            sum += distance(value, Target.box(shape.classes[i]));
        }
        return sum;
    }

    private static int distance(Object value, Class<?> type) {
        Object own = value instanceof Callbacks.Function ? ((Callbacks.Function) value).object() : value;
        if (type == Object.class) {
            return 50;
        }
        if (own == null || own.getClass() == type) {
            return 0;
        }
        List<Class<?>> order = Collections.emptyList();
        if (own instanceof Long || own instanceof BigInteger) {
            order = Arrays.asList(Long.class, Integer.class, BigInteger.class, Short.class, Byte.class, Double.class, Float.class);
        } else if (own instanceof Double) {
            order = Arrays.asList(Double.class, Float.class);
        }
        int at = order.indexOf(type);
        return at >= 0 ? at + 1 : type.isInstance(own) ? 10 : 30;
    }
}
