// SPDX-License-Identifier: Apache-2.0
// Records by reflection, since this library is compiled for a Java that has none.
// What they are in Python: Conversion.
package org.nd4j.python4j.internal.convert;

import java.lang.reflect.Constructor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.Type;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.nd4j.python4j.PythonException;

/** The components of records: their names, types and values in order. */
public final class Records {
    private static final Method IS_RECORD = method(Class.class, "isRecord");
    private static final Method COMPONENTS = method(Class.class, "getRecordComponents");

    private Records() {}

    private static Method method(Class<?> of, String name) {
        try {
            return of.getMethod(name);
        } catch (NoSuchMethodException e) {
            return null; // Java 15 and earlier
        }
    }

    private static Object call(Method method, Object on) {
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

    private static Object[] each(Class<?> type, String what) {
        Object[] components = (Object[]) call(COMPONENTS, type);
        Object[] found = new Object[components.length];
        for (int i = 0; i < found.length; i++) {
            found[i] = call(method(components[i].getClass(), what), components[i]);
        }
        return found;
    }

    static List<String> names(Class<?> type) {
        List<String> names = new ArrayList<>();
        for (Object name : each(type, "getName")) {
            names.add((String) name);
        }
        return names;
    }

    static Type[] types(Class<?> type) {
        Object[] types = each(type, "getGenericType");
        return Arrays.copyOf(types, types.length, Type[].class);
    }

    static List<Object> values(Object record) {
        List<Object> values = new ArrayList<>();
        for (Object accessor : each(record.getClass(), "getAccessor")) {
            ((Method) accessor).trySetAccessible();
            values.add(call((Method) accessor, record));
        }
        return values;
    }

    static Object make(Class<?> type, Object[] components) {
        Class<?>[] classes = Arrays.copyOf(each(type, "getType"), components.length, Class[].class);
        try {
            Constructor<?> constructor = type.getDeclaredConstructor(classes);
            constructor.trySetAccessible();
            return constructor.newInstance(components);
        } catch (InvocationTargetException e) {
            if (e.getCause() instanceof RuntimeException) {
                throw (RuntimeException) e.getCause();
            }
            throw new PythonException("A " + type.getName() + " could not be made: " + e.getCause(), e.getCause());
        } catch (ReflectiveOperationException e) {
            throw new PythonException("A " + type.getName() + " could not be made: " + e, e);
        }
    }
}
