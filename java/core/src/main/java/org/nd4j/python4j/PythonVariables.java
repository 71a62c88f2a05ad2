// SPDX-License-Identifier: Apache-2.0
// A list of variables that can be looked up by name. PythonVariable is one of them.
package org.nd4j.python4j;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.nd4j.python4j.internal.convert.Names;

/**
 * An ordered list of variables. It is a plain Java list: no method needs a turn or starts Python.
 *
 * <p>The methods {@code add...} append a variable, even if the list already has one with that name, and return true.
 * The methods {@code get...} find the first variable with a name.
 */
@SuppressWarnings("rawtypes") // Upstream: the public signatures are raw
public class PythonVariables extends java.util.ArrayList<PythonVariable> {

    private static final long serialVersionUID = 1L;

    /** The variables given. */
    public PythonVariables(PythonVariable... variables) {
        super(Arrays.asList(variables));
    }

    /** The variables given. */
    public PythonVariables(List<PythonVariable> list) {
        super(list);
    }

    /**
     * The variable with a name, either exactly this name or the name as Python's compiler normalizes it; null if there
     * is none.
     */
    public PythonVariable get(String name) {
        PythonVariable exact = named(name);
        return exact != null || name == null ? exact : named(Names.asInPython(name));
    }

    private PythonVariable named(String name) {
        for (PythonVariable variable : this) {
            if (variable.getName().equals(name)) {
                return variable;
            }
        }
        return null;
    }

    /**
     * Appends a variable.
     *
     * @throws PythonException if the name is not a Java identifier or the value does not fit the type
     */
    public <T> boolean add(String name, PythonType<T> type, Object value) {
        return add(new PythonVariable<>(name, type, value));
    }

    /** Appends an int without a value, for an output. */
    public boolean addInt(String name) {
        return add(name, PythonTypes.INT, null);
    }

    /** Appends an int. */
    public boolean addInt(String name, long value) {
        return add(name, PythonTypes.INT, value);
    }

    /** Appends a float without a value, for an output. */
    public boolean addFloat(String name) {
        return add(name, PythonTypes.FLOAT, null);
    }

    /** Appends a float. */
    public boolean addFloat(String name, double value) {
        return add(name, PythonTypes.FLOAT, value);
    }

    /** Appends a str without a value, for an output. */
    public boolean addStr(String name) {
        return add(name, PythonTypes.STR, null);
    }

    /** Appends a str. */
    public boolean addStr(String name, String value) {
        return add(name, PythonTypes.STR, value);
    }

    /** Appends a bool without a value, for an output. */
    public boolean addBool(String name) {
        return add(name, PythonTypes.BOOL, null);
    }

    /** Appends a bool. */
    public boolean addBool(String name, boolean value) {
        return add(name, PythonTypes.BOOL, value);
    }

    /** Appends a list without a value, for an output. */
    public boolean addList(String name) {
        return add(name, PythonTypes.LIST, null);
    }

    /** Appends a list: a List or an array of any kind. */
    public boolean addList(String name, Object value) {
        return add(name, PythonTypes.LIST, value);
    }

    /** Appends a dict without a value, for an output. */
    public boolean addDict(String name) {
        return add(name, PythonTypes.DICT, null);
    }

    /** Appends a dict. */
    public boolean addDict(String name, Map<?, ?> value) {
        return add(name, PythonTypes.DICT, value);
    }

    /** Appends bytes without a value, for an output. */
    public boolean addBytes(String name) {
        return add(name, PythonTypes.BYTES, null);
    }

    /** Appends bytes. */
    public boolean addBytes(String name, byte[] value) {
        return add(name, PythonTypes.BYTES, value);
    }

    /** Appends an output of any type, whose value will be a {@link PythonObject}. */
    public boolean addObject(String name) {
        return add(name, PythonTypes.OBJECT, null);
    }

    /** Appends a value of any type that {@link PythonTypes#convert} takes. */
    public boolean addObject(String name, Object value) {
        return add(name, PythonTypes.OBJECT, value);
    }

    /**
     * The value of the variable with a name, for every type; null is None.
     *
     * @param <T> the class that the caller expects
     * @throws PythonException if there is no variable of that name
     */
    @SuppressWarnings("unchecked") // the caller names the class
    public <T> T getValue(String name) {
        return (T) variable(name).getValue();
    }

    /** The value of the int of a name. */
    public Long getIntValue(String name) {
        return value(name, PythonTypes.INT);
    }

    /** The value of the float of a name. */
    public Double getFloatValue(String name) {
        return value(name, PythonTypes.FLOAT);
    }

    /** The value of the str of a name. */
    public String getStrValue(String name) {
        return value(name, PythonTypes.STR);
    }

    /** The value of the bool of a name. */
    public Boolean getBoolValue(String name) {
        return value(name, PythonTypes.BOOL);
    }

    /** The value of the list of a name. */
    public List getListValue(String name) {
        return value(name, PythonTypes.LIST);
    }

    /** The value of the dict of a name. */
    public Map getDictValue(String name) {
        return value(name, PythonTypes.DICT);
    }

    /** The value of the bytes of a name. */
    public byte[] getBytesValue(String name) {
        return value(name, PythonTypes.BYTES);
    }

    /** The names, in order. */
    public String[] getVariables() {
        return stream().map(PythonVariable::getName).toArray(String[]::new);
    }

    private <T> T value(String name, PythonType<T> type) {
        Object value = variable(name).getValue();
        return value == null ? null : type.adapt(value);
    }

    private PythonVariable<?> variable(String name) {
        PythonVariable<?> variable = get(name);
        if (variable == null) {
            throw new PythonException("No variable named '" + name + "' among " + Arrays.toString(getVariables()) + ".");
        }
        return variable;
    }
}
