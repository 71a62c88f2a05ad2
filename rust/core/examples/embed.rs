// SPDX-License-Identifier: Apache-2.0
//! The core used from plain Rust: start CPython, run a text, read a variable.
//! Usage: embed /path/to/python3 (with that Python's libpython in the process, see CONTRIBUTING.md).

use python4j_core::interpreter::{self, Config};
use python4j_core::{context, exec, gil};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let program = std::env::args()
        .nth(1)
        .ok_or("the path of a python executable is missing")?;
    interpreter::start(&Config {
        program,
        initialize: true,
        release: true,
        ..Config::default()
    })?;
    let code = "import sys\nanswer = sys.version";
    let mut request = vec![0];
    request.extend((code.len() as u32).to_le_bytes());
    request.extend(code.as_bytes());
    request.extend([0; 8]); // no inputs, no outputs
    gil::with(|py| -> Result<(), Box<dyn std::error::Error>> {
        exec::run(py, &request, 0, 0)?;
        let answer = context::globals(py)?;
        println!(
            "{}",
            pyo3::types::PyDictMethods::get_item(&answer, "answer")?.ok_or("answer was set")?
        );
        Ok(())
    })
}
