// SPDX-License-Identifier: Apache-2.0
// The worker processes, where the pool module is on the class path and the application says how many it wants.
package org.nd4j.python4j.spring;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.pool.PythonPool;
import org.nd4j.python4j.pool.PythonPoolMXBean;
import org.springframework.beans.factory.ListableBeanFactory;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnProperty;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.DependsOn;
import org.springframework.context.annotation.Lazy;

/** Provides the {@link PythonPool} of {@code python4j.pool.workers}. */
@AutoConfiguration(after = PythonAutoConfiguration.class)
@ConditionalOnClass(PythonPool.class)
@ConditionalOnBean(PythonProperties.class)
class PythonPoolAutoConfiguration {

    /** Its workers are started and prepared before the application accepts requests. */
    @Bean(destroyMethod = "close")
    @Lazy(false)
    @DependsOn(PythonAutoConfiguration.RUNTIME)
    @ConditionalOnMissingBean
    @ConditionalOnProperty("python4j.pool.workers")
    PythonPool pythonPool(PythonProperties properties) {
        PythonProperties.Pool pool = properties.pool();
        PythonPool.Builder builder = PythonPool.builder()
                .workers(pool.workers(), pool.maxWorkers() == null ? pool.workers() : pool.maxWorkers())
                .imports(pool.imports().toArray(new String[0]))
                .forkServer(pool.forkServer());
        pool.environment().forEach(builder::environment);
        try {
            set(pool.idle(), builder::idle);
            set(pool.interpreter(), builder::python);
            set(pool.workingDirectory(), builder::workingDirectory);
            set(pool.numericThreads(), builder::numericThreads);
            set(pool.limit(), builder::limit);
            set(pool.grace(), builder::grace);
            set(pool.startLimit(), builder::startLimit);
            set(pool.processorLimit(), builder::processorLimit);
            set(pool.recycleAfter(), builder::recycleAfter);
            set(pool.memoryLimit(), size -> builder.memoryLimit(size.toBytes()));
            set(pool.recycleAbove(), size -> builder.recycleAbove(size.toBytes()));
            set(pool.prepare(), program -> builder.prepare(PythonRuntime.text(program)));
            set(pool.queue(), calls -> builder.queue(calls,
                    pool.failWhenFull() ? PythonPool.WhenFull.FAIL : PythonPool.WhenFull.WAIT));
            return builder.build();
        } catch (PythonException e) {
            throw new PythonStartException("The pool of 'python4j.pool' could not be started: ",
                    "Check the properties under 'python4j.pool' and what the workers import.", e);
        }
    }

    private static <T> void set(T value, Consumer<T> setter) {
        if (value != null) {
            setter.accept(value);
        }
    }

    @Bean
    PythonPools pythonPools(ListableBeanFactory beans) {
        return new Present(beans);
    }

    private record Present(ListableBeanFactory beans) implements PythonPools {

        @Override
        public boolean isBusy() {
            return beans.getBeansOfType(PythonPool.class).values().stream()
                    .map(PythonPool::monitor).anyMatch(pool -> pool.getBusy() + pool.getQueued() > 0);
        }

        @Override
        public Map<String, Map<String, Object>> states() {
            return beans.getBeansOfType(PythonPool.class).entrySet().stream()
                    .collect(Collectors.toMap(Map.Entry::getKey, each -> state(each.getValue().monitor())));
        }

        private static Map<String, Object> state(PythonPoolMXBean pool) {
            Map<String, Object> state = new LinkedHashMap<>();
            state.put("workers", pool.getWorkers());
            state.put("busy", pool.getBusy());
            state.put("queued", pool.getQueued());
            state.put("restarts", pool.getRestarts());
            if (pool.getLastRestart() != null) {
                state.put("lastRestart", pool.getLastRestart());
            }
            return state;
        }
    }
}
