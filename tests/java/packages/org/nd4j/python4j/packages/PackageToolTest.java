// SPDX-License-Identifier: Apache-2.0
// The tool of the build plugins over wheels that are made here; uv and pytest come from PyPI, as they do for a build.
package org.nd4j.python4j.packages;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpServer;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.python4j.internal.packages.Index;
import org.nd4j.python4j.internal.packages.Wheels;

class PackageToolTest {

    @TempDir
    Path folder;

    private Path wheels;
    private String text;

    @BeforeEach
    void newWheels() throws IOException {
        wheels = Files.createDirectories(folder.resolve("wheels"));
        text = UUID.randomUUID().toString();
        wheel("parcel", "1.0", "py3-none-any", "Requires-Dist: stamp; sys_platform == 'linux'\nLicense-Expression: MIT\n");
        wheel("stamp", "2.0", "py3-none-manylinux_2_17_x86_64", "Classifier: License :: OSI Approved :: BSD License\n");
        wheel("stamp", "2.0", "py3-none-manylinux_2_28_x86_64", "Classifier: License :: OSI Approved :: BSD License\n");
        wheel("stamp", "1.0", "py3-none-manylinux_2_17_aarch64", "License: GPL\n");
    }

    private Path wheel(String name, String version, String tags, String metadata) throws IOException {
        Map<String, String> content = new LinkedHashMap<>();
        String info = name + "-" + version + ".dist-info/";
        content.put(name + ".py", "TEXT = '" + text + "'\n");
        content.put(info + "METADATA", "Metadata-Version: 2.4\nName: " + name + "\nVersion: " + version + "\n" + metadata);
        content.put(info + "WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: " + tags + "\n");
        content.put(info + "RECORD", "");
        Path file = wheels.resolve(name + "-" + version + "-" + tags + ".whl");
        try (OutputStream out = Files.newOutputStream(file); ZipOutputStream zip = new ZipOutputStream(out)) {
            for (Map.Entry<String, String> entry : content.entrySet()) {
                zip.putNextEntry(new ZipEntry(entry.getKey()));
                zip.write(entry.getValue().getBytes(StandardCharsets.UTF_8));
            }
        }
        return file;
    }

    /** Runs a command over the wheels of this test; what it printed to stderr is the answer, empty if all went well. */
    private String tool(String command, String... options) {
        List<String> all = new ArrayList<>(Arrays.asList(command, "--lock", lock().toString(), "--wheels", wheels.toString()));
        all.addAll(Arrays.asList(options));
        PrintStream before = System.err;
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        int status;
        try (PrintStream caught = new PrintStream(err, true, StandardCharsets.UTF_8)) {
            System.setErr(caught);
            status = PackageTool.run(all.toArray(new String[0]));
        } finally {
            System.setErr(before);
        }
        String said = err.toString(StandardCharsets.UTF_8);
        assertEquals(said.isEmpty() ? 0 : 1, status, said);
        return said;
    }

    private Path lock() {
        return folder.resolve("pylock.toml");
    }

    private static final String[] PARCEL = {"--package", "parcel==1.0", "--platform", "linux-x86_64", "--platform", "linux-arm64",
        "--platform", "windows-x86_64"};

    private static String[] parcel(String... more) {
        List<String> all = new ArrayList<>(Arrays.asList(PARCEL));
        all.addAll(Arrays.asList(more));
        return all.toArray(new String[0]);
    }

    private static void contains(String text, String... parts) {
        for (String part : parts) {
            assertTrue(text.contains(part), () -> "'" + part + "' is not in:\n" + text);
        }
    }

    @Test
    void aLockHasEachPlatformsOwnWheels() throws IOException {
        assertEquals("", tool("lock", PARCEL));
        Lock lock = Lock.read(lock());
        List<String> found = new ArrayList<>();
        for (Lock.Package each : lock.packages) {
            each.wheels.forEach((platform, wheel) -> found.add(platform + " " + wheel.name));
        }
        assertEquals(List.of("linux-arm64 parcel-1.0-py3-none-any.whl", "linux-x86_64 parcel-1.0-py3-none-any.whl",
                "windows-x86_64 parcel-1.0-py3-none-any.whl", "linux-arm64 stamp-1.0-py3-none-manylinux_2_17_aarch64.whl",
                "linux-x86_64 stamp-2.0-py3-none-manylinux_2_28_x86_64.whl"), found);
        byte[] first = Files.readAllBytes(lock());
        lock.write(lock());
        assertArrayEquals(first, Files.readAllBytes(lock()));
    }

    /** What we write is a lock file to the tool that others use. */
    @Test
    void uvInstallsFromTheLock() throws IOException {
        assertEquals("", tool("lock", PARCEL));
        Path target = folder.resolve("target");
        Child.run(List.of(Resolver.uv(true).toString(), "pip", "install", "--quiet", "--no-config", "--python", new Child().executable(), "--target",
                target.toString(), "-r", lock().toString()), Map.of()).check("uv");
        contains(Files.readString(target.resolve("parcel.py")), text);
        assertTrue(Files.exists(target.resolve("stamp.py")));
    }

    @Test
    void pipsResolverGivesTheSame() throws IOException {
        String[] here = {"--package", "parcel==1.0", "--platform", "linux-x86_64"};
        assertEquals("", tool("lock", here));
        Map<String, Map<String, Lock.Wheel>> byUv = wheels(Lock.read(lock()));
        List<String> withPip = new ArrayList<>(Arrays.asList(here));
        withPip.addAll(List.of("--resolver", "pip"));
        assertEquals("", tool("lock", withPip.toArray(new String[0])));
        Map<String, Map<String, Lock.Wheel>> byPip = wheels(Lock.read(lock()));
        assertEquals(byUv.keySet(), byPip.keySet());
        byUv.forEach((name, found) -> assertEquals(found.get("linux-x86_64").sha256, byPip.get(name).get("linux-x86_64").sha256));
    }

    private static Map<String, Map<String, Lock.Wheel>> wheels(Lock lock) {
        Map<String, Map<String, Lock.Wheel>> all = new LinkedHashMap<>();
        lock.packages.forEach(each -> all.put(each.toString(), each.wheels));
        return all;
    }

    /** As pip-compile writes them. */
    @Test
    void requirementsMayHaveHashesMarkersAndExtras() throws IOException {
        assertEquals("", tool("lock", PARCEL));
        String arm = wheels(Lock.read(lock())).get("stamp==1.0").get("linux-arm64").sha256;
        String old = Wheels.sha256(wheels.resolve("stamp-2.0-py3-none-manylinux_2_17_x86_64.whl"));
        Path file = Files.writeString(folder.resolve("requirements.txt"), "# all\nparcel[more]==1.0 ; python_version >= '3.9'\nstamp>=1.0 \\\n"
                + "    --hash=sha256:" + old + " \\\n    --hash=sha256:" + arm + "  # two\nmissing==1.0; sys_platform == 'plan9'\n");
        String[] options = {"--requirements", file.toString(), "--platform", "linux-x86_64", "--platform", "linux-arm64"};
        assertEquals("", tool("lock", options));
        Lock lock = Lock.read(lock());
        assertEquals(Set.of("parcel==1.0", "stamp==1.0", "stamp==2.0"), wheels(lock).keySet());
        assertEquals(old, wheels(lock).get("stamp==2.0").get("linux-x86_64").sha256); // not the newer wheel
        List<String> install = new ArrayList<>(List.of(options));
        install.addAll(List.of("--out", folder.resolve("out").toString()));
        assertEquals("", tool("install", install.toArray(new String[0])));

        Files.writeString(file, "stamp --hash=sha256:" + arm + "\n");
        contains(tool("lock", options), "stamp==2.0 has no wheel for the platform linux-x86_64 with a hash that is declared, but stamp-2.0-");
        for (String option : new String[] {"-r other.txt", "--index-url https://x", "stamp --no-binary", "stamp --hash=md5:12"}) {
            Files.writeString(file, option + "\n");
            contains(tool("lock", options), "'" + option + "': only packages may stand there");
        }
    }

    @Test
    void aPackageWithoutAWheelForAPlatformIsNamedWithIt() {
        contains(tool("lock", "--package", "stamp==2.0", "--platform", "linux-x86_64", "--platform", "linux-arm64"),
                "cannot be locked for the platform linux-arm64", "stamp==2.0 has no wheels with a matching platform tag");
        assertFalse(Files.exists(lock()));
        contains(tool("lock", "--package", "stamp==2.0", "--platform", "linux-sparc"), "There is no platform linux-sparc");
    }

    @Test
    void aDeclarationThatTheLockDoesNotHaveIsAnError() throws IOException {
        contains(tool("install", parcel("--out", folder.resolve("out").toString())), "There is no lock file " + lock() + ": write it by Gradle's task lockPython or by mvn io.github.python4j:python4j-maven-plugin:lock, and");
        assertEquals("", tool("lock", PARCEL));
        Path requirements = Files.writeString(folder.resolve("requirements.txt"), "# one\nstamp  # two\n");
        contains(tool("install", "--package", "parcel==1.1", "--platform", "linux-x86_64", "--requirements", requirements.toString(),
                "--python", "3.9", "--out", folder.resolve("out").toString()), "Lock again by Gradle's task lockPython or by mvn io.github.python4j:python4j-maven-plugin:lock.",
                "the package parcel==1.1 is declared and not locked", "the package parcel==1.0 is locked and not declared",
                "the package stamp is declared and not locked", "the platform windows-x86_64 is locked and not declared",
                "Python 3.9 is declared");
        Files.writeString(requirements, "-r other.txt\n");
        contains(tool("lock", "--requirements", requirements.toString()), "only packages may stand there");
    }

    @Test
    void theSameLockGivesTheSameBytes() throws IOException {
        assertEquals("", tool("lock", PARCEL));
        Path sources = Files.createDirectories(folder.resolve("src/own"));
        Files.writeString(sources.resolve("b.py"), "B = 1\n");
        Files.writeString(sources.resolve("a.py"), "A = 1\n");
        for (String out : List.of("one/resources", "two/resources")) {
            assertEquals("", tool("install", parcel("--out", folder.resolve(out).toString(), "--sources", folder.resolve("src").toString())));
            Files.setLastModifiedTime(sources.resolve("a.py"), FileTime.fromMillis(1));
        }
        try (var files = Files.list(folder.resolve("one/resources").resolve(Index.FOLDER))) {
            List<String> names = new ArrayList<>();
            for (Path file : (Iterable<Path>) files.sorted()::iterator) {
                assertArrayEquals(Files.readAllBytes(file),
                        Files.readAllBytes(folder.resolve("two/resources").resolve(Index.FOLDER).resolve(file.getFileName())));
                names.add(file.getFileName().toString());
            }
            assertEquals(List.of("packages.txt", "parcel-1.0-py3-none-any.whl", "sources.zip",
                    "stamp-1.0-py3-none-manylinux_2_17_aarch64.whl", "stamp-2.0-py3-none-manylinux_2_28_x86_64.whl"), names);
        }
        Index windows = Index.read(Files.readAllBytes(folder.resolve("one/resources").resolve(Index.NAME)), "windows-x86_64");
        assertEquals(1, windows.wheels.size());
        assertEquals(List.of("linux-arm64", "linux-x86_64", "windows-x86_64"), windows.platforms);
    }

    @Test
    void besideTheJarIsAFolderForEachPlatform() throws IOException {
        assertEquals("", tool("lock", PARCEL));
        assertEquals("", tool("install", parcel("--out", folder.resolve("build/resources").toString(), "--packaging", "beside")));
        assertTrue(Files.exists(folder.resolve("build/python-packages/linux-arm64/stamp.py")));
        assertFalse(Files.exists(folder.resolve("build/python-packages/windows-x86_64/stamp.py")));
        assertEquals("python-packages",
                Index.read(Files.readAllBytes(folder.resolve("build/resources").resolve(Index.NAME)), "linux-arm64").folder);
        contains(tool("install", parcel("--out", folder.resolve("out").toString(), "--packaging", "somewhere")), "packaging is 'somewhere'");
    }

    @Test
    void aTamperedWheelIsRefusedWithItsName() throws IOException {
        assertEquals("", tool("lock", PARCEL));
        text = "something else";
        wheel("parcel", "1.0", "py3-none-any", "");
        contains(tool("install", parcel("--out", folder.resolve("out").toString())), "parcel-1.0-py3-none-any.whl is not the file that was locked");
    }

    /** A package index of this JVM's, as pip's own configuration names one; uv is there already. */
    @Test
    void pipsConfigurationNamesTheIndex() throws Exception {
        assertEquals("", tool("lock", PARCEL));
        Files.delete(lock());
        List<String> asked = Collections.synchronizedList(new ArrayList<>());
        HttpServer index = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        index.createContext("/", exchange -> {
            String path = exchange.getRequestURI().getPath();
            asked.add(path);
            byte[] body = new byte[0];
            if (path.endsWith(".whl")) {
                body = Files.readAllBytes(wheels.resolve(path.substring(path.lastIndexOf('/') + 1)));
            } else {
                try (Stream<Path> files = Files.list(wheels)) {
                    String links = files.map(file -> file.getFileName().toString()).filter(name -> path.contains("/" + name.split("-")[0] + "/"))
                            .map(name -> "<a href='/files/" + name + "'>" + name + "</a>").collect(Collectors.joining());
                    body = links.getBytes(StandardCharsets.UTF_8);
                }
                exchange.getResponseHeaders().add("Content-Type", "text/html");
            }
            exchange.sendResponseHeaders(body.length == 0 ? 404 : 200, body.length == 0 ? -1 : body.length);
            exchange.getResponseBody().write(body);
            exchange.close();
        });
        index.start();
        try {
            String url = "http://127.0.0.1:" + index.getAddress().getPort();
            Map<String, String> environment = Map.of("PIP_INDEX_URL", url + "/simple/", "PIP_EXTRA_INDEX_URL", "");
            for (String command : new String[] {"lock", "install"}) {
                inJvm(environment, command, "--out", folder.resolve("out").toString());
            }
            Lock.read(lock()).packages.forEach(each -> each.wheels.values().forEach(wheel -> contains(wheel.url, url)));
            assertTrue(asked.contains("/simple/parcel/") && asked.contains("/files/parcel-1.0-py3-none-any.whl"), asked::toString);
        } finally {
            index.stop(0);
        }
    }

    /** The same command in a JVM of its own. */
    private void inJvm(Map<String, String> environment, String command, String... more) throws IOException {
        List<String> line = new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Dorg.eclipse.python4j.cache=" + System.getProperty("org.eclipse.python4j.cache"), "-cp",
                System.getProperty("python4j.tests.classpath"), "org.nd4j.python4j.packages.PackageTool", command, "--lock", lock().toString()));
        line.addAll(List.of(parcel(more)));
        Child.run(line, environment).check(command);
    }

    @Test
    void uvOfPathIsTakenIfItWritesLockFiles() throws IOException {
        Path asked = folder.resolve("asked");
        Path uv = folder.resolve("uv");
        for (String version : new String[] {"$(" + Resolver.uv(true) + " --version)", "uv 0.6.17", "uv 0.13.0 (9f1a2b3c4 2026-10-01)", "uv 1.0.0"}) {
            Files.writeString(uv, "#!/bin/sh\n[ $1 = --version ] && echo \"" + version + "\" && exit\necho \"$@\" > " + asked + "\nexec "
                    + Resolver.uv(true) + " \"$@\"\n");
            assertTrue(uv.toFile().setExecutable(true));
            Files.deleteIfExists(asked);
            inJvm(Map.of("PATH", folder.toString()), "lock", "--wheels", wheels.toString());
            assertEquals(!version.contains("0.6"), Files.exists(asked), version);
            assertEquals(2, Lock.read(lock()).packages.stream().filter(each -> each.name.equals("stamp")).count());
        }
    }

    @Test
    void licencesAndTheBillNameEveryPackage() throws IOException {
        assertEquals("", tool("lock", PARCEL));
        Path out = folder.resolve("reports/licences.txt");
        assertEquals("", tool("licences", parcel("--out", out.toString())));
        assertEquals("parcel==1.0\tMIT\nstamp==1.0\tGPL\nstamp==2.0\tBSD License\n", Files.readString(out));
        assertEquals("", tool("sbom", parcel("--out", out.toString(), "--name", "app", "--version", "7")));
        String bill = Files.readString(out);
        contains(bill, "\"bomFormat\": \"CycloneDX\"", "\"purl\": \"pkg:pypi/parcel@1.0\"", "\"name\": \"app\", \"version\": \"7\"",
                "\"content\": \"" + Lock.read(lock()).packages.get(0).wheels.get("linux-arm64").sha256 + "\"");
        Path script = Files.writeString(folder.resolve("read.py"), "import json, sys\nprint(len(json.load(open(sys.argv[1]))['components']))");
        assertEquals("3", new Child().run(script.toString(), out.toString()).check("json").output.trim());
    }

    /** The tests may use the Java classes, since pytest runs in this JVM. */
    @Test
    void pytestRunsInThisJvm() throws IOException {
        Path sources = Files.createDirectories(folder.resolve("main"));
        Path tests = Files.createDirectories(folder.resolve("tests"));
        String module = "own" + text.replace("-", "");
        Files.writeString(sources.resolve(module + ".py"), "def two():\n    return 2\n");
        Files.writeString(tests.resolve("test_" + module + ".py"), "import os\nimport " + module + " as own\n\ndef test_two():\n"
                + "    assert own.two() == 2\n\ndef test_here():\n    assert os.getpid() == " + ProcessHandle.current().pid()
                + "\n\ndef test_wrong():\n    assert own.two() == 3\n");
        Path report = folder.resolve("pytest.xml");
        assertEquals(1, PackageTool.run("test", "--tests", tests.toString(), "--sources", sources.toString(), "--out", report.toString()));
        contains(Files.readString(report), "tests=\"3\"", "failures=\"1\"", "name=\"test_wrong\"");
    }

    @Test
    void whatIsNoLockFileIsAnErrorWithTheLine() {
        for (String wrong : List.of("a = [1, 2", "a = \"x", "a = 1\na = 2", "[a]\n[[a]]", "a = '''x'''", "= 1", "a = \"\\q\"")) {
            assertThrows(IllegalArgumentException.class, () -> Toml.read(wrong), wrong);
        }
        Map<String, Object> read = Toml.read("# one\na.b = 'x' # two\n[[c]]\nd = [\n  {e = \"\\u00e9\\n\", f = [1, 2,]},\n]\n[c.g]\n\"h i\" = 2026-01-01T00:00:00Z\n");
        assertEquals("{a={b=x}, c=[{d=[{e=\u00e9\n, f=[1, 2]}], g={h i=2026-01-01T00:00:00Z}}]}", read.toString());
    }

    @Test
    void aCommandThatIsNoneIsAnError() {
        contains(tool("dance"), "There is no command dance");
        contains(tool("lock", "--package"), "'--package' is no option with a value");
        contains(tool("licences"), "The option --out is missing");
    }
}
