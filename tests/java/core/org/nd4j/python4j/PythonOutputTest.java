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

    /** Each attribute and method gives or raises the same as that of an ordinary text file that can only be written. */
    @Test
    void aStreamThatIsCapturedIsATextFileInEveryRespect() {
        exec(String.join("\n",
                "import inspect, io, os, re, sys",
                "def outcome(call):",
                "    try: value = call()",
                "    except BaseException as e: value = type(e).__name__, re.sub('^File or s', 'S', str(e)).rstrip('.')",
                "    return re.sub(' at 0x[0-9a-f]+|name=.*? ', '', repr(value))",
                "its_own = ('buffer', 'name')",
                "calls = [('write', 5), ('write',), ('writelines', ['a', 'b']), ('writelines', [1]), ('read',), ('read', 1), ('readline',),",
                "    ('readlines',), ('seek', 0), ('seek', 0, 2), ('tell',), ('isatty',), ('readable',), ('writable',),",
                "    ('seekable',), ('flush',), ('__iter__',), ('__next__',), ('__enter__',), ('reconfigure',), ('nothing',),",
                "    ('reconfigure', 1), ('__sizeof__',), ('__reduce_ex__', 2), ('__class__', 5)]",
                "def seen(stream):",
                "    found = {}",
                "    for name in sorted(dir(stream)):",
                "        value = getattr(stream, name)",
                "        found[name] = type(value).__name__ if callable(value) or name == '__dict__' else name in its_own or repr(value)",
                "    for name, *arguments in calls:",
                "        found[name, str(arguments)] = outcome(lambda: getattr(stream, name)(*arguments))",
                "    for options in ({'encoding': 'latin-1'}, {'errors': 'replace'}, {'newline': '\\r\\n'}, {'line_buffering': True},",
                "            {'write_through': False}, {'encoding': 'no such'}, {'encoding': 'utf-8', 'newline': ''}):",
                "        found[str(options)] = outcome(lambda: stream.reconfigure(**options)), stream.encoding, stream.errors, stream.line_buffering, stream.write_through",
                "    found['repr'] = outcome(lambda: stream)",
                "    stream.close()",
                "    for name in ('write', 'flush', 'fileno', 'isatty', 'close', '__enter__'):",
                "        found['closed', name] = outcome(lambda: getattr(stream, name)(*(['x'] if name == 'write' else [])))",
                "    return found",
                "reads, writes = os.pipe()",
                "plain = io.TextIOWrapper(io.FileIO(writes, 'w'), 'utf-8', 'surrogatepass', write_through=True)",
                "plain.mode = 'w'",
                "plain, same = seen(plain), type(plain)"));
        try (PythonOutput output = PythonOutput.capture()) {
            exec("ours, ours_same = seen(sys.stdout), type(sys.stdout)");
            assertEquals("{}", Expect.text("{k: (v, ours.get(k)) for k, v in plain.items() if v != ours.get(k)}"));
            assertEquals("[]", Expect.text("[k for k in ours if k not in plain]"));
            assertTrue(Python.eval("same is ours_same").toBoolean());
            exec("n = 1"); // the stream is closed, and that is the program's affair
        }
        exec("os.close(reads)");
        assertEquals("<stdout> True", Expect.text("f'{sys.stdout.name} {sys.stdout is sys.__stdout__}'"));
    }

    @Test
    void aStreamThatIsCapturedTakesBytesInItsEncodingAndHasLayers() {
        try (PythonOutput output = PythonOutput.capture()) {
            exec("import io, sys\nsys.stdout.reconfigure(encoding='latin-1', newline='\\r\\n')\n"
                    + "print('\u00e9')\nsys.stdout.buffer.write(b'\\xe8\\n')\ntry: print('\u20ac')\nexcept UnicodeEncodeError: print('refused')");
            assertEquals("\u00e9\r\n\u00e8\nrefused\r\n", output.getOut());
            exec("sys.stderr = io.TextIOWrapper(sys.stderr.detach(), 'utf-8', newline='\\n', line_buffering=True)\nprint('\u4e2d', file=sys.stderr)");
            assertEquals("\u4e2d\n", output.getErr());
            exec("sys.stderr = sys.__stderr__");
        }
    }

    @Test
    void bytesBelowTheTextStreamAreTextInWhateverFormTheyCome() {
        try (PythonOutput output = PythonOutput.capture()) {
            exec("import sys\nraw = sys.stdout.buffer\nprint('plain')\n"
                    + "sizes = [raw.write(b'b\\n'), raw.write(bytearray(b'a\\n')), raw.write(memoryview(b'mm\\n')), raw.write(b'\\xff\\n')]\n"
                    + "sys.stdout.reconfigure(encoding='latin-1')\nprint('\u00e9')\nsys.stdout.reconfigure(encoding='utf-8')\nprint('\u00e9')\n"
                    + "print('x' * 100, flush=True)");
            assertEquals("plain\nb\na\nmm\n\ufffd\n\u00e9\n\u00e9\n" + "x".repeat(100) + "\n", output.getOut());
            assertEquals("[2, 2, 3, 2]", PythonExecutioner.getVariable("sizes").toString());
            exec("sys.stdout.close()");
            Expect.failure("ValueError: I/O operation on closed file", () -> exec("raw.write(b'late')"));
        }
    }

    /** A text stream that is not at the start of a file writes no mark of the order of its bytes. */
    @Test
    void aStreamMayHaveEachEncodingOfUnicode() {
        try (PythonOutput output = PythonOutput.capture()) {
            for (String encoding : List.of("utf-16", "U32", "utf-16-be", "utf-8-sig", "utf-7")) {
                exec("import sys\nsys.stdout.reconfigure(encoding='" + encoding + "')\nprint('\u20ac')\nprint('\ud83d\ude00')");
            }
            exec("sys.stdout.reconfigure(encoding='utf-8')");
            assertEquals("\u20ac\n\ud83d\ude00\n".repeat(5), output.getOut());
        }
    }

    @Test
    void whatWaitsInTheTextStreamIsFlushedWhenTheCallReturns() {
        List<String> texts = new ArrayList<>();
        try (PythonOutput output = PythonOutput.to(texts::add, text -> {})) {
            exec("import sys\nsys.stdout.reconfigure(write_through=False)\nprint('a', end='')");
            exec("n = 1");
            exec("sys.stdout.reconfigure(write_through=True)\nflushed = []\nsys.stdout.flush = lambda: flushed.append(1)");
            exec("n = 1");
            exec("n = len(flushed)\ndel sys.stdout.flush");
            assertEquals(List.of("a"), texts);
            assertEquals(2, PythonExecutioner.getVariable("n", PythonTypes.INT).getValue());
        }
    }

    @Test
    void aStreamGoesWithItsLastUser() {
        try (PythonOutput output = PythonOutput.capture()) {
            exec("import gc, sys, weakref\nprint('1')\nstreams = [weakref.ref(s) for s in (sys.stdout, sys.stdout.buffer, sys.stderr)]");
        }
        exec("n = gc.collect()");
        assertEquals("[None, None, None]", Expect.text("[stream() for stream in streams]"));
    }

    @Test
    void aStreamThatTheProgramKeptGoesToWhoeverReceivesNow() {
        try (PythonOutput output = PythonOutput.capture()) {
            exec("import sys\nkept = sys.stdout\nprint('1')");
        }
        try (PythonOutput output = PythonOutput.capture()) {
            exec("print('2', file=kept)\nprint('3')");
            assertEquals("2\n3\n", output.getOut());
        }
    }

    @Test
    void whatPrintsWhileTheOutputIsClosedGoesToOneSideOrTheOther() {
        java.util.concurrent.atomic.AtomicLong received = new java.util.concurrent.atomic.AtomicLong();
        java.util.function.Consumer<String> count = text -> received.addAndGet(text.chars().filter(c -> c == 'x').count());
        exec(String.join("\n",
                "import sys, threading",
                "class Rest:",
                "    seen = []",
                "    def write(self, text): self.seen.append(text.count('x')) # += would lose some",
                "    def flush(self): pass",
                "before, sys.stdout, stop, printed, errors = sys.stdout, Rest(), False, [], []",
                "def work():",
                "    n = 0",
                "    while not stop:",
                "        try:",
                "            print('x')",
                "            n += 1",
                "        except BaseException as e: errors.append(repr(e))",
                "    printed.append(n)",
                "threads = [threading.Thread(target=work) for _ in range(4)]",
                "for t in threads: t.start()"));
        for (int i = 0; i < 100; i++) {
            try (PythonOutput outer = PythonOutput.to(count, text -> {}); PythonOutput inner = PythonOutput.to(count, text -> {})) {
                exec("import time; time.sleep(0.0005)");
            }
        }
        exec("stop = True\nfor t in threads: t.join()\nsys.stdout, rest = before, sum(Rest.seen)");
        assertEquals("[]", Expect.text("errors[:3]"));
        assertEquals(Python.eval("sum(printed)").toLong(), received.get() + Python.eval("rest").toLong());
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
    void aFlushOfTheProgramsOwnFailsNoCall() {
        try (PythonOutput output = PythonOutput.capture()) {
            exec("import sys\nsys.stdout.flush = lambda: 1 / 0\nprint('a', end='')");
            exec("print('b', end='')");
            assertEquals("ab", output.getOut());
        }
        try (PythonOutput output = PythonOutput.capture()) {
            exec("print('c', end='')");
            assertEquals("c", output.getOut());
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
                "logging.getLogger().handlers.clear()",
                "logging.root.handlers = []",
                "logging.root.handlers[:] = []",
                "del logging.root.handlers[:]",
                "while logging.root.handlers: logging.root.handlers.pop()",
                "logging.root.handlers *= 0",
                "for h in list(logging.root.handlers): logging.root.removeHandler(h)",
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
            exec("logging.basicConfig(force=True, handlers=[])\nown = type(logging.root) is not logging.RootLogger or type(logging.root.handlers) is not list");
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
        int times = 2;
        for (String way : List.of("logging.root.handlers.clear()", "logging.root.handlers = []", "logging.root.handlers = [logging.NullHandler()]",
                "logging.root.handlers[:] = []", "logging.root.handlers.pop()", "logging.root.handlers.remove(logging.root.handlers[-1])")) {
            route.get(0).call();
            exec("logging.root.handlers = list(logging.root.handlers)\nlogging.root.handlers += [logging.NullHandler()]\n"
                    + "logging.root.handlers.pop()\nlogging.root.handlers.insert(0, logging.NullHandler())");
            assertEquals(String.valueOf(times), Python.eval("len(lost)").toString(), way);
            exec(way);
            times++;
            assertEquals(String.valueOf(times), Python.eval("len(lost)").toString(), way);
        }
        route.get(0).call();
        route.get(1).call(); // the end that Java wants
        assertEquals(String.valueOf(times), Python.eval("len(lost)").toString());
        exec("logging.root.handlers.clear()");
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
