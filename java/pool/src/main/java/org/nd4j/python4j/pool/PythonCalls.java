// SPDX-License-Identifier: Apache-2.0
// The calls that workers can execute. A pool, a session of it, and both with a time limit implement this
// interface.
package org.nd4j.python4j.pool;

import java.time.Duration;
import java.util.Iterator;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.PythonType;
import org.nd4j.python4j.PythonVariable;

/**
 * Runs Python code and calls Python functions in worker processes. Any thread may call the methods. A virtual thread
 * does not block its carrier thread while it waits. No method needs a turn of {@code PythonGIL} or starts Python inside
 * this process.
 *
 * <p>Values and exceptions are the same as in {@code PythonExecutioner} and {@code PythonCallable}. Values of types
 * that are not built in cannot be passed, unless the type implements {@code toBuffer} and {@code ofBuffer}. {@code
 * PythonObject}s cannot be passed, because they belong to one process. The memory of arrays is shared ({@code
 * PythonBuffer.shared}). A Java function, for example a lambda, that is passed as an argument or a variable is a
 * function in the worker, which calls it back in this process. It runs on the thread that made the call. If that is a
 * virtual thread, or the call is asynchronous, it runs on a thread of the pool. Calls that the function makes to the
 * pool, asynchronous ones too, are executed at once by the worker that called the function.
 *
 * <p>An interrupt of a waiting thread, and {@code cancel} of a future, end the call in the same way as a time limit.
 * First an exception is raised in Python, so that its {@code finally} blocks run. If the call does not end within the
 * {@linkplain PythonPool.Builder#grace grace} time of the pool, the worker is killed. A Java function that runs at the
 * time limit is interrupted. If it does not return within the grace time, asynchronous calls and those of virtual threads
 * fail in spite of that. A platform thread that executes the function itself continues when the function returns.
 */
@SuppressWarnings("rawtypes") // as in PythonExecutioner, whose variables these are
public abstract class PythonCalls {

    private static final Duration LONGEST = Duration.ofDays(36500);

    PythonCalls() {}

    /** Does a call and waits for it. */
    abstract <R> R perform(Call<R> call);

    /** Does a call by another thread. */
    abstract <R> void submit(Task<R> task);

    private <R> Task<R> later(Call<R> call) {
        Task<R> task = Task.later(call);
        submit(task);
        return task;
    }

    private <R> Task<R> awaited(Call<R> call) {
        Task<R> task = Task.awaited(call);
        submit(task);
        return task;
    }

    /** The context of calls, empty for a namespace for each. */
    abstract String context();

    abstract Duration limit();

    /** How many calls may usefully be under way at once. */
    abstract int width();

    /**
     * Returns an object for the same calls with a time limit for each of them. The time begins when a worker starts the
     * call.
     */
    public PythonCalls within(Duration limit) {
        return new Within(this, countable(limit));
    }

    /** A time that can be counted in nanoseconds. */
    static Duration countable(Duration time) {
        return time.compareTo(LONGEST) < 0 ? time : LONGEST;
    }

    /**
     * Sets variables, runs code and reads variables, as {@code PythonExecutioner.exec} does. If the code fails, the outputs
     * keep their values. In a pool each call has its own namespace, which initially has the names that the preparation
     * of the pool defined. In a session the namespace is the current context.
     *
     * @param inputs the variables that are set before the code runs; null for none
     * @param outputs the variables that are read after the code has run, by name and type; null for none
     * @throws PythonException if the code fails, a value cannot be converted, an output does not exist, or no worker is
     *     available
     * @throws PythonWorkerLost if the worker ended before it answered
     */
    public void exec(String code, List<PythonVariable> inputs, List<PythonVariable> outputs) {
        perform(Call.exec(context(), code, inputs, outputs, limit()));
    }

    /**
     * Runs code.
     *
     * @throws PythonException as {@link #exec(String, List, List)}
     */
    public void exec(String code) {
        exec(code, null, null);
    }

    /**
     * Like {@link #exec(String, List, List)}, but asynchronous. The result of the future is the list of the outputs,
     * which are set when it is completed.
     */
    public CompletableFuture<List<PythonVariable>> execAsync(
            String code, List<PythonVariable> inputs, List<PythonVariable> outputs) {
        return later(Call.exec(context(), code, inputs, outputs, limit()));
    }

    /**
     * Calls a function with values that {@code PythonCallable.call} takes, or Java functions; null is None.
     *
     * @param function {@code module:function}, where the module is imported if necessary; or an expression whose value
     *     is the function, such as a name that the preparation of the pool defined, or a {@code lambda}
     * @return the result, converted to the Java type that fits its Python type; null for None
     * @throws PythonException if the function raises, a value has no counterpart in the other language, or no worker is
     *     available
     * @throws PythonWorkerLost if the worker ended before it answered
     */
    public Object call(String function, Object... arguments) {
        return perform(Call.call(context(), function, null, arguments, limit()));
    }

    /**
     * Calls a function and converts the result to a given type.
     *
     * @throws PythonException as {@link #call}, and if the result is not of that type
     */
    public <T> T callAs(PythonType<T> type, String function, Object... arguments) {
        return perform(Call.call(context(), function, Objects.requireNonNull(type), arguments, limit()));
    }

    /** Like {@link #call}, but asynchronous. */
    public CompletableFuture<Object> callAsync(String function, Object... arguments) {
        return later(Call.call(context(), function, null, arguments, limit()));
    }

    /** Like {@link #callAs}, but asynchronous. */
    public <T> CompletableFuture<T> callAsyncAs(PythonType<T> type, String function, Object... arguments) {
        return later(Call.call(context(), function, Objects.requireNonNull(type), arguments, limit()));
    }

    /**
     * Calls a function for each of the given values, several at the same time, and returns the results in the order of
     * the values. New values are taken as results are read, so that about two calls for each worker are in progress.
     * The first call that fails ends the stream with its exception. A program that does not read the stream to its end
     * has to close it.
     *
     * @param function the function, as in {@link #call}
     */
    public Stream<Object> map(String function, Iterable<?> values) {
        return map(null, function, values.iterator(), null);
    }

    /** Like {@link #map(String, Iterable)}, for the values of a stream, which one thread reads. */
    public Stream<Object> map(String function, Stream<?> values) {
        return map(null, function, values.iterator(), values);
    }

    /** Like {@link #map(String, Iterable)}, but converts the results to a given type. */
    public <T> Stream<T> mapAs(PythonType<T> type, String function, Iterable<?> values) {
        return map(Objects.requireNonNull(type), function, values.iterator(), null);
    }

    /** Like {@link #map(String, Stream)}, but converts the results to a given type. */
    public <T> Stream<T> mapAs(PythonType<T> type, String function, Stream<?> values) {
        return map(Objects.requireNonNull(type), function, values.iterator(), values);
    }

    private <T> Stream<T> map(PythonType<T> type, String function, Iterator<?> values, Stream<?> source) {
        Objects.requireNonNull(function);
        Results<T> results = new Results<>(
                values, value -> awaited(Call.call(context(), function, type, new Object[] {value}, limit())), 2 * width());
        return StreamSupport.stream(results, false).onClose(() -> {
            results.close();
            if (source != null) {
                source.close();
            }
        });
    }

    /** Others' calls with another limit. */
    private static final class Within extends PythonCalls {
        private final PythonCalls calls;
        private final Duration limit;

        Within(PythonCalls calls, Duration limit) {
            this.calls = calls;
            this.limit = limit;
        }

        @Override
        <R> R perform(Call<R> call) {
            return calls.perform(call);
        }

        @Override
        <R> void submit(Task<R> task) {
            calls.submit(task);
        }

        @Override
        String context() {
            return calls.context();
        }

        @Override
        Duration limit() {
            return limit;
        }

        @Override
        int width() {
            return calls.width();
        }
    }
}
