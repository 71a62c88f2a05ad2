// SPDX-License-Identifier: Apache-2.0
// The messages that Java threads send to a Python event loop. The native half is queue.rs; tasks.py executes
// the messages.
package org.nd4j.python4j.internal.jni;

import java.lang.ref.Reference;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import org.nd4j.python4j.PythonException;
import org.nd4j.python4j.PythonGIL;
import org.nd4j.python4j.PythonObject;
import org.nd4j.python4j.internal.Access;

/** Sends messages. A message has a kind, the number of its receiver, and the values that the kind needs. */
public final class Messages {

    public static final int SUBMIT = 0;
    public static final int RUN = 1;
    public static final int CANCEL = 2;
    public static final int RESOLVE = 3;
    public static final int PUBLISH = 4;
    public static final int REQUEST = 5;
    public static final int CALL = 6; // SUBMIT of a function by its name
    public static final int ITERATE = 7; // PUBLISH of one

    // News for Java, which are values of RESOLVE, too.
    public static final int VALUE = 0;
    public static final int FAILED = 1;
    public static final int CANCELLED = 2;
    public static final int ITEMS = 3;
    public static final int COMPLETE = 4;
    public static final int LOST = 5;

    private Messages() {}

    /**
     * Sends a message, of values that {@code Python.of} takes. Needs no turn, and the GIL only for values that are made by
     * Python code, and for objects that may be gone soon.
     *
     * @param kept whether the caller keeps the result until the loop has taken the message
     * @return the Python objects in it
     * @throws PythonException if a value has no counterpart, or the loop is closed
     */
    public static List<PythonObject> send(long queue, boolean kept, boolean context, Object... message) {
        Pack pack = Pack.take().wide().alone();
        try (PythonGIL place = Access.get().place()) {
            pack.value(message).handles();
            List<PythonObject> lent = pack.lends() ? pack.lent() : Collections.emptyList();
            boolean now = !lent.isEmpty() && (!kept || lent.stream().anyMatch(Access.get()::isFramed));
            Native.queueSend(queue, pack.buffer(), pack.length(), now, context);
            pack.handedOver();
            Reference.reachabilityFence(message);
            return lent;
        } finally {
            pack.giveBack();
        }
    }

    /** Sends a message whose objects the caller does not keep. A closed loop is ignored. */
    public static void tell(long queue, Object... message) {
        try {
            send(queue, false, false, message);
        } catch (PythonException e) {
            if (Native.queueWaiting(queue) >= 0) {
                throw e;
            }
        }
    }
}
