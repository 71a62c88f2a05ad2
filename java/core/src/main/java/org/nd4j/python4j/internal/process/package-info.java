// SPDX-License-Identifier: Apache-2.0
// Python in processes of their own: running it, pip, and environments.
/** Child processes, pip and virtual environments. */
package org.nd4j.python4j.internal.process;
