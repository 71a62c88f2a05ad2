// SPDX-License-Identifier: Apache-2.0
// A second thread for the start: on another processor it does meanwhile what the first call and
// monitoring will need. Without it everything works, and later.
package org.nd4j.python4j;

import java.nio.file.Path;

/**
 * Reads classes from the jar while {@link NativeLoader} chooses and starts Python. It initialises hardly any
 * of them, so that no thread ever waits for this one's locks.
 */
final class Ahead extends Thread {

    /** In the order in which the start comes to need them. */
    private static final String[] CLASSES = {
        "Stamp", "PythonConstants", "PythonExecutioner$JavaCppPathType", "Native", "Recorder", "Monitor", "PythonGIL$End",
        "PythonExecutioner", "Pack", "Pack$Spare", "Stopper", "Stopper$Slot", "Pack$Reader"
    };

    private Ahead() {
        super("python4j-ahead");
    }

    static void go() {
        try {
            Ahead ahead = new Ahead();
            ahead.setDaemon(true);
            ahead.start();
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
                Class.forName("org.nd4j.python4j." + name, false, Ahead.class.getClassLoader()).getDeclaredConstructors();
            }
            Stopper.prepare();
            Monitor.registerLater();
        } catch (ClassNotFoundException | RuntimeException | LinkageError | OutOfMemoryError e) {
            NativeLoader.progress("Not prepared: " + e, false); // whoever needs it says so
        }
    }
}
