// SPDX-License-Identifier: Apache-2.0
// Runs pip in a separate process. The public class is PythonProcess, which also tells a running Python what has
// changed. VirtualEnvironment runs pip for environments in a different way.
package org.nd4j.python4j.internal.process;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.locks.ReentrantLock;
import java.util.regex.Pattern;
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.internal.start.Interpreter;
import org.nd4j.python4j.internal.start.Unpacker;

/** Runs pip. Calls run one after the other, including calls of other JVMs of this user. No method needs a turn. */
public final class Pip {

    private static final List<String> MODULE = Arrays.asList("-m", "pip");
    private static final ReentrantLock ONE_AT_A_TIME = new ReentrantLock(true);

    /** The program that prints the version of a package. For an unknown package its status is 3. */
    private static final String VERSION = String.join("\n",
            "import sys",
            "from importlib.metadata import PackageNotFoundError, version",
            "try:",
            "    print(version(sys.argv[1]))",
            "except PackageNotFoundError:",
            "    sys.exit(3)");
    private static final int UNKNOWN = 3;

    /** The name of a package, with or without extras. */
    public static final Pattern NAME =
            Pattern.compile("[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?(\\s*\\[[A-Za-z0-9._, -]*\\])?");

    private Pip() {}

    /** Installs the packages that pip's arguments name. */
    public static void install(Interpreter interpreter, String failed, String... what) {
        install(interpreter, MODULE, failed, what);
    }

    /** Installs packages; {@code program} is the command by which the interpreter runs pip. */
    static void install(Interpreter interpreter, List<String> program, String failed, String... what) {
        try {
            Path constraints = Files.createTempFile("python4j-", ".txt");
            try {
                Files.write(constraints, brought(interpreter, failed));
                List<String> arguments = new ArrayList<>(Arrays.asList("install", "-c", constraints.toString()));
                arguments.addAll(Arrays.asList(what));
                run(interpreter, program, failed, arguments.toArray(new String[0]));
            } finally {
                Files.deleteIfExists(constraints);
            }
        } catch (IOException e) {
            throw new PythonException(failed + ": " + e, e);
        }
    }

    /** Removes a package, unless it comes from the class path. */
    public static void uninstall(Interpreter interpreter, String failed, String packageName) {
        String name = argument(packageName);
        for (String brought : brought(interpreter, failed)) {
            if (normal(brought.split("==")[0]).equals(normal(name))) {
                throw new PythonException(failed + ": " + brought + " comes with the class path, and goes with its dependency.");
            }
        }
        run(interpreter, MODULE, failed, "uninstall", "-y", "--", name);
    }

    /**
     * The packages from the class path, as {@code name==version}. For pip they are installed, and it would replace them
     * by another version, although other JVMs use the same files.
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

    /** The normalized name of a package, in which case and separators do not matter. */
    static String normal(String name) {
        return name.replaceAll("[-_.]+", "-").toLowerCase(Locale.ROOT);
    }

    /** Rejects a text that pip would read as an option or as several lines; such a text is not a package. */
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

    private static void run(Interpreter interpreter, List<String> program, String failed, String... arguments) {
        List<String> all = new ArrayList<>(program);
        all.addAll(Arrays.asList("--disable-pip-version-check", "--no-input"));
        all.addAll(Arrays.asList(arguments));
        try {
            ONE_AT_A_TIME.lockInterruptibly();
            try (FileChannel file = Unpacker.open(lockFile(interpreter), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
                    FileLock lock = file.lock()) {
                PythonChild.capture(interpreter, true, all).check(failed);
            } finally {
                ONE_AT_A_TIME.unlock();
            }
        } catch (IOException e) {
            throw new PythonException(failed + ": " + e, e);
        } catch (InterruptedException e) {
            throw PythonChild.interrupted(failed, e);
        }
    }

    /** The version of an installed package, null if it is not installed. */
    public static String version(Interpreter interpreter, String failed, String packageName) {
        try {
            PythonChild child = PythonChild.capture(interpreter, true, Arrays.asList("-c", VERSION, argument(packageName)));
            return child.status == UNKNOWN ? null : child.check(failed).output.trim();
        } catch (IOException e) {
            throw new PythonException(failed + ": " + e, e);
        } catch (InterruptedException e) {
            throw PythonChild.interrupted(failed, e);
        }
    }

    /** The lock file, one for each interpreter, in the user's cache. Several JVMs use the same file. */
    private static Path lockFile(Interpreter interpreter) {
        return Unpacker.cache().resolve("pip-" + Integer.toHexString(interpreter.executable().hashCode()) + ".lock");
    }
}
