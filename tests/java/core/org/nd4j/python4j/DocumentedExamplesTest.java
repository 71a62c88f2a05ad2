// SPDX-License-Identifier: Apache-2.0
// Each example of the documentation ("Advanced Usage"), as it stands there, and what it is said to do.
// The rules behind them have tests of their own.
package org.nd4j.python4j;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DocumentedExamplesTest {

    @TempDir
    private Path folder;

    @BeforeEach
    @AfterEach
    void startEmpty() {
        try (PythonGIL gil = PythonGIL.lock()) {
            PythonContextManager.deleteNonMainContexts();
            PythonContextManager.reset();
        }
        assertFalse(PythonGIL.locked());
    }

    @Test
    void pythonGilLock() {
        try (PythonGIL gil = PythonGIL.lock()) {
            PythonExecutioner.exec("x = 42");
        }
        try (PythonGIL gil = PythonGIL.lock()) {
            assertEquals(42L, PythonExecutioner.getVariable("x", PythonTypes.INT).getValue());
        }
    }

    @Test
    @Rule("1.3")
    void multiThreadedUsage() throws Exception {
        AtomicReference<Throwable> failure = new AtomicReference<>();
        Runnable task = () -> {
            try (PythonGIL gil = PythonGIL.lock()) {
                PythonExecutioner.exec("import time; time.sleep(0.1)");
            }
        };

        Thread t1 = new Thread(task);
        Thread t2 = new Thread(task);
        t1.setDaemon(true);
        t2.setDaemon(true);
        t1.setUncaughtExceptionHandler((thread, e) -> failure.set(e));
        t2.setUncaughtExceptionHandler((thread, e) -> failure.set(e));
        long start = System.nanoTime();
        t1.start();
        t2.start();
        t1.join(30_000);
        t2.join(30_000);

        assertFalse(t1.isAlive() || t2.isAlive(), "the two threads hang");
        assertEquals(null, failure.get());
        long millis = (System.nanoTime() - start) / 1_000_000;
        assertTrue(millis >= 200, "they ran in parallel: " + millis + " ms");
    }

    @Test
    @Rule("1.8")
    void assertThreadSafe() throws Exception {
        RuntimeException refusal = OtherThread.call(
                () -> assertThrows(RuntimeException.class, () -> PythonExecutioner.exec("x = 42")));
        assertEquals(
                "Attempt to use Python4j from multiple threads without acquiring GIL. "
                        + "Enclose your code in a try(PythonGIL gil = PythonGIL.lock()){...} block.",
                refusal.getMessage());
    }

    @Test
    void embeddedPython() {
        String before = System.getProperty(PythonConstants.RELEASE_GIL_AUTOMATICALLY);
        try {
            PythonConstants.setReleaseGilAutomatically(false);
            assertFalse(PythonConstants.releaseGilAutomatically());
            assertEquals("false", System.getProperty("org.eclipse.python4j.release_gil_automatically"));
        } finally {
            if (before == null) {
                System.clearProperty(PythonConstants.RELEASE_GIL_AUTOMATICALLY);
            } else {
                System.setProperty(PythonConstants.RELEASE_GIL_AUTOMATICALLY, before);
            }
        }
    }

    @Test
    void creatingAndSwitchingContexts() {
        try (PythonGIL gil = PythonGIL.lock()) {
            // Work in a named context
            PythonContextManager.setContext("inference_worker");
            PythonExecutioner.exec("model_name = 'resnet'");

            // Switch to another context
            PythonContextManager.setContext("preprocessing_worker");
            PythonExecutioner.exec("model_name = 'tokenizer'");

            // Variables are isolated
            PythonContextManager.setContext("inference_worker");
            assertEquals("resnet", PythonExecutioner.getVariable("model_name", PythonTypes.STR).getValue());
            PythonContextManager.setContext("preprocessing_worker");
            assertEquals("tokenizer", PythonExecutioner.getVariable("model_name", PythonTypes.STR).getValue());
        }
    }

    @Test
    void aNamedContextAsAResource() {
        try (PythonGIL gil = PythonGIL.lock()) {
            try (PythonContextManager.Context ctx = new PythonContextManager.Context("my_context")) {
                PythonExecutioner.exec("x = 100");
            } // automatically reverts to the previous context
            assertEquals("main", PythonContextManager.getCurrentContext());
            assertTrue(PythonExecutioner.getVariable("x").isNone());
            assertTrue(PythonContextManager.hasContext("my_context"));
        }
    }

    @Test
    void aTemporaryContextAsAResource() {
        try (PythonGIL gil = PythonGIL.lock()) {
            String name;
            try (PythonContextManager.Context ctx = new PythonContextManager.Context()) {
                PythonExecutioner.exec("temp_var = 'ephemeral'");
                name = PythonContextManager.getCurrentContext();
            } // context deleted; temp_var is gone
            assertFalse(PythonContextManager.hasContext(name));
            assertTrue(PythonExecutioner.getVariable("temp_var").isNone());
        }
    }

    @Test
    void resettingAndDeletingContexts() {
        try (PythonGIL gil = PythonGIL.lock()) {
            PythonContextManager.addContext("old_context");
            PythonContextManager.setContext("current");
            PythonExecutioner.exec("x = 1");

            // Reset the current context (clear all its variables)
            PythonContextManager.reset();
            assertTrue(PythonExecutioner.getVariable("x").isNone());
            assertEquals("current", PythonContextManager.getCurrentContext());

            // Delete a specific non-current context
            PythonContextManager.deleteContext("old_context");
            assertFalse(PythonContextManager.hasContext("old_context"));

            // Delete all contexts except "main"
            PythonContextManager.deleteNonMainContexts();
            assertEquals(List.of("main"), List.of(new PythonContextManager().getContexts()));
        }
    }

    @Test
    void watch() {
        try (PythonGIL gil = PythonGIL.lock()) {
            PythonObject result;
            try (PythonGC gc = PythonGC.watch()) {
                result = Python.eval("1 + 1");
                assertEquals(2, result.toInt());
            } // Py_DecRef called on result automatically
            assertThrows(PythonException.class, result::toInt);
        }
    }

    @Test
    void keep() {
        try (PythonGIL gil = PythonGIL.lock()) {
            PythonExecutioner.exec("def compute_something(): return [1, 2, 3]");

            PythonObject retained;
            try (PythonGC gc = PythonGC.watch()) {
                PythonObject temp = Python.eval("compute_something()");
                PythonGC.keep(temp);
                retained = temp;
            } // temp is NOT collected; it was promoted
            assertEquals(List.of(1L, 2L, 3L), retained.toList());
        }
    }

    @Test
    void pauseAndResume() {
        try (PythonGIL gil = PythonGIL.lock()) {
            PythonObject untracked;
            try (PythonGC outer = PythonGC.watch()) {
                try (PythonGC paused = PythonGC.pause()) {
                    // PythonObjects created here are not tracked
                    untracked = Python.eval("'free'");
                }
            }
            assertEquals("free", untracked.toString());
        }
    }

    @Test
    @Rule("8.1")
    void runningACommand() throws Exception {
        String output = PythonProcess.runAndReturn("-c", "print('hello from subprocess')");
        assertEquals("hello from subprocess" + System.lineSeparator(), output);
    }

    @Test
    @Rule("8.2")
    void runningAScriptFile() throws Exception {
        Path script = folder.resolve("myscript.py");
        Path out = folder.resolve("out.txt");
        Files.write(script, List.of("import pathlib", "pathlib.Path(__file__).with_name('out.txt').write_text('ran')"));
        PythonProcess.run(script.toString());
        assertEquals("ran", new String(Files.readAllBytes(out)));
    }

    @Test
    void packageManagement() throws Exception {
        PythonProcess.pipInstall(DemoPackage.wheel(folder, "1.2.0").toString());
        try {
            assertTrue(PythonProcess.isPackageInstalled(DemoPackage.NAME));
            assertEquals("1.2.0", PythonProcess.getPackageVersion(DemoPackage.NAME));
        } finally {
            PythonProcess.pipUninstall(DemoPackage.NAME);
        }
        assertFalse(PythonProcess.isPackageInstalled(DemoPackage.NAME));
        // These methods throw PythonException if the pip command fails.
        assertThrows(PythonException.class, () -> PythonProcess.pipInstall(folder + "/missing.whl"));
    }

    @Test
    void errorHandling() {
        PythonException caught = assertThrows(PythonException.class, () -> {
            try (PythonGIL gil = PythonGIL.lock()) {
                PythonExecutioner.exec("1 / 0");
            }
        });
        assertEquals("ZeroDivisionError: division by zero", caught.getMessage());
        assertFalse(PythonGIL.locked());
    }

    @Test
    void syntaxErrorsProduceTheGenericMessage() {
        try (PythonGIL gil = PythonGIL.lock()) {
            PythonException caught = assertThrows(PythonException.class, () -> PythonExecutioner.exec("def ("));
            assertEquals("Execution failed, unable to retrieve python exception.", caught.getMessage());
            caught = assertThrows(PythonException.class, () -> PythonExecutioner.simpleExec("def ("));
            assertEquals("Execution failed, unable to retrieve python exception.", caught.getMessage());
        }
    }

    @Test
    void conversionFailures() {
        try (PythonGIL gil = PythonGIL.lock()) {
            PythonExecutioner.exec("v = 'text'");
            PythonException caught =
                    assertThrows(PythonException.class, () -> PythonExecutioner.getVariable("v", PythonTypes.INT));
            assertEquals("Could not convert value to int: text", caught.getMessage());
        }
    }

    @Test
    void systemPropertiesReference() {
        assumeTrue(System.getProperty("org.eclipse.python4j.path.append") == null);
        assertEquals("before", PythonConstants.DEFAULT_APPEND_TYPE);
        assertEquals("true", PythonConstants.DEFAULT_RELEASE_GIL_AUTOMATICALLY);
        assertEquals("true", PythonConstants.DEFAULT_INITIALIZE_PYTHON);
        assertEquals("false", PythonConstants.DEFAULT_CREATE_NPY_VIA_PYTHON);
        assertDoesNotThrow(PythonConstants::defaultPythonPath);
    }

    @Test
    @Rule("13.8")
    @SuppressWarnings("rawtypes") // as the quickstart has it
    void returnedVariablesAreAList() {
        try (PythonGIL gil = PythonGIL.lock()) {
            List<PythonVariable> vars = PythonExecutioner.execAndReturnAllVariables("a = 1");
            PythonVariables same = PythonExecutioner.execAndReturnAllVariables("b = 2");
            assertEquals(1, vars.size());
            assertEquals(2L, same.get("b").getValue());
        }
    }

    @Test
    @Rule("13.9")
    void thereAreNoJobs() {
        assertThrows(ClassNotFoundException.class, () -> Class.forName("org.nd4j.python4j.PythonJob"));
    }
}
