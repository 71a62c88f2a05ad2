// SPDX-License-Identifier: Apache-2.0
// What of a Java object Python may see: a list that the program writes. What Python does with a
// reference is carried out in ByReference.
package org.nd4j.python4j;

import java.lang.reflect.Constructor;
import java.lang.reflect.Executable;
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import org.nd4j.python4j.internal.convert.Names;

/**
 * The Java classes and members that Python code may use of objects passed by
 * {@link Python#reference(Object, PythonExposure) reference}. Nothing is on the list but what the program
 * puts there.
 *
 * <pre>{@code
 * PythonExposure exposure = PythonExposure.none()
 *         .allow(StringBuilder.class, "append", "length") // these two methods
 *         .allow(java.awt.Point.class);                   // everything public that it has
 * try (PythonGIL gil = PythonGIL.lock()) {
 *     StringBuilder text = new StringBuilder();
 *     PythonExecutioner.setVariable("text", Python.reference(text, exposure));
 *     PythonExecutioner.exec("text.append('from Python')");
 *     System.out.println(text); // from Python
 * }
 * }</pre>
 *
 * <p>An allowed type's members can be used of every object that is an instance of it, also of objects that
 * come out of a reference: elements of a list, results of methods. Only public members count. Methods of
 * {@code Object} such as {@code getClass} are never visible, and Python code cannot load a class: a program
 * that wants it to make objects or to call static methods passes the {@code Class} itself by reference,
 * with an exposure that allows it. This keeps Python code to what it is meant to use; it is no protection
 * against code that means harm, which shares the process.
 *
 * <p>Immutable, so that one can be shared by all threads. No method needs a turn of {@link PythonGIL}.
 */
public final class PythonExposure {

    private static final PythonExposure NONE = new PythonExposure(Collections.emptyMap());

    private final Map<Class<?>, Set<String>> allowed; // no names: all of them
    private final Map<Class<?>, Map<String, List<Executable>>> methods = new ConcurrentHashMap<>();

    private PythonExposure(Map<Class<?>, Set<String>> allowed) {
        this.allowed = allowed;
    }

    /** The list with nothing on it: containers are usable, functional interfaces can be called, no more. */
    public static PythonExposure none() {
        return NONE;
    }

    /**
     * This list and one entry more.
     *
     * @param type a class or interface
     * @param members names of its public methods and fields, {@code new} for its constructors; none for all
     */
    public PythonExposure allow(Class<?> type, String... members) {
        Map<Class<?>, Set<String>> more = new LinkedHashMap<>(allowed);
        Set<String> before = more.get(type);
        Set<String> names = new LinkedHashSet<>(Arrays.asList(members));
        if (before != null) {
            if (before.isEmpty() || names.isEmpty()) {
                names.clear();
            } else {
                names.addAll(before);
            }
        }
        more.put(type, names);
        return new PythonExposure(Collections.unmodifiableMap(more));
    }

    // ---- for this package ----

    /** Whether anything of this class's objects can be used; for a class itself, of the class. */
    boolean allows(Object object) {
        for (Class<?> type : allowed.keySet()) {
            if (isOf(type, object)) {
                return true;
            }
        }
        return false;
    }

    /** Whether a type's members are those of an object: it is an instance, or the class itself. */
    private static boolean isOf(Class<?> type, Object object) {
        return object instanceof Class ? object == type : type.isInstance(object);
    }

    private boolean allows(Class<?> type, String name) {
        Set<String> names = allowed.get(type);
        return names.isEmpty() || names.contains(name);
    }

    /** The methods of a name, or of its camelCase form; null for none. Constructors are named {@code new}. */
    List<Executable> methods(Object object, String name) {
        boolean statics = object instanceof Class;
        Class<?> key = statics ? (Class<?>) object : object.getClass();
        // A class and its instances have different members; a map's entry is for one of them.
        Map<String, List<Executable>> found = statics ? find(object) : methods.computeIfAbsent(key, k -> find(object));
        List<Executable> exact = found.get(name);
        return exact == null ? found.get(Names.camel(name)) : exact;
    }

    /** The public field of a name, or of its camelCase form; null for none. */
    Field field(Object object, String name) {
        for (String each : new String[] {name, Names.camel(name)}) {
            for (Class<?> type : allowed.keySet()) {
                if (isOf(type, object) && allows(type, each)) {
                    for (Field field : type.getFields()) {
                        if (field.getName().equals(each) && Modifier.isStatic(field.getModifiers()) == object instanceof Class) {
                            field.trySetAccessible();
                            return field;
                        }
                    }
                }
            }
        }
        return null;
    }

    /** The names of everything that can be used of an object. */
    Set<String> names(Object object) {
        Set<String> names = new TreeSet<>(find(object).keySet());
        names.remove("new");
        for (Class<?> type : allowed.keySet()) {
            if (isOf(type, object)) {
                for (Field field : type.getFields()) {
                    if (field(object, field.getName()) != null) {
                        names.add(field.getName());
                    }
                }
            }
        }
        return names;
    }

    private Map<String, List<Executable>> find(Object object) {
        Map<String, List<Executable>> found = new LinkedHashMap<>();
        boolean statics = object instanceof Class;
        for (Class<?> type : allowed.keySet()) {
            if (!isOf(type, object)) {
                continue;
            }
            Method[] all = type.getMethods();
            Arrays.sort(all, Comparator.comparing(Method::isBridge));
            for (Method method : all) {
                if (Modifier.isStatic(method.getModifiers()) == statics && method.getDeclaringClass() != Object.class
                        && allows(type, method.getName())) {
                    add(found, method.getName(), method);
                }
            }
            if (statics && allows(type, "new") && !Modifier.isAbstract(type.getModifiers())) {
                for (Constructor<?> constructor : type.getConstructors()) {
                    add(found, "new", constructor);
                }
            }
        }
        return found;
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
        same.add(one);
    }
}
