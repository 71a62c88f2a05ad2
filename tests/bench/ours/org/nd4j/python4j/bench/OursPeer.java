// SPDX-License-Identifier: Apache-2.0
// This build: the API of M2.1 as in Python4jPeer, and what we have beyond it.
package org.nd4j.python4j.bench;

/** What M2.1's API cannot say. */
public final class OursPeer extends Python4jPeer {}
