// SPDX-License-Identifier: Apache-2.0
// Initializes the classes of org.bytedeco.cpython. They load their own libpython unless they are initialized in
// the right way, which is the first task of this class.
package org.nd4j.python4j.internal.start;

import org.bytedeco.cpython.PyObject;
import org.bytedeco.javacpp.Pointer;

/**
 * The classes of {@code org.bytedeco.cpython} load the embedded libpython when they are initialized. So our code does
 * not use them before a program asks for one of their objects. If another interpreter was chosen, this would load a
 * second libpython into the process. In this case they are initialized here, without any library. They can still wrap
 * an address, but calls of JavaCPP's functions fail with an {@link UnsatisfiedLinkError}.
 */
public final class Bindings {
    private static final String LOAD_LIBRARIES = "org.bytedeco.javacpp.loadlibraries";

    static {
        if (!Interpreter.chosen().embedded()) {
            initialize("org.bytedeco.javacpp.Pointer"); // its own library is wanted by everybody else
            String before = System.getProperty(LOAD_LIBRARIES);
            System.setProperty(LOAD_LIBRARIES, "never");
            try {
                initialize("org.bytedeco.cpython.PyObject");
                initialize("org.bytedeco.cpython.global.python");
            } finally {
                if (before == null) {
                    System.clearProperty(LOAD_LIBRARIES);
                } else {
                    System.setProperty(LOAD_LIBRARIES, before);
                }
            }
        }
    }

    private static void initialize(String name) {
        try {
            Class.forName(name, true, Bindings.class.getClassLoader());
        } catch (ClassNotFoundException | LinkageError e) {
            // Constants that ask the library for their value fail here, once, and not later with a load.
        }
    }

    private Bindings() {}

    /** JavaCPP's view of the object at an address. */
    public static PyObject pyObject(long address) {
        return new PyObject(new Address(address));
    }

    /** The address in JavaCPP's view of an object, 0 for null. */
    public static long address(PyObject object) {
        return object == null ? 0 : object.address();
    }

    @SuppressWarnings("serial") // never written
    private static final class Address extends Pointer {
        Address(long address) {
            this.address = address;
        }
    }
}
