// SPDX-License-Identifier: Apache-2.0
//! Turns a panic or an error into a Java throwable. No other file does this, and no other file knows the names
//! of the Java exceptions. `raised.rs` decides the content of an exception that comes from Python.

use crate::failure::Failure;
use crate::host;
use jni::objects::{JByteArray, JFieldID, JLongArray, JObject, JString, JThrowable, JValue};
use jni::signature::ReturnType;
use jni::JNIEnv;
use python4j_core::{child, fork, inject, pack, raised, stop, Error};
use std::any::Any;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::OnceLock;

const PYTHON_EXCEPTION: &str = "org/nd4j/python4j/PythonException";

/// What a JNI function returns while an exception is pending.
pub(crate) trait Nothing {
    fn nothing() -> Self;
}

macro_rules! nothing {
    ($($kind:ty => $value:expr),*) => {
        $(impl Nothing for $kind {
            fn nothing() -> Self {
                $value
            }
        })*
    };
}

nothing!(() => (), bool => false, i32 => 0, i64 => 0);
nothing!(JObject<'_> => JObject::null(), JByteArray<'_> => JObject::null().into(), JLongArray<'_> => JObject::null().into(), JString<'_> => JObject::null().into());

/// Every export's body runs in here.
pub(crate) fn guard<'local, R: Nothing>(
    env: &mut JNIEnv<'local>,
    body: impl FnOnce(&mut JNIEnv<'local>) -> Result<R, Failure>,
) -> R {
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        inject::point();
        body(env)
    }));
    if fork::is_child() {
        match outcome {
            Ok(Err(Failure::Core(error))) => child::end(Some(&error)),
            _ => child::end(None),
        }
    }
    match outcome {
        Ok(Ok(result)) => return result,
        Ok(Err(Failure::Core(error))) => throw(env, error),
        Ok(Err(Failure::Jni(error))) => {
            if !env.exception_check().unwrap_or(false) {
                throw(env, Error::refused(format!("JNI call failed: {error}")));
            }
        }
        Err(panic) => throw(env, Error::refused(panic_text(panic.as_ref()))),
    }
    R::nothing()
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let said = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no text");
    format!("Internal error of python4j (please report it): {said}")
}

/// What a call that failed throws, for Java to throw: a JVM takes longer to throw what native code throws, and writes a line about
/// it. Null for one that did not fail.
pub(crate) fn thrown<'local>(
    env: &mut JNIEnv<'local>,
    outcome: python4j_core::Result<()>,
) -> Result<JObject<'local>, Failure> {
    match outcome {
        Ok(()) => Ok(JObject::null()),
        Err(error) if fork::is_child() => Err(error.into()),
        Err(error) => Ok(throwable(env, error)?.into()),
    }
}

#[allow(clippy::disallowed_methods)] // the one place
fn throw(env: &mut JNIEnv, error: Error) {
    // If even this fails, an OutOfMemoryError say, then that is the pending exception.
    if let Ok(throwable) = throwable(env, error) {
        let _ = env.throw(throwable);
    }
}

fn throwable<'local>(env: &mut JNIEnv<'local>, error: Error) -> jni::errors::Result<JThrowable<'local>> {
    // What an error says of itself runs Python, and so it is guarded like everything else.
    let said = catch_unwind(AssertUnwindSafe(|| {
        if error.has_exception() {
            reported(env, error)
        } else {
            plain(env, &error.to_string())
        }
    }));
    said.unwrap_or_else(|panic| plain(env, &panic_text(panic.as_ref())))
}

/// An error that Python has nothing to say about.
#[allow(clippy::disallowed_methods)] // the one place
fn plain<'local>(env: &mut JNIEnv<'local>, message: &str) -> jni::errors::Result<JThrowable<'local>> {
    let message = env.new_string(message)?;
    let arguments = [JValue::Object(&message)];
    let exception = env.new_object(PYTHON_EXCEPTION, "(Ljava/lang/String;)V", &arguments)?;
    Ok(exception.into())
}

/// An error with a Python exception in it: `PythonException.made` makes the fitting Java one.
#[allow(clippy::disallowed_methods)] // the method was looked up by the host
fn reported<'local>(env: &mut JNIEnv<'local>, error: Error) -> jni::errors::Result<JThrowable<'local>> {
    // The error ends inside Python, where its exception can be let go at once.
    let (class, made, root) = match host::maker(env) {
        Ok(maker) => maker,
        Err(failed) => {
            stop::still_stoppable(move |_| drop(error));
            return Err(failed);
        }
    };
    let report =
        stop::still_stoppable(move |py| raised::report(py, &error, root).map_err(|_| error.to_string()));
    match report {
        Ok(report) => {
            let report = env
                .byte_array_from_slice(&report)
                .inspect_err(|_| pack::forget(&report))?;
            let arguments = [JValue::Object(&report).as_jni()];
            // SAFETY: the method was looked up in this class with this signature: an object in, an
            // object out.
            let made =
                unsafe { env.call_static_method_unchecked(class, made, ReturnType::Object, &arguments) };
            Ok(made?.l()?.into())
        }
        Err(message) => plain(env, &message),
    }
}

/// A private field of one of the JDK's classes; null where the object is of another class, or on a JVM that has no such
/// field.
#[allow(clippy::disallowed_methods)] // the one place
pub(crate) fn hidden<'local>(
    env: &mut JNIEnv<'local>,
    object: &JObject,
    owner: &str,
    field: &str,
    kind: &str,
) -> jni::errors::Result<JObject<'local>> {
    let found = env
        .find_class(owner)
        .and_then(|class| Ok((env.get_field_id(&class, field, kind)?, class)));
    match found {
        Ok((field, class)) if !object.is_null() && env.is_instance_of(object, &class)? => {
            env.get_field_unchecked(object, field, ReturnType::Object)?.l()
        }
        Ok(_) => Ok(JObject::null()),
        Err(_) => {
            env.exception_clear()?;
            Ok(JObject::null())
        }
    }
}

/// `Throwable.backtrace`, in which HotSpot keeps the stack; null on a JVM that has no such field.
#[allow(clippy::disallowed_methods)] // the one place
pub(crate) fn backtrace<'local>(
    env: &mut JNIEnv<'local>,
    throwable: &JObject,
) -> jni::errors::Result<JObject<'local>> {
    static FIELD: OnceLock<Option<JFieldID>> = OnceLock::new();
    let field = match FIELD.get() {
        Some(field) => *field,
        None => {
            let class = env.find_class("java/lang/Throwable")?;
            let field = env.get_field_id(class, "backtrace", "Ljava/lang/Object;").ok();
            if field.is_none() {
                env.exception_clear()?;
            }
            *FIELD.get_or_init(|| field)
        }
    };
    match field {
        Some(field) => env.get_field_unchecked(throwable, field, ReturnType::Object)?.l(),
        None => Ok(JObject::null()),
    }
}
