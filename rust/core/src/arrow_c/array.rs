// SPDX-License-Identifier: Apache-2.0
//! Arrays that share the memory of somebody who is kept with them.

use super::form::Form;
use super::structs::{Array, Owned, Schema, boxed, free, slice};
use crate::{Error, Result, capi, handle};
use std::any::Any;
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::Arc;

/// The number of nulls that nobody has counted.
pub(super) const UNKNOWN: i64 = -1;

/// What keeps the memory of an array.
pub(crate) type Keeper = Arc<dyn Any + Send + Sync>;

/// An array of somebody in Python. Its release may need the GIL: where this thread has it not, the next that enters
/// Python releases it, since nobody waits for the GIL to free something.
pub(super) struct Foreign(pub(super) Option<Owned<Array>>);

impl Foreign {
    pub(super) fn array(&self) -> &Array {
        &self.0.as_ref().expect("it is there until the drop").0
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        let array = self.0.take();
        if !capi::gil_held() {
            handle::do_late(move |_| drop(array));
        }
    }
}

/// What an array that is made here needs to be released.
struct Node {
    buffers: Vec<*const c_void>,
    children: Vec<*mut Array>,
    _keeper: Keeper,
}

/// What becomes an array.
pub(crate) struct Parts {
    pub(crate) length: i64,
    pub(crate) null_count: i64,
    pub(crate) buffers: Vec<*const c_void>,
    pub(crate) children: Vec<Owned<Array>>,
    pub(crate) dictionary: Option<Owned<Array>>,
}

impl Parts {
    pub(crate) fn array(self, keeper: Keeper) -> Owned<Array> {
        let mut node = Box::new(Node {
            buffers: self.buffers,
            children: self.children.into_iter().map(boxed).collect(),
            _keeper: keeper,
        });
        Owned(Array {
            length: self.length,
            null_count: self.null_count,
            offset: 0,
            n_buffers: node.buffers.len() as i64,
            n_children: node.children.len() as i64,
            buffers: node.buffers.as_mut_ptr(),
            children: node.children.as_mut_ptr(),
            dictionary: self.dictionary.map_or(ptr::null_mut(), boxed),
            release: Some(release_array),
            private_data: Box::into_raw(node).cast(),
        })
    }
}

unsafe extern "C" fn release_array(array: *mut Array) {
    let _ = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: an array that `Parts::array` made. One that is released again, against the specification, has no node.
        unsafe {
            let node = ptr::replace(&raw mut (*array).private_data, ptr::null_mut()).cast::<Node>();
            if node.is_null() {
                return;
            }
            let node = Box::from_raw(node);
            node.children.iter().for_each(|child| free(*child));
            free((*array).dictionary);
            (*array).release = None;
        }
    }));
}

impl Array {
    pub(crate) fn buffers(&self) -> &[*const c_void] {
        // SAFETY: by the specification there are so many.
        unsafe { slice(self.buffers, self.n_buffers) }
    }

    pub(crate) fn children(&self) -> impl ExactSizeIterator<Item = &Array> {
        // SAFETY: by the specification there are so many, none of them null.
        unsafe { slice(self.children, self.n_children).iter().map(|child| &**child) }
    }

    pub(crate) fn dictionary(&self) -> Option<&Array> {
        // SAFETY: null, or an array that the parent owns.
        unsafe { self.dictionary.as_ref() }
    }

    /// Another array over the same memory, which the keeper keeps.
    pub(crate) fn share(&self, keeper: &Keeper) -> Owned<Array> {
        Parts {
            length: self.length,
            null_count: self.null_count,
            buffers: self.buffers().to_vec(),
            children: self.children().map(|child| child.share(keeper)).collect(),
            dictionary: self.dictionary().map(|dictionary| dictionary.share(keeper)),
        }
        .array(Arc::clone(keeper))
    }

    /// An array as Java describes it: length, number of buffers, their addresses, number of children, whether there is
    /// a dictionary; then the children and the dictionary.
    pub(crate) fn described(numbers: &[i64], schema: &Schema, keeper: &Keeper) -> Result<Owned<Array>> {
        let mut numbers = numbers.iter().copied();
        let array = described(&mut numbers, schema, keeper, 0)?;
        match numbers.next() {
            None => Ok(array),
            Some(_) => Err(malformed()),
        }
    }
}

fn malformed() -> Error {
    Error::refused("This is not the description of the arrays of that schema.")
}

/// `never_null` says on how many levels nothing is null, by the specification: a map's entries and their keys. Older Arrow C++ ends
/// the process where nobody has counted these nulls.
fn described(
    numbers: &mut impl Iterator<Item = i64>,
    schema: &Schema,
    keeper: &Keeper,
    never_null: usize,
) -> Result<Owned<Array>> {
    let mut next = || numbers.next().ok_or_else(malformed);
    let (length, count) = (next()?, next()?);
    let buffers = (0..count)
        .map(|_| Ok(next()? as *const c_void))
        .collect::<Result<Vec<_>>>()?;
    let null_count = match Form::of(schema.format()) {
        Some(Form::Null) => length,
        Some(Form::SparseUnion | Form::DenseUnion | Form::RunEnds) => 0,
        _ if never_null > 0 || buffers.first().is_none_or(|validity| validity.is_null()) => 0,
        _ => UNKNOWN,
    };
    let below = if schema.format() == "+m" {
        2
    } else {
        never_null.saturating_sub(1)
    };
    let (children, dictionary) = (next()?, next()? != 0);
    if children != schema.n_children || dictionary != schema.dictionary().is_some() {
        return Err(malformed());
    }
    Ok(Parts {
        length,
        null_count,
        buffers,
        children: (schema.children().enumerate())
            .map(|(at, child)| described(numbers, child, keeper, if at == 0 { below } else { 0 }))
            .collect::<Result<_>>()?,
        dictionary: (schema.dictionary())
            .map(|dictionary| described(numbers, dictionary, keeper, 0))
            .transpose()?,
    }
    .array(Arc::clone(keeper)))
}
