// SPDX-License-Identifier: Apache-2.0
//! Reads packed values into Python objects. `writer.rs` and `values.rs` write them.

use super::format::{MANY, MAX_DEPTH, tag, too_deep};
use super::scalar::int;
use super::sharing::SHARING;
use crate::tools::said;
use crate::{Error, Result, alloc, bulk, capi, handle, inject, keys, utf16};
use pyo3::prelude::*;
use pyo3::types::{
    IntoPyDict, PyBool, PyBytes, PyDict, PyFloat, PyFrozenSet, PyInt, PyList, PySet, PyString, PyTuple,
};
use std::mem;

/// A value that is followed by the handles that were made for it and by how many these are. They are given back, also
/// where the value cannot be read.
pub fn answer<'py>(py: Python<'py>, bytes: &[u8]) -> Result<Bound<'py, PyAny>> {
    let short = || Error::refused("The answer of a Java function is too short.");
    let (rest, count) = bytes.split_last_chunk::<4>().ok_or_else(short)?;
    let handles = (u32::from_le_bytes(*count) as usize).saturating_mul(8);
    let (packed, handles) = rest.split_at(rest.len().checked_sub(handles).ok_or_else(short)?);
    let mut reader = Reader::new(packed);
    let value = reader.value(py).and_then(|value| reader.end().map(|()| value));
    let mut handles = Reader::new(handles);
    while handles.end().is_err() {
        handle::take_back(py, handles.u64()?);
    }
    value
}

/// Reads packed values. Never reads past the end, never trusts a length.
#[derive(Clone)]
pub struct Reader<'b> {
    buffer: &'b [u8],
    at: usize,
    /// How many values the containers around this place still wait for, a byte each at the least.
    due: usize,
}

impl<'b> Reader<'b> {
    /// A reader from the start of a buffer.
    pub fn new(buffer: &'b [u8]) -> Self {
        Reader {
            buffer,
            at: 0,
            due: 0,
        }
    }

    fn malformed(&self, what: &'static str) -> Error {
        Error::Malformed { at: self.at, what }
    }

    fn take(&mut self, length: usize) -> Result<&'b [u8]> {
        let rest = &self.buffer[self.at..];
        if length > rest.len() {
            return Err(self.malformed("the buffer ends within a value"));
        }
        self.at += length;
        Ok(&rest[..length])
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        bytes.copy_from_slice(self.take(N)?);
        Ok(bytes)
    }

    /// One byte.
    pub fn u8(&mut self) -> Result<u8> {
        Ok(self.array::<1>()?[0])
    }

    /// A count or a length.
    pub fn u32(&mut self) -> Result<usize> {
        Ok(u32::from_le_bytes(self.array()?) as usize)
    }

    /// A handle or another key.
    pub fn u64(&mut self) -> Result<u64> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    /// A signed number.
    pub fn i64(&mut self) -> Result<i64> {
        Ok(i64::from_le_bytes(self.array()?))
    }

    /// A count of values that take at least `least` bytes each.
    fn count(&mut self, least: usize) -> Result<usize> {
        let count = self.u32()?;
        if count.saturating_mul(least).saturating_add(self.due) > self.buffer.len() - self.at {
            return Err(self.malformed("a count is larger than the buffer"));
        }
        Ok(count)
    }

    /// Length and bytes: a text that is still UTF-8, or raw bytes.
    pub fn bytes(&mut self) -> Result<&'b [u8]> {
        let length = self.u32()?;
        self.take(length)
    }

    /// A text as a Python string.
    pub fn text<'py>(&mut self, py: Python<'py>) -> Result<Bound<'py, PyString>> {
        string(py, self.bytes()?)
    }

    /// All that is left.
    pub fn rest(&self) -> &'b [u8] {
        &self.buffer[self.at..]
    }

    /// Nothing may be left over.
    pub fn end(&self) -> Result<()> {
        if self.at == self.buffer.len() {
            Ok(())
        } else {
            Err(self.malformed("bytes are left over"))
        }
    }

    /// Passes over values, and gives back the objects in them.
    fn forget(&mut self, values: usize) -> Result<()> {
        let mut left = values;
        while left > 0 {
            left -= 1;
            match self.u8()? {
                tag::NONE | tag::FALSE | tag::TRUE | tag::MISSING => {}
                tag::LIST | tag::TUPLE | tag::SET => left += self.u32()?,
                tag::DICT => left += 2 * self.u32()?,
                tag::INT | tag::FLOAT => drop(self.u64()?),
                tag::HANDLE | tag::LARGE => handle::take_back_late(self.u64()?),
                tag::MORE => {
                    handle::take_back_late(self.u64()?);
                    self.take(16)?;
                }
                tag::JAVA => {
                    self.u64()?;
                    handle::take_back_late(self.u64()?);
                }
                tag::LONGS | tag::DOUBLES => {
                    let count = self.u32()?;
                    self.take(count.saturating_mul(8))?;
                }
                tag::FUNCTION => {
                    self.u64()?;
                    self.bytes()?;
                }
                _ => drop(self.bytes()?),
            }
        }
        Ok(())
    }

    /// The next value as a Python object. Uses no stack for nested values.
    pub fn value<'py>(&mut self, py: Python<'py>) -> Result<Bound<'py, PyAny>> {
        self.value_or_key(py, false)
    }

    pub(super) fn value_or_key<'py>(&mut self, py: Python<'py>, is_key: bool) -> Result<Bound<'py, PyAny>> {
        if let Some(text) = self.ascii(py) {
            return Ok(text);
        }
        let mut container = match self.one(py, is_key)? {
            One::Whole(value) => return Ok(value),
            One::Open(container) => container,
        };
        let mut around: Vec<Open<'py>> = Vec::new();
        loop {
            if let Some(inner) = self.fill(py, &mut container)? {
                around.push(mem::replace(&mut container, inner));
                if around.len() > MAX_DEPTH {
                    return Err(too_deep());
                }
                continue;
            }
            let done = container.close(py)?;
            container = match around.pop() {
                None => return Ok(done),
                Some(outer) => outer,
            };
            container.add(done)?;
        }
    }

    /// Reads values into a container until it has all of them or the next one is a container.
    fn fill<'py>(&mut self, py: Python<'py>, container: &mut Open<'py>) -> Result<Option<Open<'py>>> {
        while container.left > 0 {
            self.due -= 1;
            if let Some(text) = self.ascii(py) {
                container.add(text)?;
                continue;
            }
            match self.one(py, container.hashes_next())? {
                One::Whole(value) => container.add(value)?,
                One::Open(inner) => return Ok(Some(inner)),
            }
        }
        Ok(None)
    }

    /// An ASCII text, of which there may be many: half of what [`Reader::one`] takes for it.
    #[inline]
    fn ascii<'py>(&mut self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        let (head, rest) = self.buffer.get(self.at..)?.split_first_chunk::<5>()?;
        let [tag::STR, length @ ..] = *head else {
            return None;
        };
        let text = rest.get(..u32::from_le_bytes(length) as usize)?;
        let string = bulk::ascii(py, text)?;
        inject::point();
        self.at += head.len() + text.len();
        Some(string.into_any())
    }

    /// One value without nested ones, or the head of a container.
    fn one<'py>(&mut self, py: Python<'py>, hashed: bool) -> Result<One<'py>> {
        inject::point();
        Ok(One::Whole(match self.u8()? {
            tag::NONE => py.None().into_bound(py),
            tag::FALSE => PyBool::new(py, false).to_owned().into_any(),
            tag::TRUE => PyBool::new(py, true).to_owned().into_any(),
            tag::INT => int(py, self.i64()?),
            tag::BIG_INT => {
                let bytes = PyBytes::new(py, self.bytes()?);
                let from_bytes = py.get_type::<PyInt>().getattr("from_bytes")?;
                from_bytes.call((bytes, "big"), Some(&[("signed", true)].into_py_dict(py)?))?
            }
            tag::FLOAT => PyFloat::new(py, f64::from_le_bytes(self.array()?)).into_any(),
            tag::STR => self.text(py)?.into_any(),
            tag::LATIN1 => capi::string_of(py, self.bytes()?)?,
            tag::UTF16 => {
                let bytes = self.bytes()?;
                if bytes.len() % 2 != 0 {
                    return Err(self.malformed("half a character"));
                }
                wide(py, bytes)?
            }
            tag::BYTES => PyBytes::new(py, self.bytes()?).into_any(),
            tag::LIST => return self.open(py, Kind::List),
            tag::TUPLE => return self.open(py, Kind::Tuple { hashed }),
            tag::SET => return self.open(py, Kind::Set { hashed }),
            tag::DICT => {
                let dict = PyDict::new(py);
                let count = self.count(2)?;
                expect(py, count);
                let key = None;
                return Ok(self.opened(Kind::Dict { dict, key, count }, Vec::new(), count * 2));
            }
            tag::LONGS => {
                let longs = self.run()?.map(|b| int(py, i64::from_le_bytes(b)));
                PyList::new(py, longs)?.into_any()
            }
            tag::DOUBLES => {
                let doubles = self.run()?.map(|b| PyFloat::new(py, f64::from_le_bytes(b)));
                PyList::new(py, doubles)?.into_any()
            }
            tag::DECIMAL => {
                let text = self.text(py)?;
                py.import("decimal")?.getattr("Decimal")?.call1((text,))?
            }
            tag::HANDLE => handle::lend(py, self.u64()?)?,
            tag::LARGE => match bulk::taken(py, self.u64()?)?.cast_into_exact::<PySet>() {
                Ok(set) if hashed => PyFrozenSet::new(py, &set)?.into_any(),
                Ok(set) => set.into_any(),
                Err(other) => other.into_inner(),
            },
            tag::FUNCTION => {
                let key = self.u64()?;
                let name = self.text(py)?;
                keys::peers(py, key, &crate::error::text(&name))?
            }
            tag::SHARED => {
                let description = self.bytes()?;
                let sharing = SHARING.get();
                let sharing = sharing.ok_or_else(|| self.malformed("memory of another process"))?;
                sharing.made(py, description)?
            }
            _ => {
                self.at -= 1;
                return Err(self.malformed("unknown tag"));
            }
        }))
    }

    fn open<'py>(&mut self, py: Python<'py>, kind: Kind<'py>) -> Result<One<'py>> {
        let left = self.count(1)?;
        expect(py, left);
        let items = alloc::with_capacity(left)?;
        Ok(self.opened(kind, items, left))
    }

    fn opened<'py>(&mut self, kind: Kind<'py>, items: Vec<Bound<'py, PyAny>>, left: usize) -> One<'py> {
        self.due += left;
        One::Open(Open { kind, items, left })
    }

    fn run(&mut self) -> Result<impl ExactSizeIterator<Item = [u8; 8]> + use<'b>> {
        let count = self.count(8)?;
        Ok(words(self.take(count * 8)?))
    }
}

/// Finds out how texts lie in memory where there may be many.
fn expect(py: Python<'_>, count: usize) {
    if count > MANY {
        bulk::is_direct(py);
    }
}

pub(super) fn words(bytes: &[u8]) -> impl ExactSizeIterator<Item = [u8; 8]> + '_ {
    bytes.chunks_exact(8).map(|chunk| {
        let mut word = [0; 8];
        word.copy_from_slice(chunk);
        word
    })
}

/// What [`Reader::one`] read.
enum One<'py> {
    Whole(Bound<'py, PyAny>),
    Open(Open<'py>),
}

/// A container whose values are still being read.
struct Open<'py> {
    kind: Kind<'py>,
    items: Vec<Bound<'py, PyAny>>,
    left: usize,
}

/// `hashed`: the container goes into a set or is a key, so a set has to be frozen.
enum Kind<'py> {
    List,
    Tuple {
        hashed: bool,
    },
    Set {
        hashed: bool,
    },
    Dict {
        dict: Bound<'py, PyDict>,
        key: Option<Bound<'py, PyAny>>,
        count: usize,
    },
}

impl<'py> Open<'py> {
    fn hashes_next(&self) -> bool {
        match &self.kind {
            Kind::List => false,
            Kind::Tuple { hashed } => *hashed,
            Kind::Set { .. } => true,
            Kind::Dict { key, .. } => key.is_none(),
        }
    }

    #[inline]
    fn add(&mut self, value: Bound<'py, PyAny>) -> Result<()> {
        self.left -= 1;
        match &mut self.kind {
            Kind::Dict { dict, key, .. } => match key.take() {
                None => *key = Some(value),
                Some(key) => set_item(dict, &key, &value)?,
            },
            _ => self.items.push(value),
        }
        Ok(())
    }

    fn close(self, py: Python<'py>) -> Result<Bound<'py, PyAny>> {
        Ok(match self.kind {
            Kind::List => PyList::new(py, self.items)?.into_any(),
            Kind::Tuple { .. } => PyTuple::new(py, self.items)?.into_any(),
            Kind::Dict { dict, count, .. } => {
                all_differ(count, dict.len())?;
                dict.into_any()
            }
            Kind::Set { hashed } => {
                let set = PySet::empty(py)?;
                self.items.iter().try_for_each(|item| add_to_set(&set, item))?;
                all_differ(self.items.len(), set.len())?;
                if hashed {
                    PyFrozenSet::new(py, &set)?.into_any()
                } else {
                    set.into_any()
                }
            }
        })
    }
}

pub(super) fn add_to_set<'py>(set: &Bound<'py, PySet>, item: &Bound<'py, PyAny>) -> Result<()> {
    let text = "Unable to create python set. Unhashable element: ";
    set.add(item).map_err(|raised| unhashable(text, item, raised))
}

pub(super) fn set_item<'py>(
    dict: &Bound<'py, PyDict>,
    key: &Bound<'py, PyAny>,
    value: &Bound<'py, PyAny>,
) -> Result<()> {
    let text = "Unable to create python dictionary. Unhashable key: ";
    dict.set_item(key, value)
        .map_err(|raised| unhashable(text, key, raised))
}

/// Java's 1, 1.0 and true are three, Python's are one.
pub(super) fn all_differ(given: usize, kept: usize) -> Result<()> {
    if given == kept {
        return Ok(());
    }
    Err(Error::refused(format!(
        "Of {given} keys or elements some are equal in Python, as 1, 1.0 and true are, and {} would be lost: \
         hand over a list.",
        given - kept
    )))
}

fn unhashable(what: &str, value: &Bound<'_, PyAny>, raised: PyErr) -> Error {
    Error::conversion(value.py(), || Ok(format!("{what}{}", said(value)?)), Some(raised))
}

/// A Python string from UTF-8 in which lone surrogates may stand as three bytes.
pub fn string<'py>(py: Python<'py>, bytes: &[u8]) -> Result<Bound<'py, PyString>> {
    if let Some(string) = bulk::ascii(py, bytes) {
        return Ok(string);
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Ok(PyString::new(py, text));
    }
    let bytes = PyBytes::new(py, bytes);
    let decoded = PyString::from_encoded_object(&bytes, Some(c"utf-8"), Some(c"surrogatepass"))?;
    Ok(decoded)
}

/// A Python string from UTF-16.
fn wide<'py>(py: Python<'py>, bytes: &[u8]) -> Result<Bound<'py, PyAny>> {
    let mut units = alloc::with_capacity(bytes.len() / 2)?;
    let pairs = bytes.chunks_exact(2);
    units.extend(pairs.map(|unit| u16::from_le_bytes([unit[0], unit[1]])));
    Ok(capi::string_of(py, &utf16::points(&units)?)?)
}

/// Gives back the objects in a reply of values that does not reach its reader. Needs no Python.
pub fn forget(reply: &[u8]) {
    let mut reader = Reader::new(reply);
    while reader.forget(1).is_ok() && reader.end().is_err() {}
}

/// The same for a reply of named values: a count, then name, type and value.
pub fn forget_named(reply: &[u8]) {
    let mut reader = Reader::new(reply);
    let count = reader.u32().unwrap_or(0);
    for _ in 0..count {
        let read = reader
            .bytes()
            .and_then(|_| reader.bytes())
            .and_then(|_| reader.forget(1));
        if read.is_err() {
            return;
        }
    }
}
