// SPDX-License-Identifier: Apache-2.0
// A Java type with its type arguments, which a Class alone does not have. Conversion converts Python objects to
// it.
package org.nd4j.python4j;

import java.lang.reflect.GenericArrayType;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.lang.reflect.TypeVariable;
import java.lang.reflect.WildcardType;

/**
 * A Java type with its type arguments, for {@link PythonObject#toJava(PythonTypeToken)}. A program writes it as an
 * empty subclass:
 *
 * <pre>{@code
 * Map<String, List<Order>> orders = object.toJava(new PythonTypeToken<Map<String, List<Order>>>() {});
 * }</pre>
 *
 * @param <T> the type
 */
public abstract class PythonTypeToken<T> {

    private final Type type;

    /**
     * Takes the type from the subclass.
     *
     * @throws PythonException if the subclass does not name the type, or the type contains a type variable, which is
     *     not known at run time
     */
    protected PythonTypeToken() {
        Type superclass = getClass().getGenericSuperclass();
        if (getClass().getSuperclass() != PythonTypeToken.class || !(superclass instanceof ParameterizedType)) {
            throw new PythonException("A PythonTypeToken is made with its type, as in"
                    + " new PythonTypeToken<List<String>>() {}, not by " + getClass().getName());
        }
        type = ((ParameterizedType) superclass).getActualTypeArguments()[0];
        refuseVariables(type);
    }

    /** The type. */
    public final Type type() {
        return type;
    }

    private void refuseVariables(Type... parts) {
        for (Type part : parts) {
            if (part instanceof TypeVariable) {
                throw new PythonException("The type variable " + part + " of " + type + " has no meaning at run time:"
                        + " name a class in its place.");
            } else if (part instanceof ParameterizedType) {
                refuseVariables(((ParameterizedType) part).getActualTypeArguments());
            } else if (part instanceof GenericArrayType) {
                refuseVariables(((GenericArrayType) part).getGenericComponentType());
            } else if (part instanceof WildcardType) {
                refuseVariables(((WildcardType) part).getUpperBounds());
                refuseVariables(((WildcardType) part).getLowerBounds());
            }
        }
    }

    @Override
    public String toString() {
        return type.getTypeName();
    }
}
