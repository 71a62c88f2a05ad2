// SPDX-License-Identifier: Apache-2.0
// Threads of both kinds that submit, await, stream, cancel and fail at random, on the loop of the program and on others
// that are closed meanwhile. Each result is checked; at the end every task and generator has ended, and no handle is
// left. For a JVM of its own.
package org.nd4j.python4j;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Flow;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import org.nd4j.python4j.internal.jni.Handles;

/** {@code Loops SEED SECONDS PLATFORM_THREADS VIRTUAL_THREADS}. */
final class Loops {
    private Loops() {}

    interface Step {
        void run(Random random) throws Exception;
    }

    private static final long LATE_SECONDS = 60;
    private static final int SLACK = 20; // handles that tools of ours keep
    private static final AtomicLong DONE = new AtomicLong();
    private static final AtomicInteger WRONG = new AtomicInteger();
    private static final Map<String, AtomicLong> COUNTS = new ConcurrentHashMap<>();
    private static final Map<String, Step> STEPS = new TreeMap<>();
    private static final Map<String, PythonObject> FUNCTIONS = new ConcurrentHashMap<>();
    private static PythonAsync async;

    private static final String CODE = String.join("\n",
            "import asyncio, contextvars",
            "begun = ended = 0",
            "request = contextvars.ContextVar('request', default=None)",
            "class Within:",
            "    def __enter__(self):",
            "        global begun",
            "        begun += 1",
            "    def __exit__(self, *raised):",
            "        global ended",
            "        ended += 1",
            "async def echo(x, naps=0):",
            "    with Within():",
            "        for _ in range(naps): await asyncio.sleep(0)",
            "        return x",
            "async def fail(x, naps=0):",
            "    with Within():",
            "        for _ in range(naps): await asyncio.sleep(0)",
            "        raise KeyError(x)",
            "async def sleep(seconds):",
            "    with Within():",
            "        await asyncio.sleep(seconds)",
            "async def wait(future):",
            "    with Within():",
            "        return await future",
            "async def ask(f, x):",
            "    with Within():",
            "        return await f(x)",
            "async def items(n, naps):",
            "    with Within():",
            "        for i in range(n):",
            "            if naps and i % naps == 0: await asyncio.sleep(0)",
            "            yield i",
            "def plain(n):",
            "    yield from range(n)",
            "async def gather(source):",
            "    with Within():",
            "        return [x async for x in source]",
            "async def who():",
            "    with Within():",
            "        return request.get()");

    private static PythonObject function(String name) {
        return FUNCTIONS.get(name);
    }

    private static void check(boolean fine, Object what) {
        if (!fine) {
            throw new AssertionError(String.valueOf(what));
        }
    }

    private static <T> T late(CompletableFuture<T> future) throws Exception {
        try {
            return future.get(LATE_SECONDS, TimeUnit.SECONDS);
        } catch (TimeoutException e) {
            throw new AssertionError("a future is never done");
        }
    }

    static {
        STEPS.put("submit", random -> {
            int n = random.nextInt();
            check(late(async.submit(int.class, function("echo"), n, random.nextInt(3))) == n, "echo");
        });
        STEPS.put("many", random -> {
            List<CompletableFuture<String>> all = new ArrayList<>();
            for (int i = 0; i < 100; i++) {
                all.add(async.submit(String.class, function("echo"), "x" + i, i % 3));
            }
            for (int i = 0; i < 100; i++) {
                check(late(all.get(i)).equals("x" + i), "many");
            }
        });
        STEPS.put("object", random -> {
            PythonObject list = late(async.submit(PythonObject.class, function("echo"), List.of(1, 2)));
            try (PythonGIL gil = PythonGIL.lockShared()) {
                check(list.toString().equals("[1, 2]"), list);
            }
            list.close();
        });
        STEPS.put("frame", random -> {
            CompletableFuture<Long> sum;
            try (PythonGIL gil = PythonGIL.lock(); PythonGC frame = PythonGC.watch()) {
                sum = async.submit(Long.class, Python.eval("sum"), Python.eval("[1, 2, 3]"));
            }
            check(late(sum) == 6, "frame");
        });
        STEPS.put("turn", random -> {
            try (PythonGIL gil = PythonGIL.lock()) {
                PythonExecutioner.exec("mine = " + Thread.currentThread().getId());
                check(async.submit(int.class, function("echo"), 1, 2).join() == 1, "turn");
                check(PythonExecutioner.getVariable("mine").toLong() == Thread.currentThread().getId(), "another turn came in between");
            }
        });
        STEPS.put("fail", random -> {
            try {
                late(async.submit(String.class, function("fail"), "k", random.nextInt(3)));
                check(false, "no exception");
            } catch (java.util.concurrent.ExecutionException e) {
                check(((PythonException) e.getCause()).getPythonClass().equals("KeyError"), e.getCause());
            }
        });
        STEPS.put("cancel", random -> {
            CompletableFuture<Void> task = async.submit(Void.class, function("sleep"), random.nextInt(3) * 0.0005);
            nap(random);
            boolean cancelled = task.cancel(true);
            check(task.isCancelled() == cancelled, "cancel");
        });
        STEPS.put("limit", random -> {
            try {
                async.within(Duration.ofNanos(random.nextInt(2_000_000))).submit(Void.class, function("sleep"), 1000).get(LATE_SECONDS, TimeUnit.SECONDS);
                check(false, "no limit");
            } catch (java.util.concurrent.ExecutionException e) {
                check(e.getCause() instanceof PythonTimeout, e.getCause());
            }
        });
        STEPS.put("await", random -> {
            CompletableFuture<Object> stage = new CompletableFuture<>();
            CompletableFuture<Object> task = async.submit(Object.class, function("wait"), stage);
            nap(random);
            switch (random.nextInt(4)) {
                case 0:
                    stage.complete("value");
                    check(late(task).equals("value"), "await");
                    break;
                case 1:
                    IllegalStateException why = new IllegalStateException();
                    stage.completeExceptionally(why);
                    try {
                        late(task);
                        check(false, "no exception");
                    } catch (java.util.concurrent.ExecutionException e) {
                        check(e.getCause() == why, e.getCause());
                    }
                    break;
                case 2:
                    stage.cancel(true);
                    expectCancelled(task);
                    break;
                default: // before it was awaited nobody cancels it
                    task.cancel(true);
                    stage.complete(null);
            }
        });
        STEPS.put("callback", random -> {
            PythonFunction f = (given, named) -> async.submit(long.class, function("echo"), (Long) given.get(0) + 1, 1);
            check(late(async.submit(long.class, function("ask"), f, 41)) == 42, "callback");
        });
        STEPS.put("stream", random -> {
            int n = random.nextInt(3000);
            String name = random.nextInt(8) == 0 ? "plain" : "items";
            int take = random.nextBoolean() ? n : random.nextInt(n + 1);
            Object[] arguments = name.equals("plain") ? new Object[] {n} : new Object[] {n, random.nextInt(50)};
            try (Stream<Integer> stream = async.stream(int.class, function(name), arguments)) {
                Iterator<Integer> iterator = stream.limit(take).iterator();
                for (int i = 0; i < take; i++) {
                    check(iterator.next() == i, "stream");
                }
                check(!iterator.hasNext(), "stream");
            }
        });
        STEPS.put("publisher", random -> {
            int n = random.nextInt(500);
            CompletableFuture<Integer> count = new CompletableFuture<>();
            int part = 1 + random.nextInt(7);
            async.publisher(Integer.class, function("items"), n, random.nextInt(20)).subscribe(new Flow.Subscriber<Integer>() {
                private Flow.Subscription subscription;
                private int got;
                private int open;

                @Override
                public void onSubscribe(Flow.Subscription given) {
                    subscription = given;
                    open = part;
                    given.request(part);
                }

                @Override
                public void onNext(Integer item) {
                    if (item != got++ || --open < 0) {
                        count.completeExceptionally(new AssertionError("more than was asked for, or another one"));
                    }
                    if (open == 0) {
                        open = part;
                        subscription.request(part);
                    }
                }

                @Override
                public void onError(Throwable thrown) {
                    count.completeExceptionally(thrown);
                }

                @Override
                public void onComplete() {
                    count.complete(got);
                }
            });
            check(late(count) == n, "publisher");
        });
        STEPS.put("round trip", random -> {
            int n = random.nextInt(300);
            Flow.Publisher<Integer> publisher = async.publisher(Integer.class, function("items"), n, 10);
            check(((List<?>) late(async.submit(Object.class, function("gather"), publisher))).size() == n, "gather");
        });
        STEPS.put("another loop", random -> {
            PythonAsync other;
            try (PythonGIL gil = PythonGIL.lock()) {
                PythonExecutioner.exec("import asyncio");
                other = PythonAsync.start(Python.eval("asyncio.new_event_loop()"));
            }
            CompletableFuture<Void> pending = other.submit(Void.class, function("sleep"), 1000);
            CompletableFuture<String> done = other.submit(String.class, function("echo"), "here");
            check(late(done).equals("here"), "another loop");
            other.close();
            try {
                late(pending);
                check(false, "it goes on");
            } catch (CancellationException | java.util.concurrent.ExecutionException e) {
                check(!other.isOpen(), "open");
            }
        });
        STEPS.put("context", random -> {
            if (!isVirtual()) {
                int n = random.nextInt();
                PythonObject token;
                try (PythonGIL gil = PythonGIL.lockShared()) {
                    token = function("request").attr("set").call(n);
                }
                check(late(async.submit(int.class, function("who"))) == n, "context");
                token.close();
            }
        });
    }

    private static boolean isVirtual() {
        return PythonGIL.isVirtual(Thread.currentThread());
    }

    private static void expectCancelled(CompletableFuture<?> task) throws Exception {
        try {
            late(task);
            check(false, "not cancelled");
        } catch (CancellationException e) {
            check(task.isCancelled(), "cancelled");
        }
    }

    private static void nap(Random random) {
        long end = System.nanoTime() + random.nextInt(200_000);
        while (System.nanoTime() < end) {
            Thread.onSpinWait();
        }
    }

    public static void main(String[] arguments) throws Exception {
        long seed = Long.parseLong(arguments[0]);
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(Long.parseLong(arguments[1]));
        int platform = Integer.parseInt(arguments[2]);
        int all = platform + Integer.parseInt(arguments[3]);
        async = PythonAsync.get();
        async.exec(CODE).join();
        List<String> names = new ArrayList<>(STEPS.keySet());
        for (String name : names) {
            COUNTS.put(name, new AtomicLong());
        }
        for (String name : "request echo fail sleep wait ask items plain gather who".split(" ")) {
            FUNCTIONS.put(name, async.eval(PythonObject.class, name).join());
        }
        int before = settled();
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < all; i++) {
            Random random = new Random(seed + i);
            Runnable body = () -> {
                while (System.nanoTime() < end && WRONG.get() == 0) {
                    String name = names.get(random.nextInt(names.size()));
                    try {
                        STEPS.get(name).run(random);
                        COUNTS.get(name).incrementAndGet();
                        DONE.incrementAndGet();
                    } catch (Throwable e) {
                        WRONG.incrementAndGet();
                        System.out.println("WRONG " + name + ": " + e + " at " + Arrays.toString(e.getStackTrace()) + " of " + e.getCause());
                    }
                }
            };
            if (i < platform) {
                Thread thread = new Thread(body, "loops " + i);
                thread.setDaemon(true);
                thread.start();
                threads.add(thread);
            } else {
                threads.add((Thread) Thread.class.getMethod("startVirtualThread", Runnable.class).invoke(null, body));
            }
        }
        for (Thread thread : threads) {
            long left = end - System.nanoTime() + TimeUnit.SECONDS.toNanos(2 * LATE_SECONDS);
            thread.join(Math.max(1, TimeUnit.NANOSECONDS.toMillis(left)));
            if (thread.isAlive()) {
                WRONG.incrementAndGet();
                System.out.println("WRONG " + thread + " hangs at " + Arrays.toString(thread.getStackTrace()));
                break;
            }
        }
        if (WRONG.get() == 0) {
            atTheEnd(before);
        }
        System.out.println(COUNTS);
        System.out.println("DONE " + DONE.get() + " operations, " + WRONG.get() + " wrong");
        System.exit(0);
    }

    /** Every task and generator has ended, and no handle is left. */
    private static void atTheEnd(int before) throws Exception {
        try {
            async.exec("while begun != ended: await asyncio.sleep(0.001)").get(LATE_SECONDS, TimeUnit.SECONDS);
        } catch (TimeoutException | CompletionException e) {
            WRONG.incrementAndGet();
            System.out.println("WRONG tasks that never end: " + async.eval(String.class, "str(begun - ended)").join());
        }
        int after = settled();
        if (after > before + SLACK) {
            WRONG.incrementAndGet();
            System.out.println("WRONG handles: " + before + " before, " + after + " after");
        }
    }

    private static int settled() throws Exception {
        int least = Integer.MAX_VALUE;
        for (int same = 0; same < 5; same++) { // Java may tell later what it has collected
            System.gc();
            Thread.sleep(20);
            async.eval(int.class, "1").join(); // the loop frees what was forgotten
            int now = Handles.count();
            if (now < least) {
                least = now;
                same = 0;
            }
        }
        return least;
    }
}
