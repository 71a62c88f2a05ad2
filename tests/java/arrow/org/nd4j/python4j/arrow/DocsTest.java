// SPDX-License-Identifier: Apache-2.0
// The programs of docs/tables.md: each compiles, runs with the packages of build/arrow-env, and prints what the text block
// after it says.
package org.nd4j.python4j.arrow;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.File;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DocsTest {
    private static final Pattern PROGRAM = Pattern.compile("```java\\n(.*?)```\\n```text\\n(.*?)```", Pattern.DOTALL);
    private static final String CLASS_PATH = System.getProperty("python4j.tests.classpath");

    @Test
    void everyProgramRuns(@TempDir Path folder) throws Exception {
        Path page = Path.of(System.getProperty("python4j.tests.pack"), "../../docs/tables.md").normalize();
        Matcher programs = PROGRAM.matcher(Files.readString(page));
        int count = 0;
        while (programs.find()) {
            if (!programs.group(1).contains("PythonArrow")) {
                continue; // the tests of the core run it
            }
            count++;
            String name = "tables_" + count;
            Path source = Files.writeString(folder.resolve(name + ".java"), "import java.util.*;\nimport org.apache.arrow.memory.*;\n"
                    + "import org.apache.arrow.vector.*;\nimport org.apache.arrow.vector.ipc.*;\nimport org.nd4j.python4j.*;\n"
                    + "import org.nd4j.python4j.arrow.*;\nimport org.nd4j.python4j.pool.*;\n\npublic class " + name
                    + " {\n    public static void main(String[] args) throws Exception {\n" + programs.group(1) + "    }\n}\n");
            ByteArrayOutputStream errors = new ByteArrayOutputStream();
            int status = ToolProvider.getSystemJavaCompiler()
                    .run(null, errors, errors, "-proc:none", "-nowarn", "-d", folder.toString(), "-cp", CLASS_PATH, source.toString());
            assertEquals(0, status, () -> errors.toString(StandardCharsets.UTF_8));
            assertEquals(programs.group(2), output(folder, true, name));
        }
        assertTrue(count > 2, count + " programs in " + page);
    }

    @Test
    void withoutTheOptionOfTheJvmOurMessageSaysWhatIsMissing(@TempDir Path folder) throws Exception {
        Path source = Files.writeString(folder.resolve("Missing.java"), "public class Missing {\n"
                + "    public static void main(String[] args) {\n        try {\n"
                + "            org.nd4j.python4j.arrow.PythonArrow.allocator();\n        } catch (RuntimeException e) {\n"
                + "            System.out.println(e.getMessage());\n        }\n    }\n}\n");
        assertEquals(0, ToolProvider.getSystemJavaCompiler()
                .run(null, null, null, "-proc:none", "-d", folder.toString(), "-cp", CLASS_PATH, source.toString()));
        boolean old = Runtime.version().feature() < 16; // where Java opens itself
        assertEquals(old ? "" : "Arrow needs an option of the JVM that is missing: start java with " + PythonArrow.JVM_OPTION
                + ", or set JDK_JAVA_OPTIONS to it.\n", output(folder, false, "Missing"));
    }

    private static String output(Path folder, boolean options, String name) throws Exception {
        Path out = folder.resolve(name + ".out");
        Path err = folder.resolve(name + ".err");
        ProcessBuilder command = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Dorg.eclipse.python4j.python=" + System.getProperty("python4j.tests.arrow"),
                options ? "--add-opens=java.base/java.nio=ALL-UNNAMED" : "-Dnothing=more",
                "-cp", folder + File.pathSeparator + CLASS_PATH, name);
        Process process = command.redirectOutput(out.toFile()).redirectError(err.toFile()).start();
        assertTrue(process.waitFor(120, TimeUnit.SECONDS), "it ends");
        assertEquals(0, process.exitValue(), Files.readString(err));
        return Files.readString(out);
    }
}
