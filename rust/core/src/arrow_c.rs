// SPDX-License-Identifier: Apache-2.0
//! The structs of Arrow's C data interface: who owns a struct, how a capsule of Python's holds it, how a copy shares its
//! memory, and where a tree of arrays lies without offsets, because Arrow Java reads no offsets. `table.rs` reads and
//! offers columns by them, `arrow.rs` tables.

mod array;
mod batch;
mod form;
mod ones;
mod schema;
mod structs;

pub(crate) use array::{Keeper, Parts};
pub use batch::{Batch, release};
pub(crate) use structs::{Array, Owned, Schema, Stream, Struct, capsule, taken};
