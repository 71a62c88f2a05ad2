// SPDX-License-Identifier: Apache-2.0
//! The named namespaces of `PythonContextManager`.
//!
//! A context is a separate module object. A switch puts it at `sys.modules['__main__']` and makes its dict the
//! globals of the next call. The switch takes constant time, independent of the number of names. Functions keep the
//! globals with which they were defined. The context `main` is Python's own `__main__` module.

use crate::guarded::Guarded;
use crate::handle::{self, Frame, Handle, NO_FRAME};
use crate::tools::tools;
use crate::{Error, Result, capi};
use parking_lot::Mutex;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyModule};

/// The name of the first context.
pub const MAIN: &str = "main";

struct Context {
    name: String,
    module: Py<PyModule>,
    globals: Py<PyDict>,
    /// The hosts that made it or switched to it, by their roots: it goes with the last of them.
    users: Vec<Frame>,
}

/// The contexts in the order of their making. Empty until [`start`].
struct Contexts {
    all: Vec<Context>,
    current: usize,
}

static CONTEXTS: Mutex<Contexts> = Mutex::new(Contexts {
    all: Vec::new(),
    current: 0,
});

/// The globals of the current context, which each call wants. Set with it.
static GLOBALS: Guarded<Option<Py<PyDict>>> = Guarded::new(None);

impl Contexts {
    fn find(&self, name: &str) -> Option<usize> {
        self.all.iter().position(|context| context.name == name)
    }

    fn current(&self) -> Option<&Context> {
        self.all.get(self.current)
    }
}

/// Takes Python's own `__main__` as the first context.
pub(crate) fn start(py: Python<'_>) -> Result<()> {
    push(MAIN, PyModule::import(py, "__main__")?)?;
    set_current(py, MAIN)
}

/// The globals of the current context.
pub fn globals(py: Python<'_>) -> Result<Bound<'_, PyDict>> {
    match &*GLOBALS.lock(py) {
        Some(current) => Ok(current.bind(py).clone()),
        None => Err(crate::tools::not_started()),
    }
}

/// The globals of a call: those of the current context, or of a space that Java holds.
pub fn globals_of(py: Python<'_>, space: Handle) -> Result<Bound<'_, PyDict>> {
    if space == 0 {
        return globals(py);
    }
    Ok(handle::lend(py, space)?
        .cast_into::<PyDict>()
        .map_err(PyErr::from)?)
}

/// A namespace that is no context: that of a thread's shared blocks. `sys.modules['__main__']` is another one. It is the
/// thread's and no host's: the code of another host uses it as well, also after the end of the one that opened it.
pub fn open_space(py: Python<'_>) -> Result<Handle> {
    let globals = PyDict::new(py);
    fill(&globals)?;
    Ok(handle::give(globals.into_any(), NO_FRAME))
}

/// The same with the names that `main` has: what was prepared there can be used, and what is done to the names is not seen.
pub fn open_copy(py: Python<'_>) -> Result<Handle> {
    let main = CONTEXTS
        .lock()
        .all
        .first()
        .map(|main| main.globals.bind(py).clone());
    let globals = main.ok_or_else(crate::tools::not_started)?.copy()?;
    Ok(handle::give(globals.into_any(), NO_FRAME))
}

/// Empties and forgets a space.
pub fn close_space(py: Python<'_>, space: Handle) {
    if let Ok(globals) = globals_of(py, space) {
        empty(&globals);
    }
    handle::take_back(py, space);
}

/// Makes a context unless it is there.
pub fn add(py: Python<'_>, name: &str) -> Result<()> {
    check(name)?;
    if CONTEXTS.lock().find(name).is_some() {
        return Ok(());
    }
    push(name, PyModule::new(py, "__main__")?)
}

fn push(name: &str, module: Bound<'_, PyModule>) -> Result<()> {
    let globals = module.dict();
    fill(&globals)?;
    CONTEXTS.lock().all.push(Context {
        name: name.into(),
        module: module.unbind(),
        globals: globals.unbind(),
        users: Vec::new(),
    });
    Ok(())
}

/// Makes a context current; makes it first if it is not there.
pub fn switch(py: Python<'_>, name: &str) -> Result<()> {
    add(py, name)?;
    let module = {
        let contexts = CONTEXTS.lock();
        let at = contexts.find(name).ok_or_else(|| unknown(name))?;
        contexts.all[at].module.clone_ref(py)
    };
    capi::modules(py).set_item("__main__", module)?;
    set_current(py, name)
}

fn set_current(py: Python<'_>, name: &str) -> Result<()> {
    let mut contexts = CONTEXTS.lock();
    contexts.current = contexts.find(name).ok_or_else(|| unknown(name))?;
    let globals = contexts.all[contexts.current].globals.clone_ref(py);
    let before = GLOBALS.lock(py).replace(globals);
    drop(contexts);
    drop(before);
    Ok(())
}

/// A host uses a context, so that it stays as long as the host does.
pub fn use_by(name: &str, root: Frame) {
    let mut contexts = CONTEXTS.lock();
    if let Some(at) = contexts.find(name) {
        let users = &mut contexts.all[at].users;
        if !users.contains(&root) {
            users.push(root);
        }
    }
}

/// A host is gone: the contexts that nobody else uses go with it. If one of them is current, `main` is from then on.
pub fn close_host(py: Python<'_>, root: Frame) -> Result<()> {
    let mut forsaken = Vec::new();
    for context in &mut CONTEXTS.lock().all {
        let before = context.users.len();
        context.users.retain(|&user| user != root);
        if context.users.is_empty() && before > 0 && context.name != MAIN {
            forsaken.push(context.name.clone());
        }
    }
    for name in forsaken {
        if current() == name {
            switch(py, MAIN)?;
        }
        delete(py, &name)?;
    }
    Ok(())
}

/// Empties the current context, or a space, and stays in it.
pub fn reset(py: Python<'_>, space: Handle) -> Result<()> {
    let globals = globals_of(py, space)?;
    empty(&globals);
    fill(&globals)
}

/// Empties and forgets a context that is not the current one. An unknown name is fine.
pub fn delete(py: Python<'_>, name: &str) -> Result<()> {
    check(name)?;
    if current() == name {
        return Err(Error::refused("Cannot delete current context!"));
    }
    let removed = {
        let mut contexts = CONTEXTS.lock();
        contexts.find(name).map(|at| {
            if at < contexts.current {
                contexts.current -= 1;
            }
            contexts.all.remove(at)
        })
    };
    if let Some(context) = removed {
        // Emptied even if a function of it is kept somewhere, so that its objects go.
        empty(context.globals.bind(py));
    }
    Ok(())
}

/// The name of the current context. Needs no Python.
pub fn current() -> String {
    CONTEXTS
        .lock()
        .current()
        .map_or_else(|| MAIN.into(), |context| context.name.clone())
}

/// The names of all contexts. Needs no Python.
pub fn names() -> Vec<String> {
    let contexts = CONTEXTS.lock();
    if contexts.all.is_empty() {
        return vec![MAIN.into()];
    }
    contexts.all.iter().map(|c| c.name.clone()).collect()
}

/// Letters, digits and underscores of ASCII, no digit first.
fn check(name: &str) -> Result<()> {
    let fine = !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if fine {
        Ok(())
    } else {
        Err(Error::refused(format!("Invalid context name: {name}")))
    }
}

fn unknown(name: &str) -> Error {
    Error::refused(format!("No such context: {name}"))
}

/// Takes out all names but that of the builtins: finalizers of what goes may import, and C code imports by the builtins that the names tell.
fn empty(globals: &Bound<'_, PyDict>) {
    let before = globals.copy(); // which keeps the objects until the builtins are back
    globals.clear();
    if let Ok(tools) = tools() {
        let (key, builtins) = (
            tools.builtins_key.bind(globals.py()),
            tools.builtins.bind(globals.py()),
        );
        let _ = globals.set_item(key, builtins); // without memory they are missing, as they were before
    }
    drop(before);
}

/// What every `__main__` has, before any program ran in it.
fn fill(globals: &Bound<'_, PyDict>) -> Result<()> {
    let py = globals.py();
    let tools = tools()?;
    globals.set_item("__name__", "__main__")?;
    for name in ["__doc__", "__package__", "__loader__", "__spec__"] {
        if !globals.contains(name)? {
            globals.set_item(name, py.None())?;
        }
    }
    globals.set_item(tools.builtins_key.bind(py), tools.builtins.bind(py))?;
    Ok(())
}
