// SPDX-License-Identifier: Apache-2.0
// The work that only a first start does: it creates the cache and copies the native libraries from the core jar
// into it. A warm start does not load this class. Embedded unpacks the embedded CPython.
package org.nd4j.python4j.internal.start;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.URI;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.List;
import java.util.Properties;
import java.util.Set;
import org.nd4j.python4j.PythonException;

/**
 * Each file in the cache is first written under another name and then renamed. So a killed process, or two processes
 * that do the same at the same time, leave no incomplete files. Only the user can access the files from their creation
 * on, independently of the umask. No method needs a turn.
 */
public final class Unpacker {

    private static final String NATIVES = "org/nd4j/python4j/native/";
    private static final String[] PLATFORMS = {
        "linux-x86_64", "linux-arm64", "macosx-arm64", "macosx-x86_64", "windows-x86_64"
    };

    private static Path cache; // guarded by the class

    private Unpacker() {}

    // ---- the native libraries ----

    /** The names and the checksums of the natives in this jar. */
    public static Properties description() throws IOException {
        String name = NATIVES + NativeLoader.platform() + "/native.properties";
        Properties properties = new Properties();
        try (InputStream in = NativeLoader.resource(name)) {
            if (in == null) {
                String platform = NativeLoader.platform();
                throw new PythonException("This python4j-core.jar brings no native library for " + platform + "; it has those for "
                        + available() + ". " + (Arrays.asList(PLATFORMS).contains(platform)
                                ? "Add the jar of python4j-core with the classifier " + platform + "."
                                : "There is none for this platform; there are those for " + String.join(", ", PLATFORMS) + "."));
            }
            properties.load(in);
        }
        return properties;
    }

    /** The unpacked libraries and the jar or file they came from; none if a class loader hides where that is. */
    static List<String> files() {
        String url = String.valueOf(Unpacker.class.getResource("/" + NATIVES + NativeLoader.platform()
                + "/native.properties"));
        int inside = url.indexOf("!/");
        boolean jar = url.startsWith("jar:file:") && inside == url.lastIndexOf("!/");
        if (!jar && !url.startsWith("file:") && !url.startsWith("jrt:")) {
            return List.of();
        }
        String origin = url.startsWith("jrt:") ? image()
                : Path.of(URI.create(jar ? url.substring("jar:".length(), inside) : url)).toString();
        return List.of(NativeLoader.loaderFile(), NativeLoader.libraryFile(), origin);
    }

    /** The file that has all modules of the JDK, or of an image that {@code jlink} made. */
    static String image() {
        return Path.of(System.getProperty("java.home"), "lib", "modules").toString();
    }

    private static String available() throws IOException {
        List<String> found = new ArrayList<>();
        for (String platform : PLATFORMS) {
            try (InputStream in = NativeLoader.resource(NATIVES + platform + "/native.properties")) {
                if (in != null) {
                    found.add(platform);
                }
            }
        }
        return found.isEmpty() ? "no platform at all" : String.join(", ", found);
    }

    /** Refuses a JVM that runs on musl, which shows in the files that the process has mapped. */
    public static void refuseMusl(Path maps) throws IOException {
        if (!Files.isReadable(maps)) {
            return;
        }
        for (String line : Files.readAllLines(maps, StandardCharsets.ISO_8859_1)) { // names are bytes
            if (line.contains("/ld-musl-")) {
                throw new PythonException("This JVM runs on the C library musl (" + line.substring(line.indexOf('/'))
                        + "), which is Alpine's; this library and the embedded CPython need glibc. Use a system and a JVM with glibc: as"
                        + " an image, for example, eclipse-temurin:21-jre in place of eclipse-temurin:21-jre-alpine.");
            }
        }
    }

    /** Unpacks the libraries; safe beside other processes that do the same. */
    static void unpack() {
        try {
            refuseMusl(Path.of("/proc/self/maps"));
            Properties properties = description();
            String[] names = {System.mapLibraryName("python4j_loader"), System.mapLibraryName("python4j"),
                System.mapLibraryName("python4j_worker")};
            if (NativeLoader.platform().startsWith("windows")) {
                names = Arrays.copyOf(names, 2); // a pool needs Linux or macOS
            }
            String content = "";
            for (String name : names) {
                content += checksum(properties, name).substring(0, 8);
            }
            Path folder = cache().resolve(properties.getProperty("version") + "-" + content);
            makePrivate(folder);
            String[] files = new String[names.length];
            for (int i = 0; i < names.length; i++) {
                Path file = folder.resolve(names[i]);
                String wanted = checksum(properties, names[i]);
                if (!Files.isRegularFile(file) || !wanted.equals(checksum(file))) {
                    copy(NATIVES + NativeLoader.platform() + "/" + names[i], file, wanted);
                }
                files[i] = file.toString();
            }
            NativeLoader.unpacked(files[0], files[1]);
        } catch (IOException e) {
            throw new PythonException("The native libraries cannot be unpacked to the cache " + cache() + ": " + e
                    + ". Another folder can be set with -D" + NativeLoader.CACHE, e);
        }
    }

    private static String checksum(Properties properties, String name) {
        String checksum = properties.getProperty("sha256." + name);
        if (checksum == null || checksum.length() != 64) {
            throw new PythonException("This python4j-core.jar is damaged: native.properties has no checksum of "
                    + name);
        }
        return checksum;
    }

    private static void copy(String resource, Path file, String wanted) throws IOException {
        Path aside = aside(file);
        try (InputStream in = NativeLoader.resource(resource)) {
            if (in == null) {
                throw new NoSuchFileException(resource, null, "it is not in the python4j-core jar");
            }
            DigestInputStream digested = new DigestInputStream(in, sha256());
            write(aside, digested);
            if (!wanted.equals(hex(digested.getMessageDigest()))) {
                throw new IOException(resource
                        + " has not the content that native.properties promises: the jar is damaged");
            }
            try {
                Files.move(aside, file, StandardCopyOption.ATOMIC_MOVE);
            } catch (AccessDeniedException e) {
                // Windows replaces no file that is in use: one that another process unpacked without the lock will do.
                if (!Files.isRegularFile(file) || !wanted.equals(checksum(file))) {
                    throw e;
                }
            }
        } finally {
            Files.deleteIfExists(aside);
        }
        sweep(file.getParent());
    }

    /** Removes what a start that was killed half-way left behind. */
    private static void sweep(Path folder) throws IOException {
        long yesterday = System.currentTimeMillis() - 24 * 3600 * 1000L;
        try (DirectoryStream<Path> files = Files.newDirectoryStream(folder, "*.tmp")) {
            for (Path file : files) {
                if (Files.getLastModifiedTime(file).toMillis() < yesterday) {
                    Files.deleteIfExists(file);
                }
            }
        }
    }

    /** A name beside a file, which no other process uses. */
    public static Path aside(Path file) {
        return file.resolveSibling(file.getFileName() + "." + ProcessHandle.current().pid() + "-" + System.nanoTime()
                + ".tmp");
    }

    private static String checksum(Path file) throws IOException {
        try (DigestInputStream in = new DigestInputStream(Files.newInputStream(file), sha256())) {
            in.transferTo(OutputStream.nullOutputStream());
            return hex(in.getMessageDigest());
        }
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e); // every JDK has SHA-256
        }
    }

    private static String hex(MessageDigest digest) {
        StringBuilder text = new StringBuilder(64);
        for (byte b : digest.digest()) {
            text.append(Character.forDigit((b >> 4) & 15, 16)).append(Character.forDigit(b & 15, 16));
        }
        return text.toString();
    }

    // ---- files and folders that are ours alone ----

    /**
     * Writes a new file, which no other user can read or write. Unlike a write to a channel, it is not ended by an
     * interrupt.
     */
    static void write(Path file, InputStream content) throws IOException {
        Files.createFile(file, rights("rw-------"));
        try (OutputStream out = Files.newOutputStream(file, StandardOpenOption.WRITE, LinkOption.NOFOLLOW_LINKS)) {
            content.transferTo(out);
        }
    }

    /** Opens a file. If this creates the file, no other user can read or write it. A link is not followed. */
    public static FileChannel open(Path file, StandardOpenOption... options) throws IOException {
        Set<OpenOption> all = new HashSet<>(EnumSet.of(options[0], options));
        all.add(LinkOption.NOFOLLOW_LINKS);
        return FileChannel.open(file, all, rights("rw-------"));
    }

    /** Creates a folder and its missing parents, which no other user can read. */
    static void makeFolder(Path folder) throws IOException {
        if (!Files.isDirectory(folder)) { // else a link to one would not do for older JDKs
            Files.createDirectories(folder, rights("rwx------"));
        }
    }

    private static FileAttribute<?>[] rights(String rights) {
        if (!FileSystems.getDefault().supportedFileAttributeViews().contains("posix")) {
            return new FileAttribute<?>[0]; // Windows: what lies in a user's profile is the user's
        }
        return new FileAttribute<?>[] {PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString(rights))};
    }

    // ---- the cache ----

    /** The cache of this process, a folder to which only this user has access. */
    public static synchronized Path cache() {
        if (cache == null) {
            StringBuilder why = new StringBuilder();
            for (String name : NativeLoader.caches()) {
                Path folder = Path.of(name);
                try {
                    makePrivate(folder);
                    if (!folder.toFile().canWrite()) {
                        throw new IOException("it cannot be written" + (Files.exists(folder.resolve("lock"))
                                ? ", and no start with this class path, this user and this interpreter was made with it before" : ""));
                    }
                    cache = folder;
                    return cache;
                } catch (IOException e) {
                    why.append("\n  - ").append(folder).append(": ").append(reason(e));
                }
            }
            throw new PythonException("There is no folder for the cache. Looked at:" + why + "\nName one with -D"
                    + NativeLoader.CACHE);
        }
        return cache;
    }

    private static String reason(IOException e) {
        return e.getClass() == IOException.class ? e.getMessage() : e.toString();
    }

    private static void makePrivate(Path folder) throws IOException {
        makeFolder(folder);
        if (!NativeLoader.isPrivate(folder)) {
            throw new IOException("others own it or can write to it");
        }
    }

    /** {@link NativeLoader#isPrivate} where the attributes of Linux are not to be had. */
    static boolean isPrivate(Path folder) {
        try {
            Set<PosixFilePermission> rights = Files.getPosixFilePermissions(folder);
            return Files.getOwner(folder).getName().equals(System.getProperty("user.name"))
                    && !rights.contains(PosixFilePermission.GROUP_WRITE)
                    && !rights.contains(PosixFilePermission.OTHERS_WRITE);
        } catch (IOException | UnsupportedOperationException e) {
            return false;
        }
    }

    /** Excludes other processes and class loaders of this user while one of them unpacks. */
    public static final class Lock implements AutoCloseable {
        private final FileChannel file;
        private final FileLock lock;

        private Lock(FileChannel file, FileLock lock) {
            this.file = file;
            this.lock = lock;
        }

        static Lock take() {
            return take(cache().resolve("lock"));
        }

        public static Lock take(Path path) {
            FileChannel file = null;
            try {
                file = open(path, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
                while (true) {
                    try {
                        return new Lock(file, file.lock());
                    } catch (OverlappingFileLockException e) {
                        Thread.sleep(20); // another class loader of this JVM has it
                    }
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            } catch (IOException e) {
                NativeLoader.progress("There is no lock " + path + ", going on without: " + e, false);
            }
            return new Lock(file, null);
        }

        @Override
        public void close() {
            try {
                if (lock != null) {
                    lock.release();
                }
                if (file != null) {
                    file.close();
                }
            } catch (IOException e) {
                NativeLoader.progress("A lock could not be given back: " + e, false);
            }
        }
    }
}
