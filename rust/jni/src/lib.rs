// SPDX-License-Identifier: Apache-2.0
//! What Java calls: [`exports`] has one function for each line of `Native.java`, [`guard`] turns
//! panics and errors into Java exceptions, and nothing else. The only home of JNI types.

#[allow(unsafe_code)] // the code that the export macro writes
mod exports;
mod guard;
