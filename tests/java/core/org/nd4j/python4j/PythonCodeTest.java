// SPDX-License-Identifier: Apache-2.0
// Programs compiled once. What running text does in general is in PythonExecutionerTest; here is
// what is different when the code is in hand.
package org.nd4j.python4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

@ExtendWith(InPython.class)
class PythonCodeTest {

    @Test
    void codeRunsAsOftenAsWanted() {
        PythonExecutioner.exec("n = 0");
        try (PythonCode code = PythonCode.compile("n += 1")) {
            assertEquals("n += 1", code.text());
            code.run();
            code.run();
            code.run(null, null);
        }
        assertEquals("3", Expect.text("n"));
    }

    @Test
    void inputsGoInAndOutputsComeOut() {
        PythonVariable<Long> x = new PythonVariable<>("x", PythonTypes.INT, 1);
        PythonVariable<String> y = new PythonVariable<>("y", PythonTypes.STR);
        try (PythonCode code = PythonCode.compile("y = str(x) * 2")) {
            code.run(List.of(x), List.of(y));
            assertEquals("11", y.getValue());
            x.setValue(7);
            code.run(List.of(x), List.of(y));
            assertEquals("77", y.getValue());
        }
    }

    @Test
    void itRunsInTheContextThatIsCurrentThen() {
        try (PythonCode code = PythonCode.compile("where = 1")) {
            PythonContextManager.setContext("elsewhere");
            code.run();
            assertEquals("1", Expect.text("where"));
            PythonContextManager.setMainContext();
            assertTrue(Expect.truth("'where' not in globals()"));
        }
    }

    @Test
    void compilingRunsNothingAndReportsWhatIsNoPython() {
        PythonCode.compile("ran = 1").close();
        assertTrue(Expect.truth("'ran' not in globals()"));
        Expect.failure("Execution failed, unable to retrieve python exception.", () -> PythonCode.compile("1 +"));
        assertThrows(NullPointerException.class, () -> PythonCode.compile(null));
    }

    @Test
    void aFailureHasThePythonClassAndTheSourceLine() {
        PythonVariable<Long> y = new PythonVariable<>("y", PythonTypes.INT);
        try (PythonCode code = PythonCode.compile("y = 1\ny = y / 0  # this line")) {
            PythonException e = Expect.failure("ZeroDivisionError: division by zero", () -> code.run(null, List.of(y)));
            assertNull(y.getValue());
            assertTrue(e.getTraceback().contains("# this line"), e.getTraceback());
        }
    }

    @Test
    void itsLinesStayWhileManyOtherTextsAreCompiled() {
        try (PythonCode code = PythonCode.compile("1 / 0  # this line")) {
            for (int i = 0; i < 1_000; i++) {
                PythonExecutioner.exec("other = " + i);
            }
            PythonException e = assertThrows(PythonException.class, code::run);
            assertTrue(e.getTraceback().contains("# this line"), e.getTraceback());
        }
    }

    @Test
    void linesGoWithTheCode() {
        // What other tests ran is there as well.
        PythonExecutioner.exec("import linecache\n"
                + "def known(): return sum(f'<exec-{n}>' in linecache.cache for n in range(100_000))\n"
                + "before = known()");
        for (int i = 0; i < 1_000; i++) {
            PythonCode.compile("x = " + i).close();
        }
        assertTrue(Expect.truth("known() < before + 600"));
    }

    @Test
    void closedCodeIsRefused() {
        PythonCode code = PythonCode.compile("pass");
        code.close();
        code.close();
        assertThrows(PythonException.class, code::run);
    }

    @Test
    void aFrameDoesNotTakeItAway() {
        PythonCode code;
        try (PythonGC frame = PythonGC.watch()) {
            code = PythonCode.compile("kept = 1");
        }
        code.run();
        code.close();
        assertEquals("1", Expect.text("kept"));
    }

    @Test
    void aTimeLimitEndsIt() {
        try (PythonCode code = PythonCode.compile("while True: pass")) {
            assertThrows(PythonTimeout.class, () -> code.run(null, null, Duration.ofMillis(50)));
        }
        PythonExecutioner.exec("after = 1");
    }

    @Test
    void aThreadWithoutATurnMayNotUseIt() throws Exception {
        PythonCode code = PythonCode.compile("n = 5");
        OtherThread.call(() -> assertThrows(PythonException.class, code::run));
        code.run();
        assertEquals("5", Expect.text("n"));
        code.close();
    }

    @Test
    void aProgramWithANameIsKnownByIt() {
        try (PythonCode code = PythonCode.compile("def report(n):\n    return 1 / n\nlast = report", "report.py")) {
            code.run();
        }
        PythonException e = assertThrows(PythonException.class, () -> PythonExecutioner.exec("report(0)"));
        assertEquals("report.py", e.getStackTrace()[0].getFileName());
        assertEquals(2, e.getStackTrace()[0].getLineNumber());
        assertTrue(e.getTraceback().contains("File \"report.py\", line 2, in report\n    return 1 / n"), e.getTraceback());
        try (PythonCode other = PythonCode.compile("def report(n):\n    return 2 / n", "report.py")) {
            other.run();
        }
        PythonExecutioner.exec("import gc\ndel last\ngc.collect()");
        e = assertThrows(PythonException.class, () -> PythonExecutioner.exec("report(0)"));
        assertTrue(e.getTraceback().contains("    return 2 / n"), e.getTraceback());
        try (PythonCode code = PythonCode.compile("class Named:\n    x = 1", "named.py")) {
            code.run();
        }
        PythonExecutioner.exec("import inspect\nsource = inspect.getsource(Named)");
        assertEquals("class Named:\n    x = 1", Expect.text("source"));
        PythonSyntaxError syntax = assertThrows(PythonSyntaxError.class, () -> PythonCode.compile("x = = 1", "bad.py"));
        assertEquals("bad.py", syntax.getFile());
        assertThrows(PythonException.class, () -> PythonCode.compile("x = 1\u0000", "nul.py"));
        assertThrows(NullPointerException.class, () -> PythonCode.compile("x = 1", null));
    }

    private static Path file(Path folder, String name, String... lines) throws Exception {
        Path file = folder.resolve(name);
        Files.createDirectories(file.getParent());
        return Files.write(file, String.join("\n", lines).getBytes(StandardCharsets.UTF_8));
    }

    @Test
    void aFileRunsAsPythonRunsIt(@TempDir Path folder) throws Exception {
        file(folder, "beside_it.py", "value = 'from beside'");
        Path main = file(folder, "main_program.py",
                "import beside_it",
                "name, got = __name__, beside_it.value",
                "def fails():",
                "    raise ValueError(got)");
        PythonExecutioner.execFile(main);
        assertEquals("__main__ from beside", Expect.text("name + ' ' + got"));
        assertEquals(main.toAbsolutePath().toString(), Expect.text("__file__"));
        assertEquals("(None, None)", Expect.text("(__package__, __spec__)"));
        PythonException e = assertThrows(PythonException.class, () -> PythonExecutioner.exec("fails()"));
        assertEquals(main.toString(), e.getStackTrace()[0].getFileName());
        assertTrue(e.getTraceback().contains("raise ValueError(got)"), e.getTraceback());
        Path latin1 = folder.resolve("latin1.py");
        Files.write(latin1, "# coding: latin-1\ntext = '\u00e4'".getBytes(StandardCharsets.ISO_8859_1));
        try (PythonCode code = PythonCode.compileFile(latin1)) {
            code.run();
            code.run();
        }
        assertEquals("\u00e4", Expect.text("text"));
        Path bad = file(folder, "bad.py", "x = = 1");
        assertEquals(bad.toString(), assertThrows(PythonSyntaxError.class, () -> PythonExecutioner.execFile(bad)).getFile());
        Path none = folder.resolve("none.py");
        e = assertThrows(PythonException.class, () -> PythonExecutioner.execFile(none));
        assertTrue(e.getMessage().startsWith("FileNotFoundError: ") && e.getMessage().contains("none.py"), e.getMessage());
    }

    @Test
    void aFileWithinAPackageImportsFromIt(@TempDir Path folder) throws Exception {
        file(folder, "shop_of_test/__init__.py", "name = 'shop'");
        file(folder, "shop_of_test/sub/__init__.py");
        file(folder, "shop_of_test/sub/prices.py", "price = 7");
        Path main = file(folder, "shop_of_test/sub/main.py",
                "from .prices import price",
                "from .. import name",
                "def twice(n): return 2 * n * price");
        try (PythonCode code = PythonCode.compileFile(main)) {
            code.run();
        }
        assertEquals("('shop', 7, 'shop_of_test.sub', 'shop_of_test.sub.main')",
                Expect.text("(name, price, __package__, __spec__.name)"));
        assertEquals("[14, 28]", inSpawnedProcesses("twice"));
    }

    @Test
    void functionsOfAFileCanBeUsedInPoolsThatSpawn(@TempDir Path folder) throws Exception {
        PythonExecutioner.execFile(file(folder, "pooled.py", "def square(n): return n * n"));
        assertEquals("[1, 4]", inSpawnedProcesses("square"));
    }

    private static String inSpawnedProcesses(String function) {
        PythonExecutioner.exec(String.join("\n",
                "import multiprocessing",
                "with multiprocessing.get_context('spawn').Pool(1) as pool:",
                "    made = pool.map_async(" + function + ", [1, 2]).get(60)"));
        return Expect.text("made");
    }
}
