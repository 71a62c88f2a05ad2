// SPDX-License-Identifier: Apache-2.0
// What docs/async.md and docs/types.md show in Kotlin, compiled by Kotlin's own compiler and run in a JVM of its own.
package org.nd4j.python4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class KotlinTest {

    private static final String COMPILER = System.getProperty("python4j.tests.kotlin.compiler");
    private static final String LIBRARY = System.getProperty("python4j.tests.kotlin.library");

    private static final String BEFORE = String.join("\n",
            "import java.util.concurrent.CompletableFuture",
            "import kotlinx.coroutines.cancelAndJoin",
            "import kotlinx.coroutines.future.await",
            "import kotlinx.coroutines.launch",
            "import kotlinx.coroutines.runBlocking",
            "import org.nd4j.python4j.PythonAsync",
            "import org.nd4j.python4j.PythonException",
            "import org.nd4j.python4j.PythonObject",
            "interface Shop { fun price(item: String): CompletableFuture<Long> }",
            "lateinit var shop: Shop",
            "");
    private static final String AFTER = String.join("\n",
            "",
            "fun main() = runBlocking {",
            "    val async = PythonAsync.get()",
            "    async.exec(\"\"\"",
            "import asyncio",
            "async def greet(name): return 'Hello, ' + name",
            "class Shop:",
            "    async def price(self, item):",
            "        if item not in ('pear', 'apple'): raise KeyError(item)",
            "        return len(item)",
            "begun, ended = asyncio.Event(), asyncio.Event()",
            "async def forever():",
            "    begun.set()",
            "    try: await asyncio.sleep(1000)",
            "    finally: ended.set()",
            "\"\"\").await()",
            "    shop = async.eval(PythonObject::class.java, \"Shop()\").await().asInterface(Shop::class.java)",
            "    println(greet(\"Ada\") + \" \" + price(\"pear\"))",
            "    try { price(\"plum\") } catch (e: PythonException) { println(e.message) }",
            "    val job = launch { async.eval(Void::class.java, \"forever()\").await() }",
            "    async.exec(\"await begun.wait()\").await()",
            "    job.cancelAndJoin()",
            "    async.exec(\"await ended.wait()\").await()",
            "    println(job.isCancelled)",
            "}",
            "");

    @Test
    void coroutinesOfKotlinAwaitThoseOfPython(@TempDir Path folder) throws Exception {
        assertEquals("Hello, Ada 4\nKeyError: 'plum'\ntrue\n", printed(folder, BEFORE + shown("docs/async.md").group(1) + AFTER));
    }

    @Test
    void valuesOfKotlinCross(@TempDir Path folder) throws Exception {
        assumeTrue(Runtime.version().feature() >= 16, "records came with Java 16");
        Matcher shown = shown("docs/types.md");
        assertEquals(shown.group(2), printed(folder, "import org.nd4j.python4j.*\n" + shown.group(1)));
    }

    /** A program of a page, and what it prints. */
    private static Matcher shown(String page) throws IOException {
        Matcher shown = Pattern.compile("(?ms)^~~~kotlin\\n(.*?)^~~~$(?:\\n~~~text\\n(.*?)^~~~$)?").matcher(Files.readString(Path.of(page)));
        assertTrue(shown.find(), page + " shows Kotlin");
        return shown;
    }

    private static String printed(Path folder, String program) throws Exception {
        assumeTrue(COMPILER != null && LIBRARY != null, "Kotlin's compiler");
        Path source = folder.resolve("Shown.kt");
        Files.writeString(source, program);
        String path = LIBRARY + File.pathSeparator + System.getProperty("python4j.tests.classpath");
        assertEquals("", java(folder, COMPILER, "org.jetbrains.kotlin.cli.jvm.K2JVMCompiler", "-nowarn", "-no-stdlib", "-no-reflect",
                "-jvm-target", Runtime.version().feature() < 16 ? "11" : "16", "-cp", path, "-d", folder.toString(), source.toString()));
        return java(folder, folder + File.pathSeparator + path, "ShownKt");
    }

    /** What it prints on both streams, but for the JVM's own warnings, which a blank line may follow; it has to succeed. */
    private static String java(Path folder, String path, String... program) throws Exception {
        Path out = folder.resolve("output.log");
        List<String> command = new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-cp", path));
        command.addAll(Arrays.asList(program));
        Process process = new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(out.toFile()).start();
        try {
            assertTrue(process.waitFor(Long.getLong("python4j.tests.seconds", 240), TimeUnit.SECONDS), "it ends");
            String printed = Files.readString(out);
            assertEquals(0, process.exitValue(), printed);
            return printed.replace("\r", "").replaceAll("(?m)^(WARNING|OpenJDK|SLF4J).*\\n+", "");
        } finally {
            process.destroyForcibly();
        }
    }
}
