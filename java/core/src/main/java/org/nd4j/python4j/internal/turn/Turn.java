// SPDX-License-Identifier: Apache-2.0
// Who may enter Python next. All waiting of this library happens here, in Java, holding nothing.
// What a turn means for CPython's GIL stands in PythonGIL.
package org.nd4j.python4j.internal.turn;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReferenceFieldUpdater;
import java.util.concurrent.locks.AbstractOwnableSynchronizer;
import java.util.concurrent.locks.LockSupport;
import org.nd4j.python4j.PythonGIL;
import org.nd4j.python4j.internal.Access;

/**
 * An exclusive, re-entrant lock owned by a Java thread. Its owner is visible to {@code jstack} and to
 * {@code ThreadMXBean}'s deadlock detection.
 *
 * <p>Strict first-come order would cost a thread switch per turn, free barging starves. So a thread may
 * take the turn past the queue as long as the queue's first has been first for less than a quarter of
 * a millisecond; after that the first one goes next. The first is woken when the turn becomes free; if
 * somebody is faster all the same, it wakes by itself when its quarter is over. That takes a system up to
 * a tenth of a millisecond, in which the turn would lie idle: so others may pass until it is awake, for
 * another quarter at most, and awake it watches for a moment for the turn to end. A waiter behind
 * {@code n} others therefore waits for {@code n} half milliseconds at most, plus the turns that run then.
 *
 * <p>An owner that ends without giving its turn back has given it up: the first waiter looks every
 * 100 ms whether the owner is alive. {@code AbstractQueuedSynchronizer} cannot do that, since a waiter
 * whose time runs out loses its place in the queue; hence a queue of our own.
 */
public final class Turn extends AbstractOwnableSynchronizer {

    private static final long serialVersionUID = 1L;
    private static final long PATIENCE = TimeUnit.MICROSECONDS.toNanos(250);
    private static final long SPIN = TimeUnit.MICROSECONDS.toNanos(50); // about what sleeping and waking cost
    private static final long LOOK = TimeUnit.MILLISECONDS.toNanos(100);
    // Neither a VarHandle nor what is made of them: see the package-info of internal.start.
    private static final AtomicReferenceFieldUpdater<Turn, Thread> OWNER =
            AtomicReferenceFieldUpdater.newUpdater(Turn.class, Thread.class, "owner");

    /** The one for this process's Python. */
    public static final Turn PYTHON = new Turn();

    private static final class Waiter {
        final Thread thread = Thread.currentThread();
        final long since = System.nanoTime();
        volatile long firstSince = since;
        volatile boolean asleep;
        volatile boolean passed; // it was woken, and somebody was faster: it now sleeps until its patience ends
        Object event; // of the Java Flight Recorder; null if it does not listen
        Waiter previous; // in the queue, guarded by it
        Waiter next;

        void wake() {
            if (asleep && !(passed && yields())) {
                asleep = false;
                LockSupport.unpark(thread);
            }
        }

        /** Whether somebody else may go first. */
        boolean yields() {
            return patience() > (asleep ? -PATIENCE : 0);
        }

        long patience() {
            return firstSince + PATIENCE - System.nanoTime();
        }
    }

    private transient volatile Thread owner;
    private transient int depth; // only the owner reads and writes it

    /**
     * How many of the owner's takes no {@link PythonGIL} stands for: more than none for long only if a
     * {@code StackOverflowError} came between. Only the owner reads and writes it.
     */
    public transient int owed;

    /** An owner ended with its turn, and maybe with more. Only the owner reads and writes it. */
    public transient boolean inherited;
    private final transient AtomicLong count = new AtomicLong(); // of the turns so far; only the owner writes it
    private final transient AtomicLong waits = new AtomicLong();
    private final transient AtomicLong waited = new AtomicLong();

    // A list without a class of its own: for adding and removing, which call nothing, no stack is too short.
    private final transient Object queue = new Object();
    private transient volatile Waiter first; // written with the queue locked
    private transient Waiter last; // guarded by the queue

    /** Whether the calling thread owns the turn. */
    public boolean isMine() {
        return owner == Thread.currentThread();
    }

    /** Whether any living thread owns the turn. */
    public boolean isTaken() {
        return holder() != null;
    }

    /** The thread that owns the turn, null if there is none or it has ended. */
    public Thread holder() {
        Thread holder = owner;
        return holder != null && holder.isAlive() ? holder : null;
    }

    /** How many threads wait, for monitoring and tests. */
    public int waiting() {
        return waiters().size();
    }

    /** The threads that wait, in the order of their arrival. */
    public List<Thread> waiters() {
        List<Thread> threads = new ArrayList<>();
        synchronized (queue) {
            for (Waiter waiter = first; waiter != null; waiter = waiter.next) {
                threads.add(waiter.thread);
            }
        }
        return threads;
    }

    /** The number of the last turn taken, which is how many there were. */
    public long count() {
        return count.get();
    }

    /** How many times a thread had to wait, and has done so. */
    public long waits() {
        return waits.get();
    }

    /** How many nanoseconds they waited. */
    public long waitedNanos() {
        return waited.get();
    }

    /** Takes the turn, once more if the caller has it, however long that takes. An interrupt stays pending. */
    public void take() {
        if (!takeAgain() && !barge()) {
            queueUp(Long.MAX_VALUE, false);
        }
    }

    /**
     * Takes the turn, once more if the caller has it, unless that needs more time.
     *
     * @return whether the caller has it now
     * @throws InterruptedException if the caller was or is interrupted; nothing was taken then
     */
    public boolean take(long nanos) throws InterruptedException {
        if (Thread.interrupted()) {
            throw new InterruptedException();
        }
        boolean taken = takeAgain() || barge() || queueUp(nanos, true);
        if (!taken && Thread.interrupted()) {
            throw new InterruptedException();
        }
        return taken;
    }

    /** Takes the turn, once more if the caller has it, if nobody else does; past all who wait. */
    public boolean takeIfFree() {
        return takeAgain() || own(null) || takeFromDead();
    }

    /** Whether the caller, who owns the turn, has taken it once: entered just now, or about to leave. */
    public boolean isOutermost() {
        return depth == 1;
    }

    /** Gives back one {@code take} of the calling thread, who owns the turn. */
    public void giveBack() {
        if (depth > 1) {
            depth--;
            owed--;
            return;
        }
        setExclusiveOwnerThread(null); // if there is no stack for this, all is as before
        depth = 0;
        owed = 0;
        owner = null;
        Waiter next = first;
        if (next != null) {
            next.wake();
        }
    }

    /** Gives back all that the calling thread has taken, if it has. */
    public void giveUp() {
        if (isMine()) {
            depth = 1;
            giveBack();
        }
    }

    /** Takes the turn if nobody has it, the caller neither, and nobody waits for too long. */
    public boolean takeAtOnce() {
        return barge();
    }

    private boolean takeAgain() {
        if (!isMine()) {
            return false;
        }
        depth++;
        owed++;
        return true;
    }

    private boolean own(Thread expected) {
        Thread me = Thread.currentThread();
        if (!OWNER.compareAndSet(this, expected, me)) {
            return false;
        }
        setExclusiveOwnerThread(me);
        count.lazySet(count.get() + 1);
        depth = 1; // last, as what is above may find no stack
        owed = 1;
        return true;
    }

    private boolean barge() {
        Waiter next = first;
        return (next == null || next.yields()) && own(null);
    }

    private boolean takeFromDead() {
        Thread holder = owner;
        if (holder == null || holder.isAlive() || !own(holder)) {
            return false;
        }
        inherited = true;
        return true;
    }

    /** Waits for the turn for so long, or until an interrupt if that is to end it; one stays pending. */
    private boolean queueUp(long nanos, boolean interruptible) {
        boolean taken;
        boolean interrupted = false;
        Waiter waiter = enqueue();
        long now = waiter.since;
        try {
            while (true) {
                taken = serve(waiter);
                now = System.nanoTime();
                long left = nanos - (now - waiter.since);
                if (taken || left <= 0 || interrupted && interruptible) {
                    break;
                }
                park(waiter, Math.min(left, LOOK));
                interrupted |= Thread.interrupted();
            }
        } finally {
            // Who has no stack left must get out of the queue, too: this calls nothing.
            synchronized (queue) {
                if (waiter.previous != null) {
                    waiter.previous.next = waiter.next;
                } else {
                    first = waiter.next;
                    if (first != null) {
                        first.firstSince = now;
                    }
                }
                if (waiter.next != null) {
                    waiter.next.previous = waiter.previous;
                } else {
                    last = waiter.previous;
                }
            }
        }
        Waiter next = first;
        if (next != null && owner == null) {
            next.wake(); // the one that leaves may have been woken in its place
        }
        waits.incrementAndGet();
        waited.addAndGet(now - waiter.since);
        if (waiter.event != null) {
            Access.get().waitEnds(waiter.event, taken);
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        return taken;
    }

    private Waiter enqueue() {
        Waiter waiter = new Waiter();
        waiter.event = Access.get().waitBegins(this);
        synchronized (queue) {
            waiter.previous = last;
            if (last == null) {
                first = waiter;
            } else {
                last.next = waiter;
            }
            last = waiter;
        }
        return waiter;
    }

    /** The queue's first tries to get the turn; for a moment, if nobody may go first any more. */
    private boolean serve(Waiter waiter) {
        if (first != waiter) {
            return false;
        }
        boolean taken = own(null) || takeFromDead();
        if (!taken && !waiter.yields()) {
            for (long until = System.nanoTime() + SPIN; !taken && System.nanoTime() < until; taken = own(null)) {
                Thread.onSpinWait();
            }
        }
        return taken;
    }

    private void park(Waiter waiter, long nanos) {
        long patience = waiter.patience();
        waiter.passed &= patience > 0;
        waiter.asleep = true;
        // Seen again after `asleep` is set, so that no giveBack passes between the two unnoticed.
        if (owner != null || first != waiter) {
            LockSupport.parkNanos(this, waiter.passed ? Math.min(patience, nanos) : nanos);
        }
        waiter.passed = !waiter.asleep && waiter == first;
        waiter.asleep = false;
    }
}
