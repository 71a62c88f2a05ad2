// SPDX-License-Identifier: Apache-2.0
// The events of pools for the Java Flight Recorder. Its classes are loaded only once a recorder runs.
package org.nd4j.python4j.pool;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import jdk.jfr.Category;
import jdk.jfr.Description;
import jdk.jfr.Enabled;
import jdk.jfr.Event;
import jdk.jfr.FlightRecorder;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.Period;
import jdk.jfr.StackTrace;
import jdk.jfr.Timespan;

/** Off unless a recording asks for them, as the events of turns. */
final class Events {

    private static final boolean THERE = isThere();

    /** What the recorder calls now and then, for each pool; only while it runs. */
    private static final Map<Workers, Runnable> COUNTED = new ConcurrentHashMap<>();

    private Events() {}

    private static boolean isThere() {
        try {
            FlightRecorder.isInitialized();
            return true;
        } catch (LinkageError e) {
            return false;
        }
    }

    private static boolean isOn() {
        return THERE && FlightRecorder.isInitialized();
    }

    /** A call begins: what {@link #callEnds} needs, null if nobody wants to know. */
    static Object callBegins() {
        if (!isOn()) {
            return null;
        }
        CallEvent event = new CallEvent();
        event.begin();
        return event;
    }

    static void callEnds(Object begun, Worker worker, Throwable failure) {
        CallEvent event = (CallEvent) begun;
        event.end();
        if (event.shouldCommit()) {
            event.worker = worker.number;
            event.process = worker.process.pid;
            event.error = failure == null ? null : failure.getClass().getName();
            event.commit();
        }
    }

    /** A call or a session begins to wait for a worker: what {@link #waitEnds} needs, null if nobody wants to know. */
    static Object waitBegins() {
        if (!isOn()) {
            return null;
        }
        WaitEvent event = new WaitEvent();
        event.begin();
        return event;
    }

    static void waitEnds(Object begun, String pool, boolean got) {
        WaitEvent event = (WaitEvent) begun;
        event.end();
        if (event.shouldCommit()) {
            event.pool = pool;
            event.got = got;
            event.commit();
        }
    }

    static void restarts(Worker worker, String why) {
        if (isOn()) {
            RestartEvent event = new RestartEvent();
            event.worker = worker.number;
            event.process = worker.process.pid;
            event.reason = why;
            event.commit();
        }
    }

    /** Gives the recorder what counts, once it runs. */
    static void look(Workers workers, Tally tally) {
        if (isOn() && !COUNTED.containsKey(workers)) {
            Runnable count = () -> count(workers, tally);
            COUNTED.put(workers, count);
            FlightRecorder.addPeriodicEvent(CountsEvent.class, count);
        }
    }

    static void close(Workers workers) {
        Runnable count = COUNTED.remove(workers);
        if (count != null) {
            FlightRecorder.removePeriodicEvent(count);
        }
    }

    private static void count(Workers workers, Tally tally) {
        CountsEvent event = new CountsEvent();
        event.pool = workers.name;
        event.workers = tally.getWorkers();
        event.busy = tally.getBusy();
        event.queued = tally.getQueued();
        event.calls = tally.getCalls();
        event.waited = tally.getWaitedNanos();
        event.run = tally.getRunNanos();
        event.restarts = tally.getRestarts();
        event.commit();
        for (Worker worker : workers.ready()) {
            WorkerEvent one = new WorkerEvent();
            one.pool = event.pool;
            one.worker = worker.number;
            one.process = worker.process.pid;
            one.resident = worker.process.residentBytes();
            one.commit();
        }
    }

    @Name("org.nd4j.python4j.PoolCall")
    @Label("Python Pool Call")
    @Description("A worker process did a call")
    @Category("Python4J")
    @Enabled(false)
    static final class CallEvent extends Event {
        @Label("Worker")
        int worker;

        @Label("Process")
        int process;

        @Label("Error")
        @Description("The class of the exception that ended it")
        String error;
    }

    @Name("org.nd4j.python4j.PoolWait")
    @Label("Python Pool Wait")
    @Description("A call or a session waited in the queue for a worker")
    @Category("Python4J")
    @Enabled(false)
    @StackTrace(false) // whoever hands a worker on tells it, as a rule
    static final class WaitEvent extends Event {
        @Label("Pool")
        String pool;

        @Label("Got a Worker")
        @Description("False if the wait was given up, or the pool was closed")
        boolean got;
    }

    @Name("org.nd4j.python4j.PoolRestart")
    @Label("Python Pool Restart")
    @Description("A worker process was lost or used up, and is replaced")
    @Category("Python4J")
    @Enabled(false)
    @StackTrace(false)
    static final class RestartEvent extends Event {
        @Label("Worker")
        int worker;

        @Label("Process")
        int process;

        @Label("Reason")
        String reason;
    }

    @Name("org.nd4j.python4j.PoolCounts")
    @Label("Python Pool Counts")
    @Description("What a pool does, and has done so far")
    @Category("Python4J")
    @Enabled(false)
    @Period("10 s")
    @StackTrace(false)
    static final class CountsEvent extends Event {
        @Label("Pool")
        String pool;

        @Label("Workers")
        int workers;

        @Label("Busy")
        int busy;

        @Label("Queued")
        int queued;

        @Label("Calls")
        long calls;

        @Label("Time Waited")
        @Timespan(Timespan.NANOSECONDS)
        long waited;

        @Label("Time Run")
        @Timespan(Timespan.NANOSECONDS)
        long run;

        @Label("Restarts")
        long restarts;
    }

    @Name("org.nd4j.python4j.PoolWorker")
    @Label("Python Pool Worker")
    @Description("A worker process; comes with the counts of its pool")
    @Category("Python4J")
    @Enabled(false)
    @StackTrace(false)
    static final class WorkerEvent extends Event {
        @Label("Pool")
        String pool;

        @Label("Worker")
        int worker;

        @Label("Process")
        int process;

        @Label("Resident Memory")
        @jdk.jfr.DataAmount
        long resident;
    }
}
