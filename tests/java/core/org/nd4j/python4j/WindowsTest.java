// SPDX-License-Identifier: Apache-2.0
// What only Windows has: drive letters, two separators, names in any case, Scripts folders, consoles with code pages.
// EnvironmentsTest, NativeLoaderTest and PagesTest have names with spaces, and files that are in use, for all systems.
package org.nd4j.python4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.python4j.internal.start.Interpreter;

@EnabledOnOs(OS.WINDOWS)
class WindowsTest {

    @TempDir
    Path folder;

    @Test
    void aPathMayBeSpelledInManyWays() throws Exception {
        String program = Interpreter.of("embedded").executable();
        assertTrue(program.matches("[A-Z]:\\\\.*\\\\python\\.exe"), program);
        String lower = program.substring(0, 1).toLowerCase(Locale.ROOT) + program.substring(1);
        for (String spelled : List.of(program, program.replace('\\', '/'), lower, program.replace("python.exe", "PYTHON.EXE"),
                Path.of(program).getParent().toString(), Path.of(program).getParent() + "\\")) {
            Launch.Result result = Launch.report().python(spelled).run().passed();
            assertTrue(Files.isSameFile(Path.of(program), Path.of(result.field("executable"))), result::toString);
        }
    }

    @Test
    void theScriptsOfAnEnvironmentChooseIt() throws Exception {
        Path environment = folder.resolve("\u00fcbung 1");
        PythonEnvironment.create(environment);
        for (String choice : List.of("", "Scripts", "Scripts\\python.exe", "Scripts/python.exe")) {
            Launch.Result result = Launch.report().python(environment + "\\" + choice).run().passed();
            assertEquals(environment.toString(), result.field("prefix"), result::toString);
            assertTrue(result.out.contains("site-packages"), result::toString);
        }
        Launch.Result result = Launch.report().python("auto").environment("VIRTUAL_ENV", environment).run().passed();
        assertEquals(environment.toString(), result.field("prefix"), result::toString);
        String path = environment.resolve("Scripts") + ";" + System.getenv("PATH");
        result = Launch.report().python("python").environment("PATH", path).run().passed();
        assertEquals(environment.toString(), result.field("prefix"), result::toString);
    }

    @Test
    void sharedMemoryIsRefused() {
        PythonException refused = assertThrows(PythonException.class, () -> PythonBuffer.shared(PythonBuffer.Type.INT8, 4));
        assertEquals("The system gives no shared memory of 4 bytes: it needs Linux or macOS", refused.getMessage());
    }

    /** A console's code page is that of the whole system, which knows few letters. */
    @Test
    void whatIsPrintedIsUtf8WhateverTheCodePage() throws Exception {
        Path arguments = Files.writeString(folder.resolve("arguments"), "-cp \"" + Launch.classPath().replace("\\", "\\\\") + "\" "
                + ChildMains.class.getName() + " printsAndHalts");
        Path out = folder.resolve("out");
        String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
        for (int page : List.of(437, 1252, 65001)) {
            Process process = new ProcessBuilder("cmd", "/c", "chcp " + page + " >NUL & " + java + " @" + arguments)
                    .redirectOutput(out.toFile()).redirectError(ProcessBuilder.Redirect.DISCARD).start();
            process.getOutputStream().close();
            assertEquals(0, process.waitFor());
            assertTrue(Files.readString(out).startsWith("to stdout \u00e9\u4e2d\r\n"), () -> "code page " + page);
        }
    }
}
