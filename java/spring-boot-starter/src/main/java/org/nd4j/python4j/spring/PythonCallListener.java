// SPDX-License-Identifier: Apache-2.0
// Is told of the calls of PythonTemplate. PythonMeters is one; a program may add beans of its own.
package org.nd4j.python4j.spring;

import java.time.Duration;

/** Is told of each call of {@link PythonTemplate} after it has ended. Every bean of this type is. */
@FunctionalInterface
public interface PythonCallListener {

    /**
     * A call has ended. This method runs on the thread of the call, without a turn of Python unless the caller has one.
     *
     * @param call the function as the program named it, or {@code exec}, {@code eval} or {@code execute}
     * @param took the whole time, with that of the wait for the turn
     * @param failure what the call throws; null if it succeeded
     */
    void ended(String call, Duration took, Throwable failure);
}
