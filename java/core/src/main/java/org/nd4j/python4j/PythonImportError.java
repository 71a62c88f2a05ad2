// SPDX-License-Identifier: Apache-2.0
package org.nd4j.python4j;

/** A module does not exist or cannot be loaded. */
public class PythonImportError extends PythonException {

    private static final long serialVersionUID = 1L;

    private final String module;

    PythonImportError(String message, Throwable cause, String module) {
        super(message, cause);
        this.module = module == null ? "" : module;
    }

    /** The name of the module; empty if Python does not report it. */
    public String getModule() {
        return module;
    }
}
