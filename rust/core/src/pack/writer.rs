// SPDX-License-Identifier: Apache-2.0
//! The buffer that is written, and the handles that stand in it. `values.rs` says how each value is written.

use super::format::{FIXED, PART, tag};
use super::sharing::SHARING;
use super::spare::{WORTH_KEEPING, spare};
use crate::handle::{self, Frame, Handle};
use crate::{Error, Result, alloc, bulk, gil, keys};
use pyo3::prelude::*;

/// Bytes that an array of Java has room for.
const MOST: usize = i32::MAX as usize - 8 - FIXED;

/// Writes packed values. The handles it gives are taken back if it is dropped before [`finish`].
///
/// [`finish`]: Writer::finish
pub struct Writer<'py> {
    pub(super) py: Python<'py>,
    pub(super) out: Vec<u8>,
    pub(super) frame: Frame,
    /// What stands in the buffer, and where.
    given: Vec<(usize, Handle)>,
    /// Characters or bytes of a value from which on it does not stand in the buffer.
    pub(super) large: usize,
    /// Bytes that the reader takes: of all, and of a large value by itself.
    pub(super) most: usize,
    /// Bytes from which on the rest of a container is a part of its own.
    pub(super) part: usize,
    /// Whether containers around the value go in parts, and no further one may.
    pub(super) is_deep: bool,
    /// Whether the reader has left Python.
    is_outside: bool,
}

impl Drop for Writer<'_> {
    fn drop(&mut self) {
        self.truncate(0);
    }
}

impl<'py> Writer<'py> {
    /// A writer whose handles belong to a frame.
    pub fn new(py: Python<'py>, frame: Frame) -> Self {
        Writer {
            py,
            out: Vec::new(),
            frame,
            given: Vec::new(),
            large: if frame == handle::APART {
                usize::MAX
            } else {
                bulk::LARGE
            },
            most: MOST,
            part: usize::MAX,
            is_deep: false,
            is_outside: false,
        }
    }

    /// One whose reader takes large containers by themselves, or asks for the rest of them.
    pub fn in_parts(mut self) -> Self {
        if self.large != usize::MAX {
            self.part = PART;
        }
        self
    }

    /// The same for a reader outside Python, who should not have to wait for Python because of a few values.
    pub fn outside(py: Python<'py>, frame: Frame) -> Self {
        let mut writer = Writer::new(py, frame).in_parts();
        writer.large = writer.large.max(PART);
        writer.is_outside = true;
        writer
    }

    /// Whether nobody else comes to Python until the reader has asked for the rest of a container.
    pub(super) fn is_kept(&self) -> bool {
        !self.is_outside && gil::is_kept()
    }

    /// A writer for somebody who cannot fetch large values by themselves.
    pub fn whole(py: Python<'py>, frame: Frame) -> Self {
        let mut writer = Writer::new(py, frame);
        writer.large = usize::MAX;
        writer
    }

    /// The same for a reader that takes fewer bytes than an array of Java.
    pub fn at_most(mut self, bytes: usize) -> Self {
        self.most = bytes;
        self
    }

    /// One with room for so many bytes at once.
    pub fn with_room(py: Python<'py>, frame: Frame, bytes: usize) -> Self {
        let mut writer = Writer::new(py, frame);
        writer.out.reserve(bytes);
        writer
    }

    /// The bytes; the handles in them are the reader's now.
    pub fn finish(mut self) -> Vec<u8> {
        self.given.clear();
        std::mem::take(&mut self.out)
    }

    /// One byte.
    pub fn u8(&mut self, value: u8) {
        self.out.push(value);
    }

    /// A count or a length.
    pub fn u32(&mut self, value: usize) -> Result<()> {
        let value = u32::try_from(value)
            .map_err(|_| Error::refused("The value has more than 4,294,967,295 elements."))?;
        self.reserve(4)?;
        self.out.extend_from_slice(&value.to_le_bytes());
        Ok(())
    }

    /// Where the next byte goes, to come back to with [`set_u32`](Writer::set_u32) or
    /// [`truncate`](Writer::truncate).
    pub fn position(&self) -> usize {
        self.out.len()
    }

    /// What is written so far; the handles in it are still the writer's.
    pub fn written(&self) -> &[u8] {
        &self.out
    }

    /// Forgets what was written since a position.
    pub fn truncate(&mut self, position: usize) {
        self.out.truncate(position);
        let kept = self.given.partition_point(|(at, _)| *at < position);
        for (_, handle) in self.given.drain(kept..) {
            handle::take_back(self.py, handle);
        }
    }

    /// Writes a count where a place was kept for it.
    pub fn set_u32(&mut self, position: usize, value: u32) {
        self.out[position..position + 4].copy_from_slice(&value.to_le_bytes());
    }

    /// Room for so many more bytes and for [`FIXED`] behind them.
    pub(super) fn reserve(&mut self, more: usize) -> Result<()> {
        self.check(self.out.len().saturating_add(more))?;
        let more = more.saturating_add(FIXED);
        if self.out.capacity() - self.out.len() >= more {
            return Ok(());
        }
        self.grow(more)
    }

    /// Refuses what the reader cannot take.
    pub(super) fn check(&self, bytes: usize) -> Result<()> {
        if bytes > self.most {
            return Err(Error::refused(format!(
                "Neither an array nor a String of Java takes {bytes} bytes: hand over the value in parts."
            )));
        }
        Ok(())
    }

    /// For many at once in the spare buffer.
    #[cold]
    fn grow(&mut self, more: usize) -> Result<()> {
        if more <= WORTH_KEEPING {
            return Ok(alloc::reserve(&mut self.out, more)?);
        }
        let mut large = spare();
        large.clear();
        alloc::reserve(&mut large, self.out.len().saturating_add(more))?;
        large.extend_from_slice(&self.out);
        self.out = large;
        Ok(())
    }

    /// Length and bytes.
    pub fn bytes(&mut self, bytes: &[u8]) -> Result<()> {
        self.u32(bytes.len())?;
        self.reserve(bytes.len())?;
        self.out.extend_from_slice(bytes);
        Ok(())
    }

    /// The token of the interpreter it writes for.
    pub fn py(&self) -> Python<'py> {
        self.py
    }

    /// None.
    pub fn none(&mut self) -> Result<()> {
        self.u8(tag::NONE);
        Ok(())
    }

    /// A value that is not there.
    pub fn missing(&mut self) {
        self.u8(tag::MISSING);
    }

    /// A string with its tag.
    pub fn str(&mut self, text: &str) -> Result<()> {
        self.u8(tag::STR);
        self.bytes(text.as_bytes())
    }

    /// The head of a list of `count` values.
    pub fn list_of(&mut self, count: usize) -> Result<()> {
        self.u8(tag::LIST);
        self.u32(count)
    }

    /// The head of a dict of `count` entries.
    pub fn dict_of(&mut self, count: usize) -> Result<()> {
        self.u8(tag::DICT);
        self.u32(count)
    }

    /// Whether it writes for a caller in another process.
    pub fn is_apart(&self) -> bool {
        self.frame == handle::APART
    }

    /// The object itself, held by Java from now on.
    pub fn object(&mut self, object: &Bound<'py, PyAny>) -> Result<()> {
        self.reserve(0)?;
        if self.is_apart() {
            let described = SHARING
                .get()
                .map(|sharing| sharing.describe(object))
                .transpose()?
                .flatten();
            if let Some(description) = described {
                self.u8(tag::SHARED);
                return self.bytes(&description);
            }
            let class = object
                .get_type()
                .name()
                .map_or_else(|_| "object".into(), |n| crate::error::text(&n));
            return Err(Error::refused(format!(
                "A value of the type {class} cannot leave its worker process: return what it consists of, such as \
                 numbers, text, bytes, lists or dicts."
            )));
        }
        self.u8(tag::HANDLE);
        self.give(object, self.frame);
        Ok(())
    }

    pub(super) fn give(&mut self, object: &Bound<'py, PyAny>, frame: Frame) {
        let handle = handle::give(object.clone(), frame);
        self.given.push((self.position(), handle));
        self.out.extend_from_slice(&handle.to_le_bytes());
    }

    /// Java's own object, if it is one. Java keeps it by the handle until it has found it by the key.
    pub(super) fn foreign(&mut self, object: &Bound<'py, PyAny>) -> bool {
        let Some(key) = keys::key(object) else {
            return false;
        };
        self.u8(tag::JAVA);
        self.out.extend_from_slice(&key.to_le_bytes());
        if self.is_apart() {
            self.out.extend_from_slice(&[0; 8]);
        } else {
            self.give(object, handle::NO_FRAME);
        }
        true
    }

    pub(super) fn bool(&mut self, value: bool) {
        self.u8(if value { tag::TRUE } else { tag::FALSE });
    }

    /// An integer.
    pub fn int(&mut self, value: i64) {
        self.word(tag::INT, value.to_le_bytes());
    }

    /// In one piece, since it may be the only one: then the buffer grows once.
    fn word(&mut self, tag: u8, bytes: [u8; 8]) {
        let [a, b, c, d, e, f, g, h] = bytes;
        self.out.extend_from_slice(&[tag, a, b, c, d, e, f, g, h]);
    }

    pub(super) fn float(&mut self, value: f64) {
        self.word(tag::FLOAT, value.to_le_bytes());
    }
}

/// Some texts as a packed list. Needs no Python.
pub fn texts(texts: &[String]) -> Vec<u8> {
    let mut out = vec![tag::LIST];
    out.extend_from_slice(&(texts.len() as u32).to_le_bytes());
    for text in texts {
        out.push(tag::STR);
        out.extend_from_slice(&(text.len() as u32).to_le_bytes());
        out.extend_from_slice(text.as_bytes());
    }
    out
}
