// SPDX-License-Identifier: Apache-2.0
//! Stops Python code that runs for too long or whose Java thread was interrupted, by an exception
//! that CPython raises in it between two bytecodes. When to stop is decided in Java (`Stopper`).
//!
//! CPython delivers such an exception only while Python code runs; one that comes too late would hit
//! the thread's next call. So each call is known here from its start to its end, and what was not
//! delivered by then is withdrawn. All of it happens with the GIL held, which orders it.

use crate::interpreter::tools;
use crate::{Result, capi, gil, handle};
use once_cell::sync::Lazy;
use parking_lot::Mutex;
use pyo3::prelude::*;
use std::cell::OnceCell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

/// The number that the call gave to a call. 0 is a call that cannot be stopped.
pub type Number = u64;

/// A number for the calls of a thread, in the upper half of theirs: no two threads of any class loader have the same.
pub fn new_slot_number() -> Number {
    static MADE: AtomicU64 = AtomicU64::new(0);
    MADE.fetch_add(1, Ordering::Relaxed) + 1
}

/// Why a call is stopped; decides the class of the exception.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The Java thread was interrupted.
    Interrupted,
    /// The call's time is over.
    Timeout,
}

/// One OS thread's innermost call, 0 outside of any.
#[derive(Default)]
struct Slot {
    thread: u64,
    call: AtomicU64,
    /// The call that ended last.
    ended: AtomicU64,
    /// The call that an exception was raised in last, 0 once that is over.
    raised: AtomicU64,
}

thread_local! {
    static SLOT: OnceCell<Arc<Slot>> = const { OnceCell::new() };
}

static SLOTS: Lazy<Mutex<Vec<Weak<Slot>>>> = Lazy::new(Mutex::default);

fn new_slot() -> Arc<Slot> {
    let slot = Arc::new(Slot {
        thread: capi::thread_ident(),
        ..Slot::default()
    });
    let mut slots = SLOTS.lock();
    slots.retain(|other| other.strong_count() > 0);
    slots.push(Arc::downgrade(&slot));
    slot
}

/// Runs a call inside Python that may be stopped.
pub fn stoppable<R>(call: Number, body: impl for<'py> FnOnce(Python<'py>) -> R) -> R {
    struct Running<'a, 'py> {
        py: Python<'py>,
        slot: &'a Slot,
        outer: Number,
    }
    impl Drop for Running<'_, '_> {
        fn drop(&mut self) {
            let ended = self.slot.call.load(Ordering::Relaxed);
            self.slot.call.store(self.outer, Ordering::Relaxed);
            self.slot.ended.store(ended, Ordering::Relaxed);
            if ended != 0 && self.slot.raised.load(Ordering::Relaxed) == ended {
                self.slot.raised.store(0, Ordering::Relaxed);
                capi::withdraw_exception(self.py, self.slot.thread);
            }
        }
    }
    gil::inside(|py| {
        let mut body = Some(body);
        let mut run = || body.take().map(|body| body(py));
        let result = SLOT.try_with(|slot| {
            let slot = slot.get_or_init(new_slot);
            let outer = slot.call.load(Ordering::Relaxed); // written by its own thread only
            slot.call.store(call, Ordering::Relaxed);
            let _running = Running { py, slot, outer };
            handle::free_late(py); // what that runs can be stopped, too
            run()
        });
        // At the end of a thread, when there is no slot any more, nothing is stopped.
        let result = result.unwrap_or_else(|_| run());
        result.expect("it runs once")
    })
}

/// Runs what belongs to the call that ended last: what its error says of itself is made by Python code, too. If
/// that was another call, nobody stops it any more.
pub fn still_stoppable<R>(body: impl for<'py> FnOnce(Python<'py>) -> R) -> R {
    let ended = |slot: &OnceCell<Arc<Slot>>| slot.get().map_or(0, |slot| slot.ended.load(Ordering::Relaxed));
    stoppable(SLOT.try_with(ended).unwrap_or(0), body)
}

/// Whether an exception is one of those that [`stop`] raises.
pub(crate) fn is_stop(py: Python<'_>, raised: &PyErr) -> bool {
    tools().is_ok_and(|tools| {
        raised.is_instance(py, tools.interrupted.bind(py)) || raised.is_instance(py, tools.timeout.bind(py))
    })
}

/// Raises an exception in a call. False if it does not run, or not yet, or has an inner call now.
pub fn stop(py: Python<'_>, call: Number, reason: Reason) -> Result<bool> {
    let slots: Vec<_> = SLOTS.lock().iter().filter_map(Weak::upgrade).collect();
    let running = |slot: &Arc<Slot>| call != 0 && slot.call.load(Ordering::Relaxed) == call;
    let Some(slot) = slots.into_iter().find(running) else {
        return Ok(false);
    };
    slot.raised.store(call, Ordering::Relaxed);
    let tools = tools()?;
    let class = match reason {
        Reason::Interrupted => &tools.interrupted,
        Reason::Timeout => &tools.timeout,
    };
    Ok(capi::raise_in(slot.thread, class.bind(py)))
}
