// SPDX-License-Identifier: Apache-2.0
// Reference counting by hand, for the bindings that no longer have Py_IncRef and Py_DecRef.
package org.nd4j.python4j;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.bytedeco.cpython.PyObject;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(InPython.class)
class PythonRefCountTest {

    private static long references(String name) {
        return Expect.object("__import__('sys').getrefcount(" + name + ")").toLong();
    }

    @Test
    void incRefAndDecRefCount() {
        PythonExecutioner.exec("l = []");
        PythonObject l = PythonExecutioner.getVariable("l");
        PyObject there = l.getNativePythonObject();
        long before = references("l");
        PythonRefCount.incRef(there);
        PythonRefCount.incRef(there);
        assertEquals(before + 2, references("l"));
        PythonRefCount.decRef(there);
        assertEquals(before + 1, references("l"));
        PythonRefCount.decRef(there);
        assertEquals(before, references("l"));
    }

    @Test
    void theLastDecRefFreesTheObject() {
        PythonExecutioner.exec("import weakref\nclass C: pass\nc = C()\nref = weakref.ref(c)");
        PythonObject c = PythonExecutioner.getVariable("c");
        PyObject there = c.getNativePythonObject();
        PythonRefCount.incRef(there);
        PythonExecutioner.exec("del c");
        c.del();
        assertEquals("True", Expect.text("ref() is not None"));
        PythonRefCount.decRef(there);
        assertEquals("None", Expect.text("ref()"));
    }

    @Test
    void nullAndImmortalObjectsAreLeftAlone() {
        assertDoesNotThrow(() -> PythonRefCount.incRef(null));
        assertDoesNotThrow(() -> PythonRefCount.decRef(null));
        PyObject none = Python.None().getNativePythonObject();
        for (int i = 0; i < 1000; i++) {
            PythonRefCount.incRef(none);
        }
        for (int i = 0; i < 1000; i++) {
            PythonRefCount.decRef(none);
        }
        assertEquals("None", Expect.text("None"));
    }

    @Test
    void itNeedsATurn() throws Exception {
        PythonObject list = Expect.object("[]");
        PyObject there = list.getNativePythonObject();
        OtherThread.call(() -> assertThrows(PythonException.class, () -> PythonRefCount.incRef(there)));
    }
}
