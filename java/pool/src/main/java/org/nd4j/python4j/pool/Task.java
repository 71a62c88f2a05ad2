// SPDX-License-Identifier: Apache-2.0
// A call that a thread of the pool executes. It is the future that the caller has, and it can be cancelled.
package org.nd4j.python4j.pool;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import org.nd4j.python4j.internal.Access;

/** A future whose {@code cancel} ends the call. */
final class Task<R> extends CompletableFuture<R> {

    final Call<R> call;
    private final CompletableFuture<Outcome<R>> outcome; // for a caller who waits at once; null for one who has the future
    private volatile Runnable withdraw;

    private Task(Call<R> call, CompletableFuture<Outcome<R>> outcome) {
        this.call = call;
        call.failed = failure -> done(Outcome.failed(failure));
        this.outcome = outcome;
    }

    /** For a caller who gets the future. */
    static <R> Task<R> later(Call<R> call) {
        return new Task<>(call, null);
    }

    /** For one who calls {@link #await}. */
    static <R> Task<R> awaited(Call<R> call) {
        return new Task<>(call, new CompletableFuture<>());
    }

    /** The call is over. */
    void done(Outcome<R> done) {
        if (outcome != null) {
            outcome.complete(done);
            return;
        }
        if (isDone()) {
            return; // cancelled
        }
        try {
            complete(done.get());
        } catch (Throwable e) {
            completeExceptionally(e);
        }
    }

    /** Waits for the result, also where the thread is interrupted: that ends the call. */
    R await() {
        boolean interrupted = false;
        try {
            while (true) {
                try {
                    return outcome.get().get();
                } catch (InterruptedException e) {
                    interrupted = true;
                    stop();
                } catch (ExecutionException e) {
                    throw new IllegalStateException(e); // an outcome is never a failure by itself
                }
            }
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    /** Says how to give up waiting for a worker. */
    void withdrawBy(Runnable action) {
        withdraw = action;
        if (call.cancelled) {
            action.run();
        }
    }

    private void stop() {
        call.cancelled = true;
        Runnable action = withdraw;
        if (action != null) {
            action.run();
        }
    }

    /** What a call ends with that was cancelled before it began. */
    void withdrawn() {
        done(Outcome.failed(Access.get().interrupted("The call was cancelled before a worker was free.")));
    }

    @Override
    public boolean cancel(boolean mayInterruptIfRunning) {
        boolean cancelled = super.cancel(mayInterruptIfRunning);
        if (cancelled) {
            stop();
        }
        return cancelled;
    }
}
