// SPDX-License-Identifier: Apache-2.0
// Messages to and from a worker process. What they mean is in Worker; the other half is rust/worker/src/channel.rs.
package org.nd4j.python4j.pool;

import java.util.Arrays;
import org.nd4j.python4j.internal.jni.Native;
import org.nd4j.python4j.internal.jni.Pack;

/**
 * A message is a head, which is the length of the rest (32 bits), its kind (8 bits) and whom it is for (64 bits), and the
 * rest. One thread uses a channel at a time. What comes in is not trusted: nothing is allocated because a length says
 * so, but because so much came.
 */
final class Channel {

    static final int PREPARE = 0;
    static final int EXEC = 1;
    static final int CALL = 2;
    static final int ANSWER = 3;
    static final int FORGET = 4;
    static final int END = 5;

    static final int VALUE = 0;
    static final int RAISED = 1;
    static final int UPCALL = 2;
    static final int RELEASED = 3;

    private static final int HEAD = 13;
    private static final int KEPT_BYTES = 1 << 20;
    private static final int SLICE_MILLIS = 10;
    private static final byte[] NOTHING = {};

    /** What ends the use of a channel: the other side is gone, or sends what no worker sends. */
    static final class Lost extends Exception {
        private static final long serialVersionUID = 1L;

        Lost(String why) {
            super(why, null, false, false);
        }
    }

    /** Asked now and then while the channel waits; what it throws ends the waiting. */
    interface Watch {
        void look() throws Lost;
    }

    private final int socket;
    private byte[] in = new byte[2048];
    private int from;
    private int to;

    // The message that was received last.
    int kind;
    long whom;
    byte[] rest = NOTHING;

    Channel(int socket) {
        this.socket = socket;
    }

    /** Begins a message. */
    static void head(Pack pack, int kind, long whom) {
        pack.u32(0).u8(kind).key(whom);
    }

    /** Sends the message that was written. */
    void send(Pack pack, Watch watch) throws Lost {
        pack.set(0, pack.length() - HEAD);
        for (int sent = 0; sent < pack.length(); ) {
            int count = Native.processSend(socket, pack.buffer(), sent, pack.length(), SLICE_MILLIS);
            if (count < 0) {
                throw new Lost("it closed its socket");
            }
            sent += count;
            if (count == 0) {
                watch.look();
            }
        }
    }

    /** Waits for the next message. */
    void receive(Watch watch) throws Lost {
        while (!next()) {
            if (to == in.length) {
                makeRoom();
            }
            int count = Native.processReceive(socket, in, to);
            if (count < 0) {
                throw new Lost("it closed its socket");
            }
            to += count;
            if (count == 0) {
                watch.look();
            }
        }
    }

    /** Whether a whole message is there, which is taken. */
    private boolean next() throws Lost {
        if (to - from < HEAD) {
            return false;
        }
        int length = u32(from);
        int sort = in[from + 4];
        if (length < 0 || sort < VALUE || sort > RELEASED) {
            throw new Lost("it sent something else than messages");
        }
        if (to - from - HEAD < length) {
            return false;
        }
        kind = sort;
        whom = u32(from + 5) & 0xFFFF_FFFFL | (long) u32(from + 9) << 32;
        rest = Arrays.copyOfRange(in, from + HEAD, from + HEAD + length);
        from += HEAD + length;
        if (from == to) {
            from = 0;
            to = 0;
            if (in.length > KEPT_BYTES) {
                in = new byte[2048];
            }
        }
        return true;
    }

    private void makeRoom() throws Lost {
        int used = to - from;
        if (used > Integer.MAX_VALUE - 16) {
            throw new Lost("it sent more than an array of Java takes");
        }
        int size = used <= in.length / 2 ? in.length : (int) Math.min(Integer.MAX_VALUE - 8, 2L * used);
        byte[] room = size == in.length ? in : new byte[size];
        System.arraycopy(in, from, room, 0, used);
        in = room;
        from = 0;
        to = used;
    }

    private int u32(int at) {
        return in[at] & 0xFF | (in[at + 1] & 0xFF) << 8 | (in[at + 2] & 0xFF) << 16 | in[at + 3] << 24;
    }
}
