// SPDX-License-Identifier: Apache-2.0
// A pool keeps no carrier of virtual threads while one of these waits. It runs on a JDK that has virtual threads, if this machine
// has one: the JDK's own event tells whether a carrier was kept.
package org.nd4j.python4j.pool;

import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(180)
class PoolThreadsTest {

    /** A JDK whose virtual threads are not kept by monitors either (24 and later), so that what is left is ours. */
    private static Path jdk() {
        File[] installed = new File("/usr/lib/jvm").listFiles();
        List<Path> all = new ArrayList<>(List.of(Path.of(System.getProperty("java.home"))));
        for (File jdk : installed == null ? new File[0] : installed) {
            all.add(jdk.toPath());
        }
        return all.stream().filter(jdk -> {
            try {
                return Files.readString(jdk.resolve("release")).matches("(?s).*JAVA_VERSION=\"(2[4-9]|[3-9]\\d).*");
            } catch (IOException e) {
                return false;
            }
        }).findFirst().orElse(null);
    }

    @Test
    void virtualThreadsAreNotPinned() throws Exception {
        Path jdk = jdk();
        assumeTrue(jdk != null, "no JDK of version 24 or later");
        List<String> command = JvmRun.command(Program.class.getName(), System.getProperty("python4j.tests.classpath"));
        command.set(0, jdk.resolve("bin/java").toString());
        String printed = JvmRun.output(new ProcessBuilder(command).redirectErrorStream(true));
        assertTrue(printed.endsWith("well\n"), printed);
    }

    /** 500 virtual threads with one carrier call, wait in the queue, have sessions, and call back. */
    public static final class Program {
        public static void main(String[] arguments) throws Exception {
            System.setProperty("jdk.virtualThreadScheduler.parallelism", "1");
            System.setProperty("jdk.virtualThreadScheduler.maxPoolSize", "1");
            ExecutorService threads = (ExecutorService) Executors.class.getMethod("newVirtualThreadPerTaskExecutor").invoke(null);
            Path file = Files.createTempFile("pinned", ".jfr");
            try (PythonPool pool = PythonPool.builder().workers(2).queue(20, PythonPool.WhenFull.WAIT).build(); Recording recording = new Recording()) {
                work(threads, pool, 20); // classes are loaded, which may keep a carrier
                recording.enable("jdk.VirtualThreadPinned").withThreshold(Duration.ZERO).withStackTrace();
                recording.start();
                work(threads, pool, 500);
                recording.stop();
                recording.dump(file);
                List<String> pinned = RecordingFile.readAllEvents(file).stream().map(RecordedEvent::toString)
                        .filter(event -> event.contains("org.nd4j.python4j")).collect(Collectors.toList());
                System.out.println(pinned.isEmpty() ? "well" : pinned);
            } finally {
                Files.delete(file);
            }
        }

        private static void work(ExecutorService threads, PythonPool pool, int number) throws Exception {
            Function<Long, Long> twice = n -> 2 * n;
            List<Future<Boolean>> all = new ArrayList<>();
            for (int i = 0; i < number; i++) {
                long n = i;
                all.add(threads.submit(() -> {
                    switch ((int) n % 5) {
                        case 0:
                            return pool.call("lambda n: n + 1", n).equals(n + 1);
                        case 1:
                            return pool.call("lambda f, n: f(n)", twice, n).equals(2 * n);
                        case 2:
                            return pool.map("str", Stream.of(n, n + 1)).collect(Collectors.toList()).equals(List.of("" + n, "" + (n + 1)));
                        case 3:
                            return pool.callAsync("lambda n: -n", n).get().equals(-n);
                        default:
                            try (PythonPool.Session session = pool.session()) {
                                session.exec("import time\ntime.sleep(0.001)\nx = 5");
                                return session.call("lambda: x").equals(5L);
                            }
                    }
                }));
            }
            for (Future<Boolean> each : all) {
                if (!each.get()) {
                    throw new AssertionError("a wrong value");
                }
            }
        }
    }
}
