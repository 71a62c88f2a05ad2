// SPDX-License-Identifier: Apache-2.0
// Runs Python code and passes variables. Each call sends one packed request and receives one packed reply. The
// file exec.rs is the native side.
package org.nd4j.python4j;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import org.nd4j.python4j.internal.jni.Native;
import org.nd4j.python4j.internal.jni.Pack;
import org.nd4j.python4j.internal.monitor.Monitor;
import org.nd4j.python4j.internal.start.Interpreter;
import org.nd4j.python4j.internal.turn.Stopper;
import org.slf4j.LoggerFactory;

/**
 * Runs Python code in the current context's namespace, see {@link PythonContextManager}, and moves
 * variables into it and out of it.
 *
 * <p>All methods need a turn of {@link PythonGIL}, except {@link #init}; only the thread that started
 * Python may call without one while nobody has it. A call is one unit: no other thread's call comes
 * between its parts.
 */
@SuppressWarnings({"rawtypes", "unchecked"}) // Upstream: the public signatures are raw
public class PythonExecutioner {

    private static final int EXEC = 0;
    private static final int SIMPLE = 1;
    private static final int VARIABLES = 2;
    private static final int EVAL = 3;
    private static final int CODE = 4;
    private static final int COMPILE = 5;
    private static final int NAMED = 6;
    private static final int COMPILE_FILE = 7;
    private static final int FILE = 8;

    /** How the user's own Python path and the embedded interpreter's are put together. */
    public enum JavaCppPathType {
        /** The embedded interpreter's and the packages' folders first. */
        BEFORE,
        /** The user's own path first. */
        AFTER,
        /** The user's own path, without the packages' folders. */
        NONE
    }

    /**
     * Starts Python unless it runs, as {@link #init} does. All other members are static.
     *
     * @throws PythonException if Python cannot be started
     */
    public PythonExecutioner() { // Upstream: loading the class starts Python, and programs rely on that after the constructor
        init();
    }

    /**
     * Starts Python unless it runs. Needs no turn. Everything that needs Python does this by itself.
     *
     * @throws PythonException if Python cannot be started, or runs while the choice of the interpreter was changed since
     */
    public static void init() {
        PythonGIL.start();
        Interpreter.check();
    }

    /**
     * Ends the use of Python by this class loader, for an application that is undeployed while its server runs on. Calls
     * that Python makes to objects of this application raise an exception from then on, its Python objects are freed, and so
     * are the contexts that no other application uses. Calls of this class loader throw from then on. Python itself runs
     * on, for other class loaders and for this application's next deployment.
     *
     * <p>Without this call the same happens when the class loader is collected. It is needed where Python holds memory of
     * objects of this application, which would keep the class loader. Waits for a turn; again it does nothing.
     */
    public static void shutdown() {
        if (!PythonGIL.isReady()) {
            return;
        }
        PythonGIL.endLoops();
        try (PythonGIL gil = PythonGIL.lock()) {
            PythonWatchdog.closeAll();
            Monitor.end();
            PythonGIL.shutDown();
            Native.hostClose(Native.root);
        }
    }

    /**
     * Sets a variable. Any text is a name here. One that code can write is normalized as Python's compiler does:
     * {@code setVariable("µ", ...)} with the micro sign is what code calls {@code µ}, with the Greek letter. So are the
     * names of all variables and attributes.
     *
     * @throws PythonException if the object is gone, or the thread has no turn
     */
    public static void setVariable(String name, PythonObject value) {
        Objects.requireNonNull(name);
        Objects.requireNonNull(value);
        try (PythonGIL turn = PythonGIL.enter()) {
            Pack pack = Pack.take();
            try {
                pack.u8(VARIABLES).text("").u32(1).text(name).value(value).u32(0);
                send(pack, 0);
            } finally {
                pack.giveBack();
            }
        }
    }

    /**
     * Sets variables; of two with one name the last one wins. None is set if one cannot be converted.
     *
     * @throws PythonException if a value cannot be converted, or the thread has no turn
     */
    public static void setVariables(List<PythonVariable> variables) {
        run(VARIABLES, "", Objects.requireNonNull(variables), Collections.emptyList());
    }

    /**
     * Sets variables, see {@link #setVariables(List)}.
     *
     * @throws PythonException if a value cannot be converted, or the thread has no turn
     */
    public static void setVariables(PythonVariable... pyVars) {
        setVariables(Arrays.asList(pyVars));
    }

    /**
     * Reads variables: each gets the value that Python has under its name. None changes if one fails.
     *
     * @throws PythonException if there is no such name, it is not of that type, or the thread has no turn
     */
    public static void getVariables(List<PythonVariable> pyVars) {
        run(VARIABLES, "", Collections.emptyList(), Objects.requireNonNull(pyVars));
    }

    /**
     * Reads variables, see {@link #getVariables(List)}.
     *
     * @throws PythonException if there is no such name, it is not of that type, or the thread has no turn
     */
    public static void getVariables(PythonVariable... pyVars) {
        getVariables(Arrays.asList(pyVars));
    }

    /**
     * Reads a variable without converting it.
     *
     * @return the object; if there is no such name, one with {@link PythonObject#isNone} and the text
     *     {@code <NULL>}, on which everything else throws
     * @throws PythonException if the thread has no turn
     */
    public static PythonObject getVariable(String name) {
        Objects.requireNonNull(name);
        try (PythonGIL turn = PythonGIL.enter()) {
            Pack pack = Pack.take();
            try {
                pack.u8(VARIABLES).text("").u32(0).u32(1).text(name).u8(Pack.Wanted.OBJECT);
                Object value = send(pack, PythonGC.frame()).value();
                return value instanceof PythonObject ? (PythonObject) value : new PythonObject(0, 0);
            } finally {
                pack.giveBack();
            }
        }
    }

    /**
     * Reads a variable.
     *
     * @throws PythonException if there is no such name, it is not of that type, or the thread has no turn
     */
    public static <T> PythonVariable<T> getVariable(String name, PythonType<T> type) {
        PythonVariable<T> variable = new PythonVariable<>(name, type);
        getVariables(Collections.singletonList(variable));
        return variable;
    }

    /**
     * Runs code. Whatever fails, the message is the generic one; its cause tells more, and the traceback
     * goes to Python's stderr.
     *
     * @throws PythonException if it fails, or the thread has no turn
     */
    public static void simpleExec(String code) {
        run(SIMPLE, code, Collections.emptyList(), Collections.emptyList());
    }

    /**
     * Runs code. What it had done before it failed stays done.
     *
     * @throws PythonException if it raises, with the message {@code TypeName: text}; if it does not
     *     compile, with {@code Execution failed, unable to retrieve python exception.} and a traceback on
     *     Python's stderr; if the thread has no turn
     */
    public static void exec(String code) {
        run(EXEC, code, Collections.emptyList(), Collections.emptyList());
    }

    /**
     * Sets variables, runs code and reads variables. If the code fails, the outputs keep their values.
     *
     * @param inputs what to set before; null for nothing
     * @param outputs what to read afterwards, by name and type; null for nothing
     * @throws PythonException if the code fails as in {@link #exec(String)}, a value cannot be converted,
     *     an output's name is not there, or the thread has no turn
     */
    public static void exec(String code, List<PythonVariable> inputs, List<PythonVariable> outputs) {
        run(EXEC, code, orNone(inputs), orNone(outputs));
    }

    /**
     * The same within a time limit. Python code that runs for longer is ended by an exception between two
     * of its bytecodes: its {@code finally} blocks run, and the interpreter is usable afterwards. A blocking
     * C function ends by itself first; {@code time.sleep} counts as Python code. An interrupt of the calling
     * thread ends the code in the same way, with or without a limit, with {@link PythonInterrupted}.
     *
     * @param limit the time for this call alone, waiting for the turn not included
     * @throws PythonTimeout if the time is over
     */
    public static void exec(
            String code, List<PythonVariable> inputs, List<PythonVariable> outputs, Duration limit) {
        Stopper.within(limit, () -> exec(code, inputs, outputs));
    }

    /**
     * Runs code within a time limit, see {@link #exec(String, List, List, Duration)}. For several calls together:
     * {@link PythonDeadline}.
     *
     * @throws PythonTimeout if the time is over
     */
    public static void exec(String code, Duration limit) {
        exec(code, null, null, limit);
    }

    /**
     * Runs a file as {@code python file.py} does, in the current context: {@code __file__} is its path, tracebacks
     * show its lines, and its folder is in front of {@code sys.path} from then on. A file within a package, whose
     * folder has an {@code __init__.py}, runs as {@code python -m package.module} does: relative imports work, and
     * the folder that has the package is the one on the path. Functions that it defines can be used in pools of
     * {@code multiprocessing}, which import the file in their processes: what such a file does beyond defining stands
     * under {@code if __name__ == "__main__":}, as in any Python program.
     *
     * @throws PythonException if there is no such file, and as {@link #exec(String)}
     */
    public static void execFile(Path file) {
        try (PythonGIL turn = PythonGIL.enter(); PythonCode code = PythonCode.compileFile(file)) {
            code.run();
        }
    }

    /**
     * All variables of the current context whose type has a converter, in the order in which they came
     * into being. Left out are names that begin with an underscore, and modules, functions, classes and
     * objects of other types. A value that its type cannot convert, an int beyond 64 bits say, is left out
     * with a warning in the log.
     *
     * @throws PythonException if the thread has no turn
     */
    public static PythonVariables getAllVariables() {
        try (PythonGIL turn = PythonGIL.enter()) {
            long frame = PythonGC.frame();
            Pack.Reader reply = new Pack.Reader(Native.execVariables(frame, PythonGIL.space()), frame);
            PythonVariables all = new PythonVariables();
            List<String> leftOut = new ArrayList<>();
            for (int count = reply.u32(); count > 0; count--) {
                String name = reply.text();
                String type = reply.text();
                PythonVariable variable = listed(name, type, reply, leftOut);
                if (variable != null) {
                    all.add(variable);
                }
            }
            if (!leftOut.isEmpty()) {
                LoggerFactory.getLogger(PythonExecutioner.class)
                        .warn("getAllVariables leaves out values that cannot be converted: {}", leftOut);
            }
            return all;
        }
    }

    private static PythonVariable listed(String name, String typeName, Pack.Reader reply, List<String> leftOut) {
        try {
            Object value = reply.value();
            PythonType type;
            if (typeName.isEmpty()) {
                PythonObject object = (PythonObject) value;
                type = PythonTypes.registeredTypeOf(object);
                if (type == null) {
                    object.del();
                    return null;
                }
                value = type.toJava(object);
            } else {
                type = PythonTypes.get(typeName);
                value = reply.finish(value);
            }
            if (value != null && !type.accepts(value)) {
                leftOut.add(name);
                return null;
            }
            // Not by the constructor: Python's names need not be Java's.
            PythonVariable variable = new PythonVariable("name", type, value);
            variable.setName(name);
            return variable;
        } catch (RuntimeException e) { // of a type of the program's own, too
            if (!reply.goesOn()) {
                throw e;
            }
            leftOut.add(name);
            return null;
        }
    }

    /**
     * Sets variables, runs code and reads all variables.
     *
     * @param inputs what to set before; null for nothing
     * @return what {@link #getAllVariables} finds afterwards, the inputs included
     * @throws PythonException if the code fails as in {@link #exec(String)}, an input cannot be converted,
     *     or the thread has no turn
     */
    public static PythonVariables execAndReturnAllVariables(String code, List<PythonVariable> inputs) {
        try (PythonGIL turn = PythonGIL.enter()) {
            exec(code, inputs, null);
            return getAllVariables();
        }
    }

    /**
     * Runs code and reads all variables.
     *
     * @throws PythonException if the code fails as in {@link #exec(String)}, or the thread has no turn
     */
    public static PythonVariables execAndReturnAllVariables(String code) {
        return execAndReturnAllVariables(code, null);
    }

    // ---- for this package ----

    /** The value of an expression in the current context. */
    static PythonObject eval(String expression) {
        Objects.requireNonNull(expression);
        try (PythonGIL turn = PythonGIL.enter()) {
            Pack pack = Pack.take();
            Object event = Monitor.execBegins();
            try {
                pack.u8(EVAL).text(expression).u32(0).u32(0);
                return (PythonObject) send(pack, PythonGC.frame()).value();
            } catch (RuntimeException | Error e) {
                Monitor.execFails(event, e);
                throw e;
            } finally {
                pack.giveBack();
                Monitor.execEnds(event, expression);
            }
        }
    }

    /** The code of a program, in no frame. */
    static PythonObject compile(String text) {
        return compile(COMPILE, text, null);
    }

    /** The same for a program that has a name. */
    static PythonObject compile(String text, String name) {
        return compile(NAMED, text, name);
    }

    /** The same for a file, by its path. */
    static PythonObject compileFile(String path) {
        return compile(COMPILE_FILE, path, null);
    }

    private static PythonObject compile(int mode, String program, String name) {
        try (PythonGIL turn = PythonGIL.enter()) {
            Pack pack = Pack.take();
            try {
                pack.u8(mode).text(program);
                if (name != null) {
                    pack.text(name);
                }
                pack.u32(0).u32(0);
                return (PythonObject) send(pack, 0).value();
            } finally {
                pack.giveBack();
            }
        }
    }

    /** As {@link #exec(String, List, List)}, for what {@link #compile} gave; with the path of its file, if it has one. */
    static void run(PythonObject code, String file, List<PythonVariable> inputs, List<PythonVariable> outputs) {
        run(file == null ? CODE : FILE, code, file, orNone(inputs), orNone(outputs));
    }

    private static List<PythonVariable> orNone(List<PythonVariable> variables) {
        return variables == null ? Collections.emptyList() : variables;
    }

    private static void run(int mode, String text, List<PythonVariable> inputs, List<PythonVariable> outputs) {
        run(mode, text, null, inputs, outputs);
    }

    /** A program is text, or with CODE and FILE the code of it. */
    private static void run(
            int mode, Object program, String file, List<PythonVariable> inputs, List<PythonVariable> outputs) {
        Objects.requireNonNull(program);
        try (PythonGIL turn = PythonGIL.enter()) {
            Pack pack = Pack.take();
            Object event = Monitor.execBegins();
            try {
                Object code = mode == CODE || mode == FILE ? program : mode == EXEC ? Known.code((String) program) : null;
                if (mode == FILE) {
                    pack.u8(FILE).value(code).text(file);
                } else if (code != null) {
                    pack.u8(CODE).value(code);
                } else {
                    pack.u8(mode).text((String) program);
                }
                pack.u32(inputs.size());
                for (PythonVariable input : inputs) {
                    pack.text(input.getName()).value(toSend(input));
                }
                pack.u32(outputs.size());
                for (PythonVariable output : outputs) {
                    pack.text(output.getName()).u8(output.getType().wanted());
                }
                Pack.Reader reply = send(pack, outputs.isEmpty() ? 0 : PythonGC.frame());
                if (!outputs.isEmpty()) {
                    receive(outputs, reply);
                }
            } catch (RuntimeException | Error e) {
                Monitor.execFails(event, e);
                throw e;
            } finally {
                pack.giveBack();
                Monitor.execEnds(event, program);
            }
        }
    }

    /** What is packed for a variable: a built-in type's value, or what its own type makes of it. */
    private static Object toSend(PythonVariable variable) {
        PythonType type = variable.getType();
        Object value = variable.getValue();
        if (value == null) {
            return null;
        }
        return type.packed(value); // adapted once more, since setType leaves the value of another type
    }

    /**
     * Long programs that ran lately, with their code from the second time on: as the same String they need not
     * be encoded, copied and looked up again. Blocks of {@link PythonGIL#lockShared} may meet here, and then know one
     * twice or not.
     */
    private static final class Known {
        private static final int LONG = 1 << 20;
        private static final Known[] LATELY = new Known[8];
        private static int next;

        private final String text;
        private volatile PythonObject code;

        private Known(String text) {
            this.text = text;
        }

        /** The code of such a program, or null. */
        static PythonObject code(String text) {
            if (text.length() <= Pack.SHORT_TEXT || text.length() > LONG) {
                return null;
            }
            for (Known known : LATELY) {
                if (known != null && known.text == text) {
                    if (known.code == null) {
                        known.code = compile(text);
                    }
                    return known.code;
                }
            }
            // No del() for the code of the one that leaves: a thread of Python's may be about to run it.
            LATELY[next] = new Known(text);
            next = (next + 1) % LATELY.length;
            return null;
        }
    }

    private static Pack.Reader send(Pack pack, long frame) {
        Stopper.Slot slot = Stopper.slot();
        long outer = slot.begin();
        try {
            byte[] reply = Native.execRun(pack.buffer(), pack.length(), frame, slot.call(), PythonGIL.space());
            return pack.reader(reply, frame);
        } finally {
            slot.end(outer);
        }
    }

    /** Reads and converts everything before it sets anything. */
    private static void receive(List<PythonVariable> outputs, Pack.Reader reply) {
        Object[] values = new Object[outputs.size()];
        for (int i = 0; i < values.length; i++) {
            try {
                values[i] = reply.value();
            } catch (RuntimeException | Error e) {
                reply.forget(values.length - i - 1);
                throw e;
            }
        }
        for (int i = 0; i < values.length; i++) {
            PythonVariable output = outputs.get(i);
            if (values[i] == Pack.Reader.ABSENT) {
                throw new PythonException("No variable named '" + output.getName() + "' in context '"
                        + PythonContextManager.getCurrentContext() + "'.");
            }
            values[i] = output.getType().wanted() == Pack.Wanted.OBJECT
                    ? output.getType().toJava((PythonObject) values[i])
                    : reply.finish(values[i]);
        }
        for (int i = 0; i < values.length; i++) {
            outputs.get(i).setValue(values[i]);
        }
    }
}
