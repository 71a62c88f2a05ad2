// SPDX-License-Identifier: Apache-2.0
// The tests of the API once more, on every CPython there is: those of this machine, the other
// releases of the embedded one, a virtual environment with numpy from PyPI. Each in its own JVM.
package org.nd4j.python4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.python4j.internal.start.NativeLoader;

class InterpreterMatrixTest {
    private static final List<String> TESTS = List.of(
            "BulkTest", "ConversionTablesTest", "DocumentedExamplesTest", "NoneTypeTest", "PythonContextManagerTest",
                    "PythonErrorsTest",
            "PythonExceptionTest", "PythonExecutionerTest", "PythonGCTest", "PythonGILTest", "PythonObjectTest",
            "PythonRefCountTest", "PythonTest", "PythonTypeTest", "PythonTypesTest", "PythonVariableTest",
            "PythonVariablesTest", "PythonAsyncAwaitTest", "PythonAsyncTest", "PythonAsyncRulesTest", "ThreadsTest");

    /** The library without jni-toolbox differs in how its functions are exported, which does not depend on the interpreter. */
    private static final boolean ONE = "one".equals(System.getProperty("python4j.tests.interpreters"));

    /** The parts of the machine that tests of threads want for themselves stay free. */
    private static final ExecutorService RUNS = Executors.newFixedThreadPool(Math.max(1,
            Runtime.getRuntime().availableProcessors() / 2));

    @AfterAll
    static void stop() {
        RUNS.shutdownNow();
    }

    @TestFactory
    Stream<DynamicTest> theApiOnTheInterpretersOfThisMachine() throws Exception {
        List<DynamicTest> tests = new ArrayList<>();
        for (int minor = 9; minor <= 14 && !(ONE && tests.size() == 1); minor++) {
            String version = "3." + minor;
            if (ONE && Launch.installed(version + ".") == null) {
                continue;
            }
            tests.add(later("CPython " + version, () -> {
                Path python = Launch.installed(version + ".");
                if (python == null) {
                    return "there is no CPython " + version + " with a shared library on this machine";
                }
                // An environment, since tests of pip must not change an interpreter that is somebody's.
                Path environment = Files.createTempDirectory("python4j-matrix");
                try {
                    if (!succeeds(python, "-m", "venv", environment)) {
                        return python + " makes no virtual environments";
                    }
                    return run(api(Launch.classPath()).python(environment));
                } finally {
                    Launch.remove(environment);
                }
            }));
        }
        return tests.stream();
    }

    @Test
    void continuousIntegrationHasOneAtLeast() throws Exception {
        assumeTrue("true".equals(System.getenv("CI")), "not a run of continuous integration");
        assertNotNull(Launch.installed("3."), "install a python3 with its libpython, or only the embedded one is tested");
    }

    @TestFactory
    Stream<DynamicTest> theApiOnOtherReleasesOfTheEmbeddedOne() {
        String jars = System.getProperty("python4j.tests.cpythons", "");
        return Stream.of("3.12.1-1.5.10", "3.10.2-1.5.7").limit(ONE ? 0 : 2).map(release -> later("embedded " + release, () -> {
            String path = with(release, jars);
            return path == null ? "python4j.tests.cpythons names no jars of " + release + " for this platform"
                    : run(api(path).python("embedded"));
        }));
    }

    /** The class path with another release in the place of this one's; null if its jars are not known. */
    private static String with(String release, String jars) {
        List<String> others = Stream.of(jars.split(File.pathSeparator)).filter(jar -> jar.contains("cpython-"
                + release)).collect(Collectors.toList());
        List<String> path = new ArrayList<>(others);
        for (String entry : Launch.classPath().split(File.pathSeparator)) {
            if (!Path.of(entry).getFileName().toString().startsWith("cpython-")) {
                path.add(entry);
            }
        }
        boolean natives = others.stream().anyMatch(jar -> jar.endsWith("-" + NativeLoader.platform() + ".jar"));
        return natives ? String.join(File.pathSeparator, path) : null;
    }

    /**
     * A test that runs beside others and says afterwards what came of it; a text is the reason why there was
     * nothing to run.
     */
    private static DynamicTest later(String name, Callable<String> run) {
        Future<String> result = RUNS.submit(run);
        return DynamicTest.dynamicTest(name, () -> {
            try {
                String missing = result.get();
                assumeTrue(missing == null, missing);
            } catch (ExecutionException e) {
                throw e.getCause();
            }
        });
    }

    private static Launch api(String classPath) {
        List<String> arguments = new ArrayList<>(List.of("execute", "--disable-banner", "--disable-ansi-colors",
                "--details=summary"));
        TESTS.forEach(test -> arguments.add("--select-class=org.nd4j.python4j." + test));
        return Launch.of("org.junit.platform.console.ConsoleLauncher", arguments.toArray(new String[0]))
                .checked()
                .classPath(classPath)
                .with("python4j.tests.classpath", classPath)
                .with("python4j.tests.pack", System.getProperty("python4j.tests.pack", ""));
    }

    private static String run(Launch launch) throws Exception {
        Launch.Result result = launch.run();
        assertEquals(0, result.status, result::toString);
        assertTrue(result.out.matches("(?s).*\\[ +[1-9]\\d\\d tests successful +].*"), result::toString);
        assertTrue(!result.toString().contains("WARNING in native method"), result::toString);
        return null;
    }

    // ---- numpy from PyPI ----

    @Test
    void anEnvironmentsOwnNumpyWins(@TempDir Path folder) throws Exception {
        Path python = Launch.installed("3.");
        assumeTrue(python != null, "no CPython with a shared library on this machine");
        Path environment = folder.resolve("cache"); // removed at once, see below
        try {
            assumeTrue(succeeds(python, "-m", "venv", environment), "this Python makes no virtual environments");
            Path program = environment.resolve("bin/python3");
            assumeTrue(succeeds(program, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "numpy"),
                    "PyPI cannot be reached");
            Launch.Result result = Launch.report().checked().python(environment).run().passed();
            assertTrue(result.field("file").startsWith(environment.toString()), result::toString);
            result = Launch.of(Child.class, environment.toString()).checked().python(environment).run();
            assertEquals(0, result.status, result::toString);
            assertEquals("[5.0, 14.0] True True", result.out.strip(), result::toString);
        } finally {
            Launch.remove(environment);
        }
    }

    private static boolean succeeds(Object... command) throws Exception {
        List<String> texts = Stream.of(command).map(Object::toString).collect(Collectors.toList());
        Process process = new ProcessBuilder(texts).redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.DISCARD).start();
        process.getOutputStream().close();
        return process.waitFor() == 0;
    }

    /** numpy computes, and children of both kinds find the same one. */
    static final class Child {
        public static void main(String[] arguments) {
            try (PythonGIL turn = PythonGIL.lock()) {
                PythonExecutioner.exec(String.join("\n",
                        "import multiprocessing, numpy, operator, subprocess, sys",
                        "result = (numpy.arange(6.0).reshape(2, 3) @ [0, 1, 2]).tolist()",
                        "which = 'import numpy; print(numpy.__file__)'",
                        "same = subprocess.run([sys.executable, '-c', which], capture_output=True, text=True).stdout.strip() == numpy.__file__",
                        "with multiprocessing.get_context('spawn').Pool(1) as pool:",
                        "    spawned = pool.map(operator.attrgetter('dtype.name'), [numpy.zeros(2)]) == ['float64']"));
                System.out.println(Expect.text("result") + " " + Expect.text("same") + " " + Expect.text("spawned"));
            }
        }
    }

    @Test
    void childrenOfTheEmbeddedOneWork() throws Exception {
        Launch.Result result = Launch.of(Spawn.class).checked().python("embedded").run();
        assertEquals(0, result.status, result::toString);
        assertEquals("[3, 4] True", result.out.strip(), result::toString);
    }

    /** multiprocessing with spawn, and subprocess with sys.executable. */
    static final class Spawn {
        public static void main(String[] arguments) {
            try (PythonGIL turn = PythonGIL.lock()) {
                PythonExecutioner.exec(String.join("\n",
                        "import multiprocessing, subprocess, sys",
                        "with multiprocessing.get_context('spawn').Pool(1) as pool:",
                        "    lengths = pool.map(len, ['abc', 'abcd'])",
                        "prefix = 'import sys; print(sys.prefix)'",
                        "import os",
                        "child = subprocess.run([sys.executable, '-c', prefix], capture_output=True, text=True).stdout.strip()",
                        "same = os.path.samefile(child, sys.prefix)"));
                System.out.println(Expect.text("lengths") + " " + Expect.text("same"));
            }
        }
    }
}
