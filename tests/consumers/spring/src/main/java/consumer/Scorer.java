// SPDX-License-Identifier: Apache-2.0
// What the application does with Python, and what its slice test tests.
package consumer;

import java.util.List;
import org.nd4j.python4j.spring.PythonTemplate;
import org.springframework.stereotype.Service;

@Service
public class Scorer {

    /** What predict in model.py returns. */
    public record Score(double score, int starts) {}

    private final PythonTemplate python;

    public Scorer(PythonTemplate python) {
        this.python = python;
    }

    public Score score(List<Double> row) {
        return python.call(Score.class, "predict", row);
    }

    public void sleep(double seconds) {
        python.call(Object.class, "time:sleep", seconds);
    }
}
