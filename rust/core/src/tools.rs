// SPDX-License-Identifier: Apache-2.0
//! The Python objects that our own calls use. They are taken at the start, before user code can change them.
//! This file only holds the data; `interpreter.rs` creates it.

use crate::error::{text, unsaid};
use crate::{Error, Result};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyModule, PyString, PyTuple};
use std::sync::OnceLock;

/// What our own calls use, whatever user code does to the modules it came from.
pub(crate) struct Tools {
    pub(crate) compile: Py<PyAny>,
    pub(crate) keep_lines: Py<PyAny>,
    pub(crate) report: Py<PyAny>,
    pub(crate) traceback: Py<PyAny>,
    pub(crate) stop: Py<PyAny>,
    pub(crate) interrupted: Py<PyAny>,
    pub(crate) timeout: Py<PyAny>,
    pub(crate) java_exception: Py<PyAny>,
    pub(crate) builtins: Py<PyModule>,
    pub(crate) builtins_key: Py<PyString>,
    /// `BaseExceptionGroup`, from Python 3.11 on.
    pub(crate) group: Option<Py<PyAny>>,
    pub(crate) listed: Py<PyTuple>,
    pub(crate) sys: Py<PyDict>,
    pub(crate) streams: [(Py<PyString>, Option<Py<PyAny>>); 2],
}

static TOOLS: OnceLock<Tools> = OnceLock::new();

/// The tools of the running interpreter.
pub(crate) fn tools() -> Result<&'static Tools> {
    TOOLS.get().ok_or_else(not_started)
}

/// The error of a call that comes before the start.
pub(crate) fn not_started() -> Error {
    Error::refused("Python has not been started: call PythonExecutioner.init() first.")
}

/// Set by the start, once.
pub(crate) fn set(tools: Tools) {
    let _ = TOOLS.set(tools); // only the start gets here, and it runs once
}

impl Tools {
    /// Whether the object is of one of the types that cross as lists although they are none.
    pub(crate) fn is_listed(&self, object: &Bound<'_, PyAny>) -> bool {
        let class = object.get_type_ptr();
        let mut listed = self.listed.bind(object.py()).iter_borrowed();
        listed.any(|listed| listed.as_ptr() == class.cast())
    }
}

/// Whether an exception is one of those that `stop.rs` raises.
pub(crate) fn is_stop(py: Python<'_>, raised: &PyErr) -> bool {
    tools().is_ok_and(|tools| {
        raised.is_instance(py, tools.interrupted.bind(py)) || raised.is_instance(py, tools.timeout.bind(py))
    })
}

/// `str(object)` for a message; fails only where the call was ended from outside meanwhile.
pub(crate) fn said(object: &Bound<'_, PyAny>) -> Result<String> {
    match object.str() {
        Ok(said) => Ok(text(&said)),
        Err(raised) if is_stop(object.py(), &raised) => Err(raised.into()),
        Err(_) => Ok(unsaid(object)),
    }
}

/// The errors that need to know how a call is ended from outside.
impl Error {
    /// Whether the call was ended from outside.
    pub fn is_stop(&self, py: Python<'_>) -> bool {
        matches!(self, Error::Python { raised } if is_stop(py, raised))
    }

    /// A failed conversion; `raised` is kept as the cause unless it only repeats the message. What ended the call
    /// from outside stays what it is, and no message is made then: the object's text might never end either.
    pub fn conversion(
        py: Python<'_>,
        message: impl FnOnce() -> Result<String>,
        raised: Option<PyErr>,
    ) -> Self {
        if let Some(stopped) = raised.as_ref().filter(|raised| is_stop(py, raised)) {
            return Error::from(stopped.clone_ref(py));
        }
        let message = match message() {
            Ok(message) => message,
            Err(stopped) => return stopped,
        };
        let expected = |e: &PyErr| {
            e.is_instance_of::<pyo3::exceptions::PyTypeError>(py)
                || e.is_instance_of::<pyo3::exceptions::PyOverflowError>(py)
        };
        let cause = raised.filter(|e| !expected(e)).map(|e| Box::new(Error::from(e)));
        Error::Conversion { message, cause }
    }
}
