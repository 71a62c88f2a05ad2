// SPDX-License-Identifier: Apache-2.0
// Finds the versions and wheels that a declaration needs, for each platform by itself. uv does it, that of PATH or a wheel
// of PyPI; where there is none, pip's resolver does, which judges markers by the platform that it runs on.
package org.nd4j.python4j.packages;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.nd4j.python4j.PythonEnvironment;
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.internal.packages.Wheels;
import org.nd4j.python4j.internal.start.Unpacker;

/** Makes a {@link Lock}. */
final class Resolver {

    /** The release that is tried; a later one may write another text. */
    private static final String UV = "uv==0.13.9";

    /** Prints pip's report as the packages of a lock. A text in JSON is one in TOML, too. */
    private static final String REPORT = String.join("\n",
            "import json, sys",
            "for one in json.load(open(sys.argv[1], encoding='utf-8'))['install']:",
            "    info, place = one['metadata'], one['download_info']",
            "    print('[[packages]]\\nname =', json.dumps(info['name']), '\\nversion =', json.dumps(info['version']))",
            "    url, hashes = json.dumps(place['url']), json.dumps(place['archive_info']['hashes']['sha256'])",
            "    print('wheels = [{ url =', url, ', hashes = { sha256 =', hashes, '} }]')");

    private final Child python;
    private final Path wheels;

    /** {@code wheels} is a folder that is looked at in place of the package index, or null. */
    Resolver(Child python, Path wheels) {
        this.python = python;
        this.wheels = wheels;
    }

    /** Resolves; {@code with} is uv, pip, or null for the one that there is. */
    Lock resolve(Declaration declaration, List<String> constraints, String with) throws IOException {
        Path uv = "pip".equals(with) ? null : uv("uv".equals(with));
        Path folder = Files.createTempDirectory("python4j-lock-");
        try {
            Path in = Files.write(folder.resolve("requirements.txt"), declaration.plain());
            Path fixed = Files.write(folder.resolve("constraints.txt"), constraints);
            Lock lock = new Lock(declaration);
            for (String platform : declaration.platforms) {
                Path out = folder.resolve("pylock.toml");
                try {
                    String text = uv == null ? pip(declaration, Platform.of(platform), in, fixed, folder)
                            : uv(uv, declaration, Platform.of(platform), in, fixed, out);
                    take(lock, platform, text);
                } catch (PythonException e) {
                    throw new Failure("The packages cannot be locked for the platform " + platform + " and Python " + declaration.python
                            + (constraints.isEmpty() ? "" : " with " + String.join(", ", constraints) + " of the class path")
                            + ":\n" + e.getMessage());
                }
            }
            return lock;
        } finally {
            Wheels.delete(folder);
        }
    }

    private static void take(Lock lock, String platform, String text) {
        for (Map<String, Object> each : Lock.maps(Toml.read(text), "packages")) {
            Lock.Package found = new Lock.Package(normal(Lock.text(each, "name")), Lock.text(each, "version"));
            List<Lock.Wheel> wheels = Lock.wheels(each);
            if (wheels.isEmpty()) {
                throw new Failure(found + " has no wheel for the platform " + platform
                        + ", but a source distribution only: build a wheel, and name its folder as wheels");
            }
            Set<String> hashes = lock.declaration.hashes(found.name);
            lock.add(platform, found, wheels.stream().filter(wheel -> hashes.isEmpty() || hashes.contains(wheel.sha256))
                    .max(Comparator.comparing(Resolver::rank)).orElseThrow(() -> new Failure(found + " has no wheel for the platform " + platform
                            + " with a hash that is declared, but " + wheels.stream().map(wheel -> wheel.name).collect(Collectors.joining(", ")))));
        }
    }

    /** uv names the wheels that fit; that for the newest system and no other Python is the best. */
    private static String rank(Lock.Wheel wheel) {
        Matcher glibc = Pattern.compile("_2_(\\d+)_").matcher(wheel.name);
        int newest = 0;
        while (glibc.find()) {
            newest = Math.max(newest, Integer.parseInt(glibc.group(1)));
        }
        boolean any = wheel.name.endsWith("-any.whl");
        boolean exact = Pattern.compile("-cp(\\d+)-cp\\1-").matcher(wheel.name).find();
        return (any ? "0" : "1") + (exact ? "1" : "0") + String.format("%03d", newest) + wheel.name;
    }

    static String normal(String name) {
        return name.replaceAll("[-_.]+", "-").toLowerCase(Locale.ROOT);
    }

    // ---- uv ----

    /** The program, of PATH or in an environment of its own; null if it cannot be had. */
    static Path uv(boolean needed) throws IOException {
        Path installed = uvOfPath();
        if (installed != null) {
            return installed;
        }
        try {
            Path folder = PythonEnvironment.create(Unpacker.cache().resolve("tools").resolve(UV.replace("==", "-"))).install(UV).folder();
            return folder.resolve(File.separatorChar == '\\' ? "Scripts\\uv.exe" : "bin/uv");
        } catch (PythonException e) {
            if (needed) {
                throw e;
            }
            System.err.println("pip resolves, since there is no uv: " + e.getMessage());
            return null;
        }
    }

    /** One that writes lock files; null if there is none. */
    private static Path uvOfPath() throws IOException {
        for (String folder : String.valueOf(System.getenv("PATH")).split(File.pathSeparator)) {
            Path uv = Path.of(folder, File.separatorChar == '\\' ? "uv.exe" : "uv");
            if (uv.isAbsolute() && Files.isExecutable(uv)) {
                String version = Child.run(List.of(uv.toString(), "--version"), Map.of()).output;
                return version.matches("(?s)uv (0\\.([7-9]|\\d{2,})|[1-9]\\d*)\\..*") ? uv : null;
            }
        }
        return null;
    }

    private String uv(Path uv, Declaration declaration, Platform platform, Path in, Path fixed, Path out) throws IOException {
        List<String> command = new ArrayList<>(Arrays.asList(uv.toString(), "pip", "compile", "--quiet", "--no-config", "--no-header",
                "--no-python-downloads", "--python", python.executable(), "--format", "pylock.toml", "--only-binary", ":all:",
                "--python-platform", platform.uv, "--python-version", declaration.python, "-c", fixed.toString(),
                in.toString(), "-o", out.toString()));
        Files.deleteIfExists(out);
        command.addAll(wheels != null ? Arrays.asList("--no-index", "--find-links", wheels.toString()) : pipsIndexes());
        Child.run(command, Map.of("NO_COLOR", "1")).check("uv finds no solution");
        return Files.readString(out);
    }

    /** The mirrors of pip's own configuration, for uv, which has another one. */
    private List<String> pipsIndexes() throws IOException {
        List<String> options = new ArrayList<>();
        if (System.getenv("UV_DEFAULT_INDEX") != null || System.getenv("UV_INDEX_URL") != null) {
            return options;
        }
        String text = python.run("-m", "pip", "config", "list").check("pip's configuration cannot be read").output;
        for (String line : text.split("\\R")) {
            int mark = line.indexOf('=');
            String name = mark < 0 ? "" : line.substring(0, mark).replaceFirst("^(global|install|download|:env:)\\.", "");
            String value = mark < 0 ? "" : line.substring(mark + 1).replaceAll("^'|'$", "");
            String option = name.equals("index-url") ? "--default-index" : name.equals("extra-index-url") ? "--index"
                    : name.equals("find-links") ? "--find-links" : null;
            for (String one : value.split("\\\\n|\\s+")) {
                if (option != null && !one.isEmpty() && (one.contains("://") || new File(one).exists())) {
                    options.addAll(Arrays.asList(option, one));
                }
            }
            if (name.equals("no-index") && value.matches("1|true|yes|on")) {
                options.add("--no-index");
            }
        }
        return options;
    }

    // ---- pip ----

    private String pip(Declaration declaration, Platform platform, Path in, Path fixed, Path folder) throws IOException {
        Path report = folder.resolve("report.json");
        List<String> command = new ArrayList<>(Arrays.asList("-m", "pip", "--disable-pip-version-check", "--no-input", "install",
                "--quiet", "--dry-run", "--ignore-installed", "--target", folder.resolve("none").toString(), "--report", report.toString(),
                "-r", in.toString(), "-c", fixed.toString()));
        command.addAll(pipsTags(declaration.python, platform));
        if (wheels != null) {
            command.addAll(Arrays.asList("--no-index", "--find-links", wheels.toString()));
        }
        python.run(command.toArray(new String[0])).check("pip finds no solution");
        Path script = Files.write(folder.resolve("report.py"), REPORT.getBytes(StandardCharsets.UTF_8));
        return python.run(script.toString(), report.toString()).check("pip's report cannot be read").output;
    }

    /** The options by which pip takes the wheels of another platform. */
    static List<String> pipsTags(String version, Platform platform) {
        List<String> options = new ArrayList<>(Arrays.asList("--only-binary=:all:", "--implementation", "cp", "--python-version", version,
                "--abi", "cp" + version.replace(".", ""), "--abi", "abi3", "--abi", "none"));
        for (String tag : platform.tags()) {
            options.addAll(Arrays.asList("--platform", tag));
        }
        return options;
    }
}
