// SPDX-License-Identifier: Apache-2.0
// An HTTP service whose users bring the scripts: each is compiled once and run with a deadline in a
// namespace of its own, and what goes wrong in one is an answer, not an outage. ScoringClients tries it.
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
import org.nd4j.python4j.PythonCode;
import org.nd4j.python4j.PythonContextManager;
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.PythonGIL;
import org.nd4j.python4j.PythonSyntaxError;
import org.nd4j.python4j.PythonTimeout;
import org.nd4j.python4j.PythonTypes;
import org.nd4j.python4j.PythonVariable;

/**
 * {@code PUT /scripts/NAME} takes a Python text that makes a {@code score} of {@code features};
 * {@code POST /score/NAME} gives it the features, a JSON object, and answers with the score;
 * {@code GET /health} says whether Python can be had.
 */
public final class ScoringService implements AutoCloseable {
    /** How long a request waits for the others, and how long its script may run. */
    static final Duration PATIENCE = Duration.ofSeconds(5);
    static final Duration LIMIT = Duration.ofMillis(500);
    private static final int LARGEST_BODY = 1 << 16;

    private final Map<String, PythonCode> scripts = new ConcurrentHashMap<>();
    private final ExecutorService threads = threads();
    private final HttpServer server;
    private final PythonCode parse;

    /** Starts it on the loopback address; port 0 takes a free one. */
    ScoringService(int port) throws IOException {
        try (PythonGIL gil = PythonGIL.lock()) {
            parse = PythonCode.compile("import json\nfeatures = json.loads(body)\ndel body");
        }
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
        threads.shutdownNow(); // an interrupt ends Python code as well
    }

    // ---- what it answers ----

    private interface Action {
        Answer answer(String name, String body) throws InterruptedException;
    }

    static final class Answer {
        final int status;
        final String text;

        Answer(int status, String text) {
            this.status = status;
            this.text = text;
        }
    }

    private Answer put(String name, String text) throws InterruptedException {
        try (PythonGIL gil = PythonGIL.tryLock(PATIENCE)) {
            if (gil == null) {
                return new Answer(503, "busy");
            }
            scripts.put(name, PythonCode.compile(text)); // the one before goes when nobody runs it any more
            return new Answer(201, "compiled");
        } catch (PythonSyntaxError e) {
            return new Answer(400, e.getCause().getMessage());
        } catch (PythonException e) {
            return new Answer(400, e.getMessage());
        }
    }

    private Answer score(String name, String body) throws InterruptedException {
        PythonCode script = scripts.get(name);
        if (script == null) {
            return new Answer(404, "no script of that name");
        }
        try (PythonGIL gil = PythonGIL.tryLock(PATIENCE)) {
            if (gil == null) {
                return new Answer(503, "busy");
            }
            try (PythonContextManager.Context scratch = new PythonContextManager.Context()) {
                var score = new PythonVariable<>("score", PythonTypes.FLOAT);
                parse.run(List.of(new PythonVariable<>("body", PythonTypes.STR, body)), List.of(), LIMIT);
                script.run(List.of(), List.of(score), LIMIT);
                return new Answer(200, score.getValue().toString());
            }
        } catch (PythonTimeout e) {
            return new Answer(504, "still running after " + LIMIT.toMillis() + " ms");
        } catch (PythonException e) { // sys.exit() too
            return new Answer(422, e.getMessage());
        }
    }

    private Answer health(String name, String body) throws InterruptedException {
        try (PythonGIL gil = PythonGIL.tryLock(PATIENCE)) {
            return gil != null ? new Answer(200, "well") : new Answer(503, "a script does not end");
        }
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
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Virtual threads, where there are some: waiting for a turn costs them nothing. */
    private static ExecutorService threads() {
        try {
            return (ExecutorService) Executors.class.getMethod("newVirtualThreadPerTaskExecutor").invoke(null);
        } catch (ReflectiveOperationException before21) {
            return Executors.newFixedThreadPool(16);
        }
    }
}
