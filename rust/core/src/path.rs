// SPDX-License-Identifier: Apache-2.0
//! The module path that a program sets by CPython's own functions, as `Py_AddPath` of JavaCPP's older bindings
//! does. The start adopts this path, and later changes are followed.

use crate::Result;
use crate::capi::symbol;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyModule};
use std::ffi::{CStr, c_void};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Set by the start where this CPython has such a path.
static GIVEN: OnceLock<GivenPath> = OnceLock::new();

/// What was given before the start. It is taken back.
pub(crate) fn take() -> Vec<String> {
    GivenPath::find().map_or_else(Vec::new, |given| given.take())
}

/// What is given from now on is news.
pub(crate) fn watch() {
    if let Some(given) = GivenPath::find() {
        given.look(); // where Python starts from is no news
        let _ = GIVEN.set(given); // the first start's stays
    }
}

/// What was given since the last look counts from now on.
pub(crate) fn follow(py: Python<'_>) -> Result<()> {
    GIVEN.get().map_or(Ok(()), |given| given.follow(py))
}

type GetPath = extern "C" fn() -> *const libc::wchar_t;
type SetPath = extern "C" fn(*const libc::wchar_t);

/// The path that a program gives to Python with `Py_SetPath`, as `Py_AddPath` of JavaCPP's older
/// bindings does. 3.13 and later know none.
struct GivenPath {
    get: GetPath,
    set: SetPath,
    /// Address and length of the path that was looked at last. Who looks has the turn, which orders it.
    seen: [AtomicUsize; 2],
}

impl GivenPath {
    fn find() -> Option<Self> {
        if version() >= [3, 13] {
            return None; // there, for libraries that were built before, and no part of the API any more
        }
        let (get, set) = (symbol(c"Py_GetPath")?, symbol(c"Py_SetPath")?);
        // SAFETY: the signatures are CPython's of every version that has both functions.
        unsafe {
            Some(GivenPath {
                get: std::mem::transmute::<*mut c_void, GetPath>(get),
                set: std::mem::transmute::<*mut c_void, SetPath>(set),
                seen: [const { AtomicUsize::new(0) }; 2],
            })
        }
    }

    /// The path, if it is another one than at the last look.
    fn look(&self) -> Option<Vec<String>> {
        let path = (self.get)();
        if path.is_null() {
            return None;
        }
        // SAFETY: CPython's text ends with a null; only `Py_SetPath` frees it, and who calls that
        // has the turn, as its caller must.
        let path = unsafe { std::slice::from_raw_parts(path, wcslen(path)) };
        let now = [path.as_ptr() as usize, path.len()];
        if self.seen.each_ref().map(|seen| seen.load(Ordering::Relaxed)) == now {
            return None;
        }
        for (seen, now) in self.seen.iter().zip(now) {
            seen.store(now, Ordering::Relaxed);
        }
        let path: String = path
            .iter()
            .map(|&unit| char::from_u32(unit as u32).unwrap_or(char::REPLACEMENT_CHARACTER))
            .collect();
        let folders = std::env::split_paths(&path).map(|folder| folder.to_string_lossy().into_owned());
        Some(folders.filter(|folder| !folder.is_empty()).collect())
    }

    /// Takes back what was given before the start: with a given path CPython looks for nothing by
    /// itself, not even for its standard library, and ends the process.
    fn take(&self) -> Vec<String> {
        if version() == [3, 9] {
            return Vec::new(); // cannot tell a given path from its own, and asking settles that one
        }
        let given = self.look().unwrap_or_default();
        if !given.is_empty() {
            (self.set)(std::ptr::null());
        }
        given
    }

    /// Appends to `sys.path` what was given since the last look.
    fn follow(&self, py: Python<'_>) -> Result<()> {
        let Some(folders) = self.look() else {
            return Ok(());
        };
        let path = PyModule::import(py, "sys")?.getattr("path")?;
        let path = path.cast::<PyList>().map_err(PyErr::from)?;
        for folder in folders {
            if !path.contains(&folder)? {
                path.append(folder)?;
            }
        }
        Ok(())
    }
}

/// The first two parts of the version, 0 for what cannot be read.
pub(crate) fn version() -> [u32; 2] {
    // SAFETY: Py_GetVersion needs no start.
    let text = unsafe { CStr::from_ptr(ffi::Py_GetVersion()) }.to_string_lossy();
    let mut parts = text.split('.').map(|part| part.parse().unwrap_or(0));
    [(); 2].map(|()| parts.next().unwrap_or(0))
}

unsafe extern "C" {
    fn wcslen(text: *const libc::wchar_t) -> usize;
}
