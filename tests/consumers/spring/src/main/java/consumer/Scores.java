// SPDX-License-Identifier: Apache-2.0
// The HTTP side, which the slice test leaves out.
package consumer;

import java.util.List;
import org.nd4j.python4j.pool.PythonPool;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.RestController;

@RestController
public class Scores {

    private final Scorer scorer;
    private final PythonPool pool;

    public Scores(Scorer scorer, PythonPool pool) {
        this.scorer = scorer;
        this.pool = pool;
    }

    @GetMapping("/score")
    public Scorer.Score score(@RequestParam("row") List<Double> row) {
        return scorer.score(row);
    }

    @GetMapping("/sleep")
    public String sleep(@RequestParam("seconds") double seconds) {
        scorer.sleep(seconds);
        return "slept";
    }

    @GetMapping("/pool")
    public String pool() {
        return String.valueOf(pool.call("math:factorial", 5));
    }
}
