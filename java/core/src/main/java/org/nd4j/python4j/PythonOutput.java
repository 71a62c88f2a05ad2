// SPDX-License-Identifier: Apache-2.0
// Sends Python's stdout, stderr and log records to Java. The Python half is output.py.
package org.nd4j.python4j;

import java.io.PrintStream;
import java.util.List;
import java.util.Objects;
import java.util.function.Consumer;
import org.nd4j.python4j.internal.jni.Callbacks;
import org.nd4j.python4j.internal.jni.Operator;
import org.nd4j.python4j.internal.turn.Stopper;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.MDC;

/**
 * Where Python's output goes. By default that is the process's file descriptors 1 and 2, whatever
 * {@code System.setOut} says; while a {@code PythonOutput} is open, all that Python code prints goes to
 * Java instead, from any thread.
 *
 * <pre>{@code
 * try (PythonGIL gil = PythonGIL.lock(); PythonOutput output = PythonOutput.capture()) {
 *     PythonExecutioner.exec("print('hello')");
 *     System.out.println(output.getOut()); // hello
 * }
 * }</pre>
 *
 * <p>Whole lines arrive at once, the rest of a line when it is flushed or the call from Java returns;
 * the text is exact. Of several open ones the last gets it. Receivers are called on the thread that
 * prints, Python's own included, without the GIL; what they throw is an exception of {@code print}, or of the
 * call from Java where it comes for the rest of a line.
 * Output of C code and child processes, which do not use {@code sys.stdout}, is not seen. A program that
 * puts its own stream at {@code sys.stdout} keeps it.
 *
 * <p>Opening and closing need a turn of {@link PythonGIL}, or wait for one.
 */
public final class PythonOutput implements AutoCloseable {

    /** How Python numbers its levels. */
    private static final int WARNING = 30;
    private static final int INFO = 20;
    private static final int DEBUG = 10;
    private static final int ERROR = 40;

    private final Consumer<String> out;
    private final Consumer<String> err;
    private final StringBuffer capturedOut;
    private final StringBuffer capturedErr;
    private final PythonObject route; // of the records: two functions, one puts it back and one ends it
    private PythonObject receiver; // what Python calls; null for logging()
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
     * Sends what Python prints to two receivers, line by line, until it is closed. A line has its
     * {@code \n}; the unfinished end of one comes without.
     *
     * @throws PythonException if Python cannot be started
     */
    public static PythonOutput to(Consumer<String> out, Consumer<String> err) {
        Objects.requireNonNull(out);
        Objects.requireNonNull(err);
        return open(new PythonOutput(out, err, null, null, null));
    }

    /** Sends what Python prints to two print streams, until it is closed: {@code to(System.out, System.err)}. */
    public static PythonOutput to(PrintStream out, PrintStream err) {
        return to(text -> print(out, text), text -> print(err, text));
    }

    private static void print(PrintStream stream, String text) {
        stream.print(text);
        stream.flush();
    }

    /** Keeps what Python prints, for {@link #getOut} and {@link #getErr}, until it is closed. */
    public static PythonOutput capture() {
        StringBuffer out = new StringBuffer();
        StringBuffer err = new StringBuffer();
        return open(new PythonOutput(out::append, err::append, out, err, null));
    }

    /**
     * Sends the records of Python's {@code logging} module to SLF4J until it is closed: logger by name,
     * level, message, exception as a {@link PythonException}, and the thread's name as {@code python.thread} in
     * the {@link MDC}. Python's root logger lets everything through; SLF4J's configuration decides. Python code that
     * configures logging anew, by {@code logging.basicConfig(force=True)} or {@code dictConfig}, takes its root
     * logger's handlers away, this one too. A warning in the log says so then, and {@link #reattach} puts it back.
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
            return new PythonOutput(null, null, null, null, tool("log_to").call(receiver, lost));
        }
    }

    /**
     * Sends log records here again after Python code has configured logging anew; of {@link #logging} only. It may
     * be called at any time.
     *
     * @return whether the records went elsewhere before
     * @throws IllegalStateException if this is no open one of {@code logging()}
     */
    public boolean reattach() {
        if (route == null || closed) {
            throw new IllegalStateException("This PythonOutput sends no log records: use logging().");
        }
        try (PythonGIL gil = PythonGIL.lock(); PythonGC frame = PythonGC.watch()) {
            return route.get(0).call().toBoolean();
        }
    }

    /** What was printed to {@code sys.stdout} so far; of {@link #capture} only. */
    public String getOut() {
        return captured(capturedOut);
    }

    /** What was printed to {@code sys.stderr} so far; of {@link #capture} only. */
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

    /** Python prints again where it did before. Closing again does nothing. */
    @Override
    public void close() {
        if (closed) {
            return;
        }
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
                call("restore", receiver);
            } finally { // a receiver that fails gets nothing more
                closed = true;
                receiver.del();
            }
        }
    }

    private static PythonOutput open(PythonOutput output) {
        try (PythonGIL gil = PythonGIL.lock()) {
            try (PythonGC unframed = PythonGC.pause()) {
                output.receiver = Callbacks.callable((args, named) ->
                        output.receive((String) args.get(0), (String) args.get(1)));
            }
            call("redirect", output.receiver);
            return output;
        }
    }

    /** Whether it is received: what a thread prints while this closes goes to the one before, or where Python printed before. */
    private boolean receive(String stream, String text) {
        if (closed) {
            return false;
        }
        (stream.equals("stdout") ? out : err).accept(text);
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
        Logger logger = LoggerFactory.getLogger((String) record.get(0));
        long level = (Long) record.get(1);
        String message = (String) record.get(2);
        String before = MDC.get("python.thread");
        MDC.put("python.thread", String.valueOf(record.get(3)));
        try {
            Throwable raised = record.get(4) == null ? null : PythonException.of((PythonObject) record.get(4));
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
