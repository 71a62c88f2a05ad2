// SPDX-License-Identifier: Apache-2.0
// Small values in memory that both sides see, so that no array of Java's is needed: a result's value beside its handle, where
// the value describes the result completely, and requests of few variables. pack/told.rs has the other side.
package org.nd4j.python4j.internal.jni;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/**
 * The values that the last call wrote. They are valid only for a thread that has held the GIL since. A value is a tag, a word, and
 * the bytes of a text. Positions are in bytes.
 */
public final class Told {

    /** How many inputs and outputs a request has at most, each. */
    public static final int FEW = 4;

    private static final ByteBuffer MEMORY = Native.objectTold().order(ByteOrder.nativeOrder());
    private static final int WORD = 8;
    private static final int TEXT = 16;
    private static final int LONGEST = 64;

    private static int requests; // the turn's owner uses it

    private Told() {}

    // ---- a request, see exec.rs ----

    /** Begins a request. The result tells it from others: see {@link #isComplete}. */
    public static int request(long code, int inputs, int outputs) {
        MEMORY.putLong(0, code);
        MEMORY.putLong(WORD, counts(inputs, outputs));
        return ++requests;
    }

    private static long counts(int inputs, int outputs) {
        return inputs | (long) outputs << 32;
    }

    /** Where the first input of a request is written. */
    public static final int FIRST = TEXT;

    /** Writes an input, whose name is a handle. Returns where the next one is written; 0 if the value is none of the small ones. */
    public static int input(int at, long name, Object value) {
        int tag;
        long word = 0;
        int next = at + 3 * WORD;
        if (value instanceof Long || value instanceof Integer) {
            tag = Pack.INT;
            word = ((Number) value).longValue();
        } else if (value instanceof String) {
            String text = (String) value;
            tag = Pack.STR;
            word = text.length();
            if (word > LONGEST || !latin1(next, text)) {
                return 0;
            }
            next += (int) (word + WORD - 1) & -WORD;
        } else if (value instanceof Double || value instanceof Float) {
            tag = Pack.FLOAT;
            word = Double.doubleToRawLongBits(((Number) value).doubleValue());
        } else if (value == null) {
            tag = Pack.NONE;
        } else if (value instanceof Boolean) {
            tag = (Boolean) value ? Pack.TRUE : Pack.FALSE;
        } else {
            return 0;
        }
        MEMORY.putLong(at, name);
        MEMORY.putLong(at + WORD, tag);
        MEMORY.putLong(at + 2 * WORD, word);
        return next;
    }

    private static boolean latin1(int at, String text) {
        int length = text.length();
        for (int i = 0; i < length; ) {
            long word = 0;
            for (int shift = 0; shift < Long.SIZE && i < length; shift += Byte.SIZE) {
                char c = text.charAt(i++);
                if (c > 0xFF) {
                    return false;
                }
                word |= (long) c << shift;
            }
            MEMORY.putLong(at, word);
            at += WORD;
        }
        return true;
    }

    /** Writes an output and returns where the next one is written. */
    public static int output(int at, long name, int wanted) {
        MEMORY.putLong(at, name);
        MEMORY.putLong(at + WORD, wanted);
        return at + 2 * WORD;
    }

    /**
     * Whether a request stands there as it was written: code of the program may have run in between, a getter of a variable say, and
     * used the memory for another request or a result. A result begins with a tag and a word, which are no handle and no counts.
     */
    public static boolean isComplete(int request, long code, int inputs, int outputs) {
        return request == requests && MEMORY.getLong(0) == code && MEMORY.getLong(WORD) == counts(inputs, outputs);
    }

    /** Writes a request for values of a dict: for each one how many names it may have, and these as handles. False without room for it. */
    public static boolean named(long dict, long[][] values) {
        int at = putWord(putWord(0, dict), values.length);
        for (long[] names : values) {
            if (at + WORD * (1 + names.length) > MEMORY.capacity()) {
                return false;
            }
            at = putWord(at, names.length);
            for (long name : names) {
                at = putWord(at, name);
            }
        }
        return true;
    }

    private static int putWord(int at, long word) {
        MEMORY.putLong(at, word);
        return at + WORD;
    }

    // ---- results ----

    /** So many values, one after the other. */
    public static Object[] values(int count) {
        Object[] values = new Object[count];
        for (int i = 0, at = 0; i < count; i++) {
            values[i] = value(at);
            at = next(at);
        }
        return values;
    }

    /** The tag, as {@link Pack} has them; {@link Pack#MISSING} for an object of another kind. */
    public static int tag() {
        return (int) MEMORY.getLong(0);
    }

    /** An int, or the bits of a float. */
    public static long word() {
        return MEMORY.getLong(WORD);
    }

    public static String text() {
        return text(0);
    }

    /** The value, as {@link Pack.Reader#value} has it. */
    public static Object value() {
        return value(0);
    }

    /** The value at a position. */
    public static Object value(int at) {
        int tag = (int) MEMORY.getLong(at);
        switch (tag) {
            case Pack.INT:
                return MEMORY.getLong(at + WORD);
            case Pack.FLOAT:
                return Double.longBitsToDouble(MEMORY.getLong(at + WORD));
            case Pack.STR:
                return text(at);
            case Pack.NONE:
                return null;
            default:
                return tag == Pack.TRUE;
        }
    }

    /** The position after a value. */
    public static int next(int at) {
        boolean isText = MEMORY.getLong(at) == Pack.STR;
        return at + TEXT + (isText ? (int) (MEMORY.getLong(at + WORD) + WORD - 1) & -WORD : 0);
    }

    private static String text(int at) {
        byte[] utf8 = new byte[(int) MEMORY.getLong(at + WORD)];
        MEMORY.position(at + TEXT);
        MEMORY.get(utf8);
        return new String(utf8, StandardCharsets.UTF_8);
    }
}
