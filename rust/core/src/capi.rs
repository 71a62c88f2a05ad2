// SPDX-License-Identifier: Apache-2.0
//! Functions of CPython that `abi3-py39` leaves out although every libpython from 3.9 to 3.15 exports them, and
//! the safe functions around them that all other files call.

use crate::alloc;
use pyo3::exceptions::{PyAttributeError, PyBaseException};
use pyo3::panic::PanicException;
use pyo3::prelude::*;
use pyo3::types::{PyCode, PyDict, PyList, PyString, PyTuple, PyType};
use pyo3::{Borrowed, PyClass, PyTypeInfo, ffi, intern};
use std::ffi::{CStr, c_char, c_int, c_long, c_uint, c_ulong, c_void};
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::{mem, ptr};

unsafe extern "C" {
    static mut PyCode_Type: ffi::PyTypeObject;
    fn PyObject_CallNoArgs(callable: *mut ffi::PyObject) -> *mut ffi::PyObject;
    fn PyThread_get_thread_ident() -> c_ulong;
    fn PyUnicode_AsUTF8AndSize(string: *mut ffi::PyObject, size: *mut ffi::Py_ssize_t) -> *const c_char;
    fn PyFrame_GetCode(frame: *mut ffi::PyObject) -> *mut ffi::PyObject;
    fn PyUnicode_FromKindAndData(
        kind: c_int,
        text: *const c_void,
        length: ffi::Py_ssize_t,
    ) -> *mut ffi::PyObject;
    fn PyUnicode_AsUCS4(
        string: *mut ffi::PyObject,
        room: *mut u32,
        length: ffi::Py_ssize_t,
        with_null: c_int,
    ) -> *mut u32;
    fn PySys_Audit(event: *const c_char, format: *const c_char, ...) -> c_int;
    fn Py_CompileStringObject(
        text: *const c_char,
        file: *mut ffi::PyObject,
        start: c_int,
        flags: *mut CompilerFlags,
        optimize: c_int,
    ) -> *mut ffi::PyObject;
}

/// CPython's `PyCompilerFlags`.
#[repr(C)]
struct CompilerFlags {
    flags: c_int,
    feature_version: c_int, // of no meaning for what is compiled to code
}

/// The state that is current in the calling OS thread, or null.
fn current_state() -> *mut ffi::PyThreadState {
    static CURRENT: LazyLock<unsafe extern "C" fn() -> *mut ffi::PyThreadState> = LazyLock::new(|| {
        let address = symbol(c"PyThreadState_GetUnchecked") // from 3.13 on
            .or_else(|| symbol(c"_PyThreadState_UncheckedGet"))
            .expect("every libpython has one of them");
        // SAFETY: both are functions of this type.
        unsafe { mem::transmute(address) }
    });
    // SAFETY: it does not need the GIL; it reads a thread-local or, before 3.12, a global.
    unsafe { CURRENT() }
}

/// Whether there is a thread state at all, which a start that failed may have made or not.
pub(crate) fn has_thread_state() -> bool {
    !current_state().is_null()
}

/// Whether the calling OS thread holds the GIL. CPython must be running. `PyGILState_Check` says the same until a
/// program makes a second interpreter; from then on it always says yes.
pub fn gil_held() -> bool {
    let current = current_state();
    // SAFETY: it does not need the GIL; it reads a thread-local.
    !current.is_null() && current == unsafe { ffi::PyGILState_GetThisThreadState() }
}

/// Runs `body` with the GIL, on a thread that has a state of Python's and whose C code has given the GIL back.
pub(crate) fn ensured<R>(body: impl FnOnce() -> R) -> R {
    struct Ensured(ffi::PyGILState_STATE);
    impl Drop for Ensured {
        fn drop(&mut self) {
            // SAFETY: the one Release of the Ensure below.
            unsafe { ffi::PyGILState_Release(self.0) }
        }
    }
    // SAFETY: CPython runs: the thread comes from Python code.
    let _ensured = Ensured(unsafe { ffi::PyGILState_Ensure() });
    body()
}

/// Keeps a host from ending Python while it exists (PEP 788). Before 3.15 there is no such thing, and it does nothing.
pub(crate) struct Guard(*mut c_void);

impl Guard {
    /// None where the end of Python has begun: who then waits for the GIL waits for good. Needs no GIL; CPython must be running.
    pub(crate) fn new() -> Option<Guard> {
        let names = [
            c"PyInterpreterView_FromMain",
            c"PyInterpreterGuard_FromView",
            c"PyInterpreterView_Close",
        ];
        let [Some(view), Some(guard), Some(close)] = names.map(symbol) else {
            return Some(Guard(ptr::null_mut()));
        };
        // SAFETY: the functions of these names have these types and need no thread state; a view is closed once.
        unsafe {
            let view = mem::transmute::<*mut c_void, unsafe extern "C" fn() -> *mut c_void>(view)();
            if view.is_null() {
                return None;
            }
            let guard =
                mem::transmute::<*mut c_void, unsafe extern "C" fn(*mut c_void) -> *mut c_void>(guard)(view);
            mem::transmute::<*mut c_void, unsafe extern "C" fn(*mut c_void)>(close)(view);
            (!guard.is_null()).then_some(Guard(guard))
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(close) = symbol(c"PyInterpreterGuard_Close").filter(|_| !self.0.is_null()) {
            // SAFETY: the function has this type; the guard was made above and is closed once.
            unsafe { mem::transmute::<*mut c_void, unsafe extern "C" fn(*mut c_void)>(close)(self.0) }
        }
    }
}

/// A symbol of any library opened globally, libpython above all.
#[cfg(not(windows))]
pub(crate) fn symbol(name: &CStr) -> Option<*mut c_void> {
    // SAFETY: dlsym with a name that ends in NUL; null is the answer for an unknown one.
    let address = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
    (!address.is_null()).then_some(address)
}

/// A symbol of the DLL that CPython's functions are in.
#[cfg(windows)]
pub(crate) fn symbol(name: &CStr) -> Option<*mut c_void> {
    const FROM_ADDRESS_AND_NOT_COUNTED: u32 = 4 | 2;
    #[link(name = "kernel32")]
    unsafe extern "system" {
        fn GetModuleHandleExW(flags: u32, address: *const c_void, module: *mut *mut c_void) -> c_int;
        fn GetProcAddress(module: *mut c_void, name: *const c_char) -> *mut c_void;
    }
    let mut python = ptr::null_mut();
    // SAFETY: the address is that of CPython's data, which is in its DLL for as long as the process lives; the name ends
    // in NUL; null is the answer for an unknown one.
    let address = unsafe {
        let inside = (&raw const ffi::PyType_Type).cast();
        match GetModuleHandleExW(FROM_ADDRESS_AND_NOT_COUNTED, inside, &mut python) {
            0 => ptr::null_mut(),
            _ => GetProcAddress(python, name.as_ptr()),
        }
    };
    (!address.is_null()).then_some(address)
}

/// The UTF-8 text of a string, kept by the string itself; `None` for one with lone surrogates.
pub fn utf8<'a>(string: &'a Bound<'_, PyString>) -> Option<&'a str> {
    let mut size: ffi::Py_ssize_t = 0;
    // SAFETY: the GIL is held (a Bound exists) and the argument is a str. The bytes returned live
    // as long as the str, which `string` keeps alive for 'a, and CPython wrote valid UTF-8.
    unsafe {
        let data = PyUnicode_AsUTF8AndSize(string.as_ptr(), &mut size);
        if data.is_null() {
            ffi::PyErr_Clear();
            return None;
        }
        let bytes = std::slice::from_raw_parts(data.cast::<u8>(), size as usize);
        Some(std::str::from_utf8_unchecked(bytes))
    }
}

/// How many characters a string has.
pub fn length(string: &Bound<'_, PyString>) -> usize {
    // SAFETY: the GIL is held and the argument is a str, for which this cannot fail.
    unsafe { ffi::PyUnicode_GetLength(string.as_ptr()) as usize }
}

/// The first characters of a string, at most so many.
pub fn start<'py>(string: &Bound<'py, PyString>, most: usize) -> PyResult<Bound<'py, PyString>> {
    // SAFETY: the GIL is held and the argument is a str; the result is a new str or null with an error set.
    unsafe {
        let start = ffi::PyUnicode_Substring(string.as_ptr(), 0, most as isize);
        Ok(Bound::from_owned_ptr_or_err(string.py(), start)?.cast_into_unchecked())
    }
}

/// What a string can be made of: a number for each character.
pub trait Character: Copy {
    /// CPython's name for it, which is its size.
    const KIND: c_int;
}

impl Character for u8 {
    const KIND: c_int = 1;
}

impl Character for u16 {
    const KIND: c_int = 2;
}

impl Character for u32 {
    const KIND: c_int = 4;
}

/// A string from its characters, none of them above 0x10ffff. Surrogates stay what they are.
pub fn string_of<'py, C: Character>(py: Python<'py>, text: &[C]) -> PyResult<Bound<'py, PyAny>> {
    // SAFETY: the GIL is held; CPython reads that many characters of that size; the result is a new
    // reference or null with an error set.
    unsafe {
        let string = PyUnicode_FromKindAndData(C::KIND, text.as_ptr().cast(), text.len() as isize);
        Bound::from_owned_ptr_or_err(py, string)
    }
}

/// The code points of a string.
pub fn points(string: &Bound<'_, PyString>) -> PyResult<Vec<u32>> {
    let length = length(string);
    let mut points: Vec<u32> = alloc::with_capacity(length)?;
    // SAFETY: the GIL is held; there is room for that many code points, which CPython writes all or none.
    unsafe {
        if PyUnicode_AsUCS4(string.as_ptr(), points.as_mut_ptr(), length as isize, 0).is_null() {
            return Err(PyErr::fetch(string.py()));
        }
        points.set_len(length);
    }
    Ok(points)
}

/// What the builtin `compile` makes of a text, which is UTF-8.
pub fn compile<'py>(
    text: &CStr,
    file: &Bound<'py, PyString>,
    expression: bool,
) -> PyResult<Bound<'py, PyAny>> {
    const SOURCE_IS_UTF8: c_int = 0x100;
    const IGNORE_COOKIE: c_int = 0x800;
    const PROGRAM: c_int = 257;
    const EXPRESSION: c_int = 258;
    let mut flags = CompilerFlags {
        flags: SOURCE_IS_UTF8 | IGNORE_COOKIE,
        feature_version: 0,
    };
    // SAFETY: the GIL is held. The format is of a C string and an object, which follow it. Both functions
    // only read what they are given; the result is a new reference or null with an error set.
    unsafe {
        let audited = PySys_Audit(c"compile".as_ptr(), c"sO".as_ptr(), text.as_ptr(), file.as_ptr());
        if audited < 0 {
            return Err(PyErr::fetch(file.py()));
        }
        let start = if expression { EXPRESSION } else { PROGRAM };
        let code = Py_CompileStringObject(text.as_ptr(), file.as_ptr(), start, &mut flags, -1);
        Bound::from_owned_ptr_or_err(file.py(), code)
    }
}

/// Whether the dict that [`watch`] was given may have changed. Used with the GIL held, which orders it.
static CHANGED: AtomicBool = AtomicBool::new(true);

/// Notes each change of a dict from now on: see [`has_changed`]. It can be one dict of a process. False where this CPython cannot
/// do that, before 3.12, or has no room for one more who watches.
pub fn watch(dict: &Bound<'_, PyDict>) -> bool {
    type Noted = unsafe extern "C" fn(c_int, *mut c_void, *mut c_void, *mut c_void) -> c_int;
    unsafe extern "C" fn note(_: c_int, _: *mut c_void, _: *mut c_void, _: *mut c_void) -> c_int {
        CHANGED.store(true, Ordering::Relaxed);
        0
    }
    let [Some(add), Some(watch)] = [c"PyDict_AddWatcher", c"PyDict_Watch"].map(symbol) else {
        return false;
    };
    // SAFETY: the GIL is held and the dict is alive; the functions of these names have these types. The function that CPython
    // calls stays for as long as the process lives, and needs nothing. An error that is set goes.
    unsafe {
        let add = mem::transmute::<*mut c_void, unsafe extern "C" fn(Noted) -> c_int>(add);
        let watch =
            mem::transmute::<*mut c_void, unsafe extern "C" fn(c_int, *mut ffi::PyObject) -> c_int>(watch);
        let watches = match add(note) {
            -1 => false,
            id => watch(id, dict.as_ptr()) == 0,
        };
        if !watches {
            ffi::PyErr_Clear();
        }
        watches
    }
}

/// Whether that dict may have changed since [`looked_at`], always true where nothing is watched.
#[inline]
pub fn has_changed() -> bool {
    CHANGED.load(Ordering::Relaxed)
}

/// What is in that dict now was looked at.
pub fn looked_at(_held: Python<'_>) {
    CHANGED.store(false, Ordering::Relaxed);
}

/// Whether somebody else has references to an object, too.
pub fn is_shared(object: &Bound<'_, PyAny>) -> bool {
    // SAFETY: the GIL is held and the object is alive.
    unsafe { ffi::Py_REFCNT(object.as_ptr()) > 1 }
}

/// Compiled code. Its class has no subclasses.
pub fn code(object: Bound<'_, PyAny>) -> PyResult<Bound<'_, PyCode>> {
    if is_exactly(&object, &raw mut PyCode_Type) {
        // SAFETY: it is of that class.
        return Ok(unsafe { object.cast_into_unchecked() });
    }
    Ok(object.cast_into()?)
}

/// Runs compiled code with one dict as globals and locals.
pub fn run<'py>(code: &Bound<'py, PyCode>, globals: &Bound<'py, PyDict>) -> PyResult<Bound<'py, PyAny>> {
    // SAFETY: the GIL is held; both arguments are what their types say; the result is a new
    // reference, or null with an error set, which from_owned_ptr_or_err takes over.
    unsafe {
        let result = ffi::PyEval_EvalCode(code.as_ptr(), globals.as_ptr(), globals.as_ptr());
        Bound::from_owned_ptr_or_err(code.py(), result)
    }
}

/// How many arguments [`call`] takes.
pub const FEW: usize = 3;

/// Calls with arguments up to the first that is not there. Needs no tuple of them.
pub fn call<'py>(
    callable: &Bound<'py, PyAny>,
    arguments: &[Option<Bound<'py, PyAny>>; FEW],
) -> PyResult<Bound<'py, PyAny>> {
    let [a, b, c] = arguments
        .each_ref()
        .map(|argument| argument.as_ref().map_or(ptr::null_mut(), Bound::as_ptr));
    let end = ptr::null_mut::<ffi::PyObject>();
    // SAFETY: the GIL is held; all pointers are live objects or null, and null ends the arguments; the
    // result is a new reference or null with an error set.
    unsafe {
        let result = match a.is_null() {
            true => PyObject_CallNoArgs(callable.as_ptr()),
            false => ffi::PyObject_CallFunctionObjArgs(callable.as_ptr(), a, b, c, end),
        };
        Bound::from_owned_ptr_or_err(callable.py(), result)
    }
}

/// Objects of a class of ours that are called with one or two arguments as a rule, see [`Direct`].
pub(crate) trait Called: PyClass {
    /// The result; none where it takes more than a look to pass the arguments, for which they are put into a tuple and `__call__`
    /// is called. pyo3 is not told that this thread is attached, as in `gil::briefly`.
    fn called<'py>(
        callable: &Bound<'py, Self>,
        first: &Bound<'py, PyAny>,
        second: Option<&Bound<'py, PyAny>>,
    ) -> Option<PyResult<Bound<'py, PyAny>>>;
}

/// A subclass of a class of ours, of the same name, whose objects CPython calls without a tuple of the arguments (PEP 590). pyo3
/// makes no such class.
pub(crate) struct Direct<T> {
    class: Py<PyType>,
    /// Where an object has the function that CPython calls, behind what it has of the class above.
    place: usize,
    of: PhantomData<T>,
}

impl<T: Called> Direct<T> {
    /// Its name has a dot in it.
    pub(crate) fn new(py: Python<'_>, name: &'static CStr, doc: &'static CStr) -> PyResult<Self> {
        const HAVE_VECTORCALL: c_ulong = 1 << 11;
        const OFFSET: &CStr = c"__vectorcalloffset__";
        let base = py.get_type::<T>();
        let place: usize = base.getattr(intern!(py, "__basicsize__"))?.extract()?;
        // SAFETY: all zeros is a value of this struct, and ends the list.
        let mut members: [ffi::PyMemberDef; 2] = unsafe { mem::zeroed() };
        members[0] = ffi::PyMemberDef {
            name: OFFSET.as_ptr(),
            type_code: ffi::Py_T_PYSSIZET,
            offset: place as ffi::Py_ssize_t,
            flags: ffi::Py_READONLY,
            doc: ptr::null(),
        };
        let slot = |slot, pfunc| ffi::PyType_Slot { slot, pfunc };
        let mut slots = [
            slot(
                ffi::Py_tp_members,
                Box::leak(Box::new(members)).as_mut_ptr().cast(),
            ),
            slot(ffi::Py_tp_doc, doc.as_ptr().cast_mut().cast()),
            slot(0, ptr::null_mut()),
        ];
        let mut spec = ffi::PyType_Spec {
            name: name.as_ptr(),
            basicsize: (place + size_of::<Vectorcall>()) as c_int,
            itemsize: 0,
            flags: (ffi::Py_TPFLAGS_DEFAULT | HAVE_VECTORCALL) as c_uint,
            slots: slots.as_mut_ptr(),
        };
        let bases = PyTuple::new(py, [base])?;
        // SAFETY: the GIL is held. The name, the text and the members live for as long as the process, the rest is copied. The class inherits
        // all else from that above, `__call__` among it; a new reference or null with an error set.
        let class = unsafe {
            let class = ffi::PyType_FromSpecWithBases(&mut spec, bases.as_ptr());
            Bound::from_owned_ptr_or_err(py, class)?.cast_into_unchecked::<PyType>()
        };
        class.delattr(OFFSET)?; // what the name was needed for is done, and Python code would see it
        let (class, of) = (class.unbind(), PhantomData);
        Ok(Direct { class, place, of })
    }

    /// A new object, which the class above makes without arguments.
    pub(crate) fn make<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, T>> {
        let object = self.class.bind(py).call0()?;
        // SAFETY: the object is of that class and has this place, which is aligned as the class above is, and zero until now: CPython calls it
        // by `__call__` then.
        unsafe {
            let place = object.as_ptr().cast::<u8>().add(self.place);
            place.cast::<Vectorcall>().write(vectorcall::<T>);
            Ok(object.cast_into_unchecked())
        }
    }
}

type Vectorcall = unsafe extern "C" fn(
    *mut ffi::PyObject,
    *const *mut ffi::PyObject,
    usize,
    *mut ffi::PyObject,
) -> *mut ffi::PyObject;

/// # Safety
/// As CPython calls it: the GIL is held, and the callable is of a class that [`Direct`] made for `T`. The row has as many arguments as the count
/// says without its highest bit, and then one for each of the names, of which there may be null.
unsafe extern "C" fn vectorcall<T: Called>(
    callable: *mut ffi::PyObject,
    row: *const *mut ffi::PyObject,
    count: usize,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    let count = count & (usize::MAX >> 1);
    // SAFETY: the GIL is held for the length of this call, for which the caller keeps the callable and the arguments. The slot is that of the
    // class, which has one; a new reference or null with an error set.
    unsafe {
        if ffi::Py_EnterRecursiveCall(c" while calling a Java function".as_ptr()) != 0 {
            return ptr::null_mut();
        }
        let py = Python::assume_attached();
        let called = catch_unwind(AssertUnwindSafe(|| {
            let callable = Borrowed::from_ptr(py, callable).cast_unchecked::<T>();
            let argument = |index| Borrowed::from_ptr(py, *row.add(index));
            let result = match (names.is_null(), count) {
                (true, 1) => T::called(&callable, &argument(0), None),
                (true, 2) => T::called(&callable, &argument(0), Some(&argument(1))),
                _ => None,
            };
            if let Some(result) = result {
                return result;
            }
            let args = PyTuple::new(py, (0..count).map(argument))?;
            let named = Bound::from_borrowed_ptr_or_opt(py, names)
                .map(|names| names.cast_into_unchecked::<PyTuple>());
            let kwargs = named.map(|names| {
                let kwargs = PyDict::new(py);
                for (index, name) in names.iter().enumerate() {
                    kwargs.set_item(name, argument(count + index))?;
                }
                Ok::<_, PyErr>(kwargs)
            });
            let kwargs = kwargs.transpose()?;
            let call = ffi::PyType_GetSlot(callable.as_any().get_type_ptr(), ffi::Py_tp_call);
            let call = mem::transmute::<*mut c_void, ffi::ternaryfunc>(call);
            let kwargs = kwargs.as_ref().map_or(ptr::null_mut(), |kwargs| kwargs.as_ptr());
            Bound::from_owned_ptr_or_err(py, call(callable.as_ptr(), args.as_ptr(), kwargs))
        }));
        ffi::Py_LeaveRecursiveCall();
        let result = called.unwrap_or_else(|_| {
            Err(PanicException::new_err(
                "Internal error of python4j (please report it)",
            ))
        });
        result.map_or_else(
            |raised| {
                raised.restore(py);
                ptr::null_mut()
            },
            Bound::into_ptr,
        )
    }
}

/// The identity of the calling thread, as `threading.get_ident()` has it.
pub fn thread_ident() -> u64 {
    // SAFETY: PyThread_get_thread_ident has no preconditions.
    unsafe { PyThread_get_thread_ident() as u64 }
}

/// Raises an exception in another thread when it next runs Python code. False if there is none.
pub fn raise_in(thread: u64, class: &Bound<'_, PyAny>) -> bool {
    // SAFETY: the GIL is held; the class is a live exception class, of which CPython keeps a
    // reference of its own; an unknown thread is answered by 0.
    unsafe { ffi::PyThreadState_SetAsyncExc(thread as c_long, class.as_ptr()) == 1 }
}

/// Withdraws what [`raise_in`] raised and the thread has not seen yet.
pub fn withdraw_exception(py: Python<'_>, thread: u64) {
    let _held = py;
    // SAFETY: the GIL is held; null withdraws.
    unsafe { ffi::PyThreadState_SetAsyncExc(thread as c_long, std::ptr::null_mut()) };
}

/// Whether this is the only reference to the object, so that it is freed with it.
pub fn is_last(object: &Bound<'_, PyAny>) -> bool {
    // SAFETY: the GIL is held and the object is alive.
    unsafe { ffi::Py_REFCNT(object.as_ptr()) == 1 }
}

/// Whether the object has the sequence protocol (a dict and a set have not).
pub fn is_sequence(object: &Bound<'_, PyAny>) -> bool {
    // SAFETY: the GIL is held and the object is alive; the check cannot fail.
    unsafe { ffi::PySequence_Check(object.as_ptr()) == 1 }
}

/// An item of a list as a 64-bit integer; `None` where there is none or it is something else.
pub fn long_at(list: &Bound<'_, PyList>, index: usize) -> Option<i64> {
    // SAFETY: the GIL is held. The item is borrowed from the list, of which nothing can take it before this
    // is over: an int itself is read without running Python, and that cannot fail.
    unsafe { long_of(exact_at(list, index, &raw mut ffi::PyLong_Type)?) }
}

/// A value that is an int itself, and of 64 bits.
pub fn long(object: &Bound<'_, PyAny>) -> Option<i64> {
    // SAFETY: the GIL is held and the object is alive and an int itself.
    unsafe { is_exactly(object, &raw mut ffi::PyLong_Type).then(|| long_of(object.as_ptr()))? }
}

/// The same for a float.
pub fn double(object: &Bound<'_, PyAny>) -> Option<f64> {
    // SAFETY: the GIL is held and the object is alive and a float itself, which is read without running Python.
    unsafe { is_exactly(object, &raw mut ffi::PyFloat_Type).then(|| ffi::PyFloat_AsDouble(object.as_ptr())) }
}

/// What is of a class itself. To ask by `cast_exact` in vain makes an error, for which CPython counts references to the class.
#[inline]
pub fn exactly<'a, 'py, T: PyTypeInfo>(object: &'a Bound<'py, PyAny>) -> Option<&'a Bound<'py, T>> {
    // SAFETY: it is of that class.
    unsafe {
        object
            .is_exact_instance_of::<T>()
            .then(|| object.cast_unchecked())
    }
}

fn is_exactly(object: &Bound<'_, PyAny>, class: *mut ffi::PyTypeObject) -> bool {
    std::ptr::eq(object.get_type_ptr(), class)
}

/// # Safety
/// The GIL is held, and the object is an int itself.
unsafe fn long_of(object: *mut ffi::PyObject) -> Option<i64> {
    let mut overflow = 0;
    // SAFETY: as the caller says; that cannot fail.
    let value = unsafe { ffi::PyLong_AsLongLongAndOverflow(object, &mut overflow) };
    (overflow == 0).then_some(value)
}

/// The same for a float.
pub fn double_at(list: &Bound<'_, PyList>, index: usize) -> Option<f64> {
    // SAFETY: as in `long_at`.
    unsafe {
        Some(ffi::PyFloat_AsDouble(exact_at(
            list,
            index,
            &raw mut ffi::PyFloat_Type,
        )?))
    }
}

/// An item of a list, borrowed, if it is of the class and of no subclass.
///
/// # Safety
/// The item is used before anything else can run that takes it from the list.
pub(crate) unsafe fn exact_at(
    list: &Bound<'_, PyList>,
    index: usize,
    class: *mut ffi::PyTypeObject,
) -> Option<*mut ffi::PyObject> {
    // SAFETY: the GIL is held and the list is alive. Beyond its end PyList_GetItem sets an error, which goes.
    unsafe {
        let item = ffi::PyList_GetItem(list.as_ptr(), index as ffi::Py_ssize_t);
        if item.is_null() {
            ffi::PyErr_Clear();
            return None;
        }
        (ffi::Py_TYPE(item) == class).then_some(item)
    }
}

/// The item of a list itself, without an object for the index; nothing where that needs more than a look.
pub fn list_item<'py>(object: &Bound<'py, PyAny>, index: i64) -> Option<Bound<'py, PyAny>> {
    let list = exactly::<PyList>(object)?;
    // SAFETY: the GIL is held and the list is alive. The item is borrowed, and gets a reference before anything else can run.
    unsafe {
        let within = 0 <= index && (index as ffi::Py_ssize_t) < ffi::PyList_Size(list.as_ptr());
        let item = within.then(|| ffi::PyList_GetItem(list.as_ptr(), index as ffi::Py_ssize_t))?;
        Some(Bound::from_borrowed_ptr(object.py(), item))
    }
}

/// An iterator over a list itself, which nobody has given a reference.
pub(crate) struct ListIterator(*mut ffi::PyObject);

/// The next item of an iterator over a list itself, which there may be none of any more; nothing for another object. At the end
/// the iterator gives its list back. It gets no reference, for which CPython would be called twice: `look` hands it over where it
/// is held, and neither runs Python code nor drops an object.
#[inline]
pub(crate) fn list_next<'py>(
    py: Python<'py>,
    look: impl FnOnce(fn(&Bound<'py, PyAny>) -> Option<ListIterator>) -> Option<ListIterator>,
) -> Option<Option<Bound<'py, PyAny>>> {
    let iterator = look(|object| {
        is_exactly(object, &raw mut ffi::PyListIter_Type).then(|| ListIterator(object.as_ptr()))
    })?;
    // SAFETY: the object was held just now, and nothing has run since. It is an iterator, which makes no error. Only to give its list
    // back runs code, which may delete the iterator, too: that is the last thing it does, and CPython does not look at it afterwards. The
    // result is a new reference or null.
    unsafe { Some(Bound::from_owned_ptr_or_opt(py, ffi::PyIter_Next(iterator.0))) }
}

/// An item of a list or tuple; nothing beyond its end.
pub fn item_at<'py>(container: &Bound<'py, PyAny>, index: usize) -> Option<Bound<'py, PyAny>> {
    let index = index as ffi::Py_ssize_t;
    // SAFETY: the GIL is held and the object is alive. The item is borrowed and gets a reference of its own before anything
    // else can run. Both functions set an error for what is no such item, and that goes.
    unsafe {
        let item = match ffi::PyList_Check(container.as_ptr()) {
            0 => ffi::PyTuple_GetItem(container.as_ptr(), index),
            _ => ffi::PyList_GetItem(container.as_ptr(), index),
        };
        if item.is_null() {
            ffi::PyErr_Clear();
            return None;
        }
        Some(Bound::from_borrowed_ptr(container.py(), item))
    }
}

/// The entry of a dict at a position, which moves on; `None` after the last one. Safe also where the dict
/// was changed since the last call: then entries may be missed or come twice.
pub fn next_entry<'py>(
    dict: &Bound<'py, PyDict>,
    position: &mut isize,
) -> Option<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
    let (mut key, mut value) = (std::ptr::null_mut(), std::ptr::null_mut());
    // SAFETY: the GIL is held; the position is 0 or what an earlier call made of it, and CPython
    // compares it with the table that the dict has now. Key and value are borrowed from the dict and
    // get references of their own before anything else can run.
    unsafe {
        if ffi::PyDict_Next(dict.as_ptr(), position, &mut key, &mut value) == 0 {
            return None;
        }
        let py = dict.py();
        Some((
            Bound::from_borrowed_ptr(py, key),
            Bound::from_borrowed_ptr(py, value),
        ))
    }
}

/// The interpreter's own table of modules, also where user code put something else at `sys.modules`.
pub fn modules(py: Python<'_>) -> Bound<'_, PyDict> {
    // SAFETY: the GIL is held; the result is a borrowed reference to the interpreter's dict.
    unsafe { Bound::from_borrowed_ptr(py, ffi::PyImport_GetModuleDict()).cast_into_unchecked() }
}

/// The object at an address that came from outside; takes over the reference if `owned`.
///
/// The caller answers for the address, as every user of `org.bytedeco.cpython` does for his.
pub fn adopt(py: Python<'_>, address: usize, owned: bool) -> Option<Bound<'_, PyAny>> {
    let object = address as *mut ffi::PyObject;
    if object.is_null() {
        return None;
    }
    // SAFETY: the address is that of a live object by the contract of this function, and with
    // `owned` the caller hands over one reference to it.
    unsafe {
        Some(if owned {
            Bound::from_owned_ptr(py, object)
        } else {
            Bound::from_borrowed_ptr(py, object)
        })
    }
}

/// Adds `change` (1 or -1) to an object's reference count on behalf of a caller outside.
pub fn change_reference_count(py: Python<'_>, address: usize, change: i32) {
    let _held = py;
    let object = address as *mut ffi::PyObject;
    // SAFETY: the GIL is held, and the caller answers for the address and the balance of counts;
    // both functions accept null.
    unsafe {
        if change > 0 {
            ffi::Py_IncRef(object);
        } else {
            ffi::Py_DecRef(object);
        }
    }
}

/// What an exception knows of others and of where it came from. Each is its `__cause__` and so on,
/// read without its class having a say.
pub fn cause<'py>(exception: &Bound<'py, PyBaseException>) -> Option<Bound<'py, PyAny>> {
    // SAFETY: the GIL is held and the argument is an exception; a new reference or null without an error.
    unsafe { Bound::from_owned_ptr_or_opt(exception.py(), ffi::PyException_GetCause(exception.as_ptr())) }
}

/// See [`cause`].
pub fn context<'py>(exception: &Bound<'py, PyBaseException>) -> Option<Bound<'py, PyAny>> {
    // SAFETY: as in `cause`.
    unsafe { Bound::from_owned_ptr_or_opt(exception.py(), ffi::PyException_GetContext(exception.as_ptr())) }
}

/// See [`cause`].
pub fn traceback<'py>(exception: &Bound<'py, PyBaseException>) -> Option<Bound<'py, PyAny>> {
    // SAFETY: as in `cause`.
    unsafe { Bound::from_owned_ptr_or_opt(exception.py(), ffi::PyException_GetTraceback(exception.as_ptr())) }
}

/// The frame of a traceback, and that frame's code; `None` for anything that is no traceback.
pub fn frame_of<'py>(traceback: &Bound<'py, PyAny>) -> Option<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
    let py = traceback.py();
    // SAFETY: the GIL is held. Tracebacks cannot be subclassed and their tb_frame is read-only and a
    // frame, whose code is a new reference.
    unsafe {
        if ffi::PyTraceBack_Check(traceback.as_ptr()) == 0 {
            return None;
        }
        let frame = traceback.getattr(intern!(py, "tb_frame")).ok()?;
        let code = Bound::from_owned_ptr_or_opt(py, PyFrame_GetCode(frame.as_ptr()))?;
        Some((frame, code))
    }
}

/// Whether an object is of a class, without its `__class__` or the class having a say.
pub fn is_instance(object: &Bound<'_, PyAny>, class: &Bound<'_, PyAny>) -> bool {
    let Ok(class) = class.cast::<PyType>() else {
        return false;
    };
    // SAFETY: the GIL is held and both are live classes.
    unsafe { ffi::PyType_IsSubtype(object.get_type_ptr(), class.as_type_ptr()) == 1 }
}

/// An attribute that a class of C has for all its objects, which is found once.
pub struct Member {
    descriptor: Py<PyAny>,
    get: Option<ffi::descrgetfunc>,
    name: Py<PyString>,
}

impl Member {
    /// The attribute of that name.
    pub fn of(class: &Bound<'_, PyType>, name: &str) -> PyResult<Member> {
        let name = PyString::intern(class.py(), name);
        let descriptor = class.getattr(&name)?;
        // SAFETY: the GIL is held; the slot is that of a class, null if it has none; before 3.10 it is an error for a class such as this.
        let get = unsafe {
            let slot = ffi::PyType_GetSlot(descriptor.get_type_ptr(), ffi::Py_tp_descr_get);
            if slot.is_null() {
                ffi::PyErr_Clear();
            }
            mem::transmute::<*mut c_void, Option<ffi::descrgetfunc>>(slot)
        };
        Ok(Member {
            descriptor: descriptor.unbind(),
            get,
            name: name.unbind(),
        })
    }

    /// Its value in an object of that very class.
    pub fn get<'py>(&self, object: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let py = object.py();
        match self.get {
            // SAFETY: the GIL is held; the slot is the descriptor's, which checks the object. A new reference, or null with an error set.
            Some(get) => unsafe {
                let class = object.get_type_ptr().cast();
                Bound::from_owned_ptr_or_err(py, get(self.descriptor.as_ptr(), object.as_ptr(), class))
            },
            None => object.getattr(self.name.bind(py)),
        }
    }
}

/// An attribute as `object.__getattribute__` finds it. It may be missing, for which no error is made.
pub fn own_attribute<'py>(
    object: &Bound<'py, PyAny>,
    name: &Bound<'py, PyString>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    type Lookup = unsafe extern "C" fn(
        *mut ffi::PyObject,
        *mut ffi::PyObject,
        *mut ffi::PyObject,
        c_int,
    ) -> *mut ffi::PyObject;
    // A private function, which a later CPython need not have. That of the stable ABI makes an error where there is no such attribute.
    static LOOKUP: LazyLock<Option<Lookup>> = LazyLock::new(|| {
        // SAFETY: it is a function of this type.
        symbol(c"_PyObject_GenericGetAttrWithDict").map(|address| unsafe { mem::transmute(address) })
    });
    let py = object.py();
    // SAFETY: the GIL is held; both are live objects, and the name is a str. Without a dict the object's own one is meant. What is
    // found is a new reference or null, with an error set if it failed otherwise than by an AttributeError.
    unsafe {
        let found = match *LOOKUP {
            Some(lookup) => lookup(object.as_ptr(), name.as_ptr(), ptr::null_mut(), 1),
            None => ffi::PyObject_GenericGetAttr(object.as_ptr(), name.as_ptr()),
        };
        match Bound::from_owned_ptr_or_opt(py, found) {
            None if ffi::PyErr_Occurred().is_null() => Ok(None), // a look, where to take an error in vain is several calls
            None => match PyErr::take(py) {
                Some(raised) if !raised.is_instance_of::<PyAttributeError>(py) => Err(raised),
                _ => Ok(None),
            },
            found => Ok(found),
        }
    }
}

/// An attribute that may be missing, for which no error is made.
pub fn optional_attribute<'py>(
    object: &Bound<'py, PyAny>,
    name: &Bound<'py, PyAny>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    type Lookup =
        unsafe extern "C" fn(*mut ffi::PyObject, *mut ffi::PyObject, *mut *mut ffi::PyObject) -> c_int;
    static LOOKUP: LazyLock<Lookup> = LazyLock::new(|| {
        let address = symbol(c"PyObject_GetOptionalAttr") // from 3.13 on
            .or_else(|| symbol(c"_PyObject_LookupAttr"))
            .expect("every libpython has one of them");
        // SAFETY: both are functions of this type.
        unsafe { mem::transmute(address) }
    });
    let (py, mut found) = (object.py(), ptr::null_mut());
    // SAFETY: the GIL is held; both are live objects; what is found is a new reference or null, with an error set if it failed.
    unsafe {
        match LOOKUP(object.as_ptr(), name.as_ptr(), &mut found) {
            -1 => Err(PyErr::fetch(py)),
            _ => Ok(Bound::from_owned_ptr_or_opt(py, found)),
        }
    }
}

/// Whether an attribute can be read. To find that one is missing costs less than to read it in vain.
pub fn has(object: &Bound<'_, PyAny>, name: &Bound<'_, PyString>) -> bool {
    // SAFETY: the GIL is held; both are live objects; whatever fails inside counts as no.
    unsafe { ffi::PyObject_HasAttr(object.as_ptr(), name.as_ptr()) == 1 }
}
