// SPDX-License-Identifier: Apache-2.0
// A second thread during the start. On another processor it prepares what the first call and monitoring will
// need. Everything also works without it, only later.
package org.nd4j.python4j.internal.start;

import java.nio.file.Path;
import org.nd4j.python4j.internal.Access;

/**
 * Reads classes from the jar while {@link NativeLoader} chooses and starts Python. It initializes almost none of them,
 * so that no thread ever waits for a lock of this thread.
 */
public final class WarmUp extends Thread {

    /** In the order in which the start comes to need them. */
    private static final String[] CLASSES = {
        "internal.start.StartNote", "PythonConstants", "PythonExecutioner$JavaCppPathType", "internal.Access", "internal.Access$Visit",
        "PublicAccess", "internal.jni.Native", "internal.monitor.Recorder", "internal.monitor.Monitor",
        "PythonExecutioner", "internal.jni.Pack", "internal.jni.Pack$Spare", "internal.turn.Stopper", "internal.turn.Stopper$Slot",
        "internal.jni.PackReader"
    };

    private WarmUp() {
        super("python4j-warmup");
    }

    static void go() {
        try {
            WarmUp thread = new WarmUp();
            thread.setDaemon(true);
            thread.start();
        } catch (OutOfMemoryError e) { // this process may have no more threads
            NativeLoader.progress("There is no MXBean: " + e, false);
        }
    }

    @Override
    public void run() {
        try {
            NativeLoader.isPrivate(Path.of(NativeLoader.caches()[0])); // for the classes of the JDK that it takes
            for (String name : CLASSES) {
                // The JVM verifies a class before it tells of its constructors.
                Class.forName("org.nd4j.python4j." + name, false, WarmUp.class.getClassLoader()).getDeclaredConstructors();
            }
            Access.get().warmUp();
        } catch (ClassNotFoundException | RuntimeException | LinkageError | OutOfMemoryError e) {
            NativeLoader.progress("Not prepared: " + e, false); // whoever needs it says so
        }
    }
}
