// SPDX-License-Identifier: Apache-2.0
//! Few small values in memory that both sides see, which need no array of Java's.

use super::format::tag;
use super::scalar::int;
use super::wanted::Wanted;
use crate::{Error, Result, capi};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyFloat, PyString};
use std::sync::atomic::{AtomicU64, Ordering};

/// Few small values, which need no array of Java's. Whoever writes or reads them has the GIL.
///
/// From the start on it holds the value of the object that was given last, if that says all of it: Java reads it here and
/// need not ask for it. A value is a tag, a word (or the length of a text) and the text in words of eight bytes.
/// [`exec::run_few`](crate::exec::run_few) finds its request here and leaves its reply.
static TOLD: [AtomicU64; TOLD_WORDS] = [const { AtomicU64::new(0) }; TOLD_WORDS];

/// How many words there are.
pub(crate) const TOLD_WORDS: usize = 64;

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
    let (tag, word) = if let Some(value) = capi::double(object) {
        (tag::FLOAT, value.to_bits())
    } else if let Some(text) = capi::exactly::<PyString>(object) {
        tell_text(text, 0).map_or((tag::MISSING, 0), |length| (tag::STR, length))
    } else if object.is_none() {
        (tag::NONE, 0)
    } else if let Some(value) = capi::exactly::<PyBool>(object) {
        (if value.is_true() { tag::TRUE } else { tag::FALSE }, 0)
    } else {
        (tag::MISSING, 0)
    };
    tell_word(0, tag, word);
    tag != tag::MISSING
}

/// The last place where every value has room.
pub(crate) const LAST_TOLD: usize = TOLD.len() - 2 - TOLD_TEXT / 8;

/// Tells a value at a place if it is of the wanted kind already, so that nothing has to be converted. The next place.
#[inline(always)]
pub(crate) fn tell_wanted(object: &Bound<'_, PyAny>, wanted: Wanted, at: usize) -> Option<usize> {
    let (tag, word) = match wanted {
        Wanted::Int => (tag::INT, capi::long(object)? as u64),
        Wanted::Float => (tag::FLOAT, capi::double(object)?.to_bits()),
        Wanted::Str => (tag::STR, tell_text(capi::exactly(object)?, at)?),
        Wanted::Bool => match capi::exactly::<PyBool>(object)?.is_true() {
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
