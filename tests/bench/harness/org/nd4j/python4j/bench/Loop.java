// SPDX-License-Identifier: Apache-2.0
// The one benchmark that JMH knows: a step of a row, on a peer. Which rows there are stands in
// Rows; Child runs this for each row that the driver asks for.
package org.nd4j.python4j.bench;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.infra.IterationParams;
import org.openjdk.jmh.runner.IterationType;

/** A step in a loop. JMH needs the class public and not final. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class Loop {

    /** Longer ones are run only a few times. */
    private static final long SLOW_NANOS = TimeUnit.SECONDS.toNanos(1);

    /** And these once. */
    private static final long TOO_SLOW_NANOS = TimeUnit.SECONDS.toNanos(8);

    /** Thrown in place of running a slow step in a loop. */
    static final class Slow extends RuntimeException {
        private static final long serialVersionUID = 1L;
        final double nanos;
        final String remark;

        Slow(double nanos, String remark) {
            this.nanos = nanos;
            this.remark = remark;
        }
    }

    @Param("")
    public String className;

    @Param("")
    public String row;

    @Param("false")
    public boolean quick;

    private Peer peer;
    private Peer.Step step;

    @Setup
    public void open() throws Exception {
        peer = Peer.of(className);
        if (Rows.outside(row)) {
            peer.prepare();
        } else {
            peer.open();
        }
        step = new Rows(quick).all().get(row).prepare(peer);
        double first = nanos(step);
        if (first > TOO_SLOW_NANOS) {
            throw new Slow(first, "one run");
        }
        List<Double> runs = new ArrayList<>();
        do {
            runs.add(nanos(step));
        } while (runs.get(runs.size() - 1) > SLOW_NANOS && runs.size() < (quick ? 1 : 3));
        if (runs.get(runs.size() - 1) > SLOW_NANOS) {
            throw new Slow(Driver.median(runs), runs.size() + " runs after one");
        }
    }

    private static double nanos(Peer.Step step) throws Exception {
        long start = System.nanoTime();
        step.run();
        return System.nanoTime() - start;
    }

    /** Warm-up goes through; each sample waits for its turn, which JMH does not time. */
    @Setup(Level.Iteration)
    public void await(IterationParams iteration) throws IOException {
        if (iteration.getType() == IterationType.MEASUREMENT) {
            Child.say("READY", row);
            Child.turn();
        }
    }

    @TearDown
    public void close() throws Exception {
        if (!Rows.outside(row)) {
            peer.close();
        }
    }

    @Benchmark
    public Object step() throws Exception {
        return step.run();
    }
}
