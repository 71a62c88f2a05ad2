// SPDX-License-Identifier: Apache-2.0
// What a build says that it needs. A lock repeats it, so that the two can be compared.
package org.nd4j.python4j.packages;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;

/** The version of Python, the platforms and the packages; all sorted, so that their order means nothing. */
final class Declaration {
    final String python;
    final List<String> platforms;
    final List<String> packages;

    Declaration(String python, List<String> platforms, List<String> packages) {
        this.python = python;
        this.platforms = new ArrayList<>(new TreeSet<>(platforms));
        this.packages = new ArrayList<>(new TreeSet<>(packages));
    }

    /** The lines of a requirements file. Options of pip are refused, since a lock would not have them. */
    static List<String> requirements(Path file) throws IOException {
        List<String> packages = new ArrayList<>();
        for (String line : Files.readAllLines(file)) {
            String text = line.replaceFirst("(^|\\s)#.*", "").trim();
            if (text.startsWith("-") || text.endsWith("\\")) {
                throw new Failure(file + " has '" + text + "': only packages may stand there, one in a line");
            }
            if (!text.isEmpty()) {
                packages.add(text);
            }
        }
        return packages;
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
            throw new Failure("The declaration and the lock file " + file + " disagree. Run lockPython.\n  - "
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
