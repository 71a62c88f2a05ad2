// SPDX-License-Identifier: Apache-2.0
// Does the documentation agree with the source? Settings, exceptions, links and the index. Its programs are run by
// DocsTest, its tutorials by gradle/consumers.gradle.
package org.nd4j.python4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.io.IOException;
import java.lang.reflect.Field;
import java.nio.charset.Charset;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PagesTest {

    private static final Path ROOT = Paths.get(System.getProperty("python4j.tests.pack"), "../..").normalize();
    private static final Path DOCS = ROOT.resolve("docs");

    /** Names that are no settings: a lock's, and the mark of what a class loader has loaded. */
    private static final Set<String> NO_SETTINGS = Set.of("org.eclipse.python4j.start", "org.eclipse.python4j.loaded.");

    private static String source() throws IOException {
        StringBuilder source = new StringBuilder();
        for (String folder : new String[] {"java/core/src/main/java", "java/numpy/src/main/java", "rust"}) {
            try (Stream<Path> files = Files.walk(ROOT.resolve(folder))) {
                for (Path file : files.filter(Files::isRegularFile).toArray(Path[]::new)) {
                    source.append(Files.readString(file));
                }
            }
        }
        return source.toString();
    }

    private static Set<String> all(String pattern, String text) {
        return Pattern.compile(pattern).matcher(text).results().map(match -> match.group(1)).collect(Collectors.toCollection(TreeSet::new));
    }

    private static List<Path> pages() throws IOException {
        List<Path> pages = new ArrayList<>();
        for (Path folder : List.of(ROOT, DOCS, DOCS.resolve("benchmark"))) {
            try (DirectoryStream<Path> found = Files.newDirectoryStream(folder, "*.md")) {
                found.forEach(pages::add);
            }
        }
        return pages;
    }

    @Test
    void everySettingIsOnItsPageAndAConstant() throws Exception {
        Set<String> settings = all("\"(org\\.eclipse\\.python4j\\.[a-z0-9_.]+)\"", source());
        settings.removeAll(NO_SETTINGS);
        Set<String> shown = all("`(org\\.eclipse\\.python4j\\.[a-z0-9_.]+)`", Files.readString(DOCS.resolve("settings.md")));
        assertEquals(settings, shown);
        Set<Object> constants = new TreeSet<>();
        for (Field field : PythonConstants.class.getFields()) {
            if (String.valueOf(field.get(null)).startsWith("org.eclipse.")) {
                constants.add(field.get(null));
            }
        }
        assertEquals(settings, constants);
    }

    @Test
    void everyVariableThatIsReadIsOnThePage() throws Exception {
        Set<String> read = all("(?:getenv|env::var|env::var_os)\\(\"([A-Z][A-Z0-9_]+)\"\\)", source());
        read.add(PythonConstants.PYTHON_VARIABLE);
        read.removeIf(name -> name.startsWith("CARGO_") || name.startsWith("PYTHON4J_TEST_"));
        assertTrue(read.contains("XDG_CACHE_HOME"), read::toString);
        read.removeAll(all("`([A-Z][A-Z0-9_]+)`", Files.readString(DOCS.resolve("settings.md"))));
        assertEquals(Set.of(), read);
    }

    @Test
    void theTableOfExceptionsIsTrue() throws Exception {
        String page = Files.readString(DOCS.resolve("errors-and-output.md"));
        Matcher rows = Pattern.compile("\\| `(raise .*)` \\| `(\\w+)` \\| `(.*)` \\|").matcher(page);
        int count = 0;
        while (rows.find()) {
            String code = rows.group(1);
            PythonException thrown = assertThrows(PythonException.class, () -> {
                try (PythonGIL gil = PythonGIL.lock()) {
                    PythonExecutioner.exec(code);
                }
            });
            assertEquals(rows.group(2) + " " + rows.group(3), thrown.getClass().getSimpleName() + " " + thrown.getMessage(), code);
            count++;
        }
        assertTrue(count >= 10, count + " rows");
        for (String name : all("class (\\w+) extends PythonException\\b", source())) {
            assertTrue(page.contains("| `" + name + "`"), name + " is in no row");
        }
    }

    @Test
    void theFirstProgramOfTheReadmeRuns(@TempDir Path temporary) throws Exception {
        // All that it needs is in folders with such names, the embedded CPython as well.
        boolean unicode = Charset.forName(System.getProperty("sun.jnu.encoding")).newEncoder().canEncode('\u00e4');
        Path folder = Files.createDirectory(temporary.resolve(unicode ? "my first pr\u00f6gr\u00e4m" : "my first program"));
        String readme = Files.readString(ROOT.resolve("README.md"));
        String program = all("(?s)```java\n(import .*?)```", readme).iterator().next();
        Path source = Files.writeString(folder.resolve("Hello.java"), program);
        assertEquals(0, Compiled.compile(System.err, "-proc:none", "-cp", Launch.classPath(), "-d", folder.toString(), source.toString()));
        Launch.Result result = Launch.of("Hello").classPath(folder + File.pathSeparator + Launch.classPath())
                .with("org.eclipse.python4j.cache", folder.resolve("cache")).run();
        assertEquals("Hello, Ada\n", result.out, result::toString);
        assertEquals(0, result.status, result::toString);
        Launch.remove(folder.resolve("cache"));
    }

    @Test
    void whatToDependOnIsThisVersion() throws Exception {
        Set<String> version = all("(?m)^ *version = '(.*)'$", Files.readString(ROOT.resolve("build.gradle")));
        Set<String> named = new TreeSet<>();
        for (Path page : pages()) {
            named.addAll(all("python4j-(?:core|numpy|pool|arrow|spark|spring-boot-starter|bom)(?::|</artifactId>\\s*<version>)([0-9][^:'\",<\\s]*)", Files.readString(page)));
        }
        assertEquals(version, named);
    }

    @Test
    void everyPageIsInTheIndex() throws Exception {
        Set<String> linked = all("\\]\\(([\\w-]+\\.md)", Files.readString(DOCS.resolve("README.md")));
        for (Path page : pages()) {
            if (page.getParent().equals(DOCS) && !page.endsWith("README.md")) {
                assertTrue(linked.contains(page.getFileName().toString()), page + " is not in docs/README.md");
            }
        }
    }

    @Test
    void everyLinkLeadsSomewhere() throws Exception {
        List<String> broken = new ArrayList<>();
        int count = 0;
        for (Path page : pages()) {
            String text = Files.readString(page).replaceAll("(?ms)^(```|~~~).*?^\\1", "").replaceAll("`[^`\n]*`", "`code`");
            for (String link : all("\\]\\(([^)\\s]+)\\)", text)) {
                if (link.contains("://")) {
                    continue;
                }
                count++;
                String[] parts = link.split("#", 2);
                Path target = parts[0].isEmpty() ? page : page.resolveSibling(parts[0]).normalize();
                if (!Files.exists(target) || parts.length > 1 && !anchors(target).contains(parts[1])) {
                    broken.add(page.getFileName() + ": " + link);
                }
            }
        }
        assertEquals(List.of(), broken);
        assertTrue(count > 100, count + " links");
    }

    /** What headlines of a page are called in links, and anchors that it sets itself. */
    private static Set<String> anchors(Path page) throws IOException {
        String text = Files.readString(page).replaceAll("(?ms)^(```|~~~).*?^\\1", "");
        Set<String> anchors = all("<a id=\"([^\"]+)\">", text);
        for (String headline : all("(?m)^#+ (.*)$", text)) {
            anchors.add(headline.toLowerCase(Locale.ROOT).replaceAll("[^\\w -]", "").replace(' ', '-'));
        }
        assertFalse(anchors.isEmpty(), page.toString());
        return anchors;
    }
}
