// SPDX-License-Identifier: Apache-2.0
// A Java type as conversions see it: the kind of value that it holds, and the types of its parts. Each type is
// analysed once. The class Types resolves type variables; the class Conversion does the conversions.
package org.nd4j.python4j.internal.convert;

import java.lang.invoke.MethodType;
import java.lang.reflect.GenericArrayType;
import java.lang.reflect.Method;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.lang.reflect.TypeVariable;
import java.lang.reflect.WildcardType;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.file.Path;
import java.time.Duration;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.ZonedDateTime;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashSet;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Flow;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.nd4j.python4j.PythonObject;
import org.nd4j.python4j.internal.Access;
import org.nd4j.python4j.internal.jni.PackReader;

/** A type without variables and wildcards, with the properties that are derived from it. */
final class Target {

    enum Kind {
        NOTHING, PYTHON, ANY, NUMBER, BOOLEAN, TEXT, ENUM, OPTIONAL, ARRAY, COLLECTION, ITERATOR, STREAM, MAP, ENTRY, RECORD, PROXY, OTHER, FUTURE, PUBLISHER
    }

    /** Interfaces that one of these has are values; an object that is wanted as another one becomes a proxy. */
    private static final List<Class<?>> VALUES = Arrays.asList(ArrayList.class, ArrayDeque.class, LinkedHashSet.class,
            TreeSet.class, LinkedHashMap.class, TreeMap.class, ConcurrentHashMap.class, String.class, Long.class,
            LocalDate.class, LocalDateTime.class, ZonedDateTime.class, Duration.class);

    private static final List<Class<?>> NUMBERS = Arrays.asList(Byte.class, Short.class, Integer.class, Long.class,
            Float.class, Double.class, BigInteger.class, BigDecimal.class, Number.class);

    /** How deep containers are looked into for what is in them. */
    private static final int DEEPEST = 16;

    /** Of what nothing is known. */
    static final Target ANY;

    /** The types of classes that this library's own loader keeps anyhow. */
    private static final Map<Type, Target> OWN = new ConcurrentHashMap<>();

    /** All others, kept by one of the classes that they name, so that no class loader is kept by this library. */
    private static final ClassValue<Map<Type, Target>> OTHERS = new ClassValue<>() {
        @Override
        protected Map<Type, Target> computeValue(Class<?> type) {
            return new ConcurrentHashMap<>();
        }
    };

    static {
        ANY = of(Object.class);
    }

    final Type type;
    final Class<?> raw;
    final Class<?> box; // the class of its values
    final Kind kind;
    final boolean scalar; // whether one of its own class needs no conversion
    final Records record; // null for anything else
    private final Type[] partTypes;
    private final Target[] parts;
    private Boolean keepsObjects;

    private Target(Type type) {
        this.type = type;
        this.raw = Types.raw(type);
        this.box = box(raw);
        this.record = Records.isRecord(raw) ? new Records(raw) : null;
        this.kind = kind();
        this.scalar = kind == Kind.NUMBER || kind == Kind.BOOLEAN || kind == Kind.TEXT;
        this.partTypes = partTypes();
        this.parts = new Target[partTypes.length];
    }

    /** The analysis of a type without variables and wildcards. */
    static Target of(Type resolved) {
        Class<?> keeper = keeper(resolved, null);
        Map<Type, Target> known = isOurs(keeper.getClassLoader()) ? OWN : OTHERS.get(keeper);
        Target target = known.get(resolved);
        if (target == null) { // not computeIfAbsent: one that another thread makes meanwhile is as good
            target = new Target(resolved);
            known.put(resolved, target);
        }
        return target;
    }

    /** The type of an object: as it is declared if that says more than its class. */
    static Target of(Object value, Target declared) {
        return declared != null && declared.raw == value.getClass() ? declared : of(value.getClass());
    }

    /** Of the classes that a type names the one whose loader knows those of the others. */
    private static Class<?> keeper(Type type, Class<?> found) {
        Class<?> keeper = found;
        if (type instanceof ParameterizedType) {
            for (Type argument : ((ParameterizedType) type).getActualTypeArguments()) {
                keeper = keeper(argument, keeper);
            }
        } else if (type instanceof GenericArrayType) {
            return keeper(((GenericArrayType) type).getGenericComponentType(), keeper);
        }
        Class<?> raw = Types.raw(type);
        return keeper == null || isAbove(keeper.getClassLoader(), raw.getClassLoader()) ? raw : keeper;
    }

    /** Whether a class loader is another one or above it. */
    private static boolean isAbove(ClassLoader above, ClassLoader loader) {
        for (ClassLoader at = loader; at != null; at = at.getParent()) {
            if (at == above) {
                return true;
            }
        }
        return above == null;
    }

    static boolean isOurs(ClassLoader loader) {
        return isAbove(loader, Target.class.getClassLoader());
    }

    /** The class of a primitive type's objects; other classes are themselves. */
    static Class<?> box(Class<?> raw) {
        return raw.isPrimitive() ? MethodType.methodType(raw).wrap().returnType() : raw;
    }

    private Kind kind() {
        if (box == Void.class) {
            return Kind.NOTHING;
        } else if (raw == PythonObject.class) {
            return Kind.PYTHON;
        } else if (raw == Object.class) {
            return Kind.ANY;
        } else if (NUMBERS.contains(box)) {
            return Kind.NUMBER;
        } else if (box == Boolean.class) {
            return Kind.BOOLEAN;
        } else if (raw.isEnum()) {
            return Kind.ENUM;
        } else if (raw == Optional.class || raw == OptionalInt.class || raw == OptionalLong.class || raw == OptionalDouble.class) {
            return Kind.OPTIONAL;
        } else if (raw.isArray()) {
            return Kind.ARRAY;
        } else if (Collection.class.isAssignableFrom(raw) || raw == Iterable.class) {
            return Kind.COLLECTION;
        } else if (Map.class.isAssignableFrom(raw)) {
            return Kind.MAP;
        } else if (raw == Iterator.class) {
            return Kind.ITERATOR;
        } else if (raw == Map.Entry.class) {
            return Kind.ENTRY;
        } else if (raw == Stream.class || Counterparts.elementOf(raw) != null) {
            return Kind.STREAM;
        } else if (raw == CompletableFuture.class || raw == CompletionStage.class || raw == Future.class) {
            return Kind.FUTURE;
        } else if (raw == Flow.Publisher.class) {
            return Kind.PUBLISHER;
        } else if (record != null) {
            return Kind.RECORD;
        } else if (Conversion.isText(box)) {
            return Kind.TEXT;
        }
        return isProxy() ? Kind.PROXY : Kind.OTHER;
    }

    /** Whether an object that is wanted as this becomes a proxy of an interface. */
    private boolean isProxy() {
        return raw.isInterface() && raw != Path.class && !isSealed(raw) && !hasValues();
    }

    /** Whether values of the rules, or of a registered type, are of this type. */
    private boolean hasValues() {
        return VALUES.stream().anyMatch(raw::isAssignableFrom)
                || Access.get().registered().stream().anyMatch(each -> Access.get().javaType(each) == raw);
    }

    /** Whether only an object of Java's that Python has can be of this type. */
    boolean isUnknown() {
        return kind == Kind.OTHER && !hasValues();
    }

    /** Whether an interface names all classes that implement it: no proxy is among them. */
    static boolean isSealed(Class<?> type) {
        return Sealed.TEST != null && (boolean) Records.call(Sealed.TEST, type);
    }

    /** This is a separate class, so that the lookup happens only when an interface is first wanted. */
    private static final class Sealed {
        static final Method TEST = Records.method(Class.class, "isSealed"); // null before Java 17
    }

    private Type[] partTypes() {
        switch (kind) {
            case OPTIONAL:
                return raw == OptionalInt.class ? new Type[] {int.class} : raw == OptionalLong.class ? new Type[] {long.class}
                        : raw == OptionalDouble.class ? new Type[] {double.class} : arguments(Optional.class);
            case ARRAY:
                return new Type[] {raw == type ? raw.getComponentType() : ((GenericArrayType) type).getGenericComponentType()};
            case COLLECTION:
                return arguments(Iterable.class);
            case ITERATOR:
            case ENTRY:
            case FUTURE:
            case PUBLISHER:
                return arguments(raw);
            case STREAM:
                return raw == Stream.class ? arguments(raw) : new Type[] {Counterparts.elementOf(raw)};
            case MAP:
                return arguments(Map.class);
            case RECORD:
                Types within = Types.of(type);
                return record.types.stream().map(within::resolve).toArray(Type[]::new);
            default:
                return new Type[0];
        }
    }

    /** What one of the type variables of a class stands for in values of this; the elements of an array. */
    Target argument(Class<?> of, int index) {
        if (kind == Kind.ARRAY) {
            return part(0);
        }
        return of(Types.of(type).resolve(of.getTypeParameters()[index]));
    }

    /** Whether what is innermost in it is a {@code byte[]}. */
    boolean endsInBytes() {
        return innermost(false).raw == byte[].class;
    }

    /** Whether a value stays what it is, whatever it is in. */
    boolean keeps(Object value) {
        return scalar ? box.isInstance(value) : kind == Kind.ANY && PackReader.isScalar(value);
    }

    /**
     * The primitives that a container ends in, as lists of numbers are to be read; null if there are none. Lists of Integers are
     * made of primitives, too, since a packed number would be a Long first.
     */
    Class<?> numbers() {
        Class<?> innermost = innermost(true).raw;
        return innermost.isArray() && innermost.getComponentType().isPrimitive() ? innermost.getComponentType()
                : innermost == Integer.class && innermost != raw ? int.class : null;
    }

    /** The last container in nested ones. A class can be a list of itself, which has no last one. */
    private Target innermost(boolean throughMaps) {
        Target at = this;
        for (int depth = 0; depth < DEEPEST; depth++) {
            boolean holds = at.kind == Kind.ARRAY && !at.raw.getComponentType().isPrimitive() || at.kind == Kind.COLLECTION
                    || at.kind == Kind.MAP && throughMaps;
            if (!holds) {
                break;
            }
            at = at.part(at.parts.length - 1);
        }
        return at;
    }

    /** How many {@link #part}s there are. */
    int parts() {
        return parts.length;
    }

    private Type[] arguments(Class<?> of) {
        Types within = Types.of(type);
        return Arrays.stream(of.getTypeParameters()).map(within::resolve).toArray(Type[]::new);
    }

    /** The type of the elements, of keys (0) and values (1), or of a record's component. Looked at when first asked for. */
    Target part(int index) {
        Target part = parts[index];
        if (part == null) {
            part = parts[index] = of(partTypes[index]);
        }
        return part;
    }

    // ---- objects ----

    /** Whether values hold Python objects themselves, of which no copy will do. */
    boolean keepsObjects() {
        if (keepsObjects == null) {
            keepsObjects = mentionsObjects(type, new HashSet<>());
        }
        return keepsObjects;
    }

    /**
     * Whether a type names one that keeps objects, anywhere. Records are looked at as they are declared, each once: so
     * this ends, and soon, also where the arguments grow with each level.
     */
    private static boolean mentionsObjects(Type type, Set<Type> seen) {
        if (type instanceof TypeVariable) {
            return seen.add(type) && mentionsObjects(((TypeVariable<?>) type).getBounds()[0], seen);
        } else if (type instanceof WildcardType) {
            WildcardType wildcard = (WildcardType) type;
            return mentionsObjects(wildcard.getUpperBounds()[0], seen)
                    || wildcard.getLowerBounds().length > 0 && mentionsObjects(wildcard.getLowerBounds()[0], seen);
        } else if (type instanceof GenericArrayType) {
            return mentionsObjects(((GenericArrayType) type).getGenericComponentType(), seen);
        } else if (type instanceof ParameterizedType) {
            for (Type argument : ((ParameterizedType) type).getActualTypeArguments()) {
                if (mentionsObjects(argument, seen)) {
                    return true;
                }
            }
            return mentionsObjects(Types.raw(type), seen);
        }
        if (!seen.add(type)) {
            return false;
        }
        Class<?> raw = (Class<?>) type;
        if (raw.isArray()) {
            return mentionsObjects(raw.getComponentType(), seen);
        }
        Target target = of(raw);
        switch (target.kind) {
            case PYTHON:
            case PROXY:
            case FUTURE:
            case PUBLISHER:
                return true;
            case RECORD:
                return target.record.types.stream().anyMatch(each -> mentionsObjects(each, seen));
            case COLLECTION:
            case MAP:
                return target.type == raw && Arrays.stream(target.partTypes).anyMatch(each -> mentionsObjects(each, seen));
            default:
                return false;
        }
    }
}
