// SPDX-License-Identifier: Apache-2.0
// The report of an exception that a worker process sends. The file raised.rs describes its fields; a
// PythonException is made from it.
package org.nd4j.python4j.pool;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.LongFunction;
import org.nd4j.python4j.internal.jni.Report;

/** A worker is not trusted: a report is used only if each field is what it has to be. */
final class Reports {

    private static final int FIELDS = Report.NOTES + 1;
    private static final int MOST_DEEP = 64; // raised.rs follows 16

    private Reports() {}

    /**
     * The report, with Java's own exceptions in it.
     *
     * @param held what the worker was given under a key
     * @throws RuntimeException if it is no report
     */
    static List<?> checked(Object value, LongFunction<Object> held) {
        return checked(value, held, 0);
    }

    private static List<?> checked(Object value, LongFunction<Object> held, int depth) {
        List<?> report = (List<?>) value;
        if (report.size() != FIELDS || depth > MOST_DEEP) {
            throw new ClassCastException("not a report");
        }
        List<Object> checked = new ArrayList<>(report);
        for (int text : new int[] {Report.MESSAGE, Report.CLASS, Report.MODULE, Report.TEXT, Report.KIND}) {
            text(report.get(text));
        }
        if (report.get(Report.EXCEPTION) != null) {
            text(report.get(Report.EXCEPTION));
        }
        List<?> frames = (List<?>) report.get(Report.FRAMES);
        for (int i = 0; i < frames.size(); i++) {
            if (i % 3 == 2) {
                Long.class.cast(frames.get(i));
            } else {
                text(frames.get(i));
            }
        }
        checked.set(Report.DETAIL, detail((String) report.get(Report.KIND), report.get(Report.DETAIL), held));
        if (report.get(Report.CAUSE) != null) {
            checked.set(Report.CAUSE, checked(report.get(Report.CAUSE), held, depth + 1));
        }
        List<Object> suppressed = new ArrayList<>();
        for (Object member : (List<?>) report.get(Report.SUPPRESSED)) {
            suppressed.add(checked(member, held, depth + 1));
        }
        checked.set(Report.SUPPRESSED, suppressed);
        ((List<?>) report.get(Report.NOTES)).forEach(Reports::text);
        return checked;
    }

    private static Object detail(String kind, Object detail, LongFunction<Object> held) {
        switch (kind) {
            case "java":
                Object thrown = held.apply((Long) detail);
                return thrown instanceof Throwable ? thrown : (Object) 0L; // a key that no exception has
            case "import":
                return detail == null ? null : text(detail);
            case "syntax":
                return detail == null || ((List<?>) detail).size() != 4 ? null : detail;
            case "exit":
                return detail;
            default:
                return null;
        }
    }

    private static String text(Object value) {
        return (String) Objects.requireNonNull(value, "not a report");
    }
}
