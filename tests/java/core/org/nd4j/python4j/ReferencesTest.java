// SPDX-License-Identifier: Apache-2.0
// What comes out of a reference: arrays of every rank, the same elements in another order, values that are known by
// their class, and what `in`, `==`, `hash`, `copy` and `pickle` do. Containers in general: PythonReferenceTest.
package org.nd4j.python4j;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.sql.Time;
import java.sql.Timestamp;
import java.math.BigInteger;
import java.time.DayOfWeek;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalTime;
import java.time.MonthDay;
import java.time.OffsetTime;
import java.time.Period;
import java.time.Year;
import java.time.YearMonth;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Calendar;
import java.util.Collections;
import java.util.Date;
import java.util.Enumeration;
import java.util.GregorianCalendar;
import java.util.HashMap;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.LinkedList;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.Random;
import java.util.SimpleTimeZone;
import java.util.TimeZone;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.Vector;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntBinaryOperator;
import java.util.function.UnaryOperator;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(InPython.class)
class ReferencesTest {

    private static void set(String name, Object value, Class<?>... open) {
        PythonExposure exposure = PythonExposure.none();
        for (Class<?> type : open) {
            exposure = exposure.allow(type);
        }
        PythonExecutioner.setVariable(name, Python.reference(value, exposure));
    }

    private static void check(String... assertions) {
        for (String assertion : assertions) {
            assertTrue(Expect.truth(assertion), assertion);
        }
    }

    private static void run(String... lines) {
        PythonExecutioner.exec(String.join("\n", lines));
    }

    // ---- arrays ----

    public static class Holder {
        public int[][] field = {{1}, {2}};
        public byte[] bytes = {1, -1};
        private final char[] letters = {'a', 'b'};

        public char[] letters() {
            return letters;
        }

        public Object any() {
            return field;
        }
    }

    @Test
    void arraysInsideOthersAreReferences() {
        int[][][] cube = {{{1, 2}, {3}}, {{4}}};
        set("cube", cube);
        run("cube[0][0][1] = 20", "cube[1][0] = [40]", "row = cube[0]", "row[1] = (30,)");
        assertEquals("[[[1, 20], [30]], [[40]]]", Arrays.deepToString(cube));
        assertSame(cube[0][0], Python.eval("cube[0][0]").toJava(Object.class));

        List<int[]> list = new ArrayList<>(List.of(new int[] {1}));
        Map<String, Object> map = new HashMap<>(Map.of("a", new double[] {1}, "b", Collections.singletonList(new String[] {"x"})));
        set("l", list);
        set("m", map);
        run("l[0][0] = 7", "m['a'][0] = 2", "m['b'][0][0] = 'y'", "for each in l: each[0] += 1", "for k, v in m.items():",
                "    if k == 'a': v[0] += 1", "for v in l[:]: v[0] += 1");
        assertEquals(9, list.get(0)[0]);
        assertEquals(3.0, ((double[]) map.get("a"))[0]);
        assertEquals("y", ((String[]) ((List<?>) map.get("b")).get(0))[0]);

        Holder holder = new Holder();
        set("h", holder, Holder.class);
        run("h.field[1][0] = 22", "h.any()[0][0] = 11", "h.letters()[0] = 'z'", "h.bytes[0] = -5");
        assertEquals("[[11], [22]]", Arrays.deepToString(holder.field));
        assertArrayEquals(new char[] {'z', 'b'}, holder.letters);
        check("bytes(h.bytes) == b'\\xfb\\xff'", "list(h.bytes) == [-5, -1]", "list(h.letters()) == ['z', 'b']");
        run("h.field = [[5], [6, 7]]");
        assertEquals("[[5], [6, 7]]", Arrays.deepToString(holder.field));
    }

    @Test
    void anArrayKeepsItsLengthAndItsType() {
        int[] numbers = {3, 1, 2};
        Object[] mixed = {new ArrayList<>(List.of(1)), "x", null};
        Object first = mixed[0];
        set("n", numbers);
        set("m", mixed);
        for (String longer : List.of("n.append(1)", "n.insert(0, 1)", "del n[0]", "n.clear()", "n[:] = [1]", "n.extend([1])", "n += [1]")) {
            Expect.failure("TypeError: a Java array has a fixed length", () -> PythonExecutioner.exec(longer));
        }
        Expect.failureWith("TypeError: Could not convert value to int", () -> PythonExecutioner.exec("n[0] = 'x'"));
        Expect.failureWith("TypeError: Could not convert value to int", () -> PythonExecutioner.exec("n[:] = [1, 'x', 2]"));
        assertArrayEquals(new int[] {3, 1, 2}, numbers);
        run("n.sort()", "m.reverse()");
        assertArrayEquals(new int[] {1, 2, 3}, numbers);
        assertSame(first, mixed[2]);
    }

    // ---- the same elements ----

    private static void assertSameElements(List<?> expected, List<?> actual) {
        assertEquals(expected.size(), actual.size());
        for (int i = 0; i < expected.size(); i++) {
            assertSame(expected.get(i), actual.get(i), "at " + i);
        }
    }

    /** Lists of each kind, and operations that move elements: always Java's own, where Python's list has the equal ones. */
    @Test
    void whatMovesElementsMovesTheSameOnes() {
        List<Object> elements = List.of(Path.of("b"), 2.5, 1, new StringBuilder("s"), Duration.ofNanos(3), Duration.ofNanos(1),
                ZonedDateTime.of(2024, 1, 1, 0, 0, 0, 0, ZoneId.of("Europe/Berlin")), new int[] {1}, new String("é"), 1000L,
                DayOfWeek.MONDAY, -0.0, 0.0, true, Optional.of("o"), new Timestamp(5), new AtomicInteger(1));
        List<UnaryOperator<List<Object>>> kinds = List.of(ArrayList::new, LinkedList::new, Vector::new, CopyOnWriteArrayList::new,
                l -> Collections.synchronizedList(new ArrayList<>(l)), l -> Arrays.asList(l.toArray()));
        int size = elements.size();
        for (UnaryOperator<List<Object>> kind : kinds) {
            List<Object> list = kind.apply(elements);
            set("l", list);
            run("l.reverse()");
            List<Object> expected = new ArrayList<>(elements);
            Collections.reverse(expected);
            assertSameElements(expected, list);
            run("l.sort(key=lambda each: 0)");
            assertSameElements(expected, list);
            run("places = iter(range(len(l)))", "l.sort(key=lambda each: next(places), reverse=True)");
            Collections.reverse(expected);
            assertSameElements(expected, list);
            run("l[:] = l[::-1]");
            assertEquals(new HashSet<>(identities(elements)), new HashSet<>(identities(list)), "no element of another kind");
            run("l[:] = list(l)", "l[::2] = l[::2]", "l[3:5] = l[3:5]");
            assertEquals(new HashSet<>(identities(elements)), new HashSet<>(identities(list)));
            run("l[0:2] = l[2:4]");
            assertSame(list.get(2), list.get(0));
            assertSame(list.get(3), list.get(1));
            assertEquals(size, list.size());
        }
    }

    public static class Optionals {
        public List<Optional<Boolean>> flags = new ArrayList<>(List.of(Optional.of(true)));
        public List<Optional<BigInteger>> numbers = new ArrayList<>(List.of(Optional.of(BigInteger.ONE)));
        public List<Map.Entry<String, Optional<Long>>> entries = new ArrayList<>(List.of(Map.entry("a", Optional.of(1L))));
        public List<Optional<Byte>> bytes = new ArrayList<>();
        public List<Map.Entry<String, Optional<Byte>>> byteEntries = new ArrayList<>();
    }

    /** Only the element of a container of the same type may be what comes back: True and 1 are equal in Python. */
    @Test
    void whatComesToAContainerOfAnotherTypeIsOfThatType() {
        Optionals optionals = new Optionals();
        set("o", optionals, Optionals.class);
        run("for each in (o.flags, o.numbers):", "    assert each[0] == 1", "    o.bytes.append(1)",
                "assert o.entries[0] == ('a', 1)", "o.byteEntries.append(('a', 1))");
        Optional<Byte> one = Optional.of((byte) 1);
        assertEquals(List.of(one, one), optionals.bytes);
        assertEquals(List.of(Map.entry("a", one)), optionals.byteEntries);
    }

    private static List<Integer> identities(List<?> list) {
        Map<Object, Object> seen = new IdentityHashMap<>();
        list.forEach(each -> seen.put(each, each));
        List<Integer> identities = new ArrayList<>();
        seen.keySet().forEach(each -> identities.add(System.identityHashCode(each)));
        return identities;
    }

    @Test
    void aSliceMayGrowAndShrink() {
        List<Object> list = new ArrayList<>(List.of(Path.of("a"), Path.of("b"), Path.of("c")));
        List<Object> before = new ArrayList<>(list);
        set("l", list);
        run("import pathlib", "l[1:1] = [pathlib.Path('new')]", "l[0:1] = []");
        assertEquals(List.of(Path.of("new"), Path.of("b"), Path.of("c")), list);
        assertSame(before.get(1), list.get(1));
        run("l[:] = [l[2], l[2], l[1]]", "l *= 2");
        assertSame(before.get(2), list.get(0));
        assertSame(before.get(2), list.get(4));
        assertEquals(6, list.size());
    }

    /** A Python list does the same operations beside; the elements have an identity and no order of their own. */
    @Test
    void randomOperationsOnAListAndOnPythons() {
        Random random = new Random(7);
        List<Object> list = new ArrayList<>();
        for (int i = 0; i < 12; i++) {
            list.add(i % 3 == 0 ? new String("t" + i) : i % 3 == 1 ? (Object) (i * 1000) : LocalDate.of(2024, 1, i));
        }
        set("l", list);
        run("p = list(l)");
        for (int i = 0; i < 200; i++) {
            Map<Object, Object> before = new IdentityHashMap<>();
            list.forEach(each -> before.put(each, each));
            int a = random.nextInt(13);
            int b = random.nextInt(13);
            int step = new int[] {1, 2, 3, -1, -2}[random.nextInt(5)];
            String[] operations = {"x.reverse()", "x.sort(key=str)", "x.sort(key=str, reverse=True)", "x[%d:%d] = x[%d:%d]",
                "x[%d:%d:" + step + "] = x[%d:%d:" + step + "][::-1]", "x[:] = sorted(x, key=str)", "x[:] = x[3:] + x[:3]"};
            String operation = String.format(operations[random.nextInt(operations.length)], a, b, a, b);
            run("for x in (l, p): " + operation, "assert list(l) == p, (list(l), p)");
            list.forEach(each -> assertTrue(before.containsKey(each), operation + " made another " + each));
        }
    }

    @Test
    void whatCannotChangeStaysAsItWas() {
        List<Path> inner = new ArrayList<>(List.of(Path.of("b"), Path.of("a")));
        set("l", Collections.unmodifiableList(inner));
        set("m", Collections.unmodifiableMap(new TreeMap<>(Map.of("k", inner))));
        for (String change : List.of("l.sort()", "l.reverse()", "l[:] = []", "l[0] = 1", "l.append(1)", "del m['k']", "m['x'] = 1")) {
            assertThrows(UnsupportedOperationException.class, () -> PythonExecutioner.exec(change));
        }
        assertEquals(List.of(Path.of("b"), Path.of("a")), inner);
        run("m['k'].sort()");
        assertEquals(List.of(Path.of("a"), Path.of("b")), inner);
        List<String> checked = Collections.checkedList(new ArrayList<>(List.of("a", "b")), String.class);
        set("c", checked);
        Expect.failureWith("CheckedRandomAccessList takes no such value: ", () -> run("c[0:1] = ['x', 5]"));
        assertEquals(List.of("a", "b"), checked);
    }

    /** Such a zone has a name of the program's own. */
    @Test
    void aZoneThatAProgramMadeIsItsOffset() {
        TimeZone own = new SimpleTimeZone(5_400_000, "Own/Zone");
        assertEquals("datetime.timezone(datetime.timedelta(seconds=5400))", Python.eval("repr").call(Python.of(own)).toString());
        Calendar calendar = new GregorianCalendar(own);
        calendar.setTimeInMillis(0);
        assertEquals("1970-01-01 01:30:00+01:30", Python.of(calendar).toString());
        TimeZone summer = new SimpleTimeZone(3_600_000, "Own/Summer", Calendar.MARCH, -1, Calendar.SUNDAY, 0, Calendar.OCTOBER, -1, Calendar.SUNDAY, 0);
        calendar.setTimeZone(summer);
        calendar.setTimeInMillis(1_720_000_000_000L);
        assertEquals("2024-07-03 11:46:40+02:00", Python.of(calendar).toString());
        for (TimeZone zone : List.of(summer, new SimpleTimeZone(1, "Own/Odd"), new SimpleTimeZone(72_000_000, "Own/Far"))) {
            Expect.failureWith("Python has no time zone like that with the ID Own/", () -> Python.of(zone));
        }
    }

    // ---- values ----

    public enum Scale implements IntBinaryOperator {
        DOUBLE;

        @Override
        public int applyAsInt(int a, int b) {
            return a * b;
        }
    }

    private static final class Fraction extends Number {
        private static final long serialVersionUID = 1L;

        @Override
        public int intValue() {
            return 0;
        }

        @Override
        public long longValue() {
            return 0;
        }

        @Override
        public float floatValue() {
            return 0.5f;
        }

        @Override
        public double doubleValue() {
            return 0.5;
        }
    }

    private static final class Stamped extends Date {
        private static final long serialVersionUID = 1L;

        Stamped(long millis) {
            super(millis);
        }
    }

    @Test
    void valuesWinOverFunctionalInterfaces() {
        Map<Object, String> values = new LinkedHashMap<>();
        values.put(LocalDate.of(2024, 2, 29), "datetime.date(2024, 2, 29)");
        values.put(LocalTime.NOON, "datetime.time(12, 0)");
        values.put(YearMonth.of(2024, 2), "'2024-02'");
        values.put(Year.of(2024), "2024");
        values.put(MonthDay.of(2, 29), "'--02-29'");
        values.put(Period.ofDays(3), "'P3D'");
        values.put(ZoneOffset.UTC, "datetime.timezone.utc");
        values.put(ZoneOffset.ofHours(2), "datetime.timezone(datetime.timedelta(seconds=7200))");
        values.put(OffsetTime.of(12, 0, 0, 0, ZoneOffset.UTC), "datetime.time(12, 0, tzinfo=datetime.timezone.utc)");
        values.put(DayOfWeek.MONDAY, "'MONDAY'");
        values.put(Scale.DOUBLE, "'DOUBLE'");
        values.put(new Timestamp(0), "datetime.datetime(1970, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)");
        values.put(new Stamped(0), "datetime.datetime(1970, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)");
        values.put(java.sql.Date.valueOf("2024-02-29"), "datetime.date(2024, 2, 29)");
        values.put(Time.valueOf("01:02:03"), "datetime.time(1, 2, 3)");
        values.put(new Time(Time.valueOf("01:02:03").getTime() + 45), "datetime.time(1, 2, 3, 45000)");
        values.put(Map.entry("k", 1), "('k', 1)");
        values.put(OptionalInt.of(3), "3");
        values.put(OptionalDouble.empty(), "None");
        run("import datetime, zoneinfo");
        if (Expect.truth("zoneinfo.available_timezones()")) { // Windows has none
            values.put(ZoneId.of("Europe/Berlin"), "zoneinfo.ZoneInfo(key='Europe/Berlin')");
            values.put(TimeZone.getTimeZone("Europe/Berlin"), "zoneinfo.ZoneInfo(key='Europe/Berlin')");
            values.put(GregorianCalendar.from(ZonedDateTime.of(2024, 1, 1, 0, 0, 0, 0, ZoneId.of("Europe/Berlin"))),
                    "datetime.datetime(2024, 1, 1, 0, 0, tzinfo=zoneinfo.ZoneInfo(key='Europe/Berlin'))");
        }
        values.forEach((value, text) -> {
            PythonExecutioner.setVariable("v", Python.of(value));
            assertEquals(text, Expect.text("repr(v)"), value.getClass().getName());
            set("l", Arrays.asList(value, null));
            assertEquals(text, Expect.text("repr(l[0])"), value.getClass().getName());
            if (!(value instanceof Map.Entry || value instanceof OptionalInt || value instanceof OptionalDouble)) {
                Object back = Python.of(value).toJava(value instanceof Calendar ? Calendar.class
                        : value instanceof ZoneId && !(value instanceof ZoneOffset) ? ZoneId.class
                        : value instanceof TimeZone ? TimeZone.class : value instanceof Stamped ? Date.class : value.getClass());
                boolean instant = value instanceof Calendar || value instanceof Date;
                assertEquals(instant ? instant(value) : value, instant ? instant(back) : back);
            }
        });
        assertEquals("[{datetime.date(2024, 2, 29): '2024-02'}]", Python.of(List.of(Map.of(LocalDate.of(2024, 2, 29), YearMonth.of(2024, 2)))).toString());
    }

    @Test
    void whereAZoneIsMissingTheMessageSaysWhatToInstall() {
        run("import sys, zoneinfo", "before = zoneinfo.TZPATH", "zoneinfo.reset_tzpath([])", "sys.modules['tzdata'] = None");
        try {
            Expect.failureWith("install the package tzdata", () -> Python.of(ZoneId.of("Pacific/Apia")));
        } finally {
            run("zoneinfo.reset_tzpath(before)", "del sys.modules['tzdata'], before");
        }
    }

    private static Object instant(Object value) {
        return value instanceof Calendar ? ((Calendar) value).toInstant() : ((Date) value).getTime();
    }

    @Test
    void numbersThatChangeAreReferences() {
        AtomicInteger counter = new AtomicInteger(3);
        Fraction half = new Fraction();
        set("l", Arrays.asList(counter, half), AtomicInteger.class);
        set("c", counter, AtomicInteger.class);
        run("c.incrementAndGet()", "l[0].add_and_get(10)");
        assertEquals(14, counter.get());
        assertSame(half, Python.eval("l[1]").toJava(Object.class));
        set("closed", new AtomicInteger(1));
        Expect.failureWith("AttributeError", () -> Python.eval("closed.get()"));
        for (Object value : List.of(counter, half)) {
            Expect.failureWith("Unable to find python type for java type: class " + value.getClass().getName(), () -> Python.of(List.of(value)));
        }
    }

    @Test
    void iteratorsAndStreamsBothWays() {
        assertEquals("[1, 'a', None]", Python.of(Arrays.asList(1, "a", null).iterator()).toString());
        assertEquals("[1, 2]", Python.of(Stream.of(1, 2)).toString());
        assertEquals("[0, 1, 2]", Python.of(IntStream.range(0, 3)).toString());
        assertEquals("[0.5]", Python.of(DoubleStream.of(0.5)).toString());
        assertEquals("['e']", Python.of(Collections.enumeration(List.of("e"))).toString());
        assertEquals("['a', 'b']", Python.of(new char[] {'a', 'b'}).toString());
        set("s", IntStream.range(0, 3));
        set("e", Collections.enumeration(List.of("e")));
        set("l", List.of(List.of(1, 2).iterator()));
        check("list(s) == [0, 1, 2]", "list(e) == ['e']", "next(l[0]) == 1 and next(l[0]) == 2 and next(l[0], 7) == 7");
        assertThrows(IllegalStateException.class, () -> Python.eval("list(s)"));
        assertArrayEquals(new char[] {'a', 'b'}, Python.eval("['a', 'b']").toJava(char[].class));
        assertArrayEquals("text".toCharArray(), Python.eval("'text'").toJava(char[].class));
        assertEquals(Map.entry("a", 1L), Python.eval("('a', 1)").toJava(Map.Entry.class));
        assertEquals(6, Python.eval("[1, 2, 3]").toJava(IntStream.class).sum());
        assertEquals(1.5, Python.eval("(1, 0.5)").toJava(DoubleStream.class).sum());
        Expect.failureWith("Could not convert value to java.util.Map$Entry", () -> Python.eval("(1, 2, 3)").toJava(Map.Entry.class));
    }

    /** Two elements; then it says that there are more but fails, or that there are none and goes on. */
    static final class Two implements Iterator<Object>, Enumeration<Object> {
        private final boolean fails;
        private int given;

        Two(boolean fails) {
            this.fails = fails;
        }

        @Override
        public boolean hasNext() {
            return fails || given < 2;
        }

        @Override
        public Object next() {
            if (fails && given == 2) {
                throw new NoSuchElementException("what the third one is made of");
            }
            return ++given;
        }

        @Override
        public boolean hasMoreElements() {
            return hasNext();
        }

        @Override
        public Object nextElement() {
            return next();
        }
    }

    /** As in a loop of Java's: the end is what {@code hasNext} says. */
    @Test
    void anIteratorThatFailsHasNotEnded() {
        Iterable<Object> iterable = () -> new Two(true);
        for (Object elements : List.of(new Two(true), iterable,
                Stream.of(1, 2, 3).map(i -> i < 3 ? i : Optional.<Integer>empty().orElseThrow()))) {
            set("e", elements);
            run("got = []", "try:", "    for each in e: got.append(each)", "except Exception as e: got.append(e.java_class)");
            check("got == [1, 2, 'java.util.NoSuchElementException']");
        }
        set("e", new Two(false));
        check("list(e) == [1, 2]", "next(e, 'over') == 'over'");
    }

    // ---- in, ==, hash, copy, pickle ----

    @Test
    void inIsTrueWhereItIsForTheSameValuesInPython() {
        List<Object> values = Arrays.asList(2.5, 1, "a", LocalDate.of(2024, 2, 29), true, null, 7L, DayOfWeek.MONDAY, 0.1f, 'c', (short) 9);
        set("l", new ArrayList<>(values));
        set("s", new LinkedHashSet<>(values));
        set("d", new LinkedHashMap<>(Map.of(1, "one", "a", 2, LocalDate.of(2024, 2, 29), 3)));
        run("import datetime", "probes = [2.5, 1, 1.0, True, False, 0, 'a', 'b', datetime.date(2024, 2, 29), datetime.date(2024, 3, 1), None, 7, 7.0,",
                "    'MONDAY', 'c', 9, 9.5, float('nan'), 2**70, b'a', (1,), 0.1]",
                "wrong = [p for p in probes if (p in l) != (p in list(l))]");
        assertEquals("[]", Expect.text("wrong"));
        set("t", new TreeSet<>(Arrays.asList(1L, 2L)));
        check("True in t and 1.0 in t and 2 in t and 2.5 not in t and 'x' not in t and False not in t");
        check("1 in s and 1.0 in s and 2.5 in s and 7 in s and 9 in s and None in s and 3 not in s",
                "1 in d and 1.0 in d and True in d and 2 not in d and d[1.0] == 'one' and d.get('zz') is None");
        run("d[1] = 'new'");
        check("len(d) == 3 and d[1] == 'new'");
    }

    @Test
    void equalityHashAndCopies() {
        List<Object> inner = new ArrayList<>(List.of(1));
        Map<String, Object> map = new LinkedHashMap<>(Map.of("l", inner));
        Object opaque = new Object();
        set("m", map);
        set("o", opaque);
        set("q", new ArrayDeque<>(List.of(1, 2)));
        set("s", new LinkedHashSet<>(List.of(1)));
        set("it", List.of(1).iterator());
        PythonExecutioner.setVariable("f", Python.function((args, named) -> args));
        run("import copy, pickle", "shallow, deep = copy.copy(m), copy.deepcopy(m)", "deep['l'].append(2)", "shallow['l'].append(3)");
        assertEquals(List.of(1, 3), inner);
        check("type(shallow) is dict and type(deep['l']) is list and type(copy.copy(m['l'])) is list and type(copy.copy(s)) is set",
                "copy.copy(q) == [1, 2]", "copy.copy(o) is o and copy.deepcopy([o])[0] is o", "copy.deepcopy({'f': f})['f'] is f and copy.copy(f) is f",
                "o == o and o != 5 and hash(o) == hash(o) and q == q", "m == {'l': [1, 3]} and m['l'] == [1, 3]");
        for (String unhashable : List.of("m", "m['l']", "s")) {
            Expect.failureWith("TypeError: unhashable type", () -> Python.eval("hash(" + unhashable + ")"));
        }
        for (String name : List.of("m", "o", "q", "s", "it", "m['l']")) {
            Expect.failureWith("cannot be pickled: it lives in the JVM of this process", () -> Python.eval("pickle.dumps(" + name + ")"));
        }
        Expect.failureWith("TypeError: an iterator of Java's cannot be copied", () -> Python.eval("copy.copy(it)"));
    }
}
