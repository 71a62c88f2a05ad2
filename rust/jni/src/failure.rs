// SPDX-License-Identifier: Apache-2.0
//! The reason why a call from Java fails. All code below `guard.rs` returns it; `guard.rs` makes a Java
//! exception of it.

use python4j_core::Error;

/// Why an export fails.
pub(crate) enum Failure {
    /// The core refused or Python raised.
    Core(Error),
    /// A JNI call failed; if a Java exception is pending, that one is thrown.
    Jni(jni::errors::Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Core(error)
    }
}

impl From<jni::errors::Error> for Failure {
    fn from(error: jni::errors::Error) -> Self {
        Failure::Jni(error)
    }
}
