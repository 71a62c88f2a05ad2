// SPDX-License-Identifier: Apache-2.0
// How much memory outside the heap hangs on objects of Java's, so that the collector runs when there is much of it.
package org.nd4j.python4j.internal.jni;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;

/**
 * The garbage collector does not see how much memory hangs on a small object, and without need it does
 * not run. So large pieces are counted here, each address once, and when what was not released grows
 * beyond a limit, the collector is asked to run, as {@code ByteBuffer.allocateDirect} does. What is in
 * use, in the heap too, raises the limit: the price stays in proportion.
 */
public final class Pressure {
    private static final long LARGE = 1 << 16;
    private static final long LEAST = Math.max(128 << 20, Runtime.getRuntime().maxMemory() / 8);
    private static final Runnable NOTHING = () -> {};

    private static final Map<Long, Long> PIECES = new ConcurrentHashMap<>();
    private static final AtomicLong TOTAL = new AtomicLong();
    private static volatile long limit = LEAST;

    private Pressure() {}

    /** Counts a piece; what is returned ends that. */
    static Runnable note(long address, long length) {
        if (length < LARGE || PIECES.putIfAbsent(address, length) != null) {
            return NOTHING;
        }
        long total = TOTAL.addAndGet(length);
        Runtime heap = Runtime.getRuntime();
        if (total > limit && total > (heap.totalMemory() - heap.freeMemory()) / 2) {
            limit = 2 * total;
            System.gc();
        }
        return () -> {
            if (PIECES.remove(address, length)) {
                limit = Math.max(LEAST, 2 * TOTAL.addAndGet(-length));
            }
        };
    }

    /** Counts a piece until its owner is unreachable. */
    public static void note(Object owner, long address, long length) {
        Runnable forget = note(address, length);
        if (forget != NOTHING) {
            Handles.CLEANER.register(owner, forget);
        }
    }
}
