// SPDX-License-Identifier: Apache-2.0
// What a run found: a table with ratios and which targets were reached on standard output, the
// same with every sample as JSON, and plots. Plot draws those.
package org.nd4j.python4j.bench;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import java.util.function.DoubleFunction;
import java.util.regex.Matcher;
import java.util.stream.Collectors;
import org.nd4j.python4j.bench.Driver.Measured;
import org.nd4j.python4j.bench.Targets.Target;

/** The results in four forms. */
final class Report {

    private final Map<String, Map<String, Measured>> measured;
    private final List<String> peers;
    private final Map<String, String> skipped;
    private final Properties settings;
    private final boolean quick;
    private final int rounds;
    private final Path folder;

    Report(Map<String, Map<String, Measured>> measured, List<String> peers, Map<String, String> skipped,
            Properties settings, boolean quick, int rounds, Path folder) {
        this.measured = measured;
        this.peers = peers;
        this.skipped = skipped;
        this.settings = settings;
        this.quick = quick;
        this.rounds = rounds;
        this.folder = folder;
    }

    private List<String> text() {
        List<String> text = new ArrayList<>();
        text.add(LocalDate.now() + ", " + (quick ? "quick run" : "full run") + ", " + rounds + " round(s); "
                + settings.getProperty("machine"));
        for (String peer : peers) {
            text.add("- " + peer + ": " + settings.getProperty(peer + ".version"));
        }
        skipped.forEach((peer, why) -> text.add("- " + peer + ": skipped, " + why));
        text.add("");
        table(text);
        text.add("");
        targets(text);
        growth(text);
        return text;
    }

    void write() throws IOException {
        Files.write(folder.resolve("table.md"), text(), StandardCharsets.UTF_8);
        Files.write(folder.resolve("results.json"), Collections.singleton(json()), StandardCharsets.UTF_8);
        Files.write(folder.resolve("times.svg"), Plot.times(measured, peers), StandardCharsets.UTF_8);
        Files.write(folder.resolve("growth.svg"), Plot.growth(measured, peers), StandardCharsets.UTF_8);
    }

    void print() throws IOException {
        PrintStream out = new PrintStream(System.out, true, "UTF-8");
        text().forEach(out::println);
        out.println();
        out.println("In " + folder + ": table.md, results.json, times.svg, growth.svg, log/");
    }

    // ---- table ----

    /**
     * For each row the median of all samples, how far the rounds' (in one round, the samples') medians
     * are apart, bytes allocated in Java, and for the others how many times ours it is.
     */
    private void table(List<String> text) {
        List<List<String>> lines = new ArrayList<>();
        List<String> head = new ArrayList<>();
        head.add("row");
        head.addAll(peers);
        lines.add(head);
        List<String> remarks = new ArrayList<>();
        measured.forEach((row, byPeer) -> {
            List<String> line = new ArrayList<>();
            line.add(row);
            Measured ours = byPeer.get(Targets.OURS);
            for (String peer : peers) {
                Measured it = byPeer.get(peer);
                line.add(it == null ? "" : cell(row, it, peer.equals(Targets.OURS) ? null : ours));
                if (it != null && it.failure != null) {
                    remarks.add(row + ", " + peer + " " + it.failure);
                } else if (it != null && !it.remark.isEmpty()) {
                    remarks.add(row + ", " + peer + ": " + it.remark);
                }
            }
            lines.add(line);
        });
        markdown(text, lines);
        text.add("");
        text.add("Median time of a step, +- half the range of the rounds, bytes allocated in Java;"
                + " (x: how many times ours, the median over samples taken in turn)."
                + " Of memory: growth of the process for each step.");
        text.add("");
        remarks.forEach(remark -> text.add("- " + remark));
    }

    /** The first line is the head. */
    private static void markdown(List<String> text, List<List<String>> lines) {
        int[] widths = new int[lines.get(0).size()];
        for (List<String> line : lines) {
            for (int i = 0; i < widths.length; i++) {
                widths[i] = Math.max(widths[i], line.get(i).length());
            }
        }
        for (int at = 0; at < lines.size(); at++) {
            StringBuilder out = new StringBuilder("|");
            StringBuilder rule = new StringBuilder("|");
            for (int i = 0; i < widths.length; i++) {
                out.append(' ').append(pad(lines.get(at).get(i), widths[i])).append(" |");
                rule.append(" ").append("-".repeat(Math.max(3, widths[i]))).append(" |");
            }
            text.add(out.toString());
            if (at == 0) {
                text.add(rule.toString());
            }
        }
    }

    private static String cell(String row, Measured it, Measured ours) {
        if (it.failure != null) {
            return it.failure.replaceAll(":.*", "");
        }
        double median = it.median();
        String cell = row.startsWith("memory.") ? number(median) + " B" : time(median);
        if (!row.startsWith("memory.")) {
            cell += " +-" + Math.round(100 * spread(it)) + "%";
        }
        if (!it.allocated.isEmpty()) {
            cell += " " + size(Double.parseDouble(it.allocated));
        }
        if (ours != null && ours.failure == null && !ours.samples.isEmpty() && !row.startsWith("memory.")) {
            cell += " (" + number(ours.ratio(it)) + "x)";
        }
        return cell;
    }

    private static double spread(Measured it) {
        List<Double> values = it.rounds.size() == 1 ? it.samples
                : it.rounds.stream().map(Driver::median).collect(Collectors.toList());
        return (Collections.max(values) - Collections.min(values)) / 2 / it.median();
    }

    // ---- targets ----

    private void targets(List<String> text) {
        List<List<String>> lines = new ArrayList<>();
        for (Target target : new Targets().all()) {
            for (String row : measured.keySet()) {
                Matcher matcher = target.rows.matcher(row);
                if (!matcher.matches()) {
                    continue;
                }
                String against = target.row == null ? row : matcher.replaceAll(target.row);
                double ours = value(row, Targets.OURS);
                double other = target.factor == 0 ? 0 : value(against, target.peer);
                if (Double.isNaN(ours) || Double.isNaN(other)) {
                    continue;
                }
                double bound = target.factor * other + target.plus;
                String found = row.startsWith("memory.") ? number(ours) + " B" : time(ours) + " of at most " + time(bound);
                String reached = ours <= bound ? "yes" : "NO";
                if (target.factor > 0 && target.plus == 0) {
                    Measured same = target.row == null ? measured.get(row).get(target.peer) : null;
                    List<Double> ratios = same == null
                            ? List.of(other / ours) : measured.get(row).get(Targets.OURS).ratios(same);
                    found = time(ours) + " : " + time(other) + ", " + ratio(target, ratios);
                    reached = Driver.median(ratios) * target.factor >= 1 ? "yes"
                            : limits(ratios)[1] * target.factor >= 1 ? "even" : "NO";
                }
                lines.add(List.of(row, target.words, found, reached));
            }
        }
        // What is to hold of many threads stands in the remarks; the second of a quick run is too short for fairness.
        for (Map.Entry<String, Map<String, Measured>> row : measured.entrySet()) {
            Measured ours = row.getValue().get(Targets.OURS);
            if (ours == null || ours.failure != null || !row.getKey().startsWith("threads.")) {
                continue;
            }
            Matcher said = Probes.THREADS.matcher(ours.remark);
            if (!said.find()) {
                lines.add(List.of(row.getKey(), "a rate and shares", ours.remark, "NO"));
            } else if (!said.group(1).equals("1")) {
                boolean fast = Double.parseDouble(said.group(2)) >= 0.7;
                boolean fair = Double.parseDouble(said.group(3)) >= 0.8 && Double.parseDouble(said.group(4)) <= 1.2
                        && Double.parseDouble(said.group(5)) <= Integer.parseInt(said.group(1));
                lines.add(List.of(row.getKey(), "total >= 0.7x of one thread's rate", ours.remark, fast ? "yes" : "NO"));
                if (!quick) {
                    lines.add(List.of(row.getKey(), "every thread within 20 % of its fair share, p99 <= threads x 1 ms",
                            ours.remark, fair ? "yes" : "NO"));
                }
            }
        }
        Measured cores = measured.getOrDefault("pool.cores", Map.of()).get(Targets.OURS);
        if (cores != null && cores.failure == null) {
            Matcher said = PoolProbes.CORES.matcher(cores.remark);
            boolean fast = said.find() && Double.parseDouble(said.group(1)) >= 1.85;
            lines.add(List.of("pool.cores", "two >= 1.85x of one", cores.remark, fast ? "yes" : "NO"));
        }
        Map<String, Long> count = lines.stream().collect(Collectors.groupingBy(line -> line.get(3), Collectors.counting()));
        text.add("Targets: " + count.getOrDefault("yes", 0L) + " reached, " + count.getOrDefault("NO", 0L) + " missed, "
                + count.getOrDefault("even", 0L) + " even. Ratios of one row are medians over samples taken in turn, so they"
                + " differ from those of the medians beside them; in brackets their 95 % interval in these processes, and even is a bound missed within it.");
        text.add("");
        lines.add(0, List.of("row", "must be", "is", "reached"));
        markdown(text, lines);
    }

    private static String ratio(Target target, List<Double> ratios) {
        double[] limits = limits(ratios);
        boolean faster = target.factor < 1;
        DoubleFunction<String> shown = ratio -> number(faster ? ratio : 1 / ratio);
        String range = limits[0] == limits[1] ? ""
                : " (" + shown.apply(limits[faster ? 0 : 1]) + " to " + shown.apply(limits[faster ? 1 : 0]) + ")";
        return shown.apply(Driver.median(ratios)) + (faster ? "x faster" : "x") + range
                + (faster ? " of at least " : " of at most ") + shown.apply(1 / target.factor) + "x";
    }

    /**
     * Between which of these values the median of all that could have been measured is, with a likelihood of 95 %: as many
     * are left out on each side as of so many coins fall on one of them hardly ever. Of five or less nothing is known: the
     * median twice.
     */
    private static double[] limits(List<Double> values) {
        double[] sorted = values.stream().mapToDouble(Double::doubleValue).sorted().toArray();
        int n = sorted.length;
        int beyond = -1;
        double term = Math.pow(0.5, n);
        for (double tail = term; 2 * tail <= 0.05; tail += term) {
            beyond++;
            term *= (double) (n - beyond) / (beyond + 1);
        }
        double median = Driver.median(values);
        return beyond < 0 ? new double[] {median, median} : new double[] {sorted[beyond], sorted[n - 1 - beyond]};
    }

    // ---- growth ----

    /** Time per element: a line for each kind of value, way and peer, a column for each size. */
    private void growth(List<String> text) {
        long[] sizes = measured.keySet().stream().filter(row -> row.matches("(longs|strings|dicts?)\\..*"))
                .mapToLong(Rows::elements).distinct().sorted().toArray();
        if (sizes.length < 2) {
            return;
        }
        Map<String, List<String>> lines = new LinkedHashMap<>();
        for (String row : measured.keySet()) {
            if (row.matches("(longs|strings|dicts?)\\..*")) {
                for (String peer : peers) {
                    String key = row.substring(0, row.indexOf('/')) + ", " + peer;
                    List<String> line = lines.computeIfAbsent(key, k -> {
                        List<String> cells = new ArrayList<>(Collections.nCopies(sizes.length + 1, ""));
                        cells.set(0, k);
                        return cells;
                    });
                    double nanos = value(row, peer);
                    if (!Double.isNaN(nanos)) {
                        long size = Rows.elements(row);
                        line.set(1 + java.util.Arrays.binarySearch(sizes, size), time(nanos / size));
                    }
                }
            }
        }
        List<List<String>> all = new ArrayList<>(lines.values());
        all.removeIf(line -> line.stream().skip(1).allMatch(String::isEmpty));
        List<String> head = new ArrayList<>();
        head.add("time per element of");
        for (long size : sizes) {
            head.add(String.format(Locale.ROOT, "%,d", size));
        }
        all.add(0, head);
        text.add("");
        markdown(text, all);
    }

    /** NaN where there is none. */
    private double value(String row, String peer) {
        if (peer.equals("floor+cpython")) {
            return value(row, "floor") + value(row, "cpython");
        }
        Measured it = measured.getOrDefault(row, Collections.emptyMap()).get(peer);
        return it == null || it.failure != null ? Double.NaN : it.median();
    }

    // ---- JSON ----

    private String json() {
        StringBuilder out = new StringBuilder("{\n  \"date\": ");
        out.append(quoted(LocalDate.now().toString()));
        out.append(",\n  \"quick\": ").append(quick).append(",\n  \"rounds\": ").append(rounds);
        out.append(",\n  \"machine\": ").append(quoted(settings.getProperty("machine")));
        Map<String, String> versions = new LinkedHashMap<>();
        peers.forEach(peer -> versions.put(peer, settings.getProperty(peer + ".version")));
        skipped.forEach((peer, why) -> versions.put(peer, "skipped, " + why));
        out.append(",\n  \"peers\": {");
        out.append(versions.entrySet().stream()
                .map(e -> "\n    " + quoted(e.getKey()) + ": " + quoted(e.getValue()))
                .collect(Collectors.joining(",")));
        out.append("\n  },\n  \"rows\": {");
        out.append(measured.entrySet().stream()
                .map(e -> "\n    " + quoted(e.getKey()) + ": {" + json(e.getValue()) + "\n    }")
                .collect(Collectors.joining(",")));
        return out.append("\n  }\n}").toString();
    }

    private static String json(Map<String, Measured> byPeer) {
        return byPeer.entrySet().stream()
                .map(e -> "\n      " + quoted(e.getKey()) + ": " + json(e.getValue()))
                .collect(Collectors.joining(","));
    }

    private static String json(Measured it) {
        if (it.failure != null) {
            return "{\"failure\": " + quoted(it.failure) + "}";
        }
        return "{\"median_ns\": " + plain(it.median())
                + ", \"allocated_bytes\": " + (it.allocated.isEmpty() ? "null" : it.allocated)
                + ", \"remark\": " + quoted(it.remark)
                + ", \"samples_ns\": [" + it.samples.stream().map(Report::plain).collect(Collectors.joining(", ")) + "]}";
    }

    private static String plain(double value) {
        return Double.isNaN(value) ? "null" : String.format(Locale.ROOT, "%.3f", value);
    }

    private static String quoted(String text) {
        StringBuilder out = new StringBuilder("\"");
        for (char c : String.valueOf(text).toCharArray()) {
            if (c == '"' || c == '\\') {
                out.append('\\').append(c);
            } else if (c < ' ') {
                out.append(String.format("\\u%04x", (int) c));
            } else {
                out.append(c);
            }
        }
        return out.append('"').toString();
    }

    // ---- words ----

    static String time(double nanos) {
        return nanos < 1e3 ? number(nanos) + " ns"
                : nanos < 1e6 ? number(nanos / 1e3) + " us"
                : nanos < 1e9 ? number(nanos / 1e6) + " ms" : number(nanos / 1e9) + " s";
    }

    private static String size(double bytes) {
        return bytes < 1e3 ? number(bytes) + " B" : bytes < 1e6 ? number(bytes / 1e3) + " kB" : number(bytes / 1e6) + " MB";
    }

    /** Three digits. */
    static String number(double value) {
        double size = Math.abs(value);
        return String.format(Locale.ROOT, size >= 100 ? "%,.0f" : size >= 10 ? "%.1f" : "%.2f", value)
                .replaceAll("(\\.\\d*?)0+$", "$1")
                .replaceAll("\\.$", "");
    }

    private static String pad(String text, int width) {
        return text + " ".repeat(Math.max(0, width - text.length()));
    }
}
