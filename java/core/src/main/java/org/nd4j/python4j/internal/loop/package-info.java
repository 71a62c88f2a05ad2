// SPDX-License-Identifier: Apache-2.0

/** Event loops of Python's: what Java submits to them, awaits of them and streams out of them. The Python half is tasks.py. */
package org.nd4j.python4j.internal.loop;
