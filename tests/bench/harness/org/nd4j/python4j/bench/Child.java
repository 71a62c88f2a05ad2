// SPDX-License-Identifier: Apache-2.0
// A JVM that measures rows of one peer. It works when the driver gives it a line with a row (and
// how many samples of how many ms, which it knows): one begins the row, and each sample waits for one more. Its answers are READY for the next
// sample, DONE, SLOW (ran a few times), NONE (not offered) and FAIL.
package org.nd4j.python4j.bench;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import org.openjdk.jmh.profile.GCProfiler;
import org.openjdk.jmh.results.BenchmarkResult;
import org.openjdk.jmh.results.IterationResult;
import org.openjdk.jmh.results.Result;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;
import org.openjdk.jmh.runner.options.VerboseMode;

/** The program of a child. */
public final class Child {

    private static final BufferedReader TURNS = new BufferedReader(new InputStreamReader(System.in));

    private Child() {}

    /** Arguments: the peer's class, quick or full. */
    public static void main(String[] arguments) throws IOException {
        boolean quick = arguments[1].equals("quick");
        while (true) {
            String row = turn();
            try {
                say("DONE", row, Probes.has(row)
                        ? Probes.run(Peer.of(arguments[0]), row, quick)
                        : loop(arguments[0], row, quick));
            } catch (Throwable e) {
                Loop.Slow slow = cause(e, Loop.Slow.class);
                if (slow != null) {
                    say("SLOW", row, "", slow.nanos, slow.remark);
                } else if (cause(e, Peer.NotOffered.class) != null || cause(e, ClassCastException.class) != null) {
                    say("NONE", row);
                } else {
                    e.printStackTrace();
                    say("FAIL", row, root(e).toString().replaceAll("\\s+", " "));
                }
            }
        }
    }

    /** Waits for the next line and gives its row; where there is none, this is over. */
    static String turn() throws IOException {
        String line = TURNS.readLine();
        if (line == null) {
            Runtime.getRuntime().halt(0); // nobody measures the end, and some peers take long for it
        }
        return line.split("\t")[0];
    }

    private static Object[] loop(String className, String row, boolean quick) throws Exception {
        RunResult result = new Runner(new OptionsBuilder()
                        .include("\\." + Loop.class.getSimpleName() + "\\.step$")
                        .param("className", className)
                        .param("row", row)
                        .param("quick", String.valueOf(quick))
                        .forks(0)
                        // A peer with a compiler of its own asks for more.
                        .warmupIterations((quick ? 1 : 4) * Integer.getInteger("bench.warmup", 1))
                        .warmupTime(TimeValue.milliseconds(250))
                        .measurementIterations(Rows.samples(row, quick))
                        .measurementTime(TimeValue.milliseconds(Rows.millis(row, quick)))
                        .shouldFailOnError(true)
                        .verbosity(VerboseMode.SILENT)
                        .addProfiler(GCProfiler.class)
                        .build())
                .run()
                .iterator()
                .next();
        List<Double> samples = new ArrayList<>();
        for (BenchmarkResult benchmark : result.getBenchmarkResults()) {
            for (IterationResult iteration : benchmark.getIterationResults()) {
                samples.add(iteration.getPrimaryResult().getScore());
            }
        }
        String allocated = "";
        for (Result<?> secondary : result.getSecondaryResults().values()) {
            if (secondary.getLabel().endsWith("gc.alloc.rate.norm")) {
                allocated = String.valueOf(Math.round(secondary.getScore()));
            }
        }
        return new Object[] {allocated, samples.stream().map(String::valueOf).collect(Collectors.joining(" ")), ""};
    }

    /** Fields: what, row, bytes allocated per step, samples in ns separated by blanks, a remark. */
    static void say(String what, String row, Object... fields) {
        StringBuilder line = new StringBuilder(what).append('\t').append(row);
        for (Object field : fields) {
            line.append('\t').append(field);
        }
        System.out.println(line);
        System.out.flush();
    }

    private static <T extends Throwable> T cause(Throwable e, Class<T> type) {
        for (Throwable at = e; at != null; at = at.getCause()) {
            if (type.isInstance(at)) {
                return type.cast(at);
            }
            for (Throwable suppressed : at.getSuppressed()) { // where JMH puts them
                T found = cause(suppressed, type);
                if (found != null) {
                    return found;
                }
            }
        }
        return null;
    }

    private static Throwable root(Throwable e) {
        Throwable root = e.getSuppressed().length > 0 ? e.getSuppressed()[0] : e;
        while (root.getCause() != null) {
            root = root.getCause();
        }
        return root;
    }
}
