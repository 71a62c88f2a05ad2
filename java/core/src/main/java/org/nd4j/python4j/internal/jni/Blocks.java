// SPDX-License-Identifier: Apache-2.0
// Records which block of shared memory was sent to which other process, so that these processes are told when
// the block is released. rust/jni/src/shared.rs holds the blocks themselves.
package org.nd4j.python4j.internal.jni;

import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** The blocks of shared memory that other processes have, by their keys. */
public final class Blocks {

    private static final Map<Long, Set<Pack.Peer>> SENT = new ConcurrentHashMap<>();

    private Blocks() {}

    /** Records that a process is sent a block of this process. The result is false if it was already sent. */
    public static boolean send(long key, Pack.Peer peer) {
        return SENT.computeIfAbsent(key, any -> ConcurrentHashMap.newKeySet()).add(peer);
    }

    /** Records that a block was not sent to a process in the end. */
    public static void unsend(long key, Pack.Peer peer) {
        SENT.computeIfPresent(key, (any, peers) -> {
            peers.remove(peer);
            return peers;
        });
    }

    /** Records that this process no longer has a block. */
    public static void drop(long key) {
        Set<Pack.Peer> peers = SENT.remove(key);
        Native.sharedDrop(key);
        if (peers != null) {
            peers.forEach(peer -> peer.forget(key));
        }
    }

    /** Records that a process has ended. */
    public static void ended(Pack.Peer peer) {
        SENT.values().forEach(peers -> peers.remove(peer));
    }
}
