// SPDX-License-Identifier: Apache-2.0
// What only a first start does: the cache is made, and the native libraries get out of the core jar
// into it. A warm start loads nothing of this class. The embedded CPython is unpacked in Embedded.
package org.nd4j.python4j;

import java.io.IOException;
import java.io.InputStream;
import java.io.RandomAccessFile;
import java.net.URI;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.Set;

/**
 * Files get into the cache by being written aside and renamed, so that a process that is killed, or
 * one that does the same at the same time, leaves no half of anything. No turn needed.
 */
final class Unpacker {

    private static final String NATIVES = "org/nd4j/python4j/native/";
    private static final String[] PLATFORMS = {
        "linux-x86_64", "linux-arm64", "macosx-arm64", "macosx-x86_64", "windows-x86_64"
    };

    private static Path cache; // guarded by the class

    private Unpacker() {}

    // ---- the native libraries ----

    /** The names and the checksums of the natives in this jar. */
    static Properties description() throws IOException {
        String name = NATIVES + NativeLoader.platform() + "/native.properties";
        Properties properties = new Properties();
        try (InputStream in = NativeLoader.resource(name)) {
            if (in == null) {
                throw new PythonException(
                        "This python4j-core.jar brings no native library for " + NativeLoader.platform()
                                + "; it has those for "
                                + available() + ". Use the jar built for this platform.");
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
        if (!jar && !url.startsWith("file:")) {
            return List.of();
        }
        Path origin = Path.of(URI.create(jar ? url.substring("jar:".length(), inside) : url));
        return List.of(NativeLoader.loaderFile(), NativeLoader.libraryFile(), origin.toString());
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

    /** Unpacks both libraries; safe beside other processes that do the same. */
    static void unpack() {
        try {
            Properties properties = description();
            String[] names = {System.mapLibraryName("python4j_loader"), System.mapLibraryName("python4j")};
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
            Files.copy(in, aside);
            if (!wanted.equals(checksum(aside))) {
                throw new IOException(resource
                        + " has not the content that native.properties promises: the jar is damaged");
            }
            restrict(aside, "rwx------");
            Files.move(aside, file, StandardCopyOption.ATOMIC_MOVE);
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
    static Path aside(Path file) {
        return file.resolveSibling(file.getFileName() + "." + ProcessHandle.current().pid() + "-" + System.nanoTime()
                + ".tmp");
    }

    private static String checksum(Path file) throws IOException {
        try (InputStream in = Files.newInputStream(file)) {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            byte[] buffer = new byte[1 << 16];
            for (int n; (n = in.read(buffer)) > 0; ) {
                digest.update(buffer, 0, n);
            }
            StringBuilder text = new StringBuilder(64);
            for (byte b : digest.digest()) {
                text.append(Character.forDigit((b >> 4) & 15, 16)).append(Character.forDigit(b & 15, 16));
            }
            return text.toString();
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e); // every JDK has SHA-256
        }
    }

    // ---- the cache ----

    /** The cache of this process: a folder that is ours alone. */
    static synchronized Path cache() {
        if (cache == null) {
            StringBuilder why = new StringBuilder();
            for (String name : NativeLoader.caches()) {
                Path folder = Path.of(name);
                try {
                    makePrivate(folder);
                    if (!Files.isWritable(folder)) {
                        throw new IOException("it cannot be written");
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
        if (!Files.isDirectory(folder)) {
            try {
                if (folder.getParent() != null) {
                    Files.createDirectories(folder.getParent());
                }
                Files.createDirectory(folder);
                restrict(folder, "rwx------");
            } catch (FileAlreadyExistsException e) {
                // another process was faster
            }
        }
        if (!NativeLoader.isPrivate(folder)) {
            throw new IOException("others own it or can write to it");
        }
    }

    private static void restrict(Path file, String rights) throws IOException {
        try {
            Files.setPosixFilePermissions(file, PosixFilePermissions.fromString(rights));
        } catch (UnsupportedOperationException e) {
            // Windows: what lies in a user's profile is the user's
        }
    }

    /** {@link NativeLoader#isPrivate} where the attributes of Linux are not to be had. */
    static boolean isPrivate(Path folder) {
        try {
            Set<PosixFilePermission> rights = Files.getPosixFilePermissions(folder);
            return Files.getOwner(folder).getName().equals(System.getProperty("user.name"))
                    && !rights.contains(PosixFilePermission.GROUP_WRITE)
                    && !rights.contains(PosixFilePermission.OTHERS_WRITE);
        } catch (UnsupportedOperationException e) {
            return Files.isDirectory(folder); // Windows: what lies in a user's profile is the user's
        } catch (IOException e) {
            return false;
        }
    }

    /** Holds other processes (and class loaders) of this user off while one of them unpacks. */
    static final class Lock implements AutoCloseable {
        private final RandomAccessFile file;
        private final FileLock lock;

        private Lock(RandomAccessFile file, FileLock lock) {
            this.file = file;
            this.lock = lock;
        }

        static Lock take() {
            RandomAccessFile file = null;
            try {
                file = new RandomAccessFile(cache().resolve("lock").toFile(), "rw");
                while (true) {
                    try {
                        return new Lock(file, file.getChannel().lock());
                    } catch (OverlappingFileLockException e) {
                        Thread.sleep(20); // another class loader of this JVM has it
                    }
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            } catch (IOException e) {
                NativeLoader.progress("There are no locks in " + cache() + ", going on without: " + e, false);
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
