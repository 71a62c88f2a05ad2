// SPDX-License-Identifier: Apache-2.0
// The CPython and the numpy in JavaCPP's jars: this class finds and unpacks them. Only cold starts use it.
// Besides Bindings it is the only class that links to JavaCPP.
package org.nd4j.python4j.internal.start;

import java.io.File;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.JarURLConnection;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.URL;
import java.net.URLConnection;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.FileVisitOption;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Enumeration;
import java.util.List;
import java.util.jar.JarFile;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import java.util.zip.CRC32;
import java.util.zip.CheckedInputStream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import java.util.zip.ZipInputStream;
import org.nd4j.python4j.internal.packages.Folders;

/**
 * Unpacks with JavaCPP's own {@code Loader}, into JavaCPP's own cache, so that user code that calls
 * {@code org.bytedeco.cpython} gets the very same libpython. Only if JavaCPP cannot do that (a jar inside a jar, behind a
 * class loader that gives no information about it, a jar that lies unpacked in a folder, an image of {@code jlink}), this
 * class extracts the files itself.
 *
 * <p>No method loads a library of JavaCPP or needs a turn. The callers hold the lock of the cache.
 */
public final class Embedded {

    private static final String ROOT = "org/bytedeco/";

    private Embedded() {}

    /** JavaCPP's name of the platform. JavaCPP's property chooses another one. */
    private static String platform() {
        return System.getProperty("org.bytedeco.javacpp.platform", NativeLoader.platform());
    }

    private static String folder(String artifact) {
        return ROOT + artifact + "/" + platform();
    }

    private static String cpythonMarker() {
        return folder("cpython") + "/" + System.mapLibraryName("jnipython");
    }

    private static String numpyMarker() {
        return folder("numpy") + "/python/numpy/__init__.py";
    }

    private static String openblasMarker() {
        return folder("openblas") + "/" + System.mapLibraryName("jniopenblas");
    }

    /** A file of each artifact, the same in every release, by which its jar is found. */
    static String[] markers() {
        return new String[] {cpythonMarker(), numpyMarker(), openblasMarker()};
    }

    /** The modules of the artifacts. */
    static String[] modules() {
        String end = "." + platform().replace('-', '.');
        return new String[] {"org.bytedeco.cpython" + end, "org.bytedeco.numpy" + end, "org.bytedeco.openblas" + end};
    }

    /** Whether an embedded CPython is on the class path. */
    public static boolean isThere() {
        return isThere(cpythonMarker());
    }

    /** Whether an embedded CPython is there that has a version such as {@code 3.14}. One of its headers tells, without unpacking. */
    static boolean isOf(String version) {
        Pattern named = Pattern.compile("PY_VERSION\\s+\"" + Pattern.quote(version) + "(?![0-9])");
        String[] parts = version.split("\\.");
        String minor = parts.length < 2 ? "" : "python" + parts[0] + "." + parts[1] + "/";
        for (String below : new String[] {minor, ""}) { // on Windows there is no such folder
            try (InputStream in = NativeLoader.resource(folder("cpython") + "/include/" + below + "patchlevel.h")) {
                if (in != null && named.matcher(new String(in.readAllBytes(), StandardCharsets.UTF_8)).find()) {
                    return true;
                }
            } catch (IOException e) {
                return false;
            }
        }
        return version.equals("3") && isThere();
    }

    private static boolean isThere(String marker) {
        if (url(marker) != null) {
            return true;
        }
        try (InputStream in = NativeLoader.resource(marker)) {
            return in != null;
        } catch (IOException e) {
            return false;
        }
    }

    private static URL url(String name) {
        ClassLoader loader = Embedded.class.getClassLoader();
        return loader == null ? ClassLoader.getSystemResource(name) : loader.getResource(name);
    }

    /** The jar from which an artifact comes, for messages. */
    public static String origin() {
        URL url = url(cpythonMarker());
        String text = url == null ? "" : url.toString();
        int end = text.lastIndexOf("!/");
        return end < 0 ? "the class path" : text.substring(text.lastIndexOf('/', end - 1) + 1, end);
    }

    /** The files that the resources come from: jars, or single files of an unpacked class path. */
    static List<String> sources() {
        List<String> files = new ArrayList<>();
        List<String> names = new ArrayList<>(Arrays.asList(markers()));
        names.add("org/nd4j/python4j/native/" + NativeLoader.platform() + "/native.properties");
        for (String name : names) {
            URL url = url(name);
            if (url != null) {
                String text = url.toString();
                int start = text.indexOf("file:");
                int end = text.indexOf("!/");
                if (text.startsWith("jrt:")) {
                    files.add(Unpacker.image());
                } else if (start >= 0) {
                    try {
                        String file = text.substring(start, end < start ? text.length() : end);
                        files.add(Path.of(new URI(file)).toString());
                    } catch (URISyntaxException | IllegalArgumentException e) {
                        NativeLoader.progress("Not watched: " + text + ": " + e, false);
                    }
                }
            }
        }
        return files;
    }

    /** A file that exists once this CPython was unpacked. */
    static Path note() {
        String state = sources() + System.getProperty("org.bytedeco.javacpp.cachedir", "");
        return Unpacker.cache().resolve("prepared-" + Integer.toHexString(state.hashCode()));
    }

    /** Unpacks the CPython and returns its executable. */
    static Path unpack() throws IOException {
        Path home = home();
        lendLibffi(home);
        try (DirectoryStream<Path> programs = Files.newDirectoryStream(programs(home), "python*")) {
            for (Path program : programs) {
                if (isInterpreter(program.getFileName().toString())) {
                    if (!Files.isExecutable(program) && !program.toFile().setExecutable(true)) {
                        throw new IOException(program + " is not executable and cannot be made so");
                    }
                    return program;
                }
            }
        }
        throw new IOException("there is no python3.N in " + programs(home) + ", where " + origin() + " was unpacked");
    }

    /**
     * ctypes needs the libffi that lies beside libpython, and looks for it in its own folder. JavaCPP
     * helps by loading it first; child processes and we do without JavaCPP.
     */
    private static void lendLibffi(Path home) throws IOException {
        List<Path> folders = new ArrayList<>();
        try (DirectoryStream<Path> versions = Files.newDirectoryStream(home.resolve("lib"), "python3.*")) {
            for (Path version : versions) {
                folders.add(version.resolve("lib-dynload"));
            }
        } catch (NoSuchFileException e) {
            return; // Windows has another layout
        }
        try (DirectoryStream<Path> libraries = Files.newDirectoryStream(home, "libffi.so.*")) {
            for (Path library : libraries) {
                for (Path folder : folders) {
                    if (Files.isDirectory(folder)) {
                        link(folder.resolve(library.getFileName()), library);
                    }
                }
            }
        }
    }

    /** On Windows the one in {@code bin} finds no DLL of its own. */
    private static Path programs(Path home) {
        Path bin = home.resolve("bin");
        return Files.isDirectory(bin) && !Files.exists(home.resolve("python.exe")) ? bin : home;
    }

    /** {@code python3.14} or {@code python.exe}. */
    private static boolean isInterpreter(String name) {
        if (!name.startsWith("python3.")) {
            return name.equals("python.exe");
        }
        for (int i = "python3.".length(); i < name.length(); i++) {
            if (!Character.isDigit(name.charAt(i))) {
                return false;
            }
        }
        return true;
    }

    private static Path home() throws IOException {
        if (isReadableByJavaCpp(cpythonMarker())) {
            return JavaCpp.cpython();
        }
        return copy("cpython", folder("cpython"), cpythonMarker());
    }

    // ---- numpy ----

    /**
     * Unpacks the numpy and makes it find its OpenBLAS.
     *
     * @param version the version of the interpreter that will import it
     * @return the folder for {@code sys.path}, or null if there is none or it was built for another version
     */
    static Path numpy(String version) throws IOException {
        if (!isThere(numpyMarker())) {
            return null;
        }
        Path folder = isReadableByJavaCpp(numpyMarker())
                ? JavaCpp.cache(folder("numpy") + "/python")
                : copy("numpy", folder("numpy"), numpyMarker()).resolve("python");
        if (!isBuiltFor(folder.resolve("numpy"), version)) {
            return null;
        }
        List<Path> libraries = openblas();
        if (!libraries.isEmpty()) {
            lead(folder.resolve("numpy"), libraries);
        }
        nameForPip(folder);
        return folder;
    }

    /** Extension modules carry the version in their names: {@code ....cpython-314-x86_64-linux-gnu.so}. */
    private static boolean isBuiltFor(Path numpy, String version) throws IOException {
        String[] parts = version.split("\\.");
        String tag = parts[0] + parts[1];
        for (String part : new String[] {"_core", "core"}) {
            Path folder = numpy.resolve(part);
            if (Files.isDirectory(folder)) {
                try (DirectoryStream<Path> modules = Files.newDirectoryStream(folder, "_multiarray_umath.c*")) {
                    for (Path module : modules) {
                        String name = module.getFileName().toString();
                        if (name.contains("cpython-" + tag + "-") || name.contains(".cp" + tag + "-")) {
                            return true;
                        }
                    }
                }
            }
        }
        return false;
    }

    /** OpenBLAS and what it needs, in the order in which they have to be loaded. */
    private static List<Path> openblas() throws IOException {
        if (!isThere(openblasMarker())) {
            return Collections.emptyList();
        }
        List<Path> libraries = new ArrayList<>();
        if (isReadableByJavaCpp(openblasMarker())) {
            for (String name : names(openblasMarker(), folder("openblas") + "/")) {
                if (isOpenblas(name)) {
                    libraries.add(JavaCpp.cache(name));
                }
            }
        } else {
            Path folder = copy("openblas", folder("openblas"), openblasMarker());
            try (DirectoryStream<Path> files = Files.newDirectoryStream(folder)) {
                for (Path file : files) {
                    if (isOpenblas(file.getFileName().toString())) {
                        libraries.add(file);
                    }
                }
            }
        }
        libraries.sort((a, b) -> Integer.compare(rank(a.toString()), rank(b.toString())));
        return libraries;
    }

    private static boolean isOpenblas(String name) {
        String file = name.substring(name.lastIndexOf('/') + 1);
        boolean library = file.contains(".so") || file.contains(".dylib") || file.endsWith(".dll");
        return library && rank(file) < ORDER.length && !file.contains("jni");
    }

    private static final String[] ORDER = {"libgcc_s", "libquadmath", "libgfortran", "libopenblas"};

    private static int rank(String file) {
        int rank = 0;
        while (rank < ORDER.length && !file.contains(ORDER[rank])) {
            rank++;
        }
        return rank;
    }

    /** The names below a folder in the jar of a marker; not those in deeper folders. */
    private static List<String> names(String marker, String folder) throws IOException {
        List<String> names = new ArrayList<>();
        Enumeration<? extends ZipEntry> entries = ((JarURLConnection) url(marker).openConnection()).getJarFile().entries();
        while (entries.hasMoreElements()) {
            String name = entries.nextElement().getName();
            if (name.startsWith(folder) && name.indexOf('/', folder.length()) < 0 && name.length() > folder.length()) {
                names.add(name);
            }
        }
        return names;
    }

    /**
     * This numpy's modules look for OpenBLAS in a folder of the machine that built them. numpy imports
     * a module of its distributor's first; older ones (1.22) look beside themselves instead.
     */
    private static void lead(Path numpy, List<Path> libraries) throws IOException {
        if (Files.readString(numpy.resolve("_distributor_init.py")).contains("_distributor_init_local")) {
            StringBuilder text = new StringBuilder("# Written by Python4J: numpy's modules look for OpenBLAS on the"
                    + " machine that built them. Here it is.\nimport ctypes\nimport os\n\n"
                    + "if os.name == \"nt\":\n    os.add_dll_directory("
                    + quote(libraries.get(0).getParent().toString()) + ")\n");
            for (Path library : libraries) {
                String load = "ctypes.CDLL(" + quote(library.toString()) + ", ctypes.RTLD_GLOBAL)\n";
                if (rank(library.toString()) == 0) { // one for the whole process, the system's if it has it
                    text.append("try:\n    ctypes.CDLL(\"libgcc_s.so.1\")\nexcept OSError:\n    ").append(load);
                } else {
                    text.append(load);
                }
            }
            put(numpy.resolve("_distributor_init_local.py"), text.toString());
        } else {
            for (Path library : libraries) {
                link(numpy.resolve(library.getFileName()), library);
            }
        }
    }

    private static String quote(String text) {
        return "\"" + text.replace("\\", "\\\\").replace("\"", "\\\"") + "\"";
    }

    /**
     * Old ones carry their description as an egg does inside itself, where pip does not see it and would
     * install another numpy.
     */
    private static void nameForPip(Path folder) throws IOException {
        Path description = folder.resolve("EGG-INFO/PKG-INFO");
        if (Files.isRegularFile(description)) {
            String text = Files.readString(description);
            for (String line : text.split("\n")) {
                if (line.startsWith("Version: ")) {
                    Path info = folder.resolve("numpy-" + line.substring("Version: ".length()).trim() + ".dist-info");
                    Files.createDirectories(info);
                    put(info.resolve("METADATA"), text);
                    return;
                }
            }
        }
    }

    private static void link(Path link, Path target) throws IOException {
        if (!Files.isSymbolicLink(link) || !Files.readSymbolicLink(link).equals(target)) {
            Path aside = Unpacker.aside(link);
            Files.createSymbolicLink(aside, target);
            Files.move(aside, link, StandardCopyOption.ATOMIC_MOVE);
        }
    }

    private static void put(Path file, String text) throws IOException {
        if (!Files.isRegularFile(file) || !Files.readString(file).equals(text)) {
            Path aside = Unpacker.aside(file);
            Files.write(aside, text.getBytes(StandardCharsets.UTF_8));
            Files.move(aside, file, StandardCopyOption.ATOMIC_MOVE);
        }
    }

    // ---- getting files out of jars ----

    /** JavaCPP needs a list of a jar's entries, and in it an entry for the folder (shading may drop those). */
    private static boolean isReadableByJavaCpp(String marker) {
        URL url = url(marker);
        String parent = marker.substring(0, marker.lastIndexOf('/'));
        try {
            return url != null && url(parent) != null && JavaCpp.isThere() && url.openConnection() instanceof JarURLConnection;
        } catch (IOException | LinkageError e) {
            return false;
        }
    }

    /** Takes a folder out of what holds the marker, to a folder of our cache named after that jar's or folder's state. */
    private static Path copy(String artifact, String folder, String marker) throws IOException {
        Source source = Source.of(artifact, folder, marker);
        String name = artifact + "-" + Integer.toHexString(source.state.hashCode());
        Path target = Unpacker.cache().resolve("unpacked").resolve(name);
        if (Files.isDirectory(target)) {
            return target;
        }
        NativeLoader.progress("Unpacking " + source.name + " to " + target, true);
        Path aside = Unpacker.aside(target);
        try {
            source.read((entry, content) -> {
                if (entry.getName().startsWith(folder + "/")) {
                    Path file = aside.resolve(entry.getName().substring(folder.length() + 1)).normalize();
                    if (!file.startsWith(aside)) {
                        throw new IOException(entry.getName() + " leads out of its folder");
                    }
                    Unpacker.makeFolder(entry.isDirectory() ? file : file.getParent());
                    if (!entry.isDirectory()) {
                        write(file, entry, content);
                    }
                }
            });
            Folders.move(aside, target);
        } finally {
            remove(aside);
        }
        return target;
    }

    /** The jar's own checksum is the only one there is. A stream of a {@code ZipFile} does not look at it. */
    private static void write(Path file, ZipEntry entry, Content content) throws IOException {
        try (CheckedInputStream in = new CheckedInputStream(content.open(), new CRC32())) {
            Unpacker.write(file, in);
            if (entry.getCrc() != -1 && entry.getCrc() != in.getChecksum().getValue()) {
                throw new IOException(entry.getName() + " is damaged in its jar");
            }
        }
    }

    /** Removes the rest of a folder that was not finished; otherwise it does nothing. */
    private static void remove(Path folder) throws IOException {
        if (Files.isDirectory(folder, LinkOption.NOFOLLOW_LINKS)) {
            try (DirectoryStream<Path> files = Files.newDirectoryStream(folder)) {
                for (Path file : files) {
                    remove(file);
                }
            }
        }
        Files.deleteIfExists(folder);
    }

    /** Processes each entry of a jar. The content is read only if it is requested. */
    private interface Reader {
        void entry(ZipEntry entry, Content content) throws IOException;
    }

    private interface Content {
        InputStream open() throws IOException;
    }

    /** A jar in any location, or what lies unpacked. */
    private abstract static class Source {
        final String name;
        /** Changes when the content does. */
        final String state;

        Source(String name, String state) {
            this.name = name;
            this.state = state;
        }

        abstract InputStream open() throws IOException;

        void read(Reader reader) throws IOException {
            try (ZipInputStream zip = new ZipInputStream(open())) {
                for (ZipEntry entry; (entry = zip.getNextEntry()) != null; ) {
                    reader.entry(entry, () -> new FilterInputStream(zip) {
                        @Override
                        public void close() {
                            // the next entry follows
                        }
                    });
                }
            }
        }

        static Source of(String artifact, String folder, String marker) throws IOException {
            URL url = url(marker);
            if (url != null) {
                String text = url.toString();
                if (text.startsWith("file:") || text.startsWith("jrt:")) {
                    return below(Path.of(URI.create(text)), folder, marker);
                }
                int end = text.lastIndexOf("!/");
                if (text.startsWith("jar:file:") && end == text.indexOf("!/")) {
                    return inside(new File(URI.create(text.substring("jar:".length(), end))), artifact, marker);
                }
                String jar = end < 0 ? "" : text.substring(0, end);
                for (String name : new String[] {jar, jar.startsWith("jar:") ? jar.substring(4) : ""}) {
                    Source source = name.isEmpty() ? null : at(url, name, marker);
                    if (source != null) {
                        return source;
                    }
                }
            }
            for (String entry : System.getProperty("java.class.path", "").split(File.pathSeparator)) {
                Source source = new File(entry).isFile() ? inside(new File(entry), artifact, marker) : null;
                if (source != null) {
                    return source;
                }
            }
            throw new IOException(marker
                    + " can be read through the class loader, but the jar around it is in no place that is known ("
                    + url + "). Put the jar of org.bytedeco:" + artifact + " on the class path as a file");
        }

        /** Files of a class path's folder, or of the modules in a JDK or an image of {@code jlink}. */
        private static Source below(Path marked, String folder, String marker) throws IOException {
            int depth = Path.of(marker).getNameCount() - Path.of(folder).getNameCount();
            Path from = marked.resolve("../".repeat(depth)).normalize();
            List<Path> files = new ArrayList<>();
            long size = 0;
            long newest = 0;
            try (Stream<Path> all = Files.walk(from, FileVisitOption.FOLLOW_LINKS)) {
                for (Path file : (Iterable<Path>) all.filter(Files::isRegularFile)::iterator) {
                    files.add(file);
                    size += Files.size(file);
                    newest = Math.max(newest, Files.getLastModifiedTime(file).toMillis());
                }
            } catch (UncheckedIOException e) {
                throw e.getCause();
            }
            return new Source(from.toString(), from.toUri() + " " + files.size() + " " + size + " " + newest) {
                @Override
                InputStream open() throws IOException {
                    throw new IOException(name + " is no jar");
                }

                @Override
                void read(Reader reader) throws IOException {
                    for (Path file : files) {
                        String entry = folder + "/" + from.relativize(file).toString().replace(File.separatorChar, '/');
                        reader.entry(new ZipEntry(entry), () -> Files.newInputStream(file));
                    }
                }
            };
        }

        /** A jar that has a URL of its own. */
        private static Source at(URL context, String name, String marker) throws IOException {
            try {
                URL url = new URL(context, name);
                URLConnection connection = url.openConnection();
                String state = name + " " + connection.getContentLengthLong() + " " + connection.getLastModified();
                Source source = new Source(name, state) {
                    @Override
                    InputStream open() throws IOException {
                        return url.openStream();
                    }
                };
                return source.holds(marker) ? source : null;
            } catch (IOException e) {
                NativeLoader.progress("No jar at " + name + ": " + e, false);
                return null;
            }
        }

        /** A jar of the class path, or one inside it. */
        private static Source inside(File file, String artifact, String marker) throws IOException {
            try (ZipFile outer = new ZipFile(file)) {
                String state = file + " " + file.length() + " " + file.lastModified();
                if (outer.getEntry(marker) != null) {
                    return new Source(file.getName(), state) {
                        @Override
                        InputStream open() throws IOException {
                            return Files.newInputStream(file.toPath());
                        }

                        @Override
                        void read(Reader reader) throws IOException {
                            try (ZipFile zip = new ZipFile(file)) {
                                Enumeration<? extends ZipEntry> entries = zip.entries();
                                while (entries.hasMoreElements()) {
                                    ZipEntry entry = entries.nextElement();
                                    reader.entry(entry, () -> zip.getInputStream(entry));
                                }
                            }
                        }
                    };
                }
                Enumeration<? extends ZipEntry> entries = outer.entries();
                while (entries.hasMoreElements()) {
                    String name = entries.nextElement().getName();
                    if (name.endsWith(".jar") && name.contains(artifact)) {
                        Source source = new Source(name, state + " " + name) {
                            @Override
                            InputStream open() throws IOException {
                                JarFile jar = new JarFile(file);
                                return new FilterInputStream(jar.getInputStream(jar.getEntry(name))) {
                                    @Override
                                    public void close() throws IOException {
                                        jar.close();
                                    }
                                };
                            }
                        };
                        if (source.holds(marker)) {
                            return source;
                        }
                    }
                }
            }
            return null;
        }

        boolean holds(String marker) throws IOException {
            try (ZipInputStream zip = new ZipInputStream(open())) {
                for (ZipEntry entry; (entry = zip.getNextEntry()) != null; ) {
                    if (entry.getName().equals(marker)) {
                        return true;
                    }
                }
            }
            return false;
        }
    }

    /** The calls of JavaCPP. None of them loads a native library. */
    private static final class JavaCpp {
        static boolean isThere() {
            return org.bytedeco.javacpp.Loader.class != null && org.bytedeco.cpython.presets.python.class != null;
        }

        static Path cpython() throws IOException {
            return org.bytedeco.cpython.presets.python.cachePackage().toPath();
        }

        static Path cache(String name) throws IOException {
            File file = org.bytedeco.javacpp.Loader.cacheResource(Embedded.class, "/" + name);
            if (file == null) {
                throw new IOException("JavaCPP does not find " + name);
            }
            return file.toPath();
        }
    }
}
