// SPDX-License-Identifier: Apache-2.0
// The settings under "python4j". The file META-INF/spring-configuration-metadata.json describes them for editors;
// PropertiesTest compares both.
package org.nd4j.python4j.spring;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;
import org.springframework.core.io.Resource;
import org.springframework.util.unit.DataSize;

/**
 * The settings of the application under {@code python4j}.
 *
 * @param enabled whether the auto-configuration does anything
 * @param interpreter a path, a version, {@code auto} or {@code embedded}; null for the choice of the JVM
 * @param path folders with Python modules of the application
 * @param cache the folder into which the embedded Python is unpacked; null for the library's own choice
 * @param output where Python prints and logs
 * @param watchdog how long a turn may last before it is logged with its stacks; null for no watchdog
 * @param limit the time limit of each call of {@link PythonTemplate}; null for none
 * @param timing whether turns are timed for the meters and the health indicator
 * @param warmUp what happens before the application accepts requests
 * @param async the event loop
 * @param pool the worker processes
 * @param health the health indicator
 */
@ConfigurationProperties("python4j")
public record PythonProperties(
        @DefaultValue("true") boolean enabled,
        String interpreter,
        @DefaultValue List<Path> path,
        Path cache,
        @DefaultValue("CONSOLE") Output output,
        Duration watchdog,
        Duration limit,
        @DefaultValue("true") boolean timing,
        @DefaultValue WarmUp warmUp,
        @DefaultValue Async async,
        @DefaultValue Pool pool,
        @DefaultValue Health health) {

    /** Where Python prints and logs. */
    public enum Output {
        /** Where the process prints, as without Spring. */
        CONSOLE,
        /** To the application's log. */
        LOG
    }

    /**
     * What happens before the application accepts requests.
     *
     * @param start whether Python is started at all before its first use
     * @param imports modules that are imported
     * @param script a program that runs after the imports; its names remain
     * @param limit the time for the imports and the program; zero for none
     */
    public record WarmUp(
            @DefaultValue("true") boolean start,
            @DefaultValue List<String> imports,
            Resource script,
            @DefaultValue("2m") Duration limit) {}

    /**
     * The event loop.
     *
     * @param loop a module with {@code new_event_loop}, such as {@code uvloop}
     */
    public record Async(@DefaultValue("asyncio") String loop) {}

    /**
     * The worker processes. There is a pool if {@code workers} is set. The other settings are those of {@code
     * PythonPool.Builder}, whose defaults apply where a value is null.
     *
     * @param workers the number of workers, or the least number
     * @param maxWorkers the greatest number of workers
     * @param idle after which time a worker above the least number ends
     * @param interpreter the interpreter of the workers, if it is another one
     * @param workingDirectory the working directory of the workers
     * @param environment environment variables of the workers
     * @param imports modules that each worker imports
     * @param prepare a program that each worker runs before its first call
     * @param forkServer whether workers are forked from one prepared process
     * @param numericThreads the number of threads of numeric libraries in each worker
     * @param limit the time limit of each call
     * @param grace how long a call may go on after its limit before its worker is killed
     * @param startLimit the time limit of a worker's start
     * @param memoryLimit the address space of a worker
     * @param processorLimit the processor time of a worker
     * @param recycleAfter after how many calls a worker is replaced
     * @param recycleAbove above which resident memory a worker is replaced
     * @param queue how many calls may wait for a worker
     * @param failWhenFull whether a call fails when the queue is full, instead of waiting
     */
    public record Pool(
            Integer workers,
            Integer maxWorkers,
            Duration idle,
            String interpreter,
            Path workingDirectory,
            @DefaultValue Map<String, String> environment,
            @DefaultValue List<String> imports,
            Resource prepare,
            @DefaultValue("false") boolean forkServer,
            Integer numericThreads,
            Duration limit,
            Duration grace,
            Duration startLimit,
            DataSize memoryLimit,
            Duration processorLimit,
            Long recycleAfter,
            DataSize recycleAbove,
            Integer queue,
            @DefaultValue("false") boolean failWhenFull) {}

    /**
     * The health indicator.
     *
     * @param turnLimit how long a turn may last before the application counts as down; null for any time
     */
    public record Health(Duration turnLimit) {}
}
