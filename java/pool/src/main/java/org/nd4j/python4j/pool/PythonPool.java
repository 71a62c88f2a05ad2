// SPDX-License-Identifier: Apache-2.0
// The pool: which worker does which call, how many there are, and what becomes of those that are lost. What is said to
// a worker is in Worker, how one is started in Starter.
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
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.internal.Access;
import org.nd4j.python4j.internal.jni.Handles;

/**
 * Python in processes of its own: as many cores as there are workers, and nothing that Python code does there ends this
 * process. The API is that of the Python in this process, and so are values and errors.
 *
 * <pre>{@code
 * try (PythonPool pool = PythonPool.builder().workers(2).build()) {
 *     System.out.println(pool.call("math:factorial", 20)); // 2432902008176640000
 * }
 * }</pre>
 *
 * <p>Workers are alike: any of them may do a call, and what a call leaves in variables the next one does not see. A
 * {@link #session() session} has a worker for itself. A worker that is lost fails the call that it did, with
 * {@link PythonWorkerLost}, and another one takes its place. Workers end with this process, however it ends.
 *
 * <p>Linux and macOS only.
 */
public final class PythonPool extends PythonCalls implements AutoCloseable {

    private static final AtomicInteger POOLS = new AtomicInteger();
    private static final int LOOK_MILLIS = 100;
    private static final Duration TIME_TO_END = Duration.ofSeconds(2);
    private static final int MOST_LOST_STARTS = 3; // in a row
    private static final Duration TIME_TO_BE_KILLED = Duration.ofSeconds(8); // more than WorkerProcess.awaitEnd takes

    /** What happens to a call that finds the queue full. */
    public enum WhenFull {
        /** Its thread waits until there is room. */
        WAIT,
        /** It fails. */
        FAIL
    }

    /** Gets what workers print. */
    @FunctionalInterface
    public interface OutputReceiver {
        /**
         * A line, without its end. Called by one thread, which reads for all workers of a pool.
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
    private final Output.Reader output = new Output.Reader();
    final Tally tally;

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

        Waiter(Thread thread, Task<?> task) {
            this.thread = thread;
            this.task = task;
        }
    }

    private PythonPool(Builder settings) {
        this.settings = settings;
        this.starter = new Starter(settings);
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

    /** A pool with the default settings: a worker for each processor. */
    public static PythonPool create() {
        return builder().build();
    }

    /** Settings for a pool. */
    public static Builder builder() {
        return new Builder();
    }

    // ---- calls ----

    @Override
    <R> R perform(Call<R> call) {
        Worker.Visit visit = Worker.VISIT.get();
        if (visit != null && visit.worker.pool == this) {
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
        Worker worker;
        Waiter waiter = null;
        lock.lock();
        try {
            worker = free();
            if (worker == null) {
                waiter = enqueue(new Waiter(null, task));
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
            waiter = enqueue(new Waiter(Thread.currentThread(), null));
        } finally {
            lock.unlock();
        }
        while (!waiter.done) {
            LockSupport.park(this);
            if (Thread.currentThread().isInterrupted() && withdraw(waiter)) {
                throw interrupted();
            }
        }
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

    /** Waits for room in the queue, and takes it. The caller has the lock. */
    private Waiter enqueue(Waiter waiter) {
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
            if (closed) {
                throw isClosed();
            }
        }
        waiting.addLast(waiter);
        startWhatIsWanted();
        return waiter;
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
        giveBack(worker, worker.isLost() || isUsedUp(worker));
    }

    void giveBack(Worker worker, boolean over) {
        lock.lock();
        try {
            if (over || closed) {
                remove(worker);
            } else {
                hand(worker);
            }
        } finally {
            lock.unlock();
        }
    }

    private boolean isUsedUp(Worker worker) {
        int own = forkServer != null && forkServer.obstacle() == null ? 0 : 1; // the preparation
        return settings.mostCalls > 0 && worker.calls() >= settings.mostCalls + own
                || settings.mostResident > 0 && worker.process.residentBytes() > settings.mostResident;
    }

    /** Gives a worker to whoever waits. The caller has the lock. */
    private void hand(Worker worker) {
        Waiter waiter = waiting.pollFirst();
        if (waiter == null) {
            worker.idleSince = System.nanoTime();
            idle.addLast(worker);
            return;
        }
        room.signal();
        tally.waited(System.nanoTime() - waiter.since);
        if (waiter.task != null) {
            begin(waiter.task, worker);
        } else {
            waiter.worker = worker;
            waiter.done = true;
            LockSupport.unpark(waiter.thread);
        }
    }

    private static void fail(Waiter waiter, PythonException failure) {
        if (waiter.task != null) {
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
        String why = worker.hasEnded() ? worker.loss() : isUsedUp(worker) ? "it had done its work, or needed too much memory" : null;
        if (why != null) {
            tally.restarts(worker, why);
        }
        try {
            worker.end(TIME_TO_END);
        } finally {
            lock.lock();
            try {
                count--;
                if (!closed) {
                    startWhatIsWanted();
                }
                change.signalAll();
                work.signal();
            } finally {
                lock.unlock();
            }
        }
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
            if (forkServer != null) {
                forkServer.look();
            }
            if (!Access.get().isStarted()) { // or Python's own watcher looks for buffers that were forgotten
                Handles.look();
            }
            tally.look();
        }
        if (forkServer != null) {
            forkServer.close();
        }
        tally.close();
        output.end();
        threads.shutdown();
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
        OutputReceiver receiver = settings.output;
        Output lines = new Output(process.out, process.err, (isError, line) -> receiver.line(number, isError, line));
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
     * Ends all workers. Calls that wait for one fail, those under way are ended as by an interrupt. Waits until the workers
     * have ended; those that have not within the grace and two seconds more are killed. It does not wait for a Java function that a worker
     * called and that does not return. Again it does nothing.
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
        leased.forEach(session -> session.endWithin(Math.max(0, end - System.nanoTime())));
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

    // ---- monitoring ----

    /** What this pool does, and has done so far; the same as under JMX. Works also after the pool was closed. */
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
     * A worker for the caller alone, until the session is closed: what its calls leave in variables stays.
     *
     * @throws PythonException if no worker can be had
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
     * Calls of one worker, one after the other, which see what the earlier ones did. It has contexts as
     * {@code PythonContextManager} has; each begins with the names that the pool's preparation defined. They go at the end
     * of the session. What else its code changed in the process, modules for instance, later calls of the pool see: {@link #discard} ends
     * the process instead.
     */
    public static final class Session extends PythonCalls implements AutoCloseable {

        private static final String FIRST = "session";

        private final PythonPool pool;
        private final Worker worker;
        private final ReentrantLock use = new ReentrantLock();
        private volatile String context = FIRST;
        private boolean over; // guarded by use

        private Session(PythonPool pool, Worker worker) {
            this.pool = pool;
            this.worker = worker;
        }

        /** Calls use the context of that name from now on, which is made if it is not there. */
        public void setContext(String name) {
            if (!name.matches("[A-Za-z_][A-Za-z0-9_]*") || name.equals("main")) {
                throw new PythonException("Invalid context name: " + name);
            }
            context = name;
        }

        /** The name of the context that calls use. */
        public String getContext() {
            return context;
        }

        /** The number that the system gave to the worker. */
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
            try {
                pool.threads.execute(() -> task.done(run(task.call, null)));
            } catch (RejectedExecutionException e) {
                task.done(Outcome.failed(isClosed()));
            }
        }

        private <R> Outcome<R> run(Call<R> call, Thread caller) {
            Worker.Visit visit = Worker.VISIT.get();
            if (visit != null && visit.worker == worker) {
                return worker.run(call, caller); // the session's own call waits for this
            }
            use.lock();
            try {
                if (over) {
                    return Outcome.failed(new PythonException("The session is closed."));
                }
                return worker.run(call, caller);
            } finally {
                use.unlock();
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

        /** Returns the worker to the pool, without the session's contexts. Waits for a call under way. Again it does nothing. */
        @Override
        public void close() {
            use.lock();
            end(false);
        }

        /** The same, but the worker ends, and the pool starts another one. */
        public void discard() {
            use.lock();
            end(true);
        }

        /** The same when the pool is closed, which waits no longer than that for a call under way. */
        private void endWithin(long nanos) {
            try {
                if (use.tryLock(nanos, TimeUnit.NANOSECONDS)) {
                    end(true);
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }

        private void end(boolean discard) {
            try {
                if (over) {
                    return;
                }
                over = true;
                pool.forget(this);
                boolean lost = discard || worker.isLost()
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

    /** How a pool is to be. What is not set stays at its default. Not for several threads. */
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
        OutputReceiver output = (worker, isError, line) -> (isError ? System.err : System.out).println("[python " + worker + "] " + line);

        private Builder() {}

        /** So many workers; by default as many as there are processors. */
        public Builder workers(int number) {
            return workers(number, number);
        }

        /** Between so many workers, as calls need them. */
        public Builder workers(int least, int most) {
            if (least < 0 || most < 1 || least > most) {
                throw new IllegalArgumentException("not a number of workers: " + least + " to " + most);
            }
            this.least = least;
            this.most = most;
            return this;
        }

        /** How long a worker above the least number stays that has nothing to do; by default a minute. */
        public Builder idle(Duration time) {
            this.idle = positive(time);
            return this;
        }

        /**
         * The interpreter: all that the property {@code org.eclipse.python4j.python} takes. By default it is that of
         * this process. It need not be the same version, nor need this process have Python started.
         */
        public Builder python(String choice) {
            this.python = Objects.requireNonNull(choice);
            return this;
        }

        /** An environment variable of the workers; null as the value takes one away. They have this process's otherwise. */
        public Builder environment(String name, String value) {
            if (name.isEmpty() || name.indexOf('=') >= 0) {
                throw new IllegalArgumentException("not the name of an environment variable: " + name);
            }
            environment.put(name, value);
            return this;
        }

        /** The folder that workers work in; by default this process's. */
        public Builder workingDirectory(Path folder) {
            this.folder = folder.toAbsolutePath();
            return this;
        }

        /** Modules that each worker imports before it takes work. */
        public Builder imports(String... modules) {
            imports.addAll(List.of(modules));
            return this;
        }

        /** A program that each worker runs before it takes work, after the imports. Calls see the names that it defines. */
        public Builder prepare(String program) {
            this.program = Objects.requireNonNull(program);
            return this;
        }

        /**
         * The same for a program in a file.
         *
         * @throws PythonException if it cannot be read
         */
        public Builder prepare(Path file) {
            try {
                return prepare(new String(Files.readAllBytes(file), StandardCharsets.UTF_8));
            } catch (IOException e) {
                throw new PythonException("The program that prepares the workers cannot be read: " + e, e);
            }
        }

        /** The time for each call, from the moment when a worker begins with it; by default there is no limit. */
        public Builder limit(Duration time) {
            this.limit = positive(time);
            return this;
        }

        /**
         * How long a call may go on, with its {@code finally} blocks say, after an exception was raised in it from here.
         * Then its worker is killed. By default two seconds.
         */
        public Builder grace(Duration time) {
            this.grace = positive(time);
            return this;
        }

        /**
         * Whether one process is prepared, and forks the others: they are there within milliseconds, and share the memory of what was
         * imported. It must be possible to fork after the imports and the preparation. Where threads run then, or a library for GPUs
         * is in use, or the system is not Linux, workers are started one by one all the same; the log and
         * {@link PythonPoolMXBean#getStart} say why. Off by default.
         */
        public Builder forkServer(boolean wanted) {
            this.forkServer = wanted;
            return this;
        }

        /** The time for the start of a worker, with its preparation; by default two minutes. */
        public Builder startLimit(Duration time) {
            this.startLimit = positive(time);
            return this;
        }

        /**
         * The bytes of address space that a worker may use (RLIMIT_AS, which counts what is reserved, too). Beyond it Python raises MemoryError.
         * macOS has no such limit: a worker's start fails there.
         */
        public Builder memoryLimit(long bytes) {
            this.memory = positive(bytes);
            return this;
        }

        /** The processor time that a worker may use in all (RLIMIT_CPU, in whole seconds). Then it is lost, with SIGXCPU or SIGKILL. */
        public Builder processorLimit(Duration time) {
            this.processorSeconds = Math.max(1, positive(time).toSeconds());
            return this;
        }

        /** A worker is replaced after so many calls. */
        public Builder recycleAfter(long calls) {
            this.mostCalls = positive(calls);
            return this;
        }

        /** A worker is replaced when it uses so many bytes of memory at the end of a call; on Linux. */
        public Builder recycleAbove(long residentBytes) {
            this.mostResident = positive(residentBytes);
            return this;
        }

        /** How many calls may wait for a worker, and what happens to one more; by default any number. */
        public Builder queue(int calls, WhenFull whenFull) {
            if (calls < 0) {
                throw new IllegalArgumentException("not a number of calls: " + calls);
            }
            this.queue = calls;
            this.whenFull = Objects.requireNonNull(whenFull);
            return this;
        }

        /**
         * How many threads numeric libraries use in each worker: sets the variables that OpenMP, OpenBLAS, MKL and others
         * read. By default each library decides, which is a thread for each processor as a rule.
         */
        public Builder numericThreads(int threads) {
            this.numericThreads = (int) positive(threads);
            return this;
        }

        /** Who gets what workers print; by default it goes to {@code System.out} and {@code System.err}, each line marked with the worker. */
        public Builder output(OutputReceiver receiver) {
            this.output = Objects.requireNonNull(receiver);
            return this;
        }

        /**
         * Starts the pool, and waits for its first worker.
         *
         * @throws PythonException if there is no such interpreter, or its worker cannot be started
         */
        public PythonPool build() {
            PythonPool pool = new PythonPool(copy());
            try {
                pool.open();
            } catch (PythonException e) {
                pool.close();
                throw e;
            }
            return pool;
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
