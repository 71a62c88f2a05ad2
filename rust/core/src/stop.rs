// SPDX-License-Identifier: Apache-2.0
//! Stops Python code that runs for too long or whose Java thread was interrupted, by an exception
//! that CPython raises in it between two bytecodes. When to stop is decided in Java (`Stopper`).
//!
//! CPython delivers such an exception only while Python code runs; one that comes too late would hit
//! the thread's next call. So each call is known here from its start to its end, and what was not
//! delivered by then is withdrawn. All of it happens with the GIL held, which orders it.

use crate::interpreter::tools;
use crate::{Result, capi};
use once_cell::sync::Lazy;
use parking_lot::Mutex;
use pyo3::prelude::*;
use std::cell::OnceCell;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};

/// Whose call this is: the id of a Java thread. 0 is nobody: the call cannot be stopped.
pub type Caller = u64;

/// Why a call is stopped; decides the class of the exception.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The Java thread was interrupted.
    Interrupted,
    /// The call's time is over.
    Timeout,
}

/// One OS thread's innermost call.
#[derive(Default)]
struct Slot {
    thread: u64,
    caller: AtomicU64,
    raised: AtomicBool,
}

thread_local! {
    static SLOT: OnceCell<Arc<Slot>> = const { OnceCell::new() };
}

static SLOTS: Lazy<Mutex<Vec<Weak<Slot>>>> = Lazy::new(Mutex::default);

fn slot() -> Arc<Slot> {
    SLOT.with(|slot| {
        Arc::clone(slot.get_or_init(|| {
            let slot = Arc::new(Slot {
                thread: capi::thread_ident(),
                ..Slot::default()
            });
            let mut slots = SLOTS.lock();
            slots.retain(|other| other.strong_count() > 0);
            slots.push(Arc::downgrade(&slot));
            slot
        }))
    })
}

/// Runs a call that may be stopped.
pub fn stoppable<R>(py: Python<'_>, caller: Caller, body: impl FnOnce() -> R) -> R {
    struct Call<'py> {
        py: Python<'py>,
        slot: Arc<Slot>,
        outer: Caller,
    }
    impl Drop for Call<'_> {
        fn drop(&mut self) {
            self.slot.caller.store(self.outer, Ordering::Relaxed);
            if self.slot.raised.load(Ordering::Relaxed) && self.outer == 0 {
                self.slot.raised.store(false, Ordering::Relaxed);
                capi::withdraw_exception(self.py, self.slot.thread);
            }
        }
    }
    let slot = slot();
    let outer = slot.caller.swap(caller, Ordering::Relaxed);
    let _call = Call { py, slot, outer };
    body()
}

/// Raises an exception in the call of a Java thread. False if that thread has no call now.
pub fn stop(py: Python<'_>, caller: Caller, reason: Reason) -> Result<bool> {
    let slots: Vec<_> = SLOTS.lock().iter().filter_map(Weak::upgrade).collect();
    let running = |slot: &Arc<Slot>| caller != 0 && slot.caller.load(Ordering::Relaxed) == caller;
    let Some(slot) = slots.into_iter().find(running) else {
        return Ok(false);
    };
    slot.raised.store(true, Ordering::Relaxed);
    let tools = tools()?;
    let class = match reason {
        Reason::Interrupted => &tools.interrupted,
        Reason::Timeout => &tools.timeout,
    };
    Ok(capi::raise_in(slot.thread, class.bind(py)))
}
