// SPDX-License-Identifier: Apache-2.0
//! The messages of the caller's threads to an event loop. They are packed, and the thread of the loop takes many at a
//! time. Sending needs neither the GIL nor a turn, except where the message has to be read at once. A byte in a
//! socket, which the loop watches, announces the first waiting message. `tasks.py` defines what messages mean.

use crate::handle::{self, Frame};
use crate::pack;
use crate::{Error, Result, gil};
use once_cell::sync::OnceCell;
use parking_lot::Mutex;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyModule};
use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::io::{Read, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use wire::Stream;

/// Names a queue. 0 is none.
pub type Number = u64;

/// The context variables of a thread that sends; shared, since no GIL is needed to have it once more.
type Context = Arc<Py<PyAny>>;

enum Message {
    /// Bytes as of a Java function's answer, which the loop reads.
    Packed(Vec<u8>, Option<Context>),
    /// What was read when it was sent.
    Read(Py<PyAny>, Option<Context>),
}

#[derive(Default)]
struct Waiting {
    messages: VecDeque<Message>,
    closed: bool,
}

struct Shared {
    waiting: Mutex<Waiting>,
    /// Whose loop it is, see [`handle::root`]; 0 for one that belongs to nobody.
    host: Frame,
    sender: Stream,
    receiver: Stream,
}

static QUEUES: LazyLock<Mutex<HashMap<Number, Arc<Shared>>>> = LazyLock::new(Mutex::default);

/// How many messages a loop takes before it does other things.
const MOST_AT_ONCE: usize = 1024;

thread_local! {
    /// The copy of this thread's context, and after how many visits of Python it was made.
    static CONTEXT: RefCell<Option<(u64, Context)>> = const { RefCell::new(None) };
}

impl Shared {
    fn wake(&self) {
        let _ = (&self.sender).write(&[0]); // full: the loop is told already
    }
}

/// Sends a message: values of `pack.rs`, then the handles that were made for them and how many these are. It is read at
/// once if `now` says so, because its objects may be gone soon, and wherever the thread has the GIL or needs it for its
/// `context`.
pub fn send(number: Number, message: &[u8], now: bool, context: bool) -> Result<()> {
    let queue = QUEUES.lock().get(&number).cloned().ok_or_else(closed)?;
    let inside = gil::is_inside();
    let known = match context {
        true if inside => None, // it may be another one at each call
        true => known_context(),
        false => Some(None),
    };
    let message = match known {
        Some(context) if !now && !inside => Message::Packed(message.to_vec(), context),
        known => gil::with(|py| {
            let context = match known {
                Some(context) => context,
                None => Some(copy_context(py, !inside)?),
            };
            Ok::<_, Error>(Message::Read(pack::answer(py, message)?.unbind(), context))
        })?,
    };
    let mut waiting = queue.waiting.lock();
    if waiting.closed {
        drop(waiting);
        forget(message);
        return Err(closed());
    }
    let first = waiting.messages.is_empty();
    waiting.messages.push_back(message);
    drop(waiting);
    if first {
        queue.wake();
    }
    Ok(())
}

fn closed() -> Error {
    Error::refused("The event loop is closed.")
}

/// The context of a thread that is outside of Python, if that needs no GIL: one that was never inside has none.
fn known_context() -> Option<Option<Context>> {
    let visits = gil::visits();
    if visits == 0 {
        return Some(None);
    }
    CONTEXT.with_borrow(|known| match known {
        Some((made, context)) if *made == visits => Some(Some(Arc::clone(context))),
        _ => None,
    })
}

/// A copy of the thread's context, kept for as long as the thread stays outside.
fn copy_context(py: Python<'_>, keep: bool) -> Result<Context> {
    static COPY: OnceCell<Py<PyAny>> = OnceCell::new();
    let copy = COPY.get_or_try_init(|| {
        let module = PyModule::import(py, "_contextvars")?;
        Ok::<_, PyErr>(module.getattr("copy_context")?.unbind())
    })?;
    let context = Arc::new(copy.bind(py).call0()?.unbind());
    let kept = keep.then(|| (gil::visits(), Arc::clone(&context)));
    let before = CONTEXT.with_borrow_mut(|known| std::mem::replace(known, kept));
    drop(before);
    Ok(context)
}

/// A message that nobody takes: the objects in it are given back when a thread next enters Python.
fn forget(message: Message) {
    handle::do_late(move |py| {
        if let Message::Packed(bytes, _) = &message {
            drop(pack::answer(py, bytes));
        }
        drop(message);
    });
}

/// Closes the queues of a host: its loops end.
pub fn close_host(host: Frame) {
    let own: Vec<_> = QUEUES
        .lock()
        .iter()
        .filter(|(_, queue)| queue.host == host)
        .map(|(number, _)| *number)
        .collect();
    own.into_iter().for_each(close);
}

fn close(number: Number) {
    let Some(queue) = QUEUES.lock().remove(&number) else {
        return;
    };
    let mut waiting = queue.waiting.lock();
    waiting.closed = true;
    let left = std::mem::take(&mut waiting.messages);
    drop(waiting);
    queue.wake();
    left.into_iter().for_each(forget);
}

/// How many messages wait; none if the queue is closed. Needs no Python.
pub fn waiting(number: Number) -> Option<usize> {
    let queue = QUEUES.lock().get(&number).cloned()?;
    let count = queue.waiting.lock().messages.len();
    Some(count)
}

/// A queue as its event loop has it.
#[pyclass(frozen, module = "python4j")]
pub struct Queue {
    number: Number,
    shared: Arc<Shared>,
}

#[pymethods]
impl Queue {
    #[new]
    fn new(host: i64) -> PyResult<Self> {
        let host = host as Frame; // as Java has it
        static MADE: AtomicU64 = AtomicU64::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed) + 1; // another one each time
        let (sender, receiver) = wire::pair()?;
        sender.set_nonblocking(true)?;
        receiver.set_nonblocking(true)?;
        let waiting = Mutex::default();
        let shared = Arc::new(Shared {
            waiting,
            host,
            sender,
            receiver,
        });
        QUEUES.lock().insert(number, Arc::clone(&shared));
        Ok(Queue { number, shared })
    }

    #[getter]
    fn number(&self) -> Number {
        self.number
    }

    /// What the loop looks at.
    fn fileno(&self) -> u64 {
        wire::number(&self.shared.receiver)
    }

    /// The messages that wait, each a list, with the context of the thread that sent it: one after the other. None once
    /// the queue is closed.
    fn take<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyList>>> {
        handle::free_late(py); // a thread that is inside for as long as it runs never comes in
        let _ = (&self.shared.receiver).read(&mut [0; 64]); // before the messages: a later one writes again
        let mut waiting = self.shared.waiting.lock();
        if waiting.closed {
            return Ok(None);
        }
        let count = waiting.messages.len().min(MOST_AT_ONCE);
        let messages: Vec<_> = waiting.messages.drain(..count).collect();
        let more = !waiting.messages.is_empty();
        drop(waiting);
        if more {
            self.shared.wake();
        }
        let list = PyList::empty(py);
        for message in messages {
            let (read, context) = match message {
                Message::Read(read, context) => (read.into_bound(py), context),
                Message::Packed(bytes, context) => match pack::answer(py, &bytes) {
                    Ok(read) => (read, context),
                    Err(error) => (unreadable(py, &bytes, &error)?, context),
                },
            };
            list.append(read)?;
            match context {
                Some(context) => list.append(context.bind(py))?,
                None => list.append(py.None())?,
            }
        }
        Ok(Some(list))
    }

    fn is_closed(&self) -> bool {
        self.shared.waiting.lock().closed
    }

    fn close(&self) {
        close(self.number);
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        close(self.number);
    }
}

/// In place of a message with an object that is gone: whom it is for, and why.
fn unreadable<'py>(py: Python<'py>, bytes: &[u8], error: &Error) -> PyResult<Bound<'py, PyAny>> {
    let mut reader = pack::Reader::new(bytes);
    let second = |reader: &mut pack::Reader| {
        reader.u8()?;
        reader.u32()?;
        reader.value(py)?;
        reader.value(py)
    };
    let number = second(&mut reader).unwrap_or_else(|_| py.None().into_bound(py));
    let list = PyList::empty(py);
    list.append(-1)?;
    list.append(number)?;
    list.append(error.to_string())?;
    Ok(list.into_any())
}

/// Two sockets of which one reads what the other writes.
#[cfg(unix)]
mod wire {
    use std::io;
    use std::os::fd::AsRawFd;
    pub use std::os::unix::net::UnixStream as Stream;

    pub fn pair() -> io::Result<(Stream, Stream)> {
        Stream::pair()
    }

    pub fn number(stream: &Stream) -> u64 {
        stream.as_raw_fd() as u64
    }
}

/// The same on Windows, made as Python's `socket.socketpair` makes it there.
#[cfg(windows)]
mod wire {
    use std::io;
    use std::net::{Ipv4Addr, TcpListener};
    use std::os::windows::io::AsRawSocket;

    pub use std::net::TcpStream as Stream;

    pub fn pair() -> io::Result<(Stream, Stream)> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let sender = Stream::connect(listener.local_addr()?)?;
        loop {
            let (receiver, from) = listener.accept()?;
            if from == sender.local_addr()? {
                sender.set_nodelay(true)?;
                return Ok((sender, receiver)); // anybody else who found the port is left
            }
        }
    }

    pub fn number(stream: &Stream) -> u64 {
        stream.as_raw_socket()
    }
}
