// SPDX-License-Identifier: Apache-2.0
// The first byte of each packed value. The table of what follows it is in pack.rs, the writers and readers are Pack
// and PackReader here, pack/reader.rs and pack/writer.rs there.
package org.nd4j.python4j.internal.jni;

/** The tags of packed values, the same numbers as in pack/format.rs. */
public final class Tag {
    public static final int NONE = 0;
    public static final int FALSE = 1;
    public static final int TRUE = 2;
    public static final int INT = 3;
    public static final int BIG_INT = 4;
    public static final int FLOAT = 5;
    public static final int STR = 6;
    public static final int BYTES = 7;
    public static final int LIST = 8;
    public static final int TUPLE = 9;
    public static final int SET = 10;
    public static final int DICT = 11;
    public static final int LONGS = 12;
    public static final int DOUBLES = 13;
    public static final int DECIMAL = 14;
    public static final int HANDLE = 15;
    public static final int SURROGATES = 16;
    public static final int MISSING = 17;
    public static final int JAVA = 18;
    public static final int LATIN1 = 19;
    public static final int UTF16 = 20;
    public static final int LARGE = 21;
    public static final int FUNCTION = 22;
    public static final int SHARED = 23;
    public static final int MORE = 24;

    private Tag() {}
}
