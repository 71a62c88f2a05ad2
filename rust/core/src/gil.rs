// SPDX-License-Identifier: Apache-2.0
//! Which OS thread is inside Python, and the Python state that a thread keeps between its visits.
//! Who may enter next is decided before, by the turns of Java's `PythonGIL`.
//!
//! A thread's `PyThreadState` outlives its visits, so that `threading.local`, context variables
//! and the like of a pool thread stay. It is freed by its own thread at that thread's end: from
//! 3.12 on nobody else can.

use crate::{Error, Result, capi, handle, inject};
use pyo3::ffi;
use pyo3::prelude::*;
use std::cell::Cell;
use std::ffi::c_ulong;
use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

unsafe extern "C" {
    /// Not in the stable ABI, exported by every libpython from 3.9 on.
    fn PyThreadState_DeleteCurrent();
    fn PyThread_get_thread_ident() -> c_ulong;
}

/// What Python calls the thread that last began a hold by [`acquire`], until that is over; then 0.
static HOLDER: AtomicU64 = AtomicU64::new(0);

/// How long the OS thread of an owner that ended with its turn has to end, too, and so to give the GIL back.
const TIME_TO_END: Duration = Duration::from_secs(1);

thread_local! {
    static HERE: Here = const {
        Here {
            state: Cell::new(ptr::null_mut()),
            depth: Cell::new(0),
            borrowed: Cell::new(false),
            first: Cell::new(false),
            ident: Cell::new(0),
        }
    };
    static END: End = const { End };
}

/// What this OS thread is to Python. Nothing of it is to be dropped, so it can be used until the very end of the thread.
struct Here {
    /// The state that waits for the next visit, null before the first one.
    state: Cell<*mut ffi::PyThreadState>,
    /// How many holds are open.
    depth: Cell<u32>,
    /// The thread had the GIL before the first hold: it stays when the last one is closed.
    borrowed: Cell<bool>,
    /// The state is not ours to free: this thread started CPython, or a host that did lent it.
    first: Cell<bool>,
    /// What Python calls this thread, 0 before it was asked.
    ident: Cell<u64>,
}

impl Here {
    fn acquire(&self) {
        let depth = self.depth.get();
        if depth == 0 {
            self.enter();
        }
        self.depth.set(depth + 1);
    }

    fn enter(&self) {
        let state = self.state.get();
        let held = capi::gil_held();
        if !state.is_null() && !held {
            // SAFETY: the state is this thread's own, made by it below or by the start, and the
            // thread does not hold the GIL now.
            unsafe { ffi::PyEval_RestoreThread(state) };
            self.borrowed.set(false);
        } else if held {
            self.borrowed.set(true);
        } else {
            // SAFETY: CPython runs. The count of this Ensure is never given back, so that inner
            // pairs of Ensure and Release leave the state alive.
            unsafe {
                self.first.set(!ffi::PyGILState_GetThisThreadState().is_null());
                ffi::PyGILState_Ensure();
                self.state.set(ffi::PyThreadState_Get());
            }
            self.borrowed.set(false);
            let _ = END.try_with(|_| ());
        }
    }

    fn release(&self) {
        let depth = self.depth.get();
        debug_assert!(depth > 0);
        if depth == 1 && !self.borrowed.get() {
            // SAFETY: this thread holds the GIL since `enter`.
            self.state.set(unsafe { ffi::PyEval_SaveThread() });
        }
        self.depth.set(depth.saturating_sub(1));
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
        let inside = self.depth.get() > 0 && !self.borrowed.get();
        self.hold_ends();
        if self.first.get() {
            if inside {
                // SAFETY: this thread holds the GIL; the main state stays with the interpreter.
                unsafe { ffi::PyEval_SaveThread() };
            }
            return;
        }
        // SAFETY: the state is this thread's own and current once the GIL is here; deleting it
        // gives the GIL back. Nobody uses it afterwards: the thread is at its end.
        unsafe {
            if !inside {
                ffi::PyEval_RestoreThread(state);
            }
            self.depth.set(1); // a hold like any: what is freed may call Java, which may call Python
            self.borrowed.set(false);
            ffi::PyThreadState_Clear(state);
            PyThreadState_DeleteCurrent();
        }
        self.state.set(ptr::null_mut());
        self.depth.set(0);
    }
}

/// Ends what a thread is to Python when the thread ends.
struct End;

impl Drop for End {
    fn drop(&mut self) {
        HERE.with(Here::end);
    }
}

/// Takes the GIL for this OS thread until [`release`]. Counts. CPython must be running. Returns
/// whether the thread had it already by other means.
pub fn acquire() -> bool {
    HERE.with(|here| {
        here.acquire();
        if here.ident.get() == 0 {
            // SAFETY: needs nothing.
            here.ident.set(unsafe { PyThread_get_thread_ident() } as u64);
        }
        HOLDER.store(here.ident.get(), Ordering::Relaxed);
        here.depth.get() == 1 && here.borrowed.get()
    })
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
        here.borrowed.set(false);
        if release {
            // SAFETY: the start holds the GIL.
            here.state.set(unsafe { ffi::PyEval_SaveThread() });
        } else {
            // SAFETY: the start holds the GIL, so there is a current state.
            here.state.set(unsafe { ffi::PyThreadState_Get() });
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

/// Runs `body` inside Python, and nobody's finalizers before it.
///
/// On a thread that holds the GIL this costs a few instructions. On another one, a virtual thread's
/// carrier say, the GIL is taken for the length of the call.
#[allow(clippy::disallowed_methods)] // the one place
pub fn inside<R>(body: impl for<'py> FnOnce(Python<'py>) -> R) -> R {
    struct Hold;
    impl Drop for Hold {
        fn drop(&mut self) {
            HERE.with(Here::release);
        }
    }
    HERE.with(Here::acquire);
    let _hold = Hold;
    Python::attach(|py| {
        inject::point();
        let result = body(py);
        inject::point();
        result
    })
}

/// Runs `body` outside Python: other threads may enter meanwhile, and `body` may come back in by
/// [`with`], on this thread with this thread's state.
#[allow(clippy::disallowed_methods)] // the one place
pub fn outside<R: Send>(py: Python<'_>, body: impl FnOnce() -> R + Send) -> R {
    struct Back {
        state: *mut ffi::PyThreadState,
        depth: u32,
        borrowed: bool,
    }
    impl Drop for Back {
        fn drop(&mut self) {
            HERE.with(|here| {
                here.state.set(self.state);
                here.depth.set(self.depth);
                here.borrowed.set(self.borrowed);
            });
        }
    }
    // SAFETY: the GIL is held, so there is a current state, and it stays this thread's.
    let now = unsafe { ffi::PyThreadState_Get() };
    let _back = HERE.with(|here| Back {
        state: here.state.replace(now),
        depth: here.depth.replace(0),
        borrowed: here.borrowed.replace(false),
    });
    py.detach(body)
}
