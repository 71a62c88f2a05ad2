// SPDX-License-Identifier: Apache-2.0
//! Two classes that belong to no application: the JVM's shutdown hook and the MXBean. The JVM and its MBean server
//! keep the objects that they get forever, and with them their class loader. So these classes belong to the boot
//! loader. They have only native methods, which call a host that exists at that time.

use crate::failure::Failure;
use crate::host::{self, Host};
use crate::watch;
use jni::objects::{GlobalRef, JObject, JString, JValue};
use jni::sys::{jint, jobject, jvalue};
use jni::{JNIEnv, NativeMethod};
use python4j_core::{gil, interpreter, Error};
use std::ffi::c_void;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::{mpsc, Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// How long the end of the JVM waits for Python's where no host is left to do it.
const TIME_TO_END: Duration = Duration::from_millis(1800);

/// A class file whose methods are native, public, and without a body.
fn class_file(name: &str, base: &str, interface: Option<&str>, methods: &[(&str, &str)]) -> Vec<u8> {
    const PUBLIC_FINAL: u16 = 0x0031; // and "super", as every class has it
    const PUBLIC_NATIVE: u16 = 0x0101;
    let mut constants = Vec::new();
    let mut count = 1_u16; // they are numbered from 1
    let mut text = |text: &str| {
        constants.push(1);
        constants.extend_from_slice(&(text.len() as u16).to_be_bytes());
        constants.extend_from_slice(text.as_bytes());
        count += 1;
        count - 1
    };
    let classes: Vec<u16> = [Some(name), Some(base), interface]
        .into_iter()
        .flatten()
        .map(&mut text)
        .collect();
    let methods: Vec<[u16; 4]> = (methods.iter())
        .map(|(name, signature)| [PUBLIC_NATIVE, text(name), text(signature), 0])
        .collect();
    let first = count;
    for class in &classes {
        constants.push(7);
        constants.extend_from_slice(&class.to_be_bytes());
        count += 1;
    }
    let mut file = vec![0xCA, 0xFE, 0xBA, 0xBE, 0, 0, 0, 55]; // of Java 11
    let mut words = |words: &[u16]| {
        words
            .iter()
            .for_each(|word| file.extend_from_slice(&word.to_be_bytes()))
    };
    words(&[count]);
    file.extend_from_slice(&constants);
    let mut words = |words: &[u16]| {
        words
            .iter()
            .for_each(|word| file.extend_from_slice(&word.to_be_bytes()))
    };
    words(&[PUBLIC_FINAL, first, first + 1, classes.len() as u16 - 2]);
    if classes.len() > 2 {
        words(&[first + 2]);
    }
    words(&[0, methods.len() as u16]);
    methods.iter().for_each(|method| words(method));
    words(&[0]);
    file
}

fn native(name: &str, signature: &str, function: *mut c_void) -> NativeMethod {
    NativeMethod {
        name: name.into(),
        sig: signature.into(),
        fn_ptr: function,
    }
}

// ---- the end of the JVM ----

/// Has the end of the JVM be Python's end, once. On a thread without frames of Java, which a `Thread` object
/// would otherwise keep in its access control context.
#[allow(clippy::disallowed_methods)] // what fails is answered by doing without
pub(crate) fn at_exit(env: &mut JNIEnv) {
    let registered = env.with_local_frame(16, register_hook);
    if registered.is_err() {
        // The JVM ends already: nobody will miss functions of atexit that nobody can register any more.
        let _ = env.exception_clear();
    }
}

fn register_hook(env: &mut JNIEnv) -> jni::errors::Result<()> {
    let methods = [("start", "()V"), ("run", "()V")];
    let file = class_file("python4j/AtExit", "java/lang/Thread", None, &methods);
    let class = env.define_class("python4j/AtExit", &JObject::null(), &file)?;
    let functions = [hook_starts as *mut c_void, hook_runs as *mut c_void];
    let natives = [0, 1].map(|i| native(methods[i].0, methods[i].1, functions[i]));
    env.register_native_methods(&class, &natives)?;
    let hook = env.alloc_object(&class)?;
    let name = env.new_string("python4j-stop")?;
    call_thread(env, &hook, "<init>", "(Ljava/lang/String;)V", Some(&name))?;
    let runtime = env
        .call_static_method("java/lang/Runtime", "getRuntime", "()Ljava/lang/Runtime;", &[])?
        .l()?;
    env.call_method(
        &runtime,
        "addShutdownHook",
        "(Ljava/lang/Thread;)V",
        &[JValue::Object(&hook)],
    )?;
    Ok(())
}

/// Calls a method of `Thread` itself, not of the class below it.
fn call_thread(
    env: &mut JNIEnv,
    object: &JObject,
    name: &str,
    signature: &str,
    argument: Option<&JString>,
) -> jni::errors::Result<()> {
    let class = env.find_class("java/lang/Thread")?;
    let method = env.get_method_id(&class, name, signature)?;
    let arguments = [jvalue {
        l: argument.map_or(std::ptr::null_mut(), |argument| argument.as_raw()),
    }];
    let raw = env.get_raw();
    // SAFETY: the method was looked up in this class, of whose subclass the object is; its signature takes one object
    // or nothing, and what is beyond is not read.
    unsafe {
        if let Some(call) = (**raw).CallNonvirtualVoidMethodA {
            call(
                raw,
                object.as_raw(),
                class.as_raw(),
                method.into_raw(),
                arguments.as_ptr(),
            );
        }
    }
    match env.exception_check()? {
        true => Err(jni::errors::Error::JavaException),
        false => Ok(()),
    }
}

/// Runs on the thread that ends the JVM, in `System.exit` say, and waits for all hooks there: what it has of Python
/// nobody else would ever get.
extern "system" fn hook_starts(mut env: JNIEnv, hook: JObject) {
    let _ = catch_unwind(AssertUnwindSafe(|| {
        gil::abandon();
        for host in host::all() {
            host.exit(&mut env, true);
        }
        let _ = call_thread(&mut env, &hook, "start", "()V", None);
    }));
}

/// Python's `atexit` functions and buffered output, by a host that is there, which waits for a turn.
extern "system" fn hook_runs(mut env: JNIEnv, _hook: JObject) {
    let _ = catch_unwind(AssertUnwindSafe(|| {
        if !interpreter::is_started() || host::all().iter().any(|host| host.exit(&mut env, false)) {
            return;
        }
        let (done, ended) = mpsc::channel();
        let _ = thread::Builder::new().spawn(move || {
            gil::with(interpreter::stop);
            let _ = done.send(());
        });
        let _ = ended.recv_timeout(TIME_TO_END);
    }));
}

// ---- the MXBean ----

/// The methods of `DynamicMBean`, in the order of the cases in `Monitor.java`. All take at most one argument that
/// matters here, since there is nothing to invoke.
const BEAN_METHODS: [(&str, &str); 6] = [
    ("getMBeanInfo", "()Ljavax/management/MBeanInfo;"),
    ("getAttribute", "(Ljava/lang/String;)Ljava/lang/Object;"),
    (
        "getAttributes",
        "([Ljava/lang/String;)Ljavax/management/AttributeList;",
    ),
    ("setAttribute", "(Ljavax/management/Attribute;)V"),
    (
        "setAttributes",
        "(Ljavax/management/AttributeList;)Ljavax/management/AttributeList;",
    ),
    (
        "invoke",
        "(Ljava/lang/String;[Ljava/lang/Object;[Ljava/lang/String;)Ljava/lang/Object;",
    ),
];

static BEAN: Mutex<Option<GlobalRef>> = Mutex::new(None);

/// Registers the process's bean under a name, unless it is there. On a thread without frames of Java, see [`at_exit`].
#[allow(clippy::disallowed_methods)] // a thread of our own, whose exceptions become an error
pub(crate) fn register_bean(env: &JNIEnv, name: String) -> Result<(), Failure> {
    let vm = env.get_java_vm()?;
    let made = thread::Builder::new().spawn(move || {
        let mut env = vm.attach_current_thread().map_err(|error| error.to_string())?;
        let registered = register(&mut env, &name);
        let thrown = env.exception_occurred().unwrap_or_default();
        let _ = env.exception_clear();
        registered.map_err(|error| host::described(&mut env, &thrown).unwrap_or_else(|| error.to_string()))
    });
    let registered = made.map(|thread| thread.join().unwrap_or_else(|_| Err("internal error".into())));
    match registered {
        Ok(Ok(())) => Ok(()),
        Ok(Err(why)) => Err(Error::refused(why).into()),
        Err(error) => Err(Error::refused(error.to_string()).into()),
    }
}

fn register(env: &mut JNIEnv, name: &str) -> jni::errors::Result<()> {
    let mut bean = BEAN.lock().unwrap_or_else(PoisonError::into_inner);
    let server = env
        .call_static_method(
            "java/lang/management/ManagementFactory",
            "getPlatformMBeanServer",
            "()Ljavax/management/MBeanServer;",
            &[],
        )?
        .l()?;
    let text = env.new_string(name)?;
    let name = env.new_object(
        "javax/management/ObjectName",
        "(Ljava/lang/String;)V",
        &[JValue::Object(&text)],
    )?;
    let here = env.call_method(
        &server,
        "isRegistered",
        "(Ljavax/management/ObjectName;)Z",
        &[JValue::Object(&name)],
    )?;
    if here.z()? {
        return Ok(());
    }
    if bean.is_none() {
        let interface = Some("javax/management/DynamicMBean");
        let file = class_file("python4j/Bean", "java/lang/Object", interface, &BEAN_METHODS);
        let class = env.define_class("python4j/Bean", &JObject::null(), &file)?;
        let functions = [
            bean_info as *mut c_void,
            bean_get as *mut c_void,
            bean_get_all as *mut c_void,
            bean_set as *mut c_void,
            bean_set_all as *mut c_void,
            bean_invoke as *mut c_void,
        ];
        let natives: Vec<_> = (BEAN_METHODS.iter().zip(functions))
            .map(|((name, signature), function)| native(name, signature, function))
            .collect();
        env.register_native_methods(&class, &natives)?;
        let object = env.alloc_object(&class)?;
        *bean = Some(env.new_global_ref(object)?);
    }
    if let Some(bean) = &*bean {
        env.call_method(
            &server,
            "registerMBean",
            "(Ljava/lang/Object;Ljavax/management/ObjectName;)Ljavax/management/ObjectInstance;",
            &[JValue::Object(bean), JValue::Object(&name)],
        )?;
    }
    Ok(())
}

fn answer(env: &mut JNIEnv, method: jint, argument: &JObject) -> jobject {
    let answered = catch_unwind(AssertUnwindSafe(|| {
        let ask = |host: &Arc<Host>| host.bean(env, method, argument);
        host::all().iter().find_map(ask).map(|answer| answer.into_raw())
    }));
    if let Ok(Some(answer)) = answered {
        return answer;
    }
    watch::wake(env);
    let _ = env.throw_new(
        "java/lang/IllegalStateException",
        "No application that uses python4j is left in this JVM.",
    );
    std::ptr::null_mut()
}

extern "system" fn bean_info(mut env: JNIEnv, _bean: JObject) -> jobject {
    answer(&mut env, 0, &JObject::null())
}

extern "system" fn bean_get(mut env: JNIEnv, _bean: JObject, name: JObject) -> jobject {
    answer(&mut env, 1, &name)
}

extern "system" fn bean_get_all(mut env: JNIEnv, _bean: JObject, names: JObject) -> jobject {
    answer(&mut env, 2, &names)
}

extern "system" fn bean_set(mut env: JNIEnv, _bean: JObject, attribute: JObject) {
    answer(&mut env, 3, &attribute);
}

extern "system" fn bean_set_all(mut env: JNIEnv, _bean: JObject, attributes: JObject) -> jobject {
    answer(&mut env, 4, &attributes)
}

extern "system" fn bean_invoke(
    mut env: JNIEnv,
    _bean: JObject,
    name: JObject,
    _args: JObject,
    _types: JObject,
) -> jobject {
    answer(&mut env, 5, &name)
}
