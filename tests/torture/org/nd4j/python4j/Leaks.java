// SPDX-License-Identifier: Apache-2.0
// Every kind of operation up to a million times, failing ones too: afterwards there are as many handles, as
// many Java objects held for Python, as many blocks of Python's, and as much memory as before.
package org.nd4j.python4j;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.management.MemoryPoolMXBean;
import java.lang.management.MemoryType;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.nd4j.python4j.internal.jni.Callbacks;
import org.nd4j.python4j.internal.jni.Native;
import org.nd4j.python4j.internal.monitor.Monitor;

/**
 * {@code Leaks SECONDS [NAME]}: so many seconds for all kinds together, or, with ND4J in the class path, for those with arrays. Wants the serial collector, whose full
 * collections leave what is alive and nothing else, and a heap of one size that is touched at the start.
 */
final class Leaks {
    private Leaks() {}

    interface Body {
        void run() throws Exception;
    }

    private static final Map<String, Body> ALL = new LinkedHashMap<>();
    private static final int BATCH = 20;
    private static final int MOST = 1_000_000;
    /** Parts of a run. What grows once, a table, a cache, compiled code, grows in one of them; a leak does in all. */
    private static final int PARTS = 4;
    private static final String[] WHAT = {"handles", "objects held for Python", "blocks of Python's", "bytes of Java's heap",
        "bytes of memory"};
    /** By how much the part that grew least may have grown. The shortest part has 250 operations, and Python's caches fill. */
    private static final long[] ALLOWED = {0, 0, 100, 4 << 10, 1 << 20};
    private static final ExecutorService OTHER = Executors.newSingleThreadExecutor();
    private static PythonObject kept;
    private static int number;

    /** In a turn, without a frame: what it makes is given back by its end, or by the collector. */
    private static void inTurn(String name, Body body) {
        ALL.put(name, () -> {
            try (PythonGIL gil = PythonGIL.lock()) {
                body.run();
            }
        });
    }

    /** In a turn and a frame. */
    static void inFrame(String name, Body body) {
        inTurn(name, () -> {
            try (PythonGC frame = PythonGC.watch()) {
                body.run();
            }
        });
    }

    private static void fails(Body body) throws Exception {
        try {
            body.run();
        } catch (PythonException | IllegalStateException | UnsupportedOperationException e) {
            return;
        }
        throw new AssertionError("nothing thrown");
    }

    private static void exec(String code) {
        PythonExecutioner.exec(code);
    }

    static {
        inTurn("nothing", () -> {});
        inTurn("the same code", () -> exec("x = 1"));
        inTurn("new code", () -> exec("x = " + number++));
        inTurn("new expressions", () -> Python.eval(number++ + " + 1").del());
        inTurn("inputs and outputs", () -> PythonExecutioner.exec("y = x",
                Arrays.asList(new PythonVariable<>("x", PythonTypes.STR, "text " + number)),
                Arrays.asList(new PythonVariable<>("y", PythonTypes.STR))));
        inTurn("an error", () -> fails(() -> exec("1 / 0")));
        inTurn("an error with a long stack", () -> fails(() -> exec("def f(n): return f(n - 1) if n else 1 / 0\nf(50)")));
        inTurn("an error and its traceback", () -> {
            try {
                exec("raise ValueError('text') from KeyError(1)");
            } catch (PythonException e) {
                e.getTraceback();
                e.getMessage();
            }
        });
        inTurn("a syntax error", () -> fails(() -> PythonExecutioner.exec("x = (" + number++ % 100, null, null)));
        inTurn("an absent name", () -> fails(() -> PythonExecutioner.getVariable("absent", PythonTypes.INT)));
        inTurn("an absent untyped name", () -> PythonExecutioner.getVariable("absent"));
        inTurn("a wrong type", () -> fails(() -> PythonExecutioner.getVariable("text", PythonTypes.INT)));
        inTurn("an unknown object", () -> fails(() -> PythonExecutioner.getVariable("strange", PythonTypes.LIST)));
        inTurn("a value that Python cannot have", () -> fails(() -> new PythonObject(Arrays.asList(1, "a", new Object()))));
        inTurn("an unhashable key", () -> fails(() -> new PythonObject(Collections.singletonMap(Arrays.asList(1), 1))));
        inTurn("all variables", PythonExecutioner::getAllVariables);
        inFrame("a list there and back", () -> new PythonObject(Arrays.asList(1, "a", null, 2.5, Arrays.asList(1, 2))).toList());
        inFrame("a map there and back", () -> new PythonObject(Collections.singletonMap("k", Arrays.asList("v", 1))).toMap());
        inFrame("long text", () -> new PythonObject("é".repeat(5_000)).toString());
        inFrame("large text", () -> new PythonObject("é".repeat(20_000)).toString());
        inTurn("a large text beside a value that Python cannot have",
                () -> fails(() -> new PythonObject(Arrays.asList("x".repeat(20_000), new Object()))));
        inFrame("objects in a list", () -> Python.eval("[strange, 1]").get(0).attr("__class__").toString());
        inTurn("objects that the collector frees", () -> new PythonObject(number).add(new PythonObject(1)));
        inFrame("attributes, items, operators", () -> {
            PythonObject list = new PythonObject(Arrays.asList(1, 2, 3));
            list.attr("append").call(4);
            list.set(new PythonObject(0), list.get(1));
            list.addi(list);
            list.mul(new PythonObject(2)).toList();
        });
        inFrame("operators that fail", () -> fails(() -> new PythonObject("a").sub(new PythonObject(1))));
        inFrame("calls", () -> kept.call(1, "a", 2.5).toString());
        inFrame("calls that fail", () -> fails(() -> Python.attr("int").call("no number")));
        inFrame("kept objects", () -> {
            PythonObject object = new PythonObject("kept");
            try (PythonGC inner = PythonGC.watch()) {
                PythonGC.keep(new PythonObject("inner"));
                PythonGC.keep(object);
            }
        });
        inTurn("pauses", () -> {
            try (PythonGC paused = PythonGC.pause()) {
                new PythonObject("free").del();
            }
        });
        inTurn("contexts", () -> {
            try (PythonContextManager.Context context = new PythonContextManager.Context()) {
                exec("z = [1, 2, 3]\ndef f(): return z");
            }
        });
        inTurn("contexts with cycles", () -> {
            PythonContextManager.setContext("leak");
            exec("z = []\nz.append(z)\nclass A: pass\na = A(); a.a = a");
            PythonContextManager.setMainContext();
            PythonContextManager.deleteContext("leak");
        });
        inFrame("callbacks", () -> Callbacks.callable((args, named) -> args).call("a", 1).toList());
        inFrame("callbacks that throw", () -> fails(() -> Callbacks.callable((args, named) -> {
            throw new IllegalStateException("mine");
        }).call()));
        inFrame("callbacks whose errors Python catches", () -> {
            PythonExecutioner.setVariable("back", Callbacks.callable((args, named) -> {
                throw new IllegalStateException("mine");
            }));
            exec("try: back()\nexcept Exception: pass\ndel back");
        });
        inFrame("views", () -> PythonBuffer.view(Python.eval("bytearray(100)")).close());
        inFrame("memory of Java's", () -> PythonBuffer.of(ByteBuffer.allocateDirect(256)).toMemoryview().toString());
        inFrame("bytes", () -> PythonTypes.BYTES.toJava(new PythonObject(new byte[20_000])));
        inTurn("captured output", () -> {
            try (PythonOutput output = PythonOutput.capture()) {
                exec("print('text')");
                output.getOut();
            }
        });
        inTurn("nested turns", () -> {
            try (PythonGIL again = PythonGIL.lock();
                    PythonGIL third = PythonGIL.tryLock(Duration.ofSeconds(1))) {
                exec("pass");
            }
        });
        inTurn("time limits", () -> PythonExecutioner.exec("x = 1", null, null, Duration.ofMinutes(1)));
        inTurn("a time limit that is over", () -> {
            if (number++ % 50 == 0) {
                fails(() -> PythonExecutioner.exec("while True: pass", null, null, Duration.ofMillis(2)));
            }
        });
        inTurn("references by address", () -> {
            PythonObject object = new PythonObject("text");
            PythonRefCount.incRef(object.getNativePythonObject());
            PythonRefCount.decRef(object.getNativePythonObject());
            object.del();
        });
        ALL.put("no turn", () -> OTHER.submit(() -> {
            fails(() -> exec("x = 1")); // not on the thread that started Python, which may
            return null;
        }).get());
        ALL.put("threads", () -> {
            if (number++ % 10 == 0) {
                Thread thread = new Thread(() -> {
                    try (PythonGIL gil = PythonGIL.lock()) {
                        exec("import threading\nl = threading.local()\nl.x = [1]");
                    }
                });
                thread.start();
                thread.join();
            }
        });
        inTurn("threads of Python's", () -> {
            if (number++ % 10 == 0) {
                exec("import threading\nt = threading.Thread(target=lambda: None)\nt.start()\nt.join()\ndel t");
            }
        });
        ALL.put("shared turns", () -> {
            try (PythonGIL gil = PythonGIL.lockShared()) {
                exec("s = [1]");
            }
        });
        inFrame("functions of Java's", () -> Python.function((args, named) -> args.size()).call(1, 2).toLong());
        inFrame("references to Java's objects", () -> {
            Map<String, Object> map = new TreeMap<>();
            PythonExecutioner.setVariable("map", Python.reference(map));
            exec("map['k'] = [1]\nl = list(map)\ndel map");
        });
        inFrame("interfaces of Python's objects", () -> Python.eval("keep").asInterface(Runnable.class).run());
        inFrame("conversions", () -> Python.eval("[1, 2]").toJava(int[].class));
        inTurn("compiled code", () -> {
            try (PythonCode code = PythonCode.compile("x = 1")) {
                code.run();
            }
        });
        inTurn("callables", () -> {
            try (PythonCallable callable = PythonCallable.of("len")) {
                callable.call("text");
            }
        });
    }

    private static int wrong;
    private static int whole;
    private static final List<String> fewer = new ArrayList<>();

    public static void main(String[] arguments) throws Exception {
        System.setProperty(Monitor.MXBEAN, "true"); // or JMX is loaded a second later: 2 MB, once
        Operations.begin();
        try (PythonGIL gil = PythonGIL.lock()) {
            exec("import ctypes, gc, sys\ntrim = getattr(ctypes.CDLL(None), 'malloc_trim', id)\nsys.stderr = open('/dev/null', 'w')\nstrange = object()\ntext = 'text'\n"
                    + "def keep(*a): return a");
            kept = Python.eval("keep");
        }
        if (Leaks.class.getResource("/org/nd4j/linalg/factory/Nd4j.class") != null) {
            ALL.clear();
            ArrayLeaks.add();
        }
        if (Boolean.getBoolean("python4j.tests.emulated")) {
            System.out.println("skipped: threads, since qemu keeps memory of each one that has ended");
            ALL.keySet().removeIf(name -> name.startsWith("threads"));
        }
        long end = System.nanoTime() + (long) (Double.parseDouble(arguments[0]) * 1e9);
        Map<String, Long> costs = new TreeMap<>();
        for (Map.Entry<String, Body> one : ALL.entrySet()) {
            if (arguments.length == 1 || one.getKey().equals(arguments[1])) {
                batch(one.getValue());
                long start = System.nanoTime();
                batch(one.getValue());
                costs.put(one.getKey(), System.nanoTime() - start);
            }
        }
        List<String> names = new ArrayList<>(costs.keySet());
        names.sort(Comparator.comparing(costs::get)); // the fast ones leave time for the slow
        long done = 0;
        for (int i = 0; i < names.size(); i++) {
            System.out.println("at " + names.get(i));
            done += many(names.get(i), ALL.get(names.get(i)), Math.max(0, end - System.nanoTime()) / (names.size() - i));
        }
        System.out.println("DONE " + names.size() + " kinds, " + wrong + " wrong, " + done + " operations, a million of "
                + whole + " kinds" + (fewer.size() > 15 ? "" : "; " + String.join(", ", fewer)));
        System.exit(wrong == 0 ? 0 : 1);
    }

    /** What there is of everything, after both collectors have run and C's allocator has given back what it can. */
    private static long[] census() throws Exception {
        long blocks = 0;
        for (int i = 0; i < 3; i++) { // Java's collector, Python's late frees, and what those set free in Java
            System.gc();
            Thread.sleep(10);
            try (PythonGIL gil = PythonGIL.lock()) {
                exec("gc.collect()\ntrim(0)\nblocks = sys.getallocatedblocks()");
                blocks = PythonExecutioner.getVariable("blocks", PythonTypes.INT).getValue();
            }
        }
        System.gc();
        long heap = 0;
        for (MemoryPoolMXBean pool : ManagementFactory.getMemoryPoolMXBeans()) {
            if (pool.getType() == MemoryType.HEAP) {
                heap += pool.getCollectionUsage().getUsed(); // at the end of that collection
            }
        }
        return new long[] {Native.handleCount(), Callbacks.count(), blocks, heap, resident()};
    }

    private static long resident() throws IOException {
        for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
            if (line.startsWith("VmRSS:")) {
                return Long.parseLong(line.replaceAll("\\D", "")) * 1024;
            }
        }
        return 0;
    }

    private static long many(String name, Body body, long nanos) throws Exception {
        long start = System.nanoTime();
        for (long done = 0; done < 500 || done < MOST / 20 && System.nanoTime() - start < nanos / 10; ) {
            done += batch(body); // caches fill, code is compiled
        }
        long[][] counts = new long[PARTS + 1][];
        counts[0] = census();
        long counted = 0;
        for (int part = 1; part <= PARTS; part++) {
            long until = counted + 250;
            while (counted < until || counted < (long) MOST * part / PARTS
                    && System.nanoTime() - start < nanos / 10 + nanos / 10 * 9 / PARTS * part) {
                counted += batch(body);
            }
            counts[part] = census();
        }
        StringBuilder grown = new StringBuilder();
        StringBuilder all = new StringBuilder();
        for (int i = 0; i < WHAT.length; i++) {
            long least = Long.MAX_VALUE;
            for (int part = 1; part <= PARTS; part++) {
                least = Math.min(least, counts[part][i] - counts[part - 1][i]);
                all.append(part == 1 ? "; " : " ").append(counts[part][i] - counts[part - 1][i]);
            }
            if (least > ALLOWED[i] || ALLOWED[i] == 0 && counts[PARTS][i] > counts[0][i]) {
                grown.append("at least ").append(least).append(' ').append(WHAT[i]).append(" more in each part, ");
            }
        }
        System.out.println("  " + counted + " operations, each of "
                + (System.nanoTime() - start) / 1000 / Math.max(1, counted) + " us; growth" + all);
        if (grown.length() > 0) {
            wrong++;
            System.out.println("WRONG " + name + ": " + grown + "of " + counted + " operations" + all);
        }
        if (counted >= MOST) {
            whole++;
        } else {
            fewer.add(counted + " of " + name);
        }
        return counted;
    }

    private static int batch(Body body) throws Exception {
        for (int i = 0; i < BATCH; i++) {
            body.run();
        }
        return BATCH;
    }
}
