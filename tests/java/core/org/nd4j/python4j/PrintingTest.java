// SPDX-License-Identifier: Apache-2.0
// What reaches the process's stdout and stderr, and when: seen from outside, in a JVM of its own.
package org.nd4j.python4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Map;
import org.junit.jupiter.api.Test;

class PrintingTest {

    @Test
    @Rule("2.13")
    void whatIsPrintedIsOutWhenExecReturnsAndPassesSystemOutBy() throws Exception {
        ChildJvm child = ChildJvm.run("printsAndHalts");
        assertEquals(0, child.status, child::toString);
        assertEquals("to stdout \u00e9\u4e2d\nno newline|caught 0", child.out);
        assertTrue(child.err.contains("to stderr\n"), child::toString);
    }

    @Test
    @Rule("2.13")
    void aBareLocalePrintsUtf8() throws Exception {
        ChildJvm child = ChildJvm.run("printsAndHalts", Map.of("LC_ALL", "C", "LANG", "C"));
        assertTrue(child.out.startsWith("to stdout \u00e9\u4e2d\n"), child::toString);
    }

    @Test
    @Rule({"2.10", "2.13"})
    void anErrorOfCodeThatRanPrintsNothing() throws Exception {
        ChildJvm child = ChildJvm.run("failsQuietly");
        assertEquals(0, child.status, child::toString);
        assertEquals(
                String.join("\n", "PythonException: ZeroDivisionError: division by zero", "PythonException: SystemExit: 3",
                        "PythonException: NameError: name 'nosuchname' is not defined", ""),
                child.out);
        assertFalse(child.err.contains("Traceback"), child::toString);
    }

    @Test
    @Rule("2.9")
    void textThatNeverRanAndSimpleExecPrintATracebackOnStderr() throws Exception {
        ChildJvm child = ChildJvm.run("failsWithATraceback");
        assertEquals(0, child.status, child::toString);
        assertEquals(("PythonException: " + Expect.NOT_RUN + "\n").repeat(2), child.out);
        assertTrue(child.err.contains("SyntaxError: "), child::toString);
        assertTrue(child.err.contains("x = ("), child::toString);
        assertTrue(child.err.contains("ZeroDivisionError: division by zero"), child::toString);
        assertTrue(child.err.contains(", line 2, in simple"), child::toString);
    }
}
