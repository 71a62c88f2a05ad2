// SPDX-License-Identifier: Apache-2.0
// The builtins as Java methods. What each makes of each kind of argument is in ConversionTablesTest.
package org.nd4j.python4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.nd4j.python4j.internal.turn.Stopper;

@ExtendWith(InPython.class)
class PythonTest {

    private static PythonObject object(String expression) {
        return Expect.object(expression);
    }

    @Test
    @Rule({"5.8", "12.19"})
    void importModule() {
        PythonObject math = Python.importModule("math");
        assertEquals("module", Python.type(math).attr("__name__").toString());
        assertEquals(2.0, math.attr("sqrt").call(4).toDouble());
        assertEquals("path", Python.importModule("os.path").attr("__name__").toString().replaceAll("posix|nt", ""));
        Expect.failure("Error importing module: nosuch", () -> Python.importModule("nosuch"));
        Expect.failure("Error importing module: ", () -> Python.importModule(""));
        assertFalse(Expect.truth("'math' in globals()"));
    }

    @Test
    @Rule("5.8")
    void aFailedImportNamesItsCause() {
        PythonException failure = assertThrows(PythonException.class, () -> Python.importModule("nosuch"));
        assertTrue(failure.getCause().getMessage().startsWith("ModuleNotFoundError: No module named 'nosuch'"));
    }

    @Test
    void aCallThatIsEndedIsNoFailedImportLengthOrConversion() {
        PythonExecutioner.exec("import sys\nclass Endless:\n    def find_spec(self, *args):\n        while True: pass\n"
                + "    __len__ = __iter__ = find_spec\ne = Endless()");
        PythonObject endless = object("e");
        Duration limit = Duration.ofMillis(50);
        assertThrows(PythonTimeout.class, () -> Stopper.within(limit, () -> Python.len(endless)));
        assertThrows(PythonTimeout.class, () -> Stopper.within(limit, () -> Python.list(endless)));
        PythonExecutioner.exec("sys.meta_path.insert(0, e)");
        try {
            assertThrows(PythonTimeout.class, () -> Stopper.within(limit, () -> Python.importModule("nosuch")));
        } finally {
            PythonExecutioner.exec("sys.meta_path.remove(e)");
        }
    }

    @Test
    @Rule("5.8")
    void attrGivesABuiltin() {
        assertEquals("<built-in function len>", Python.attr("len").toString());
        Expect.failureWith("nope", () -> Python.attr("nope"));
    }

    @Test
    @Rule({"5.8", "12.20"})
    void len() {
        assertEquals("int(2)", Expect.shown(Python.len(object("[1, 2]"))));
        Expect.failure("Object has no length: 5", () -> Python.len(object("5")));
    }

    @Test
    @Rule("5.8")
    void emptyValuesAndTypes() {
        assertEquals("str()", Expect.shown(Python.str()));
        assertEquals("float(0.0)", Expect.shown(Python.float_()));
        assertEquals("bool(False)", Expect.shown(Python.bool()));
        assertEquals("int(0)", Expect.shown(Python.int_()));
        assertEquals("list([])", Expect.shown(Python.list()));
        assertEquals("dict({})", Expect.shown(Python.dict()));
        assertEquals("set(set())", Expect.shown(Python.set()));
        assertEquals("bytearray(bytearray(b''))", Expect.shown(Python.bytearray()));
        assertEquals("bytes(b'')", Expect.shown(Python.bytes()));
        assertEquals("tuple(())", Expect.shown(Python.tuple()));
        assertEquals("Exception()", Expect.shown(Python.Exception()));
        String[] names = {"str", "float", "bool", "int", "list", "dict", "set", "bytearray", "memoryview", "bytes", "tuple",
            "Exception"};
        List<PythonObject> types = List.of(
                Python.strType(), Python.floatType(), Python.boolType(), Python.intType(), Python.listType(),
                Python.dictType(), Python.setType(), Python.bytearrayType(), Python.memoryviewType(),
                Python.bytesType(), Python.tupleType(), Python.ExceptionType());
        for (int i = 0; i < names.length; i++) {
            assertEquals("<class '" + names[i] + "'>", types.get(i).toString());
        }
    }

    @Test
    @Rule({"5.8", "12.22"})
    void memoryviewAndTuple() {
        assertEquals("memoryview", Python.type(Python.memoryview(object("b'xy'"))).attr("__name__").toString());
        Expect.failure("Cannot build memoryview from object: 5", () -> Python.memoryview(object("5")));
        assertEquals("(1, 2)", Python.tuple(object("[1, 2]")).toString());
        Expect.failure("Cannot build tuple from object: 5", () -> Python.tuple(object("5")));
    }

    @Test
    @Rule("5.8")
    void globalsTypesAndInstances() {
        PythonExecutioner.exec("x = 5");
        assertEquals("5", Python.globals().get("x").toString());
        assertEquals("<class 'int'>", Python.type(object("5")).toString());
        PythonObject five = object("5");
        assertTrue(Python.isinstance(five, Python.intType()));
        assertTrue(Python.isinstance(five, Python.strType(), Python.intType()));
        assertTrue(Python.isinstance(object("True"), Python.intType()));
        assertFalse(Python.isinstance(five, Python.strType()));
        assertFalse(Python.isinstance(five));
        Expect.failureWith("TypeError: ", () -> Python.isinstance(five, object("'x'")));
        assertTrue(Python.callable(Python.attr("len")));
        assertFalse(Python.callable(five));
    }

    @Test
    @Rule("5.8")
    void constants() {
        assertEquals("NoneType(None)", Expect.shown(Python.None()));
        assertEquals("bool(True)", Expect.shown(Python.True()));
        assertEquals("bool(False)", Expect.shown(Python.False()));
        assertEquals("builtins", Python.builtins().attr("__name__").toString());
    }

    @Test
    @Rule("5.8")
    void evalEvaluatesAnExpressionInTheCurrentNamespace() {
        PythonExecutioner.exec("x = 5");
        assertEquals("int(6)", Expect.shown(Python.eval("x + 1")));
        assertEquals("\u4e2d", Python.eval("'\u4e2d'").toString());
        PythonContextManager.setContext("other");
        Expect.failure("NameError: name 'x' is not defined", () -> Python.eval("x"));
    }

    @Test
    @Rule("5.8")
    void whatEvalCannotEvaluateIsAnException() {
        Expect.failure("ZeroDivisionError: division by zero", () -> Python.eval("1/0"));
        Expect.failure("NameError: name 'undefined_zz' is not defined", () -> Python.eval("undefined_zz"));
        Expect.failure(Expect.NOT_RUN, () -> Python.eval("x=1"));
        Expect.failure(Expect.NOT_RUN, () -> Python.eval(""));
        assertThrows(NullPointerException.class, () -> Python.eval(null));
    }

    @Test
    @Rule("5.8")
    void execDelegates() {
        Python.exec("a = 1");
        PythonVariable<Long> b = new PythonVariable<>("b", PythonTypes.INT);
        Python.exec("b = a + c", List.of(new PythonVariable<>("c", PythonTypes.INT, 2)), List.of(b));
        assertEquals(3L, b.getValue());
        Expect.failure("ZeroDivisionError: division by zero", () -> Python.exec("1/0"));
    }

    @Test
    void nullArgumentsAreNotNone() {
        assertThrows(NullPointerException.class, () -> Python.len(null));
        assertThrows(NullPointerException.class, () -> Python.str(null));
        assertThrows(NullPointerException.class, () -> Python.type(null));
        assertThrows(NullPointerException.class, () -> Python.importModule(null));
        assertThrows(NullPointerException.class, () -> Python.attr(null));
        assertEquals("1", Expect.text("1"));
    }
}
