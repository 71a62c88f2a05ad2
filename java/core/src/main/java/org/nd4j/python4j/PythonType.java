// SPDX-License-Identifier: Apache-2.0
// Connects a Python type with a Java class. The built-in types are in PythonTypes; users add their own through
// java.util.ServiceLoader.
package org.nd4j.python4j;

import java.io.File;
import java.util.Objects;
import org.nd4j.python4j.internal.jni.Pack;

/**
 * A Python type with its counterpart in Java.
 *
 * <p>To add a type, extend this class and name the subclass in {@code META-INF/services/org.nd4j.python4j.PythonType}.
 * The subclass needs a public constructor without parameters. Such types are also used for values inside lists and
 * dicts. {@link #toJava}, {@link #toPython} and {@link #pythonType} are called with a turn of {@link PythonGIL} held.
 * All other methods must not need a turn.
 *
 * @param <T> the Java class
 */
public abstract class PythonType<T> {

    private final String typeName;
    private final Class<T> javaType;

    /**
     * @param typeName the name of the type in Python, with its module if that is not {@code builtins}; for example
     *     {@code numpy.ndarray}
     * @param javaType the class of its values in Java
     */
    public PythonType(String typeName, Class<T> javaType) {
        this.typeName = Objects.requireNonNull(typeName);
        this.javaType = Objects.requireNonNull(javaType);
    }

    /**
     * Converts a value of a similar Java class to a value of this type, or throws an exception. The default
     * implementation returns every value unchanged, including null. A value of a wrong class then fails where it is
     * used.
     *
     * @throws PythonException if the value cannot be converted
     */
    @SuppressWarnings("unchecked") // Upstream: the identity, for types such as int.class as well
    public T adapt(Object javaObject) throws PythonException {
        return (T) javaObject;
    }

    /**
     * Converts a Python object to a Java value.
     *
     * @throws PythonException if the object is not of this type
     */
    public abstract T toJava(PythonObject pythonObject);

    /** Converts a Java value to a Python object. */
    public abstract PythonObject toPython(T javaObject);

    /** Whether a Java object is a value of this type. */
    public boolean accepts(Object javaObject) {
        return javaType.isInstance(javaObject);
    }

    /** The name of the type in Python. */
    public String getName() {
        return typeName;
    }

    /** Types are equal if they have the same class and name. */
    @Override
    public boolean equals(Object obj) {
        return obj instanceof PythonType && obj.getClass() == getClass() && ((PythonType<?>) obj).typeName.equals(typeName);
    }

    @Override
    public int hashCode() {
        return typeName.hashCode();
    }

    @Override
    public String toString() {
        return "PythonType(" + typeName + ")";
    }

    /**
     * The type itself as a Python object, by which its instances are recognized. The default implementation returns
     * null, which means that they are recognized by the name of the type. This method is called with a turn held.
     */
    public PythonObject pythonType() {
        return null;
    }

    /** The folders that this type needs on {@code sys.path}. This method is called before Python starts. */
    public File[] packages() {
        return new File[0];
    }

    /** Prepares this type. The method is called once, after Python has started. */
    public void init() {}

    // ---- for this package ----

    /**
     * The memory of a value, for worker processes. They cannot get Python objects of this process, so they get the
     * memory as an array. The default implementation returns null, which means that values of this type have no such
     * memory.
     */
    public PythonBuffer toBuffer(T javaObject) {
        return null;
    }

    /**
     * Converts an array of a worker process to a value over the same memory. This is the opposite of {@link #toBuffer}.
     *
     * @throws PythonException if the array cannot be converted; the default implementation always throws it
     */
    public T ofBuffer(PythonBuffer buffer) {
        throw new PythonException("Values of " + this + " do not come from another process: only those of the built-in types do, and"
                + " those of types with ofBuffer().");
    }

    /**
     * Whether the bytes of {@link #toBuffer} and {@link #ofBuffer} are a table in Arrow's IPC stream format. A worker
     * process then gets and returns a table and not an array. It needs pyarrow for that. The buffer of {@link #toBuffer}
     * is closed when it has been sent. The default implementation returns false.
     */
    public boolean hasTables() {
        return false;
    }

    /** What is asked of Python for a value: a built-in type asks for the value, others for the object. */
    int wanted() {
        return Pack.Wanted.OBJECT;
    }

    Class<T> javaType() {
        return javaType;
    }

    /** What is packed for a value. */
    Object packed(Object value) {
        return send(value);
    }

    /** A Python object with a value that {@link #adapt} may have let through although it is none of this type. */
    @SuppressWarnings("unchecked") // what is wrong is seen within
    PythonObject send(Object value) {
        try {
            return toPython((T) value);
        } catch (ClassCastException e) {
            if (javaType.isInstance(value)) {
                throw e;
            }
            throw (PythonException) cannotCast(value, typeName).initCause(e);
        }
    }

    static PythonException cannotCast(Object javaObject, String name) {
        return new PythonException("Cannot cast object of type " + javaObject.getClass().getName() + " to " + name);
    }
}
