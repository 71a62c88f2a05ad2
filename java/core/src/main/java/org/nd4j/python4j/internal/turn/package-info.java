// SPDX-License-Identifier: Apache-2.0
// Decides which thread may be in Python, and ends calls there. All waiting of this library is in Turn.
/** Turns of threads, and the end of calls that take too long. */
package org.nd4j.python4j.internal.turn;
