// SPDX-License-Identifier: Apache-2.0
//! A worker process of a pool, which serves one other process. It is an extension module of the Python that runs it.
//!
//! - [`process`] makes the system calls: limits, and which files stay open.
//! - [`channel`] carries messages between both processes, for all threads of this one.
//! - [`room`] has the blocks that go with the next message; [`heap`] has those of numpy's large arrays.
//! - [`memory`] has the arrays that both processes see.
//! - [`records`] sends log records of Python.
//! - [`serve`] executes requests with the functions of the core; [`server`] forks workers.
//!
//! The other half is `java/pool`, which starts these processes by `rust/jni/src/process.rs`.

#[allow(unsafe_code)]
mod channel;
#[allow(unsafe_code)]
mod heap;
#[allow(unsafe_code)]
mod memory;
#[allow(unsafe_code)]
mod process;
mod records;
#[allow(unsafe_code)]
mod room;
mod serve;
#[allow(unsafe_code)]
mod server;

use pyo3::prelude::*;

/// The module, which has one function.
#[allow(unsafe_code)] // the code that the macro writes
#[pymodule]
fn python4j_worker(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(run, module)?)
}

/// Serves the other ends of two sockets, the second of which only brings what is urgent, and ends this process when
/// they are closed. `parent` is the process that this one does not outlive, 0 for none that is to be watched. With `server` only
/// the first request is served: then this process forks others that serve.
#[allow(unsafe_code)] // the code that the macro writes
#[pyfunction]
#[pyo3(signature = (data, control, parent, server = false))]
fn run(py: Python<'_>, data: i32, control: i32, parent: i32, server: bool) -> PyResult<()> {
    serve::run(py, data, control, parent, server)
        .map_err(|error| pyo3::exceptions::PyRuntimeError::new_err(error.to_string()))
}
