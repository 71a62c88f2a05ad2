// SPDX-License-Identifier: Apache-2.0
// Decides which thread may enter Python next. All waiting of this library happens here, in Java, and a waiting
// thread holds no lock. PythonGIL describes what a turn means for CPython's GIL.
package org.nd4j.python4j.internal.turn;

import java.lang.invoke.VarHandle;
import java.lang.ref.WeakReference;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.AbstractOwnableSynchronizer;
import java.util.concurrent.locks.LockSupport;
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.PythonGIL;
import org.nd4j.python4j.internal.Access;
import org.nd4j.python4j.internal.jni.Handles;
import org.nd4j.python4j.internal.jni.Native;

/**
 * An exclusive, re-entrant lock owned by a Java thread. Its owner is visible to {@code jstack} and to
 * {@code ThreadMXBean}'s deadlock detection.
 *
 * <p>A strict first-come order would cost a thread switch for each turn, and unlimited barging would cause starvation.
 * So a thread may take the turn before the queue as long as the first thread of the queue has been first for less than
 * a quarter of a millisecond. After that the first thread is next. It is woken when the turn becomes free. If another
 * thread takes the turn before it, it wakes by itself when its quarter of a millisecond is over. Waking takes a system
 * up to a tenth of a millisecond, in which the turn would not be used. So other threads may pass until the first thread
 * is awake, for another quarter of a millisecond at most. The thread that is awake spins for a short time until the
 * turn ends. A waiter behind {@code n} others therefore waits for at most {@code n} half milliseconds, plus the turns
 * that run in this time.
 *
 * <p>If an owner ends without releasing its turn, the turn is free: the first waiter checks every 100 ms whether the
 * owner is alive. {@code AbstractQueuedSynchronizer} cannot do this, because a waiter loses its place in the queue when
 * its time is over. So this class has its own queue.
 *
 * <p>Each class loader that has this library has a {@code Turn}, and all of them use one {@link #state}, which {@link
 * #join} shares. The state consists of JDK classes only, with arrays instead of fields. So every {@code Turn} can read
 * the whole state, and none keeps the class loader of another one alive.
 */
public final class Turn extends AbstractOwnableSynchronizer {

    private static final long serialVersionUID = 1L;
    private static final long PATIENCE = TimeUnit.MICROSECONDS.toNanos(250);
    private static final long SPIN = TimeUnit.MICROSECONDS.toNanos(50); // about what sleeping and waking cost
    private static final long LOOK = TimeUnit.MILLISECONDS.toNanos(100);

    /** The turn of the Python in this process. */
    public static final Turn PYTHON = new Turn();

    // ---- what all class loaders have in common ----

    // The places in `state`. Volatile are the AtomicLongs only: these do without VarHandles, see the
    // package-info of internal.start.
    private static final int TAKEN = 0; // AtomicLong: 1 while the turn is taken
    private static final int COUNT = 1; // AtomicLong: of the turns so far; only the owner writes it
    private static final int WAITS = 2; // AtomicLong
    private static final int WAITED = 3; // AtomicLong: nanoseconds
    private static final int NUMBERS = 4; // long[]: see below
    private static final int DEFAULT_THREAD = 5; // WeakReference<Thread>
    private static final int OWNER = 6; // Thread; a thread sees its own writes, others may see an old one, see isMine()
    private static final int CALLBACK = 7; // long[]: what PythonGIL knows the owner's callback by
    private static final int FIRST = 8; // of the queue; written with the state locked, read without: see giveBack(), enqueue()
    private static final int LAST = 9; // guarded by the state
    private static final int PLACES = 10; // ThreadLocal<Object[]>: see "where the calling thread is"
    private static final int REFUSAL = 11; // Object[]: a callback that waits in vain, what its thread is told, and the thread
    private static final int CALLS = 12; // HashMap<Thread, long[]>: the callbacks of virtual threads; guarded by the state
    private static final int WATCHED = 13; // Boolean: whether a thread looks after these; guarded by the state
    private static final int LENGTH = 14;

    // The places in NUMBERS, which only the owner reads and writes.
    private static final int DEPTH = 0;
    private static final int OWED = 1;
    private static final int INHERITED = 2;
    private static final int KEPT = 3;
    private static final int LATE = 4;
    private static final int PINNED = 5;

    // The places in what PLACES has for a thread, an Object[].
    private static final int BLOCKS = 0; // long[1]: how many shared blocks are open
    private static final int SPACE = 1; // long[1]: the handle of their namespace; null until somebody needs it
    private static final int VISIT = 2; // long[]: what PythonGIL knows the innermost callback by that has no turn
    private static final int LOAN = 3; // long[]: what PythonGIL knows of the turn that is lent
    private static final int LENT_IN = 4; // long[]: the callback that it was lent in

    // The places in a waiter, an Object[] and one of the queue's nodes.
    private static final int THREAD = 0; // Thread
    private static final int SLEEP = 1; // AtomicLong of ASLEEP and PASSED
    private static final int FIRST_SINCE = 2; // long[1]
    private static final int PREVIOUS = 3; // in the queue, guarded by the state
    private static final int NEXT = 4;

    private static final long ASLEEP = 1;
    private static final long PASSED = 2; // it was woken, and somebody was faster: it now sleeps until its patience ends

    private transient Object[] state;
    // Parts of the state, here to save a step. Written before Python has started, which is before anybody takes the turn.
    private transient AtomicLong taken;
    private transient AtomicLong count;
    private transient long[] numbers;

    public Turn() {
        state = new Object[LENGTH];
        for (int i = TAKEN; i <= WAITED; i++) {
            state[i] = new AtomicLong();
        }
        state[NUMBERS] = new long[PINNED + 1];
        state[PLACES] = new ThreadLocal<Object[]>();
        use();
    }

    private void use() {
        taken = (AtomicLong) state[TAKEN];
        count = (AtomicLong) state[COUNT];
        numbers = (long[]) state[NUMBERS];
    }

    /** The state, which is the argument of {@link #join}. */
    public Object[] state() {
        return state;
    }

    /** Makes this {@code Turn} share the given state. This {@code Turn} must not have been used yet. */
    public void join(Object[] common) {
        state = common;
        use();
    }

    // ---- who has it ----

    /**
     * Whether the calling thread owns the turn. The answer is exact, because no other thread sets or clears the caller
     * as the owner.
     */
    public boolean isMine() {
        return state[OWNER] == Thread.currentThread();
    }

    /** Whether any living thread owns the turn. */
    public boolean isTaken() {
        return holder() != null;
    }

    /** The thread that owns the turn; null if no thread owns it or the owner has ended. */
    public Thread holder() {
        Thread holder = taken.get() == 0 ? null : (Thread) state[OWNER];
        return holder != null && holder.isAlive() ? holder : null;
    }

    /**
     * The thread that may call Python while no thread has the turn; null before the start and after the end of that
     * thread.
     */
    public Thread defaultThread() {
        WeakReference<?> thread = (WeakReference<?>) state[DEFAULT_THREAD];
        return thread == null ? null : (Thread) thread.get();
    }

    /** Makes the caller the default thread if there was none yet. The result says whether it did so. */
    public boolean becomeDefaultThread() {
        synchronized (state) {
            boolean first = state[DEFAULT_THREAD] == null;
            if (first) {
                state[DEFAULT_THREAD] = new WeakReference<>(Thread.currentThread());
            }
            return first;
        }
    }

    /** The number of threads that wait, for monitoring and tests. */
    public int waiting() {
        return waiters().size();
    }

    /** The threads that wait, in the order of their arrival. */
    public List<Thread> waiters() {
        List<Thread> threads = new ArrayList<>();
        synchronized (state) {
            for (Object[] waiter = first(); waiter != null; waiter = (Object[]) waiter[NEXT]) {
                threads.add((Thread) waiter[THREAD]);
            }
        }
        return threads;
    }

    /** The number of turns that have been taken. */
    public long count() {
        return count.get();
    }

    /** How many times a thread had to wait and has finished waiting. */
    public long waits() {
        return ((AtomicLong) state[WAITS]).get();
    }

    /** The total time in nanoseconds that threads have waited. */
    public long waitedNanos() {
        return ((AtomicLong) state[WAITED]).get();
    }

    // ---- where the calling thread is ----

    // What follows belongs to the Java thread and not to its OS thread, since a virtual thread takes it along from one
    // to another. The rest of a thread's place is that of the OS thread, for which gil.rs is asked. The handle of a
    // namespace goes with the object that has it, and so with the thread.

    /**
     * The place of a thread in a shared block between two calls. {@link Native} has the numbers of the other places.
     */
    public static final int SHARED = 6;

    /** The place of the calling thread, by these numbers. */
    public int place() {
        if (isMine()) {
            return Native.TURN;
        }
        Object[] place = known();
        if (place != null && place[LOAN] != null) {
            return Native.LENT;
        }
        return place != null && ((long[]) place[BLOCKS])[0] > 0 ? SHARED : Native.gilPlace();
    }

    /** The number of open shared blocks of the calling thread. */
    public long blocks() {
        Object[] place = known();
        return place == null ? 0 : ((long[]) place[BLOCKS])[0];
    }

    /** Opens a shared block for the calling thread. */
    public void openBlock() {
        ((long[]) make()[BLOCKS])[0]++;
    }

    /** Closes the shared block that the calling thread opened last. The namespace is deleted with the first one. */
    public void closeBlock() {
        Object[] place = known();
        if (--((long[]) place[BLOCKS])[0] == 0) {
            long[] space = (long[]) place[SPACE];
            place[SPACE] = null;
            if (space != null) {
                Handles.Late.cancel(space[0]);
                Native.contextCloseSpace(space[0]);
            }
        }
    }

    /** The namespace of the calling thread's shared blocks; 0 if none is open. */
    public long space() {
        Object[] place = known();
        if (place == null || ((long[]) place[BLOCKS])[0] == 0) {
            return 0;
        }
        long[] space = (long[]) place[SPACE];
        if (space == null) { // not before somebody needs it, since that takes the GIL
            space = new long[] {Native.contextOpenSpace()};
            place[SPACE] = space;
            Handles.Late.add(space, space[0]);
        }
        return space[0];
    }

    /** The identity of the calling thread's innermost callback, where it has no turn; null outside of callbacks. */
    public long[] visit() {
        Object[] place = known();
        return place == null ? null : (long[]) place[VISIT];
    }

    public void visit(long[] callback) {
        make()[VISIT] = callback;
    }

    /** The data of the turn that the calling thread has lent; null if it has lent none. */
    public long[] loan() {
        Object[] place = known();
        return place == null ? null : (long[]) place[LOAN];
    }

    /** The callback in which the calling thread has lent its turn. */
    public long[] lentIn() {
        return (long[]) known()[LENT_IN];
    }

    /** Records that the calling thread lends its turn, or has taken it back: then both are null. */
    public void lend(long[] loan, long[] callback) {
        Object[] place = make();
        place[LOAN] = loan;
        place[LENT_IN] = callback;
    }

    private Object[] known() {
        return places().get();
    }

    @SuppressWarnings("unchecked") // nothing else is put there
    private ThreadLocal<Object[]> places() {
        return (ThreadLocal<Object[]>) state[PLACES];
    }

    /** The same, made if it is not there. It stays with the thread, and keeps no class loader. */
    private Object[] make() {
        Object[] place = known();
        if (place == null) {
            place = new Object[] {new long[1], null, null, null, null};
            places().set(place);
        }
        return place;
    }

    /**
     * It is a virtual thread, and Python calls it: until that is over it keeps its carrier.
     *
     * @param callback what this is known by; null when its outermost callback is over
     * @return what it was in before, null for nothing
     */
    public long[] called(long[] callback) {
        boolean watch;
        long[] before;
        synchronized (state) {
            Map<Thread, long[]> calls = calls();
            before = callback == null ? calls.remove(Thread.currentThread()) : calls.put(Thread.currentThread(), callback);
            watch = calls.size() >= Carriers.COUNT && state[WATCHED] == null;
            if (watch) {
                state[WATCHED] = Boolean.TRUE;
            }
        }
        if (watch) {
            new Carriers(this).start();
        }
        return before;
    }

    /** For {@link Carriers}: a copy of these callbacks; null, and it ends, if there are fewer than carriers. */
    Map<Thread, long[]> keptCarriers() {
        synchronized (state) {
            calls().keySet().removeIf(thread -> !thread.isAlive()); // one whose stack was full could not say that it was over
            if (calls().size() >= Carriers.COUNT) {
                return new IdentityHashMap<>(calls());
            }
            state[WATCHED] = null;
            return null;
        }
    }

    @SuppressWarnings("unchecked") // nothing else is put there
    private Map<Thread, long[]> calls() {
        if (state[CALLS] == null) {
            state[CALLS] = new HashMap<Thread, long[]>();
        }
        return (Map<Thread, long[]>) state[CALLS];
    }

    // ---- for the owner alone ----

    /** How many times the owner has taken the turn. */
    public int depth() {
        return (int) numbers[DEPTH];
    }

    /** Whether the caller, who owns the turn, has taken it once: entered just now, or about to leave. */
    public boolean isOutermost() {
        return numbers[DEPTH] == 1;
    }

    /**
     * How many of the owner's takes no {@link PythonGIL} stands for: more than none for long only if a
     * {@code StackOverflowError} came between.
     */
    public long owed() {
        return numbers[OWED];
    }

    /** One take more, or less, that no {@link PythonGIL} stands for. */
    public void owe(int change) {
        numbers[OWED] += change;
    }

    /** Whether the previous owner ended without releasing its turn, and the present owner has not cleaned up yet. */
    public boolean isInherited() {
        return numbers[INHERITED] != 0;
    }

    /** The owner has cleaned up after the previous owner. */
    public void settled() {
        numbers[INHERITED] = 0;
    }

    /**
     * Whether the owner keeps the turn because of {@code release_gil_automatically=false}. This ends with its next
     * owner.
     */
    public boolean isKept() {
        return numbers[KEPT] != 0;
    }

    public void keep(boolean kept) {
        numbers[KEPT] = kept ? 1 : 0;
    }

    /** Whether a turn was closed in a callback, so that the Python code around has it until it returns. */
    public boolean isLate() {
        return numbers[LATE] != 0;
    }

    public void late(boolean late) {
        numbers[LATE] = late ? 1 : 0;
    }

    /**
     * The number of virtual threads that have lent or released the turn in callbacks, where they are pinned to their OS
     * threads.
     */
    public long pinned() {
        return numbers[PINNED];
    }

    /** Changes this number. The owner calls it before it lends the turn, or after it has taken the turn back. */
    public void pin(int change) {
        numbers[PINNED] += change;
    }

    /** The identity of the owner's innermost callback; null outside of callbacks. Other threads may see an old one. */
    public long[] callback() {
        return (long[]) state[CALLBACK];
    }

    public void callback(long[] callback) {
        state[CALLBACK] = callback;
    }

    /**
     * Records that a thread, the owner as a rule, waits in vain in that callback. If the callback ends with an exception, the
     * thread gets the reason. It is interrupted afterwards, which makes sure that it sees the record.
     */
    void refuse(Thread thread, long[] callback, String why) {
        state[REFUSAL] = new Object[] {callback, why, thread};
    }

    /** Whether such a reason is recorded for the thread. An interrupt then does no more than end its wait. */
    boolean isRefused(Thread thread) {
        Object[] refusal = (Object[]) state[REFUSAL];
        return refusal != null && refusal[2] == thread;
    }

    /** Forgets the reason that is recorded for a callback, because the callback is over. */
    public void callbackEnds(long[] callback) {
        Object[] refusal = (Object[]) state[REFUSAL];
        if (refusal != null && refusal[0] == callback) {
            state[REFUSAL] = null;
        }
    }

    /** Why the wait in that callback was in vain; null if it was not. */
    public String refusal(long[] callback) {
        Object[] refusal = (Object[]) state[REFUSAL];
        return refusal == null || refusal[0] != callback ? null : (String) refusal[1];
    }

    // ---- taking and giving back ----

    /** Takes the turn, once more if the caller has it, and waits without a limit. An interrupt stays pending. */
    public void take() {
        if (!takeAgain() && !barge()) {
            queueUp(Long.MAX_VALUE, false, null);
        }
    }

    /**
     * Takes the turn like {@link #take()}, for a thread for which the owner of the turn may wait.
     *
     * @throws PythonException if the owner waits for this thread in a callback; nothing was taken then
     */
    public void takeUnlessInVain() {
        if (!takeAgain() && !barge()) {
            queueUp(Long.MAX_VALUE, false, callback());
        }
    }

    /**
     * Takes the turn, once more if the caller has it, unless this takes longer than the given time.
     *
     * @return whether the caller has it now
     * @throws InterruptedException if the caller was or is interrupted; nothing was taken then
     */
    public boolean take(long nanos) throws InterruptedException {
        if (Thread.interrupted()) {
            throw new InterruptedException();
        }
        boolean got = takeAgain() || barge() || queueUp(nanos, true, null);
        if (!got && Thread.interrupted()) {
            throw new InterruptedException();
        }
        return got;
    }

    /**
     * Takes the turn, once more if the caller has it, if no other thread has it. The caller passes all waiting threads.
     */
    public boolean takeIfFree() {
        return takeAgain() || own() || takeFromDead();
    }

    /** Releases one {@code take} of the calling thread, which owns the turn. */
    public void giveBack() {
        if (numbers[DEPTH] > 1) {
            numbers[DEPTH]--;
            numbers[OWED]--;
            return;
        }
        setExclusiveOwnerThread(null); // if there is no stack for this, all is as before
        Object owner = state[OWNER];
        long[] callback = callback();
        numbers[DEPTH] = 0;
        numbers[OWED] = 0;
        state[CALLBACK] = null;
        state[OWNER] = null;
        try {
            taken.set(0);
        } catch (StackOverflowError e) {
            state[OWNER] = owner;
            state[CALLBACK] = callback;
            numbers[DEPTH] = 1;
            numbers[OWED] = 1;
            throw e;
        }
        // A volatile read in between: on arm64 a plain one may be done before the write above is seen, and then misses a
        // thread that has just queued up and still sees the turn taken. A new owner will wake it.
        Object[] next = taken.get() == 0 ? first() : null;
        if (next != null) {
            wake(next);
        }
    }

    /** Releases the turn completely if the calling thread has it. */
    public void giveUp() {
        if (isMine()) {
            numbers[DEPTH] = 1;
            giveBack();
        }
    }

    /**
     * Restores the state before the turn was lent: the caller, which has just taken the turn, has it {@code depth}
     * times, in that callback.
     */
    public void restore(int depth, long owed, long[] callback) {
        numbers[DEPTH] = depth;
        numbers[OWED] = owed;
        state[CALLBACK] = callback;
    }

    /** Takes the turn if no thread has it, including the caller, and no thread has waited for too long. */
    public boolean takeAtOnce() {
        return barge();
    }

    private boolean takeAgain() {
        if (!isMine()) {
            return false;
        }
        numbers[DEPTH]++;
        numbers[OWED]++;
        return true;
    }

    private boolean own() {
        Thread me = Thread.currentThread();
        if (!taken.compareAndSet(0, 1)) {
            return false;
        }
        state[OWNER] = me; // at once: this calls nothing
        numbers[KEPT] = 0;
        numbers[LATE] = 0;
        begin(me);
        return true;
    }

    private void begin(Thread me) {
        setExclusiveOwnerThread(me);
        count.lazySet(count.get() + 1);
        numbers[DEPTH] = 1; // last, as what is above may find no stack
        numbers[OWED] = 1;
    }

    private boolean barge() {
        Object[] next = first();
        return (next == null || yields(next)) && own();
    }

    private boolean takeFromDead() {
        Thread me = Thread.currentThread();
        synchronized (state) { // while the turn is taken, nobody writes the owner elsewhere but the living owner itself
            Thread holder = taken.get() == 0 ? null : (Thread) state[OWNER];
            if (holder == null || holder.isAlive() || state[OWNER] != holder) { // it may have given back just before its end
                return false;
            }
            state[OWNER] = me;
            state[CALLBACK] = null;
            numbers[DEPTH] = 0;
            numbers[OWED] = 0;
            numbers[KEPT] = 0;
            numbers[LATE] = 0;
            numbers[INHERITED] = 1;
        }
        begin(me);
        return true;
    }

    // ---- the queue: a list without a class of its own. For adding and removing, which call nothing, no stack is too short ----

    private Object[] first() {
        return (Object[]) state[FIRST];
    }

    private static void wake(Object[] waiter) {
        AtomicLong sleep = (AtomicLong) waiter[SLEEP];
        long now = sleep.get();
        if ((now & ASLEEP) != 0 && !((now & PASSED) != 0 && yields(waiter))) {
            sleep.set(now & ~ASLEEP);
            LockSupport.unpark((Thread) waiter[THREAD]);
        }
    }

    /** Whether another thread may go first. */
    private static boolean yields(Object[] waiter) {
        return patience(waiter) > ((((AtomicLong) waiter[SLEEP]).get() & ASLEEP) != 0 ? -PATIENCE : 0);
    }

    private static long patience(Object[] waiter) {
        return ((long[]) waiter[FIRST_SINCE])[0] + PATIENCE - System.nanoTime();
    }

    /**
     * Waits for the turn for so long, or until an interrupt if that is to end it; one stays pending.
     *
     * @param callback what the owner is in now, if the wait may be in vain
     */
    private boolean queueUp(long nanos, boolean interruptible, long[] callback) {
        CallbackWait vain = null;
        PythonException refused = null;
        boolean got = false;
        boolean interrupted = false;
        boolean shown = false;
        long since = System.nanoTime();
        Object event = Access.get().waitBegins(this);
        Object[] waiter = enqueue(since);
        long now = since;
        try {
            while (true) {
                got = serve(waiter);
                now = System.nanoTime();
                long left = nanos - (now - since);
                if (got || left <= 0 || interrupted && interruptible) {
                    break;
                }
                if (callback != null && now - since > LOOK) {
                    vain = vain == null ? new CallbackWait(this, callback) : vain;
                    refused = vain.look(now);
                    if (refused != null) {
                        break;
                    }
                }
                shown |= show();
                park(waiter, Math.min(left, LOOK));
                interrupted |= Thread.interrupted();
            }
        } finally {
            // Who has no stack left must get out of the queue, too: this calls nothing.
            synchronized (state) {
                Object[] previous = (Object[]) waiter[PREVIOUS];
                Object[] next = (Object[]) waiter[NEXT];
                if (previous != null) {
                    previous[NEXT] = next;
                } else {
                    state[FIRST] = next;
                    if (next != null) {
                        ((long[]) next[FIRST_SINCE])[0] = now;
                    }
                }
                if (next != null) {
                    next[PREVIOUS] = previous;
                } else {
                    state[LAST] = previous;
                }
            }
        }
        if (!got && shown) {
            setExclusiveOwnerThread(null);
        }
        Object[] next = first();
        if (next != null && taken.get() == 0) {
            wake(next); // the one that leaves may have been woken in its place
        }
        ((AtomicLong) state[WAITS]).incrementAndGet();
        ((AtomicLong) state[WAITED]).addAndGet(now - since);
        if (event != null) {
            Access.get().waitEnds(event, got);
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        if (refused != null) {
            throw refused;
        }
        return got;
    }

    /** The JVM sees who has the turn in this object: an owner of another class loader's {@code Turn} stands there only now. */
    private boolean show() {
        Thread owner = (Thread) state[OWNER];
        if (owner == null || getExclusiveOwnerThread() == owner) {
            return false;
        }
        setExclusiveOwnerThread(owner);
        return true;
    }

    private Object[] enqueue(long now) {
        Object[] waiter = {Thread.currentThread(), new AtomicLong(), new long[] {now}, null, null};
        VarHandle.storeStoreFence(); // who finds it without the lock finds all of it, also on arm64
        synchronized (state) {
            Object[] last = (Object[]) state[LAST];
            waiter[PREVIOUS] = last;
            if (last == null) {
                state[FIRST] = waiter;
            } else {
                last[NEXT] = waiter;
            }
            state[LAST] = waiter;
        }
        return waiter;
    }

    /** The queue's first tries to get the turn; for a moment, if nobody may go first any more. */
    private boolean serve(Object[] waiter) {
        if (first() != waiter) {
            return false;
        }
        boolean got = own() || takeFromDead();
        if (!got && !yields(waiter)) {
            for (long until = System.nanoTime() + SPIN; !got && System.nanoTime() < until; got = own()) {
                Thread.onSpinWait();
            }
        }
        return got;
    }

    private void park(Object[] waiter, long nanos) {
        AtomicLong sleep = (AtomicLong) waiter[SLEEP];
        long patience = patience(waiter);
        boolean passed = (sleep.get() & PASSED) != 0 && patience > 0;
        sleep.set(passed ? ASLEEP | PASSED : ASLEEP);
        // Seen again after ASLEEP is set, so that no giveBack passes between the two unnoticed.
        if (taken.get() != 0 || first() != waiter) {
            LockSupport.parkNanos(this, passed ? Math.min(patience, nanos) : nanos);
        }
        boolean woken = (sleep.get() & ASLEEP) == 0;
        sleep.set(woken && first() == waiter ? PASSED : 0);
    }
}
