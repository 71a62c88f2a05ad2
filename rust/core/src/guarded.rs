// SPDX-License-Identifier: Apache-2.0
//! Data that the GIL protects. A lock takes ten nanoseconds to take and to give back, which is more than most of what is
//! done with this data takes; that the GIL is held costs nothing to know.

use pyo3::prelude::*;
use std::cell::{RefCell, RefMut};

/// A value for threads that hold the GIL. It is to be let go before Python code can run, as with a lock: whoever else wants it
/// then would panic.
pub(crate) struct Guarded<T>(RefCell<T>);

// SAFETY: the value, and what notes that it is in use, is reached by `lock` alone. Whoever calls that holds the GIL, and
// again when the result ends, since neither that nor `Python` leaves its thread; so one thread at a time uses either.
unsafe impl<T: Send> Sync for Guarded<T> {}

impl<T> Guarded<T> {
    pub(crate) const fn new(value: T) -> Self {
        Guarded(RefCell::new(value))
    }

    pub(crate) fn lock<'py>(&'py self, _held: Python<'py>) -> RefMut<'py, T> {
        self.0.borrow_mut()
    }
}
