// SPDX-License-Identifier: Apache-2.0
// What Python holds of Java: functions it can call and exceptions that travel through it, by key.
// The native half is callback.rs and door.rs; Native.upcall is the one way in.
package org.nd4j.python4j;

import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;

/** The table of Java objects that Python objects refer to. */
final class Callbacks {

    /** A Java function as Python calls it. Runs without the GIL, on any thread, Python's own included. */
    interface Function {
        /** @param arguments a list of positional arguments and a map of named ones, null for none */
        Object call(List<?> arguments, Map<?, ?> named) throws Throwable;
    }

    private static final int VALUE = 0;
    private static final int THROWN = 1;
    private static final int RAISED = 2;

    private static final AtomicLong KEYS = new AtomicLong();
    private static final Map<Long, Object> HELD = new ConcurrentHashMap<>();

    /** The objects in a thread's last answer: Python reads it after the call that made it is over. */
    private static final ThreadLocal<List<PythonObject>> ANSWERED = new ThreadLocal<>();

    private Callbacks() {}

    /** A Python callable for a function; Python holds the function as long as it holds the callable. */
    static PythonObject callable(Function function) {
        try (PythonGIL turn = PythonGIL.enter()) {
            long key = hold(function);
            long frame = PythonGC.frame();
            return new PythonObject(Native.callbackFunction(key, frame), frame);
        }
    }

    /** The exception that travels under a key; null if Python has dropped it. */
    static Throwable thrown(long key) {
        Object held = HELD.get(key);
        return held instanceof Throwable ? (Throwable) held : null;
    }

    /** How many Java objects Python holds. */
    static int count() {
        return HELD.size();
    }

    private static long hold(Object object) {
        long key = KEYS.incrementAndGet();
        HELD.put(key, object);
        return key;
    }

    /** A call from Python, or with no arguments the news that Python has dropped the key. */
    static byte[] upcall(long key, byte[] arguments) {
        if (arguments == null) {
            HELD.remove(key);
            return null;
        }
        Pack reply = Pack.take();
        try (PythonGIL.Visit visit = PythonGIL.visit()) {
            try {
                Pack.Reader reader = new Pack.Reader(arguments, 0);
                Object args = reader.finishOrKeep(reader.value());
                Object named = reader.finishOrKeep(reader.value());
                Object held = HELD.get(key);
                Object result = ((Function) held).call((List<?>) args, (Map<?, ?>) named);
                reply.u8(VALUE).value(result);
            } catch (Throwable e) {
                reply.clear();
                refuse(reply, e);
            }
            ANSWERED.set(reply.lent());
            return reply.copy();
        } finally {
            reply.giveBack();
        }
    }

    private static void refuse(Pack reply, Throwable e) {
        PythonObject raised = e instanceof PythonException ? ((PythonException) e).getPythonObject() : null;
        if (raised != null && raised.exists()) {
            reply.u8(RAISED).value(raised);
            return;
        }
        String text;
        try {
            text = e.getMessage() == null ? "" : e.getMessage();
        } catch (RuntimeException inner) {
            text = "";
        }
        reply.u8(THROWN).key(hold(e)).text(e.getClass().getName()).text(text);
    }
}
