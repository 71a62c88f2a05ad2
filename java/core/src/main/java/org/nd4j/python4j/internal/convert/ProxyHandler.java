// SPDX-License-Identifier: Apache-2.0
// A Python object behind a Java interface. The proxy is a java.lang.reflect.Proxy; proxies.py performs the
// calls. Conversion converts the results to Java types.
package org.nd4j.python4j.internal.convert;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.lang.ref.Reference;
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
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Flow;
import java.util.concurrent.Future;
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.PythonGIL;
import org.nd4j.python4j.PythonObject;
import org.nd4j.python4j.internal.Access;
import org.nd4j.python4j.internal.jni.Handles;
import org.nd4j.python4j.internal.jni.Native;
import org.nd4j.python4j.internal.jni.Pack;

/** Executes the calls of a proxy. Each call takes a turn for its duration, unless the thread has one. */
public final class ProxyHandler implements InvocationHandler {

    /** How one method is called. */
    private static final class Plan {
        final Method method;
        final PythonObject plan; // of `bind` in proxies.py
        final PythonObject python; // to be called with the method's arguments
        final Target result;
        final Target[] parameters; // null where none can have functions in it
        final int wanted;

        Plan(Method method, ProxyHandler handler) {
            String name = Names.asInPython(method.getName());
            int parameters = method.getParameterCount();
            List<String> getter = Collections.emptyList(); // for a method `getName` or `isOpen`
            List<String> setter = Collections.emptyList(); // for a method `setName`
            if (parameters == 0) {
                String got = Names.property(name, "get");
                getter = properties(got != null ? got : Names.property(name, "is"));
            } else if (parameters == 1) {
                setter = properties(Names.property(name, "set"));
            }
            boolean callable = handler.single != null && method.getName().equals(handler.single.getName()); // the object itself will do
            PythonObject bound = Access.get().call(Access.get().tool("bind"),
                    handler.object, new ArrayList<>(Names.all(name)), getter, setter, callable, method.isDefault());
            this.method = method;
            this.plan = Access.get().unframed(bound);
            PythonObject whole = bound.get(3);
            this.python = Access.get().unframed(whole);
            whole.del();
            bound.del();
            this.result = handler.conversion.target(method.getGenericReturnType());
            Target[] targets = Arrays.stream(method.getGenericParameterTypes()).map(handler.conversion::target).toArray(Target[]::new);
            this.parameters = Arrays.stream(targets).anyMatch(Target::keepsObjects) ? targets : null;
            this.wanted = method.getReturnType() == void.class && !method.isDefault() ? Pack.Wanted.NONE
                    : result.keepsObjects() ? Pack.Wanted.OBJECT : Pack.Wanted.ANY;
        }

        private Object[] typed(Object[] given) {
            if (parameters == null) {
                return given;
            }
            Object[] typed = new Object[given.length];
            Arrays.setAll(typed, i -> Functional.typed(given[i], parameters[i]));
            return typed;
        }

        private static List<String> properties(String property) {
            return property == null ? Collections.emptyList() : new ArrayList<>(Names.ofProperty(property));
        }
    }

    /** The result of a method that Python has not. */
    private static final Object ABSENT = new Object();

    private final PythonObject object; // of no frame: it lives as long as this
    private final long address;
    private final Class<?> type;
    private final Method single;
    private final Conversion conversion;
    private final Object collection; // what it is as a collection; null for none
    private final Map<Method, Plan> plans = new ConcurrentHashMap<>();
    private Plan recent; // of the last call: to find it by its method takes a tenth of a call

    private ProxyHandler(PythonObject object, Class<?> raw, Type type, Object collection) {
        this.object = object;
        this.address = Native.handleAddress(Access.get().handle(object));
        this.type = raw;
        this.single = Functional.single(raw);
        this.conversion = Conversion.within(type);
        this.collection = collection;
        Reference.reachabilityFence(object);
    }

    /**
     * Creates a proxy, or a view that implements a Java collection. The caller keeps its object. This method needs a
     * turn.
     *
     * @param type an interface, with or without type arguments
     */
    public static Object of(PythonObject object, Type type) {
        Class<?> raw = Types.raw(type);
        if (Target.isSealed(raw)) {
            throw new PythonException("A Python object cannot be a " + raw.getName() + ": that interface is sealed.");
        }
        PythonObject own = Access.get().unframed(object);
        Object collection = Views.of(own, type);
        if (raw.isInstance(collection) && (raw == Iterable.class || raw.getName().startsWith("java.util."))) {
            return collection;
        }
        ClassLoader loader = raw.getClassLoader() == null ? ProxyHandler.class.getClassLoader() : raw.getClassLoader();
        return Proxy.newProxyInstance(loader, new Class<?>[] {raw}, new ProxyHandler(own, raw, type, collection));
    }

    /** The Python object behind a proxy, null for any other Java object. */
    public static PythonObject object(Object value) {
        if (value instanceof Pack.Backed) {
            return ((Pack.Backed) value).python();
        }
        ProxyHandler handler = handlerOf(value);
        return handler == null ? null : handler.object;
    }

    private static ProxyHandler handlerOf(Object value) {
        if (value == null || !Proxy.isProxyClass(value.getClass())) {
            return null;
        }
        InvocationHandler handler = Proxy.getInvocationHandler(value);
        return handler instanceof ProxyHandler ? (ProxyHandler) handler : null;
    }

    @Override
    public Object invoke(Object proxy, Method method, Object[] given) throws Throwable {
        boolean ofObject = method.getDeclaringClass() == Object.class;
        if (collection != null && (ofObject || method.getDeclaringClass().isInstance(collection))) {
            return ofCollection(method, given);
        } else if (ofObject) {
            return ofObject(method, given);
        }
        Object result = call(method, given == null ? new Object[0] : given);
        return result == ABSENT ? byDefault(proxy, method, given) : result;
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
                ProxyHandler other = handlerOf(given[0]);
                return other != null && other.address == address;
            case "hashCode":
                return Long.hashCode(address);
            default:
                try (PythonGIL gil = Access.get().enterOrLock()) {
                    return object.toString();
                }
        }
    }

    /** Whether the caller waits for a method's result in another place, so that the call need not wait for a turn. */
    private static boolean isAsynchronous(Class<?> result) {
        return result == CompletableFuture.class || result == CompletionStage.class || result == Future.class
                || result == Flow.Publisher.class;
    }

    private Object call(Method method, Object[] given) {
        try (PythonGIL gil = isAsynchronous(method.getReturnType()) ? Access.get().place() : Access.get().enterOrLock()) {
            Plan plan = plan(method);
            Object result = plan.wanted != Pack.Wanted.OBJECT && Access.get().invokesFew(given)
                    ? Access.get().invokeFew(plan.plan, plan.wanted, given)
                    : Access.get().callRaw(plan.python, plan.wanted, spread(method, plan.typed(given)));
            boolean none = result instanceof PythonObject && method.isDefault()
                    && Handles.isSame(Access.get().handle((PythonObject) result), Access.get().handle(Access.get().tool("MISSING")));
            return none ? ABSENT : Conversion.received(result, plan.result, method.getName());
        }
    }

    private Plan plan(Method method) {
        Plan plan = recent;
        if (plan == null || plan.method != method) {
            plan = plans.get(method);
            if (plan == null) { // not computeIfAbsent, which would wait for the GIL with a lock held
                plan = new Plan(method, this);
                plans.put(method, plan);
            }
            recent = plan;
        }
        return plan;
    }

    /** The arguments, with the elements of a variable argument list as separate arguments. */
    private static List<Object> spread(Method method, Object[] given) {
        List<Object> arguments = new ArrayList<>(Arrays.asList(given));
        if (method.isVarArgs()) {
            Object rest = arguments.remove(arguments.size() - 1);
            if (rest != null) {
                arguments.addAll(new ArrayView(rest));
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
