// SPDX-License-Identifier: Apache-2.0
// Tells whoever wants to know of the errors that Python code raised to Java. Only an error comes here, so a call that
// succeeds costs nothing more, and this class is not loaded before the first error.
package org.nd4j.python4j.internal.monitor;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;

/** The listeners for errors of calls. */
public final class Errors {

    /** Each is told the name of the Python class, on the thread of the call, which may have its turn. */
    public static final List<Consumer<String>> LISTENERS = new CopyOnWriteArrayList<>();

    private Errors() {}

    /** A call has failed. The name is empty where Python did not raise the error. */
    public static void raised(String pythonClass) {
        if (!pythonClass.isEmpty()) {
            for (Consumer<String> listener : LISTENERS) {
                listener.accept(pythonClass);
            }
        }
    }
}
