// SPDX-License-Identifier: Apache-2.0
//! The blocks of shared memory that Java holds, by their keys. A stale or unknown key is an error.
//! `rust/shared` defines what a block is. Windows has no such blocks.

use crate::failure::Failure;
use parking_lot::Mutex;
use python4j_core::Error;
#[cfg(unix)]
use python4j_shared::Block;
use slotmap::{DefaultKey, Key, KeyData, SlotMap};
#[cfg(unix)]
use std::os::fd::OwnedFd;
use std::sync::{Arc, LazyLock};
use std::{ptr, slice};

static BLOCKS: LazyLock<Mutex<SlotMap<DefaultKey, Arc<Block>>>> = LazyLock::new(Mutex::default);

/// New memory: its key, its address and its length.
pub(crate) fn make(length: i64) -> Result<[i64; 3], Failure> {
    let made = usize::try_from(length)
        .map_err(std::io::Error::other)
        .and_then(Block::new);
    let block = made.map_err(|e| {
        Error::refused(format!(
            "The system gives no shared memory of {length} bytes: {e}"
        ))
    })?;
    Ok(keep(Arc::new(block)))
}

/// The block that another process sent by its descriptor.
#[cfg(unix)]
pub(crate) fn open(descriptor: OwnedFd, length: i64) -> Result<[i64; 3], Failure> {
    let opened = usize::try_from(length).map_err(std::io::Error::other);
    let opened = opened.and_then(|length| Block::open(descriptor, length));
    let block = opened
        .map_err(|e| Error::refused(format!("The shared memory of another process is refused: {e}")))?;
    Ok(keep(Arc::new(block)))
}

/// The block of a key.
pub(crate) fn block(key: u64) -> Result<Arc<Block>, Failure> {
    let block = BLOCKS.lock().get(KeyData::from_ffi(key).into()).cloned();
    block.ok_or_else(|| Error::refused("The shared memory is gone.").into())
}

/// The same block under another key.
pub(crate) fn again(key: u64) -> Result<[i64; 3], Failure> {
    Ok(keep(block(key)?))
}

/// Copies bytes to the start of a block.
pub(crate) fn fill(key: u64, address: i64, length: i64) -> Result<(), Failure> {
    let block = block(key)?;
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    if address == 0 || length > block.length() {
        return Err(Error::refused(format!(
            "No {length} bytes at {address:#x} fit into the shared memory."
        ))
        .into());
    }
    // SAFETY: the block is that long. For the address the caller in Java answers: it is that of a buffer that it keeps.
    unsafe { ptr::copy(address as *const u8, block.address() as *mut u8, length) };
    Ok(())
}

/// The address and the length of a part of a block that an array of Java has room for.
fn part(block: &Block, at: i64, length: i64) -> Result<(usize, usize), Failure> {
    if let (Ok(start), Ok(length)) = (usize::try_from(at), usize::try_from(length)) {
        let inside = start.checked_add(length).is_some_and(|end| end <= block.length());
        if inside && i32::try_from(length).is_ok() {
            return Ok((block.address() + start, length));
        }
    }
    Err(Error::refused(format!(
        "The shared memory has no {length} bytes at {at} for an array."
    ))
    .into())
}

/// A part of a block, to be written.
#[allow(clippy::mut_from_ref)] // its pages are no part of it
pub(crate) fn room(block: &Block, at: i64, length: i64) -> Result<&mut [i8], Failure> {
    let (start, length) = part(block, at, length)?;
    // SAFETY: the block has that part. The other process does not look at it before it is told.
    Ok(unsafe { slice::from_raw_parts_mut(start as *mut i8, length) })
}

/// A part of a block, to be read once. The other process may be no worker of ours: of memory that it has only named, nothing is made.
pub(crate) fn filled(block: &Block, at: i64, length: i64) -> Result<&[u8], Failure> {
    let (start, length) = part(block, at, length)?;
    #[cfg(unix)]
    if block.filled().unwrap_or(0) < at as u64 + length as u64 {
        return Err(Error::refused(format!(
            "Nobody has written {length} bytes into the shared memory."
        ))
        .into());
    }
    // SAFETY: the block has that part, and cannot become shorter; the bytes are only copied, whatever happens to them meanwhile.
    Ok(unsafe { slice::from_raw_parts(start as *const u8, length) })
}

/// A block for Java, which has to be dropped.
fn keep(block: Arc<Block>) -> [i64; 3] {
    let (address, length) = (block.address() as i64, block.length() as i64);
    let key = BLOCKS.lock().insert(block);
    [key.data().as_ffi() as i64, address, length]
}

/// Java has it no more.
pub(crate) fn drop(key: u64) {
    let gone = BLOCKS.lock().remove(KeyData::from_ffi(key).into());
    std::mem::drop(gone); // unmapped without the lock
}

#[cfg(not(unix))]
pub(crate) struct Block;

#[cfg(not(unix))]
impl Block {
    fn new(_: usize) -> std::io::Result<Block> {
        Err(std::io::Error::other("it needs Linux or macOS"))
    }

    fn address(&self) -> usize {
        0
    }

    fn length(&self) -> usize {
        0
    }
}
