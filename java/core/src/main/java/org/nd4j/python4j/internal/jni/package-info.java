// SPDX-License-Identifier: Apache-2.0
// The border between Java and Rust. All native functions but those of the start are here, and all that crosses by
// them: bytes, handles of Python objects, keys of Java objects, exceptions.
/** What crosses between Java and {@code rust/jni}. */
package org.nd4j.python4j.internal.jni;
