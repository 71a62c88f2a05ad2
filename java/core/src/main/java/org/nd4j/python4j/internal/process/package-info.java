// SPDX-License-Identifier: Apache-2.0
// Python in separate processes: running Python, running pip, and creating environments.
/** Child processes, pip and virtual environments. */
package org.nd4j.python4j.internal.process;
