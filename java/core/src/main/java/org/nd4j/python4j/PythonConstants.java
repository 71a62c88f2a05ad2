// SPDX-License-Identifier: Apache-2.0
// The system properties of Python4J, with their names, defaults and accessors. NativeLoader and Interpreter,
// which start Python, apply most of them.
package org.nd4j.python4j;

import java.util.Locale;
import org.nd4j.python4j.internal.monitor.Monitor;
import org.nd4j.python4j.internal.start.Interpreter;
import org.nd4j.python4j.internal.start.NativeLoader;
import org.slf4j.LoggerFactory;

/**
 * The names of all system properties of this library, and accessors of those that Python4J has. They are described in
 * <a href="https://github.com/python4j/python4j/blob/main/docs/settings.md">System properties and environment variables</a>.
 *
 * <p>Getters and setters read and write the property at all times; its effect is fixed when the
 * interpreter starts. A setter called later still writes the property, changes nothing else and logs a
 * warning. All methods may be called by any thread, without a turn, and start nothing.
 */
public class PythonConstants {

    /**
     * Which CPython runs: the path of an executable or of an environment, a version or name that is on {@code PATH},
     * {@code auto} or {@code embedded}. The default is {@link #PYTHON_VARIABLE}, and {@link #DEFAULT_PYTHON} without it.
     * Unlike the other properties it may be set until the first use of Python, and a value that names another
     * interpreter afterwards is a {@link PythonException} at the next use.
     */
    public static final String PYTHON = Interpreter.PROPERTY;

    /** The environment variable that chooses like {@link #PYTHON}, which wins. */
    public static final String PYTHON_VARIABLE = Interpreter.VARIABLE;

    /** The default of {@link #PYTHON}: the CPython that {@code org.bytedeco:cpython} brings. */
    public static final String DEFAULT_PYTHON = Interpreter.EMBEDDED;

    /** The folder of the cache: the native libraries and what starts found out. */
    public static final String CACHE = NativeLoader.CACHE;

    /** The module whose {@code new_event_loop} makes the loop of {@link PythonAsync#get}: {@code asyncio} by default. */
    public static final String ASYNC_LOOP = "org.eclipse.python4j.async";

    /** How long a turn may last until the watchdog logs it, {@code 10s} say. Off by default. */
    public static final String WATCHDOG = PythonWatchdog.PROPERTY;

    /** Whether turns are timed, {@code false} by default: {@link PythonGILMXBean#isTimingEnabled}. */
    public static final String TIMING = Monitor.TIMING;

    /** Whether the MXBean is registered at the start ({@code true}) or never ({@code false}); by default, soon after it. */
    public static final String MXBEAN = Monitor.MXBEAN;

    /**
     * For how many milliseconds the owner of a turn may wait in a callback for tasks that wait for a turn, until that is
     * taken for a deadlock; 3000 by default.
     */
    public static final String CALLBACK_PATIENCE = "org.eclipse.python4j.callback.patience";

    /** Whether {@code NumpyArray.INSTANCE.init()} imports numpy, {@code true} by default. */
    public static final String IMPORT_NUMPY = "org.eclipse.python4j.numpyimport";

    /** The user's own Python path: folders, separated as in {@code PYTHONPATH}. No default. */
    public static final String DEFAULT_PYTHON_PATH_PROPERTY = "org.eclipse.python4j.path";

    /** How the own path and the embedded interpreter's are put together: before, after or none. */
    public static final String JAVACPP_PYTHON_APPEND_TYPE = "org.eclipse.python4j.path.append";

    /** Whether the thread that starts Python gives the GIL back afterwards. */
    public static final String RELEASE_GIL_AUTOMATICALLY = "org.eclipse.python4j.release_gil_automatically";

    /** The default of {@link #RELEASE_GIL_AUTOMATICALLY}. */
    public static final String DEFAULT_RELEASE_GIL_AUTOMATICALLY = "true";

    /** The default of {@link #JAVACPP_PYTHON_APPEND_TYPE}. */
    public static final String DEFAULT_APPEND_TYPE = "before";

    /** Whether Python is started here; with {@code false} somebody else has done that before. */
    public static final String INITIALIZE_PYTHON = "org.eclipse.python4j.python.initialize";

    /** The default of {@link #INITIALIZE_PYTHON}. */
    public static final String DEFAULT_INITIALIZE_PYTHON = "true";

    /** Upstream: the name of a resource of its implementation. Kept for programs that name it; there is none. */
    public static final String PYTHON_EXEC_RESOURCE = "org/nd4j/python4j/pythonexec/pythonexec.py";

    /** Whether numpy arrays are made by Python code ({@code ctypes}) and not through the C API. */
    public static final String CREATE_NPY_VIA_PYTHON = "org.eclipse.python4j.create_npy_python";

    /** The default of {@link #CREATE_NPY_VIA_PYTHON}. */
    public static final String DEFAULT_CREATE_NPY_VIA_PYTHON = "false";

    /** Upstream: the class only has static members and a public constructor all the same. */
    public PythonConstants() {}

    /** The value of {@link #CREATE_NPY_VIA_PYTHON}. */
    public static boolean createNpyViaPython() {
        return Boolean.parseBoolean(System.getProperty(CREATE_NPY_VIA_PYTHON, DEFAULT_CREATE_NPY_VIA_PYTHON));
    }

    /** Sets {@link #CREATE_NPY_VIA_PYTHON}. */
    public static void setCreateNpyViaPython(boolean createNpyViaPython) {
        set(CREATE_NPY_VIA_PYTHON, String.valueOf(createNpyViaPython));
    }

    /** Sets {@link #DEFAULT_PYTHON_PATH_PROPERTY}; null clears it. */
    public static void setDefaultPythonPath(String newPythonPath) {
        set(DEFAULT_PYTHON_PATH_PROPERTY, newPythonPath);
    }

    /** The value of {@link #DEFAULT_PYTHON_PATH_PROPERTY}, null if it is not set. */
    public static String defaultPythonPath() {
        return System.getProperty(DEFAULT_PYTHON_PATH_PROPERTY);
    }

    /** The value of {@link #INITIALIZE_PYTHON}. */
    public static boolean initializePython() {
        return Boolean.parseBoolean(System.getProperty(INITIALIZE_PYTHON, DEFAULT_INITIALIZE_PYTHON));
    }

    /** Sets {@link #INITIALIZE_PYTHON}. */
    public static void setInitializePython(boolean initializePython) {
        set(INITIALIZE_PYTHON, String.valueOf(initializePython));
    }

    /**
     * The value of {@link #JAVACPP_PYTHON_APPEND_TYPE}, in upper or lower case.
     *
     * @throws IllegalArgumentException if the property has none of the three values
     */
    public static PythonExecutioner.JavaCppPathType javaCppPythonAppendType() {
        String type = System.getProperty(JAVACPP_PYTHON_APPEND_TYPE);
        if (type == null) {
            return PythonExecutioner.JavaCppPathType.BEFORE; // valueOf reflects, which costs a start on JDK 21 some thirty classes
        }
        return PythonExecutioner.JavaCppPathType.valueOf(type.toUpperCase(Locale.ROOT));
    }

    /** Sets {@link #JAVACPP_PYTHON_APPEND_TYPE}. */
    public static void setJavacppPythonAppendType(PythonExecutioner.JavaCppPathType appendType) {
        set(JAVACPP_PYTHON_APPEND_TYPE, appendType.name());
    }

    /** Sets {@link #RELEASE_GIL_AUTOMATICALLY}. */
    public static void setReleaseGilAutomatically(boolean releaseGilAutomatically) {
        set(RELEASE_GIL_AUTOMATICALLY, String.valueOf(releaseGilAutomatically));
    }

    /** The value of {@link #RELEASE_GIL_AUTOMATICALLY}. */
    public static final boolean releaseGilAutomatically() {
        return Boolean.parseBoolean(System.getProperty(RELEASE_GIL_AUTOMATICALLY, DEFAULT_RELEASE_GIL_AUTOMATICALLY));
    }

    private static void set(String property, String value) {
        if (PythonGIL.isStarted()) {
            LoggerFactory.getLogger(PythonConstants.class)
                    .warn("Python has started already: setting {} to {} changes nothing in this process.", property, value);
        }
        if (value == null) {
            System.clearProperty(property);
        } else {
            System.setProperty(property, value);
        }
    }
}
