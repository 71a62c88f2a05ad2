// SPDX-License-Identifier: Apache-2.0
// What JMX and the Java Flight Recorder show of a pool.
package org.nd4j.python4j.pool;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.function.BooleanSupplier;
import javax.management.MBeanServer;
import javax.management.ObjectName;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.python4j.PythonTypes;
import org.nd4j.python4j.PythonVariable;

@Timeout(60)
class PoolMonitorTest {

    @TempDir
    Path folder;

    /** A call that goes on until there is a file. */
    private static CompletableFuture<?> until(Path file, PythonPool pool) {
        String code = "import os, time\nwhile not os.path.exists(path): time.sleep(0.005)";
        return pool.execAsync(code, List.of(new PythonVariable<>("path", PythonTypes.STR, file.toString())), null);
    }

    private static void await(BooleanSupplier condition) {
        while (!condition.getAsBoolean()) { // the time limit of the test ends it
            sleep(1);
        }
    }

    private static void sleep(long millis) {
        assertDoesNotThrow(() -> Thread.sleep(millis));
    }

    @Test
    void theNumbersAreThoseOfTheCallsThatWereDone() throws Exception {
        Path go = folder.resolve("go");
        PythonPoolMXBean monitor;
        try (PythonPool pool = PythonPool.builder().workers(1).build()) {
            monitor = pool.monitor();
            assertEquals(1, monitor.getWorkers());
            assertEquals("spawn", monitor.getStart());
            CompletableFuture<?> first = until(go, pool);
            CompletableFuture<Object> second = pool.callAsync("time:sleep", 0);
            await(() -> monitor.getQueued() == 1);
            assertEquals(1, monitor.getBusy());
            sleep(50); // which the call runs at least
            Files.createFile(go);
            first.get();
            second.get();
            assertEquals(2, monitor.getCalls());
            assertEquals(1, monitor.getWaits());
            assertTrue(monitor.getRunNanos() >= 50_000_000L, monitor.getRunNanos() + " ns");
            assertTrue(monitor.getWaitedNanos() > 0);
            assertThrows(PythonWorkerLost.class, () -> pool.exec("import os; os._exit(3)"));
            pool.exec("pass");
            assertEquals(1, monitor.getRestarts());
            assertEquals(Set.of(1L), Set.copyOf(monitor.getRestartReasons().values()));
            assertTrue(monitor.getRestartReasons().keySet().iterator().next().endsWith("exit status 3"), monitor.getRestartReasons().toString());
            assertTrue(monitor.getLastRestart().startsWith("worker 1: it ") && monitor.getLastRestart().endsWith("exit status 3"),
                    monitor.getLastRestart());
            assertEquals(Set.of("2"), monitor.getResidentBytes().keySet());
            if (Files.exists(Path.of("/proc/self/statm"))) {
                assertTrue(monitor.getResidentBytes().get("2") > 1 << 20);
            }
        }
        assertEquals(0, monitor.getWorkers());
    }

    @Test
    void jmxShowsAPoolUntilItIsClosed() throws Exception {
        MBeanServer server = ManagementFactory.getPlatformMBeanServer();
        ObjectName name;
        try (PythonPool pool = PythonPool.builder().workers(1).build()) {
            name = new ObjectName(PythonPoolMXBean.NAME + ",name=" + pool);
            long end = System.nanoTime() + 20_000_000_000L;
            while (!server.isRegistered(name) && System.nanoTime() < end) {
                Thread.sleep(10);
            }
            pool.exec("pass");
            assertEquals(1L, server.getAttribute(name, "Calls"));
            assertEquals(1, server.getAttribute(name, "Workers"));
        }
        long end = System.nanoTime() + 20_000_000_000L;
        while (server.isRegistered(name) && System.nanoTime() < end) {
            Thread.sleep(10);
        }
        assertFalse(server.isRegistered(name));
    }

    @Test
    void theFlightRecorderHasCallsRestartsAndCounts() throws Exception {
        Path go = folder.resolve("go");
        Path file = folder.resolve("pool.jfr");
        try (Recording recording = new Recording(); PythonPool pool = PythonPool.builder().workers(1).build()) {
            for (String event : new String[] {"PoolCall", "PoolWait", "PoolRestart", "PoolCounts", "PoolWorker"}) {
                recording.enable("org.nd4j.python4j." + event);
            }
            recording.enable("org.nd4j.python4j.PoolCounts").withPeriod(java.time.Duration.ofMillis(50));
            recording.start();
            pool.exec("pass");
            assertThrows(PythonWorkerLost.class, () -> pool.exec("import os; os._exit(3)"));
            pool.call("time:sleep", 0.6);
            CompletableFuture<?> first = until(go, pool);
            CompletableFuture<Object> later = pool.callAsync("time:sleep", 0); // is handed the worker
            CompletableFuture<Void> opener = CompletableFuture.runAsync(() -> {
                await(() -> pool.monitor().getQueued() == 2);
                sleep(100);
                assertDoesNotThrow(() -> Files.createFile(go));
            });
            pool.call("time:sleep", 0); // waits by itself
            opener.get();
            CompletableFuture<Object> last = pool.callAsync("time:sleep", 1);
            CompletableFuture<Object> never = pool.callAsync("time:sleep", 0);
            assertTrue(never.cancel(true));
            last.cancel(true);
            first.get();
            later.get();
            recording.stop();
            recording.dump(file);
            List<RecordedEvent> events = RecordingFile.readAllEvents(file);
            Set<String> seen = new TreeSet<>();
            List<String> waits = new java.util.ArrayList<>();
            for (RecordedEvent event : events) {
                seen.add(event.getEventType().getName().substring("org.nd4j.python4j.".length()));
                if (event.getEventType().getName().endsWith("PoolWait")) {
                    waits.add(event.getBoolean("got") + " " + (event.getDuration().toMillis() >= 50));
                    assertEquals(pool.toString(), event.getString("pool"));
                }
                if (event.getEventType().getName().endsWith("PoolRestart")) {
                    assertTrue(event.getString("reason").endsWith("exit status 3"), event.toString());
                }
                if (event.getEventType().getName().endsWith("PoolWorker")) {
                    assertEquals(pool.toString(), event.getString("pool"));
                }
            }
            assertEquals(Set.of("PoolCall", "PoolWait", "PoolRestart", "PoolCounts", "PoolWorker"), seen);
            // After the crash a worker is started, for which the next call waits as well.
            assertTrue(waits.contains("false false") && java.util.Collections.frequency(waits, "true true") >= 2, waits.toString());
        }
    }
}
