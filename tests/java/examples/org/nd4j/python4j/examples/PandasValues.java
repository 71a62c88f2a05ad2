// SPDX-License-Identifier: Apache-2.0
// What values of pandas are as Java's types, one line for each. Run by ExamplesTest, in a JVM that has pandas.
package org.nd4j.python4j.examples;

import java.lang.reflect.Array;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.ZonedDateTime;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import org.nd4j.python4j.Python;
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.PythonExecutioner;
import org.nd4j.python4j.PythonGIL;
import org.nd4j.python4j.PythonTypeToken;

final class PandasValues {
    private PandasValues() {}

    record Row(String name, int count, Double index, LocalDateTime at) {}

    private static void show(String expression, Class<?> type) {
        try {
            System.out.println(expression + ": " + shown(Python.eval(expression).toJava(type)));
        } catch (PythonException e) {
            System.out.println(expression + ": ! " + e.getMessage().lines().findFirst().orElseThrow());
        }
    }

    private static Object shown(Object value) {
        if (value != null && value.getClass().isArray()) {
            StringBuilder text = new StringBuilder();
            for (int i = 0; i < Array.getLength(value); i++) {
                text.append(i == 0 ? "" : " ").append(Array.get(value, i));
            }
            return text;
        }
        return value instanceof Collection || value instanceof Map ? value.getClass().getSimpleName() + " " + value : value;
    }

    public static void main(String[] arguments) {
        try (PythonGIL gil = PythonGIL.lock()) {
            PythonExecutioner.exec("import pandas as pd, numpy as np\n"
                    + "ns = pd.Timestamp('2024-01-02T03:04:05.123456789')\n"
                    + "df = pd.DataFrame({'name': ['a', 'b'], 'count': [1, 2], 'index': [0.5, np.nan], 'at': [ns, ns]})\n"
                    + "gap = pd.Series([1, None], dtype='Int64')");
            show("ns", LocalDateTime.class);
            show("ns.tz_localize('UTC')", Instant.class);
            show("ns.tz_localize('Europe/Berlin')", ZonedDateTime.class);
            show("ns", Instant.class);
            show("pd.Timedelta(5, 'ns')", Duration.class);
            show("pd.Timestamp.max", LocalDateTime.class);
            show("pd.NaT", LocalDateTime.class);
            show("pd.NA", double.class);
            show("df['count']", int[].class);
            show("df['count'].to_numpy()", long[].class);
            show("df['at']", LocalDateTime[].class);
            show("df['at'].to_numpy()", LocalDateTime[].class);
            show("gap", Long[].class);
            show("df['name']", String[].class);
            show("df['index']", double[].class);
            show("df.iloc[0]", Row.class);
            show("list(df.itertuples(index=False))[1]", Row.class);
            List<Row> rows = Python.eval("df.to_dict('records')").toJava(new PythonTypeToken<List<Row>>() {});
            System.out.println(rows);
            show("df.dtypes.to_dict()", Map.class);
        }
    }
}
