// SPDX-License-Identifier: Apache-2.0
//! numpy arrays over foreign memory, and the memory of numpy arrays. Plain buffers are next door, in
//! `buffer`. numpy is imported at the first use of anything here, and may be missing.

use crate::buffer::{self, Element, Layout, Memory};
use crate::handle::{self, Frame, Handle};
use crate::{Error, Result, capi};
use numpy::npyffi::{NPY_ARRAY_WRITEABLE, NPY_TYPES, NpyTypes, PY_ARRAY_API, get_type_object};
use numpy::{PyArrayDescrMethods, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyTuple};
use std::ffi::{CString, c_int};

static READY: PyOnceLock<()> = PyOnceLock::new();
static TOOLS: PyOnceLock<Py<PyDict>> = PyOnceLock::new();

/// Imports numpy unless that is done. Without numpy the error names the interpreter.
pub fn import(py: Python<'_>) -> Result<()> {
    // The numpy crate panics when it does not find numpy's C API: asked for here, it is an error.
    READY
        .get_or_try_init(py, || {
            let numpy = py.import("numpy")?;
            let core = ["numpy._core.multiarray", "numpy.core.multiarray"];
            let found = core.iter().any(|name| py.import(*name).is_ok_and(|m| m.hasattr("_ARRAY_API") == Ok(true)));
        })
        .map(|()| ())
}
