// SPDX-License-Identifier: Apache-2.0
package org.nd4j.python4j;

/** The Java thread was interrupted while its Python code ran; the thread's interrupt status is set. */
public class PythonInterrupted extends PythonException {

    private static final long serialVersionUID = 1L;

    PythonInterrupted(String message, Throwable cause) {
        super(message, cause);
    }
}
