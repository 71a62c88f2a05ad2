// SPDX-License-Identifier: Apache-2.0
// Every scalar of Python and numpy as every scalar type of Java, at and around each limit, against a table
// that exact.py computes; arrays of numpy as Java's arrays; times with their whole range.
package org.nd4j.python4j.numpy;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.lang.reflect.Array;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.nd4j.python4j.Python;
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.PythonObject;
import org.nd4j.python4j.PythonExecutioner;

@ExtendWith(InPython.class)
class ExactnessTest {

    /** In the order of TARGETS in exact.py. */
    private static final List<Class<?>> TARGETS = Arrays.asList(byte.class, short.class, int.class, long.class, BigInteger.class,
            float.class, double.class, BigDecimal.class, Number.class, boolean.class, char.class, String.class);

    private static void rules() throws IOException {
        try (InputStream rules = ExactnessTest.class.getResourceAsStream("exact.py")) {
            PythonExecutioner.exec(new String(rules.readAllBytes(), StandardCharsets.UTF_8));
        }
    }

    private static String cell(String expression, Class<?> type) {
        try {
            return shown(Python.eval(expression).toJava(type));
        } catch (PythonException e) {
            assertEquals(PythonException.class, e.getClass());
            assertTrue(e.getMessage().matches("(?s)(Could not convert value to|Decimal\\('sNaN'\\)).+"), e.getMessage());
            return "refused";
        }
    }

    private static String shown(Object value) {
        if (value == null) {
            return "null";
        } else if (value instanceof Double) {
            return "Double " + (((Double) value).isNaN() ? "nan" : String.format("%016x", Double.doubleToRawLongBits((Double) value)));
        } else if (value instanceof Float) {
            return "Float " + (((Float) value).isNaN() ? "nan" : String.format("%08x", Float.floatToRawIntBits((Float) value)));
        } else if (value instanceof BigDecimal) {
            BigDecimal decimal = (BigDecimal) value;
            return "BigDecimal " + (decimal.signum() == 0 ? "0" : decimal.stripTrailingZeros().toPlainString());
        }
        return value.getClass().getSimpleName() + " " + value;
    }

    @Test
    void everyScalarAsEveryType() throws IOException {
        rules();
        List<String> wrong = new ArrayList<>();
        int cells = 0;
        for (Object row : Python.eval("table()").toList()) {
            List<?> texts = (List<?>) row;
            String expression = (String) texts.get(0);
            for (int i = 0; i < TARGETS.size(); i++) {
                String actual = cell(expression, TARGETS.get(i));
                if (!actual.equals(texts.get(i + 1))) {
                    wrong.add(expression + " as " + TARGETS.get(i).getSimpleName() + ": " + actual + " instead of " + texts.get(i + 1));
                }
                cells++;
            }
        }
        assertTrue(cells > 2500, cells + " cells");
        assertEquals("", String.join("\n", wrong));
    }

    @Test
    void theSameInsideOfContainers() throws IOException {
        rules();
        List<String> wrong = new ArrayList<>();
        for (Object row : Python.eval("table()").toList()) {
            List<?> texts = (List<?>) row;
            String expression = (String) texts.get(0);
            for (int i = 0; i < 8; i++) {
                Class<?> array = Array.newInstance(TARGETS.get(i), 0).getClass();
                String actual;
                try {
                    actual = shown(Array.get(Python.eval("[1, " + expression + "]").toJava(array), 1));
                } catch (PythonException e) {
                    actual = "refused";
                    assertTrue(e.getMessage().startsWith("value[1]: "), e.getMessage());
                }
                if (!actual.equals(texts.get(i + 1))) {
                    wrong.add(expression + " in " + array.getSimpleName() + ": " + actual + " instead of " + texts.get(i + 1));
                }
            }
        }
        assertEquals("", String.join("\n", wrong));
    }

    @Test
    void arraysOfEveryWidth() throws IOException {
        rules();
        for (Object row : Python.eval("arrays()").toList()) {
            List<?> texts = (List<?>) row;
            String expression = (String) texts.get(0);
            Class<?> component = TARGETS.stream().filter(each -> each.getSimpleName().equals(texts.get(1))).findAny().orElseThrow();
            String actual;
            try {
                Object array = Python.eval(expression).toJava(Array.newInstance(component, 0).getClass());
                List<Object> elements = new ArrayList<>();
                for (int i = 0; i < Array.getLength(array); i++) {
                    elements.add(Array.get(array, i));
                }
                actual = elements.toString();
            } catch (PythonException e) {
                actual = "refused";
                assertTrue(e.getMessage().startsWith("value["), e.getMessage());
            }
            assertEquals(texts.get(2), actual, expression + " as " + component + "[]");
        }
        assertArrayEquals(new int[][] {{1, 2}, {3, 4}}, Python.eval("np.array([[1, 3], [2, 4]]).T").toJava(int[][].class));
    }

    /** Images: bytes have no sign there, in Java's images as in numpy's. */
    @Test
    void arraysOfBytesKeepTheirBits() {
        Python.eval("globals().update(image=np.arange(24, dtype='u1').reshape(2, 4, 3) * 10)");
        byte[][][] image = (byte[][][]) java("image", byte[][][].class);
        assertEquals((byte) 230, image[1][3][2]);
        assertArrayEquals((byte[]) java("image.ravel()", byte[].class), (byte[]) java("image.tobytes()", byte[].class));
        assertArrayEquals(new byte[] {(byte) 230, (byte) 220}, (byte[]) java("image.ravel()[:21:-1]", byte[].class));
        assertArrayEquals(new byte[][] {{-56}, {-1}}, (byte[][]) java("[np.array([200], 'u1'), np.array([-1], 'i1')]", byte[][].class));
        assertArrayEquals(new int[] {200}, (int[]) java("np.array([200], 'u1')", int[].class));
        assertArrayEquals(new short[] {200}, (short[]) java("np.array([200], 'u1')", short[].class));
        assertArrayEquals(new short[] {-5536}, (short[]) java("np.array([60000], 'u2').view('i2')", short[].class));
        refused("value[0]: int 60000 is not a short. It is out of range", "np.array([60000], 'u2')", short[].class);
        refused("value[0]: int 200 is not a Byte", "np.array([200], 'u1')", Byte[].class);
        refused("value[0]: int 200 is not a byte", "np.array([200], 'u2')", byte[].class);
        refused("value[0]: int 200 is not a byte", "[200]", byte[].class);
    }

    /** With this module an array is an INDArray where any type will do; one that ND4J lacks is named, with the way to it. */
    @Test
    void arraysOfOtherTypesAsObjectsAreNamed() {
        for (String[] each : new String[][] {{"np.array([1, 'a'], object)", "object", "array.tolist()"},
            {"np.zeros(2, [('x', '<i4')])", "[('x', '<i4')]", "array['name']"}, {"np.array(['2024-01-01'], 'M8[D]')", "datetime64[D]", "array.view('int64')"},
            {"np.zeros(1, 'c16')", "complex128", "array.real"}}) {
            for (String dtypeOrWay : Arrays.asList(each[1], each[2])) {
                refused(dtypeOrWay, each[0], Object.class);
                refused(dtypeOrWay, "{'a': [1, " + each[0] + "]}", Object.class);
            }
            refused("value['a'][1]: ndarray ", "{'a': [1, " + each[0] + "]}", Object.class);
            refused("value[1]: ndarray ", "[1, " + each[0] + "]", List.class);
            refused("value['a'][0]: ndarray ", "{'a': (" + each[0] + ",)}", java.util.Map.class);
        }
    }

    private static void refused(String part, String expression, Class<?> type) {
        PythonException e = assertThrows(PythonException.class, () -> Python.eval(expression).toJava(type), expression);
        assertTrue(e.getMessage().contains(part), e.getMessage());
    }

    @Test
    void whatHasNoPlainTypeSaysSo() {
        refused("It is a numpy array of dtype object: give it a plain dtype in Python by astype(), or hand over tolist().", "np.array([1, 'a'], object)", int[].class);
        refused("It is a numpy array of dtype [('x', '<i4'), ('y', '<f8')]", "np.zeros(2, [('x', '<i4'), ('y', '<f8')])", double[].class);
        refused("take .real or .imag", "np.complex128(1)", double.class);
        refused("Could not convert value to int[]", "np.array(5)", int[].class);
        assertArrayEquals(new String[] {"a", "b"}, Python.eval("np.array(['a', 'b'], object)").toJava(String[].class));
        assertArrayEquals(new String[] {"a", "b"}, Python.eval("np.array(['a', 'b'])").toJava(String[].class));
        assertEquals(3, java("np.array(3)", int.class));
        assertEquals((byte) 1, java("np.array(True)", byte.class));
        assertEquals(1.5, java("np.array(1.5)", Number.class));
        assertEquals(0.5f, java("np.array(0.5, 'g')", float.class));
        refused("Could not convert value to int: 1.5", "np.array(1.5)", int.class);
        assertEquals(Arrays.asList("a", 1L), Python.eval("[np.str_('a'), np.int8(1)]").toJava(List.class));
    }

    private static Object java(String expression, Class<?> type) {
        return Python.eval(expression).toJava(type);
    }

    @Test
    void timesKeepTheirRangeAndTheirNanoseconds() {
        assertEquals(LocalDateTime.of(2024, 1, 1, 0, 0, 0, 123456789), java("np.datetime64('2024-01-01T00:00:00.123456789')", LocalDateTime.class));
        assertEquals(LocalDate.of(2024, 2, 29), java("np.datetime64('2024-02-29')", LocalDate.class));
        assertEquals(LocalDate.of(-4000, 3, 1), java("np.datetime64('-4000-03')", LocalDate.class));
        assertEquals(LocalDate.of(290000, 1, 1), java("np.datetime64('290000', 'Y')", LocalDate.class));
        assertEquals(LocalDateTime.of(300000, 1, 2, 3, 4, 5), java("np.datetime64('300000-01-02T03:04:05')", LocalDateTime.class));
        assertEquals(Instant.parse("1969-12-31T23:59:59.999999999Z"), java("np.datetime64(-1, 'ns')", Instant.class));
        assertEquals(LocalDateTime.of(1970, 1, 1, 0, 0, 0, 25), java("np.datetime64(1, '25ns')", LocalDateTime.class));
        assertEquals(Duration.ofSeconds(10_000_000_000_000L), java("np.timedelta64(10**13, 's')", Duration.class));
        assertEquals(Duration.ofNanos(-1), java("np.timedelta64(-1, 'ns')", Duration.class));
        assertEquals(Duration.ofDays(14), java("np.timedelta64(2, 'W')", Duration.class));
        assertEquals(Duration.ofNanos(2), java("np.timedelta64(2000, 'ps')", Duration.class));
        refused("more exact than a nanosecond", "np.timedelta64(1, 'ps')", Duration.class);
        refused("no fixed length", "np.timedelta64(1, 'M')", Duration.class);
        refused("Could not convert value to java.time.LocalDateTime", "np.datetime64(2**62, 's')", LocalDateTime.class);
        refused("Could not convert value to java.time.LocalDate", "np.datetime64(2**62, 'Y')", LocalDate.class);
        refused("Could not convert value to java.time.Duration", "np.timedelta64(2**62, 'W')", Duration.class);
        refused("It is a time: use astype('datetime64[D]')", "np.datetime64('2024-01-01T00:00')", LocalDate.class);
        refused("Put None in the place of NaT", "np.datetime64('NaT')", LocalDateTime.class);
        refused("Put None in the place of NaT", "np.timedelta64('NaT', 's')", Duration.class);
        assertArrayEquals(new LocalDate[] {LocalDate.of(2024, 1, 1), LocalDate.of(1969, 12, 31)},
                (LocalDate[]) java("np.array(['2024-01-01', '1969-12-31'], 'M8[D]')", LocalDate[].class));
        assertArrayEquals(new LocalDateTime[] {LocalDateTime.of(2024, 1, 1, 0, 0, 0, 1)},
                (LocalDateTime[]) java("np.array(['2024-01-01T00:00:00.000000001'], '>M8[ns]')", LocalDateTime[].class));
        assertArrayEquals(new Instant[] {Instant.EPOCH}, (Instant[]) java("np.array([0], 'M8[ms]')", Instant[].class));
        assertArrayEquals(new LocalDate[][] {{LocalDate.EPOCH}}, (LocalDate[][]) java("np.array([['1970-01-01']], 'M8[D]')", LocalDate[][].class));
        refused("Put None in the place of NaT", "np.array(['NaT'], 'M8[D]')", LocalDate[].class);
        refused("value[0]: datetime64 2024-01-01T00:00 is not a LocalDate. It is a time", "np.array(['2024-01-01T00:00'], 'M8[m]')", LocalDate[].class);
        refused("value[0]: datetime64 2024-01-01 is not an int", "np.array(['2024-01-01'], 'M8[D]')", int[].class);
        Object day = ((Object[]) java("np.array(['2024-01-01'], 'M8[D]')", Object[].class))[0];
        assertEquals(LocalDate.of(2024, 1, 1), ((PythonObject) day).toJava(LocalDate.class));
    }

    /** Arrays whose memory is as Java has it are copied; all others are read by their elements. */
    @Test
    void arraysOfOneDimensionAreExact() throws IOException {
        rules();
        PythonExecutioner.exec("n = np.arange(-5, 1000)");
        for (String type : new String[] {"i8", "i4", "i2", ">i8", "f8"}) {
            String array = "n.astype('" + type + "')";
            double[] doubles = (double[]) java(array, double[].class);
            assertEquals(1005, doubles.length);
            assertEquals(999.0, doubles[1004]);
            if (!type.equals("f8")) {
                assertEquals(999L, ((long[]) java(array, long[].class))[1004]);
                assertEquals(-5, ((int[]) java(array, int[].class))[0]);
                assertEquals((short) 999, ((short[]) java(array, short[].class))[1004]);
            }
        }
        assertArrayEquals(new float[] {0.5f, 1.5f}, (float[]) java("np.array([0.5, 1.5], 'f4')", float[].class));
        assertArrayEquals(new boolean[] {true, false}, (boolean[]) java("np.array([True, False])", boolean[].class));
        assertArrayEquals(new double[] {4, 2}, (double[]) java("np.arange(6.)[4:1:-2]", double[].class));
        assertArrayEquals(new double[0], (double[]) java("np.zeros(0)", double[].class));
        assertArrayEquals(new double[][] {{0, 1}, {2, 3}}, (double[][]) java("np.arange(4.).reshape(2, 2)", double[][].class));
        refused("value[0]: int 4294967296 is not an int", "np.array([2**32])", int[].class);
        refused("value[0]: float 0.0 is not a long", "np.array([0, 0.5])", long[].class);
        refused("value[0]: None is not a double", "np.ma.masked_array([1.5], [True])", double[].class);
    }

    @Test
    void whatIsMaskedIsNoValue() {
        String advice = "Put None in the place of masked values in Python.";
        for (String masked : new String[] {"np.ma.masked", "np.ma.array(5, mask=True)", "np.ma.array(5.5, mask=True)"}) {
            refused(advice, masked, double.class);
        }
        refused(advice, "np.ma.array(np.datetime64('2020-01-01'), mask=True)", LocalDate.class);
        refused(advice, "np.ma.array(['2020-01-01', '2020-01-02'], 'M8[D]', mask=[0, 1])", LocalDate[].class);
        assertEquals(5, java("np.ma.array(5, mask=False)", int.class));
    }

    @Test
    void anArrayOfOtherDimensionsOrOfMoreThanJavaTakesIsRefused() {
        refused("value[0]: int 0 is not a byte[]", "np.arange(3, dtype='i1')", byte[][].class);
        refused("value[0][0]: int 0 is not a byte[]", "np.zeros((2, 2), 'u1')", byte[][][].class);
        refused("No Java array has 1000000000000 elements: take slices in Python.", "np.broadcast_to(np.int32(1), 10**12)", int[].class);
    }
}
