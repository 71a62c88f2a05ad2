// SPDX-License-Identifier: Apache-2.0
// Ends Python code whose Java thread was interrupted or whose time limit is over. This class decides when. The
// file stop.rs raises an exception in running Python code, and withdraws one that comes too late.
package org.nd4j.python4j.internal.turn;

import java.lang.ref.WeakReference;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.nd4j.python4j.internal.Access;
import org.nd4j.python4j.internal.jni.Native;

/**
 * Watches the calls that run in Python. A thread cannot itself notice that it was interrupted while its Python code
 * runs. So the thread of watch.rs checks the calls every few milliseconds as long as there are calls. There is one such
 * thread for all class loaders, and it belongs to none of them.
 */
public final class Stopper {

    private static final int INTERRUPTED = 0;
    private static final int TIMEOUT = 1;
    private static final int LOOK_MILLIS = 10;
    /**
     * If a call does not end, the exception is raised again after this time. It is the time for its {@code finally}
     * blocks.
     */
    public static final long AGAIN_NANOS = 5_000_000_000L;
    private static final int IDLE_LOOKS = 100;
    private static final long NEVER = 0;

    // No method references here, nor what is made of VarHandles: see the package-info of internal.start.
    // Weakly, since the threads of a server outlive an application and its class loader. The list has them strongly.
    private static final ThreadLocal<WeakReference<Slot>> SLOTS = new ThreadLocal<>() {
        @Override
        protected WeakReference<Slot> initialValue() {
            return new WeakReference<>(new Slot());
        }
    };
    private static final List<Slot> ALL = new ArrayList<>(); // guarded by itself

    // The slot of the last owner of the turn, as a ThreadLocal takes some nanoseconds. A thread may see an old one, and compares.
    private static Slot owners;

    private static volatile boolean asleep = true;
    private static volatile boolean stopping; // some thread is at stopAll
    private static int idle; // how many looks saw no call; only the watcher uses it

    private Stopper() {}

    /** The innermost call of one thread. The thread itself writes the slot, and the watching thread reads it. */
    public static final class Slot {
        private final Thread thread = Thread.currentThread();
        private final AtomicLong call = new AtomicLong(); // 0 outside of calls
        private long last; // 0 before the first call; no two slots of a process give the same number
        private Limit innermost; // of those that are open; only the own thread uses it
        private volatile long limit = NEVER; // of System.nanoTime: the earliest end of all that are open
        private volatile long stopped; // the last call that was asked to end, and when; only the stopping thread writes
        private volatile long asked;

        private Slot() {
            synchronized (ALL) {
                ALL.add(this);
            }
        }

        /**
         * Begins a call of Python. The result is an argument of {@link #end}.
         *
         * @throws org.nd4j.python4j.PythonTimeout if the time of a limit is already over
         */
        public long begin() {
            if (innermost != null) {
                check();
            }
            if (last == 0) {
                last = Native.stopSlot() << 40;
            }
            long outer = call.get();
            // A fence would cost as much as all the rest here. Without one, another processor may see this after the thread
            // has looked at `asleep`; microseconds later on any processor, and the watcher looks again after LOOK_MILLIS.
            call.lazySet(++last);
            if (asleep) {
                try {
                    wake();
                } catch (Throwable e) { // no thread to be had
                    end(outer);
                    throw e;
                }
            }
            return outer;
        }

        /** The number of the call that has begun, for the native function. */
        public long call() {
            return call.get();
        }

        /** Ends the call. It cannot be stopped any more. */
        public void end(long outer) {
            call.lazySet(outer); // seen late at worst: the native side knows that the call is over
        }

        private void check() {
            if (limit != NEVER && System.nanoTime() - limit >= 0) {
                throw Access.get().timeout("The time for the call is over before it began: its deadline has passed.");
            }
        }

        /** Makes the innermost open limit of these the limit of this thread, with the earliest end of all. */
        private void open(Limit inner) {
            while (inner != null && inner.closed) {
                inner = inner.outer;
            }
            long earliest = NEVER;
            for (Limit each = inner; each != null && (each.closed || each.end != NEVER); each = each.outer) {
                if (!each.closed && (earliest == NEVER || each.end - earliest < 0)) {
                    earliest = each.end;
                }
            }
            innermost = inner;
            limit = earliest;
        }

        /** Whether a call runs and has to be stopped. */
        private boolean isDue(long now) {
            long running = call.get();
            return running != 0 && (running != stopped || now - asked >= AGAIN_NANOS)
                    && (isLate(now) || isInterrupted());
        }

        /** Whether by the program. Asked again, since a refusal may be over in between, and with it the interrupt. */
        private boolean isInterrupted() {
            return thread.isInterrupted() && !Turn.PYTHON.isRefused(thread) && thread.isInterrupted();
        }

        private boolean isLate(long now) {
            long end = limit;
            return end != NEVER && now - end >= 0;
        }

        private void stop() {
            long running = call.get();
            long now = System.nanoTime();
            if (!isDue(now)) {
                return;
            }
            boolean late = isLate(now);
            // Waits for the GIL. Should the call be over by then, nothing happens.
            if (Native.stopCall(running, late ? TIMEOUT : INTERRUPTED)) {
                asked = System.nanoTime();
                stopped = running;
            }
        }
    }

    /** The calling thread's slot. */
    public static Slot slot() {
        Slot last = owners;
        return last != null && last.thread == Thread.currentThread() ? last : lookUp();
    }

    private static Slot lookUp() {
        Slot slot = SLOTS.get().get();
        if (Turn.PYTHON.isMine()) {
            owners = slot;
        }
        return slot;
    }

    /** Runs something whose calls of Python end with {@code PythonTimeout} when the time is over. */
    public static void within(Duration limit, Runnable body) {
        try (Limit open = limit(limit)) {
            body.run();
        }
    }

    /** A time limit for the calls of its thread until it is closed. Of several limits the earliest one applies. */
    public static final class Limit implements AutoCloseable {
        private static final long LONGEST = Long.MAX_VALUE / 2;

        private final Slot slot = slot();
        private final Limit outer = slot.innermost;
        private final long end; // NEVER for one that hides those around it
        private boolean closed;

        private Limit(long end) {
            this.end = end;
            slot.open(this);
        }

        /** The thread to which the limit belongs, and which may close it. */
        public Thread thread() {
            return slot.thread;
        }

        /** Closes the limit. A second call does nothing. Limits may be closed in any order. */
        @Override
        public void close() {
            closed = true;
            slot.open(slot.innermost);
        }
    }

    /** Opens a limit. */
    public static Limit limit(Duration limit) {
        if (limit.isNegative() || limit.isZero()) {
            throw Access.get().timeout("The time for the call is over before it began: " + limit);
        }
        long nanos = limit.compareTo(Duration.ofNanos(Limit.LONGEST)) < 0 ? limit.toNanos() : Limit.LONGEST;
        long end = System.nanoTime() + nanos;
        return new Limit(end == NEVER ? 1 : end);
    }

    /** Disables all limits until the result is closed, for calls that must be completed in any case. */
    public static Limit unlimited() {
        return new Limit(NEVER);
    }

    /** The remaining time of the calling thread's limits, which may be zero or negative; null without a limit. */
    public static Duration left() {
        long limit = slot().limit;
        return limit == NEVER ? null : Duration.ofNanos(limit - System.nanoTime());
    }

    private static void wake() {
        asleep = false;
        try {
            Native.watchWake();
        } catch (Throwable e) { // no thread to be had
            asleep = true;
            throw e;
        }
    }

    /** The part of {@link Native#look} for calls: it checks all running calls. */
    public static int look() {
        if (lookAtAll()) {
            asleep = false;
            idle = 0;
        } else if (asleep) {
            return 0;
        } else if (++idle > IDLE_LOOKS) {
            // Looked at again a while after `asleep` is set: a call that began just before, and saw its watcher
            // awake, is to be seen here by then.
            asleep = true;
            idle = 0;
        }
        return LOOK_MILLIS;
    }

    /** Whether any call runs. This method creates no objects, because memory may be exhausted. */
    private static boolean lookAtAll() {
        boolean running = false;
        for (int i = last(); i >= 0; i--) {
            Slot slot = alive(i);
            if (slot != null && slot.call() != 0) {
                running = true;
                if (slot.isDue(System.nanoTime()) && !stopping) {
                    stopping = true;
                    stopAll();
                }
            }
        }
        return running;
    }

    /**
     * Stops the calls on a separate thread, which then ends. It has to wait for the GIL, and the watching thread must
     * not wait.
     */
    private static void stopAll() {
        Thread thread = new Thread("python4j-stopper") {
            @Override
            public void run() {
                try {
                    for (int i = last(); i >= 0; i--) {
                        Slot slot = alive(i);
                        if (slot != null) {
                            slot.stop();
                        }
                    }
                } finally {
                    stopping = false;
                }
            }
        };
        thread.setDaemon(true);
        try {
            thread.start();
        } catch (OutOfMemoryError e) { // this process may have no more threads
            thread.run();
        }
    }

    private static int last() {
        synchronized (ALL) {
            return ALL.size() - 1;
        }
    }

    /**
     * A slot of the list; null if there is none or its thread has ended. In the last case the last slot of the list
     * takes its place.
     */
    private static Slot alive(int index) {
        synchronized (ALL) {
            if (index >= ALL.size()) {
                return null;
            }
            Slot slot = ALL.get(index);
            if (slot.thread.isAlive()) {
                return slot;
            }
            ALL.set(index, ALL.get(ALL.size() - 1));
            ALL.remove(ALL.size() - 1);
            return null;
        }
    }
}
