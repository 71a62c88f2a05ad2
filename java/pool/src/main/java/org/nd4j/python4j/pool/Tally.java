// SPDX-License-Identifier: Apache-2.0
// Counts the work of a pool for JMX and for the Java Flight Recorder. When no tool listens, a call costs only
// two additions.
package org.nd4j.python4j.pool;

import java.lang.management.ManagementFactory;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.LongAdder;
import javax.management.JMException;
import javax.management.ObjectName;
import org.nd4j.python4j.internal.monitor.Monitor;
import org.nd4j.python4j.internal.start.NativeLoader;

/** The numbers of one pool. Neither java.management nor jdk.jfr need be there. */
final class Tally implements PythonPoolMXBean {

    private static final long LATER_NANOS = 1_000_000_000L;
    private static final int MOST_REASONS = 50;

    private final Workers workers;
    private final String name;
    private final long born = System.nanoTime();
    private boolean registered; // the pool's keeper alone uses it
    private boolean tried;

    private final LongAdder calls = new LongAdder();
    private final LongAdder run = new LongAdder();
    private final LongAdder waits = new LongAdder();
    private final LongAdder waited = new LongAdder();
    private final LongAdder restarts = new LongAdder();
    private final Map<String, Long> reasons = new TreeMap<>(); // guarded by itself
    private volatile String lastRestart;

    Tally(Workers workers, String name) {
        this.workers = workers;
        this.name = name;
    }

    void ran(long nanos) {
        calls.increment();
        run.add(nanos);
    }

    void waited(long nanos) {
        waits.increment();
        waited.add(nanos);
    }

    void restarts(Worker worker, String why) {
        restarts.increment();
        synchronized (reasons) {
            reasons.merge(reasons.size() < MOST_REASONS || reasons.containsKey(why) ? why : "other", 1L, Long::sum);
        }
        lastRestart = "worker " + worker.number + ": " + why;
        Events.restarts(worker, why);
    }

    /** Registers the bean, somewhat later, since that takes longer than a first call. Called now and then by the keeper. */
    void look() {
        Events.look(workers, this);
        String wanted = System.getProperty(Monitor.MXBEAN, "");
        if (tried || wanted.equals("false") || !wanted.equals("true") && System.nanoTime() - born < LATER_NANOS) {
            return;
        }
        tried = true;
        try {
            ManagementFactory.getPlatformMBeanServer().registerMBean(this, objectName());
            registered = true;
        } catch (JMException | RuntimeException | LinkageError e) {
            NativeLoader.progress("JMX does not show the pool " + name + ": " + e, false);
        }
    }

    void close() {
        Events.close(workers);
        if (!registered) {
            return;
        }
        try {
            ManagementFactory.getPlatformMBeanServer().unregisterMBean(objectName());
        } catch (JMException | RuntimeException e) {
            NativeLoader.progress("JMX goes on showing the pool " + name + ": " + e, false);
        }
    }

    private ObjectName objectName() throws JMException {
        return new ObjectName(NAME + ",name=" + name);
    }

    @Override
    public int getWorkers() {
        return workers.count(Workers.Counted.WORKERS);
    }

    @Override
    public int getBusy() {
        return workers.count(Workers.Counted.BUSY);
    }

    @Override
    public int getQueued() {
        return workers.count(Workers.Counted.QUEUED);
    }

    @Override
    public long getCalls() {
        return calls.sum();
    }

    @Override
    public long getWaits() {
        return waits.sum();
    }

    @Override
    public long getWaitedNanos() {
        return waited.sum();
    }

    @Override
    public long getRunNanos() {
        return run.sum();
    }

    @Override
    public long getRestarts() {
        return restarts.sum();
    }

    @Override
    public Map<String, Long> getRestartReasons() {
        synchronized (reasons) {
            return new TreeMap<>(reasons);
        }
    }

    @Override
    public String getLastRestart() {
        return lastRestart;
    }

    @Override
    public Map<String, Long> getResidentBytes() {
        Map<String, Long> resident = new TreeMap<>();
        for (Worker worker : workers.ready()) {
            resident.put(String.valueOf(worker.number), worker.process.residentBytes());
        }
        return resident;
    }

    @Override
    public String getStart() {
        return workers.howStarted();
    }
}
