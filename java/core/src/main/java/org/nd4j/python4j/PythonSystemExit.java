// SPDX-License-Identifier: Apache-2.0
package org.nd4j.python4j;

import java.io.IOException;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;

/** The program called {@code sys.exit}. This call never ends the JVM. */
public class PythonSystemExit extends PythonException {

    private static final long serialVersionUID = 1L;

    private transient Object code;

    PythonSystemExit(String message, Throwable cause, Object code) {
        super(message, cause);
        this.code = code;
    }

    /** The argument of {@code sys.exit}, converted to Java: null, a Long, a String or any other value. */
    public Object getCode() {
        return code;
    }

    private void writeObject(ObjectOutputStream out) throws IOException {
        out.defaultWriteObject();
        boolean plain = code == null || code instanceof Number || code instanceof Boolean;
        out.writeObject(plain ? code : String.valueOf(code));
    }

    private void readObject(ObjectInputStream in) throws IOException, ClassNotFoundException {
        in.defaultReadObject();
        code = in.readObject();
    }

    /**
     * The status with which a Python process would have ended: 0 for None, the number itself for a number, and 1 for
     * any other value.
     */
    public int getStatus() {
        if (code == null) {
            return 0;
        }
        return code instanceof Number ? ((Number) code).intValue() : 1;
    }
}
