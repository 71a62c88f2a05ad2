// SPDX-License-Identifier: Apache-2.0
// Every public operation on every object of hostile.py: each ends with a value or a PythonException,
// and the next call works. A program for a JVM of its own, started by the torture suite.
package org.nd4j.python4j;

import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.nd4j.python4j.internal.jni.Callbacks;

/** {@code Operations FROM TO [NAME]}: the objects from one number to another, or those of a name. */
final class Operations {
    private Operations() {}

    /** What is done to an object. */
    interface Operation {
        void to(PythonObject object) throws Exception;
    }

    private static final Map<String, Operation> ALL = new LinkedHashMap<>();

    private static PythonObject one() {
        return new PythonObject(1);
    }

    private static void set(PythonObject object, String code) {
        PythonExecutioner.setVariable("x", object);
        PythonExecutioner.exec(code);
    }

    @SuppressWarnings("rawtypes")
    private static void with(PythonObject object, String code, PythonType type) {
        PythonExecutioner.setVariable("x", object);
        PythonVariable<?> output = new PythonVariable<>("y", (PythonType<?>) type);
        PythonExecutioner.exec(code, null, Collections.singletonList(output));
    }

    private static void program(String name, String code) {
        ALL.put(name, x -> set(x, code));
    }

    static {
        for (PythonType<?> type : Arrays.<PythonType<?>>asList(PythonTypes.STR, PythonTypes.INT, PythonTypes.FLOAT,
                PythonTypes.BOOL, PythonTypes.LIST, PythonTypes.DICT, PythonTypes.BYTES)) {
            ALL.put("getVariable " + type, x -> {
                PythonExecutioner.setVariable("x", x);
                PythonExecutioner.getVariable("x", type);
            });
            ALL.put("output " + type, x -> with(x, "y = x", type));
            ALL.put("output in a list, " + type, x -> with(x, "y = [x, 1]", type));
            ALL.put("toJava " + type, type::toJava);
        }
        ALL.put("output as a key", x -> with(x, "y = {x: 1}", PythonTypes.DICT));
        ALL.put("output as a value", x -> with(x, "y = {1: x, 2: (x, {3: [x]})}", PythonTypes.DICT));
        ALL.put("output in a set", x -> with(x, "y = [{x}, frozenset([x])]", PythonTypes.LIST));
        ALL.put("getAllVariables", x -> {
            PythonExecutioner.setVariable("x", x);
            PythonExecutioner.getAllVariables();
        });
        ALL.put("getAllVariables, nested", x -> {
            set(x, "y = [x, {1: x}]");
            PythonExecutioner.getAllVariables();
        });
        ALL.put("untyped", x -> {
            PythonExecutioner.setVariable("x", x);
            PythonExecutioner.getVariable("x").toString();
        });
        ALL.put("type of", PythonTypes::getPythonTypeForPythonObject);
        ALL.put("toString", PythonObject::toString);
        ALL.put("isNone", PythonObject::isNone);
        ALL.put("toInt", PythonObject::toInt);
        ALL.put("toLong", PythonObject::toLong);
        ALL.put("toFloat", PythonObject::toFloat);
        ALL.put("toDouble", PythonObject::toDouble);
        ALL.put("toBoolean", PythonObject::toBoolean);
        ALL.put("toList", PythonObject::toList);
        ALL.put("toMap", PythonObject::toMap);
        ALL.put("attr", x -> x.attr("absent"));
        ALL.put("attr of a surrogate", x -> x.attr("\ud800\0"));
        ALL.put("attr __class__", x -> x.attr("__class__").attr("__name__").toString());
        ALL.put("attr __dict__", x -> x.attr("__dict__").toMap());
        ALL.put("get int", x -> x.get(0));
        ALL.put("get negative", x -> x.get(Integer.MIN_VALUE));
        ALL.put("get str", x -> x.get("k"));
        ALL.put("get itself", x -> x.get(x));
        ALL.put("set", x -> x.set(one(), one()));
        ALL.put("set itself", x -> x.set(x, x));
        ALL.put("as a key", x -> Python.dict().set(x, x));
        ALL.put("as an index", x -> new PythonObject(Arrays.asList(1, 2, 3)).get(x));
        ALL.put("abs", PythonObject::abs);
        ALL.put("add", x -> x.add(one()));
        ALL.put("add to", x -> one().add(x));
        ALL.put("add itself", x -> x.add(x));
        ALL.put("sub", x -> x.sub(x));
        ALL.put("mul", x -> x.mul(one()));
        ALL.put("mod", x -> x.mod(one()));
        ALL.put("mod of", x -> new PythonObject("%s %r").mod(x));
        ALL.put("trueDiv", x -> x.trueDiv(x));
        ALL.put("floorDiv", x -> x.floorDiv(one()));
        ALL.put("matMul", x -> x.matMul(x));
        ALL.put("addi", x -> x.addi(one()));
        ALL.put("subi", x -> x.subi(x));
        ALL.put("muli", x -> x.muli(one()));
        ALL.put("trueDivi", x -> x.trueDivi(x));
        ALL.put("floorDivi", x -> x.floorDivi(one()));
        ALL.put("matMuli", x -> x.matMuli(x));
        ALL.put("call", PythonObject::call);
        ALL.put("call with itself", x -> x.call(x));
        ALL.put("call with a null", x -> x.call((Object[]) null));
        ALL.put("callWithArgs", x -> Python.attr("repr").callWithArgs(x));
        ALL.put("callWithKwargs", x -> Python.attr("dict").callWithKwargs(x));
        ALL.put("as an argument", x -> Python.attr("repr").call(x));
        ALL.put("in lists and maps", x -> new PythonObject(Arrays.asList(x, Map.of("k", x), new Object[] {x})).toList());
        ALL.put("in a set", x -> new PythonObject(Collections.singleton(x)));
        ALL.put("as a map's key", x -> new PythonObject(Collections.singletonMap(x, x)).toMap());
        ALL.put("len", Python::len);
        ALL.put("str", Python::str);
        ALL.put("int", Python::int_);
        ALL.put("float", Python::float_);
        ALL.put("bool", Python::bool);
        ALL.put("list", Python::list);
        ALL.put("dict", Python::dict);
        ALL.put("set()", Python::set);
        ALL.put("bytes", Python::bytes);
        ALL.put("bytearray", Python::bytearray);
        ALL.put("memoryview", Python::memoryview);
        ALL.put("tuple", Python::tuple);
        ALL.put("Exception", Python::Exception);
        ALL.put("type", Python::type);
        ALL.put("isinstance of", x -> Python.isinstance(one(), x));
        ALL.put("isinstance", x -> Python.isinstance(x, Python.intType(), Python.type(x)));
        ALL.put("callable", Python::callable);
        ALL.put("PythonException of", x -> new PythonException(x).getMessage());
        ALL.put("PythonBuffer of", x -> PythonBuffer.view(x).close());
        ALL.put("native object", x -> new PythonObject(x.getNativePythonObject(), false).toString());
        ALL.put("a copy by reference counts", x -> {
            PythonRefCount.incRef(x.getNativePythonObject());
            PythonRefCount.decRef(x.getNativePythonObject());
        });
        ALL.put("deleted", PythonObject::del);
        program("raised", "raise x");
        program("raised from", "raise ValueError('outer') from x");
        program("raised as an argument", "raise ValueError(x)");
        program("raised with a note", "e = ValueError('noted')\ne.__notes__ = [x, x]\nraise e");
        program("notes", "e = ValueError('noted')\ne.__notes__ = x\nraise e");
        program("raised by a class", "raise type(x)");
        program("raised in a group", "raise ExceptionGroup('g', [ValueError(x), x])");
        program("sys.exit", "import sys\nsys.exit(x)");
        program("assert", "assert False, x");
        program("import", "raise ImportError('i', name=x, path=x)");
        program("syntax", "raise SyntaxError('s', (x, x, x, x))");
        program("with", "with x as y: pass");
        program("for", "for y in x: pass");
        program("unpacked", "a, b = x");
        program("called with itself", "print(*x, **x)");
        program("f-string", "f'{x!r:{x}}'");
        program("as __name__", "__name__ = x");
        program("as __builtins__", "__builtins__ = x");
        program("as __doc__", "__doc__ = __file__ = __spec__ = __loader__ = __package__ = x");
        program("as a name in globals", "globals()[x] = x");
        ALL.put("name in globals, all variables", x -> {
            set(x, "globals()[x] = x");
            PythonExecutioner.getAllVariables();
        });
        program("deleted in Python", "global y\ny = [x]\ndel x, y\nimport gc\ngc.collect()");
        ALL.put("simpleExec", x -> {
            PythonExecutioner.setVariable("x", x);
            PythonExecutioner.simpleExec("raise x");
        });
        ALL.put("traceback", x -> {
            try {
                set(x, "raise x");
            } catch (PythonException e) {
                e.getTraceback();
                e.getMessage();
                new PythonException(e.getPythonObject());
                throw e;
            }
        });
        ALL.put("to a callback", x -> Callbacks.callable((args, named) -> args.get(0)).call(x));
        ALL.put("raised through a callback", x -> {
            PythonExecutioner.setVariable("x", x);
            Callbacks.callable((args, named) -> {
                        PythonExecutioner.exec("raise x");
                        return null;
                    })
                    .call();
        });
        ALL.put("from a callback", x -> Callbacks.callable((args, named) -> x).call().toString());
        ALL.put("key of a callback", x -> Callbacks.callable((args, named) -> null).callWithKwargs(Map.of("k", x)));
        ALL.put("stdout", x -> set(x, "import sys\nold = sys.stdout\nsys.stdout = x\n"
                + "try:\n    print(1)\nfinally:\n    keep = sys.stdout"));
        ALL.put("stdout after", x -> set(x, "import sys\nsys.stdout = sys.__stdout__"));
        ALL.put("stderr", x -> {
            set(x, "import sys\nsys.stderr = x");
            try {
                PythonExecutioner.exec("this does not compile");
            } finally {
                PythonExecutioner.exec("import sys\nsys.stderr = sys.__stderr__");
            }
        });
        ALL.put("module numpy", x -> {
            set(x, "import sys\nold = sys.modules.get('numpy', sys)\nsys.modules['numpy'] = x\ny = {1: x, 2: [x, object()]}");
            try {
                PythonExecutioner.getVariable("y", PythonTypes.DICT);
            } finally {
                PythonExecutioner.exec("import sys\nsys.modules.pop('numpy', None)");
            }
        });
        ALL.put("module decimal", x -> {
            set(x, "import sys, decimal\nold = decimal\nsys.modules['decimal'] = x\ny = [x, object(), old.Decimal(1)]");
            try {
                PythonExecutioner.getVariable("y", PythonTypes.LIST);
            } finally {
                PythonExecutioner.exec("import sys\nsys.modules['decimal'] = old");
            }
        });
        ALL.put("excepthook", x -> {
            set(x, "import sys\nsys.excepthook = sys.unraisablehook = sys.displayhook = x");
            try {
                PythonExecutioner.exec("class D:\n    def __del__(self): 1 / 0\nD()\n1 / 0");
            } finally {
                PythonExecutioner.exec("import sys\nsys.excepthook = sys.__excepthook__\n"
                        + "sys.unraisablehook = sys.__unraisablehook__\nsys.displayhook = sys.__displayhook__");
            }
        });
    }

    /**
     * Starts Python. {@code -Dtorture.gc=true} makes its collector run all the time, and {@code
     * -Dtorture.allocator=debug} says that PYTHONMALLOC asked for the debug allocator: that each is really so is looked
     * at, because an embedded Python may ignore its environment.
     */
    static void begin() {
        try (PythonGIL gil = PythonGIL.lock()) {
            if (Boolean.getBoolean("torture.gc")) {
                // From 3.14 on the collector waits for enough work whatever its threshold is, so it is called at each call of
                // Python's: nothing but bytecode starts it since 3.12.
                PythonExecutioner.exec("import gc, sys\ngc.set_threshold(1)\nif sys.version_info >= (3, 14):\n"
                        + "    m = sys.monitoring\n    m.use_tool_id(3, 'torture')\n"
                        + "    for event in (m.events.PY_START, m.events.CALL):\n"
                        + "        m.register_callback(3, event, lambda *_, collect=gc.collect: collect(0) and None)\n"
                        + "    m.set_events(3, m.events.PY_START | m.events.CALL)\n"
                        + "runs = lambda: gc.get_stats()[0]['collections']\nbefore = runs()\n"
                        + "made = [list((i,)) for i in range(2000)]\nruns = runs() - before\ndel made");
                long runs = PythonExecutioner.getVariable("runs", PythonTypes.INT).getValue();
                check(runs >= 500, "2000 lists made Python's collector run " + runs + " times");
            }
            boolean wanted = "debug".equals(System.getProperty("torture.allocator"));
            PythonExecutioner.exec("import ctypes\nallocate = ctypes.pythonapi.PyObject_Malloc\nallocate.restype = ctypes.c_void_p\n"
                    + "allocate.argtypes = [ctypes.c_size_t]\nblock = ctypes.string_at(allocate(16) - 8, 32)\n"
                    + "debug = block == b'o' + b'\\xfd' * 7 + b'\\xcd' * 16 + b'\\xfd' * 8\ndel allocate");
            boolean debug = PythonExecutioner.getVariable("debug", PythonTypes.BOOL).getValue();
            check(debug == wanted, "the debug allocator is " + (debug ? "" : "not ") + "in force");
            PythonContextManager.reset();
        }
    }

    private static void check(boolean fine, String what) {
        if (!fine) {
            System.out.println("WRONG setting: " + what);
            System.out.flush();
            Runtime.getRuntime().halt(4);
        }
    }

    public static void main(String[] arguments) throws Exception {
        begin();
        List<String> names = new ArrayList<>();
        PythonObject objects;
        try (PythonGIL gil = PythonGIL.lock();
                InputStream source = Operations.class.getResourceAsStream("/hostile.py")) {
            PythonExecutioner.exec("import sys\nsys.modules['hostile'] = h = type(sys)('hostile')");
            PythonVariable<String> text =
                    new PythonVariable<>("text", PythonTypes.STR, new String(source.readAllBytes(), StandardCharsets.UTF_8));
            PythonExecutioner.exec("exec(compile(text, 'hostile.py', 'exec'), h.__dict__)", Arrays.asList(text), null);
            objects = Python.eval("h.OBJECTS");
            for (Object name : Python.list(objects).toList()) {
                names.add((String) name);
            }
        }
        int from = Integer.parseInt(arguments[0]);
        int to = Math.min(names.size(), Integer.parseInt(arguments[1]));
        System.out.println(names.size() + " objects");
        int done = 0;
        int failed = 0;
        for (String name : names.subList(Math.min(from, to), to)) {
            long begun = System.nanoTime();
            for (Map.Entry<String, Operation> operation : ALL.entrySet()) {
                if (arguments.length > 2 && !(name + " / " + operation.getKey()).contains(arguments[2])) {
                    continue;
                }
                System.out.println("at " + name + " / " + operation.getKey());
                String wrong = run(objects, name, operation.getValue());
                done++;
                if (wrong != null) {
                    failed++;
                    System.out.println("WRONG " + name + " / " + operation.getKey() + ": " + wrong);
                }
            }
            long millis = (System.nanoTime() - begun) / 1_000_000;
            if (millis > 5_000) {
                System.out.println("SLOW " + name + ": " + millis + " ms");
            }
        }
        System.out.println("DONE " + done + " operations, " + failed + " wrong");
        Runtime.getRuntime().halt(failed == 0 ? 0 : 1); // objects that raise at exit are another test's
    }

    /** Null, or what is wrong. */
    private static String run(PythonObject objects, String name, Operation operation) throws Exception {
        String wrong = null;
        Interrupter interrupter = name.endsWith("endless") ? new Interrupter(200) : null;
        try (PythonGIL gil = PythonGIL.lock();
                PythonGC frame = PythonGC.watch()) {
            try {
                operation.to(objects.get(name).call());
            } catch (PythonException e) {
                if (e.getMessage() == null || e.getMessage().contains("Internal error")) {
                    wrong = e.toString();
                }
            } catch (Throwable e) {
                wrong = e.toString() + Arrays.toString(Arrays.copyOf(e.getStackTrace(), 12));
            }
        } finally {
            if (interrupter != null) {
                interrupter.end();
            }
        }
        if (PythonGIL.locked()) {
            return "the turn is lost";
        }
        Thread.interrupted();
        String after = aftermath();
        return wrong == null ? after : wrong;
    }

    /** Whether the next call works: null, or what is wrong. */
    static String aftermath() {
        try (PythonGIL gil = PythonGIL.tryLock(Duration.ofSeconds(5))) {
            if (gil == null) {
                return "no turn to be had";
            }
            PythonVariables outputs = new PythonVariables();
            outputs.addList("left");
            PythonContextManager.reset();
            // A text that was never compiled before.
            PythonExecutioner.exec("left = [1 + 1, 'a', None, len('abc')] # " + System.nanoTime(), null, outputs);
            List<?> left = outputs.getListValue("left");
            if (!Arrays.asList(2L, "a", null, 3L).equals(left)) {
                return "the next call gives " + left;
            }
            PythonContextManager.reset();
            return PythonGC.isWatching() ? "a frame is open" : null;
        } catch (Throwable e) {
            return "the next call: " + e + Arrays.toString(Arrays.copyOf(e.getStackTrace(), 12));
        }
    }

    /** Interrupts the thread that made it, again and again, until it is ended. */
    static final class Interrupter {
        private final Thread thread;
        private volatile boolean over;

        Interrupter(long millis) {
            Thread target = Thread.currentThread();
            thread = new Thread(() -> {
                while (!over) {
                    try {
                        Thread.sleep(millis);
                    } catch (InterruptedException e) {
                        return;
                    }
                    if (!over) {
                        target.interrupt();
                    }
                }
            });
            thread.start();
        }

        void end() throws InterruptedException {
            over = true;
            thread.interrupt();
            Thread.interrupted();
            thread.join();
            Thread.interrupted();
        }
    }
}
