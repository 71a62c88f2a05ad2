// SPDX-License-Identifier: Apache-2.0
// Threads of both kinds that take, nest, lend and give back turns and blocks in every order, in and out of callbacks, and
// end with some of them open. Turns exclude each other all the while, and nobody waits for ever. For a JVM of its own.
package org.nd4j.python4j;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/** {@code Places SEED SECONDS PLATFORM_THREADS VIRTUAL_THREADS}. */
final class Places {
    private Places() {}

    interface Code {
        void run() throws Exception;
    }

    /** One operation. It may begin within a turn of its thread, and leaves the thread where it was. */
    interface Step {
        void run(Walk walk) throws Exception;
    }

    private static final long LATE_SECONDS = 30; // a wait that ends later is one without an end
    private static final int DEEPEST = 3;
    private static final AtomicLong DONE = new AtomicLong();
    private static final AtomicInteger WRONG = new AtomicInteger();
    private static final AtomicInteger NUMBERS = new AtomicInteger();
    private static final AtomicInteger INSIDE = new AtomicInteger(); // the oracle: how many are in the middle of a turn
    private static final ExecutorService POOL = Executors.newCachedThreadPool(task -> {
        Thread thread = new Thread(task, "pool");
        thread.setDaemon(true);
        return thread;
    });
    private static final List<Step> STEPS = new ArrayList<>();

    private static void check(boolean fine, String what) {
        if (!fine) {
            throw new AssertionError(what);
        }
    }

    private static boolean owns() {
        return PythonGIL.holder() == Thread.currentThread();
    }

    /** In a turn: nobody else is in the middle of one, not even while Python sleeps. */
    private static void exclusive(Random random) {
        check(owns(), "no turn");
        check(INSIDE.incrementAndGet() == 1, "two turns at once");
        try {
            int number = NUMBERS.incrementAndGet();
            PythonExecutioner.exec("turn_of = " + number + (random.nextInt(20) == 0 ? "\nimport time\ntime.sleep(0.001)" : ""));
            Thread.yield();
            check(PythonExecutioner.getVariable("turn_of", PythonTypes.INT).getValue() == number, "another turn's value");
        } finally {
            INSIDE.decrementAndGet();
        }
    }

    private static long onAnotherThread(Random random) throws Exception {
        return POOL.submit(() -> {
            try (PythonGIL gil = PythonGIL.lock()) {
                exclusive(new Random(7));
                return 1L;
            }
        }).get(LATE_SECONDS, TimeUnit.SECONDS);
    }

    /** Where one thread is. */
    private static final class Walk {
        final Random random;
        final GILLock lock = new GILLock();
        int held; // how many turns of its own are open around
        int depth;

        Walk(long seed) {
            random = new Random(seed);
        }

        void step() throws Exception {
            int held = this.held;
            STEPS.get(random.nextInt(STEPS.size())).run(this);
            check(held == this.held && owns() == held > 0, "the turn is " + (held > 0 ? "lost" : "left"));
            DONE.incrementAndGet();
        }

        void some() throws Exception {
            if (depth < DEEPEST && random.nextInt(2) == 0) {
                depth++;
                try {
                    step();
                } finally {
                    depth--;
                }
            }
        }

        /** With one more turn open. */
        void holding(Code code) throws Exception {
            held++;
            try {
                code.run();
            } finally {
                held--;
            }
        }

        /** In a turn: a call of Python around Java code. Virtual threads may be refused to give the turn to others there. */
        void callback(Code code) {
            PythonExecutioner.setVariable("f" + depth, Python.function((args, named) -> {
                try {
                    code.run();
                } catch (PythonException e) {
                    if (!String.valueOf(e.getMessage()).contains("carrier thread")) {
                        throw e;
                    }
                }
                return null;
            }));
            PythonExecutioner.exec("f" + depth + "()\nafter = 1");
        }
    }

    static {
        STEPS.add(walk -> {
            try (PythonGIL gil = PythonGIL.lock()) {
                walk.holding(() -> {
                    exclusive(walk.random);
                    walk.some();
                    exclusive(walk.random);
                });
            }
        });
        STEPS.add(walk -> {
            long nanos = walk.random.nextInt(2_000_000);
            long start = System.nanoTime();
            try (PythonGIL gil = PythonGIL.tryLock(Duration.ofNanos(nanos))) {
                check(System.nanoTime() - start < TimeUnit.SECONDS.toNanos(10), "tryLock without an end");
                if (gil != null) {
                    exclusive(walk.random);
                }
            }
        });
        STEPS.add(walk -> {
            if (walk.held > 0) {
                return; // it would be one more turn
            }
            try (PythonGIL gil = PythonGIL.lockShared()) {
                int number = NUMBERS.incrementAndGet();
                PythonExecutioner.exec("own = " + number + (walk.random.nextInt(4) == 0 ? "\nx = sum(range(100000))" : ""));
                if (walk.random.nextInt(3) == 0) {
                    walk.callback(() -> PythonGIL.lockShared()); // left open
                }
                check(PythonExecutioner.getVariable("own", PythonTypes.INT).getValue() == number, "another block's value");
            }
        });
        STEPS.add(walk -> {
            try (PythonGIL gil = PythonGIL.lock()) {
                walk.holding(() -> {
                    walk.callback(() -> {
                        exclusive(walk.random);
                        walk.some();
                    });
                    exclusive(walk.random);
                });
            }
        });
        STEPS.add(walk -> { // closed in a callback: at once for others, for this one when Python returns
            PythonGIL outer = PythonGIL.lock();
            walk.callback(() -> {
                outer.close();
                if (walk.held == 0) {
                    check(!owns(), "closed and not given up");
                    onAnotherThread(walk.random);
                } else {
                    exclusive(walk.random);
                }
            });
            outer.close();
        });
        STEPS.add(walk -> {
            walk.lock.lock();
            walk.callback(() -> {
                walk.lock.unlock();
                if (walk.held == 0 && walk.random.nextBoolean()) {
                    onAnotherThread(walk.random);
                }
                walk.lock.lock();
                exclusive(walk.random);
            });
            exclusive(walk.random);
            walk.lock.unlock();
        });
        STEPS.add(walk -> {
            try (PythonGIL gil = PythonGIL.lock()) {
                walk.callback(() -> {
                    PythonGIL.lock();
                    exclusive(walk.random);
                });
                exclusive(walk.random);
            }
        });
        STEPS.add(walk -> {
            try (PythonGIL gil = PythonGIL.lock()) {
                Code lending = () -> {
                    PythonGIL lent = PythonGIL.lend();
                    onAnotherThread(walk.random);
                    if (walk.random.nextBoolean()) {
                        lent.close();
                        exclusive(walk.random);
                    }
                };
                walk.callback(lending);
                try (PythonGIL lent = PythonGIL.lend()) {
                    Thread.yield();
                }
                exclusive(walk.random);
            }
        });
        STEPS.add(walk -> { // what a callback waits for in vain is refused
            if (walk.random.nextInt(20) > 0) {
                return;
            }
            try (PythonGIL gil = PythonGIL.lock()) {
                walk.callback(() -> {
                    try {
                        POOL.submit(() -> PythonGIL.lock()).get();
                        check(false, "a turn that is another's");
                    } catch (ExecutionException e) {
                        check(e.getCause() instanceof PythonException && e.getCause().getMessage().contains("PythonGIL.lend()"), "" + e);
                    }
                });
            }
        });
        STEPS.add(walk -> {
            Thread.currentThread().interrupt();
            try (PythonGIL gil = PythonGIL.tryLock(Duration.ofSeconds(LATE_SECONDS))) {
                check(walk.held > 0 || gil == null, "a turn in spite of an interrupt");
            } catch (InterruptedException e) {
                return;
            } finally {
                Thread.interrupted();
            }
        });
        STEPS.add(walk -> { // threads that end with something open
            if (walk.held > 0 || walk.random.nextInt(10) > 0) {
                return;
            }
            int kind = walk.random.nextInt(4);
            Thread thread = new Thread(() -> {
                if (kind == 0) {
                    PythonGIL.lock();
                } else if (kind == 1) {
                    PythonGIL.lockShared();
                    PythonExecutioner.exec("x = 1");
                } else {
                    PythonGIL.lock();
                    PythonGIL.lend();
                }
                if (kind < 2) {
                    PythonGC.watch();
                }
            });
            thread.start();
            thread.join(TimeUnit.SECONDS.toMillis(LATE_SECONDS));
            check(!thread.isAlive(), "a thread hangs");
        });
        STEPS.add(walk -> { // a thread of Python's
            if (walk.random.nextInt(5) > 0) {
                return;
            }
            try (PythonGIL gil = PythonGIL.lock()) {
                PythonExecutioner.setVariable("leave", Python.function((args, named) -> {
                    PythonGIL.lockShared();
                    PythonGIL.lock();
                    return Python.eval("1 + 1").toLong();
                }));
                PythonExecutioner.exec("import threading\nr = []\nt = threading.Thread(target=lambda: r.append(leave()))\nt.start()\nt.join()\n"
                        + "assert r == [2]");
            }
        });
    }

    public static void main(String[] args) throws Exception {
        long seed = Long.parseLong(args[0]);
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(Long.parseLong(args[1]));
        int platform = Integer.parseInt(args[2]);
        int virtual = Integer.parseInt(args[3]);
        PythonExecutioner.init();
        AtomicInteger running = new AtomicInteger();
        List<Thread> all = new ArrayList<>();
        for (int i = 0; i < platform + virtual; i++) {
            Walk walk = new Walk(seed * 1_000_003 + i);
            Runnable body = () -> {
                while (System.nanoTime() < end && WRONG.get() < 10) {
                    try {
                        walk.step();
                    } catch (Throwable e) {
                        WRONG.incrementAndGet();
                        System.out.println("WRONG " + e);
                        e.printStackTrace(System.out);
                        break;
                    }
                }
                running.decrementAndGet();
            };
            running.incrementAndGet();
            if (i < platform) {
                Thread thread = new Thread(body, "walk " + i);
                thread.setDaemon(true);
                thread.start();
                all.add(thread);
            } else {
                all.add((Thread) Thread.class.getMethod("startVirtualThread", Runnable.class).invoke(null, body));
            }
        }
        for (Thread thread : all) {
            long left = end - System.nanoTime() + TimeUnit.SECONDS.toNanos(2 * LATE_SECONDS);
            thread.join(Math.max(1, TimeUnit.NANOSECONDS.toMillis(left)));
            if (thread.isAlive()) {
                WRONG.incrementAndGet();
                System.out.println("WRONG " + thread + " hangs at " + Arrays.toString(thread.getStackTrace()));
                break;
            }
        }
        if (WRONG.get() == 0) {
            onAnotherThread(new Random(1));
            if (PythonGIL.locked()) {
                WRONG.incrementAndGet();
                System.out.println("WRONG the turn is taken at the end");
            }
        }
        System.out.println("DONE " + DONE.get() + " operations, " + WRONG.get() + " wrong");
        System.exit(WRONG.get() == 0 ? 0 : 1);
    }
}
