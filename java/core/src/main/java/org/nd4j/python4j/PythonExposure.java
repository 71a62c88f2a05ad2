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
 * The list of the Java classes and members that Python code may use when objects are passed by {@link
 * Python#reference(Object, PythonExposure) reference}. Only the program adds entries to the list.
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
 * <p>The members of an allowed type can be used on every instance of that type, including objects that a reference
 * returns, such as elements of a list and results of methods. Only public members can be allowed. A bean property is an
 * attribute if its getter is allowed, and can be assigned if its setter is allowed. A record component is an attribute
 * if its accessor is allowed. Methods of {@code Object} such as {@code getClass} are never visible, and Python code
 * cannot load a class. If Python code has to create objects or call static methods, the program passes the {@code
 * Class} itself by reference, with an exposure that allows these members. An exposure prevents unintended use. It is
 * not a protection against malicious code, because that code runs in the same process.
 *
 * <p>Instances are immutable and can be shared by all threads. No method needs a turn of {@link PythonGIL}.
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

    /** The empty list. With it, Python code can use containers and call functional interfaces, and nothing else. */
    public static PythonExposure none() {
        return NONE;
    }

    /**
     * Returns this list with one more entry. With names, Python code can use these members of the class, including
     * inherited ones. Without names, it can use all public members that the class itself declares, including
     * constructors, but no inherited members. To allow an inherited member, name it, or allow the class or interface
     * that declares it.
     *
     * @param type a class or interface
     * @param members names of its public methods and fields, and {@code new} for its constructors; without names, all
     *     public members that it declares
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
