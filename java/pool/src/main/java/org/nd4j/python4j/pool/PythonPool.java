// SPDX-License-Identifier: Apache-2.0
// The pool decides which worker executes which call, how many workers there are, and how lost workers are
// replaced. Worker has the conversation with a worker process; Starter starts one.
package org.nd4j.python4j.pool;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.internal.Access;
import org.nd4j.python4j.internal.jni.Handles;
import org.nd4j.python4j.internal.start.NativeLoader;

/**
 * Runs Python in worker processes. Each worker can use its own processor core, and Python code in a worker cannot end
 * this process. The API, the values and the errors are like those of the Python in this process.
 *
 * <pre>{@code
 * try (PythonPool pool = PythonPool.builder().workers(2).build()) {
 *     System.out.println(pool.call("math:factorial", 20)); // 2432902008176640000
 * }
 * }</pre>
 *
 * <p>All workers are equal: any of them may execute a call, and a call does not see the variables of earlier calls. A
 * {@link #session() session} has a worker of its own. If a worker is lost, its call fails with {@link
 * PythonWorkerLost}, and the pool starts another worker. All workers end when this process ends, in whatever way it
 * ends.
 *
 * <p>Pools are available on Linux and macOS only.
 */
public final class PythonPool extends PythonCalls implements AutoCloseable {

    private static final AtomicInteger POOLS = new AtomicInteger();
    private static final int LOOK_MILLIS = 100;
    private static final int FUNCTIONS_MILLIS = 10;
    private static final long FUNCTIONS_NANOS = 1_000_000_000L; // how long a thread looks for new ones
    private static final Duration TIME_TO_END = Duration.ofSeconds(2);
    private static final int MOST_LOST_STARTS = 3; // in a row
    private static final Duration TIME_TO_BE_KILLED = Duration.ofSeconds(8); // more than WorkerProcess.awaitEnd takes

    /** The behaviour of a call when the queue is full. */
    public enum WhenFull {
        /** The calling thread waits until the queue has room. */
        WAIT,
        /** The call fails with an exception. */
        FAIL
    }

    /** Receives the output of workers. */
    @FunctionalInterface
    public interface OutputReceiver {
        /**
         * Receives a line, without its line end. Usually the one thread that reads for all workers of a pool calls this
         * method.
         *
         * @param worker the number of the worker in this pool, from 1
         * @param isError whether it was written to stderr
         */
        void line(int worker, boolean isError, String line);
    }

    private final Builder settings;
    private final Starter starter;
    private final ForkServer forkServer; // null if none is wanted; the keeper alone uses it
    private final String name = "python4j-pool-" + POOLS.incrementAndGet();
    private final ExecutorService threads;
    private final Thread keeper;
    private final Output.Reader output;
    final Tally tally;
    private final AtomicBoolean watches = new AtomicBoolean(); // whether a thread looks after Java functions

    private final ReentrantLock lock = new ReentrantLock();
    private final Condition room = lock.newCondition(); // in the queue
    private final Condition work = lock.newCondition(); // for the keeper
    private final Condition change = lock.newCondition(); // in the number of workers
    // Guarded by the lock:
    private final Set<Worker> ready = new HashSet<>(); // the idle ones included
    private final Deque<Worker> idle = new ArrayDeque<>(); // the one that was used last is the last
    private final Deque<Waiter> waiting = new ArrayDeque<>();
    private final Set<Session> sessions = new HashSet<>();
    private final Set<Worker> opened = new HashSet<>(); // all that have a process, the fork server included
    private final Set<Worker> forsaken = new HashSet<>(); // killed, but the Java functions that they called have not returned
    private int lostStarts;
    private int count; // of workers, also of those that start or end
    private int starting;
    private int toStart; // of these, what the keeper has not seen yet
    private int made;
    private Throwable startFailure; // the last one
    private boolean closed;

    /** Somebody who waits for a worker. */
    private static final class Waiter {
        final Thread thread; // null if a task waits
        final Task<?> task;
        volatile boolean done;
        Worker worker; // written before done
        PythonException failure;

        final long since = System.nanoTime();
        final Object event = Events.waitBegins(); // null if nobody wants to know

        Waiter(Thread thread, Task<?> task) {
            this.thread = thread;
            this.task = task;
        }

        /** To be called by the thread that goes on, once it does. */
        void ended(PythonPool pool, boolean got) {
            if (event != null) {
                Events.waitEnds(event, pool, got);
            }
        }
    }

    private PythonPool(Builder settings) {
        this.settings = settings;
        this.starter = new Starter(settings);
        this.output = new Output.Reader();
        this.forkServer = settings.forkServer ? new ForkServer(this, starter) : null;
        this.tally = new Tally(this, name);
        AtomicInteger number = new AtomicInteger();
        this.threads = new ThreadPoolExecutor(0, Integer.MAX_VALUE, 10, TimeUnit.SECONDS, new SynchronousQueue<>(),
                task -> thread(task, name + "-" + number.incrementAndGet()));
        this.keeper = thread(this::keep, name);
        keeper.start();
        thread(output, name + "-output").start();
    }

    /** Of no class loader but the pool's own, and no reason for the JVM to go on. */
    private static Thread thread(Runnable task, String name) {
        Thread thread = new Thread(null, task, name);
        thread.setDaemon(true);
        return thread;
    }

    /** Creates a pool with the default settings, which has one worker for each processor. */
    public static PythonPool create() {
        return builder().build();
    }

    /** Returns a builder with the default settings. */
    public static Builder builder() {
        return new Builder();
    }

    // ---- calls ----

    @Override
    <R> R perform(Call<R> call) {
        Worker.Visit visit = Worker.Visit.find(this, null);
        if (visit != null) {
            return visit.worker.run(call, Thread.currentThread()).get();
        }
        if (Threads.isVirtual()) {
            Task<R> task = Task.awaited(call);
            submit(task);
            return task.await();
        }
        Worker worker = lease();
        Outcome<R> outcome = worker.run(call, Thread.currentThread());
        giveBack(worker);
        return outcome.get();
    }

    @Override
    <R> void submit(Task<R> task) {
        Worker.Visit visit = Worker.Visit.find(this, null);
        if (visit != null) { // whoever waits here for another worker may wait for ever
            task.done(visit.worker.run(task.call, Thread.currentThread()));
            return;
        }
        Worker worker;
        Waiter waiter = null;
        lock.lock();
        try {
            worker = free();
            if (worker == null) {
                waiter = new Waiter(null, task);
                worker = enqueue(waiter);
            }
        } finally {
            lock.unlock();
        }
        if (worker != null) {
            begin(task, worker);
            return;
        }
        Waiter mine = waiter;
        task.withdrawBy(() -> {
            if (withdraw(mine)) {
                mine.ended(this, false);
                task.withdrawn();
            }
        });
    }

    private <R> void begin(Task<R> task, Worker worker) {
        try {
            threads.execute(() -> {
                Outcome<R> outcome = worker.run(task.call, null);
                giveBack(worker);
                task.done(outcome);
            });
        } catch (RuntimeException | Error e) { // no thread to be had
            giveBack(worker);
            task.done(Outcome.failed(e));
        }
    }

    @Override
    String context() {
        return "";
    }

    @Override
    Duration limit() {
        return settings.limit;
    }

    @Override
    int width() {
        return settings.most;
    }

    // ---- who has which worker ----

    /** A worker for this thread alone, until {@link #giveBack}. */
    Worker lease() {
        Waiter waiter;
        lock.lock();
        try {
            Worker worker = free();
            if (worker != null) {
                return worker;
            }
            waiter = new Waiter(Thread.currentThread(), null);
            worker = enqueue(waiter);
            if (worker != null) {
                return worker;
            }
        } finally {
            lock.unlock();
        }
        while (!waiter.done) {
            LockSupport.park(this);
            if (Thread.currentThread().isInterrupted() && withdraw(waiter)) {
                waiter.ended(this, false);
                throw interrupted();
            }
        }
        waiter.ended(this, waiter.failure == null);
        if (waiter.failure != null) {
            throw waiter.failure;
        }
        return waiter.worker;
    }

    private static PythonException interrupted() {
        Thread.currentThread().interrupt();
        return Access.get().interrupted("The Java thread was interrupted while it waited for a worker.");
    }

    private static PythonException failed(Throwable why) {
        String before = "A worker process could not be started: ";
        return why instanceof PythonWorkerLost ? new PythonWorkerLost(before, (PythonWorkerLost) why)
                : new PythonException(before + why.getMessage(), why);
    }

    boolean isClosing() {
        lock.lock();
        try {
            return closed;
        } finally {
            lock.unlock();
        }
    }

    static PythonException isClosed() {
        return new PythonException("The pool is closed.");
    }

    /** An idle worker, null if there is none. The caller has the lock. */
    private Worker free() {
        if (closed) {
            throw isClosed();
        }
        for (Worker worker = idle.pollLast(); worker != null; worker = idle.pollLast()) {
            if (!worker.hasEnded()) {
                return worker;
            }
            remove(worker);
        }
        return null;
    }

    /**
     * Puts somebody into the queue, and waits for room there. If a worker becomes idle meanwhile, it is returned instead. The
     * caller has the lock.
     */
    private Worker enqueue(Waiter waiter) {
        // Workers that are still to start take those that wait first.
        while (waiting.size() - (settings.most - ready.size()) >= settings.queue) {
            if (settings.whenFull == WhenFull.FAIL) {
                throw new PythonException("The pool's queue is full: " + waiting.size() + " calls wait for " + ready.size()
                        + " workers.");
            }
            try {
                room.await();
            } catch (InterruptedException e) {
                throw interrupted();
            }
            Worker worker = free();
            if (worker != null) {
                tally.waited(System.nanoTime() - waiter.since);
                waiter.ended(this, true);
                return worker;
            }
        }
        waiting.addLast(waiter);
        startWhatIsWanted();
        return null;
    }

    /** Gives up waiting; false if it is over. */
    private boolean withdraw(Waiter waiter) {
        lock.lock();
        try {
            boolean withdrawn = waiting.remove(waiter);
            if (withdrawn) {
                room.signal();
            }
            return withdrawn;
        } finally {
            lock.unlock();
        }
    }

    /** The end of a use. */
    void giveBack(Worker worker) {
        giveBack(worker, worker.isLost() || usedUp(worker) != null);
    }

    void giveBack(Worker worker, boolean over) {
        boolean wasForsaken;
        lock.lock();
        try {
            wasForsaken = forsaken.remove(worker);
            if (over || closed) {
                remove(worker);
            } else {
                hand(worker);
            }
        } finally {
            lock.unlock();
        }
        if (wasForsaken) {
            worker.discard();
        }
    }

    /** Why a worker is to be replaced that is well; null if it is not. */
    private String usedUp(Worker worker) {
        if (settings.mostCalls > 0 && worker.calls() >= settings.mostCalls) {
            return "it had done " + settings.mostCalls + " calls";
        }
        if (settings.mostResident > 0 && worker.process.residentBytes() > settings.mostResident) {
            return "its resident memory was above " + settings.mostResident + " bytes";
        }
        return null;
    }

    /** Gives a worker to whoever waits. The caller has the lock. */
    private void hand(Worker worker) {
        Waiter waiter = waiting.pollFirst();
        room.signal(); // there is room in the queue, or an idle worker
        if (waiter == null) {
            worker.idleSince = System.nanoTime();
            idle.addLast(worker);
            return;
        }
        tally.waited(System.nanoTime() - waiter.since);
        if (waiter.task != null) {
            waiter.ended(this, true);
            begin(waiter.task, worker);
        } else {
            waiter.worker = worker;
            waiter.done = true;
            LockSupport.unpark(waiter.thread);
        }
    }

    private void fail(Waiter waiter, PythonException failure) {
        if (waiter.task != null) {
            waiter.ended(this, false);
            waiter.task.done(Outcome.failed(failure));
        } else {
            waiter.failure = failure;
            waiter.done = true;
            LockSupport.unpark(waiter.thread);
        }
    }

    // ---- how many there are ----

    /** Workers for those who wait, and as many as there are to be at least. The caller has the lock. */
    private void startWhatIsWanted() {
        int wanted = Math.max(settings.least - count, waiting.size() - starting);
        for (int i = Math.min(wanted, settings.most - count); i > 0; i--) {
            count++;
            starting++;
            toStart++;
            work.signal();
        }
    }

    /** A worker is used no more. The caller has the lock. */
    private void remove(Worker worker) {
        if (ready.remove(worker)) {
            idle.remove(worker);
            threads.execute(() -> end(worker));
        }
    }

    private void end(Worker worker) {
        try {
            String why = worker.hasEnded() ? worker.loss() : usedUp(worker);
            if (why != null) {
                tally.restarts(worker, why);
            }
            worker.end(TIME_TO_END);
        } finally {
            lock.lock();
            try {
                isGone();
            } finally {
                lock.unlock();
            }
        }
    }

    /** There is one worker less. The caller has the lock. */
    private void isGone() {
        count--;
        if (!closed) {
            startWhatIsWanted();
        }
        room.signal();
        change.signalAll();
        work.signal();
    }

    /** What the pool's own thread does. It starts all workers, since the system ends them with the thread that did. */
    private void keep() {
        while (true) {
            boolean start;
            lock.lock();
            try {
                if (toStart == 0 && !(closed && count == 0)) {
                    work.awaitNanos(TimeUnit.MILLISECONDS.toNanos(LOOK_MILLIS));
                }
                look();
                if (closed && count == 0) {
                    break;
                }
                start = toStart > 0;
                toStart -= start ? 1 : 0;
            } catch (InterruptedException e) {
                continue; // whoever interrupts this thread wants nothing that it could do
            } finally {
                lock.unlock();
            }
            if (start) {
                startOne();
            }
            try {
                lookAround();
            } catch (RuntimeException | Error e) { // no memory, say: the workers end with this thread, so it goes on
                NativeLoader.progress("The pool " + name + " could not look after itself: " + e, true);
            }
        }
        if (forkServer != null) {
            forkServer.close();
        }
        tally.close();
        output.end();
        threads.shutdown();
    }

    private void lookAround() {
        if (forkServer != null) {
            forkServer.look();
        }
        if (!Access.get().isStarted()) { // or Python's own watcher looks for buffers that were forgotten
            Handles.look();
        }
        tally.look();
    }

    /** Workers that ended by themselves, and those that are not needed any more. The caller has the lock. */
    private void look() {
        for (Worker worker : new ArrayList<>(idle)) {
            boolean spare = count > settings.least && System.nanoTime() - worker.idleSince > settings.idle.toNanos();
            if (closed || worker.hasEnded() || spare) {
                remove(worker);
            }
        }
    }

    private void startOne() {
        int number;
        lock.lock();
        try {
            number = ++made;
        } finally {
            lock.unlock();
        }
        WorkerProcess process = null;
        try {
            process = forkServer == null ? null : forkServer.fork();
            boolean isPrepared = process != null;
            if (!isPrepared) {
                process = starter.start();
            }
            Worker worker = open(number, process);
            if (isPrepared) {
                isReady(worker);
            } else {
                threads.execute(() -> prepare(worker));
            }
        } catch (RuntimeException | Error e) {
            if (process != null) {
                process.kill();
            }
            notStarted(e);
        }
    }

    /** A process as a worker, whose output is read from now on. */
    Worker open(int number, WorkerProcess process) {
        Output lines = new Output(process.out, process.err, new Printer(number, settings.output), output);
        output.add(lines);
        Worker worker = new Worker(this, number, process, lines, settings.grace);
        lock.lock();
        try {
            opened.add(worker);
            if (closed) {
                worker.cancel();
            }
        } finally {
            lock.unlock();
        }
        return worker;
    }

    /** Its process has ended. */
    void hasDiscarded(Worker worker) {
        lock.lock();
        try {
            opened.remove(worker);
        } finally {
            lock.unlock();
        }
    }

    private void prepare(Worker worker) {
        Outcome<Void> outcome = worker.run(starter.preparation(), null);
        Throwable failure = outcome.thrown();
        if (failure != null) {
            worker.discard();
            notStarted(failure);
            return;
        }
        isReady(worker);
    }

    private void isReady(Worker worker) {
        lock.lock();
        try {
            starting--;
            lostStarts = 0;
            ready.add(worker);
            if (closed) {
                remove(worker);
            } else {
                hand(worker);
            }
            change.signalAll();
        } finally {
            lock.unlock();
        }
    }

    private void notStarted(Throwable failure) {
        Waiter waiter = null;
        lock.lock();
        try {
            starting--;
            count--;
            // Somebody killed it, perhaps. One that was killed here has a cause: its time was over.
            boolean again = failure instanceof PythonWorkerLost && failure.getCause() == null && ++lostStarts <= MOST_LOST_STARTS;
            if (!again) {
                lostStarts = 0;
                waiter = waiting.pollFirst();
                startFailure = failure;
            }
            if (!closed && (again || waiter != null && !waiting.isEmpty())) {
                startWhatIsWanted();
            }
            room.signal();
            change.signalAll();
            work.signal();
        } finally {
            lock.unlock();
        }
        if (waiter != null) {
            fail(waiter, failed(failure));
        }
    }

    /** Starts the first workers and waits for one of them. */
    private void open() {
        lock.lock();
        try {
            startWhatIsWanted();
            while (settings.least > 0 && ready.isEmpty() && startFailure == null) {
                change.await();
            }
        } catch (InterruptedException e) {
            throw interrupted();
        } finally {
            lock.unlock();
        }
        if (startFailure != null) {
            throw failed(startFailure);
        }
    }

    /**
     * Ends all workers. Calls that wait for a worker fail, and running calls are ended as by an interrupt. This method
     * waits until the workers have ended. Workers that have not ended within the grace time and two more seconds are
     * killed. The method does not wait for a Java function that a worker called and that does not return. A second call
     * does nothing.
     */
    @Override
    public void close() {
        List<Waiter> forsaken;
        List<Session> leased;
        lock.lock();
        try {
            closed = true;
            forsaken = new ArrayList<>(waiting);
            waiting.clear();
            leased = new ArrayList<>(sessions);
            opened.forEach(Worker::cancel);
            count -= toStart;
            starting -= toStart;
            toStart = 0;
            room.signalAll();
            work.signalAll();
        } finally {
            lock.unlock();
        }
        forsaken.forEach(waiter -> fail(waiter, isClosed()));
        long end = System.nanoTime() + settings.grace.plus(TIME_TO_END).toNanos();
        leased.forEach(session -> session.close(true, end - System.nanoTime()));
        boolean interrupted = awaitEnd(end);
        lock.lock();
        try {
            opened.forEach(worker -> worker.process.kill());
        } finally {
            lock.unlock();
        }
        interrupted |= awaitEnd(System.nanoTime() + TIME_TO_BE_KILLED.toNanos());
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    /** Waits until the pool's own thread has nothing more to do, but not beyond a time. Whether the waiting thread was interrupted. */
    private boolean awaitEnd(long end) {
        boolean interrupted = false;
        for (long left = end - System.nanoTime(); left > 0 && keeper.isAlive(); left = end - System.nanoTime()) {
            try {
                TimeUnit.NANOSECONDS.timedJoin(keeper, left);
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        return interrupted;
    }

    // ---- Java functions that workers call ----

    /** Has a thread look after these functions, as long as there are some. */
    void watch() {
        if (watches.get() || !watches.compareAndSet(false, true)) {
            return;
        }
        try {
            threads.execute(this::lookAtFunctions);
        } catch (RuntimeException | Error e) { // no thread to be had
            watches.set(false);
        }
    }

    private void lookAtFunctions() {
        try {
            for (long last = System.nanoTime(); System.nanoTime() - last < FUNCTIONS_NANOS; ) {
                Thread.sleep(FUNCTIONS_MILLIS);
                last = areThereFunctions() ? System.nanoTime() : last;
            }
        } catch (InterruptedException e) {
            // by nobody of this pool; the next function has another thread look
        } finally {
            watches.set(false);
        }
        if (areThereFunctions()) { // one began meanwhile
            watch();
        }
    }

    /** Does what is due. Whether there are any functions. */
    private boolean areThereFunctions() {
        List<Worker> all;
        lock.lock();
        try {
            all = new ArrayList<>(opened);
        } finally {
            lock.unlock();
        }
        boolean any = false;
        for (Worker worker : all) {
            any |= worker.lookAtFunctions();
        }
        return any;
    }

    /** The process of a worker was killed, but a function that it called goes on, perhaps for ever. Another one takes its place. */
    void forsake(Worker worker, String why, Runnable answer) {
        threads.execute(answer);
        lock.lock();
        try {
            if (ready.remove(worker)) {
                forsaken.add(worker);
                tally.restarts(worker, why);
                isGone();
            }
        } finally {
            lock.unlock();
        }
    }

    // ---- monitoring ----

    /**
     * The state and the counts of this pool; JMX shows the same values. The object can also be used after the pool was
     * closed.
     */
    public PythonPoolMXBean monitor() {
        return tally;
    }

    /** The name of the pool in JMX, and of its threads. */
    @Override
    public String toString() {
        return name;
    }

    /** What is counted under the lock. */
    enum Counted {
        WORKERS,
        BUSY,
        QUEUED
    }

    int count(Counted what) {
        lock.lock();
        try {
            return what == Counted.WORKERS ? count : what == Counted.BUSY ? ready.size() - idle.size() : waiting.size();
        } finally {
            lock.unlock();
        }
    }

    List<Worker> workers() {
        lock.lock();
        try {
            return new ArrayList<>(ready);
        } finally {
            lock.unlock();
        }
    }

    String howStarted() {
        if (forkServer == null) {
            return "spawn";
        }
        String obstacle = forkServer.obstacle();
        return obstacle == null ? "fork server" : "spawn: " + obstacle;
    }

    // ---- sessions ----

    /**
     * Opens a session: a worker that only this session uses until it is closed. Its calls see the variables of earlier
     * calls of the session.
     *
     * @throws PythonException if no worker is available
     */
    public Session session() {
        Session session = new Session(this, lease());
        lock.lock();
        try {
            sessions.add(session);
        } finally {
            lock.unlock();
        }
        if (isClosing()) { // it may have missed this one
            session.close();
            throw isClosed();
        }
        return session;
    }

    private void forget(Session session) {
        lock.lock();
        try {
            sessions.remove(session);
        } finally {
            lock.unlock();
        }
    }

    /**
     * A sequence of calls of one worker, which see the variables of the earlier calls. A session has contexts like
     * {@code PythonContextManager}. Each context initially has the names that the preparation of the pool defined. The
     * contexts are deleted at the end of the session. Other changes in the process, for example of modules, remain
     * visible to later calls of the pool, unless {@link #discard} ends the worker.
     */
    public static final class Session extends PythonCalls implements AutoCloseable {

        private static final String FIRST = "session";

        private final PythonPool pool;
        private final Worker worker;
        private final ReentrantLock use = new ReentrantLock();
        private volatile String context = FIRST;
        private boolean over; // guarded by use
        private volatile boolean ends; // as soon as its call does
        private volatile boolean discards;

        private Session(PythonPool pool, Worker worker) {
            this.pool = pool;
            this.worker = worker;
        }

        /** Makes later calls use the context of that name. The context is created if it does not exist. */
        public void setContext(String name) {
            if (!name.matches("[A-Za-z_][A-Za-z0-9_]*") || name.equals("main")) {
                throw new PythonException("Invalid context name: " + name);
            }
            context = name;
        }

        /** The name of the context that calls now use. */
        public String getContext() {
            return context;
        }

        /** The process id of the worker. */
        public long getPid() {
            return worker.process.pid;
        }

        @Override
        <R> R perform(Call<R> call) {
            if (Threads.isVirtual()) {
                Task<R> task = Task.awaited(call);
                submit(task);
                return task.await();
            }
            return run(call, Thread.currentThread()).get();
        }

        @Override
        <R> void submit(Task<R> task) {
            if (Worker.Visit.find(pool, worker) != null) { // a thread that waits here would wait for itself
                task.done(run(task.call, Thread.currentThread()));
                return;
            }
            try {
                pool.threads.execute(() -> task.done(run(task.call, null)));
            } catch (RejectedExecutionException e) {
                task.done(Outcome.failed(isClosed()));
            }
        }

        private <R> Outcome<R> run(Call<R> call, Thread caller) {
            if (Worker.Visit.find(pool, worker) != null) {
                return worker.run(call, caller); // the session's own call waits for this
            }
            try {
                while (!use.tryLock() && !use.tryLock(LOOK_MILLIS, TimeUnit.MILLISECONDS)) {
                    if (worker.isForsaken()) {
                        return Outcome.failed(new PythonException("The worker of the session was lost: " + worker.loss()));
                    }
                    if (call.cancelled) {
                        return Outcome.failed(Access.get().interrupted("The call was cancelled before the session was free."));
                    }
                }
            } catch (InterruptedException e) {
                return Outcome.failed(interrupted());
            }
            try {
                if (over) {
                    return Outcome.failed(new PythonException("The session is closed."));
                }
                return worker.run(call, caller);
            } finally {
                end();
            }
        }

        @Override
        String context() {
            return context;
        }

        @Override
        Duration limit() {
            return pool.limit();
        }

        @Override
        int width() {
            return 1;
        }

        /**
         * Deletes the contexts of the session and returns the worker to the pool. This method waits for a running call,
         * unless it is called by a Java function that this call runs; then the session ends after the call. A second
         * call does nothing.
         */
        @Override
        public void close() {
            close(false, Long.MAX_VALUE);
        }

        /** Closes the session like {@link #close}, but ends the worker. The pool starts another worker. */
        public void discard() {
            close(true, Long.MAX_VALUE);
        }

        /** Waits no longer than that for a call under way, and not for one whose worker was given up. */
        private void close(boolean discard, long nanos) {
            boolean interrupted = false;
            boolean got = false;
            discards |= discard;
            ends = true;
            for (long start = System.nanoTime(); !got && !worker.isForsaken() && System.nanoTime() - start < nanos; ) {
                try {
                    got = use.tryLock(Math.min(nanos, TimeUnit.MILLISECONDS.toNanos(LOOK_MILLIS)), TimeUnit.NANOSECONDS);
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
            if (got) {
                end();
            }
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }

        /** The end of a use, and of a session that is to end, unless a call is under way whose function wants that. */
        private void end() {
            try {
                if (over || !ends || use.getHoldCount() > 1) {
                    return;
                }
                over = true;
                pool.forget(this);
                boolean lost = discards || worker.isLost()
                        || worker.run(Call.plain(Channel.FORGET, TIME_TO_END, pack -> {}), null).thrown() != null;
                if (lost) {
                    pool.giveBack(worker, true);
                } else {
                    pool.giveBack(worker);
                }
            } finally {
                use.unlock();
            }
        }
    }

    // ---- settings ----

    /**
     * The settings of a pool. Each setting has a default. A builder must not be used by several threads at the same
     * time.
     */
    public static final class Builder implements Cloneable {

        int least = Runtime.getRuntime().availableProcessors();
        int most = least;
        Duration idle = Duration.ofSeconds(60);
        String python;
        Path folder;
        int numericThreads;
        Duration limit;
        Duration grace = Duration.ofSeconds(2);
        Duration startLimit = Duration.ofMinutes(2);
        long memory;
        long processorSeconds;
        long mostCalls;
        long mostResident;
        int queue = Integer.MAX_VALUE;
        WhenFull whenFull = WhenFull.WAIT;
        String program = "";
        boolean forkServer;
        Map<String, String> environment = new LinkedHashMap<>();
        List<String> imports = new ArrayList<>();
        OutputReceiver output; // null for where Printer sends it

        private Builder() {}

        /** Sets a fixed number of workers. The default is the number of processors. */
        public Builder workers(int number) {
            return workers(number, number);
        }

        /** Sets the least and the greatest number of workers. The pool starts workers as calls need them. */
        public Builder workers(int least, int most) {
            if (least < 0 || most < 1 || least > most) {
                throw new IllegalArgumentException("not a number of workers: " + least + " to " + most);
            }
            this.least = least;
            this.most = most;
            return this;
        }

        /** Sets the time after which an idle worker above the least number is ended. The default is one minute. */
        public Builder idle(Duration time) {
            this.idle = positive(time);
            return this;
        }

        /**
         * Sets the interpreter of the workers, by any value of the property {@code org.eclipse.python4j.python}. The
         * default is the interpreter of this process. Its version may differ from the one in this process, and Python
         * need not run in this process.
         */
        public Builder python(String choice) {
            this.python = Objects.requireNonNull(choice);
            return this;
        }

        /**
         * Sets an environment variable of the workers; a null value removes the variable. All other variables are those
         * of this process.
         */
        public Builder environment(String name, String value) {
            if (name.isEmpty() || name.indexOf('=') >= 0) {
                throw new IllegalArgumentException("not the name of an environment variable: " + name);
            }
            environment.put(name, value);
            return this;
        }

        /** Sets the working directory of the workers. The default is the working directory of this process. */
        public Builder workingDirectory(Path folder) {
            this.folder = folder.toAbsolutePath();
            return this;
        }

        /**
         * Sets modules that each worker imports before its first call. Calls reach them by {@code module:function} or import
         * them again, which costs nothing. A name for them is defined by {@link #prepare(String)}.
         */
        public Builder imports(String... modules) {
            imports.addAll(List.of(modules));
            return this;
        }

        /**
         * Sets a program that each worker runs after the imports and before its first call. Calls see the names that it
         * defines.
         */
        public Builder prepare(String program) {
            this.program = Objects.requireNonNull(program);
            return this;
        }

        /**
         * Sets the program by a file, see {@link #prepare(String)}.
         *
         * @throws PythonException if the file cannot be read
         */
        public Builder prepare(Path file) {
            try {
                return prepare(new String(Files.readAllBytes(file), StandardCharsets.UTF_8));
            } catch (IOException e) {
                throw new PythonException("The program that prepares the workers cannot be read: " + e, e);
            }
        }

        /**
         * Sets the time limit of each call. The time begins when a worker starts the call. By default there is no
         * limit.
         */
        public Builder limit(Duration time) {
            this.limit = positive(time);
            return this;
        }

        /**
         * Sets the time for which a call may continue, for example in its {@code finally} blocks, after the pool has
         * raised an exception in it to end it. Then the worker is killed. The default is two seconds.
         */
        public Builder grace(Duration time) {
            this.grace = positive(time);
            return this;
        }

        /**
         * Sets whether one process is prepared and then forks the workers. Forked workers start within milliseconds and
         * share the memory of the imported modules. The process must be able to fork after the imports and the
         * preparation. If threads run then, if a GPU library is in use, or if the system is not Linux, each worker is
         * started separately in spite of this setting; the log and {@link PythonPoolMXBean#getStart} give the reason.
         * The fork server is off by default.
         */
        public Builder forkServer(boolean wanted) {
            this.forkServer = wanted;
            return this;
        }

        /** Sets the time limit for the start of a worker, including its preparation. The default is two minutes. */
        public Builder startLimit(Duration time) {
            this.startLimit = positive(time);
            return this;
        }

        /**
         * Sets the size of the address space of a worker in bytes (RLIMIT_AS, which also counts reserved memory).
         * Python raises {@code MemoryError} beyond the limit. macOS does not support this limit, and the start of a
         * worker fails there.
         */
        public Builder memoryLimit(long bytes) {
            this.memory = positive(bytes);
            return this;
        }

        /**
         * Sets the total processor time of a worker (RLIMIT_CPU, in whole seconds). Beyond the limit SIGXCPU ends the
         * worker, and its call fails with {@link PythonWorkerLost}. Code that catches this signal is killed a second
         * later. The time of a fork server does not count.
         */
        public Builder processorLimit(Duration time) {
            this.processorSeconds = Math.max(1, positive(time).toSeconds());
            return this;
        }

        /** Sets the number of calls after which a worker is replaced. */
        public Builder recycleAfter(long calls) {
            this.mostCalls = positive(calls);
            return this;
        }

        /**
         * Sets a limit of resident memory in bytes. A worker that uses more at the end of a call is replaced. The limit
         * works on Linux only.
         *
         * @throws PythonException if this system does not report how much memory a process uses
         */
        public Builder recycleAbove(long residentBytes) {
            if (!WorkerProcess.tellsMemory()) {
                throw new PythonException("recycleAbove: this system does not report how much memory a process uses. Use recycleAfter.");
            }
            this.mostResident = positive(residentBytes);
            return this;
        }

        /**
         * Sets how many calls may wait for a worker, and the behaviour of a call when the queue is full. By default the
         * number is not limited.
         */
        public Builder queue(int calls, WhenFull whenFull) {
            if (calls < 0) {
                throw new IllegalArgumentException("not a number of calls: " + calls);
            }
            this.queue = calls;
            this.whenFull = Objects.requireNonNull(whenFull);
            return this;
        }

        /**
         * Sets how many threads numeric libraries use in each worker. It sets the environment variables that OpenMP,
         * OpenBLAS, MKL and other libraries read. By default each library decides by itself and usually has one thread
         * for each processor.
         */
        public Builder numericThreads(int threads) {
            this.numericThreads = (int) positive(threads);
            return this;
        }

        /**
         * Sets the receiver of the workers' output. By default the output goes to the last {@code PythonOutput} that is
         * open and receives text, otherwise to {@code System.out} and {@code System.err}; each line is marked with the
         * number of the worker. While a {@code PythonOutput.logging()} is open, the records of Python's {@code logging}
         * go to SLF4J in any case.
         */
        public Builder output(OutputReceiver receiver) {
            this.output = Objects.requireNonNull(receiver);
            return this;
        }

        /**
         * Starts the pool and waits until its first worker is ready.
         *
         * @throws PythonException if the interpreter does not exist, no worker can be started, or the system is Windows
         */
        public PythonPool build() {
            refuseWindows(System.getProperty("os.name", ""));
            PythonPool pool = new PythonPool(copy());
            try {
                pool.open();
            } catch (PythonException e) {
                pool.close();
                throw e;
            }
            return pool;
        }

        /** Before anything is loaded: what workers need is not there on Windows. */
        static void refuseWindows(String system) {
            if (system.startsWith("Windows")) {
                throw new PythonException("Pools are available on Linux and macOS only, and this system is " + system
                        + ". Use the Python in this process (PythonGIL), or start programs with PythonProcess.");
            }
        }

        private Builder copy() {
            try {
                Builder copy = (Builder) clone();
                copy.environment = new LinkedHashMap<>(environment);
                copy.imports = new ArrayList<>(imports);
                return copy;
            } catch (CloneNotSupportedException e) {
                throw new AssertionError(e);
            }
        }

        private static Duration positive(Duration time) {
            if (time.isNegative() || time.isZero()) {
                throw new IllegalArgumentException("not a time: " + time);
            }
            return time;
        }

        private static long positive(long number) {
            if (number <= 0) {
                throw new IllegalArgumentException("not a positive number: " + number);
            }
            return number;
        }
    }
}
