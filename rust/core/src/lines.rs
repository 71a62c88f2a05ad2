// SPDX-License-Identifier: Apache-2.0
//! Lines of captured streams. What is written to such a stream comes here as bytes and goes to a receiver as whole lines, without
//! any Python code in between. `callback.rs` passes them on; output.py has the streams, and does what is rare.

use crate::capi::{self, Member};
use crate::guarded::Guarded;
use crate::keys::Function;
use crate::{Result, alloc};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict};
use pyo3::{PyTraverseError, PyVisit};

/// The largest buffer that is kept for the next line.
const LARGEST_KEPT: usize = 1 << 12;

/// What `write` and `flush` of a captured stream are methods of.
#[pyclass(frozen, module = "python4j")]
pub(crate) struct Lines {
    /// The stream of output.py.
    pub(crate) stream: Py<PyAny>,
    /// The text stream above it, and its attributes.
    text: Py<PyAny>,
    attributes: (Py<PyDict>, usize),
    encoding: Member,
    write_through: Member,
    pub(crate) place: usize,
    state: Guarded<State>,
}

struct State {
    /// The start of a line.
    started: Vec<u8>,
    /// The encoding of the text stream, while that is UTF-8 and nothing is left of a character.
    utf8: Option<Py<PyAny>>,
}

/// Who receives now, and from what.
struct Captured {
    streams: Vec<Py<Lines>>,
    receivers: [Option<Py<Function>>; 2],
}

static CAPTURED: Guarded<Captured> = Guarded::new(Captured {
    streams: Vec::new(),
    receivers: [const { None }; 2],
});

impl Lines {
    pub(crate) fn new(stream: Py<PyAny>, text: Bound<'_, PyAny>, place: usize) -> PyResult<Self> {
        let attributes = text
            .getattr(intern!(text.py(), "__dict__"))?
            .cast_into::<PyDict>()?;
        let count = attributes.len();
        let state = State {
            started: Vec::new(),
            utf8: None,
        };
        let class = text.get_type();
        Ok(Lines {
            stream,
            encoding: Member::of(&class, "encoding")?,
            write_through: Member::of(&class, "write_through")?,
            text: text.unbind(),
            attributes: (attributes.unbind(), count),
            place,
            state: Guarded::new(state),
        })
    }

    /// Bytes that are text as they are, if that is certain.
    pub(crate) fn plain<'a>(&self, data: &'a Bound<'_, PyAny>) -> Option<&'a [u8]> {
        let py = data.py();
        let bytes = capi::exactly::<PyBytes>(data)?.as_bytes();
        let utf8 = self.state.lock(py).utf8.as_ref()?.as_ptr();
        let encoding = self.encoding.get(self.text.bind(py)).ok()?;
        (encoding.as_ptr() == utf8 && std::str::from_utf8(bytes).is_ok()).then_some(bytes)
    }

    /// See [`State`].
    pub(crate) fn set_utf8(&self, py: Python<'_>, encoding: Option<Py<PyAny>>) {
        let before = std::mem::replace(&mut self.state.lock(py).utf8, encoding);
        drop(before);
    }

    /// Adds text, which is UTF-8 with surrogates. Gives the lines that are complete now.
    pub(crate) fn add(&self, py: Python<'_>, text: &[u8]) -> Result<Option<Vec<u8>>> {
        let started = &mut self.state.lock(py).started;
        alloc::reserve(started, text.len())?;
        let Some(last) = text.iter().rposition(|&byte| byte == b'\n') else {
            started.extend_from_slice(text);
            return Ok(None);
        };
        let mut lines = std::mem::take(started);
        lines.extend_from_slice(&text[..=last]);
        started.extend_from_slice(&text[last + 1..]);
        Ok(Some(lines))
    }

    /// A buffer that [`add`](Lines::add) gave, for the next line.
    pub(crate) fn give_back(&self, py: Python<'_>, mut lines: Vec<u8>) {
        let started = &mut self.state.lock(py).started;
        if started.capacity() == 0 && lines.capacity() <= LARGEST_KEPT {
            lines.clear();
            *started = lines;
        }
    }

    /// Whether a line has begun here.
    pub(crate) fn is_started(&self, py: Python<'_>) -> bool {
        !self.state.lock(py).started.is_empty()
    }

    /// The start of a line, which ends here.
    pub(crate) fn take(&self, py: Python<'_>) -> Option<Vec<u8>> {
        let started = &mut self.state.lock(py).started;
        (!started.is_empty()).then(|| std::mem::take(started))
    }

    pub(crate) fn receiver(&self, py: Python<'_>) -> Option<Py<Function>> {
        let captured = CAPTURED.lock(py);
        let receiver = captured.receivers.get(self.place)?.as_ref()?;
        Some(receiver.clone_ref(py))
    }

    pub(crate) fn visit(&self, visit: &PyVisit<'_>) -> std::result::Result<(), PyTraverseError> {
        visit.call(&self.stream)?;
        visit.call(&self.text)?;
        visit.call(&self.attributes.0)
    }

    /// Whether nothing waits here or in the text stream, which must write through and be as it was made.
    fn is_flushed(&self, py: Python<'_>) -> bool {
        let (attributes, count) = &self.attributes;
        let writes_through = || self.write_through.get(self.text.bind(py));
        !self.is_started(py)
            && attributes.bind(py).len() == *count
            && writes_through().is_ok_and(|through| through.is(PyBool::new(py, true)))
    }
}

/// Sets the streams that are captured and who receives.
pub(crate) fn set(py: Python<'_>, streams: Vec<Py<Lines>>, receivers: [Option<Py<Function>>; 2]) {
    let now = Captured { streams, receivers };
    let before = std::mem::replace(&mut *CAPTURED.lock(py), now);
    drop(before); // which may run finalizers
}

/// Whether a stream is captured and has nothing to flush.
pub(crate) fn is_flushed(stream: &Bound<'_, PyAny>) -> bool {
    let py = stream.py();
    let lines = CAPTURED
        .lock(py)
        .streams
        .iter()
        .find(|lines| lines.get().text.is(stream))
        .map(|lines| lines.clone_ref(py));
    lines.is_some_and(|lines| lines.get().is_flushed(py))
}
