// SPDX-License-Identifier: Apache-2.0
// A pool and the Python in this process give the same values: every type of PythonTypes and every value of the table in
// docs/types.md, and values that are made at random. What one of them refuses, the other one refuses, too.
package org.nd4j.python4j.pool;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.reflect.Array;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.UUID;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.python4j.Python;
import org.nd4j.python4j.PythonBuffer;
import org.nd4j.python4j.PythonCallable;
import org.nd4j.python4j.PythonContextManager;
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.PythonExecutioner;
import org.nd4j.python4j.PythonFunction;
import org.nd4j.python4j.PythonGIL;
import org.nd4j.python4j.PythonObject;
import org.nd4j.python4j.PythonType;
import org.nd4j.python4j.PythonTypes;
import org.nd4j.python4j.PythonVariable;
import org.nd4j.python4j.numpy.NumpyArray;

@Timeout(300)
@SuppressWarnings({"rawtypes", "unchecked"}) // as the API
class PoolValuesTest {

    private static final List<PythonType> TYPES = List.of(PythonTypes.STR, PythonTypes.INT, PythonTypes.FLOAT, PythonTypes.BOOL,
            PythonTypes.LIST, PythonTypes.DICT, PythonTypes.BYTES);

    /** What Python says of a value, with a set in an order of its own: each process has another one for texts. */
    private static final String SEEN =
            "lambda v: __import__('builtins').repr((type(v).__name__, sorted(v, key=repr) if isinstance(v, (set, frozenset)) else v))";

    private static final List<String> EXPRESSIONS = List.of("None", "True", "False", "0", "-1", "7", "2**63 - 1", "-2**63", "2**63", "-2**63 - 1",
            "10**400", "1.5", "-0.0", "float('nan')", "float('inf')", "-float('inf')", "5e-324", "1.7976931348623157e308", "''", "'abc'",
            "'a\\u00e9\\u6f22\\U0001f600\\0'", "'\\ud800x'", "'x' * 300", "'\\u00e9' * 300", "'\\u6f22' * 70000", "b''", "bytes(range(256))", "b'x' * 70000",
            "[]", "[1, 2, 3]", "[1.5, 2.5]", "[1, 'a', None, [2.5, [b'x', {}]]]", "()", "(1, (2,))", "range(5)", "{1: 2}.keys()", "{1: 2}.items()", "set()", "{1, 2}",
            "frozenset([1])", "{frozenset([1]): 2}", "{}", "{'a': {'b': [1, None]}}", "{(1, 2): 3}", "{1: 2, 1.5: 'x', None: b'y'}",
            "{(1, 2), range(1, 3)}", "__import__('decimal').Decimal('1.10')", "__import__('decimal').Decimal('1E+20')", "__import__('decimal').Decimal('NaN')",
            "__import__('numpy').int8(-3)", "__import__('numpy').uint64(2**64 - 1)", "__import__('numpy').float32(0.1)", "__import__('numpy').bool_(True)",
            "[__import__('numpy').float64(2.5)]", "object()", "lambda: 1", "1j", "int", "(i for i in 'ab')", "iter([1])", "__import__('datetime').date(2024, 2, 29)",
            "__import__('datetime').datetime(2024, 2, 29, 1, 2, 3)", "__import__('datetime').timedelta(1)", "__import__('uuid').UUID(int=5)",
            "__import__('fractions').Fraction(1, 3)", "__import__('collections').OrderedDict(a=1)", "__import__('collections').deque([1])",
            "__import__('enum').IntEnum('E', 'A').A", "type('S', (str,), {})('s')", "type('L', (list,), {})([1])", "__import__('pathlib').PurePosixPath('/a')",
            "list(range(20000))", "[[i] for i in range(3000)]", "__import__('functools').reduce(lambda v, _: [v], range(998), 1)",
            "__import__('functools').reduce(lambda v, _: [v], range(1001), 1)");

    private static PythonPool pool;
    private static PythonContextManager.Context context;
    private static PythonGIL gil;

    @BeforeAll
    static void open() {
        gil = PythonGIL.lock();
        context = new PythonContextManager.Context();
        pool = PythonPool.builder().workers(1).build();
    }

    @AfterAll
    static void close() {
        pool.close();
        context.close();
        gil.close();
    }

    /** A value with its classes, or that it was refused. */
    private static String shown(java.util.concurrent.Callable<Object> code) {
        try {
            return shown(code.call());
        } catch (PythonException e) {
            return "refused";
        } catch (Exception e) {
            throw new AssertionError(e);
        }
    }

    private static String shown(Object value) {
        if (value == null) {
            return "null";
        }
        StringBuilder text = new StringBuilder(value.getClass().getSimpleName()).append('(');
        if (value.getClass().isArray()) {
            for (int i = 0; i < Array.getLength(value); i++) {
                text.append(Array.get(value, i)).append(' ');
            }
        } else if (value instanceof Collection) {
            List<String> elements = new ArrayList<>();
            for (Object element : (Collection<?>) value) { // no stream, whose frames are too many for deep values
                elements.add(shown(element));
            }
            if (value instanceof Set) {
                Collections.sort(elements);
            }
            elements.forEach(element -> text.append(element).append(' '));
        } else if (value instanceof Map) {
            ((Map<?, ?>) value).forEach((key, element) -> text.append(shown(key)).append('=').append(shown(element)).append(' '));
        } else if (value instanceof Double) {
            text.append(Long.toHexString(Double.doubleToRawLongBits((Double) value)));
        } else {
            text.append(value);
        }
        return text.append(')').toString();
    }

    private static Object here(PythonType type, String expression) {
        PythonVariable value = new PythonVariable<>("value", type);
        PythonExecutioner.exec("value = " + expression, null, List.of(value));
        return value.getValue();
    }

    private static Object there(PythonType type, String expression) {
        PythonVariable value = new PythonVariable<>("value", type);
        pool.exec("value = " + expression, null, List.of(value));
        return value.getValue();
    }

    @Test
    void everyTypeTakesTheSameValues() {
        List<String> different = new ArrayList<>();
        for (PythonType type : TYPES) {
            for (String expression : EXPRESSIONS) {
                String here = shown(() -> here(type, expression));
                String there = shown(() -> there(type, expression));
                // What str() says of an object has its address.
                if (!here.equals(there) && !here.contains(" at 0x")) {
                    different.add(type.getName() + " " + expression + ": " + here + " and " + there);
                }
            }
        }
        assertEquals(List.of(), different);
    }

    @Test
    void resultsOfCallsAreTheSame() {
        List<String> different = new ArrayList<>();
        for (String expression : EXPRESSIONS) {
            String function = "lambda: " + expression;
            String here = shown(() -> {
                try (PythonCallable callable = PythonCallable.of(function)) {
                    return callable.call();
                }
            });
            String there = shown(() -> pool.call(function));
            if (!here.equals(there)) {
                different.add(expression + ": " + here + " and " + there);
            }
        }
        assertEquals(List.of(), different);
    }

    /** Every row of the table, and what it refuses. */
    private static List<Object> values() {
        Iterable<Integer> iterable = () -> List.of(1, 2).iterator();
        Map<Object, Object> keys = new LinkedHashMap<>();
        keys.put(null, 1);
        keys.put(List.of(1, 2), Set.of("x"));
        keys.put(2.5, new byte[] {1});
        keys.put(true, Collections.emptyMap());
        List<Object> deep = List.of();
        for (int i = 0; i < 900; i++) {
            deep = List.of(deep);
        }
        List<Object> cyclic = new ArrayList<>();
        cyclic.add(cyclic);
        return new ArrayList<>(Arrays.asList(null, true, false, (byte) -3, (short) 300, 5, -1, Integer.MIN_VALUE, Long.MAX_VALUE, Long.MIN_VALUE,
                BigInteger.TEN, BigInteger.ONE.shiftLeft(63), BigInteger.TEN.pow(100).negate(), 1.5f, 0.1f, 0.1, -0.0, Double.NaN, Double.POSITIVE_INFINITY,
                Double.MIN_VALUE, new BigDecimal("1.10"), new BigDecimal("1E+30"), new BigDecimal("-0.00"), 'x', '\uD800', "", "abc", "a\u00e9\u6f22\uD83D\uDE00\0",
                "\uDC00x", "x".repeat(300), "\u6f22".repeat(30_000), new byte[0], new byte[] {-128, 0, 127}, new byte[70_000], new int[] {1, -2}, new long[] {3L},
                new short[] {4}, new char[] {'a', 'b'}, new boolean[] {true}, new float[] {0.1f}, new double[] {0.1, -0.0}, new int[][] {{1}, {2, 3}}, new Object[] {1, "a", null},
                new String[] {"s"}, List.of(), List.of(1, 2), List.of(1L, 2), List.of(1.5, 2.5f), Arrays.asList(1, 2.5, "x", null, List.of(true)), iterable, Set.of(5),
                new LinkedHashSet<>(Arrays.asList(1, "b", null)), Set.of(Set.of(1)), new LinkedHashSet<>(Arrays.asList(1, 1.0, true)), Map.of(), Map.of("a", List.of(Map.of())), keys, deep, cyclic,
                new Object(), LocalDate.of(2024, 2, 29), LocalDateTime.MIN, LocalTime.NOON, Instant.EPOCH, Duration.ZERO, UUID.randomUUID(), Path.of("a"), Optional.of(1),
                Thread.State.NEW, new StringBuilder("x"), Map.entry(1, 2), ByteBuffer.allocateDirect(3)));
    }

    @Test
    void argumentsAreTheSame() {
        List<String> different = new ArrayList<>();
        try (PythonCallable seen = PythonCallable.of(SEEN); PythonCallable same = PythonCallable.of("lambda v: v")) {
            for (Object value : values()) {
                // A call in this process takes more than the table has.
                String here = shown(() -> seen.call(PythonTypes.convert(value))) + shown(() -> same.call(PythonTypes.convert(value)));
                String there = shown(() -> pool.call(SEEN, value)) + shown(() -> pool.call("lambda v: v", value));
                if (!here.equals(there)) {
                    different.add((value == null ? "null" : value.getClass().getName()) + ": " + here + " and " + there);
                }
            }
        }
        assertEquals(List.of(), different);
    }

    private static Object random(Random random, int depth) {
        switch (random.nextInt(depth > 3 ? 9 : 13)) {
            case 0:
                return null;
            case 1:
                return random.nextBoolean();
            case 2:
                return random.nextLong();
            case 3:
                return random.nextInt(100);
            case 4:
                return Double.longBitsToDouble(random.nextLong());
            case 5:
                return new BigInteger(random.nextInt(200), random);
            case 6:
                return BigDecimal.valueOf(random.nextInt(), random.nextInt(20));
            case 7:
                byte[] bytes = new byte[random.nextInt(20)];
                random.nextBytes(bytes);
                return bytes;
            case 8:
                StringBuilder text = new StringBuilder();
                random.ints(random.nextInt(random.nextInt(10) == 0 ? 400 : 8), 0, 0x10000).forEach(c -> text.append((char) (random.nextBoolean() ? c : c % 128)));
                return text.toString();
            case 9:
            case 10:
                List<Object> list = new ArrayList<>();
                for (int i = random.nextInt(6); i > 0; i--) {
                    list.add(random(random, depth + 1));
                }
                return list;
            case 11:
                Map<Object, Object> map = new LinkedHashMap<>();
                for (int i = random.nextInt(6); i > 0; i--) {
                    map.put(random.nextBoolean() ? random.nextInt() : "k" + i, random(random, depth + 1));
                }
                return map;
            default:
                Set<Object> set = new LinkedHashSet<>();
                for (int i = random.nextInt(2); i > 0; i--) {
                    set.add("e" + random.nextInt());
                }
                return set;
        }
    }

    @Test
    void randomValuesAreTheSame() {
        try (PythonCallable seen = PythonCallable.of(SEEN); PythonCallable same = PythonCallable.of("lambda v: v")) {
            for (int seed = 0; seed < 500; seed++) {
                Object value = random(new Random(seed), 0);
                String message = "seed " + seed;
                assertEquals(shown(() -> seen.call(value)), shown(() -> pool.call(SEEN, value)), message);
                assertEquals(shown(() -> same.call(value)), shown(() -> pool.call("lambda v: v", value)), message);
            }
        }
    }

    @Test
    void inputsOfEveryTypeAreTheSame() {
        List<String> different = new ArrayList<>();
        for (PythonType type : TYPES) {
            for (Object value : values()) {
                PythonVariable seen = new PythonVariable<>("seen", PythonTypes.STR);
                String code = "seen = repr((type(v).__name__, v))";
                String here = shown(() -> execHere(code, type, value, seen));
                String there = shown(() -> {
                    pool.exec(code, List.of(new PythonVariable<>("v", type, value)), List.of(seen));
                    return seen.getValue();
                });
                if (!here.equals(there)) {
                    different.add(type.getName() + " " + (value == null ? "null" : value.getClass().getName()) + ": " + here + " and " + there);
                }
            }
        }
        assertEquals(List.of(), different);
    }

    private static Object execHere(String code, PythonType type, Object value, PythonVariable seen) {
        PythonExecutioner.exec(code, List.of(new PythonVariable<>("v", type, value)), List.of(seen));
        return seen.getValue();
    }

    @Test
    void arraysOfNd4jAreTheSame() {
        for (DataType type : new DataType[] {DataType.DOUBLE, DataType.FLOAT, DataType.FLOAT16, DataType.INT64, DataType.INT32, DataType.INT16, DataType.INT8,
            DataType.UINT8, DataType.BOOL}) {
            for (long[] shape : new long[][] {{3}, {2, 3}, {2, 2, 2}, {300, 400}}) {
                for (INDArray array : List.of(Nd4j.ones(type, shape), Nd4j.arange(Nd4j.ones(type, shape).length()).reshape(shape).castTo(type))) {
                    for (INDArray each : shape.length == 2 ? List.of(array, array.transpose(), array.getColumn(1)) : List.of(array)) {
                        INDArray back = pool.callAs(NumpyArray.INSTANCE, "lambda a: a", each);
                        assertEquals(each.dataType(), back.dataType());
                        assertArrayEquals(each.shape(), back.shape());
                        assertEquals(each, back);
                        assertEquals("ndarray", pool.call("lambda a: type(a).__name__", each));
                    }
                }
            }
        }
        PythonVariable<INDArray> in = new PythonVariable<>("a", NumpyArray.INSTANCE, Nd4j.createFromArray(1.0, 2.0));
        PythonVariable<INDArray> out = new PythonVariable<>("b", NumpyArray.INSTANCE);
        pool.exec("b = a * 2", List.of(in), List.of(out));
        assertEquals(Nd4j.createFromArray(2.0, 4.0), out.getValue());
        List<?> nested = (List<?>) pool.call("lambda m: [m['x'][0], m['x'][0].sum()]", Map.of("x", List.of(Nd4j.ones(DataType.DOUBLE, 100_000))));
        assertEquals(100_000, ((PythonBuffer) nested.get(0)).count());
        assertEquals(100_000.0, nested.get(1));
        INDArray large = pool.callAs(NumpyArray.INSTANCE, "lambda: __import__('numpy').arange(200_000.0)");
        assertEquals(199_999.0, large.getDouble(199_999));
        large.putScalar(5, -1);
        assertEquals(-1.0, pool.call("lambda a: float(a[5])", large));
        assertThrows(PythonException.class, () -> pool.callAs(NumpyArray.INSTANCE, "lambda: [1]"));
        assertThrows(PythonException.class, () -> pool.callAs(NumpyArray.INSTANCE, "lambda: __import__('numpy').array(['a'])"));
        assertThrows(PythonException.class, () -> pool.call("lambda a: a", Nd4j.create("text")));
        assertEquals(1L, pool.call("lambda: 1"));
    }

    private static final List<String> ERRORS = List.of("1 / 0", "def f():\n    def g():\n        return {}['x']\n    g()\nf()", "import nowhere.at_all", "import os.nowhere",
            "x = = 1", "exec('a b')", "import sys\nsys.exit(3)", "import sys\nsys.exit('text')", "raise SystemExit", "raise KeyboardInterrupt('k')", "raise GeneratorExit",
            "try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    raise ValueError('around') from e", "try:\n    1 / 0\nexcept ZeroDivisionError:\n    raise KeyError('while')",
            "e = ValueError('n')\ne.add_note('first')\ne.add_note('second')\nraise e", "raise ExceptionGroup('several', [ValueError(1), ExceptionGroup('inner', [KeyError('k')])])",
            "class Own(Exception):\n    def __str__(self): return 'own text'\nraise Own", "class Bad(Exception):\n    def __str__(self): raise ValueError\nraise Bad",
            "b'\\xff'.decode()", "open('/nowhere/file')", "raise Exception('\ud800 lone')", "int('x' * 10)", "assert False, 'why'", "nothing",
            "import json\njson.loads('{')", "raise MemoryError", "raise StopIteration(5)", "del nothing", "'a' + 1");

    /** All that an exception tells, without the numbers of texts and the stack of Java. */
    private static String told(Throwable e) {
        StringBuilder text = new StringBuilder(e.getClass().getName()).append(": ").append(e.getMessage());
        if (e instanceof PythonException) {
            PythonException python = (PythonException) e;
            text.append('|').append(python.getPythonClass()).append('|').append(python.getPythonModule()).append('|').append(python.getPythonMessage()).append('|')
                    .append(python.getNotes()).append('|').append(python.getTraceback());
            Arrays.stream(e.getStackTrace()).filter(frame -> frame.getClassName().equals("Python")).forEach(frame -> text.append('|').append(frame));
        }
        if (e.getCause() != null) {
            text.append("\ncause ").append(told(e.getCause()));
        }
        Arrays.stream(e.getSuppressed()).forEach(member -> text.append("\nmember ").append(told(member)));
        return text.toString().replaceAll("<exec-\\d+>", "<exec>");
    }

    @Test
    void errorsAreTheSame() {
        List<String> different = new ArrayList<>();
        for (String code : ERRORS) {
            String here = told(assertThrows(Throwable.class, () -> PythonExecutioner.exec(code)));
            String there = told(assertThrows(Throwable.class, () -> pool.exec(code)));
            if (!here.equals(there)) {
                different.add(code + ":\n" + here + "\nand\n" + there + "\n");
            }
        }
        assertEquals(List.of(), different);
    }

    @Test
    void whatCannotTravelIsRefusedWithWhatToDo() {
        long worker = (Long) pool.call("os:getpid");
        PythonObject object = Python.of(5);
        assertTrue(refusal(() -> pool.call("len", object)).contains("hand over its value"));
        assertTrue(refusal(() -> pool.call("len", LocalDate.EPOCH)).contains("java.time.LocalDate. Hand over to a worker process what the value consists of"));
        assertTrue(refusal(() -> pool.call("len", List.of(new Object()))).contains("Hand over to a worker process"));
        PythonFunction values = (arguments, named) -> arguments.get(0);
        assertEquals(List.of(1L, "a"), pool.call("lambda f: f([1, 'a'])", values));
        String date = refusal(() -> pool.call("lambda: __import__('datetime').date(2024, 2, 29)"));
        assertTrue(date.contains("A value of the type date cannot leave its worker process: return what it consists of"), date);
        assertEquals(worker, pool.call("os:getpid"));
    }

    @Test
    void aCallbackReturnsWhatAPoolTakes() {
        PythonFunction gives = (arguments, named) -> Map.of("a", new int[] {1, 2}, "b", List.of(new BigDecimal("2.50")));
        assertEquals("[1, 2] 2.50", pool.call("lambda f: f'{f()[\"a\"]} {f()[\"b\"][0]}'", gives));
        List<Object> kept = new ArrayList<>();
        PythonFunction keeps = (arguments, named) -> kept.add(arguments.get(0));
        assertSame(true, pool.call("lambda f: f({'x': (1, b'y')})", keeps));
        assertEquals("[{x=[1, [121]]}]", kept.toString().replaceAll("\\[B@\\w+", "[121]"));
    }

    private static String refusal(org.junit.jupiter.api.function.Executable code) {
        return assertThrows(PythonException.class, code).getMessage();
    }
}
