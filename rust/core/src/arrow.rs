// SPDX-License-Identifier: Apache-2.0
//! Tables: Java's tables as objects that every Arrow library of Python reads (the PyCapsule interface), and the
//! Arrow data of any Python object as structs for Java. `arrow_c.rs` describes who owns the structs.

use crate::array;
use crate::arrow_c::{Array, Keeper, Owned, Schema, Stream, Struct, capsule, taken};
pub use crate::arrow_c::{Batch, release};
use crate::buffer::{Element, Memory};
use crate::gil::Place;
use crate::handle::{self, Frame, Handle};
use crate::keys::{Key, Upcall};
use crate::{Error, Result, capi, gil};
use parking_lot::Mutex;
use pyo3::exceptions::{PyStopIteration, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyIterator, PyList, PyTuple};
use std::collections::VecDeque;
use std::ffi::{CStr, CString, c_char, c_int};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::{mem, ptr};

// ---- from Java ----

/// Schemas that crossed last, by numbers, so that the next table with one of them needs no more than the number.
struct Known(Mutex<VecDeque<(u64, Arc<Owned<Schema>>)>>);

impl Known {
    const MOST: usize = 64;

    const fn new() -> Self {
        Known(Mutex::new(VecDeque::new()))
    }

    fn get(&self, number: u64) -> Option<Arc<Owned<Schema>>> {
        let all = self.0.lock();
        let found = all.iter().find(|(known, _)| *known == number);
        found.map(|(_, schema)| Arc::clone(schema))
    }

    fn add(&self, number: u64, schema: &Arc<Owned<Schema>>) {
        let mut all = self.0.lock();
        all.truncate(Self::MOST - 1);
        all.push_front((number, Arc::clone(schema)));
    }
}

/// A batch of Java's, or one of its columns.
struct Held {
    schema: Arc<Owned<Schema>>,
    array: Owned<Array>,
    keeper: Keeper,
}

impl Held {
    fn schema<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        capsule(py, self.schema.0.copy())
    }

    fn array<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
        Ok((self.schema(py)?, capsule(py, self.array.0.share(&self.keeper))?))
    }
}

/// A column of Java's.
#[pyclass(frozen, weakref, subclass, module = "python4j", name = "arrow_column")]
struct Column(Held);

#[pymethods]
impl Column {
    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.0.schema(py)
    }

    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_array__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
        let _as_it_is = requested_schema; // the specification leaves casts to the consumer
        self.0.array(py)
    }

    fn __repr__(&self) -> String {
        let (name, rows) = (self.0.schema.0.name(), self.0.array.0.length);
        format!("<java column {name:?} of {rows} rows>")
    }
}

/// A table of Java's that lies in memory as a whole: a column of structs that is a stream of one batch as well.
#[pyclass(frozen, extends = Column, module = "python4j", name = "arrow_table")]
struct Table;

#[pymethods]
impl Table {
    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        table: &Bound<'py, Self>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let _as_it_is = requested_schema;
        let held = &table.as_super().get().0;
        let batches = Batches::One(Some(held.array.0.share(&held.keeper)));
        capsule(table.py(), stream(held.schema.0.copy(), batches))
    }

    fn __repr__(table: &Bound<'_, Self>) -> String {
        let held = &table.as_super().get().0;
        let (columns, rows) = (held.schema.0.children().len(), held.array.0.length);
        format!("<java table of {columns} columns and {rows} rows>")
    }
}

/// A reader of Java's, whose batches are read when Python asks for them.
#[pyclass(frozen, weakref, module = "python4j", name = "arrow_reader")]
struct Reader {
    schema: Owned<Schema>,
    batches: Mutex<Option<Source>>,
}

#[pymethods]
impl Reader {
    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        capsule(py, self.schema.0.copy())
    }

    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let _as_it_is = requested_schema;
        let Some(source) = self.batches.lock().take() else {
            return Err(PyValueError::new_err(
                "The batches of this Java reader are read once, and somebody reads them already: make a table of them first, \
                 pyarrow.table(reader) say.",
            ));
        };
        capsule(py, stream(self.schema.0.copy(), Batches::Java(source)))
    }

    fn __repr__(&self) -> String {
        format!("<java reader of {} columns>", self.schema.0.children().len())
    }
}

/// Where the batches of a stream of ours come from.
enum Batches {
    One(Option<Owned<Array>>),
    Java(Source),
}

/// What a stream of ours has.
struct Streaming {
    schema: Owned<Schema>,
    batches: Batches,
    error: CString,
}

fn stream(schema: Owned<Schema>, batches: Batches) -> Owned<Stream> {
    let error = CString::default();
    let streaming = Box::new(Streaming {
        schema,
        batches,
        error,
    });
    Owned(Stream {
        get_schema: Some(stream_schema),
        get_next: Some(stream_next),
        get_last_error: Some(stream_error),
        release: Some(stream_release),
        private_data: Box::into_raw(streaming).cast(),
    })
}

unsafe fn streaming<'a>(stream: *mut Stream) -> &'a mut Streaming {
    // SAFETY: the caller has a stream that `stream` made, by itself.
    unsafe { &mut *(*stream).private_data.cast() }
}

unsafe extern "C" fn stream_schema(from: *mut Stream, out: *mut Schema) -> c_int {
    // SAFETY: the consumer gives a stream of ours and room for a schema.
    unsafe { streaming(from).schema.0.copy().put(out as usize) };
    0
}

unsafe extern "C" fn stream_next(from: *mut Stream, out: *mut Array) -> c_int {
    // SAFETY: as above, for an array.
    let streaming = unsafe {
        ptr::write(out, Array::empty());
        streaming(from)
    };
    match &mut streaming.batches {
        Batches::One(batch) => {
            if let Some(batch) = batch.take() {
                // SAFETY: as above.
                unsafe { batch.put(out as usize) };
            }
            0
        }
        Batches::Java(source) => {
            let schema = &raw const streaming.schema.0;
            match call_reader(&source.0, Some(&Wanted { schema, out })) {
                Ok(()) => 0,
                Err(error) => {
                    streaming.error = CString::new(error.to_string().replace('\0', " ")).unwrap_or_default();
                    libc::EIO
                }
            }
        }
    }
}

unsafe extern "C" fn stream_error(from: *mut Stream) -> *const c_char {
    // SAFETY: as above. The text stays until the next call.
    unsafe { streaming(from) }.error.as_ptr()
}

unsafe extern "C" fn stream_release(from: *mut Stream) {
    // SAFETY: a stream of ours. One that is released again, against the specification, has nothing.
    unsafe {
        let streaming = ptr::replace(&raw mut (*from).private_data, ptr::null_mut()).cast::<Streaming>();
        if !streaming.is_null() {
            drop(Box::from_raw(streaming));
        }
        (*from).release = None;
    }
}

/// A batch that Java is asked for: of which columns, and where to put it.
struct Wanted {
    schema: *const Schema,
    out: *mut Array,
}

// SAFETY: it is lent to Java for the length of one call.
unsafe impl Sync for Wanted {}

/// Calls the function of a reader in Java: for a batch that is wanted, or with none for the end. Java's code runs without
/// the GIL, and its thread has the place of one that Python calls: also where C code has given the GIL back before.
fn call_reader(key: &Key, wanted: Option<&Wanted>) -> Result<()> {
    const LIST_OF_ONE: [u8; 6] = [8, 1, 0, 0, 0, 3]; // a number, in the notation of pack.rs; and no named arguments
    const BYTES: u8 = 7;
    let call = || {
        let wanted = wanted.map_or(0, |wanted| ptr::from_ref(wanted) as i64);
        let arguments = [&LIST_OF_ONE[..], &wanted.to_le_bytes(), &[0]].concat();
        key.upcall()?.call(key.number, &arguments)
    };
    let answer = if capi::gil_held() {
        gil::inside(|py| gil::outside(py, call))?
    } else if gil::place() == Place::Outside {
        call()?
    } else {
        capi::ensured(|| gil::inside(|py| gil::outside(py, call)))?
    };
    match &answer[..] {
        [0, 0, ..] => Ok(()),
        [0, BYTES, a, b, c, d, text @ ..] => {
            let length = u32::from_le_bytes([*a, *b, *c, *d]) as usize;
            let text = text.get(..length).unwrap_or(text);
            Err(Error::refused(String::from_utf8_lossy(text)))
        }
        _ => Err(Error::refused("The reader in Java failed.")),
    }
}

/// A reader in Java, which is told when nobody reads it any more.
struct Source(Key);

impl Drop for Source {
    fn drop(&mut self) {
        let _ = call_reader(&self.0, None); // nobody is there to be told
    }
}

/// For Java: an object for a table or a column, as `Array::described` has it. Java is told by the key when Python and
/// everybody else has dropped the memory. The schema is that of an earlier table, whose key is given, or else at an address;
/// no handle where the earlier one is forgotten, and then the key is not used.
pub fn give(
    py: Python<'_>,
    numbers: &[i64],
    key: (u64, Arc<dyn Upcall>),
    (earlier, schema): (u64, usize),
    table: bool,
    frame: Frame,
) -> Result<Handle> {
    static KNOWN: Known = Known::new();
    let known = if schema == 0 { KNOWN.get(earlier) } else { None };
    if schema == 0 && known.is_none() {
        return Ok(0);
    }
    let (number, keeper): (u64, Keeper) = (key.0, Arc::new(made(key)));
    let schema = match known {
        Some(known) => known,
        None => {
            // SAFETY: Java has filled in the struct.
            let made = Arc::new(unsafe { Owned::<Schema>::take(schema) }?.0.copy());
            KNOWN.add(number, &made);
            made
        }
    };
    let array = Array::described(numbers, &schema.0, &keeper)?;
    let held = Held {
        schema,
        array,
        keeper,
    };
    let column = PyClassInitializer::from(Column(held));
    Ok(handle::give(
        match table {
            true => Bound::new(py, column.add_subclass(Table))?.into_any(),
            false => Bound::new(py, column)?.into_any(),
        },
        frame,
    ))
}

fn made((number, upcall): (u64, Arc<dyn Upcall>)) -> Key {
    Key { number, upcall }
}

/// For Java: an object for a reader. Java's function of the key is called for each batch, with the number for
/// [`give_batch`], and with 0 at the end; it answers with nothing, or with what went wrong as bytes of UTF-8.
pub fn give_reader(
    py: Python<'_>,
    key: (u64, Arc<dyn Upcall>),
    schema: usize,
    frame: Frame,
) -> Result<Handle> {
    let batches = Mutex::new(Some(Source(made(key))));
    // SAFETY: Java has filled in the struct.
    let schema = unsafe { Owned::<Schema>::take(schema) }?.0.copy();
    Ok(handle::give(
        Bound::new(py, Reader { schema, batches })?.into_any(),
        frame,
    ))
}

/// For Java: puts a batch where [`call_reader`] asked for it. Needs no Python.
pub fn give_batch(numbers: &[i64], key: (u64, Arc<dyn Upcall>), wanted: usize) -> Result<()> {
    let keeper: Keeper = Arc::new(made(key));
    // SAFETY: Java hands on the address that it was given, within the call that gave it.
    unsafe {
        let wanted = &*(wanted as *const Wanted);
        Array::described(numbers, &*wanted.schema, &keeper)?.put(wanted.out as usize);
    }
    Ok(())
}

/// For Java: a numpy array of a column's values. As with [`give`], Java is told when nobody uses it any more.
pub fn give_array(
    py: Python<'_>,
    address: usize,
    element: u8,
    count: i64,
    key: (u64, Arc<dyn Upcall>),
    frame: Frame,
) -> Result<Handle> {
    let key = made(key);
    let size = Element::from_code(element)?.size() as i64;
    let memory = Memory::new(address, element, &[count, size], false)?;
    array::give(py, memory, key, false, frame)
}

// ---- to Java ----

/// Arrow data of Python's on its way to Java: a batch, a stream, or an iterator of such.
#[pyclass(frozen, module = "python4j")]
struct Incoming(Mutex<State>);

struct State {
    source: Origin,
    /// That of all batches, once it is known.
    schema: Option<Arc<Owned<Schema>>>,
    /// A batch that was needed to know it.
    first: Option<Owned<Array>>,
}

enum Origin {
    /// Nothing more comes.
    Done,
    /// Somebody reads it at this moment.
    Busy,
    One(Owned<Array>),
    Stream(Owned<Stream>),
    /// An iterator, and the stream of its current item.
    Items(Py<PyAny>, Option<Owned<Stream>>),
}

type Described = (Arc<Owned<Schema>>, Owned<Array>);

fn described_type(object: &Bound<'_, PyAny>) -> String {
    let class = object.get_type();
    class
        .fully_qualified_name()
        .map_or_else(|_| "object".into(), |name| name.to_string())
}

fn has(object: &Bound<'_, PyAny>, name: &str) -> bool {
    object.get_type().hasattr(name).unwrap_or(false)
}

/// What the `__arrow_c_array__` or else the `__arrow_c_stream__` of an object gives: the latter leaves out batches without
/// rows, as a rule. Nothing if it has none of them.
fn source(object: &Bound<'_, PyAny>) -> Result<Option<(Option<Owned<Schema>>, Origin)>> {
    if has(object, "__arrow_c_array__") {
        let pair = object.call_method0("__arrow_c_array__")?;
        let Ok((schema, array)) = pair.extract::<(Bound<'_, PyAny>, Bound<'_, PyAny>)>() else {
            return Err(Error::refused(format!(
                "The __arrow_c_array__ of a {} has to give a tuple of two capsules, and gave a {}.",
                described_type(object),
                described_type(&pair)
            )));
        };
        let (schema, array) = (taken(&schema)?, taken(&array)?);
        return Ok(Some((Some(schema), Origin::One(array))));
    }
    if has(object, "__arrow_c_stream__") {
        let stream = taken(&object.call_method0("__arrow_c_stream__")?)?;
        return Ok(Some((None, Origin::Stream(stream))));
    }
    if has(object, "__arrow_c_device_array__") || has(object, "__arrow_c_device_stream__") {
        return Err(Error::refused(format!(
            "The memory of this {} is that of a device, which Java cannot read: copy it to the processor's memory in Python.",
            described_type(object)
        )));
    }
    Ok(None)
}

/// The Arrow data of any Python object. Of an iterator nothing is read yet.
fn incoming(object: &Bound<'_, PyAny>) -> Result<Incoming> {
    let (mut schema, found) = if has(object, "__next__") {
        (None, Origin::Items(object.clone().unbind(), None))
    } else if let Some(found) = source(object)? {
        found
    } else if object.is_instance_of::<PyList>() || object.is_instance_of::<PyTuple>() {
        (
            None,
            Origin::Items(PyIterator::from_object(object)?.into_any().unbind(), None),
        )
    } else {
        return Err(Error::refused(format!(
            "A {} has no Arrow data: neither __arrow_c_stream__ nor __arrow_c_array__, nor is it an iterator of objects that \
             have them.{}",
            described_type(object),
            if has(object, "collect") {
                " Call its collect() first."
            } else {
                ""
            }
        )));
    };
    // An iterator that tells its schema, a RecordBatchReader say, may have no batch.
    if let (Origin::Items(..), Ok(told)) = (&found, object.getattr("schema")) {
        if has(&told, "__arrow_c_schema__") {
            schema = Some(taken(&told.call_method0("__arrow_c_schema__")?)?);
        }
    }
    let schema = schema.map(Arc::new);
    Ok(Incoming(Mutex::new(State {
        source: found,
        schema,
        first: None,
    })))
}

impl Incoming {
    /// Takes the source for the time that something is read from it: Python code may run then.
    fn reading<R>(&self, read: impl FnOnce(&mut State) -> Result<R>) -> Result<R> {
        let lend = |lent: Origin| mem::replace(&mut self.0.lock().source, lent);
        let source = lend(Origin::Busy);
        if let Origin::Busy = source {
            return Err(Error::refused(
                "These batches are being read by another thread at this moment.",
            ));
        }
        let (schema, first) = {
            let mut state = self.0.lock();
            (state.schema.clone(), state.first.take())
        };
        let mut state = State {
            source,
            schema,
            first,
        };
        let result = read(&mut state);
        *self.0.lock() = state;
        result
    }
}

impl State {
    fn schema(&mut self, py: Python<'_>) -> Result<Arc<Owned<Schema>>> {
        if let Some(schema) = &self.schema {
            return Ok(Arc::clone(schema));
        }
        if let Origin::Stream(stream) = &mut self.source {
            let schema = Arc::new(schema_of(py, stream)?);
            self.schema = Some(Arc::clone(&schema));
            return Ok(schema);
        }
        self.first = self.next(py)?;
        self.schema.clone().ok_or_else(|| {
            Error::refused(
                "The iterator has ended without a batch, so the columns are not known: hand over a reader that knows them, \
                 pyarrow.RecordBatchReader.from_batches(schema, batches) say.",
            )
        })
    }

    fn next(&mut self, py: Python<'_>) -> Result<Option<Owned<Array>>> {
        if let Some(first) = self.first.take() {
            return Ok(Some(first));
        }
        match mem::replace(&mut self.source, Origin::Done) {
            Origin::Done | Origin::Busy => Ok(None),
            Origin::One(array) => Ok(Some(array)),
            Origin::Stream(mut stream) => {
                self.schema = match self.schema.take() {
                    None => Some(Arc::new(schema_of(py, &mut stream)?)),
                    known => known,
                };
                let next = next_of(py, &mut stream)?;
                if next.is_some() {
                    self.source = Origin::Stream(stream);
                }
                Ok(next)
            }
            Origin::Items(items, mut inner) => {
                let next = self.next_item(items.bind(py), &mut inner)?;
                if let Some((schema, array)) = next {
                    let known = self.schema.get_or_insert_with(|| Arc::clone(&schema));
                    if !known.0.is_like(&schema.0) {
                        return Err(Error::refused(format!(
                            "A batch has other columns than those before it: {} after {}.",
                            schema.0.shown(),
                            known.0.shown()
                        )));
                    }
                    self.source = Origin::Items(items, inner);
                    return Ok(Some(array));
                }
                Ok(None)
            }
        }
    }

    fn next_item(
        &mut self,
        items: &Bound<'_, PyAny>,
        inner: &mut Option<Owned<Stream>>,
    ) -> Result<Option<Described>> {
        let py = items.py();
        loop {
            if let Some(stream) = inner {
                if let Some(array) = next_of(py, stream)? {
                    return Ok(Some((Arc::new(schema_of(py, stream)?), array)));
                }
                *inner = None;
            }
            let item = match items.call_method0("__next__") {
                Ok(item) => item,
                Err(end) if end.is_instance_of::<PyStopIteration>(py) => return Ok(None),
                Err(raised) => return Err(raised.into()),
            };
            match source(&item)? {
                Some((Some(schema), Origin::One(array))) => return Ok(Some((Arc::new(schema), array))),
                Some((_, Origin::Stream(mut stream))) => {
                    if self.schema.is_none() {
                        self.schema = Some(Arc::new(schema_of(py, &mut stream)?)); // it may have no batch
                    }
                    *inner = Some(stream);
                }
                _ => {
                    return Err(Error::refused(format!(
                        "The iterator gave a {}, which has no Arrow data.",
                        described_type(&item)
                    )));
                }
            }
        }
    }
}

/// Calls a function of a stream. The GIL is free meanwhile: other threads may need it to make the batch.
fn called(
    py: Python<'_>,
    stream: &mut Owned<Stream>,
    body: impl FnOnce(*mut Stream) -> c_int + Send,
) -> Result<()> {
    struct Sent(*mut Stream);
    // SAFETY: the stream is lent to one thread, which is this one.
    unsafe impl Send for Sent {}
    let sent = Sent(&raw mut stream.0);
    let status = gil::outside(py, move || {
        let sent = sent;
        body(sent.0)
    });
    if let Some(raised) = PyErr::take(py) {
        return Err(raised.into()); // of Python code behind the stream
    }
    if status == 0 {
        return Ok(());
    }
    // SAFETY: the stream is not released; the text stays until its next call.
    let text = unsafe {
        let text = stream
            .0
            .get_last_error
            .map_or(ptr::null(), |error| error(&mut stream.0));
        (!text.is_null()).then(|| CStr::from_ptr(text).to_string_lossy().into_owned())
    };
    let text = text
        .filter(|text| !text.is_empty())
        .unwrap_or_else(|| format!("error {status}"));
    Err(Error::refused(format!("The stream of batches failed: {text}")))
}

struct Room<S>(*mut S);
// SAFETY: it is on the stack of the thread that waits for the call.
unsafe impl<S> Send for Room<S> {}

fn schema_of(py: Python<'_>, stream: &mut Owned<Stream>) -> Result<Owned<Schema>> {
    let mut schema = Owned(Schema::empty());
    let (get, room) = (stream.0.get_schema, Room(&raw mut schema.0));
    called(py, stream, move |stream| {
        let room = room;
        // SAFETY: a stream that is not released has the function, and there is room for what it gives.
        get.map_or(libc::ENOSYS, |get| unsafe { get(stream, room.0) })
    })?;
    schema.0.check()?;
    Ok(schema)
}

fn next_of(py: Python<'_>, stream: &mut Owned<Stream>) -> Result<Option<Owned<Array>>> {
    let mut array = Owned(Array::empty());
    let (get, room) = (stream.0.get_next, Room(&raw mut array.0));
    called(py, stream, move |stream| {
        let room = room;
        // SAFETY: as above.
        get.map_or(libc::ENOSYS, |get| unsafe { get(stream, room.0) })
    })?;
    let end = array.0.release().is_none();
    Ok((!end).then_some(array))
}

/// For Java: the Arrow data of an object, to be read. The handle belongs to no frame.
pub fn open(py: Python<'_>, object: Handle) -> Result<Handle> {
    let incoming = incoming(&handle::lend(py, object)?)?;
    Ok(handle::give(
        Bound::new(py, incoming)?.into_any(),
        handle::NO_FRAME,
    ))
}

fn lend<'py>(py: Python<'py>, incoming: Handle) -> Result<Bound<'py, Incoming>> {
    Ok(handle::lend(py, incoming)?
        .cast_into::<Incoming>()
        .map_err(PyErr::from)?)
}

/// For Java: the number of the schema, which is put at an address unless it is the one of the number that Java knows. 0 for
/// another schema, where the address is 0.
pub fn schema(py: Python<'_>, incoming: Handle, out: usize, known: u64) -> Result<u64> {
    static KNOWN: Known = Known::new();
    static LAST: AtomicU64 = AtomicU64::new(0);
    let schema = lend(py, incoming)?.get().reading(|state| state.schema(py))?;
    if KNOWN.get(known).is_some_and(|known| known.0 == schema.0) {
        return Ok(known);
    }
    if out == 0 {
        return Ok(0);
    }
    schema.0.check_known()?;
    // SAFETY: Java has room there.
    unsafe { schema.0.copy().put(out) };
    let number = LAST.fetch_add(1, Ordering::Relaxed) + 1; // another one each time; `Known` has a lock
    KNOWN.add(number, &Arc::new(schema.0.copy())); // the producer need not keep his own
    Ok(number)
}

/// For Java: the next batch, that of a table or of a single column; none at the end.
pub fn next(py: Python<'_>, incoming: Handle, table: bool) -> Result<Option<Batch>> {
    let incoming = lend(py, incoming)?;
    let read = |state: &mut State| {
        let next = state.next(py)?;
        Ok(next.map(|array| (state.schema.clone(), array)))
    };
    match incoming.get().reading(read)? {
        Some((Some(schema), array)) => Batch::of(array, &schema.0, table).map(Some),
        _ => Ok(None),
    }
}

/// For Java: ends the reading, also of an iterator that somebody else holds.
pub fn close(py: Python<'_>, incoming: Handle) -> Result<()> {
    let incoming = lend(py, incoming)?;
    let (source, first) = {
        let mut state = incoming.get().0.lock();
        if let Origin::Busy = state.source {
            return Err(Error::refused(
                "These batches are being read by another thread at this moment.",
            ));
        }
        (mem::replace(&mut state.source, Origin::Done), state.first.take())
    };
    drop(first);
    if let Origin::Items(items, inner) = source {
        drop(inner);
        let items = items.bind(py);
        if has(items, "close") {
            items.call_method0("close")?;
        }
    }
    Ok(())
}
