// SPDX-License-Identifier: Apache-2.0
// Messages to and from a worker process. Worker describes their meaning; the other half is
// rust/worker/src/channel.rs.
package org.nd4j.python4j.pool;

import java.util.Arrays;
import java.util.List;
import org.nd4j.python4j.PythonException;
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
    static final int RECORDS = 6;

    static final int VALUE = 0;
    static final int RAISED = 1;
    static final int UPCALL = 2;
    static final int RELEASED = 3;

    private static final int HEAD = 13;
    private static final int KIND = 4; // where it is in the head
    private static final int BRINGS_BLOCKS = 0x80; // of a kind: see channel.rs
    private static final int OUTSIDE = 0x40;
    static final int MOST_BLOCKS = 200; // of a message
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
    private final Blocks blocks;
    private byte[] in = new byte[2048];
    private int from;
    private int to;

    // The message that was received last.
    int kind;
    long whom;
    byte[] rest = NOTHING;

    Channel(int socket, Blocks blocks) {
        this.socket = socket;
        this.blocks = blocks;
    }

    /** What becomes of the blocks of shared memory that messages bring. */
    interface Blocks {
        void came(long number, long[] block);

        /** What was written into a block. A RuntimeException if it is not there. */
        byte[] read(long number, long at, long length);
    }

    /** Begins a message. */
    static void head(Pack pack, int kind, long whom) {
        pack.u32(0).u8(kind).key(whom);
    }

    /** Puts the rest of a message into a block, of which the other side is told. */
    static void putOutside(Pack pack, long key, long at) {
        int length = pack.length() - HEAD;
        Native.sharedWrite(key, at, pack.buffer(), HEAD, pack.length());
        pack.cut(HEAD);
        pack.mark(KIND, OUTSIDE);
        pack.key(key).key(at).key(length);
    }

    /** Sends the message that was written, and with it blocks: the key by which the other side knows each, one of ours, and its length. */
    void send(Pack pack, List<long[]> blocks, Watch watch) throws Lost {
        long[] keys = blocks.isEmpty() ? null : named(pack, blocks);
        pack.set(0, pack.length() - HEAD);
        for (int sent = 0; sent < pack.length(); ) {
            int count = keys == null || sent > 0
                    ? Native.processSend(socket, pack.buffer(), sent, pack.length(), SLICE_MILLIS)
                    : Native.processSendBlocks(socket, pack.buffer(), 0, pack.length(), SLICE_MILLIS, keys);
            if (count < 0) {
                throw new Lost("it closed its socket");
            }
            sent += count;
            if (count == 0) {
                watch.look();
            }
        }
    }

    private static long[] named(Pack pack, List<long[]> blocks) {
        pack.mark(KIND, BRINGS_BLOCKS);
        long[] keys = new long[blocks.size()];
        for (int i = 0; i < keys.length; i++) {
            keys[i] = blocks.get(i)[1];
            pack.key(blocks.get(i)[0]).key(blocks.get(i)[2]);
        }
        pack.u8(keys.length);
        return keys;
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
        int sort = in[from + KIND] & 0xFF & ~BRINGS_BLOCKS & ~OUTSIDE;
        if (length < 0 || sort < VALUE || sort > RELEASED) {
            throw new Lost("it sent something else than messages");
        }
        if (to - from - HEAD < length) {
            return false;
        }
        kind = sort;
        whom = u64(from + 5);
        int blocks = (in[from + KIND] & BRINGS_BLOCKS) == 0 ? 0 : blocks(from + HEAD, length);
        if ((in[from + KIND] & OUTSIDE) == 0) {
            rest = Arrays.copyOfRange(in, from + HEAD, from + HEAD + length - blocks);
        } else {
            rest = length - blocks == 3 * Long.BYTES ? outside(from + HEAD) : NOTHING;
        }
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

    private byte[] outside(int at) throws Lost {
        try {
            return blocks.read(u64(at), u64(at + 8), u64(at + 16));
        } catch (RuntimeException e) {
            throw new Lost("it sent memory that cannot be used: " + e.getMessage());
        }
    }

    /** Maps the blocks that the end of a message names; how many bytes that takes. */
    private int blocks(int at, int length) throws Lost {
        int count = length == 0 ? 0 : in[at + length - 1] & 0xFF;
        int bytes = 16 * count + 1;
        if (count == 0 || bytes > length) {
            throw new Lost("it sent something else than messages");
        }
        for (int place = at + length - bytes; count > 0; count--, place += 16) {
            try {
                blocks.came(u64(place), Native.processBlock(socket, u64(place + 8)));
            } catch (PythonException e) {
                throw new Lost("it sent memory that cannot be used: " + e.getMessage());
            }
        }
        return bytes;
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

    private long u64(int at) {
        return u32(at) & 0xFFFF_FFFFL | (long) u32(at + 4) << 32;
    }

    private int u32(int at) {
        return in[at] & 0xFF | (in[at + 1] & 0xFF) << 8 | (in[at + 2] & 0xFF) << 16 | in[at + 3] << 24;
    }
}
