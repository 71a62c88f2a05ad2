// SPDX-License-Identifier: Apache-2.0
// Tables of pandas, polars and pyarrow as Java's records, and the way back. Each check throws where it fails, by a seed
// where values are random. Run by ExamplesTest, in a JVM that has the three.
package org.nd4j.python4j.examples;

import java.math.BigDecimal;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.nd4j.python4j.Python;
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.PythonExecutioner;
import org.nd4j.python4j.PythonGIL;
import org.nd4j.python4j.PythonObject;
import org.nd4j.python4j.PythonTypeToken;

final class TableValues {
    private TableValues() {}

    enum Side { BUY, SELL }

    record Trade(long id, double price, String name, LocalDate day) {}

    record Point(int x, String label) {}

    record Every(long l, int i, short s, byte b, double d, float f, boolean z, String text, LocalDate day, LocalDateTime at, Instant instant,
            Duration span, BigDecimal amount, Side side, Point point, List<Integer> list, Optional<Long> maybe, Double box) {}

    record Columns(long[] id, double[] price, String[] name, LocalDate[] day) {}

    record Mixed(String name, Object value) {}

    record Times(LocalDateTime naive, Instant aware, Duration span) {}

    record Boxed(Long id) {}

    record Whole(long id) {}

    private static final String[] LIBRARIES = {"pandas.DataFrame(c)", "pandas.DataFrame.from_arrow(c)", "polars.DataFrame(c)", "pyarrow.table(c)"};

    /** Ways to have the same rows in another form. */
    private static final String[] FORMS = {"pandas.DataFrame(c).astype({'name': object})", "pandas.DataFrame(c).astype({'name': 'category'})",
        "pandas.DataFrame(c).convert_dtypes(dtype_backend='pyarrow')", "pandas.DataFrame(c).convert_dtypes()",
        "pandas.concat([pandas.DataFrame(c)] * 2).iloc[len(c['id']):]", "polars.concat([polars.DataFrame(c)] * 2)[len(c['id']):]",
        "polars.DataFrame(c).with_columns(polars.col('name').cast(polars.Categorical))", "pyarrow.concat_tables([pyarrow.table(c)] * 2).slice(len(c['id']))",
        "pyarrow.table(c).to_reader(max_chunksize=3)", "pyarrow.table(c).cast(pyarrow.schema({'id': 'uint32', 'price': 'double', 'name': 'large_string', 'day': 'timestamp[ms]'}))",
        "pyarrow.table(c).set_column(2, 'name', pyarrow.table(c)['name'].dictionary_encode())", "Interchange(pandas.DataFrame(c))"};

    private static void equal(Object expected, Object found, String what) {
        if (!expected.equals(found)) {
            throw new AssertionError(what + ": expected " + expected + ", found " + found);
        }
    }

    private static void refused(String expression, Class<?> type, String message) {
        try {
            throw new AssertionError(expression + ": " + Python.eval(expression).toList(type));
        } catch (PythonException e) {
            equal(message, e.getMessage(), expression);
        }
    }

    public static void main(String[] arguments) {
        try (PythonGIL gil = PythonGIL.lock()) {
            PythonExecutioner.exec(String.join("\n", "import datetime, decimal, numpy, pandas, polars, pyarrow", "class Interchange:",
                    "    def __init__(self, frame): self.frame = frame",
                    "    def __dataframe__(self, nan_as_null=False, allow_copy=True): return pyarrow.Table.from_pandas(self.frame).__dataframe__()"));
            for (int seed = 1; seed <= 4; seed++) {
                trades(new Random(seed));
                every(new Random(seed));
            }
            known();
        }
        System.out.println("all as it should be");
    }

    private static void trades(Random random) {
        List<Trade> trades = new ArrayList<>();
        for (int i = 1 + random.nextInt(50); i > 0; i--) {
            trades.add(new Trade(random.nextInt() & 0x7FFFFFFF, random.nextGaussian(), "n\u00e4\uD83D\uDE00".substring(random.nextInt(3) % 2) + random.nextInt(5),
                    LocalDate.ofEpochDay(random.nextInt(20_000))));
        }
        PythonExecutioner.setVariable("c", Python.columns(trades, Trade.class));
        for (String form : concat(LIBRARIES, FORMS)) {
            equal(trades, Python.eval(form).toList(Trade.class), form);
            Columns columns = Python.eval(form).toJava(Columns.class);
            equal(trades.get(0), new Trade(columns.id()[0], columns.price()[0], columns.name()[0], columns.day()[0]), form);
        }
    }

    private static String[] concat(String[] a, String[] b) {
        String[] all = Arrays.copyOf(a, a.length + b.length);
        System.arraycopy(b, 0, all, a.length, b.length);
        return all;
    }

    private static void every(Random random) {
        List<Every> rows = new ArrayList<>();
        for (int i = random.nextInt(30); i >= 0; i--) {
            int nanos = random.nextInt(1000_000) * 1000;
            rows.add(new Every(random.nextLong(), random.nextInt(), (short) random.nextInt(), (byte) random.nextInt(), random.nextDouble(), random.nextFloat(),
                    random.nextBoolean(), or(random, "t" + random.nextInt(4)), or(random, LocalDate.ofEpochDay(random.nextInt(30_000))),
                    or(random, LocalDateTime.of(1990, 1, 2, 3, 4, 5, nanos)), or(random, Instant.ofEpochSecond(random.nextInt(), nanos)),
                    or(random, Duration.ofSeconds(random.nextInt(), nanos)), or(random, BigDecimal.valueOf(random.nextInt(), 2)), or(random, Side.values()[random.nextInt(2)]),
                    or(random, new Point(random.nextInt(), or(random, "p"))), or(random, Arrays.asList(1, null, random.nextInt())),
                    Optional.ofNullable(or(random, random.nextLong())), or(random, random.nextDouble())));
        }
        rows.add(rows.get(0));
        PythonExecutioner.setVariable("c", Python.columns(rows, Every.class));
        for (String library : List.of("polars.DataFrame(c)", "pyarrow.table(c)", "pyarrow.table(c).to_reader(max_chunksize=7)")) {
            equal(rows, Python.eval(library).toList(Every.class), library);
        }
    }

    private static <T> T or(Random random, T value) {
        return random.nextInt(6) == 0 ? null : value;
    }

    private static void known() {
        PythonExecutioner.exec("ns = pandas.to_datetime(['2024-01-02T03:04:05.123456789', None])\n"
                + "times = pandas.DataFrame({'naive': ns, 'aware': ns.tz_localize('Europe/Berlin'), 'span': ns - ns[0]})");
        List<Times> times = Python.eval("times").toList(Times.class);
        equal("Times[naive=2024-01-02T03:04:05.123456789, aware=2024-01-02T02:04:05.123456789Z, span=PT0S]", times.get(0).toString(), "times");
        equal("Times[naive=null, aware=null, span=null]", times.get(1).toString(), "times");
        equal("[1.5, NaN]", Arrays.toString(Python.eval("pandas.DataFrame({'x': [1.5, numpy.nan]})").toJava(new PythonTypeToken<Map<String, double[]>>() {}).get("x")), "NaN stays");
        equal("[Mixed[name=a, value=1], Mixed[name=null, value=b]]",
                Python.eval("pandas.DataFrame({'name': ['a', None], 'value': [1, 'b']}, dtype=object)").toList(Mixed.class).toString(), "objects");
        equal("[Boxed[id=1], Boxed[id=null]]", Python.eval("pandas.DataFrame({'id': pandas.array([1, None], dtype='Int64')})").toList(Boxed.class).toString(), "Int64");
        equal("[Boxed[id=3]]", Python.eval("polars.DataFrame({'id': [3]}).to_struct('s')").toList(Boxed.class).toString(), "a series of structs");
        equal("[Point[x=1, label=a]]", Python.eval("pyarrow.record_batch({'label': ['a'], 'x': pyarrow.array([1], pyarrow.int8())})").toList(Point.class).toString(), "a batch");
        refused("polars.DataFrame({'id': [1, None]})", Whole.class, "value, row 1, column 'id': None is not a long (record Whole). Ask for Long, or fill it in Python.");
        refused("pandas.DataFrame({'id': pandas.array([1, None], dtype='Int64')})", Whole.class, "value, row 1, column 'id': None is not a long (record Whole). Ask for Long, or fill it in Python.");
        refused("pandas.DataFrame({'id': [1.0, 2.5]})", Whole.class, "value, row 0, column 'id': float 1.0 is not a long (record Whole). Ask for double or BigDecimal, or use int() or round() in Python.");
        refused("polars.DataFrame({'id': polars.Series([2**63], dtype=polars.UInt64)})", Whole.class, "value, row 0, column 'id': int 9223372036854775808 is not a long (record Whole). It is out of range: ask for a wider type, such as long or BigInteger.");
        refused("pyarrow.table({'id': pyarrow.array([datetime.datetime(2024, 1, 2, 3)])}).rename_columns(['day']).append_column('id', [[1]]).append_column('price', [[1.0]]).append_column('name', [['a']])",
                Trade.class, "value, row 0, column 'day': java.time.LocalDateTime 2024-01-02T03:00 is not a LocalDate (record Trade). It is a time: ask for LocalDateTime.");
        // A stream is read once, and what its generator raises comes through.
        PythonExecutioner.exec("def batches():\n    yield pyarrow.record_batch({'id': [1]})\n    raise KeyError('half-way')\n"
                + "reader = pyarrow.RecordBatchReader.from_batches(pyarrow.schema({'id': 'int64'}), batches())");
        PythonObject reader = PythonExecutioner.getVariable("reader");
        try {
            throw new AssertionError(reader.toList(Whole.class));
        } catch (PythonException e) {
            equal(true, e.getMessage().contains("half-way"), e.getMessage());
        }
    }
}
