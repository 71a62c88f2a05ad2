// SPDX-License-Identifier: Apache-2.0
// The type of None. The other built-in types are in PythonTypes.
package org.nd4j.python4j;

import org.nd4j.python4j.internal.jni.Pack;

/** The type of Python's {@code None}, which is Java's null. */
public class NoneType extends PythonType<Void> {

    /** The type; all are equal. */
    public NoneType() {
        super("NoneType", Void.class);
    }

    /** Whether it is null. */
    @Override
    public boolean accepts(Object javaObject) {
        return javaObject == null;
    }

    /** Null, whatever the object is. */
    @Override
    public Void toJava(PythonObject pythonObject) {
        return null;
    }

    /** None. Needs a turn of {@link PythonGIL}. */
    @Override
    public PythonObject toPython(Void javaObject) {
        return Python.None();
    }

    @Override
    int wanted() {
        return Pack.Wanted.NONE;
    }

    @Override
    Object packed(Object value) {
        throw cannotCast(value, "Void"); // null is packed without asking
    }
}
