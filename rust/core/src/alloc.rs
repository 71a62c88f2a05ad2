// SPDX-License-Identifier: Apache-2.0
//! Memory whose size users decide. When an allocation of Rust's own fails, the process ends. So such memory is
//! allocated here first, and a failure becomes Python's `MemoryError`.

use pyo3::exceptions::PyMemoryError;
use pyo3::{PyErr, PyResult};

/// A vector without elements that has room for so many.
pub fn with_capacity<T>(count: usize) -> PyResult<Vec<T>> {
    let mut vector = Vec::new();
    match vector.try_reserve_exact(count) {
        Ok(()) => Ok(vector),
        Err(_) => Err(none::<T>(count)),
    }
}

/// A vector of so many zeros.
pub fn zeros<T: Clone + Default>(count: usize) -> PyResult<Vec<T>> {
    let mut vector = with_capacity(count)?;
    vector.resize(count, T::default());
    Ok(vector)
}

/// Room for so many more in a vector that may grow further.
pub fn reserve<T>(vector: &mut Vec<T>, count: usize) -> PyResult<()> {
    match vector.try_reserve(count) {
        Ok(()) => Ok(()),
        Err(_) => Err(none::<T>(vector.len().saturating_add(count))),
    }
}

#[cold]
fn none<T>(count: usize) -> PyErr {
    let bytes = count.saturating_mul(size_of::<T>());
    PyMemoryError::new_err(format!("There is no memory for {bytes} bytes."))
}
