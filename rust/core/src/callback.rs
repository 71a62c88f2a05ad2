// SPDX-License-Identifier: Apache-2.0
//! Calls from Python to the caller's language. Every call of a foreign function is one upcall, which sends packed
//! values. `rust/jni/src/host.rs` creates the upcall. The library of each class loader has its own upcall, and every
//! key knows the upcall to which it belongs.
//!
//! While the foreign function runs, the thread has left Python: other threads may enter, and the foreign function may
//! call Python again. An exception of the foreign function passes through Python as a `JavaException` with a key, so
//! that the same exception can be thrown again outside. A [`Function`], and a [`Reference`] to any other Java object,
//! has a key, too, by which it is passed back as the same object (`pack.rs`). `proxies.py` defines what references
//! look like in Python.

use crate::capi::{self, Called, Direct};
use crate::gil;
use crate::guarded::Guarded;
use crate::keys::Key;
pub use crate::keys::{
    Answer, Few, Function, Place, Reference, SHORT_TEXT, Scalar, Upcall, foreign_key, key, set_peer,
};
use crate::lines::{self, Lines};
use crate::pack::{self, Reader, Writer};
use crate::script::tool;
use crate::tools::tools;
use crate::{Error, Result, fork, inject};
use pyo3::exceptions::{PyAttributeError, PyTypeError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyBytes, PyDict, PyFloat, PyInt, PyString, PyTuple};
use std::ffi::CStr;
use std::sync::{Arc, OnceLock};

/// No function has this key: it asks for the name of the thread.
pub const THREAD_NAME: u64 = 0;

/// The packed answer that has Python raise one of its builtin exceptions.
pub fn raising(class: &str, text: &str) -> Vec<u8> {
    let mut answer = vec![3];
    for part in [class, text] {
        answer.extend_from_slice(&(part.len() as u32).to_le_bytes());
        answer.extend_from_slice(part.as_bytes());
    }
    answer
}

static THREAD_NAME_OF: OnceLock<fn() -> Option<String>> = OnceLock::new();

/// Sets who tells what the other side calls this thread; none for a thread that it does not know. Must not wait for
/// anything. A later call changes nothing.
pub fn set_thread_name(name: fn() -> Option<String>) {
    let _ = THREAD_NAME_OF.set(name);
}

/// What the other side calls this thread.
pub(crate) fn thread_name() -> Option<String> {
    match fork::is_child() {
        true => None,
        false => THREAD_NAME_OF.get()?(),
    }
}

static CLASS_KIND_OF: OnceLock<fn(&str) -> Option<u8>> = OnceLock::new();

/// Sets who tells what a name is among the other side's classes: 0 for none, 1 for a class that is none of exceptions, 2
/// for one that is; nothing where nobody can tell.
pub fn set_class_kind(kind: fn(&str) -> Option<u8>) {
    let _ = CLASS_KIND_OF.set(kind);
}

/// What a name is on the other side, which may wait there.
pub(crate) fn class_kind(py: Python<'_>, name: &str) -> Option<u8> {
    match fork::is_child() {
        true => None,
        false if name.is_empty() => Some(0),
        false => CLASS_KIND_OF
            .get()
            .and_then(|kind| gil::outside(py, || kind(name))),
    }
}

/// What the next [`Function`] is made of, which has neither arguments nor anything that Python code could make up.
static MADE: Guarded<Option<Function>> = Guarded::new(None);

/// The class of all functions that Python code sees.
static DIRECT: PyOnceLock<Direct<Function>> = PyOnceLock::new();

impl Called for Function {
    #[inline]
    fn called<'py>(
        callable: &Bound<'py, Self>,
        first: &Bound<'py, PyAny>,
        second: Option<&Bound<'py, PyAny>>,
    ) -> Option<PyResult<Bound<'py, PyAny>>> {
        let (Function { key, objects, .. }, mut longs) = (callable.get(), [0; 2]);
        if *objects || !key.upcall.takes_few() {
            return None;
        }
        let few = few(first, second, &mut longs)?;
        Some(call_few(first.py(), key, few).map_err(raise_again))
    }
}

#[pymethods]
impl Function {
    #[new]
    fn new(py: Python<'_>) -> PyResult<Self> {
        let made = MADE.lock(py).take();
        made.ok_or_else(|| PyTypeError::new_err("cannot create 'python4j.function' instances"))
    }

    #[pyo3(signature = (*args, **kwargs))]
    fn __call__<'py>(
        &self,
        args: &Bound<'py, PyTuple>,
        kwargs: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        call(&self.key, self.objects, args, kwargs).map_err(raise_again)
    }

    fn __repr__(&self) -> String {
        format!("<java function {}>", self.name)
    }

    /// As Python's functions are copied.
    fn __copy__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __deepcopy__(slf: Py<Self>, _memo: &Bound<'_, PyAny>) -> Py<Self> {
        slf
    }

    #[getter]
    fn __name__(&self) -> &str {
        &self.name
    }

    /// Whether the Java program that it belongs to can still be called.
    #[getter]
    fn _is_open(&self) -> bool {
        self.key.upcall().is_ok_and(Upcall::is_open)
    }

    #[getter]
    fn __qualname__(&self) -> &str {
        &self.name
    }
}

/// What `__getattribute__` of a reference raised, until `__getattr__` raises it.
static MISSING: Guarded<Option<PyErr>> = Guarded::new(None);

fn set_missing(py: Python<'_>, raised: Option<PyErr>) {
    let before = std::mem::replace(&mut *MISSING.lock(py), raised);
    drop(before); // which may run finalizers
}

#[pymethods]
impl Reference {
    /// What a foreign function does is what the object does. Python code cannot make up a key.
    #[new]
    fn new(function: PyRef<'_, Function>) -> Self {
        Reference {
            key: Arc::clone(&function.key),
            known: PyOnceLock::new(),
        }
    }

    /// The members of the object go after what its class in Python has. An `AttributeError` is for `__getattr__` to raise, which pyo3
    /// calls then.
    fn __getattribute__<'py>(
        slf: &Bound<'py, Self>,
        name: &Bound<'py, PyString>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        if let Some(found) = capi::own_attribute(slf.as_any(), name)? {
            return Ok(found);
        }
        if capi::utf8(name).is_some_and(|name| name.starts_with("__")) {
            set_missing(py, None);
            return Err(PyAttributeError::new_err(())); // what Python looks for by itself: no Java member is named so
        }
        slf.get().member(name.as_any()).map_err(|error| {
            let raised = raise_again(error);
            if raised.is_instance_of::<PyAttributeError>(py) {
                set_missing(py, Some(raised.clone_ref(py)));
            }
            raised
        })
    }

    fn __getattr__(slf: &Bound<'_, Self>, name: &Bound<'_, PyString>) -> PyResult<Py<PyAny>> {
        let raised = MISSING.lock(slf.py()).take();
        Err(match raised {
            Some(raised) => raised,
            None => PyAttributeError::new_err(format!(
                "{} object has no attribute {}",
                slf.get_type().name()?.repr()?,
                name.repr()?
            )),
        })
    }

    /// The next element of an iterator.
    fn _next<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        match self.key.upcall.takes_few() {
            true => call_few(py, &self.key, Few::Operation(NEXT, "")),
            false => call(&self.key, false, &PyTuple::new(py, [OPERATIONS[NEXT]])?, None),
        }
        .map_err(raise_again)
    }

    #[pyo3(signature = (*args))]
    fn _java<'py>(&self, args: &Bound<'py, PyTuple>) -> PyResult<Bound<'py, PyAny>> {
        let (first, second) = (args.get_item(0).ok(), args.get_item(1).ok());
        match operation(first.as_ref(), second.as_ref(), args.len()) {
            Some(few) if self.key.upcall.takes_few() => match &second {
                Some(name) => self.member(name),
                None => call_few(args.py(), &self.key, few),
            },
            _ => call(&self.key, false, args, None),
        }
        .map_err(raise_again)
    }
}

#[pymethods]
impl Lines {
    #[new]
    fn made(stream: Py<PyAny>, text: Bound<'_, PyAny>, place: usize) -> PyResult<Self> {
        Lines::new(stream, text, place)
    }

    /// What `write` of the stream is.
    fn write(&self, data: &Bound<'_, PyAny>) -> PyResult<usize> {
        let py = data.py();
        match self.plain(data) {
            Some(text) => self.written(py, text).map(|()| text.len()),
            None => {
                let stream = self.stream.bind(py);
                stream.call_method1(intern!(py, "_write"), (data,))?.extract()
            }
        }
    }

    /// Takes text, which is UTF-8 with surrogates.
    fn written(&self, py: Python<'_>, text: &[u8]) -> PyResult<()> {
        match self.add(py, text).map_err(raise_again)? {
            Some(lines) => {
                self.send(py, &lines)?;
                self.give_back(py, lines);
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// What `flush` of the stream is.
    fn flush(&self, py: Python<'_>) -> PyResult<()> {
        let closed = || self.stream.bind(py).getattr(intern!(py, "closed"))?.is_truthy();
        match self.is_started(py) && !closed()? {
            true => self.take(py).map_or(Ok(()), |rest| self.send(py, &rest)),
            false => Ok(()),
        }
    }

    /// Tells the text stream's encoding while that is UTF-8 and nothing is left of a character, None else.
    fn tell_utf8(&self, py: Python<'_>, encoding: Option<Py<PyAny>>) {
        self.set_utf8(py, encoding);
    }

    /// Sets the streams that are captured, and the two functions that receive.
    #[staticmethod]
    fn capture(py: Python<'_>, streams: Vec<Py<Lines>>, receivers: Vec<Bound<'_, PyAny>>) {
        let function = |place: usize| receivers.get(place)?.cast().ok().cloned().map(Bound::unbind);
        lines::set(py, streams, [function(0), function(1)]);
    }

    fn __traverse__(&self, visit: pyo3::PyVisit<'_>) -> std::result::Result<(), pyo3::PyTraverseError> {
        self.visit(&visit)
    }
}

impl Lines {
    /// To the last receiver. What that does not take is the affair of output.py.
    fn send(&self, py: Python<'_>, text: &[u8]) -> PyResult<()> {
        if let Some(receiver) = self.receiver(py) {
            let receiver = receiver.get();
            match is_received(py, &receiver.key, text) {
                Ok(true) => return Ok(()),
                Err(error) if receiver._is_open() => return Err(raise_again(error)),
                _ => {}
            }
        }
        let stream = self.stream.bind(py);
        stream.call_method1(intern!(py, "_send"), (PyBytes::new(py, text),))?;
        Ok(())
    }
}

/// Passes text to a function, which gives back what it does not take.
fn is_received(py: Python<'_>, key: &Key, text: &[u8]) -> Result<bool> {
    let mut answer = Answer::Long(0);
    let left = match few_text(text).filter(|_| key.upcall.takes_few()) {
        Some(text) => {
            ask(py, key, Few::Text(text), &mut answer)?;
            match &answer {
                Answer::Text(_, 0) => return Ok(true),
                answer => value_of(py, key, answer)?,
            }
        }
        None => call(key, false, &PyTuple::new(py, [pack::string(py, text)?])?, None)?,
    };
    Ok(!left.is_truthy()?)
}

impl Reference {
    /// What has a name here. A method stays the same one, so it is asked for once, and a field where it is.
    fn member<'py>(&self, name: &Bound<'py, PyAny>) -> Result<Bound<'py, PyAny>> {
        let py = name.py();
        let known = self.known.get(py).map(|known| known.bind(py).get_item(name));
        if let Some(known) = known.transpose()?.flatten() {
            let Ok(place) = known.cast_exact::<Place>() else {
                return Ok(known);
            };
            if let Some(value) = self.read(place.get())? {
                return Ok(value.object(py));
            }
        }
        let packed = || {
            // A name of a class of its own, a member of an enum say, is a text for Java.
            let name = match name.is_exact_instance_of::<PyString>() {
                true => name.clone(),
                false => py.get_type::<PyString>().call_method1("__str__", (name,))?,
            };
            let args = (OPERATIONS[MEMBER], name).into_pyobject(py)?;
            call(&self.key, false, &args, None)
        };
        let Some(text) = short_ascii(name).filter(|text| !text.is_empty() && self.key.upcall.takes_few())
        else {
            return packed();
        };
        let know = |member: &Bound<'py, PyAny>| {
            let known = self.known.get_or_init(py, || PyDict::new(py).unbind());
            known.bind(py).set_item(name, member)
        };
        let mut answer = Answer::Long(0);
        ask(py, &self.key, Few::Operation(MEMBER, text), &mut answer)?;
        match answer {
            Answer::Packed(reply) if reply.first() == Some(&METHOD) => {
                let mut reader = Reader::new(&reply[1..]);
                let (number, objects, method) = (reader.u64()?, reader.u8()? != 0, reader.text(py)?);
                let upcall = Arc::clone(&self.key.upcall);
                let method = function(py, upcall, number, &method.to_cow()?, objects)?.into_any();
                know(&method)?;
                Ok(method)
            }
            Answer::Place(place) => match self.read(&place)? {
                Some(value) => {
                    know(Bound::new(py, place)?.as_any())?;
                    Ok(value.object(py))
                }
                None => packed(),
            },
            answer => value_of(py, &self.key, &answer),
        }
    }

    fn read(&self, place: &Place) -> Result<Option<Scalar>> {
        Ok(self.key.upcall()?.read(place))
    }
}

impl Scalar {
    fn object(self, py: Python<'_>) -> Bound<'_, PyAny> {
        match self {
            Scalar::Int(value) => pack::int(py, value),
            Scalar::Float(value) => PyFloat::new(py, value).into_any(),
            Scalar::Bool(value) => PyBool::new(py, value).to_owned().into_any(),
        }
    }
}

/// A Python callable for a foreign function. With `objects` the function gets its arguments as the
/// objects that they are.
pub fn function<'py>(
    py: Python<'py>,
    upcall: Arc<dyn Upcall>,
    number: u64,
    name: &str,
    objects: bool,
) -> Result<Bound<'py, Function>> {
    const TEXT: &CStr = c"A foreign function as Python calls it.";
    let direct = DIRECT.get_or_try_init(py, || Direct::new(py, c"python4j.function", TEXT))?;
    let (key, name) = (Arc::new(Key { number, upcall }), name.into());
    let before = MADE.lock(py).replace(Function { key, name, objects });
    drop(before); // none, as `make` takes it
    Ok(direct.make(py)?)
}

/// What holds a key, as the one of a function does, and is not called.
fn holder<'py>(
    py: Python<'py>,
    upcall: Arc<dyn Upcall>,
    number: u64,
    name: &str,
) -> Result<Bound<'py, Function>> {
    let (key, name) = (Arc::new(Key { number, upcall }), name.into());
    let objects = false;
    Ok(Bound::new(py, Function { key, name, objects })?)
}

/// A reference to the foreign object of a key, of a class in `proxies.py`, or in another file that is named before it.
pub fn reference<'py>(
    py: Python<'py>,
    upcall: Arc<dyn Upcall>,
    number: u64,
    class: &str,
) -> Result<Bound<'py, PyAny>> {
    let function = holder(py, upcall, number, class)?;
    let (file, class) = class.split_once('.').unwrap_or(("proxies", class));
    Ok(tool(py, file, class)?.call1((function,))?)
}

fn call<'py>(
    key: &Key,
    objects: bool,
    args: &Bound<'py, PyTuple>,
    kwargs: Option<&Bound<'py, PyDict>>,
) -> Result<Bound<'py, PyAny>> {
    let py = args.py();
    let upcall = key.upcall()?;
    if !objects && kwargs.is_none() && upcall.takes_few() && matches!(args.len(), 1 | 2) {
        let (first, second, mut longs) = (args.get_item(0)?, args.get_item(1).ok(), [0; 2]);
        if let Some(few) = few(&first, second.as_ref(), &mut longs) {
            return call_few(py, key, few);
        }
    }
    let mut writer = Writer::outside(py, upcall.root());
    match (objects, kwargs) {
        (false, Some(kwargs)) => {
            writer.value(args)?;
            writer.value(kwargs)?;
        }
        (false, None) => {
            writer.value(args)?;
            writer.none()?;
        }
        (true, _) => {
            writer.list_of(args.len())?;
            args.iter().try_for_each(|argument| writer.object(&argument))?;
            let kwargs = kwargs.map_or_else(Vec::new, |kwargs| kwargs.iter().collect());
            writer.dict_of(kwargs.len())?;
            for (name, argument) in &kwargs {
                writer.value(name)?;
                writer.object(argument)?;
            }
        }
    }
    inject::point();
    let arguments = writer.written();
    let reply = gil::outside(py, || upcall.call(key.number, arguments))?;
    drop(writer.finish());
    inject::point();
    answered(py, key, &reply)
}

fn call_few<'py>(py: Python<'py>, key: &Key, few: Few<'_>) -> Result<Bound<'py, PyAny>> {
    let mut answer = Answer::Long(0);
    ask(py, key, few, &mut answer)?;
    value_of(py, key, &answer)
}

fn ask(py: Python<'_>, key: &Key, few: Few<'_>, answer: &mut Answer) -> Result<()> {
    let upcall = key.upcall()?;
    inject::point();
    gil::outside(py, || upcall.call_few(key.number, few, answer))?;
    inject::point();
    Ok(())
}

fn value_of<'py>(py: Python<'py>, key: &Key, answer: &Answer) -> Result<Bound<'py, PyAny>> {
    match answer {
        Answer::Long(value) => Ok(PyInt::new(py, *value).into_any()),
        Answer::Text(ascii, length) => Ok(PyString::from_bytes(py, &ascii[..*length])?.into_any()),
        Answer::Place(_) => Err(Error::refused("Only a member has a place.")),
        Answer::Packed(reply) => gil::told(py, |py| answered(py, key, reply)),
    }
}

/// The operations of references that need no packing: `Callbacks` has the same. The last one takes a name.
const OPERATIONS: [&str; 4] = ["next", "length", "hash", "member"];
const NEXT: usize = 0;
const MEMBER: usize = OPERATIONS.len() - 1;

/// An operation of a reference, if it is one of these.
fn operation<'a>(
    name: Option<&'a Bound<'_, PyAny>>,
    operand: Option<&'a Bound<'_, PyAny>>,
    count: usize,
) -> Option<Few<'a>> {
    let name = capi::utf8(capi::exactly(name?)?)?;
    let number = OPERATIONS.iter().position(|&operation| operation == name)?;
    match (number == MEMBER, count) {
        (true, 2) => Some(Few::Operation(number, short_ascii(operand?)?)),
        (false, 1) => Some(Few::Operation(number, "")),
        _ => None,
    }
}

fn short_ascii<'a>(text: &'a Bound<'_, PyAny>) -> Option<&'a str> {
    let text = capi::exactly::<PyString>(text)?;
    if capi::length(text) > SHORT_TEXT {
        return None;
    }
    few_text(capi::utf8(text)?.as_bytes())
}

/// A text that [`Few`] has room for.
fn few_text(text: &[u8]) -> Option<&str> {
    let plain = text.len() <= SHORT_TEXT && text.iter().all(|byte| (1..0x80).contains(byte));
    plain.then(|| std::str::from_utf8(text).ok()).flatten()
}

/// The arguments as they are, if they are such.
fn few<'a>(
    first: &'a Bound<'_, PyAny>,
    second: Option<&Bound<'_, PyAny>>,
    longs: &'a mut [i64; 2],
) -> Option<Few<'a>> {
    match (capi::long(first), second) {
        (Some(first), None) => longs[0] = first,
        (Some(first), Some(second)) => *longs = [first, capi::long(second)?],
        (None, None) => return short_ascii(first).map(Few::Text),
        (None, Some(_)) => return None,
    }
    Some(Few::Longs(&longs[..1 + usize::from(second.is_some())]))
}

/// What a packed answer begins with that is a method of a reference: its key, whether it takes objects, its name.
const METHOD: u8 = 4;

/// What a packed answer says.
fn answered<'py>(py: Python<'py>, key: &Key, reply: &[u8]) -> Result<Bound<'py, PyAny>> {
    let mut reader = Reader::new(reply);
    match reader.u8()? {
        0 => pack::answer(py, &reply[1..]),
        1 => {
            let (number, upcall) = (reader.u64()?, Arc::clone(&key.upcall));
            let (classes, text) = (reader.text(py)?, reader.text(py)?);
            Err(PyErr::from_value(exception(py, upcall, number, classes, text)?).into())
        }
        2 => {
            let exception = reader.value(py)?;
            Err(PyErr::from_value(exception).into())
        }
        _ => {
            let (class, text) = (reader.text(py)?, reader.text(py)?);
            let exception = tools()?.builtins.bind(py).getattr(class)?.call1((text,))?;
            Err(PyErr::from_value(exception).into())
        }
    }
}

/// The Python exception for a foreign one, by its key. It is held as long as the Python exception lives.
///
/// `classes` are the names of its class and of those that this extends, with spaces between them.
pub fn exception<'py, T: IntoPyObject<'py>>(
    py: Python<'py>,
    upcall: Arc<dyn Upcall>,
    number: u64,
    classes: T,
    text: T,
) -> Result<Bound<'py, PyAny>> {
    let holder = holder(py, upcall, number, "exception")?;
    let class = tools()?.java_exception.bind(py);
    Ok(class.call_method1(intern!(py, "make"), (classes, text, number, holder))?)
}

/// An error of ours as an exception inside Python.
pub(crate) fn raise_again(error: Error) -> PyErr {
    match error {
        Error::Python { raised } => *raised,
        other => pyo3::exceptions::PyRuntimeError::new_err(other.to_string()),
    }
}
