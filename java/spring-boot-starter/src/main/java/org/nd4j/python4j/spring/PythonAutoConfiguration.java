// SPDX-License-Identifier: Apache-2.0
// The beans that a program injects, but for the pool. Meters and health have configurations of their own, because
// their libraries may be missing.
package org.nd4j.python4j.spring;

import org.nd4j.python4j.Python;
import org.nd4j.python4j.PythonAsync;
import org.nd4j.python4j.PythonGC;
import org.nd4j.python4j.PythonGIL;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnProperty;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.DependsOn;
import org.springframework.context.annotation.Lazy;

/** Starts Python with the application and provides {@link PythonTemplate} and {@link PythonAsync}. */
@AutoConfiguration
@ConditionalOnProperty(name = "python4j.enabled", matchIfMissing = true)
@EnableConfigurationProperties(PythonProperties.class)
class PythonAutoConfiguration {

    static final String RUNTIME = "pythonRuntime";

    @Bean(RUNTIME)
    @Lazy(false) // also where all other beans are lazy
    PythonRuntime pythonRuntime(PythonProperties properties) {
        return new PythonRuntime(properties);
    }

    @Bean
    @DependsOn(RUNTIME)
    @ConditionalOnMissingBean
    PythonTemplate pythonTemplate(PythonProperties properties, ObjectProvider<PythonCallListener> listeners) {
        return new PythonTemplate(properties.limit(), () -> listeners);
    }

    /** A loop of this application context, which ends with it. */
    @Bean
    @Lazy // asyncio is imported for those who use it
    @DependsOn(RUNTIME)
    @ConditionalOnMissingBean
    PythonAsync pythonAsync(PythonProperties properties) {
        try (PythonGIL turn = PythonGIL.lock(); PythonGC frame = PythonGC.watch()) {
            return PythonAsync.start(Python.importModule(properties.async().loop()).attr("new_event_loop").call());
        }
    }

    @Bean
    PythonLifecycle pythonLifecycle(ObjectProvider<PythonTemplate> templates, ObjectProvider<PythonPools> pools) {
        return new PythonLifecycle(templates, pools);
    }
}
