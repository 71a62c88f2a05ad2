// SPDX-License-Identifier: Apache-2.0
//! Panics on demand, for the torture suite. Without the feature `inject`, and so in every release, an injection
//! point compiles to nothing.

#[cfg(feature = "inject")]
mod on {
    use std::cell::Cell;

    thread_local! {
        static LEFT: Cell<u64> = const { Cell::new(0) };
    }

    /// Has this thread panic at the so-many-th point from here; 0 takes it back. How many were left.
    pub fn panic_after(points: u64) -> u64 {
        LEFT.replace(points)
    }

    /// A place at which a panic must do no harm.
    pub fn point() {
        let left = LEFT.get();
        LEFT.set(left.saturating_sub(1));
        assert!(left != 1, "injected");
    }
}

#[cfg(feature = "inject")]
pub use on::{panic_after, point};

/// A place at which a panic must do no harm.
#[cfg(not(feature = "inject"))]
#[inline(always)]
pub fn point() {}
