// SPDX-License-Identifier: Apache-2.0
// Decides which CPython this process uses, and why. The crate rust/loader asks interpreters about themselves,
// Embedded unpacks the embedded one, and StartNote stores the result.
package org.nd4j.python4j.internal.start;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Enumeration;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.nd4j.python4j.PythonException;

/**
 * The chosen CPython. The choice is, in this order: the property {@value #PROPERTY} (which {@code
 * PythonConstants} sets as well), the environment variable {@value #VARIABLE}, the embedded CPython of
 * the class path. Its value is the path of an executable or of a virtual environment's folder,
 * {@code embedded}, a version like {@code 3.12} that is installed, a name that is looked up on {@code PATH}, or
 * {@code auto}: the environment of {@code VIRTUAL_ENV} or {@code CONDA_PREFIX} if one is active, else
 * the embedded CPython.
 *
 * <p>The choice needs no turn and loads no part of Python. Any thread may call the methods.
 */
public final class Interpreter {

    public static final String PROPERTY = "org.eclipse.python4j.python";
    public static final String VARIABLE = "PYTHON4J_PYTHON";
    public static final String EMBEDDED = "embedded";

    /** Its folder is the interpreter's own, and what it prepares waits for the first array. */
    private static final String IDLE_TYPE = "org.nd4j.python4j.numpy.NumpyArray";

    private static Interpreter chosen; // guarded by the class, as are the next
    private static String made; // what led to it, with the place where it was made
    private static boolean running;
    private static String resort;
    private static List<String> types;
    private static volatile String seen; // the value of the property when the choice was last looked at

    private final String executable;
    private final Path libpython;
    private final String version;
    private final boolean embedded;
    private final String reason;
    private final List<String> packages;

    private Interpreter(
            String executable, String libpython, String version, boolean embedded, String reason, String packages) {
        this.executable = executable;
        this.libpython = Path.of(libpython);
        this.version = version;
        this.embedded = embedded;
        this.reason = reason;
        this.packages = packages.isEmpty() ? Collections.emptyList() : Arrays.asList(packages.split(File.pathSeparator));
    }

    /**
     * The interpreter of this process. Until Python runs, the present choice decides; afterwards it is the interpreter
     * that runs.
     *
     * @throws PythonException if none can be used, with a list of everything that was tried, or if Python runs and the
     *     choice now names another one
     */
    public static synchronized Interpreter chosen() {
        String set = System.getProperty(PROPERTY);
        String[] wanted = wanted(set);
        if (!wanted[1].equals(made)) {
            Interpreter found = running ? same(wanted) : choose(wanted);
            chosen = found;
            made = wanted[1];
        }
        seen = set;
        return chosen;
    }

    /** {@link #chosen} for the start, after which the choice cannot be changed. */
    static synchronized Interpreter fixed() {
        Interpreter interpreter = chosen();
        running = true;
        return interpreter;
    }

    /** The start failed. */
    static synchronized void unfixed() {
        running = false;
    }

    /**
     * Checks whether the property was changed since Python started. It is cheap enough for frequent calls.
     *
     * @throws PythonException if it names another interpreter than the one that runs
     */
    public static void check() {
        String set = System.getProperty(PROPERTY);
        String last = seen;
        if (set != last && (set == null || !set.equals(last))) {
            chosen();
        }
    }

    /** The interpreter that runs, if the choice now names the same in other words. */
    private static Interpreter same(String[] wanted) {
        PythonException failure = null;
        try {
            if (choose(wanted).isSame(chosen)) {
                return chosen;
            }
        } catch (PythonException e) {
            failure = e;
        }
        throw new PythonException("Python runs in this process already, with " + chosen.executable + " (" + chosen.reason
                + "), and the choice was changed since: " + wanted[1] + ". A process has one Python: choose it before"
                + " the first use, or set the choice back.", failure);
    }

    /** Whether the choice names this folder. */
    public static boolean isChosen(Path folder) {
        String named = wanted(System.getProperty(PROPERTY))[0];
        return named.indexOf(File.separatorChar) >= 0 && new File(named).toPath().toAbsolutePath().normalize().equals(folder);
    }

    /**
     * The interpreter of a choice that is not, or not yet, the choice of this process.
     *
     * @throws PythonException if there is none
     */
    public static synchronized Interpreter of(String choice) {
        return choose(wanted(choice));
    }

    /**
     * The classes named for {@code ServiceLoader<PythonType>} on this class path, as they were found when the
     * start was a cold one; null if that has to be looked up. Looking opens every jar and takes longer
     * than the whole rest of a warm start.
     */
    public static synchronized List<String> types() {
        ClassLoader own = Interpreter.class.getClassLoader();
        ClassLoader context = Thread.currentThread().getContextClassLoader();
        boolean plain = own == ClassLoader.getSystemClassLoader() && !Interpreter.class.getModule().isNamed();
        return plain && (context == null || context == own) ? types : null;
    }

    /**
     * Whether registered types may have folders to add or something to do at the start. If not, their classes,
     * and those of ND4J, are not loaded before they are needed.
     */
    public static boolean typesJoinTheStart() {
        List<String> named = types();
        if (named != null) {
            for (String name : named) {
                if (!name.equals(IDLE_TYPE)) {
                    return true;
                }
            }
        }
        return named == null;
    }

    /**
     * Sets the choice for the case that nothing was chosen and there is no embedded CPython. The report needs it,
     * because it has to test an interpreter.
     */
    public static synchronized void lastResort(String choice) {
        resort = choice;
    }

    /** Chooses the Python that already runs in this process because another program part started it. */
    static synchronized Interpreter host(String file) {
        Interpreter wanted = chosen;
        chosen = new Interpreter(
                wanted.executable, file, wanted.version, false, "this process runs it already, from " + file, "");
        return chosen;
    }

    /** An environment names its program in several ways, {@code python} and {@code python3}. */
    private boolean isSame(Interpreter other) {
        return libpython.equals(other.libpython)
                && new File(executable).getParentFile().equals(new File(other.executable).getParentFile());
    }

    /** Whether this is the interpreter that runs inside this process. */
    public boolean isRunning() {
        synchronized (Interpreter.class) {
            return running && isSame(chosen);
        }
    }

    /** The interpreter's {@code sys.executable}, which can be run. */
    public String executable() {
        return executable;
    }

    /** The shared library. */
    public Path libpython() {
        return libpython;
    }

    /** The version, for example {@code 3.14.3}. */
    public String version() {
        return version;
    }

    /** Whether this is the interpreter of the class path. */
    public boolean embedded() {
        return embedded;
    }

    /** The reason why this interpreter was chosen, for messages. */
    public String reason() {
        return reason;
    }

    /**
     * Folders for the end of {@code sys.path}: that of the embedded numpy, if the interpreter has no
     * numpy of its own and this one was built for its version, and those of the packages that the class path brings.
     */
    public List<String> packages() {
        return packages;
    }

    /** The environment variables that a child process needs to find the same packages. */
    public Map<String, String> childEnvironment() {
        if (packages.isEmpty()) {
            return Collections.emptyMap();
        }
        String own = System.getenv("PYTHONPATH");
        String path = String.join(File.pathSeparator, packages);
        String all = own == null || own.isEmpty() ? path : own + File.pathSeparator + path;
        return Collections.singletonMap("PYTHONPATH", all);
    }

    // ---- choosing ----

    /** The choice, and the same with the place where it was made. */
    private static String[] wanted(String property) {
        String choice = property;
        String named = "-D" + PROPERTY + "=" + choice;
        if (choice == null || choice.isEmpty()) {
            choice = System.getenv(VARIABLE);
            named = VARIABLE + "=" + choice;
        }
        if (choice == null || choice.isEmpty()) {
            choice = EMBEDDED;
            named = "no other interpreter was chosen";
            if (resort != null && !Embedded.isThere()) {
                choice = resort;
                named = "There is no embedded CPython on the class path and no other one was chosen";
            }
        }
        return new String[] {choice, named};
    }

    /** An interrupt would end the waiting for the locks of both caches. It stays pending until all is chosen. */
    private static Interpreter choose(String[] wanted) {
        boolean interrupted = false;
        try {
            while (true) {
                interrupted |= Thread.interrupted();
                try {
                    return choose(wanted[0], wanted[1]);
                } catch (PythonException e) {
                    if (!Thread.currentThread().isInterrupted()) {
                        throw e;
                    }
                    // Interrupted on the way: once more. What has been unpacked is there.
                }
            }
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private static Interpreter choose(String choice, String named) {
        moveJavaCppCache();
        String key = StartNote.key(named, choice);
        StartNote note = stillTrue(StartNote.read(key));
        if (note == null) {
            try (Unpacker.Lock lock = Unpacker.Lock.take()) {
                note = stillTrue(StartNote.read(key)); // another process may have done it meanwhile
                if (note == null) {
                    return Search.find(choice, named, key);
                }
            }
        }
        types = list(note.get("types"));
        return of(note);
    }

    /** The note if its files are unchanged. The libraries it names are this jar's own in any case. */
    private static StartNote stillTrue(StartNote note) {
        if (note == null) {
            return null;
        }
        NativeLoader.unpacked(note.get("loader"), note.get("library"));
        NativeLoader.loadLoader();
        return NativeLoader.unchanged(note.files()) ? note : null;
    }

    private static Interpreter of(StartNote note) {
        return new Interpreter(
                note.get("executable"),
                note.get("libpython"),
                note.get("version"),
                note.get("embedded").equals("true"),
                note.get("reason"),
                note.get("packages"));
    }

    /**
     * One property moves both caches, unless JavaCPP's own says otherwise. Without a home JavaCPP would share
     * its folder with other users, or make one in the current folder.
     */
    private static void moveJavaCppCache() {
        String ours = System.getProperty(NativeLoader.CACHE);
        if ((ours == null || ours.isEmpty()) && NativeLoader.isHomeless()) {
            ours = NativeLoader.caches()[0];
        }
        if (ours != null && !ours.isEmpty()
                && System.getProperty("org.bytedeco.javacpp.cachedir") == null
                && System.getProperty("org.bytedeco.javacpp.cacheDir") == null) {
            System.setProperty("org.bytedeco.javacpp.cachedir", new File(ours, "javacpp").getAbsolutePath());
        }
    }

    private static List<String> list(String names) {
        if (names.isEmpty()) {
            return Collections.emptyList();
        }
        return Arrays.asList(names.split(","));
    }

    /** The complete search, which runs once for each class path and choice. A warm start does not load this class. */
    private static final class Search {
        static Interpreter find(String choice, String named, String key) {
            NativeLoader.loadLoader(); // first: what is wrong with the cache shows here
            Answer answer = choice.equals(EMBEDDED) ? null : asked(choice, named);
            boolean embedded = answer == null;
            if (embedded) {
                answer = embedded(choice, named);
            }
            String numpy = answer.get("numpy").isEmpty() ? packages(answer.get("version")) : "";
            if (embedded) {
                keepCompiled(answer.get("executable"), numpy);
            }
            Packaged packaged = Packaged.find(answer.get("version"));
            List<String> folders = new ArrayList<>(packaged.folders);
            if (!numpy.isEmpty()) {
                folders.add(0, numpy);
                packaged.files.add(numpy + "/numpy/__init__.py");
                packaged.files.add(numpy + "/numpy/_distributor_init_local.py");
            }
            String packages = String.join(File.pathSeparator, folders);
            if (!answer.watch.isEmpty()) { // else a script led here, which may lead elsewhere tomorrow
                remember(key, answer, embedded, packages, packaged.files);
            }
            return new Interpreter(
                    answer.get("executable"),
                    answer.get("libpython"),
                    answer.get("version"),
                    embedded,
                    answer.reason,
                    packages);
        }

        /**
         * The jars bring Python's library as text. What a start and numpy import from it is compiled and
         * kept here, once, also for processes that run with PYTHONDONTWRITEBYTECODE.
         */
        private static void keepCompiled(String executable, String numpy) {
            String code = "import linecache, time, traceback, types" + (numpy.isEmpty() ? "" : ", numpy");
            try {
                ProcessBuilder python = new ProcessBuilder(executable, "-c", code)
                        .redirectErrorStream(true)
                        .redirectOutput(ProcessBuilder.Redirect.DISCARD);
                python.environment().remove("PYTHONDONTWRITEBYTECODE");
                if (!numpy.isEmpty()) {
                    python.environment().put("PYTHONPATH", numpy);
                }
                Process process = started(python);
                process.getOutputStream().close();
                if (!process.waitFor(60, TimeUnit.SECONDS)) {
                    process.destroyForcibly();
                }
            } catch (IOException e) {
                NativeLoader.progress("Nothing was compiled ahead: " + e, false);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }

        /** A thread of the JDK's looks after processes, and keeps the class loader of whoever made it. */
        private static Process started(ProcessBuilder builder) throws IOException {
            Thread thread = Thread.currentThread();
            ClassLoader loader = thread.getContextClassLoader();
            thread.setContextClassLoader(null);
            try {
                return builder.start();
            } finally {
                thread.setContextClassLoader(loader);
            }
        }

        private static void remember(String key, Answer answer, boolean embedded, String packages, List<String> watched) {
            Map<String, String> values = new LinkedHashMap<>();
            values.put("loader", NativeLoader.loaderFile());
            values.put("library", NativeLoader.libraryFile());
            values.put("executable", answer.get("executable"));
            values.put("libpython", answer.get("libpython"));
            values.put("version", answer.get("version"));
            values.put("embedded", String.valueOf(embedded));
            values.put("reason", answer.reason);
            values.put("packages", packages);
            try {
                values.put("types", String.join(",", namedTypes()));
            } catch (IOException e) {
                return; // whoever looks for the types says what is wrong
            }
            List<String> files = new ArrayList<>(Embedded.sources());
            files.add(NativeLoader.loaderFile());
            files.add(NativeLoader.libraryFile());
            files.addAll(answer.watch);
            files.addAll(watched);
            StartNote.write(key, values, Unpacker.files(), files);
        }

        private static Set<String> namedTypes() throws IOException {
            Set<String> names = new LinkedHashSet<>();
            Enumeration<URL> files = ClassLoader.getSystemClassLoader().getResources(StartNote.TYPES);
            while (files.hasMoreElements()) {
                try (InputStream in = files.nextElement().openStream()) {
                    for (String line : new String(in.readAllBytes(), StandardCharsets.UTF_8).split("\\R")) {
                        String name = line.split("#", 2)[0].trim();
                        if (!name.isEmpty()) {
                            names.add(name);
                        }
                    }
                }
            }
            return names;
        }

        /**
         * The interpreter that the user named; null for the embedded one, which is meant by {@code auto} outside any
         * environment and by its version where nothing else has that.
         */
        private static Answer asked(String choice, String named) {
            try {
                String text = NativeLoader.ask(choice);
                Answer answer = text == null ? null : new Answer(text);
                if (answer != null) {
                    answer.reason = named + ": " + answer.get("reason");
                }
                return answer;
            } catch (PythonException e) {
                boolean isVersion = choice.matches("[0-9.]+");
                if (isVersion && Embedded.isOf(choice)) {
                    return null;
                }
                String other = isVersion && Embedded.isThere() ? ". The embedded one, of " + Embedded.origin() + ", is of another version" : "";
                throw new PythonException(named + ": " + e.getMessage() + other, e);
            }
        }

        private static Answer embedded(String choice, String named) {
            String why = named + (choice.equals(EMBEDDED) ? "" : choice.equals("auto") ? ", and no environment is active"
                    : ", and no other one that can be used was found");
            if (!Embedded.isThere()) {
                throw new PythonException("The embedded CPython is wanted (" + why
                        + "), but it is not on the class path: add org.bytedeco:cpython"
                        + " with the classifier " + NativeLoader.platform()
                        + (Interpreter.class.getModule().isNamed()
                                ? ", there or with --add-modules org.bytedeco.cpython."
                                        + NativeLoader.platform().replace('-', '.')
                                : "")
                        + ". Or choose another interpreter with -D" + PROPERTY
                        + " or the environment variable " + VARIABLE
                        + ": the path of an executable or of a virtual environment, a version like 3.12, or auto.");
            }
            Path executable;
            try {
                long start = System.nanoTime();
                Path note = Embedded.note();
                boolean first = !Files.exists(note);
                NativeLoader.progress("Preparing the embedded CPython of " + Embedded.origin()
                        + (first ? ", once for this version" : ""), first);
                executable = Embedded.unpack();
                Unpacker.open(note, StandardOpenOption.CREATE, StandardOpenOption.WRITE).close();
                NativeLoader.progress("The embedded CPython is ready after "
                        + (System.nanoTime() - start) / 1_000_000 + " ms", first);
            } catch (IOException e) {
                throw new PythonException("The embedded CPython of " + Embedded.origin() + " cannot be unpacked: " + e
                        + ". Its folder is moved with -D" + NativeLoader.CACHE
                        + " or -Dorg.bytedeco.javacpp.cachedir", e);
            }
            try {
                Answer answer = new Answer(NativeLoader.ask(executable.toString()));
                answer.reason = "the embedded one of " + Embedded.origin() + " (" + why + ")";
                return answer;
            } catch (PythonException e) {
                throw new PythonException("The embedded CPython of " + Embedded.origin() + " does not run here: "
                        + e.getMessage() + advice(e.getMessage()), e);
            }
        }

        private static String advice(String message) {
            if (message.contains("GLIBC_")) {
                return ". This system is older than the one it was built on: an older release of org.bytedeco:cpython"
                        + " (3.10.2-1.5.7) runs here.";
            }
            if (message.contains("noexec")) {
                return ". Set -D" + NativeLoader.CACHE
                        + " to a folder where programs may run; it moves the embedded CPython as well,"
                        + " unless -Dorg.bytedeco.javacpp.cachedir is set, which then has to name such a folder.";
            }
            return "";
        }

        private static String packages(String version) {
            try {
                Path folder = Embedded.numpy(version);
                return folder == null ? "" : folder.toString();
            } catch (IOException e) {
                throw new PythonException("The embedded numpy cannot be prepared: " + e
                        + ". Its folder is moved with -D" + NativeLoader.CACHE + " or -Dorg.bytedeco.javacpp.cachedir", e);
            }
        }

        /** An answer of rust/loader, which consists of lines {@code key=value}. */
        private static final class Answer {
            private final Map<String, String> values = new LinkedHashMap<>();
            final List<String> watch = new ArrayList<>();
            String reason;

            Answer(String text) {
                for (String line : text.split("\n")) {
                    int mark = line.indexOf('=');
                    String key = line.substring(0, mark);
                    String value = line.substring(mark + 1);
                    if (key.equals("watch")) {
                        watch.add(value);
                    } else {
                        values.put(key, value);
                    }
                }
            }

            String get(String key) {
                return values.getOrDefault(key, "");
            }
        }
    }
}
