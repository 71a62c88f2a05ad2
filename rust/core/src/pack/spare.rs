// SPDX-License-Identifier: Apache-2.0
//! The buffers that are kept for the next large request or reply.

use crate::{Result, alloc};
use parking_lot::Mutex;

/// Bytes from which on a buffer is worth keeping: to make one costs page faults each time, so two are kept.
pub(super) const WORTH_KEEPING: usize = 1 << 16;
const LARGEST_KEPT: usize = 4 << 20;
/// The large ones that nobody uses at the moment: a request and its reply.
static SPARE: Mutex<[Vec<u8>; 2]> = Mutex::new([Vec::new(), Vec::new()]);

/// A buffer of at least that length. What is in it is of no meaning.
pub fn buffer(length: usize) -> Result<Vec<u8>> {
    let mut buffer = if length > WORTH_KEEPING {
        spare()
    } else {
        Vec::new()
    };
    if buffer.len() < length {
        let more = length - buffer.len();
        alloc::reserve(&mut buffer, more)?;
        buffer.resize(length, 0);
    }
    Ok(buffer)
}

pub(super) fn spare() -> Vec<u8> {
    let mut spare = SPARE.lock();
    let larger = usize::from(spare[0].capacity() < spare[1].capacity());
    std::mem::take(&mut spare[larger])
}

/// The end of a buffer's use.
pub fn give_back(buffer: Vec<u8>) {
    if (WORTH_KEEPING..LARGEST_KEPT).contains(&buffer.capacity()) {
        let mut spare = SPARE.lock();
        let smaller = usize::from(spare[0].capacity() > spare[1].capacity());
        spare[smaller] = buffer;
    }
}
