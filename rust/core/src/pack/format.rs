// SPDX-License-Identifier: Apache-2.0
//! What both halves of the format know: its tags, its limits, and where the rest of a container begins.

use crate::Error;

/// How deep values may nest; beyond it a value is taken for cyclic.
pub const MAX_DEPTH: usize = 1000;

/// Characters of a text from which on it is long.
pub(super) const LONG_TEXT: usize = 256;

/// Bytes of a container to Java from which on the rest is a part of its own.
pub const PART: usize = 1 << 20;

/// How many numbers a part has.
pub(super) const PART_NUMBERS: usize = PART / 8;

/// How deep containers are nested that go in parts: with each of them a part waits in Java.
pub(super) const PART_DEPTH: usize = 16;

/// Bytes for which there is always room behind what is written: whatever has a fixed size goes there unasked.
pub(super) const FIXED: usize = 32;

/// Where the rest of a container begins that goes in parts.
#[derive(Debug, Clone, Copy)]
pub struct Rest {
    /// That of an entry in a dict, else of no meaning.
    pub position: isize,
    /// How many values came before.
    pub done: usize,
    /// How many there are in all.
    pub total: usize,
}

impl Rest {
    /// Of a list or tuple, which has no other positions.
    pub(super) fn of_list(done: usize, total: usize) -> Self {
        let position = 0;
        Rest {
            position,
            done,
            total,
        }
    }
}

pub(super) mod tag {
    pub const NONE: u8 = 0;
    pub const FALSE: u8 = 1;
    pub const TRUE: u8 = 2;
    pub const INT: u8 = 3;
    pub const BIG_INT: u8 = 4;
    pub const FLOAT: u8 = 5;
    pub const STR: u8 = 6;
    pub const BYTES: u8 = 7;
    pub const LIST: u8 = 8;
    pub const TUPLE: u8 = 9;
    pub const SET: u8 = 10;
    pub const DICT: u8 = 11;
    pub const LONGS: u8 = 12;
    pub const DOUBLES: u8 = 13;
    pub const DECIMAL: u8 = 14;
    pub const HANDLE: u8 = 15;
    pub const SURROGATES: u8 = 16;
    pub const MISSING: u8 = 17;
    pub const JAVA: u8 = 18;
    pub const LATIN1: u8 = 19;
    pub const UTF16: u8 = 20;
    pub const LARGE: u8 = 21;
    pub const FUNCTION: u8 = 22;
    pub const SHARED: u8 = 23;
    pub const MORE: u8 = 24;
}

pub(super) fn too_deep() -> Error {
    Error::refused(format!(
        "The value nests deeper than {MAX_DEPTH} levels, or contains itself."
    ))
}
