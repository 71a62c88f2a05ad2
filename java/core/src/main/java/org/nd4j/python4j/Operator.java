// SPDX-License-Identifier: Apache-2.0
// What can be done to Python objects in one call, by the numbers that object.rs knows.
// The public methods that do it are those of PythonObject and Python.
package org.nd4j.python4j;

/** The operators of {@link Native#objectOperate}, with their operands. */
final class Operator {

    /** value: the value itself, as a Python object. */
    static final int IDENTITY = 0;
    /** object, key. */
    static final int ITEM = 2;
    /** object, key, value: None. */
    static final int SET_ITEM = 3;
    /** callable, args (list or tuple), kwargs (dict or None). */
    static final int CALL = 4;
    /** object. */
    static final int ABS = 5;
    /** a, b; so the others down to {@link #IMAT_MUL}. */
    static final int ADD = 6;
    static final int SUB = 7;
    static final int MUL = 8;
    static final int MOD = 9;
    static final int TRUE_DIV = 10;
    static final int FLOOR_DIV = 11;
    static final int MAT_MUL = 12;
    static final int IADD = 13;
    static final int ISUB = 14;
    static final int IMUL = 15;
    static final int ITRUE_DIV = 16;
    static final int IFLOOR_DIV = 17;
    static final int IMAT_MUL = 18;
    /** object. */
    static final int LEN = 19;
    /** object. */
    static final int TYPE = 20;
    /** object, types (list): a bool. */
    static final int IS_INSTANCE = 21;
    /** object: a bool. */
    static final int CALLABLE = 22;
    /** name of a module. */
    static final int IMPORT = 23;
    /** name of a builtin. */
    static final int BUILTIN = 24;
    /** nothing: the globals of the current context. */
    static final int GLOBALS = 25;

    /** file, name: what one of the core's own Python files defines. */
    static final int TOOL = 29;

    private Operator() {}
}
