// SPDX-License-Identifier: Apache-2.0
// Runs every row on every peer, each in a JVM of its own, in rounds so that what else the machine
// does hits all of them alike. Gradle tells it how to start the peers; Report makes the table.
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
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
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
        final List<Double> rounds = new ArrayList<>(); // the median of each round
        String allocated = "";
        String remark = "";
        String failure;

        double median() {
            return samples.isEmpty() ? Double.NaN : Driver.median(samples);
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
            String why = settings.getProperty(peer + ".skipped");
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
                for (String peer : peers) {
                    if (round > Integer.parseInt(settings.getProperty(peer + ".rounds", "9"))) {
                        continue;
                    }
                    System.err.printf("round %d of %d: %s: %s%n", round, rounds, peer,
                            together.size() < 4 ? together : together.size() + " rows from " + together.get(0));
                    if (together.get(0).equals("start")) {
                        start(peer);
                    } else {
                        measure(peer, together);
                    }
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

    // ---- one child ----

    private void measure(String peer, List<String> rows) throws Exception {
        List<String> left = new ArrayList<>(rows);
        if (settings.containsKey(peer + ".rows")) { // rows that this peer has nothing for
            Pattern offered = Pattern.compile(settings.getProperty(peer + ".rows"));
            left.removeIf(row -> !offered.matcher(row).find());
        }
        // A row that failed in one round is not tried again: a peer that hangs would take its time limit each round.
        left.removeIf(row -> measured(row, peer).failure != null);
        while (!left.isEmpty()) {
            int before = left.size();
            child(peer, left);
            if (left.size() == before) {
                throw new IllegalStateException("no progress with " + peer + " " + left);
            }
        }
    }

    private Measured measured(String row, String peer) {
        return measured.get(row).computeIfAbsent(peer, p -> new Measured());
    }

    /** Takes from the list what it has done. */
    private void child(String peer, List<String> left) throws Exception {
        boolean own = settings.containsKey(peer + ".program"); // no JVM
        List<String> command = own
                ? words(peer + ".program")
                : java(peer, Rows.needsArrays(left.get(0)), left.get(0).startsWith("memory."), Child.class.getName());
        if (own) {
            command.addAll(Arrays.asList(String.join(",", left), quick ? "0.05" : "0.25", quick ? "3" : "5"));
        } else {
            command.addAll(Arrays.asList(
                    settings.getProperty(peer + ".class"), String.join(",", left), quick ? "quick" : "full"));
        }
        Process process = process(peer, command);
        long limit = TimeUnit.SECONDS.toNanos(left.get(0).startsWith("threads.") ? 20 : quick ? 30 : 60);
        long[] began = {System.nanoTime()};
        String[] current = {left.get(0)};
        Thread watch = new Thread(() -> {
            try {
                while (process.isAlive()) {
                    Thread.sleep(100);
                    if (System.nanoTime() - began[0] > limit) {
                        process.destroyForcibly();
                    }
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        });
        watch.setDaemon(true);
        watch.start();
        try (BufferedReader lines = new BufferedReader(
                new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                String[] fields = line.split("\t", -1);
                if (fields.length < 2 || !left.contains(fields[1])) {
                    continue; // somebody else's output
                }
                Measured row = measured(fields[1], peer);
                began[0] = System.nanoTime();
                switch (fields[0]) {
                    case "BEGIN":
                        current[0] = fields[1];
                        break;
                    case "DONE":
                        done(row, fields);
                        left.remove(fields[1]);
                        break;
                    case "NONE":
                        measured.get(fields[1]).remove(peer);
                        left.remove(fields[1]);
                        break;
                    case "FAIL":
                        row.failure = "fails: " + fields[2];
                        left.remove(fields[1]);
                        break;
                    default:
                }
            }
        }
        boolean late = System.nanoTime() - began[0] > limit;
        int status = process.waitFor();
        if (late || status != 0) {
            measured(current[0], peer).failure = late
                    ? "hangs: nothing after " + TimeUnit.NANOSECONDS.toSeconds(limit) + " s"
                    : "crashes: exit status " + status;
            left.remove(current[0]);
        }
    }

    private static void done(Measured row, String[] fields) {
        List<Double> samples =
                Arrays.stream(fields[3].trim().split(" ")).map(Double::valueOf).collect(Collectors.toList());
        row.samples.addAll(samples);
        row.rounds.add(median(samples));
        row.allocated = fields[2];
        row.remark = fields[4];
    }

    private List<String> java(String peer, boolean arrays, boolean memory, String main) {
        List<String> command = new ArrayList<>();
        command.add(settings.getProperty(peer + ".java"));
        command.addAll(words(peer + ".options"));
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

    // ---- start ----

    /** From nothing to the first statement, several times; for the floor a JVM alone and plain Python. */
    private void start(String peer) throws Exception {
        Measured row = measured("start", peer);
        List<String> command;
        if (settings.containsKey(peer + ".program")) {
            command = new ArrayList<>(words(peer + ".program").subList(0, 1));
            command.addAll(Arrays.asList("-c", "pass"));
        } else {
            command = java(peer, false, false, settings.getProperty(peer + ".start"));
            row.remark = peer.equals("floor") ? "a JVM alone" : row.remark;
        }
        List<Double> samples = new ArrayList<>();
        for (int i = 0; i < (quick ? 4 : 8); i++) {
            long begin = System.nanoTime();
            Process process = process(peer, command);
            String line;
            try (BufferedReader lines = new BufferedReader(
                    new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
                do {
                    line = lines.readLine();
                } while (line != null && !line.equals("started"));
                if (i > 0) { // the first one extracts, compiles and caches
                    samples.add((double) (System.nanoTime() - begin));
                }
            }
            int status = process.waitFor();
            if (status != 0) {
                row.failure = "crashes: exit status " + status;
                return;
            }
        }
        row.samples.addAll(samples);
        row.rounds.add(median(samples));
    }

    static double median(List<Double> values) {
        double[] sorted = values.stream().mapToDouble(Double::doubleValue).sorted().toArray();
        int middle = sorted.length / 2;
        return sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }
}
