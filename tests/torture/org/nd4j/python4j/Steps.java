// SPDX-License-Identifier: Apache-2.0
// What the threads of Threads do beside turns: values, code, calls, output, interfaces, pools, processes.
// Together the two name every class of the public API; ArraySteps has ND4J's.
package org.nd4j.python4j;

import java.time.Duration;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.LongUnaryOperator;
import java.util.function.Supplier;
import org.nd4j.python4j.internal.jni.Callbacks;

final class Steps {
    private Steps() {}

    private static final ConcurrentLinkedQueue<PythonCode> CODES = new ConcurrentLinkedQueue<>();
    private static final ConcurrentLinkedQueue<PythonCallable> CALLABLES = new ConcurrentLinkedQueue<>();
    private static final ConcurrentLinkedQueue<PythonBuffer> BUFFERS = new ConcurrentLinkedQueue<>();
    private static final ExecutorService POOL = Executors.newFixedThreadPool(4);
    private static final ThreadLocal<Boolean> HAS_LOCAL = ThreadLocal.withInitial(() -> false);
    private static final Object INNER = new Object();

    private static void check(boolean fine, String what) {
        Threads.check(fine, what);
    }

    private static void exec(String code) {
        PythonExecutioner.exec(code);
    }

    /** Something that others may have closed already works, or says that it is gone. */
    private static void maybeGone(Runnable body) {
        try {
            body.run();
        } catch (IllegalStateException e) {
            check(e.getMessage().contains("closed"), e.toString());
        } catch (PythonException e) {
            if (!Threads.isInterrupt(e)) {
                check(e.getMessage().contains("does not exist") || e.getMessage().contains("deleted"), e.toString());
            }
        }
    }

    private static PythonObject number(long value) {
        return new PythonObject(value);
    }

    /** Lets go of everything that one thread left for another. */
    static void forget() {
        Arrays.asList(CODES, CALLABLES, BUFFERS).forEach(Collection::clear);
        POOL.shutdown();
    }

    static void add() {
        values();
        code();
        errors();
        border();
        turns();
        pools();
        processes();
    }

    private static void values() {
        Threads.inTurn("operators", random -> {
            long a = random.nextInt(1000);
            long b = 1 + random.nextInt(1000);
            PythonObject x = number(a);
            PythonObject y = number(b);
            check(x.add(y).toLong() == a + b && x.sub(y).toInt() == a - b && x.mul(y).toDouble() == a * b, "sums");
            check(x.mod(y).toLong() == a % b && x.floorDiv(y).toLong() == a / b && x.sub(y).abs().toLong() == Math.abs(a - b), "rests");
            check(x.trueDiv(y).toFloat() == (float) ((double) a / b), "quotient");
            PythonObject list = new PythonObject(Arrays.asList(1, 2));
            list.addi(new PythonObject(Collections.singletonList(a)));
            list.muli(number(2));
            check(list.toList().equals(Arrays.asList(1L, 2L, a, 1L, 2L, a)), "in place");
        });
        Threads.inTurn("items and attributes", random -> {
            PythonObject map = Python.dict();
            map.set(new PythonObject("k"), number(5));
            map.attr("update").call(Map.of("l", 6));
            check(map.get("k").toLong() == 5 && map.get(new PythonObject("l")).toLong() == 6 && map.toMap().size() == 2, "map");
            long sum = 0;
            for (PythonObject each : new PythonObject(Arrays.asList(1, 2, 3))) {
                sum += each.toLong();
                each.close();
            }
            check(sum == 6 && new PythonObject(Arrays.asList(7, 8)).get(1).toLong() == 8, "list");
        });
        Threads.inTurn("calls", random -> {
            PythonObject dict = Python.attr("dict");
            check(dict.callWithKwargs(Collections.singletonMap("a", 1)).toMap().size() == 1, "named");
            check(dict.callWithArgsAndKwargs(Collections.emptyList(), Collections.singletonMap("b", 2)).toMap().size() == 1, "both");
            check(Python.attr("max").callWithArgs(Arrays.asList(1, 9, 3)).toLong() == 9, "in order");
            check(Python.attr("abs").call(-4).toLong() == 4, "one");
        });
        Threads.inTurn("builtins", random -> {
            PythonObject text = new PythonObject("12");
            PythonObject number = number(12);
            check(Python.len(text).toInt() == 2 && Python.int_(number).toLong() == 12 && Python.float_(number).toDouble() == 12, "numbers");
            check(Python.bool(text).toBoolean() && Python.list(text).toList().size() == 2 && !Python.callable(text), "others");
            check(Python.isinstance(text, Python.strType()) && !Python.isinstance(text, Python.intType(), Python.bytesType()), "types");
            check(Python.str(Python.tuple(Python.set(Python.bytes(Python.bytearray())))).toString().equals("()"), "collections");
            check(Python.None().isNone() && Python.True().toBoolean() && !Python.False().toBoolean(), "constants");
            check(Python.importModule("math").attr("sqrt").call(4).toDouble() == 2 && !Python.globals().isNone(), "modules");
        });
        Threads.inTurn("variables", random -> {
            long mine = random.nextInt();
            PythonVariables in = new PythonVariables();
            in.addInt("i", mine);
            in.addStr("s", "t" + mine);
            in.addList("l", Arrays.asList(mine, "a"));
            PythonExecutioner.setVariables(in);
            PythonVariables out = new PythonVariables();
            out.addInt("i");
            out.addStr("s");
            out.addList("l");
            PythonExecutioner.getVariables(out);
            check(out.getIntValue("i") == mine && out.getStrValue("s").equals("t" + mine), "variables");
            check(out.getListValue("l").equals(Arrays.asList(mine, "a")), "list");
            PythonVariables all = PythonExecutioner.execAndReturnAllVariables("j = i + 1", in);
            check(all.getIntValue("j") == mine + 1, "all of them");
        });
        Threads.inTurn("types and conversions", random -> {
            long[] longs = {random.nextLong(), 2};
            check(Arrays.equals(Python.of(longs).toJava(long[].class), longs), "longs");
            check(PythonTypes.getPythonTypeForJavaObject("a") == PythonTypes.STR, "type of text");
            check(PythonTypes.getPythonTypeForPythonObject(number(1)).toJava(number(3)).equals(3L), "type of an int");
            check(PythonTypes.get("dict").equals(PythonTypes.DICT) && PythonTypes.get().size() > 6, "types by name");
            check(PythonTypes.BYTES.toJava(PythonTypes.convert(new byte[] {1, 2}))[1] == 2, "bytes");
        });
        Threads.inTurn("references by address", random -> {
            PythonObject object = number(random.nextLong());
            PythonRefCount.incRef(object.getNativePythonObject());
            PythonObject second = new PythonObject(object.getNativePythonObject(), false);
            check(second.toLong() == object.toLong(), "the same");
            PythonRefCount.decRef(object.getNativePythonObject());
        });
        Threads.inTurn("pauses of frames", random -> {
            try (PythonGC frame = PythonGC.watch()) {
                PythonGC pause = PythonGC.pause();
                PythonObject free = number(1);
                if (random.nextBoolean()) {
                    pause.close();
                } else {
                    PythonGC.resume();
                }
                PythonGC.register(free);
                check(PythonGC.isWatching() && free.toLong() == 1, "paused");
            }
        });
        Threads.inTurn("buffers of arrays", random -> {
            int[] values = {random.nextInt(), 2, 3, 4};
            PythonBuffer mine = PythonBuffer.of(values, 2, 2);
            PythonExecutioner.setVariable("view", mine.toMemoryview());
            exec("view[1, 1] = view[0, 0]\nplain = bytearray(view)");
            check(mine.toIntArray()[3] == values[0] && mine.shape()[1] == 2, "elements");
            BUFFERS.add(PythonBuffer.view(Python.eval("plain"))); // somebody else closes it, or reads it closed
            exec("del view, plain");
        });
        Threads.add("others' buffers", random -> {
            PythonBuffer other = BUFFERS.poll();
            if (other != null) {
                if (random.nextBoolean()) {
                    BUFFERS.add(other);
                }
                maybeGone(() -> check(other.toByteArray().length == 16 && other.count() == 16, "bytes"));
                if (random.nextBoolean()) {
                    other.close();
                    other.close();
                }
            }
            while (BUFFERS.size() > 100) {
                BUFFERS.poll();
            }
        });
    }

    private static void code() {
        Threads.inTurn("compiled code", random -> {
            PythonCode code = CODES.poll();
            if (code == null) {
                code = PythonCode.compile("b = a + 1");
            }
            PythonCode running = code;
            long mine = random.nextInt();
            if (random.nextBoolean()) {
                CODES.add(code); // others run it and close it
            }
            PythonVariable<Long> out = new PythonVariable<>("b", PythonTypes.INT);
            maybeGone(() -> {
                running.run(Arrays.asList(new PythonVariable<>("a", PythonTypes.INT, mine)), Arrays.asList(out), Duration.ofMinutes(1));
                check(out.getValue() == mine + 1, "another thread's b");
                running.run();
            });
            if (random.nextInt(8) == 0) {
                code.close();
                code.close();
            }
        });
        Threads.inTurn("callables", random -> {
            PythonCallable callable = CALLABLES.poll();
            if (callable == null) {
                callable = random.nextBoolean() ? PythonCallable.of("lambda x: x") : PythonCallable.of(Python.eval("lambda x: x"));
            }
            PythonCallable calling = callable;
            if (random.nextBoolean()) {
                CALLABLES.add(callable);
            }
            int mine = random.nextInt();
            maybeGone(() -> check(calling.callLong(mine) == mine && calling.callDouble(mine) == mine
                    && calling.callString("t" + mine).equals("t" + mine) && calling.call(Arrays.asList(mine, "a")) instanceof List
                    && calling.callAs(PythonTypes.BOOL, true), "results"));
            if (random.nextInt(8) == 0) {
                callable.close();
                callable.close();
            }
        });
        Threads.inTurn("output", random -> {
            String mine = "text " + random.nextInt();
            List<String> lines = new CopyOnWriteArrayList<>();
            PythonVariable<String> input = new PythonVariable<>("text", PythonTypes.STR, mine);
            try (PythonOutput outer = PythonOutput.to(lines::add, lines::add);
                    PythonOutput inner = PythonOutput.capture()) {
                PythonExecutioner.exec("print(text)", Collections.singletonList(input), null);
                check(inner.getOut().equals(mine + "\n"), inner.getOut());
                inner.close();
                inner.close();
                exec("print(text, 'twice')");
                check(lines.contains(mine + " twice\n"), lines.toString());
            }
        });
        Threads.inTurn("contexts through Python", random -> {
            String before = Python.getCurrentContext();
            Python.setContext("p" + random.nextInt(8));
            try {
                Python.exec("in_p = 1");
                check(PythonContextManager.hasContext(Python.getCurrentContext()), "it is there");
                if (random.nextInt(4) == 0) {
                    Python.resetContext();
                }
            } finally {
                Python.setContext(before);
            }
        });
        Threads.inTurn("interpreters", random -> {
            PythonInterpreter one = InitializingPythonInterpreter.getInstance();
            long mine = random.nextInt();
            one.set("u", mine);
            one.exec("u2 = u + 1");
            check(one.get("u2", true).equals(mine + 1), "another thread's u2");
            check(one.getCachedJava("u").equals(mine) && one.getCachedPythonJava("u").getFirst().toLong() == mine, "remembered");
        });
    }

    private static void errors() {
        Threads.inTurn("errors of every class", random -> {
            String[][] programs = {{"raise ValueError('v')", "ValueError"}, {"import absent_module", "ModuleNotFoundError"},
                {"exec('x = (')", "SyntaxError"}, {"import sys\nsys.exit(3)", "SystemExit"}, {"raise KeyError('k')", "KeyError"}};
            String[] program = programs[random.nextInt(programs.length)];
            try {
                PythonExecutioner.exec(program[0], null, null); // the other form prints what does not compile
                check(false, "no error");
            } catch (PythonException e) {
                if (!Threads.isInterrupt(e)) {
                    check(program[1].equals(e.getPythonClass()), e.toString());
                    check(e.getMessage() != null && e.getNotes() != null && "builtins".equals(e.getPythonModule()), "details");
                    check(!(e instanceof PythonSystemExit) || ((PythonSystemExit) e).getStatus() == 3, "status");
                    check((e instanceof PythonSyntaxError) == program[1].equals("SyntaxError"), "class");
                }
            }
        });
        Threads.inTurn("wrong values", random -> {
            Runnable[] wrong = {() -> PythonExecutioner.getVariable("absent", PythonTypes.INT),
                () -> Python.eval("'a'").toLong(), () -> Python.eval("[1]").get(5), () -> Python.eval("1").call(),
                () -> new PythonObject(new Object()), () -> Python.eval("object()").toJava(List.class),
                () -> PythonCallable.of("5"), () -> PythonBuffer.view(number(1)), () -> PythonTypes.get("no such type")};
            try {
                wrong[random.nextInt(wrong.length)].run();
                check(false, "nothing thrown");
            } catch (PythonException | IllegalArgumentException | NullPointerException | UnsupportedOperationException e) {
                check(PythonGIL.isHeld(), "the turn stays");
            }
        });
    }

    private static void border() {
        Threads.inTurn("interfaces of Python's objects", random -> {
            long mine = random.nextInt(1000);
            LongUnaryOperator operator = Python.eval("lambda n: n + " + mine).asInterface(LongUnaryOperator.class);
            check(operator.applyAsLong(1) == mine + 1, "in the turn");
            check(onPythonThread(() -> operator.applyAsLong(2)) == mine + 2, "on a thread of Python's, which needs no turn");
        });
        Threads.inTurn("functions and references of Java's", random -> {
            long mine = random.nextInt(1000);
            Map<Object, Object> map = new java.util.concurrent.ConcurrentHashMap<>();
            PythonExecutioner.setVariable("java_map", Python.reference(map));
            Supplier<Long> supplier = () -> mine;
            PythonExecutioner.setVariable("java_function", Python.function(supplier));
            exec("java_map['k'] = java_function()\ndel java_map, java_function");
            check(map.get("k").equals(mine), "map");
            PythonObject hidden = Python.reference(new StringBuilder("a"), PythonExposure.none().allow(StringBuilder.class, "length"));
            check(hidden.attr("length").call().toLong() == 1, "allowed");
            try {
                hidden.attr("reverse").call();
                check(false, "not allowed, but there");
            } catch (PythonException e) {
                check(Threads.isInterrupt(e) || "AttributeError".equals(e.getPythonClass()), e.toString());
            }
        });
        Threads.inTurn("a monitor inside Python", random -> {
            PythonObject inside = Callbacks.callable((args, named) -> {
                synchronized (INNER) {
                    exec("inside = 1");
                    if (random.nextInt(4) == 0) {
                        INNER.wait(1);
                    }
                    return 5;
                }
            });
            synchronized (INNER) { // and Python inside of the monitor, which is re-entrant like the turn
                check(inside.call().toLong() == 5, "inside");
            }
            check(inside.call().toLong() == 5, "inside");
        });
        Threads.inTurn("callbacks on asyncio's threads", random -> {
            long mine = random.nextInt(1000);
            PythonExecutioner.setVariable("back", Callbacks.callable((args, named) -> {
                synchronized (INNER) {
                    return Python.eval("1 + " + mine).toLong();
                }
            }));
            exec("import asyncio\nasync def main():\n    return sum(await asyncio.gather(*[asyncio.to_thread(back) for _ in range(3)]))\n"
                    + "answer = asyncio.run(main())");
            check(PythonExecutioner.getVariable("answer", PythonTypes.INT).getValue() == 3 * (mine + 1), "three answers");
        });
    }

    /** On a thread that Python makes and waits for. */
    private static long onPythonThread(Supplier<Long> body) {
        long[] result = new long[1];
        PythonObject call = Callbacks.callable((args, named) -> {
            result[0] = body.get();
            return null;
        });
        PythonExecutioner.setVariable("elsewhere", call);
        exec("import threading\nt = threading.Thread(target=elsewhere)\nt.start()\nt.join()\ndel elsewhere");
        return result[0];
    }

    private static void turns() {
        Threads.add("no conditions", random -> {
            GILLock lock = new GILLock();
            try {
                lock.newCondition();
                check(false, "a condition");
            } catch (UnsupportedOperationException e) {
                check(!PythonGIL.isHeld(), "nothing taken");
            }
            lock.lock();
            try {
                lock.newCondition().await();
                check(false, "a condition of a locked one");
            } catch (UnsupportedOperationException e) {
                check(PythonGIL.isHeld(), "nothing given back");
            } finally {
                lock.unlock();
            }
        });
        Threads.add("a lock that another thread unlocks", random -> {
            GILLock lock = new GILLock();
            lock.lock();
            try {
                Thread other = Threads.spawn(lock::unlock); // it took nothing by this lock
                other.join();
                check(PythonGIL.isHeld(), "still locked");
                exec("still = 1");
            } finally {
                lock.unlock();
            }
        });
        Threads.add("closing in the wrong order", random -> {
            PythonGIL first = PythonGIL.lock();
            PythonGIL second = PythonGIL.lock();
            try {
                first.close();
                exec("order = 1");
            } finally {
                first.close();
                second.close();
            }
            second.close(); // late
            check(!PythonGIL.isHeld(), "all given back");
        });
        Threads.add("closing late, within a later turn", random -> {
            PythonGIL late = PythonGIL.lock();
            late.close();
            try (PythonGIL later = PythonGIL.lock()) {
                late.close();
                check(PythonGIL.isHeld(), "the later turn stays");
                exec("later = 1");
            }
        });
        Threads.inTurn("others that wait in vain", random -> {
            boolean[] got = new boolean[1];
            Thread waiter = Threads.spawn(() -> {
                try (PythonGIL gil = PythonGIL.tryLock(Duration.ofMillis(random.nextInt(3)))) {
                    got[0] = gil != null;
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
            });
            if (random.nextBoolean()) {
                waiter.interrupt();
            }
            waiter.join();
            check(!got[0], "two turns at once");
        });
        Threads.add("waiting and being interrupted", random -> {
            Thread waiter = Threads.spawn(() -> {
                try {
                    PythonGIL.lock().close();
                } catch (PythonException e) {
                    check(Threads.isInterrupt(e), e.toString());
                }
            });
            waiter.interrupt();
            waiter.join();
        });
        Threads.add("dying with everything open", random -> {
            if (random.nextInt(20) == 0) {
                boolean shared = random.nextBoolean();
                Threads.spawn(() -> {
                    PythonGIL turn = shared ? PythonGIL.lockShared() : PythonGIL.lock();
                    check(turn != null && PythonGC.watch() != null && PythonGC.pause() != null, "open");
                    PythonGIL.lock();
                    number(1);
                    exec("dying = [1]");
                });
            }
        });
        Threads.add("what monitoring sees", random -> {
            PythonGILMXBean monitor = PythonGIL.monitor();
            check(monitor.getHandles() >= 0 && monitor.getFrames() >= 0 && monitor.getCachedTexts() >= 0, "counts");
            check(monitor.getTurns() > 0 && monitor.getWaitedNanos() >= 0 && monitor.getHeldNanos() >= 0, "times");
            check(!PythonGIL.waiters().contains(Thread.currentThread()) && monitor.getWaiters() != null, "waiters");
            monitor.getHolder();
            monitor.setTimingEnabled(random.nextBoolean());
            try (PythonGIL gil = PythonGIL.lock()) {
                check(PythonGIL.holder() == Thread.currentThread(), "holder");
            }
        });
        Threads.add("a watchdog", random -> {
            if (random.nextInt(10) == 0) {
                PythonWatchdog dog = PythonGIL.watch(Duration.ofMillis(1), report -> check(report.toString().contains("Java"), "report"));
                try (PythonGIL gil = PythonGIL.lock()) {
                    exec("import time\ntime.sleep(0.003)");
                } finally {
                    dog.close();
                    dog.close();
                }
            }
        });
    }

    private static void pools() {
        Threads.add("a pool thread's own", random -> Threads.get(POOL.submit(() -> {
            try (PythonGIL gil = PythonGIL.lock()) {
                own(Thread.currentThread().getName());
            }
            return null;
        })));
        Threads.inTurn("this thread's own", random -> {
            if (!Threads.isVirtual()) { // a virtual thread has those of its carrier
                own(Thread.currentThread().getName());
            }
        });
        Threads.inTurn("a pool of Python's that stays", random -> {
            exec("import sys\nfrom concurrent.futures import ThreadPoolExecutor\n"
                    + "if 'torture_pool' not in sys.modules: sys.modules['torture_pool'] = ThreadPoolExecutor(3)\n"
                    + "pooled = sum(sys.modules['torture_pool'].map(abs, [-1, -2]))");
            check(PythonExecutioner.getVariable("pooled", PythonTypes.INT).getValue() == 3, "pooled");
        });
    }

    /** What a thread put into threading.local and into a context variable is there in its next turn, and is nobody else's. */
    private static void own(String name) {
        exec("import threading, sys, contextvars\nm = sys.modules\nl = m.setdefault('torture_local', threading.local())\n"
                + "v = m.setdefault('torture_var', contextvars.ContextVar('v', default=None))\n"
                + "before = [getattr(l, 'name', None), v.get()]");
        List<?> before = PythonExecutioner.getVariable("before", PythonTypes.LIST).getValue();
        for (Object each : before) {
            check(name.equals(each) || each == null && !HAS_LOCAL.get(), name + " finds " + before);
        }
        PythonExecutioner.setVariable("mine", new PythonObject(name));
        exec("l.name = mine\nv.set(mine)");
        HAS_LOCAL.set(true);
    }

    private static void processes() {
        Threads.add("processes", random -> {
            if (random.nextInt(100) == 0) { // each costs as much as a thousand other steps
                check(PythonProcess.runAndReturn("-c", "print('child')").trim().equals("child"), "a child");
            }
        });
        Threads.add("packages", random -> {
            if (random.nextInt(20) == 0) {
                check(!PythonProcess.isPackageInstalled("no-such-package-at-all"), "a package that is not");
            }
            try {
                PythonProcess.pipInstall("--index-url=file:///");
                check(false, "an option as a package");
            } catch (PythonException e) {
                check(e.getMessage().contains("option") || e.getMessage().startsWith("Not "), e.toString());
            }
        });
        Threads.add("the environment", random -> {
            if (random.nextInt(20) == 0) {
                check(PythonEnvironment.report().contains("interpreter"), "report");
                PythonExecutioner.init();
                PythonEnvironment.packages();
                new PythonConstants();
            }
        });
    }
}
