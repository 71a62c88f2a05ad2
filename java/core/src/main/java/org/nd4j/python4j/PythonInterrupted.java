// SPDX-License-Identifier: Apache-2.0
package org.nd4j.python4j;

/**
 * The Java thread was interrupted while its Python code ran, or while it waited in {@link
 * PythonGIL#lock(java.time.Duration)}. The thread's interrupt status is set.
 */
public class PythonInterrupted extends PythonException {

    private static final long serialVersionUID = 1L;

    PythonInterrupted(String message, Throwable cause) {
        super(message, cause);
    }
}
