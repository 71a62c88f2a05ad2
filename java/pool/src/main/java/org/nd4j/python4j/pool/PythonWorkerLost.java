// SPDX-License-Identifier: Apache-2.0
// The exception of a call whose worker process ended during the call. The pool replaces the worker.
package org.nd4j.python4j.pool;

import java.util.List;
import java.time.Duration;
import org.nd4j.python4j.PythonException;

/**
 * The worker process that ran a call ended before it answered. It crashed, was killed, ended itself, or was ended by
 * the pool because its call did not stop at its time limit. It is unknown whether the call was executed partly or
 * completely. Calls in other workers are not affected, and the pool starts another worker.
 */
public final class PythonWorkerLost extends PythonException {

    private static final long serialVersionUID = 1L;

    private final long pid;
    private final int exitStatus;
    private final String signal;
    private final Duration runTime;
    private final List<String> lastLines;

    PythonWorkerLost(
            String why, long pid, int exitStatus, String signal, Duration runTime, List<String> lastLines, Throwable cause) {
        super(text(why, pid, exitStatus, signal, runTime, lastLines), cause);
        this.pid = pid;
        this.exitStatus = exitStatus;
        this.signal = signal;
        this.runTime = runTime;
        this.lastLines = List.copyOf(lastLines);
    }

    /** The same loss, told of a worker that was about to be started. */
    PythonWorkerLost(String before, PythonWorkerLost loss) {
        super(before + loss.getMessage(), loss);
        this.pid = loss.pid;
        this.exitStatus = loss.exitStatus;
        this.signal = loss.signal;
        this.runTime = loss.runTime;
        this.lastLines = loss.lastLines;
    }

    private static String text(
            String why, long pid, int exitStatus, String signal, Duration runTime, List<String> lastLines) {
        StringBuilder text = new StringBuilder("The worker process ").append(pid).append(" was lost after the call had run for ")
                .append(runTime.toMillis()).append(" ms: ").append(why).append(", and ")
                .append(signal != null ? "it ended with " + signal
                        : exitStatus >= 0 ? "it ended with exit status " + exitStatus : "how it ended is not known").append('.');
        if (!lastLines.isEmpty()) {
            text.append(" The last that it wrote to stderr:");
            lastLines.forEach(line -> text.append("\n  ").append(line));
        }
        return text.toString();
    }

    /** The process id of the worker. */
    public long getPid() {
        return pid;
    }

    /** The exit status of the process; -1 if a signal ended it, or if it is unknown how it ended. */
    public int getExitStatus() {
        return exitStatus;
    }

    /**
     * The name of the signal that ended the process, such as {@code SIGSEGV}; null if it ended by itself, or if it is
     * unknown how it ended.
     */
    public String getSignal() {
        return signal;
    }

    /** The time for which the call had run. */
    public Duration getRunTime() {
        return runTime;
    }

    /** The last lines that the process wrote to its standard error. After a crash they contain Python's stack. */
    public List<String> getLastLines() {
        return lastLines;
    }
}
