// SPDX-License-Identifier: Apache-2.0
// What one does to an object from Java: attributes, items, calls, operators, and how each fails.
// Conversions and the table of operators are in ConversionTablesTest.
package org.nd4j.python4j;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.math.BigDecimal;
import java.time.LocalDate;
import java.util.AbstractList;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;
import org.bytedeco.cpython.PyObject;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.nd4j.python4j.internal.jni.Native;

@ExtendWith(InPython.class)
class PythonObjectTest {

    private static PythonObject object(String expression) {
        return Expect.object(expression);
    }

    // ---- Conversions that have a rule of their own ----

    @Test
    @Rule("5.1")
    void toIntOutsideThirtyTwoBitsIsAnError() {
        assertEquals(Integer.MAX_VALUE, object("2**31 - 1").toInt());
        assertEquals(Integer.MIN_VALUE, object("-2**31").toInt());
        for (String beyond : List.of("2**31", "-2**31 - 1", "2**40", "2**70")) {
            assertThrows(PythonException.class, () -> object(beyond).toInt(), beyond);
        }
        assertEquals(1L << 40, object("2**40").toLong());
    }

    @Test
    void toStringOfAnObjectWhoseStrRaisesIsAnException() {
        PythonExecutioner.exec("class Bad:\n    def __str__(self): raise ValueError('no text')\nbad = Bad()");
        PythonObject bad = PythonExecutioner.getVariable("bad");
        Expect.failure("ValueError: no text", bad::toString);
        // The same object within messages of ours.
        assertThrows(PythonException.class, bad::toLong);
        assertThrows(PythonException.class, bad::toDouble);
        assertThrows(PythonException.class, bad::toMap);
        assertThrows(PythonException.class, bad::call);
        Expect.failure("ValueError: no text", () -> PythonExecutioner.getVariable("bad", PythonTypes.STR));
    }

    @Test
    void aTruthThatRaisesIsAnException() {
        PythonExecutioner.exec("class Bad:\n    def __bool__(self): raise ValueError('no truth')\nbad = Bad()");
        Expect.failure("ValueError: no truth", () -> PythonExecutioner.getVariable("bad").toBoolean());
    }

    // ---- Values that come with their handles ----

    /** What each expression is as an attribute, an item, a result of a call and of an operator. */
    private static List<PythonObject> parts(String expression) {
        PythonExecutioner.exec("class O: pass\no = O()\no.a = " + expression + "\nl = [o.a]\nd = {'k': o.a}\nf = lambda: o.a");
        PythonObject o = PythonExecutioner.getVariable("o");
        PythonObject list = PythonExecutioner.getVariable("l");
        return List.of(o.attr("a"), list.get(0), list.get(-1), PythonExecutioner.getVariable("d").get("k"),
                PythonExecutioner.getVariable("f").call());
    }

    @Test
    void valuesAreThoseThatPythonHas() {
        PythonObject repr = object("repr");
        for (String expression : List.of("0", "-1", "1234567", "2**62", "2**63 - 1", "-2**63", "2**63", "2**70", "0.5", "float('nan')", "-0.0",
                "float('inf')", "True", "False", "None", "''", "'0123456789'", "'x' * 64", "'x' * 65", "'\\u00fc' * 32", "'\\u00fc' * 33",
                "'\\U0001F600' * 16", "'\\ud800'", "'a\\0b'", "type('I', (int,), {'__str__': lambda s: 'I'})(7)",
                "type('F', (float,), {'__float__': lambda s: 8.0})(7.0)", "type('S', (str,), {'__str__': lambda s: 'S'})('s')")) {
            PythonObject same = object(expression); // a variable: it comes without its value
            for (PythonObject part : parts(expression)) {
                assertEquals(same.toString(), part.toString(), expression);
                assertEquals(repr.call(same).toString(), repr.call(part).toString(), expression);
                assertEquals(same.isNone(), part.isNone(), expression);
                assertEquals(same.toBoolean(), part.toBoolean(), expression);
                assertEquals(outcome(same::toLong), outcome(part::toLong), expression);
                assertEquals(outcome(same::toInt), outcome(part::toInt), expression);
                assertEquals(outcome(same::toDouble), outcome(part::toDouble), expression);
                assertEquals(outcome(() -> same.toJava(Object.class)), outcome(() -> part.toJava(Object.class)), expression);
            }
        }
        PythonObject number = object("40").add(object("2"));
        assertEquals("42 42 42.0", number + " " + number.toLong() + " " + number.toDouble());
    }

    private static Object outcome(Callable<?> call) {
        try {
            return call.call();
        } catch (Exception e) {
            return e.toString();
        }
    }

    @Test
    void whatComesWithItsValueIsTheSameObjectAllTheSame() {
        PythonObject is = object("lambda a, b: a is b");
        for (String expression : List.of("1234567", "0.5", "'text %d' % 7")) {
            List<PythonObject> parts = parts(expression);
            assertTrue(is.call(parts.get(0), parts.get(1)).toBoolean(), expression);
            assertTrue(is.call(parts.get(2), object("o.a")).toBoolean(), expression);
        }
    }

    @Test
    void theValueGoesWithTheObject() {
        PythonObject deleted = parts("1234567").get(0);
        deleted.del();
        assertTrue(deleted.isNone());
        assertEquals("<NULL>", deleted.toString());
        assertThrows(PythonException.class, deleted::toLong);
        deleted.del();
        PythonObject framed;
        PythonObject text;
        try (PythonGC frame = PythonGC.watch()) {
            framed = parts("1234567").get(0);
            text = parts("'0123456789'").get(1);
            assertEquals(1234567, framed.toLong());
        }
        assertThrows(PythonException.class, framed::toLong);
        assertThrows(PythonException.class, text::toString);
    }

    @Test
    void theValueNeedsATurnAsTheObjectDoes() throws Exception {
        List<PythonObject> parts = parts("'0123456789'");
        OtherThread.call(() -> {
            assertThrows(PythonException.class, () -> parts.get(0).toString());
            return assertThrows(PythonException.class, () -> parts.get(0).del());
        });
        assertEquals("0123456789", parts.get(0).toString());
    }

    @Test
    void whatIsDeletedGoesWithTheNextCallAtTheLatest() {
        PythonExecutioner.exec("import sys\nclass O: pass\no = O()\no.a = 'some %s' % 'text'");
        PythonObject o = PythonExecutioner.getVariable("o");
        PythonObject count = object("lambda: sys.getrefcount(o.a)");
        long before = count.call().toLong();
        for (int i = 0; i < 10; i++) {
            PythonObject a = o.attr("a");
            PythonObject again = o.attr("a");
            a.del();
            again.del();
        }
        assertEquals(before, count.call().toLong());
    }

    /** A request of 255 values begins with the byte that tells the border that nothing was copied. */
    @Test
    void callsTakeAnyNumberOfArguments() {
        PythonObject count = object("lambda *all: len(all)");
        for (int n : new int[] {0, 1, 2, 3, 4, 254, 255, 256, 511}) {
            assertEquals(n, count.call(Collections.nCopies(n, 7L).toArray()).toLong());
            assertEquals(n, count.call(Collections.nCopies(n, "a").toArray()).toLong());
        }
        assertEquals("(1, 2) (1, True) (1, None, 'a')", object("lambda a, b: (a, b)").call(1, 2L) + " "
                + object("lambda a, b: (a, b)").call(1L, true) + " " + object("lambda *a: a").call(1, null, "a"));
    }

    @Test
    void requestsOutsideTheirArraysAreRefused() {
        assertThrows(IndexOutOfBoundsException.class, () -> Native.execRun(new byte[3], 99, Native.root, 0, 0));
        assertThrows(IndexOutOfBoundsException.class, () -> Native.execRun(new byte[3], 999, Native.root, 0, 0));
        assertThrows(PythonException.class, () -> Native.execRun(null, 9, Native.root, 0, 0));
        assertThrows(PythonException.class, () -> Native.execRun(new byte[] {-1}, 1, Native.root, 0, 0));
    }

    @Test
    void iteratesOverWhatPythonIteratesOver() {
        for (String expression : List.of("[1000, 0.5, None, 'a', True, [7]]", "()", "iter('ab')", "{'k': 1}", "(n for n in range(3))",
                "type('Old', (), {'__getitem__': lambda s, at: [1, 2][at]})()", "range(5)")) {
            List<String> elements = new ArrayList<>();
            for (PythonObject element : object(expression)) {
                elements.add(element.toString());
                element.del();
            }
            assertEquals(object("[str(e) for e in " + expression + "]").toList(), elements, expression);
        }
        PythonExecutioner.exec("def fails():\n    yield 1\n    raise KeyError('k')");
        Iterator<PythonObject> fails = object("fails()").iterator();
        assertEquals(1, fails.next().toLong());
        Expect.failure("KeyError: 'k'", fails::hasNext);
        Expect.failure("TypeError: 'int' object is not iterable", () -> object("7").iterator());
        Iterator<PythonObject> none = object("[]").iterator();
        assertThrows(NoSuchElementException.class, none::next);
        assertFalse(none.hasNext());
    }

    /** Those of a list itself need fewer instructions than others, and nobody sees that. */
    @Test
    void itemsOfListsAndOfWhatLooksLikeOne() {
        PythonExecutioner.exec("l = [object()]\nclass L(list):\n    def __getitem__(self, at): return 'own'\n    def __iter__(self): return iter('ab')");
        List<String> seen = new ArrayList<>();
        for (PythonObject each : object("l")) {
            PythonExecutioner.setVariable("each", each);
            seen.add(String.valueOf(object("each is l[" + seen.size() + "]")));
            if (seen.size() < 4) {
                PythonExecutioner.exec("l.append(" + seen.size() + ")");
            } else {
                PythonExecutioner.exec("l.clear()");
            }
        }
        assertEquals(List.of("True", "True", "True", "True"), seen);
        seen.clear();
        object("L([1])").forEach(each -> seen.add(each.toString()));
        assertEquals(List.of("a", "b"), seen);
        assertEquals("own", object("L([1])").get(0).toString());
        assertEquals(8, object("[7, 8]").get(-1).toLong());
        assertEquals(8, object("(7, 8)").get(1).toLong());
        for (int wrong : new int[] {2, -3, Integer.MAX_VALUE, Integer.MIN_VALUE}) {
            Expect.failure("IndexError: list index out of range", () -> object("[7, 8]").get(wrong));
        }
        assertEquals("v", object("{3: 'v'}").get(3).toString());
    }

    // ---- Attributes and items ----

    @Test
    @Rule("5.2")
    void attributesAndItems() {
        assertEquals("ABC", object("'abc'").attr("upper").call().toString());
        assertEquals(1, object("{'a': 1}").get("a").toInt());
        assertEquals(1, object("{'a': 1}").get(new PythonObject((Object) "a")).toInt());
        PythonObject list = object("[1, 2]");
        list.set(PythonTypes.convert(0), PythonTypes.convert(9));
        assertEquals("[9, 2]", list.toString());
        PythonObject dict = object("{}");
        dict.set(PythonTypes.convert("k"), PythonTypes.convert(9));
        assertEquals("{'k': 9}", dict.toString());
    }

    @Test
    @Rule("5.3")
    void anIntGetsTheItemAtThatIndexOrKey() {
        assertEquals(20, object("[10, 20]").get(1).toInt());
        assertEquals(20, object("[10, 20]").get(-1).toInt());
        assertEquals(1, object("(1, 2)").get(0).toInt());
        assertEquals("a", object("'abc'").get(0).toString());
        assertEquals(1, object("{5: 1}").get(5).toInt());
    }

    @Test
    @Rule("5.2")
    void whatPythonRefusesIsAnExceptionAndNoErrorIsLeft() {
        Expect.failure("AttributeError: 'str' object has no attribute 'nope'", () -> object("'abc'").attr("nope"));
        Expect.failure("IndexError: list index out of range", () -> object("[10, 20]").get(5));
        Expect.failure("KeyError: 'zz'", () -> object("{'a': 1}").get("zz"));
        Expect.failure("TypeError: list indices must be integers or slices, not str", () -> object("[1]").get("x"));
        Expect.failure("TypeError: 'int' object is not subscriptable", () -> object("5").get(0));
        PythonObject nine = PythonTypes.convert(9);
        Expect.failure("IndexError: list assignment index out of range", () -> object("[1]").set(nine, nine));
        Expect.failureWith("TypeError: ", () -> object("{}").set(object("[]"), nine));
        Expect.failure("TypeError: 'tuple' object does not support item assignment",
                () -> object("(1,)").set(PythonTypes.convert(0), nine));
        Expect.failureWith("TypeError: bad operand type for abs()", () -> object("'a'").abs());
        Expect.failureWith("TypeError: unsupported operand type(s) for @", () -> object("1").matMul(object("2")));
        Expect.failureWith("TypeError: ", () -> object("'a'").addi(object("1")));
    }

    // ---- Calls ----

    @Test
    @Rule("5.4")
    void callConvertsItsArguments() {
        assertEquals(2, Python.attr("len").call(List.of(1, 2)).toInt());
        assertEquals(5, Python.attr("max").call(1, 5, 3).toInt());
        assertEquals("{}", Python.attr("dict").call().toString());
        assertEquals(12, Python.attr("int").call("12").toInt());
        PythonObject arguments = echo();
        assertEquals("((1, 'x', None, [2]), {})", arguments.call(1, "x", null, new int[] {2}).toString());
        assertEquals("((1, {'z': 2}), {})", arguments.call(1, Map.of("z", 2)).toString());
        assertEquals("(([1],), {})", arguments.call(object("[1]")).toString());
        assertEquals("((None,), {})", arguments.call((Object) null).toString());
    }

    @Test
    @Rule("5.4")
    void callsTakeWhateverPythonOfTakes() {
        PythonObject repr = object("lambda *a, **k: repr((*a, k))");
        LocalDate day = LocalDate.of(2024, 2, 29);
        String text = "datetime.date(2024, 2, 29)";
        assertEquals("(" + text + ", {})", repr.call(day).toString());
        assertEquals("([" + text + "], 'SECONDS', {})", repr.call(List.of(day), TimeUnit.SECONDS).toString());
        assertEquals("(" + text + ", {})", repr.callWithArgs(List.of(day)).toString());
        assertEquals("({'day': " + text + "},)", repr.callWithKwargs(Map.of("day", day)).toString());
        assertEquals("(1, {'days': [" + text + "]})",
                repr.callWithArgsAndKwargs(List.of(Optional.of(1)), Map.of("days", List.of(day))).toString());
        assertEquals("[2, 4]", object("lambda f, *a: [f(x) for x in a]").call((UnaryOperator<Long>) x -> 2 * x, 1, 2).toString());
    }

    @Test
    @Rule("5.4")
    void anIterableThatIsAFunctionAsWellIsAList() {
        class Both extends AbstractList<Integer> implements Callable<String> {
            @Override
            public String call() {
                return "called";
            }

            @Override
            public Integer get(int index) {
                return 1;
            }

            @Override
            public int size() {
                return 1;
            }
        }
        Both list = new Both();
        Iterable<Integer> lambda = list::iterator;
        assertEquals("[1]", Python.of(list).toString());
        assertEquals("(([1], [1]), {})", echo().call(list, lambda).toString());
    }

    private static PythonObject echo() {
        PythonExecutioner.exec("def echo(*a, **k): return a, k");
        return PythonExecutioner.getVariable("echo");
    }

    @Test
    @Rule("5.4")
    void callsWithHoldersOfArguments() {
        PythonObject echo = echo();
        assertEquals("((1, 2), {})", echo.callWithArgs(object("[1, 2]")).toString());
        assertEquals("((1, 2), {})", echo.callWithArgs(object("(1, 2)")).toString());
        assertEquals("((), {'q': 1})", echo.callWithKwargs(object("{'q': 1}")).toString());
        assertEquals("((1,), {'q': 2})", echo.callWithArgsAndKwargs(object("(1,)"), object("{'q': 2}")).toString());
        assertEquals("((1, 2), {})", echo.callWithArgs(Arrays.asList(1, 2)).toString());
        assertEquals("((), {'q': 1})", echo.callWithKwargs(Map.of("q", 1)).toString());
        assertEquals("((1,), {'q': 2})", echo.callWithArgsAndKwargs(List.of(1), Map.of("q", 2)).toString());
        assertEquals("((), {})", echo.callWithArgsAndKwargs(List.of(), Map.of()).toString());
    }

    @Test
    @Rule("5.4")
    void anyNumberOfArgumentsGoesIn() {
        PythonObject repr = object("lambda *a: repr(a)");
        assertEquals("()", repr.call().toString());
        assertEquals("(1,)", repr.call(1).toString());
        assertEquals("(1, 'b', None)", repr.call(1, "b", null).toString());
        assertEquals("(1, 2, 3, 4)", repr.call(1, 2, 3, 4).toString());
        assertEquals("(True, [1, 2], 2.5, 'x', b'y')", repr.call(true, List.of(1, 2), 2.5f, 'x', new byte[] {'y'}).toString());
    }

    @Test
    @Rule({"5.4", "12.16", "12.17", "12.18"})
    void whatCannotBeCalledIsRefused() {
        Expect.failure("Object is not callable: 5", () -> object("5").call());
        Expect.failure("Object is not callable: 5", () -> object("5").callWithArgs(object("[]")));
        PythonObject echo = echo();
        Expect.failure("Expected args to be tuple or list. Received: ab", () -> echo.callWithArgs(object("'ab'")));
        Expect.failure("Expected kwargs to be dict. Received: [1]", () -> echo.callWithKwargs(object("[1]")));
        Expect.failureWith("TypeError: ", () -> echo.callWithKwargs(Map.of(1, 2)));
        Expect.failureWith("TypeError: ", () -> Python.attr("len").call());
        Expect.failureWith("ValueError: invalid literal for int()", () -> Python.attr("int").call("xx"));
        Expect.failure("Unable to find python type for java type: class java.lang.Object", () -> echo.call(new Object()));
    }

    @Test
    @Rule("5.2")
    void aFunctionThatRaisesIsAnException() {
        PythonExecutioner.exec("def f(x):\n    raise ValueError(x)\ndef leave(): raise SystemExit(3)");
        Expect.failure("ValueError: boom", () -> PythonExecutioner.getVariable("f").call("boom"));
        Expect.failure("SystemExit: 3", () -> PythonExecutioner.getVariable("leave").call());
    }

    // ---- Operators ----

    @Test
    @Rule("5.5")
    void inPlaceOperatorsChangeMutableObjectsOnly() {
        PythonObject list = object("[1]");
        list.addi(object("[2]"));
        assertEquals("[1, 2]", list.toString());
        list.muli(object("2"));
        assertEquals("[1, 2, 1, 2]", list.toString());
        PythonObject set = object("{1, 2}");
        set.subi(object("{2}"));
        assertEquals("{1}", set.toString());
        PythonObject seven = object("7");
        PythonObject two = object("2");
        seven.addi(two);
        seven.subi(two);
        seven.muli(two);
        seven.trueDivi(two);
        seven.floorDivi(two);
        assertEquals("7", seven.toString());
        PythonExecutioner.exec("class M:\n    n = 0\n    def __imatmul__(self, o):\n        self.n += o\n        return self\nm = M()");
        PythonExecutioner.getVariable("m").matMuli(object("5"));
        assertEquals("5", Expect.text("m.n"));
    }

    @Test
    @Rule("5.5")
    void modIsTheRemainder() {
        assertEquals("1", object("7").mod(object("2")).toString());
        assertEquals("3 x", object("'%d x'").mod(object("3")).toString());
        Expect.failureWith("ZeroDivisionError: ", () -> object("7").mod(object("0")));
        assertEquals("3", object("-3").abs().toString());
    }

    // ---- None, null, identity, life ----

    @Test
    @Rule("5.6")
    void isNone() {
        assertTrue(object("None").isNone());
        assertTrue(Python.None().isNone());
        assertTrue(new PythonObject((PyObject) null).isNone());
        assertFalse(object("0").isNone());
        PythonObject object = object("[1]");
        object.del();
        assertTrue(object.isNone());
        assertDoesNotThrow(object::del);
        assertEquals("<NULL>", object.toString());
        assertThrows(PythonException.class, () -> object.get(0));
    }

    @Test
    @Rule("5.7")
    void theConstructorConverts() {
        assertEquals("int(1)", Expect.shown(new PythonObject((Object) 1)));
        assertEquals("str(s)", Expect.shown(new PythonObject((Object) "s")));
        assertEquals("float(2.5)", Expect.shown(new PythonObject((Object) 2.5)));
        assertEquals("bool(True)", Expect.shown(new PythonObject((Object) true)));
        assertEquals("list([1, 2])", Expect.shown(new PythonObject((Object) List.of(1, 2))));
        assertEquals("dict({'a': 1})", Expect.shown(new PythonObject((Object) Collections.singletonMap("a", 1))));
        assertEquals("bytes(b'\\x01')", Expect.shown(new PythonObject((Object) new byte[] {1})));
        assertTrue(new PythonObject((Object) null).isNone());
        Expect.failure("Unable to find python type for java type: class java.lang.Object",
                () -> new PythonObject(new Object()));
    }

    @Test
    @Rule("5.7")
    void twoPythonObjectsOverOneObjectAreNotEqual() {
        PythonExecutioner.exec("x = []");
        PythonObject a = PythonExecutioner.getVariable("x");
        PythonObject b = PythonExecutioner.getVariable("x");
        assertNotEquals(a, b);
        assertEquals(a, a);
        assertEquals(a.getNativePythonObject().address(), b.getNativePythonObject().address());
        assertNotNull(a.getNativePythonObject());
    }

    @Test
    void nullArgumentsAreNotNone() {
        PythonObject list = object("[1]");
        assertThrows(NullPointerException.class, () -> list.attr(null));
        assertThrows(NullPointerException.class, () -> list.get((String) null));
        assertThrows(NullPointerException.class, () -> list.get((PythonObject) null));
        assertThrows(NullPointerException.class, () -> list.add(null));
        assertThrows(NullPointerException.class, () -> list.set(null, list));
        assertThrows(NullPointerException.class, () -> list.set(list, null));
        assertEquals("[1]", list.toString());
    }

    @Test
    void elementsAndTypesWithArgumentsComeAsTheTypesThatAProgramNames() {
        PythonExecutioner.exec("import datetime\ndays = [datetime.date(2024, 2, 29)]\nby = {'a': [(1, 2), [3]], 'b': []}");
        List<LocalDate> days = PythonExecutioner.getVariable("days").toList(LocalDate.class);
        assertEquals(LocalDate.of(2024, 2, 29), days.get(0));
        assertEquals(List.of(new BigDecimal(1)), Python.eval("[1]").toList(BigDecimal.class));
        assertThrows(PythonException.class, () -> Python.eval("['x']").toList(Integer.class));
        assertThrows(NullPointerException.class, () -> Python.eval("[]").toList(null));
        PythonTypeToken<Map<String, List<int[]>>> token = new PythonTypeToken<Map<String, List<int[]>>>() {};
        Map<String, List<int[]>> by = PythonExecutioner.getVariable("by").toJava(token);
        assertArrayEquals(new int[] {1, 2}, by.get("a").get(0));
        assertArrayEquals(new int[] {3}, by.get("a").get(1));
        assertEquals(List.of(), by.get("b"));
        assertEquals("java.util.Map<java.lang.String, java.util.List<int[]>>", token.toString());
        Set<? extends Number> numbers = Python.eval("{1}").toJava(new PythonTypeToken<Set<? extends Number>>() {});
        assertEquals("1", numbers.iterator().next().toString());
    }

    private static <T> PythonTypeToken<List<T>> tokenOfVariable() {
        return new PythonTypeToken<List<T>>() {};
    }

    @SuppressWarnings("rawtypes")
    @Test
    void aTokenThatDoesNotNameItsTypeIsRefused() {
        PythonException e = assertThrows(PythonException.class, PythonObjectTest::tokenOfVariable);
        assertTrue(e.getMessage().startsWith("The type variable T of java.util.List<T> has no meaning"), e.getMessage());
        e = assertThrows(PythonException.class, () -> new PythonTypeToken() {});
        assertTrue(e.getMessage().startsWith("A PythonTypeToken is made with its type"), e.getMessage());
    }
}
