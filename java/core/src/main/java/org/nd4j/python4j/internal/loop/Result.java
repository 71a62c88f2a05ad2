// SPDX-License-Identifier: Apache-2.0
// Converts a Python result to the Java type that the program names.
package org.nd4j.python4j.internal.loop;

import java.lang.reflect.Type;
import org.nd4j.python4j.Python;
import org.nd4j.python4j.PythonObject;
import org.nd4j.python4j.PythonType;
import org.nd4j.python4j.internal.Access;
import org.nd4j.python4j.internal.convert.Conversion;

/** The Java type to which results are converted. */
public final class Result {

    private static final int VALUE = 0;
    private static final int OBJECT = 1;

    private final Type type; // null for a PythonType
    private final PythonType<?> pythonType;
    private final Class<?> same; // values of this class are themselves; null for none
    final int mode; // how Python hands it over

    private Result(Type type, PythonType<?> pythonType, Class<?> same, int mode) {
        this.type = type;
        this.pythonType = pythonType;
        this.same = same;
        this.mode = mode;
    }

    public static Result of(Type type) {
        boolean plain = type == String.class || type == Long.class || type == Double.class || type == Boolean.class;
        return new Result(type, null, plain ? (Class<?>) type : null, !plain && Conversion.PLAIN.keepsObjects(type) ? OBJECT : VALUE);
    }

    public static Result of(PythonType<?> type) {
        Class<?> java = Access.get().javaType(type);
        boolean plain = java == String.class || java == Long.class || java == Double.class || java == Boolean.class;
        return new Result(null, type, plain ? java : null, plain ? VALUE : OBJECT);
    }

    /** @param raw the value as it was received from Python */
    Object convert(Object raw) {
        if (same != null && same.isInstance(raw)) {
            return raw;
        }
        if (type != null) {
            Object converted = Conversion.PLAIN.convert(raw, type);
            if (converted != raw && raw instanceof PythonObject) {
                ((PythonObject) raw).close();
            }
            return converted;
        }
        try (PythonObject object = raw instanceof PythonObject ? (PythonObject) raw : Python.of(raw)) {
            return pythonType.toJava(object);
        }
    }
}
