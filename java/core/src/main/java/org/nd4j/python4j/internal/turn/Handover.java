// SPDX-License-Identifier: Apache-2.0
// Waits for the GIL on behalf of threads that wait only for a limited time or until they are interrupted.
// CPython has no such wait. The function offer() in gil.rs passes the GIL from one thread to the other.
package org.nd4j.python4j.internal.turn;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.nd4j.python4j.internal.jni.Native;

/**
 * A daemon thread that waits for the GIL without a limit, and passes it to the owner of the turn if the owner still
 * wants it. The thread is created when it is not certain that the GIL is free, and ends when it has not been needed for
 * a short time.
 */
public final class Handover extends Thread {

    private static final long LEAST_NANOS = TimeUnit.MILLISECONDS.toNanos(20); // several switches of Python's threads
    private static final long ARRIVAL_NANOS = TimeUnit.MILLISECONDS.toNanos(10);
    private static final long SPIN_NANOS = TimeUnit.MICROSECONDS.toNanos(20);
    private static final long IDLE_MILLIS = 100; // it keeps its class loader; a new thread costs a tenth of a millisecond

    private static final int WAITS = 0;
    private static final int OFFERED = 1;
    private static final int GONE = 2;

    private static Handover running; // guarded by the class
    private static Request asked; // guarded by the class; only the owner of the turn asks, so there is one at most

    /** One wait of one thread. */
    private static final class Request {
        final Thread thread = Thread.currentThread();
        final AtomicInteger state = new AtomicInteger(WAITS);
        final boolean keep;
        volatile boolean arrived; // it is about to take the GIL
        volatile boolean done; // it has it

        Request(boolean keep) {
            this.keep = keep;
        }

        boolean becomes(int next) {
            return state.compareAndSet(WAITS, next);
        }
    }

    private Handover() {
        super(null, null, "python4j-gil", 0, false);
        setDaemon(true);
        setContextClassLoader(null);
    }

    /**
     * Takes the GIL for the calling thread, which has just taken the turn, if the GIL becomes available in time.
     *
     * @param nanos how long to wait; at least the time that this takes if no thread keeps the GIL
     * @param keep false only to wait until the GIL is available, for a thread whose calls take the GIL themselves
     * @throws InterruptedException if the thread was or is interrupted; it then does not have the GIL
     */
    public static boolean acquire(long nanos, boolean keep) throws InterruptedException {
        Request request = new Request(keep);
        long start = System.nanoTime();
        long limit = Math.max(nanos, LEAST_NANOS);
        Handover handover = ask(request);
        boolean interrupted = false;
        while (request.state.get() == WAITS) {
            long left = limit - (System.nanoTime() - start);
            interrupted |= Thread.interrupted();
            if (left > 0 && !interrupted) {
                LockSupport.parkNanos(request, left);
            } else if (request.becomes(GONE)) {
                if (interrupted) {
                    throw new InterruptedException();
                }
                return false;
            }
        }
        try {
            request.arrived = true;
            if (keep) {
                Native.gilAcquire();
            }
        } finally {
            request.done = true;
            LockSupport.unpark(handover);
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
        return true;
    }

    private static Handover ask(Request request) {
        synchronized (Handover.class) {
            if (running == null) {
                Handover handover = new Handover();
                handover.start();
                running = handover;
            }
            asked = request;
            Handover.class.notifyAll();
            return running;
        }
    }

    @Override
    public void run() {
        while (isWanted()) {
            Native.gilOffer();
            Request request = null;
            try {
                synchronized (Handover.class) {
                    request = asked;
                    asked = null;
                }
                boolean offered = request != null && request.becomes(OFFERED);
                if (offered) {
                    LockSupport.unpark(request.thread);
                }
                // A virtual thread is not waited for: all carriers may be busy with threads that wait at the gate.
                if (offered && request.keep) {
                    awaitArrival(request);
                } else {
                    request = null;
                }
            } finally {
                Native.gilOfferTaken();
                while (request != null && !request.done) {
                    LockSupport.park(request);
                }
                Native.gilOfferEnds();
            }
        }
    }

    /** Waits for a request. After some time without one the thread ends, and the next request creates a new thread. */
    private static boolean isWanted() {
        synchronized (Handover.class) {
            long start = System.nanoTime();
            while (asked == null) {
                long left = IDLE_MILLIS - TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start);
                try {
                    if (left > 0) {
                        Handover.class.wait(left);
                        continue;
                    }
                } catch (InterruptedException e) {
                    continue; // nobody else knows this thread
                }
                running = null;
                return false;
            }
            return true;
        }
    }

    /** Keeps the GIL until the other thread is about to wait for it, but only for a short time. */
    private static void awaitArrival(Request request) {
        long now = System.nanoTime();
        long end = now + ARRIVAL_NANOS;
        while (!request.arrived && System.nanoTime() - end < 0) {
            Thread.onSpinWait();
            Thread.yield();
        }
        for (long until = System.nanoTime() + SPIN_NANOS; System.nanoTime() - until < 0; ) {
            Thread.onSpinWait();
        }
    }
}
