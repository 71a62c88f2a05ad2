// SPDX-License-Identifier: Apache-2.0
// The application cannot start because of Python. PythonStartFailureAnalyzer turns this into the report that Spring
// Boot prints.
package org.nd4j.python4j.spring;

import org.nd4j.python4j.PythonException;

/** Python did not start, or the warm-up failed, so the application does not start. */
public final class PythonStartException extends PythonException {

    private static final long serialVersionUID = 1L;

    private final String action;

    /** @param message what failed, with a colon before the reason */
    PythonStartException(String message, String action, Exception cause) {
        super(message + cause.getMessage(), cause);
        this.action = action;
    }

    /** What to do about it. */
    String action() {
        return action;
    }
}
