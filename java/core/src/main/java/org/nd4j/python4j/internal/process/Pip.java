// SPDX-License-Identifier: Apache-2.0
// pip, one call after the other, also among the JVMs of one user; and what the Python inside this process has to know
// of what was installed.
package org.nd4j.python4j.internal.process;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
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
import java.util.concurrent.locks.ReentrantLock;
import java.util.regex.Pattern;
import org.nd4j.python4j.Python;
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.PythonGC;
import org.nd4j.python4j.PythonGIL;
import org.nd4j.python4j.internal.start.Interpreter;
import org.nd4j.python4j.internal.start.Unpacker;

/** Runs pip. A failure is a {@link PythonException} with the last lines that pip printed. */
public final class Pip {

    private static final List<String> MODULE = Arrays.asList("-m", "pip");
    private static final Duration PATIENCE = Duration.ofSeconds(10);
    private static final ReentrantLock TURN = new ReentrantLock(true);

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
    public static final Pattern NAME =
            Pattern.compile("[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?(\\s*\\[[A-Za-z0-9._, -]*\\])?");
    public static final Pattern NUMBER = Pattern.compile("[A-Za-z0-9][A-Za-z0-9.!+*_-]*");

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

    private Pip() {}

    public static void install(Interpreter interpreter, String failed, boolean editable, String... what) {
        install(interpreter, MODULE, failed, editable, what);
    }

    /** Installs what pip's arguments name; {@code program} is how the interpreter runs pip. */
    static void install(Interpreter interpreter, List<String> program, String failed, boolean editable, String... what) {
        try {
            Path constraints = Files.createTempFile("python4j-", ".txt");
            try {
                Files.write(constraints, brought(interpreter, failed));
                List<String> arguments = new ArrayList<>(Arrays.asList("install", "-c", constraints.toString()));
                arguments.addAll(Arrays.asList(what));
                run(interpreter, program, failed, editable, arguments.toArray(new String[0]));
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
    public static List<String> brought(Interpreter interpreter, String failed) {
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
    public static String normal(String name) {
        return name.replaceAll("[-_.]+", "-").toLowerCase(Locale.ROOT);
    }

    /** What pip would take for an option is no package, nor is what it would read as several lines. */
    public static String argument(String text) {
        String argument = text.trim();
        if (argument.startsWith("-")) {
            throw new PythonException("Not a package but an option of pip: '" + text + "'");
        }
        if (argument.isEmpty() || argument.chars().anyMatch(Character::isISOControl)) {
            throw new PythonException("Not a package: '" + text + "'");
        }
        return argument;
    }

    public static void run(Interpreter interpreter, String failed, String... arguments) {
        run(interpreter, MODULE, failed, false, arguments);
    }

    private static void run(
            Interpreter interpreter, List<String> program, String failed, boolean editable, String... arguments) {
        List<String> all = new ArrayList<>(program);
        all.addAll(Arrays.asList("--disable-pip-version-check", "--no-input"));
        all.addAll(Arrays.asList(arguments));
        try {
            TURN.lockInterruptibly();
            try (FileChannel file = Unpacker.open(lockFile(interpreter), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
                    FileLock lock = file.lock()) {
                Processes.check(failed, Processes.capture(interpreter, true, all));
                refresh(interpreter, editable);
            } finally {
                TURN.unlock();
            }
        } catch (IOException e) {
            throw new PythonException(failed + ": " + e, e);
        } catch (InterruptedException e) {
            throw Processes.interrupted(failed, e);
        }
    }

    /** The version of an installed package, null if there is none. */
    public static String version(String failed, String packageName) {
        try {
            Processes.Outcome outcome = Processes.capture(Interpreter.chosen(), true, Arrays.asList("-c", VERSION, argument(packageName)));
            if (outcome.status == UNKNOWN) {
                return null;
            }
            Processes.check(failed, outcome);
            return outcome.output.trim();
        } catch (IOException e) {
            throw new PythonException(failed + ": " + e, e);
        } catch (InterruptedException e) {
            throw Processes.interrupted(failed, e);
        }
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
}
