// SPDX-License-Identifier: Apache-2.0
// The program that the plugins for Gradle and Maven run, in a JVM of its own with the class path of the user's program:
// so the interpreter and the numpy of that class path decide. It can be run by hand as well.
package org.nd4j.python4j.packages;

import java.io.File;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.nd4j.python4j.PythonEnvironment;
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.internal.packages.Folders;
import org.nd4j.python4j.internal.packages.Index;
import org.nd4j.python4j.internal.packages.Wheels;
import org.nd4j.python4j.internal.start.NativeLoader;

/**
 * Locks Python packages and puts them where the class path finds them:
 *
 * <pre>
 * java -cp 'lib/*' org.nd4j.python4j.packages.PackageTool COMMAND --OPTION VALUE ...
 *
 * lock        writes --lock
 * install     writes the index and the wheels into --out, for the class path
 * licences    writes a line for each package to --out
 * sbom        writes a bill of materials (CycloneDX) to --out, for the program --name and --version
 * test        runs --pytest over --tests inside this JVM, with a report for JUnit in --out
 *
 * --package, --platform   as often as there are any: {@code scikit-learn==1.9.1}, {@code linux-x86_64}
 * --requirements          a file with a package in each line
 * --python                the version, {@code 3.14}; else that of the interpreter
 * --sources               the folder of the program's own Python files
 * --packaging             jar, beside, or the absolute path of a folder
 * --wheels                a folder of wheels, in place of the package index
 * --resolver              uv or pip
 * </pre>
 *
 * <p>The exit status is 0, or 1 with the reason on stderr.
 */
public final class PackageTool {

    /** The folder beside the jar. */
    static final String BESIDE = "python-packages";

    private final Map<String, List<String>> options = new HashMap<>();
    private final Child python = new Child();

    private PackageTool(List<String> arguments) {
        for (int i = 0; i < arguments.size(); i += 2) {
            if (!arguments.get(i).startsWith("--") || i + 1 == arguments.size()) {
                throw new Failure("'" + arguments.get(i) + "' is no option with a value");
            }
            options.computeIfAbsent(arguments.get(i).substring(2), key -> new ArrayList<>()).add(arguments.get(i + 1));
        }
    }

    /** The program. */
    public static void main(String[] arguments) {
        System.exit(run(arguments));
    }

    static int run(String... arguments) {
        try {
            if (arguments.length == 0) {
                throw new Failure("A command is missing: lock, install, licences, sbom or test");
            }
            PackageTool tool = new PackageTool(Arrays.asList(arguments).subList(1, arguments.length));
            switch (arguments[0]) {
                case "lock": tool.lock(); return 0;
                case "install": tool.install(); return 0;
                case "licences": tool.write(tool.bill().licences()); return 0;
                case "sbom": tool.write(tool.bill().cyclonedx(tool.one("name", "program"), tool.one("version", "0"))); return 0;
                case "test": return tool.test();
                default: throw new Failure("There is no command " + arguments[0]);
            }
        } catch (Failure | PythonException e) {
            System.err.println(e.getMessage());
        } catch (IOException | UncheckedIOException e) {
            System.err.println(e.getClass() == IOException.class ? e.getMessage() : e.toString());
        }
        return 1;
    }

    // ---- options ----

    private String one(String name, String otherwise) {
        List<String> values = options.get(name);
        return values == null || values.get(0).isEmpty() ? otherwise : values.get(0);
    }

    private Path path(String name) {
        String value = one(name, null);
        if (value == null) {
            throw new Failure("The option --" + name + " is missing");
        }
        return Path.of(value).toAbsolutePath();
    }

    private List<String> all(String name) {
        return options.getOrDefault(name, List.of());
    }

    private Path wheels() {
        return one("wheels", null) == null ? null : path("wheels");
    }

    private Declaration declaration() throws IOException {
        List<String> packages = new ArrayList<>(all("package"));
        if (one("requirements", null) != null) {
            packages.addAll(Declaration.requirements(path("requirements")));
        }
        packages.replaceAll(String::trim);
        List<String> platforms = all("platform").isEmpty() ? List.of(NativeLoader.platform()) : all("platform");
        platforms.forEach(Platform::of);
        return new Declaration(one("python", python.version()), platforms, packages);
    }

    /** The lock, which must be the one of the declaration. */
    private Lock locked() throws IOException {
        Declaration declaration = declaration();
        if (declaration.packages.isEmpty()) {
            return new Lock(declaration);
        }
        Lock lock = Lock.read(path("lock"));
        declaration.compare(lock.declaration, path("lock"));
        return lock;
    }

    // ---- commands ----

    private void lock() throws IOException {
        Declaration declaration = declaration();
        Lock lock = new Lock(declaration);
        if (!declaration.packages.isEmpty()) {
            lock = new Resolver(python, wheels()).resolve(declaration, brought(), one("resolver", null));
        }
        lock.write(path("lock"));
        System.out.println(path("lock") + ": " + lock.packages.size() + " packages for " + String.join(", ", declaration.platforms));
    }

    /** The packages that the class path brings, numpy say: a lock takes these versions, and no jar has them twice. */
    private static List<String> brought() throws IOException {
        List<String> brought = new ArrayList<>();
        for (File folder : PythonEnvironment.packages()) {
            try (DirectoryStream<Path> found = Files.newDirectoryStream(folder.toPath(), "*-*.dist-info")) {
                for (Path info : found) {
                    String[] parts = info.getFileName().toString().replaceFirst("\\.dist-info$", "").split("-", 2);
                    brought.add(Resolver.normal(parts[0]) + "==" + parts[1]);
                }
            }
        }
        return brought;
    }

    private void install() throws IOException {
        Path out = path("out");
        Path folder = out.resolve(Index.FOLDER);
        String packaging = one("packaging", "jar");
        Lock lock = locked();
        List<String> lines = new ArrayList<>();
        Wheels.delete(folder);
        Files.createDirectories(folder);
        Map<String, Map<Lock.Package, Path>> shipped = new TreeMap<>();
        for (String platform : lock.packages.isEmpty() ? List.<String>of() : lock.declaration.platforms) {
            shipped.put(platform, shipped(lock, platform));
        }
        if (shipped.values().stream().anyMatch(wheels -> !wheels.isEmpty())) {
            lines.add("python " + lock.declaration.python);
            lines.add("platforms " + String.join(" ", lock.declaration.platforms));
            if (packaging.equals("jar")) {
                lines.addAll(resources(shipped, folder));
            } else {
                boolean beside = packaging.equals("beside");
                Path target = beside ? out.resolveSibling(BESIDE) : Path.of(packaging);
                if (!target.isAbsolute()) {
                    throw new Failure("packaging is '" + packaging + "', and may be jar, beside, or the absolute path of a folder");
                }
                for (Map.Entry<String, Map<Lock.Package, Path>> each : shipped.entrySet()) {
                    unpack(each.getValue(), target, each.getKey());
                }
                lines.add("folder " + (beside ? BESIDE : packaging));
            }
        }
        if (one("sources", null) != null && Files.isDirectory(path("sources"))) {
            Path zip = folder.resolve("sources.zip");
            zip(path("sources"), zip);
            lines.add("sources " + Wheels.sha256(zip) + " " + zip.getFileName());
        }
        if (!lines.isEmpty()) {
            Files.write(out.resolve(Index.NAME), Index.write(lines));
        }
    }

    /** The wheels of a platform, without those that the class path brings in the same version. */
    private Map<Lock.Package, Path> shipped(Lock lock, String platform) throws IOException {
        Map<Lock.Package, Path> files = new Store(python, wheels()).fetch(lock, platform);
        for (String brought : brought()) {
            String name = brought.substring(0, brought.indexOf("==") + 2);
            files.keySet().removeIf(each -> {
                if (each.toString().startsWith(name) && !each.toString().equals(brought)) {
                    throw new Failure("The lock has " + each + ", and the class path brings " + brought + ". Lock again by " + Lock.BY);
                }
                return each.toString().equals(brought);
            });
        }
        return files;
    }

    /** Copies the wheels beside the index; the lines that name them. */
    private static List<String> resources(Map<String, Map<Lock.Package, Path>> shipped, Path folder) throws IOException {
        Map<String, List<String>> whose = new TreeMap<>();
        for (Map.Entry<String, Map<Lock.Package, Path>> platform : shipped.entrySet()) {
            for (Map.Entry<Lock.Package, Path> each : platform.getValue().entrySet()) {
                Lock.Wheel wheel = each.getKey().wheels.get(platform.getKey());
                Files.copy(each.getValue(), folder.resolve(wheel.name), StandardCopyOption.REPLACE_EXISTING);
                whose.computeIfAbsent(wheel.sha256 + " " + wheel.name, key -> new ArrayList<>()).add(platform.getKey());
            }
        }
        List<String> lines = new ArrayList<>();
        whose.forEach((wheel, platforms) -> {
            for (String platform : platforms.size() == shipped.size() ? List.of("any") : platforms) {
                lines.add("wheel " + platform + " " + wheel);
            }
        });
        return lines.stream().sorted().collect(Collectors.toList());
    }

    private static void unpack(Map<Lock.Package, Path> wheels, Path parent, String platform) throws IOException {
        List<Index.Entry> entries = new ArrayList<>();
        Map<String, Path> files = new HashMap<>();
        wheels.forEach((each, file) -> {
            Lock.Wheel wheel = each.wheels.get(platform);
            entries.add(new Index.Entry(wheel.sha256, wheel.name));
            files.put(wheel.name, file);
        });
        Path unpacked = Wheels.unpack(entries, name -> Files.newInputStream(files.get(name)), parent);
        Wheels.delete(parent.resolve(platform));
        Folders.move(unpacked, parent.resolve(platform));
    }

    /** The files of a folder as a zip with the same bytes on every machine: sorted, not compressed, without times. */
    private static void zip(Path folder, Path file) throws IOException {
        TreeMap<String, Path> files = new TreeMap<>();
        try (Stream<Path> all = Files.walk(folder)) {
            all.filter(Files::isRegularFile).filter(each -> !each.toString().contains("__pycache__"))
                    .forEach(each -> files.put(folder.relativize(each).toString().replace('\\', '/'), each));
        }
        try (OutputStream out = Files.newOutputStream(file); ZipOutputStream zip = new ZipOutputStream(out)) {
            zip.setMethod(ZipOutputStream.STORED);
            for (Map.Entry<String, Path> each : files.entrySet()) {
                byte[] content = Files.readAllBytes(each.getValue());
                CRC32 checksum = new CRC32();
                checksum.update(content);
                ZipEntry entry = new ZipEntry(each.getKey());
                entry.setTimeLocal(LocalDateTime.of(1980, 1, 1, 0, 0));
                entry.setSize(content.length);
                entry.setCrc(checksum.getValue());
                zip.putNextEntry(entry);
                zip.write(content);
            }
        }
    }

    private Bill bill() throws IOException {
        Bill bill = new Bill();
        Lock lock = locked();
        for (String platform : lock.packages.isEmpty() ? List.<String>of() : lock.declaration.platforms) {
            bill.add(new Store(python, wheels()).fetch(lock, platform));
        }
        return bill;
    }

    private void write(String text) throws IOException {
        Files.createDirectories(path("out").getParent());
        Files.write(path("out"), text.getBytes(StandardCharsets.UTF_8));
        System.out.println(path("out"));
    }

    private int test() throws IOException {
        Path folder = Pytest.install(python, one("pytest", Pytest.RELEASE), wheels());
        Files.createDirectories(path("out").getParent());
        return Pytest.run(folder, path("tests"), one("sources", null), path("out"));
    }
}
