// SPDX-License-Identifier: Apache-2.0
// Running text and moving variables in and out of it. Which value becomes which is in
// ConversionTablesTest; what is printed where, and exits, in PrintingTest.
package org.nd4j.python4j;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.python4j.internal.jni.Native;
import org.nd4j.python4j.internal.jni.Pack;

@ExtendWith(InPython.class)
@SuppressWarnings("rawtypes") // PythonVariable is raw in the signatures
class PythonExecutionerTest {

    private static void exec(String... lines) {
        PythonExecutioner.exec(String.join("\n", lines));
    }

    @Test
    @Rule("2.1")
    void codeRunsInMain() {
        exec("name = __name__", "same = locals() is globals()", "file = '__file__' in globals()");
        assertEquals("__main__", Expect.text("name"));
        assertEquals("True", Expect.text("same"));
        assertEquals("False", Expect.text("file"));
        exec("import sys");
        assertTrue(Expect.truth("sys.modules['__main__'].__dict__ is globals()"));
    }

    @Test
    @Rule("2.2")
    void namesStayBetweenCalls() {
        exec("a = 1", "def f(): return a + 1");
        exec("b = f()");
        assertEquals("2", Expect.text("b"));
    }

    @Test
    @Rule("2.2")
    void aFailingCallKeepsWhatItHadSet() {
        Expect.failure("ZeroDivisionError: division by zero", () -> exec("before = 1", "1 / 0", "after = 1"));
        assertTrue(Expect.truth("'before' in globals()"));
        assertFalse(Expect.truth("'after' in globals()"));
    }

    @Test
    @Rule("2.3")
    void inputsAreSetAndOutputsRead() {
        PythonVariable<Long> x = new PythonVariable<>("x", PythonTypes.INT, 10);
        PythonVariable<Long> y = new PythonVariable<>("y", PythonTypes.INT);
        PythonVariable<String> text = new PythonVariable<>("text", PythonTypes.STR);
        PythonExecutioner.exec("y = x + 5\ntext = 'y is ' + str(y)", List.of(x), List.of(y, text));
        assertEquals(15L, y.getValue());
        assertEquals("y is 15", text.getValue());
        assertEquals(10L, x.getValue());
    }

    @Test
    @Rule("2.3")
    void listsMayBeNullOrEmpty() {
        PythonExecutioner.exec("a = 1", null, null);
        PythonExecutioner.exec("a += 1", Collections.emptyList(), Collections.emptyList());
        PythonExecutioner.exec("a += x", List.of(new PythonVariable<>("x", PythonTypes.INT, 3)), null);
        PythonVariable<Long> a = new PythonVariable<>("a", PythonTypes.INT);
        PythonExecutioner.exec("a += x", null, List.of(a));
        assertEquals(8L, a.getValue());
    }

    @Test
    @Rule("2.3")
    void ofTwoInputsOfOneNameTheLastWins() {
        PythonVariable<Long> a = new PythonVariable<>("a", PythonTypes.INT);
        PythonExecutioner.exec("a = x", Arrays.asList(
                new PythonVariable<>("x", PythonTypes.INT, 1),
                new PythonVariable<>("x", PythonTypes.INT, 2)), List.of(a));
        assertEquals(2L, a.getValue());
    }

    @Test
    @Rule("2.3")
    void whenTheCodeFailsOutputsAreLeftAlone() {
        PythonVariable<Long> a = new PythonVariable<>("a", PythonTypes.INT, 7);
        assertThrows(PythonException.class, () -> PythonExecutioner.exec("a = 1\n1 / 0", null, List.of(a)));
        assertEquals(7L, a.getValue());
    }

    @Test
    @Rule("2.3")
    void whenOneOutputCannotBeReadNoneIsChanged() {
        PythonVariable<Long> a = new PythonVariable<>("a", PythonTypes.INT, 7);
        PythonVariable<Long> b = new PythonVariable<>("b", PythonTypes.INT, 8);
        Expect.failure("Could not convert value to int: text",
                () -> PythonExecutioner.exec("a = 1\nb = 'text'", null, List.of(a, b)));
        assertEquals(7L, a.getValue());
        assertEquals(8L, b.getValue());
    }

    @Test
    @Rule("2.4")
    void execAndReturnAllVariablesRunsAndReturnsThem() {
        PythonVariables all = PythonExecutioner.execAndReturnAllVariables("a = 1\nb = 'x'");
        assertEquals(1L, all.get("a").getValue());
        assertEquals("x", all.get("b").getValue());
        all = PythonExecutioner.execAndReturnAllVariables(
                "d = c * 2", List.of(new PythonVariable<>("c", PythonTypes.FLOAT, 2.5)));
        assertEquals(List.of("a", "b", "c", "d"), names(all));
        assertEquals(5.0, all.get("d").getValue());
    }

    private static List<String> names(List<PythonVariable> variables) {
        return variables.stream().map(PythonVariable::getName).collect(Collectors.toList());
    }

    @Test
    @Rule("2.5")
    void getAllVariablesReturnsEachConvertibleGlobalInOrder() {
        exec("a = 5", "b = 's'", "c = 2.5", "d = True", "e = None", "f = [1]", "g = {'k': 1}", "h = b'x'");
        PythonVariables all = PythonExecutioner.getAllVariables();
        assertEquals(List.of("a", "b", "c", "d", "e", "f", "g", "h"), names(all));
        assertEquals(
                List.of("int", "str", "float", "bool", "NoneType", "list", "dict", "bytes"),
                all.stream().map(v -> v.getType().getName()).collect(Collectors.toList()));
        assertEquals(5L, all.get("a").getValue());
        assertEquals("s", all.get("b").getValue());
        assertEquals(2.5, all.get("c").getValue());
        assertEquals(true, all.get("d").getValue());
        assertNull(all.get("e").getValue());
        assertEquals(List.of(1L), all.get("f").getValue());
        assertEquals(Map.of("k", 1L), all.get("g").getValue());
        assertArrayEquals(new byte[] {'x'}, (byte[]) all.get("h").getValue());
    }

    @Test
    @Rule("2.5")
    void getAllVariablesLeavesOutTheRest() {
        exec(
                "import math",
                "_hidden = __hidden = 1",
                "__dunder__ = 1",
                "t, s, z, r = (1, 2), {1}, 1j, range(3)",
                "def f(): pass",
                "class C: pass",
                "c = C()",
                "builtin = len",
                "kept = 1");
        assertEquals(List.of("kept"), names(PythonExecutioner.getAllVariables()));
    }

    @Test
    @Rule("2.6")
    void aGlobalThatCannotBeConvertedDoesNotHideTheOthers() {
        exec("a = 1", "big = 2**70", "l = [object()]", "d = {'k': [object()]}", "loop = []", "loop.append(loop)", "b = 2");
        List<String> names = names(PythonExecutioner.getAllVariables());
        assertTrue(names.containsAll(List.of("a", "b")), names.toString());
        assertFalse(names.contains("l") || names.contains("d") || names.contains("loop"), names.toString());
    }

    @Test
    @Rule("2.7")
    void simpleExecRunsTheText() {
        PythonExecutioner.simpleExec("x = 2 + 2");
        assertEquals("4", Expect.text("x"));
        PythonExecutioner.simpleExec("");
    }

    @Test
    @Rule({"2.7", "12.3"})
    void anyFailureOfSimpleExecIsTheGenericOneWithTheRealOneAsItsCause() {
        PythonException failure = Expect.failure(Expect.NOT_RUN, () -> PythonExecutioner.simpleExec("1 / 0"));
        assertInstanceOf(PythonException.class, failure.getCause());
        assertEquals("ZeroDivisionError: division by zero", failure.getCause().getMessage());
        failure = Expect.failure(Expect.NOT_RUN, () -> PythonExecutioner.simpleExec("x = ("));
        assertInstanceOf(PythonSyntaxError.class, failure.getCause());
        Expect.failure(Expect.NOT_RUN, () -> PythonExecutioner.simpleExec("import sys; sys.exit(3)"));
    }

    @ParameterizedTest
    @Rule("2.8")
    @ValueSource(strings = {"", "   ", "\n\n", "# only a comment", "pass", "..."})
    void textThatDoesNothingIsFine(String code) {
        assertDoesNotThrow(() -> PythonExecutioner.exec(code));
    }

    @ParameterizedTest
    @Rule({"2.9", "12.3"})
    @ValueSource(strings = {
        "x = (", "def", "'unterminated", "\\", "x = 1\n  y = 2", "if True:\n\tx=1\n        y=2",
        "return 5", "yield 1", "break", "await x", "x=1\0",
    })
    void textThatDoesNotCompileGivesTheGenericMessage(String code) {
        PythonException failure = Expect.failure(Expect.NOT_RUN, () -> PythonExecutioner.exec(code));
        assertInstanceOf(PythonException.class, failure.getCause());
        assertTrue(failure.getCause().getMessage().contains("Error: "), failure.getCause().getMessage());
    }

    @ParameterizedTest
    @Rule("2.10")
    @CsvSource(delimiter = '|', quoteCharacter = '"', value = {
        "raise ValueError('boom') | ValueError: boom",
        "raise ValueError('a', 'b') | ValueError: ('a', 'b')",
        "raise KeyError('k') | KeyError: 'k'",
        "{}['k'] | KeyError: 'k'",
        "[][1] | IndexError: list index out of range",
        "1/0 | ZeroDivisionError: division by zero",
        "exec('1/0') | ZeroDivisionError: division by zero",
        "raise | RuntimeError: No active exception to reraise",
        "undefined_name | NameError: name 'undefined_name' is not defined",
        "import nosuchmod | ModuleNotFoundError: No module named 'nosuchmod'",
        "assert False, 'msg' | AssertionError: msg",
        "raise ValueError('inner') from KeyError('outer') | ValueError: inner",
        "eval(')') | SyntaxError: unmatched ')' (<string>, line 1)",
        "raise SyntaxError('fake') | SyntaxError: fake",
        "import json; json.loads('{') | JSONDecodeError: Expecting property name enclosed in double quotes: "
                + "line 1 column 2 (char 1)",
        "raise ValueError('\u00e9\uD83D\uDE00') | ValueError: \u00e9\uD83D\uDE00",
    })
    void theMessageIsTheTypesOwnNameAndTheText(String code, String message) {
        Expect.failure(message, () -> PythonExecutioner.exec(code));
    }

    @Test
    @Rule("2.10")
    void messagesOfSeveralLinesAndOwnClassesAreKept() {
        Expect.failure("Exception: multi\nline", () -> exec("raise Exception('multi\\nline')"));
        Expect.failure("E: custom", () -> exec("class E(Exception): pass", "raise E('custom')"));
        Expect.failureWith("maximum recursion depth exceeded", () -> exec("def f(): f()", "f()"));
        assertTrue(Expect.failureWith("E", () -> exec(
                        "class E(Exception):", "    def __str__(self): raise RuntimeError('bad str')", "raise E()"))
                .getMessage().startsWith("E: "));
    }

    @ParameterizedTest
    @Rule("2.11")
    @CsvSource(delimiter = '|', quoteCharacter = '"', ignoreLeadingAndTrailingWhitespace = false, value = {
        "raise ValueError|ValueError: ",
        "raise ValueError('')|ValueError: ",
        "raise Exception()|Exception: ",
        "raise StopIteration|StopIteration: ",
        "assert False|AssertionError: ",
    })
    void exceptionsWithoutTextAreReportedToo(String code, String message) {
        Expect.failure(message, () -> PythonExecutioner.exec(code));
    }

    @ParameterizedTest
    @Rule("2.12")
    @CsvSource(delimiter = '|', quoteCharacter = '"', ignoreLeadingAndTrailingWhitespace = false, value = {
        "import sys; sys.exit()|SystemExit: ",
        "import sys; sys.exit(3)|SystemExit: 3",
        "raise SystemExit('bye')|SystemExit: bye",
        "raise KeyboardInterrupt()|KeyboardInterrupt: ",
        "raise GeneratorExit()|GeneratorExit: ",
        "raise BaseException('b')|BaseException: b",
    })
    void baseExceptionsAreExceptionsAndTheJvmLivesOn(String code, String message) {
        Expect.failure(message, () -> PythonExecutioner.exec(code));
    }

    @Test
    @Rule("2.14")
    void aStdoutThatUserCodePutThereStays() {
        try {
            exec("import sys, io", "kept = sys.stdout", "sys.stdout = io.StringIO()");
            exec("print('in buf')");
            assertEquals("in buf\n", Expect.text("sys.stdout.getvalue()"));
        } finally {
            exec("sys.stdout = kept");
        }
    }

    @Test
    @Rule("2.15")
    void theTextReachesPythonUnchanged() {
        exec("s = '''a", "b", "  c", "'''");
        assertEquals("a\nb\n  c\n", Expect.text("s"));
        exec("t = 'a \\", "  b'");
        assertEquals("a   b", Expect.text("t"));
        exec("u = \"{x} %s %% $1 \\\\ \\\"q\\\" {{}}\"");
        assertEquals("{x} %s %% $1 \\ \"q\" {{}}", Expect.text("u"));
        exec("from __future__ import annotations", "def f(x: nosuchname): pass");
        exec("def f():", "    return '''doc", "    more'''", "g = f()");
        assertEquals("doc\n    more", Expect.text("g"));
    }

    @Test
    @Rule("2.15")
    void lineNumbersAndLinesInTracebacksAreTheUsers() {
        exec(
                "import traceback",
                "def f():",
                "    1 / 0",
                "try:",
                "    f()",
                "except ZeroDivisionError:",
                "    tb = traceback.format_exc()");
        String traceback = Expect.text("tb");
        assertTrue(traceback.contains(", line 5, in <module>\n    f()"), traceback);
        assertTrue(traceback.contains(", line 3, in f\n    1 / 0"), traceback);
    }

    @Test
    @Rule("2.15")
    void longTextRuns() {
        exec("n = 0\n" + "n += 1\n".repeat(10_000));
        assertEquals("10000", Expect.text("n"));
    }

    @Test
    @Rule("2.15")
    void theSameTextRunsAgainAndAgain() {
        exec("n = 0");
        for (int i = 0; i < 100; i++) {
            exec("n += 1");
        }
        assertEquals("100", Expect.text("n"));
        for (int i = 0; i < 3000; i++) { // more texts than any cache holds
            exec("n = " + i);
            assertEquals(Integer.toString(i), Expect.text("n"));
        }
    }

    @Test
    @Rule("2.15")
    void aLongTextRunsTheSameHoweverOften() {
        String comment = "# \u00e9\ud83d\ude00\n".repeat(100);
        String broken = comment + "1 +";
        List<String> texts = new ArrayList<>(); // more than are known as the Strings that they are
        for (int i = 0; i < 12; i++) {
            texts.add(comment + "n += 1\nif n == 4: raise ValueError(n)  # of text " + i);
        }
        for (int round = 0; round < 3; round++) {
            for (String text : texts) {
                PythonContextManager.setContext("of" + texts.indexOf(text));
                exec("n = 0");
                for (int n = 1; n < 4; n++) {
                    PythonExecutioner.exec(text);
                    assertEquals(n, Expect.object("n").toInt());
                }
                PythonException e = Expect.failure("ValueError: 4", () -> PythonExecutioner.exec(text));
                assertTrue(e.getTraceback().contains("# of text " + texts.indexOf(text) + "\n"), e.getTraceback());
                e = Expect.failure(Expect.NOT_RUN, () -> PythonExecutioner.exec(broken));
                assertInstanceOf(PythonSyntaxError.class, e.getCause());
            }
        }
    }

    @Test
    @Rule("2.15")
    void aLongTextKeepsItsCodeAsTheSameString() {
        String text = "#".repeat(300) + "\nfile = __import__('sys')._getframe().f_code.co_filename";
        PythonExecutioner.exec(text);
        PythonExecutioner.exec(text);
        String file = Expect.text("file");
        for (int i = 0; i < 1200; i++) { // short ones, which leave the cache of texts no room
            exec("n = " + i / 2);
        }
        PythonExecutioner.exec(text);
        assertEquals(file, Expect.text("file"));
        PythonExecutioner.exec(new String(text));
        assertFalse(file.equals(Expect.text("file")), file);
    }

    @Test
    @Rule("2.16")
    void windowsLineEndsAndUnicodeIdentifiersWork() {
        PythonExecutioner.exec("x = 1\r\nif x:\r\n    y = 2\r\n");
        assertEquals("2", Expect.text("y"));
        exec("a\u00e9 = '\u4e2d'", "\u03bb = a\u00e9");
        assertEquals("\u4e2d", Expect.text("\u03bb"));
    }

    @ParameterizedTest
    @Rule("2.16")
    @ValueSource(strings = {"\uFEFFx=1", "\tx=1", "  x=1\n  y=2"})
    void byteOrderMarksAndIndentedFirstLinesAreSyntaxErrors(String code) {
        Expect.failure(Expect.NOT_RUN, () -> PythonExecutioner.exec(code));
    }

    @Test
    @Rule("2.17")
    void nullTextIsANullPointerException() {
        assertThrows(NullPointerException.class, () -> PythonExecutioner.exec(null));
        assertThrows(NullPointerException.class, () -> PythonExecutioner.exec(null, null, null));
        assertThrows(NullPointerException.class, () -> PythonExecutioner.simpleExec(null));
        assertThrows(NullPointerException.class, () -> PythonExecutioner.execAndReturnAllVariables(null));
        assertEquals("1", Expect.text("1"));
    }

    @Test
    @Rule("2.18")
    void initMayBeCalledAgainAndAgain() throws Exception {
        exec("x = 1");
        PythonExecutioner.init();
        PythonExecutioner.init();
        OtherThread.call(() -> {
            PythonExecutioner.init();
            return null;
        });
        assertEquals("1", Expect.text("x"));
    }

    @Test
    @Rule("2.19")
    void noSignalHandlersAreInstalledAndArgvIsEmpty() {
        exec("import signal, sys", "handler = signal.getsignal(signal.SIGINT)");
        // Not Python's: the JVM's, or none where the JVM was started with the signal ignored (nohup).
        assertTrue(Expect.truth("handler is None or handler is signal.SIG_IGN"), Expect.text("handler"));
        assertEquals("['']", Expect.text("sys.argv"));
    }

    // ---- Variables ----

    @Test
    @Rule("3.1")
    void getVariableWithATypeConverts() {
        exec("x = 5");
        PythonVariable<Long> x = PythonExecutioner.getVariable("x", PythonTypes.INT);
        assertEquals("x", x.getName());
        assertEquals(PythonTypes.INT, x.getType());
        assertEquals(5L, x.getValue());
        assertEquals(5.0, PythonExecutioner.getVariable("x", PythonTypes.FLOAT).getValue());
        assertEquals("5", PythonExecutioner.getVariable("x", PythonTypes.STR).getValue());
    }

    @Test
    @Rule("3.1")
    void getVariableWithoutATypeGivesTheObject() {
        exec("x = [1]");
        PythonObject x = PythonExecutioner.getVariable("x");
        x.attr("append").call(2);
        assertEquals("[1, 2]", Expect.text("x"));
    }

    @Test
    @Rule("3.2")
    void aMissingNameIsNamedInTheError() {
        Expect.failureWith("nope", () -> PythonExecutioner.getVariable("nope", PythonTypes.INT));
        Expect.failureWith("nope", () -> PythonExecutioner.getVariable("nope", PythonTypes.STR));
        Expect.failureWith("nope",
                () -> PythonExecutioner.getVariables(new PythonVariable<>("nope", PythonTypes.STR)));
        Expect.failureWith("nope",
                () -> PythonExecutioner.exec("a = 1", null, List.of(new PythonVariable<>("nope", PythonTypes.LIST))));
    }

    @Test
    @Rule("3.2")
    void anUntypedReadOfAMissingNameGivesAnObjectThatIsNothing() {
        PythonObject missing = PythonExecutioner.getVariable("nope");
        assertTrue(missing.isNone());
        assertEquals("<NULL>", missing.toString());
        List<org.junit.jupiter.api.function.Executable> uses = Arrays.asList(
                () -> missing.attr("x"), missing::call, missing::toInt, missing::toLong, missing::toDouble,
                missing::toFloat, missing::toBoolean, missing::toList, missing::toMap, () -> missing.get(0),
                () -> missing.add(missing), missing::abs, () -> Python.type(missing), () -> Python.len(missing),
                () -> Python.str(missing), () -> PythonExecutioner.setVariable("x", missing));
        for (org.junit.jupiter.api.function.Executable use : uses) {
            assertThrows(PythonException.class, use);
        }
        assertDoesNotThrow(missing::del);
        assertEquals("1", Expect.text("1"));
    }

    @Test
    @Rule("3.3")
    void setVariableTakesAnyNameThatIsAString() {
        for (String name : List.of("a b", "", "1a", "class", "a.b", "\u00e9", "a\nb", "$x")) {
            PythonExecutioner.setVariable(name, PythonTypes.convert(1));
            PythonObject globals = Python.globals();
            assertEquals("1", globals.get(PythonTypes.convert(name)).toString(), name);
            assertEquals("1", PythonExecutioner.getVariable(name).toString(), name);
        }
    }

    @Test
    @Rule("3.3")
    void nullNamesAndObjectsAreNullPointerExceptions() {
        PythonObject one = PythonTypes.convert(1);
        assertThrows(NullPointerException.class, () -> PythonExecutioner.setVariable(null, one));
        assertThrows(NullPointerException.class, () -> PythonExecutioner.setVariable("x", null));
        assertThrows(NullPointerException.class, () -> PythonExecutioner.getVariable(null));
        assertThrows(NullPointerException.class,
                () -> PythonExecutioner.setVariables((List<PythonVariable>) null));
        assertThrows(NullPointerException.class,
                () -> PythonExecutioner.getVariables((List<PythonVariable>) null));
        assertEquals("1", Expect.text("1"));
    }

    @Test
    @Rule("3.3")
    void namesThatPythonNeedsCannotBreakIt() {
        for (String name : List.of("__builtins__", "__name__", "print", "len")) {
            try {
                PythonExecutioner.setVariables(new PythonVariable<>(name, PythonTypes.INT, 1));
            } catch (PythonException refused) {
                // as good as surviving it
            }
            exec("x = abs(-1)");
            assertEquals("1", Expect.text("x"));
        }
        PythonContextManager.reset();
        exec("x = len([1])");
    }

    @Test
    @Rule("3.4")
    void nullIsNone() {
        for (PythonType<?> type : Arrays.asList(
                PythonTypes.STR, PythonTypes.INT, PythonTypes.FLOAT, PythonTypes.BOOL,
                PythonTypes.LIST, PythonTypes.DICT, PythonTypes.BYTES, PythonTypes.get("NoneType"))) {
            PythonExecutioner.setVariables(new PythonVariable<>("x", type, null));
            assertEquals("True", Expect.text("x is None"), type.getName());
        }
        PythonVariable<Object> x = new PythonVariable<>("x", PythonTypes.get("NoneType"), null);
        PythonExecutioner.getVariables(x);
        assertNull(x.getValue());
    }

    @Test
    @Rule("3.4")
    void nothingIsSetWhenOneInputCannotBeSent() {
        List<PythonVariable> inputs = new ArrayList<>();
        inputs.add(new PythonVariable<>("first", PythonTypes.INT, 1));
        inputs.add(new PythonVariable<>("second", PythonTypes.LIST, List.of(new Object())));
        Expect.failure("Unable to find python type for java type: class java.lang.Object",
                () -> PythonExecutioner.setVariables(inputs));
        assertFalse(Expect.truth("'first' in globals()"));
    }

    @Test
    void variablesGoInAndOutAsArraysOfArguments() {
        PythonExecutioner.setVariables(
                new PythonVariable<>("a", PythonTypes.INT, 1), new PythonVariable<>("b", PythonTypes.STR, "x"));
        PythonVariable<Long> a = new PythonVariable<>("a", PythonTypes.INT);
        PythonVariable<String> b = new PythonVariable<>("b", PythonTypes.STR);
        PythonExecutioner.getVariables(b, a);
        assertEquals(1L, a.getValue());
        assertEquals("x", b.getValue());
    }

    @Test
    void integersBeyondLongComeBackWhereTheTypeAllowsIt() {
        exec("l = [2**64, -2**70]");
        assertEquals(
                List.of(BigInteger.ONE.shiftLeft(64), BigInteger.ONE.shiftLeft(70).negate()),
                PythonExecutioner.getVariable("l", PythonTypes.LIST).getValue());
    }

    @Test
    void aReplyComesBackInTheArrayOfItsRequestIfThatHasRoom() {
        exec("many, few = list(range(1000)), [7] * 500");
        Pack pack = new Pack();
        byte[] small = pack.buffer();
        byte[] large = numbers(pack, "many");
        assertNotSame(small, large);
        assertEquals(LongStream.range(0, 1000).boxed().collect(Collectors.toList()), pack.reader(large, 0).value());
        byte[] again = numbers(pack, "few");
        assertSame(large, again);
        assertEquals(Collections.nCopies(500, 7L), pack.reader(again, 0).value());
    }

    private static byte[] numbers(Pack pack, String name) {
        pack.clear();
        pack.u8(0).text("").u32(0).u32(1).text(name).u8(Pack.Wanted.LIST);
        return Native.execRun(pack.buffer(), pack.length(), 0, 0, 0);
    }

    @Test
    void namesAreNormalizedAsPythonsCompilerDoes() {
        String micro = "\u00b5";
        PythonExecutioner.setVariables(new PythonVariable<>(micro, PythonTypes.INT, 1));
        PythonExecutioner.setVariable("\ufb01n", PythonTypes.convert(2)); // the ligature fi
        PythonExecutioner.exec(micro + " += 10\nr\u00e9sum\u0065\u0301 = 3");
        assertEquals(11L, PythonExecutioner.getVariable(micro, PythonTypes.INT).getValue());
        assertEquals(11L, PythonExecutioner.getVariable("\u03bc", PythonTypes.INT).getValue());
        assertEquals("2", Expect.text("fin"));
        assertEquals("3", PythonExecutioner.getVariable("re\u0301sum\u00e9").toString());
        String longName = micro + "x".repeat(100);
        PythonExecutioner.setVariable(longName, PythonTypes.convert(4));
        assertEquals("4", Expect.text(longName));
        PythonExecutioner.exec("class C:\n    " + micro + " = 5\ndef f(**named): return list(named)\nc = C()");
        assertEquals(5, PythonExecutioner.getVariable("c").attr(micro).toInt());
        assertEquals("['\u03bc']", PythonExecutioner.getVariable("f").callWithKwargs(Map.of(micro, 1)).toString());
        PythonVariables all = PythonExecutioner.execAndReturnAllVariables(micro + "2 = 12");
        assertEquals(12L, all.getIntValue(micro + "2"));
        assertNull(all.get(micro + "3"));
        // What no code can write as a name is what it is.
        PythonExecutioner.setVariable("no name " + micro, PythonTypes.convert(6));
        assertTrue(Expect.truth("'no name " + micro + "' in globals()"));
        assertThrows(PythonException.class,
                () -> PythonExecutioner.setVariable("__\uff42uiltins__", PythonTypes.convert(7)));
        assertEquals("1", Expect.text("len([1])"));
    }

    /** With the micro sign, which Python's compiler makes the Greek letter. */
    public static final class Micro {
        public long \u00b5 = 5;
        private long property = 6;

        public long \u00b5s() {
            return 7;
        }

        public long getIn\u00b5() {
            return property;
        }

        public void setIn\u00b5(long value) {
            property = value;
        }
    }

    interface MicroInPython {
        long \u00b5s();
    }

    @Test
    void membersOfJavaAreFoundByNormalizedNamesToo() {
        Micro micro = new Micro();
        PythonExecutioner.setVariable("m", Python.reference(micro, PythonExposure.none().allow(Micro.class)));
        PythonExecutioner.exec("seen = [m.\u00b5, m.\u00b5s(), m.in\u00b5]\nm.\u00b5 = 8\nm.in\u00b5 = 9");
        assertEquals("[5, 7, 6]", Expect.text("seen"));
        assertEquals(8, micro.\u00b5);
        assertEquals(9, micro.property);
        PythonExecutioner.exec("class C:\n    def \u00b5s(self): return 10");
        assertEquals(10, Python.eval("C()").asInterface(MicroInPython.class).\u00b5s());
    }
}
