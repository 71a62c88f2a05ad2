// SPDX-License-Identifier: Apache-2.0
//! A fork server: a process that imports the modules that workers need, and forks when a worker is wanted. The new
//! process is an ordinary worker. Its sockets come with the order. On Linux it shares the memory pages of the
//! imported modules until it writes to them.
//!
//! After its preparation the server reads orders of one byte. The order [`CHECK`] asks why the server cannot fork;
//! the answer is the length of a text (32 bits) and the text. The order [`FORK`] brings five files: the worker's two
//! sockets, its standard output, its standard error, and the file to which the server reports how the worker ended.
//! The answer is the process id of the worker, or 0 (32 bits).

use crate::{heap, process};
use libc::{c_int, c_short};
use pyo3::prelude::*;
use python4j_core::{Result, capi, fork};
use python4j_shared::pass;
use std::fs;
use std::io;
use std::mem;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};

const CHECK: u8 = b'C';
const FORK: u8 = b'F';
const FILES: usize = 5;

/// Parts of the names of libraries whose state does not survive a fork.
const NOT_FORKED: [(&str, &str); 3] = [
    ("libcuda.so", "CUDA"),
    ("libamdhip64.so", "HIP"),
    ("libze_loader.so", "Level Zero"),
];

/// How long the server waits before it looks after children whose end the system does not tell by a file.
const SLICE_MILLIS: c_int = 20;

struct Child {
    process: c_int,
    /// Readable when it has ended; older systems have none.
    end: Option<OwnedFd>,
    /// Where its end is told. Its number is not given up before the other side has closed this: it could be another process's.
    status: OwnedFd,
    told: bool,
}

/// Does orders until the other end of the socket is closed; comes back in each new worker, whose sockets are the files
/// `data` and `control`.
pub(crate) fn run(py: Python<'_>, data: RawFd, control: RawFd) -> Result<()> {
    let mut children = Vec::new();
    loop {
        #[allow(clippy::disallowed_methods)] // only to wait
        let asked = py.detach(|| wait(data, &children));
        children.iter_mut().for_each(tell);
        children.retain(|child| !is_forgotten(child));
        if !asked {
            continue;
        }
        match receive(data) {
            Some((CHECK, _)) => {
                let why = obstacle(py)?.unwrap_or_default();
                let length = why.len() as u32;
                send(data, &[&length.to_le_bytes(), why.as_bytes()].concat());
            }
            Some((FORK, files)) => {
                let Ok([new_data, new_control, out, err, status]) = <[OwnedFd; FILES]>::try_from(files)
                else {
                    process::exit(process::NO_SOCKET);
                };
                let server = std::process::id() as c_int;
                let forked = forked(py);
                match forked {
                    Ok(0) => {
                        process::end_with_parent(server);
                        children.clear();
                        let files = [(new_data, data), (new_control, control), (out, 1), (err, 2)];
                        return settle(py, files);
                    }
                    Ok(number) => {
                        let end = pidfd(number);
                        children.push(Child {
                            process: number,
                            end,
                            status,
                            told: false,
                        });
                        send(data, &number.to_le_bytes());
                    }
                    Err(_) => send(data, &0u32.to_le_bytes()),
                }
            }
            _ => process::exit(0), // the other process has ended, or is none of ours
        }
    }
}

fn forked(py: Python<'_>) -> PyResult<c_int> {
    for name in ["stdout", "stderr"] {
        py.import("sys")?.getattr(name)?.call_method0("flush")?; // or both print it
    }
    // What Python and extensions have registered for a fork is run, so it is not the function of the C library.
    py.import("os")?.call_method0("fork")?.extract()
}

/// The new worker is given what is its own.
fn settle(py: Python<'_>, files: [(OwnedFd, RawFd); 4]) -> Result<()> {
    for (file, number) in &files {
        // SAFETY: the file is open; what had the number was the server's, of which this is a copy.
        if unsafe { libc::dup2(file.as_raw_fd(), *number) } < 0 {
            process::exit(process::NO_SOCKET);
        }
    }
    drop(files);
    // SAFETY: a group of its own, so that what it starts ends with it.
    unsafe { libc::setpgid(0, 0) };
    process::limit_child()?;
    fork::adopt();
    heap::adopt();
    // Python's own random numbers begin anew in each child; those of numpy would be the same in all.
    if let Some(random) = capi::modules(py).get_item("numpy.random")? {
        random.call_method0("seed")?;
    }
    Ok(())
}

/// Why this process cannot fork; nothing if it can.
fn obstacle(py: Python<'_>) -> Result<Option<String>> {
    let threading = py.import("threading")?;
    let main = threading.call_method0("main_thread")?;
    let mut names = Vec::new();
    for thread in threading.call_method0("enumerate")?.try_iter()? {
        let thread = thread?;
        if !thread.is(&main) {
            names.push(thread.getattr("name")?.to_string());
        }
    }
    if !names.is_empty() {
        return Ok(Some(format!(
            "threads of Python run in it after its preparation: {}",
            names.join(", ")
        )));
    }
    let maps = fs::read_to_string("/proc/self/maps").unwrap_or_default();
    if let Some((library, name)) = NOT_FORKED.iter().find(|(library, _)| maps.contains(library)) {
        return Ok(Some(format!(
            "{name} does not survive a fork, and its library {library} is loaded"
        )));
    }
    // Libraries that know forks, OpenBLAS for one, end their threads before one, and start them when they need them.
    match forked(py) {
        Ok(0) => process::exit(0),
        Ok(child) => {
            let mut status = 0;
            // SAFETY: the status is an int; the child is ours.
            unsafe { libc::waitpid(child, &mut status, 0) };
        }
        Err(why) => return Ok(Some(format!("the system lets it make no process: {why}"))),
    }
    let running = fs::read_dir("/proc/self/task").map_or(1, Iterator::count);
    Ok((running > 1).then(|| {
        format!(
            "{} threads of libraries run in it after its preparation, which a forked process has not",
            running - 1
        )
    }))
}

/// Waits for an order, or for something that has to do with a child. Whether it is an order.
fn wait(data: RawFd, children: &[Child]) -> bool {
    let asked = |fd: RawFd, events: c_short| libc::pollfd {
        fd,
        events,
        revents: 0,
    };
    let mut files = vec![asked(data, libc::POLLIN)];
    let mut millis = -1;
    for child in children {
        match &child.end {
            _ if child.told => files.push(asked(child.status.as_raw_fd(), 0)), // an error is when the reader has closed it
            Some(end) => files.push(asked(end.as_raw_fd(), libc::POLLIN)),
            None => millis = SLICE_MILLIS,
        }
    }
    // SAFETY: the array is that long, and its files are open.
    unsafe { libc::poll(files.as_mut_ptr(), files.len() as libc::nfds_t, millis) };
    files[0].revents != 0
}

/// Tells the end of a child that has ended, once, and leaves its number taken.
fn tell(child: &mut Child) {
    if child.told {
        return;
    }
    // SAFETY: the struct is plain data, which the call fills.
    let (ended, code, status) = unsafe {
        let mut info: libc::siginfo_t = mem::zeroed();
        let flags = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
        let asked = libc::waitid(libc::P_PID, child.process as libc::id_t, &mut info, flags);
        (
            asked == 0 && info.si_pid() == child.process,
            info.si_code,
            info.si_status(),
        )
    };
    if ended {
        let status = if code == libc::CLD_EXITED {
            status
        } else {
            256 + status
        };
        // SAFETY: four bytes, which a pipe has room for.
        unsafe { libc::write(child.status.as_raw_fd(), status.to_le_bytes().as_ptr().cast(), 4) };
        child.told = true;
    }
}

/// Whether the other side knows that a child has ended: it is then waited for.
fn is_forgotten(child: &Child) -> bool {
    if !child.told {
        return false;
    }
    let mut status = libc::pollfd {
        fd: child.status.as_raw_fd(),
        events: 0,
        revents: 0,
    };
    // SAFETY: one element; an int for the status of a child of ours.
    unsafe {
        if libc::poll(&mut status, 1, 0) != 1 {
            return false;
        }
        let mut status = 0;
        libc::waitpid(child.process, &mut status, 0);
    }
    true
}

#[cfg(target_os = "linux")]
fn pidfd(process: c_int) -> Option<OwnedFd> {
    // SAFETY: the call makes a descriptor, or none; it is nobody else's.
    unsafe {
        let file = libc::syscall(libc::SYS_pidfd_open, process, 0);
        (file >= 0).then(|| std::os::fd::FromRawFd::from_raw_fd(file as RawFd))
    }
}

#[cfg(not(target_os = "linux"))]
fn pidfd(_: c_int) -> Option<OwnedFd> {
    None
}

fn receive(data: RawFd) -> Option<(u8, Vec<OwnedFd>)> {
    let (mut order, mut files) = (Vec::with_capacity(1), Vec::new());
    let room = &mut order.spare_capacity_mut()[..1];
    // SAFETY: the socket is open as long as this process is.
    let count = pass::receive(unsafe { BorrowedFd::borrow_raw(data) }, room, &mut files).ok()?;
    // SAFETY: so many have a value.
    unsafe { order.set_len(count) };
    Some((*order.first()?, files))
}

fn send(data: RawFd, bytes: &[u8]) {
    // SAFETY: as in `receive`.
    let sent: io::Result<usize> = pass::send(unsafe { BorrowedFd::borrow_raw(data) }, bytes, &[], true);
    if sent.ok() != Some(bytes.len()) {
        process::exit(0);
    }
}
