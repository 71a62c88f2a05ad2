// SPDX-License-Identifier: Apache-2.0
// The elements of containers by reference: which types they take, where a declaration says more than their class;
// that they stay the same objects; how their containers are shown and compared. References in general: ReferencesTest.
package org.nd4j.python4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeout;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.file.Path;
import java.time.DayOfWeek;
import java.time.Duration;
import java.time.LocalDate;
import java.util.AbstractMap;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Date;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(InPython.class)
class ElementsTest {

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

    private static void refused(String... statements) {
        for (String statement : statements) {
            Expect.failureWith("TypeError: Could not convert value to ", () -> PythonExecutioner.exec(statement));
        }
    }

    // ---- declared types ----

    /** Functions that fail with anything but Integers. */
    public static class Functions {
        private static final Function<Integer, Integer> TWICE = n -> n * 2;

        public Map<String, Function<Integer, Integer>> map = new HashMap<>(Map.of("f", TWICE));
        public Function<Integer, Integer>[] array = array();
        public Map<Function<Integer, Integer>, String> keys = Map.of(TWICE, "f");

        @SuppressWarnings({"unchecked", "rawtypes"})
        private static Function<Integer, Integer>[] array() {
            return new Function[] {TWICE};
        }

        public Optional<Function<Integer, Integer>> optional() {
            return Optional.of(TWICE);
        }

        public List<? extends List<Function<Integer, Integer>>> nested() {
            return List.of(new ArrayList<>(List.of(TWICE)));
        }

        public Map.Entry<String, Function<Integer, Integer>> entry() {
            return Map.entry("f", TWICE);
        }

        public Set<Function<Integer, Integer>> set() {
            return Set.of(TWICE);
        }

        public Iterator<Function<Integer, Integer>> iterator() {
            return List.of(TWICE).iterator();
        }

        public Stream<Function<Integer, Integer>> stream() {
            return Stream.of(TWICE);
        }

        public Iterable<Function<Integer, Integer>> iterable() {
            return () -> List.of(TWICE).iterator();
        }

        public Function<Integer, Function<Integer, Integer>> curried() {
            return a -> b -> a + b;
        }

        public Supplier<List<Function<Integer, Integer>>> supplier() {
            return () -> List.of(TWICE);
        }

        public Map<String, Optional<Function<Integer, Integer>>> optionals() {
            return Map.of("f", Optional.of(TWICE));
        }
    }

    private static final String[] CALLS = {"map['f']", "array[0]", "list(f.keys)[0]", "optional()", "nested()[0][0]", "entry()[1]", "next(iter(f.set()))",
        "next(f.iterator())", "list(f.stream())[0]", "list(f.iterable())[0]", "curried()(4)", "supplier()()[0]", "optionals()['f']",
        "nested()[0][:][0]", "[g for g in f.nested()[0]][0]", "list(f.map.values())[0]", "list(f.map.items())[0][1]", "list(reversed(f.array))[0]"};

    @Test
    void functionsInContainersTakeWhatIsDeclared() {
        set("f", new Functions(), Functions.class);
        for (String call : CALLS) {
            String function = call.contains("f.") ? call : "f." + call;
            assertEquals("8", Expect.text(function + "(4)"), call);
            Expect.failureWith("TypeError: apply(): ", () -> Python.eval(function + "('x')"));
        }
    }

    /** The same by value: as results of functions and as arguments of proxies. */
    @Test
    void functionsInValuesTakeWhatIsDeclared() {
        Functions functions = new Functions();
        PythonExecutioner.setVariable("g", Python.function(Sources.class, () -> List.of(Functions.TWICE)));
        assertEquals("8", Expect.text("g()[0](4)"));
        PythonExecutioner.setVariable("h", Python.function(Maps.class, () -> Map.of("f", Optional.of(new AbstractMap.SimpleEntry<>(1, Functions.TWICE)))));
        assertEquals("8", Expect.text("h()['f'][1](4)"));
        run("class Taker:", "    def take(self, all, by, many): return all[0](4) + by['f'](4) + many[0](4)");
        Taker taker = Python.eval("Taker()").asInterface(Taker.class);
        assertEquals(24, taker.take(List.of(Functions.TWICE), Map.of("f", Functions.TWICE), functions.array));
    }

    interface Sources {
        List<Function<Integer, Integer>> all();
    }

    interface Maps {
        Map<String, Optional<Map.Entry<Integer, Function<Integer, Integer>>>> all();
    }

    interface Taker {
        int take(List<Function<Integer, Integer>> all, Map<String, Function<Integer, Integer>> by, Function<Integer, Integer>[] many);
    }

    public static class Shorts extends ArrayList<Short> {
        private static final long serialVersionUID = 1L;
    }

    public static class Box<T> {
        public T value;
        public List<T> items = new ArrayList<>();
        public Map<String, List<T>> by = new HashMap<>();

        public T put(T value) {
            this.value = value;
            return value;
        }

        public Box<T> same() {
            return this;
        }
    }

    public static class Fields {
        public List<Short> shorts = new ArrayList<>();
        public Set<LocalDate> dates = new LinkedHashSet<>();
        public Map<Short, List<Float>> map = new TreeMap<>();
        public Map<DayOfWeek, Integer> days = new HashMap<>();
        public List<? extends Number> numbers = new ArrayList<>(List.of(1));
        public List<?> any = new ArrayList<>();
        @SuppressWarnings("rawtypes")
        public List raw = new ArrayList<>();
        public List<short[]> arrays = new ArrayList<>();
        public List<List<Short>> lists = new ArrayList<>();
        public ArrayDeque<Byte> queue = new ArrayDeque<>();
        public Box<Short> box = new Box<>();
        public List<Box<Short>> boxes = new ArrayList<>(List.of(new Box<>()));
        public List<BiFunction<Integer, Integer, Integer>> functions = new ArrayList<>();
        public List<Comparable<?>> comparables = new ArrayList<>();
        public Shorts own = new Shorts();
    }

    @Test
    void anEmptyContainerTakesWhatIsDeclaredAlone() {
        Fields fields = new Fields();
        set("f", fields, Fields.class, Box.class);
        run("import datetime", "f.shorts.append(1)", "f.shorts += [2, True]", "f.shorts.insert(0, 7)", "f.shorts[1:1] = [8]",
                "f.dates.add(datetime.date(2024, 2, 29))", "f.map[1] = [0.5]", "f.map[1].append(2)", "f.days['MONDAY'] = 3", "f.numbers.append(2)",
                "f.any.append('x')", "f.raw.append(5)", "f.arrays.append([1, 2])", "f.lists.append([1])", "f.lists[0].append(2)", "f.queue.add(5)",
                "f.box.value = 3", "f.box.items.append(4)", "f.box.put(6)", "f.boxes[0].same().items.append(1)", "f.box.by['a'] = [1]",
                "f.functions.append(lambda a, b: a + b)", "f.comparables.append('c')", "f.own.append(9)", "f.shorts.append(None)");
        List<Short> shorts = Arrays.asList((short) 7, (short) 8, (short) 1, (short) 2, (short) 1, null);
        assertEquals(shorts, fields.shorts);
        assertEquals(Set.of(LocalDate.of(2024, 2, 29)), fields.dates);
        assertEquals(Map.of((short) 1, List.of(0.5f, 2f)), fields.map);
        assertEquals(Map.of(DayOfWeek.MONDAY, 3), fields.days);
        assertEquals(List.of(1, 2), fields.numbers);
        assertEquals(List.of("x"), fields.any);
        assertEquals(List.of(5L), fields.raw);
        assertEquals(2, fields.arrays.get(0)[1]);
        assertEquals(List.of(List.of((short) 1, (short) 2)), fields.lists);
        assertEquals(List.of((byte) 5), new ArrayList<>(fields.queue));
        assertEquals((short) 6, fields.box.value);
        assertEquals(List.of((short) 4), fields.box.items);
        assertEquals(List.of((short) 1), fields.boxes.get(0).items);
        assertEquals(5, fields.functions.get(0).apply(2, 3));
        assertEquals(List.of((short) 9), fields.own);
        refused("f.shorts.append('x')", "f.shorts[0] = 70000", "f.shorts[0:1] = [1, 2.5]", "f.dates.add('x')", "f.map[1].append('x')", "f.map['x'] = []",
                "f.days['x'] = 1", "f.queue.add(200)", "f.box.items.append('x')", "f.boxes[0].items.append(0.5)", "f.lists[0].append('x')",
                "f.own.append('x')", "f.box.value = 'x'", "f.numbers.append('x')");
        Expect.failureWith("TypeError: value[0]: str 'x' is not a short", () -> PythonExecutioner.exec("f.arrays.append(['x'])"));
        Expect.failureWith("TypeError: put(): Could not convert value to java.lang.Short: x", () -> PythonExecutioner.exec("f.box.put('x')"));
        assertEquals(shorts, fields.shorts);
        check("f.map[1.0] == [0.5, 2.0]", "1 in f.shorts and 2.5 not in f.shorts", "datetime.date(2024, 2, 29) in f.dates");
    }

    // ---- Optionals ----

    @Test
    void anOptionalOfAnyKindIsWhatIsInIt() {
        List<Object> inner = new ArrayList<>(List.of(1));
        Map<Object, String> all = new LinkedHashMap<>();
        all.put(Optional.of(3), "3");
        all.put(OptionalInt.of(3), "3");
        all.put(OptionalLong.of(3), "3");
        all.put(OptionalDouble.of(3), "3.0");
        all.put(Optional.empty(), "None");
        all.put(OptionalInt.empty(), "None");
        all.put(OptionalLong.empty(), "None");
        all.put(OptionalDouble.empty(), "None");
        all.put(Optional.of(OptionalInt.of(4)), "4");
        all.put(Optional.of(inner), "[1]");
        all.forEach((optional, text) -> {
            set("o", optional);
            set("l", Collections.singletonList(optional));
            set("e", List.of(Map.entry("k", optional)));
            PythonExecutioner.setVariable("v", Python.of(optional));
            for (String name : List.of("o", "l[0]", "e[0][1]", "v")) {
                assertEquals(text, Expect.text("repr(" + name + ")"), name);
            }
        });
        set("o", Optional.of(inner));
        run("o.append(2)");
        assertEquals(2, inner.size());
    }

    // ---- the same elements ----

    private static List<Object> kinds() {
        return new ArrayList<>(List.of(Path.of("b"), new StringBuilder("s"), LocalDate.of(2024, 2, 29), new String("é"), 1000, 7000L, 2.5, 0.5f,
                DayOfWeek.MONDAY, new Date(5), new BigDecimal("1.50"), BigInteger.ONE.shiftLeft(80), Optional.of("o"), Map.entry("k", 1), 'c',
                (short) 9, new AbstractMap.SimpleEntry<>("m", 2), true, new int[] {1}, new ArrayList<>(List.of(1))));
    }

    private static Set<Object> identities(Iterable<?> all) {
        Set<Object> identities = Collections.newSetFromMap(new IdentityHashMap<>());
        all.forEach(identities::add);
        return identities;
    }

    @Test
    void elementsThatAreAssignedAloneStayTheSame() {
        List<UnaryOperator<List<Object>>> kinds = List.of(ArrayList::new, java.util.LinkedList::new, java.util.concurrent.CopyOnWriteArrayList::new,
                l -> Arrays.asList(l.toArray()));
        for (UnaryOperator<List<Object>> kind : kinds) {
            List<Object> list = kind.apply(kinds());
            List<Object> before = new ArrayList<>(list);
            set("l", list);
            for (int i = 0; i < before.size(); i++) {
                for (int j = i + 1; j < before.size(); j += 3) {
                    run("l[" + i + "], l[" + j + "] = l[" + j + "], l[" + i + "]");
                    assertSame(before.get(i), list.get(j), () -> list + "");
                    assertSame(before.get(j), list.get(i), () -> list + "");
                    run("t = l[" + i + "]", "l[" + i + "] = l[" + j + "]", "l[" + j + "] = t");
                    assertSame(before.get(i), list.get(i), () -> list + "");
                    assertSame(before.get(j), list.get(j), () -> list + "");
                }
            }
            run("import random", "random.Random(3).shuffle(l)");
            assertEquals(identities(before), identities(list));
            run("l[0] = l[1]");
            assertSame(list.get(1), list.get(0));
        }
    }

    @Test
    void equalElementsChangePlacesAsThemselves() {
        List<Object> list = new ArrayList<>();
        for (int i = 0; i < 6; i++) {
            list.add(new String("same"));
        }
        Set<Object> before = identities(list);
        set("l", list);
        run("import random", "for i in range(5): random.Random(i).shuffle(l)", "l.sort()", "l[:] = l[::-1]", "for i in range(6): l.append(l.pop(0))",
                "l[:] = l[::-1]", "l.insert(3, l.pop(1))", "l[2], l[4] = l[4], l[2]", "l.append(l.pop())");
        assertEquals(before, identities(list));
    }

    @Test
    void elementsThatAreTakenOutAndPutBackStayTheSame() {
        List<Object> list = kinds();
        List<Object> before = new ArrayList<>(list);
        Map<String, Object> map = new TreeMap<>(Map.of("a", LocalDate.of(2024, 1, 1), "b", LocalDate.of(2024, 1, 2)));
        Object a = map.get("a");
        set("l", list);
        set("m", map);
        run("for i in range(len(l)): l.append(l.pop(0))");
        assertEquals(identities(before), identities(list));
        run("m['c'] = m['a']", "m['b'], m['a'] = m['a'], m['b']", "m['d'] = m.pop('b')");
        assertSame(a, map.get("c"));
        assertSame(a, map.get("d"));
        List<Object> holder = new ArrayList<>(List.of(Path.of("x"), Path.of("y")));
        set("h", Map.of("k", holder)); // another reference each time
        run("h['k'][0] = h['k'][1]");
        assertSame(holder.get(1), holder.get(0));
    }

    /** What has come out elsewhere does not bring its class along. */
    @Test
    void aValueTakesTheClassOfItsOwnContainer() {
        List<Object> shorts = new ArrayList<>(List.of((short) 5, (short) 6));
        List<Object> integers = new ArrayList<>(List.of(1, 2));
        List<Object> mixed = new ArrayList<>(List.of(1, 1.0, true));
        set("s", shorts);
        set("i", integers);
        set("m", mixed);
        run("i[0] = s[0]", "i.append(s[1])", "m[1]", "m[2]", "m[0] = 1");
        assertEquals(List.of(5, 2, 6), integers);
        assertEquals(List.of(1, 1.0, true), mixed);
    }

    // ---- how containers are shown ----

    @Test
    void containersAreShownAsPythons() {
        List<Object> list = new ArrayList<>(List.of(1));
        set("s", new LinkedHashSet<>(List.of(list, "x")));
        set("m", new LinkedHashMap<>(Map.of(list, list)));
        set("e", new LinkedHashSet<>());
        set("q", new ArrayDeque<>(List.of(list)));
        check("repr(s) in (\"{[1], 'x'}\", \"{'x', [1]}\")", "repr(m) == '{[1]: [1]}' and str(m) == repr(m)", "repr(e) == 'set()'", "repr(q) == '[[1]]'",
                "s == s and m == m and not s == {1, 2} and s != m and not m == {1: 2} and not {1, 2} == s", "len(m) == 1 and list(m) == [[1]]");
        List<Object> own = new ArrayList<>(List.of("a"));
        own.add(own);
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("m", map);
        map.put("l", own);
        own.add(map);
        set("own", own);
        set("map", map);
        run("p = []", "p.append(p)");
        PythonObject python = Python.eval("p");
        List<Object> through = new ArrayList<>(List.of(python));
        set("through", through);
        run("p.append(through)", "import copy", "deep = copy.deepcopy(own)", "twice = copy.deepcopy([own, own])");
        assertEquals("['a', [...], {'m': {...}, 'l': [...]}]", Expect.text("repr(own)"));
        assertEquals("{'m': {...}, 'l': ['a', [...], {...}]}", Expect.text("repr(map)"));
        assertEquals("[[[...], [...]]]", Expect.text("repr(through)"));
        check("deep[1] is deep and deep[2]['l'] is deep and deep[2]['m'] is deep[2]", "twice[0] is twice[1]", "own == own and map == map",
                "repr(own) == repr(own)");
        run("p.clear()");
    }

    /** Keys and elements that are equal in one of the languages only. */
    @Test
    void equalInOneLanguageOnly() {
        Map<Object, Object> map = new HashMap<>();
        map.put(Double.NaN, 1);
        map.put(-0.0, 2);
        map.put(1, 4);
        map.put(1L, 5);
        map.put(null, 6);
        set("m", map);
        set("l", new ArrayList<>(Arrays.asList(Double.NaN, Float.NaN, -0.0, 1)));
        check("len(m) == 5 and len(list(m)) == 5 and len(m.items()) == 5", "m[0] == 2 and m[0.0] == 2 and m[-0.0] == 2", "m[None] == 6 and m[1] in (4, 5)",
                "m[float('nan')] == 1", "float('nan') not in l and 0 in l and True in l and 1.0 in l", "len(dict(m)) == 4");
        run("del m[float('nan')]", "del m[0]");
        assertEquals(3, map.size());
        set("t", new TreeMap<>(Map.of("a", 1)));
        set("q", new java.util.PriorityQueue<>(List.of(1)));
        check("None not in t and t.get(None) is None and 5 not in t");
        Expect.failureWith("TypeError: a java.util.TreeMap takes no None", () -> PythonExecutioner.exec("t[None] = 1"));
        Expect.failureWith("TypeError: a java.util.PriorityQueue takes no None", () -> PythonExecutioner.exec("q.add(None)"));
    }

    @Test
    void whatAContainerTakesOnlyOfOneClassIsATypeErrorElsewhere() {
        set("m", new TreeMap<>(Map.of("a", 1)));
        set("s", new TreeSet<>(List.of("a")));
        set("q", new java.util.PriorityQueue<>(List.of("a")));
        set("l", Collections.checkedList(new ArrayList<>(List.of("a")), String.class));
        check("1 not in m and m.get(1) is None and 1 not in s and 1 not in q and 1 not in l");
        for (String put : List.of("m[1] = 1", "m.setdefault(1, 1)", "s.add(1)", "q.add(1)", "l.append(1)", "l.insert(0, 1)", "l[0] = 1", "l[:] = [1]")) {
            String message = assertThrows(PythonException.class, () -> PythonExecutioner.exec(put)).getMessage();
            assertTrue(message.startsWith("TypeError: a java.util.") && message.contains(" java.lang.Long "), put + ": " + message);
        }
        check("list(m) == list(s) == list(q) == list(l) == ['a']");
        set("own", new java.util.AbstractList<Object>() { // an error of its own is what it was
            @Override
            public Object get(int index) {
                throw new ClassCastException("mine");
            }

            @Override
            public int size() {
                return 1;
            }
        });
        assertEquals("mine", assertThrows(ClassCastException.class, () -> PythonExecutioner.exec("own[0]")).getMessage());
    }

    /** Looking for a number takes no time that grows with its exponent, nor much with its length. */
    @Test
    void hugeNumbersAreLookedUpAtOnce() {
        set("l", new ArrayList<>(List.of(1, 2.5)));
        set("s", new LinkedHashSet<>(List.of(1, BigInteger.TEN.pow(400))));
        run("from decimal import Decimal", "huge = [Decimal('1e9999999'), Decimal('1e-9999999'), 1 << 1000000]");
        assertTimeout(Duration.ofSeconds(5), () -> check("not any(each in l or each in s for each in huge)", "Decimal('1e400') in s"));
    }

    // ---- the table of operations ----

    /** Each operation on each kind of reference, as it is on what this is in Python. */
    @Test
    void operationsAreThoseOfPython() {
        set("l", new ArrayList<>(List.of(3, 1, 2)));
        set("l2", new ArrayList<>(List.of(3, 2)));
        set("a", new int[] {3, 1});
        set("s", new LinkedHashSet<>(List.of(3, 1)));
        set("t", new TreeSet<>(List.of(1, 3, 5)));
        set("m", new LinkedHashMap<>(Map.of("a", 1)));
        set("tm", new TreeMap<>(Map.of("a", 1, "b", 2, "c", 3)));
        set("q", new ArrayDeque<>(List.of(1, 2)));
        set("none", new ArrayList<>());
        set("no", new HashMap<>());
        set("it", List.of(1).iterator());
        set("st", Stream.of(1, 2));
        set("o", new Object());
        check("list(reversed(tm)) == ['c', 'b', 'a']", "list(reversed(tm.keys())) == ['c', 'b', 'a']", "list(reversed(tm.values())) == [3, 2, 1]",
                "list(reversed(tm.items())) == [('c', 3), ('b', 2), ('a', 1)]", "list(reversed(l)) == [2, 1, 3]", "list(reversed(a)) == [1, 3]",
                "l < l2 and l <= l2 and l2 > l and l2 >= l and l < [4] and [2] < l and not l < l and l <= l",
                "s < t and s <= t and t > s and not t < s and s <= {1, 3} and {1} < s",
                "bool(l) and not none and not no and bool(o) and bool(it) and bool(m)", "len(l) == 3 and len(m) == 1 and len(s) == 2 and len(q) == 2",
                "3 in l and 'a' in m and 3 in s and 2 in q and 1 in st", "list(iter(m)) == ['a']", "sorted(s) == [1, 3] and min(t) == 1 and max(l) == 3",
                "sorted([l2, l]) == [l, l2]", "m.keys() == {'a'} and ('a', 1) in m.items() and 1 in m.values()");
        for (String refused : List.of("reversed(s)", "m < m", "tm < tm", "o < o", "o < 5", "len(o)", "len(it)", "iter(o)", "5 in o", "l < s", "s < [1]",
                "reversed(o)", "sorted([o, o])", "q < q")) {
            Expect.failureWith("TypeError: ", () -> Python.eval(refused));
        }
    }

    public static final class Version implements Comparable<Version> {
        final int number;

        Version(int number) {
            this.number = number;
        }

        @Override
        public int compareTo(Version other) {
            return Integer.compare(number, other.number);
        }

        @Override
        public boolean equals(Object other) {
            return other instanceof Version && ((Version) other).number == number;
        }

        @Override
        public int hashCode() {
            return number;
        }
    }

    @Test
    void comparablesCompare() {
        List<Version> versions = new ArrayList<>(List.of(new Version(3), new Version(1), new Version(2)));
        List<Version> before = new ArrayList<>(versions);
        set("l", versions);
        set("other", new java.util.concurrent.atomic.AtomicInteger());
        set("thread", Thread.currentThread());
        check("l[1] < l[0] and l[0] > l[1] and l[1] <= l[1] and l[1] >= l[1] and not l[1] < l[1]", "max(l) == l[0] and min(l) == l[1]",
                "[l.index(v) for v in sorted(l)] == [1, 2, 0]", "[l.index(v) for v in sorted(l, reverse=True)] == [0, 2, 1]");
        for (String refused : List.of("l[0] < 5", "l[0] < other", "5 > l[0]", "other < l[0]", "sorted([l[0], thread])", "l[0] < None")) {
            Expect.failureWith("TypeError: '", () -> Python.eval(refused));
        }
        run("l.sort()");
        assertSame(before.get(1), versions.get(0));
        assertSame(before.get(0), versions.get(2));
    }
}
