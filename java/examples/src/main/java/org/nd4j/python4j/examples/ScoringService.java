// SPDX-License-Identifier: Apache-2.0
// An HTTP service whose users bring the scripts. Each score is computed by a worker process of its own, with a
// deadline and a memory limit: whatever a script does costs its own worker. ScoringClients tries it.
package org.nd4j.python4j.examples;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.PythonTimeout;
import org.nd4j.python4j.PythonTypes;
import org.nd4j.python4j.PythonVariable;
import org.nd4j.python4j.pool.PythonPool;
import org.nd4j.python4j.pool.PythonWorkerLost;

/**
 * {@code PUT /scripts/NAME} takes a Python text that makes a {@code score} of {@code features};
 * {@code POST /score/NAME} gives it the features, a JSON object, and answers with the score;
 * {@code GET /health} says whether a worker answers.
 */
public final class ScoringService implements AutoCloseable {
    /** How long a script may run. */
    static final Duration LIMIT = Duration.ofMillis(500);
    private static final int LARGEST_BODY = 1 << 16;
    private static final int LONGEST_QUEUE = 100;

    private final Map<String, String> scripts = new ConcurrentHashMap<>();
    private final ExecutorService threads = threads();
    private final HttpServer server;
    private final PythonPool pool;

    /** Starts it on the loopback address; port 0 takes a free one. */
    ScoringService(int port) throws IOException {
        pool = PythonPool.builder()
                .workers(2, 4)
                .forkServer(true) // so that a worker costs some milliseconds
                .recycleAfter(1) // so that no script meets what another one has left
                .prepare("import json")
                .limit(LIMIT)
                .grace(Duration.ofMillis(250))
                .memoryLimit(1L << 30)
                .queue(LONGEST_QUEUE, PythonPool.WhenFull.FAIL)
                .output((worker, isError, line) -> {}) // nobody reads what strangers print
                .build();
        System.setProperty("sun.net.httpserver.nodelay", "true"); // else short answers wait 40 ms for Nagle
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 0);
        server.createContext("/scripts/", exchange -> answer(exchange, "PUT", this::put));
        server.createContext("/score/", exchange -> answer(exchange, "POST", this::score));
        server.createContext("/health", exchange -> answer(exchange, "GET", this::health));
        server.setExecutor(threads);
        server.start();
    }

    public static void main(String[] args) throws IOException {
        ScoringService service = new ScoringService(args.length > 0 ? Integer.parseInt(args[0]) : 8080);
        System.out.println("Scoring at " + service.address());
    }

    String address() {
        return "http://" + server.getAddress().getAddress().getHostAddress() + ":" + server.getAddress().getPort();
    }

    @Override
    public void close() {
        server.stop(0);
        threads.shutdownNow();
        pool.close(); // ends what still runs
    }

    // ---- what it answers ----

    private interface Action {
        Answer answer(String name, String body);
    }

    static final class Answer {
        final int status;
        final String text;

        Answer(int status, String text) {
            this.status = status;
            this.text = text;
        }
    }

    private Answer put(String name, String text) {
        try {
            pool.call("lambda text: compile(text, 'script', 'exec') and None", text);
            scripts.put(name, text);
            return new Answer(201, "compiled");
        } catch (PythonException e) {
            return failed(e, 400);
        }
    }

    private Answer score(String name, String body) {
        String script = scripts.get(name);
        if (script == null) {
            return new Answer(404, "no script of that name");
        }
        try (PythonPool.Session worker = pool.session()) {
            var score = new PythonVariable<>("score", PythonTypes.FLOAT);
            worker.exec("features = json.loads(body)\ndel body", List.of(new PythonVariable<>("body", PythonTypes.STR, body)), null);
            worker.exec(script, null, List.of(score));
            return new Answer(200, score.getValue().toString());
        } catch (PythonException e) { // sys.exit() too
            return failed(e, 422);
        }
    }

    private static Answer failed(PythonException e, int status) {
        if (e instanceof PythonTimeout || e.getCause() instanceof PythonTimeout) { // the second one had to be killed
            return new Answer(504, "still running after " + LIMIT.toMillis() + " ms");
        }
        if (e instanceof PythonWorkerLost) {
            return new Answer(status, "the script lost its process");
        }
        boolean busy = e.getMessage().startsWith("The pool's queue is full");
        return busy ? new Answer(503, "busy") : new Answer(status, e.getMessage());
    }

    private Answer health(String name, String body) {
        return pool.call("lambda: 'well'").equals("well") ? new Answer(200, "well") : new Answer(503, "no worker answers");
    }

    private static void answer(HttpExchange exchange, String method, Action action) throws IOException {
        try (exchange) {
            Answer answer;
            byte[] body = exchange.getRequestBody().readNBytes(LARGEST_BODY + 1);
            if (!exchange.getRequestMethod().equals(method)) {
                answer = new Answer(405, "use " + method);
            } else if (body.length > LARGEST_BODY) {
                answer = new Answer(413, "more than " + LARGEST_BODY + " bytes");
            } else {
                String path = exchange.getRequestURI().getPath();
                answer = action.answer(path.substring(path.lastIndexOf('/') + 1), new String(body, StandardCharsets.UTF_8));
            }
            byte[] text = answer.text.getBytes(StandardCharsets.UTF_8);
            exchange.getResponseHeaders().set("Content-Type", "text/plain; charset=utf-8");
            exchange.sendResponseHeaders(answer.status, text.length);
            exchange.getResponseBody().write(text);
        }
    }

    /** Virtual threads, where there are some: waiting for a worker costs them nothing. */
    private static ExecutorService threads() {
        try {
            return (ExecutorService) Executors.class.getMethod("newVirtualThreadPerTaskExecutor").invoke(null);
        } catch (ReflectiveOperationException before21) {
            return Executors.newFixedThreadPool(16);
        }
    }
}
