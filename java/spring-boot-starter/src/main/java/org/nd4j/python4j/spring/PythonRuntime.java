// SPDX-License-Identifier: Apache-2.0
// Python for one application context: its settings, its output, its watchdog and its warm-up. The beans that use
// Python depend on this one, and it is made with the other beans, which is before a web server opens its port.
package org.nd4j.python4j.spring;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.nd4j.python4j.Python;
import org.nd4j.python4j.PythonCode;
import org.nd4j.python4j.PythonConstants;
import org.nd4j.python4j.PythonDeadline;
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.PythonExecutioner;
import org.nd4j.python4j.PythonGC;
import org.nd4j.python4j.PythonGIL;
import org.nd4j.python4j.PythonOutput;
import org.nd4j.python4j.PythonWatchdog;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.beans.factory.DisposableBean;
import org.springframework.beans.factory.InitializingBean;
import org.springframework.core.io.Resource;

final class PythonRuntime implements InitializingBean, DisposableBean {

    private static final Duration PATIENCE = Duration.ofSeconds(2);
    private static final Logger LOG = LoggerFactory.getLogger(PythonRuntime.class);

    private final PythonProperties properties;
    private final Deque<PythonOutput> outputs = new ArrayDeque<>();
    private PythonWatchdog watchdog;

    PythonRuntime(PythonProperties properties) {
        this.properties = properties;
    }

    @Override
    public void afterPropertiesSet() {
        set(PythonConstants.PYTHON, properties.interpreter());
        set(PythonConstants.CACHE, properties.cache());
        if (!properties.path().isEmpty()) {
            set(PythonConstants.DEFAULT_PYTHON_PATH_PROPERTY,
                    properties.path().stream().map(String::valueOf).collect(Collectors.joining(File.pathSeparator)));
        }
        if (properties.watchdog() != null) {
            Logger log = LoggerFactory.getLogger("org.nd4j.python4j.PythonWatchdog");
            watchdog = PythonGIL.watch(properties.watchdog(), report -> log.warn("{}", report));
        }
        try {
            if (properties.warmUp().start()) {
                attempt("Python could not be started: ", "Check the property 'python4j.interpreter', the variable PYTHON4J_PYTHON"
                        + " and the dependencies of the application.", PythonExecutioner::init);
                openOutput();
                warmUp();
            }
        } catch (RuntimeException | Error e) {
            destroy();
            throw e;
        }
    }

    /** Turns are timed for whoever shows the times. */
    void timeTurns() {
        if (properties.timing()) {
            PythonGIL.monitor().setTimingEnabled(true);
        }
    }

    private static void set(String property, Object value) {
        if (value != null) {
            System.setProperty(property, value.toString());
        }
    }

    private void openOutput() {
        if (properties.output() == PythonProperties.Output.LOG) {
            outputs.push(PythonOutput.to(lines(LoggerFactory.getLogger("python.stdout")::info),
                    lines(LoggerFactory.getLogger("python.stderr")::warn)));
            outputs.push(PythonOutput.logging());
        }
    }

    private static Consumer<String> lines(Consumer<String> log) {
        return text -> {
            String line = text.stripTrailing();
            if (!line.isEmpty()) {
                log.accept(line);
            }
        };
    }

    private void warmUp() {
        PythonProperties.WarmUp warmUp = properties.warmUp();
        boolean unlimited = warmUp.limit().isZero();
        try (PythonGIL turn = unlimited ? PythonGIL.lock() : PythonGIL.lock(warmUp.limit());
                PythonDeadline deadline = unlimited ? null : PythonDeadline.of(warmUp.limit());
                PythonGC frame = PythonGC.watch()) {
            for (String module : warmUp.imports()) {
                attempt("The module '" + module + "' of 'python4j.warm-up.imports' could not be imported: ",
                        "Install the package for the interpreter of the application, or remove it from 'python4j.warm-up.imports'.",
                        () -> Python.importModule(module));
            }
            if (warmUp.script() != null) {
                attempt("The program of 'python4j.warm-up.script' (" + warmUp.script().getDescription() + ") failed: ",
                        "Correct the program, or name another one in 'python4j.warm-up.script'.", () -> {
                            try (PythonCode code = PythonCode.compile(text(warmUp.script()), warmUp.script().getFilename())) {
                                code.run();
                            }
                        });
            }
        }
    }

    private static void attempt(String wrong, String action, Runnable step) {
        try {
            step.run();
        } catch (PythonException e) {
            // What an import raises is the cause of an exception that Python did not raise.
            boolean raised = e.getPythonClass().isEmpty() && e.getCause() instanceof PythonException;
            throw new PythonStartException(wrong, action, raised ? (PythonException) e.getCause() : e);
        }
    }

    /** The text of a program that a property names. */
    static String text(Resource program) {
        try {
            return program.getContentAsString(StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new PythonException("The program cannot be read: " + e, e);
        }
    }

    /** Output is put back within a turn. Where that is not to be had, the application stops all the same. */
    @Override
    public void destroy() {
        if (watchdog != null) {
            watchdog.close();
        }
        if (outputs.isEmpty()) {
            return; // Python may not even run
        }
        try (PythonGIL turn = PythonGIL.tryLock(PATIENCE)) {
            if (turn == null) {
                LOG.warn("Python's output was not put back: thread '{}' keeps its turn.", PythonGIL.monitor().getHolder());
                return;
            }
            while (!outputs.isEmpty()) {
                outputs.pop().close();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (PythonException e) {
            LOG.warn("Python's output could not be put back", e);
        }
    }
}
