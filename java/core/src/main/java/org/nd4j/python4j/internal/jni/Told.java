// SPDX-License-Identifier: Apache-2.0
// A result's value beside its handle, where the value describes the result completely, so that no second call
// is needed to read it. The function `tell` of pack.rs writes it. PythonObject decides how it is used.
package org.nd4j.python4j.internal.jni;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/** The value that the last call wrote for its result. It is valid only for a thread that has held the GIL since. */
public final class Told {

    private static final ByteBuffer MEMORY = Native.objectTold().order(ByteOrder.nativeOrder());
    private static final int WORD = 8;
    private static final int TEXT = 16;

    private Told() {}

    /** The tag, as {@link Pack} has them; {@link Pack#MISSING} for an object of another kind. */
    public static int tag() {
        return (int) MEMORY.getLong(0);
    }

    /** An int, or the bits of a float. */
    public static long word() {
        return MEMORY.getLong(WORD);
    }

    /** The value, as {@link Pack.Reader#value} has it. */
    public static Object value() {
        switch (tag()) {
            case Pack.INT:
                return word();
            case Pack.FLOAT:
                return Double.longBitsToDouble(word());
            case Pack.STR:
                return text();
            case Pack.NONE:
                return null;
            default:
                return tag() == Pack.TRUE;
        }
    }

    public static String text() {
        byte[] utf8 = new byte[(int) word()];
        MEMORY.position(TEXT);
        MEMORY.get(utf8);
        return new String(utf8, StandardCharsets.UTF_8);
    }
}
