// SPDX-License-Identifier: Apache-2.0
//! Initializes CPython as `Py_InitializeEx(0)` does, but a failure is returned as an error, while that function ends
//! the process. The version decides which of CPython's two configurations is used; `interpreter.rs` calls this file.
//!
//! Up to 3.13 it is the `PyConfig` that `Py_InitializeEx` itself uses. This struct is not part of the stable ABI. So
//! the memory reserved for it is larger than the struct of any of these versions, and its contents are compared with
//! the values that all these versions write. From 3.14 on it is `PyInitConfig` (PEP 741). It begins isolated and
//! cannot be told to read some of the environment variables, so they are read here.

use crate::capi::symbol;
use crate::{Error, Result};
use pyo3::ffi;
use std::ffi::{CStr, CString, c_char, c_int, c_ulong, c_void};
use std::{env, mem, ptr, slice};

unsafe extern "C" {
    fn Py_DecodeLocale(text: *const c_char, size: *mut usize) -> *mut libc::wchar_t;
    fn PyUnicode_AsUTF8AndSize(string: *mut ffi::PyObject, size: *mut ffi::Py_ssize_t) -> *const c_char;
}

/// Initializes CPython for a program name, from which it derives its paths. To be called once: after a failure
/// this process can have no Python any more.
pub(crate) fn initialize(program: &str) -> Result<()> {
    let name = CString::new(program)
        .map_err(|_| Error::refused("The path of the interpreter contains a NUL character."))?;
    let done = match symbol(c"PyInitConfig_Create") {
        Some(create) => by_init_config(create, &name),
        None => by_config(&name),
    };
    done.map_err(|why| {
        Error::refused(format!(
            "Python could not be started: {why}. Look at the environment variables whose names begin with PYTHON, at \
             the standard input, and at the installation of {program}; then start the JVM again."
        ))
    })
}

/// The address of a function; the caller gives it its type.
fn function(name: &CStr) -> Result<*mut c_void, String> {
    let lacks = || format!("this libpython lacks {}", name.to_string_lossy());
    symbol(name).ok_or_else(lacks)
}

// ---- PyConfig: 3.9 to 3.13 ----

/// How many words the memory has for a `PyConfig`, which takes 112 in 3.13 on a 64-bit system.
const ROOM: usize = 1024;
/// What the memory is filled with.
const FILL: u64 = 0xA5A5_A5A5_A5A5_A5A5;
/// Where the members `install_signal_handlers`, `hash_seed` (a C long, of one or two C ints) and `faulthandler` begin, in C ints.
const INSTALL_SIGNAL_HANDLERS: usize = 4;
const HASH_SEED: usize = 6;
/// Its handlers would end a JVM whose other threads have null checks during the start; afterwards HotSpot's are put back.
const FAULTHANDLER: usize = HASH_SEED + size_of::<c_ulong>() / size_of::<c_int>();
/// The first members of a `PyConfig` in its default state: `_config_init`, `isolated`, `use_environment`, `dev_mode`,
/// `install_signal_handlers`, `use_hash_seed`, `hash_seed`, `faulthandler`.
const HEAD: [c_int; FAULTHANDLER + 1] = {
    let mut head = [-1; FAULTHANDLER + 1];
    head[0] = 1;
    head[INSTALL_SIGNAL_HANDLERS] = 1;
    head[HASH_SEED] = 0;
    head[FAULTHANDLER - 1] = 0;
    head
};

/// CPython's `PyStatus`.
#[repr(C)]
struct Status {
    kind: c_int,
    function: *const c_char,
    message: *const c_char,
    exit_code: c_int,
}

fn by_config(program: &CStr) -> Result<(), String> {
    type SetName = unsafe extern "C" fn(*const libc::wchar_t);
    type Prepare = unsafe extern "C" fn(*mut c_void);
    type Initialize = unsafe extern "C" fn(*const c_void) -> Status;

    let set_name = function(c"Py_SetProgramName")?;
    let prepare = function(c"_PyConfig_InitCompatConfig")?;
    let initialize = function(c"Py_InitializeFromConfig")?;
    let clear = function(c"PyConfig_Clear")?;
    // The flags that this configuration is made of, as a program may have set others.
    set_flag(c"Py_UnbufferedStdioFlag");
    if in_c_locale() {
        set_flag(c"Py_UTF8Mode");
    }
    let mut config = vec![FILL; ROOM];
    // SAFETY: the signatures are CPython's of all versions from 3.9 to 3.13. The decoded name is never freed, since
    // CPython keeps the pointer. The memory is used only if CPython left its second half alone and its first
    // members, which are C ints, have the values that they have by default in all of these versions.
    unsafe {
        let decoded = Py_DecodeLocale(program.as_ptr(), ptr::null_mut());
        if !decoded.is_null() {
            mem::transmute::<*mut c_void, SetName>(set_name)(decoded);
            #[cfg(windows)]
            name_executable(decoded);
        }
        let memory = config.as_mut_ptr().cast::<c_void>();
        mem::transmute::<*mut c_void, Prepare>(prepare)(memory);
        let head = slice::from_raw_parts_mut(memory.cast::<c_int>(), HEAD.len());
        if *head != HEAD || config[ROOM / 2..].iter().any(|&word| word != FILL) {
            return Err(
                "its PyConfig is laid out in a way that this version of python4j does not know".into(),
            );
        }
        head[INSTALL_SIGNAL_HANDLERS] = 0;
        head[FAULTHANDLER] = 0;
        let status = mem::transmute::<*mut c_void, Initialize>(initialize)(memory);
        let why = (status.kind != 0).then(|| status.text());
        mem::transmute::<*mut c_void, Prepare>(clear)(memory);
        why.map_or(Ok(()), Err)
    }
}

/// Names the program where CPython takes that of the process, before 3.11 on Windows: as the launcher of a virtual
/// environment does, in a variable that CPython takes away again.
#[cfg(windows)]
fn name_executable(program: *const libc::wchar_t) {
    #[link(name = "ucrtbase", kind = "raw-dylib")] // the C library that CPython reads it from
    unsafe extern "C" {
        fn _wputenv_s(name: *const libc::wchar_t, value: *const libc::wchar_t) -> c_int;
    }
    if crate::path::version() < [3, 11] {
        let name: Vec<_> = "__PYVENV_LAUNCHER__\0".encode_utf16().collect();
        // SAFETY: both texts end with NUL and are copied; no thread has read the environment of the C library yet, since no
        // Python runs.
        unsafe { _wputenv_s(name.as_ptr(), program) };
    }
}

impl Status {
    /// Why it is a failure, with the Python exception behind it if there is one.
    fn text(&self) -> String {
        if self.message.is_null() {
            return format!("it wanted to end the process with exit code {}", self.exit_code);
        }
        // SAFETY: the message is a text of CPython's that is never freed.
        let message = unsafe { CStr::from_ptr(self.message) };
        with_exception(message.to_string_lossy().into_owned())
    }
}

/// Sets one of CPython's global flags for the start.
fn set_flag(name: &CStr) {
    if let Some(flag) = symbol(name) {
        // SAFETY: all of these flags are C ints, and nothing reads them before the start.
        unsafe { *flag.cast::<c_int>() = 1 };
    }
}

// ---- PyInitConfig: from 3.14 on ----

/// What makes an isolated configuration the one of `Py_InitializeEx(0)`, and unbuffered.
const OPTIONS: [(&CStr, i64); 9] = [
    (c"isolated", 0),
    (c"use_environment", 1),
    (c"user_site_directory", 1),
    (c"safe_path", 0),
    (c"configure_locale", 1),
    (c"pathconfig_warnings", 1),
    (c"install_signal_handlers", 0),
    (c"faulthandler", 0),
    (c"buffered_stdio", 0),
];

/// The global flags that a program may have set before the start, and the options that they stand for.
const FLAGS: [(&CStr, &CStr, bool); 11] = [
    (c"Py_DebugFlag", c"parser_debug", true),
    (c"Py_VerboseFlag", c"verbose", true),
    (c"Py_QuietFlag", c"quiet", true),
    (c"Py_InteractiveFlag", c"interactive", true),
    (c"Py_InspectFlag", c"inspect", true),
    (c"Py_OptimizeFlag", c"optimization_level", true),
    (c"Py_BytesWarningFlag", c"bytes_warning", true),
    (c"Py_NoSiteFlag", c"site_import", false),
    (c"Py_DontWriteBytecodeFlag", c"write_bytecode", false),
    (c"Py_NoUserSiteDirectory", c"user_site_directory", false),
    (c"Py_IgnoreEnvironmentFlag", c"use_environment", false),
];

fn by_init_config(create: *mut c_void, program: &CStr) -> Result<(), String> {
    type Create = unsafe extern "C" fn() -> *mut c_void;
    type SetStr = unsafe extern "C" fn(*mut c_void, *const c_char, *const c_char) -> c_int;
    type SetInt = unsafe extern "C" fn(*mut c_void, *const c_char, i64) -> c_int;
    type GetError = unsafe extern "C" fn(*mut c_void, *mut *const c_char) -> c_int;
    type Initialize = unsafe extern "C" fn(*mut c_void) -> c_int;
    type Free = unsafe extern "C" fn(*mut c_void);

    let set_str = function(c"PyInitConfig_SetStr")?;
    let set_int = function(c"PyInitConfig_SetInt")?;
    let get_error = function(c"PyInitConfig_GetError")?;
    let initialize = function(c"Py_InitializeFromInitConfig")?;
    let free = function(c"PyInitConfig_Free")?;
    let options = options()?;
    // SAFETY: the signatures are those of PEP 741. The configuration is used by this thread alone, and not after it
    // is freed; the error's text is copied before that. The flags are C ints that nothing changes now.
    unsafe {
        let config = mem::transmute::<*mut c_void, Create>(create)();
        if config.is_null() {
            return Err("there is no memory for its configuration".into());
        }
        let set_int = mem::transmute::<*mut c_void, SetInt>(set_int);
        let set = |name: &CStr, value: i64| set_int(config, name.as_ptr(), value) >= 0;
        let flag = |name: &CStr| symbol(name).map_or(0, |flag| i64::from(*flag.cast::<c_int>()));
        let done = OPTIONS.iter().all(|(name, value)| set(name, *value))
            && FLAGS.iter().all(|(name, option, same)| match flag(name) {
                0 => true,
                value => set(option, if *same { value } else { 0 }),
            })
            && options.iter().all(|(name, value)| set(name, *value))
            && mem::transmute::<*mut c_void, SetStr>(set_str)(
                config,
                c"program_name".as_ptr(),
                program.as_ptr(),
            ) >= 0
            && mem::transmute::<*mut c_void, Initialize>(initialize)(config) >= 0;
        let mut text: *const c_char = ptr::null();
        mem::transmute::<*mut c_void, GetError>(get_error)(config, &mut text);
        let why = (!done).then(|| {
            with_exception(if text.is_null() {
                "it gave no reason".into()
            } else {
                CStr::from_ptr(text).to_string_lossy().into_owned()
            })
        });
        mem::transmute::<*mut c_void, Free>(free)(config);
        why.map_or_else(
            || {
                name_main_thread();
                Ok(())
            },
            Err,
        )
    }
}

/// Says that this thread is the one that runs the program, as the executable does (`Py_RunMain`). `sys.remote_exec` and
/// `python -m pdb -p` ask for that thread, and find none otherwise.
fn name_main_thread() {
    type SetRunningMain = unsafe extern "C" fn(*mut ffi::PyInterpreterState) -> c_int;
    if let Some(set) = symbol(c"_PyInterpreterState_SetRunningMain") {
        // SAFETY: the signature is that of 3.14 and 3.15; this thread has just started the interpreter, whose state lives as
        // long as that, and has the GIL.
        unsafe {
            if mem::transmute::<*mut c_void, SetRunningMain>(set)(ffi::PyInterpreterState_Get()) < 0 {
                ffi::PyErr_Clear();
            }
        }
    }
}

/// The options that stand in environment variables which `PyInitConfig` does not read, and that of the locale.
fn options() -> Result<Vec<(&'static CStr, i64)>, String> {
    let variable = |name| env::var(name).ok().filter(|value| !value.is_empty());
    let mut options = Vec::new();
    if in_c_locale() {
        options.push((c"utf8_mode", 1));
    }
    if variable("PYTHONDEVMODE").is_some() {
        options.push((c"dev_mode", 1));
    }
    if let Some(seed) = variable("PYTHONHASHSEED").filter(|seed| seed != "random") {
        let seed: u32 = seed.parse().map_err(|_| {
            "PYTHONHASHSEED must be \"random\" or an integer in range [0; 4294967295]".to_owned()
        })?;
        options.extend([(c"use_hash_seed", 1), (c"hash_seed", i64::from(seed))]);
    }
    if let Some(digits) = variable("PYTHONINTMAXSTRDIGITS") {
        let digits = digits
            .parse()
            .ok()
            .filter(|&digits: &c_int| digits == 0 || digits >= 640);
        let digits =
            digits.ok_or("PYTHONINTMAXSTRDIGITS must be 0 for no limit, or an integer from 640 on")?;
        options.push((c"int_max_str_digits", i64::from(digits)));
    }
    if let Some(frames) = variable("PYTHONTRACEMALLOC") {
        let frames = frames.parse().ok().filter(|&frames: &c_int| frames >= 0);
        let frames = frames.ok_or("PYTHONTRACEMALLOC must be the number of frames, an integer from 0 on")?;
        options.push((c"tracemalloc", i64::from(frames)));
    }
    for (name, value) in [("PYTHONPERFSUPPORT", 1), ("PYTHON_PERF_JIT_SUPPORT", 2)] {
        if variable(name).is_some_and(|wanted| wanted != "0") {
            options.push((c"perf_profiling", value));
        }
    }
    Ok(options)
}

// ---- both ----

/// A process without a locale, as in a bare container: CPython would take ASCII for everything.
fn in_c_locale() -> bool {
    // SAFETY: setlocale with null only reads; the text is copied before anything can change it.
    unsafe {
        let name = libc::setlocale(libc::LC_CTYPE, ptr::null());
        !name.is_null() && matches!(CStr::from_ptr(name).to_bytes(), b"C" | b"POSIX")
    }
}

/// Adds the exception that a start left pending which came as far as that.
fn with_exception(message: String) -> String {
    if !crate::capi::has_thread_state() {
        return message;
    }
    // SAFETY: there is a thread state, so exceptions exist and this thread has the GIL. All pointers are checked for null;
    // what is owned here leaks on purpose, as does all of a Python that could not start.
    unsafe {
        let (mut class, mut value, mut traceback) = (ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
        ffi::PyErr_Fetch(&mut class, &mut value, &mut traceback);
        if class.is_null() {
            return message;
        }
        ffi::PyErr_NormalizeException(&mut class, &mut value, &mut traceback);
        let name = utf8(ffi::PyObject_GetAttrString(class, c"__name__".as_ptr()));
        let said = utf8(if value.is_null() {
            value
        } else {
            ffi::PyObject_Str(value)
        });
        ffi::PyErr_Clear();
        format!("{message} ({name}: {said})")
    }
}

/// The text of a str, empty for what is none.
unsafe fn utf8(text: *mut ffi::PyObject) -> String {
    let mut size: ffi::Py_ssize_t = 0;
    // SAFETY: the caller has the GIL; the bytes are the str's own, and are copied.
    unsafe {
        if text.is_null() || ffi::PyUnicode_Check(text) == 0 {
            return String::new();
        }
        let bytes = PyUnicode_AsUTF8AndSize(text, &mut size);
        if bytes.is_null() {
            return String::new();
        }
        String::from_utf8_lossy(slice::from_raw_parts(bytes.cast::<u8>(), size as usize)).into_owned()
    }
}
