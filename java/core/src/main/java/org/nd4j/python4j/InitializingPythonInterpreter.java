// SPDX-License-Identifier: Apache-2.0
// A PythonInterpreter that first makes sure that Python is started. It then delegates to the
// UncheckedPythonInterpreter of the thread.
package org.nd4j.python4j;

import org.nd4j.common.primitives.Pair;

/** A {@link PythonInterpreter} whose calls start Python if need be. No method needs a turn. */
public class InitializingPythonInterpreter implements PythonInterpreter {

    /** An interpreter; nothing starts yet. */
    public InitializingPythonInterpreter() {}

    /**
     * Starts Python unless it runs.
     *
     * @throws PythonException if that fails
     */
    public static void maybeInit() {
        PythonGIL.start();
    }

    @Override
    public Object getCachedPython(String varName) {
        return getInstance().getCachedPython(varName);
    }

    @Override
    public Object getCachedJava(String varName) {
        return getInstance().getCachedJava(varName);
    }

    @Override
    public Pair<PythonObject, Object> getCachedPythonJava(String varName) {
        return getInstance().getCachedPythonJava(varName);
    }

    @Override
    public GILLock gilLock() {
        return getInstance().gilLock();
    }

    @Override
    public void exec(String expression) {
        getInstance().exec(expression);
    }

    @Override
    public Object get(String variable, boolean getNew) {
        return getInstance().get(variable, getNew);
    }

    @Override
    public void set(String variable, Object value) {
        getInstance().set(variable, value);
    }

    /**
     * The interpreter of the calling thread; Python runs then.
     *
     * @throws PythonException if it cannot be started
     */
    public static PythonInterpreter getInstance() {
        maybeInit();
        return UncheckedPythonInterpreter.getInstance();
    }
}
