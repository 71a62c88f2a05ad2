// SPDX-License-Identifier: Apache-2.0
// Loading, where it can go wrong: other platforms, caches that cannot be used, many processes at
// once, jars inside jars, two class loaders. Each case runs in a JVM of its own.
package org.nd4j.python4j;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.ByteArrayInputStream;
import java.io.File;
import java.io.InputStream;
import java.lang.ref.WeakReference;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import java.util.zip.ZipInputStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.python4j.PythonExecutioner.JavaCppPathType;
import org.nd4j.python4j.internal.monitor.Monitor;
import org.nd4j.python4j.internal.packages.Folders;
import org.nd4j.python4j.internal.start.NativeLoader;
import org.nd4j.python4j.internal.start.Unpacker;

class NativeLoaderTest {
    private static final String CACHE = "org.eclipse.python4j.cache";

    @TempDir
    Path folder;

    @AfterEach
    void remove() throws Exception {
        Launch.remove(folder.resolve("cache"));
    }

    /** The report with a cache of its own, but with the CPython that JavaCPP has unpacked already. */
    private static Launch withCache(Path cache) {
        return Launch.report().with(CACHE, cache).with("org.bytedeco.javacpp.cachedir",
                System.getProperty("user.home") + "/.javacpp/cache");
    }

    // ---- sys.path ----

    private static String arranged(JavaCppPathType order) {
        List<String> front = new ArrayList<>();
        List<String> end = new ArrayList<>();
        NativeLoader.arrange(front, end, List.of("/own", "/more"), order, List.of("/numpy"));
        return front + " ... " + end;
    }

    @Test
    void theOwnPathComesLastFirstOrWithoutPackages() {
        assertEquals("[] ... [/numpy, /own, /more]", arranged(JavaCppPathType.BEFORE));
        assertEquals("[/own, /more] ... [/numpy]", arranged(JavaCppPathType.AFTER));
        assertEquals("[] ... [/own, /more]", arranged(JavaCppPathType.NONE));
    }

    @Test
    void theOwnPathMayNameSeveralFolders() throws Exception {
        String own = String.join(File.pathSeparator, "/own", "", "/more");
        Launch.Result result = Launch.report().with("org.eclipse.python4j.path", own)
                .with("org.eclipse.python4j.path.append", "after").run().passed();
        assertTrue(result.out.contains("\"path\":[\"/own\",\"/more\",\""), result::toString);
    }

    // ---- the platform ----

    @Test
    void aPlatformWithoutNativesListsThoseThatAreThere() throws Exception {
        String message = Launch.report().with("os.arch", "s390x").run().failure();
        String system = NativeLoader.platform().replaceFirst("-.*", "");
        assertTrue(message.contains("no native library for " + system + "-s390x"), message);
        assertTrue(message.matches("(?s).*it has those for .*\\b" + NativeLoader.platform() + "\\b.*"), message);
        assertTrue(message.contains("There is none for this platform; there are those for linux-x86_64, linux-arm64, "), message);
    }

    @Test
    @DisabledOnOs(value = OS.WINDOWS, disabledReason = "there are natives for one processor")
    void aPlatformWhoseNativesAreMissingIsToldTheirJar() throws Exception {
        String system = NativeLoader.platform().replaceAll("-.*", "");
        boolean isArm = NativeLoader.platform().endsWith("arm64");
        String platform = system + (isArm ? "-x86_64" : "-arm64");
        assumeTrue(NativeLoader.class.getResource("/org/nd4j/python4j/native/" + platform + "/native.properties") == null, "this build has natives of both processors");
        String message = Launch.report().with("os.arch", isArm ? "amd64" : "aarch64").run().failure();
        assertTrue(message.contains("no native library for " + platform) && message.contains("with the classifier " + platform), message);
    }

    @Test
    void whatAScannerHasOpenIsTriedAgain() throws Exception {
        for (String reason : new String[] {null, "used by another process"}) {
            AtomicInteger tries = new AtomicInteger();
            Folders.patiently(() -> {
                if (tries.incrementAndGet() < 4) {
                    throw reason == null ? new AccessDeniedException("a") : new FileSystemException("a", "b", reason);
                }
            });
            assertEquals(4, tries.get());
        }
        assertThrows(AccessDeniedException.class, () -> Folders.patiently(() -> {
            throw new AccessDeniedException("a");
        }));
        AtomicInteger tries = new AtomicInteger();
        assertThrows(NoSuchFileException.class, () -> Folders.patiently(() -> {
            tries.incrementAndGet();
            throw new NoSuchFileException("a");
        }));
        assertEquals(1, tries.get());
    }

    @Test
    void aJvmOnMuslIsRefusedWithAnImageToTake() throws Exception {
        Unpacker.refuseMusl(folder.resolve("no such file"));
        Unpacker.refuseMusl(Path.of("/proc/self/maps"));
        Path maps = Files.write(folder.resolve("maps"), List.of(
                "55d0c6e1a000-55d0c6e1b000 r--p 00000000 fe:01 1053 /usr/lib/jvm/java-21-openjdk/bin/java",
                "7f2a1b2c3000-7f2a1b2d7000 r--p 00000000 fe:01 7 /lib/ld-musl-x86_64.so.1"));
        String message = assertThrows(PythonException.class, () -> Unpacker.refuseMusl(maps)).getMessage();
        assertTrue(message.contains("the C library musl (/lib/ld-musl-x86_64.so.1)"), message);
        assertTrue(message.contains("eclipse-temurin:21-jre in place of eclipse-temurin:21-jre-alpine"), message);
    }

    // ---- the cache ----

    @Test
    void thePropertyMovesTheCacheOfBoth() throws Exception {
        Path cache = folder.resolve("cache/deep");
        Launch.Result result = Launch.report().with(CACHE, cache).run().passed();
        assertEquals(cache.toString(), result.field("cache"));
        assertTrue(result.field("libpython").startsWith(cache.toString()), result::toString);
        assertTrue(NativeLoader.isPrivate(cache));
        assertEquals(List.of(), names(cache, ".tmp"), "nothing half-written is left");

        cutTimes(cache);
        List<String> before = times(cache);
        Launch.Result warm = Launch.report().checked().with(CACHE, cache).run().passed();
        assertEquals(before, times(cache), "a warm start writes nothing");
        assertEquals("", warm.err);

        Files.delete(Path.of(result.field("libpython")));
        Launch.report().with(CACHE, cache).run().passed();
    }

    @Test
    void aColdStartDoesNotMindInterrupts() throws Exception {
        for (String program : List.of("startsInterrupted", "startsWhileItIsInterrupted")) {
            assertEquals("true\n42", ChildJvm.output(program, "-D" + CACHE + "=" + folder.resolve("cache")), program);
            remove();
        }
    }

    /** What becomes of a cache that is made while a container's image is built. */
    private static void cutTimes(Path folder) throws Exception {
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.filter(file -> Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)).toArray(Path[]::new)) {
                Files.setLastModifiedTime(file, FileTime.from(Files.getLastModifiedTime(file).to(TimeUnit.SECONDS), TimeUnit.SECONDS));
            }
        }
    }

    @Test
    void damagedFilesAreUnpackedAgain() throws Exception {
        Launch launch = withCache(folder);
        launch.run().passed();
        assertEquals(NativeLoader.platform().startsWith("windows") ? 2 : 3, natives().size(), "a pool needs Linux or macOS");
        for (Path file : natives()) {
            Files.write(file, Arrays.copyOf(Files.readAllBytes(file), 1000));
        }
        launch.run().passed();
        for (Path file : natives()) {
            FileTime time = Files.getLastModifiedTime(file);
            byte[] bytes = Files.readAllBytes(file);
            bytes[bytes.length / 2] ^= 1;
            Files.write(file, bytes);
            Files.setLastModifiedTime(file, FileTime.fromMillis(time.toMillis() + 5000));
        }
        launch.run().passed();
    }

    private List<Path> natives() throws Exception {
        try (Stream<Path> files = Files.walk(folder)) {
            return files.filter(file -> file.getFileName().toString().contains("python4j") && Files.isRegularFile(file)
                    && file.getParent().getParent().equals(folder)).collect(Collectors.toList());
        }
    }

    @Test
    void whereTheHomeCannotBeWrittenTheTemporaryFolderServes() throws Exception {
        Path home = Files.writeString(folder.resolve("home"), "a file, no folder");
        Launch launch = Launch.report().with("user.home", home).with("java.io.tmpdir", folder)
                .with("org.bytedeco.javacpp.cachedir", System.getProperty("user.home") + "/.javacpp/cache");
        Launch.Result result = launch.run().passed();
        assertEquals(folder.resolve("python4j-" + System.getProperty("user.name")).toString(), result.field("cache"));
        launch.run().passed();
    }

    /** As in a container that runs with a number which its system does not know. */
    @Test
    @DisabledOnOs(value = OS.WINDOWS, disabledReason = "Windows has no permissions of this kind")
    void aUserWithoutANameAndAHomeHasTheTemporaryFolder() throws Exception {
        for (String home : List.of("?", "/")) {
            Launch launch = Launch.report().with("user.home", home).with("user.name", "?").with("java.io.tmpdir", folder)
                    .environment("XDG_CACHE_HOME", "").python("embedded");
            Launch.Result result = launch.run().passed();
            Path cache = folder.resolve("python4j-" + Files.getAttribute(folder, "unix:uid"));
            assertEquals(cache.toString(), result.field("cache"));
            assertTrue(result.field("libpython").startsWith(cache + "/javacpp/"), result::toString);
            assertEquals("rwx------", PosixFilePermissions.toString(Files.getPosixFilePermissions(cache)));
            launch.run().passed();
            Files.setPosixFilePermissions(cache, PosixFilePermissions.fromString("rwxrwxrwx"));
            String message = launch.run().failure();
            assertTrue(message.contains(cache + ": others own it or can write to it"), message);
            Launch.remove(cache);
        }
    }

    @Test
    void withoutAnyPlaceTheMessageListsThemAndTheProperty() throws Exception {
        Path home = Files.writeString(folder.resolve("home"), "a file, no folder");
        String message = Launch.report().with("user.home", home).with("java.io.tmpdir", home).run().failure();
        assertTrue(message.contains(home.resolve(".cache/python4j") + ": ") && message.contains("-D" + CACHE), message);
    }

    @Test
    @DisabledOnOs(value = OS.WINDOWS, disabledReason = "Windows has no permissions of this kind")
    void aFolderThatOthersCanWriteIsNotUsed() throws Exception {
        Path cache = Files.createDirectory(folder.resolve("cache"));
        Files.setPosixFilePermissions(cache, PosixFilePermissions.fromString("rwxrwxrwx"));
        String message = Launch.report().with(CACHE, cache).run().failure();
        assertTrue(message.contains(cache + ": others own it or can write to it"), message);
    }

    @Test
    @DisabledOnOs(value = OS.WINDOWS, disabledReason = "Windows has no permissions of this kind")
    void whatIsMadeInTheCacheIsTheUsersAlone() throws Exception {
        Launch.Result result = withCache(folder.resolve("made/cache")).umask("000").run().passed();
        assertEquals(folder.resolve("made/cache").toString(), result.field("cache"));
        try (Stream<Path> files = Files.walk(folder.resolve("made"))) {
            for (Path file : files.collect(Collectors.toList())) {
                String rights = PosixFilePermissions.toString(Files.getPosixFilePermissions(file));
                assertEquals(Files.isDirectory(file) ? "rwx------" : "rw-------", rights, file::toString);
            }
        }
    }

    @Test
    void aCacheBehindALinkServes() throws Exception {
        Path real = Files.createDirectory(folder.resolve("real"));
        Path link = Files.createSymbolicLink(folder.resolve("link"), real);
        assumeTrue(Files.isSymbolicLink(link), "Wine says that it makes links and makes none");
        Launch launch = withCache(link);
        launch.run().passed();
        assertTrue(Files.isDirectory(real.resolve("starts")));
        launch.run().passed();
    }

    @Test
    @DisabledOnOs(value = OS.WINDOWS, disabledReason = "Windows has no permissions of this kind")
    void whereOthersCanReplaceTheCacheNothingNotedThereIsBelieved() throws Exception {
        Path open = Files.createDirectory(folder.resolve("open"));
        Path cache = open.resolve("cache");
        Launch launch = withCache(cache).option("-Xlog:class+load");
        launch.run(); // makes the cache
        assertTrue(NativeLoader.isPrivate(cache) && NativeLoader.isOurs(cache));
        for (String rights : List.of("rwxrwxrwx", "rwxr-xrwx")) {
            Files.setPosixFilePermissions(open, PosixFilePermissions.fromString(rights));
            assertTrue(NativeLoader.isPrivate(cache) && !NativeLoader.isOurs(cache), rights);
            Launch.Result result = launch.run();
            assertEquals(0, result.status, result::toString);
            assertTrue(result.out.contains("Interpreter$Search "), "a cold start");
        }
        Files.setPosixFilePermissions(open, PosixFilePermissions.fromString("rwxr-xr-x"));
        Launch.Result result = launch.run();
        assertTrue(!result.out.contains("Interpreter$Search "), "a warm start");

        Path behind = Files.createSymbolicLink(folder.resolve("behind"), open);
        Files.setPosixFilePermissions(open, PosixFilePermissions.fromString("rwxrwxrwx"));
        assertTrue(!NativeLoader.isOurs(behind.resolve("cache")), "a link on the way changes nothing");
    }

    @Test
    @DisabledOnOs(value = OS.WINDOWS, disabledReason = "Windows has no permissions of this kind")
    void theFolderForTemporaryFilesProtectsWhatIsInIt() throws Exception {
        Path own = Files.createTempDirectory(Path.of("/tmp"), "python4j-test");
        try {
            assertEquals(Files.readAttributes(Path.of("/tmp"), "unix:mode").get("mode").hashCode() & 01000, 01000);
            assertTrue(NativeLoader.isOurs(own));
            Files.setPosixFilePermissions(own, PosixFilePermissions.fromString("rwxrwx---"));
            assertTrue(!NativeLoader.isOurs(own));
        } finally {
            Files.delete(own);
        }
    }

    @Test
    void anotherContentThanPromisedIsNotLoaded() throws Exception {
        List<Path> wrong = new ArrayList<>();
        for (Path part : Launch.core()) {
            wrong.add(Files.isDirectory(part) ? forged(part, folder.resolve("forged" + wrong.size())) : part);
        }
        String path = wrong.stream().map(Path::toString).collect(Collectors.joining(File.pathSeparator));
        String rest = Launch.libraries().stream().map(Path::toString).collect(Collectors.joining(File.pathSeparator));
        String message = withCache(folder.resolve("cache")).classPath(path + File.pathSeparator + rest).run().failure();
        assertTrue(message.contains("has not the content that native.properties promises"), message);
        assertEquals(List.of(), natives(), "nothing of it is left");
        assertEquals(List.of(), names(folder.resolve("cache"), ".tmp"));
    }

    /** A copy of classes whose native library has one other byte. */
    private static Path forged(Path classes, Path copy) throws Exception {
        return copy(classes, copy, System.mapLibraryName("python4j"), bytes -> {
            bytes[bytes.length / 2] ^= 1;
            return bytes;
        });
    }

    /** A copy of classes with another content of the files of one name. */
    private static Path copy(Path classes, Path copy, String name, UnaryOperator<byte[]> change) throws Exception {
        try (Stream<Path> files = Files.walk(classes)) {
            for (Path file : files.collect(Collectors.toList())) {
                Path to = copy.resolve(classes.relativize(file));
                if (Files.isDirectory(file)) {
                    Files.createDirectories(to);
                } else {
                    byte[] bytes = Files.readAllBytes(file);
                    Files.write(to, file.endsWith(name) ? change.apply(bytes) : bytes);
                }
            }
        }
        return copy;
    }

    @Test
    void manyStartAtOnceAndOneUnpacks() throws Exception {
        List<Launch.Running> all = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            all.add(withCache(folder).start());
        }
        for (Launch.Running one : all) {
            one.join().passed();
        }
        assertEquals(List.of(), names(folder, ".tmp"));
    }

    @Test
    void aStartThatIsKilledHarmsNoneThatFollows() throws Exception {
        for (int millis = 200; millis <= 800; millis *= 2) {
            Launch.Running killed = Launch.report().with(CACHE, folder.resolve("cache")).start();
            Thread.sleep(millis);
            killed.process.destroyForcibly();
            killed.join();
        }
        Launch.report().with(CACHE, folder.resolve("cache")).run().passed();
    }

    /** As at an upgrade while the old version still runs, whose files Windows lets nobody replace. */
    @Test
    void anotherVersionStartsWhileOneRuns() throws Exception {
        Path cache = folder.resolve("cache");
        Path stop = folder.resolve("stop");
        List<Path> newer = new ArrayList<>();
        for (Path part : Launch.core()) {
            newer.add(Files.isDirectory(part) ? copy(part, folder.resolve("newer" + newer.size()), "native.properties",
                    text -> new String(text, UTF_8).replaceFirst("version=.*", "version=99.9").getBytes(UTF_8)) : part);
        }
        newer.addAll(Launch.libraries());
        Launch.Running old = Launch.of(Waiting.class, stop.toString()).with(CACHE, cache).start();
        try {
            while (old.process.isAlive() && !Files.exists(Path.of(stop + ".ready"))) {
                Thread.sleep(20);
            }
            for (int i = 0; i < 2; i++) {
                Launch.report().classPath(Launch.path(newer)).with(CACHE, cache).run().passed();
                Launch.report().with(CACHE, cache).run().passed();
            }
        } finally {
            Files.createFile(stop);
        }
        Launch.Result result = old.join();
        assertEquals("42", result.out.strip(), result::toString);
        assertEquals(List.of(), names(cache, ".tmp"));
        try (Stream<Path> files = Files.list(cache)) {
            assertEquals(1, files.filter(file -> file.getFileName().toString().startsWith("99.9-")).count());
        }
    }

    /** Uses Python, waits for a file, and uses Python again. */
    static final class Waiting {
        public static void main(String[] arguments) throws Exception {
            PythonExecutioner.exec("x = 42");
            Files.createFile(Path.of(arguments[0] + ".ready"));
            while (!Files.exists(Path.of(arguments[0]))) {
                Thread.sleep(20);
            }
            System.out.println(PythonExecutioner.getVariable("x"));
        }
    }

    private static List<String> names(Path folder, String end) throws Exception {
        try (Stream<Path> files = Files.walk(folder, 2)) {
            return files.map(Path::toString).filter(file -> file.endsWith(end)).collect(Collectors.toList());
        }
    }

    /** When our own files were written. */
    private static List<String> times(Path folder) throws Exception {
        List<String> times = new ArrayList<>();
        try (Stream<Path> files = Files.walk(folder, 2)) {
            for (Path file : files.filter(Files::isRegularFile).sorted().collect(Collectors.toList())) {
                times.add(file + " " + Files.getLastModifiedTime(file));
            }
        }
        return times;
    }

    // ---- what a start costs ----

    /**
     * How many classes a program may load from its {@code main} to the end of its first statement, with a warm start:
     * 87 were loaded with JDK 17, 35 of them ours, 143 with JDK 21 and 119 with JDK 25. The package-info of internal.start says what
     * the usual additions cost.
     */
    private static final int MOST_CLASSES = Runtime.version().feature() < 21 ? 105 : 150;

    /** Times differ from machine to machine; what is loaded does not. */
    @Test
    void aWarmStartLoadsNothingThatTakesLong() throws Exception {
        // Not the tests' own class path, which registers types.
        String file = First.class.getName().replace('.', '/') + ".class";
        Files.createDirectories(folder.resolve(file).getParent());
        try (InputStream in = First.class.getClassLoader().getResourceAsStream(file)) {
            Files.copy(in, folder.resolve(file));
        }
        List<Path> path = new ArrayList<>(Launch.core());
        path.addAll(Launch.libraries());
        path.add(folder);
        Launch.of(First.class).classPath(Launch.path(path)).run();
        Launch.Result result = Launch.of(First.class).classPath(Launch.path(path)).option("-Xlog:class+load")
                .with(Monitor.MXBEAN, "false").run(); // it comes after a second, with all of JMX
        assertEquals(0, result.status, result::toString);
        assertTrue(result.out.contains("org.nd4j.python4j.internal.start.StartNote "), "the log of loaded classes: " + result);
        String ours = Stream.of(result.out.split("\n")).dropWhile(line -> !line.contains(First.class.getName() + " "))
                .collect(Collectors.joining("\n"));
        for (String costly : List.of(" org.bytedeco.", " org.slf4j.", " java.util.logging.", " java.util.regex.",
                " java.util.stream.", "internal.start.Unpacker", "internal.start.Embedded", "$$Lambda",
                " java.lang.invoke.StringConcatFactory", " java.lang.invoke.VarHandleByteArray",
                " java.util.ServiceLoader ", "org.nd4j.python4j.PythonTypes")) {
            assertTrue(!ours.contains(costly), costly + " is loaded in\n" + ours);
        }
        long loaded = ours.lines().filter(line -> line.contains("source:")).count();
        assertTrue(loaded <= MOST_CLASSES, loaded + " classes instead of " + MOST_CLASSES + " are loaded in\n" + ours);
    }

    @Test
    void whatAStartRestsOnIsLookedAtEachTime() throws Exception {
        Path jar = folder.resolve("more.jar");
        Files.write(jar, new byte[] {1});
        assertTrue(isCold(jar), "the first one");
        assertTrue(!isCold(jar), "the next");
        Files.write(jar, new byte[] {1, 2});
        assertTrue(isCold(jar), "with another jar of that name");
        assertTrue(!isCold(jar), "the next one with it");
        Files.delete(jar);
        assertTrue(isCold(jar), "without the jar");
    }

    private boolean isCold(Path jar) throws Exception {
        Launch.Result result = Launch.of(First.class).classPath(Launch.classPath() + File.pathSeparator + jar)
                .with(CACHE, folder.resolve("cache")).with("org.bytedeco.javacpp.cachedir",
                        System.getProperty("user.home") + "/.javacpp/cache").option("-Xlog:class+load").run();
        assertEquals(0, result.status, result::toString);
        return result.out.contains("org.nd4j.python4j.internal.start.Interpreter$Search ");
    }

    /** The least that a program does. */
    static final class First {
        public static void main(String[] arguments) {
            PythonExecutioner.exec("x = 1");
        }
    }

    // ---- other ways of packing ----

    @Test
    void aShadedJarRuns() throws Exception {
        List<Path> all = new ArrayList<>(Launch.core());
        all.addAll(Launch.libraries());
        Path jar = Launch.shade(folder.resolve("app.jar"), PythonEnvironment.class, all);
        for (int i = 0; i < 2; i++) {
            Launch.Result result = Launch.jar(jar, "--json").with(CACHE, folder.resolve("cache")).run().passed();
            assertTrue(result.out.contains("\"embedded\":true"), result::toString);
        }
    }

    @Test
    void aJarInsideAJarRuns() throws Exception {
        Path core = Launch.shade(folder.resolve("core.jar"), PythonEnvironment.class, Launch.core());
        List<Path> inner = new ArrayList<>(Launch.libraries());
        inner.add(core);
        Path jar = Launch.nest(folder.resolve("app.jar"), Nested.class, inner);
        for (int i = 0; i < 2; i++) {
            Launch.Result result = Launch.of(Nested.class, "--json").classPath(jar.toString())
                    .with(CACHE, folder.resolve("cache")).run().passed();
            assertTrue(result.out.contains("\"embedded\":true"), result::toString);
        }
    }

    /** As an IDE, a build tool or an exploded image leaves them. */
    @Test
    void foldersOfUnpackedJarsRun() throws Exception {
        Path unpacked = folder.resolve("with a space and \u00fc");
        List<Path> all = new ArrayList<>(Launch.core());
        all.add(Path.of(getClass().getProtectionDomain().getCodeSource().getLocation().toURI()));
        all.addAll(Launch.unpack(unpacked, Launch.libraries()));
        List<String> before = tree(unpacked);
        Launch launch = Launch.of(Bound.class, "--json").with(CACHE, folder.resolve("cache")).classPath(Launch.path(all))
                .option("-Xlog:class+load:file=" + folder.resolve("loaded"));
        for (String start : List.of("cold", "warm", "of changed files")) {
            Launch.Result result = launch.run().passed();
            assertTrue(result.out.contains("\"embedded\":true"), result::toString);
            assertTrue(result.out.startsWith("1 " + result.field("python")), result::toString);
            assertEquals(!start.equals("warm"), Files.readString(folder.resolve("loaded")).contains("Interpreter$Search "), start);
            assertEquals(before, tree(unpacked), "nothing is written to the class path");
            Path library = unpacked.resolve(before.stream().filter(file -> file.endsWith(System.mapLibraryName("jnipython"))).findFirst().orElseThrow());
            if (start.equals("warm")) {
                Files.setLastModifiedTime(library, FileTime.from(1_000_000_000, TimeUnit.SECONDS));
            }
        }
    }

    private static List<String> tree(Path folder) throws Exception {
        try (Stream<Path> files = Files.walk(folder)) {
            return files.map(Path::toString).sorted().collect(Collectors.toList());
        }
    }

    /** What the bindings of {@code org.bytedeco.cpython} meet, and the report. */
    static final class Bound {
        public static void main(String[] arguments) throws Exception {
            try (PythonGIL gil = PythonGIL.lock()) {
                System.out.println(org.bytedeco.cpython.global.python.PyGILState_Check() + " "
                        + org.bytedeco.cpython.global.python.Py_GetVersion().getString());
            }
            PythonEnvironment.main(arguments);
        }
    }

    /** A class loader that reads jars inside the jar of the class path and tells nothing about them. */
    static final class Nested extends ClassLoader {
        private final Map<String, byte[]> files = new HashMap<>();

        Nested(String jar) throws Exception {
            super(ClassLoader.getPlatformClassLoader());
            try (ZipFile outer = new ZipFile(jar)) {
                for (var entries = outer.entries(); entries.hasMoreElements(); ) {
                    ZipEntry entry = entries.nextElement();
                    if (entry.getName().endsWith(".jar")) {
                        try (ZipInputStream inner = new ZipInputStream(outer.getInputStream(entry))) {
                            for (ZipEntry file; (file = inner.getNextEntry()) != null; ) {
                                files.putIfAbsent(file.getName(), inner.readAllBytes());
                            }
                        }
                    }
                }
            }
        }

        @Override
        protected Class<?> findClass(String name) throws ClassNotFoundException {
            byte[] file = files.get(name.replace('.', '/') + ".class");
            if (file == null) {
                throw new ClassNotFoundException(name);
            }
            return defineClass(name, file, 0, file.length);
        }

        @Override
        public InputStream getResourceAsStream(String name) {
            byte[] file = files.get(name);
            return file == null ? super.getResourceAsStream(name) : new ByteArrayInputStream(file);
        }

        public static void main(String[] arguments) throws Exception {
            Class.forName("org.nd4j.python4j.PythonEnvironment", true,
                    new Nested(System.getProperty("java.class.path")))
                    .getMethod("main", String[].class).invoke(null, (Object) arguments);
        }
    }

    // ---- two class loaders in one JVM ----

    @Test
    void twoClassLoadersShareOnePython() throws Exception {
        Launch.Result result = Launch.of(Loaders.class, "share").checked().run();
        assertEquals(0, result.status, result::toString);
        assertEquals(List.of("1: from 1", "2: from 1", "1: from 2", "done"),
                Arrays.asList(result.out.strip().split("\n")), result::toString);
    }

    @Test
    void aClassLoaderThatIsGoneLeavesPythonRunning() throws Exception {
        Launch.Result result = Launch.of(Loaders.class, "redeploy").checked().run();
        assertEquals(0, result.status, result::toString);
        assertEquals("1 2 3 done", String.join(" ", result.out.strip().split("\n")), result::toString);
    }

    @Test
    void anotherReleaseInTheSameJvmIsRefused() throws Exception {
        Launch.Result result = Launch.of(Loaders.class, "differ").run();
        assertEquals(0, result.status, result::toString);
        assertTrue(result.out.contains("Another class loader of this JVM has loaded /other/" + System.mapLibraryName("python4j")),
                result::toString);
        assertTrue(result.out.contains("use the same python4j-core in both"), result::toString);
    }

    /** An application server, nearly. */
    static final class Loaders {
        public static void main(String[] arguments) throws Exception {
            switch (arguments[0]) {
                case "share":
                    share();
                    break;
                case "redeploy":
                    redeploy();
                    break;
                default:
                    System.setProperty("org.eclipse.python4j.loaded." + System.mapLibraryName("python4j"), "/other/"
                            + System.mapLibraryName("python4j"));
                    try {
                        PythonExecutioner.exec("pass");
                    } catch (PythonException e) {
                        System.out.println(e.getMessage());
                    }
            }
            System.out.println("done");
        }

        private static void share() throws Exception {
            try (URLClassLoader one = deploy(); URLClassLoader two = deploy()) {
                run(one, "by = 'from 1'");
                print("1: ", one);
                print("2: ", two);
                run(two, "by = 'from 2'");
                print("1: ", one);
                Thread[] threads = new Thread[8];
                for (int i = 0; i < threads.length; i++) {
                    URLClassLoader mine = i % 2 == 0 ? one : two;
                    threads[i] = new Thread(() -> {
                        try {
                            for (int k = 0; k < 200; k++) {
                                run(mine, "by = by[:6]");
                            }
                        } catch (Exception e) {
                            System.out.println(e);
                        }
                    });
                    threads[i].start();
                }
                for (Thread thread : threads) {
                    thread.join(60_000);
                }
            }
        }

        private static void redeploy() throws Exception {
            for (int i = 1; i <= 3; i++) {
                WeakReference<URLClassLoader> gone = once(i);
                for (int k = 0; k < 20 && gone.get() != null; k++) {
                    System.gc(); // a class loader that something still holds is no failure of loading
                    Thread.sleep(10);
                }
                System.out.println(i);
            }
        }

        private static WeakReference<URLClassLoader> once(int number) throws Exception {
            try (URLClassLoader loader = deploy()) {
                run(loader, "import threading; number = " + number
                        + "; threading.Thread(target=print, args=('',), kwargs={'end': ''}).start()");
                return new WeakReference<>(loader);
            }
        }

        private static URLClassLoader deploy() throws Exception {
            List<URL> urls = new ArrayList<>();
            for (String entry : System.getProperty("java.class.path").split(File.pathSeparator)) {
                urls.add(new File(entry).toURI().toURL());
            }
            return new URLClassLoader(urls.toArray(new URL[0]), ClassLoader.getPlatformClassLoader());
        }

        private static void run(ClassLoader loader, String code) throws Exception {
            AutoCloseable turn = (AutoCloseable) call(loader, "PythonGIL", "lock", null);
            try {
                call(loader, "PythonExecutioner", "exec", code);
            } finally {
                turn.close();
            }
        }

        private static void print(String head, ClassLoader loader) throws Exception {
            AutoCloseable turn = (AutoCloseable) call(loader, "PythonGIL", "lock", null);
            try {
                System.out.println(head + call(loader, "PythonExecutioner", "getVariable", "by"));
            } finally {
                turn.close();
            }
        }

        private static Object call(ClassLoader loader, String type, String method, String argument) throws Exception {
            Class<?> owner = Class.forName("org.nd4j.python4j." + type, true, loader);
            return argument == null ? owner.getMethod(method).invoke(null) : owner.getMethod(method,
                    String.class).invoke(null, argument);
        }
    }
}
