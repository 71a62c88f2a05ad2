// SPDX-License-Identifier: Apache-2.0
// Which value becomes which, as tables: every kind of Python value read as every type, every kind of
// Java value sent to Python, and the helpers of PythonObject and Python over the same kinds.
package org.nd4j.python4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Date;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

@ExtendWith(InPython.class)
class ConversionTablesTest {

    /** A result as the tables write it: class and value, or the error's message. */
    private static String cell(Callable call) {
        try {
            return shown(call.call());
        } catch (PythonException e) {
            assertEquals("2", Expect.text("1 + 1"), "a pending error after: " + e.getMessage());
            return "PE: " + e.getMessage();
        } catch (Exception e) {
            return e.getClass().getSimpleName();
        }
    }

    private interface Callable {
        Object call() throws Exception;
    }

    private static String shown(Object value) {
        if (value instanceof PythonObject) {
            return Expect.shown((PythonObject) value);
        } else if (value instanceof byte[]) {
            return "byte[]" + Arrays.toString((byte[]) value);
        } else if (value instanceof List) {
            return elements("List", (List<?>) value);
        } else if (value instanceof java.util.Set) {
            return elements("Set", new ArrayList<>((java.util.Set<?>) value));
        } else if (value instanceof Map) {
            StringBuilder text = new StringBuilder("Map{");
            ((Map<?, ?>) value).forEach((k, v) -> text.append(shown(k)).append(": ").append(shown(v)).append("; "));
            return text.append('}').toString();
        } else if (value == null) {
            return "null";
        }
        return value.getClass().getSimpleName() + " " + value;
    }

    private static String elements(String kind, List<?> values) {
        StringBuilder text = new StringBuilder(kind).append('[');
        values.forEach(v -> text.append(shown(v)).append("; "));
        return text.append(']').toString();
    }

    // ---- Python to Java ----

    /** One Python value and what each type makes of it; {@code null} where the text is the usual refusal. */
    private static final class Row {
        final String expression;
        String str;
        String integer;
        String floating;
        String bool = "Boolean true";
        String list = "PE: Object cannot be interpreted as a List";
        String dict;
        String bytes;
        String inferred;

        Row(String expression, String str) {
            this.expression = expression;
            this.str = "String " + str;
            integer = "PE: Could not convert value to int: " + str;
            floating = "PE: Could not convert value to float: " + str;
            dict = "PE: Expected dict, received: " + str;
            bytes = "PE: Expected bytes. Received: " + str;
        }

        Row integer(long value) {
            integer = "Long " + value;
            return this;
        }

        Row floating(double value) {
            floating = "Double " + value;
            return this;
        }

        Row number(long value) {
            return integer(value).floating(value);
        }

        Row falsy() {
            bool = "Boolean false";
            return this;
        }

        Row list(String elements) {
            list = elements.isEmpty() ? "List[]" : "List[" + elements + "; ]";
            return this;
        }

        Row dict(String entries) {
            dict = entries.isEmpty() ? "Map{}" : "Map{" + entries + "; }";
            return this;
        }

        Row bytes(String values) {
            bytes = "byte[][" + values + "]";
            return this;
        }

        /** Inferred as one of our types, by its name. */
        Row is(String type) {
            inferred = type;
            return this;
        }

        /** Of a type without a converter. */
        Row isA(String type) {
            inferred = "PE: Unable to find converter for python object of type " + type;
            return this;
        }

        @Override
        public String toString() {
            return expression;
        }
    }

    static List<Row> pythonValues() {
        String nothing = "None";
        return Arrays.asList(
                new Row("None", nothing).falsy().is("NoneType"),
                new Row("True", "True").number(1).is("bool"),
                new Row("False", "False").number(0).falsy().is("bool"),
                new Row("0", "0").number(0).falsy().is("int"),
                new Row("1", "1").number(1).is("int"),
                new Row("-1", "-1").number(-1).is("int"),
                new Row("2**31", "2147483648").number(1L << 31).is("int"),
                new Row("2**63-1", "9223372036854775807").number(Long.MAX_VALUE).is("int"),
                new Row("2**63", "9223372036854775808").floating(0x1p63).is("int"),
                new Row("2**64", "18446744073709551616").floating(0x1p64).is("int"),
                new Row("-2**63", "-9223372036854775808").number(Long.MIN_VALUE).is("int"),
                new Row("-2**63-1", "-9223372036854775809").floating(-0x1p63).is("int"),
                new Row("10**30", "1" + "0".repeat(30)).floating(1e30).is("int"),
                new Row("0.0", "0.0").floating(0.0).falsy().is("float"),
                new Row("1.5", "1.5").floating(1.5).is("float"),
                new Row("-0.0", "-0.0").floating(-0.0).falsy().is("float"),
                new Row("float('nan')", "nan").floating(Double.NaN).is("float"),
                new Row("float('inf')", "inf").floating(Double.POSITIVE_INFINITY).is("float"),
                new Row("-float('inf')", "-inf").floating(Double.NEGATIVE_INFINITY).is("float"),
                new Row("1e400", "inf").floating(Double.POSITIVE_INFINITY).is("float"),
                new Row("''", "").falsy().list("").is("str"),
                new Row("'abc'", "abc").list("String a; String b; String c").is("str"),
                new Row("'\\u00e9\\u4e2d'", "\u00e9\u4e2d").list("String \u00e9; String \u4e2d").is("str"),
                new Row("'\\U0001F600'", "\uD83D\uDE00").list("String \uD83D\uDE00").is("str"),
                new Row("'a\\x00b'", "a\0b").list("String a; String \0; String b").is("str"),
                new Row("'12'", "12").list("String 1; String 2").is("str"),
                new Row("'1.5'", "1.5").list("String 1; String .; String 5").is("str"),
                new Row("'true'", "true").list("String t; String r; String u; String e").is("str"),
                new Row("b''", "b''").falsy().list("").bytes("").is("bytes"),
                new Row("b'abc'", "b'abc'").list("Long 97; Long 98; Long 99").bytes("97, 98, 99").is("bytes"),
                new Row("b'\\x00\\xff'", "b'\\x00\\xff'").list("Long 0; Long 255").bytes("0, -1").is("bytes"),
                new Row("bytearray(b'xy')", "bytearray(b'xy')").list("Long 120; Long 121").isA("<class 'bytearray'>"),
                new Row("[]", "[]").falsy().list("").is("list"),
                new Row("[1,'a',2.5,True,None]", "[1, 'a', 2.5, True, None]")
                        .list("Long 1; String a; Double 2.5; Boolean true; null").is("list"),
                new Row("[1,[2,[3,{'k':[4]}]]]", "[1, [2, [3, {'k': [4]}]]]")
                        .list("Long 1; List[Long 2; List[Long 3; Map{String k: List[Long 4; ]; }; ]; ]").is("list"),
                new Row("(1,2)", "(1, 2)").list("Long 1; Long 2").isA("<class 'tuple'>"),
                new Row("()", "()").falsy().list("").isA("<class 'tuple'>"),
                new Row("{1,2}", "{1, 2}").isA("<class 'set'>"),
                new Row("frozenset([1])", "frozenset({1})").isA("<class 'frozenset'>"),
                new Row("range(3)", "range(0, 3)").list("Long 0; Long 1; Long 2").isA("<class 'range'>"),
                new Row("{}", "{}").falsy().list("").dict("").is("dict"),
                new Row("{'a':1}", "{'a': 1}").dict("String a: Long 1").is("dict"),
                new Row("{1:'x',2.5:'y',True:'z',None:'n',(1,2):'t'}", "{1: 'z', 2.5: 'y', None: 'n', (1, 2): 't'}")
                        .dict("Long 1: String z; Double 2.5: String y; null: String n; List[Long 1; Long 2; ]: String t")
                        .is("dict"),
                new Row("{'a':{'b':[1,{'c':None}]}}", "{'a': {'b': [1, {'c': None}]}}")
                        .dict("String a: Map{String b: List[Long 1; Map{String c: null; }; ]; }").is("dict"),
                new Row("{'a':1}.keys()", "dict_keys(['a'])").isA("<class 'dict_keys'>"),
                new Row("len", "<built-in function len>").isA("<class 'builtin_function_or_method'>"),
                new Row("int", "<class 'int'>").isA("<class 'type'>"),
                new Row("1+2j", "(1+2j)").isA("<class 'complex'>"),
                new Row("__import__('decimal').Decimal('1.5')", "1.5").floating(1.5).isA("<class 'decimal.Decimal'>"),
                new Row("__import__('fractions').Fraction(1,2)", "1/2").floating(0.5).isA("<class 'fractions.Fraction'>"),
                new Row("__import__('datetime').date(2020,1,2)", "2020-01-02").isA("<class 'datetime.date'>"),
                new Row("Ellipsis", "Ellipsis").isA("<class 'ellipsis'>"),
                new Row("type('S',(str,),{})('sub')", "sub").list("String s; String u; String b").isA("<class '__main__.S'>"),
                new Row("type('I',(int,),{})(7)", "7").number(7).isA("<class '__main__.I'>"),
                new Row("type('D',(dict,),{})(a=1)", "{'a': 1}").dict("String a: Long 1").isA("<class '__main__.D'>"),
                new Row("__import__('collections').namedtuple('P','x y')(1,2)", "P(x=1, y=2)")
                        .list("Long 1; Long 2").isA("<class '__main__.P'>"),
                new Row("__import__('array').array('i',[1,2])", "array('i', [1, 2])")
                        .list("Long 1; Long 2").isA("<class 'array.array'>"));
    }

    @ParameterizedTest
    @MethodSource("pythonValues")
    @Rule({"4.1", "4.7", "4.8", "4.9", "4.10", "4.11", "12.6", "12.11", "12.12", "12.13", "12.14", "12.23"})
    void aPythonValueReadAsEveryType(Row row) {
        PythonExecutioner.exec("v = " + row.expression);
        assertEquals(row.str, cell(() -> read(PythonTypes.STR)), "str");
        assertEquals(row.integer, cell(() -> read(PythonTypes.INT)), "int");
        assertEquals(row.floating, cell(() -> read(PythonTypes.FLOAT)), "float");
        assertEquals(row.bool, cell(() -> read(PythonTypes.BOOL)), "bool");
        String list = cell(() -> read(PythonTypes.LIST));
        if (row.list.startsWith("List") || !list.startsWith("PE: Unable to find converter for python object")) {
            assertEquals(row.list, list, "list"); // a refusal may also name the type, as M2.1's did
        }
        assertEquals(row.dict, cell(() -> read(PythonTypes.DICT)), "dict");
        assertEquals(row.bytes, cell(() -> read(PythonTypes.BYTES)), "bytes");
        assertEquals(row.inferred, cell(this::inferred).replaceFirst("^String ", ""), "inferred");
    }

    private static <T> T read(PythonType<T> type) {
        return PythonExecutioner.getVariable("v", type).getValue();
    }

    private String inferred() {
        PythonType<Object> type = PythonTypes.getPythonTypeForPythonObject(PythonExecutioner.getVariable("v"));
        return type.getName();
    }

    @ParameterizedTest
    @MethodSource("pythonValues")
    @Rule({"5.1", "12.6", "12.12"})
    void theSameThroughPythonObject(Row row) {
        PythonObject v = Expect.object(row.expression);
        boolean inIntRange = row.integer.startsWith("Long ") && fits(row.integer);
        assertEquals(row.str, cell(v::toString), "toString");
        assertEquals(row.integer, cell(v::toLong), "toLong");
        if (inIntRange) {
            assertEquals(row.integer.replace("Long", "Integer"), cell(v::toInt), "toInt");
        } else {
            assertThrows(PythonException.class, v::toInt, "toInt");
        }
        assertEquals(row.floating, cell(v::toDouble), "toDouble");
        if (row.floating.startsWith("Double ")) {
            float expected = Double.valueOf(row.floating.substring("Double ".length())).floatValue();
            assertEquals("Float " + expected, cell(v::toFloat), "toFloat");
        }
        assertEquals(row.bool, cell(v::toBoolean), "toBoolean");
        if (row.list.startsWith("List")) {
            assertEquals(row.list, cell(v::toList), "toList");
        } else {
            assertThrows(PythonException.class, v::toList, "toList");
        }
        assertEquals(row.dict, cell(v::toMap), "toMap");
        assertEquals(row.expression.equals("None"), v.isNone(), "isNone");
    }

    private static boolean fits(String cell) {
        long value = Long.parseLong(cell.substring("Long ".length()));
        return value == (int) value;
    }

    @ParameterizedTest
    @Rule({"4.6", "12.11"})
    @CsvSource(delimiter = '|', quoteCharacter = '"', value = {
        "[(1,2)] | List[List[Long 1; Long 2; ]; ]",
        "[range(3)] | List[List[Long 0; Long 1; Long 2; ]; ]",
        "[{'a':1}.keys()] | List[List[String a; ]; ]",
        "[{'a':1}.values(), {'a':1}.items()] | List[List[Long 1; ]; List[List[String a; Long 1; ]; ]; ]",
        "[{1}] | List[Set[Long 1; ]; ]",
        "[frozenset([1])] | List[Set[Long 1; ]; ]",
        "[__import__('decimal').Decimal('1.50')] | List[BigDecimal 1.50; ]",
        "[2**64] | List[BigInteger 18446744073709551616; ]",
        "[-2**63, 2**63] | List[Long -9223372036854775808; BigInteger 9223372036854775808; ]",
        "[b'x'] | List[byte[][120]; ]",
        "[1, True, 1.0, '1', None] | List[Long 1; Boolean true; Double 1.0; String 1; null; ]",
        "({'a': ()},) | List[Map{String a: List[]; }; ]",
        "[object()] | PE: Unable to find converter for python object of type <class 'object'>",
        "[1+2j] | PE: Unable to find converter for python object of type <class 'complex'>",
        "[type('I',(int,),{})(7)] | PE: Unable to find converter for python object of type <class '__main__.I'>",
    })
    void elementsOfContainersByTheirExactType(String expression, String expected) {
        PythonExecutioner.exec("v = " + expression);
        assertEquals(expected, cell(() -> read(PythonTypes.LIST)));
    }

    @Test
    void whatHasNoConverterSaysWhatToDo() {
        PythonExecutioner.exec("import collections\nv = [collections.OrderedDict()]");
        PythonException e = assertThrows(PythonException.class, () -> read(PythonTypes.LIST));
        assertEquals("Unable to find converter for python object of type <class 'collections.OrderedDict'>", e.getMessage());
        assertEquals("Convert it in Python, a subclass for example by dict(), list() or str(); or take PythonObject.toJava(type); "
                + "or register a PythonType.", e.getCause().getMessage());
    }

    @Test
    @Rule("4.6")
    void aDictComesBackInPythonsOrder() {
        PythonExecutioner.exec("v = {'zeta': 0, 'a': 2, 'c': 3, 'b': 1}");
        Map<?, ?> map = read(PythonTypes.DICT);
        assertEquals(LinkedHashMap.class, map.getClass());
        assertEquals(List.of("zeta", "a", "c", "b"), new ArrayList<>(map.keySet()));
    }

    @Test
    @Rule("4.6")
    void aContainerThatHoldsItselfIsAnError() {
        PythonExecutioner.exec("v = []\nv.append(v)\nd = {}\nd['d'] = d");
        assertThrows(PythonException.class, () -> read(PythonTypes.LIST));
        assertThrows(PythonException.class, () -> PythonExecutioner.getVariable("d", PythonTypes.DICT));
    }

    @Test
    @Rule("4.6")
    void deepContainersArriveWhole() {
        PythonExecutioner.exec("v = 1\nfor i in range(500): v = [v]");
        Object value = read(PythonTypes.LIST);
        for (int i = 0; i < 500; i++) {
            value = ((List<?>) value).get(0);
        }
        assertEquals(1L, value);
    }

    // ---- Java to Python ----

    private static final class Sent {
        final Object value;
        final String expected;

        Sent(Object value, String expected) {
            this.value = value;
            this.expected = expected;
        }

        @Override
        public String toString() {
            return (value == null ? "null" : value.getClass().getSimpleName()) + " -> " + expected;
        }
    }

    private static Sent sent(Object value, String expected) {
        return new Sent(value, expected);
    }

    private static Sent refused(Object value) {
        return new Sent(value, "PE: Unable to find python type for java type: " + value.getClass());
    }

    static List<Sent> javaValues() {
        Map<Object, Object> mixed = new LinkedHashMap<>();
        mixed.put("a", 1);
        mixed.put(2, "b");
        mixed.put(null, 3.5);
        mixed.put(true, null);
        return Arrays.asList(
                sent(null, "NoneType(None)"),
                sent("abc", "str(abc)"),
                sent("", "str()"),
                sent("\u00e9\u4e2d", "str(\u00e9\u4e2d)"),
                sent("\uD83D\uDE00", "str(\uD83D\uDE00)"),
                sent("\uD800", "str(\uD800)"),
                sent("a\0b", "str(a\0b)"),
                sent('c', "str(c)"),
                sent((byte) -1, "int(-1)"),
                sent((short) 2, "int(2)"),
                sent(3, "int(3)"),
                sent(4L, "int(4)"),
                sent(Long.MAX_VALUE, "int(9223372036854775807)"),
                sent(Long.MIN_VALUE, "int(-9223372036854775808)"),
                sent(1.5f, "float(1.5)"),
                sent(0.1f, "float(0.10000000149011612)"),
                sent(2.5, "float(2.5)"),
                sent(Double.NaN, "float(nan)"),
                sent(Double.POSITIVE_INFINITY, "float(inf)"),
                sent(-0.0, "float(-0.0)"),
                sent(true, "bool(True)"),
                sent(false, "bool(False)"),
                sent(BigInteger.ONE.shiftLeft(63), "int(9223372036854775808)"),
                sent(BigInteger.ONE.shiftLeft(200).negate(), "int(-" + BigInteger.ONE.shiftLeft(200) + ")"),
                sent(BigInteger.TEN, "int(10)"),
                sent(new BigDecimal("1.50"), "Decimal(1.50)"),
                sent(new byte[0], "bytes(b'')"),
                sent(new byte[] {0, 1, -1}, "bytes(b'\\x00\\x01\\xff')"),
                sent(new int[] {1, 2}, "list([1, 2])"),
                sent(new long[] {3}, "list([3])"),
                sent(new double[] {1.5}, "list([1.5])"),
                sent(new float[] {0.5f}, "list([0.5])"),
                sent(new short[] {7}, "list([7])"),
                sent(new char[] {'x', 'y'}, "list(['x', 'y'])"),
                sent(new boolean[] {true}, "list([True])"),
                sent(new Object[] {1, "x", null}, "list([1, 'x', None])"),
                sent(new String[] {"a", "b"}, "list(['a', 'b'])"),
                sent(new int[][] {{1}, {2, 3}}, "list([[1], [2, 3]])"),
                sent(Collections.emptyList(), "list([])"),
                sent(Arrays.asList(1, "x", null, Arrays.asList(2.5, true)), "list([1, 'x', None, [2.5, True]])"),
                sent(Collections.singleton(1), "set({1})"),
                sent(new TreeSet<>(Arrays.asList(1, 2)), "set({1, 2})"),
                sent(mixed, "dict({'a': 1, 2: 'b', None: 3.5, True: None})"),
                sent(Collections.emptyMap(), "dict({})"),
                sent(Collections.singletonMap("k", new int[] {1}), "dict({'k': [1]})"),
                sent(Collections.singletonMap(Collections.singletonList(1), 1),
                        "PE: Unable to create python dictionary. Unhashable key: [1]"),
                sent((Iterable<Integer>) () -> Arrays.asList(1, 2).iterator(), "list([1, 2])"),
                refused(new AtomicInteger(5)),
                refused(Optional.of(1)),
                refused(new Date(0)),
                refused(Thread.State.NEW),
                refused(ByteBuffer.allocate(3)),
                refused(new StringBuilder("sb")),
                refused(String.class));
    }

    @ParameterizedTest
    @MethodSource("javaValues")
    @Rule({"4.4", "4.5", "4.14", "12.8", "12.9", "12.10"})
    void aJavaValueBecomesAPythonObject(Sent sent) {
        assertEquals(sent.expected, cell(() -> PythonTypes.convert(sent.value)));
    }

    @ParameterizedTest
    @MethodSource("javaValues")
    @Rule("4.4")
    void theSameInsideAList(Sent sent) {
        if (sent.value instanceof Iterable && !(sent.value instanceof java.util.Collection)) {
            return; // an Iterable's text says nothing of its elements' order on a second pass
        }
        String expected = sent.expected.startsWith("PE: ") ? sent.expected : "True";
        String actual = cell(() -> {
            PythonExecutioner.setVariable("inside", PythonTypes.convert(Collections.singletonList(sent.value)));
            PythonExecutioner.setVariable("alone", PythonTypes.convert(sent.value));
            return Expect.text("type(inside[0]) is type(alone) and str(inside[0]) == str(alone)");
        });
        assertEquals(expected, actual.replaceFirst("^String ", ""));
    }

    @ParameterizedTest
    @Rule("4.14")
    @CsvSource(quoteCharacter = '`', value = {
        "`abc`", "`\u00e9\u4e2d`", "`\uD83D\uDE00`", "`a\0b`", "`\0`", "`line1\nline2`", "`quote'\"\\`",
        "`\uD800`", "`x\uDC00y`", "`\uDC00\uD800`", "`\uD83D\uDE00\uD800`", "`\uFEFF\uFFFF`",
    })
    void textGoesThereAndBackUnchanged(String text) {
        PythonExecutioner.setVariables(new PythonVariable<>("v", PythonTypes.STR, text));
        assertEquals(Integer.toString(text.codePointCount(0, text.length())), Expect.text("len(v)"));
        assertEquals(text, read(PythonTypes.STR));
        PythonExecutioner.exec("l = [v, {v: v}]");
        assertEquals(
                Arrays.asList(text, Collections.singletonMap(text, text)),
                PythonExecutioner.getVariable("l", PythonTypes.LIST).getValue());
    }

    @Test
    @Rule("4.14")
    void aLoneSurrogateFromPythonArrives() {
        PythonExecutioner.exec("v = 'a\\ud800b'");
        assertEquals("a\uD800b", read(PythonTypes.STR));
        assertEquals("a\uD800b", PythonExecutioner.getVariable("v").toString());
        assertThrows(PythonException.class, () -> read(PythonTypes.INT));
        assertEquals(Arrays.asList("a", "\uD800", "b"), read(PythonTypes.LIST));
    }

    // ---- TYPE.adapt ----

    static List<Object[]> adapted() {
        Object text = "abc";
        Object list = Arrays.asList(1, 2);
        Object map = Collections.singletonMap("k", 1);
        return Arrays.asList(new Object[][] {
            // value, then str, int, float, bool, list, dict, bytes; - is the refusal
            {text, "String abc", "-", "-", "-", "-", "-", "-"},
            {'c', "-", "-", "-", "-", "-", "-", "-"},
            {(byte) 1, "-", "Long 1", "Double 1.0", "-", "-", "-", "-"},
            {(short) 2, "-", "Long 2", "Double 2.0", "-", "-", "-", "-"},
            {3, "-", "Long 3", "Double 3.0", "-", "-", "-", "-"},
            {4L, "-", "Long 4", "Double 4.0", "-", "-", "-", "-"},
            {1.5f, "-", "Long 1", "Double 1.5", "-", "-", "-", "-"},
            {2.5, "-", "Long 2", "Double 2.5", "-", "-", "-", "-"},
            {-2.5, "-", "Long -2", "Double -2.5", "-", "-", "-", "-"},
            {Double.NaN, "-", "Long 0", "Double NaN", "-", "-", "-", "-"},
            {new BigDecimal("1.5"), "-", "Long 1", "Double 1.5", "-", "-", "-", "-"},
            {new AtomicInteger(5), "-", "Long 5", "Double 5.0", "-", "-", "-", "-"},
            {true, "-", "-", "-", "Boolean true", "-", "-", "-"},
            {new byte[] {0, -1}, "-", "-", "-", "-", "?", "-", "byte[][0, -1]"},
            {new int[] {1, 2}, "-", "-", "-", "-", "List[Integer 1; Integer 2; ]", "-", "-"},
            {new long[] {3}, "-", "-", "-", "-", "List[Long 3; ]", "-", "-"},
            {new double[] {1.5}, "-", "-", "-", "-", "List[Double 1.5; ]", "-", "-"},
            {new boolean[] {true}, "-", "-", "-", "-", "List[Boolean true; ]", "-", "-"},
            {new String[] {"a"}, "-", "-", "-", "-", "List[String a; ]", "-", "-"},
            {list, "-", "-", "-", "-", "List[Integer 1; Integer 2; ]", "-", "-"},
            {map, "-", "-", "-", "-", "-", "Map{String k: Integer 1; }", "-"},
            {new Date(0), "-", "-", "-", "-", "-", "-", "-"},
        });
    }

    @ParameterizedTest
    @MethodSource("adapted")
    @Rule({"4.12", "12.15"})
    void adaptTakesWhatTheTypeCanHold(
            Object value, String str, String integer, String floating, String bool, String list, String dict, String bytes) {
        adapts(str, PythonTypes.STR, value, "String");
        adapts(integer, PythonTypes.INT, value, "Long");
        adapts(floating, PythonTypes.FLOAT, value, "Long"); // Upstream: says Long here too
        adapts(bool, PythonTypes.BOOL, value, "Boolean");
        adapts(list, PythonTypes.LIST, value, "List");
        adapts(dict, PythonTypes.DICT, value, "Map");
        adapts(bytes, PythonTypes.BYTES, value, "byte[]");
    }

    private static void adapts(String expected, PythonType<?> type, Object value, String name) {
        String refusal = "PE: Cannot cast object of type " + value.getClass().getName() + " to " + name;
        String actual = cell(() -> type.adapt(value));
        if (!expected.equals("?")) {
            assertEquals(expected.equals("-") ? refusal : expected, actual, type.getName());
            String variable = cell(() -> new PythonVariable<>("v", type, value).getValue());
            assertEquals(actual, variable, "PythonVariable of " + type.getName());
        }
    }

    // ---- Operators ----

    @ParameterizedTest
    @Rule({"5.2", "5.5"})
    @CsvSource(delimiter = '|', quoteCharacter = '"', value = {
        // a | b | add | sub | mul | mod | trueDiv | floorDiv, - is an error
        "7 | 2 | int(9) | int(5) | int(14) | int(1) | float(3.5) | int(3)",
        "7.5 | 2 | float(9.5) | float(5.5) | float(15.0) | float(1.5) | float(3.75) | float(3.0)",
        "'a' | 'b' | str(ab) | - | - | - | - | -",
        "'a' | 2 | - | - | str(aa) | - | - | -",
        "[1] | [2] | list([1, 2]) | - | - | - | - | -",
        "7 | 0 | int(7) | int(7) | int(0) | - | - | -",
        "'a' | None | - | - | - | - | - | -",
        "'%d x' | 3 | - | - | str(%d x%d x%d x) | str(3 x) | - | -",
        "{1,2} | {2} | - | set({1}) | - | - | - | -",
        "True | True | int(2) | int(0) | int(1) | int(0) | float(1.0) | int(1)",
    })
    void operators(String a, String b, String add, String sub, String mul, String mod, String trueDiv, String floorDiv) {
        PythonObject left = Expect.object(a);
        PythonObject right = Expect.object(b);
        operates(add, right, left::add);
        operates(sub, right, left::sub);
        operates(mul, right, left::mul);
        operates(mod, right, left::mod);
        operates(trueDiv, right, left::trueDiv);
        operates(floorDiv, right, left::floorDiv);
    }

    private static void operates(String expected, PythonObject right, Function<PythonObject, PythonObject> operator) {
        String actual = cell(() -> operator.apply(right));
        if (expected.equals("-")) {
            assertEquals("PE: ", actual.replaceFirst("^PE: (TypeError|ZeroDivisionError): .+", "PE: "));
        } else {
            assertEquals(expected, actual);
        }
    }

    // ---- Python.FUNCTION(argument) ----

    @ParameterizedTest
    @Rule({"5.8", "12.21", "12.22"})
    @CsvSource(delimiter = '|', quoteCharacter = '"', value = {
        // argument | float_ | int_ | list | dict | set | bytearray | bytes | tuple, - is the refusal with the function's name
        "5 | float(5.0) | int(5) | - | - | - | bytearray(bytearray(b'\\x00\\x00\\x00\\x00\\x00')) "
                + "| bytes(b'\\x00\\x00\\x00\\x00\\x00') | -",
        "'12' | - | - | list(['1', '2']) | - | ? | - | - | tuple(('1', '2'))",
        "[1,2] | - | - | list([1, 2]) | - | set({1, 2}) | bytearray(bytearray(b'\\x01\\x02')) "
                + "| bytes(b'\\x01\\x02') | tuple((1, 2))",
        "b'xy' | - | - | list([120, 121]) | - | set({120, 121}) | bytearray(bytearray(b'xy')) | bytes(b'xy') "
                + "| tuple((120, 121))",
        "{'a':1} | - | - | list(['a']) | dict({'a': 1}) | set({'a'}) | - | - | tuple(('a',))",
        "[('k',1)] | - | - | list([('k', 1)]) | dict({'k': 1}) | set({('k', 1)}) | - | - | tuple((('k', 1),))",
        "None | - | - | - | - | - | - | - | -",
        "2.7 | float(2.7) | - | - | - | - | - | - | -",
    })
    void builtinsOfOneArgument(String argument, String floating, String integer, String list, String dict, String set,
            String bytearray, String bytes, String tuple) {
        PythonObject value = Expect.object(argument);
        String text = value.toString();
        assertEquals("str(" + text + ")", cell(() -> Python.str(value)));
        assertEquals("bool(" + (value.toBoolean() ? "True" : "False") + ")", cell(() -> Python.bool(value)));
        assertEquals("Exception(" + text + ")", cell(() -> Python.Exception(value)));
        gives(floating, "Could not convert value to float: " + text, () -> Python.float_(value));
        gives(integer, "Could not convert value to int: " + text, () -> Python.int_(value));
        gives(list, "Object is not iterable: " + text, () -> Python.list(value));
        gives(dict, "Cannot build dict from object: " + text, () -> Python.dict(value));
        gives(set, "Cannot build set from object: " + text, () -> Python.set(value));
        gives(bytearray, "Cannot build bytearray from object: " + text, () -> Python.bytearray(value));
        gives(bytes, "Cannot build bytes from object: " + text, () -> Python.bytes(value));
        gives(tuple, "Cannot build tuple from object: " + text, () -> Python.tuple(value));
    }

    private static void gives(String expected, String refusal, Callable call) {
        if (!expected.equals("?")) {
            assertEquals(expected.equals("-") ? "PE: " + refusal : expected, cell(call));
        }
    }
}
