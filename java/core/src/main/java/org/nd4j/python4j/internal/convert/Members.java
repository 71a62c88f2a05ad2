// SPDX-License-Identifier: Apache-2.0
// The members of a class that Python can use, by each name that Python may write. They are computed once for a
// class and an exposure. PythonExposure says which members are allowed; Functional calls methods.
package org.nd4j.python4j.internal.convert;

import java.lang.reflect.Constructor;
import java.lang.reflect.Executable;
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.nd4j.python4j.Python;
import org.nd4j.python4j.internal.jni.Callbacks;

/**
 * The members of the objects of a class, or of the class itself. An instance is stored with the class and refers to no
 * object that outlives the class.
 */
public final class Members {

    /** A bean property or a record component. */
    static final class Property {
        Functional.Methods getter; // null for none
        Functional.Methods setter;
    }

    /** Several members that would have the same name in Python. */
    private static final class Ambiguous {
        final Set<String> names;

        Ambiguous(Set<String> names) {
            this.names = names;
        }
    }

    private final Class<?> type;
    private final boolean statics;
    private final Map<String, Object> byName = new HashMap<>();
    private final Set<String> names = new TreeSet<>();

    /** The members of each class, for what an exposure allows. A class and its objects have different ones. */
    public static PerClass<Members> kept(Map<Class<?>, Set<String>> allowed, boolean statics) {
        return new PerClass<>() {
            @Override
            protected Members compute(Class<?> type) {
                Map<Class<?>, Set<String>> fitting = new LinkedHashMap<>();
                allowed.forEach((each, names) -> {
                    if (statics ? each == type : each.isAssignableFrom(type)) {
                        fitting.put(each, names);
                    }
                });
                return new Members(type, statics, fitting);
            }
        };
    }

    /**
     * @param allowed the names of each type's members that are allowed; an empty set means all that it declares
     * @param statics whether the members of the class itself are meant
     */
    private Members(Class<?> type, boolean statics, Map<Class<?>, Set<String>> allowed) {
        this.type = type;
        this.statics = statics;
        Conversion conversion = statics ? Conversion.PLAIN : Conversion.within(type);
        Map<String, Functional.Methods> methods = new TreeMap<>();
        methods(allowed).forEach((name, all) -> methods.put(name, new Functional.Methods(all, name, conversion)));
        Map<String, Field> fields = fields(allowed);
        Map<String, Property> properties = new TreeMap<>();
        methods.forEach((name, all) -> property(name, all, properties));
        List<String> components = !statics && Records.isRecord(type) ? Target.of(type).record.names : Collections.emptyList();

        // What is named exactly so goes before what is named so in Python's habit, and that before a property.
        Map<String, Object> exact = new HashMap<>(fields);
        exact.putAll(methods);
        for (String component : components) {
            Functional.Methods accessor = methods.get(component);
            if (accessor != null && accessor.getter() != null) {
                Property read = new Property();
                read.getter = accessor.getter();
                exact.put(component, read);
            }
        }
        byName.putAll(exact);
        Map<String, Map<String, Object>> habits = new HashMap<>();
        exact.forEach((name, member) -> add(habits, Names.all(name), name, member));
        addTo(byName, habits);
        habits.clear();
        properties.forEach((name, property) -> add(habits, Names.ofProperty(name), name, property));
        addTo(byName, habits);
        properties.keySet().forEach(name -> names.add(Names.ofProperty(name).iterator().next()));
        names.addAll(exact.keySet());
        names.remove("new");
    }

    private static void add(Map<String, Map<String, Object>> into, Set<String> names, String java, Object member) {
        names.forEach(name -> into.computeIfAbsent(name, key -> new TreeMap<>()).put(java, member));
    }

    private static void addTo(Map<String, Object> byName, Map<String, Map<String, Object>> members) {
        members.forEach((name, same) -> byName.putIfAbsent(
                name, same.size() == 1 ? same.values().iterator().next() : new Ambiguous(same.keySet())));
    }

    private static void property(String name, Functional.Methods methods, Map<String, Property> into) {
        String got = Names.property(name, "get");
        String asked = Names.property(name, "is");
        String set = Names.property(name, "set");
        Functional.Methods getter = got != null || asked != null ? methods.getter() : null;
        if (getter != null && (got != null || getter.isBoolean())) {
            Property property = into.computeIfAbsent(got != null ? got : asked, key -> new Property());
            property.getter = property.getter == null ? getter : property.getter;
        } else if (set != null && methods.setter() != null) {
            into.computeIfAbsent(set, key -> new Property()).setter = methods.setter();
        }
    }

    private Map<String, List<Executable>> methods(Map<Class<?>, Set<String>> allowed) {
        Map<String, List<Executable>> found = new LinkedHashMap<>();
        allowed.forEach((from, only) -> {
            Method[] all = from.getMethods();
            Arrays.sort(all, Comparator.comparing(Method::isBridge));
            for (Method method : all) {
                if (Modifier.isStatic(method.getModifiers()) == statics && method.getDeclaringClass() != Object.class
                        && allows(only, from, method.getDeclaringClass(), method.getName())) {
                    add(found, method.getName(), method);
                }
            }
            if (statics && (only.isEmpty() || only.contains("new")) && !Modifier.isAbstract(from.getModifiers())) {
                for (Constructor<?> constructor : from.getConstructors()) {
                    add(found, "new", constructor);
                }
            }
        });
        return found;
    }

    private Map<String, Field> fields(Map<Class<?>, Set<String>> allowed) {
        Map<String, Field> found = new HashMap<>();
        allowed.forEach((from, only) -> {
            for (Field field : from.getFields()) {
                if (Modifier.isStatic(field.getModifiers()) == statics
                        && allows(only, from, field.getDeclaringClass(), field.getName())) {
                    field.trySetAccessible();
                    found.putIfAbsent(field.getName(), field);
                }
            }
        });
        return found;
    }

    private static boolean allows(Set<String> only, Class<?> from, Class<?> declaring, String name) {
        return only.isEmpty() ? declaring == from : only.contains(name);
    }

    private static void add(Map<String, List<Executable>> found, String name, Executable one) {
        List<Executable> same = found.computeIfAbsent(name, k -> new ArrayList<>());
        // A bridge stands for a method that is there too, unless that is inherited from a class that is not public.
        boolean bridge = one instanceof Method && ((Method) one).isBridge();
        for (Executable other : same) {
            if (bridge ? other.getParameterCount() == one.getParameterCount()
                    : Arrays.equals(other.getParameterTypes(), one.getParameterTypes())) {
                return; // known already, perhaps from another allowed type
            }
        }
        one.trySetAccessible(); // a public method of a class that is not public
        same.add(bridge ? bridged((Method) one) : one);
    }

    /** The method of a superclass, not a public one, that a bridge only makes accessible: it knows its generic types. */
    private static Method bridged(Method bridge) {
        for (Class<?> at = bridge.getDeclaringClass().getSuperclass(); at != null; at = at.getSuperclass()) {
            try {
                Method method = at.getDeclaredMethod(bridge.getName(), bridge.getParameterTypes());
                if (!method.isBridge() && method.getReturnType() == bridge.getReturnType() && method.trySetAccessible()) {
                    return method;
                }
            } catch (NoSuchMethodException e) { // it is further up
            }
        }
        return bridge;
    }

    // ---- what Python asks for ----

    /** {@link Functional.Methods}, a {@link Field} or a {@link Property}; null for none. Constructors are named {@code new}. */
    Object get(String name) {
        Object found = byName.get(name);
        if (found == null) {
            found = byName.get(Names.camel(name));
        }
        if (found instanceof Ambiguous) {
            throw new Callbacks.Raise("AttributeError", "'" + name + "' may be each of " + ((Ambiguous) found).names + " of "
                    + type.getName() + ": write Java's name");
        }
        return found;
    }

    /** The names of everything that can be used. */
    Set<String> names() {
        return names;
    }
}
