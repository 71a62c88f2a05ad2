// SPDX-License-Identifier: Apache-2.0
// One event loop as Java sees it: where messages are sent, and which objects wait for its notifications. Many
// notifications arrive together, on the loop's thread. PythonAsync is the public class.
package org.nd4j.python4j.internal.loop;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.PythonGIL;
import org.nd4j.python4j.PythonObject;
import org.nd4j.python4j.internal.Access;
import org.nd4j.python4j.internal.jni.Callbacks;
import org.nd4j.python4j.internal.jni.Messages;
import org.nd4j.python4j.internal.jni.Native;
import org.nd4j.python4j.internal.jni.Pack;
import org.nd4j.python4j.internal.jni.PackReader;
import org.nd4j.python4j.internal.monitor.Errors;
import org.nd4j.python4j.internal.turn.Turn;

/** An event loop with its pending requests. */
public final class Loop {

    /** The name of the threads of our own loops; tasks.py uses the same name. */
    public static final String THREAD = "python4j-async";

    private static final String ENDED = "The event loop has ended, or was closed, before this was done.";

    /** The receiver of the notifications with one number. Its methods are called on the loop's thread. */
    interface Receiver {
        /** @param value unfinished, see {@link PackReader} */
        void value(Object value);

        void failed(Throwable why);

        void cancelled();

        /** @param items unfinished */
        default void items(List<?> items) {
            throw new UnsupportedOperationException();
        }

        default void complete() {
            throw new UnsupportedOperationException();
        }
    }

    private final Map<Long, Receiver> receivers = new ConcurrentHashMap<>();
    private final AtomicLong numbers = new AtomicLong();
    private final boolean own;
    private final long queue;
    private final PythonObject python;
    private volatile Thread thread; // null before it was seen
    private volatile boolean lost;
    private final AtomicReference<LoopWait> watcher = new AtomicReference<>(); // null if nobody looks on

    /**
     * Creates or attaches a loop. The thread must have entered Python.
     *
     * @param tool the function that creates it: {@code open_loop} or {@code attach_loop} of tasks.py
     * @param wanted the loop, or the name of the module to take it from
     */
    public Loop(String tool, Object wanted) {
        this.own = tool.equals("open_loop");
        PythonObject news = Callbacks.callable(new News());
        PythonObject objects = Callbacks.callable(new Objects());
        List<?> made = (List<?>) Access.get().callRaw(Access.get().tool("tasks", tool), Pack.Wanted.ANY,
                List.of(Native.root, news, objects, wanted));
        this.queue = (Long) made.get(0);
        PythonObject loop = (PythonObject) made.get(1);
        this.python = Access.get().unframed(loop);
        loop.close();
        news.close();
        objects.close();
    }

    /** The loop as a Python object. */
    public PythonObject python() {
        return python;
    }

    public boolean isOpen() {
        return !lost;
    }

    /** The number of messages that wait because the loop does not read them. */
    public int waiting() {
        return Native.queueWaiting(queue);
    }

    /** Makes the loop read its messages, if it can run. */
    public void nudge() {
        Messages.tell(queue, Messages.CANCEL, 0L);
    }

    /** Cancels pending requests, and ends the loop if it is one of ours. This method waits for a limited time. */
    public void close(double seconds) {
        if (own && !lost) {
            try (PythonGIL place = Access.get().place()) {
                Access.get().call(Access.get().tool("tasks", "end_loop"), queue, seconds).close();
            }
        }
    }

    /** Fails what waits for the loop, because the class loader's use of Python has ended. Needs no Python. */
    public void abandon() {
        lose();
        fail(ENDED);
    }

    private void lose() {
        lost = true;
        LockSupport.unpark(watcher.get()); // it has nothing to do any more
    }

    // ---- to the loop ----

    long register(Receiver receiver) {
        long number = numbers.incrementAndGet();
        receivers.put(number, receiver);
        watch();
        return number;
    }

    /** Something is pending, or a turn has begun: if both, somebody looks whether the turn's owner waits in vain. */
    public void watch() {
        if (watcher.get() == null && isAtRisk()) {
            LoopWait thread = new LoopWait(this);
            if (watcher.compareAndSet(null, thread)) {
                try {
                    thread.start();
                } catch (OutOfMemoryError e) { // no thread can be made: the program goes on without
                    watcher.set(null);
                }
            }
        }
    }

    // ---- for LoopWait ----

    /** Whether something is pending while there is a turn. */
    boolean isAtRisk() {
        return Turn.PYTHON.isTaken() && !receivers.isEmpty();
    }

    Collection<?> pending() {
        return receivers.values();
    }

    /** The thread of the loop; null if it was not seen yet. */
    Thread thread() {
        return thread;
    }

    /** No turn lasted for some time. The result says whether no thread looks on any more, or another one does. */
    boolean watchEnds(LoopWait thread) {
        watcher.set(null);
        return lost || !isAtRisk() || !watcher.compareAndSet(null, thread);
    }

    void forget(long number) {
        receivers.remove(number);
    }

    /** Sends a request of a receiver. If this fails, the receiver is removed. */
    List<PythonObject> request(long number, Object... message) {
        try {
            List<PythonObject> lent = Messages.send(queue, true, Access.get().hasContext(), message);
            if (lost) { // its news may have come before the receiver was there
                fail(ENDED);
            }
            return lent;
        } catch (RuntimeException | Error e) {
            forget(number);
            throw e;
        }
    }

    void tell(int kind, Object... rest) {
        List<Object> message = new ArrayList<>();
        message.add(kind);
        message.addAll(List.of(rest));
        Messages.tell(queue, message.toArray());
    }

    /** Throws an exception on the loop's own thread, which cannot wait for work of the loop. */
    void refuseOwnThread() {
        if (Thread.currentThread() == thread && Native.gilPlace() == Native.VISITING) {
            throw new PythonException("This is the thread of the event loop: to wait here for what the loop has to do would never "
                    + "end. Use thenApply, thenCompose or the like, or thenApplyAsync to wait on another thread.");
        }
    }

    // ---- from the loop ----

    private final class News implements Callbacks.Function {
        @Override
        public boolean raw() {
            return true;
        }

        @Override
        public String name() {
            return "news";
        }

        @Override
        public Object call(List<?> arguments, Map<?, ?> named) {
            if (thread != Thread.currentThread()) {
                meet(Thread.currentThread());
            }
            List<?> news = (List<?>) arguments.get(0);
            for (int i = 0; i < news.size(); i += 3) {
                hear((Long) news.get(i), ((Long) news.get(i + 1)).intValue(), news.get(i + 2));
            }
            return null;
        }
    }

    /** Results that are passed as Python objects, without a conversion. */
    private final class Objects implements Callbacks.Function {
        @Override
        public boolean objects() {
            return true;
        }

        @Override
        public boolean raw() {
            return true;
        }

        @Override
        public String name() {
            return "objects";
        }

        @Override
        public Object call(List<?> arguments, Map<?, ?> named) {
            String name = (String) named.keySet().iterator().next();
            long number = Long.parseLong(name.trim());
            if (name.endsWith(" ")) {
                hear(number, Messages.ITEMS, arguments);
            } else {
                hear(number, Messages.VALUE, arguments.get(0));
            }
            return null;
        }
    }

    private void meet(Thread current) {
        thread = current;
        if (own) {
            current.setName(THREAD);
        }
    }

    private void hear(long number, int kind, Object value) {
        if (kind == Messages.LOST) {
            lose();
            Thread thread = new Thread(() -> fail(ENDED), THREAD + "-end"); // this one may be in the midst of anything
            thread.setDaemon(true);
            thread.start();
            return;
        }
        Receiver receiver = kind == Messages.ITEMS ? receivers.get(number) : receivers.remove(number);
        if (receiver == null) {
            return; // it was cancelled
        }
        switch (kind) {
            case Messages.VALUE:
                receiver.value(value);
                break;
            case Messages.FAILED:
                receiver.failed(exception(value));
                break;
            case Messages.CANCELLED:
                receiver.cancelled();
                break;
            case Messages.ITEMS:
                receiver.items((List<?>) value);
                break;
            default:
                receiver.complete();
        }
    }

    private static Throwable exception(Object raised) {
        if (raised instanceof Callbacks.Function) {
            return (Throwable) ((Callbacks.Function) raised).object();
        }
        try (PythonObject exception = (PythonObject) raised) {
            Throwable thrown = Access.get().exception(exception);
            if (thrown instanceof PythonException) {
                Errors.raised(((PythonException) thrown).getPythonClass());
            }
            return thrown;
        }
    }

    /** Fails everything that is pending. */
    void fail(String why) {
        for (Long number : receivers.keySet()) {
            Receiver receiver = receivers.remove(number);
            if (receiver != null) {
                receiver.failed(new PythonException(why));
            }
        }
    }
}
