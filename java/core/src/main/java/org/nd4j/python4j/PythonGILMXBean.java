// SPDX-License-Identifier: Apache-2.0
// The values that this library shows to monitoring tools. Turn, Monitor and the native core collect the
// numbers.
package org.nd4j.python4j;

import java.util.List;

/**
 * Shows which thread has the turn, which threads wait for it, and how many Python objects Java holds. {@link
 * PythonGIL#monitor} returns this object without JMX. In JMX it is registered under the name {@value #NAME}, about a
 * second after Python has started.
 *
 * <p>Every method may be called by any thread, needs no turn, does not wait, and does not start Python.
 */
public interface PythonGILMXBean {

    /**
     * The name in the platform's MBean server. For a second class loader the name has the additional key {@code
     * loader}.
     */
    String NAME = "org.nd4j.python4j:type=PythonGIL";

    /** The name of the thread that has the exclusive turn; null if no thread has it. */
    String getHolder();

    /** The id of that thread, as in {@code ThreadMXBean}; 0 if no thread has the turn. */
    long getHolderId();

    /**
     * The time in nanoseconds since the present turn began; 0 if no thread has a turn, or if it began while
     * neither {@link #isTimingEnabled} nor a recording of turns was on.
     */
    long getHolderNanos();

    /** The names of the threads that wait for the turn, in the order of their arrival. */
    List<String> getWaiters();

    /** The number of turns so far. A nested turn is not counted. */
    long getTurns();

    /** How many times a thread had to wait for a turn, whether it then got the turn or not. */
    long getWaits();

    /**
     * The total time in nanoseconds that threads have waited for turns. It does not include threads that still wait.
     */
    long getWaitedNanos();

    /**
     * The total duration of finished turns in nanoseconds. Only turns during which {@link #isTimingEnabled} is true are
     * counted, because reading the clock twice would double the cost of a short turn.
     */
    long getHeldNanos();

    /**
     * Whether turns are timed. Timing is off at first, unless the property {@code org.eclipse.python4j.timing} is true.
     */
    boolean isTimingEnabled();

    /** Turns the timing of turns on or off, from the next turn on. */
    void setTimingEnabled(boolean enabled);

    /** The number of Python objects that Java holds. */
    int getHandles();

    /** The number of {@link PythonGC} frames that are open, or closed and not emptied yet. */
    int getFrames();

    /**
     * The number of program texts in the cache of compiled code. Such a text is not compiled again when it runs again.
     */
    int getCachedTexts();
}
