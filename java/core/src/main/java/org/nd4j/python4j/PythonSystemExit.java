// SPDX-License-Identifier: Apache-2.0
package org.nd4j.python4j;

import java.io.IOException;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;

/** The program called {@code sys.exit}. It never ends the JVM. */
public class PythonSystemExit extends PythonException {

    private static final long serialVersionUID = 1L;

    private transient Object code;

    PythonSystemExit(String message, Throwable cause, Object code) {
        super(message, cause);
        this.code = code;
    }

    /** What was given to {@code sys.exit}, converted: null, a Long, a String, anything. */
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

    /** The status that the process would have ended with: 0 for None, the number, 1 for anything else. */
    public int getStatus() {
        if (code == null) {
            return 0;
        }
        return code instanceof Number ? ((Number) code).intValue() : 1;
    }
}
