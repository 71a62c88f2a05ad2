// SPDX-License-Identifier: Apache-2.0
// The system properties of the core, which have their effect when Python starts: each in a JVM of
// its own. Those of numpy are tested beside the numpy tests.
package org.nd4j.python4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Rule("10.1")
class SystemPropertiesTest {
    private static final String PATH = "-D" + PythonConstants.DEFAULT_PYTHON_PATH_PROPERTY + "=";
    private static final String APPEND = "-D" + PythonConstants.JAVACPP_PYTHON_APPEND_TYPE + "=";
    private static final String RELEASE = "-D" + PythonConstants.RELEASE_GIL_AUTOMATICALLY + "=";
    private static final String INITIALIZE = "-D" + PythonConstants.INITIALIZE_PYTHON + "=";

    @TempDir
    private Path temporary;

    private Path custom;

    @BeforeEach
    void makeAFolder() throws Exception {
        custom = Files.createDirectory(temporary.resolve("my modules"));
        Files.write(custom.resolve("python4j_marker.py"), List.of("WHERE = 'custom'"));
    }

    /** sys.path of a child; the first entry of the result is the folder of the standard library. */
    private static List<String> path(String... options) throws Exception {
        return Arrays.asList(ChildJvm.output("path", options).split("\n"));
    }

    private void positions(List<String> path, boolean customFirst) {
        int library = path.lastIndexOf(path.get(0));
        int own = path.lastIndexOf(custom.toString());
        assertTrue(library > 0 && own > 0, path.toString());
        assertEquals(customFirst, own < library, path.toString());
        if (customFirst) {
            assertEquals(1, own, path.toString());
        } else {
            assertEquals(path.size() - 1, own, path.toString());
        }
    }

    @Test
    void defaults() throws Exception {
        assertEquals("null\nBEFORE\ntrue\ntrue\nfalse\ntrue\ntrue", ChildJvm.output("constants"));
        List<String> path = path();
        assertTrue(path.lastIndexOf(path.get(0)) > 0, path.toString());
        assertFalse(path.contains("") || path.contains(new File("").getAbsolutePath()), path.toString());
    }

    @Test
    @Rule({"10.2", "10.3", "13.5"})
    void thePathGoesBehindTheInterpretersOwn() throws Exception {
        positions(path(PATH + custom), false);
        positions(path(PATH + custom, APPEND + "before"), false);
        positions(path(PATH + custom, APPEND + "Before"), false);
        assertEquals("ok\ncustom", ChildJvm.output("importsMarker", PATH + custom));
    }

    @Test
    @Rule({"10.2", "13.5"})
    void afterPutsThePathFirst() throws Exception {
        positions(path(PATH + custom, APPEND + "after"), true);
        assertEquals("ok\ncustom", ChildJvm.output("importsMarker", PATH + custom, APPEND + "AFTER"));
    }

    @Test
    @Rule({"10.2", "13.5"})
    void noneKeepsTheStandardLibrary() throws Exception {
        positions(path(PATH + custom, APPEND + "none"), false);
        assertEquals("ok\ncustom", ChildJvm.output("importsMarker", PATH + custom, APPEND + "none"));
    }

    @Test
    @Rule("10.2")
    void thePathMayHaveSeveralFolders() throws Exception {
        Path other = Files.createDirectory(temporary.resolve("other"));
        List<String> path = path(PATH + other + File.pathSeparator + custom, APPEND + "after");
        assertEquals(List.of(other.toString(), custom.toString()), path.subList(1, 3));
    }

    @Test
    void anotherKindOfAppendingIsAnIllegalArgument() throws Exception {
        ChildJvm constants = ChildJvm.run("constants", APPEND + "bogus");
        assertTrue(constants.out.contains("IllegalArgumentException: "), constants::toString);
        ChildJvm child = ChildJvm.run("importsMarker", APPEND + "bogus");
        assertTrue(child.out.toLowerCase(java.util.Locale.ROOT).contains("bogus"), child::toString);
    }

    @Test
    @Rule({"10.1", "13.6"})
    void settersHaveTheirEffectBeforeTheStart() throws Exception {
        assertEquals(custom.toString(), ChildJvm.output("settersBeforeTheStart", "-Dtest.folder=" + custom));
    }

    @Test
    @Rule({"10.1", "13.6"})
    void settersAfterTheStartChangeNothingAndDoNotThrow() throws Exception {
        assertEquals("True\nalive", ChildJvm.output("settersAfterTheStart", "-Dtest.folder=" + custom));
    }

    @Test
    @Rule("1.13")
    void theStartingThreadKeepsTheGilUntilItLetsGo() throws Exception {
        BytedecoTest.assumeEmbedded();
        assertEquals("1\nok\nmine\n1\n0\nmine\nmine", ChildJvm.output("keepsTheGil", RELEASE + "false"));
    }

    @Test
    @Rule("1.13")
    void theStartingThreadThatEndsLeavesNobodyLockedOut() throws Exception {
        assertEquals("ok\n1\n1", ChildJvm.output("keepsTheGilFirstUseElsewhere", RELEASE + "false"));
    }

    private static Map<String, String> home() {
        BytedecoTest.assumeEmbedded();
        try (PythonGIL gil = PythonGIL.lock()) {
            return Map.of("PYTHONHOME", Expect.text("__import__('sys').prefix"));
        }
    }

    @Test
    @Rule({"1.13", "10.4"})
    void insideAHostThatHoldsTheGil() throws Exception {
        ChildJvm child = ChildJvm.run("insideAHost", home(), INITIALIZE + "false", RELEASE + "false");
        assertEquals(0, child.status, child::toString);
        assertEquals(
                "host\nPythonException: ZeroDivisionError: division by zero\n1\nok\nhost and guest\nhost and guest\n0\nhost again\n",
                child.out);
    }

    @Test
    @Rule("10.4")
    void besideAHostThatHasLetGoOfTheGil() throws Exception {
        ChildJvm child = ChildJvm.run("besideAHost", home(), INITIALIZE + "false");
        assertEquals(0, child.status, child::toString);
        assertEquals("host\nok\n0\n0\n", child.out);
    }

    @Test
    @Rule("10.4")
    void withoutAHostItIsAnErrorAndNoAbort() throws Exception {
        ChildJvm child = ChildJvm.run("withoutAHost", INITIALIZE + "false");
        assertEquals(0, child.status, child::toString);
        String[] lines = child.out.split("\n");
        assertTrue(lines[0].startsWith("PythonException: "), child::toString);
        assertEquals(lines[0], lines[1]);
        assertEquals("false", lines[2]);
    }
}
