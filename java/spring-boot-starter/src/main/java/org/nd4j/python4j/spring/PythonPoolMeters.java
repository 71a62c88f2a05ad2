// SPDX-License-Identifier: Apache-2.0
// The meters of pools, a class apart because the pool module may be missing.
package org.nd4j.python4j.spring;

import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.FunctionTimer;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.binder.MeterBinder;
import java.util.concurrent.TimeUnit;
import org.nd4j.python4j.pool.PythonPool;
import org.nd4j.python4j.pool.PythonPoolMXBean;
import org.springframework.beans.factory.ListableBeanFactory;

final class PythonPoolMeters implements MeterBinder {

    private final ListableBeanFactory beans;

    PythonPoolMeters(ListableBeanFactory beans) {
        this.beans = beans;
    }

    @Override
    public void bindTo(MeterRegistry registry) {
        beans.getBeansOfType(PythonPool.class).forEach((name, pool) -> bind(registry, Tags.of("pool", name), pool.monitor()));
    }

    private static void bind(MeterRegistry registry, Tags tags, PythonPoolMXBean pool) {
        Gauge.builder("python4j.pool.workers", pool, PythonPoolMXBean::getWorkers)
                .description("Worker processes").tags(tags).register(registry);
        Gauge.builder("python4j.pool.busy", pool, PythonPoolMXBean::getBusy)
                .description("Workers that execute a call or belong to a session").tags(tags).register(registry);
        Gauge.builder("python4j.pool.queued", pool, PythonPoolMXBean::getQueued)
                .description("Calls that wait for a worker").tags(tags).register(registry);
        FunctionTimer.builder("python4j.pool.calls", pool, PythonPoolMXBean::getCalls, PythonPoolMXBean::getRunNanos, TimeUnit.NANOSECONDS)
                .description("Calls of the pool, in their workers").tags(tags).register(registry);
        FunctionTimer.builder("python4j.pool.waits", pool, PythonPoolMXBean::getWaits, PythonPoolMXBean::getWaitedNanos, TimeUnit.NANOSECONDS)
                .description("Waits for a worker").tags(tags).register(registry);
        FunctionCounter.builder("python4j.pool.restarts", pool, PythonPoolMXBean::getRestarts)
                .description("Workers that were replaced").tags(tags).register(registry);
        Gauge.builder("python4j.pool.resident", pool, each -> each.getResidentBytes().values().stream().mapToLong(Long::longValue).sum())
                .description("Resident memory of all workers").baseUnit("bytes").tags(tags).register(registry);
    }
}
