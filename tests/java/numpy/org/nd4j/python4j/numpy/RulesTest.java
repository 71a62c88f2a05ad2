// SPDX-License-Identifier: Apache-2.0
// Does every numbered rule of the behaviour contract that is about numpy have a test? The tests carry
// the numbers, see Rule. 11.11 says what is not supported.
package org.nd4j.python4j.numpy;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.lang.reflect.Method;
import java.util.Arrays;
import java.util.Collections;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

class RulesTest {
    @Test
    void everyRuleOnNumpyHasATest() {
        Set<String> missing = new TreeSet<>(Arrays.asList("11.1", "11.2", "11.3", "11.4", "11.5", "11.6", "11.7",
                "11.8", "11.9", "11.10", "11.12", "12.28", "12.29", "12.30", "12.31"));
        for (Class<?> tests : Arrays.asList(NumpyArrayTest.class, PatternsTest.class, LifetimesTest.class, PropertiesTest.class)) {
            for (Method method : tests.getDeclaredMethods()) {
                Rule rule = method.getAnnotation(Rule.class);
                missing.removeAll(rule == null ? Collections.emptyList() : Arrays.asList(rule.value()));
            }
        }
        assertEquals(Collections.emptySet(), missing, "rules without a test");
    }
}
