// SPDX-License-Identifier: Apache-2.0
// Values that one side has and the other one has not, and classes that refuse or fail: each is a PythonException with
// the way to the value and the cause. What converts: TypedConversionTest.
package org.nd4j.python4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.math.BigDecimal;
import java.net.URLClassLoader;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.MonthDay;
import java.time.OffsetDateTime;
import java.time.OffsetTime;
import java.time.Period;
import java.time.Year;
import java.time.YearMonth;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.util.Arrays;
import java.util.Calendar;
import java.util.Collections;
import java.util.Date;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

@ExtendWith(InPython.class)
class RefusalsTest {

    private static void run(String... lines) {
        PythonExecutioner.exec(String.join("\n", lines));
    }

    // ---- Decimals ----

    @Test
    void aDecimalThatBigDecimalLacksIsRefused() {
        run("from decimal import Decimal", "d = {}");
        for (String none : List.of("-0", "-0.00", "-0E+5", "NaN", "-NaN123", "sNaN", "Infinity", "-Infinity", "1E+2147483648", "1E-99999999999", "-0E-9999999999")) {
            String decimal = "Decimal('" + none + "')";
            Expect.failureWith("Could not convert value to java.math.BigDecimal: " + none, () -> Python.eval(decimal).toJava(BigDecimal.class));
            Expect.failureWith("value['a'][1]: Decimal " + none + " is not a BigDecimal", () -> Python.eval("{'a': [1, " + decimal + "]}")
                    .toJava(new PythonTypeToken<Map<String, List<BigDecimal>>>() {}));
            Expect.failureWith("Decimal('" + none + "') has no counterpart in Java's BigDecimal", () -> Python.eval("[" + decimal + "]").toList());
            assertInstanceOf(PythonObject.class, Python.eval(decimal).toJava(Object.class));
        }
        Expect.failureWith("A BigDecimal has no negative zero: use abs() in Python", () -> Python.eval("Decimal('-0.0')").toJava(BigDecimal.class));
        Expect.failureWith("A BigDecimal has no negative zero: use abs() in Python", () -> Python.eval("-0.0").toJava(BigDecimal.class));
        Expect.failureWith("Its exponent is beyond those of Java's BigDecimal", () -> Python.eval("Decimal('1E+2147483648')").toJava(BigDecimal.class));
        for (String there : List.of("0", "0.00", "0E+5", "1E+999999999", "-1E-999999999", "-5.10", "0E-7")) {
            assertEquals(new BigDecimal(there), Python.eval("Decimal('" + there + "')").toJava(BigDecimal.class));
            assertEquals(new BigDecimal(there), Python.eval("[Decimal('" + there + "')]").toList().get(0));
        }
        double[] doubles = Python.eval("[Decimal('-0'), Decimal('NaN'), Decimal('-Infinity'), Decimal('0')]").toJava(double[].class);
        assertEquals("[-0.0, NaN, -Infinity, 0.0]", Arrays.toString(doubles));
        Expect.failureWith("Could not convert value to double: 1E+2147483646", () -> Python.eval("Decimal('1E+2147483646')").toJava(double.class));
        assertEquals("1E+2147483647", Python.of(BigDecimal.ONE.scaleByPowerOfTen(Integer.MAX_VALUE)).toString());
    }

    // ---- ints ----

    @Test
    void anIntThatBigIntegerLacksIsRefused() {
        for (String large : List.of("1 << 2**31 - 1", "-(1 << 2**31)", "[1, 1 << 2**31 - 1]")) {
            Expect.failureWith("larger than Java's BigInteger takes", () -> Python.eval(large).toJava(Object.class));
        }
        assertEquals(1L, Python.eval("(1 << 2**31) >> 2**31").toLong());
    }

    // ---- times ----

    /** Each class of times at its ends: a text that says what Python lacks, never an error of Python's own. */
    @Test
    void timesBeyondPythonsAreRefusedByName() {
        Map<Object, String> none = new LinkedHashMap<>();
        String years = "Python's dates and times have the years 1 to 9999, and so no ";
        none.put(LocalDate.MIN, years + "-999999999-01-01");
        none.put(LocalDate.MAX, years + "+999999999-12-31");
        none.put(LocalDate.of(0, 12, 31), years + "0000-12-31");
        none.put(LocalDate.of(10000, 1, 1), years + "+10000-01-01");
        none.put(LocalDateTime.MIN, years);
        none.put(LocalDateTime.MAX, years);
        none.put(Instant.MIN, years);
        none.put(Instant.MAX, years);
        none.put(OffsetDateTime.MIN, years);
        none.put(OffsetDateTime.MAX, years);
        none.put(ZonedDateTime.of(LocalDateTime.MAX, ZoneOffset.UTC), years);
        none.put(ZonedDateTime.of(10000, 1, 1, 0, 0, 0, 0, ZoneId.of("Europe/Berlin")), years);
        none.put(new Date(Long.MAX_VALUE), years);
        none.put(new Date(Long.MIN_VALUE), years);
        none.put(new java.sql.Timestamp(Long.MAX_VALUE), years);
        none.put(new java.sql.Date(Long.MAX_VALUE), years);
        Calendar calendar = Calendar.getInstance();
        calendar.setTimeInMillis(Long.MAX_VALUE);
        none.put(calendar, years);
        String days = "Python's timedelta has 999999999 days at most, and so no ";
        none.put(Duration.ofSeconds(Long.MAX_VALUE), days + "PT2562047788015215H30M7S");
        none.put(Duration.ofSeconds(Long.MIN_VALUE), days);
        none.put(Duration.ofDays(1_000_000_000), days);
        none.put(Duration.ofDays(-999_999_999).minusNanos(1), days);
        none.forEach((value, text) -> {
            Expect.failureWith(text, () -> Python.of(value));
            Expect.failureWith(text, () -> Python.of(List.of(Collections.singletonMap("k", value))));
            PythonExecutioner.setVariable("l", Python.reference(Collections.singletonList(value)));
            Expect.failureWith(text, () -> Python.eval("l[0]"));
        });
        for (Object there : Arrays.asList(LocalDate.of(1, 1, 1), LocalDate.of(9999, 12, 31), LocalDateTime.of(9999, 12, 31, 23, 59, 59, 999_999_000),
                Duration.ofDays(999_999_999).plusSeconds(86399), Duration.ofDays(-999_999_999), LocalTime.MIN, OffsetTime.of(0, 0, 0, 0, ZoneOffset.MAX),
                OffsetDateTime.of(9999, 12, 31, 23, 0, 0, 0, ZoneOffset.MIN), OffsetDateTime.of(1, 1, 1, 0, 0, 0, 0, ZoneOffset.MAX), Year.of(Year.MAX_VALUE), Year.of(Year.MIN_VALUE),
                YearMonth.of(Year.MAX_VALUE, 12), MonthDay.of(2, 29), Period.of(Integer.MAX_VALUE, Integer.MIN_VALUE, 0), ZoneOffset.MIN, ZoneOffset.MAX)) {
            assertEquals(there, Python.of(there).toJava(there.getClass()), there::toString);
        }
        for (ZoneId zone : List.of(ZoneId.of("Europe/Berlin"), ZoneId.of("America/New_York"))) {
            for (int year : new int[] {1, 9999}) {
                ZonedDateTime edge = ZonedDateTime.of(year, year == 1 ? 1 : 12, year == 1 ? 1 : 31, 12, 0, 0, 0, zone);
                assertEquals(edge.toLocalDateTime(), Python.of(edge).toJava(ZonedDateTime.class).toLocalDateTime());
            }
        }
    }

    // ---- classes that refuse, and classes that fail ----

    private static final String CLASSES = "package made; import java.util.*; public interface Refusing {"
            + " record Positive(int n) { public Positive { if (n <= 0) throw new IllegalArgumentException(\"not positive: \" + n); } }"
            + " record Open(List<Positive> all) { public Open { if (all.size() > 2) throw new IllegalStateException(\"closed\"); } }"
            + " record Failing(int n) { static final int BAD = Integer.parseInt(\"x\"); }"
            + " record Errs(int n) { public Errs { if (n > 0) throw new AssertionError(\"asserted\"); } }"
            + " enum Bad { A; static { if (true) throw new IllegalStateException(\"no \" + \"start\"); } }"
            + " class Own<T> extends ArrayList<T> { public Own() { throw new UnsupportedOperationException(\"closed\"); } }"
            + " class Sorted<T> extends TreeSet<T> { static final int BAD = Integer.parseInt(\"y\"); public Sorted() {} }"
            + " class Hidden<T> extends ArrayList<T> { Hidden(int n) {} }"
            + " record All(Map<String, Open> opens, List<Failing> failing, Bad[] bad, Own<String> own, Sorted<String> sorted, Hidden<Integer> hidden, Errs errs) {}"
            + " class User { public int take(Positive p) { return p.n(); } public int take(String text) { return -1; } public int one(Positive p) { return p.n(); } }"
            + "}";

    @Test
    void constructorsThatRefuseAreNamedWithTheWay(@TempDir Path folder) throws Exception {
        try (URLClassLoader loader = Compiled.records(folder, CLASSES)) {
            Class<?> all = loader.loadClass("made.Refusing$All");
            Class<?> open = loader.loadClass("made.Refusing$Open");
            run("ok = dict(opens={}, failing=[], bad=[], own=None, sorted=None, hidden=None, errs=None)");
            PythonException e = Expect.failureWith("value.opens['k'].all[1]: list [-1] is not a Positive (record Open). "
                    + "Its constructor failed: java.lang.IllegalArgumentException: not positive: -1",
                    () -> Python.eval("{**ok, 'opens': {'k': {'all': [(1,), (-1,)]}}}").toJava(all));
            assertInstanceOf(IllegalArgumentException.class, e.getCause());
            e = Expect.failureWith("Its constructor failed: java.lang.IllegalStateException: closed", () -> Python.eval("[[(1,), (2,), (3,)]]").toJava(open));
            assertSame(IllegalStateException.class, e.getCause().getClass());
            Expect.failureWith("value.errs: list [1] is not an Errs", () -> Python.eval("{**ok, 'errs': [1]}").toJava(all));
            Expect.failureWith("value.own: list ['a'] is not an Own", () -> Python.eval("{**ok, 'own': ['a']}").toJava(all));
            Expect.failureWith("java.lang.UnsupportedOperationException: closed", () -> Python.eval("{**ok, 'own': ['a']}").toJava(all));
            Expect.failureWith("value.hidden: list [1] is not a Hidden", () -> Python.eval("{**ok, 'hidden': [1]}").toJava(all));
            for (int i = 0; i < 2; i++) { // the JDK throws another error from the second time on
                Expect.failureWith("value.failing[0]: list [1] is not a Failing (record All). The class made.Refusing$Failing could not be initialized: java.lang.",
                        () -> Python.eval("{**ok, 'failing': [[1]]}").toJava(all));
                Expect.failureWith("value.bad[0]: str 'A' is not a Bad", () -> Python.eval("{**ok, 'bad': ['A']}").toJava(all));
                Expect.failureWith("value.sorted: list ['a'] is not a Sorted", () -> Python.eval("{**ok, 'sorted': ['a']}").toJava(all));
            }
            if (Runtime.version().feature() >= 17) {
                try (URLClassLoader sealed = Compiled.records(folder, "package made; public sealed interface Closed permits Closed.One { record One(int a) implements Closed {} }")) {
                    Class<?> closed = sealed.loadClass("made.Closed");
                    Expect.failureWith("Could not convert value to made.Closed: {'a': 1}", () -> Python.eval("{'a': 1}").toJava(closed));
                    Expect.failureWith("A Python object cannot be a made.Closed: that interface is sealed.", () -> Python.eval("5").asInterface(closed));
                }
            }
            Class<?> user = loader.loadClass("made.Refusing$User");
            PythonExecutioner.setVariable("u", Python.reference(user.getConstructor().newInstance(), PythonExposure.none().allow(user)));
            assertTrue(Expect.truth("u.one([3]) == 3 and u.take([3]) == 3 and u.take('x') == -1"));
            Expect.failureWith("TypeError: one(): Could not convert value to made.Refusing$Positive: [0]. Its constructor failed", () -> Python.eval("u.one([0])"));
        }
    }

    /** A class of the program's, as a bean or a data class of Kotlin's is. */
    public static final class Bean {}

    @Test
    void aClassThatNoValueBecomesAndACoroutineSayWhatToDo() {
        String ask = ". Python's values do not become this class: ask for a record, an interface that is not sealed, or a Map.";
        Expect.failure("Could not convert value to " + Bean.class.getName() + ": {'a': 1}" + ask, () -> Python.eval("{'a': 1}").toJava(Bean.class));
        Expect.failure("value[0]: dict {'a': 1} is not a Bean" + ask, () -> Python.eval("[{'a': 1}]").toList(Bean.class));
        Expect.failure("Could not convert value to java.lang.CharSequence: 5", () -> Python.eval("5").toJava(CharSequence.class));
        PythonExecutioner.exec("async def late(): return 5\ncoroutine = late()");
        assertTrue(Expect.failureWith("Could not convert value to long: <coroutine object late at ", () -> Python.eval("coroutine").toJava(long.class))
                .getMessage().endsWith(">. It is a coroutine: PythonAsync.submit awaits it, or its function."));
        PythonExecutioner.exec("coroutine.close()");
        String java = "Unable to find python type for java type: " + Bean.class;
        for (Object value : new Object[] {new Bean(), List.of(new Bean())}) {
            assertEquals("Hand over a record or a map of what it consists of; or the object itself, by Python.reference(); or register a PythonType.",
                    Expect.failure(java, () -> Python.of(value)).getCause().getMessage());
            assertEquals("Hand over Python.of(value), which takes records, dates, lambdas and more; or register a PythonType.",
                    Expect.failure(java, () -> PythonTypes.convert(List.of(value))).getCause().getMessage());
        }
    }
}
