// SPDX-License-Identifier: Apache-2.0

/**
 * Python's event loops: tasks that Java submits to them, results that it awaits, and elements that it streams. The
 * Python half is tasks.py.
 */
package org.nd4j.python4j.internal.loop;
