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
 * Runs Python in a separate process, with the interpreter that is chosen when the method is called. Without a choice
 * this is the embedded interpreter. Once Python runs inside this process, the same interpreter is used, and if another
 * one is chosen, the methods throw an exception.
 *
 * <p>This class starts programs. {@code PythonPool} of the artifact {@code python4j-pool} calls functions in other
 * processes, with typed values.
 *
 * <p>No shell is used, and arguments are passed unchanged. No method needs a turn of {@link PythonGIL} or starts Python
 * inside this process. An interrupt of the calling thread ends the child process.
 *
 * <p>The pip methods install packages into the same interpreter. All programs of a user share the embedded interpreter,
 * so a package that one program installs there is visible to all others. A program that needs its own packages creates
 * an environment by {@link PythonEnvironment#create}.
 *
 * <p>Python inside this process can import installed packages at once. Calls of the pip methods run one after the
 * other, including calls of other JVMs of this user. If pip fails, the methods throw a {@link PythonException} with the
 * last lines that pip printed. Packages from the class path, for example numpy, count as installed for pip and are
 * never changed. A package that needs another version of such a package is not installed.
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

    /** The class has only static members. The constructor is public because it is public in upstream. */
    public PythonProcess() {}

    /**
     * Runs Python with these arguments and waits until it ends. It uses the stderr of this process, and its stdin is
     * empty. The exit status is ignored; {@link #runForStatus} returns it.
     *
     * @return the output on stdout, decoded as UTF-8 and otherwise unchanged
     * @throws IOException if it cannot be started
     * @throws InterruptedException if the thread is interrupted; the process is ended then
     * @throws PythonException if there is no interpreter
     */
    public static String runAndReturn(String... arguments) throws IOException, InterruptedException {
        return PythonChild.capture(Interpreter.chosen(), false, Arrays.asList(arguments)).output;
    }

    /**
     * Runs Python with these arguments, with the stdin, stdout and stderr of this process, and waits until it ends. The
     * exit status is ignored; {@link #runForStatus} returns it.
     *
     * @throws IOException if it cannot be started
     * @throws InterruptedException if the thread is interrupted; the process is ended then
     * @throws PythonException if there is no interpreter
     */
    public static void run(String... arguments) throws IOException, InterruptedException {
        runForStatus(arguments);
    }

    /**
     * Like {@link #run}, but returns the exit status, which is 0 on success. Another status does not throw an
     * exception.
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
     * <p>If the argument comes from an untrusted source, check it against a list of known packages first. A package can
     * run code when it is installed, and a URL installs any package that is stored there.
     *
     * @param packageName a package as pip accepts it: a name, with optional extras, versions and markers, a path, or a
     *     URL; options of pip are rejected
     * @throws PythonException if pip fails, the thread is interrupted, or the argument is not a package
     */
    public static void pipInstall(String packageName) throws PythonException {
        install(false, "Error installing package " + packageName, "--", Pip.argument(packageName));
    }

    /**
     * Installs a version of a package.
     *
     * @param packageName a name, with optional extras; a path or a URL is not allowed
     * @param version the version, as in {@code name==version}
     * @throws PythonException if pip fails, the thread is interrupted, or an argument is not a name or not a version
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
     * Removes a package without a confirmation.
     *
     * @throws PythonException if pip fails, if the package comes from the class path, or if the thread is interrupted;
     *     an unknown package is not an error
     */
    public static void pipUninstall(String packageName) throws PythonException {
        Interpreter interpreter = Interpreter.chosen();
        String failed = "Error uninstalling package " + packageName;
        Pip.uninstall(interpreter, failed, packageName);
        refresh(interpreter, failed, false);
    }

    /**
     * Installs a package from a git repository. This needs a git program on the machine.
     *
     * @param gitRepoUrl the URL of the repository, with the scheme {@code https}, {@code http}, {@code ssh}, {@code
     *     git} or {@code file}; without a scheme it is read as a {@code git://} URL
     * @throws PythonException if pip fails, the thread is interrupted, or the argument is not such a URL
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
     * @throws PythonException {@code Can't find package NAME} if it is not installed; also if the version cannot be
     *     determined, or the thread is interrupted
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
     * @throws PythonException if this cannot be determined, or the thread is interrupted
     */
    public static boolean isPackageInstalled(String packageName) {
        return Pip.version(Interpreter.chosen(), "Error checking if package is installed: " + packageName, packageName) != null;
    }

    /**
     * Installs the packages of a requirements file.
     *
     * @throws PythonException if pip fails, for example because the file is missing, or the thread is interrupted
     */
    public static void pipInstallFromRequirementsTxt(String path) {
        install(false, "Error installing packages from " + path,
                "-r", Paths.get(path).toAbsolutePath().toString());
    }

    /**
     * Installs the package of a setup script.
     *
     * @param path a {@code setup.py} or its folder
     * @param isDevelop whether the package stays in its folder, so that changes to it have an effect at once
     * @throws PythonException if pip fails, the script does not exist, or the thread is interrupted
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
