// SPDX-License-Identifier: Apache-2.0
// Which worker executes which call, how many workers there are, and how lost workers are replaced. Worker has the
// conversation with a worker process; Starter and ForkServer start one.
package org.nd4j.python4j.pool;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongConsumer;
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.internal.Access;
import org.nd4j.python4j.internal.jni.Handles;
import org.nd4j.python4j.internal.start.NativeLoader;

/** The workers of one pool, and those who wait for one. */
final class Workers {

    private static final AtomicInteger POOLS = new AtomicInteger();
    private static final int LOOK_MILLIS = 100;
    private static final int MOST_LOST_STARTS = 3; // in a row
    static final Duration TIME_TO_END = Duration.ofSeconds(2);
    private static final Duration TIME_TO_BE_KILLED = Duration.ofSeconds(8); // more than WorkerProcess.awaitEnd takes

    private final PythonPool.Builder settings;
    private final Starter starter;
    private final ForkServer forkServer; // null if none is wanted; the keeper alone uses it
    final String name = "python4j-pool-" + POOLS.incrementAndGet();
    private final ExecutorService threads;
    private final Thread keeper;
    private final Output.Reader output;
    final Tally tally;
    final FunctionWatch functions;

    private final ReentrantLock lock = new ReentrantLock();
    private final Condition room = lock.newCondition(); // in the queue
    private final Condition work = lock.newCondition(); // for the keeper
    private final Condition change = lock.newCondition(); // in the number of workers
    // Guarded by the lock:
    private final Set<Worker> ready = new HashSet<>(); // the idle ones included
    private final Deque<Worker> idle = new ArrayDeque<>(); // the one that was used last is the last
    private final Deque<Waiter> waiting = new ArrayDeque<>();
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
        void ended(Workers workers, boolean got) {
            if (event != null) {
                Events.waitEnds(event, workers.name, got);
            }
        }
    }

    Workers(PythonPool.Builder settings) {
        this.settings = settings;
        this.starter = new Starter(settings);
        this.output = new Output.Reader();
        this.forkServer = settings.forkServer ? new ForkServer(this, starter) : null;
        this.tally = new Tally(this, name);
        AtomicInteger number = new AtomicInteger();
        this.threads = new ThreadPoolExecutor(0, Integer.MAX_VALUE, 10, TimeUnit.SECONDS, new SynchronousQueue<>(),
                task -> thread(task, name + "-" + number.incrementAndGet()));
        this.functions = new FunctionWatch(threads, this::opened);
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

    /** Runs something on a thread of the pool. */
    void execute(Runnable task) {
        threads.execute(task);
    }

    // ---- who has which worker ----

    /** Gives a worker to a task, now or as soon as there is one. */
    <R> void submit(Task<R> task) {
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

    static PythonException interrupted() {
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

    static PythonException closed() {
        return new PythonException("The pool is closed.");
    }

    /** An idle worker, null if there is none. The caller has the lock. */
    private Worker free() {
        if (closed) {
            throw closed();
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
            if (settings.whenFull == PythonPool.WhenFull.FAIL) {
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
                oneLess();
            } finally {
                lock.unlock();
            }
        }
    }

    /** There is one worker less. The caller has the lock. */
    private void oneLess() {
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
                started(worker);
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
    void discarded(Worker worker) {
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
        started(worker);
    }

    private void started(Worker worker) {
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

    /** The process of a worker was killed, but a function that it called goes on, perhaps for ever. Another one takes its place. */
    void forsake(Worker worker, String why, Runnable answer) {
        threads.execute(answer);
        lock.lock();
        try {
            if (ready.remove(worker)) {
                forsaken.add(worker);
                tally.restarts(worker, why);
                oneLess();
            }
        } finally {
            lock.unlock();
        }
    }

    /** Starts the first workers and waits for one of them. */
    void open() {
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

    /** Ends all workers. {@code leases} ends what has a worker for longer than a call, within so many nanoseconds. */
    void close(LongConsumer leases) {
        List<Waiter> refused;
        lock.lock();
        try {
            closed = true;
            refused = new ArrayList<>(waiting);
            waiting.clear();
            opened.forEach(Worker::cancel);
            count -= toStart;
            starting -= toStart;
            toStart = 0;
            room.signalAll();
            work.signalAll();
        } finally {
            lock.unlock();
        }
        refused.forEach(waiter -> fail(waiter, closed()));
        long end = System.nanoTime() + settings.grace.plus(TIME_TO_END).toNanos();
        leases.accept(end - System.nanoTime());
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

    // ---- what others want to know ----

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

    List<Worker> ready() {
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

    /** All that have a process. */
    private List<Worker> opened() {
        lock.lock();
        try {
            return new ArrayList<>(opened);
        } finally {
            lock.unlock();
        }
    }
}
