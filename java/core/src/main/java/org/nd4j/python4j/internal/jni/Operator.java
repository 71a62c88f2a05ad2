// SPDX-License-Identifier: Apache-2.0
// The operations on Python objects that are one call each, by their numbers in object.rs. The public methods
// for them are in PythonObject and Python.
package org.nd4j.python4j.internal.jni;

/** The operators of {@link Native#objectOperate}, with their operands. */
public final class Operator {

    /** value: the value itself, as a Python object. */
    public static final int IDENTITY = 0;
    /** object, key. */
    public static final int ITEM = 2;
    /** object, key, value: None. */
    public static final int SET_ITEM = 3;
    /** callable, args (list or tuple), kwargs (dict or None). */
    public static final int CALL = 4;
    /** object. */
    public static final int ABS = 5;
    /** a, b; so the others down to {@link #IMAT_MUL}. */
    public static final int ADD = 6;
    public static final int SUB = 7;
    public static final int MUL = 8;
    public static final int MOD = 9;
    public static final int TRUE_DIV = 10;
    public static final int FLOOR_DIV = 11;
    public static final int MAT_MUL = 12;
    public static final int IADD = 13;
    public static final int ISUB = 14;
    public static final int IMUL = 15;
    public static final int ITRUE_DIV = 16;
    public static final int IFLOOR_DIV = 17;
    public static final int IMAT_MUL = 18;
    /** object. */
    public static final int LEN = 19;
    /** object. */
    public static final int TYPE = 20;
    /** object, types (list): a bool. */
    public static final int IS_INSTANCE = 21;
    /** object: a bool. */
    public static final int CALLABLE = 22;
    /** name of a module. */
    public static final int IMPORT = 23;
    /** name of a builtin. */
    public static final int BUILTIN = 24;
    /** nothing: the globals of the current context. */
    public static final int GLOBALS = 25;

    /** file, name: what one of the core's own Python files defines. */
    public static final int TOOL = 29;

    private Operator() {}
}
