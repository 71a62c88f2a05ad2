// SPDX-License-Identifier: Apache-2.0
// A package of the tests' own for pip to install: a project in a folder, and wheels of it. It needs
// no network, so that the tests of pip need none.
package org.nd4j.python4j;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

final class DemoPackage {
    /** What pip calls it; the module is {@code python4j_demo}. */
    static final String NAME = "python4j-demo";

    private DemoPackage() {}

    /** A project, with setup.py, whose module says its version and where it is. */
    static Path project(Path folder, String version) throws IOException {
        Files.createDirectories(folder);
        Files.write(folder.resolve("VERSION"), List.of(version));
        Files.write(folder.resolve("python4j_demo.py"), List.of("VERSION = '" + version + "'"));
        Files.write(folder.resolve("setup.py"), List.of("raise SystemExit('pyproject.toml says how to build')"));
        Files.write(folder.resolve("pyproject.toml"), List.of(
                "[build-system]", "requires = []", "build-backend = \"demo_backend\"", "backend-path = [\".\"]"));
        try (InputStream backend = DemoPackage.class.getResourceAsStream("packages/demo_backend.py")) {
            Files.write(folder.resolve("demo_backend.py"), backend.readAllBytes());
        }
        return folder;
    }

    /** A wheel of a version, in that folder. */
    static Path wheel(Path folder, String version) throws Exception {
        Path project = project(folder.resolve("demo-" + version), version);
        String name = PythonProcess.runAndReturn(
                project.resolve("demo_backend.py").toString(), project.toString(), folder.toString());
        return folder.resolve(name.strip());
    }
}
