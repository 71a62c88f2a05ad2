// SPDX-License-Identifier: Apache-2.0
// Finds a thread that would wait forever for an event loop: it waits in Java within its turn, by something that does not know of
// the GIL, and keeps the GIL from the loop. LoopFuture and Pull release the GIL and need none of this.
package org.nd4j.python4j.internal.loop;

import java.util.ArrayDeque;
import java.util.Collection;
import java.util.Collections;
import java.util.Deque;
import java.util.IdentityHashMap;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.internal.jni.Native;
import org.nd4j.python4j.internal.turn.CallbackWait;
import org.nd4j.python4j.internal.turn.Standstill;
import org.nd4j.python4j.internal.turn.Turn;

/**
 * A daemon thread that exists while a turn lasts and a loop has pending requests, and for a second more. It looks whether the owner of
 * the turn waits without a limit, and always for the same object, while the loop cannot read its messages. It does not stay for
 * pending requests alone, because it keeps the class loader.
 *
 * <p>If the owner has done so for {@link CallbackWait#PATIENCE_NANOS} and waits for a future that depends on a pending request,
 * that future fails; the requests go on. If it waits for anything else and no other thread of the JVM could end this wait, the
 * pending requests fail. Otherwise the program may continue, and a warning is logged.
 */
final class LoopWait extends Thread {

    private static final long LOOK_NANOS = TimeUnit.MILLISECONDS.toNanos(100);
    private static final int IDLE_LOOKS = 10;

    private static final String FUTURE = "java/util/concurrent/CompletableFuture";
    private static final String COMPLETION = FUTURE + "$Completion";
    private static final String PAIR = FUTURE + "$BiCompletion";

    private static final String ADVICE = " Wait for a future of PythonAsync itself, or for one that is derived from it (thenCombine in place"
            + " of allOf), or enclose the waiting in try (PythonGIL lent = PythonGIL.lend()) { ... }, which lets other threads have the turn.";

    private final Loop loop;
    private int idle; // the number of looks at which no turn lasted, or nothing was pending
    private long turn; // at the last look, by its number
    private Thread owner; // at the last look, if it waited; null if it did not
    private Object blocker;
    private long since;
    private boolean still; // at the last look nothing else could go on
    private boolean told;

    LoopWait(Loop loop) {
        super(null, null, Loop.THREAD + "-wait", 0, false);
        this.loop = loop;
        setDaemon(true);
        setContextClassLoader(null);
    }

    @Override
    public void run() {
        do {
            LockSupport.parkNanos(this, LOOK_NANOS);
            long before = turn;
            turn = Turn.PYTHON.count();
            idle = turn == before && loop.isAtRisk() ? 0 : idle + 1;
            look(turn == before);
        } while (loop.isOpen() && idle < IDLE_LOOKS || !loop.watchEnds(this));
    }

    private void look(boolean sameTurn) {
        Thread now = Turn.PYTHON.holder();
        if (now == null || Turn.PYTHON.callback() != null || now.getState() != State.WAITING || CallbackWait.isVirtual(now)) {
            owner = null;
            return;
        }
        Object blocks = LockSupport.getBlocker(now);
        if (now != owner || blocks != blocker || !sameTurn) {
            owner = now;
            blocker = blocks;
            told = false;
            begin();
        } else if (loop.waiting() <= 0) { // the loop goes on, so the GIL is not kept
            begin();
        } else if (System.nanoTime() - since >= CallbackWait.PATIENCE_NANOS && !releasesGil(now.getStackTrace())) {
            end();
        }
    }

    private void begin() {
        since = System.nanoTime();
        still = false;
        loop.nudge();
    }

    private static boolean releasesGil(StackTraceElement[] stack) {
        for (StackTraceElement frame : stack) {
            if (frame.getClassName().equals(LoopFuture.class.getName()) || frame.getClassName().equals(Pull.class.getName())) {
                return true;
            }
        }
        return false;
    }

    private void end() {
        String text = "Thread '" + CallbackWait.name(owner) + "' waits within its turn of Python, without a limit, and keeps the GIL with its"
                + " turn, so that the event loop of PythonAsync cannot go on.";
        CompletableFuture<?> future = awaited(loop.pending(), blocker);
        if (future != null) {
            future.completeExceptionally(new PythonException(text + " It waits for a coroutine, and neither would ever end." + ADVICE));
            owner = null;
            return;
        }
        boolean wasStill = still;
        still = Standstill.isSeenInJava(owner, loop.thread());
        if (still && wasStill) {
            loop.fail(text + " No other thread of this JVM runs that could end this wait." + ADVICE);
            owner = null;
        } else if (!told && !still) {
            told = true;
            CallbackWait.warn(text + " If it waits for a coroutine:" + ADVICE);
        }
    }

    /**
     * The future that a thread waits for, if it depends on a pending one; otherwise null. A future that only one of two others has
     * to complete does not depend on either.
     *
     * @param blocker what the thread waits for, as {@link LockSupport} knows it, which is one of the dependents of that future
     */
    private static CompletableFuture<?> awaited(Collection<?> pending, Object blocker) {
        Deque<Object> futures = new ArrayDeque<>(pending);
        Set<Object> seen = Collections.newSetFromMap(new IdentityHashMap<>());
        while (!futures.isEmpty()) {
            Object future = futures.pop();
            if (!seen.add(future)) {
                continue;
            }
            Object each = Native.gilHidden(future, FUTURE, "stack", type(COMPLETION));
            for (; each != null; each = Native.gilHidden(each, COMPLETION, "next", type(COMPLETION))) {
                if (each == blocker) {
                    return (CompletableFuture<?>) future;
                }
                Object pair = Native.gilHidden(each, FUTURE + "$CoCompletion", "base", type(PAIR));
                Object step = pair == null ? each : pair;
                Object dependent = Native.gilHidden(step, FUTURE + "$UniCompletion", "dep", type(FUTURE));
                if (dependent != null && !step.getClass().getSimpleName().startsWith("Or")) {
                    futures.push(dependent);
                }
            }
        }
        return null;
    }

    private static String type(String name) {
        return "L" + name + ";";
    }
}
