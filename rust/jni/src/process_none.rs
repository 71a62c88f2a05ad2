// SPDX-License-Identifier: Apache-2.0
//! Where there is no Unix, there are no worker processes: `process.rs` without a way to start one.

use python4j_core::{Error, Result};

pub(crate) const AT_ONCE: usize = 0;

pub(crate) fn spawn(_command: &[String], _environment: &[String]) -> Result<[i64; 5]> {
    Err(Error::refused("A pool of worker processes needs Linux or macOS."))
}

pub(crate) fn send(_file: i32, _bytes: &[u8], _millis: i32) -> i32 {
    -1
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
