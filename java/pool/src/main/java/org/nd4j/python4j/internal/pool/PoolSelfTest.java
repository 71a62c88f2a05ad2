// SPDX-License-Identifier: Apache-2.0
// Tries a pool for the report of PythonEnvironment, which finds this class by its name in META-INF/services.
package org.nd4j.python4j.internal.pool;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import org.nd4j.python4j.PythonBuffer;
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.internal.process.SelfTest;
import org.nd4j.python4j.pool.PythonPool;

/** One worker, to which a value and shared memory go. */
public final class PoolSelfTest implements SelfTest {

    private static final Duration LONGEST = Duration.ofSeconds(30);
    private static final int SHARED_BYTES = 1 << 17; // more than what is copied

    @Override
    public String name() {
        return "pool";
    }

    @Override
    public Map<String, Object> run(Object value) {
        Map<String, Object> facts = new LinkedHashMap<>();
        if (System.getProperty("os.name", "").startsWith("Windows")) {
            facts.put("test", "not available on Windows");
            return facts;
        }
        long began = System.nanoTime();
        try (PythonPool pool = PythonPool.builder().workers(1).startLimit(LONGEST).limit(LONGEST).output((worker, isError, line) -> {}).build()) {
            facts.put("start", (System.nanoTime() - began) / 1_000_000 + " ms");
            Object echo = pool.call("lambda value: value", value);
            facts.put("test", value.equals(echo) ? sharing(pool) : "failed: sent " + value + ", received " + echo);
        } catch (PythonException | LinkageError e) {
            facts.put("test", "failed: " + e.getMessage());
        }
        return facts;
    }

    private static String sharing(PythonPool pool) {
        try (PythonBuffer shared = PythonBuffer.shared(PythonBuffer.Type.UINT8, SHARED_BYTES)) {
            pool.call("lambda memory: memoryview(memory).__setitem__(-1, 7)", shared);
            return shared.asByteBuffer().get(SHARED_BYTES - 1) == 7 ? "passed" : "failed: the memory is not shared";
        }
    }
}
