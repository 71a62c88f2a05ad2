// SPDX-License-Identifier: Apache-2.0
//! Who stands behind the core's door back to Java: `Native.upcall`, the one method that Rust calls.
//! Threads that Python made are attached to the JVM when they first come here, as daemons.

use jni::objects::{GlobalRef, JByteArray, JClass, JStaticMethodID, JThrowable, JValue};
use jni::signature::ReturnType;
use jni::{JNIEnv, JavaVM};
use python4j_core::callback::{self, Door};
use python4j_core::{Error, Result};

const NATIVE: &str = "org/nd4j/python4j/Native";
const STACK_OVERFLOW: &str = "java/lang/StackOverflowError";

/// A JVM, and the method to call in it.
pub(crate) struct JavaDoor {
    vm: JavaVM,
    native: GlobalRef,
    upcall: JStaticMethodID,
    stack_overflow: GlobalRef,
}

impl JavaDoor {
    /// To be made on a thread whose caller is `Native`, so that its class loader finds it.
    #[allow(clippy::disallowed_methods)] // one of the two places
    pub(crate) fn new(env: &mut JNIEnv) -> jni::errors::Result<Self> {
        let native = env.find_class(NATIVE)?;
        let upcall = env.get_static_method_id(&native, "upcall", "(J[B)[B")?;
        let stack_overflow = env.find_class(STACK_OVERFLOW)?;
        Ok(JavaDoor {
            vm: env.get_java_vm()?,
            native: env.new_global_ref(native)?,
            upcall,
            stack_overflow: env.new_global_ref(stack_overflow)?,
        })
    }

    fn upcall(&self, key: u64, arguments: Option<&[u8]>) -> jni::errors::Result<Vec<u8>> {
        let mut env = self.vm.attach_current_thread_as_daemon()?;
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
            env.convert_byte_array(&reply)
        })
    }

    /// Takes what Java has pending, which would hit an unrelated call: whether it was out of stack.
    fn clear(&self) -> bool {
        let Ok(mut env) = self.vm.get_env() else {
            return false;
        };
        let pending = env.exception_occurred().unwrap_or_else(|_| JThrowable::default());
        let _ = env.exception_clear();
        let class: &JClass = self.stack_overflow.as_obj().into();
        let overflow = !pending.is_null() && env.is_instance_of(&pending, class).unwrap_or(false);
        // A program may come here many times before it returns to Java, which would free it.
        let _ = env.delete_local_ref(pending);
        overflow
    }
}

impl Door for JavaDoor {
    fn call(&self, function: u64, arguments: &[u8]) -> Result<Vec<u8>> {
        self.upcall(function, Some(arguments)).or_else(|error| {
            // Native.upcall catches everything, so only the JVM itself can fail here: no memory,
            // no stack.
            match self.clear() {
                true => Ok(callback::raising("RecursionError", "Java has no stack left")),
                false => Err(Error::refused(format!("The call back to Java failed: {error}"))),
            }
        })
    }

    fn release(&self, key: u64) {
        if self.upcall(key, None).is_err() {
            self.clear(); // out of memory or at its end; the entry stays in Java's table
        }
    }
}
