// SPDX-License-Identifier: Apache-2.0
//! Worker processes, as the process that starts them sees them: sockets that only the two processes have, the
//! workers' output, and their end. The other half is `rust/worker`. Nothing here needs Python or a turn.

use crate::failure::Failure;
use crate::shared;
use parking_lot::Mutex;
use python4j_core::{Error, Result};
use python4j_shared::{pass, Block};
use std::collections::{BTreeMap, VecDeque};
use std::ffi::CString;
use std::io;
use std::mem::{self, MaybeUninit};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::ptr;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Bytes that are sent or received at once.
pub(crate) const AT_ONCE: usize = 1 << 18;

/// How long a wait for something to receive lasts at most.
const SLICE_MICROS: i64 = 10_000;

/// Numbers of files from which on they are this process's own. Below are those that the worker finds.
const OWN: RawFd = 10;

/// The files of a worker: its sockets for data and for what is urgent.
const DATA: RawFd = 3;
const CONTROL: RawFd = 4;

fn failed(what: &str) -> Error {
    Error::refused(format!(
        "A worker process cannot be started: {what}: {}",
        io::Error::last_os_error()
    ))
}

/// A file's number if it is one. No other program that this process starts inherits it.
fn own(file: RawFd, what: &str) -> Result<OwnedFd> {
    if file < 0 {
        return Err(failed(what));
    }
    // SAFETY: the file was made by the caller, who hands it over. The copy is owned by its new owner.
    unsafe {
        let file = OwnedFd::from_raw_fd(file);
        let high = libc::fcntl(file.as_raw_fd(), libc::F_DUPFD_CLOEXEC, OWN);
        match high {
            0.. => Ok(OwnedFd::from_raw_fd(high)),
            _ => Err(failed(what)),
        }
    }
}

/// Two ends of a stream of bytes in both directions.
fn sockets() -> Result<[OwnedFd; 2]> {
    let mut ends = [-1; 2];
    #[cfg(target_os = "linux")]
    let kind = libc::SOCK_STREAM | libc::SOCK_CLOEXEC;
    #[cfg(not(target_os = "linux"))]
    let kind = libc::SOCK_STREAM;
    // SAFETY: the array has room for both.
    if unsafe { libc::socketpair(libc::AF_UNIX, kind, 0, ends.as_mut_ptr()) } != 0 {
        return Err(failed("socketpair"));
    }
    Ok([own(ends[0], "socketpair")?, own(ends[1], "socketpair")?])
}

/// The same two ends as numbers of files, which the caller closes.
pub(crate) fn socket_numbers() -> Result<[i64; 2]> {
    Ok(sockets()?.map(|end| i64::from(end.into_raw_fd())))
}

/// The end to read from, and the one to write to.
fn pipe() -> Result<[OwnedFd; 2]> {
    let mut ends = [-1; 2];
    // SAFETY: the array has room for both.
    #[cfg(target_os = "linux")]
    let made = unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) };
    // SAFETY: as above.
    #[cfg(not(target_os = "linux"))]
    let made = unsafe { libc::pipe(ends.as_mut_ptr()) };
    if made != 0 {
        return Err(failed("pipe"));
    }
    Ok([own(ends[0], "pipe")?, own(ends[1], "pipe")?])
}

/// Waits for something to receive end after a while, so that the receiver can look around.
fn in_slices(socket: &OwnedFd) {
    let slice = libc::timeval {
        tv_sec: 0,
        tv_usec: SLICE_MICROS as _,
    };
    // SAFETY: the option's value is a timeval, which lives during the call.
    unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_RCVTIMEO,
            ptr::from_ref(&slice).cast(),
            mem::size_of::<libc::timeval>() as libc::socklen_t,
        );
    }
}

fn texts(texts: &[String]) -> Result<Vec<CString>> {
    let text = |text: &String| {
        CString::new(text.as_str()).map_err(|_| {
            Error::refused(format!(
                "A worker process cannot be started: a NUL character in {text:?}"
            ))
        })
    };
    texts.iter().map(text).collect()
}

fn pointers(texts: &[CString]) -> Vec<*mut libc::c_char> {
    let pointers = texts.iter().map(|text| text.as_ptr().cast_mut());
    pointers.chain([ptr::null_mut()]).collect()
}

/// Starts a program in a process group of its own, with nothing to read, two sockets of ours as its files 3 and 4, and what it
/// prints for us to read. Its number, the other ends of the sockets, and where its output and its errors are to be read.
pub(crate) fn spawn(command: &[String], environment: &[String]) -> Result<[i64; 5]> {
    let (command, environment) = (texts(command)?, texts(environment)?);
    let program = command
        .first()
        .ok_or_else(|| Error::refused("There is no program to start."))?;
    let ([data, its_data], [control, its_control]) = (sockets()?, sockets()?);
    let ([out, its_out], [err, its_err]) = (pipe()?, pipe()?);
    in_slices(&data);
    let mut process = 0;
    // SAFETY: both structures are initialised before they are used, and destroyed once; all texts live until the end of the
    // call, and their arrays end with a null. Nothing of this process but the named files goes to the other one.
    let failure = unsafe {
        let (mut actions, mut attributes) = (mem::zeroed(), mem::zeroed());
        let (mut none, mut all): (libc::sigset_t, libc::sigset_t) = (mem::zeroed(), mem::zeroed());
        libc::sigemptyset(&mut none);
        libc::sigemptyset(&mut all);
        for signal in [
            libc::SIGPIPE,
            libc::SIGINT,
            libc::SIGTERM,
            libc::SIGHUP,
            libc::SIGQUIT,
        ] {
            libc::sigaddset(&mut all, signal);
        }
        libc::posix_spawn_file_actions_init(&mut actions);
        libc::posix_spawnattr_init(&mut attributes);
        let files = [
            (&its_out, 1),
            (&its_err, 2),
            (&its_data, DATA),
            (&its_control, CONTROL),
        ];
        let mut failure =
            libc::posix_spawn_file_actions_addopen(&mut actions, 0, c"/dev/null".as_ptr(), libc::O_RDONLY, 0);
        for (file, number) in files {
            failure |= libc::posix_spawn_file_actions_adddup2(&mut actions, file.as_raw_fd(), number);
        }
        let flags = libc::POSIX_SPAWN_SETPGROUP | libc::POSIX_SPAWN_SETSIGMASK | libc::POSIX_SPAWN_SETSIGDEF;
        failure |= libc::posix_spawnattr_setpgroup(&mut attributes, 0);
        failure |= libc::posix_spawnattr_setsigmask(&mut attributes, &none);
        failure |= libc::posix_spawnattr_setsigdefault(&mut attributes, &all);
        failure |= libc::posix_spawnattr_setflags(&mut attributes, flags as _);
        if failure == 0 {
            failure = libc::posix_spawn(
                &mut process,
                program.as_ptr(),
                &actions,
                &attributes,
                pointers(&command).as_ptr(),
                pointers(&environment).as_ptr(),
            );
        }
        libc::posix_spawn_file_actions_destroy(&mut actions);
        libc::posix_spawnattr_destroy(&mut attributes);
        failure
    };
    if failure != 0 {
        let why = io::Error::from_raw_os_error(failure);
        return Err(Error::refused(format!(
            "A worker process cannot be started: {}: {why}",
            program.to_string_lossy()
        )));
    }
    let [data, control, out, err] = [data, control, out, err].map(|file| i64::from(file.into_raw_fd()));
    Ok([i64::from(process), data, control, out, err])
}

/// How long a fork server may take for an order.
const ORDER_TIME: Duration = Duration::from_secs(10);

fn refused(why: &str) -> Error {
    Error::refused(format!("The fork server {why}."))
}

/// An order to a fork server, and its answer.
fn order(server: RawFd, order: u8, files: &[BorrowedFd<'_>], answer: &mut [u8]) -> Result<()> {
    // SAFETY: Java closes the file when it uses it no more.
    let socket = unsafe { BorrowedFd::borrow_raw(server) };
    pass::send(socket, &[order], files, true).map_err(|_| refused("has ended"))?;
    let (began, mut came) = (Instant::now(), 0);
    while came < answer.len() {
        match receive(server, &mut answer[came..]) {
            -1 => return Err(refused("has ended")),
            0 if began.elapsed() > ORDER_TIME => return Err(refused("does not answer")),
            count => came += count as usize,
        }
    }
    Ok(())
}

/// Why a fork server cannot fork; empty if it can.
pub(crate) fn obstacle(server: RawFd) -> Result<String> {
    let mut length = [0; 4];
    order(server, b'C', &[], &mut length)?;
    let mut text = vec![0; u32::from_le_bytes(length).min(1 << 16) as usize];
    let mut came = 0;
    while came < text.len() {
        match receive(server, &mut text[came..]) {
            count @ 1.. => came += count as usize,
            _ => return Err(refused("does not answer")),
        }
    }
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// Has a fork server make a worker: as [`spawn`], and a file from which its end can be read.
pub(crate) fn fork(server: RawFd) -> Result<[i64; 6]> {
    let ([data, its_data], [control, its_control]) = (sockets()?, sockets()?);
    let ([out, its_out], [err, its_err], [status, its_status]) = (pipe()?, pipe()?, pipe()?);
    in_slices(&data);
    let files = [&its_data, &its_control, &its_out, &its_err, &its_status].map(AsFd::as_fd);
    let mut process = [0; 4];
    order(server, b'F', &files, &mut process)?;
    let process = i32::from_le_bytes(process);
    if process <= 0 {
        return Err(refused("could not make a process"));
    }
    // SAFETY: the file is open.
    unsafe { libc::fcntl(status.as_raw_fd(), libc::F_SETFL, libc::O_NONBLOCK) };
    let [data, control, out, err, status] =
        [data, control, out, err, status].map(|file| i64::from(file.into_raw_fd()));
    Ok([i64::from(process), data, control, out, err, status])
}

/// How the child of a fork server has ended, as [`end`] tells it. If the server has ended, so has the child, by that.
pub(crate) fn told_end(status: RawFd) -> i32 {
    let mut told = [0; 4];
    // SAFETY: the room is four bytes.
    let count = unsafe { libc::read(status, told.as_mut_ptr().cast(), told.len()) };
    match count {
        4 => i32::from_le_bytes(told).max(0),
        -1 if would_block() || interrupted() => -1,
        _ => 256 + libc::SIGKILL,
    }
}

fn interrupted() -> bool {
    io::Error::last_os_error().kind() == io::ErrorKind::Interrupted
}

fn would_block() -> bool {
    io::Error::last_os_error().kind() == io::ErrorKind::WouldBlock
}

/// Sends what the other side has room for, waiting no longer than that. How much it was; -1 where nobody reads any more.
pub(crate) fn send(file: RawFd, bytes: &[u8], millis: i32) -> i32 {
    let mut waited = false;
    #[cfg(target_os = "linux")]
    let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
    #[cfg(not(target_os = "linux"))]
    let flags = libc::MSG_DONTWAIT; // the JVM handles SIGPIPE
    loop {
        // SAFETY: the bytes are that many.
        let count = unsafe { libc::send(file, bytes.as_ptr().cast(), bytes.len(), flags) };
        if count >= 0 {
            return count as i32;
        }
        match (interrupted(), would_block()) {
            (true, _) => {}
            (_, true) if waited => return 0,
            (_, true) => {
                let mut one = [asked(file, libc::POLLOUT)];
                // SAFETY: the array has one element.
                unsafe { libc::poll(one.as_mut_ptr(), 1, millis) };
                waited = true;
            }
            _ => return -1,
        }
    }
}

/// The same for the beginning of a message that brings blocks, which are sent with its first byte.
pub(crate) fn send_blocks(file: RawFd, bytes: &[u8], blocks: &[Arc<Block>], millis: i32) -> i32 {
    let descriptors: Vec<_> = blocks.iter().map(|block| block.descriptor()).collect();
    // SAFETY: Java closes the file when it uses it no more.
    let socket = unsafe { BorrowedFd::borrow_raw(file) };
    for last in [false, true] {
        match pass::send(socket, bytes, &descriptors, false) {
            Ok(sent) => return sent as i32,
            Err(full) if full.kind() == io::ErrorKind::WouldBlock && !last => {
                let mut one = [asked(file, libc::POLLOUT)];
                // SAFETY: the array has one element.
                unsafe { libc::poll(one.as_mut_ptr(), 1, millis) };
            }
            Err(full) if full.kind() == io::ErrorKind::WouldBlock => return 0,
            Err(_) => return -1,
        }
    }
    0
}

/// The descriptors that came through a socket and were not asked for yet.
static CAME: Mutex<BTreeMap<RawFd, VecDeque<OwnedFd>>> = Mutex::new(BTreeMap::new());

/// How many there may be; who sends more is no worker.
const MOST_CAME: usize = 4 * pass::MOST;

/// Receives what comes, on a worker's socket within a slice of time. How much; 0 if nothing came, -1 at the end.
pub(crate) fn receive(file: RawFd, room: &mut [u8]) -> i32 {
    let mut descriptors = Vec::new();
    // SAFETY: Java closes the file when it uses it no more. What is written into the room has a value.
    let received = unsafe {
        let room = &mut *(ptr::from_mut(room) as *mut [MaybeUninit<u8>]);
        pass::receive(BorrowedFd::borrow_raw(file), room, &mut descriptors)
    };
    if !descriptors.is_empty() {
        let mut came = CAME.lock();
        let came = came.entry(file).or_default();
        came.extend(descriptors);
        if came.len() > MOST_CAME {
            return -1;
        }
    }
    match received {
        Ok(0) => -1,
        Ok(count) => count as i32,
        Err(none) if none.kind() == io::ErrorKind::WouldBlock => 0,
        Err(pipe) if pipe.raw_os_error() == Some(libc::ENOTSOCK) => read(file, room),
        Err(_) => -1, // a connection that was reset
    }
}

fn read(file: RawFd, room: &mut [u8]) -> i32 {
    loop {
        // SAFETY: the room is that long.
        let count = unsafe { libc::read(file, room.as_mut_ptr().cast(), room.len()) };
        match count {
            1.. => return count as i32,
            0 => return -1,
            _ if interrupted() => {}
            _ if would_block() => return 0,
            _ => return -1,
        }
    }
}

/// Maps the block whose descriptor came first of those that were not asked for yet.
pub(crate) fn block(file: RawFd, length: i64) -> std::result::Result<[i64; 3], Failure> {
    let first = CAME.lock().get_mut(&file).and_then(VecDeque::pop_front);
    let first = first.ok_or_else(|| Error::refused("No shared memory came with the message."))?;
    shared::open(first, length)
}

fn asked(file: RawFd, events: i16) -> libc::pollfd {
    libc::pollfd {
        fd: file,
        events,
        revents: 0,
    }
}

/// Which of these files have something to read, or have ended; waits for one.
pub(crate) fn poll(files: &[i64], millis: i32) -> Vec<i64> {
    let mut asked: Vec<_> = files
        .iter()
        .map(|file| asked(*file as RawFd, libc::POLLIN))
        .collect();
    // SAFETY: the array is that long.
    unsafe { libc::poll(asked.as_mut_ptr(), asked.len() as libc::nfds_t, millis) };
    let ready = asked.iter().filter(|one| one.revents != 0);
    ready.map(|one| i64::from(one.fd)).collect()
}

pub(crate) fn close(file: RawFd) {
    CAME.lock().remove(&file);
    // SAFETY: Java closes each file once (`WorkerProcess.java`), and uses it no more.
    unsafe { libc::close(file) };
}

/// How a child has ended: its exit status, or 256 and the signal that killed it; -1 while it runs. 255 where the
/// system does not tell.
pub(crate) fn end(process: i32) -> i32 {
    let mut status = 0;
    loop {
        // SAFETY: the status is an int.
        match unsafe { libc::waitpid(process, &mut status, libc::WNOHANG) } {
            0 => return -1,
            ended if ended == process && libc::WIFSIGNALED(status) => return 256 + libc::WTERMSIG(status),
            ended if ended == process && libc::WIFEXITED(status) => return libc::WEXITSTATUS(status),
            -1 if interrupted() => {}
            -1 => return 255,
            _ => {}
        }
    }
}

/// Sends a signal to a child that [`end`] has not told the end of, and to the processes of its group.
pub(crate) fn signal(process: i32, signal: i32) {
    if process > 1 {
        // SAFETY: the number is still that child's.
        unsafe {
            libc::kill(-process, signal);
            libc::kill(process, signal);
        }
    }
}
