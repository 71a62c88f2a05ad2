// SPDX-License-Identifier: Apache-2.0
// The steps of docs/debugging.md: debuggers and profilers from PyPI look into a JVM. The build has put them into a virtual
// environment.
package org.nd4j.python4j.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DebuggingTest {

    private static final Path ENVIRONMENT = Path.of(System.getProperty("python4j.tests.debugging"));
    private static final String DRAWING = System.getProperty("python4j.tests.drawing");
    private static final int SECONDS = 60;

    private static final String ORDERS = String.join("\n",
            "kept = []",
            "",
            "def price(count):",
            "    base = count * 7",
            "    kept.append(bytes(1000 + base))",
            "    total = add_up(base)",
            "    return total + tax(total)",
            "",
            "def add_up(base):",
            "    return sum(range(1000)) + base", "");
    private static final int STOP = 6;

    @TempDir
    Path folder;

    private Path orders;
    private Process service;

    @BeforeEach
    void writeOrders() throws IOException {
        orders = Files.writeString(folder.resolve("orders.py"), ORDERS).toRealPath();
    }

    @AfterEach
    void endService() throws Exception {
        if (service != null) {
            service.destroyForcibly().waitFor();
        }
    }

    // ---- the service ----

    private void start(List<String> options, String... arguments) throws Exception {
        List<String> command = new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-Xmx512m",
                "-Dorg.eclipse.python4j.python=" + ENVIRONMENT, "-Dorg.eclipse.python4j.path=" + folder,
                "-Dorg.eclipse.python4j.cache=" + System.getProperty("org.eclipse.python4j.cache"),
                "-cp", System.getProperty("python4j.tests.classpath")));
        command.addAll(1, options);
        command.add(DebuggedService.class.getName());
        command.addAll(List.of(arguments));
        service = new ProcessBuilder(command).redirectOutput(folder.resolve("out").toFile()).redirectError(folder.resolve("err").toFile()).start();
        printed("serves \\d+\\n");
    }

    /** Waits until the service has printed something. */
    private Matcher printed(String pattern) throws Exception {
        return await(() -> {
            Matcher found = Pattern.compile(pattern).matcher(read("out"));
            assertTrue(service.isAlive(), () -> "it ended: " + read("out") + read("err"));
            return found.find() ? found : null;
        }, pattern);
    }

    private interface Attempt<T> {
        T get() throws Exception;
    }

    private <T> T await(Attempt<T> attempt, String what) throws Exception {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(SECONDS);
        for (T found = attempt.get();; found = attempt.get()) {
            if (found != null) {
                return found;
            }
            assertTrue(System.nanoTime() < end, () -> what + " does not come: " + read("out") + read("err"));
            Thread.sleep(20);
        }
    }

    private String read(String name) {
        try {
            return Files.exists(folder.resolve(name)) ? Files.readString(folder.resolve(name)) : "";
        } catch (IOException e) {
            return e.toString();
        }
    }

    /** Runs a program of the environment, or one of the system; what it printed. */
    private String run(String program, String... arguments) throws Exception {
        Path own = ENVIRONMENT.resolve("bin").resolve(program);
        List<String> command = new ArrayList<>(List.of(Files.exists(own) ? own.toString() : program));
        command.addAll(List.of(arguments));
        Path output = Files.createTempFile(folder, "output", "");
        Process process = new ProcessBuilder(command).directory(folder.toFile()).redirectErrorStream(true).redirectOutput(output.toFile()).start();
        try {
            process.getOutputStream().close();
            assertTrue(process.waitFor(SECONDS, TimeUnit.SECONDS), program + " ends");
            String said = new String(Files.readAllBytes(output), StandardCharsets.UTF_8);
            assertEquals(0, process.exitValue(), said);
            return said;
        } finally {
            process.destroyForcibly();
        }
    }

    private String jcmd(String command) throws Exception {
        return run(Path.of(System.getProperty("java.home"), "bin", "jcmd").toString(), pid(), command);
    }

    private String pid() {
        return Long.toString(service.pid());
    }

    private static void contains(String text, String... parts) {
        for (String part : parts) {
            assertTrue(text.contains(part), () -> "'" + part + "' is not in:\n" + text);
        }
    }

    @Test
    void thePageQuotesTheService() throws IOException {
        Path root = Path.of(System.getProperty("python4j.tests.pack"), "../..").normalize();
        String source = flush(Files.readString(root.resolve("tests/java/examples/org/nd4j/python4j/examples/DebuggedService.java")));
        Matcher quote = Pattern.compile("~~~java\\n(.*?)~~~", Pattern.DOTALL).matcher(Files.readString(root.resolve("docs/debugging.md")));
        int count = 0;
        for (; quote.find(); count++) {
            contains(source, flush(quote.group(1)));
        }
        assertEquals(2, count);
    }

    private static String flush(String text) {
        return text.replaceAll("(?m)^ +", "");
    }

    // ---- debugpy ----

    /** The least of the Debug Adapter Protocol: messages of JSON with a length ahead. */
    private static final class Client implements AutoCloseable {
        private final Socket socket;
        private final DataInputStream in;
        private final List<String> early = new ArrayList<>();
        private int number;

        Client(int port) throws IOException {
            socket = new Socket("127.0.0.1", port);
            socket.setSoTimeout((int) TimeUnit.SECONDS.toMillis(SECONDS));
            in = new DataInputStream(socket.getInputStream());
        }

        int send(String command, String arguments) throws IOException {
            byte[] body = ("{\"seq\": " + ++number + ", \"type\": \"request\", \"command\": \"" + command + "\", \"arguments\": {" + arguments
                    + "}}").getBytes(StandardCharsets.UTF_8);
            socket.getOutputStream().write(("Content-Length: " + body.length + "\r\n\r\n").getBytes(StandardCharsets.US_ASCII));
            socket.getOutputStream().write(body);
            return number;
        }

        /** The answer to a request. */
        String ask(String command, String arguments) throws IOException {
            String mark = "\"request_seq\": " + send(command, arguments) + ",";
            String answer = next(message -> message.contains(mark));
            contains(answer, "\"success\": true");
            return answer;
        }

        String event(String name) throws IOException {
            return next(message -> message.contains("\"event\": \"" + name + "\""));
        }

        private String next(Predicate<String> wanted) throws IOException {
            for (String message : early) {
                if (wanted.test(message)) {
                    early.remove(message);
                    return message;
                }
            }
            for (String message = read();; message = read()) {
                if (wanted.test(message)) {
                    return message;
                }
                early.add(message);
            }
        }

        private String read() throws IOException {
            ByteArrayOutputStream head = new ByteArrayOutputStream();
            while (!head.toString(StandardCharsets.US_ASCII).endsWith("\r\n\r\n")) {
                head.write(in.readUnsignedByte());
            }
            byte[] body = new byte[number("Content-Length: (\\d+)", head.toString(StandardCharsets.US_ASCII))];
            in.readFully(body);
            return new String(body, StandardCharsets.UTF_8);
        }

        static int number(String pattern, String text) {
            Matcher found = Pattern.compile(pattern).matcher(text);
            assertTrue(found.find(), () -> pattern + " is not in " + text);
            return Integer.parseInt(found.group(1));
        }

        @Override
        public void close() throws IOException {
            socket.close();
        }
    }

    @Test
    void debugpyStopsAThreadOfJavasAndShowsIt() throws Exception {
        start(List.of(), "pass", "debugpy");
        int port = Integer.parseInt(printed("port (\\d+)\n").group(1));
        try (Client client = new Client(port)) {
            client.ask("initialize", "\"adapterID\": \"test\", \"pathFormat\": \"path\", \"linesStartAt1\": true");
            int attach = client.send("attach", "\"justMyCode\": false");
            client.event("initialized");
            String source = "\"source\": {\"path\": \"" + orders + "\"}, \"breakpoints\": ";
            contains(client.ask("setBreakpoints", source + "[{\"line\": " + STOP + "}]"), "\"verified\": true");
            client.ask("configurationDone", "");
            client.next(message -> message.contains("\"request_seq\": " + attach + ","));

            String stopped = client.event("stopped");
            contains(stopped, "\"reason\": \"breakpoint\"",
                    "\"description\": \"Paused on breakpoint, called by org.nd4j.python4j.examples.DebuggedService.order(DebuggedService.java:",
                    "\\norg.nd4j.python4j.examples.DebuggedService.serve(DebuggedService.java:");
            int thread = Client.number("\"threadId\": (\\d+)", stopped);
            contains(client.ask("threads", ""), "{\"id\": " + thread + ", \"name\": \"order-worker\"}");
            String stack = client.ask("stackTrace", "\"threadId\": " + thread);
            contains(stack, "\"name\": \"price\", \"line\": " + STOP + ",", "<exec-");
            int frame = Client.number("\"stackFrames\": \\[\\{\"id\": (\\d+)", stack);
            int locals = Client.number("\"Locals\", \"variablesReference\": (\\d+)", client.ask("scopes", "\"frameId\": " + frame));
            contains(client.ask("variables", "\"variablesReference\": " + locals), "\"name\": \"base\", \"value\": \"14\"");

            // The stop holds the turn, and the watchdog tells of it.
            printed("held by order-worker in price\n");
            // Java's frames of the same thread.
            String java = client.ask("evaluate", "\"expression\": \"java_stack()\", \"context\": \"watch\", \"frameId\": " + frame);
            contains(java, "org.nd4j.python4j.examples.DebuggedService.order(DebuggedService.java:");
            contains(client.ask("evaluate", "\"expression\": \"tax(3)\", \"context\": \"repl\", \"frameId\": " + frame), "\"type\": \"int\"");

            // A log point shows them, too, and stops nothing.
            client.ask("setBreakpoints", source + "[{\"line\": 10, \"logMessage\": \"adds up for {java_stack()}\"}]");
            client.ask("continue", "\"threadId\": " + thread);
            contains(client.next(message -> message.contains("adds up for ")), "DebuggedService.order(DebuggedService.java:");
            client.ask("setBreakpoints", source + "[]");
            client.ask("disconnect", "");
        }
    }

    // ---- py-spy ----

    @Test
    void pySpySeesPythonOfAJvm() throws Exception {
        start(List.of(), "pass");
        String dump = await(() -> {
            String said = run("py-spy", "dump", "--pid", pid());
            return said.contains("price (orders.py:") ? said : null;
        }, "price in py-spy's dump");
        // Its numbers of threads are those that Java's stacks have.
        Matcher thread = Pattern.compile("Thread (\\d+) \\(.*\n(?: +.*\n)*? +price \\(orders.py:").matcher(dump);
        assertTrue(thread.find(), dump);
        int number = Integer.parseInt(thread.group(1));
        String stacks = jcmd("Thread.print");
        assertTrue(Pattern.compile("\"order-worker\".* nid=(0x" + Integer.toHexString(number) + "|" + number + ") ").matcher(stacks).find(),
                () -> number + " is not in " + stacks);

        run("py-spy", "record", "--pid", pid(), "--duration", "1", "--format", "raw", "--output", "stacks.txt");
        contains(read("stacks.txt"), ";price (orders.py:6);add_up (orders.py:10) ");

        String inTerminal = String.join("\n", "import os, pty, sys",
                "child, terminal = pty.fork()",
                "if child == 0: os.execv(sys.argv[1], sys.argv[1:])",
                "shown = b''",
                "while b'price (orders.py' not in shown: shown += os.read(terminal, 65536)",
                "os.kill(child, 9)");
        run("python", "-c", inTerminal, ENVIRONMENT.resolve("bin/py-spy").toString(), "top", "--pid", pid());
    }

    // ---- remote_exec, tracemalloc, memray ----

    /** Runs Python code in the service, as another process asks it to. */
    private void inside(String... lines) throws Exception {
        Path done = folder.resolve("done");
        Files.deleteIfExists(done);
        String code = "if True:\n    " + String.join("\n    ", lines) + "\n    open(r'" + done + "', 'w').close()\n";
        Path script = Files.writeString(folder.resolve("inside.py"), code);
        run("python", "-c", "import sys; sys.remote_exec(" + pid() + ", r'" + script + "')");
        await(() -> Files.exists(done) ? true : null, "the script");
    }

    @Test
    void anotherProcessRunsAScriptInAJvm() throws Exception {
        start(List.of(), "pass");
        inside("import threading", "print('in', threading.current_thread().name, flush=True)");
        printed("in main\n");
    }

    @Test
    void tracemallocNamesTheLineThatKeepsMemory() throws Exception {
        start(List.of(), "pass");
        inside("import orders, tracemalloc", "tracemalloc.start(5)", "orders.before = tracemalloc.take_snapshot()");
        inside("import orders, time, tracemalloc", "grown = len(orders.kept) + 100",
                "while len(orders.kept) < grown: time.sleep(0.01)",
                "top = tracemalloc.take_snapshot().compare_to(orders.before, 'lineno')[0]",
                "print('grows at', top.traceback[0].filename, top.traceback[0].lineno, flush=True)");
        printed("grows at .*orders.py 5\n");
    }

    @Test
    void memrayRecordsWhatThreadsOfJavasKeep() throws Exception {
        start(List.of(), "import memray, orders\norders.tracker = memray.Tracker(r'" + folder.resolve("memray.bin")
                + "')\norders.tracker.__enter__()");
        inside("import orders, time", "while len(orders.kept) < 500: time.sleep(0.01)", "orders.tracker.__exit__(None, None, None)");
        contains(run("memray", "stats", "memray.bin"), "price:" + orders + ":5");
        run("memray", "flamegraph", "--leaks", "-o", "leaks.html", "memray.bin");
        contains(read("leaks.html"), "orders.py");
    }

    // ---- perf ----

    @Test
    void perfWalksThroughBothLanguages() throws Exception {
        assumeTrue(works("perf", "record", "-e", "cpu-clock", "-o", "try.data", "--", "sleep", "0.01"), "there is no perf that may record here");
        start(List.of("-XX:+PreserveFramePointer"), "import sys\nsys.activate_stack_trampoline('perf_jit')");
        Path java = Path.of("/tmp/perf-" + pid() + ".map");
        try {
            await(() -> {
                jcmd("Compiler.perfmap");
                String compiled = Files.readString(java);
                return compiled.contains(".DebuggedService.order(") && compiled.contains(".DebuggedService.tax(") ? true : null;
            }, "compiled code of Java");
            // perf gives up if a thread of the JVM's ends while it lists them.
            await(() -> works("perf", "record", "-k", "mono", "-e", "cpu-clock", "-F", "199", "--call-graph", "dwarf,32768", "-p", pid(),
                    "-o", "perf.data", "--", "sleep", "1") ? true : null, "perf's recording");
            jcmd("Compiler.perfmap");
            service.destroy(); // CPython writes its file to the end
            assertTrue(service.waitFor(SECONDS, TimeUnit.SECONDS), "it ends");
            run(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-cp", System.getProperty("python4j.tests.classpath"),
                    "org.nd4j.python4j.PythonPerf", pid());
            run("perf", "inject", "--jit", "-i", "perf.data", "-o", "both.data");
            Path both = Files.writeString(folder.resolve("both.txt"), run("perf", "script", "-i", "both.data"));
            // Java calls Python, which calls Java. The innermost frame is first. The compiler may put tax into upcallLongs, and order into serve.
            seenIn(Files.readString(both).split("\n\n"), "internal\\.jni\\.Native\\.upcall\\w*\\(.*py::price:" + orders
                    + ".*internal\\.jni\\.Native\\.exec\\w+\\(.*DebuggedService\\.(order|serve)\\(.*thread_native_entry");
            assumeTrue(works(DRAWING + "/inferno-flamegraph", "--help"), "there is no inferno");
            Path stacks = Files.writeString(folder.resolve("stacks.txt"), run(DRAWING + "/inferno-collapse-perf", both.toString()));
            seenIn(Files.readString(stacks).split("\n"), "DebuggedService\\.(order|serve);.*;py::price:" + orders + ";.*;py::add_up:" + orders);
            contains(run(DRAWING + "/inferno-flamegraph", stacks.toString()), "<svg ", "examples.DebuggedService.", "py::price:" + orders + " (");
        } finally {
            try (DirectoryStream<Path> files = Files.newDirectoryStream(java.getParent(), "{jit,jitted,perf}-" + pid() + "{.,-}*")) {
                for (Path file : files) {
                    Files.delete(file);
                }
            }
        }
    }

    private static void seenIn(String[] stacks, String frames) {
        Predicate<String> seen = Pattern.compile(frames, Pattern.DOTALL).asPredicate();
        assertTrue(Arrays.stream(stacks).anyMatch(seen), () -> frames + " is not in\n" + String.join("\n\n", stacks));
    }

    private boolean works(String... command) throws Exception {
        try {
            run(command[0], Arrays.copyOfRange(command, 1, command.length));
            return true;
        } catch (IOException | AssertionError e) {
            return false;
        }
    }
}
