// SPDX-License-Identifier: Apache-2.0
// Creates virtual environments and installs packages into them. The public class is PythonEnvironment; the
// class Pip shows how pip is run.
package org.nd4j.python4j.internal.process;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.internal.packages.Folders;
import org.nd4j.python4j.internal.start.Interpreter;
import org.nd4j.python4j.internal.start.NativeLoader;
import org.nd4j.python4j.internal.start.Unpacker;

/**
 * Creates an environment in a temporary folder beside the final one and then renames it, so that a killed process
 * leaves no incomplete environment. Processes that create the same environment wait for each other by a lock file
 * beside it. No method needs a turn.
 */
public final class VirtualEnvironment {

    /** The name of a file that exists while pip changes the environment, and afterwards if pip did not finish. */
    private static final String CHANGING = "python4j-installing";

    /**
     * Creates an environment. On Windows the embedded CPython has none of the programs that are copied into one; its own
     * does as well, beside its own libraries. That one's pip lies in the standard library, where ensurepip sees it.
     */
    private static final String MAKE = String.join("\n",
            "import ensurepip, os, shutil, subprocess, sys, venv",
            "class Embedded(venv.EnvBuilder):",
            "    def setup_python(self, context):",
            "        for name in os.listdir(context.python_dir):",
            "            if name.lower().startswith(('python', 'vcruntime')) and name.lower().endswith(('.exe', '.dll')):",
            "                shutil.copy2(os.path.join(context.python_dir, name), context.bin_path)",
            "    def _setup_pip(self, context):",
            "        wheels = os.path.join(os.path.dirname(ensurepip.__file__), '_bundled')",
            "        subprocess.run([context.env_exe, '-Im', 'pip', '--isolated', 'install', '--ignore-installed', '--no-index',",
            "            '--find-links', wheels, 'pip'], check=True)",
            "launcher = os.path.join(os.path.dirname(venv.__file__), 'scripts', 'nt', 'venvlauncher.exe')",
            "Builder = Embedded if os.name == 'nt' and not os.path.exists(launcher) else venv.EnvBuilder",
            "Builder(with_pip=True, symlinks=os.name != 'nt', prompt=sys.argv[1]).create(sys.argv[2])");

    /**
     * Runs pip. The lock is this process's, not the JVM's: a pip whose JVM was killed goes on, and the next one waits for
     * it. If that one was killed as well, a package may have its description without being complete, and pip would take it
     * for installed: pip writes the file INSTALLER last.
     */
    private static final String PIP = String.join("\n",
            "import errno, glob, os, runpy, shutil, sys, sysconfig",
            "lock = open(os.path.join(sys.prefix, 'python4j.lock'), 'a')",
            "try:",
            "    import fcntl",
            "    fcntl.flock(lock, fcntl.LOCK_EX)",
            "except ImportError:", // Windows, where a lock is waited for ten seconds
            "    import msvcrt",
            "    waits = True",
            "    while waits:",
            "        try:",
            "            waits = msvcrt.locking(lock.fileno(), msvcrt.LK_LOCK, 1)",
            "        except OSError as e:",
            "            waits = e.errno == errno.EDEADLOCK",
            "changing = os.path.join(sys.prefix, '" + CHANGING + "')",
            "if os.path.exists(changing):",
            "    for info in glob.glob(os.path.join(glob.escape(sysconfig.get_path('purelib')), '*.dist-info')):",
            "        if not os.path.exists(os.path.join(info, 'INSTALLER')):",
            "            shutil.rmtree(info)",
            "open(changing, 'w').close()",
            "try:",
            "    runpy.run_module('pip', run_name='__main__', alter_sys=True)",
            "except SystemExit as end:",
            "    if not end.code:",
            "        os.remove(changing)",
            "    raise");

    private VirtualEnvironment() {}

    /** Creates an environment unless it exists. */
    public static void make(Path folder) {
        String failed = "The environment " + folder + " cannot be made";
        try {
            if (isThere(folder)) {
                if (!isWhole(folder)) {
                    base(folder); // what it was made from may have been the embedded CPython, which is unpacked now
                }
                if (!isWhole(folder)) {
                    throw new PythonException("The environment " + folder + " is broken: the Python it was made from is gone."
                            + " Delete the folder and make it anew.");
                }
                return;
            }
            Interpreter base = base(folder);
            endInterrupted();
            Files.createDirectories(folder.getParent());
            try (Unpacker.Lock lock = Unpacker.Lock.take(folder.resolveSibling(folder.getFileName() + ".lock"))) {
                endInterrupted(); // while it waited
                if (!isThere(folder)) {
                    build(base, folder, failed);
                }
            }
        } catch (IOException | UncheckedIOException e) {
            throw new PythonException(failed + ": " + e, e);
        } catch (InterruptedException e) {
            throw PythonChild.interrupted(failed, e);
        }
    }

    private static void endInterrupted() throws InterruptedException {
        if (Thread.currentThread().isInterrupted()) {
            throw new InterruptedException();
        }
    }

    private static boolean isThere(Path folder) {
        return Files.isRegularFile(folder.resolve("pyvenv.cfg"));
    }

    /** Whether the Python of the environment, which may be a link, exists. */
    private static boolean isWhole(Path folder) {
        return Files.exists(folder.resolve("bin/python")) || Files.exists(folder.resolve("Scripts/python.exe"));
    }

    /**
     * The chosen interpreter. If the environment itself is chosen, which has to be created first, it is the embedded
     * one.
     */
    private static Interpreter base(Path folder) {
        return Interpreter.isChosen(folder) ? Interpreter.of(Interpreter.EMBEDDED) : Interpreter.chosen();
    }

    private static void build(Interpreter base, Path folder, String failed) throws IOException, InterruptedException {
        if (Files.exists(folder, LinkOption.NOFOLLOW_LINKS)) {
            try (Stream<Path> files = Files.list(folder)) {
                if (files.findAny().isPresent()) {
                    throw new PythonException(failed + ": the folder is neither empty nor an environment");
                }
            }
        }
        deleteLeft(folder);
        Path aside = Unpacker.aside(folder);
        try {
            PythonChild.capture(base, true,
                    Arrays.asList("-c", MAKE, folder.getFileName().toString(), aside.toString())).check(failed);
            rename(aside, folder);
        } finally {
            deleteLeft(folder); // once more: Windows deletes no program that still runs
        }
    }

    /** Deletes what a build left that failed or was killed. Who holds the lock is the only one that builds. */
    private static void deleteLeft(Path folder) {
        String start = folder.getFileName() + ".";
        try (DirectoryStream<Path> left = Files.newDirectoryStream(folder.getParent(),
                file -> file.getFileName().toString().startsWith(start) && file.toString().endsWith(".tmp"))) {
            for (Path file : left) {
                delete(file);
            }
        } catch (IOException | DirectoryIteratorException e) {
            NativeLoader.progress("What was left beside " + folder + " could not be deleted: " + e, false);
        }
    }

    /** The scripts of an environment name its folder, those of Windows inside of programs; the packages do not. */
    private static void rename(Path aside, Path folder) throws IOException {
        String before = bytes(aside);
        String after = bytes(folder);
        try (DirectoryStream<Path> scripts = Files.newDirectoryStream(aside.resolve(isWindows() ? "Scripts" : "bin"))) {
            for (Path script : scripts) {
                if (Files.isRegularFile(script, LinkOption.NOFOLLOW_LINKS)) {
                    String text = Files.readString(script, StandardCharsets.ISO_8859_1);
                    if (text.contains(before)) {
                        Files.writeString(script, text.replace(before, after), StandardCharsets.ISO_8859_1);
                    }
                }
            }
        }
        Path about = aside.resolve("pyvenv.cfg");
        Files.writeString(about, Files.readString(about, StandardCharsets.ISO_8859_1).replace(before, after),
                StandardCharsets.ISO_8859_1);
        if (isWindows()) {
            Files.deleteIfExists(folder); // it replaces no folder, not even an empty one
        }
        Folders.move(aside, folder);
    }

    /** A path in the form for a file that is read byte by byte. */
    private static String bytes(Path path) {
        return new String(path.toString().getBytes(StandardCharsets.UTF_8), StandardCharsets.ISO_8859_1);
    }

    private static boolean isWindows() {
        return File.separatorChar == '\\';
    }

    /** Deletes a folder with its contents. Files that another process writes there at the same time may remain. */
    private static void delete(Path folder) {
        if (Files.exists(folder, LinkOption.NOFOLLOW_LINKS)) {
            try (Stream<Path> files = Files.walk(folder)) {
                files.sorted(Comparator.reverseOrder()).forEach(file -> file.toFile().delete());
            } catch (IOException | UncheckedIOException e) {
                NativeLoader.progress(folder + " could not be deleted: " + e, false);
            }
        }
    }

    // ---- packages ----

    /** Installs packages, unless all of them are given with their version and are already installed. */
    public static void install(Path folder, List<String> packages) {
        if (packages.isEmpty() || isInstalled(folder, packages)) {
            return;
        }
        String[] arguments = Stream.concat(Stream.of("--"), packages.stream().map(Pip::argument)).toArray(String[]::new);
        pip(folder, "Error installing " + String.join(", ", packages) + " into " + folder, arguments);
    }

    /** Installs the packages of a requirements file. */
    public static void installRequirements(Path folder, Path file) {
        pip(folder, "Error installing packages from " + file + " into " + folder, "-r", file.toAbsolutePath().toString());
    }

    private static void pip(Path folder, String failed, String... what) {
        Pip.install(Interpreter.of(folder.toString()), Arrays.asList("-c", PIP), failed, what);
    }

    /** pip installs a package after those that it needs, so that one that is there has these as well. */
    private static boolean isInstalled(Path folder, List<String> packages) {
        if (Files.exists(folder.resolve(CHANGING))) {
            return false;
        }
        List<String> there = new ArrayList<>();
        try (DirectoryStream<Path> libraries = Files.newDirectoryStream(
                folder.resolve(isWindows() ? "" : "lib"), isWindows() ? "Lib" : "python3*")) {
            for (Path library : libraries) {
                try (DirectoryStream<Path> found = Files.newDirectoryStream(library.resolve("site-packages"), "*.dist-info")) {
                    for (Path info : found) {
                        String name = info.getFileName().toString();
                        there.add(named(name.substring(0, name.length() - ".dist-info".length()), "-"));
                    }
                }
            }
        } catch (IOException e) {
            return false; // pip says what is wrong
        }
        for (String wanted : packages) {
            if (!there.contains(named(wanted, "=="))) {
                return false;
            }
        }
        return true;
    }

    /** A name and a version in one spelling; something that is never there for what is no such pair. */
    private static String named(String text, String between) {
        int mark = text.indexOf(between);
        String name = mark < 0 ? "" : text.substring(0, mark).trim();
        String version = mark < 0 ? "" : text.substring(mark + between.length()).trim();
        boolean plain = Pip.NAME.matcher(name).matches() && name.indexOf('[') < 0 && version.matches("[0-9][0-9A-Za-z.]*");
        return plain ? Pip.normal(name) + "==" + version.replaceAll("(\\.0)+$", "") : "not " + text;
    }
}
