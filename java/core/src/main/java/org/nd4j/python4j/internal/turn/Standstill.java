// SPDX-License-Identifier: Apache-2.0
// Finds out whether the JVM stands still, which means that no thread is left that could end a wait.
// CallbackWait calls it rarely.
package org.nd4j.python4j.internal.turn;

import java.util.Arrays;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import org.nd4j.python4j.internal.jni.Native;

/**
 * A check of all threads. The JVM stands still if every thread except the caller waits without a limit, or waits for
 * work that only another thread could give it, and if Python has no threads of its own. Any other thread counts as
 * running. The scheduler of virtual threads counts as running, too, because virtual threads cannot be seen.
 */
public final class Standstill {

    private static final String TURN = Turn.class.getName();

    /** Threads of the JVM and the thread of watch.rs, which run no code of a program on their own. */
    private static final Set<String> OF_THE_JVM = new HashSet<>(Arrays.asList("Reference Handler", "Finalizer", "Signal Dispatcher",
            "Attach Listener", "Notification Thread", "Service Thread", "Monitor Deflation Thread", "Common-Cleaner", "DestroyJavaVM",
            "python4j-watch"));

    private Standstill() {}

    /** @param owner a thread that is known to wait without a limit */
    static boolean isSeen(Thread owner) {
        if (Native.gilTryAcquire(false) < 0) {
            return false; // somebody may be in Python
        }
        return isSeenInJava(owner, null);
    }

    /**
     * The same for an owner that keeps the GIL in Java, so that no thread goes on in Python.
     *
     * @param loop a thread that waits for the GIL; null for none
     */
    public static boolean isSeenInJava(Thread owner, Thread loop) {
        for (Map.Entry<Thread, StackTraceElement[]> each : Thread.getAllStackTraces().entrySet()) {
            Thread thread = each.getKey();
            if (thread != Thread.currentThread() && thread != owner && thread != loop && goesOn(thread, each.getValue())) {
                return false;
            }
        }
        return owner.getState() == Thread.State.WAITING;
    }

    /**
     * The same for virtual threads: whether only their carriers, which they keep, could go on. Nor do virtual threads that
     * have no carrier, which cannot be seen.
     *
     * @param all the threads that are no virtual ones
     */
    static boolean isSeenWithoutCarriers(Map<Thread, StackTraceElement[]> all) {
        for (Map.Entry<Thread, StackTraceElement[]> each : all.entrySet()) {
            Thread thread = each.getKey();
            if (thread != Thread.currentThread() && !isCarrier(thread) && !isOfTheScheduler(thread) && goesOn(thread, each.getValue())) {
                return false;
            }
        }
        return !Native.gilHasOthers();
    }

    static boolean isCarrier(Thread thread) {
        return thread.getClass().getName().endsWith("CarrierThread");
    }

    /** Whether it wakes virtual threads up, which then need a carrier. */
    private static boolean isOfTheScheduler(Thread thread) {
        return thread.getName().startsWith("VirtualThread-") || thread.getClass().getName().endsWith("DelayScheduler");
    }

    private static boolean goesOn(Thread thread, StackTraceElement[] stack) {
        if (isCarrier(thread)) {
            return true;
        }
        switch (thread.getState()) {
            case WAITING:
            case BLOCKED:
            case TERMINATED:
                return false;
            case TIMED_WAITING:
                return !OF_THE_JVM.contains(thread.getName()) && !isIdle(stack);
            default:
                return !OF_THE_JVM.contains(thread.getName());
        }
    }

    /** Whether the thread waits for the turn without a limit, or is a thread of a pool that ends if it gets no task. */
    private static boolean isIdle(StackTraceElement[] stack) {
        for (StackTraceElement frame : stack) {
            String name = frame.getClassName() + "." + frame.getMethodName();
            if (name.contains("DelayedWorkQueue")) {
                return false; // a task comes when its time has come
            }
            if (name.equals(TURN + ".takeUnlessInVain") || name.equals("java.util.concurrent.ThreadPoolExecutor.getTask")
                    || name.equals("java.util.concurrent.ForkJoinPool.awaitWork")
                    || name.equals("java.util.concurrent.ForkJoinPool.runWorker")) {
                return true;
            }
            if (!frame.getClassName().startsWith("java.") && !frame.getClassName().startsWith("jdk.")
                    && !frame.getClassName().equals(TURN)) {
                return false;
            }
        }
        return false;
    }
}
