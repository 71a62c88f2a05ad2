// SPDX-License-Identifier: Apache-2.0
//! The columns of tables by the Arrow C data interface, which every Python table supports: Python's columns for
//! Java to read, and columns that Java has filled for Python. `table.py` and `Tables.java` use them.

use crate::arrow_c::{self, Array, Keeper, Owned, Parts, Schema, Stream, Struct, capsule};
use crate::buffer::{self, Element, Memory};
use crate::handle::{self, Handle, NO_FRAME};
use crate::{Error, Result, gil};
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple};
use std::ffi::{CStr, CString, c_int, c_void};
use std::ptr;
use std::sync::Arc;

/// Moves out what a capsule has.
fn taken<S: Struct>(capsule: &Bound<'_, PyAny>) -> PyResult<Owned<S>> {
    arrow_c::taken(capsule).map_err(|error| match error {
        Error::Python { raised } => *raised,
        other => PyValueError::new_err(other.to_string()),
    })
}

/// Chunks of one column, or of the columns of a table. Their memory stays as long as this does.
#[pyclass(frozen, module = "python4j")]
pub(crate) struct Chunks {
    schema: Owned<Schema>,
    arrays: Vec<Owned<Array>>,
}

#[pymethods]
impl Chunks {
    /// Of a capsule of a stream, which is read to its end, or of the two of a schema and an array.
    #[new]
    #[pyo3(signature = (first, second=None))]
    fn new(py: Python<'_>, first: &Bound<'_, PyAny>, second: Option<&Bound<'_, PyAny>>) -> PyResult<Self> {
        let Some(array) = second else {
            return Chunks::of_stream(py, first);
        };
        Chunks::of(taken(first)?, vec![taken(array)?])
    }

    /// Format, name, the parts in turn, and what stands behind the numbers of a dictionary.
    #[getter]
    fn schema<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        describe_schema(py, &self.schema.0)
    }

    /// For each chunk: length, offset, number of nulls, addresses, the parts, the dictionary.
    #[getter]
    fn arrays<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let all = self.arrays.iter();
        all.map(|array| describe_array(py, &array.0)).collect()
    }
}

impl Chunks {
    fn of(schema: Owned<Schema>, arrays: Vec<Owned<Array>>) -> PyResult<Self> {
        for array in &arrays {
            array.0.check(&schema.0).map_err(raised)?;
        }
        Ok(Chunks { schema, arrays })
    }

    fn of_stream(py: Python<'_>, capsule: &Bound<'_, PyAny>) -> PyResult<Self> {
        let mut stream = taken(capsule)?;
        // Outside Python, since a stream may compute in threads of its own, which may want to enter.
        let read = gil::outside(py, || read_all(&mut stream));
        if let Some(raised) = PyErr::take(py) {
            return Err(raised); // of a generator behind the stream
        }
        let (schema, arrays) = read.map_err(PyRuntimeError::new_err)?;
        Chunks::of(schema, arrays)
    }
}

type Read = (Owned<Schema>, Vec<Owned<Array>>);

fn read_all(stream: &mut Owned<Stream>) -> std::result::Result<Read, String> {
    let (mut schema, mut arrays) = (Owned(Schema::empty()), Vec::new());
    // SAFETY: the stream is not released, and this thread alone reads it; what it fills in is empty before, and ours.
    let answer =
        (stream.0.get_schema).map_or(libc::ENOSYS, |get| unsafe { get(&mut stream.0, &mut schema.0) });
    asked(stream, answer)?;
    schema.0.check().map_err(|error| error.to_string())?;
    loop {
        let mut array = Owned(Array::empty());
        // SAFETY: as above.
        let answer =
            (stream.0.get_next).map_or(libc::ENOSYS, |get| unsafe { get(&mut stream.0, &mut array.0) });
        asked(stream, answer)?;
        if array.0.release().is_none() {
            return Ok((schema, arrays));
        }
        arrays.push(array);
    }
}

/// What a stream's function answered.
fn asked(stream: &mut Owned<Stream>, answer: c_int) -> std::result::Result<(), String> {
    if answer == 0 {
        return Ok(());
    }
    // SAFETY: the stream is not released; the text lives until the next call.
    unsafe {
        let text = (stream.0.get_last_error).map_or(ptr::null(), |error| error(&mut stream.0));
        Err(match text.is_null() {
            true => format!("The table could not be read (error {answer})."),
            false => CStr::from_ptr(text).to_string_lossy().into_owned(),
        })
    }
}

fn describe_schema<'py>(py: Python<'py>, schema: &Schema) -> PyResult<Bound<'py, PyAny>> {
    let parts: Vec<_> = (schema.children())
        .map(|part| describe_schema(py, part))
        .collect::<PyResult<_>>()?;
    let dictionary = schema.dictionary().map(|values| describe_schema(py, values));
    let known = if schema.is_known() { "" } else { "!" }; // then Java reads nothing of it
    let format = format!("{known}{}", schema.format());
    let described = (format, schema.name(), parts, dictionary.transpose()?);
    Ok(described.into_pyobject(py)?.into_any())
}

fn describe_array<'py>(py: Python<'py>, array: &Array) -> PyResult<Bound<'py, PyAny>> {
    let buffers: Vec<_> = array.buffers().iter().map(|buffer| *buffer as usize).collect();
    let parts: Vec<_> = (array.children())
        .map(|part| describe_array(py, part))
        .collect::<PyResult<_>>()?;
    let dictionary = array.dictionary().map(|values| describe_array(py, values));
    let (length, offset, nulls) = (array.length, array.offset, array.null_count);
    let described = (length, offset, nulls, buffers, parts, dictionary.transpose()?);
    Ok(described.into_pyobject(py)?.into_any())
}

// ---- for Python ----

/// What keeps the memory of columns, given back on whatever thread, which may be one that never enters Python.
struct Kept(Handle);

impl Drop for Kept {
    fn drop(&mut self) {
        handle::take_back_late(self.0);
    }
}

fn zero_ended(text: String) -> PyResult<CString> {
    CString::new(text).map_err(|_| PyValueError::new_err("The name of a column has a NUL character."))
}

/// The schema and the memory of a `Column` of table.py. Programs can reach what a column consists of, so buffers that are too
/// short for it are refused. `views` gets what keeps the memory in its place, whatever becomes of the column.
fn parts_of(
    column: &Bound<'_, PyAny>,
    views: &Bound<'_, PyList>,
    keeper: &Keeper,
) -> PyResult<(Owned<Schema>, Owned<Array>)> {
    let (mut addresses, mut sizes) = (Vec::new(), Vec::new());
    for buffer in column.getattr("buffers")?.cast_into::<PyTuple>()?.iter() {
        let mut place = (ptr::null(), 0);
        if !buffer.is_none() {
            let (view, layout) = buffer::view(&buffer).map_err(raised)?;
            place = (
                layout.address as *const c_void,
                view.getattr("nbytes")?.extract()?,
            );
            if !view.getattr("c_contiguous")?.extract::<bool>()? {
                return Err(PyValueError::new_err("The memory of a column has gaps."));
            }
            views.append(view)?;
        }
        addresses.push(place.0);
        sizes.push(place.1);
    }
    let parts = column.getattr("parts")?.cast_into::<PyTuple>()?;
    let parts = parts.iter().map(|part| parts_of(&part, views, keeper));
    let (schemas, children) = parts.collect::<PyResult<(Vec<_>, Vec<_>)>>()?;
    let schema = Schema::of(
        zero_ended(column.getattr("format")?.extract()?)?,
        zero_ended(column.getattr("name")?.extract()?)?,
        schemas,
    );
    let parts = Parts {
        length: column.getattr("length")?.extract()?,
        null_count: column.getattr("nulls")?.extract()?,
        buffers: addresses,
        children,
        dictionary: None,
    };
    let array = parts.array(Arc::clone(keeper));
    array.0.check_sizes(&schema.0, &sizes).map_err(raised)?;
    Ok((schema, array))
}

/// The capsules of `__arrow_c_array__` for a `Column` of table.py.
#[pyfunction]
fn capsules<'py>(column: &Bound<'py, PyAny>) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
    let py = column.py();
    let views = PyList::empty(py);
    let keeper: Keeper = Arc::new(Kept(handle::give(views.clone().into_any(), NO_FRAME)));
    let (schema, array) = parts_of(column, &views, &keeper)?;
    // Whatever nobody moves out of a capsule is released with it.
    Ok((capsule(py, schema)?, capsule(py, array)?))
}

/// The bytes of a piece of memory, which `keep` keeps where it is.
#[pyfunction]
fn memory(py: Python<'_>, keep: Py<PyAny>, address: usize, length: i64) -> PyResult<Bound<'_, PyAny>> {
    let bytes = Memory::new(address, Element::UInt8 as u8, &[length, 1], true);
    bytes
        .and_then(|bytes| buffer::make(py, bytes, keep))
        .map_err(raised)
}

fn raised(error: Error) -> PyErr {
    match error {
        Error::Python { raised } => *raised,
        other => PyRuntimeError::new_err(other.to_string()),
    }
}

/// What `table.py` uses of this file.
pub(crate) fn offer(scope: &Bound<'_, PyDict>) -> Result<()> {
    let py = scope.py();
    scope.set_item("Chunks", py.get_type::<Chunks>())?;
    scope.set_item("memory", wrap_pyfunction!(memory, py)?)?;
    Ok(scope.set_item("capsules", wrap_pyfunction!(capsules, py)?)?)
}
