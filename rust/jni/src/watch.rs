// SPDX-License-Identifier: Apache-2.0
//! The only thread of this library that always runs. It makes each host check its calls for deadlines and
//! interrupts, and release what Java has forgotten (`Native.look`). It also notices when a host's class loader
//! is gone.
//!
//! Java does not create this thread, because a Java thread would keep the class loader whose code it runs. This
//! thread belongs to no class loader, and holds a host's class only during a check. Between two checks it waits in
//! Java, because a JVM that ends waits 0.3 s for each thread that is in native code.

use crate::failure::Failure;
use crate::host;
use jni::objects::{GlobalRef, JClass, JStaticMethodID, JValue};
use jni::signature::{Primitive, ReturnType};
use jni::sys::{jvalue, JavaVMAttachArgs, JNI_VERSION_1_6};
use jni::{JNIEnv, JavaVM};
use python4j_core::Error;
use std::ffi::c_void;
use std::ptr;
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

/// How long the start waits for the thread at most; it needs a thousandth of that.
const TIME_TO_BEGIN: Duration = Duration::from_secs(5);

/// How long the thread sleeps where it cannot wait in Java, since the JVM had no memory when it began.
const SLEEP: Duration = Duration::from_millis(10);

#[derive(PartialEq)]
enum Stage {
    NotStarted,
    Starting,
    Runs,
}

static STAGE: Mutex<Stage> = Mutex::new(Stage::NotStarted);
static CHANGED: Condvar = Condvar::new();

fn stage() -> MutexGuard<'static, Stage> {
    STAGE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Has the thread made, unless there is one. It runs `first` before anything else, with no frame of Java's on its stack.
pub(crate) fn start(env: &JNIEnv, first: fn(&mut JNIEnv)) -> Result<(), Failure> {
    let mut stage = stage();
    if *stage == Stage::NotStarted {
        let vm = env.get_java_vm()?;
        let made = thread::Builder::new()
            .name("python4j-watch".into())
            .spawn(move || watch(vm, first));
        made.map_err(|error| {
            Error::refused(format!(
                "There is no thread to watch Python's calls: {error}. Deadlines and interrupts need one."
            ))
        })?;
        stay();
        *stage = Stage::Starting;
    }
    Ok(())
}

/// Keeps this library when the JVM unloads it, as a flag of the linker does elsewhere (`build.rs`): the thread and Python go on.
#[cfg(windows)]
fn stay() {
    const PINNED_BY_ADDRESS: u32 = 1 | 4;
    #[link(name = "kernel32")]
    extern "system" {
        fn GetModuleHandleExW(flags: u32, address: *const c_void, module: *mut *mut c_void) -> i32;
    }
    let mut module = ptr::null_mut();
    // SAFETY: the address is one in this library, and there is room for the module's.
    unsafe { GetModuleHandleExW(PINNED_BY_ADDRESS, (stay as *const ()).cast(), &mut module) };
}

#[cfg(not(windows))]
fn stay() {}

/// Waits until the thread has done what a start needs: after that the end of the JVM is Python's end, too.
pub(crate) fn await_start() {
    let starting = |stage: &mut Stage| *stage == Stage::Starting;
    drop(CHANGED.wait_timeout_while(stage(), TIME_TO_BEGIN, starting));
}

/// Has the thread look now, or once more if it does.
pub(crate) fn wake(env: &mut JNIEnv) {
    if let Some(wait) = WAIT.get() {
        wait.call(env, wait.unpark, JValue::Object(wait.thread.as_obj()).as_jni());
    }
}

fn watch(vm: JavaVM, first: fn(&mut JNIEnv)) {
    let attached = attach(&vm);
    if let Some(env) = &mut attached.and_then(|()| vm.get_env().ok()) {
        first(env);
        match env.with_local_frame(4, Wait::new) {
            Ok(wait) => drop(WAIT.set(wait)), // before the first look: who comes earlier is seen by that
            Err(_) => drop(env.exception_clear()),
        }
    }
    *stage() = Stage::Runs;
    CHANGED.notify_all();
    loop {
        let Ok(mut env) = vm.get_env() else {
            return; // the JVM is at its end
        };
        let pause = host::look(&mut env);
        match WAIT.get() {
            Some(wait) => {
                let nanos = pause.map_or(i64::MAX, |pause| pause.as_nanos() as i64);
                wait.call(&mut env, wait.park, JValue::Long(nanos).as_jni());
            }
            None => thread::sleep(SLEEP),
        }
    }
}

/// How the thread waits: `LockSupport` of the JDK.
struct Wait {
    class: GlobalRef,
    park: JStaticMethodID,
    unpark: JStaticMethodID,
    /// The thread itself.
    thread: GlobalRef,
}

static WAIT: OnceLock<Wait> = OnceLock::new();

impl Wait {
    fn new(env: &mut JNIEnv) -> jni::errors::Result<Self> {
        let class = env.find_class("java/util/concurrent/locks/LockSupport")?;
        let current = ("currentThread", "()Ljava/lang/Thread;");
        let thread = env.call_static_method("java/lang/Thread", current.0, current.1, &[])?;
        Ok(Wait {
            park: env.get_static_method_id(&class, "parkNanos", "(J)V")?,
            unpark: env.get_static_method_id(&class, "unpark", "(Ljava/lang/Thread;)V")?,
            class: env.new_global_ref(class)?,
            thread: env.new_global_ref(thread.l()?)?,
        })
    }

    fn call(&self, env: &mut JNIEnv, method: JStaticMethodID, argument: jvalue) {
        let class: &JClass = self.class.as_obj().into();
        let nothing = ReturnType::Primitive(Primitive::Void);
        // SAFETY: the method was looked up in this class; both take the one argument that their callers give.
        let called = unsafe { env.call_static_method_unchecked(class, method, nothing, &[argument]) };
        if called.is_err() {
            let _ = env.exception_clear(); // no stack, or no memory: it looks once more
        }
    }
}

/// Makes this thread one of Java's, under a name.
fn attach(vm: &JavaVM) -> Option<()> {
    let mut arguments = JavaVMAttachArgs {
        version: JNI_VERSION_1_6,
        name: c"python4j-watch".as_ptr().cast_mut(),
        group: ptr::null_mut(),
    };
    let mut env: *mut c_void = ptr::null_mut();
    let raw = vm.get_java_vm_pointer();
    // SAFETY: the pointer is that of a JVM, whose table has this function; both arguments live for the call.
    let status = unsafe {
        let attach = (**raw).AttachCurrentThreadAsDaemon?;
        attach(raw, &mut env, (&raw mut arguments).cast())
    };
    (status == 0).then_some(())
}

/// The JVM has collected a class loader that had loaded this library. It waits for this function.
#[export_name = "JNI_OnUnload"]
extern "system" fn unloaded(vm: *mut jni::sys::JavaVM, _reserved: *mut c_void) {
    // SAFETY: the JVM gives its own pointer.
    let Ok(vm) = (unsafe { JavaVM::from_raw(vm) }) else {
        return;
    };
    if let Ok(mut env) = vm.get_env() {
        wake(&mut env);
    }
}
