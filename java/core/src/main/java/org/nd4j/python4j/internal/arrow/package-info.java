// SPDX-License-Identifier: Apache-2.0
/** The part of the core that python4j-arrow uses. It is hidden: no other module refers to it. */
package org.nd4j.python4j.internal.arrow;
