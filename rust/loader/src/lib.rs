// SPDX-License-Identifier: Apache-2.0
//! The library that is loaded first. It finds an interpreter's libpython and opens it for all later libraries, so
//! that libpython4j, which leaves Python's symbols undefined, can be loaded after it. It does not link to Python.
//! Java's `NativeLoader` is its only caller.
//!
//! - [`find`] turns a user's choice into an interpreter.
//! - [`installed`] knows where installers put one, and [`version`] what their folders are called.
//! - [`ask`] runs an interpreter and keeps its answer.
//! - [`note`] tells whether an earlier answer is still valid.
//! - [`binary`] reads what a file was built for.
//! - [`open`] opens the library; `forward` makes its symbols available on Windows.
//!
//! This file has their JNI functions. None of them needs the GIL or a turn, and any thread may call them.

pub mod ask;
pub mod binary;
pub mod find;
#[cfg(any(windows, test))]
mod forward;
pub mod installed;
#[cfg(test)]
mod layouts;
pub mod note;
#[allow(unsafe_code)]
pub mod open;
#[cfg(test)]
mod scratch;
pub mod version;

use jni::JNIEnv;
use jni::objects::{JClass, JString};
use jni::sys::{jboolean, jstring};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

/// Opens a libpython; gives the file that Python runs from. See [`open::open`].
#[allow(unsafe_code)] // the name is exported
#[unsafe(no_mangle)]
pub extern "system" fn Java_org_nd4j_python4j_internal_start_NativeLoader_open(
    mut env: JNIEnv<'_>,
    _class: JClass<'_>,
    library: JString<'_>,
) -> jstring {
    guard(&mut env, |env| {
        let library = text(env, &library)?;
        Ok(Some(open::open(Path::new(&library))?.display().to_string()))
    })
}

/// Finds an interpreter; gives lines `key=value`, or null where `auto` finds no environment. See
/// [`find::find`].
#[allow(unsafe_code)] // the name is exported
#[unsafe(no_mangle)]
pub extern "system" fn Java_org_nd4j_python4j_internal_start_NativeLoader_find(
    mut env: JNIEnv<'_>,
    _class: JClass<'_>,
    choice: JString<'_>,
    cache: JString<'_>,
) -> jstring {
    guard(&mut env, |env| {
        let choice = text(env, &choice)?;
        let cache = if cache.is_null() {
            None
        } else {
            Some(PathBuf::from(text(env, &cache)?))
        };
        let found = find::find(&choice, &find::Surroundings::of_this_process(cache))?;
        Ok(found.map(|found| found.text()))
    })
}

/// Whether the files of an earlier start are as they were. See [`note::unchanged`].
#[allow(unsafe_code)] // the name is exported
#[unsafe(no_mangle)]
pub extern "system" fn Java_org_nd4j_python4j_internal_start_NativeLoader_unchanged(
    mut env: JNIEnv<'_>,
    _class: JClass<'_>,
    lines: JString<'_>,
) -> jboolean {
    let mut same = false;
    guard(&mut env, |env| {
        same = note::unchanged(&text(env, &lines)?);
        Ok(None)
    });
    same.into()
}

#[allow(clippy::disallowed_methods)] // paths are short, and no lone surrogate can be in one
fn text(env: &mut JNIEnv<'_>, string: &JString<'_>) -> Result<String, String> {
    env.get_string(string).map(Into::into).map_err(|e| e.to_string())
}

/// Where errors and panics become Java's.
fn guard<'a>(
    env: &mut JNIEnv<'a>,
    body: impl FnOnce(&mut JNIEnv<'a>) -> Result<Option<String>, String>,
) -> jstring {
    let result = catch_unwind(AssertUnwindSafe(|| body(env)))
        .unwrap_or_else(|panic| Err(format!("the loader failed: {}", message(&*panic))));
    let string = match result {
        Ok(None) => return std::ptr::null_mut(),
        Ok(Some(text)) => env.new_string(text).map_err(|e| e.to_string()),
        Err(why) => Err(why),
    };
    match string {
        Ok(string) => string.into_raw(),
        Err(why) => {
            // If even this fails, an exception is pending already and says why.
            let _ = env.throw_new("org/nd4j/python4j/PythonException", why);
            std::ptr::null_mut()
        }
    }
}

fn message(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("panic")
}
