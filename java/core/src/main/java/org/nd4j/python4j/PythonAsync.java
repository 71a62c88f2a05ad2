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
 * An event loop of Python's {@code asyncio}. Java submits coroutines to it, and no Java thread waits for them:
 *
 * <pre>{@code
 * PythonAsync async = PythonAsync.get();
 * async.exec("import asyncio\nasync def greet(name):\n    await asyncio.sleep(0.1)\n    return 'Hello, ' + name");
 * CompletableFuture<String> greeting = async.eval(String.class, "greet('Ada')");
 * greeting.thenAccept(System.out::println);
 * }</pre>
 *
 * <p>All methods can be called by any thread. They need no turn of {@link PythonGIL}, wait for none, and hold none. The
 * code of a coroutine between two awaits runs as in a block of {@link PythonGIL#lockShared}: it holds the GIL, but no
 * turn. Each loop has its own namespace for {@link #exec} and {@link #eval}. Futures are completed on the thread of the
 * loop. Dependent actions that were added without {@code Async} run on that thread and must not block; on that thread,
 * {@code get} and {@code join} of a future that is not done throw an exception. A thread that waits for a future within
 * its turn keeps the turn and releases the GIL. Futures that are not derived from these, for example that of {@code
 * CompletableFuture.allOf}, do not know of the GIL: within a turn the wait for such a future fails after some seconds.
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
     * @throws PythonException if Python cannot be started, or if the module that the property {@value
     *     PythonConstants#ASYNC_LOOP} names does not exist
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
     * Runs another loop, which the program has created and which does not run yet. It runs on a new daemon thread.
     *
     * @param loop an event loop, for example the result of {@code asyncio.new_event_loop()}
     */
    public static PythonAsync start(PythonObject loop) {
        return open("open_loop", Objects.requireNonNull(loop));
    }

    /**
     * A loop that the program itself runs, on any thread. Submitted tasks wait until the loop runs.
     *
     * @param loop the event loop; one of {@code asyncio} on Unix, or {@code uvloop}
     * @throws PythonException if the loop is closed
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
     * The same loop with a time limit for each task that is submitted through the returned object. A task that is not
     * done in time is cancelled, and its future fails with {@link PythonTimeout}.
     */
    public PythonAsync within(Duration limit) {
        return new PythonAsync(loop, Objects.requireNonNull(limit));
    }

    /**
     * Calls a function on the loop's thread and awaits its result. A coroutine object, or any other awaitable, is
     * awaited itself. The task gets a copy of the context variables of the calling thread; virtual threads have no
     * context variables of their own.
     *
     * <p>{@code cancel} and {@code completeExceptionally} of the result cancel the task, whose {@code finally} blocks run. A
     * task that is cancelled in Python cancels the result.
     *
     * @param type the class of the result, which is converted as by {@link PythonObject#toJava(Class)}
     * @param function an async function, or any other callable or awaitable
     * @param arguments the arguments of the function: values that {@link Python#of} takes
     * @return the future of the result; if the task raises, it fails with {@link PythonException}, or with the Java
     *     exception that passed through Python
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

    /**
     * The same for the value of an expression, usually the name of a function. It is evaluated in the loop's own
     * namespace, like that of {@link #eval}.
     */
    public <T> CompletableFuture<T> submit(Class<T> type, String function, Object... arguments) {
        return Task.submit(loop, Result.of(type), limit, Objects.requireNonNull(function), arguments);
    }

    /** The same for a result as {@link PythonType#toJava} makes it. */
    public <T> CompletableFuture<T> submit(PythonType<T> type, String function, Object... arguments) {
        return Task.submit(loop, Result.of(type), limit, Objects.requireNonNull(function), arguments);
    }

    /** The same for a type with arguments. */
    public <T> CompletableFuture<T> submit(PythonTypeToken<T> type, String function, Object... arguments) {
        return Task.submit(loop, Result.of(type.type()), limit, Objects.requireNonNull(function), arguments);
    }

    /** Runs statements on the loop's thread, in the loop's own namespace. The statements may use {@code await}. */
    public CompletableFuture<Void> exec(String code) {
        return Task.run(loop, Result.of(Void.class), limit, Objects.requireNonNull(code), "exec");
    }

    /**
     * Evaluates an expression on the loop's thread, in the loop's own namespace. If the value is awaitable, it is
     * awaited.
     */
    public <T> CompletableFuture<T> eval(Class<T> type, String expression) {
        return Task.run(loop, Result.of(type), limit, Objects.requireNonNull(expression), "eval");
    }

    /** The same for a type with arguments. */
    public <T> CompletableFuture<T> eval(PythonTypeToken<T> type, String expression) {
        return Task.run(loop, Result.of(type.type()), limit, Objects.requireNonNull(expression), "eval");
    }

    /**
     * The values that a generator yields, which may be asynchronous or not. The generator continues only when the
     * subscriber has requested more elements. Elements arrive many at a time, on the loop's thread, where the
     * subscriber must not block. A generator that is not asynchronous runs on a thread of the loop's executor. {@code
     * cancel} ends the generator, whose {@code finally} blocks run.
     *
     * @param type the class of the elements; None is not allowed as an element
     * @param source a function that creates one generator for each subscriber; or a generator or another iterable, for
     *     one subscriber only
     * @param arguments the arguments of the function: values that {@link Python#of} takes
     */
    public <T> Flow.Publisher<T> publisher(Class<T> type, PythonObject source, Object... arguments) {
        return elements(Result.of(type), source, arguments);
    }

    /** The same for a type with arguments. */
    public <T> Flow.Publisher<T> publisher(PythonTypeToken<T> type, PythonObject source, Object... arguments) {
        return elements(Result.of(type.type()), source, arguments);
    }

    /** The same for the value of an expression, as in {@link #submit(Class, String, Object...)}. */
    public <T> Flow.Publisher<T> publisher(Class<T> type, String function, Object... arguments) {
        return new Elements<>(loop, Result.of(type), false, Objects.requireNonNull(function), arguments);
    }

    /** The same for a type with arguments. */
    public <T> Flow.Publisher<T> publisher(PythonTypeToken<T> type, String function, Object... arguments) {
        return new Elements<>(loop, Result.of(type.type()), false, Objects.requireNonNull(function), arguments);
    }

    /**
     * The elements of a generator as a stream, which waits for them. It requests at most some thousands of elements in
     * advance. A program that does not read the stream to its end has to close it, so that the generator ends.
     */
    public <T> Stream<T> stream(Class<T> type, PythonObject source, Object... arguments) {
        return Pull.stream(elements(Result.of(type), source, arguments));
    }

    /** The same for a type with arguments. */
    public <T> Stream<T> stream(PythonTypeToken<T> type, PythonObject source, Object... arguments) {
        return Pull.stream(elements(Result.of(type.type()), source, arguments));
    }

    /** The same for the value of an expression, as in {@link #submit(Class, String, Object...)}. */
    public <T> Stream<T> stream(Class<T> type, String function, Object... arguments) {
        return Pull.stream((Elements<T>) publisher(type, function, arguments));
    }

    /** The same for a type with arguments. */
    public <T> Stream<T> stream(PythonTypeToken<T> type, String function, Object... arguments) {
        return Pull.stream((Elements<T>) publisher(type, function, arguments));
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

    /** The event loop as a Python object. */
    public PythonObject loop() {
        return loop.python();
    }

    /** Whether the loop accepts tasks: it was not closed and has not ended. */
    public boolean isOpen() {
        return loop.isOpen();
    }

    /**
     * Ends a loop that {@link #get} or {@link #start} runs: its tasks are cancelled, their {@code finally} blocks run,
     * and futures that are still pending then fail. This method waits at most two seconds for this. The program itself
     * has to close a loop that it passed to {@link #of}. A second call does nothing.
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

    /** A turn has begun. */
    static void turnBegins() {
        OPEN.forEach(async -> async.loop.watch());
    }

    /** The class loader's use of Python ends. */
    static void closeAll() {
        OPEN.forEach(PythonAsync::close);
    }

    /** It has ended. */
    static void abandonAll() {
        OPEN.forEach(async -> async.loop.abandon());
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
