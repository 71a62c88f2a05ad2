// SPDX-License-Identifier: Apache-2.0
//! Memory that two processes share. This crate knows neither Python nor Java, so that both ends of a pool use the
//! same code.
//!
//! - [`block`] is the memory: a file without a name, mapped.
//! - [`pass`] sends messages and descriptors through a Unix domain socket, and receives them.
//!
//! The two ends decide which of them keeps a block, and for how long.
#![cfg(unix)]

#[allow(unsafe_code)]
pub mod block;
#[allow(unsafe_code)]
pub mod pass;

pub use block::Block;
