// SPDX-License-Identifier: Apache-2.0
// Runs every row on every peer, each in a JVM of its own. They are alive together and measure in turn,
// one sample each, so that what else the machine does hits all of them alike. Gradle tells it how to
// start the peers; Report makes the table.
package org.nd4j.python4j.bench;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * The program that {@code ./gradlew bench} starts. Its arguments are a properties file that names the
 * peers and how to start them, the folder for results, and options: {@code quick}, {@code only=REGEX},
 * {@code peers=a,b}, {@code rounds=N}.
 */
public final class Driver {

    /** What came out of one peer and row, over all rounds. */
    static final class Measured {
        final List<Double> samples = new ArrayList<>(); // ns
        final List<List<Double>> rounds = new ArrayList<>(); // the same, by round
        String allocated = "";
        String remark = "";
        String failure;

        double median() {
            return samples.isEmpty() ? Double.NaN : Driver.median(samples);
        }

        void add(List<Double> round) {
            samples.addAll(round);
            rounds.add(round);
        }

        /** How many times this one's time the other's is, in the same row. */
        double ratio(Measured other) {
            return Driver.median(ratios(other));
        }

        /**
         * The same for each pair of samples that were taken one right after the other. Where there are none, as
         * when a step is so slow that it ran a few times only, that of the medians alone.
         */
        List<Double> ratios(Measured other) {
            List<Double> ratios = new ArrayList<>();
            for (int round = 0; round < Math.min(rounds.size(), other.rounds.size()); round++) {
                List<Double> mine = rounds.get(round);
                List<Double> its = other.rounds.get(round);
                for (int i = 0; i < mine.size() && mine.size() == its.size(); i++) {
                    ratios.add(its.get(i) / mine.get(i));
                }
            }
            return ratios.isEmpty() ? List.of(other.median() / median()) : ratios;
        }
    }

    /** A process that measures, see {@link Child}. */
    private static final class Live {
        final Process process;
        final BufferedReader answers;

        Live(Process process) {
            this.process = process;
            answers = lines(process);
        }
    }

    private final Properties settings = new Properties();
    private final Path results;
    private final boolean quick;
    private final Rows all;
    private final Pattern only;
    private final int rounds;
    private final List<String> peers;
    private final Map<String, String> skipped = new LinkedHashMap<>();
    private final Map<String, Map<String, Measured>> measured = new LinkedHashMap<>(); // row, peer
    private final Map<String, Live> children = new ConcurrentHashMap<>(); // by peer

    private Driver(String[] arguments) throws IOException {
        try (Reader reader = Files.newBufferedReader(Paths.get(arguments[0]))) {
            settings.load(reader);
        }
        results = Paths.get(arguments[1]);
        Map<String, String> options = Arrays.stream(arguments)
                .skip(2)
                .map(option -> option.split("=", 2))
                .collect(Collectors.toMap(o -> o[0], o -> o.length > 1 ? o[1] : ""));
        quick = options.containsKey("quick");
        all = new Rows(quick);
        only = Pattern.compile(options.getOrDefault("only", ""));
        rounds = Integer.parseInt(options.getOrDefault("rounds", quick ? "1" : "2"));
        List<String> wanted = Arrays.asList(options.getOrDefault("peers", settings.getProperty("peers")).split(","));
        peers = new ArrayList<>();
        for (String peer : settings.getProperty("peers").split(",")) {
            String slow = quick && !options.containsKey("peers") ? settings.getProperty(peer + ".slow") : null;
            String why = settings.getProperty(peer + ".skipped", slow);
            if (wanted.contains(peer) && why != null) {
                skipped.put(peer, why);
            } else if (wanted.contains(peer)) {
                peers.add(peer);
            }
        }
    }

    public static void main(String[] arguments) throws Exception {
        Driver driver = new Driver(arguments);
        Files.createDirectories(driver.results.resolve("log"));
        Runtime.getRuntime().addShutdownHook(new Thread(() -> driver.peers.forEach(driver::end)));
        driver.run();
        driver.report(driver.rounds).print();
    }

    private Report report(int done) throws IOException {
        Report report = new Report(measured, peers, skipped, settings, quick, done, results);
        report.write();
        return report;
    }

    private void run() throws Exception {
        List<String> rows = new ArrayList<>(all.all().keySet());
        Probes.names().forEach(rows::add);
        rows.add("start");
        rows.removeIf(row -> !only.matcher(row).find());
        if (quick && only.pattern().isEmpty()) { // how cost grows is for those who ask
            rows.removeIf(all::growth);
            rows.removeIf(row -> row.startsWith("memory."));
        }
        rows.forEach(row -> measured.put(row, new LinkedHashMap<>()));
        for (int round = 1; round <= rounds; round++) {
            for (List<String> together : portions(rows)) {
                if (round > 1 && (all.growth(together.get(0)) || together.get(0).startsWith("memory."))) {
                    continue; // the shape of a curve needs no second look
                }
                System.err.printf("round %d of %d: %s%n", round, rounds,
                        together.size() < 4 ? together : together.size() + " rows from " + together.get(0));
                if (together.get(0).equals("start")) {
                    start(round);
                } else {
                    measure(together, round);
                }
            }
            report(round); // so that a run that is ended has something to show
        }
    }

    /**
     * Rows that share a JVM: all of a quick run, otherwise those of one kind. Those that need other
     * class paths or a JVM of their own never do.
     */
    private List<List<String>> portions(List<String> rows) {
        Map<String, List<String>> portions = new LinkedHashMap<>();
        for (String row : rows) {
            String key = row.equals("start") || Probes.has(row) || Rows.outside(row) ? row
                    : Rows.needsArrays(row) ? "array" : quick ? "" : (all.growth(row) ? "growth " : "") + row.split("[./]")[0];
            portions.computeIfAbsent(key, k -> new ArrayList<>()).add(row);
        }
        return new ArrayList<>(portions.values());
    }

    // ---- the children ----

    /** Sample by sample: in each pass the peers have one turn each, and only the one whose turn it is works. */
    private void measure(List<String> rows, int round) throws Exception {
        for (String row : rows) {
            List<String> left = offering(row, round);
            for (int pass = 0; !left.isEmpty(); pass++) {
                List<String> order = new ArrayList<>(left);
                Collections.rotate(order, pass); // nobody is always the first
                for (String peer : order) {
                    if (!turn(peer, row)) {
                        left.remove(peer);
                    }
                }
            }
        }
        peers.forEach(this::end);
    }

    /**
     * The peers that have something for a row and rounds left. One that failed is not asked again: if it hangs,
     * it would take its time limit each round.
     */
    private List<String> offering(String row, int round) {
        List<String> offering = new ArrayList<>(peers);
        offering.removeIf(peer -> round > Integer.parseInt(settings.getProperty(peer + ".rounds", "9"))
                || !Pattern.compile(settings.getProperty(peer + ".rows", "")).matcher(row).find()
                || measured(row, peer).failure != null);
        return offering;
    }

    private Measured measured(String row, String peer) {
        return measured.get(row).computeIfAbsent(peer, p -> new Measured());
    }

    /** Lets a peer work until it is ready for its next sample, or is done with the row: then this is false. */
    private boolean turn(String peer, String row) throws Exception {
        if (!children.containsKey(peer)) {
            children.put(peer, new Live(process(peer, command(peer, row))));
        }
        Process process = children.get(peer).process;
        signal("-CONT", process);
        int limit = row.startsWith("threads.") ? 20 : quick ? 30 : 60;
        CompletableFuture<Void> late = new CompletableFuture<Void>().completeOnTimeout(null, limit, TimeUnit.SECONDS);
        late.thenRun(process::destroyForcibly);
        String[] answer = answer(children.get(peer), row);
        boolean inTime = late.cancel(false);
        Measured it = measured(row, peer);
        switch (answer[0]) {
            case "READY":
                break;
            case "DONE":
            case "SLOW":
                it.add(Arrays.stream(answer[3].split(" ")).map(Double::valueOf).collect(Collectors.toList()));
                it.allocated = answer[2];
                it.remark = answer[4];
                break;
            case "NONE":
                measured.get(row).remove(peer);
                break;
            case "FAIL":
                it.failure = "fails: " + answer[2];
                break;
            default:
                it.failure = inTime
                        ? "crashes: " + (process.waitFor(limit, TimeUnit.SECONDS) ? "exit status " + process.exitValue() : "says no more")
                        : "hangs: nothing after " + limit + " s";
        }
        if (!answer[0].equals("READY") && (Probes.has(row) || !answer[0].equals("DONE"))) { // was to be alone, or is not closed
            end(peer);
        } else {
            signal("-STOP", process);
        }
        return answer[0].equals("READY");
    }

    /** What a child says of a row when it is told to begin or go on with it; END if it says no more. */
    private String[] answer(Live child, String row) {
        String turn = row + "\t" + Rows.samples(row, quick) + "\t" + Rows.millis(row, quick) + "\n";
        try {
            child.process.getOutputStream().write(turn.getBytes(StandardCharsets.UTF_8));
            child.process.getOutputStream().flush();
            for (String line = child.answers.readLine(); line != null; line = child.answers.readLine()) {
                String[] fields = line.split("\t", -1);
                if (fields.length > 1 && fields[1].equals(row)) { // otherwise somebody else's output
                    return fields;
                }
            }
        } catch (IOException e) {
            // It ended before it was told.
        }
        return new String[] {"END"};
    }

    /** Stops a child, or lets it go on: to wait is not enough, as compilers and collectors do not. */
    private static void signal(String signal, Process process) throws Exception {
        int status = new ProcessBuilder("kill", signal, String.valueOf(process.pid())).start().waitFor();
        if (status != 0 && process.isAlive()) {
            throw new IllegalStateException("kill " + signal + ": exit status " + status);
        }
    }

    private void end(String peer) {
        Live child = children.remove(peer);
        if (child != null) {
            child.process.destroyForcibly().onExit().join();
        }
    }

    private List<String> command(String peer, String row) {
        if (settings.containsKey(peer + ".program")) { // no JVM
            return words(peer + ".program");
        }
        List<String> command = java(peer, Rows.needsArrays(row), row.startsWith("memory."), Child.class.getName());
        command.addAll(List.of(settings.getProperty(peer + ".class"), quick ? "quick" : "full"));
        return command;
    }

    private List<String> java(String peer, boolean arrays, boolean memory, String main) {
        List<String> command = new ArrayList<>();
        if (memory) { // glibc otherwise keeps freed arrays of some MB, how many depends on their order
            command.addAll(List.of("env", "MALLOC_MMAP_THRESHOLD_=1048576"));
        }
        command.add(settings.getProperty(peer + ".java"));
        command.addAll(words(peer + ".options"));
        command.add("-Djmh.ignoreLock=true"); // it wants to be the only one alive, we see to it that one works
        command.addAll(memory ? Arrays.asList("-Xms1g", "-Xmx1g", "-XX:+AlwaysPreTouch") : Arrays.asList("-Xmx3g"));
        command.add("-XX:ErrorFile=" + results.resolve("log").resolve(peer + "-%p-crash.log"));
        String path = settings.getProperty(peer + ".classpath");
        command.addAll(Arrays.asList("-cp", arrays ? settings.getProperty(peer + ".classpath.arrays", path) : path, main));
        return command;
    }

    private List<String> words(String key) {
        String words = settings.getProperty(key, "").trim();
        return new ArrayList<>(words.isEmpty() ? List.of() : Arrays.asList(words.split(" ")));
    }

    private Process process(String peer, List<String> command) throws IOException {
        ProcessBuilder builder = new ProcessBuilder(command);
        for (String name : settings.stringPropertyNames()) {
            String prefix = peer + ".env.";
            if (name.startsWith(prefix)) {
                builder.environment().put(name.substring(prefix.length()), settings.getProperty(name));
            }
        }
        builder.redirectError(ProcessBuilder.Redirect.appendTo(
                results.resolve("log").resolve(peer + ".log").toFile()));
        return builder.start();
    }

    private static BufferedReader lines(Process process) {
        return new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
    }

    // ---- start ----

    /** From nothing to the first statement, several times in turn; for the floor a JVM alone and plain Python. */
    private void start(int round) throws Exception {
        Map<String, List<Double>> samples = new HashMap<>();
        for (int i = 0; i < (quick ? 4 : 13); i++) {
            for (String peer : offering("start", round)) {
                double nanos = start(peer);
                if (i > 0) { // the first one extracts, compiles and caches
                    samples.computeIfAbsent(peer, p -> new ArrayList<>()).add(nanos);
                }
            }
        }
        samples.forEach((peer, nanos) -> measured("start", peer).add(nanos));
    }

    private double start(String peer) throws Exception {
        Measured it = measured("start", peer);
        List<String> command;
        if (settings.containsKey(peer + ".program")) {
            command = new ArrayList<>(words(peer + ".program").subList(0, 1));
            command.addAll(Arrays.asList("-c", "pass"));
        } else {
            command = java(peer, false, false, settings.getProperty(peer + ".start"));
            it.remark = peer.equals("floor") ? "a JVM alone" : "";
        }
        long begin = System.nanoTime();
        Process process = process(peer, command);
        lines(process).lines().anyMatch("started"::equals); // or the end
        double nanos = System.nanoTime() - begin;
        int status = process.waitFor();
        if (status != 0) {
            it.failure = "crashes: exit status " + status;
        }
        return nanos;
    }

    static double median(List<Double> values) {
        double[] sorted = values.stream().mapToDouble(Double::doubleValue).sorted().toArray();
        int middle = sorted.length / 2;
        return sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }
}
