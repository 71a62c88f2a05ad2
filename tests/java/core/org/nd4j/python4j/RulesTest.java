// SPDX-License-Identifier: Apache-2.0
// Does every numbered rule of the behaviour contract have a test? The tests carry the numbers, see
// Rule; the rules on numpy are checked beside the numpy tests.
package org.nd4j.python4j;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.File;
import java.lang.reflect.AnnotatedElement;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.platform.commons.support.AnnotationSupport;
import org.junit.platform.commons.support.HierarchyTraversalMode;
import org.junit.platform.commons.support.ReflectionSupport;

class RulesTest {
    /** The last rule of each section; sections 11 (numpy) and 14 (jobs, not built) are not here. */
    private static final int[][] SECTIONS = {
        {1, 14}, {2, 19}, {3, 6}, {4, 15}, {5, 8}, {6, 12}, {7, 8}, {8, 7}, {9, 3}, {10, 4}, {12, 27}, {13, 10},
    };

    /** 12.4 does not exist; 12.32 stands behind the messages of numpy; 15.2 is the last of its section. */
    private static final List<String> BESIDES = Arrays.asList("12.32", "15.2");

    @Test
    void everyRuleHasATest() throws Exception {
        Set<String> missing = new TreeSet<>(BESIDES);
        for (int[] section : SECTIONS) {
            for (int rule = 1; rule <= section[1]; rule++) {
                missing.add(section[0] + "." + rule);
            }
        }
        missing.remove("12.4");
        claimed().forEach(missing::remove);
        assertEquals(Collections.emptySet(), missing, "rules without a test");
    }

    private static List<String> claimed() throws Exception {
        File here = new File(RulesTest.class.getResource(".").toURI());
        List<String> rules = new ArrayList<>();
        for (String file : here.list((folder, name) -> name.endsWith(".class"))) {
            String name = RulesTest.class.getPackageName() + '.' + file.substring(0, file.length() - ".class".length());
            Class<?> type = Class.forName(name, false, RulesTest.class.getClassLoader());
            rules.addAll(of(type));
            ReflectionSupport.findMethods(type, method -> true, HierarchyTraversalMode.TOP_DOWN)
                    .forEach(method -> rules.addAll(of(method)));
        }
        return rules;
    }

    private static List<String> of(AnnotatedElement element) {
        return AnnotationSupport.findAnnotation(element, Rule.class)
                .map(rule -> Arrays.asList(rule.value()))
                .orElse(Collections.emptyList());
    }
}
