// SPDX-License-Identifier: Apache-2.0
// The first use of Python in a process and the end of one, each in a JVM of its own.
package org.nd4j.python4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
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

    /** Also where an earlier start went well, since what that noted does not depend on these variables. */
    @Test
    void aStartThatFailsIsAnExceptionWithTheReason() throws Exception {
        ChildJvm.output("startsInterrupted"); // so that the next ones are warm
        Map<String, String> reasons = Map.of(
                "PYTHONHASHSEED=abc", "PYTHONHASHSEED must be \"random\" or an integer",
                "PYTHONINTMAXSTRDIGITS=3", "PYTHONINTMAXSTRDIGITS",
                "PYTHONTRACEMALLOC=-5", "PYTHONTRACEMALLOC",
                "PYTHONHOME=/no/such/folder", "No module named 'encodings'");
        for (Map.Entry<String, String> reason : reasons.entrySet()) {
            String[] variable = reason.getKey().split("=");
            if (variable[0].equals("PYTHONINTMAXSTRDIGITS") && !knowsDigits()) {
                continue;
            }
            fails(ChildJvm.run("failsToStart", Map.of(variable[0], variable[1])), reason.getValue());
        }
        if (File.separatorChar == '/') { // Windows opens no folder as a file
            fails(ChildJvm.readingFrom("/", "failsToStart"), "<stdin> is a directory, cannot continue");
        }
    }

    /** Whatever a variable says, Python starts or there is a reason; and HotSpot's signal handlers are never taken away. */
    @Test
    void oddVariablesGiveAStartOrAReason() throws Exception {
        List<String> options = new ArrayList<>(List.of("-Xcheck:jni"));
        Path older = Launch.installed("3.");
        for (int i = 0; i < (older == null ? 1 : 2); i++) {
            if (i == 1) {
                options.add("-Dorg.eclipse.python4j.python=" + older);
            }
            for (String variable : List.of("PYTHONPERFSUPPORT=1", "PYTHONDEVMODE=1", "PYTHONFAULTHANDLER=1", "PYTHONMALLOC=debug",
                    "PYTHONMALLOC=malloc", "PYTHONUTF8=0", "PYTHONUTF8=7", "PYTHONDEBUG=x", "PYTHONPATH=:/nonexistent::/dev/null:.")) {
                ChildJvm child = ChildJvm.run("showsHowPythonStarted", variable(variable), options.toArray(new String[0]));
                assertEquals(0, child.status, child::toString);
                assertTrue(child.out.contains("hash_randomization"), child::toString);
                assertFalse((child.out + child.err).contains("Handler was modified"), () -> variable + ": " + child);
            }
            for (String variable : List.of("PYTHONMALLOC=nonsense", "PYTHONHOME=/dev/null:/x")) {
                ChildJvm child = ChildJvm.run("failsToStart", variable(variable), options.toArray(new String[0]));
                assertEquals(0, child.status, child::toString);
                assertTrue(child.out.startsWith("PythonException: ") && child.out.strip().endsWith("hook"), child::toString);
                assertTrue(child.out.contains(variable.contains("MALLOC") ? "unknown allocator" : "PYTHONHOME is set to"), child::toString);
            }
        }
    }

    private static Map<String, String> variable(String text) {
        String[] parts = text.split("=", 2);
        return Map.of(parts[0], parts[1]);
    }

    private static boolean knowsDigits() {
        try (PythonGIL turn = PythonGIL.lock()) {
            return Expect.truth("hasattr(__import__('sys'), 'get_int_max_str_digits')");
        }
    }

    private static void fails(ChildJvm child, String reason) {
        assertEquals(0, child.status, child::toString);
        List<String> lines = child.out.lines().filter(line -> line.startsWith("PythonException: ")
                || line.equals("hook") || line.equals("false")).collect(Collectors.toList());
        assertEquals(4, lines.size(), child::toString);
        assertEquals(lines.get(0), lines.get(1), child::toString);
        assertTrue(child.out.contains(reason), child::toString);
        assertEquals(List.of("false", "hook"), lines.subList(2, 4), child::toString);
    }

    /** As in a process that embeds Python with its first and simplest function, and unbuffered. */
    @Test
    void whatTheEnvironmentSaysOfTheStartCounts() throws Exception {
        Map<String, String> environment = new HashMap<>(Map.of("PYTHONHASHSEED", "7", "PYTHONDEVMODE", "1", "PYTHONPATH", "/a" + File.pathSeparator + "/b",
                "PYTHONIOENCODING", "cp1252:replace", "PYTHONWARNINGS", "ignore", "PYTHONOPTIMIZE", "2",
                "PYTHONTRACEMALLOC", "7"));
        String seen = ChildJvm.run("showsHowPythonStarted", environment).out;
        for (String part : List.of("dev_mode=True", "optimize=2", "hash_randomization=1", "isolated=0", "'/a', '/b'", "[''], ",
                "'cp1252', 'replace', ['default', 'ignore']", "tracemalloc 7")) {
            assertTrue(seen.contains(part), part + " in " + seen);
        }
        assertEquals(seen, ChildJvm.run("showsHowPythonStarted", environment).out, "the hash seed");
        environment.put("PYTHONHASHSEED", "8");
        assertNotEquals(seen, ChildJvm.run("showsHowPythonStarted", environment).out);
        seen = ChildJvm.run("showsHowPythonStarted", Map.of("LC_ALL", "C")).out;
        assertTrue(seen.contains("utf8_mode=1") && seen.contains("'utf-8', 'surrogateescape'"), seen);
    }

    @Test
    void theConstructorStartsPython() throws Exception {
        prints("theConstructorStartsPython", "1");
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
        assertTrue(took < 30_000, took + " ms"); // two seconds where nothing else runs; the function sleeps for 1,000
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

    /** The system hands signals to threads of the JVM; a handler runs on Python's main thread all the same, and at once. */
    @Test
    void signalHandlersOfPythonRunWhileItIsBusyAndEndItsWaits() throws Exception {
        String alarm = "PythonException: TimeoutError: alarm";
        prints("signalHandlersOfPythonRun", alarm, alarm, alarm, alarm);
        Path older = Launch.installed("3.");
        if (older != null) {
            assertEquals(String.join("\n", alarm, alarm, alarm, alarm),
                    ChildJvm.output("signalHandlersOfPythonRun", "-Dorg.eclipse.python4j.python=" + older));
        }
    }

    @Test
    void pythonsFaulthandlerDoesNotBreakNullChecks() throws Exception {
        prints("faulthandlerLeavesNullChecksAlone", "alive", "200000");
    }
}
