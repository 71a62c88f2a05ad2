// SPDX-License-Identifier: Apache-2.0
// Java's collections over Python objects: they read and write through, and keep the contracts of their interfaces.
package org.nd4j.python4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.ListIterator;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(InPython.class)
@SuppressWarnings("unchecked")
class CollectionViewsTest {

    private static <T> T view(String expression, Class<?> type) {
        return (T) Python.eval(expression).asInterface(type);
    }

    private static void run(String... lines) {
        PythonExecutioner.exec(String.join("\n", lines));
    }

    @Test
    void anIteratorRemovesWhatIsThereStill() {
        PythonExecutioner.exec("s = {1, 2}\nd = {'a': 1, 'b': 2}\nclass Busy(set):\n    def __contains__(self, value): return True\nbusy = Busy([1])");
        Set<Object> set = view("s", Set.class);
        Set<Object> busy = view("busy", Set.class);
        Map<Object, Object> map = view("d", Map.class);
        Iterator<Object> elements = set.iterator();
        Iterator<Object> keys = map.keySet().iterator();
        elements.next();
        keys.next();
        PythonExecutioner.exec("s.clear()\ndel d['a']");
        elements.remove();
        keys.remove();
        busy.remove(5L); // as if another thread had been faster
        assertTrue(Expect.truth("s == set() and d == {'b': 2} and busy == {1}"));
        keys.next();
        keys.remove();
        assertTrue(Expect.truth("d == {}"));
    }

    @Test
    void aListReadsAndWritesThrough() {
        run("p = [1, 'a', None, 2.5]");
        List<Object> list = view("p", List.class);
        assertEquals(Arrays.asList(1L, "a", null, 2.5), list);
        assertEquals(list, Arrays.asList(1L, "a", null, 2.5));
        assertEquals(Arrays.asList(1L, "a", null, 2.5).hashCode(), list.hashCode());
        assertEquals("[1, a, null, 2.5]", list.toString());
        assertEquals(1L, list.set(0, 10));
        list.add("end");
        list.add(1, Map.of("k", 1));
        assertEquals("a", list.remove(2));
        assertTrue(list.remove("end"));
        assertFalse(list.remove("nope"));
        list.replaceAll(each -> each instanceof Double ? 5 : each);
        list.subList(1, 2).clear();
        assertEquals("[10, None, 5]", Expect.text("p"));
        assertTrue(list.contains(null) && list.contains(5L) && list.indexOf(10L) == 0 && !list.contains("x"));
        for (ListIterator<Object> each = list.listIterator(); each.hasNext();) {
            if (each.next() == null) {
                each.set(7);
                each.add(8);
            }
        }
        list.removeIf(each -> each.equals(10L));
        assertEquals("[7, 8, 5]", Expect.text("p"));
        list.sort(null);
        assertEquals("[5, 7, 8]", Expect.text("p"));
        run("p.append(9)");
        assertEquals(4, list.size());
        assertEquals(9L, list.get(3));
        list.clear();
        assertTrue(list.isEmpty() && Expect.truth("p == []"));
        for (int wrong : new int[] {-1, 0, 5}) {
            assertThrows(IndexOutOfBoundsException.class, () -> list.get(wrong));
            assertThrows(IndexOutOfBoundsException.class, () -> list.set(wrong, 1));
            assertThrows(IndexOutOfBoundsException.class, () -> list.remove(wrong));
        }
        assertThrows(IndexOutOfBoundsException.class, () -> list.add(2, 1));
        assertThrows(NoSuchElementException.class, () -> list.iterator().next());
        PythonExecutioner.setVariable("back", Python.of(Map.of("l", list)));
        assertTrue(Expect.truth("back['l'] is p"));
    }

    @Test
    void whatCannotChangeRefuses() {
        for (String fixed : List.of("(1, 2)", "range(1, 3)")) {
            List<Object> list = view(fixed, List.class);
            assertEquals(List.of(1L, 2L), list);
            assertThrows(UnsupportedOperationException.class, () -> list.set(0, 5));
            assertThrows(UnsupportedOperationException.class, () -> list.add(5));
            assertThrows(UnsupportedOperationException.class, () -> list.remove(0));
            assertThrows(UnsupportedOperationException.class, list::clear);
        }
        Set<Object> set = view("frozenset([1])", Set.class);
        assertTrue(set.contains(1));
        assertThrows(UnsupportedOperationException.class, () -> set.add(2));
        assertThrows(UnsupportedOperationException.class, () -> set.remove(1));
        Map<Object, Object> map = view("__import__('types').MappingProxyType({'a': 1})", Map.class);
        assertEquals(Map.of("a", 1L), map);
        assertThrows(UnsupportedOperationException.class, () -> map.put("b", 1));
        assertThrows(UnsupportedOperationException.class, () -> map.remove("a"));
        Expect.failureWith("TypeError: an object of the type int cannot be used as a Java List", () -> view("5", List.class));
        Expect.failureWith("TypeError: an object of the type Level cannot be used as a Java List", // unlike its class
                () -> view("__import__('enum').Enum('Level', ['LOW']).LOW", List.class));
    }

    @Test
    void aSetAndACollection() {
        run("s = {1, 2, 3}", "d = {'a': 1}", "import collections", "q = collections.deque([1, 2])");
        Set<Object> set = view("s", Set.class);
        assertEquals(Set.of(1L, 2L, 3L), set);
        assertEquals(Set.of(1L, 2L, 3L).hashCode(), set.hashCode());
        assertTrue(set.add(4) && !set.add(4) && set.remove(1) && !set.remove(9));
        assertFalse(set.contains(List.of(1)), "cannot be hashed in Python");
        assertFalse(set.contains(new Object()), "has no counterpart");
        Iterator<Object> each = set.iterator();
        while (each.hasNext()) {
            if ((Long) each.next() > 2) {
                each.remove();
                assertThrows(IllegalStateException.class, each::remove);
            }
        }
        assertEquals("{2}", Expect.text("s"));
        set.retainAll(Set.of());
        assertTrue(Expect.truth("s == set()"));
        assertInstanceOf(Set.class, view("s", Collection.class));
        assertInstanceOf(List.class, view("q", Collection.class));
        Collection<Object> values = view("d.values()", Collection.class);
        assertEquals(List.of(1L), new ArrayList<>(values));
        assertTrue(values.contains(1));
        assertThrows(UnsupportedOperationException.class, () -> values.add(2));
        List<Object> queue = view("q", List.class);
        queue.add(3);
        assertEquals(List.of(1L, 2L, 3L), queue);
    }

    @Test
    void aMapReadsAndWritesThrough() {
        run("d = {'a': 1, 'b': None}", "import collections", "dd = collections.defaultdict(list)");
        Map<Object, Object> map = view("d", Map.class);
        Map<Object, Object> same = new LinkedHashMap<>();
        same.put("a", 1L);
        same.put("b", null);
        assertEquals(same, map);
        assertEquals(map, same);
        assertEquals(same.hashCode(), map.hashCode());
        assertEquals("{a=1, b=null}", map.toString());
        assertEquals(1L, map.put("a", 2));
        assertNull(map.put("c", List.of(1)));
        assertTrue(map.containsKey("b") && !map.containsKey("z") && map.containsValue(2L) && !map.containsKey(List.of()));
        assertNull(map.get("z"));
        assertEquals(5, map.getOrDefault("z", 5));
        assertNull(map.getOrDefault("b", 5));
        assertNull(map.get(new Object()));
        for (Map.Entry<Object, Object> entry : map.entrySet()) {
            if (entry.getKey().equals("a")) {
                assertEquals(2L, entry.setValue(20));
                assertEquals(20L, entry.getValue());
                assertEquals(Map.entry("a", 20L), entry);
                assertEquals(Map.entry("a", 20L).hashCode(), entry.hashCode());
            }
        }
        map.entrySet().removeIf(entry -> entry.getKey().equals("b"));
        assertTrue(map.keySet().remove("c"));
        assertEquals("{'a': 20}", Expect.text("d"));
        map.computeIfAbsent("n", key -> 1);
        map.merge("n", 5L, (a, b) -> (Long) a + (Long) b);
        assertEquals(6L, map.remove("n"));
        assertNull(map.remove("n"));
        assertEquals(List.of("a"), new ArrayList<>(map.keySet()));
        assertEquals(List.of(20L), new ArrayList<>(map.values()));
        map.clear();
        assertTrue(Expect.truth("d == {}"));
        assertNull(((Map<Object, Object>) view("dd", Map.class)).get("x"));
        assertTrue(Expect.truth("len(dd) == 0"), "a look does not make an entry");
        PythonExecutioner.setVariable("back", Python.of(map));
        assertTrue(Expect.truth("back is d"));
    }

    @Test
    void iterablesAndIterators() {
        Iterable<Object> range = view("range(3)", Iterable.class);
        List<Object> seen = new ArrayList<>();
        range.forEach(seen::add);
        range.forEach(seen::add);
        assertEquals(List.of(0L, 1L, 2L, 0L, 1L, 2L), seen);
        Iterator<Object> endless = view("__import__('itertools').count()", Iterator.class);
        assertEquals(0L, endless.next());
        assertTrue(endless.hasNext() && endless.hasNext());
        assertEquals(1L, endless.next());
        Iterator<Object> none = view("iter([])", Iterator.class);
        assertFalse(none.hasNext());
        assertThrows(NoSuchElementException.class, none::next);
        assertThrows(UnsupportedOperationException.class, none::remove);
        Iterable<Object> fails = view("(1 // n for n in (1, 0))", Iterable.class);
        Iterator<Object> each = fails.iterator();
        assertEquals(1L, each.next());
        Expect.failureWith("ZeroDivisionError", each::next);
        run("x = [1]");
        Object one = view("x", Iterable.class);
        Object same = view("x", Iterable.class);
        Object other = view("[1]", Iterable.class);
        assertEquals(one, same);
        assertNotEquals(one, other);
    }

    interface Names extends List<String> {
        String joined();

        default String first() {
            return get(0);
        }
    }

    interface Ages extends Map<String, Integer> {}

    interface Repository extends Iterable<Integer> {
        int total();
    }

    @Test
    void interfacesThatExtendCollectionsKnowTheirElements() {
        run("class L(list):", "    def joined(self): return '+'.join(self)", "class R:", "    def __iter__(self): return iter([1, 2])", "    def total(self): return 3",
                "names = L(['a', 'b'])");
        Names names = view("names", Names.class);
        names.add("c");
        assertEquals("a+b+c", names.joined());
        assertEquals("a", names.first());
        assertEquals("A,B,C", names.stream().map(String::toUpperCase).collect(Collectors.joining(",")));
        assertEquals(List.of("a", "b", "c"), names);
        run("names[0] = 5");
        Expect.failureWith("Could not convert value to java.lang.String: 5", () -> names.get(0));
        Ages ages = view("{'Ada': 36}", Ages.class);
        int age = ages.get("Ada");
        assertEquals(36, age);
        Repository repository = view("R()", Repository.class);
        int sum = 0;
        for (Integer each : repository) {
            sum += each;
        }
        assertEquals(repository.total(), sum);
        PythonExecutioner.setVariable("back", Python.of(List.of(names)));
        assertTrue(Expect.truth("back[0] is names"));
    }

    @Test
    void functionsAsBefore() throws Exception {
        Callable<Object> call = view("lambda: 5", Callable.class);
        assertEquals(5L, call.call());
        Comparable<Object> number = view("5", Comparable.class);
        assertTrue(number.compareTo(4) > 0 && number.compareTo(5) == 0 && number.compareTo(6) < 0);
        Comparable<Object> text = view("'b'", Comparable.class);
        Comparable<Object> less = view("'a'", Comparable.class);
        assertEquals("[a, b]", java.util.stream.Stream.of(text, less).sorted(Comparable::compareTo).collect(Collectors.toList()).toString());
        run("class V:", "    def compare_to(self, other): return -7");
        assertEquals(-7, ((Comparable<Object>) view("V()", Comparable.class)).compareTo(1));
    }

    @Test
    void otherThreadsTakeTheirTurn() throws Exception {
        List<Object> list;
        try (PythonGC gc = PythonGC.watch()) {
            list = view("[1, 2]", List.class);
        }
        List<Object> seen = new ArrayList<>(); // a thread that came from Python has no turn
        PythonExecutioner.setVariable("read", Python.function((args, named) -> seen.addAll(list)));
        run("import threading", "t = threading.Thread(target=read)", "t.start()", "t.join()");
        assertEquals(List.of(1L, 2L), seen);
    }

    /** A list, a set and a map over Python's beside Java's own, for so many random operations. */
    @Test
    void randomOperationsAsJavasOwn() {
        Random random = new Random(11);
        run("l, s, m = [], set(), {}");
        List<Object> list = view("l", List.class);
        Set<Object> set = view("s", Set.class);
        Map<Object, Object> map = view("m", Map.class);
        List<Object> listToo = new ArrayList<>();
        Set<Object> setToo = new HashSet<>();
        Map<Object, Object> mapToo = new HashMap<>();
        for (int i = 0; i < 300; i++) {
            long value = random.nextInt(12);
            int at = random.nextInt(listToo.size() + 1);
            switch (random.nextInt(9)) {
                case 0:
                    list.add(at, value);
                    listToo.add(at, value);
                    break;
                case 1:
                    assertEquals(listToo.remove(value), list.remove(value));
                    break;
                case 2:
                    assertEquals(listToo.removeIf(each -> (Long) each % 5 == value), list.removeIf(each -> (Long) each % 5 == value));
                    break;
                case 3:
                    Collections.reverse(list);
                    Collections.reverse(listToo);
                    break;
                case 4:
                    assertEquals(setToo.add(value), set.add(value));
                    break;
                case 5:
                    assertEquals(setToo.remove(value), set.remove(value));
                    break;
                case 6:
                    assertEquals(mapToo.put(value, value + 1), map.put(value, value + 1));
                    break;
                case 7:
                    assertEquals(mapToo.remove(value), map.remove(value));
                    break;
                default:
                    assertEquals(mapToo.merge(value, 1L, (a, b) -> (Long) a + (Long) b), map.merge(value, 1L, (a, b) -> (Long) a + (Long) b));
            }
            assertEquals(listToo, list);
            assertEquals(setToo, set);
            assertEquals(mapToo, map);
            assertTrue(Objects.equals(listToo.hashCode(), list.hashCode()) && setToo.hashCode() == set.hashCode() && mapToo.hashCode() == map.hashCode());
        }
    }

    // ---- what is no such collection ----

    interface Named extends List<String> {}

    @Test
    void whatIsNoSuchCollectionIsRefusedAtOnce() {
        Map<String, List<Class<?>>> can = new LinkedHashMap<>();
        List<Class<?>> all = List.of(Map.class, List.class, Set.class, Collection.class, Iterable.class, Iterator.class);
        can.put("[1]", List.of(List.class, Collection.class, Iterable.class, Iterator.class));
        can.put("(1,)", List.of(List.class, Collection.class, Iterable.class, Iterator.class));
        can.put("range(3)", List.of(List.class, Collection.class, Iterable.class, Iterator.class));
        can.put("'text'", List.of(List.class, Collection.class, Iterable.class, Iterator.class));
        can.put("__import__('collections').deque([1])", List.of(List.class, Collection.class, Iterable.class, Iterator.class));
        can.put("{1: 2}", List.of(Map.class, Collection.class, Iterable.class, Iterator.class));
        can.put("{1}", List.of(Set.class, Collection.class, Iterable.class, Iterator.class));
        can.put("frozenset()", List.of(Set.class, Collection.class, Iterable.class, Iterator.class));
        can.put("{}.keys()", List.of(Set.class, Collection.class, Iterable.class, Iterator.class));
        can.put("{}.values()", List.of(Collection.class, Iterable.class, Iterator.class));
        can.put("iter([1])", List.of(Iterable.class, Iterator.class));
        can.put("(n for n in [1])", List.of(Iterable.class, Iterator.class));
        can.put("5", List.of());
        can.put("None", List.of());
        can.put("object()", List.of());
        can.put("list", List.of());
        can.put("lambda: 1", List.of());
        can.forEach((expression, types) -> {
            for (Class<?> type : all) {
                if (types.contains(type)) {
                    assertInstanceOf(type, Python.eval(expression).asInterface(type), expression);
                } else {
                    PythonException e = Expect.failureWith(" cannot be used as a Java " + type.getSimpleName(),
                            () -> Python.eval(expression).asInterface(type));
                    assertEquals(!types.isEmpty(), e.getMessage().contains("it can be used as a "), e.getMessage());
                }
            }
        });
        Expect.failure("TypeError: an object of the type dict cannot be used as a Java List: it can be used as a Map, Collection, Iterable, Iterator",
                () -> Python.eval("{}").asInterface(Named.class));
    }

    /** An object's attribute goes before its call; a class is called, since its methods are those of its objects. */
    @Test
    void aClassAsAFunctionMakesObjects() {
        PythonExecutioner.exec("class Config:\n    def get(self): return 'own'\n    def __call__(self): return 'called'\n"
                + "class Static(Config):\n    @staticmethod\n    def get(): return 'static'\n"
                + "class Bound(Config):\n    @classmethod\n    def get(cls): return cls.__name__");
        assertEquals("own", Python.eval("Config()").asInterface(Supplier.class).get());
        assertEquals("Config", Python.type((PythonObject) Python.eval("Config").asInterface(Supplier.class).get()).attr("__name__").toString());
        assertEquals("static", Python.eval("Static").asInterface(Supplier.class).get());
        assertEquals("Bound", Python.eval("Bound").asInterface(Supplier.class).get());
        assertEquals(Map.of(), Python.eval("dict").asInterface(Supplier.class).get());
        assertEquals(5L, Python.eval("int").asInterface(java.util.function.Function.class).apply("5"));
    }
}
