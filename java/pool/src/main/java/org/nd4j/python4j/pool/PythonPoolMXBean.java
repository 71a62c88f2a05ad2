// SPDX-License-Identifier: Apache-2.0
// The values that monitoring tools see of a pool. PythonPool and Tally collect the numbers.
package org.nd4j.python4j.pool;

import java.util.Map;

/**
 * Shows the state of a pool. {@link PythonPool#monitor} returns this object without JMX. In JMX its name is {@value
 * #NAME} with the name of the pool as the key {@code name}. It is registered about a second after the pool was created,
 * until the pool is closed.
 *
 * <p>Every method may be called by any thread, needs no turn, and waits only for the lock of the pool's queue.
 */
public interface PythonPoolMXBean {

    /** The name in the platform's MBean server, without the name of the pool. */
    String NAME = "org.nd4j.python4j:type=PythonPool";

    /** The number of workers, including those that start or end. */
    int getWorkers();

    /** The number of workers that execute a call or belong to a session. */
    int getBusy();

    /** The number of calls and sessions that wait for a worker. */
    int getQueued();

    /** The number of calls that have ended, successfully or not. */
    long getCalls();

    /** The number of calls and sessions that had to wait for a worker. */
    long getWaits();

    /** The total time in nanoseconds that calls and sessions have waited. It does not include those that still wait. */
    long getWaitedNanos();

    /** The total time in nanoseconds that calls took in their workers. */
    long getRunNanos();

    /**
     * The number of workers that were replaced, because they were lost or reached a limit after which workers are
     * replaced.
     */
    long getRestarts();

    /**
     * The number of replaced workers for each reason, such as {@code SIGSEGV} or {@code it had done 100 calls}. After 50
     * different reasons, further ones are counted as {@code other}.
     */
    Map<String, Long> getRestartReasons();

    /** The reason of the last replacement; null if there was none. */
    String getLastRestart();

    /**
     * The resident memory of each worker in bytes, by the number of the worker in the pool. Memory that forked workers
     * share is counted for each of them.
     */
    Map<String, Long> getResidentBytes();

    /**
     * How workers are started: {@code spawn}, {@code fork server}, or {@code spawn} with the reason why there is no
     * fork server.
     */
    String getStart();
}
