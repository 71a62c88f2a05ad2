// SPDX-License-Identifier: Apache-2.0
package consumer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.nd4j.python4j.pool.PythonPool;
import org.nd4j.python4j.spring.PythonTemplate;
import org.nd4j.python4j.spring.test.PythonTest;
import org.springframework.beans.factory.NoSuchBeanDefinitionException;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.context.ApplicationContext;
import org.springframework.context.annotation.Import;

@PythonTest(properties = "python4j.warm-up.imports=statistics")
@Import(Scorer.class)
class ScorerTest {

    @Autowired
    private Scorer scorer;

    @Autowired
    private PythonTemplate python;

    @Autowired
    private ApplicationContext context;

    @Test
    void scores() {
        assertEquals(2.5, scorer.score(List.of(2.0, 3.0)).score());
    }

    @Test
    void thePropertiesAreThoseOfTheTest() {
        assertEquals("True", python.eval(String.class, "str('statistics' in __import__('sys').modules)"));
    }

    @Test
    void theRestOfTheApplicationIsLeftOut() {
        assertThrows(NoSuchBeanDefinitionException.class, () -> context.getBean(Scores.class));
        assertThrows(NoSuchBeanDefinitionException.class, () -> context.getBean("tomcatServletWebServerFactory"));
        assertEquals(1, context.getBeanNamesForType(PythonPool.class).length);
    }
}
