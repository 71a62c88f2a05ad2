// SPDX-License-Identifier: Apache-2.0
// The only direct implementation of PythonInterpreter. Each thread has one instance.
package org.nd4j.python4j;

import java.lang.ref.WeakReference;
import java.util.HashMap;
import java.util.Map;
import org.nd4j.common.primitives.Pair;
import org.nd4j.python4j.internal.jni.Handles;

/** A {@link PythonInterpreter}. No method needs a turn: each method takes a turn for the duration of the call. */
public class UncheckedPythonInterpreter implements PythonInterpreter {

    static { // as a module: ND4J's own modules cannot be resolved, so Pair's jar stays on the class path
        Module own = UncheckedPythonInterpreter.class.getModule();
        if (own.isNamed()) {
            own.addReads(own.getClassLoader().getUnnamedModule());
        }
    }

    // A thread has no more than an object of the JDK's, since a server's threads outlive an application and its class
    // loader. The cleaner keeps the instance until the thread, and with it that object, is gone.
    private static final ThreadLocal<WeakReference<UncheckedPythonInterpreter>> INSTANCES = new ThreadLocal<>();

    /** Keeps an instance, by being kept. */
    private static final class Keeper implements Runnable {
        final UncheckedPythonInterpreter instance;

        Keeper(UncheckedPythonInterpreter instance) {
            this.instance = instance;
        }

        @Override
        public void run() {} // the cleaner has forgotten this by now, which is all
    }

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
     * @throws PythonException if Python cannot be started
     */
    public void init() {
        PythonGIL.start();
    }

    /** The interpreter of the calling thread. */
    public static UncheckedPythonInterpreter getInstance() {
        WeakReference<UncheckedPythonInterpreter> held = INSTANCES.get();
        if (held != null) {
            return held.get();
        }
        UncheckedPythonInterpreter made = new UncheckedPythonInterpreter();
        held = new WeakReference<>(made);
        INSTANCES.set(held);
        Handles.CLEANER.register(held, new Keeper(made));
        return made;
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
