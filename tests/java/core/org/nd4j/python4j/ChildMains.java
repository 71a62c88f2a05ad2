// SPDX-License-Identifier: Apache-2.0
// What the tests run in JVMs of their own, see ChildJvm: one method for each program. They print
// what they find; what that should be stands in the tests that start them.
package org.nd4j.python4j;

import static org.bytedeco.cpython.global.python.PyEval_RestoreThread;
import static org.bytedeco.cpython.global.python.PyEval_SaveThread;
import static org.bytedeco.cpython.global.python.PyGILState_Check;
import static org.bytedeco.cpython.global.python.PyList_Size;
import static org.bytedeco.cpython.global.python.PyRun_SimpleString;
import static org.bytedeco.cpython.global.python.Py_InitializeEx;

import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.PrintStream;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Type;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Flow;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Function;
import java.util.function.IntFunction;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.bytedeco.cpython.PyObject;
import org.bytedeco.cpython.PyThreadState;
import org.nd4j.python4j.internal.start.Interpreter;
import org.nd4j.python4j.internal.jni.Callbacks;
import org.nd4j.python4j.internal.jni.Handles;
import org.nd4j.python4j.internal.jni.Native;

final class ChildMains {
    private ChildMains() {}

    public static void main(String[] arguments) throws Throwable {
        try {
            ChildMains.class.getDeclaredMethod(arguments[0]).invoke(null);
        } catch (InvocationTargetException e) {
            throw e.getCause();
        }
    }

    /** Prints what a call returns or says. */
    private static void print(Callable<?> call) {
        Object result;
        try {
            result = call.call();
        } catch (Exception e) {
            boolean ours = e instanceof PythonException; // or a class of its own below it
            result = (ours ? "PythonException" : e.getClass().getSimpleName()) + ": " + e.getMessage();
        }
        System.out.println(result);
    }

    private static String run(String code) {
        PythonExecutioner.exec(code);
        return "ok";
    }

    private static String locked(String code) {
        try (PythonGIL gil = PythonGIL.lock()) {
            return run(code);
        }
    }

    /** Prints by how many megabytes the process was larger at the most than with what crossed: to Python and to Java. */
    static void crossesInParts() throws Exception {
        int count = 10_000_000;
        try (PythonGIL gil = PythonGIL.lock()) {
            PythonVariable<Object> x = new PythonVariable<>("x", PythonTypes.get("list"));
            for (int i = 0; i < 2; i++) { // once for classes and code
                List<Object> longs = new ArrayList<>(count);
                for (long n = 0; n < count; n++) {
                    longs.add(n);
                }
                PythonExecutioner.exec("x = None");
                forgetMost();
                PythonExecutioner.setVariable("x", Python.of(longs));
                long in = megabytes("VmHWM") - megabytes("VmRSS");
                longs = null;
                forgetMost();
                long before = megabytes("VmRSS");
                PythonExecutioner.exec("pass", null, List.of(x));
                long out = megabytes("VmHWM") - before;
                if (!Long.valueOf(count - 1).equals(((List<?>) x.getValue()).get(count - 1))) {
                    throw new AssertionError("another value");
                }
                x.setValue(null);
                if (i == 1) {
                    System.out.println(in + " " + out);
                }
            }
        }
    }

    /** What the other kinds of containers need beside them, in megabytes: a line for each. */
    static void othersCrossInParts() throws Exception {
        int count = 2_400_000; // Python's set has the size for some more, so it does not grow at the end
        PythonObject texts;
        try (PythonGIL gil = PythonGIL.lock()) {
            texts = Python.eval("[str(i) for i in range(" + count + ")]");
        }
        for (int i = 0; i < 2; i++) { // once for classes and code
            PrintStream out = i == 1 ? System.out : new PrintStream(new ByteArrayOutputStream());
            try (PythonGIL gil = PythonGIL.lock()) {
                PythonExecutioner.exec("many = " + count);
                PythonExecutioner.setVariable("texts", texts);
                PythonExecutioner.setVariable("j", Python.function(UnaryOperator.class, given -> given));
                Set<Object> set = new HashSet<>();
                for (long n = 0; n < count; n++) {
                    set.add(n);
                }
                out.println("set to Python " + grown(() -> PythonExecutioner.setVariable("x", Python.of(set))));
                set.clear();
                Map<Object, Object> dict = new HashMap<>(2 * count);
                for (int n = 0; n < count; n++) {
                    dict.put("key " + n, n * 0.5);
                }
                PythonExecutioner.exec("x = None");
                out.println("dict of texts to Python " + grown(() -> PythonExecutioner.setVariable("x", Python.of(dict))));
                dict.clear();
                out.println("dict of texts " + grownTo("x", Map.class));
                out.println("typed dict of texts " + grownTo("x", new PythonTypeToken<Map<String, Double>>() {}.type()));
                long[] longs = new long[count];
                PythonExecutioner.exec("x = None"); // what is replaced would hide what grows, or count as what was there before
                out.println("long[] to Python " + grown(() -> PythonExecutioner.setVariable("x", Python.of(longs))));
                out.println("set " + grownTo("set(range(many))", Set.class));
                out.println("keys " + grownTo("dict.fromkeys(range(many)).keys()", List.class));
                out.println("tuple " + grownTo("tuple(texts)", List.class));
                out.println("nested " + grownTo("{'list': texts}", Map.class));
                out.println("long[] " + grownTo("list(range(many))", long[].class));
                out.println("int[] " + grownTo("list(range(many))", int[].class));
                out.println("typed list " + grownTo("list(range(many))", new PythonTypeToken<List<Integer>>() {}.type()));
                out.println("typed dict " + grownTo("dict.fromkeys(range(many), 1.5)", new PythonTypeToken<Map<Long, Double>>() {}.type()));
                out.println("callback " + grown(() -> PythonExecutioner.exec("x = j(texts)")));
                PythonExecutioner.exec("x = None");
                PythonExecutioner.setVariable("length", Python.function(Function.class, given -> (long) ((String) given).length()));
                PythonExecutioner.exec("x = 'x' * 60_000_000");
                out.println("text " + grown(() -> PythonExecutioner.exec("assert length(x) == len(x)")));
                PythonExecutioner.exec("x = None");
            }
            try (PythonGIL gil = PythonGIL.lockShared()) {
                PythonExecutioner.setVariable("texts", texts);
                out.println("shared block " + grownTo("texts", List.class));
                out.println("nested in a shared block " + grownTo("[{1: texts}]", List.class));
            }
        }
    }

    /** Six million ints and doubles, which would be 170 and 190 MB as lists of Java. */
    static void arraysInALittleHeap() {
        try (PythonGIL gil = PythonGIL.lock()) {
            int[] ints = Python.eval("list(range(6_000_000))").toJava(int[].class);
            System.out.print(Arrays.stream(ints).asLongStream().sum());
            ints = null;
            double[] doubles = Python.eval("[0.5] * 6_000_000").toJava(double[].class);
            System.out.print(" " + Arrays.stream(doubles).sum());
        }
    }

    /** Its argument goes as a whole. */
    static void aTaskInALittleHeap() {
        PythonAsync async = PythonAsync.get();
        async.exec("async def length(x): return len(x)").join();
        PythonObject length = async.eval(PythonObject.class, "length").join();
        System.out.print(async.submit(Long.class, length, (Object) new long[5_000_000]).join());
    }

    private static long grownTo(String expression, Type type) throws Exception {
        try (PythonGC frame = PythonGC.watch()) {
            PythonObject value = Python.eval(expression);
            return grown(() -> value.toJava(type));
        }
    }

    /** How much more memory than before or after it the process has while something runs. */
    private static long grown(Runnable body) throws Exception {
        System.gc();
        forgetMost();
        long before = megabytes("VmRSS");
        body.run();
        return megabytes("VmHWM") - Math.max(before, megabytes("VmRSS"));
    }

    private static void forgetMost() throws Exception {
        Files.writeString(Path.of("/proc/self/clear_refs"), "5");
    }

    private static long megabytes(String what) throws Exception {
        return Files.lines(Path.of("/proc/self/status"))
                .filter(line -> line.startsWith(what))
                .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")) / 1024)
                .sum();
    }

    /** The JVM ends while a thousand tasks wait. */
    static void endsWithTasks() {
        locked("import atexit\nended = [0]\natexit.register(lambda: print(*ended, 'ended'))");
        PythonObject ended;
        try (PythonGIL gil = PythonGIL.lock()) {
            ended = PythonExecutioner.getVariable("ended");
        }
        PythonAsync async = PythonAsync.get();
        async.exec("import asyncio\nbegun = 0\nasync def wait(ended):\n    global begun\n    begun += 1\n"
                + "    try:\n        await asyncio.sleep(1000)\n    finally:\n        await asyncio.sleep(0)\n        ended[0] += 1").join();
        PythonObject wait = async.eval(PythonObject.class, "wait").join();
        for (int i = 0; i < 1000; i++) {
            async.submit(Void.class, wait, ended);
        }
        async.exec("while begun < 1000: await asyncio.sleep(0.001)\nprint(begun, 'begun')").join();
        try (PythonGIL gil = PythonGIL.lock()) { // the end comes within a turn
            System.exit(0);
        }
    }

    /** The bytes that a call, a text and an attribute allocate each. */
    static void bytesOfSmallCalls() {
        try (PythonGIL gil = PythonGIL.lock(); PythonCallable add = PythonCallable.of("lambda a, b: a + b")) {
            PythonExecutioner.exec("class O: x = 1234567\no = O()");
            PythonObject o = PythonExecutioner.getVariable("o");
            printBytes(0, () -> add.callLong(1000, 2000));
            printBytes(0, () -> PythonExecutioner.exec("x = 1"));
            printBytes(48, () -> {
                PythonObject x = o.attr("x");
                x.toLong();
                x.del();
            });
        }
    }

    private static void printBytes(long expected, Runnable step) {
        com.sun.management.ThreadMXBean threads =
                (com.sun.management.ThreadMXBean) java.lang.management.ManagementFactory.getThreadMXBean();
        long id = Thread.currentThread().getId();
        long least = Long.MAX_VALUE;
        for (int round = 0; round < 100 && least > expected; round++) { // the compiler takes its time
            long before = threads.getThreadAllocatedBytes(id);
            for (int i = 0; i < 10_000; i++) {
                step.run();
            }
            least = Math.min(least, (threads.getThreadAllocatedBytes(id) - before) / 10_000);
        }
        System.out.println(least);
    }

    /** The reader is slower than the generator, whose elements are texts of half a kilobyte. */
    static void streamsAMillion() throws Exception {
        PythonAsync async = PythonAsync.get();
        async.exec("async def texts(n):\n    for i in range(n): yield f'{i:06}' + 500 * 'x'").join();
        long sum = 0;
        try (Stream<String> texts = async.stream(String.class, async.eval(PythonObject.class, "texts").join(), 1_000_000)) {
            for (Iterator<String> each = texts.iterator(); each.hasNext(); ) {
                sum += Integer.parseInt(each.next().substring(0, 6));
            }
        }
        System.out.println(sum);
    }

    /** What is refused or over is not pending: the thread that looks on ends. */
    static void nothingStaysPending() throws Exception {
        PythonAsync async = PythonAsync.get();
        async.exec("import asyncio\nasync def count():\n    for i in range(10): yield i").join();
        PythonObject count = async.eval(PythonObject.class, "count").join();
        Flow.Publisher<Integer> once = async.publisher(int.class, async.eval(PythonObject.class, "count()").join());
        for (int i = 0; i < 2; i++) {
            once.subscribe(new Flow.Subscriber<Integer>() {
                @Override
                public void onSubscribe(Flow.Subscription subscription) {
                    subscription.cancel();
                }

                @Override
                public void onNext(Integer item) {}

                @Override
                public void onError(Throwable thrown) {}

                @Override
                public void onComplete() {}
            });
        }
        print(() -> PythonAsync.get().submit(int.class, count, (Object[]) null));
        print(() -> PythonAsync.get().submit(int.class, count, new Object()));
        try (Stream<Integer> some = async.stream(int.class, count)) {
            print(() -> some.limit(3).count());
        }
        async.exec("await asyncio.sleep(1000)").cancel(true);
        try (PythonGIL gil = PythonGIL.lock()) { // as long as this and something pending last, so does that thread
            for (long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(20); System.nanoTime() < end; Thread.sleep(10)) {
                if (Thread.getAllStackTraces().keySet().stream().noneMatch(thread -> thread.getName().equals("python4j-async-wait"))) {
                    System.out.println("ended");
                    break;
                }
            }
        }
    }

    /** Waits for coroutines within a turn by what does not know of the GIL. */
    static void waitsForTheLoopWithinATurn() throws Exception {
        PythonAsync async = PythonAsync.get();
        locked("import asyncio");
        async.exec("import asyncio\nasync def nap(x):\n    await asyncio.sleep(0.01)\n    return x").join();
        PythonObject nap = async.eval(PythonObject.class, "nap").join();
        List<CompletableFuture<Integer>> tasks = new ArrayList<>();
        IntFunction<CompletableFuture<Integer>> task = x -> {
            tasks.add(PythonAsync.get().submit(int.class, nap, x)); // a captured loop would be loaded with this class
            return tasks.get(tasks.size() - 1);
        };
        List<Callable<?>> waits = List.of(
                () -> CompletableFuture.allOf(task.apply(1), task.apply(2)).join(),
                () -> CompletableFuture.completedFuture(1).thenCompose(task::apply).get(),
                () -> CompletableFuture.completedFuture(3).thenCombine(task.apply(4), Integer::sum).thenApply(x -> x).toCompletableFuture().join(),
                () -> task.apply(5).thenCombine(task.apply(6), Integer::sum).orTimeout(1, TimeUnit.SECONDS).join(),
                () -> CompletableFuture.allOf(task.apply(7)).get(20, TimeUnit.MILLISECONDS));
        for (Callable<?> wait : waits) {
            try (PythonGIL gil = PythonGIL.lock()) {
                print(wait);
                System.out.println(Python.eval("6 * 7"));
            }
        }
        for (CompletableFuture<Integer> each : tasks) {
            System.out.print(each.join() + " "); // none of them was harmed
        }
        System.out.println();
        CountDownLatch latch = new CountDownLatch(1);
        try (PythonGIL gil = PythonGIL.lock()) {
            PythonAsync.start(Python.eval("asyncio.new_event_loop()")).exec("import asyncio\nawait asyncio.sleep(1000)");
            task.apply(8).whenComplete((x, e) -> {
                System.out.println(e.getMessage());
                latch.countDown();
            });
            latch.await();
        }
        System.out.println(task.apply(9).join());
    }

    /** Nothing of event loops is loaded before they are used. */
    static void usesNoLoop() throws Exception {
        locked("x = 1");
        PythonExecutioner.shutdown();
        java.lang.reflect.Method loaded = ClassLoader.class.getDeclaredMethod("findLoadedClass", String.class);
        loaded.setAccessible(true);
        for (String name : new String[] {"PythonAsync", "internal.loop.Loop", "internal.jni.Messages", "PythonExecutioner"}) {
            System.out.print((loaded.invoke(ChildMains.class.getClassLoader(), "org.nd4j.python4j." + name) != null) + " ");
        }
    }

    /** What Python hears of calls back that the JVM itself fails. */
    static void callsBackInVain() {
        try (PythonGIL gil = PythonGIL.lock()) {
            PythonExecutioner.setVariable("f", Python.function((arguments, named) -> 1L));
            try {
                run("f(bytes(100_000_000))");
            } catch (OutOfMemoryError e) { // of the code that reads the arguments, as if the function had thrown it
                System.out.println(e);
            }
            run("import threading\nheard = []\ndef call():\n    try: f(1)\n    except RuntimeError as e: heard.append(str(e))\n"
                    + "import os\nleast = os.sysconf('SC_THREAD_STACK_MIN') if hasattr(os, 'sysconf') else 0\n"
                    + "threading.stack_size(max(65536, least))\nthread = threading.Thread(target=call)\nthread.start()\nthread.join()");
            print(() -> Python.eval("heard").toString());
        }
    }

    private static String value(String expression) {
        try (PythonGIL gil = PythonGIL.lock()) {
            return Python.eval(expression).toString();
        }
    }

    // ---- PythonGCTest ----

    static void manyObjectsOutsideAnyFrame() throws Exception {
        try (PythonGIL gil = PythonGIL.lock()) {
            for (int i = 0; i < 1_300_000; i++) {
                new PythonObject(i);
            }
            long deadline = System.nanoTime() + 20_000_000_000L;
            while (Handles.count() > 700_000 && System.nanoTime() < deadline) {
                Thread.sleep(10);
                PythonExecutioner.exec("x = 1"); // which frees what is found
            }
            print(() -> Handles.count() < 700_000);
        }
    }

    // ---- StopperTest, PythonWatchdogTest ----

    static void watchesAfterAFullHeap() throws Exception {
        AtomicInteger reports = new AtomicInteger();
        PythonGIL.watch(Duration.ofMillis(200), report -> reports.incrementAndGet());
        locked("import time\ntime.sleep(0.5)"); // a class whose loading runs out of memory is lost
        Thread sleeper = new Thread(() -> within(Duration.ofMinutes(1), "time.sleep(2)"));
        sleeper.start();
        Thread.sleep(100); // the watchdog's report and looks at the call come while there is no memory
        fillTheHeap(1_000_000_000L);
        sleeper.join();
        reports.set(0);
        print(() -> within(Duration.ofSeconds(1), "end = time.monotonic() + 10\nwhile time.monotonic() < end: pass"));
        System.out.println(reports);
    }

    private static String within(Duration limit, String code) {
        try (PythonGIL gil = PythonGIL.lock()) {
            PythonExecutioner.exec(code, null, null, limit);
            return "ran";
        }
    }

    private static void fillTheHeap(long nanos) {
        long end = System.nanoTime() + nanos;
        Object[] last = null;
        for (int size = 1 << 18; System.nanoTime() < end; ) {
            try {
                Object[] next = new Object[size];
                next[0] = last;
                last = next;
            } catch (OutOfMemoryError e) {
                size = Math.max(1, size / 2);
            }
        }
    }

    // ---- LifetimesTest ----

    /**
     * The collector runs within each call, which has the handle of an object and no other use of it: at its beginning an
     * object is freed that others forgot, whose finalizer calls back into Java.
     */
    static void objectsStayForTheirOwnCalls() {
        try (PythonGIL gil = PythonGIL.lock()) {
            Runnable collect = ChildMains::collect;
            PythonExecutioner.setVariable("collect", Python.function(collect));
            run("class D:\n    def __del__(self): collect()");
            print(() -> memoryview(PythonBuffer.view(Python.eval("bytearray(b'ab')"))).isNone());
            print(() -> raised(Python.eval("ValueError('x')")).getMessage());
            print(() -> text(Python.eval("'ab'")));
            print(() -> attribute(Python.eval("1j")).isNone());
            print(() -> called(Python.eval("lambda: 5")).isNone());
            print(() -> sum(Python.eval("[1]"), Python.eval("[2]")).isNone());
            print(() -> callable(PythonCallable.of(Python.eval("lambda a: a"))));
        }
    }

    static void aReplyIsTooLarge() throws Exception {
        locked("class Big: pass\nl = [Big() for _ in range(100)] + ['x' * 10000 for _ in range(8000)]");
        int before = Handles.count();
        try (PythonGIL gil = PythonGIL.lock()) {
            PythonExecutioner.getVariable("l", PythonTypes.LIST);
        } catch (OutOfMemoryError e) {
            System.out.println(e.getClass().getSimpleName());
        }
        try (PythonGIL gil = PythonGIL.lock()) {
            collect(); // what Java had read of it
        }
        print(() -> Handles.count() - before);
    }

    private static void forgetOne() {
        PythonObject d = Python.eval("D()");
        Native.handleDropLater(d.handle());
    }

    private static void collect() {
        for (int i = 0; i < 5; i++) {
            System.gc();
            LockSupport.parkNanos(20_000_000);
        }
        PythonExecutioner.exec("pass"); // frees what was found
    }

    private static PythonObject memoryview(PythonBuffer buffer) {
        forgetOne();
        return buffer.toMemoryview();
    }

    private static Throwable raised(PythonObject exception) {
        forgetOne();
        return PythonException.of(exception);
    }

    private static String text(PythonObject object) {
        forgetOne();
        return object.toString();
    }

    private static PythonObject attribute(PythonObject object) {
        forgetOne();
        return object.attr("real");
    }

    private static PythonObject called(PythonObject object) {
        forgetOne();
        return object.call();
    }

    private static long callable(PythonCallable callable) {
        forgetOne();
        return callable.callLong(5);
    }

    private static PythonObject sum(PythonObject a, PythonObject b) {
        forgetOne();
        return a.add(b);
    }

    // ---- StartTest ----

    static void nothingStartsByItself() throws Exception {
        print(PythonGIL::locked);
        print(PythonContextManager::getCurrentContext);
        print(() -> new PythonVariable<>("x", PythonTypes.INT, 1).getName());
        print(() -> Class.forName("org.nd4j.python4j.PythonConstants").getSimpleName());
        print(PythonGIL::locked);
    }

    static void theDefaultThreadNeedsNoLock() throws Exception {
        print(() -> run("x = 1"));
        print(() -> PythonExecutioner.getVariable("x", PythonTypes.INT).getValue());
        print(PythonGIL::locked);
        print(() -> OtherThread.call(() -> run("x = 2")));
        CountDownLatch has = new CountDownLatch(1);
        CountDownLatch done = new CountDownLatch(1);
        OtherThread<String> other = OtherThread.start(() -> {
            try (PythonGIL gil = PythonGIL.lock()) {
                has.countDown();
                done.await();
                return run("x = 3");
            }
        });
        has.await();
        print(() -> run("x = 4"));
        done.countDown();
        print(other::join);
        print(() -> PythonExecutioner.getVariable("x", PythonTypes.INT).getValue());
    }

    static void firstUseInAnotherThread() throws Exception {
        print(() -> OtherThread.call(() -> locked("x = 1")));
        print(() -> run("x = 2"));
        print(() -> locked("x += 1"));
        print(() -> value("x"));
        print(() -> OtherThread.call(() -> value("x")));
    }

    static void manyThreadsStartAtOnce() throws Exception {
        CountDownLatch start = new CountDownLatch(1);
        java.util.List<OtherThread<String>> all = new java.util.ArrayList<>();
        for (int i = 0; i < 8; i++) {
            all.add(OtherThread.start(() -> {
                start.await();
                return locked("n = globals().get('n', 0) + 1");
            }));
        }
        start.countDown();
        for (OtherThread<String> one : all) {
            one.join();
        }
        print(() -> value("n"));
    }

    static void failsToStart() {
        Runtime.getRuntime().addShutdownHook(new Thread(() -> System.out.println("hook")));
        print(() -> locked("x = 1"));
        print(() -> run("x = 1"));
        print(PythonGIL::locked);
    }

    static void showsHowPythonStarted() {
        print(() -> value("(__import__('sys').flags, __import__('sys').argv, __import__('sys').path, __import__('sys').stdout.encoding, "
                + "__import__('sys').stdout.errors, __import__('sys').warnoptions, hash('abc'), "
                + "'tracemalloc %d' % __import__('tracemalloc').get_traceback_limit())"));
    }

    static void theConstructorStartsPython() {
        new PythonExecutioner();
        print(() -> org.bytedeco.cpython.global.python.Py_IsInitialized());
    }

    static void exitsOfPythonDoNotEndTheJvm() {
        for (String code : new String[] {"import sys; sys.exit(3)", "raise SystemExit('bye')"}) {
            print(() -> locked(code));
            print(() -> {
                try (PythonGIL gil = PythonGIL.lock()) {
                    PythonExecutioner.simpleExec(code);
                    return "ran";
                }
            });
        }
        print(() -> value("'alive'"));
    }

    static void atexitFunctionsRun() {
        locked("import atexit, sys\nbuffer = open(sys.stdout.fileno(), 'w', closefd=False)\n"
                + "buffer.write('buffered\\n')\natexit.register(lambda: print('goodbye'))\natexit.register(buffer.flush)");
        System.exit(7);
    }

    /** In one write: print() makes two, between which a hook may print. */
    private static final String GOODBYE = "import atexit, sys\natexit.register(lambda: sys.stdout.write('goodbye\\n'))";

    static void exitsWithinATurn() {
        PythonGIL.lock();
        PythonGIL.lock();
        run(GOODBYE);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> print(() -> value("'hook'"))));
        System.exit(7);
    }

    static void exitsWhileAnAtexitFunctionSleeps() {
        locked("import atexit, time\natexit.register(time.sleep, 1000)");
        System.out.println(System.currentTimeMillis());
        System.exit(7);
    }

    static void exitsWithinACallback() {
        PythonGIL.lock();
        run(GOODBYE);
        PythonObject exit = Callbacks.callable((args, named) -> {
            System.exit(7);
            return null;
        });
        exit.call();
    }

    static void endsWithinATurn() throws Exception {
        PythonGIL.lock();
        run(GOODBYE);
        Callbacks.callable((args, named) -> run("x = 1")).call();
        Thread main = Thread.currentThread();
        Thread other = new Thread(() -> {
            print(() -> {
                main.join();
                return PythonGIL.lock();
            });
            print(() -> PythonGIL.tryLock(Duration.ofSeconds(30)));
        });
        other.start();
    }

    static void sigtermIsTheJvms() throws Exception {
        Runtime.getRuntime().addShutdownHook(new Thread(() -> System.out.println("hook ran")));
        locked("import signal; signal.raise_signal(signal.SIGTERM)"); // what every system has of signals
        Thread.sleep(30_000);
    }

    static void signalHandlersOfPythonRun() {
        locked("import signal\ndef handler(*arguments): raise TimeoutError('alarm')\nsignal.signal(signal.SIGALRM, handler)");
        for (String wait : new String[] {"while True: pass", "import threading; threading.Lock().acquire(); l = threading.Lock(); l.acquire(); l.acquire()",
                "import select; select.select([], [], [], 60)", "import time; time.sleep(60)"}) {
            print(() -> locked("signal.setitimer(signal.ITIMER_REAL, 0.1)\n" + wait));
        }
    }

    static void faulthandlerLeavesNullChecksAlone() {
        locked("import faulthandler; faulthandler.enable()");
        int caught = 0;
        for (int i = 0; i < 200_000; i++) {
            try {
                caught += lengthOf(i % 2 == 0 ? null : "x");
            } catch (NullPointerException e) {
                caught++;
            }
        }
        print(() -> value("'alive'"));
        System.out.println(caught);
    }

    private static int lengthOf(String text) {
        return text.length();
    }

    // ---- PythonTypeTest ----

    /** A type that does what the property says before Python has started. */
    public static final class Untimely extends PythonType<Thread> {
        public Untimely() {
            super("untimely", Thread.class);
            if (does("calls")) {
                Python.eval("1");
            } else if (does("locks")) {
                print(PythonGIL::lock);
            }
        }

        private static boolean does(String what) {
            return System.getProperty("test.untimely").equals(what);
        }

        @Override
        public File[] packages() {
            if (does("throws")) {
                throw new IllegalStateException("no folder");
            }
            return does("lists null") ? new File[] {null} : super.packages();
        }

        @Override
        public Thread toJava(PythonObject pythonObject) {
            return null;
        }

        @Override
        public PythonObject toPython(Thread javaObject) {
            return null;
        }
    }

    static void aTypeUsesPythonBeforeItsStart() throws Exception {
        Path folder = Files.createTempDirectory("python4j-types");
        Path services = Files.createDirectories(folder.resolve("META-INF/services"));
        Path file = Files.writeString(services.resolve(PythonType.class.getName()), Untimely.class.getName());
        try (URLClassLoader loader = new URLClassLoader(new URL[] {folder.toUri().toURL()})) {
            Thread.currentThread().setContextClassLoader(loader);
            print(() -> locked("x = 42"));
            print(() -> value("x"));
        } finally {
            for (Path made = file; !made.equals(folder.getParent()); made = made.getParent()) {
                Files.delete(made);
            }
        }
    }

    // ---- NativeLoaderTest ----

    static void startsInterrupted() {
        Thread.currentThread().interrupt();
        PythonExecutioner.init();
        print(Thread::interrupted);
        print(() -> value("6 * 7"));
    }

    static void startsWhileItIsInterrupted() {
        Thread main = Thread.currentThread();
        Thread other = new Thread(() -> {
            for (int i = 0; i < 5; i++) {
                main.interrupt();
                LockSupport.parkNanos(200_000_000);
            }
        });
        other.setDaemon(true);
        other.start();
        PythonExecutioner.init();
        print(Thread::interrupted);
        while (other.isAlive()) {
            Thread.interrupted();
        }
        Thread.interrupted();
        print(() -> value("6 * 7"));
    }

    // ---- PrintingTest ----

    static void printsAndHalts() {
        ByteArrayOutputStream caught = new ByteArrayOutputStream();
        PrintStream before = System.out;
        System.setOut(new PrintStream(caught, true));
        locked("import sys\nprint('to stdout \u00e9\u4e2d')\nsys.stdout.write('no newline')\nsys.stderr.write('to stderr\\n')");
        System.setOut(before);
        System.out.print("|caught " + caught.size());
        System.out.flush();
        Runtime.getRuntime().halt(0); // no flush but the one of exec
    }

    static void failsQuietly() {
        print(() -> locked("def f():\n    1 / 0\nf()"));
        print(() -> locked("raise SystemExit(3)"));
        print(() -> value("nosuchname"));
    }

    static void failsWithATraceback() {
        print(() -> locked("x = ("));
        print(() -> {
            try (PythonGIL gil = PythonGIL.lock()) {
                PythonExecutioner.simpleExec("def simple():\n    1 / 0\nsimple()");
                return "ran";
            }
        });
    }

    // ---- SystemPropertiesTest ----

    static void path() {
        locked("import sys, os");
        print(() -> value("os.path.dirname(os.__file__)"));
        print(() -> value("'\\n'.join(sys.path)"));
    }

    static void importsMarker() {
        print(() -> locked("import python4j_marker"));
        print(() -> value("python4j_marker.WHERE"));
    }

    static void constants() {
        print(PythonConstants::defaultPythonPath);
        print(PythonConstants::javaCppPythonAppendType);
        print(PythonConstants::initializePython);
        print(PythonConstants::releaseGilAutomatically);
        print(PythonConstants::createNpyViaPython);
        locked("x = 1");
        print(PythonConstants::initializePython);
        print(PythonConstants::releaseGilAutomatically);
    }

    static void settersBeforeTheStart() {
        PythonConstants.setDefaultPythonPath(System.getProperty("test.folder"));
        PythonConstants.setJavacppPythonAppendType(PythonExecutioner.JavaCppPathType.AFTER);
        print(() -> value("__import__('sys').path[0]"));
    }

    static void settersAfterTheStart() {
        locked("import sys\nbefore = list(sys.path)");
        PythonConstants.setDefaultPythonPath(System.getProperty("test.folder"));
        PythonConstants.setJavacppPythonAppendType(PythonExecutioner.JavaCppPathType.NONE);
        PythonConstants.setReleaseGilAutomatically(false);
        PythonConstants.setInitializePython(false);
        print(() -> value("sys.path == before"));
        print(() -> OtherThread.call(() -> value("'alive'")));
    }

    static void keepsTheGil() throws Exception {
        PythonExecutioner.init();
        System.out.println(PyGILState_Check());
        print(() -> run("x = 'mine'"));
        print(() -> value("x"));
        System.out.println(PyGILState_Check());
        PythonExecutioner.init();
        PythonGIL.setMainThreadState();
        System.out.println(PyGILState_Check());
        print(() -> OtherThread.call(() -> value("x")));
        print(() -> value("x"));
    }

    static void keepsTheGilFirstUseElsewhere() throws Exception {
        print(() -> OtherThread.call(() -> locked("x = 1")));
        print(() -> OtherThread.call(() -> value("x")));
        print(() -> value("x")); // M2.1 hangs here
    }

    /** A host that runs Python and holds the GIL while it calls us. */
    static void insideAHost() throws Exception {
        Py_InitializeEx(0);
        PyRun_SimpleString("x = 'host'");
        try (PythonGIL gil = PythonGIL.lock()) {
            System.out.println(PythonExecutioner.getVariable("x", PythonTypes.STR).getValue());
            PythonExecutioner.exec("x += ' and guest'");
            print(() -> run("1 / 0"));
        }
        System.out.println(PyGILState_Check());
        print(() -> run("y = 1")); // inside already
        PyRun_SimpleString("import sys; sys.stdout.write(x + '\\n'); sys.stdout.flush()");
        PyThreadState host = PyEval_SaveThread();
        print(() -> OtherThread.call(() -> value("x")));
        PyEval_RestoreThread(host);
        System.out.println(PyRun_SimpleString("x = 'host again'"));
        print(() -> value("x"));
    }

    /** A host that runs Python and has let go of the GIL. */
    static void besideAHost() throws Exception {
        Py_InitializeEx(0);
        PyRun_SimpleString("x = 'host'");
        PyThreadState host = PyEval_SaveThread();
        print(() -> value("x"));
        print(() -> OtherThread.call(() -> locked("x += ' and guest'")));
        System.out.println(PyGILState_Check());
        PyEval_RestoreThread(host);
        System.out.println(PyRun_SimpleString("assert x == 'host and guest'"));
    }

    static void withoutAHost() {
        print(() -> locked("x = 1"));
        print(() -> locked("x = 1"));
        print(PythonConstants::initializePython);
    }

    // ---- OtherInterpreterTest ----

    static void wrapsWithoutASecondLibpython() throws Exception {
        try (PythonGIL gil = PythonGIL.lock()) {
            PythonObject list = Python.eval("[1, 2]");
            PyObject there = list.getNativePythonObject();
            System.out.println(there.address() != 0);
            System.out.println(new PythonObject(there, false));
            PythonRefCount.incRef(there);
            PythonRefCount.decRef(there);
            try {
                System.out.println(PyList_Size(there));
            } catch (LinkageError e) {
                System.out.println("refused");
            }
            System.out.println(list);
        }
        try (Stream<String> maps = Files.lines(Path.of("/proc/self/maps"))) {
            System.out.println(maps.filter(line -> line.contains("/libpython3"))
                    .map(line -> line.substring(line.indexOf('/')))
                    .distinct()
                    .count());
        }
    }

    // ---- PythonProcessTest ----

    static void runsAScript() throws Exception {
        PythonProcess.run("-c", "print('inherited')");
        PythonProcess.run(System.getProperty("test.script"), "argument");
        System.out.println("returned");
    }

    static void floodsStderr() throws Exception {
        String out = PythonProcess.runAndReturn(
                "-c", "import sys; sys.stderr.write('.' * 200_000 + '\\n'); print('x' * 300_000)");
        System.out.println(out.length());
    }

    static void installsVersions() {
        PythonProcess.pipInstall(DemoPackage.NAME);
        print(() -> PythonProcess.getPackageVersion(DemoPackage.NAME));
        PythonProcess.pipInstall(DemoPackage.NAME, "1.0");
        print(() -> PythonProcess.getPackageVersion(DemoPackage.NAME));
        print(() -> {
            PythonProcess.pipInstall(DemoPackage.NAME, "9.9");
            return "installed";
        });
        print(() -> {
            PythonProcess.pipInstall("python4j-no-such-package");
            return "installed";
        });
        print(() -> PythonProcess.getPackageVersion(DemoPackage.NAME));
    }

    // ---- LoggingTest ----

    static void logs() {
        try (PythonGIL gil = PythonGIL.lock(); PythonOutput log = PythonOutput.logging()) {
            run("import logging\nlogging.getLogger('model').error('drift of %d%%', 12)");
        }
        System.out.println("done");
    }

    // ---- EnvironmentsTest ----

    private static final String PREFIX = "import sys; print(sys.prefix)";

    private static PythonEnvironment environment() {
        return PythonEnvironment.create(Path.of(System.getProperty("test.folder")));
    }

    static void makesAnEnvironment() {
        print(() -> environment().install(DemoPackage.NAME + "==1.0").use());
        print(() -> locked("import python4j_demo, sys; print(python4j_demo.VERSION, sys.prefix)"));
    }

    static void installsWhilePythonRuns() {
        PythonEnvironment environment = environment().use();
        print(() -> locked("import python4j_demo"));
        environment.install(DemoPackage.NAME + "==1.0");
        print(() -> locked("import python4j_demo; print(python4j_demo.VERSION)"));
    }

    static void startsPipOnlyIfItMust() {
        PythonEnvironment environment = environment();
        for (String wanted : new String[] {DemoPackage.NAME + "==1.0", "Python4j_Demo == 1", "PYTHON4J.demo==1.0.0"}) {
            environment.install(wanted); // there is no index here, so pip could only fail
        }
        print(() -> environment.install(DemoPackage.NAME + "==2.0"));
    }

    static void followsTheChoice() throws Exception {
        print(() -> PythonProcess.runAndReturn("-c", PREFIX).trim());
        PythonEnvironment environment = environment();
        System.setProperty(Interpreter.PROPERTY, environment.folder().toString());
        print(() -> PythonProcess.runAndReturn("-c", PREFIX).trim());
        print(() -> locked(PREFIX));
    }

    static void changesTheChoiceTooLate() throws Exception {
        PythonEnvironment environment = environment();
        environment.use();
        print(() -> locked("x = 1"));
        System.setProperty(Interpreter.PROPERTY, environment.folder().resolve(
                File.separatorChar == '/' ? "bin/python" : "Scripts/python.exe").toString());
        print(() -> locked("x = 2")); // the same in other words
        System.setProperty(Interpreter.PROPERTY, "embedded");
        print(() -> locked("x = 3"));
        print(() -> PythonProcess.runAndReturn("-c", PREFIX));
        print(() -> PythonGIL.lockShared());
        print(() -> {
            PythonExecutioner.init();
            return "ok";
        });
        System.setProperty(Interpreter.PROPERTY, "/no/such/python");
        print(() -> PythonProcess.isPackageInstalled("pip"));
        System.clearProperty(Interpreter.PROPERTY);
        print(() -> locked("x = 4"));
        print(() -> environment.use());
        print(() -> locked("print(x)"));
    }

    static void choosesAnEnvironmentTooLate() {
        print(() -> locked("x = 1"));
        print(() -> environment().use());
        print(() -> System.getProperty(Interpreter.PROPERTY, "embedded"));
        print(() -> locked("print(x)"));
    }

    /** The main thread waits for a latch and for a queue, in callbacks, while a thread of a pool waits for its turn. */
    static void waitsInVain() throws Exception {
        ExecutorService pool = Executors.newSingleThreadExecutor();
        CountDownLatch latch = new CountDownLatch(1);
        BlockingQueue<Long> queue = new LinkedBlockingQueue<>();
        Callable<Object> task = () -> {
            try (PythonGIL gil = PythonGIL.lock()) {
                queue.add(Python.eval("6 * 7").toLong());
                latch.countDown();
                return null;
            }
        };
        try (PythonGIL gil = PythonGIL.lock()) {
            PythonExecutioner.setVariable("latch", Python.function((args, named) -> {
                pool.submit(task);
                latch.await();
                return null;
            }));
            PythonExecutioner.setVariable("queue", Python.function((args, named) -> {
                pool.submit(task);
                try {
                    return queue.take();
                } catch (InterruptedException e) {
                    throw new IllegalStateException(e);
                }
            }));
            print(() -> run("latch()"));
            try (PythonGIL lent = PythonGIL.lend()) {
                System.out.println(queue.take());
            }
            print(() -> run("queue()"));
            System.out.println(Thread.interrupted());
        }
        pool.shutdown();
    }

    /** The same by what ignores interrupts: the other thread is refused. */
    static void waitsInVainForAFutureOrALock() throws Exception {
        CompletableFuture<Long> future = new CompletableFuture<>();
        ReentrantLock lock = new ReentrantLock();
        try (PythonGIL gil = PythonGIL.lock()) {
            PythonExecutioner.setVariable("future", Python.function((args, named) -> {
                new Thread(() -> {
                    try (PythonGIL other = PythonGIL.lock()) {
                        future.complete(Python.eval("6 * 7").toLong());
                    } catch (PythonException e) {
                        future.completeExceptionally(e);
                    }
                }, "other").start();
                return future.join();
            }));
            PythonExecutioner.setVariable("lock", Python.function((args, named) -> {
                CountDownLatch locked = new CountDownLatch(1);
                new Thread(() -> {
                    lock.lock();
                    try {
                        locked.countDown();
                        print(() -> locked("x = 1"));
                    } finally {
                        lock.unlock();
                    }
                }, "other").start();
                locked.await();
                lock.lock();
                return "locked";
            }));
            print(() -> run("future()"));
            print(() -> Python.eval("lock()"));
        }
    }
}
