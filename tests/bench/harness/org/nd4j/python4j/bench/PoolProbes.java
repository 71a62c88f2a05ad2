// SPDX-License-Identifier: Apache-2.0
// The rows of other processes with Python that are no loop over one step: their start and their end, what they
// make, many cores, and the example that serves a model.
package org.nd4j.python4j.bench;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.ToIntFunction;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** See {@link Probes}. */
final class PoolProbes {

    static final Map<String, Probes.Probe> ALL = new LinkedHashMap<>();

    /** What a remark says of two processes. */
    static final Pattern CORES = Pattern.compile("two processes: ([\\d.]+) of one's rate");

    private static final String BUSY = "sum(i * i for i in range(100_000))";
    private static final int THREADS = 8;
    private static final int REQUESTS = 500; // of each thread

    static {
        sampled("pool.array.made/" + Rows.ARRAY, peer -> {
            Pool pool = peer.pool(1, "import numpy");
            for (int i = 0; i < 5_000; i++) { // so that the code is compiled
                pool.arrayMade(10_000).run();
            }
            return () -> {
                Peer.Step step = pool.arrayMade(Rows.ARRAY);
                System.gc(); // which is asked for now and then, as there are buffers over memory that is not freed yet
                for (int i = 0; i < 10; i++) { // the array has driven all else from the processor's caches
                    pool.arrayMade(10_000).run();
                }
                long begin = System.nanoTime();
                step.run();
                return System.nanoTime() - begin;
            };
        });
        sampled("pool.start", peer -> started(peer.growing("")));
        sampled("pool.start.sklearn", peer -> {
            environment();
            return started(peer.growing("import sklearn.svm, sklearn.pipeline, sklearn.preprocessing"));
        });
        ALL.put("pool.cores", PoolProbes::cores);
        ALL.put("pool.server.sklearn", (peer, quick) -> server(peer, quick, false));
        ALL.put("pool.server.here.sklearn", (peer, quick) -> server(peer, quick, true));
        ALL.put("memory.pool", PoolProbes::renewed);
    }

    private PoolProbes() {}

    /** Prepares a peer, and gives what measures one sample. */
    @FunctionalInterface
    private interface Setup {
        Callable<Long> prepare(Peer peer) throws Exception;
    }

    /** A row of which each sample waits for its turn. */
    private static void sampled(String row, Setup setup) {
        ALL.put(row, (peer, quick) -> {
            Callable<Long> sample = setup.prepare(peer);
            for (int i = 0; i < 5; i++) { // warm
                sample.call();
            }
            List<String> nanos = new ArrayList<>();
            for (int i = 0; i < Rows.samples(row, quick); i++) {
                Child.say("READY", row);
                Child.turn();
                sample.call(); // a process that was stopped wakes up
                nanos.add(String.valueOf(sample.call()));
            }
            return new Object[] {"", String.join(" ", nanos), ""};
        });
    }

    private static Callable<Long> started(Pool pool) {
        return () -> {
            long begin = System.nanoTime();
            Peer.Step end = pool.oneMore();
            long nanos = System.nanoTime() - begin;
            end.run();
            return nanos;
        };
    }

    /** Where scikit-learn is; without it there are no such rows. */
    private static String environment() {
        String environment = System.getProperty("bench.environment", "");
        if (environment.isEmpty()) {
            throw new Peer.NotOffered();
        }
        return environment;
    }

    // ---- cores ----

    @FunctionalInterface
    private interface Work {
        void run() throws Exception;
    }

    /** The time of one piece of work where so many threads do it. */
    private static double nanos(ExecutorService threads, int count, int pieces, Work work) throws Exception {
        long begin = System.nanoTime();
        List<Future<?>> all = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            all.add(threads.submit(() -> {
                for (int piece = 0; piece < pieces; piece++) {
                    work.run();
                }
                return null;
            }));
        }
        for (Future<?> one : all) {
            one.get();
        }
        return (System.nanoTime() - begin) / (double) (count * pieces);
    }

    /** One process, two of them, and two threads in this one, in turn: the machine's pace changes. */
    private static Object[] cores(Peer peer, boolean quick) throws Exception {
        ExecutorService threads = Executors.newCachedThreadPool();
        List<Double> times = new ArrayList<>();
        List<Double> rates = new ArrayList<>();
        List<Double> here = new ArrayList<>();
        try (Pool pool = peer.pool(2, "")) {
            int pieces = quick ? 20 : 50;
            for (int phase = 0; phase < 11; phase++) {
                double one = nanos(threads, 1, pieces, () -> pool.exec(BUSY));
                double two = nanos(threads, 2, pieces, () -> pool.exec(BUSY));
                if (phase > 0) { // after one to warm up
                    times.add(two);
                    rates.add(one / two);
                    double alone = nanos(threads, 1, pieces, () -> peer.once(BUSY));
                    here.add(alone / nanos(threads, 2, pieces, () -> peer.once(BUSY)));
                }
            }
        } finally {
            threads.shutdown();
        }
        String remark = String.format(Locale.ROOT, "two processes: %.2f of one's rate, two threads in this one %.2f",
                Driver.median(rates), Driver.median(here));
        return new Object[] {"", times.stream().map(String::valueOf).collect(Collectors.joining(" ")), remark};
    }

    // ---- the example ----

    /** As ModelServer of the examples: eight threads that ask one model, each for itself. */
    private static Object[] server(Peer peer, boolean quick, boolean here) throws Exception {
        String environment = environment();
        String text = Files.readString(Path.of(System.getProperty("bench.model")));
        ToIntFunction<double[]> model = peer.model(environment, text, "classify", here);
        double[][] pictures = new Random(1).doubles(64 * 64L, 0, 16).boxed().collect(Collectors.collectingAndThen(
                Collectors.toList(), all -> Stream.iterate(0, i -> i + 64).limit(64)
                        .map(i -> all.subList(i, i + 64).stream().mapToDouble(x -> x).toArray()).toArray(double[][]::new)));
        for (int i = 0; i < 200; i++) {
            model.applyAsInt(pictures[i % pictures.length]);
        }
        int requests = quick ? REQUESTS / 5 : REQUESTS;
        long[] nanos = new long[THREADS * requests];
        ExecutorService threads = Executors.newFixedThreadPool(THREADS);
        long begin = System.nanoTime();
        List<Future<?>> clients = new ArrayList<>();
        for (int client = 0; client < THREADS; client++) {
            int from = client * requests;
            clients.add(threads.submit(() -> {
                for (int i = from; i < from + requests; i++) {
                    long asked = System.nanoTime();
                    model.applyAsInt(pictures[i % pictures.length]);
                    nanos[i] = System.nanoTime() - asked;
                }
            }));
        }
        for (Future<?> client : clients) {
            client.get();
        }
        double each = (System.nanoTime() - begin) / (double) nanos.length;
        threads.shutdown();
        Arrays.sort(nanos);
        return new Object[] {"", each, String.format(Locale.ROOT, "%.0f requests/s, p50 %.2f ms, p99 %.2f ms",
                1e9 / each, nanos[nanos.length / 2] / 1e6, nanos[nanos.length * 99 / 100] / 1e6)};
    }

    // ---- one process after the other ----

    /** Each call has a new process: the growth of this one for each, after the first fifth. */
    private static Object[] renewed(Peer peer, boolean quick) throws Exception {
        int steps = quick ? 100 : 1_000;
        long[] first = {};
        long[] last = {};
        try (Pool pool = peer.renewed()) {
            for (int i = 1; i <= steps; i++) {
                pool.exec("x = 1");
                if (i == steps / 5 || i == steps) {
                    for (int time = 0; time < 3; time++) {
                        System.gc();
                        Thread.sleep(100); // what ends then has ended
                    }
                    last = new long[] {Probes.residentBytes(), count("fd"), count("task")};
                    first = first.length == 0 ? last : first;
                }
            }
        }
        String remark = String.format(Locale.ROOT, "%.1f MB, %d files and %d threads more after %,d more processes",
                (last[0] - first[0]) / 1048576.0, last[1] - first[1], last[2] - first[2], steps - steps / 5);
        if (last[1] > first[1] + 2 || last[2] > first[2] + 2) {
            throw new IllegalStateException(remark);
        }
        return new Object[] {"", (double) (last[0] - first[0]) / (steps - steps / 5), remark};
    }

    private static long count(String what) throws Exception {
        try (Stream<Path> entries = Files.list(Path.of("/proc/self/" + what))) {
            return entries.count();
        }
    }
}
