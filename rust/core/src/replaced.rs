// SPDX-License-Identifier: Apache-2.0
//! Functions that replace some of Python's own functions. Apart from their purpose they cannot be told from the
//! originals: they are of the same type, do not bind as attributes of a class, and are in no traceback.
//! bootstrap.py lists them.

use crate::{Error, Result};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyModule;
use std::ffi::{CString, c_int};
use std::mem;
use std::ptr;
use std::sync::OnceLock;

unsafe extern "C" {
    fn PyCFunction_NewEx(
        definition: *mut ffi::PyMethodDef,
        own: *mut ffi::PyObject,
        module: *mut ffi::PyObject,
    ) -> *mut ffi::PyObject;
}

/// How many functions there can be: a C function is told its module and not what it stands for, so
/// that each has a C function of its own.
const MOST: usize = 8;

static IMPLEMENTATIONS: [OnceLock<Py<PyAny>>; MOST] = [const { OnceLock::new() }; MOST];

type Function =
    unsafe extern "C" fn(*mut ffi::PyObject, *mut ffi::PyObject, *mut ffi::PyObject) -> *mut ffi::PyObject;

const FUNCTIONS: [Function; MOST] = [
    call::<0>, call::<1>, call::<2>, call::<3>, call::<4>, call::<5>, call::<6>, call::<7>,
];

/// Puts an implementation into the place of a function of a module. It is called with the arguments of
/// that function.
pub(crate) fn replace(
    module: &Bound<'_, PyModule>,
    name: &str,
    implementation: Bound<'_, PyAny>,
) -> Result<()> {
    let py = module.py();
    let original = module.getattr(name)?;
    let text = |name: &str| -> Option<String> { original.getattr(name).ok()?.extract().ok() };
    let doc = match (text("__text_signature__"), text("__doc__")) {
        (Some(signature), doc) => format!("{name}{signature}\n--\n\n{}", doc.unwrap_or_default()),
        (None, doc) => doc.unwrap_or_default(),
    };
    let mut implementation = Some(implementation.unbind());
    let place = IMPLEMENTATIONS
        .iter()
        .position(|place| match implementation.take() {
            Some(ours) => place
                .set(ours)
                .map_err(|ours| implementation = Some(ours))
                .is_ok(),
            None => false,
        })
        .ok_or_else(|| Error::refused("replaced.rs has no place for another function"))?;
    let c_text = |text: String| CString::new(text).map_err(|_| Error::refused("A NUL in a function's name"));
    // CPython keeps pointers to all of it for as long as the function lives, which is as long as the process.
    let definition = Box::leak(Box::new(ffi::PyMethodDef {
        ml_name: c_text(name.into())?.into_raw(),
        // SAFETY: CPython calls it with keywords, as the flags say.
        ml_meth: unsafe { mem::transmute::<Function, ffi::PyMethodDefPointer>(FUNCTIONS[place]) },
        ml_flags: ffi::METH_VARARGS | ffi::METH_KEYWORDS as c_int,
        ml_doc: c_text(doc)?.into_raw(),
    }));
    let module_name = original.getattr("__module__")?;
    // SAFETY: the GIL is held; the definition lives for ever; the function takes references of its own to the module
    // and its name. A new reference, or null with an error set.
    let function = unsafe {
        let function = PyCFunction_NewEx(definition, module.as_ptr(), module_name.as_ptr());
        Bound::from_owned_ptr_or_err(py, function)?
    };
    Ok(module.setattr(name, function)?)
}

/// The C function of a place.
///
/// # Safety
/// CPython calls it: with the GIL, a tuple, and a dict or null.
unsafe extern "C" fn call<const PLACE: usize>(
    _module: *mut ffi::PyObject,
    arguments: *mut ffi::PyObject,
    keywords: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // A function is made after its implementation is set.
    let Some(implementation) = IMPLEMENTATIONS[PLACE].get() else {
        return ptr::null_mut();
    };
    // SAFETY: as the caller says; a new reference, or null with an error set.
    unsafe {
        let result = ffi::PyObject_Call(implementation.as_ptr(), arguments, keywords);
        if result.is_null() {
            leave_out_our_frames();
        }
        result
    }
}

/// A function of C is in no traceback, so ours is not either. What it called is.
///
/// # Safety
/// The GIL is held and an error is set.
unsafe fn leave_out_our_frames() {
    let (mut class, mut value, mut traceback) = (ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
    // SAFETY: the error's parts are owned here and given back; each traceback is owned while it is looked at.
    unsafe {
        ffi::PyErr_Fetch(&mut class, &mut value, &mut traceback);
        ffi::PyErr_NormalizeException(&mut class, &mut value, &mut traceback);
        while !traceback.is_null() && is_ours(traceback) {
            let next = ffi::PyObject_GetAttrString(traceback, c"tb_next".as_ptr());
            ffi::Py_DecRef(traceback);
            traceback = next;
            if traceback == ffi::Py_None() {
                ffi::Py_DecRef(traceback);
                traceback = ptr::null_mut();
            }
        }
        ffi::PyErr_Clear(); // of an attribute that could not be read
        if !value.is_null() {
            let left = if traceback.is_null() {
                ffi::Py_None()
            } else {
                traceback
            };
            ffi::PyException_SetTraceback(value, left);
        }
        ffi::PyErr_Restore(class, value, traceback);
    }
}

/// Whether a traceback's first frame is that of bootstrap.py.
///
/// # Safety
/// The GIL is held and the traceback is one.
unsafe fn is_ours(traceback: *mut ffi::PyObject) -> bool {
    // SAFETY: each object is a new reference or null, and all are given back.
    unsafe {
        let mut object = ffi::PyObject_GetAttrString(traceback, c"tb_frame".as_ptr());
        for name in [c"f_code", c"co_filename"] {
            if object.is_null() {
                return false;
            }
            let next = ffi::PyObject_GetAttrString(object, name.as_ptr());
            ffi::Py_DecRef(object);
            object = next;
        }
        let same = !object.is_null()
            && ffi::PyUnicode_Check(object) != 0
            && ffi::PyUnicode_CompareWithASCIIString(object, c"<python4j bootstrap>".as_ptr()) == 0;
        ffi::Py_DecRef(object);
        same
    }
}
