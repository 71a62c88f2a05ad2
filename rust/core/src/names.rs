// SPDX-License-Identifier: Apache-2.0
//! Names of variables and attributes as Python strings: to find one here costs less than to make and
//! hash it. What is looked up by them is up to `exec.rs` and `object.rs`.

use crate::{Result, pack};
use lru::LruCache;
use once_cell::sync::Lazy;
use parking_lot::Mutex;
use pyo3::prelude::*;
use pyo3::types::PyString;
use std::num::NonZeroUsize;

type Names = LruCache<Box<[u8]>, Py<PyString>>;

static NAMES: Lazy<Mutex<Names>> = Lazy::new(|| Mutex::new(LruCache::new(KEPT_NAMES)));
const KEPT_NAMES: NonZeroUsize = NonZeroUsize::new(512).unwrap();
const LONGEST_NAME: usize = 100;

/// The same string each time: a dict then finds it by its address, and knows its hash.
pub(crate) fn name<'py>(py: Python<'py>, bytes: &[u8]) -> Result<Bound<'py, PyString>> {
    if let Some(name) = NAMES.lock().get(bytes) {
        return Ok(name.bind(py).clone());
    }
    let name = pack::string(py, bytes)?;
    if bytes.len() <= LONGEST_NAME {
        NAMES.lock().put(bytes.into(), name.clone().unbind());
    }
    Ok(name)
}
