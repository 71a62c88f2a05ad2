// SPDX-License-Identifier: Apache-2.0
// The programs of docs/ that need ND4J: each compiles, runs, and prints what the text block after it
// says. The others are run by the tests of the core.
package org.nd4j.python4j.numpy;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.File;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DocsTest {
    private static final Pattern PROGRAM =
            Pattern.compile("```java\\n(import .*?public class (\\w+).*?)```\\n```text\\n(.*?)```", Pattern.DOTALL);

    @Test
    void everyProgramWithArraysRuns(@TempDir Path folder) throws Exception {
        Path page = Path.of(System.getProperty("python4j.tests.pack"), "../../docs/numpy-and-buffers.md").normalize();
        String classPath = folder + File.pathSeparator + System.getProperty("python4j.tests.classpath");
        Matcher programs = PROGRAM.matcher(Files.readString(page));
        int count = 0;
        for (; programs.find(); count++) {
            Path source = Files.writeString(folder.resolve(programs.group(2) + ".java"), programs.group(1));
            ByteArrayOutputStream errors = new ByteArrayOutputStream();
            int status = ToolProvider.getSystemJavaCompiler()
                    .run(null, errors, errors, "-proc:none", "-nowarn", "-d", folder.toString(), "-cp", classPath, source.toString());
            assertEquals(0, status, () -> errors.toString(StandardCharsets.UTF_8));
            assertEquals(programs.group(3), PropertiesTest.output(programs.group(2), "-cp", classPath));
        }
        assertTrue(count > 0, "no programs in " + page);
    }
}
