// SPDX-License-Identifier: Apache-2.0
// The first use of Python in a process and the end of one, each in a JVM of its own.
package org.nd4j.python4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

class StartTest {

    private static final String REFUSED = "PythonException: " + Expect.NO_TURN;

    private static void prints(String program, String... lines) throws Exception {
        assertEquals(String.join("\n", lines), ChildJvm.output(program));
    }

    @Test
    @Rule({"1.4", "1.10"})
    void callsThatNeedNoPythonStartNone() throws Exception {
        prints("nothingStartsByItself", "false", "main", "x", "PythonConstants", "false");
    }

    @Test
    @Rule({"13.2", "2.18"})
    void theThreadThatStartedPythonNeedsNoLockWhileNobodyHasATurn() throws Exception {
        prints("theDefaultThreadNeedsNoLock", "ok", "1", "false", REFUSED, REFUSED, "ok", "3");
    }

    @Test
    @Rule({"1.2", "13.2"})
    void theFirstUseMayBeInAnyThread() throws Exception {
        prints("firstUseInAnotherThread", "ok", REFUSED, "ok", "2", "2");
    }

    @Test
    @Rule("1.2")
    void manyThreadsMayStartAtOnce() throws Exception {
        prints("manyThreadsStartAtOnce", "8");
    }

    @Test
    @Rule("2.12")
    void exitsOfPythonDoNotEndTheJvm() throws Exception {
        ChildJvm child = ChildJvm.run("exitsOfPythonDoNotEndTheJvm");
        assertEquals(0, child.status, child::toString);
        String generic = "PythonException: " + Expect.NOT_RUN;
        assertEquals(
                String.join("\n", "PythonException: SystemExit: 3", generic, "PythonException: SystemExit: bye", generic, "alive"),
                child.out.strip());
    }

    @Test
    void theEndOfTheJvmRunsPythonsAtexitFunctions() throws Exception {
        ChildJvm child = ChildJvm.run("atexitFunctionsRun");
        assertEquals(7, child.status, child::toString);
        assertEquals("buffered\ngoodbye\n", child.out);
    }

    @Test
    void whoEndsTheJvmWithinATurnGivesItUp() throws Exception {
        ChildJvm child = ChildJvm.run("exitsWithinATurn");
        assertEquals(7, child.status, child::toString);
        assertEquals(List.of("goodbye", "hook"), child.out.lines().sorted().collect(Collectors.toList()));
        child = ChildJvm.run("exitsWithinACallback");
        assertEquals(7, child.status, child::toString);
        assertEquals("goodbye\n", child.out);
    }

    @Test
    void anAtexitFunctionThatDoesNotEndDoesNotKeepTheJvm() throws Exception {
        ChildJvm child = ChildJvm.run("exitsWhileAnAtexitFunctionSleeps");
        assertEquals(7, child.status, child::toString);
        long took = System.currentTimeMillis() - Long.parseLong(child.out.strip());
        assertTrue(took < 4000, took + " ms"); // two seconds, and this machine's load
    }

    /** Its OS thread goes on, as DestroyJavaVM. */
    @Test
    void aMainThreadThatEndsWithinItsTurnLetsNobodyWaitForEver() throws Exception {
        ChildJvm child = ChildJvm.run("endsWithinATurn");
        assertEquals(0, child.status, child::toString);
        String refused = "PythonException: A thread ended without closing its PythonGIL, and its OS thread, ";
        List<String> lines = child.out.lines().collect(Collectors.toList());
        assertEquals(3, lines.size(), child::toString);
        assertTrue(lines.get(0).startsWith(refused) && lines.get(1).startsWith(refused), child::toString);
        assertEquals("goodbye", lines.get(2));
    }

    @Test
    @Rule("2.19")
    void signalsStayWithTheJvm() throws Exception {
        ChildJvm child = ChildJvm.run("sigtermIsTheJvms");
        assertEquals(128 + 15, child.status, child::toString);
        assertTrue(child.out.contains("hook ran"), child::toString);
    }

    @Test
    void pythonsFaulthandlerDoesNotBreakNullChecks() throws Exception {
        prints("faulthandlerLeavesNullChecksAlone", "alive", "200000");
    }
}
