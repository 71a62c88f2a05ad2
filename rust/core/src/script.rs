// SPDX-License-Identifier: Apache-2.0
//! Our own Python files. They are part of this library and run inside CPython with builtins that user code does
//! not see. Their compiled code is cached, because compiling them costs a start milliseconds.

use crate::keys::Reference;
use crate::lines::Lines;
use crate::queue::Queue;
use crate::{Error, Result, capi, table};
use once_cell::sync::OnceCell;
use parking_lot::Mutex;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyCode, PyDict, PyModule};
use std::io::Write;
use std::path::{Path, PathBuf};

/// The one that runs at the start.
pub(crate) const BOOTSTRAP: (&str, &str) = ("bootstrap", include_str!("bootstrap.py"));

/// The others. Each runs once, when something of it is first needed.
const FILES: [(&str, &str); 12] = [
    ("array", include_str!("array.py")),
    ("convert", include_str!("convert.py")),
    ("debugger", include_str!("debugger.py")),
    ("files", include_str!("files.py")),
    ("inspect", include_str!("inspect.py")),
    ("output", include_str!("output.py")),
    ("proxies", include_str!("proxies.py")),
    ("stacks", include_str!("stacks.py")),
    ("table", include_str!("table.py")),
    ("tasks", include_str!("tasks.py")),
    ("threading", include_str!("threading.py")),
    ("waits", include_str!("waits.py")),
];

static FILES_RUN: Mutex<Vec<(&str, Py<PyDict>)>> = Mutex::new(Vec::new());

/// Where compiled files are kept: a folder of this very library that only this user can write.
static FOLDER: OnceCell<PathBuf> = OnceCell::new();

/// Python's builtins as they were at the start, for our own files: users change the real ones.
static BUILTINS: OnceCell<Py<PyDict>> = OnceCell::new();

/// Keeps compiled files in that folder from now on.
pub(crate) fn keep_in(folder: &str) {
    let _ = FOLDER.set(PathBuf::from(folder)); // the first start's stays
}

/// Something that one of our Python files defines.
pub fn tool<'py>(py: Python<'py>, file: &str, name: &str) -> Result<Bound<'py, PyAny>> {
    let unknown = || Error::refused(format!("There is no {name} in {file}.py."));
    let run_already = FILES_RUN
        .lock()
        .iter()
        .find(|(known, _)| *known == file)
        .map(|(_, scope)| scope.bind(py).clone());
    let scope = match run_already {
        Some(scope) => scope,
        None => {
            let file = FILES
                .iter()
                .find(|(known, _)| *known == file)
                .ok_or_else(unknown)?;
            let scope = PyDict::new(py);
            scope.set_item("Reference", py.get_type::<Reference>())?;
            if file.0 == "table" {
                table::offer(&scope)?;
            }
            if file.0 == "output" {
                scope.set_item("Lines", py.get_type::<Lines>())?;
            }
            if file.0 == "tasks" {
                scope.set_item("Queue", py.get_type::<Queue>())?;
                scope.set_item("JavaObject", tool(py, "proxies", "JavaObject")?)?;
            }
            run(*file, &scope)?;
            FILES_RUN.lock().push((file.0, scope.clone().unbind()));
            scope
        }
    };
    scope.get_item(name)?.ok_or_else(unknown)
}

/// Runs a file, given by name and text, in a namespace.
pub(crate) fn run((name, text): (&str, &str), scope: &Bound<'_, PyDict>) -> Result<()> {
    let py = scope.py();
    let builtins = BUILTINS
        .get_or_try_init(|| Ok::<_, PyErr>(PyModule::import(py, "builtins")?.dict().copy()?.unbind()))?;
    scope.set_item("__name__", "python4j")?;
    scope.set_item("__builtins__", builtins)?;
    capi::run(&code(py, name, text)?, scope)?;
    Ok(())
}

/// The compiled file, from the folder if this version of Python has compiled it before.
fn code<'py>(py: Python<'py>, name: &str, text: &str) -> PyResult<Bound<'py, PyCode>> {
    let marshal = PyModule::import(py, "marshal")?;
    let magic = PyModule::import(py, "_frozen_importlib_external")?.getattr("MAGIC_NUMBER")?;
    let magic: &[u8] = magic.extract()?;
    let file = FOLDER
        .get()
        .map(|folder| folder.join(format!("{name}.{}.pyc", hexadecimal(magic))));
    if let Some(code) = file.as_ref().and_then(|file| kept_code(&marshal, file, magic)) {
        return Ok(code);
    }
    let code = PyModule::import(py, "builtins")?
        .call_method1("compile", (text, format!("<python4j {name}>"), "exec", 0, true))?
        .cast_into::<PyCode>()?;
    if let Some(file) = file {
        let bytes = marshal.call_method1("dumps", (&code,))?;
        // Without the file the next start compiles again, nothing worse.
        let _ = keep(&file, magic, bytes.extract()?);
    }
    Ok(code)
}

fn kept_code<'py>(marshal: &Bound<'py, PyModule>, file: &Path, magic: &[u8]) -> Option<Bound<'py, PyCode>> {
    let bytes = std::fs::read(file).ok()?;
    let bytes = PyBytes::new(marshal.py(), bytes.strip_prefix(magic)?);
    marshal.call_method1("loads", (bytes,)).ok()?.cast_into().ok()
}

/// Writes aside and renames, since other processes read and write the same file.
fn keep(file: &Path, magic: &[u8], code: &[u8]) -> std::io::Result<()> {
    let aside = file.with_extension(std::process::id().to_string());
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options
        .open(&aside)
        .and_then(|mut out| out.write_all(&[magic, code].concat()))
        .and_then(|()| std::fs::rename(&aside, file));
    if written.is_err() {
        let _ = std::fs::remove_file(&aside);
    }
    written
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
