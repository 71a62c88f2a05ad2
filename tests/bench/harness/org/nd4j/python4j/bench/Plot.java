// SPDX-License-Identifier: Apache-2.0
// Two pictures, as SVG by hand: the time of each row on each peer, and the time per element as
// values grow. Both axes that show time are logarithmic.
package org.nd4j.python4j.bench;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.nd4j.python4j.bench.Driver.Measured;

/** Draws. */
final class Plot {

    private static final String[] COLOURS = {"#0b6e4f", "#9aa0a6", "#c2410c", "#1d4ed8", "#7c3aed", "#000000"};

    private final List<String> lines = new ArrayList<>();

    private Plot(int width, int height) {
        lines.add(String.format(
                "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\""
                        + " font-family=\"sans-serif\" font-size=\"12\">",
                width, height, width, height));
        lines.add("<rect width=\"100%\" height=\"100%\" fill=\"white\"/>");
    }

    private void add(String format, Object... values) {
        lines.add(String.format(Locale.ROOT, format, values));
    }

    private List<String> end() {
        lines.add("</svg>");
        return lines;
    }

    private void text(double x, double y, String anchor, String text) {
        add("<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">%s</text>", x, y, anchor, text);
    }

    private void legend(List<String> peers, int x) {
        for (String peer : peers) {
            add("<circle cx=\"%d\" cy=\"16\" r=\"5\" fill=\"%s\"/>", x, colour(peers, peer));
            text(x + 9, 20, "start", peer);
            x += 30 + 7 * peer.length();
        }
    }

    private static String colour(List<String> peers, String peer) {
        return COLOURS[peers.indexOf(peer) % COLOURS.length];
    }

    /** A line for each row, a dot for each peer. */
    static List<String> times(Map<String, Map<String, Measured>> measured, List<String> peers) {
        List<String> rows = new ArrayList<>(measured.keySet());
        rows.removeIf(row -> row.startsWith("memory.") || measured.get(row).isEmpty()
                || row.matches("(longs|strings)\\..*") && Rows.elements(row) % 100_000 != 0
                || row.matches("longs\\..*/10000000"));
        int left = 150;
        int width = 900;
        int height = 50 + 20 * rows.size();
        Plot plot = new Plot(width, height + 20);
        plot.legend(peers, left);
        for (int decade = 0; decade <= 11; decade++) {
            double x = x(Math.pow(10, decade), left, width);
            plot.add("<line x1=\"%.1f\" x2=\"%.1f\" y1=\"30\" y2=\"%d\" stroke=\"#e5e7eb\"/>", x, x, height);
            plot.text(x, height + 14, "middle", Report.time(Math.pow(10, decade)));
        }
        int y = 44;
        for (String row : rows) {
            plot.text(left - 10, y + 4, "end", row);
            for (int i = peers.size() - 1; i >= 0; i--) { // ours last, above the others
                Measured it = measured.get(row).get(peers.get(i));
                if (it != null && it.failure == null && !it.samples.isEmpty()) {
                    plot.add("<circle cx=\"%.1f\" cy=\"%d\" r=\"%d\" fill=\"%s\"><title>%s, %s: %s</title></circle>",
                            x(it.median(), left, width), y, i == 0 ? 6 : 5, colour(peers, peers.get(i)), row,
                            peers.get(i), Report.time(it.median()));
                }
            }
            y += 20;
        }
        return plot.end();
    }

    /** From 1 ns to 100 s. */
    private static double x(double nanos, int left, int width) {
        return left + Math.max(0, Math.log10(nanos)) / 11 * (width - left - 40);
    }

    /** Time per element over the number of elements: a panel for each kind and way, a curve for each peer. */
    static List<String> growth(Map<String, Map<String, Measured>> measured, List<String> peers) {
        Map<String, List<String>> panels = new LinkedHashMap<>();
        for (String row : measured.keySet()) {
            if (row.matches("(longs|strings)\\.(in|out)/\\d+")) {
                panels.computeIfAbsent(row.substring(0, row.indexOf('/')), k -> new ArrayList<>()).add(row);
            }
        }
        Plot plot = new Plot(900, 30 + 270 * ((panels.size() + 1) / 2));
        plot.legend(peers, 60);
        int at = 0;
        for (Map.Entry<String, List<String>> panel : panels.entrySet()) {
            double left = 60 + 440 * (at % 2);
            double bottom = 30 + 270 * (at / 2) + 230;
            at++;
            plot.text(left + 180, bottom - 206, "middle", panel.getKey() + ": ns per element");
            for (int decade = 0; decade <= 5; decade++) {
                double y = bottom - decade * 40;
                plot.add("<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"#e5e7eb\"/>", left, left + 360, y, y);
                plot.text(left - 6, y + 4, "end", Report.number(Math.pow(10, decade)));
            }
            for (int decade = 1; decade <= 7; decade++) {
                plot.text(left + (decade - 1) * 60, bottom + 16, "middle", Report.number(Math.pow(10, decade)));
            }
            for (String peer : peers) {
                plot.curve(measured, panel.getValue(), peer, left, bottom, colour(peers, peer));
            }
        }
        return plot.end();
    }

    private void curve(Map<String, Map<String, Measured>> measured, List<String> rows, String peer,
            double left, double bottom, String colour) {
        StringBuilder points = new StringBuilder();
        rows.stream().sorted((a, b) -> Long.compare(Rows.elements(a), Rows.elements(b))).forEach(row -> {
            Measured it = measured.get(row).get(peer);
            if (it != null && it.failure == null && !it.samples.isEmpty()) {
                double x = left + (Math.log10(Rows.elements(row)) - 1) * 60;
                double y = bottom - Math.log10(Math.max(1, it.median() / Rows.elements(row))) * 40;
                points.append(String.format(Locale.ROOT, "%.1f,%.1f ", x, y));
            }
        });
        add("<polyline points=\"%s\" fill=\"none\" stroke=\"%s\" stroke-width=\"2\"/>", points.toString().trim(), colour);
    }
}
