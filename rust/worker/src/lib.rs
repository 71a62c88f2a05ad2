// SPDX-License-Identifier: Apache-2.0
//! A worker process of a pool, which serves one other process: an extension module of whatever Python runs it.
//!
//! - [`process`] is what the system is asked for: limits, and which files stay open.
//! - [`channel`] carries messages between both processes, for all threads of this one.
//! - [`serve`] does what requests ask for, by the core.
//!
//! The other half is `java/pool`, which starts these processes by `rust/jni/src/process.rs`.

#[allow(unsafe_code)]
mod channel;
#[allow(unsafe_code)]
mod process;
mod serve;

use pyo3::prelude::*;

/// The module, which has one function.
#[allow(unsafe_code)] // the code that the macro writes
#[pymodule]
fn python4j_worker(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(run, module)?)
}

/// Serves the other ends of two sockets, the second of which only brings what is urgent, and ends this process when
/// they are closed. `parent` is the process that this one does not outlive, 0 for none that is to be watched.
#[allow(unsafe_code)] // the code that the macro writes
#[pyfunction]
fn run(py: Python<'_>, data: i32, control: i32, parent: i32) -> PyResult<()> {
    serve::run(py, data, control, parent)
        .map_err(|error| pyo3::exceptions::PyRuntimeError::new_err(error.to_string()))
}
