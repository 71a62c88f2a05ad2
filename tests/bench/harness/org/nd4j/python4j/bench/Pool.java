// SPDX-License-Identifier: Apache-2.0
// What the rows `pool.*` call: Python in another process. A library that only has Python in this one does the
// same there, for comparison. There is one implementation for each peer.
package org.nd4j.python4j.bench;

/** One or more processes with Python. What a library has no counterpart of throws {@link Peer.NotOffered}. */
interface Pool extends AutoCloseable {

    /** Runs a text in another process and waits for its end. */
    Object exec(String text) throws Exception;

    /** Sends x and y, runs {@code z = x + y}, gets z. */
    long ints(long x, long y) throws Exception;

    /** Sends bytes and gets them back. */
    default Object echo(byte[] bytes) throws Exception {
        throw new Peer.NotOffered();
    }

    /** An array of so many doubles, filled by Java, which Python sums up in each step. */
    default Peer.Step arraySum(int length) throws Exception {
        throw new Peer.NotOffered();
    }

    /** Makes an array of so many doubles in Python. The step gets it and reads its first element. */
    default Peer.Step arrayMade(int length) throws Exception {
        throw new Peer.NotOffered();
    }

    /** Gets one more process that can work. The step ends it. */
    default Peer.Step oneMore() throws Exception {
        throw new Peer.NotOffered();
    }

    @Override
    void close() throws Exception;
}
