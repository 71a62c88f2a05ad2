// SPDX-License-Identifier: Apache-2.0
// What Python prints and logs, and where it goes.
package org.nd4j.python4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.nd4j.python4j.internal.jni.Operator;

@ExtendWith(InPython.class)
class PythonOutputTest {

    private static void exec(String code) {
        PythonExecutioner.exec(code);
    }

    @Test
    void captureKeepsBothStreamsApart() {
        try (PythonOutput output = PythonOutput.capture()) {
            exec("import sys\nprint('out')\nprint('err', file=sys.stderr)");
            assertEquals("out\n", output.getOut());
            assertEquals("err\n", output.getErr());
        }
    }

    @Test
    void textIsExact() {
        String text = "a\u0000b \ud83d\ude00 \ud800 e\u0301\r\n\tlast";
        try (PythonOutput output = PythonOutput.capture()) {
            PythonExecutioner.setVariables(new PythonVariable<>("text", PythonTypes.STR, text));
            exec("import sys\nn = sys.stdout.write(text)");
            assertEquals(text, output.getOut());
            exec("sys.stdout.buffer.write('\u00e9'.encode()[:1])\nsys.stdout.buffer.write('\u00e9'.encode()[1:])");
            assertEquals(text + "\u00e9", output.getOut());
        }
    }

    @Test
    void receiversGetWholeLinesAndTheRestWhenTheCallReturns() {
        List<String> lines = Collections.synchronizedList(new ArrayList<>());
        try (PythonOutput output = PythonOutput.to(lines::add, text -> {})) {
            exec("print('a', 'b')\nprint('c', end='')\nprint('d\\ne', end='')\nn = 1");
            assertEquals(Arrays.asList("a b\n", "cd\n", "e"), lines);
            assertThrows(IllegalStateException.class, output::getOut);
        }
    }

    @Test
    void printStreamsOfJavaReceiveIt() {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        PrintStream stream = new PrintStream(bytes, false, StandardCharsets.UTF_8);
        try (PythonOutput output = PythonOutput.to(stream, stream)) {
            exec("print('\u4e2d')");
        }
        assertEquals("\u4e2d\n", bytes.toString(StandardCharsets.UTF_8));
    }

    @Test
    void theLastOpenedGetsItAndClosingGivesBack() {
        exec("import sys\nbefore = sys.stdout");
        try (PythonOutput outer = PythonOutput.capture()) {
            exec("print('1')");
            try (PythonOutput inner = PythonOutput.capture()) {
                exec("print('2')");
                assertEquals("2\n", inner.getOut());
            }
            exec("print('3')");
            assertEquals("1\n3\n", outer.getOut());
            outer.close();
            outer.close();
            assertEquals("1\n3\n", outer.getOut());
        }
        assertTrue(Python.eval("sys.stdout is before").toBoolean());
    }

    @Test
    void threadsOfPythonArriveToo() {
        try (PythonOutput output = PythonOutput.capture()) {
            exec("import threading\nts = [threading.Thread(target=lambda: [print('x' * 50) for _ in range(100)]) for _ in range(4)]\n"
                    + "[t.start() for t in ts]\n[t.join() for t in ts]\ndel ts");
            String[] lines = output.getOut().split("\n");
            int whole = 0;
            for (String line : lines) {
                whole += line.length();
            }
            assertEquals(400 * 50, whole, "nothing is lost");
        }
    }

    @Test
    void aStreamOfTheProgramsOwnStays() {
        try (PythonOutput output = PythonOutput.capture()) {
            exec("import io, sys\nmine = sys.stdout = io.StringIO()\nprint('mine')");
            assertEquals("", output.getOut());
        }
        assertTrue(Python.eval("sys.stdout is mine").toBoolean());
        exec("sys.stdout = sys.__stdout__");
    }

    @Test
    void whatAReceiverThrowsIsAnExceptionOfPrint() {
        IllegalStateException full = new IllegalStateException("full");
        try (PythonOutput output = PythonOutput.to(text -> {
            throw full;
        }, text -> {})) {
            assertEquals(full, assertThrows(IllegalStateException.class, () -> exec("print('x')")));
            exec("n = 1");
        }
    }

    @Test
    void whatAReceiverThrowsForTheRestOfALineIsAnExceptionOfTheCall() {
        IllegalStateException full = new IllegalStateException("full");
        try (PythonOutput output = PythonOutput.to(text -> {
            throw full;
        }, text -> {})) {
            assertEquals(full, assertThrows(IllegalStateException.class, () -> exec("print('x', end='')")));
            Expect.failure("ZeroDivisionError: division by zero", () -> exec("print('x', end='')\n1 / 0"));
            exec("n = 1");
        }
    }

    @Test
    void aReceiverThatFailsAtTheEndIsClosedAllTheSame() {
        exec("import sys\nbefore = sys.stdout, sys.stderr");
        IllegalStateException full = new IllegalStateException("full");
        PythonOutput output = PythonOutput.to(text -> {
            throw full;
        }, text -> {});
        Python.eval("sys.stdout.write").call("x"); // flushed when it is closed
        assertEquals(full, assertThrows(IllegalStateException.class, output::close));
        assertTrue(Python.eval("before == (sys.stdout, sys.stderr)").toBoolean());
        exec("print(end='')");
        output.close();
    }

    @Test
    void aStreamThatTheProgramDeletedDoesNotKeepTheOther() {
        exec("import sys\nbefore = sys.stderr");
        try (PythonOutput output = PythonOutput.capture()) {
            exec("del sys.stdout");
            try (PythonOutput inner = PythonOutput.capture()) {
                exec("print('e', file=sys.stderr)");
                assertEquals("e\n", inner.getErr());
            }
        }
        assertTrue(Python.eval("sys.stderr is before").toBoolean());
        try (PythonOutput output = PythonOutput.capture()) {
            exec("print('o')");
            assertEquals("o\n", output.getOut());
        }
        exec("sys.stdout = sys.__stdout__");
    }

    @Test
    void receiversMayUsePython() {
        List<Long> seen = new ArrayList<>();
        try (PythonOutput output = PythonOutput.to(text -> {
            try (PythonGIL inner = PythonGIL.lock()) {
                seen.add(Python.eval("40 + 2").toLong());
            }
        }, text -> {})) {
            exec("print('x')");
        }
        assertEquals(Collections.singletonList(42L), seen);
    }

    @Test
    void logRecordsGoToTheReceiverOfLogging() {
        // With slf4j-nop nothing is to be seen in Java; what crosses must neither fail nor change the program.
        try (PythonOutput log = PythonOutput.logging(); PythonOutput output = PythonOutput.capture()) {
            exec("import logging\nlog = logging.getLogger('a.b')\n"
                    + "try:\n    1 / 0\nexcept ZeroDivisionError:\n    log.exception('failed %s', 'so')\n"
                    + "log.debug('d')\nlog.log(5, 'trace')\nn = len(logging.getLogger().handlers)");
            assertEquals(1, PythonExecutioner.getVariable("n", PythonTypes.INT).getValue());
            assertEquals("", output.getErr(), "logging reports its own errors there");
        }
        exec("n = len(logging.getLogger().handlers)\nlevel = logging.getLogger().level");
        assertEquals(0, PythonExecutioner.getVariable("n", PythonTypes.INT).getValue());
        assertEquals(30, PythonExecutioner.getVariable("level", PythonTypes.INT).getValue());
    }

    private static final String HANDLERS = "import logging, logging.config\nkinds = "
            + "[type(h).__name__ for h in logging.getLogger().handlers]";

    private static String handlers() {
        exec(HANDLERS);
        return PythonExecutioner.getVariable("kinds").toString();
    }

    @Test
    void aProgramThatConfiguresLoggingAnewEndsTheRouteUntilItIsPutBack() {
        exec("import logging, logging.config");
        for (String anew : List.of(
                "logging.basicConfig(force=True)",
                "logging.config.dictConfig({'version': 1, 'root': {'level': 'ERROR', 'handlers': []}})")) {
            try (PythonOutput log = PythonOutput.logging(); PythonOutput second = PythonOutput.logging()) {
                assertFalse(log.reattach());
                assertEquals("['JavaHandler', 'JavaHandler']", handlers());
                exec(anew);
                assertFalse(handlers().contains("JavaHandler"));
                assertTrue(log.reattach());
                assertTrue(handlers().contains("JavaHandler"));
                exec("level = logging.getLogger().level");
                assertEquals(1, PythonExecutioner.getVariable("level", PythonTypes.INT).getValue());
                assertThrows(IllegalStateException.class, () -> {
                    try (PythonOutput printed = PythonOutput.capture()) {
                        printed.reattach();
                    }
                });
            }
            exec("logging.basicConfig(force=True, handlers=[])\nown = 'removeHandler' in vars(logging.getLogger())");
            assertEquals("[]", handlers());
            assertEquals("False", PythonExecutioner.getVariable("own").toString());
        }
        exec("logging.getLogger().setLevel(logging.WARNING)");
    }

    @Test
    void theEndOfTheRouteIsToldOnceForEachTimeThatAProgramEndsIt() {
        exec("lost = []\nimport logging");
        PythonObject lost = Python.eval("lambda: lost.append(1)");
        PythonObject send = Python.eval("lambda *record: None");
        PythonObject route = PythonObject.apply(Operator.TOOL, "output", "log_to").call(send, lost);
        exec("logging.getLogger().removeHandler(logging.NullHandler())"); // somebody else's
        assertEquals("0", Python.eval("len(lost)").toString());
        exec("logging.basicConfig(force=True, handlers=[])\nlogging.basicConfig(force=True, handlers=[])");
        assertEquals("1", Python.eval("len(lost)").toString());
        route.get(0).call();
        exec("logging.basicConfig(force=True, handlers=[])");
        assertEquals("2", Python.eval("len(lost)").toString());
        route.get(0).call();
        route.get(1).call(); // the end that Java wants
        assertEquals("2", Python.eval("len(lost)").toString());
        exec("logging.getLogger().setLevel(logging.WARNING)");
    }

    @Test
    void logRecordsHaveTheNameOfTheJavaThread() {
        String before = Thread.currentThread().getName();
        Thread.currentThread().setName("orders-7");
        try {
            exec("import logging\nname = logging.makeLogRecord({}).threadName");
            assertEquals("orders-7", PythonExecutioner.getVariable("name").toString());
        } finally {
            Thread.currentThread().setName(before);
        }
    }
}
