// SPDX-License-Identifier: Apache-2.0
// The values that monitoring tools see of a pool. PythonPool and Tally collect the numbers.
package org.nd4j.python4j.pool;

import java.util.Map;

/**
 * What a pool does. {@link PythonPool#monitor} gives it without JMX; under JMX its name is {@value #NAME} with the pool's own
 * name as the key {@code name}, from about a second after the pool was made until it is closed.
 *
 * <p>Every method may be called by any thread and waits for nothing but the lock of the pool's queue.
 */
public interface PythonPoolMXBean {

    /** The name in the platform's MBean server, without the pool's own. */
    String NAME = "org.nd4j.python4j:type=PythonPool";

    /** How many workers there are, those that start or end included. */
    int getWorkers();

    /** How many of them do a call or belong to a session. */
    int getBusy();

    /** How many calls and sessions wait for a worker. */
    int getQueued();

    /** How many calls have ended, however. */
    long getCalls();

    /** How many calls and sessions had to wait for a worker. */
    long getWaits();

    /** How long these waited in all; those that still wait are not in it yet. */
    long getWaitedNanos();

    /** How long calls took in their workers in all. */
    long getRunNanos();

    /** How many workers were replaced: lost ones, and those that were used up. */
    long getRestarts();

    /** Why the last of these was, null if there was none. */
    String getLastRestart();

    /** The resident memory of each worker, by its number in the pool; what a forked worker shares with others counts in each. */
    Map<String, Long> getResidentBytes();

    /** How workers are started: {@code spawn}, {@code fork server}, or {@code spawn}, and why there is no fork server. */
    String getStart();
}
