// SPDX-License-Identifier: Apache-2.0
// Workers of other interpreters than this process's, and this process with other releases of the embedded one: values, errors,
// crashes, time limits, shared memory and the fork server are the same.
package org.nd4j.python4j.pool;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.python4j.PythonBuffer;
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.PythonTimeout;

@Timeout(180)
class PoolInterpretersTest {

    @TempDir
    Path folder;

    /** What any interpreter has to do. */
    private static void works(PythonPool.Builder builder, String version) {
        for (boolean forking : new boolean[] {false, true}) {
            try (PythonPool pool = builder.workers(1).forkServer(forking).output((worker, isError, line) -> {}).build()) {
                String found = (String) pool.call("platform:python_version");
                assertTrue(found.startsWith(version), found);
                List<Object> value = Arrays.asList(1L, "a\u00e9\uD83D\uDE00", 2.5, null, true, Map.of("k", List.of(Long.MAX_VALUE)));
                assertEquals(value, pool.call("lambda v: v", value));
                Function<Long, Long> twice = n -> 2 * n;
                assertEquals(8L, pool.call("lambda f: f(f(2))", twice));
                PythonException e = assertThrows(PythonException.class, () -> pool.exec("def f():\n    raise KeyError('x')\nf()"));
                assertEquals("KeyError: 'x'", e.getMessage());
                assertTrue(e.getTraceback().contains("line 2, in f"), e.getTraceback());
                assertThrows(PythonTimeout.class, () -> pool.within(Duration.ofMillis(200)).exec("while True: pass"));
                assertEquals("SIGSEGV", assertThrows(PythonWorkerLost.class, () -> pool.exec("import ctypes\nctypes.string_at(0)")).getSignal());
                try (PythonBuffer shared = PythonBuffer.shared(PythonBuffer.Type.UINT8, 100_000)) {
                    pool.call("lambda m: memoryview(m).__setitem__(99_999, 7)", shared);
                    assertEquals(7, shared.asByteBuffer().get(99_999));
                }
                byte[] bytes = new byte[200_000];
                bytes[7] = 3;
                assertArrayEquals(bytes, (byte[]) pool.call("bytes", (Object) bytes));
                try (PythonPool.Session session = pool.session()) {
                    session.exec("x = 5");
                    assertEquals(5L, session.call("lambda: x"));
                }
            }
        }
    }

    /** The interpreters of this machine that have what a worker needs, by their versions. */
    private static Map<String, Path> installed() throws Exception {
        Map<String, Path> found = new java.util.TreeMap<>();
        List<Path> programs = new ArrayList<>();
        for (int minor = 9; minor <= 15; minor++) {
            programs.add(Path.of("/usr/bin/python3." + minor));
        }
        Path versions = Path.of(System.getProperty("user.home"), ".pyenv/versions");
        if (Files.isDirectory(versions)) {
            try (Stream<Path> each = Files.list(versions)) {
                each.sorted().forEach(version -> programs.add(version.resolve("bin/python3")));
            }
        }
        for (Path program : programs) {
            if (Files.isExecutable(program)) {
                Process python = new ProcessBuilder(program.toString(), "-c",
                        "import sys, sysconfig; print('%d.%d' % sys.version_info[:2], sysconfig.get_config_var('Py_ENABLE_SHARED'))").start();
                String[] told = new String(python.getInputStream().readAllBytes()).trim().split(" ");
                if (python.waitFor() == 0 && told.length == 2 && told[1].equals("1") && !told[0].matches("2.*|3\\.[0-8]")) {
                    found.putIfAbsent(told[0], program);
                }
            }
        }
        return found;
    }

    @TestFactory
    Stream<DynamicTest> theInterpretersOfThisMachineAreWorkersOfThisProcess() throws Exception {
        return installed().entrySet().stream().map(each -> DynamicTest.dynamicTest(each.getKey(),
                () -> works(PythonPool.builder().python(each.getValue().toString()), each.getKey() + ".")));
    }

    @Test
    void aVirtualEnvironmentHasItsPackages() throws Exception {
        Map<String, Path> installed = installed();
        assumeTrue(!installed.isEmpty(), "no interpreter with a shared library");
        String version = installed.keySet().iterator().next();
        Path environment = folder.resolve("environment");
        Process made = new ProcessBuilder(installed.get(version).toString(), "-m", "venv", "--without-pip", environment.toString()).inheritIO().start();
        assumeTrue(made.waitFor() == 0, "it makes no virtual environments");
        Files.writeString(environment.resolve("lib/python" + version + "/site-packages/only_here.py"), "value = 17");
        PythonPool.Builder builder = PythonPool.builder().python(environment.toString()).imports("only_here");
        works(builder, version + ".");
        try (PythonPool pool = builder.workers(1).build()) {
            assertEquals(17L, pool.call("lambda: __import__('only_here').value"));
            assertEquals(environment.toString(), pool.call("lambda: __import__('sys').prefix"));
        }
    }

    @Test
    void anInterpreterThatIsNoneIsRefused() {
        PythonException e = assertThrows(PythonException.class, () -> PythonPool.builder().python("/nowhere/python3").build());
        assertTrue(e.getMessage().contains("/nowhere/python3"), e.getMessage());
    }

    /** What the other JVM does, with another release of the embedded interpreter. */
    public static final class Embedded {
        public static void main(String[] arguments) {
            works(PythonPool.builder(), System.getProperty("expected"));
            System.out.println("well");
        }
    }

    @TestFactory
    Stream<DynamicTest> otherReleasesOfTheEmbeddedOne() {
        String jars = System.getProperty("python4j.tests.cpythons", "");
        return Stream.of("3.12.1", "3.10.2").map(release -> DynamicTest.dynamicTest(release, () -> {
            List<String> path = Stream.of(jars.split(File.pathSeparator)).filter(jar -> jar.contains("cpython-" + release)).collect(Collectors.toList());
            assumeTrue(!path.isEmpty(), "this run names no jars of " + release);
            Stream.of(System.getProperty("python4j.tests.classpath").split(File.pathSeparator))
                    .filter(entry -> !Path.of(entry).getFileName().toString().matches("(cpython|numpy|openblas)-.*")).forEach(path::add);
            List<String> command = JvmRun.command(Embedded.class.getName(), String.join(File.pathSeparator, path));
            command.addAll(1, List.of("-Dexpected=" + release, "-Dorg.eclipse.python4j.python=embedded"));
            String printed = JvmRun.output(new ProcessBuilder(command).redirectErrorStream(true));
            assertTrue(printed.endsWith("well\n"), printed);
        }));
    }
}
