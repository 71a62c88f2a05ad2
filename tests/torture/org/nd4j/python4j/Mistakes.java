// SPDX-License-Identifier: Apache-2.0
// What users do wrong, one by one: each mistake has the outcome that belongs to it, and the next call
// works. Objects that misbehave are Operations' affair. A program for a JVM of its own.
package org.nd4j.python4j;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.AbstractList;
import java.util.AbstractMap;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReference;
import java.util.regex.Pattern;
import org.nd4j.python4j.internal.jni.Callbacks;
import org.nd4j.python4j.internal.jni.Native;

/** {@code Mistakes all} for those that can share a JVM, or {@code Mistakes NAME...}. */
final class Mistakes {
    private Mistakes() {}

    interface Body {
        Object run() throws Throwable;
    }

    private static final class Mistake {
        final Pattern outcome;
        final boolean alone;
        final Body body;

        Mistake(String outcome, boolean alone, Body body) {
            this.outcome = Pattern.compile(outcome, Pattern.DOTALL);
            this.alone = alone;
            this.body = body;
        }
    }

    private static final Map<String, Mistake> ALL = new LinkedHashMap<>();

    /** A mistake, and what comes of it as a pattern: a value, or class and message of what is thrown. */
    private static void add(String name, String outcome, Body body) {
        Mistake before = ALL.put(name, new Mistake(outcome, false, body));
        assert before == null : name;
    }

    /** The same for Python code alone. */
    private static void code(String name, String outcome, String... lines) {
        add(name, outcome, () -> exec(lines));
    }

    /** One that spoils something for good: it has a JVM of its own, in which the next call works all the same. */
    private static void alone(String name, String outcome, String... lines) {
        alone(name, outcome, () -> exec(lines));
    }

    private static void alone(String name, String outcome, Body body) {
        ALL.put(name, new Mistake(outcome, true, body));
    }

    private static Object exec(String... lines) {
        PythonExecutioner.exec(String.join("\n", lines));
        return "ran";
    }

    private static <T> T get(String name, PythonType<T> type) {
        return PythonExecutioner.getVariable(name, type).getValue();
    }

    private static PythonObject eval(String expression) {
        return Python.eval(expression);
    }

    private static Object value(String expression, PythonType<?> type) {
        return type.toJava(eval(expression));
    }

    /** What Python says of a value that came from Java. */
    private static String repr(Object value) {
        return Python.attr("repr").call(new PythonObject(value)).toString();
    }

    // ---- names ----

    static {
        add("an absent variable, untyped", "<NULL>", () -> PythonExecutioner.getVariable("absent"));
        add("an absent variable", "PythonException: No variable named 'absent' in context 'main'\\.",
                () -> get("absent", PythonTypes.INT));
        add("an absent output", "PythonException: No variable named 'absent' .*", () -> {
            PythonExecutioner.exec("x = 1", null, Arrays.asList(new PythonVariable<>("absent", PythonTypes.STR)));
            return null;
        });
        add("an absent output beside a present one", "null", () -> {
            PythonVariables outputs = new PythonVariables();
            outputs.addInt("present");
            outputs.addInt("absent");
            try {
                PythonExecutioner.exec("present = 1", null, outputs);
            } catch (PythonException e) {
                return outputs.getIntValue("present");
            }
            return "nothing thrown";
        });
        add("a method of an absent variable", "PythonException: .*<NULL>.*", () -> PythonExecutioner.getVariable("a").call());
        add("a strange name", "5", () -> {
            PythonExecutioner.setVariable("a b\0\ud800", new PythonObject(5));
            return get2("a b\0\ud800");
        });
        add("the empty name", "5", () -> {
            PythonExecutioner.setVariable("", new PythonObject(5));
            return get2("");
        });
        add("a name that Java does not take", "PythonException: Invalid identifier: a b",
                () -> new PythonVariable<>("a b", PythonTypes.INT));
        add("a variable named __builtins__", "PythonException: .*__builtins__.*", () -> {
            PythonExecutioner.setVariable("__builtins__", new PythonObject(5));
            return null;
        });
        add("an absent module", "PythonException: Error importing module: no_such_module",
                () -> Python.importModule("no_such_module"));
        add("a module of a strange name", "PythonException: Error importing module: .*", () -> Python.importModule("a\0b..\ud800"));
        add("a module of no name", "PythonException: Error importing module: ", () -> Python.importModule(""));
        add("an absent attribute", "PythonException: AttributeError: .*", () -> eval("1").attr("no"));
        add("an absent builtin", "PythonException: AttributeError: .*", () -> Python.attr("no_such_builtin"));
        add("an absent context", "PythonException: Invalid context name: a-b", () -> {
            PythonContextManager.setContext("a-b");
            return null;
        });
        add("a context of no name", "PythonException: Invalid context name: ", () -> {
            PythonContextManager.setContext("");
            return null;
        });
        add("a context with a NUL", "PythonException: Invalid context name: .*", () -> {
            PythonContextManager.setContext("a\0");
            return null;
        });
        add("deleting the current context", "PythonException: Cannot delete current context!", () -> {
            PythonContextManager.deleteContext("main");
            return null;
        });
        add("deleting an absent context", "fine", () -> {
            PythonContextManager.deleteContext("never_made");
            return "fine";
        });
        add("a context closed out of order", "main", () -> {
            PythonContextManager.Context outer = new PythonContextManager.Context("outer");
            PythonContextManager.Context inner = new PythonContextManager.Context();
            outer.close();
            inner.close();
            outer.close();
            PythonContextManager.setMainContext();
            return PythonContextManager.getCurrentContext();
        });
    }

    private static Object get2(String name) {
        return PythonExecutioner.getVariable(name).toLong();
    }

    // ---- types ----

    static {
        for (String value : new String[] {"'12'", "1.5", "None", "[]", "object()", "1j", "b'1'", "2**63", "-2**63 - 1"}) {
            add("INT of " + value, "PythonException: Could not convert value to int: .*", () -> value(value, PythonTypes.INT));
        }
        for (String value : new String[] {"'1.5'", "None", "[]", "1j", "2**2000"}) {
            add("FLOAT of " + value, "PythonException: Could not convert value to float: .*",
                    () -> value(value, PythonTypes.FLOAT));
        }
        for (String value : new String[] {"{1}", "{1: 2}", "None", "1", "(i for i in [1])"}) {
            add("LIST of " + value, "PythonException: Object cannot be interpreted as a List",
                    () -> value(value, PythonTypes.LIST));
        }
        for (String value : new String[] {"[]", "None", "[(1, 2)]", "1"}) {
            add("DICT of " + value, "PythonException: Expected dict, received: .*", () -> value(value, PythonTypes.DICT));
        }
        for (String value : new String[] {"'a'", "None", "bytearray(b'a')", "memoryview(b'a')"}) {
            add("BYTES of " + value, "PythonException: Expected bytes. Received: .*", () -> value(value, PythonTypes.BYTES));
        }
        add("toInt beyond 32 bits", "PythonException: Could not convert value to int: 4294967296",
                () -> eval("2**32").toInt());
        add("an int beyond 64 bits in a list", "\\[1, 18446744073709551616]", () -> value("[1, 2**64]", PythonTypes.LIST));
        add("an int beyond 64 bits, all variables", "\\[\\w*]", () -> {
            exec("big = 2**64");
            PythonVariables all = PythonExecutioner.getAllVariables();
            return Arrays.toString(all.getVariables());
        });
        add("int text of 5,000 digits", "PythonException: Could not convert value to int: 1*", () -> {
            PythonObject text = new PythonObject("1".repeat(5_000));
            return Python.int_(text);
        });
        add("str of an int of 5,000 digits", "PythonException: ValueError: Exceeds the limit.*",
                () -> eval("10**5000").toString());
        add("an unknown object in a list", "PythonException: Unable to find converter for python object of type <class 'object'>",
                () -> value("[1, object()]", PythonTypes.LIST));
        add("an unknown object as a key", "PythonException: Unable to find converter for python object of type .*",
                () -> value("{object(): 1}", PythonTypes.DICT));
        add("a wrong Java type", "PythonException: Cannot cast object of type java.lang.String to Long",
                () -> new PythonVariable<>("x", PythonTypes.INT, "1"));
        add("a wrong Java type by setType", "PythonException: Cannot cast .*", () -> {
            PythonVariable<Object> x = new PythonVariable<>("x", PythonTypes.get("str"), "text");
            x.setType("int");
            PythonExecutioner.setVariables(x);
            return null;
        });
        add("a Java class that Python knows nothing of",
                "PythonException: Unable to find python type for java type: class java.lang.Object",
                () -> new PythonObject(new Object()));
        add("the same in a list", "PythonException: Unable to find python type for java type: class java.lang.Object",
                () -> new PythonObject(Arrays.asList(1, new Object())));
        add("the same as an argument", "PythonException: Unable to find python type .*",
                () -> eval("print").call(new Object()));
        add("an unknown type", "PythonException: Unknown python type: nothing", () -> PythonTypes.get("nothing"));
        add("an unhashable key", "PythonException: Unable to create python dictionary. Unhashable key: \\[1]", () -> {
            Map<Object, Object> map = new HashMap<>();
            map.put(new ArrayList<>(Arrays.asList(1)), 1);
            return new PythonObject(map);
        });
        add("an unhashable element", "PythonException: Unable to create python set. Unhashable element: .*",
                () -> new PythonObject(Collections.singleton(Collections.singletonMap(1, 2))));
        add("a set in a set", "\\{frozenset\\(\\{1}\\)}", () -> repr(Collections.singleton(Collections.singleton(1))));
        add("mixed keys", ".*1 would be lost: hand over a list.*", () -> {
            Map<Object, Object> map = new LinkedHashMap<>();
            map.put(null, 0);
            map.put(1, 1);
            map.put("a", 2);
            map.put(1.5, 3);
            map.put("x".getBytes(StandardCharsets.UTF_8), 4);
            map.put(true, 5);
            return repr(map);
        });
        add("keys that become one in Python", ".*3 would be lost: hand over a list.*", () -> {
            Map<Object, Object> map = new LinkedHashMap<>();
            map.put(1, "a");
            map.put(1L, "b");
            map.put(1.0, "c");
            map.put(true, "d");
            return repr(map);
        });
        add("keys that become one in Java", "\\{1=b}|\\{1=a, 1=b}", () -> {
            exec("import decimal", "class K(int):", "    def __hash__(self): return 5",
                    "    def __eq__(self, other): return self is other", "d = {(1,): 'a', frozenset([1]): 'c'}");
            return value("{1: 'a', decimal.Decimal(1): 'b'} if False else {1: 'b'}", PythonTypes.DICT);
        });
        add("tuple and list keys", "\\{\\[1, 2]=a}", () -> value("{(1, 2): 'a'}", PythonTypes.DICT));
        add("NaN as a key, twice", ".*would lose 1 of its elements.*", () -> ((Map<?, ?>) value("{float('nan'): 1, float('nan'): 2}", PythonTypes.DICT)).size());
    }

    // ---- values at their limits ----

    static {
        for (long value : new long[] {Long.MIN_VALUE, Long.MAX_VALUE, 0, -1}) {
            add("the long " + value, Long.toString(value), () -> new PythonObject(value).toLong());
        }
        for (double value : new double[] {Double.NaN, Double.NEGATIVE_INFINITY, -0.0, Double.MIN_VALUE, Double.MAX_VALUE}) {
            add("the double " + value, Long.toString(Double.doubleToRawLongBits(value)),
                    () -> Double.doubleToRawLongBits(new PythonObject(value).toDouble()));
            add("the double " + value + " in a list", Long.toString(Double.doubleToRawLongBits(value)),
                    () -> Double.doubleToRawLongBits((Double) new PythonObject(Arrays.asList(value, 1)).toList().get(0)));
        }
        add("a signalling NaN", "true", () -> Double.isNaN(new PythonObject(Double.longBitsToDouble(0x7ff0000000000001L)).toDouble()));
        add("every char", "true", () -> {
            StringBuilder all = new StringBuilder();
            for (int c = 0; c < 0x10000; c++) {
                all.append((char) c).append('x'); // so that no pair of surrogates comes together
            }
            return new PythonObject(all.toString()).toString().contentEquals(all);
        });
        add("every code point", "true", () -> {
            StringBuilder all = new StringBuilder();
            for (int c = 0; c <= Character.MAX_CODE_POINT; c++) {
                all.appendCodePoint(c);
            }
            all.replace(0xD800, 0xE000, "");
            exec("s = ''.join(chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000)");
            return get("s", PythonTypes.STR).contentEquals(all);
        });
        add("code with a NUL", "Python(SyntaxError|Exception): Execution failed, unable to retrieve python exception.",
                () -> exec("x = 1\0"));
        add("code with a NUL in a string", "PythonSyntaxError: .*|PythonException: Execution failed.*", () -> exec("x = 'a\0b'"));
        add("code with a lone surrogate", "PythonException: Execution failed.*|PythonSyntaxError.*|PythonException: UnicodeEncodeError.*",
                () -> exec("x = '\ud800'"));
        add("code of 100,000 lines", "ran", () -> exec("x = 1\n".repeat(100_000)));
        add("code nested too deep", "Python(SyntaxError|Exception): Execution failed.*", () -> exec("(".repeat(5000) + ")".repeat(5000)));
        add("an expression nested too deep", "Python(SyntaxError|Exception): .*|ran", () -> exec("x = " + "-".repeat(200_000) + "1"));
        add("an expression of 100,000 terms", "Python(SyntaxError|Exception): .*|ran",
                () -> exec("x = " + "1+".repeat(100_000) + "1"));
        add("attributes 50,000 deep", "Python(SyntaxError|Exception): .*", () -> exec("x = x" + ".a".repeat(50_000)));
        add("elif 3,000 times", "ran|Python(SyntaxError|Exception): .*",
                () -> exec("x = 0\nif x: pass\n" + "elif x: pass\n".repeat(3_000)));
        add("a list in itself", "PythonException: The value nests deeper than 1000 levels, or contains itself.", () -> {
            List<Object> list = new ArrayList<>();
            list.add(list);
            return new PythonObject(list);
        });
        add("a map in itself", "PythonException: The value nests deeper .*", () -> {
            Map<Object, Object> map = new HashMap<>();
            map.put(1, map);
            return new PythonObject(map);
        });
        add("an array in itself", "PythonException: The value nests deeper .*", () -> {
            Object[] array = new Object[1];
            array[0] = array;
            return new PythonObject(array);
        });
        add("a Python list in itself", "PythonException: The value nests deeper .*", () -> {
            exec("x = []", "x.append(x)");
            return get("x", PythonTypes.LIST);
        });
        add("999 levels there and back", "999", () -> {
            Object value = new ArrayList<>();
            for (int i = 1; i < 999; i++) {
                value = new ArrayList<>(Collections.singletonList(value));
            }
            Object back = new PythonObject(value).toList();
            int levels = 0;
            for (; back instanceof List && !((List<?>) back).isEmpty(); levels++) {
                back = ((List<?>) back).get(0);
            }
            return levels + 1;
        });
        add("all bytes", "true", () -> {
            byte[] all = new byte[256];
            for (int i = 0; i < 256; i++) {
                all[i] = (byte) i;
            }
            return Arrays.equals(all, PythonTypes.BYTES.toJava(new PythonObject(all)));
        });
        add("an object array of many kinds", "\\[1, 'a', None, \\[2\\.5], b'', \\[True]]",
                () -> repr(new Object[] {1, "a", null, new double[] {2.5}, new byte[0], new boolean[] {true}}));
    }

    // ---- Java collections that misbehave ----

    private static <T> List<T> sized(int size, T element) {
        return new AbstractList<T>() {
            @Override
            public T get(int index) {
                return element;
            }

            @Override
            public int size() {
                return size;
            }
        };
    }

    static {
        add("a list of a wrong size", "PythonException: .*|\\[.*", () -> repr(new ArrayList<Object>(Arrays.asList(1, 2, 3)) {
            private static final long serialVersionUID = 1L;

            @Override
            public int size() {
                return 2;
            }
        }));
        add("a list of a negative size", "\\[]|.*Exception.*", () -> repr(new AbstractList<Object>() {
            @Override
            public Object get(int index) {
                return 1;
            }

            @Override
            public int size() {
                return -5;
            }

            @Override
            public Iterator<Object> iterator() {
                return Collections.emptyIterator();
            }
        }));
        add("a list that raises", "IllegalStateException: no element", () -> repr(new AbstractList<Object>() {
            @Override
            public Object get(int index) {
                throw new IllegalStateException("no element");
            }

            @Override
            public int size() {
                return 3;
            }
        }));
        add("a map without entries", "NullPointerException.*", () -> repr(new AbstractMap<Object, Object>() {
            @Override
            public Set<Map.Entry<Object, Object>> entrySet() {
                return null;
            }
        }));
        add("a list that calls Python", "\\[3, 3]", () -> repr(new AbstractList<Object>() {
            @Override
            public Object get(int index) {
                return eval("1 + 2").toLong();
            }

            @Override
            public int size() {
                return 2;
            }
        }));
        add("a list that packs lists", "\\[\\[1, 'a'], \\[1, 'a']]", () -> repr(new AbstractList<Object>() {
            @Override
            public Object get(int index) {
                return new PythonObject(Arrays.asList(1, "a"));
            }

            @Override
            public int size() {
                return 2;
            }
        }));
        add("a list that another thread changes", "true", () -> changed(new ArrayList<>(Collections.nCopies(20_000, "a")),
                list -> {
                    list.add("b");
                    list.remove(0);
                }));
        add("a list of longs that another thread changes", "true", () -> changed(
                new ArrayList<>(Collections.nCopies(20_000, (Object) 5L)), list -> list.set(list.size() / 2, list.size() % 2 == 0 ? "x" : 5L)));
        add("an array that another thread changes", "true", () -> {
            Object[] array = new Object[20_000];
            return changed(Arrays.asList(array), list -> array[10_000] = array[10_000] == null ? 1 : null);
        });
        add("an object that is deleted while it is packed", "PythonException: .*", () -> {
            PythonObject victim = new PythonObject("victim");
            return repr(Arrays.asList(victim, new AbstractList<Object>() {
                @Override
                public Object get(int index) {
                    victim.del();
                    return 1;
                }

                @Override
                public int size() {
                    return 1;
                }
            }));
        });
    }

    interface Change {
        void to(List<Object> list);
    }

    /** Whether a list crosses, or throws what Java throws, while another thread changes it. */
    private static boolean changed(List<Object> list, Change change) throws Exception {
        AtomicReference<Boolean> over = new AtomicReference<>(false);
        Thread other = new Thread(() -> {
            while (!over.get()) {
                change.to(list);
            }
        });
        other.start();
        try {
            for (int i = 0; i < 30; i++) {
                try {
                    new PythonObject(list).del();
                } catch (java.util.ConcurrentModificationException | IndexOutOfBoundsException | NullPointerException e) {
                    // Java's own answer to it
                }
            }
            return true;
        } finally {
            over.set(true);
            other.join();
        }
    }

    // ---- Python collections that another Python thread changes ----

    static {
        for (String[] kind : new String[][] {
            {"dict", "x = {i: str(i) for i in range(2000)}", "x[n % 3000] = n; x.pop((n * 7) % 3000, 0)"},
            {"list", "x = list(range(2000)) + ['a']", "x.append(n); del x[0]"},
            {"list of numbers", "x = list(range(2000))", "x[5] = 'a'; x.append(n); del x[0]; x[5] = n"},
            {"set", "x = set(range(2000))", "x.add(n); x.discard((n * 7) % 3000)"},
        }) {
            add("a Python " + kind[0] + " that another thread changes", "PythonException: RuntimeError: .*|ran", () -> {
                exec(kind[1], "import threading, decimal", "over = False", "class Slow:",
                        "    def __getattr__(self, name):", "        import time; time.sleep(0)",
                        "        raise AttributeError(name)",
                        "import sys", "saved = sys.modules.get('numpy')", "sys.modules['numpy'] = Slow()",
                        "def change():", "    n = 0", "    while not over:", "        n += 1", "        " + kind[2],
                        "t = threading.Thread(target=change); t.start()",
                        "y = [1j]");
                Object result = "ran";
                try {
                    for (int i = 0; i < 20; i++) {
                        exec("z = {**{k: 1j for k in range(3)}, 5: x}");
                        try {
                            value("x", kind[0].equals("dict") ? PythonTypes.DICT : PythonTypes.LIST);
                            PythonExecutioner.getVariable("z", PythonTypes.DICT);
                        } catch (PythonException e) {
                            if (!e.getMessage().startsWith("Unable to find converter")
                                    && !e.getMessage().startsWith("Object cannot be")) {
                                throw e;
                            }
                        }
                    }
                } finally {
                    exec("over = True", "t.join()", "del sys.modules['numpy']", "if saved: sys.modules['numpy'] = saved");
                }
                return result;
            });
        }
        add("a dict that changes itself while it crosses", "PythonException: RuntimeError: dictionary changed size during iteration",
                () -> {
                    exec("import sys", "class Evil:", "    def __getattr__(self, name):", "        x[len(x) + 100] = 1j",
                            "        raise AttributeError(name)", "x = {1: 1j, 2: 2}", "sys.modules['numpy'] = Evil()");
                    try {
                        return get("x", PythonTypes.DICT);
                    } finally {
                        exec("del sys.modules['numpy']");
                    }
                });
        add("a dict whose keys change while it crosses", "PythonException: RuntimeError: dictionary changed size during iteration",
                () -> {
                    exec("import sys", "n = 10", "class Evil:", "    def __getattr__(self, name):", "        global n",
                            "        n += 1", "        del x[next(iter(x))]; x[n] = 1j",
                            "        raise AttributeError(name)", "x = {i: 1j for i in range(5)}", "sys.modules['numpy'] = Evil()");
                    try {
                        return get("x", PythonTypes.DICT);
                    } finally {
                        exec("del sys.modules['numpy']");
                    }
                });
        add("a list that empties itself while it crosses", "PythonException: Unable to find converter.*|\\[.*", () -> {
            exec("import sys", "class Evil:", "    def __getattr__(self, name):", "        x.clear()",
                    "        raise AttributeError(name)", "x = [1j, 2, 'a']", "sys.modules['numpy'] = Evil()");
            try {
                return get("x", PythonTypes.LIST);
            } finally {
                exec("del sys.modules['numpy']");
            }
        });
        add("globals that change while all are listed", "ran", () -> {
            exec("import sys", "class Evil:", "    def __getattr__(self, name):", "        globals()[f'n{len(globals())}'] = 1",
                    "        raise AttributeError(name)", "a = [1j]; b = 2; c = 3", "sys.modules['numpy'] = Evil()");
            try {
                PythonExecutioner.getAllVariables();
                return "ran";
            } finally {
                exec("del sys.modules['numpy']");
            }
        });
    }

    // ---- ways out ----

    static {
        for (String[] exit : new String[][] {
            {"", "PythonSystemExit: SystemExit: .*"}, {"None", "PythonSystemExit: SystemExit: .*"},
            {"0", "PythonSystemExit: SystemExit: 0"}, {"3", "PythonSystemExit: SystemExit: 3"},
            {"2**100", "PythonSystemExit: SystemExit: .*"}, {"'bye'", "PythonSystemExit: SystemExit: bye"},
            {"'\\ud800'", "PythonSystemExit: SystemExit: .*"}, {"[1, (2, object())]", "PythonSystemExit: SystemExit: .*"},
            {"True", "PythonSystemExit: SystemExit: True"}, {"1.5", "PythonSystemExit: SystemExit: 1.5"},
            {"SystemExit(4)", "PythonSystemExit: SystemExit: 4"},
        }) {
            code("sys.exit(" + exit[0] + ")", exit[1], "import sys", "sys.exit(" + exit[0] + ")");
        }
        code("exit()", "PythonSystemExit: .*|PythonException: NameError.*", "exit()");
        code("raise SystemExit", "PythonSystemExit: SystemExit: .*", "raise SystemExit");
        code("sys.exit in a thread", "ran", "import threading, sys", "t = threading.Thread(target=lambda: sys.exit(3))",
                "t.start(); t.join()");
        code("sys.exit in atexit and unregister", "ran", "import atexit, sys", "atexit.register(sys.exit, 3)",
                "atexit.unregister(sys.exit)");
        code("KeyboardInterrupt", "PythonException: KeyboardInterrupt: .*", "raise KeyboardInterrupt");
        code("GeneratorExit", "PythonException: GeneratorExit: .*", "raise GeneratorExit");
        code("StopIteration", "PythonException: StopIteration: .*", "raise StopIteration(5)");
        code("StopAsyncIteration", "PythonException: StopAsyncIteration: .*", "raise StopAsyncIteration");
        code("BaseException", "PythonException: BaseException: .*", "raise BaseException()");
        code("_thread.interrupt_main", "ran", "import _thread", "_thread.interrupt_main()");
        code("the call after interrupt_main", "ran", "for i in range(1000): pass");
        code("an exception group", "PythonException: ExceptionGroup: g \\(2 sub-exceptions\\)",
                "raise ExceptionGroup('g', [ValueError(1), ExceptionGroup('h', [KeyError(2)])])");
        code("a base exception group", "PythonException: BaseExceptionGroup: g \\(1 sub-exception\\)",
                "raise BaseExceptionGroup('g', [SystemExit(1)])");
        code("a group of exits, except*", "PythonSystemExit: .*|PythonException: BaseExceptionGroup.*",
                "try:", "    raise BaseExceptionGroup('g', [SystemExit(1), ValueError(2)])", "except* ValueError:", "    pass");
        code("an exception whose construction fails", "PythonException: KeyError: 'never'", "class E(Exception):",
                "    def __init__(self): raise KeyError('never')", "raise E");
        code("an exception whose __new__ returns another type", "PythonException: TypeError: .*", "class E(Exception):",
                "    def __new__(cls): return 5", "raise E");
        code("an exception without arguments that needs some", "PythonException: TypeError: .*", "class E(Exception):",
                "    def __init__(self, needed): pass", "raise E");
        code("raising no exception", "PythonException: TypeError: exceptions must derive from BaseException", "raise 5");
        code("raise without anything", "PythonException: RuntimeError: No active exception to reraise", "raise");
        code("a warning as an error", "PythonException: UserWarning: w", "import warnings",
                "with warnings.catch_warnings():", "    warnings.simplefilter('error')", "    warnings.warn('w')");
        code("an error in __del__", "ran", "class D:", "    def __del__(self): 1 / 0", "d = D()", "del d");
        code("an error in a weakref callback", "ran", "import weakref", "class D: pass", "d = D()",
                "w = weakref.ref(d, lambda r: 1 / 0)", "del d");
        code("an error in a trace function", "PythonException: ZeroDivisionError.*|ran", "import sys",
                "def f(*a): 1 / 0", "sys.settrace(f)", "def g(): pass", "try:", "    g()", "finally:", "    sys.settrace(None)");
        alone("an audit hook that raises", "PythonException: RuntimeError: no", "import sys", "on = [1]",
                "def hook(name, args, on=on):", "    if on and name == 'open': raise RuntimeError('no')",
                "sys.addaudithook(hook)", "try:", "    open('/dev/null')", "finally:", "    on.clear()");
        code("a syntax error", "PythonSyntaxError: Execution failed, unable to retrieve python exception.", "x = (");
        code("a tab error", "PythonSyntaxError: Execution failed.*", "if 1:", "\tx = 1", "        y = 2");
        code("return at top level", "PythonSyntaxError: Execution failed.*", "return 1");
        code("an unknown encoding", "PythonSyntaxError: .*|ran", "# -*- coding: no-such-thing -*-", "x = 1");
        add("simpleExec of an exit", "PythonException: Execution failed.*|PythonSystemExit: .*", () -> {
            PythonExecutioner.simpleExec("raise SystemExit(3)");
            return null;
        });
        add("eval of a statement", "Python(SyntaxError|Exception): Execution failed.*", () -> eval("x = 1"));
        add("eval of nothing", "Python(SyntaxError|Exception): Execution failed.*", () -> eval(""));
    }

    // ---- recursion ----

    static {
        code("recursion in Python", "PythonException: RecursionError: .*", "def f(): return f()", "f()");
        code("recursion in C", "PythonException: RecursionError: .*|ran", "x = []", "for i in range(100000): x = [x]", "repr(x)");
        code("recursion in json", "PythonException: RecursionError: .*", "import json", "x = []",
                "for i in range(100000): x = [x]", "json.dumps(x)");
        code("recursion in pickle", "PythonException: RecursionError: .*", "import pickle", "x = []",
                "for i in range(100000): x = [x]", "pickle.dumps(x)");
        code("recursion in copy", "PythonException: RecursionError: .*", "import copy", "x = []",
                "for i in range(100000): x = [x]", "copy.deepcopy(x)");
        code("recursion in ast", "PythonException: RecursionError: .*|PythonException: MemoryError.*|Python.*", "import ast",
                "ast.literal_eval('-' * 100000 + '1')");
        code("recursion in sre", "ran|PythonException: RecursionError.*", "import re", "re.match('(a|b)*' * 50 + '$', 'ab' * 1000)");
        code("recursion in sorting", "PythonException: RecursionError: .*", "class K:", "    def __lt__(self, o): return self < o",
                "sorted([K(), K()])");
        code("recursion in getattr", "PythonException: RecursionError: .*", "class K:",
                "    def __getattr__(self, n): return getattr(self, n + 'x')", "K().a");
        code("recursion in str of an exception", "PythonException: E: .*", "class E(Exception):",
                "    def __str__(self): return str(self)", "raise E");
        code("an isinstance of nested tuples", "PythonException: .*|ran", "t = int", "for i in range(100000): t = (t,)",
                "isinstance('a', t)");
        add("recursion across the border", "PythonException: RecursionError: .*|StackOverflowError.*", () -> across(0));
        add("recursion across the border by exec", "PythonException: RecursionError: .*|StackOverflowError.*", () -> acrossExec());
        add("recursion across the border, then Python", "PythonException: RecursionError: .*", () -> {
            exec("def f(): return f()");
            PythonObject f = eval("f");
            return Callbacks.callable((args, named) -> f.call()).call();
        });
        add("recursion in toString of a Java list", "PythonException: .*|StackOverflowError.*", () -> {
            List<Object> list = new ArrayList<>();
            list.add(list);
            return new PythonObject(Arrays.asList(1, list));
        });
    }

    private static Object across(int depth) {
        AtomicReference<PythonObject> me = new AtomicReference<>();
        me.set(Callbacks.callable((args, named) -> me.get().call()));
        return me.get().call();
    }

    private static Object acrossExec() {
        PythonObject back = Callbacks.callable((args, named) -> exec("back()"));
        PythonExecutioner.setVariable("back", back);
        return exec("back()");
    }

    // ---- memory ----

    static {
        code("MemoryError", "PythonException: MemoryError: .*", "x = bytearray(2**62)");
        code("MemoryError in a list", "PythonException: MemoryError: .*", "x = [0] * 2**60");
        code("raised MemoryError", "PythonException: MemoryError: none", "raise MemoryError('none')");
        code("an int too large", "PythonException: (MemoryError|OverflowError): .*", "x = 1 << (2**62)");
        code("a str too large", "PythonException: (MemoryError|OverflowError): .*", "x = 'a' * (2**62)");
        alone("a value beyond 2 GB from Java", "PythonException: The values for Python take more than 2 GB packed.*|OutOfMemoryError.*",
                () -> {
                    Object value = sized(10, new long[37_500_000]);
                    for (int i = 0; i < 20; i++) { // so deep inside nothing goes in parts
                        value = Collections.singletonList(value);
                    }
                    return repr(value);
                });
        add("a Java OutOfMemoryError in a callback", "OutOfMemoryError: .*",
                () -> Callbacks.callable((args, named) -> new long[Integer.MAX_VALUE]).call());
        add("a Java error in a callback", "AssertionError: mine", () -> Callbacks.callable((args, named) -> {
            throw new AssertionError("mine");
        }).call());
        add("a Java error in a callback, caught in Python", "AssertionError: mine", () -> {
            PythonExecutioner.setVariable("f", Callbacks.callable((args, named) -> {
                throw new AssertionError("mine");
            }));
            exec("try:", "    f()", "except Exception as e:", "    kept = e", "x = str(kept)");
            return get("x", PythonTypes.STR).replace("java.lang.", "");
        });
        add("an exception of null text", "IllegalStateException: null", () -> Callbacks.callable((args, named) -> {
            throw new IllegalStateException((String) null);
        }).call());
        add("an exception whose text fails", ": whose getMessage fails", () -> Callbacks.callable((args, named) -> {
            throw new RuntimeException() {
                private static final long serialVersionUID = 1L;

                @Override
                public String getMessage() {
                    throw new IllegalArgumentException("getMessage");
                }

                @Override
                public String toString() {
                    return "RuntimeException: whose getMessage fails";
                }
            };
        }).call());
        add("a callback that returns what Python cannot have", "PythonException: Unable to find python type .*",
                () -> Callbacks.callable((args, named) -> new Object()).call());
        add("a callback that returns a deleted object", "PythonException: .*", () -> Callbacks.callable((args, named) -> {
            PythonObject gone = new PythonObject(1);
            gone.del();
            return gone;
        }).call());
        add("a callback of nobody", "NullPointerException.*|PythonException.*", () -> Callbacks.callable(null).call());
        add("a callback that closes its turn", "PythonException: .*|ran", () -> {
            PythonGIL mine = PythonGIL.lock();
            Callbacks.callable((args, named) -> {
                mine.close();
                mine.close();
                return null;
            }).call();
            return "ran";
        });
        add("a callback that closes its frame", "PythonException: .*|1", () -> {
            PythonGC frame = PythonGC.watch();
            PythonObject inside = new PythonObject(1);
            return Callbacks.callable((args, named) -> {
                frame.close();
                return inside;
            }).call().toString();
        });
    }

    // ---- handles ----

    static {
        add("an object of a closed frame", "PythonException: The Python object is gone: .*", () -> {
            PythonObject object;
            try (PythonGC frame = PythonGC.watch()) {
                object = new PythonObject(1);
            }
            return object.toString();
        });
        add("a deleted object", "PythonException: The Python object is <NULL>.*", () -> {
            PythonObject object = new PythonObject(1);
            object.del();
            object.del();
            return object.toLong();
        });
        add("a deleted object as an operand", "PythonException: The Python object is <NULL>.*", () -> {
            PythonObject object = new PythonObject(1);
            object.del();
            return new PythonObject(2).add(object);
        });
        add("keeping a deleted object", "PythonException: .*|kept", () -> {
            try (PythonGC frame = PythonGC.watch()) {
                PythonObject object = new PythonObject(1);
                object.del();
                PythonGC.keep(object);
            }
            return "kept";
        });
        add("keeping an object of a closed frame", "PythonException: .*", () -> {
            PythonObject object;
            try (PythonGC frame = PythonGC.watch()) {
                object = new PythonObject(1);
            }
            try (PythonGC frame = PythonGC.watch()) {
                PythonGC.keep(object);
            }
            return object.toString();
        });
        add("two handles, one deleted", "5", () -> {
            PythonObject one = new PythonObject(5);
            PythonObject two = new PythonObject(one);
            one.del();
            return two.toString();
        });
        // The first objects are names that the library keeps, so their handles are none that nobody has.
        for (long forged : new long[] {0x1234500000001L, -1, Long.MIN_VALUE, Long.MAX_VALUE, 0x7fffffff00000001L}) {
            add("the forged handle " + forged, "PythonException: The Python object is gone: .*", () -> {
                PythonObject object = new PythonObject(forged, 0);
                return object.toString();
            });
            add("the forged handle " + forged + ", every call", "fine", () -> {
                Native.handleDrop(forged);
                Native.handleDropLater(forged);
                Native.handleCloseFrame(forged);
                Native.handleCloseFrameLater(forged);
                refused(() -> Native.handleMove(forged, 0));
                refused(() -> Native.handleAddress(forged));
                refused(() -> Native.objectConvert(forged, 0, forged, 0));
                refused(() -> Native.raisedReport(forged, Native.root));
                refused(() -> Native.bufferView(forged));
                refused(() -> Native.bufferAgain(forged, 0));
                refused(() -> Native.execVariables(0, forged));
                refused(() -> Native.contextReset(forged));
                Native.contextCloseSpace(forged);
                Native.sharedDrop(forged);
                refused(() -> Native.execRun(new byte[0], 0, forged, forged, -1));
                refused(() -> Native.objectOperate((int) forged, new byte[4], 4, forged, forged, -1));
                return Native.stopCall(forged, 0) ? "stopped" : "fine";
            });
        }
        add("a null request", "fine", () -> {
            refused(() -> Native.execRun(null, 0, 0, 0, 0));
            refused(() -> Native.execRun(new byte[3], 99, 0, 0, 0));
            refused(() -> Native.execRun(new byte[3], -1, 0, 0, 0));
            refused(() -> Native.objectOperate(0, null, 4, 0, 0, -1));
            refused(() -> Native.contextAdd(null, Native.root));
            refused(() -> Native.contextSwitch(null, Native.root));
            refused(() -> Native.contextDelete(null));
            refused(() -> Native.bufferMake(0, 0, null, false, null, 0));
            refused(() -> Native.bufferMake(0, 'l', new long[] {4, 8}, false, null, 0));
            refused(() -> Native.bufferMake(8, 'l', new long[] {-4, 8}, false, null, 0));
            refused(() -> Native.bufferMake(8, 'l', new long[] {Long.MAX_VALUE, 8}, false, null, 0));
            refused(() -> Native.bufferMake(8, 'l', new long[3], false, null, 0));
            refused(() -> Native.bufferWrap(0, 8));
            refused(() -> Native.bufferWrap(8, -8));
            refused(() -> Native.bufferAllocate('l', null));
            refused(() -> Native.bufferAllocate('l', new long[] {Long.MAX_VALUE, 2}));
            refused(() -> Native.bufferAllocate('?' + 256, new long[] {-1}));
            refused(() -> Native.sharedMake(-1));
            refused(() -> Native.sharedMake(Long.MAX_VALUE));
            refused(() -> Native.handleAdopt(0, true, 0));
            return "fine";
        });
        add("a space that is another object", "PythonException: .*", () -> {
            PythonObject list = new PythonObject(Arrays.asList(1));
            return Native.execVariables(0, list.handle());
        });
        add("a null PyObject", "<NULL>", () -> new PythonObject((org.bytedeco.cpython.PyObject) null).toString());
    }

    private static void refused(Body body) throws Throwable {
        try {
            body.run();
        } catch (PythonException | NullPointerException | IndexOutOfBoundsException | ClassCastException e) {
            if (String.valueOf(e.getMessage()).contains("Internal error")) {
                throw new AssertionError(e);
            }
            return;
        }
        throw new AssertionError("nothing thrown");
    }

    private static void refused(Runnable body) throws Throwable {
        refused(() -> {
            body.run();
            return null;
        });
    }

    // ---- what our own code needs ----

    static {
        for (String name : new String[] {
            "len", "compile", "isinstance", "exec", "eval", "type", "str", "repr", "print", "getattr", "__import__",
            "BaseException", "Exception", "KeyError", "__build_class__", "open", "dict", "list", "object",
            "BaseExceptionGroup", "TypeError", "SystemExit",
        }) {
            alone("del builtins." + name, "ran", "import builtins", "keep = builtins.len", "del builtins." + name);
        }
        alone("del every builtin", "ran|PythonException.*", "import builtins, sys", "b = builtins.__dict__",
                "keep = (b['len'], b['__import__'])", "b.update(len=keep[0])",
                "for n in [n for n in b if n not in ('len', '__import__', '__name__')]: del b[n]");
        alone("builtins.len = None", "ran", "import builtins", "keep = len", "builtins.len = lambda x: keep(x)",
                "builtins.compile = builtins.exec = builtins.isinstance = None");
        alone("del __builtins__", "ran", "del __builtins__");
        alone("__builtins__ = 5", "ran", "__builtins__ = 5");
        alone("__builtins__ = {}", "ran", "__builtins__ = {'len': len, '__import__': __import__}");
        alone("globals().clear()", "ran", "globals().clear()");
        alone("sys.modules.clear()", "ran", "import sys", "sys.modules.clear()");
        alone("del sys.modules", "ran", "import sys", "del sys.modules");
        alone("sys.modules = 5", "ran", "import sys", "sys.modules = 5");
        alone("sys.modules['__main__'] = None", "ran", "import sys", "sys.modules['__main__'] = None");
        alone("sys.modules['sys'] = None", "ran", "import sys", "sys.modules['sys'] = sys.modules['builtins'] = None");
        alone("del sys.modules['__main__']", "ran", "import sys", "del sys.modules['__main__']");
        alone("sys.stdout = None", "ran", "import sys", "sys.stdout = sys.stderr = sys.stdin = None");
        alone("del sys.stdout", "ran", "import sys", "del sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__");
        alone("sys.stdout.close()", "ran|PythonException: .*", "import sys", "sys.stdout.close()", "sys.stderr.close()");
        alone("os.close(1)", "ran", "import os", "os.close(0)");
        alone("del everything in sys", "ran|PythonException: .*", "import sys",
                "for n in list(sys.__dict__): delattr(sys, n)");
        alone("sys.path = None", "ran", "import sys", "sys.path = sys.meta_path = sys.path_hooks = None");
        alone("linecache without a cache", "ran", "import linecache", "linecache.cache = None", "del linecache.cache");
        alone("linecache.cache.clear()", "ran", "import linecache", "linecache.cache.clear()",
                "linecache.getline = linecache.checkcache = None");
        alone("traceback without functions", "ran", "import traceback", "traceback.__dict__.clear()");
        alone("json without functions", "ran", "import json", "json.dumps = json.loads = None", "json.__dict__.clear()");
        alone("threading and time without functions", "ran", "import threading, time", "threading.__dict__.clear()",
                "time.sleep = None", "time.__dict__.clear()");
        alone("os without functions", "ran", "import os", "os.__dict__.clear()");
        alone("atexit._clear", "ran", "import atexit", "atexit._clear()", "atexit.__dict__.clear()");
        alone("decimal without Decimal", "ran", "import decimal", "del decimal.Decimal", "x = [1j]");
        alone("_operator without functions", "ran", "import _operator, operator", "_operator.__dict__.clear()");
        alone("importlib without functions", "ran", "import importlib, importlib._bootstrap", "importlib.__dict__.clear()");
        alone("a frozen import system", "ran", "import builtins", "def no(*a, **k): raise ImportError('no')",
                "builtins.__import__ = no");
        alone("a meta path that raises", "ran", "import sys", "class F:", "    def find_spec(self, *a): raise KeyError('f')",
                "sys.meta_path[:] = [F()]");
        alone("sys.setrecursionlimit of 1", "PythonException: .*|ran", "import sys", "sys.setrecursionlimit(1)");
        alone("sys.setrecursionlimit of a small number", "PythonException: RecursionError: .*|ran", "import sys",
                "sys.setrecursionlimit(30)");
        alone("sys.setswitchinterval", "ran", "import sys", "sys.setswitchinterval(1e-9)");
        alone("gc off", "ran", "import gc", "gc.disable()", "gc.freeze()");
        alone("gc.set_threshold(1)", "ran", "import gc", "gc.set_threshold(1, 1, 1)");
        alone("gc callbacks that raise", "ran", "import gc", "gc.callbacks.append(lambda *a: 1 / 0)", "gc.collect()");
        alone("a trace function that stays", "ran", "import sys", "sys.settrace(lambda *a: None)");
        alone("a profile function that raises", "ran|PythonException: .*", "import sys", "def p(*a): raise KeyError('p')",
                "sys.setprofile(p)");
        alone("an import hook that exits", "ran", "import builtins, sys", "builtins.__import__ = lambda *a, **k: sys.exit(1)");
        alone("locale changed", "ran", "import locale", "locale.setlocale(locale.LC_ALL, 'C')");
        alone("chdir to nowhere", "ran", "import os, tempfile", "d = tempfile.mkdtemp()", "os.chdir(d)", "os.rmdir(d)");
        ALL.put("no descriptors left", new Mistake("ran", true, () -> {
            aftermathAlone(); // no file can be opened afterwards, so every class has to be there
            return exec("import resource", "resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))");
        }));
        alone("os.environ.clear()", "ran", "import os", "os.environ.clear()");
        alone("tracemalloc", "ran", "import tracemalloc", "tracemalloc.start(25)");
        alone("ctypes pythonapi error left pending", "ran|PythonException: .*", "import ctypes",
                "ctypes.pythonapi.PyErr_SetString.argtypes = [ctypes.py_object, ctypes.c_char_p]",
                "ctypes.pythonapi.PyErr_SetString.restype = None",
                "try:", "    ctypes.pythonapi.PyErr_SetString(ValueError, b'pending')", "except ValueError: pass");
        alone("an async exception for this thread", "PythonException: KeyError: .*|ran", "import ctypes, threading",
                "ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(threading.get_ident()), ctypes.py_object(KeyError))");
        alone("signal handlers", "ran", "import signal", "signal.signal(signal.SIGINT, lambda *a: 1 / 0)",
                "signal.signal(signal.SIGINT, signal.SIG_DFL)");
        alone("signal.alarm", "PythonException: ZeroDivisionError.*|PythonException: ValueError.*|ran", "import signal",
                "def boom(*a): 1 / 0", "signal.signal(signal.SIGALRM, boom)", "signal.setitimer(signal.ITIMER_REAL, 0.01)",
                "import time", "time.sleep(0.3)");
        alone("faulthandler", "ran", "import faulthandler, sys", "faulthandler.enable()", "faulthandler.dump_traceback(sys.__stderr__)",
                "faulthandler.disable()", "faulthandler.enable(all_threads=False)");
        alone("sys.flags and implementation", "ran|PythonException: .*", "import sys", "sys.implementation.name = None",
                "sys.version_info = sys.hexversion = None");
        alone("a module's class replaced", "ran|PythonException: .*", "import sys, types", "class M(types.ModuleType):",
                "    def __getattribute__(self, n): raise KeyError(n)", "m = sys.modules['__main__']", "m.__class__ = M");
    }

    // ---- null everywhere ----

    static {
        add("null everywhere", "\\[]", Mistakes::nulls);
        add("null as a value", "None", () -> repr(null));
        add("null in containers", "\\[None, \\{None: None}, \\{None}]",
                () -> repr(Arrays.asList(null, Collections.singletonMap(null, null), Collections.singleton(null))));
        add("a null variable's value", "None", () -> {
            PythonExecutioner.setVariables(new PythonVariable<>("x", PythonTypes.INT, null));
            return eval("repr(x)").toString();
        });
        add("a null variable", "NullPointerException.*", () -> {
            PythonExecutioner.setVariables((PythonVariable) null);
            return null;
        });
        add("a null output", "NullPointerException.*", () -> {
            PythonExecutioner.exec("x = 1", null, Arrays.asList((PythonVariable) null));
            return null;
        });
    }

    /** Every public static method with null for every reference: what does something else than refuse or work. */
    private static List<String> nulls() throws Exception {
        List<String> wrong = new ArrayList<>();
        Set<String> left = new HashSet<>(Arrays.asList("run", "runAndReturn", "main", "pause", "resume", "watch", "lock",
                "lockShared", "tryLock", "lend", "shutdown", "setMainThreadState", "to", "capture", "logging", "report"));
        Class<?>[] classes = {
            Python.class, PythonExecutioner.class, PythonContextManager.class, PythonGC.class, PythonTypes.class,
            PythonBuffer.class, PythonRefCount.class, PythonProcess.class, PythonGIL.class,
        };
        for (Class<?> type : classes) {
            for (Method method : type.getMethods()) {
                boolean isStatic = java.lang.reflect.Modifier.isStatic(method.getModifiers());
                if (method.getDeclaringClass() == type && isStatic && !left.contains(method.getName())) {
                    call(method, null, wrong);
                }
            }
        }
        for (Method method : PythonObject.class.getMethods()) {
            if (method.getDeclaringClass() == PythonObject.class) {
                call(method, new PythonObject(5), wrong);
                call(method, PythonExecutioner.getVariable("absent"), wrong);
            }
        }
        return wrong;
    }

    private static void call(Method method, Object on, List<String> wrong) throws Exception {
        Class<?>[] types = method.getParameterTypes();
        Object[] nulls = new Object[types.length];
        for (int i = 0; i < types.length; i++) {
            nulls[i] = !types[i].isPrimitive() ? null
                    : types[i] == boolean.class ? (Object) false : types[i] == int.class ? (Object) 0 : (Object) 0L;
        }
        try {
            method.invoke(on, nulls);
        } catch (InvocationTargetException e) {
            Throwable cause = e.getCause();
            boolean fine = cause instanceof PythonException || cause instanceof NullPointerException
                    || cause instanceof IllegalArgumentException;
            if (!fine || String.valueOf(cause.getMessage()).contains("Internal error")) {
                wrong.add(method + ": " + cause);
            }
        }
    }

    // ---- turns ----

    static {
        add("a turn closed twice", "true", () -> {
            PythonGIL more = PythonGIL.lock();
            more.close();
            more.close();
            return PythonGIL.locked();
        });
        add("a turn closed elsewhere", "PythonException: This PythonGIL was locked by thread 'main' .*", () -> {
            PythonGIL more = PythonGIL.lock();
            try {
                return elsewhere(() -> {
                    more.close();
                    return null;
                });
            } finally {
                more.close();
            }
        });
        add("no turn", "PythonException: Attempt to use Python4j from multiple threads without acquiring GIL.*",
                () -> elsewhere(() -> eval("1")));
        add("a condition of GILLock", "UnsupportedOperationException: null", () -> new GILLock().newCondition());
        add("unlocking what was not locked", "fine", () -> {
            new GILLock().unlock();
            return "fine";
        });
        add("tryLock of a negative time", "null", () -> elsewhere(() -> PythonGIL.tryLock(Duration.ofSeconds(Long.MIN_VALUE))));
        add("tryLock of null", "NullPointerException.*", () -> elsewhere(() -> PythonGIL.tryLock(null)));
        add("a time limit that is over", "PythonTimeout: .*", () -> {
            PythonExecutioner.exec("x = 1", null, null, Duration.ZERO);
            return null;
        });
        add("a time limit", "PythonTimeout: .*", () -> {
            PythonExecutioner.exec("while True: pass", null, null, Duration.ofMillis(50));
            return null;
        });
        add("a time limit that Python swallows", "ran|PythonTimeout: .*", () -> {
            PythonExecutioner.exec("import time\nend = time.monotonic() + 0.3\nwhile time.monotonic() < end:\n"
                    + "    try:\n        while time.monotonic() < end: pass\n    except BaseException: pass",
                    null, null, Duration.ofMillis(50));
            return "ran";
        });
        add("resume without a pause", "RuntimeException: GC not paused!", () -> {
            PythonGC.resume();
            return null;
        });
        add("deadlock of Python threads with a turn", "ran", () -> exec("import threading", "l = threading.Lock()", "def f():",
                "    with l: pass", "with l:", "    t = threading.Thread(target=f); t.start()", "t.join()"));
    }

    private static Object elsewhere(Body body) throws Throwable {
        AtomicReference<Object> result = new AtomicReference<>();
        AtomicReference<Throwable> thrown = new AtomicReference<>();
        Thread thread = new Thread(() -> {
            try {
                result.set(body.run());
            } catch (Throwable e) {
                thrown.set(e);
            }
        });
        thread.start();
        thread.join();
        if (thrown.get() != null) {
            throw thrown.get();
        }
        return result.get();
    }

    // ---- paths and output ----

    static {
        code("invalid UTF-8 in a path", "PythonException: FileNotFoundError: .*", "open('/no/such/\\udcff')");
        code("a surrogate that is no byte in a path", "PythonException: UnicodeEncodeError: .*", "open('/no/such/\\ud800')");
        code("a NUL in a path", "PythonException: ValueError: .*", "open('a\\0b')");
        code("printing lone surrogates", "PythonException: UnicodeEncodeError: .*|ran", "print('\\ud800')");
        code("invalid UTF-8 on stdout", "ran", "import sys", "sys.stdout.buffer.write(b'\\xff\\xfe\\n')", "sys.stdout.flush()");
        add("invalid UTF-8 on stdout, captured", ".*", () -> {
            try (PythonOutput output = PythonOutput.capture()) {
                exec("import sys", "print('\\ud800 é \\U0001f600')");
                return output.getOut();
            }
        });
        add("a file named in Latin-1", "ran", () -> {
            Path folder = Files.createTempDirectory("python4j-torture");
            PythonExecutioner.setVariable("folder", new PythonObject(folder.toString()));
            return exec("import os, shutil", "open(os.fsencode(folder) + b'/\\xe9', 'w').close()", "names = os.listdir(folder)",
                    "assert names == ['\\udce9'], names", "shutil.rmtree(folder)");
        });
        add("pipInstall of an option", "PythonException: .*", () -> {
            PythonProcess.pipInstall("--index-url=http://localhost:1/");
            return null;
        });
        add("an empty direct buffer", "[\\[<].*|PythonException: .*",
                () -> PythonBuffer.of(ByteBuffer.allocateDirect(0)).toMemoryview().toString());
        add("a buffer in Java's heap", "PythonException: .*|IllegalArgumentException.*", () -> PythonBuffer.of(ByteBuffer.allocate(8)));
        add("a buffer of a wrong shape", "PythonException: .*|IllegalArgumentException.*",
                () -> PythonBuffer.of(ByteBuffer.allocateDirect(8), 3, 5));
        add("a buffer of a huge shape", "PythonException: .*|IllegalArgumentException.*",
                () -> PythonBuffer.of(ByteBuffer.allocateDirect(8), Long.MAX_VALUE, 2, Long.MAX_VALUE));
        add("a closed view", "PythonException: .*|IllegalStateException.*", () -> {
            PythonBuffer view = PythonBuffer.view(eval("bytearray(8)"));
            view.close();
            view.close();
            return Arrays.toString(view.toByteArray());
        });
        add("a resized bytearray under a view", "PythonException: BufferError: .*", () -> {
            exec("b = bytearray(8)");
            try (PythonBuffer view = PythonBuffer.view(eval("b"))) {
                return exec("b.extend(b'x' * 100)");
            }
        });
    }

    // ---- running ----

    /** The mistakes that want a JVM of their own. */
    static List<String> alone() {
        List<String> names = new ArrayList<>();
        ALL.forEach((name, mistake) -> {
            if (mistake.alone) {
                names.add(name);
            }
        });
        return names;
    }

    public static void main(String[] arguments) {
        Operations.begin();
        int done = 0;
        int failed = 0;
        for (Map.Entry<String, Mistake> mistake : ALL.entrySet()) {
            String name = mistake.getKey();
            boolean wanted = arguments[0].equals("all") ? !mistake.getValue().alone : Arrays.asList(arguments).contains(name);
            if (!wanted) {
                continue;
            }
            System.out.println("at " + name);
            String wrong = run(mistake.getValue());
            done++;
            if (wrong != null) {
                failed++;
                System.out.println("WRONG " + name + ": " + wrong);
            }
        }
        System.out.println("DONE " + done + " mistakes, " + failed + " wrong");
        System.exit(failed == 0 ? 0 : 1);
    }

    private static String run(Mistake mistake) {
        String outcome;
        Thread.interrupted();
        try (PythonGIL gil = PythonGIL.lock()) {
            PythonContextManager.deleteNonMainContexts();
            PythonContextManager.reset();
            try {
                outcome = String.valueOf(mistake.body.run());
            } catch (Throwable e) {
                outcome = e.getClass().getSimpleName() + ": " + message(e);
                if (!mistake.outcome.matcher(outcome).matches()) {
                    e.printStackTrace(System.out);
                }
            }
        } catch (Throwable e) {
            outcome = "beside it: " + e;
        }
        if (!mistake.outcome.matcher(outcome).matches()) {
            return outcome.substring(0, Math.min(1000, outcome.length())) + "\n      instead of " + mistake.outcome;
        }
        if (PythonGIL.locked()) {
            return "the turn is lost";
        }
        return mistake.alone ? aftermathAlone() : Operations.aftermath();
    }

    private static String message(Throwable e) {
        try {
            return e.getMessage();
        } catch (RuntimeException inner) {
            return "whose getMessage fails";
        }
    }

    /** The next calls after something was spoilt: what needs nothing but Python itself works. */
    private static String aftermathAlone() {
        try (PythonGIL gil = PythonGIL.lock()) {
            PythonVariables outputs = new PythonVariables();
            outputs.addList("left");
            PythonExecutioner.exec("left = [1 + 1, 'a', None, 2.5, {'k': (1,)}]", null, outputs);
            if (!"[2, a, null, 2.5, {k=[1]}]".equals(String.valueOf(outputs.getListValue("left")))) {
                return "the next call gives " + outputs.getListValue("left");
            }
            PythonObject sum = new PythonObject(1).add(new PythonObject(2));
            if (sum.toLong() != 3 || !eval("'a' 'b'").toString().equals("ab")) {
                return "operators fail";
            }
            try {
                exec("1 / 0");
                return "nothing thrown";
            } catch (PythonException e) {
                if (!e.getMessage().startsWith("ZeroDivisionError")) {
                    return "an error is " + e;
                }
                e.getTraceback();
            }
            try {
                exec("x = (");
                return "no syntax error";
            } catch (PythonException e) {
                if (!e.getMessage().startsWith("Execution failed")) {
                    return "a syntax error is " + e;
                }
            }
            new PythonObject(Arrays.asList(new java.math.BigInteger("9".repeat(30)), Collections.singleton(1))).toList();
            PythonContextManager.setContext("another");
            PythonExecutioner.exec("z = 1");
            PythonContextManager.setMainContext();
            PythonContextManager.deleteNonMainContexts();
            PythonContextManager.reset();
            PythonExecutioner.getAllVariables();
            return null;
        } catch (Throwable e) {
            java.io.StringWriter text = new java.io.StringWriter();
            e.printStackTrace(new java.io.PrintWriter(text));
            return "the next call: " + text;
        }
    }
}
