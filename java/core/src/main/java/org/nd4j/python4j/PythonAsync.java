// SPDX-License-Identifier: Apache-2.0
// Python's event loops for Java: coroutines are CompletableFutures, and generators are publishers and streams.
// The package internal.loop implements the operations on a loop.
package org.nd4j.python4j;

import java.lang.reflect.Type;
import java.time.Duration;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Flow;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import org.nd4j.python4j.internal.jni.Operator;
import org.nd4j.python4j.internal.loop.Elements;
import org.nd4j.python4j.internal.loop.Loop;
import org.nd4j.python4j.internal.loop.Pull;
import org.nd4j.python4j.internal.loop.Result;
import org.nd4j.python4j.internal.loop.Task;

/**
 * An event loop of Python's {@code asyncio}, to which coroutines are submitted. No thread of Java waits for them:
 *
 * <pre>{@code
 * PythonAsync async = PythonAsync.get();
 * async.exec("import asyncio\nasync def greet(name):\n    await asyncio.sleep(0.1)\n    return 'Hello, ' + name");
 * CompletableFuture<String> greeting = async.eval(String.class, "greet('Ada')");
 * greeting.thenAccept(System.out::println);
 * }</pre>
 *
 * <p>All methods can be called by any thread. They need no turn of {@link PythonGIL}, wait for none, and hold none: what
 * a coroutine does between two awaits runs as in a block of {@link PythonGIL#lockShared}, under the plain GIL. Names of
 * {@link #exec} and {@link #eval} are the loop's own. Futures are completed on the thread of the loop; what
 * depends on them without {@code Async} runs there and must not block. To {@code get} or {@code join} a future that is
 * not done is refused there. A thread that waits so within its turn keeps the turn and gives the GIL up.
 *
 * @see <a href="https://github.com/python4j/python4j/blob/main/docs/async.md">Coroutines</a>
 */
public final class PythonAsync implements AutoCloseable {

    private static final double PATIENCE_SECONDS = 2;
    private static final long BLOCKED_NANOS = 100_000_000;
    private static final Set<PythonAsync> OPEN = ConcurrentHashMap.newKeySet();
    private static final Object STARTING = new Object();
    private static volatile PythonAsync common;

    private final Loop loop;
    private final Duration limit;

    private PythonAsync(Loop loop, Duration limit) {
        this.loop = loop;
        this.limit = limit;
    }

    /**
     * The loop of this application. It runs on a daemon thread of its own, {@code python4j-async}, which the first call
     * starts. After {@link #close} the next call starts another one.
     *
     * @throws PythonException if Python cannot be started, or if there is no such module as the property {@value
     *     PythonConstants#ASYNC_LOOP} names
     */
    public static PythonAsync get() {
        PythonAsync async = common;
        return async != null && async.isOpen() ? async : first();
    }

    private static PythonAsync first() {
        PythonAsync made = open("open_loop", System.getProperty(PythonConstants.ASYNC_LOOP, "asyncio"));
        synchronized (STARTING) { // the GIL is not waited for here
            if (common == null || !common.isOpen()) {
                common = made;
                return made;
            }
        }
        made.close();
        return common;
    }

    /**
     * Another loop, which the program has made and nobody runs yet. It runs on a daemon thread of its own.
     *
     * @param loop an object such as {@code asyncio.new_event_loop()} gives
     */
    public static PythonAsync start(PythonObject loop) {
        return open("open_loop", Objects.requireNonNull(loop));
    }

    /**
     * A loop that the program runs itself, on whichever thread. What is submitted waits until it runs.
     *
     * @param loop the event loop; one of {@code asyncio} on Unix, or {@code uvloop}
     * @throws PythonException if it is closed
     */
    public static PythonAsync of(PythonObject loop) {
        return open("attach_loop", Objects.requireNonNull(loop));
    }

    private static PythonAsync open(String tool, Object wanted) {
        PythonAsync async;
        try (PythonGIL place = PythonGIL.place()) {
            async = new PythonAsync(new Loop(tool, wanted), null);
        }
        PythonGIL.usesLoops = true;
        OPEN.removeIf(other -> !other.isOpen());
        OPEN.add(async);
        return async;
    }

    /**
     * The same loop with a limit of time for each task that is submitted by the result. A task that is not done in time is
     * cancelled, and its future fails with {@link PythonTimeout}.
     */
    public PythonAsync within(Duration limit) {
        return new PythonAsync(loop, Objects.requireNonNull(limit));
    }

    /**
     * Calls a function on the loop's thread and awaits what it gives; a coroutine object, or anything else that can be
     * awaited, is awaited itself. The context variables of the calling thread are the task's, as a copy; virtual threads have
     * none of their own.
     *
     * <p>{@code cancel} and {@code completeExceptionally} of the result cancel the task, whose {@code finally} blocks run. A
     * task that is cancelled in Python cancels the result.
     *
     * @param type what the result becomes, as by {@link PythonObject#toJava(Class)}
     * @param function an async function, or any other callable or awaitable
     * @param arguments whatever {@link Python#of} takes
     * @return the result; if the task raises, it fails with {@link PythonException}, or with the exception of Java's that
     *     went through Python
     * @throws PythonException if an argument has no counterpart in Python, or the loop is closed
     */
    public <T> CompletableFuture<T> submit(Class<T> type, PythonObject function, Object... arguments) {
        return Task.submit(loop, Result.of(type), limit, Objects.requireNonNull(function), arguments);
    }

    /** The same for a result as {@link PythonType#toJava} makes it. */
    public <T> CompletableFuture<T> submit(PythonType<T> type, PythonObject function, Object... arguments) {
        return Task.submit(loop, Result.of(type), limit, Objects.requireNonNull(function), arguments);
    }

    /** The same for a type with arguments. */
    public <T> CompletableFuture<T> submit(PythonTypeToken<T> type, PythonObject function, Object... arguments) {
        return Task.submit(loop, Result.of(type.type()), limit, Objects.requireNonNull(function), arguments);
    }

    /** Runs statements on the loop's thread, in the loop's own namespace; they may {@code await}. */
    public CompletableFuture<Void> exec(String code) {
        return Task.run(loop, Result.of(Void.class), limit, Objects.requireNonNull(code), "exec");
    }

    /**
     * The value of an expression in the loop's own namespace, evaluated on the loop's thread. What can be awaited is awaited.
     *
     * <pre>{@code
     * PythonObject fetch = async.eval(PythonObject.class, "fetch").join(); // a function, for submit
     * }</pre>
     */
    public <T> CompletableFuture<T> eval(Class<T> type, String expression) {
        return Task.run(loop, Result.of(type), limit, Objects.requireNonNull(expression), "eval");
    }

    /** The same for a type with arguments. */
    public <T> CompletableFuture<T> eval(PythonTypeToken<T> type, String expression) {
        return Task.run(loop, Result.of(type.type()), limit, Objects.requireNonNull(expression), "eval");
    }

    /**
     * What a generator yields, asynchronous or not. It goes on when the subscriber has asked for more, never ahead of
     * that, and its elements come many at a time, on the loop's thread, where the subscriber must not block. A generator
     * that is not asynchronous runs on a thread of the loop's executor. {@code cancel} ends the generator, whose
     * {@code finally} blocks run.
     *
     * @param type what the elements become; None cannot be one
     * @param source a function that makes the generator, for each subscriber one; or a generator or other iterable itself,
     *     for one subscriber
     * @param arguments the function's, whatever {@link Python#of} takes
     */
    public <T> Flow.Publisher<T> publisher(Class<T> type, PythonObject source, Object... arguments) {
        return elements(Result.of(type), source, arguments);
    }

    /** The same for a type with arguments. */
    public <T> Flow.Publisher<T> publisher(PythonTypeToken<T> type, PythonObject source, Object... arguments) {
        return elements(Result.of(type.type()), source, arguments);
    }

    /**
     * The same as a stream, which waits for the elements; some thousands at most are on their way. Close it if it does not come
     * to its end, so that the generator ends.
     */
    public <T> Stream<T> stream(Class<T> type, PythonObject source, Object... arguments) {
        return Pull.stream(elements(Result.of(type), source, arguments));
    }

    /** The same for a type with arguments. */
    public <T> Stream<T> stream(PythonTypeToken<T> type, PythonObject source, Object... arguments) {
        return Pull.stream(elements(Result.of(type.type()), source, arguments));
    }

    private <T> Elements<T> elements(Result result, PythonObject source, Object... arguments) {
        boolean once;
        PythonObject own;
        try (PythonGIL place = PythonGIL.place()) {
            once = !PythonObject.test(Operator.CALLABLE, source);
            own = PythonObject.unframed(source); // it may be asked for later
        }
        return new Elements<>(loop, result, once, own, arguments);
    }

    /** The loop in Python. */
    public PythonObject loop() {
        return loop.python();
    }

    /** Whether the loop takes tasks: it was not closed, and has not ended. */
    public boolean isOpen() {
        return loop.isOpen();
    }

    /**
     * Ends a loop that {@link #get} or {@link #start} runs: its tasks are cancelled, their {@code finally} blocks run, and
     * what is pending after that fails. Waits for that for two seconds at most. A loop of {@link #of} is the program's to
     * close. Again it does nothing.
     */
    @Override
    public void close() {
        loop.close(PATIENCE_SECONDS);
    }

    // ---- for this package ----

    CompletableFuture<?> submitted(PythonObject object, Type type) {
        return Task.submit(loop, Result.of(type), limit, object);
    }

    Object published(PythonObject object, Type type, boolean stream) {
        Elements<?> elements = elements(Result.of(type), object);
        return stream ? Pull.stream(elements) : elements;
    }

    /** The class loader's use of Python ends. */
    static void closeAll() {
        OPEN.forEach(PythonAsync::close);
        OPEN.clear();
    }

    /** Whether a loop does not take what is sent to it, within a time that is long for a loop that runs. */
    static boolean isAnyBlocked() {
        OPEN.forEach(async -> async.loop.nudge());
        long end = System.nanoTime() + BLOCKED_NANOS;
        while (OPEN.stream().anyMatch(async -> async.loop.waiting() > 0)) {
            if (System.nanoTime() > end) {
                return true;
            }
            LockSupport.parkNanos(BLOCKED_NANOS / 100);
        }
        return false;
    }
}
