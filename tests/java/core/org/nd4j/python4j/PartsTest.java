// SPDX-License-Identifier: Apache-2.0
// Containers that cross in parts: exact whatever is in them, nothing stays of one that fails half-way, and what crosses
// needs little memory beside it.
package org.nd4j.python4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.lang.reflect.Array;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.AbstractList;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.ConcurrentModificationException;
import java.util.IdentityHashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Function;
import java.util.function.LongFunction;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.function.Executable;
import org.nd4j.python4j.internal.jni.Handles;

@ExtendWith(InPython.class)
class PartsTest {

    private static final int MANY = 300_000;

    private static List<Object> list(int count, LongFunction<?> element) {
        return LongStream.range(0, count).mapToObj(element).collect(Collectors.toCollection(ArrayList::new));
    }

    private static Map<Object, Object> map(int count, LongFunction<?> key, LongFunction<?> value) {
        Map<Object, Object> map = new LinkedHashMap<>();
        for (long i = 0; i < count; i++) {
            map.put(key.apply(i), value.apply(i));
        }
        return map;
    }

    private static Object echo(Object value) {
        PythonVariable<?> y = new PythonVariable<>("y", PythonTypes.get(value instanceof List ? "list" : "dict"));
        try (PythonGC frame = PythonGC.watch()) {
            PythonExecutioner.setVariable("x", Python.of(value));
            PythonExecutioner.exec("y = x", null, List.of(y));
        }
        return y.getValue();
    }

    private static void run(String... lines) {
        PythonExecutioner.exec(String.join("\n", lines));
    }

    /** At its second run, since the first one of any kind of call makes objects that stay. */
    private static void leavesNothing(Runnable body) {
        body.run();
        int before = settled();
        body.run();
        int after = settled();
        assertTrue(after <= before, after + " objects and before " + before);
    }

    /** How many handles there are, once those are gone that were forgotten before. */
    private static int settled() {
        for (int i = 0; i < 5; i++) {
            System.gc();
            LockSupport.parkNanos(20_000_000);
        }
        PythonExecutioner.exec("pass"); // gives back what was found
        return Handles.count();
    }

    @Test
    void containersOfAllKindsAreExact() {
        leavesNothing(PartsTest::crossBothWays);
    }

    private static void crossBothWays() {
        List<Object> mixed = list(MANY, i -> i % 3 == 0 ? i : i % 3 == 1 ? "text " + i : null);
        List<Object> late = list(MANY, i -> i);
        late.add("no number");
        for (Object value : List.of(
                list(MANY, i -> i - 7), list(MANY, i -> i * 0.5), list(MANY, i -> "text \u00e9 " + i), mixed, late,
                list(MANY, i -> List.of(i, "x")), list(MANY, i -> Map.of("id", i, "score", 0.5)),
                list(5, i -> list(MANY, j -> i + j)), list(5, i -> list(200, j -> list(200, k -> j * k))),
                list(100, i -> "x".repeat(9_000)), list(30, i -> "\u00e9".repeat(20_000)),
                map(MANY, i -> "key " + i, i -> i), map(MANY, i -> i, i -> List.of(i)),
                map(3, i -> "k" + i, i -> map(MANY, j -> j, j -> "v" + j)), map(3, i -> i, i -> list(MANY, j -> "s" + j)))) {
            assertEquals(value, echo(value));
        }
    }

    @Test
    void everyNumberOfElementsAroundAPartIsExact() {
        for (int count : new int[] {32_767, 32_768, 32_769, 65_536, 65_537, 131_071, 131_072, 131_073, 262_144, 262_145}) {
            assertEquals(list(count, i -> i), echo(list(count, i -> i)));
            assertEquals(list(count, i -> "0123"), echo(list(count, i -> "0123")));
            assertEquals(map(count, i -> i, i -> true), echo(map(count, i -> i, i -> true)));
        }
    }

    @Test
    void pythonSeesListsAndDicts() {
        PythonExecutioner.setVariable("x", Python.of(list(MANY, i -> i)));
        PythonExecutioner.setVariable("d", Python.of(map(MANY, i -> "k" + i, i -> i)));
        run("assert type(x) is list and x == list(range(" + MANY + "))",
                "assert type(d) is dict and d == {'k%d' % i: i for i in range(" + MANY + ")}");
        assertEquals(list(MANY, i -> i), Python.eval("tuple(x)").toJava(List.class));
        assertEquals(list(MANY, i -> i), Python.eval("range(" + MANY + ")").toList());
        assertEquals(MANY, ((Map<?, ?>) Python.eval("{(i, 'x'): {i} for i in x}").toMap()).size());
    }

    /** What has no counterpart in Java comes as an object, and is not lost when a later part fails. */
    @Test
    void objectsInThemAreHeldAndGivenBack() {
        run("class C: pass");
        leavesNothing(PartsTest::takeObjects);
    }

    private static void takeObjects() {
        try (PythonGC frame = PythonGC.watch()) {
            List<?> objects = Python.eval("[C() for _ in range(" + MANY / 2 + ")]").toJava(List.class);
            assertEquals(MANY / 2, objects.size());
            assertTrue(Python.isinstance((PythonObject) objects.get(MANY / 2 - 1), Python.eval("C")));
        }
        try (PythonGC frame = PythonGC.watch()) {
            PythonException lost = assertThrows(PythonException.class,
                    () -> Python.eval("[1, [C() for _ in range(" + MANY / 2 + ")], {(1, 2): 0, range(1, 3): 1}]").toJava(List.class));
            assertTrue(lost.getMessage().contains("would lose 1"), lost::getMessage);
        }
    }

    /** The large lists and dicts that Python has, by type and beginning: the length of Python's own may change. */
    private static String large() {
        try (PythonGC frame = PythonGC.watch()) {
            return Python.eval("str([(type(o), str(o)[:60]) for o in __import__('gc').get_objects()"
                    + " if type(o) in (list, dict) and len(o) > 10000])").toString();
        }
    }

    /** A key that is removed and put again while a ConcurrentHashMap is read comes twice out of its iterator. */
    @Test
    void aConcurrentMapIsReadWhileItChanges() {
        List<UnaryOperator<Map<Object, Object>>> shown = List.of(map -> map, Collections::unmodifiableMap, Collections::synchronizedMap);
        for (UnaryOperator<Map<Object, Object>> each : shown) {
            Map<Object, Object> map = changesWhenRead(new ConcurrentHashMap<>());
            assertEquals("{'AaAa': 1, 'AaBB': '1', 'BBAa': 1}", Python.of(each.apply(map)).toString());
            assertEquals("[('AaAa', 1), ('AaBB', '1'), ('BBAa', 1)]", Python.eval("sorted").call(each.apply(map).entrySet()).toString());
        }
        assertEquals("{'AaAa': 1, 'AaBB': '1', 'BBAa': 1}", Python.of(changesWhenRead(new Properties())).toString());
        assertEquals("{'AaAa': 1, 'AaBB': '1', 'BBAa': 1}", Python.of(changesWhenRead(new ConcurrentSkipListMap<>())).toString());
    }

    private static Map<Object, Object> changesWhenRead(Map<Object, Object> map) {
        for (String each : SAME_HASH) {
            map.put(each, 1);
        }
        map.put("AaBB", new Text("1", () -> map.remove("AaAa") != null && map.put("AaAa", 1) == null));
        return map;
    }

    @Test
    void aConcurrentSetIsReadWhileItChanges() {
        List<Supplier<Set<Object>>> made = List.of(ConcurrentHashMap::newKeySet, () -> Collections.newSetFromMap(new ConcurrentHashMap<>()));
        List<UnaryOperator<Set<Object>>> shown = List.of(set -> set, Collections::unmodifiableSet, Collections::synchronizedSet);
        for (Supplier<Set<Object>> maker : made) {
            for (UnaryOperator<Set<Object>> each : shown) {
                Set<Object> set = maker.get();
                for (String name : SAME_HASH) {
                    set.add(name.equals("AaBB") ? new Text("AaBB", () -> set.remove("AaAa") && set.add("AaAa")) : name);
                }
                assertEquals("['AaAa', 'AaBB', 'BBAa']", Python.eval("sorted").call(each.apply(set)).toString());
            }
        }
    }

    /** What repeats in such a set is not lost. */
    @Test
    void equalElementsOfAnIdentitySetAreRefused() {
        Set<Object> set = Collections.newSetFromMap(new IdentityHashMap<>());
        Collections.addAll(set, "a", new StringBuilder("a").toString());
        Expect.failureWith("are equal in Python", () -> Python.of(set));
    }

    private static final List<String> SAME_HASH = List.of("AaAa", "AaBB", "BBAa");
    /** A map from which another thread takes a key right after it was found. */
    private static final class Vanishing extends ConcurrentHashMap<Object, Object> {
        private static final long serialVersionUID = 1;

        @Override
        public boolean containsKey(Object key) {
            return remove(key) != null;
        }
    }

    /** One that has lost each key which its iterator still knows. */
    private static final class Late extends ConcurrentHashMap<Object, Object> {
        private static final long serialVersionUID = 1;

        @Override
        public Object get(Object key) {
            return null;
        }

        @Override
        public Object remove(Object key) {
            return null;
        }
    }

    @Test
    void aMapByReferenceMayChangeAtAnyTime() {
        for (String code : List.of("m.pop('k', default=5) == 5", "m.get('k', 5) == 7", "m.get(1, 5) == 5", "'k' in m", "m.keys() - {'k'} == set()",
                "s.discard('k') is None", "m.setdefault('k', 3) == 7")) {
            Vanishing map = new Vanishing();
            map.put("k", 7);
            PythonExecutioner.setVariable("m", Python.reference(map));
            PythonExecutioner.setVariable("s", Python.reference(map.keySet()));
            assertTrue(Python.eval(code).toBoolean(), code);
        }
        for (String code : List.of("list(m.values()) == [7]", "7 in m.values()", "8 not in m.values()", "m | {} == {'k': 7} == {} | m",
                "m | m == {'k': 7}", "m.copy() == {'k': 7}", "m.get('k', 5) == 5", "m.pop('k', 5) == 5")) {
            Late map = new Late();
            map.put("k", 7);
            PythonExecutioner.setVariable("m", Python.reference(map));
            assertTrue(Python.eval(code).toBoolean(), code);
        }
        PythonExecutioner.setVariable("m", Python.reference(new ConcurrentHashMap<>(Map.of("a", 1, "b", 2))));
        assertEquals("[False, False, False, True]", Python.eval("[5 in m.items(), (1,) in m.items(), ('a', 2) in m.items(), ('a', 1) in m.items()]").toString());
        assertEquals("[set(), 2, 1, 0]", Python.eval("[m.items() & {5}, len(m), m.popitem() and len(m), m.popitem() and len(m)]").toString());
        assertEquals("KeyError: 'popitem(): the map is empty'", assertThrows(PythonException.class, () -> Python.eval("m.popitem()")).getMessage());
        assertEquals("KeyError: 'a'", assertThrows(PythonException.class, () -> Python.eval("m.pop('a')")).getMessage());
        Map<Object, Object> none = new java.util.HashMap<>();
        none.put("n", null);
        PythonExecutioner.setVariable("m", Python.reference(none));
        assertEquals("[None, None, 0, 3]", Python.eval("[m['n'], m.pop('n', 3), len(m), m.pop('n', 3)]").toString());
    }

    /** Does something when it is read. */
    private static final class Text implements CharSequence {
        final String text;
        final Supplier<?> then;

        Text(String text, Supplier<?> then) {
            this.text = text;
            this.then = then;
        }

        @Override
        public int length() {
            return text.length();
        }

        @Override
        public char charAt(int index) {
            return text.charAt(index);
        }

        @Override
        public CharSequence subSequence(int start, int end) {
            return text.subSequence(start, end);
        }

        @Override
        public int hashCode() {
            return text.hashCode();
        }

        @Override
        public String toString() {
            then.get();
            return text;
        }
    }

    @Test
    void aFailureHalfWayLeavesNothing() {
        String large = large();
        leavesNothing(PartsTest::fail);
        assertEquals(large, large());
    }

    private static void fail() {
        List<Object> failing = new AbstractList<>() {
            @Override
            public Object get(int index) {
                if (index == MANY - 1) {
                    throw new IllegalStateException("no element");
                }
                return (long) index;
            }

            @Override
            public int size() {
                return MANY;
            }
        };
        assertThrows(IllegalStateException.class, () -> Python.of(failing));
        List<Object> unconvertible = list(MANY, i -> "text " + i);
        unconvertible.add(new Object());
        assertThrows(PythonException.class, () -> Python.of(unconvertible));
        List<Object> changing = list(MANY, i -> i);
        assertThrows(ConcurrentModificationException.class, () -> Python.of(new AbstractList<Object>() {
            @Override
            public Iterator<Object> iterator() {
                Iterator<Object> elements = changing.iterator();
                elements.next();
                changing.add("more");
                return elements;
            }

            @Override
            public Object get(int index) {
                return changing.get(index);
            }

            @Override
            public int size() {
                return changing.size();
            }
        }));
        Map<Object, Object> equal = map(MANY, i -> i, i -> i);
        equal.put(1.0, "the same key");
        PythonException refused = assertThrows(PythonException.class, () -> Python.of(equal));
        assertTrue(refused.getMessage().contains("and 1 would be lost"), refused::getMessage);
    }

    @Test
    void whatContainsItselfIsRefused() {
        List<Object> self = list(5_000, i -> "text " + i);
        self.add(self);
        assertThrows(PythonException.class, () -> Python.of(self));
        run("x = list(range(5000))", "x.append(x)");
        assertThrows(PythonException.class, () -> Python.eval("x").toList());
    }

    /** Long before the greatest depth, with which each of these would take more than a gigabyte. */
    @Test
    void whatIsLargeAndContainsItselfIsRefusedAtOnce() throws Exception {
        List<Object> self = list(MANY, i -> i);
        self.add(self);
        List<Object> few = new ArrayList<>(List.of(list(MANY, i -> "text " + i)));
        few.add(few);
        Map<Object, Object> map = map(MANY, i -> i, i -> i);
        map.put("me", List.of(1, map));
        Object[] array = list(MANY, i -> i).toArray();
        array[MANY - 1] = List.of(array, 1);
        for (Object value : List.of(self, few, map, Arrays.asList(array, 1))) {
            refusesItself(() -> Python.of(value));
        }
        run("x = list(range(" + MANY + ")); x.append(x)",
                "few = [['text'] * " + MANY + "]; few.append(few)",
                "d = dict.fromkeys(x[:-1]); d['me'] = d.values()",
                "t = ([0] * " + MANY + ",); t[0].append(t)");
        List<PythonObject> values = new ArrayList<>();
        for (String name : List.of("x", "few", "d", "t")) {
            values.add(Python.eval("[" + name + "]"));
        }
        values.forEach(value -> refusesItself(value::toList));
        try (PythonGIL lent = PythonGIL.lend()) {
            OtherThread.call(() -> {
                try (PythonGIL shared = PythonGIL.lockShared()) {
                    values.forEach(value -> refusesItself(value::toList));
                }
                return null;
            });
        }
        PythonExecutioner.setVariable("j", Python.function((given, named) -> given.size()));
        refusesItself(() -> Python.eval("j(d)"));
        run("x.clear(); few.clear(); d.clear(); t[0].clear()");
    }

    private static void refusesItself(Executable conversion) {
        PythonException refused = assertThrows(PythonException.class, conversion);
        assertTrue(refused.getMessage().contains("contains itself"), refused::getMessage);
    }

    /** What stands at the same depth elsewhere is no container around a value. */
    @Test
    void theSameContainerMayStandAtSeveralPlaces() {
        List<Object> list = list(MANY, i -> i % 2 == 0 ? i : "text");
        Object value = Map.of("a", list, "b", Map.of("c", List.of(list, list), "d", list));
        assertEquals(value, Python.of(value).toJava(Object.class));
        Object entries = Arrays.asList(list, Map.entry(List.of(1), list), Map.entry(1, List.of(list)));
        PythonExecutioner.setVariable("x", Python.of(entries));
        run("assert x[0] == x[1][1] == x[2][1][0] and len(x[0]) == " + MANY);
    }

    @Test
    void whereTheStackEndsTheValueIsRefused() {
        PythonException refused = assertThrows(PythonException.class, () -> Python.of(List.of(1, new AbstractList<Object>() {
            @Override
            public Iterator<Object> iterator() {
                return iterator();
            }

            @Override
            public Object get(int index) {
                return null;
            }

            @Override
            public int size() {
                return 1;
            }
        })));
        assertEquals("The value nests deeper than the stack of this thread holds, or contains itself.", refused.getMessage());
        assertTrue(refused.getCause() instanceof StackOverflowError);
        assertEquals(List.of(1L), echo(List.of(1)));
    }

    /** Values of numpy and the like run code of Python's while they are read. */
    @Test
    void aListThatChangesMeanwhileIsReadAsByPythonsIterator() {
        run("import decimal",
                "class D(decimal.Decimal):",
                "    pass",
                "class Grows(str):",
                "    def __str__(self): return 'x'",
                "x = ['text'] * 60_000",
                "def shorter(): del x[50_000:]");
        PythonExecutioner.setVariable("j", Python.function(Runnable.class, () -> {
            assertEquals(60_000, Python.eval("x").toList().size());
            PythonExecutioner.exec("shorter()");
            assertEquals(50_000, Python.eval("x").toList().size());
        }));
        run("j()");
        run("d = {i: 'x' for i in range(" + MANY + ")}");
        PythonVariable<?> d = new PythonVariable<>("d", PythonTypes.DICT);
        PythonVariable<?> x = new PythonVariable<>("x", PythonTypes.LIST);
        PythonExecutioner.exec("d[-1] = 1; x.append(2)", null, Arrays.asList(d, x));
        assertEquals(MANY + 1, ((Map<?, ?>) d.getValue()).size());
        assertEquals(50_001, ((List<?>) x.getValue()).size());
    }

    @Test
    void anInterruptLeavesTheNextCallWhole() throws Exception {
        Thread.currentThread().interrupt();
        try {
            echo(list(MANY, i -> i));
        } catch (PythonInterrupted e) {
            assertSame(PythonInterrupted.class, e.getClass());
        } finally {
            Thread.interrupted();
        }
        assertEquals(list(MANY, i -> i), echo(list(MANY, i -> i)));
    }

    /** Sets, views, ranges, tuples, frozen ones as keys and elements, arrays of all types. */
    @Test
    void otherContainersAreExactAsWell() {
        leavesNothing(PartsTest::crossOthers);
    }

    private static void crossOthers() {
        Set<Object> set = new LinkedHashSet<>(list(MANY, i -> i % 2 == 0 ? i : "text " + i));
        try (PythonGC frame = PythonGC.watch()) {
            PythonExecutioner.setVariable("s", Python.of(set));
            PythonExecutioner.setVariable("inner", Python.of(List.of(Set.of(set), Map.of(set, 1L))));
            run("many = " + MANY, "assert type(s) is set and s == {i if i % 2 == 0 else 'text %d' % i for i in range(many)}",
                    "assert inner == [{frozenset(s)}, {frozenset(s): 1}]");
            assertEquals(set, Python.eval("s").toJava(Set.class));
            assertEquals(set, Python.eval("frozenset(s)").toJava(Set.class));
            assertEquals(List.of(Set.of(set), Map.of(set, 1L)), Python.eval("inner").toList());
            run("d = {i: 'v%d' % i for i in range(many)}");
            assertEquals(list(MANY, i -> i), Python.eval("d.keys()").toJava(List.class));
            assertEquals(list(MANY, i -> "v" + i), Python.eval("d.values()").toJava(List.class));
            assertEquals(list(MANY, i -> List.of(i, "v" + i)), Python.eval("d.items()").toJava(List.class));
            assertEquals(list(MANY, i -> i), Python.eval("range(many)").toJava(List.class));
            assertEquals(list(3, i -> set), Python.eval("(s, frozenset(s), s)").toJava(List.class));
            run("del d, s, inner");
        }
        long[] longs = LongStream.range(-5, MANY).toArray();
        double[] doubles = LongStream.range(0, MANY).mapToDouble(i -> i * 0.5).toArray();
        int[] ints = Arrays.stream(longs).mapToInt(i -> (int) i).toArray();
        float[] floats = new float[MANY];
        short[] shorts = new short[MANY];
        boolean[] booleans = new boolean[2_000_000];
        char[] chars = new char[MANY];
        for (int i = 0; i < MANY; i++) {
            floats[i] = i * 0.25f;
            shorts[i] = (short) i;
            booleans[2 * i] = i % 3 == 0;
            chars[i] = (char) (' ' + i % 1000);
        }
        Object[] objects = list(MANY, i -> "e" + i).toArray();
        for (Object array : new Object[] {longs, doubles, ints, floats, shorts, booleans, chars, objects, new long[0]}) {
            try (PythonGC frame = PythonGC.watch()) {
                List<?> there = Python.of(array).toList();
                assertEquals(Array.getLength(array), there.size());
                for (int i = 0; i < there.size(); i += 1 + i % 7) {
                    Object element = Array.get(array, i);
                    Object expected = element instanceof Float ? (Object) ((Float) element).doubleValue()
                            : element instanceof Number && !(element instanceof Double) ? (Object) ((Number) element).longValue()
                            : element instanceof Character ? element.toString() : element;
                    assertEquals(expected, there.get(i));
                }
            }
        }
    }

    @Test
    void elementsOfASetThatAreEqualInPythonAreRefused() {
        Set<Object> equal = new LinkedHashSet<>(list(MANY, i -> i));
        equal.add(1.0);
        PythonException refused = assertThrows(PythonException.class, () -> Python.of(equal));
        assertTrue(refused.getMessage().contains("and 1 would be lost"), refused::getMessage);
        equal.remove(1.0);
        equal.add(new Object());
        assertThrows(PythonException.class, () -> Python.of(equal));
    }

    /** Its reader is outside Python, where other threads may come between two parts. */
    @Test
    void callbacksTakeAndReturnThem() {
        Map<String, Object> value = Map.of("list", list(MANY, i -> i), "texts", list(MANY, i -> "text " + i),
                "set", new LinkedHashSet<>(list(MANY, i -> i)), "dict", map(MANY, i -> "k" + i, i -> i),
                "nested", list(4, i -> list(MANY, j -> "n" + j)), "text", "\u00e9".repeat(3_000_000), "bytes", "x".repeat(3_000_000));
        run("class C: pass");
        leavesNothing(() -> {
            PythonExecutioner.setVariable("j", Python.function(UnaryOperator.class, given -> {
                assertEquals(value, given);
                return given;
            }));
            try (PythonGC frame = PythonGC.watch()) {
                PythonExecutioner.setVariable("x", Python.of(value));
                run("assert j(x) == x", "del x, j");
            }
        });
    }

    /** Objects among many values are given back, whether the function is called or its arguments cannot be read. */
    @Test
    void callbacksKeepNoObjects() {
        run("class C: pass");
        leavesNothing(() -> {
            try (PythonGC frame = PythonGC.watch()) {
                PythonExecutioner.setVariable("j", Python.function(Function.class, given -> (long) ((List<?>) given).size()));
                run("x = [C() if i % 3000 == 0 else 'text %d' % i for i in range(" + MANY + ")]",
                        "assert j(x) == len(x)", "x = [1, x, dict(enumerate(x))]", "x[2][(1, 2)] = x[2][range(1, 3)] = 0",
                        "try: j(x)", "except Exception as e: assert 'would lose 1' in str(e), e", "else: assert False", "del x, j");
            }
        });
    }

    /** There other threads come between two calls: so all parts are read in one. */
    @Test
    void sharedBlocksReadThemAtOneMoment() throws Exception {
        run("x = [0] * " + MANY, "texts = ['t0'] * " + MANY, "d = dict.fromkeys(range(" + MANY + "), 0)", "changes = 0",
                "def change():", "    global changes", "    changes += 1", "    x[:] = [changes] * len(x)",
                "    texts[:] = ['t%d' % changes] * len(x)", "    d.update(dict.fromkeys(d, changes))");
        PythonObject x = Python.eval("x");
        PythonObject texts = Python.eval("texts");
        PythonObject d = Python.eval("d");
        PythonObject nested = Python.eval("{'x': [texts]}");
        PythonObject change = Python.eval("change");
        try (PythonGIL lent = PythonGIL.lend()) {
            AtomicBoolean ends = new AtomicBoolean();
            OtherThread<Void> changing = OtherThread.start(() -> {
                while (!ends.get()) {
                    try (PythonGIL shared = PythonGIL.lockShared()) {
                        change.call();
                    }
                }
                return null;
            });
            OtherThread.call(() -> {
                try (PythonGIL shared = PythonGIL.lockShared()) {
                    for (int i = 0; i < 10; i++) {
                        assertOneMoment(x.toList());
                        assertOneMoment(texts.toList());
                        assertOneMoment(d.toMap().values());
                        assertOneMoment((Collection<?>) nested.toMap().get("x"));
                    }
                    assertEquals(list(MANY, i -> i), Python.of(list(MANY, i -> i)).toList());
                }
                return null;
            });
            ends.set(true);
            changing.join();
            OtherThread.call(() -> {
                try (PythonGIL shared = PythonGIL.lockShared()) {
                    run("class C: pass", "few = lambda: [C() if i % 3000 == 0 else 'text %d' % i for i in range(" + MANY + ")]");
                    leavesNothing(() -> {
                        try (PythonGC frame = PythonGC.watch()) {
                            assertTrue(Python.eval("few()").toJava(List.class).get(3000) instanceof PythonObject);
                            PythonException lost = assertThrows(PythonException.class,
                                    () -> Python.eval("[few(), {(1, 2): few(), range(1, 3): few()}]").toJava(List.class));
                            assertTrue(lost.getMessage().contains("would lose 1"), lost::getMessage);
                        }
                    });
                }
                return null;
            });
        }
    }

    private static void assertOneMoment(Collection<?> elements) {
        Object first = elements.iterator().next();
        if (first instanceof List) {
            assertOneMoment((List<?>) first);
        } else {
            assertEquals(MANY, elements.size());
            assertTrue(elements.stream().allMatch(first::equals), "all were changed at once");
        }
    }

    /** Of numbers of one kind, of several, and of some that change what all of them are; in one part, in several, and nested. */
    @Test
    void arraysAreExactWhateverTheNumbersAre() {
        for (int count : new int[] {0, 1, 1000, 131_072, 131_073, MANY}) {
            long[] longs = LongStream.range(-5, count - 5).toArray();
            double[] doubles = LongStream.range(-5, count - 5).mapToDouble(i -> i).toArray();
            int[] ints = Arrays.stream(longs).mapToInt(i -> (int) i).toArray();
            try (PythonGC frame = PythonGC.watch()) {
                run("whole = list(range(-5, " + (count - 5) + "))", "real = [float(i) for i in whole]", "rows = {'k': [whole, whole[:3], real]}");
                assertArrayEquals(longs, Python.eval("whole").toJava(long[].class));
                assertArrayEquals(ints, Python.eval("whole").toJava(int[].class));
                assertArrayEquals(doubles, Python.eval("whole").toJava(double[].class));
                assertArrayEquals(doubles, Python.eval("real").toJava(double[].class));
                assertArrayEquals(longs, Python.eval("whole + [True]").toJava(long[].class), count, 1);
                assertArrayEquals(doubles, Python.eval("real + [1]").toJava(double[].class), count, 1);
                assertArrayEquals(doubles, Python.eval("whole + [0.5]").toJava(double[].class), count, 0.5);
                List<double[]> rows = Python.eval("rows").toJava(new PythonTypeToken<Map<String, List<double[]>>>() {}).get("k");
                assertArrayEquals(doubles, rows.get(0));
                assertArrayEquals(Arrays.copyOf(doubles, Math.min(count, 3)), rows.get(1));
                assertArrayEquals(doubles, rows.get(2));
                assertIsWrong("value[" + count + "]: int 4294967296 is not an int", "whole + [2 ** 32]", int[].class);
                assertIsWrong("value[" + count + "]: float 0.5 is not a long", "whole + [0.5]", long[].class);
                assertIsWrong("value[" + count + "]: str 'x' is not a double", "real + ['x']", double[].class);
            }
        }
        assertIsWrong("value[0]: list [1, 2] is not a long", "[[1, 2]]", long[].class);
        assertIsWrong("value[0]: list [0.5] is not a double", "[[0.5]]", double[].class);
        assertIsWrong("value[1]: int 2 is not a long[]", "[[1], 2]", long[][].class);
        assertIsWrong("value[0]: int 1 is not a long[]", "[1, 2]", long[][].class);
    }

    private static void assertArrayEquals(Object expected, Object array) {
        assertEquals(Array.getLength(expected), Array.getLength(array));
        for (int i = 0; i < Array.getLength(array); i++) {
            assertEquals(Array.get(expected, i), Array.get(array, i));
        }
    }

    private static void assertArrayEquals(Object expected, Object array, int count, double last) {
        assertEquals(count + 1, Array.getLength(array));
        assertEquals(last, ((Number) Array.get(array, count)).doubleValue());
        Object rest = Array.newInstance(array.getClass().getComponentType(), count);
        System.arraycopy(array, 0, rest, 0, count);
        assertArrayEquals(expected, rest);
    }

    private static void assertIsWrong(String expected, String expression, Class<?> type) {
        PythonException wrong = assertThrows(PythonException.class, () -> Python.eval(expression).toJava(type));
        assertTrue(wrong.getMessage().startsWith(expected), wrong::getMessage);
    }

    /** Where the elements stay as they are, and where they are converted. */
    @Test
    void typedContainersAreExact() {
        leavesNothing(PartsTest::readTyped);
    }

    private static void readTyped() {
        Map<Object, Object> numbers = map(MANY, i -> i, i -> i);
        try (PythonGC frame = PythonGC.watch()) {
            PythonExecutioner.setVariable("d", Python.of(numbers));
            assertEquals(numbers, Python.eval("d").toJava(new PythonTypeToken<Map<Long, Object>>() {}));
            assertEquals(map(MANY, i -> (int) i, i -> (double) i), Python.eval("d").toJava(new PythonTypeToken<Map<Integer, Double>>() {}));
            assertEquals(map(MANY, i -> i, i -> (short) (i % 100)),
                    Python.eval("{k: v % 100 for k, v in d.items()}").toJava(new PythonTypeToken<Map<Long, Short>>() {}));
            assertEquals(list(MANY, i -> (int) i), Python.eval("list(d)").toJava(new PythonTypeToken<List<Integer>>() {}));
            assertEquals(new LinkedHashSet<>(list(MANY, i -> i)), Python.eval("set(d)").toJava(new PythonTypeToken<Set<Long>>() {}));
            assertEquals(new LinkedHashSet<>(list(MANY, i -> (int) i)), Python.eval("set(d)").toJava(new PythonTypeToken<Set<Integer>>() {}));
            assertEquals(list(MANY, i -> List.of((int) i, 1)), Python.eval("[(i, 1) for i in d]").toJava(new PythonTypeToken<List<List<Integer>>>() {}));
            assertEquals(list(MANY, i -> List.of(i, Map.of("k", i))), Python.eval("[(i, {'k': i}) for i in d]").toJava(List.class));
            PythonException wrong = assertThrows(PythonException.class,
                    () -> Python.eval("{**d, 'x': 'y'}").toJava(new PythonTypeToken<Map<Object, Long>>() {}));
            assertTrue(wrong.getMessage().startsWith("value['x']: str 'y' is not a Long"), wrong::getMessage);
        }
    }

    /** While this thread has the turn, and with it the GIL. */
    @Test
    void aTaskTakesThemWithoutATurn() throws Exception {
        PythonAsync async = PythonAsync.get();
        PythonObject length;
        try (PythonGIL lent = PythonGIL.lend()) {
            async.exec("async def length(x): return len(x)").join();
            length = async.eval(PythonObject.class, "length").join();
        }
        CompletableFuture<Long> submitted = OtherThread.call(() -> async.submit(Long.class, length, list(MANY, i -> i)));
        try (PythonGIL lent = PythonGIL.lend()) {
            assertEquals(MANY, submitted.get(30, TimeUnit.SECONDS));
        }
    }

    /** As above, of 2.4 million values each, of which a crossing at once needs 19 to 60. */
    @Test
    void anyContainerThatCrossesNeedsLittleMemoryBesideIt() throws Exception {
        assumeTrue(Files.exists(Path.of("/proc/self/clear_refs")), "only Linux tells the most that a process had");
        String grown = ChildJvm.output("othersCrossInParts", "-Xms640m", "-Xmx640m", "-XX:+UseSerialGC", "-XX:+AlwaysPreTouch");
        for (String line : grown.split("\n")) {
            assertTrue(Integer.parseInt(line.substring(line.lastIndexOf(' ') + 1)) < 16, () -> "beside what crossed: " + grown);
        }
        assertEquals(17, grown.split("\n").length, grown);
    }

    @Test
    void arraysOfNumbersNeedNoObjectForEach() throws Exception {
        assertEquals("17999997000000 3000000.0", ChildJvm.output("arraysInALittleHeap", "-Xmx100m", "-XX:+UseSerialGC"));
    }

    /** The array and what is packed of it take 40 MB each. */
    @Test
    void aTasksNumbersAreInJavasMemoryTwice() throws Exception {
        assertEquals("5000000", ChildJvm.output("aTaskInALittleHeap", "-Xmx120m", "-XX:NewRatio=8", "-XX:+UseSerialGC"));
    }

    /** In megabytes: of the list in Java 200, of that in Python 400, of a crossing at once 80 on each side. */
    @Test
    void whatCrossesNeedsLittleMemoryBesideIt() throws Exception {
        assumeTrue(Files.exists(Path.of("/proc/self/clear_refs")), "only Linux tells the most that a process had");
        String[] grown = ChildJvm.output("crossesInParts", "-Xms340m", "-Xmx340m", "-XX:+UseSerialGC", "-XX:+AlwaysPreTouch").split(" ");
        for (String megabytes : grown) {
            assertTrue(Integer.parseInt(megabytes) < 24, () -> "beside what crossed: " + Arrays.toString(grown));
        }
    }
}
