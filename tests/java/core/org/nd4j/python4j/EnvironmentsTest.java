// SPDX-License-Identifier: Apache-2.0
// Environments that a program makes for itself, and the choice of the interpreter as it changes in the life of a
// process. Each program is a JVM of its own; the interpreter is the embedded one, whatever this run is about.
package org.nd4j.python4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.python4j.internal.start.Interpreter;
import org.nd4j.python4j.internal.start.Unpacker;

class EnvironmentsTest {

    private static final boolean WINDOWS = File.separatorChar == '\\';

    @TempDir
    Path temporary;

    private Path folder;

    @BeforeEach
    void nameIt() {
        folder = temporary.resolve("with a space/env");
    }

    @AfterEach
    void removeLinks() throws Exception {
        if (Files.isDirectory(folder.getParent())) {
            Launch.removeLinks(folder.getParent());
            Launch.remove(folder.getParent());
        }
    }

    private String[] lines(String program, Map<String, String> environment) throws Exception {
        ChildJvm child = ChildJvm.run(program, environment, "-Dtest.folder=" + folder, "-Dorg.eclipse.python4j.python=embedded");
        assertEquals(0, child.status, child::toString);
        return child.out.split("\n");
    }

    /** pip finds versions 1.0 and 2.0 of {@link DemoPackage}, and nothing else. */
    private Map<String, String> index() throws Exception {
        DemoPackage.wheel(temporary, "1.0");
        DemoPackage.wheel(temporary, "2.0");
        return Map.of("PIP_NO_INDEX", "1", "PIP_FIND_LINKS", temporary.toString());
    }

    private Path program(String name) {
        return folder.resolve(WINDOWS ? "Scripts/" + name + ".exe" : "bin/" + name);
    }

    private List<String> files() throws Exception {
        try (Stream<Path> files = Files.list(folder.getParent())) {
            return files.map(file -> file.getFileName().toString()).sorted().collect(Collectors.toList());
        }
    }

    @Test
    void anEnvironmentIsMadeFilledAndUsed() throws Exception {
        Map<String, String> index = index();
        for (int i = 0; i < 2; i++) {
            assertEquals(List.of(folder.toString(), "1.0 " + folder, "ok"), List.of(lines("makesAnEnvironment", index)));
        }
        assertFalse(PythonProcess.isPackageInstalled(DemoPackage.NAME), "the shared interpreter is as it was");
        Process pip = new ProcessBuilder(program("pip").toString(), "config", "debug").start();
        pip.getOutputStream().close();
        String said = new String(pip.getInputStream().readAllBytes());
        assertTrue(said.contains(folder + File.separator + "pip."), said); // its scripts run, though it was built elsewhere
        for (Path script : List.of(program("pip").resolveSibling("activate"), folder.resolve("pyvenv.cfg"))) {
            assertFalse(Files.readString(script).contains(".tmp"), script::toString);
        }
    }

    @Test
    void whatIsInstalledCanBeImportedAtOnce() throws Exception {
        assertEquals(List.of("PythonException: ModuleNotFoundError: No module named 'python4j_demo'", "1.0", "ok"),
                List.of(lines("installsWhilePythonRuns", index())));
    }

    @Test
    void pipIsNotStartedForWhatIsThere() throws Exception {
        lines("makesAnEnvironment", index());
        String[] lines = lines("startsPipOnlyIfItMust", Map.of("PIP_NO_INDEX", "1"));
        assertTrue(lines[0].startsWith("PythonException: Error installing python4j-demo==2.0 into " + folder), lines[0]);
    }

    @Test
    void requirementsFilesAndWhatPipRefuses() throws Exception {
        BytedecoTest.assumeEmbedded();
        Path requirements = Files.writeString(temporary.resolve("requirements.txt"),
                DemoPackage.wheel(temporary, "3.0").toUri() + "\n");
        PythonEnvironment environment = PythonEnvironment.create(folder).installRequirements(requirements);
        assertTrue(Files.exists(folder.resolve("lib")));
        assertEquals(folder, environment.folder());
        PythonException missing = assertThrows(PythonException.class,
                () -> environment.installRequirements(temporary.resolve("missing.txt")));
        assertTrue(missing.getMessage().startsWith("Error installing packages from " + temporary.resolve("missing.txt")));
        for (String option : List.of("-r", "--help", " --target=/tmp")) {
            PythonException refused = assertThrows(PythonException.class, () -> environment.install(option));
            assertEquals("Not a package but an option of pip: '" + option + "'", refused.getMessage());
        }
    }

    @Test
    void manyProcessesMakeOne() throws Exception {
        Map<String, String> index = index();
        List<OtherThread<String[]>> all = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            all.add(OtherThread.start(() -> lines("makesAnEnvironment", index)));
        }
        for (OtherThread<String[]> each : all) {
            assertEquals(List.of(folder.toString(), "1.0 " + folder, "ok"), List.of(each.join()));
        }
        assertEquals(List.of("env", "env.lock"), files());
    }

    @Test
    void aProcessThatIsKilledLeavesNothingBroken() throws Exception {
        Files.createDirectories(folder.getParent());
        Process child = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin/java").toString(),
                "-Dorg.eclipse.python4j.cache=" + Unpacker.cache(), "-Dtest.folder=" + folder, "-cp",
                System.getProperty("python4j.tests.classpath"), ChildMains.class.getName(), "makesAnEnvironment").start();
        try {
            while (!isBuilding()) {
                assertTrue(child.isAlive(), "it ends before it begins");
                Thread.onSpinWait();
            }
        } finally {
            Instant start = child.info().startInstant().orElseThrow();
            List<ProcessHandle> all = new ArrayList<>(List.of(child.toHandle()));
            child.descendants().forEach(all::add);
            while (!all.isEmpty()) {
                all.forEach(ProcessHandle::destroyForcibly);
                for (ProcessHandle each : all) {
                    each.onExit().get(10, TimeUnit.SECONDS);
                }
                // Windows also knows those that were just being started, by a number that another one may have had before.
                all = all.stream().flatMap(ProcessHandle::descendants)
                        .filter(each -> !each.info().startInstant().orElse(Instant.MIN).isBefore(start)).collect(Collectors.toList());
            }
        }
        assertFalse(Files.exists(folder));
        assertEquals(List.of(folder.toString(), "1.0 " + folder, "ok"), List.of(lines("makesAnEnvironment", index())));
        assertEquals(List.of("env", "env.lock"), files());
    }

    private boolean isBuilding() throws Exception {
        try (DirectoryStream<Path> aside = Files.newDirectoryStream(folder.getParent(), "env.*.tmp")) {
            for (Path each : aside) {
                return Files.exists(each.resolve("pyvenv.cfg"));
            }
            return false;
        }
    }

    /** pip takes a package for installed that has a description; it writes INSTALLER when all of it is there. */
    @Test
    void aPipThatWasKilledIsMadeGood() throws Exception {
        Map<String, String> index = index();
        lines("makesAnEnvironment", index);
        String version = Interpreter.of("embedded").version().replaceAll("\\.\\d+$", "");
        Path packages = folder.resolve(WINDOWS ? "Lib/site-packages" : "lib/python" + version + "/site-packages");
        Files.delete(packages.resolve("python4j_demo.py"));
        Files.delete(packages.resolve("python4j_demo-1.0.dist-info/INSTALLER"));
        Files.createFile(folder.resolve("python4j-installing"));
        assertEquals("1.0 " + folder, lines("makesAnEnvironment", index)[1]);
        assertFalse(Files.exists(folder.resolve("python4j-installing")));
    }

    @Test
    void whatIsNoEnvironmentIsLeftAlone() throws Exception {
        BytedecoTest.assumeEmbedded();
        Path file = Files.writeString(Files.createDirectories(folder).resolve("mine.txt"), "mine");
        PythonException refused = assertThrows(PythonException.class, () -> PythonEnvironment.create(folder));
        assertEquals("The environment " + folder + " cannot be made: the folder is neither empty nor an environment",
                refused.getMessage());
        assertEquals("mine", Files.readString(file));
        Files.delete(file);
        PythonEnvironment.create(folder); // an empty folder will do
        Files.delete(program("python"));
        refused = assertThrows(PythonException.class, () -> PythonEnvironment.create(folder));
        assertTrue(refused.getMessage().startsWith("The environment " + folder + " is broken: "), refused.getMessage());
    }

    @Test
    void anInterruptEndsIt() {
        Thread.currentThread().interrupt();
        assertThrows(PythonException.class, () -> PythonEnvironment.create(folder));
        assertTrue(Thread.interrupted());
        assertFalse(Files.exists(folder));
    }

    @Test
    void anInterruptInTheMidstLeavesNothing() throws Exception {
        Files.createDirectories(folder.getParent());
        OtherThread<PythonException> maker = OtherThread.start(
                () -> assertThrows(PythonException.class, () -> PythonEnvironment.create(folder)));
        while (!isBuilding()) {
            assertTrue(maker.thread.isAlive(), "it ends before it begins");
            Thread.onSpinWait();
        }
        maker.thread.interrupt();
        assertEquals("The environment " + folder + " cannot be made: interrupted", maker.join().getMessage());
        assertEquals(List.of("env.lock"), files());
    }

    // ---- the choice ----

    @Test
    void processesFollowTheChoiceUntilPythonRunsHere() throws Exception {
        String[] lines = lines("followsTheChoice", Map.of());
        assertFalse(lines[0].isEmpty() || lines[0].equals(folder.toString()), lines[0]);
        assertEquals(List.of(folder.toString(), folder.toString(), "ok"), List.of(lines).subList(1, 4));
    }

    @Test
    void aChoiceThatComesTooLateIsAnExceptionAtTheNextUse() throws Exception {
        String[] lines = lines("changesTheChoiceTooLate", Map.of());
        assertEquals(List.of("ok", "ok"), List.of(lines).subList(0, 2));
        String late = "PythonException: Python runs in this process already, with " + program(WINDOWS ? "python" : "python3") + " ";
        for (int i = 2; i < 8; i++) {
            assertTrue(lines[i].startsWith(late), lines[i]);
        }
        assertTrue(lines[2].contains("the choice was changed since: -Dorg.eclipse.python4j.python=embedded. "), lines[2]);
        assertTrue(lines[6].contains("the choice was changed since: -Dorg.eclipse.python4j.python=/no/such/python. "), lines[6]);
        assertEquals(List.of(folder.toString(), "2", "ok"), List.of(lines).subList(8, 11));
    }

    @Test
    void useAfterTheStartIsAnExceptionAndChangesNothing() throws Exception {
        String[] lines = lines("choosesAnEnvironmentTooLate", Map.of());
        assertEquals("ok", lines[0]);
        assertTrue(lines[1].startsWith("PythonException: Python runs in this process already, with "), lines[1]);
        assertEquals(List.of("embedded", "1", "ok"), List.of(lines).subList(2, 5));
    }
}
