// SPDX-License-Identifier: Apache-2.0
// Names of attributes and of variables as Python has them. To make and hash a string of Python's takes longer than to use it. The file
// names.rs makes them.
package org.nd4j.python4j.internal.jni;

/** A name that Python has, by its handle. A name has one place in a table; one that comes later takes it over. */
public final class Name {
    private static final int PLACES = 256;
    private static final Name[] ATTRIBUTES = new Name[PLACES];
    private static final Name[] VARIABLES = new Name[PLACES];

    private final String text;
    private final long handle; // 0 if Python has none

    private Name(String text, boolean isKept) {
        this.text = text;
        this.handle = isKept ? made(text) : 0;
        if (isKept) {
            Handles.own(1);
            Handles.Late.add(this, handle);
        }
    }

    private static long made(String text) {
        Pack pack = Pack.take();
        try {
            pack.text(text);
            return Native.objectName(pack.buffer(), pack.length(), Native.root);
        } finally {
            pack.giveBack();
        }
    }

    /** The name of an attribute. It is to be reachable until the call that uses its handle is over. This method needs a turn. */
    public static Name ofAttribute(String text) {
        int place = place(text);
        Name known = ATTRIBUTES[place];
        return known != null && known.is(text) ? known : put(ATTRIBUTES, place, new Name(text, true));
    }

    /**
     * The handle of the name of a variable for a small request. It is 0 if there is none yet, so that no name of this request loses its
     * place to another one, and for names that are not ASCII, which exec.rs looks at, or not for programs to set. This method needs a turn.
     */
    public static long ofVariable(String text) {
        int place = place(text);
        Name known = VARIABLES[place];
        if (known != null && known.is(text)) {
            return known.handle;
        }
        boolean isPlain = text.chars().allMatch(c -> c < 0x80) && !text.equals("__builtins__");
        put(VARIABLES, place, new Name(text, isPlain));
        return 0;
    }

    public long handle() {
        return handle;
    }

    private static int place(String text) {
        return text.hashCode() & PLACES - 1;
    }

    private boolean is(String other) {
        return text == other || text.equals(other);
    }

    private static Name put(Name[] table, int place, Name name) {
        if (table[place] != null && table[place].handle != 0) {
            Handles.own(-1); // it goes like any other that is forgotten
        }
        table[place] = name;
        return name;
    }
}
