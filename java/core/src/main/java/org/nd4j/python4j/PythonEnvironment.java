// SPDX-License-Identifier: Apache-2.0
// Environments with their own packages, and a report on the Python in use: which Python it is, why it was
// chosen, where its files are, and whether it works. It needs only the core jar. See VirtualEnvironment and
// Interpreter.
package org.nd4j.python4j;

import java.io.File;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.ServiceConfigurationError;
import java.util.ServiceLoader;
import org.nd4j.python4j.internal.jni.Native;
import org.nd4j.python4j.internal.process.SelfTest;
import org.nd4j.python4j.internal.process.VirtualEnvironment;
import org.nd4j.python4j.internal.start.Embedded;
import org.nd4j.python4j.internal.start.Interpreter;
import org.nd4j.python4j.internal.start.NativeLoader;
import org.nd4j.python4j.internal.start.Unpacker;

/**
 * An environment: a folder with a Python that has its own packages, as {@code python -m venv} creates it. All programs
 * of a user share the embedded interpreter, so a program that needs packages creates an environment and does not change
 * the embedded interpreter:
 *
 * <pre>{@code
 * PythonEnvironment.create(Path.of("python-env")).install("polars==1.35.2").use();
 * try (PythonGIL gil = PythonGIL.lock()) {
 *     PythonExecutioner.exec("import polars");
 * }
 * }</pre>
 *
 * <p>A program can call these methods at every start, because existing environments and packages are not created again.
 * Methods may be called by any thread, need no turn, and do not start Python in this process. Threads and processes
 * that work on the same environment at the same time wait for each other. If a process is killed, the next call
 * completes the environment.
 *
 * <p>The class is also a program. It reports which Python is used, why, and whether a round trip of values works. If
 * {@code python4j-pool} is on the class path, it also tests a pool. It ends with status 0 if the tests passed, else 1:
 *
 * <pre>{@code java -jar python4j-core.jar [--json]}</pre>
 *
 * @see <a href="https://github.com/python4j/python4j/blob/main/docs/glossary.md#environment">environment</a>
 */
public final class PythonEnvironment {

    private static final String FACTS = String.join("\n",
            "import sys",
            "facts = {'python': sys.version.replace('\\n', ' '), 'prefix': sys.prefix, 'path': list(sys.path)}",
            "try:",
            "    import numpy",
            "    facts['numpy'] = {'version': numpy.__version__, 'file': numpy.__file__}",
            "except ImportError as error:",
            "    facts['numpy'] = {'missing': str(error).strip().split('\\n')[0]}");

    private final Path folder;

    private PythonEnvironment(Path folder) {
        this.folder = folder;
    }

    // ---- environments ----

    /**
     * Creates an environment from the chosen interpreter, unless the folder already has one. Without a choice this is
     * the embedded interpreter, so the machine needs no Python of its own.
     *
     * @param folder the folder of the environment: it is created together with its parent folders, or is empty, or
     *     already has an environment
     * @throws PythonException if there is no interpreter, if the folder cannot be created or has other files or a
     *     broken environment, or if the thread is interrupted
     */
    public static PythonEnvironment create(Path folder) {
        Path absolute = folder.toAbsolutePath().normalize();
        VirtualEnvironment.make(absolute);
        return new PythonEnvironment(absolute);
    }

    /**
     * Installs packages from the package index, with pip. If all packages are given with their version ({@code
     * name==version}) and are already installed, pip is not started.
     *
     * @param packages packages as pip accepts them: a name, with optional extras, versions and markers, a path, or a
     *     URL; options of pip are rejected
     * @return this environment
     * @throws PythonException if pip fails, the thread is interrupted, or an argument is not a package
     */
    public PythonEnvironment install(String... packages) {
        VirtualEnvironment.install(folder, Arrays.asList(packages));
        return refreshed();
    }

    /**
     * Installs the packages of a requirements file, with pip. Pip itself finds out which packages are already
     * installed.
     *
     * @return this environment
     * @throws PythonException if pip fails, for example because the file is missing, or the thread is interrupted
     */
    public PythonEnvironment installRequirements(Path file) {
        VirtualEnvironment.installRequirements(folder, file);
        return refreshed();
    }

    /**
     * Chooses this environment for this process: it sets the system property {@code org.eclipse.python4j.python} to its
     * folder. Call this method before the first use of Python.
     *
     * @return this environment
     * @throws PythonException if Python already runs in this process with another interpreter, or the interpreter of
     *     the environment cannot be used; the choice is then unchanged
     */
    public PythonEnvironment use() {
        String before = System.setProperty(Interpreter.PROPERTY, folder.toString());
        try {
            Interpreter.chosen();
        } catch (PythonException e) {
            if (before == null) {
                System.clearProperty(Interpreter.PROPERTY);
            } else {
                System.setProperty(Interpreter.PROPERTY, before);
            }
            throw e;
        }
        return this;
    }

    /** A Python that runs from this environment can import what was installed at once. */
    private PythonEnvironment refreshed() {
        if (PythonGIL.isStarted()) {
            PythonProcess.refresh(Interpreter.of(folder.toString()), "Installed into " + folder + ", but not made known", false);
        }
        return this;
    }

    /** The folder, as an absolute path. */
    public Path folder() {
        return folder;
    }

    /** The folder's path. */
    @Override
    public String toString() {
        return folder.toString();
    }

    // ---- the report ----

    /** Prints the report; {@code --json} prints it as one JSON object. Ends the JVM with status 0 or 1. */
    public static void main(String[] arguments) {
        List<String> known = Arrays.asList("--json", "--help");
        for (String argument : arguments) {
            if (!known.contains(argument) || argument.equals("--help")) {
                System.err.println("Usage: java -jar python4j-core.jar [--json]\n"
                        + "Another interpreter is chosen with java -D" + Interpreter.PROPERTY
                        + "=<path, version, auto or embedded>\n"
                        + "or with the environment variable " + Interpreter.VARIABLE + ".");
                System.exit(argument.equals("--help") ? 0 : 1);
            }
        }
        Interpreter.lastResort("python3");
        Map<String, Object> facts = facts();
        System.out.println(arguments.length > 0 ? json(facts) : text(facts));
        System.out.flush();
        System.exit(passed(facts) ? 0 : 1);
    }

    /**
     * The report as text, with one fact in each line. This method starts Python if it does not run yet, and waits for a
     * turn. Errors become part of the report.
     */
    public static String report() {
        return text(facts());
    }

    /**
     * The package folders that come from the class path and are at the end of {@code sys.path}: the folder of the
     * embedded numpy, unless the interpreter has its own numpy, and those of {@link PythonPackages}. This method needs
     * no turn.
     *
     * @throws PythonException if no interpreter can be used
     */
    public static File[] packages() {
        List<String> folders = Interpreter.chosen().packages();
        File[] files = new File[folders.size()];
        for (int i = 0; i < files.length; i++) {
            files[i] = new File(folders.get(i));
        }
        return files;
    }

    private static boolean passed(Map<String, Object> facts) {
        return "passed".equals(facts.get("test"));
    }

    private static Map<String, Object> facts() {
        Map<String, Object> facts = new LinkedHashMap<>();
        Map<String, Object> library = new LinkedHashMap<>();
        facts.put("library", library);
        library.put("platform", NativeLoader.platform());
        facts.put("java", System.getProperty("java.version") + ", " + System.getProperty("java.vm.name") + ", "
                + System.getProperty("os.name") + " " + System.getProperty("os.version") + " "
                + System.getProperty("os.arch"));
        try {
            library.put("version", Unpacker.description().getProperty("version"));
            facts.put("cache", cache());
            facts.put("embedded", Embedded.isThere() ? Embedded.origin() : "absent from the class path");
            Map<String, Object> chosen = new LinkedHashMap<>();
            facts.put("interpreter", chosen);
            Interpreter interpreter = Interpreter.chosen();
            chosen.put("version", interpreter.version());
            chosen.put("embedded", interpreter.embedded());
            chosen.put("reason", interpreter.reason());
            chosen.put("executable", interpreter.executable());
            chosen.put("libpython", interpreter.libpython().toString());
            NativeLoader.load();
            library.put("folder", String.valueOf(Path.of(NativeLoader.libraryFile()).getParent()));
            facts.putAll(test());
            testModules(facts);
            try (PythonGIL turn = PythonGIL.lock()) {
                library.put("large texts", Native.bulkDirect() ? "copied directly" : "copied by functions of JNI or Python");
            }
        } catch (PythonException | IOException | LinkageError | ServiceConfigurationError e) {
            facts.put("test", "failed: " + (e instanceof PythonException ? e.getMessage() : e.toString()));
        }
        return facts;
    }

    /** Other modules on the class path; the one fact that tells whether all is well stays the last. */
    private static void testModules(Map<String, Object> facts) {
        Object test = facts.remove("test");
        for (SelfTest module : ServiceLoader.load(SelfTest.class, PythonEnvironment.class.getClassLoader())) {
            Map<String, Object> found = module.run(value());
            facts.put(module.name(), found);
            if (test.equals("passed") && found.get("test").toString().startsWith("failed")) {
                test = found.get("test") + " (" + module.name() + ")";
            }
        }
        facts.put("test", test);
    }

    private static String cache() {
        try {
            return Unpacker.cache().toString();
        } catch (PythonException e) { // one that an image brings, say: a warm start does not write
            return NativeLoader.caches()[0] + ", which cannot be written";
        }
    }

    /** Values of every kind. */
    private static Map<String, Object> value() {
        Map<String, Object> value = new LinkedHashMap<>();
        value.put("text", "naïve \uD83D\uDC0D\0");
        value.put("numbers", Arrays.asList(Long.MIN_VALUE, -1L, 0L, Long.MAX_VALUE));
        value.put("nested", Collections.singletonMap("list", Arrays.asList(true, null, 0.1, Collections.emptyList())));
        return value;
    }

    /** Sends values of every kind to Python and back, in a context of its own. */
    private static Map<String, Object> test() {
        Map<String, Object> sent = value();
        PythonVariable<?> value = new PythonVariable<>("value", PythonTypes.DICT, sent);
        PythonVariable<Map<?, ?>> echo = dict("echo");
        PythonVariable<Map<?, ?>> seen = dict("facts");
        try (PythonGIL turn = PythonGIL.lock(); PythonContextManager.Context own = new PythonContextManager.Context()) {
            PythonExecutioner.exec("echo = {name: value[name] for name in value}", Collections.singletonList(value),
                    Collections.singletonList(echo));
            PythonExecutioner.exec(FACTS, null, Collections.singletonList(seen));
        }
        Map<String, Object> facts = new LinkedHashMap<>();
        for (Map.Entry<?, ?> fact : seen.getValue().entrySet()) {
            facts.put(String.valueOf(fact.getKey()), fact.getValue());
        }
        boolean same = sent.equals(echo.getValue());
        facts.put("test", same ? "passed" : "failed: sent " + sent + ", received " + echo.getValue());
        return facts;
    }

    @SuppressWarnings("unchecked") // upstream's DICT is a PythonType of the raw Map
    private static PythonVariable<Map<?, ?>> dict(String name) {
        return (PythonVariable<Map<?, ?>>) (PythonVariable<?>) new PythonVariable<>(name, PythonTypes.DICT);
    }

    // ---- how it looks ----

    private static String text(Map<String, Object> facts) {
        StringBuilder text = new StringBuilder();
        write(text, "", facts);
        return text.substring(0, text.length() - 1);
    }

    private static void write(StringBuilder text, String indent, Map<?, ?> facts) {
        for (Map.Entry<?, ?> fact : facts.entrySet()) {
            String name = String.valueOf(fact.getKey());
            text.append(indent).append(name);
            if (fact.getValue() instanceof Map) {
                text.append('\n');
                write(text, indent + "  ", (Map<?, ?>) fact.getValue());
            } else if (fact.getValue() instanceof List) {
                text.append('\n');
                for (Object item : (List<?>) fact.getValue()) {
                    text.append(indent).append("  ").append(item).append('\n');
                }
            } else {
                for (int column = indent.length() + name.length(); column < 14; column++) {
                    text.append(' ');
                }
                text.append(' ').append(fact.getValue()).append('\n');
            }
        }
    }

    private static String json(Object value) {
        StringBuilder text = new StringBuilder();
        json(text, value);
        return text.toString();
    }

    private static void json(StringBuilder text, Object value) {
        if (value instanceof Map) {
            String comma = "{";
            for (Map.Entry<?, ?> entry : ((Map<?, ?>) value).entrySet()) {
                text.append(comma);
                json(text, String.valueOf(entry.getKey()));
                text.append(':');
                json(text, entry.getValue());
                comma = ",";
            }
            text.append(((Map<?, ?>) value).isEmpty() ? "{}" : "}");
        } else if (value instanceof List) {
            String comma = "[";
            for (Object item : (List<?>) value) {
                text.append(comma);
                json(text, item);
                comma = ",";
            }
            text.append(((List<?>) value).isEmpty() ? "[]" : "]");
        } else if (value == null || value instanceof Boolean || value instanceof Number) {
            text.append(value);
        } else {
            text.append('"');
            for (char c : value.toString().toCharArray()) {
                if (c == '"' || c == '\\') {
                    text.append('\\').append(c);
                } else if (c < ' ' || c > '~') {
                    text.append(String.format("\\u%04x", (int) c)); // exact, whatever the output's encoding makes of it
                } else {
                    text.append(c);
                }
            }
            text.append('"');
        }
    }
}
