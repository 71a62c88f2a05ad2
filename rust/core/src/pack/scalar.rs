// SPDX-License-Identifier: Apache-2.0
//! Numbers: which of them Java has, and what counts as one.

use crate::tools::said;
use crate::{Error, Result, capi};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyFloat, PyInt, PyString};

/// An int.
pub(crate) fn int(py: Python<'_>, value: i64) -> Bound<'_, PyAny> {
    match value.into_pyobject(py) {
        Ok(int) => int.into_any(),
        Err(never) => match never {},
    }
}

/// The value of anything that Python takes as an integer, within 64 bits.
pub fn integer(object: &Bound<'_, PyAny>) -> Result<i64> {
    match object.extract::<i64>() {
        Ok(value) => Ok(value),
        Err(refused) => integer_of_numpy(object, refused),
    }
}

#[cold]
fn integer_of_numpy(object: &Bound<'_, PyAny>, refused: PyErr) -> Result<i64> {
    // numpy's bool_ is the one number without __index__ that counts as an integer here.
    if let Some(Scalar::Bool) = scalar(object) {
        return Ok(object.is_truthy()?.into());
    }
    Err(unconvertible(
        "Could not convert value to int: ",
        object,
        Some(refused),
    ))
}

/// The value of anything that Python takes as a number.
pub fn number(object: &Bound<'_, PyAny>) -> Result<f64> {
    if !object.is_exact_instance_of::<PyFloat>() && is_complex(object) {
        let what = "Could not convert value to float: ";
        return Err(unconvertible(what, object, None));
    }
    object
        .extract()
        .map_err(|raised| unconvertible("Could not convert value to float: ", object, Some(raised)))
}

pub(super) fn unconvertible(what: &str, object: &Bound<'_, PyAny>, raised: Option<PyErr>) -> Error {
    Error::conversion(object.py(), || Ok(format!("{what}{}", said(object)?)), raised)
}

pub(super) enum Scalar {
    Bool,
    Int,
    Float,
}

/// Which built-in type a numpy scalar stands for; `None` for anything else.
pub(super) fn scalar(object: &Bound<'_, PyAny>) -> Option<Scalar> {
    let py = object.py();
    let is = |class: &Bound<'_, PyString>| is_numpy(object, class);
    if !is(intern!(py, "generic")) {
        None
    } else if is(intern!(py, "bool_")) {
        Some(Scalar::Bool)
    } else if is(intern!(py, "timedelta64")) {
        None
    } else if is(intern!(py, "integer")) {
        Some(Scalar::Int)
    } else if is(intern!(py, "floating")) && !is(intern!(py, "longdouble")) {
        Some(Scalar::Float)
    } else {
        None
    }
}

/// Whether it is a complex number, of which numpy's would give their real part.
pub(super) fn is_complex(object: &Bound<'_, PyAny>) -> bool {
    !object.is_exact_instance_of::<PyInt>() && is_numpy(object, intern!(object.py(), "complexfloating"))
}

/// Whether an object is of a class of numpy's, which is not imported for that.
pub(super) fn is_numpy(object: &Bound<'_, PyAny>, class: &Bound<'_, PyString>) -> bool {
    let py = object.py();
    let numpy = capi::modules(py).get_item(intern!(py, "numpy")).ok().flatten();
    numpy.is_some_and(|numpy| {
        let class = numpy.getattr(class);
        class
            .and_then(|class| object.get_type().is_subclass(&class))
            .unwrap_or(false)
    })
}

/// Whether this is exactly a `decimal.Decimal`, which has to be imported already to exist.
pub(super) fn is_decimal(object: &Bound<'_, PyAny>) -> bool {
    let py = object.py();
    let class = capi::modules(py)
        .get_item(intern!(py, "decimal"))
        .ok()
        .flatten()
        .and_then(|decimal| decimal.getattr(intern!(py, "Decimal")).ok());
    class.is_some_and(|class| object.get_type().is(&class))
}

/// Whether Java's BigDecimal has the number of this text: no NaN, no infinity, no negative zero, and an exponent of at
/// most nine digits.
pub(super) fn is_big_decimal(text: &str) -> bool {
    let (digits, exponent) = text.split_once('E').unwrap_or((text, ""));
    let number = digits.trim_start_matches('-');
    let zero = !number.contains(|c: char| ('1'..='9').contains(&c));
    number.starts_with(|c: char| c.is_ascii_digit())
        && !(zero && digits.starts_with('-'))
        && exponent.len() <= 10
}
