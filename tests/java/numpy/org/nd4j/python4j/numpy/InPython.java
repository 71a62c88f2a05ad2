// SPDX-License-Identifier: Apache-2.0
// Puts each test of a class into a turn of its own, with an empty context, and has what the tests say
// often: this expression of Python, this as an INDArray, this will happen once garbage is collected.
package org.nd4j.python4j.numpy;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.function.Executable;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.python4j.Python;
import org.nd4j.python4j.PythonContextManager;
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.PythonExecutioner;
import org.nd4j.python4j.PythonGIL;

/** {@code @ExtendWith(InPython.class)}: every test runs inside Python, where numpy is {@code np}. */
final class InPython implements BeforeEachCallback, AfterEachCallback {
    private PythonGIL turn;

    @Override
    public void beforeEach(ExtensionContext context) {
        turn = PythonGIL.lock();
        PythonContextManager.reset();
        PythonExecutioner.exec("import numpy as np, weakref");
    }

    @Override
    public void afterEach(ExtensionContext context) {
        try {
            PythonExecutioner.exec("left = 0"); // a pending error would come up here
            PythonContextManager.reset();
        } finally {
            turn.close();
        }
    }

    static void exec(String code) {
        PythonExecutioner.exec(code);
    }

    static String text(String expression) {
        return Python.eval(expression).toString();
    }

    static INDArray array(String expression) {
        return NumpyArray.INSTANCE.toJava(Python.eval(expression));
    }

    static void set(String name, INDArray array) {
        PythonExecutioner.setVariable(name, NumpyArray.INSTANCE.toPython(array));
    }

    static PythonException failure(String message, Executable call) {
        PythonException failure = assertThrows(PythonException.class, call, () -> "expected: " + message);
        assertEquals(message, failure.getMessage());
        return failure;
    }

    /** Runs the collector, and Python, which frees what Java has forgotten. */
    static void collect() {
        System.gc();
        try {
            Thread.sleep(20);
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
        PythonExecutioner.exec("pass");
    }

    static void eventually(String what, BooleanSupplier condition) {
        long end = System.nanoTime() + 10_000_000_000L;
        while (!condition.getAsBoolean()) {
            assertTrue(System.nanoTime() < end, what);
            collect();
        }
    }
}
