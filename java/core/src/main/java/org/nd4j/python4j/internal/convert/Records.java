// SPDX-License-Identifier: Apache-2.0
// Access to records by reflection, because this library is compiled for a Java version without records. The
// class ToPython describes what records become in Python.
package org.nd4j.python4j.internal.convert;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.lang.reflect.Array;
import java.lang.reflect.Constructor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.Type;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.PythonInterrupted;
import org.nd4j.python4j.PythonTimeout;

/** The components of a record class in order. */
final class Records {
    private static final Method IS_RECORD = method(Class.class, "isRecord");
    private static final Method COMPONENTS = method(Class.class, "getRecordComponents");

    final List<String> names = new ArrayList<>();
    final List<Type> types = new ArrayList<>();
    /** The names that Python may use for each component. */
    final List<List<String>> pythonNames = new ArrayList<>();
    private final Class<?> type;
    private final List<Method> accessors = new ArrayList<>();
    private final Constructor<?> constructor;
    private volatile MethodHandle spreader; // once it is asked for

    /** Of a class that {@link #isRecord}. */
    Records(Class<?> type) {
        this.type = type;
        Object[] components = (Object[]) call(COMPONENTS, type);
        Class<?>[] classes = new Class<?>[components.length];
        for (int i = 0; i < components.length; i++) {
            String name = (String) read(components[i], "getName");
            names.add(name);
            pythonNames.add(Stream.of(name, Names.snake(name), Names.writable(name), Names.asInPython(name)).distinct()
                    .collect(Collectors.toList()));
            types.add((Type) read(components[i], "getGenericType"));
            classes[i] = (Class<?>) read(components[i], "getType");
            Method accessor = (Method) read(components[i], "getAccessor");
            accessor.trySetAccessible();
            accessors.add(accessor);
        }
        try {
            constructor = type.getDeclaredConstructor(classes);
            constructor.trySetAccessible();
        } catch (NoSuchMethodException e) {
            throw new PythonException("A " + type.getName() + " could not be made: " + e, e);
        }
    }

    static Method method(Class<?> of, String name) {
        try {
            return of.getMethod(name);
        } catch (NoSuchMethodException e) {
            return null; // Java 15 and earlier
        }
    }

    private static Object read(Object component, String what) {
        return call(method(component.getClass(), what), component);
    }

    static Object call(Method method, Object on) {
        try {
            return method.invoke(on);
        } catch (ReflectiveOperationException e) {
            Throwable cause = e instanceof InvocationTargetException ? e.getCause() : e;
            throw new PythonException("A record could not be read: " + cause, cause);
        }
    }

    static boolean isRecord(Class<?> type) {
        return IS_RECORD != null && !Modifier.isAbstract(type.getModifiers()) && (boolean) call(IS_RECORD, type);
    }

    List<Object> values(Object record) {
        List<Object> values = new ArrayList<>(accessors.size());
        for (Method accessor : accessors) {
            values.add(call(accessor, record));
        }
        return values;
    }

    /** A record of these components, unless its constructor refuses them. */
    Object make(Object[] components, Target target) {
        try {
            return constructor.newInstance(components);
        } catch (InvocationTargetException e) {
            throw failed(e.getCause(), components, target);
        } catch (LinkageError e) {
            throw Mismatch.unusable(Arrays.asList(components), target, e);
        } catch (ReflectiveOperationException e) {
            throw new PythonException("A " + type.getName() + " could not be made: " + e, e);
        }
    }

    /** The exception for an exception that the constructor has thrown. */
    RuntimeException failed(Throwable cause, Object[] components, Target target) {
        if (cause instanceof VirtualMachineError) {
            throw (VirtualMachineError) cause;
        } else if (cause instanceof PythonInterrupted || cause instanceof PythonTimeout) {
            return (PythonException) cause;
        } else if (cause instanceof LinkageError) {
            return Mismatch.unusable(Arrays.asList(components), target, (LinkageError) cause);
        }
        return new Mismatch(Arrays.asList(components), target, "Its constructor failed: " + cause, cause);
    }

    /** The constructor, for many records. */
    MethodHandle maker() {
        try {
            return MethodHandles.lookup().unreflectConstructor(constructor);
        } catch (IllegalAccessException e) {
            throw new PythonException("A " + type.getName() + " could not be made: " + e, e);
        }
    }

    /**
     * Reads the components of many records: from a record, an index and an array for each component, it puts each component at
     * the index of its array, which is as {@link #column} makes it. The JVM compiles all of it as one method, if it is the same
     * handle each time: this is why the arrays are arguments, and the handle is kept.
     */
    MethodHandle spreader() {
        MethodHandle all = spreader;
        if (all == null) {
            all = MethodHandles.empty(MethodType.methodType(void.class, Object.class, int.class, Object[].class));
            for (int i = accessors.size() - 1; i >= 0; i--) {
                all = MethodHandles.foldArguments(all, spread(i));
            }
            spreader = all;
        }
        return all;
    }

    private MethodHandle spread(int component) {
        MethodHandle setter = MethodHandles.arrayElementSetter(column(component, 0).getClass());
        MethodHandle array = MethodHandles.insertArguments(MethodHandles.arrayElementGetter(Object[].class), 1, component)
                .asType(MethodType.methodType(setter.type().parameterType(0), Object[].class));
        MethodHandle value = reader(component).asType(MethodType.methodType(setter.type().parameterType(2), Object.class));
        return MethodHandles.permuteArguments(MethodHandles.filterArguments(setter, 0, array, null, value),
                MethodType.methodType(void.class, Object.class, int.class, Object[].class), 2, 1, 0);
    }

    /** An array for values of a component: of its type if that is a number's or boolean, else of Object. */
    Object column(int component, int length) {
        Class<?> raw = accessors.get(component).getReturnType();
        return Array.newInstance(raw.isPrimitive() && raw != char.class ? raw : Object.class, length);
    }

    /** What reads a component, for many records. */
    private MethodHandle reader(int component) {
        try {
            return MethodHandles.lookup().unreflect(accessors.get(component));
        } catch (IllegalAccessException e) {
            throw new PythonException("A record could not be read: " + e, e);
        }
    }
}
