// SPDX-License-Identifier: Apache-2.0
// Ends Python code whose Java thread was interrupted or whose time is over. It decides when; how an
// exception gets into running Python code, and how one that comes too late is withdrawn: stop.rs.
package org.nd4j.python4j.internal.turn;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.nd4j.python4j.internal.Access;
import org.nd4j.python4j.internal.jni.Native;

/**
 * Watches the calls that run in Python. A thread cannot notice by itself that it was interrupted while
 * its Python code runs, so one daemon thread looks every few milliseconds while there are calls.
 */
public final class Stopper {

    private static final int INTERRUPTED = 0;
    private static final int TIMEOUT = 1;
    private static final long LOOK_NANOS = 10_000_000;
    /** A call that goes on is asked again after that long, which is what its {@code finally} blocks have. */
    public static final long AGAIN_NANOS = 5_000_000_000L;
    private static final int IDLE_LOOKS = 100;
    private static final long NEVER = 0;

    private static final AtomicLong SLOTS_MADE = new AtomicLong();
    // No method references here, nor what is made of VarHandles: a program's first one costs a start milliseconds.
    private static final ThreadLocal<Slot> SLOTS = new ThreadLocal<>() {
        @Override
        protected Slot initialValue() {
            return new Slot();
        }
    };
    private static final List<Slot> ALL = new ArrayList<>(); // guarded by itself

    private static volatile boolean asleep = true;
    private static volatile Thread watcher; // made with ALL locked

    private Stopper() {}

    /** One thread's innermost call. Its own thread writes it, the watcher reads it. */
    public static final class Slot {
        private final Thread thread = Thread.currentThread();
        private final AtomicLong call = new AtomicLong(); // 0 outside of calls
        private long last = SLOTS_MADE.incrementAndGet() << 40; // no two slots give the same number
        private volatile long limit = NEVER; // of System.nanoTime
        private long stopped; // the last call that was asked to end, and when; only the watcher uses them
        private long asked;

        private Slot() {
            synchronized (ALL) {
                ALL.add(this);
            }
        }

        /** A call of Python begins. Returns what {@link #end} needs. */
        public long begin() {
            long outer = call.get();
            call.lazySet(++last); // a fence would cost as much as all the rest here, see lookOn()
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

        /** The call is over; nothing of it is ended any more. */
        public void end(long outer) {
            call.lazySet(outer); // seen late at worst: the native side knows that the call is over
        }

        private void look(long now) {
            long running = call.get();
            if (running == 0 || running == stopped && now - asked < AGAIN_NANOS) {
                return;
            }
            long end = limit;
            boolean late = end != NEVER && now - end >= 0;
            if (!late && !thread.isInterrupted()) {
                return;
            }
            // Waits for the GIL. Should the call be over by then, nothing happens.
            if (Native.stopCall(running, late ? TIMEOUT : INTERRUPTED)) {
                stopped = running;
                asked = System.nanoTime();
            }
        }
    }

    /** The calling thread's slot. */
    public static Slot slot() {
        return SLOTS.get();
    }

    /** Runs something whose calls of Python end with {@link PythonTimeout} when the time is over. */
    public static void within(Duration limit, Runnable body) {
        long now = System.nanoTime();
        if (limit.isNegative() || limit.isZero()) {
            throw Access.get().timeout("The time for the call is over before it began: " + limit);
        }
        long most = Long.MAX_VALUE / 2;
        long nanos = limit.compareTo(Duration.ofNanos(most)) < 0 ? limit.toNanos() : most;
        Slot slot = slot();
        long outer = slot.limit;
        long end = now + nanos == NEVER ? 1 : now + nanos;
        if (outer == NEVER || end - outer < 0) {
            slot.limit = end;
        }
        try {
            body.run();
        } finally {
            slot.limit = outer;
        }
    }

    /** Has the watcher's thread made before the first call. */
    public static void prepare() {
        synchronized (ALL) {
            if (watcher == null) {
                Thread thread = new Thread("python4j-stopper") {
                    @Override
                    public void run() {
                        try {
                            watch();
                        } finally {
                            ended();
                        }
                    }
                };
                thread.setDaemon(true);
                thread.start();
                watcher = thread;
            }
        }
    }

    private static void wake() {
        synchronized (ALL) {
            prepare();
            asleep = false;
            LockSupport.unpark(watcher);
        }
    }

    /** The next call makes another one. */
    private static void ended() {
        synchronized (ALL) {
            watcher = null;
            asleep = true;
        }
    }

    private static void watch() {
        while (true) {
            try {
                lookOn();
            } catch (Throwable e) {
                // The program has used up the memory, as a rule; when there is some again its deadlines hold as before.
            }
        }
    }

    private static void lookOn() {
        asleep = false;
        int idle = IDLE_LOOKS;
        while (true) {
            LockSupport.parkNanos(Stopper.class, LOOK_NANOS);
            idle = lookAtAll() ? 0 : idle + 1;
            if (idle > IDLE_LOOKS) {
                asleep = true;
                // Looked at again a while after `asleep` is set: a call that began just before, and saw its watcher
                // awake, is to be seen here by then.
                LockSupport.parkNanos(Stopper.class, LOOK_NANOS);
                while (asleep && !lookAtAll()) {
                    LockSupport.park(Stopper.class);
                }
                asleep = false;
                idle = 0;
            }
        }
    }

    /** Whether any call runs. Makes no objects, since there may be no memory. */
    private static boolean lookAtAll() {
        boolean running = false;
        for (int i = last(); i >= 0; i--) {
            Slot slot = alive(i);
            if (slot != null && slot.call() != 0) {
                running = true;
                slot.look(System.nanoTime()); // may wait for the GIL, so without the list
            }
        }
        return running;
    }

    private static int last() {
        synchronized (ALL) {
            return ALL.size() - 1;
        }
    }

    /** A slot of the list; null if its thread has ended, and the last slot is there from now on. */
    private static Slot alive(int index) {
        synchronized (ALL) {
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
