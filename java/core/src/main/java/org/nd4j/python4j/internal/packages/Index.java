// SPDX-License-Identifier: Apache-2.0
// The index of the Python packages that a jar brings: one text resource, which the build writes and a first start
// reads. Packaged (internal.start) looks for it, Wheels unpacks what it names.
package org.nd4j.python4j.internal.packages;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * An index has a line for each fact, in words that are separated by one space:
 *
 * <pre>
 * python4j-packages 1
 * python 3.14                             the version of Python that the wheels are for
 * platforms linux-x86_64 linux-arm64
 * wheel linux-x86_64 SHA256 NAME.whl      a resource in the folder of this index; "any" as platform for all of them
 * sources SHA256 sources.zip              the program's own Python files, a resource as well
 * folder PATH                             or, in place of wheels: a folder that has a folder for each platform
 * </pre>
 */
public final class Index {

    /** The folder of the index and the wheels among the resources. */
    public static final String FOLDER = "META-INF/python4j/";

    /** The index. */
    public static final String NAME = FOLDER + "packages.txt";

    private static final String HEAD = "python4j-packages 1";

    /** A file that the index names, with its checksum. */
    public static final class Entry {
        public final String sha256;
        public final String name;

        public Entry(String sha256, String name) {
            this.sha256 = sha256;
            this.name = name;
        }
    }

    /** The version of Python, as {@code 3.14}; null if any will do. */
    public final String python;

    /** The platforms that have their wheels here. */
    public final List<String> platforms;

    /** The wheels of one platform. */
    public final List<Entry> wheels;

    /** The program's own files, or null. */
    public final Entry sources;

    /** The folder that is named in place of wheels, or null. */
    public final String folder;

    private Index(String python, List<String> platforms, List<Entry> wheels, Entry sources, String folder) {
        this.python = python;
        this.platforms = platforms;
        this.wheels = wheels;
        this.sources = sources;
        this.folder = folder;
    }

    /**
     * Reads an index for one platform.
     *
     * @throws IllegalArgumentException if it is none, or one of a later release
     */
    public static Index read(byte[] text, String platform) {
        String python = null;
        String folder = null;
        Entry sources = null;
        List<String> platforms = new ArrayList<>();
        List<Entry> wheels = new ArrayList<>();
        String[] lines = new String(text, StandardCharsets.UTF_8).split("\n");
        if (!lines[0].equals(HEAD)) {
            throw new IllegalArgumentException("it begins with '" + lines[0] + "', and this release reads '" + HEAD + "'");
        }
        for (int i = 1; i < lines.length; i++) {
            String[] words = lines[i].split(" ", lines[i].startsWith("folder ") ? 2 : -1);
            if (words[0].equals("python") && words.length == 2) {
                python = words[1];
            } else if (words[0].equals("platforms")) {
                platforms.addAll(Arrays.asList(words).subList(1, words.length));
            } else if (words[0].equals("wheel") && words.length == 4) {
                if (words[1].equals("any") || words[1].equals(platform)) {
                    wheels.add(new Entry(words[2], words[3]));
                }
            } else if (words[0].equals("sources") && words.length == 3) {
                sources = new Entry(words[1], words[2]);
            } else if (words[0].equals("folder") && words.length == 2) {
                folder = words[1];
            } else {
                throw new IllegalArgumentException("its line " + (i + 1) + " is '" + lines[i] + "'");
            }
        }
        return new Index(python, platforms, wheels, sources, folder);
    }

    /** Writes an index; {@code lines} are those after the head. */
    public static byte[] write(List<String> lines) {
        return (HEAD + "\n" + String.join("\n", lines) + "\n").getBytes(StandardCharsets.UTF_8);
    }
}
