// SPDX-License-Identifier: Apache-2.0
// The slice: a test context with Python and nothing else of the application. PythonTestCustomizerFactory leaves out
// the application's own components.
package org.nd4j.python4j.spring.test;

import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Inherited;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.junit.jupiter.api.extension.ExtendWith;
import org.springframework.boot.autoconfigure.ImportAutoConfiguration;
import org.springframework.boot.test.autoconfigure.OverrideAutoConfiguration;
import org.springframework.test.context.BootstrapWith;
import org.springframework.test.context.junit.jupiter.SpringExtension;

/**
 * A test of what an application does with Python, without the rest of the application: there is no web server and no
 * database, and components that are found by scanning are left out. The beans are those of the starter, those of the class
 * with {@code @SpringBootApplication}, and what the test imports by {@code @Import}. The properties are those of the
 * application, so its warm-up runs.
 *
 * <pre>{@code
 * @PythonTest
 * @Import(Scorer.class)
 * class ScorerTest {
 *     @Autowired Scorer scorer;
 * }
 * }</pre>
 */
@Target(ElementType.TYPE)
@Retention(RetentionPolicy.RUNTIME)
@Documented
@Inherited
@BootstrapWith(PythonTestBootstrapper.class)
@ExtendWith(SpringExtension.class)
@OverrideAutoConfiguration(enabled = false)
@ImportAutoConfiguration
public @interface PythonTest {

    /** Properties of the test, {@code name=value}. */
    String[] properties() default {};
}
