// SPDX-License-Identifier: Apache-2.0
// What another module of python4j adds to the report of PythonEnvironment. The core knows none of these
// modules; it finds their tests by a ServiceLoader.
package org.nd4j.python4j.internal.process;

import java.util.Map;

/** Tries what a module adds to the core. */
public interface SelfTest {

    /** The name of the module in the report. */
    String name();

    /**
     * Tries the module with a value that is to come back from Python as it is. The result is a list of facts, of which
     * {@code test} is {@code passed}, or the reason why it is not.
     */
    Map<String, Object> run(Object value);
}
