// SPDX-License-Identifier: Apache-2.0
// Named namespaces for Python code. The file context.rs describes what a context is and how one is switched.
package org.nd4j.python4j;

import java.io.Closeable;
import java.util.List;
import java.util.Objects;
import java.util.UUID;
import org.nd4j.python4j.internal.jni.Native;
import org.nd4j.python4j.internal.jni.PackReader;

/**
 * Named sets of Python globals, called contexts. One of them is current for the whole process. The time to switch does
 * not depend on the number of names in a context.
 *
 * <p>Contexts share imported modules ({@code sys.modules}), but not names. Functions and classes keep the globals with
 * which they were defined, and still work while another context is current. Code that looks names up through {@code
 * sys.modules['__main__']} uses the current context: {@code pickle}, {@code import __main__} and string annotations of
 * classes.
 *
 * <p>The name of a context consists of ASCII letters, digits and underscores, and does not begin with a digit. Methods
 * that switch, create, empty or delete a context need a turn of {@link PythonGIL}; methods that only query do not.
 *
 * @see <a href="https://github.com/python4j/python4j/blob/main/docs/glossary.md#context">context</a>
 */
public class PythonContextManager {

    private static final String MAIN = "main";

    /** Creates an instance, which only {@link #getContexts} needs, as in upstream. */
    public PythonContextManager() {}

    /**
     * Makes a context current until this object is closed. Then the previous context is current again.
     *
     * <p>Opening and closing need a turn of {@link PythonGIL}.
     */
    public static class Context implements Closeable {
        private final String name;
        private final String previous;
        private final boolean temporary;
        private boolean closed;

        /**
         * Creates a temporary context with a unique name. The context is deleted when this object is closed.
         *
         * @throws PythonException if the thread has no turn
         */
        public Context() {
            this("temp_" + UUID.randomUUID().toString().replace('-', '_'), true);
        }

        /**
         * Makes a named context current, and creates it if it does not exist. The context and its variables remain when
         * this object is closed.
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
         * Makes the previous context current, or {@code main} if the previous one was deleted. A second call does
         * nothing.
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
     * Creates a context unless it exists, and does not switch to it.
     *
     * @throws PythonException if the name is not one for a context, or the thread has no turn
     */
    public static void addContext(String contextName) {
        Objects.requireNonNull(contextName);
        try (PythonGIL turn = PythonGIL.enter()) {
            Native.contextAdd(contextName, Native.root);
        }
    }

    /** Whether a context of that name exists. This method needs no turn. */
    public static boolean hasContext(String contextName) {
        return names().contains(contextName);
    }

    /**
     * Makes a context current, and creates it first if it does not exist.
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

    /** The name of the current context, which is {@code main} at the start. This method needs no turn. */
    public static String getCurrentContext() {
        PythonGIL.start();
        return Native.contextCurrent();
    }

    /**
     * Deletes all variables of the current context, which stays current. This also removes variables that a function
     * outside the context still uses as its globals.
     *
     * @throws PythonException if the thread has no turn
     */
    public static void reset() {
        try (PythonGIL turn = PythonGIL.enter()) {
            Native.contextReset(PythonGIL.space());
        }
    }

    /**
     * Deletes a context with its variables. An unknown name has no effect.
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
     * Makes {@code main} current and deletes all other contexts.
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

    /** The names of all contexts, in the order of their creation. This method needs no turn. */
    public String[] getContexts() {
        return names().toArray(new String[0]);
    }

    private static List<String> names() {
        PythonGIL.start();
        @SuppressWarnings("unchecked") // context.rs packs a list of text
        List<String> names = (List<String>) PackReader.read(Native.contextNames(), 0);
        return names;
    }
}
