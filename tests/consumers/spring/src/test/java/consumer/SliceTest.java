// SPDX-License-Identifier: Apache-2.0
package consumer;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.nd4j.python4j.spring.test.PythonTest;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.context.annotation.Import;

@PythonTest
@Import(Scorer.class)
class SliceTest {

    @Autowired
    private Scorer scorer;

    @Test
    void propertiesAreNotNeeded() {
        assertEquals(2.5, scorer.score(List.of(2.0, 3.0)).score());
    }
}
