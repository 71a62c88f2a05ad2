// SPDX-License-Identifier: Apache-2.0
// The report for people and for machines, in this process, as a program, and from the core's jar alone.
// What it reports about is tested in InterpreterTest and NativeLoaderTest.
package org.nd4j.python4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.python4j.internal.start.Interpreter;
import org.nd4j.python4j.internal.start.NativeLoader;
import org.nd4j.python4j.internal.start.Unpacker;

class PythonEnvironmentTest {
    @TempDir
    Path folder;

    @Test
    void theReportNamesEverythingAndTestsIt() {
        String report = PythonEnvironment.report();
        Interpreter chosen = Interpreter.chosen();
        for (String part : List.of(chosen.executable(), chosen.reason(), chosen.libpython().toString(),
                chosen.version(),
                NativeLoader.platform(), Unpacker.cache().toString(), "numpy", "path", "prefix")) {
            assertTrue(report.contains(part), part + " is missing in\n" + report);
        }
        assertTrue(report.endsWith("passed"), report);
    }

    /** Or large texts would be several times slower, which no other test would see. */
    @Test
    void theReportSaysHowLargeTextsAreCopied() throws Exception {
        assertEquals("copied directly", Launch.report().run().passed().field("large texts"));
        assertEquals("copied by functions of JNI or Python",
                Launch.report().option("-XX:-CompactStrings").run().passed().field("large texts"));
    }

    @Test
    void theReportWorksInsideATurnAndLeavesNothingBehind() {
        try (PythonGIL turn = PythonGIL.lock()) {
            PythonExecutioner.exec("facts = 1");
            assertTrue(PythonEnvironment.report().endsWith("passed"));
            assertEquals("1", Expect.text("facts"));
            assertEquals("main", PythonContextManager.getCurrentContext());
        }
    }

    @Test
    void thePackagesAreThoseOfTheInterpreter() {
        assertEquals(Interpreter.chosen().packages(),
                Stream.of(PythonEnvironment.packages()).map(File::getPath).collect(Collectors.toList()));
    }

    @Test
    void theMachinesReportIsJson() throws Exception {
        Launch.Result result = Launch.report().environment("LC_ALL", "C").run().passed();
        try (PythonGIL turn = PythonGIL.lock()) {
            PythonVariable<String> text = new PythonVariable<>("text", PythonTypes.STR, result.out);
            PythonVariable<String> keys = new PythonVariable<>("keys", PythonTypes.STR);
            PythonExecutioner.exec("import json; keys = ' '.join(json.loads(text))", List.of(text), List.of(keys));
            assertEquals("library java cache embedded interpreter python prefix path numpy test", keys.getValue());
        }
    }

    @Test
    void theCoreJarAloneReportsAndTestsTheChosenInterpreter() throws Exception {
        Path python = Launch.installed("3.");
        assumeTrue(python != null, "no CPython with a shared library on this machine");
        Path jar = Launch.shade(folder.resolve("python4j-core.jar"), PythonEnvironment.class, Launch.core());
        Launch.Result result = Launch.jar(jar, "--json").environment("PYTHON4J_PYTHON", python).run().passed();
        assertTrue(result.field("embedded").contains("absent"), result::toString);
        assertTrue(result.field("reason").startsWith("PYTHON4J_PYTHON=" + python), result::toString);

        Path bin = Files.createDirectory(folder.resolve("bin"));
        Files.createSymbolicLink(bin.resolve("python3"), python);
        result = Launch.jar(jar, "--json").environment("PATH", bin).run().passed();
        assertTrue(result.field("reason").contains("no embedded CPython on the class path"), result::toString);
        assertTrue(result.field("reason").endsWith("python3 on PATH: " + bin.resolve("python3")), result::toString);

        Launch.removeLinks(folder);
        String message = Launch.jar(jar, "--json").environment("PATH", folder).run().failure();
        assertTrue(message.contains("no program python3 on PATH"), message);
    }

    @Test
    void whatItDoesNotKnowItRefuses() throws Exception {
        Launch.Result result = Launch.of(PythonEnvironment.class, "--yaml").run();
        assertEquals(1, result.status);
        assertTrue(result.err.startsWith("Usage: "), result::toString);
    }
}
