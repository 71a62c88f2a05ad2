// SPDX-License-Identifier: Apache-2.0
// Collects the monitoring data: the JMX bean, the durations of turns, and the events of the Java Flight
// Recorder (Recorder). When no tool listens, a turn costs only two more checks of flags.
package org.nd4j.python4j.internal.monitor;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import org.nd4j.python4j.PythonGIL;
import org.nd4j.python4j.PythonGILMXBean;
import org.nd4j.python4j.PythonObject;
import org.nd4j.python4j.internal.Access;
import org.nd4j.python4j.internal.jni.Handles;
import org.nd4j.python4j.internal.jni.Native;
import org.nd4j.python4j.internal.start.NativeLoader;
import org.nd4j.python4j.internal.turn.Turn;

/**
 * The modules java.management and jdk.jfr may be missing, so the code that links to them is in separate classes. No
 * method throws an exception, because a failure of monitoring must not stop Python.
 */
public final class Monitor {

    /** The property that turns the timing of turns on from the start. */
    public static final String TIMING = "org.eclipse.python4j.timing";

    /** The property that registers the bean at once ({@code true}) or never ({@code false}). */
    public static final String MXBEAN = "org.eclipse.python4j.mxbean";

    private static final long LATER_MILLIS = 1000;
    private static final boolean JFR = hasJfr();

    private static final AtomicLong HELD = new AtomicLong(); // only owners of turns add to it
    private static volatile boolean timed = Boolean.getBoolean(TIMING);

    // The turn that is being watched. Only its owner writes these; who reads them for the bean may see them a little late.
    private static long number;
    private static long since;
    private static Object event;

    private Monitor() {}

    private static boolean hasJfr() {
        try {
            Recorder.isOn();
            return true;
        } catch (LinkageError e) {
            return false;
        }
    }

    // ---- turns, on their owner's thread ----

    /** Whether a monitoring tool wants data about turns. */
    public static boolean isOn() {
        return timed || JFR && Recorder.isOn();
    }

    public static void turnBegins(Turn turn) {
        number = turn.count();
        event = JFR ? Recorder.turnBegins() : null;
        since = System.nanoTime();
    }

    public static void turnEnds(Turn turn) {
        if (number != turn.count()) {
            return; // it began before anybody wanted to know
        }
        number = 0;
        if (timed) {
            HELD.lazySet(HELD.get() + System.nanoTime() - since);
        }
        if (event != null) {
            Recorder.turnEnds(event, turn);
            event = null;
        }
    }

    /**
     * Reports that a thread is about to wait. The result is an argument of {@link #waitEnds}; null if no tool wants it.
     */
    public static Object waitBegins(Turn turn) {
        return JFR ? Recorder.waitBegins(turn) : null;
    }

    public static void waitEnds(Object event, boolean got) {
        Recorder.waitEnds(event, got);
    }

    /** The name of a thread. Virtual threads usually have none. */
    public static String name(Thread thread) {
        return thread.getName().isEmpty() ? thread.toString() : thread.getName();
    }

    /**
     * The threads that are now in Python, in native code. Some may be missing, because virtual threads cannot be seen.
     */
    public static List<Thread> inPython() {
        List<Thread> inside = new ArrayList<>();
        for (Map.Entry<Thread, StackTraceElement[]> each : Thread.getAllStackTraces().entrySet()) {
            StackTraceElement[] stack = each.getValue();
            if (stack.length > 0 && stack[0].getClassName().equals(Native.class.getName())
                    && !stack[0].getMethodName().startsWith("gil")) {
                inside.add(each.getKey());
            }
        }
        return inside;
    }

    // ---- programs ----

    /**
     * Reports that a program is about to run. The result is an argument of {@link #execEnds}; null if no tool wants it.
     */
    public static Object execBegins() {
        return JFR ? Recorder.execBegins() : null;
    }

    public static void execFails(Object event, Throwable error) {
        if (event != null) {
            Recorder.execFails(event, error);
        }
    }

    public static void execEnds(Object event, Object code) {
        if (event != null) {
            Recorder.execEnds(event, code);
        }
    }

    // ---- calls ----

    /**
     * Reports that a Python function is about to be called. The result is an argument of {@link #callEnds}; null if no tool
     * wants it.
     */
    public static Object callBegins() {
        return JFR ? Recorder.callBegins() : null;
    }

    public static void callEnds(Object event, PythonObject function) {
        if (event != null) {
            Recorder.callEnds(event, function);
        }
    }

    // ---- the start ----

    /** Begins monitoring. Python has just started. */
    public static void start() {
        if (System.getProperty(MXBEAN, "").equals("true")) {
            register();
        }
    }

    /**
     * Registers the bean later, on a thread that can wait. Creating the platform's MBean server takes a tenth of a
     * second, and short programs, which are not monitored, end before that. A first start, which unpacks files, may take
     * longer, and the bean needs the native library.
     */
    public static void registerLater() {
        String when = System.getProperty(MXBEAN, "");
        if (when.equals("true") || when.equals("false")) {
            return;
        }
        try {
            Thread.sleep(LATER_MILLIS);
            if (NativeLoader.waitUntilLoaded()) {
                register();
            }
        } catch (InterruptedException e) {
            return; // nobody else knows this thread
        }
    }

    /** Ends monitoring, because this class loader's use of Python ends. */
    public static void end() {
        if (JFR) {
            Recorder.end();
        }
    }

    private static void register() {
        try {
            Native.bootBean(PythonGILMXBean.NAME);
        } catch (RuntimeException | LinkageError e) {
            NativeLoader.progress("There is no MXBean: " + e, false);
        }
    }

    /** The code that links to java.management, which may be missing. */
    private static final class Jmx {
        // The bean that is registered is boot.rs's, one for all class loaders. It asks the one of a class loader that is there.
        private static final javax.management.StandardMBean BEAN = new javax.management.StandardMBean(bean(), PythonGILMXBean.class, true);

        static Object answer(int method, Object argument) throws javax.management.JMException {
            switch (method) {
                case 0:
                    return BEAN.getMBeanInfo();
                case 1:
                    return BEAN.getAttribute((String) argument);
                case 2:
                    return BEAN.getAttributes((String[]) argument);
                case 3:
                    BEAN.setAttribute((javax.management.Attribute) argument);
                    return null;
                case 4:
                    return BEAN.setAttributes((javax.management.AttributeList) argument);
                default:
                    return BEAN.invoke((String) argument, new Object[0], new String[0]);
            }
        }
    }

    /** The answers of the MXBean of the process: the methods of {@code DynamicMBean}, numbered as in boot.rs. */
    public static Object answer(int method, Object argument) throws Exception {
        return Jmx.answer(method, argument);
    }

    /** The bean that JMX shows and {@link PythonGIL#monitor} returns. */
    public static PythonGILMXBean bean() {
        return Bean.ONE;
    }

    private static final class Bean implements PythonGILMXBean {
        static final PythonGILMXBean ONE = new Bean();

        @Override
        public String getHolder() {
            Thread holder = PythonGIL.holder();
            return holder == null ? null : name(holder);
        }

        @Override
        public long getHolderId() {
            Thread holder = PythonGIL.holder();
            return holder == null ? 0 : holder.getId();
        }

        @Override
        public long getHolderNanos() {
            long began = since; // before the number: the owner writes it after that
            return PythonGIL.locked() && number == Turn.PYTHON.count() ? Math.max(0, System.nanoTime() - began) : 0;
        }

        @Override
        public List<String> getWaiters() {
            List<String> names = new ArrayList<>();
            for (Thread thread : PythonGIL.waiters()) {
                names.add(name(thread));
            }
            return names;
        }

        @Override
        public long getTurns() {
            return Turn.PYTHON.count();
        }

        @Override
        public long getWaits() {
            return Turn.PYTHON.waits();
        }

        @Override
        public long getWaitedNanos() {
            return Turn.PYTHON.waitedNanos();
        }

        @Override
        public long getHeldNanos() {
            return HELD.get();
        }

        @Override
        public boolean isTimingEnabled() {
            return timed;
        }

        @Override
        public void setTimingEnabled(boolean enabled) {
            timed = enabled;
        }

        @Override
        public int getHandles() {
            return Access.get().isStarted() ? Handles.count() : 0;
        }

        @Override
        public int getFrames() {
            return Access.get().isStarted() ? Native.handleFrameCount() + Handles.EMPTY_FRAMES.get() : 0;
        }

        @Override
        public int getCachedTexts() {
            return Access.get().isStarted() ? Native.execKept() : 0;
        }
    }
}
