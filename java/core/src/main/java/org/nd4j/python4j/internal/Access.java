// SPDX-License-Identifier: Apache-2.0
// The only way from the hidden packages to non-public members of the public classes. The packages below this
// one refer to each other in one direction only; calls in the opposite direction go through this class.
package org.nd4j.python4j.internal;

import java.io.File;
import java.lang.reflect.Type;
import java.util.List;
import org.nd4j.python4j.PythonBuffer;
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.PythonExposure;
import org.nd4j.python4j.PythonGIL;
import org.nd4j.python4j.PythonObject;
import org.nd4j.python4j.PythonType;

/**
 * The operations that the public package allows its hidden part, like {@code SharedSecrets} in the JDK. The only
 * subclass is {@code PublicAccess}. Because there is only one, the JIT compiler calls its methods directly.
 */
public abstract class Access {

    private static Access granted;

    protected Access() {
        granted = this; // the one subclass does this in its static initialiser
    }

    public static Access get() {
        Access access = granted;
        return access != null ? access : first();
    }

    private static Access first() {
        try {
            Class.forName("org.nd4j.python4j.PublicAccess", true, Access.class.getClassLoader());
        } catch (ClassNotFoundException e) {
            throw new NoClassDefFoundError(e.getMessage());
        }
        return granted;
    }

    // ---- PythonObject ----

    /** Creates an object that takes over a handle of a frame, 0 for none. */
    public abstract PythonObject object(long handle, long frame);

    /** Creates an object for the same Python object that belongs to no frame. */
    public abstract PythonObject unframed(PythonObject object);

    /** The code of a program, in no frame. */
    public abstract PythonObject compile(String text);

    /** The handle of an object. If it holds no object, the method throws an exception. */
    public abstract long handle(PythonObject object);

    public abstract boolean exists(PythonObject object);

    /** Whether the object belongs to a frame of {@code PythonGC}. */
    public abstract boolean isFramed(PythonObject object);

    /** The values of a dict by several names each, if it is one and they are small; null otherwise. */
    public abstract Object[] values(PythonObject dict, List<List<String>> names);

    /** The value of an object of a built-in type, the object itself for any other. */
    public abstract Object read(PythonObject object);

    /** The same, with lists of numbers as arrays of these primitives where that is the same; null for none. */
    public abstract Object read(PythonObject object, Class<?> numbers);

    /** The object as a value of a type of {@code Pack.Wanted}. */
    public abstract Object convert(PythonObject object, int wanted);

    /** Like {@link #convert}, but objects in the value are not converted. */
    public abstract Object convertRaw(PythonObject object, int wanted);

    /**
     * The Java object behind a Python object, if this class loader's copy of the library passed it to Python; otherwise
     * null.
     */
    public abstract Object own(PythonObject object);

    /** A function or class of proxies.py by its name. */
    public abstract PythonObject tool(String name);

    /** A function or class of another one of our Python files. */
    public abstract PythonObject tool(String file, String name);

    /** Calls a callable with arguments of all types that {@code ToPython} supports. */
    public abstract PythonObject call(PythonObject callable, Object... arguments);

    /** Like {@link #call}, but returns a handle that belongs to no frame. */
    public abstract long callFresh(PythonObject callable, Object... arguments);

    /**
     * Like {@link #call}, but returns a value of a type of {@code Pack.Wanted}, in which objects are not converted.
     */
    public abstract Object callRaw(PythonObject callable, int wanted, List<?> arguments);

    /** Like {@link #callRaw}, for a plan of {@code bind} in proxies.py and few ints. */
    public abstract Object invokeFew(PythonObject plan, int wanted, Object[] ints);

    /** Whether the calling thread can use {@link #invokeFew} with these arguments. */
    public abstract boolean invokesFew(Object[] arguments);

    // ---- PythonBuffer ----

    /** The description by which another process finds the memory of a buffer. */
    public abstract byte[] describe(PythonBuffer buffer, Sharer sharer);

    /** The memory that another process described. An invalid description causes a RuntimeException. */
    public abstract PythonBuffer described(byte[] description, Sharer sharer);

    /** Another process, which receives and sends blocks of shared memory. */
    public interface Sharer {
        /** Sends it a block of this process, with the next message. */
        void send(long key);

        /**
         * The key of a block that the process sent under a number. If it sent none, the method throws a
         * RuntimeException.
         */
        long came(long number);
    }

    // ---- the host ----

    /** See {@code Native.look}. */
    public abstract int look();

    /** See {@code Native.exit}. */
    public abstract void exit(boolean first);

    /** See {@code Native.bean}. */
    public abstract Object bean(int method, Object argument) throws Exception;

    // ---- PythonException ----

    public abstract PythonException timeout(String message);

    public abstract PythonException interrupted(String message);

    /** The exception for a report that was read. For a Java exception the details are the exception itself. */
    public abstract Throwable made(List<?> report);

    /** The Java exception for a Python exception object. If it came from Java, it is the same Java exception. */
    public abstract Throwable exception(PythonObject object);

    // ---- PythonOutput ----

    /** What an open {@code PythonOutput} receives; bits of a number. */
    public static final class Output {
        public static final int TEXT = 1;
        public static final int RECORDS = 2;

        private Output() {}
    }

    /** What the open {@code PythonOutput}s receive, see {@link Output}. */
    public abstract int outputs();

    /** Gives text of a worker process to the last {@code PythonOutput} that receives text; false if there is none. */
    public abstract boolean print(boolean isError, String text);

    /** Gives a log record of a worker process to SLF4J; false if no {@code PythonOutput} sends records there. */
    public abstract boolean log(String logger, long level, String message, String thread, Throwable raised, String worker);

    // ---- PythonGIL, PythonGC ----

    /** The thread's place in Python; see {@code PythonGIL.enter}. */
    public abstract PythonGIL enter();

    /** The thread's place in Python. If the thread has none, the method waits for a turn. */
    public abstract PythonGIL enterOrLock();

    /**
     * The thread's place in Python. If the thread has none, it is a place for the duration of each call, without a
     * turn.
     */
    public abstract PythonGIL place();

    /** Whether this thread has its own context variables in Python. */
    public abstract boolean hasContext();

    /**
     * Releases the GIL that the thread has with its turn, to wait for a thread that needs the GIL. The thread keeps its
     * turn. The result says whether it had the GIL.
     */
    public abstract boolean giveGil();

    /** Takes the GIL again if it was released. */
    public abstract void takeGil(boolean given);

    /** Begins a visit: Python calls Java on this thread until the visit is closed. */
    public abstract Visit visit();

    /** The frame for new objects of this thread, 0 for none. */
    public abstract long frame();

    /** Reports that this thread has started Python. */
    public abstract void started(boolean release);

    public abstract boolean isStarted();

    /** The result of {@link #visit}. */
    public interface Visit extends AutoCloseable {
        /**
         * The exception that the Java code threw. If the code waited in vain, it is an exception with the reason, and
         * the thrown exception is its cause.
         */
        Throwable thrown(Throwable thrown);

        @Override
        void close();
    }

    // ---- PythonType, PythonTypes ----

    /** The value that is packed for a value of a type. */
    public abstract Object packed(PythonType<?> type, Object value);

    public abstract int wanted(PythonType<?> type);

    public abstract Class<?> javaType(PythonType<?> type);

    /** The types that users registered. */
    public abstract List<PythonType<?>> registered();

    /** What registered types are found by: Python's types themselves, or their names. */
    public abstract List<Object> registeredNames();

    /** The folders that registered types need on {@code sys.path}. */
    public abstract List<File> packages();

    /** Converts an object that is not of a built-in type by its registered type. */
    public abstract Object toJava(PythonObject object);

    /** Like {@link #toJava}, but returns the object itself if no type is registered for it. */
    public abstract Object toJavaOrSame(PythonObject object);

    // ---- PythonExposure ----

    public abstract boolean allows(PythonExposure exposure, Object object);

    /** The {@code Members} of an object; for a {@code Class} object, the members of the class itself. */
    public abstract Object members(PythonExposure exposure, Object object);

    /** The {@code Members} of a class itself. */
    public abstract Object membersOfClass(PythonExposure exposure, Class<?> type);

    // ---- from one hidden package to another that refers to it ----

    // The lower package runs into the upper one here: values are packed before it is known that one of them needs
    // conversion, and a wait or a start is told to monitoring, which looks at both. PackagesTest lists these entries.

    /**
     * Converts a value that {@code Pack} does not write directly to its counterpart in Python; see {@code
     * ToPython.toPython}.
     */
    public abstract Object toPython(Object value, boolean wide);

    /** Converts a value for another process: functions and plain values. */
    public abstract Object toPeer(Object value);

    /** The memory of a value of a type that is not built in, for another process. */
    public abstract Object toPeer(PythonType<?> type, Object value);

    /** A Java exception as an object whose members Python can use. */
    public abstract Object ofThrown(Throwable thrown);

    /** Executes an operation of Python on a {@code CompletionStage} or a {@code Flow.Publisher} that it awaits. */
    public abstract Object awaited(Object object, String operation, List<?> operands) throws Throwable;

    /** A coroutine, or another object, as a future of a value of a type. */
    public abstract Object submitted(PythonObject object, Type type);

    /** A generator as a publisher of values of a type, or as a stream of them. */
    public abstract Object published(PythonObject object, Type type, boolean stream);

    /**
     * Reports that a thread is about to wait for a turn. The result is an argument of {@link #waitEnds}; null if no
     * tool wants it.
     */
    public abstract Object waitBegins(Object turn);

    public abstract void waitEnds(Object event, boolean got);

    /** Prepares the classes that the first call and monitoring will need, on the second thread of the start. */
    public abstract void warmUp();
}
