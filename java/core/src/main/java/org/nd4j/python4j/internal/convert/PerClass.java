// SPDX-License-Identifier: Apache-2.0
// Data that is computed once for each class. It keeps neither the class loader of that class nor the one of
// this library alive.
package org.nd4j.python4j.internal.convert;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * A {@link ClassValue} for our own values. The JDK stores the value of a {@code ClassValue} with the class. A value for a
 * class of the JDK would so keep our class loader alive. So the values of classes that our own class loader keeps alive
 * anyway, such as those of the JDK, are stored here instead.
 */
public abstract class PerClass<T> {
    private final Map<Class<?>, T> ours = new ConcurrentHashMap<>();
    private final ClassValue<T> others = new ClassValue<>() {
        @Override
        protected T computeValue(Class<?> type) {
            return compute(type);
        }
    };

    protected abstract T compute(Class<?> type);

    public final T get(Class<?> type) {
        T value = ours.get(type);
        if (value == null) { // not computeIfAbsent: one that another thread makes meanwhile is as good
            if (!Target.isOurs(type.getClassLoader())) {
                return others.get(type);
            }
            value = compute(type);
            ours.put(type, value);
        }
        return value;
    }
}
