// SPDX-License-Identifier: Apache-2.0
//! Large texts and bytes. Each crosses separately in one copy, from the memory of one side to the memory of the
//! other side, if both have the same form. The packed buffer contains only its handle (`pack.rs`).
//!
//! The characters of a str are behind its head, whose layout is internal to CPython and not in the stable ABI. So the
//! layout is determined from strings whose characters are known ([`Layout`]). If this fails on a CPython, functions
//! of CPython copy the characters.

use crate::handle::{self, Handle, NO_FRAME};
use crate::{Error, Result, alloc, capi, utf16};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PySet, PyString};
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::OnceLock;

unsafe extern "C" {
    fn PyUnicode_New(length: ffi::Py_ssize_t, largest: u32) -> *mut ffi::PyObject;
}

/// Characters of a text, or bytes, above which it is large.
pub const LARGE: usize = 1 << 14;

/// How many characters are looked at and then copied: few enough to stay near the processor.
pub const PIECE: usize = 1 << 13;
const _: () = assert!(PIECE <= utf16::MANY);

/// How many bytes are read at once: more, since each piece costs a call.
pub const NARROW_PIECE: usize = 4 * PIECE;

/// How many units are shown at once: few enough that the other side, which may not move anything meanwhile, need not
/// wait for long, some tenths of a millisecond.
pub const WIDE_PIECE: usize = 1 << 20;

/// A text of the other side.
///
/// # Safety
///
/// Where [`narrow`](Text::narrow) gives no error, all units that it was asked for are written.
pub unsafe trait Text {
    /// Why it could not be read.
    type Error: From<Error>;

    /// In units of UTF-16.
    fn length(&self) -> usize;

    /// Whether it has a byte for each unit, which [`narrow`](Text::narrow) reads.
    fn is_narrow(&self) -> bool;

    /// Copies units from a place on.
    fn narrow(&self, from: usize, units: &mut [MaybeUninit<u8>]) -> Result<(), Self::Error>;

    /// Shows `count` units from a place on, at most [`WIDE_PIECE`].
    ///
    /// # Safety
    ///
    /// `see` calls neither side and waits for nobody.
    unsafe fn wide<R>(
        &self,
        from: usize,
        count: usize,
        see: impl FnOnce(&[u16]) -> R,
    ) -> Result<R, Self::Error>;
}

/// A large value for the other side. The texts are those of [`Characters`], each as small as it can be.
pub enum Value<'a> {
    /// bytes.
    Bytes(&'a [u8]),
    /// A str.
    Text(Characters<'a>),
    /// Anything else, which goes in parts.
    Container(&'a Bound<'a, PyAny>),
}

/// What a str is made of: numbers of the size that the largest one needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Characters<'a> {
    /// Up to 0xFF.
    One(&'a [u8]),
    /// Up to 0xFFFF.
    Two(&'a [u16]),
    /// Any.
    Four(&'a [u32]),
}

/// Bytes of the other side, which `read` copies. Java holds the object.
///
/// # Safety
///
/// Where `read` gives no error, all bytes that it was asked for are written.
pub unsafe fn give_bytes<E: From<Error>>(
    py: Python<'_>,
    length: usize,
    read: impl FnOnce(&mut [MaybeUninit<u8>]) -> Result<(), E>,
) -> Result<Handle, E> {
    let mut bytes = Builder::bytes(py, length).map_err(Error::from)?;
    // SAFETY: what `read` promises.
    unsafe { bytes.fill(length, read)? };
    Ok(handle::give(bytes.finish()?, NO_FRAME))
}

/// A text of the other side. Java holds the object.
pub fn give_text<T: Text>(py: Python<'_>, text: &T) -> Result<Handle, T::Error> {
    let string = if !text.is_narrow() {
        wide(py, text)?
    } else if let Some(string) = narrow(py, text, 0x7F)? {
        string
    } else {
        narrow(py, text, 0xFF)?.ok_or_else(|| Error::refused("The text changed while it was read."))?
    };
    Ok(handle::give(string, NO_FRAME))
}

/// A str of a copy of the bytes, if they are more than one and ASCII, and its place is known: CPython's decoders take longer.
pub(crate) fn ascii<'py>(py: Python<'py>, bytes: &[u8]) -> Option<Bound<'py, PyString>> {
    let layout = LAYOUT.get()?.as_ref()?;
    if bytes.len() < 2 || !bytes.is_ascii() {
        return None;
    }
    // SAFETY: the GIL is held; a new reference or null with an error set. A new str of that length has room for the bytes where an
    // ASCII str has its characters, and nobody else knows it.
    unsafe {
        let string = Bound::from_owned_ptr_or_err(py, PyUnicode_New(bytes.len() as isize, 0x7F)).ok()?;
        let data = string.as_ptr().cast::<u8>().add(layout.ascii);
        ptr::copy_nonoverlapping(bytes.as_ptr(), data, bytes.len());
        Some(string.cast_into_unchecked())
    }
}

/// A large value whose handle was given for that alone.
pub(crate) fn taken(py: Python<'_>, handle: Handle) -> Result<Bound<'_, PyAny>> {
    let object = handle::lend(py, handle)?;
    // Anything else is somebody's who has not given it away.
    let is_whole = object.is_instance_of::<PyString>() || object.is_instance_of::<PyBytes>();
    let in_parts = object.is_exact_instance_of::<PyList>()
        || object.is_exact_instance_of::<PyDict>()
        || object.is_exact_instance_of::<PySet>();
    if !is_whole && !in_parts {
        return Err(Error::refused(
            "Neither a str nor bytes, and no container that came in parts.",
        ));
    }
    handle::take_back(py, handle);
    Ok(object)
}

/// Java takes a large value over.
pub fn take<R>(py: Python<'_>, handle: Handle, body: impl FnOnce(Value<'_>) -> R) -> Result<R> {
    let object = handle::lend(py, handle)?;
    if object.len().is_err() {
        return Err(Error::refused("Neither a str nor bytes, and no container."));
    }
    handle::take_back(py, handle);
    if let Ok(bytes) = object.cast::<PyBytes>() {
        return Ok(body(Value::Bytes(bytes.as_bytes())));
    }
    let Ok(string) = object.cast::<PyString>() else {
        return Ok(body(Value::Container(&object)));
    };
    let points;
    let characters = match characters(string) {
        Some(characters) => characters,
        None => {
            points = capi::points(string)?;
            Characters::Four(&points)
        }
    };
    // An extension may have made a str larger than it has to be.
    let narrow = match characters {
        Characters::One(_) => None,
        Characters::Two(text) => all_narrow(text)?,
        Characters::Four(text) => all_narrow(text)?,
    };
    Ok(body(Value::Text(match &narrow {
        Some(narrow) => Characters::One(narrow),
        None => characters,
    })))
}

fn all_narrow<C: Copy + TryInto<u8>>(text: &[C]) -> Result<Option<Vec<u8>>> {
    let is_narrow = |character: &C| (*character).try_into().is_ok();
    if !text.iter().all(is_narrow) {
        return Ok(None);
    }
    let mut narrow = alloc::with_capacity(text.len())?;
    narrow.extend(text.iter().flat_map(|character| (*character).try_into().ok()));
    Ok(Some(narrow))
}

/// The pieces of a length: where each begins, and how long it is.
fn pieces(length: usize, piece: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..length)
        .step_by(piece)
        .map(move |from| (from, piece.min(length - from)))
}

/// A text of a byte for each character, none above `largest`; nothing if there is one.
fn narrow<'py, T: Text>(
    py: Python<'py>,
    text: &T,
    largest: u8,
) -> Result<Option<Bound<'py, PyAny>>, T::Error> {
    let mut string = Builder::text(py, text.length(), largest.into())?;
    for (from, count) in pieces(text.length(), NARROW_PIECE) {
        // SAFETY: what a `Text` promises.
        let piece = unsafe { string.fill(count, |room| text.narrow(from, room))? };
        if largest <= 0x7F && !utf16::is_ascii(piece) {
            return Ok(None);
        }
    }
    Ok(Some(string.finish()?))
}

/// A text of UTF-16. As long as it has no pair it is copied into a str of two bytes for each character, as most are. From
/// there on it is only looked at, to know how long the str must be that it is then decoded into.
fn wide<'py, T: Text>(py: Python<'py>, text: &T) -> Result<Bound<'py, PyAny>, T::Error> {
    let mut string = Builder::text(py, text.length(), 0xFFFF)?;
    let (mut bits, mut pairs, mut before) = (0, 0, 0);
    for (from, count) in pieces(text.length(), WIDE_PIECE) {
        let see = |units: &[u16]| {
            for units in units.chunks(PIECE) {
                let (more_bits, more_pairs) = utf16::look(before, units);
                bits |= more_bits;
                pairs += more_pairs;
                before = units[units.len() - 1];
                if pairs == 0 {
                    string.extend(units);
                }
            }
        };
        // SAFETY: it only counts and copies.
        unsafe { text.wide(from, count, see)? };
    }
    if pairs > 0 {
        drop(string);
        decoded(py, text, pairs)
    } else if bits > 0xFF {
        string.finish()
    } else {
        let units = string.filled();
        let mut string = Builder::text(py, units.len(), bits.into())?;
        for unit in units {
            string.push(*unit as u8);
        }
        string.finish()
    }
}

/// A text of UTF-16 with so many pairs.
fn decoded<'py, T: Text>(py: Python<'py>, text: &T, pairs: usize) -> Result<Bound<'py, PyAny>, T::Error> {
    let length = text.length();
    let mut string = Builder::text(py, length - pairs, 0x10FFFF)?;
    let mut from = 0;
    while from < length {
        let count = WIDE_PIECE.min(length - from);
        let see = |units: &[u16]| {
            // The first half of a pair waits for the second one.
            let cut = from + count < length && units.last().is_some_and(|last| utf16::is_high(*last));
            let units = &units[..count - usize::from(cut)];
            string.decode(units);
            units.len()
        };
        // SAFETY: it only computes.
        from += unsafe { text.wide(from, count, see)? };
    }
    string.finish()
}

/// A str or bytes whose contents come piece by piece.
struct Builder<'py, C> {
    py: Python<'py>,
    place: Place<'py, C>,
    /// Where there is room for all, of which the first ones are written.
    data: *mut C,
    length: usize,
    filled: usize,
}

/// Whose that room is.
enum Place<'py, C> {
    /// An object that nobody else knows.
    Object(Bound<'py, PyAny>),
    Apart(Vec<C>),
}

impl<'py, C: capi::Character> Builder<'py, C> {
    /// For a str of characters up to `largest`, which decides on the size of each.
    fn text(py: Python<'py>, length: usize, largest: u32) -> Result<Self> {
        if let (Some(layout), true) = (layout(py), length > 1) {
            // SAFETY: the GIL is held; a new reference or null with an error set.
            let object =
                unsafe { Bound::from_owned_ptr_or_err(py, PyUnicode_New(length as isize, largest))? };
            if let Some((data, size)) = layout.place(&object) {
                if size == C::KIND as u32 {
                    // SAFETY: the place is within the object.
                    let data = unsafe { object.as_ptr().cast::<u8>().add(data) };
                    return Ok(Builder::new(py, Place::Object(object), data.cast(), length));
                }
            }
        }
        let mut apart = alloc::with_capacity(length)?;
        let data = apart.as_mut_ptr();
        Ok(Builder::new(py, Place::Apart(apart), data, length))
    }

    fn new(py: Python<'py>, place: Place<'py, C>, data: *mut C, length: usize) -> Self {
        let filled = 0;
        Builder {
            py,
            place,
            data,
            length,
            filled,
        }
    }

    fn room(&mut self) -> &mut [MaybeUninit<C>] {
        // SAFETY: there is room for `length`, of which `filled` are written; the object is this builder's alone.
        unsafe {
            let room = self.data.add(self.filled).cast();
            std::slice::from_raw_parts_mut(room, self.length - self.filled)
        }
    }

    fn filled(&self) -> &[C] {
        // SAFETY: so many are written.
        unsafe { std::slice::from_raw_parts(self.data, self.filled) }
    }

    /// Has the next ones written, and gives them.
    ///
    /// # Safety
    ///
    /// Where `write` gives no error, it has written to all of the room that it gets.
    unsafe fn fill<E>(
        &mut self,
        count: usize,
        write: impl FnOnce(&mut [MaybeUninit<C>]) -> Result<(), E>,
    ) -> Result<&[C], E> {
        let room = &mut self.room()[..count];
        write(room)?;
        self.filled += count; // as the caller promises
        Ok(&self.filled()[self.filled - count..])
    }

    fn push(&mut self, character: C) {
        self.room()[0].write(character);
        self.filled += 1;
    }

    fn extend(&mut self, characters: &[C]) {
        let room = &mut self.room()[..characters.len()];
        for (room, character) in room.iter_mut().zip(characters) {
            room.write(*character);
        }
        self.filled += characters.len();
    }

    fn finish<E: From<Error>>(self) -> Result<Bound<'py, PyAny>, E> {
        if self.filled < self.length {
            return Err(Error::refused("The value changed while it was read.").into());
        }
        match self.place {
            Place::Object(object) => Ok(object),
            Place::Apart(mut all) => {
                // SAFETY: it has that capacity, and all of them are written.
                unsafe { all.set_len(self.filled) };
                Ok(capi::string_of(self.py, &all).map_err(Error::from)?)
            }
        }
    }
}

impl Builder<'_, u32> {
    fn decode(&mut self, units: &[u16]) {
        self.filled += utf16::decode(units, self.room());
    }
}

impl<'py> Builder<'py, u8> {
    fn bytes(py: Python<'py>, length: usize) -> PyResult<Self> {
        // SAFETY: the GIL is held. Bytes made of nothing are for us to write; a new reference or null with an
        // error set. Of bytes PyBytes_AsString cannot fail.
        unsafe {
            let object = ffi::PyBytes_FromStringAndSize(ptr::null(), length as isize);
            let object = Bound::from_owned_ptr_or_err(py, object)?;
            let data = ffi::PyBytes_AsString(object.as_ptr()).cast();
            Ok(Builder::new(py, Place::Object(object), data, length))
        }
    }
}

// ---- where the characters are ----

/// Where the flags of a str are on every CPython from 3.9 to 3.14: behind the head of the object, its
/// length and its hash.
const FLAGS: usize = 32;

/// Where a str has what.
struct Layout {
    /// Where in the flags the size of a character is, in three bits; then whether all is one block, then
    /// whether all characters are ASCII.
    size: u32,
    /// Where the characters begin if they are all ASCII, and if not.
    ascii: usize,
    others: usize,
}

/// Whether the characters of a str are read and written in their place.
pub fn is_direct(py: Python<'_>) -> bool {
    layout(py).is_some()
}

static LAYOUT: OnceLock<Option<Layout>> = OnceLock::new();

fn layout(py: Python<'_>) -> Option<&'static Layout> {
    if let Some(layout) = LAYOUT.get() {
        return layout.as_ref();
    }
    // Outside the cell, since it calls Python; without memory it may succeed another time.
    let found = Layout::find(py).ok()?;
    LAYOUT.get_or_init(|| found).as_ref()
}

/// The characters of a str in their place; `None` for one of another class, or where the place is not known.
pub fn characters<'a>(string: &'a Bound<'_, PyString>) -> Option<Characters<'a>> {
    if !string.is_exact_instance_of::<PyString>() {
        return None;
    }
    layout(string.py())?.characters(string)
}

/// The characters of a str that is not ASCII, if it is known by now how texts lie in memory.
pub(crate) fn beyond_ascii<'a>(string: &'a Bound<'_, PyString>) -> Option<Characters<'a>> {
    let layout = LAYOUT.get()?.as_ref()?;
    match layout.is_ascii(string) {
        true => None,
        false => layout.characters(string),
    }
}

/// Appends the UTF-8 of an item of a list; nothing unless the item is a str of at most `most` characters and without lone
/// surrogates. CPython's own function would leave a copy in each str that is not ASCII, for good.
pub(crate) fn append_text_at(
    list: &Bound<'_, PyList>,
    index: usize,
    most: usize,
    out: &mut Vec<u8>,
) -> Option<()> {
    // SAFETY: the GIL is held. The item is borrowed from the list, of which nothing can take it before this is over: its characters
    // are copied without running Python, and `utf8` runs nothing but an allocator. An ASCII str has so many where `find` saw them.
    unsafe {
        let item = capi::exact_at(list, index, &raw mut ffi::PyUnicode_Type)?;
        let item = Borrowed::from_ptr(list.py(), item).cast_unchecked::<PyString>();
        let length = capi::length(&item);
        if length > most {
            return None;
        }
        match LAYOUT.get() {
            Some(Some(layout)) if layout.is_ascii(&item) => {
                let data = item.as_ptr().cast::<u8>().add(layout.ascii);
                out.extend_from_slice(std::slice::from_raw_parts(data, length));
                Some(())
            }
            Some(Some(layout)) => layout.characters(&item)?.append(out),
            _ => capi::utf8(&item).map(|text| out.extend_from_slice(text.as_bytes())),
        }
    }
}

impl Characters<'_> {
    /// Appends them as UTF-8; nothing if there is a lone surrogate, and then some may be there.
    pub(crate) fn append(self, out: &mut Vec<u8>) -> Option<()> {
        match self {
            Characters::One(bytes) if utf16::is_ascii(bytes) => out.extend_from_slice(bytes),
            Characters::One(bytes) => append(bytes, out)?,
            Characters::Two(units) => append(units, out)?,
            Characters::Four(points) => append(points, out)?,
        }
        Some(())
    }
}

fn append<C: Copy + Into<u32>>(text: &[C], out: &mut Vec<u8>) -> Option<()> {
    for character in text {
        let mut room = [0; 4];
        out.extend_from_slice(
            char::from_u32((*character).into())?
                .encode_utf8(&mut room)
                .as_bytes(),
        );
    }
    Some(())
}

/// Bytes of a str as Java has it, at the least.
pub(crate) fn size(string: &Bound<'_, PyString>) -> usize {
    match characters(string) {
        Some(Characters::One(text)) => text.len(),
        Some(Characters::Two(text)) => size_of_val(text),
        Some(Characters::Four(text)) => size_of::<u16>() * utf16::length(text),
        None => capi::length(string),
    }
}

impl Layout {
    /// Looks at strings of three characters.
    fn find(py: Python<'_>) -> PyResult<Option<Self>> {
        let ascii = capi::string_of(py, b"a~z")?;
        let one = capi::string_of(py, &[0xE9_u8, 0x61, 0xFF])?;
        let two = capi::string_of(py, &[0x20AC_u16, 0x61, 0xFFFD])?;
        let four = capi::string_of(py, &[0x1F600_u32, 0x61, 0x10FFFF])?;
        // Last in each are its characters and a zero.
        let begin = |string: &Bound<'_, PyAny>, size: usize| -> PyResult<usize> {
            let whole: usize = string.call_method0("__sizeof__")?.extract()?;
            Ok(whole.saturating_sub(4 * size))
        };
        let layout = Layout {
            size: (flags(&one) ^ flags(&two)).trailing_zeros(),
            ascii: begin(&ascii, 1)?,
            others: begin(&one, 1)?,
        };
        let known = layout.size < 27
            && layout.ascii > FLAGS
            && layout.others > FLAGS
            && layout.others % size_of::<u32>() == 0
            && layout.others == begin(&two, 2)?
            && layout.others == begin(&four, 4)?
            && layout.characters(&ascii) == Some(Characters::One(b"a~z"))
            && layout.characters(&one) == Some(Characters::One(&[0xE9, 0x61, 0xFF]))
            && layout.characters(&two) == Some(Characters::Two(&[0x20AC, 0x61, 0xFFFD]))
            && layout.characters(&four) == Some(Characters::Four(&[0x1F600, 0x61, 0x10FFFF]));
        Ok(known.then_some(layout))
    }

    /// Whether it is one block of ASCII characters.
    fn is_ascii(&self, string: &Bound<'_, PyAny>) -> bool {
        flags(string) >> self.size >> 3 & 3 == 3
    }

    /// Where the characters of a str begin, and the size of each; `None` if they are in a block of their own.
    fn place(&self, string: &Bound<'_, PyAny>) -> Option<(usize, u32)> {
        let flags = flags(string) >> self.size;
        match (flags >> 3 & 1, flags >> 4 & 1) {
            (1, 1) => Some((self.ascii, flags & 7)),
            (1, 0) => Some((self.others, flags & 7)),
            _ => None,
        }
    }

    fn characters<'a>(&self, string: &'a Bound<'_, PyAny>) -> Option<Characters<'a>> {
        let (data, size) = self.place(string)?;
        // SAFETY: the GIL is held and the object is a str, which all callers see to. Its flags say that it is one
        // block, in which its characters of that size begin at `data`: by its size `find` knows that they are
        // within it. They never change, and live as long as the str, which `string` keeps for 'a.
        unsafe {
            let length = ffi::PyUnicode_GetLength(string.as_ptr()) as usize;
            let data = string.as_ptr().cast::<u8>().add(data);
            Some(match size {
                1 => Characters::One(std::slice::from_raw_parts(data, length)),
                2 => Characters::Two(std::slice::from_raw_parts(data.cast(), length)),
                4 => Characters::Four(std::slice::from_raw_parts(data.cast(), length)),
                _ => return None,
            })
        }
    }
}

fn flags(string: &Bound<'_, PyAny>) -> u32 {
    // SAFETY: the GIL is held and the object is a str, which has more than that of a head in every CPython.
    unsafe { string.as_ptr().cast::<u8>().add(FLAGS).cast::<u32>().read() }
}
