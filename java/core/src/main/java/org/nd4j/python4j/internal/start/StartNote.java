// SPDX-License-Identifier: Apache-2.0
// Stores the results of a cold start for the next start. A warm start reads only this file, and compares the
// size and time of the files that the results depend on. Interpreter uses it. The files of this core are
// checked here; NativeLoader.unchanged checks all others.
package org.nd4j.python4j.internal.start;

import java.io.ByteArrayInputStream;
import java.io.File;
import java.io.FileInputStream;
import java.io.IOException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.CodeSource;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.jar.Attributes;
import java.util.jar.JarFile;
import org.nd4j.python4j.internal.packages.Index;

/**
 * A note belongs to a key, which contains everything that decides which interpreter, libraries and packages a process
 * uses. Resource lookups take tens of milliseconds with JavaCPP's jars. So the key is made of the text of the class
 * path, and every jar in it is one of the files that must be unchanged.
 *
 * <p>Any thread may call the methods, and none needs a turn.
 */
public final class StartNote {

    private static final String HEAD = "python4j 3";

    /** Where jars name their types; see {@link Interpreter#types}. */
    static final String TYPES = "META-INF/services/org.nd4j.python4j.PythonType";

    private final Map<String, String> values = new HashMap<>();
    private String files;

    private StartNote() {}

    String get(String name) {
        return values.get(name);
    }

    /** The lines of the files that have to be as they were, for {@link NativeLoader#unchanged}. */
    String files() {
        return files;
    }

    /**
     * The note of a key, if there is one, in a folder that nobody else can write, and of this very core. It
     * holds if its {@link #files} are unchanged.
     */
    static StartNote read(String key) {
        for (String cache : NativeLoader.caches()) {
            File file = file(cache, key);
            if (file.exists() && NativeLoader.isOurs(Path.of(cache))) {
                // not java.nio's Files: its channels cost milliseconds at their first use
                try (FileInputStream in = new FileInputStream(file)) {
                    return parse(new String(in.readAllBytes(), StandardCharsets.UTF_8), key);
                } catch (IOException e) {
                    return null; // the cold start that follows says what is wrong with the cache
                }
            }
        }
        return null;
    }

    private static StartNote parse(String text, String key) {
        if (!text.startsWith(head(key)) || !text.endsWith("\nend\n")) {
            return null;
        }
        StartNote note = new StartNote();
        int from = head(key).length();
        int end = text.length() - "end\n".length();
        while (from < end && !text.startsWith("file=", from)) {
            int to = text.indexOf('\n', from);
            int mark = text.indexOf('=', from);
            String name = text.substring(from, mark);
            String value = text.substring(mark + 1, to);
            if (!name.equals("own")) {
                note.values.put(name, value);
            } else if (!value.equals(state(value.substring(value.indexOf('/') + 1)))) {
                return null;
            }
            from = to + 1;
        }
        note.files = text.substring(from, end);
        return note;
    }

    /**
     * Keeps what a cold start found, resting on this core's own files, if they are known, and on others. Without
     * a note the next start is cold again, nothing worse.
     */
    static void write(String key, Map<String, String> values, List<String> own, List<String> files) {
        StringBuilder text = new StringBuilder(head(key));
        for (Map.Entry<String, String> value : values.entrySet()) {
            if (value.getValue().indexOf('\n') >= 0) {
                return;
            }
            text.append(value.getKey()).append('=').append(value.getValue()).append('\n');
        }
        Set<String> all = new LinkedHashSet<>(files);
        for (String entry : System.getProperty("java.class.path", "").split(File.pathSeparator)) {
            watch(all, new File(entry));
        }
        all.removeAll(own);
        // Without a file that stands for this core, none may be left to the library that it brought.
        if (!list("own=", own, text) || !list(own.isEmpty() ? "own=" : "file=", all, text)) {
            return;
        }
        text.append("end\n");
        Path file = file(Unpacker.cache().toString(), key).toPath();
        Path aside = Unpacker.aside(file);
        try {
            Unpacker.makeFolder(file.getParent());
            Unpacker.write(aside, new ByteArrayInputStream(text.toString().getBytes(StandardCharsets.UTF_8)));
            Files.move(aside, file, StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            aside.toFile().delete(); // Windows replaces no file that another start reads
            NativeLoader.progress("The next start will take as long as this one: " + e, false);
        }
    }

    /** Adds the lines of files; false if a name cannot stand in a line. */
    private static boolean list(String name, Collection<String> files, StringBuilder text) {
        for (String file : files) {
            if (file.indexOf('\n') >= 0) {
                return false;
            }
            if (!new File(file).isDirectory()) {
                text.append(name).append(state(file)).append('\n');
            }
        }
        return true;
    }

    /** What can change in an entry of the class path, and in those that its manifest adds. */
    private static void watch(Set<String> files, File entry) {
        if (entry.isDirectory()) {
            files.add(new File(entry, TYPES).getAbsolutePath());
            files.add(new File(entry, Index.NAME).getAbsolutePath());
        } else if (files.add(entry.getAbsolutePath()) && entry.isFile()) {
            try (JarFile jar = new JarFile(entry)) {
                String more = jar.getManifest() == null ? null
                        : jar.getManifest().getMainAttributes().getValue(Attributes.Name.CLASS_PATH);
                for (String url : more == null ? new String[0] : more.trim().split(" +")) {
                    watch(files, new File(entry.toURI().resolve(url)));
                }
            } catch (IOException | IllegalArgumentException e) {
                NativeLoader.progress("Not watched further: " + entry + ": " + e, false);
            }
        }
    }

    /** Whole seconds: the layers of container images keep no smaller part of a time. */
    private static String state(String path) {
        File file = new File(path);
        return file.length() + " " + file.lastModified() / 1000 + "/" + path;
    }

    private static String head(String key) {
        return HEAD + " " + key.length() + "\n" + key + "\n";
    }

    private static File file(String cache, String key) {
        return new File(cache + "/starts/" + Integer.toHexString(key.hashCode()));
    }

    /** All that decides what a start finds; {@code wanted} is the choice with the place where it was made. */
    static String key(String wanted, String choice) {
        StringBuilder key = new StringBuilder();
        add(key, "choice", wanted);
        for (String property : new String[] {
            "os.name", "os.arch", "user.home", "java.class.path", "jdk.module.path",
            "org.bytedeco.javacpp.platform", "org.bytedeco.javacpp.cachedir", "org.bytedeco.javacpp.cacheDir",
            "org.bytedeco.javacpp.cachedir.nosubdir"
        }) {
            add(key, property, System.getProperty(property));
        }
        if (StartNote.class.getModule().isNamed()) { // a module may be in the JVM's own image, and need not be resolved
            add(key, "java.home", System.getProperty("java.home"));
            for (String module : Embedded.modules()) {
                add(key, module, String.valueOf(ModuleLayer.boot().findModule(module).isPresent()));
            }
        }
        for (String variable : new String[] {"PYTHONPATH", "PYTHONHOME", "PYTHONNOUSERSITE", "PYTHONUSERBASE"}) {
            add(key, variable, System.getenv(variable));
        }
        boolean relative = false;
        if (!choice.equals(Interpreter.EMBEDDED) && !choice.startsWith("/")) {
            for (String variable : new String[] {"PATH", "VIRTUAL_ENV", "CONDA_PREFIX", "HOME", "PYENV_VERSION", "PYENV_ROOT",
                "UV_PYTHON_INSTALL_DIR", "XDG_DATA_HOME", "APPDATA", "LOCALAPPDATA"}) {
                add(key, variable, System.getenv(variable));
            }
            relative = true;
        }
        String path = System.getProperty("java.class.path", "");
        for (int from = 0; from < path.length() && !relative; ) {
            int to = path.indexOf(File.pathSeparatorChar, from);
            to = to < 0 ? path.length() : to;
            relative = !new File(path.substring(from, to)).isAbsolute();
            from = to + 1;
        }
        if (relative) {
            add(key, "user.dir", System.getProperty("user.dir"));
        }
        ClassLoader own = StartNote.class.getClassLoader();
        if (own != null && own != ClassLoader.getSystemClassLoader()) { // else the class path says it
            add(key, "packaged", String.valueOf(own.getResource(Index.NAME)));
        }
        for (ClassLoader loader = own;
                loader != null && loader != ClassLoader.getSystemClassLoader();
                loader = loader.getParent()) {
            identify(key, loader);
        }
        return key.toString();
    }

    /** A class loader's own part of the class path. */
    private static void identify(StringBuilder key, ClassLoader loader) {
        add(key, "loader", loader.getClass().getName());
        if (loader instanceof URLClassLoader) {
            for (URL url : ((URLClassLoader) loader).getURLs()) {
                add(key, "url", url.toString());
            }
        } else {
            // It does not tell where it reads from, so we look where the things themselves come from.
            CodeSource source = StartNote.class.getProtectionDomain().getCodeSource();
            add(key, "source", source == null || source.getLocation() == null ? null : source.getLocation().toString());
            for (String marker : Embedded.markers()) {
                URL url = loader.getResource(marker);
                add(key, "resource", url == null ? null : url.toString());
            }
        }
    }

    private static void add(StringBuilder key, String name, String value) {
        key.append(name).append('=').append(value == null ? "-" : value.replace('\n', ' ')).append('\n');
    }
}
