// SPDX-License-Identifier: Apache-2.0
// What programs inject: a call takes a turn, keeps to a time limit, releases its Python objects, and is counted.
// PythonLifecycle waits here for calls in progress when the application stops.
package org.nd4j.python4j.spring;

import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import org.nd4j.python4j.Python;
import org.nd4j.python4j.PythonDeadline;
import org.nd4j.python4j.PythonExecutioner;
import org.nd4j.python4j.PythonGC;
import org.nd4j.python4j.PythonGIL;
import org.nd4j.python4j.PythonObject;
import org.nd4j.python4j.PythonTypeToken;
import org.nd4j.python4j.PythonVariable;

/**
 * Calls Python from any thread, each call in a turn of its own. A call waits for its turn and has one time limit for
 * the wait and the work together. Python objects that are made within a call are released at its end.
 *
 * <pre>{@code
 * long parts = python.call(Long.class, "math:comb", 49, 6);
 * }</pre>
 *
 * <p>The bean of this type has the limit of the property {@code python4j.limit}. {@link #within} gives others. Code
 * runs in the current context, like that of {@link PythonExecutioner}, so names that it defines are there in later calls.
 */
public class PythonTemplate {

    private static final Pattern OF_MODULE = Pattern.compile("[\\p{L}_][\\p{L}\\p{N}_.]*:[\\p{L}_][\\p{L}\\p{N}_.]*");

    /**
     * What is done within a turn.
     *
     * @param <T> its result
     * @param <E> what it throws
     */
    @FunctionalInterface
    public interface Work<T, E extends Exception> {

        /** Does it. */
        T run() throws E;
    }

    private final Duration limit; // null for none
    private final Supplier<? extends Iterable<PythonCallListener>> listeners;
    private final InProgress inProgress;

    /** How many calls of a template, and of those with other limits, have not ended. */
    private static final class InProgress {
        private final ReentrantLock lock = new ReentrantLock();
        private final Condition none = lock.newCondition();
        private int count;

        void add(int calls) {
            lock.lock();
            try {
                count += calls;
                if (count == 0) {
                    none.signalAll();
                }
            } finally {
                lock.unlock();
            }
        }

        void awaitNone() throws InterruptedException {
            lock.lock();
            try {
                while (count > 0) {
                    none.await();
                }
            } finally {
                lock.unlock();
            }
        }
    }

    /**
     * A template.
     *
     * @param limit the time limit of each call; null for none
     * @param listeners are told of each call
     */
    public PythonTemplate(Duration limit, List<PythonCallListener> listeners) {
        this(limit, () -> listeners, new InProgress());
    }

    /** The same for listeners that are looked up when a call has ended, since they may use what uses this template. */
    PythonTemplate(Duration limit, Supplier<? extends Iterable<PythonCallListener>> listeners) {
        this(limit, listeners, new InProgress());
    }

    private PythonTemplate(Duration limit, Supplier<? extends Iterable<PythonCallListener>> listeners, InProgress inProgress) {
        this.limit = limit;
        this.listeners = listeners;
        this.inProgress = inProgress;
    }

    /** A template with another time limit for each call, from the moment when it begins to wait for its turn. */
    public PythonTemplate within(Duration limit) {
        return new PythonTemplate(Objects.requireNonNull(limit), listeners, inProgress);
    }

    /**
     * Calls a function.
     *
     * @param type the class of the result, which is converted as by {@link PythonObject#toJava(Class)}; {@code
     *     Object.class} for whatever fits
     * @param function {@code module:function}, where the module is imported if necessary; or an expression whose value
     *     is the function
     * @param arguments values that {@link Python#of} takes
     * @throws org.nd4j.python4j.PythonTimeout if the time is over
     * @throws org.nd4j.python4j.PythonException if the function raises, or a value has no counterpart
     */
    public <T> T call(Class<T> type, String function, Object... arguments) {
        return perform(function, () -> function(function).call(arguments).toJava(type));
    }

    /** The same for a type with arguments, such as {@code new PythonTypeToken<List<Order>>() {}}. */
    public <T> T call(PythonTypeToken<T> type, String function, Object... arguments) {
        return perform(function, () -> function(function).call(arguments).toJava(type));
    }

    /**
     * The value of an expression.
     *
     * @throws org.nd4j.python4j.PythonTimeout if the time is over
     * @throws org.nd4j.python4j.PythonException if the expression raises, or its value is not of that type
     */
    public <T> T eval(Class<T> type, String expression) {
        return perform("eval", () -> Python.eval(expression).toJava(type));
    }

    /**
     * Runs code.
     *
     * @throws org.nd4j.python4j.PythonTimeout if the time is over
     * @throws org.nd4j.python4j.PythonException if the code raises
     */
    public void exec(String code) {
        exec(code, null, null);
    }

    /**
     * Sets variables, runs code and reads variables, as {@link PythonExecutioner#exec(String, List, List)} does.
     *
     * @throws org.nd4j.python4j.PythonTimeout if the time is over
     * @throws org.nd4j.python4j.PythonException if the code raises, a value cannot be converted, or an output does not
     *     exist
     */
    @SuppressWarnings("rawtypes") // as in PythonExecutioner
    public void exec(String code, List<PythonVariable> inputs, List<PythonVariable> outputs) {
        perform("exec", () -> {
            PythonExecutioner.exec(code, inputs, outputs);
            return null;
        });
    }

    /**
     * Does several things within one turn. Python objects that are made meanwhile are released afterwards, unless {@link
     * PythonGC#keep} keeps them.
     *
     * @return what the work returns
     * @throws E what the work throws
     * @throws org.nd4j.python4j.PythonTimeout if the time is over
     */
    public <T, E extends Exception> T execute(Work<T, E> work) throws E {
        return perform("execute", work);
    }

    private static PythonObject function(String function) {
        if (!OF_MODULE.matcher(function).matches()) {
            return Python.eval(function);
        }
        int colon = function.indexOf(':');
        PythonObject found = Python.importModule(function.substring(0, colon));
        for (String name : function.substring(colon + 1).split("\\.")) {
            found = found.attr(name);
        }
        return found;
    }

    private <T, E extends Exception> T perform(String call, Work<T, E> work) throws E {
        long start = System.nanoTime();
        Throwable failure = null;
        inProgress.add(1);
        try (PythonGIL turn = limit == null ? PythonGIL.lock() : PythonGIL.lock(limit);
                PythonDeadline deadline = limit == null ? null : PythonDeadline.of(limit.minusNanos(System.nanoTime() - start));
                PythonGC frame = PythonGC.watch()) {
            return work.run();
        } catch (Throwable e) {
            failure = e;
            throw e;
        } finally {
            try {
                for (PythonCallListener listener : listeners.get()) {
                    listener.ended(call, Duration.ofNanos(System.nanoTime() - start), failure);
                }
            } finally {
                inProgress.add(-1);
            }
        }
    }

    /** Waits until no call is in progress. */
    void awaitIdle() throws InterruptedException {
        inProgress.awaitNone();
    }
}
