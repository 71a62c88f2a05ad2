// SPDX-License-Identifier: Apache-2.0
//! Schemas: what one says, whether it can be believed, and copies of it.

use super::form::Form;
use super::structs::{Owned, Schema, are_there, boxed, free, slice};
use crate::{Error, Result};
use std::ffi::{CStr, CString};
use std::ptr;

/// How deep types may be nested, which is how deep Arrow's C++ reads them.
const DEEPEST: usize = 64;

struct SchemaNode {
    texts: [Option<CString>; 2],
    metadata: Option<Vec<u8>>,
    children: Vec<*mut Schema>,
}

impl PartialEq for Schema {
    fn eq(&self, other: &Schema) -> bool {
        self.texts() == other.texts()
            && self.flags == other.flags
            && self.metadata() == other.metadata()
            && self.n_children == other.n_children
            && self.children().eq(other.children())
            && self.dictionary() == other.dictionary()
    }
}

impl Schema {
    pub(super) fn check_below(&self, depth: usize) -> Result<()> {
        let refuse = |what| Err(Error::refused(format!("The Arrow schema is malformed: {what}.")));
        // SAFETY: a format is a C string.
        if self.format.is_null() || unsafe { *self.format } == 0 {
            return refuse("it has no format"); // as one that is released
        } else if !are_there(self.children, self.n_children) {
            return refuse("it has fewer children than it says");
        } else if depth == DEEPEST {
            return refuse("its types are nested more than 64 deep");
        }
        let needed = match Form::of(self.format()) {
            None | Some(Form::Struct) => self.n_children,
            Some(Form::List(_) | Form::ListViews(_) | Form::FixedList(_)) => 1,
            Some(Form::RunEnds) => 2,
            Some(Form::SparseUnion | Form::DenseUnion) => self.union_types().len() as i64,
            Some(_) => 0,
        };
        let entries = if self.format() == "+m" { 2 } else { 0 };
        if self.n_children != needed
            || entries > 0 && self.children().any(|child| child.n_children != entries)
        {
            return refuse("it has other children than its type");
        } else if !self.dictionary.is_null()
            && !matches!(self.format(), "c" | "C" | "s" | "S" | "i" | "I" | "l" | "L")
        {
            return refuse("what is in a dictionary is not named by integers");
        }
        (self.children().chain(self.dictionary())).try_for_each(|below| below.check_below(depth + 1))
    }

    /// The numbers of a union's types: `+ud:0,1`.
    pub(super) fn union_types(&self) -> Vec<i8> {
        let numbers = self.format().get(4..).unwrap_or_default();
        numbers
            .split(',')
            .filter_map(|number| number.parse().ok())
            .collect()
    }

    /// Refuses types that nobody here knows.
    pub(crate) fn check_known(&self) -> Result<()> {
        if Form::of(self.format()).is_none() {
            let (name, format) = (self.name(), self.format());
            return Err(Error::refused(format!(
                "The column {name:?} has a type that is not known here, Arrow format {format}: cast it in Python."
            )));
        }
        (self.children().chain(self.dictionary())).try_for_each(Schema::check_known)
    }

    /// The error for an array of this schema.
    pub(super) fn wrong(&self, error: Error) -> Error {
        match error {
            Error::Malformed { what, .. } => {
                let (name, format) = (self.name(), self.format());
                Error::refused(format!(
                    "The Arrow array {name:?} of format {format} is malformed: {what}."
                ))
            }
            other => other,
        }
    }

    /// Whether values of its format can be read.
    pub(crate) fn is_known(&self) -> bool {
        Form::of(self.format()).is_some()
    }

    pub(crate) fn format(&self) -> &str {
        // SAFETY: a schema that is not released has a format.
        unsafe { CStr::from_ptr(self.format) }.to_str().unwrap_or("?")
    }

    pub(crate) fn name(&self) -> &str {
        if self.name.is_null() {
            return "";
        }
        // SAFETY: it is not null, so it is a text.
        unsafe { CStr::from_ptr(self.name) }.to_str().unwrap_or("?")
    }

    pub(crate) fn children(&self) -> impl ExactSizeIterator<Item = &Schema> {
        // SAFETY: by the specification there are so many, none of them null.
        unsafe { slice(self.children, self.n_children).iter().map(|child| &**child) }
    }

    pub(crate) fn dictionary(&self) -> Option<&Schema> {
        // SAFETY: null, or a schema that the parent owns.
        unsafe { self.dictionary.as_ref() }
    }

    /// Whether arrays of both are read in the same way.
    pub(crate) fn is_like(&self, other: &Schema) -> bool {
        let both = |a: Option<&Schema>, b: Option<&Schema>| match (a, b) {
            (Some(a), Some(b)) => a.is_like(b),
            (a, b) => a.is_none() && b.is_none(),
        };
        self.format() == other.format()
            && self.n_children == other.n_children
            && (self.children().zip(other.children())).all(|(a, b)| a.name() == b.name() && a.is_like(b))
            && both(self.dictionary(), other.dictionary())
    }

    /// What a message says of it.
    pub(crate) fn shown(&self) -> String {
        let columns: Vec<_> = (self.children())
            .map(|child| format!("{} {}", child.name(), child.format()))
            .collect();
        format!("[{}]", columns.join(", "))
    }

    fn texts(&self) -> [Option<&CStr>; 2] {
        // SAFETY: the texts of a schema are C strings or null.
        [self.format, self.name].map(|text| (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) }))
    }

    /// One with a format and a name, for values that may be null.
    pub(crate) fn of(format: CString, name: CString, children: Vec<Owned<Schema>>) -> Owned<Schema> {
        const NULLABLE: i64 = 2;
        Schema::made([Some(format), Some(name)], None, NULLABLE, children, None)
    }

    pub(crate) fn copy(&self) -> Owned<Schema> {
        Schema::made(
            self.texts().map(|text| text.map(CStr::to_owned)),
            self.metadata().map(<[u8]>::to_vec),
            self.flags,
            self.children().map(Schema::copy).collect(),
            self.dictionary().map(Schema::copy),
        )
    }

    fn made(
        texts: [Option<CString>; 2],
        metadata: Option<Vec<u8>>,
        flags: i64,
        children: Vec<Owned<Schema>>,
        dictionary: Option<Owned<Schema>>,
    ) -> Owned<Schema> {
        let start = |text: &Option<CString>| text.as_ref().map_or(ptr::null(), |text| text.as_ptr());
        let mut node = Box::new(SchemaNode {
            texts,
            metadata,
            children: children.into_iter().map(boxed).collect(),
        });
        Owned(Schema {
            format: start(&node.texts[0]),
            name: start(&node.texts[1]),
            metadata: (node.metadata.as_ref()).map_or(ptr::null(), |metadata| metadata.as_ptr().cast()),
            flags,
            n_children: node.children.len() as i64,
            children: node.children.as_mut_ptr(),
            dictionary: dictionary.map_or(ptr::null_mut(), boxed),
            release: Some(release_schema),
            private_data: Box::into_raw(node).cast(),
        })
    }

    /// The bytes of the metadata: how many pairs, then for each the length and the bytes of key and value.
    fn metadata(&self) -> Option<&[u8]> {
        if self.metadata.is_null() {
            return None;
        }
        let number = |at: usize| {
            // SAFETY: the specification has a number here.
            let number = unsafe { self.metadata.add(at).cast::<i32>().read_unaligned() };
            usize::try_from(number).unwrap_or(0)
        };
        let mut end = size_of::<i32>();
        for _ in 0..2 * number(0) {
            end += size_of::<i32>() + number(end);
        }
        // SAFETY: so long it is by its own numbers.
        Some(unsafe { std::slice::from_raw_parts(self.metadata.cast(), end) })
    }
}

unsafe extern "C" fn release_schema(schema: *mut Schema) {
    // SAFETY: a schema that `made` made. One that is released again, against the specification, has no node.
    unsafe {
        let node = ptr::replace(&raw mut (*schema).private_data, ptr::null_mut()).cast::<SchemaNode>();
        if node.is_null() {
            return;
        }
        let node = Box::from_raw(node);
        node.children.iter().for_each(|child| free(*child));
        free((*schema).dictionary);
        (*schema).release = None;
    }
}
