// SPDX-License-Identifier: Apache-2.0
// The row `start`: what a JVM alone does of it. Each peer has a program of its own, First, that runs one
// statement before it says the same.
package org.nd4j.python4j.bench;

/** A program that starts and says so. */
public final class Start {

    private Start() {}

    /** Tells the {@link Driver} that the statement has run, and ends the JVM. */
    public static void done() {
        System.out.println("started");
        System.out.flush();
        Runtime.getRuntime().halt(0);
    }

    public static void main(String[] arguments) {
        done();
    }
}
