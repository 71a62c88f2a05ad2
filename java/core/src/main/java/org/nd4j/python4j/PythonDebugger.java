// SPDX-License-Identifier: Apache-2.0
// The port to which an editor attaches, and Java's frames for who looks at Python's. debugger.py does the rest.
package org.nd4j.python4j;

import java.util.List;
import java.util.Map;

/**
 * Lets an editor debug the Python code of this JVM by <a href="https://pypi.org/project/debugpy/">debugpy</a>, a Python package, see
 * docs/debugging.md. A thread that stops tells the Java frames that called Python, and {@code java_stack()} has them in Python code.
 */
public final class PythonDebugger {

    private static final String PACKAGE = PythonDebugger.class.getPackage().getName();

    private PythonDebugger() {}

    /** The same as {@link #listen(String, int)} for the address {@code 127.0.0.1}. */
    public static int listen(int port) {
        return listen("127.0.0.1", port);
    }

    /**
     * Opens a port for one editor after the other. Who reaches the port can run any code in this JVM. This method needs a turn.
     *
     * @param host the address on which to listen
     * @param port the port; 0 for any free one
     * @return the port
     * @throws PythonException if debugpy is not installed, the port is in use, or one is open already
     */
    public static int listen(String host, int port) {
        try (PythonGC frame = PythonGC.watch()) {
            return PythonObject.tool("debugger", "listen").call(host, port, Python.function(PythonDebugger::stack)).toInt();
        }
    }

    /** The frames of this thread, one in a line, from the one that called Python. */
    private static String stack(List<?> arguments, Map<?, ?> named) {
        StringBuilder text = new StringBuilder();
        boolean called = false;
        for (StackTraceElement frame : Thread.currentThread().getStackTrace()) {
            String type = frame.getClassName();
            called |= !type.startsWith("java.lang.Thread")
                    && !(type.startsWith(PACKAGE) && (type.startsWith(".internal.", PACKAGE.length()) || type.indexOf('.', PACKAGE.length() + 1) < 0));
            if (called) {
                text.append(text.length() == 0 ? "" : "\n").append(frame);
            }
        }
        return text.toString();
    }
}
