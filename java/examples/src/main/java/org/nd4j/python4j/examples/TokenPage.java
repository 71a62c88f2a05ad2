// SPDX-License-Identifier: Apache-2.0
// Tokens of a model as they come, in a browser: an asynchronous generator of Python's, a page of the JDK's HTTP server that
// streams them as Server-Sent Events. No thread waits in Python. The Python half is token_page.py.
package org.nd4j.python4j.examples;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.Iterator;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.stream.Stream;
import org.nd4j.python4j.PythonAsync;

/** The server of TokenStream: {@code /} is the page, {@code /tokens?prompt=...} what it listens to. */
final class TokenPage implements AutoCloseable {
    private final PythonAsync async = PythonAsync.get();
    private final ExecutorService threads = Executors.newCachedThreadPool(task -> {
        Thread thread = new Thread(task, "token-page");
        thread.setDaemon(true);
        return thread;
    });
    private final HttpServer server;

    TokenPage(int port) throws IOException {
        async.exec(Resource.text("token_page.py")).join();
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 0);
        server.setExecutor(threads);
        server.createContext("/", exchange -> send(exchange, "text/html; charset=utf-8", Resource.text("token_page.html")));
        server.createContext("/tokens", this::stream);
        server.createContext("/open", exchange -> send(exchange, "text/plain", async.eval(String.class, "str(open_streams)").join()));
        server.start();
    }

    int port() {
        return server.getAddress().getPort();
    }

    private static void send(HttpExchange exchange, String type, String text) throws IOException {
        byte[] body = text.getBytes(StandardCharsets.UTF_8);
        exchange.getResponseHeaders().set("Content-Type", type);
        exchange.sendResponseHeaders(200, body.length);
        try (exchange; OutputStream out = exchange.getResponseBody()) {
            out.write(body);
        }
    }

    /** One event for each token, when it comes. Where the browser goes, the generator ends. */
    private void stream(HttpExchange exchange) throws IOException {
        String query = exchange.getRequestURI().getRawQuery();
        String prompt = query == null ? "" : URLDecoder.decode(query.replaceFirst("^prompt=", ""), StandardCharsets.UTF_8);
        exchange.getResponseHeaders().set("Content-Type", "text/event-stream");
        exchange.sendResponseHeaders(200, 0);
        try (exchange; OutputStream out = exchange.getResponseBody(); Stream<String> tokens = async.stream(String.class, "answer", prompt)) {
            for (Iterator<String> each = tokens.iterator(); each.hasNext(); ) {
                out.write(("data: " + each.next() + "\n\n").getBytes(StandardCharsets.UTF_8));
                out.flush();
            }
            out.write("event: end\ndata:\n\n".getBytes(StandardCharsets.UTF_8));
        }
    }

    @Override
    public void close() {
        server.stop(0);
        threads.shutdownNow();
    }
}
