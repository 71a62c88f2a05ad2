// SPDX-License-Identifier: Apache-2.0
// Reports turns that last too long, with the stacks of Java and of Python. The thread of watch.rs reads the
// number of the turn from outside, so a turn itself costs nothing more. The file stacks.rs reads Python's
// stack.
package org.nd4j.python4j;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import org.nd4j.python4j.internal.jni.Native;
import org.nd4j.python4j.internal.monitor.Monitor;
import org.nd4j.python4j.internal.start.NativeLoader;
import org.slf4j.LoggerFactory;

/**
 * Watches the exclusive turn. {@link PythonGIL#watch} creates a watchdog. The property {@value #PROPERTY} creates one
 * for the whole process, which logs each report as a warning. Its value is a number with {@code ms}, {@code s} or
 * {@code m}, or a {@link Duration} such as {@code PT10S}.
 *
 * <p>A turn that lasts longer than the limit is reported once. To read Python's stack the watchdog needs the GIL.
 * Python code releases the GIL every 5 ms while it runs, and while it sleeps or waits. The owner of the turn may also
 * keep the GIL, in a long call of C code or in Java code between two calls. In this case the report says so. A second
 * report with Python's stack follows if the turn still lasts when the GIL becomes available. No signals are used.
 *
 * <p>Blocks of {@link PythonGIL#lockShared} are not turns and are not watched. All methods may be called by any thread
 * and need no turn.
 */
public final class PythonWatchdog implements AutoCloseable {

    /** The property that starts a watchdog for the whole process. It is not set by default. */
    public static final String PROPERTY = "org.eclipse.python4j.watchdog";

    private static final long LOOKS = 8;
    private static final long MOST_NANOS = TimeUnit.SECONDS.toNanos(1);
    private static final long PATIENCE_MILLIS = 1000;

    private static final Set<PythonWatchdog> DOGS = ConcurrentHashMap.newKeySet();

    private final long limit;
    private final Consumer<? super Report> handler;
    private volatile boolean closed;

    private long turn; // the number of the one that goes on
    private long since; // when it was first seen
    private boolean told;
    private long next; // when to look again

    private PythonWatchdog(long limit, Consumer<? super Report> handler) {
        this.limit = limit;
        this.handler = handler;
    }

    static PythonWatchdog start(Duration limit, Consumer<? super Report> handler) {
        Objects.requireNonNull(handler);
        if (limit.compareTo(Duration.ofMillis(1)) < 0) {
            throw new IllegalArgumentException("A turn may last a millisecond at least: " + limit);
        }
        long most = Long.MAX_VALUE / 2;
        PythonWatchdog dog = new PythonWatchdog(
                limit.compareTo(Duration.ofNanos(most)) < 0 ? limit.toNanos() : most, handler);
        DOGS.add(dog);
        Native.watches = true;
        if (PythonGIL.isStarted()) { // else the first call of Python wakes it
            Native.watchWake();
        }
        return dog;
    }

    /** What the property asks for. A value that cannot be read is no reason for Python not to start. */
    static void startByProperty() {
        String text = System.getProperty(PROPERTY, "");
        try {
            start(duration(text.trim()), PythonWatchdog::log);
        } catch (OutOfMemoryError e) { // this process may have no more threads
            NativeLoader.progress("Nothing watches long turns: " + e, true);
        } catch (RuntimeException e) {
            NativeLoader.progress("-D" + PROPERTY + "=" + text + " is no duration such as 500ms, 10s or PT10S: nothing"
                    + " is watched", true);
        }
    }

    static Duration duration(String text) {
        String unit = text.replaceFirst("^[0-9]+", "").trim().toLowerCase(Locale.ROOT);
        if (unit.equals("ms") || unit.equals("s") || unit.equals("m")) {
            long number = Long.parseLong(text.substring(0, text.length() - unit.length()).trim());
            return unit.equals("ms") ? Duration.ofMillis(number)
                    : unit.equals("s") ? Duration.ofSeconds(number) : Duration.ofMinutes(number);
        }
        return Duration.parse(text);
    }

    private static void log(Report report) {
        try {
            LoggerFactory.getLogger(PythonWatchdog.class).warn(report.toString());
        } catch (LinkageError e) { // no logging beside this jar
            System.err.println(report);
        }
    }

    /** Ends the watchdog. A report that is already being created is still delivered. A second call does nothing. */
    @Override
    public void close() {
        closed = true;
        DOGS.remove(this);
    }

    private static Thread daemon(String name, Runnable body) {
        Thread thread = new Thread(body, name);
        thread.setDaemon(true);
        return thread;
    }

    static void closeAll() {
        DOGS.forEach(PythonWatchdog::close);
    }

    /** Whether anybody watches. */
    static boolean isWatching() {
        return !DOGS.isEmpty();
    }

    /** {@code Native.look} for turns. */
    static int lookAll() {
        long now = System.nanoTime();
        long next = MOST_NANOS;
        for (PythonWatchdog dog : DOGS) {
            if (dog.next - now <= 0) {
                dog.look(now);
                dog.next = now + Math.max(TimeUnit.MILLISECONDS.toNanos(1), Math.min(dog.limit / LOOKS, MOST_NANOS));
            }
            next = Math.min(next, dog.next - now);
        }
        return DOGS.isEmpty() ? 0 : (int) Math.max(1, TimeUnit.NANOSECONDS.toMillis(next));
    }

    private void look(long now) {
        long number = PythonGIL.turn().count();
        Thread holder = PythonGIL.holder();
        if (holder == null || number != turn || number != PythonGIL.turn().count()) {
            turn = number;
            since = now;
            told = false;
        } else if (!told && now - since >= limit) {
            told = true;
            long began = since;
            daemon("python4j-watchdog", () -> tell(holder, number, began)).start();
        }
    }

    private void tell(Thread holder, long number, long began) {
        FutureTask<String> stack = new FutureTask<>(() ->
                new String(Native.stacksDump(!PythonGIL.isVirtual(holder)), StandardCharsets.UTF_8));
        try {
            daemon("python4j-watchdog-python", stack).start();
        } catch (OutOfMemoryError e) { // this process may have no more threads
            stack.cancel(false);
        }
        String text = text(stack, PATIENCE_MILLIS);
        if (isOn(number)) { // else it ended meanwhile, and the stacks are not its own
            hand(holder, began, text, text == null ? why(holder) : "");
        }
        while (text == null && isOn(number)) {
            text = text(stack, PATIENCE_MILLIS / LOOKS);
            if (text != null && isOn(number)) {
                hand(holder, began, text, "");
            }
        }
    }

    private boolean isOn(long number) {
        return !closed && PythonGIL.turn().count() == number && PythonGIL.holder() != null;
    }

    private static String text(FutureTask<String> stack, long millis) {
        try {
            return stack.get(millis, TimeUnit.MILLISECONDS);
        } catch (TimeoutException e) {
            return null;
        } catch (CancellationException e) {
            return "Python's stack cannot be read: there is no thread for that.";
        } catch (ExecutionException e) {
            return "Python's stack cannot be read: " + e.getCause();
        } catch (InterruptedException e) {
            return null; // nobody else knows this thread
        }
    }

    private static String why(Thread holder) {
        for (StackTraceElement frame : holder.getStackTrace()) {
            if (frame.isNativeMethod() && frame.getClassName().equals(Native.class.getName())) {
                return "Python's stack cannot be read yet: a call of C code keeps the GIL.";
            }
            break;
        }
        return "Python's stack cannot be read: the thread is in Java code and keeps the GIL with its turn.";
    }

    private void hand(Thread holder, long began, String python, String why) {
        try {
            handler.accept(new Report(holder, Duration.ofNanos(System.nanoTime() - began), PythonGIL.waiters(), python, why));
        } catch (RuntimeException | Error e) { // the handler's own affair; the next turn is watched as well
            NativeLoader.progress("The handler of a PythonWatchdog failed: " + e, true);
        }
    }

    /** A turn that lasts too long. */
    public static final class Report {
        private final Thread thread;
        private final StackTraceElement[] stack;
        private final Duration held;
        private final List<Thread> waiters;
        private final String python;
        private final String why;
        private final boolean loop;

        private Report(Thread thread, Duration held, List<Thread> waiters, String python, String why) {
            this.thread = thread;
            this.stack = thread.getStackTrace();
            this.held = held;
            this.waiters = Collections.unmodifiableList(waiters);
            this.python = python;
            this.why = why;
            this.loop = PythonGIL.usesLoops && PythonAsync.isAnyBlocked();
        }

        /** The thread that has the turn. */
        public Thread getThread() {
            return thread;
        }

        /** The time for which the thread has had the turn, at least. */
        public Duration getHeld() {
            return held;
        }

        /** The threads that waited for the turn, in the order of their arrival. */
        public List<Thread> getWaiters() {
            return waiters;
        }

        /** The Java stack of the thread. */
        public StackTraceElement[] getJavaStack() {
            return stack.clone();
        }

        /**
         * The stacks of Python's threads as text, with the most recent call last in each stack. The thread of the turn
         * comes first. The result is null if the stacks could not be read.
         */
        public String getPythonStack() {
            return python;
        }

        private boolean waitsInCallback() {
            for (StackTraceElement frame : stack) {
                if (frame.getClassName().equals(Native.class.getName())) {
                    return frame.getMethodName().startsWith("upcall") && stack[0].isNativeMethod();
                }
            }
            return false;
        }

        /**
         * Whether an event loop of {@link PythonAsync} has work but cannot run, because the thread of the turn keeps
         * the GIL.
         */
        public boolean isLoopBlocked() {
            return loop;
        }

        /** The whole report as several lines of text. */
        @Override
        public String toString() {
            StringBuilder text = new StringBuilder("Thread '" + Monitor.name(thread) + "' has had its turn of Python for "
                    + held.toMillis() + " ms; " + waiters.size() + (waiters.size() == 1 ? " thread waits" : " threads wait"));
            for (int i = 0; i < waiters.size() && i < LOOKS; i++) {
                text.append(i == 0 ? ": " : ", ").append(Monitor.name(waiters.get(i)));
            }
            if (!waiters.isEmpty() && waitsInCallback()) {
                text.append("\nThe thread waits in Java code that Python called. If it waits for one of these threads, neither goes on:"
                        + " enclose the waiting in PythonGIL.lend().");
            }
            if (loop) {
                text.append("\nThe event loop of PythonAsync does not go on meanwhile.");
            }
            text.append("\nJava, most recent call first:");
            for (StackTraceElement frame : stack) {
                text.append("\n  at ").append(new StackTraceElement( // without loaders and modules
                        frame.getClassName(), frame.getMethodName(), frame.getFileName(), frame.getLineNumber()));
            }
            text.append("\nPython: ");
            return text.append(python == null ? why : python.isEmpty() ? "no thread runs Python code." : "\n" + python)
                    .toString();
        }
    }
}
