// SPDX-License-Identifier: Apache-2.0
// Helpers for handles: this class releases the objects that Java no longer reaches, and recognizes None and
// True by their addresses. The table behind the handles is in handle.rs.
package org.nd4j.python4j.internal.jni;

import java.lang.ref.Cleaner;
import java.lang.ref.PhantomReference;
import java.lang.ref.Reference;
import java.lang.ref.ReferenceQueue;
import java.util.Arrays;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.nd4j.python4j.internal.Access;

/** Handles of Python objects. */
public final class Handles {

    /** See {@link Later#register}. */
    public static final Later CLEANER = new Later();

    // Bits, see addYoung().
    public static final byte YOUNG_VALUE = 1;
    public static final byte YOUNG_OBJECT = 2;

    /** How many frames of {@code PythonGC} are open of which Rust knows nothing yet, as nothing is in them. */
    public static final AtomicInteger EMPTY_FRAMES = new AtomicInteger();

    private static final int MOST_AT_ONCE = 10_000; // other things wait meanwhile
    private static final int SHORTEST_MILLIS = 10;
    private static final int LONGEST_MILLIS = 1000;
    private static int pause = SHORTEST_MILLIS; // only the watcher's thread uses it
    private static long left; // see leave(); the turn's owner uses it
    private static int own; // see own(); written with the class locked
    private static Young youngValue = new Young(); // see addYoung(); the same as for left
    private static Young youngObject = new Young();

    private Handles() {}

    /**
     * Releases a handle some time after its Java object has become unreachable, without waiting: the handle is released
     * when a thread enters Python the next time.
     *
     * <p>A single thread would be too slow if objects are created faster than it works. So each creation of an object
     * releases up to two forgotten ones, and the thread of watch.rs releases the rest ({@link #look}).
     *
     * <p>The garbage collector sees only the small Java objects and not the Python objects that they hold. It finds old
     * objects only when the heap is nearly half full. So it is requested to run when there are very many objects. If
     * these are in use, it is requested again when there are twice as many.
     *
     * <p>No lock is needed. The lower half of a handle is its place in the table of handle.rs, and no other handle has
     * this place until the handle is released. So these references are at the same places of a table in this class,
     * which keeps them alive, and are removed before their handles are released. What a thread has put there is seen by the
     * one that takes the reference out of the queue, also on arm64: the garbage collector put it into the queue in between.
     */
    public static final class Late extends PhantomReference<Object> {
        private static final int MANY = 1 << 20;
        private static final int PART = 1 << 12;

        private static final ReferenceQueue<Object> FORGOTTEN = new ReferenceQueue<>();
        private static volatile Late[][] all = new Late[16][]; // replaced with the class locked
        private static volatile int limit = MANY;

        static {
            watch();
        }

        private final long handle;

        private Late(Object object, long handle) {
            super(object, FORGOTTEN);
            this.handle = handle;
        }

        /** Registers the object that has a handle, usually a {@code PythonObject} in no frame. */
        public static void add(Object object, long handle) {
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

        /** The same for a handle that a thread without a turn may have released meanwhile: another one may have its place. */
        private static void addUnlessGone(Object object, long handle) {
            Late[] part = part((int) handle);
            if (part == null || part[(int) handle % PART] == null) {
                add(object, handle);
            }
        }

        /** Unregisters a handle that the caller is about to release. */
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
    }

    /**
     * A replacement for {@link java.lang.ref.Cleaner}. The thread of a {@code Cleaner} keeps its actions, and with them
     * our class loader, until the object is unreachable, and the object may be one that only our classes keep
     * reachable.
     */
    public static final class Later {
        private static final ReferenceQueue<Object> FORGOTTEN = new ReferenceQueue<>();
        private static final Set<Action> ALL = ConcurrentHashMap.newKeySet();

        private Later() {}

        private static final class Action extends PhantomReference<Object> implements Cleaner.Cleanable {
            private final Runnable action;

            Action(Object object, Runnable action) {
                super(object, FORGOTTEN);
                this.action = action;
            }

            @Override
            public void clean() {
                if (ALL.remove(this)) {
                    clear();
                    action.run();
                }
            }
        }

        /** Runs an action, which must not wait, when an object has become unreachable or the result is cleaned. */
        public Cleaner.Cleanable register(Object object, Runnable action) {
            watch();
            Action made = new Action(object, action);
            ALL.add(made);
            Reference.reachabilityFence(object);
            run(FORGOTTEN.poll());
            return made;
        }

        private static void run(Reference<?> forgotten) {
            if (forgotten != null) {
                ((Action) forgotten).clean();
            }
        }
    }

    /**
     * The last object of {@link #addYoung}, of one kind. What stores a reference into an old object has to tell G1, which takes longer than
     * all the rest here. So this object is replaced before it is old.
     */
    private static final class Young {
        private static final int USES = 4096;

        private Object object;
        private long handle;
        private int uses;
    }

    /**
     * Registers an object like {@link Late#add}, but not before the next one of its kind is registered, a program runs or the turn
     * ends: most objects are deleted by then, and need no reference. There are two kinds, since a method is deleted after what it gave.
     * This method needs a turn with the GIL.
     *
     * @param kind {@link #YOUNG_VALUE} or {@link #YOUNG_OBJECT}
     */
    public static void addYoung(Object object, long handle, byte kind) {
        if ((Native.young & kind) != 0) {
            growUp(kind);
        }
        Young last = young(kind);
        if (++last.uses > Young.USES) {
            last = new Young();
            if (kind == YOUNG_VALUE) {
                youngValue = last;
            } else {
                youngObject = last;
            }
        }
        last.object = object;
        last.handle = handle;
        Native.young |= kind;
    }

    /** Unregisters an object if it is the last one of {@link #addYoung}. Returns whether it is. This method needs a turn with the GIL. */
    public static boolean cancelYoung(Object object, byte kind) {
        Young last = young(kind);
        boolean is = last.object == object;
        if (is) {
            Native.young &= (byte) ~kind;
            last.object = null;
        }
        return is;
    }

    /** Registers the last objects of {@link #addYoung} as all others. This method needs a turn with the GIL. */
    public static void growUp() {
        if ((Native.young & YOUNG_VALUE) != 0) {
            growUp(YOUNG_VALUE);
        }
        if ((Native.young & YOUNG_OBJECT) != 0) {
            growUp(YOUNG_OBJECT);
        }
    }

    private static void growUp(byte kind) {
        Young last = young(kind);
        Object object = last.object;
        Native.young &= (byte) ~kind;
        last.object = null;
        Late.addUnlessGone(object, last.handle);
    }

    private static Young young(byte kind) {
        return kind == YOUNG_VALUE ? youngValue : youngObject;
    }

    /**
     * Stores a handle, which the next native call releases; this saves a call. The result is false if a handle is
     * already stored. This method needs a turn, and the object must be a plain value, for which the time of its release
     * does not matter.
     */
    public static boolean leave(long handle) {
        boolean free = left == 0;
        if (free) {
            left = handle;
        }
        return free;
    }

    /** The handle that {@link #leave} stored, 0 for none. The caller releases it. This method needs a turn. */
    public static long takeLeft() {
        long handle = left;
        if (handle != 0) {
            left = 0;
        }
        return handle;
    }

    /** The number of objects that Java holds for the program. This method needs no turn. */
    public static int count() {
        return Native.handleCount() - own - (left == 0 ? 0 : 1);
    }

    /** So many more, or fewer, handles are those of caches: names and code, which no program asked for. */
    public static synchronized void own(int change) {
        own += change;
    }

    /** Makes the thread of watch.rs call {@link #look} from now on, or from the start of Python on. */
    public static void watch() {
        if (!Native.forgets) {
            Native.forgets = true;
            if (Access.get().isStarted()) {
                Native.watchWake();
            }
        }
    }

    /** The part of {@link Native#look} for forgotten objects. It runs often while there are many of them. */
    public static int look() {
        int count = 0;
        Reference<?> forgotten;
        while (count < MOST_AT_ONCE && (forgotten = Late.FORGOTTEN.poll()) != null) {
            Late.giveBack(forgotten);
            count++;
        }
        while (count < MOST_AT_ONCE && (forgotten = Later.FORGOTTEN.poll()) != null) {
            Later.run(forgotten);
            count++;
        }
        pause = count > 0 ? SHORTEST_MILLIS : Math.min(2 * pause, LONGEST_MILLIS);
        return count == MOST_AT_ONCE ? 1 : pause;
    }

    /** Handles of immortal objects. The first use needs a turn. */
    private static final class Immortal {
        static final long NONE = address(null);
        static final long TRUE = address(true);

        private static long address(Object value) {
            Pack pack = Pack.take();
            try {
                pack.u32(1).value(value);
                long handle = Native.objectOperate(Operator.IDENTITY, pack.buffer(), pack.length(), 0, 0, -1);
                long address = Native.handleAddress(handle);
                Native.handleDrop(handle);
                return address;
            } finally {
                pack.giveBack();
            }
        }
    }

    /** Whether a handle is a handle to None. This method needs a turn. */
    public static boolean isNone(long handle) {
        return Native.handleAddress(handle) == Immortal.NONE;
    }

    /** Whether two handles are handles to the same object. This method needs a turn. */
    public static boolean isSame(long a, long b) {
        return Native.handleAddress(a) == Native.handleAddress(b);
    }

    /** Whether a handle is a handle to True. The handle is released. This method needs a turn. */
    public static boolean takeTruth(long handle) {
        boolean truth = Native.handleAddress(handle) == Immortal.TRUE;
        Native.handleDrop(handle);
        return truth;
    }
}
