// SPDX-License-Identifier: Apache-2.0
// The type of None. The other built-in types are in PythonTypes.
package org.nd4j.python4j;

import org.nd4j.python4j.internal.jni.Pack;

/** The type of Python's {@code None}, which corresponds to Java's null. */
public class NoneType extends PythonType<Void> {

    /** Creates an instance. All instances are equal. */
    public NoneType() {
        super("NoneType", Void.class);
    }

    /** Whether the Java object is null. */
    @Override
    public boolean accepts(Object javaObject) {
        return javaObject == null;
    }

    /** Returns null for every object. */
    @Override
    public Void toJava(PythonObject pythonObject) {
        return null;
    }

    /** Returns {@code None}. This method needs a turn of {@link PythonGIL}. */
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
