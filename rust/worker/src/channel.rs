// SPDX-License-Identifier: Apache-2.0
//! Messages between a worker and the process that it serves, over a socket that any thread of the worker may use.
//!
//! A message is a head, which is the length of the rest (32 bits), its kind (8 bits) and whom it is for (64 bits), and the
//! rest. Whoever waits for a message reads for all that wait; there is no thread for it. Nothing here needs Python.

use crate::process;
use std::collections::{HashMap, VecDeque};
use std::io;
use std::mem;
use std::os::fd::RawFd;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

const HEAD: usize = 13;
/// Bytes that are asked for at once.
const AT_ONCE: usize = 1 << 16;

/// Kinds of messages, the other half of which is `Channel.java`.
pub(crate) mod kind {
    pub(crate) const PREPARE: u8 = 0;
    pub(crate) const EXEC: u8 = 1;
    pub(crate) const CALL: u8 = 2;
    pub(crate) const ANSWER: u8 = 3;
    pub(crate) const FORGET: u8 = 4;
    pub(crate) const END: u8 = 5;

    pub(crate) const VALUE: u8 = 0;
    pub(crate) const RAISED: u8 = 1;
    pub(crate) const UPCALL: u8 = 2;
    pub(crate) const RELEASED: u8 = 3;
}

/// A message from the other process.
pub(crate) struct Message {
    pub(crate) kind: u8,
    pub(crate) rest: Vec<u8>,
}

/// One end of the socket.
pub(crate) struct Channel {
    socket: RawFd,
    /// Which file that was at the start: a program may have closed it, and opened another one under its number.
    identity: Option<(u64, u64)>,
    inbox: Mutex<Inbox>,
    arrived: Condvar,
    /// What is being written.
    outbox: Mutex<Vec<u8>>,
    /// Keys of the other side that Python has dropped, which it is told after the next message.
    released: Mutex<Vec<u64>>,
}

#[derive(Default)]
struct Inbox {
    /// Whether some thread reads.
    read: bool,
    /// What came and is no whole message yet.
    bytes: Vec<u8>,
    /// Messages by whom they are for.
    waiting: HashMap<u64, VecDeque<Message>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Channel {
    pub(crate) fn new(socket: RawFd) -> Self {
        Channel {
            socket,
            identity: identity(socket),
            inbox: Mutex::default(),
            arrived: Condvar::new(),
            outbox: Mutex::default(),
            released: Mutex::default(),
        }
    }

    /// Waits for a message for `whom`; 0 is whoever waits for requests. Ends the process where the other one has ended.
    pub(crate) fn receive(&self, whom: u64) -> Message {
        let mut inbox = lock(&self.inbox);
        loop {
            if let Some(message) = inbox.take(whom) {
                return message;
            }
            if inbox.read {
                inbox = self.arrived.wait(inbox).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            inbox.read = true;
            let mut bytes = mem::take(&mut inbox.bytes);
            drop(inbox);
            self.check();
            let read = read(self.socket, &mut bytes);
            inbox = lock(&self.inbox);
            inbox.read = false;
            inbox.bytes = bytes;
            if read.is_err() {
                process::exit(0);
            }
            inbox.sort();
            self.arrived.notify_all();
        }
    }

    /// Sends a message, and with it what was released. Ends the process where the other one has ended.
    pub(crate) fn send(&self, kind: u8, whom: u64, rest: &[u8]) {
        let mut outbox = lock(&self.outbox);
        outbox.clear();
        add(&mut outbox, kind, whom, rest);
        let released = mem::take(&mut *lock(&self.released));
        if !released.is_empty() {
            let keys: Vec<u8> = released.iter().flat_map(|key| key.to_le_bytes()).collect();
            add(&mut outbox, kind::RELEASED, 0, &keys);
        }
        self.check();
        if write(self.socket, &outbox).is_err() {
            process::exit(0);
        }
        outbox.shrink_to(AT_ONCE);
    }

    /// Whether a message of so many bytes can be sent.
    pub(crate) fn takes(length: usize) -> bool {
        length < i32::MAX as usize - HEAD
    }

    pub(crate) fn release(&self, key: u64) {
        lock(&self.released).push(key);
    }

    /// A worker without its socket is of no use, and must not write into the file that has its number now.
    fn check(&self) {
        if identity(self.socket) != self.identity {
            process::exit(process::NO_SOCKET);
        }
    }
}

impl Inbox {
    fn take(&mut self, whom: u64) -> Option<Message> {
        let queue = self.waiting.get_mut(&whom)?;
        let message = queue.pop_front();
        if queue.is_empty() && whom != 0 {
            self.waiting.remove(&whom);
        }
        message
    }

    /// Puts the whole messages where they are waited for.
    fn sort(&mut self) {
        let mut at = 0;
        while let Some(head) = self.bytes[at..].first_chunk::<HEAD>() {
            let [a, b, c, d, kind, whom @ ..] = *head;
            let length = u32::from_le_bytes([a, b, c, d]) as usize;
            let Some(rest) = self.bytes[at + HEAD..].get(..length) else {
                self.bytes.reserve(HEAD + length);
                break;
            };
            let rest = rest.to_vec();
            let queue = self.waiting.entry(u64::from_le_bytes(whom)).or_default();
            queue.push_back(Message { kind, rest });
            at += HEAD + length;
        }
        self.bytes.drain(..at);
        if self.bytes.is_empty() {
            self.bytes.shrink_to(AT_ONCE);
        }
    }
}

fn add(out: &mut Vec<u8>, kind: u8, whom: u64, rest: &[u8]) {
    out.reserve(HEAD + rest.len());
    out.extend_from_slice(&(rest.len() as u32).to_le_bytes());
    out.push(kind);
    out.extend_from_slice(&whom.to_le_bytes());
    out.extend_from_slice(rest);
}

fn identity(file: RawFd) -> Option<(u64, u64)> {
    // SAFETY: the struct is plain data, which the call fills.
    unsafe {
        let mut status: libc::stat = mem::zeroed();
        #[allow(clippy::unnecessary_cast)] // their types depend on the system
        (libc::fstat(file, &mut status) == 0).then_some((status.st_dev as u64, status.st_ino as u64))
    }
}

/// Reads what there is, waiting for something, behind what is in the buffer.
fn read(socket: RawFd, bytes: &mut Vec<u8>) -> io::Result<()> {
    bytes.reserve(AT_ONCE);
    let room = bytes.spare_capacity_mut();
    loop {
        // SAFETY: the room is that long; so many of its bytes as the call says have a value then.
        let count = unsafe { libc::read(socket, room.as_mut_ptr().cast(), room.len()) };
        match count {
            1.. => {
                let length = bytes.len() + count as usize;
                // SAFETY: see above.
                unsafe { bytes.set_len(length) };
                return Ok(());
            }
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            _ => again(io::Error::last_os_error())?,
        }
    }
}

fn write(socket: RawFd, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        #[cfg(target_os = "linux")]
        let flags = libc::MSG_NOSIGNAL;
        #[cfg(not(target_os = "linux"))]
        let flags = 0; // Python ignores SIGPIPE
        // SAFETY: the bytes are that many.
        let count = unsafe { libc::send(socket, bytes.as_ptr().cast(), bytes.len(), flags) };
        match count {
            0.. => bytes = &bytes[count as usize..],
            _ => again(io::Error::last_os_error())?,
        }
    }
    Ok(())
}

fn again(error: io::Error) -> io::Result<()> {
    match error.kind() {
        io::ErrorKind::Interrupted => Ok(()),
        _ => Err(error),
    }
}

/// Waits for the 9 bytes of an urgent message: the number of a call, and why it is to be ended.
pub(crate) fn receive_urgent(socket: RawFd) -> Option<(u64, u8)> {
    let mut bytes = [0; 9];
    let mut length = 0;
    while length < bytes.len() {
        let room = &mut bytes[length..];
        // SAFETY: the room is that long.
        let count = unsafe { libc::read(socket, room.as_mut_ptr().cast(), room.len()) };
        match count {
            1.. => length += count as usize,
            0 => return None,
            _ => again(io::Error::last_os_error()).ok()?,
        }
    }
    let [call @ .., reason] = bytes;
    Some((u64::from_le_bytes(call), reason))
}
