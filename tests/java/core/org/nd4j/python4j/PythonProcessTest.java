// SPDX-License-Identifier: Apache-2.0
// Python in a process of its own, and pip. pip works on a package of ours from local files, see
// DemoPackage; only the test that says so needs a package index.
package org.nd4j.python4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PythonProcessTest {

    @TempDir
    private Path folder;

    /** What a child prints. Python ends lines there as the system does. */
    private static String printed(String... arguments) throws Exception {
        return PythonProcess.runAndReturn(arguments).replace(System.lineSeparator(), "\n");
    }

    // ---- Running ----

    @Test
    @Rule({"8.1", "13.4"})
    void runAndReturnGivesStdoutAsItIs() throws Exception {
        assertEquals("hello\n", printed("-c", "print('hello')"));
        assertEquals("a\n\nb", printed("-c", "import sys; sys.stdout.write('a\\n\\nb')"));
        assertEquals("", PythonProcess.runAndReturn("-c", "pass"));
        // Escaped: in the C locale Java cannot hand such letters to a process.
        assertEquals("\u00e9\u4e2d\uD83D\uDE00\n", printed("-c", "print('\\u00e9\\u4e2d\\U0001f600')"));
        assertEquals("['a b', '\"q\"', '$HOME', '', 'say \"hi there\"', '\\\\\"', 'c:\\\\a b\\\\']\n", printed(
                "-c", "import sys; print(sys.argv[1:])", "a b", "\"q\"", "$HOME", "", "say \"hi there\"", "\\\"", "c:\\a b\\"));
    }

    @Test
    @Rule("8.1")
    void theExitStatusIsNotLookedAt() throws Exception {
        assertEquals("out\n", printed("-c", "import sys; print('out'); sys.exit(3)"));
    }

    @Test
    @Rule("8.1")
    void itIsTheInterpreterOfThisProcess() throws Exception {
        String version;
        String executable;
        try (PythonGIL gil = PythonGIL.lock()) {
            version = Expect.text("__import__('sys').version");
            executable = Expect.text("__import__('sys').executable");
        }
        assertEquals(version + "\n", printed("-c", "import sys; print(sys.version)"));
        assertTrue(Files.isSameFile(Path.of(executable),
                Path.of(PythonProcess.runAndReturn("-c", "import sys; print(sys.executable)").strip())));
    }

    @Test
    @Rule("8.2")
    void runInheritsTheStreamsAndRunsScripts() throws Exception {
        Path script = folder.resolve("my script.py");
        Files.write(script, List.of("import sys", "print('script', sys.argv[1])", "sys.stderr.write('error\\n')", "sys.exit(3)"));
        ChildJvm child = ChildJvm.run("runsAScript", "-Dtest.script=" + script);
        assertEquals(0, child.status, child::toString);
        assertEquals("inherited\nscript argument\nreturned\n", child.out);
        assertTrue(child.err.contains("error\n"), child::toString);
    }

    @Test
    @Rule("8.7")
    void aChildThatWritesMuchToStderrEnds() throws Exception {
        ChildJvm child = ChildJvm.run("floodsStderr");
        assertEquals(300_000 + System.lineSeparator().length() + "\n", child.out, () -> "status " + child.status);
        assertTrue(child.err.length() >= 200_000, "stderr: " + child.err.length());
    }

    @Test
    void outputThatIsNotUtf8DoesNotFail() throws Exception {
        String out = PythonProcess.runAndReturn("-c", "import sys; sys.stdout.buffer.write(b'\\xff\\xfe ok')");
        assertTrue(out.endsWith(" ok"), out);
    }

    @Test
    void anInterruptEndsTheChild() throws Exception {
        List<ProcessHandle> before = ProcessHandle.current().children().collect(Collectors.toList()); // multiprocessing's, say
        OtherThread<String> other =
                OtherThread.start(() -> PythonProcess.runAndReturn("-c", "import time; time.sleep(60)"));
        List<ProcessHandle> children;
        do {
            children = ProcessHandle.current().children().filter(child -> !before.contains(child)).collect(Collectors.toList());
        } while (children.isEmpty() && other.thread.isAlive());
        other.thread.interrupt();
        assertThrows(InterruptedException.class, other::join);
        for (ProcessHandle child : children) {
            child.onExit().get(10, TimeUnit.SECONDS);
        }
    }

    @Test
    @Rule("8.6")
    void theChildSeesTheEnvironmentOfTheJvm() throws Exception {
        String path = PythonProcess.runAndReturn("-c", "import os; print(os.environ['PATH'])");
        assertEquals(System.getenv("PATH"), path.strip());
    }

    // ---- pip ----

    @Test
    @Rule({"8.5", "8.6", "12.27"})
    void packagesThatAreThereAndThatAreNot() {
        assertTrue(PythonProcess.isPackageInstalled("pip"));
        assertTrue(PythonProcess.getPackageVersion("pip").matches("\\d+\\..+"));
        assertFalse(PythonProcess.isPackageInstalled("no-such-pkg-zzz"));
        PythonException unknown =
                assertThrows(PythonException.class, () -> PythonProcess.getPackageVersion("no-such-pkg-zzz"));
        assertEquals("Can't find package no-such-pkg-zzz", unknown.getMessage());
    }

    /** What installs and removes {@link DemoPackage}. */
    @Nested
    class Pip {
        @AfterEach
        void remove() {
            if (PythonProcess.isPackageInstalled(DemoPackage.NAME)) {
                PythonProcess.pipUninstall(DemoPackage.NAME);
            }
            try (PythonGIL gil = PythonGIL.lock()) {
                PythonExecutioner.exec("import sys; sys.modules.pop('python4j_demo', None)");
            }
        }

        private String imported() {
            try (PythonGIL gil = PythonGIL.lock()) {
                return Python.importModule("python4j_demo").attr("VERSION").toString();
            }
        }

        @Test
        @Rule("8.3")
        void aPackageCanBeImportedAtOnceByTheRunningInterpreter() throws Exception {
            assertThrows(PythonException.class, this::imported);
            PythonProcess.pipInstall(DemoPackage.wheel(folder, "1.0").toString());
            assertEquals("1.0", imported());
            assertEquals("1.0", PythonProcess.getPackageVersion(DemoPackage.NAME));
            assertEquals("1.0\n", printed("-c", "import python4j_demo; print(python4j_demo.VERSION)"));
            PythonProcess.pipUninstall(DemoPackage.NAME); // asks nobody
            assertFalse(PythonProcess.isPackageInstalled(DemoPackage.NAME));
        }

        @Test
        @Rule({"8.3", "8.4", "13.3"})
        void namesVersionsAndWhatIsNotThere() throws Exception {
            DemoPackage.wheel(folder, "1.0");
            DemoPackage.wheel(folder, "2.0");
            Map<String, String> environment = Map.of("PIP_NO_INDEX", "1", "PIP_FIND_LINKS", folder.toString());
            ChildJvm child = ChildJvm.run("installsVersions", environment);
            assertEquals(0, child.status, child::toString);
            String[] lines = child.out.split("\n");
            assertEquals("2.0", lines[0]);
            assertEquals("1.0", lines[1]);
            assertTrue(lines[2].startsWith("PythonException: Error installing package python4j-demo==9.9"), child::toString);
            assertTrue(child.out.contains("No matching distribution found for python4j-demo==9.9"), child::toString);
            assertTrue(child.out.contains("No matching distribution found for python4j-no-such-package"), child::toString);
            assertEquals("1.0", lines[lines.length - 1]); // still whole after the failures
        }

        @Test
        @Rule({"8.3", "8.4"})
        void requirementsFiles() throws Exception {
            Path requirements = folder.resolve("requirements.txt");
            Files.write(requirements, List.of(DemoPackage.wheel(folder, "3.0").toUri().toString()));
            PythonProcess.pipInstallFromRequirementsTxt(requirements.toString());
            assertEquals("3.0", imported());
            fails("Error installing packages from " + folder + "/missing.txt",
                    () -> PythonProcess.pipInstallFromRequirementsTxt(folder + "/missing.txt"));
        }

        @Test
        @Rule({"8.3", "8.4"})
        void setupScripts() throws Exception {
            Path project = DemoPackage.project(folder.resolve("project"), "4.0");
            PythonProcess.pipInstallFromSetupScript(project.resolve("setup.py").toString(), false);
            assertEquals("4.0", imported());
            Files.write(project.resolve("python4j_demo.py"), List.of("VERSION = 'changed'"));
            assertEquals("4.0\n", printed("-c", "import python4j_demo as d; print(d.VERSION)"));
            fails("Error installing packages from " + folder + "/setup.py",
                    () -> PythonProcess.pipInstallFromSetupScript(folder + "/setup.py", false));
        }

        @Test
        @Rule("8.3")
        void setupScriptsInDevelopment() throws Exception {
            Path project = DemoPackage.project(folder.resolve("project"), "5.0");
            PythonProcess.pipInstallFromSetupScript(project.toString(), true);
            assertEquals("5.0", imported());
            Files.write(project.resolve("python4j_demo.py"), List.of("VERSION = 'changed'"));
            assertEquals("changed\n", printed("-c", "import python4j_demo as d; print(d.VERSION)"));
        }

        @Test
        @Rule({"8.3", "8.4"})
        void gitRepositories() throws Exception {
            assumeTrue(git("--version"), "there is no git program");
            Path project = DemoPackage.project(folder.resolve("project"), "6.0");
            assertTrue(git("init", "-q", project.toString()));
            String in = project.toString();
            assertTrue(git("-C", in, "add", "."));
            assertTrue(git("-C", in, "-c", "user.name=t", "-c", "user.email=t@t", "commit", "-q", "-m", "demo"));
            URI address = project.toUri();
            PythonProcess.pipInstallFromGit("file://" + address.getPath());
            assertEquals("6.0", imported());
            fails("Error installing package from file:///no/such/repository",
                    () -> PythonProcess.pipInstallFromGit("file:///no/such/repository"));
        }

        private boolean git(String... arguments) throws InterruptedException {
            String[] command = new String[arguments.length + 1];
            command[0] = "git";
            System.arraycopy(arguments, 0, command, 1, arguments.length);
            try {
                return new ProcessBuilder(command)
                                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                                .redirectError(ProcessBuilder.Redirect.DISCARD)
                                .start()
                                .waitFor()
                        == 0;
            } catch (IOException e) {
                return false;
            }
        }

        @Test
        void callsOfSeveralThreadsDoNotHarmEachOther() throws Exception {
            String wheel = DemoPackage.wheel(folder, "7.0").toString();
            OtherThread<Void> one = OtherThread.start(() -> install(wheel));
            OtherThread<Void> two = OtherThread.start(() -> install(wheel));
            one.join();
            two.join();
            assertEquals("7.0", imported());
        }

        private Void install(String wheel) {
            PythonProcess.pipInstall(wheel);
            return null;
        }
    }

    private static void fails(String message, org.junit.jupiter.api.function.Executable call) {
        String actual = assertThrows(PythonException.class, call).getMessage();
        assertTrue(actual.startsWith(message), actual);
    }

    @Test
    @Rule("8.4")
    void aFailedInstallSaysWhatPipSaidAndHarmsNothing() throws Exception {
        Path broken = folder.resolve("broken-1.0-py3-none-any.whl");
        Files.write(broken, List.of("no archive"));
        PythonException failure = assertThrows(PythonException.class, () -> PythonProcess.pipInstall(broken.toString()));
        assertTrue(failure.getMessage().startsWith("Error installing package " + broken), failure.getMessage());
        assertTrue(failure.getMessage().contains("ERROR: "), failure.getMessage());
        assertTrue(PythonProcess.isPackageInstalled("pip"));
        assertEquals("1\n", printed("-c", "print(1)"));
    }

    @Test
    @Rule("8.4")
    void anOptionIsNoPackage() {
        for (String bad : List.of("--help", "-r", " --index-url=http://localhost:9/simple", "-rrequirements.txt",
                "--target=/tmp", "-e.", "--")) {
            String message = "Not a package but an option of pip: '" + bad + "'";
            fails(message, () -> PythonProcess.pipInstall(bad));
            fails(message, () -> PythonProcess.pipInstall(bad, "1.0"));
            fails(message, () -> PythonProcess.pipUninstall(bad));
        }
        for (String bad : List.of("", " ", "six\n--index-url=http://localhost:9/simple", "si\0x", "a\rb")) {
            fails("Not a package: '", () -> PythonProcess.pipInstall(bad));
            fails("Not a package: '", () -> PythonProcess.pipUninstall(bad));
        }
    }

    /** What pip gets is one argument, so it reads no option out of it either. */
    @Test
    @Rule("8.4")
    void anOptionBehindANameIsNoneOfPips() {
        fails("Error installing package pip --target=/tmp",
                () -> PythonProcess.pipInstall("pip --target=/tmp"));
    }

    @Test
    @Rule("8.4")
    void aVersionIsNothingElse() {
        for (String name : List.of("https://localhost:9/six-1.0-py3-none-any.whl#", "./six", "/tmp/six", "six @ file:///six",
                "six;", "six>=1,", "$(id)")) {
            fails("Not the name of a package: '" + name + "'", () -> PythonProcess.pipInstall(name, "1.0"));
        }
        for (String version : List.of("", "--pre", "1.0 --pre", "1.0;x", "1.0 @ file:///six", "1.0\n2", "$(id)")) {
            fails("Not a version of six: '" + version + "'", () -> PythonProcess.pipInstall("six", version));
        }
    }

    @Test
    @Rule("8.4")
    void aGitAddressIsNothingElse() {
        for (String bad : List.of("ext::sh://x", "git+ext://sh -c id", "https://", "https://-oProxyCommand=id/x",
                "ssh://-oProxyCommand=id/x", "https://localhost/a b", "hg+https://localhost/x", "javascript://x")) {
            fails("Not the address of a git repository: '" + bad + "'", () -> PythonProcess.pipInstallFromGit(bad));
        }
        fails("Not a package but an option of pip", () -> PythonProcess.pipInstallFromGit("--upgrade"));
        String missing = folder.resolve("missing").toUri().toString();
        fails("Error installing package from " + missing, () -> PythonProcess.pipInstallFromGit(missing));
    }

    @Test
    @Rule("8.3")
    void aPackageOfTheIndexIsInstalledWhereThereIsOne() throws Exception {
        PythonProcess.runAndReturn("-m", "pip", "download", "-qqq", "--no-deps", "--retries", "0", "--timeout", "10",
                "-d", folder.toString(), "six==1.16.0");
        assumeTrue(Files.exists(folder.resolve("six-1.16.0-py2.py3-none-any.whl")), "no package index can be reached");
        boolean before = PythonProcess.isPackageInstalled("six");
        PythonProcess.pipInstall("six", "1.16.0");
        try {
            assertEquals("1.16.0", PythonProcess.getPackageVersion("six"));
            try (PythonGIL gil = PythonGIL.lock()) {
                assertEquals("1.16.0", Python.importModule("six").attr("__version__").toString());
            }
        } finally {
            if (!before) {
                PythonProcess.pipUninstall("six");
            }
        }
    }

    @Test
    void theExitStatusIsGivenToWhoAsks() throws Exception {
        assertEquals(0, PythonProcess.runForStatus("-c", "pass"));
        assertEquals(7, PythonProcess.runForStatus("-c", "import sys; sys.exit(7)"));
        PythonProcess.run("-c", "import sys; sys.exit(7)"); // does not look at it
    }
}
