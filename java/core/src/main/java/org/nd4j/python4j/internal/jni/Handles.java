// SPDX-License-Identifier: Apache-2.0
// Between handles and other things: giving back what Java has forgotten, and telling None and True by
// their addresses. The table behind handles is handle.rs.
package org.nd4j.python4j.internal.jni;

import java.lang.ref.Cleaner;
import java.lang.ref.PhantomReference;
import java.lang.ref.Reference;
import java.lang.ref.ReferenceQueue;
import java.util.Arrays;
import org.nd4j.python4j.PythonObject;

/** Handles of Python objects. */
public final class Handles {

    public static final Cleaner CLEANER = Cleaner.create();

    private Handles() {}

    /**
     * Gives a handle back some time after Java has forgotten the object that has it, without waiting for
     * anything: the handle goes when some thread next enters Python.
     *
     * <p>A {@code Cleaner} would do the same with one thread, which falls behind where objects are made
     * faster than it works. So whoever makes one gives up to two forgotten ones back.
     *
     * <p>The garbage collector sees the small objects here and not what they hold in Python, and finds those
     * that grew old only when the heap is nearly half full. So it is asked to run when there are very many,
     * and twice as many before it is asked again if they are in use.
     *
     * <p>No lock: the lower half of a handle is its place in the table of handle.rs, which is nobody else's until the
     * handle is given back. So these stand at the same places of a table here, which keeps them alive, and
     * leave it before their handles go.
     */
    public static final class Late extends PhantomReference<PythonObject> {
        private static final int MANY = 1 << 20;
        private static final int PART = 1 << 12;

        private static final ReferenceQueue<PythonObject> FORGOTTEN = new ReferenceQueue<>();
        private static volatile Late[][] all = new Late[16][]; // replaced with the class locked
        private static volatile int limit = MANY;

        static {
            Thread thread = new Thread(null, Late::giveBackForgotten, "python4j-cleaner", 0, false);
            thread.setDaemon(true);
            thread.start();
        }

        private final long handle;

        private Late(PythonObject object, long handle) {
            super(object, FORGOTTEN);
            this.handle = handle;
        }

        /** An object that is in no frame has this handle. */
        public static void add(PythonObject object, long handle) {
            int place = (int) handle;
            Late[] part = part(place);
            if (part == null) {
                return;
            }
            part[place % PART] = new Late(object, handle);
            if (place >= MANY) {
                lookForCrowd();
            }
            for (int i = 0; i < 2; i++) {
                giveBack(FORGOTTEN.poll());
            }
        }

        /** Somebody else is about to give the handle back. */
        public static void cancel(long handle) {
            int place = (int) handle;
            Late[] part = part(place);
            if (part != null && part[place % PART] != null && part[place % PART].handle == handle) {
                part[place % PART] = null;
            }
        }

        /** The part of the table with that place; null if no handle has such a place. */
        private static Late[] part(int place) {
            Late[][] parts = all;
            int number = Integer.divideUnsigned(place, PART);
            return number < parts.length && parts[number] != null ? parts[number] : newPart(place);
        }

        private static synchronized Late[] newPart(int place) {
            if (place < 0 || place >= Native.handlePlaces()) {
                return null;
            }
            int number = place / PART;
            Late[][] parts = Arrays.copyOf(all, number < all.length ? all.length : 2 * number);
            if (parts[number] == null) {
                parts[number] = new Late[PART];
            }
            all = parts;
            return parts[number];
        }

        private static void lookForCrowd() {
            int count = Native.handleCount();
            if (count > limit) {
                limit = (int) Math.min(Integer.MAX_VALUE, 2L * count);
                System.gc();
            } else {
                limit = (int) Math.min(limit, Math.max(MANY, 2L * count));
            }
        }

        /** Whether nobody did it before. */
        private boolean leave() {
            int place = (int) handle;
            Late[] part = part(place);
            boolean inside = part[place % PART] == this;
            if (inside) {
                part[place % PART] = null;
            }
            return inside;
        }

        private static void giveBack(Reference<?> forgotten) {
            if (forgotten != null && ((Late) forgotten).leave()) {
                Native.handleDropLater(((Late) forgotten).handle);
            }
        }

        private static void giveBackForgotten() {
            while (true) {
                try {
                    giveBack(FORGOTTEN.remove());
                } catch (InterruptedException e) {
                    // nobody ends this thread but the JVM
                }
            }
        }
    }

    /** Objects that never go. Needs a turn when first used. */
    private static final class Immortal {
        static final long NONE = address(null);
        static final long TRUE = address(true);

        private static long address(Object value) {
            Pack pack = Pack.take();
            try {
                pack.u32(1).value(value);
                long handle = Native.objectOperate(Operator.IDENTITY, pack.buffer(), pack.length(), 0, 0);
                long address = Native.handleAddress(handle);
                Native.handleDrop(handle);
                return address;
            } finally {
                pack.giveBack();
            }
        }
    }

    /** Whether a handle is that of None. Needs a turn. */
    public static boolean isNone(long handle) {
        return Native.handleAddress(handle) == Immortal.NONE;
    }

    /** Whether two handles are those of one object. Needs a turn. */
    public static boolean isSame(long a, long b) {
        return Native.handleAddress(a) == Native.handleAddress(b);
    }

    /** Whether a handle is that of True; gives it back. Needs a turn. */
    public static boolean takeTruth(long handle) {
        boolean truth = Native.handleAddress(handle) == Immortal.TRUE;
        Native.handleDrop(handle);
        return truth;
    }
}
