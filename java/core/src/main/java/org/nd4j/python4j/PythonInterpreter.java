// SPDX-License-Identifier: Apache-2.0
// A small interface to Python: it runs code, and gets and sets variables. UncheckedPythonInterpreter implements
// it.
package org.nd4j.python4j;

import org.nd4j.common.primitives.Pair;

/**
 * Runs code, and gets and sets variables. Each call takes a turn of {@link PythonGIL} by itself.
 *
 * <p>The interpreter remembers the value that was last read or set under a name, both as a Python object and as a Java
 * value.
 */
public interface PythonInterpreter {

    /** The Python object that was last read or set under a name; null if there is none. */
    Object getCachedPython(String varName);

    /** The Java value that was last read or set under a name; null if there is none. */
    Object getCachedJava(String varName);

    /** The Python object and the Java value that were last read or set under a name; two nulls if there are none. */
    Pair<PythonObject, Object> getCachedPythonJava(String varName);

    /** The lock that the calls take. */
    GILLock gilLock();

    /**
     * Runs code, see {@link PythonExecutioner#simpleExec}.
     *
     * @throws PythonException if the code fails
     */
    void exec(String expression);

    /**
     * The value of a variable, converted according to the type of the Python object.
     *
     * @param getNew has no effect, as in upstream: the result is always the present value
     * @throws PythonException if the variable does not exist, or its type has no converter
     */
    Object get(String variable, boolean getNew);

    /**
     * Sets a variable.
     *
     * @throws PythonException if the value cannot be converted
     */
    void set(String variable, Object value);
}
