// SPDX-License-Identifier: Apache-2.0
//! What the reader of a value asks for.

use crate::{Error, Result};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyFloat, PyInt, PyList, PyString};

/// What the reader of a value asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Whatever the object is.
    Any,
    /// `str(object)`.
    Str,
    /// Anything that Python takes as an integer, within 64 bits.
    Int,
    /// Anything that Python takes as a number.
    Float,
    /// Its truth.
    Bool,
    /// Any sequence.
    List,
    /// A dict or a subclass.
    Dict,
    /// bytes.
    Bytes,
    /// None, whatever the object is.
    None,
    /// A handle.
    Object,
    /// `TypeName: text` of an exception, `str(object)` of anything else.
    Message,
    /// The traceback of an exception, as Python prints it.
    Traceback,
    /// Java's own object if it is one, else None.
    Java,
    /// The array of bytes that a table becomes for a caller in another process.
    Table,
}

impl Wanted {
    /// The code that Java sends.
    pub fn from_code(code: u8) -> Result<Self> {
        Ok(match code {
            0 => Wanted::Any,
            1 => Wanted::Str,
            2 => Wanted::Int,
            3 => Wanted::Float,
            4 => Wanted::Bool,
            5 => Wanted::List,
            6 => Wanted::Dict,
            7 => Wanted::Bytes,
            8 => Wanted::None,
            9 => Wanted::Object,
            10 => Wanted::Message,
            11 => Wanted::Traceback,
            12 => Wanted::Java,
            13 => Wanted::Table,
            _ => return Err(Error::refused(format!("Unknown kind of value: {code}"))),
        })
    }
}

/// The name of the object's type if it is exactly one of those with a `PythonType` of their own.
pub fn built_in(object: &Bound<'_, PyAny>) -> Option<&'static str> {
    Some(if object.is_exact_instance_of::<PyString>() {
        "str"
    } else if object.is_exact_instance_of::<PyInt>() {
        "int"
    } else if object.is_exact_instance_of::<PyFloat>() {
        "float"
    } else if object.is_exact_instance_of::<PyBool>() {
        "bool"
    } else if object.is_none() {
        "NoneType"
    } else if object.is_exact_instance_of::<PyList>() {
        "list"
    } else if object.is_exact_instance_of::<PyDict>() {
        "dict"
    } else if object.is_exact_instance_of::<PyBytes>() {
        "bytes"
    } else {
        return None;
    })
}
