// SPDX-License-Identifier: Apache-2.0
// Generic Java types with their type variables replaced. Only classes, parameterized types and arrays of these
// remain. Target describes how conversions use them.
package org.nd4j.python4j.internal.convert;

import java.lang.reflect.Array;
import java.lang.reflect.GenericArrayType;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.lang.reflect.TypeVariable;
import java.lang.reflect.WildcardType;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;
import org.nd4j.python4j.PythonException;

/** The values of the type variables in one class and all its supertypes. */
final class Types {

    /** No type variable has a meaning: each is taken for its bound. */
    static final Types NONE = new Types();

    private final Map<TypeVariable<?>, Type> meanings = new HashMap<>();

    private Types() {}

    /** The meanings that a resolved type gives to the variables of its class and of its supertypes. */
    static Types of(Type resolved) {
        Types types = new Types();
        types.collect(resolved, new HashSet<>());
        return types;
    }

    /** Both what a class says and what is declared of an object of it. */
    static Types of(Class<?> type, Type declared) {
        Types types = of(type);
        if (declared != type) {
            types.collect(declared, new HashSet<>());
        }
        return types;
    }

    private void collect(Type type, Set<Class<?>> seen) {
        Class<?> raw = raw(type);
        if (!seen.add(raw)) {
            return; // one class never has one interface with different arguments
        }
        bind(type);
        boolean erased = type == raw && raw.getTypeParameters().length > 0; // a raw type has raw supertypes
        if (raw.getSuperclass() != null) {
            collect(erased ? raw.getSuperclass() : resolve(raw.getGenericSuperclass()), seen);
        }
        for (Type each : erased ? raw.getInterfaces() : raw.getGenericInterfaces()) {
            collect(resolve(each), seen);
        }
    }

    /** The arguments of the type itself and, of an inner class, those of the classes around it. */
    private void bind(Type type) {
        for (Type at = type; at instanceof ParameterizedType; at = ((ParameterizedType) at).getOwnerType()) {
            TypeVariable<?>[] variables = raw(at).getTypeParameters();
            Type[] arguments = ((ParameterizedType) at).getActualTypeArguments();
            for (int i = 0; i < arguments.length; i++) {
                meanings.put(variables[i], arguments[i]);
            }
        }
    }

    /** A type as it is meant here, without variables and wildcards. */
    Type resolve(Type type) {
        return type instanceof Class ? type : resolve(type, new HashSet<>());
    }

    private Type resolve(Type type, Set<TypeVariable<?>> open) {
        if (type instanceof Class) {
            return type;
        } else if (type instanceof TypeVariable) {
            Type meaning = meanings.get(type);
            return meaning != null ? meaning : bound((TypeVariable<?>) type, open);
        } else if (type instanceof WildcardType) {
            Type[] lower = ((WildcardType) type).getLowerBounds();
            return resolve(lower.length > 0 ? lower[0] : ((WildcardType) type).getUpperBounds()[0], open);
        } else if (type instanceof GenericArrayType) {
            return array(resolve(((GenericArrayType) type).getGenericComponentType(), open));
        } else if (type instanceof ParameterizedType) {
            ParameterizedType generic = (ParameterizedType) type;
            TypeVariable<?>[] variables = raw(generic).getTypeParameters();
            Type[] arguments = generic.getActualTypeArguments();
            Type[] resolved = new Type[arguments.length];
            for (int i = 0; i < resolved.length; i++) {
                resolved[i] = argument(arguments[i], variables[i], open);
            }
            Type owner = generic.getOwnerType();
            return new Parameterized(owner == null ? null : resolve(owner, open), raw(generic), resolved);
        }
        throw new PythonException("Neither a class nor a generic type of classes: " + type);
    }

    /** What is known of an argument: a wildcard that says less than its variable is that variable's bound. */
    private Type argument(Type argument, TypeVariable<?> variable, Set<TypeVariable<?>> open) {
        Type resolved = resolve(argument, open);
        if (argument instanceof WildcardType && ((WildcardType) argument).getLowerBounds().length == 0) {
            Class<?> declared = erasure(variable, new HashSet<>());
            if (declared != raw(resolved) && raw(resolved).isAssignableFrom(declared)) {
                return bound(variable, open);
            }
        }
        return resolved;
    }

    /** The bound of a variable without a meaning; its class alone where it contains the variable itself. */
    private Type bound(TypeVariable<?> variable, Set<TypeVariable<?>> open) {
        if (!open.add(variable)) {
            return erasure(variable, new HashSet<>());
        }
        try {
            return resolve(variable.getBounds()[0], open);
        } finally {
            open.remove(variable);
        }
    }

    private static Class<?> erasure(Type type, Set<Type> open) {
        if (type instanceof TypeVariable) {
            return open.add(type) ? erasure(((TypeVariable<?>) type).getBounds()[0], open) : Object.class;
        }
        return raw(type);
    }

    /** The class of a type without variables and wildcards. */
    static Class<?> raw(Type type) {
        if (type instanceof Class) {
            return (Class<?>) type;
        } else if (type instanceof ParameterizedType) {
            return (Class<?>) ((ParameterizedType) type).getRawType();
        } else if (type instanceof GenericArrayType) {
            return Array.newInstance(raw(((GenericArrayType) type).getGenericComponentType()), 0).getClass();
        }
        throw new PythonException("Neither a class nor a generic type of classes: " + type);
    }

    private static Type array(Type component) {
        return component instanceof Class
                ? Array.newInstance((Class<?>) component, 0).getClass() : new GenericArray(component);
    }

    /** It is equal to the JDK's parameterized type with the same parts. */
    static final class Parameterized implements ParameterizedType {
        private final Type owner;
        private final Class<?> raw;
        private final Type[] arguments;

        Parameterized(Type owner, Class<?> raw, Type[] arguments) {
            this.owner = owner;
            this.raw = raw;
            this.arguments = arguments;
        }

        @Override
        public Type[] getActualTypeArguments() {
            return arguments.clone();
        }

        @Override
        public Type getRawType() {
            return raw;
        }

        @Override
        public Type getOwnerType() {
            return owner;
        }

        @Override
        public boolean equals(Object object) {
            if (!(object instanceof ParameterizedType)) {
                return false;
            }
            ParameterizedType other = (ParameterizedType) object;
            return raw.equals(other.getRawType()) && Objects.equals(owner, other.getOwnerType())
                    && Arrays.equals(arguments, other.getActualTypeArguments());
        }

        @Override
        public int hashCode() {
            return Arrays.hashCode(arguments) ^ Objects.hashCode(owner) ^ raw.hashCode();
        }

        @Override
        public String toString() {
            return raw.getName() + Arrays.stream(arguments).map(Type::getTypeName).collect(Collectors.joining(", ", "<", ">"));
        }
    }

    /** It is equal to the JDK's generic array type with the same parts. */
    private static final class GenericArray implements GenericArrayType {
        private final Type component;

        GenericArray(Type component) {
            this.component = component;
        }

        @Override
        public Type getGenericComponentType() {
            return component;
        }

        @Override
        public boolean equals(Object object) {
            return object instanceof GenericArrayType
                    && component.equals(((GenericArrayType) object).getGenericComponentType());
        }

        @Override
        public int hashCode() {
            return component.hashCode();
        }

        @Override
        public String toString() {
            return component.getTypeName() + "[]";
        }
    }
}
