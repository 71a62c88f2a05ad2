// SPDX-License-Identifier: Apache-2.0
package org.nd4j.python4j;

/**
 * A time limit was reached. If it was the limit of a call, its Python code was ended. If it was the limit of {@link
 * PythonGIL#lock(java.time.Duration)}, the thread has no turn.
 */
public class PythonTimeout extends PythonException {

    private static final long serialVersionUID = 1L;

    PythonTimeout(String message, Throwable cause) {
        super(message, cause);
    }
}
