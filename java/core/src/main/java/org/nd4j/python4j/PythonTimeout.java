// SPDX-License-Identifier: Apache-2.0
package org.nd4j.python4j;

/**
 * A time limit was reached: that of a call, whose Python code was ended then, or that of {@link
 * PythonGIL#lock(java.time.Duration)}, which then holds nothing.
 */
public class PythonTimeout extends PythonException {

    private static final long serialVersionUID = 1L;

    PythonTimeout(String message, Throwable cause) {
        super(message, cause);
    }
}
