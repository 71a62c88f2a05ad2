// SPDX-License-Identifier: Apache-2.0
// Programs that mix our API with org.bytedeco.cpython, as many do: objects both ways, reference
// counts, errors. Only the embedded interpreter can be shared with those bindings.
package org.nd4j.python4j;

import static org.bytedeco.cpython.global.python.PyDict_GetItemString;
import static org.bytedeco.cpython.global.python.PyDict_SetItemString;
import static org.bytedeco.cpython.global.python.PyErr_Clear;
import static org.bytedeco.cpython.global.python.PyErr_Occurred;
import static org.bytedeco.cpython.global.python.PyGILState_Check;
import static org.bytedeco.cpython.global.python.PyImport_AddModule;
import static org.bytedeco.cpython.global.python.PyList_Append;
import static org.bytedeco.cpython.global.python.PyList_GetItem;
import static org.bytedeco.cpython.global.python.PyList_New;
import static org.bytedeco.cpython.global.python.PyList_SetItem;
import static org.bytedeco.cpython.global.python.PyList_Size;
import static org.bytedeco.cpython.global.python.PyLong_AsLong;
import static org.bytedeco.cpython.global.python.PyLong_FromLong;
import static org.bytedeco.cpython.global.python.PyModule_GetDict;
import static org.bytedeco.cpython.global.python.PyRun_SimpleString;
import static org.bytedeco.cpython.global.python.PyUnicode_FromString;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import org.bytedeco.cpython.PyObject;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.nd4j.python4j.internal.start.Interpreter;

@ExtendWith(InPython.class)
class BytedecoTest {

    static void assumeEmbedded() {
        assumeTrue(Interpreter.chosen().embedded(), "the bindings belong to the embedded interpreter");
    }

    @BeforeEach
    void embeddedOnly() {
        assumeEmbedded();
    }

    private static long references(String name) {
        return Expect.object("__import__('sys').getrefcount(" + name + ")").toLong();
    }

    @Test
    @Rule("1.12")
    void aTurnHoldsTheGilOfTheSameLibpython() throws Exception {
        assertEquals(1, PyGILState_Check());
        PythonExecutioner.exec("import sys\nversion = sys.version");
        assertEquals(Expect.text("version"), org.bytedeco.cpython.global.python.Py_GetVersion().getString());
    }

    @Test
    void codeRunThereSharesTheNamespaceOfTheCurrentContext() {
        PythonExecutioner.exec("x = 40");
        assertEquals(0, PyRun_SimpleString("y = x + 2"));
        assertEquals(42L, PythonExecutioner.getVariable("y", PythonTypes.INT).getValue());
        PythonContextManager.setContext("other");
        assertEquals(0, PyRun_SimpleString("y = 'of other'"));
        assertEquals("of other", Expect.text("y"));
        PythonContextManager.setMainContext();
        assertEquals("42", Expect.text("y"));
    }

    @Test
    void anObjectOfOursIsTheObjectThere() {
        PythonObject list = Expect.object("[1, 2]");
        PyObject there = list.getNativePythonObject();
        assertEquals(2, PyList_Size(there));
        PyObject five = PyLong_FromLong(5);
        assertEquals(0, PyList_Append(there, five));
        PythonRefCount.decRef(five);
        assertEquals("[1, 2, 5]", list.toString());
        assertEquals(5, PyLong_AsLong(PyList_GetItem(there, 2)));
        assertEquals(there.address(), list.getNativePythonObject().address());
    }

    @Test
    void aBorrowedObjectOfTheirsCanBeWrapped() {
        PyObject globals = PyModule_GetDict(PyImport_AddModule("__main__"));
        PythonObject value = PythonTypes.convert("v");
        assertEquals(0, PyDict_SetItemString(globals, "x", value.getNativePythonObject()));
        assertEquals("v", Expect.text("x"));
        PythonExecutioner.exec("l = []");
        long before = references("l");
        PythonObject l = new PythonObject(PyDict_GetItemString(globals, "l"), false);
        assertEquals(before + 1, references("l"));
        try (PythonGC gc = PythonGC.watch()) {
            l.attr("append").call(1);
            assertEquals("[1]", Expect.text("l"));
        }
        l.del();
        assertEquals(before, references("l"));
    }

    @Test
    void aNewReferenceOfTheirsIsTakenOver() {
        PythonExecutioner.exec("import weakref\nclass L(list): pass\nl = L()\nref = weakref.ref(l)");
        PyObject l = PythonExecutioner.getVariable("l").getNativePythonObject();
        PythonRefCount.incRef(l); // a reference as a C function would return it
        long before = references("l");
        PythonObject owner = new PythonObject(l, true);
        assertEquals(before, references("l"));
        owner.del();
        assertEquals(before - 1, references("l"));
        PyObject made = PyList_New(1);
        assertEquals(0, PyList_SetItem(made, 0, PyUnicode_FromString("text"))); // takes over the text
        assertEquals("['text']", new PythonObject(made).toString());
    }

    @Test
    void aFrameReleasesWrappedObjectsToo() {
        PythonExecutioner.exec("l = []");
        long before = references("l");
        PythonObject wrapped;
        try (PythonGC gc = PythonGC.watch()) {
            PyObject globals = PyModule_GetDict(PyImport_AddModule("__main__"));
            wrapped = new PythonObject(PyDict_GetItemString(globals, "l"), false);
            assertEquals(before + 1, references("l"));
        }
        assertEquals(before, references("l"));
        assertThrows(PythonException.class, wrapped::toString);
    }

    @Test
    void nullIsNoObject() {
        PythonObject nothing = new PythonObject((PyObject) null);
        assertTrue(nothing.isNone());
        assertNull(nothing.getNativePythonObject());
        assertThrows(PythonException.class, () -> nothing.attr("x"));
        assertTrue(new PythonObject((PyObject) null, true).isNone());
    }

    @Test
    void callsOfOursLeaveNoErrorPending() {
        assertThrows(PythonException.class, () -> PythonExecutioner.exec("1 / 0"));
        assertNull(PyErr_Occurred());
        assertThrows(PythonException.class, () -> Expect.object("[1]").get(5));
        assertNull(PyErr_Occurred());
        assertThrows(PythonException.class, () -> Expect.object("'x'").toLong());
        assertNull(PyErr_Occurred());
        assertThrows(PythonException.class, () -> Expect.object("'x'").attr("nope"));
        assertNull(PyErr_Occurred());
    }

    @Test
    void anErrorThatTheyLeftIsAnExceptionAtMost() {
        assertEquals(-1, PyLong_AsLong(Expect.object("'no number'").getNativePythonObject()));
        try {
            assertNotNull(PyErr_Occurred());
            PythonExecutioner.exec("x = 1");
        } catch (PythonException e) {
            assertNotNull(e.getMessage()); // CPython itself may refuse to go on
        } finally {
            PyErr_Clear();
        }
        PythonExecutioner.exec("x = 2");
        assertEquals("2", Expect.text("x"));
    }
}
