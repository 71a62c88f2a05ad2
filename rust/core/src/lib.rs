// SPDX-License-Identifier: Apache-2.0
//! CPython for a caller in another language: everything here knows Python and nothing of Java.
//!
//! From the bottom to the top, each file uses only those above it here (tests/rust/modules.rs):
//!
//! - [`inject`] is where tests make it panic; [`alloc`] is asked for memory whose size users decide; [`fork`] knows
//!   whether this is a forked child; [`capi`] declares the few functions of CPython that its stable ABI leaves out;
//!   [`utf16`] is how Java writes text.
//! - [`error`] is the one error type; `tools` is what our own calls use of Python; [`handle`] keeps the objects that the
//!   caller holds; [`gil`] decides which thread is inside Python; `keys` names the caller's objects in Python.
//! - [`bulk`] moves large texts and bytes by themselves, [`pack`] all other values as bytes; [`queue`] has messages
//!   for event loops; [`buffer`] shares memory, `table` reads and offers columns in Arrow's layout; [`script`] runs our own Python
//!   files, `replaced` has what stands for functions of Python's, `signals` what becomes of signals, `output` flushes what programs print, `path` follows the path that they give; `names` keeps names.
//! - [`context`] keeps the namespaces, `texts` the compiled texts, [`exec`] runs them, [`object`] does what one does to an
//!   object, [`mod@array`] shares the memory of numpy's arrays; [`arrow`] shares tables, by the structs of `arrow_c`.
//! - [`callback`] is the way back out, [`raised`] what an exception was, [`stop`] ends a call from outside, [`stacks`] tells
//!   where Python stands, [`child`] ends a forked child, and [`interpreter`] starts it all (`initialize` says how).
//!
//! `rust/jni` turns all of it into what Java calls.

pub mod alloc;
#[allow(unsafe_code)]
pub mod array;
#[allow(unsafe_code)]
pub mod arrow;
#[allow(unsafe_code)]
mod arrow_c;
#[allow(unsafe_code)]
pub mod buffer;
#[allow(unsafe_code)]
pub mod bulk;
pub mod callback;
#[allow(unsafe_code)]
pub mod capi;
#[allow(unsafe_code)]
pub mod child;
pub mod context;
pub mod error;
pub mod exec;
#[allow(unsafe_code)]
pub mod fork;
#[allow(unsafe_code)]
pub mod gil;
pub mod handle;
#[allow(unsafe_code)]
mod initialize;
pub mod inject;
#[allow(unsafe_code)]
pub mod interpreter;
mod keys;
mod names;
pub mod object;
mod output;
pub mod pack;
#[allow(unsafe_code)]
mod path;
pub mod queue;
pub mod raised;
#[allow(unsafe_code)]
mod replaced;
pub mod script;
#[allow(unsafe_code)]
mod signals;
pub mod stacks;
pub mod stop;
#[allow(unsafe_code)]
mod table;
mod texts;
mod tools;
#[allow(unsafe_code)]
pub mod utf16;

pub use error::{Error, Result};
