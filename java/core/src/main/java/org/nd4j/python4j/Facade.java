// SPDX-License-Identifier: Apache-2.0
// A Python object behind a Java interface: java.lang.reflect.Proxy calls, proxies.py does what is
// called. How results become Java's types: Conversion.
package org.nd4j.python4j;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.lang.reflect.Type;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** What a proxy does. Each call takes a turn for its length, unless the thread has one. */
final class Facade implements InvocationHandler {

    /** How one method is called. */
    private static final class Plan {
        final PythonObject python; // to be called with the method's arguments
        final Type result;
        final int wanted;

        Plan(Method method, Facade facade) {
            String name = method.getName();
            int parameters = method.getParameterCount();
            List<String> getter = Collections.emptyList(); // for a method `getName` or `isOpen`
            List<String> setter = Collections.emptyList(); // for a method `setName`
            if (parameters == 0) {
                String got = Names.property(name, "get");
                getter = properties(got != null ? got : Names.property(name, "is"));
            } else if (parameters == 1) {
                setter = properties(Names.property(name, "set"));
            }
            boolean callable = facade.single != null && name.equals(facade.single.getName()); // the object itself will do
            PythonObject bound = PythonObject.tool("bind")
                    .callWide(facade.object, new ArrayList<>(Names.all(name)), getter, setter, callable, method.isDefault());
            this.python = PythonObject.unframed(bound);
            bound.del();
            this.result = method.getGenericReturnType();
            this.wanted = method.getReturnType() == void.class && !method.isDefault() ? Pack.Wanted.NONE
                    : facade.conversion.keepsObjects(result) ? Pack.Wanted.OBJECT : Pack.Wanted.ANY;
        }

        private static List<String> properties(String property) {
            return property == null ? Collections.emptyList() : new ArrayList<>(Names.ofProperty(property));
        }
    }

    private final PythonObject object; // of no frame: it lives as long as this
    private final long address;
    private final Class<?> type;
    private final Method single;
    private final Conversion conversion;
    private final Object collection; // what it is as a collection; null for none
    private final Map<Method, Plan> plans = new ConcurrentHashMap<>();

    private Facade(PythonObject object, Class<?> type, Conversion conversion, Object collection) {
        this.object = object;
        this.collection = collection;
        this.address = Native.handleAddress(object.handle());
        this.type = type;
        this.single = Functional.single(type);
        this.conversion = conversion;
    }

    /** A proxy, or one of Java's collections; the object stays the caller's. Needs a turn. */
    static Object of(PythonObject object, Class<?> type) {
        PythonObject own = PythonObject.unframed(object);
        Conversion conversion = Conversion.within(type);
        Object collection = Views.of(own, type, conversion);
        if (collection != null && type.isInstance(collection) && type.getName().startsWith("java.util.")
                || type == Iterable.class) {
            return collection;
        }
        ClassLoader loader = type.getClassLoader() == null ? Facade.class.getClassLoader() : type.getClassLoader();
        return Proxy.newProxyInstance(loader, new Class<?>[] {type}, new Facade(own, type, conversion, collection));
    }

    /** The Python object behind a proxy, null for any other Java object. */
    static PythonObject object(Object value) {
        if (value instanceof Views.Backed) {
            return ((Views.Backed) value).python();
        }
        Facade facade = facade(value);
        return facade == null ? null : facade.object;
    }

    private static Facade facade(Object value) {
        if (value == null || !Proxy.isProxyClass(value.getClass())) {
            return null;
        }
        InvocationHandler handler = Proxy.getInvocationHandler(value);
        return handler instanceof Facade ? (Facade) handler : null;
    }

    @Override
    public Object invoke(Object proxy, Method method, Object[] given) throws Throwable {
        boolean ofObject = method.getDeclaringClass() == Object.class;
        if (collection != null && (ofObject || method.getDeclaringClass().isInstance(collection))) {
            return ofCollection(method, given);
        } else if (ofObject) {
            return ofObject(method, given);
        }
        Object absent = new Object();
        Object result = call(method, given == null ? new Object[0] : given, absent);
        return result == absent ? byDefault(proxy, method, given) : result;
    }

    private Object ofCollection(Method method, Object[] given) throws Throwable {
        try {
            return method.invoke(collection, given);
        } catch (InvocationTargetException e) {
            throw e.getCause();
        }
    }

    private Object ofObject(Method method, Object[] given) {
        switch (method.getName()) {
            case "equals":
                Facade other = facade(given[0]);
                return other != null && other.address == address;
            case "hashCode":
                return Long.hashCode(address);
            default:
                try (PythonGIL gil = PythonGIL.enterOrLock()) {
                    return object.toString();
                }
        }
    }

    private Object call(Method method, Object[] given, Object absent) {
        try (PythonGIL gil = PythonGIL.enterOrLock()) {
            Plan plan = plans.get(method);
            if (plan == null) { // not computeIfAbsent, which would wait for the GIL with a lock held
                plan = new Plan(method, this);
                plans.put(method, plan);
            }
            Object result = plan.python.callRaw(plan.wanted, spread(method, given));
            boolean none = result instanceof PythonObject && method.isDefault()
                    && Handles.isSame(((PythonObject) result).handle(), PythonObject.tool("MISSING").handle());
            return none ? absent : conversion.convert(result, plan.result);
        }
    }

    /** The arguments, those of a variable number one by one. */
    private static List<Object> spread(Method method, Object[] given) {
        List<Object> arguments = new ArrayList<>(Arrays.asList(given));
        if (method.isVarArgs()) {
            Object rest = arguments.remove(arguments.size() - 1);
            if (rest != null) {
                arguments.addAll(new Conversion.ArrayView(rest));
            }
        }
        return arguments;
    }

    private Object byDefault(Object proxy, Method method, Object[] given) throws Throwable {
        Class<?> declaring = method.getDeclaringClass();
        MethodHandle handle;
        try {
            MethodType signature = MethodType.methodType(method.getReturnType(), method.getParameterTypes());
            handle = MethodHandles.lookup().findSpecial(declaring, method.getName(), signature, declaring);
        } catch (IllegalAccessException e) { // an interface that is not public
            handle = MethodHandles.privateLookupIn(declaring, MethodHandles.lookup()).unreflectSpecial(method, declaring);
        }
        return handle.bindTo(proxy).invokeWithArguments(given == null ? new Object[0] : given);
    }
}
