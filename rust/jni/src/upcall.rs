// SPDX-License-Identifier: Apache-2.0
//! The core's upcall into Java: `Native.upcall`, the one method that Rust calls.
//! Threads that Python made are attached to the JVM when they first come here, as daemons.

use crate::guard::Failure;
use jni::objects::{GlobalRef, JByteArray, JClass, JObject, JStaticMethodID, JString, JThrowable, JValue};
use jni::signature::ReturnType;
use jni::{JNIEnv, JavaVM};
use python4j_core::callback::{self, Upcall};
use python4j_core::{alloc, Error, Result};

const NATIVE: &str = "org/nd4j/python4j/internal/jni/Native";
const STACK_OVERFLOW: &str = "java/lang/StackOverflowError";

/// A JVM, and the method to call in it.
pub(crate) struct JavaUpcall {
    vm: JavaVM,
    native: GlobalRef,
    upcall: JStaticMethodID,
    stack_overflow: GlobalRef,
}

impl JavaUpcall {
    /// To be made on a thread whose caller is `Native`, so that its class loader finds it.
    #[allow(clippy::disallowed_methods)] // one of the two places
    pub(crate) fn new(env: &mut JNIEnv) -> jni::errors::Result<Self> {
        let native = env.find_class(NATIVE)?;
        let upcall = env.get_static_method_id(&native, "upcall", "(J[B)[B")?;
        let stack_overflow = env.find_class(STACK_OVERFLOW)?;
        Ok(JavaUpcall {
            vm: env.get_java_vm()?,
            native: env.new_global_ref(native)?,
            upcall,
            stack_overflow: env.new_global_ref(stack_overflow)?,
        })
    }

    fn upcall(&self, env: &mut JNIEnv, key: u64, arguments: Option<&[u8]>) -> Result<Vec<u8>, Failure> {
        // The frame gives back the local references of a thread that never returns to Java.
        env.with_local_frame(8, |env| {
            let arguments = match arguments {
                Some(bytes) => env.byte_array_from_slice(bytes)?,
                None => JByteArray::default(),
            };
            let class: &JClass = self.native.as_obj().into();
            let values = [
                JValue::Long(key as i64).as_jni(),
                JValue::Object(&arguments).as_jni(),
            ];
            // SAFETY: the method was looked up in this class with this signature: a long and a byte
            // array in, a byte array out.
            let reply =
                unsafe { env.call_static_method_unchecked(class, self.upcall, ReturnType::Array, &values) };
            let reply: JByteArray = reply.and_then(|value| value.l())?.into();
            if reply.is_null() {
                return Ok(Vec::new());
            }
            let mut bytes = alloc::zeros(env.get_array_length(&reply)? as usize)?;
            env.get_byte_array_region(&reply, 0, bytemuck::cast_slice_mut(&mut bytes))?;
            Ok(bytes)
        })
    }

    /// Takes what Java has pending, which would hit an unrelated call.
    fn pending<'local>(env: &mut JNIEnv<'local>) -> JThrowable<'local> {
        let pending = env.exception_occurred().unwrap_or_default();
        let _ = env.exception_clear();
        pending
    }

    /// What becomes of a call that failed. `Native.upcall` catches everything, so only the JVM itself fails here: no
    /// memory, no stack.
    fn failed(&self, env: &mut JNIEnv, failure: Failure) -> Result<Vec<u8>> {
        let pending = Self::pending(env);
        let class: &JClass = self.stack_overflow.as_obj().into();
        let answer = if !pending.is_null() && env.is_instance_of(&pending, class).unwrap_or(false) {
            Ok(callback::raising("RecursionError", "Java has no stack left"))
        } else {
            Err(match (described(env, &pending), failure) {
                (Some(thrown), _) => refused(&thrown),
                (None, Failure::Core(error)) => error,
                (None, Failure::Jni(error)) => refused(&error.to_string()),
            })
        };
        // A program may come here many times before it returns to Java, which would free it.
        let _ = env.delete_local_ref(pending);
        answer
    }
}

/// The class and text of what Java threw; nothing where it threw nothing, or has no room to say it.
fn described(env: &mut JNIEnv, thrown: &JObject) -> Option<String> {
    if thrown.is_null() {
        return None;
    }
    let text = env
        .call_method(thrown, "toString", "()Ljava/lang/String;", &[])
        .and_then(|text| text.l());
    let Ok(text) = text else {
        let thrown = JavaUpcall::pending(env);
        let _ = env.delete_local_ref(thrown);
        return None;
    };
    let text = env.auto_local(JString::from(text));
    env.get_string(&text).ok().map(String::from)
}

fn refused(why: &str) -> Error {
    Error::refused(format!("The call back to Java failed: {why}"))
}

impl Upcall for JavaUpcall {
    fn call(&self, function: u64, arguments: &[u8]) -> Result<Vec<u8>> {
        let mut env = self.vm.attach_current_thread_as_daemon().map_err(|error| {
            refused(&format!(
                "the JVM could not attach this thread ({error}). Often the thread's stack is too small for Java: \
                 see threading.stack_size."
            ))
        })?;
        self.upcall(&mut env, function, Some(arguments))
            .or_else(|failure| self.failed(&mut env, failure))
    }

    fn thread_name(&self) -> Option<String> {
        let mut env = self.vm.get_env().ok()?; // does not attach the thread
        match self.upcall(&mut env, callback::THREAD_NAME, Some(&[])) {
            Ok(name) => String::from_utf8(name).ok(),
            Err(_) => {
                let pending = Self::pending(&mut env);
                let _ = env.delete_local_ref(pending);
                None
            }
        }
    }

    fn release(&self, key: u64) {
        // Where the JVM is out of memory or at its end, the entry stays in Java's table.
        let Ok(mut env) = self.vm.attach_current_thread_as_daemon() else {
            return;
        };
        if self.upcall(&mut env, key, None).is_err() {
            let pending = Self::pending(&mut env);
            let _ = env.delete_local_ref(pending);
        }
    }
}
