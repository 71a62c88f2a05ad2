// SPDX-License-Identifier: Apache-2.0
// Named namespaces for Python code. The file context.rs describes what a context is and how one is switched.
package org.nd4j.python4j;

import java.io.Closeable;
import java.util.List;
import java.util.Objects;
import java.util.UUID;
import org.nd4j.python4j.internal.jni.Native;
import org.nd4j.python4j.internal.jni.Pack;

/**
 * Named sets of Python globals, one of which is current for the whole process. Switching takes the same
 * time whatever is in them.
 *
 * <p>Imported modules are shared ({@code sys.modules}), names are not. Functions and classes keep the
 * globals they were defined with, and go on working while another context is current. Only what Python
 * itself looks up through {@code sys.modules['__main__']} sees the current context: {@code pickle},
 * {@code import __main__}, string annotations of classes.
 *
 * <p>Names have letters, digits and underscores of ASCII, no digit first. Switching, making, emptying and
 * deleting need a turn of {@link PythonGIL}; asking does not.
 *
 * @see <a href="https://github.com/python4j/python4j/blob/main/docs/glossary.md#context">context</a>
 */
public class PythonContextManager {

    private static final String MAIN = "main";

    /** Upstream: only {@link #getContexts} needs an instance. */
    public PythonContextManager() {}

    /**
     * Makes a context current until it is closed; then the one before is current again.
     *
     * <p>Opening and closing need a turn of {@link PythonGIL}.
     */
    public static class Context implements Closeable {
        private final String name;
        private final String previous;
        private final boolean temporary;
        private boolean closed;

        /**
         * A temporary context with a name of its own, deleted when it is closed.
         *
         * @throws PythonException if the thread has no turn
         */
        public Context() {
            this("temp_" + UUID.randomUUID().toString().replace('-', '_'), true);
        }

        /**
         * A named context, made if it is not there. It stays, with its variables, when this is closed.
         *
         * @throws PythonException if the name is not one for a context, or the thread has no turn
         */
        public Context(String name) {
            this(name, false);
        }

        private Context(String name, boolean temporary) {
            this.name = name;
            this.temporary = temporary;
            try (PythonGIL turn = PythonGIL.enter()) {
                previous = getCurrentContext();
                setContext(name);
            }
        }

        /**
         * Returns to the context that was current before; to {@code main} if that was deleted. Closing
         * again does nothing.
         *
         * @throws PythonException if the thread has no turn
         */
        @Override
        public void close() {
            if (closed) {
                return;
            }
            try (PythonGIL turn = PythonGIL.enter()) {
                closed = true;
                setContext(hasContext(previous) ? previous : MAIN);
                if (temporary && !getCurrentContext().equals(name)) {
                    deleteContext(name);
                }
            }
        }
    }

    /**
     * Makes a context unless it is there, and does not switch.
     *
     * @throws PythonException if the name is not one for a context, or the thread has no turn
     */
    public static void addContext(String contextName) {
        Objects.requireNonNull(contextName);
        try (PythonGIL turn = PythonGIL.enter()) {
            Native.contextAdd(contextName, Native.root);
        }
    }

    /** Whether there is a context of that name. Needs no turn. */
    public static boolean hasContext(String contextName) {
        return names().contains(contextName);
    }

    /**
     * Makes a context current, and makes it first if it is not there.
     *
     * @throws PythonException if the name is not one for a context, or the thread has no turn
     */
    public static void setContext(String contextName) {
        Objects.requireNonNull(contextName);
        try (PythonGIL turn = PythonGIL.enter()) {
            PythonGIL.refuseShared();
            Native.contextSwitch(contextName, Native.root);
        }
    }

    /**
     * Makes the context {@code main} current.
     *
     * @throws PythonException if the thread has no turn
     */
    public static void setMainContext() {
        setContext(MAIN);
    }

    /** The name of the current context; {@code main} at the start. Needs no turn. */
    public static String getCurrentContext() {
        PythonGIL.start();
        return Native.contextCurrent();
    }

    /**
     * Empties the current context and stays in it. Its objects are freed, even those that a function kept
     * elsewhere would still look up.
     *
     * @throws PythonException if the thread has no turn
     */
    public static void reset() {
        try (PythonGIL turn = PythonGIL.enter()) {
            Native.contextReset(PythonGIL.space());
        }
    }

    /**
     * Deletes a context with its variables. An unknown name is fine.
     *
     * @throws PythonException if it is the current one, or the thread has no turn
     */
    public static void deleteContext(String contextName) {
        Objects.requireNonNull(contextName);
        try (PythonGIL turn = PythonGIL.enter()) {
            Native.contextDelete(contextName);
        }
    }

    /**
     * Makes {@code main} current and deletes all others.
     *
     * @throws PythonException if the thread has no turn
     */
    public static void deleteNonMainContexts() {
        try (PythonGIL turn = PythonGIL.enter()) {
            setMainContext();
            for (String name : names()) {
                if (!name.equals(MAIN)) {
                    deleteContext(name);
                }
            }
        }
    }

    /** The names of all contexts, in the order of their making. Needs no turn. */
    public String[] getContexts() {
        return names().toArray(new String[0]);
    }

    private static List<String> names() {
        PythonGIL.start();
        @SuppressWarnings("unchecked") // context.rs packs a list of text
        List<String> names = (List<String>) Pack.Reader.read(Native.contextNames(), 0);
        return names;
    }
}
