// SPDX-License-Identifier: Apache-2.0
// Python objects as Java types: proxies of interfaces, conversions that a type names, and the way
// in by Python.of. Records come from a class that is compiled while the test runs.
package org.nd4j.python4j;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.lang.reflect.Array;
import java.lang.reflect.Type;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.net.URI;
import java.net.URLClassLoader;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.OffsetDateTime;
import java.time.ZoneId;
import java.time.ZonedDateTime;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.Deque;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.function.BinaryOperator;
import java.util.function.Function;
import java.util.function.LongFunction;
import java.util.function.LongUnaryOperator;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.python4j.internal.jni.Handles;

@ExtendWith(InPython.class)
class PythonInterfaceTest {

    private static void run(String... lines) {
        PythonExecutioner.exec(String.join("\n", lines));
    }

    private static <T> T java(String expression, Class<T> type) {
        return Python.eval(expression).toJava(type);
    }

    // ---- toJava ----

    @Test
    void numbers() {
        assertEquals(7, java("7", int.class));
        assertEquals(7L, java("7", Long.class));
        assertEquals((short) -7, java("-7", short.class));
        assertEquals((byte) 127, java("127", Byte.class));
        assertEquals(1, java("True", int.class));
        assertEquals(7.0, java("7", double.class));
        assertEquals(0.5f, java("0.5", Float.class));
        assertEquals(new BigInteger("100000000000000000000"), java("10**20", BigInteger.class));
        assertEquals(BigInteger.TEN, java("10", BigInteger.class));
        assertEquals(new BigDecimal("1.10"), java("__import__('decimal').Decimal('1.10')", BigDecimal.class));
        assertEquals(new BigDecimal("0.1"), java("0.1", BigDecimal.class));
        assertEquals(0.75, java("__import__('fractions').Fraction(3, 4)", double.class));
        assertEquals(3L, java("3", Number.class));
        assertEquals(2, java("__import__('enum').IntEnum('E', 'A B').B", int.class));
        assertNull(java("None", Long.class));
        for (String wrong : List.of("128", "2**70", "1.0", "'1'", "None", "[]")) {
            Expect.failureWith("Could not convert value to byte", () -> java(wrong, byte.class));
        }
        Expect.failureWith("Could not convert value to boolean: 1", () -> java("1", boolean.class));
        Expect.failureWith("Could not convert value to java.math.BigDecimal: NaN", () -> java("float('nan')", BigDecimal.class));
    }

    @Test
    void textAndEnums() {
        assertEquals("é", java("'é'", String.class));
        assertEquals("é", java("'é'", CharSequence.class));
        assertEquals('x', java("'x'", char.class));
        assertEquals(TimeUnit.DAYS, java("'DAYS'", TimeUnit.class));
        run("import enum", "class TimeUnit(enum.Enum):", "    DAYS = 5", "class Text(str): pass");
        assertEquals(TimeUnit.DAYS, java("TimeUnit.DAYS", TimeUnit.class));
        assertEquals("sub", java("Text('sub')", String.class));
        Expect.failureWith("Could not convert value to java.lang.String: 5", () -> java("5", String.class));
        Expect.failureWith("Could not convert value to java.util.concurrent.TimeUnit: EONS", () -> java("'EONS'", TimeUnit.class));
        Expect.failureWith("Could not convert value to char", () -> java("'xy'", char.class));
    }

    @Test
    void timesAndTheLike() {
        run("from datetime import *", "from zoneinfo import ZoneInfo", "import uuid, pathlib", "utc = timezone.utc");
        assertEquals(LocalDate.of(2024, 2, 29), java("date(2024, 2, 29)", LocalDate.class));
        assertEquals(LocalTime.of(1, 2, 3, 4000), java("time(1, 2, 3, 4)", LocalTime.class));
        assertEquals(LocalDateTime.of(2024, 1, 2, 3, 4, 5, 6000), java("datetime(2024, 1, 2, 3, 4, 5, 6)", LocalDateTime.class));
        assertEquals(Instant.parse("2024-01-02T03:04:05Z"), java("datetime(2024, 1, 2, 3, 4, 5, tzinfo=utc)", Instant.class));
        assertEquals(OffsetDateTime.parse("2024-01-02T03:04:05+05:30"),
                java("datetime(2024, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=5.5)))", OffsetDateTime.class));
        ZonedDateTime berlin = ZonedDateTime.of(2024, 7, 1, 12, 0, 0, 0, ZoneId.of("Europe/Berlin"));
        assertEquals(berlin.toInstant(), Python.of(berlin).toJava(Instant.class));
        assertEquals(Duration.ofMillis(-1500), java("timedelta(seconds=-1.5)", Duration.class));
        UUID id = UUID.randomUUID();
        assertEquals(id, java("uuid.UUID('" + id + "')", UUID.class));
        assertEquals(id, java("'" + id + "'", UUID.class));
        assertEquals(Path.of("/a/b"), java("pathlib.Path('/a/b')", Path.class));
        assertEquals(new File("/a/b"), java("'/a/b'", File.class));
        assertEquals(URI.create("http://x/y"), java("'http://x/y'", URI.class));
        assertEquals(LocalDate.of(2024, 2, 29), java("'2024-02-29'", LocalDate.class));
        Expect.failureWith("Could not convert value to java.time.Instant", () -> java("datetime(2024, 1, 2)", Instant.class));
        Expect.failureWith("Could not convert value to java.time.LocalDate", () -> java("'soon'", LocalDate.class));
        assertEquals(Arrays.asList(LocalDate.MIN.withYear(1), LocalDate.of(9999, 12, 31)),
                Python.eval("[date.min, date.max]").toJava(type("dates")));
    }

    @Test
    void arraysCollectionsAndMaps() {
        assertArrayEquals(new int[] {1, 2}, java("(1, 2)", int[].class));
        assertArrayEquals(new double[] {1, 2.5}, java("[1, 2.5]", double[].class));
        assertArrayEquals(new String[][] {{"a"}, {}}, java("[['a'], []]", String[][].class));
        assertArrayEquals(new byte[] {1, -1}, java("b'\\x01\\xff'", byte[].class));
        assertArrayEquals(new byte[] {1}, java("bytearray([1])", byte[].class));
        assertEquals(Arrays.asList(0L, 1L), java("range(2)", List.class));
        assertEquals(Arrays.asList(0L, 1L), java("(n for n in range(2))", Collection.class));
        assertEquals(Collections.singleton("a"), java("['a', 'a']", Set.class));
        assertInstanceOf(ArrayDeque.class, java("[1]", Deque.class));
        run("import collections");
        assertEquals(Collections.singletonMap("a", 2L), java("collections.Counter('aa')", Map.class));
        assertInstanceOf(TreeMap.class, java("{'b': 1, 'a': 2}", SortedMap.class));
        Map<String, List<Integer>> nested = Python.eval("{'x': (1, 2)}").toJava(type("nested"));
        assertEquals(2, nested.get("x").get(1).intValue());
        assertEquals(Arrays.asList(1L, "a", null), java("[1, 'a', None]", Object.class));
        assertInstanceOf(PythonObject.class, java("len", Object.class));
        Expect.failureWith("Could not convert value to java.util.List: 5", () -> java("5", List.class));
        Expect.failureWith("value['x'][0]: str 'a' is not an Integer", () -> Python.eval("{'x': ['a']}").toJava(type("nested")));
    }

    @Test
    void optionalsIteratorsAndObjects() {
        assertEquals(Optional.empty(), java("None", Optional.class));
        assertEquals(Optional.of(LocalDate.of(2024, 1, 1)), Python.eval("'2024-01-01'").toJava(type("maybe")));
        assertEquals(OptionalInt.of(3), java("3", OptionalInt.class));
        Iterator<Long> endless = Python.eval("__import__('itertools').count(5)").toJava(type("endless"));
        assertEquals(5L, endless.next());
        assertEquals(6L, endless.next());
        Stream<String> stream = Python.eval("iter('abc')").toJava(type("stream"));
        assertEquals("abc", stream.collect(Collectors.joining()));
        run("a, b = [1], [2]");
        List<PythonObject> objects = Python.eval("[a, b]").toJava(type("objects"));
        PythonExecutioner.setVariable("again", objects.get(1));
        assertTrue(Expect.truth("again is b"));
        Map<String, Function<Long, Long>> functions = Python.eval("{'twice': lambda n: n * 2}").toJava(type("functions"));
        assertEquals(8, functions.get("twice").apply(4L));
    }

    /** Only for the types of its methods. */
    interface Types {
        List<LocalDate> dates();

        Map<String, List<Integer>> nested();

        Optional<LocalDate> maybe();

        Iterator<Long> endless();

        Stream<String> stream();

        List<PythonObject> objects();

        Map<String, Function<Long, Long>> functions();
    }

    private static Type type(String method) {
        try {
            return Types.class.getDeclaredMethod(method).getGenericReturnType();
        } catch (NoSuchMethodException e) {
            throw new AssertionError(e);
        }
    }

    // ---- records ----

    private static final String RECORDS = "package made; import java.util.*; import java.time.*;\n"
            + "public class Records {\n"
            + "  public record Point(int x, double y) {}\n"
            + "  public record User(String fullName, Optional<LocalDate> born, List<Point> path) {\n"
            + "    public User { if (fullName.isEmpty()) throw new IllegalArgumentException(\"no name\"); } }\n"
            + "  public record Pair<A, B>(A first, B second) {}\n"
            + "  public interface Repo { User find(String name); Map<String, Point> points(); Pair<Integer, List<Point>> pair(); }\n"
            + "}\n";

    @Test
    void records(@TempDir Path folder) throws Exception {
        try (URLClassLoader loader = Compiled.records(folder, RECORDS)) {
            Class<?> point = loader.loadClass("made.Records$Point");
            Class<?> user = loader.loadClass("made.Records$User");
            run("import collections, dataclasses, datetime", "Point = collections.namedtuple('Point', 'x y')",
                    "@dataclasses.dataclass", "class User:", "    full_name: str", "    born: object", "    path: list",
                    "class Repo:", "    def find(self, name): return User(name, datetime.date(2000, 1, 2), [Point(1, 2), (3, 4), {'x': 5, 'y': 6}])",
                    "    def points(self): return {'o': (0, 0)}", "    def pair(self): return 1, [Point(7, 8)]");
            for (String expression : List.of("{'x': 1, 'y': 2}", "(1, 2.0)", "Point(1, 2)", "[1, 2]")) {
                assertEquals("Point[x=1, y=2.0]", java(expression, point).toString(), expression);
            }
            Object repo = Python.eval("Repo()").asInterface(loader.loadClass("made.Records$Repo"));
            Object found = repo.getClass().getMethod("find", String.class).invoke(repo, "Ada");
            assertEquals("User[fullName=Ada, born=Optional[2000-01-02], "
                    + "path=[Point[x=1, y=2.0], Point[x=3, y=4.0], Point[x=5, y=6.0]]]", found.toString());
            assertEquals("{o=Point[x=0, y=0.0]}", repo.getClass().getMethod("points").invoke(repo).toString());
            Object pair = repo.getClass().getMethod("pair").invoke(repo);
            assertEquals("Pair[first=1, second=[Point[x=7, y=8.0]]]", pair.toString());
            assertInstanceOf(Integer.class, pair.getClass().getMethod("first").invoke(pair));

            PythonExecutioner.setVariable("user", Python.of(found));
            assertEquals("Ada 2000-01-02 3.0 User", Expect.text(
                    "f'{user.fullName} {user.born} {user.path[1].x + 0.0} {type(user).__name__}'"));
            assertEquals(found, java("user", user));
            assertThrows(PythonException.class, () -> java("{'x': 1}", point));
            assertThrows(PythonException.class, () -> java("(1, 2, 3)", point));
            PythonException refused = Expect.failure("value[0]: list ['', Optional.empty, []] is not a User. Its constructor failed: "
                    + "java.lang.IllegalArgumentException: no name", () -> java("[{'full_name': '', 'born': None, 'path': []}]",
                            Array.newInstance(user, 0).getClass()));
            assertInstanceOf(IllegalArgumentException.class, refused.getCause());
            PythonExecutioner.setVariable("byRef", Python.reference(found, PythonExposure.none().allow(user)));
            assertEquals("Ada", Expect.text("byRef.full_name + byRef.fullName[3:]"));
            assertSame(found, Python.eval("byRef").toJava(user));
        }
    }

    // ---- Python.of ----

    @Test
    void valuesGoInAndComeBack() throws Exception {
        List<Object> values = Arrays.asList(LocalDate.of(1, 1, 1), LocalDateTime.of(2024, 1, 2, 3, 4, 5, 6000), LocalTime.of(1, 2),
                Instant.parse("2024-01-02T03:04:05.000006Z"), OffsetDateTime.parse("2024-01-02T03:04:05-08:00"),
                Duration.ofSeconds(-5, 1000), UUID.randomUUID(), new BigDecimal("1.50"), BigInteger.TEN.pow(30),
                URI.create("a:b"), TimeUnit.DAYS, 'x', "text", 5L, 2.5, true);
        for (Object value : values) {
            assertEquals(value, Python.of(value).toJava(value.getClass()), value.toString());
        }
        assertEquals(Path.of("a", "b"), Python.of(Path.of("a", "b")).toJava(Path.class));
        assertNull(Python.of(Optional.empty()).toJava(Object.class));
        PythonExecutioner.setVariable("all", Python.of(Collections.singletonMap(LocalDate.of(2024, 1, 1),
                Arrays.asList(Optional.of(TimeUnit.DAYS), OptionalInt.of(4), new StringBuilder("sb"), Duration.ofDays(1), new int[] {1}))));
        assertEquals("{datetime.date(2024, 1, 1): ['DAYS', 4, 'sb', datetime.timedelta(days=1), [1]]}", Expect.text("all"));
        ZonedDateTime second = ZonedDateTime.parse("2024-10-27T02:30+01:00[Europe/Berlin]"); // the clock shows it twice
        PythonExecutioner.setVariable("z", Python.of(second));
        assertEquals(second.toInstant(), Python.eval("z").toJava(Instant.class));
        PythonObject same = Python.of(5);
        assertSame(same, Python.of(same));
        Expect.failure("Unable to find python type for java type: class java.lang.Object", () -> Python.of(new Object()));
        assertThrows(PythonException.class, () -> Python.of(LocalDate.of(10000, 1, 1)));
    }

    // ---- asInterface ----

    public enum Level { LOW, HIGH }

    interface Base<T> {
        List<T> listOf(int count);

        T first();
    }

    public interface Service extends Base<Integer> {
        double addAll(List<Double> values);

        Level level();

        Map<String, Double> byName(Map<String, LocalDate> days);

        Optional<String> find(String name);

        long[] counts(long... numbers);

        String getUserName();

        void setUserName(String name);

        boolean isOpen();

        void nothing();

        int parseJSON2(String text);

        Service self();

        PythonObject raw();

        default String greet(String name) {
            return "hello " + name + " " + getUserName();
        }

        default String overridden() {
            return "Java";
        }
    }

    private static final String SERVICE = String.join("\n", "class Service:",
            "    user_name, is_open, seen = 'Ada', True, None",
            "    def listOf(self, count): return range(count)", "    def first(self): return 7",
            "    def add_all(self, values): return sum(values)", "    def level(self): return 'HIGH'",
            "    def byName(self, days): return {k: d.day for k, d in days.items()}",
            "    def find(self, name): return name if name == 'there' else None",
            "    def counts(self, *numbers): return [n + 1 for n in numbers]", "    def nothing(self): self.seen = 'called'; return object()",
            "    def parse_json2(self, text): return 'no number' if text else 3", "    def self(self): return self",
            "    def raw(self): return self", "    def overridden(self): return 'Python'");

    private static Service service() {
        PythonExecutioner.exec(SERVICE);
        PythonExecutioner.exec("service = Service()");
        return PythonExecutioner.getVariable("service").asInterface(Service.class);
    }

    @Test
    void methodsCallAttributes() {
        Service service = service();
        assertEquals(6.0, service.addAll(Arrays.asList(1.0, 2.0, 3.0)));
        assertEquals(Level.HIGH, service.level());
        assertEquals(Collections.singletonMap("a", 29.0), service.byName(Collections.singletonMap("a", LocalDate.of(2024, 2, 29))));
        assertEquals(Optional.of("there"), service.find("there"));
        assertEquals(Optional.empty(), service.find("gone"));
        assertArrayEquals(new long[] {2, 3}, service.counts(1, 2));
        assertArrayEquals(new long[0], service.counts());
        Integer zero = service.listOf(2).get(0); // the T of a superinterface
        assertEquals(0, zero);
        assertEquals(7, service.first());
        assertEquals("Ada", service.getUserName());
        service.setUserName("Grace");
        assertEquals("Grace", service.getUserName());
        assertEquals("Grace", Expect.text("service.user_name"));
        assertTrue(service.isOpen());
        service.nothing();
        assertEquals("called", Expect.text("service.seen"));
        assertEquals(3, service.parseJSON2(""));
        Expect.failureWith("Could not convert value to int: no number", () -> service.parseJSON2("x"));
        assertEquals("hello you Grace", service.greet("you"));
        assertEquals("Python", service.overridden());
    }

    @Test
    void methodsOfObject() {
        Service service = service();
        run("Service.__str__ = lambda self: 'a service'");
        assertEquals("a service", service.toString());
        assertEquals(service, service.self());
        assertEquals(service.hashCode(), service.self().hashCode());
        assertFalse(service.equals(null));
        PythonExecutioner.setVariable("back", Python.of(service));
        assertTrue(Expect.truth("back is service"));
        PythonExecutioner.setVariable("back", Python.of(Collections.singletonList(service)));
        assertTrue(Expect.truth("back[0] is service"));
        PythonExecutioner.setVariable("back", service.raw());
        assertTrue(Expect.truth("back is service"));
        assertNotEquals(service, service());
    }

    @Test
    void functionsAreInterfacesOfOneMethod() {
        @SuppressWarnings("unchecked")
        BinaryOperator<Object> add = Python.eval("lambda a, b: a + b").asInterface(BinaryOperator.class);
        assertEquals(3L, add.apply(1L, 2L));
        assertEquals("3!", add.andThen(sum -> sum + "!").apply(1L, 2L)); // a default method of the JDK
        assertEquals(Arrays.asList("a", "B"), Stream.of("B", "a")
                .sorted(Python.eval("lambda a, b: (a.lower() > b.lower()) - (a.lower() < b.lower())").asInterface(Comparator()))
                .collect(Collectors.toList()));
        Runnable run = Python.eval("__import__('threading').Event()").asInterface(Runnable.class);
        assertEquals("AttributeError: 'Event' object has no attribute 'run'", assertThrows(PythonException.class, run::run).getMessage());
        Supplier<?> supplier = Python.eval("lambda: {'a': 1}").asInterface(Supplier.class);
        assertEquals(Collections.singletonMap("a", 1L), supplier.get());
    }

    /** A call with few ints, whose result may be any value: each is what it is by every other way. */
    @Test
    void fewIntsGoInAndAnyValueComesBack() {
        LongFunction<?> any = Python.eval("lambda x: values[x]").asInterface(LongFunction.class);
        LongUnaryOperator exact = Python.eval("lambda x: values[x]").asInterface(LongUnaryOperator.class);
        run("values = [7, -2 ** 63, 2 ** 63, 1.5, True, None, 'short', 'x' * 100, '\\ud800', [1]]");
        List<Object> values = Arrays.asList(7L, Long.MIN_VALUE, BigInteger.ONE.shiftLeft(63), 1.5, true, null, "short",
                "x".repeat(100), "\ud800", Arrays.asList(1L));
        assertEquals(7L, any.apply(0)); // how it is called is found out, and kept
        int handles = Handles.count();
        for (int i = 0; i < values.size(); i++) {
            assertEquals(values.get(i), any.apply(i));
        }
        assertEquals(handles, Handles.count());
        assertEquals(7, exact.applyAsLong(0));
        for (int at : new int[] {2, 3, 5, 6, 9}) {
            Expect.failureWith("Could not convert value to long", () -> exact.applyAsLong(at));
        }
        Expect.failure("IndexError: list index out of range", () -> any.apply(99));
    }

    /** The attribute is looked for at each call, and what Python raises meanwhile is thrown. */
    @Test
    void aMethodThatIsReplacedIsFound() {
        run("class Replaced:", "    def apply_as_long(self, x): return x + 1", "r = Replaced()");
        LongUnaryOperator operator = Python.eval("r").asInterface(LongUnaryOperator.class);
        assertEquals(2, operator.applyAsLong(1));
        run("r.apply_as_long = lambda x: x + 2");
        assertEquals(3, operator.applyAsLong(1));
        run("r.applyAsLong = lambda x: x + 3", "del r.apply_as_long, Replaced.apply_as_long");
        assertEquals(4, operator.applyAsLong(1));
        run("del r.applyAsLong", "Replaced.__getattr__ = lambda self, name: 1 / 0");
        Expect.failure("ZeroDivisionError: division by zero", () -> operator.applyAsLong(1));
        run("del Replaced.__getattr__");
        Expect.failure("AttributeError: 'Replaced' object has no attribute 'applyAsLong'", () -> operator.applyAsLong(1));
        run("Replaced.__call__ = lambda self, x: x + 4");
        assertEquals(5, operator.applyAsLong(1));
    }

    @SuppressWarnings("unchecked")
    private static Class<java.util.Comparator<String>> Comparator() {
        return (Class<java.util.Comparator<String>>) (Class<?>) java.util.Comparator.class;
    }

    interface Fails {
        void raise() throws java.io.IOException;

        int missing();
    }

    @Test
    void errorsOfProxies() {
        java.io.IOException io = new java.io.IOException("same");
        PythonExecutioner.setVariable("throws", Python.function(java.util.concurrent.Callable.class, () -> {
            throw io;
        }));
        run("class F:", "    def raise_(self): throws()", "F.__dict__", "setattr(F, 'raise', F.raise_)");
        Fails fails = Python.eval("F()").asInterface(Fails.class);
        assertSame(io, assertThrows(java.io.IOException.class, fails::raise));
        Expect.failure("AttributeError: 'F' object has no attribute 'missing'", fails::missing);
        run("F.missing = property(lambda self: self.inner)"); // what fails in a property is not what the object has not
        Expect.failure("AttributeError: 'F' object has no attribute 'inner'", fails::missing);
        Expect.failure("java.lang.String is not an interface.", () -> Python.eval("1").asInterface(String.class));
    }

    private static OtherThread<String> waiting;

    @AfterAll
    static void theOtherThreadGotItsTurn() throws Exception {
        assertTrue(waiting.join().startsWith("hello thread Ada"));
    }

    @Test
    void aProxyNeedsNoTurnAndOutlivesItsFrame() throws Exception {
        Service service;
        try (PythonGC gc = PythonGC.watch()) {
            service = service();
        }
        assertEquals("Ada", service.getUserName());
        OtherThread<String> other = OtherThread.start(() -> service.greet("thread") + service.hashCode() + service);
        Thread.sleep(50);
        assertTrue(other.waits(), "for the turn that this thread has");
        PythonExecutioner.setVariable("call", Python.function((args, named) -> service.first()));
        run("import threading", "seen = []", "t = threading.Thread(target=lambda: seen.append(call()))", "t.start()", "t.join()");
        assertEquals("[7]", Expect.text("seen"));
        waiting = other; // joined when this test's turn is over
    }

    @Test
    void inASharedBlockAProxyStaysInIt() throws Exception {
        Service service = service();
        OtherThread<Boolean> other = OtherThread.start(() -> {
            try (PythonGIL gil = PythonGIL.lockShared()) {
                return service.first() == 7; // although this thread has the exclusive turn
            }
        });
        PythonExecutioner.exec("import time\ntime.sleep(0.2)");
        for (int i = 0; i < 100 && !other.thread.getState().equals(Thread.State.TERMINATED); i++) {
            PythonExecutioner.exec("time.sleep(0.02)");
        }
        assertTrue(other.join());
    }

    // ---- PythonObject itself ----

    @Test
    void objectsAreIterable() {
        List<String> texts = new ArrayList<>();
        for (PythonObject each : Python.eval("['a', 2, None]")) {
            texts.add(each.toString());
        }
        assertEquals(Arrays.asList("a", "2", "None"), texts);
        Iterator<PythonObject> dict = Python.eval("{'k': 1}").iterator();
        assertEquals("k", dict.next().toString());
        assertFalse(dict.hasNext());
        assertThrows(NoSuchElementException.class, dict::next);
        Expect.failure("TypeError: 'int' object is not iterable", () -> Python.eval("5").iterator());
        Iterator<PythonObject> fails = Python.eval("(1 / n for n in (1, 0))").iterator();
        fails.next();
        Expect.failure("ZeroDivisionError: division by zero", fails::hasNext);
    }

    @Test
    void closingIsDeleting() throws Exception {
        run("class C: pass", "import weakref");
        PythonObject object = Python.eval("C()");
        PythonExecutioner.setVariable("c", object);
        run("r = weakref.ref(c)", "del c");
        try (PythonObject closed = object) {
            assertTrue(Expect.truth("r() is not None"));
        }
        assertTrue(Expect.truth("r() is None"));
        object.close();
        assertTrue(object.isNone());
        PythonObject other = Python.eval("C()");
        PythonExecutioner.setVariable("c", other);
        run("r = weakref.ref(c)", "del c");
        OtherThread.call(() -> {
            other.close(); // no turn there
            return null;
        });
        assertTrue(Expect.truth("r() is None"));
    }

    @Test
    void conversionsNeedATurn() {
        PythonObject object = Python.eval("1");
        assertThrows(PythonException.class, () -> OtherThread.call(() -> object.toJava(int.class)));
        assertThrows(PythonException.class, () -> OtherThread.call(() -> object.asInterface(Runnable.class)));
    }

    @Test
    void mapsAndSetsOfEveryKind() {
        assertEquals(new LinkedHashSet<>(Arrays.asList(1L)), java("{1}", LinkedHashSet.class));
        assertEquals(new LinkedHashMap<>(Collections.singletonMap("a", 1L)), java("{'a': 1}", LinkedHashMap.class));
        assertEquals(new java.util.LinkedList<>(Arrays.asList("x")), java("['x']", java.util.LinkedList.class));
    }
}
