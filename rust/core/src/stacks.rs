// SPDX-License-Identifier: Apache-2.0
//! The stacks of Python's threads, for a watchdog that runs on its own thread. stacks.py formats the text
//! inside Python. So this function waits until the thread that has the GIL releases it.

use crate::{Result, gil, script};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// A stack for each thread that runs Python code, most recent call last, in UTF-8. With `turn` the thread
/// that is in by [`gil::acquire`] is said to have the turn, and comes first.
pub fn dump(py: Python<'_>, turn: bool) -> Result<Vec<u8>> {
    let owner = if turn { gil::holder() } else { 0 };
    let text = script::tool(py, "stacks", "dump")?.call1((owner,))?;
    Ok(text.cast::<PyBytes>().map_err(PyErr::from)?.as_bytes().to_vec())
}
