// SPDX-License-Identifier: Apache-2.0
// Programs compiled once. What running text does in general is in PythonExecutionerTest; here is
// what is different when the code is in hand.
package org.nd4j.python4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(InPython.class)
class PythonCodeTest {

    @Test
    void codeRunsAsOftenAsWanted() {
        PythonExecutioner.exec("n = 0");
        try (PythonCode code = PythonCode.compile("n += 1")) {
            assertEquals("n += 1", code.text());
            code.run();
            code.run();
            code.run(null, null);
        }
        assertEquals("3", Expect.text("n"));
    }

    @Test
    void inputsGoInAndOutputsComeOut() {
        PythonVariable<Long> x = new PythonVariable<>("x", PythonTypes.INT, 1);
        PythonVariable<String> y = new PythonVariable<>("y", PythonTypes.STR);
        try (PythonCode code = PythonCode.compile("y = str(x) * 2")) {
            code.run(List.of(x), List.of(y));
            assertEquals("11", y.getValue());
            x.setValue(7);
            code.run(List.of(x), List.of(y));
            assertEquals("77", y.getValue());
        }
    }

    @Test
    void itRunsInTheContextThatIsCurrentThen() {
        try (PythonCode code = PythonCode.compile("where = 1")) {
            PythonContextManager.setContext("elsewhere");
            code.run();
            assertEquals("1", Expect.text("where"));
            PythonContextManager.setMainContext();
            assertTrue(Expect.truth("'where' not in globals()"));
        }
    }

    @Test
    void compilingRunsNothingAndReportsWhatIsNoPython() {
        PythonCode.compile("ran = 1").close();
        assertTrue(Expect.truth("'ran' not in globals()"));
        Expect.failure("Execution failed, unable to retrieve python exception.", () -> PythonCode.compile("1 +"));
        assertThrows(NullPointerException.class, () -> PythonCode.compile(null));
    }

    @Test
    void aFailureHasThePythonClassAndTheSourceLine() {
        PythonVariable<Long> y = new PythonVariable<>("y", PythonTypes.INT);
        try (PythonCode code = PythonCode.compile("y = 1\ny = y / 0  # this line")) {
            PythonException e = Expect.failure("ZeroDivisionError: division by zero", () -> code.run(null, List.of(y)));
            assertNull(y.getValue());
            assertTrue(e.getTraceback().contains("# this line"), e.getTraceback());
        }
    }

    @Test
    void itsLinesStayWhileManyOtherTextsAreCompiled() {
        try (PythonCode code = PythonCode.compile("1 / 0  # this line")) {
            for (int i = 0; i < 1_000; i++) {
                PythonExecutioner.exec("other = " + i);
            }
            PythonException e = assertThrows(PythonException.class, code::run);
            assertTrue(e.getTraceback().contains("# this line"), e.getTraceback());
        }
    }

    @Test
    void linesGoWithTheCode() {
        // What other tests ran is there as well.
        PythonExecutioner.exec("import linecache\n"
                + "def known(): return sum(f'<exec-{n}>' in linecache.cache for n in range(100_000))\n"
                + "before = known()");
        for (int i = 0; i < 1_000; i++) {
            PythonCode.compile("x = " + i).close();
        }
        assertTrue(Expect.truth("known() < before + 600"));
    }

    @Test
    void closedCodeIsRefused() {
        PythonCode code = PythonCode.compile("pass");
        code.close();
        code.close();
        assertThrows(PythonException.class, code::run);
    }

    @Test
    void aFrameDoesNotTakeItAway() {
        PythonCode code;
        try (PythonGC frame = PythonGC.watch()) {
            code = PythonCode.compile("kept = 1");
        }
        code.run();
        code.close();
        assertEquals("1", Expect.text("kept"));
    }

    @Test
    void aTimeLimitEndsIt() {
        try (PythonCode code = PythonCode.compile("while True: pass")) {
            assertThrows(PythonTimeout.class, () -> code.run(null, null, Duration.ofMillis(50)));
        }
        PythonExecutioner.exec("after = 1");
    }

    @Test
    void aThreadWithoutATurnMayNotUseIt() throws Exception {
        PythonCode code = PythonCode.compile("n = 5");
        OtherThread.call(() -> assertThrows(PythonException.class, code::run));
        code.run();
        assertEquals("5", Expect.text("n"));
        code.close();
    }
}
