// SPDX-License-Identifier: Apache-2.0
// Java functions that workers call: what becomes of a call whose function does not return, and functions that use or close the
// pool, the session or another pool.
package org.nd4j.python4j.pool;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.lang.reflect.Method;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.PythonTimeout;

@Timeout(120)
class PoolCallbacksTest {

    private static final String CALLS = "lambda f: f()";
    private static final Duration LIMIT = Duration.ofMillis(200);

    private static PythonPool.Builder one() {
        return PythonPool.builder().workers(1).grace(LIMIT).output((worker, isError, line) -> {});
    }

    /** A function that waits, and ends by an interrupt. */
    private static final Supplier<Object> WAITS = () -> {
        try {
            new CountDownLatch(1).await();
            return null;
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    };

    /** A function that no interrupt ends. */
    private static Supplier<Object> until(CountDownLatch released) {
        return () -> {
            while (true) {
                try {
                    released.await();
                    return null;
                } catch (InterruptedException e) {
                    // goes on
                }
            }
        };
    }

    private static Throwable causeOf(CompletableFuture<?> future) {
        return assertThrows(ExecutionException.class, () -> future.get(60, TimeUnit.SECONDS)).getCause();
    }

    @Test
    void aFunctionIsInterruptedWhenTheTimeOfItsCallIsOver() throws Exception {
        try (PythonPool pool = one().build()) {
            long worker = (Long) pool.call("os:getpid");
            assertThrows(PythonTimeout.class, () -> pool.within(LIMIT).call(CALLS, WAITS));
            for (int i = 0; i < 50; i++) { // also if the time is over while Python reports what the function threw
                assertThrows(PythonTimeout.class, () -> pool.within(Duration.ofMillis(5)).call(CALLS, WAITS));
            }
            assertFalse(Thread.currentThread().isInterrupted());
            assertInstanceOf(PythonTimeout.class, causeOf(pool.within(LIMIT).callAsync(CALLS, WAITS)));
            // One that catches it and returns meets the end of the time in Python.
            Supplier<Object> catches = () -> assertThrows(IllegalStateException.class, WAITS::get).getMessage();
            assertThrows(PythonTimeout.class, () -> pool.within(LIMIT).call("lambda f: (f(), [None for _ in iter(int, 1)])", catches));
            assertEquals(worker, pool.call("os:getpid"), "the worker is still of use");
        }
    }

    @Test
    void cancelInterruptsAFunction() throws Exception {
        try (PythonPool pool = one().build()) {
            CountDownLatch begun = new CountDownLatch(1);
            CountDownLatch ended = new CountDownLatch(1);
            Supplier<Object> function = () -> {
                begun.countDown();
                try {
                    return WAITS.get();
                } finally {
                    ended.countDown();
                }
            };
            CompletableFuture<Object> call = pool.callAsync(CALLS, function);
            begun.await();
            call.cancel(true);
            assertTrue(ended.await(60, TimeUnit.SECONDS));
            assertEquals(1L, pool.call("lambda: 1"));
        }
    }

    @Test
    void aFutureIsAnsweredThoughItsFunctionDoesNotReturn() throws Exception {
        CountDownLatch released = new CountDownLatch(1);
        PythonPool pool = one().build();
        try {
            CompletableFuture<Object> call = pool.within(LIMIT).callAsync(CALLS, until(released));
            PythonWorkerLost lost = assertInstanceOf(PythonWorkerLost.class, causeOf(call));
            assertInstanceOf(PythonTimeout.class, lost.getCause());
            assertEquals(3L, pool.call("len", "abc"), "another worker has taken the place");
            assertEquals(1, pool.monitor().getWorkers());
            try (PythonPool.Session session = pool.session()) {
                assertInstanceOf(PythonWorkerLost.class, causeOf(session.within(LIMIT).callAsync(CALLS, until(released))));
                assertThrows(PythonException.class, () -> session.exec("x = 1"));
            }
            assertEquals(4L, pool.call("len", "abcd"));
        } finally {
            pool.close(); // which waits for no function
            released.countDown();
        }
    }

    @Test
    void aVirtualThreadIsAnsweredThoughItsFunctionDoesNotReturn() throws Exception {
        Method start;
        try {
            start = Thread.class.getMethod("startVirtualThread", Runnable.class);
        } catch (NoSuchMethodException e) {
            assumeTrue(false, "no virtual threads");
            return;
        }
        CountDownLatch released = new CountDownLatch(1);
        try (PythonPool pool = one().build()) {
            CompletableFuture<Object> answer = new CompletableFuture<>();
            Runnable caller = () -> answer.completeExceptionally(
                    assertThrows(PythonWorkerLost.class, () -> pool.within(LIMIT).call(CALLS, until(released))));
            start.invoke(null, caller);
            assertInstanceOf(PythonTimeout.class, causeOf(answer).getCause());
        } finally {
            released.countDown();
        }
    }

    /** Nothing but an interrupt reaches a function on the caller's own thread; its worker is replaced all the same. */
    @Test
    void aFunctionOnTheThreadOfItsCallerKeepsThatAlone() throws Exception {
        CountDownLatch released = new CountDownLatch(1);
        try (PythonPool pool = one().build()) {
            CountDownLatch begun = new CountDownLatch(1);
            Supplier<Object> function = () -> {
                begun.countDown();
                return until(released).get();
            };
            AtomicReference<Throwable> thrown = new AtomicReference<>();
            Thread caller = new Thread(() -> thrown.set(assertThrows(PythonException.class, () -> pool.within(LIMIT).call(CALLS, function))));
            caller.start();
            begun.await();
            CompletableFuture<Object> other = pool.callAsync("lambda: 2");
            assertEquals(2L, other.get(60, TimeUnit.SECONDS));
            assertTrue(caller.isAlive());
            released.countDown();
            caller.join();
            assertInstanceOf(PythonWorkerLost.class, thrown.get());
            assertInstanceOf(PythonTimeout.class, thrown.get().getCause());
            assertEquals(3L, pool.call("lambda: 3"));
        }
    }

    /** The limit of the outer call holds for the call that its function makes. */
    @Test
    void theOuterCallsTimeEndsAnInnerOne() {
        try (PythonPool pool = one().build()) {
            Supplier<Object> inner = () -> pool.call("lambda: [None for _ in iter(int, 1)]");
            assertThrows(PythonTimeout.class, () -> pool.within(LIMIT).call(CALLS, inner));
            assertEquals(1L, pool.call("lambda: 1"));
        }
    }

    @Test
    void whatAFunctionAsksOfThePoolIsDoneByItsWorker() {
        try (PythonPool pool = one().build(); PythonPool other = one().build()) {
            Supplier<Object> later = () -> pool.callAsync("lambda: 1").join();
            assertEquals(1L, pool.call(CALLS, later));
            assertEquals(1L, pool.callAsync(CALLS, later).join());
            Supplier<Object> map = () -> pool.map("abs", List.of(-1, -2)).collect(Collectors.toList());
            assertEquals(List.of(1L, 2L), pool.call(CALLS, map));
            Supplier<Object> andBack = () -> other.call(CALLS, (Supplier<Object>) () -> pool.call("lambda: 3"));
            assertEquals(3L, pool.call(CALLS, andBack));
            try (PythonPool.Session session = pool.session()) {
                Supplier<Object> same = () -> session.callAsync("lambda: 4").join();
                assertEquals(4L, session.call(CALLS, same));
                assertEquals(4L, session.callAsync(CALLS, same).join());
            }
        }
    }

    @Test
    void aFunctionMayCloseTheSessionOfItsCall() {
        try (PythonPool pool = one().build()) {
            for (boolean discard : new boolean[] {false, true}) {
                PythonPool.Session session = pool.session();
                long worker = session.getPid();
                Runnable close = discard ? session::discard : session::close;
                assertEquals(5L, session.call("lambda f: (f(), 5)[1]", close));
                assertThrows(PythonException.class, () -> session.exec(""));
                assertSame(!discard, pool.call("os:getpid").equals(worker));
            }
        }
    }

    @Test
    void aFunctionMayCloseThePool() {
        for (boolean inSession : new boolean[] {false, true}) {
            PythonPool pool = one().build();
            PythonCalls calls = inSession ? pool.session() : pool;
            assertThrows(PythonException.class, () -> calls.call("lambda f: (f(), 5)[1]", (Runnable) pool::close));
            assertEquals("The pool is closed.", assertThrows(PythonException.class, pool::session).getMessage());
            assertEquals(0, pool.monitor().getWorkers());
        }
    }
}
