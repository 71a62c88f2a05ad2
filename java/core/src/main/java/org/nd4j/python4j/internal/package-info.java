// SPDX-License-Identifier: Apache-2.0
// The hidden part of python4j-core: what each package under this one is for stands in its own file of this name,
// and in which order they refer to each other in ARCHITECTURE.md.
/** The way between the hidden packages and the public one. */
package org.nd4j.python4j.internal;
