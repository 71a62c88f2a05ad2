// SPDX-License-Identifier: Apache-2.0
// Runs Python and pip in separate processes. This is the public class; the package internal.process implements
// it.
package org.nd4j.python4j;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.time.Duration;
import java.util.Arrays;
import java.util.Collections;
import java.util.regex.Pattern;
import org.nd4j.python4j.internal.process.Pip;
import org.nd4j.python4j.internal.process.PythonChild;
import org.nd4j.python4j.internal.start.Interpreter;

/**
 * Runs Python in a process of its own, with the interpreter that is chosen when the method is called: the embedded
 * one unless another was chosen. Once Python runs inside this process, it is that interpreter, and a choice that names
 * another one is an exception.
 *
 * <p>This starts programs. To call functions in other processes, with typed values, there is {@code PythonPool} of the artifact
 * {@code python4j-pool}.
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

    private static final Duration PATIENCE = Duration.ofSeconds(10);

    private static final Pattern NUMBER = Pattern.compile("[A-Za-z0-9][A-Za-z0-9.!+*_-]*");

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
        return PythonChild.capture(Interpreter.chosen(), false, Arrays.asList(arguments)).output;
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
        return PythonChild.run(Interpreter.chosen(), Arrays.asList(arguments));
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
        install(false, "Error installing package " + packageName, "--", Pip.argument(packageName));
    }

    /**
     * Installs a version of a package.
     *
     * @param packageName a name, perhaps with extras; no path and no address
     * @param version as in {@code name==version}
     * @throws PythonException if pip fails, the thread is interrupted, or that is no name or no version
     */
    public static void pipInstall(String packageName, String version) {
        String name = Pip.argument(packageName);
        if (!Pip.NAME.matcher(name).matches()) {
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
        Interpreter interpreter = Interpreter.chosen();
        String failed = "Error uninstalling package " + packageName;
        Pip.uninstall(interpreter, failed, packageName);
        refresh(interpreter, failed, false);
    }

    /**
     * Installs a package from a git repository, for which there must be a git program.
     *
     * @param gitRepoUrl its address: {@code https}, {@code http}, {@code ssh}, {@code git} or {@code file}; without
     *     a scheme it is taken for a {@code git://} one
     * @throws PythonException if pip fails, the thread is interrupted, or that is no such address
     */
    public static void pipInstallFromGit(String gitRepoUrl) {
        String url = Pip.argument(gitRepoUrl);
        if (!url.contains("://")) {
            url = "git://" + url;
        }
        if (!url.startsWith("git+")) {
            url = "git+" + url;
        }
        if (!GIT.matcher(url).matches()) {
            throw new PythonException("Not the address of a git repository: '" + gitRepoUrl + "'");
        }
        install(false, "Error installing package from " + gitRepoUrl, "--", url);
    }

    /**
     * The version of an installed package.
     *
     * @throws PythonException {@code Can't find package NAME} if it is not installed; if it cannot be
     *     found out, or the thread is interrupted
     */
    public static String getPackageVersion(String packageName) {
        String version = Pip.version(Interpreter.chosen(), "Error finding version for package " + packageName, packageName);
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
        return Pip.version(Interpreter.chosen(), "Error checking if package is installed: " + packageName, packageName) != null;
    }

    /**
     * Installs what a requirements file lists.
     *
     * @throws PythonException if pip fails, with a missing file for one, or the thread is interrupted
     */
    public static void pipInstallFromRequirementsTxt(String path) {
        install(false, "Error installing packages from " + path,
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
            install(true, failed, "-e", script.toString());
        } else {
            install(false, failed, script.toString());
        }
    }

    // ---- what pip has changed ----

    private static void install(boolean editable, String failed, String... what) {
        Interpreter interpreter = Interpreter.chosen();
        Pip.install(interpreter, failed, what);
        refresh(interpreter, failed, editable);
    }

    /** Makes what was installed known to the Python inside this process, if that one runs. */
    static void refresh(Interpreter interpreter, String failed, boolean editable) {
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
        } catch (InterruptedException e) {
            throw PythonChild.interrupted(failed, e);
        }
    }
}
