// SPDX-License-Identifier: Apache-2.0
// Java objects in Python by reference: containers that behave like Python's, members as far as they
// are allowed, the same object where it comes back, and nothing that is held too long.
package org.nd4j.python4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.ref.WeakReference;
import java.time.LocalDate;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.ConcurrentModificationException;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.LinkedList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.nd4j.python4j.internal.jni.Callbacks;
import org.nd4j.python4j.internal.jni.Handles;

@ExtendWith(InPython.class)
class PythonReferenceTest {

    /** Frees what neither side holds any more. */
    static void settle() {
        for (int i = 0; i < 10; i++) {
            System.gc();
            try {
                Thread.sleep(10);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            PythonExecutioner.exec("import gc; gc.collect(); del gc");
        }
    }

    private static void set(String name, Object value) {
        PythonExecutioner.setVariable(name, Python.reference(value));
    }

    private static void check(String... assertions) {
        for (String assertion : assertions) {
            assertTrue(Expect.truth(assertion), assertion);
        }
    }

    private static void run(String... lines) {
        PythonExecutioner.exec(String.join("\n", lines));
    }

    public static class Account {
        public static final String BANK = "Java";
        public int balance;
        public final String owner;
        private final List<String> notes = new ArrayList<>();

        public Account(String owner) {
            this.owner = owner;
        }

        public Account(String owner, int balance) {
            this.owner = owner;
            this.balance = balance;
        }

        public static Account open(String owner) {
            return new Account(owner);
        }

        public Account deposit(int amount) {
            balance += amount;
            return this;
        }

        public String deposit(String text) {
            return "text " + text;
        }

        public String deposit(double amount) {
            return "double " + amount;
        }

        public String deposit(List<Integer> amounts) {
            Integer sum = 0;
            for (Integer amount : amounts) {
                sum += amount;
            }
            return "list " + sum;
        }

        public int countAll(Object... things) {
            return things.length;
        }

        public List<String> getNotes() {
            return notes;
        }

        public Thread getThread() {
            return Thread.currentThread();
        }

        @Override
        public String toString() {
            return "account of " + owner;
        }
    }

    @Test
    void aListIsLikeAList() {
        List<Object> java = new ArrayList<>(Arrays.asList("a", "b", "c", "d", "e"));
        set("l", java);
        run("import collections.abc as abc", "p = ['a', 'b', 'c', 'd', 'e']");
        check("len(l) == 5", "l[0] == 'a' and l[-1] == 'e'", "list(l) == p", "l == p and p == l and not l != p",
                "l != tuple(p)", "repr(l) == repr(p) and str(l) == str(p)", "bool(l)", "'c' in l and 'x' not in l and 1 not in l",
                "[l[1:3], l[:], l[::-1], l[-2:], l[4:1], l[::2], l[9:]] == [p[1:3], p[:], p[::-1], p[-2:], p[4:1], p[::2], p[9:]]",
                "list(reversed(l)) == p[::-1]", "l.index('c') == 2 and l.count('a') == 1", "sorted(l, reverse=True) == p[::-1]",
                "isinstance(l, abc.MutableSequence) and not callable(l)", "l + ['x'] == p + ['x'] and ['x'] + l == ['x'] + p",
                "[a + b for a, b in zip(l, l)][0] == 'aa'", "''.join(l) == 'abcde'", "max(l) == 'e'");
        Expect.failure("IndexError: list index out of range", () -> Python.eval("l[5]"));
        Expect.failure("ValueError: 'x' is not in list", () -> Python.eval("l.index('x')"));
        Expect.failure("ValueError: 'x' is not in list", () -> Python.eval("l.remove('x')"));
        Expect.failure("TypeError: list indices must be integers or slices, not str", () -> Python.eval("l['x']"));
        Expect.failure("IndexError: list index out of range", () -> Python.eval("l[-6]"));
        Expect.failure("IndexError: list index out of range", () -> Python.eval("l[2**70]"));
        Expect.failureWith("TypeError: unhashable type", () -> Python.eval("hash(l)"));
        assertThrows(PythonException.class, () -> Python.eval("l['a']"));
    }

    @Test
    void aListChangesLikeAList() {
        List<Object> java = new ArrayList<>();
        set("l", java);
        run("p = []", "def both(f):", "    f(l); f(p)", "    assert l == p, (l, p)",
                "both(lambda x: x.extend('abc'))", "both(lambda x: x.append('d'))", "both(lambda x: x.insert(0, 'z'))",
                "both(lambda x: x.insert(-1, 'y'))", "both(lambda x: x.insert(99, 'end'))", "both(lambda x: x.pop())",
                "both(lambda x: x.pop(0))", "both(lambda x: x.remove('b'))", "both(lambda x: x.__setitem__(0, 'A'))",
                "both(lambda x: x.__setitem__(-1, 'D'))", "both(lambda x: x.__setitem__(slice(1, 2), ['1', '2', '3']))",
                "both(lambda x: x.__setitem__(slice(None, None, 2), 'uvw'))", "both(lambda x: x.__setitem__(slice(3, 1), 'k'))",
                "both(lambda x: x.__delitem__(slice(1, None, 2)))", "both(lambda x: x.__delitem__(0))", "both(lambda x: x.reverse())",
                "both(lambda x: x.__iadd__(['m', 'n', 'l']))", "both(lambda x: x.sort())", "both(lambda x: x.sort(key=ord, reverse=True))",
                "both(lambda x: x.__delitem__(slice(0, 2)))", "left = list(l)", "both(lambda x: x.clear())", "assert not l");
        assertEquals(Collections.emptyList(), java);
        Expect.failureWith("ValueError: attempt to assign sequence of size 1 to extended slice of size 2",
                () -> run("l.extend('abcd')", "l[::2] = 'x'"));
        Expect.failureWith("ValueError", () -> run("l.remove('nope')"));
    }

    @Test
    void elementsKeepTheirJavaType() {
        List<Integer> ints = new LinkedList<>(Arrays.asList(1, 2, 3));
        set("l", ints);
        run("l.append(4)", "l[0] = 10", "l += [5]", "l.sort(reverse=True)", "l[1:2] = [7, 8]");
        check("10 in l and 7 in l and 99 not in l", "l.index(8) == 2");
        int sum = 0;
        for (Integer each : ints) { // a Long would not pass
            sum += each;
        }
        assertEquals(10 + 7 + 8 + 4 + 3 + 2, sum);
        Map<Integer, TimeUnit> map = new TreeMap<>(Collections.singletonMap(1, TimeUnit.DAYS));
        set("m", map);
        run("m[2] = 'HOURS'", "del m[1]", "seen = m.get(2), m.get('x'), 2 in m, 'x' in m");
        assertEquals(Collections.singletonMap(2, TimeUnit.HOURS), map);
        assertEquals("('HOURS', None, True, False)", Expect.text("seen"));
        Set<Character> letters = new LinkedHashSet<>(Collections.singleton('a'));
        set("s", letters);
        run("s.add('b')", "s.discard('a')");
        assertEquals(Collections.singleton('b'), letters);
        set("array", new double[] {1, 2});
        run("array[0] = 5");
        check("list(array) == [5.0, 2.0] and len(array) == 2 and array[-1] == 2.0");
    }

    @Test
    void aMapIsLikeADict() {
        Map<Object, Object> java = new LinkedHashMap<>();
        set("m", java);
        run("import collections.abc as abc", "p = {}", "def both(f):", "    a, b = f(m), f(p)", "    assert m == p and a == b, (m, p, a, b)",
                "both(lambda x: x.update(a=1, b=[2], c=None))", "both(lambda x: x.setdefault('d', 'new'))",
                "both(lambda x: x.setdefault('a', 'old'))", "both(lambda x: x.pop('d'))", "both(lambda x: x.pop('nope', 7))",
                "both(lambda x: x.__setitem__(5, 'five'))", "both(lambda x: x.__delitem__('c'))", "both(lambda x: x.__ior__({'z': 0}) and None)",
                "both(lambda x: x | {'y': 1})", "both(lambda x: {'a': 0} | x)");
        check("list(m) == list(p) == ['a', 'b', 5, 'z']", "len(m) == 4 and bool(m)", "m['a'] == 1 and m.get('q') is None and m.get('q', 3) == 3",
                "'a' in m and 'q' not in m and None not in m", "list(m.keys()) == list(p.keys()) and 'a' in m.keys()", "list(m.values())[0] == 1",
                "list(m.items()) == list(p.items()) and ('a', 1) in m.items()", "repr(m) == repr(p)", "dict(m) == p and {**m} == p",
                "m == p and p == m and m != {}", "isinstance(m, abc.MutableMapping)", "'{a}'.format_map(m) == '1'",
                "(lambda **named: named)(**{k: v for k, v in m.items() if k != 5}) == {'a': 1, 'b': [2], 'z': 0}");
        Expect.failure("KeyError: 'q'", () -> Python.eval("m['q']"));
        Expect.failure("KeyError: 9", () -> PythonExecutioner.exec("del m[9]"));
        Expect.failureWith("TypeError: unhashable type", () -> Python.eval("hash(m)"));
        assertEquals(5L, java.keySet().stream().filter(k -> k instanceof Long).findFirst().get());
        run("m.clear()");
        assertTrue(java.isEmpty());
    }

    @Test
    void aSetIsLikeASet() {
        Set<Object> java = new LinkedHashSet<>(Arrays.asList("a", "b"));
        set("s", java);
        run("import collections.abc as abc", "s.add('c')", "s.add('c')", "s.discard('nope')", "s.remove('a')", "s |= {'d'}");
        check("s == {'b', 'c', 'd'} and {'b', 'c', 'd'} == s", "len(s) == 3 and 'b' in s and 'a' not in s", "s & {'b'} == {'b'}",
                "s | {'x'} == {'b', 'c', 'd', 'x'}", "s - {'b'} == {'c', 'd'} and s ^ {'b'} == {'c', 'd'}", "{'b'} < s and s <= {'b', 'c', 'd'}",
                "isinstance(s, abc.MutableSet)", "repr(s) == repr(set(s))", "s.isdisjoint({'z'})", "s.union('x') == set(s) | {'x'}");
        Expect.failure("KeyError: 'nope'", () -> PythonExecutioner.exec("s.remove('nope')"));
        assertEquals(new LinkedHashSet<>(Arrays.asList("b", "c", "d")), java);
    }

    @Test
    void otherCollectionsAndIterators() {
        set("q", new ArrayDeque<>(Arrays.asList(1, 2)));
        set("it", Arrays.asList("x", "y").iterator());
        Iterable<Integer> iterable = () -> Arrays.asList(7, 8).iterator();
        set("able", iterable);
        run("import collections.abc as abc", "q.add(3)", "q.remove(1)");
        check("list(q) == [2, 3] and len(q) == 2 and 3 in q and isinstance(q, abc.Collection)",
                "next(it) == 'x' and list(it) == ['y'] and next(it, 0) == 0 and isinstance(it, abc.Iterator)",
                "list(able) == [7, 8] and list(able) == [7, 8] and isinstance(able, abc.Iterable)");
        Expect.failureWith("StopIteration", () -> Python.eval("next(it)"));
    }

    @Test
    void whatIsInsideIsByReferenceToo() {
        Map<String, Object> config = new HashMap<>();
        config.put("hosts", new ArrayList<>(Arrays.asList("a")));
        config.put("deep", new HashMap<>(Collections.singletonMap("k", new ArrayList<>())));
        set("config", config);
        run("config['hosts'].append('b')", "config['deep']['k'].append(1)", "config['new'] = {'x': 1}");
        assertEquals("{deep={k=[1]}, hosts=[a, b], new={x=1}}", new TreeMap<>(config).toString());
    }

    @Test
    void itComesBackAsTheSameObject() {
        Map<String, Object> map = new HashMap<>();
        List<Object> list = new ArrayList<>();
        Object opaque = new Object();
        set("m", map);
        set("l", list);
        set("o", opaque);
        assertSame(map, PythonExecutioner.getVariable("m", PythonTypes.DICT).getValue());
        assertSame(list, PythonExecutioner.getVariable("l", PythonTypes.LIST).getValue());
        assertSame(map, Python.eval("m").toMap());
        assertSame(opaque, Python.eval("o").toJava(Object.class));
        assertSame(map, Python.eval("m").toJava(Map.class));
        List<?> inside = Python.eval("[m, (l, {'o': o})]").toList();
        assertSame(map, inside.get(0));
        assertSame(list, ((List<?>) inside.get(1)).get(0));
        assertSame(opaque, ((Map<?, ?>) ((List<?>) inside.get(1)).get(1)).get("o"));
        run("l.append(o)", "l.append(l)", "m['l'] = l");
        assertSame(opaque, list.get(0));
        assertSame(list, list.get(1));
        assertSame(list, map.get("l"));
        List<Object> seen = new ArrayList<>();
        PythonExecutioner.setVariable("see", Python.function((args, named) -> seen.addAll(args)));
        run("see(m, o)");
        assertSame(map, seen.get(0));
        assertSame(opaque, seen.get(1));
        int[] numbers = {1, 2};
        set("n", numbers);
        assertSame(numbers, Python.eval("n").toJava(int[].class));
        assertSame(map, Python.eval("m").asInterface(Map.class));
        assertEquals(Arrays.asList(1L, 2L), Arrays.asList(Python.eval("n").toJava(Long[].class)));
        Expect.failureWith("Cannot cast object of type java.util.HashMap to List", () -> Python.eval("m").toList());
    }

    @Test
    void objectsAreClosedUnlessNamed() {
        Account account = new Account("Ada");
        set("a", account);
        run("b = a");
        check("a == b and hash(a) == hash(b) and a in {a: 1}", "a != 5 and a != 'x'", "bool(a)", "not callable(a)",
                "repr(a) == '<java " + Account.class.getName() + ">'", "'deposit' not in dir(a)");
        for (String member : List.of("balance", "deposit", "getClass", "toString", "notes", "wait", "_java_")) {
            Expect.failureWith("AttributeError", () -> Python.eval("a." + member));
        }
        Expect.failureWith("AttributeError", () -> PythonExecutioner.exec("a.balance = 1"));
        assertEquals(0, account.balance);
        Expect.failureWith("TypeError", () -> Python.eval("type(a)()"));
        Expect.failureWith("AttributeError", () -> Python.eval("a._java('member', 'getClass')"));
    }

    @Test
    void membersThatAreNamed() {
        Account account = new Account("Ada");
        PythonExposure some = PythonExposure.none().allow(Account.class, "deposit", "balance");
        PythonExecutioner.setVariable("a", Python.reference(account, some));
        run("same = a.deposit(5).deposit(amount := 6)", "a.balance += 1");
        assertEquals(12, account.balance);
        check("same == a and a.balance == 12", "{'deposit', 'balance'} <= set(dir(a))", "str(a) == 'account of Ada'");
        Expect.failureWith("AttributeError", () -> Python.eval("a.owner"));
        Expect.failureWith("AttributeError", () -> Python.eval("a.getNotes"));
        Expect.failureWith("AttributeError", () -> Python.eval("a.getClass()"));
        assertSame(account, Python.eval("same").toJava(Account.class));

        PythonExecutioner.setVariable("a", Python.reference(account, some.allow(Account.class)));
        check("a.owner == 'Ada'", "a.get_notes() == [] and a.getNotes() == []", "a.count_all() == 0 and a.countAll(1, 'x', [2]) == 3");
        run("a.get_notes().append('kept')");
        assertEquals(Collections.singletonList("kept"), account.getNotes());
        Expect.failureWith("AttributeError: the field 'owner' is final", () -> PythonExecutioner.exec("a.owner = 'Eve'"));
        Expect.failureWith("TypeError: Could not convert value to int: x", () -> PythonExecutioner.exec("a.balance = 'x'"));
        Expect.failureWith("AttributeError", () -> Python.eval("a.getClass()"));
        run("thread = a.getThread()");
        assertSame(Thread.currentThread(), Python.eval("thread").toJava(Object.class));
        Expect.failureWith("AttributeError", () -> Python.eval("thread.getName()"));
    }

    @Test
    void overloadsAreChosenByTheArguments() {
        PythonExecutioner.setVariable("a", Python.reference(new Account("Ada"), PythonExposure.none().allow(Account.class)));
        check("a.deposit('x') == 'text x'", "a.deposit(1.5) == 'double 1.5'", "a.deposit([1, 2]) == 'list 3'", "a.deposit(3).balance == 3");
        Expect.failureWith("TypeError", () -> Python.eval("a.deposit()"));
        Expect.failureWith("TypeError", () -> Python.eval("a.deposit({})"));
    }

    @Test
    void classesOnlyWhenHandedIn() {
        PythonExecutioner.setVariable("closed", Python.reference(Account.class));
        check("not callable(closed)");
        Expect.failureWith("AttributeError", () -> Python.eval("closed.open"));
        Expect.failureWith("AttributeError", () -> Python.eval("closed.forName"));
        PythonExecutioner.setVariable("Account", Python.reference(Account.class, PythonExposure.none().allow(Account.class)));
        run("a, b, c = Account('Ada'), Account('Bob', 7), Account.open('Cy')");
        check("(a.owner, b.owner, c.owner, b.balance) == ('Ada', 'Bob', 'Cy', 7)", "Account.BANK == 'Java'", "callable(Account)");
        assertEquals(7, Python.eval("b").toJava(Account.class).balance);
        Expect.failureWith("AttributeError", () -> Python.eval("Account.forName('java.lang.System')"));
        Expect.failureWith("AttributeError", () -> Python.eval("Account.getClassLoader"));
        Expect.failureWith("TypeError", () -> Python.eval("Account(1, 2, 3)"));
    }

    @Test
    void anObjectOfAFunctionalInterfaceIsCallable() {
        Supplier<String> supplier = () -> "supplied";
        set("s", supplier);
        assertEquals("supplied", Expect.text("s()"));
        assertSame(supplier, Python.eval("s").toJava(Object.class));
        PythonExecutioner.setVariable("named", Python.reference(new Named(), PythonExposure.none().allow(Named.class)));
        check("named() == 'called' and named.extra() == 1");
        set("plain", "text");
        check("plain == 'text' and type(plain) is str");
    }

    public static final class Named implements Supplier<String> {
        @Override
        public String get() {
            return "called";
        }

        public int extra() {
            return 1;
        }
    }

    @Test
    void exceptionsOfContainersCross() {
        set("fixed", Collections.unmodifiableList(Arrays.asList(1)));
        assertThrows(UnsupportedOperationException.class, () -> PythonExecutioner.exec("fixed.append(1)"));
        run("try:", "    fixed.append(1)", "except Exception as e:", "    name = e.java_class", "    del e");
        assertEquals("java.lang.UnsupportedOperationException", Expect.text("name"));
        set("l", new ArrayList<>(Arrays.asList(1, 2)));
        assertThrows(ConcurrentModificationException.class, () -> run("for x in l:", "    l.append(x)"));
    }

    @Test
    void whatPythonLibrariesDoWithIt() {
        set("l", new ArrayList<>(Arrays.asList(1, 2, 3)));
        set("m", new LinkedHashMap<>(Collections.singletonMap("a", 1)));
        run("import json, copy, pickle");
        check("json.dumps(dict(m)) == '{\"a\": 1}'", "sum(l) == 6 and any(x > 2 for x in l)");
        Expect.failureWith("TypeError", () -> Python.eval("pickle.dumps(l)"));
        run("match l:", "    case [first, *rest]:", "        found = first, rest", "match m:", "    case {'a': one}:", "        found += (one,)");
        assertEquals("(1, [2, 3], 1)", Expect.text("found"));
    }

    @Test
    void threadsOfPythonMayUseIt() {
        List<Object> java = Collections.synchronizedList(new ArrayList<>());
        set("l", java);
        run("import threading", "ts = [threading.Thread(target=lambda: [l.append(i) for i in range(50)]) for _ in range(4)]",
                "for t in ts: t.start()", "for t in ts: t.join()");
        assertEquals(200, java.size());
    }

    @Test
    void droppedByBothSidesItIsFree() {
        settle();
        int before = Callbacks.count();
        WeakReference<Object> weak = fill();
        PythonExecutioner.exec("del m, seen, keys");
        for (int i = 0; i < 20 && weak.get() != null; i++) {
            settle();
        }
        assertNull(weak.get());
        assertEquals(before, Callbacks.count());
    }

    @Test
    void whatIsMadeForAnAnswerGoesWithIt() {
        List<Object> java = new ArrayList<>();
        for (int i = 0; i < 1000; i++) {
            java.add(new ArrayList<>(Arrays.asList(i)));
        }
        settle();
        int functions = Callbacks.count();
        int handles = Handles.count();
        try (PythonGC gc = PythonGC.watch()) {
            set("l", java);
            PythonExecutioner.setVariable("f", Python.function((args, named) -> LocalDate.of(2024, 1, 1)));
            run("for each in l:", "    each.append(len(each))", "    f()", "del each");
            assertTrue(Handles.count() - handles < 20, Handles.count() + " after " + handles);
            assertTrue(Callbacks.count() - functions < 20, Callbacks.count() + " after " + functions);
        }
    }

    private static WeakReference<Object> fill() {
        Map<String, Object> map = new HashMap<>();
        map.put("list", new ArrayList<>(Arrays.asList(new Object())));
        try (PythonGC gc = PythonGC.watch()) {
            set("m", map);
            run("class Holder: pass", "h = Holder()", "h.self = h", "h.map = m", "del h", // a circle in Python alone
                    "seen = [m['list'], m['list'][0], m.items()]", "keys = [k for k in m]");
        }
        return new WeakReference<>(map);
    }

    @Test
    void aMethodIsMadeOnceAndOutlivesItsReference() {
        settle();
        int before = Callbacks.count();
        Account account = new Account("Ada");
        PythonExecutioner.setVariable("a", Python.reference(account, PythonExposure.none().allow(Account.class)));
        run("for i in range(10): a.deposit(i)", "kept = a.deposit");
        assertEquals(45, account.balance);
        assertEquals(before + 2, Callbacks.count()); // the object and its method
        check("a.deposit is kept and a.deposit is not a.count_all", "a.deposit('x') == 'text x'");
        run("del a", "kept(5)");
        assertEquals(50, account.balance);
        run("del kept");
        settle();
        assertEquals(before, Callbacks.count());
    }

    @Test
    void aCircleAcrossTheHeapsGoesWhenItIsBroken() {
        settle();
        int before = Callbacks.count();
        List<Object> java = new ArrayList<>();
        set("l", java);
        run("class Node: pass", "n = Node()", "n.l = l", "l.append(n)", "del n, l");
        settle();
        assertEquals(before + 1, Callbacks.count(), "nobody can see the whole circle");
        assertNotNull(java.get(0));
        java.clear();
        settle();
        assertEquals(before, Callbacks.count());
        assertNotEquals(1, java.size());
    }
}
