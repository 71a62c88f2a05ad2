// SPDX-License-Identifier: Apache-2.0
// Which CPython is chosen, and what is said when it cannot be. What the messages of rust/loader say
// is tested there; here is the order of the places a choice is made in, and that the chosen one runs.
package org.nd4j.python4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.python4j.internal.start.Interpreter;
import org.nd4j.python4j.internal.start.NativeLoader;

class InterpreterTest {
    private static Path python; // one of this machine's, null if there is none

    @TempDir
    Path folder;

    @BeforeAll
    static void findOne() throws Exception {
        python = Launch.installed("3.");
    }

    @AfterEach
    void removeLinks() throws Exception {
        Launch.removeLinks(folder);
    }

    private static Path python() {
        assumeTrue(python != null, "no CPython with a shared library on this machine");
        return python;
    }

    private Path script(String name, String text) throws Exception {
        Path script = Files.writeString(folder.resolve(name), "#!/bin/sh\n" + text + "\n");
        return Files.setPosixFilePermissions(script, PosixFilePermissions.fromString("rwxr-xr-x"));
    }

    private Path environment() throws Exception {
        Path environment = folder.resolve("env");
        Process process = new ProcessBuilder(python().toString(), "-m", "venv", "--without-pip", environment.toString())
                .inheritIO().start();
        assumeTrue(process.waitFor() == 0, "this Python makes no virtual environments");
        return environment;
    }

    // ---- the places of a choice, in their order ----

    @Test
    void withoutAChoiceTheEmbeddedOneRuns() throws Exception {
        Launch.Result result = Launch.report().run().passed();
        assertTrue(result.out.contains("\"embedded\":true"), result::toString);
        assertTrue(result.field("reason").contains("no other interpreter was chosen"), result::toString);
        assertTrue(result.field("executable").startsWith(result.field("prefix")), result::toString);
    }

    @Test
    void theVariableChooses() throws Exception {
        Launch.Result result = Launch.report().environment("PYTHON4J_PYTHON", python()).run().passed();
        assertTrue(result.out.contains("\"embedded\":false"), result::toString);
        assertTrue(result.field("reason").startsWith("PYTHON4J_PYTHON=" + python()), result::toString);
    }

    @Test
    void thePropertyComesBeforeTheVariable() throws Exception {
        Launch.Result result = Launch.report().environment("PYTHON4J_PYTHON", "/no/such/python").python(python())
                .run().passed();
        assertTrue(result.field("reason").startsWith("-Dorg.eclipse.python4j.python=" + python()), result::toString);
    }

    @Test
    void embeddedCanBeChosen() throws Exception {
        Launch.Result result = Launch.report().environment("PYTHON4J_PYTHON", "/no/such/python").python("embedded")
                .run().passed();
        assertTrue(result.out.contains("\"embedded\":true"), result::toString);
    }

    @Test
    void autoTakesAnActiveEnvironmentOrTheEmbeddedOne() throws Exception {
        Launch.Result result = Launch.report().python("auto").run().passed();
        assertTrue(result.field("reason").contains("no environment is active"), result::toString);
        Path environment = environment();
        result = Launch.report().python("auto").environment("VIRTUAL_ENV", environment).run().passed();
        assertEquals(environment.toString(), result.field("prefix"), result::toString);
        result = Launch.report().environment("VIRTUAL_ENV", environment).run().passed();
        assertTrue(result.out.contains("\"embedded\":true"), "only if it is asked for: " + result);
    }

    // ---- kinds of values ----

    @Test
    void anEnvironmentKeepsItsPathsAndItsProgram() throws Exception {
        Path environment = environment();
        Launch.Result result = Launch.report().python(environment).run().passed();
        assertEquals(environment.toString(), result.field("prefix"), result::toString);
        assertEquals(environment.resolve("bin/python3").toString(), result.field("executable"), result::toString);
        assertTrue(result.out.contains(environment + "/lib/python3."), "its site-packages: " + result);
    }

    @Test
    void aVersionIsLookedUpOnThePath() throws Exception {
        String version = Launch.report().python(python()).run().field("python").split(" ")[0];
        String minor = version.substring(0, version.lastIndexOf('.'));
        Path bin = Files.createDirectory(folder.resolve("bin"));
        Files.createSymbolicLink(bin.resolve("python" + minor), python());
        String path = bin + File.pathSeparator + System.getenv("PATH");
        Launch.Result result = Launch.report().python(minor).environment("PATH", path).run().passed();
        assertTrue(result.field("python").startsWith(version + " "), result::toString);
        assertTrue(result.field("reason").contains("version " + minor + " on PATH: " + bin), result::toString);
    }

    @Test
    void aVersionThatIsNotOnThePathIsLookedForWhereUvPutsIt() throws Exception {
        String version = Launch.report().python(python()).run().field("python").split(" ")[0];
        String minor = version.substring(0, version.lastIndexOf('.'));
        Path program = folder.resolve("uv/python/cpython-" + version + "-linux-x86_64-gnu/bin/python" + minor);
        Files.createDirectories(program.getParent());
        Files.createSymbolicLink(program, python());
        Launch launch = Launch.report().python(minor).environment("PATH", folder).environment("XDG_DATA_HOME", folder);
        Launch.Result result = launch.run().passed();
        assertTrue(result.field("python").startsWith(version + " "), result::toString);
        assertTrue(result.field("reason").endsWith("version " + minor + " installed: " + program), result::toString);
        String message = Launch.report().python("3.77").environment("PATH", folder).environment("XDG_DATA_HOME", folder).run().failure();
        assertTrue(message.contains("no usable CPython 3.77 on PATH (" + folder + "), and none where installers put one ("
                + folder.resolve("uv/python")), message);
    }

    @Test
    void aVersionMayBeThatOfTheEmbeddedOne() throws Exception {
        String full = Launch.report().run().field("python").split(" ")[0];
        for (String version : List.of(full, full.substring(0, full.lastIndexOf('.')))) {
            Launch.Result result = Launch.report().python(version).environment("PATH", folder).environment("HOME", folder).run().passed();
            assertTrue(result.out.contains("\"embedded\":true"), result::toString);
            assertTrue(result.field("reason").contains(" (-Dorg.eclipse.python4j.python=" + version
                    + ", and no other one that can be used was found)"), result::toString);
        }
        String message = Launch.report().python(full + "9").environment("PATH", folder).environment("HOME", folder).run().failure();
        assertTrue(message.contains("no usable CPython " + full + "9 on PATH") && message.endsWith(" is of another version"), message);
    }

    @Test
    void aPathThatIsNoAsciiWorks() throws Exception {
        python();
        try {
            folder = Files.createDirectory(folder.resolve("näïve \uD83D\uDC0D"));
        } catch (InvalidPathException e) {
            assumeTrue(false, "this JVM runs in a locale without Unicode");
        }
        Path environment = environment();
        Launch.Result result = Launch.report().environment("LC_ALL", "C.UTF-8").python(environment).run().passed();
        assertEquals(environment.toString(), result.field("prefix"), result::toString);
    }

    // ---- refusals ----

    @Test
    @DisabledOnOs(value = OS.WINDOWS, disabledReason = "a choice is a script for sh here")
    void aRefusalNamesTheChoiceItsPlaceAndTheReason() throws Exception {
        Path old = script("python3", "echo python4j:version=3.8.1; echo python4j:end=1");
        String message = Launch.report().python(old).run().failure();
        assertTrue(message.contains("-Dorg.eclipse.python4j.python=" + old), message);
        assertTrue(message.contains("Python 3.8.1, which is too old; CPython 3.9 or newer is needed"), message);
        message = Launch.report().environment("PYTHON4J_PYTHON", "/no/such/python").run().failure();
        assertTrue(message.contains("PYTHON4J_PYTHON=/no/such/python") && message.contains("No such file"), message);
    }

    @Test
    void anInterpreterThatCannotStartIsQuoted() throws Exception {
        Launch.Result result = Launch.report().python(python()).environment("PYTHONHOME", folder).run();
        String message = result.failure();
        assertTrue(message.contains("PYTHONHOME is set to " + folder), message);
        assertTrue(message.contains("encodings"), message);
    }

    @Test
    void withoutTheEmbeddedOneTheMessageSaysHowToGetOne() throws Exception {
        Launch.Result result = Launch.of(Twice.class).classPath(Launch.path(Launch.core()) + File.pathSeparator
                + tests()).run();
        assertTrue(result.out.contains("add org.bytedeco:cpython"), result::toString);
        assertTrue(result.out.contains("PYTHON4J_PYTHON"), result::toString);
    }

    @Test
    void aFailureComesAgainWithItsCause() throws Exception {
        Launch.Result result = Launch.of(Twice.class).python("/no/such/python").run();
        String[] lines = result.out.split("\n");
        assertEquals(3, lines.length, result::toString);
        assertEquals(lines[0], lines[1], "the same message");
        assertEquals("cause true", lines[2], result::toString);
    }

    private static String tests() throws Exception {
        return Path.of(Twice.class.getProtectionDomain().getCodeSource().getLocation().toURI()).toString();
    }

    /** Asks for Python twice. */
    static final class Twice {
        public static void main(String[] arguments) {
            Throwable[] failures = new Throwable[2];
            for (int i = 0; i < 2; i++) {
                try {
                    NativeLoader.load();
                } catch (PythonException e) {
                    failures[i] = e;
                    System.out.println(e.getMessage());
                }
            }
            System.out.println("cause " + (failures[1].getCause() instanceof PythonException));
        }
    }

    // ---- remembering ----

    @Test
    void aChangedInterpreterIsNoticed() throws Exception {
        Path environment = environment();
        Path cache = folder.resolve("cache");
        Launch launch = Launch.report().with("org.eclipse.python4j.cache", cache).python(environment);
        assertEquals(environment.toString(), launch.run().passed().field("prefix"));
        Launch.removeLinks(environment);
        String message = launch.run().failure();
        assertTrue(message.contains("environment is broken"), message);
        Files.createSymbolicLink(environment.resolve("bin/python3"), python());
        launch.run().passed();
    }

    @Test
    void aNumpyThatComesAfterwardsIsNoticed() throws Exception {
        Path environment = environment();
        Launch launch = Launch.report().with("org.eclipse.python4j.cache", folder.resolve("cache")).python(environment);
        launch.run().passed();
        Path site;
        try (var folders = Files.list(environment.resolve("lib"))) {
            site = folders.findFirst().orElseThrow().resolve("site-packages");
        }
        Files.createDirectories(site.resolve("numpy"));
        Files.writeString(site.resolve("numpy/__init__.py"), "__version__ = '0.0 of its own'\n");
        assertTrue(launch.run().passed().out.contains("0.0 of its own"));
    }

    // ---- this process's own ----

    @Test
    void theChosenOneIsTheOneThatRuns() {
        Interpreter chosen = Interpreter.chosen();
        assertNotNull(chosen.reason());
        try (PythonGIL turn = PythonGIL.lock()) {
            PythonExecutioner.exec("import sys, platform");
            assertEquals(chosen.version(), Expect.text("platform.python_version()"));
            assertEquals(chosen.executable(), Expect.text("sys.executable"));
            for (String folder : chosen.packages()) {
                assertTrue(Expect.truth("'" + folder + "' in sys.path"), folder);
            }
        }
        assertTrue(Files.isExecutable(Path.of(chosen.executable())));
        assertTrue(Files.isRegularFile(chosen.libpython()));
        assertEquals(chosen.packages().isEmpty(), chosen.childEnvironment().isEmpty());
    }
}
