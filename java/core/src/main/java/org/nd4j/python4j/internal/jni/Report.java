// SPDX-License-Identifier: Apache-2.0
// The positions of the fields in the packed report of a Python exception. The file raised.rs writes the report
// and describes the fields; PythonException reads them.
package org.nd4j.python4j.internal.jni;

/** Positions in the list that {@link Native#raisedReport} returns. */
public final class Report {

    public static final int MESSAGE = 0;
    public static final int CLASS = 1;
    public static final int MODULE = 2;
    public static final int TEXT = 3;
    public static final int KIND = 4;
    public static final int FRAMES = 5;
    public static final int EXCEPTION = 6;
    public static final int DETAIL = 7;
    public static final int CAUSE = 8;
    public static final int SUPPRESSED = 9;
    public static final int NOTES = 10;

    private Report() {}
}
