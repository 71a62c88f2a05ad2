// SPDX-License-Identifier: Apache-2.0
// Sends Python's stdout, stderr and log records to Java. The Python half is output.py.
package org.nd4j.python4j;

import java.io.PrintStream;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import org.nd4j.python4j.internal.Access;
import org.nd4j.python4j.internal.jni.Callbacks;
import org.nd4j.python4j.internal.jni.Operator;
import org.nd4j.python4j.internal.turn.Stopper;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.MDC;

/**
 * Redirects Python's output. By default Python prints to the file descriptors 1 and 2 of the process, independently of
 * {@code System.setOut}. While a {@code PythonOutput} is open, everything that Python code prints, on any thread, goes
 * to Java instead.
 *
 * <pre>{@code
 * try (PythonGIL gil = PythonGIL.lock(); PythonOutput output = PythonOutput.capture()) {
 *     PythonExecutioner.exec("print('hello')");
 *     System.out.println(output.getOut()); // hello
 * }
 * }</pre>
 *
 * <p>A complete line is delivered at once. An incomplete line is delivered when it is flushed or when the call from
 * Java returns. The text is unchanged. If several {@code PythonOutput}s are open, the last one receives the text.
 * Receivers are called without the GIL, on the thread that prints, which may be a thread that Python created. If a
 * receiver throws an exception, {@code print} raises it; for an incomplete line at the end of a call, the call from
 * Java throws it. Output of C code and of child processes is not redirected, because they do not use {@code
 * sys.stdout}. If a program replaces {@code sys.stdout} by its own stream, this stream remains in use.
 *
 * <p>The worker processes of a pool ({@code python4j-pool}) print and log to the open {@code PythonOutput}s as well,
 * unless the pool has a receiver of its own. Each of their lines is marked with the number of the worker.
 *
 * <p>Opening and closing need a turn of {@link PythonGIL}. A thread without a turn waits for one.
 */
public final class PythonOutput implements AutoCloseable {

    /** How Python numbers its levels. */
    private static final int WARNING = 30;
    private static final int INFO = 20;
    private static final int DEBUG = 10;
    private static final int ERROR = 40;

    /** Those that are open, the last one first. What worker processes print and log goes there, too. */
    private static final List<PythonOutput> OPEN = new CopyOnWriteArrayList<>();

    private final Consumer<String> out;
    private final Consumer<String> err;
    private final StringBuffer capturedOut;
    private final StringBuffer capturedErr;
    private final PythonObject route; // of the records: two functions, one puts it back and one ends it
    private PythonObject receivers; // the two functions that Python calls; null for logging()
    private volatile boolean closed;

    private PythonOutput(
            Consumer<String> out, Consumer<String> err, StringBuffer capturedOut, StringBuffer capturedErr,
            PythonObject route) {
        this.out = out;
        this.err = err;
        this.capturedOut = capturedOut;
        this.capturedErr = capturedErr;
        this.route = route;
    }

    /**
     * Sends Python's output to two receivers until this object is closed. A text has the whole lines that Python wrote at
     * once, one as a rule, each with its {@code \n}; or an incomplete line, without one.
     *
     * @throws PythonException if Python cannot be started
     */
    public static PythonOutput to(Consumer<String> out, Consumer<String> err) {
        Objects.requireNonNull(out);
        Objects.requireNonNull(err);
        return open(new PythonOutput(out, err, null, null, null));
    }

    /**
     * Sends Python's output to two print streams until this object is closed, for example {@code to(System.out,
     * System.err)}.
     */
    public static PythonOutput to(PrintStream out, PrintStream err) {
        return to(text -> print(out, text), text -> print(err, text));
    }

    private static void print(PrintStream stream, String text) {
        stream.print(text);
        stream.flush();
    }

    /** Collects Python's output, for {@link #getOut} and {@link #getErr}, until this object is closed. */
    public static PythonOutput capture() {
        StringBuffer out = new StringBuffer();
        StringBuffer err = new StringBuffer();
        return open(new PythonOutput(out::append, err::append, out, err, null));
    }

    /**
     * Sends the records of Python's {@code logging} module to SLF4J until this object is closed. A record keeps the
     * name of its logger, its level and its message; an exception becomes a {@link PythonException}, and the name of
     * the thread is {@code python.thread} in the {@link MDC}. Python's root logger passes all records on, and the
     * configuration of SLF4J decides which are logged. If Python code configures logging again, by {@code
     * logging.basicConfig(force=True)} or {@code dictConfig}, this removes all handlers of the root logger, including
     * the one of this object. Then a warning in the log says so, and {@link #reattach} adds the handler again. For a
     * record of a worker process the {@link MDC} also has the number of the worker as {@code python.worker}; a message
     * of more than 12,000 bytes is cut there.
     */
    public static PythonOutput logging() {
        try (PythonGIL gil = PythonGIL.lock(); PythonGC unframed = PythonGC.pause()) {
            PythonObject receiver = Callbacks.callable((args, named) -> {
                log(args);
                return null;
            });
            PythonObject lost = Callbacks.callable((args, named) -> {
                LoggerFactory.getLogger(PythonOutput.class)
                        .warn("Python code has taken the handler of PythonOutput.logging() off Python's root logger, as "
                                + "logging.basicConfig(force=True) and logging.config do: no more log records come from "
                                + "Python. PythonOutput.reattach() puts it back.");
                return null;
            });
            PythonOutput output = new PythonOutput(null, null, null, null, tool("log_to").call(receiver, lost));
            OPEN.add(0, output);
            return output;
        }
    }

    /**
     * Sends log records to this object again after Python code has configured logging again. Only an object of {@link
     * #logging} supports it. It may be called at any time.
     *
     * @return whether the records did not go to this object before the call
     * @throws IllegalStateException if this object is closed or was not created by {@code logging()}
     */
    public boolean reattach() {
        if (route == null || closed) {
            throw new IllegalStateException("This PythonOutput sends no log records: use logging().");
        }
        try (PythonGIL gil = PythonGIL.lock(); PythonGC frame = PythonGC.watch()) {
            return route.get(0).call().toBoolean();
        }
    }

    /** The text that was printed to {@code sys.stdout} so far. Only an object of {@link #capture} has it. */
    public String getOut() {
        return captured(capturedOut);
    }

    /** The text that was printed to {@code sys.stderr} so far. Only an object of {@link #capture} has it. */
    public String getErr() {
        return captured(capturedErr);
    }

    private String captured(StringBuffer text) {
        if (text == null) {
            throw new IllegalStateException("This PythonOutput sends its text on and keeps none: use capture().");
        }
        if (!closed) {
            flush();
        }
        return text.toString();
    }

    /** Ends the redirection: Python prints to its previous destination again. A second call does nothing. */
    @Override
    public void close() {
        if (closed) {
            return;
        }
        OPEN.remove(this);
        try (PythonGIL gil = PythonGIL.lock(); Stopper.Limit none = Stopper.unlimited()) {
            if (route != null) {
                try (PythonGC frame = PythonGC.watch()) {
                    route.get(1).call();
                }
                route.del();
                closed = true;
                return;
            }
            try {
                call("restore", receivers);
            } finally { // a receiver that fails gets nothing more
                closed = true;
                receivers.del();
            }
        }
    }

    private static PythonOutput open(PythonOutput output) {
        try (PythonGIL gil = PythonGIL.lock()) {
            try (PythonGC unframed = PythonGC.pause()) {
                output.receivers = PythonObject.wide(List.of(output.receiver(false), output.receiver(true)));
            }
            call("redirect", output.receivers);
            OPEN.add(0, output);
            return output;
        }
    }

    /** A function that Python calls with a text. The result is what is not received. */
    private Callbacks.Given receiver(boolean isError) {
        return new Callbacks.Given((args, named) -> receive(isError, (String) args.get(0)) ? "" : args.get(0), null);
    }

    /** Whether it is received: what a thread prints while this closes goes to the one before, or where Python printed before. */
    private boolean receive(boolean isError, String text) {
        if (closed) {
            return false;
        }
        (isError ? err : out).accept(text);
        return true;
    }

    // ---- worker processes, which have no streams of this process's ----

    /** Whether there is a receiver of text or of records, as {@code Access.Output} numbers them. */
    static int receivers() {
        int receivers = 0;
        if (!OPEN.isEmpty()) {
            for (PythonOutput output : OPEN) {
                receivers |= output.route == null ? Access.Output.TEXT : Access.Output.RECORDS;
            }
        }
        return receivers;
    }

    static boolean print(boolean isError, String text) {
        for (PythonOutput output : OPEN) {
            if (output.route == null && output.receive(isError, text)) {
                return true;
            }
        }
        return false;
    }

    static boolean log(String name, long level, String message, String thread, Throwable raised, String worker) {
        if ((receivers() & Access.Output.RECORDS) == 0) {
            return false;
        }
        try (MDC.MDCCloseable mark = MDC.putCloseable("python.worker", worker)) {
            log(name, level, message, thread, raised);
        }
        return true;
    }

    private static void flush() {
        call("flush");
    }

    private static void call(String name, Object... arguments) {
        // What was printed arrives, and streams are put back, whatever deadline has passed.
        try (PythonGIL gil = PythonGIL.lock(); PythonGC frame = PythonGC.watch(); Stopper.Limit none = Stopper.unlimited()) {
            tool(name).call(arguments);
        }
    }

    private static PythonObject tool(String name) {
        return PythonObject.apply(Operator.TOOL, "output", name);
    }

    private static void log(List<?> record) {
        Throwable raised = record.get(4) == null ? null : PythonException.of((PythonObject) record.get(4));
        log((String) record.get(0), (Long) record.get(1), (String) record.get(2), String.valueOf(record.get(3)), raised);
    }

    private static void log(String name, long level, String message, String thread, Throwable raised) {
        Logger logger = LoggerFactory.getLogger(name);
        String before = MDC.get("python.thread");
        MDC.put("python.thread", thread);
        try {
            if (level >= ERROR) {
                logger.error(message, raised);
            } else if (level >= WARNING) {
                logger.warn(message, raised);
            } else if (level >= INFO) {
                logger.info(message, raised);
            } else if (level >= DEBUG) {
                logger.debug(message, raised);
            } else {
                logger.trace(message, raised);
            }
        } finally {
            if (before == null) {
                MDC.remove("python.thread");
            } else {
                MDC.put("python.thread", before);
            }
        }
    }
}
