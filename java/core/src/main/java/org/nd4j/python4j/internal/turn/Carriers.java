// SPDX-License-Identifier: Apache-2.0
// Finds virtual threads that would wait for ever in Java code that Python called: these keep the threads of the JVM that run
// virtual threads, so that nobody whom they wait for can run. The same for one turn's owner, seen by a waiter: CallbackWait.
package org.nd4j.python4j.internal.turn;

import java.util.Arrays;
import java.util.IdentityHashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * A daemon thread that is there while at least as many virtual threads are in callbacks as there are carriers, for at most
 * a moment longer. A virtual thread that waits for the turn needs a carrier to see anything, so somebody else must look.
 *
 * <p>If all of them wait for the same things for a while, without a limit, each in {@code Thread.join} of a virtual thread or for
 * a task while a virtual thread waits for the turn, or no other thread of the JVM could end that ({@link Standstill}), then
 * one of them is refused, by an interrupt, the turn's owner first. Otherwise a warning tells.
 */
public final class Carriers extends Thread {

    /** How many virtual threads can run at a time, unless the JVM adds carriers, which it does for some kinds of waiting. */
    public static final int COUNT = Integer.getInteger("jdk.virtualThreadScheduler.parallelism", Runtime.getRuntime().availableProcessors());

    private static final long LOOK = TimeUnit.MILLISECONDS.toNanos(100);

    private final Turn turn;
    private Map<Thread, long[]> calls; // at the last look
    private Map<Thread, Object> blockers; // what they waited for then; null if one did not wait
    private long since;
    private boolean still; // at the last look nothing else could go on
    private boolean told;
    private boolean refused;

    Carriers(Turn turn) {
        super(null, null, "python4j-carriers", 0, false);
        this.turn = turn;
        setDaemon(true);
        setContextClassLoader(null);
    }

    @Override
    public void run() {
        Map<Thread, long[]> now;
        do {
            LockSupport.parkNanos(this, LOOK);
            now = turn.keptCarriers();
            if (now != null) {
                look(now);
            }
        } while (now != null);
    }

    private void look(Map<Thread, long[]> nowCalls) {
        Map<Thread, Object> nowBlockers = blockers(nowCalls);
        if (nowBlockers == null || !nowCalls.equals(calls) || !nowBlockers.equals(blockers)) {
            calls = nowCalls;
            blockers = nowBlockers;
            since = System.nanoTime();
            still = false;
            told = false;
            refused = false;
            return;
        }
        if (refused || System.nanoTime() - since < CallbackWait.PATIENCE_NANOS) {
            return;
        }
        Map<Thread, StackTraceElement[]> all = Thread.getAllStackTraces();
        if (all.keySet().stream().filter(Standstill::isCarrier).count() > calls.size()) {
            return; // there is a carrier for others
        }
        boolean wasStill = still;
        still = Standstill.isSeenWithoutCarriers(all);
        Thread waiter = turn.waiters().stream().filter(CallbackWait::isVirtual).findFirst().orElse(null);
        Thread holder = turn.holder(); // who has the turn that others wait for, rather than another one
        Thread caller = calls.containsKey(holder) ? holder : calls.keySet().iterator().next();
        if (still && wasStill || calls.keySet().stream().allMatch(thread -> isLikely(thread, waiter))) {
            refused = true;
            turn.refuse(caller, calls.get(caller), text(caller, waiter));
            CallbackWait.warn(text(caller, waiter));
            caller.interrupt();
        } else if (!told && !still) {
            told = true;
            CallbackWait.warn(text(caller, waiter));
        }
    }

    /** What each of them waits for, without a limit; null if one does not. */
    private static Map<Thread, Object> blockers(Map<Thread, long[]> calls) {
        Map<Thread, Object> blockers = new IdentityHashMap<>();
        for (Thread thread : calls.keySet()) {
            if (thread.getState() != State.WAITING) {
                return null;
            }
            blockers.put(thread, LockSupport.getBlocker(thread));
        }
        return blockers;
    }

    private static boolean isLikely(Thread caller, Thread waiter) {
        StackTraceElement[] stack = caller.getStackTrace();
        return CallbackWait.joins(stack) && Arrays.stream(stack).anyMatch(frame -> frame.getClassName().equals("java.lang.VirtualThread"))
                || waiter != null && CallbackWait.waitsForTasks(stack);
    }

    private static String text(Thread caller, Thread waiter) {
        return "Virtual thread '" + CallbackWait.name(caller) + "', in Java code that Python called, waits without a limit and keeps its "
                + "carrier thread. No carrier is left for "
                + (waiter == null ? "other virtual threads" : "virtual thread '" + CallbackWait.name(waiter) + "', which waits for the turn of Python")
                + ". Let a platform thread call Python there, or set -Djdk.virtualThreadScheduler.parallelism higher.";
    }
}
