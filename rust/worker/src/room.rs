// SPDX-License-Identifier: Apache-2.0
//! The blocks of shared memory that go with the next message, and the room for large bytes: a block that is used again by
//! the next call. Each thread has its own of both.

use python4j_shared::{Block, pass};
use std::cell::RefCell;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes from which on memory is worth a block.
pub(crate) const LARGE: usize = 1 << 16;

/// Of a block's number: the other process keeps it for the replies to come.
const KEPT: u64 = 1 << 63;

/// A room is kept up to this size.
const MOST_KEPT: usize = 16 << 20;

/// A block that goes with the next message, and the number by which that names it.
pub(crate) type Sent = (u64, Arc<Block>);

thread_local! {
    static PENDING: RefCell<Vec<Sent>> = const { RefCell::new(Vec::new()) };
    static ROOM: RefCell<Room> = const { RefCell::new(Room { block: None, used: 0, open: false }) };
}

/// Where the thread that serves puts what is large. The other process reads it before its next request.
struct Room {
    block: Option<Sent>,
    used: usize,
    /// Whether a request is being served.
    open: bool,
}

/// A request that was not made within another one begins.
pub(crate) fn open() {
    ROOM.with_borrow_mut(|room| (room.open, room.used) = (true, 0));
}

/// Whether this thread serves a request.
pub(crate) fn serves() -> bool {
    ROOM.with_borrow(|room| room.open)
}

/// It was answered.
pub(crate) fn close() {
    ROOM.with_borrow_mut(|room| {
        room.open = false;
        room.block.take_if(|(_, block)| block.length() > MOST_KEPT);
    });
}

/// Puts bytes into the room of this thread's call: the number of a block, and where they are in it. Nothing if there is no room.
pub(crate) fn put(bytes: &[u8]) -> Option<[u64; 2]> {
    ROOM.with_borrow_mut(|room| {
        if !room.open || bytes.len() < LARGE {
            return None;
        }
        let fits = |(_, block): &Sent| bytes.len() <= block.length() - room.used;
        if !room.block.as_ref().is_some_and(fits) {
            let before = room
                .block
                .as_ref()
                .map_or(0, |(_, block)| block.length().min(MOST_KEPT));
            let block = Block::new(bytes.len().max(before + 1).next_multiple_of(1 << 20)).ok()?;
            let block = (new_number() | KEPT, Arc::new(block));
            has_space().then(|| add(block.clone()))?;
            (room.block, room.used) = (Some(block), 0);
        }
        let (number, block) = room.block.as_ref()?;
        let at = room.used;
        // SAFETY: so many bytes are left of the block; the other process does not look at them before it is told.
        unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), (block.address() + at) as *mut u8, bytes.len()) };
        room.used += bytes.len();
        Some([*number, at as u64])
    })
}

/// By which the other process knows a block of this one.
pub(crate) fn new_number() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    LAST.fetch_add(1, Ordering::Relaxed) + 1 // another one each time
}

/// What the values that this thread has packed need.
pub(crate) fn pending() -> Vec<Sent> {
    PENDING.take()
}

/// Whether one more block can go with the next message.
pub(crate) fn has_space() -> bool {
    PENDING.with_borrow(Vec::len) < pass::MOST
}

/// A block goes with the next message.
pub(crate) fn add(block: Sent) {
    PENDING.with_borrow_mut(|pending| pending.push(block));
}
