// SPDX-License-Identifier: Apache-2.0
// The meters of turns, of the template's calls, and of the errors of all calls. Those of turns are read from the library's
// monitor when they are shown, so a turn costs nothing for them but the two readings of the clock that "python4j.timing" asks for.
package org.nd4j.python4j.spring;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.FunctionTimer;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import io.micrometer.core.instrument.binder.MeterBinder;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.PythonGIL;
import org.nd4j.python4j.PythonGILMXBean;
import org.nd4j.python4j.internal.monitor.Errors;
import org.springframework.beans.factory.DisposableBean;

final class PythonMeters implements MeterBinder, PythonCallListener, DisposableBean {

    /** How many functions and classes have meters of their own. Programs may make any number of both. */
    private static final int MOST_NAMES = 100;

    private final PythonRuntime runtime;
    private final List<MeterRegistry> registries = new CopyOnWriteArrayList<>();
    private final Set<String> calls = ConcurrentHashMap.newKeySet();
    private final Set<String> errors = ConcurrentHashMap.newKeySet();
    private final Consumer<String> failed = this::failed;

    PythonMeters(PythonRuntime runtime) {
        this.runtime = runtime;
        Errors.LISTENERS.add(failed);
    }

    @Override
    public void destroy() {
        Errors.LISTENERS.remove(failed);
    }

    @Override
    public void bindTo(MeterRegistry registry) {
        runtime.timeTurns();
        PythonGILMXBean monitor = PythonGIL.monitor();
        FunctionCounter.builder("python4j.turns", monitor, PythonGILMXBean::getTurns)
                .description("Turns of Python").register(registry);
        FunctionTimer.builder("python4j.turn.waits", monitor, PythonGILMXBean::getWaits, PythonGILMXBean::getWaitedNanos, TimeUnit.NANOSECONDS)
                .description("Waits for a turn of Python").register(registry);
        if (monitor.isTimingEnabled()) {
            FunctionTimer.builder("python4j.turn.holds", monitor, PythonGILMXBean::getTurns, PythonGILMXBean::getHeldNanos, TimeUnit.NANOSECONDS)
                    .description("How long turns of Python lasted").register(registry);
        }
        Gauge.builder("python4j.turn.waiting", monitor, each -> each.getWaiters().size())
                .description("Threads that wait for a turn of Python").register(registry);
        Gauge.builder("python4j.handles", monitor, PythonGILMXBean::getHandles)
                .description("Python objects that Java holds").register(registry);
        Gauge.builder("python4j.frames", monitor, PythonGILMXBean::getFrames)
                .description("Open frames of Python objects").register(registry);
        registries.add(registry);
    }

    @Override
    public void ended(String call, Duration took, Throwable failure) {
        String name = bounded(calls, call);
        for (MeterRegistry registry : registries) {
            Timer.builder("python4j.calls").description("Calls of PythonTemplate").tag("call", name).register(registry).record(took);
        }
        // What Python did not raise, which Errors does not tell: a time that is over, or an exception of the program's own.
        if (failure != null && !(failure instanceof PythonException exception && !exception.getPythonClass().isEmpty())) {
            failed(failure.getClass().getSimpleName());
        }
    }

    private void failed(String error) {
        String name = bounded(errors, error);
        for (MeterRegistry registry : registries) {
            Counter.builder("python4j.errors").description("Calls of Python that failed, by the class of the exception").tag("class", name)
                    .register(registry).increment();
        }
    }

    private static String bounded(Set<String> known, String name) {
        return known.contains(name) || known.size() < MOST_NAMES && known.add(name) ? name : "other";
    }
}
