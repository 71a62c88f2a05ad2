// SPDX-License-Identifier: Apache-2.0
//! Converts Python values to bytes and back. The other half of this wire format is `Pack.java`.
//!
//! Numbers are little-endian. A value is a tag and its payload. Lengths are `u32`. Text is UTF-8, in which a lone
//! surrogate has its three bytes. A list of only `int` (64 bits) or only `float` is packed as one run of numbers.
//!
//! | tag | value | payload |
//! | --- | --- | --- |
//! | 0 | None | |
//! | 1, 2 | False, True | |
//! | 3 | int | `i64` |
//! | 4 | int beyond 64 bits | length, two's complement, big-endian |
//! | 5 | float | bits of the `f64` |
//! | 6 | str | text |
//! | 7 | bytes | length, bytes |
//! | 8, 9 | list, tuple | count, values |
//! | 10 | set or frozenset | count, values |
//! | 11 | dict | count, keys and values in turn |
//! | 12, 13 | list of int, of float | count, 8 bytes each |
//! | 14 | Decimal | text |
//! | 15 | object | handle: lent by Java, given to Java |
//! | 16 | str with lone surrogates (to Java only) | text |
//! | 17 | no such name (to Java only) | |
//! | 18 | Java's own object (to Java only) | key; handle that keeps it: given to Java |
//! | 19 | long str of Latin-1 (to Java only of ASCII) | length, a byte for each character |
//! | 20 | other long str | length in bytes, UTF-16, lone surrogates as they are |
//! | 21 | large str or bytes; list or dict that came in parts ([`add`], from Java only) | handle: given, and taken back by whoever reads it (`bulk.rs`) |
//! | 22 | function of a caller in another process (from Java only) | key; text: its name |
//! | 23 | array that both processes see, large bytes in shared memory | length, bytes of [`Sharing`] |
//! | 24 | the rest of the container of which it is the last value, or the last key (to Java only) | handle of the container: given; position; how many came before; how many there are |
//!
//! A large container crosses in parts, so that what crosses needs little memory beside it. Java hands parts over by [`add`] before
//! it refers to the container. To Java the first part ends with the tag 24, and Java asks for each of the others by [`more`].
//!
//! A caller in another process holds no handles. Its values are completely in the buffer, the tags 15 and 21 do not
//! occur, and the handle of tag 18 is 0.
//!
//! Long text is copied in the form that both sides have in memory, because encoding it costs more than everything
//! else.

use crate::error::{shown, shown_text};
use crate::handle::{self, Frame, Handle};
use crate::tools::tools;
use crate::{Error, Result, alloc, bulk, capi, gil, inject, keys, utf16};
use parking_lot::Mutex;
use pyo3::exceptions::PyRuntimeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{
    IntoPyDict, PyBool, PyBytes, PyDict, PyFloat, PyFrozenSet, PyInt, PyIterator, PyList, PySet, PyString,
    PyTuple,
};
use std::ops::Range;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// How deep values may nest; beyond it a value is taken for cyclic.
pub const MAX_DEPTH: usize = 1000;

/// Characters of a text from which on it is long.
const LONG_TEXT: usize = 256;

/// From how many values on it pays to find out how texts are made fastest.
const MANY: usize = 64;

/// Bytes of a container to Java from which on the rest is a part of its own.
pub const PART: usize = 1 << 20;
/// How many numbers a part has.
const PART_NUMBERS: usize = PART / 8;
/// How deep containers are nested that go in parts: with each of them a part waits in Java.
const PART_DEPTH: usize = 16;

/// Bytes from which on a buffer is worth keeping: to make one costs page faults each time, so two are kept.
const WORTH_KEEPING: usize = 1 << 16;
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

fn spare() -> Vec<u8> {
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

mod tag {
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

/// Arrays and buffers of a caller in another process, of whose memory this crate knows nothing.
pub trait Sharing: Send + Sync {
    /// How the other process finds the memory of an object; nothing if the object has none that can be shown.
    fn describe(&self, object: &Bound<'_, PyAny>) -> Result<Option<Vec<u8>>>;

    /// Puts large bytes, or a text of a byte for each character, where the other process finds them. The result describes
    /// that; nothing if they are to be in the buffer.
    fn put(&self, bytes: &[u8], is_text: bool) -> Option<Vec<u8>>;

    /// The object that the other process described.
    fn made<'py>(&self, py: Python<'py>, description: &[u8]) -> Result<Bound<'py, PyAny>>;

    /// A table as an array of bytes.
    fn packed<'py>(&self, table: &Bound<'py, PyAny>) -> Result<Bound<'py, PyAny>>;
}

static SHARING: OnceLock<Box<dyn Sharing>> = OnceLock::new();

/// Has arrays cross as another crate says.
pub fn share_by(sharing: impl Sharing + 'static) {
    let _ = SHARING.set(Box::new(sharing)); // a process serves one other
}

/// What the reader of a value asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Whatever the object is.
    Any,
    /// `str(object)`.
    Str,
    /// Anything that Python takes as an integer, within 64 bits.
    Int,
    /// Anything that Python takes as a number.
    Float,
    /// Its truth.
    Bool,
    /// Any sequence.
    List,
    /// A dict or a subclass.
    Dict,
    /// bytes.
    Bytes,
    /// None, whatever the object is.
    None,
    /// A handle.
    Object,
    /// `TypeName: text` of an exception, `str(object)` of anything else.
    Message,
    /// The traceback of an exception, as Python prints it.
    Traceback,
    /// Java's own object if it is one, else None.
    Java,
    /// The array of bytes that a table becomes for a caller in another process.
    Table,
}

impl Wanted {
    /// The code that Java sends.
    pub fn from_code(code: u8) -> Result<Self> {
        Ok(match code {
            0 => Wanted::Any,
            1 => Wanted::Str,
            2 => Wanted::Int,
            3 => Wanted::Float,
            4 => Wanted::Bool,
            5 => Wanted::List,
            6 => Wanted::Dict,
            7 => Wanted::Bytes,
            8 => Wanted::None,
            9 => Wanted::Object,
            10 => Wanted::Message,
            11 => Wanted::Traceback,
            12 => Wanted::Java,
            13 => Wanted::Table,
            _ => return Err(Error::refused(format!("Unknown kind of value: {code}"))),
        })
    }
}

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

    fn value_or_key<'py>(&mut self, py: Python<'py>, is_key: bool) -> Result<Bound<'py, PyAny>> {
        let mut open: Vec<Open<'py>> = Vec::new();
        loop {
            let hashed = open.last().map_or(is_key, Open::hashes_next);
            self.due -= usize::from(!open.is_empty());
            let mut done = match self.one(py, hashed)? {
                One::Whole(value) => value,
                One::Open(container) => {
                    if open.len() > MAX_DEPTH {
                        return Err(too_deep());
                    }
                    self.due += container.left;
                    open.push(container);
                    match self.close_if_full(py, &mut open)? {
                        Some(value) => value,
                        None => continue,
                    }
                }
            };
            loop {
                match open.last_mut() {
                    None => return Ok(done),
                    Some(container) => container.add(done)?,
                }
                match self.close_if_full(py, &mut open)? {
                    Some(value) => done = value,
                    None => break,
                }
            }
        }
    }

    fn close_if_full<'py>(
        &self,
        py: Python<'py>,
        open: &mut Vec<Open<'py>>,
    ) -> Result<Option<Bound<'py, PyAny>>> {
        if open.last().is_some_and(|container| container.left > 0) {
            return Ok(None);
        }
        open.pop().map(|container| container.close(py)).transpose()
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
            tag::LIST => {
                let list = self.open(Kind::List)?;
                if matches!(&list, One::Open(list) if list.left > MANY) {
                    bulk::is_direct(py); // finds out how texts are made fastest
                }
                return Ok(list);
            }
            tag::TUPLE => return self.open(Kind::Tuple { hashed }),
            tag::SET => return self.open(Kind::Set { hashed }),
            tag::DICT => {
                let dict = PyDict::new(py);
                let count = self.count(2)?;
                return Ok(One::Open(Open {
                    kind: Kind::Dict {
                        dict,
                        key: None,
                        count,
                    },
                    items: Vec::new(),
                    left: count * 2,
                }));
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
            tag::LARGE => bulk::taken(py, self.u64()?)?,
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

    fn open<'py>(&mut self, kind: Kind<'py>) -> Result<One<'py>> {
        let left = self.count(1)?;
        let items = alloc::with_capacity(left)?;
        Ok(One::Open(Open { kind, items, left }))
    }

    fn run(&mut self) -> Result<impl ExactSizeIterator<Item = [u8; 8]> + use<'b>> {
        let count = self.count(8)?;
        Ok(words(self.take(count * 8)?))
    }

    /// All values that are left, as a list.
    fn part<'py>(&mut self, py: Python<'py>, kind: u8) -> Result<Bound<'py, PyList>> {
        Ok(match kind {
            tag::LONGS => PyList::new(
                py,
                words(self.rest()).map(|word| int(py, i64::from_le_bytes(word))),
            )?,
            tag::DOUBLES => PyList::new(
                py,
                words(self.rest()).map(|word| PyFloat::new(py, f64::from_le_bytes(word))),
            )?,
            _ => {
                bulk::is_direct(py); // finds out how texts are made fastest
                let mut values = Vec::new();
                while self.end().is_err() {
                    values.push(self.value(py)?);
                }
                PyList::new(py, values)?
            }
        })
    }
}

fn words(bytes: &[u8]) -> impl ExactSizeIterator<Item = [u8; 8]> + '_ {
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
                for item in &self.items {
                    set.add(item).map_err(|raised| {
                        unhashable("Unable to create python set. Unhashable element: ", item, raised)
                    })?;
                }
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

fn set_item<'py>(
    dict: &Bound<'py, PyDict>,
    key: &Bound<'py, PyAny>,
    value: &Bound<'py, PyAny>,
) -> Result<()> {
    let text = "Unable to create python dictionary. Unhashable key: ";
    dict.set_item(key, value)
        .map_err(|raised| unhashable(text, key, raised))
}

/// Adds packed values to a container that Java hands over in parts; the handle is 0 for the first part, and Java has the
/// result's. The kind is a tag: that of a dict, of a run of numbers, or of a list. With the last part Java says how many values came.
pub fn add(py: Python<'_>, handle: Handle, kind: u8, values: &[u8], total: Option<usize>) -> Result<Handle> {
    let before = match handle {
        0 => None,
        _ => Some(handle::lend(py, handle)?),
    };
    let mut reader = Reader::new(values);
    let container = if kind == tag::DICT {
        let dict = before.unwrap_or_else(|| PyDict::new(py).into_any());
        let dict = dict.cast_into_exact::<PyDict>().map_err(PyErr::from)?;
        while reader.end().is_err() {
            let key = reader.value_or_key(py, true)?;
            set_item(&dict, &key, &reader.value(py)?)?;
        }
        all_differ(total.unwrap_or(dict.len()), dict.len())?;
        dict.into_any()
    } else {
        let part = reader.part(py, kind)?;
        match before {
            None => part.into_any(),
            Some(before) => {
                let list = before.cast_into_exact::<PyList>().map_err(PyErr::from)?;
                list.set_slice(list.len(), list.len(), &part)?;
                list.into_any()
            }
        }
    };
    Ok(match handle {
        0 => handle::give(container, handle::NO_FRAME),
        _ => handle,
    })
}

/// The next part of a container, of which so many values are done. It is a container or a run of numbers. The tag 24 is the last of its values, or
/// comes after the run, with the handle 0 where no more follow. Java's handle goes.
pub fn more(
    py: Python<'_>,
    handle: Handle,
    position: isize,
    done: usize,
    total: usize,
    is_deep: bool,
    frame: Frame,
) -> Result<Vec<u8>> {
    let container = handle::lend(py, handle)?;
    let mut writer = Writer::new(py, frame).in_parts();
    writer.is_deep = is_deep;
    writer.part(&container, position, done, total)?;
    handle::take_back(py, handle);
    Ok(writer.finish())
}

/// Java's 1, 1.0 and true are three, Python's are one.
fn all_differ(given: usize, kept: usize) -> Result<()> {
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
    Error::conversion(value.py(), || format!("{what}{}", shown(value)), Some(raised))
}

/// An int.
pub(crate) fn int(py: Python<'_>, value: i64) -> Bound<'_, PyAny> {
    match value.into_pyobject(py) {
        Ok(int) => int.into_any(),
        Err(never) => match never {},
    }
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

fn too_deep() -> Error {
    Error::refused(format!(
        "The value nests deeper than {MAX_DEPTH} levels, or contains itself."
    ))
}

/// Bytes for which there is always room behind what is written: whatever has a fixed size goes there unasked.
const FIXED: usize = 32;
/// Few small values, which need no array of Java's. Whoever writes or reads them has the GIL.
///
/// From the start on it holds the value of the object that was given last, if that says all of it: Java reads it here and
/// need not ask for it. A value is a tag, a word (or the length of a text) and the text in words of eight bytes.
/// [`exec::run_few`](crate::exec::run_few) finds its request here and leaves its reply.
static TOLD: [AtomicU64; 64] = [const { AtomicU64::new(0) }; 64];
/// How many bytes of UTF-8 a text has at most.
const TOLD_TEXT: usize = 64;

/// Where [`tell`] writes: address and length.
pub fn told() -> (usize, usize) {
    (TOLD.as_ptr().addr(), size_of_val(&TOLD))
}

/// Writes a request as Java does, which uses the memory itself.
pub fn ask(_held: Python<'_>, words: &[u64]) {
    TOLD.iter()
        .zip(words)
        .for_each(|(place, word)| place.store(*word, Ordering::Relaxed));
}

/// The first words of what is there.
pub fn asked(_held: Python<'_>) -> [u64; 2] {
    [&TOLD[0], &TOLD[1]].map(|word| word.load(Ordering::Relaxed))
}

/// Tells the value of an int, float or bool, of None or of a short str, each of the class itself; that of anything else is
/// missing. Whether it is told.
#[inline]
pub(crate) fn tell(object: &Bound<'_, PyAny>) -> bool {
    match capi::long(object) {
        Some(value) => {
            tell_word(0, tag::INT, value as u64);
            true
        }
        None => tell_other(object),
    }
}

/// The same for what is no int of 64 bits.
fn tell_other(object: &Bound<'_, PyAny>) -> bool {
    let (tag, word) = if let Ok(text) = object.cast_exact::<PyString>() {
        tell_text(text, 0).map_or((tag::MISSING, 0), |length| (tag::STR, length))
    } else if let Some(value) = capi::double(object) {
        (tag::FLOAT, value.to_bits())
    } else if object.is_none() {
        (tag::NONE, 0)
    } else if let Ok(value) = object.cast_exact::<PyBool>() {
        (if value.is_true() { tag::TRUE } else { tag::FALSE }, 0)
    } else {
        (tag::MISSING, 0)
    };
    tell_word(0, tag, word);
    tag != tag::MISSING
}

/// Tells a value at a place if it is of the wanted kind already, so that nothing has to be converted. The next place.
pub(crate) fn tell_wanted(object: &Bound<'_, PyAny>, wanted: Wanted, at: usize) -> Option<usize> {
    let (tag, word) = match wanted {
        Wanted::Int => (tag::INT, capi::long(object)? as u64),
        Wanted::Float => (tag::FLOAT, capi::double(object)?.to_bits()),
        Wanted::Str => (tag::STR, tell_text(object.cast_exact::<PyString>().ok()?, at)?),
        Wanted::Bool => match object.cast_exact::<PyBool>().ok()?.is_true() {
            true => (tag::TRUE, 0),
            false => (tag::FALSE, 0),
        },
        _ => return None,
    };
    tell_word(at, tag, word);
    Some(
        at + 2
            + if tag == tag::STR {
                word.div_ceil(8) as usize
            } else {
                0
            },
    )
}

/// There are values that are not told.
pub(crate) fn tell_missing() {
    tell_word(0, tag::MISSING, 0);
}

fn tell_word(at: usize, tag: u8, word: u64) {
    TOLD[at].store(tag.into(), Ordering::Relaxed);
    TOLD[at + 1].store(word, Ordering::Relaxed);
}

fn tell_text(text: &Bound<'_, PyString>, at: usize) -> Option<u64> {
    if capi::length(text) > TOLD_TEXT {
        return None;
    }
    let utf8 = capi::utf8(text)?.as_bytes();
    if utf8.len() > TOLD_TEXT {
        return None;
    }
    for (place, bytes) in TOLD.get(at + 2..)?.iter().zip(utf8.chunks(8)) {
        let mut word = [0; 8];
        word[..bytes.len()].copy_from_slice(bytes);
        place.store(u64::from_ne_bytes(word), Ordering::Relaxed);
    }
    Some(utf8.len() as u64)
}

/// Reads what Java wrote into that memory.
#[derive(Default)]
pub(crate) struct Asked {
    at: usize,
}

impl Asked {
    pub(crate) fn word(&mut self) -> Result<u64> {
        let place = TOLD.get(self.at);
        self.at += 1;
        match place {
            Some(word) => Ok(word.load(Ordering::Relaxed)),
            None => Err(self.malformed("the request ends within a value")),
        }
    }

    #[cold]
    fn malformed(&self, what: &'static str) -> Error {
        Error::Malformed { at: self.at, what }
    }

    pub(crate) fn value<'py>(&mut self, py: Python<'py>) -> Result<Bound<'py, PyAny>> {
        let (kind, word) = (self.word()?, self.word()?);
        Ok(match u8::try_from(kind).unwrap_or(tag::MISSING) {
            tag::NONE => py.None().into_bound(py),
            tag::FALSE => PyBool::new(py, false).to_owned().into_any(),
            tag::TRUE => PyBool::new(py, true).to_owned().into_any(),
            tag::INT => int(py, word as i64),
            tag::FLOAT => PyFloat::new(py, f64::from_bits(word)).into_any(),
            tag::STR => {
                let (mut text, length) = ([0; TOLD_TEXT], (word as usize).min(TOLD_TEXT));
                for bytes in text[..length].chunks_mut(8) {
                    bytes.copy_from_slice(&self.word()?.to_le_bytes()[..bytes.len()]);
                }
                capi::string_of(py, &text[..length])?
            }
            _ => return Err(self.malformed("no small value")),
        })
    }
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

/// Bytes that an array of Java has room for.
const MOST: usize = i32::MAX as usize - 8 - FIXED;

/// Writes packed values. The handles it gives are taken back if it is dropped before [`finish`].
///
/// [`finish`]: Writer::finish
pub struct Writer<'py> {
    py: Python<'py>,
    out: Vec<u8>,
    frame: Frame,
    /// What stands in the buffer, and where.
    given: Vec<(usize, Handle)>,
    /// Whether large values stand in the buffer, too.
    whole: bool,
    /// Bytes that the reader takes: of all, and of a large value by itself.
    most: usize,
    /// Bytes from which on the rest of a container is a part of its own.
    part: usize,
    /// Whether containers around the value go in parts, and no further one may.
    is_deep: bool,
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
            whole: frame == handle::APART,
            most: MOST,
            part: usize::MAX,
            is_deep: false,
        }
    }

    /// One whose reader asks for the rest of large containers before anybody else can change them.
    pub fn in_parts(mut self) -> Self {
        if !self.whole {
            self.part = PART;
        }
        self
    }

    /// A writer for somebody who cannot fetch large values by themselves.
    pub fn whole(py: Python<'py>, frame: Frame) -> Self {
        let mut writer = Writer::new(py, frame);
        writer.whole = true;
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
    fn reserve(&mut self, more: usize) -> Result<()> {
        self.check(self.out.len().saturating_add(more))?;
        let more = more.saturating_add(FIXED);
        if self.out.capacity() - self.out.len() >= more {
            return Ok(());
        }
        self.grow(more)
    }

    /// Refuses what the reader cannot take.
    fn check(&self, bytes: usize) -> Result<()> {
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

    fn give(&mut self, object: &Bound<'py, PyAny>, frame: Frame) {
        let handle = handle::give(object.clone(), frame);
        self.given.push((self.position(), handle));
        self.out.extend_from_slice(&handle.to_le_bytes());
    }

    /// Java's own object, if it is one. Java keeps it by the handle until it has found it by the key.
    fn foreign(&mut self, object: &Bound<'py, PyAny>) -> bool {
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

    /// The object as what was asked for.
    pub fn wanted(&mut self, object: &Bound<'py, PyAny>, wanted: Wanted) -> Result<()> {
        self.reserve(0)?;
        match wanted {
            Wanted::Any => self.value(object),
            Wanted::Str => self.string(&object.str()?),
            Wanted::Int => {
                self.int(integer(object)?);
                Ok(())
            }
            Wanted::Float => {
                self.float(number(object)?);
                Ok(())
            }
            Wanted::Bool => {
                self.bool(object.is_truthy()?);
                Ok(())
            }
            Wanted::List | Wanted::Dict | Wanted::Java if self.foreign(object) => Ok(()),
            Wanted::List => self.wanted_list(object),
            Wanted::Dict => match object.cast::<PyDict>() {
                Ok(dict) => self.walk(Walk::dict(dict)),
                Err(_) => Err(unconvertible("Expected dict, received: ", object, None)),
            },
            Wanted::Bytes => match object.cast::<PyBytes>() {
                Ok(bytes) => self.raw(bytes),
                Err(_) => Err(unconvertible("Expected bytes. Received: ", object, None)),
            },
            Wanted::None | Wanted::Java => self.none(),
            Wanted::Object => self.object(object),
            Wanted::Table if object.is_none() => self.none(),
            Wanted::Table => match SHARING.get() {
                Some(sharing) => self.object(&sharing.packed(object)?),
                None => self.object(object),
            },
            Wanted::Traceback => {
                let text = tools()?.traceback.bind(self.py).call1((object,))?;
                self.str(&shown_text(text.cast::<PyString>().map_err(PyErr::from)?))
            }
            Wanted::Message => {
                if object.is_instance_of::<pyo3::exceptions::PyBaseException>() {
                    self.str(&crate::error::describe(object))
                } else {
                    self.string(&object.str()?)
                }
            }
        }
    }

    fn wanted_list(&mut self, object: &Bound<'py, PyAny>) -> Result<()> {
        if let Ok(list) = object.cast_exact::<PyList>() {
            return self.value_list(list);
        }
        let empty_dict = object.cast::<PyDict>().is_ok_and(|dict| dict.is_empty());
        if empty_dict {
            return self.list_of(0);
        }
        // Upstream: the protocol decides, so text gives its characters and a set is refused.
        let is_sequence = capi::is_sequence(object);
        let list = is_sequence.then(|| PyList::empty(self.py));
        let refused = match &list {
            Some(list) => list.call_method1("extend", (object,)).err(),
            None => None,
        };
        match (list, refused) {
            (Some(list), None) => self.value_list(&list),
            (_, refused) => Err(Error::conversion(
                self.py,
                || "Object cannot be interpreted as a List".into(),
                refused,
            )),
        }
    }

    fn value_list(&mut self, list: &Bound<'py, PyList>) -> Result<()> {
        match self.list(list)? {
            Some(container) => self.walk(container),
            None => Ok(()),
        }
    }

    /// A value by the exact type of the object; one of another type as a handle.
    pub fn value(&mut self, object: &Bound<'py, PyAny>) -> Result<()> {
        match self.nested(object)? {
            Some(container) => self.walk(container),
            None => Ok(()),
        }
    }

    fn nested(&mut self, object: &Bound<'py, PyAny>) -> Result<Option<Walk<'py>>> {
        inject::point();
        self.reserve(0)?;
        if let Ok(string) = object.cast_exact::<PyString>() {
            self.string(string)?;
        } else if let Ok(int) = object.cast_exact::<PyInt>() {
            self.any_int(int)?;
        } else if let Ok(float) = object.cast_exact::<PyFloat>() {
            self.float(float.value());
        } else if let Ok(truth) = object.cast_exact::<PyBool>() {
            self.bool(truth.is_true());
        } else if object.is_none() {
            self.u8(tag::NONE);
        } else if let Ok(list) = object.cast_exact::<PyList>() {
            return self.list(list);
        } else if let Ok(dict) = object.cast_exact::<PyDict>() {
            return Ok(Some(Walk::dict(dict)));
        } else if let Ok(bytes) = object.cast_exact::<PyBytes>() {
            self.raw(bytes)?;
        } else if object.is_exact_instance_of::<PyTuple>() {
            return Ok(Some(Walk::items(tag::TUPLE, object, 0)));
        } else {
            return self.rarer(object);
        }
        Ok(None)
    }

    /// Types that come second: sets, ranges, views of dicts, decimals, numpy's scalars.
    fn rarer(&mut self, object: &Bound<'py, PyAny>) -> Result<Option<Walk<'py>>> {
        if self.foreign(object) {
            return Ok(None);
        }
        if object.is_exact_instance_of::<PySet>() || object.is_exact_instance_of::<PyFrozenSet>() {
            return Ok(Some(Walk::all(tag::SET, object)?));
        }
        if tools()?.is_listed(object) {
            return Ok(Some(Walk::all(tag::LIST, object)?));
        }
        if is_decimal(object) {
            self.decimal(object)?;
            return Ok(None);
        }
        match scalar(object) {
            Some(Scalar::Bool) => self.bool(object.is_truthy()?),
            Some(Scalar::Int) => {
                let int = object.call_method0("__index__")?;
                self.any_int(int.cast::<PyInt>().map_err(PyErr::from)?)?;
            }
            Some(Scalar::Float) => self.float(object.extract()?),
            None => self.object(object)?,
        }
        Ok(None)
    }

    fn decimal(&mut self, decimal: &Bound<'py, PyAny>) -> Result<()> {
        let text = decimal.str()?;
        let text = text.to_cow()?;
        if !is_big_decimal(&text) {
            return self.object(decimal); // a double it may be
        }
        self.u8(tag::DECIMAL);
        self.bytes(text.as_bytes())
    }

    /// The list at once where all its elements are of one simple kind; otherwise they are still to be written.
    fn list(&mut self, list: &Bound<'py, PyList>) -> Result<Option<Walk<'py>>> {
        let all = 0..list.len();
        if all.len() > self.part / 8
            && gil::is_kept()
            && (capi::long_at(list, 0).is_some() || capi::double_at(list, 0).is_some())
        {
            self.list_of(1)?;
            self.rest(list, 0, 0, all.len())?;
            return Ok(None);
        }
        if self.longs(list, &all)? || self.doubles(list, &all)? || self.texts(list, &all)? {
            return Ok(None);
        }
        Ok(Some(Walk::items(tag::LIST, list, 0)))
    }

    /// Some of a container, from a position on, see [`more`].
    fn part(
        &mut self,
        container: &Bound<'py, PyAny>,
        position: isize,
        done: usize,
        total: usize,
    ) -> Result<()> {
        if let Ok(dict) = container.cast_exact::<PyDict>() {
            let mut walk = Walk::dict(dict);
            walk.before = done;
            if let Values::Dict {
                position: at, size, ..
            } = &mut walk.values
            {
                (*at, *size) = (position, total);
            }
            return self.walk(walk);
        }
        if let Ok(list) = container.cast_exact::<PyList>() {
            let end = list.len().min(done + PART_NUMBERS);
            let numbers = done..end;
            if self.longs(list, &numbers)? || self.doubles(list, &numbers)? {
                return if end < list.len() {
                    self.rest(list, end as isize, end, total)
                } else {
                    self.no_rest()
                };
            }
            if self.texts(list, &(done..list.len()))? {
                return Ok(());
            }
            return self.walk(Walk::items(tag::LIST, list, done));
        }
        match container.cast_exact::<PyTuple>() {
            Ok(tuple) => self.walk(Walk::items(tag::TUPLE, tuple, done)),
            Err(_) => Err(Error::refused("Not a container that goes in parts.")),
        }
    }

    /// The rest of a container: Java asks for it by [`more`].
    fn rest(
        &mut self,
        container: &Bound<'py, PyAny>,
        position: isize,
        done: usize,
        total: usize,
    ) -> Result<()> {
        self.reserve(0)?;
        self.u8(tag::MORE);
        self.give(container, self.frame);
        self.out.extend_from_slice(&(position as u64).to_le_bytes());
        self.u32(done)?;
        self.u32(total)
    }

    /// Says that there is no rest, where no container says it.
    fn no_rest(&mut self) -> Result<()> {
        self.reserve(0)?;
        self.u8(tag::MORE);
        self.out.extend_from_slice(&[0; 24]);
        Ok(())
    }

    /// Whether what is left of the innermost container goes in parts, of which it then writes the beginning.
    fn leaves(&mut self, open: &mut [Walk<'py>]) -> Result<bool> {
        let depth = open.len();
        let may = depth == 1 || !self.is_deep && depth < PART_DEPTH;
        match open.last_mut() {
            Some(container) if may && gil::is_kept() => {
                let Some((object, position, total)) = container.left() else {
                    return Ok(false);
                };
                let done = container.before + container.count as usize;
                if done >= total {
                    return Ok(false);
                }
                self.rest(&object, position, done, total)?;
                if container.tag == tag::DICT {
                    self.none()?;
                }
                container.count += 1;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// Writes a container and all that is in it. Uses no stack for nested values.
    fn walk(&mut self, container: Walk<'py>) -> Result<()> {
        let mut open = vec![container];
        self.head(&mut open)?;
        while let Some(container) = open.last() {
            let is_large = self.out.len() - container.count_at > self.part;
            let leaves = is_large && self.leaves(&mut open)?;
            let Some(container) = open.last_mut() else { break };
            match if leaves { None } else { container.next()? } {
                Some(object) => {
                    if let Some(nested) = self.nested(&object)? {
                        if open.len() > MAX_DEPTH {
                            return Err(too_deep());
                        }
                        open.push(nested);
                        self.head(&mut open)?;
                    }
                }
                None => {
                    let at = container.count_at;
                    let count = container.count;
                    self.set_u32(at, count);
                    open.pop();
                }
            }
        }
        Ok(())
    }

    /// Tag, and the place of the count of the innermost container.
    fn head(&mut self, open: &mut [Walk<'py>]) -> Result<()> {
        if let Some(container) = open.last_mut() {
            self.u8(container.tag);
            container.count_at = self.position();
            self.u32(0)?;
        }
        Ok(())
    }

    /// The items as one run of 64-bit integers, or nothing.
    fn longs(&mut self, list: &Bound<'py, PyList>, items: &Range<usize>) -> Result<bool> {
        self.run(items, tag::LONGS, |out, index| {
            out.extend_from_slice(&capi::long_at(list, index)?.to_le_bytes());
            Some(())
        })
    }

    /// The items as one run of floats, or nothing.
    fn doubles(&mut self, list: &Bound<'py, PyList>, items: &Range<usize>) -> Result<bool> {
        self.run(items, tag::DOUBLES, |out, index| {
            out.extend_from_slice(&capi::double_at(list, index)?.to_le_bytes());
            Some(())
        })
    }

    /// The items if all of them are short text, or nothing.
    fn texts(&mut self, list: &Bound<'py, PyList>, items: &Range<usize>) -> Result<bool> {
        if items.is_empty() {
            return Ok(false);
        }
        let start = self.position();
        self.list_of(items.len())?;
        for index in items.clone() {
            if self.out.len() - start > self.part && gil::is_kept() {
                self.set_u32(start + 1, (index - items.start + 1) as u32);
                self.rest(list, index as isize, index, items.end)?;
                return Ok(true);
            }
            if self.text_at(list, index).is_none() {
                self.truncate(start);
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// An item that is a short text, or nothing.
    fn text_at(&mut self, list: &Bound<'py, PyList>, index: usize) -> Option<()> {
        let out = &mut self.out;
        if out.len() > self.most {
            return None;
        }
        out.try_reserve(5 + 4 * LONG_TEXT + FIXED).ok()?;
        let start = out.len();
        out.extend_from_slice(&[tag::STR, 0, 0, 0, 0]);
        let length = capi::append_text_at(list, index, LONG_TEXT, out)? as u32;
        out[start + 1..start + 5].copy_from_slice(&length.to_le_bytes());
        Some(())
    }

    /// Items that are numbers of one kind. Nothing also where there is no room, which whoever then writes them says.
    fn run(
        &mut self,
        items: &Range<usize>,
        tag: u8,
        write: impl Fn(&mut Vec<u8>, usize) -> Option<()>,
    ) -> Result<bool> {
        let start = self.position();
        self.u8(tag);
        self.u32(items.len())?;
        let written = !items.is_empty()
            && write(&mut self.out, items.start).is_some()
            && self.reserve(items.len().saturating_mul(8)).is_ok()
            && (items.start + 1..items.end).all(|index| write(&mut self.out, index).is_some());
        if !written {
            self.truncate(start);
        }
        Ok(written)
    }

    fn bool(&mut self, value: bool) {
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

    fn float(&mut self, value: f64) {
        self.word(tag::FLOAT, value.to_le_bytes());
    }

    fn any_int(&mut self, int: &Bound<'py, PyInt>) -> Result<()> {
        if let Ok(value) = int.extract::<i64>() {
            self.int(value);
            return Ok(());
        }
        let bits: usize = int.call_method0("bit_length")?.extract()?;
        let signed = [("signed", true)].into_py_dict(self.py)?;
        let bytes = int.call_method("to_bytes", (bits / 8 + 1, "big"), Some(&signed))?;
        self.u8(tag::BIG_INT);
        self.bytes(bytes.cast::<PyBytes>().map_err(PyErr::from)?.as_bytes())
    }

    /// An object that is large; Java fetches it by itself.
    fn large(&mut self, object: &Bound<'py, PyAny>) {
        self.u8(tag::LARGE);
        self.give(object, self.frame);
    }

    fn raw(&mut self, bytes: &Bound<'py, PyBytes>) -> Result<()> {
        if bytes.as_bytes().len() > bulk::LARGE && !self.whole {
            self.check(bytes.as_bytes().len())?;
            self.large(bytes);
            return Ok(());
        }
        self.here_or_beside(tag::BYTES, bytes.as_bytes())
    }

    fn here_or_beside(&mut self, tag: u8, bytes: &[u8]) -> Result<()> {
        self.check(bytes.len())?;
        let sharing = SHARING.get().filter(|_| self.whole);
        match sharing.and_then(|sharing| sharing.put(bytes, tag == tag::LATIN1)) {
            Some(description) => {
                self.u8(tag::SHARED);
                self.bytes(&description)
            }
            None => {
                self.u8(tag);
                self.bytes(bytes)
            }
        }
    }

    fn long_string(&mut self, string: &Bound<'py, PyString>) -> Result<()> {
        if string.call_method0(intern!(self.py, "isascii"))?.is_truthy()? {
            return self.here_or_beside(tag::LATIN1, capi::utf8(string).unwrap_or_default().as_bytes());
        }
        let units = utf16::units(&capi::points(string)?)?;
        self.u8(tag::UTF16);
        self.u32(2 * units.len())?;
        self.reserve(2 * units.len())?;
        self.out.extend(units.iter().flat_map(|unit| unit.to_le_bytes()));
        Ok(())
    }

    fn string(&mut self, string: &Bound<'py, PyString>) -> Result<()> {
        let length = capi::length(string);
        self.check(length)?;
        if length > bulk::LARGE && !self.whole {
            if length > self.most / 4 {
                self.check(bulk::size(string))?;
            }
            self.large(string);
            return Ok(());
        }
        if length > LONG_TEXT {
            return self.long_string(string);
        }
        if let Some(text) = capi::utf8(string) {
            return self.str(text);
        }
        self.u8(tag::SURROGATES);
        let bytes = string.call_method1("encode", ("utf-8", "surrogatepass"))?;
        self.bytes(bytes.cast::<PyBytes>().map_err(PyErr::from)?.as_bytes())
    }
}

/// The value of anything that Python takes as an integer, within 64 bits.
pub fn integer(object: &Bound<'_, PyAny>) -> Result<i64> {
    let refused = match object.extract::<i64>() {
        Ok(value) => return Ok(value),
        Err(raised) => raised,
    };
    // numpy's bool_ is the one number without __index__ that counts as an integer here.
    if let Some(Scalar::Bool) = scalar(object) {
        return Ok(object.is_truthy()?.into());
    }
    Err(unconvertible(
        "Could not convert value to int: ",
        object,
        Some(refused),
    ))
}

/// The value of anything that Python takes as a number.
pub fn number(object: &Bound<'_, PyAny>) -> Result<f64> {
    if !object.is_exact_instance_of::<PyFloat>() && is_complex(object) {
        let what = "Could not convert value to float: ";
        return Err(unconvertible(what, object, None));
    }
    object
        .extract()
        .map_err(|raised| unconvertible("Could not convert value to float: ", object, Some(raised)))
}

fn unconvertible(what: &str, object: &Bound<'_, PyAny>, raised: Option<PyErr>) -> Error {
    Error::conversion(object.py(), || format!("{what}{}", shown(object)), raised)
}

/// A container whose values are still being written.
struct Walk<'py> {
    tag: u8,
    values: Values<'py>,
    count: u32,
    count_at: usize,
    /// How many came in earlier parts.
    before: usize,
}

enum Values<'py> {
    Of(Bound<'py, PyIterator>),
    /// A list or tuple, of which the next item is that after all that came: so it may change meanwhile, as in a loop of Python's.
    Items(Bound<'py, PyAny>),
    /// What packing calls may run other code, and that may change the dict.
    Dict {
        dict: Bound<'py, PyDict>,
        size: usize,
        position: isize,
        value: Option<Bound<'py, PyAny>>,
    },
}

impl<'py> Walk<'py> {
    fn all(tag: u8, container: &Bound<'py, PyAny>) -> Result<Self> {
        Ok(Walk::new(tag, Values::Of(container.try_iter()?), 0))
    }

    fn items(tag: u8, container: &Bound<'py, PyAny>, from: usize) -> Self {
        Walk::new(tag, Values::Items(container.clone()), from)
    }

    fn new(tag: u8, values: Values<'py>, before: usize) -> Self {
        Walk {
            tag,
            values,
            count: 0,
            count_at: 0,
            before,
        }
    }

    /// The container, the position of what is left of it, and how many there are, if others can go on from there.
    fn left(&self) -> Option<(Bound<'py, PyAny>, isize, usize)> {
        match &self.values {
            Values::Items(container) => {
                let all = container.len().ok()?;
                Some((container.clone(), 0, all))
            }
            Values::Dict {
                dict,
                size,
                position,
                value: None,
            } => Some((dict.clone().into_any(), *position, *size)),
            _ => None,
        }
    }

    fn dict(dict: &Bound<'py, PyDict>) -> Self {
        let values = Values::Dict {
            dict: dict.clone(),
            size: dict.len(),
            position: 0,
            value: None,
        };
        Walk::new(tag::DICT, values, 0)
    }

    fn next(&mut self) -> Result<Option<Bound<'py, PyAny>>> {
        let done = self.before + self.count as usize;
        match &mut self.values {
            Values::Items(container) => {
                let item = capi::item_at(container, done);
                self.count += u32::from(item.is_some());
                Ok(item)
            }
            Values::Of(iterator) => match iterator.next() {
                Some(item) => {
                    self.count += 1;
                    Ok(Some(item?))
                }
                None => Ok(None),
            },
            Values::Dict {
                dict,
                size,
                position,
                value,
            } => {
                if let Some(value) = value.take() {
                    return Ok(Some(value));
                }
                let entry = capi::next_entry(dict, position);
                let over = entry.is_none() == (done == *size);
                if dict.len() != *size || !over {
                    let text = "dictionary changed size during iteration";
                    return Err(PyRuntimeError::new_err(text).into());
                }
                Ok(entry.map(|(key, next)| {
                    self.count += 1;
                    *value = Some(next);
                    key
                }))
            }
        }
    }
}

/// The name of the object's type if it is exactly one of those with a `PythonType` of their own.
pub fn built_in(object: &Bound<'_, PyAny>) -> Option<&'static str> {
    Some(if object.is_exact_instance_of::<PyString>() {
        "str"
    } else if object.is_exact_instance_of::<PyInt>() {
        "int"
    } else if object.is_exact_instance_of::<PyFloat>() {
        "float"
    } else if object.is_exact_instance_of::<PyBool>() {
        "bool"
    } else if object.is_none() {
        "NoneType"
    } else if object.is_exact_instance_of::<PyList>() {
        "list"
    } else if object.is_exact_instance_of::<PyDict>() {
        "dict"
    } else if object.is_exact_instance_of::<PyBytes>() {
        "bytes"
    } else {
        return None;
    })
}

/// Whether Java's BigDecimal has the number of this text: no NaN, no infinity, no negative zero, and an exponent of at
/// most nine digits.
fn is_big_decimal(text: &str) -> bool {
    let (digits, exponent) = text.split_once('E').unwrap_or((text, ""));
    let number = digits.trim_start_matches('-');
    let zero = !number.contains(|c: char| ('1'..='9').contains(&c));
    number.starts_with(|c: char| c.is_ascii_digit())
        && !(zero && digits.starts_with('-'))
        && exponent.len() <= 10
}

/// Whether this is exactly a `decimal.Decimal`, which has to be imported already to exist.
fn is_decimal(object: &Bound<'_, PyAny>) -> bool {
    let class = capi::modules(object.py())
        .get_item("decimal")
        .ok()
        .flatten()
        .and_then(|decimal| decimal.getattr("Decimal").ok());
    class.is_some_and(|class| object.get_type().is(&class))
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

/// Whether it is a complex number, of which numpy's would give their real part.
fn is_complex(object: &Bound<'_, PyAny>) -> bool {
    !object.is_exact_instance_of::<PyInt>() && is_numpy(object, "complexfloating")
}

/// Whether an object is of a class of numpy's, which is not imported for that.
fn is_numpy(object: &Bound<'_, PyAny>, class: &str) -> bool {
    let numpy = capi::modules(object.py()).get_item("numpy").ok().flatten();
    numpy.is_some_and(|numpy| {
        let class = numpy.getattr(class);
        class
            .and_then(|class| object.get_type().is_subclass(&class))
            .unwrap_or(false)
    })
}

enum Scalar {
    Bool,
    Int,
    Float,
}

/// Which built-in type a numpy scalar stands for; `None` for anything else.
fn scalar(object: &Bound<'_, PyAny>) -> Option<Scalar> {
    let is = |class: &str| is_numpy(object, class);
    if !is("generic") {
        None
    } else if is("bool_") {
        Some(Scalar::Bool)
    } else if is("timedelta64") {
        None
    } else if is("integer") {
        Some(Scalar::Int)
    } else if is("floating") && !is("longdouble") {
        Some(Scalar::Float)
    } else {
        None
    }
}
