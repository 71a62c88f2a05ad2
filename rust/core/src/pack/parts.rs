// SPDX-License-Identifier: Apache-2.0
//! Large containers that cross in parts: more for one in Python, and what is left of one for Java.

use super::format::{PART_NUMBERS, Rest, tag};
use super::reader::{Reader, add_to_set, all_differ, set_item, words};
use super::scalar::int;
use super::walk::{Values, Walk};
use super::wanted::Wanted;
use super::writer::Writer;
use crate::handle::{self, Frame, Handle};
use crate::{Error, Result, bulk, capi};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyFloat, PyIterator, PyList, PySet, PyTuple};

/// Adds packed values to a container that Java hands over in parts; the handle is 0 for the first part, and Java has the
/// result's. The kind is a tag: that of a dict, a set, of a run of numbers, or of a list. With the last part Java says how many values came.
pub fn add(py: Python<'_>, handle: Handle, kind: u8, values: &[u8], total: Option<usize>) -> Result<Handle> {
    let before = match handle {
        0 => None,
        _ => Some(handle::lend(py, handle)?),
    };
    bulk::is_direct(py); // finds out how texts lie in memory
    let mut reader = Reader::new(values);
    let container = if kind == tag::SET {
        let set = before.map_or_else(|| Ok(PySet::empty(py)?.into_any()), Ok::<_, Error>)?;
        let set = set.cast_into_exact::<PySet>().map_err(PyErr::from)?;
        while reader.end().is_err() {
            add_to_set(&set, &reader.value_or_key(py, true)?)?;
        }
        all_differ(total.unwrap_or(set.len()), set.len())?;
        set.into_any()
    } else if kind == tag::DICT {
        let dict = before.unwrap_or_else(|| PyDict::new(py).into_any());
        let dict = dict.cast_into_exact::<PyDict>().map_err(PyErr::from)?;
        while reader.end().is_err() {
            let key = reader.value_or_key(py, true)?;
            set_item(&dict, &key, &reader.value(py)?)?;
        }
        all_differ(total.unwrap_or(dict.len()), dict.len())?;
        dict.into_any()
    } else {
        let list = match before {
            None => reader.first(py, kind)?,
            Some(list) => reader.append(list, kind)?,
        };
        list.into_any()
    };
    Ok(match handle {
        0 => handle::give(container, handle::NO_FRAME),
        _ => handle,
    })
}

/// The first part of a container that Java takes by itself. Nobody comes between its parts, since the caller keeps the GIL.
pub fn first(container: &Bound<'_, PyAny>, frame: Frame) -> Result<Vec<u8>> {
    let mut writer = Writer::new(container.py(), frame).in_parts();
    let is_dict = container.is_instance_of::<PyDict>(); // perhaps of a class of its own
    writer.wanted(container, if is_dict { Wanted::Dict } else { Wanted::Any })?;
    Ok(writer.finish())
}

/// The next part of a container. It is a container or a run of numbers. The tag 24 is the last of its values, or
/// comes after the run, with the handle 0 where no more follow. Java's handle goes.
pub fn more(py: Python<'_>, handle: Handle, rest: Rest, is_deep: bool, frame: Frame) -> Result<Vec<u8>> {
    let container = handle::lend(py, handle)?;
    let mut writer = Writer::new(py, frame).in_parts();
    writer.is_deep = is_deep;
    writer.part(&container, rest)?;
    handle::take_back(py, handle);
    Ok(writer.finish())
}

impl<'b> Reader<'b> {
    /// All values that are left, as a list, whose size is that of the part where it is known before.
    fn first<'py>(&mut self, py: Python<'py>, kind: u8) -> Result<Bound<'py, PyList>> {
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
                let mut values = Vec::new();
                while self.end().is_err() {
                    values.push(self.value(py)?);
                }
                PyList::new(py, values)?
            }
        })
    }

    /// The same at the end of a list. Each one is appended as soon as it is there: a list of them all would be read twice more.
    fn append<'py>(&mut self, list: Bound<'py, PyAny>, kind: u8) -> Result<Bound<'py, PyList>> {
        let list = list.cast_into_exact::<PyList>().map_err(PyErr::from)?;
        let py = list.py();
        match kind {
            tag::LONGS => {
                words(self.rest()).try_for_each(|word| list.append(int(py, i64::from_le_bytes(word))))?
            }
            tag::DOUBLES => words(self.rest())
                .try_for_each(|word| list.append(PyFloat::new(py, f64::from_le_bytes(word))))?,
            _ => {
                while self.end().is_err() {
                    list.append(self.value(py)?)?;
                }
            }
        }
        Ok(list)
    }
}

impl<'py> Writer<'py> {
    /// Some of a container, from a position on, see [`more`].
    fn part(&mut self, container: &Bound<'py, PyAny>, rest: Rest) -> Result<()> {
        let Rest {
            position,
            done,
            total,
        } = rest;
        if let Ok(dict) = container.cast::<PyDict>() {
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
        if let Some(list) = capi::exactly::<PyList>(container) {
            let end = list.len().min(done + PART_NUMBERS);
            let numbers = done..end;
            if self.longs(list, &numbers)? || self.doubles(list, &numbers)? {
                return if end < list.len() {
                    self.rest(list, Rest::of_list(end, total))
                } else {
                    self.no_rest()
                };
            }
            if self.texts(list, &(done..list.len()))? {
                return Ok(());
            }
            return self.walk(Walk::items(tag::LIST, list, done));
        }
        if let Some(tuple) = capi::exactly::<PyTuple>(container) {
            return self.walk(Walk::items(tag::TUPLE, tuple, done));
        }
        match container.cast::<PyIterator>() {
            Ok(iterator) => self.walk(Walk::going_on(iterator, rest)),
            Err(_) => Err(Error::refused("Not a container that goes in parts.")),
        }
    }
}
