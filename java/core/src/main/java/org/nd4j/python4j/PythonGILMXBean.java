// SPDX-License-Identifier: Apache-2.0
// The values that this library shows to monitoring tools. Turn, Monitor and the native core collect the
// numbers.
package org.nd4j.python4j;

import java.util.List;

/**
 * Who has the turn, who waits for it, and what Java holds of Python. {@link PythonGIL#monitor} gives it
 * without JMX; under JMX its name is {@value #NAME}, from about a second after Python has started.
 *
 * <p>Every method may be called by any thread, needs no turn, waits for nothing and starts nothing.
 */
public interface PythonGILMXBean {

    /** The name in the platform's MBean server; a second class loader's has the key {@code loader} besides. */
    String NAME = "org.nd4j.python4j:type=PythonGIL";

    /** The name of the thread that has the exclusive turn, null if there is none. */
    String getHolder();

    /** The id of that thread, as {@code ThreadMXBean} knows it; 0 if there is none. */
    long getHolderId();

    /** The names of the threads that wait for the turn, in the order of their arrival. */
    List<String> getWaiters();

    /** How many turns there were. Taking a turn once more within a turn is none. */
    long getTurns();

    /** How many times a thread had to wait for a turn, whether it got it or not. */
    long getWaits();

    /** How long threads have waited for turns in all; those that still wait are not in it yet. */
    long getWaitedNanos();

    /**
     * How long turns that are over lasted in all. Counted while {@link #isTimingEnabled}: reading the clock twice
     * would double the cost of a short turn.
     */
    long getHeldNanos();

    /** Whether turns are timed. Off at first, unless the property {@code org.eclipse.python4j.timing} is true. */
    boolean isTimingEnabled();

    /** Turns the timing of turns on or off, from the next turn on. */
    void setTimingEnabled(boolean enabled);

    /** How many Python objects Java holds. */
    int getHandles();

    /** How many frames of {@link PythonGC} are open, or closed and not emptied yet. */
    int getFrames();

    /** How many texts are kept compiled, so that running them again costs no compiling. */
    int getCachedTexts();
}
