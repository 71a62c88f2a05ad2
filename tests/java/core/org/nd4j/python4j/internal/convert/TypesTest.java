// SPDX-License-Identifier: Apache-2.0
// Generic types without variables and wildcards: compared with the library geantyref on every member of
// many classes, and by hand where that library leaves more open than we do.
package org.nd4j.python4j.internal.convert;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.leangen.geantyref.GenericTypeReflector;
import io.leangen.geantyref.TypeToken;
import java.lang.ref.WeakReference;
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.lang.reflect.Type;
import java.net.URL;
import java.net.URLClassLoader;
import java.time.LocalDate;
import java.util.AbstractMap;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Comparator;
import java.util.Deque;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.python4j.PythonObject;

class TypesTest {

    // ---- types with everything that the language allows ----

    interface Source<A, B extends Number> {
        A one();

        List<B> list();

        Map<? extends A, ? super B> wild();

        A[] array();

        List<? extends A>[][] arrays();

        Source<B[], Integer> other();

        Function<? super A, ? extends B> function();
    }

    abstract static class Middle<X, Y extends Integer> implements Source<List<X>, Y>, Comparable<Middle<X, Y>> {
        public X field;
        public Map<String, List<? extends X[]>> deep;
    }

    abstract static class Bottom<Z> extends Middle<Optional<Z>, Integer> implements Supplier<Z> {}

    abstract static class Ground extends Bottom<String> {}

    static class Outer<T> {
        class Inner<U> {
            public Map<T, U> both;
            public T outer;
        }
    }

    static Type[] types() {
        return new Type[] {
            new TypeToken<ArrayList<Integer>>() {}.getType(), new TypeToken<HashMap<String, List<Long>>>() {}.getType(),
            new TypeToken<NavigableMap<String, int[]>>() {}.getType(), new TypeToken<ConcurrentHashMap<List<String>, Map<Long, byte[]>>>() {}.getType(),
            new TypeToken<EnumMap<TimeUnit, LocalDate>>() {}.getType(), new TypeToken<Deque<Optional<String>[]>>() {}.getType(),
            new TypeToken<AbstractMap.SimpleEntry<String, Integer>>() {}.getType(), new TypeToken<BiFunction<Long, String, Double>>() {}.getType(),
            new TypeToken<Stream<Map.Entry<String, Integer>>>() {}.getType(), new TypeToken<Comparator<LocalDate>>() {}.getType(),
            new TypeToken<Source<String, Integer>>() {}.getType(), new TypeToken<Middle<Long, Integer>>() {}.getType(),
            new TypeToken<Bottom<LocalDate>>() {}.getType(), new TypeToken<Outer<String>.Inner<Integer>>() {}.getType(), Ground.class};
    }

    @ParameterizedTest
    @MethodSource("types")
    void everyMemberIsOfTheTypeThatGeantyrefSays(Type type) {
        Types within = Types.of(Types.NONE.resolve(type));
        int compared = 0;
        for (Method method : Types.raw(type).getMethods()) {
            if (method.getTypeParameters().length > 0) {
                continue; // its own variables: geantyref leaves them open
            }
            assertEquals(Types.NONE.resolve(GenericTypeReflector.getExactReturnType(method, type)),
                    within.resolve(method.getGenericReturnType()), () -> method.toGenericString());
            Type[] expected = GenericTypeReflector.getExactParameterTypes(method, type);
            Type[] given = method.getGenericParameterTypes();
            for (int i = 0; i < given.length; i++) {
                assertEquals(Types.NONE.resolve(expected[i]), within.resolve(given[i]), () -> method.toGenericString());
            }
            compared += 1 + given.length;
        }
        for (Field field : Types.raw(type).getFields()) {
            assertEquals(Types.NONE.resolve(GenericTypeReflector.getExactFieldType(field, type)), within.resolve(field.getGenericType()), field::toString);
            compared++;
        }
        for (Class<?> of : Arrays.asList(Iterable.class, Collection.class, Map.class, Supplier.class, Function.class)) {
            if (of.isAssignableFrom(Types.raw(type))) {
                Type known = GenericTypeReflector.getExactSuperType(type, of);
                assertEquals(Types.NONE.resolve(((java.lang.reflect.ParameterizedType) known).getActualTypeArguments()[0]),
                        within.resolve(of.getTypeParameters()[0]));
                compared++;
            }
        }
        assertTrue(compared > 1, "members of " + type);
    }

    // ---- by hand ----

    /** Only for the types of its fields. */
    @SuppressWarnings("rawtypes")
    static class Declared<T extends Comparable<T>, N extends Number, L extends List<N>> {
        T recursive;
        N bounded;
        L nested;
        List<?> any;
        List<? extends Number> numbers;
        List<? super Integer> integers;
        Limited<?> limited;
        Limited<? extends Long> longs;
        List raw;
        Endless<?> endless;
        T[] array;
    }

    interface Limited<N extends Number> {
        N get();
    }

    interface Endless<E extends Endless<E>> {
        E get();
    }

    private static String resolved(String field) throws NoSuchFieldException {
        return Types.NONE.resolve(Declared.class.getDeclaredField(field).getGenericType()).getTypeName();
    }

    @Test
    void whatIsOpenIsItsBound() throws Exception {
        assertEquals("java.lang.Comparable<java.lang.Comparable>", resolved("recursive"));
        assertEquals("java.lang.Number", resolved("bounded"));
        assertEquals("java.util.List<java.lang.Number>", resolved("nested"));
        assertEquals("java.util.List<java.lang.Object>", resolved("any"));
        assertEquals("java.util.List<java.lang.Number>", resolved("numbers"));
        assertEquals("java.util.List<java.lang.Integer>", resolved("integers"));
        assertTrue(resolved("limited").endsWith("Limited<java.lang.Number>"), resolved("limited"));
        assertTrue(resolved("longs").endsWith("Limited<java.lang.Long>"), resolved("longs"));
        assertEquals("java.util.List", resolved("raw"));
        assertTrue(resolved("endless").contains("Endless"), resolved("endless"));
        assertEquals("java.lang.Comparable<java.lang.Comparable>[]", resolved("array"));
    }

    @Test
    void rawTypesHaveRawSupertypes() {
        Types within = Types.of(Middle.class);
        assertEquals(Object.class, within.resolve(Source.class.getTypeParameters()[0]));
        assertEquals(Number.class, within.resolve(Source.class.getTypeParameters()[1]));
    }

    // ---- the analysis is kept ----

    @Test
    void aTypeIsAnalysedOnceAndEqualTypesAreOne() {
        Type one = Types.NONE.resolve(new TypeToken<Map<String, List<Ground>>>() {}.getType());
        Type other = Types.NONE.resolve(new TypeToken<Map<String, List<Ground>>>() {}.getType());
        assertSame(Target.of(one), Target.of(other));
        assertSame(Target.of(int.class), Target.of(int.class));
    }

    @Test
    void whatHoldsObjectsOfPythonIsFoundAnywhere() {
        assertTrue(keeps(new TypeToken<Map<String, List<PythonObject[]>>>() {}));
        assertTrue(keeps(new TypeToken<List<Runnable>>() {}));
        assertTrue(keeps(new TypeToken<Optional<Source<String, Long>>>() {}));
        assertFalse(keeps(new TypeToken<Map<String, List<? extends Number>[]>>() {}));
        assertFalse(keeps(new TypeToken<Iterator<LocalDate>>() {}));
    }

    private static boolean keeps(TypeToken<?> token) {
        return Conversion.PLAIN.keepsObjects(token.getType());
    }

    /** A class of a loader of its own, of which nothing else knows. */
    @Test
    void noClassLoaderIsKept() throws Exception {
        WeakReference<ClassLoader> loader = analysedInALoaderOfItsOwn();
        for (int i = 0; i < 200 && loader.get() != null; i++) {
            System.gc();
            Thread.sleep(10);
        }
        assertNull(loader.get(), "the class loader is still reachable");
    }

    private static WeakReference<ClassLoader> analysedInALoaderOfItsOwn() throws Exception {
        URL[] classes = {TypesTest.class.getProtectionDomain().getCodeSource().getLocation()};
        ClassLoader above = new ClassLoader(TypesTest.class.getClassLoader()) {
            @Override
            protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
                if (name.startsWith(TypesTest.class.getName())) {
                    throw new ClassNotFoundException(name);
                }
                return super.loadClass(name, resolve);
            }
        };
        try (URLClassLoader loader = new URLClassLoader(classes, above)) {
            Class<?> own = loader.loadClass(Source.class.getName());
            assertSame(loader, own.getClassLoader());
            for (Method method : own.getMethods()) {
                assertNotNull(Conversion.within(own).target(method.getGenericReturnType()));
            }
            assertNotNull(Target.of(own));
            return new WeakReference<>(loader);
        }
    }
}
