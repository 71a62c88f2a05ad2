// SPDX-License-Identifier: Apache-2.0
//! The columns of tables by the Arrow C data interface, which every Python table supports: Python's columns for
//! Java to read, and columns that Java has filled for Python. `table.py` and `Tables.java` use them.

use crate::buffer::{self, Element, Memory};
use crate::handle::{self, Handle, NO_FRAME};
use crate::{Error, Result, gil};
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyCapsuleMethods, PyDict, PyTuple};
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::{mem, ptr};

const SCHEMA: &CStr = c"arrow_schema";
const ARRAY: &CStr = c"arrow_array";
const STREAM: &CStr = c"arrow_array_stream";

/// `ArrowSchema` of the specification.
#[repr(C)]
struct Schema {
    format: *const c_char,
    name: *const c_char,
    metadata: *const c_char,
    flags: i64,
    n_children: i64,
    children: *mut *mut Schema,
    dictionary: *mut Schema,
    release: Option<unsafe extern "C" fn(*mut Schema)>,
    private: *mut c_void,
}

/// `ArrowArray` of the specification.
#[repr(C)]
struct Array {
    length: i64,
    null_count: i64,
    offset: i64,
    n_buffers: i64,
    n_children: i64,
    buffers: *mut *const c_void,
    children: *mut *mut Array,
    dictionary: *mut Array,
    release: Option<unsafe extern "C" fn(*mut Array)>,
    private: *mut c_void,
}

/// `ArrowArrayStream` of the specification.
#[repr(C)]
struct Stream {
    get_schema: unsafe extern "C" fn(*mut Stream, *mut Schema) -> c_int,
    get_next: unsafe extern "C" fn(*mut Stream, *mut Array) -> c_int,
    get_last_error: unsafe extern "C" fn(*mut Stream) -> *const c_char,
    release: Option<unsafe extern "C" fn(*mut Stream)>,
    private: *mut c_void,
}

const NULLABLE: i64 = 2;

/// What has a callback that gives its contents back; without one it is empty.
trait Released {
    fn release(&mut self);
    fn empty() -> Self;
    fn is_empty(&self) -> bool;
}

macro_rules! released {
    ($kind:ty) => {
        impl Released for $kind {
            fn release(&mut self) {
                if let Some(release) = self.release {
                    // SAFETY: who filled it in says that this gives it back, once; it sets `release` to nothing.
                    unsafe { release(self) }
                }
            }

            fn empty() -> Self {
                // SAFETY: all fields are numbers, pointers or optional functions, for which zero is a value.
                unsafe { mem::zeroed() }
            }

            fn is_empty(&self) -> bool {
                self.release.is_none()
            }
        }
    };
}

released!(Schema);
released!(Array);

/// One that is ours, and given back when this is dropped. It may be moved, as the specification says.
#[repr(transparent)]
struct Own<T: Released>(T);

// SAFETY: the specification lets any thread read and release them.
unsafe impl<T: Released> Send for Own<T> {}
// SAFETY: nothing writes to them.
unsafe impl<T: Released> Sync for Own<T> {}

impl<T: Released> Own<T> {
    /// Moves out what a capsule has.
    fn take(capsule: &Bound<'_, PyCapsule>, name: &CStr) -> PyResult<Self> {
        let place: *mut T = capsule.pointer_checked(Some(name))?.as_ptr().cast();
        // SAFETY: a capsule of this name has one of these. An empty one in its place is how one moves it out.
        let taken = Own(unsafe { place.replace(T::empty()) });
        match taken.0.is_empty() {
            true => Err(PyValueError::new_err("The table has been read already.")),
            false => Ok(taken),
        }
    }
}

impl<T: Released> Drop for Own<T> {
    fn drop(&mut self) {
        self.0.release();
    }
}

/// Chunks of one column, or of the columns of a table. Their memory stays as long as this does.
#[pyclass(frozen, module = "python4j")]
pub(crate) struct Chunks {
    schema: Own<Schema>,
    arrays: Vec<Own<Array>>,
}

#[pymethods]
impl Chunks {
    /// Of a capsule of a stream, which is read to its end, or of the two of a schema and an array.
    #[new]
    #[pyo3(signature = (first, second=None))]
    fn new(
        py: Python<'_>,
        first: &Bound<'_, PyCapsule>,
        second: Option<&Bound<'_, PyCapsule>>,
    ) -> PyResult<Self> {
        let Some(array) = second else {
            return Chunks::of_stream(py, first);
        };
        let schema = Own::take(first, SCHEMA)?;
        let arrays = vec![Own::take(array, ARRAY)?];
        Ok(Chunks { schema, arrays })
    }

    /// Format, name, the parts in turn, and what stands behind the numbers of a dictionary.
    #[getter]
    fn schema<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        // SAFETY: it is filled in and ours.
        unsafe { describe_schema(py, &self.schema.0) }
    }

    /// For each chunk: length, offset, number of nulls, addresses, the parts, the dictionary.
    #[getter]
    fn arrays<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let all = self.arrays.iter();
        // SAFETY: they are filled in and ours.
        all.map(|array| unsafe { describe_array(py, &array.0) }).collect()
    }
}

impl Chunks {
    fn of_stream(py: Python<'_>, capsule: &Bound<'_, PyCapsule>) -> PyResult<Self> {
        let place = capsule.pointer_checked(Some(STREAM))?.as_ptr() as usize;
        // Outside Python, since a stream may compute in threads of its own, which may want to enter.
        let read = gil::outside(py, || {
            // SAFETY: the capsule has a stream, which this thread alone reads.
            unsafe { read_all(place as *mut Stream) }
        });
        if let Some(raised) = PyErr::take(py) {
            return Err(raised); // of a generator behind the stream
        }
        let (schema, arrays) = read.map_err(PyRuntimeError::new_err)?;
        Ok(Chunks { schema, arrays })
    }
}

/// # Safety
///
/// There is a stream in this place, and no other thread reads it.
unsafe fn read_all(stream: *mut Stream) -> std::result::Result<(Own<Schema>, Vec<Own<Array>>), String> {
    let (mut schema, mut arrays) = (Own(Schema::empty()), Vec::new());
    // SAFETY: as the caller says; what the stream fills in is empty before, and ours.
    unsafe {
        if (*stream).release.is_none() {
            return Err("The table has been read already.".into());
        }
        asked(stream, ((*stream).get_schema)(stream, &mut schema.0))?;
        loop {
            let mut array = Own(Array::empty());
            asked(stream, ((*stream).get_next)(stream, &mut array.0))?;
            if array.0.is_empty() {
                return Ok((schema, arrays));
            }
            arrays.push(array);
        }
    }
}

/// What a stream's function answered.
///
/// # Safety
///
/// The stream is one.
unsafe fn asked(stream: *mut Stream, answer: c_int) -> std::result::Result<(), String> {
    if answer == 0 {
        return Ok(());
    }
    // SAFETY: as the caller says; the text lives until the next call.
    unsafe {
        let text = ((*stream).get_last_error)(stream);
        Err(match text.is_null() {
            true => format!("The table could not be read (error {answer})."),
            false => CStr::from_ptr(text).to_string_lossy().into_owned(),
        })
    }
}

/// # Safety
///
/// The schema is filled in.
unsafe fn describe_schema<'py>(py: Python<'py>, schema: *const Schema) -> PyResult<Bound<'py, PyAny>> {
    let text = |place: *const c_char| match place.is_null() {
        true => String::new(),
        // SAFETY: a text of the schema ends with a zero.
        false => unsafe { CStr::from_ptr(place).to_string_lossy().into_owned() },
    };
    // SAFETY: by the specification there are so many children, filled in too, and a dictionary or none.
    unsafe {
        let parts: Vec<_> = (0..(*schema).n_children as usize)
            .map(|i| describe_schema(py, *(*schema).children.add(i)))
            .collect::<PyResult<_>>()?;
        let dictionary = (!(*schema).dictionary.is_null())
            .then(|| describe_schema(py, (*schema).dictionary))
            .transpose()?;
        let described = (text((*schema).format), text((*schema).name), parts, dictionary);
        Ok(described.into_pyobject(py)?.into_any())
    }
}

/// # Safety
///
/// The array is filled in.
unsafe fn describe_array<'py>(py: Python<'py>, array: *const Array) -> PyResult<Bound<'py, PyAny>> {
    // SAFETY: by the specification there are so many buffers and children, filled in too, and a dictionary or none.
    unsafe {
        let buffers: Vec<_> = (0..(*array).n_buffers as usize)
            .map(|i| *(*array).buffers.add(i) as usize)
            .collect();
        let parts: Vec<_> = (0..(*array).n_children as usize)
            .map(|i| describe_array(py, *(*array).children.add(i)))
            .collect::<PyResult<_>>()?;
        let dictionary = (!(*array).dictionary.is_null())
            .then(|| describe_array(py, (*array).dictionary))
            .transpose()?;
        let (length, offset, nulls) = ((*array).length, (*array).offset, (*array).null_count);
        let described = (length, offset, nulls, buffers, parts, dictionary);
        Ok(described.into_pyobject(py)?.into_any())
    }
}

// ---- for Python ----

/// Keeps what a column of ours consists of, until whoever has the column gives it back, on whatever thread.
struct Kept<T> {
    format: CString,
    name: CString,
    buffers: Vec<*const c_void>,
    children: Vec<*mut T>,
    column: Option<Handle>,
}

impl<T> Kept<T> {
    fn new() -> Self {
        Kept {
            format: CString::default(),
            name: CString::default(),
            buffers: Vec::new(),
            children: Vec::new(),
            column: None,
        }
    }
}

macro_rules! giving_back {
    ($name:ident, $kind:ty) => {
        /// # Safety
        ///
        /// The argument is one that was made here and was not released.
        unsafe extern "C" fn $name(place: *mut $kind) {
            // SAFETY: as the caller says: `private` is a box of ours, and the children are, unless they were moved out,
            // which leaves empty ones.
            unsafe {
                let kept = Box::from_raw((*place).private.cast::<Kept<$kind>>());
                for child in &kept.children {
                    Box::from_raw(*child).release();
                }
                if let Some(column) = kept.column {
                    handle::take_back_late(column); // this may be a thread that never enters Python
                }
                (*place).release = None;
            }
        }
    };
}

giving_back!(give_schema_back, Schema);
giving_back!(give_array_back, Array);

fn zero_ended(text: String) -> PyResult<CString> {
    CString::new(text).map_err(|_| PyValueError::new_err("The name of a column has a NUL character."))
}

/// The schema of a `Column` of table.py.
fn schema_of(column: &Bound<'_, PyAny>) -> PyResult<Own<Schema>> {
    let mut kept = Box::new(Kept::<Schema>::new());
    kept.format = zero_ended(column.getattr("format")?.extract()?)?;
    kept.name = zero_ended(column.getattr("name")?.extract()?)?;
    let parts = column.getattr("parts")?.cast_into::<PyTuple>()?;
    let children: Vec<_> = parts
        .iter()
        .map(|part| schema_of(&part))
        .collect::<PyResult<_>>()?;
    kept.children = children.into_iter().map(into_raw).collect();
    Ok(Own(Schema {
        format: kept.format.as_ptr(),
        name: kept.name.as_ptr(),
        metadata: ptr::null(),
        flags: NULLABLE,
        n_children: kept.children.len() as i64,
        children: kept.children.as_mut_ptr(),
        dictionary: ptr::null_mut(),
        release: Some(give_schema_back),
        private: Box::into_raw(kept).cast(),
    }))
}

/// The memory of a `Column` of table.py, which stays as long as it is used.
fn array_of(column: &Bound<'_, PyAny>) -> PyResult<Own<Array>> {
    let mut kept = Box::new(Kept::<Array>::new());
    let buffers = column.getattr("buffers")?.cast_into::<PyTuple>()?;
    for buffer in buffers.iter() {
        kept.buffers.push(match buffer.is_none() {
            true => ptr::null(),
            // The column keeps the memoryview, and this the column.
            false => buffer::view(&buffer).map_err(raised)?.1.address as *const c_void,
        });
    }
    let parts = column.getattr("parts")?.cast_into::<PyTuple>()?;
    let children: Vec<_> = parts
        .iter()
        .map(|part| array_of(&part))
        .collect::<PyResult<_>>()?;
    kept.children = children.into_iter().map(into_raw).collect();
    let (length, nulls) = (
        column.getattr("length")?.extract()?,
        column.getattr("nulls")?.extract()?,
    );
    kept.column = Some(handle::give(column.clone(), NO_FRAME));
    Ok(Own(Array {
        length,
        null_count: nulls,
        offset: 0,
        n_buffers: kept.buffers.len() as i64,
        n_children: kept.children.len() as i64,
        buffers: kept.buffers.as_mut_ptr(),
        children: kept.children.as_mut_ptr(),
        dictionary: ptr::null_mut(),
        release: Some(give_array_back),
        private: Box::into_raw(kept).cast(),
    }))
}

/// Moves it out of its owner, for a parent.
fn into_raw<T: Released>(mut own: Own<T>) -> *mut T {
    Box::into_raw(Box::new(mem::replace(&mut own.0, T::empty())))
}

/// The capsules of `__arrow_c_array__` for a `Column` of table.py.
#[pyfunction]
fn capsules<'py>(column: &Bound<'py, PyAny>) -> PyResult<(Bound<'py, PyCapsule>, Bound<'py, PyCapsule>)> {
    let py = column.py();
    // Whatever nobody moves out of a capsule is released with it.
    Ok((
        capsule(py, schema_of(column)?, SCHEMA)?,
        capsule(py, array_of(column)?, ARRAY)?,
    ))
}

fn capsule<'py, T: Released + 'static>(
    py: Python<'py>,
    own: Own<T>,
    name: &'static CStr,
) -> PyResult<Bound<'py, PyCapsule>> {
    PyCapsule::new_with_value(py, own, name)
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
