// SPDX-License-Identifier: Apache-2.0
//! Writes Python objects as values, each by its type or as what Java asked for.

use super::format::{FIXED, LONG_TEXT, MANY, MAX_DEPTH, PART_DEPTH, Rest, tag, too_deep};
use super::scalar::{Scalar, integer, is_big_decimal, is_decimal, number, scalar, unconvertible};
use super::sharing::SHARING;
use super::walk::Walk;
use super::wanted::Wanted;
use super::writer::Writer;
use crate::bulk::Characters;
use crate::error::shown_text;
use crate::tools::tools;
use crate::{Error, Result, bulk, capi, inject, utf16};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{
    IntoPyDict, PyBool, PyBytes, PyDict, PyFloat, PyFrozenSet, PyInt, PyList, PySet, PyString, PyTuple,
};
use std::ops::Range;

impl<'py> Writer<'py> {
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
        if let Some(list) = capi::exactly::<PyList>(object) {
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
                || Ok("Object cannot be interpreted as a List".into()),
                refused,
            )),
        }
    }

    fn value_list(&mut self, list: &Bound<'py, PyList>) -> Result<()> {
        match self.list(list, &[])? {
            Some(container) => self.walk(container),
            None => Ok(()),
        }
    }

    /// A value by the exact type of the object; one of another type as a handle.
    pub fn value(&mut self, object: &Bound<'py, PyAny>) -> Result<()> {
        match self.nested(object, &[])? {
            Some(container) => self.walk(container),
            None => Ok(()),
        }
    }

    /// A container whose values are still to be written, within those that are open.
    fn nested(&mut self, object: &Bound<'py, PyAny>, open: &[Walk<'py>]) -> Result<Option<Walk<'py>>> {
        inject::point();
        self.reserve(0)?;
        if let Some(string) = capi::exactly::<PyString>(object) {
            self.string(string)?;
        } else if let Some(int) = capi::exactly::<PyInt>(object) {
            self.any_int(int)?;
        } else if let Some(float) = capi::exactly::<PyFloat>(object) {
            self.float(float.value());
        } else if let Some(truth) = capi::exactly::<PyBool>(object) {
            self.bool(truth.is_true());
        } else if object.is_none() {
            self.u8(tag::NONE);
        } else if let Some(list) = capi::exactly::<PyList>(object) {
            self.refuse_again(object, open)?;
            return self.list(list, open);
        } else if let Some(dict) = capi::exactly::<PyDict>(object) {
            self.refuse_again(object, open)?;
            return Ok(Some(Walk::dict(dict)));
        } else if let Some(bytes) = capi::exactly::<PyBytes>(object) {
            self.raw(bytes)?;
        } else if object.is_exact_instance_of::<PyTuple>() {
            self.refuse_again(object, open)?;
            return Ok(Some(Walk::items(tag::TUPLE, object, 0)));
        } else {
            return self.rarer(object);
        }
        Ok(None)
    }

    /// Refuses a container within itself. What is small is let go round to the greatest depth.
    fn refuse_again(&self, object: &Bound<'py, PyAny>, open: &[Walk<'py>]) -> Result<()> {
        let looks = self.out.len() > bulk::LARGE || open.first().is_some_and(|first| first.before > 0);
        match looks && open.iter().any(|container| container.is_of(object)) {
            true => Err(too_deep()),
            false => Ok(()),
        }
    }

    /// Whether a container goes in parts that is within those that are open.
    fn may_part(&self, open: usize) -> bool {
        !self.is_deep && open < PART_DEPTH - 1
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
    fn list(&mut self, list: &Bound<'py, PyList>, open: &[Walk<'py>]) -> Result<Option<Walk<'py>>> {
        let all = 0..list.len();
        if all.len() > MANY {
            bulk::is_direct(self.py);
        }
        if all.len() > self.part / 8
            && self.may_part(open.len())
            && (capi::long_at(list, 0).is_some() || capi::double_at(list, 0).is_some())
        {
            if self.is_kept() {
                self.list_of(1)?;
                self.rest(list, Rest::of_list(0, all.len()))?;
            } else {
                self.large(list);
            }
            return Ok(None);
        }
        if self.longs(list, &all)? || self.doubles(list, &all)? || self.texts(list, &all)? {
            return Ok(None);
        }
        Ok(Some(Walk::items(tag::LIST, list, 0)))
    }

    /// The rest of a container: Java asks for it by [`more`](super::more).
    pub(super) fn rest(&mut self, container: &Bound<'py, PyAny>, rest: Rest) -> Result<()> {
        self.reserve(0)?;
        self.u8(tag::MORE);
        self.give(container, self.frame);
        self.out.extend_from_slice(&(rest.position as u64).to_le_bytes());
        self.u32(rest.done)?;
        self.u32(rest.total)
    }

    /// Says that there is no rest, where no container says it.
    pub(super) fn no_rest(&mut self) -> Result<()> {
        self.reserve(0)?;
        self.u8(tag::MORE);
        self.out.extend_from_slice(&[0; 24]);
        Ok(())
    }

    /// Whether Java takes the innermost container by itself, in one call, as others would come between its parts.
    fn is_beside(&mut self, open: &mut Vec<Walk<'py>>) -> bool {
        let whole = open.last().filter(|_| !self.is_kept()).and_then(Walk::whole);
        match (whole, open.last()) {
            (Some(whole), Some(container)) => {
                self.truncate(container.count_at - 1);
                self.large(&whole);
                open.pop();
                true
            }
            _ => false,
        }
    }

    /// Whether what is left of the innermost container goes in parts, of which it then writes the beginning.
    fn leaves(&mut self, open: &mut [Walk<'py>]) -> Result<bool> {
        let depth = open.len();
        let may = depth == 1 || self.may_part(depth - 1);
        match open.last_mut() {
            Some(container) if may && self.is_kept() => {
                let Some((object, rest)) = container.left() else {
                    return Ok(false);
                };
                if rest.done >= rest.total {
                    return Ok(false);
                }
                self.rest(&object, rest)?;
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
    pub(super) fn walk(&mut self, container: Walk<'py>) -> Result<()> {
        if container.is_long() {
            bulk::is_direct(self.py);
        }
        let mut open = vec![container];
        self.head(&mut open)?;
        while let Some(container) = open.last() {
            let is_large = self.out.len() - container.count_at > self.part;
            if is_large && self.is_beside(&mut open) {
                continue;
            }
            let leaves = is_large && self.leaves(&mut open)?;
            let Some(container) = open.last_mut() else { break };
            match if leaves { None } else { container.next()? } {
                Some(object) => {
                    if let Some(nested) = self.nested(&object, &open)? {
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
    pub(super) fn longs(&mut self, list: &Bound<'py, PyList>, items: &Range<usize>) -> Result<bool> {
        self.run(items, tag::LONGS, |out, index| {
            out.extend_from_slice(&capi::long_at(list, index)?.to_le_bytes());
            Some(())
        })
    }

    /// The items as one run of floats, or nothing.
    pub(super) fn doubles(&mut self, list: &Bound<'py, PyList>, items: &Range<usize>) -> Result<bool> {
        self.run(items, tag::DOUBLES, |out, index| {
            out.extend_from_slice(&capi::double_at(list, index)?.to_le_bytes());
            Some(())
        })
    }

    /// The items if all of them are short text, or nothing.
    pub(super) fn texts(&mut self, list: &Bound<'py, PyList>, items: &Range<usize>) -> Result<bool> {
        if items.is_empty() {
            return Ok(false);
        }
        let start = self.position();
        self.list_of(items.len())?;
        for index in items.clone() {
            if self.out.len() - start > self.part {
                if self.is_kept() {
                    self.set_u32(start + 1, (index - items.start + 1) as u32);
                    self.rest(list, Rest::of_list(index, items.end))?;
                } else {
                    self.truncate(start);
                    self.large(list);
                }
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
        bulk::append_text_at(list, index, LONG_TEXT, out)?;
        self.set_length(start);
        Some(())
    }

    /// A short text of known characters. Not one with lone surrogates.
    fn short(&mut self, characters: Characters<'_>) -> bool {
        let start = self.position();
        let room = self.reserve(5 + 4 * LONG_TEXT).is_ok();
        self.out.extend_from_slice(&[tag::STR, 0, 0, 0, 0]);
        let written = room && characters.append(&mut self.out).is_some();
        if written {
            self.set_length(start);
        } else {
            self.out.truncate(start);
        }
        written
    }

    fn set_length(&mut self, start: usize) {
        let length = self.position() - start - 5;
        self.set_u32(start + 1, length as u32);
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

    fn any_int(&mut self, int: &Bound<'py, PyInt>) -> Result<()> {
        if let Some(value) = capi::long(int) {
            self.int(value);
            return Ok(());
        }
        let bits: usize = int.call_method0("bit_length")?.extract()?;
        if bits > i32::MAX as usize {
            return Err(Error::refused(format!(
                "An int of {bits} bits is larger than Java's BigInteger takes: hand over parts of it, as n >> k and n % 2**k."
            )));
        }
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
        if bytes.as_bytes().len() > self.large {
            self.check(bytes.as_bytes().len())?;
            self.large(bytes);
            return Ok(());
        }
        self.here_or_beside(tag::BYTES, bytes.as_bytes())
    }

    fn here_or_beside(&mut self, tag: u8, bytes: &[u8]) -> Result<()> {
        self.check(bytes.len())?;
        let sharing = SHARING.get().filter(|_| self.is_apart());
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
        if length > self.large {
            if length > self.most / 4 {
                self.check(bulk::size(string))?;
            }
            self.large(string);
            return Ok(());
        }
        if length > LONG_TEXT {
            return self.long_string(string);
        }
        if let Some(characters) = bulk::beyond_ascii(string) {
            if self.short(characters) {
                return Ok(());
            }
        } else if let Some(text) = capi::utf8(string) {
            return self.str(text);
        }
        self.u8(tag::SURROGATES);
        let bytes = string.call_method1("encode", ("utf-8", "surrogatepass"))?;
        self.bytes(bytes.cast::<PyBytes>().map_err(PyErr::from)?.as_bytes())
    }
}
