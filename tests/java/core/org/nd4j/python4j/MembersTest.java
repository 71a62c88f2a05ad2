// SPDX-License-Identifier: Apache-2.0
// Members of objects by reference: their names in Python, properties, what an entry of an exposure means, and which of
// several methods a call is.
package org.nd4j.python4j;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.ref.WeakReference;
import java.lang.reflect.Constructor;
import java.lang.reflect.Method;
import java.math.BigDecimal;
import java.net.URLClassLoader;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.OffsetDateTime;
import java.time.OffsetTime;
import java.time.ZonedDateTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.Date;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.python4j.internal.convert.Conversion;
import org.nd4j.python4j.internal.convert.Functional;
import org.nd4j.python4j.internal.jni.Callbacks;

@ExtendWith(InPython.class)
class MembersTest {

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

    private static void fails(String message, String code) {
        Expect.failureWith(message, () -> PythonExecutioner.exec(code));
    }

    // ---- fields ----

    public static class Beneath {
        public int i = -5;
        public long ofBase = 11;
    }

    public static class Fields extends Beneath {
        public static long shared = 3;

        public boolean z = true;
        public byte b = -1;
        public short s = Short.MIN_VALUE;
        public int i = Integer.MAX_VALUE; // hides that of the base
        public long j = Long.MIN_VALUE;
        public float f = 0.1f;
        public double d = Double.NEGATIVE_INFINITY;
        public char c = '\u00e9';
        public String t = "text";
        public final long fixed = System.nanoTime() | 1;
        public volatile long changes;
    }

    /** A subclass of dict arrives as a dict, which may contain itself. */
    @Test
    void anArgumentThatContainsItselfIsRefused() {
        set("q", new StringBuilder(), StringBuilder.class);
        run("import collections", "d = collections.OrderedDict()", "d['self'] = d",
                "class Own(bytes):", "    def __bytes__(self): return self");
        PythonException e = assertThrows(PythonException.class, () -> PythonExecutioner.exec("q.append(d)"));
        assertTrue(e.getMessage().contains("nests deeper than the stack of this thread holds, or contains itself"), e.getMessage());
        assertArrayEquals(new byte[] {'a'}, (byte[]) Python.eval("Own(b'a')").toJava(Object.class));
    }

    /** A member of an enum of strings is a name as any other. */
    @Test
    void namesMayBeOfAClassOfTheirOwn() {
        Fields fields = new Fields();
        set("q", fields, Fields.class);
        run("import enum", "class Name(str, enum.Enum):", "    J = 'j'", "    NONE = 'none'", "setattr(q, Name.J, 7)");
        assertEquals(7, fields.j);
        check("getattr(q, Name.J) == 7", "getattr(q, Name.J) == 7", "not hasattr(q, Name.NONE)");
    }

    /** The first time Java is asked for a field, later it is read where it is. Nobody sees a difference. */
    @Test
    void fieldsAreReadAgainAndAgain() throws Exception {
        Fields fields = new Fields();
        set("q", fields, Fields.class);
        set("base", fields, Beneath.class, Fields.class);
        for (int time = 0; time < 4; time++) {
            check("q.z is True", "(q.b, q.s, q.i, q.j) == (-1, -2**15, 2**31 - 1, -2**63)", "q.d == float('-inf')", "q.c == '\u00e9'",
                    "q.t == 'text'", "[type(x) for x in (q.b, q.j, q.f, q.d)] == [int, int, float, float]", "base.ofBase == 11",
                    "q.fixed == " + fields.fixed);
            assertEquals(0.1f, (float) Python.eval("q.f").toDouble());
            assertEquals(0.1f, Python.eval("q.f").toDouble());
            fields.changes = time;
            check("q.changes == " + time, "base.changes == " + time);
            run("q.changes = q.changes + 40");
            assertEquals(time + 40, fields.changes);
            fails("AttributeError: 'org.nd4j.python4j.MembersTest$Fields' object has no attribute 'ofBase'", "q.ofBase");
            fails("'shared' is a static member", "q.shared");
            fails("the field 'fixed' is final", "q.fixed = 1");
        }
        set("Fields", Fields.class, Fields.class);
        for (; Fields.shared < 6; Fields.shared++) {
            check("Fields.shared == " + Fields.shared);
        }
        run("import threading", "seen = []", "for _ in range(3):",
                "    t = threading.Thread(target=lambda: seen.extend([q.changes, q.changes, q.z]))", "    t.start(); t.join()");
        check("seen == [43, 43, True] * 3");
    }

    /** A thread that reads a field has the GIL, and waits for a collection all the same. */
    @Test
    void fieldsAreReadDuringCollections() throws Exception {
        Fields fields = new Fields();
        set("q", fields, Fields.class);
        Thread collector = new Thread(() -> {
            for (int i = 0; i < 20; i++) {
                System.gc();
                fields.changes++;
            }
        });
        collector.start();
        try {
            run("q.changes", "while q.changes < 20: pass"); // which lets no other thread in by itself
        } finally {
            collector.join();
        }
        check("q.changes == 20");
    }

    @Test
    void aFieldKeepsNoObject() throws Exception {
        WeakReference<Object> gone = read();
        run("del q");
        long end = System.nanoTime() + Duration.ofSeconds(20).toNanos();
        while (gone.get() != null && System.nanoTime() < end) {
            System.gc();
            Thread.sleep(10);
            run("pass"); // gives back what Java has forgotten
        }
        assertNull(gone.get());
    }

    private static WeakReference<Object> read() {
        Fields fields = new Fields();
        set("q", fields, Fields.class);
        run("q.j, q.j, q.j");
        return new WeakReference<>(fields);
    }

    // ---- names and properties ----

    public static class Base {
        public int inheritedField = 1;

        public String inherited() {
            return "base";
        }
    }

    public static class Bean extends Base {
        public static final String KIND = "bean";
        private String name = "Ada";
        private boolean open = true;
        private int size = 3;
        public int plain = 5;

        public String getName() {
            return name;
        }

        public void setName(String name) {
            this.name = name;
        }

        public boolean isOpen() {
            return open;
        }

        public void setOpen(boolean open) {
            this.open = open;
        }

        public String getURL() {
            return "u";
        }

        public boolean isEOF() {
            return true;
        }

        public int getXAxis() {
            return 8;
        }

        public int getSize() {
            return size;
        }

        public int size() {
            return size * 10;
        }

        public void setSecret(String secret) {
            name = secret;
        }

        public String from() {
            return "from";
        }

        public String is(int in) {
            return "is " + in;
        }

        public String getClass(int number) {
            return "no property";
        }

        public static String make() {
            return "made";
        }
    }

    @Test
    void propertiesReadAsAttributesAndSettersAsAssignments() {
        Bean bean = new Bean();
        set("b", bean, Bean.class);
        check("b.name == 'Ada' and b.getName() == 'Ada' and b.get_name() == 'Ada'", "b.open and b.is_open() and b.isOpen()",
                "b.url == b.URL == b.get_url() == b.getURL() == 'u'", "b.eof and b.is_eof() and b.isEOF() and b.EOF",
                "b.x_axis == b.xAxis == b.XAxis == b.get_x_axis() == 8", "b.plain == 5", "b.size() == 30 and b.get_size() == 3",
                "{'name', 'url', 'eof', 'open', 'getName', 'plain', 'x_axis'} <= set(dir(b))");
        run("b.name = 'Grace'", "b.open = False", "b.secret = b.name + '!'", "b.plain = 6");
        assertEquals("Grace!", bean.name);
        assertEquals(6, bean.plain);
        assertTrue(!bean.open);
        fails("AttributeError: 'url' of " + Bean.class.getName() + " cannot be assigned: it is a property without a setter", "b.url = 'x'");
        fails("AttributeError: 'size' of " + Bean.class.getName() + " cannot be assigned: it is a method", "b.size = 1");
        fails("AttributeError: the property 'secret' can only be assigned", "b.secret");
        fails("Could not convert value to boolean", "b.open = 'yes'");
        fails("AttributeError", "b.nonsense = 1");
    }

    @Test
    void keywordsGetAnUnderscore() {
        set("b", new Bean(), Bean.class);
        check("b.from_() == 'from' and b.is_(3) == 'is 3' and getattr(b, 'from')() == 'from'", "getattr(b, '', 7) == getattr(b, '\\0', 7) == 7");
    }

    @Test
    void onlyWhatIsAllowedIsAProperty() {
        PythonExecutioner.setVariable("b", Python.reference(new Bean(), PythonExposure.none().allow(Bean.class, "getName", "getURL", "isEOF")));
        check("b.name == 'Ada' and b.url == 'u' and b.eof");
        fails("AttributeError", "b.name = 'x'");
        fails("AttributeError", "b.open");
        fails("AttributeError", "b.plain");
    }

    @Test
    void aClassWithoutNamesIsWhatItDeclaresItself() {
        set("b", new Bean(), Bean.class);
        fails("AttributeError", "b.inherited()");
        fails("AttributeError", "b.inheritedField");
        set("b", new Bean(), Bean.class, Base.class);
        check("b.inherited() == 'base' and b.inherited_field == 1 and b.name == 'Ada'");
        PythonExecutioner.setVariable("b", Python.reference(new Bean(), PythonExposure.none().allow(Bean.class, "inherited")));
        check("b.inherited() == 'base'");
        StringBuilder text = new StringBuilder("a"); // what it inherits from a class that nobody sees counts as its own
        set("t", text, StringBuilder.class);
        run("t.append('b')");
        check("t.length() == 2");
    }

    @Test
    void aStaticMemberSaysWhereItIs() {
        set("b", new Bean(), Bean.class);
        set("Bean", Bean.class, Bean.class);
        for (String name : List.of("KIND", "make")) {
            fails("AttributeError: '" + name + "' is a static member: it belongs to the class " + Bean.class.getName(), "b." + name);
        }
        check("Bean.KIND == 'bean' and Bean.make() == 'made'");
        set("closed", new Bean());
        fails("has no attribute 'KIND' that the Java program allows", "closed.KIND");
    }

    public static class Failing {
        int calls;

        public String getBad() {
            calls++;
            return Python.eval("object().nothing").toString();
        }
    }

    @Test
    void anAttributeErrorOfAGetterIsTheOneThatPythonSees() {
        Failing failing = new Failing();
        set("a", failing, Failing.class);
        fails("AttributeError: 'object' object has no attribute 'nothing'", "a.bad");
        check("not hasattr(a, 'bad')");
        assertEquals(2, failing.calls);
        fails("AttributeError: 'JavaObject' object has no attribute '__nothing__'", "a.__nothing__");
    }

    public static class Alike {
        public String getUrl() {
            return "1";
        }

        public String getURL() {
            return "2";
        }
    }

    @Test
    void namesThatAreWrittenAlikeAreRefused() {
        set("a", new Alike(), Alike.class);
        check("a.getUrl() == '1' and a.getURL() == '2'");
        fails("AttributeError: 'get_url' may be each of [getURL, getUrl]", "a.get_url()");
        fails("AttributeError: 'url' may be each of [URL, Url]", "a.url");
    }

    private static final String RECORDS = "package made; import java.util.*;\n"
            + "public class Shop {\n"
            + "  public record Item(String sku, int count, List<String> tags) { public String label() { return sku + count; } }\n"
            + "  public record Word(int from, int is) {}\n"
            + "  public interface HasSku { String sku(); }\n"
            + "  public record Other(String sku) implements HasSku, java.util.function.Supplier<String> { public String get() { return sku; } }\n"
            + "}\n";

    @Test
    void recordComponentsAreAttributes(@TempDir Path folder) throws Exception {
        try (URLClassLoader loader = Compiled.records(folder, RECORDS)) {
            Class<?> type = loader.loadClass("made.Shop$Item");
            Object item = type.getConstructors()[0].newInstance("a1", 2, new ArrayList<>(List.of("x")));
            set("item", item, type);
            check("item.sku == 'a1' and item.count == 2 and item.label() == 'a12'");
            run("item.tags.append('y')");
            assertEquals("Item[sku=a1, count=2, tags=[x, y]]", item.toString());
            fails("AttributeError: 'sku' of made.Shop$Item cannot be assigned", "item.sku = 'b'");
            set("closed", item);
            fails("AttributeError", "closed.sku");
            Object other = loader.loadClass("made.Shop$Other").getConstructors()[0].newInstance("o");
            set("other", other, loader.loadClass("made.Shop$HasSku"));
            check("other.sku == 'o'");
            set("l", List.of(other));
            assertEquals("Other(sku='o')", Expect.text("l[0]")); // a value, although it is a Supplier as well
            set("items", List.of(item)); // a value, whose components are references
            run("items[0].tags.append('z')", "assert items[0].sku == 'a1'");
            assertEquals("Item[sku=a1, count=2, tags=[x, y, z]]", item.toString());
            PythonExecutioner.setVariable("word", Python.of(loader.loadClass("made.Shop$Word").getConstructors()[0].newInstance(1, 2)));
            check("word.from_ == 1 and word.is_ == 2");
        }
    }

    /** What is worked out about a class is kept with the class, whatever exposure was used. */
    @Test
    void noClassLoaderIsKept(@TempDir Path folder) throws Exception {
        PythonExposure exposure = PythonExposure.none().allow(Comparable.class).allow(Object.class).allow(Supplier.class);
        WeakReference<ClassLoader> loader = use(Compiled.classes(folder, "package made; import java.util.function.*;"
                + " public class Own implements Comparable<Own>, Supplier<String> { public int compareTo(Own o) { return 7; }"
                + " public String get() { return \"g\"; } public Function<Own, Own> same() { return o -> o; } }"), exposure);
        for (int i = 0; i < 20 && loader.get() != null; i++) {
            PythonReferenceTest.settle();
        }
        assertNull(loader.get());
        assertTrue(exposure.toString() != null);
    }

    private static WeakReference<ClassLoader> use(URLClassLoader loader, PythonExposure exposure) throws Exception {
        try (URLClassLoader closed = loader; PythonGC gc = PythonGC.watch()) {
            Object own = loader.loadClass("made.Own").getConstructor().newInstance();
            PythonExecutioner.setVariable("own", Python.reference(own, exposure));
            PythonExecutioner.setVariable("call", Python.function(loader.loadClass("made.Own").getMethod("same").invoke(own)));
            run("assert own.compare_to(own) == 7 and own() == 'g'", "assert call(own)() == 'g'");
            Comparable<?> proxy = Python.eval("5").asInterface(Comparable.class);
            assertEquals("5", proxy.toString());
            run("del own, call");
        }
        return new WeakReference<>(loader);
    }

    /** Kotlin's compiler makes such classes of lambdas; Scala's collections and case classes are such functions as well. */
    @Test
    void functionsOfOtherLanguages(@TempDir Path folder) throws Exception {
        try (URLClassLoader loader = Compiled.classes(folder,
                "package kotlin.jvm.functions; public interface Function1<A, R> extends kotlin.Function<R> { R invoke(A a); }",
                "package kotlin; public interface Function<R> {}",
                "package kotlin; public final class Unit { public static final Unit INSTANCE = new Unit(); }",
                "package kotlin.jvm.internal; public interface FunctionBase<R> extends kotlin.Function<R> { int getArity(); }",
                "package scala; public interface Function1<A, R> { R apply(A a); }",
                "package scala; public interface Product { int productArity(); }",
                "package made; public final class Lambda implements kotlin.jvm.functions.Function1<Long, Object>, kotlin.jvm.internal.FunctionBase<Object> {"
                        + " public Object invoke(Long a) { return a > 0 ? (Object) (a + 1) : kotlin.Unit.INSTANCE; } public int getArity() { return 1; } }",
                "package made; public final class Twice implements scala.Function1<Long, Long> { public Long apply(Long a) { return 2 * a; } }",
                "package made; public final class Case implements scala.Function1<Long, Long>, scala.Product {"
                        + " public Long apply(Long a) { return a; } public int productArity() { return 0; } }")) {
            Object lambda = loader.loadClass("made.Lambda").getConstructor().newInstance();
            PythonExecutioner.setVariable("f", Python.of(lambda));
            set("l", Arrays.asList(lambda, loader.loadClass("made.Twice").getConstructor().newInstance(),
                    loader.loadClass("made.Case").getConstructor().newInstance()));
            check("f(41) == 42 and f(0) is None", "l[0](1) == 2 and l[1](4) == 8", "not callable(l[2])");
            assertSame(lambda, Python.eval("l[0]").toJava(Object.class));
        }
    }

    // ---- which method ----

    public static class Times {
        public String all(Instant t) {
            return "Instant";
        }

        public String all(ZonedDateTime t) {
            return "ZonedDateTime";
        }

        public String all(LocalDateTime t) {
            return "LocalDateTime";
        }

        public String all(OffsetDateTime t) {
            return "OffsetDateTime";
        }

        public String all(LocalDate t) {
            return "LocalDate";
        }

        public String all(LocalTime t) {
            return "LocalTime";
        }

        public String all(OffsetTime t) {
            return "OffsetTime";
        }

        public String all(Duration t) {
            return "Duration";
        }

        public String some(Date t) {
            return "Date";
        }

        public String some(ZonedDateTime t) {
            return "ZonedDateTime";
        }

        public String some(Instant t) {
            return "Instant";
        }

        public String two(Instant t) {
            return "Instant";
        }

        public String two(LocalDateTime t) {
            return "LocalDateTime";
        }
    }

    @Test
    void timesChooseByTheirZone() {
        set("t", new Times(), Times.class);
        run("import datetime as d, zoneinfo", "naive = d.datetime(2024, 1, 2)", "aware = naive.replace(tzinfo=d.timezone.utc)",
                "try: zone = zoneinfo.ZoneInfo('Europe/Berlin')",
                "except zoneinfo.ZoneInfoNotFoundError: zone = d.timezone.utc # Windows has no zones", "zoned = naive.replace(tzinfo=zone)");
        check("t.all(naive) == 'LocalDateTime' and t.all(aware) == t.all(zoned) == 'OffsetDateTime'", "t.all(naive.date()) == 'LocalDate'",
                "t.all(naive.time()) == 'LocalTime' and t.all(aware.timetz()) == 'OffsetTime'", "t.all(d.timedelta(1)) == 'Duration'",
                "t.some(aware) == 'ZonedDateTime' and t.two(aware) == 'Instant' and t.two(naive) == 'LocalDateTime'",
                "t.all('2024-01-02') == 'LocalDate' and t.all('2024-01-02T03:04') == 'LocalDateTime' and t.all('2024-01-02T03:04Z') == 'OffsetDateTime'",
                "t.two('2024-01-02T03:04:00Z') == 'Instant'");
        fails("TypeError: no method some() of Java takes these 1 arguments", "t.some(naive)");
    }

    public static class Choice {
        public String go(Function<String, String> f) {
            return "Function";
        }

        public String go(BiFunction<String, String, String> f) {
            return "BiFunction";
        }

        public String run(Runnable r) {
            return "Runnable";
        }

        public String run(Callable<Object> c) {
            return "Callable";
        }

        public String tie(Supplier<Object> s) {
            return "Supplier";
        }

        public String tie(Callable<Object> c) {
            return "Callable";
        }

        public String narrow(Function<Object, Object> f) {
            return "Function";
        }

        public String narrow(UnaryOperator<Object> f) {
            return "UnaryOperator";
        }

        public String take(Object o) {
            return "Object";
        }

        public String take(CharSequence o) {
            return "CharSequence";
        }

        public String take(String o) {
            return "String";
        }

        public String take(int o) {
            return "int";
        }

        public String take(double o) {
            return "double";
        }

        public String take(List<?> o) {
            return "List";
        }

        public String take(Collection<?> o) {
            return "Collection";
        }

        public String take(LocalDate o) {
            return "LocalDate";
        }

        public String take(LocalDateTime o) {
            return "LocalDateTime";
        }

        public String cross(int a, double b) {
            return "int double";
        }

        public String cross(double a, int b) {
            return "double int";
        }

        public String width(long a) {
            return "long";
        }

        public String width(int a) {
            return "int";
        }

        public String width(BigDecimal a) {
            return "BigDecimal";
        }

        public String nothing(String a) {
            return "String";
        }

        public String nothing(Integer a) {
            return "Integer";
        }

        public String some(String a) {
            return "one";
        }

        public String some(String... a) {
            return "many " + a.length;
        }

        public int sum(int... numbers) {
            return Arrays.stream(numbers).sum();
        }

        public String join(String first, Object... rest) {
            return first + Arrays.deepToString(rest);
        }

        public int rows(int[]... rows) {
            return rows.length;
        }
    }

    private static void open(Object choice) {
        set("c", choice, Choice.class);
    }

    @Test
    void theArityOfAPythonFunctionChooses() {
        open(new Choice());
        run("def two(a, b): pass", "class K:", "    def m(self, a): pass", "    def __call__(self, a, b): pass", "import functools");
        check("c.go(lambda x: x) == 'Function'", "c.go(lambda x, y: x) == 'BiFunction'", "c.go(two) == 'BiFunction'", "c.go(K().m) == 'Function'",
                "c.go(K()) == 'BiFunction'", "c.go(functools.partial(two, 1)) == 'Function'", "c.go(lambda x, y=1: x) == 'Function'",
                "c.run(lambda: 1) == 'Callable'", "c.narrow(lambda x: x) == 'UnaryOperator'");
        fails("TypeError: go(): the arguments fit several methods of Java equally well: go(java.util.function.BiFunction), go(java.util.function.Function)",
                "c.go(lambda *a: a)");
        fails("TypeError: tie(): the arguments fit several methods of Java equally well: tie(java.util.concurrent.Callable), tie(java.util.function.Supplier)",
                "c.tie(lambda: 1)");
        fails("TypeError: no method go() of Java takes these 1 arguments. There are go(java.util.function.BiFunction), go(java.util.function.Function)",
                "c.go(lambda a, b, c: a)");
        fails("TypeError: no method go() of Java takes these 1 arguments", "c.go(object())");
    }

    @Test
    void exactnessAndTheMostSpecificParameterChoose() {
        open(new Choice());
        run("import datetime, decimal");
        check("c.take('a') == 'String'", "c.take(1) == 'int'", "c.take(1.5) == 'double'", "c.take([1]) == 'List'", "c.take((1,)) == 'List'",
                "c.take(datetime.date(2024, 1, 1)) == 'LocalDate'", "c.take(datetime.datetime(2024, 1, 1)) == 'LocalDateTime'",
                "c.take({1}) == 'Collection'", "c.take(object()) == 'Object'", "c.take({}) == 'Object'", "c.width(1) == 'long'",
                "c.width(decimal.Decimal(1)) == 'BigDecimal'", "c.cross(1, 2.5) == 'int double'", "c.cross(1.5, 2) == 'double int'",
                "c.nothing('x') == 'String'", "c.nothing(3) == 'Integer'", "c.some('x') == 'one'", "c.some('x', 'y') == 'many 2'", "c.some() == 'many 0'");
        fails("TypeError: cross(): the arguments fit several methods of Java equally well: cross(double, int), cross(int, double)", "c.cross(1, 2)");
        fails("TypeError: nothing(): the arguments fit several methods of Java equally well: nothing(java.lang.Integer), nothing(java.lang.String)",
                "c.nothing(None)");
    }

    public static class Broad {
        public String of(int a) {
            return "int";
        }

        public String of(double a) {
            return "double";
        }

        public String of(char[] a) {
            return "char[]";
        }

        public String of(String a) {
            return "String";
        }

        public String each(int a) {
            return "int";
        }

        public String each(Iterable<Object> a) {
            return "Iterable " + a;
        }

        public String all(int[] a) {
            return "int[]";
        }

        public String all(List<Object> a) {
            return "List " + a;
        }
    }

    @Test
    void aSubclassChoosesAsItsBaseAndABoolAsAnInt() {
        set("b", new Broad(), Broad.class);
        run("import enum", "class Text(str): pass", "class Level(enum.IntEnum):", "    LOW = 1");
        check("b.of(Text('a')) == 'String'", "b.of(Level.LOW) == 'int'", "b.of(True) == 'int'");
    }

    @Test
    void anIteratorIsReadByOneMethodAtMost() {
        set("b", new Broad(), Broad.class);
        check("b.each(x for x in 'ab') == 'Iterable [a, b]'", "b.all(iter([1])) == 'int[]'", "b.all([1, 'x']) == 'List [1, x]'");
        fails("TypeError: all(): argument 1[1]: str 'x' is not an int", "b.all(x for x in [1, 'x'])");
    }

    abstract static class Hidden<T> {
        public T kept;
        public Function<T, String> shown = value -> put(value);

        public String put(T value) {
            return value.getClass().getSimpleName();
        }

        public String put(List<T> values, int at) {
            Object value = values.get(at);
            return value.getClass().getSimpleName();
        }
    }

    public static class Shorts extends Hidden<Short> {}

    @Test
    void anInheritedMethodKnowsTheArgumentsOfItsClass() {
        set("own", new Shorts(), Shorts.class);
        set("both", new Shorts(), Shorts.class, Hidden.class);
        for (String name : new String[] {"own", "both"}) {
            check(name + ".put(5) == 'Short'", name + ".put([5], 0) == 'Short'");
            fails("TypeError: no method put() of Java takes these 1 arguments", name + ".put(70000)");
        }
        run("both.kept = 6");
        assertEquals(Short.valueOf((short) 6), Python.eval("both").toJava(Shorts.class).kept);
        fails("TypeError: Could not convert value to java.lang.Short: 70000", "both.kept = 70000");
        check("both.shown(5) == 'Short'");
    }

    /** The methods in every order that reflection might give them. */
    @Test
    void theOrderOfReflectionDoesNotMatter() throws Throwable {
        Map<String, List<Method>> byName = new java.util.TreeMap<>();
        for (Method method : Choice.class.getDeclaredMethods()) {
            byName.computeIfAbsent(method.getName(), name -> new ArrayList<>()).add(method);
        }
        run("import datetime");
        String[] calls = {"go:[lambda x: x]", "go:[lambda x, y: x]", "run:[lambda: 1]", "narrow:[lambda x: x]", "take:['a']", "take:[1]", "take:[1.5]",
            "take:[[1]]", "take:[datetime.date(2024, 1, 1)]", "take:[None]", "cross:[1, 2]", "cross:[1.5, 2]", "width:[1]", "nothing:[None]", "tie:[lambda: 1]"};
        Random random = new Random(3);
        for (String call : calls) {
            String name = call.substring(0, call.indexOf(':'));
            String first = null;
            for (int i = 0; i < 20; i++) {
                List<Method> methods = new ArrayList<>(byName.get(name));
                Collections.shuffle(methods, random);
                PythonExecutioner.setVariable("f", Python.of(new Callbacks.Given(bound(new Choice(), methods, name), null)));
                String said;
                try {
                    said = Expect.text("f(*" + call.substring(call.indexOf(':') + 1) + ")");
                } catch (PythonException e) {
                    said = e.getMessage();
                }
                assertEquals(first == null ? said : first, said, call);
                first = said;
            }
        }
    }

    /** What a reference makes of methods, in an order of our own. */
    private static Callbacks.Function bound(Object receiver, List<Method> methods, String name) throws ReflectiveOperationException {
        Class<?> several = Class.forName(Functional.class.getName() + "$Methods");
        Constructor<?> constructor = several.getDeclaredConstructor(List.class, String.class, Conversion.class);
        constructor.setAccessible(true);
        Method bind = Functional.class.getDeclaredMethod("bound", Object.class, several, PythonExposure.class);
        bind.setAccessible(true);
        return (Callbacks.Function) bind.invoke(null, receiver, constructor.newInstance(methods, name, Conversion.PLAIN), PythonExposure.none());
    }

    @Test
    void aVariableNumberIsAnArrayToo() {
        open(new Choice());
        set("array", new int[] {1, 2, 3});
        set("list", new ArrayList<>(List.of(4, 5)));
        run("import array as arrays");
        check("c.sum() == 0 and c.sum(1, 2) == 3 and c.sum([1, 2]) == 3 and c.sum((1, 2)) == 3 and c.sum(range(4)) == 6",
                "c.sum(array) == 6 and c.sum(list) == 9 and c.sum(arrays.array('i', [1, 2])) == 3 and c.sum(*[1, 2]) == 3",
                "c.join('a') == 'a[]' and c.join('a', 1, 'b') == 'a[1, b]' and c.join('a', [1, 2]) == 'a[1, 2]' and c.join('a', 'bc') == 'a[bc]'",
                "c.join('a', [1], 2) == 'a[[1], 2]'", "c.rows([1, 2]) == 1 and c.rows([[1], [2]]) == 2 and c.rows([1], [2], [3]) == 3 and c.rows(array) == 1");
        fails("[1]: str 'x' is not an int", "c.sum(1, 'x')");
        if (Expect.truth("__import__('importlib.util').util.find_spec('numpy') is not None")) {
            run("import numpy as np");
            check("c.sum(np.array([1, 2, 3])) == 6 and c.sum(np.arange(3, dtype='int16')) == 3 and c.sum(np.int64(4), 5) == 9");
        }
    }

    @Test
    void aMethodOfJavaIsAFunctionForJava() {
        open(new Choice());
        set("b", new Bean(), Bean.class);
        assertEquals("Callable", Expect.text("c.run(b.getName)"));
    }

    interface Url {
        String getURL();

        boolean isEOF();

        String from();

        void setURL(String url);
    }

    @Test
    void proxiesFindTheSameNames() {
        for (String attributes : List.of("url, eof, from_ = 'u', True, 'f'", "URL, EOF, from_ = 'u', True, 'f'",
                "get_url, is_eof, from_ = (lambda self: 'u'), (lambda self: True), (lambda self: 'f')",
                "getURL, isEOF, from_ = (lambda self: 'u'), (lambda self: True), 'f'")) {
            run("class P:", "    " + attributes, "p = P()");
            Url url = Python.eval("p").asInterface(Url.class);
            assertEquals("u", url.getURL(), attributes);
            assertTrue(url.isEOF(), attributes);
            assertEquals("f", url.from(), attributes);
        }
        Url url = Python.eval("type('Q', (), {'url': 'old'})()").asInterface(Url.class);
        url.setURL("new");
        assertEquals("new", url.getURL());
    }
}
