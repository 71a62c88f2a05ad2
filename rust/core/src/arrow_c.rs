// SPDX-License-Identifier: Apache-2.0
//! The structs of Arrow's C data interface: who owns a struct, how a capsule of Python's holds it, how a copy shares its
//! memory, and where a tree of arrays lies without offsets, because Arrow Java reads no offsets. `table.rs` reads and
//! offers columns by them, `arrow.rs` tables.

use crate::{Error, Result, alloc, capi, fork, handle};
#[cfg(target_os = "linux")]
use parking_lot::Mutex;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyCapsule;
use std::any::Any;
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::Arc;

/// `struct ArrowSchema`.
#[repr(C)]
pub(crate) struct Schema {
    format: *const c_char,
    name: *const c_char,
    metadata: *const c_char,
    flags: i64,
    n_children: i64,
    children: *mut *mut Schema,
    dictionary: *mut Schema,
    release: Option<unsafe extern "C" fn(*mut Schema)>,
    private_data: *mut c_void,
}

/// `struct ArrowArray`.
#[repr(C)]
pub(crate) struct Array {
    pub(crate) length: i64,
    pub(crate) null_count: i64,
    pub(crate) offset: i64,
    n_buffers: i64,
    n_children: i64,
    buffers: *mut *const c_void,
    children: *mut *mut Array,
    dictionary: *mut Array,
    release: Option<unsafe extern "C" fn(*mut Array)>,
    private_data: *mut c_void,
}

/// `struct ArrowArrayStream`.
#[repr(C)]
pub(crate) struct Stream {
    pub(crate) get_schema: Option<unsafe extern "C" fn(*mut Stream, *mut Schema) -> c_int>,
    pub(crate) get_next: Option<unsafe extern "C" fn(*mut Stream, *mut Array) -> c_int>,
    pub(crate) get_last_error: Option<unsafe extern "C" fn(*mut Stream) -> *const c_char>,
    pub(crate) release: Option<unsafe extern "C" fn(*mut Stream)>,
    pub(crate) private_data: *mut c_void,
}

/// A struct that says by itself who releases it, and whether that was done.
pub(crate) trait Struct: Sized {
    /// What capsules of it are called.
    const CAPSULE: &'static CStr;

    /// One that is released.
    fn empty() -> Self;

    fn release(&mut self) -> &mut Option<unsafe extern "C" fn(*mut Self)>;

    /// Whether a stranger's struct can be looked at, as far as it tells by itself.
    fn check(&self) -> Result<()>;
}

macro_rules! a_struct {
    ($kind:ident, $capsule:literal, $check:expr) => {
        impl Struct for $kind {
            const CAPSULE: &'static CStr = $capsule;

            fn empty() -> Self {
                // SAFETY: null pointers, zeros and no function.
                unsafe { std::mem::zeroed() }
            }

            fn release(&mut self) -> &mut Option<unsafe extern "C" fn(*mut Self)> {
                &mut self.release
            }

            fn check(&self) -> Result<()> {
                ($check)(self)
            }
        }

        // SAFETY: by the specification any thread may use such a struct, one at a time, and release it.
        unsafe impl Send for $kind {}
    };
}
a_struct!(Schema, c"arrow_schema", |schema: &Schema| schema.check_below(0));
a_struct!(Array, c"arrow_array", |_| Ok(())); // that depends on the schema, see `Array::fits`
a_struct!(Stream, c"arrow_array_stream", |_| Ok(()));

// SAFETY: a schema and an array do not change; only their owner releases them.
unsafe impl Sync for Schema {}
// SAFETY: as above.
unsafe impl Sync for Array {}

/// A struct that is released when this goes. In a forked child it is left alone: whoever made it may be no more.
pub(crate) struct Owned<S: Struct>(pub(crate) S);

impl<S: Struct> Owned<S> {
    /// Moves a struct out of its place, which is released from then on.
    ///
    /// # Safety
    /// The address is 0 or that of such a struct, which nobody else uses meanwhile.
    pub(crate) unsafe fn take(address: usize) -> Result<Self> {
        let place = address as *mut S;
        if place.is_null() {
            return Err(Error::refused("The address of the Arrow struct is null."));
        }
        // SAFETY: by this function's contract. Moving a struct by its bytes is what the specification provides for.
        unsafe {
            let mut taken = Owned(ptr::read(place));
            if taken.0.release().is_none() {
                return Err(Error::refused("The table has been read already."));
            }
            *(*place).release() = None;
            Ok(taken)
        }
    }

    /// Moves the struct to an address.
    ///
    /// # Safety
    /// There is room for the struct.
    pub(crate) unsafe fn put(mut self, address: usize) {
        // SAFETY: by this function's contract; what is left here is released.
        unsafe { ptr::write(address as *mut S, std::mem::replace(&mut self.0, S::empty())) }
    }
}

impl<S: Struct> Drop for Owned<S> {
    fn drop(&mut self) {
        if fork::is_child() {
            return;
        }
        if let Some(release) = *self.0.release() {
            // SAFETY: the struct is its owner's, and was not released before.
            unsafe { release(&mut self.0) };
        }
    }
}

// ---- capsules ----

/// A capsule that owns a struct, until somebody moves that out.
pub(crate) fn capsule<S: Struct>(py: Python<'_>, owned: Owned<S>) -> PyResult<Bound<'_, PyAny>> {
    unsafe extern "C" fn destroy<S: Struct>(capsule: *mut ffi::PyObject) {
        // SAFETY: Python calls this once, for a capsule that was made below.
        unsafe {
            let owned = ffi::PyCapsule_GetPointer(capsule, S::CAPSULE.as_ptr());
            drop(Box::from_raw(owned.cast::<Owned<S>>()));
        }
    }
    let owned = Box::into_raw(Box::new(owned));
    // SAFETY: the GIL is held; the name is static. `Owned` is laid out as the struct in it.
    unsafe {
        let made = ffi::PyCapsule_New(owned.cast(), S::CAPSULE.as_ptr(), Some(destroy::<S>));
        if made.is_null() {
            drop(Box::from_raw(owned));
        }
        Bound::from_owned_ptr_or_err(py, made)
    }
}

/// Moves the struct out of a capsule, which is what a method of the PyCapsule interface has given.
pub(crate) fn taken<S: Struct>(given: &Bound<'_, PyAny>) -> Result<Owned<S>> {
    // SAFETY: the GIL is held; a capsule of that name has such a struct.
    unsafe {
        if ffi::PyCapsule_IsValid(given.as_ptr(), S::CAPSULE.as_ptr()) == 0 {
            return Err(Error::refused(format!(
                "The Arrow data is malformed: a capsule {:?} was expected, not {}.",
                S::CAPSULE,
                match given.cast::<PyCapsule>() {
                    Ok(capsule) => capsule.repr()?.to_string(),
                    Err(_) => format!("a {}", given.get_type().name()?),
                }
            )));
        }
        let address = ffi::PyCapsule_GetPointer(given.as_ptr(), S::CAPSULE.as_ptr());
        let owned = Owned::<S>::take(address as usize)?;
        owned.0.check()?;
        Ok(owned)
    }
}

// ---- arrays ----

/// What keeps the memory of an array.
pub(crate) type Keeper = Arc<dyn Any + Send + Sync>;

/// An array of somebody in Python. Its release may need the GIL: where this thread has it not, the next that enters
/// Python releases it, since nobody waits for the GIL to free something.
struct Foreign(Option<Owned<Array>>);

impl Foreign {
    fn array(&self) -> &Array {
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

fn boxed<S: Struct>(mut owned: Owned<S>) -> *mut S {
    Box::into_raw(Box::new(std::mem::replace(&mut owned.0, S::empty())))
}

/// Frees a child; one that somebody moved away is released already.
unsafe fn free<S: Struct>(child: *mut S) {
    if !child.is_null() {
        // SAFETY: `boxed` made it, for the parent that goes now.
        drop(Owned(*unsafe { Box::from_raw(child) }));
    }
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

/// How deep types may be nested, which is how deep Arrow's C++ reads them.
const DEEPEST: usize = 64;

/// More elements than any memory has, and few enough to be multiplied.
const MOST: i64 = 1 << 48;

/// Whether there are so many children.
fn are_there<S: Struct>(children: *const *mut S, count: i64) -> bool {
    // SAFETY: by the specification there are so many addresses.
    let children = unsafe { slice(children, count) };
    children.len() as i64 == count && children.iter().all(|child| !child.is_null())
}

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
            Form::Text(size) => match part.reach(size)? {
                (first, last) if last > first && part.buffer(2)?.is_null() => return Err(broken(MISSING)),
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

/// The number of nulls that nobody has counted.
const UNKNOWN: i64 = -1;

unsafe fn slice<'a, T>(start: *const T, count: i64) -> &'a [T] {
    match usize::try_from(count) {
        // SAFETY: the caller answers for it.
        Ok(count) if count > 0 && !start.is_null() => unsafe { std::slice::from_raw_parts(start, count) },
        _ => &[],
    }
}

// ---- schemas ----

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
    fn check_below(&self, depth: usize) -> Result<()> {
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
    fn union_types(&self) -> Vec<i8> {
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
    fn wrong(&self, error: Error) -> Error {
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

// ---- arrays without offsets ----

/// How an array of a format lies in its buffers.
#[derive(Clone, Copy, PartialEq)]
enum Form {
    /// It has no buffers.
    Null,
    /// So many bits for each element.
    Bits(i64),
    /// Offsets of so many bytes, one more than there are elements; then the bytes that these mean.
    Text(i64),
    /// 16 bytes for each, and any number of other buffers that these mean.
    Views,
    /// The same offsets, into the child.
    List(i64),
    /// Offsets and lengths of so many bytes.
    ListViews(i64),
    /// So many elements of the child for each.
    FixedList(i64),
    Struct,
    SparseUnion,
    DenseUnion,
    RunEnds,
}

impl Form {
    fn of(format: &str) -> Option<Form> {
        let number = |at: usize| {
            format
                .get(at..)
                .and_then(|rest| rest.parse::<i64>().ok())
                .filter(|n| *n >= 0)
        };
        Some(match format {
            "n" => Form::Null,
            "b" => Form::Bits(1),
            "c" | "C" => Form::Bits(8),
            "s" | "S" | "e" => Form::Bits(16),
            "i" | "I" | "f" | "tdD" | "tts" | "ttm" | "tiM" => Form::Bits(32),
            "l" | "L" | "g" | "tdm" | "ttu" | "ttn" | "tiD" => Form::Bits(64),
            "tin" => Form::Bits(128),
            "z" | "u" => Form::Text(4),
            "Z" | "U" => Form::Text(8),
            "vz" | "vu" => Form::Views,
            "+l" | "+m" => Form::List(4),
            "+L" => Form::List(8),
            "+vl" => Form::ListViews(4),
            "+vL" => Form::ListViews(8),
            "+s" => Form::Struct,
            "+r" => Form::RunEnds,
            _ if matches!(
                format.as_bytes(),
                [b't', b's', b's' | b'm' | b'u' | b'n', b':', ..] | [b't', b'D', b's' | b'm' | b'u' | b'n']
            ) =>
            {
                Form::Bits(64)
            }
            _ if format.starts_with("+w:") => Form::FixedList(number(3)?),
            _ if format.starts_with("+us:") => Form::SparseUnion,
            _ if format.starts_with("+ud:") => Form::DenseUnion,
            _ if format.starts_with("w:") => Form::Bits(number(2)?.checked_mul(8)?),
            _ if format.starts_with("d:") => {
                let numbers: Vec<i64> = format[2..]
                    .split(',')
                    .map(|n| n.parse().ok())
                    .collect::<Option<_>>()?;
                match numbers[..] {
                    [_, _] => Form::Bits(128),
                    [_, _, bits @ (32 | 64 | 128 | 256)] => Form::Bits(bits),
                    _ => return None,
                }
            }
            _ => return None,
        })
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

/// Bits that are all set, for a column without nulls: Arrow Java needs them, and would write them at each import. All columns
/// see the same memory, until somebody writes there, who then has his own.
struct Ones {
    start: *const c_void,
    length: usize,
}

// SAFETY: a mapping belongs to no thread.
unsafe impl Send for Ones {}
// SAFETY: whoever writes into an array answers for it.
unsafe impl Sync for Ones {}

impl Ones {
    /// With fewer rows each column has its own.
    const FEW: i64 = 1 << 17;

    #[cfg(not(target_os = "linux"))]
    fn of(_rows: i64) -> Option<Ones> {
        None
    }

    /// None also where there is no such memory.
    #[cfg(target_os = "linux")]
    fn of(rows: i64) -> Option<Ones> {
        use std::fs::File;
        use std::io::Write;
        use std::os::fd::{AsRawFd, FromRawFd};
        static SOURCE: Mutex<Option<(File, usize)>> = Mutex::new(None);
        static BLOCK: [u8; 1 << 16] = [0xff; 1 << 16];
        let length = (rows as usize).div_ceil(8).next_multiple_of(BLOCK.len());
        let mut spare = SPARE.lock();
        if let Some(at) = spare.iter().position(|ones| ones.length == length) {
            return Some(spare.swap_remove(at));
        }
        drop(spare);
        let mut source = SOURCE.lock();
        if source.is_none() {
            // SAFETY: the system's call for a file without a name, which the C library does not have everywhere.
            let file = unsafe { libc::syscall(libc::SYS_memfd_create, c"ones".as_ptr(), libc::MFD_CLOEXEC) };
            // SAFETY: it is this file's own descriptor.
            *source = (file >= 0).then(|| (unsafe { File::from_raw_fd(file as c_int) }, 0));
        }
        let (file, written) = source.as_mut()?;
        while *written < length {
            file.write_all(&BLOCK).ok()?;
            *written += BLOCK.len();
        }
        let (access, private) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE);
        // SAFETY: a new mapping of a file that has so many bytes.
        let start = unsafe { libc::mmap(ptr::null_mut(), length, access, private, file.as_raw_fd(), 0) };
        (start != libc::MAP_FAILED).then_some(Ones { start, length })
    }
}

/// Mappings for the next columns of the same length, since it takes longer to make one.
#[cfg(target_os = "linux")]
static SPARE: Mutex<Vec<Ones>> = Mutex::new(Vec::new());

impl Drop for Ones {
    fn drop(&mut self) {
        #[cfg(target_os = "linux")]
        {
            const MOST: usize = 64;
            let (start, length) = (self.start.cast_mut(), self.length);
            // SAFETY: the mapping that `of` made, which nobody uses any more. What was written there is forgotten.
            let clean = unsafe { libc::madvise(start, length, libc::MADV_DONTNEED) } == 0;
            let mut spare = SPARE.lock();
            if clean && spare.len() < MOST {
                spare.push(Ones {
                    start: self.start,
                    length,
                });
            } else {
                // SAFETY: as above.
                unsafe { libc::munmap(start, length) };
            }
        }
        #[cfg(not(target_os = "linux"))]
        let _ = self.length;
    }
}

const MISSING: &str = "a buffer is missing";

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
