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
 * <p>To add one, extend this class and name the subclass, which needs a public constructor without
 * parameters, in {@code META-INF/services/org.nd4j.python4j.PythonType}. Such types are also used for
 * values inside lists and dicts. {@link #toJava} and {@link #toPython} are called with a turn of
 * {@link PythonGIL} held; all else must not need one.
 *
 * @param <T> the Java class
 */
public abstract class PythonType<T> {

    private final String typeName;
    private final Class<T> javaType;

    /**
     * @param typeName the name of the type in Python, with its module if that is not {@code builtins}:
     *     {@code numpy.ndarray}
     * @param javaType the class of its values in Java
     */
    public PythonType(String typeName, Class<T> javaType) {
        this.typeName = Objects.requireNonNull(typeName);
        this.javaType = Objects.requireNonNull(javaType);
    }

    /**
     * Makes a value of this type from one of a similar class, or throws. Without an override every value passes
     * unchanged, null as well: what does not fit is found where it is used.
     *
     * @throws PythonException if there is no way
     */
    @SuppressWarnings("unchecked") // Upstream: the identity, for types such as int.class as well
    public T adapt(Object javaObject) throws PythonException {
        return (T) javaObject;
    }

    /**
     * The value of a Python object.
     *
     * @throws PythonException if the object is not of this type
     */
    public abstract T toJava(PythonObject pythonObject);

    /** A Python object with this value. */
    public abstract PythonObject toPython(T javaObject);

    /** Whether a Java object is a value of this type. */
    public boolean accepts(Object javaObject) {
        return javaType.isInstance(javaObject);
    }

    /** The name of the type in Python. */
    public String getName() {
        return typeName;
    }

    /** Equal are types of the same class and name. */
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
     * The type itself as a Python object, to know its instances by. Null, as here, lets the name decide.
     * Called with a turn held.
     */
    public PythonObject pythonType() {
        return null;
    }

    /** Folders that Python has to find on {@code sys.path} for this type. Asked before Python starts. */
    public File[] packages() {
        return new File[0];
    }

    /** Called once, after Python has started. */
    public void init() {}

    // ---- for this package ----

    /**
     * The memory of a value, for worker processes, which are given no Python objects of this process: they see an array. Null, as here, if
     * a value of this type has none.
     */
    public PythonBuffer toBuffer(T javaObject) {
        return null;
    }

    /**
     * The value that an array of a worker process is, over the same memory; the other direction of {@link #toBuffer}.
     *
     * @throws PythonException as here, if there is no such value
     */
    public T ofBuffer(PythonBuffer buffer) {
        throw new PythonException("Values of " + this + " do not come from another process: only those of the built-in types do, and"
                + " those of types with ofBuffer().");
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
