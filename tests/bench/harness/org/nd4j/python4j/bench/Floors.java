// SPDX-License-Identifier: Apache-2.0
// The floors: what JNI and CPython's C API cost by themselves, with nothing of a library between
// them. The native half is tests/bench/floor/floor.c, which the benchmark alone builds and loads.
package org.nd4j.python4j.bench;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.LongSupplier;
import java.util.function.LongUnaryOperator;

/** C that calls CPython, called from Java by JNI. Wants the system properties that Gradle sets. */
public final class Floors extends Peer {

    // The functions of floor.c that Python calls: what they call in Java.
    private static final int LONG_TO_LONG = 0;
    private static final int TEXT_TO_TEXT = 1;
    private static final int LONG = 2;
    private static final int NEXT = 3;
    private static final int LINES_OUT = 4;

    private final Map<String, Long> codes = new HashMap<>();

    /** Starts Python with a text that is run, without the GIL held afterwards. */
    private static native void start(String libpython, String text);

    private static native void empty();

    private static native void enter();

    private static native void leave();

    private static native void enterAndLeave();

    private static native void enterAndLeaveFresh();

    private static native long compile(String text);

    private static native void run(long code);

    private static native void compileAndRun(byte[] text);

    private static native long addInts(long code, long x, long y);

    private static native byte[] echoText(long code, byte[] utf8);

    private static native void putText(byte[] utf8);

    private static native byte[] getText();

    private static native byte[] echoBytes(long code, byte[] bytes);

    private static native long callF(long a, long b);

    private static native long readAttribute();

    private static native long readItem();

    private static native double readAttributeDouble();

    private static native String readAttributeText();

    private static native double readItemDouble();

    private static native String readItemText();

    private static native long iterator();

    /** -1 at the end. */
    private static native long next(long iterator);

    private static native long callMethod();

    private static native long callProxy(long x);

    private static native Point readPoint();

    private static native String raised(long code);

    /** Makes a Java object known to Python as a function of that name. */
    private static native void function(String name, int kind, Object receiver);

    private static native void build(int kind, int count);

    private static native long[] readLongs();

    private static native int echoProcess(String python, String text);

    private static native void echoBytesThere(int socket, byte[] bytes);

    @Override
    public void open() {
        load();
        enter();
    }

    private static synchronized void load() {
        System.load(System.getProperty("bench.floor.library"));
        start(System.getProperty("bench.floor.libpython"), DEFINITIONS);
    }

    @Override
    public void close() {
        leave();
    }

    @Override
    public void prepare() {
        load();
    }

    /** A socket between this process and a Python that sends back what comes. */
    @Override
    Pool pool(int processes, String text) {
        load();
        int socket = echoProcess(System.getProperty("bench.floor.python"), String.join("\n",
                "import os",
                "while True:",
                "    data = os.read(0, 65536)",
                "    if not data: break",
                "    length = int.from_bytes(data[:4], 'little')",
                "    if length > len(data):",
                "        parts = [data]",
                "        length -= len(data)",
                "        while length > 0:",
                "            parts.append(os.read(0, 1 << 20))",
                "            length -= len(parts[-1])",
                "        data = b''.join(parts)",
                "    while data:",
                "        data = data[os.write(0, data):]"));
        return new Pool() {
            @Override
            public Object exec(String code) {
                return echo(new byte[40]);
            }

            @Override
            public long ints(long x, long y) {
                echo(new byte[80]);
                return x + y;
            }

            @Override
            public Object echo(byte[] bytes) {
                for (int i = 0; i < 4; i++) {
                    bytes[i] = (byte) (bytes.length >> 8 * i);
                }
                echoBytesThere(socket, bytes);
                return bytes;
            }

            @Override
            public void close() {}
        };
    }

    Object jni() {
        empty();
        return null;
    }

    @Override
    public Object lock() {
        enterAndLeave();
        return null;
    }

    Object lockFresh() {
        enterAndLeaveFresh();
        return null;
    }

    /** Code that was kept for its text; the first time it is compiled. */
    private long code(String text) {
        return codes.computeIfAbsent(text, Floors::compile);
    }

    @Override
    public Object exec(String text) {
        run(code(text));
        return null;
    }

    @Override
    public Object execNew(String text) {
        compileAndRun(text.getBytes(StandardCharsets.UTF_8));
        return null;
    }

    @Override
    public Step compiled(String text) {
        long code = compile(text);
        return () -> {
            run(code);
            return null;
        };
    }

    @Override
    public long ints(long x, long y) {
        return addInts(code("z = x + y"), x, y);
    }

    @Override
    public Ints compiledInts() {
        long code = compile("z = x + y");
        return (x, y) -> addInts(code, x, y);
    }

    @Override
    public Object echo(Object value) {
        long code = code("t = s");
        if (value instanceof byte[]) {
            return echoBytes(code, (byte[]) value);
        }
        byte[] utf8 = ((String) value).getBytes(StandardCharsets.UTF_8);
        return new String(echoText(code, utf8), StandardCharsets.UTF_8);
    }

    @Override
    public long call(long a, long b) {
        return callF(a, b);
    }

    @Override
    public Ints callable() {
        return Floors::callF;
    }

    @Override
    public long attribute() {
        return readAttribute();
    }

    @Override
    public long item() {
        return readItem();
    }

    @Override
    public double attributeDouble() {
        return readAttributeDouble();
    }

    @Override
    public String attributeText() {
        return readAttributeText();
    }

    @Override
    public double itemDouble() {
        return readItemDouble();
    }

    @Override
    public String itemText() {
        return readItemText();
    }

    @Override
    public long iterate() {
        long iterator = iterator();
        long sum = 0;
        for (long element = next(iterator); element != -1; element = next(iterator)) {
            sum += element;
        }
        return sum;
    }

    @Override
    public String pattern(String text) {
        putText(text.getBytes(StandardCharsets.UTF_8));
        run(code("t = s"));
        return new String(getText(), StandardCharsets.UTF_8);
    }

    @Override
    public String patternOutside(String text) {
        enter();
        try {
            return (String) echo(text);
        } finally {
            leave();
        }
    }

    @Override
    public void reference(List<Object> list) {
        function("r", NEXT, list);
    }

    @Override
    public Object walk() {
        return exec("for e in iter(r, None): pass");
    }

    /** Each member is a function, since there is no library that makes an object of them. */
    @Override
    public void referTo(Counter counter) {
        function("q_value", LONG, (LongSupplier) () -> counter.value);
        function("q_add", LONG_TO_LONG, (LongUnaryOperator) counter::add);
    }

    @Override
    public Object referenceAttribute() {
        return exec("x = q_value()");
    }

    @Override
    public Object referenceMethod() {
        return exec("x = q_add(1)");
    }

    @Override
    public void callback() {
        function("j", LONG_TO_LONG, (LongUnaryOperator) x -> x);
    }

    @Override
    public void callbackText() {
        function("j", TEXT_TO_TEXT, (Function<String, String>) x -> x);
    }

    @Override
    public void callbackAny() {
        BiFunction<List<?>, Map<?, ?>, Object> any = (arguments, named) -> arguments.get(0);
        function("j", LONG_TO_LONG, (LongUnaryOperator) x -> (Long) any.apply(List.of(x), new LinkedHashMap<>()));
    }

    @Override
    public LongUnaryOperator proxy() {
        return Floors::callProxy;
    }

    @Override
    public Object record() {
        return readPoint();
    }

    @Override
    public Object longArray() {
        return readLongs();
    }

    @Override
    public void printing() {
        function("write", LINES_OUT, (Consumer<String>) line -> {});
        exec("import sys, types\nsys.stdout = types.SimpleNamespace(write=write, flush=lambda: None)");
    }

    @Override
    public long method() {
        return callMethod();
    }

    @Override
    public Exception error(String text) {
        String report = raised(code(text)); // message, file, function, line
        int file = report.indexOf('\n');
        int function = report.indexOf('\n', file + 1);
        int line = report.indexOf('\n', function + 1);
        RuntimeException made = new RuntimeException(report.substring(0, file));
        made.setStackTrace(new StackTraceElement[] {new StackTraceElement("Python", report.substring(function + 1, line),
                report.substring(file + 1, function), Integer.parseInt(report.substring(line + 1)))});
        return made;
    }

    /** A value of so many elements built in Python, and one in Java. */
    Step both(String kind, int count) {
        switch (kind) {
            case "longs":
                return () -> {
                    build(0, count);
                    List<Long> list = new ArrayList<>(count);
                    for (int i = 0; i < count; i++) {
                        list.add(i + 1000L);
                    }
                    return list;
                };
            case "doubles":
                return () -> {
                    build(1, count);
                    List<Double> list = new ArrayList<>(count);
                    for (int i = 0; i < count; i++) {
                        list.add(i * 0.5);
                    }
                    return list;
                };
            case "strings":
                byte[] digits = "01234567".getBytes(StandardCharsets.US_ASCII);
                return () -> {
                    build(2, count);
                    List<String> list = new ArrayList<>(count);
                    for (int i = 0; i < count; i++) {
                        list.add(new String(digits, 0, 8, StandardCharsets.UTF_8));
                    }
                    return list;
                };
            case "dict":
                byte[][] keys = new byte[count][];
                for (int i = 0; i < count; i++) {
                    keys[i] = ("k" + i).getBytes(StandardCharsets.US_ASCII);
                }
                return () -> {
                    build(3, count);
                    Map<String, Double> map = new LinkedHashMap<>(2 * count);
                    for (int i = 0; i < count; i++) {
                        map.put(new String(keys[i], StandardCharsets.UTF_8), i * 0.5);
                    }
                    return map;
                };
            default:
                byte[] name = "n1234".getBytes(StandardCharsets.US_ASCII);
                return () -> {
                    build(4, count);
                    List<Map<String, Object>> list = new ArrayList<>(count);
                    for (int i = 0; i < count; i++) {
                        Map<String, Object> map = new LinkedHashMap<>();
                        map.put("id", (long) i);
                        map.put("name", new String(name, StandardCharsets.UTF_8));
                        map.put("score", i * 0.5);
                        list.add(map);
                    }
                    return list;
                };
        }
    }
}
