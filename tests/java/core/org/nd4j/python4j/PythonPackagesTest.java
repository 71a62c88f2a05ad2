// SPDX-License-Identifier: Apache-2.0
// Packages that a jar or a folder of the class path brings: unpacked once, refused where they are not what was locked,
// whole again after a JVM that was killed. Each program runs in a JVM of its own, over wheels that are made here.
package org.nd4j.python4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.python4j.internal.packages.Index;
import org.nd4j.python4j.internal.packages.Wheels;
import org.nd4j.python4j.internal.start.Interpreter;
import org.nd4j.python4j.internal.start.NativeLoader;
import org.nd4j.python4j.internal.start.Unpacker;

class PythonPackagesTest {

    /** Prints the folders, what the package says, and the traceback of the program's own module. */
    public static final class Program {
        public static void main(String[] arguments) {
            PythonPackages.folders().forEach(System.out::println);
            try (PythonGIL gil = PythonGIL.lock()) {
                PythonExecutioner.exec("import parcel\nprint(parcel.TEXT, flush=True)");
                if (arguments.length > 0) {
                    PythonExecutioner.exec("import own, traceback, sys\ntry:\n    own.fail()\nexcept ValueError as e:\n"
                            + "    frame = traceback.extract_tb(e.__traceback__)[-1]\n"
                            + "    print(frame.filename, frame.lineno, frame.line, flush=True)");
                }
            }
        }
    }

    @TempDir
    Path folder;

    private final List<Path> made = new ArrayList<>();
    private String text;

    @BeforeEach
    void newContent() {
        text = UUID.randomUUID().toString(); // so that the folder cannot be there from an earlier run
    }

    @AfterEach
    void removesWhatWasUnpacked() throws IOException {
        for (Path each : made) {
            Wheels.delete(each);
        }
    }

    private static Path zip(Path file, Map<String, String> content) throws IOException {
        Files.createDirectories(file.getParent());
        try (OutputStream out = Files.newOutputStream(file); ZipOutputStream zip = new ZipOutputStream(out)) {
            for (Map.Entry<String, String> entry : content.entrySet()) {
                zip.putNextEntry(new ZipEntry(entry.getKey()));
                zip.write(entry.getValue().getBytes(StandardCharsets.UTF_8));
            }
        }
        return file;
    }

    private Path wheel() throws IOException {
        Map<String, String> content = new LinkedHashMap<>();
        content.put("parcel/__init__.py", "from parcel.part import TEXT\n");
        content.put("parcel-1.0.data/purelib/parcel/part.py", "TEXT = '" + text + "'\n");
        content.put("parcel-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: parcel\nVersion: 1.0\n");
        return zip(folder.resolve("META-INF/python4j/parcel-1.0-py3-none-any.whl"), content);
    }

    private void index(String... lines) throws IOException {
        Files.write(Files.createDirectories(folder.resolve(Index.FOLDER)).resolve("packages.txt"), Index.write(List.of(lines)));
    }

    private static String line(String kind, Path file) throws IOException {
        return kind + " " + Wheels.sha256(file) + " " + file.getFileName();
    }

    private Launch program(String... arguments) {
        String python = System.getProperty(Interpreter.PROPERTY);
        Launch launch = Launch.of(Program.class, arguments).with(NativeLoader.CACHE, Unpacker.cache());
        return (python == null ? launch : launch.with(Interpreter.PROPERTY, python)) // the one that this run is about
                .classPath(folder + File.pathSeparator + Launch.classPath());
    }

    /** The lines that a program printed; the folders among them are removed afterwards. */
    private List<String> passed(Launch.Result result) {
        assertEquals(0, result.status, result::toString);
        List<String> lines = List.of(result.out.split("\\R"));
        lines.stream().filter(line -> line.startsWith(Unpacker.cache().resolve("packages").toString()) && !line.contains(".py"))
                .forEach(line -> made.add(Path.of(line)));
        return lines;
    }

    private void refused(String... reasons) throws Exception {
        Launch.Result result = program().run();
        assertEquals(1, result.status, result::toString);
        for (String reason : reasons) {
            assertTrue(result.err.contains(reason), () -> reason + " is not in " + result);
        }
    }

    @Test
    void whatTheClassPathBringsCanBeImported() throws Exception {
        Path sources = zip(folder.resolve(Index.FOLDER + "sources.zip"), Map.of("own.py", "\n\ndef fail():\n    raise ValueError('here')\n"));
        index(line("wheel any", wheel()), line("sources", sources));
        List<String> lines = passed(program("own").run());
        assertEquals(4, lines.size(), lines::toString);
        assertEquals(text, lines.get(2));
        assertEquals(Path.of(lines.get(0), "own.py") + " 4 raise ValueError('here')", lines.get(3));
    }

    @Test
    void aSecondStartUnpacksNothing() throws Exception {
        index(line("wheel any", wheel()));
        Path unpacked = Path.of(passed(program().run()).get(0));
        FileTime first = Files.getLastModifiedTime(unpacked.resolve(Wheels.NOTE));
        Files.delete(folder.resolve(Index.FOLDER + "parcel-1.0-py3-none-any.whl")); // it is not read again
        assertEquals(text, passed(program().run()).get(1));
        assertEquals(first, Files.getLastModifiedTime(unpacked.resolve(Wheels.NOTE)));
    }

    @Test
    void anotherContentOfTheSameClassPathIsNoticed() throws Exception {
        index(line("wheel any", wheel()));
        assertEquals(text, passed(program().run()).get(1));
        text = UUID.randomUUID() + "-and-longer";
        index("python " + python(), line("wheel any", wheel()));
        assertEquals(text, passed(program().run()).get(1));
    }

    @Test
    void aTamperedWheelIsRefusedWithItsName() throws Exception {
        String line = line("wheel any", wheel());
        text = "something else";
        wheel();
        index(line);
        List<String> before = names();
        refused("parcel-1.0-py3-none-any.whl is not the file that was locked");
        assertEquals(before, names());
    }

    @Test
    void packagesForOthersAreRefused() throws Exception {
        index("platforms plan9-vax", "wheel plan9-vax 00 parcel-1.0-cp314-cp314-plan9.whl");
        refused("they are for plan9-vax, and this is " + NativeLoader.platform());
        index("python 2.7");
        refused("they are for Python 2.7, and this process uses ");
        index("folder nowhere");
        refused("there is no folder " + folder.resolveSibling("nowhere"));
        index("bicycle 1");
        refused("its line 2 is 'bicycle 1'");
    }

    @Test
    void aFolderBesideTheJarIsUsedWhereItIs() throws Exception {
        Path beside = folder.resolveSibling(folder.getFileName() + "-beside");
        made.add(beside);
        beside = beside.resolve(NativeLoader.platform());
        Files.createDirectories(beside.resolve("parcel"));
        Files.writeString(beside.resolve("parcel/__init__.py"), "TEXT = '" + text + "'\n");
        Files.writeString(beside.resolve(Wheels.NOTE), "parcel\n");
        index("folder " + beside.getParent().getFileName());
        assertEquals(List.of(beside.toString(), text), passed(program().run()));
    }

    @Test
    void oneJarWithPackagesIsEnough() throws Exception {
        Path wheel = wheel();
        Path jar = folder.resolve("parcel.jar");
        try (OutputStream out = Files.newOutputStream(jar); ZipOutputStream zip = new ZipOutputStream(out)) {
            zip.putNextEntry(new ZipEntry(Index.NAME));
            zip.write(Index.write(List.of(line("wheel any", wheel))));
            zip.putNextEntry(new ZipEntry(Index.FOLDER + wheel.getFileName()));
            zip.write(Files.readAllBytes(wheel));
        }
        Launch launch = program().classPath(Launch.classPath() + File.pathSeparator + jar);
        assertEquals(text, passed(launch.run()).get(1));
    }

    /** Of two JVMs that unpack at once one is killed: what it left is no harm, and the folder is whole. */
    @Test
    void aJvmThatIsKilledWhileItUnpacksHarmsNobody() throws Exception {
        Map<String, String> many = new LinkedHashMap<>();
        many.put("parcel/__init__.py", "TEXT = '" + text + "'\n");
        for (int i = 0; i < 10_000; i++) {
            many.put("parcel/data/" + i + ".txt", text);
        }
        index(line("wheel any", zip(folder.resolve(Index.FOLDER + "parcel-1.0-py3-none-any.whl"), many)));
        List<String> before = names();
        Launch.Running first = program().start();
        Launch.Running second = program().start();
        Path half = null;
        long end = System.nanoTime() + 60_000_000_000L;
        while (half == null && System.nanoTime() < end) {
            for (String name : names()) {
                half = name.endsWith(".tmp") && !before.contains(name) ? Unpacker.cache().resolve("packages").resolve(name) : half;
            }
            Thread.onSpinWait();
        }
        assertTrue(half != null, "nobody unpacks");
        first.process.destroyForcibly(); // whichever of the two it is that unpacks, or waits
        first.join();
        List<String> lines = passed(second.join());
        assertEquals(text, lines.get(1));
        assertEquals(lines, passed(program().run()));
        assertFalse(Files.exists(half), "left: " + half);
        try (var files = Files.list(Path.of(lines.get(0)).resolve("parcel/data"))) {
            assertEquals(10_000, files.count());
        }
    }

    private static List<String> names() throws IOException {
        Path packages = Files.createDirectories(Unpacker.cache().resolve("packages"));
        List<String> names = new ArrayList<>();
        try (var files = Files.list(packages)) {
            files.sorted().forEach(file -> names.add(file.getFileName().toString()));
        }
        return names;
    }

    /** The chosen interpreter's version, as an index names it. */
    private static String python() {
        return Interpreter.chosen().version().replaceFirst("\\.[^.]*$", "");
    }
}
