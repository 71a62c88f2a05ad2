// SPDX-License-Identifier: Apache-2.0
// Runs pytest in the Python of this JVM, so that Python code which calls Java can be tested with the Java classes.
package org.nd4j.python4j.packages;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.nd4j.python4j.Python;
import org.nd4j.python4j.PythonGC;
import org.nd4j.python4j.PythonGIL;
import org.nd4j.python4j.PythonObject;
import org.nd4j.python4j.PythonTypes;
import org.nd4j.python4j.internal.packages.Folders;
import org.nd4j.python4j.internal.start.Unpacker;

/** pytest has a folder of its own at the end of {@code sys.path}, so that a locked package comes first. */
final class Pytest {

    static final String RELEASE = "pytest==9.0.2";

    private static final String RUN = String.join("\n",
            "import sys",
            "sys.path[:0] = front",
            "sys.path.append(folder)",
            "import pytest",
            "status = int(pytest.main(['-p', 'no:cacheprovider', '--rootdir', tests, '--junitxml', report, tests]))",
            "sys.stdout.flush()",
            "sys.stderr.flush()");

    private Pytest() {}

    /** The folder of a release, which is installed once for each version of Python. */
    static Path install(Child python, String release, Path wheels) throws IOException {
        Path folder = Unpacker.cache().resolve("tools").resolve(release.replaceAll("[^A-Za-z0-9.]+", "-") + "-" + python.version());
        Files.createDirectories(folder.getParent());
        try (Unpacker.Lock lock = Unpacker.Lock.take(folder.resolveSibling("pytest.lock"))) {
            if (!Files.exists(folder.resolve("pytest"))) {
                Path aside = Unpacker.aside(folder);
                List<String> command = new ArrayList<>(Arrays.asList("-m", "pip", "--disable-pip-version-check", "--no-input", "install",
                        "--quiet", "--target", aside.toString(), release));
                if (wheels != null) {
                    command.addAll(Arrays.asList("--no-index", "--find-links", wheels.toString()));
                }
                python.run(command.toArray(new String[0])).check(release + " cannot be installed");
                Folders.move(aside, folder);
            }
        }
        return folder;
    }

    /** Runs the tests of a folder; pytest's exit status, 0 if all passed. */
    static int run(Path folder, Path tests, String sources, Path report) {
        List<String> front = new ArrayList<>(Collections.singletonList(tests.toString()));
        if (sources != null) {
            front.add(Path.of(sources).toAbsolutePath().toString());
        }
        Map<String, Object> names = new HashMap<>();
        names.put("front", front);
        names.put("folder", folder.toString());
        names.put("tests", tests.toString());
        names.put("report", report.toString());
        try (PythonGIL gil = PythonGIL.lock(); PythonGC gc = PythonGC.watch()) {
            PythonObject scope = PythonTypes.convert(names);
            Python.attr("exec").call(RUN, scope);
            return Python.attr("dict").attr("get").call(scope, "status").toInt();
        }
    }
}
