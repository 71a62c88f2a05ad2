// SPDX-License-Identifier: Apache-2.0
// Coroutines submitted from Java: results, errors, cancellation, limits, context variables, the end of loops.
package org.nd4j.python4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class PythonAsyncTest {

    private PythonAsync async;

    @BeforeEach
    void defineFunctions() {
        async = PythonAsync.get();
        async.exec("import asyncio, contextvars\n"
                + "async def add(a, b):\n    await asyncio.sleep(0)\n    return a + b\n"
                + "async def now(value): return value\n"
                + "async def endlessly():\n    while True:\n        await asyncio.sleep(0.001)\n        yield 'x'\n"
                + "async def fail(text):\n    await asyncio.sleep(0)\n    raise ValueError(text)\n"
                + "async def forever(begun, ended):\n"
                + "    try:\n        begun()\n        await asyncio.sleep(1000)\n    finally:\n        await asyncio.sleep(0)\n        ended()\n")
                .join();
    }

    private PythonObject function(String name) {
        return async.eval(PythonObject.class, name).join();
    }

    private static PythonFunction countsDown(CountDownLatch latch) {
        return (given, named) -> {
            latch.countDown();
            return null;
        };
    }

    @Test
    void aCoroutineFunctionIsAwaited() {
        assertEquals(5, async.submit(int.class, function("add"), 2, 3).join());
        assertEquals(5L, async.submit(PythonTypes.INT, function("add"), 2, 3).join());
        assertEquals("ab", async.submit(String.class, function("add"), "a", "b").join());
        assertEquals(List.of(LocalDate.of(2024, 2, 29)),
                async.submit(new PythonTypeToken<List<LocalDate>>() {}, function("now"), List.of(LocalDate.of(2024, 2, 29))).join());
        assertEquals(Arrays.asList(1L, null, "x"), async.submit(Object.class, function("now"), Arrays.asList(1, null, "x")).join());
        assertEquals(List.of(1L), async.submit(PythonTypes.LIST, function("now"), List.of(1)).join());
    }

    @Test
    void aFunctionIsCalledByItsName() {
        assertEquals(5, async.submit(int.class, "add", 2, 3).join());
        assertEquals(5L, async.submit(PythonTypes.INT, "asyncio.sleep", 0, 5).join());
        assertEquals(List.of("x"), async.submit(new PythonTypeToken<List<String>>() {}, "now", List.of("x")).join());
        assertEquals(List.of("x", "x"), async.stream(String.class, "endlessly").limit(2).collect(Collectors.toList()));
        assertEquals(List.of(4, 5), async.stream(new PythonTypeToken<Integer>() {}, "range", 4, 6).collect(Collectors.toList()));
        Expect.failure("NameError: name 'nobody' is not defined", () -> joined(async.submit(int.class, "nobody", 1)));
        Expect.failure("NameError: name 'nobody' is not defined", () -> async.stream(int.class, "nobody").count());
        assertEquals("y", async.submit(String.class, "now('y')").join());
    }

    private static void joined(CompletableFuture<?> future) {
        try {
            future.join();
        } catch (CompletionException e) {
            throw (RuntimeException) e.getCause();
        }
    }

    @Test
    void aCoroutineObjectIsAwaited() {
        try (PythonGIL gil = PythonGIL.lock()) {
            PythonExecutioner.exec("async def here(): return 'here'");
            assertEquals("here", async.submit(String.class, Python.eval("here()")).join());
        }
    }

    @Test
    void aTurnCanWaitForItsTask() {
        try (PythonGIL gil = PythonGIL.lock(); PythonGIL inner = PythonGIL.lock()) {
            PythonExecutioner.exec("x = 1");
            assertEquals(3, async.submit(int.class, function("add"), 1, 2).join());
            assertEquals(1, PythonExecutioner.getVariable("x").toInt());
        }
    }

    /** Of these futures some do not know of the GIL: that is told after a while, and nobody waits for ever. */
    @Test
    void aTurnDoesNotWaitForEverForAnyFuture() throws Exception {
        String[] lines = ChildJvm.output("waitsForTheLoopWithinATurn", "-Dorg.eclipse.python4j.callback.patience=300").split("\n");
        String vain = "Thread 'main' waits within its turn of Python, without a limit, and keeps the GIL with its turn, so that the event loop"
                + " of PythonAsync cannot go on. ";
        for (int i = 0; i < 6; i += 2) {
            assertTrue(lines[i].contains(vain + "It waits for a coroutine, and neither would ever end. Wait for"), lines[i]);
            assertEquals("42", lines[i + 1]);
        }
        assertEquals(List.of("11", "42", "TimeoutException: null", "42", "1 2 1 4 5 6 7 "), Arrays.asList(lines).subList(6, 11));
        assertTrue(lines[11].startsWith(vain + "No other thread of this JVM runs that could end this wait."), lines[11]);
        assertEquals("9", lines[12]);
    }

    @Test
    void objectsOfAFrameThatClosesAreThere() {
        CompletableFuture<Long> sum;
        try (PythonGIL gil = PythonGIL.lock(); PythonGC frame = PythonGC.watch()) {
            sum = async.submit(Long.class, Python.eval("sum"), Python.eval("[1, 2, 3]"));
        }
        assertEquals(6L, sum.join());
    }

    @Test
    void aResultMayBeAnObject() {
        PythonObject list = async.submit(PythonObject.class, function("now"), List.of(1, 2)).join();
        try (PythonGIL gil = PythonGIL.lock()) {
            assertEquals("[1, 2]", list.toString());
        }
    }

    @Test
    void whatIsRaisedComesAsAPythonException() {
        ExecutionException failed = assertThrows(ExecutionException.class, () -> async.submit(String.class, function("fail"), "no").get());
        PythonException e = assertInstanceOf(PythonException.class, failed.getCause());
        assertEquals("ValueError", e.getPythonClass());
        assertEquals("no", e.getPythonMessage());
        assertTrue(e.getTraceback().contains("in fail"), e.getTraceback());
    }

    @Test
    void anExceptionOfJavasIsTheSameAgain() {
        IllegalStateException thrown = new IllegalStateException("closed");
        PythonFunction f = (given, named) -> {
            throw thrown;
        };
        async.exec("async def call(f): return f()").join();
        CompletionException failed = assertThrows(CompletionException.class, () -> async.submit(String.class, function("call"), f).join());
        assertSame(thrown, failed.getCause());
    }

    @Test
    void aResultOfAnotherTypeFailsThatTaskAlone() {
        CompletableFuture<Integer> wrong = async.submit(int.class, function("now"), "text");
        CompletableFuture<Integer> right = async.submit(int.class, function("now"), 1);
        assertEquals(1, right.join());
        assertInstanceOf(PythonException.class, assertThrows(CompletionException.class, wrong::join).getCause());
    }

    @Test
    void aValueWithoutCounterpartIsRefused() {
        PythonObject now = function("now");
        assertThrows(PythonException.class, () -> async.submit(String.class, now, new Object()));
        assertEquals("still", async.submit(String.class, now, "still").join());
    }

    @Test
    void systemExitEndsItsTaskAlone() {
        for (String code : new String[] {"raise SystemExit(3)", "import sys, asyncio\nawait asyncio.sleep(0)\nsys.exit(3)"}) {
            CompletionException failed = assertThrows(CompletionException.class, () -> async.exec(code).join());
            assertInstanceOf(PythonSystemExit.class, failed.getCause());
            assertEquals("on", async.eval(String.class, "now('on')").join());
        }
    }

    @Test
    void cancelRunsFinally() throws Exception {
        CountDownLatch begun = new CountDownLatch(1);
        CountDownLatch ended = new CountDownLatch(1);
        CompletableFuture<Void> task = async.submit(Void.class, function("forever"), countsDown(begun), countsDown(ended));
        assertTrue(begun.await(10, TimeUnit.SECONDS));
        assertFalse(task.isDone());
        assertTrue(task.cancel(true));
        assertThrows(CancellationException.class, task::join);
        assertTrue(ended.await(10, TimeUnit.SECONDS));
    }

    @Test
    void aTaskThatIsCancelledInPythonCancelsItsFuture() {
        CompletableFuture<Void> task = async.exec("async def cancelled():\n    asyncio.current_task().cancel()\n    await asyncio.sleep(1)\nawait cancelled()");
        assertThrows(CancellationException.class, task::join);
        assertTrue(task.isCancelled());
    }

    @Test
    void aLimitCancels() throws Exception {
        CountDownLatch begun = new CountDownLatch(1);
        CountDownLatch ended = new CountDownLatch(1);
        CompletableFuture<Void> task = async.within(Duration.ofMillis(50))
                .submit(Void.class, function("forever"), countsDown(begun), countsDown(ended));
        PythonTimeout late = assertInstanceOf(PythonTimeout.class, assertThrows(CompletionException.class, task::join).getCause());
        assertEquals("The task did not end within PT0.05S.", late.getMessage());
        assertTrue(ended.await(10, TimeUnit.SECONDS));
        assertEquals(1, async.within(Duration.ofSeconds(20)).submit(int.class, function("now"), 1).join());
    }

    @Test
    void completionFromOutsideCancels() throws Exception {
        CountDownLatch begun = new CountDownLatch(1);
        CountDownLatch ended = new CountDownLatch(1);
        CompletableFuture<Void> task = async.submit(Void.class, function("forever"), countsDown(begun), countsDown(ended))
                .orTimeout(50, TimeUnit.MILLISECONDS);
        assertThrows(CompletionException.class, task::join);
        assertTrue(ended.await(10, TimeUnit.SECONDS));
    }

    @Test
    void contextVariablesTravelAsACopy() throws Exception {
        async.exec("v = contextvars.ContextVar('v', default='none')\n"
                + "async def read():\n    before = v.get()\n    await asyncio.sleep(0)\n    v.set('changed')\n    return before").join();
        PythonObject v = function("v");
        PythonObject read = function("read");
        CompletableFuture<String> within;
        try (PythonGIL gil = PythonGIL.lock()) {
            v.attr("set").call("request 1");
            within = async.submit(String.class, read);
            v.attr("set").call("request 2");
        }
        assertEquals("request 1", within.join());
        assertEquals("request 2", async.submit(String.class, read).join());
        assertEquals("request 2", async.submit(String.class, read).join());
        assertEquals("none", OtherThread.call(() -> async.submit(String.class, read).join()));
        try (PythonGIL gil = PythonGIL.lock()) {
            assertEquals("request 2", v.attr("get").call().toString());
        }
    }

    @Test
    void contextVariablesAreAGeneratorsToo() {
        async.exec("v = contextvars.ContextVar('v', default='none')\n"
                + "async def asynchronous():\n    yield v.get()\n    v.set('changed')\n    yield v.get()\n"
                + "def plain():\n    yield v.get()\n    v.set('changed')\n    yield v.get()\n").join();
        PythonObject v = function("v");
        for (String name : new String[] {"asynchronous", "plain"}) {
            PythonObject generator = function(name);
            try (PythonGIL gil = PythonGIL.lock()) {
                v.attr("set").call("request 3");
                assertEquals("[request 3, changed]", Arrays.toString(async.stream(String.class, generator).toArray()));
                assertEquals("request 3", v.attr("get").call().toString());
            }
        }
    }

    @Test
    void contextVariablesOfWhoOpensTheLoopAreNotEverybodys() throws Exception {
        PythonObject read;
        PythonAsync mine;
        try (PythonGIL gil = PythonGIL.lock()) {
            PythonExecutioner.exec("import asyncio, contextvars\nv = contextvars.ContextVar('v', default='none')\nv.set('first')\n"
                    + "async def read(): return v.get()");
            read = PythonExecutioner.getVariable("read");
            mine = PythonAsync.start(Python.eval("asyncio.new_event_loop()"));
        }
        assertEquals("first", mine.submit(String.class, read).join());
        assertEquals("none", OtherThread.call(() -> mine.submit(String.class, read).join()));
        mine.close();
    }

    @Test
    void theLoopsOwnThreadDoesNotWaitForItself() {
        AtomicReference<Throwable> refused = new AtomicReference<>();
        PythonObject now = function("now");
        async.submit(int.class, now, 1).thenAccept(one -> {
            CompletableFuture<Integer> other = async.submit(int.class, now, 2);
            try {
                other.thenApply(x -> x).join();
            } catch (PythonException e) {
                refused.set(e);
            }
        }).handle((x, e) -> x).join();
        if (refused.get() != null) { // else this thread was late, and ran it
            assertTrue(refused.get().getMessage().startsWith("This is the thread of the event loop"), refused.get().toString());
        }
    }

    @Test
    void manyAtOnce() {
        PythonObject add = function("add");
        List<CompletableFuture<Integer>> all = new ArrayList<>();
        for (int i = 0; i < 5000; i++) {
            all.add(async.submit(int.class, add, i, 1));
        }
        for (int i = 0; i < all.size(); i++) {
            assertEquals(i + 1, all.get(i).join());
        }
    }

    @Test
    void anExclusiveTurnOfAnotherThreadDoesNotStopTheLoop() throws Exception {
        PythonObject add = function("add");
        OtherThread.call(() -> {
            try (PythonGIL gil = PythonGIL.lock()) {
                CountDownLatch done = new CountDownLatch(1);
                PythonExecutioner.setVariable("wait", Python.function((given, named) -> done.await(20, TimeUnit.SECONDS)));
                Thread other = new Thread(() -> {
                    async.submit(int.class, add, 1, 1).join();
                    done.countDown();
                });
                other.start();
                assertTrue(Python.eval("wait()").toBoolean());
            }
            return null;
        });
    }

    @Test
    void aLoopOfTheProgramsOwn() throws Exception {
        PythonObject loop;
        try (PythonGIL gil = PythonGIL.lock()) {
            PythonExecutioner.exec("import asyncio\nmine = asyncio.new_event_loop()");
            loop = PythonExecutioner.getVariable("mine");
        }
        PythonAsync mine = PythonAsync.of(loop);
        CompletableFuture<String> before = mine.eval(String.class, "str(1)");
        Thread runs = new Thread(() -> {
            try (PythonGIL gil = PythonGIL.lockShared()) {
                loop.attr("run_forever").call();
            }
        });
        runs.start();
        assertEquals("1", before.get(20, TimeUnit.SECONDS));
        CompletableFuture<Void> pending = mine.exec("import asyncio\nawait asyncio.sleep(1000)");
        mine.exec("import asyncio\nasyncio.get_running_loop().stop()").join();
        runs.join();
        assertTrue(mine.isOpen());
        try (PythonGIL gil = PythonGIL.lock()) {
            loop.attr("close").call();
        }
        PythonException ended = assertInstanceOf(PythonException.class, assertThrows(CompletionException.class, pending::join).getCause());
        assertTrue(ended.getMessage().contains("ended, or was closed"), ended.getMessage());
        assertFalse(mine.isOpen());
        assertThrows(PythonException.class, () -> mine.exec("pass"));
    }

    @Test
    void closingEndsWhatIsPending() throws Exception {
        PythonAsync other;
        try (PythonGIL gil = PythonGIL.lock()) {
            PythonExecutioner.exec("import asyncio");
            other = PythonAsync.start(Python.eval("asyncio.new_event_loop()"));
        }
        CountDownLatch begun = new CountDownLatch(1);
        CountDownLatch ended = new CountDownLatch(1);
        CompletableFuture<Void> task = other.submit(Void.class, function("forever"), countsDown(begun), countsDown(ended));
        assertTrue(begun.await(10, TimeUnit.SECONDS));
        other.close();
        assertEquals(0, ended.getCount());
        assertThrows(CancellationException.class, task::join);
        assertFalse(other.isOpen());
        other.close();
        assertTrue(async.isOpen());
    }

    @Test
    void whatWaitsForALoopThatDiesFails() throws Exception {
        for (String death : new String[] {"loop._selector.close()", "loop._selector.select = None", "raise SystemExit", "loop.stop()"}) {
            PythonObject loop;
            try (PythonGIL gil = PythonGIL.lock()) {
                PythonExecutioner.exec("import asyncio\ndying = asyncio.new_event_loop()");
                loop = PythonExecutioner.getVariable("dying");
            }
            PythonAsync dying = PythonAsync.start(loop);
            CompletableFuture<Void> pending = dying.exec("import asyncio\nawait asyncio.sleep(1000)");
            CompletableFuture<List<String>> elements = CompletableFuture.supplyAsync(() -> {
                try (Stream<String> stream = dying.stream(String.class, function("endlessly"))) {
                    return stream.collect(Collectors.toList());
                }
            });
            dying.exec("import asyncio\nawait asyncio.sleep(0.01)\nloop = asyncio.get_running_loop()\n"
                    + "def die():\n    " + death + "\nloop.call_later(0.05, die)").join();
            if (death.startsWith("raise")) { // as in a task, that ends nothing
                assertEquals(1, dying.eval(int.class, "1").get(20, TimeUnit.SECONDS));
                dying.close();
            }
            Throwable ended = assertThrows(Exception.class, () -> pending.get(20, TimeUnit.SECONDS));
            assertTrue(ended instanceof CancellationException || ended.getCause().getMessage().contains("ended, or was closed"), ended.toString());
            assertThrows(ExecutionException.class, () -> elements.get(20, TimeUnit.SECONDS));
            for (long late = System.nanoTime() + TimeUnit.SECONDS.toNanos(20); dying.isOpen(); Thread.sleep(1)) {
                assertTrue(System.nanoTime() < late, death);
            }
            assertThrows(PythonException.class, () -> dying.exec("pass"));
        }
        assertEquals(1, PythonAsync.get().eval(int.class, "1").join());
    }

    @Test
    void whatIsRefusedOrOverIsNotPending() throws Exception {
        String[] lines = ChildJvm.output("nothingStaysPending").split("\n");
        assertTrue(lines[0].startsWith("NullPointerException") && lines[1].startsWith("PythonException: Unable to find"), Arrays.toString(lines));
        assertEquals(List.of("3", "ended"), Arrays.asList(lines).subList(2, 4));
    }

    /** A window of the elements is there at a time: a tenth of them would not fit. */
    @Test
    @Timeout(300) // its child has a limit of its own
    void aMillionElementsNeedLittleMemory() throws Exception {
        assertEquals("499999500000", ChildJvm.output("streamsAMillion", "-Xmx24m"));
    }

    @Test
    void theJvmEndsInOrder() throws Exception {
        assertEquals("1000 begun\n1000 ended", ChildJvm.output("endsWithTasks"));
    }

    @Test
    void nothingIsLoadedBeforeItsFirstUse() throws Exception {
        assertEquals("false false false true", ChildJvm.output("usesNoLoop", "--add-opens=java.base/java.lang=ALL-UNNAMED"));
    }

    @Test
    void theWatchdogTellsThatATurnBlocksTheLoop() throws Exception {
        BlockingQueue<PythonWatchdog.Report> reports = new LinkedBlockingQueue<>();
        try (PythonWatchdog dog = PythonGIL.watch(Duration.ofMillis(100), reports::add)) {
            try (PythonGIL gil = PythonGIL.lock()) {
                PythonWatchdog.Report report = reports.poll(20, TimeUnit.SECONDS); // the turn keeps the GIL, in Java
                assertTrue(report.isLoopBlocked(), report.toString());
                assertTrue(report.toString().contains("The event loop of PythonAsync does not go on meanwhile."), report.toString());
                assertTrue(report.toString().contains("theWatchdogTellsThatATurnBlocksTheLoop"), report.toString());
            }
            try (PythonGIL gil = PythonGIL.lock()) {
                reports.clear();
                PythonExecutioner.exec("import time\ntime.sleep(1)");
                PythonWatchdog.Report report = reports.poll(20, TimeUnit.SECONDS);
                assertFalse(report.isLoopBlocked(), report.toString());
            }
        }
    }

    @Test
    void aLoopThatIsStoppedEndsInOrder() throws Exception {
        PythonAsync other;
        try (PythonGIL gil = PythonGIL.lock()) {
            PythonExecutioner.exec("import asyncio");
            other = PythonAsync.start(Python.eval("asyncio.new_event_loop()"));
        }
        CountDownLatch begun = new CountDownLatch(1);
        CountDownLatch ended = new CountDownLatch(1);
        CompletableFuture<Void> task = other.submit(Void.class, function("forever"), countsDown(begun), countsDown(ended));
        assertTrue(begun.await(10, TimeUnit.SECONDS));
        other.exec("import asyncio\nasyncio.get_running_loop().stop()").join();
        assertTrue(ended.await(10, TimeUnit.SECONDS));
        assertThrows(CancellationException.class, task::join);
    }
}
