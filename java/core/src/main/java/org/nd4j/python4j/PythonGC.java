// SPDX-License-Identifier: Apache-2.0
// Frames that give Python objects back together. The frames themselves live in Rust (handle.rs);
// here is which one is current for each thread. Objects outside any frame: Handles.
package org.nd4j.python4j;

import java.io.Closeable;
import org.nd4j.python4j.internal.jni.Native;

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
 * object outside all frames is given back when Java has forgotten it. Names in Python keep their objects
 * alive, whatever frames close.
 *
 * <p>No method here needs a turn of {@link PythonGIL}. A frame closed without one gives its objects back
 * when some thread next enters Python. The first {@link #watch} in a process starts Python.
 */
public class PythonGC implements Closeable {

    /** What one thread has open. Only its thread touches it. */
    private static final class Stack {
        PythonGC frame; // innermost
        PythonGC pause; // innermost
    }

    private static final ThreadLocal<Stack> STACKS = ThreadLocal.withInitial(Stack::new);

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
        if (isNone(frame)) {
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
        PythonGC inner = open(STACKS.get().frame);
        PythonGC target = inner == null ? null : open(inner.outer);
        for (PythonGC frame = target; frame != null; frame = open(frame.outer)) {
            if (frame.id == present) {
                return;
            }
        }
        if (!isNone(present)) {
            pythonObject.move(target == null ? Native.root : target.id);
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
        Stack stack = STACKS.get();
        stack.frame = new PythonGC(Native.handleOpenFrame(Native.root), open(stack.frame));
        return stack.frame;
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
        return !isNone(frame());
    }

    /**
     * Until the result is closed or {@link #resume} is called, objects that this thread makes go into no
     * frame, also not into one opened meanwhile. They are given back when Java has forgotten them.
     */
    public static PythonGC pause() {
        Stack stack = STACKS.get();
        stack.pause = new PythonGC(0, open(stack.pause));
        return stack.pause;
    }

    /**
     * Ends the latest pause of this thread.
     *
     * @throws RuntimeException if there is none
     */
    public static void resume() {
        PythonGC pause = open(STACKS.get().pause);
        if (pause == null) {
            throw new RuntimeException("GC not paused!");
        }
        pause.close();
    }

    /** Whether that is no frame. The objects of none are the host's, and go with it. */
    static boolean isNone(long frame) {
        return frame == Native.root || frame == 0;
    }

    /** The frame for objects that this thread makes now, see {@link #isNone}. */
    static long frame() {
        Stack stack = STACKS.get();
        if (stack.pause != null && (stack.pause = open(stack.pause)) != null) {
            return Native.root;
        }
        if (stack.frame == null) {
            return Native.root;
        }
        PythonGC frame = stack.frame = open(stack.frame);
        return frame == null ? Native.root : frame.id;
    }

    private static PythonGC open(PythonGC frame) {
        while (frame != null && frame.closed) {
            frame = frame.outer;
        }
        return frame;
    }
}
