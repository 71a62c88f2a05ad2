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
 * Runs Python code and calls Python functions in worker processes. Any thread may use it, a virtual one, too, which keeps no
 * carrier thread while it waits. Nothing here needs a turn of {@code PythonGIL}, or starts Python inside this process.
 *
 * <p>Values are those of {@code PythonExecutioner} and {@code PythonCallable}, and so are the exceptions. Values of types
 * that are not built in do not cross, unless the type has {@code toBuffer} and {@code ofBuffer}, nor do {@code PythonObject}s: they belong to
 * one process. The memory of arrays is shared ({@code PythonBuffer.shared}). A Java function as an
 * argument or a variable, a lambda for instance, is a function in the worker, which calls it back here. It runs on the thread that made the call, or
 * on one of the pool's where that is a virtual thread or the call is an asynchronous one. What it asks of the pool
 * itself is done by the worker that called it.
 *
 * <p>An interrupt of a waiting thread, and {@code cancel} of a future, end the call as a time limit does:
 * first by an exception in Python, so that its {@code finally} blocks run, and if that is not the end of it within the pool's
 * {@linkplain PythonPool.Builder#grace grace}, by the end of the worker.
 */
@SuppressWarnings("rawtypes") // as in PythonExecutioner, whose variables these are
public abstract class PythonCalls {

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

    /** The same with a time limit for each call, from the moment when a worker begins with it. */
    public PythonCalls within(Duration limit) {
        return new Within(this, Objects.requireNonNull(limit));
    }

    /**
     * Sets variables, runs code and reads variables, as {@code PythonExecutioner.exec} does. If the code fails, the outputs
     * keep their values. In a pool each call has a namespace of its own, which begins with the names that the pool's
     * preparation defined; in a session it is the current context.
     *
     * @param inputs what to set before; null for nothing
     * @param outputs what to read afterwards, by name and type; null for nothing
     * @throws PythonException if the code fails, a value cannot be converted, an output's name is not there, or no worker can
     *     be had
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

    /** As {@link #exec(String, List, List)}, later. The future gives the outputs, which are set when it is completed. */
    public CompletableFuture<List<PythonVariable>> execAsync(
            String code, List<PythonVariable> inputs, List<PythonVariable> outputs) {
        return later(Call.exec(context(), code, inputs, outputs, limit()));
    }

    /**
     * Calls a function with values of any kind that {@code PythonCallable.call} takes, and Java functions; null is None.
     *
     * @param function {@code module:function}, where the module is imported if it was not yet, or an expression whose value
     *     is the function: a name that the pool's preparation defined, or a {@code lambda}
     * @return the result as a value of the Java type that fits it; null for None
     * @throws PythonException if it raises, a value has no counterpart on the other side, or no worker can be had
     * @throws PythonWorkerLost if the worker ended before it answered
     */
    public Object call(String function, Object... arguments) {
        return perform(Call.call(context(), function, null, arguments, limit()));
    }

    /**
     * Calls a function for a result of a certain type.
     *
     * @throws PythonException as {@link #call}, and if the result is not of that type
     */
    public <T> T callAs(PythonType<T> type, String function, Object... arguments) {
        return perform(Call.call(context(), function, Objects.requireNonNull(type), arguments, limit()));
    }

    /** As {@link #call}, later. */
    public CompletableFuture<Object> callAsync(String function, Object... arguments) {
        return later(Call.call(context(), function, null, arguments, limit()));
    }

    /** As {@link #callAs}, later. */
    public <T> CompletableFuture<T> callAsyncAs(PythonType<T> type, String function, Object... arguments) {
        return later(Call.call(context(), function, Objects.requireNonNull(type), arguments, limit()));
    }

    /**
     * Calls a function for each of some values, several at once, and gives the results in the order of the values. Values are taken
     * as results are: about two for each worker are under way. The first call that fails ends the stream, with its
     * exception. Close the stream if it is not read to its end.
     *
     * @param function as in {@link #call}
     */
    public Stream<Object> map(String function, Iterable<?> values) {
        return map(null, function, values.iterator(), null);
    }

    /** The same for values of a stream, which is read by one thread. */
    public Stream<Object> map(String function, Stream<?> values) {
        return map(null, function, values.iterator(), values);
    }

    /** The same for results of a certain type. */
    public <T> Stream<T> mapAs(PythonType<T> type, String function, Iterable<?> values) {
        return map(Objects.requireNonNull(type), function, values.iterator(), null);
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
