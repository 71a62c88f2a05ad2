// SPDX-License-Identifier: Apache-2.0
//! Tells whether this process is the child of an `os.fork()`. Such a child has only this thread and no JVM. It
//! may run Python code to its end (`os._exit`, `multiprocessing`). If it returns to the caller, `child.rs` ends
//! it.

#[cfg(unix)]
use std::cell::Cell;
#[cfg(unix)]
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::{AtomicBool, Ordering};

/// What a child is told that wants to go on in Java.
pub const NO_JAVA: &str = "This is the child of an os.fork(), in which there is no Java: end it with os._exit(), or \
                           start it with subprocess or the start method 'spawn' of multiprocessing.";

/// Written by the only thread that a child has.
static CHILD: AtomicBool = AtomicBool::new(false);

/// The signals that ask a program to end. The JVM handles them on a thread that a child does not have: it would not
/// end by `Process.terminate` of multiprocessing.
#[cfg(unix)]
const ENDING: [libc::c_int; 3] = [libc::SIGHUP, libc::SIGINT, libc::SIGTERM];

/// Who handled them when Python started. What Python code has put there since stays in a child.
/// Written before `watch` asks for the functions that read it, which the C library keeps under a lock.
#[cfg(unix)]
static HANDLERS: [AtomicUsize; 3] = [const { AtomicUsize::new(libc::SIG_DFL) }; 3];

#[cfg(unix)]
thread_local! {
    /// Which signals a thread that forks had blocked before.
    static MASK: Cell<Option<libc::sigset_t>> = const { Cell::new(None) };
}

#[cfg(unix)]
fn handler(signal: libc::c_int) -> libc::sighandler_t {
    // SAFETY: asks only; all zeros is a value of this struct.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        libc::sigaction(signal, std::ptr::null(), &mut action);
        action.sa_sigaction
    }
}

/// Has every later child of a fork know what it is.
pub(crate) fn watch() {
    #[cfg(unix)]
    {
        // Until the child knows what it is these signals wait: the JVM's handlers would lose them.
        extern "C" fn before() {
            // SAFETY: the sets are plain data that live on this stack; the mask is the calling thread's own.
            unsafe {
                let (mut ending, mut before) = (std::mem::zeroed(), std::mem::zeroed());
                libc::sigemptyset(&mut ending);
                for signal in ENDING {
                    libc::sigaddset(&mut ending, signal);
                }
                if libc::pthread_sigmask(libc::SIG_BLOCK, &ending, &mut before) == 0 {
                    MASK.set(Some(before));
                }
            }
        }
        extern "C" fn after() {
            if let Some(mask) = MASK.take() {
                // SAFETY: the mask is the one that this thread had.
                unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &mask, std::ptr::null_mut()) };
            }
        }
        extern "C" fn in_child() {
            CHILD.store(true, Ordering::Relaxed);
            for (signal, host) in ENDING.iter().zip(&HANDLERS) {
                let now = handler(*signal);
                if now != libc::SIG_IGN && now == host.load(Ordering::Relaxed) {
                    // SAFETY: the signal ends the process again, as it does where nobody handles it.
                    unsafe { libc::signal(*signal, libc::SIG_DFL) };
                }
            }
            after();
        }
        for (signal, host) in ENDING.iter().zip(&HANDLERS) {
            host.store(handler(*signal), Ordering::Relaxed);
        }
        // SAFETY: the handlers only use atomics, a thread's own cell and functions that are allowed after a fork;
        // this library is never unloaded.
        unsafe { libc::pthread_atfork(Some(before), Some(after), Some(in_child)) };
    }
}

/// This child goes on by itself, and serves another process: it is none that has to end.
pub fn adopt() {
    CHILD.store(false, Ordering::Relaxed);
}

/// Whether this process is such a child.
pub fn is_child() -> bool {
    CHILD.load(Ordering::Relaxed)
}
