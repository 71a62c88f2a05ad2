// SPDX-License-Identifier: Apache-2.0
// Runs Python code and passes variables. Each call sends one packed request and receives one packed reply. The
// file exec.rs is the native side.
package org.nd4j.python4j;

import java.lang.ref.Reference;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import org.nd4j.python4j.internal.jni.Handles;
import org.nd4j.python4j.internal.jni.Name;
import org.nd4j.python4j.internal.jni.Native;
import org.nd4j.python4j.internal.jni.Pack;
import org.nd4j.python4j.internal.jni.PackReader;
import org.nd4j.python4j.internal.jni.Program;
import org.nd4j.python4j.internal.jni.Tag;
import org.nd4j.python4j.internal.jni.Told;
import org.nd4j.python4j.internal.monitor.Monitor;
import org.nd4j.python4j.internal.start.Interpreter;
import org.nd4j.python4j.internal.turn.Stopper;
import org.slf4j.LoggerFactory;

/**
 * Runs Python code in the namespace of the current context, see {@link PythonContextManager}, and sets and reads
 * variables there.
 *
 * <p>All methods need a turn of {@link PythonGIL}, except {@link #init} and {@link #shutdown}. Only the thread that
 * started Python may call them without a turn, while no other thread has one. Each call is a unit: the call of another
 * thread never runs between its parts.
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

    /** How the user's own Python path is combined with the path of the embedded interpreter. */
    public enum JavaCppPathType {
        /** The folders of the embedded interpreter and of the packages come first. */
        BEFORE,
        /** The user's own path comes first. */
        AFTER,
        /** Only the user's own path is used, without the folders of the packages. */
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
     * Starts Python unless it runs. This method needs no turn. All methods that need Python start it themselves, so a
     * call of this method is optional.
     *
     * @throws PythonException if Python cannot be started, or if it runs and another interpreter was chosen since
     */
    public static void init() {
        PythonGIL.start();
        Interpreter.check();
    }

    /**
     * Ends the use of Python by this class loader, for an application that is undeployed while its server continues.
     * Afterwards, calls from Python to objects of this application raise an exception in Python, and calls of this
     * class loader throw an exception. The application's Python objects are freed, and so are the contexts that no
     * other application uses. Python itself continues to run, for other class loaders and for the next deployment of
     * this application.
     *
     * <p>Without this call the same happens when the class loader is garbage collected. The call is necessary if Python
     * holds memory of objects of this application, because these keep the class loader reachable. This method waits for
     * a turn. A second call does nothing.
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
        PythonGIL.abandonLoops();
    }

    /**
     * Sets a variable. The name may be any text. A valid identifier is normalized as Python's compiler does it: {@code
     * setVariable("µ", ...)} with the micro sign sets the variable that code calls {@code µ}, with the Greek letter.
     * This applies to the names of all variables and attributes.
     *
     * @throws PythonException if the object was released, or the thread has no turn
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
     * Sets variables. If two have the same name, the last one is used. If one value cannot be converted, no variable is
     * set.
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
     * Reads variables: each variable gets the value that Python has under its name. If one fails, no variable changes.
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
     * @return the object; if the variable does not exist, an object for which {@link PythonObject#isNone} is true and
     *     whose text is {@code <NULL>}; its other methods throw an exception
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
     * Runs code. The message of an exception is always the same generic text. The cause of the exception describes the
     * error, and the traceback is printed to Python's stderr.
     *
     * @throws PythonException if the code fails, or the thread has no turn
     */
    public static void simpleExec(String code) {
        run(SIMPLE, code, Collections.emptyList(), Collections.emptyList());
    }

    /**
     * Runs code. If the code fails, its effects until then remain.
     *
     * @throws PythonException if the code raises, with the message {@code TypeName: text}; if it does not compile, with
     *     the message {@code Execution failed, unable to retrieve python exception.} and a traceback on Python's
     *     stderr; or if the thread has no turn
     */
    public static void exec(String code) {
        run(EXEC, code, Collections.emptyList(), Collections.emptyList());
    }

    /**
     * Sets variables, runs code and reads variables. If the code fails, the outputs keep their values.
     *
     * @param inputs the variables that are set before the code runs; null for none
     * @param outputs the variables that are read after the code has run, by name and type; null for none
     * @throws PythonException if the code fails as in {@link #exec(String)}, a value cannot be converted, an output
     *     does not exist, or the thread has no turn
     */
    public static void exec(String code, List<PythonVariable> inputs, List<PythonVariable> outputs) {
        run(EXEC, code, orNone(inputs), orNone(outputs));
    }

    /**
     * Runs code like {@link #exec(String, List, List)}, within a time limit. Python code that runs longer is ended by
     * an exception that is raised in it between two bytecodes. Its {@code finally} blocks run, and the interpreter
     * remains usable. A blocking C function is not interrupted: the exception is raised when the function returns.
     * {@code time.sleep} is interrupted like Python code. An {@code import} may go on for five more seconds, since half a
     * package could not be imported again. An interrupt of the calling thread ends the code in the same way, with or
     * without a limit, and this method then throws {@link PythonInterrupted}.
     *
     * @param limit the time for this call alone, without the time to wait for a turn
     * @throws PythonTimeout if the time is over
     */
    public static void exec(
            String code, List<PythonVariable> inputs, List<PythonVariable> outputs, Duration limit) {
        Stopper.within(limit, () -> exec(code, inputs, outputs));
    }

    /**
     * Runs code within a time limit, see {@link #exec(String, List, List, Duration)}. {@link PythonDeadline} limits
     * several calls together.
     *
     * @throws PythonTimeout if the time is over
     */
    public static void exec(String code, Duration limit) {
        exec(code, null, null, limit);
    }

    /**
     * Runs a file as {@code python file.py} does, in the current context: {@code __file__} is its path, tracebacks
     * show its lines, and its folder is in front of {@code sys.path} from then on. A file within a package, whose
     * folder has an {@code __init__.py}, runs as {@code python -m package.module} does: relative imports work, and the
     * folder that contains the package is added to the path. Pools of {@code multiprocessing} can use the functions
     * that the file defines. They import the file in their processes, so all statements other than definitions belong
     * under {@code if __name__ == "__main__":}, as in any Python program.
     *
     * @throws PythonException if the file does not exist, and as {@link #exec(String)}
     */
    public static void execFile(Path file) {
        try (PythonGIL turn = PythonGIL.enter(); PythonCode code = PythonCode.compileFile(file)) {
            code.run();
        }
    }

    /**
     * All variables of the current context whose type has a converter, in the order of their creation. The result does
     * not include names that begin with an underscore, nor modules, functions, classes and objects of other types. A
     * value that its type cannot convert, for example an int of more than 64 bits, is omitted with a warning in the
     * log.
     *
     * @throws PythonException if the thread has no turn
     */
    public static PythonVariables getAllVariables() {
        try (PythonGIL turn = PythonGIL.enter()) {
            long frame = PythonGC.frame();
            PackReader reply = new PackReader(Native.execVariables(frame, PythonGIL.space()), frame);
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

    private static PythonVariable listed(String name, String typeName, PackReader reply, List<String> leftOut) {
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
     * @param inputs the variables that are set before the code runs; null for none
     * @return the result of {@link #getAllVariables} after the code has run, which includes the inputs
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
                return (PythonObject) send(pack, Native.root).value(); // it goes with the class loader, which may keep it
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
            if (Native.young != 0 && PythonGIL.isKept()) {
                Handles.growUp();
            }
            Object event = Monitor.execBegins();
            try {
                PythonObject code = mode == CODE || mode == FILE ? (PythonObject) program
                        : mode == EXEC ? Program.code((String) program) : null;
                boolean held = code != null && mode != FILE;
                if (held && inputs.isEmpty() && outputs.isEmpty()) {
                    runHeld(code);
                } else if (!(held || mode == VARIABLES) || !runFew(code, inputs, outputs)) {
                    runPacked(mode, code, program, file, inputs, outputs);
                }
            } catch (RuntimeException | Error e) {
                Monitor.execFails(event, e);
                throw e;
            } finally {
                Monitor.execEnds(event, program);
            }
        }
    }

    private static void runHeld(PythonObject code) {
        Stopper.Slot slot = Stopper.slot();
        long outer = slot.begin();
        try {
            raise(Native.execCode(code.handle(), slot.call(), PythonGIL.space()));
        } finally {
            slot.end(outer);
            Reference.reachabilityFence(code);
        }
    }

    /** Throws what native code gives, if it does; Java's exceptions come back through Python as they are. */
    private static <T extends Throwable> void raise(Throwable thrown) throws T {
        if (thrown != null) {
            throw (T) thrown;
        }
    }

    private static void runPacked(int mode, PythonObject code, Object program, String file,
            List<PythonVariable> inputs, List<PythonVariable> outputs) {
        Pack pack = Pack.take();
        try {
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
            PackReader reply = send(pack, outputs.isEmpty() ? 0 : PythonGC.frame());
            if (!outputs.isEmpty()) {
                receive(outputs, reply);
            }
        } finally {
            pack.giveBack();
        }
    }

    /**
     * Runs code, null for none, with few small inputs and outputs, which need no buffer. The result is false, and nothing has
     * happened, if they are not few and small, or the thread has no turn of its own.
     */
    private static boolean runFew(PythonObject code, List<PythonVariable> inputs, List<PythonVariable> outputs) {
        int in = inputs.size();
        int out = outputs.size();
        if (in > Told.FEW || out > Told.FEW || !PythonGIL.isKept()) {
            return false;
        }
        long handle = code == null ? 0 : code.handle();
        int request = Told.request(handle, in, out);
        int at = Told.FIRST;
        for (PythonVariable input : inputs) {
            long name = Name.ofVariable(input.getName());
            if (name == 0 || input.getType().wanted() == Pack.Wanted.OBJECT) {
                return false;
            }
            at = Told.input(at, name, toSend(input));
            if (at == 0) {
                return false;
            }
        }
        for (PythonVariable output : outputs) {
            long name = Name.ofVariable(output.getName());
            if (name == 0) {
                return false;
            }
            at = Told.output(at, name, output.getType().wanted());
        }
        if (!Told.isComplete(request, handle, in, out)) {
            return false;
        }
        Stopper.Slot slot = Stopper.slot();
        long outer = slot.begin();
        try {
            raise(Native.execFew(slot.call()));
        } finally {
            slot.end(outer);
            Reference.reachabilityFence(code);
        }
        if (out > 0 && Told.tag() == Tag.MISSING) {
            runPacked(VARIABLES, null, "", null, Collections.emptyList(), outputs);
        } else if (out == 1) {
            Object value = Told.value(0);
            outputs.get(0).setValue(value);
        } else if (out > 0) {
            receiveTold(outputs);
        }
        return true;
    }

    private static void receiveTold(List<PythonVariable> outputs) {
        Object[] values = new Object[outputs.size()];
        int at = 0;
        for (int i = 0; i < values.length; i++) {
            values[i] = Told.value(at);
            at = Told.next(at);
        }
        for (int i = 0; i < values.length; i++) {
            outputs.get(i).setValue(values[i]);
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

    private static PackReader send(Pack pack, long frame) {
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
    private static void receive(List<PythonVariable> outputs, PackReader reply) {
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
            if (values[i] == PackReader.ABSENT) {
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
