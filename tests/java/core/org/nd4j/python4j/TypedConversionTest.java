// SPDX-License-Identifier: Apache-2.0
// Python values as records, interfaces and functions of Java with arguments, and what a value that does not
// fit says of itself. Records come from a class that is compiled while the tests run.
package org.nd4j.python4j;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeout;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.reflect.Method;
import java.lang.reflect.Type;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.net.URLClassLoader;
import java.nio.file.Path;
import java.time.Duration;
import java.time.LocalDate;
import java.time.ZonedDateTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeSet;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.python4j.internal.convert.Conversion;

@ExtendWith(InPython.class)
class TypedConversionTest {

    private static final String SHAPES = String.join("\n", "package made;", "import java.util.*;", "import java.util.function.*;",
            "import org.nd4j.python4j.PythonObject;", "public interface Shapes {",
            "  record Tree<T>(T value, List<Tree<T>> children) {}",
            "  record Node<T>(T value) {}",
            "  record P<A, B>(A a, B b, P<B, A> c) {}",
            "  record Grow<T>(T v, Grow<List<T>> next) {}",
            "  record Bound<N extends Integer>(N n, List<? extends N> more) {}",
            "  record Arrays2<T>(T[] flat, List<T>[] lists, Map<String, T[][]> deep) {}",
            "  record Holder<T>(T value, PythonObject object) {}",
            "  record Oct(Oct a, Oct b, Oct c, Oct d, Oct e, Oct f, Oct g, Oct h) {}",
            "  record Counted(int count, int index, String pop) {}",
            "  record Order(int orders, String at) {}",
            "  record Report(List<Order> rows) {}",
            "  record Box(Report inner, List<Report> items) {}",
            "  record Chain(int v, Chain next) {}",
            "  record Strict(List<String> names) { public Strict { names = List.copyOf(names); } }",
            "  record Loop(List<Object> own) {}",
            "  record Place(int x, long y) {}",
            "  record Small(long userId, double score, Boolean isOn, String text, int n) {}",
            "  record Wide(long a, long b, long c, long d, long e, long f, long g, long h, long i, long j, long k, long l, long m, long n, long o,",
            "    long p, long q, long r) {}",
            "  Tree<Integer> tree(); P<Integer, String> p(); Grow<Integer> grow(); Bound<Integer> bound(); Bound<?> anyBound();",
            "  Arrays2<Integer> arrays(); Holder<Short> holder(); List<Node<? extends Byte>> nodes(); Optional<Node<Float>> maybe();",
            "  Map<Short, ? super Integer> map(); Node<?> any(); Report rows(); Node<Long>[] array();", "}");

    private static Class<?> shapes;
    private static URLClassLoader loader;

    @BeforeAll
    static void compile(@TempDir Path folder) throws Exception {
        loader = Compiled.records(folder, SHAPES);
        shapes = loader.loadClass("made.Shapes");
        for (String name : Arrays.asList("Tree", "Node", "P", "Grow", "Bound", "Arrays2", "Holder", "Oct", "Counted", "Order", "Report", "Box",
                "Chain", "Strict", "Loop", "Place", "Small", "Wide")) {
            shape(name); // before the folder goes
        }
    }

    private static Class<?> shape(String name) throws ClassNotFoundException {
        return loader.loadClass("made.Shapes$" + name);
    }

    private static Type type(String method) throws NoSuchMethodException {
        return shapes.getMethod(method).getGenericReturnType();
    }

    private static Object of(String expression, String method) throws Exception {
        return Python.eval(expression).toJava(type(method));
    }

    private static Object get(Object record, String... components) throws Exception {
        Object at = record;
        for (String component : components) {
            Method accessor = at.getClass().getMethod(component);
            accessor.setAccessible(true);
            at = accessor.invoke(at);
        }
        return at;
    }

    private static void run(String... lines) {
        PythonExecutioner.exec(String.join("\n", lines));
    }

    private static <T> T java(String expression, Class<T> type) {
        return Python.eval(expression).toJava(type);
    }

    private static void wrong(String message, String expression, Type type) {
        PythonObject value = Python.eval(expression);
        PythonException e = assertThrows(PythonException.class, () -> value.toJava(type), message);
        assertTrue(e.getMessage().startsWith(message), () -> "expected: " + message + "\nbut was:  " + e.getMessage());
        assertEquals(PythonException.class, e.getClass());
    }

    // ---- type arguments ----

    @Test
    void argumentsReachEveryDepth() throws Exception {
        Object tree = of("{'value': 1, 'children': [{'value': 2, 'children': [{'value': 3, 'children': []}]}]}", "tree");
        for (int depth = 1; depth <= 3; depth++) {
            assertEquals(depth, get(tree, "value"));
            List<?> children = (List<?>) get(tree, "children");
            tree = children.isEmpty() ? null : children.get(0);
        }
        Object p = of("{'a': 1, 'b': 'x', 'c': {'a': 'y', 'b': 2, 'c': {'a': 3, 'b': 'z', 'c': None}}}", "p");
        assertEquals("y", get(p, "c", "a"));
        assertEquals(3, get(p, "c", "c", "a"));
        wrong("value.c.a: int 1 is not a String (record P)", "{'a': 1, 'b': 'x', 'c': {'a': 1, 'b': 2, 'c': None}}", type("p"));
        Object grow = of("{'v': 1, 'next': {'v': [2], 'next': {'v': [[3]], 'next': None}}}", "grow");
        assertEquals(Collections.singletonList(Collections.singletonList(3)), get(grow, "next", "next", "v"));
    }

    @Test
    void boundsWildcardsAndArrays() throws Exception {
        for (String method : Arrays.asList("bound", "anyBound")) {
            Object bound = of("{'n': 1, 'more': [2]}", method);
            assertEquals(1, get(bound, "n"));
            assertEquals(Collections.singletonList(2), get(bound, "more"));
        }
        Object arrays = of("{'flat': [1], 'lists': [[2], []], 'deep': {'x': [[3]]}}", "arrays");
        assertArrayEquals(new Integer[] {1}, (Object[]) get(arrays, "flat"));
        assertEquals(Collections.singletonList(2), ((List<?>[]) get(arrays, "lists"))[0]);
        assertEquals(3, ((Integer[][]) ((Map<?, ?>) get(arrays, "deep")).get("x"))[0][0]);
        assertEquals((byte) 5, get(((List<?>) of("[{'value': 5}]", "nodes")).get(0), "value"));
        assertEquals(0.5f, get(((java.util.Optional<?>) of("{'value': 0.5}", "maybe")).get(), "value"));
        assertEquals(Collections.singletonMap((short) 1, 2), of("{1: 2}", "map"));
        assertEquals(7L, get(of("{'value': 7}", "any"), "value"));
        Object[] array = (Object[]) of("[{'value': 1}]", "array");
        assertEquals(shape("Node"), array.getClass().getComponentType());
        assertEquals(1L, get(array[0], "value"));
        run("o = object()");
        Object holder = of("{'value': 5, 'object': o}", "holder");
        assertEquals((short) 5, get(holder, "value"));
        PythonExecutioner.setVariable("again", (PythonObject) get(holder, "object"));
        assertTrue(Expect.truth("again is o"));
    }

    @Test
    void aRecordOfADictIsTheSameWhateverTheDictHas() throws Exception {
        Class<?> small = shape("Small");
        String longest = "\u00e9".repeat(32);
        String start = "Small[userId=7, score=0.5, isOn=";
        for (int i = 0; i < 3; i++) {
            assertEquals(start + "true, text=t, n=-1]", java("{'userId': 7, 'score': 0.5, 'isOn': True, 'text': 't', 'n': -1}", small).toString());
            assertEquals(start + "null, text=" + longest + ", n=0]",
                    java("{'user_id': 7, 'score': 0.5, 'is_on': None, 'text': '" + longest + "', 'n': 0, 'more': object()}", small).toString());
            assertEquals(start + "false, text=" + longest + "x, n=1]",
                    java("{'user_id': 0, 'userId': 7, 'score': 0.5, 'is_on': False, 'text': '" + longest + "x', 'n': True + 0}", small).toString());
            assertEquals("Small[userId=7, score=2.0, isOn=true, text=t, n=3]",
                    java("{'userId': 7, 'score': 2, 'isOn': True, 'text': 't', 'n': 3}", small).toString());
            wrong("value.n: int 4294967296 is not an int (record Small)", "dict(userId=7, score=0.5, isOn=True, text='t', n=1 << 32)", small);
            wrong("Could not convert value to made.Shapes$Small: {'userId': 7}. It has no 'score', 'isOn', 'text', 'n'.", "{'userId': 7}", small);
            String eighteen = "{chr(97 + n): n for n in range(18)}";
            assertEquals(17L, get(java(eighteen, shape("Wide")), "r"));
            run("class D(dict):", "    def __getitem__(self, key): return 5", "class Text(str): pass");
            String texts = "{Text('user_id'): 7, 'score': 0.5, Text('isOn'): None, object(): 1, 'text': Text('t'), 'n': 1}";
            assertEquals(start + "null, text=t, n=1]", java(texts, small).toString());
            assertEquals(start + "null, text=t, n=1]", Python.eval("[" + texts + "]").toList(small).get(0).toString());
            assertEquals(5L, get(java("D(" + eighteen + ")", shape("Wide")), "r"));
        }
    }

    @Test
    void whatRunsWhileARecordIsReadMayReadOne() throws Exception {
        Class<?> small = shape("Small");
        PythonExecutioner.setVariable("j", Python.function(Runnable.class,
                () -> java("{'userId': 8, 'score': 1.5, 'isOn': False, 'text': '', 'n': 2}", small)));
        run("class D:", "    def __del__(self): j()", "class Key(str):", "    __hash__ = str.__hash__", "    def __eq__(self, other):",
                "        j()", "        return str.__eq__(self, other)");
        for (String key : List.of("'userId'", "Key('userId')")) {
            for (int i = 0; i < 3; i++) {
                PythonObject value = Python.eval("{" + key + ": 7, 'score': 0.5, 'isOn': None, 'text': 't', 'n': 1}");
                PythonObject finalized = Python.eval("D()");
                OtherThread.call(() -> {
                    finalized.close();
                    return null;
                });
                assertEquals("Small[userId=7, score=0.5, isOn=null, text=t, n=1]", value.toJava(small).toString());
            }
        }
    }

    @Test
    void aWideRecordOfItsOwnTypeIsAnalysedAtOnce() throws Exception {
        run("o = dict.fromkeys('abcdefgh')", "o['h'] = dict(o)");
        PythonObject value = Python.eval("o");
        Class<?> oct = shape("Oct");
        long start = System.nanoTime();
        assertNull(get(value.toJava(oct), "h", "h"));
        assertTrue(System.nanoTime() - start < TimeUnit.SECONDS.toNanos(10), "the analysis takes exponential time");
    }

    interface Base<T> {
        T get();

        List<T> all();

        Function<T, T> twice();

        Base<List<T>> listed();
    }

    interface Shorts extends Base<Short> {}

    @Test
    void proxiesOfProxiesKnowTheirArguments() {
        run("class B:", "    def get(self): return 1", "    def all(self): return [1]", "    def twice(self): return lambda n: 2 * n",
                "    def listed(self): return C()", "class C:", "    def get(self): return [2]", "    def all(self): return [[3]]");
        Shorts shorts = Python.eval("B()").asInterface(Shorts.class);
        assertInstanceOf(Short.class, (Object) shorts.get());
        assertInstanceOf(Short.class, (Object) shorts.all().get(0));
        assertEquals((short) 14, (Object) shorts.twice().apply((short) 7));
        assertEquals((short) 2, (Object) shorts.listed().get().get(0));
        assertEquals((short) 3, (Object) shorts.listed().all().get(0).get(0));
    }

    /** Its methods take and give functions with arguments. */
    public static final class Functions {
        public int apply(Function<Integer, Integer> function) {
            return function.apply(3);
        }

        public String lower(BiFunction<? super String, Long, ? extends CharSequence> function) {
            return function.apply("a", 2L).toString();
        }

        public long sum(Supplier<List<Long>> numbers) {
            return numbers.get().stream().mapToLong(each -> each).sum();
        }

        public <T extends Comparable<T>> List<String> sorted(List<String> texts, Comparator<? super String> order) {
            List<String> copy = new ArrayList<>(texts);
            copy.sort(order);
            return copy;
        }

        public Function<Integer, Integer> adder(int more) {
            return n -> n + more;
        }

        public Consumer<Map<String, Integer>> total(int[] into) {
            return map -> {
                for (Integer each : map.values()) {
                    into[0] += each;
                }
            };
        }
    }

    @Test
    void functionsKnowTheirArguments() {
        PythonExposure exposure = PythonExposure.none().allow(Functions.class, "apply", "lower", "sum", "sorted", "adder", "total");
        PythonExecutioner.setVariable("f", Python.reference(new Functions(), exposure));
        assertEquals("6", Expect.text("f.apply(lambda n: n * 2)"));
        assertEquals("aa", Expect.text("f.lower(lambda s, n: s * n)"));
        assertEquals("6", Expect.text("f.sum(lambda: (1, 2, 3))"));
        assertEquals("['c', 'b', 'a']", Expect.text("f.sorted(['a', 'c', 'b'], lambda a, b: (a < b) - (a > b))"));
        Expect.failureWith("Could not convert value to java.lang.Integer: 2.5", () -> Python.eval("f.apply(lambda n: [2.5][0])"));
        assertEquals("8", Expect.text("f.adder(3)(5)"));
    }

    // ---- records ----

    @Test
    void recordsFromSequencesGoByPosition() throws Exception {
        run("import collections, types", "Reordered = collections.namedtuple('Reordered', 'pop index count')",
                "Other = collections.namedtuple('Other', 'x y z')", "class Row(list):", "    index = 7", "class Obj: pass",
                "obj = Obj(); obj.count, obj.index, obj.pop = 1, 2, 'three'");
        Class<?> counted = shape("Counted");
        for (String expression : Arrays.asList("[1, 2, 'three']", "(1, 2, 'three')", "Other(1, 2, 'three')", "Reordered('three', 2, 1)",
                "Row([1, 2, 'three'])", "collections.deque([1, 2, 'three'])", "collections.UserList([1, 2, 'three'])",
                "{'count': 1, 'index': 2, 'pop': 'three'}", "collections.OrderedDict(pop='three', index=2, count=1)", "obj",
                "types.MappingProxyType({'count': 1, 'index': 2, 'pop': 'three'})", "types.SimpleNamespace(count=1, index=2, pop='three')")) {
            assertEquals("Counted[count=1, index=2, pop=three]", java(expression, counted).toString(), expression);
        }
        wrong("Could not convert value to made.Shapes$Counted: [1]. 3 values expected, count, index, pop: 1 given.", "[1]", counted);
        wrong("Could not convert value to made.Shapes$Counted: {'index': 1}. It has no 'count', 'pop'.", "{'index': 1}", counted);
        wrong("Could not convert value to made.Shapes$Counted: namespace(index=1). It has no 'count', 'pop'.", "types.SimpleNamespace(index=1)", counted);
        wrong("Could not convert value to made.Shapes$Counted: abc", "'abc'", counted);
        assertThrows(PythonException.class, () -> java("{1, 2, 3}", counted));
        assertThrows(PythonException.class, () -> java("range(4)", counted));
    }

    // ---- the way to what is wrong ----

    @Test
    void whatIsWrongIsNamedByTheWayToIt() throws Exception {
        Class<?> report = shape("Report");
        wrong("value.rows[1].orders: float 2.5 is not an int (record Order)",
                "{'rows': [{'orders': 1, 'at': 'x'}, {'orders': 2.5, 'at': 'y'}]}", report);
        wrong("value.rows[0].orders: None is not an int (record Order)", "{'rows': [{'orders': None, 'at': 'y'}]}", report);
        wrong("value.items[1].rows[0].orders: str 'x' is not an int (record Order)",
                "{'inner': None, 'items': [{'rows': []}, {'rows': [{'orders': 'x', 'at': ''}]}]}", shape("Box"));
        wrong("value['b']['x']: bool True is not a LocalDate", "{'a': {}, 'b': {'x': True}}", field("days"));
        run("import datetime");
        wrong("value['b']['x']: datetime 2024-01-02 00:00:00 is not a LocalDate", "{'b': {'x': datetime.datetime(2024, 1, 2)}}", field("days"));
        wrong("value[key 1]: int 1 is not a String", "{1: {}}", field("days"));
        wrong("value[0]: bytes b'\\x00a' is not an int", "[b'\\0a']", int[].class);
        wrong("value[1][0]: str 'a' is not a double", "[[1.5], ['a']]", double[][].class);
        run("class R:", "    def rows(self): return {'rows': [{'orders': 1.5, 'at': ''}]}");
        Object proxy = Python.eval("R()").asInterface(shapes);
        Throwable thrown = assertThrows(java.lang.reflect.InvocationTargetException.class, () -> shapes.getMethod("rows").invoke(proxy)).getCause();
        assertTrue(thrown.getMessage().startsWith("rows.rows[0].orders: float 1.5 is not an int (record Order)"), thrown.getMessage());
    }

    /** Only for the types of its fields. */
    static final class Fields {
        Map<String, Map<String, LocalDate>> days;
        SortedMap<Object, String> sorted;
        TreeSet<Object> tree;
        ConcurrentHashMap<String, String> concurrent;
        Set<List<Integer>> lists;
        Set<Double> doubles;
        Map<TimeUnit, Integer> units;
        Map<Object, Object> any;
        java.util.ArrayDeque<String> deque;
        java.util.concurrent.SynchronousQueue<String> full;
        ZonedDateTime zoned;
    }

    private static Type field(String name) {
        try {
            return Fields.class.getDeclaredField(name).getGenericType();
        } catch (NoSuchFieldException e) {
            throw new AssertionError(e);
        }
    }

    /** They are read into an array of ints first, where that is the same. */
    @Test
    void listsOfIntegers() {
        Type integers = Conversion.generic(List.class, Integer.class);
        List<Integer> many = IntStream.range(-50_000, 50_000).boxed().collect(Collectors.toList());
        assertEquals(many, Python.eval("list(range(-50_000, 50_000))").toJava(integers));
        assertEquals(new LinkedHashSet<>(many), Python.eval("list(range(-50_000, 50_000))").toJava(new PythonTypeToken<Set<Integer>>() {}));
        assertEquals(Collections.singletonMap("k", Arrays.asList(Arrays.asList(1, -2), Collections.emptyList(), Arrays.asList(3, 1, null))),
                Python.eval("{'k': [[1, -2], [], [3, True, None]]}").toJava(new PythonTypeToken<Map<String, List<List<Integer>>>>() {}));
        List<Integer> own = Python.eval("[1, 2]").toJava(new PythonTypeToken<List<Integer>>() {});
        own.add(3);
        assertEquals(Arrays.asList(1, 2, 3), own);
        wrong("value[1]: int 2147483648 is not an Integer. It is out of range", "[1, 2**31]", integers);
        wrong("value[99999]: float 0.5 is not an Integer.", "[*range(99_999), 0.5]", integers);
        wrong("value[0]: list [1, 2] is not an Integer", "[[1, 2]]", integers);
        wrong("Could not convert value to java.lang.Integer: [1, 2]", "[1, 2]", Integer.class);
    }

    @Test
    void noOtherExceptionComesOutOfAConversion() throws Exception {
        wrong("value[1]: str 'a' is not an Object. It cannot be put into TreeSet, which has to compare what it contains.", "[1, 'a']", field("tree"));
        wrong("value['x']: str 'b' is not a String. It cannot be put into TreeMap", "{1: 'a', 'x': 'b'}", field("sorted"));
        wrong("value['x']: None is not a String. It cannot be put into ConcurrentHashMap", "{'x': None}", field("concurrent"));
        wrong("value[0]: None is not a String. It cannot be put into ArrayDeque, which takes no null.", "[None]", field("deque"));
        wrong("value[0]: str 'a' is not a String. It cannot be put into SynchronousQueue, which says java.lang.IllegalStateException: Queue full.", "['a']", field("full"));
        run("import datetime", "class Odd(datetime.tzinfo):", "    key = 'Nowhere/Here'",
                "    def utcoffset(self, when): return datetime.timedelta(hours=1)");
        wrong("Could not convert value to java.time.ZonedDateTime: 2024-01-02 00:00:00+01:00. Unknown time-zone ID: Nowhere/Here.",
                "datetime.datetime(2024, 1, 2, tzinfo=Odd())", field("zoned"));
        wrong("Could not convert value to made.Shapes$Strict: [[None]]. Its constructor failed: java.lang.NullPointerException", "{'names': [None]}", shape("Strict"));
        wrong("Could not convert value to char: ''", "''", char.class);
        wrong("Could not convert value to java.lang.Integer: b'ab'", "b'ab'", Integer.class);
        wrong("Could not convert value to java.util.UUID: b'ab'", "b'ab'", java.util.UUID.class);
        run("d = None", "for i in range(3000): d = (i, d)", "c = None", "for i in range(900): c = {'v': i, 'next': c}");
        assertThrows(PythonException.class, () -> java("d", shape("Chain")));
        assertInstanceOf(shape("Chain"), java("c", shape("Chain")));
        run("class Silent:", "    def __str__(self): return ''", "class Mute:", "    def __str__(self): raise ValueError('no')");
        wrong("Could not convert value to int: <Silent object>", "Silent()", int.class);
        wrong("value[0]: Mute <Mute object> is not an int", "[Mute()]", int[].class);
        for (Object late : Arrays.asList(java.time.Instant.MAX, java.time.Instant.MIN, java.time.OffsetDateTime.MAX, LocalDate.MIN,
                Duration.ofSeconds(Long.MAX_VALUE), new java.util.Date(Long.MAX_VALUE))) {
            assertThrows(PythonException.class, () -> Python.of(Collections.singletonList(late)), late::toString);
        }
        List<Object> own = new ArrayList<>();
        Object loop = shape("Loop").getConstructors()[0].newInstance(own);
        own.add(loop);
        assertThrows(PythonException.class, () -> Python.of(loop));
    }

    // ---- what is equal on one side only ----

    @Test
    void whatIsEqualInJavaAloneIsNotLost() {
        run("nan = float('nan'), float('nan')");
        for (String expression : Arrays.asList("{(1, 2), range(1, 3)}", "{(1, 2): 'a', range(1, 3): 'b'}", "{nan[0], nan[1]}", "{nan[0]: 1, nan[1]: 2}",
                "{b'a'.decode(): {frozenset([(1, 2), range(1, 3)])}}")) {
            PythonObject value = Python.eval("[" + expression + "]");
            Expect.failureWith("would lose 1 of its elements or keys", value::toList);
            Expect.failureWith("would lose 1 of its elements or keys", () -> value.toJava(List.class));
        }
        run("import enum", "class TimeUnit(enum.Enum):", "    DAYS = 1");
        wrong("Could not convert value to java.util.Map<java.util.concurrent.TimeUnit, java.lang.Integer>: {DAYS}. Some that differ in Python",
                "{'DAYS': 1, TimeUnit.DAYS: 2}", field("units"));
        assertEquals(Collections.singleton(Arrays.asList(1, 2)), Python.eval("{(1, 2)}").toJava(field("lists")));
        assertEquals(Collections.singleton(1.5), Python.eval("[1.5, 1.5]").toJava(field("doubles")), "a list's elements may be equal");
    }

    @Test
    void whatIsEqualInPythonAloneIsNotLost() {
        for (Object value : Arrays.asList(new LinkedHashSet<>(Arrays.asList(1, true)), new LinkedHashSet<>(Arrays.asList(1L, 1.0)),
                new LinkedHashSet<>(Arrays.asList(1, 1L)), new LinkedHashSet<>(Arrays.asList(0.0, -0.0)), new LinkedHashSet<>(Arrays.asList("a", 'a')),
                new LinkedHashSet<>(Arrays.asList(new BigDecimal("1.0"), new BigDecimal("1.00"))),
                new LinkedHashSet<>(Arrays.asList(new byte[] {1}, new byte[] {1})))) {
            Map<Object, Object> map = new LinkedHashMap<>();
            ((Set<?>) value).forEach(each -> map.put(each, each));
            for (Object sent : Arrays.asList(value, map, Collections.singletonList(map))) {
                Expect.failureWith("are equal in Python", () -> Python.of(sent));
                Expect.failureWith("are equal in Python", () -> PythonTypes.convert(sent));
            }
        }
        Map<Object, Object> whole = new HashMap<>();
        whole.put(1, "a");
        whole.put("1", "b");
        assertEquals("2", Python.len(Python.of(whole)).toString());
    }

    // ---- subclasses ----

    @Test
    void subclassesArriveAsTheirBase() {
        run("import collections, enum, decimal", "class Level(enum.IntEnum):", "    LOW = 1", "class Text(str): pass", "class Real(float): pass",
                "P = collections.namedtuple('P', 'x y')", "class Plain(enum.Enum):", "    A = 1",
                "value = {'o': collections.OrderedDict(a=1), 'd': collections.defaultdict(list, b=[Level.LOW]), 'p': P(1, Text('t')), 'e': Level.LOW,",
                "    'r': Real(0.5), 'c': collections.Counter('aa'), 's': Text('x')}");
        Map<Object, Object> value = Python.eval("value").toJava(field("any"));
        assertEquals("{o={a=1}, d={b=[1]}, p=[1, t], e=1, r=0.5, c={a=2}, s=x}", value.toString());
        assertInstanceOf(LinkedHashMap.class, value.get("o"));
        assertEquals(value, java("value", Object.class));
        assertInstanceOf(PythonObject.class, java("[Plain.A]", List.class).get(0)); // no base: the object itself
        run("class Mock:", "    def __init__(self, spec): self.spec = spec", "    @property", "    def __class__(self): return self.spec");
        for (String spec : List.of("str", "int", "float", "bytes", "list", "tuple", "set", "dict")) {
            assertInstanceOf(PythonObject.class, java("Mock(" + spec + ")", Object.class), spec);
        }
        assertEquals(Duration.ofSeconds(5), java("__import__('datetime').timedelta(seconds=5)", Duration.class));
    }

    // ---- many objects, of which Python is asked at once ----

    @Test
    void manyObjectsAreWhatEachIsAlone() throws Exception {
        run("import datetime, decimal, enum, fractions, pathlib, uuid, collections",
                "class Unit(enum.Enum):", "    SECONDS = 1", "    DAYS = 2",
                "class Text(str): pass", "class Numbers(list): pass", "class Other: pass",
                "Point = collections.namedtuple('Point', 'y x')",
                "days = [datetime.date(2024, 1, 1) + datetime.timedelta(i) for i in range(3000)]",
                "mixed = ['2024-01-01' if i % 3 == 0 else day for i, day in enumerate(days)]");
        LocalDate first = LocalDate.of(2024, 1, 1);
        List<LocalDate> days = LongStream.range(0, 3000).mapToObj(first::plusDays).collect(Collectors.toList());
        assertEquals(days, Python.eval("days").toJava(new PythonTypeToken<List<LocalDate>>() {}));
        assertEquals(new LinkedHashSet<>(days), Python.eval("set(days)").toJava(new PythonTypeToken<Set<LocalDate>>() {}));
        assertEquals(days, Python.eval("iter(days)").toJava(new PythonTypeToken<List<LocalDate>>() {}));
        assertEquals(days, Arrays.asList(java("days", LocalDate[].class)));
        assertEquals(days.stream().map(Optional::of).collect(Collectors.toList()),
                Python.eval("days").toJava(new PythonTypeToken<List<Optional<LocalDate>>>() {}));
        List<LocalDate> mixed = Python.eval("mixed").toJava(new PythonTypeToken<List<LocalDate>>() {});
        assertEquals(first, mixed.get(2997));
        assertEquals(days.get(2999), mixed.get(2999));
        Map<LocalDate, UUID> keys = Python.eval("{day: uuid.UUID(int=i) for i, day in enumerate(days)}").toJava(new PythonTypeToken<Map<LocalDate, UUID>>() {});
        assertEquals(days, new ArrayList<>(keys.keySet()));
        assertEquals(new UUID(0, 2999), keys.get(days.get(2999)));
        run("import pathlib", "class Moved(type(pathlib.Path())):", "    def __fspath__(self): return 'moved'",
                "class Named(uuid.UUID):", "    def __str__(self): return str(uuid.UUID(int=7))");
        assertEquals(Arrays.asList(Path.of("a"), Path.of("b"), Path.of("moved"), Path.of("c")),
                Python.eval("[pathlib.Path('a'), pathlib.Path('b'), Moved('x'), pathlib.PurePath('c')]").toJava(new PythonTypeToken<List<Path>>() {}));
        assertEquals(Arrays.asList(new UUID(0, 5), new UUID(0, 7), new UUID(0, 6)),
                Python.eval("[uuid.UUID(int=5), Named(int=1), uuid.UUID(int=6)]").toJava(new PythonTypeToken<List<UUID>>() {}));
        Map<String, Duration> values = Python.eval("{str(i): datetime.timedelta(i) for i in range(3000)}").toJava(new PythonTypeToken<Map<String, Duration>>() {});
        assertEquals(Duration.ofDays(2999), values.get("2999"));
        assertEquals(Collections.nCopies(2000, TimeUnit.DAYS), Python.eval("[Unit.DAYS] * 2000").toJava(new PythonTypeToken<List<TimeUnit>>() {}));
        double[] halves = java("[fractions.Fraction(i, 2) for i in range(2000)]", double[].class);
        assertEquals(999.5, halves[1999]);
        List<?> points = Python.eval("[Point(i, 1) for i in range(2000)]").toJava(Conversion.generic(List.class, shape("Place")));
        assertEquals(1, get(points.get(1999), "x"));
        assertEquals(1999L, get(points.get(1999), "y"));
        run("others = [Other() for i in range(2000)]", "others[1500] = Numbers([1, Text('x')])", "others[1] = Text('a')");
        List<?> others = java("others", List.class);
        assertEquals("a", others.get(1));
        assertEquals(Arrays.asList(1L, "x"), others.get(1500));
        assertTrue(Python.isinstance((PythonObject) others.get(1999), Python.eval("Other")));
    }

    /** Arrays of Python's whose memory is as Java has it are copied; all others are read by their elements. */
    @Test
    void arraysOfPythonsAreExact() {
        run("import array");
        assertArrayEquals(new double[] {1, 2, 3}, java("array.array('d', [1, 2, 3])", double[].class));
        assertArrayEquals(new double[0], java("array.array('d')", double[].class));
        assertArrayEquals(new float[] {0.5f, 1.5f}, java("array.array('f', [0.5, 1.5])", float[].class));
        assertArrayEquals(new long[] {1, -2}, java("array.array('q', [1, -2])", long[].class));
        assertArrayEquals(new long[] {1, -2}, java("array.array('l', [1, -2])", long[].class));
        assertArrayEquals(new int[] {1, -2}, java("array.array('i', [1, -2])", int[].class));
        assertArrayEquals(new int[] {1, -2}, java("array.array('h', [1, -2])", int[].class));
        assertArrayEquals(new short[] {1, -2}, java("array.array('h', [1, -2])", short[].class));
        assertArrayEquals(new long[] {4_000_000_000L}, java("array.array('I', [4000000000])", long[].class));
        wrong("value[0]: int 4000000000 is not an int", "array.array('I', [4000000000])", int[].class);
        wrong("value[0]: float 0.0 is not a long", "array.array('d', [0, 0.5])", long[].class);
    }

    @Test
    void theFirstWrongOneOfManyIsNamed() throws Exception {
        run("import datetime", "class Broken(datetime.date):", "    def isoformat(self): raise KeyError('broken')",
                "many = [datetime.date(2024, 1, 1)] * 2000");
        wrong("value[1100]: datetime 2024-01-02 00:00:00 is not a LocalDate", "many[:1100] + [datetime.datetime(2024, 1, 2), 7]",
                Conversion.generic(List.class, LocalDate.class));
        wrong("value['x']: int 7 is not a LocalDate", "{**dict(enumerate(many)), 'x': 7, 'y': Broken(2024, 1, 1)}",
                Conversion.generic(Map.class, Object.class, LocalDate.class));
        wrong("value[key 7]: int 7 is not a LocalDate", "{datetime.date(2024, 1, 1): 1, 7: 2}", Conversion.generic(Map.class, LocalDate.class, Object.class));
        PythonException broken = assertThrows(PythonException.class,
                () -> Python.eval("many + [Broken(2024, 1, 1)]").toJava(Conversion.generic(List.class, LocalDate.class)));
        assertEquals("KeyError: 'broken'", broken.getMessage());
        wrong("value[3]: complex 1j is not a double", "[__import__('fractions').Fraction(1, 2)] * 3 + [1j]", double[].class);
    }

    /** A type of which each element is of that type again. */
    public static final class Tree extends ArrayList<Tree> {
        private static final long serialVersionUID = 1L;
    }

    @Test
    void aListOfItselfIsATree() {
        for (String tree : new String[] {"[[], [[], []]]", "iter([(), [(), ()]])"}) {
            Tree read = Python.eval(tree).toJava(Tree.class);
            assertEquals("[[], [[], []]]", read.toString());
            assertEquals(Tree.class, read.get(1).get(0).getClass());
        }
    }

    @Test
    void whatAnIteratorSaysIsTheError() {
        run("class Broken:", "    def __iter__(self): raise TypeError('no elements today')", "class Closed(list):", "    __iter__ = None");
        Expect.failure("TypeError: no elements today", () -> java("Broken()", List.class));
        wrong("Could not convert value to java.util.List: []. It cannot be iterated over.", "Closed()", List.class);
    }

    /** The class of an enumeration can be iterated over and indexed. */
    @Test
    void whatOnlyTheClassCanDoItsObjectsCannot() {
        run("import enum", "class Level(enum.Enum): LOW = 1");
        wrong("value[0]: Level Level.LOW is not a Set. It cannot be iterated over.", "[Level.LOW]",
                new PythonTypeToken<List<Set<String>>>() {}.type());
        assertEquals(1, Python.eval("Level").toJava(List.class).size());
        run("class Keyed(type):", "    def keys(cls): return ['a']", "class Row(metaclass=Keyed):", "    def __getitem__(self, at): raise KeyError(at)");
        wrong("Could not convert value to java.util.Map: ", "Row()", Map.class);
    }

    /** A class derived from one of Python's may say anything of its values, and call any module its own. */
    @Test
    void whatAClassSaysOfItselfIsNotBelieved() {
        run("import datetime, decimal, types", "class Zone(datetime.tzinfo):", "    key = 0.5",
                "    def utcoffset(self, when): return datetime.timedelta(hours=1)",
                "class Half(datetime.timedelta): nanoseconds = 0.5", "class Long(datetime.timedelta): nanoseconds = 2**70",
                "class Homeless: __module__ = None", "class Items(list): __module__ = 5",
                "class ndarray:", "    __module__ = 'numpy'", "    dtype = types.SimpleNamespace(kind='f', itemsize=8, names=None)", "    shape = (1,)",
                "    def __iter__(self): return iter([7])", "    def tolist(self): return 0.5",
                "class Amount(decimal.Decimal):", "    def as_tuple(self): return None");
        String aware = "datetime.datetime(2024, 1, 2, tzinfo=Zone())";
        assertEquals(java.time.OffsetDateTime.parse("2024-01-02T00:00+01:00"), java(aware, java.time.OffsetDateTime.class));
        assertEquals(java.time.ZoneOffset.ofHours(1), java("Zone()", java.time.ZoneId.class));
        wrong("TypeError: 'float' object cannot be interpreted as an integer", "Half(1)", Duration.class);
        wrong("Could not convert value to java.time.Duration: 1 day, 0:00:00. It is out of range.", "Long(1)", Duration.class);
        wrong("Could not convert value to int: <Homeless object at", "Homeless()", int.class);
        wrong("Could not convert value to java.time.LocalDate: <Homeless object at", "Homeless()", LocalDate.class);
        assertArrayEquals(new int[] {1, 2}, java("Items([1, 2])", int[].class));
        assertArrayEquals(new int[] {7}, java("ndarray()", int[].class));
        assertEquals(new BigDecimal(5), java("Amount(5)", BigDecimal.class));
        run("import enum", "class Own(enum.Enum):", "    A = 1", "    @property", "    def value(self): return self");
        PythonException endless = assertThrows(PythonException.class, () -> java("Own.A", LocalDate.class));
        assertTrue(endless.getMessage().contains("or contains itself"), endless.getMessage()); // 1000 levels, or what the stack holds
        java.util.Iterator<LocalDate> dates = Python.eval("[Own.A]").toJava(new PythonTypeToken<java.util.Iterator<LocalDate>>() {}.type());
        assertThrows(PythonException.class, dates::next);
    }

    /** Java takes minutes to strip a million zeros, to divide such numbers, and to read a million digits. */
    @Test
    void aMillionDigitsTakeNoTime() {
        run("from decimal import Decimal", "from fractions import Fraction", "one = Decimal((0, (1,) + (0,) * 1000000, -1000000))",
                "third = Decimal('-1.' + '3' * 999999)", "huge = Decimal('12345' * 200000 + 'E+7')", "half = Fraction(5, 2**1000001)",
                "thirds = Fraction(1, 3**500000)", "tenths = Fraction(7, 10**400000)");
        assertTimeout(Duration.ofSeconds(60), () -> {
            assertEquals(1.0, java("one", double.class));
            assertEquals(1.0f, java("one", float.class));
            wrong("Could not convert value to double: -1.333", "third", double.class);
            BigDecimal third = java("third", BigDecimal.class);
            assertEquals(999_999, third.scale());
            assertEquals(BigInteger.ONE, third.unscaledValue().multiply(BigInteger.valueOf(3)).add(BigInteger.TEN.pow(999_999).shiftLeft(2)));
            BigDecimal huge = java("huge", BigDecimal.class);
            assertEquals(-7, huge.scale());
            assertEquals(1_000_000, huge.precision());
            assertEquals(BigInteger.valueOf(1234512345), huge.unscaledValue().mod(BigInteger.TEN.pow(10)));
            assertEquals(new BigDecimal(BigInteger.valueOf(5).pow(1_000_002), 1_000_001), java("half", BigDecimal.class));
            wrong("Could not convert value to double: ", "half", double.class);
            wrong("Could not convert value to java.math.BigDecimal: ", "thirds", BigDecimal.class);
            assertEquals(new BigDecimal(BigInteger.valueOf(7), 400_000), java("tenths", BigDecimal.class));
            PythonExecutioner.setVariable("map", Python.reference(new java.util.HashMap<>(Map.of(1.0, "one"))));
            assertEquals("[True, False, False]", Python.eval("[one in map, third in map, huge in map]").toString());
        });
    }

    /** Python itself refuses to write it down, and Java takes seconds for that. */
    @Test
    void ofAHugeNumberTheMessageTellsTheLength() {
        wrong("value[0]: int <int of 4000001 bits> is not an Integer.", "[1 << 4000000]", new PythonTypeToken<List<Integer>>() {}.type());
        wrong("Could not convert value to java.lang.String: -1" + "0".repeat(198) + "...", "-10**1000", String.class);
    }

    @Test
    void bytesCountFromZero() {
        assertArrayEquals(new int[] {255, 0}, java("b'\\xff\\0'", int[].class));
        assertArrayEquals(new byte[] {-1, 0}, java("b'\\xff\\0'", byte[].class));
        assertArrayEquals(new byte[] {1}, java("__import__('array').array('b', [1])", byte[].class));
        assertArrayEquals(new char[] {'a', 'é'}, java("'aé'", char[].class));
        assertArrayEquals(new char[] {'a'}, java("type('Text', (str,), {})('a')", char[].class));
        assertFalse(java("[]", List.class).iterator().hasNext());
    }
}
