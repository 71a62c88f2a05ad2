// SPDX-License-Identifier: Apache-2.0
// Loads the native libraries into the process, in the only order that works, and starts Python. Interpreter
// decides which CPython is used; Unpacker does the work that only a first start needs.
package org.nd4j.python4j.internal.start;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import org.nd4j.python4j.PythonConstants;
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.PythonExecutioner;
import org.nd4j.python4j.internal.Access;
import org.nd4j.python4j.internal.jni.Native;

/**
 * Loads the libraries, each of them once, in this order:
 *
 * <ol>
 *   <li>the interpreter is chosen ({@link Interpreter#chosen});
 *   <li>{@code libpython4j_loader}, which does not link to Python, is unpacked and loaded; <li>it opens libpython for
 *       all libraries ({@code RTLD_NOW | RTLD_GLOBAL}); <li>{@code libpython4j}, which leaves Python's symbols
 *       undefined, is unpacked and loaded, and its symbols are resolved; <li>Python starts ({@link
 *       Native#interpreterStart}).
 * </ol>
 *
 * <p>The libraries come from {@code org/nd4j/python4j/native/<platform>/} of the core jar and are
 * kept in a folder of the cache named after their version and content. The cache is the folder named
 * by {@value #CACHE}, else {@code $XDG_CACHE_HOME/python4j} or {@code ~/.cache/python4j}, else, where
 * that cannot be written or the user has no home, {@code python4j-<user>} in the folder for temporary files (with
 * the user's number where there is no name). Only this user may write to it: a folder that other users can write to is
 * not used. If other users can write to a parent folder, and so could replace the cache, notes of earlier starts in it
 * are not trusted, and each start is a first start.
 *
 * <p>A failure is stored and thrown again, with its cause, at every later use.
 */
public final class NativeLoader {

    /** The property that sets the folder of the cache, and of JavaCPP's cache unless JavaCPP's own property is set. */
    public static final String CACHE = "org.eclipse.python4j.cache";

    // A literal is one object for all class loaders of a JVM: of two that start at once, one waits for the other.
    private static final Object ONE_AT_A_TIME = "org.eclipse.python4j.start";

    private static final CountDownLatch DONE = new CountDownLatch(1);
    private static Thread starter; // guarded by DONE
    private static volatile boolean loaded;
    private static boolean started; // the starter alone uses it
    private static Throwable failure; // written before DONE opens, read after

    // The unpacked libraries, known to Interpreter from an earlier start or unpacked here; guarded by the class.
    private static String loaderFile;
    private static String libraryFile;
    private static boolean loaderLoaded;

    private NativeLoader() {}

    /**
     * Makes sure that Python runs. Any thread may call this method, with or without a turn. While one thread loads, the
     * others wait and hold no lock.
     *
     * @throws PythonException if any step fails or failed before
     */
    public static void load() {
        if (loaded) {
            return;
        }
        Thread me = Thread.currentThread();
        if (isFirst(me)) {
            try {
                synchronized (ONE_AT_A_TIME) {
                    start();
                }
                loaded = true;
            } catch (Throwable e) { // an Error, a missing class say, must come again as well
                failure = e;
                Interpreter.unfixed();
            } finally {
                DONE.countDown();
            }
        } else if (starter == me && DONE.getCount() > 0) {
            if (!started) {
                throw new PythonException("Python is being started and cannot be used yet: the constructor and packages() of a"
                        + " PythonType are called before that, init() afterwards.");
            }
            return; // Python's own start calls back into Java: it may go on
        } else {
            await();
        }
        if (failure != null) {
            throw new PythonException(failure instanceof PythonException ? failure.getMessage() : failure.toString(),
                    failure);
        }
    }

    /**
     * Loads the native libraries without starting Python, for the use of other processes. Afterwards the interpreter of
     * this process cannot be changed, because its libpython is open.
     *
     * @throws PythonException if they cannot be loaded
     */
    public static void loadLibraries() {
        if (!loaded) {
            synchronized (ONE_AT_A_TIME) {
                try {
                    libraries();
                } catch (RuntimeException | Error e) {
                    Interpreter.unfixed();
                    throw e;
                }
            }
        }
    }

    /** Ends this class loader's use of Python. */
    public static void end() {
        failure = new PythonException("PythonExecutioner.shutdown() was called: the class loader of this application cannot"
                + " use Python any more.");
        loaded = false;
    }

    /** Throws if the use of Python in this class loader is over, which a thread that waited for its turn may not know. */
    public static void refuseEnded() {
        if (!loaded && failure != null) {
            throw new PythonException(failure.getMessage(), failure);
        }
    }

    private static boolean isFirst(Thread thread) {
        synchronized (DONE) {
            boolean first = starter == null;
            if (first) {
                starter = thread;
            }
            return first;
        }
    }

    /** Waits for the start, on a thread that has no part in it. Returns whether Python runs. */
    public static boolean waitUntilLoaded() {
        await();
        return loaded;
    }

    private static void await() {
        boolean interrupted = false;
        while (true) {
            try {
                DONE.await();
                break;
            } catch (InterruptedException e) {
                interrupted = true; // the start is short, and nothing can go on without it
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private static Interpreter libraries() {
        Interpreter interpreter = Interpreter.fixed();
        loadLoader();
        String libpython = open(interpreter.libpython().toString());
        if (!libpython.equals(interpreter.libpython().toString())) {
            interpreter = Interpreter.host(libpython);
        }
        loadLibrary(libraryFile);
        return interpreter;
    }

    private static void start() {
        WarmUp.go();
        Interpreter interpreter = libraries();

        List<String> front = new ArrayList<>();
        List<String> end = new ArrayList<>();
        PythonExecutioner.JavaCppPathType order = PythonConstants.javaCppPythonAppendType();
        arrange(front, end, custom(), order, packages(interpreter));
        List<String> environment = new ArrayList<>();
        if (order != PythonExecutioner.JavaCppPathType.NONE) {
            for (Map.Entry<String, String> variable : interpreter.childEnvironment().entrySet()) {
                environment.add(variable.getKey() + "=" + variable.getValue());
            }
        }
        boolean release = PythonConstants.releaseGilAutomatically();
        String huge = System.getProperty(PythonConstants.HUGE_PAGES);
        Native.root = Native.interpreterStart(
                interpreter.executable(),
                front.toArray(new String[0]),
                end.toArray(new String[0]),
                environment.toArray(new String[0]),
                new File(libraryFile).getParent(),
                PythonConstants.initializePython(),
                release,
                huge == null ? -1 : Boolean.parseBoolean(huge) ? 1 : 0);
        started = true;
        Access.get().started(release);
    }

    /** The folders of the interpreter's own packages and of those that registered types want. */
    private static List<String> packages(Interpreter interpreter) {
        List<String> folders = new ArrayList<>(interpreter.packages());
        if (!Interpreter.typesJoinTheStart()) {
            return folders;
        }
        for (File folder : Access.get().packages()) {
            if (!folders.contains(folder.getPath())) {
                folders.add(folder.getPath());
            }
        }
        return folders;
    }

    /** Arranges the user's own path and the folders of the packages in {@code sys.path}. */
    public static void arrange(
            List<String> front,
            List<String> end,
            List<String> custom,
            PythonExecutioner.JavaCppPathType order,
            List<String> packages) {
        if (order == PythonExecutioner.JavaCppPathType.AFTER) {
            front.addAll(custom);
            end.addAll(packages);
        } else {
            if (order == PythonExecutioner.JavaCppPathType.BEFORE) {
                end.addAll(packages);
            }
            end.addAll(custom);
        }
    }

    public static List<String> custom() {
        String path = PythonConstants.defaultPythonPath();
        if (path == null || path.isEmpty()) {
            return Collections.emptyList();
        }
        List<String> folders = new ArrayList<>();
        int from = 0;
        for (int to; from <= path.length(); from = to + 1) {
            to = path.indexOf(File.pathSeparatorChar, from);
            to = to < 0 ? path.length() : to;
            if (to > from) {
                folders.add(path.substring(from, to));
            }
        }
        return folders;
    }

    // ---- what rust/loader does for us; any thread, no turn ----

    /** Opens libpython for the whole process and gives the file that Python runs from. */
    private static native String open(String libpython);

    /** Lines {@code key=value} about the interpreter that a choice names, null if {@code auto} finds none. */
    private static native String find(String choice, String cache);

    /** Whether the files in these lines of a {@link StartNote} are as they were. */
    static native boolean unchanged(String lines);

    /** {@link #find} for {@link Interpreter}: loads the loader first. */
    static String ask(String choice) {
        loadLoader();
        return find(choice, Unpacker.cache().toString());
    }

    /** Unpacks and loads {@code libpython4j_loader}. */
    static synchronized void loadLoader() {
        if (!loaderLoaded) {
            if (loaderFile == null) {
                Unpacker.unpack();
            }
            loadLibrary(loaderFile);
            loaderLoaded = true;
        }
    }

    // ---- the libraries in the core jar ----

    /** The platform's name as JavaCPP spells it. */
    public static String platform() {
        String os = System.getProperty("os.name", "").toLowerCase(Locale.ROOT);
        String arch = System.getProperty("os.arch", "").toLowerCase(Locale.ROOT);
        String system = os.startsWith("mac") ? "macosx" : os.startsWith("windows") ? "windows" : os;
        if (arch.equals("amd64") || arch.equals("x86-64") || arch.equals("x64")) {
            arch = "x86_64";
        } else if (arch.equals("aarch64")) {
            arch = "arm64";
        }
        return system + "-" + arch;
    }

    /** The libraries where an earlier start left them. */
    static synchronized void unpacked(String loader, String library) {
        loaderFile = loader;
        libraryFile = library;
    }

    static synchronized String loaderFile() {
        return loaderFile;
    }

    public static synchronized String libraryFile() {
        return libraryFile;
    }

    /** The library that a worker process loads, which lies beside ours. */
    public static String workerFile() {
        return new File(new File(libraryFile()).getParentFile(), System.mapLibraryName("python4j_worker")).getPath();
    }

    static InputStream resource(String name) {
        ClassLoader loader = NativeLoader.class.getClassLoader();
        return loader == null ? ClassLoader.getSystemResourceAsStream(name) : loader.getResourceAsStream(name);
    }

    // ---- loading, once for the process ----

    /**
     * Loads a library for this class loader. If another class loader of this JVM has it already (an
     * application deployed twice), both must use the very same mapping, since two cores would
     * disagree about the threads of the one CPython: the JVM takes the file under a second name, the
     * system sees that it is the same file.
     */
    private static void loadLibrary(String file) {
        String key = "org.eclipse.python4j.loaded." + new File(file).getName();
        Object first = System.getProperties().putIfAbsent(key, file);
        if (first != null && !first.equals(file)) {
            throw new PythonException(
                    "Another class loader of this JVM has loaded " + first + ", this one brings " + file
                            + ". One process holds one"
                            + " CPython and one native library: use the same python4j-core in both, or put it where"
                            + " both find it (the server's shared libraries).");
        }
        try {
            System.load(file);
        } catch (UnsatisfiedLinkError e) {
            if (first == null) {
                System.getProperties().remove(key);
                throw new PythonException(Failed.explain(file, e), e);
            }
            Failed.loadAgain(Path.of(file), e);
        }
    }

    // ---- the cache ----

    /** The folders that may be the cache. The first one that can be written is used. */
    public static String[] caches() {
        String chosen = System.getProperty(CACHE);
        if (chosen != null && !chosen.isEmpty()) {
            return new String[] {new File(chosen).getAbsolutePath()};
        }
        String xdg = System.getenv("XDG_CACHE_HOME");
        String temporary = System.getProperty("java.io.tmpdir") + "/python4j-" + user();
        if (xdg != null && xdg.startsWith("/")) {
            return new String[] {xdg + "/python4j", temporary};
        }
        return isHomeless() ? new String[] {temporary}
                : new String[] {System.getProperty("user.home") + "/.cache/python4j", temporary};
    }

    /** Whether this is a user whom the system does not know, as those of many containers are: "?" or "/" is no home. */
    static boolean isHomeless() {
        String home = System.getProperty("user.home", "?");
        return home.equals("/") || !new File(home).isAbsolute();
    }

    /** The user's name, or number where the system knows no name: all such users are "?". */
    private static String user() {
        String name = System.getProperty("user.name", "?");
        if (!name.isEmpty() && !name.equals("?")) {
            return name;
        }
        try {
            return Files.getAttribute(Path.of("/proc/self"), "unix:uid").toString();
        } catch (IOException | RuntimeException e) { // no /proc: whoever makes the folder first has it
            return name;
        }
    }

    private static boolean isWindows() {
        return File.separatorChar == '\\';
    }

    /** Whether a folder exists and only this user can change its contents. */
    public static boolean isPrivate(Path folder) {
        if (isWindows()) {
            return folder.toFile().isDirectory(); // what lies in a user's profile is the user's
        }
        try {
            Map<String, Object> rights = Files.readAttributes(folder, "unix:uid,mode");
            Object me = Files.getAttribute(Path.of("/proc/self"), "unix:uid");
            return rights.get("uid").equals(me) && ((Integer) rights.get("mode") & 022) == 0;
        } catch (IOException | RuntimeException e) { // no such folder, no /proc, or a system without these rights
            return Unpacker.isPrivate(folder);
        }
    }

    /**
     * Whether a folder is private and others cannot put another one in its place: all above it are this
     * user's or root's, and if others write there, then nothing but what is their own (as in {@code /tmp}).
     */
    public static boolean isOurs(Path folder) {
        if (!isPrivate(folder)) {
            return false;
        }
        try {
            Object me = Files.getAttribute(folder, "unix:uid");
            Path absolute = folder.toAbsolutePath();
            Path real = folder.toRealPath();
            if (isSafeAbove(absolute, me) && (real.equals(absolute) || isSafeAbove(real, me))) {
                return true;
            }
            progress("Others can replace " + folder + ": what earlier starts noted there is not used", false);
            return false;
        } catch (IOException e) {
            return false;
        } catch (RuntimeException e) { // a system without these rights
            return true;
        }
    }

    private static boolean isSafeAbove(Path folder, Object me) throws IOException {
        for (Path above = folder.getParent(); above != null; above = above.getParent()) {
            Map<String, Object> rights = Files.readAttributes(above, "unix:uid,gid,mode");
            int mode = (Integer) rights.get("mode");
            Object group = rights.get("gid");
            // A group of root's, or the one that systems give each user, has nobody else in it.
            boolean shared = (mode & 02) != 0 || (mode & 020) != 0 && !group.equals(me) && !group.equals(0);
            boolean foreign = !rights.get("uid").equals(me) && !rights.get("uid").equals(0);
            if (foreign || shared && (mode & 01000) == 0) {
                return false;
            }
        }
        return true;
    }

    /** Logs a step that takes long. {@code java -jar python4j-core.jar} has no logging library. */
    public static void progress(String text, boolean important) {
        try {
            Log.write(text, important);
        } catch (LinkageError e) {
            return;
        }
    }

    /**
     * Handles a failure of {@code System.load}. This is a separate class, so that the classes that it needs are loaded
     * only then.
     */
    private static final class Failed {
        static void loadAgain(Path file, UnsatisfiedLinkError cause) {
            String advice = "Another class loader of this JVM has loaded " + file
                    + " already, and this one cannot share it: ";
            Path second = Unpacker.aside(file);
            try {
                if (!isMapped(file)) {
                    throw new IOException("the file was replaced since. Restart the JVM");
                }
                Files.createLink(second, file);
                System.load(second.toString());
            } catch (IOException | UnsupportedOperationException | UnsatisfiedLinkError e) {
                e.addSuppressed(cause);
                throw new PythonException(advice + e.getMessage()
                        + ". Or put python4j-core where both find it (the server's"
                        + " shared libraries).", e);
            } finally {
                try {
                    Files.deleteIfExists(second);
                } catch (IOException e) {
                    progress("A link could not be removed: " + e, false);
                }
            }
        }

        /**
         * Whether the file that lies there now is the one in this process; taken for granted where it cannot
         * be seen.
         */
        private static boolean isMapped(Path file) throws IOException {
            Path maps = Path.of("/proc/self/maps");
            if (isWindows() || !Files.isReadable(maps)) {
                return true;
            }
            String path = file.toRealPath().toString();
            for (String line : Files.readAllLines(maps)) {
                if (line.endsWith(path)) {
                    return true;
                }
            }
            return false;
        }

        static String explain(String file, UnsatisfiedLinkError e) {
            String why = String.valueOf(e.getMessage());
            if (why.contains("failed to map segment") || why.contains("Operation not permitted")) {
                return "The file system of " + new File(file).getParent()
                        + " does not allow programs (it is mounted noexec): " + why
                        + ". Set -D" + CACHE + " to a folder where they may run.";
            }
            if (why.contains("GLIBC_") || why.contains("ld-linux") || why.contains("libc.so")) {
                return file + " does not fit this system's C library; it was built for a newer glibc, or this system"
                        + " uses musl: " + why;
            }
            return file + " cannot be loaded: " + why;
        }
    }

    /** This class is loaded at a first start only, because a logging library costs more time than a warm start. */
    private static final class Log {
        // Of two threads of a start the second one waits here: SLF4J warns of loggers that are asked for while it looks for its library.
        private static final org.slf4j.Logger LOG = org.slf4j.LoggerFactory.getLogger(NativeLoader.class);

        static void write(String text, boolean important) {
            if (important) {
                LOG.info(text);
            } else {
                LOG.debug(text);
            }
        }
    }
}
