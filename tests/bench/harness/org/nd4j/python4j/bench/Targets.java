// SPDX-License-Identifier: Apache-2.0
// How fast is fast enough: for each row, a bound that another measurement of the same run gives.
// The figures and why they are these stand in docs/performance.md.
package org.nd4j.python4j.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;

/** One bound: ours is to be at most {@code factor} times another peer's time, plus something. */
final class Targets {

    static final class Target {
        final Pattern rows;
        final double factor;
        final String peer;
        final String row; // null for the same one
        final double plus;
        final String words;

        private Target(String rows, double factor, String peer, String row, double plus, String words) {
            this.rows = Pattern.compile(rows);
            this.factor = factor;
            this.peer = peer;
            this.row = row;
            this.plus = plus;
            this.words = words;
        }
    }

    static final String OURS = "ours";
    private static final String JEP = "jep";
    private static final String M21 = "python4j-m2.1";
    private static final String JPYPE = "jpype";
    private static final String GRAAL = "graalpy";
    private static final String FLOOR = "floor";
    private static final String CPYTHON = "cpython";
    private static final String EXECUTOR = "processpool";
    private static final String PY4J = "py4j";

    private final List<Target> all = new ArrayList<>();

    Targets() {
        atMost("lock", 1.5, FLOOR);
        atMost("exec|code", 2, FLOOR);
        atMost("exec", 3, CPYTHON);
        faster("exec", 15, JEP);
        faster("exec", 300, M21);
        atMost("exec.200lines", 1.3, CPYTHON);
        faster("exec.200lines", 100, JEP);
        atMost("exec.new(200)?", 1.2, CPYTHON);
        faster("exec.new(200)?", 1, JEP);
        atMost("ints|str.10", 2.2, FLOOR);
        faster("ints", 12, JEP);
        faster("ints", 200, M21);
        faster("str.10", 8, JEP);
        faster("str.1MB", 8, JEP);
        faster("str.1MB.emoji", 3, JEP);
        atMost("bytes.1MB", 4, FLOOR);
        faster("bytes.1MB", 1, JEP);
        faster("bytes.1MB", 10_000, M21);
        faster("(longs|doubles)\\.(in|out)/1000*", 5, JEP);
        faster("strings\\.(in|out)/1000*", 2.5, JEP);
        faster("(longs|doubles|strings)\\.out/1000*|strings\\.in/1000*", 1, GRAAL);
        growth("(longs|strings|dict)\\.(in|out)/10000000", 100, "$2.$3/100000");
        growth("(dicts)\\.(in|out)/1000000", 10, "$2.$3/100000");
        atMost("(longs|doubles|strings)\\.(in|out)/1000*", 2.5, FLOOR);
        faster("dicts?\\.(in|out)/.*", 2, JEP);
        faster("call", 1, JEP);
        against("callable", 1 / 4.0, JEP, "call", 0, ">= 4x faster than jep's call");
        atMost("call|method", 2, FLOOR);
        atMost("(attribute|item)(\\.float|\\.str)?", 2.5, FLOOR);
        faster("(attribute|item)(\\.float|\\.str)?|method", 1, JEP);
        faster("(attribute|item)(\\.float|\\.str)?", 1, M21);
        faster("iterate/1000|reference/1000|reference\\..*|proxy|record|print", 1, JEP);
        faster("reference.*|proxy|callback(\\.str)?", 1, JPYPE);
        atMost("iterate/1000|reference/1000|reference\\..*|proxy|record|print", 3, FLOOR);
        faster("pattern.(watch|lock)", 10, JEP);
        atMost("pattern.(watch|lock)", 2.2, FLOOR);
        faster("error", 4, JEP);
        atMost("error", 2.5, FLOOR);
        faster("callback.*", 1, JEP);
        atMost("callback.*", 2, FLOOR);
        atMost("callback.*", 1.5, GRAAL);
        against("context.*", 0, OURS, null, 2_000, "<= 2 us");
        against("context.10000", 1.2, OURS, "context.10", 0, "<= 1.2x of context.10");
        against("array.(in|out)/.*", 1, OURS, "array.alone", 10_000, "<= 10 us + array.alone");
        against("array.sum/(.*)", 1.1, OURS, "array.sum.numpy/$2", 0, "<= 1.1x of numpy's own array");
        against("table.(in|out)/.*", 0, OURS, null, 30_000, "<= 30 us");
        against("table.(in|out)/1000+", 2, OURS, "table.$2/10", 0, "<= 2x of 10 rows");
        against("table.(polars|pyarrow)/(.*)", 1.1, OURS, "table.$2.alone/$3", 0, "<= 1.1x of the library's own");
        against("table.stream.*/10000000", 0, OURS, null, 640_000_000, ">= 1 GB/s");
        against("table.rows.(in|out)/(.*)", 2, OURS, "table.rows.arrow.$2/$3", 0, "<= 2x of Arrow with the objects");
        atMost("async.submit", 3, CPYTHON);
        atMost("async.await/.*", 5, CPYTHON);
        against("async.items/(.*)", 1 / 3.0, OURS, "async.each/$2", 0, ">= 3x faster than a submit for each");
        against("async.waits/.*", 0, OURS, null, 250_000_000, "<= 250 ms");
        faster("start", 1, JEP);
        against("start", 1.3, "floor+cpython", null, 0, "<= 1.3x of (JVM alone + python -c pass)");
        against("memory.(exec|objects|frames)", 0, OURS, null, 8, "<= 8 bytes a step");
        atMost("pool.exec", 2.5, FLOOR);
        faster("pool.exec", 10, EXECUTOR);
        faster("pool.exec", 2, PY4J);
        atMost("pool.ints", 2.75, FLOOR);
        faster("pool.ints", 10 / 1.1, EXECUTOR);
        faster("pool.ints", 2 / 1.1, PY4J);
        faster("pool.bytes.1MB", 5, EXECUTOR);
        against("pool.array.sum/(.*)", 1, OURS, "pool.array.sum.here/$2", 100_000, "<= 100 us + in process");
        against("pool.array.made/.*", 0, OURS, null, 150_000, "<= 150 us");
        atMost("pool.start", 1.3, CPYTHON);
        against("pool.start.sklearn", 0, OURS, null, 30_000_000, "<= 30 ms");
        against("memory.pool", 0, OURS, null, 16_000, "<= 16 kB a process (the JVM compiles meanwhile), no file, no thread");
        against("memory.array", 0, OURS, null, 80_000, "<= 80 kB a step of 8 MB");
    }

    List<Target> all() {
        return all;
    }

    private void atMost(String rows, double factor, String peer) {
        against(rows, factor, peer, null, 0, "<= " + Report.number(factor) + "x of " + peer);
    }

    /** Time per element of so many times as many. */
    private void growth(String rows, double times, String row) {
        against(rows, 1.3 * times, OURS, row, 0, "<= 1.3x of the time per element of " + row.replaceAll(".*/", ""));
    }

    private void faster(String rows, double factor, String peer) {
        against(rows, 1 / factor, peer, null, 0,
                factor == 1 ? "no slower than " + peer : ">= " + Report.number(factor) + "x faster than " + peer);
    }

    private void against(String rows, double factor, String peer, String row, double plus, String words) {
        all.add(new Target("^(" + rows + ")$", factor, peer, row, plus, words));
    }
}
