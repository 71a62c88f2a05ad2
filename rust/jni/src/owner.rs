// SPDX-License-Identifier: Apache-2.0
//! The two parts of shared memory that only a JVM can provide: the reference that keeps Java's memory alive
//! while Python uses it, and a Java buffer over Python's memory. The core knows the contents of the memory.

use crate::failure::Failure;
use jni::objects::{GlobalRef, JObject};
use jni::JNIEnv;
use python4j_core::Error;
use std::mem::ManuallyDrop;
use std::sync::OnceLock;

/// Keeps a Java object, and the memory it owns, until dropped. That may happen on any thread: one
/// that Python made is attached to the JVM for the moment.
pub(crate) struct Owner {
    reference: ManuallyDrop<GlobalRef>,
    process: u32,
}

/// Keeps an object.
#[allow(clippy::disallowed_methods)] // the one place
pub(crate) fn keep(env: &JNIEnv, object: &JObject) -> Result<Owner, Failure> {
    Ok(Owner {
        reference: ManuallyDrop::new(env.new_global_ref(object)?),
        process: std::process::id(),
    })
}

impl Drop for Owner {
    fn drop(&mut self) {
        // A child of os.fork has this thread only: a JVM without its other threads could wait for ever.
        if self.process == std::process::id() {
            // SAFETY: dropped here and nowhere else.
            unsafe { ManuallyDrop::drop(&mut self.reference) }
        }
    }
}

/// What the turns of all class loaders have in common: what the first one brought, kept for the life of the process.
#[allow(clippy::disallowed_methods)] // an object of the JDK's, which keeps no class loader
pub(crate) fn turns<'local>(env: &mut JNIEnv<'local>, turns: &JObject) -> Result<JObject<'local>, Failure> {
    static TURNS: OnceLock<GlobalRef> = OnceLock::new();
    let mine = env.new_global_ref(turns)?;
    Ok(env.new_local_ref(TURNS.get_or_init(|| mine))?)
}

/// A direct `ByteBuffer` over memory that Java keeps by other means.
#[allow(clippy::disallowed_methods)] // the one place
pub(crate) fn wrap<'local>(
    env: &mut JNIEnv<'local>,
    address: i64,
    length: i64,
) -> Result<JObject<'local>, Failure> {
    if address == 0 || !(0..=i64::from(i32::MAX)).contains(&length) {
        return Err(Error::refused(format!("No Java buffer has {length} bytes at {address:#x}.")).into());
    }
    // SAFETY: the buffer is as good as the address, for which the caller in Java answers: it holds
    // the handle of the object whose memory this is for as long as the buffer lives.
    let buffer = unsafe { env.new_direct_byte_buffer(address as *mut u8, length as usize)? };
    Ok(buffer.into())
}
