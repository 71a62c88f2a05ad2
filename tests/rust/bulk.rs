// SPDX-License-Identifier: Apache-2.0
//! Large texts and bytes in one copy: exact whatever is in them, on every CPython.

#![allow(unsafe_code)] // a text of the other side

mod support;

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};
use python4j_core::bulk::{self, Characters, LARGE, NARROW_PIECE, PIECE, Text, Value, WIDE_PIECE};
use python4j_core::pack::{Reader, Wanted, Writer};
use python4j_core::{Error, context, handle, utf16};
use std::cell::Cell;
use std::mem::MaybeUninit;
use support::{Request, python, run};

/// A text as a JVM has it, or one that ends early.
struct Units {
    units: Vec<u16>,
    narrow: bool,
    /// From which one on it cannot be read.
    end: usize,
    /// How often units are shown, and how often they were.
    shown: usize,
    seen: Cell<usize>,
}

impl Units {
    fn of(units: &[u16], compact: bool) -> Self {
        Units {
            units: units.to_vec(),
            narrow: compact && units.iter().all(|unit| *unit <= 0xFF),
            end: usize::MAX,
            shown: usize::MAX,
            seen: Cell::new(0),
        }
    }

    fn read(&self, from: usize, count: usize) -> Result<&[u16], Error> {
        if from + count > self.end {
            return Err(Error::refused("no more"));
        }
        Ok(&self.units[from..from + count])
    }
}

// SAFETY: `zip` ends with the room, since `read` gives as many.
unsafe impl Text for Units {
    type Error = Error;

    fn length(&self) -> usize {
        self.units.len()
    }

    fn is_narrow(&self) -> bool {
        self.narrow
    }

    fn narrow(&self, from: usize, room: &mut [MaybeUninit<u8>]) -> Result<(), Error> {
        assert!(self.narrow);
        let units = self.read(from, room.len())?;
        room.iter_mut().zip(units).for_each(|(room, unit)| {
            room.write(*unit as u8);
        });
        Ok(())
    }

    unsafe fn wide<R>(&self, from: usize, count: usize, see: impl FnOnce(&[u16]) -> R) -> Result<R, Error> {
        assert!(count <= WIDE_PIECE);
        self.seen.set(self.seen.get() + 1);
        if self.seen.get() > self.shown {
            return Err(Error::refused("no more"));
        }
        Ok(see(self.read(from, count)?))
    }
}

/// What Python's own codec makes of UTF-16.
fn expected<'py>(py: Python<'py>, units: &[u16]) -> Bound<'py, PyAny> {
    let bytes: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
    PyBytes::new(py, &bytes)
        .call_method1("decode", ("utf-16-le", "surrogatepass"))
        .unwrap()
}

/// What Java makes of a value.
fn taken(py: Python<'_>, object: &Bound<'_, PyAny>) -> Vec<u16> {
    let handle = handle::give(object.clone(), handle::NO_FRAME);
    let units = bulk::take(py, handle, |value| match value {
        Value::Bytes(bytes) => bytes.iter().copied().map(u16::from).collect(),
        Value::Container(_) => panic!("no container"),
        Value::Text(Characters::One(text)) => text.iter().copied().map(u16::from).collect(),
        Value::Text(Characters::Two(text)) => {
            assert!(text.iter().any(|unit| *unit > 0xFF), "as small as it can be");
            text.to_vec()
        }
        Value::Text(Characters::Four(text)) => {
            let mut units = vec![0; 2 * text.len()];
            let count = utf16::encode(text, &mut units);
            assert_eq!(count, utf16::length(text));
            units.truncate(count);
            assert!(units.iter().any(|unit| *unit > 0xFF), "as small as it can be");
            units
        }
    });
    assert!(
        matches!(handle::lend(py, handle), Err(Error::StaleHandle)),
        "given back"
    );
    units.unwrap()
}

/// Each with every way of ending a piece.
fn texts() -> Vec<Vec<u16>> {
    let mut texts: Vec<Vec<u16>> = vec![vec![], vec![0x61], vec![0xE9], vec![0x20AC], vec![0xD83D]];
    let fillings: [&[u16]; 5] = [
        &[0x61],
        &[0xE9],
        &[0x4E2D],
        &[0xD83D, 0xDE00],
        &[0x61, 0xD83D, 0xDE00],
    ];
    for filling in fillings {
        let mut lengths = vec![PIECE - 1, PIECE, PIECE + 1, 2 * PIECE, 3 * PIECE + 7];
        if filling[0] <= 0xFF {
            lengths.extend([NARROW_PIECE, NARROW_PIECE + 1, 2 * NARROW_PIECE + 7]);
        }
        for length in lengths {
            let text: Vec<u16> = filling.iter().copied().cycle().take(length).collect();
            for odd in [0x61, 0x7F, 0x80, 0xFF, 0x100, 0xFFFF, 0xD83D, 0xDE00] {
                for place in [0, PIECE - 1, PIECE, NARROW_PIECE, length - 1] {
                    let mut text = text.clone();
                    if let Some(unit) = text.get_mut(place) {
                        *unit = odd;
                    }
                    texts.push(text);
                }
            }
        }
    }
    texts
}

#[test]
fn a_text_of_any_characters_is_exact_there_and_back() {
    python(|py| {
        for units in texts() {
            let expected = expected(py, &units);
            for compact in [true, false] {
                let handle = bulk::give_text(py, &Units::of(&units, compact)).unwrap();
                let string = handle::lend(py, handle).unwrap();
                handle::take_back(py, handle);
                assert!(string.eq(&expected).unwrap());
                // One that is larger than it has to be is another one to a dict.
                assert_eq!(size(&string), size(&expected), "{} units", units.len());
                assert_eq!(string.hash().unwrap(), expected.hash().unwrap());
            }
            assert!(taken(py, &expected) == units);
        }
    });
}

fn size(string: &Bound<'_, PyAny>) -> usize {
    string.call_method0("__sizeof__").unwrap().extract().unwrap()
}

/// Pairs, halves and the end of the text where what is shown at once ends; the first pair behind that, too.
#[test]
fn a_text_that_is_shown_in_parts_is_exact_at_their_ends() {
    python(|py| {
        for length in [0, 1, 2, WIDE_PIECE + 3].map(|more| WIDE_PIECE - 1 + more) {
            for filling in [0x4E2D, 0xD83D] {
                for place in [1, WIDE_PIECE - 2, WIDE_PIECE - 1, WIDE_PIECE] {
                    let mut units = vec![filling; length];
                    if let Some(pair) = units.get_mut(place..place + 2) {
                        pair.copy_from_slice(&[0xD83D, 0xDE00]);
                    }
                    let expected = expected(py, &units);
                    let handle = bulk::give_text(py, &Units::of(&units, true)).unwrap();
                    let string = handle::lend(py, handle).unwrap();
                    handle::take_back(py, handle);
                    assert!(string.eq(&expected).unwrap(), "{length} of {filling:x}, {place}");
                    assert_eq!(size(&string), size(&expected));
                }
            }
        }
    });
}

#[test]
fn the_characters_of_a_str_are_found_in_their_place() {
    python(|py| {
        let found = |text: &str| {
            let string = PyString::new(py, text);
            match bulk::characters(&string).expect("on every CPython that is tested") {
                Characters::One(text) => (1, text.iter().copied().map(u32::from).collect()),
                Characters::Two(text) => (2, text.iter().copied().map(u32::from).collect()),
                Characters::Four(text) => (4, text.to_vec()),
            }
        };
        for (text, size) in [
            ("", 1),
            ("a", 1),
            ("plain", 1),
            ("caf\u{e9}", 1),
            ("\u{4e2d}\u{6587}", 2),
            ("\u{1f600}", 4),
        ] {
            let points: Vec<u32> = text.chars().map(u32::from).collect();
            assert_eq!(found(text), (size, points), "{text}");
        }
    });
}

#[test]
fn a_str_of_a_class_of_its_own_is_taken_too() {
    python(|py| {
        run(py, "class S(str): pass\ns = [S('x' * 20000), S('\\xe9' * 20000), S('\\u4e2d' * 9), S('\\U0001f600')]").unwrap();
        let strings = context::globals(py).unwrap().get_item("s").unwrap().unwrap();
        for string in strings.try_iter().unwrap() {
            let string = string.unwrap();
            assert!(bulk::characters(string.cast().unwrap()).is_none());
            let text: String = string.extract().unwrap();
            assert_eq!(taken(py, &string), text.encode_utf16().collect::<Vec<_>>());
        }
        let handle = handle::give(py.None().into_bound(py), handle::NO_FRAME);
        assert!(bulk::take(py, handle, |_| ()).is_err(), "neither str nor bytes");
    });
}

#[test]
fn what_cannot_be_read_to_its_end_is_an_error_and_leaves_nothing() {
    python(|py| {
        let before = handle::count();
        for unit in [0x61, 0x4E2D, 0xD83D] {
            for end in [0, PIECE, 2 * PIECE, NARROW_PIECE] {
                let mut text = Units::of(&vec![unit; 2 * NARROW_PIECE], true);
                text.end = end;
                let error = bulk::give_text(py, &text).expect_err("it ends early");
                assert_eq!(error.to_string(), "no more");
            }
        }
        for shown in 0..4 {
            let mut text = Units::of(&[0xD83D, 0xDE00].repeat(WIDE_PIECE), true);
            text.shown = shown; // twice for each of its two parts
            let error = bulk::give_text(py, &text).expect_err("it ends early");
            assert_eq!(error.to_string(), "no more");
        }
        // SAFETY: it writes nothing and says so.
        let bytes = unsafe { bulk::give_bytes(py, 20_000, |_| Err(Error::refused("nothing"))) };
        assert_eq!(bytes.expect_err("no bytes").to_string(), "nothing");
        assert_eq!(handle::count(), before);
    });
}

#[test]
fn large_values_stand_in_a_buffer_as_handles_that_its_reader_takes() {
    python(|py| {
        run(py, "v = ['a' * 16384, 'a' * 16385, b'b' * 16384, b'b' * 16385]").unwrap();
        let v = context::globals(py).unwrap().get_item("v").unwrap().unwrap();
        let before = handle::count();
        let mut writer = Writer::new(py, 0);
        writer.value(&v).unwrap();
        let packed = writer.finish();
        assert_eq!(packed.len(), 5 + 2 * (5 + LARGE) + 2 * 9);
        assert_eq!(handle::count(), before + 2);
        let again = Reader::new(&packed).value(py).unwrap();
        assert!(again.eq(&v).unwrap());
        assert_eq!(handle::count(), before);
        assert!(Reader::new(&packed).value(py).is_err(), "they are taken once");

        // One that comes to nothing takes back what it gave.
        run(py, "endless = []\nendless.append(endless)\nv.append(endless)").unwrap();
        let mut writer = Writer::new(py, 0);
        assert!(writer.wanted(&v, Wanted::List).is_err());
        assert_eq!(handle::count(), before + 2);
        writer.truncate(0);
        assert_eq!(handle::count(), before);
        assert!(writer.wanted(&v, Wanted::List).is_err());
        drop(writer);
        assert_eq!(handle::count(), before);

        // Nobody loses an object that is not one of these.
        let tuple = handle::give(pyo3::types::PyTuple::empty(py).into_any(), handle::NO_FRAME);
        let forged = Request::default().u8(21).raw(&tuple.to_le_bytes()).0;
        assert!(Reader::new(&forged).value(py).is_err());
        assert!(handle::lend(py, tuple).is_ok());
        handle::take_back(py, tuple);

        // For whoever cannot fetch them they are in the buffer.
        run(py, "v.pop()").unwrap();
        let mut writer = Writer::whole(py, 0);
        writer.value(&v).unwrap();
        let packed = writer.finish();
        assert_eq!(handle::count(), before);
        assert!(Reader::new(&packed).value(py).unwrap().eq(&v).unwrap());
        let stale = Request::default().u8(21).raw(&[7, 0, 0, 0, 9, 0, 0, 0]).0;
        assert!(matches!(Reader::new(&stale).value(py), Err(Error::StaleHandle)));
    });
}

#[test]
fn utf16_is_that_of_the_standard_library() {
    let mut seed = 1_u32;
    let mut random = |below: u32| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 8) % below
    };
    for round in 0..2000 {
        let length = random(70) as usize;
        let kinds = 1 + round % 5;
        let units: Vec<u16> = (0..length)
            .map(|_| match random(kinds) {
                0 => random(0x80) as u16,
                1 => 0xD800 + random(0x400) as u16,
                2 => 0xDC00 + random(0x400) as u16,
                3 => 0xFFFF,
                _ => random(0x10000) as u16,
            })
            .collect();
        let expected: Vec<u32> = char::decode_utf16(units.iter().copied())
            .map(|point| point.map_or_else(|lone| lone.unpaired_surrogate().into(), u32::from))
            .collect();
        assert_eq!(utf16::points(&units).unwrap(), expected);
        // With room for just as many, and nothing behind it is touched.
        let mut points = vec![MaybeUninit::new(7); expected.len() + 16];
        let (room, behind) = points.split_at_mut(expected.len());
        assert_eq!(utf16::decode(&units, room), expected.len());
        // SAFETY: all were written to when they were made.
        assert!(behind.iter().all(|point| unsafe { point.assume_init() } == 7));
        let mut again = vec![7; units.len() + 32];
        let (room, behind) = again.split_at_mut(units.len());
        assert_eq!(utf16::encode(&expected, room), units.len());
        assert_eq!(room, units);
        assert!(behind.iter().all(|unit| *unit == 7));
        assert_eq!(utf16::length(&expected), units.len());
        for before in [0, 0xD800] {
            let all: Vec<u16> = [before].into_iter().chain(units.iter().copied()).collect();
            let pairs = all.len() - utf16::points(&all).unwrap().len();
            let bits = units.iter().fold(0, |all, unit| all | unit);
            assert_eq!(utf16::look(before, &units), (bits, pairs));
        }
    }
}

#[test]
#[should_panic = "index out of bounds"]
fn units_without_room_are_not_written() {
    utf16::encode(&[0x1F600; 40], &mut [0; 79]);
}
