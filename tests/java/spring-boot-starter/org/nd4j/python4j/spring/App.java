// SPDX-License-Identifier: Apache-2.0
// The application of the tests: a web server with Python behind it, on a port of its own, run in this JVM.
package org.nd4j.python4j.spring;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import org.nd4j.python4j.PythonAsync;
import org.nd4j.python4j.pool.PythonPool;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Configuration;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.RestController;

@Configuration(proxyBeanMethods = false)
@EnableAutoConfiguration
class App {

    @RestController
    static final class Service {
        final CountDownLatch sleeps = new CountDownLatch(1); // until a request has come that sleeps
        private final PythonTemplate python;
        private final ObjectProvider<PythonAsync> async;
        private final ObjectProvider<PythonPool> pool;

        Service(PythonTemplate python, ObjectProvider<PythonAsync> async, ObjectProvider<PythonPool> pool) {
            this.python = python;
            this.async = async;
            this.pool = pool;
        }

        @GetMapping("/factorial/{n}")
        String factorial(@PathVariable("n") int n) {
            return python.call(Long.class, "math:factorial", n) + (Thread.currentThread().toString().startsWith("Virtual") ? " virtual" : "");
        }

        @GetMapping("/sleep/{millis}")
        String sleep(@PathVariable("millis") int millis) {
            sleeps.countDown();
            python.call(Object.class, "time:sleep", millis / 1000.0);
            return "slept";
        }

        @GetMapping("/fail")
        String fail() {
            return python.call(String.class, "lambda: {}['missing']");
        }

        @GetMapping("/pool/{n}")
        Object pool(@PathVariable("n") int n) {
            return String.valueOf(pool.getObject().call("lambda n: n * n", n));
        }

        @GetMapping("/async")
        CompletableFuture<String> async() {
            return async.getObject().exec("import asyncio\nasync def later(): await asyncio.sleep(0.01); return 'later'")
                    .thenCompose(done -> async.getObject().eval(String.class, "later()"));
        }
    }

    /** One that runs. */
    static final class Running implements AutoCloseable {
        final ConfigurableApplicationContext context;
        final int port;

        private Running(ConfigurableApplicationContext context) {
            this.context = context;
            this.port = context.getEnvironment().getProperty("local.server.port", Integer.class, 0);
        }

        HttpRequest request(String path) {
            return HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path)).build();
        }

        HttpResponse<String> response(String path) throws IOException, InterruptedException {
            return HttpClient.newHttpClient().send(request(path), BodyHandlers.ofString());
        }

        String get(String path) throws IOException, InterruptedException {
            return response(path).body();
        }

        @Override
        public void close() {
            context.close();
        }
    }

    /** Starts one with a web server. */
    static Running run(String... properties) {
        return run(App.class, properties);
    }

    /** The same with beans of the application's own. */
    static Running run(Class<?> application, String... properties) {
        List<String> all = new ArrayList<>(List.of("server.port=0", "server.address=127.0.0.1", "spring.main.banner-mode=off",
                "management.endpoints.web.exposure.include=*", "management.endpoint.health.show-details=always", "spring.jmx.enabled=false"));
        all.addAll(List.of(properties));
        return new Running(new SpringApplicationBuilder(application)
                .run(all.stream().map(property -> "--" + property).toArray(String[]::new)));
    }
}
