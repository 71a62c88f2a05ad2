// SPDX-License-Identifier: Apache-2.0
//! The Windows version of `signals`, which does nothing. Faults are structured exceptions there, which HotSpot
//! handles first, and CPython's handlers run on a separate thread.

use std::ffi::c_int;

/// HotSpot's handlers, which no start of Python replaces here.
pub(crate) struct Handlers;

impl Handlers {
    pub(crate) fn current() -> Self {
        Handlers
    }

    pub(crate) fn put_back(&self) {}
}

/// See `signals`.
pub(crate) fn this_is_main() {}

/// See `signals`.
pub(crate) fn hand_on(_signal: c_int) {}

/// See `signals`.
pub(crate) fn this_thread() -> c_int {
    0
}

/// See `signals`.
pub(crate) fn interrupt(_thread: c_int) {}
