// SPDX-License-Identifier: Apache-2.0
// A user's program that mixes Python4J 1.0.0-M2.1 with JavaCPP's bindings of an older CPython, which
// still have Py_AddPath, Py_IncRef and Py_DecRef: compiled against theirs, run on ours.

import static org.bytedeco.cpython.global.python.PyDict_GetItemString;
import static org.bytedeco.cpython.global.python.PyDict_SetItemString;
import static org.bytedeco.cpython.global.python.PyGILState_Check;
import static org.bytedeco.cpython.global.python.PyImport_AddModule;
import static org.bytedeco.cpython.global.python.PyList_Append;
import static org.bytedeco.cpython.global.python.PyList_Size;
import static org.bytedeco.cpython.global.python.PyLong_AsLong;
import static org.bytedeco.cpython.global.python.PyLong_FromLong;
import static org.bytedeco.cpython.global.python.PyModule_GetDict;
import static org.bytedeco.cpython.global.python.PyRun_SimpleString;
import static org.bytedeco.cpython.global.python.Py_DecRef;
import static org.bytedeco.cpython.global.python.Py_IncRef;
import static org.bytedeco.cpython.helper.python.Py_AddPath;

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import org.bytedeco.cpython.PyObject;
import org.nd4j.python4j.Python;
import org.nd4j.python4j.PythonExecutioner;
import org.nd4j.python4j.PythonGIL;
import org.nd4j.python4j.PythonObject;
import org.nd4j.python4j.PythonTypes;

public final class BindingsProgram {
    private static int passed;
    private static int failed;

    public static void main(String[] arguments) {
        try {
            run();
        } catch (Throwable e) {
            failed++;
            e.printStackTrace(System.out);
        }
        System.out.println(passed + " passed, " + failed + " failed");
        System.exit(failed == 0 ? 0 : 1);
    }

    private static void equal(Object expected, Object actual) {
        if (expected.equals(actual)) {
            passed++;
        } else {
            failed++;
            System.out.println("FAILED " + new Throwable().getStackTrace()[1] + ": expected " + expected + " but was " + actual);
        }
    }

    private static File folderOf(String module) throws Exception {
        Path folder = Files.createTempDirectory("bindings");
        Files.write(folder.resolve(module + ".py"), Collections.singletonList("name = '" + module + "'"));
        return folder.toFile();
    }

    private static void run() throws Exception {
        Py_AddPath(folderOf("added_before")); // before anything of Python4J is loaded
        try (PythonGIL gil = PythonGIL.lock()) {
            equal(1, PyGILState_Check());
            PythonExecutioner.exec("import added_before\nx = added_before.name");
            equal("added_before", PythonExecutioner.getVariable("x", PythonTypes.STR).getValue());
            PythonExecutioner.exec("import json, math\nx = json.dumps([math.sqrt(4)])");
            equal("[2.0]", Python.eval("x").toString());

            Py_AddPath(folderOf("added_after"));
            PythonExecutioner.exec("import added_after\nx = added_after.name");
            equal("added_after", Python.eval("x").toString());
            PythonExecutioner.exec("import decimal"); // and the standard library is still there

            PythonObject list = Python.eval("[1]");
            PyObject there = list.getNativePythonObject();
            equal(0L, references(list, () -> {}));
            equal(2L, references(list, () -> {
                Py_IncRef(there);
                Py_IncRef(there);
            }));
            equal(-2L, references(list, () -> {
                Py_DecRef(there);
                Py_DecRef(there);
            }));

            PyObject two = PyLong_FromLong(2);
            equal(0, PyList_Append(there, two));
            Py_DecRef(two);
            equal(2L, PyList_Size(there));
            equal("[1, 2]", list.toString());

            PyObject globals = PyModule_GetDict(PyImport_AddModule("__main__"));
            equal(0, PyDict_SetItemString(globals, "shared", there));
            equal(0, PyRun_SimpleString("shared.append(3); count = len(shared)"));
            equal("[1, 2, 3]", new PythonObject(PyDict_GetItemString(globals, "shared"), false).toString());
            equal(3L, PyLong_AsLong(PythonExecutioner.getVariable("count").getNativePythonObject()));
        }
        equal(0, PyGILState_Check());
    }

    /** By how much the reference count changes. */
    private static long references(PythonObject object, Runnable change) {
        PythonObject count = Python.importModule("sys").attr("getrefcount");
        long before = count.call(object).toLong();
        change.run();
        return count.call(object).toLong() - before;
    }
}
