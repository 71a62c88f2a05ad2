// SPDX-License-Identifier: Apache-2.0
package org.nd4j.python4j;

/** The time that a call was given is over; its Python code was ended. */
public class PythonTimeout extends PythonException {

    private static final long serialVersionUID = 1L;

    PythonTimeout(String message, Throwable cause) {
        super(message, cause);
    }
}
