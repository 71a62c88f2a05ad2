// SPDX-License-Identifier: Apache-2.0
// Whole applications with a web server on a real port. gradle/spring.gradle runs all tests of this folder once with
// Boot 3 and once with Boot 4.
package org.nd4j.python4j.spring;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import java.net.http.HttpClient;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.LocalDate;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.python4j.Python;
import org.nd4j.python4j.PythonAsync;
import org.nd4j.python4j.PythonCallable;
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.PythonGIL;
import org.nd4j.python4j.PythonTimeout;
import org.nd4j.python4j.PythonTypeToken;
import org.nd4j.python4j.pool.PythonPool;
import org.slf4j.LoggerFactory;
import org.springframework.boot.SpringBootVersion;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;

class StarterTest {

    private static double meter(String scrape, String line) {
        Matcher found = Pattern.compile("(?m)^" + Pattern.quote(line) + " (\\S+)$").matcher(scrape);
        assertTrue(found.find(), () -> "no " + line + " in\n" + scrape);
        return Double.parseDouble(found.group(1));
    }

    private static Throwable rootOf(Throwable failure) {
        return failure instanceof PythonStartException || failure.getCause() == null ? failure : rootOf(failure.getCause());
    }

    @Test
    void theTestsRunWithTheBootThatIsAskedFor() {
        String wanted = System.getProperty("python4j.tests.boot", "3");
        assertTrue(SpringBootVersion.getVersion().startsWith(wanted + "."), SpringBootVersion.getVersion());
    }

    @Test
    void requestsReachPythonAndAreCounted() throws Exception {
        try (App.Running app = App.run("python4j.warm-up.imports=json,math", "python4j.pool.workers=1")) {
            assertEquals("120", app.get("/factorial/5"));
            assertEquals("49", app.get("/pool/7"));
            assertEquals("later", app.get("/async"));
            assertEquals(500, app.response("/fail").statusCode());
            // Calls of the program's own, in this process, on the event loop and in a worker.
            assertThrows(PythonException.class, () -> {
                try (PythonGIL turn = PythonGIL.lock()) {
                    Python.eval("1 / 0");
                }
            });
            PythonAsync async = app.context.getBean(PythonAsync.class);
            assertThrows(ExecutionException.class, () -> async.eval(Object.class, "later(1)").get(60, TimeUnit.SECONDS));
            assertThrows(PythonException.class, () -> app.context.getBean(PythonPool.class).call("lambda: [][1]"));
            assertThrows(IllegalStateException.class, () -> app.context.getBean(PythonTemplate.class).execute(() -> {
                throw new IllegalStateException();
            }));

            String scrape = app.get("/actuator/prometheus");
            assertEquals(1, meter(scrape, "python4j_calls_seconds_count{call=\"math:factorial\"}"));
            for (String error : List.of("KeyError", "ZeroDivisionError", "TypeError", "IndexError", "IllegalStateException")) {
                assertEquals(1, meter(scrape, "python4j_errors_total{class=\"" + error + "\"}"));
            }
            assertTrue(meter(scrape, "python4j_turns_total") >= 2, scrape);
            assertTrue(meter(scrape, "python4j_turn_holds_seconds_sum") > 0, scrape);
            assertTrue(meter(scrape, "python4j_turn_waits_seconds_count") >= 0, scrape);
            assertEquals(0, meter(scrape, "python4j_turn_waiting"));
            assertTrue(meter(scrape, "python4j_handles") >= 0, scrape);
            assertEquals(1, meter(scrape, "python4j_pool_workers{pool=\"pythonPool\"}"));
            assertTrue(meter(scrape, "python4j_pool_calls_seconds_count{pool=\"pythonPool\"}") >= 1, scrape);

            String health = app.get("/actuator/health/python"); // Boot 3 and Boot 4 write its parts in another order
            assertTrue(health.contains("\"status\":\"UP\""), health);
            assertTrue(health.contains("\"pythonPool\":{\"workers\":1,"), health);
        }
    }

    @Test
    void healthTellsWhoHasTheTurnAndIsDownWhenItLastsTooLong() throws Exception {
        try (App.Running app = App.run("python4j.health.turn-limit=50ms")) {
            assertEquals(200, app.response("/actuator/health").statusCode());
            CompletableFuture<HttpResponse<String>> asked;
            try (PythonGIL turn = PythonGIL.lock()) {
                Thread.sleep(60); // what the limit is about
                asked = HttpClient.newHttpClient().sendAsync(app.request("/actuator/health"), BodyHandlers.ofString());
                HttpResponse<String> health = asked.get(10, TimeUnit.SECONDS);
                assertEquals(503, health.statusCode());
                assertTrue(health.body().contains("\"holder\":\"" + Thread.currentThread().getName() + "\""), health.body());
                assertTrue(health.body().contains("a turn has lasted longer than PT0.05S"), health.body());
            }
            assertEquals(200, app.response("/actuator/health").statusCode());
        }
    }

    @Test
    void callsHaveADeadlineForWaitAndWork() {
        try (App.Running app = App.run("python4j.limit=100ms")) {
            PythonTemplate python = app.context.getBean(PythonTemplate.class);
            assertThrows(PythonTimeout.class, () -> python.exec("while True: pass"));
            assertEquals(2, python.within(Duration.ofSeconds(30)).eval(Integer.class, "1 + 1"));
            assertEquals("kept", python.<String, RuntimeException>execute(() -> {
                python.exec("word = 'kept'");
                return python.eval(String.class, "word");
            }));
        }
    }

    private record Sample(double length, LocalDate day) {}

    @Test
    void argumentsAreWhatPythonOfTakes() {
        try (App.Running app = App.run()) {
            PythonTemplate python = app.context.getBean(PythonTemplate.class);
            Sample sample = new Sample(2.5, LocalDate.of(2024, 2, 29));
            assertEquals("2.5 on 2024-02-29", python.call(String.class, "lambda s: f'{s.length} on {s.day}'", sample));
            assertEquals(List.of(sample), python.call(new PythonTypeToken<List<Sample>>() {}, "lambda *all: all", sample));
            UnaryOperator<String> twice = text -> text + text;
            assertEquals("[None, 1, True, 'aa']", python.call(String.class, "lambda n, i, b, f: str([n, i, b, f('a')])", null, 1, true, twice));
            assertEquals("None", python.call(String.class, "str", (Object[]) null));
        }
    }

    @Test
    void aCallInProgressFinishesWhenTheApplicationStops() throws Exception {
        App.Running app = App.run("server.shutdown=graceful", "python4j.pool.workers=1");
        CompletableFuture<Object> inPool = app.context.getBean(PythonPool.class).callAsync("lambda: __import__('time').sleep(0.5) or 'done'");
        CountDownLatch inTurn = new CountDownLatch(1);
        CompletableFuture<String> besideRequests = CompletableFuture.supplyAsync(() -> app.context.getBean(PythonTemplate.class).execute(() -> {
            inTurn.countDown();
            return PythonCallable.of("lambda: __import__('time').sleep(0.5) or 'done'").callString();
        }));
        assertTrue(inTurn.await(20, TimeUnit.SECONDS));
        CompletableFuture<HttpResponse<String>> answer = HttpClient.newHttpClient().sendAsync(app.request("/sleep/500"), BodyHandlers.ofString());
        assertTrue(app.context.getBean(App.Service.class).sleeps.await(20, TimeUnit.SECONDS));
        CompletableFuture<Void> closed = CompletableFuture.runAsync(app::close);
        assertEquals("slept", answer.get(20, TimeUnit.SECONDS).body());
        assertEquals("done", besideRequests.get(20, TimeUnit.SECONDS));
        assertEquals("done", inPool.get(20, TimeUnit.SECONDS));
        closed.get(20, TimeUnit.SECONDS);
    }

    @Test
    void aWarmUpThatFailsFailsTheStart(@TempDir Path folder) throws Exception {
        Throwable failure = rootOf(assertThrows(RuntimeException.class, () -> App.run("python4j.warm-up.imports=no_such_module")));
        assertEquals("The module 'no_such_module' of 'python4j.warm-up.imports' could not be imported: "
                + "ModuleNotFoundError: No module named 'no_such_module'", failure.getMessage());
        Path script = Files.writeString(folder.resolve("model.py"), "weights = [1]\nweights[3]\n");
        PythonStartException of = (PythonStartException)
                rootOf(assertThrows(RuntimeException.class, () -> App.run("python4j.warm-up.script=file:" + script)));
        String report = new PythonStartFailureAnalyzer().analyze(of).getDescription();
        assertTrue(report.contains("IndexError: list index out of range") && report.contains("model.py\", line 2"), report);
    }

    @Test
    void namesOfTheWarmUpProgramAreThere(@TempDir Path folder) throws Exception {
        Path script = Files.writeString(folder.resolve("model.py"), "def predict(row):\n    return sum(row) / 2\n");
        try (App.Running app = App.run("python4j.warm-up.script=file:" + script)) {
            assertEquals(2.5, app.context.getBean(PythonTemplate.class).call(Double.class, "predict", List.of(2, 3)));
        }
    }

    @Configuration(proxyBeanMethods = false)
    @EnableAutoConfiguration
    static class Own {
        static final PythonTemplate TEMPLATE = new PythonTemplate(Duration.ofSeconds(1), List.of());

        @Bean
        PythonTemplate ownTemplate() {
            return TEMPLATE;
        }

        @Bean
        PythonPool ownPool() {
            return PythonPool.builder().workers(1).build();
        }

        @Bean
        PythonAsync ownLoop() {
            return PythonAsync.get();
        }
    }

    @Test
    void beansOfTheApplicationReplaceOurs() throws Exception {
        try (App.Running app = App.run(Own.class, "python4j.pool.workers=2", "spring.main.lazy-initialization=true")) {
            assertEquals(Own.TEMPLATE, app.context.getBean(PythonTemplate.class));
            assertEquals(List.of("ownPool"), List.of(app.context.getBeanNamesForType(PythonPool.class)));
            assertEquals(List.of("ownLoop"), List.of(app.context.getBeanNamesForType(PythonAsync.class)));
            assertEquals(1, app.context.getBean(PythonPool.class).monitor().getWorkers());
            assertTrue(app.get("/actuator/health/python").contains("\"ownPool\":{\"workers\":1,"));
            assertEquals(1, meter(app.get("/actuator/prometheus"), "python4j_pool_workers{pool=\"ownPool\"}"));
        }
    }

    @Test
    void beansAreThereWhereTheyAreWanted() {
        try (App.Running app = App.run()) {
            assertEquals(0, app.context.getBeanNamesForType(PythonPool.class).length);
        }
        try (App.Running app = App.run(Nothing.class, "python4j.enabled=false")) {
            assertEquals(0, app.context.getBeanNamesForType(PythonTemplate.class).length);
            assertEquals(0, app.context.getBeanNamesForType(PythonCallListener.class).length);
        }
    }

    @Configuration(proxyBeanMethods = false)
    @EnableAutoConfiguration
    static class Nothing {}

    @Test
    void whatPythonPrintsAndLogsIsLogged() {
        ListAppender<ILoggingEvent> appender = new ListAppender<>();
        appender.start();
        try (App.Running app = App.run("python4j.output=log")) {
            Logger root = (Logger) LoggerFactory.getLogger(Logger.ROOT_LOGGER_NAME); // Spring Boot sets the loggers up anew at each start
            root.addAppender(appender);
            app.context.getBean(PythonTemplate.class).exec("import sys, logging\nprint('hello')\nprint('careful', file=sys.stderr)\n"
                    + "logging.getLogger('shop.stock').error('none left')");
            root.detachAppender(appender);
        }
        List<String> logged = appender.list.stream().filter(event -> event.getLoggerName().matches("python\\..*|shop.*"))
                .map(event -> event.getLevel() + " " + event.getLoggerName() + ": " + event.getFormattedMessage()).collect(Collectors.toList());
        assertEquals(List.of("INFO python.stdout: hello", "WARN python.stderr: careful", "ERROR shop.stock: none left"), logged);
    }

    @Test
    void aSecondApplicationInTheSameJvmWorks() throws Exception {
        for (int i = 0; i < 2; i++) {
            try (App.Running app = App.run("python4j.output=log", "python4j.watchdog=10s")) {
                assertEquals("later", app.get("/async"));
                assertEquals("6", app.get("/factorial/3"));
            }
        }
    }

    @Test
    void requestsOnVirtualThreadsReachPython() throws Exception {
        try (App.Running app = App.run("spring.threads.virtual.enabled=true")) {
            boolean has = Runtime.version().feature() >= 21;
            assertEquals(has ? "24 virtual" : "24", app.get("/factorial/4"));
        }
    }
}
