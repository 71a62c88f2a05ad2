// SPDX-License-Identifier: Apache-2.0
//! The report of an exception for Java: the packed fields from which a `PythonException` is made. `error.rs`
//! lists the kinds of errors.
//!
//! A report is a list of the fields of [`Field`], in their order.

use crate::error::{shown, shown_text, text};
use crate::handle::{self, Frame, Handle};
use crate::pack::Writer;
use crate::tools::{Tools, tools};
use crate::{Error, Result, callback, capi, inject};
use pyo3::exceptions::{PyBaseException, PyImportError, PySyntaxError, PySystemExit};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};

/// The fields of a report, which Java's `Report` names as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub enum Field {
    /// What the Java exception says: `TypeName: text`.
    Message,
    /// The name of the exception's class; empty where Python raised nothing, as are module and text.
    Class,
    /// The class's module.
    Module,
    /// `str(exception)`.
    Text,
    /// What decides on the Java class, see `kind`; empty for the general one.
    Kind,
    /// File, function and line in turn, the innermost frame first.
    Frames,
    /// The exception object, for a caller in another process the text of its traceback; None where Python raised nothing.
    Exception,
    /// It depends on the kind: the code of a `SystemExit`; file, line, column and text of a `SyntaxError`; the key of a Java
    /// exception; the name of the module that could not be imported.
    Detail,
    /// The report of the cause, or None.
    Cause,
    /// The reports of a group's members.
    Suppressed,
    /// Texts.
    Notes,
}

impl Field {
    /// How many there are.
    pub const COUNT: usize = Field::Notes as usize + 1;
}

/// A report that is being written, field by field.
struct Report<'a, 'py> {
    writer: &'a mut Writer<'py>,
    written: usize,
}

impl<'a, 'py> Report<'a, 'py> {
    fn new(writer: &'a mut Writer<'py>) -> Result<Self> {
        writer.list_of(Field::COUNT)?;
        Ok(Report { writer, written: 0 })
    }

    /// Where the next field is to be written, which must be this one.
    fn field(&mut self, field: Field) -> &mut Writer<'py> {
        debug_assert_eq!(field as usize, self.written);
        self.written += 1;
        self.writer
    }
}

/// How long a chain of causes, and how deep a tree of groups, is followed.
const MAX_CHAIN: usize = 16;
/// How many exceptions one report tells of in all: a group in which one exception stands many times,
/// on each level, has more members than memory.
const MAX_EXCEPTIONS: usize = 256;
/// How many notes of an exception are reported: they may come from an iterator without end.
const MAX_NOTES: usize = 64;
/// How many frames of a traceback are reported: the outermost ones and the innermost ones.
const OUTER_FRAMES: usize = 16;
const INNER_FRAMES: usize = 112;
/// How many bytes of a report there may be before it tells of another exception or note.
const MAX_BYTES: usize = 1 << 26;
/// The same for one with the text of its traceback, in which those of its causes stand as well.
const MAX_TRACEBACKS: usize = 1 << 20;
/// How long most reports are.
const USUAL: usize = 512;

/// The packed report of an error; the exception objects in it are Java's from then on, in that frame.
pub fn report(py: Python<'_>, error: &Error, frame: Frame) -> Result<Vec<u8>> {
    inject::point();
    let mut writer = Writer::with_room(py, frame, USUAL);
    write_error(&mut writer, error)?;
    Ok(writer.finish())
}

/// The packed report of an exception object.
pub fn report_of(py: Python<'_>, handle: Handle, frame: Frame) -> Result<Vec<u8>> {
    let exception = handle::lend(py, handle)?;
    let Ok(exception) = exception.cast::<PyBaseException>() else {
        return Err(Error::refused(format!("Not an exception: {}", shown(&exception))));
    };
    let mut writer = Writer::with_room(py, frame, USUAL);
    write_exception(&mut writer, exception, MAX_CHAIN, &mut { MAX_EXCEPTIONS })?;
    Ok(writer.finish())
}

fn write_error<'py>(writer: &mut Writer<'py>, error: &Error) -> Result<()> {
    let cause = match error {
        Error::Python { raised } => {
            let exception = raised.value(writer.py());
            return write_exception(writer, exception, MAX_CHAIN, &mut { MAX_EXCEPTIONS });
        }
        Error::NotRun(cause) => Some(cause),
        Error::Conversion { cause, .. } => cause.as_ref(),
        _ => None,
    };
    let mut report = Report::new(writer)?;
    report.field(Field::Message).str(&error.to_string())?;
    for empty in [Field::Class, Field::Module, Field::Text, Field::Kind] {
        report.field(empty).str("")?;
    }
    report.field(Field::Frames).list_of(0)?;
    report.field(Field::Exception).none()?;
    report.field(Field::Detail).none()?;
    let writer = report.field(Field::Cause);
    match cause {
        Some(cause) => write_error(writer, cause)?,
        None => writer.none()?,
    }
    report.field(Field::Suppressed).list_of(0)?;
    report.field(Field::Notes).list_of(0)
}

/// `left` is how many exceptions the report may still tell of.
fn write_exception<'py>(
    writer: &mut Writer<'py>,
    exception: &Bound<'py, PyBaseException>,
    chain: usize,
    left: &mut usize,
) -> Result<()> {
    *left = left.saturating_sub(1);
    let class = exception.get_type();
    let name = class.name().map_or_else(|_| "Exception".into(), |n| text(&n));
    let module = class.module().map_or_else(|_| String::new(), |m| text(&m));
    let said = match exception.str() {
        Ok(said) => text(&said),
        Err(_) => "<exception str() failed>".into(),
    };
    let kind = kind(exception, &module);
    let mut report = Report::new(writer)?;
    report
        .field(Field::Message)
        .str(&[name.as_str(), ": ", &said].concat())?;
    report.field(Field::Class).str(&name)?;
    report.field(Field::Module).str(&module)?;
    report.field(Field::Text).str(&said)?;
    report.field(Field::Kind).str(kind)?;
    write_frames(report.field(Field::Frames), exception)?;
    write_object(report.field(Field::Exception), exception)?;
    write_detail(report.field(Field::Detail), exception, kind)?;
    let writer = report.field(Field::Cause);
    match cause(exception).filter(|_| chain > 0 && *left > 0 && writer.position() < MAX_BYTES) {
        Some(cause) => write_exception(writer, &cause, chain - 1, left)?,
        None => writer.none()?,
    }
    write_members(report.field(Field::Suppressed), exception, chain, left)?;
    write_notes(report.field(Field::Notes), exception)
}

/// The object, or what can only be found out where it is.
fn write_object<'py>(writer: &mut Writer<'py>, exception: &Bound<'py, PyBaseException>) -> Result<()> {
    if !writer.is_apart() {
        return writer.object(exception);
    }
    if writer.position() >= MAX_TRACEBACKS {
        return writer.str("");
    }
    let traceback = tools()?.traceback.bind(writer.py()).call1((exception,))?;
    writer.str(&shown(&traceback))
}

fn write_members<'py>(
    writer: &mut Writer<'py>,
    exception: &Bound<'py, PyAny>,
    chain: usize,
    left: &mut usize,
) -> Result<()> {
    writer.list_of(0)?;
    let count_at = writer.position() - 4;
    let mut count = 0;
    for member in members(exception).iter().flat_map(|tuple| tuple.iter()) {
        if chain == 0 || *left == 0 || writer.position() >= MAX_BYTES {
            break;
        }
        if let Ok(member) = member.cast() {
            write_exception(writer, member, chain - 1, left)?;
            count += 1;
        }
    }
    writer.set_u32(count_at, count);
    Ok(())
}

/// What callers handle differently; the Java class is chosen by it. Ours are in no module of Python's.
fn kind(exception: &Bound<'_, PyAny>, module: &str) -> &'static str {
    if exception.is_instance_of::<PySystemExit>() {
        "exit"
    } else if exception.is_instance_of::<PySyntaxError>() {
        "syntax"
    } else if exception.is_instance_of::<PyImportError>() {
        "import"
    } else if module == "builtins" {
        ""
    } else if callback::foreign_key(exception).is_some() {
        "java"
    } else if is_ours(exception, |tools| &tools.interrupted) {
        "interrupted"
    } else if is_ours(exception, |tools| &tools.timeout) {
        "timeout"
    } else {
        ""
    }
}

fn is_ours(exception: &Bound<'_, PyAny>, class: impl Fn(&Tools) -> &Py<PyAny>) -> bool {
    let py = exception.py();
    tools().is_ok_and(|tools| capi::is_instance(exception, class(tools).bind(py)))
}

/// Attributes of exceptions are whatever user code put there: one that cannot be read is absent.
fn attribute<'py>(object: &Bound<'py, PyAny>, name: &Bound<'py, PyString>) -> Option<Bound<'py, PyAny>> {
    object.getattr(name).ok().filter(|value| !value.is_none())
}

fn cause<'py>(exception: &Bound<'py, PyBaseException>) -> Option<Bound<'py, PyBaseException>> {
    let suppressed = || {
        attribute(exception, intern!(exception.py(), "__suppress_context__"))
            .is_some_and(|suppressed| suppressed.is_truthy().unwrap_or(false))
    };
    capi::cause(exception)
        .or_else(|| capi::context(exception).filter(|_| !suppressed()))
        .and_then(|cause| cause.cast_into().ok())
}

/// The exceptions of a group.
fn members<'py>(exception: &Bound<'py, PyAny>) -> Option<Bound<'py, PyTuple>> {
    let group = tools().ok()?.group.as_ref()?.bind(exception.py());
    if !capi::is_instance(exception, group) {
        return None;
    }
    attribute(exception, intern!(exception.py(), "exceptions"))?
        .cast_into::<PyTuple>()
        .ok()
}

fn write_notes<'py>(writer: &mut Writer<'py>, exception: &Bound<'py, PyAny>) -> Result<()> {
    let name = intern!(exception.py(), "__notes__");
    if !capi::has(exception, name) {
        return writer.list_of(0);
    }
    let notes: Vec<_> = attribute(exception, name)
        .and_then(|notes| notes.try_iter().ok())
        // Not past the first failure: an iterator that fails may do so for ever.
        .map(|notes| notes.map_while(|note| note.ok()).take(MAX_NOTES).collect())
        .unwrap_or_default();
    writer.list_of(0)?;
    let count_at = writer.position() - 4;
    let mut count = 0;
    for note in &notes {
        if writer.position() >= MAX_BYTES {
            break;
        }
        writer.str(&shown(note))?;
        count += 1;
    }
    writer.set_u32(count_at, count);
    Ok(())
}

fn write_detail<'py>(writer: &mut Writer<'py>, exception: &Bound<'py, PyAny>, kind: &str) -> Result<()> {
    let place = writer.position();
    let written = match kind {
        "exit" => match attribute(exception, intern!(exception.py(), "code")) {
            Some(code) => writer.value(&code),
            None => writer.none(),
        },
        "java" => {
            writer.int(callback::foreign_key(exception).unwrap_or(0) as i64);
            Ok(())
        }
        "import" => match attribute(exception, intern!(exception.py(), "name"))
            .and_then(|n| n.cast_into::<PyString>().ok())
        {
            Some(name) => writer.str(&text(&name)),
            None => writer.none(),
        },
        "syntax" => {
            writer.list_of(4)?;
            ["filename", "lineno", "offset", "text"]
                .iter()
                .try_for_each(
                    |name| match attribute(exception, &PyString::new(exception.py(), name)) {
                        Some(value) => writer.value(&value),
                        None => writer.none(),
                    },
                )
        }
        _ => writer.none(),
    };
    if written.is_err() {
        // A code that has no packed form: Java sees none and has the exception itself.
        writer.truncate(place);
        writer.none()?;
    }
    Ok(())
}

struct Place<'py> {
    file: Bound<'py, PyString>,
    function: Bound<'py, PyString>,
    line: i64,
}

fn write_frames<'py>(writer: &mut Writer<'py>, exception: &Bound<'py, PyBaseException>) -> Result<()> {
    let mut places = Vec::new();
    // CPython sees to it that tracebacks make no ring; other objects might, and end the loop.
    let mut next = capi::traceback(exception);
    while let Some((traceback, (frame, code))) = next.and_then(|t| capi::frame_of(&t).map(|f| (t, f))) {
        places.extend(place(&traceback, &code));
        forget_variables(&frame, &code);
        if places.len() > OUTER_FRAMES + INNER_FRAMES {
            places.remove(OUTER_FRAMES);
        }
        next = attribute(&traceback, intern!(traceback.py(), "tb_next"));
    }
    writer.list_of(places.len() * 3)?;
    for place in places.iter().rev() {
        writer.str(&shown_text(&place.file))?;
        writer.str(&shown_text(&place.function))?;
        writer.int(place.line);
    }
    Ok(())
}

/// Java may keep its exception for long; the variables of finished calls are not worth their memory.
///
/// A frame that still runs refuses, and keeps them. That of a generator has none once it is finished,
/// and one that only waits would be ended by this (before 3.13).
fn forget_variables(frame: &Bound<'_, PyAny>, code: &Bound<'_, PyAny>) {
    const GENERATORS: i64 = 0x20 | 0x80 | 0x200; // CO_GENERATOR, CO_COROUTINE, CO_ASYNC_GENERATOR
    let flags = attribute(code, intern!(code.py(), "co_flags"));
    if flags.is_some_and(|flags| flags.extract::<i64>().is_ok_and(|flags| flags & GENERATORS == 0)) {
        let _ = frame.call_method0(intern!(frame.py(), "clear"));
    }
}

fn place<'py>(traceback: &Bound<'py, PyAny>, code: &Bound<'py, PyAny>) -> Option<Place<'py>> {
    let py = traceback.py();
    let string = |name| attribute(code, name)?.cast_into::<PyString>().ok();
    Some(Place {
        file: string(intern!(py, "co_filename"))?,
        function: string(intern!(py, "co_qualname")).or_else(|| string(intern!(py, "co_name")))?,
        line: attribute(traceback, intern!(py, "tb_lineno")).map_or(-1, |line| line.extract().unwrap_or(-1)),
    })
}
