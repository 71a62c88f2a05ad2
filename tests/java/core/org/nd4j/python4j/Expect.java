// SPDX-License-Identifier: Apache-2.0
// What the tests say often: this expression of Python, this error.
// Everything here wants a turn, see InPython.
package org.nd4j.python4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.function.Executable;

final class Expect {
    /** What every call says that needs a turn and has none. */
    static final String NO_TURN = "Attempt to use Python4j from multiple threads without acquiring GIL. "
            + "Enclose your code in a try(PythonGIL gil = PythonGIL.lock()){...} block.";

    /** What text says that never ran. */
    static final String NOT_RUN = "Execution failed, unable to retrieve python exception.";

    private Expect() {}

    /** Fails with a PythonException of exactly this message, and leaves Python usable. */
    static PythonException failure(String message, Executable call) {
        PythonException failure = assertThrows(PythonException.class, call, () -> "expected: " + message);
        assertEquals(message, failure.getMessage());
        assertEquals("2", text("1 + 1"), "a pending error");
        return failure;
    }

    /** Fails with a PythonException whose message has this part. */
    static PythonException failureWith(String part, Executable call) {
        PythonException failure = assertThrows(PythonException.class, call, () -> "expected: " + part);
        assertTrue(failure.getMessage().contains(part), failure.getMessage());
        assertEquals("2", text("1 + 1"), "a pending error");
        return failure;
    }

    /** An expression as an object. */
    static PythonObject object(String expression) {
        return Python.eval(expression);
    }

    /** {@code str} of an expression. */
    static String text(String expression) {
        return Python.eval(expression).toString();
    }

    /** Whether an expression is true. */
    static boolean truth(String expression) {
        return Python.eval(expression).toBoolean();
    }

    /** {@code type(text)} of an object, as the tables show it. */
    static String shown(PythonObject object) {
        return Python.type(object).attr("__name__") + "(" + object + ")";
    }
}
