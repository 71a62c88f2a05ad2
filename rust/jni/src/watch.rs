// SPDX-License-Identifier: Apache-2.0
//! The one thread of this library that always runs. It has each host look at its calls, for deadlines and interrupts,
//! and at what Java has forgotten (`Native.look`), and it notices when a host's class loader is gone.
//!
//! It is not a thread of Java's making, since that would keep the class loader whose code it runs: this one belongs to
//! no class loader, and holds a host's class only while it looks.

use crate::failure::Failure;
use crate::host;
use jni::sys::{JavaVMAttachArgs, JNI_VERSION_1_6};
use jni::{JNIEnv, JavaVM};
use python4j_core::Error;
use std::ffi::c_void;
use std::ptr;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// How long the start waits for the thread at most; it needs a thousandth of that.
const TIME_TO_BEGIN: Duration = Duration::from_secs(5);

#[derive(PartialEq)]
enum Stage {
    NotStarted,
    Starting,
    Runs,
}

struct State {
    stage: Stage,
    woken: bool,
}

static STATE: Mutex<State> = Mutex::new(State {
    stage: Stage::NotStarted,
    woken: false,
});
static CHANGED: Condvar = Condvar::new();

fn state() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Has the thread made, unless there is one. It runs `first` before anything else, with no frame of Java's on its stack.
pub(crate) fn start(env: &JNIEnv, first: fn(&mut JNIEnv)) -> Result<(), Failure> {
    let mut state = state();
    if state.stage == Stage::NotStarted {
        let vm = env.get_java_vm()?;
        let made = thread::Builder::new()
            .name("python4j-watch".into())
            .spawn(move || watch(vm, first));
        made.map_err(|error| {
            Error::refused(format!(
                "There is no thread to watch Python's calls: {error}. Deadlines and interrupts need one."
            ))
        })?;
        state.stage = Stage::Starting;
    }
    Ok(())
}

/// Waits until the thread has done what a start needs: after that the end of the JVM is Python's end, too.
pub(crate) fn await_start() {
    let starting = |state: &mut State| state.stage == Stage::Starting;
    drop(CHANGED.wait_timeout_while(state(), TIME_TO_BEGIN, starting));
}

/// Has the thread look now.
pub(crate) fn wake() {
    state().woken = true;
    CHANGED.notify_all();
}

fn watch(vm: JavaVM, first: fn(&mut JNIEnv)) {
    let attached = attach(&vm);
    if let Some(env) = &mut attached.and_then(|()| vm.get_env().ok()) {
        first(env);
    }
    state().stage = Stage::Runs;
    CHANGED.notify_all();
    loop {
        let pause = match vm.get_env() {
            Ok(mut env) => host::look(&mut env),
            Err(_) => return, // the JVM is at its end
        };
        let mut state = state();
        if !state.woken {
            state = match pause {
                Some(pause) => {
                    (CHANGED.wait_timeout(state, pause)).map_or_else(|e| e.into_inner().0, |(state, _)| state)
                }
                None => CHANGED.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
        state.woken = false;
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
extern "system" fn unloaded(_vm: *mut jni::sys::JavaVM, _reserved: *mut c_void) {
    wake();
}
