// SPDX-License-Identifier: Apache-2.0
//! CPython for a caller in another language. This crate knows Python and nothing of Java.
//!
//! The list goes from the bottom to the top. Each file uses only files that come earlier in it
//! (tests/rust/modules.rs):
//!
//! - [`inject`] lets tests cause panics; [`alloc`] allocates memory whose size users decide; [`fork`] tells whether
//!   this is a forked child; `guarded` holds data that the GIL protects; [`capi`] declares the few functions of CPython that its stable ABI leaves out; [`utf16`]
//!   converts the text format of Java; `pages` asks Linux for huge pages.
//! - [`error`] is the only error type; `tools` holds the Python objects that our own calls use; [`handle`] keeps the
//!   objects that the caller holds; [`gil`] decides which thread is inside Python; `keys` names the caller's objects
//!   in Python; `lines` has the lines that captured streams are written.
//! - [`bulk`] moves each large text or byte array separately, [`pack`] moves all other values as bytes; [`queue`] has
//!   messages for event loops; [`buffer`] shares memory; `arrow_c` has the structs of
//!   Arrow, by which `table` reads and offers columns; [`script`] runs our own Python files; `replaced` has our replacements for functions of Python; `signals` handles
//!   signals; `output` flushes the output of programs; `path` follows the module path that programs set; `names`
//!   caches names.
//! - [`context`] keeps the namespaces; `texts` keeps the compiled texts; [`exec`] runs them; [`object`] has the
//!   operations on an object; [`mod@array`] shares the memory of numpy arrays; [`arrow`] shares tables.
//! - [`callback`] calls the caller's language; [`raised`] describes exceptions; [`stop`] ends a call from outside;
//!   [`stacks`] reads the stacks of Python's threads; [`child`] ends a forked child; [`interpreter`] starts Python,
//!   by means of `initialize`.
//!
//! `rust/jni` makes these functions callable from Java.

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
#[allow(unsafe_code)]
mod guarded;
pub mod handle;
#[allow(unsafe_code)]
mod initialize;
pub mod inject;
#[allow(unsafe_code)]
pub mod interpreter;
mod keys;
mod lines;
mod names;
pub mod object;
mod output;
pub mod pack;
#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
mod pages;
#[allow(unsafe_code)]
mod path;
pub mod queue;
pub mod raised;
#[allow(unsafe_code)]
mod replaced;
pub mod script;
#[cfg_attr(not(windows), allow(unsafe_code))]
#[cfg_attr(windows, path = "signals_windows.rs")]
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
