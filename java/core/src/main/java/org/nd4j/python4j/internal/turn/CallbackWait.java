// SPDX-License-Identifier: Apache-2.0
// Finds threads that would wait forever: each waits for the turn of a thread that itself waits for them, in
// Java code that Python called. The JVM does not see these deadlocks, because a future has no owner. Turn does
// all other waiting.
package org.nd4j.python4j.internal.turn;

import java.lang.management.LockInfo;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadInfo;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.internal.jni.Native;
import org.slf4j.LoggerFactory;

/**
 * The check of the turn's owner that a thread makes repeatedly while it waits for the turn.
 *
 * <p>A deadlock is certain if the owner waits, without a limit, for a {@code FutureTask} that this thread runs, or in
 * {@code Thread.join} for the end of this thread. If this thread sees this twice, its wait fails with an exception. A
 * deadlock is likely if the owner has waited for the same object for some time, by a method that waits for tasks
 * ({@code CompletableFuture.join}, a parallel stream), and this thread runs such a task and began to wait during the
 * same callback. Then its wait fails after {@link #PATIENCE}. If the owner waits without a limit for anything else, for
 * example a latch or a queue, and no other thread of the JVM could end this wait ({@link Standstill}), an interrupt
 * ends the wait of the owner, and this thread gets the turn; if the owner's wait ignores interrupts, the wait of this thread
 * fails. In all other cases the program may continue, and a warning is logged.
 */
public final class CallbackWait {

    /**
     * The property that sets how many milliseconds an owner may wait for tasks before a deadlock is considered likely.
     */
    static final String PATIENCE = "org.eclipse.python4j.callback.patience";

    private static final List<String> UNINTERRUPTED = Arrays.asList("join", "lock", "acquireUninterruptibly", "awaitUninterruptibly");
    public static final long PATIENCE_NANOS = TimeUnit.MILLISECONDS.toNanos(Long.getLong(PATIENCE, 3000));
    private static volatile Object told; // the callback that a warning was written for

    private final Turn turn;
    private final long[] callback; // that the owner was in when this thread came
    private Object blocker;
    private long since; // when the owner was first seen to wait for it; 0 if it does not wait
    private boolean still; // at the last look nothing else could go on

    CallbackWait(Turn turn, long[] callback) {
        this.turn = turn;
        this.callback = callback;
    }

    /**
     * The reason why the calling thread, which has waited for some time, would wait forever; null if it would not, or
     * if this is not known yet.
     */
    PythonException look(long now) {
        Thread owner = turn.holder();
        if (owner == null || turn.callback() != callback || owner.getState() != Thread.State.WAITING) {
            since = 0;
            return null;
        }
        Object blocks = LockSupport.getBlocker(owner);
        if (since == 0 || blocks != blocker) {
            since = now;
            blocker = blocks;
            return null;
        }
        boolean lasts = now - since >= PATIENCE_NANOS;
        if (isCertain(owner, blocks) || lasts && isLikely(owner, blocks)) {
            return new PythonException(text(owner) + ": neither would go on." + advice());
        }
        boolean wasStill = still;
        still = lasts && Standstill.isSeen(owner);
        if (still && wasStill) {
            String text = "Thread '" + name(Thread.currentThread()) + "' waits for the turn of Python that thread '" + name(owner)
                    + "' has, and '" + name(owner) + "', in Java code that Python called, waits without a limit, while no other thread"
                    + " of this JVM runs that could end this wait." + advice();
            if (ignoresInterrupts(owner.getStackTrace())) {
                return new PythonException(text);
            }
            turn.refuse(owner, callback, text);
            owner.interrupt();
            since = 0;
        } else if (lasts && !still && told != callback) {
            told = callback;
            warn(text(owner) + "'s end, or for something else. If neither goes on:" + advice());
        }
        return null;
    }

    private static String text(Thread owner) {
        String mine = name(Thread.currentThread());
        String other = name(owner);
        return "Thread '" + mine + "' waits for the turn of Python that thread '" + other + "' has, and '" + other
                + "', in Java code that Python called, waits for '" + mine + "'";
    }

    public static String name(Thread thread) { // as Monitor.name, which is further down
        return thread.getName().isEmpty() ? thread.toString() : thread.getName();
    }

    private static String advice() {
        return " In the Java code that Python calls, enclose the waiting in try (PythonGIL lent = PythonGIL.lend()) { ... },"
                + " which lets other threads have the turn.";
    }

    public static void warn(String text) {
        try {
            LoggerFactory.getLogger("org.nd4j.python4j.PythonGIL").warn(text);
        } catch (LinkageError e) { // no logging beside this jar
            System.err.println(text);
        }
    }

    /** The thread that runs a {@code FutureTask}; null if no thread runs it or this cannot be determined. */
    private static Object runner(Object task) {
        return Native.gilHidden(task, "java/util/concurrent/FutureTask", "runner", "Ljava/lang/Thread;");
    }

    private static boolean isCertain(Thread owner, Object blocker) {
        if (blocker instanceof FutureTask) {
            return runner(blocker) == Thread.currentThread();
        }
        try {
            return blocker == null && Joins.waitsFor(owner, Thread.currentThread());
        } catch (LinkageError e) { // no java.management
            return false;
        }
    }

    /** This is a separate class because java.management may be missing. */
    private static final class Joins {
        /** {@code Thread.join} waits for a notification of the other thread's object. */
        static boolean waitsFor(Thread owner, Thread other) {
            ThreadInfo info = ManagementFactory.getThreadMXBean().getThreadInfo(owner.getId());
            LockInfo lock = info == null ? null : info.getLockInfo();
            return lock != null && lock.getClassName().equals(other.getClass().getName())
                    && lock.getIdentityHashCode() == System.identityHashCode(other);
        }
    }

    private static boolean isLikely(Thread owner, Object blocker) {
        if (blocker instanceof FutureTask && runner(blocker) != null) {
            return false; // for another thread
        }
        StackTraceElement[] theirs = owner.getStackTrace();
        StackTraceElement[] mine = Thread.currentThread().getStackTrace();
        // Whom a virtual thread joins, and who joins one, cannot be seen; a thread of a pool is not joined.
        boolean virtual = isVirtual(owner) || isVirtual(Thread.currentThread());
        return waitsForTasks(theirs) && runsTask(mine) || virtual && joins(theirs) && !isPooled(mine);
    }

    public static boolean isVirtual(Thread thread) { // by its name, since JDK 11 has no such method
        return thread.getClass().getName().endsWith("VirtualThread");
    }

    static boolean joins(StackTraceElement[] stack) {
        for (StackTraceElement frame : stack) {
            if (!frame.getClassName().startsWith("java.") && !frame.getClassName().startsWith("jdk.internal.misc.")) {
                return false;
            }
            if (frame.getClassName().equals("java.lang.Thread") && frame.getMethodName().equals("join")) {
                return true;
            }
        }
        return false;
    }

    /** Whether the JDK's method that the program called waits on after an interrupt. */
    private static boolean ignoresInterrupts(StackTraceElement[] stack) {
        String outermost = "";
        for (StackTraceElement frame : stack) {
            if (!frame.getClassName().startsWith("java.") && !frame.getClassName().startsWith("jdk.internal.misc.")) {
                break;
            }
            outermost = frame.getMethodName();
        }
        return UNINTERRUPTED.contains(outermost);
    }

    private static boolean isPooled(StackTraceElement[] stack) {
        for (StackTraceElement frame : stack) {
            if (frame.getClassName().startsWith("java.util.concurrent.ThreadPoolExecutor") || isTask(frame.getClassName())) {
                return true;
            }
        }
        return false;
    }

    /** Whether the program itself, and not the JDK, called a method that waits for tasks. */
    static boolean waitsForTasks(StackTraceElement[] stack) {
        boolean tasks = false;
        for (StackTraceElement frame : stack) {
            String name = frame.getClassName();
            if (!name.startsWith("java.") && !name.startsWith("jdk.internal.misc.")) {
                return tasks && !name.startsWith("jdk.") && !name.startsWith("sun.");
            }
            tasks |= isTask(name) || name.equals("java.util.concurrent.AbstractExecutorService");
        }
        return false;
    }

    private static boolean runsTask(StackTraceElement[] stack) {
        for (StackTraceElement frame : stack) {
            if (isTask(frame.getClassName())) {
                return true;
            }
        }
        return false;
    }

    private static boolean isTask(String className) {
        return className.startsWith("java.util.concurrent.CompletableFuture")
                || className.startsWith("java.util.concurrent.ForkJoinTask")
                || className.startsWith("java.util.concurrent.CountedCompleter")
                || className.startsWith("java.util.concurrent.FutureTask")
                || className.startsWith("java.util.concurrent.ThreadPerTaskExecutor");
    }
}
