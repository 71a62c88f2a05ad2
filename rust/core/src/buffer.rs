// SPDX-License-Identifier: Apache-2.0
//! Memory that both sides see: foreign memory as a Python object whose views keep its owner alive, and the
//! memory of any object with the buffer protocol. numpy arrays are in `array.rs`.
//!
//! `abi3-py39` leaves the buffer protocol out, although every libpython from 3.9 to 3.14 exports it and supports its
//! slots. So this file declares it.

use crate::handle::{self, Frame, Handle};
use crate::{Error, Result};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyMemoryView, PyType};
use std::any::Any;
use std::ffi::{CStr, c_char, c_int, c_long, c_void};
use std::mem::{self, MaybeUninit};
use std::ptr;

/// `Py_buffer`, the same in 3.9 to 3.14.
#[repr(C)]
struct PyBuffer {
    buf: *mut c_void,
    obj: *mut ffi::PyObject,
    len: isize,
    itemsize: isize,
    readonly: c_int,
    ndim: c_int,
    format: *mut c_char,
    shape: *mut isize,
    strides: *mut isize,
    suboffsets: *mut isize,
    internal: *mut c_void,
}

unsafe extern "C" {
    fn PyObject_GetBuffer(object: *mut ffi::PyObject, view: *mut PyBuffer, flags: c_int) -> c_int;
    fn PyBuffer_Release(view: *mut PyBuffer);
}

const WRITABLE: c_int = 0x1;
const FORMAT: c_int = 0x4;
const ND: c_int = 0x8;
const STRIDES: c_int = 0x10 | ND;
const C_CONTIGUOUS: c_int = 0x20;
const F_CONTIGUOUS: c_int = 0x40;
const ANY_CONTIGUOUS: c_int = 0x80;
const RECORDS_RO: c_int = STRIDES | FORMAT;

/// A slot that the stable ABI's headers name from 3.11 on.
const BF_GETBUFFER: c_int = 1;

/// The type of an element that both sides know. The code is the letter of Python's `struct` with the
/// size it has there in standard mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
#[allow(missing_docs)]
pub enum Element {
    Bool = b'?',
    Int8 = b'b',
    UInt8 = b'B',
    Int16 = b'h',
    UInt16 = b'H',
    Int32 = b'i',
    UInt32 = b'I',
    Int64 = b'q',
    UInt64 = b'Q',
    Float16 = b'e',
    Float32 = b'f',
    Float64 = b'd',
}

/// C's `long`, and with it the letter of numpy's own 64-bit integers, is not the same everywhere.
const LONG_IS_64: bool = size_of::<c_long>() == 8;

impl Element {
    /// Every element type.
    pub const ALL: [Element; 12] = [
        Element::Bool,
        Element::Int8,
        Element::UInt8,
        Element::Int16,
        Element::UInt16,
        Element::Int32,
        Element::UInt32,
        Element::Int64,
        Element::UInt64,
        Element::Float16,
        Element::Float32,
        Element::Float64,
    ];

    /// The element type of a code that Java sends.
    pub fn from_code(code: u8) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|element| *element as u8 == code);
        found.ok_or_else(|| Error::refused(format!("Unknown element type: {code}")))
    }

    /// The element type of a numpy kind (`b`, `i`, `u` or `f`) and a size.
    pub fn of(kind: u8, size: usize) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|element| element.kind() == kind && element.size() == size)
    }

    /// The element type of a format in the notation of `struct`, and whether its bytes are swapped.
    /// Letters tell the kind only: the size of `l`, say, depends on the platform and the mode.
    pub fn of_format(format: &[u8], size: usize) -> Option<(Self, bool)> {
        let (order, letter) = match format {
            [letter] => (b'@', *letter),
            [order @ (b'@' | b'=' | b'<' | b'>' | b'!'), letter] => (*order, *letter),
            _ => return None,
        };
        let kind = match letter {
            b'?' => b'b',
            b'b' | b'h' | b'i' | b'l' | b'q' | b'n' => b'i',
            b'c' | b'B' | b'H' | b'I' | b'L' | b'Q' | b'N' => b'u',
            b'e' | b'f' | b'd' => b'f',
            _ => return None,
        };
        let foreign = if cfg!(target_endian = "little") {
            matches!(order, b'>' | b'!')
        } else {
            order == b'<'
        };
        Some((Self::of(kind, size)?, foreign && size > 1))
    }

    /// The kind in numpy's letters.
    pub fn kind(self) -> u8 {
        match self {
            Element::Bool => b'b',
            Element::Int8 | Element::Int16 | Element::Int32 | Element::Int64 => b'i',
            Element::UInt8 | Element::UInt16 | Element::UInt32 | Element::UInt64 => b'u',
            Element::Float16 | Element::Float32 | Element::Float64 => b'f',
        }
    }

    /// Bytes of one element.
    pub fn size(self) -> usize {
        match self {
            Element::Bool | Element::Int8 | Element::UInt8 => 1,
            Element::Int16 | Element::UInt16 | Element::Float16 => 2,
            Element::Int32 | Element::UInt32 | Element::Float32 => 4,
            Element::Int64 | Element::UInt64 | Element::Float64 => 8,
        }
    }

    /// The format of a buffer of these, in native mode.
    fn format(self) -> &'static CStr {
        match self {
            Element::Bool => c"?",
            Element::Int8 => c"b",
            Element::UInt8 => c"B",
            Element::Int16 => c"h",
            Element::UInt16 => c"H",
            Element::Int32 => c"i",
            Element::UInt32 => c"I",
            Element::Int64 if LONG_IS_64 => c"l",
            Element::Int64 => c"q",
            Element::UInt64 if LONG_IS_64 => c"L",
            Element::UInt64 => c"Q",
            Element::Float16 => c"e",
            Element::Float32 => c"f",
            Element::Float64 => c"d",
        }
    }
}

/// Foreign memory and how it is to be read.
#[derive(Debug)]
pub struct Memory {
    /// Where the element with only zeros as its index is.
    pub address: usize,
    /// What is there.
    pub element: Element,
    /// How many there are in each dimension.
    pub shape: Vec<isize>,
    /// How many bytes it is from one to the next in each dimension.
    pub strides: Vec<isize>,
    /// Whether Python may not write there.
    pub read_only: bool,
}

impl Memory {
    /// Checks what can be checked. `layout` is the shape and then the strides. That the memory is
    /// there, and stays as long as its owner, is the caller's word.
    pub fn new(address: usize, code: u8, layout: &[i64], read_only: bool) -> Result<Self> {
        let element = Element::from_code(code)?;
        let (shape, strides) = layout.split_at(layout.len() / 2);
        let narrow = |numbers: &[i64]| -> Result<Vec<isize>> {
            let narrowed = numbers.iter().map(|n| isize::try_from(*n));
            narrowed.collect::<std::result::Result<_, _>>().map_err(|_| {
                Error::refused(format!(
                    "Shape or strides beyond this machine's addresses: {numbers:?}"
                ))
            })
        };
        let memory = Memory {
            address,
            element,
            shape: narrow(shape)?,
            strides: narrow(strides)?,
            read_only,
        };
        if shape.len() != strides.len() || shape.iter().any(|n| *n < 0) {
            return Err(Error::refused(format!(
                "Not the shape and strides of an array: {layout:?}"
            )));
        }
        length(&memory.shape, memory.element.size())?;
        match memory.extent() {
            None => Err(larger_than_memory(&memory.shape)),
            Some((_, length)) if length > 0 && address == 0 => {
                Err(Error::refused("The address of the memory is null."))
            }
            Some(_) => Ok(memory),
        }
    }

    /// The lowest address that belongs to the memory and the number of bytes from there to the end;
    /// `None` where numbers overflow.
    pub fn extent(&self) -> Option<(usize, usize)> {
        if self.shape.contains(&0) {
            return Some((self.address, 0));
        }
        let (mut below, mut above) = (0isize, isize::try_from(self.element.size()).ok()?);
        for (count, stride) in self.shape.iter().zip(&self.strides) {
            let reach = (count - 1).checked_mul(*stride)?;
            if reach < 0 {
                below = below.checked_add(reach)?;
            } else {
                above = above.checked_add(reach)?;
            }
        }
        let low = self.address.checked_add_signed(below)?;
        Some((low, usize::try_from(above.checked_sub(below)?).ok()?))
    }

    /// Bytes of all elements, once each.
    fn length(&self) -> isize {
        length(&self.shape, self.element.size()).unwrap_or(0) // `new` saw to it that it is a number
    }

    fn contiguous(&self, reversed: bool) -> bool {
        let mut expected = self.element.size() as isize;
        let mut in_turn = |(count, stride): (&isize, &isize)| {
            let fits = *count == 1 || *stride == expected;
            expected *= count;
            fits
        };
        let mut dimensions = self.shape.iter().zip(&self.strides);
        self.shape.contains(&0)
            || if reversed {
                dimensions.all(&mut in_turn)
            } else {
                dimensions.rev().all(&mut in_turn)
            }
    }
}

/// Bytes of all elements of a shape, once each, also where one stands for several (stride 0). Both sides count
/// elements, so their number has to be one even where they have no size.
pub(crate) fn length(shape: &[isize], size: usize) -> Result<isize> {
    if shape.contains(&0) {
        return Ok(0);
    }
    let elements = shape
        .iter()
        .try_fold(1isize, |product, count| product.checked_mul(*count));
    elements
        .and_then(|elements| elements.checked_mul(isize::try_from(size).ok()?))
        .ok_or_else(|| larger_than_memory(shape))
}

fn larger_than_memory(shape: &[isize]) -> Error {
    Error::refused(format!("Shape {shape:?} is larger than memory."))
}

/// What an exporter keeps: the memory, and whatever keeps the memory.
struct Shared {
    memory: Memory,
    _owner: Box<dyn Any + Send>,
}

/// The layout of our own Python type. An object that Python code made has no memory.
#[repr(C)]
struct Exporter {
    head: ffi::PyObject,
    shared: *mut Shared,
}

static EXPORTER: PyOnceLock<Py<PyType>> = PyOnceLock::new();

fn exporter_type(py: Python<'_>) -> Result<&Bound<'_, PyType>> {
    let made = EXPORTER.get_or_try_init(py, || -> PyResult<_> {
        let slot = |slot, pfunc| ffi::PyType_Slot { slot, pfunc };
        let mut slots = [
            slot(
                ffi::Py_tp_doc,
                c"Memory of the program that embeds Python.".as_ptr() as *mut c_void,
            ),
            slot(ffi::Py_tp_dealloc, exporter_dealloc as *mut c_void),
            slot(BF_GETBUFFER, exporter_get as *mut c_void),
            slot(0, ptr::null_mut()),
        ];
        let mut spec = ffi::PyType_Spec {
            name: c"python4j.Memory".as_ptr(),
            basicsize: size_of::<Exporter>() as c_int,
            itemsize: 0,
            flags: ffi::Py_TPFLAGS_DEFAULT as _,
            slots: slots.as_mut_ptr(),
        };
        // SAFETY: the GIL is held; name and doc are static; the functions have the signatures that
        // their slots ask for; the slots end with a zero.
        unsafe {
            let made = Bound::from_owned_ptr_or_err(py, ffi::PyType_FromSpec(&mut spec))?;
            Ok(made.cast_into_unchecked::<PyType>().unbind())
        }
    })?;
    Ok(made.bind(py))
}

/// A Python object with the buffer protocol over foreign memory. The owner is dropped when Python
/// frees the object, so after the last view of it, and of views of views; on whatever thread that
/// happens.
pub fn share<'py>(py: Python<'py>, memory: Memory, owner: impl Send + 'static) -> Result<Bound<'py, PyAny>> {
    let class = exporter_type(py)?;
    let shared = Box::new(Shared {
        memory,
        _owner: Box::new(owner),
    });
    // SAFETY: the GIL is held and the class is ours, so the object has the layout of Exporter; it
    // was zeroed, and its one field is set before anybody else sees it.
    unsafe {
        let object = ffi::PyType_GenericAlloc(class.as_type_ptr(), 0);
        let object = Bound::from_owned_ptr_or_err(py, object)?;
        (*object.as_ptr().cast::<Exporter>()).shared = Box::into_raw(shared);
        Ok(object)
    }
}

unsafe extern "C" fn exporter_dealloc(object: *mut ffi::PyObject) {
    // SAFETY: Python calls this once, with the GIL, for an object of our type that nobody uses any
    // more. An object of a heap type holds a reference to its type, which goes last.
    unsafe {
        let class = ffi::Py_TYPE(object);
        let shared = (*object.cast::<Exporter>()).shared;
        if !shared.is_null() {
            drop(Box::from_raw(shared));
        }
        let free: ffi::freefunc = mem::transmute(ffi::PyType_GetSlot(class, ffi::Py_tp_free));
        free(object.cast());
        ffi::Py_DecRef(class.cast());
    }
}

unsafe extern "C" fn exporter_get(object: *mut ffi::PyObject, view: *mut PyBuffer, flags: c_int) -> c_int {
    // SAFETY: Python calls this with the GIL, a live object of our type and a view to fill in.
    unsafe {
        (*view).obj = ptr::null_mut();
        let why = match (*object.cast::<Exporter>()).shared.as_mut() {
            None => c"this object has no memory",
            Some(shared) => match refusal(&shared.memory, flags) {
                Some(why) => why,
                None => {
                    fill(&mut *view, &mut shared.memory, flags);
                    ffi::Py_IncRef(object);
                    (*view).obj = object;
                    return 0;
                }
            },
        };
        ffi::PyErr_SetString(ffi::PyExc_BufferError, why.as_ptr());
        -1
    }
}

/// Why the memory cannot be seen in the way the flags ask for.
fn refusal(memory: &Memory, flags: c_int) -> Option<&'static CStr> {
    let asked = |flag| flags & flag == flag;
    let (c, f) = (memory.contiguous(false), memory.contiguous(true));
    if asked(WRITABLE) && memory.read_only {
        Some(c"the memory is read-only")
    } else if asked(C_CONTIGUOUS) && !c || asked(F_CONTIGUOUS) && !f || asked(ANY_CONTIGUOUS) && !c && !f {
        Some(c"the memory is not contiguous in the order asked for")
    } else if !asked(STRIDES) && !c {
        Some(c"the memory has strides")
    } else {
        None
    }
}

fn fill(view: &mut PyBuffer, memory: &mut Memory, flags: c_int) {
    let asked = |flag| flags & flag == flag;
    let rank = memory.shape.len();
    let some = |wanted: bool, numbers: &mut Vec<isize>| {
        if wanted && rank > 0 {
            numbers.as_mut_ptr()
        } else {
            ptr::null_mut()
        }
    };
    view.buf = memory.address as *mut c_void;
    view.len = memory.length();
    view.itemsize = memory.element.size() as isize;
    view.readonly = memory.read_only.into();
    // Without a shape the consumer sees one run of bytes.
    view.ndim = if asked(ND) { rank as c_int } else { 1 };
    view.format = if asked(FORMAT) {
        memory.element.format().as_ptr().cast_mut()
    } else {
        ptr::null_mut()
    };
    view.shape = some(asked(ND), &mut memory.shape);
    view.strides = some(asked(STRIDES), &mut memory.strides);
    view.suboffsets = ptr::null_mut();
    view.internal = ptr::null_mut();
}

/// A `memoryview` of foreign memory; see [`share`].
pub fn make<'py>(py: Python<'py>, memory: Memory, owner: impl Send + 'static) -> Result<Bound<'py, PyAny>> {
    Ok(PyMemoryView::from(&share(py, memory, owner)?)?.into_any())
}

/// A memoryview of new memory, zeroed and without gaps, and where it is. It goes with the last view.
pub fn allocate<'py>(py: Python<'py>, code: u8, shape: &[i64]) -> Result<(Bound<'py, PyAny>, Layout)> {
    let mut stride = Element::from_code(code)?.size() as i64;
    let mut layout = [shape, shape].concat();
    for (count, place) in shape.iter().zip(&mut layout[shape.len()..]).rev() {
        *place = stride;
        stride = stride.saturating_mul(*count);
    }
    const NOT_NULL: usize = 1;
    let mut memory = Memory::new(NOT_NULL, code, &layout, false)?;
    let room = Room::new(memory.length() as usize)?;
    memory.address = room.0 as usize;
    view(&make(py, memory, room)?)
}

/// Memory from the C library, because a failing allocation of Rust's ends the process.
struct Room(*mut c_void);

impl Room {
    fn new(length: usize) -> Result<Self> {
        // SAFETY: calloc is told sizes and no more; null is its answer when there is no room.
        let start = unsafe { libc::calloc(length.max(1), 1) };
        if start.is_null() {
            return Err(Error::refused(format!("There is no memory for {length} bytes.")));
        }
        Ok(Room(start))
    }
}

// SAFETY: the memory belongs to this room alone and may be freed by any thread.
unsafe impl Send for Room {}

impl Drop for Room {
    fn drop(&mut self) {
        // SAFETY: calloc gave it, and nobody else frees it.
        unsafe { libc::free(self.0) }
    }
}

/// Where an object's memory is and how it is to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// Where the element with only zeros as its index is.
    pub address: usize,
    /// What is there; `None` is bytes that only the exporter understands.
    pub element: Option<Element>,
    /// Bytes of one element.
    pub size: usize,
    /// Whether its owner forbids writing.
    pub read_only: bool,
    /// Whether the bytes of an element stand in the order that this machine has not.
    pub swapped: bool,
    /// How many there are in each dimension.
    pub shape: Vec<isize>,
    /// How many bytes it is from one to the next in each dimension.
    pub strides: Vec<isize>,
}

impl Layout {
    /// For Java: the handle that keeps the memory, address, code of the element, its size, flags
    /// (1 read-only, 2 swapped), then shape and strides.
    pub fn packed(&self, keeper: Handle) -> Vec<i64> {
        let mut packed = vec![
            keeper as i64,
            self.address as i64,
            self.element.map_or(0, |element| element as i64),
            self.size as i64,
            i64::from(self.read_only) | i64::from(self.swapped) << 1,
        ];
        packed.extend(self.shape.iter().chain(&self.strides).map(|n| *n as i64));
        packed
    }
}

/// The memory of any object with the buffer protocol. The object returned, a memoryview of it, keeps
/// the memory in its place: as long as it lives a `bytearray`, say, cannot be resized.
pub fn view<'py>(object: &Bound<'py, PyAny>) -> Result<(Bound<'py, PyAny>, Layout)> {
    let keeper = PyMemoryView::from(object)?.into_any();
    let layout = with_buffer(&keeper, |view| {
        // SAFETY: the view was filled in on request of RECORDS_RO: format, shape and strides are
        // there unless the rank is zero or, for the format, the elements are bytes.
        let (format, shape, strides) = unsafe {
            let numbers = |start: *mut isize| match view.ndim {
                0 => Vec::new(),
                n => std::slice::from_raw_parts(start, n as usize).to_vec(),
            };
            let format = if view.format.is_null() {
                b"B"
            } else {
                CStr::from_ptr(view.format).to_bytes()
            };
            (format, numbers(view.shape), numbers(view.strides))
        };
        if holds_references(format) {
            return Err(Error::refused(
                "The buffer holds references to Python objects, which mean nothing outside Python.",
            ));
        }
        let size = view.itemsize as usize;
        length(&shape, size)?;
        let element = Element::of_format(format, size);
        Ok(Layout {
            address: view.buf as usize,
            element: element.map(|(element, _)| element),
            size,
            read_only: view.readonly != 0,
            swapped: element.is_some_and(|(_, swapped)| swapped),
            shape,
            strides,
        })
    })??;
    Ok((keeper, layout))
}

/// Whether a format has an `O` outside the names of fields, which stand between colons.
fn holds_references(format: &[u8]) -> bool {
    format
        .split(|byte| *byte == b':')
        .step_by(2)
        .any(|types| types.contains(&b'O'))
}

fn with_buffer<R>(object: &Bound<'_, PyAny>, body: impl FnOnce(&PyBuffer) -> R) -> Result<R> {
    let mut view = MaybeUninit::<PyBuffer>::zeroed();
    // SAFETY: the GIL is held; the view is filled in when the call succeeds, and is given back once.
    unsafe {
        if PyObject_GetBuffer(object.as_ptr(), view.as_mut_ptr(), RECORDS_RO) != 0 {
            return Err(PyErr::fetch(object.py()).into());
        }
        let result = body(view.assume_init_ref());
        PyBuffer_Release(view.as_mut_ptr());
        Ok(result)
    }
}

/// For Java: [`make`] with a handle as the result.
pub fn give(py: Python<'_>, memory: Memory, owner: impl Send + 'static, frame: Frame) -> Result<Handle> {
    Ok(handle::give(make(py, memory, owner)?, frame))
}

/// For Java: a memoryview of the object behind a handle.
pub fn again(py: Python<'_>, object: Handle, frame: Frame) -> Result<Handle> {
    let view = PyMemoryView::from(&handle::lend(py, object)?)?;
    Ok(handle::give(view.into_any(), frame))
}

/// For Java: [`view`] of a handle, packed. The handle in it belongs to no frame.
pub fn lend(py: Python<'_>, object: Handle) -> Result<Vec<i64>> {
    let (keeper, layout) = view(&handle::lend(py, object)?)?;
    Ok(layout.packed(handle::give(keeper, handle::NO_FRAME)))
}

/// For Java: [`allocate`], packed. The handle in it belongs to no frame.
pub fn give_new(py: Python<'_>, code: u8, shape: &[i64]) -> Result<Vec<i64>> {
    let (keeper, layout) = allocate(py, code, shape)?;
    Ok(layout.packed(handle::give(keeper, handle::NO_FRAME)))
}
