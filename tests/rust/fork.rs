// SPDX-License-Identifier: Apache-2.0
//! What becomes of the child of an `os.fork()`. In a binary of its own: the child has one thread of
//! the test's, and ends with the process.
#![cfg(unix)]

mod support;

use pyo3::prelude::*;
use python4j_core::{Error, Result, child, fork};
use support::{python, repr, run};

/// The exit status of a child that forks, goes on with this, and comes back to the caller.
fn status(py: Python<'_>, then: &str) -> String {
    let fork = format!(
        "import os, sys, warnings\nwarnings.simplefilter('ignore')\npid = os.fork()\nif not pid:\n    {then}"
    );
    let outcome = run(py, &fork);
    if fork::is_child() {
        leave(outcome);
    }
    outcome.expect("the parent goes on");
    run(py, "status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])").unwrap();
    repr(py, "status")
}

fn leave(outcome: Result<()>) -> ! {
    child::end(outcome.err().as_ref())
}

#[test]
fn a_child_that_comes_back_ends_with_a_status_of_its_own() {
    python(|py| {
        assert!(!fork::is_child());
        assert_eq!(status(py, "x = 1"), "70");
        assert_eq!(status(py, "raise ValueError('lost')"), "70");
    });
}

#[test]
fn a_child_that_exits_has_the_status_it_asked_for() {
    python(|py| {
        assert_eq!(status(py, "sys.exit(3)"), "3");
        assert_eq!(status(py, "sys.exit()"), "0");
        assert_eq!(status(py, "sys.exit('a text')"), "1");
        assert_eq!(status(py, "os._exit(7)"), "7");
    });
}

#[test]
fn the_parent_is_no_child() {
    python(|py| {
        status(py, "os._exit(0)");
        assert!(!fork::is_child());
        assert!(matches!(run(py, "1 / 0"), Err(Error::Python { .. })));
    });
}
