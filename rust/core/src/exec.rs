// SPDX-License-Identifier: Apache-2.0
//! Runs text in the current context with inputs and outputs.
//!
//! Text is compiled unchanged, see `texts.rs`. Running the same text again costs as much as CPython's own `exec(code,
//! globals)`.

use crate::handle::{Frame, Handle};
use crate::pack::{self, Reader, Wanted, Writer};
use crate::texts::{self, Kind};
use crate::tools::{Tools, tools};
use crate::{Error, Result, capi, context, handle, names, output, path, script};
use pyo3::prelude::*;
use pyo3::types::{PyCode, PyDict, PyFunction, PyModule, PyString, PyType};

/// What a request wants done with its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Run it as a program.
    Exec,
    /// The same; whatever fails, the error is the generic one.
    Simple,
    /// There is no text: only set inputs and read outputs.
    Variables,
    /// Evaluate it as an expression.
    Eval,
    /// Run code that was compiled before and stands in the place of the text.
    Code,
    /// Only compile it: the code is the answer.
    Compile,
    /// The same for a text with the name of a file, which follows it.
    Named,
    /// The same for a file, whose path stands in the place of the text.
    CompileFile,
    /// As `Code`, for code of a file, whose path follows it.
    File,
}

/// Runs one packed request: sets the inputs, runs the text, packs the outputs. `None` where there
/// is nothing to answer. `space` is whose globals these are, 0 for the current context.
///
/// Nothing is set when an input cannot be converted; when the code fails, what it did before stays.
pub fn run(py: Python<'_>, request: &[u8], frame: Frame, space: Handle) -> Result<Option<Vec<u8>>> {
    let mut reader = Reader::new(request);
    let mode = match reader.u8()? {
        0 => Mode::Exec,
        1 => Mode::Simple,
        2 => Mode::Variables,
        3 => Mode::Eval,
        4 => Mode::Code,
        5 => Mode::Compile,
        6 => Mode::Named,
        7 => Mode::CompileFile,
        8 => Mode::File,
        _ => return Err(Error::refused("Unknown mode of a request.")),
    };
    let code = match mode {
        Mode::Code | Mode::File => Some(capi::code(reader.value(py)?)?),
        _ => None,
    };
    let text = match code {
        Some(_) => &[],
        None => reader.bytes()?,
    };
    let file = match mode {
        Mode::Named | Mode::File => reader.bytes()?,
        _ => &[],
    };
    let globals = context::globals_of(py, space)?;
    read_inputs(py, &mut reader, &globals)?;
    let outputs = reader.clone();
    each_output(&mut reader, |_, _| Ok(()))?;
    reader.end()?;

    let mut writer = Writer::new(py, frame).in_parts();
    match mode {
        Mode::Variables => {}
        Mode::Exec => drop(run_text(py, text, Mode::Exec, &globals)?),
        Mode::Code | Mode::File => {
            if let Some(code) = &code {
                if mode == Mode::File {
                    let enter = script::tool(py, "files", "enter")?;
                    enter.call1((&globals, pack::string(py, file)?))?;
                }
                run_code(code, tools()?, &globals)?;
            }
        }
        Mode::Compile => writer.object(texts::code(py, text, Kind::Program)?.as_any())?,
        Mode::Named => writer.object(texts::named(py, text, file)?.as_any())?,
        Mode::CompileFile => writer.object(texts::of_program(py, text)?.as_any())?,
        Mode::Simple => {
            run_text(py, text, Mode::Simple, &globals).map_err(|error| texts::hide(py, error))?;
        }
        // As the builtin eval does: blanks before an expression are no indentation.
        Mode::Eval => {
            let text = text.trim_ascii_start();
            writer.object(&run_text(py, text, Mode::Eval, &globals)?)?;
        }
    }
    each_output(&mut { outputs }, |name, wanted| {
        write_output(py, &mut writer, &globals, name, wanted)
    })?;
    let reply = writer.finish();
    Ok((!reply.is_empty()).then_some(reply))
}

/// How many inputs and outputs [`run_few`] takes at most, each.
const FEW: usize = 4;

/// Runs compiled code. As [`run`] without inputs and outputs.
pub fn run_held(py: Python<'_>, code: Handle, space: Handle) -> Result<()> {
    let globals = context::globals_of(py, space)?;
    run_code(&code_of(py, code)?, tools()?, &globals)?;
    Ok(())
}

fn code_of(py: Python<'_>, code: Handle) -> Result<Bound<'_, PyCode>> {
    Ok(capi::code(handle::lend(py, code)?)?)
}

/// As [`run`] in the current context, for few small inputs and outputs: the request stands in the memory of [`pack::told`].
/// That is the code (0 for none), the number of inputs and in the upper half that of outputs, each input's name and value,
/// each output's name and wanted kind; code and names are handles. The outputs' values are left there. If one would
/// have to be converted, the first one is missing, and the caller asks for all of them. For [`stoppable_request`](crate::stop::stoppable_request).
pub fn run_few(py: Python<'_>) -> Result<()> {
    let mut request = pack::Asked::default();
    let (code, counts) = (request.word()?, request.word()?);
    let (inputs, outputs) = (counts as u32 as usize, (counts >> 32) as usize);
    if inputs.max(outputs) > FEW {
        return Err(Error::refused("Too many variables for a small request."));
    }
    let mut values = [const { None }; FEW];
    for value in &mut values[..inputs] {
        *value = Some((handle::lend(py, request.word()?)?, request.value(py)?));
    }
    // All of it is read before any code runs, which may make a request of its own.
    let mut names = [const { None }; FEW];
    for name in &mut names[..outputs] {
        *name = Some((
            handle::lend(py, request.word()?)?,
            Wanted::from_code(request.word()? as u8)?,
        ));
    }
    handle::free_late(py);
    let globals = context::globals(py)?;
    let code = (code != 0).then(|| code_of(py, code)).transpose()?;
    for (name, value) in values.into_iter().flatten() {
        globals.set_item(name, value)?;
    }
    if let Some(code) = code {
        run_code(&code, tools()?, &globals)?;
    }
    let mut at = 0;
    for (name, wanted) in names[..outputs].iter().flatten() {
        let value = globals.get_item(name)?;
        match value.and_then(|value| pack::tell_wanted(&value, *wanted, at)) {
            Some(next) => at = next,
            None => {
                pack::tell_missing();
                break;
            }
        }
    }
    Ok(())
}

fn read_inputs<'py>(py: Python<'py>, reader: &mut Reader<'_>, globals: &Bound<'py, PyDict>) -> Result<()> {
    let count = reader.u32()?;
    let mut inputs = Vec::with_capacity(count.min(16));
    for _ in 0..count {
        let bytes = reader.bytes()?;
        let name = names::name(py, bytes)?;
        if bytes == b"__builtins__" || !bytes.is_ascii() && name == "__builtins__" {
            return Err(Error::refused(
                "The name __builtins__ belongs to Python: every later call would fail.",
            ));
        }
        inputs.push((name, reader.value(py)?));
    }
    for (name, value) in inputs {
        globals.set_item(name, value)?;
    }
    Ok(())
}

/// The names and kinds of the outputs that a request asks for.
fn each_output(reader: &mut Reader<'_>, mut body: impl FnMut(&[u8], Wanted) -> Result<()>) -> Result<()> {
    for _ in 0..reader.u32()? {
        body(reader.bytes()?, Wanted::from_code(reader.u8()?)?)?;
    }
    Ok(())
}

fn write_output<'py>(
    py: Python<'py>,
    writer: &mut Writer<'py>,
    globals: &Bound<'py, PyDict>,
    name: &[u8],
    wanted: Wanted,
) -> Result<()> {
    let name = names::name(py, name)?;
    match (globals.get_item(&name)?, wanted) {
        (Some(object), _) => writer.wanted(&object, wanted),
        (None, Wanted::Object) => {
            writer.missing();
            Ok(())
        }
        (None, _) => Err(Error::refused(format!(
            "No variable named '{}' in context '{}'.",
            crate::error::text(&name),
            context::current()
        ))),
    }
}

/// The value of an expression in a space, 0 for the current context.
pub fn eval<'py>(py: Python<'py>, text: &str, space: Handle) -> Result<Bound<'py, PyAny>> {
    let globals = context::globals_of(py, space)?;
    run_text(py, text.trim_ascii_start().as_bytes(), Mode::Eval, &globals)
}

fn run_text<'py>(
    py: Python<'py>,
    text: &[u8],
    mode: Mode,
    globals: &Bound<'py, PyDict>,
) -> Result<Bound<'py, PyAny>> {
    let kind = match mode {
        Mode::Eval => Kind::Expression,
        _ => Kind::Program,
    };
    texts::with_code(py, text, kind, |code| run_code(code, tools()?, globals))
}

fn run_code<'py>(
    code: &Bound<'py, PyCode>,
    tools: &Tools,
    globals: &Bound<'py, PyDict>,
) -> Result<Bound<'py, PyAny>> {
    restore_builtins(tools, globals)?;
    path::follow(code.py())?;
    let result = capi::run(code, globals);
    let flushed = output::flush_replaced_streams(tools, code.py());
    let result = result?;
    flushed.and(Ok(result))
}

/// A program that deleted or replaced its `__builtins__` must not break the next one.
fn restore_builtins(tools: &Tools, globals: &Bound<'_, PyDict>) -> Result<()> {
    let py = globals.py();
    let (key, builtins) = (tools.builtins_key.bind(py), tools.builtins.bind(py));
    match globals.get_item(key)? {
        Some(now) if now.is(builtins) || now.is_instance_of::<PyDict>() => Ok(()),
        _ => Ok(globals.set_item(key, builtins)?),
    }
}

/// How many texts are kept compiled. Needs no Python.
pub fn kept() -> usize {
    texts::kept()
}

/// Every global of the current context that has a converter: packed count, then name, name of the
/// type, value.
///
/// Left out: names that begin with `_`, modules, functions and classes. An object of another type
/// goes as a handle with an empty type name, for types that the caller knows; a value of a known
/// type that cannot be converted goes as a missing one, for the caller to report.
pub fn variables(py: Python<'_>, frame: Frame, space: Handle) -> Result<Vec<u8>> {
    let globals = context::globals_of(py, space)?;
    let mut writer = Writer::new(py, frame).in_parts();
    let count_at = writer.position();
    writer.u32(0)?;
    let mut count = 0;
    // A copy, because packing can run Python code that changes the dict.
    for (name, value) in globals.copy()?.iter() {
        let Ok(name) = name.cast_into::<PyString>() else {
            continue;
        };
        let name = name.to_string_lossy();
        let skipped = value.is_instance_of::<PyModule>()
            || value.is_instance_of::<PyType>()
            || value.is_instance_of::<PyFunction>();
        if name.starts_with('_') || skipped {
            continue;
        }
        writer.bytes(name.as_bytes())?;
        match pack::built_in(&value) {
            None => {
                writer.bytes(b"")?;
                writer.object(&value)?;
            }
            Some(kind) => {
                writer.bytes(kind.as_bytes())?;
                let start = writer.position();
                match writer.value(&value) {
                    Err(error) if error.is_stop(py) => return Err(error),
                    Err(_) => {
                        writer.truncate(start);
                        writer.missing();
                    }
                    Ok(()) => {}
                }
            }
        }
        count += 1;
    }
    writer.set_u32(count_at, count);
    Ok(writer.finish())
}
