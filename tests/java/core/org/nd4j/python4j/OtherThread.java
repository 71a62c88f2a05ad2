// SPDX-License-Identifier: Apache-2.0
// A thread of its own for a part of a test, whose result and errors come back, and which never
// hangs the suite: whoever joins it waits for a limited time.
package org.nd4j.python4j;

import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

final class OtherThread<T> {
    private static final long SECONDS = Long.getLong("python4j.tests.seconds", 30);

    private final FutureTask<T> task;
    final Thread thread;

    private OtherThread(Callable<T> body) {
        task = new FutureTask<>(body);
        thread = new Thread(task, "other thread");
        thread.setDaemon(true);
        thread.start();
    }

    static <T> OtherThread<T> start(Callable<T> body) {
        return new OtherThread<>(body);
    }

    /** Runs the body in a new thread, which has ended when this returns. */
    static <T> T call(Callable<T> body) throws Exception {
        OtherThread<T> other = start(body);
        T result = other.join();
        other.thread.join(TimeUnit.SECONDS.toMillis(SECONDS));
        return result;
    }

    T join() throws Exception {
        try {
            return task.get(SECONDS, TimeUnit.SECONDS);
        } catch (ExecutionException e) {
            if (e.getCause() instanceof Error) {
                throw (Error) e.getCause();
            }
            throw (Exception) e.getCause();
        } catch (TimeoutException e) {
            AssertionError hang = new AssertionError("the other thread hangs");
            hang.setStackTrace(thread.getStackTrace());
            throw hang;
        }
    }

    boolean waits() {
        Thread.State state = thread.getState();
        return state == Thread.State.WAITING || state == Thread.State.TIMED_WAITING;
    }
}
