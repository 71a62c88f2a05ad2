// SPDX-License-Identifier: Apache-2.0
// Folders that are filled under another name and then renamed, so that nobody sees one that is incomplete.
package org.nd4j.python4j.internal.packages;

import java.io.File;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/** How a folder gets its name. */
public final class Folders {

    private static final long LONGEST_PAUSE = 1500; // milliseconds; with those before it almost three seconds

    private Folders() {}

    /** Renames a folder that has just been filled. On Windows that is refused while anybody has a file of it open, as virus scanners do at first. */
    public static void move(Path aside, Path folder) throws IOException {
        Step step = () -> Files.move(aside, folder, StandardCopyOption.ATOMIC_MOVE);
        if (File.separatorChar == '\\') {
            patiently(step);
        } else {
            step.run();
        }
    }

    /** Something that may be tried again. */
    public interface Step {
        void run() throws IOException;
    }

    /** Tries again for some seconds what is refused because somebody has a file open. */
    public static void patiently(Step step) throws IOException {
        for (long pause = 10; ; pause *= 2) {
            try {
                step.run();
                return;
            } catch (FileSystemException e) { // a sharing violation has no class of its own
                boolean inUse = e instanceof AccessDeniedException || e.getClass() == FileSystemException.class;
                if (!inUse || pause > LONGEST_PAUSE) {
                    throw e;
                }
                try {
                    Thread.sleep(pause);
                } catch (InterruptedException interrupted) {
                    Thread.currentThread().interrupt();
                    throw e;
                }
            }
        }
    }
}
