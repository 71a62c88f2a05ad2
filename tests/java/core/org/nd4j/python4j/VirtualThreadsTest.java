// SPDX-License-Identifier: Apache-2.0
// Everything from virtual threads, in a JVM that has them: the newest JDK beside the one that runs the
// tests. Compiled for a Java without them, so they are made by reflection.
package org.nd4j.python4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.sun.management.UnixOperatingSystemMXBean;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.python4j.internal.turn.Turn;

class VirtualThreadsTest {

    private static final int LEAST = 21;
    private static final int THREADS = 1000;

    /** {@code -Dpython4j.tests.newest.jdk=HOME}, or the newest of the JDKs in one folder with this one. */
    private static Path newestJdk() throws IOException {
        String named = System.getProperty("python4j.tests.newest.jdk");
        if (named != null) {
            return Path.of(named);
        }
        Path own = Path.of(System.getProperty("java.home")).toRealPath();
        Path newest = null;
        int version = LEAST - 1;
        for (Path folder : Arrays.asList(own.getParent(), Path.of("/usr/lib/jvm"))) {
            if (!Files.isDirectory(folder)) {
                continue;
            }
            try (Stream<Path> homes = Files.list(folder)) {
                for (Path home : homes.collect(Collectors.toList())) {
                    if (version(home) > version && Files.isExecutable(home.resolve("bin/java"))) {
                        newest = home;
                        version = version(home);
                    }
                }
            }
        }
        return newest;
    }

    private static int version(Path home) throws IOException {
        Path release = home.resolve("release");
        if (!Files.isReadable(release)) {
            return 0;
        }
        Properties properties = new Properties();
        try (InputStream in = Files.newInputStream(release)) {
            properties.load(in);
        }
        String text = properties.getProperty("JAVA_VERSION", "0").replace("\"", "");
        return Integer.parseInt(text.split("[.+-]")[0]);
    }

    @Test
    void aThousandOfThem(@TempDir Path folder) throws Exception {
        inTheOtherJvm(folder, "thousand");
    }

    @Test
    void theWatchdogShowsWhereTheyAre(@TempDir Path folder) throws Exception {
        inTheOtherJvm(folder, "watchdog");
    }

    @Test
    void theirPlaces(@TempDir Path folder) throws Exception {
        inTheOtherJvm(folder, "places");
    }

    @Test
    void tenThousandOfThemAwaitCoroutines(@TempDir Path folder) throws Exception {
        inTheOtherJvm(folder, "async");
    }

    /** They need a file descriptor each; a server in a JVM of its own has the other ends. */
    @Test
    void tenThousandOfThemWaitForAServer(@TempDir Path folder) throws Exception {
        inTheOtherJvm(folder, "http");
    }

    /** No carrier is left, so no thread that waits could see that it waits in vain. */
    @Test
    void theirCallbacksDoNotKeepAllCarriersForGood(@TempDir Path folder) throws Exception {
        for (String carriers : Arrays.asList("1", "2")) {
            for (String program : Arrays.asList("carriers", "carriers in use")) {
                inTheOtherJvm(folder, program, "-Djdk.virtualThreadScheduler.parallelism=" + carriers,
                        "-Djdk.virtualThreadScheduler.maxPoolSize=" + carriers, "-Dorg.eclipse.python4j.callback.patience=500");
            }
        }
    }

    /** A virtual thread can be over within a microsecond after it gave its turn back: who looks at it then takes nothing over. */
    @Test
    void aTurnIsTakenOverFromAThreadOnlyThatEndedWithIt(@TempDir Path folder) throws Exception {
        inTheOtherJvm(folder, "ends");
    }

    private static void inTheOtherJvm(Path folder, String program, String... options) throws Exception {
        Path home = newestJdk();
        assumeTrue(home != null, "a JDK with virtual threads: " + LEAST + " or newer");
        List<String> command = new ArrayList<>();
        command.add(home.resolve("bin/java").toString());
        if (version(home) >= 24) {
            command.add("--enable-native-access=ALL-UNNAMED");
        }
        for (String option : ManagementFactory.getRuntimeMXBean().getInputArguments()) {
            if (option.startsWith("-Dorg.eclipse.python4j.")) {
                command.add(option);
            }
        }
        String classPath = System.getProperty("python4j.tests.classpath", System.getProperty("java.class.path"));
        command.addAll(Arrays.asList(options));
        command.addAll(Arrays.asList("-Xcheck:jni", "-cp", classPath, VirtualThreadsTest.class.getName(), program));
        Path log = folder.resolve("output.log");
        Process process = new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile()).start();
        try {
            boolean ended = process.waitFor(120, TimeUnit.SECONDS);
            String output = Files.readString(log);
            assertTrue(ended, "it hangs:\n" + output);
            assertEquals(0, process.exitValue(), output);
            assertTrue(output.contains("all well"), output);
            assertTrue(!output.contains("WARNING in native method") && !output.contains("FATAL ERROR"), output);
        } finally {
            process.destroyForcibly();
        }
    }

    // ---- in the other JVM ----

    interface Counter {
        List<Long> countTo(int n);
    }

    /** What the other JVM runs; it ends with an exception if anything is wrong. */
    public static void main(String[] arguments) throws Exception {
        if (arguments[0].equals("watchdog")) {
            watched();
        } else if (arguments[0].equals("async")) {
            awaiting();
        } else if (arguments[0].equals("http")) {
            waitingForAServer();
        } else if (arguments[0].equals("server")) {
            serve(Integer.parseInt(arguments[1]));
        } else if (arguments[0].equals("places")) {
            places();
        } else if (arguments[0].equals("carriers")) {
            carriers();
        } else if (arguments[0].equals("carriers in use")) {
            carriersInUse();
        } else if (arguments[0].equals("ends")) {
            ends();
        } else {
            aThousand();
        }
        System.out.println("all well");
    }

    private static final int AWAITING = 10_000;
    private static final int MOST_PLATFORM_THREADS = 10;

    /** As many coroutines as virtual threads: no platform thread waits. */
    private static void awaiting() throws Exception {
        PythonAsync async = PythonAsync.get();
        async.exec("import asyncio\nwaiting = most = 0\ngo = asyncio.Event()\nasync def wait(n):\n    global waiting, most\n"
                + "    waiting += 1\n    most = max(most, waiting)\n    await go.wait()\n    waiting -= 1\n    return n").join();
        PythonObject wait = async.eval(PythonObject.class, "wait").join();
        int before = ManagementFactory.getThreadMXBean().getThreadCount();
        AtomicInteger right = new AtomicInteger();
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < AWAITING; i++) {
            int n = i;
            threads.add(start(() -> {
                if (async.submit(int.class, wait, n).join() == n) {
                    right.incrementAndGet();
                }
            }));
        }
        async.exec("while waiting < " + AWAITING + ": await asyncio.sleep(0.001)").join();
        int more = ManagementFactory.getThreadMXBean().getThreadCount() - before;
        async.exec("go.set()");
        for (Thread thread : threads) {
            thread.join(60_000);
        }
        check(right.get() == AWAITING, right);
        check(async.eval(int.class, "most").join() == AWAITING, "all at once");
        check(more <= MOST_PLATFORM_THREADS, more + " platform threads more");
        contexts(async);
    }

    /** A virtual thread has no context variables of its own. Where Python called it, it has those of the code that called. */
    private static void contexts(PythonAsync async) throws Exception {
        async.exec("import contextvars\nv = contextvars.ContextVar('v', default='none')\nasync def read(): return v.get()\n"
                + "def call(f):\n    v.set('of the caller')\n    f()").join();
        PythonObject read = async.eval(PythonObject.class, "read").join();
        PythonObject v = async.eval(PythonObject.class, "v").join();
        PythonObject call = async.eval(PythonObject.class, "call").join();
        BlockingQueue<String> found = new LinkedBlockingQueue<>();
        for (int i = 0; i < 2 * Runtime.getRuntime().availableProcessors(); i++) { // each carrier once, or nearly so
            start(() -> {
                try (PythonGIL gil = PythonGIL.lock()) {
                    v.attr("set").call("of a turn");
                    call.call(Python.function((given, named) -> {
                        found.add(async.submit(String.class, read).join());
                        return null;
                    }));
                    found.add(async.submit(String.class, read).join());
                }
                found.add(async.submit(String.class, read).join());
            }).join();
            check(found.toString().equals("[of the caller, none, none]"), found);
            found.clear();
        }
    }

    private static final int DESCRIPTORS = 500; // for everything else that a JVM has open

    /** The server answers when all requests are there. */
    private static void waitingForAServer() throws Exception {
        Object system = ManagementFactory.getOperatingSystemMXBean();
        long limit = system instanceof UnixOperatingSystemMXBean ? ((UnixOperatingSystemMXBean) system).getMaxFileDescriptorCount() : AWAITING;
        int count = (int) Math.min(AWAITING, limit - DESCRIPTORS);
        Process server = new ProcessBuilder(System.getProperty("java.home") + "/bin/java", "-cp", System.getProperty("java.class.path"),
                VirtualThreadsTest.class.getName(), "server", String.valueOf(count)).redirectError(ProcessBuilder.Redirect.INHERIT).start();
        try (BufferedReader port = new BufferedReader(new InputStreamReader(server.getInputStream()))) {
            PythonAsync async = PythonAsync.get();
            async.exec("import asyncio\nport = " + port.readLine() + "\nasync def get(path):\n"
                    + "    reader, writer = await asyncio.open_connection('127.0.0.1', port)\n"
                    + "    writer.write(f'GET {path} HTTP/1.0\\r\\n\\r\\n'.encode())\n"
                    + "    answer = await reader.read()\n    writer.close()\n"
                    + "    return answer.split(b'\\r\\n\\r\\n')[1].decode()").join();
            PythonObject get = async.eval(PythonObject.class, "get").join();
            ThreadMXBean platform = ManagementFactory.getThreadMXBean();
            int before = platform.getThreadCount();
            platform.resetPeakThreadCount();
            long memory = resident();
            long start = System.nanoTime();
            AtomicInteger right = new AtomicInteger();
            List<Thread> threads = new ArrayList<>();
            for (int i = 0; i < count; i++) {
                String path = "/" + i;
                threads.add(start(() -> {
                    if (async.submit(String.class, get, path).join().equals("hello " + path)) {
                        right.incrementAndGet();
                    }
                }));
            }
            for (Thread thread : threads) {
                thread.join(100_000);
            }
            long millis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start);
            int more = platform.getPeakThreadCount() - before;
            System.out.println(count + " requests at once: " + millis + " ms, " + (resident() - memory) / count + " KB of memory for each, " + more
                    + " platform threads more, " + platform.getPeakThreadCount() + " in all");
            check(right.get() == count, right);
            check(more <= MOST_PLATFORM_THREADS, more + " platform threads more");
        } finally {
            server.destroyForcibly();
        }
    }

    /** KB of this process, at their most where the system says that. */
    private static long resident() throws IOException {
        Path status = Path.of("/proc/self/status");
        return !Files.isReadable(status) ? 0 : Files.readAllLines(status).stream().filter(line -> line.startsWith("VmHWM:"))
                .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", ""))).sum();
    }

    private static void serve(int count) throws Exception {
        PythonAsync async = PythonAsync.get();
        async.exec("import asyncio\ncame = 0\nall = asyncio.Event()\n"
                + "async def serve(reader, writer):\n    global came\n"
                + "    path = (await reader.readuntil(b'\\r\\n\\r\\n')).split()[1]\n    came += 1\n"
                + "    if came == " + count + ": all.set()\n    await all.wait()\n"
                + "    writer.write(b'HTTP/1.0 200 OK\\r\\n\\r\\nhello ' + path)\n    await writer.drain()\n    writer.close()\n"
                + "server = await asyncio.start_server(serve, '127.0.0.1', 0, backlog=4096)").join();
        System.out.println(async.eval(int.class, "server.sockets[0].getsockname()[1]").join());
        System.in.read(); // until the other process ends
    }

    private static void ends() throws Exception {
        Turn turn = new Turn();
        AtomicInteger lost = new AtomicInteger();
        AtomicInteger ended = new AtomicInteger();
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(3);
        Runnable holds = () -> {
            while (System.nanoTime() - end < 0) {
                if (turn.takeIfFree()) {
                    for (int i = 0; i < 300 && turn.isMine(); i++) {
                        Thread.onSpinWait();
                    }
                    if (turn.isMine()) {
                        turn.giveBack();
                    } else {
                        lost.incrementAndGet();
                    }
                }
            }
        };
        Thread first = new Thread(holds);
        Thread second = new Thread(holds);
        first.start();
        second.start();
        Semaphore running = new Semaphore(64);
        while (System.nanoTime() - end < 0) {
            running.acquire();
            start(() -> {
                for (int i = 0; i < 100 && !turn.isMine(); i++) {
                    turn.takeIfFree();
                }
                if (turn.isMine()) {
                    turn.giveBack();
                    ended.incrementAndGet();
                }
                running.release();
            });
        }
        first.join();
        second.join();
        check(ended.get() > 0 && lost.get() == 0, lost + " turns were lost while " + ended + " threads ended");
    }

    private static void aThousand() throws Exception {
        Counter counter;
        AtomicInteger called = new AtomicInteger();
        Map<Object, Object> results = new ConcurrentHashMap<>();
        try (PythonGIL gil = PythonGIL.lock()) {
            PythonExecutioner.exec("total = 0\ndef count_to(n):\n    return list(range(n))");
            Function<Long, Object> back = n -> {
                called.incrementAndGet();
                try (PythonGIL inner = PythonGIL.lock()) {
                    return Python.eval(n + " * 2").toLong();
                }
            };
            PythonExecutioner.setVariable("back", Python.function(back));
            PythonExecutioner.setVariable("results", Python.reference(results));
            counter = PythonExecutioner.getVariable("count_to").asInterface(Counter.class);
        }
        Set<String> carriers = ConcurrentHashMap.newKeySet();
        ExecutorService executor = (ExecutorService) Executors.class.getMethod("newVirtualThreadPerTaskExecutor").invoke(null);
        List<Future<?>> all = new ArrayList<>();
        for (int i = 0; i < THREADS; i++) {
            int number = i;
            Callable<?> task = () -> {
                one(number, counter, carriers);
                return null;
            };
            all.add(executor.submit(task));
        }
        for (Future<?> one : all) {
            one.get(100, TimeUnit.SECONDS);
        }
        executor.shutdown();
        check(called.get() == THREADS, called);
        check(results.size() == THREADS && results.get("t7").equals(14L), results.size());
        check(carriers.size() > 1 || Runtime.getRuntime().availableProcessors() == 1, carriers);
        try (PythonGIL gil = PythonGIL.lock()) {
            check(PythonExecutioner.getVariable("total", PythonTypes.INT).getValue().equals((long) THREADS), "total");
        }
        check(!PythonGIL.locked(), "locked");
        interrupted();
    }

    private static void one(int number, Counter counter, Set<String> carriers) throws Exception {
        check((boolean) Thread.class.getMethod("isVirtual").invoke(Thread.currentThread()), "virtual");
        try (PythonGIL gil = PythonGIL.lock(); PythonGC gc = PythonGC.watch()) {
            PythonExecutioner.exec("mine = " + number);
            Thread.yield(); // to another carrier, maybe, within the turn
            Thread.sleep(0, number % 3 == 0 ? 100_000 : 0);
            carriers.add(Thread.currentThread().toString().replaceAll(".*@", ""));
            PythonExecutioner.exec("total += 1\nresults['t%d' % mine] = back(mine)");
            check(PythonExecutioner.getVariable("mine", PythonTypes.INT).getValue().equals((long) number), "mine");
            List<PythonObject> kept = new ArrayList<>();
            Python.eval("[mine, {'k': mine}]").forEach(kept::add);
            check(kept.get(1).toJava(Map.class).equals(Collections.singletonMap("k", (long) number)), "dict");
            try {
                PythonExecutioner.exec("1 / 0");
                check(false, "no exception");
            } catch (PythonException e) {
                check(e.getMessage().equals("ZeroDivisionError: division by zero"), e);
            }
        }
        check(counter.countTo(3).equals(Arrays.asList(0L, 1L, 2L)), "a proxy takes a turn by itself");
        if (number % 10 == 0) {
            try (PythonGIL gil = PythonGIL.lockShared()) {
                PythonExecutioner.exec("import time\nown = " + number + "\ntime.sleep(0.005)");
                check(PythonExecutioner.getVariable("own", PythonTypes.INT).getValue().equals((long) number), "own");
            }
        }
        try (PythonGIL gil = PythonGIL.tryLock(Duration.ofSeconds(60))) {
            check(gil != null, "tryLock");
        }
    }

    /** A virtual thread that has its turn for long: in Python, where it is pinned, and in Java, where it has no carrier. */
    private static void watched() throws Exception {
        PythonGIL.lock().close();
        BlockingQueue<PythonWatchdog.Report> reports = new LinkedBlockingQueue<>();
        try (PythonWatchdog dog = PythonGIL.watch(Duration.ofMillis(100), reports::add)) {
            Thread inPython = start(() -> {
                try (PythonGIL gil = PythonGIL.lock()) {
                    PythonExecutioner.exec("import time\ngoing = True\ndef nap():\n    while going: time.sleep(0.01)\nnap()");
                }
            });
            PythonWatchdog.Report report = reports.poll(30, TimeUnit.SECONDS);
            check(report != null && report.getThread() == inPython, report);
            check(shows(report, "execRun") && shows(report, "exec"), report);
            check(report.getPythonStack().contains(", line 4, in nap\n    while going: time.sleep(0.01)"), report);
            check(!report.getPythonStack().contains("has the turn"), report); // not known: it is not bound to a thread of Python's
            check(report.toString().startsWith("Thread 'VirtualThread[#"), report);
            try (PythonGIL gil = PythonGIL.lockShared()) {
                PythonExecutioner.exec("import sys; sys.modules['__main__'].going = False");
            }
            inPython.join();
            reports.clear();
            Thread inJava = start(() -> {
                try (PythonGIL gil = PythonGIL.lock()) {
                    PythonExecutioner.exec("x = 1");
                    Thread.sleep(20_000);
                } catch (InterruptedException e) {
                    // has been seen
                }
            });
            report = reports.poll(30, TimeUnit.SECONDS);
            check(report != null && report.getThread() == inJava && shows(report, "sleep"), report);
            check(report.toString().endsWith("\nPython: no thread runs Python code."), report); // between calls it has no GIL
            inJava.interrupt();
            inJava.join();
        }
    }

    /** {@link PlaceTest}, each of its tests on a virtual thread. */
    private static void places() throws Exception {
        PlaceTest.start();
        List<String> failed = Collections.synchronizedList(new ArrayList<>());
        int count = 0;
        for (Method test : PlaceTest.class.getDeclaredMethods()) {
            if (test.isAnnotationPresent(Test.class)) {
                count++;
                Thread thread = start(() -> {
                    try {
                        PlaceTest instance = new PlaceTest();
                        test.invoke(instance);
                        instance.othersCanEnter();
                    } catch (InvocationTargetException e) {
                        failed.add(test.getName() + ": " + e.getCause() + Arrays.toString(e.getCause().getStackTrace()));
                    } catch (Exception | AssertionError e) {
                        failed.add(test.getName() + ": " + e);
                    }
                });
                thread.join(30_000);
                check(!thread.isAlive(), test.getName() + " hangs at " + Arrays.toString(thread.getStackTrace()));
            }
        }
        check(count > 20 && failed.isEmpty(), count + ", failed: " + failed);
    }

    private static final int CARRIERS = Integer.getInteger("jdk.virtualThreadScheduler.parallelism", 0);

    /** As many callbacks as there are carriers wait for a thread that has none. */
    private static void carriers() throws Exception {
        PythonGIL.lock().close();
        for (boolean turn : new boolean[] {true, false}) {
            for (boolean joins : new boolean[] {true, false}) {
                for (boolean queued : new boolean[] {true, false}) {
                    keepCarriers(turn, joins, queued);
                }
            }
        }
        aPlatformThreadJoins();
    }

    /** It keeps no carrier, and the thread that it waits for is refused. */
    private static void aPlatformThreadJoins() throws Exception {
        List<String> refused = Collections.synchronizedList(new ArrayList<>());
        Thread late = named("late", () -> {
            try (PythonGIL gil = PythonGIL.lock()) {
                refused.add("not");
            } catch (PythonException e) {
                refused.add(e.getMessage());
            }
        });
        try (PythonGIL gil = PythonGIL.lock()) {
            PythonExecutioner.setVariable("wait", Python.function((arguments, names) -> {
                late.start();
                late.join();
                return null;
            }));
            PythonExecutioner.exec("wait()");
        }
        check(refused.size() == 1 && refused.get(0).startsWith("Thread 'late' waits for the turn of Python that thread 'main' has"), refused);
    }

    /**
     * @param turn whether one of the callbacks has the turn, or all are in shared blocks
     * @param joins whether they join the thread, or wait for a latch
     * @param queued whether the thread waits for the turn before the callbacks begin, or is not begun
     */
    private static void keepCarriers(boolean turn, boolean joins, boolean queued) throws Exception {
        CountDownLatch ready = new CountDownLatch(CARRIERS);
        CountDownLatch go = new CountDownLatch(1);
        CountDownLatch inside = new CountDownLatch(CARRIERS);
        CountDownLatch begun = new CountDownLatch(1);
        CountDownLatch done = new CountDownLatch(1);
        Thread late = named("late", () -> {
            PythonGIL.lock().close();
            done.countDown();
        });
        PythonFunction wait = (arguments, names) -> {
            inside.countDown();
            begun.await();
            if (joins) {
                late.join();
            } else {
                done.await();
            }
            return null;
        };
        List<Throwable> thrown = Collections.synchronizedList(new ArrayList<>());
        List<Thread> callers = new ArrayList<>();
        for (int i = 0; i < CARRIERS; i++) {
            boolean locks = turn && i == 0;
            Thread caller = named("caller " + i, () -> {
                try (PythonGIL gil = locks ? PythonGIL.lock() : PythonGIL.lockShared()) {
                    PythonExecutioner.setVariable("wait", Python.function(wait));
                    ready.countDown();
                    go.await();
                    PythonExecutioner.exec("wait()");
                } catch (PythonException | InterruptedException e) {
                    thrown.add(e);
                }
            });
            callers.add(caller);
            caller.start();
        }
        ready.await();
        if (!queued) {
            go.countDown();
            inside.await();
            late.start();
            begun.countDown();
        } else if (turn) {
            queue(late);
            begun.countDown();
            go.countDown();
        } else {
            try (PythonGIL gil = PythonGIL.lock()) {
                queue(late);
                begun.countDown();
                PythonExecutioner.setVariable("pause", Python.function((arguments, names) -> {
                    go.countDown();
                    inside.await();
                    return null;
                }));
                PythonExecutioner.exec("pause()");
            }
        }
        late.join();
        for (Thread caller : callers) {
            caller.join();
        }
        String what = turn + ", " + joins + ", " + queued + ": " + thrown;
        check(!thrown.isEmpty() && thrown.size() <= CARRIERS, what);
        String text = thrown.get(0).getMessage();
        check(thrown.get(0) instanceof PythonException && text.contains("'caller ") && (!queued || text.contains("'late'"))
                && text.contains("parallelism"), what);
        try (PythonGIL gil = PythonGIL.lock(Duration.ofSeconds(20))) {
            PythonExecutioner.exec("after = 1");
        }
    }

    private static void queue(Thread thread) throws InterruptedException {
        thread.start();
        while (!PythonGIL.waiters().contains(thread)) {
            Thread.sleep(1);
        }
    }

    /** The same, but another thread lets the callbacks go on, late. */
    private static void carriersInUse() throws Exception {
        CountDownLatch inside = new CountDownLatch(CARRIERS);
        CountDownLatch go = new CountDownLatch(1);
        List<Throwable> thrown = Collections.synchronizedList(new ArrayList<>());
        List<Thread> callers = new ArrayList<>();
        for (int i = 0; i < CARRIERS; i++) {
            Thread caller = named("caller " + i, () -> {
                try (PythonGIL gil = PythonGIL.lockShared()) {
                    PythonExecutioner.setVariable("wait", Python.function((arguments, names) -> {
                        inside.countDown();
                        go.await();
                        return null;
                    }));
                    PythonExecutioner.exec("wait()");
                } catch (PythonException e) {
                    thrown.add(e);
                }
            });
            callers.add(caller);
            caller.start();
        }
        inside.await();
        Thread.sleep(2000);
        go.countDown();
        for (Thread caller : callers) {
            caller.join();
        }
        check(thrown.isEmpty(), thrown);
    }

    private static Thread named(String name, Runnable body) throws ReflectiveOperationException {
        Object builder = Thread.class.getMethod("ofVirtual").invoke(null);
        Class<?> type = Class.forName("java.lang.Thread$Builder");
        builder = type.getMethod("name", String.class).invoke(builder, name);
        return (Thread) type.getMethod("unstarted", Runnable.class).invoke(builder, body);
    }

    private static boolean shows(PythonWatchdog.Report report, String method) {
        return Arrays.stream(report.getJavaStack()).anyMatch(frame -> frame.getMethodName().equals(method));
    }

    private static Thread start(Runnable body) throws ReflectiveOperationException {
        return (Thread) Thread.class.getMethod("startVirtualThread", Runnable.class).invoke(null, body);
    }

    /** A virtual thread's interrupt ends its Python code, as any thread's does. */
    private static void interrupted() throws Exception {
        Object builder = Thread.class.getMethod("ofVirtual").invoke(null);
        List<Throwable> thrown = Collections.synchronizedList(new ArrayList<>());
        Runnable endless = () -> {
            try (PythonGIL gil = PythonGIL.lock()) {
                PythonExecutioner.exec("while True: pass");
            } catch (PythonException e) {
                thrown.add(e);
            }
        };
        Class<?> type = Class.forName("java.lang.Thread$Builder");
        Thread thread = (Thread) type.getMethod("start", Runnable.class).invoke(builder, endless);
        Thread.sleep(200);
        thread.interrupt();
        thread.join(10_000);
        check(!thread.isAlive() && thrown.size() == 1 && thrown.get(0) instanceof PythonInterrupted, thrown);
    }

    private static void check(boolean holds, Object what) {
        if (!holds) {
            throw new AssertionError(String.valueOf(what));
        }
    }
}
