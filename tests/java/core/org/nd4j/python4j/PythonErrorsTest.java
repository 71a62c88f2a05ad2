// SPDX-License-Identifier: Apache-2.0
// What an exception of Python tells a Java program, and what a Java exception is after its way through Python.
package org.nd4j.python4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.nd4j.python4j.internal.jni.Callbacks;
import org.nd4j.python4j.internal.jni.Native;

@ExtendWith(InPython.class)
class PythonErrorsTest {

    private static PythonException failing(String code) {
        return assertThrows(PythonException.class, () -> PythonExecutioner.exec(code));
    }

    @Test
    void classMessageAndObject() {
        PythonException e = failing("class Special(ValueError): code = 7\nraise Special('no', 1)");
        assertEquals("Special: ('no', 1)", e.getMessage());
        assertEquals("Special", e.getPythonClass());
        assertEquals("__main__", e.getPythonModule());
        assertEquals("('no', 1)", e.getPythonMessage());
        assertEquals(7, e.getPythonObject().attr("code").toInt());
    }

    @Test
    void aSerializedOneTellsTheSame() throws Exception {
        for (String code : Arrays.asList("class Special(ValueError): pass\ndef f(): raise Special('no')\nf()", "import sys\nsys.exit(3)",
                "import sys\nsys.exit([1, object()])", "import nothing_of_the_kind", "x = = 1", "try: 1 / 0\nexcept Exception as e: raise KeyError('k') from e")) {
            PythonException e = failing(code);
            PythonException back = (PythonException) serialized(e);
            assertEquals(e.getClass(), back.getClass());
            assertEquals(e.toString(), back.toString());
            assertEquals(e.getPythonClass(), back.getPythonClass());
            assertEquals(e.getPythonModule(), back.getPythonModule());
            assertEquals(e.getPythonMessage(), back.getPythonMessage());
            assertEquals(e.getTraceback(), back.getTraceback());
            assertEquals(e.getTraceback(), ((PythonException) serialized(back)).getTraceback());
            assertEquals(Arrays.asList(e.getStackTrace()), Arrays.asList(back.getStackTrace()));
            assertEquals(String.valueOf(e.getCause()), String.valueOf(back.getCause()));
            if (e instanceof PythonSystemExit) {
                assertEquals(((PythonSystemExit) e).getStatus(), ((PythonSystemExit) back).getStatus());
                assertEquals(String.valueOf(((PythonSystemExit) e).getCode()), String.valueOf(((PythonSystemExit) back).getCode()));
            }
        }
    }

    private static Object serialized(Object value) throws Exception {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (ObjectOutputStream out = new ObjectOutputStream(bytes)) {
            out.writeObject(value);
        }
        return new ObjectInputStream(new ByteArrayInputStream(bytes.toByteArray())).readObject();
    }

    @Test
    void pythonFramesStandOnTopOfTheStackTrace() {
        PythonException e = failing("def inner():\n    1 / 0\ndef outer():\n    inner()\nouter()");
        StackTraceElement[] trace = e.getStackTrace();
        assertEquals("inner", trace[0].getMethodName());
        assertEquals(2, trace[0].getLineNumber());
        assertTrue(trace[0].getFileName().startsWith("<exec-"), trace[0].getFileName());
        assertEquals("outer", trace[1].getMethodName());
        assertEquals("<module>", trace[2].getMethodName());
        assertEquals(Native.class.getName(), trace[3].getClassName());
        String traceback = e.getTraceback();
        assertTrue(traceback.startsWith("Traceback (most recent call last):"), traceback);
        assertTrue(traceback.contains("    1 / 0") && traceback.endsWith("ZeroDivisionError: division by zero\n"), traceback);
    }

    /** The elements of a stack that was seen before are not made again: they must be those of this one. */
    @Test
    void javaFramesAreThoseOfTheCall() {
        for (int round = 0; round < 3; round++) {
            for (int depth : new int[] {0, 1, 40, 100}) {
                for (int place : new int[] {1, 2}) {
                    StackTraceElement[] here = new Throwable().getStackTrace();
                    StackTraceElement[] all = deep(depth, place).getStackTrace();
                    int above = all.length - here.length; // the frames above this method's
                    assertEquals(here[0].getLineNumber() + 1, all[above].getLineNumber());
                    assertEquals(tail(here, 1), tail(all, above + 1));
                    for (int i = 1; i <= depth + 1; i++) {
                        assertEquals("deep", all[above - i].getMethodName());
                    }
                    assertEquals("exec", all[above - depth - 2].getMethodName());
                    assertEquals(line(1) + place - 1, all[above - depth - 1].getLineNumber());
                }
            }
        }
    }

    private static List<StackTraceElement> tail(StackTraceElement[] trace, int from) {
        return Arrays.asList(trace).subList(from, trace.length);
    }

    /** The line of the first of the places in {@link #deep}. */
    private static int line(int place) {
        StackTraceElement[] all = deep(0, place).getStackTrace();
        return Arrays.stream(all).filter(e -> e.getMethodName().equals("deep")).findFirst().get().getLineNumber();
    }

    private static PythonException deep(int depth, int place) {
        try {
            switch (depth > 0 ? 0 : place) {
                case 0: return deep(depth - 1, place);
                case 1: PythonExecutioner.exec("1 / 0"); break;
                case 2: PythonExecutioner.exec("1 / 0"); break;
                default: break;
            }
        } catch (PythonException e) {
            return e;
        }
        throw new AssertionError("nothing was raised");
    }

    @Test
    void causesAndContexts() {
        PythonException e = failing("try:\n    {}['k']\nexcept KeyError as k:\n    raise ValueError('v') from k");
        PythonException cause = assertInstanceOf(PythonException.class, e.getCause());
        assertEquals("KeyError: 'k'", cause.getMessage());
        assertNull(cause.getCause());
        PythonException context = failing("try:\n    {}['k']\nexcept KeyError:\n    1 / 0");
        assertEquals("KeyError: 'k'", context.getCause().getMessage());
        assertNull(failing("try:\n    {}['k']\nexcept KeyError:\n    raise ValueError from None").getCause());
    }

    @Test
    void groupsAndNotes() {
        assumeTrue(Expect.truth("__import__('sys').version_info >= (3, 11)"), "groups came with Python 3.11");
        PythonException e = failing("e = ExceptionGroup('both', [ValueError('a'), ImportError('b')])\n"
                + "e.add_note('first')\ne.add_note('second')\nraise e");
        assertEquals("ExceptionGroup: both (2 sub-exceptions)", e.getMessage());
        assertEquals("ValueError: a", e.getSuppressed()[0].getMessage());
        assertInstanceOf(PythonImportError.class, e.getSuppressed()[1]);
        assertEquals(Arrays.asList("first", "second"), e.getNotes());
    }

    @Test
    void whatCallersHandleDifferentlyHasItsOwnClass() {
        PythonSystemExit exit = assertInstanceOf(PythonSystemExit.class, failing("import sys\nsys.exit(3)"));
        assertEquals(3L, exit.getCode());
        assertEquals(3, exit.getStatus());
        assertEquals(0, ((PythonSystemExit) failing("import sys\nsys.exit()")).getStatus());
        PythonSystemExit text = (PythonSystemExit) failing("import sys\nsys.exit('bye')");
        assertEquals("bye", text.getCode());
        assertEquals(1, text.getStatus());

        PythonImportError missing = assertInstanceOf(PythonImportError.class, failing("import no.such.module"));
        assertEquals("no", missing.getModule());

        PythonSyntaxError syntax = assertInstanceOf(PythonSyntaxError.class, failing("x = 1\ny = (2]\n"));
        assertEquals("Execution failed, unable to retrieve python exception.", syntax.getMessage());
        assertEquals(2, syntax.getLine());
        assertEquals(7, syntax.getColumn());
        assertTrue(syntax.getSourceText().startsWith("y = (2]"), syntax.getSourceText());
        assertTrue(syntax.getCause().getMessage().startsWith("SyntaxError: closing parenthesis ']' does not match"));
    }

    @Test
    void aSyntaxErrorSaysInItsFirstLineWhatIsWrongAndWhere() {
        PythonSyntaxError syntax = assertInstanceOf(PythonSyntaxError.class, failing("x = 1\n  y = 2 # text of the line\n"));
        String where = "IndentationError: unexpected indent, " + syntax.getFile() + ", line 2, column "
                + syntax.getColumn() + ": y = 2 # text of the line)";
        assertEquals("org.nd4j.python4j.PythonSyntaxError: Execution failed, unable to retrieve python exception. (" + where,
                syntax.toString());
        assertEquals("Execution failed, unable to retrieve python exception.", syntax.getMessage());
        assertTrue(syntax.getColumn() > 0 && syntax.getFile().startsWith("<exec-"), where);
        StringWriter printed = new StringWriter();
        syntax.printStackTrace(new PrintWriter(printed));
        assertEquals(syntax.toString(), printed.toString().split("\\R")[0]);
        // One that a running program meets has Python's own message.
        PythonException raised = failing("compile('x = = 1', 'other.py', 'exec')");
        assertTrue(raised.getMessage().startsWith("SyntaxError: "), raised.getMessage());
        assertTrue(raised.toString().endsWith(" (other.py, line 1, column 5: x = = 1)"), raised.toString());
        assertTrue(raised.toString().startsWith("org.nd4j.python4j.PythonSyntaxError: " + raised.getMessage()));
        assertTrue(failing("raise SyntaxError('mine')").toString().equals("org.nd4j.python4j.PythonSyntaxError: SyntaxError: mine"));
        PythonException simple = assertThrows(PythonException.class, () -> PythonExecutioner.simpleExec("1 +"));
        assertTrue(simple.toString().contains("line 1, column "), simple.toString());
        assertTrue(assertThrows(PythonException.class, () -> Python.eval("1 +")).toString().contains(": 1 +)"));
    }

    @Test
    void errorsOfEveryCallTellTheSame() {
        PythonExecutioner.exec("def f(): return {}['k']\nclass C:\n    def __str__(self): raise LookupError('str')\nc = C()");
        PythonObject f = PythonExecutioner.getVariable("f");
        PythonException e = assertThrows(PythonException.class, f::call);
        assertEquals("KeyError", e.getPythonClass());
        assertEquals("f", e.getStackTrace()[0].getMethodName());
        PythonObject c = PythonExecutioner.getVariable("c");
        assertEquals("LookupError: str", assertThrows(PythonException.class, c::toString).getMessage());
        assertEquals("AttributeError", assertThrows(PythonException.class, () -> c.attr("nope")).getPythonClass());
        assertEquals("NameError", assertThrows(PythonException.class, () -> Python.eval("nope")).getPythonClass());
    }

    @Test
    void aJavaExceptionComesBackAsTheSameObject() {
        IllegalStateException thrown = new IllegalStateException("from Java");
        PythonExecutioner.setVariable("f", Callbacks.callable((args, named) -> {
            throw thrown;
        }));
        assertSame(thrown, assertThrows(Throwable.class, () -> PythonExecutioner.exec("def g(): f()\ng()")));
        PythonExecutioner.exec("try:\n    f()\nexcept Exception as e:\n    said = str(e)\n    del e");
        assertEquals("java.lang.IllegalStateException: from Java",
                PythonExecutioner.getVariable("said", PythonTypes.STR).getValue());
        PythonException around = failing("try:\n    f()\nexcept Exception as e:\n    raise ValueError('around') from e");
        assertSame(thrown, around.getCause());
    }

    @Test
    void aPythonExceptionThatPassesThroughJavaIsTheSameInPython() {
        PythonExecutioner.exec("class Mine(Exception): pass\ndef raises(): raise Mine('x')");
        PythonObject raises = PythonExecutioner.getVariable("raises");
        PythonExecutioner.setVariable("f", Callbacks.callable((args, named) -> raises.call()));
        PythonExecutioner.exec("try:\n    f()\nexcept Mine as e:\n    said = str(e)");
        assertEquals("x", PythonExecutioner.getVariable("said", PythonTypes.STR).getValue());
    }

    @Test
    void argumentsAndResultsOfCallbacksAreConverted() {
        PythonExecutioner.setVariable("f", Callbacks.callable((args, named) -> Arrays.asList(args, named)));
        PythonExecutioner.exec("r = f(1, 'x', [2.5], k={'a': None})");
        assertEquals(Arrays.asList(Arrays.asList(1L, "x", Collections.singletonList(2.5)),
                        Collections.singletonMap("k", Collections.singletonMap("a", null))),
                PythonExecutioner.getVariable("r", PythonTypes.LIST).getValue());
    }

    @Test
    void javaAndPythonCallEachOtherFiftyDeep() {
        AtomicInteger depth = new AtomicInteger();
        PythonExecutioner.setVariable("down", Callbacks.callable((args, named) -> {
            if (depth.incrementAndGet() < 50) {
                PythonExecutioner.exec("down()");
            }
            return depth.get();
        }));
        PythonExecutioner.exec("r = down()");
        assertEquals(50, PythonExecutioner.getVariable("r", PythonTypes.INT).getValue());
    }

    @Test
    void aThreadOfPythonsMayCallBackWhileTheTurnsOwnerWaitsForIt() {
        PythonExecutioner.setVariable("f", Callbacks.callable((args, named) -> {
            try (PythonGIL inner = PythonGIL.lock()) {
                PythonExecutioner.exec("seen = 'from a thread'");
            }
            return null;
        }));
        PythonExecutioner.exec("import threading\nt = threading.Thread(target=f)\nt.start()\nt.join()");
        assertEquals("from a thread", PythonExecutioner.getVariable("seen", PythonTypes.STR).getValue());
    }

    @Test
    void pythonHoldsNothingOfJavaThatItHasDropped() {
        int before = Callbacks.count();
        for (int i = 0; i < 100; i++) {
            PythonExecutioner.setVariable("f", Callbacks.callable((args, named) -> null));
            PythonExecutioner.exec("f()");
        }
        PythonExecutioner.exec("del f");
        System.gc();
        for (int i = 0; i < 200 && Callbacks.count() > before + 1; i++) {
            System.gc();
            PythonExecutioner.exec("pass"); // frees what Java has forgotten
        }
        assertTrue(Callbacks.count() <= before + 1, Callbacks.count() + " after " + before);
    }
}
