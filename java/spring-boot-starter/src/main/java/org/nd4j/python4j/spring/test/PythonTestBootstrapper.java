// SPDX-License-Identifier: Apache-2.0
// Takes the properties of a PythonTest. An alias for those of Spring's @TestPropertySource would ask for a file where a
// test has none.
package org.nd4j.python4j.spring.test;

import org.springframework.boot.test.context.SpringBootTestContextBootstrapper;
import org.springframework.test.context.TestContextAnnotationUtils;

final class PythonTestBootstrapper extends SpringBootTestContextBootstrapper {

    @Override
    protected String[] getProperties(Class<?> test) {
        PythonTest annotation = TestContextAnnotationUtils.findMergedAnnotation(test, PythonTest.class);
        return annotation == null ? null : annotation.properties();
    }
}
