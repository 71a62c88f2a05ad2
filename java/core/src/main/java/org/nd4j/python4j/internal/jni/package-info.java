// SPDX-License-Identifier: Apache-2.0
// The border between Java and Rust. All native functions except those of the start are here. They pass bytes,
// handles of Python objects, keys of Java objects, and exceptions.
/** What crosses between Java and {@code rust/jni}. */
package org.nd4j.python4j.internal.jni;
