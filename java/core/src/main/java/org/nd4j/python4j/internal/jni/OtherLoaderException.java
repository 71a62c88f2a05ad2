// SPDX-License-Identifier: Apache-2.0
// An exception that another class loader's copy of the library threw and that arrives here through Python. The
// original object stays there: this class loader may not know its class, and must not keep its class loader
// alive.
package org.nd4j.python4j.internal.jni;

import java.util.Arrays;

/** The text, the stack trace, the cause and the suppressed exceptions of an exception, without its class. */
public final class OtherLoaderException extends Exception {

    private static final long serialVersionUID = 1L;

    private static final int MOST = 64; // exceptions in all: they may refer to each other in a ring

    // The places in what one host tells another, which consists of classes of the JDK alone.
    private static final int TEXT = 0; // String
    private static final int MESSAGE = 1; // String, may be null
    private static final int STACK = 2; // StackTraceElement[]
    private static final int CAUSE = 3; // Object[], may be null
    private static final int SUPPRESSED = 4; // Object[]
    private static final int LENGTH = 5;

    private final String text;

    private OtherLoaderException(Object[] told, Throwable cause) {
        super((String) told[MESSAGE], cause);
        text = (String) told[TEXT];
        setStackTrace((StackTraceElement[]) told[STACK]);
        for (Object suppressed : (Object[]) told[SUPPRESSED]) {
            addSuppressed(made((Object[]) suppressed));
        }
    }

    /** The exception that another host has under a key; null if that one is gone. */
    public static Throwable of(long key) {
        return made(Native.raisedElsewhere(key));
    }

    private static Throwable made(Object[] told) {
        return told == null ? null : new OtherLoaderException(told, made((Object[]) told[CAUSE]));
    }

    /** The class and the message of the original, as it says them itself. */
    @Override
    public String toString() {
        return text;
    }

    /** What other hosts may know of an exception; null for none. */
    static Object[] told(Throwable thrown) {
        return thrown == null ? null : told(thrown, new int[] {MOST});
    }

    private static Object[] told(Throwable thrown, int[] left) {
        if (thrown == null || left[0]-- <= 0) {
            return null;
        }
        Object[] told = new Object[LENGTH];
        told[TEXT] = thrown.getClass().getName();
        told[STACK] = new StackTraceElement[0];
        told[SUPPRESSED] = new Object[0];
        try {
            told[TEXT] = String.valueOf(thrown);
            told[MESSAGE] = thrown.getMessage();
            told[STACK] = thrown.getStackTrace().clone();
            told[CAUSE] = told(thrown.getCause(), left);
            told[SUPPRESSED] = Arrays.stream(thrown.getSuppressed())
                    .map(suppressed -> told(suppressed, left)).filter(suppressed -> suppressed != null).toArray();
        } catch (RuntimeException e) { // these methods may be the program's own: what is known by then is told
            return told;
        }
        return told;
    }
}
