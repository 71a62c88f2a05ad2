// SPDX-License-Identifier: Apache-2.0
// Python in processes of its own: running it, pip, virtual environments.

/** Child processes that run Python. */
package org.nd4j.python4j.internal.process;
