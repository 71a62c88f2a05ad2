// SPDX-License-Identifier: Apache-2.0
// An application of LoadersTest: loaded by a class loader of its own, together with the library. Whoever loads it
// has other classes of both, so all that goes in and out is the JDK's.
package org.nd4j.python4j;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BiFunction;
import java.util.function.Function;
import org.nd4j.python4j.internal.jni.Native;

public final class LoadersApp implements BiFunction<String, String, Object> {

    /** A Java interface for proxies. */
    public interface Greeter {
        String greet(String whom);
    }

    /** An exception that only this class loader has. */
    public static final class Own extends Exception {
        private static final long serialVersionUID = 1L;

        Own(String text) {
            super(text);
        }
    }

    private String name = "nobody";
    private PythonObject kept;
    private PythonOutput output;
    private Exception caught;
    private PythonGIL block;

    /** Does one of the things below. Python's names of this application begin with the application's. */
    @Override
    public Object apply(String what, String argument) {
        if (what.equals("shutdown")) {
            PythonExecutioner.shutdown();
            return null;
        }
        if (what.equals("async")) {
            PythonAsync async = PythonAsync.get();
            async.exec("import asyncio\nasync def pending():\n    await asyncio.sleep(1000)");
            async.eval(Void.class, "pending()");
            return async.eval(String.class, argument).join();
        }
        if (what.equals("storm")) {
            return storm(this, Integer.parseInt(argument));
        }
        if (what.equals("block")) { // opened, and a name set in it; closed by the next call
            if (argument == null) {
                block.close();
                return null;
            }
            block = PythonGIL.lockShared();
            PythonExecutioner.exec(argument);
            return null;
        }
        if (what.equals("lend")) { // the turn that the caller has
            if (argument == null) {
                block.close();
                return null;
            }
            block = PythonGIL.lend();
            return null;
        }
        if (what.equals("inBlock")) {
            return Python.eval(argument).toJava(Object.class);
        }
        if (what.equals("lock")) {
            try (PythonGIL gil = PythonGIL.lock()) {
                return "locked";
            } catch (PythonException e) {
                return e.getMessage();
            }
        }
        if (what.equals("unchecked")) {
            UncheckedPythonInterpreter python = UncheckedPythonInterpreter.getInstance();
            python.set(argument, name);
            return python.get(argument, true);
        }
        if (what.equals("tryLock")) {
            return tryLock(Integer.parseInt(argument));
        }
        try (PythonGIL gil = PythonGIL.lock()) {
            switch (what) {
                case "name":
                    name = argument;
                    return name;
                case "exec":
                    PythonExecutioner.exec(argument);
                    return null;
                case "eval":
                    return Python.eval(argument).toJava(Object.class);
                case "function":
                    PythonExecutioner.setVariable(argument, Python.function((args, named) -> args + " in " + name));
                    return null;
                case "functions": {
                    List<String> wrong = new ArrayList<>();
                    for (int i = 0; i < 50; i++) {
                        String mine = name + " " + i;
                        PythonExecutioner.setVariable("f_" + name, Python.function((args, named) -> mine));
                        Object got = Python.eval("f_" + name + "()").toJava(Object.class);
                        if (!mine.equals(got)) {
                            wrong.add(mine + " got " + got);
                        }
                    }
                    return wrong.toString();
                }
                case "raise":
                    try {
                        PythonExecutioner.exec(argument);
                        return "nothing";
                    } catch (PythonException e) {
                        return e.getClass().getSimpleName() + ": " + e.getMessage();
                    }
                case "thrower":
                    PythonExecutioner.setVariable(argument, Python.function((args, named) -> {
                        Own own = new Own("of " + name);
                        own.initCause(new IllegalStateException("inner " + name));
                        own.addSuppressed(new Own("beside " + name));
                        throw own;
                    }));
                    return null;
                case "catch":
                    try {
                        PythonExecutioner.exec(argument);
                        return "nothing";
                    } catch (Exception e) {
                        return (e instanceof Own ? "own" : e.getClass().getName()) + ": " + e.getMessage();
                    }
                case "stack": // of what another application throws, which this one goes on keeping
                    try {
                        PythonExecutioner.exec(argument);
                        return "nothing";
                    } catch (Exception e) {
                        caught = e;
                        StringWriter text = new StringWriter();
                        e.printStackTrace(new PrintWriter(text));
                        return text.toString();
                    }
                case "capture":
                    try (PythonOutput captured = PythonOutput.capture()) {
                        PythonExecutioner.exec(argument);
                        return captured.getOut();
                    }
                case "open":
                    output = PythonOutput.capture();
                    return null;
                case "printed":
                    return output.getOut();
                case "close":
                    output.close();
                    return output.getOut();
                case "reference": {
                    List<Object> list = new ArrayList<>(List.of(name));
                    PythonExecutioner.setVariable(argument, Python.reference(list));
                    return list;
                }
                case "exposed": { // members of a class of the JDK's, which lives on
                    StringBuilder text = new StringBuilder(name);
                    PythonExecutioner.setVariable("text", Python.reference(text, PythonExposure.none().allow(StringBuilder.class)));
                    PythonExecutioner.exec("text.append('!')");
                    return text.toString();
                }
                case "arrives": { // what comes back is the very object, or an object of Python's
                    Object back = Python.eval(argument).toJava(Object.class);
                    return back instanceof PythonObject ? "python" : back.getClass().getSimpleName();
                }
                case "proxy":
                    return Python.eval(argument).asInterface(Greeter.class).greet(name);
                case "runner":
                    PythonExecutioner.setVariable(argument, Python.function((args, named) -> {
                        PythonExecutioner.exec(args.get(0).toString());
                        return "endless";
                    }));
                    return null;
                case "deadline":
                    return apply("within", argument + " while True: pass");
                case "within": {
                    String[] limitAndCode = argument.split(" ", 2);
                    try {
                        PythonExecutioner.exec(limitAndCode[1], null, null, Duration.ofMillis(Integer.parseInt(limitAndCode[0])));
                        return "endless";
                    } catch (PythonTimeout e) {
                        return "timeout";
                    }
                }
                case "context":
                    PythonContextManager.setContext(argument);
                    return PythonContextManager.getCurrentContext();
                case "contexts":
                    return new PythonContextManager().getContexts().toString();
                case "array": {
                    ByteBuffer memory = ByteBuffer.allocateDirect(16).order(ByteOrder.nativeOrder());
                    memory.putDouble(0, 1.5);
                    PythonExecutioner.setVariable(argument, PythonBuffer.of(memory.asDoubleBuffer(), 2).toMemoryview());
                    PythonExecutioner.exec(argument + "[1] = 2 * " + argument + "[0]");
                    return memory.getDouble(8);
                }
                case "keep":
                    kept = Python.eval(argument);
                    return null;
                case "kept":
                    return kept.toString();
                case "handles":
                    return Native.handleCount();
                default:
                    throw new IllegalArgumentException(what);
            }
        }
    }

    /** Whether there was a turn in so many milliseconds. */
    private static boolean tryLock(int millis) {
        try (PythonGIL gil = PythonGIL.tryLock(Duration.ofMillis(millis))) {
            return gil != null;
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Calls of one thread that is busy with everything at once: what went wrong. */
    private static String storm(LoadersApp app, int rounds) {
        AtomicInteger calls = new AtomicInteger();
        Function<Number, Number> twice = i -> {
            calls.incrementAndGet();
            return 2 * i.intValue();
        };
        for (int i = 0; i < rounds; i++) {
            try (PythonGIL gil = PythonGIL.lock()) {
                PythonExecutioner.setVariable("twice_" + app.name, Python.function(twice));
                int got = Python.eval("twice_" + app.name + "(" + i + ")").toInt();
                if (got != 2 * i) {
                    return app.name + ": 2 * " + i + " = " + got;
                }
            }
        }
        return calls.get() == rounds ? "" : app.name + ": " + calls + " calls";
    }
}
