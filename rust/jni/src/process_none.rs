// SPDX-License-Identifier: Apache-2.0
//! The version of `process.rs` for systems other than Unix. There are no worker processes on these systems.

use crate::failure::Failure;
use crate::shared::Block;
use python4j_core::{Error, Result};
use std::sync::Arc;

pub(crate) const AT_ONCE: usize = 0;

pub(crate) fn spawn(_command: &[String], _environment: &[String]) -> Result<[i64; 5]> {
    Err(Error::refused("A pool of worker processes needs Linux or macOS."))
}

pub(crate) fn obstacle(_server: i32) -> Result<String> {
    Err(Error::refused("A pool of worker processes needs Linux or macOS."))
}

pub(crate) fn fork(_server: i32) -> Result<[i64; 6]> {
    Err(Error::refused("A pool of worker processes needs Linux or macOS."))
}

pub(crate) fn socket_numbers() -> Result<[i64; 2]> {
    Err(Error::refused("A pool of worker processes needs Linux or macOS."))
}

pub(crate) fn told_end(_status: i32) -> i32 {
    255
}

pub(crate) fn send(_file: i32, _bytes: &[u8], _millis: i32) -> i32 {
    -1
}

pub(crate) fn send_blocks(_file: i32, _bytes: &[u8], _blocks: &[Arc<Block>], _millis: i32) -> i32 {
    -1
}

pub(crate) fn block(_file: i32, _length: i64) -> std::result::Result<[i64; 3], Failure> {
    Err(Error::refused("No shared memory came with the message.").into())
}

pub(crate) fn receive(_file: i32, _room: &mut [u8]) -> i32 {
    -1
}

pub(crate) fn poll(_files: &[i64], _millis: i32) -> Vec<i64> {
    Vec::new()
}

pub(crate) fn close(_file: i32) {}

pub(crate) fn end(_process: i32) -> i32 {
    255
}

pub(crate) fn signal(_process: i32, _signal: i32) {}
