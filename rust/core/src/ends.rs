// SPDX-License-Identifier: Apache-2.0
//! Has a function called when a thread ends, on that thread.

#[cfg(windows)]
pub(crate) use fibers::register;
#[cfg(not(windows))]
pub(crate) use locals::register;

/// By the destructor of a thread-local value.
#[cfg(not(windows))]
mod locals {
    use std::cell::Cell;

    thread_local! {
        static END: End = const { End(Cell::new(None)) };
    }

    struct End(Cell<Option<fn()>>);

    impl Drop for End {
        fn drop(&mut self) {
            if let Some(function) = self.0.get() {
                function();
            }
        }
    }

    /// Has the function called at the end of this thread. There is one function in a process.
    pub(crate) fn register(function: fn()) {
        let _ = END.try_with(|end| end.0.set(Some(function))); // or the end has begun
    }
}

/// By fiber-local storage. Windows runs the destructors of thread-local values with the loader's lock, which a new thread needs before
/// it begins: if the function waited for a thread that waits for a new one, neither would go on. It ends fiber-local storage without that lock.
#[cfg(windows)]
mod fibers {
    use std::ffi::c_void;
    use std::ptr;
    use std::sync::OnceLock;

    const FROM_ADDRESS_AND_STAYS: u32 = 4 | 1;

    #[link(name = "kernel32")]
    unsafe extern "system" {
        fn FlsAlloc(callback: unsafe extern "system" fn(*const c_void)) -> u32;
        fn FlsSetValue(slot: u32, value: *const c_void) -> i32;
        fn GetModuleHandleExW(flags: u32, address: *const c_void, module: *mut *mut c_void) -> i32;
    }

    #[link(name = "ntdll")]
    unsafe extern "system" {
        fn RtlDllShutdownInProgress() -> u8;
    }

    static SLOT: OnceLock<u32> = OnceLock::new();
    static FUNCTION: OnceLock<fn()> = OnceLock::new();

    /// Has the function called at the end of this thread. There is one function in a process.
    pub(crate) fn register(function: fn()) {
        FUNCTION.get_or_init(|| function);
        // SAFETY: the address is one in this library, which stays in the process from then on, and so does what Windows calls.
        let slot = *SLOT.get_or_init(|| unsafe {
            let mut library = ptr::null_mut();
            GetModuleHandleExW(FROM_ADDRESS_AND_STAYS, ended as *const c_void, &mut library);
            FlsAlloc(ended)
        });
        // SAFETY: the value is only compared with null, which means that there is nothing to end. A slot that Windows had not got is refused.
        unsafe { FlsSetValue(slot, ptr::dangling()) };
    }

    unsafe extern "system" fn ended(_: *const c_void) {
        // SAFETY: the function needs nothing.
        let process_ends = unsafe { RtlDllShutdownInProgress() } != 0; // the other threads are gone, whatever they had locked
        if let (false, Some(function)) = (process_ends, FUNCTION.get()) {
            function();
        }
    }
}
