// SPDX-License-Identifier: Apache-2.0
// Records as columns and back, without any library of Python's: what Java has filled offers itself as Arrow's and is
// read as such. Tables of pandas, polars and pyarrow are in ExamplesTest. Records come from a class that is compiled here.
package org.nd4j.python4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.lang.reflect.Type;
import java.math.BigDecimal;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.python4j.internal.jni.Handles;

@ExtendWith(InPython.class)
class TablesTest {

    private static final String SOURCE = String.join("\n",
            "import java.math.*; import java.time.*; import java.util.*;",
            "public class Rows {",
            "    public enum Side { BUY, SELL }",
            "    public record Trade(long id, double price, String name, LocalDate day) {",
            "        public Trade { if (id == 13) throw new IllegalArgumentException(\"13 is no id\"); }",
            "    }",
            "    public record Point(int x, String label) {}",
            "    public record Maps(Map<String, Long> map) {}",
            "    public record Without(long l, int i, short s, byte b, double d, float f, boolean z, char c, String text, LocalDate day,",
            "            LocalTime time, LocalDateTime at, Instant instant, Duration span, BigDecimal amount, Side side, Point point,",
            "            List<Integer> list, Optional<Long> maybe, Double box, Boolean yes, List<Point> points) {}",
            "    public record Narrow(byte id) {}",
            "    public record Text(String text) {}",
            "    public record Boxed(Long id) {}",
            "    public record Days(LocalDate day) {}",
            "    public record Whens(Instant at) {}",
            "    public record Columns(long[] id, List<Double> price, String[] name) {}",
            "    public record Empty() {}",
            "    record Unread(int id, long half) { public long half() { if (id == 1) throw new IllegalStateException(\"no half of 1\"); return half; } }",
            "}");

    @TempDir
    static Path folder;
    private static ClassLoader loader;

    @BeforeAll
    static void compile() throws Exception {
        if (Runtime.version().feature() < 16) {
            return;
        }
        Path source = folder.resolve("Rows.java");
        Files.writeString(source, SOURCE);
        assertEquals(0, Compiled.compile(System.err, "-proc:none", "-d", folder.toString(), source.toString()));
        loader = new URLClassLoader(new URL[] {folder.toUri().toURL()});
    }

    private static Class<?> type(String name) throws Exception {
        assumeTrue(loader != null, "records are known from Java 16 on");
        return loader.loadClass("Rows$" + name);
    }

    private static Object make(String name, Object... components) throws Exception {
        return type(name).getDeclaredConstructors()[0].newInstance(components);
    }

    @SuppressWarnings({"unchecked", "rawtypes"})
    private static PythonObject columns(List<?> rows, String name) throws Exception {
        return Python.columns((List) rows, (Class) type(name));
    }

    private static Object trade(long id) throws Exception {
        return make("Trade", id, id / 4.0, id % 3 == 0 ? "n\u00e4\uD83D\uDE00" + id : "n" + id, LocalDate.ofEpochDay(id - 5));
    }

    private static List<Object> trades(int count) throws Exception {
        List<Object> trades = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            trades.add(trade(i < 13 ? i : i + 1));
        }
        return trades;
    }

    private static String refused(PythonObject table, String name) throws Exception {
        Class<?> type = type(name);
        return assertThrows(PythonException.class, () -> table.toList(type)).getMessage();
    }

    @Test
    void recordsGoAndComeBack() throws Exception {
        for (int count : new int[] {0, 1, 7, 8, 9, 20_000}) {
            List<Object> trades = trades(count);
            assertEquals(trades, columns(trades, "Trade").toList(type("Trade")));
        }
    }

    /** Every type of a component that has a column, by a seed; nulls where the type has them. */
    @Test
    void everyTypeOfAComponentComesBackAsItWas() throws Exception {
        for (long seed = 1; seed <= 20; seed++) {
            Random random = new Random(seed);
            List<Object> rows = new ArrayList<>();
            for (int i = seed == 20 ? 2500 : random.nextInt(40); i >= 0; i--) {
                rows.add(every(random));
            }
            assertEquals(rows, columns(rows, "Without").toList(type("Without")), "seed " + seed);
        }
    }

    private static Object every(Random random) throws Exception {
        Object[] sides = type("Side").getEnumConstants();
        Object point = make("Point", random.nextInt(), or(random, "p"));
        String[] texts = {"", "a", "\u00e9", "\u20ac\uD83D\uDE00", "a longer text than a view has in place", "\0"};
        boolean fine = random.nextBoolean();
        int nanos = random.nextInt(1000_000) * (fine ? 1 : 1000);
        List<Object> list = new ArrayList<>();
        for (int i = random.nextInt(4); i > 0; i--) {
            list.add(or(random, random.nextInt()));
        }
        return make("Without", random.nextLong(), random.nextInt(), (short) random.nextInt(), (byte) random.nextInt(), random.nextGaussian(),
                random.nextFloat(), random.nextBoolean(), (char) ('a' + random.nextInt(3)), or(random, texts[random.nextInt(texts.length)]),
                or(random, LocalDate.ofEpochDay(random.nextInt(100_000) - 50_000)), or(random, LocalTime.of(23, 59, 1, nanos)),
                or(random, LocalDateTime.of(1960 + random.nextInt(80), 2, 3, 4, 5, 6, nanos)),
                or(random, Instant.ofEpochSecond(random.nextInt(), nanos)), or(random, Duration.ofSeconds(random.nextInt(), nanos)),
                or(random, new BigDecimal(random.nextInt()).setScale(5).movePointLeft(2).setScale(7)), or(random, sides[random.nextInt(2)]), or(random, point), or(random, list),
                random.nextBoolean() ? Optional.empty() : Optional.of(random.nextLong()), or(random, random.nextDouble()), or(random, true),
                or(random, Arrays.asList(point, null, point)));
    }

    private static Object or(Random random, Object value) {
        return random.nextInt(5) == 0 ? null : value;
    }

    @Test
    void columnsCanBeArraysAndCollections() throws Exception {
        PythonObject table = columns(trades(3), "Trade");
        Object columns = table.toJava(type("Columns"));
        assertEquals("[0, 1, 2]", Arrays.toString((long[]) type("Columns").getMethod("id").invoke(columns)));
        assertEquals(List.of(0.0, 0.25, 0.5), type("Columns").getMethod("price").invoke(columns));
        PythonObject point = columns(Arrays.asList(make("Point", 1, "a"), make("Point", 2, "b")), "Point");
        Map<String, Object[]> map = point.toJava(new PythonTypeToken<Map<String, Object[]>>() {});
        assertEquals(Arrays.asList(1L, 2L), Arrays.asList(map.get("x")));
        assertEquals(Arrays.asList("a", "b"), Arrays.asList(map.get("label")));
        String message = assertThrows(PythonException.class, () -> point.toJava(new PythonTypeToken<Map<String, int[]>>() {})).getMessage();
        assertEquals("value, row 0, column 'label': str 'a' is not an int", message);
    }

    @Test
    void whatDoesNotFitIsToldByRowAndColumn() throws Exception {
        PythonObject table = columns(Arrays.asList(make("Boxed", 1L), make("Boxed", 300L), make("Boxed", (Object) null)), "Boxed");
        assertEquals("value, row 2, column 'id': None is not a byte (record Narrow). Ask for Byte, or fill it in Python.", refused(table, "Narrow"));
        PythonObject wide = columns(Arrays.asList(make("Boxed", 1L), make("Boxed", 300L)), "Boxed");
        assertEquals("value, row 1, column 'id': int 300 is not a byte (record Narrow). It is out of range: ask for a wider type, such as long or BigInteger.",
                refused(wide, "Narrow"));
        assertTrue(refused(wide, "Trade").endsWith("It has no 'price', 'name', 'day'. Its columns are 'id'."), refused(wide, "Trade"));
        PythonObject dates = columns(List.of(make("Days", LocalDate.EPOCH)), "Days");
        PythonExecutioner.setVariable("dates", dates);
        assertEquals("[datetime.date(1970, 1, 1)]", Python.eval("list(dates['day'])").toString());
        // A record's own refusal is the cause.
        List<Object> trades = trades(2);
        PythonExecutioner.setVariable("trades", columns(trades, "Trade"));
        PythonExecutioner.exec("memoryview(trades['id'].buffers[1])[1] = 13");
        Class<?> trade = type("Trade");
        PythonException own = Expect.failureWith("value, row 1: ", () -> PythonExecutioner.getVariable("trades").toList(trade));
        assertEquals("java.lang.IllegalArgumentException: 13 is no id", own.getCause().toString());
    }

    @Test
    void whatHasNoColumnIsRefused() throws Exception {
        assertEquals("row 1: null is not a Trade.",
                assertThrows(PythonException.class, () -> columns(Arrays.asList(trade(1), null), "Trade")).getMessage());
        assertEquals("java.lang.String is not a record: columns are made of a record's components.",
                assertThrows(PythonException.class, () -> Python.columns(List.of("a"), String.class)).getMessage());
        Object maps = make("Maps", Map.of("a", 1L));
        String message = assertThrows(PythonException.class, () -> columns(List.of(maps), "Maps")).getMessage();
        assertTrue(message.startsWith("There is no column of java.util.Map<java.lang.String, java.lang.Long>: "), message);
        Object half = make("Text", "a\uD800");
        assertEquals("value, row 1, column 'text': str 'a\uD800' is not a String (record Text). It has half of a surrogate pair, which no column of text holds.",
                assertThrows(PythonException.class, () -> columns(Arrays.asList(make("Text", "\u00e9"), half), "Text")).getMessage());
        Object far = make("Days", LocalDate.MAX);
        assertTrue(assertThrows(PythonException.class, () -> columns(List.of(far), "Days")).getMessage()
                .startsWith("value, row 0, column 'day': java.time.LocalDate +999999999-12-31 is not a LocalDate (record Days)."));
        Object fine = make("Whens", Instant.ofEpochSecond(1L << 40, 1));
        assertTrue(assertThrows(PythonException.class, () -> columns(List.of(fine), "Whens")).getMessage()
                .endsWith("It is beyond what 64 bits of nanoseconds, which one of the values has, hold."));
    }

    @Test
    void whatAnAccessorThrowsArrives() throws Exception {
        java.lang.reflect.Constructor<?> maker = type("Unread").getDeclaredConstructors()[0];
        maker.setAccessible(true);
        List<Object> rows = List.of(maker.newInstance(2, 1L), maker.newInstance(1, 0L));
        assertEquals("no half of 1", assertThrows(IllegalStateException.class, () -> columns(rows, "Unread")).getMessage());
        assertEquals("[1]", Python.eval("list").call(columns(rows.subList(0, 1), "Unread").get("half")).toString());
    }

    @Test
    void whatIsNoTableIsConvertedAsBefore() throws Exception {
        PythonExecutioner.exec("class Both:\n    id = [1]\n    price = [2.0]\n    name = ['a']\nclass Rows:\n    def __iter__(self): return iter([{'id': 3}])");
        assertEquals("[Boxed[id=3]]", Python.eval("Rows()").toList(type("Boxed")).toString());
        Object columns = Python.eval("Both()").toJava(type("Columns"));
        assertEquals("[1]", Arrays.toString((long[]) type("Columns").getMethod("id").invoke(columns)));
    }

    /** A table whose schema is of a stranger: each of its failures is an exception. */
    @Test
    void aTableThatFailsIsAnError() throws Exception {
        PythonExecutioner.exec(String.join("\n", "class Raises:", "    def __arrow_c_stream__(self, schema=None): raise RuntimeError('gone')",
                "class Wrong:", "    def __arrow_c_stream__(self, schema=None): return 3"));
        assertEquals("RuntimeError: gone", refused(Python.eval("Raises()"), "Boxed"));
        assertEquals("ValueError: The Arrow data is malformed: a capsule \"arrow_array_stream\" was expected, not a int.", refused(Python.eval("Wrong()"), "Boxed"));
        PythonExecutioner.setVariable("c", columns(List.of(make("Boxed", 1L)), "Boxed"));
        PythonExecutioner.exec("class Once:\n    def __init__(self): self.capsules = c.__arrow_c_array__()\n    def __arrow_c_array__(self, schema=None): return self.capsules\nonce = Once()");
        assertEquals(1, Python.eval("once").toList(type("Boxed")).size());
        assertEquals("ValueError: The table has been read already.", refused(Python.eval("once"), "Boxed"));
    }

    @Test
    void columnsAreSequencesAndGoWithTheirTable() throws Exception {
        int before;
        try (PythonGC frame = PythonGC.watch()) {
            PythonExecutioner.setVariable("c", columns(trades(3), "Trade"));
            assertEquals("['id', 'price', 'name', 'day']", Python.eval("list(c)").toString());
            assertEquals("[0, 1, 2]", Python.eval("list(c['id'])").toString());
            assertEquals("n1", Python.eval("c['name'][1]").toString());
            assertEquals("3", Python.eval("len(c['day'])").toString());
            assertEquals("<column 'price' of 3 values>", Python.eval("c['price']").toString());
        }
        PythonExecutioner.exec("del c\nimport gc\ngc.collect()");
        before = Handles.count();
        for (int i = 0; i < 500; i++) {
            try (PythonGC frame = PythonGC.watch()) {
                columns(trades(3), "Trade").toList(type("Trade"));
            }
        }
        PythonExecutioner.exec("gc.collect()");
        assertTrue(Handles.count() <= before + 8, before + " handles became " + Handles.count());
    }

    /** What a program makes of the columns that it was given: another table, or an error, and never memory of others. */
    @Test
    void columnsThatAProgramChangedAreATableOrAnError() throws Exception {
        PythonExecutioner.setVariable("many", columns(trades(100_000), "Trade"));
        Map<String, String> changes = new LinkedHashMap<>();
        changes.put("c['id'] = many['id']", "Its columns have different lengths: 'id' 100000, 'day' 2.");
        changes.put("c['id'] = [1, 2]", "What is at 'id' is no column of Java's, but a list: make a DataFrame or a dict() of all.");
        changes.put("c[5] = c['id']", "What is at 5 is no column of Java's, but a int: make a DataFrame or a dict() of all.");
        String malformed = "RuntimeError: The Arrow array \"id\" of format l is malformed: ";
        changes.put("for each in c.values(): each.length = 10**7", malformed + "a buffer is shorter than it needs.");
        changes.put("for each in c.values(): each.length = 2**62", malformed + "its length or its offset cannot be.");
        changes.put("for each in c.values(): each.length = -1", malformed + "its length or its offset cannot be.");
        changes.put("c['id'].nulls = 1", malformed + "a buffer is shorter than it needs.");
        changes.put("c['id'].buffers = ()", malformed + "a buffer is shorter than it needs.");
        changes.put("c['id'].buffers = (None, b'abc')", malformed + "a buffer is shorter than it needs.");
        changes.put("c['id'].buffers = (None, memoryview(bytes(64))[::2])", "ValueError: The memory of a column has gaps.");
        changes.put("c['id'].parts = (c['price'],)", "ValueError: The Arrow schema is malformed: it has other children than its type.");
        changes.put("c['id'].format = 'vu'", malformed.replace("format l", "format vu") + "no column of this library is of its type.");
        changes.put("c['price'].format = 'u'", malformed.replace("\"id\" of format l", "\"price\" of format u") + "it has too few buffers.");
        changes.put("c['name'].buffers = c['name'].buffers[:2] + (b'',)", malformed.replace("\"id\" of format l", "\"name\" of format u")
                + "a buffer is shorter than it needs.");
        for (Map.Entry<String, String> change : changes.entrySet()) {
            PythonExecutioner.setVariable("c", columns(trades(2), "Trade"));
            PythonExecutioner.exec(change.getKey());
            String message = refused(Python.eval("c"), "Trade");
            assertTrue(message.contains(change.getValue()), change.getKey() + ": " + message);
        }
        PythonExecutioner.setVariable("c", columns(trades(2), "Trade"));
        PythonExecutioner.exec("c.update(many)");
        assertEquals(100_000, Python.eval("c").toList(type("Trade")).size());
        PythonExecutioner.setVariable("c", columns(trades(2), "Trade"));
        PythonExecutioner.exec("c['id2'] = c.pop('id'); c['id'] = c.pop('id2')\nfor each in c.values(): each.name = 'x'");
        assertEquals(trades(2), Python.eval("c").toList(type("Trade")));
    }

    /** Who has the capsules has the memory, whatever becomes of the columns. */
    @Test
    void capsulesKeepTheMemoryOfColumnsThatAProgramChanges() throws Exception {
        PythonExecutioner.setVariable("c", columns(trades(10_000), "Trade"));
        PythonExecutioner.exec(String.join("\n", "class Later:", "    capsules = c.__arrow_c_array__()", "    def __arrow_c_array__(self): return self.capsules",
                "later = Later()", "for each in c.values(): each.buffers = ()", "c.clear()", "noise = [bytes(80_000) for _ in range(100)]"));
        assertEquals(trades(10_000), Python.eval("later").toList(type("Trade")));
    }

    @Test
    void aTableOfNoRowsAndOneOfNoColumnsAreTables() throws Exception {
        Type type = new PythonTypeToken<Map<String, double[]>>() {}.type();
        assertEquals(Collections.emptyMap(), columns(List.of(make("Empty")), "Empty").toJava(type));
        assertEquals(0, columns(List.of(), "Trade").toList(type("Trade")).size());
    }
}
