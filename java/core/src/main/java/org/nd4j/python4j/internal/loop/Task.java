// SPDX-License-Identifier: Apache-2.0
// A submitted coroutine, as the future of its result. Completing the future from outside cancels the task.
package org.nd4j.python4j.internal.loop;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.PythonObject;
import org.nd4j.python4j.internal.Access;
import org.nd4j.python4j.internal.jni.Messages;

/** The result of a task of an event loop. */
public final class Task<T> extends LoopFuture<T> implements Loop.Receiver {

    private final Result result;
    private long number;
    @SuppressWarnings("unused") // it keeps them until the loop has taken them
    private List<PythonObject> lent;

    private Task(Loop loop, Result result) {
        super(loop);
        this.result = result;
    }

    /**
     * Calls a function on the loop's thread and awaits its result, or awaits an awaitable that is not a function.
     *
     * @param function a {@code PythonObject}, or the name of a function as a String
     */
    public static <T> CompletableFuture<T> submit(Loop loop, Result result, Duration limit, Object function, Object... arguments) {
        Object[] message = new Object[4 + arguments.length];
        Task<T> task = new Task<>(loop, result);
        task.number = loop.register(task);
        message[0] = function instanceof String ? Messages.CALL : Messages.SUBMIT;
        message[1] = task.number;
        message[2] = result.mode;
        message[3] = function;
        System.arraycopy(arguments, 0, message, 4, arguments.length);
        return task.begin(limit, message);
    }

    /** Runs a text in the loop's namespace. @param how {@code exec} or {@code eval} */
    public static <T> CompletableFuture<T> run(Loop loop, Result result, Duration limit, String text, String how) {
        Task<T> task = new Task<>(loop, result);
        task.number = loop.register(task);
        return task.begin(limit, Messages.RUN, task.number, result.mode, text, how);
    }

    private CompletableFuture<T> begin(Duration limit, Object... message) {
        lent = loop.request(number, message);
        if (limit != null) {
            CompletableFuture<Void> timer = new CompletableFuture<Void>().completeOnTimeout(null, nanos(limit), TimeUnit.NANOSECONDS);
            timer.thenRun(() -> completeExceptionally(Access.get().timeout("The task did not end within " + limit + ".")));
            whenComplete((value, thrown) -> timer.cancel(false));
        }
        return this;
    }

    private static long nanos(Duration limit) {
        try {
            return Math.max(0, limit.toNanos());
        } catch (ArithmeticException e) {
            return limit.isNegative() ? 0 : Long.MAX_VALUE;
        }
    }

    // ---- from the loop ----

    @Override
    @SuppressWarnings("unchecked") // the result's type is the caller's
    public void value(Object raw) {
        T value;
        try {
            value = (T) result.convert(raw);
        } catch (Throwable e) {
            failed(e);
            return;
        }
        super.complete(value);
    }

    @Override
    public void failed(Throwable why) {
        super.completeExceptionally(why);
    }

    @Override
    public void cancelled() {
        super.cancel(false);
    }

    // ---- from Java ----

    @Override
    public boolean cancel(boolean mayInterruptIfRunning) {
        return ended(super.cancel(mayInterruptIfRunning));
    }

    @Override
    public boolean complete(T value) {
        return ended(super.complete(value));
    }

    @Override
    public boolean completeExceptionally(Throwable thrown) {
        return ended(super.completeExceptionally(thrown));
    }

    private boolean ended(boolean now) {
        if (now) {
            loop.forget(number);
            try {
                loop.tell(Messages.CANCEL, number);
            } catch (PythonException e) {
                assert false : e; // there is nothing in it that could fail
            }
        }
        return now;
    }
}
