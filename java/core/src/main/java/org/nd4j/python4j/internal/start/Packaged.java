// SPDX-License-Identifier: Apache-2.0
// Finds the Python packages that the class path brings, and unpacks them into the cache. A warm start does not load
// this class: the note of a start has the folders. Index says what a jar brings, Wheels unpacks it.
package org.nd4j.python4j.internal.start;

import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.URL;
import java.net.URLConnection;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.internal.packages.Index;
import org.nd4j.python4j.internal.packages.Wheels;

/** The packages of all indexes, in the order of the class path. The caller has the cache's lock. */
final class Packaged {

    /** For {@code sys.path}: of each index the program's own sources, then its packages. */
    final List<String> folders = new ArrayList<>();

    /** The files that must be unchanged as long as these folders are right. */
    final List<String> files = new ArrayList<>();

    /** Finds and unpacks everything; {@code version} is that of the interpreter. */
    static Packaged find(String version) {
        Packaged all = new Packaged();
        String what = "The Python packages of the class path";
        try {
            ClassLoader loader = Packaged.class.getClassLoader();
            for (URL url : Collections.list(loader == null ? ClassLoader.getSystemResources(Index.NAME)
                    : loader.getResources(Index.NAME))) {
                what = "The Python packages of " + url;
                all.add(url, version);
            }
        } catch (IOException | IllegalArgumentException e) {
            throw new PythonException(what + " cannot be used: " + (e.getClass() == IOException.class ? e.getMessage() : e), e);
        }
        return all;
    }

    private void add(URL url, String version) throws IOException {
        Index index;
        try (InputStream in = open(url)) {
            index = Index.read(in.readAllBytes(), NativeLoader.platform());
        }
        if (index.python != null && !version.startsWith(index.python + ".")) {
            throw new IOException("they are for Python " + index.python + ", and this process uses " + version
                    + ". Lock them for that version, or choose the other interpreter");
        }
        if (!index.platforms.isEmpty() && !index.platforms.contains(NativeLoader.platform())) {
            throw new IOException("they are for " + String.join(", ", index.platforms) + ", and this is " + NativeLoader.platform()
                    + ". Add it to the platforms of the build and lock again");
        }
        Path origin = origin(url);
        if (origin != null) {
            files.add(origin.toString());
        }
        Path cache = index.sources == null && index.wheels.isEmpty() ? null : Unpacker.cache().resolve("packages");
        if (index.sources != null) {
            unpack(List.of(index.sources), url, cache);
        }
        if (!index.wheels.isEmpty()) {
            unpack(index.wheels, url, cache);
        }
        if (index.folder != null) {
            Path folder = (origin == null ? Path.of("") : base(url, origin)).resolve(index.folder).resolve(NativeLoader.platform());
            Path note = folder.resolve(Wheels.NOTE);
            if (!Files.exists(note)) {
                throw new IOException("there is no folder " + folder + " with a file " + Wheels.NOTE
                        + ". The build makes it; it belongs beside the jar");
            }
            folders.add(folder.toString());
            files.add(note.toString());
        }
    }

    private void unpack(List<Index.Entry> entries, URL index, Path cache) throws IOException {
        long start = System.nanoTime();
        Path folder = Wheels.unpack(entries, name -> open(new URL(index, name)), cache);
        folders.add(folder.toString());
        files.add(folder.resolve(Wheels.NOTE).toString());
        NativeLoader.progress("The Python packages of " + index + " are in " + folder + ", after "
                + (System.nanoTime() - start) / 1_000_000 + " ms", false);
    }

    /** Opens a resource, and leaves no jar open afterwards. */
    private static InputStream open(URL url) throws IOException {
        URLConnection connection = url.openConnection();
        connection.setUseCaches(false);
        return connection.getInputStream();
    }

    /** The file that a resource is in, the outermost one of jars in jars; null if a class loader hides it. */
    private static Path origin(URL url) {
        String text = url.toString();
        int from = text.indexOf("file:");
        int nested = text.indexOf("nested:"); // as Spring Boot names jars in jars
        int end = text.indexOf("!/");
        int until = text.indexOf("/!");
        try {
            if (nested >= 0) {
                return Path.of(new URI("file:" + text.substring(nested + "nested:".length(), until)));
            }
            return from < 0 ? null : Path.of(new URI(text.substring(from, end < from ? text.length() : end)));
        } catch (URISyntaxException | IllegalArgumentException e) {
            return null;
        }
    }

    /** The folder that has the jar, or the one that has the class path's folder. */
    private static Path base(URL url, Path origin) {
        Path entry = url.getProtocol().equals("file") ? origin.getParent().getParent().getParent() : origin;
        return entry.toAbsolutePath().getParent();
    }
}
