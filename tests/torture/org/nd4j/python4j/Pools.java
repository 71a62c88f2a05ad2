// SPDX-License-Identifier: Apache-2.0
// Many threads call a pool while its workers are killed, stopped, filled, and told to crash. Each call ends once, with the right value
// or with the loss of its worker. For a JVM of its own.
package org.nd4j.python4j;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Function;
import org.nd4j.python4j.pool.PythonPool;
import org.nd4j.python4j.pool.PythonWorkerLost;

/** {@code Pools SEED SECONDS PLATFORM_THREADS VIRTUAL_THREADS}. */
final class Pools {
    private Pools() {}

    private static final Duration LIMIT = Duration.ofSeconds(3);
    private static final Duration START_LIMIT = Duration.ofSeconds(20); // of one that somebody stops while it starts
    private static final long LONGEST_SECONDS = 120; // in the queue behind all others, on a slow machine

    /** A Java function that ends by an interrupt alone. */
    private static final Callable<Object> WAITS = () -> {
        new CountDownLatch(1).await();
        return null;
    };

    private static final AtomicLong ENDED = new AtomicLong();
    private static final AtomicLong LOST = new AtomicLong();
    private static final AtomicInteger WRONG = new AtomicInteger();
    private static final Map<Long, String> UNDER_WAY = new ConcurrentHashMap<>();
    private static final AtomicLong NUMBERS = new AtomicLong();
    private static final Map<String, AtomicLong> COUNTS = new ConcurrentHashMap<>();
    private static volatile boolean over;

    private static void wrong(String what) {
        if (WRONG.incrementAndGet() <= 20) {
            System.out.println("WRONG " + what);
        }
    }

    private static void check(boolean fine, String what) {
        if (!fine) {
            throw new AssertionError(what);
        }
    }

    /** One call, whose end is counted. What a worker is told to do to itself, or somebody does to it, may lose it. */
    private static void step(PythonPool pool, Random random) {
        long number = NUMBERS.incrementAndGet();
        int kind = random.nextInt(14);
        UNDER_WAY.put(number, kind + " since " + System.nanoTime() / 1_000_000);
        COUNTS.computeIfAbsent("kind " + kind, any -> new AtomicLong()).incrementAndGet();
        boolean mayRaise = false;
        try {
            switch (kind) {
                case 0:
                    check(Long.valueOf(number + 1).equals(pool.call("lambda x: x + 1", number)), "a sum");
                    break;
                case 1:
                    PythonVariable<Long> result = new PythonVariable<>("y", PythonTypes.INT);
                    pool.exec("y = 2 * x", List.of(new PythonVariable<>("x", PythonTypes.INT, number)), List.of(result));
                    check(result.getValue() == 2 * number, "an output");
                    break;
                case 2:
                    byte[] bytes = new byte[random.nextInt(300_000)];
                    check(((byte[]) pool.call("lambda b: b", (Object) bytes)).length == bytes.length, "bytes");
                    break;
                case 3:
                    try (PythonBuffer shared = PythonBuffer.shared(PythonBuffer.Type.INT64, 1 + random.nextInt(20_000))) {
                        shared.asByteBuffer().order(java.nio.ByteOrder.nativeOrder()).putLong(0, number);
                        check(Long.valueOf(number).equals(pool.call("lambda a: int(a[0])", shared)), "shared memory");
                    }
                    break;
                case 4:
                    Function<Object, Object> twice = x -> 2 * (Long) x;
                    check(Long.valueOf(2 * number + 1).equals(pool.call("lambda f, x: f(x) + 1", twice, number)), "a callback");
                    break;
                case 5:
                    try {
                        pool.call("lambda x: 1 // x", 0);
                        check(false, "no error");
                    } catch (PythonException e) {
                        if (!e.getMessage().startsWith("ZeroDivisionError")) {
                            lost(e);
                        }
                    }
                    break;
                case 6:
                    CompletableFuture<Object> future = pool.callAsync("lambda x: x", number);
                    if (random.nextBoolean()) {
                        future.cancel(true);
                        mayRaise = true;
                    }
                    check(Long.valueOf(number).equals(future.join()), "a future");
                    break;
                case 7:
                    mayRaise = true;
                    pool.within(Duration.ofMillis(5)).call("time:sleep", 0.05);
                    break;
                case 8:
                    crash(pool, random);
                    break;
                case 9:
                    try (PythonPool.Session session = pool.session()) {
                        session.exec("kept = " + number);
                        check(Long.valueOf(number).equals(session.call("lambda: kept")), "a session");
                    }
                    break;
                case 10:
                    mayRaise = true;
                    pool.within(Duration.ofMillis(20)).callAsync("lambda f: f()", WAITS).get();
                    check(false, "a function that waits for ever returned");
                    break;
                default:
                    check(Long.valueOf(number).equals(pool.call("int", String.valueOf(number))), "an int");
            }
        } catch (CancellationException e) {
            check(mayRaise, "cancelled");
        } catch (CompletionException | ExecutionException e) {
            lost(e.getCause());
        } catch (PythonException e) {
            if (!(mayRaise && (e instanceof PythonTimeout || e instanceof PythonInterrupted))) {
                lost(e);
            }
        } catch (AssertionError e) {
            wrong("call " + number + " of kind " + kind + ": " + e.getMessage());
        } catch (Throwable e) {
            wrong("call " + number + " of kind " + kind + ": " + e);
        } finally {
            if (UNDER_WAY.remove(number) == null) {
                wrong("call " + number + " ended twice");
            }
            ENDED.incrementAndGet();
        }
    }

    private static void lost(Throwable e) {
        if (e instanceof PythonWorkerLost) {
            LOST.incrementAndGet();
        } else if (!(e instanceof PythonTimeout)) { // of a worker that somebody stopped
            wrong("a call ended with " + e);
        }
    }

    private static void crash(PythonPool pool, Random random) {
        String[] ways = {
            "import os; os._exit(3)", "import os; os.kill(os.getpid(), 9)", "import os; os.kill(os.getpid(), 19)",
            "import ctypes; ctypes.string_at(0)", "import os; os.closerange(0, 100)", "import os; os.write(3, b'x' * 100)",
            "import os; os.write(1, b'\\xff\\x00' * 5000)", "import sys; sys.exit(2)", "while True: pass",
            "rows = []\nwhile True: rows.append(bytes(1 << 26))"
        };
        int way = random.nextInt(ways.length);
        try {
            pool.within(Duration.ofMillis(300)).exec(ways[way]);
            check(way == 2 || way == 4 || way == 6, "it went on after " + ways[way]);
        } catch (PythonException e) {
            if (!(e instanceof PythonSystemExit || "MemoryError".equals(e.getPythonClass()))) {
                lost(e);
            }
        }
    }

    /** Does to workers what other processes, and a system without memory, do. */
    private static void harm(Random random, String names) throws Exception {
        ProcessHandle[] workers = ProcessHandle.current().children().toArray(ProcessHandle[]::new);
        if (workers.length == 0) {
            return;
        }
        String pid = String.valueOf(workers[random.nextInt(workers.length)].pid());
        String signal = names.split(" ")[random.nextInt(names.split(" ").length)];
        new ProcessBuilder("kill", "-" + signal, pid).redirectErrorStream(true).start().waitFor();
        COUNTS.computeIfAbsent("signal " + signal, any -> new AtomicLong()).incrementAndGet();
    }

    public static void main(String[] arguments) throws Exception {
        long seed = Long.parseLong(arguments[0]);
        int seconds = Integer.parseInt(arguments[1]);
        int platform = Integer.parseInt(arguments[2]);
        int virtual = Integer.parseInt(arguments[3]);
        PythonPool.Builder settings = PythonPool.builder().workers(1, 3).limit(LIMIT).startLimit(START_LIMIT).grace(Duration.ofMillis(200)).imports("time")
                .memoryLimit(8L << 30).output((worker, isError, line) -> {}).forkServer(seed % 2 == 0);
        List<Thread> threads = new ArrayList<>();
        PythonPool pool = settings.build();
        for (int i = 0; i < platform + virtual; i++) {
            Random random = new Random(seed * 100_000 + i);
            Runnable task = () -> {
                while (!over) {
                    step(pool, random);
                }
            };
            if (i < platform) {
                threads.add(new Thread(task, "caller-" + i));
                threads.get(i).start();
            } else {
                threads.add((Thread) Thread.class.getMethod("startVirtualThread", Runnable.class).invoke(null, task));
            }
        }
        Random random = new Random(seed);
        long end = System.nanoTime() + seconds * 1_000_000_000L;
        while (System.nanoTime() < end) {
            Thread.sleep(50 + random.nextInt(200));
            harm(random, "KILL STOP SEGV TERM CONT");
        }
        over = true;
        long latest = System.nanoTime() + LONGEST_SECONDS * 1_000_000_000L;
        for (Thread thread : threads) {
            thread.join(Math.max(1, (latest - System.nanoTime()) / 1_000_000));
        }
        if (!UNDER_WAY.isEmpty()) {
            wrong(UNDER_WAY.size() + " calls never ended: " + new TreeMap<>(UNDER_WAY));
        }
        pool.close();
        long left = ProcessHandle.current().children().filter(ProcessHandle::isAlive).count();
        if (left > 0) {
            wrong(left + " processes are left");
        }
        System.out.println(new TreeMap<>(COUNTS) + ", " + pool.monitor().getRestarts() + " workers were replaced");
        System.out.println("DONE " + ENDED + " calls, " + WRONG + " wrong, " + LOST + " lost their worker");
        System.exit(WRONG.get() == 0 ? 0 : 1);
    }
}
