// SPDX-License-Identifier: Apache-2.0
// What the health indicator tells, in the JDK's types alone: Boot 3 and Boot 4 have different ones for the rest.
package org.nd4j.python4j.spring;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import org.nd4j.python4j.PythonGIL;
import org.nd4j.python4j.PythonGILMXBean;
import org.springframework.beans.factory.ObjectProvider;

/** Who has the turn, and how the pools are. Takes no turn, so that it answers while another thread keeps one. */
final class PythonHealth {

    private final Duration turnLimit; // null for none
    private final ObjectProvider<PythonPools> pools;

    PythonHealth(PythonRuntime runtime, PythonProperties properties, ObjectProvider<PythonPools> pools) {
        runtime.timeTurns();
        this.turnLimit = properties.health().turnLimit();
        this.pools = pools;
    }

    /** @param up whether all is well */
    record State(boolean up, Map<String, Object> details) {}

    State state() {
        PythonGILMXBean monitor = PythonGIL.monitor();
        Map<String, Object> details = new LinkedHashMap<>();
        String holder = monitor.getHolder();
        Duration held = Duration.ofNanos(monitor.getHolderNanos());
        if (holder != null) {
            details.put("holder", holder);
            details.put("heldMillis", held.toMillis());
        }
        details.put("waiting", monitor.getWaiters().size());
        details.put("turns", monitor.getTurns());
        details.put("handles", monitor.getHandles());
        pools.forEach(each -> each.states().forEach(details::put));
        boolean stuck = turnLimit != null && held.compareTo(turnLimit) > 0;
        if (stuck) {
            details.put("error", "a turn has lasted longer than " + turnLimit);
        }
        return new State(!stuck, details);
    }
}
