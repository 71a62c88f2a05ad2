// SPDX-License-Identifier: Apache-2.0
//! CPython for a caller in another language: everything here knows Python and nothing of Java.
//!
//! The rooms: [`interpreter`] starts CPython (`initialize` says how), [`script`] runs our own Python files, [`gil`] decides
//! which thread is inside it, [`handle`] keeps the objects the caller holds, [`pack`] moves values as bytes, [`bulk`] large
//! texts and bytes by themselves, [`exec`] runs text,
//! [`context`] keeps the namespaces, [`object`] does what one does to an object, `names` keeps names, [`stop`] ends a
//! call from outside, `replaced` has what stands for functions of Python's, `signals` what becomes of signals, [`stacks`] tells where Python stands, [`raised`] what an exception was,
//! [`callback`] is the way back out, [`fork`] ends a forked child, [`buffer`] and [`mod@array`] share
//! memory, the latter numpy's. [`capi`] declares the few functions of CPython that its stable ABI
//! leaves out, [`alloc`] is asked for what users decide the size of, [`inject`] is where tests make it panic. `rust/jni` turns all of it into what Java calls.

pub mod alloc;
#[allow(unsafe_code)]
pub mod array;
#[allow(unsafe_code)]
pub mod buffer;
#[allow(unsafe_code)]
pub mod bulk;
pub mod callback;
#[allow(unsafe_code)]
pub mod capi;
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
mod names;
pub mod object;
pub mod pack;
pub mod raised;
#[allow(unsafe_code)]
mod replaced;
pub mod script;
#[allow(unsafe_code)]
mod signals;
pub mod stacks;
pub mod stop;
mod texts;
#[allow(unsafe_code)]
pub mod utf16;

pub use error::{Error, Result};
