// SPDX-License-Identifier: Apache-2.0
// The rows that are no loop over one step: many threads, memory over many steps, and the start.
package org.nd4j.python4j.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.regex.Pattern;

/** Measures what JMH does not. */
final class Probes {

    @FunctionalInterface
    interface Probe {
        /** Bytes allocated, samples, remark, as in {@link Child}. */
        Object[] run(Peer peer, boolean quick) throws Exception;
    }

    /** Threads, rate, least and greatest share, p99 in ms: what a row's remark says of them. */
    static final Pattern THREADS = Pattern.compile(
            "(\\d+) threads: ([\\d.]+) of one's rate, shares ([\\d.]+) to ([\\d.]+) of the fair one, p99 ([\\d.]+) ms");

    /** How often one thread alone and all of them take turns. */
    private static final int PHASES = 10;

    private static final Map<String, Probe> ALL = new LinkedHashMap<>();

    static {
        for (int threads : new int[] {1, 2, 8, 64}) {
            ALL.put("threads." + threads, (peer, quick) -> threads(peer, threads, quick));
        }
        ALL.put("memory.exec", (peer, quick) -> memory(peer, 1_000_000, quick, i -> peer.ints(i, 1)));
        ALL.put("memory.objects", (peer, quick) -> memory(peer, 1_000_000, quick, i -> peer.object(false)));
        ALL.put("memory.frames", (peer, quick) -> memory(peer, 1_000_000, quick, i -> peer.object(true)));
        ALL.put("memory.array", (peer, quick) -> {
            Object[] array = {null};
            return memory(peer, 1_000, quick, i -> {
                if (array[0] == null) {
                    array[0] = peer.array(1_000_000);
                }
                peer.putArray(array[0]);
                peer.exec("v = v + 1"); // a new one, which Java takes over and forgets
                peer.getArray();
            });
        });
        ALL.putAll(PoolProbes.ALL);
    }

    private Probes() {}

    static Iterable<String> names() {
        return Collections.unmodifiableSet(ALL.keySet());
    }

    static boolean has(String row) {
        return ALL.containsKey(row);
    }

    static Object[] run(Peer peer, String row, boolean quick) throws Exception {
        return ALL.get(row).run(peer, quick);
    }

    // ---- threads ----

    /** How many workers may go on. */
    private static final class Gate {
        /** Whether what they do is counted. */
        volatile boolean counting;
        private volatile int open = Integer.MAX_VALUE;
        private int waiting;

        /** Comes back when the others wait, or after a second. */
        synchronized void open(int workers, int all) throws InterruptedException {
            open = workers;
            notifyAll();
            long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(1);
            while (waiting != all - workers && System.nanoTime() < end) {
                wait(1);
            }
        }

        boolean isOpen(int worker) {
            return worker < open;
        }

        synchronized void await(int worker) throws InterruptedException {
            waiting++;
            while (!isOpen(worker)) {
                wait();
            }
            waiting--;
        }
    }

    private static final class Worker extends Thread {
        final int[] waits = new int[64 * 8]; // by length, eight to an octave
        final int number;
        final Peer peer;
        final Gate gate;
        final CountDownLatch start;
        volatile boolean stopped;
        final AtomicLong steps = new AtomicLong();
        long longest;
        Exception failure;

        Worker(int number, Peer peer, Gate gate, CountDownLatch start) {
            this.number = number;
            this.peer = peer;
            this.gate = gate;
            this.start = start;
            setDaemon(true);
        }

        @Override
        public void run() {
            try {
                peer.enterThread();
                peer.once();
                start.countDown();
                start.await();
                long before = System.nanoTime();
                while (!stopped) {
                    if (!gate.isOpen(number)) {
                        gate.await(number);
                        before = System.nanoTime();
                    }
                    peer.once();
                    long now = System.nanoTime();
                    if (gate.counting) {
                        waits[bucket(now - before)]++;
                        longest = Math.max(longest, now - before);
                    }
                    before = now;
                    steps.lazySet(steps.get() + 1);
                }
                peer.leaveThread();
            } catch (Exception e) {
                failure = e;
                start.countDown();
            }
        }
    }

    private static int bucket(long nanos) {
        int octave = 63 - Long.numberOfLeadingZeros(nanos | 8);
        return octave << 3 | (int) (nanos >> octave - 3) & 7;
    }

    private static double nanos(int bucket) {
        return (8 + (bucket & 7) + 1) * Math.pow(2, (bucket >> 3) - 3);
    }

    /** All threads, and in between one of them alone: the machine's pace changes, so rates are compared phase by phase. */
    private static Object[] threads(Peer peer, int count, boolean quick) throws Exception {
        peer.open();
        peer.close();
        Gate gate = new Gate();
        CountDownLatch start = new CountDownLatch(count + 1);
        Worker[] workers = new Worker[count];
        for (int i = 0; i < count; i++) {
            workers[i] = new Worker(i, peer, gate, start);
            workers[i].start();
        }
        start.countDown();
        start.await();
        long[] steps = new long[count];
        List<Double> nanos = new ArrayList<>();
        List<Double> rates = new ArrayList<>();
        for (int phase = 0; phase < PHASES; phase++) {
            gate.open(1, count);
            double alone = phase(Arrays.copyOf(workers, 1), quick ? 20 : 100, new long[1]);
            gate.open(count, count);
            gate.counting = true;
            double together = phase(workers, (quick ? 1_000 : 5_000) / PHASES, steps);
            gate.counting = false;
            nanos.add(together);
            rates.add(alone / together);
        }
        for (Worker worker : workers) {
            worker.stopped = true;
        }
        int[] waits = new int[64 * 8];
        long longest = 0;
        for (Worker worker : workers) {
            worker.join(TimeUnit.SECONDS.toMillis(20));
            if (worker.failure != null) {
                throw worker.failure;
            }
            for (int i = 0; i < waits.length; i++) {
                waits[i] += worker.waits[i];
            }
            longest = Math.max(longest, worker.longest);
        }
        double fair = (double) Arrays.stream(steps).sum() / count;
        String remark = String.format(Locale.ROOT,
                "%d threads: %.2f of one's rate, shares %.2f to %.2f of the fair one, p99 %.3f ms, longest %.1f ms",
                count, Driver.median(rates), Arrays.stream(steps).min().getAsLong() / fair,
                Arrays.stream(steps).max().getAsLong() / fair, quantile(waits, 0.99) / 1e6, longest / 1e6);
        return new Object[] {"", Driver.median(nanos), remark};
    }

    /** Looks at workers for a while, adds up what each did, and says how long one step of all together took. */
    private static double phase(Worker[] workers, int millis, long[] steps) throws InterruptedException {
        long begin = System.nanoTime();
        long[] before = Arrays.stream(workers).mapToLong(worker -> worker.steps.get()).toArray();
        Thread.sleep(millis);
        long all = 0;
        for (int i = 0; i < workers.length; i++) {
            long done = workers[i].steps.get() - before[i];
            steps[i] += done;
            all += done;
        }
        return (double) (System.nanoTime() - begin) / all;
    }

    private static double quantile(int[] waits, double q) {
        long left = (long) (Arrays.stream(waits).asLongStream().sum() * q);
        for (int i = 0; i < waits.length; i++) {
            left -= waits[i];
            if (left < 0) {
                return nanos(i);
            }
        }
        return 0;
    }

    // ---- memory ----

    @FunctionalInterface
    private interface Action {
        void run(int i) throws Exception;
    }

    /** The growth of the process, after the first fifth of the steps, in bytes for each step. */
    private static Object[] memory(Peer peer, int steps, boolean quick, Action action) throws Exception {
        peer.open();
        int all = quick ? steps / 10 : steps;
        int slices = 10;
        long first = 0;
        long last = 0;
        for (int slice = 0; slice < slices; slice++) {
            for (int i = 0; i < all / slices; i++) {
                action.run(i);
            }
            for (int i = 0; i < 3; i++) { // what Java forgot goes, and with it what that held in Python
                System.gc();
                Thread.sleep(50);
                peer.exec("x = 1");
            }
            last = residentBytes();
            if (slice == 1) {
                first = last;
            }
        }
        String remark = String.format(Locale.ROOT, "%.1f MB more after %,d more steps (of %.1f MB)",
                (last - first) / 1048576.0, all / slices * (slices - 2), last / 1048576.0);
        return new Object[] {"", (double) (last - first) / (all / slices * (slices - 2)), remark};
    }

    static long residentBytes() throws IOException {
        List<String> status = Files.readAllLines(Paths.get("/proc/self/status"));
        for (String line : status) {
            if (line.startsWith("VmRSS:")) {
                return Long.parseLong(line.replaceAll("\\D", "")) * 1024;
            }
        }
        throw new IOException("no VmRSS in /proc/self/status");
    }
}
