// SPDX-License-Identifier: Apache-2.0
// The Python packages that jars of the class path bring. Packaged (internal.start) finds and unpacks them; the artifact
// python4j-packages and the build plugins put them there.
package org.nd4j.python4j;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import org.nd4j.python4j.internal.packages.Wheels;
import org.nd4j.python4j.internal.process.PythonChild;
import org.nd4j.python4j.internal.start.Interpreter;

/**
 * The Python packages and the Python files that the jars of the class path bring. A program does nothing for them: its
 * first start unpacks them once into the cache, into folders that are named after their content, and they can be
 * imported. Starts that follow find the folders. The plugins for Gradle and Maven put packages into a jar, see
 * docs/dependencies.md.
 *
 * <p>The class is also a program, which unpacks and compiles the packages ahead, in the build of a container image say.
 * After that the program writes nothing:
 *
 * <pre>{@code java -cp 'app/*' org.nd4j.python4j.PythonPackages}</pre>
 */
public final class PythonPackages {

    private PythonPackages() {}

    /**
     * The folders of these packages, which are on {@code sys.path}; none if no jar brings any. This method needs no turn
     * and does not start Python.
     *
     * @throws PythonException if the packages are damaged, or are for another platform or version of Python
     */
    public static List<Path> folders() {
        List<Path> folders = new ArrayList<>();
        for (String folder : Interpreter.chosen().packages()) {
            if (Files.exists(Path.of(folder, Wheels.NOTE))) {
                folders.add(Path.of(folder));
            }
        }
        return Collections.unmodifiableList(folders);
    }

    /** Unpacks and compiles the packages, and prints their folders. */
    public static void main(String[] arguments) throws IOException, InterruptedException {
        for (Path folder : folders()) {
            // A package may have files that are no Python of this version: templates, tests of syntax.
            PythonChild.capture(Interpreter.chosen(), true, Arrays.asList("-m", "compileall", "-q", folder.toString()));
            System.out.println(folder);
        }
    }
}
