// SPDX-License-Identifier: Apache-2.0
// A name, a type and a value: an input or an output of a program. PythonVariables is a list of them.
// PythonExecutioner passes them to Python and reads them back.
package org.nd4j.python4j;

import java.util.Arrays;
import java.util.Objects;

/**
 * A named value of a {@link PythonType}. It is a plain Java object: no method except {@link #getPythonObject} needs a
 * turn or starts Python.
 *
 * @param <T> the class of its values in Java
 */
public class PythonVariable<T> {

    private String name;
    private PythonType<T> type;
    private T value;

    /**
     * A variable with a value.
     *
     * @param name a Java identifier
     * @param value the value, which is converted by {@link PythonType#adapt}; null is None
     * @throws PythonException if the name is not an identifier or the value does not fit the type
     */
    public PythonVariable(String name, PythonType<T> type, Object value) {
        if (!isIdentifier(name)) {
            throw new PythonException("Invalid identifier: " + name);
        }
        this.name = name;
        this.type = Objects.requireNonNull(type);
        setValue(value);
    }

    /**
     * A variable without a value, for an output.
     *
     * @param name a Java identifier
     * @throws PythonException if the name is not an identifier
     */
    public PythonVariable(String name, PythonType<T> type) {
        this(name, type, null);
    }

    private static boolean isIdentifier(String name) {
        // Without a stream of its characters, which takes a fifth of a small request.
        for (int i = 0, c; i < name.length(); i += Character.charCount(c)) {
            c = name.codePointAt(i);
            if (!(i == 0 ? Character.isJavaIdentifierStart(c) : Character.isJavaIdentifierPart(c))) {
                return false;
            }
        }
        return !name.isEmpty();
    }

    /** The type. */
    public PythonType<T> getType() {
        return type;
    }

    /** The value; null is None. */
    public T getValue() {
        return value;
    }

    /**
     * Sets the value, which is converted by {@link PythonType#adapt}; null is None.
     *
     * @throws PythonException if the value does not fit the type
     */
    public void setValue(Object value) {
        this.value = value == null ? null : getType().adapt(value);
    }

    /**
     * Converts the value to a Python object. This method needs a turn of {@link PythonGIL}.
     *
     * @throws PythonException if the thread has no turn
     */
    public PythonObject getPythonObject() {
        return value == null ? Python.None() : getType().send(value);
    }

    /** The name. */
    public String getName() {
        return name;
    }

    /** Sets the name. As in upstream, this method does not check it. */
    public void setName(String name) {
        this.name = name;
    }

    /**
     * Sets the type by its name, see {@link PythonTypes#get(String)}. The value does not change.
     *
     * @throws PythonException if no type has this name
     */
    public void setType(String type) {
        this.type = PythonTypes.get(type);
    }

    /** Variables are equal if they have the same name, type and value. */
    @Override
    public boolean equals(Object o) {
        if (o == this) {
            return true;
        }
        if (!(o instanceof PythonVariable)) {
            return false;
        }
        PythonVariable<?> other = (PythonVariable<?>) o;
        return other.canEqual(this)
                && Objects.equals(getName(), other.getName())
                && Objects.equals(getType(), other.getType())
                && Objects.deepEquals(getValue(), other.getValue());
    }

    /**
     * Whether the other object may be equal to this one. A subclass whose instances are not equal to a {@code
     * PythonVariable} overrides this method.
     */
    protected boolean canEqual(Object other) {
        return other instanceof PythonVariable;
    }

    @Override
    public int hashCode() {
        return Arrays.deepHashCode(new Object[] {getName(), getType(), getValue()});
    }

    @Override
    public String toString() {
        return "PythonVariable(name=" + getName() + ", type=" + getType() + ", value=" + getValue() + ")";
    }
}
