// SPDX-License-Identifier: Apache-2.0
// Log lines with each kind of logging library beside the core, which brings SLF4J 2 and no library. The class
// paths are made by gradle/tests.gradle; one that a test run does not name is skipped.
package org.nd4j.python4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

class LoggingTest {

    /** What the program of {@link ChildMains} says with a library; all that it and the library print. */
    private static String said(String library) throws Exception {
        String jars = System.getProperty("python4j.tests.logging." + library);
        assumeTrue(jars != null, "this run names no class path with " + library);
        String path = Arrays.stream(System.getProperty("python4j.tests.classpath").split(File.pathSeparator))
                .filter(entry -> !Path.of(entry).getFileName().toString().startsWith("slf4j-"))
                .collect(Collectors.joining(File.pathSeparator, "", File.pathSeparator + jars));
        ChildJvm child = ChildJvm.runOn(path, "logs");
        assertEquals(0, child.status, child::toString);
        assertTrue(child.out.endsWith("done\n"), child::toString);
        return child.out + child.err;
    }

    private static void logs(String library) throws Exception {
        String said = said(library);
        assertTrue(said.matches("(?s).*\\[.*\\] ERROR model .* drift of 12%.*"), said);
        assertTrue(!said.contains("SLF4J"), said);
    }

    @Test
    void logback12() throws Exception {
        logs("logback_1.2");
    }

    @Test
    void logback15() throws Exception {
        logs("logback_1.5");
    }

    @Test
    void log4j2() throws Exception {
        logs("log4j_2");
    }

    /** SLF4J says so once, and the program goes on. */
    @Test
    void noLibrary() throws Exception {
        assertTrue(said("none").contains("SLF4J(W): No SLF4J providers were found."));
        assertTrue(said("none_of_1.7").contains("SLF4J: Failed to load class \"org.slf4j.impl.StaticLoggerBinder\"."));
    }
}
