// SPDX-License-Identifier: Apache-2.0
//! How a caller in another process sees arrays and large values.

use crate::Result;
use pyo3::prelude::*;
use std::sync::OnceLock;

/// Arrays and buffers of a caller in another process, of whose memory this crate knows nothing.
pub trait Sharing: Send + Sync {
    /// How the other process finds the memory of an object; nothing if the object has none that can be shown.
    fn describe(&self, object: &Bound<'_, PyAny>) -> Result<Option<Vec<u8>>>;

    /// Puts large bytes, or a text of a byte for each character, where the other process finds them. The result describes
    /// that; nothing if they are to be in the buffer.
    fn put(&self, bytes: &[u8], is_text: bool) -> Option<Vec<u8>>;

    /// The object that the other process described.
    fn made<'py>(&self, py: Python<'py>, description: &[u8]) -> Result<Bound<'py, PyAny>>;

    /// A table as an array of bytes.
    fn packed<'py>(&self, table: &Bound<'py, PyAny>) -> Result<Bound<'py, PyAny>>;
}

pub(super) static SHARING: OnceLock<Box<dyn Sharing>> = OnceLock::new();

/// Has arrays cross as another crate says.
pub fn share_by(sharing: impl Sharing + 'static) {
    let _ = SHARING.set(Box::new(sharing)); // a process serves one other
}
