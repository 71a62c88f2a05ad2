// SPDX-License-Identifier: Apache-2.0
// A PythonInterpreter that first makes sure that Python is started. It then delegates to the
// UncheckedPythonInterpreter of the thread.
package org.nd4j.python4j;

import org.nd4j.common.primitives.Pair;

/** A {@link PythonInterpreter} whose calls start Python if it does not run yet. No method needs a turn. */
public class InitializingPythonInterpreter implements PythonInterpreter {

    /** Creates an interpreter. Python is not started yet. */
    public InitializingPythonInterpreter() {}

    /**
     * Starts Python unless it runs.
     *
     * @throws PythonException if Python cannot be started
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
     * The interpreter of the calling thread. This method starts Python if it does not run yet.
     *
     * @throws PythonException if Python cannot be started
     */
    public static PythonInterpreter getInstance() {
        maybeInit();
        return UncheckedPythonInterpreter.getInstance();
    }
}
