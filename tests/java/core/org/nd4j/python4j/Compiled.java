// SPDX-License-Identifier: Apache-2.0
// Classes that are compiled while a test runs, since the tests themselves are compiled for a Java without records.
// Needs JDK 16 for those.
package org.nd4j.python4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintWriter;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.tools.JavaCompiler;
import javax.tools.ToolProvider;

final class Compiled {
    private static final Pattern NAMES = Pattern.compile("package ([\\w.]+);.*?(?:class|interface|record|enum) (\\w+)", Pattern.DOTALL);

    private Compiled() {}

    /** Runs the compiler of this JDK. A run on a Java without one may name the jar of another, Eclipse's say. */
    static int compile(OutputStream errors, String... arguments) throws IOException {
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        String jar = System.getProperty("python4j.tests.compiler", "");
        if (compiler != null || jar.isEmpty()) {
            assumeTrue(compiler != null, "a Java with a compiler");
            return compiler.run(null, errors, errors, arguments);
        }
        // Not as a service, whose run() ends the JVM.
        PrintWriter writer = new PrintWriter(errors, true);
        try (URLClassLoader loader = new URLClassLoader(new URL[] {new File(jar).toURI().toURL()})) {
            List<String> all = new ArrayList<>(List.of("-nowarn", "-17"));
            all.addAll(Arrays.asList(arguments));
            Class<?> progress = loader.loadClass("org.eclipse.jdt.core.compiler.CompilationProgress");
            Object succeeds = loader.loadClass("org.eclipse.jdt.core.compiler.batch.BatchCompiler")
                    .getMethod("compile", String[].class, PrintWriter.class, PrintWriter.class, progress)
                    .invoke(null, all.toArray(new String[0]), writer, writer, null);
            return succeeds.equals(true) ? 0 : 1;
        } catch (ReflectiveOperationException e) {
            throw new AssertionError(e);
        }
    }

    /** The same of records. */
    static URLClassLoader records(Path folder, String... sources) throws Exception {
        assumeTrue(Runtime.version().feature() >= 16, "a JDK with records");
        return classes(folder, sources);
    }

    /** A loader of the classes of these sources, each of which begins with its package. */
    static URLClassLoader classes(Path folder, String... sources) throws Exception {
        String ours = new File(PythonObject.class.getProtectionDomain().getCodeSource().getLocation().toURI()).getPath();
        List<String> arguments = new ArrayList<>(Arrays.asList("-cp", ours, "-d", folder.toString()));
        for (String source : sources) {
            Matcher names = NAMES.matcher(source);
            assertEquals(true, names.find() && names.start() == 0, source);
            Path file = folder.resolve(names.group(1).replace('.', '/')).resolve(names.group(2) + ".java");
            Files.createDirectories(file.getParent());
            Files.writeString(file, source);
            arguments.add(file.toString());
        }
        assertEquals(0, compile(System.err, arguments.toArray(new String[0])));
        return new URLClassLoader(new URL[] {folder.toUri().toURL()}, Compiled.class.getClassLoader());
    }
}
