// SPDX-License-Identifier: Apache-2.0
// The slice for tests without properties, and with some in a class within.
package consumer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import java.util.List;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.nd4j.python4j.spring.test.PythonTest;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.context.annotation.Import;
import org.springframework.core.env.Environment;

@PythonTest
@Import(Scorer.class)
class SliceTest {

    @Autowired
    private Scorer scorer;

    @Autowired
    private Environment environment;

    @Test
    void propertiesAreNotNeeded() {
        assertEquals(2.5, scorer.score(List.of(2.0, 3.0)).score());
        assertNull(environment.getProperty("of.the.test"));
    }

    @Nested
    @PythonTest(properties = "of.the.test=here")
    class WithProperties {

        @Autowired
        private Environment environment;

        @Test
        void theyAreThoseOfTheTest() {
            assertEquals("here", environment.getProperty("of.the.test"));
        }
    }
}
