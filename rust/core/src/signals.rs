// SPDX-License-Identifier: Apache-2.0
//! Signals, which both a JVM and Python handle. HotSpot's handlers stay in place, and the handlers that a
//! Python program sets run as promptly as in a `python` process.

use std::ffi::c_int;
use std::mem;
use std::ptr;
#[cfg(target_os = "linux")]
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering};

/// HotSpot's handlers of the signals that it uses itself.
pub(crate) struct Handlers(Vec<(c_int, libc::sigaction)>);

// SAFETY: a sigaction is plain data; the function addresses in it are valid on every thread.
unsafe impl Send for Handlers {}
// SAFETY: as above; nothing changes it after it was made.
unsafe impl Sync for Handlers {}

impl Handlers {
    pub(crate) fn current() -> Self {
        let signals = [
            libc::SIGSEGV,
            libc::SIGBUS,
            libc::SIGFPE,
            libc::SIGILL,
            libc::SIGABRT,
        ];
        // SAFETY: sigaction with a null new action only reads; the struct is plain data.
        let read = |signal| unsafe {
            let mut action: libc::sigaction = mem::zeroed();
            (libc::sigaction(signal, ptr::null(), &mut action) == 0).then_some((signal, action))
        };
        Handlers(signals.into_iter().filter_map(read).collect())
    }

    pub(crate) fn put_back(&self) {
        for (signal, action) in &self.0 {
            // SAFETY: the action was read from the same signal of this process.
            unsafe { libc::sigaction(*signal, action, ptr::null_mut()) };
        }
    }
}

/// The system's number of the thread that started Python, on which Python runs its handlers; 0 where a host started it.
/// Written before the first handler is set, and a handler that runs was set before: the kernel orders both.
static MAIN: AtomicI32 = AtomicI32::new(0);

/// CPython's C handler, one for all signals. Another signal's handler may read it just then, hence `Release` and `Acquire`.
static PYTHONS: AtomicUsize = AtomicUsize::new(0);

/// To be called by the thread that starts Python.
pub(crate) fn this_is_main() {
    MAIN.store(this_thread(), Ordering::Relaxed);
}

/// Python has set its handler for a signal. The system hands a signal to any thread, one of the JVM's as a rule, from
/// which CPython does not see before 3.13 that its main thread has something to do, and from which the
/// waiting of that thread is never interrupted. So it is handed on to that thread.
pub(crate) fn hand_on(signal: c_int) {
    if MAIN.load(Ordering::Relaxed) == 0 {
        return;
    }
    // SAFETY: the action is read, changed in its handler alone, and set again; ours has the type that it says. Between
    // both, a signal runs CPython's handler, as it does without this.
    unsafe {
        let mut action: libc::sigaction = mem::zeroed();
        if libc::sigaction(signal, ptr::null(), &mut action) != 0
            || action.sa_flags & libc::SA_SIGINFO != 0
            || [libc::SIG_DFL, libc::SIG_IGN, handed as *const () as usize].contains(&action.sa_sigaction)
        {
            return;
        }
        PYTHONS.store(action.sa_sigaction, Ordering::Release);
        action.sa_sigaction = handed as *const () as usize;
        libc::sigaction(signal, &action, ptr::null_mut());
    }
}

/// The handler. Only calls what may be called within one.
extern "C" fn handed(signal: c_int) {
    let main = MAIN.load(Ordering::Relaxed);
    if this_thread() != main && send(main, signal) {
        return;
    }
    // Here is the main thread, or it has ended.
    let pythons = PYTHONS.load(Ordering::Acquire);
    if pythons != 0 {
        // SAFETY: the address is that of CPython's handler, which has this type.
        unsafe { mem::transmute::<usize, extern "C" fn(c_int)>(pythons)(signal) }
    }
}

/// The system's number of this thread.
#[cfg(target_os = "linux")]
pub(crate) fn this_thread() -> c_int {
    // SAFETY: gettid has no preconditions.
    unsafe { libc::syscall(libc::SYS_gettid) as c_int }
}

/// Sends a signal to a thread of this process, by a number that another one may have meanwhile. False if there is none.
#[cfg(target_os = "linux")]
pub(crate) fn send(thread: c_int, signal: c_int) -> bool {
    // SAFETY: tgkill takes any numbers and answers wrong ones with an error; errno is as it was afterwards, as the code
    // that a handler interrupts needs it.
    unsafe {
        let errno = *libc::__errno_location();
        let sent = libc::syscall(libc::SYS_tgkill, libc::getpid(), thread, signal) == 0;
        *libc::__errno_location() = errno;
        sent
    }
}

/// Elsewhere threads have no numbers, and signals stay where the system hands them.
#[cfg(not(target_os = "linux"))]
pub(crate) fn this_thread() -> c_int {
    0
}

/// See above.
#[cfg(not(target_os = "linux"))]
pub(crate) fn send(_thread: c_int, _signal: c_int) -> bool {
    false
}

/// Interrupts a system call in which a thread waits, by a signal that does nothing else.
#[cfg(target_os = "linux")]
pub(crate) fn interrupt(thread: c_int) {
    static SIGNAL: OnceLock<Option<c_int>> = OnceLock::new();
    extern "C" fn nothing(_signal: c_int) {}
    // SAFETY: the signal is taken only if nobody has it; the action is plain data with a handler of this type, and without
    // SA_RESTART, so that system calls end.
    let signal = SIGNAL.get_or_init(|| unsafe {
        let signal = libc::SIGRTMAX() - 3; // the JVM has the one after it
        let mut action: libc::sigaction = mem::zeroed();
        if libc::sigaction(signal, ptr::null(), &mut action) != 0 || action.sa_sigaction != libc::SIG_DFL {
            return None;
        }
        action.sa_sigaction = nothing as *const () as usize;
        (libc::sigaction(signal, &action, ptr::null_mut()) == 0).then_some(signal)
    });
    if let Some(signal) = signal {
        send(thread, *signal);
    }
}

/// Elsewhere a wait in a system call ends by itself.
#[cfg(not(target_os = "linux"))]
pub(crate) fn interrupt(_thread: c_int) {}
