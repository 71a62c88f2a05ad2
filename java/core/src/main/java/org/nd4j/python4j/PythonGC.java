// SPDX-License-Identifier: Apache-2.0
// Frames that release many Python objects together. Rust holds the frames (handle.rs); this class knows which
// frame is current for each thread. The class Handles releases objects that belong to no frame.
package org.nd4j.python4j;

import java.io.Closeable;
import java.lang.ref.PhantomReference;
import java.lang.ref.ReferenceQueue;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.nd4j.python4j.internal.jni.Handles;
import org.nd4j.python4j.internal.jni.Native;

/**
 * A frame that releases every {@link PythonObject} that was created in it when it is closed.
 *
 * <pre>{@code
 * try (PythonGC gc = PythonGC.watch()) {
 *     PythonObject result = Python.eval("1 + 1");
 * } // result is given back here; using it from now on is an error
 * }</pre>
 *
 * <p>Frames can be nested. A frame belongs to the thread that opened it, and objects of other threads are not in it. An
 * object outside all frames is released when it is unreachable in Java. The same applies to the objects in a frame
 * whose thread has ended without closing it. Objects that have a name in Python stay alive when frames are closed.
 *
 * <p>No method of this class needs a turn of {@link PythonGIL}. If a thread closes a frame without a turn, its objects
 * are freed when some thread enters Python the next time. The first {@link #watch} in a process starts Python.
 *
 * @see <a href="https://github.com/python4j/python4j/blob/main/docs/glossary.md#frame">frame</a>
 */
public class PythonGC implements Closeable {

    // What one thread has open: the innermost frame and pause. Only its thread touches it. Of the JDK's classes, since a
    // pool's thread keeps it, and would keep our class loader with it.
    private static final int FRAME = 0;
    private static final int PAUSE = 1;
    private static final int WATCHED = 2; // not null once the thread's end is looked out for

    /** What was read from an object. */
    private static final class Part {
        final PythonObject source;
        final PythonObject object;
        Part before;

        Part(PythonObject source, PythonObject object, Part before) {
            this.source = source;
            this.object = object;
            this.before = before;
        }
    }

    private static final int MANY_PARTS = 64;

    /** An array that goes with its thread, and in it what the thread has open. */
    private static final ThreadLocal<Object[][]> STACKS = ThreadLocal.withInitial(() -> new Object[1][WATCHED + 1]);

    private static Owners owners;

    private final boolean pause;
    private long id; // 0 until an object is put into it: many frames stay empty
    private final PythonGC outer;
    private Part latest; // of what was read from objects and is in this frame
    private int parts; // how many these are
    private Map<PythonObject, List<PythonObject>> bySource; // the ones before, once somebody asked
    private volatile boolean closed; // by any thread; its own thread forgets it when it next looks

    private PythonGC(boolean pause, PythonGC outer) {
        this.pause = pause;
        this.outer = outer;
    }

    /**
     * Adds an object to the current frame, unless it is already in that frame or in an enclosing one. New objects are
     * added automatically. This method is for an object that was created in another thread or while collection was
     * paused. Without a current frame it does nothing.
     */
    public static void register(PythonObject pythonObject) {
        Objects.requireNonNull(pythonObject);
        PythonGC frame = current();
        if (frame != null && frame.find(pythonObject.frame()) == null) {
            pythonObject.move(id(frame));
        }
    }

    /**
     * Moves an object to the enclosing frame, or out of all frames if there is no enclosing frame. An object that is
     * already further out does not move.
     *
     * <p>Objects that are read from a kept object move together with it, whether they are read before or after this
     * call. These are its elements, its values and its attributes, and objects that are read from those. All other
     * objects stay in their frame, including the results of calls and operators.
     *
     * @throws PythonException if the object was already released. A thread without a turn does not find out
     */
    public static void keep(PythonObject pythonObject) {
        long present = pythonObject.frame();
        PythonGC inner = open((PythonGC) stack()[FRAME]);
        PythonGC target = inner == null ? null : open(inner.outer);
        PythonGC home = target == null ? null : target.find(present);
        if (home == null && !isNone(present)) {
            home = target;
            pythonObject.move(id(target));
        }
        pythonObject.kept = true;
        for (PythonGC frame = inner; frame != null && frame != home; frame = open(frame.outer)) {
            frame.moveParts(pythonObject, home);
        }
    }

    /** Moves what was read in this frame from an object, and from that again, to the frame of the object, null for none. */
    private void moveParts(PythonObject kept, PythonGC home) {
        if (latest == null && bySource == null) {
            return;
        }
        sortParts();
        Deque<PythonObject> sources = new ArrayDeque<>();
        for (PythonObject source = kept; source != null; source = sources.poll()) {
            List<PythonObject> read = bySource.remove(source);
            for (PythonObject part : read == null ? Collections.<PythonObject>emptyList() : read) {
                if (part.exists() && part.frame() == id) {
                    part.move(id(home));
                    note(home, source, part);
                    sources.add(part);
                }
            }
        }
    }

    private void sortParts() {
        if (bySource == null) {
            bySource = new IdentityHashMap<>();
        }
        for (; latest != null; latest = latest.before) {
            if (latest.object.exists()) {
                List<PythonObject> read = bySource.get(latest.source);
                if (read == null) {
                    bySource.put(latest.source, read = new ArrayList<>(1));
                }
                read.add(latest.object);
            }
        }
        parts = 0;
    }

    /** The frame for what the calling thread now reads from an object, null for none; see {@link #keep}. */
    static PythonGC frameOf(PythonObject source) {
        PythonGC current = current();
        if (current == null || !source.kept) {
            return current;
        }
        PythonGC home = current.find(source.frame());
        return home == null && !isNone(source.frame()) ? current : home; // that of another thread is no home
    }

    /** Something was read from an object and is in that frame, null for none. */
    static void note(PythonGC frame, PythonObject source, PythonObject part) {
        part.kept |= source.kept;
        if (frame != null) {
            frame.latest = new Part(source, part, frame.latest);
            if (++frame.parts >= MANY_PARTS && Integer.bitCount(frame.parts) == 1) {
                frame.forgetDeleted();
            }
        }
    }

    /** A program may delete what it reads, as often as it likes. */
    private void forgetDeleted() {
        Part alive = null;
        parts = 0;
        for (Part part = latest, before; part != null; part = before) {
            before = part.before;
            if (part.object.exists()) {
                part.before = alive;
                alive = part;
                parts++;
            }
        }
        latest = alive;
    }

    static long id(PythonGC frame) {
        return frame == null ? Native.root : frame.id != 0 ? frame.id : frame.opened();
    }

    /** Opens it in Rust, too. Only its own thread gets here; another one may close it meanwhile. */
    private synchronized long opened() {
        id = Native.handleOpenFrame(Native.root);
        if (closed) {
            Native.handleCloseFrameLater(id);
        } else {
            Handles.EMPTY_FRAMES.decrementAndGet();
        }
        return id;
    }

    /** This frame or the one further out that has the number; null if there is none. */
    private PythonGC find(long number) {
        PythonGC frame = this;
        while (frame != null && (frame.id == 0 || frame.id != number)) {
            frame = open(frame.outer);
        }
        return frame;
    }

    /**
     * Opens a frame.
     *
     * @return the frame, which the caller has to close
     * @throws PythonException if Python cannot be started
     */
    public static PythonGC watch() {
        PythonGIL.start();
        Object[][] own = STACKS.get();
        Object[] stack = own[0];
        if (stack[WATCHED] == null) {
            stack[WATCHED] = true;
            Ended.lookOut(own, stack, 0);
        }
        Ended.poll();
        PythonGC frame = new PythonGC(false, open((PythonGC) stack[FRAME]));
        Handles.EMPTY_FRAMES.incrementAndGet();
        stack[FRAME] = frame;
        return frame;
    }

    /**
     * Closes the frame, or ends the pause. A second call does nothing. Frames may be closed in any order and by any
     * thread: the objects in a frame inside this one stay until that frame is closed.
     */
    @Override
    public void close() {
        if (closed || !pause && id == 0 && closedEmpty()) {
            return;
        }
        closed = true;
        Object[] stack = stack();
        int kind = pause ? PAUSE : FRAME;
        if (stack[kind] == this) {
            stack[kind] = open(outer);
        }
        latest = null;
        bySource = null;
        if (pause) {
            return;
        }
        if (PythonGIL.isHeld()) {
            Native.handleCloseFrame(id);
        } else {
            Native.handleCloseFrameLater(id);
        }
    }

    /** Closes it unless it was opened meanwhile. */
    private boolean closedEmpty() {
        synchronized (this) {
            if (closed || id != 0) {
                return closed;
            }
            closed = true;
        }
        Handles.EMPTY_FRAMES.decrementAndGet();
        Object[] stack = stack();
        if (stack[FRAME] == this) {
            stack[FRAME] = open(outer);
        }
        return true;
    }

    /** Whether new objects of this thread are added to a frame. */
    public static boolean isWatching() {
        return current() != null;
    }

    /**
     * Pauses collection: until the result is closed or {@link #resume} is called, new objects of this thread are added
     * to no frame, not even to one that is opened during the pause. These objects are released when they are
     * unreachable in Java.
     */
    public static PythonGC pause() {
        Object[] stack = stack();
        PythonGC pause = new PythonGC(true, open((PythonGC) stack[PAUSE]));
        stack[PAUSE] = pause;
        return pause;
    }

    /**
     * Ends the latest pause of this thread.
     *
     * @throws RuntimeException if this thread has no open pause
     */
    public static void resume() {
        PythonGC pause = open((PythonGC) stack()[PAUSE]);
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
        return id(current());
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
        Owners last = owners;
        return last != null && last.thread == Thread.currentThread() ? last.stack : lookUp();
    }

    private static Object[] lookUp() {
        Object[] stack = STACKS.get()[0];
        if (PythonGIL.isMine()) {
            owners = new Owners(stack);
        }
        return stack;
    }

    /** What the last owner of the turn has open, as a ThreadLocal takes some nanoseconds. A thread may see an old one, and compares. */
    private static final class Owners {
        final Thread thread = Thread.currentThread();
        final Object[] stack;

        Owners(Object[] stack) {
            this.stack = stack;
        }
    }

    /** The frame of that number, if this thread has it open. Objects in it refer to it: see {@link Ended}. */
    static PythonGC frame(long id) {
        PythonGC frame = open((PythonGC) stack()[FRAME]);
        while (frame != null && (frame.id == 0 || frame.id != id)) {
            frame = open(frame.outer);
        }
        return frame;
    }

    /** Whether what is in it is there. */
    boolean isOpen() {
        return !closed;
    }

    private static PythonGC open(PythonGC frame) {
        while (frame != null && frame.closed) {
            frame = frame.outer;
        }
        return frame;
    }

    /** Looks for what ended threads have left open. Needs no turn. */
    static void look() {
        Ended.poll();
    }

    /**
     * What is to be done when a thread has ended: each frame that it left open goes when that and all objects in it are
     * forgotten, too. Whoever opens a frame looks for both, and so does the thread of watch.rs.
     */
    private static final class Ended extends PhantomReference<Object> {
        private static final ReferenceQueue<Object> QUEUE = new ReferenceQueue<>();
        private static final Set<Ended> ALL = ConcurrentHashMap.newKeySet();

        private final Object[] stack; // the thread's, or null for one frame
        private final long id;

        private Ended(Object thread, Object[] stack, long id) {
            super(thread, QUEUE);
            this.stack = stack;
            this.id = id;
        }

        static void lookOut(Object forgotten, Object[] stack, long id) {
            ALL.add(new Ended(forgotten, stack, id));
            Handles.watch();
        }

        static void poll() {
            for (Ended ended = (Ended) QUEUE.poll(); ended != null; ended = (Ended) QUEUE.poll()) {
                ALL.remove(ended);
                if (ended.stack == null) {
                    Native.handleCloseFrameLater(ended.id);
                    continue;
                }
                for (PythonGC frame = open((PythonGC) ended.stack[FRAME]); frame != null; frame = open(frame.outer)) {
                    if (frame.id != 0 || !frame.closedEmpty()) {
                        lookOut(frame, null, frame.id);
                    }
                }
            }
        }
    }
}
