// SPDX-License-Identifier: Apache-2.0
//! Starts CPython once, without touching the host's signal handlers, and keeps what our own calls
//! need from it. libpython is in the process already (`rust/loader`); nothing here links to it.

use crate::capi::symbol;
use crate::{Error, Result, callback, context, fork, gil, initialize, script, texts};
use once_cell::sync::OnceCell;
use parking_lot::Mutex;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyCFunction, PyCode, PyDict, PyFunction, PyList, PyModule, PyString, PyTuple};
use std::ffi::{CStr, c_int, c_void};

/// How to start.
#[derive(Debug, Default, Clone)]
pub struct Config {
    /// The executable to name as the program; Python derives its paths from it.
    pub program: String,
    /// Folders for the front of `sys.path`.
    pub prepend: Vec<String>,
    /// Folders for its end.
    pub append: Vec<String>,
    /// `NAME=value` for `os.environ`: what child processes need to find the same packages.
    pub environment: Vec<String>,
    /// A folder for compiled Python files of ours, which only this user can write and which belongs to this
    /// build of the library alone; none if empty.
    pub compiled: String,
    /// Start Python if it does not run yet.
    pub initialize: bool,
    /// Give the GIL back after the start.
    pub release: bool,
}

/// What our own calls use, whatever user code does to the modules it came from.
pub(crate) struct Tools {
    pub(crate) compile: Py<PyAny>,
    pub(crate) keep_lines: Py<PyAny>,
    pub(crate) report: Py<PyAny>,
    pub(crate) traceback: Py<PyAny>,
    pub(crate) stop: Py<PyAny>,
    pub(crate) interrupted: Py<PyAny>,
    pub(crate) timeout: Py<PyAny>,
    pub(crate) java_exception: Py<PyAny>,
    pub(crate) builtins: Py<PyModule>,
    pub(crate) builtins_key: Py<PyString>,
    /// `BaseExceptionGroup`, from Python 3.11 on.
    pub(crate) group: Option<Py<PyAny>>,
    given_path: Option<GivenPath>,
    listed: Py<PyTuple>,
    sys: Py<PyDict>,
    streams: [(Py<PyString>, Option<Py<PyAny>>); 2],
}

static TOOLS: OnceCell<Tools> = OnceCell::new();

/// The tools of the running interpreter.
pub(crate) fn tools() -> Result<&'static Tools> {
    TOOLS.get().ok_or_else(not_started)
}

/// Whether Python was started, or joined.
pub fn is_started() -> bool {
    TOOLS.get().is_some()
}

/// The error of a call that comes before the start.
pub(crate) fn not_started() -> Error {
    Error::refused("Python has not been started: call PythonExecutioner.init() first.")
}

/// Starts Python, or joins the one that runs. A later call waits for the first one, and only adds the folders and
/// variables that are new.
pub fn start(config: &Config) -> Result<()> {
    static START: Mutex<Option<Config>> = Mutex::new(None);
    let mut known = START.lock();
    let mut news = config.clone();
    if let Some(known) = &*known {
        news.prepend.retain(|folder| !known.prepend.contains(folder));
        news.append.retain(|folder| !known.append.contains(folder));
        news.environment
            .retain(|entry| !known.environment.contains(entry));
    }
    match &mut *known {
        None => {
            start_first(config)?;
            *known = Some(news);
        }
        // Without news it does not wait for the GIL.
        Some(known)
            if !(news.prepend.is_empty() && news.append.is_empty() && news.environment.is_empty()) =>
        {
            gil::with(|py| extend_path(py, &news).and_then(|()| extend_environment(py, &news)))?;
            known.prepend.append(&mut news.prepend);
            known.append.append(&mut news.append);
            known.environment.append(&mut news.environment);
        }
        Some(_) => {}
    }
    Ok(())
}

fn start_first(config: &Config) -> Result<()> {
    if TOOLS.get().is_some() {
        return Ok(()); // an earlier try failed after this
    }
    // SAFETY: Py_IsInitialized needs nothing.
    let running = unsafe { ffi::Py_IsInitialized() } != 0;
    if !running && !config.initialize {
        return Err(Error::refused(
            "Python is not running and org.eclipse.python4j.python.initialize is false: call \
             Py_Initialize() before the first use, or leave the property at its default.",
        ));
    }
    if running {
        gil::with(|py| set_up(py, config, false))?;
        if config.release && crate::capi::gil_held() {
            gil::adopt_first(true);
        }
        return Ok(());
    }
    let mut config = config.clone();
    if let Some(given) = GivenPath::find() {
        config.append.splice(0..0, given.take());
    }
    let handlers = Handlers::current();
    // What a start leaves that failed is no ground for another one, by another class loader say.
    static FAILED: OnceCell<String> = OnceCell::new();
    if let Some(why) = FAILED.get() {
        return Err(Error::refused(why));
    }
    let initialized = initialize::initialize(&config.program);
    handlers.put_back();
    initialized.inspect_err(|why| drop(FAILED.set(why.to_string())))?;
    let done = gil::with(|py| set_up(py, &config, true));
    gil::adopt_first(config.release);
    done
}

/// Runs `atexit` functions and flushes the streams. Errors in them do not matter any more.
pub fn stop(py: Python<'_>) {
    if let Some(tools) = TOOLS.get() {
        let _ = tools.stop.bind(py).call0();
    }
}

type GetPath = extern "C" fn() -> *const libc::wchar_t;
type SetPath = extern "C" fn(*const libc::wchar_t);

/// The path that a program gives to Python with `Py_SetPath`, as `Py_AddPath` of JavaCPP's older
/// bindings does. 3.13 and later know none.
struct GivenPath {
    get: GetPath,
    set: SetPath,
    /// Address and length of the path that was looked at last.
    seen: Mutex<(usize, usize)>,
}

impl GivenPath {
    fn find() -> Option<Self> {
        let (get, set) = (symbol(c"Py_GetPath")?, symbol(c"Py_SetPath")?);
        // SAFETY: the signatures are CPython's of every version that has both functions.
        unsafe {
            Some(GivenPath {
                get: std::mem::transmute::<*mut c_void, GetPath>(get),
                set: std::mem::transmute::<*mut c_void, SetPath>(set),
                seen: Mutex::new((0, 0)),
            })
        }
    }

    /// The path, if it is another one than at the last look.
    fn look(&self) -> Option<Vec<String>> {
        let path = (self.get)();
        if path.is_null() {
            return None;
        }
        // SAFETY: CPython's text ends with a null; only `Py_SetPath` frees it, and who calls that
        // has the turn, as its caller must.
        let path = unsafe { std::slice::from_raw_parts(path, wcslen(path)) };
        let now = (path.as_ptr() as usize, path.len());
        if std::mem::replace(&mut *self.seen.lock(), now) == now {
            return None;
        }
        let path: String = path
            .iter()
            .map(|&unit| char::from_u32(unit as u32).unwrap_or(char::REPLACEMENT_CHARACTER))
            .collect();
        let folders = std::env::split_paths(&path).map(|folder| folder.to_string_lossy().into_owned());
        Some(folders.filter(|folder| !folder.is_empty()).collect())
    }

    /// Takes back what was given before the start: with a given path CPython looks for nothing by
    /// itself, not even for its standard library, and ends the process.
    fn take(&self) -> Vec<String> {
        // SAFETY: Py_GetVersion needs no start.
        let version = unsafe { CStr::from_ptr(ffi::Py_GetVersion()) };
        if version.to_bytes().starts_with(b"3.9.") {
            return Vec::new(); // cannot tell a given path from its own, and asking settles that one
        }
        let given = self.look().unwrap_or_default();
        if !given.is_empty() {
            (self.set)(std::ptr::null());
        }
        given
    }

    /// Appends to `sys.path` what was given since the last look.
    fn follow(&self, py: Python<'_>) -> Result<()> {
        let Some(folders) = self.look() else {
            return Ok(());
        };
        let path = PyModule::import(py, "sys")?.getattr("path")?;
        let path = path.cast::<PyList>().map_err(PyErr::from)?;
        for folder in folders {
            if !path.contains(&folder)? {
                path.append(folder)?;
            }
        }
        Ok(())
    }
}

unsafe extern "C" {
    fn wcslen(text: *const libc::wchar_t) -> usize;
}

fn set_up(py: Python<'_>, config: &Config, ours: bool) -> Result<()> {
    fork::watch();
    if !config.compiled.is_empty() {
        script::keep_in(&config.compiled);
    }
    let tools = build_tools(py, ours)?;
    extend_path(py, config)?;
    if let Some(given) = &tools.given_path {
        given.look(); // where Python starts from is no news
    }
    extend_environment(py, config)?;
    // Only the start gets here, and it runs once.
    let _ = TOOLS.set(tools);
    context::start(py)
}

/// pyo3 imports these types when it first meets one of their objects, and panics where that fails: so
/// it meets them before users can spoil the import system.
fn meet_types(py: Python<'_>) {
    let _ = (py.get_type::<PyCode>(), py.get_type::<PyFunction>());
}

fn build_tools(py: Python<'_>, ours: bool) -> Result<Tools> {
    meet_types(py);
    let builtins = PyModule::import(py, "builtins")?;
    let tools = PyDict::new(py);
    give_functions(py, &tools)?;
    script::run(script::BOOTSTRAP, &tools)?;
    let tool = |name: &str| -> Result<Py<PyAny>> {
        Ok(tools
            .get_item(name)?
            .ok_or_else(|| Error::refused(format!("bootstrap.py lacks {name}")))?
            .unbind())
    };
    let put_back = Handlers::current();
    let put_back = PyCFunction::new_closure(py, None, None, move |_, _| put_back.put_back())?;
    tool("guard_signals")?.bind(py).call1((put_back,))?;

    let sys = PyModule::import(py, "sys")?.dict();
    let stream = |name: &str| -> Result<(Py<PyString>, Option<Py<PyAny>>)> {
        // Only the streams of our own start are write-through.
        let unbuffered = if ours { sys.get_item(name)? } else { None };
        Ok((PyString::intern(py, name).unbind(), unbuffered.map(Bound::unbind)))
    };
    Ok(Tools {
        compile: builtins.getattr("compile")?.unbind(),
        keep_lines: tool("keep_lines")?,
        report: tool("report")?,
        traceback: tool("traceback")?,
        stop: tool("stop")?,
        interrupted: tool("Interrupted")?,
        timeout: tool("Timeout")?,
        java_exception: tool("JavaException")?,
        listed: tool("listed")?
            .bind(py)
            .cast::<PyTuple>()
            .map_err(PyErr::from)?
            .clone()
            .unbind(),
        builtins_key: PyString::intern(py, "__builtins__").unbind(),
        group: builtins.getattr("BaseExceptionGroup").ok().map(Bound::unbind),
        builtins: builtins.unbind(),
        given_path: GivenPath::find(),
        streams: [stream("stdout")?, stream("stderr")?],
        sys: sys.unbind(),
    })
}

/// What bootstrap.py calls.
fn give_functions(py: Python<'_>, tools: &Bound<'_, PyDict>) -> Result<()> {
    let text_of = PyCFunction::new_closure(py, None, None, |arguments, _| {
        let name: Bound<'_, PyString> = arguments.get_item(0)?.cast_into()?;
        Ok::<_, PyErr>(texts::of_file(&name).map(Bound::unbind))
    })?;
    let texts_with = PyCFunction::new_closure(py, None, None, |arguments, _| {
        let (words,): (String,) = arguments.extract()?;
        Ok::<_, PyErr>(texts::with_words(&words))
    })?;
    let java_name = PyCFunction::new_closure(py, None, None, |_, _| callback::thread_name())?;
    let tool = PyCFunction::new_closure(py, None, None, |arguments, _| {
        let (file, name): (String, String) = arguments.extract()?;
        let tool = script::tool(arguments.py(), &file, &name);
        tool.map(Bound::unbind).map_err(callback::raise_again)
    })?;
    tools.set_item("text_of", text_of)?;
    tools.set_item("texts_with", texts_with)?;
    tools.set_item("java_name", java_name)?;
    tools.set_item("tool", tool)?;
    Ok(())
}

fn extend_path(py: Python<'_>, config: &Config) -> Result<()> {
    let path = PyModule::import(py, "sys")?.getattr("path")?;
    let path = path.cast::<PyList>().map_err(PyErr::from)?;
    for folder in config.prepend.iter().rev() {
        path.insert(0, folder)?;
    }
    for folder in &config.append {
        path.append(folder)?;
    }
    Ok(())
}

fn extend_environment(py: Python<'_>, config: &Config) -> Result<()> {
    if config.environment.is_empty() {
        return Ok(());
    }
    let environ = PyModule::import(py, "os")?.getattr("environ")?;
    for (name, value) in config
        .environment
        .iter()
        .filter_map(|entry| entry.split_once('='))
    {
        environ.set_item(name, value)?;
    }
    Ok(())
}

impl Tools {
    /// What a program gave to `Py_SetPath` since the last look counts from now on.
    pub(crate) fn follow_given_path(&self, py: Python<'_>) -> Result<()> {
        self.given_path.as_ref().map_or(Ok(()), |given| given.follow(py))
    }

    /// Whether the object is of one of the types that cross as lists although they are none.
    pub(crate) fn is_listed(&self, object: &Bound<'_, PyAny>) -> bool {
        let class = object.get_type();
        self.listed
            .bind(object.py())
            .iter()
            .any(|listed| class.is(&listed))
    }

    /// What a program printed is out of the process when a call returns: Python's own streams write
    /// through, and one that user code put in their place is flushed here. Fails where a receiver in Java does.
    pub(crate) fn flush_replaced_streams(&self, py: Python<'_>) -> Result<()> {
        let mut flushed = Ok(());
        for (name, original) in &self.streams {
            let Ok(Some(now)) = self.sys.bind(py).get_item(name.bind(py)) else {
                continue;
            };
            if original.as_ref().is_some_and(|o| now.is(o)) || now.is_none() {
                continue;
            }
            // A stream without flush, or one whose flush fails, is the program's own affair unless it is ours.
            if let Err(raised) = now.call_method0("flush") {
                let ours = script::tool(py, "output", "is_open_stream")
                    .and_then(|test| Ok(test.call1((now,))?.is_truthy()?));
                if flushed.is_ok() && ours.is_ok_and(|ours| ours) {
                    flushed = Err(raised.into());
                }
            }
        }
        flushed
    }
}

/// HotSpot's handlers of the signals that it uses itself.
struct Handlers(Vec<(c_int, libc::sigaction)>);

// SAFETY: a sigaction is plain data; the function addresses in it are valid on every thread.
unsafe impl Send for Handlers {}
// SAFETY: as above; nothing changes it after it was made.
unsafe impl Sync for Handlers {}

impl Handlers {
    fn current() -> Self {
        let signals = [
            libc::SIGSEGV,
            libc::SIGBUS,
            libc::SIGFPE,
            libc::SIGILL,
            libc::SIGABRT,
        ];
        // SAFETY: sigaction with a null new action only reads; the struct is plain data.
        let read = |signal| unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            (libc::sigaction(signal, std::ptr::null(), &mut action) == 0).then_some((signal, action))
        };
        Handlers(signals.into_iter().filter_map(read).collect())
    }

    fn put_back(&self) {
        for (signal, action) in &self.0 {
            // SAFETY: the action was read from the same signal of this process.
            unsafe { libc::sigaction(*signal, action, std::ptr::null_mut()) };
        }
    }
}
