// SPDX-License-Identifier: Apache-2.0
// The health indicator in the types of Spring Boot 4. Boot3HealthAutoConfiguration has the same for Spring Boot 3.
package org.nd4j.python4j.spring;

import org.springframework.beans.factory.ObjectProvider;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.boot.health.autoconfigure.contributor.ConditionalOnEnabledHealthIndicator;
import org.springframework.boot.health.contributor.Health;
import org.springframework.boot.health.contributor.HealthIndicator;
import org.springframework.context.annotation.Bean;

/** Provides the health indicator {@code python} for Spring Boot 4. */
@AutoConfiguration(after = PythonPoolAutoConfiguration.class)
@ConditionalOnClass({HealthIndicator.class, ConditionalOnEnabledHealthIndicator.class})
@ConditionalOnBean(PythonRuntime.class)
@ConditionalOnEnabledHealthIndicator("python")
class Boot4HealthAutoConfiguration {

    @Bean
    @ConditionalOnMissingBean(name = "pythonHealthIndicator")
    HealthIndicator pythonHealthIndicator(PythonRuntime runtime, PythonProperties properties, ObjectProvider<PythonPools> pools) {
        PythonHealth health = new PythonHealth(runtime, properties, pools);
        return () -> {
            PythonHealth.State state = health.state();
            return (state.up() ? Health.up() : Health.down()).withDetails(state.details()).build();
        };
    }
}
