// SPDX-License-Identifier: Apache-2.0
//! numpy arrays over foreign memory, and the memory of numpy arrays. Plain buffers are in `buffer.rs`. The
//! first use of anything here imports numpy, which may be missing.

use crate::buffer::{self, Element, Layout, Memory};
use crate::error::describe;
use crate::handle::{self, Frame, Handle};
use crate::script::tool;
use crate::{Error, Result, capi};
use numpy::npyffi::{NPY_ARRAY_WRITEABLE, NPY_TYPES, NpyTypes, PY_ARRAY_API, get_type_object};
use numpy::{PyArrayDescrMethods, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyCapsule, PyTuple};
use std::ffi::c_int;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The code that stands for text, whose memory does not cross, in the place of an element's.
pub const TEXT: i64 = b'U' as i64;

const NOT_AN_ARRAY: &str =
    "Object is not a numpy array! Use Python.ndarray() to convert object to a numpy array.";

/// Imports numpy unless that is done. Where it is missing, the error names the interpreter and says
/// how to get it.
pub fn import(py: Python<'_>) -> Result<()> {
    static READY: PyOnceLock<()> = PyOnceLock::new();
    if READY.get(py).is_some() {
        return Ok(());
    }
    if let Err(raised) = c_api(py) {
        let executable = py.import("sys")?.getattr("executable")?;
        let why = describe(raised.value(py).as_any());
        return Err(Error::Conversion {
            message: format!(
                "numpy cannot be imported by {executable} ({why}). Install it with \
                 PythonProcess.pipInstall(\"numpy\"), or have python4j-numpy and its dependencies, \
                 which bring one for the embedded interpreter, on the class path."
            ),
            cause: Some(Box::new(raised.into())),
        });
    }
    // The numpy crate panics when numpy's C API is not the one that it knows.
    // SAFETY: the GIL is held; asking for a type changes nothing.
    let asked = || unsafe { get_type_object(py, NpyTypes::PyArray_Type) };
    catch_unwind(AssertUnwindSafe(asked))
        .map_err(|_| Error::refused("This numpy's C API is of another version than 1.15 to 2.x."))?;
    READY.get_or_init(py, || ());
    Ok(())
}

/// numpy's C API. An installation that is damaged, or something else of that name, has none.
fn c_api(py: Python<'_>) -> PyResult<Bound<'_, PyCapsule>> {
    let version: String = py.import("numpy")?.getattr("__version__")?.extract()?;
    let module = match version.starts_with("1.") {
        true => "numpy.core.multiarray",
        false => "numpy._core.multiarray",
    };
    Ok(py.import(module)?.getattr("_ARRAY_API")?.cast_into()?)
}

/// An array over foreign memory. The owner lives until Python has freed the array and every view of
/// it. `ctypes` makes the array without numpy's C API.
pub fn make<'py>(
    py: Python<'py>,
    memory: Memory,
    owner: impl Send + 'static,
    ctypes: bool,
) -> Result<Bound<'py, PyAny>> {
    import(py)?;
    if ctypes {
        return through_ctypes(py, memory, owner);
    }
    let (address, writeable) = (memory.address, !memory.read_only);
    let (mut shape, mut strides) = (memory.shape.clone(), memory.strides.clone());
    let number = type_number(memory.element) as c_int;
    let exporter = buffer::share(py, memory, owner)?;
    // An array without elements may have no address: numpy then allocates for it.
    // SAFETY: the GIL is held, the C API is there since `import`. NewFromDescr takes over the dtype, copies shape and
    // strides, and sees data that the exporter keeps; SetBaseObject takes over the exporter, also when it fails.
    unsafe {
        let dtype = PY_ARRAY_API.PyArray_DescrFromType(py, number);
        let array = PY_ARRAY_API.PyArray_NewFromDescr(
            py,
            get_type_object(py, NpyTypes::PyArray_Type),
            dtype,
            shape.len() as c_int,
            shape.as_mut_ptr(),
            strides.as_mut_ptr(),
            address as *mut _,
            if writeable { NPY_ARRAY_WRITEABLE } else { 0 },
            std::ptr::null_mut(),
        );
        let array = Bound::from_owned_ptr_or_err(py, array)?;
        if PY_ARRAY_API.PyArray_SetBaseObject(py, array.as_ptr().cast(), exporter.into_ptr()) != 0 {
            return Err(PyErr::fetch(py).into());
        }
        Ok(array)
    }
}

fn type_number(element: Element) -> NPY_TYPES {
    let long_is_64 = size_of::<std::ffi::c_long>() == 8;
    match element {
        Element::Bool => NPY_TYPES::NPY_BOOL,
        Element::Int8 => NPY_TYPES::NPY_BYTE,
        Element::UInt8 => NPY_TYPES::NPY_UBYTE,
        Element::Int16 => NPY_TYPES::NPY_SHORT,
        Element::UInt16 => NPY_TYPES::NPY_USHORT,
        Element::Int32 => NPY_TYPES::NPY_INT,
        Element::UInt32 => NPY_TYPES::NPY_UINT,
        Element::Int64 if long_is_64 => NPY_TYPES::NPY_LONG,
        Element::Int64 => NPY_TYPES::NPY_LONGLONG,
        Element::UInt64 if long_is_64 => NPY_TYPES::NPY_ULONG,
        Element::UInt64 => NPY_TYPES::NPY_ULONGLONG,
        Element::Float16 => NPY_TYPES::NPY_HALF,
        Element::Float32 => NPY_TYPES::NPY_FLOAT,
        Element::Float64 => NPY_TYPES::NPY_DOUBLE,
    }
}

fn through_ctypes<'py>(
    py: Python<'py>,
    memory: Memory,
    owner: impl Send + 'static,
) -> Result<Bound<'py, PyAny>> {
    let (low, length) = memory.extent().unwrap_or((memory.address, 0));
    let bytes = Memory {
        address: low,
        element: Element::UInt8,
        shape: vec![length as isize],
        strides: vec![1],
        read_only: false, // ctypes accepts nothing else; the array is what Python code sees
    };
    let dtype = format!("{}{}", memory.element.kind() as char, memory.element.size());
    let arguments = (
        buffer::share(py, bytes, owner)?,
        length,
        PyTuple::new(py, &memory.shape)?,
        dtype,
        memory.address - low,
        PyTuple::new(py, &memory.strides)?,
        !memory.read_only,
    );
    Ok(tool(py, "array", "through_ctypes")?.call1(arguments)?)
}

/// The memory of an array, and the object that keeps it: the array itself or, where the memory could
/// not be read as it is, a copy.
///
/// Copied are foreign byte order, addresses and strides that are no multiples of the element,
/// negative strides, elements that stand for several (stride 0), and read-only mapped files: a
/// caller who cannot be kept from writing would take the process down. Text has only its shape; see
/// [`TEXT`].
pub fn view<'py>(object: &Bound<'py, PyAny>) -> Result<(Bound<'py, PyAny>, Layout)> {
    let py = object.py();
    // Before numpy is imported there is no array, and nothing to import it for.
    if capi::modules(py).get_item("numpy")?.is_none() {
        return Err(Error::refused(NOT_AN_ARRAY));
    }
    import(py)?;
    let array = object
        .cast::<PyUntypedArray>()
        .map_err(|_| Error::refused(NOT_AN_ARRAY))?;
    let layout = layout(array)?;
    if layout.element.is_none() || !must_copy(array, &layout)? {
        return Ok((object.clone(), layout));
    }
    let native = array.dtype().call_method1("newbyteorder", ("=",))?;
    // The method and the class of ndarray itself: a subclass may give anything, itself too.
    let arguments = (array, native, "K", "unsafe", false);
    let copy = py
        .get_type::<PyUntypedArray>()
        .call_method1("astype", arguments)?;
    let layout = self::layout(copy.cast::<PyUntypedArray>().map_err(PyErr::from)?)?;
    Ok((copy, layout))
}

fn layout(array: &Bound<'_, PyUntypedArray>) -> Result<Layout> {
    let dtype = array.dtype();
    let (kind, size) = (dtype.kind(), dtype.itemsize());
    let element = Element::of(kind, size);
    if element.is_none() && !is_text(kind) {
        return Err(unsupported(&dtype));
    }
    let shape: Vec<isize> = array.shape().iter().map(|n| *n as isize).collect();
    buffer::length(&shape, size)?;
    // SAFETY: the GIL is held and the array is alive; the fields are the ones numpy's own macros read.
    let (address, flags) = unsafe {
        let fields = &(*array.as_array_ptr()).fields;
        (fields.data as usize, fields.flags)
    };
    Ok(Layout {
        address,
        element,
        size,
        read_only: flags & NPY_ARRAY_WRITEABLE == 0,
        swapped: dtype.is_native_byteorder() == Some(false),
        shape,
        strides: array.strides().to_vec(),
    })
}

/// Fixed-width text and numpy 2's `StringDType`.
fn is_text(kind: u8) -> bool {
    matches!(kind, b'U' | b'T')
}

fn must_copy(array: &Bound<'_, PyUntypedArray>, layout: &Layout) -> Result<bool> {
    let size = layout.size as isize;
    let crooked = |(count, stride): (&isize, &isize)| *count > 1 && (*stride <= 0 || stride % size != 0);
    let dimensions = || layout.shape.iter().zip(&layout.strides);
    if layout.shape.contains(&0) {
        return Ok(false);
    }
    Ok(layout.swapped
        || layout.address % layout.size != 0
        || dimensions().any(crooked)
        || layout.read_only
            && tool(array.py(), "array", "in_mapped_file")?
                .call1((array,))?
                .is_truthy()?)
}

fn unsupported(dtype: &Bound<'_, numpy::PyArrayDescr>) -> Error {
    let advice = match dtype.kind() {
        b'V' => "hand over one field, array['name'], which shares its memory",
        b'O' => {
            "its elements are Python objects: convert them with array.astype(float), say, or array.tolist()"
        }
        b'c' => "hand over array.real and array.imag, which share its memory",
        b'M' | b'm' => "hand over array.view('int64'), which shares its memory",
        _ => "convert it with array.astype(float), say",
    };
    let why = format!("No type of ours has elements like numpy's {dtype}: {advice}.");
    Error::Conversion {
        message: format!("Unsupported array data type: {}", dtype.num()),
        cause: Some(Box::new(PyTypeError::new_err(why).into())),
    }
}

/// For Java: [`make`] with a handle as the result.
pub fn give(
    py: Python<'_>,
    memory: Memory,
    owner: impl Send + 'static,
    ctypes: bool,
    frame: Frame,
) -> Result<Handle> {
    Ok(handle::give(make(py, memory, owner, ctypes)?, frame))
}

/// For Java: the array behind a handle, or one over the memory of the object there.
pub fn again(py: Python<'_>, object: Handle, frame: Frame) -> Result<Handle> {
    import(py)?;
    let array = py
        .import("numpy")?
        .call_method1("asarray", (handle::lend(py, object)?,))?;
    Ok(handle::give(array, frame))
}

/// For Java: [`view`] of a handle, packed. The handle in it belongs to no frame.
pub fn lend(py: Python<'_>, array: Handle) -> Result<Vec<i64>> {
    let (keeper, layout) = view(&handle::lend(py, array)?)?;
    let text = layout.element.is_none();
    let mut packed = layout.packed(handle::give(keeper, handle::NO_FRAME));
    if text {
        packed[2] = TEXT;
    }
    Ok(packed)
}
