// SPDX-License-Identifier: Apache-2.0
//! The functions that Java calls. Besides the loader this is the only crate with JNI types.
//!
//! - [`exports`] has one function for each line of `Native.java`.
//! - [`guard`] turns panics and errors into Java exceptions; [`failure`] is their form before that.
//! - [`host`] is one class loader's copy of the Java half, and the upcall to it.
//! - [`watch`] is the thread that monitors all hosts; [`boot`] has the objects that belong to the JVM.
//! - [`field`] reads fields of Java's objects for Python.
//! - [`bulk`] reads and creates large Strings and arrays.
//! - [`process`] starts other processes and communicates with them.
//! - [`owner`] keeps Java's memory that Python sees, and shows Python's memory to Java; [`shared`] has the blocks
//!   that other processes see as well.

// A function of JNI that the crate jni has not; and it deals with classes of the JDK's, outside of all class loaders.
#[allow(unsafe_code, clippy::disallowed_methods)]
mod boot;
#[allow(unsafe_code)] // functions of JNI that the crate jni has not, and as in host
mod bulk;
#[allow(unsafe_code)] // the code that the export macro writes
mod exports;
mod failure;
#[allow(unsafe_code)] // a function of JNI that the crate jni has not
mod field;
#[allow(unsafe_code)] // as in host
mod guard;
#[allow(unsafe_code)] // one call by a method id that was looked up once
mod host;
#[cfg(feature = "inject")]
#[allow(unsafe_code)] // an exported name
mod inject;
#[allow(unsafe_code)]
mod owner;
#[cfg_attr(unix, path = "process.rs")]
#[cfg_attr(not(unix), path = "process_none.rs")]
#[allow(unsafe_code)]
mod process;
#[allow(unsafe_code)] // an address of Java's, as in owner
mod shared;
// A function of JNI that the crate jni has not, and an exported name; and as in boot.
#[allow(unsafe_code, clippy::disallowed_methods)]
mod watch;
