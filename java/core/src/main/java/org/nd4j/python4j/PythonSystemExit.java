// SPDX-License-Identifier: Apache-2.0
package org.nd4j.python4j;

/** The program called {@code sys.exit}. It never ends the JVM. */
public class PythonSystemExit extends PythonException {

    private static final long serialVersionUID = 1L;

    private final transient Object code;

    PythonSystemExit(String message, Throwable cause, Object code) {
        super(message, cause);
        this.code = code;
    }

    /** What was given to {@code sys.exit}, converted: null, a Long, a String, anything. */
    public Object getCode() {
        return code;
    }

    /** The status that the process would have ended with: 0 for None, the number, 1 for anything else. */
    public int getStatus() {
        if (code == null) {
            return 0;
        }
        return code instanceof Number ? ((Number) code).intValue() : 1;
    }
}
