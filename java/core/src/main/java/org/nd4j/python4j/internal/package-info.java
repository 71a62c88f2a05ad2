// SPDX-License-Identifier: Apache-2.0
// The hidden part of python4j-core. The package-info file of each package below this one states its purpose.
// ARCHITECTURE.md states in which order the packages refer to each other.
/** The connection between the hidden packages and the public one. */
package org.nd4j.python4j.internal;
