// SPDX-License-Identifier: Apache-2.0
// The Java part of a PythonException's stack trace. It is kept from one exception to the next, because creating
// the elements is most of the cost of an exception, and errors often come from the same place again.
package org.nd4j.python4j.internal.jni;

import java.lang.ref.WeakReference;
import java.util.Arrays;
import org.nd4j.python4j.PythonException;

/**
 * The JVM's internal record of a stack, and its elements.
 *
 * <p>The record is HotSpot's own ({@code Throwable.backtrace}): arrays with the method and the position of each frame.
 * This class does not interpret them. But two records that are completely equal have the same elements, so the elements
 * of the last few records are cached. On a JVM that has no such record, or one in another form, the elements are
 * created each time.
 */
public final class Backtrace {

    private static final int KEPT = 8;

    // Threads may overwrite each other's entries: then one is made once more. Weakly, since a note keeps class loaders.
    private static volatile WeakReference<Backtrace[]> recent = new WeakReference<>(null);
    private static int next;

    private final Object[] note;
    private final StackTraceElement[] elements;

    private Backtrace(Object[] note, StackTraceElement[] elements) {
        this.note = note;
        this.elements = elements;
    }

    /** The Java frames of a new exception, without the frames that created it. The array must not be changed. */
    public static StackTraceElement[] of(PythonException exception) {
        Object note = Native.raisedBacktrace(exception);
        if (!(note instanceof Object[])) {
            return elements(exception);
        }
        Backtrace[] kept = recent.get();
        if (kept == null) {
            kept = new Backtrace[KEPT];
            recent = new WeakReference<>(kept);
        }
        for (Backtrace one : kept) {
            if (one != null && same(one.note, note)) {
                return one.elements;
            }
        }
        StackTraceElement[] elements = elements(exception);
        kept[next++ & KEPT - 1] = new Backtrace((Object[]) note, elements);
        return elements;
    }

    private static StackTraceElement[] elements(PythonException exception) {
        StackTraceElement[] all = exception.getStackTrace();
        int own = 0;
        while (own < all.length && all[own].getClassName().equals(PythonException.class.getName())) {
            own++;
        }
        return Arrays.copyOfRange(all, own, all.length);
    }

    private static boolean same(Object a, Object b) {
        if (a == b) { // as most are: the classes of the frames, one by one
            return true;
        }
        if (a instanceof short[] && b instanceof short[]) {
            return Arrays.equals((short[]) a, (short[]) b);
        }
        if (a instanceof int[] && b instanceof int[]) {
            return Arrays.equals((int[]) a, (int[]) b);
        }
        if (a instanceof long[] && b instanceof long[]) {
            return Arrays.equals((long[]) a, (long[]) b);
        }
        return a instanceof Object[] && b instanceof Object[] && same((Object[]) a, (Object[]) b);
    }

    private static boolean same(Object[] a, Object[] b) {
        boolean same = a.length == b.length;
        for (int i = 0; same && i < a.length; i++) {
            same = same(a[i], b[i]);
        }
        return same;
    }
}
