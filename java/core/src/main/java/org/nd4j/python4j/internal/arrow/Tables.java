// SPDX-License-Identifier: Apache-2.0
// The part of the core that python4j-arrow uses. Arrow data crosses as addresses, because the core knows no
// Arrow class. The native half is arrow.rs.
package org.nd4j.python4j.internal.arrow;

import java.lang.ref.Reference;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.function.LongFunction;
import org.nd4j.python4j.PythonGIL;
import org.nd4j.python4j.PythonObject;
import org.nd4j.python4j.internal.Access;
import org.nd4j.python4j.internal.jni.Callbacks;
import org.nd4j.python4j.internal.jni.Native;
import org.nd4j.python4j.internal.turn.Stopper;

/** Transfers Arrow data in both directions. */
public final class Tables {

    private static final int LONGEST_ERROR = 2000; // longer texts would cross by a handle

    private Tables() {}

    /** Reads Java batches for Python, on the requesting thread, without a turn. */
    public interface Batches {
        /** Passes the next batch by {@link #batch}, or does nothing if there is none. */
        void next(long wanted) throws Throwable;

        /** Closes the reader, because no more batches are needed. */
        void close() throws Exception;
    }

    /**
     * Creates a key for memory that Python will keep, and uses it in the turn of this thread. When the memory is no longer used,
     * {@code release} runs on any thread; at once if {@code use} fails.
     */
    private static PythonObject hold(Runnable release, LongFunction<PythonObject> use) {
        long key = Callbacks.hold((Callbacks.Dropped) release::run);
        try (PythonGIL turn = Access.get().enter()) {
            return use.apply(key);
        } catch (Throwable e) {
            Callbacks.upcall(key, null); // which does nothing where Python has had the key and dropped it
            throw e;
        }
    }

    /** Writes a schema and returns the address of an {@code ArrowSchema}, which {@code use} releases. */
    public interface SchemaWriter {
        PythonObject write(LongFunction<PythonObject> use);
    }

    /** The schema that was transferred last, and its key. */
    private static final class Known {
        final Object schema;
        final long key;

        Known(Object schema, long key) {
            this.schema = schema;
            this.key = key;
        }
    }

    private static volatile Known known;

    /**
     * Creates an object for a table or a column. It takes over the memory even if it fails.
     *
     * @param numbers see {@link Native#arrowGive}
     * @param schema an object that is equal for equal schemas; null for a schema that is not to be cached
     */
    public static PythonObject give(long[] numbers, Object schema, SchemaWriter writer, boolean table, Runnable release) {
        return hold(release, key -> {
            long frame = Access.get().frame();
            Known last = known;
            if (last != null && last.schema.equals(schema)) {
                long handle = Native.arrowGive(numbers, key, last.key, 0, table, frame);
                if (handle != 0) {
                    return Access.get().object(handle, frame);
                }
            }
            return writer.write(address -> {
                PythonObject object = Access.get().object(Native.arrowGive(numbers, key, 0, address, table, frame), frame);
                if (schema != null) {
                    known = new Known(schema, key);
                }
                return object;
            });
        });
    }

    /**
     * A numpy array of {@code count} elements at an address; {@code element} is a letter of {@code PythonBuffer.Type}.
     */
    public static PythonObject array(long address, char element, long count, Runnable release) {
        return hold(release, key -> {
            long frame = Access.get().frame();
            return Access.get().object(Native.arrowArray(address, element, count, key, frame), frame);
        });
    }

    /** Creates an object for a reader. */
    public static PythonObject give(Batches batches, long schema) {
        try (PythonGIL turn = Access.get().enter()) {
            long frame = Access.get().frame();
            return Access.get().object(Native.arrowGiveReader(Callbacks.hold(new Source(batches)), schema, frame), frame);
        }
    }

    /** Passes a batch for which {@link Batches#next} was called. It takes over the memory even if it fails. */
    public static void batch(long[] numbers, long wanted, Runnable release) {
        Native.arrowGiveBatch(numbers, Callbacks.hold((Callbacks.Dropped) release::run), wanted);
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

    /** Arrow data of a Python object, which Java reads. Each method takes a turn if the thread has none. */
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

        /** The number of the schema, see {@link Native#arrowSchema}. */
        public long schema(long out, long known) {
            try (PythonGIL turn = Access.get().enterOrLock()) {
                Stopper.Slot slot = Stopper.slot();
                long outer = slot.begin();
                try {
                    return Native.arrowSchema(Access.get().handle(opened), out, known, slot.call());
                } finally {
                    slot.end(outer);
                }
            }
        }

        /** The numbers of the next batch, see {@link Native#arrowNext}; {@link #release} gives its memory back. */
        public long[] next(boolean table) {
            try (PythonGIL turn = Access.get().enterOrLock()) {
                Stopper.Slot slot = Stopper.slot();
                long outer = slot.begin();
                try {
                    return Native.arrowNext(Access.get().handle(opened), table, slot.call());
                } finally {
                    slot.end(outer);
                }
            }
        }

        /** Gives the memory of a batch back, whose first number is the key. Needs no turn. */
        public static void release(long key) {
            Native.arrowRelease(key);
        }

        /** Ends the reading, and the generator from which the data came. */
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
