// SPDX-License-Identifier: Apache-2.0
// docs/spring.md: each program compiles, runs in a JVM of its own, and prints what the text block after it says. The
// tables of properties and meters name what there is.
package org.nd4j.python4j.spring;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.File;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DocsTest {
    private static final Pattern PROGRAM =
            Pattern.compile("```java\\n(package (\\w+);.*?public class (\\w+).*?)```\\n```text\\n(.*?)```", Pattern.DOTALL);
    private static final Path PAGE = Path.of(System.getProperty("python4j.tests.pack"), "../../docs/spring.md").normalize();

    private static Set<String> all(String pattern, String text) {
        return Pattern.compile(pattern).matcher(text).results().map(found -> found.group(1)).collect(Collectors.toCollection(TreeSet::new));
    }

    @Test
    void everyProgramRuns(@TempDir Path folder) throws Exception {
        String classPath = folder + File.pathSeparator + System.getProperty("python4j.tests.classpath");
        Matcher programs = PROGRAM.matcher(Files.readString(PAGE));
        int count = 0;
        for (; programs.find(); count++) {
            Path source = Files.writeString(folder.resolve(programs.group(3) + ".java"), programs.group(1));
            ByteArrayOutputStream errors = new ByteArrayOutputStream();
            int status = ToolProvider.getSystemJavaCompiler()
                    .run(null, errors, errors, "-proc:none", "-nowarn", "-d", folder.toString(), "-cp", classPath, source.toString());
            assertEquals(0, status, () -> errors.toString(StandardCharsets.UTF_8));
            String program = programs.group(2) + "." + programs.group(3);
            assertEquals(programs.group(4), output(program, classPath, folder));
            if (count == 0) { // neither of these is needed
                String less = Arrays.stream(classPath.split(File.pathSeparator))
                        .filter(jar -> !jar.matches(".*(java/pool/build|python4j-pool|actuator|spring-boot-health|micrometer-(core|registry|jakarta)).*"))
                        .collect(Collectors.joining(File.pathSeparator));
                assertTrue(less.length() < classPath.length(), classPath);
                assertEquals(programs.group(4), output(program, less, folder));
            }
        }
        assertEquals(3, count, "programs in " + PAGE);
    }

    /** What a program prints, without what Spring Boot prints about its start. */
    private static String output(String program, String classPath, Path folder) throws Exception {
        List<String> command = new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-XX:TieredStopAtLevel=1", "-cp",
                classPath, "-Dorg.eclipse.python4j.cache=" + System.getProperty("org.eclipse.python4j.cache"), program, folder.toString()));
        if (Runtime.version().feature() >= 24) { // which warns otherwise
            command.add(1, "--enable-native-access=ALL-UNNAMED");
        }
        ProcessBuilder java = new ProcessBuilder(command);
        java.environment().putAll(Map.of("SPRING_MAIN_BANNER_MODE", "off", "LOGGING_LEVEL_ROOT", "off", "SERVER_PORT", "0"));
        Path out = folder.resolve(program + ".out");
        Process process = java.redirectErrorStream(true).redirectOutput(out.toFile()).start();
        assertTrue(process.waitFor(120, TimeUnit.SECONDS), "it ends");
        assertEquals(0, process.exitValue(), Files.readString(out));
        return Files.readString(out);
    }

    /** The application of a WAR ends Python after its beans. */
    @Test
    void aWarEndsPythonWithItsApplication(@TempDir Path folder) throws Exception {
        Path source = PAGE.resolveSibling("../tests/java/spring-boot-starter/org/nd4j/python4j/spring/ScoresWar.java");
        Matcher quote = Pattern.compile("~~~java\\n(public class ScoresWar.*?)}\\n~~~", Pattern.DOTALL).matcher(Files.readString(PAGE));
        assertTrue(quote.find() && Files.readString(source).contains(quote.group(1)), "the page quotes ScoresWar");
        assertEquals("starts 10\nends 6\nPythonExecutioner.shutdown() was called\n",
                output(ScoresWar.class.getName(), System.getProperty("python4j.tests.classpath"), folder));
    }

    @Test
    void everyPropertyIsOnThePage() throws Exception {
        String page = Files.readString(PAGE);
        String inPool = page.lines().filter(line -> line.startsWith("| `python4j.pool.*`")).findFirst().orElseThrow();
        Set<String> shown = all("(?m)^\\| `(python4j\\.[a-z0-9.-]+)` \\| [^|]+ \\| ", page.substring(0, page.indexOf("## Meters")));
        all("`([a-z-]+)(?:\\.NAME)?`[ ,|(]", inPool).forEach(name -> shown.add("python4j.pool." + name));
        assertEquals(PropertiesTest.names(PythonProperties.class, "python4j"), shown);
    }
}
