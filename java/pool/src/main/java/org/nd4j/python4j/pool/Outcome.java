// SPDX-License-Identifier: Apache-2.0
// The outcome of a call, which the thread that uses the worker passes to the thread that waits.
package org.nd4j.python4j.pool;

import java.util.List;
import org.nd4j.python4j.internal.Access;
import org.nd4j.python4j.internal.jni.Report;
import org.nd4j.python4j.internal.monitor.Errors;

/** A value, the report of a Python exception, or another failure. */
final class Outcome<R> {

    private final Call<R> call;
    private final Object read;
    private final List<?> report;
    private final Throwable failure;

    private Outcome(Call<R> call, Object read, List<?> report, Throwable failure) {
        this.call = call;
        this.read = read;
        this.report = report;
        this.failure = failure;
    }

    static <R> Outcome<R> of(Call<R> call, Object read) {
        return new Outcome<>(call, read, null, null);
    }

    static <R> Outcome<R> raised(List<?> report) {
        Errors.raised((String) report.get(Report.CLASS));
        return new Outcome<>(null, null, report, null);
    }

    static <R> Outcome<R> failed(Throwable failure) {
        return new Outcome<>(null, null, null, failure);
    }

    /** The result, for the caller; what is to be thrown is thrown here, so that it shows where that was. */
    R get() {
        if (call != null) {
            return call.result(read);
        }
        throw Outcome.<RuntimeException>sneaky(thrown());
    }

    /** What is to be thrown, null if nothing is. */
    Throwable thrown() {
        return report != null ? Access.get().made(report) : failure;
    }

    /** An exception of Java's comes back through Python as it is, a checked one too. */
    @SuppressWarnings("unchecked")
    private static <E extends Throwable> E sneaky(Throwable thrown) throws E {
        throw (E) thrown;
    }
}
