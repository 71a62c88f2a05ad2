// SPDX-License-Identifier: Apache-2.0
// What a pool offers beside single calls: preparation, sessions, maps, Java functions, output, other interpreters.
package org.nd4j.python4j.pool;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.PythonFunction;
import org.nd4j.python4j.PythonTypes;
import org.nd4j.python4j.PythonVariable;

@Timeout(180)
@SuppressWarnings("rawtypes") // as the API
class PoolUseTest {

    private static final BlockingQueue<String> LINES = new LinkedBlockingQueue<>();
    private static PythonPool pool;

    @TempDir
    Path folder;

    @BeforeAll
    static void open() {
        pool = PythonPool.builder().workers(2)
                .imports("json")
                .prepare("factor = 3\ndef triple(x):\n    return x * factor")
                .environment("POOL_TEST", "set").numericThreads(1)
                .output((worker, isError, line) -> LINES.add(worker + " " + isError + " " + line))
                .build();
    }

    @AfterAll
    static void close() {
        pool.close();
    }

    @Test
    void callsSeeThePreparationAndNotEachOther() {
        assertEquals(12L, pool.call("triple", 4));
        for (int i = 0; i < 4; i++) {
            pool.exec("factor = 100\nleft = 1");
        }
        assertEquals(12L, pool.call("triple", 4));
        assertThrows(PythonException.class, () -> pool.exec("left"));
        assertEquals(List.of("set", "1"), pool.call("lambda: [__import__('os').environ[n] for n in ('POOL_TEST', 'OMP_NUM_THREADS')]"));
        assertEquals(List.of("", ""), pool.call("lambda: [__import__('sys').argv[0], ''.join(k for k in globals() if k in ('sys', 'module'))]"));
    }

    @Test
    void aSessionKeepsItsContexts() {
        try (PythonPool.Session session = pool.session()) {
            session.exec("x = 1");
            session.exec("x += factor");
            assertEquals(4L, session.call("lambda: x"));
            session.setContext("other");
            assertThrows(PythonException.class, () -> session.exec("x"));
            session.exec("import __main__\n__main__.y = 5");
            assertEquals(5L, session.call("lambda: y"));
            session.setContext("session");
            assertEquals(4L, session.call("lambda: x"));
        }
        try (PythonPool.Session a = pool.session(); PythonPool.Session b = pool.session()) {
            assertThrows(PythonException.class, () -> a.exec("x"));
            assertThrows(PythonException.class, () -> b.exec("x"));
            assertNotEquals(a.getPid(), b.getPid());
            b.discard();
            assertThrows(PythonException.class, () -> b.exec("x"));
        }
        assertEquals(12L, pool.call("triple", 4));
    }

    @Test
    void mapGivesResultsInOrderAndTakesFewAhead() {
        AtomicInteger taken = new AtomicInteger();
        Stream<Integer> values = IntStream.range(0, 50).boxed().peek(i -> taken.incrementAndGet());
        List<Object> first = pool.map("triple", values).limit(10).collect(Collectors.toList());
        assertEquals(IntStream.range(0, 10).mapToObj(i -> 3L * i).collect(Collectors.toList()), first);
        assertTrue(taken.get() <= 20, taken + " were taken for 10");
        assertEquals(List.of("a", "b"), pool.mapAs(PythonTypes.STR, "str", List.of("a", "b")).collect(Collectors.toList()));
        assertEquals(List.of("0", "1"), pool.mapAs(PythonTypes.STR, "str", IntStream.range(0, 2).boxed()).collect(Collectors.toList()));
        assertThrows(PythonException.class, () -> pool.map("lambda x: 1 // x", List.of(1, 0, 2)).collect(Collectors.toList()));
    }

    @Test
    void aWorkerCallsJava() {
        List<Object> seen = new ArrayList<>();
        Thread caller = Thread.currentThread();
        PythonFunction progress = (args, named) -> {
            assertSame(caller, Thread.currentThread());
            seen.add(args.get(0) + "" + named);
            return seen.size();
        };
        assertEquals(List.of(1L, 2L), pool.call("lambda f: [f(1), f(2, a=None)]", progress));
        assertEquals(List.of("1{}", "2{a=null}"), seen);
        Function<Long, Object> nested = n -> n == 0 ? "end" : pool.call("lambda f, n: f(n)", progressOf(n), n);
        assertEquals("end", pool.call("lambda f: f(0)", nested));
        assertEquals(7L, pool.call("lambda f: f(3)", nested));
        assertSame(nested, pool.call("lambda f: f", nested));
    }

    private static Function<Long, Object> progressOf(long n) {
        return x -> x + 4;
    }

    @Test
    void pythonThreadsCallJavaToo() {
        Function<Long, Long> twice = n -> 2 * n;
        assertEquals(List.of(0L, 2L, 4L, 6L), pool.call(
                "lambda f: list(__import__('concurrent.futures').futures.ThreadPoolExecutor(4).map(f, range(4)))", twice));
    }

    @Test
    void manyThreadsOfBothKinds() throws Exception {
        ExecutorService threads = executor();
        try {
            List<Future<Object>> all = new ArrayList<>();
            for (long i = 0; i < 200; i++) {
                long n = i;
                all.add(threads.submit(() -> pool.call("triple", n)));
            }
            for (int i = 0; i < all.size(); i++) {
                assertEquals(3L * i, all.get(i).get());
            }
        } finally {
            threads.shutdown();
        }
    }

    /** Of virtual threads, where there are some. */
    private static ExecutorService executor() {
        try {
            return (ExecutorService) Executors.class.getMethod("newVirtualThreadPerTaskExecutor").invoke(null);
        } catch (ReflectiveOperationException e) {
            return Executors.newFixedThreadPool(16);
        }
    }

    @Test
    void anExceptionOfJavaComesBackAsItIs() {
        IOException thrown = new IOException("no such thing");
        PythonFunction fails = (args, named) -> {
            throw thrown;
        };
        assertSame(thrown, assertThrows(IOException.class, () -> pool.call("lambda f: f()", fails)));
        PythonVariable<String> caught = new PythonVariable<>("caught", PythonTypes.STR);
        List<PythonVariable> inputs = List.of(new PythonVariable<>("fs", PythonTypes.LIST, List.of(fails)));
        pool.exec("try:\n    fs[0]()\nexcept Exception as e:\n    caught = e.java_class", inputs, List.of(caught));
        assertEquals("java.io.IOException", caught.getValue());
        PythonException around = assertThrows(PythonException.class, () -> pool.exec(
                "try:\n    fs[0]()\nexcept Exception as e:\n    raise ValueError('around') from e", inputs, null));
        assertSame(thrown, around.getCause());
    }

    @Test
    void outputComesLineByLine() throws Exception {
        LINES.clear();
        try (PythonPool.Session session = pool.session()) {
            session.exec("import sys\nprint('out', 'äö')\nprint('err', file=sys.stderr)");
            List<String> lines = new ArrayList<>();
            while (lines.size() < 2) {
                String line = LINES.poll(30, TimeUnit.SECONDS);
                lines.add(line.substring(line.indexOf(' ') + 1));
            }
            assertTrue(lines.containsAll(List.of("false out äö", "true err")), lines.toString());
        }
    }

    @Test
    void anotherPythonAndAnotherFolder() throws Exception {
        Files.writeString(folder.resolve("data.txt"), "here");
        try (PythonPool other = PythonPool.builder().workers(0, 1).workingDirectory(folder).build()) {
            assertEquals("here", other.call("lambda: open('data.txt').read()"));
        }
    }

    @Test
    void whatDoesNotCrossIsRefused() {
        PythonException e = assertThrows(PythonException.class, () -> pool.call("lambda: object()"));
        assertTrue(e.getMessage().startsWith("A value of the type object cannot leave its worker process"), e.getMessage());
        assertThrows(PythonException.class, () -> pool.call("len", new Object()));
        assertEquals(3L, pool.call("len", "abc"));
    }
}
