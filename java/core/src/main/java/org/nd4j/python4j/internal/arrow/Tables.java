// SPDX-License-Identifier: Apache-2.0
// What python4j-arrow uses of the core: Arrow data crosses as addresses, since the core knows no class of Arrow's.
// The native half is arrow.rs.
package org.nd4j.python4j.internal.arrow;

import java.lang.ref.Reference;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import org.nd4j.python4j.PythonGIL;
import org.nd4j.python4j.PythonObject;
import org.nd4j.python4j.internal.Access;
import org.nd4j.python4j.internal.jni.Callbacks;
import org.nd4j.python4j.internal.jni.Native;
import org.nd4j.python4j.internal.turn.Stopper;

/** Arrow data both ways. */
public final class Tables {

    private static final int LONGEST_ERROR = 2000; // longer texts would cross by a handle

    private Tables() {}

    /** Reads batches of Java's for Python, on whatever thread asks for them; without a turn. */
    public interface Batches {
        /** Gives the next batch by {@link #batch}, or does nothing if there is none. */
        void next(long wanted) throws Throwable;

        /** Nobody wants any more of them. */
        void close() throws Exception;
    }

    /** A key for memory that Python is going to keep; {@code release} runs once nobody uses it, on any thread. */
    private static long hold(Runnable release) {
        return Callbacks.hold((Callbacks.Dropped) release::run);
    }

    /**
     * An object for a table or a column. Takes over the memory also where it fails.
     *
     * @param numbers see {@link Native#arrowGive}
     */
    public static PythonObject give(long[] numbers, long schema, boolean table, Runnable release) {
        try (PythonGIL turn = Access.get().enter()) {
            long frame = Access.get().frame();
            return Access.get().object(Native.arrowGive(numbers, hold(release), schema, table, frame), frame);
        }
    }

    /** A numpy array of so many elements at an address; {@code element} is a letter of {@code PythonBuffer.Type}. */
    public static PythonObject array(long address, char element, long count, Runnable release) {
        try (PythonGIL turn = Access.get().enter()) {
            long frame = Access.get().frame();
            return Access.get().object(Native.arrowArray(address, element, count, hold(release), frame), frame);
        }
    }

    /** An object for a reader. */
    public static PythonObject give(Batches batches, long schema) {
        try (PythonGIL turn = Access.get().enter()) {
            long frame = Access.get().frame();
            return Access.get().object(Native.arrowGiveReader(Callbacks.hold(new Source(batches)), schema, frame), frame);
        }
    }

    /** Gives a batch, which {@link Batches#next} was called for. Takes over the memory also where it fails. */
    public static void batch(long[] numbers, long wanted, Runnable release) {
        Native.arrowGiveBatch(numbers, hold(release), wanted);
    }

    private static final class Source implements Callbacks.Function {
        private final Batches batches;

        Source(Batches batches) {
            this.batches = batches;
        }

        @Override
        public Object call(List<?> arguments, Map<?, ?> named) {
            try {
                long wanted = (Long) arguments.get(0);
                if (wanted == 0) {
                    batches.close();
                } else {
                    batches.next(wanted);
                }
                return null;
            } catch (Throwable e) {
                String text = e.toString();
                return text.substring(0, Math.min(LONGEST_ERROR, text.length())).getBytes(StandardCharsets.UTF_8);
            }
        }
    }

    /** Arrow data of a Python object that Java reads. Each method takes a turn if the thread has none. */
    public static final class Incoming implements AutoCloseable {
        private final PythonObject opened;

        public Incoming(PythonObject object) {
            try (PythonGIL turn = Access.get().enter()) {
                Stopper.Slot slot = Stopper.slot();
                long outer = slot.begin();
                try {
                    opened = Access.get().object(Native.arrowOpen(Access.get().handle(object), slot.call()), 0);
                } finally {
                    slot.end(outer);
                    Reference.reachabilityFence(object);
                }
            }
        }

        /** Puts the schema at an address; whether it is that of a table. */
        public boolean schema(long out) {
            try (PythonGIL turn = Access.get().enterOrLock()) {
                Stopper.Slot slot = Stopper.slot();
                long outer = slot.begin();
                try {
                    return Native.arrowSchema(Access.get().handle(opened), out, slot.call());
                } finally {
                    slot.end(outer);
                }
            }
        }

        /** Puts the next batch at an address, see {@link Native#arrowNext}. */
        public long next(boolean table, long out) {
            try (PythonGIL turn = Access.get().enterOrLock()) {
                Stopper.Slot slot = Stopper.slot();
                long outer = slot.begin();
                try {
                    return Native.arrowNext(Access.get().handle(opened), table, out, slot.call());
                } finally {
                    slot.end(outer);
                }
            }
        }

        /** Ends the reading, and the generator that it was from. */
        @Override
        public void close() {
            try (PythonGIL turn = Access.get().enterOrLock()) {
                if (!Access.get().exists(opened)) {
                    return;
                }
                Stopper.Slot slot = Stopper.slot();
                long outer = slot.begin();
                try {
                    Native.arrowClose(Access.get().handle(opened), slot.call());
                } finally {
                    slot.end(outer);
                    opened.del();
                }
            }
        }
    }
}
