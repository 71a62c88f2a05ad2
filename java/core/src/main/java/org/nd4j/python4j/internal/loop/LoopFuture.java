// SPDX-License-Identifier: Apache-2.0
// A future of an event loop, and the futures that are derived from it. A thread that waits for it releases the
// GIL, because the loop needs it.
package org.nd4j.python4j.internal.loop;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.nd4j.python4j.internal.Access;

/** The future of a coroutine's result, or a future that is derived from it. */
class LoopFuture<T> extends CompletableFuture<T> {

    final Loop loop;

    LoopFuture(Loop loop) {
        this.loop = loop;
    }

    @Override
    public <U> CompletableFuture<U> newIncompleteFuture() {
        return new LoopFuture<>(loop);
    }

    @Override
    public T get() throws InterruptedException, ExecutionException {
        if (isDone()) {
            return super.get();
        }
        loop.refuseOwnThread();
        boolean given = Access.get().giveGil();
        try {
            return super.get();
        } finally {
            Access.get().takeGil(given);
        }
    }

    @Override
    public T get(long timeout, TimeUnit unit) throws InterruptedException, ExecutionException, TimeoutException {
        if (isDone()) {
            return super.get(timeout, unit);
        }
        boolean given = Access.get().giveGil();
        try {
            return super.get(timeout, unit);
        } finally {
            Access.get().takeGil(given);
        }
    }

    @Override
    public T join() {
        if (isDone()) {
            return super.join();
        }
        loop.refuseOwnThread();
        boolean given = Access.get().giveGil();
        try {
            return super.join();
        } finally {
            Access.get().takeGil(given);
        }
    }
}
