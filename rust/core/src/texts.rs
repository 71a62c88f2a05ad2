// SPDX-License-Identifier: Apache-2.0
//! The program texts that run. This file compiles them, caches the code of repeated texts, and knows the lines
//! of all texts that a traceback may still show. `exec.rs` runs them.
//!
//! Each text that is compiled has its own file name, `<exec-N>`. A stream of texts that are always new costs little
//! more than compiling them. Code is cached when a text is seen for the second time. Lines are created when
//! `linecache` asks for them (`Texts` in bootstrap.py). The name of a text that is no longer used is given to the
//! next text, because CPython interns each name from 3.13 on.

use crate::guarded::Guarded;
use crate::tools::tools;
use crate::{Error, Result, alloc, capi, pack, script};
use lru::{DefaultHasher, LruCache};
use pyo3::prelude::*;
use pyo3::types::{PyCode, PyString};
use std::collections::VecDeque;
use std::ffi::CStr;
use std::hash::BuildHasher;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many texts are kept compiled, and how many bytes of text in all; and the same without code.
const KEPT_TEXTS: usize = 512;
const KEPT_BYTES: usize = 32 << 20;

/// Bytes of a text whose room is used again.
const SPARE: usize = 1 << 16;

/// For how many texts it is known that they were seen before.
const SEEN: usize = 1024;

/// What a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Program,
    Expression,
}

/// The name of a text's file.
struct File {
    number: u64,
    name: Py<PyString>,
}

impl File {
    fn new(py: Python<'_>, number: u64) -> Self {
        let name = PyString::new(py, &format!("<exec-{number}>")).unbind();
        File { number, name }
    }
}

struct Compiled {
    file: File,
    code: Py<PyCode>,
}

/// Compiled texts, least recently used ones last.
struct Cache {
    texts: LruCache<Box<[u8]>, Compiled>,
    bytes: usize,
}

impl Cache {
    fn new() -> Self {
        Cache {
            texts: LruCache::unbounded(),
            bytes: 0,
        }
    }

    fn insert(&mut self, text: &[u8], compiled: Compiled) -> Vec<(Box<[u8]>, Compiled)> {
        self.bytes += text.len();
        let mut gone = Vec::new();
        gone.extend(self.texts.push(text.into(), compiled));
        while self.texts.len() > KEPT_TEXTS || (self.bytes > KEPT_BYTES && self.texts.len() > 1) {
            gone.extend(self.texts.pop_lru());
        }
        self.bytes -= gone.iter().map(|(text, _)| text.len()).sum::<usize>();
        gone
    }

    fn text(&self, number: u64) -> Option<Vec<u8>> {
        let (text, _) = self.texts.iter().find(|(_, kept)| kept.file.number == number)?;
        Some(text.to_vec())
    }
}

/// A text whose code is not kept.
struct Source {
    file: File,
    text: Vec<u8>, // ends with a NUL, as Python's compiler wants it
}

struct Texts {
    programs: Cache,
    expressions: Cache,
    /// Those that run for the first time, and the last ones that did and left something, a function say.
    running: Vec<Source>,
    last: VecDeque<Source>,
    last_bytes: usize,
    /// The latest ones with names of their callers' that have classes, see [`Texts::ran`].
    named: VecDeque<(Vec<u8>, Vec<u8>)>,
    /// Hashes of texts, each in the place that it gives.
    seen: Box<[u64]>,
    hasher: DefaultHasher,
    files: u64,
    /// One of which only the name and the room for the text are of use.
    spare: Option<Source>,
}

/// How many have code, for whoever does not hold the GIL.
static KEPT: AtomicUsize = AtomicUsize::new(0);

static TEXTS: LazyLock<Guarded<Texts>> = LazyLock::new(|| {
    Guarded::new(Texts {
        programs: Cache::new(),
        expressions: Cache::new(),
        running: Vec::new(),
        last: VecDeque::new(),
        last_bytes: 0,
        named: VecDeque::new(),
        seen: vec![0; SEEN].into(),
        hasher: DefaultHasher::default(),
        files: 0,
        spare: None,
    })
});

impl Texts {
    fn cache(&mut self, kind: Kind) -> &mut Cache {
        match kind {
            Kind::Program => &mut self.programs,
            Kind::Expression => &mut self.expressions,
        }
    }

    fn code<'py>(&mut self, py: Python<'py>, text: &[u8], kind: Kind) -> Option<Bound<'py, PyCode>> {
        Some(self.cache(kind).texts.get(text)?.code.bind(py).clone())
    }

    /// Whether a text was seen lately, before this time.
    fn sees_again(&mut self, text: &[u8]) -> bool {
        let hash = self.hasher.hash_one(text);
        std::mem::replace(&mut self.seen[hash as usize % SEEN], hash) == hash
    }

    fn source(&mut self, py: Python<'_>) -> Source {
        self.spare.take().unwrap_or_else(|| {
            self.files += 1;
            Source {
                file: File::new(py, self.files),
                text: Vec::new(),
            }
        })
    }

    /// A text has run once: its lines stay for a while if anything has the name of its file.
    fn ran(&mut self, py: Python<'_>, number: u64) {
        let Some(at) = self
            .running
            .iter()
            .rposition(|source| source.file.number == number)
        else {
            return;
        };
        let mut source = self.running.swap_remove(at);
        // A class without methods has nothing of its text, whose lines `inspect` wants all the same.
        if !capi::is_shared(source.file.name.bind(py)) && !contains(&source.text, "class ") {
            if source.text.capacity() > SPARE {
                source.text = Vec::new();
            }
            self.spare = Some(source);
            return;
        }
        self.last_bytes += source.text.len();
        self.last.push_back(source);
        while self.last.len() > KEPT_TEXTS || (self.last_bytes > KEPT_BYTES && self.last.len() > 1) {
            if let Some(oldest) = self.last.pop_front() {
                self.last_bytes -= oldest.text.len();
            }
        }
    }

    fn text(&self, number: u64) -> Option<Vec<u8>> {
        let mut sources = self.running.iter().chain(&self.last);
        match sources.find(|source| source.file.number == number) {
            Some(source) => source.text.strip_suffix(&[0]).map(<[u8]>::to_vec),
            None => self
                .programs
                .text(number)
                .or_else(|| self.expressions.text(number)),
        }
    }
}

fn contains(text: &[u8], words: &str) -> bool {
    std::str::from_utf8(text).is_ok_and(|text| text.contains(words))
}

/// Does something with the code of a text, which is kept afterwards if the text was seen before.
pub(crate) fn with_code<'py, R>(
    py: Python<'py>,
    text: &[u8],
    kind: Kind,
    run: impl FnOnce(&Bound<'py, PyCode>) -> Result<R>,
) -> Result<R> {
    let mut texts = TEXTS.lock(py);
    if let Some(code) = texts.code(py, text, kind) {
        drop(texts);
        return run(&code);
    }
    let (again, mut source) = (texts.sees_again(text), texts.source(py));
    drop(texts);
    let code = compile(py, text, kind, &mut source)?;
    if again {
        keep(text, kind, source.file, &code);
        return run(&code);
    }
    let once = Once {
        py,
        number: source.file.number,
    };
    TEXTS.lock(py).running.push(source);
    let result = run(&code);
    if_alive(&code, text);
    drop(code);
    drop(once);
    result
}

/// A text that runs for the first time.
struct Once<'py> {
    py: Python<'py>,
    number: u64,
}

impl Drop for Once<'_> {
    fn drop(&mut self) {
        TEXTS.lock(self.py).ran(self.py, self.number);
    }
}

/// The code of a text, which is kept.
pub(crate) fn code<'py>(py: Python<'py>, text: &[u8], kind: Kind) -> Result<Bound<'py, PyCode>> {
    let mut texts = TEXTS.lock(py);
    if let Some(code) = texts.code(py, text, kind) {
        return Ok(code);
    }
    let mut source = texts.source(py);
    drop(texts);
    let code = compile(py, text, kind, &mut source)?;
    keep(text, kind, source.file, &code);
    Ok(code)
}

fn keep(text: &[u8], kind: Kind, file: File, code: &Bound<'_, PyCode>) {
    let compiled = Compiled {
        file,
        code: code.clone().unbind(),
    };
    let mut texts = TEXTS.lock(code.py());
    let gone = texts.cache(kind).insert(text, compiled);
    KEPT.store(
        texts.programs.texts.len() + texts.expressions.texts.len(),
        Ordering::Relaxed,
    );
    drop(texts);
    // Not before: freeing constants can run Python code.
    for (text, compiled) in gone {
        if_alive(compiled.code.bind(code.py()), &text);
    }
}

/// Code that somebody else has, a frame say, keeps its lines for as long as it lives.
fn if_alive(code: &Bound<'_, PyCode>, text: &[u8]) {
    if !capi::is_shared(code) {
        return;
    }
    let kept = tools().and_then(|tools| {
        let text = pack::string(code.py(), text)?;
        Ok(tools.keep_lines.bind(code.py()).call1((code, text))?)
    });
    drop(kept); // without its lines a traceback still has their numbers
}

fn compile<'py>(py: Python<'py>, text: &[u8], kind: Kind, source: &mut Source) -> Result<Bound<'py, PyCode>> {
    source.text.clear();
    alloc::reserve(&mut source.text, text.len() + 1)?;
    source.text.extend_from_slice(text);
    source.text.push(0);
    let name = source.file.name.bind(py);
    match (std::str::from_utf8(text), CStr::from_bytes_with_nul(&source.text)) {
        (Ok(_), Ok(source)) => code_or_generic(py, capi::compile(source, name, kind == Kind::Expression)),
        // With a NUL or a lone surrogate in it: what is said about that depends on Python's version.
        _ => slowly(pack::string(py, text)?.as_any(), name, kind),
    }
}

/// By Python's own function, which takes bytes as well.
fn slowly<'py>(
    text: &Bound<'py, PyAny>,
    name: &Bound<'py, PyString>,
    kind: Kind,
) -> Result<Bound<'py, PyCode>> {
    let mode = if kind == Kind::Expression { "eval" } else { "exec" };
    let compile = tools()?.compile.bind(text.py());
    code_or_generic(text.py(), compile.call1((text, name, mode, 0, true)))
}

fn code_or_generic<'py>(py: Python<'py>, code: PyResult<Bound<'py, PyAny>>) -> Result<Bound<'py, PyCode>> {
    let code = code.map_err(|raised| hide(py, raised.into()))?;
    Ok(code.cast_into::<PyCode>().map_err(PyErr::from)?)
}

/// The code of a text that has a name of the caller's.
pub(crate) fn named<'py>(py: Python<'py>, text: &[u8], name: &[u8]) -> Result<Bound<'py, PyCode>> {
    let string = pack::string(py, text)?;
    let code = slowly(&string, &pack::string(py, name)?, Kind::Program)?;
    script::tool(py, "files", "keep_lines")?.call1((&code, string))?;
    if contains(text, "class ") {
        let named = &mut TEXTS.lock(py).named;
        named.retain(|(other, _)| other != name);
        named.push_back((name.into(), text.into()));
        let bytes =
            |named: &VecDeque<(Vec<u8>, Vec<u8>)>| named.iter().map(|(_, text)| text.len()).sum::<usize>();
        while named.len() > KEPT_TEXTS || bytes(named) > KEPT_BYTES {
            named.pop_front();
        }
    }
    Ok(code)
}

/// The code of a file, which says in which encoding it is.
pub(crate) fn of_program<'py>(py: Python<'py>, path: &[u8]) -> Result<Bound<'py, PyCode>> {
    let path = pack::string(py, path)?;
    let text = script::tool(py, "files", "read")?.call1((&path,))?;
    slowly(&text, &path, Kind::Program)
}

/// The generic error of text that never ran; what Python said goes to its stderr and is the cause.
pub(crate) fn hide(py: Python<'_>, error: Error) -> Error {
    if let (Error::Python { raised }, Ok(tools)) = (&error, tools()) {
        // A report that fails has nowhere to go; the cause still carries everything.
        let _ = tools.report.bind(py).call1((raised.value(py),));
    }
    match error {
        Error::NotRun(_) => error, // hidden already, by the compiler
        _ => Error::NotRun(Box::new(error)),
    }
}

/// How many texts are kept compiled. Needs no Python.
pub(crate) fn kept() -> usize {
    KEPT.load(Ordering::Relaxed)
}

/// The text with a file name, for `linecache`.
pub(crate) fn of_file<'py>(name: &Bound<'py, PyString>) -> Option<Bound<'py, PyString>> {
    let utf8 = capi::utf8(name)?;
    let number = utf8
        .strip_prefix("<exec-")
        .and_then(|rest| rest.strip_suffix('>'));
    let texts = TEXTS.lock(name.py());
    let text = match number.and_then(|number| number.parse().ok()) {
        Some(number) => texts.text(number)?,
        None => texts
            .named
            .iter()
            .find(|(other, _)| other == utf8.as_bytes())?
            .1
            .clone(),
    };
    drop(texts);
    pack::string(name.py(), &text).ok()
}

/// The names of the texts that have these words, the latest first.
pub(crate) fn with_words(py: Python<'_>, words: &str) -> Vec<String> {
    let texts = TEXTS.lock(py);
    let named = texts.named.iter().rev().filter(|(_, text)| contains(text, words));
    let named = named.map(|(name, _)| String::from_utf8_lossy(name).into_owned());
    let sources = texts.running.iter().rev().chain(texts.last.iter().rev());
    let sources = sources.map(|source| (&source.text[..], source.file.number));
    let kept = texts.programs.texts.iter();
    let numbered = sources.chain(kept.map(|(text, kept)| (&text[..], kept.file.number)));
    let numbered = numbered.filter(|(text, _)| contains(text, words));
    numbered
        .map(|(_, number)| format!("<exec-{number}>"))
        .chain(named)
        .collect()
}
