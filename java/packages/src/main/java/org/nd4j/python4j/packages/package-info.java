// SPDX-License-Identifier: Apache-2.0
// The build's half of Python packages. The run time's half is in the core: internal.packages and internal.start.Packaged.
/** Locks Python packages, fetches their wheels and puts them where a jar's class path finds them. */
package org.nd4j.python4j.packages;
