// SPDX-License-Identifier: Apache-2.0
// Many threads with random sequences of every public operation, each of which checks what it can.
// Nothing crashes, hangs, is interleaved or lost. For a JVM of its own. More operations: Steps, ArraySteps.
package org.nd4j.python4j;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadInfo;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.nd4j.python4j.internal.jni.Callbacks;
import org.nd4j.python4j.internal.jni.Native;

/** {@code Threads SEED SECONDS PLATFORM_THREADS VIRTUAL_THREADS}. */
final class Threads {
    private Threads() {}

    interface Step {
        void run(Random random) throws Throwable;
    }

    private static final List<String> NAMES = new ArrayList<>();
    private static final List<Step> STEPS = new ArrayList<>();
    private static final Map<String, AtomicLong> COUNTS = new ConcurrentHashMap<>();
    private static final AtomicLong DONE = new AtomicLong();
    private static final AtomicLong INTERRUPTED = new AtomicLong();
    private static final AtomicInteger WRONG = new AtomicInteger();
    private static final AtomicInteger NUMBERS = new AtomicInteger();
    private static final Set<Thread> ALL = ConcurrentHashMap.newKeySet();
    private static final ConcurrentLinkedQueue<PythonObject> SHARED = new ConcurrentLinkedQueue<>();
    private static final ConcurrentLinkedQueue<PythonGIL> TURNS = new ConcurrentLinkedQueue<>();
    private static final ConcurrentLinkedQueue<PythonGC> FRAMES = new ConcurrentLinkedQueue<>();
    private static final GILLock LOCK = new GILLock();
    private static final Object MONITOR = new Object();
    private static final AtomicInteger INSIDE = new AtomicInteger();
    private static volatile boolean over;

    static void add(String name, Step step) {
        NAMES.add(name);
        STEPS.add(step);
        COUNTS.put(name, new AtomicLong());
    }

    static void check(boolean fine, String what) {
        if (!fine) {
            throw new AssertionError(what);
        }
    }

    /** In an exclusive turn: nobody else is between lock and close, not even while Python sleeps. */
    private static void exclusive(Step step, Random random) throws Throwable {
        try (PythonGIL gil = PythonGIL.lock()) {
            check(INSIDE.incrementAndGet() == 1, "two turns at once");
            try {
                step.run(random);
            } finally {
                INSIDE.decrementAndGet();
            }
        }
    }

    static void inTurn(String name, Step step) {
        add(name, random -> exclusive(step, random));
    }

    private static void exec(String code) {
        PythonExecutioner.exec(code);
    }

    private static long number(String name) {
        return PythonExecutioner.getVariable(name, PythonTypes.INT).getValue();
    }

    static {
        inTurn("set, exec, get", random -> {
            int mine = random.nextInt();
            PythonExecutioner.setVariable("x", new PythonObject(mine));
            exec(random.nextInt(20) == 0 ? "import time\ntime.sleep(0.001)\ny = x + 1" : "y = x + 1");
            check(number("y") == mine + 1L, "another thread's y");
        });
        inTurn("new code", random -> {
            int mine = random.nextInt();
            exec("v = " + mine);
            check(number("v") == mine, "another thread's v");
        });
        inTurn("nested turns", random -> {
            try (PythonGIL inner = PythonGIL.lock();
                    PythonGIL third = PythonGIL.tryLock(Duration.ZERO)) {
                third.close();
                third.close();
                exec("n = 1");
            }
            PythonGIL.assertThreadSafe();
        });
        add("tryLock", random -> {
            try (PythonGIL gil = PythonGIL.tryLock(Duration.ofNanos(random.nextInt(2_000_000)))) {
                if (gil != null) {
                    exec("t = 1");
                }
            }
        });
        add("GILLock", random -> {
            boolean mine;
            switch (random.nextInt(4)) {
                case 0:
                    LOCK.lock();
                    mine = true;
                    break;
                case 1:
                    mine = LOCK.tryLock();
                    break;
                case 2:
                    mine = LOCK.tryLock(random.nextInt(1000), TimeUnit.MICROSECONDS);
                    break;
                default:
                    LOCK.lockInterruptibly();
                    mine = true;
            }
            if (mine) {
                try {
                    exec("g = 2");
                } finally {
                    LOCK.unlock();
                }
            }
            LOCK.unlock(); // once too often
        });
        add("shared turn", random -> {
            int mine = random.nextInt();
            try (PythonGIL gil = PythonGIL.lockShared()) {
                PythonExecutioner.setVariable("x", new PythonObject(mine));
                exec("import time\ntime.sleep(0.0005)\nz = x");
                check(number("z") == mine, "another block's z");
            }
        });
        add("shared turn with an exclusive one inside", random -> {
            try (PythonGIL gil = PythonGIL.lockShared()) {
                exclusive(r -> exec("w = 1"), random);
            }
        });
        inTurn("contexts", random -> {
            String name = "c" + random.nextInt(8);
            String before = PythonContextManager.getCurrentContext();
            try (PythonContextManager.Context context = new PythonContextManager.Context(name)) {
                exec("global_name = '" + name + "'");
                check(name.equals(PythonExecutioner.getVariable("global_name", PythonTypes.STR).getValue()), "context");
            }
            check(before.equals(PythonContextManager.getCurrentContext()), "the context stays");
            if (random.nextInt(10) == 0) {
                PythonContextManager.deleteContext(name);
            }
            if (random.nextInt(50) == 0) {
                PythonContextManager.reset();
            }
        });
        inTurn("frames", random -> {
            try (PythonGC outer = PythonGC.watch();
                    PythonGC inner = PythonGC.watch()) {
                PythonObject kept = new PythonObject(Arrays.asList(1, "a"));
                PythonObject gone = new PythonObject(5);
                PythonGC.keep(kept);
                if (random.nextBoolean()) {
                    inner.close();
                }
                check(kept.toList().size() == 2, "kept");
                check(random.nextBoolean() || gone != null, "gone");
                if (random.nextInt(4) == 0) {
                    FRAMES.add(outer); // somebody else closes it as well
                }
            }
        });
        add("closing others' frames", random -> {
            PythonGC frame = FRAMES.poll();
            if (frame != null) {
                frame.close();
            }
        });
        inTurn("giving objects away", random -> SHARED.add(new PythonObject(random.nextInt())));
        inTurn("taking others' objects", random -> {
            PythonObject other = SHARED.poll();
            if (other != null) {
                PythonGC.register(other);
                other.add(new PythonObject(1)).toLong();
                if (random.nextBoolean()) {
                    other.del();
                } else if (random.nextBoolean()) {
                    SHARED.add(other);
                }
            }
        });
        add("forgetting objects", random -> {
            while (SHARED.size() > 100) {
                SHARED.poll();
            }
        });
        add("closing others' turns", random -> {
            PythonGIL other = TURNS.poll();
            if (other != null) {
                try {
                    other.close();
                } catch (PythonException e) {
                    check(e.getMessage().contains("was locked by thread"), e.toString());
                }
            }
        });
        add("a turn that others try to close", random -> {
            try (PythonGIL gil = PythonGIL.lock()) {
                TURNS.add(gil);
                exec("o = 1");
            }
        });
        add("dying with a turn", random -> {
            if (random.nextInt(20) == 0) {
                spawn(() -> {
                    PythonGIL.lock();
                    exec("d = 1");
                });
            }
        });
        add("no turn", random -> {
            try {
                exec("never = 1");
                check(false, "ran without a turn");
            } catch (PythonException e) {
                check(e.getMessage().startsWith("Attempt to use"), e.toString());
            }
        });
        inTurn("errors", random -> {
            int mine = random.nextInt();
            try {
                exec("def f(n):\n    if n: f(n - 1)\n    raise ValueError(" + (mine & 15) + ")\nf(5)");
                check(false, "no error");
            } catch (PythonException e) {
                check(e.getMessage().equals("ValueError: " + (mine & 15)), e.toString());
                if (random.nextInt(10) == 0) {
                    check(e.getTraceback().contains("ValueError"), "traceback");
                }
            }
        });
        inTurn("values", random -> {
            List<Object> value = Arrays.asList(random.nextLong(), random.nextDouble(), "é\0\ud83d", null,
                    Collections.singletonMap("k", Arrays.asList(1L, 2L)));
            check(value.equals(new PythonObject(value).toList()), "values");
        });
        inTurn("callbacks", random -> {
            int mine = random.nextInt();
            PythonObject function = Callbacks.callable((args, named) -> {
                check(PythonGIL.locked(), "inside");
                exec("inner = 1");
                if (mine % 5 == 0) {
                    throw new IllegalStateException("mine");
                }
                return args.get(0);
            });
            try {
                check(function.call(mine).toLong() == mine && mine % 5 != 0, "callback");
            } catch (IllegalStateException e) {
                check(e.getMessage().equals("mine") && mine % 5 == 0, e.toString());
            }
        });
        inTurn("callbacks from a Python thread", random -> {
            int mine = random.nextInt(1000);
            PythonExecutioner.setVariable("back", Callbacks.callable((args, named) -> {
                try (PythonGIL gil = PythonGIL.lock()) {
                    return Python.eval("1 + " + mine).toLong();
                }
            }));
            exec("import threading\nr = []\nt = threading.Thread(target=lambda: r.append(back()))\nt.start()\nt.join()\nq = r[0]");
            check(number("q") == mine + 1, "thread's callback");
        });
        inTurn("a time limit", random -> {
            boolean quick = random.nextBoolean();
            try {
                PythonExecutioner.exec(quick ? "k = 1" : "while True: pass", null, null,
                        quick ? Duration.ofMinutes(1) : Duration.ofMillis(1 + random.nextInt(5)));
                check(quick, "the endless loop ended");
            } catch (PythonTimeout e) {
                check(!quick, e.toString());
            }
        });
        inTurn("a thread pool of Python's", random -> {
            exec("from concurrent.futures import ThreadPoolExecutor\nwith ThreadPoolExecutor(2) as p:\n"
                    + "    s = sum(p.map(lambda i: i * i, range(5)))");
            check(number("s") == 30, "thread pool");
        });
        inTurn("asyncio", random -> {
            exec("import asyncio\nasync def main():\n    await asyncio.sleep(0)\n    return 7\na = asyncio.run(main())");
            check(number("a") == 7, "asyncio");
        });
        inTurn("daemon threads", random -> {
            if (random.nextInt(20) == 0) {
                exec("import threading, time\nthreading.Thread(target=time.sleep, args=(0.05,), daemon=True).start()");
            }
        });
        inTurn("buffers", random -> {
            ByteBuffer memory = ByteBuffer.allocateDirect(64);
            PythonBuffer buffer = PythonBuffer.of(memory);
            PythonExecutioner.setVariable("b", buffer.toMemoryview());
            exec("b[3] = 7\nc = bytearray(b)");
            check(memory.get(3) == 7, "memory");
            try (PythonBuffer view = PythonBuffer.view(Python.eval("c"))) {
                check(view.toByteArray()[3] == 7, "view");
            }
            exec("del b, c");
        });
        inTurn("all variables", random -> PythonExecutioner.getAllVariables());
        inTurn("gc", random -> {
            if (random.nextInt(30) == 0) {
                exec("import gc\ngc.collect()");
            }
            if (random.nextInt(200) == 0) {
                System.gc();
            }
        });
        add("a monitor around Python", random -> {
            synchronized (MONITOR) {
                try (PythonGIL gil = PythonGIL.lock()) {
                    exec("mon = 1");
                }
            }
        });
        add("questions", random -> {
            PythonGIL.locked();
            PythonContextManager.getCurrentContext();
            PythonGC.isWatching();
            Native.handleCount();
            new PythonContextManager().getContexts();
        });
        add("interrupting somebody", random -> {
            if (random.nextInt(5) == 0) {
                Thread holder = PythonGIL.holder();
                List<Thread> all = new ArrayList<>(ALL);
                Thread chosen = random.nextBoolean() ? holder : all.get(random.nextInt(all.size()));
                if (chosen != null && ALL.contains(chosen)) { // not one of another step's, which expects none
                    chosen.interrupt();
                }
            }
        });
    }

    /** Starts a thread of the calling thread's kind. */
    static Thread spawn(Runnable body) throws ReflectiveOperationException {
        Runnable watched = () -> {
            try {
                body.run();
            } catch (Throwable e) {
                wrong("in another thread", e);
            }
        };
        if (isVirtual()) {
            return (Thread) Thread.class.getMethod("startVirtualThread", Runnable.class).invoke(null, watched);
        }
        Thread thread = new Thread(watched);
        thread.start();
        return thread;
    }

    static boolean isVirtual() {
        return !Thread.currentThread().getName().startsWith("platform");
    }

    /** What another thread computes. */
    static <T> T get(Future<T> future) throws Throwable {
        try {
            return future.get();
        } catch (ExecutionException e) {
            throw e.getCause();
        }
    }

    /** What may come out of any step at any time because somebody interrupted it. */
    static boolean isInterrupt(Throwable e) {
        return e instanceof PythonInterrupted
                || e instanceof InterruptedException
                || e instanceof PythonException && String.valueOf(e.getMessage()).startsWith("Interrupted")
                || e instanceof PythonException && e.getCause() != null && isInterrupt(e.getCause());
    }

    private static void wrong(String name, Throwable e) {
        if (isInterrupt(e)) {
            INTERRUPTED.incrementAndGet();
        } else if (WRONG.incrementAndGet() < 20) {
            StringBuilder text = new StringBuilder("WRONG " + name + ": " + e);
            for (StackTraceElement frame : e.getStackTrace()) {
                text.append("\n    ").append(frame);
            }
            System.out.println(text);
        }
    }

    private static void work(long seed) {
        ALL.add(Thread.currentThread());
        Random random = new Random(seed);
        while (!over) {
            int at = random.nextInt(STEPS.size());
            try {
                STEPS.get(at).run(random);
                check(!PythonGIL.isHeld() && !PythonGC.isWatching(), "a turn or a frame is left");
            } catch (Throwable e) {
                wrong(NAMES.get(at), e);
            }
            Thread.interrupted();
            COUNTS.get(NAMES.get(at)).incrementAndGet();
            DONE.incrementAndGet();
        }
        ALL.remove(Thread.currentThread());
    }

    public static void main(String[] arguments) throws Exception {
        long seed = Long.parseLong(arguments[0]);
        int seconds = Integer.parseInt(arguments[1]);
        int platform = Integer.parseInt(arguments[2]);
        int virtual = Integer.parseInt(arguments[3]);
        List<Thread> threads = new ArrayList<>();
        Operations.begin();
        Steps.add();
        if (Threads.class.getResource("/org/nd4j/linalg/factory/Nd4j.class") == null) {
            System.out.println("without arrays: no ND4J in the class path");
        } else {
            ArraySteps.add();
        }
        for (int i = 0; i < platform; i++) {
            long mine = seed * 1000 + i;
            Thread thread = new Thread(() -> work(mine), "platform-" + NUMBERS.incrementAndGet());
            threads.add(thread);
            thread.start();
        }
        for (int i = 0; i < virtual; i++) {
            long mine = seed * 1000_000 + i;
            Runnable task = () -> work(mine);
            threads.add((Thread) Thread.class.getMethod("startVirtualThread", Runnable.class).invoke(null, task));
        }
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(seconds);
        long last = -1;
        for (int still = 0; System.nanoTime() < end; ) {
            Thread.sleep(1000);
            long done = DONE.get();
            still = done == last ? still + 1 : 0;
            last = done;
            if (still > 20) {
                hang("no step was done for 20 s");
            }
            Runtime runtime = Runtime.getRuntime();
            if (seconds > 30 && (end - System.nanoTime()) / 1_000_000_000 % 30 == 0) {
                System.out.println("at " + done + " steps, " + Native.handleCount() + " handles, "
                        + (runtime.totalMemory() - runtime.freeMemory() >> 20) + " MB of heap");
            }
        }
        over = true;
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
        for (Thread thread : threads) {
            thread.join(Math.max(1, (deadline - System.nanoTime()) / 1_000_000));
            if (thread.isAlive()) {
                hang("a thread does not end");
            }
        }
        String after = Operations.aftermath();
        if (after == null) {
            after = leftovers();
        }
        if (after != null) {
            WRONG.incrementAndGet();
            System.out.println("WRONG afterwards: " + after);
        }
        System.out.println(new TreeMap<>(COUNTS));
        System.out.println("DONE " + DONE + " steps of " + STEPS.size() + " kinds, " + WRONG + " wrong, " + INTERRUPTED + " interrupted, " + Native.handleCount()
                + " handles, " + Callbacks.count() + " held for Python");
        System.exit(WRONG.get() == 0 ? 0 : 1);
    }

    /** Null, or how much is left of what the threads made, once everybody has forgotten it. */
    private static String leftovers() throws InterruptedException {
        Arrays.asList(SHARED, TURNS, FRAMES).forEach(Collection::clear);
        Steps.forget();
        int[] left = {0, 0};
        // The thread that looks for what was forgotten does so once in a second at least.
        for (int i = 0; i < 100 && (i < 20 || left[0] > 100 || left[1] > 20); i++) {
            try (PythonGIL gil = PythonGIL.lock()) {
                PythonContextManager.deleteNonMainContexts();
                PythonContextManager.reset();
                exec("import gc\ngc.collect()");
                PythonContextManager.reset();
            }
            System.gc();
            Thread.sleep(50);
            left = new int[] {Native.handleCount(), Callbacks.count()};
        }
        return left[0] > 100 || left[1] > 20 ? left[0] + " handles and " + left[1] + " objects held for Python are left" : null;
    }

    private static void hang(String what) {
        System.out.println("WRONG " + what);
        for (ThreadInfo info : ManagementFactory.getThreadMXBean().dumpAllThreads(true, true)) {
            System.out.print(info);
        }
        for (Thread thread : ALL) {
            System.out.println(thread + " " + Arrays.toString(thread.getStackTrace()));
        }
        System.out.flush();
        Runtime.getRuntime().halt(3);
    }
}
