// SPDX-License-Identifier: Apache-2.0
//! Log records of Python for the process that this worker serves. `records.py` sends them; this file runs it when
//! that process first asks for records.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyDict;
use python4j_core::{Error, Result};
use std::ffi::CString;

/// Sends records, or sends none any more.
pub(crate) fn switch(py: Python<'_>, on: bool) -> Result<()> {
    static SWITCH: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let switch = match SWITCH.get(py) {
        Some(switch) => switch,
        None => {
            let made = load(py)?;
            SWITCH.get_or_init(py, || made)
        }
    };
    switch.call1(py, (on,))?;
    Ok(())
}

fn load(py: Python<'_>) -> Result<Py<PyAny>> {
    let source = CString::new(include_str!("records.py")).map_err(|e| Error::refused(e.to_string()))?;
    let scope = PyDict::new(py);
    scope.set_item("__name__", "python4j_records")?;
    py.run(&source, Some(&scope), None)?;
    let switch = scope.get_item("switch")?;
    Ok(switch
        .ok_or_else(|| Error::refused("records.py has no switch"))?
        .unbind())
}
