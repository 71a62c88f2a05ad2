// SPDX-License-Identifier: Apache-2.0
// Panics of the Rust half on demand. Only libraries built with the feature `inject` have it.
package org.nd4j.python4j;

/** The switch of {@code rust/core/src/inject.rs}. */
final class Inject {
    private Inject() {}

    /** Has the calling thread panic at the so-many-th point from here; 0 takes it back. How many were left. */
    static native long panicAfter(long points);
}
