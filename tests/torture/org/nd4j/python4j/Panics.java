// SPDX-License-Identifier: Apache-2.0
// A panic of the Rust half in every native function, and at every point that an operation passes, one after the
// other: a Java exception each time, no turn lost, no lock held, and the next call works. Wants libraries with Inject.
package org.nd4j.python4j;

import java.lang.reflect.Array;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import org.nd4j.python4j.internal.jni.Callbacks;
import org.nd4j.python4j.internal.jni.Native;

/** {@code Panics}. */
final class Panics {
    private Panics() {}

    interface Body {
        void run() throws Exception;
    }

    private static final Map<String, Body> ALL = new LinkedHashMap<>();
    private static final int MOST_POINTS = 2000;

    static {
        ALL.put("lock and close", () -> {});
        ALL.put("exec", () -> PythonExecutioner.exec("x = 1"));
        ALL.put("new code", () -> PythonExecutioner.exec("x = " + System.nanoTime()));
        ALL.put("inputs and outputs", () -> PythonExecutioner.exec("y = [x, 1, 'a']",
                Arrays.asList(new PythonVariable<>("x", PythonTypes.STR, "text")),
                Arrays.asList(new PythonVariable<>("y", PythonTypes.LIST))));
        ALL.put("an error", () -> PythonExecutioner.exec("1 / 0"));
        ALL.put("a chained error", () -> PythonExecutioner.exec("try: 1 / 0\nexcept Exception as e: raise ValueError('v') from e"));
        ALL.put("a syntax error", () -> PythonExecutioner.exec("x = ("));
        ALL.put("a traceback", () -> {
            try {
                PythonExecutioner.exec("1 / 0");
            } catch (PythonException e) {
                e.getTraceback();
                throw e;
            }
        });
        ALL.put("simpleExec", () -> PythonExecutioner.simpleExec("raise KeyError(1)"));
        ALL.put("variables", () -> {
            PythonExecutioner.setVariable("v", new PythonObject(5));
            PythonExecutioner.getVariable("v", PythonTypes.INT);
            PythonExecutioner.getVariable("absent");
            PythonExecutioner.getAllVariables();
        });
        ALL.put("nested values", () -> new PythonObject(Arrays.asList(1, "a", Collections.singletonMap("k", Arrays.asList(2.5)))).toList());
        ALL.put("objects in values", () -> Python.eval("[object, {1: object()}]").attr("copy").call().get(0).toString());
        ALL.put("operators", () -> {
            PythonObject list = new PythonObject(Arrays.asList(1, 2));
            list.set(new PythonObject(0), list.get(1).add(new PythonObject(3)));
            list.addi(list);
            list.attr("append").call(4);
        });
        ALL.put("frames", () -> {
            try (PythonGC frame = PythonGC.watch()) {
                PythonGC.keep(new PythonObject("kept"));
                new PythonObject("gone");
            }
        });
        ALL.put("deleting", () -> new PythonObject("gone").del());
        ALL.put("contexts", () -> {
            try (PythonContextManager.Context context = new PythonContextManager.Context("panic")) {
                PythonExecutioner.exec("z = 1");
                PythonContextManager.reset();
            } finally {
                PythonContextManager.setMainContext();
                PythonContextManager.deleteContext("panic");
            }
        });
        ALL.put("a callback", () -> Callbacks.callable((args, named) -> args.get(0)).call("a", 1).toString());
        ALL.put("a callback that enters Python", () -> Callbacks.callable((args, named) -> {
            PythonExecutioner.exec("inner = 1");
            return Python.eval("inner");
        }).call().toLong());
        ALL.put("a callback that throws", () -> Callbacks.callable((args, named) -> {
            throw new IllegalStateException("mine");
        }).call());
        ALL.put("a callback in Python's except", () -> {
            PythonExecutioner.setVariable("back", Callbacks.callable((args, named) -> 5));
            PythonExecutioner.exec("try:\n    r = back(1)\nexcept Exception: r = 5\nfinally:\n    del back");
        });
        ALL.put("a reference", () -> {
            PythonExecutioner.setVariable("r", Python.reference(new java.util.ArrayList<>(Arrays.asList(1, 2))));
            PythonExecutioner.exec("r.append(3)\nn = len(r)\ndel r");
        });
        ALL.put("a view", () -> PythonBuffer.view(Python.eval("bytearray(10)")).close());
        ALL.put("Java's memory", () -> PythonBuffer.of(ByteBuffer.allocateDirect(64)).toMemoryview().toString());
        ALL.put("captured output", () -> {
            try (PythonOutput output = PythonOutput.capture()) {
                PythonExecutioner.exec("print('x')");
            }
        });
        ALL.put("a time limit", () -> PythonExecutioner.exec("x = 1", null, null, Duration.ofMinutes(1)));
        ALL.put("a shared turn", () -> {
            Thread thread = new Thread(() -> {
                Inject.panicAfter(Panics.points);
                try (PythonGIL gil = PythonGIL.lockShared()) {
                    PythonExecutioner.exec("s = 1");
                } finally {
                    left = Inject.panicAfter(0);
                }
            });
            thread.setUncaughtExceptionHandler((dead, e) -> thrown = e);
            thread.start();
            PythonGIL.lock().close();
            thread.join();
        });
    }

    private static int functions;
    private static volatile long points;
    private static volatile long left;
    private static volatile Throwable thrown;

    public static void main(String[] arguments) throws Exception {
        Operations.begin();
        int wrong = exports();
        int panics = 0;
        for (Map.Entry<String, Body> operation : ALL.entrySet()) {
            String name = operation.getKey();
            boolean shared = name.equals("a shared turn");
            if (attempt(operation.getValue(), 0, shared) instanceof Error) { // classes are there before the first panic
                throw new AssertionError(name);
            }
            boolean passed = false;
            for (points = 1; points < MOST_POINTS && !passed; points++) {
                System.out.println("at " + name + ", point " + points);
                Throwable outcome = attempt(operation.getValue(), shared ? 0 : points, shared);
                passed = left > 0;
                panics += passed ? 0 : 1;
                String said = outcome == null ? null : String.valueOf(outcome.getMessage());
                boolean fine = passed || outcome == null // Python's finally and except may have dealt with it
                        || outcome instanceof PythonException || said.equals("mine");
                String after = PythonGIL.locked() ? "the turn is lost" : Operations.aftermath();
                if (!fine || after != null) {
                    wrong++;
                    System.out.println("WRONG " + name + ", point " + points + ": " + outcome + ", afterwards: " + after);
                }
            }
            if (!passed) {
                wrong++;
                System.out.println("WRONG " + name + " never ends");
            }
        }
        System.out.println("DONE " + (functions + ALL.size()) + " functions and operations, " + wrong + " wrong, " + panics + " panics");
        Runtime.getRuntime().halt(wrong == 0 ? 0 : 1);
    }

    /** Every native function, with a panic before it looks at what it was given: how many did something else. */
    private static int exports() throws ReflectiveOperationException {
        int wrong = 0;
        for (Method export : Native.class.getDeclaredMethods()) {
            if (!Modifier.isNative(export.getModifiers())) {
                continue;
            }
            functions++;
            export.setAccessible(true);
            System.out.println("at the function " + export.getName());
            Class<?>[] types = export.getParameterTypes();
            Object[] nothing = new Object[types.length];
            for (int i = 0; i < types.length; i++) {
                nothing[i] = Array.get(Array.newInstance(types[i], 1), 0);
            }
            Object outcome = null;
            try (PythonGIL gil = PythonGIL.lock()) {
                Inject.panicAfter(1);
                try {
                    outcome = export.invoke(null, nothing);
                } catch (InvocationTargetException e) {
                    outcome = e.getCause();
                } finally {
                    Inject.panicAfter(0);
                }
            }
            boolean fine = outcome instanceof PythonException && ((PythonException) outcome).getMessage().contains("injected");
            String after = PythonGIL.locked() ? "the turn is lost" : Operations.aftermath();
            if (!fine || after != null) {
                wrong++;
                System.out.println("WRONG " + export + ": " + outcome + ", afterwards: " + after);
            }
        }
        return wrong;
    }

    /** What came out of it; {@code left} says whether the panic is still to come. */
    private static Throwable attempt(Body body, long after, boolean elsewhere) {
        Throwable outcome = null;
        thrown = null;
        left = 0;
        if (elsewhere) {
            try {
                body.run();
            } catch (Exception e) {
                outcome = e;
            }
            return thrown == null ? outcome : thrown;
        }
        Inject.panicAfter(after);
        try (PythonGIL gil = PythonGIL.lock()) {
            body.run();
        } catch (Throwable e) {
            outcome = e;
        } finally {
            left = Inject.panicAfter(0);
        }
        return outcome;
    }
}
