// SPDX-License-Identifier: Apache-2.0
//! Starts CPython once, without touching the host's signal handlers, and keeps the parts of it that our own
//! calls need. `rust/loader` has loaded libpython into the process before; nothing here links to it.

#[cfg(target_os = "linux")]
use crate::pages;
use crate::signals::{self, Handlers};
use crate::tools::{self, Tools};
use crate::{Error, Result, callback, context, fork, gil, initialize, path, replaced, script, stop, texts};
use parking_lot::Mutex;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyCFunction, PyCode, PyDict, PyFunction, PyList, PyModule, PyString, PyTuple};
use std::sync::OnceLock;

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
    /// Ask Linux for huge pages where Python has much memory, if it is started here; none for what is right for most machines.
    pub huge_pages: Option<bool>,
    /// Nothing but Python runs in this process, so its signals are Python's.
    pub alone: bool,
}

/// Whether Python was started, or joined.
pub fn is_started() -> bool {
    crate::tools::tools().is_ok()
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
    if tools::tools().is_ok() {
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
    config.append.splice(0..0, path::take());
    let handlers = Handlers::current();
    // What a start leaves that failed is no ground for another one, by another class loader say.
    static FAILED: OnceLock<String> = OnceLock::new();
    if let Some(why) = FAILED.get() {
        return Err(Error::refused(why));
    }
    let initialized = initialize::initialize(&config.program);
    signals::this_is_main();
    handlers.put_back();
    initialized.inspect_err(|why| drop(FAILED.set(why.to_string())))?;
    #[cfg(target_os = "linux")]
    pages::use_huge(config.huge_pages);
    let done = gil::with(|py| set_up(py, &config, true));
    gil::adopt_first(config.release);
    done
}

/// Runs `atexit` functions and flushes the streams. Errors in them do not matter any more.
pub fn stop(py: Python<'_>) {
    if let Ok(tools) = tools::tools() {
        let _ = tools.stop.bind(py).call0();
    }
}

fn set_up(py: Python<'_>, config: &Config, ours: bool) -> Result<()> {
    fork::watch();
    if !config.compiled.is_empty() {
        script::keep_in(&config.compiled);
    }
    let tools = build_tools(py, ours, config.alone)?;
    extend_path(py, config)?;
    path::watch();
    extend_environment(py, config)?;
    tools::set(tools);
    context::start(py)
}

/// pyo3 imports these types when it first meets one of their objects, and panics where that fails: so
/// it meets them before users can spoil the import system.
fn meet_types(py: Python<'_>) {
    let _ = (py.get_type::<PyCode>(), py.get_type::<PyFunction>());
}

fn build_tools(py: Python<'_>, ours: bool, alone: bool) -> Result<Tools> {
    meet_types(py);
    let builtins = PyModule::import(py, "builtins")?;
    let tools = PyDict::new(py);
    give_functions(py, &tools)?;
    tools.set_item("alone", alone)?;
    script::run(script::BOOTSTRAP, &tools)?;
    let tool = |name: &str| -> Result<Py<PyAny>> {
        Ok(tools
            .get_item(name)?
            .ok_or_else(|| Error::refused(format!("bootstrap.py lacks {name}")))?
            .unbind())
    };

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
        Ok::<_, PyErr>(texts::with_words(arguments.py(), &words))
    })?;
    let java_name = PyCFunction::new_closure(py, None, None, |_, _| callback::thread_name())?;
    let class_kind = PyCFunction::new_closure(py, None, None, |arguments, _| {
        let (name,): (String,) = arguments.extract()?;
        Ok::<_, PyErr>(callback::class_kind(arguments.py(), &name))
    })?;
    tools.set_item("class_kind", class_kind)?;
    let tool = PyCFunction::new_closure(py, None, None, |arguments, _| {
        let (file, name): (String, String) = arguments.extract()?;
        let tool = script::tool(arguments.py(), &file, &name);
        tool.map(Bound::unbind).map_err(callback::raise_again)
    })?;
    tools.set_item("text_of", text_of)?;
    tools.set_item("texts_with", texts_with)?;
    tools.set_item("java_name", java_name)?;
    tools.set_item("tool", tool)?;
    let replace = PyCFunction::new_closure(py, None, None, |arguments, _| {
        let module: Bound<'_, PyModule> = arguments.get_item(0)?.cast_into()?;
        let name: String = arguments.get_item(1)?.extract()?;
        replaced::replace(&module, &name, arguments.get_item(2)?).map_err(callback::raise_again)
    })?;
    tools.set_item("replace", replace)?;
    let original = PyModule::import(py, "time")?.getattr("sleep")?.unbind();
    let sleep = PyCFunction::new_closure(py, None, None, move |arguments, named| {
        stop::sleep(original.bind(arguments.py()), arguments, named).map(Bound::unbind)
    })?;
    tools.set_item("sleep", sleep)?;
    let put_back = Handlers::current();
    let put_back = PyCFunction::new_closure(py, None, None, move |_, _| put_back.put_back())?;
    tools.set_item("put_back", put_back)?;
    let hand_on = PyCFunction::new_closure(py, None, None, |arguments, _| {
        signals::hand_on(arguments.get_item(0)?.extract()?);
        Ok::<_, PyErr>(())
    })?;
    tools.set_item("hand_on", hand_on)?;
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
