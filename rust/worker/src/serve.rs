// SPDX-License-Identifier: Apache-2.0
//! Executes requests, one after the other, on the main thread of Python. The core defines what a request and a
//! reply are; this file reads requests and writes replies.

use crate::channel::{self, Channel, Message, kind};
use crate::process;
use crate::{heap, memory, records, room, server};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyModule};
use python4j_core::callback::{self, Upcall};
use python4j_core::handle::{self, Frame, NO_FRAME};
use python4j_core::interpreter::{self, Config};
use python4j_core::pack::{self, Reader};
use python4j_core::stop::{self, Reason, stoppable};
use python4j_core::{Error, Result, capi, child, context, exec, fork, gil, object, raised};
use std::os::fd::RawFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// How often an order to end a call is tried again that came before the call, or while it was in an inner one.
const AGAIN: Duration = Duration::from_millis(10);

/// An urgent message that ends no call: the other process has a block of shared memory no more.
const FORGET_BLOCK: u8 = 2;

/// The calls that run.
static RUNNING: Mutex<Vec<u64>> = Mutex::new(Vec::new());
/// The number of the call that began last. Numbers grow. Raised by `Release` after the call stands in `RUNNING`: who has read it by `Acquire` and then finds the call there no more
/// knows that it is over.
static LAST: AtomicU64 = AtomicU64::new(0);

/// Whether this process forks workers, and is none.
static FORKS: AtomicBool = AtomicBool::new(false);

fn running() -> MutexGuard<'static, Vec<u64>> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// See `lib.rs`.
pub(crate) fn run(py: Python<'_>, data: RawFd, control: RawFd, parent: i32, server: bool) -> Result<()> {
    process::end_with_parent(parent);
    process::close_all_but(&[data, control]);
    interpreter::start(&Config {
        huge_pages: Some(false),
        alone: true,
        ..Config::default()
    })?;
    pack::share_by(memory::Arrays);
    if server {
        FORKS.store(true, Ordering::Relaxed); // read by this thread
        let channel = Channel::new(data);
        #[allow(clippy::disallowed_methods)] // each request enters by itself
        py.detach(|| serve(&channel, channel.receive(0)));
        server::run(py, data, control)?;
    }
    let channel = Arc::new(Channel::new(data));
    callback::set_peer(Arc::new(Peer {
        channel: Arc::clone(&channel),
        calls: AtomicU64::new(0),
    }));
    let (orders, receiver) = mpsc::channel();
    thread::spawn(move || {
        while let Some(order) = channel::receive_urgent(control) {
            match order {
                (block, FORGET_BLOCK) => memory::forget(block),
                _ => drop(orders.send(order)),
            }
        }
        process::exit(0);
    });
    thread::spawn(move || stop_calls(&receiver));
    #[allow(clippy::disallowed_methods)] // for good: each request enters by itself
    py.detach(|| {
        loop {
            serve(&channel, channel.receive(0));
        }
    })
}

/// Ends calls, on a thread of its own, since that has to wait for the GIL.
fn stop_calls(orders: &Receiver<(u64, u8)>) {
    let mut due: Vec<(u64, u8)> = Vec::new();
    loop {
        let order = match due.is_empty() {
            true => orders.recv().map_err(|_| RecvTimeoutError::Disconnected),
            false => orders.recv_timeout(AGAIN),
        };
        match order {
            Ok(order) => due.push(order),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        due.retain(|&(call, reason)| {
            let over = LAST.load(Ordering::Acquire) >= call && !running().contains(&call);
            let reason = if reason == 0 {
                Reason::Interrupted
            } else {
                Reason::Timeout
            };
            !over && !gil::inside(|py| stop::stop(py, call, reason)).unwrap_or(false)
        });
    }
}

/// Does one request and answers it.
fn serve(channel: &Channel, message: Message) {
    let rest = message.rest.bytes();
    let call = rest.first_chunk().map_or(0, |call| u64::from_le_bytes(*call));
    let rest = rest.get(8..).unwrap_or_default();
    if running().is_empty() {
        room::open();
    }
    running().push(call);
    LAST.fetch_max(call, Ordering::Release);
    drop(room::pending()); // of a reply that was given up
    let done = catch_unwind(AssertUnwindSafe(|| match message.kind {
        kind::PREPARE => stoppable(call, |py| prepare(py, rest, FORKS.load(Ordering::Relaxed))),
        kind::EXEC => stoppable(call, |py| run_text(py, rest)),
        kind::CALL => stoppable(call, |py| run_function(py, rest)),
        kind::FORGET => gil::with(forget),
        kind::RECORDS => gil::with(|py| {
            records::switch(py, rest.first() == Some(&1))?;
            Ok(Vec::new())
        }),
        kind::END => {
            gil::with(interpreter::stop);
            process::exit(0)
        }
        _ => Err(Error::refused("Unknown kind of a message.")),
    }));
    let done = done.unwrap_or_else(|_| Err(Error::refused("Internal error of python4j (please report it).")));
    if fork::is_child() {
        child::end(done.err().as_ref());
    }
    let done = done.and_then(|reply| match Channel::takes(reply.len()) {
        true => Ok(reply),
        false => Err(Error::refused(
            "The values take more than 2 GB packed: hand them over in several parts.",
        )),
    });
    let (kind, reply) = match done {
        Ok(reply) => (kind::VALUE, reply),
        Err(error) => (kind::RAISED, report(error)),
    };
    let is_inner = {
        let mut running = running();
        running.retain(|other| *other != call);
        !running.is_empty()
    };
    match is_inner {
        true => channel.send(kind, call, &reply, &room::pending()),
        false => channel.answer(kind, call, &reply),
    }
}

fn report(error: Error) -> Vec<u8> {
    let reported = catch_unwind(AssertUnwindSafe(|| {
        stop::still_stoppable(move |py| {
            raised::report(py, &error, handle::APART).or_else(|why| match why.is_stop(py) {
                true => raised::report(py, &why, handle::APART), // while the exception told of itself
                false => raised::report(py, &Error::refused(error.to_string()), handle::APART),
            })
        })
    }));
    // What says nothing of itself is an empty report, which Java takes for a failure of this process.
    reported.unwrap_or_else(|_| Ok(Vec::new())).unwrap_or_default()
}

/// A context's name, then a request of `exec.rs`. Without a name it is in a space of its own.
fn run_text(py: Python<'_>, packed: &[u8]) -> Result<Vec<u8>> {
    let mut reader = Reader::new(packed);
    let name = reader.bytes()?;
    let request = reader.rest();
    heap::install(py);
    if !name.is_empty() {
        enter(py, name)?;
        return Ok(exec::run(py, request, handle::APART, 0)?.unwrap_or_default());
    }
    let space = context::open_copy(py)?;
    let reply = exec::run(py, request, handle::APART, space);
    context::close_space(py, space);
    Ok(reply?.unwrap_or_default())
}

/// Switches to a context of a session; a new one has the names of `main`.
fn enter(py: Python<'_>, name: &[u8]) -> Result<()> {
    let name = String::from_utf8_lossy(name);
    if context::current() == name {
        return Ok(());
    }
    let is_new = !context::names().contains(&name.as_ref().into());
    let main = match is_new {
        true => {
            context::switch(py, context::MAIN)?;
            Some(context::globals(py)?)
        }
        false => None,
    };
    context::switch(py, &name)?;
    match main {
        Some(main) => Ok(context::globals(py)?.update(main.as_mapping())?),
        None => Ok(()),
    }
}

/// A session ends: its contexts go.
fn forget(py: Python<'_>) -> Result<Vec<u8>> {
    context::switch(py, context::MAIN)?;
    for name in context::names().iter().filter(|name| *name != context::MAIN) {
        context::delete(py, name)?;
    }
    Ok(Vec::new())
}

/// A context's name, what to call as text, the type of the result, and packed arguments.
fn run_function(py: Python<'_>, packed: &[u8]) -> Result<Vec<u8>> {
    let mut reader = Reader::new(packed);
    let context = reader.bytes()?;
    let function = reader.bytes()?;
    let wanted = reader.u8()?;
    let arguments = reader.rest();
    let space = match context.is_empty() {
        true => context::open_copy(py)?,
        false => {
            enter(py, context)?;
            0
        }
    };
    let reply = find(py, function, space).and_then(|callable| {
        heap::install(py);
        let callable = handle::give(callable, NO_FRAME);
        let reply = object::call(py, callable, arguments, wanted, handle::APART);
        handle::take_back(py, callable);
        reply
    });
    if space != 0 {
        context::close_space(py, space);
    }
    reply
}

/// `module:function`, or an expression.
fn find<'py>(py: Python<'py>, text: &[u8], space: handle::Handle) -> Result<Bound<'py, PyAny>> {
    let text = std::str::from_utf8(text).map_err(|_| Error::refused("The name of a function is no text."))?;
    let is_name = |name: &str| {
        let fits = |c: char| c == '_' || c.is_alphanumeric();
        name.split('.')
            .all(|part| part.starts_with(|c: char| fits(c) && !c.is_numeric()) && part.chars().all(fits))
    };
    if let Some((module, name)) = text
        .split_once(':')
        .filter(|(m, n)| is_name(m) && is_name(n) && *m != "lambda")
    {
        let module = match capi::modules(py).get_item(module)? {
            Some(module) if !module.is_none() => module,
            _ => PyModule::import(py, module)?.into_any(),
        };
        return name
            .split('.')
            .try_fold(module, |object, part| Ok(object.getattr(part)?));
    }
    exec::eval(py, text, space)
}

/// The first request: limits, the folder to work in, folders for the front and the end of `sys.path`, modules to import, and a
/// request of `exec.rs` that runs in `main`.
fn prepare(py: Python<'_>, packed: &[u8], forks: bool) -> Result<Vec<u8>> {
    let mut reader = Reader::new(packed);
    let (memory, seconds) = (reader.u64()?, reader.u64()?);
    let folder = reader.text(py)?;
    let os = PyModule::import(py, "os")?;
    if !folder.is_empty()? {
        os.call_method1("chdir", (folder,))?;
    }
    let sys = PyModule::import(py, "sys")?;
    sys.setattr("argv", PyList::new(py, [""])?)?;
    for name in ["stdout", "stderr"] {
        let settings = PyDict::new(py);
        settings.set_item("encoding", "utf-8")?;
        settings.set_item("errors", "backslashreplace")?;
        settings.set_item("line_buffering", true)?;
        sys.getattr(name)?
            .call_method("reconfigure", (), Some(&settings))?;
    }
    let crashes = PyDict::new(py);
    if py.version_info() >= (3, 14) {
        crashes.set_item("c_stack", false)?; // of the few last lines that Java keeps, Python's stack tells more
    }
    PyModule::import(py, "faulthandler")?.call_method("enable", (), Some(&crashes))?;
    let path = sys.getattr("path")?;
    for at in 0..reader.u32()? {
        path.call_method1("insert", (at, reader.text(py)?))?;
    }
    for _ in 0..reader.u32()? {
        path.call_method1("append", (reader.text(py)?,))?;
    }
    process::limit(memory, seconds, forks)?;
    heap::install_after_import(py)?;
    for _ in 0..reader.u32()? {
        PyModule::import(py, reader.text(py)?)?;
    }
    exec::run(py, reader.rest(), handle::APART, 0)?;
    Ok(Vec::new())
}

/// The process that is served, as Python calls it.
struct Peer {
    channel: Arc<Channel>,
    calls: AtomicU64,
}

impl Upcall for Peer {
    fn call(&self, function: u64, arguments: &[u8]) -> Result<Vec<u8>> {
        if !Channel::takes(arguments.len() + 8) {
            return Err(Error::refused(
                "The arguments take more than 2 GB packed: hand them over in several parts.",
            ));
        }
        let number = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        let mut rest = Vec::with_capacity(8 + arguments.len());
        rest.extend_from_slice(&function.to_le_bytes());
        rest.extend_from_slice(arguments);
        self.channel.send(kind::UPCALL, number, &rest, &room::pending());
        loop {
            let message = self.channel.receive(number);
            match message.kind {
                kind::ANSWER => return Ok(message.rest.bytes().to_vec()),
                _ => serve(&self.channel, message), // what the function called asks for something, before it answers
            }
        }
    }

    fn release(&self, key: u64) {
        self.channel.release(key);
    }

    fn root(&self) -> Frame {
        handle::APART
    }

    fn is_open(&self) -> bool {
        true
    }
}
