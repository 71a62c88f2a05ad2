// SPDX-License-Identifier: Apache-2.0
//! Messages between a worker and the process that it serves, over a socket that any thread of the worker may use.
//!
//! A message has a head and a rest. The head is the length of the rest (32 bits), the kind of the message (8 bits)
//! and the number of its receiver (64 bits). If the kind has the bit [`BLOCKS`], the rest ends with the number and
//! the length (64 bits each) of each block of shared memory in the message, and with the number of these blocks (8
//! bits); their descriptors are sent together with the message. If the kind has the bit [`OUTSIDE`], the rest is only
//! the number of a block, a position in it and a length (64 bits each), and the real rest is in that block: this is for large requests
//! and replies. There is no separate thread for reading: a thread that waits for a message reads for all waiting
//! threads. Nothing here needs Python.

use crate::memory;
use crate::process;
use crate::room::{self, Sent};
#[cfg(not(target_os = "linux"))]
use libc::{fstat, stat};
#[cfg(target_os = "linux")] // under these names old C libraries have them, too
use libc::{fstat64 as fstat, stat64 as stat};
use python4j_shared::{Block, pass};
use std::collections::{HashMap, VecDeque};
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd, RawFd};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::{mem, slice};

const HEAD: usize = 13;
/// Of a kind: the message brings blocks.
const BLOCKS: u8 = 0x80;
/// Of a kind: the rest is in a block.
const OUTSIDE: u8 = 0x40;
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
    pub(crate) const RECORDS: u8 = 6;

    pub(crate) const VALUE: u8 = 0;
    pub(crate) const RAISED: u8 = 1;
    pub(crate) const UPCALL: u8 = 2;
    pub(crate) const RELEASED: u8 = 3;
}

/// A message from the other process.
pub(crate) struct Message {
    pub(crate) kind: u8,
    pub(crate) rest: Rest,
}

/// The rest of a message.
pub(crate) enum Rest {
    Here(Vec<u8>),
    /// Bytes of a block from a position on, into which nobody writes before the message is answered.
    Outside(Arc<Block>, usize, usize),
}

impl Rest {
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Rest::Here(bytes) => bytes,
            // SAFETY: the block has that part (`sort`). The other process waits for the answer.
            Rest::Outside(block, at, length) => unsafe {
                slice::from_raw_parts((block.address() + at) as *const u8, *length)
            },
        }
    }
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
    /// The descriptors that came, in the order of the messages that name them.
    descriptors: VecDeque<OwnedFd>,
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
            let mut descriptors = Vec::new();
            drop(inbox);
            self.check();
            let read = read(self.socket, &mut bytes, &mut descriptors);
            inbox = lock(&self.inbox);
            inbox.read = false;
            inbox.bytes = bytes;
            inbox.descriptors.extend(descriptors);
            if read.is_err() {
                process::exit(0);
            }
            inbox.sort();
            self.arrived.notify_all();
        }
    }

    /// Sends the answer to a request that was not made within another one, so that the other process waits for nothing else.
    pub(crate) fn answer(&self, kind: u8, whom: u64, rest: &[u8]) {
        match room::put(rest) {
            Some([number, at]) => {
                let there = [number, at, rest.len() as u64].map(u64::to_le_bytes).concat();
                self.send(kind | OUTSIDE, whom, &there, &room::pending());
            }
            None => self.send(kind, whom, rest, &room::pending()),
        }
        room::close();
    }

    /// Sends a message, and with it what was released, and the blocks that the values in it need. Ends the process where the other
    /// one has ended.
    pub(crate) fn send(&self, kind: u8, whom: u64, rest: &[u8], blocks: &[Sent]) {
        let mut outbox = lock(&self.outbox);
        outbox.clear();
        add(&mut outbox, kind, whom, rest, blocks);
        let released = mem::take(&mut *lock(&self.released));
        if !released.is_empty() {
            let keys: Vec<u8> = released.iter().flat_map(|key| key.to_le_bytes()).collect();
            add(&mut outbox, kind::RELEASED, 0, &keys, &[]);
        }
        self.check();
        if write(self.socket, &outbox, blocks).is_err() {
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
            at += HEAD + length;
            let (rest, blocks) = match (kind & BLOCKS, rest.split_last()) {
                (0, _) | (_, None) => (rest, &[][..]),
                (_, Some((count, rest))) => {
                    rest.split_at(rest.len().saturating_sub(16 * usize::from(*count)))
                }
            };
            let mut named = numbers(blocks);
            while let (Some(number), Some(length)) = (named.next(), named.next()) {
                if let Some(descriptor) = self.descriptors.pop_front() {
                    memory::learn(number, length, descriptor);
                }
            }
            let rest = match kind & OUTSIDE {
                0 => Rest::Here(rest.to_vec()),
                _ => {
                    let mut numbers = numbers(rest);
                    let mut next = || numbers.next().unwrap_or_default();
                    let (block, at, length) = (memory::known(next()), next() as usize, next() as usize);
                    let end = at.saturating_add(length);
                    match block.filter(|block| end <= block.length()) {
                        Some(block) => Rest::Outside(block, at, length),
                        None => Rest::Here(Vec::new()), // which is no request
                    }
                }
            };
            let kind = kind & !BLOCKS & !OUTSIDE;
            let queue = self.waiting.entry(u64::from_le_bytes(whom)).or_default();
            queue.push_back(Message { kind, rest });
        }
        self.bytes.drain(..at);
        if self.bytes.is_empty() {
            self.bytes.shrink_to(AT_ONCE);
        }
    }
}

fn numbers(bytes: &[u8]) -> impl Iterator<Item = u64> {
    let number = |bytes: &[u8]| Some(u64::from_le_bytes(bytes.try_into().ok()?));
    bytes.chunks_exact(8).filter_map(number)
}

fn add(out: &mut Vec<u8>, kind: u8, whom: u64, rest: &[u8], blocks: &[Sent]) {
    let (flag, named) = match blocks.len() {
        0 => (0, 0),
        count => (BLOCKS, 1 + 16 * count),
    };
    out.reserve(HEAD + rest.len() + named);
    out.extend_from_slice(&((rest.len() + named) as u32).to_le_bytes());
    out.push(kind | flag);
    out.extend_from_slice(&whom.to_le_bytes());
    out.extend_from_slice(rest);
    if flag != 0 {
        for (number, block) in blocks {
            out.extend_from_slice(&number.to_le_bytes());
            out.extend_from_slice(&(block.length() as u64).to_le_bytes());
        }
        out.push(blocks.len() as u8);
    }
}

fn identity(file: RawFd) -> Option<(u64, u64)> {
    // SAFETY: the struct is plain data, which the call fills.
    unsafe {
        let mut status: stat = mem::zeroed();
        #[allow(clippy::unnecessary_cast)] // their types depend on the system
        (fstat(file, &mut status) == 0).then_some((status.st_dev as u64, status.st_ino as u64))
    }
}

fn borrowed(socket: &RawFd) -> BorrowedFd<'_> {
    // SAFETY: whoever uses it has seen that it is open (`check`), and this process keeps it so.
    unsafe { BorrowedFd::borrow_raw(*socket) }
}

/// Reads what there is, waiting for something, behind what is in the buffer.
fn read(socket: RawFd, bytes: &mut Vec<u8>, descriptors: &mut Vec<OwnedFd>) -> io::Result<()> {
    bytes.reserve(AT_ONCE);
    let count = pass::receive(borrowed(&socket), bytes.spare_capacity_mut(), descriptors)?;
    // SAFETY: so many more have a value.
    unsafe { bytes.set_len(bytes.len() + count) };
    match count {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(()),
    }
}

fn write(socket: RawFd, mut bytes: &[u8], blocks: &[Sent]) -> io::Result<()> {
    let descriptors: Vec<_> = blocks.iter().map(|(_, block)| block.descriptor()).collect();
    let mut descriptors = &descriptors[..];
    while !bytes.is_empty() {
        let sent = pass::send(borrowed(&socket), bytes, descriptors, true)?;
        bytes = &bytes[sent..];
        descriptors = &[]; // they went with the first bytes
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
