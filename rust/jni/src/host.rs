// SPDX-License-Identifier: Apache-2.0
//! The hosts. A host belongs to one class loader's copy of the Java half. An application server has several hosts in
//! one process, which share this library and the one CPython. The start of a copy creates its host. The host refers
//! to its class loader weakly, so that an undeployed application can be collected; calls from Python to it then fail.
//!
//! A host is also the core's upcall into Java: `Native.upcall`. Threads that Python created are attached to the JVM
//! as daemon threads when they come here for the first time.

use crate::bulk;
use crate::failure::Failure;
use crate::field::Field;
use jni::objects::{
    GlobalRef, JByteArray, JClass, JObject, JObjectArray, JStaticMethodID, JString, JThrowable, JValue,
    JValueOwned, WeakRef,
};
use jni::signature::{Primitive, ReturnType};
use jni::sys::jvalue;
use jni::{JNIEnv, JavaVM};
use python4j_core::callback::{self, Answer, Few, Place, Scalar, Upcall, SHORT_TEXT};
use python4j_core::handle::{self, Frame};
use python4j_core::{alloc, context, queue, Error, Result};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

const NATIVE: &str = "org/nd4j/python4j/internal/jni/Native";
const PYTHON_EXCEPTION: &str = "org/nd4j/python4j/PythonException";
const STACK_OVERFLOW: &str = "java/lang/StackOverflowError";

/// Where in a key the number of its host begins. `Callbacks.java` makes the keys.
const HOST_SHIFT: u32 = 44;
const MOST_HOSTS: u32 = 1 << (63 - HOST_SHIFT);

/// What a packed answer begins with that is a field, in `Callbacks.java`; the letter of its type follows.
const FIELD: u8 = 5;

/// What a call is told whose host is gone.
const GONE: &str =
    "The Java application that this object belongs to is gone: it was undeployed, or it called \
                    PythonExecutioner.shutdown().";

/// One class loader's copy of the Java half.
pub(crate) struct Host {
    /// Its number is in it. The first one is 1.
    root: Frame,
    vm: JavaVM,
    /// The class `Native` of this class loader.
    native: WeakRef,
    upcall: JStaticMethodID,
    look: JStaticMethodID,
    exit: JStaticMethodID,
    maker: OnceLock<Maker>,
    small: OnceLock<Small>,
    /// `Relaxed`, as nothing else hangs on it: one thread alone closes, and who sees that late asks a class that is gone, in vain.
    closed: AtomicBool,
}

/// The upcalls of few arguments, looked up when one is first needed.
struct Small {
    /// The class `Native`, if its class loader is the system's, which lives as long as the JVM: of any other one it would keep the
    /// application. To make a reference of the weak one for each call, and to give it back, takes longer than a fifth of the upcall.
    class: Option<GlobalRef>,
    longs: JStaticMethodID,
    operation: JStaticMethodID,
    text: JStaticMethodID,
    take_answer: JStaticMethodID,
    take_place: JStaticMethodID,
}

/// `PythonException.made`, looked up when it is first needed, which costs half of what it does.
struct Maker {
    class: WeakRef,
    made: JStaticMethodID,
}

/// Those that are open.
static HOSTS: Mutex<Vec<Arc<Host>>> = Mutex::new(Vec::new());
/// It only has to be another one for each host.
static HOSTS_MADE: AtomicU32 = AtomicU32::new(0);
static STACK_OVERFLOW_ERROR: OnceLock<GlobalRef> = OnceLock::new();

fn hosts() -> MutexGuard<'static, Vec<Arc<Host>>> {
    HOSTS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes the host of the class loader whose `Native` calls this.
#[allow(clippy::disallowed_methods)] // looked up once for each class loader
pub(crate) fn open(env: &mut JNIEnv) -> Result<Arc<Host>, Failure> {
    let number = HOSTS_MADE.fetch_add(1, Ordering::Relaxed) + 1;
    if number >= MOST_HOSTS {
        return Err(
            Error::refused("This JVM has had too many class loaders that use Python: restart it.").into(),
        );
    }
    if STACK_OVERFLOW_ERROR.get().is_none() {
        let class = env.find_class(STACK_OVERFLOW)?;
        let _ = STACK_OVERFLOW_ERROR.set(env.new_global_ref(class)?);
    }
    callback::set_thread_name(thread_name);
    callback::set_class_kind(class_kind);
    let native = env.find_class(NATIVE)?;
    let host = Arc::new(Host {
        root: handle::root(number),
        vm: env.get_java_vm()?,
        native: weak(env, &native)?,
        upcall: env.get_static_method_id(&native, "upcall", "(J[B)[B")?,
        look: env.get_static_method_id(&native, "look", "()I")?,
        exit: env.get_static_method_id(&native, "exit", "(Z)V")?,
        maker: OnceLock::new(),
        small: OnceLock::new(),
        closed: AtomicBool::new(false),
    });
    hosts().push(Arc::clone(&host));
    Ok(host)
}

/// The hosts that are open.
pub(crate) fn all() -> Vec<Arc<Host>> {
    hosts().clone()
}

/// Has all hosts look at what they watch. Gives how long to wait before the next look, none for until something wakes.
pub(crate) fn look(env: &mut JNIEnv) -> Option<Duration> {
    let pauses: Vec<_> = all().iter().filter_map(|host| host.look(env)).collect();
    pauses.into_iter().min()
}

/// Closes a host, which its root names.
pub(crate) fn close(root: Frame) {
    let host = hosts().iter().find(|host| host.root == root).cloned();
    if let Some(host) = host {
        host.close();
    }
}

#[allow(clippy::disallowed_methods)] // the one place
fn weak(env: &JNIEnv, object: &JObject) -> Result<WeakRef, Failure> {
    let weak = env.new_weak_ref(object)?;
    weak.ok_or_else(|| Error::refused("A class of python4j is gone.").into())
}

/// The host that made a key.
fn of_key(key: u64) -> Option<Arc<Host>> {
    let root = handle::root((key >> HOST_SHIFT) as u32);
    hosts().iter().find(|host| host.root == root).cloned()
}

/// The way to the host that made a key.
pub(crate) fn upcall(key: u64) -> Result<Arc<dyn Upcall>> {
    match of_key(key) {
        Some(host) => Ok(host),
        None => Err(Error::refused(GONE)),
    }
}

/// What the host that made a key tells of the exception under it, null if it is gone. What Java throws stays pending.
#[allow(clippy::disallowed_methods)] // one of the two places
pub(crate) fn told<'local>(env: &mut JNIEnv<'local>, key: u64) -> Result<JObject<'local>, Failure> {
    let Some(host) = of_key(key) else {
        return Ok(JObject::null());
    };
    let Some(class) = host.native.upgrade_local(env)? else {
        return Ok(JObject::null());
    };
    let key = [JValue::Long(key as i64)];
    let told = env.call_static_method(JClass::from(class), "told", "(J)[Ljava/lang/Object;", &key)?;
    Ok(told.l()?)
}

/// Has a `PackReader` read the beginning of a container, for which it asks for the rest while this thread keeps the GIL.
#[allow(clippy::disallowed_methods)] // looked up each time, for what takes a millisecond at the least
pub(crate) fn read<'local>(
    env: &mut JNIEnv<'local>,
    reader: &JObject,
    first: &JByteArray,
) -> Result<JObject<'local>, Failure> {
    let first = [JValue::Object(first)];
    let read = env.call_method(reader, "inside", "([B)Ljava/lang/Object;", &first)?;
    Ok(read.l()?)
}

/// The method `PythonException.made` of the class loader that calls, and the root of its host.
#[allow(clippy::disallowed_methods)] // looked up once for each class loader
pub(crate) fn maker<'local>(
    env: &mut JNIEnv<'local>,
) -> jni::errors::Result<(JClass<'local>, JStaticMethodID, Frame)> {
    let only = match hosts().as_slice() {
        [only] => Some(Arc::clone(only)),
        _ => None,
    };
    if let Some((host, maker)) = only.as_ref().and_then(|host| Some((host, host.maker.get()?))) {
        if let Some(class) = maker.class.upgrade_local(env)? {
            return Ok((class.into(), maker.made, host.root));
        }
    }
    // JNI looks in the class loader of the method that called: that is this caller's `Native`.
    let class = env.find_class(PYTHON_EXCEPTION)?;
    let made = env.get_static_method_id(&class, "made", "(Ljava/lang/Object;)Ljava/lang/Throwable;")?;
    if let Some(host) = only {
        if let Some(class) = env.new_weak_ref(&class)? {
            let _ = host.maker.set(Maker { class, made });
        }
        return Ok((class, made, host.root));
    }
    let native = env.find_class(NATIVE)?;
    let all = all();
    let own = all.iter().find(|host| host.is(env, &native));
    Ok((class, made, own.map_or(handle::NO_FRAME, |host| host.root)))
}

impl Host {
    pub(crate) fn root(&self) -> Frame {
        self.root
    }

    /// Needs no local reference: there may be hundreds of hosts to ask.
    fn is(&self, env: &JNIEnv, native: &JClass) -> bool {
        self.native.is_same_object(env, native).unwrap_or(false)
    }

    /// Nothing reaches this host any more, and what it has of Python is given back when a thread next enters.
    pub(crate) fn close(&self) {
        let root = self.root;
        if self.closed.swap(true, Ordering::Relaxed) {
            return;
        }
        hosts().retain(|host| host.root != root);
        queue::close_host(root);
        handle::do_late(move |py| {
            handle::close_host(py, root);
            // Its name may be that of a context which Python code spoilt: nothing is to be done about that.
            let _ = context::close_host(py, root);
        });
    }

    /// Calls a static method of `Native`, which must take these arguments and give that. What Java throws stays
    /// pending. The caller's frame gives the local references back.
    #[allow(clippy::disallowed_methods)] // the upcalls
    fn call<'local>(
        &self,
        env: &mut JNIEnv<'local>,
        method: JStaticMethodID,
        result: ReturnType,
        arguments: &[jvalue],
    ) -> Result<JValueOwned<'local>, Failure> {
        // Held for the length of the call, for which the class and the method stay.
        let class = self.class(env)?;
        // SAFETY: the method was looked up in this class; the callers' arguments are those of its signature.
        Ok(unsafe { env.call_static_method_unchecked(&class, method, result, arguments)? })
    }

    #[allow(clippy::disallowed_methods)] // what fails is answered by a later look
    fn look(&self, env: &mut JNIEnv) -> Option<Duration> {
        let looked = env.with_local_frame(4, |env| {
            let millis = self.call(env, self.look, ReturnType::Primitive(Primitive::Int), &[])?;
            Ok::<_, Failure>(millis.i()?)
        });
        match looked {
            Ok(0) => None,
            Ok(millis) => Some(Duration::from_millis(millis.unsigned_abs().into())),
            Err(_) if !self.is_open() => None,
            Err(_) => {
                // The program has used up the memory, as a rule: when there is some again its deadlines hold as before.
                let _ = env.exception_clear();
                Some(Duration::from_millis(10))
            }
        }
    }

    /// The JVM ends: `first` on the thread that ends it, and after that where Python is ended. Whether it was called.
    #[allow(clippy::disallowed_methods)] // the JVM ends: nobody waits for what failed
    pub(crate) fn exit(&self, env: &mut JNIEnv, first: bool) -> bool {
        let first = [JValue::Bool(first.into()).as_jni()];
        let called = env.with_local_frame(4, |env| {
            self.call(env, self.exit, ReturnType::Primitive(Primitive::Void), &first)
                .map(|_| ())
        });
        let _ = env.exception_clear();
        called.is_ok()
    }

    /// What the host's `Monitor` answers for the bean, as a local reference; none if the host is gone. What Java throws
    /// stays pending.
    #[allow(clippy::disallowed_methods)] // one of the two places
    pub(crate) fn bean<'local>(
        &self,
        env: &mut JNIEnv<'local>,
        method: i32,
        argument: &JObject,
    ) -> Option<JObject<'local>> {
        let native = JClass::from(self.native.upgrade_local(env).ok()??);
        let name = ("bean", "(ILjava/lang/Object;)Ljava/lang/Object;");
        let arguments = [JValue::Int(method), JValue::Object(argument)];
        let answer = env.call_static_method(&native, name.0, name.1, &arguments);
        Some(answer.and_then(|answer| answer.l()).unwrap_or_default())
    }

    /// The class `Native` as a reference of this thread's, which keeps it.
    fn class<'local>(&self, env: &mut JNIEnv<'local>) -> Result<JClass<'local>, Failure> {
        match self.native.upgrade_local(env)? {
            Some(class) => Ok(class.into()),
            None => {
                self.close();
                Err(Error::refused(GONE).into())
            }
        }
    }

    #[cold]
    #[allow(clippy::disallowed_methods)] // looked up once for each class loader
    fn look_up(&self, env: &mut JNIEnv) -> Result<&Small, Failure> {
        let class = self.class(env)?;
        let class = env.auto_local(class);
        let small = Small {
            class: match is_of_the_system(env, &class)? {
                true => Some(env.new_global_ref(&class)?),
                false => None,
            },
            longs: env.get_static_method_id(&class, "upcallLongs", "(JIJJ)J")?,
            operation: env.get_static_method_id(&class, "upcallOperation", "(JILjava/lang/String;)J")?,
            text: env.get_static_method_id(
                &class,
                "upcallText",
                "(JLjava/lang/String;)Ljava/lang/String;",
            )?,
            take_answer: env.get_static_method_id(&class, "takeAnswer", "()[B")?,
            take_place: env.get_static_method_id(&class, "takePlace", "()[Ljava/lang/Object;")?,
        };
        Ok(self.small.get_or_init(|| small))
    }

    #[allow(clippy::disallowed_methods)] // the upcalls
    fn upcall_few(
        &self,
        env: &mut JNIEnv,
        key: u64,
        arguments: Few<'_>,
        answer: &mut Answer,
    ) -> Result<(), Failure> {
        let methods = match self.small.get() {
            Some(methods) => methods,
            None => self.look_up(env)?,
        };
        // Each local reference is given back by itself, since a thread of Python's never returns to Java.
        let held;
        let class: &JClass = match &methods.class {
            Some(class) => class.as_obj().into(),
            None => {
                let class = self.class(env)?;
                held = env.auto_local(class);
                &held
            }
        };
        let key = jvalue { j: key as i64 };
        // SAFETY (of all calls here): the methods were looked up in this class; the arguments are those of their signatures.
        let value = match arguments {
            Few::Longs(longs) => {
                let second = longs.get(1).copied().unwrap_or_default();
                let count = jvalue {
                    i: longs.len() as i32,
                };
                let values = [key, count, jvalue { j: longs[0] }, jvalue { j: second }];
                let result = ReturnType::Primitive(Primitive::Long);
                // SAFETY: as above.
                unsafe {
                    env.call_static_method_unchecked(class, methods.longs, result, &values)?
                        .j()?
                }
            }
            Few::Operation(number, name) => {
                let name = match name {
                    "" => JString::default(),
                    name => bulk::short_ascii(env, name)?,
                };
                let name = env.auto_local(name);
                let values = [key, jvalue { i: number as i32 }, jvalue { l: name.as_raw() }];
                let result = ReturnType::Primitive(Primitive::Long);
                // SAFETY: as above.
                unsafe {
                    env.call_static_method_unchecked(class, methods.operation, result, &values)?
                        .j()?
                }
            }
            Few::Text(text) => {
                let text = bulk::short_ascii(env, text)?;
                let text = env.auto_local(text);
                let values = [key, jvalue { l: text.as_raw() }];
                // SAFETY: as above.
                let value = unsafe {
                    env.call_static_method_unchecked(class, methods.text, ReturnType::Object, &values)?
                        .l()?
                };
                if !value.is_null() {
                    let value = env.auto_local(JString::from(value));
                    let mut ascii = [0; SHORT_TEXT];
                    let length = bulk::copy_short_ascii(env, &value, &mut ascii)?;
                    *answer = Answer::Text(ascii, length);
                    return Ok(());
                }
                i64::MIN
            }
        };
        *answer = Answer::Long(value);
        if value != i64::MIN {
            return Ok(());
        }
        // SAFETY: as above.
        let packed = unsafe {
            env.call_static_method_unchecked(class, methods.take_answer, ReturnType::Array, &[])?
                .l()?
        };
        if packed.is_null() {
            return Ok(());
        }
        let packed = env.auto_local(JByteArray::from(packed));
        let packed = bytes(env, &packed)?;
        let [FIELD, kind] = packed[..] else {
            *answer = Answer::Packed(packed);
            return Ok(());
        };
        // SAFETY: as above.
        let place = unsafe {
            env.call_static_method_unchecked(class, methods.take_place, ReturnType::Array, &[])?
                .l()?
        };
        let place = env.auto_local(JObjectArray::from(place));
        let object = env.get_object_array_element(&place, 0)?;
        let object = env.auto_local(object);
        let field = env.get_object_array_element(&place, 1)?;
        let field = env.auto_local(field);
        let field = Field::new(env, &object, &field, kind)?;
        *answer = Answer::Place(Place(Box::new(field)));
        Ok(())
    }

    /// The environment of a thread that calls Java, while this host is open.
    #[allow(clippy::disallowed_methods)] // threads that Python made come here first
    fn attached(&self) -> Result<JNIEnv<'_>> {
        if !self.is_open() {
            return Err(Error::refused(GONE));
        }
        self.vm.attach_current_thread_as_daemon().map_err(|error| {
            refused(&format!(
                "the JVM could not attach this thread ({error}). Often the thread's stack is too small for Java: \
                 see threading.stack_size."
            ))
        })
    }

    fn upcall(&self, env: &mut JNIEnv, key: u64, arguments: Option<&[u8]>) -> Result<Vec<u8>, Failure> {
        // The frame gives back the local references of a thread that never returns to Java.
        env.with_local_frame(8, |env| {
            let arguments = match arguments {
                Some(bytes) => env.byte_array_from_slice(bytes)?,
                None => JByteArray::default(),
            };
            let values = [
                JValue::Long(key as i64).as_jni(),
                JValue::Object(&arguments).as_jni(),
            ];
            let reply = self.call(env, self.upcall, ReturnType::Array, &values)?;
            let reply: JByteArray = reply.l()?.into();
            if reply.is_null() {
                return Ok(Vec::new());
            }
            bytes(env, &reply)
        })
    }
}

/// Whether a class is of the system's class loader.
#[allow(clippy::disallowed_methods)] // asked once for each class loader
fn is_of_the_system(env: &mut JNIEnv, class: &JClass) -> Result<bool, Failure> {
    const LOADER: &str = "()Ljava/lang/ClassLoader;";
    let own = env.call_method(class, "getClassLoader", LOADER, &[])?.l()?;
    let own = env.auto_local(own);
    let system = env.find_class("java/lang/ClassLoader")?;
    let system = env.auto_local(system);
    let system = env
        .call_static_method(&*system, "getSystemClassLoader", LOADER, &[])?
        .l()?;
    let system = env.auto_local(system);
    Ok(env.is_same_object(&*own, &*system)?)
}

fn bytes(env: &JNIEnv, array: &JByteArray) -> Result<Vec<u8>, Failure> {
    let mut bytes = alloc::zeros(env.get_array_length(array)? as usize).map_err(Error::from)?;
    env.get_byte_array_region(array, 0, bytemuck::cast_slice_mut(&mut bytes))?;
    Ok(bytes)
}

/// What the JVM calls this thread, if it knows it.
fn thread_name() -> Option<String> {
    let all = all();
    let name = |host: &Arc<Host>| {
        let mut env = host.vm.get_env().ok()?; // does not attach the thread
        match host.upcall(&mut env, callback::THREAD_NAME, Some(&[])) {
            Ok(name) => String::from_utf8(name).ok(),
            Err(_) => {
                let pending = pending(&mut env);
                let _ = env.delete_local_ref(pending);
                None
            }
        }
    };
    all.iter().find_map(name)
}

/// What a name is among Java's classes, by what the hosts see; none if none of them can be asked.
#[allow(clippy::disallowed_methods)] // as in attached
fn class_kind(name: &str) -> Option<u8> {
    let all = all();
    let kind = |host: &Arc<Host>| {
        let mut env = host.vm.attach_current_thread_as_daemon().ok()?;
        match host.upcall(&mut env, callback::THREAD_NAME, Some(name.as_bytes())) {
            Ok(kind) => kind.first().copied(),
            Err(_) => {
                let pending = pending(&mut env);
                let _ = env.delete_local_ref(pending);
                None
            }
        }
    };
    all.iter().filter_map(kind).max()
}

/// Takes what Java has pending, which would hit an unrelated call.
#[allow(clippy::disallowed_methods)] // what was thrown is taken over
fn pending<'local>(env: &mut JNIEnv<'local>) -> JThrowable<'local> {
    let pending = env.exception_occurred().unwrap_or_default();
    let _ = env.exception_clear();
    pending
}

/// What becomes of a call that failed. `Native.upcall` catches everything, so only the JVM itself fails here: no
/// memory, no stack.
fn failed(env: &mut JNIEnv, failure: Failure) -> Result<Vec<u8>> {
    let thrown = pending(env);
    let overflow = STACK_OVERFLOW_ERROR.get().is_some_and(|class| {
        let class: &JClass = class.as_obj().into();
        !thrown.is_null() && env.is_instance_of(&thrown, class).unwrap_or(false)
    });
    let answer = if overflow {
        Ok(callback::raising("RecursionError", "Java has no stack left"))
    } else {
        Err(match (described(env, &thrown), failure) {
            (Some(thrown), _) => refused(&thrown),
            (None, Failure::Core(error)) => error,
            (None, Failure::Jni(error)) => refused(&error.to_string()),
        })
    };
    // A program may come here many times before it returns to Java, which would free it.
    let _ = env.delete_local_ref(thrown);
    answer
}

/// The class and text of what Java threw; nothing where it threw nothing, or has no room to say it.
#[allow(clippy::disallowed_methods)] // an exception that no code of ours could catch
pub(crate) fn described(env: &mut JNIEnv, thrown: &JObject) -> Option<String> {
    if thrown.is_null() {
        return None;
    }
    let text = env
        .call_method(thrown, "toString", "()Ljava/lang/String;", &[])
        .and_then(|text| text.l());
    let Ok(text) = text else {
        let thrown = pending(env);
        let _ = env.delete_local_ref(thrown);
        return None;
    };
    let text = env.auto_local(JString::from(text));
    env.get_string(&text).ok().map(String::from)
}

fn refused(why: &str) -> Error {
    Error::refused(format!("The call back to Java failed: {why}"))
}

impl Upcall for Host {
    fn call(&self, function: u64, arguments: &[u8]) -> Result<Vec<u8>> {
        let mut env = self.attached()?;
        self.upcall(&mut env, function, Some(arguments))
            .or_else(|failure| failed(&mut env, failure))
    }

    fn takes_few(&self) -> bool {
        true
    }

    fn call_few(&self, function: u64, arguments: Few<'_>, answer: &mut Answer) -> Result<()> {
        let mut env = self.attached()?;
        self.upcall_few(&mut env, function, arguments, answer)
            .or_else(|failure| {
                *answer = Answer::Packed(failed(&mut env, failure)?);
                Ok(())
            })
    }

    fn read(&self, place: &Place) -> Option<Scalar> {
        let field: &Field = place.0.downcast_ref()?;
        // A thread of Python's that Java does not know yet is not attached here, where it has the GIL.
        let mut env = self.vm.get_env().ok().filter(|_| self.is_open())?;
        field.read(&mut env)
    }

    #[allow(clippy::disallowed_methods)] // as in attached
    fn release(&self, key: u64) {
        if !self.is_open() {
            return;
        }
        // Where the JVM is out of memory or at its end, the entry stays in Java's table.
        let Ok(mut env) = self.vm.attach_current_thread_as_daemon() else {
            return;
        };
        if self.upcall(&mut env, key, None).is_err() {
            let pending = pending(&mut env);
            let _ = env.delete_local_ref(pending);
        }
    }

    fn root(&self) -> Frame {
        self.root
    }

    fn is_open(&self) -> bool {
        !self.closed.load(Ordering::Relaxed)
    }
}
