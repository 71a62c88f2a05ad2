// SPDX-License-Identifier: Apache-2.0
//! Names of variables and attributes as interned Python strings, as Python's compiler has them. Finding a
//! string here costs less than creating and hashing it. `exec.rs` and `object.rs` use them for lookups.

use crate::guarded::Guarded;
use crate::{Result, pack};
use pyo3::prelude::*;
use pyo3::types::PyString;

const LONGEST: usize = 64;
const PLACES: usize = 1024;

type Kept = Option<(Box<[u8]>, Py<PyString>)>;

/// Each name has one place; one that comes later takes it over.
static NAMES: Guarded<[Kept; PLACES]> = Guarded::new([const { None }; PLACES]);

fn place(name: &[u8]) -> usize {
    let mix = |hash: usize, byte: &u8| (hash ^ usize::from(*byte)).wrapping_mul(0x0100_01B3);
    let hash = name.iter().fold(0x811C_9DC5, mix); // FNV
    (hash ^ hash >> 15) % PLACES
}

/// The name as code has it: identifiers that are not ASCII are normalized as Python's compiler does, `µ` (the micro
/// sign) to the Greek letter say. Any other text stays as it is, since no code can write it as a name.
///
/// It is the same string each time: a dict then finds it by its address, and knows its hash.
pub(crate) fn name<'py>(py: Python<'py>, bytes: &[u8]) -> Result<Bound<'py, PyString>> {
    if bytes.len() > LONGEST {
        return normalized(pack::string(py, bytes)?, bytes);
    }
    let place = place(bytes);
    match &NAMES.lock(py)[place] {
        Some((known, name)) if **known == *bytes => return Ok(name.bind(py).clone()),
        _ => {}
    }
    let name = normalized(pack::string(py, bytes)?, bytes)?;
    let before = NAMES.lock(py)[place].replace((bytes.into(), name.clone().unbind()));
    drop(before); // outside, as it may run Python code
    Ok(name)
}

fn normalized<'py>(name: Bound<'py, PyString>, bytes: &[u8]) -> Result<Bound<'py, PyString>> {
    if bytes.is_ascii() || !name.call_method0("isidentifier")?.is_truthy()? {
        return Ok(name);
    }
    let unicodedata = PyModule::import(name.py(), "unicodedata")?;
    let name = unicodedata.call_method1("normalize", ("NFKC", name))?;
    Ok(name.cast_into().map_err(PyErr::from)?)
}
