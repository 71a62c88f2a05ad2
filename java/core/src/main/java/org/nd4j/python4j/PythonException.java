// SPDX-License-Identifier: Apache-2.0
// The base class of the exceptions of this library. The method made() creates one from the packed report that
// raised.rs writes for an error of the native side. The file error.rs decides the messages of native errors.
package org.nd4j.python4j;

import java.io.IOException;
import java.io.ObjectOutputStream;
import java.lang.ref.Reference;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.nd4j.python4j.internal.jni.Backtrace;
import org.nd4j.python4j.internal.jni.Callbacks;
import org.nd4j.python4j.internal.jni.Native;
import org.nd4j.python4j.internal.jni.OtherLoaderException;
import org.nd4j.python4j.internal.jni.Pack;
import org.nd4j.python4j.internal.jni.PackReader;
import org.nd4j.python4j.internal.jni.Report;
import org.nd4j.python4j.internal.monitor.Errors;
import org.nd4j.python4j.internal.turn.Stopper;

/**
 * Python raised an exception, a value could not be converted, or a call was not possible.
 *
 * <p>For an exception raised by Python code the message is {@code TypeName: text}, the Python frames stand
 * on top of the Java stack trace, {@link #getCause} is Python's {@code __cause__} or {@code __context__},
 * and the members of an exception group are {@linkplain #getSuppressed suppressed} exceptions. No Python
 * error stays pending in the interpreter when this is thrown.
 *
 * <p>The cases that callers usually handle separately have subclasses: {@link PythonSyntaxError}, {@link
 * PythonImportError}, {@link PythonSystemExit}, {@link PythonInterrupted}, {@link PythonTimeout}.
 */
public class PythonException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    private String pythonClass = "";
    private String pythonModule = "";
    private String pythonMessage = "";
    private List<String> notes = Collections.emptyList();
    private transient PythonObject pythonObject;
    private String traceback = ""; // of one that was serialized, or raised in another process

    /** An exception with a message. */
    public PythonException(String message) {
        super(message);
    }

    /**
     * An exception whose message describes a Python object: {@code TypeName: text} for a Python exception, {@code
     * str(object)} for any other object. This constructor needs a turn of {@link PythonGIL}.
     *
     * @throws RuntimeException if the object is null
     */
    public PythonException(PythonObject exception) {
        super(describe(exception));
    }

    /** An exception with a message and a cause. */
    public PythonException(String message, Throwable cause) {
        super(message, cause);
    }

    /** An exception with a cause, whose text becomes its message. */
    public PythonException(Throwable cause) {
        super(cause);
    }

    private static String describe(PythonObject exception) {
        if (exception == null) {
            throw new RuntimeException(
                    "An error occurred while trying to create a PythonException.", new NullPointerException("exception"));
        }
        return exception.exists() ? (String) exception.convert(Pack.Wanted.MESSAGE) : exception.toString();
    }

    /** The name of the Python class, such as {@code ValueError}; empty if Python did not raise the exception. */
    public String getPythonClass() {
        return pythonClass;
    }

    /** The module of the Python class, such as {@code builtins}; empty if Python did not raise the exception. */
    public String getPythonModule() {
        return pythonModule;
    }

    /** {@code str(exception)} without the name of the class; empty if Python did not raise the exception. */
    public String getPythonMessage() {
        return pythonMessage;
    }

    /** The notes that {@code add_note} added to the exception, in their order. */
    public List<String> getNotes() {
        return notes;
    }

    /**
     * The exception object; null if Python did not raise the exception, or if Python in another process raised it. The
     * object lives as long as this exception. The local variables of its finished frames are cleared, so that it does
     * not keep other objects in memory.
     */
    public PythonObject getPythonObject() {
        return pythonObject;
    }

    /**
     * The traceback as Python prints it, with source lines and carets. This method formats the text when it is called.
     * If the thread has no turn, it waits for one. An exception that was serialized keeps the text.
     *
     * @return the text; empty if Python did not raise the exception
     */
    public String getTraceback() {
        if (pythonObject == null) {
            return traceback;
        }
        try (PythonGIL gil = PythonGIL.lock(); Stopper.Limit none = Stopper.unlimited()) { // it tells of a deadline, too
            return (String) pythonObject.convert(Pack.Wanted.TRACEBACK);
        }
    }

    /** The object stays behind; what it can still tell goes with the rest, if Python is there to be asked. */
    private void writeObject(ObjectOutputStream out) throws IOException {
        try {
            traceback = getTraceback();
        } catch (PythonException e) { // the object is gone, or Python cannot be entered
            traceback = "";
        }
        out.defaultWriteObject();
    }

    /** What an exception object tells. Needs a turn, or a call from Python. */
    static Throwable of(PythonObject exception) {
        try (PythonGIL turn = PythonGIL.enter()) {
            return made(new PackReader(Native.raisedReport(exception.handle(), Native.root), 0).value()); // as it was read: no call has failed
        } finally {
            Reference.reachabilityFence(exception);
        }
    }

    // ---- from the native side ----

    /**
     * What is to be thrown for a report; the very exception of Java's if one comes back through Python.
     * One method for both forms: each more would be one more frame to fill in and to take out again.
     *
     * @param packed the report as bytes, or one inside of another as it was read
     */
    static Throwable made(Object packed) {
        List<?> report = (List<?>) (packed instanceof byte[] ? new PackReader((byte[]) packed, 0).value() : packed);
        String message = (String) report.get(Report.MESSAGE);
        Object detail = report.get(Report.DETAIL);
        Throwable cause = report.get(Report.CAUSE) == null ? null : made(report.get(Report.CAUSE));
        PythonException exception;
        switch ((String) report.get(Report.KIND)) {
            case "java":
                Throwable original = detail instanceof Throwable ? (Throwable) detail : Callbacks.thrown((Long) detail);
                if (original != null) {
                    return original;
                }
                Throwable elsewhere = OtherLoaderException.of((Long) detail);
                exception = new PythonException(message, cause == null ? elsewhere : cause);
                if (cause != null && elsewhere != null) { // Python knows a cause of its own
                    exception.addSuppressed(elsewhere);
                }
                break;
            case "syntax":
                exception = new PythonSyntaxError(message, cause, (List<?>) detail);
                break;
            case "import":
                exception = new PythonImportError(message, cause, (String) detail);
                break;
            case "exit":
                exception = new PythonSystemExit(message, cause, detail);
                break;
            case "interrupted":
                exception = new PythonInterrupted(message, cause);
                break;
            case "timeout":
                exception = new PythonTimeout(message, cause);
                break;
            default:
                // Text that does not compile: the generic message, in the class that callers look for.
                exception = cause instanceof PythonSyntaxError && report.get(Report.EXCEPTION) == null
                        ? ((PythonSyntaxError) cause).under(message)
                        : new PythonException(message, cause);
        }
        exception.fill(report);
        if (packed instanceof byte[]) { // from a call, and no cause of another error
            Errors.raised(exception.pythonClass);
        }
        return exception;
    }

    private void fill(List<?> report) {
        pythonClass = (String) report.get(Report.CLASS);
        pythonModule = (String) report.get(Report.MODULE);
        pythonMessage = (String) report.get(Report.TEXT);
        Object exception = report.get(Report.EXCEPTION);
        if (exception instanceof String) { // it is in another process
            traceback = (String) exception;
        } else {
            pythonObject = (PythonObject) exception;
        }
        for (Object member : (List<?>) report.get(Report.SUPPRESSED)) {
            addSuppressed(made(member));
        }
        if (!((List<?>) report.get(Report.NOTES)).isEmpty()) {
            List<String> texts = new ArrayList<>();
            for (Object note : (List<?>) report.get(Report.NOTES)) {
                texts.add((String) note);
            }
            notes = Collections.unmodifiableList(texts);
        }
        addFrames((List<?>) report.get(Report.FRAMES));
    }

    /** Python's frames, file and function and line in turn, on top of Java's. */
    private void addFrames(List<?> frames) {
        StackTraceElement[] java = Backtrace.of(this);
        int python = frames.size() / 3;
        StackTraceElement[] all = new StackTraceElement[python + java.length];
        for (int i = 0; i < python; i++) {
            int line = ((Long) frames.get(3 * i + 2)).intValue();
            all[i] = new StackTraceElement("Python", (String) frames.get(3 * i + 1), (String) frames.get(3 * i), line);
        }
        System.arraycopy(java, 0, all, python, java.length);
        setStackTrace(all);
    }
}
