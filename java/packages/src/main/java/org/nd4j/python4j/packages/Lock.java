// SPDX-License-Identifier: Apache-2.0
// The lock file: pylock.toml of PEP 751, which uv and pip read as well. What is ours in it stands in tool.python4j: the
// declaration that was locked, and which wheel is whose platform's. Resolver finds the packages, Toml reads the text.
package org.nd4j.python4j.packages;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** What was declared, and the wheels of it. */
final class Lock {

    /** A wheel; one of {@code url} and {@code path} says where it is. */
    static final class Wheel {
        final String name;
        final String sha256;
        final String url;
        final String path;

        Wheel(String name, String sha256, String url, String path) {
            this.name = name;
            this.sha256 = sha256;
            this.url = url;
            this.path = path;
        }
    }

    /** One version of a package, with its wheel for each platform that needs it. */
    static final class Package {
        final String name;
        final String version;
        final Map<String, Wheel> wheels = new TreeMap<>();

        Package(String name, String version) {
            this.name = name;
            this.version = version;
        }

        @Override
        public String toString() {
            return name + "==" + version;
        }
    }

    /** What writes a lock file, for messages. */
    static final String BY = "Gradle's task lockPython or by mvn io.github.python4j:python4j-maven-plugin:lock";

    final Declaration declaration;
    final List<Package> packages = new ArrayList<>();

    Lock(Declaration declaration) {
        this.declaration = declaration;
    }

    /** Adds what one platform needs. */
    void add(String platform, Package found, Wheel wheel) {
        for (Package known : packages) {
            if (known.toString().equals(found.toString())) {
                known.wheels.put(platform, wheel);
                return;
            }
        }
        found.wheels.put(platform, wheel);
        packages.add(found);
    }

    // ---- reading ----

    /** Reads a lock file that {@link #write} wrote. */
    static Lock read(Path file) throws IOException {
        if (!Files.exists(file)) {
            throw new Failure("There is no lock file " + file + ": write it by " + BY + ", and keep it with the sources");
        }
        try {
            Map<String, Object> root = Toml.read(Files.readString(file));
            Map<String, Object> tool = map(map(root, "tool"), "python4j");
            if (!"1.0".equals(root.get("lock-version")) || tool.isEmpty()) {
                throw new IllegalArgumentException("it is not one that python4j wrote");
            }
            Lock lock = new Lock(new Declaration(text(tool, "python"), texts(tool, "platforms"), texts(tool, "declared")));
            for (Map<String, Object> each : maps(root, "packages")) {
                Package found = new Package(text(each, "name"), text(each, "version"));
                Map<String, Wheel> wheels = new LinkedHashMap<>();
                for (Wheel wheel : wheels(each)) {
                    wheels.put(wheel.name, wheel);
                }
                for (Map.Entry<String, Object> whose : map(map(map(each, "tool"), "python4j"), "wheels").entrySet()) {
                    Wheel wheel = wheels.get(String.valueOf(whose.getValue()));
                    if (wheel == null) {
                        throw new IllegalArgumentException(found + " has no wheel " + whose.getValue());
                    }
                    found.wheels.put(whose.getKey(), wheel);
                }
                lock.packages.add(found);
            }
            return lock;
        } catch (IllegalArgumentException e) {
            throw new Failure("The lock file " + file + " cannot be read: " + e.getMessage() + ". Write it anew by " + BY);
        }
    }

    /** The wheels of an entry of {@code packages}. */
    static List<Wheel> wheels(Map<String, Object> entry) {
        List<Wheel> wheels = new ArrayList<>();
        for (Map<String, Object> each : maps(entry, "wheels")) {
            Object url = each.get("url");
            Object path = each.get("path");
            Object name = each.get("name");
            String place = String.valueOf(url == null ? path : url);
            String file = name == null ? place.substring(place.lastIndexOf('/') + 1) : name.toString();
            wheels.add(new Wheel(file.replace("%2B", "+"), text(map(each, "hashes"), "sha256"), url == null ? null : url.toString(),
                    path == null ? null : path.toString()));
        }
        return wheels;
    }

    @SuppressWarnings("unchecked") // Toml makes such maps only
    static Map<String, Object> map(Map<String, Object> table, String name) {
        Object value = table.get(name);
        return value instanceof Map ? (Map<String, Object>) value : Collections.emptyMap();
    }

    @SuppressWarnings("unchecked") // as above
    static List<Map<String, Object>> maps(Map<String, Object> table, String name) {
        Object value = table.get(name);
        List<Map<String, Object>> maps = new ArrayList<>();
        for (Object each : value instanceof List ? (List<Object>) value : Collections.emptyList()) {
            if (each instanceof Map) {
                maps.add((Map<String, Object>) each);
            }
        }
        return maps;
    }

    private static List<String> texts(Map<String, Object> table, String name) {
        Object value = table.get(name);
        return value instanceof List ? ((List<?>) value).stream().map(String::valueOf).collect(Collectors.toList()) : List.of();
    }

    static String text(Map<String, Object> table, String name) {
        Object value = table.get(name);
        if (!(value instanceof String)) {
            throw new IllegalArgumentException("there is no " + name + " in " + table);
        }
        return (String) value;
    }

    // ---- writing ----

    /** Writes the lock; the same packages give the same bytes. */
    void write(Path file) throws IOException {
        StringBuilder text = new StringBuilder("# Written by lockPython. uv and pip read it as well (PEP 751).\n");
        line(text, "lock-version", "1.0");
        text.append("environments = ").append(list(declaration.platforms.stream().map(Platform::marker))).append('\n');
        line(text, "requires-python", "==" + declaration.python + ".*");
        line(text, "created-by", "python4j");
        packages.sort(Comparator.comparing((Package each) -> each.name).thenComparing(each -> each.version));
        for (Package each : packages) {
            text.append("\n[[packages]]\n");
            line(text, "name", each.name);
            line(text, "version", each.version);
            if (!each.wheels.keySet().containsAll(declaration.platforms)) {
                line(text, "marker", each.wheels.keySet().stream().map(Platform::marker).map(marker -> "(" + marker + ")")
                        .collect(Collectors.joining(" or ")));
            }
            Map<String, Wheel> wheels = new TreeMap<>();
            each.wheels.values().forEach(wheel -> wheels.put(wheel.name, wheel));
            text.append("wheels = [\n");
            for (Wheel wheel : wheels.values()) {
                text.append("    { name = ").append(quote(wheel.name)).append(wheel.url == null ? ", path = " + quote(wheel.path)
                        : ", url = " + quote(wheel.url)).append(", hashes = { sha256 = ").append(quote(wheel.sha256)).append(" } },\n");
            }
            text.append("]\n[packages.tool.python4j.wheels]\n");
            each.wheels.forEach((platform, wheel) -> line(text, platform, wheel.name));
        }
        text.append("\n[tool.python4j]\n");
        line(text, "python", declaration.python);
        text.append("platforms = ").append(list(declaration.platforms.stream())).append('\n');
        text.append("declared = ").append(list(declaration.packages.stream())).append('\n');
        Files.write(file, text.toString().getBytes(StandardCharsets.UTF_8));
    }

    private static void line(StringBuilder text, String name, String value) {
        text.append(name).append(" = ").append(quote(value)).append('\n');
    }

    private static String list(Stream<String> values) {
        return values.map(Lock::quote).collect(Collectors.joining(", ", "[", "]"));
    }

    /** A string of TOML, and of JSON. */
    static String quote(String value) {
        StringBuilder quoted = new StringBuilder("\"");
        for (char c : value.toCharArray()) {
            if (c == '"' || c == '\\') {
                quoted.append('\\').append(c);
            } else if (c < ' ') {
                quoted.append(String.format(Locale.ROOT, "\\u%04x", (int) c));
            } else {
                quoted.append(c);
            }
        }
        return quoted.append('"').toString();
    }
}
