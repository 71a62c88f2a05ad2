// SPDX-License-Identifier: Apache-2.0
// What is wrong with a declaration, a lock or a wheel, for the person who runs the build.
package org.nd4j.python4j.packages;

/** Its message is all that the tool prints. */
final class Failure extends RuntimeException {
    private static final long serialVersionUID = 1L;

    Failure(String message) {
        super(message);
    }
}
