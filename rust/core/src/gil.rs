// SPDX-License-Identifier: Apache-2.0
//! Knows which OS thread is inside Python, and keeps the Python state of a thread between its visits. The turns
//! of Java's `PythonGIL` decide earlier which thread may enter next.
//!
//! The `PyThreadState` of a thread outlives its visits, so that `threading.local`, context variables and similar data
//! of a pool thread stay. The thread itself frees it when it ends, because from 3.12 on no other thread that has a state can free it.
//!
//! CPython cannot wait for the GIL for a limited time. A thread that may wait only for a limited time takes the GIL
//! by [`try_acquire`]. This function takes the GIL only if it certainly needs no waiting. Otherwise another thread
//! waits for the GIL and passes it on ([`offer`]).

use crate::{Error, Result, capi, fork, handle, inject};
use parking_lot::{RwLock, RwLockReadGuard, RwLockWriteGuard};
use pyo3::ffi;
use pyo3::prelude::*;
use std::cell::{Cell, RefCell};
use std::ffi::c_ulong;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

unsafe extern "C" {
    /// Not in the stable ABI, exported by every libpython from 3.9 on.
    fn PyThreadState_DeleteCurrent();
    fn PyThread_get_thread_ident() -> c_ulong;
    fn PyInterpreterState_Main() -> *mut ffi::PyInterpreterState;
    fn PyInterpreterState_ThreadHead(interpreter: *mut ffi::PyInterpreterState) -> *mut ffi::PyThreadState;
    fn PyThreadState_Next(state: *mut ffi::PyThreadState) -> *mut ffi::PyThreadState;
}

/// Where an OS thread is. Java asks for it by number.
///
/// A virtual thread has no OS thread of its own. While it runs a native call, or Java code that such a call called, it
/// stays on one, and its place is that one's. Between its calls it may be on none: that it has the turn, has lent it or is in a
/// shared block belongs to the Java thread, and `Turn.place()` puts both together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum Place {
    /// Not in Python, or in a turn or shared block of a virtual thread.
    Outside = 0,
    /// It has the GIL for a turn, by [`acquire`].
    Turn = 1,
    /// It has the GIL for the length of one call: of a shared block, of a virtual thread's turn, of a callback.
    Call = 2,
    /// It has the GIL by other means: it is a host's thread, or one of Python's in C code that is not ours.
    Held = 3,
    /// In Java code that Python called; without the GIL, see [`outside`].
    Visiting = 4,
    /// The same, or in a turn outside of any callback, while the turn is lent: it must not enter Python.
    Lent = 5,
}

/// Held for reading by a thread that waits for the GIL without a turn. Who has it for writing knows that no
/// such thread of ours is about to take the GIL. Nobody waits for it with the GIL held.
static GATE: RwLock<()> = RwLock::new(());

/// How many of our threads are in Python without holding a turn's GIL; they may let go of the GIL there. It grows within the
/// gate and before the GIL is taken, and shrinks by `Release` after the GIL was given back: who has the gate for writing knows
/// all who came, and who then reads 0 by `Acquire` sees all that they did.
static INSIDE: AtomicUsize = AtomicUsize::new(0);

/// How many states of threads Python has because of us. Used with the GIL held, which orders it.
static STATES: AtomicUsize = AtomicUsize::new(0);

/// Whether Python has states of other threads, its own ones as a rule. Threads such as these may take the GIL at any time.
/// Written with the GIL held. [`try_acquire`], which has not got it, comes after the last writer by the turn or by [`INSIDE`].
static OTHERS: AtomicBool = AtomicBool::new(false);

/// The newest state when that was last found out. Used with the GIL held, and only compared.
static NEWEST: AtomicPtr<ffi::PyThreadState> = AtomicPtr::new(ptr::null_mut());

/// What Python calls the thread that last began a hold by [`acquire`], until that is over; then 0, by `Release` for
/// [`await_holder`]. That one is called after the thread's end in Java, and so sees the thread's number or a later value.
static HOLDER: AtomicU64 = AtomicU64::new(0);

/// How long the OS thread of an owner that ended with its turn has to end, too, and so to give the GIL back.
const TIME_TO_END: Duration = Duration::from_secs(1);

thread_local! {
    static HERE: Here = const {
        Here {
            state: Cell::new(ptr::null_mut()),
            depth: Cell::new(0),
            hold: Cell::new(Place::Outside),
            callbacks: Cell::new(0),
            lent: Cell::new(false),
            first: Cell::new(false),
            ident: Cell::new(0),
            visits: Cell::new(0),
            measures: Cell::new(false),
            waited: Cell::new(Duration::ZERO),
        }
    };
    static END: End = const { End };
    /// The gate, while this thread offers the GIL.
    static OFFER: RefCell<Option<RwLockWriteGuard<'static, ()>>> = const { RefCell::new(None) };
    /// The gate, between the two halves of [`outside`]'s way back.
    static PASSING: RefCell<Option<RwLockReadGuard<'static, ()>>> = const { RefCell::new(None) };
}

/// What this OS thread is to Python. Nothing of it is to be dropped, so it can be used until the very end of the thread.
struct Here {
    /// The state that waits for the next visit, null before the first one.
    state: Cell<*mut ffi::PyThreadState>,
    /// How many holds are open, since the innermost callback began.
    depth: Cell<u32>,
    /// What they are: `Turn`, `Call` or `Held`. Of several the first one's.
    hold: Cell<Place>,
    /// How many callbacks it is in.
    callbacks: Cell<u32>,
    /// Its turn is lent.
    lent: Cell<bool>,
    /// The state is not ours to free: this thread started CPython, or a host that did lent it.
    first: Cell<bool>,
    /// What Python calls this thread, 0 before it was asked.
    ident: Cell<u64>,
    /// How often it has entered Python.
    visits: Cell<u64>,
    /// Whether it is measured how long its calls wait for the GIL.
    measures: Cell<bool>,
    waited: Cell<Duration>,
}

impl Here {
    fn place(&self) -> Place {
        if self.depth.get() > 0 {
            self.hold.get()
        } else if self.lent.get() {
            Place::Lent
        } else if self.callbacks.get() > 0 {
            Place::Visiting
        } else if capi::gil_held() {
            Place::Held
        } else {
            Place::Outside
        }
    }

    #[inline]
    fn acquire(&self, hold: Place) {
        let depth = self.depth.get();
        if depth == 0 {
            self.enter(hold);
        }
        self.depth.set(depth + 1);
    }

    /// Takes the GIL, by `Turn` or `Call`.
    fn enter(&self, hold: Place) {
        if capi::gil_held() {
            self.hold.set(Place::Held); // it stays when the hold is over
            return;
        }
        self.hold.set(hold);
        self.visits.set(self.visits.get() + 1);
        let call = hold == Place::Call;
        // In a forked child there is nobody who could open the gate.
        let _gate = (call && !fork::is_child()).then(|| GATE.read());
        if call {
            INSIDE.fetch_add(1, Ordering::Relaxed);
            if self.measures.get() {
                return self.attach_and_measure();
            }
        }
        self.attach();
    }

    /// Waits for the GIL, with the thread's state.
    #[inline]
    fn attach(&self) {
        let state = self.state.get();
        if !state.is_null() {
            // SAFETY: the state is this thread's own, made by `attach_first` or by the start, and the
            // thread does not hold the GIL now.
            unsafe { ffi::PyEval_RestoreThread(state) };
        } else {
            self.attach_first();
        }
    }

    #[cold]
    fn attach_and_measure(&self) {
        let since = Instant::now();
        self.attach();
        self.waited.set(self.waited.get() + since.elapsed());
    }

    /// The same with a new state.
    #[cold]
    fn attach_first(&self) {
        // SAFETY: CPython runs. The count of this Ensure is never given back, so that inner
        // pairs of Ensure and Release leave the state alive.
        unsafe {
            self.first.set(!ffi::PyGILState_GetThisThreadState().is_null());
            ffi::PyGILState_Ensure();
            self.state.set(ffi::PyThreadState_Get());
        }
        if !self.first.get() {
            STATES.fetch_add(1, Ordering::Relaxed);
        }
        let _ = END.try_with(|_| ());
    }

    #[inline]
    fn release(&self) {
        let depth = self.depth.get();
        debug_assert!(depth > 0);
        if depth == 1 && self.hold.get() != Place::Held {
            self.leave();
        }
        self.depth.set(depth.saturating_sub(1));
    }

    /// Gives the GIL back.
    fn leave(&self) {
        look_for_others();
        // SAFETY: this thread holds the GIL since `enter`.
        self.state.set(unsafe { ffi::PyEval_SaveThread() });
        if self.hold.get() == Place::Call {
            INSIDE.fetch_sub(1, Ordering::Release);
        }
    }

    /// The hold by [`acquire`], if it was one. The short ones of [`with`] are no concern of the next owner's.
    fn hold_ends(&self) {
        let ident = self.ident.get();
        if ident != 0 && HOLDER.load(Ordering::Relaxed) == ident {
            HOLDER.store(0, Ordering::Release);
        }
    }

    /// The end of the thread: its state goes, and the GIL with it if it still had that.
    fn end(&self) {
        let state = self.state.get();
        // SAFETY: Py_IsInitialized needs nothing.
        if state.is_null() || unsafe { ffi::Py_IsInitialized() } == 0 {
            return;
        }
        let Some(_guard) = capi::Guard::new() else {
            return; // a host ends Python, and what this thread has there goes with it
        };
        let inside = self.depth.get() > 0 && self.hold.get() != Place::Held;
        self.hold_ends();
        if self.first.get() {
            if inside {
                // SAFETY: this thread holds the GIL; the main state stays with the interpreter.
                unsafe { ffi::PyEval_SaveThread() };
            }
            return;
        }
        if !inside {
            self.enter(Place::Call);
        }
        self.depth.set(1); // a hold like any: what is freed may call Java, which may call Python
        NEWEST.store(ptr::null_mut(), Ordering::Relaxed); // another state may get this one's address
        // SAFETY: the state is this thread's own and current; deleting it gives the GIL back.
        // Nobody uses it afterwards: the thread is at its end.
        unsafe {
            ffi::PyThreadState_Clear(state);
            STATES.fetch_sub(1, Ordering::Relaxed);
            PyThreadState_DeleteCurrent();
        }
        if self.hold.get() == Place::Call {
            INSIDE.fetch_sub(1, Ordering::Release);
        }
        self.state.set(ptr::null_mut());
        self.depth.set(0);
    }

    /// The same on Windows, which ends a thread with the lock of its loader. No thread can begin without that lock. If this one waited for
    /// the GIL, and the thread that has it for a new one, neither would go on. So another thread frees the state.
    fn end_elsewhere(&self) {
        let state = self.state.replace(ptr::null_mut());
        // SAFETY: Py_IsInitialized needs nothing.
        if state.is_null() || unsafe { ffi::Py_IsInitialized() } == 0 {
            return;
        }
        self.hold_ends();
        if self.depth.replace(0) > 0 && self.hold.get() != Place::Held {
            // SAFETY: this thread holds the GIL.
            unsafe { ffi::PyEval_SaveThread() };
            if self.hold.get() == Place::Call {
                INSIDE.fetch_sub(1, Ordering::Release);
            }
        }
        if !self.first.get() {
            let left = LEFT.get_or_init(|| {
                let (sender, receiver) = mpsc::channel();
                // Without it, or at the end of the process, the states stay.
                let _ = thread::Builder::new()
                    .name("python4j-ends".into())
                    .spawn(move || free_left(&receiver));
                sender
            });
            let _ = left.send(Left(state));
        }
    }
}

/// Finds out whether Python has threads that are not ours, if it has got a new one. Needs the GIL; a few instructions else.
fn look_for_others() {
    // SAFETY: the GIL is held, which the first list's threads need to leave it. One that comes is put before the first.
    unsafe {
        let first = PyInterpreterState_ThreadHead(PyInterpreterState_Main());
        if NEWEST.load(Ordering::Relaxed) == first {
            return;
        }
        NEWEST.store(first, Ordering::Relaxed);
        let (mut count, mut state) = (0, first);
        while !state.is_null() {
            count += 1;
            state = PyThreadState_Next(state);
        }
        OTHERS.store(count > STATES.load(Ordering::Relaxed), Ordering::Relaxed);
    }
}

/// Ends what a thread is to Python when the thread ends.
struct End;

impl Drop for End {
    fn drop(&mut self) {
        HERE.with(|here| {
            if cfg!(windows) {
                here.end_elsewhere()
            } else {
                here.end()
            }
        });
    }
}

/// Does now what Windows does at the end of this thread, for tests elsewhere. The thread must not enter Python afterwards.
#[doc(hidden)]
pub fn leave() {
    HERE.with(Here::end_elsewhere);
}

/// The state of a thread that has ended.
struct Left(*mut ffi::PyThreadState);

// SAFETY: nobody uses the state but the one thread that it is sent to.
unsafe impl Send for Left {}

/// States of threads that have ended, for the thread that frees them.
static LEFT: OnceLock<Sender<Left>> = OnceLock::new();

fn free_left(states: &Receiver<Left>) {
    while let Ok(Left(state)) = states.recv() {
        // SAFETY: Py_IsInitialized needs nothing.
        if unsafe { ffi::Py_IsInitialized() } == 0 {
            continue;
        }
        HERE.with(|here| {
            here.acquire(Place::Call);
            // SAFETY: the GIL is held, and the state's thread has ended. What is freed finds this thread's own state, not that one.
            unsafe { ffi::PyThreadState_Clear(state) };
            here.end();
        });
        let Some(_guard) = capi::Guard::new() else {
            continue;
        };
        let gate = GATE.read();
        INSIDE.fetch_add(1, Ordering::Relaxed);
        // SAFETY: nothing uses the state any more. This thread has no state now, as it has ended its own: from 3.12 on to delete one makes its
        // thread one without a state.
        unsafe {
            ffi::PyEval_RestoreThread(state);
            drop(gate);
            NEWEST.store(ptr::null_mut(), Ordering::Relaxed); // another state may get this one's address
            STATES.fetch_sub(1, Ordering::Relaxed);
            PyThreadState_DeleteCurrent();
        }
        INSIDE.fetch_sub(1, Ordering::Release);
    }
}

/// How many nanoseconds calls of this thread have waited for the GIL, as far as that was measured. With true, measuring begins
/// anew, with false it ends.
pub fn waited(measure: bool) -> i64 {
    HERE.with(|here| {
        here.measures.set(measure);
        i64::try_from(here.waited.take().as_nanos()).unwrap_or(i64::MAX)
    })
}

/// Where the calling thread is. CPython must be running.
pub fn place() -> Place {
    HERE.with(Here::place)
}

/// Whether the calling thread, which is in a call, keeps the GIL after it: nobody comes between its calls.
pub(crate) fn is_kept() -> bool {
    HERE.with(|here| here.depth.get() > 1 || here.hold.get() == Place::Held)
}

/// Whether the calling thread has the GIL, or is in Java code that Python called.
pub fn is_inside() -> bool {
    !matches!(place(), Place::Outside | Place::Lent)
}

/// How often the calling thread has entered Python: while that stays the same, so do its context variables.
pub(crate) fn visits() -> u64 {
    HERE.with(|here| here.visits.get())
}

/// Takes the GIL for this OS thread until [`release`]. Counts. CPython must be running. Returns the place that the
/// thread had: where that is none from which a turn begins, nothing is taken, or nothing that needs a turn.
pub fn acquire() -> Place {
    HERE.with(|here| {
        if here.depth.get() == 0 && (here.lent.get() || here.callbacks.get() > 0) {
            return here.place();
        }
        here.acquire(Place::Turn);
        if here.ident.get() == 0 {
            // SAFETY: needs nothing.
            here.ident.set(unsafe { PyThread_get_thread_ident() } as u64);
        }
        HOLDER.store(here.ident.get(), Ordering::Relaxed);
        match here.hold.get() {
            Place::Held => Place::Held,
            _ => Place::Outside,
        }
    })
}

/// As [`acquire`] for the owner of the turn, if it is certain that nobody has the GIL or is about to take it; else nothing
/// happens. Without `keep`, for a thread whose calls take the GIL for themselves, nothing is taken.
pub fn try_acquire(keep: bool) -> Option<Place> {
    let place = place();
    if place != Place::Outside {
        return Some(if keep { acquire() } else { place });
    }
    // Whoever holds this for reading waits for the GIL; whoever comes now waits until the GIL is taken.
    let _gate = GATE.try_write()?;
    let free = INSIDE.load(Ordering::Acquire) == 0 && !OTHERS.load(Ordering::Relaxed);
    free.then(|| if keep { acquire() } else { place })
}

/// Whether Python had states of other threads, its own ones as a rule, when a thread of ours last left it.
pub fn has_others() -> bool {
    OTHERS.load(Ordering::Relaxed)
}

/// Waits for the GIL, however long that takes, on a thread that is made for it, and keeps it until [`offer_taken`]. It takes
/// it when no thread of ours that has no turn waits for it, and keeps those that come at the gate until [`offer_ends`]: so the
/// thread that it is offered to gets it next, unless a thread of Python's wakes up inside Python at this very moment.
pub fn offer() {
    OFFER.with(|offer| *offer.borrow_mut() = Some(GATE.write()));
    HERE.with(|here| here.acquire(Place::Turn)); // not by Call, which would wait at the gate
    NEWEST.store(ptr::null_mut(), Ordering::Relaxed); // the others may be gone
}

/// Gives the GIL to the thread that waits for it.
pub fn offer_taken() {
    HERE.with(Here::release);
}

/// Opens the gate.
pub fn offer_ends() {
    OFFER.with(|offer| drop(offer.borrow_mut().take()));
}

/// Whether the calling thread's turn is lent to others, who may then enter while this one must not.
pub fn lend(lent: bool) {
    HERE.with(|here| here.lent.set(lent));
}

/// Waits until the thread that has a hold by [`acquire`] gives it back. It has ended as a thread of Java, so it does
/// that at its end as a thread of the system, or never.
pub fn await_holder() -> Result<()> {
    let holder = HOLDER.load(Ordering::Acquire);
    let late = Instant::now() + TIME_TO_END;
    while holder != 0 && HOLDER.load(Ordering::Acquire) == holder {
        if Instant::now() >= late {
            return Err(Error::refused(
                "A thread ended without closing its PythonGIL, and its OS thread, which has Python's GIL, goes on (that of \
                 main does until the JVM ends): no thread can enter Python any more. Close each PythonGIL, by \
                 try (PythonGIL gil = PythonGIL.lock()) { ... }.",
            ));
        }
        thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}

/// Gives back all that this thread has by [`acquire`], at whatever depth: it will not come back to Python.
pub fn abandon() {
    HERE.with(|here| {
        here.hold_ends();
        if here.depth.get() > 0 {
            here.depth.set(1);
            here.release();
        }
    });
}

/// What Python calls the thread that last came in by [`acquire`] and is not out yet, else 0. Needs no Python.
pub fn holder() -> u64 {
    HOLDER.load(Ordering::Relaxed)
}

/// Gives back one [`acquire`]. Without one it does nothing.
pub fn release() {
    HERE.with(|here| {
        if here.depth.get() == 1 {
            here.hold_ends();
        }
        if here.depth.get() > 0 {
            here.release();
        }
    });
}

/// Called by the start with the GIL held: this thread's state is the interpreter's first one.
pub(crate) fn adopt_first(release: bool) {
    END.with(|_| ());
    HERE.with(|here| {
        here.first.set(true);
        STATES.fetch_add(1, Ordering::Relaxed);
        if release {
            // SAFETY: the start holds the GIL.
            here.state.set(unsafe { ffi::PyEval_SaveThread() });
        } else {
            // SAFETY: the start holds the GIL, so there is a current state.
            here.state.set(unsafe { ffi::PyThreadState_Get() });
            here.hold.set(Place::Turn);
            here.depth.set(1);
        }
    });
}

/// Runs `body` inside Python, and first frees what others left to be freed.
pub fn with<R>(body: impl for<'py> FnOnce(Python<'py>) -> R) -> R {
    inside(|py| {
        handle::free_late(py);
        body(py)
    })
}

/// One hold for the length of a call.
struct Hold;

impl Hold {
    #[inline]
    fn new() -> Self {
        HERE.with(|here| here.acquire(Place::Call));
        Hold
    }
}

impl Drop for Hold {
    #[inline]
    fn drop(&mut self) {
        HERE.with(Here::release);
    }
}

/// Runs `body` inside Python, and nobody's finalizers before it.
///
/// On a thread that holds the GIL this costs a few instructions. On another one, a virtual thread's
/// carrier say, the GIL is taken for the length of the call.
#[allow(clippy::disallowed_methods)] // the one place
pub fn inside<R>(body: impl for<'py> FnOnce(Python<'py>) -> R) -> R {
    let _hold = Hold::new();
    let run = |py: Python<'_>| {
        inject::point();
        let result = body(py);
        inject::point();
        result
    };
    // SAFETY: CPython runs, and this thread holds the GIL.
    unsafe { Python::attach_unchecked(run) }
}

/// As [`inside`] for a small operation: pyo3 is not told that this thread is attached, for which it would ask CPython. A `Py` that
/// `body` drops waits for the next call that is told, so it is for a `body` that drops none, but as an error's.
#[inline]
pub fn briefly<R>(body: impl for<'py> FnOnce(Python<'py>) -> R) -> R {
    let _hold = Hold::new();
    inject::point();
    // SAFETY: CPython runs, and this thread holds the GIL for as long as `_hold` lives, which no `'py` outlives.
    let result = body(unsafe { Python::assume_attached() });
    inject::point();
    result
}

/// Tells pyo3 for the length of `body` that this thread is attached, where [`briefly`] or CPython itself called and `body` may drop a `Py`.
pub(crate) fn told<'py, R>(py: Python<'py>, body: impl FnOnce(Python<'py>) -> R) -> R {
    // SAFETY: it is.
    unsafe { Python::attach_unchecked(|_| body(py)) }
}

/// Runs `body` outside Python: other threads may enter meanwhile, and `body` may come back in by
/// [`with`], on this thread with this thread's state. The thread's place is then as it was before, whatever `body` did.
#[allow(clippy::disallowed_methods)] // the one place
pub fn outside<R: Send>(py: Python<'_>, body: impl FnOnce() -> R + Send) -> R {
    struct Back {
        state: *mut ffi::PyThreadState,
        depth: u32,
        hold: Place,
        lent: bool,
    }
    impl Back {
        fn is_turn(&self) -> bool {
            self.depth > 0 && self.hold == Place::Turn
        }
    }
    impl Drop for Back {
        #[inline]
        fn drop(&mut self) {
            HERE.with(|here| {
                here.state.set(self.state);
                here.depth.set(self.depth);
                here.hold.set(self.hold);
                here.lent.set(self.lent);
                here.callbacks.set(here.callbacks.get() - 1);
            });
            if !self.is_turn() {
                let _ = PASSING.try_with(|passing| drop(passing.borrow_mut().take()));
            }
        }
    }
    let back = HERE.with(|here| {
        here.callbacks.set(here.callbacks.get() + 1);
        let state = here.state.get();
        if here.depth.get() == 0 || here.hold.get() == Place::Held {
            // SAFETY: the GIL is held, so there is a current state, and it stays this thread's.
            here.state.set(unsafe { ffi::PyThreadState_Get() });
        } // else it is the one with which the thread came in
        Back {
            state,
            depth: here.depth.replace(0),
            hold: here.hold.get(),
            lent: here.lent.replace(false),
        }
    });
    let turn = back.is_turn();
    py.detach(|| {
        let result = body();
        if !turn {
            let _ = PASSING.try_with(|passing| *passing.borrow_mut() = Some(GATE.read()));
        }
        result
    })
}
