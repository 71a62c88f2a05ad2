// SPDX-License-Identifier: Apache-2.0
// Python in a process of its own, and pip. Which interpreter and with what environment is decided
// in Interpreter, the same as for the one inside this process.
package org.nd4j.python4j;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import java.util.regex.Pattern;
import org.nd4j.python4j.internal.start.Interpreter;
import org.nd4j.python4j.internal.start.Unpacker;

/**
 * Runs Python in a process of its own, with the interpreter that is chosen when the method is called: the embedded
 * one unless another was chosen. Once Python runs inside this process, it is that interpreter, and a choice that names
 * another one is an exception.
 *
 * <p>No shell is involved and arguments arrive as they are. Nothing here needs a turn of
 * {@link PythonGIL} or starts Python inside this process. An interrupt of the calling thread ends the
 * child process.
 *
 * <p>The pip methods install into that same interpreter. The embedded one is shared by all programs of this user:
 * what one program installs there, the others see. A program that needs packages of its own makes an environment by
 * {@link PythonEnvironment#create}.
 *
 * <p>What the pip methods install can be imported inside this process at once. Their calls are made one
 * after the other, also those of other JVMs of this user. If pip fails, they throw a
 * {@link PythonException} with the last lines that pip printed. Packages that the class path brings, for example numpy,
 * count as installed for pip and are never changed: a package that needs another version of one is not installed.
 */
public class PythonProcess {

    private static final List<String> PIP_MODULE = Arrays.asList("-m", "pip");
    private static final int SHOWN_LINES = 12;
    private static final Duration PATIENCE = Duration.ofSeconds(10);
    private static final ReentrantLock PIP = new ReentrantLock(true);

    /** How the version of a package is asked for; an unknown one is status 3. */
    private static final String VERSION = String.join("\n",
            "import sys",
            "from importlib.metadata import PackageNotFoundError, version",
            "try:",
            "    print(version(sys.argv[1]))",
            "except PackageNotFoundError:",
            "    sys.exit(3)");
    private static final int UNKNOWN = 3;

    /** A name as packages have it, with extras or without, and a version. */
    static final Pattern NAME =
            Pattern.compile("[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?(\\s*\\[[A-Za-z0-9._, -]*\\])?");
    static final Pattern NUMBER = Pattern.compile("[A-Za-z0-9][A-Za-z0-9.!+*_-]*");

    /** The transports of git's that need no program besides. */
    private static final Pattern GIT = Pattern.compile("git\\+(https?|ssh|git|file)://[^-\\s]\\S*");

    /** Folders that appeared since the start, .pth files of editable installs, and Python's own caches. */
    private static final String REFRESH = String.join("\n",
            "import importlib, os, site, sys",
            "folders = site.getsitepackages()",
            "if site.ENABLE_USER_SITE:",
            "    folders.append(site.getusersitepackages())",
            "for folder in folders:",
            "    if os.path.isdir(folder) and (editable or folder not in sys.path):",
            "        site.addsitedir(folder)",
            "importlib.invalidate_caches()");

    /** Upstream: the class only has static members and a public constructor all the same. */
    public PythonProcess() {}

    /**
     * Runs Python with these arguments and waits for its end. Its stderr is this process's, its stdin is
     * empty, and its exit status is not looked at: {@link #runForStatus} gives it.
     *
     * @return what it wrote to stdout, read as UTF-8 and otherwise unchanged
     * @throws IOException if it cannot be started
     * @throws InterruptedException if the thread is interrupted; the process is ended then
     * @throws PythonException if there is no interpreter
     */
    public static String runAndReturn(String... arguments) throws IOException, InterruptedException {
        return capture(Interpreter.chosen(), false, Arrays.asList(arguments)).output;
    }

    /**
     * Runs Python with these arguments, with this process's stdin, stdout and stderr, and waits for its
     * end. Its exit status is not looked at: {@link #runForStatus} gives it.
     *
     * @throws IOException if it cannot be started
     * @throws InterruptedException if the thread is interrupted; the process is ended then
     * @throws PythonException if there is no interpreter
     */
    public static void run(String... arguments) throws IOException, InterruptedException {
        runForStatus(arguments);
    }

    /**
     * As {@link #run}, and gives the exit status: 0 where all went well. Any other is no exception.
     *
     * @throws IOException if it cannot be started
     * @throws InterruptedException if the thread is interrupted; the process is ended then
     * @throws PythonException if there is no interpreter
     */
    public static int runForStatus(String... arguments) throws IOException, InterruptedException {
        return await(command(Interpreter.chosen(), Arrays.asList(arguments)).inheritIO().start());
    }

    /**
     * Installs a package.
     *
     * <p>A text from elsewhere should be a name that is looked up before: a package runs its code when it is
     * installed, and an address installs whatever lies there.
     *
     * @param packageName what pip takes for one: a name, perhaps with extras, versions and markers, a path, an
     *     address; options of pip are refused
     * @throws PythonException if pip fails, the thread is interrupted, or that is no package
     */
    public static void pipInstall(String packageName) throws PythonException {
        install(Interpreter.chosen(), "Error installing package " + packageName, false, "--", argument(packageName));
    }

    /**
     * Installs a version of a package.
     *
     * @param packageName a name, perhaps with extras; no path and no address
     * @param version as in {@code name==version}
     * @throws PythonException if pip fails, the thread is interrupted, or that is no name or no version
     */
    public static void pipInstall(String packageName, String version) {
        String name = argument(packageName);
        if (!NAME.matcher(name).matches()) {
            throw new PythonException("Not the name of a package: '" + packageName + "'");
        }
        String number = version.trim();
        if (!NUMBER.matcher(number).matches()) {
            throw new PythonException("Not a version of " + name + ": '" + version + "'");
        }
        pipInstall(name + "==" + number);
    }

    /**
     * Removes a package, without asking.
     *
     * @throws PythonException if pip fails, which it does not for an unknown package, the class path brings the
     *     package, or the thread is interrupted
     */
    public static void pipUninstall(String packageName) throws PythonException {
        String failed = "Error uninstalling package " + packageName;
        String name = argument(packageName);
        Interpreter interpreter = Interpreter.chosen();
        for (String brought : brought(interpreter, failed)) {
            if (normal(brought.split("==")[0]).equals(normal(name))) {
                throw new PythonException(failed + ": " + brought + " comes with the class path, and goes with its dependency.");
            }
        }
        pip(interpreter, PIP_MODULE, failed, false, "uninstall", "-y", "--", name);
    }

    /**
     * Installs a package from a git repository, for which there must be a git program.
     *
     * @param gitRepoUrl its address: {@code https}, {@code http}, {@code ssh}, {@code git} or {@code file}; without
     *     a scheme it is taken for a {@code git://} one
     * @throws PythonException if pip fails, the thread is interrupted, or that is no such address
     */
    public static void pipInstallFromGit(String gitRepoUrl) {
        String url = argument(gitRepoUrl);
        if (!url.contains("://")) {
            url = "git://" + url;
        }
        if (!url.startsWith("git+")) {
            url = "git+" + url;
        }
        if (!GIT.matcher(url).matches()) {
            throw new PythonException("Not the address of a git repository: '" + gitRepoUrl + "'");
        }
        install(Interpreter.chosen(), "Error installing package from " + gitRepoUrl, false, "--", url);
    }

    /**
     * The version of an installed package.
     *
     * @throws PythonException {@code Can't find package NAME} if it is not installed; if it cannot be
     *     found out, or the thread is interrupted
     */
    public static String getPackageVersion(String packageName) {
        String version = version("Error finding version for package " + packageName, packageName);
        if (version == null) {
            throw new PythonException("Can't find package " + packageName);
        }
        return version;
    }

    /**
     * Whether a package is installed.
     *
     * @throws PythonException if that cannot be found out, or the thread is interrupted
     */
    public static boolean isPackageInstalled(String packageName) {
        return version("Error checking if package is installed: " + packageName, packageName) != null;
    }

    /**
     * Installs what a requirements file lists.
     *
     * @throws PythonException if pip fails, with a missing file for one, or the thread is interrupted
     */
    public static void pipInstallFromRequirementsTxt(String path) {
        install(Interpreter.chosen(), "Error installing packages from " + path, false,
                "-r", Paths.get(path).toAbsolutePath().toString());
    }

    /**
     * Installs the package of a setup script.
     *
     * @param path a {@code setup.py} or its folder
     * @param isDevelop whether the package stays where it is, so that changes to it show at once
     * @throws PythonException if pip fails, there is no such script, or the thread is interrupted
     */
    public static void pipInstallFromSetupScript(String path, boolean isDevelop) {
        String failed = "Error installing packages from " + path;
        Path script = Paths.get(path).toAbsolutePath();
        if (!Files.isDirectory(script)) {
            if (!script.endsWith("setup.py") || !Files.isRegularFile(script)) {
                throw new PythonException(failed + ": there is no setup.py of that name");
            }
            script = script.getParent();
        }
        if (isDevelop) {
            install(Interpreter.chosen(), failed, true, "-e", script.toString());
        } else {
            install(Interpreter.chosen(), failed, false, script.toString());
        }
    }

    // ---- pip ----

    private static void install(Interpreter interpreter, String failed, boolean editable, String... what) {
        install(interpreter, PIP_MODULE, failed, editable, what);
    }

    /** Installs what pip's arguments name; {@code program} is how the interpreter runs pip. */
    static void install(Interpreter interpreter, List<String> program, String failed, boolean editable, String... what) {
        try {
            Path constraints = Files.createTempFile("python4j-", ".txt");
            try {
                Files.write(constraints, brought(interpreter, failed));
                List<String> arguments = new ArrayList<>(Arrays.asList("install", "-c", constraints.toString()));
                arguments.addAll(Arrays.asList(what));
                pip(interpreter, program, failed, editable, arguments.toArray(new String[0]));
            } finally {
                Files.deleteIfExists(constraints);
            }
        } catch (IOException e) {
            throw new PythonException(failed + ": " + e, e);
        }
    }

    /**
     * What the class path brings, as {@code name==version}. pip takes it for installed and would remove it for
     * another version: files that other JVMs use, too.
     */
    private static List<String> brought(Interpreter interpreter, String failed) {
        List<String> all = new ArrayList<>();
        for (String folder : interpreter.packages()) {
            try (DirectoryStream<Path> found = Files.newDirectoryStream(Paths.get(folder), "*-*.dist-info")) {
                for (Path info : found) {
                    all.add(info.getFileName().toString().replaceFirst("-([^-]*)\\.dist-info$", "==$1"));
                }
            } catch (IOException e) {
                throw new PythonException(failed + ": " + e, e);
            }
        }
        return all;
    }

    /** A package's name as it is compared: case and separators do not count. */
    static String normal(String name) {
        return name.replaceAll("[-_.]+", "-").toLowerCase(Locale.ROOT);
    }

    /** What pip would take for an option is no package, nor is what it would read as several lines. */
    static String argument(String text) {
        String argument = text.trim();
        if (argument.startsWith("-")) {
            throw new PythonException("Not a package but an option of pip: '" + text + "'");
        }
        if (argument.isEmpty() || argument.chars().anyMatch(Character::isISOControl)) {
            throw new PythonException("Not a package: '" + text + "'");
        }
        return argument;
    }

    private static void pip(
            Interpreter interpreter, List<String> program, String failed, boolean editable, String... arguments) {
        List<String> all = new ArrayList<>(program);
        all.addAll(Arrays.asList("--disable-pip-version-check", "--no-input"));
        all.addAll(Arrays.asList(arguments));
        try {
            PIP.lockInterruptibly();
            try (FileChannel file = Unpacker.open(lockFile(interpreter), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
                    FileLock lock = file.lock()) {
                check(failed, capture(interpreter, true, all));
                refresh(interpreter, editable);
            } finally {
                PIP.unlock();
            }
        } catch (IOException e) {
            throw new PythonException(failed + ": " + e, e);
        } catch (InterruptedException e) {
            throw interrupted(failed, e);
        }
    }

    private static String version(String failed, String packageName) {
        try {
            Outcome outcome = capture(Interpreter.chosen(), true, Arrays.asList("-c", VERSION, argument(packageName)));
            if (outcome.status == UNKNOWN) {
                return null;
            }
            check(failed, outcome);
            return outcome.output.trim();
        } catch (IOException e) {
            throw new PythonException(failed + ": " + e, e);
        } catch (InterruptedException e) {
            throw interrupted(failed, e);
        }
    }

    static void check(String failed, Outcome outcome) {
        if (outcome.status != 0) {
            String[] lines = outcome.output.trim().split("\\R+");
            int from = Math.max(0, lines.length - SHOWN_LINES);
            throw new PythonException(failed + " (exit status " + outcome.status + "):\n"
                    + String.join("\n", Arrays.asList(lines).subList(from, lines.length)));
        }
    }

    static PythonException interrupted(String failed, InterruptedException e) {
        Thread.currentThread().interrupt();
        return new PythonException(failed + ": interrupted", e);
    }

    /** One file for each interpreter, in the user's cache; several JVMs meet there. */
    private static Path lockFile(Interpreter interpreter) {
        return Unpacker.cache().resolve("pip-" + Integer.toHexString(interpreter.executable().hashCode()) + ".lock");
    }

    /** Makes what was installed known to the Python inside this process, if that one runs. */
    private static void refresh(Interpreter interpreter, boolean editable) throws InterruptedException {
        if (!interpreter.isRunning()) {
            return;
        }
        // A thread that is busy in Python for longer finds new folders by their time of change.
        try (PythonGIL gil = PythonGIL.tryLock(PATIENCE)) {
            if (gil != null) {
                try (PythonGC gc = PythonGC.watch()) {
                    Python.attr("exec").call(REFRESH, Collections.singletonMap("editable", editable));
                }
            }
        }
    }

    // ---- processes ----

    static final class Outcome {
        final String output;
        final int status;

        Outcome(String output, int status) {
            this.output = output;
            this.status = status;
        }
    }

    private static ProcessBuilder command(Interpreter interpreter, List<String> arguments) {
        List<String> command = new ArrayList<>();
        command.add(interpreter.executable());
        command.addAll(arguments);
        ProcessBuilder builder = new ProcessBuilder(command);
        Map<String, String> environment = builder.environment();
        environment.putAll(interpreter.childEnvironment());
        environment.putIfAbsent("PYTHONIOENCODING", "utf-8"); // what runAndReturn reads, whatever the locale
        return builder;
    }

    /**
     * Runs Python and gives what it printed. It prints to a file: a pipe would have to be read while it
     * runs, which cannot be interrupted, and stays open as long as any child of the child lives.
     */
    static Outcome capture(Interpreter interpreter, boolean errorsToo, List<String> arguments)
            throws IOException, InterruptedException {
        Path file = Files.createTempFile("python4j-", ".out");
        try {
            ProcessBuilder builder = command(interpreter, arguments).redirectOutput(file.toFile());
            if (errorsToo) {
                builder.redirectErrorStream(true);
            } else {
                builder.redirectError(ProcessBuilder.Redirect.INHERIT);
            }
            Process process = builder.start();
            process.getOutputStream().close();
            int status = await(process);
            return new Outcome(new String(Files.readAllBytes(file), StandardCharsets.UTF_8), status);
        } finally {
            Files.deleteIfExists(file);
        }
    }

    private static int await(Process process) throws InterruptedException {
        try {
            return process.waitFor();
        } catch (InterruptedException e) {
            List<ProcessHandle> all = new ArrayList<>();
            process.descendants().forEach(all::add);
            all.add(process.toHandle());
            all.forEach(ProcessHandle::destroy);
            if (!endsSoon(process)) {
                all.forEach(ProcessHandle::destroyForcibly);
            }
            throw e;
        }
    }

    private static boolean endsSoon(Process process) {
        try {
            return process.waitFor(1, TimeUnit.SECONDS);
        } catch (InterruptedException again) {
            Thread.currentThread().interrupt();
            return false;
        }
    }
}
