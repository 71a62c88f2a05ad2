// SPDX-License-Identifier: Apache-2.0
// The one benchmark that JMH knows: a step of a row, on a peer. Which rows there are stands in
// Rows; Child runs this for each row that the driver asks for.
package org.nd4j.python4j.bench;

import java.io.IOException;
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

    /** Longer ones are run once and not again. */
    private static final long SLOW_NANOS = TimeUnit.SECONDS.toNanos(1);

    /** And these not even twice. */
    private static final long TOO_SLOW_NANOS = TimeUnit.SECONDS.toNanos(5);

    /** Thrown in place of running a slow step in a loop. */
    static final class Slow extends RuntimeException {
        private static final long serialVersionUID = 1L;
        final long nanos;

        Slow(long nanos) {
            this.nanos = nanos;
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
        long first = System.nanoTime();
        long nanos;
        do { // a peer with a compiler of its own, which asks for more warm-up, may get faster
            step.run();
            long start = System.nanoTime();
            if (start - first > TOO_SLOW_NANOS) {
                throw new Slow(start - first);
            }
            step.run();
            nanos = System.nanoTime() - start;
        } while (nanos > SLOW_NANOS && Integer.getInteger("bench.warmup", 1) > 1 && System.nanoTime() - first < TOO_SLOW_NANOS);
        if (nanos > SLOW_NANOS) {
            throw new Slow(nanos);
        }
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
