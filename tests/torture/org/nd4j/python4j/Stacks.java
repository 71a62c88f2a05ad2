// SPDX-License-Identifier: Apache-2.0
// Recursion in Python, in C and across the border on stacks of several sizes, and calls of Python with
// hardly any stack left: an error each time, never a crash, and no turn lost. For a JVM of its own.
package org.nd4j.python4j;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.nd4j.python4j.internal.jni.Callbacks;

/** {@code Stacks SEED SECONDS LIMIT [KILOBYTES] [NAME]}; LIMIT is Python's recursion limit, 0 for its own. */
final class Stacks {
    private Stacks() {}

    interface Body {
        void run() throws Exception;
    }

    private static final Map<String, Body> ALL = new LinkedHashMap<>();
    private static final AtomicReference<PythonObject> ME = new AtomicReference<>();

    private static void code(String name, String code) {
        ALL.put(name, () -> PythonExecutioner.exec(code));
    }

    static {
        code("python", "def f(): return f()\nf()");
        code("python, many variables", "def f(a=1, b=2, c=3, d=4):\n    e = g = h = i = 5\n    return f(a, b, c, d) + e\nf()");
        code("methods", "class A:\n    def __call__(self): return self()\nA()()");
        code("getattr", "class A:\n    def __getattr__(self, n): return getattr(self, n + 'x')\nA().a");
        code("sort", "class A:\n    def __lt__(self, o): return sorted([A(), A()])\nsorted([A(), A()])");
        code("map and C", "def f(n): return list(map(f, [n]))\nf(1)");
        code("eval", "def f(): return eval('f()')\nf()");
        code("repr", "x = []\nfor i in range(50000): x = [x]\nrepr(x)");
        code("json", "import json\nx = []\nfor i in range(50000): x = [x]\njson.dumps(x)");
        code("json reading", "import json\njson.loads('[' * 50000 + ']' * 50000)");
        code("pickle", "import pickle\nx = []\nfor i in range(50000): x = [x]\npickle.dumps(x)");
        code("compile", "compile('(' * 150 + ')' * 150, 'f', 'exec')\ncompile('-' * 20000 + '1', 'f', 'eval')");
        code("compile, attributes", "compile('a' + '.a' * 5000, 'f', 'eval')");
        code("literal", "import ast\nast.literal_eval('[' * 90 + ']' * 90)\nast.literal_eval('-' * 20000 + '1')");
        code("compare", "x, y = [], []\nfor i in range(50000): x, y = [x], [y]\nx == y");
        code("exceptions", "def f():\n    try:\n        f()\n    except RecursionError as e:\n        raise ValueError from e\nf()");
        code("exceptions in str", "class E(Exception):\n    def __str__(self): return str(self)\nraise E");
        code("generators", "def g():\n    yield from g()\nlist(g())");
        code("del", "class D: pass\nx = None\nfor i in range(100000):\n    d = D(); d.x = x; x = d\ndel x, d");
        code("re", "import re\nre.compile('(' * 90 + ')' * 90)\nre.compile('(' * 5000 + ')' * 5000)");
        code("isinstance", "t = int\nfor i in range(50000): t = (t,)\nisinstance('a', t)");
        code("import", "import json.tool, xml.dom.minidom, decimal, email.mime.text");
        ALL.put("across, call", () -> {
            ME.set(Callbacks.callable((args, named) -> ME.get().call()));
            ME.get().call();
        });
        ALL.put("across, exec", () -> {
            PythonExecutioner.setVariable("back", Callbacks.callable((args, named) -> {
                PythonExecutioner.exec("back()");
                return null;
            }));
            PythonExecutioner.exec("back()");
        });
        ALL.put("across, then Python", () -> {
            PythonExecutioner.exec("def f(): return f()");
            PythonObject f = Python.eval("f");
            ME.set(Callbacks.callable((args, named) -> args.size() > 5 ? f.call() : ME.get().call(args.toArray(), 1)));
            ME.get().call();
        });
        ALL.put("deep value", () -> {
            PythonExecutioner.exec("x = []\nfor i in range(990): x = [x, 'a']");
            new PythonObject(Python.eval("x").toList()).toList();
        });
        ALL.put("deep set", () -> {
            PythonExecutioner.exec("x = frozenset()\nfor i in range(990): x = frozenset([x])");
            PythonTypes.LIST.toJava(Python.eval("[x]")).hashCode();
        });
        ALL.put("an error", () -> PythonExecutioner.exec("def f(n):\n    if n: f(n - 1)\n    else: 1 / 0\nf(200)"));
        ALL.put("a syntax error", () -> PythonExecutioner.exec("x = ("));
        ALL.put("a traceback", () -> {
            try {
                PythonExecutioner.exec("1 / 0");
            } catch (PythonException e) {
                e.getTraceback();
            }
        });
        ALL.put("print", () -> PythonExecutioner.exec("import sys\nprint('x' * 1000, end='', file=open('/dev/null', 'w'))"));
        ALL.put("all variables", PythonExecutioner::getAllVariables);
        ALL.put("a thread", () -> PythonExecutioner.exec(
                "import threading\nt = threading.Thread(target=lambda: None)\nt.start()\nt.join()"));
    }

    private static int lost;
    private static int errors;
    private static int runs;

    public static void main(String[] arguments) throws Exception {
        Random random = new Random(Long.parseLong(arguments[0]));
        int seconds = Integer.parseInt(arguments[1]);
        int limit = Integer.parseInt(arguments[2]);
        int[] sizes = arguments.length > 3 ? new int[] {Integer.parseInt(arguments[3])} : new int[] {256, 384, 512, 1024, 8192};
        Operations.begin();
        try (PythonGIL gil = PythonGIL.lock()) {
            PythonExecutioner.exec("import sys\nsys.stderr = open('/dev/null', 'w')\nif " + limit
                    + ": sys.setrecursionlimit(" + limit + ")");
        }
        for (int size : sizes) {
            for (Map.Entry<String, Body> body : ALL.entrySet()) {
                if (arguments.length > 4 && !body.getKey().equals(arguments[4])) {
                    continue;
                }
                System.out.println("at " + size + " kB, " + body.getKey());
                onStack(size, () -> once(body.getValue()));
            }
            String[] names = ALL.keySet().toArray(new String[0]);
            long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(seconds) / sizes.length;
            while (System.nanoTime() < end) {
                String name = arguments.length > 4 ? arguments[4] : names[random.nextInt(names.length)];
                int spare = random.nextInt(400);
                System.out.println("at " + size + " kB, " + name + ", " + spare + " frames left");
                onStack(size, () -> atDepth(spare, ALL.get(name)));
            }
        }
        System.out.println("DONE " + runs + " runs, " + lost + " wrong, " + errors + " errors of Java or Python");
        Runtime.getRuntime().halt(lost == 0 ? 0 : 1);
    }

    private static void onStack(int kilobytes, Runnable body) throws Exception {
        Thread thread = new Thread(null, body, "torture", kilobytes * 1024L);
        thread.start();
        thread.join(60_000);
        if (thread.isAlive()) {
            System.out.println("WRONG hangs");
            for (StackTraceElement frame : thread.getStackTrace()) {
                System.out.println("    " + frame);
            }
            Runtime.getRuntime().halt(3);
        }
    }

    private static void once(Body body) {
        runs++;
        try (PythonGIL gil = PythonGIL.lock();
                PythonGC frame = PythonGC.watch()) {
            body.run();
        } catch (PythonException | StackOverflowError e) {
            errors++;
        } catch (Throwable e) {
            Throwable cause = e;
            while (cause.getCause() != null) {
                cause = cause.getCause();
            }
            if (cause instanceof StackOverflowError || e instanceof NoClassDefFoundError) {
                errors++; // a class whose initialiser had no stack
            } else {
                e.printStackTrace(System.out);
                System.out.println("WRONG " + e);
                lost++;
            }
        }
        if (PythonGIL.locked()) {
            System.out.println("WRONG the turn is lost");
            lost++;
        }
    }

    private static int depth;

    /** Runs it where so many more frames of a small method would fit, and then looks whether all is well. */
    private static void atDepth(int spare, Body body) {
        depth = 0;
        try {
            measure();
        } catch (StackOverflowError e) {
            // depth says how many fit
        }
        try {
            descend(depth - spare, body);
        } catch (StackOverflowError e) {
            errors++;
        }
        String after = Operations.aftermath();
        if (after != null || PythonGIL.locked()) {
            System.out.println("WRONG afterwards: " + after);
            lost++;
            try (PythonGIL gil = PythonGIL.tryLock(Duration.ofSeconds(1))) {
                System.out.println("another turn: " + gil);
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
        }
    }

    private static void measure() {
        depth++;
        measure();
    }

    private static void descend(int more, Body body) {
        if (more > 0) {
            descend(more - 1, body);
        } else {
            once(body);
        }
    }
}
