// SPDX-License-Identifier: Apache-2.0
// Nothing is left behind: not by a JVM that is killed, nor by a thousand workers. What is counted stands in /proc.
package org.nd4j.python4j.pool;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.nd4j.python4j.PythonBuffer;

@Timeout(300)
class LeftOverTest {

    @BeforeAll
    static void onLinux() {
        assumeTrue(Files.isDirectory(Path.of("/proc/self/fd")), "no /proc");
    }

    /** What the other JVM does: it names its workers, which sleep, run and are idle, and waits to be killed. */
    public static void main(String[] arguments) throws Exception {
        PythonPool spawned = PythonPool.builder().workers(2).build();
        PythonPool forked = PythonPool.builder().workers(2).forkServer(true).build();
        PythonBuffer shared = PythonBuffer.shared(PythonBuffer.Type.UINT8, 1 << 20);
        StringBuilder processes = new StringBuilder();
        for (PythonPool pool : new PythonPool[] {spawned, forked}) {
            PythonPool.Session one = pool.session();
            PythonPool.Session other = pool.session();
            processes.append(one.call("os:getpid")).append(' ').append(other.call("os:getpid")).append(' ');
            one.call("len", shared);
            one.callAsync("lambda: [None for _ in iter(int, 1)]");
        }
        System.out.println(processes);
        Thread.sleep(60_000);
    }

    /** Whether it runs. One that has ended may still be listed, until the system's first process has asked for its status. */
    private static boolean exists(String process) {
        try {
            String line = Files.readString(Path.of("/proc", process, "stat"));
            return "ZX".indexOf(line.charAt(line.lastIndexOf(')') + 2)) < 0;
        } catch (IOException e) {
            return false;
        }
    }

    /** The parent of a process, from the end of the line that tells its state. */
    private static String parent(String process) throws IOException {
        String line = Files.readString(Path.of("/proc", process, "stat"));
        return line.substring(line.lastIndexOf(')') + 2).split(" ")[1];
    }

    @Test
    void workersEndWithinASecondOfAJvmThatIsKilled() throws Exception {
        Path temporary = Files.createTempDirectory("left");
        List<String> command = new ArrayList<>(List.of(System.getProperty("java.home") + "/bin/java", "-cp",
                System.getProperty("java.class.path"), "-Djava.io.tmpdir=" + temporary));
        String cache = System.getProperty("org.eclipse.python4j.cache");
        if (cache != null) {
            command.add("-Dorg.eclipse.python4j.cache=" + cache);
        }
        command.add(LeftOverTest.class.getName());
        Process jvm = JvmRun.start(command);
        List<String> processes = new ArrayList<>();
        try (BufferedReader lines = new BufferedReader(new InputStreamReader(jvm.getInputStream(), StandardCharsets.UTF_8))) {
            processes.addAll(List.of(lines.readLine().trim().split(" ")));
            assertEquals(4, processes.size());
            String server = parent(processes.get(3));
            assertEquals(String.valueOf(jvm.pid()), parent(server));
            processes.add(server);
        } finally {
            jvm.destroyForcibly();
        }
        jvm.waitFor();
        long killed = System.nanoTime();
        while (processes.stream().anyMatch(LeftOverTest::exists) && System.nanoTime() - killed < 5_000_000_000L) {
            Thread.sleep(5);
        }
        long took = (System.nanoTime() - killed) / 1_000_000;
        processes.removeIf(process -> !exists(process));
        assertEquals(List.of(), processes);
        assertTrue(took < 1000, took + " ms");
        try (Stream<Path> left = Files.list(temporary)) {
            assertEquals(List.of(), left.filter(file -> !file.getFileName().toString().startsWith("hsperfdata")).collect(
                    java.util.stream.Collectors.toList()));
        }
    }

    private static long files() throws IOException {
        try (Stream<Path> files = Files.list(Path.of("/proc/self/fd"))) {
            return files.count();
        }
    }

    private static long children() throws IOException {
        return ProcessHandle.current().children().count();
    }

    private static long resident() throws IOException {
        return Long.parseLong(Files.readString(Path.of("/proc/self/statm")).split(" ")[1]) * 4096;
    }

    @Test
    void aThousandWorkersLeaveNothingInThisProcess() throws Exception {
        long[] before = null;
        for (boolean forking : new boolean[] {false, true}) {
            int number = forking ? 750 : 250; // which take about as long
            try (PythonPool pool = PythonPool.builder().workers(2).forkServer(forking).recycleAfter(1).build()) {
                for (int i = 0; i < number; i++) {
                    assertEquals((long) i, pool.call("lambda x: x", i));
                    if (i == 50) {
                        System.gc();
                        before = new long[] {files(), Thread.activeCount(), resident(), children()};
                    }
                }
                System.gc();
                String told = "files " + before[0] + " to " + files() + ", threads " + before[1] + " to " + Thread.activeCount()
                        + ", memory " + before[2] + " to " + resident() + ", processes " + before[3] + " to " + children();
                assertTrue(files() <= before[0] + 12, told); // some workers are about to end, or to begin
                assertTrue(Thread.activeCount() <= before[1] + 4, told);
                assertTrue(resident() <= before[2] + (64 << 20), told);
                assertTrue(children() <= before[3] + 4, told);
            }
        }
    }
}
