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
 * The names of all system properties of this library, and accessors for the properties that Python4J has. The
 * properties are described in
 * <a href="https://github.com/python4j/python4j/blob/main/docs/settings.md">System properties and environment variables</a>.
 *
 * <p>Getters and setters read and write the property at any time. The property has its effect when the interpreter
 * starts. A setter that is called later writes the property, has no other effect and logs a warning. All methods may be
 * called by any thread, need no turn, and do not start Python.
 */
public class PythonConstants {

    /**
     * The CPython that runs: the path of an executable or of an environment, a version or name that is on {@code PATH},
     * {@code auto} or {@code embedded}. The default is the value of {@link #PYTHON_VARIABLE}, or {@link
     * #DEFAULT_PYTHON} if that is not set. The property may be set until the first use of Python. If a later value
     * names another interpreter, the next use of Python throws a {@link PythonException}; the other properties do not
     * do this.
     */
    public static final String PYTHON = Interpreter.PROPERTY;

    /** The environment variable with the same values as {@link #PYTHON}. The property takes precedence over it. */
    public static final String PYTHON_VARIABLE = Interpreter.VARIABLE;

    /** The default of {@link #PYTHON}: the CPython that {@code org.bytedeco:cpython} contains. */
    public static final String DEFAULT_PYTHON = Interpreter.EMBEDDED;

    /** The folder of the cache, which has the native libraries and the results of earlier starts. */
    public static final String CACHE = NativeLoader.CACHE;

    /**
     * Whether Linux is asked for huge pages where Python has much memory; by default it is, except where free memory goes
     * back to the host of a virtual machine.
     */
    public static final String HUGE_PAGES = "org.eclipse.python4j.hugepages";

    /**
     * The module whose {@code new_event_loop} creates the loop of {@link PythonAsync#get}; {@code asyncio} by default.
     */
    public static final String ASYNC_LOOP = "org.eclipse.python4j.async";

    /** How long a turn may last until the watchdog logs it, for example {@code 10s}. The watchdog is off by default. */
    public static final String WATCHDOG = PythonWatchdog.PROPERTY;

    /** Whether turns are timed; {@code false} by default. See {@link PythonGILMXBean#isTimingEnabled}. */
    public static final String TIMING = Monitor.TIMING;

    /** Whether the MXBean is registered at the start ({@code true}) or never ({@code false}); by default, soon after it. */
    public static final String MXBEAN = Monitor.MXBEAN;

    /**
     * The time in milliseconds that the owner of a turn may wait in a callback for tasks that themselves wait for a
     * turn. A longer wait is treated as a deadlock. The default is 3000.
     */
    public static final String CALLBACK_PATIENCE = "org.eclipse.python4j.callback.patience";

    /** Whether {@code NumpyArray.INSTANCE.init()} imports numpy, {@code true} by default. */
    public static final String IMPORT_NUMPY = "org.eclipse.python4j.numpyimport";

    /** The user's own Python path: folders, separated as in {@code PYTHONPATH}. No default. */
    public static final String DEFAULT_PYTHON_PATH_PROPERTY = "org.eclipse.python4j.path";

    /**
     * How the user's own path is combined with the path of the embedded interpreter: {@code before}, {@code after} or
     * {@code none}.
     */
    public static final String JAVACPP_PYTHON_APPEND_TYPE = "org.eclipse.python4j.path.append";

    /** Whether the thread that starts Python releases the GIL afterwards. */
    public static final String RELEASE_GIL_AUTOMATICALLY = "org.eclipse.python4j.release_gil_automatically";

    /** The default of {@link #RELEASE_GIL_AUTOMATICALLY}. */
    public static final String DEFAULT_RELEASE_GIL_AUTOMATICALLY = "true";

    /** The default of {@link #JAVACPP_PYTHON_APPEND_TYPE}. */
    public static final String DEFAULT_APPEND_TYPE = "before";

    /** Whether this library starts Python. With {@code false} the program must have started Python before. */
    public static final String INITIALIZE_PYTHON = "org.eclipse.python4j.python.initialize";

    /** The default of {@link #INITIALIZE_PYTHON}. */
    public static final String DEFAULT_INITIALIZE_PYTHON = "true";

    /**
     * The name of a resource in upstream's implementation. The constant exists for programs that refer to it; this
     * library has no such resource.
     */
    public static final String PYTHON_EXEC_RESOURCE = "org/nd4j/python4j/pythonexec/pythonexec.py";

    /** Whether numpy arrays are created by Python code ({@code ctypes}) and not through the C API. */
    public static final String CREATE_NPY_VIA_PYTHON = "org.eclipse.python4j.create_npy_python";

    /** The default of {@link #CREATE_NPY_VIA_PYTHON}. */
    public static final String DEFAULT_CREATE_NPY_VIA_PYTHON = "false";

    /** The class has only static members. The constructor is public because it is public in upstream. */
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
     * @throws IllegalArgumentException if the value is not one of the three
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
