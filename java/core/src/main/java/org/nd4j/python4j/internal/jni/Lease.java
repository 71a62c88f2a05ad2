// SPDX-License-Identifier: Apache-2.0
// What a buffer of memory that is not Java's has of it, until nothing in Java uses that any more.
package org.nd4j.python4j.internal.jni;

import java.lang.ref.Cleaner;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Keeps memory of Python by a handle, or a block of shared memory, which goes when the last of its holders has become
 * unreachable. The cleaner's thread waits for nothing: Python frees the object when some thread next enters.
 */
public final class Lease {

    /** A block of shared memory, as native code describes it. */
    public static final class Block {
        public final long key;
        public final long address;
        public final long length;

        public Block(long[] described) {
            key = described[0];
            address = described[1];
            length = described[2];
        }
    }

    public final long handle; // 0 for a block
    public final Block block; // null for memory of Python

    private final AtomicInteger holders = new AtomicInteger();
    private final Runnable forget;

    public Lease(long handle, Block block, long address, long length) {
        this.handle = handle;
        this.block = block;
        this.forget = Pressure.note(address, length);
    }

    public Cleaner.Cleanable hold(Object holder) {
        holders.incrementAndGet();
        return Handles.CLEANER.register(holder, this::release);
    }

    private void release() {
        if (holders.decrementAndGet() == 0) {
            forget.run();
            if (block == null) {
                Native.handleDropLater(handle);
            } else {
                Blocks.drop(block.key);
            }
        }
    }
}
