// SPDX-License-Identifier: Apache-2.0
// Puts each test of a class into a turn of its own, with an empty context `main`, and looks
// afterwards whether the test left Python as it was. Tests about turns themselves do without it.
package org.nd4j.python4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/** {@code @ExtendWith(InPython.class)}: every test runs inside Python. */
final class InPython implements BeforeEachCallback, AfterEachCallback {
    private PythonGIL turn;

    @Override
    public void beforeEach(ExtensionContext context) {
        turn = PythonGIL.lock();
        PythonContextManager.deleteNonMainContexts();
        PythonContextManager.reset();
    }

    @Override
    public void afterEach(ExtensionContext context) {
        try {
            assertFalse(PythonGC.isWatching(), "the test left a frame open");
            // A pending error would come up here.
            PythonContextManager.deleteNonMainContexts();
            PythonContextManager.reset();
            PythonExecutioner.exec("left = 0");
            assertEquals(0L, PythonExecutioner.getVariable("left", PythonTypes.INT).getValue());
            PythonContextManager.reset();
        } finally {
            turn.close();
        }
        assertFalse(PythonGIL.isHeld(), "the test left a turn open"); // another thread may have one that waited for it
    }
}
