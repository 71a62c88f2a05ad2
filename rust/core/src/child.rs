// SPDX-License-Identifier: Apache-2.0
//! Ends a forked child that returns to its caller, because the child has no JVM (`fork.rs`).

use crate::error::shown;
use crate::fork::NO_JAVA;
use crate::tools::tools;
use crate::{Error, gil};
use pyo3::exceptions::PySystemExit;
use pyo3::prelude::*;

/// The status of a child that came back without having been told to exit.
const CAME_BACK: i32 = 70;

/// Ends the child as Python would: with the status of a `SystemExit`, or with a traceback.
pub fn end(error: Option<&Error>) -> ! {
    let status = gil::with(|py| status(py, error));
    // SAFETY: ends the process without running what was registered for the end of the parent.
    unsafe { libc::_exit(status) }
}

fn status(py: Python<'_>, error: Option<&Error>) -> i32 {
    let raised = match error {
        Some(Error::Python { raised, .. }) => Some(raised.value(py)),
        _ => None,
    };
    if let Some(exit) = raised.filter(|raised| raised.is_instance_of::<PySystemExit>()) {
        return match exit.getattr("code") {
            Ok(code) if code.is_none() => 0,
            Ok(code) => code.extract().unwrap_or_else(|_| {
                eprintln!("{}", shown(&code));
                1
            }),
            Err(_) => 1,
        };
    }
    if let (Some(raised), Ok(tools)) = (raised, tools()) {
        // A report that fails has nowhere to go.
        let _ = tools.report.bind(py).call1((raised,));
    }
    eprintln!("{NO_JAVA}");
    CAME_BACK
}
