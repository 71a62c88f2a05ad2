// SPDX-License-Identifier: Apache-2.0
// The one exception of this library. The native side makes it in guard.rs, by the constructor
// with a text and a cause; what the texts are is decided in error.rs.
package org.nd4j.python4j;

/**
 * Python raised, a value could not be converted, or a call was not possible.
 *
 * <p>For an exception raised by Python code the message is {@code TypeName: text}. No Python error stays
 * pending in the interpreter when this is thrown.
 */
public class PythonException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    /** An exception with a message. */
    public PythonException(String message) {
        super(message);
    }

    /**
     * An exception that tells what a Python object says: {@code TypeName: text} for a Python exception,
     * {@code str(object)} for anything else. Needs a turn of {@link PythonGIL}.
     *
     * @throws RuntimeException if the object is null
     */
    public PythonException(PythonObject exception) {
        super(describe(exception));
    }

    /** An exception with a message and a cause. */
    public PythonException(String message, Throwable cause) {
        super(message, cause);
    }

    /** An exception with a cause, whose text it takes over. */
    public PythonException(Throwable cause) {
        super(cause);
    }

    private static String describe(PythonObject exception) {
        if (exception == null) {
            throw new RuntimeException(
                    "An error occurred while trying to create a PythonException.", new NullPointerException("exception"));
        }
        return exception.exists() ? (String) exception.convert(Pack.Wanted.MESSAGE) : exception.toString();
    }
}
