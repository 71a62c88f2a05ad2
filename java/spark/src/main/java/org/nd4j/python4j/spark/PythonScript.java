// SPDX-License-Identifier: Apache-2.0
// The Python function that a job calls. Its names, or its text, are sent to the executors; Executor loads the function there.
package org.nd4j.python4j.spark;

import java.io.Serializable;
import java.util.Objects;
import org.nd4j.python4j.PythonCode;
import org.nd4j.python4j.PythonException;

/** A reference to a Python function, either in a module of the executors or in a text that is sent with the job. */
public final class PythonScript implements Serializable {
    private static final long serialVersionUID = 1L;

    final String module;
    final String text; // null for a module that is imported
    final String function;

    private PythonScript(String module, String text, String function) {
        this.module = module;
        this.text = text;
        this.function = function;
    }

    /**
     * A function of a module, for example {@code "shop.models:score"}. The executors import the module. If Python does
     * not find it, the file {@code shop/models.py} on the job's class path is used.
     *
     * @throws PythonException if the argument is not a module name and a function name with a colon between them
     */
    public static PythonScript of(String moduleAndFunction) {
        int colon = moduleAndFunction.indexOf(':');
        if (colon <= 0 || colon == moduleAndFunction.length() - 1) {
            throw new PythonException("'" + moduleAndFunction + "' names no function: write \"module:function\".");
        }
        return new PythonScript(moduleAndFunction.substring(0, colon), null, moduleAndFunction.substring(colon + 1));
    }

    /** A function that a text defines, by its name. The text runs once in each executor, in its own namespace. */
    public static PythonScript ofText(String text, String function) {
        return new PythonScript("job_" + Integer.toHexString(text.hashCode()), Objects.requireNonNull(text), Objects.requireNonNull(function));
    }

    /** A function of a compiled text, so that a syntax error is found before the job starts. See {@link #ofText}. */
    public static PythonScript of(PythonCode code, String function) {
        return ofText(code.text(), function);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof PythonScript && toString().equals(other.toString()) && Objects.equals(text, ((PythonScript) other).text);
    }

    @Override
    public int hashCode() {
        return toString().hashCode();
    }

    /** The text {@code module:function}. */
    @Override
    public String toString() {
        return module + ":" + function;
    }
}
