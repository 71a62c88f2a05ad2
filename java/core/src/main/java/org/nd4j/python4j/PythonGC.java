// SPDX-License-Identifier: Apache-2.0
// Frames that give Python objects back together. The frames themselves live in Rust (handle.rs);
// here is which one is current for each thread. Objects outside any frame: Handles.
package org.nd4j.python4j;

import java.io.Closeable;

/**
 * A frame that gives every {@link PythonObject} made in it back to Python when it closes.
 *
 * <pre>{@code
 * try (PythonGC gc = PythonGC.watch()) {
 *     PythonObject result = Python.eval("1 + 1");
 * } // result is given back here; using it from now on is an error
 * }</pre>
 *
 * <p>Frames nest. They belong to the thread that opened them, other threads' objects are not in them. An
 * object outside all frames is given back when Java has forgotten it, and so are those in a frame whose thread has
 * ended without closing it. Names in Python keep their objects
 * alive, whatever frames close.
 *
 * <p>No method here needs a turn of {@link PythonGIL}. A frame closed without one gives its objects back
 * when some thread next enters Python. The first {@link #watch} in a process starts Python.
 */
public class PythonGC implements Closeable {

    // What one thread has open: the innermost frame and pause. Only its thread touches it. Of the JDK's classes, since a
    // pool's thread keeps it, and would keep our class loader with it.
    private static final int FRAME = 0;
    private static final int PAUSE = 1;
    private static final int WATCHED = 2; // not null once the thread's end is looked out for

    /** An array that goes with its thread, and in it what the thread has open. */
    private static final ThreadLocal<Object[][]> STACKS = ThreadLocal.withInitial(() -> new Object[1][WATCHED + 1]);

    private final long id; // 0 for a pause
    private final PythonGC outer;
    private volatile boolean closed; // by any thread; its own thread forgets it when it next looks

    private PythonGC(long id, PythonGC outer) {
        this.id = id;
        this.outer = outer;
    }

    /**
     * Puts an object into the current frame, out of the one it was in. Objects are there from their
     * making: this is for one made elsewhere, in another thread or while collection was paused. Without
     * a current frame it does nothing.
     */
    public static void register(PythonObject pythonObject) {
        long frame = frame();
        if (frame == 0) {
            java.util.Objects.requireNonNull(pythonObject);
        } else {
            pythonObject.move(frame);
        }
    }

    /**
     * Moves an object to the enclosing frame, or out of all frames if there is none. An object that is
     * further out already stays there.
     *
     * @throws PythonException if the object is gone already
     */
    public static void keep(PythonObject pythonObject) {
        long present = pythonObject.frame();
        PythonGC inner = open((PythonGC) stack()[FRAME]);
        PythonGC target = inner == null ? null : open(inner.outer);
        for (PythonGC frame = target; frame != null; frame = open(frame.outer)) {
            if (frame.id == present) {
                return;
            }
        }
        if (present != 0) {
            pythonObject.move(target == null ? 0 : target.id);
        }
    }

    /**
     * Opens a frame.
     *
     * @return the frame, to be closed
     * @throws PythonException if Python cannot be started
     */
    public static PythonGC watch() {
        PythonGIL.start();
        Object[][] own = STACKS.get();
        Object[] stack = own[0];
        if (stack[WATCHED] == null) {
            stack[WATCHED] = Handles.CLEANER.register(own, new Ended(stack, 0));
        }
        PythonGC frame = new PythonGC(Native.handleOpenFrame(), open((PythonGC) stack[FRAME]));
        stack[FRAME] = frame;
        return frame;
    }

    /**
     * Closes the frame, or ends the pause. Closing again does nothing. Frames may be closed in any order,
     * and by any thread: what is in a frame inside of this one stays until that one is closed.
     */
    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        Object[] stack = stack();
        int kind = id == 0 ? PAUSE : FRAME;
        if (stack[kind] == this) {
            stack[kind] = open(outer);
        }
        if (id == 0) {
            return;
        }
        if (PythonGIL.isHeld()) {
            Native.handleCloseFrame(id);
        } else {
            Native.handleCloseFrameLater(id);
        }
    }

    /** Whether objects that this thread makes now go into a frame. */
    public static boolean isWatching() {
        return frame() != 0;
    }

    /**
     * Until the result is closed or {@link #resume} is called, objects that this thread makes go into no
     * frame, also not into one opened meanwhile. They are given back when Java has forgotten them.
     */
    public static PythonGC pause() {
        Object[] stack = stack();
        PythonGC pause = new PythonGC(0, open((PythonGC) stack[PAUSE]));
        stack[PAUSE] = pause;
        return pause;
    }

    /**
     * Ends the latest pause of this thread.
     *
     * @throws RuntimeException if there is none
     */
    public static void resume() {
        PythonGC pause = open((PythonGC) stack()[PAUSE]);
        if (pause == null) {
            throw new RuntimeException("GC not paused!");
        }
        pause.close();
    }

    /** The frame for objects that this thread makes now, 0 for none. */
    static long frame() {
        PythonGC frame = current();
        return frame == null ? 0 : frame.id;
    }

    private static PythonGC current() {
        Object[] stack = stack();
        if (stack[PAUSE] != null && (stack[PAUSE] = open((PythonGC) stack[PAUSE])) != null) {
            return null;
        }
        if (stack[FRAME] == null) {
            return null;
        }
        PythonGC frame = open((PythonGC) stack[FRAME]);
        stack[FRAME] = frame;
        return frame;
    }

    private static Object[] stack() {
        return STACKS.get()[0];
    }

    /** The frame of that number, if this thread has it open. Objects in it refer to it: see {@link Ended}. */
    static PythonGC frame(long id) {
        PythonGC frame = open((PythonGC) stack()[FRAME]);
        while (frame != null && frame.id != id) {
            frame = open(frame.outer);
        }
        return frame;
    }

    private static PythonGC open(PythonGC frame) {
        while (frame != null && frame.closed) {
            frame = frame.outer;
        }
        return frame;
    }

    /**
     * What is to be done when a thread has ended: each frame that it left open goes when that and all objects in it are
     * forgotten, too.
     */
    private static final class Ended implements Runnable { // no lambda: a program's first one costs milliseconds
        private final Object[] stack; // the thread's, or null for one frame
        private final long id;

        Ended(Object[] stack, long id) {
            this.stack = stack;
            this.id = id;
        }

        @Override
        public void run() {
            if (stack == null) {
                Native.handleCloseFrameLater(id);
                return;
            }
            for (PythonGC frame = open((PythonGC) stack[FRAME]); frame != null; frame = open(frame.outer)) {
                Handles.CLEANER.register(frame, new Ended(null, frame.id));
            }
        }
    }
}
