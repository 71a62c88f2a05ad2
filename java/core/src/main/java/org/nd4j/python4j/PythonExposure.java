// SPDX-License-Identifier: Apache-2.0
// The list of the members of a Java object that Python may use. The program writes this list. ByReference
// performs the operations that Python asks for.
package org.nd4j.python4j;

import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import org.nd4j.python4j.internal.convert.Members;
import org.nd4j.python4j.internal.convert.PerClass;

/**
 * The Java classes and members that Python code may use of objects passed by
 * {@link Python#reference(Object, PythonExposure) reference}. Nothing is on the list but what the program
 * puts there.
 *
 * <pre>{@code
 * PythonExposure exposure = PythonExposure.none()
 *         .allow(StringBuilder.class, "append", "length") // these two methods
 *         .allow(java.awt.Point.class);                   // everything public that it declares
 * try (PythonGIL gil = PythonGIL.lock()) {
 *     StringBuilder text = new StringBuilder();
 *     PythonExecutioner.setVariable("text", Python.reference(text, exposure));
 *     PythonExecutioner.exec("text.append('from Python')");
 *     System.out.println(text); // from Python
 * }
 * }</pre>
 *
 * <p>An allowed type's members can be used of every object that is an instance of it, also of objects that
 * come out of a reference: elements of a list, results of methods. Only public members count. A bean's property
 * is an attribute where its getter is allowed, and can be assigned where its setter is; so is a record's component
 * where its accessor is allowed. Methods of
 * {@code Object} such as {@code getClass} are never visible, and Python code cannot load a class: a program
 * that wants it to make objects or to call static methods passes the {@code Class} itself by reference,
 * with an exposure that allows it. This keeps Python code to what it is meant to use; it is no protection
 * against code that means harm, which shares the process.
 *
 * <p>Immutable, so that one can be shared by all threads. No method needs a turn of {@link PythonGIL}.
 *
 * @see <a href="https://github.com/python4j/python4j/blob/main/docs/glossary.md#exposure">exposure</a>
 */
public final class PythonExposure {

    private static final PythonExposure NONE = new PythonExposure(Collections.emptyMap());

    private final Map<Class<?>, Set<String>> allowed; // no names: all that the class declares
    private final PerClass<Members> ofObjects;
    private final PerClass<Members> ofClasses;

    private PythonExposure(Map<Class<?>, Set<String>> allowed) {
        this.allowed = allowed;
        this.ofObjects = Members.kept(allowed, false);
        this.ofClasses = Members.kept(allowed, true);
    }

    /** The list with nothing on it: containers are usable, functional interfaces can be called, no more. */
    public static PythonExposure none() {
        return NONE;
    }

    /**
     * This list and one entry more. With names, these members of the class can be used, inherited ones too. With no
     * names, all public members that the class itself declares can be used, constructors included. What it
     * inherits is not among them: allow the class or interface that declares it, or name it.
     *
     * @param type a class or interface
     * @param members names of its public methods and fields, {@code new} for its constructors; none for all that it declares
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
            if (object instanceof Class ? object == type : type.isInstance(object)) {
                return true;
            }
        }
        return false;
    }

    /** What can be used of an object; for a class itself, of the class. */
    Members of(Object object) {
        return object instanceof Class ? ofClasses.get((Class<?>) object) : ofObjects.get(object.getClass());
    }

    /** What can be used of a class itself. */
    Members ofClass(Class<?> type) {
        return ofClasses.get(type);
    }
}
