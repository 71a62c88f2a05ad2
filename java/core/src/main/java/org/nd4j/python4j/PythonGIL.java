// SPDX-License-Identifier: Apache-2.0
// The entry to Python. A thread first takes a turn in Java (Turn), then the GIL in Rust (gil.rs). Every public
// method that calls Python passes through enter(). NativeLoader starts Python.
package org.nd4j.python4j;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.nd4j.python4j.internal.Access;
import org.nd4j.python4j.internal.jni.Handles;
import org.nd4j.python4j.internal.jni.Native;
import org.nd4j.python4j.internal.monitor.Monitor;
import org.nd4j.python4j.internal.start.Interpreter;
import org.nd4j.python4j.internal.start.NativeLoader;
import org.nd4j.python4j.internal.start.WarmUp;
import org.nd4j.python4j.internal.turn.Carriers;
import org.nd4j.python4j.internal.turn.Handover;
import org.nd4j.python4j.internal.turn.Stopper;
import org.nd4j.python4j.internal.turn.Turn;

/**
 * An exclusive lock on Python, which this documentation calls a <a
 * href="https://github.com/python4j/python4j/blob/main/docs/glossary.md#turn">turn</a>. It lasts from {@link #lock()} to {@link
 * #close}, also while Python sleeps or does I/O, so that a block of calls is never interleaved with another thread's.
 *
 * <pre>{@code
 * try (PythonGIL gil = PythonGIL.lock()) {
 *     PythonExecutioner.exec("x = 42");
 * }
 * }</pre>
 *
 * <p>Turns are re-entrant and belong to the Java thread that took them, which may be a virtual thread. A thread that
 * waits for a turn waits in Java and holds no lock. If a thread ends without closing its turn, the turn is released.
 *
 * <p>Two kinds of threads may call Python without a turn:
 *
 * <ul>
 *   <li><b>The default thread</b>, which is the thread that started Python, may call while no other thread has a
 *       turn; each call then takes a turn for its own length, and other threads may run between two such calls. If
 *       another thread has a turn, the call throws {@link PythonException}.
 *   <li>A thread on which Python called Java, or which holds the GIL for another reason, has already entered Python.
 *       For such a thread {@code lock()} takes no turn. So it cannot deadlock with the owner of the turn, which may
 *       wait for this thread in Python.
 * </ul>
 */
public class PythonGIL implements AutoCloseable {

    private static final String NO_TURN =
            "Attempt to use Python4j from multiple threads without acquiring GIL. "
                    + "Enclose your code in a try(PythonGIL gil = PythonGIL.lock()){...} block.";
    private static final String OF_CALLER =
            "This shared block began before Python called this Java code, and the Python code around the call goes on in "
                    + "it: close it after the call.";
    private static final String PINNED =
            "A virtual thread cannot give its turn to others in this call from Python: it keeps its carrier thread there, and so "
                    + "many do so already that the turn's next owner might find none. Use a platform thread, or a larger "
                    + "-Djdk.virtualThreadScheduler.parallelism.";
    private static final String IS_LENT =
            "This thread has lent its turn and cannot use Python until that is over: close what PythonGIL.lend() gave.";
    private static final long STOP_MILLIS = 1000; // for a turn
    private static final long END_MILLIS = 1800; // for all of the end

    private static final long CHECKED_TURNS = 1000; // an interpreter is chosen early; a check costs some nanoseconds
    private static final Turn TURN = Turn.PYTHON;
    private static final PythonGIL NOTHING = new PythonGIL(null, false, null);
    private static final MethodHandle IS_VIRTUAL = isVirtual();

    // What a callback is known by is a long[], of a JDK class since other class loaders see it: whether the turns that
    // were taken in it and stand open are void, and how many these are.
    private static final int VOID = 0;
    private static final int OPEN = 1;

    private static boolean typesInitialized; // the starter alone uses it
    private static volatile boolean ready; // Python runs and the types' init() has been called
    static volatile boolean usesLoops; // set by PythonAsync, which is not loaded otherwise
    private static volatile Thread starter; // the thread that started Python for this class loader

    private Thread owner; // null once closed
    private final boolean turn; // false for a thread that had the GIL before
    private final boolean block; // a shared one
    private final long[] callback; // the one that this began in, null outside of callbacks

    private PythonGIL(Thread owner, boolean turn, long[] callback) {
        this.owner = owner;
        this.turn = turn;
        this.block = false;
        this.callback = callback;
        if (turn && callback != null) {
            callback[OPEN]++;
        }
    }

    /** A shared block. */
    private PythonGIL(Thread owner) {
        this.owner = owner;
        this.turn = false;
        this.block = true;
        this.callback = TURN.visit();
    }

    /**
     * Acquires an exclusive lock on Python, and waits for it without a time limit. Turns can be nested: a thread that
     * has the turn takes it once more. The first call in a process starts Python.
     *
     * @return the turn, to be closed by the same thread
     * @throws PythonException if Python cannot be started, or if the main thread has ended without closing its turn
     */
    public static PythonGIL lock() {
        // The usual case first, in which entered() asks for the thread's place and takes the GIL in one call.
        if (ready && !isVirtual(Thread.currentThread()) && TURN.takeAtOnce()) {
            return entered();
        }
        PythonGIL place = placeAlready();
        if (place != null) {
            return place;
        }
        TURN.takeUnlessInVain();
        return entered();
    }

    /**
     * Enters Python without taking a turn. Other threads can run Python whenever CPython releases the GIL, for
     * example during I/O or {@code time.sleep}, so the waiting of several threads overlaps. An exclusive turn
     * excludes only other exclusive turns.
     *
     * <p>Each block has its own namespace, which is empty at first and is emptied when the block is closed. So the
     * variables of different blocks are separate. All other state is shared with the code of other threads: modules and
     * their contents, objects that were passed in, and {@code sys.modules['__main__']}, which follows the exclusive
     * turn. Contexts are not available in a block. If the thread already has an exclusive turn, this method takes that
     * turn once more.
     *
     * <p>This method does not wait. Each call in the block waits for the GIL and holds it only during that call.
     *
     * @return the block, to be closed by the same thread
     * @throws PythonException if Python cannot be started
     * @see <a href="https://github.com/python4j/python4j/blob/main/docs/glossary.md#block">block</a>
     */
    public static PythonGIL lockShared() {
        start();
        if (TURN.isMine()) {
            return lock();
        }
        refuseLent();
        if (TURN.blocks() == 0) {
            Interpreter.check();
        }
        TURN.openBlock();
        return new PythonGIL(Thread.currentThread());
    }

    /**
     * Like {@link #lock()}, but waits for a limited time.
     *
     * <pre>{@code
     * try (PythonGIL gil = PythonGIL.lock(Duration.ofSeconds(2))) {
     *     PythonExecutioner.exec("x = 42");
     * } catch (PythonTimeout e) {
     *     // another thread had its turn for the whole time
     * }
     * }</pre>
     *
     * @param limit how long to wait; with zero or less this method does not wait
     * @return the turn, to be closed by the same thread; never null
     * @throws PythonTimeout if no turn became available in time; the thread then holds nothing
     * @throws PythonInterrupted if the thread is interrupted; its interrupt status is then set, and it holds nothing
     * @throws PythonException as {@link #lock()} does
     */
    public static PythonGIL lock(Duration limit) {
        PythonGIL gil;
        try {
            gil = within(limit);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new PythonInterrupted("The thread was interrupted while it waited for a turn of Python.", e);
        }
        if (gil == null || gil == NOTHING) {
            throw new PythonTimeout("There was no turn of Python within " + limit + "; " + whoHasIt(gil == NOTHING), null);
        }
        return gil;
    }

    /** @param gil whether the turn was to be had, and only CPython's own lock was not */
    private static String whoHasIt(boolean gil) {
        Thread holder = holder();
        if (holder != null) {
            return "thread '" + Monitor.name(holder) + "' has it.";
        }
        if (!gil || Native.gilTryAcquire(false) >= 0) {
            return "it is free now.";
        }
        List<Thread> inside = Monitor.inPython();
        StringBuilder names = new StringBuilder();
        for (Thread thread : inside) {
            names.append(names.length() == 0 ? "" : ", ").append('\'').append(Monitor.name(thread)).append('\'');
        }
        String who = inside.isEmpty() ? "a thread that Python made, or a virtual thread,"
                : inside.size() == 1 ? "thread " + names : "one of the threads " + names;
        return "no thread has it, but " + who + " runs C code without a turn that does not release Python's GIL.";
    }

    /**
     * Like {@link #lock(Duration)}, but returns null on timeout. Check the result before use: a {@code
     * try}-with-resources statement accepts null and would run its body without a turn.
     *
     * <pre>{@code
     * try (PythonGIL gil = PythonGIL.tryLock(Duration.ofSeconds(2))) {
     *     if (gil == null) {
     *         return; // no turn in time
     *     }
     *     PythonExecutioner.exec("x = 42");
     * }
     * }</pre>
     *
     * <p>Without the check, calls in the body throw {@link PythonException}, because the thread has no turn. Only
     * on the thread that started Python can they succeed: see "The default thread" in the description of this class.
     *
     * @return the turn, to be closed by the same thread; null on timeout
     * @throws InterruptedException if the thread is interrupted; it then has no turn
     * @throws PythonException as {@link #lock()} does
     */
    public static PythonGIL tryLock(Duration patience) throws InterruptedException {
        PythonGIL gil = within(patience);
        return gil == NOTHING ? null : gil;
    }

    /** The same, but {@link #NOTHING} if there was a turn in time, and only the GIL was not to be had. */
    private static PythonGIL within(Duration patience) throws InterruptedException {
        long nanos;
        try {
            nanos = patience.toNanos();
        } catch (ArithmeticException e) {
            nanos = patience.isNegative() ? 0 : Long.MAX_VALUE;
        }
        PythonGIL place = placeAlready();
        if (place != null) {
            return place;
        }
        boolean waits = locked(); // else there is no need to know how long it took
        long start = waits ? System.nanoTime() : 0;
        return TURN.take(nanos) ? enteredWithin(waits ? nanos - (System.nanoTime() - start) : nanos) : null;
    }

    /** Like {@link #lock()}, if that needs no waiting; null otherwise. */
    static PythonGIL tryLock() {
        PythonGIL place = placeAlready();
        if (place != null) {
            return place;
        }
        try {
            PythonGIL gil = TURN.takeIfFree() ? enteredWithin(0) : null;
            return gil == NOTHING ? null : gil;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return null;
        }
    }

    /**
     * Lends the calling thread's turn: until the result is closed, other threads may take it. This method is meant for
     * a Java function that Python calls and that waits for other threads which use Python, for example threads of a
     * thread pool:
     *
     * <pre>{@code
     * PythonFunction f = (args, named) -> {
     *     Future<Long> result = pool.submit(() -> {
     *         try (PythonGIL gil = PythonGIL.lock()) {
     *             return PythonExecutioner.execAndReturnAllVariables("x = 6 * 7").getValue("x");
     *         }
     *     });
     *     try (PythonGIL lent = PythonGIL.lend()) {
     *         return result.get();
     *     }
     * };
     * }</pre>
     *
     * <p>While a turn is lent, code of other threads may run between {@code lock()} and {@code close()} of this thread,
     * so variables and the current context may have changed afterwards. The calling thread cannot use Python until it
     * closes the result; closing waits for the turn. For a thread that has entered Python without a turn this method
     * does nothing. If a function lends a turn and does not take it back, the turn is taken back when the function
     * returns.
     *
     * @return an object that takes the turn back when the same thread closes it
     * @throws PythonException if the thread has no turn or has already lent it; or if a virtual thread calls this
     *     method in a call from Python, where it is pinned to its carrier thread, and no carrier thread would be left
     *     for other virtual threads
     */
    public static PythonGIL lend() {
        refuseLent();
        if (TURN.isMine()) {
            refusePinned();
            return new Loan();
        }
        if (isHeld()) {
            return new PythonGIL(Thread.currentThread(), false, null);
        }
        throw new PythonException(NO_TURN);
    }

    /** A virtual thread in a callback needs a carrier beside its own for whoever has the turn meanwhile. */
    private static void refusePinned() {
        if (TURN.callback() != null && isVirtual(Thread.currentThread())) {
            if (TURN.pinned() + 1 >= Carriers.COUNT && isInCallback()) {
                throw new PythonException(PINNED);
            }
        }
    }

    /** A turn that is lent, or was given back in a callback around which Python code of that turn goes on. */
    private static final class Loan extends PythonGIL {
        // What Turn keeps of it, where every class loader sees it: how the owner had the turn, and whether it has it again.
        static final int DEPTH = 0;
        static final int OWED = 1;
        static final int KEPT = 2;
        static final int PINNED = 3;
        static final int OVER = 4;

        private final long[] loan = new long[OVER + 1];

        Loan() {
            super(Thread.currentThread(), false, TURN.callback());
            long[] callback = TURN.callback();
            loan[DEPTH] = TURN.depth();
            loan[OWED] = TURN.owed();
            loan[KEPT] = TURN.isKept() ? 1 : 0;
            loan[PINNED] = callback != null && isVirtual(Thread.currentThread()) ? 1 : 0;
            TURN.lend(loan, callback);
            TURN.pin((int) loan[PINNED]);
            if (onOsThread(callback)) {
                Native.gilRelease(); // nothing to give back in a callback
                Native.gilLend(true);
            }
            if (Monitor.isOn()) {
                Monitor.turnEnds(TURN);
            }
            TURN.giveUp();
        }

        /** Whether it began, and so ends, on the same OS thread: a virtual thread in Python stays where it is. */
        private static boolean onOsThread(long[] callback) {
            return callback != null || !isVirtual(Thread.currentThread());
        }

        /** Whether no turn stands open: the thread may take one before the callback ends. */
        static boolean isGivenBack(long[] loan) {
            return loan[DEPTH] == loan[OWED];
        }

        @Override
        void end() {
            if (loan[OVER] == 0) {
                takeBack(loan);
            }
        }

        static void takeBack(long[] loan) {
            TURN.take();
            begins();
            resume(loan);
        }

        /** The thread has the turn again, once, and nothing more. */
        static void resume(long[] loan) {
            long[] callback = TURN.lentIn();
            TURN.lend(null, null);
            loan[OVER] = 1;
            if (onOsThread(callback)) {
                Native.gilLend(false);
                if (callback == null) {
                    Native.gilAcquire();
                }
            }
            TURN.restore((int) loan[DEPTH], loan[OWED], callback);
            TURN.pin((int) -loan[PINNED]);
            TURN.keep(loan[KEPT] != 0);
            TURN.late(loan[OWED] > 0);
        }
    }

    /** What closing does, once. */
    void end() {
        if (turn) {
            endTurn();
        } else if (block) {
            TURN.closeBlock();
        }
    }

    private static void endTurn() {
        TURN.owe(1);
        if (!isInCallback()) {
            leave();
        } else if (TURN.depth() > TURN.owed()) {
            TURN.giveBack();
        } else {
            new Loan();
        }
    }

    /** Whether the owner of the turn, who calls this, is in a callback. */
    private static boolean isInCallback() {
        if (TURN.callback() != null && Native.gilPlace() != Native.VISITING) {
            TURN.callback(null); // the callback's end had no stack to say so
        }
        return TURN.callback() != null;
    }

    /**
     * Releases the turn. A second call does nothing. If a thread has taken the turn several times, the turn is released
     * when the last of these is closed.
     *
     * <p>Java code that Python calls may close a turn that began before the call. Other threads can then take the turn.
     * The calling Python code takes it again when the Java code returns, and releases it when it returns itself. If
     * Java code that Python calls takes a turn and does not close it, the turn is closed when that code returns.
     *
     * @throws PythonException if another thread took the turn, if the turn is lent ({@link #lend}), or if this is a
     *     shared block that began before Python called the Java code that closes it; the state is then unchanged
     */
    @Override
    public void close() {
        Thread holder = owner;
        if (holder == null) {
            if (TURN.isLate()) {
                endLate();
            }
            return;
        }
        if (holder != Thread.currentThread()) {
            throw new PythonException("This PythonGIL was locked by thread '" + Monitor.name(holder)
                    + "' and can be closed by that thread only, not by '" + Monitor.name(Thread.currentThread()) + "'.");
        }
        if (turn && !TURN.isMine()) {
            refuseLent(); // else a full stack gave it back, see settle()
            owner = null;
            return;
        }
        if (block && callback != TURN.visit() && isOpen()) {
            throw new PythonException(OF_CALLER);
        }
        boolean open = isOpen();
        if (turn && open && TURN.callback() != null && TURN.depth() - TURN.owed() == 1) {
            refusePinned();
        }
        owner = null;
        if (open) {
            if (turn && callback != null) {
                callback[OPEN]--;
            }
            end();
        }
    }

    /** Whether it was not closed, neither by {@link #close} nor by the end of the callback that it began in. */
    boolean isOpen() {
        return owner != null && (callback == null || callback[VOID] == 0);
    }

    /** A call of Python is over, and a turn was closed in one: if it was in this one, that happens now. */
    private static void endLate() {
        if (TURN.isMine() && !isInCallback()) {
            TURN.late(false);
            settle();
        }
    }

    /** Whether any Java thread of the process has a turn. This method needs no turn and does not start Python. */
    public static boolean locked() {
        return TURN.isTaken();
    }

    /**
     * The thread that has the exclusive turn; null if no thread has it. The answer may be outdated as soon as this
     * method returns. This method needs no turn and does not start Python.
     */
    public static Thread holder() {
        return TURN.holder();
    }

    /**
     * A copy of the list of the threads that wait for the exclusive turn, in the order of their arrival. This method
     * needs no turn and does not start Python.
     */
    public static List<Thread> waiters() {
        return TURN.waiters();
    }

    /**
     * Counts and times of turns, and the number of Python objects that Java holds. These are the values that JMX shows,
     * but JMX is not needed. This method needs no turn and does not start Python.
     */
    public static PythonGILMXBean monitor() {
        return Monitor.bean();
    }

    /**
     * Reports every exclusive turn that lasts longer than a limit to a handler, with the stacks of Java and of Python,
     * until the watchdog is closed. A turn costs no more time than without it, because a separate thread checks eight
     * times within the limit. This method needs no turn and does not start Python.
     *
     * @param limit how long a turn may last; at least a millisecond
     * @param handler called on the watchdog's thread, which has no turn and should not wait for one
     * @return the watchdog, to be closed by any thread
     * @throws IllegalArgumentException if the limit is shorter than a millisecond
     */
    public static PythonWatchdog watch(Duration limit, Consumer<? super PythonWatchdog.Report> handler) {
        return PythonWatchdog.start(limit, handler);
    }

    /**
     * Returns if the calling thread may call Python now, and throws an exception otherwise. This method does not start
     * Python.
     *
     * @throws PythonException if the thread needs a turn and has none
     */
    public static void assertThreadSafe() {
        // Before the start whoever comes first becomes the default thread.
        if (!ready && starter == null || isInsideAlready()) {
            return;
        }
        refuseLent();
        if (TURN.defaultThread() != Thread.currentThread() || TURN.isTaken()) {
            throw new PythonException(NO_TURN);
        }
    }

    /**
     * This method is for the setting {@code org.eclipse.python4j.release_gil_automatically=false}: a thread that
     * started Python outside of any lock keeps the turn and the GIL until it calls this method. Then other threads can
     * enter. In all other cases the method only makes sure that Python runs.
     *
     * @throws PythonException if Python cannot be started
     */
    public static void setMainThreadState() {
        start();
        if (TURN.isMine() && TURN.isKept()) {
            TURN.keep(false);
            endTurn();
        }
    }

    // ---- for this package ----

    /**
     * Every call of Python goes through here:
     * {@code try (PythonGIL turn = PythonGIL.enter()) { ... }}. Costs next to nothing with a turn held.
     *
     * @throws PythonException if the calling thread may not enter, or Python cannot be started
     */
    static PythonGIL enter() {
        return TURN.isMine() ? NOTHING : enterWithoutTurn();
    }

    private static PythonGIL enterWithoutTurn() {
        start();
        refuseLent();
        if (isInsideAlready()) {
            return NOTHING;
        }
        if (TURN.defaultThread() == Thread.currentThread() && TURN.takeIfFree()) {
            return entered();
        }
        throw new PythonException(NO_TURN);
    }

    /** For calls that come from any thread: the place that the thread has, or else a turn, waited for. */
    static PythonGIL enterOrLock() {
        if (isHeld()) {
            return NOTHING;
        }
        Duration left = Stopper.left();
        return left == null ? lock() : lock(left);
    }

    /** The place that the thread has, or else one for the length of each call, as in a shared block. A lent turn stays lent. */
    static PythonGIL place() {
        start();
        return TURN.loan() != null || isHeld() ? NOTHING : lockShared();
    }

    /** Whether context variables are this thread's own: those of a virtual thread's calls are its carrier's. */
    static boolean hasContext() {
        return !isVirtual(Thread.currentThread()) || Native.gilPlace() == Native.VISITING;
    }

    /** Gives up the GIL that the thread has with its turn; the turn stays. Whether it had it. */
    static boolean giveGil() {
        boolean has = TURN.isMine() && Native.gilPlace() == Native.TURN;
        if (has) {
            Native.gilRelease();
        }
        return has;
    }

    static void takeGil(boolean given) {
        if (given) {
            Native.gilAcquire();
        }
    }

    /** Ends the event loops that run for this class loader, if there are any. */
    static void endLoops() {
        if (usesLoops) {
            PythonAsync.closeAll();
        }
    }

    /** Fails what still waits for event loops, those that began during the shutdown among them. */
    static void abandonLoops() {
        if (usesLoops) {
            PythonAsync.abandonAll();
        }
    }

    /** Whether the calling thread can call functions of {@link Native} that need a turn. */
    static boolean isHeld() {
        return TURN.isMine() || ready && isInsideAlready();
    }

    private static void refuseLent() {
        long[] loan = TURN.loan();
        if (loan != null) {
            throw new PythonException(Loan.isGivenBack(loan) ? NO_TURN : IS_LENT);
        }
    }

    /** Whose globals a call uses: those of the thread's shared blocks, 0 for the current context. */
    static long space() {
        return TURN.isMine() ? 0 : TURN.space();
    }

    /** Contexts follow exclusive turns. */
    static void refuseShared() {
        if (!TURN.isMine() && TURN.blocks() > 0) {
            throw new PythonException("A block of PythonGIL.lockShared() has a namespace of its own and no contexts: "
                    + "use PythonGIL.lock() to switch contexts.");
        }
    }

    /** The queue itself, for {@link Monitor} and {@link PythonWatchdog}. */
    static Turn turn() {
        return TURN;
    }

    /** Whether Python runs, or is being started right now. */
    static boolean isStarted() {
        return starter != null;
    }

    /** Whether the calling thread has the turn. */
    static boolean isMine() {
        return TURN.isMine();
    }

    /** Whether the calling thread has the turn, and with it the GIL also between its calls. */
    static boolean isKept() {
        return TURN.isMine() && !isVirtual(Thread.currentThread());
    }

    /** Whether Python runs for this class loader. */
    static boolean isReady() {
        return ready;
    }

    /** See {@link PythonExecutioner#shutdown}. */
    static void shutDown() {
        NativeLoader.end();
        ready = false;
    }

    /** Makes sure that Python runs. Takes no turn; threads that come meanwhile wait without holding one. */
    static void start() {
        if (!ready) {
            startNow();
        }
    }

    private static void startNow() {
        NativeLoader.load();
        if (starter == Thread.currentThread() && !typesInitialized) {
            typesInitialized = true;
            ready = true;
            if (Interpreter.typesJoinTheStart()) {
                PythonTypes.init();
            }
        }
    }

    /** {@link NativeLoader} calls this on the thread that started Python, right after it did. */
    static void started(boolean release) {
        TURN.join(Native.gilTurns(TURN.state()));
        starter = Thread.currentThread();
        if (TURN.becomeDefaultThread() && !release) {
            // A host that runs Python and holds the GIL goes on doing so. Otherwise the hold is the start's own.
            Native.gilRelease();
            if (!Native.gilHeld()) {
                TURN.take();
                entered();
                TURN.keep(true);
            }
        }
        if (System.getProperty(PythonWatchdog.PROPERTY) != null) {
            PythonWatchdog.startByProperty();
        }
        if (Native.watches || Native.forgets) {
            Native.watchWake();
        }
        Monitor.start();
    }

    /** A place in Python without waiting: one that the start just gave the thread, or one that it came with. */
    private static PythonGIL placeAlready() {
        if (TURN.isMine()) {
            if (TURN.owed() == 0 || isInCallback() || settle()) {
                return null;
            }
        }
        start();
        long[] loan = TURN.loan();
        if (loan != null && !Loan.isGivenBack(loan)) {
            throw new PythonException(IS_LENT);
        }
        if (TURN.isMine()) {
            TURN.keep(false); // this lock is the hold that the start left
            return new PythonGIL(Thread.currentThread(), true, TURN.callback());
        }
        int place = Native.gilPlace(); // not Turn's: in a shared block a turn is to be waited for
        return place != Native.OUTSIDE && place != Native.LENT ? new PythonGIL(Thread.currentThread(), false, null) : null;
    }

    /** The thread has just taken the turn, and takes the GIL, however long that takes. */
    private static PythonGIL entered() {
        int place = Native.OUTSIDE;
        if (TURN.isOutermost()) {
            refuseEnded();
            begins();
            try {
                place = !isVirtual(Thread.currentThread()) ? Native.gilAcquire()
                        : TURN.loan() != null ? Native.LENT : Native.OUTSIDE;
            } catch (Throwable e) {
                TURN.giveBack();
                throw e;
            }
        }
        return enteredFrom(place);
    }

    /** The same within a limit; {@link #NOTHING} if the GIL was not to be had in time. The turn is given back then. */
    private static PythonGIL enteredWithin(long nanos) throws InterruptedException {
        int place = Native.OUTSIDE;
        if (TURN.isOutermost()) {
            refuseEnded();
            begins();
            boolean got = true;
            boolean done = false;
            try {
                boolean keep = !isVirtual(Thread.currentThread());
                place = !keep && TURN.loan() != null ? Native.LENT : Native.gilTryAcquire(keep);
                if (place < 0) {
                    got = Handover.acquire(nanos, keep);
                    place = Native.OUTSIDE;
                }
                done = got;
            } finally {
                if (!done) {
                    TURN.giveBack();
                }
            }
            if (!got) {
                return NOTHING;
            }
        }
        return enteredFrom(place);
    }

    /** @param place where the thread was before */
    private static PythonGIL enteredFrom(int place) {
        if (place == Native.LENT) {
            long[] loan = TURN.loan();
            if (!Loan.isGivenBack(loan)) {
                leave();
                throw new PythonException(IS_LENT);
            }
            Loan.resume(loan);
            TURN.take();
        } else if (place != Native.OUTSIDE) { // the thread manages the GIL itself and needs no turn
            leave();
            return new PythonGIL(Thread.currentThread(), false, null);
        }
        PythonGIL gil = new PythonGIL(Thread.currentThread(), true, TURN.callback());
        TURN.owe(-1);
        return gil;
    }

    /** The calls of this class loader may have ended while the thread waited: nobody would look after their deadlines. */
    private static void refuseEnded() {
        if (!ready) {
            try {
                NativeLoader.refuseEnded();
            } catch (PythonException e) {
                TURN.giveBack();
                throw e;
            }
        }
    }

    /** An outermost turn begins. */
    private static void begins() {
        if (Monitor.isOn()) {
            Monitor.turnBegins(TURN);
        }
        try {
            if (usesLoops) {
                PythonAsync.turnBegins();
            }
            if (TURN.count() < CHECKED_TURNS) {
                Interpreter.check();
            }
            if (TURN.isInherited()) {
                Native.gilAwaitHolder();
                TURN.settled();
            }
        } catch (Throwable e) {
            TURN.giveBack();
            throw e;
        }
    }

    /**
     * Gives back what this thread took or was about to give back when its stack was full: whether a turn is
     * left. If the thread never comes here, its end does the same.
     */
    private static boolean settle() {
        while (TURN.isMine() && TURN.owed() > 0) {
            leave();
        }
        return TURN.isMine();
    }

    // Turn and GIL go together: where one cannot be given back the other stays, and settle() does it later.
    private static void leave() {
        if (TURN.isOutermost()) {
            if (!isVirtual(Thread.currentThread())) {
                if (Native.young != 0) {
                    Handles.growUp();
                }
                try {
                    Native.gilRelease();
                } catch (PythonException e) { // a panic of ours
                    Native.gilRelease();
                    TURN.giveBack();
                    throw e;
                }
            }
            if (Monitor.isOn()) {
                Monitor.turnEnds(TURN);
            }
        }
        TURN.giveBack();
    }

    /** Whether the thread may call Python: with a turn or in a shared block, called from Python, or with the GIL by other means. */
    private static boolean isInsideAlready() {
        int place = TURN.place();
        return place != Native.OUTSIDE && place != Native.LENT;
    }

    /** A call from Python into Java, see {@link #visit}. */
    static final class Visit implements Access.Visit {
        private final long[] callback = new long[2];
        private final long depth; // of the turn; -1 for a thread that has none
        private final long[] outer; // the callback around this one
        private final long blocks; // of a thread that has no turn
        private final boolean virtual = isVirtual(Thread.currentThread());
        private final long[] called = virtual ? TURN.called(callback) : null; // a virtual thread's callback around this one

        private Visit(long depth, long[] outer, long blocks) {
            this.depth = depth;
            this.outer = outer;
            this.blocks = blocks;
        }

        @Override
        public Throwable thrown(Throwable thrown) {
            String why = TURN.refusal(callback);
            return why == null ? thrown : new PythonException(why, thrown);
        }

        /** The thread's place is as it was before: what was begun meanwhile is over. */
        @Override
        public void close() {
            TURN.callbackEnds(callback);
            if (virtual) {
                TURN.called(called);
            }
            if (depth < 0) {
                closeWithoutTurn();
                return;
            }
            if (!TURN.isMine() || TURN.depth() - TURN.owed() > depth) {
                restoreTurn();
            }
            TURN.callback(outer);
        }

        private void restoreTurn() {
            long[] loan = TURN.loan();
            if (loan != null) {
                Loan.takeBack(loan);
            }
            if (TURN.depth() - TURN.owed() > depth) {
                callback[VOID] = 1;
                for (; callback[OPEN] > 0 && TURN.depth() > 1; callback[OPEN]--) {
                    TURN.owe(1);
                    TURN.giveBack();
                }
            }
        }

        private void closeWithoutTurn() {
            callback[VOID] = 1;
            TURN.visit(outer);
            while (TURN.blocks() > blocks) {
                TURN.closeBlock();
            }
        }
    }

    /**
     * Python calls Java on this thread. Until the visit is closed the thread has its place in Python, with
     * or without a turn: whoever has the turn may be waiting for it there.
     */
    static Visit visit() {
        if (TURN.isMine()) {
            Visit visit = new Visit(TURN.depth(), TURN.callback(), 0);
            TURN.callback(visit.callback);
            return visit;
        }
        Visit visit = new Visit(-1, TURN.visit(), TURN.blocks());
        TURN.visit(visit.callback);
        return visit;
    }

    // ---- the end of the JVM ----

    /**
     * What the JVM's shutdown hook has a host do (boot.rs). The hook itself is of no class loader, since the JVM keeps
     * it.
     */
    static final class End {
        private End() {}

        /** On the thread that ends the JVM, in {@code System.exit} say: what it has of Python nobody else would ever get. */
        static void begin() {
            TURN.giveUp();
        }

        /**
         * Python's {@code atexit} functions and buffered output. A thread that is still busy in Python, a
         * host that keeps the GIL, or a function that does not end, is not waited for; hence the second thread.
         */
        static void run() {
            CountDownLatch entered = new CountDownLatch(1);
            Thread inside = new Thread("python4j-atexit") { // no lambda: a program's first one costs milliseconds
                @Override
                public void run() {
                    try (PythonGIL gil = lock()) {
                        entered.countDown();
                        Native.interpreterStop();
                    } catch (PythonException e) {
                        NativeLoader.progress("Python's atexit functions cannot run: " + e, false);
                        entered.countDown();
                    }
                }
            };
            inside.setDaemon(true);
            long start = System.nanoTime();
            inside.start();
            try {
                if (entered.await(STOP_MILLIS, TimeUnit.MILLISECONDS)) {
                    long took = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start);
                    inside.join(Math.max(1, END_MILLIS - took));
                    if (inside.isAlive()) {
                        NativeLoader.progress("The JVM does not wait longer for Python's atexit functions.", false);
                    }
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }

    // ---- virtual threads, where there are any ----

    /** A virtual thread may move to another OS thread between two native calls, so each call attaches for itself. */
    static boolean isVirtual(Thread thread) {
        if (IS_VIRTUAL == null) {
            return false;
        }
        try {
            return (boolean) IS_VIRTUAL.invokeExact(thread);
        } catch (Throwable never) {
            throw new AssertionError(never);
        }
    }

    private static MethodHandle isVirtual() {
        if (Integer.parseInt(System.getProperty("java.specification.version", "11")) < 21) {
            return null; // looking in vain costs a start milliseconds
        }
        try {
            MethodType type = MethodType.methodType(boolean.class);
            return MethodHandles.publicLookup().findVirtual(Thread.class, "isVirtual", type);
        } catch (ReflectiveOperationException e) {
            return null; // no such method after all
        }
    }
}
