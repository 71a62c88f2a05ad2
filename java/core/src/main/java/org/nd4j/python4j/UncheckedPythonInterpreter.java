// SPDX-License-Identifier: Apache-2.0
// The one implementation of PythonInterpreter, one instance for each thread.
package org.nd4j.python4j;

import java.util.HashMap;
import java.util.Map;
import org.nd4j.common.primitives.Pair;

/** A {@link PythonInterpreter}. No method needs a turn: each takes one for its own length. */
public class UncheckedPythonInterpreter implements PythonInterpreter {

    static { // as a module: ND4J's own modules cannot be resolved, so Pair's jar stays on the class path
        Module own = UncheckedPythonInterpreter.class.getModule();
        if (own.isNamed()) {
            own.addReads(own.getClassLoader().getUnnamedModule());
        }
    }

    private static final ThreadLocal<UncheckedPythonInterpreter> INSTANCES =
            ThreadLocal.withInitial(UncheckedPythonInterpreter::new);

    private final GILLock lock = new GILLock();
    private final Map<String, Pair<PythonObject, Object>> cache = new HashMap<>();

    private UncheckedPythonInterpreter() {}

    @Override
    public Object getCachedPython(String varName) {
        return getCachedPythonJava(varName).getFirst();
    }

    @Override
    public Object getCachedJava(String varName) {
        return getCachedPythonJava(varName).getSecond();
    }

    @Override
    public Pair<PythonObject, Object> getCachedPythonJava(String varName) {
        Pair<PythonObject, Object> cached = cache.get(varName);
        return cached == null ? new Pair<>(null, null) : cached;
    }

    /** A new reference to {@code None}. */
    public PythonObject newNone() {
        try (PythonGIL gil = PythonGIL.lock()) {
            return Python.None();
        }
    }

    /**
     * Starts Python unless it runs.
     *
     * @throws PythonException if that fails
     */
    public void init() {
        PythonGIL.start();
    }

    /** The interpreter of the calling thread. */
    public static UncheckedPythonInterpreter getInstance() {
        return INSTANCES.get();
    }

    @Override
    public GILLock gilLock() {
        return lock;
    }

    @Override
    public void exec(String expression) {
        try (PythonGIL gil = PythonGIL.lock()) {
            PythonExecutioner.simpleExec(expression);
        }
    }

    @Override
    public Object get(String variable, boolean getNew) {
        // What is remembered outlives the caller's frame.
        try (PythonGIL gil = PythonGIL.lock();
                PythonGC pause = PythonGC.pause()) {
            PythonObject object = PythonExecutioner.getVariable(variable);
            if (!object.exists()) {
                throw new PythonException("No variable named '" + variable + "' in context '"
                        + PythonContextManager.getCurrentContext() + "'.");
            }
            Object value = PythonTypes.getPythonTypeForPythonObject(object).toJava(object);
            cache.put(variable, new Pair<>(object, value));
            return value;
        }
    }

    @Override
    public void set(String variable, Object value) {
        try (PythonGIL gil = PythonGIL.lock();
                PythonGC pause = PythonGC.pause()) {
            PythonObject object = PythonTypes.convert(value);
            PythonExecutioner.setVariable(variable, object);
            cache.put(variable, new Pair<>(object, value));
        }
    }
}
