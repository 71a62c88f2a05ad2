// SPDX-License-Identifier: Apache-2.0
// httpx and aiohttp as they come from PyPI, on the loop of PythonAsync, against the HTTP server of the JDK. Run by ExamplesTest,
// in a JVM that has both packages.
package org.nd4j.python4j.examples;

import com.sun.net.httpserver.HttpServer;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.nd4j.python4j.PythonAsync;
import org.nd4j.python4j.PythonConstants;
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.PythonObject;

final class HttpClients {

    private static final int REQUESTS = 50;

    private HttpClients() {}

    public static void main(String[] arguments) throws Exception {
        HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        ExecutorService threads = Executors.newCachedThreadPool();
        server.setExecutor(threads);
        CountDownLatch all = new CountDownLatch(REQUESTS);
        server.createContext("/together", exchange -> {
            byte[] body = exchange.getRequestURI().getQuery().getBytes(StandardCharsets.UTF_8);
            all.countDown();
            try {
                all.await(60, TimeUnit.SECONDS); // none is answered before all are there
            } catch (InterruptedException e) {
                return;
            }
            exchange.sendResponseHeaders(200, body.length);
            try (exchange; OutputStream out = exchange.getResponseBody()) {
                out.write(body);
            }
        });
        server.createContext("/lines", exchange -> {
            exchange.sendResponseHeaders(200, 0);
            try (exchange; OutputStream out = exchange.getResponseBody()) {
                for (String word : new String[] {"one", "two", "three"}) {
                    out.write((word + "\n").getBytes(StandardCharsets.UTF_8));
                    out.flush();
                }
            }
        });
        CountDownLatch hangs = new CountDownLatch(2);
        server.createContext("/hangs", exchange -> hangs.countDown());
        server.start();
        String url = "http://127.0.0.1:" + server.getAddress().getPort();
        System.setProperty(PythonConstants.ASYNC_LOOP, arguments[0]);
        PythonAsync async = PythonAsync.get();
        async.exec("import asyncio, httpx, aiohttp\n"
                + "class Httpx:\n"
                + "    def __init__(self): self.client = httpx.AsyncClient(timeout=60, limits=httpx.Limits(max_connections=None))\n"
                + "    async def get(self, url): return (await self.client.get(url)).raise_for_status().text\n"
                + "    async def lines(self, url):\n"
                + "        async with self.client.stream('GET', url) as response:\n"
                + "            async for line in response.aiter_lines(): yield line\n"
                + "    async def close(self): await self.client.aclose()\n"
                + "class Aiohttp:\n"
                + "    def __init__(self): self.session = aiohttp.ClientSession(raise_for_status=True, connector=aiohttp.TCPConnector(limit=0))\n"
                + "    async def get(self, url):\n"
                + "        async with self.session.get(url) as response: return await response.text()\n"
                + "    async def lines(self, url):\n"
                + "        async with self.session.get(url) as response:\n"
                + "            async for line in response.content: yield line.decode().strip()\n"
                + "    async def close(self): await self.session.close()\n"
                + "async def make(name): return globals()[name]()").join(); // on the loop, as both want it
        System.out.println(async.eval(String.class, "type(asyncio.get_running_loop()).__module__.split('.')[0]").join());
        PythonObject make = async.eval(PythonObject.class, "make").join();
        List<CompletableFuture<String>> answers = new ArrayList<>();
        List<Client> clients = new ArrayList<>();
        for (String name : List.of("Httpx", "Aiohttp")) {
            clients.add(async.submit(PythonObject.class, make, name).join().asInterface(Client.class));
        }
        for (int i = 0; i < REQUESTS; i++) {
            answers.add(clients.get(i % 2).get(url + "/together?" + i));
        }
        String expected = Stream.iterate(0, i -> i + 1).limit(REQUESTS).map(String::valueOf).collect(Collectors.joining(" "));
        String got = answers.stream().map(CompletableFuture::join).collect(Collectors.joining(" "));
        System.out.println(got.equals(expected) ? "together" : got);
        List<CompletableFuture<String>> hanging = new ArrayList<>();
        for (Client client : clients) {
            try (Stream<String> lines = client.lines(url + "/lines")) {
                System.out.println(lines.collect(Collectors.toList()));
            }
            try {
                client.get(url + "/nowhere").get();
            } catch (ExecutionException e) {
                System.out.println(((PythonException) e.getCause()).getPythonClass());
            }
            hanging.add(client.get(url + "/hangs"));
        }
        System.out.println(hangs.await(60, TimeUnit.SECONDS));
        for (int i = 0; i < 2; i++) {
            hanging.get(i).cancel(true);
            try {
                hanging.get(i).join();
            } catch (CancellationException e) {
                System.out.println("cancelled");
            }
            clients.get(i).close().join();
        }
        server.stop(0);
        threads.shutdownNow();
    }

    interface Client {
        CompletableFuture<String> get(String url);

        Stream<String> lines(String url);

        CompletableFuture<Void> close();
    }
}
