// SPDX-License-Identifier: Apache-2.0
// What the classes that also work without the pool module know of pools. PythonPoolAutoConfiguration implements it.
package org.nd4j.python4j.spring;

import java.util.Map;

interface PythonPools {

    /** Whether a call is in progress in any of them. */
    boolean isBusy();

    /** For each of them, by the name of its bean: names and values for the health indicator. */
    Map<String, Map<String, Object>> states();
}
