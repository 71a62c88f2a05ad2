// SPDX-License-Identifier: Apache-2.0
//! The system calls that a worker needs: to end together with the process that started it, to respect its
//! memory limit, and to have no open files but its own.

use python4j_core::{Error, Result};
use std::fs;
use std::io;
use std::os::fd::RawFd;
use std::sync::atomic::{AtomicU64, Ordering};

/// The status of a worker whose socket some program closed or replaced.
pub(crate) const NO_SOCKET: i32 = 71;

/// Ends this process at once: nobody is there whom output or `atexit` functions would reach.
pub(crate) fn exit(status: i32) -> ! {
    // SAFETY: ends the process without running anything of it.
    unsafe { libc::_exit(status) }
}

/// This process is killed when its parent ends. The parent's thread that made it has to live as long as the parent's uses of it.
pub(crate) fn end_with_parent(parent: i32) {
    #[cfg(target_os = "linux")]
    // SAFETY: both calls take and give numbers alone.
    unsafe {
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
        if parent != 0 && libc::getppid() != parent {
            exit(0); // it had ended before
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = parent; // the closed socket tells
}

/// Closes what this process inherited by accident: the files of the program that started it.
pub(crate) fn close_all_but(kept: &[RawFd]) {
    let open: Vec<RawFd> = match fs::read_dir("/proc/self/fd").or_else(|_| fs::read_dir("/dev/fd")) {
        Ok(entries) => entries
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .collect(),
        Err(_) => (3..1024).collect(),
    };
    for number in open
        .into_iter()
        .filter(|number| *number > 2 && !kept.contains(number))
    {
        // SAFETY: nothing of this process refers to the file: Python has opened none so far, and the list of these is read.
        unsafe { libc::close(number) };
    }
}

/// The seconds of processor time that each process forked from this one may take; 0 is no limit.
static OF_CHILDREN: AtomicU64 = AtomicU64::new(0);

/// Limits the address space to so many bytes and the processor time to so many seconds; 0 is no limit. A process that forks
/// others serves all of them, so the processor time is limited in these alone ([`limit_child`]).
pub(crate) fn limit(memory: u64, seconds: u64, forks: bool) -> Result<()> {
    set(libc::RLIMIT_AS, memory, memory, "memory")?;
    if forks {
        OF_CHILDREN.store(seconds, Ordering::Relaxed); // read by the thread that writes it
        return Ok(());
    }
    // A second later the system kills what has not ended by the signal that it sends first.
    set(
        libc::RLIMIT_CPU,
        seconds,
        seconds.saturating_add(1),
        "processor time",
    )
}

/// To be called in a process that was just forked.
pub(crate) fn limit_child() -> Result<()> {
    limit(0, OF_CHILDREN.load(Ordering::Relaxed), false)
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
type Resource = libc::__rlimit_resource_t;
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
type Resource = libc::c_int;

fn set(resource: Resource, value: u64, most: u64, what: &str) -> Result<()> {
    if value == 0 {
        return Ok(());
    }
    let limit = libc::rlimit {
        rlim_cur: value as libc::rlim_t,
        rlim_max: most as libc::rlim_t,
    };
    // SAFETY: the struct is plain data that lives during the call.
    if unsafe { libc::setrlimit(resource, &limit) } != 0 {
        let why = io::Error::last_os_error();
        return Err(Error::refused(format!(
            "The {what} of a worker cannot be limited to {value} here: {why}"
        )));
    }
    Ok(())
}
