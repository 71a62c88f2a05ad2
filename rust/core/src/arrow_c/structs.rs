// SPDX-License-Identifier: Apache-2.0
//! The structs, who owns one, and the capsules of Python's that hold one.

use crate::{Error, Result, fork};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyCapsule;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr;

/// `struct ArrowSchema`.
#[repr(C)]
pub(crate) struct Schema {
    pub(super) format: *const c_char,
    pub(super) name: *const c_char,
    pub(super) metadata: *const c_char,
    pub(super) flags: i64,
    pub(super) n_children: i64,
    pub(super) children: *mut *mut Schema,
    pub(super) dictionary: *mut Schema,
    pub(super) release: Option<unsafe extern "C" fn(*mut Schema)>,
    pub(super) private_data: *mut c_void,
}

/// `struct ArrowArray`.
#[repr(C)]
pub(crate) struct Array {
    pub(crate) length: i64,
    pub(crate) null_count: i64,
    pub(crate) offset: i64,
    pub(super) n_buffers: i64,
    pub(super) n_children: i64,
    pub(super) buffers: *mut *const c_void,
    pub(super) children: *mut *mut Array,
    pub(super) dictionary: *mut Array,
    pub(super) release: Option<unsafe extern "C" fn(*mut Array)>,
    pub(super) private_data: *mut c_void,
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

pub(super) fn boxed<S: Struct>(mut owned: Owned<S>) -> *mut S {
    Box::into_raw(Box::new(std::mem::replace(&mut owned.0, S::empty())))
}

/// Frees a child; one that somebody moved away is released already.
pub(super) unsafe fn free<S: Struct>(child: *mut S) {
    if !child.is_null() {
        // SAFETY: `boxed` made it, for the parent that goes now.
        drop(Owned(*unsafe { Box::from_raw(child) }));
    }
}

/// Whether there are so many children.
pub(super) fn are_there<S: Struct>(children: *const *mut S, count: i64) -> bool {
    // SAFETY: by the specification there are so many addresses.
    let children = unsafe { slice(children, count) };
    children.len() as i64 == count && children.iter().all(|child| !child.is_null())
}

pub(super) unsafe fn slice<'a, T>(start: *const T, count: i64) -> &'a [T] {
    match usize::try_from(count) {
        // SAFETY: the caller answers for it.
        Ok(count) if count > 0 && !start.is_null() => unsafe { std::slice::from_raw_parts(start, count) },
        _ => &[],
    }
}

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
