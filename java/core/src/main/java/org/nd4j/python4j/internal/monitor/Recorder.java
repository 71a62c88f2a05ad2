// SPDX-License-Identifier: Apache-2.0
// The events of the Java Flight Recorder. This is the only class that links to jdk.jfr; Monitor knows whether
// it may be loaded. The settings of a recording decide whether an event is recorded, and from which duration
// on.
package org.nd4j.python4j.internal.monitor;

import jdk.jfr.Category;
import jdk.jfr.Description;
import jdk.jfr.Enabled;
import jdk.jfr.Event;
import jdk.jfr.FlightRecorder;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.Period;
import jdk.jfr.StackTrace;
import jdk.jfr.Threshold;
import jdk.jfr.Timespan;
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.PythonGIL;
import org.nd4j.python4j.PythonGILMXBean;
import org.nd4j.python4j.PythonObject;
import org.nd4j.python4j.internal.jni.Native;
import org.nd4j.python4j.internal.start.NativeLoader;
import org.nd4j.python4j.internal.turn.Turn;

/**
 * An event begins and ends on the thread that it describes. The classes of the events are loaded only when the recorder
 * runs, because loading the first one takes a tenth of a second.
 */
public final class Recorder {

    private static final int SHOWN = 200;

    private static volatile Runnable counts; // while the Flight Recorder has it

    private Recorder() {}

    /** Ends recording, because this class loader's use of Python ends. */
    static void end() {
        give(false);
    }

    /** Whether turns are recorded. */
    static boolean isOn() {
        if (!FlightRecorder.isInitialized()) {
            return false;
        }
        boolean counting = Events.COUNTS.isEnabled();
        if (counting != (counts != null)) {
            give(counting);
        }
        return Events.TURN.isEnabled();
    }

    /**
     * Registers the task that records counts, or removes it. A registered task keeps our class loader alive, so it is
     * registered only while a recording wants counts.
     */
    private static synchronized void give(boolean wanted) {
        if (wanted == (counts != null)) {
            return;
        }
        try {
            if (wanted) {
                Runnable hook = Recorder::count;
                FlightRecorder.addPeriodicEvent(CountsEvent.class, hook);
                counts = hook;
            } else {
                FlightRecorder.removePeriodicEvent(counts);
                counts = null;
            }
        } catch (RuntimeException e) {
            NativeLoader.progress("The Java Flight Recorder takes no counts: " + e, false);
        }
    }

    static Object turnBegins() {
        if (!isOn()) {
            return null;
        }
        TurnEvent event = new TurnEvent();
        event.begin();
        return event;
    }

    static void turnEnds(Object begun, Turn turn) {
        TurnEvent event = (TurnEvent) begun;
        event.end();
        if (event.shouldCommit()) {
            event.number = turn.count();
            event.waiting = turn.waiting();
            event.commit();
        }
    }

    static Object waitBegins(Turn turn) {
        if (!FlightRecorder.isInitialized() || !Events.WAIT.isEnabled()) {
            return null;
        }
        WaitEvent event = new WaitEvent();
        event.holder = turn.holder();
        event.ahead = turn.waiting();
        event.begin();
        return event;
    }

    static void waitEnds(Object begun, boolean got) {
        WaitEvent event = (WaitEvent) begun;
        event.taken = got;
        event.commit();
    }

    static Object execBegins() {
        if (!FlightRecorder.isInitialized() || !Events.EXEC.isEnabled()) {
            return null;
        }
        ExecEvent event = new ExecEvent();
        event.begin();
        return event;
    }

    static void execFails(Object begun, Throwable error) {
        String name = error instanceof PythonException ? ((PythonException) error).getPythonClass() : null;
        ((ExecEvent) begun).error = name == null ? error.getClass().getName() : name;
    }

    static void execEnds(Object begun, Object code) {
        ExecEvent event = (ExecEvent) begun;
        event.end();
        if (event.shouldCommit()) {
            if (code instanceof String) {
                String text = (String) code;
                int line = text.indexOf('\n');
                event.length = text.length();
                event.code = text.substring(0, Math.min(SHOWN, line < 0 ? text.length() : line));
            }
            event.commit();
        }
    }

    static Object callBegins() {
        if (!FlightRecorder.isInitialized() || !Events.CALL.isEnabled()) {
            return null;
        }
        CallEvent event = new CallEvent();
        Native.gilWaited(true);
        event.begin();
        return event;
    }

    static void callEnds(Object begun, PythonObject function) {
        CallEvent event = (CallEvent) begun;
        event.end();
        event.gilWait = Native.gilWaited(false);
        if (event.shouldCommit()) {
            event.function = name(function);
            event.commit();
        }
    }

    /** Its module and its name there; what has no name is told by its class. */
    private static String name(PythonObject function) {
        try {
            return nameOf(function);
        } catch (RuntimeException e) {
            try (PythonObject kind = function.attr("__class__")) {
                return nameOf(kind);
            } catch (RuntimeException unknown) {
                return null;
            }
        }
    }

    private static String nameOf(PythonObject named) {
        try (PythonObject module = named.attr("__module__");
                PythonObject name = named.attr("__qualname__")) {
            return module + "." + name;
        }
    }

    private static void count() {
        PythonGILMXBean now = PythonGIL.monitor();
        CountsEvent event = new CountsEvent();
        event.turns = now.getTurns();
        event.waits = now.getWaits();
        event.waited = now.getWaitedNanos();
        event.held = now.getHeldNanos();
        event.handles = now.getHandles();
        event.frames = now.getFrames();
        event.cachedTexts = now.getCachedTexts();
        event.commit();
    }

    /** One event of each class, to check whether the class is enabled. */
    private static final class Events {
        static final TurnEvent TURN = new TurnEvent();
        static final WaitEvent WAIT = new WaitEvent();
        static final ExecEvent EXEC = new ExecEvent();
        static final CallEvent CALL = new CallEvent();
        static final CountsEvent COUNTS = new CountsEvent();
    }

    @Name("org.nd4j.python4j.Turn")
    @Label("Python Turn")
    @Description("A thread had the exclusive turn of PythonGIL")
    @Category("Python4J")
    @Enabled(false)
    @Threshold("20 ms")
    static final class TurnEvent extends Event {
        @Label("Number")
        long number;

        @Label("Waiting Threads")
        @Description("How many threads waited for the turn when it ended")
        int waiting;
    }

    @Name("org.nd4j.python4j.TurnWait")
    @Label("Wait for Python Turn")
    @Description("A thread waited for the exclusive turn of PythonGIL")
    @Category("Python4J")
    @Enabled(false)
    @Threshold("10 ms")
    static final class WaitEvent extends Event {
        @Label("Holder")
        @Description("The thread that had the turn when the waiting began")
        Thread holder;

        @Label("Threads Ahead")
        int ahead;

        @Label("Taken")
        @Description("Whether the thread got the turn; otherwise its time was over, or it was interrupted")
        boolean taken;
    }

    @Name("org.nd4j.python4j.Exec")
    @Label("Python Exec")
    @Description("Python ran a text: exec, simpleExec, eval, PythonCode")
    @Category("Python4J")
    @Enabled(false)
    @Threshold("20 ms")
    static final class ExecEvent extends Event {
        @Label("Code")
        @Description("The first line of the text")
        String code;

        @Label("Length")
        @Description("Characters of the text")
        int length;

        @Label("Error")
        @Description("The class of the exception that ended it")
        String error;
    }

    @Name("org.nd4j.python4j.Call")
    @Label("Python Call")
    @Description("Java called a Python function: PythonCallable, PythonObject, proxies")
    @Category("Python4J")
    @Enabled(false)
    @Threshold("20 ms")
    static final class CallEvent extends Event {
        @Label("Function")
        @Description("Its module and its name there")
        String function;

        @Label("Wait for the GIL")
        @Description("How long the call waited for CPython's lock before it began; zero within a turn, which has it")
        @Timespan(Timespan.NANOSECONDS)
        long gilWait;
    }

    @Name("org.nd4j.python4j.Counts")
    @Label("Python Counts")
    @Description("Turns so far, and what Java holds of Python; from the first turn of a recording on")
    @Category("Python4J")
    @Enabled(false)
    @Period("10 s")
    @StackTrace(false)
    static final class CountsEvent extends Event {
        @Label("Turns")
        long turns;

        @Label("Waits for Turns")
        long waits;

        @Label("Time Waited")
        @Timespan(Timespan.NANOSECONDS)
        long waited;

        @Label("Time Held")
        @Description("Zero unless turns are timed")
        @Timespan(Timespan.NANOSECONDS)
        long held;

        @Label("Python Objects")
        int handles;

        @Label("Frames")
        int frames;

        @Label("Cached Texts")
        int cachedTexts;
    }
}
