// SPDX-License-Identifier: Apache-2.0
// However a JVM ends, its workers end with it, and nothing of them is left.
package org.nd4j.python4j.pool;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(120)
class EndOfJvmTest {

    /** Prints its workers' numbers, and then has one of them busy in C, one stopped, and the JVM waiting for its end. */
    public static final class Program {
        public static void main(String[] args) throws Exception {
            PythonPool pool = PythonPool.builder().workers(3).build();
            List<PythonPool.Session> sessions = List.of(pool.session(), pool.session(), pool.session());
            sessions.forEach(session -> System.out.println(session.getPid()));
            sessions.get(0).execAsync("import ctypes\nctypes.PyDLL(None).pause()", null, null);
            sessions.get(1).execAsync("import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)", null, null);
            System.out.println("ready");
            System.in.read();
            System.exit(0);
        }
    }

    @Test
    void workersEndWithAJvmThatIsKilled() throws Exception {
        workersEnd(true);
    }

    @Test
    void workersEndWithAJvmThatExits() throws Exception {
        workersEnd(false);
    }

    private static void workersEnd(boolean kill) throws Exception {
        Process jvm = JvmRun.start(JvmRun.command(Program.class.getName(), System.getProperty("python4j.tests.classpath")));
        BufferedReader out = new BufferedReader(new InputStreamReader(jvm.getInputStream()));
        List<Long> workers = new ArrayList<>();
        for (String line = out.readLine(); !line.equals("ready"); line = out.readLine()) {
            workers.add(Long.parseLong(line));
        }
        assertTrue(workers.size() == 3 && workers.stream().allMatch(EndOfJvmTest::isAlive));
        if (kill) {
            jvm.destroyForcibly();
        } else {
            jvm.getOutputStream().close();
        }
        jvm.waitFor();
        long end = System.nanoTime() + Duration.ofSeconds(1).toNanos();
        while (System.nanoTime() < end && workers.stream().anyMatch(EndOfJvmTest::isAlive)) {
            Thread.sleep(10);
        }
        workers.forEach(pid -> assertFalse(isAlive(pid), "worker " + pid));
    }

    /** Not one that waits for its new parent, the container's, to look after it. */
    private static boolean isAlive(long pid) {
        try {
            String status = Files.readString(Path.of("/proc/" + pid + "/stat"));
            return status.charAt(status.lastIndexOf(')') + 2) != 'Z';
        } catch (IOException e) {
            return false;
        }
    }
}
