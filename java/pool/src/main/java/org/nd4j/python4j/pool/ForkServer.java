// SPDX-License-Identifier: Apache-2.0
// A process that is prepared like a worker and forks workers, so that these need no preparation of their own.
// The other half is rust/worker/src/server.rs.
package org.nd4j.python4j.pool;

import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.internal.jni.Native;
import org.nd4j.python4j.internal.start.NativeLoader;

/** Used by the one thread that starts a pool's workers. */
final class ForkServer {

    private static final long LONGEST_STOP_NANOS = 3_000_000_000L;

    private final Workers workers;
    private final Starter starter;
    private Worker server;
    private volatile String obstacle;
    private long runs; // when it was seen to do so, by System.nanoTime

    ForkServer(Workers workers, Starter starter) {
        this.workers = workers;
        this.starter = starter;
    }

    /** Why workers are not forked; null if they are, or that is not known yet. */
    String obstacle() {
        return obstacle;
    }

    /**
     * A worker, which is prepared; null if it cannot be forked.
     *
     * @throws PythonException if the preparation fails
     */
    WorkerProcess fork() {
        for (boolean again : new boolean[] {true, false}) {
            if (workers.isClosing()) {
                throw Workers.closed();
            }
            if (obstacle != null || server == null && !start()) {
                return null;
            }
            try {
                return WorkerProcess.forked(server.process);
            } catch (PythonException e) { // it has ended, for instance
                close();
                if (!again) {
                    refuse(e.getMessage());
                }
            }
        }
        return null;
    }

    private boolean start() {
        if (!System.getProperty("os.name", "").startsWith("Linux")) {
            refuse("the system is not Linux");
            return false;
        }
        Worker started = workers.open(0, starter.startServer());
        Throwable failure = started.run(starter.preparation(), null).thrown();
        if (failure != null) {
            started.discard();
            throw failure instanceof PythonException ? (PythonException) failure : new PythonException(failure.toString(), failure);
        }
        server = started;
        try {
            String why = Native.processObstacle(server.process.data);
            if (why.isEmpty()) {
                return true;
            }
            refuse(why);
        } catch (PythonException e) {
            refuse(e.getMessage());
        }
        close();
        return false;
    }

    private void refuse(String why) {
        obstacle = why;
        NativeLoader.progress("The workers of a pool are started one by one, since its fork server cannot fork: " + why, true);
    }

    /** To be called now and then: kills a server that somebody stopped, since it does not tell the end of workers. */
    void look() {
        if (server == null || !server.process.isStopped()) {
            runs = System.nanoTime();
        } else if (System.nanoTime() - runs > LONGEST_STOP_NANOS) {
            close();
        }
    }

    void close() {
        if (server != null) {
            server.discard();
            server = null;
        }
    }
}
