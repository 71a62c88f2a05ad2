// SPDX-License-Identifier: Apache-2.0
// Wheels, which are zip files, become a folder for sys.path. Builds and first starts use the same code, so that both
// refuse a wheel whose content is not the one that was locked.
package org.nd4j.python4j.internal.packages;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;

/** Unpacks wheels. The folder appears with its whole content or not at all. No method needs Python. */
public final class Wheels {

    /** The file in an unpacked folder that says what it was made of. */
    public static final String NOTE = "python4j-packages.txt";

    /** Opens a file that an index names. */
    public interface Source {
        InputStream open(String name) throws IOException;
    }

    private Wheels() {}

    /**
     * The folder of these files below {@code parent}, which is named after their checksums. Unpacks them if it does
     * not exist. The caller excludes other processes, and what a killed one left behind is removed.
     *
     * @throws IOException if a file is missing or has another content, with its name
     */
    public static Path unpack(List<Index.Entry> files, Source source, Path parent) throws IOException {
        StringBuilder note = new StringBuilder();
        for (Index.Entry file : files) {
            note.append(file.sha256).append(' ').append(file.name).append('\n');
        }
        byte[] text = note.toString().getBytes(StandardCharsets.UTF_8);
        Path folder = parent.resolve(hex(sha256().digest(text)).substring(0, 24));
        if (Files.exists(folder.resolve(NOTE))) {
            return folder;
        }
        Files.createDirectories(parent);
        Path aside = parent.resolve(folder.getFileName() + ".tmp");
        delete(aside);
        delete(folder);
        Files.createDirectory(aside);
        try {
            for (Index.Entry file : files) {
                Path wheel = aside.resolve(NOTE);
                try (InputStream in = source.open(file.name)) {
                    check(file, in, wheel);
                }
                extract(wheel, aside, file.name);
                Files.delete(wheel);
            }
            Files.write(aside.resolve(NOTE), text);
            Folders.move(aside, folder);
        } finally {
            delete(aside);
        }
        return folder;
    }

    /**
     * Copies a file and compares its checksum.
     *
     * @throws IOException if the checksum is another one; the copy is deleted then
     */
    public static void check(Index.Entry file, InputStream in, Path copy) throws IOException {
        DigestInputStream digested = new DigestInputStream(in, sha256());
        Files.copy(digested, copy, StandardCopyOption.REPLACE_EXISTING);
        String found = hex(digested.getMessageDigest().digest());
        if (!found.equals(file.sha256)) {
            Files.delete(copy);
            throw new IOException(file.name + " is not the file that was locked: its SHA-256 is " + found + ", and the lock says "
                    + file.sha256);
        }
    }

    /** The SHA-256 of a file. */
    public static String sha256(Path file) throws IOException {
        try (DigestInputStream in = new DigestInputStream(Files.newInputStream(file), sha256())) {
            in.transferTo(OutputStream.nullOutputStream());
            return hex(in.getMessageDigest().digest());
        }
    }

    private static void extract(Path wheel, Path folder, String name) throws IOException {
        Set<String> programs = programs(wheel);
        try (ZipFile zip = new ZipFile(wheel.toFile())) {
            for (ZipEntry entry : Collections.list(zip.entries())) {
                String inside = place(entry.getName());
                Path file = folder.resolve(inside).normalize();
                if (!file.startsWith(folder) || inside.equals(NOTE)) {
                    throw new IOException(name + " has a file that leaves its folder: " + entry.getName());
                }
                if (entry.isDirectory()) {
                    continue;
                }
                Files.createDirectories(file.getParent());
                try (InputStream in = zip.getInputStream(entry)) {
                    Files.copy(in, file, StandardCopyOption.REPLACE_EXISTING);
                }
                if (programs.contains(entry.getName()) && !file.toFile().setExecutable(true)) {
                    throw new IOException(file + " cannot be made executable");
                }
            }
        }
    }

    /** Where a file of a wheel belongs: {@code name.data} has parts for other folders than the one of the modules. */
    private static String place(String entry) {
        String[] parts = entry.split("/", 3);
        if (parts.length < 3 || !parts[0].endsWith(".data")) {
            return entry;
        }
        return (parts[1].equals("scripts") ? "bin/" : parts[1].equals("headers") ? "include/" : "") + parts[2];
    }

    /** The entries that are programs. Java's ZipFile does not show the rights, which stand in the zip's directory. */
    private static Set<String> programs(Path zip) throws IOException {
        Set<String> names = new HashSet<>();
        try (FileChannel file = FileChannel.open(zip)) {
            ByteBuffer bytes = ByteBuffer.allocate((int) Math.min(file.size(), 22 + 0xFFFF)).order(ByteOrder.LITTLE_ENDIAN);
            read(file, bytes, file.size() - bytes.capacity());
            int end = bytes.capacity() - 22;
            while (end >= 0 && bytes.getInt(end) != 0x06054b50) {
                end--;
            }
            int length = end < 0 ? -1 : bytes.getInt(end + 12);
            if (length < 0) {
                return names; // ZipFile says what is wrong; a zip of more than 4 GB has no programs that we know of
            }
            ByteBuffer entries = ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
            read(file, entries, Integer.toUnsignedLong(bytes.getInt(end + 16)));
            for (int at = 0; at + 46 <= length && entries.getInt(at) == 0x02014b50; ) {
                int name = Short.toUnsignedInt(entries.getShort(at + 28));
                if ((entries.getInt(at + 38) >>> 16 & 0111) != 0) {
                    names.add(new String(entries.array(), at + 46, name, StandardCharsets.UTF_8));
                }
                at += 46 + name + Short.toUnsignedInt(entries.getShort(at + 30)) + Short.toUnsignedInt(entries.getShort(at + 32));
            }
        }
        return names;
    }

    private static void read(FileChannel file, ByteBuffer into, long from) throws IOException {
        while (into.hasRemaining() && file.read(into, from + into.position()) > 0) {
            continue;
        }
    }

    /** Deletes a folder, if there is one. */
    public static void delete(Path folder) throws IOException {
        if (!Files.exists(folder, LinkOption.NOFOLLOW_LINKS)) {
            return;
        }
        Files.walkFileTree(folder, new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                Files.delete(file);
                return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult postVisitDirectory(Path visited, IOException failure) throws IOException {
                Files.delete(visited);
                return FileVisitResult.CONTINUE;
            }
        });
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e); // every JDK has SHA-256
        }
    }

    private static String hex(byte[] bytes) {
        StringBuilder text = new StringBuilder(64);
        for (byte b : bytes) {
            text.append(Character.forDigit(b >> 4 & 0xF, 16)).append(Character.forDigit(b & 0xF, 16));
        }
        return text.toString();
    }
}
