// SPDX-License-Identifier: Apache-2.0
// What a program ships of Python: the licences that the wheels name, and a bill of materials (CycloneDX 1.5).
package org.nd4j.python4j.packages;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;
import java.util.stream.Collectors;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;

/** Packages with the wheels of one platform or of several. */
final class Bill {
    private final Map<String, Lock.Package> packages = new TreeMap<>();
    private final Map<String, String> licences = new TreeMap<>();

    /** Adds the packages of a platform. */
    void add(Map<Lock.Package, Path> wheels) throws IOException {
        for (Map.Entry<Lock.Package, Path> each : wheels.entrySet()) {
            String name = each.getKey().toString();
            packages.put(name, each.getKey());
            if (!licences.containsKey(name)) {
                licences.put(name, licence(each.getValue()));
            }
        }
    }

    /** The licence as the wheel's METADATA names it: the expression, else the classifiers, else the text's first line. */
    private static String licence(Path wheel) throws IOException {
        try (ZipFile zip = new ZipFile(wheel.toFile())) {
            for (ZipEntry entry : Collections.list(zip.entries())) {
                if (entry.getName().matches("[^/]+\\.dist-info/METADATA")) {
                    try (InputStream in = zip.getInputStream(entry)) {
                        return licence(new String(in.readAllBytes(), StandardCharsets.UTF_8));
                    }
                }
            }
        }
        return "unknown";
    }

    static String licence(String metadata) {
        List<String> classifiers = new ArrayList<>();
        String text = "unknown";
        for (String line : metadata.split("\\R\\R", 2)[0].split("\\R")) {
            if (line.startsWith("License-Expression: ")) {
                return line.substring("License-Expression: ".length()).trim();
            }
            if (line.startsWith("Classifier: License :: ")) {
                classifiers.add(line.substring(line.lastIndexOf(":: ") + 3).trim());
            }
            if (line.startsWith("License: ")) {
                text = line.substring("License: ".length()).trim();
            }
        }
        return classifiers.isEmpty() ? text : String.join(", ", classifiers);
    }

    /** A line for each package. */
    String licences() {
        return licences.entrySet().stream().map(each -> each.getKey() + "\t" + each.getValue() + "\n").collect(Collectors.joining());
    }

    /** The bill as JSON. The same packages give the same bytes: it has no date. */
    String cyclonedx(String name, String version) {
        List<String> components = new ArrayList<>();
        for (Lock.Package each : packages.values()) {
            String purl = Lock.quote("pkg:pypi/" + each.name + "@" + each.version);
            String hashes = each.wheels.values().stream().map(wheel -> wheel.sha256).distinct().sorted()
                    .map(sha -> "{\"alg\": \"SHA-256\", \"content\": \"" + sha + "\"}").collect(Collectors.joining(", "));
            components.add("    {\"type\": \"library\", \"bom-ref\": " + purl + ", \"name\": " + Lock.quote(each.name) + ", \"version\": "
                    + Lock.quote(each.version) + ", \"purl\": " + purl + ",\n     \"licenses\": [{\"license\": {\"name\": "
                    + Lock.quote(licences.get(each.toString())) + "}}],\n     \"hashes\": [" + hashes + "]}");
        }
        String body = "  \"metadata\": {\"component\": {\"type\": \"application\", \"name\": " + Lock.quote(name) + ", \"version\": "
                + Lock.quote(version) + "}},\n  \"components\": [\n" + String.join(",\n", components) + "\n  ]\n}\n";
        return "{\n  \"bomFormat\": \"CycloneDX\",\n  \"specVersion\": \"1.5\",\n  \"serialNumber\": \"urn:uuid:"
                + UUID.nameUUIDFromBytes(body.getBytes(StandardCharsets.UTF_8)) + "\",\n  \"version\": 1,\n" + body;
    }
}
