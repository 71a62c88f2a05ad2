// SPDX-License-Identifier: Apache-2.0
// The end of an application: calls in progress finish before the beans are destroyed, the pool among them. Spring
// limits the wait by spring.lifecycle.timeout-per-shutdown-phase.
package org.nd4j.python4j.spring;

import org.springframework.beans.factory.DisposableBean;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.context.SmartLifecycle;

final class PythonLifecycle implements SmartLifecycle, DisposableBean {

    /** Lower than that of the web server, which therefore stops before and takes no more requests. */
    static final int PHASE = DEFAULT_PHASE - 4096;

    private static final long LOOK_MILLIS = 10;

    private final ObjectProvider<PythonTemplate> templates;
    private final ObjectProvider<PythonPools> pools;
    private volatile boolean running;
    private volatile Thread waiting;

    PythonLifecycle(ObjectProvider<PythonTemplate> templates, ObjectProvider<PythonPools> pools) {
        this.templates = templates;
        this.pools = pools;
    }

    @Override
    public void start() {
        running = true;
    }

    @Override
    public void stop() {
        try {
            for (PythonTemplate template : templates) {
                template.awaitIdle();
            }
            while (pools.stream().anyMatch(PythonPools::isBusy)) {
                Thread.sleep(LOOK_MILLIS);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        running = false;
    }

    @Override
    public void stop(Runnable callback) {
        Thread thread = new Thread(() -> {
            stop();
            callback.run();
        }, "python4j-stop");
        thread.setDaemon(true);
        waiting = thread;
        thread.start();
    }

    /** The time to wait is over. */
    @Override
    public void destroy() {
        Thread thread = waiting;
        if (thread != null) {
            thread.interrupt();
        }
    }

    @Override
    public boolean isRunning() {
        return running;
    }

    @Override
    public int getPhase() {
        return PHASE;
    }
}
