// SPDX-License-Identifier: Apache-2.0
//! Stops Python code that runs for too long or whose Java thread was interrupted, by an exception that CPython raises
//! in it between two bytecodes. Java decides when to stop a call (`Stopper`).
//!
//! CPython delivers such an exception only while Python code runs. An exception that comes too late would hit the
//! next call of the thread. So this file knows each call from its start to its end, and withdraws an exception that
//! was not delivered by then. All of this happens with the GIL held, so the order is well defined.

use crate::handle::Handle;
use crate::tools::tools;
use crate::{Result, callback, capi, gil, handle, script, signals};
use parking_lot::Mutex;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyFloat, PyInt, PyModule, PyTuple};
use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// The number that the call gave to a call. 0 is a call that cannot be stopped.
pub type Number = u64;

/// Where the number of the slot begins in that of a call; `Stopper` has the same.
const SLOT_SHIFT: u32 = 40;

/// A number for the calls of a thread, in the upper half of theirs: no two threads of any class loader have the same.
pub fn new_slot_number() -> Number {
    static MADE: AtomicU64 = AtomicU64::new(0);
    MADE.fetch_add(1, Ordering::Relaxed) + 1 // it only has to be another one each time
}

/// Why a call is stopped; decides the class of the exception.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The Java thread was interrupted.
    Interrupted,
    /// The call's time is over.
    Timeout,
}

/// One OS thread's innermost call, 0 outside of any. The atomics are used with the GIL held, which orders them, or by their own
/// thread: they are atomics since the slot is shared, and `Relaxed`. A slot stays for ever, and is another thread's when its own has
/// ended: so the compiler need not keep it for the length of a call, and puts the whole of a small operation into one function.
struct Slot {
    thread: AtomicU64,
    call: AtomicU64,
    /// The calls around it of other class loaders, whose `Stopper` knows nothing of those within.
    around: Mutex<Vec<Number>>,
    /// The call that ended last.
    ended: AtomicU64,
    /// The call that an exception was raised in last, 0 once that is over.
    raised: AtomicU64,
    /// How often that happened, and why the last time.
    asked: AtomicU64,
    timeout: AtomicBool,
    /// The call that is left alone because it imports a module, and since when.
    spared: Mutex<Option<(Number, Instant)>>,
    /// The modules whose import was ended with the call.
    cut: Mutex<Vec<String>>,
    /// The system's number of the thread.
    system: AtomicI32,
}

/// The slot of a thread, none before its first call.
struct Own(Cell<Option<&'static Slot>>);

thread_local! {
    static SLOT: Own = const { Own(Cell::new(None)) };
}

/// All slots, and those whose threads have ended.
static SLOTS: Mutex<Vec<&'static Slot>> = Mutex::new(Vec::new());
static FREE: Mutex<Vec<&'static Slot>> = Mutex::new(Vec::new());

/// At the end of a thread, when it has no slot any more, nothing is stopped: this one is not among all.
static NOBODYS: Slot = Slot::new();

impl Drop for Own {
    fn drop(&mut self) {
        FREE.lock().extend(self.0.take());
    }
}

/// The calling thread's slot.
#[inline]
fn own_slot() -> &'static Slot {
    let own = |own: &Own| match own.0.get() {
        Some(slot) => slot,
        None => own.begin(),
    };
    SLOT.try_with(own).unwrap_or(&NOBODYS)
}

impl Own {
    #[cold]
    fn begin(&self) -> &'static Slot {
        let free = FREE.lock().pop();
        let slot = free.unwrap_or_else(|| {
            let slot = Box::leak(Box::new(Slot::new()));
            SLOTS.lock().push(slot);
            slot
        });
        for number in [&slot.call, &slot.ended, &slot.raised] {
            number.store(0, Ordering::Relaxed);
        }
        *slot.spared.lock() = None;
        slot.thread.store(capi::thread_ident(), Ordering::Relaxed);
        slot.system.store(signals::this_thread(), Ordering::Relaxed);
        self.0.set(Some(slot));
        slot
    }
}

/// Whether two calls of a thread that can be stopped are of two class loaders.
#[inline]
fn is_of_another(outer: Number, inner: Number) -> bool {
    outer != 0 && inner != 0 && (outer ^ inner) >> SLOT_SHIFT != 0
}

/// Runs a call inside Python that may be stopped.
pub fn stoppable<R>(call: Number, body: impl for<'py> FnOnce(Python<'py>) -> R) -> R {
    gil::inside(|py| {
        running(py, call, |py| {
            handle::free_late(py); // what that runs can be stopped, too
            body(py)
        })
    })
}

/// The same for a small operation, see [`gil::briefly`]. It gives an object back first which was left for this call, if one was. An error is
/// boxed on its way out, so that a result is in registers.
#[inline]
pub fn stoppable_briefly<R>(
    call: Number,
    left: Option<Handle>,
    body: impl for<'py> FnOnce(Python<'py>) -> Result<R>,
) -> Result<R> {
    stoppable_request(call, |py| {
        handle::free_late(py);
        after(py, left, body)
    })
}

/// The same for a request that stands in memory which both sides see ([`pack::told`](crate::pack::told)): `body` reads it, and then frees what others
/// left ([`handle::free_late`]), as a finalizer may run a program that makes a request of its own.
#[inline]
pub fn stoppable_request<R>(call: Number, body: impl for<'py> FnOnce(Python<'py>) -> Result<R>) -> Result<R> {
    gil::briefly(|py| running(py, call, |py| body(py).map_err(Box::new))).map_err(|error| *error)
}

/// The same, and asks `quick` first whether it can do it: that runs no Python code, so there is nothing to stop, and to note the call
/// takes as long.
#[inline]
pub fn quick_or_stoppable<R>(
    call: Number,
    left: Option<Handle>,
    quick: impl for<'py> FnOnce(Python<'py>) -> Option<R>,
    body: impl for<'py> FnOnce(Python<'py>) -> Result<R>,
) -> Result<R> {
    let done = gil::briefly(|py| {
        let last = left.and_then(|left| handle::take_back_but_last(py, left));
        let quick = |py| {
            if last.is_some() || handle::late_waits() {
                None
            } else {
                quick(py)
            }
        };
        match quick(py) {
            Some(result) => Ok(result),
            None => running(py, call, |py| {
                handle::free_late(py);
                if let Some(last) = last {
                    last.drop_ref(py);
                }
                body(py).map_err(Box::new)
            }),
        }
    });
    done.map_err(|error| *error)
}

/// As [`stoppable`], and gives an object back first.
pub fn stoppable_after<R>(
    call: Number,
    left: Option<Handle>,
    body: impl for<'py> FnOnce(Python<'py>) -> R,
) -> R {
    stoppable(call, |py| after(py, left, body))
}

#[inline]
fn after<'py, R>(py: Python<'py>, left: Option<Handle>, body: impl FnOnce(Python<'py>) -> R) -> R {
    if let Some(left) = left {
        handle::take_back(py, left);
    }
    body(py)
}

#[inline]
fn running<'py, R>(py: Python<'py>, call: Number, body: impl FnOnce(Python<'py>) -> R) -> R {
    struct Running<'py> {
        py: Python<'py>,
        slot: &'static Slot,
        outer: Number,
        call: Number,
    }
    impl Drop for Running<'_> {
        #[inline]
        fn drop(&mut self) {
            self.slot.call.store(self.outer, Ordering::Relaxed);
            self.slot.ended.store(self.call, Ordering::Relaxed);
            if is_of_another(self.outer, self.call) {
                self.slot.forget();
            }
            if self.call != 0 && self.slot.raised.load(Ordering::Relaxed) == self.call {
                self.slot.withdraw(self.py);
            }
        }
    }
    let slot = own_slot();
    let outer = slot.call.load(Ordering::Relaxed); // written by its own thread only
    slot.call.store(call, Ordering::Relaxed);
    if is_of_another(outer, call) {
        slot.note(outer);
    }
    let _running = Running {
        py,
        slot,
        outer,
        call,
    };
    body(py)
}

/// Runs what belongs to the call that ended last: what its error says of itself is made by Python code, too. If
/// that was another call, nobody stops it any more.
pub fn still_stoppable<R>(body: impl for<'py> FnOnce(Python<'py>) -> R) -> R {
    stoppable(own_slot().ended.load(Ordering::Relaxed), body)
}

/// For how long a call that is to end may finish what it imports. Some packages, numpy among them, cannot be imported a second time.
const IMPORT_PATIENCE: Duration = Duration::from_secs(5);

/// Raises an exception in a call. False if it does not run, or not yet, or imports a module, or has an inner call now,
/// unless that is of another class loader: then it is raised in the inner one, and is withdrawn at the end of the one that
/// is asked.
pub fn stop(py: Python<'_>, call: Number, reason: Reason) -> Result<bool> {
    let slots = SLOTS.lock().clone();
    let running = |slot: &&Slot| match slot.call.load(Ordering::Relaxed) {
        0 => false,
        inner => inner == call || slot.around.lock().contains(&call),
    };
    let Some(slot) = slots.into_iter().find(running) else {
        return Ok(false);
    };
    // To look at imports runs Python code, in which another thread may have had the GIL.
    if slot.is_spared(py, call) || !running(&slot) {
        return Ok(false);
    }
    slot.raised.store(call, Ordering::Relaxed);
    slot.asked.fetch_add(1, Ordering::Relaxed);
    slot.timeout.store(reason == Reason::Timeout, Ordering::Relaxed);
    let raised = capi::raise_in(slot.thread(), slot.class()?.bind(py));
    if raised && slot.thread() != capi::thread_ident() {
        wake(py, slot);
    }
    Ok(raised)
}

impl Slot {
    const fn new() -> Self {
        Slot {
            thread: AtomicU64::new(0),
            call: AtomicU64::new(0),
            around: Mutex::new(Vec::new()),
            ended: AtomicU64::new(0),
            raised: AtomicU64::new(0),
            asked: AtomicU64::new(0),
            timeout: AtomicBool::new(false),
            spared: Mutex::new(None),
            cut: Mutex::new(Vec::new()),
            system: AtomicI32::new(0),
        }
    }

    fn thread(&self) -> u64 {
        self.thread.load(Ordering::Relaxed)
    }

    /// The call is over in which an exception was raised, delivered or not.
    #[cold]
    fn withdraw(&self, py: Python<'_>) {
        self.raised.store(0, Ordering::Relaxed);
        capi::withdraw_exception(py, self.thread());
        self.take_back(py);
    }

    /// Notes a call around the one that begins, which is of another class loader. Rare, and so apart.
    #[cold]
    fn note(&self, outer: Number) {
        self.around.lock().push(outer);
    }

    #[cold]
    fn forget(&self) {
        self.around.lock().pop();
    }

    /// Whether the call imports a module, and has done so since it was first to end for less than the patience.
    fn is_spared(&self, py: Python<'_>, call: Number) -> bool {
        let imports = script::tool(py, "waits", "imports")
            .and_then(|imports| Ok(imports.call1((self.thread(),))?.extract::<Vec<String>>()?))
            .unwrap_or_default();
        if imports.is_empty() {
            return false;
        }
        let mut spared = self.spared.lock();
        match *spared {
            Some((known, since)) if known == call => {
                let is_spared = since.elapsed() < IMPORT_PATIENCE;
                if !is_spared {
                    self.cut.lock().extend(imports);
                }
                is_spared
            }
            _ => {
                *spared = Some((call, Instant::now()));
                true
            }
        }
    }

    /// Removes what imports that were ended have left. CPython removes a package whose import was ended, but not its submodules
    /// that were complete, and no later import of it would succeed (asyncio: "name 'base_events' is not defined").
    #[cold]
    fn take_back(&self, py: Python<'_>) {
        let cut = std::mem::take(&mut *self.cut.lock());
        if !cut.is_empty() {
            // Where this fails, the package cannot be imported again, as without it.
            let _ = script::tool(py, "waits", "take_back").and_then(|back| Ok(back.call1((cut,))?));
        }
    }

    /// The class of what was raised last.
    fn class(&self) -> Result<&'static Py<PyAny>> {
        let tools = tools()?;
        Ok(if self.timeout.load(Ordering::Relaxed) {
            &tools.timeout
        } else {
            &tools.interrupted
        })
    }
}

/// An exception is seen by a thread that runs Python code. Of those that wait in C some can be made to go on.
fn wake(py: Python<'_>, slot: &Slot) {
    // What cannot be woken ends by itself, as documented; so does what waits where this fails.
    let _ = script::tool(py, "waits", "wake").and_then(|wake| Ok(wake.call1((slot.thread(),))?));
    if py.version_info() >= (3, 15) {
        signals::interrupt(slot.system.load(Ordering::Relaxed)); // from there on an interrupted system call looks for exceptions
    }
}

/// How long a sleep goes on at most before it looks around.
const SLICE: Duration = Duration::from_millis(20);
/// What is longer is the original's to refuse; this is 285 years.
const LONGEST: f64 = 9e9;

/// `time.sleep`, which an exception from outside ends.
pub(crate) fn sleep<'py>(
    original: &Bound<'py, PyAny>,
    arguments: &Bound<'py, PyTuple>,
    named: Option<&Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = original.py();
    let slot = SLOT.try_with(|own| own.0.get()).ok().flatten();
    let slot = slot.filter(|slot| slot.call.load(Ordering::Relaxed) != 0);
    let time = (|| {
        let only = arguments
            .get_item(0)
            .ok()
            .filter(|_| arguments.len() == 1 && named.is_none())?;
        let number = only.is_instance_of::<PyFloat>() || only.is_instance_of::<PyInt>();
        let seconds: f64 = if number { only.extract().ok()? } else { return None };
        (seconds > SLICE.as_secs_f64() && seconds < LONGEST).then(|| (only, Duration::from_secs_f64(seconds)))
    })();
    let (Some(slot), Some((argument, time))) = (slot, time) else {
        return original.call(arguments, named); // nobody ends it, or it is short or refused
    };
    if py.version_info() >= (3, 13) {
        let audit = PyModule::import(py, "sys")?.getattr("audit")?;
        audit.call1(("time.sleep", argument))?;
    }
    let asked = slot.asked.load(Ordering::Relaxed);
    let end = Instant::now() + time;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(py.None().into_bound(py));
        }
        #[allow(clippy::disallowed_methods)] // to sleep calls nothing that asks for the place
        py.detach(|| thread::sleep(left.min(SLICE)));
        py.check_signals()?;
        if slot.asked.load(Ordering::Relaxed) != asked {
            capi::withdraw_exception(py, slot.thread()); // raised here, where no Python code may come that sees it
            let class = slot.class().map_err(callback::raise_again)?;
            return Err(PyErr::from_value(class.bind(py).call0()?));
        }
    }
}
