// SPDX-License-Identifier: Apache-2.0
//! What every Rust test uses: one CPython for the process, entered by one test at a time, and a
//! writer of packed requests that owes nothing to the reader under test.
#![allow(dead_code)] // each test binary uses its part

use parking_lot::{Mutex, MutexGuard};
use pyo3::prelude::*;
use python4j_core::interpreter::{self, Config};
use python4j_core::{Result, context, exec, gil};

static TURN: Mutex<()> = Mutex::new(());

/// Starts the interpreter that the build names and waits for this test's turn.
pub fn turn() -> MutexGuard<'static, ()> {
    let turn = TURN.lock();
    let program = std::env::var("PYTHON4J_TEST_PYTHON").expect("set by `./gradlew cargoTest`");
    interpreter::start(&Config {
        program,
        initialize: true,
        release: true,
        huge_pages: Some(true),
        ..Config::default()
    })
    .expect("CPython starts");
    turn
}

/// A test's body inside Python, in a context of its own.
pub fn python<R>(body: impl for<'py> FnOnce(Python<'py>) -> R) -> R {
    let _turn = turn();
    gil::with(|py| {
        context::switch(py, "test").expect("a context");
        context::reset(py, 0).expect("an empty context");
        let result = body(py);
        context::switch(py, context::MAIN).expect("main");
        context::delete(py, "test").expect("deletable");
        assert!(PyErr::take(py).is_none(), "no error stays pending");
        result
    })
}

/// A request in the making.
#[derive(Default)]
pub struct Request(pub Vec<u8>);

impl Request {
    pub fn u8(mut self, value: u8) -> Self {
        self.0.push(value);
        self
    }

    pub fn u32(mut self, value: usize) -> Self {
        self.0.extend((value as u32).to_le_bytes());
        self
    }

    pub fn text(self, text: &str) -> Self {
        let mut request = self.u32(text.len());
        request.0.extend(text.as_bytes());
        request
    }

    pub fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend(bytes);
        self
    }
}

/// The packed int, str and handle.
pub fn int(value: i64) -> Vec<u8> {
    Request::default().u8(3).raw(&value.to_le_bytes()).0
}

pub fn str(text: &str) -> Vec<u8> {
    Request::default().u8(6).text(text).0
}

pub fn handle(handle: u64) -> Vec<u8> {
    Request::default().u8(15).raw(&handle.to_le_bytes()).0
}

/// Runs text with inputs and outputs.
pub fn run_with(
    py: Python<'_>,
    mode: u8,
    code: &str,
    inputs: &[(&str, Vec<u8>)],
    outputs: &[(&str, u8)],
) -> Result<Option<Vec<u8>>> {
    let mut request = Request::default().u8(mode).text(code).u32(inputs.len());
    for (name, value) in inputs {
        request = request.text(name).raw(value);
    }
    request = request.u32(outputs.len());
    for (name, wanted) in outputs {
        request = request.text(name).u8(*wanted);
    }
    exec::run(py, &request.0, 0, 0)
}

/// Runs text as a program.
pub fn run(py: Python<'_>, code: &str) -> Result<()> {
    run_with(py, 0, code, &[], &[]).map(|_| ())
}

/// `repr` of an expression in the current context.
pub fn repr(py: Python<'_>, expression: &str) -> String {
    let globals = context::globals(py).expect("started");
    let code = std::ffi::CString::new(expression).expect("no NUL");
    py.eval(&code, Some(&globals), None)
        .expect(expression)
        .repr()
        .expect(expression)
        .to_string()
}
