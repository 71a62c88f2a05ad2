// SPDX-License-Identifier: Apache-2.0
//! Reads packed buffers that no writer of ours made, and counts the memory that it takes. For
//! tests/rust/fuzz.rs and tests/fuzz.

use pyo3::prelude::*;
use python4j_core::pack::{Reader, Wanted, Writer};
use python4j_core::{Error, exec};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// The system's allocator, which knows how much each thread has and once had.
struct Counting;

thread_local! {
    static NOW: Cell<isize> = const { Cell::new(0) };
    static MOST: Cell<isize> = const { Cell::new(0) };
}

// SAFETY: hands everything to the system's allocator and counts beside it, without allocating.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = NOW.get() + layout.size() as isize;
        NOW.set(now);
        MOST.set(MOST.get().max(now));
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        NOW.set(NOW.get() - layout.size() as isize);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// What a reader returns, and how much more memory its thread had at most meanwhile.
pub fn taken_by<R>(read: impl FnOnce() -> R) -> (R, isize) {
    let before = NOW.get();
    MOST.set(before);
    let result = read();
    (result, MOST.get() - before)
}

/// How much a buffer may take.
pub fn allowed(buffer: &[u8]) -> isize {
    64 * buffer.len() as isize + (1 << 16)
}

/// Reads a buffer in every way in which buffers are read, and writes what came of it.
pub fn read(py: Python<'_>, buffer: &[u8]) -> Result<(), Error> {
    let outcome = Reader::new(buffer).value(py).and_then(|value| {
        let mut writer = Writer::new(py, 0);
        writer.value(&value)?;
        writer.wanted(&value, Wanted::List)
    });
    for mode in [0, 4] {
        // As a whole request only its head is read: code made of these bytes is no danger, but no use.
        let mut request = vec![mode];
        request.extend_from_slice(buffer);
        if Reader::new(buffer)
            .u32()
            .is_ok_and(|length| length > buffer.len())
        {
            assert!(
                exec::run(py, &request, 0, 0).is_err(),
                "a code longer than its buffer"
            );
        }
    }
    outcome
}
