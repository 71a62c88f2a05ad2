// SPDX-License-Identifier: Apache-2.0
// The meters, where Micrometer is on the class path. Spring Boot binds each MeterBinder to the registries.
package org.nd4j.python4j.spring;

import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.binder.MeterBinder;
import org.nd4j.python4j.pool.PythonPool;
import org.springframework.beans.factory.ListableBeanFactory;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;

/** Provides the meters of turns, calls and pools. */
@AutoConfiguration(after = PythonPoolAutoConfiguration.class)
@ConditionalOnClass({MeterBinder.class, MeterRegistry.class})
@ConditionalOnBean(PythonRuntime.class)
class PythonMetricsAutoConfiguration {

    @Bean
    PythonMeters pythonMeters(PythonRuntime runtime) {
        return new PythonMeters(runtime);
    }

    @Configuration(proxyBeanMethods = false)
    @ConditionalOnClass(PythonPool.class)
    static class OfPools {

        @Bean
        PythonPoolMeters pythonPoolMeters(ListableBeanFactory beans) {
            return new PythonPoolMeters(beans);
        }
    }
}
