// SPDX-License-Identifier: Apache-2.0
//! Java's half of large values: it reads and creates Strings and byte arrays. The core has Python's half.
//!
//! JNI's own functions for text use two bytes for each character. A String whose characters have one byte each would
//! have to be widened, which costs more than everything else. So its bytes are read from `String.value`, and a String
//! is created from an array by the constructor that `java.lang` has for this. Both are private to the JDK. Their
//! first use checks them; if they are not as expected, JNI's functions are used.

use crate::failure::Failure;
use bytemuck::{cast_slice, NoUninit};
use jni::objects::{GlobalRef, JByteArray, JClass, JFieldID, JMethodID, JObject, JString, ReleaseMode};
use jni::signature::ReturnType;
use jni::sys::jvalue;
use jni::JNIEnv;
use python4j_core::bulk::{Characters, Text, Value, WIDE_PIECE};
use python4j_core::callback::SHORT_TEXT;
use python4j_core::{alloc, utf16, Error};
use std::mem::MaybeUninit;
use std::slice;
use std::sync::OnceLock;

/// A Java String to be read.
pub(crate) struct JavaText<'a, 'local> {
    env: &'a JNIEnv<'local>,
    string: &'a JString<'local>,
    length: usize,
    bytes: Bytes<'local>,
}

/// A String's own bytes: one for each character, or two, or not to be had.
enum Bytes<'local> {
    One(JByteArray<'local>),
    Two(JByteArray<'local>),
    Hidden,
}

impl<'a, 'local> JavaText<'a, 'local> {
    pub(crate) fn new(env: &'a mut JNIEnv<'local>, string: &'a JString<'local>) -> Result<Self, Failure> {
        if string.is_null() {
            return Err(jni::errors::Error::NullPtr("a text").into());
        }
        let length = length(env, string)?;
        let bytes = match Inside::get(env) {
            None => Bytes::Hidden,
            Some(inside) => {
                let value = inside.value(env, string)?;
                let bytes = env.get_array_length(&value)? as usize;
                if bytes == length {
                    Bytes::One(value)
                } else if bytes == size_of::<u16>() * length {
                    Bytes::Two(value)
                } else {
                    Bytes::Hidden
                }
            }
        };
        Ok(JavaText {
            env,
            string,
            length,
            bytes,
        })
    }
}

// SAFETY: `copy_bytes` writes all that it is asked for, or fails.
unsafe impl Text for JavaText<'_, '_> {
    type Error = Failure;

    fn length(&self) -> usize {
        self.length
    }

    fn is_narrow(&self) -> bool {
        matches!(self.bytes, Bytes::One(_))
    }

    fn narrow(&self, from: usize, units: &mut [MaybeUninit<u8>]) -> Result<(), Failure> {
        match &self.bytes {
            Bytes::One(value) => copy_bytes(self.env, value, from, units),
            _ => Err(Error::refused("The text is not narrow.").into()),
        }
    }

    unsafe fn wide<R>(&self, from: usize, count: usize, see: impl FnOnce(&[u16]) -> R) -> Result<R, Failure> {
        if let Bytes::Two(value) = &self.bytes {
            // SAFETY: `see` is as it must be by this method's own contract. Nobody writes to the bytes of a
            // String, which are `length` units.
            return unsafe {
                in_place(self.env, value, ReleaseMode::NoCopyBack, |units| {
                    see(&slice::from_raw_parts(units, self.length)[from..from + count])
                })
            };
        }
        let mut units = Vec::with_capacity(count);
        let room = &mut units.spare_capacity_mut()[..count];
        copy_units(self.env, self.string, from, room)?;
        // SAFETY: so many are written.
        unsafe { units.set_len(count) };
        Ok(see(&units))
    }
}

/// The String or byte[] for a value of Python's.
pub(crate) fn java_value<'local>(
    env: &mut JNIEnv<'local>,
    value: Value<'_>,
) -> Result<JObject<'local>, Failure> {
    let characters = match value {
        Value::Bytes(bytes) => return Ok(array(env, bytes)?.into()),
        Value::Text(characters) => characters,
        Value::Container(_) => return Err(Error::refused("A container is no large value.").into()),
    };
    let Some(inside) = Inside::get(env) else {
        return match characters {
            Characters::One(bytes) => {
                let mut units = alloc::with_capacity(bytes.len()).map_err(Error::from)?;
                units.extend(bytes.iter().copied().map(u16::from));
                string(env, &units)
            }
            Characters::Two(units) => string(env, units),
            Characters::Four(points) => string(env, &utf16::units(points).map_err(Error::from)?),
        };
    };
    let (bytes, size) = match characters {
        Characters::One(bytes) => (array(env, bytes)?, ONE),
        Characters::Two(units) => (array(env, units)?, TWO),
        Characters::Four(points) => (encoded(env, points)?, TWO),
    };
    inside.string(env, &bytes, size)
}

/// Whether Strings are read and made by what the JDK keeps to itself.
pub(crate) fn is_direct(env: &mut JNIEnv) -> bool {
    Inside::get(env).is_some()
}

/// An array of so many bytes, all 0.
fn new_array<'local>(env: &JNIEnv<'local>, bytes: usize) -> Result<JByteArray<'local>, Failure> {
    let length = i32::try_from(bytes).map_err(|_| {
        Error::refused(format!(
            "Neither an array nor a String of Java takes {bytes} bytes."
        ))
    })?;
    Ok(env.new_byte_array(length)?)
}

fn array<'local, T: NoUninit>(env: &JNIEnv<'local>, whole: &[T]) -> Result<JByteArray<'local>, Failure> {
    let array = new_array(env, size_of_val(whole))?;
    env.set_byte_array_region(&array, 0, cast_slice(whole))?;
    Ok(array)
}

/// UTF-16 of code points.
fn encoded<'local>(env: &JNIEnv<'local>, points: &[u32]) -> Result<JByteArray<'local>, Failure> {
    let length = utf16::length(points);
    let array = new_array(env, size_of::<u16>() * length)?;
    let mut filled = 0;
    // A point may be two units.
    for piece in points.chunks(WIDE_PIECE / 2) {
        // SAFETY: to encode calls nobody. The array has so many units, and nobody else knows it yet.
        filled += unsafe {
            in_place(env, &array, ReleaseMode::CopyBack, |units| {
                utf16::encode(piece, &mut slice::from_raw_parts_mut(units, length)[filled..])
            })?
        };
    }
    Ok(array)
}

/// Calls `body` with where the JVM has the bytes of an array, which are aligned for units. Until it has ended the JVM may not
/// move the array: it must be soon.
///
/// # Safety
///
/// `body` neither calls Java nor waits for another thread.
#[allow(clippy::disallowed_methods)] // the caller promises what this needs
unsafe fn in_place<R>(
    env: &JNIEnv,
    array: &JByteArray,
    release: ReleaseMode,
    body: impl FnOnce(*mut u16) -> R,
) -> Result<R, Failure> {
    // SAFETY: this environment and the caller's are those of the same thread, which uses only this one until the
    // elements are released.
    let mut env = unsafe { env.unsafe_clone() };
    // SAFETY: as the caller promises.
    let bytes = unsafe { env.get_array_elements_critical(array, release)? };
    let units: *mut u16 = bytes.as_ptr().cast();
    if !units.is_aligned() {
        return Err(Error::refused("An array of Java begins at an odd place.").into());
    }
    Ok(body(units))
}

/// What the JDK keeps to itself of Strings.
struct Inside {
    class: GlobalRef,
    value: JFieldID,
    /// Of bytes, and 0 if there is one for each character, 1 for two.
    of_bytes: JMethodID,
}

/// How many bytes a character has, as that constructor is told.
const ONE: i8 = 0;
const TWO: i8 = 1;

static INSIDE: OnceLock<Option<Inside>> = OnceLock::new();

impl Inside {
    #[allow(clippy::disallowed_methods)] // a failed look-up is answered by None
    fn get(env: &mut JNIEnv) -> Option<&'static Self> {
        if let Some(inside) = INSIDE.get() {
            return inside.as_ref();
        }
        match Inside::find(env) {
            Ok(found) => INSIDE.get_or_init(|| found).as_ref(),
            Err(_) => {
                let _ = env.exception_clear(); // without memory, say: it may succeed another time
                None
            }
        }
    }

    /// Nothing if one of them does not do what it should.
    #[allow(clippy::disallowed_methods)] // the insides of String, looked up once
    fn find(env: &mut JNIEnv) -> Result<Option<Self>, Failure> {
        let class = env.new_string("")?;
        let class = env.get_object_class(&class)?;
        let value = env.get_field_id(&class, "value", "[B");
        env.exception_clear()?;
        let of_bytes = env.get_method_id(&class, "<init>", "([BB)V");
        env.exception_clear()?;
        let (Ok(value), Ok(of_bytes)) = (value, of_bytes) else {
            return Ok(None);
        };
        let class = env.new_global_ref(class)?;
        let inside = Inside {
            class,
            value,
            of_bytes,
        };
        // Where every String has two bytes for each character the first one fails.
        let wide = [0x61_u16, 0x1234];
        for (units, bytes, size) in [
            ([0x61, 0xE9], &[0x61, 0xE9][..], ONE),
            (wide, cast_slice(&wide), TWO),
        ] {
            let text: JString = string(env, &units)?.into();
            let value = inside.value(env, &text)?;
            let made = array(env, bytes)?;
            let made = inside.string(env, &made, size)?.into();
            let same = |string: &JString| -> Result<bool, Failure> {
                let mut inside = [MaybeUninit::new(0); 2];
                copy_units(env, string, 0, &mut inside)?;
                // SAFETY: they are written.
                let inside = inside.map(|unit| unsafe { unit.assume_init() });
                Ok(length(env, string)? == 2 && inside == units)
            };
            let value: Vec<u8> = env.convert_byte_array(&value)?;
            if value != bytes || !same(&text)? || !same(&made)? {
                return Ok(None);
            }
        }
        Ok(Some(inside))
    }

    /// The bytes of a String.
    #[allow(clippy::disallowed_methods)] // a field that was looked up in String
    fn value<'local>(
        &self,
        env: &mut JNIEnv<'local>,
        string: &JString,
    ) -> Result<JByteArray<'local>, Failure> {
        let value = env.get_field_unchecked(string, self.value, ReturnType::Array)?;
        Ok(value.l()?.into())
    }

    /// A String that has this array for itself: nobody else may write to it.
    #[allow(clippy::disallowed_methods)] // a constructor that was looked up in String
    fn string<'local>(
        &self,
        env: &mut JNIEnv<'local>,
        bytes: &JByteArray,
        size: i8,
    ) -> Result<JObject<'local>, Failure> {
        let class: &JClass = self.class.as_obj().into();
        let arguments = [jvalue { l: bytes.as_raw() }, jvalue { b: size }];
        // SAFETY: the constructor was looked up in this class with this signature: an array of bytes and a byte.
        Ok(unsafe { env.new_object_unchecked(class, self.of_bytes, &arguments)? })
    }
}

// ---- what JNI has and the crate jni has not ----

#[allow(clippy::disallowed_methods)] // a function of JNI that the crate jni has not
fn length(env: &JNIEnv, string: &JString) -> Result<usize, Failure> {
    let raw = env.get_raw();
    // SAFETY: this is the environment of the calling thread, with all functions of JNI; the reference is to a
    // String, for which this cannot fail.
    let length = unsafe { (**raw).GetStringLength.map(|length| length(raw, string.as_raw())) };
    length.map(|length| length as usize).ok_or_else(missing)
}

/// A String of a short text that is ASCII, without zeros.
#[allow(clippy::disallowed_methods)] // a function of JNI: that of the crate jni looks for other characters
pub(crate) fn short_ascii<'local>(env: &mut JNIEnv<'local>, text: &str) -> Result<JString<'local>, Failure> {
    let mut zero_ended = [0_u8; SHORT_TEXT + 1];
    zero_ended[..text.len()].copy_from_slice(text.as_bytes());
    let raw = env.get_raw();
    // SAFETY: this is the environment of the calling thread, with all functions of JNI; the bytes end with a zero. The
    // result is a local reference, or null with an exception pending.
    let string = unsafe {
        let make = (**raw).NewStringUTF.ok_or_else(missing)?;
        JString::from_raw(make(raw, zero_ended.as_ptr().cast()))
    };
    match string.is_null() {
        true => checked(env).map(|()| string),
        false => Ok(string),
    }
}

/// The bytes of a String that is ASCII and has no more characters than that, and how many these are.
#[allow(clippy::disallowed_methods)] // a function of JNI that the crate jni has not
pub(crate) fn copy_short_ascii(
    env: &JNIEnv,
    string: &JString,
    ascii: &mut [u8; SHORT_TEXT],
) -> Result<usize, Failure> {
    let (length, mut zero_ended) = (length(env, string)?, [0_u8; SHORT_TEXT + 1]);
    if length > SHORT_TEXT {
        return Err(Error::refused("The text is not short.").into());
    }
    let raw = env.get_raw();
    // SAFETY: as in `length`. JNI's UTF-8 of so many ASCII characters, and perhaps a zero behind them.
    unsafe {
        let region = (**raw).GetStringUTFRegion.ok_or_else(missing)?;
        region(
            raw,
            string.as_raw(),
            0,
            length as i32,
            zero_ended.as_mut_ptr().cast(),
        );
    }
    ascii.copy_from_slice(&zero_ended[..SHORT_TEXT]);
    Ok(length)
}

/// Units of a String from a place on: all of them, or an error.
#[allow(clippy::disallowed_methods)] // a function of JNI that the crate jni has not
fn copy_units(
    env: &JNIEnv,
    string: &JString,
    from: usize,
    units: &mut [MaybeUninit<u16>],
) -> Result<(), Failure> {
    let raw = env.get_raw();
    // SAFETY: as in `length`. So many units are written, or none, and then an exception is pending.
    unsafe {
        let region = (**raw).GetStringRegion.ok_or_else(missing)?;
        region(
            raw,
            string.as_raw(),
            from as i32,
            units.len() as i32,
            units.as_mut_ptr().cast(),
        );
    }
    checked(env)
}

/// Bytes of an array from a place on: all of them, or an error.
#[allow(clippy::disallowed_methods)] // a function of JNI that the crate jni has not
pub(crate) fn copy_bytes(
    env: &JNIEnv,
    array: &JByteArray,
    from: usize,
    bytes: &mut [MaybeUninit<u8>],
) -> Result<(), Failure> {
    let raw = env.get_raw();
    // SAFETY: as in `copy_units`, and the reference is to an array of bytes.
    unsafe {
        let region = (**raw).GetByteArrayRegion.ok_or_else(missing)?;
        region(
            raw,
            array.as_raw(),
            from as i32,
            bytes.len() as i32,
            bytes.as_mut_ptr().cast(),
        );
    }
    checked(env)
}

/// What no request begins with.
const UNTOUCHED: u8 = 0xFF;

/// The first bytes of a request: all of them, or an error. To ask the JVM for an error takes as long as to copy them: so that
/// is done only where it may not have copied any.
#[allow(clippy::disallowed_methods)] // as in copy_bytes
pub(crate) fn copy_request(env: &JNIEnv, array: &JByteArray, bytes: &mut [u8]) -> Result<(), Failure> {
    let Some(first) = bytes.first_mut() else {
        return Ok(());
    };
    if array.is_null() {
        return Err(jni::errors::Error::NullPtr("a request").into());
    }
    *first = UNTOUCHED;
    let raw = env.get_raw();
    // SAFETY: as in `copy_bytes`, and there is an array.
    unsafe {
        let region = (**raw).GetByteArrayRegion.ok_or_else(missing)?;
        region(
            raw,
            array.as_raw(),
            0,
            bytes.len() as i32,
            bytes.as_mut_ptr().cast(),
        );
    }
    if bytes[0] == UNTOUCHED {
        checked(env)?;
    }
    Ok(())
}

/// Writes a reply into the array of its request, in which it has room: so there can be no error.
#[allow(clippy::disallowed_methods)] // as in copy_bytes
pub(crate) fn write_reply(env: &JNIEnv, array: &JByteArray, reply: &[u8]) -> Result<(), Failure> {
    let raw = env.get_raw();
    // SAFETY: as in `copy_bytes`; the JVM checks the bounds, too.
    unsafe {
        let region = (**raw).SetByteArrayRegion.ok_or_else(missing)?;
        region(raw, array.as_raw(), 0, reply.len() as i32, reply.as_ptr().cast());
    }
    Ok(())
}

fn checked(env: &JNIEnv) -> Result<(), Failure> {
    match env.exception_check()? {
        true => Err(jni::errors::Error::JavaException.into()),
        false => Ok(()),
    }
}

/// A String of units.
#[allow(clippy::disallowed_methods)] // a function of JNI that the crate jni has not
fn string<'local>(env: &JNIEnv<'local>, units: &[u16]) -> Result<JObject<'local>, Failure> {
    let length = i32::try_from(units.len()).map_err(|_| Error::refused("No String of Java is as long."))?;
    let raw = env.get_raw();
    // SAFETY: as in `length`; so many units are read. The result is a new local reference, or null and an
    // exception is pending.
    unsafe {
        let new = (**raw).NewString.ok_or_else(missing)?;
        let string = new(raw, units.as_ptr(), length);
        if string.is_null() {
            return Err(jni::errors::Error::JavaException.into());
        }
        Ok(JObject::from_raw(string))
    }
}

fn missing() -> Failure {
    jni::errors::Error::JNIEnvMethodNotFound("String").into()
}
