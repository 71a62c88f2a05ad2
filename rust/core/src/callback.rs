// SPDX-License-Identifier: Apache-2.0
//! The way from Python back to the caller's language: one door, through which every call of a
//! foreign function goes packed. Who stands behind it is `rust/jni/src/door.rs`.
//!
//! While the other side works, Python is left: other threads may enter, and the foreign function may
//! come back in. An exception of the other side crosses Python as a `JavaException` that carries a
//! key, so that the very same one can be thrown again outside.

use crate::gil;
use crate::handle::NO_FRAME;
use crate::interpreter::tools;
use crate::pack::{Reader, Writer};
use crate::{Error, Result};
use once_cell::sync::OnceCell;
use pyo3::prelude::*;
use pyo3::types::{PyCFunction, PyDict, PyString, PyTuple};

/// What stands behind the door.
pub trait Door: Send + Sync {
    /// Calls a function with packed arguments (a tuple and a dict) and returns the packed answer: a
    /// value after the byte 0; after 1 a foreign exception: key, class and text; after 2 a Python
    /// exception. Runs outside Python, on any thread.
    fn call(&self, function: u64, arguments: &[u8]) -> Result<Vec<u8>>;

    /// Python has dropped a function, or an exception by its key. Must not wait for anything.
    fn release(&self, key: u64);
}

static DOOR: OnceCell<Box<dyn Door>> = OnceCell::new();

/// Says who stands behind the door. Once; a later call changes nothing.
pub fn set_door(door: Box<dyn Door>) {
    let _ = DOOR.set(door);
}

fn door() -> Result<&'static dyn Door> {
    match DOOR.get() {
        Some(door) => Ok(door.as_ref()),
        None => Err(Error::refused("There is nobody to call back.")),
    }
}

/// A key of the other side; it is released when Python drops the object that holds this.
struct Key(u64);

impl Drop for Key {
    fn drop(&mut self) {
        if let Some(door) = DOOR.get() {
            door.release(self.0);
        }
    }
}

/// A Python callable for a foreign function.
pub fn function<'py>(py: Python<'py>, function: u64) -> Result<Bound<'py, PyAny>> {
    let key = Key(function);
    let callable = PyCFunction::new_closure(py, Some(c"java"), None, move |args, kwargs| {
        call(&key, args, kwargs).map(Bound::unbind).map_err(raise_again)
    })?;
    Ok(callable.into_any())
}

fn call<'py>(
    key: &Key,
    args: &Bound<'py, PyTuple>,
    kwargs: Option<&Bound<'py, PyDict>>,
) -> Result<Bound<'py, PyAny>> {
    let py = args.py();
    let mut writer = Writer::new(py, NO_FRAME);
    writer.value(args)?;
    match kwargs {
        Some(kwargs) => writer.value(kwargs)?,
        None => writer.none()?,
    }
    let arguments = writer.finish();
    let door = door()?;
    let reply = gil::outside(py, || door.call(key.0, &arguments))?;
    let mut reader = Reader::new(&reply);
    let value = match reader.u8()? {
        0 => reader.value(py)?,
        1 => {
            let held = Key(reader.u64()?);
            let (class, text) = (reader.text(py)?, reader.text(py)?);
            return Err(java_exception(py, held, class, text)?.into());
        }
        _ => {
            let exception = reader.value(py)?;
            return Err(PyErr::from_value(exception).into());
        }
    };
    reader.end()?;
    Ok(value)
}

fn java_exception<'py>(
    py: Python<'py>,
    key: Key,
    class: Bound<'py, PyString>,
    text: Bound<'py, PyString>,
) -> Result<PyErr> {
    let number = key.0;
    // The key lives as long as this function object, which the exception keeps.
    let holder = PyCFunction::new_closure(py, Some(c"key"), None, move |_, _| {
        let whole = &key; // so that the key moves in, not its number alone
        whole.0
    })?;
    let exception = tools()?
        .java_exception
        .bind(py)
        .call1((class, text, number, holder))?;
    Ok(PyErr::from_value(exception))
}

/// The key of the foreign exception that a Python exception carries.
pub fn foreign_key(exception: &Bound<'_, PyAny>) -> Option<u64> {
    let py = exception.py();
    let class = tools().ok()?.java_exception.bind(py);
    if !exception.is_instance(class).ok()? {
        return None;
    }
    exception.getattr("_key").ok()?.extract().ok()
}

/// An error of ours as an exception inside Python.
fn raise_again(error: Error) -> PyErr {
    match error {
        Error::Python { raised, .. } => *raised,
        other => pyo3::exceptions::PyRuntimeError::new_err(other.to_string()),
    }
}
