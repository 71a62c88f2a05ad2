// SPDX-License-Identifier: Apache-2.0
// The public face of a pool: calls, sessions and settings. Workers decides which worker executes which call.
package org.nd4j.python4j.pool;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.internal.Access;

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
    private final Workers workers;
    private final Set<Session> sessions = ConcurrentHashMap.newKeySet();

    private PythonPool(Builder settings) {
        this.settings = settings;
        this.workers = new Workers(settings);
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
        Worker.Visit visit = Worker.Visit.find(workers, null);
        if (visit != null) {
            return visit.worker.run(call, Thread.currentThread()).get();
        }
        if (Threads.isVirtual()) {
            Task<R> task = Task.awaited(call);
            submit(task);
            return task.await();
        }
        Worker worker = workers.lease();
        Outcome<R> outcome = worker.run(call, Thread.currentThread());
        workers.giveBack(worker);
        return outcome.get();
    }

    @Override
    <R> void submit(Task<R> task) {
        Worker.Visit visit = Worker.Visit.find(workers, null);
        if (visit != null) { // whoever waits here for another worker may wait for ever
            task.done(visit.worker.run(task.call, Thread.currentThread()));
            return;
        }
        workers.submit(task);
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

    /**
     * Ends all workers. Calls that wait for a worker fail, and running calls are ended as by an interrupt. This method
     * waits until the workers have ended. Workers that have not ended within the grace time and two more seconds are
     * killed. The method does not wait for a Java function that a worker called and that does not return. A second call
     * does nothing.
     */
    @Override
    public void close() {
        workers.close(nanos -> sessions.forEach(session -> session.close(true, nanos)));
    }

    // ---- monitoring ----

    /**
     * The state and the counts of this pool; JMX shows the same values. The object can also be used after the pool was
     * closed.
     */
    public PythonPoolMXBean monitor() {
        return workers.tally;
    }

    /** The name of the pool in JMX, and of its threads. */
    @Override
    public String toString() {
        return workers.name;
    }

    // ---- sessions ----

    /**
     * Opens a session: a worker that only this session uses until it is closed. Its calls see the variables of earlier
     * calls of the session.
     *
     * @throws PythonException if no worker is available
     */
    public Session session() {
        Session session = new Session(this, workers.lease());
        sessions.add(session);
        if (workers.isClosing()) { // it may have missed this one
            session.close();
            throw Workers.closed();
        }
        return session;
    }

    /**
     * A sequence of calls of one worker, which see the variables of the earlier calls. A session has contexts like
     * {@code PythonContextManager}. Each context initially has the names that the preparation of the pool defined. The
     * contexts are deleted at the end of the session. Other changes in the process, for example of modules, remain
     * visible to later calls of the pool, unless {@link #discard} ends the worker.
     */
    public static final class Session extends PythonCalls implements AutoCloseable {

        private static final String FIRST = "session";
        private static final int LOOK_MILLIS = 100;

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
            if (Worker.Visit.find(pool.workers, worker) != null) { // a thread that waits here would wait for itself
                task.done(run(task.call, Thread.currentThread()));
                return;
            }
            try {
                pool.workers.execute(() -> task.done(run(task.call, null)));
            } catch (RejectedExecutionException e) {
                task.done(Outcome.failed(Workers.closed()));
            }
        }

        private <R> Outcome<R> run(Call<R> call, Thread caller) {
            if (Worker.Visit.find(pool.workers, worker) != null) {
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
                return Outcome.failed(Workers.interrupted());
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
                pool.sessions.remove(this);
                boolean lost = discards || worker.isLost()
                        || worker.run(Call.plain(Channel.FORGET, Workers.TIME_TO_END, pack -> {}), null).thrown() != null;
                if (lost) {
                    pool.workers.giveBack(worker, true);
                } else {
                    pool.workers.giveBack(worker);
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
                pool.workers.open();
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
            return PythonCalls.countable(time);
        }

        private static long positive(long number) {
            if (number <= 0) {
                throw new IllegalArgumentException("not a positive number: " + number);
            }
            return number;
        }
    }
}
