// SPDX-License-Identifier: Apache-2.0
// Programs that ran lately, with their code from the second time on: they need not be encoded, copied and looked up again.
// The file texts.rs keeps more of them, by their text.
package org.nd4j.python4j.internal.jni;

import org.nd4j.python4j.PythonObject;
import org.nd4j.python4j.internal.Access;

/**
 * A program that ran lately. A long one is found by being the same String, any other one by its text. Blocks of {@code lockShared} may
 * meet here, and then know one twice or not.
 */
public final class Program {
    private static final int LONG = 1 << 20;
    private static final Program[] LONG_ONES = new Program[8];
    private static final Program[] SHORT_ONES = new Program[256];
    private static int next;

    private final String text;
    private volatile PythonObject code;

    private Program(String text) {
        this.text = text;
    }

    /** The code of such a program, or null. This method needs a place in Python. */
    public static PythonObject code(String text) {
        if (text.length() > Pack.SHORT_TEXT) {
            return text.length() > LONG ? null : codeOfLong(text);
        }
        int place = text.hashCode() & SHORT_ONES.length - 1;
        Program known = SHORT_ONES[place];
        if (known != null && (known.text == text || known.text.equals(text))) {
            return known.compiled();
        }
        leave(known);
        SHORT_ONES[place] = new Program(text);
        return null;
    }

    private static PythonObject codeOfLong(String text) {
        for (Program known : LONG_ONES) {
            if (known != null && known.text == text) {
                return known.compiled();
            }
        }
        leave(LONG_ONES[next]);
        LONG_ONES[next] = new Program(text);
        next = (next + 1) % LONG_ONES.length;
        return null;
    }

    private PythonObject compiled() {
        if (code == null) {
            code = Access.get().compile(text);
            Handles.own(1);
        }
        return code;
    }

    /** No del() for the code of the one that leaves: a thread of Python's may be about to run it. */
    private static void leave(Program known) {
        if (known != null && known.code != null) {
            Handles.own(-1);
        }
    }
}
