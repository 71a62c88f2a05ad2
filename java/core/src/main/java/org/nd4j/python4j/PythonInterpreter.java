// SPDX-License-Identifier: Apache-2.0
// A small interface to Python: it runs code, and gets and sets variables. UncheckedPythonInterpreter implements
// it.
package org.nd4j.python4j;

import org.nd4j.common.primitives.Pair;

/**
 * Runs code and moves variables, each call within a turn of {@link PythonGIL} that it takes by itself.
 *
 * <p>What was got or set last under a name is remembered, both as it is in Python and in Java.
 */
public interface PythonInterpreter {

    /** The Python object last got or set under a name, null if there is none. */
    Object getCachedPython(String varName);

    /** The Java value last got or set under a name, null if there is none. */
    Object getCachedJava(String varName);

    /** Both of what was last got or set under a name; two nulls if there is none. */
    Pair<PythonObject, Object> getCachedPythonJava(String varName);

    /** The lock that the calls take. */
    GILLock gilLock();

    /**
     * Runs code, see {@link PythonExecutioner#simpleExec}.
     *
     * @throws PythonException if it fails
     */
    void exec(String expression);

    /**
     * The value of a variable, converted by the type that the object has.
     *
     * @param getNew Upstream: has no effect, the value is always the present one
     * @throws PythonException if there is no such variable, or no converter for its type
     */
    Object get(String variable, boolean getNew);

    /**
     * Sets a variable.
     *
     * @throws PythonException if there is no way to convert the value
     */
    void set(String variable, Object value);
}
