// SPDX-License-Identifier: Apache-2.0
// What is measured, by name: each row says what it prepares and which step is timed. Rows that are
// no loop over one step (threads, start, memory) are in Probes; the peers are in their own folders.
package org.nd4j.python4j.bench;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntFunction;
import java.util.function.LongUnaryOperator;

/** The rows that JMH measures, in the order of the table. */
final class Rows {

    /** Prepares a peer that is open, and gives the step to time. */
    @FunctionalInterface
    interface Setup {
        Peer.Step prepare(Peer peer) throws Exception;
    }

    private static final String DICT = "{'k%%d' %% i: i * 0.5 for i in range(%d)}";
    private static final String DICTS = "[{'id': i, 'name': 'n%%d' %% i, 'score': i * 0.5} for i in range(%d)]";

    private final Map<String, Setup> rows = new LinkedHashMap<>();
    private final int large;

    /** The doubles of an array that other processes see: 80 MB. */
    static final int ARRAY = 10_000_000;

    /** @param quick whether large values have a tenth of their elements */
    Rows(boolean quick) {
        large = quick ? 100_000 : 1_000_000;
        calls();
        values();
        scales();
        arrays();
        loops();
        tables();
        processes();
    }

    Map<String, Setup> all() {
        return Collections.unmodifiableMap(rows);
    }

    /** Whether a row is measured outside Python: the peer is not opened for it. */
    static boolean outside(String row) {
        return row.startsWith("pool.") && !row.contains(".here") || row.equals("jni") || row.equals("lock") || row.equals("lock.fresh") || row.equals("pattern.lock")
                || row.startsWith("async.");
    }

    /** Whether a row needs numpy, and ND4J where the peer uses that. */
    static boolean needsArrays(String row) {
        return row.contains("array") || row.contains("sklearn");
    }

    /** Whether a row needs Arrow and packages from PyPI, and the peer's own class for these. */
    static boolean needsTables(String row) {
        return row.startsWith("table.");
    }

    /** How many elements a row handles in one step, for the time per element; 0 where that says nothing. */
    static long elements(String row) {
        int at = row.lastIndexOf('/');
        return at < 0 ? 0 : Long.parseLong(row.substring(at + 1));
    }

    /**
     * How many samples are taken. The shorter they are the closer to each other are those of different peers; long steps
     * need longer ones.
     */
    static int samples(String row, boolean quick) {
        return quick ? 3 : elements(row) < 10_000 ? 27 : 9;
    }

    /** And for how long each. With large values that is long enough for Java's collector to have its part in each. */
    static int millis(String row, boolean quick) {
        return quick ? 70 : elements(row) < 100_000 ? 900 / samples(row, false) : 500;
    }

    /** Whether a row is there only to show how time grows with the number of elements. */
    boolean growth(String row) {
        return row.matches("(longs|strings)\\..*") && elements(row) != large || row.matches("dict\\..*") && elements(row) > large
                || row.matches("dicts\\..*") && elements(row) > large / 100;
    }

    private void row(String name, Setup setup) {
        rows.put(name, setup);
    }

    private void calls() {
        String lines = lines(200);
        row("jni", peer -> ((Floors) peer)::jni);
        row("lock", peer -> peer::lock);
        row("lock.fresh", peer -> ((Floors) peer)::lockFresh);
        row("exec", peer -> () -> peer.exec("x = 1"));
        row("exec.200lines", peer -> () -> peer.exec(lines));
        row("exec.new", peer -> {
            int[] n = {0};
            return () -> peer.execNew("x = " + n[0]++);
        });
        row("exec.new200", peer -> {
            int[] n = {0};
            return () -> peer.execNew("w = " + n[0]++ + "\n" + lines);
        });
        row("code", peer -> peer.compiled("x = 1"));
        row("ints", peer -> {
            long[] n = {0};
            return () -> peer.ints(n[0]++, 1L);
        });
        row("code.ints", peer -> {
            Peer.Ints ints = peer.compiledInts();
            long[] n = {0};
            return () -> ints.sum(n[0]++, 1L);
        });
        row("call", peer -> {
            long[] n = {0};
            return () -> peer.call(n[0]++, 1L);
        });
        row("callable", peer -> {
            Peer.Ints ints = peer.callable();
            long[] n = {0};
            return () -> ints.sum(n[0]++, 1L);
        });
        row("attribute", peer -> peer::attribute);
        row("attribute.float", peer -> peer::attributeDouble);
        row("attribute.str", peer -> peer::attributeText);
        row("item", peer -> peer::item);
        row("item.float", peer -> peer::itemDouble);
        row("item.str", peer -> peer::itemText);
        row("iterate/1000", peer -> peer::iterate);
        row("reference/1000", peer -> {
            peer.reference(longs(1000));
            return peer::walk;
        });
        row("reference.attribute", peer -> {
            peer.referTo(new Peer.Counter());
            return peer::referenceAttribute;
        });
        row("reference.method", peer -> {
            peer.referTo(new Peer.Counter());
            return peer::referenceMethod;
        });
        row("proxy", peer -> {
            LongUnaryOperator proxy = peer.proxy();
            long[] n = {0};
            return () -> proxy.applyAsLong(n[0]++);
        });
        row("record", peer -> peer::record);
        row("print", peer -> {
            peer.printing();
            return () -> peer.exec("print('0123456789')");
        });
        row("method", peer -> peer::method);
        row("error", peer -> () -> peer.error("1 / 0"));
        row("callback", peer -> {
            peer.callback();
            return () -> peer.exec("x = j(1)");
        });
        row("callback.str", peer -> {
            peer.callbackText();
            return () -> peer.exec("x = j('0123456789')");
        });
        row("callback.any", peer -> {
            peer.callbackAny();
            return () -> peer.exec("x = j(1)");
        });
        for (int names : new int[] {10, 10_000}) {
            row("context." + names, peer -> {
                for (String context : new String[] {"there", "back"}) {
                    peer.context(context);
                    peer.exec("globals().update({'v%d' % i: i for i in range(" + names + ")})");
                }
                return () -> {
                    peer.context("there");
                    return peer.context("back");
                };
            });
        }
    }

    private void values() {
        String text = "0123456789";
        row("str.10", peer -> () -> peer.echo(text));
        row("pattern.watch", peer -> () -> peer.pattern(text));
        row("pattern.lock", peer -> () -> peer.patternOutside(text));
        String ascii = String.join("", Collections.nCopies(104_858, text)).substring(0, 1 << 20);
        row("str.1MB", peer -> () -> peer.echo(ascii));
        String emoji = String.join("", Collections.nCopies(1 << 16, "twelve chr \uD83D\uDE00"));
        row("str.1MB.emoji", peer -> () -> peer.echo(emoji));
        row("bytes.1MB", peer -> {
            byte[] bytes = ascii.getBytes(StandardCharsets.US_ASCII);
            return () -> peer.echo(bytes);
        });
        inAndOut("longs", List.class, Rows::longs, "list(range(1000, %d + 1000))", large);
        inAndOut("doubles", List.class, Rows::doubles, "[i * 0.5 for i in range(%d)]", large);
        inAndOut("strings", List.class, Rows::strings, "['%%08d' %% i for i in range(%d)]", large);
        inAndOut("dict", Map.class, Rows::dict, DICT, large / 10);
        inAndOut("dicts", List.class, Rows::dicts, DICTS, large / 100);
        row("typed.longs/" + large, peer -> {
            peer.exec("v = " + String.format("list(range(1000, %d + 1000))", large));
            return peer::longArray;
        });
        row("typed.dict/" + large / 10, peer -> {
            peer.exec("v = " + String.format(DICT, large / 10));
            return peer::typedMap;
        });
    }

    private void scales() {
        for (int n = 10; n <= 10 * large; n *= 10) {
            if (n != large) {
                inAndOut("longs", List.class, Rows::longs, "list(range(1000, %d + 1000))", n);
            }
        }
        for (int n = 10; n <= 10 * large; n *= 10) {
            if (n == large) {
                continue;
            }
            inAndOut("strings", List.class, Rows::strings, "['%%08d' %% i for i in range(%d)]", n);
        }
        inAndOut("dict", Map.class, Rows::dict, DICT, 10 * large);
        inAndOut("dicts", List.class, Rows::dicts, DICTS, large / 10);
        inAndOut("dicts", List.class, Rows::dicts, DICTS, large);
    }

    private void arrays() {
        row("array.alone", Peer::arrayAlone);
        for (int n : new int[] {10, 10 * large}) {
            row("array.in/" + n, peer -> {
                Object array = peer.array(n);
                return () -> peer.putArray(array);
            });
            row("array.out/" + n, peer -> {
                peer.exec("import numpy");
                peer.exec("v = numpy.zeros(" + n + ")");
                return peer::getArray;
            });
        }
        int n = 10 * large;
        row("array.sum/" + n, peer -> {
            peer.putArray(peer.array(n));
            peer.exec("v += 1"); // memory that was never written to is read too fast
            return () -> peer.exec("s = v.sum()");
        });
        row("array.sum.numpy/" + n, peer -> {
            peer.exec("import numpy");
            peer.exec("v = numpy.ones(" + n + ")");
            return () -> peer.exec("s = v.sum()");
        });
    }

    /** Coroutines: submitted alone and many at once, Java's future awaited, a generator, waits at the same time. */
    private void loops() {
        row("async.submit", peer -> peer.asyncSubmit(1));
        row("async.submit/" + large / 10, peer -> peer.asyncSubmit(large / 10));
        row("async.await/1000", peer -> peer.asyncAwait(1000));
        row("async.items/" + large, peer -> peer.asyncItems(large));
        row("async.each/" + large, peer -> peer.asyncSubmit(large)); // the same by a submit for each
        row("async.waits/10000", peer -> peer.asyncWaits(10_000));
    }

    /**
     * Tables handed over and read: eight columns each way; a column's sum, and that of the library's own ("alone"); streams of
     * batches of 10,000 rows; records by the core, and by Arrow alone ("arrow").
     */
    private void tables() {
        int most = 10 * large;
        for (int n : new int[] {10, most}) {
            table("in", n);
            table("out", n);
        }
        for (String library : new String[] {"polars", "pyarrow"}) {
            table(library, most);
            table(library + ".alone", most);
        }
        for (String stream : new String[] {"stream.in", "stream.polars", "stream.out"}) {
            table(stream, most);
        }
        for (String rows : new String[] {"rows.in", "rows.arrow.in", "rows.out", "rows.arrow.out"}) {
            table(rows, large);
        }
    }

    private void table(String what, int rows) {
        row("table." + what + "/" + rows, peer -> peer.table(what, rows));
    }

    /** Python in other processes; `here` is the same in this one. */
    private void processes() {
        row("pool.exec", peer -> {
            Pool pool = peer.pool(1, "");
            return () -> pool.exec("x = 1");
        });
        row("pool.ints", peer -> {
            Pool pool = peer.pool(1, "");
            long[] n = {0};
            return () -> pool.ints(n[0]++, 1L);
        });
        row("pool.bytes.1MB", peer -> {
            Pool pool = peer.pool(1, "");
            byte[] bytes = new byte[1 << 20];
            return () -> pool.echo(bytes);
        });
        row("pool.array.sum/" + ARRAY, peer -> peer.pool(1, "import numpy").arraySum(ARRAY));
        row("pool.array.sum.here/" + ARRAY, peer -> peer.arraySum(ARRAY));
    }

    private void inAndOut(String name, Class<?> type, IntFunction<Object> make, String expression, int n) {
        row(name + ".in/" + n, peer -> {
            if (peer instanceof Floors) {
                return ((Floors) peer).both(name, n);
            }
            Object value = make.apply(n);
            return () -> peer.put(value);
        });
        row(name + ".out/" + n, peer -> {
            if (peer instanceof Floors) {
                return ((Floors) peer).both(name, n);
            }
            peer.exec("v = " + String.format(expression, n));
            return () -> peer.get(type);
        });
    }

    static String lines(int count) {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < count; i++) {
            text.append("v").append(i).append(" = ").append(i).append(" + 1\n");
        }
        return text.toString();
    }

    static List<Object> longs(int n) {
        List<Object> list = new ArrayList<>(n);
        for (int i = 0; i < n; i++) {
            list.add(i + 1000L);
        }
        return list;
    }

    static List<Object> doubles(int n) {
        List<Object> list = new ArrayList<>(n);
        for (int i = 0; i < n; i++) {
            list.add(i * 0.5);
        }
        return list;
    }

    static List<Object> strings(int n) {
        List<Object> list = new ArrayList<>(n);
        for (int i = 0; i < n; i++) {
            list.add(digits(i));
        }
        return list;
    }

    /** Eight digits. */
    static String digits(int i) {
        char[] digits = new char[8];
        for (int at = 7; at >= 0; at--, i /= 10) {
            digits[at] = (char) ('0' + i % 10);
        }
        return new String(digits);
    }

    static Map<Object, Object> dict(int n) {
        Map<Object, Object> map = new LinkedHashMap<>(2 * n);
        for (int i = 0; i < n; i++) {
            map.put("k" + i, i * 0.5);
        }
        return map;
    }

    static List<Object> dicts(int n) {
        List<Object> list = new ArrayList<>(n);
        for (int i = 0; i < n; i++) {
            Map<Object, Object> map = new HashMap<>();
            map.put("id", (long) i);
            map.put("name", "n" + i);
            map.put("score", i * 0.5);
            list.add(map);
        }
        return list;
    }
}
