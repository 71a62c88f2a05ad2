// SPDX-License-Identifier: Apache-2.0
//! The blocks of shared memory that Java has, by their keys: a key that is stale, or none, is an error. What a block is stands in
//! `rust/shared`. Windows has no such blocks.

use crate::failure::Failure;
use parking_lot::Mutex;
use python4j_core::Error;
#[cfg(unix)]
use python4j_shared::Block;
use slotmap::{DefaultKey, Key, KeyData, SlotMap};
use std::sync::{Arc, LazyLock};

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
    Ok(keep(block))
}

/// A block for Java, which has to be dropped.
pub(crate) fn keep(block: Block) -> [i64; 3] {
    let (address, length) = (block.address() as i64, block.length() as i64);
    let key = BLOCKS.lock().insert(Arc::new(block));
    [key.data().as_ffi() as i64, address, length]
}

/// Java has it no more.
pub(crate) fn drop(key: u64) {
    let gone = BLOCKS.lock().remove(KeyData::from_ffi(key).into());
    std::mem::drop(gone); // unmapped without the lock
}

#[cfg(not(unix))]
struct Block;

#[cfg(not(unix))]
impl Block {
    fn new(_: usize) -> std::io::Result<Block> {
        Err(std::io::ErrorKind::Unsupported.into())
    }

    fn address(&self) -> usize {
        0
    }

    fn length(&self) -> usize {
        0
    }
}
