// SPDX-License-Identifier: Apache-2.0
// Several class loaders with a copy of the library each, as an application server has them: each calls, and is
// called back, with its own classes. What the applications do is in LoadersApp.
package org.nd4j.python4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadInfo;
import java.lang.ref.WeakReference;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.nd4j.python4j.internal.jni.Handles;

class LoadersTest {
    private static final ExecutorService POOL = Executors.newSingleThreadExecutor(task -> {
        Thread thread = new Thread(task, "a server's thread");
        thread.setDaemon(true);
        return thread;
    });

    private Deployment one;
    private Deployment two;

    @BeforeEach
    void deploy() throws Exception {
        one = new Deployment("one").named("one");
        two = new Deployment("two").named("two");
    }

    @AfterEach
    void undeploy() throws Exception {
        one.run("context", "main");
        one.close();
        two.close();
        try (PythonGIL gil = PythonGIL.lock()) {
            PythonContextManager.deleteNonMainContexts();
            PythonContextManager.reset();
        }
    }

    @Test
    void eachGetsItsOwnCallbacks() {
        assertEquals("[]", one.run("functions", null));
        assertEquals("[]", two.run("functions", null));
        assertEquals("[]", one.run("functions", null));
        assertEquals("two 49", one.run("eval", "f_two()"), "called by one, of two");
    }

    @Test
    void eachCatchesItsOwnExceptions() {
        for (Deployment app : List.of(one, two, one)) {
            assertEquals("PythonException: ZeroDivisionError: division by zero", app.run("raise", "1/0"));
            assertEquals("PythonSyntaxError", app.run("raise", "1 +").toString().split(":")[0]);
            app.run("thrower", "thrower_" + app.run("name", app == one ? "one" : "two"));
        }
        assertEquals("own: of one", one.run("catch", "thrower_one()"));
        assertEquals("own: of two", two.run("catch", "thrower_two()"));
    }

    @Test
    void anExceptionOfTheOtherOneIsReported() {
        one.run("thrower", "thrower_one");
        assertEquals("org.nd4j.python4j.PythonException: JavaException: org.nd4j.python4j.LoadersApp$Own: of one",
                two.run("catch", "thrower_one()"));
    }

    @Test
    void andSoIsItsStackWhichKeepsNoClassLoader() throws Exception {
        Deployment third = new Deployment("third").named("third");
        third.run("thrower", "thrower_third");
        String own = "org.nd4j.python4j.LoadersApp$Own: ";
        String stack = two.run("stack", "def f():\n    thrower_third()\nf()").toString().replace(System.lineSeparator(), "\n");
        for (String part : List.of("JavaException: " + own + "of third\n", "\tat Python.f(", "Caused by: " + own + "of third\n\tat ",
                "LoadersApp.lambda$apply$", "\tSuppressed: " + own + "beside third\n", "Caused by: java.lang.IllegalStateException: inner third\n")) {
            assertTrue(stack.contains(part), part + " in " + stack);
        }
        stack = two.run("stack", "try:\n    thrower_third()\nexcept Exception as e:\n    raise e from ValueError('why')").toString().replace(System.lineSeparator(), "\n");
        assertTrue(stack.contains("\tSuppressed: " + own + "of third\n")
                && stack.contains("Caused by: org.nd4j.python4j.PythonException: ValueError: why"), stack);
        WeakReference<ClassLoader> gone = third.undeploy();
        third = null;
        collect(gone, 3);
    }

    @Test
    void eachGetsItsOwnOutput() {
        assertEquals("hello two\n", two.run("capture", "print('hello two')"));
        assertEquals("hello one\n", one.run("capture", "print('hello one')"));
        one.run("open", null);
        two.run("open", null);
        one.run("exec", "print('to the last')");
        assertEquals("to the last\n", two.run("close", null));
        two.run("exec", "print('to the first again')");
        assertEquals("to the first again\n", one.run("close", null));
    }

    @Test
    void aReferenceIsTheVeryObjectForItsOwnerOnly() {
        Object list = one.run("reference", "list_one");
        two.run("exec", "list_one.append('from two')");
        assertEquals(List.of("one", "from two"), list);
        assertEquals("ArrayList", one.run("arrives", "list_one"));
        assertEquals("python", two.run("arrives", "list_one"));
        one.run("function", "function_one");
        assertEquals("[[1]] in one", two.run("eval", "function_one([1])"));
        assertEquals("[two] in one", two.run("eval", "function_one(" + "'two')"));
        assertEquals("python", two.run("arrives", "function_one"));
    }

    @Test
    void proxiesArraysAndDeadlinesWorkForBoth() {
        for (Deployment app : List.of(one, two, one)) {
            app.run("exec", "class Greeter:\n    def greet(self, whom): return 'hello ' + whom");
            assertEquals("hello " + (app == one ? "one" : "two"), app.run("proxy", "Greeter()"));
            assertEquals(3.0, app.run("array", "array"));
            assertEquals("timeout", app.run("deadline", "100"));
        }
    }

    @Test
    void aDeadlineEndsWhatTheOtherOneRunsWithin() throws Exception {
        two.run("runner", "run_two");
        assertEquals("timeout", POOL.submit(() -> one.run("within", "100 run_two('while True: pass')")).get(20, TimeUnit.SECONDS));
        assertEquals("endless", one.run("within", "20000 run_two('for i in range(1000): pass')"));
    }

    @Test
    void contextsAreTheProcessesAndTheCurrentOneIsShared() {
        one.run("context", "shared");
        two.run("exec", "x = 'set by two'");
        assertEquals("set by two", one.run("eval", "x"));
        two.run("context", "main");
        assertEquals("NameError: name 'x' is not defined",
                one.run("raise", "x").toString().replaceFirst("PythonException: ", "").split("\n")[0]);
    }

    /** The third one is this test's own. */
    @Test
    void allHaveOneTurnAndOneQueue() throws Exception {
        assertEquals(true, OtherThread.call(() -> one.run("tryLock", "1000")));
        OtherThread<Object> waiting;
        try (PythonGIL gil = PythonGIL.lock()) {
            assertEquals(true, one.run("tryLock", "0"), "on this thread it is just one more");
            two.run("exec", "x_two = 1");
            assertTrue(PythonGIL.locked());
            assertEquals(false, OtherThread.call(() -> one.run("tryLock", "20")));
            assertEquals(false, OtherThread.call(() -> two.run("tryLock", "20")));
            waiting = OtherThread.start(() -> two.run("eval", "x_two"));
            for (int i = 0; i < 1000 && !PythonGIL.waiters().contains(waiting.thread); i++) {
                Thread.sleep(1);
            }
            assertEquals(List.of(waiting.thread), PythonGIL.waiters());
            Thread.sleep(150); // it has looked who has the turn
            ThreadInfo info = ManagementFactory.getThreadMXBean().getThreadInfo(waiting.thread.getId());
            assertEquals(Thread.currentThread().getId(), info.getLockOwnerId(), "jstack and deadlock detection see it");
            try (PythonGIL lent = PythonGIL.lend()) {
                assertEquals(1L, waiting.join());
            }
        }
        assertFalse(PythonGIL.locked());
    }

    @Test
    void aThreadIsAtOnePlaceForAllOfThem() throws Exception {
        one.run("block", "x = 1");
        two.run("block", "y = x + 1"); // one more block of the thread, and one namespace
        assertEquals(3L, one.run("inBlock", "x + y"));
        one.run("block", null);
        assertEquals(3L, two.run("inBlock", "x + y"));
        try (PythonGIL block = PythonGIL.lockShared()) {
            assertEquals("3", Expect.text("x + y"));
        }
        two.run("block", null);
        assertThrows(PythonException.class, () -> PythonExecutioner.exec("x"));
        try (PythonGIL gil = PythonGIL.lock()) {
            one.run("lend", "");
            assertTrue(two.run("lock", null).toString().contains("has lent its turn"));
            assertThrows(PythonException.class, PythonGIL::lock);
            assertEquals(true, OtherThread.call(() -> two.run("tryLock", "1000")));
            one.run("lend", null);
            assertEquals("locked", two.run("lock", null));
        }
    }

    @Test
    void bothAtOnce() throws Exception {
        CountDownLatch begin = new CountDownLatch(1);
        List<OtherThread<Object>> threads = new ArrayList<>();
        for (int i = 0; i < 6; i++) {
            Deployment app = i % 2 == 0 ? one : two;
            threads.add(OtherThread.start(() -> {
                begin.await();
                return app.run("storm", "300");
            }));
        }
        begin.countDown();
        for (OtherThread<Object> thread : threads) {
            assertEquals("", thread.join());
        }
    }

    @Test
    void eachHasItsOwnEventLoop() throws Exception {
        one.run("async", "str(globals().setdefault('whose', 'one'))");
        assertEquals("two", two.run("async", "str(globals().setdefault('whose', 'two'))"));
        assertEquals("one", one.run("async", "whose"));
        int before = loops();
        one.run("shutdown", null);
        assertEquals(before - 1, loops());
        assertEquals("two", two.run("async", "whose"));
        one = new Deployment("again").named("again");
    }

    private static int loops() {
        try (PythonGIL gil = PythonGIL.lock()) {
            PythonExecutioner.exec("import threading");
            return Python.eval("sum(t.name == 'python4j-async' for t in threading.enumerate())").toInt();
        }
    }

    @Test
    void afterShutdownItIsGoneForBothSides() throws Exception {
        one.run("function", "function_one");
        one.run("context", "of_one");
        one.run("context", "main");
        one.run("open", null);
        one.run("shutdown", null);
        one.run("shutdown", null);
        assertTrue(two.run("raise", "function_one(1)").toString().contains("is gone"));
        assertEquals("two\n", two.run("capture", "print('two')"));
        assertEquals("nothing", two.run("raise", "import sys\nassert sys.stdout is sys.__stdout__"));
        assertFalse(PythonContextManager.hasContext("of_one"));
        RuntimeException refused = assertThrows(RuntimeException.class, () -> one.run("exec", "1"));
        assertTrue(refused.getMessage().contains("PythonExecutioner.shutdown() was called"), refused::getMessage);
        one = new Deployment("again").named("again");
        assertEquals("[]", one.run("functions", null));
    }

    /** Nobody would end its calls when their time is over. */
    @Test
    void whoWaitsForItsTurnAtTheEndIsRefused() throws Exception {
        OtherThread<Object> waiting;
        try (PythonGIL gil = PythonGIL.lock()) {
            waiting = OtherThread.start(() -> one.run("deadline", "30"));
            while (!PythonGIL.waiters().contains(waiting.thread)) {
                Thread.sleep(1);
            }
            one.run("shutdown", null);
        }
        RuntimeException refused = assertThrows(RuntimeException.class, waiting::join);
        assertTrue(refused.toString().contains("PythonExecutioner.shutdown() was called"), refused::toString);
        one = new Deployment("again").named("again");
    }

    /** A shared block is the thread's, and so is its namespace: others use it after the one that opened it is gone. */
    @Test
    void aSharedBlockOutlivesTheOneThatOpenedIt() throws Exception {
        one.run("block", "x = 1");
        two.run("block", "y = x + 1");
        one.run("shutdown", null);
        assertEquals(3L, two.run("inBlock", "x + y"));
        two.run("inBlock", "globals().update(z=4)");
        one.run("block", null);
        assertEquals(7L, two.run("inBlock", "x + y + z"));
        two.run("block", null);
        try (PythonGIL gil = PythonGIL.lock()) {
            assertTrue(PythonGIL.locked(), "the thread is in no block");
        }
        two.run("block", "x = 1"); // the other order: the first one's is closed last, after its end
        Deployment three = new Deployment("three").named("three");
        three.run("block", "x += 1");
        three.run("shutdown", null);
        assertEquals(2L, two.run("inBlock", "x"));
        two.run("block", null);
        three.run("block", null);
        assertThrows(PythonException.class, () -> PythonExecutioner.exec("x"));
        one = new Deployment("again").named("again");
    }

    @Test
    void tenRedeploymentsLeaveNothingBehind() throws Exception {
        try (PythonGIL gil = PythonGIL.lock()) {
            PythonExecutioner.exec("kept = []");
        }
        int threads = -1;
        int handles = -1;
        for (int i = 0; i < 10; i++) {
            WeakReference<ClassLoader> gone = deployAndUse(i);
            collect(gone, i);
            try (PythonGIL gil = PythonGIL.lock()) {
                PythonExecutioner.exec("pass"); // whoever enters frees what the application had
            }
            if (i == 0) {
                threads = Thread.getAllStackTraces().size();
                handles = Handles.count();
            }
            assertTrue(Handles.count() <= handles, "handles: " + Handles.count() + " after " + handles);
            assertFalse(PythonContextManager.hasContext("of_app_" + i), "its context went with it");
            try (PythonGIL gil = PythonGIL.lock()) {
                PythonException e = assertThrows(PythonException.class, () -> PythonExecutioner.exec("kept[-1]()"));
                assertTrue(e.getMessage().contains("is gone"), e.getMessage());
            }
        }
        List<String> left = new ArrayList<>();
        Thread.getAllStackTraces().keySet().forEach(thread -> left.add(thread.getName()));
        assertTrue(left.size() <= threads + 1, left::toString);
    }

    /** All that an application may do, on this thread and on one of a pool, which live on. */
    private static WeakReference<ClassLoader> deployAndUse(int number) throws Exception {
        String name = "app_" + number;
        Deployment app = new Deployment(name).named(name);
        app.run("context", "of_" + name);
        app.run("exec", "x = [object()]");
        app.run("context", "main");
        for (int i = 0; i < 2; i++) {
            String function = "function_" + i;
            if (i == 0) {
                app.run("function", function);
            } else {
                POOL.submit(() -> app.run("function", function)).get();
            }
            app.run("exec", "kept.append(" + function + ")");
            assertEquals("[1] in " + name, app.run("eval", function + "(1)"));
            app.run("thrower", "thrower");
            assertEquals("own: of " + name, app.run("catch", "thrower()"));
            assertEquals("PythonException: KeyError: 1", app.run("raise", "{}[1]"));
            assertEquals("hi\n", app.run("capture", "print('hi')"));
            app.run("open", null);
            app.run("reference", "reference");
            app.run("exec", "class Greeter:\n    def greet(self, whom): return whom");
            assertEquals(name, app.run("proxy", "Greeter()"));
            assertEquals(3.0, app.run("array", "array"));
            assertEquals("timeout", app.run("deadline", "30"));
            app.run("keep", "object()");
            assertEquals(name, POOL.submit(() -> app.run("unchecked", "unchecked")).get());
            assertEquals(name + "!", app.run("exposed", null));
            assertEquals(name, app.run("async", "'" + name + "'"));
            try (PythonGIL gil = PythonGIL.lock()) { // an exception of ours, with frames of the application on the stack
                PythonExecutioner.setVariable("of_test", Python.function((args, named) ->
                        assertThrows(PythonException.class, () -> PythonExecutioner.exec("{}[1]")).getMessage()));
            }
            assertEquals("KeyError: 1", app.run("eval", "of_test()"));
        }
        assertEquals("", POOL.submit(() -> app.run("storm", "20")).get());
        try (PythonGIL gil = PythonGIL.lock()) {
            PythonExecutioner.exec("import threading, time\nt = threading.Thread(target=lambda: time.sleep(0.1))\nt.start()");
        }
        assertEquals(true, app.run("tryLock", "1000")); // by the thread that waits for the GIL, since Python has one of its own
        try (PythonGIL gil = PythonGIL.lock()) {
            PythonExecutioner.exec("t.join()");
        }
        return app.undeploy();
    }

    private static void collect(WeakReference<ClassLoader> gone, int number) throws Exception {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(5); // on a machine at leisure a tenth of one
        while (gone.get() != null) {
            assertTrue(System.nanoTime() < end, "deployment " + number + " is still there");
            System.gc();
            Thread.sleep(20);
        }
    }
}
