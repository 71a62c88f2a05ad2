// SPDX-License-Identifier: Apache-2.0
// Java's futures and publishers awaited in Python, and what Python returns where Java's types say that it comes later.
package org.nd4j.python4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.LocalDate;
import java.util.AbstractList;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Flow;
import java.util.concurrent.Future;
import java.util.concurrent.SubmissionPublisher;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class PythonAsyncAwaitTest {

    private PythonAsync async;

    @BeforeEach
    void defineFunctions() {
        async = PythonAsync.get();
        async.exec("import asyncio\n"
                + "async def wait(f): return await f\n"
                + "async def call(f): return await f()\n"
                + "async def caught(f):\n    try:\n        return await f\n    except BaseException as e:\n        return f'{type(e).__name__}: {e}'\n"
                + "async def all_of(source): return [x async for x in source]\n").join();
    }

    private PythonObject function(String name) {
        return async.eval(PythonObject.class, name).join();
    }

    // ---- Java's futures in Python ----

    @Test
    void aFutureIsAwaited() {
        CompletableFuture<Object> later = new CompletableFuture<>();
        CompletableFuture<Object> result = async.submit(Object.class, function("wait"), later);
        assertFalse(result.isDone());
        later.complete(List.of(1, LocalDate.of(2024, 2, 29)));
        assertEquals("[1, 2024-02-29]", result.join().toString().replace("datetime.date(2024, 2, 29)", "2024-02-29"));
        assertEquals("done", async.submit(String.class, function("wait"), CompletableFuture.completedFuture("done")).join());
        assertEquals(null, async.submit(String.class, function("wait"), CompletableFuture.completedFuture(null)).join());
        assertEquals("stage", async.submit(String.class, function("wait"), CompletableFuture.completedStage("stage")).join());
    }

    @Test
    void aCallbackMayReturnAFuture() {
        CompletableFuture<String> later = new CompletableFuture<>();
        CompletableFuture<String> result = async.submit(String.class, function("call"), (PythonFunction) (given, named) -> later);
        new Thread(() -> later.complete("x")).start();
        assertEquals("x", result.join());
    }

    @Test
    void anyLoopAwaits() {
        CompletableFuture<String> later = new CompletableFuture<>();
        new Thread(() -> {
            try {
                Thread.sleep(50);
            } catch (InterruptedException e) {
                return;
            }
            later.complete("from another thread");
        }).start();
        try (PythonGIL gil = PythonGIL.lock()) {
            PythonExecutioner.exec("import asyncio\nasync def main(f): return await f");
            PythonExecutioner.setVariable("f", Python.of(later));
            assertEquals("from another thread", Python.eval("asyncio.run(main(f))").toString());
            assertEquals("from another thread", Python.eval("asyncio.run(main(f))").toString());
        }
    }

    @Test
    void theVeryFutureComesBack() {
        CompletableFuture<String> later = new CompletableFuture<>();
        try (PythonGIL gil = PythonGIL.lock()) {
            assertSame(later, Python.of(later).toJava(CompletableFuture.class));
        }
    }

    @Test
    void whatItFailsWithIsRaised() {
        IllegalStateException why = new IllegalStateException("closed");
        for (boolean first : new boolean[] {true, false}) {
            CompletableFuture<String> failing = new CompletableFuture<>();
            if (first) {
                failing.completeExceptionally(why);
            }
            CompletableFuture<String> result = async.submit(String.class, function("wait"), failing.thenApply(x -> x));
            CompletableFuture<String> caught = async.submit(String.class, function("caught"), failing);
            failing.completeExceptionally(why);
            assertSame(why, assertThrows(CompletionException.class, result::join).getCause());
            assertEquals("JavaException: java.lang.IllegalStateException: closed", caught.join());
        }
        CompletableFuture<String> python = async.exec("raise KeyError('k')").thenApply(x -> "");
        assertEquals("KeyError: 'k'", async.submit(String.class, function("caught"), python).join());
        assertTrue(async.submit(String.class, function("caught"), new CompletableFuture<Object>().completeAsync(Object::new)).join()
                .contains("Unable to find python type"));
    }

    @Test
    void cancellationCrossesBothWays() throws Exception {
        CompletableFuture<String> stage = new CompletableFuture<>();
        CompletableFuture<String> result = async.submit(String.class, function("wait"), stage);
        async.eval(int.class, "1").join(); // the task waits by now
        result.cancel(true);
        assertThrows(CancellationException.class, () -> stage.get(20, TimeUnit.SECONDS));
        CompletableFuture<String> other = new CompletableFuture<>();
        CompletableFuture<String> caught = async.submit(String.class, function("caught"), other);
        async.eval(int.class, "1").join();
        other.cancel(true);
        assertEquals("CancelledError: ", caught.join());
        assertEquals("CancelledError: ", async.submit(String.class, function("caught"), other).join());
    }

    /** A chain of waits, on each side in turn, is cancelled at a place that chance picks, from one of its ends. */
    @Test
    void cancellationAtEveryAwait() throws Exception {
        long seed = Long.getLong("seed", System.nanoTime());
        Random random = new Random(seed);
        async.exec("entered = left = 0\n"
                + "async def chain(step, n, sleep):\n"
                + "    global entered, left\n    entered += 1\n"
                + "    try:\n"
                + "        for _ in range(sleep): await asyncio.sleep(0)\n"
                + "        return await step(n) if n else n\n"
                + "    finally:\n        left += 1\n").join();
        PythonObject chain = function("chain");
        for (int round = 0; round < 200; round++) {
            List<CompletableFuture<Integer>> links = new ArrayList<>();
            PythonFunction[] step = new PythonFunction[1];
            step[0] = (given, named) -> {
                int n = ((Long) given.get(0)).intValue() - 1;
                CompletableFuture<Integer> link = async.submit(int.class, chain, step[0], n, n % 3);
                synchronized (links) {
                    links.add(link);
                }
                return link;
            };
            CompletableFuture<Integer> first = async.submit(int.class, chain, step[0], 5, random.nextInt(3));
            long end = System.nanoTime() + random.nextInt(300_000);
            while (System.nanoTime() < end) {
                Thread.onSpinWait();
            }
            CompletableFuture<Integer> victim = first;
            synchronized (links) {
                if (random.nextBoolean() && !links.isEmpty()) {
                    victim = links.get(random.nextInt(links.size()));
                }
            }
            boolean cancelled = victim.cancel(true);
            try {
                assertEquals(0, first.get(20, TimeUnit.SECONDS));
                assertFalse(cancelled && victim == first, "seed " + seed);
            } catch (CancellationException e) {
                assertTrue(cancelled, "seed " + seed);
            }
        }
        String left = "while entered != left: await asyncio.sleep(0.001)";
        async.exec(left).get(20, TimeUnit.SECONDS); // each finally ran
    }

    /** Ten awaits one after the other: at each of them the task is cancelled once, and what it awaits once. */
    @Test
    void cancellationAtEachOfManyAwaits() throws Exception {
        async.exec("ended = []\nasync def many(step, n):\n    done = 0\n    try:\n        for i in range(n):\n            await step(i)\n            done += 1\n"
                + "        return done\n    except asyncio.CancelledError:\n        done += 1000\n        raise\n    finally:\n        ended.append(done)").join();
        PythonObject many = function("many");
        for (int at = 0; at < 10; at++) {
            for (boolean inJava : new boolean[] {true, false}) {
                int last = at;
                CompletableFuture<Object> awaited = new CompletableFuture<>();
                CountDownLatch there = new CountDownLatch(1);
                PythonFunction step = (given, named) -> {
                    if ((Long) given.get(0) < last) {
                        return CompletableFuture.completedFuture(null);
                    }
                    there.countDown();
                    return awaited;
                };
                CompletableFuture<Integer> task = async.submit(int.class, many, step, 10);
                assertTrue(there.await(20, TimeUnit.SECONDS));
                async.eval(int.class, "1").join(); // the task waits by now
                (inJava ? task : awaited).cancel(true);
                assertThrows(CancellationException.class, () -> task.get(20, TimeUnit.SECONDS));
                assertThrows(CancellationException.class, () -> awaited.get(20, TimeUnit.SECONDS));
                async.exec("while not ended: await asyncio.sleep(0)").get(20, TimeUnit.SECONDS);
                assertEquals(1000 + at, async.eval(int.class, "ended.pop()").join());
            }
        }
    }

    // ---- types that say that a value comes later ----

    interface Client {
        CompletableFuture<Integer> twice(int n);

        CompletionStage<List<LocalDate>> days();

        Future<String> plain();

        Flow.Publisher<Integer> numbers(int n);

        Stream<Integer> stream(int n);
    }

    @Test
    void coroutinesAreSubmittedByThemselves() throws Exception {
        Client client;
        try (PythonGIL gil = PythonGIL.lock()) {
            PythonExecutioner.exec("import asyncio, datetime\nclass Client:\n"
                    + "    async def twice(self, n):\n        await asyncio.sleep(0)\n        return 2 * n\n"
                    + "    async def days(self): return [datetime.date(2024, 2, 29)]\n"
                    + "    def plain(self): return 'at once'\n"
                    + "    async def numbers(self, n):\n        for i in range(n): yield i\n"
                    + "    async def stream(self, n):\n        for i in range(n): yield i\n"
                    + "async def later(x): return x");
            client = Python.eval("Client()").asInterface(Client.class);
            assertEquals("y", Python.eval("later('y')").toJava(new PythonTypeToken<CompletableFuture<String>>() {}).join());
            assertEquals(3, client.stream(3).count());
        }
        assertEquals(42, client.twice(21).join());
        assertEquals(List.of(LocalDate.of(2024, 2, 29)), client.days().toCompletableFuture().join());
        assertEquals("at once", client.plain().get());
        assertEquals(List.of(0, 1, 2), client.stream(3).collect(Collectors.toList()));
        CompletableFuture<List<Integer>> all = new CompletableFuture<>();
        client.numbers(3).subscribe(new Collecting<>(all));
        assertEquals(List.of(0, 1, 2), all.get(20, TimeUnit.SECONDS));
    }

    @Test
    void anExclusiveTurnElsewhereDoesNotKeepACallFromBeingSubmitted() throws Exception {
        Client client;
        try (PythonGIL gil = PythonGIL.lock()) {
            PythonExecutioner.exec("class Client:\n    async def twice(self, n): return 2 * n\n");
            client = Python.eval("Client()").asInterface(Client.class);
            PythonExecutioner.setVariable("f", Python.function((given, named) -> {
                CompletableFuture<Integer> result = new CompletableFuture<>();
                Thread other = new Thread(() -> client.twice(21).thenAccept(result::complete));
                other.start();
                return result.get(20, TimeUnit.SECONDS); // waits for another thread that uses Python
            }));
            assertEquals(42, Python.eval("f()").toInt());
        }
    }

    // ---- generators ----

    private static final class Collecting<T> implements Flow.Subscriber<T> {
        private final List<T> got = new ArrayList<>();
        private final CompletableFuture<List<T>> all;
        private final Consumer<Flow.Subscription> begin;

        Collecting(CompletableFuture<List<T>> all) {
            this(all, subscription -> subscription.request(Long.MAX_VALUE));
        }

        Collecting(CompletableFuture<List<T>> all, Consumer<Flow.Subscription> begin) {
            this.all = all;
            this.begin = begin;
        }

        @Override
        public void onSubscribe(Flow.Subscription subscription) {
            begin.accept(subscription);
        }

        @Override
        public void onNext(T item) {
            got.add(item);
        }

        @Override
        public void onError(Throwable thrown) {
            all.completeExceptionally(thrown);
        }

        @Override
        public void onComplete() {
            all.complete(got);
        }
    }

    @Test
    void generatorsAreStreams() {
        async.exec("async def asynchronous(n):\n    for i in range(n):\n        if i % 100 == 0: await asyncio.sleep(0)\n        yield i\n"
                + "def plain(n):\n    yield from range(n)\n"
                + "async def gives(n): return plain(n)\n").join();
        for (String name : new String[] {"asynchronous", "plain", "gives"}) {
            for (int n : new int[] {0, 1, 10_000}) {
                List<Integer> expected = IntStream.range(0, n).boxed().collect(Collectors.toList());
                assertEquals(expected, async.stream(int.class, function(name), n).collect(Collectors.toList()), name);
            }
        }
        assertEquals(List.of("a", "b"), async.stream(String.class, async.eval(PythonObject.class, "['a', 'b']").join()).collect(Collectors.toList()));
        try (PythonGIL gil = PythonGIL.lock()) {
            assertEquals(3, async.stream(PythonObject.class, function("asynchronous"), 3).count());
        }
    }

    @Test
    void aGeneratorIsNeverAheadOfWhatWasAskedFor() throws Exception {
        async.exec("made = 0\nasync def count():\n    global made\n    while True:\n        made += 1\n        yield made\n"
                + "def count_plain():\n    global made\n    while True:\n        made += 1\n        yield made\n").join();
        for (String name : new String[] {"count", "count_plain"}) {
            async.exec("made = 0").join();
            AtomicInteger got = new AtomicInteger();
            Flow.Subscription[] subscription = new Flow.Subscription[1];
            CountDownLatch five = new CountDownLatch(5);
            async.publisher(Integer.class, function(name)).subscribe(new Flow.Subscriber<Integer>() {
                @Override
                public void onSubscribe(Flow.Subscription given) {
                    subscription[0] = given;
                    given.request(2);
                }

                @Override
                public void onNext(Integer item) {
                    got.incrementAndGet();
                    five.countDown();
                }

                @Override
                public void onError(Throwable thrown) {}

                @Override
                public void onComplete() {}
            });
            subscription[0].request(3);
            assertTrue(five.await(20, TimeUnit.SECONDS));
            async.exec("await asyncio.sleep(0.05)").join();
            assertEquals(5, async.eval(int.class, "made").join());
            assertEquals(5, got.get());
            subscription[0].cancel();
        }
    }

    /** The loop learns of a generator after its subscriber has the subscription, which any thread may use at once. */
    @Test
    void whatASubscriberSaysBeforeTheLoopKnowsOfItCounts() throws Exception {
        async.exec("async def each(values):\n    for value in values: yield value").join();
        PythonObject each = function("each");
        CompletableFuture<List<Integer>> wrong = new CompletableFuture<>();
        async.publisher(Integer.class, each, List.of(1)).subscribe(new Collecting<>(wrong, subscription -> subscription.request(-1)));
        ExecutionException refused = assertThrows(ExecutionException.class, () -> wrong.get(20, TimeUnit.SECONDS));
        assertInstanceOf(IllegalArgumentException.class, refused.getCause());
        CompletableFuture<List<Integer>> all = new CompletableFuture<>();
        subscribe(each, all, subscription -> subscription.request(2));
        assertEquals(List.of(0, 1, 2), all.get(20, TimeUnit.SECONDS));
        async.exec("await asyncio.sleep(0.01)\nbefore = len(asyncio.all_tasks())").join();
        subscribe(each, new CompletableFuture<>(), Flow.Subscription::cancel);
        subscribe(each, new CompletableFuture<>(), subscription -> subscription.request(0));
        async.exec("while len(asyncio.all_tasks()) > before: await asyncio.sleep(0.01)").get(20, TimeUnit.SECONDS);
    }

    /** Lets something happen to the subscription while the arguments of the generator are read. */
    private void subscribe(PythonObject function, CompletableFuture<List<Integer>> all, Consumer<Flow.Subscription> meanwhile) {
        Flow.Subscription[] given = new Flow.Subscription[1];
        List<Integer> argument = new AbstractList<>() {
            @Override
            public Integer get(int index) {
                meanwhile.accept(given[0]);
                return index;
            }

            @Override
            public int size() {
                return 3;
            }
        };
        async.publisher(Integer.class, function, argument).subscribe(new Collecting<>(all, subscription -> given[0] = subscription));
    }

    @Test
    void aStreamThatIsClosedEndsItsGenerator() throws Exception {
        async.exec("ended = asyncio.Event()\nasync def endless():\n    try:\n        while True: yield 'x'\n    finally:\n        ended.set()").join();
        try (Stream<String> stream = async.stream(String.class, function("endless"))) {
            assertEquals(10_000, stream.limit(10_000).count());
        }
        async.exec("await ended.wait()").get(20, TimeUnit.SECONDS);
    }

    @Test
    void whatAGeneratorRaisesComesAfterItsElements() {
        async.exec("async def fails():\n    yield 1\n    yield 2\n    raise ValueError('end')\n"
                + "def fails_plain():\n    yield 1\n    yield 2\n    raise ValueError('end')\n"
                + "async def none():\n    yield None\n").join();
        for (String name : new String[] {"fails", "fails_plain"}) {
            List<Integer> got = new ArrayList<>();
            PythonException e = assertThrows(PythonException.class, () -> async.stream(Integer.class, function(name)).forEach(got::add));
            assertEquals("end", e.getPythonMessage());
            assertEquals(List.of(1, 2), got);
        }
        assertThrows(NullPointerException.class, () -> async.stream(Integer.class, function("none")).count());
        assertThrows(PythonException.class, () -> async.stream(Integer.class, async.eval(PythonObject.class, "['x']").join()).count());
    }

    // ---- Java's publishers and iterators in Python ----

    @Test
    void aPublisherIsIteratedOver() throws Exception {
        SubmissionPublisher<Integer> publisher = new SubmissionPublisher<>();
        CompletableFuture<List<Integer>> all = async.submit(new PythonTypeToken<List<Integer>>() {}, function("all_of"), publisher);
        while (publisher.getNumberOfSubscribers() == 0) {
            Thread.sleep(1);
        }
        IntStream.range(0, 2000).forEach(publisher::submit);
        publisher.close();
        assertEquals(IntStream.range(0, 2000).boxed().collect(Collectors.toList()), all.get(20, TimeUnit.SECONDS));
    }

    @Test
    void anIterationThatEndsCancelsItsSubscription() throws Exception {
        SubmissionPublisher<Integer> publisher = new SubmissionPublisher<>();
        async.exec("async def first(source):\n    async for x in source:\n        return x").join();
        CompletableFuture<Integer> one = async.submit(int.class, function("first"), publisher);
        while (publisher.getNumberOfSubscribers() == 0) {
            Thread.sleep(1);
        }
        publisher.submit(1);
        assertEquals(1, one.get(20, TimeUnit.SECONDS));
        while (publisher.getNumberOfSubscribers() > 0) {
            Thread.sleep(1);
        }
        SubmissionPublisher<Integer> failing = new SubmissionPublisher<>();
        CompletableFuture<List<Integer>> all = async.submit(new PythonTypeToken<List<Integer>>() {}, function("all_of"), failing);
        while (failing.getNumberOfSubscribers() == 0) {
            Thread.sleep(1);
        }
        IllegalStateException why = new IllegalStateException();
        failing.closeExceptionally(why);
        assertSame(why, assertThrows(CompletionException.class, all::join).getCause());
    }

    @Test
    void iteratorsAreAsynchronousToo() {
        PythonObject iterator;
        PythonObject stream;
        try (PythonGIL gil = PythonGIL.lock()) {
            iterator = Python.reference(Arrays.asList(1, 2, 3).iterator());
            stream = Python.reference(Stream.of("a", "b"));
        }
        assertEquals(List.of(1L, 2L, 3L), async.submit(Object.class, function("all_of"), iterator).join());
        assertEquals(List.of("a", "b"), async.submit(Object.class, function("all_of"), stream).join());
    }

    @Test
    void aSubscriberOfAPublisherOfPythonsMayBePython() {
        async.exec("async def numbers():\n    for i in range(1000): yield i").join();
        Flow.Publisher<Integer> publisher = async.publisher(Integer.class, function("numbers"));
        Object all = async.submit(Object.class, function("all_of"), publisher).join();
        assertInstanceOf(List.class, all);
        assertEquals(1000, ((List<?>) all).size());
    }
}
