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

    /** An object that takes over a handle of a frame, 0 for none. */
    public abstract PythonObject object(long handle, long frame);

    /** An object for the same Python object that belongs to no frame. */
    public abstract PythonObject unframed(PythonObject object);

    /** The handle; an object that is none is refused. */
    public abstract long handle(PythonObject object);

    public abstract boolean exists(PythonObject object);

    /** Whether it goes with a frame of {@code PythonGC}. */
    public abstract boolean isFramed(PythonObject object);

    /** The value of an object of a built-in type, the object itself for any other. */
    public abstract Object read(PythonObject object);

    /** The object as a value of a type of {@code Pack.Wanted}. */
    public abstract Object convert(PythonObject object, int wanted);

    /** The same, with the objects in it left as they are. */
    public abstract Object convertRaw(PythonObject object, int wanted);

    /** What an object is in Java, if this class loader's copy of the library gave it to Python; else null. */
    public abstract Object own(PythonObject object);

    /** Something of proxies.py by its name. */
    public abstract PythonObject tool(String name);

    /** Something of another one of our Python files. */
    public abstract PythonObject tool(String file, String name);

    /** Calls with arguments that may be of any kind that conversion knows. */
    public abstract PythonObject callWide(PythonObject callable, Object... arguments);

    /** The same for a handle that belongs to no frame. */
    public abstract long callFresh(PythonObject callable, Object... arguments);

    /** The same for a value of a type of {@code Pack.Wanted}, with the objects in it left as they are. */
    public abstract Object callRaw(PythonObject callable, int wanted, List<?> arguments);

    // ---- PythonBuffer ----

    /** How another process finds the memory of a buffer. */
    public abstract byte[] describe(PythonBuffer buffer, Sharer sharer);

    /** The memory that another process described; a RuntimeException where it is not as it has to be. */
    public abstract PythonBuffer described(byte[] description, Sharer sharer);

    /** Another process, which receives and sends blocks of shared memory. */
    public interface Sharer {
        /** Sends it a block of this process, with the next message. */
        void send(long key);

        /** The key of a block that it sent under a number; a RuntimeException if it sent none. */
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

    /** What is to be thrown for a report that was read; the details of Java's own exceptions are these themselves. */
    public abstract Throwable made(List<?> report);

    /** What an exception object tells; the very exception of Java's if it is one. */
    public abstract Throwable exception(PythonObject object);

    // ---- PythonGIL, PythonGC ----

    /** The thread's place in Python; see {@code PythonGIL.enter}. */
    public abstract PythonGIL enter();

    /** The thread's place in Python, or else a turn, waited for. */
    public abstract PythonGIL enterOrLock();

    /** The thread's place in Python, or else one for the length of each call, without a turn. */
    public abstract PythonGIL place();

    /** Whether context variables of Python belong to this very thread. */
    public abstract boolean hasContext();

    /** Gives up the GIL that the thread has with its turn, to wait for a thread that needs it; the turn stays. Whether it had it. */
    public abstract boolean giveGil();

    /** Takes it again, if it was given up. */
    public abstract void takeGil(boolean given);

    /** Python calls Java on this thread until the visit is closed. */
    public abstract Visit visit();

    /** The frame for objects that this thread makes now, 0 for none. */
    public abstract long frame();

    /** Python has been started by this thread. */
    public abstract void started(boolean release);

    public abstract boolean isStarted();

    /** The result of {@link #visit}. */
    public interface Visit extends AutoCloseable {
        /** What the Java code threw, or why it waited in vain, with that as the cause. */
        Throwable thrown(Throwable thrown);

        @Override
        void close();
    }

    // ---- PythonType, PythonTypes ----

    /** What is packed for a value of a type, and what is asked for. */
    public abstract Object packed(PythonType<?> type, Object value);

    public abstract int wanted(PythonType<?> type);

    public abstract Class<?> javaType(PythonType<?> type);

    /** The types of users. */
    public abstract List<PythonType<?>> registered();

    /** The folders that registered types want on {@code sys.path}. */
    public abstract List<File> packages();

    /** An object of no built-in type, as the registered type makes it. */
    public abstract Object toJava(PythonObject object);

    /** The same, or the object itself if there is no type for it. */
    public abstract Object toJavaOrSame(PythonObject object);

    // ---- PythonExposure ----

    public abstract boolean allows(PythonExposure exposure, Object object);

    /** The {@code Members} of an object, for a class those of the class itself. */
    public abstract Object members(PythonExposure exposure, Object object);

    /** The {@code Members} of a class itself. */
    public abstract Object membersOfClass(PythonExposure exposure, Class<?> type);

    // ---- from one hidden package to another that refers to it ----

    // The lower package runs into the upper one here: values are packed before it is known that one of them needs
    // conversion, and a wait or a start is told to monitoring, which looks at both. PackagesTest lists these entries.

    /** What a value is in Python that {@code Pack} does not write at once; see {@code Conversion.toPython}. */
    public abstract Object toPython(Object value, boolean wide);

    /** The same for a value on its way to another process: functions and plain values. */
    public abstract Object toPeer(Object value);

    /** The memory of a value of a type that is not built in, for another process. */
    public abstract PythonBuffer toPeer(PythonType<?> type, Object value);

    /** An exception of Java's as what Python can ask for its members. */
    public abstract Object ofThrown(Throwable thrown);

    /** What Python asks of a {@code CompletionStage} or a {@code Flow.Publisher} that it awaits. */
    public abstract Object awaited(Object object, String operation, List<?> operands) throws Throwable;

    /** A coroutine, or another object, as a future of a value of a type. */
    public abstract Object submitted(PythonObject object, Type type);

    /** A generator as a publisher of values of a type, or as a stream of them. */
    public abstract Object published(PythonObject object, Type type, boolean stream);

    /** A thread is about to wait for a turn: what {@link #waitEnds} needs, null if nobody wants to know. */
    public abstract Object waitBegins(Object turn);

    public abstract void waitEnds(Object event, boolean got);

    /** What the first call and monitoring will need, on the start's second thread. */
    public abstract void warmUp();
}
