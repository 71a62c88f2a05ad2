// SPDX-License-Identifier: Apache-2.0
// What a build says that it needs. A lock repeats it, so that the two can be compared.
package org.nd4j.python4j.packages;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;

/** The version of Python, the platforms and the packages; all sorted, so that their order means nothing. */
final class Declaration {

    private static final String HASH = " --hash[= ]sha256:([0-9a-f]{64})";

    final String python;
    final List<String> platforms;
    final List<String> packages;

    Declaration(String python, List<String> platforms, List<String> packages) {
        this.python = python;
        this.platforms = new ArrayList<>(new TreeSet<>(platforms));
        this.packages = new ArrayList<>(new TreeSet<>(packages));
    }

    /** The packages of a requirements file. Options of pip are refused, since a lock would not have them, but for hashes. */
    static List<String> requirements(Path file) throws IOException {
        List<String> packages = new ArrayList<>();
        for (String line : Files.readString(file).replaceAll("\\\\\\R", " ").split("\\R")) {
            String text = line.replaceFirst("(^|\\s)#.*", "").trim().replaceAll("\\s+", " ");
            if (text.replaceAll(HASH, "").matches("-.*|.*\\s-.*")) {
                throw new Failure(file + " has '" + text + "': only packages may stand there, one in a line, and their hashes (--hash=sha256:)");
            }
            if (!text.isEmpty()) {
                packages.add(text);
            }
        }
        return packages;
    }

    /** The packages as pip takes them, without hashes. */
    List<String> plain() {
        List<String> plain = new ArrayList<>(packages);
        plain.replaceAll(each -> each.replaceAll(HASH, ""));
        return plain;
    }

    /** The hashes of which a package's wheel must have one; empty if any wheel will do. */
    Set<String> hashes(String name) {
        Set<String> hashes = new TreeSet<>();
        for (String each : packages) {
            if (Resolver.normal(each.replaceFirst("[^A-Za-z0-9._-].*|[=<>!~].*", "")).equals(name)) {
                Pattern.compile(HASH).matcher(each).results().forEach(hash -> hashes.add(hash.group(1)));
            }
        }
        return hashes;
    }

    /** Says what a lock has otherwise. */
    void compare(Declaration locked, Path file) {
        List<String> different = new ArrayList<>();
        if (!python.equals(locked.python)) {
            different.add("Python " + python + " is declared, and " + locked.python + " is locked");
        }
        difference(different, "platform", platforms, locked.platforms);
        difference(different, "package", packages, locked.packages);
        if (!different.isEmpty()) {
            throw new Failure("The declaration and the lock file " + file + " disagree. Lock again by " + Lock.BY + ".\n  - "
                    + String.join("\n  - ", different));
        }
    }

    private static void difference(List<String> different, String what, List<String> declared, List<String> locked) {
        for (String each : declared) {
            if (!locked.contains(each)) {
                different.add("the " + what + " " + each + " is declared and not locked");
            }
        }
        for (String each : locked) {
            if (!declared.contains(each)) {
                different.add("the " + what + " " + each + " is locked and not declared");
            }
        }
    }
}
