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

    /** A process is sent a block, which this one has. False if it was before. */
    public static boolean send(long key, Pack.Peer peer) {
        return SENT.computeIfAbsent(key, any -> ConcurrentHashMap.newKeySet()).add(peer);
    }

    /** A process was not sent a block after all. */
    public static void unsend(long key, Pack.Peer peer) {
        SENT.computeIfPresent(key, (any, peers) -> {
            peers.remove(peer);
            return peers;
        });
    }

    /** This process has a block no more. */
    public static void drop(long key) {
        Set<Pack.Peer> peers = SENT.remove(key);
        Native.sharedDrop(key);
        if (peers != null) {
            peers.forEach(peer -> peer.forget(key));
        }
    }

    /** A process has ended. */
    public static void ended(Pack.Peer peer) {
        SENT.values().forEach(peers -> peers.remove(peer));
    }
}
