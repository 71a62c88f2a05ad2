// SPDX-License-Identifier: Apache-2.0
// What only Windows has: drive letters, two separators, names in any case, Scripts folders, consoles with code pages.
// EnvironmentsTest, NativeLoaderTest and PagesTest have names with spaces, and files that are in use, for all systems.
package org.nd4j.python4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
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

    /** Makes the environment that it is told. */
    static final class Makes {
        public static void main(String[] arguments) {
            PythonEnvironment.create(Path.of(arguments[0]));
        }
    }

    /** What one finds that has only the folders of the test. */
    private Launch report(Object choice) {
        return Launch.report().python(choice).environment("PATH", System.getenv("SystemRoot") + "\\system32")
                .environment("LOCALAPPDATA", folder.resolve("J\u00f6rg M\u00fcller\\Local"))
                .environment("APPDATA", folder.resolve("J\u00f6rg M\u00fcller\\Roaming"))
                .environment("PYENV_ROOT", folder.resolve("J\u00f6rg M\u00fcller\\.pyenv\\pyenv-win")); // as pyenv-win sets it
    }

    private static void reg(String... arguments) throws Exception {
        List<String> command = new ArrayList<>(List.of("reg"));
        command.addAll(List.of(arguments));
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        process.getOutputStream().close();
        String said = new String(process.getInputStream().readAllBytes());
        assertEquals(0, process.waitFor(), said);
    }

    /** One CPython, the embedded one's files, lies in turn where each installer puts its own. */
    @Test
    void whatInstallersPutSomewhereIsFoundByItsVersion() throws Exception {
        Interpreter embedded = Interpreter.of("embedded");
        String version = embedded.version();
        String minor = version.substring(0, version.lastIndexOf('.'));
        assumeTrue(report(minor).run().status == 1, "this machine has one of its own");
        Path source = Path.of(embedded.executable()).getParent();
        Path python = folder.resolve("copied");
        try (Stream<Path> files = Files.walk(source)) {
            for (Path file : (Iterable<Path>) files::iterator) {
                Path inside = source.relativize(file);
                if (!inside.startsWith("Lib/test") && !inside.startsWith("include")) {
                    Files.copy(file, python.resolve(inside.toString()));
                }
            }
        }
        for (String place : List.of("Local\\Programs\\Python\\Python" + minor.replace(".", ""), "Local\\Python\\pythoncore-" + minor + "-64",
                "Roaming\\uv\\python\\cpython-" + version + "-windows-x86_64-none", ".pyenv\\pyenv-win\\versions\\" + version)) {
            Path next = folder.resolve("J\u00f6rg M\u00fcller").resolve(place);
            Files.createDirectories(next.getParent());
            python = Files.move(python, next);
            Launch.Result result = report(minor).run().passed();
            assertTrue(result.field("reason").endsWith("version " + minor + " installed: " + python + "\\python.exe"), result::toString);
            assertEquals(python.toString(), result.field("prefix"), result::toString);
        }
        python = Files.move(python, folder.resolve("f\u00fcr alle"));
        String key = "HKCU\\Software\\Python\\Python4J\\" + minor;
        try {
            reg("add", key + "\\InstallPath", "/ve", "/d", python + "\\", "/f");
            Launch.Result result = report(minor).run().passed();
            assertTrue(result.field("reason").endsWith("version " + minor + " in the registry: " + python + "\\python.exe"), result::toString);
            assertEquals(python.toString(), result.field("prefix"), result::toString);
        } finally {
            reg("delete", "HKCU\\Software\\Python\\Python4J", "/f");
        }
        Path environment = folder.resolve("\u00fcbung");
        Launch.Result made = Launch.of(Makes.class, environment.toString()).python(python).run();
        assertEquals(0, made.status, made::toString);
        assertTrue(Files.readString(environment.resolve("pyvenv.cfg")).contains("home = " + python), made::toString);
        assertEquals(environment.toString(), report(environment).run().passed().field("prefix"));
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
