// SPDX-License-Identifier: Apache-2.0
//! Fields of Java's objects that a thread reads inside Python. That calls no code of anybody's and waits for nobody but the
//! garbage collector, which never waits for Python: so other threads need not get the GIL for it, which takes longer than all the
//! rest.

use crate::failure::Failure;
use jni::objects::{JFieldID, JObject, WeakRef};
use jni::signature::{Primitive, ReturnType};
use jni::JNIEnv;
use python4j_core::callback::Scalar;
use python4j_core::{fork, Error};
use std::mem::ManuallyDrop;

/// A field of an object, of a primitive type. Whoever holds the object's key keeps the object.
pub(crate) struct Field {
    object: ManuallyDrop<WeakRef>,
    id: JFieldID,
    kind: Primitive,
}

impl Field {
    /// @param `field` is a `java.lang.reflect.Field` of the object's class, and no static one; `kind` is the type's letter in a descriptor.
    #[allow(clippy::disallowed_methods)] // the one place
    pub(crate) fn new(
        env: &mut JNIEnv,
        object: &JObject,
        field: &JObject,
        kind: u8,
    ) -> Result<Self, Failure> {
        let refused = || Error::refused("There is no such field.");
        let raw = env.get_raw();
        // SAFETY: this is the environment of the calling thread, with all functions of JNI; a reference to a field, which has an id for as
        // long as its class is loaded.
        let id = unsafe {
            let find = (**raw).FromReflectedField.ok_or_else(refused)?;
            find(raw, field.as_raw())
        };
        if id.is_null() {
            return Err(jni::errors::Error::JavaException.into());
        }
        let kind = match kind {
            b'Z' => Primitive::Boolean,
            b'B' => Primitive::Byte,
            b'S' => Primitive::Short,
            b'I' => Primitive::Int,
            b'J' => Primitive::Long,
            b'F' => Primitive::Float,
            b'D' => Primitive::Double,
            _ => return Err(refused().into()),
        };
        Ok(Field {
            object: ManuallyDrop::new(env.new_weak_ref(object)?.ok_or_else(refused)?),
            // SAFETY: it is one.
            id: unsafe { JFieldID::from_raw(id) },
            kind,
        })
    }

    /// What is in it now; none if the object is gone.
    #[allow(clippy::disallowed_methods)] // the one place
    pub(crate) fn read(&self, env: &mut JNIEnv) -> Option<Scalar> {
        let object = self.object.upgrade_local(env).ok()??; // which keeps the class, too
        let object = env.auto_local(object);
        let value = env.get_field_unchecked(&object, self.id, ReturnType::Primitive(self.kind));
        let value = value.ok()?;
        Some(match self.kind {
            Primitive::Boolean => Scalar::Bool(value.z().ok()?),
            Primitive::Byte => Scalar::Int(value.b().ok()?.into()),
            Primitive::Short => Scalar::Int(value.s().ok()?.into()),
            Primitive::Int => Scalar::Int(value.i().ok()?.into()),
            Primitive::Long => Scalar::Int(value.j().ok()?),
            Primitive::Float => Scalar::Float(value.f().ok()?.into()),
            _ => Scalar::Float(value.d().ok()?),
        })
    }
}

impl Drop for Field {
    fn drop(&mut self) {
        // A child of os.fork has this thread only: a JVM without its other threads could wait for ever.
        if !fork::is_child() {
            // SAFETY: dropped here and nowhere else.
            unsafe { ManuallyDrop::drop(&mut self.object) }
        }
    }
}
