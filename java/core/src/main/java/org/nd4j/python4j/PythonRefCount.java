// SPDX-License-Identifier: Apache-2.0
// Reference counts of objects that a program uses through org.bytedeco.cpython directly. JavaCPP's bindings of
// CPython 3.14 no longer have Py_IncRef and Py_DecRef.
package org.nd4j.python4j;

import java.lang.ref.Reference;
import org.bytedeco.cpython.PyObject;
import org.nd4j.python4j.internal.jni.Native;
import org.nd4j.python4j.internal.start.Bindings;

/**
 * Adds and releases references to native Python objects. {@link PythonObject} does not need it.
 *
 * <p>Both methods need a turn of {@link PythonGIL}. The caller has to make sure that the object is alive, and must not
 * release more references than it added.
 */
public class PythonRefCount {

    private PythonRefCount() {}

    /**
     * Adds a reference. Null and immortal objects are ignored.
     *
     * @throws PythonException if the thread has no turn
     */
    public static void incRef(PyObject obj) {
        long address = Bindings.address(obj);
        if (address != 0) {
            try (PythonGIL turn = PythonGIL.enter()) {
                Native.handleIncRef(address);
            } finally {
                Reference.reachabilityFence(obj);
            }
        }
    }

    /**
     * Releases a reference. Null and immortal objects are ignored.
     *
     * @throws PythonException if the thread has no turn
     */
    public static void decRef(PyObject obj) {
        long address = Bindings.address(obj);
        if (address != 0) {
            try (PythonGIL turn = PythonGIL.enter()) {
                Native.handleDecRef(address);
            } finally {
                Reference.reachabilityFence(obj);
            }
        }
    }
}
