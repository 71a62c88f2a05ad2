// SPDX-License-Identifier: Apache-2.0
// Java's heap runs out in the middle of operations: an OutOfMemoryError, and afterwards everything
// works. For a JVM of its own with a small heap.
package org.nd4j.python4j;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.nd4j.python4j.internal.jni.Callbacks;
import org.nd4j.python4j.internal.jni.Native;

/** {@code Heaps SEED SECONDS}. */
final class Heaps {
    private Heaps() {}

    interface Body {
        void run() throws Exception;
    }

    private static final Map<String, Body> ALL = new LinkedHashMap<>();
    private static final List<Object> LONGS = new ArrayList<>();
    private static final List<Object> MIXED = new ArrayList<>();

    static {
        for (int i = 0; i < 20_000; i++) {
            LONGS.add((long) i);
            MIXED.add(i % 3 == 0 ? "text " + i : i % 3 == 1 ? (Object) Collections.singletonMap("k", i) : Arrays.asList(i));
        }
        ALL.put("exec", () -> PythonExecutioner.exec("x = 1"));
        ALL.put("new text", () -> PythonExecutioner.exec("x = " + System.nanoTime() + "\n" + "y = 1\n".repeat(500)));
        ALL.put("numbers", () -> new PythonObject(LONGS).toList());
        ALL.put("mixed", () -> new PythonObject(MIXED).toList());
        ALL.put("objects", () -> Python.eval("[object() for i in range(500)]").toList());
        ALL.put("a large text", () -> PythonExecutioner.exec("x = 'é' * 300000\ny = x", null,
                Collections.singletonList(new PythonVariable<>("y", PythonTypes.STR))));
        ALL.put("bytes", () -> new PythonObject(new byte[200_000]).toString());
        ALL.put("an error", () -> PythonExecutioner.exec("def f(n):\n    if n: f(n - 1)\n    else: 1 / 0\nf(100)"));
        ALL.put("a syntax error", () -> PythonExecutioner.exec("x = ("));
        ALL.put("a traceback", () -> {
            try {
                PythonExecutioner.exec("1 / 0");
            } catch (PythonException e) {
                e.getTraceback();
            }
        });
        ALL.put("a callback", () -> Callbacks.callable((args, named) -> new ArrayList<>(args)).call(1, "a", LONGS));
        ALL.put("a callback that fills the heap", () -> Callbacks.callable((args, named) -> {
            List<byte[]> all = new ArrayList<>();
            while (true) {
                all.add(new byte[100_000]);
            }
        }).call());
        ALL.put("a callback that fills the heap, caught", () -> {
            PythonExecutioner.setVariable("f", Callbacks.callable((args, named) -> new byte[100_000_000]));
            PythonExecutioner.exec("try:\n    f()\nexcept Exception as e:\n    kept = e\ndel kept, f");
        });
        ALL.put("a context", () -> {
            try (PythonContextManager.Context context = new PythonContextManager.Context()) {
                PythonExecutioner.exec("z = 5");
            }
        });
        ALL.put("all variables", () -> PythonExecutioner.getAllVariables());
        ALL.put("a view", () -> PythonBuffer.view(Python.eval("bytearray(1000)")).close());
        ALL.put("a copy", () -> PythonBuffer.of(new long[5_000]).toMemoryview());
        ALL.put("print", () -> {
            try (PythonOutput output = PythonOutput.capture()) {
                PythonExecutioner.exec("print('x' * 50000)");
            }
        });
        ALL.put("operators", () -> new PythonObject(1).add(new PythonObject(2)).toLong());
        ALL.put("another turn", () -> {
            Thread thread = new Thread(() -> {
                try (PythonGIL gil = PythonGIL.tryLock(java.time.Duration.ofMillis(1))) {
                    PythonGIL.locked();
                } catch (InterruptedException e) {
                    throw new AssertionError(e);
                }
            });
            thread.start();
            thread.join();
        });
    }

    public static void main(String[] arguments) throws Exception {
        Random random = new Random(Long.parseLong(arguments[0]));
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(Integer.parseInt(arguments[1]));
        int rounds = 0;
        Operations.begin();
        Thread.setDefaultUncaughtExceptionHandler((thread, e) -> {}); // threads of the bodies
        String[] names = ALL.keySet().toArray(new String[0]);
        for (Body body : ALL.values()) {
            String wrong = once(body, null); // every class is there before the heap is full
            if (wrong != null && !wrong.equals("out")) {
                System.out.println("WRONG at first: " + wrong);
            }
        }
        int out = 0;
        int wrongs = 0;
        for (; System.nanoTime() < end; rounds++) {
            String name = names[random.nextInt(names.length)];
            int left = (int) (random.nextDouble() * random.nextDouble() * 800_000);
            System.out.println("at " + name + " with " + left + " bytes left");
            Object[] filled = fill(left);
            String wrong = once(ALL.get(name), filled);
            if ("out".equals(wrong)) {
                out++;
                wrong = null;
            }
            String after = Operations.aftermath();
            if (wrong != null || after != null) {
                wrongs++;
                System.out.println("WRONG " + name + ": " + wrong + ", afterwards: " + after);
                if (wrongs > 20) {
                    break;
                }
            }
        }
        System.gc();
        System.out.println("DONE " + rounds + " rounds, " + wrongs + " wrong, " + out + " without memory, handles left: " + Native.handleCount()
                + ", held for Python: " + Callbacks.count());
        Runtime.getRuntime().halt(wrongs == 0 ? 0 : 1);
    }

    /** Fills the heap but for so many bytes. */
    private static Object[] fill(int left) {
        Object[] head = new Object[] {null, new byte[Math.max(left, 16)]};
        for (int size = 1 << 20; size >= 16; size /= 4) {
            try {
                while (true) {
                    head[0] = new Object[] {head[0], new byte[size]};
                }
            } catch (OutOfMemoryError e) {
                // smaller pieces
            }
        }
        head[1] = null;
        return head;
    }

    /** What went wrong: null for nothing, "out" for no memory. */
    private static String once(Body body, Object[] filled) {
        String result = null;
        try (PythonGIL gil = PythonGIL.lock();
                PythonGC frame = PythonGC.watch()) {
            body.run();
        } catch (PythonException e) {
            clear(filled);
            String text = String.valueOf(e.getMessage());
            boolean expected = text.startsWith("ZeroDivision") || text.startsWith("Execution failed")
                    || text.startsWith("Unable to find converter") || text.contains("The call back to Java failed");
            result = expected ? null : e.toString();
        } catch (OutOfMemoryError e) {
            clear(filled);
            result = "out";
        } catch (Throwable e) {
            clear(filled);
            boolean hidden = e.getCause() instanceof OutOfMemoryError;
            if (!hidden) {
                e.printStackTrace(System.out);
            }
            result = hidden ? "out" : e.toString();
        }
        clear(filled);
        return PythonGIL.locked() ? "the turn is lost" : result;
    }

    private static void clear(Object[] filled) {
        if (filled != null) {
            filled[0] = null;
        }
    }
}
