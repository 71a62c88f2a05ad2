// SPDX-License-Identifier: Apache-2.0
/** What python4j-arrow uses of the core. Hidden: nobody but that module refers to it. */
package org.nd4j.python4j.internal.arrow;
