// SPDX-License-Identifier: Apache-2.0
// The programs of docs/pool.md: each compiles, runs in a JVM of its own, and prints what the text block after it says.
package org.nd4j.python4j.pool;

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
    void everyProgramRuns(@TempDir Path folder) throws Exception {
        Path page = Path.of(System.getProperty("python4j.tests.pack"), "../../docs/pool.md").normalize();
        String classPath = folder + File.pathSeparator + System.getProperty("python4j.tests.classpath");
        Matcher programs = PROGRAM.matcher(Files.readString(page));
        int count = 0;
        for (; programs.find(); count++) {
            Path source = Files.writeString(folder.resolve(programs.group(2) + ".java"), programs.group(1));
            ByteArrayOutputStream errors = new ByteArrayOutputStream();
            int status = ToolProvider.getSystemJavaCompiler()
                    .run(null, errors, errors, "-proc:none", "-nowarn", "-d", folder.toString(), "-cp", classPath, source.toString());
            assertEquals(0, status, () -> errors.toString(StandardCharsets.UTF_8));
            assertEquals(programs.group(3), JvmRun.output(programs.group(2), classPath));
        }
        assertTrue(count > 3, count + " programs in " + page);
    }
}
