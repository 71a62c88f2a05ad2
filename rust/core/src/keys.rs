// SPDX-License-Identifier: Apache-2.0
//! Keys: Python holds a key for each object of the caller's language, and the caller is told when Python has
//! dropped the key. `callback.rs` defines what these objects do in Python.

use crate::handle::Frame;
use crate::tools::tools;
use crate::{Error, Result, fork};
use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyDict;
use std::any::Any;
use std::sync::{Arc, OnceLock};

/// The most bytes of a text in [`Few`] and [`Answer`].
pub const SHORT_TEXT: usize = 64;

/// Arguments that are passed as they are: one or two ints, or a short ASCII text without zeros.
#[derive(Clone, Copy)]
pub enum Few<'a> {
    /// One int or two.
    Longs(&'a [i64]),
    /// A text.
    Text(&'a str),
    /// What is to be done to a reference: a number, and a name or nothing.
    Operation(usize, &'a str),
}

/// What such a call gives: an int, the bytes of a short ASCII text, or a packed answer.
pub enum Answer {
    /// An int.
    Long(i64),
    /// The bytes of a text, which are the first so many.
    Text([u8; SHORT_TEXT], usize),
    /// As [`Upcall::call`] gives it.
    Packed(Vec<u8>),
    /// Where the value of a member is: it is read there from now on.
    Place(Place),
}

/// A place of the other side's that [`Upcall::read`] reads. Python code never sees this object.
#[pyclass(frozen)]
pub struct Place(pub Box<dyn Any + Send + Sync>);

/// What is at such a place.
pub enum Scalar {
    /// An int.
    Int(i64),
    /// A float.
    Float(f64),
    /// A bool.
    Bool(bool),
}

/// Calls the other side.
pub trait Upcall: Send + Sync {
    /// Calls a function with packed arguments (a tuple and a dict) and returns the packed answer: a
    /// value after the byte 0, then the handles that were made for it, and last how many these are; after 1 a
    /// foreign exception: key, names of classes and text; after 2 a Python exception; after 3 the name of a builtin exception
    /// to raise, and its text. Runs outside Python, on any thread.
    fn call(&self, function: u64, arguments: &[u8]) -> Result<Vec<u8>>;

    /// Whether [`call_few`](Upcall::call_few) can be called.
    fn takes_few(&self) -> bool {
        false
    }

    /// The same as [`call`](Upcall::call) with few arguments, which are not packed. The answer is written where it stays, as it would be copied
    /// at each return otherwise. After 4 a packed answer has a method of a
    /// reference: its key, whether it wants objects, and its name.
    fn call_few(&self, _function: u64, _arguments: Few<'_>, _answer: &mut Answer) -> Result<()> {
        Err(Error::refused("This function takes packed arguments only."))
    }

    /// Reads a place that an answer told, inside Python: nobody's code runs, and nobody who waits for the GIL is waited for. None where
    /// the value is to be asked for as any other.
    fn read(&self, _place: &Place) -> Option<Scalar> {
        None
    }

    /// Python has dropped a function, or an exception by its key. Must not wait for anything.
    fn release(&self, key: u64);

    /// The frame of handles that are made for the other side and are in no other frame.
    fn root(&self) -> Frame;

    /// Whether calls can still arrive.
    fn is_open(&self) -> bool;
}

/// A key of the other side; it is released when Python drops the object that holds this.
pub(crate) struct Key {
    pub(crate) number: u64,
    /// Who gave the key. There may be several: each class loader's copy of the library is one.
    pub(crate) upcall: Arc<dyn Upcall>,
}

impl Key {
    pub(crate) fn upcall(&self) -> Result<&dyn Upcall> {
        match fork::is_child() {
            true => Err(Error::refused(fork::NO_JAVA)),
            false => Ok(self.upcall.as_ref()),
        }
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        if let Ok(upcall) = self.upcall() {
            upcall.release(self.number);
        }
    }
}

/// A foreign function as Python calls it. What Python code sees is of a subclass, see `callback::function`.
#[pyclass(frozen, subclass, weakref, module = "python4j", name = "function")]
pub struct Function {
    pub(crate) key: Arc<Key>,
    pub(crate) name: String,
    /// Whether it wants its arguments as the objects that they are, not as values.
    pub(crate) objects: bool,
}

/// Any other foreign object. Its classes in Python are those of `proxies.py`, which turn what is done
/// to it into calls of `_java`.
#[pyclass(frozen, subclass, weakref, module = "python4j")]
pub struct Reference {
    pub(crate) key: Arc<Key>,
    /// The methods that were asked for, and the places of fields, by name: to ask for a method takes longer than to call it.
    pub(crate) known: PyOnceLock<Py<PyDict>>,
}

static PEER: OnceLock<Arc<dyn Upcall>> = OnceLock::new();

/// Whom this process serves, if that is another process: the functions that come in its requests are called through this.
pub fn set_peer(upcall: Arc<dyn Upcall>) {
    let _ = PEER.set(upcall); // it serves one
}

/// A function of the peer's.
pub(crate) fn peers<'py>(py: Python<'py>, number: u64, name: &str) -> Result<Bound<'py, PyAny>> {
    let upcall = PEER
        .get()
        .ok_or_else(|| Error::refused("This process serves no other one."))?;
    let key = Arc::new(Key {
        number,
        upcall: Arc::clone(upcall),
    });
    let (name, objects) = (name.into(), false);
    Ok(Bound::new(py, Function { key, name, objects })?.into_any())
}

/// The key of the foreign function, object or exception that a Python object stands for.
pub fn key(object: &Bound<'_, PyAny>) -> Option<u64> {
    if let Ok(function) = object.cast::<Function>() {
        return Some(function.get().key.number);
    }
    if let Ok(reference) = object.cast::<Reference>() {
        return Some(reference.get().key.number);
    }
    let exception = object.is_instance_of::<PyException>();
    exception.then(|| foreign_key(object)).flatten()
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
