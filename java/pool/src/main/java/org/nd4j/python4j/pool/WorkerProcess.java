// SPDX-License-Identifier: Apache-2.0
// One worker process as the operating system sees it: how it is started, how it gets signals, and how it ended.
// Channel transports its messages. The native half is rust/jni/src/process.rs.
package org.nd4j.python4j.pool;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.internal.jni.Native;

/**
 * A child process with two sockets. It is started by a thread that lives as long as the pool, since the system kills it
 * when that thread ends (Linux).
 */
final class WorkerProcess {

    static final int KILL = 9;

    private static final String[] SIGNALS = {
        null, "SIGHUP", "SIGINT", "SIGQUIT", "SIGILL", "SIGTRAP", "SIGABRT", null, "SIGFPE", "SIGKILL", null, "SIGSEGV",
        null, "SIGPIPE", "SIGALRM", "SIGTERM"
    };
    /** Those whose numbers depend on the system, as far as they end a process. */
    private static final Map<Integer, String> LINUX_SIGNALS = Map.of(7, "SIGBUS", 10, "SIGUSR1", 12, "SIGUSR2", 24, "SIGXCPU", 25, "SIGXFSZ",
            26, "SIGVTALRM", 27, "SIGPROF", 29, "SIGIO", 30, "SIGPWR", 31, "SIGSYS");
    private static final Map<Integer, String> OTHER_SIGNALS = Map.of(7, "SIGEMT", 10, "SIGBUS", 12, "SIGSYS", 24, "SIGXCPU", 25, "SIGXFSZ",
            26, "SIGVTALRM", 27, "SIGPROF", 30, "SIGUSR1", 31, "SIGUSR2");
    private static final boolean LINUX = System.getProperty("os.name", "").startsWith("Linux");
    private static final int SIGNALLED = 256;
    private static final int RUNS = -1;
    private static final int UNKNOWN = -2; // it has ended, or the system is about to end it
    private static final int FLAGS = 6; // a field of what Linux tells of a process, counted from its state
    private static final long ENDING = 4; // PF_EXITING
    private static final long LONGEST_MILLIS = 5000;

    final int pid;
    final int data;
    final int control;
    final int out;
    final int err;
    private int status = -1; // where the end of one is told that a fork server made
    private final WorkerProcess server; // the fork server, or null
    final long start = System.nanoTime();

    private volatile boolean killed; // from here
    private int end = RUNS; // guarded by this: a number that was waited for may be another process's

    private WorkerProcess(long[] numbers, WorkerProcess server) {
        this.server = server;
        pid = (int) numbers[0];
        data = (int) numbers[1];
        control = (int) numbers[2];
        out = (int) numbers[3];
        err = (int) numbers[4];
        if (numbers.length > 5) {
            status = (int) numbers[5];
        }
    }

    static WorkerProcess start(List<String> command, List<String> environment) {
        return new WorkerProcess(
                Native.processSpawn(command.toArray(new String[0]), environment.toArray(new String[0])), null);
    }

    /**
     * One that a fork server makes; it is prepared.
     *
     * @throws PythonException if it is none of the server's: signals to it would reach a stranger
     */
    static WorkerProcess forked(WorkerProcess server) {
        WorkerProcess made = new WorkerProcess(Native.processFork(server.data), server);
        String parent = made.stat(1);
        if (!parent.isEmpty() && !parent.equals(String.valueOf(server.pid))) {
            made.close();
            for (int file : new int[] {made.out, made.err, made.status}) {
                Native.processClose(file);
            }
            throw new PythonException("The fork server named a process that it did not make.");
        }
        return made;
    }

    /** Whether it has ended; who asks again gets the same answer. */
    synchronized boolean hasEnded() {
        if (end == RUNS && status < 0) {
            end = Native.processEnd(pid);
        } else if (end == RUNS) {
            end = Native.processToldEnd(status);
            if (end == SIGNALLED + KILL && server.killed) {
                end = UNKNOWN; // which the system did, unless it had ended before
            }
            if (end != RUNS) {
                Native.processClose(status); // from now on its number may be another process's
            }
        }
        return end != RUNS;
    }

    /** Kills it, with what it has started. */
    synchronized void kill() {
        if (!hasEnded()) {
            killed |= !isEnding();
            Native.processSignal(pid, KILL);
        }
    }

    /** Whether it ended by a signal that came from here. */
    boolean wasKilled() {
        return killed;
    }

    /** Whether its end has begun, after which no signal changes its status; false where the system does not tell. */
    private boolean isEnding() {
        String flags = stat(FLAGS);
        return !flags.isEmpty() && (Long.parseLong(flags) & ENDING) != 0;
    }

    /**
     * Ends a process that was killed or has lost its socket, and waits for the end, but not for ever. A fork server that does not tell the
     * end is killed, with all that it has made.
     */
    void awaitEnd() {
        boolean interrupted = false;
        long waited = 0; // the pauses alone, so that nothing is given up because this process itself stood still
        for (long pause = 1; !hasEnded(); pause = Math.min(pause * 2, 64)) {
            if (waited >= LONGEST_MILLIS) {
                giveUp();
                break;
            }
            kill();
            waited += pause;
            try {
                Thread.sleep(pause);
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private synchronized void giveUp() {
        if (server != null) {
            server.kill();
        }
        if (!hasEnded()) {
            end = UNKNOWN;
            if (status >= 0) {
                Native.processClose(status);
            }
        }
    }

    /** Whether it was stopped by a signal; false where the system does not tell. */
    boolean isStopped() {
        return stat(0).equals("T");
    }

    /** A field of what the system tells of it: its state, its parent, or {@link #FLAGS}; empty where it does not tell. */
    private String stat(int field) {
        try {
            String line = Files.readString(Path.of("/proc/" + pid + "/stat"));
            return line.substring(line.lastIndexOf(')') + 2).split(" ")[field];
        } catch (IOException | RuntimeException e) {
            return "";
        }
    }

    /** Whether the system tells how much memory a process uses. */
    static boolean tellsMemory() {
        return Files.exists(Path.of("/proc/self/status"));
    }

    /** The bytes of memory that it uses; 0 where the system does not tell. */
    long residentBytes() {
        try {
            for (String line : Files.readAllLines(Path.of("/proc/" + pid + "/status"), StandardCharsets.ISO_8859_1)) {
                if (line.startsWith("VmRSS:")) {
                    return Long.parseLong(line.replaceAll("\\D", "")) * 1024;
                }
            }
        } catch (IOException | RuntimeException e) {
            // it has ended, or this is no Linux
        }
        return 0;
    }

    /** The exit status of one that has ended; -1 if a signal ended it, or nobody told. */
    synchronized int exitStatus() {
        return end >= 0 && end < SIGNALLED ? end : -1;
    }

    /** The name of the signal that ended it; null if none did. */
    synchronized String signal() {
        int signal = end - SIGNALLED;
        if (signal <= 0) {
            return null;
        }
        String common = signal < SIGNALS.length ? SIGNALS[signal] : null;
        return common != null ? common : (LINUX ? LINUX_SIGNALS : OTHER_SIGNALS).getOrDefault(signal, "signal " + signal);
    }

    /** Closes the sockets, which nobody must use any more. */
    void close() {
        Native.processClose(data);
        Native.processClose(control);
    }
}
