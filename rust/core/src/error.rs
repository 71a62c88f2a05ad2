// SPDX-License-Identifier: Apache-2.0
//! The only error type. It has one variant for each case that a caller could handle differently.
//! `rust/jni/src/guard.rs` decides which Java class each variant becomes.

use crate::capi;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};
use std::borrow::Cow;

/// What every function of this crate returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a call failed. The `Display` text is what the user reads.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Python code raised. The text is `TypeName: text`.
    #[error("{}", attached(|py| describe(raised.value(py).as_any())))]
    Python {
        /// The exception itself.
        raised: Box<PyErr>,
    },

    /// The text never ran (it does not compile), or `simpleExec` hides why it failed.
    #[error("Execution failed, unable to retrieve python exception.")]
    NotRun(#[source] Box<Error>),

    /// A value could not be converted; the exception behind it, if there is one, tells more.
    #[error("{message}")]
    Conversion {
        /// What was asked of which value.
        message: String,
        /// What Python said.
        #[source]
        cause: Option<Box<Error>>,
    },

    /// A handle that names no object: closed frame, deleted object, or a made-up number.
    #[error(
        "The Python object is gone: its PythonGC frame was closed or it was deleted. \
         Call PythonGC.keep(object) before the frame closes, or read the value first."
    )]
    StaleHandle,

    /// A packed buffer that no writer of ours made.
    #[error("Malformed packed value at byte {at}: {what}")]
    Malformed {
        /// Where in the buffer.
        at: usize,
        /// What was wrong there.
        what: &'static str,
    },

    /// The caller asked for something that cannot be; the text says what and what to do.
    #[error("{0}")]
    Refused(String),
}

impl Error {
    /// A refusal with a text.
    pub fn refused(text: impl Into<String>) -> Self {
        Error::Refused(text.into())
    }

    /// Whether a Python exception is behind it, about which there is more to tell.
    pub fn has_exception(&self) -> bool {
        match self {
            Error::Python { .. } => true,
            Error::NotRun(cause) => cause.has_exception(),
            Error::Conversion { cause, .. } => cause.as_ref().is_some_and(|c| c.has_exception()),
            _ => false,
        }
    }
}

impl From<PyErr> for Error {
    fn from(raised: PyErr) -> Self {
        attached(|py| {
            // Not value(): before 3.12 only this puts the traceback into `__traceback__`.
            drop(raised.clone_ref(py).into_value(py));
            Error::Python {
                raised: Box::new(raised),
            }
        })
    }
}

/// Whoever has an exception is inside Python as a rule, and this enters nothing then. It runs nobody's finalizers
/// before `body`, which `gil::with` does: an error is no place for code that has nothing to do with it.
#[allow(clippy::disallowed_methods)] // `gil` is above this
fn attached<R>(body: impl for<'py> FnOnce(Python<'py>) -> R) -> R {
    Python::attach(body)
}

/// How many characters of a text a message shows: it is copied more than once on its way, and programs may put
/// anything there, more than Java takes too.
const MOST_SHOWN: usize = 1_000_000;

/// `TypeName: text` for an exception.
pub fn describe(exception: &Bound<'_, PyAny>) -> String {
    let class = exception
        .get_type()
        .name()
        .map(|name| text(&name))
        .unwrap_or_else(|_| "Exception".into());
    let said = match exception.str() {
        Ok(said) => text(&said),
        Err(_) => "<exception str() failed>".into(),
    };
    format!("{class}: {said}")
}

/// A Python string for a message: lone surrogates become `\udXXX`, and a very long one is shortened.
pub fn text(string: &Bound<'_, PyString>) -> String {
    shown_text(string).into_owned()
}

/// The same without a copy of what needs none.
pub fn shown_text<'a>(string: &'a Bound<'_, PyString>) -> Cow<'a, str> {
    let left_out = capi::length(string).saturating_sub(MOST_SHOWN);
    if left_out > 0 {
        let start = capi::start(string, MOST_SHOWN).map_or_else(|_| String::new(), |start| text(&start));
        return format!("{start}... ({left_out} more characters)").into();
    }
    match capi::utf8(string) {
        Some(text) => text.into(),
        None => string
            .call_method1("encode", ("utf-8", "backslashreplace"))
            .ok()
            .and_then(|b| {
                b.cast::<PyBytes>()
                    .ok()
                    .map(|b| String::from_utf8_lossy(b.as_bytes()).into_owned())
            })
            .unwrap_or_default()
            .into(),
    }
}

/// `str(object)` for a message; never fails.
pub fn shown(object: &Bound<'_, PyAny>) -> String {
    object.str().map_or_else(|_| unsaid(object), |said| text(&said))
}

/// The same for an object whose `__str__` failed.
pub fn unsaid(object: &Bound<'_, PyAny>) -> String {
    object
        .get_type()
        .name()
        .map(|name| format!("<{} object, its __str__ failed>", text(&name)))
        .unwrap_or_else(|_| "<object>".into())
}
