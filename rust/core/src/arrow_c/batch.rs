// SPDX-License-Identifier: Apache-2.0
//! Where a tree of arrays lies without offsets, because Arrow Java reads no offsets; and whether it can be read at all.

use super::array::{Foreign, UNKNOWN};
use super::form::Form;
use super::ones::Ones;
use super::structs::{Array, Owned, Schema, are_there};
use crate::{Error, Result, alloc};
use std::ffi::c_void;
use std::ptr;

/// More elements than any memory has, and few enough to be multiplied.
const MOST: i64 = 1 << 48;

const MISSING: &str = "a buffer is missing";
const SHORT: &str = "a buffer is shorter than it needs";

impl Array {
    /// Whether an array, without those below it, can be one of a schema: what it tells of itself, and has what can be missing.
    fn fits(&self, schema: &Schema) -> Result<()> {
        if self.release.is_none()
            || self.offset < 0
            || self.length < 0
            || self.offset.saturating_add(self.length) > MOST
        {
            return Err(broken("its length or its offset cannot be"));
        }
        if self.n_children != schema.n_children
            || !are_there(self.children, self.n_children)
            || self.dictionary().is_some() != schema.dictionary().is_some()
        {
            return Err(broken("it has other children than its schema"));
        }
        Ok(())
    }

    /// Checks an array of a schema, with all below it, whose values are then read in their places: what its structs tell, and that
    /// children have the elements that it needs.
    pub(crate) fn check(&self, schema: &Schema) -> Result<()> {
        self.checked(schema).map_err(|error| schema.wrong(error))?;
        for (child, schema) in self.children().zip(schema.children()) {
            child.check(schema)?;
        }
        match (self.dictionary(), schema.dictionary()) {
            (Some(values), Some(schema)) => values.check(schema),
            _ => Ok(()),
        }
    }

    /// Checks an array of which it is known how many bytes each buffer has: whether they hold its elements. Those below it were
    /// checked before.
    pub(crate) fn check_sizes(&self, schema: &Schema, sizes: &[i64]) -> Result<()> {
        self.sized(schema, sizes).map_err(|error| schema.wrong(error))
    }

    fn sized(&self, schema: &Schema, sizes: &[i64]) -> Result<()> {
        self.fits(schema)?;
        let bits = |each: i64| times(self.length, each).map(|bits| bits.saturating_add(7) / 8);
        let offsets = |size: i64| times(self.length + i64::from(self.length > 0), size);
        let form = Form::of(schema.format());
        let values = match form {
            Some(Form::Struct) => 0,
            Some(Form::Bits(each)) => bits(each)?,
            Some(Form::Text(size) | Form::List(size)) => offsets(size)?,
            _ => return Err(broken("no column of this library is of its type")),
        };
        let size = |index: usize| sizes.get(index).copied().unwrap_or(0);
        let validity = if self.null_count == 0 && size(0) == 0 {
            0
        } else {
            bits(1)?
        };
        if size(0) < validity || size(1) < values {
            return Err(broken(SHORT));
        }
        self.checked(schema)?;
        match form {
            Some(Form::Text(each)) if self.length > 0 => {
                // SAFETY: it was just looked at that there are so many offsets.
                match unsafe { offset_at(self.buffers()[1], self.length, each) } > size(2) {
                    true => Err(broken(SHORT)),
                    false => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    fn checked(&self, schema: &Schema) -> Result<()> {
        self.fits(schema)?;
        let Some(form) = Form::of(schema.format()) else {
            return Ok(()); // nobody reads it
        };
        let mut layout = Layout::default();
        layout.numbers.extend([0; 4]);
        let part = Part {
            array: self,
            schema,
            offset: self.offset,
            length: self.length,
            layout: &mut layout,
            at: 0,
        };
        let end = self.offset + self.length;
        let needed = match form {
            Form::Null | Form::RunEnds => return Ok(()),
            Form::Struct | Form::SparseUnion => end,
            Form::FixedList(count) => times(end, count)?,
            Form::Bits(bits) => part.located(1, (bits + 7) / 8, 0).map(|_| 0)?,
            Form::Views => part.located(1, 16, 0).map(|_| 0)?,
            Form::ListViews(size) => part
                .located(1, size, 0)
                .and(part.located(2, size, 0))
                .map(|_| 0)?,
            Form::DenseUnion => part.located(0, 1, 0).and(part.located(1, 4, 0)).map(|_| 0)?,
            Form::Text(size) => match (part.reach(size)?, part.buffer(2)?.is_null()) {
                ((first, last), true) if last > first => return Err(broken(MISSING)),
                _ => 0,
            },
            Form::List(size) => part.reach(size)?.1,
        };
        part.buffer(0)?;
        if self.children().any(|child| child.length < needed) {
            return Err(broken("a child is shorter than it needs"));
        }
        Ok(())
    }
}

/// A batch for Java, whose arrays begin at the start of their buffers. Copied are the bits of a slice that does not begin at
/// a byte, the offsets of slices, and the ends of runs.
pub struct Batch {
    /// The key for [`release`] and the number of rows. Then for each array its length, the number of its nulls, of its children
    /// and of its buffers, the address and the bytes of each buffer; then its children and its dictionary.
    numbers: Vec<i64>,
    kept: Box<Kept>,
}

/// The memory of a batch.
struct Kept {
    _foreign: Foreign,
    _copied: Vec<Vec<u64>>,
    _ones: Vec<Ones>,
}

/// What is known of a batch while its arrays are walked.
#[derive(Default)]
struct Layout {
    numbers: Vec<i64>,
    copied: Vec<Vec<u64>>,
    ones: Vec<Ones>,
}

impl Batch {
    /// A column as it is, or the columns of a table.
    pub(crate) fn of(array: Owned<Array>, schema: &Schema, table: bool) -> Result<Batch> {
        let foreign = Foreign(Some(array));
        let array = foreign.array();
        let mut layout = Layout::default();
        layout.numbers.extend([0, array.length]);
        array.fits(schema).map_err(|error| schema.wrong(error))?;
        if !table {
            whole(array, schema, &mut layout)?;
        } else if has_null_rows(array) {
            return Err(Error::refused(
                "Rows of this table are null as a whole, which no table in Java can say: take it as a column of structs.",
            ));
        } else {
            for (column, schema) in array.children().zip(schema.children()) {
                part(column, schema, array.offset, array.length, &mut layout)?;
            }
        }
        let kept = Box::new(Kept {
            _foreign: foreign,
            _copied: layout.copied,
            _ones: layout.ones,
        });
        layout.numbers[0] = &raw const *kept as i64;
        Ok(Batch {
            numbers: layout.numbers,
            kept,
        })
    }

    /// See the struct.
    pub fn numbers(&self) -> &[i64] {
        &self.numbers
    }

    /// Leaves the memory to the caller, who calls [`release`] with the first number.
    pub fn keep(self) {
        let _key = Box::into_raw(self.kept);
    }
}

/// For Java: the memory of a batch is not used any more. Needs no Python.
///
/// # Safety
/// The key is that of a batch that was kept, and was not released before.
pub unsafe fn release(key: i64) {
    // SAFETY: by this function's contract.
    drop(unsafe { Box::from_raw(key as *mut Kept) });
}

/// What is needed of an array: a part, from `offset` on.
struct Part<'a> {
    array: &'a Array,
    schema: &'a Schema,
    offset: i64,
    length: i64,
    layout: &'a mut Layout,
    /// Where its numbers begin.
    at: usize,
}

/// Where a buffer is, and how many bytes of it are needed.
type Buffer = (*const c_void, i64);

/// The whole of a child or a dictionary.
fn whole(array: &Array, schema: &Schema, layout: &mut Layout) -> Result<()> {
    part(array, schema, 0, array.length, layout)
}

fn part(array: &Array, schema: &Schema, from: i64, length: i64, layout: &mut Layout) -> Result<()> {
    array.fits(schema).map_err(|error| schema.wrong(error))?;
    if from < 0 || length < 0 || from.saturating_add(length) > array.length {
        return Err(schema.wrong(broken("it is shorter than its parent needs")));
    }
    let nulls = if array.null_count == 0 || length == array.length {
        array.null_count
    } else {
        UNKNOWN
    };
    let at = layout.numbers.len();
    layout.numbers.extend([length, nulls, array.n_children, 0]);
    let mut part = Part {
        array,
        schema,
        offset: array.offset + from,
        length,
        layout,
        at,
    };
    part.fill().map_err(|error| schema.wrong(error))?;
    match (array.dictionary(), schema.dictionary()) {
        (Some(array), Some(schema)) => whole(array, schema, layout),
        _ => Ok(()),
    }
}

/// Of zero bytes where a producer left the only offset away.
static ZERO: u64 = 0;

impl Part<'_> {
    fn fill(&mut self) -> Result<()> {
        match Form::of(self.schema.format()).ok_or_else(|| broken("its type is not known"))? {
            Form::Null => {}
            Form::Struct => {
                self.validity()?;
                return self.children(self.offset, self.length);
            }
            Form::FixedList(count) => {
                self.validity()?;
                return self.children(times(self.offset, count)?, times(self.length, count)?);
            }
            Form::RunEnds => return self.runs(),
            Form::Bits(1) => {
                self.validity()?;
                self.bits(1)?;
            }
            Form::Bits(bits) => {
                self.validity()?;
                self.moved(1, bits / 8)?;
            }
            Form::Text(size) => {
                self.validity()?;
                let (first, count) = self.offsets(size)?;
                let data = self.buffer(2)?;
                self.add((
                    data.wrapping_byte_offset(if data.is_null() { 0 } else { first as isize }),
                    count,
                ))?;
            }
            Form::Views => {
                self.validity()?;
                self.moved(1, 16)?;
                let last = self.array.buffers().len() - 1;
                let sizes = self.buffer(last)?.cast::<i64>();
                for index in 2..last {
                    if sizes.is_null() {
                        return Err(broken(MISSING));
                    }
                    // SAFETY: the last buffer has the size of each of these.
                    let size = unsafe { sizes.add(index - 2).read_unaligned() };
                    self.add((self.buffer(index)?, size))?;
                }
            }
            Form::List(size) => {
                self.validity()?;
                let (first, count) = self.offsets(size)?;
                return self.children(first, count);
            }
            Form::ListViews(size) => {
                self.validity()?;
                self.moved(1, size)?;
                self.moved(2, size)?;
            }
            Form::SparseUnion => {
                self.moved(0, 1)?;
                return self.children(self.offset, self.length);
            }
            Form::DenseUnion => return self.dense_union(),
        }
        for (child, schema) in self.array.children().zip(self.schema.children()) {
            whole(child, schema, self.layout)?;
        }
        Ok(())
    }

    fn children(&mut self, from: i64, length: i64) -> Result<()> {
        for (child, schema) in self.array.children().zip(self.schema.children()) {
            part(child, schema, from, length, self.layout)?;
        }
        Ok(())
    }

    fn buffer(&self, index: usize) -> Result<*const c_void> {
        let buffer = self.array.buffers().get(index);
        buffer.copied().ok_or_else(|| broken("it has too few buffers"))
    }

    /// Hands a buffer over. One that has no bytes may have no address either.
    fn add(&mut self, (start, bytes): Buffer) -> Result<()> {
        if bytes < 0 || start.is_null() && bytes > 0 {
            return Err(broken(MISSING));
        }
        self.layout.numbers.extend([start as i64, bytes]);
        self.layout.numbers[self.at + 3] += 1;
        Ok(())
    }

    /// Hands a copy over, of so many bytes.
    fn add_copy(&mut self, copy: Vec<u64>, bytes: i64) -> Result<()> {
        self.add((copy.as_ptr().cast(), bytes))?;
        self.layout.copied.push(copy);
        Ok(())
    }

    /// A buffer from the first element on, of which each has so many bytes; `more` than there are.
    fn located(&self, index: usize, size: i64, more: i64) -> Result<Buffer> {
        let (buffer, bytes) = (self.buffer(index)?, times(self.length + more, size)?);
        if buffer.is_null() && bytes > 0 {
            return Err(broken(MISSING));
        }
        let skipped = if buffer.is_null() {
            0
        } else {
            times(self.offset, size)?
        };
        Ok((buffer.wrapping_byte_offset(skipped as isize), bytes))
    }

    fn moved(&mut self, index: usize, size: i64) -> Result<()> {
        let buffer = self.located(index, size, 0)?;
        self.add(buffer)
    }

    /// The first offset that is needed and the one after the last; 0 without elements.
    fn reach(&self, size: i64) -> Result<(i64, i64)> {
        if self.length == 0 {
            return Ok((0, 0));
        }
        let start = self.located(1, size, 1)?.0;
        // SAFETY: there is one offset more than there are elements.
        match unsafe { (offset_at(start, 0, size), offset_at(start, self.length, size)) } {
            (first, last) if first < 0 || last < first || last > MOST => {
                Err(broken("its offsets do not rise"))
            }
            both => Ok(both),
        }
    }

    /// The offsets, from 0 on, and what they mean: the first that is needed and how many. Those of a slice are copied, since
    /// parts of Arrow Java take the first one for 0. An array without elements may have none.
    fn offsets(&mut self, size: i64) -> Result<(i64, i64)> {
        if self.length == 0 {
            self.buffer(1)?;
            self.add(((&raw const ZERO).cast(), size))?;
            return Ok((0, 0));
        }
        let (first, last) = self.reach(size)?;
        let (start, bytes) = self.located(1, size, 1)?;
        if first == 0 {
            self.add((start, bytes))?;
        } else {
            let mut own: Vec<u64> = alloc::zeros((bytes as usize).div_ceil(8))?;
            let place = own.as_mut_ptr();
            for index in 0..=self.length {
                // SAFETY: there is one offset more than there are elements, and room for that many.
                unsafe {
                    let offset = offset_at(start, index, size).wrapping_sub(first);
                    match size {
                        4 => *place.cast::<i32>().add(index as usize) = offset as i32,
                        _ => *place.cast::<i64>().add(index as usize) = offset,
                    }
                }
            }
            self.add_copy(own, bytes)?;
        }
        Ok((first, last - first))
    }

    fn validity(&mut self) -> Result<()> {
        if !self.buffer(0)?.is_null() && self.layout.numbers[self.at + 1] != 0 {
            return self.bits(0);
        }
        self.layout.numbers[self.at + 1] = 0;
        if self.length < Ones::FEW {
            let words = (self.length as usize).div_ceil(64);
            return self.add_copy(vec![u64::MAX; words], (self.length + 7) / 8);
        }
        match Ones::of(self.length) {
            Some(ones) => {
                self.add((ones.start, (self.length + 7) / 8))?;
                self.layout.ones.push(ones);
                Ok(())
            }
            None => self.add((ptr::null(), 0)), // Java makes them
        }
    }

    /// A buffer of bits.
    fn bits(&mut self, index: usize) -> Result<()> {
        let bytes = (self.length + 7) / 8;
        let source = self.buffer(index)?.cast::<u8>();
        if source.is_null() && bytes > 0 {
            return Err(broken(MISSING));
        }
        let (first, shift) = ((self.offset / 8) as usize, (self.offset % 8) as u32);
        if source.is_null() || shift == 0 {
            return self.add((source.wrapping_add(first).cast(), bytes));
        }
        let mut copy: Vec<u64> = alloc::zeros((self.length as usize).div_ceil(64))?;
        let reach = (self.offset as usize + self.length as usize).div_ceil(8) - first;
        // SAFETY: the buffer has a bit for each element up to the last one, by the specification.
        let source = unsafe { std::slice::from_raw_parts(source.add(first), reach) };
        for (at, place) in copy.iter_mut().enumerate() {
            let byte = |n: usize| u64::from(source.get(at * 8 + n).copied().unwrap_or(0));
            let word = (0..8).fold(0, |word, n| word | byte(n) << (8 * n));
            *place = (word >> shift | byte(8) << (64 - shift)).to_le();
        }
        if self.length % 64 != 0 {
            if let Some(last) = copy.last_mut() {
                *last &= ((1u64 << (self.length % 64)) - 1).to_le();
            }
        }
        self.add_copy(copy, bytes)
    }

    /// The numbers of the types, and the values that this part has of each child. Arrow Java counts these.
    fn dense_union(&mut self) -> Result<()> {
        let (types, places) = (self.located(0, 1, 0)?, self.located(1, 4, 0)?);
        let codes = self.schema.union_types();
        let (ids, offsets) = (types.0.cast::<i8>(), places.0.cast::<i32>());
        let mut used = vec![(0, 0); codes.len()]; // the first value of a child, and how many there are
        let mut own: Vec<u64> = alloc::zeros((self.length as usize).div_ceil(2))?;
        let place = own.as_mut_ptr().cast::<i32>();
        for index in 0..self.length as usize {
            // SAFETY: there is a number and an offset for each element.
            let (id, offset) = unsafe { (*ids.add(index), i64::from(offsets.add(index).read_unaligned())) };
            let child = codes.iter().position(|code| *code == id);
            let (first, count) =
                &mut used[child.ok_or_else(|| broken("a type of the union is not there"))?];
            if *count == 0 {
                *first = offset;
            }
            if offset != *first + *count {
                return Err(broken(
                    "values of the union are left out or come twice, which Arrow Java does not read",
                ));
            }
            // SAFETY: there is room for that many.
            unsafe { *place.add(index) = *count as i32 };
            *count += 1;
        }
        self.add(types)?;
        self.add_copy(own, places.1)?;
        for ((child, schema), (first, count)) in (self.array.children().zip(self.schema.children())).zip(used)
        {
            part(child, schema, first, count, self.layout)?;
        }
        Ok(())
    }

    /// The ends of the runs of this part, and the values of these runs.
    fn runs(&mut self) -> Result<()> {
        let (children, schemas): (Vec<_>, Vec<_>) =
            (self.array.children().collect(), self.schema.children().collect());
        let ([ends, values], [ends_schema, values_schema]) = (&children[..], &schemas[..]) else {
            return Err(broken("runs have ends and values"));
        };
        ends.fits(ends_schema)?;
        let size: usize = match ends_schema.format() {
            "s" => 2,
            "i" => 4,
            "l" => 8,
            _ => return Err(broken("the ends of its runs are no integers")),
        };
        let start = ends.buffers().get(1).copied().unwrap_or(ptr::null()).cast::<u8>();
        if start.is_null() && ends.length > 0 {
            return Err(broken(MISSING));
        }
        let end = |run: i64| -> i64 {
            // SAFETY: there are `length` ends of that size from the offset on.
            unsafe {
                let place = start.add((ends.offset + run) as usize * size);
                match size {
                    2 => place.cast::<i16>().read_unaligned().into(),
                    4 => place.cast::<i32>().read_unaligned().into(),
                    _ => place.cast::<i64>().read_unaligned(),
                }
            }
        };
        let first = (0..ends.length)
            .find(|run| end(*run) > self.offset)
            .unwrap_or(ends.length);
        let mut own: Vec<u64> = alloc::zeros(((ends.length - first) as usize * size).div_ceil(8))?;
        let (mut count, mut reached) = (0, 0);
        for run in first..ends.length {
            let reach = (end(run) - self.offset).min(self.length);
            // SAFETY: there is room for that many ends.
            unsafe {
                let place = own.as_mut_ptr().cast::<u8>().add(count as usize * size);
                match size {
                    2 => place.cast::<i16>().write_unaligned(reach as i16),
                    4 => place.cast::<i32>().write_unaligned(reach as i32),
                    _ => place.cast::<i64>().write_unaligned(reach),
                }
            }
            count += i64::from(self.length > 0);
            reached = reach;
            if reach >= self.length {
                break;
            }
        }
        if reached < self.length {
            return Err(broken("its runs end before it does"));
        }
        let at = self.layout.numbers.len();
        self.layout.numbers.extend([count, 0, 0, 0]);
        let mut ends = Part {
            array: ends,
            schema: ends_schema,
            offset: 0,
            length: count,
            layout: self.layout,
            at,
        };
        ends.add((ptr::null(), 0))?;
        ends.add_copy(own, count * size as i64)?;
        part(
            values,
            values_schema,
            first.min(values.length),
            count,
            self.layout,
        )
    }
}

/// An offset of 4 or 8 bytes.
unsafe fn offset_at(start: *const c_void, index: i64, size: i64) -> i64 {
    // SAFETY: the caller answers for it.
    unsafe {
        match size {
            4 => start.cast::<i32>().add(index as usize).read_unaligned().into(),
            _ => start.cast::<i64>().add(index as usize).read_unaligned(),
        }
    }
}

fn times(count: i64, size: i64) -> Result<i64> {
    let bytes = count.checked_mul(size);
    bytes.ok_or_else(|| broken("it is larger than memory"))
}

fn broken(what: &'static str) -> Error {
    Error::Malformed { at: 0, what }
}

/// Whether a row of a table is null as a whole, which no table in Java can say.
fn has_null_rows(array: &Array) -> bool {
    let Some(validity) = array
        .buffers()
        .first()
        .copied()
        .filter(|buffer| !buffer.is_null())
    else {
        return false;
    };
    array.null_count != 0
        && (0..array.length).any(|row| {
            let at = (array.offset + row) as usize;
            // SAFETY: there is a bit for each row.
            unsafe { *validity.cast::<u8>().add(at / 8) >> (at % 8) & 1 == 0 }
        })
}
